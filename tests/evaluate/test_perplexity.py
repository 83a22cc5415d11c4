"""Measurements against hand arithmetic, and their independence of the batch size."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.batch import Batch, Rows
from hornbook.evaluate.baselines import baselines
from hornbook.evaluate.perplexity import Measurement, measure
from hornbook.evaluate.pseudo_perplexity import pseudo_perplexity
from hornbook.objectives.causal import Causal
from hornbook.objectives.masked import Masked
from hornbook.vocab import Vocab

SIZE = 12
SPECIAL = np.zeros(SIZE, bool)
SPECIAL[:5] = True
VOCAB = Vocab(size=SIZE, pad=0, bos=1, eos=2, unk=3, mask=4, cls=1, sep=2, special=SPECIAL)


class Stream:
    """Rows of one fixed array, as PackedRows gives them; each begins with a document of its own."""

    def __init__(self, tokens, segments):
        self.tokens, self.segments = np.array(tokens, np.int32), np.array(segments, np.int32)
        self._first = np.concatenate([[0], np.cumsum(self.segments.max(axis=1))])
        self.chosen = np.arange(self._first[-1])
        self.store = SimpleNamespace(bytes=np.full(self._first[-1], 10))

    def first_documents(self, index):
        return self._first[index]

    def __len__(self):
        return len(self.tokens)

    def rows(self, index, keys):
        return Rows(self.tokens[index], keys, self.segments[index], np.asarray(index))


class Table:
    """A model that gives target t the fixed nats cost[t], whatever it sees."""

    def __init__(self, cost):
        self.cost = torch.tensor(cost, dtype=torch.float64)

    def nats(self, batch: Batch):
        return self.cost[torch.from_numpy(batch.targets[batch.weights != 0].astype(np.int64))]


def test_the_tutorial_exercise():
    assert Measurement(3.2, 1, 0, 0).perplexity == pytest.approx(24.5325, abs=5e-5)
    assert Measurement(2.8, 1, 0, 0).perplexity == pytest.approx(16.4446, abs=5e-5)


def test_bits_per_byte_leaves_the_end_mark_out_and_takes_the_unknown_token_in():
    rows = Stream([[1, 5, 6, 3, 2, 0]], [[1, 1, 1, 1, 1, 0]])
    cost = np.zeros(SIZE)
    cost[[5, 6, 3, 2]] = [1.0, 2.0, 4.0, 8.0]
    found = measure(Table(cost), rows, Causal(VOCAB), lambda b: b, batch_rows=1, seed=0, text_bytes=10)
    assert found.nats == 15.0 and found.count == 4.0
    assert found.text_nats == 7.0 and found.text_tokens == 3
    assert found.bits_per_byte == pytest.approx(7.0 / math.log(2) / 10)


def test_no_bits_per_byte_where_not_every_token_is_predicted():
    rows = Stream([[1, 5, 6, 7, 2]], [[1, 1, 1, 1, 1]])
    found = measure(Table(np.ones(SIZE)), rows, Masked(vocab=VOCAB), lambda b: b, batch_rows=1, seed=0, text_bytes=10)
    assert found.bits_per_byte is None and found.text_tokens == 1


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32))
def test_the_batch_size_changes_nothing(one, other, seed):
    generator = np.random.default_rng(seed)
    rows = Stream(generator.integers(5, SIZE, (7, 6)), np.ones((7, 6), int))
    cost = generator.random(SIZE)
    first, second = (
        measure(Table(cost), rows, Masked(rate=0.4, vocab=VOCAB), lambda b: b, batch_rows=size, seed=3)
        for size in (one, other)
    )
    assert first.count == second.count and first.text_tokens == second.text_tokens
    assert first.nats == pytest.approx(second.nats, rel=1e-12)


def causal_batch(*rows):
    tokens = np.array(rows, np.int32)
    return Causal(VOCAB)(Rows(tokens, np.zeros(len(tokens), np.uint64), np.ones(tokens.shape, np.int32)))


def test_unigram_and_bigram_equal_their_formulas():
    training = [causal_batch([5, 6, 5, 7]), causal_batch([5, 6, 6, 6])]  # targets 6 5 7 | 6 6 6
    held_out = [causal_batch([5, 6, 7, 8])]  # 6 after 5, 7 after 6, 8 after 7
    found = baselines(training, held_out, SIZE, VOCAB, next_token=True)
    p = {6: (4 + 1) / (6 + SIZE), 7: (1 + 1) / (6 + SIZE), 8: 1 / (6 + SIZE)}
    assert found.unigram == pytest.approx(-sum(map(math.log, p.values())) / 3)
    # After 5: 6 twice, 7 once (3 seen, 2 kinds). After 6: 5 once, 6 twice (3, 2). After 7: never seen, the unigram.
    expected = [(2 + 2 * p[6]) / 5, (0 + 2 * p[7]) / 5, p[8]]
    assert found.bigram == pytest.approx(-sum(map(math.log, expected)) / 3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_the_bigram_is_a_probability(seed):
    generator = np.random.default_rng(seed)
    training = [causal_batch(generator.integers(0, SIZE, 9)) for _ in range(3)]
    for before in range(SIZE):
        shares = [
            math.exp(-baselines(training, [causal_batch([before, after])], SIZE, VOCAB, next_token=True).bigram)
            for after in range(SIZE)
        ]
        assert sum(shares) == pytest.approx(1.0)


def test_pseudo_perplexity_masks_one_token_at_a_time_and_reads_it_at_its_own_position():
    rows = Stream([[1, 5, 6, 7, 2, 0], [1, 8, 9, 10, 11, 2]], [[1, 1, 1, 1, 1, 0], [1] * 6])
    seen = []

    def prepare(batch):
        assert (batch.weights.sum(1) == 1).all()
        assert ((batch.inputs == 4) == (batch.weights != 0)).all()
        assert ((batch.inputs == batch.targets) | (batch.weights != 0)).all()
        seen.extend(batch.targets[batch.weights != 0].tolist())
        return batch

    cost = np.arange(SIZE) / 10
    found = pseudo_perplexity(Table(cost), rows, Masked(vocab=VOCAB), prepare, tokens=100, batch_rows=2, seed=1)
    assert sorted(seen) == [5, 6, 7, 8, 9, 10, 11]
    assert found.perplexity == pytest.approx(math.exp(0.8))
    np.testing.assert_allclose(found.by_document, [[0.5 + 0.6 + 0.7, 0.8 + 0.9 + 1.0 + 1.1], [3, 4]])
    seen.clear()
    pseudo_perplexity(Table(cost), rows, Masked(vocab=VOCAB), prepare, tokens=3, batch_rows=2, seed=1)
    assert len(seen) == 3


class PairTable(Table):
    """A model that holds every pair to be of class 0, and the last row's to be of class 1."""

    def pair_nats(self, batch: Batch):
        nats = torch.tensor([[0.25, 1.5]]).repeat(len(batch), 1)
        nats[-1] = nats[-1].flip(0)
        return nats


