"""Gopher's rules: what is prose, and what repeats itself.

Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training Gopher", appendix A.1.1: quality
filtering, then repetition removal with the thresholds of Table A1. A document is dropped for the first rule it breaks,
in the paper's order. Words are those of `words.py`, split once for all the rules.

Shapes: D documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.corpus.grouping import grouped
from hornbook.corpus.step import Page, Verdicts
from hornbook.corpus.steps.repetition import repeated, repeated_runs
from hornbook.corpus.steps.words import AT_ONCE, Words, has_letter, is_word, number_words
from hornbook.errors import UserError
from hornbook.schema import Count, NotNegative, Share, check

_PARAGRAPH_END, _LINE_END = re.compile(r"\n{2,}"), re.compile(r"\n+")


@dataclass(frozen=True)
class Gopher:
    """Drop documents by the rules of Gopher's MassiveText; 0 = no limit.

    parts                               which of the paper's two lists of rules apply: quality, repetition
    min_words                           minimum words, punctuation not counted
    max_words                           maximum words, punctuation not counted
    min_word_length                     minimum mean word length in characters
    max_word_length                     maximum mean word length in characters
    max_symbols                         maximum ratio of # to words, and of ellipses to words
    max_bullet_lines                    maximum share of lines that begin with a bullet
    max_ellipsis_lines                  maximum share of lines that end with an ellipsis
    min_alphabetic_words                minimum share of words with a letter, punctuation counted as words
    min_stop_words                      minimum number of different stop words
    stop_words                          stop words; case matters
    max_repeated_lines                  maximum share of duplicate lines
    max_repeated_paragraphs             maximum share of duplicate paragraphs
    max_repeated_line_characters        maximum share of characters in duplicate lines
    max_repeated_paragraph_characters   maximum share of characters in duplicate paragraphs
    max_top_2_gram                      maximum share of characters in the most frequent 2-gram of words
    max_top_3_gram                      the same for 3-grams
    max_top_4_gram                      the same for 4-grams
    max_repeated_5_grams                maximum share of characters in duplicate 5-grams of words
    max_repeated_6_grams                the same for 6-grams
    max_repeated_7_grams                the same for 7-grams
    max_repeated_8_grams                the same for 8-grams
    max_repeated_9_grams                the same for 9-grams
    max_repeated_10_grams               the same for 10-grams
    """

    parts: tuple[str, ...] = ("quality", "repetition")
    min_words: Count = 50
    max_words: Count = 100_000
    min_word_length: NotNegative = 3.0
    max_word_length: NotNegative = 10.0
    max_symbols: NotNegative = 0.1
    max_bullet_lines: Share = 0.9
    max_ellipsis_lines: Share = 0.3
    min_alphabetic_words: Share = 0.8
    min_stop_words: Count = 2
    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")
    max_repeated_lines: Share = 0.3
    max_repeated_paragraphs: Share = 0.3
    max_repeated_line_characters: Share = 0.2
    max_repeated_paragraph_characters: Share = 0.2
    max_top_2_gram: Share = 0.20
    max_top_3_gram: Share = 0.18
    max_top_4_gram: Share = 0.16
    max_repeated_5_grams: Share = 0.15
    max_repeated_6_grams: Share = 0.14
    max_repeated_7_grams: Share = 0.13
    max_repeated_8_grams: Share = 0.12
    max_repeated_9_grams: Share = 0.11
    max_repeated_10_grams: Share = 0.10

    def __post_init__(self) -> None:
        if not self.parts or not set(self.parts) <= {"quality", "repetition"}:
            raise UserError(f"gopher.parts is quality, repetition or both, not {', '.join(self.parts) or 'nothing'}.")
        check(self, "gopher.")
        for low, high in (("min_words", "max_words"), ("min_word_length", "max_word_length")):
            if 0 < (most := getattr(self, high)) < (least := getattr(self, low)):
                raise UserError(f"gopher.{low} {least} is above gopher.{high} {most}: nothing would be kept.")
        if self.min_stop_words > (known := len(set(self.stop_words))):
            least = f"gopher.min_stop_words {self.min_stop_words}"
            raise UserError(f"{least} is above {known}, the number of gopher.stop_words: nothing would be kept.")

    def __call__(self, page: Page) -> Verdicts:
        given: list[str] = []
        for texts in grouped(page.texts, lambda text: len(text) + 1, AT_ONCE):
            reasons = _Reasons(len(texts))
            words = None
            if "quality" in self.parts:
                words = number_words(texts)
                self._quality(texts, words, reasons)
            if "repetition" in self.parts:
                self._repetition(texts, words, reasons)
            given += reasons.given
        return Verdicts(page.texts, given)

    def _quality(self, texts: Sequence[str], words: Words, reasons: _Reasons) -> None:
        real = np.array([is_word(word) for word in words.distinct], np.int64)
        lengths = np.array([len(word) for word in words.distinct], np.int64)
        number = words.sums(real)
        reasons.drop(number < self.min_words, "too few words")
        reasons.drop(_above(number, self.max_words), "too many words")
        mean = _share(words.sums(real * lengths), number)
        reasons.drop(mean < self.min_word_length, "words too short")
        reasons.drop(_above(mean, self.max_word_length), "words too long")
        hashes, ellipses = _marks(texts, "#"), _marks(texts, "...", "…")
        reasons.drop(_above(_share(hashes, words.counts), self.max_symbols), "too many hash signs")
        reasons.drop(_above(_share(ellipses, words.counts), self.max_symbols), "too many ellipses")
        limit = self.max_bullet_lines
        found = _line_shares(texts, _marks(texts, "-", "•"), lambda line: line.lstrip().startswith(("•", "-")), limit)
        reasons.drop(_above(found, limit), "too many bullet lines")
        limit = self.max_ellipsis_lines
        found = _line_shares(texts, ellipses, lambda line: line.rstrip().endswith(("...", "…")), limit)
        reasons.drop(_above(found, limit), "too many ellipsis lines")
        letters = np.array([has_letter(word) for word in words.distinct], np.int64)
        alphabetic = _share(words.sums(letters), words.counts)
        reasons.drop(alphabetic < self.min_alphabetic_words, "too few words with letters")
        reasons.drop(self._stop_words(words) < self.min_stop_words, "too few stop words")

    def _stop_words(self, words: Words) -> NDArray[np.int64]:
        """Return int64[D], how many different stop words each document has."""
        column = {word: number for number, word in enumerate(dict.fromkeys(self.stop_words))}
        columns = np.array([column.get(word, -1) for word in words.distinct], np.int64)[words.ids]
        found = np.flatnonzero(columns >= 0)
        document = np.searchsorted(words.starts, found, side="right") - 1
        seen = np.zeros((len(words.counts), len(column)), bool)
        seen[document, columns[found]] = True
        found_in: NDArray[np.int64] = seen.sum(axis=1)
        return found_in

    def _repetition(self, texts: Sequence[str], words: Words | None, reasons: _Reasons) -> None:
        """Put the rules to the documents that are kept so far; their words are split if that was not done before."""
        reasons.drop(np.array([not text for text in texts], bool), "no text")
        self._repeated_pieces(texts, reasons)
        asked = np.flatnonzero(reasons.kept)
        words = number_words([texts[number] for number in asked.tolist()]) if words is None else words.only(asked)
        size = np.array([len(texts[number]) for number in asked.tolist()], np.int64)
        for runs in repeated_runs(words):
            n = runs.length
            if n > 10:
                break
            limit = getattr(self, f"max_top_{n}_gram" if n < 5 else f"max_repeated_{n}_grams")
            if not limit:
                continue
            # What is dropped already need not be counted exactly; 1 less, for the rounding of the product.
            limits = np.where(reasons.kept[asked], limit * size - 1, np.inf)
            characters = runs.most_frequent() if n < 5 else runs.said_before(limits)
            broken = np.zeros(len(texts), bool)
            broken[asked] = _share(characters, size) > limit
            reasons.drop(broken, f"one {n}-gram too often" if n < 5 else f"too many repeated {n}-grams")

    def _repeated_pieces(self, texts: Sequence[str], reasons: _Reasons) -> None:
        """Put the four rules on lines and paragraphs to the documents that are kept so far."""
        shares = np.zeros((4, len(texts)))
        for number in np.flatnonzero(reasons.kept).tolist():
            text = texts[number]
            for row, pieces in ((0, _LINE_END.split(text)), (1, _PARAGRAPH_END.split(text.strip()))):
                count, characters = repeated(pieces)
                shares[row, number], shares[row + 2, number] = count / len(pieces), characters / len(text)
        limits = {
            "too many repeated lines": self.max_repeated_lines,
            "too many repeated paragraphs": self.max_repeated_paragraphs,
            "too many characters in repeated lines": self.max_repeated_line_characters,
            "too many characters in repeated paragraphs": self.max_repeated_paragraph_characters,
        }
        for (rule, limit), found in zip(limits.items(), shares, strict=True):
            reasons.drop(_above(found, limit), rule)


class _Reasons:
    """Why each of D documents is dropped: the first rule that it breaks, as they are put to it in order."""

    def __init__(self, count: int) -> None:
        self.given = [""] * count
        self.kept = np.ones(count, bool)

    def drop(self, broken: NDArray[np.bool_], rule: str) -> None:
        """Drop the documents that break the rule, where no rule before has dropped them."""
        for number in np.flatnonzero(broken & self.kept).tolist():
            self.given[number] = f"gopher: {rule}"
        self.kept &= ~broken


def _above(values: NDArray[Any], limit: float) -> NDArray[np.bool_]:
    """Return bool[D], which values are above a limit, where 0 is none."""
    return (values > limit) & (limit > 0)


def _share(part: NDArray[np.integer], whole: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return float64[D], part / whole, and 0 where the whole is 0."""
    found = np.zeros(len(part))
    np.divide(part, whole, out=found, where=whole > 0)
    return found


def _marks(texts: Sequence[str], *marks: str) -> NDArray[np.int64]:
    """Return int64[D], how many of the marks each text has."""
    return np.array([sum(map(text.count, marks)) for text in texts], np.int64)


def _line_shares(
    texts: Sequence[str], marks: NDArray[np.int64], test: Callable[[str], bool], limit: float
) -> NDArray[np.float64]:
    """Return float64[D], the share of lines that pass the test; 0 where `marks` are too few for more than `limit`."""
    shares = np.zeros(len(texts))
    for number, (text, many) in enumerate(zip(texts, marks.tolist(), strict=True)):
        # A text has at least as many lines as ends of lines, and each line that passes has a mark.
        if many > limit * text.count("\n"):
            lines = text.splitlines()
            shares[number] = sum(map(test, lines)) / max(len(lines), 1)
    return shares
