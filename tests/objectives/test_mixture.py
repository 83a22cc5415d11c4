from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_vocab import documents, vocabulary, words

from hornbook.batch import Rows
from hornbook.errors import UserError
from hornbook.objectives.bart import BARTDenoising
from hornbook.objectives.base import cycle_of, tokens_per_row
from hornbook.objectives.causal import Causal
from hornbook.objectives.joined import Joined
from hornbook.objectives.masked import Masked
from hornbook.objectives.mixture import Mixture
from hornbook.objectives.prefix import PrefixLM
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.objectives.ul2 import UL2

VOCAB = vocabulary()


def test_rows_take_turns_in_exact_shares():
    mixture = Mixture((SpanCorruption(), BARTDenoising()), (3, 1), VOCAB)
    cycle = cycle_of(mixture)
    assert [type(part).__name__ for part in cycle] == [
        "SpanCorruption",
        "SpanCorruption",
        "BARTDenoising",
        "SpanCorruption",
    ]
    assert all(part.vocab == VOCAB for part in cycle)
    assert len({id(part) for part in cycle}) == 2
    assert tokens_per_row(mixture, 512) == (3 * 568 + 511) / 4
    assert cycle_of(Causal(VOCAB)) == (Causal(VOCAB),)


def test_mixtures_within_mixtures_share_their_turns():
    mixture = Mixture((UL2("ul2r", modes=()), BARTDenoising()), (0.5, 0.5), VOCAB)
    regular, far, dense, sequential = UL2("ul2r", modes=(), vocab=VOCAB).denoisers
    numbers = [mixture.cycle.count(part) for part in (BARTDenoising(vocab=VOCAB), regular, far, dense, sequential)]
    assert numbers == [5, 2, 1, 1, 1] and len(mixture.cycle) == 10


def test_a_mixed_batch_is_each_part_s_rows_padded_to_the_widest():
    mixture = Mixture((SpanCorruption(), BARTDenoising()), vocab=VOCAB)
    rows = words(6, 100, segments=documents([60, 40], [100], [100], [30, 70], [99], [50]))
    rows = Rows(rows.tokens, rows.keys, rows.segments, np.arange(6))
    batch = mixture(rows)
    for row in range(6):
        alone = mixture.cycle[row % 2](rows.take(np.array([row])))
        reads, says = alone.inputs.shape[1], alone.targets.shape[1]
        assert np.array_equal(batch.inputs[row, :reads], alone.inputs[0])
        assert np.array_equal(batch.segments[row, :reads], alone.segments[0]) and not batch.segments[row, reads:].any()
        assert np.array_equal(batch.weights[row, :says], alone.weights[0]) and not batch.weights[row, says:].any()
        assert batch.count[row] == alone.count[0]


def test_mixtures_of_one_tokenizer_with_other_roles_do_not_share_shapes():
    rows = words(4, 31)
    plain = Mixture((SpanCorruption(), BARTDenoising()), vocab=VOCAB)
    started = Mixture((SpanCorruption(), BARTDenoising()), vocab=replace(VOCAB, decoder_start=2))
    assert plain != started
    assert [mixture(rows).targets.shape for mixture in (plain, started)] == [(4, 32), (4, 33)]


def test_a_causal_row_in_a_mixture_sees_nothing_ahead():
    mixture = Mixture((Causal(), PrefixLM()), vocab=VOCAB)
    rows = words(2, 30)
    batch = mixture(Rows(rows.tokens, rows.keys, None, np.arange(2)))
    assert not batch.visible[0].any() and batch.visible[1].any()
    assert mixture.overlap == 0 and [part.overlap for part in mixture.cycle] == [1, 0]


def test_what_cannot_be_mixed_is_refused():
    for given, message in (
        (((),), "no objectives"),
        (((Causal(), Masked()),), "one topology"),
        (((Causal(), PrefixLM()), (1,)), "2 objectives but 1 weights"),
        (((Causal(), PrefixLM()), (1, 0)), "above 0"),
        (((SentencePairs(), Masked()),), "leave them out of a mixture"),
    ):
        with pytest.raises(UserError, match=message):
            Mixture(*given)
    with pytest.raises(UserError, match="different special tokens"):
        Mixture((Causal(), Joined()), vocab=VOCAB).check(64)
