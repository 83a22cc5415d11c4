"""C4's rules: pages are cleaned line by line, and what is left must be text.

Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", section 2.2, in
the order of the code published with it (c4_utils.py of TensorFlow Datasets), which knows three things more: overlong
words, citations of Wikipedia, and lines that speak of terms and cookies. The numbers of sentences and words are those
of the journal's version and of that code; the first preprint and datatrove have 5 sentences and 3 words. Not here, but
steps of their own: the list of bad words (`toxicity`), the language, and spans of three sentences that stand elsewhere
in the corpus.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from hornbook.corpus.step import Page, Verdicts
from hornbook.corpus.steps.words import sentences
from hornbook.schema import Count, check

_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
_ENDS = (".", "?", "!", '"', "'")
_POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


@dataclass(frozen=True)
class C4:
    """Remove lines that are not sentences, then drop documents that are not prose (C4's rules); 0 = no limit.

    min_sentences        minimum sentences of a document, after lines are removed
    min_line_words       minimum words of a line; blanks separate words
    max_word_length      maximum characters of a word in a line
    sentence_ends        remove lines without a final punctuation mark, or with an ellipsis there
    citations            remove [1], [edit] and [citation needed]
    lorem_ipsum          drop documents with "lorem ipsum"
    javascript           remove lines with "javascript"
    curly_brackets       drop documents with an opening curly bracket
    policies             remove lines about terms of use, privacy and cookies
    """

    min_sentences: Count = 3
    min_line_words: Count = 5
    max_word_length: Count = 1000
    sentence_ends: bool = True
    citations: bool = True
    lorem_ipsum: bool = True
    javascript: bool = True
    curly_brackets: bool = True
    policies: bool = True

    def __post_init__(self) -> None:
        check(self, "c4.")

    def __call__(self, page: Page) -> Verdicts:
        """Clean and judge each document; lines removed from documents that stay are counted by rule."""
        counts: Counter[str] = Counter()
        texts, reasons = [], []
        for text in page.texts:
            kept, reason, removed = self._clean(text)
            texts.append(kept)
            reasons.append(reason)
            if not reason:
                counts.update(removed)
        return Verdicts(texts, reasons, counts=dict(sorted(counts.items())))

    def _clean(self, text: str) -> tuple[str, str, Counter[str]]:
        """Return the lines that stay, the reason to drop them all, and how many lines which rule has removed."""
        removed: Counter[str] = Counter()
        kept: list[str] = []
        lower = text.lower()
        # Most texts hold nothing of what these rules look for; their lines need not be asked.
        lorem_ipsum = self.lorem_ipsum and "lorem ipsum" in lower
        javascript = self.javascript and "javascript" in lower
        policies = self.policies and any(phrase in lower for phrase in _POLICY)
        citations = self.citations and "[" in text
        for line in map(str.strip, text.splitlines()):
            left = _CITATION.sub("", line) if citations else line
            rule = ""
            if 0 < self.max_word_length < len(line) and max(map(len, line.split())) > self.max_word_length:
                rule = "lines with overlong words"
            elif self.sentence_ends and (not left.endswith(_ENDS) or left.endswith("...")):
                rule = "lines without a sentence's end"
            elif len(line.split(None, self.min_line_words)) < self.min_line_words:
                rule = "lines of few words"
            elif lorem_ipsum and "lorem ipsum" in left.lower():
                return "", "c4: lorem ipsum", removed
            elif javascript and "javascript" in left.lower():
                rule = "lines with javascript"
            elif self.curly_brackets and "{" in left:
                return "", "c4: curly bracket", removed
            elif policies and any(phrase in left.lower() for phrase in _POLICY):
                rule = "lines on policies"
            if rule:
                removed[rule] += 1
            else:
                kept.append(left)
        # Each line kept has a sentence, so that most texts need no counting.
        if len(kept) < self.min_sentences and sum(map(sentences, kept)) < self.min_sentences:
            return "", "c4: too few sentences", removed
        return "\n".join(kept).strip(), "", removed
