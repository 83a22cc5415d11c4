"""What a decoder behind an encoder starts with: padding, or what the tokenizer says, and nothing else changes."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, cast

import numpy as np
import pytest
from small_vocab import BOS, EOS, PAD, documents, vocabulary, words

from hornbook.batch import Batch, Rows
from hornbook.objectives.bart import BARTDenoising
from hornbook.objectives.catalogue import CATALOGUE, build
from hornbook.objectives.mixture import Mixture
from hornbook.objectives.prefix import PrefixLM
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.objectives.ul2 import UL2
from hornbook.vocab import EMPTY, Vocab

LENGTH = 40
OBJECTIVES = [
    *(found for kind in CATALOGUE if (found := build(kind, {}, EMPTY)).topology == "encoder-decoder"),
    PrefixLM("encoder-decoder"),
    UL2(sequential="split"),
    Mixture((SpanCorruption(), PrefixLM("encoder-decoder"))),
]


def begun(objective: Any, rows: Rows, vocab: Vocab) -> Batch:
    return cast(Batch, replace(objective, vocab=vocab)(rows))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
def test_each_document_starts_with_what_the_tokenizer_says(objective, packed):
    segments = documents([LENGTH], [9, 20, 11], [1, 30, 6], [13]) if packed else None
    rows = replace(words(4, LENGTH, seed=5, segments=segments), index=np.arange(4))
    plain = begun(objective, rows, vocabulary())
    other = begun(objective, rows, replace(vocabulary(), decoder_start=EOS, bos=None))
    for item in fields(Batch):
        if item.name != "decoder_inputs":
            found, expected = getattr(other, item.name), getattr(plain, item.name)
            assert found is expected is None or np.array_equal(found, expected), item.name
    assert plain.decoder_inputs is not None and other.decoder_inputs is not None
    own = plain.decoder_segments
    own = np.ones(plain.targets.shape, np.int32) if own is None else own
    starts = np.ones(own.shape, bool)
    starts[:, 1:] = own[:, 1:] != own[:, :-1]
    real = own != 0
    assert (plain.decoder_inputs[starts & real] == PAD).all()
    assert (other.decoder_inputs[starts & real] == EOS).all()
    assert np.array_equal(plain.decoder_inputs[~starts & real], other.decoder_inputs[~starts & real])
    assert (starts & real).sum() >= len(rows)


@pytest.mark.parametrize("packed", [False, True])
def test_rows_of_a_tokenizer_like_barts_begin_with_the_start_of_text(packed):
    segments = documents([LENGTH], [9, 20, 11], [1, 30, 6], [13]) if packed else None
    rows = words(4, LENGTH, seed=5, segments=segments)
    plain = begun(BARTDenoising(), rows, vocabulary())
    own = BARTDenoising(vocab=replace(vocabulary(), decoder_start=EOS))
    made = own(rows)
    for name in ("inputs", "targets"):
        assert (getattr(made, name)[:, 0] == BOS).all()
        assert np.array_equal(getattr(made, name)[:, 1:], getattr(plain, name))
    assert (made.weights[:, 0] == 1).all() and np.array_equal(made.count, plain.count + 1)
    assert made.decoder_inputs is not None
    assert (made.decoder_inputs[:, 0] == EOS).all()
    assert (made.decoder_inputs[:, 1] == BOS).all()
    assert own.target_length(LENGTH) == LENGTH and own.row_length(LENGTH) == LENGTH - 2
    assert own(words(2, own.row_length(LENGTH))).targets.shape[1] == LENGTH
    if packed:
        assert made.segments is not None and plain.segments is not None
        assert np.array_equal(made.segments[:, 1:], plain.segments) and (made.segments[:, 0] == 1).all()
        empty = own(words(1, LENGTH, segments=np.zeros((1, LENGTH), np.int32)))
        assert (empty.inputs == PAD).all() and not empty.weights.any() and empty.count[0] == 0