def test_pairs_are_counted_and_told_rightly_where_the_likelier_class_is_the_true_one():
    @dataclasses.dataclass(frozen=True)
    class Pairs:
        vocab: Vocab
        overlap: int = 0
        topology: str = "encoder"
        boundary_tokens: tuple[tuple[int, ...], tuple[int, ...]] = ((1,), (2,))

        def __call__(self, rows: Rows) -> Batch:
            return dataclasses.replace(Masked(vocab=self.vocab)(rows), pair=rows.tokens[:, 1] % 2)

    rows = Stream([[1, 6, 7, 2], [1, 8, 7, 2], [1, 9, 7, 2], [1, 7, 7, 2]], np.ones((4, 4)))
    found = measure(PairTable(np.zeros(SIZE)), rows, Pairs(VOCAB), lambda b: b, batch_rows=4, seed=0)
    assert (found.pairs, found.pairs_right) == (4, 3)  # classes 0 0 1 1, guesses 0 0 0 1
    assert found.pair_accuracy == 0.75 and found.pair_nats == pytest.approx(0.25 + 0.25 + 1.5 + 0.25)
    assert found.record()["pair_accuracy"] == 0.75 and found.record()["pair_loss"] == pytest.approx(2.25 / 4)
    assert (
        "pair_accuracy"
        not in measure(Table(np.zeros(SIZE)), rows, Masked(vocab=VOCAB), lambda b: b, batch_rows=4, seed=0).record()
    )
