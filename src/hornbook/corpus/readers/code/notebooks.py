"""Jupyter notebooks (.ipynb, nbformat 3 and 4) -> text: cells in order, outputs left out unless asked for.

The format is JSON and read as such. nbformat is as fast, but a dependency of its own for a list of cells, and refuses
notebooks whose version it does not know, though their cells are sound.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hornbook.corpus.readers.packed import BadRecord, Place, shown
from hornbook.corpus.readers.record import LONGEST, Part, Reading, Record, noted
from hornbook.corpus.readers.tables import file_text
from hornbook.schema import Count, check

LANGUAGE = "Jupyter Notebook"
_SPOKEN = {"python": "Python", "r": "R", "julia": "Julia", "javascript": "JavaScript", "typescript": "TypeScript",
           "scala": "Scala", "c++": "C++", "c++11": "C++", "c++14": "C++", "c++17": "C++", "ruby": "Ruby",
           "bash": "Shell", "sql": "SQL", "haskell": "Haskell", "ocaml": "OCaml", "rust": "Rust", "go": "Go",
           "kotlin": "Kotlin", "java": "Java", "c#": "C#", "f#": "F#", "sagemath": "Sage", "sage": "Sage",
           "octave": "MATLAB", "matlab": "MATLAB", "perl": "Perl", "lua": "Lua", "powershell": "PowerShell",
           "clojure": "Clojure", "wolfram language": "Wolfram Language", "groovy": "Groovy"}  # fmt: skip
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PICTURE = re.compile(r"data:[\w/.+-]+;base64,[A-Za-z0-9+/=]*")
_COMMENTS = {"javascript": "//", "typescript": "//", "scala": "//", "c++": "//", "rust": "//", "go": "//", "java": "//",
             "kotlin": "//", "c#": "//", "f#": "//", "groovy": "//", "sql": "--", "haskell": "--", "lua": "--",
             "matlab": "%", "octave": "%", "clojure": ";;"}  # fmt: skip


@dataclass(frozen=True)
class Notebook:
    """The cells of a Jupyter notebook as one text.

    cells     text: words as they are, code between fences; script: code as it is, words as comments behind `# %%`; code
    outputs   characters of each printed output that are kept; 0 = none. Pictures never are
    """

    cells: Literal["text", "script", "code"] = "text"
    outputs: Count = 0

    def __post_init__(self) -> None:
        check(self, "notebook.")

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the notebook, if a cell of it holds something. Raises BadRecord, which names it, for broken JSON."""
        pieces, encoding = file_text(place, reading)
        held: list[str] = []
        size = 0
        for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size > LONGEST:
                raise BadRecord(f"{shown(place)} is longer than {LONGEST:,} characters.", "too long a notebook")
        text = "".join(held)
        if not text.strip():
            reading.pass_over("empty notebook")
            return
        try:
            book = json.loads(text)
        except (ValueError, RecursionError) as error:
            message = f"{shown(place)} is no notebook: it is not valid JSON ({error}). Open and save it again."
            raise BadRecord(message, "not valid JSON", getattr(error, "lineno", 0)) from error
        cells = _cells(book)
        if cells is None:
            raise BadRecord(f"{shown(place)} is no notebook: it has no list of cells.", "not a notebook")
        language = _language(book)
        body = "\n\n".join(filter(None, (self._cell(cell, language) for cell in cells)))
        if not body:
            reading.pass_over("empty notebook")
            return
        meta = {"programming_language": _SPOKEN.get(language, language.capitalize())} if language else {}
        yield noted(Record(1, body + "\n", meta), encoding)

    def _cell(self, cell: Any, language: str) -> str:
        """Return one cell, "" for one that is empty or is not wanted."""
        if not isinstance(cell, Mapping):
            return ""
        kind = cell.get("cell_type")
        source = _joined(cell.get("source", cell.get("input", "")))
        source = source.strip("\n").rstrip()
        if not source.strip():
            return ""
        comment = _COMMENTS.get(language, "#")
        if kind == "code":
            printed = self._printed(cell)
            if self.cells == "text":
                code = _fenced(source, language)
                return f"{code}\n\n{_fenced(printed, '')}" if printed else code
            code = f"{comment} %%\n{source}" if self.cells == "script" else source
            return f"{code}\n\n{_commented(printed, comment)}" if printed else code
        if self.cells == "code":
            return ""
        source = _PICTURE.sub("", source)
        if kind == "heading":  # nbformat 3
            level = cell.get("level", 1)
            source = f"{'#' * level if isinstance(level, int) and 0 < level < 7 else '#'} {source}"
        if self.cells == "text":
            return source
        return f"{comment} %% [{kind if kind == 'raw' else 'markdown'}]\n{_commented(source, comment)}"

    def _printed(self, cell: Mapping[str, Any]) -> str:
        """Return what a cell printed, cut to the setting's length, without colours of terminals."""
        found = cell.get("outputs") if self.outputs else None
        parts: list[str] = []
        for output in found if isinstance(found, list) else ():
            if not isinstance(output, Mapping):
                continue
            data = output.get("data")
            plain = data.get("text/plain", "") if isinstance(data, Mapping) else ""
            parts.append(_ESCAPES.sub("", _joined(output.get("text", "")) or _joined(plain)).strip("\n"))
        return "\n".join(filter(None, (part[: self.outputs].rstrip() for part in parts)))


def _cells(book: Any) -> list[Any] | None:
    """Return the cells of nbformat 4, or of the sheets of nbformat 3; None where there is no such list."""
    if not isinstance(book, Mapping):
        return None
    if isinstance(book.get("cells"), list):
        return list(book["cells"])
    if isinstance(book.get("worksheets"), list):
        sheets = [sheet.get("cells") for sheet in book["worksheets"] if isinstance(sheet, Mapping)]
        return [cell for cells in sheets if isinstance(cells, list) for cell in cells]
    return None


def _language(book: Mapping[str, Any]) -> str:
    """Return the language of a notebook's code in lower case, "" where it does not say it."""
    meta = book.get("metadata")
    if isinstance(meta, Mapping):
        for part, name in (("language_info", "name"), ("kernelspec", "language"), ("kernelspec", "name")):
            told = meta.get(part)
            value = told.get(name) if isinstance(told, Mapping) else None
            if isinstance(value, str) and value:
                return re.sub(r"(?<=[a-z])[\d.]+$", "", value.lower()) or value.lower()
    cells = _cells(book) or []
    told = [cell.get("language") for cell in cells if isinstance(cell, Mapping) and cell.get("cell_type") == "code"]
    return str(told[0]).lower() if told and isinstance(told[0], str) else ""


def _joined(value: Any) -> str:
    """Return a text that the format keeps whole or as a list of lines."""
    if isinstance(value, list):
        value = "".join(item for item in value if isinstance(item, str))
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode().replace("\r\n", "\n")  # halves of surrogate pairs from \\ud83d


def _fenced(text: str, language: str) -> str:
    """Return a text between fences that are longer than any in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`{3,}", text)), default=0))
    return f"{fence}{language.replace(' ', '-')}\n{text}\n{fence}"


def _commented(text: str, sign: str) -> str:
    return "\n".join(f"{sign} {line}".rstrip() for line in text.split("\n"))
