"""Documents that are zip files of XML: .docx, .pptx, .xlsx, .odt, .epub. Their parts are read within bounds.

Only the part that is asked for is unpacked, by name, and never to disk: a name that leads out of the file is simply
not among its parts. What a part unpacks to is counted while it grows, whatever its header says.
"""

from __future__ import annotations

import contextlib
import posixpath
import zipfile
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from hornbook.corpus.readers.packed import BLOCK, BadRecord, Place, ending, open_bytes, shown
from hornbook.corpus.readers.xml import tree
from hornbook.errors import reason_of

PART = 1 << 26  # bytes of a part, unpacked
WHOLE = 1 << 28  # bytes of all parts that are read
_DEEPEST = 200  # elements inside each other; a table in a table is 3
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"


class Relation(NamedTuple):
    """What a part refers to: the last word of the relation's type, and the name of a part of the same file."""

    kind: str
    name: str


class Package:
    """The parts of one document, by their names; capitals and leading slashes do not count."""

    def __init__(self, opened: zipfile.ZipFile, where: str) -> None:
        self.where = where
        self._opened = opened
        self._parts = {_plain(item.filename): item for item in opened.infolist() if not item.is_dir()}
        self._left = WHOLE

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self._parts

    @property
    def names(self) -> list[str]:
        """The names of all parts as the file has them, in its order."""
        return [item.filename for item in self._parts.values()]

    def read(self, name: str) -> bytes:
        """Return a part. Raises BadRecord, which names it, where it is missing, damaged, encrypted or too large."""
        item = self._parts.get(_plain(name))
        if item is None:
            raise BadRecord(f"{self.where} has no part {name!a}. Restore it.", "a part is missing")
        if item.flag_bits & 1:
            raise BadRecord(f"{self.where} is encrypted. Save it without a password.", "encrypted")
        pieces: list[bytes] = []
        size = 0
        with self._opened.open(item) as stream:
            while piece := stream.read(BLOCK):
                pieces.append(piece)
                size += len(piece)
                if size > PART or size > self._left:
                    reason = "a part unpacks to too much"
                    raise BadRecord(f"{self.where}: its part {name!a} unpacks to more than {PART:,} bytes.", reason)
        self._left -= size
        return b"".join(pieces)

    def xml(self, name: str) -> Element:
        """Return the root of a part of XML. Raises BadRecord as `read` does, and where it is not sound."""
        return self.parsed(self.read(name), name)

    def parsed(self, data: bytes, name: str) -> Element:
        """Return the root of the XML of a part, whose elements are nested no deeper than readers can follow."""
        where = f"{self.where}, part {name!a},"
        root = tree(data, where)
        depth, level = 0, [root]
        while level:
            depth, level = depth + 1, [child for element in level for child in element]
            if depth > _DEEPEST:
                raise BadRecord(f"{where} has elements nested {_DEEPEST} deep.", "XML nested too deeply")
        return root

    def optional(self, name: str) -> Element | None:
        """Return the root of a part of XML that a document can do without; one that is missing or damaged is none."""
        try:
            return self.xml(name) if name in self else None
        except BadRecord as error:
            if error.reason in ("not sound XML", "a part is missing"):
                return None
            raise

    def relations(self, name: str) -> dict[str, Relation]:
        """Return what a part refers to inside the file, by the ids that it uses; addresses outside are left out."""
        folder, _, last = name.rpartition("/")
        root = self.optional(f"{folder}/_rels/{last}.rels" if folder else f"_rels/{last}.rels")
        found: dict[str, Relation] = {}
        for item in () if root is None else root.iter(_RELATIONS):
            if item.get("TargetMode") != "External":
                target = resolved(folder, item.get("Target", ""))
                found[item.get("Id", "")] = Relation(item.get("Type", "").rpartition("/")[2], target)
        return found


def _plain(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def resolved(folder: str, target: str) -> str:
    """Return the name of a part that is given relative to a folder inside the file."""
    target = unquote(target).partition("#")[0]
    return posixpath.normpath(target if target.startswith("/") else posixpath.join(folder, target)).lstrip("/")


@contextlib.contextmanager
def opened(place: Place) -> Iterator[Package]:
    """Open a document. Raises BadRecord, here and inside, for whatever is wrong with it."""
    where = shown(place)
    try:
        with open_bytes(place) as stream:
            start = stream.read(8)
            if start == _OLD_OFFICE:
                encrypted = _ENCRYPTED in start + stream.read(BLOCK)
                if encrypted:
                    raise BadRecord(f"{where} is encrypted. Save it without a password.", "encrypted")
                new = "pptx" if ending(place).startswith(".pp") else "xlsx" if ending(place) == ".xls" else "docx"
                message = f"{where} is in the old Office format. Convert it: soffice --convert-to {new} FILE"
                raise BadRecord(message, "old Office format")
            stream.seek(0)
            with zipfile.ZipFile(stream) as archive:
                yield Package(archive, where)
    except (BadRecord, MemoryError, GeneratorExit):
        raise
    except Exception as error:  # zipfile raises whatever its bytes lead it to
        message = f"{where} cannot be read ({reason_of(error)}). Restore it."
        raise BadRecord(message, "damaged document") from error
