r"""Rich Text Format (.rtf) -> one document a file.

Read by us: striprtf, the library that is often used, joins cells without a sign, keeps hidden and deleted text, reads
`\binN` data as text, and knows no headings. The words of the format are those of Microsoft's RTF 1.9.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hornbook.corpus.readers.facts import date_of, known
from hornbook.corpus.readers.files.office.rtf_words import CHARSETS, ESCAPED, SEEN, SIGNS, UNSEEN, codec_of, lettered
from hornbook.corpus.readers.files.prose import Prose, superscript
from hornbook.corpus.readers.packed import BadRecord, Place, shown, unpacked
from hornbook.corpus.readers.record import LONGEST, Part, Reading, Record

_TOKEN = re.compile(
    rb"\\([A-Za-z]{1,32})(-?\d{1,10})?[ ]?|\\'([0-9A-Fa-f]{2})|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.DOTALL
)
_DEEPEST = 10_000  # groups inside each other
_LABELS = ("listtext", "pntext")
_FACTS = ("title", "author", "keywords")


@dataclass
class _Group:
    """What holds in a group and those inside it.

    kind      the word that the group begins with, where it is one that counts
    unseen    whether its text is left out
    hidden    whether the text is formatted as hidden or deleted
    skip      characters that stand for one of Unicode, for readers that do not know it
    """

    kind: str = ""
    unseen: bool = False
    hidden: bool = False
    raised: bool = False
    codec: str = "cp1252"
    skip: int = 1
    begins: bool = True
    optional: bool = False


@dataclass(frozen=True)
class Rtf:
    """Read .rtf files.

    notes   add footnotes and endnotes, as paragraphs at the end
    """

    notes: bool = True

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of the file."""
        where = shown(place)
        data = bytearray()
        for piece in unpacked(place):
            data += piece
            if len(data) > LONGEST:
                raise BadRecord(f"{where} is longer than {LONGEST:,} bytes.", "too long a document")
        if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf"):
            raise BadRecord(f"{where} does not begin as RTF does. Give it the ending that it is.", "no RTF")
        reader = _Reader(where)
        reader.read(bytes(data))
        prose = reader.prose
        if self.notes:
            for note in reader.notes:
                prose.blocks += note.closed()
        yield Record(1, prose.text(), {**reader.facts(), **known(sections=prose.sections)})


