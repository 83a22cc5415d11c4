"""Lines -> running text: blanks, hyphens at line ends, and none of them between Chinese or Japanese characters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from hornbook.corpus.readers.files.pdf_columns import CJK
from hornbook.corpus.readers.files.pdf_lines import OPEN

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_CUT = re.compile(r"([^\W\d_]+(?:[-'’][^\W\d_]+)*)-$")
_GOES_ON = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Vocabulary:
    """The words of a document that stand whole within its lines, in lower case, and the parts of those with hyphens."""

    words: Counter[str]
    before: frozenset[str]
    behind: frozenset[str]

    def keeps(self, before: str, behind: str) -> bool:
        """Say whether the hyphen at a line's end, between two parts of a word, belongs to the word.

        The document decides: the word as one, the word with its hyphen, another word with the same first or last
        part and a hyphen (`well-known` for `well-read`). Where it says nothing, the hyphen goes, as most are the
        printer's.
        """
        whole, parted = (before + behind).casefold(), f"{before}-{behind}".casefold()
        if self.words[whole] or self.words[parted]:
            return self.words[parted] > self.words[whole]
        if behind[0].isupper() and not before.isupper():
            return True
        first, last = parted.rpartition("-")[0], parted.rpartition("-")[2]
        return "-" in first or first in self.before or last in self.behind


def vocabulary(lines: Iterable[str]) -> Vocabulary:
    """Count the words of lines; the last of a line that ends in a hyphen, and what follows it, are parts of words."""
    words: Counter[str] = Counter()
    after_cut = False
    for line in lines:
        found = [word.casefold() for word in _WORD.findall(line)]
        cut = bool(_CUT.search(line))
        words.update(found[1 if after_cut else 0 : len(found) - cut])
        after_cut = cut
    parted = [word.split("-") for word in words if "-" in word]
    return Vocabulary(words, frozenset(parts[0] for parts in parted), frozenset(parts[-1] for parts in parted))


def closed(line: str, known: Vocabulary) -> str:
    """Return a line with a blank behind a large initial if what follows is a word that stands elsewhere, else none."""
    initial, _, rest = line.partition(OPEN)
    word = _GOES_ON.match(rest)
    apart = word is not None and known.words[word[0].casefold()] > 1
    return f"{initial} {rest}" if apart else initial + rest


def joined(text: str, line: str, known: Vocabulary) -> str:
    """Return a text with the next line behind it."""
    if not text or not line:
        return text + line
    if text[-1] == "-" and len(text) > 1:
        cut, goes_on = _CUT.search(text[-100:]), _GOES_ON.match(line)
        if cut and goes_on:
            return (text if known.keeps(cut[1], goes_on[0]) else text[:-1]) + line
    if text[-1] in "-–—/" and len(text) > 1 and not text[-2].isspace() and line[0].isalnum():
        address = "://" in text[text.rfind(" ") + 1 :] or "www." in text[text.rfind(" ") + 1 :]
        if text[-1] != "/" or address:
            return text + line
    if CJK.match(text[-1]) and CJK.match(line[0]):
        return text + line
    return f"{text} {line}"
