r"""The files of one paper: which are main files, by the rules of arXiv, and where what they put in is found.

A file that leads a paper has \documentclass (or \documentstyle) and \begin{document}. Of several, all count as arXiv
sets them, in the order of their names, without those that another one puts in, those of the classes standalone and
subfiles, and those that a 00README leaves out; if a 00README names any, these alone count
(https://info.arxiv.org/help/00README.html, both of its forms).
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hornbook.corpus.readers.encodings import UTF8, Encoding, Undecodable, decode
from hornbook.corpus.readers.packed import other_format
from hornbook.corpus.readers.record import no_more

LARGEST = 1 << 23  # bytes of a file of LaTeX; a larger one is data
_HEAD = 1 << 16  # characters in which a file says what it is
_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_CLASS = re.compile(r"\\document(class|style)\s{0,99}(?:\[[^\]]{0,2000}\])?\s{0,99}\{([^}]{0,99})\}")
_ENCODING = re.compile(
    r"\\(?:usepackage|RequirePackage)\s?\[([^\]]{0,99})\]\s?\{inputenc\}|\\inputencoding\{([^}]{0,99})\}"
)
_INPUT = re.compile(
    r"\\(?:input|include|subfile|subfileinclude|(?:sub)?import\*?\s*\{([^{}]*)\}|(?:input|include)from\s*\{([^{}]*)\})\s*"
    r"(?:\{\s*\"?([^{}\"\n]+?)\"?\s*\}|([^\s{}\\]+))"
)
_CODECS = {
    "latin1": "iso8859-1", "latin2": "iso8859-2", "latin3": "iso8859-3", "latin4": "iso8859-4", "latin5": "iso8859-9",
    "latin9": "iso8859-15", "latin10": "iso8859-16", "ansinew": "cp1252", "cp1252": "cp1252", "cp1250": "cp1250",
    "cp1251": "cp1251", "cp1257": "cp1257", "cp437": "cp437", "cp850": "cp850", "cp852": "cp852", "cp865": "cp865",
    "cp866": "cp866", "applemac": "mac_roman", "macce": "mac_latin2", "koi8-r": "koi8_r", "koi8-ru": "koi8_u",
    "decmulti": "iso8859-1",
}  # fmt: skip
# What says of a source without a class that it is no LaTeX, and its name.
_OTHERS = (
    (re.compile(r"\\input\s*\{?\s*(?:amstex|amsppt)|\\documentstyle\s*\{?amsppt"), "AMS-TeX"),
    (re.compile(r"\\input\s*\{?\s*(?:harvmac|lanlmac)"), "plain TeX (harvmac)"),
    (re.compile(r"\\input\s*\{?\s*phyzzx|\\PHYZZX"), "plain TeX (phyzzx)"),
    (re.compile(r"\\input\s*\{?\s*texinfo|^@settitle", re.MULTILINE), "Texinfo"),
    (re.compile(r"\\starttext|\\startdocument|\\setuppapersize"), "ConTeXt"),
    (
        re.compile(r"\\magnification|\\bye\b|\\nopagenumbers|\\input\s*\{?\s*(?:epsf|jnl|eplain|mssymb)|\\font\\"),
        "plain TeX",
    ),
)
_UNREAD = {".eps", ".ps", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".bst", ".cls", ".bib", ".bbl", ".cry", ".zip",
           ".gz", ".mp4", ".avi", ".svg", ".log", ".aux", ".out", ".toc", ".fig", ".dat", ".csv", ".mps",
           ".pfb", ".ttf", ".bbx"}  # fmt: skip


def said_encoding(source: str) -> str:
    """Return the codec that a preamble names, "" where it names none."""
    found = _ENCODING.search(_COMMENT.sub("", source[:_HEAD]))
    names = (found[1] or found[2] or "").split(",") if found else []
    return next((_CODECS[name.strip()] for name in names if name.strip() in _CODECS), "")


def decoded_source(data: bytes, said: str = "") -> tuple[str, Encoding]:
    """Return a source's text and how it is written where that was guessed: UTF-8, else what it says, else a guess.

    Raises Undecodable.
    """
    try:
        return data.decode("utf-8-sig"), UTF8
    except UnicodeDecodeError:
        pass
    if codec := said or said_encoding(data[:_HEAD].decode("latin-1")):
        return data.decode(codec, "replace"), UTF8
    text, encoding = decode(data, no_more)
    if encoding.other and encoding.errors == "strict":  # a few letters: TeX without inputenc is nearly always Western
        return data.decode("cp1252", "replace"), encoding._replace(codec="cp1252", other=encoding.codec)
    return text, encoding


def uncommented(source: str) -> str:
    return _COMMENT.sub("", source.replace("\r\n", "\n").replace("\r", "\n"))


def other_tex(source: str) -> str:
    """Return the name of the format of TeX that a source is in, "" for LaTeX and for what may be a part of it."""
    start = uncommented(source)
    if "\\begin{document}" in start:
        return ""
    named = next((name for pattern, name in _OTHERS if pattern.search(start[:_HEAD])), "")
    if not named and re.search(r"\\bye\s*\Z|\\end\s*\Z", start):
        named = "plain TeX"
    return "" if _CLASS.search(start) and named != "AMS-TeX" else named


def leads(source: str) -> bool:
    """Say whether a source is a whole document of LaTeX and no part that can be set by itself."""
    start = uncommented(source)
    found = _CLASS.search(start)
    return found is not None and "\\begin{document}" in start and found[2].strip() not in ("standalone", "subfiles")


def inputs(source: str, folder: str = "") -> Iterator[str]:
    """Yield the names of the files that a source puts in, from the folder that its main file is in."""
    for found in _INPUT.finditer(uncommented(source)):
        name = (found[3] or found[4] or "").strip()
        base = (found[1] or found[2] or "").strip()
        yield posixpath.normpath(posixpath.join(folder, base, name))


@dataclass
class Project:
    """The files of a paper that came in an archive, by their names."""

    files: dict[str, bytes] = field(default_factory=dict)
    said: str = ""
    guessed: Encoding = UTF8

    def add(self, name: str, data: bytes) -> None:
        """Keep a file if it may be LaTeX, or says what the others are."""
        if is_wanted(name, len(data)) and not other_format(data[:4096]):
            self.files[posixpath.normpath(name)] = data

    def source(self, name: str) -> str:
        """Return a file as text. Raises Undecodable."""
        text, encoding = decoded_source(self.files[name], self.said)
        self.guessed = encoding if encoding.note else self.guessed
        return text

    def find(self, name: str, folder: str) -> str | None:
        """Return the source of a file that is put in, None where there is none."""
        for full in candidates(name, folder):
            if full in self.files:
                try:
                    return self.source(full)
                except Undecodable:
                    return None
        return None

    def mains(self) -> list[str]:
        """Return the names of the main files, in order."""
        named, ignored = self._readme()
        if named:
            return [name for name in named if name in self.files]
        sources = {name: self._text(name) for name in sorted(self.files) if name not in ignored and _is_source(name)}
        found = [name for name, source in sources.items() if leads(source)]
        if len(found) > 1:
            parts = {part for name in sources for part in self._parts(name)}
            found = [name for name in found if name not in parts] or found
        if found:
            return found
        single = [name for name, source in sources.items() if _CLASS.search(uncommented(source))]
        return single or [name for name, source in sources.items() if re.search(r"\\[a-z]{3}", source)][:1]

    def _text(self, name: str) -> str:
        return self.files[name].decode("latin-1")

    def _parts(self, name: str) -> Iterator[str]:
        """Yield the files of the paper that a file puts in."""
        for part in inputs(self._text(name)):
            for full in candidates(part, posixpath.dirname(name)):
                if full in self.files and full != name:
                    yield full

    def _readme(self) -> tuple[list[str], set[str]]:
        """Return the main files that a 00README names, and the files that it leaves out."""
        text = next((self._text(name) for name in sorted(self.files) if name.lower().startswith("00readme")), "")
        pairs: list[tuple[str, str]] = []
        try:
            told = json.loads(text)
            pairs = [(item["filename"], item.get("usage", "")) for item in told["sources"]]
        except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
            name = ""
            for line in text.splitlines():
                words = line.strip(" -\t").split()
                if words[:1] == ["filename:"] and len(words) > 1:
                    name = words[1].strip("'\"")
                elif words[:1] == ["usage:"] and len(words) > 1 and name:
                    pairs.append((name, words[1].strip("'\"")))
                elif len(words) > 1:
                    pairs.append((words[0], words[1]))
        named = [name for name, use in pairs if isinstance(name, str) and use in ("toplevelfile", "toplevel")]
        return named, {name for name, use in pairs if isinstance(name, str) and use == "ignore"}


def is_wanted(name: str, size: int) -> bool:
    """Say whether a file may be LaTeX, by its name and size."""
    base = posixpath.basename(name)
    return 0 < size <= LARGEST and not base.startswith(".") and posixpath.splitext(base)[1].lower() not in _UNREAD


def _is_source(name: str) -> bool:
    return not name.lower().endswith((".sty", ".def", ".clo", ".cfg", ".ldf")) and not name.lower().startswith(
        "00readme"
    )


def candidates(name: str, folder: str) -> Iterable[str]:
    """Return where a file may lie that a paper puts in by this name: with .tex behind it, or as it is."""
    full = posixpath.normpath(posixpath.join(folder, name))
    if full.startswith(("..", "/")):
        return ()
    return (full, f"{full}.tex") if full.lower().endswith((".tex", ".sty", ".ltx")) else (f"{full}.tex", full)


def folder_find(root: Path, said: str) -> Callable[[str, str], str | None]:
    """Return what finds the files that a paper in a folder puts in: never outside of it, not by a link either."""
    real = os.path.realpath(root)

    def find(name: str, folder: str) -> str | None:
        for full in candidates(name, folder):
            path = os.path.realpath(os.path.join(real, full))
            try:
                if path.startswith(real + os.sep) and os.path.isfile(path) and os.path.getsize(path) <= LARGEST:
                    return decoded_source(Path(path).read_bytes(), said)[0]
            except (OSError, ValueError, Undecodable):
                continue
        return None

    return find
