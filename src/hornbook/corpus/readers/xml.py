"""XML that anyone may have written: it declares no entities, nothing outside is loaded, depth and size are bounded.

A document that declares entities is refused before they can be used, so that ten lines cannot become gigabytes, and
none can name a file or an address. The parser is Python's own (expat), which loads nothing by itself. Where a document
names a DTD, its entities are the public ones of ISO 8879 and HTML, such as &alpha;, so these are known without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from html.entities import html5
from typing import cast
from xml.etree.ElementTree import Element, ParseError, XMLParser, XMLPullParser
from xml.parsers import expat

from hornbook.corpus.readers.packed import BadRecord, Place, shown, unpacked
from hornbook.corpus.readers.record import LONGEST

_DEEPEST = 1_000  # elements inside each other
_PUBLIC = {name.rstrip(";"): sign for name, sign in html5.items() if name.endswith(";")}
_STEP = 1 << 16  # bytes at once, so that an element's size is known soon


class _Begun(Exception):
    """The first element was met."""


def events(place: Place, tags: Collection[str]) -> Iterator[Element]:
    """Yield each whole element of these tags in a file, unpacked, in order of their ends; what was yielded is freed.

    A tag is written {NAMESPACE}NAME. An element inside a yielded one stays in it, and comes before it where its tag is
    among `tags`. Raises BadRecord for what is no XML or declares entities, and above LONGEST bytes without an end.
    """
    yield from _events(unpacked(place), tags, shown(place))


def tree(data: bytes, where: str) -> Element:
    """Return the root of a whole document; `where` names it in the BadRecord that is raised where it is not sound."""
    root: Element | None = None
    for element in _events([data], (), where):
        root = element
    assert root is not None
    return root


def _events(pieces: Iterable[bytes], tags: Collection[str], where: str) -> Iterator[Element]:
    """Yield the elements of these tags; the root where no tag is named."""
    expat_parser = XMLParser()
    expat_parser.entity.update(_PUBLIC)
    parser: XMLPullParser[Element] = XMLPullParser(("start", "end"), _parser=expat_parser)
    guard = _Guard()
    path: list[Element] = []
    inside = since = 0
    try:
        for piece in pieces:
            for begin in range(0, len(piece), _STEP):
                step = piece[begin : begin + _STEP]
                guard.feed(step)
                parser.feed(step)
                since += len(step)
                for event, element in cast(Iterator[tuple[str, Element]], parser.read_events()):
                    if event == "start":
                        path.append(element)
                        inside += element.tag in tags
                        if len(path) > _DEEPEST:
                            raise BadRecord(f"{where} has elements nested {_DEEPEST:,} deep.", "XML nested too deeply")
                        continue
                    path.pop()
                    if element.tag in tags:
                        yield element
                        inside -= 1
                    if tags and not inside:
                        since = 0
                        element.clear()
                        if path:
                            path[-1].remove(element)
                    elif not path:
                        yield element
                if since > LONGEST:
                    raise BadRecord(f"{where} has an element above {LONGEST:,} bytes.", "too long an element")
        parser.close()
    except (ParseError, expat.ExpatError) as error:
        raise BadRecord(f"{where} is not sound XML ({error}). Restore it.", "not sound XML") from error
    except _Entity as error:
        message = f"{where} declares entities of its own (&{error};), which may name files or grow without end."
        raise BadRecord(message, "XML that declares entities") from error


class _Entity(Exception):
    """An entity is declared; the message is its name."""


class _Guard:
    """A second parser, for what stands before the first element: only there can entities be declared."""

    def __init__(self) -> None:
        self._parser: expat.XMLParserType | None = expat.ParserCreate()
        self._parser.EntityDeclHandler = self._declared
        self._parser.StartElementHandler = self._begun
        self._parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def feed(self, data: bytes) -> None:
        if self._parser is None:
            return
        try:
            self._parser.Parse(data, False)
        except _Begun:
            self._parser = None

    def _declared(self, name: str, *rest: object) -> None:
        raise _Entity(name)

    def _begun(self, *rest: object) -> None:
        raise _Begun
