from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from small_vocab import BOS, EOS, MASK, SIZE, documents, vocabulary, words

from hornbook.batch import Rows
from hornbook.errors import UserError
from hornbook.keys import row_keys
from hornbook.objectives.masked import Masked
from hornbook.vocab import EMPTY, Vocab

VOCAB = vocabulary()


def within(found: float, expected: float, trials: int, deviations: float = 5.0) -> bool:
    """Whether a share of `trials` lies within so many binomial standard deviations of what is expected."""
    return abs(found - expected) <= deviations * math.sqrt(expected * (1 - expected) / trials)


@pytest.mark.parametrize(
    ("length", "rate", "number"),
    [
        (512, 0.15, 77),
        (128, 0.15, 19),
        (3, 0.15, 1),
        (1, 0.15, 1),
        (10, 0.25, 2),
        (14, 0.25, 4),
        (30, 0.15, 4),
        (9, 1.0, 9),
    ],
)
def test_exact_masks_as_many_as_bert_rounding_half_to_even_and_at_least_one(length, rate, number):
    batch = Masked(rate=rate, vocab=VOCAB)(words(50, length))
    assert (batch.count == number).all()
    assert (batch.weights.sum(axis=1) == number).all()


def test_every_token_is_as_likely_to_be_masked():
    length, rows = 20, 20_000
    share = Masked(vocab=VOCAB)(words(rows, length)).weights.mean(axis=0)
    assert all(within(found, 3 / length, rows) for found in share)


def test_pairs_of_tokens_are_masked_together_as_without_replacement():
    rows, length, number = 40_000, 8, 2
    weights = Masked(rate=0.25, vocab=VOCAB)(words(rows, length)).weights
    together = weights.T @ weights / rows
    expected = number * (number - 1) / (length * (length - 1))
    assert all(within(together[i, j], expected, rows) for i in range(length) for j in range(i))


def test_of_the_masked_tokens_80_percent_show_the_mask_and_10_percent_another_word():
    rows = words(3000, 512)
    batch = Masked(vocab=VOCAB)(rows)
    noise = batch.weights == 1
    shown, was = batch.inputs[noise], rows.tokens[noise]
    drawn = len(VOCAB.words)
    assert within((shown == MASK).mean(), 0.8, shown.size)
    # A random word is now and then the word itself, hence 80.2 / 9.8 / 10.0 in small vocabularies' counts.
    assert within((shown == was).mean(), 0.1 + 0.1 / drawn, shown.size)
    other = (shown != MASK) & (shown != was)
    assert within(other.mean(), 0.1 * (1 - 1 / drawn), shown.size)
    assert np.array_equal(batch.inputs[~noise], rows.tokens[~noise])


def test_random_replacements_are_words_each_as_likely_and_never_special():
    batch = Masked(rate=1.0, mask_share=0.0, random_share=1.0, vocab=VOCAB)(words(1000, 512))
    counts = np.bincount(batch.inputs.reshape(-1), minlength=SIZE)
    assert not counts[VOCAB.special].any()
    trials = batch.inputs.size
    assert all(within(count / trials, 1 / len(VOCAB.words), trials, 6.0) for count in counts[VOCAB.words])


def test_iid_masks_each_token_on_its_own():
    rows, length = 20_000, 16
    batch = Masked(style="iid", vocab=VOCAB)(words(rows, length))
    assert all(within(share, 0.15, rows) for share in batch.weights.mean(axis=0))
    numbers = batch.weights.sum(axis=1)
    assert within((numbers == 0).mean(), 0.85**length, rows)
    assert np.array_equal(batch.count, numbers)


def test_a_row_without_text_is_not_scored_and_gives_no_nan():
    tokens = np.full((2, 6), EOS, np.int32)
    for style in ("exact", "iid"):
        batch = Masked(rate=1.0, style=style, vocab=VOCAB)(Rows(tokens, row_keys(0, [0, 1])))
        assert not batch.weights.any() and not batch.count.any()
        assert np.array_equal(batch.inputs, tokens)


def test_only_words_of_a_document_count_and_are_chosen():
    rows = words(4, 24, segments=documents([10, 5], [24], [3], [1, 1, 1]))
    rows.tokens[:, 0] = BOS
    batch = Masked(rate=0.5, vocab=VOCAB)(rows)
    assert batch.count.tolist() == [7.0, 12.0, 1.0, 1.0]  # round(14/2), round(23/2) to even, round(2/2), round(2/2)
    assert not batch.weights[:, 0].any()
    assert not batch.weights[rows.segments == 0].any()


