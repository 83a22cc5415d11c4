from __future__ import annotations

import numpy as np
import pytest
from small_vocab import EOS, PAD, documents, restore_joined, vocabulary, words

from hornbook.batch import allowed
from hornbook.errors import UserError
from hornbook.objectives.joined import Joined
from hornbook.objectives.masked import Masked
from hornbook.objectives.prefix import PrefixLM
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.objectives.ul2 import UL2

VOCAB = vocabulary()


def test_inputs_then_targets_from_a_padding_token():
    rows = words(2, 40)
    inner, batch = SpanCorruption(vocab=VOCAB)(rows), Joined(vocab=VOCAB)(rows)
    size = inner.inputs.shape[1]
    assert np.array_equal(batch.inputs[:, :size], inner.inputs)
    assert np.array_equal(batch.inputs[:, size:], inner.decoder_inputs) and (batch.inputs[:, size] == PAD).all()
    assert np.array_equal(batch.targets[:, size:], inner.targets)
    assert batch.weights.sum() == inner.weights.sum() and not batch.weights[:, :size].any()
    assert batch.visible[:, :size].all() and not batch.visible[:, size:].any()
    assert Joined(inputs="causal", vocab=VOCAB)(rows).visible is None


@pytest.mark.parametrize("density", [0.15, 0.5])
@pytest.mark.parametrize("length", [64, 127, 512])
def test_both_sides_fill_the_positions_together(density, length):
    objective = Joined(SpanCorruption(density), vocab=VOCAB)
    batch = objective(words(2, objective.row_length(length)))
    assert length - 3 <= batch.inputs.shape[1] <= length
    assert objective.target_length(length) >= batch.inputs.shape[1]


def test_each_document_s_targets_follow_its_inputs_and_see_them_all():
    segments = documents([30, 50, 20], [100], [60, 20])
    rows = words(3, 100, segments=segments)
    batch = Joined(vocab=VOCAB)(rows)
    sees = allowed(batch.segments, batch.visible, batch.inputs.shape[1], "decoder")
    for row in range(3):
        own = batch.segments[row]
        real = np.count_nonzero(own)
        assert (np.diff(own[:real]) >= 0).all() and not own[real:].any()  # documents stand whole, padding last
        assert restore_joined(batch, row, VOCAB) == rows.tokens[row][segments[row] != 0].tolist()
        says = batch.weights[row] != 0
        for document in range(1, own.max() + 1):
            here = own == document
            places = np.flatnonzero(here & says)
            if not len(places):
                continue
            assert batch.inputs[row, places[0]] == PAD and np.flatnonzero(here & ~says).max() < places[0]
            reads = here & ~says
            assert sees[row][np.ix_(here, reads)].all()
            assert not sees[row][np.ix_(here, ~here)].any()
            assert not sees[row][np.ix_(reads, here & says)].any()
    assert np.count_nonzero(batch.inputs[0] == EOS) == 1


def test_the_parts_of_a_mixture_are_joined_each():
    cycle = Joined(UL2(), vocab=VOCAB).cycle
    assert [part.objective for part in cycle] == list(UL2(vocab=VOCAB).cycle)
    assert [part.row_length(512) for part in cycle] == [462, 491, 508, 381, 452, 507, 500]


def test_only_encoder_decoders_are_joined():
    for inner in (Masked(), PrefixLM()):
        with pytest.raises(UserError, match="an encoder-decoder objective inside"):
            Joined(inner)
    with pytest.raises(UserError, match="visible or causal"):
        Joined(inputs="x")
    Joined(PrefixLM("encoder-decoder"))
