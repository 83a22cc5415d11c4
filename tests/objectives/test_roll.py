"""Span noise that begins anywhere: T5's random roll, without the spans that it cuts in two."""

from __future__ import annotations

import numpy as np
import pytest
from small_vocab import PAD, documents, restore, vocabulary, words

from hornbook.objectives.ops import compiled
from hornbook.objectives.ops.noise import find_documents, spans
from hornbook.objectives.ops.roll import rolled
from hornbook.objectives.span_corruption import SpanCorruption

VOCAB = vocabulary()
ROLLED = SpanCorruption(roll=True, vocab=VOCAB)


def test_a_short_row_without_it_is_always_the_same_and_with_it_every_place_is_as_likely():
    rows = words(17_000, 20)  # 3 noise tokens in one span
    still = SpanCorruption(vocab=VOCAB)(rows)
    assert (np.argmax(still.inputs == VOCAB.sentinels[0], axis=1) == 17).all()
    begins = np.argmax(ROLLED(rows).inputs == VOCAB.sentinels[0], axis=1)
    counts = np.bincount(begins, minlength=18)
    assert counts[0] == 0  # a row begins with a kept token, as in T5
    assert np.abs(counts[1:] - 1000).max() < 5 * np.sqrt(1000)


@pytest.mark.parametrize("density", [0.15, 0.5])
def test_counts_shapes_and_documents_are_those_without_it(density):
    segments = documents([300, 200, 12], [512], [2, 509, 1], [250, 100], [1], [])
    rows = words(6, 512, segments=segments)
    plain, turned = (SpanCorruption(density, roll=roll, vocab=VOCAB)(rows) for roll in (False, True))
    for name in ("count", "weights"):
        assert np.array_equal(getattr(plain, name), getattr(turned, name))
    assert plain.inputs.shape == turned.inputs.shape
    assert not np.array_equal(plain.inputs, turned.inputs)
    for row in range(6):
        assert restore(turned, row, VOCAB) == rows.tokens[row][segments[row] != 0].tolist()
        assert set(turned.inputs[row][turned.segments[row] == 0].tolist()) <= {PAD}


def test_spans_are_those_drawn_turned_round_in_their_document():
    segments = documents([40, 60], [100], [7, 30, 63])
    rows = words(3, 100, segments=segments)
    drawn = spans(segments, np.array([30, 30, 30]), np.array([10, 10, 10]), rows.keys)
    found = rolled(drawn, rows.keys)
    whole = find_documents(drawn.segments)
    for start, length in zip(whole.start, whole.room, strict=True):
        before, after = (item.noise.reshape(-1)[start : start + length] for item in (drawn, found))
        turns = [np.array_equal(np.roll(before, -turn), after) for turn in range(length) if not before[turn]]
        assert any(turns)
    for item in (drawn, found):
        assert (item.kept_starts < item.noise_starts).all()
        flat = item.noise.reshape(-1)
        assert flat[item.noise_starts].all() and not flat[item.noise_starts - 1].any()


def test_numpy_and_numba_agree():
    rows = words(16, 568, segments=np.ones((16, 568), np.int32))
    found = ROLLED(rows)
    with compiled.numpy_alone():
        expected = ROLLED(rows)
    for name, value in vars(expected).items():
        assert value is None or value.tobytes() == getattr(found, name).tobytes()
