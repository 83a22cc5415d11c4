"""The laws of `hornbook check`: every objective of ours keeps them, and one that breaks a law is told which."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lawful_objectives import OBJECTIVES, VOCAB, rows_for
from small_vocab import EOS, PAD, documents, words

from hornbook.batch import Batch, Rows
from hornbook.objectives.base import Requirements
from hornbook.objectives.causal import Causal
from hornbook.objectives.laws import LAWS, complaints
from hornbook.objectives.masked import Masked
from hornbook.objectives.span_corruption import SpanCorruption


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_every_variant_of_every_objective_keeps_the_laws(objective, data):
    assert list(complaints(objective, [data.draw(rows_for(objective))])) == []


def twice(rows: Rows) -> Rows:
    tokens = rows.tokens.copy()
    tokens[:, 3] = tokens[:, 2]
    return replace(rows, tokens=tokens)


class LosesAToken(Masked):
    def __call__(self, rows: Rows) -> Batch:
        return super().__call__(twice(rows))


class LosesATokenOfAStream(Causal):
    def __call__(self, rows: Rows) -> Batch:
        return super().__call__(twice(rows))


class LosesASpan(SpanCorruption):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        weights = batch.weights.copy()
        weights[:, 1:3] = 0
        return replace(batch, weights=weights, count=weights.sum(axis=1).astype(np.float64))


class ScoresAPad(Masked):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        weights = np.maximum(batch.weights, ~rows.real).astype(np.float32)
        return replace(batch, weights=weights, count=weights.sum(axis=1).astype(np.float64))


class ForgetsSegments(Causal):
    def __call__(self, rows: Rows) -> Batch:
        return replace(super().__call__(rows), segments=None)


class LooksAtItsNeighbour(Masked):
    def __call__(self, rows: Rows) -> Batch:
        return super().__call__(replace(rows, keys=rows.keys + rows.keys[:1]))


class DependsOnTheOrder(Masked):
    def __call__(self, rows: Rows) -> Batch:
        return super().__call__(replace(rows, keys=rows.keys + np.arange(len(rows), dtype=np.uint64)))


class HidesASpecialToken(Masked):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        batch.inputs[rows.tokens == EOS] = VOCAB.mask
        return batch


class ScoresASpecialToken(Masked):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        weights = np.maximum(batch.weights, rows.tokens == EOS).astype(np.float32)
        return replace(batch, weights=weights, count=weights.sum(axis=1).astype(np.float64))


class DrawsSpecialTokens(Masked):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        batch.inputs[(batch.inputs != rows.tokens) & (batch.inputs != VOCAB.mask)] = VOCAB.sentinels[0]
        return batch


class DrawsFromNumpy(Masked):
    def __call__(self, rows: Rows) -> Batch:
        return super().__call__(replace(rows, keys=np.random.randint(0, 2**60, len(rows)).astype(np.uint64)))  # noqa: NPY002


class DrawsFromPython(Masked):
    def __call__(self, rows: Rows) -> Batch:
        return super().__call__(replace(rows, keys=rows.keys + np.uint64(random.getrandbits(60))))


class WeighsNothingByNothing(Masked):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        with np.errstate(all="ignore"):
            return replace(batch, weights=batch.weights / batch.weights.sum(axis=1, keepdims=True))


class CountsOneMore(Masked):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        return replace(batch, count=batch.count + 1)


class ChangesItsRows(Masked):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        rows.tokens[:] = batch.inputs
        return batch


class LendsItsRows(Masked):
    def __call__(self, rows: Rows) -> Batch:
        return replace(super().__call__(rows), targets=rows.tokens)


class DoesNotShift(Causal):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        return replace(batch, targets=batch.inputs.copy())


class ShowsTheTarget(Causal):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        return replace(batch, visible=np.ones(batch.inputs.shape, bool))


class HidesNothing(Masked):
    def __call__(self, rows: Rows) -> Batch:
        return replace(super().__call__(rows), inputs=rows.tokens.copy())


class NeedsWhatItIsGiven(Masked):
    def requirements(self, max_length: int) -> Requirements:
        return Requirements(sentinels=len(self.vocab.sentinels))


class FitsItsVocabulary(Masked):
    def row_length(self, max_length: int) -> int:
        return max_length if self.vocab.size else 2 * max_length


class IsTooLong(Masked):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        wide = {name: np.pad(getattr(batch, name), ((0, 0), (1, 0))) for name in ("inputs", "targets", "weights")}
        segments = None if batch.segments is None else np.pad(batch.segments, ((0, 0), (1, 0)))
        return replace(batch, **wide, segments=segments)


class LeavesTheVocabulary(Masked):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        batch.inputs[batch.inputs == VOCAB.mask] = VOCAB.size
        return batch


class IsAsWideAsItsNoise(Masked):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        return batch.rows(0, len(batch) - int(rows.keys[0] % 2)) if len(batch) > 1 else batch


class CountsInFloat32(Masked):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        return replace(batch, count=batch.count.astype(np.float32))  # type: ignore[arg-type]


class SaysNothing(Masked):
    def __call__(self, rows: Rows) -> Batch:
        batch = super().__call__(rows)
        return replace(batch, inputs=rows.tokens.copy(), weights=batch.weights * 0, count=batch.count * 0)


class Raises(Masked):
    def __call__(self, rows: Rows) -> Batch:
        return super().__call__(rows if len(rows) > 1 else None)  # type: ignore[arg-type]


@dataclass
class IsNotFrozen:
    """What is no frozen dataclass, with all else of a masked objective."""

    vocab: Any = VOCAB
    topology: ClassVar[str] = "encoder"

    def __getattr__(self, name: str) -> Any:
        return getattr(Masked(vocab=self.vocab), name)

    def __call__(self, rows: Rows) -> Batch:
        return Masked(vocab=self.vocab)(rows)


BROKEN = {
    LosesAToken: "no token is lost",
    LosesATokenOfAStream: "no token is lost",
    LosesASpan: "no token is lost",
    ScoresAPad: "padding is not scored",
    ForgetsSegments: "padding is not scored",
    LooksAtItsNeighbour: "rows are independent",
    DependsOnTheOrder: "rows are independent",
    HidesASpecialToken: "special tokens stay",
    ScoresASpecialToken: "special tokens stay",
    DrawsSpecialTokens: "special tokens stay",
    DrawsFromNumpy: "noise is of the key",
    DrawsFromPython: "noise is of the key",
    WeighsNothingByNothing: "numbers are finite",
    CountsOneMore: "counts are exact",
    ChangesItsRows: "rows are left alone",
    LendsItsRows: "rows are left alone",
    DoesNotShift: "nothing is seen that must be said",
    ShowsTheTarget: "nothing is seen that must be said",
    HidesNothing: "nothing is seen that must be said",
    NeedsWhatItIsGiven: "needs known beforehand",
    FitsItsVocabulary: "needs known beforehand",
    IsTooLong: "full rows fit the model",
    LeavesTheVocabulary: "ids are of the vocabulary",
    IsAsWideAsItsNoise: "types and shapes",
    CountsInFloat32: "types and shapes",
    SaysNothing: "there is something to learn",
    Raises: "rows are independent",
    IsNotFrozen: "a frozen value",
}
# Laws that cannot be kept by what breaks the one in question.
ALSO = {
    ScoresAPad: {"special tokens stay"},
    WeighsNothingByNothing: {"special tokens stay", "padding is not scored", "counts are exact"},
    ChangesItsRows: {"rows are independent"},
    DrawsFromNumpy: {"rows are independent"},
    DrawsFromPython: {"rows are independent"},
    DoesNotShift: {"no token is lost"},
    LeavesTheVocabulary: {"special tokens stay"},
    IsAsWideAsItsNoise: {"rows are independent"},
}


def samples() -> list[Rows]:
    """Rows of 65 tokens, for a decoder of 64: one document each; several, with marks and padding; hardly any text."""
    packed = words(12, 65, 1, documents(*[[20, 30, 15], [65], [10, 10, 10], [64], [1], []] * 2))
    packed.tokens[:, 9] = EOS
    packed.tokens[packed.segments == 0] = PAD
    return [words(12, 65), packed]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_law_is_told_by_its_name(broken):
    found = dict(complaints(broken(vocab=VOCAB), samples()))
    assert BROKEN[broken] in found
    assert {*found} <= {BROKEN[broken]} | ALSO.get(broken, set())


def test_every_law_is_broken_by_someone():
    assert set(LAWS) == set(BROKEN.values())


def test_the_whole_classes_keep_the_laws_on_the_same_rows():
    for objective in (Masked(vocab=VOCAB), Causal(vocab=VOCAB), SpanCorruption(vocab=VOCAB)):
        assert list(complaints(objective, samples())) == []


def test_an_error_is_told_with_its_place():
    found = dict(complaints(Raises(vocab=VOCAB), samples()))
    assert "AttributeError" in found["rows are independent"] and "test_all_laws.py" in found["rows are independent"]
