from __future__ import annotations

import math

import numpy as np
import pytest
from small_vocab import BOS, EOS, PAD, documents, vocabulary, words

from hornbook.batch import Rows, allowed
from hornbook.errors import UserError
from hornbook.keys import row_keys
from hornbook.objectives.prefix import PrefixLM
from hornbook.vocab import EMPTY

VOCAB = vocabulary()
BOTH = PrefixLM("encoder-decoder", vocab=VOCAB)


def within(found: float, expected: float, trials: int, deviations: float = 5.0) -> bool:
    """Whether a share of `trials` lies within so many binomial standard deviations of what is expected."""
    return abs(found - expected) <= deviations * math.sqrt(expected * (1 - expected) / trials)


def test_a_decoder_says_only_what_is_behind_the_prefix_and_the_prefix_sees_itself_alone():
    tokens = np.arange(5, 14, dtype=np.int32)[None]
    batch = PrefixLM(vocab=VOCAB)(Rows(tokens, row_keys(3, [0])))
    prefix = int(batch.visible.sum())
    assert batch.inputs.tolist() == [[5, 6, 7, 8, 9, 10, 11, 12]]
    assert batch.targets.tolist() == [[6, 7, 8, 9, 10, 11, 12, 13]]
    assert batch.weights[0].tolist() == [0.0] * (prefix - 1) + [1.0] * (9 - prefix)
    assert batch.visible[0].tolist() == [True] * prefix + [False] * (8 - prefix)
    sees = allowed(batch.segments, batch.visible, 8, "decoder")[0]
    assert sees[:prefix, :prefix].all() and not sees[:prefix, prefix:].any()
    assert np.array_equal(sees[prefix:], np.tri(8, dtype=bool)[prefix:])


def test_t5_s_split_is_uniform_over_all_places():
    length, rows = 8, 35_000
    prefix = PrefixLM(vocab=VOCAB)(words(rows, length)).visible.sum(axis=1)
    counts = np.bincount(prefix, minlength=length)
    assert counts[0] == 0
    assert all(within(count / rows, 1 / (length - 1), rows) for count in counts[1:])


@pytest.mark.parametrize("mean", [0.1, 0.25, 0.75])
def test_the_mean_share_behind_the_split_is_what_was_asked_for(mean):
    batch = PrefixLM(mean_target=mean, vocab=VOCAB)(words(4000, 200))
    assert abs(batch.count.mean() / 200 - mean) < 0.01
    assert batch.count.min() >= 1 and batch.count.max() <= 199


def test_each_document_of_a_row_has_a_split_of_its_own():
    batch = PrefixLM(vocab=VOCAB)(words(5000, 20, segments=documents(*[[10, 10]] * 5000)))
    prefixes = [(batch.visible & (batch.segments == number)).sum(axis=1) for number in (1, 2)]
    assert abs(np.corrcoef(*prefixes)[0, 1]) < 5 / math.sqrt(5000)
    assert not batch.weights[:, 9].any(), "no document says another's first token"


def test_a_document_of_one_token_says_nothing_and_is_read():
    batch = PrefixLM(vocab=VOCAB)(words(1, 6, segments=documents([1, 4, 1])))
    assert batch.weights[0, 0] == 0 and batch.visible[0, 0]
    assert PrefixLM(vocab=VOCAB)(words(1, 1)).count.tolist() == [0.0]


@pytest.mark.parametrize(
    ("mean", "length", "tokens", "targets"),
    [(0.5, 512, 1024, 512), (0.25, 512, 683, 171), (0.15, 512, 602, 90), (0.5, 128, 256, 128)],
)
def test_both_sides_of_an_encoder_decoder_are_full(mean, length, tokens, targets):
    objective = PrefixLM("encoder-decoder", mean_target=mean, vocab=VOCAB)
    assert (objective.row_length(length), objective.target_length(length)) == (tokens, targets)
    batch = objective(words(3, tokens, segments=documents([tokens // 3, tokens - tokens // 3], [tokens], [tokens])))
    assert batch.inputs.shape == (3, tokens - targets) and batch.targets.shape == (3, targets)
    assert batch.segments.all() and batch.decoder_segments.all()
    assert (batch.count == targets).all()


def test_an_encoder_decoder_s_halves_have_uniform_splits_that_mirror_each_other():
    half, rows = 6, 25_000
    batch = BOTH(words(rows, 2 * half))
    first, second = ((batch.segments == number).sum(axis=1) for number in (1, 2))
    assert (first + second == half).all()
    counts = np.bincount(first, minlength=half)
    assert counts[0] == 0
    assert all(within(count / rows, 1 / (half - 1), rows) for count in counts[1:])


def test_a_decoder_starts_anew_in_each_document_and_sees_its_own_inputs():
    rows = words(50, 40, segments=documents(*[[7, 20, 13]] * 50))
    batch = BOTH(rows)
    for row in range(50):
        own, inputs = batch.decoder_segments[row], batch.segments[row]
        starts = np.flatnonzero(np.diff(own, prepend=0))
        assert (batch.decoder_inputs[row, starts] == PAD).all()
        later = np.setdiff1d(np.arange(20), starts)
        assert np.array_equal(batch.decoder_inputs[row, later], batch.targets[row, later - 1])
        assert set(own.tolist()) | set(inputs.tolist()) == {1, 2, 3, 4}  # the middle of the row cuts a document


def test_documents_too_short_for_the_total_are_read_as_one():
    batch = BOTH(words(2, 12, segments=documents([1] * 12, [12])))
    assert set(batch.decoder_segments[0].tolist()) == {1}
    assert set(batch.decoder_segments[1].tolist()) == {1, 2}
    assert (batch.count == 6).all()


def test_a_padded_row_has_the_share_of_its_own_length():
    batch = BOTH(words(4, 20, segments=documents([20], [7], [1], [])))
    assert batch.count.tolist() == [10.0, 4.0, 0.0, 0.0]
    assert (batch.segments != 0).sum(axis=1).tolist() == [10, 3, 1, 0]
    assert not np.isnan(batch.weights).any()


def test_marks_and_refusals():
    assert PrefixLM(vocab=VOCAB).boundary_tokens == ((BOS,), (EOS,))
    assert BOTH.boundary_tokens == ((), (EOS,))
    with pytest.raises(UserError, match="eos token"):
        PrefixLM(vocab=EMPTY).check(8)
    for setting, value in (("mean_target", 0.0), ("mean_target", 1.0), ("topology", "encoder")):
        with pytest.raises(UserError, match=setting):
            PrefixLM(**{setting: value})
    with pytest.raises(UserError, match=r"at most 0\.5"):
        PrefixLM("encoder-decoder", 0.6)
    with pytest.raises(UserError, match="at least 2"):
        PrefixLM(vocab=VOCAB).check(1)
