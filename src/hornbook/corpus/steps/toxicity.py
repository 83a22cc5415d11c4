"""Documents with words from a list that the user gives: none is built in, for such lists are a matter of judgement.

C4 (Raffel et al. 2020, section 2.2) drops each page with a word of a public list of bad words. A list is blunt: it also
drops what is said about such words, and in dialects that use them otherwise. `classifier.Scored` with a classifier
trained on labelled text, and `field = "toxicity"`, is the finer tool.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hornbook.corpus.step import Page, Verdicts
from hornbook.errors import UserError
from hornbook.schema import Count, check

_WORD = re.compile(r"\w+")
# Scripts that put no blanks between words: Thai, Lao, Khmer, Burmese, kana and Han.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")


@dataclass(frozen=True)
class BadWords:
    """Drop documents with words of a list; add the number of different ones as the field `bad_words`.

    file        file with one word or phrase on each line; blank lines and lines that begin with # are ignored
    max_words   maximum number of different ones in a document
    """

    file: str
    max_words: Count = 0

    def __post_init__(self) -> None:
        check(self, "bad-words.")

    def __call__(self, page: Page) -> Verdicts:
        """Count the words in each document, upper and lower case alike; no text changes."""
        path = Path(self.file)
        try:
            wanted = _read(path, path.stat().st_mtime_ns)
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"The list of words {self.file} cannot be read. Check the path; it is UTF-8.") from error
        found = [wanted.count(text) for text in page.texts]
        reasons = ["bad-words: a word of the list" if number > self.max_words else "" for number in found]
        return Verdicts(page.texts, reasons, [{"bad_words": number} for number in found])


@dataclass(frozen=True)
class _Wanted:
    """A list: single words, phrases that must stand between other characters, and what may stand anywhere."""

    words: frozenset[str]
    phrases: tuple[str, ...]
    anywhere: tuple[str, ...]

    def count(self, text: str) -> int:
        lower = text.lower()
        found = len(self.words.intersection(_WORD.findall(lower))) + sum(part in lower for part in self.anywhere)
        there = [re.escape(phrase) for phrase in self.phrases if phrase in lower]
        return found + sum(re.search(rf"(?<!\w){phrase}(?!\w)", lower) is not None for phrase in there)


@lru_cache(maxsize=4)
def _read(path: Path, stamp: int) -> _Wanted:
    lines = [line.strip().lower() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    entries = {line for line in lines if line and not line.startswith("#")}
    if not entries:
        raise UserError(f"The list of words {path} is empty.")
    anywhere = {entry for entry in entries if _UNSPACED.search(entry)}
    words = {entry for entry in entries - anywhere if _WORD.fullmatch(entry)}
    return _Wanted(frozenset(words), tuple(sorted(entries - anywhere - words)), tuple(sorted(anywhere)))
