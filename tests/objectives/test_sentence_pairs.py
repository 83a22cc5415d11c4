from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_vocab import BOS, EOS, MASK, PAD, WORDS, documents, texts, vocabulary, words

from hornbook.batch import Rows
from hornbook.errors import UserError
from hornbook.objectives.causal import Causal
from hornbook.objectives.masked import Masked
from hornbook.objectives.replaced_token import ReplacedToken
from hornbook.objectives.sentence_pairs import SentencePairs

VOCAB = vocabulary()
NSP, SOP = SentencePairs(vocab=VOCAB), SentencePairs(kind="sop", vocab=VOCAB)
HALF = WORDS[len(WORDS) // 2]  # own words are below, those of companions from here on


def rows(number: int, length: int, other: int | None = None, real: int | None = None) -> Rows:
    segments = documents(*[[length if real is None else real]] * number)
    segments = np.pad(segments, ((0, 0), (0, length - segments.shape[1])))
    own = words(number, length, segments=segments)
    own.tokens[segments == 1] = 5 + (own.tokens[segments == 1] - 5) % (HALF - 5)
    if other is None:
        return own
    companion = np.random.default_rng(1).integers(HALF, WORDS[-1], (number, length)).astype(np.int32)
    companion[:, other:] = -1
    return replace(own, companion=companion)


def test_the_layout_is_bert_s():
    batch = NSP(rows(200, 61, other=61))
    assert batch.inputs.shape == batch.types.shape == (200, 64)
    for row in range(200):
        first, second = texts(batch, row)
        real = len(first) + len(second) + 3
        assert (
            batch.targets[row, 0] == BOS and batch.targets[row, len(first) + 1] == EOS == batch.targets[row, real - 1]
        )
        assert batch.types[row].tolist() == [0] * (len(first) + 2) + [1] * (len(second) + 1) + [0] * (64 - real)
        assert batch.segments[row].tolist() == [1] * real + [0] * (64 - real)
        assert (batch.targets[row, real:] == PAD).all()
        assert len(first) >= 1 and len(second) >= 1


def test_class_0_is_the_next_text_and_class_1_that_of_another_document():
    given = rows(400, 61, other=61)
    batch = NSP(given)
    assert 0.4 < batch.pair.mean() < 0.6
    for row in range(400):
        first, second = texts(batch, row)
        own = given.tokens[row].tolist()
        assert first == own[: len(first)]
        if batch.pair[row] == 0:
            assert second == own[len(first) : len(first) + len(second)]
        else:
            assert min(second) >= HALF
            other = given.companion[row].tolist()
            assert any(other[at : at + len(second)] == second for at in range(len(other)))


def test_in_order_is_0_and_swapped_is_1():
    given = rows(400, 61)
    batch = SOP(given)
    assert 0.4 < batch.pair.mean() < 0.6
    for row in range(400):
        first, second = texts(batch, row)
        whole = second + first if batch.pair[row] == 1 else first + second
        assert whole == given.tokens[row].tolist()[: len(whole)]


def test_lengths_tell_nothing_of_the_class():
    number, random = 20_000, np.random.default_rng(3)
    given = rows(number, 61, other=61)
    column = np.arange(61)
    segments = (column < random.integers(2, 62, number)[:, None]).astype(np.int32)
    ends = np.minimum(random.integers(1, 120, number), 61)  # half of the other documents are shorter than a row
    batch = NSP(replace(given, segments=segments, companion=np.where(column < ends[:, None], given.companion, -1)))
    first = ((batch.types == 0) & (batch.segments != 0)).sum(axis=1) - 2
    second = (batch.types == 1).sum(axis=1) - 1
    assert second.min() >= 1
    for lengths in (first, second, first + second, 8 * (first // 8) + second // 8):
        independent(lengths, batch.pair)


def independent(values: np.ndarray, label: np.ndarray) -> None:
    """Chi-square of the table of values and labels, over values seen often enough, against 5 sigma above its mean."""
    table = np.stack([np.bincount(values[label == one], minlength=values.max() + 1) for one in (0, 1)])
    table = table[:, table.sum(axis=0) >= 20]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    freedom = table.shape[1] - 1
    assert freedom >= 20
    assert ((table - expected) ** 2 / expected).sum() < freedom + 5 * np.sqrt(2 * freedom)


def test_a_cut_begins_a_sentence_where_there_is_one():
    given = rows(300, 61)
    batch = replace(SOP, short=0.0)(given)
    for row in range(300):
        first, second = texts(batch, row)
        cut = len(second if batch.pair[row] else first)
        own = given.tokens[row]
        starts = 1 + np.flatnonzero(VOCAB.ends_sentence[own[:-1]] & VOCAB.starts_word[own[1:]])
        assert cut in starts or not len(starts)


def test_a_tenth_of_the_rows_is_short():
    short = (SOP(rows(5000, 61)).segments == 0).any(axis=1)
    assert short.mean() == pytest.approx(0.1, abs=0.015)
    assert not (replace(SOP, short=0.0)(rows(100, 61)).segments == 0).any()


def test_without_another_document_every_pair_is_the_next():
    assert not NSP(rows(50, 61)).pair.any()
    assert not NSP(rows(50, 61, other=0)).pair.any()


def test_rows_of_one_token_and_of_none():
    one = NSP(rows(20, 10, other=10, real=1))
    assert not one.pair.any()
    assert one.targets[0].tolist() == [BOS, one.targets[0, 1], EOS, EOS] + [PAD] * 9
    none = NSP(rows(20, 10, other=10, real=0))
    assert not none.segments.any() and not none.count.any() and (none.inputs == PAD).all()


def test_the_inner_objective_sees_the_pair():
    batch = SentencePairs(Masked(rate=0.3, mask_share=1.0, random_share=0.0), "sop", 0.0, VOCAB)(rows(20, 61))
    assert ((batch.inputs == MASK).sum(axis=1) == 18).all()
    assert (batch.count == 18).all()
    hidden = batch.inputs == MASK
    assert not np.isin(batch.targets[hidden], [BOS, EOS]).any()


def test_companions_are_wanted_for_the_next_sentence_alone():
    assert NSP.row_length(512) == 509 and NSP.companion_length(512) == 509 and SOP.companion_length(512) == 0
    assert NSP.target_length(512) == 512 and NSP.boundary_tokens == ((), ())


def test_bad_settings_are_refused():
    for bad in (
        {"objective": Causal()},
        {"objective": NSP},
        {"objective": ReplacedToken()},
        {"kind": "x"},
        {"short": 2.0},
    ):
        with pytest.raises(UserError, match="sentence-pair"):
            SentencePairs(**bad)
    with pytest.raises(UserError, match="at least 5"):
        NSP.check(4)
    with pytest.raises(UserError, match="end a sentence"):
        replace(NSP, vocab=replace(VOCAB, ends_sentence=np.zeros(VOCAB.size, bool), fingerprint="x")).check(64)


def test_the_objective_inside_knows_how_much_of_the_run_is_done():
    rows = replace(words(3, 100), progress=np.array([0.0, 0.5, 1.0]))
    objective = SentencePairs(Masked(rate=0.1, final_rate=0.5), "sop", short=0.0, vocab=VOCAB)
    assert objective(rows).count.tolist() == [10, 30, 50]