def test_long_rows_keep_exact_counts():
    batch = Masked(vocab=VOCAB)(words(2, 10_000))
    assert batch.count.tolist() == [1500.0, 1500.0]
    assert abs(np.flatnonzero(batch.weights[0]).mean() - 5000) < 5 * 10_000 / math.sqrt(12 * 1500)


def test_all_masked_needs_no_division():
    batch = Masked(rate=1.0, mask_share=1.0, random_share=0.0, vocab=VOCAB)(words(3, 9))
    assert (batch.inputs == MASK).all() and batch.weights.all()


def test_static_masking_repeats_after_its_period_and_dynamic_never():
    assert Masked().noise_period == 0
    assert Masked(static=10).noise_period == 10
    rows = words(2, 64)
    tokens = np.repeat(rows.tokens[:1], 11, axis=0)
    keys = row_keys(0, np.zeros(11, np.int64), np.arange(11) % 10)
    weights = Masked(static=10, vocab=VOCAB)(Rows(tokens, keys)).weights
    assert np.array_equal(weights[10], weights[0])
    assert len({row.tobytes() for row in weights}) == 10


def test_marks_are_cls_and_sep_or_their_stand_ins():
    assert Masked(vocab=VOCAB).boundary_tokens == ((BOS,), (EOS,))
    assert Masked(vocab=Vocab(size=9, bos=1, eos=2)).boundary_tokens == ((1,), (2,))
    assert Masked(vocab=Vocab(size=9, bos=1, eos=2, cls=5, sep=6)).boundary_tokens == ((5,), (6,))
    assert Masked().boundary_tokens == ((), ())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("rate", 0.0),
        ("rate", 1.5),
        ("mask_share", -0.1),
        ("random_share", 1.1),
        ("random_share", 0.3),
        ("static", -1),
        ("style", "all"),
    ],
)
def test_settings_out_of_range_are_refused_in_words(setting, value):
    with pytest.raises(UserError, match=setting):
        Masked(**{setting: value})


def test_a_tokenizer_without_mask_token_is_refused_only_where_one_is_needed():
    without = Vocab(size=9, special=np.zeros(9, bool), fingerprint="no mask")
    with pytest.raises(UserError, match="mask token"):
        Masked(vocab=without).check(16)
    Masked(mask_share=0.0, vocab=without).check(16)
    assert "mask" not in Masked(mask_share=0.0).requirements(16).roles
    with pytest.raises(UserError, match="only special tokens"):
        Masked(mask_share=0.0, vocab=EMPTY).check(16)
    with pytest.raises(UserError, match="at least 3"):
        Masked(vocab=VOCAB).check(2)


@pytest.mark.parametrize(("progress", "number"), [(0.0, 30), (0.25, 26), (0.5, 22), (1.0, 15), (None, 15)])
def test_the_rate_goes_straight_to_the_final_rate(progress, number):
    rows = words(20, 100)
    if progress is not None:
        rows = replace(rows, progress=np.full(20, progress))
    scheduled = Masked(rate=0.3, final_rate=0.15, vocab=VOCAB)
    assert (scheduled(rows).count == number).all()
    # A higher rate masks more of the same tokens, since the noise is the key's.
    assert (scheduled(rows).weights <= Masked(rate=0.3, vocab=VOCAB)(rows).weights).all()


def test_each_row_has_the_rate_of_its_own_progress():
    rows = replace(words(3, 100), progress=np.array([0.0, 0.5, 1.0]))
    assert Masked(rate=0.1, final_rate=0.5, vocab=VOCAB)(rows).count.tolist() == [10, 30, 50]
    many = replace(words(400, 100), progress=np.repeat([0.0, 1.0], 200))
    drawn = Masked(rate=0.1, final_rate=0.5, style="iid", vocab=VOCAB)(many).weights
    assert within(drawn[:200].mean(), 0.1, 20_000) and within(drawn[200:].mean(), 0.5, 20_000)


@pytest.mark.parametrize("progress", [0.0, 0.3, 1.0])
def test_without_a_final_rate_progress_changes_nothing(progress):
    rows = words(20, 50)
    later = replace(rows, progress=np.full(20, progress))
    for style in ("exact", "iid", "whole_word"):
        objective = Masked(style=style, vocab=VOCAB)
        assert np.array_equal(objective(later).inputs, objective(rows).inputs)


def test_a_final_rate_that_is_no_rate_is_refused():
    with pytest.raises(UserError, match="final_rate"):
        Masked(final_rate=1.5)