@dataclass
class _Reader:
    """Reads the tokens of a file; `prose` is the text, `notes` are those that were met."""

    where: str
    prose: Prose = field(default_factory=Prose)
    notes: list[Prose] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._groups: list[_Group] = []
        self._bytes = bytearray()
        self._units: list[int] = []
        self._to_skip = 0
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._headings: set[int] = set()
        self._style = (0, "")  # the number of the style that is being told of, and its name so far
        self._level = 9
        self._label = ""
        self._in_table = False
        self._cells: list[Prose] = []
        self._rows: list[list[Prose]] = []
        self._around: list[tuple[int, Prose]] = []  # of each open note: the groups around it, the text around it
        self._about: dict[str, str] = {}
        self._date: dict[str, int] = {}
        self._default = "cp1252"
        self._code = ""

    def facts(self) -> dict[str, object]:
        date = date_of(*(str(self._date.get(part, "")) for part in ("yr", "mo", "dy")))
        tags = [word for part in re.split("[,;]", self._about.get("keywords", "")) if (word := part.strip())]
        title, author = (self._about.get(name, "").strip() for name in ("title", "author"))
        return known(title=title, authors=[author] if author else [], date=date, tags=tags)

    def read(self, data: bytes) -> None:
        place = 0
        while place < len(data):
            found = _TOKEN.match(data, place)
            if found is None:  # a backslash at the very end
                break
            place = found.end()
            word, number, code, sign, brace, text = found.groups()
            if brace:
                self._flush()
                if brace == b"{":
                    self._open()
                elif not self._groups:
                    break
                else:
                    self._close()
                    if not self._groups:
                        self._finish()
                        return
            elif not self._groups:
                continue
            elif word:
                name, value = word.decode("ascii"), None if number is None else int(number)
                if name == "bin":
                    place += max(value or 0, 0)
                self._word(name, value)
            elif code:
                self._text(bytes.fromhex(code.decode()))
            elif sign:
                self._sign(sign)
            elif text:
                self._text(text)
        raise BadRecord(f"{self.where} ends before its text does: it is cut. Restore it.", "cut RTF")

    def _finish(self) -> None:
        self._in_table = False
        self._paragraph()

    def _open(self) -> None:
        if len(self._groups) >= _DEEPEST:
            raise BadRecord(f"{self.where} has groups nested {_DEEPEST:,} deep.", "RTF nested too deeply")
        outer = self._groups[-1] if self._groups else _Group()
        self._groups.append(replace(outer, begins=True, optional=False))
        self._to_skip = 0

    def _close(self) -> None:
        group = self._groups.pop()
        if self._around and self._around[-1][0] == len(self._groups):
            self._paragraph()
            self.prose.end()
            self.notes.append(self.prose)
            self.prose = self._around.pop()[1]
        if group.kind == "stylesheet" and self._style[1]:
            if re.match(r"(?:heading \d|title)\b", self._style[1].strip(), re.IGNORECASE):
                self._headings.add(self._style[0])
            self._style = (0, "")

    def _flush(self) -> None:
        """Turn waiting bytes and units of UTF-16 into text."""
        if self._units:
            data = b"".join(unit.to_bytes(2, "little") for unit in self._units)
            self._units.clear()
            self._write(lettered(data.decode("utf-16-le", "replace")))
        if self._bytes:
            data = bytes(self._bytes)
            self._bytes.clear()
            self._write(data.decode(self._groups[-1].codec if self._groups else self._default, "replace"))

    def _text(self, data: bytes) -> None:
        group = self._groups[-1]
        group.begins = False
        if self._to_skip:
            skipped = min(self._to_skip, len(data))
            self._to_skip -= skipped
            data = data[skipped:]
        if not data or (group.unseen and group.kind not in (*_FACTS, "fldinst", "stylesheet")):
            return
        if self._units:
            self._flush()
        self._bytes += data

    def _write(self, text: str) -> None:
        group = self._groups[-1]
        if group.kind in _FACTS and group.unseen:
            self._about[group.kind] = self._about.get(group.kind, "") + text
        elif group.kind == "fldinst":
            self._code += text
        elif group.kind == "stylesheet":
            self._style = (self._style[0], self._style[1] + text)
        elif group.kind in _LABELS:
            self._label += text
        elif not group.unseen and not group.hidden:
            raised = superscript(self.prose.since(max(self.prose.mark - 3, 0)), text) if group.raised else text
            self.prose.write(raised)

    def _sign(self, sign: bytes) -> None:
        self._flush()
        group = self._groups[-1]
        if sign == b"*":
            group.optional = True
        elif sign in ESCAPED:
            if self._to_skip:
                self._to_skip -= 1
            elif not group.unseen:
                self._write(ESCAPED[sign])
        elif sign in b"\r\n":
            self._word("par", None)

    def _word(self, name: str, value: int | None) -> None:
        group = self._groups[-1]
        if name == "u":
            if not self._to_skip or self._units:
                self._unit(value or 0)
            return
        self._flush()
        self._to_skip = 0
        if group.begins:
            group.begins = False
            self._begin(name, group)
        if name in ("uc", "v", "deleted", "plain", "super", "nosupersub", "up"):
            _format(name, value, group)
        elif name in ("f", "fcharset", "cpg", "ansicpg", "mac", "pc", "pca"):
            self._codepage(name, value or 0, group)
        elif group.kind == "stylesheet" and name == "s":
            self._style = (value or 0, "")
        elif group.kind == "creatim" and name in ("yr", "mo", "dy"):
            self._date[name] = min(max(value or 0, 0), 9999)
        elif not group.unseen:
            self._layout(name, value, group)

    def _unit(self, value: int) -> None:
        if self._bytes:
            self._flush()
        group = self._groups[-1]
        group.begins = False
        if not group.unseen or group.kind in _FACTS:
            self._units.append(value & 0xFFFF)
        self._to_skip = group.skip

    def _begin(self, name: str, group: _Group) -> None:
        """Learn from the first word of a group what it is."""
        if name == "footnote":
            self._around.append((len(self._groups) - 1, self.prose))
            self.prose, self._label = Prose(), ""
        elif name == "field":
            self._code = ""
        elif name == "fldrslt":
            if self._code.split()[:1] in (["TOC"], ["PAGE"], ["NUMPAGES"], ["INDEX"]):
                group.unseen = True
        elif name in _LABELS:
            group.kind, self._label = name, ""
        elif name in UNSEEN or (group.optional and name not in SEEN):
            inside_info = group.kind == "info" and name in (*_FACTS, "creatim")
            group.unseen = True
            known = (*_FACTS, "creatim", "info", "stylesheet", "fonttbl", "fldinst")
            group.kind = name if name in known and (inside_info or name not in (*_FACTS, "creatim")) else ""

    def _codepage(self, name: str, value: int, group: _Group) -> None:
        if name == "f":
            self._font = value
            if group.kind != "fonttbl":
                group.codec = self._fonts.get(value, self._default)
        elif name == "fcharset" and group.kind == "fonttbl":
            if value in CHARSETS and value:
                self._fonts[self._font] = CHARSETS[value]
        elif name == "cpg" and group.kind == "fonttbl":
            self._fonts[self._font] = codec_of(value)
        elif name in ("ansicpg", "mac", "pc", "pca"):
            pages = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
            self._default = group.codec = pages.get(name) or codec_of(value)

    def _layout(self, name: str, value: int | None, group: _Group) -> None:
        """Heed a word of the shape of paragraphs and tables."""
        if name in SIGNS:
            if group.kind in _LABELS:
                self._label += SIGNS[name]
            elif not group.hidden:
                self.prose.write(SIGNS[name])
        elif name in ("par", "sect", "page"):
            if group.kind not in _LABELS:
                self._paragraph()
        elif name == "pard":
            self._in_table, self._level = False, 9
        elif name == "intbl":
            self._in_table = True
        elif name == "outlinelevel":
            self._level = 9 if value is None else value
        elif name == "s":
            self._level = 0 if value in self._headings else self._level
        elif name == "cell":
            self._end_cell()
        elif name == "row" and self._cells:
            self._rows.append(self._cells)
            self._cells = []

    def _end_cell(self) -> None:
        cell = Prose()
        cell.write(self._labelled(self.prose.cut(0)))
        cell.end()
        self._cells.append(cell)

    def _labelled(self, text: str) -> str:
        label, self._label = " ".join(self._label.split()), ""
        return ("- " if not label[:1].isalnum() and len(label) == 1 else f"{label} ") + text if label else text

    def _end_table(self) -> None:
        rows, self._rows = [*self._rows, *([self._cells] if self._cells else [])], []
        self._cells = []
        if rows:
            text = self.prose.cut(0)
            self.prose.table(rows)
            self.prose.write(text)

    def _paragraph(self) -> None:
        if self._in_table:
            self.prose.write("\n\n")
            return
        self._end_table()
        text = self.prose.cut(0)
        is_heading = self._level < 9
        if self._label.strip() and text.strip() and not is_heading:
            label = self._labelled("")
            self.prose.item(label)
        else:
            text = self._labelled(text) if text.strip() else text
        self.prose.write(text)
        self.prose.end("heading" if is_heading else "paragraph")
        self.prose.end_item()
        self._label = ""


def _format(name: str, value: int | None, group: _Group) -> None:
    """Heed a word of the format of letters."""
    if name == "uc":
        group.skip = min(max(value or 0, 0), 100)
    elif name in ("v", "deleted"):
        group.hidden = value != 0
    elif name == "plain":
        group.hidden = group.raised = False
    else:
        group.raised = name == "super" or (name == "up" and bool(value))
