"""FineWeb's own rules: lists, menus and pages that say their lines twice.

Penedo et al. 2024, "The FineWeb Datasets", section 3.6: rules found by comparing statistics of good and bad crawls,
which come after Gopher's and C4's. The rule on lines for words is in their code alone (datatrove's
FineWebQualityFilter). For repeated characters the paper has 0.1 and so has the pipeline of FineWeb 2; the English
FineWeb was made with that code's default, 0.01.
"""

from __future__ import annotations

from dataclasses import dataclass

from hornbook.corpus.step import Page, Verdicts
from hornbook.corpus.steps.repetition import repeated
from hornbook.corpus.steps.words import sentence_terminals, split_words
from hornbook.schema import Count, NotNegative, Share, check


@dataclass(frozen=True)
class FineWeb:
    """Drop documents by FineWeb's rules; blank lines do not count; 0 = no limit.

    min_sentence_lines        minimum share of lines that end like a sentence
    max_short_lines           maximum share of short lines
    short_line                maximum characters of a short line
    max_repeated_characters   maximum share of characters in duplicate lines; FineWeb uses 0.01
    max_lines_per_word        maximum ratio of line ends to words
    """

    min_sentence_lines: Share = 0.12
    max_short_lines: Share = 0.67
    short_line: Count = 30
    max_repeated_characters: Share = 0.1
    max_lines_per_word: NotNegative = 0.3

    def __post_init__(self) -> None:
        check(self, "fineweb.")

    def __call__(self, page: Page) -> Verdicts:
        return Verdicts(page.texts, [self._reason(text) for text in page.texts])

    def _reason(self, text: str) -> str:
        lines = [line for line in text.split("\n") if line and not line.isspace()]
        if not lines:
            return "fineweb: no text"
        ends = sentence_terminals()
        if sum([line[-1] in ends for line in lines]) / len(lines) < self.min_sentence_lines:
            return "fineweb: too few lines end as sentences"
        if self.max_short_lines:
            short = sum([len(line) <= self.short_line for line in lines])
            if short / len(lines) > self.max_short_lines:
                return "fineweb: too many short lines"
        breaks = text.count("\n")
        if self.max_repeated_characters:
            _, characters = repeated(lines)
            if characters / (len(text) - breaks) > self.max_repeated_characters:
                return "fineweb: too many characters in repeated lines"
        limit = self.max_lines_per_word
        # A piece has one word or more: where the pieces suffice, the words do.
        if limit and breaks / len(text.split()) > limit and breaks / len(split_words(text)) > limit:
            return "fineweb: too many lines for its words"
        return ""
