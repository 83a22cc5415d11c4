"""Which files of source code are left out, and why: the rules of published corpora of code, each a setting.

Sources: The Stack (Kocetkov and others 2022), StarCoder (Li and others 2023, sections 3.1 to 3.3), StarCoder 2 and The
Stack v2 (Lozhkov and others 2024, section 2.3); lines and letters first in Codex (Chen and others 2021) and CodeParrot.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

from hornbook.corpus.readers.code.languages import kind_of
from hornbook.schema import Count, PositiveCount, Share, check

# Their lines are long by nature; only the longest line is looked at (StarCoder 2).
_LONG_LINES = frozenset(
    ("HTML", "JSON", "Markdown", "Roff", "Roff Manpage", "SMT", "TeX", "Text", "XML", "reStructuredText", "AsciiDoc")
)
_FEW_LETTERS = frozenset(("Motorola 68K Assembly", "WebAssembly"))  # StarCoder 2 takes them as they are
_SIZED = frozenset(("JSON", "YAML", "JSON with Comments", "OASv3-json", "OASv3-yaml"))
_TABLES = frozenset(("CSV", "TSV", "SVG"))
_XML_BEGINS = 100  # characters in which `<?xml version=` stands (StarCoder)
# StarCoder 2's patterns, but that blanks may stand behind the commas of hexadecimal, and that of runs of base64 only
# those count that have digits and letters of both cases, as data has and a list of words has not.
_BASE64 = re.compile(r"[a-zA-Z0-9+/\n=]{64,}")
_HEX = re.compile(r"[0-9a-fA-F]{2}(?:(?:,\s*|\s+|(?=\\))(?:0x|\\x)?[0-9a-fA-F]{2}\b){7,}")
_UNICODE = re.compile(r"(?:\\u[0-9a-fA-F]{4}){8,}")
_ALPHANUMERIC = (string.ascii_letters + string.digits).encode()
_TAG = re.compile(r"<!--[^<>]*-->|<(/?[a-zA-Z][\w:-]*|[!?])[^<>]*>")
_HIDDEN = ("script", "style", "template", "noscript", "head")
_PARTS = (re.compile(r"[0-9]"), re.compile(r"[a-z]"), re.compile(r"[A-Z]"))


@dataclass(frozen=True)
class Rules:
    """What is left out of source code: each setting is told in `files.Code`, which has these and more."""

    largest: PositiveCount = 1 << 20
    mean_line: PositiveCount = 100
    longest_line: PositiveCount = 1_000
    longest_data_line: PositiveCount = 100_000
    letters: Share = 0.25
    encoded: Share = 0.5
    encoded_run: PositiveCount = 1_024
    least_data: Count = 50
    most_data: PositiveCount = 5_000
    data_lines: PositiveCount = 512
    visible: Share = 0.2
    least_visible: Count = 100
    xml: bool = False

    def __post_init__(self) -> None:
        check(self, "code.")

    def reason(self, language: str, text: str) -> str:
        """Return why a file of this language and text is left out, in few words; "" = it is kept."""
        if not text.strip():
            return "empty file"
        return self._of_data(language, text) or self._of_lines(language, text) or self._of_letters(language, text)

    def _of_data(self, language: str, text: str) -> str:
        if language in _TABLES:
            return "data file"
        if language in _SIZED and not self.least_data <= len(text) <= self.most_data:
            return "data file: too short" if len(text) < self.least_data else "data file: too long"
        if not self.xml and language != "XSLT" and "<?xml version=" in text[:_XML_BEGINS]:
            return "XML file"
        if kind_of(language) == "data" and text.count("\n") > self.data_lines:
            return "data file: too long"
        if language == "HTML":
            shown = _visible(text)
            if shown < self.least_visible or shown < self.visible * len(text):
                return "HTML file with little visible text"
        return ""

    def _of_lines(self, language: str, text: str) -> str:
        longest, mean = _lines(text)
        if language in _LONG_LINES:
            return "a very long line" if longest > self.longest_data_line else ""
        if longest > self.longest_line:
            return "minified: a very long line"
        return "minified: long lines" if mean > self.mean_line else ""

    def _of_letters(self, language: str, text: str) -> str:
        if language not in _FEW_LETTERS and _letters(text) < self.letters * len(text):
            return "few letters and digits"
        if _encoded(text, self.encoded_run, self.encoded):
            return "encoded data"
        return ""


def _lines(text: str) -> tuple[int, float]:
    """Return the longest line and the mean of all, in characters."""
    lengths = [len(line) for line in text.splitlines()]
    return max(lengths, default=0), sum(lengths) / max(len(lengths), 1)


def _letters(text: str) -> int:
    """Return how many characters are letters or digits."""
    if text.isascii():
        return len(text) - len(text.encode().translate(None, _ALPHANUMERIC))
    return sum(map(str.isalnum, text))


def _encoded(text: str, run: int, share: float) -> bool:
    total = 0
    for found in _BASE64.finditer(text):
        length = found.end() - found.start()
        if all(part.search(found[0]) for part in _PARTS):
            total += length
            if length > run:
                return True
    for pattern, sign in ((_HEX, None), (_UNICODE, "\\u")):
        if sign is not None and sign not in text:
            continue
        for found in pattern.finditer(text):
            length = found.end() - found.start()
            total += length
            if length > run:
                return True
    return total > share * len(text)


def _visible(text: str) -> int:
    """Return how many characters of a page a browser shows, about: those outside tags, scripts, styles and the head."""
    shown, hidden, place = 0, "", 0
    for tag in _TAG.finditer(text):
        if not hidden:
            shown += len(" ".join(text[place : tag.start()].split()))
        place, name = tag.end(), (tag[1] or "").lower()
        if not hidden and name in _HIDDEN:
            hidden = name
        elif name == f"/{hidden}":
            hidden = ""
    return shown + (0 if hidden else len(" ".join(text[place:].split())))
