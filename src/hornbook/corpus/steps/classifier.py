"""A small classifier of documents, trained from two piles of text: wanted and unwanted, toxic and harmless.

Words and pairs of words, or runs of characters within words, are hashed into a fixed number of features, weighted by
how rare they are, and fed to logistic regression (scikit-learn). The file holds arrays and a few settings, no code.

Shapes: N documents, F features.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hornbook.artifacts import write_file
from hornbook.corpus.step import Page, Verdicts
from hornbook.errors import UserError, needing
from hornbook.schema import Share, check

_KIND = "hornbook document classifier"
_BATCH = 256
_SIZE = 2**18  # features


@dataclass(frozen=True)
class Classifier:
    """What the file holds.

    features   words (1 and 2 in a row) or characters (2 to 5 in a row, within words)
    weights    float32[F], of each feature, its rarity included
    rarity     float32[F], smoothed inverse document frequency
    bias       of the regression
    """

    features: str
    weights: NDArray[np.float32]
    rarity: NDArray[np.float32]
    bias: float

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return float64[N], the probability that each text is one of the positive pile, rounded to 6 places."""
        found: list[NDArray[np.float64]] = [np.zeros(0)]
        for start in range(0, len(texts), _BATCH):
            counts = _hashed(self.features, len(self.weights)).transform(texts[start : start + _BATCH])
            weighted = _weighted(counts, self.rarity)
            found.append(1.0 / (1.0 + np.exp(-(weighted @ self.weights.astype(np.float64) + self.bias))))
        return np.concatenate(found).round(6)

    def save(self, path: Path) -> None:
        """Write the classifier whole or not at all."""
        from safetensors.numpy import save

        # One entry: the order of several would differ from process to process.
        facts = {"settings": json.dumps({"kind": _KIND, "features": self.features, "bias": self.bias})}
        write_file(path, save({"weights": self.weights, "rarity": self.rarity}, facts))

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Read a classifier; raises UserError where the file is none, or is damaged."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), framework="numpy") as stream:
                settings = json.loads((stream.metadata() or {}).get("settings", "{}"))
                if settings.get("kind") != _KIND:
                    raise UserError(f"{path} is not a classifier of documents; make one with train-classifier.")
                weights, rarity = stream.get_tensor("weights"), stream.get_tensor("rarity")
                return cls(settings["features"], weights, rarity, float(settings["bias"]))
        except FileNotFoundError as error:
            raise UserError(f"There is no classifier at {path}.") from error
        except (SafetensorError, KeyError, ValueError) as error:
            raise UserError(f"The classifier at {path} is damaged. Restore it or train it again.") from error
        except OSError as error:
            raise UserError(f"The classifier at {path} cannot be read ({error.strerror}).") from error


def train_classifier(
    positive: Iterable[str], negative: Iterable[str], *, features: Literal["words", "characters"] = "words"
) -> Classifier:
    """Return the classifier that tells the positive texts from the negative ones; both piles weigh the same.

    The same texts in the same order give the same classifier. Raises UserError if a pile is empty.
    """
    with needing("Classifying documents", "corpus"):
        from sklearn.linear_model import LogisticRegression
    piles = [[text for text in pile if text.strip()] for pile in (positive, negative)]
    for name, pile in zip(("positive", "negative"), piles, strict=True):
        if not pile:
            raise UserError(f"There is no {name} text to train the classifier with.")
    counts = _hashed(features, _SIZE).transform([text for pile in piles for text in pile])
    documents = np.bincount(counts.indices, minlength=_SIZE)
    rarity = (np.log((1 + counts.shape[0]) / (1 + documents)) + 1).astype(np.float32)
    labels = np.repeat([1, 0], [len(pile) for pile in piles])
    model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000)
    model.fit(_weighted(counts, rarity), labels)
    return Classifier(features, model.coef_[0].astype(np.float32), rarity, float(model.intercept_[0]))


@dataclass(frozen=True)
class Scored:
    """Score documents with a trained classifier; drop those outside the limits.

    file        file of a classifier, made by `hornbook corpus train-classifier`
    field       field for the score, such as quality or toxicity
    min_score   minimum probability that a document is like the positive texts
    max_score   maximum probability of the same
    """

    file: str
    field: str = "quality"
    min_score: Share = 0.0
    max_score: Share = 1.0

    def __post_init__(self) -> None:
        check(self, "score.")
        if self.min_score > self.max_score:
            raise UserError(f"score.min_score {self.min_score} is above score.max_score {self.max_score}.")

    def __call__(self, page: Page) -> Verdicts:
        path = Path(self.file)
        stamp = path.stat().st_mtime_ns if os.path.exists(path) else 0
        scores = _loaded(path, stamp).scores(page.texts).tolist()
        low, high = f"{self.field}: score too low", f"{self.field}: score too high"
        reasons = [low if s < self.min_score else high if s > self.max_score else "" for s in scores]
        return Verdicts(page.texts, reasons, [{self.field: score} for score in scores])


@lru_cache(maxsize=4)
def _loaded(path: Path, stamp: int) -> Classifier:
    """Return the classifier of a file in the state that its time of change names."""
    return Classifier.load(path)


def _hashed(features: str, size: int) -> Any:
    """Return what counts hashed features: float64[N, F], sparse."""
    with needing("Classifying documents", "corpus"):
        from sklearn.feature_extraction.text import HashingVectorizer
    kind, lengths = {"words": ("word", (1, 2)), "characters": ("char_wb", (2, 5))}[features]
    return HashingVectorizer(
        n_features=size, analyzer=kind, ngram_range=lengths, token_pattern=r"\b\w+\b", alternate_sign=False, norm=None
    )


def _weighted(counts: Any, rarity: NDArray[np.float32]) -> Any:
    """Return sparse float64[N, F]: 1 + log of each count, times the rarity, each document scaled to length 1."""
    from sklearn.preprocessing import normalize

    weighted = counts.copy()
    weighted.data = (1.0 + np.log(weighted.data)) * rarity[weighted.indices]
    return normalize(weighted, copy=False)
