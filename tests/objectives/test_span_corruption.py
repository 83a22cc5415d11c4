from __future__ import annotations

import math

import numpy as np
import pytest
from small_vocab import EOS, PAD, SIZE, documents, restore, vocabulary, words

from hornbook.batch import Rows
from hornbook.errors import UserError
from hornbook.keys import row_keys
from hornbook.objectives.ops import noise
from hornbook.objectives.ops.lengths import span_counts
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.vocab import EMPTY

VOCAB = vocabulary()
T5 = SpanCorruption(vocab=VOCAB)


def runs(mask: np.ndarray) -> np.ndarray:
    """Lengths of the runs of True in a flat mask."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return edges[1::2] - edges[::2]


def masks(objective: SpanCorruption, segments: np.ndarray, seed: int = 0) -> noise.Spans:
    counts = span_counts((segments != 0).sum(axis=1), objective.density, objective.mean_span)
    return noise.spans(segments, *counts, row_keys(seed, np.arange(len(segments))))


@pytest.mark.parametrize(
    ("density", "mean", "inputs", "raw", "targets", "noise_tokens", "spans"),
    [
        (0.15, 3, 128, 141, 29, 21, 7),
        (0.15, 3, 256, 284, 58, 43, 14),
        (0.15, 3, 512, 568, 114, 85, 28),
        (0.15, 3, 1024, 1137, 229, 171, 57),
        (0.15, 3, 2048, 2274, 456, 341, 114),
        (0.15, 8, 512, 588, 100, 88, 11),
        (0.5, 3, 512, 766, 512, 383, 128),
        (0.5, 8, 512, 908, 512, 454, 57),
        (0.15, 64, 512, 600, 92, 90, 1),
        (0.5, 64, 512, 1006, 512, 503, 8),
        (0.15, 32, 512, 598, 94, 90, 3),
        (0.15, 64, 128, 148, 24, 22, 1),  # T5's own helper says 149 and 23, which overflow
    ],
)
def test_lengths_and_counts_are_those_of_t5(density, mean, inputs, raw, targets, noise_tokens, spans):
    objective = SpanCorruption(density, mean, vocab=VOCAB)
    assert objective.row_length(inputs) == raw
    assert objective.target_length(inputs) == targets
    assert objective.requirements(inputs).sentinels == spans
    batch = objective(words(3, raw))
    assert batch.inputs.shape == (3, inputs) and batch.targets.shape == (3, targets)
    sentinels = np.isin(batch.targets, VOCAB.sentinels)
    assert (sentinels.sum(axis=1) == spans).all()
    assert (targets - 1 - sentinels.sum(axis=1) == noise_tokens).all()
    assert batch.count.tolist() == [targets] * 3


def test_the_composition_is_t5_s_uniform_one():
    segments = np.ones((4000, 568), np.int32)
    drawn = masks(T5, segments)
    assert (drawn.noise.sum(axis=1) == 85).all()
    lengths = runs(np.concatenate([drawn.noise, np.zeros((4000, 1), bool)], axis=1).reshape(-1))
    assert lengths.size == 4000 * 28
    # Of 84 places between 85 noise tokens 27 are cuts: a span ends after one token with probability 27 / 84, ...
    alone = 27 / 84
    expected = [alone, (1 - alone) * 27 / 83, (1 - alone) * (56 / 83) * 27 / 82]
    for length, share in enumerate(expected, start=1):
        bound = 5 * math.sqrt(share * (1 - share) / lengths.size)
        assert abs((lengths == length).mean() - share) < bound
    assert not drawn.noise[:, 0].any() and drawn.noise[:, -1].all()


def test_small_compositions_are_all_alike():
    drawn = masks(SpanCorruption(0.5, 2.0), np.ones((40_000, 8), np.int32))  # 4 noise tokens in 2 spans of 8 tokens
    found, numbers = np.unique(np.packbits(drawn.noise, axis=1), return_counts=True)
    assert len(found) == 9  # 3 ways to part the noise, 3 to part the rest
    assert np.abs(numbers / 40_000 - 1 / 9).max() < 5 * math.sqrt(8 / 81 / 40_000)


def test_the_layout_of_a_row():
    rows = words(1, 12)
    objective = SpanCorruption(0.3, 2.0, vocab=VOCAB)
    batch = objective(rows)
    inputs, targets = batch.inputs[0].tolist(), batch.targets[0].tolist()
    first, second = SIZE - 1, SIZE - 2  # sentinels descend from the last id
    assert [token for token in inputs if token >= SIZE - 128] == [first, second]
    assert targets[0] == first and second in targets
    assert inputs[-1] == targets[-1] == EOS
    assert batch.decoder_inputs[0].tolist() == [PAD, *targets[:-1]]
    assert restore(batch, 0, VOCAB) == rows.tokens[0].tolist()
    assert batch.segments is None and batch.decoder_segments is None


def test_packed_documents_are_isolated_and_totals_stay_exact():
    segments = documents([200, 100, 150, 118], [568], [40, 8, 20, 500], [300, 268], [284, 1, 283])
    objective = SpanCorruption(vocab=VOCAB)
    rows = words(5, 568, segments=segments)
    drawn = masks(objective, segments)
    assert np.array_equal(drawn.segments, segments)
    assert (drawn.noise.sum(axis=1) == 85).all()
    batch = objective(rows)
    assert batch.inputs.shape == (5, 512) and batch.targets.shape == (5, 114)
    assert batch.segments.all() and batch.decoder_segments.all() and batch.weights.all()
    for row in range(5):
        assert restore(batch, row, VOCAB) == rows.tokens[row].tolist()
        says = batch.decoder_segments[row]
        opens = np.flatnonzero(np.diff(says, prepend=0))
        assert (batch.targets[row][opens] == VOCAB.sentinels[0]).all()  # each document starts at <extra_id_0>
        assert (batch.decoder_inputs[row][opens] == PAD).all()
        rest = np.setdiff1d(np.arange(114), opens)
        assert (batch.decoder_inputs[row][rest] == batch.targets[row][rest - 1]).all()


def test_no_noise_span_crosses_a_boundary_and_no_document_begins_with_noise():
    random = np.random.default_rng(0)
    segments = np.stack([1 + (random.random(568) < 0.03).cumsum() for _ in range(300)]).astype(np.int32)
    drawn = masks(T5, segments)
    assert np.array_equal(drawn.segments, segments)
    begins = np.diff(segments, axis=1, prepend=-1) != 0
    assert not (begins & drawn.noise).any()
    assert (drawn.noise.sum(axis=1) == 85).all()
    spans = drawn.noise & ~np.roll(drawn.noise, 1, axis=1)
    assert (spans.sum(axis=1) == 28).all()


def test_documents_of_every_length_get_their_share_of_noise():
    segments = np.repeat(documents([10, 20, 40, 80, 160, 258]), 20_000, axis=0)
    drawn = masks(T5, segments)
    for document, length in enumerate([10, 20, 40, 80, 160, 258], start=1):
        share = drawn.noise[:, segments[0] == document].mean()
        assert abs(share - 85 / 568) < 0.01, length


def test_documents_too_short_for_the_totals_are_joined_so_that_nothing_is_lost():
    segments = documents([1] * 60, [3] * 20, [30, 30])
    rows = words(3, 60, segments=segments)
    batch = T5(rows)
    inputs, targets, _ = T5.lengths(60)
    assert batch.inputs.shape == (3, inputs) and batch.targets.shape == (3, targets)
    for row in range(3):
        assert restore(batch, row, VOCAB) == rows.tokens[row].tolist()
    assert batch.segments.max(axis=1).tolist() == [1, 1, 2]


def test_a_padded_row_has_its_own_counts_and_ends_in_padding():
    segments = documents([568], [200, 100], [1], [])
    rows = words(4, 568, segments=segments)
    batch = T5(rows)
    assert batch.count.tolist() == [114.0, T5.lengths(300)[1], 0.0, 0.0]
    assert np.array_equal((batch.segments != 0).sum(axis=1), [512, T5.lengths(300)[0], 2, 0])
    assert (batch.inputs[batch.segments == 0] == PAD).all()
    assert batch.inputs[2][:2].tolist() == [rows.tokens[2, 0], EOS]
    for row in range(4):
        assert restore(batch, row, VOCAB) == rows.tokens[row][segments[row] != 0].tolist()


def test_one_two_and_three_tokens_work():
    for length in (1, 2, 3):
        rows = words(5, length)
        batch = T5(rows)
        assert [restore(batch, row, VOCAB) for row in range(5)] == rows.tokens.tolist()
        kept = ~np.isin(batch.inputs, [*VOCAB.sentinels, EOS])
        assert kept.any(axis=1).all()  # never the whole row


def test_padding_before_a_document_is_a_bug_of_the_caller():
    segments = np.array([[1, 0, 2, 2]], np.int32)
    with pytest.raises(ValueError, match="after the documents"):
        T5(Rows(np.full((1, 4), 9, np.int32), row_keys(0, [0]), segments))


def test_too_few_sentinels_are_refused_in_words():
    dense = SpanCorruption(0.5, 3.0, vocab=vocabulary(sentinels=100))
    with pytest.raises(UserError, match=r"128 sentinels.*has 100"):
        dense.check(512)
    with pytest.raises(UserError, match="sentinels"):
        dense(words(1, 766))
    SpanCorruption(0.5, 3.0, vocab=vocabulary(sentinels=128)).check(512)


def test_bad_settings_and_vocabularies_are_refused_in_words():
    for settings in ({"density": 0.0}, {"density": 1.0}, {"mean_span": 0.5}, {"mean_span": float("nan")}):
        with pytest.raises(UserError, match=next(iter(settings))):
            SpanCorruption(**settings)
    with pytest.raises(UserError, match="too few tokens"):
        SpanCorruption(0.8, 2.0)
    with pytest.raises(UserError, match="pad token"):
        SpanCorruption(vocab=EMPTY).check(16)
    with pytest.raises(UserError, match="at least 3"):
        T5.check(2)
