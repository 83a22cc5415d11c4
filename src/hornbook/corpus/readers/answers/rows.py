"""Posts.xml -> its rows: each `<row .../>` is cut out of the bytes and parsed by itself, by expat.

In well-formed XML no value of an attribute has a `<`, so a row reaches to the next one. Cut like this a broken row
costs itself alone, a row of any length costs no more memory than LONGEST, and expat, which is in Python, reads the
attributes. There is nothing else in these files: a DOCTYPE, a CDATA section or an entity of its own is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.parsers import expat

LONGEST = 1 << 24  # bytes of a row; a post has at most 30,000 characters (as HTML, with its entities, some 300 KB)
_MOST = 1 << 20  # bytes of rows that are parsed together
_TOGETHER = 64  # rows that one parser reads: to make one for each takes as long as to read it
TABLES = {
    "posts": "posts", "comments": "comments", "users": "users", "votes": "votes", "badges": "badges", "tags": "tags",
    "posthistory": "the history of posts", "postlinks": "links between posts",
}  # fmt: skip
_ROOT = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>)?\s*<(" + "|".join(TABLES).encode() + rb")\s*>\s*<row\s")
_EMPTY = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>)?\s*<(posthistory|postlinks)\s*(?:/>|>\s*</)")
# References to control characters, which XML forbids and old dumps have.
_CONTROLS = re.compile(rb"&#(?:x(?:0*(?:[0-8bcBC]|1?[eE]|1[0-9a-fA-F]))|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]));")


class BrokenRow(ValueError):
    """A row that cannot be read; the message says why in few words."""


class BrokenTable(ValueError):
    """Markup that no table of a dump has; the message says which."""


def table_of(start: bytes) -> str:
    """Return which table of a dump a file is, by its first bytes; "" for another file."""
    found = _ROOT.match(start) or _EMPTY.match(start)
    return found[1].decode() if found else ""


def rows(pieces: Iterable[bytes]) -> Iterator[dict[str, str] | BrokenRow]:
    """Yield the attributes of each row, or why it cannot be read. Raises BrokenTable, also where the end is missing."""
    root = b""
    ended = False
    held: list[bytes] = []
    size = 0
    for item in _items(pieces):
        if item is not None and item.startswith(b"row") and item[3:4].isspace():
            held.append(item)
            size += len(item)
            if len(held) == _TOGETHER or size > _MOST:
                yield from _parsed(held)
                held, size = [], 0
            continue
        yield from _parsed(held)
        held, size = [], 0
        if item is None:
            yield BrokenRow(f"row longer than {LONGEST >> 20} MiB")
        elif root and item.startswith(b"/" + root):
            ended = True
        elif item.startswith((b"?", b"!--")) and b">" in item:
            continue
        elif item.startswith(b"!"):
            raise BrokenTable("markup that no dump has: " + item[:9].decode("ascii", "replace").rstrip())
        elif not root:
            root, ended = item.partition(b">")[0].rstrip(b" /"), item.rstrip().endswith(b"/>")
        else:
            yield BrokenRow("markup other than rows")
    yield from _parsed(held)
    if not ended:
        raise BrokenTable("cut off before its end")


def _parsed(items: list[bytes]) -> Iterator[dict[str, str] | BrokenRow]:
    """Yield rows that are parsed together, or where one of them is broken each by itself."""
    if not items:
        return
    try:
        found = _attributes(b"<rows><" + b"<".join(items) + b"</rows>")
    except expat.ExpatError:
        yield from map(_row, items)
        return
    yield from found if len(found) == len(items) else map(_row, items)


def _row(item: bytes) -> dict[str, str] | BrokenRow:
    data = b"<" + item
    for tried in (data, _CONTROLS.sub(b"", data)):
        try:
            return _attributes(tried)[0]
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
    return BrokenRow(f"not valid XML: {reason}")


def _attributes(data: bytes) -> list[dict[str, str]]:
    """Return the attributes of the elements `row`."""
    found: list[dict[str, str]] = []
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = lambda name, attributes: found.append(attributes) if name == "row" else None
    parser.Parse(data, True)
    return found


def _items(pieces: Iterable[bytes]) -> Iterator[bytes | None]:
    """Yield what stands behind each `<` up to the next one; None for an item that is too long."""
    held: list[bytes] = []
    size = 0
    within = False
    for piece in pieces:
        first, *others = piece.split(b"<")
        if within and size <= LONGEST:
            held.append(first)
            size += len(first)
        for other in others:
            if within:
                yield b"".join(held) if size <= LONGEST else None
            within, held, size = True, [other], len(other)
        if size > LONGEST:
            held = []
    if within:
        yield b"".join(held) if size <= LONGEST else None
