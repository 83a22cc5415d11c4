"""The laws that every objective obeys, on rows of any length, packed, ragged and padded."""

from __future__ import annotations

import copy
import pickle
import re
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lawful_objectives import OBJECTIVES, VOCAB, rows_for
from small_vocab import (
    EOS,
    MODES,
    PAD,
    WORDS,
    restore,
    restore_joined,
    restore_middles,
    restore_pair,
    restore_prefixes,
    vocabulary,
)

from hornbook.batch import Batch, Rows, allowed
from hornbook.errors import UserError
from hornbook.keys import row_keys
from hornbook.objectives.bart import BARTDenoising
from hornbook.objectives.base import Objective, cycle_of
from hornbook.objectives.catalogue import CATALOGUE, class_of
from hornbook.objectives.diffusion import MaskedDiffusion
from hornbook.objectives.fim import FillInMiddle
from hornbook.objectives.joined import Joined
from hornbook.objectives.mixture import Mixture, pick
from hornbook.objectives.prefix import PrefixLM
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.objectives.ul2_denoiser import UL2Denoiser
from hornbook.vocab import EMPTY

laws = pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
examples = settings(deadline=None, max_examples=40)


def arrays(batch: Batch) -> dict[str, np.ndarray]:
    return {item.name: value for item in fields(batch) if (value := getattr(batch, item.name)) is not None}


def same(left: Batch, right: Batch) -> bool:
    a, b = arrays(left), arrays(right)
    return a.keys() == b.keys() and all(
        a[name].dtype == b[name].dtype and np.array_equal(a[name], b[name]) for name in a
    )


def part_of(objective: Objective, rows: Rows, index: int) -> Objective:
    """The objective itself, or the part of a mixture whose turn a row is."""
    return objective.cycle[pick(rows, len(objective.cycle))[index]] if isinstance(objective, Mixture) else objective


@laws
@examples
@given(data=st.data())
def test_inputs_and_targets_together_give_back_the_row(objective, data):
    rows = data.draw(rows_for(objective))
    whole, batch = objective, objective(rows)
    for index in range(len(rows)):
        real = rows.tokens[index][rows.real[index]].tolist()
        objective = part_of(whole, rows, index)
        if isinstance(objective, BARTDenoising):
            found = batch.targets[index][: len(real)].tolist()
        elif isinstance(objective, Joined):
            found = restore_joined(batch, index, VOCAB)
        elif isinstance(objective, SentencePairs):
            found = restore_pair(batch, index, swapped=batch.pair[index] == 1)
        elif isinstance(objective, FillInMiddle):
            found = restore_middles(batch, rows, index, VOCAB)
        elif isinstance(objective, PrefixLM) and objective.topology == "encoder-decoder":
            found = restore_prefixes(batch, index)
        elif objective.topology == "decoder":
            found = [*batch.inputs[index][:1].tolist(), *batch.targets[index].tolist()][: len(real)]
        elif objective.topology == "encoder":
            found = batch.targets[index][rows.real[index]].tolist()
        else:
            found = restore(batch, index, VOCAB)
        assert found == real


@laws
@examples
@given(data=st.data())
def test_a_row_depends_on_its_tokens_segments_and_key_alone(objective, data):
    rows = data.draw(rows_for(objective))
    order = np.array(data.draw(st.permutations(range(len(rows)))))
    batch = objective(rows)
    assert same(objective(rows), batch)
    shuffled = Batch(**{name: value[order] for name, value in arrays(batch).items()})
    assert same(objective(rows.take(order)), shuffled)
    for index in range(len(rows)):
        assert same(objective(rows.take(np.array([index]))), batch.rows(index, index + 1))


@laws
@examples
@given(data=st.data())
def test_shapes_and_types_do_not_depend_on_the_noise(objective, data):
    rows = data.draw(rows_for(objective))
    batch = objective(rows)
    again = objective(Rows(rows.tokens, rows.keys + np.uint64(1), rows.segments))
    for name, value in arrays(batch).items():
        expected = {"weights": np.float32, "count": np.float64, "visible": np.bool_}.get(name, np.int32)
        assert value.dtype == expected
        assert getattr(again, name).shape == value.shape
        assert np.isfinite(value).all()


@laws
@examples
@given(length=st.integers(4, 200))
def test_full_rows_fill_the_model_exactly(objective, length):
    for part in cycle_of(objective):
        fills_the_model(part, max(length, LEAST.get(type(part), 4)))


# Modes, marks and two sides in one row need some room.
LEAST = {UL2Denoiser: 8, Joined: 12, SentencePairs: 6}


def fills_the_model(objective, length):
    tokens = np.full((2, objective.row_length(length)), WORDS[0], np.int32)
    objective.check(length)
    batch = objective(Rows(tokens, row_keys(0, np.arange(2), 0), np.ones_like(tokens)))
    # With half noise targets are as long as inputs, and where one more token would overflow them, inputs end one short.
    if isinstance(objective, BARTDenoising):  # all of the row is said, and less is read
        assert batch.targets.shape[1] == length
    elif isinstance(objective, Joined):  # one more token may add a sentinel to each side
        assert 0 <= length - batch.inputs.shape[1] <= 3
    elif batch.inputs.shape[1] != length:
        assert batch.inputs.shape[1] == length - 1
        assert objective.sizes(np.array([tokens.shape[1] + 1]))[1][0] > length
    assert batch.targets.shape[1] <= length
    assert batch.targets.shape == (2, objective.target_length(length))
    if isinstance(objective, FillInMiddle):  # how many marks a row needs is up to its draws
        assert np.count_nonzero(batch.segments == 0) <= 2 * objective.room(tokens.shape[1])
    else:
        assert batch.segments.all()


@laws
@examples
@given(data=st.data())
def test_the_caller_s_arrays_are_neither_changed_nor_lent(objective, data):
    rows = data.draw(rows_for(objective))
    before = copy.deepcopy((rows.tokens, rows.keys, rows.segments))
    batch = objective(rows)
    for value in arrays(batch).values():
        value.fill(0)
    for given_array, kept in zip((rows.tokens, rows.keys, rows.segments), before, strict=True):
        assert np.array_equal(given_array, kept)


@laws
@examples
@given(data=st.data())
def test_what_is_not_text_is_neither_changed_nor_scored(objective, data):
    rows = data.draw(rows_for(objective))
    batch = objective(rows)
    pads = np.zeros(batch.targets.shape, bool)
    if batch.decoder_segments is not None:
        pads = batch.decoder_segments == 0
    elif batch.segments is not None:
        pads = batch.segments == 0
    assert not batch.weights[pads].any()
    if isinstance(objective, MaskedDiffusion):
        assert ((batch.weights == 0) | (batch.weights >= 1)).all()
        assert (batch.count == (~VOCAB.special[rows.tokens] & rows.real).sum(axis=1)).all()
    else:
        assert ((batch.weights == 0) | (batch.weights == 1)).all()
        assert (batch.count == batch.weights.sum(axis=1)).all()
    if objective.topology == "encoder":
        said = batch.targets if isinstance(objective, SentencePairs) else rows.tokens
        special = VOCAB.special[said] | pads
        assert np.array_equal(batch.inputs[special], said[special])
        assert not batch.weights[special].any()
        assert np.array_equal(batch.inputs[batch.weights == 0], said[batch.weights == 0])
    if objective.topology == "encoder-decoder" and batch.segments is not None:
        assert (batch.inputs[batch.segments == 0] == PAD).all()
    if isinstance(objective, SpanCorruption) and batch.segments is not None:
        assert ((batch.inputs == EOS).sum(axis=1) == rows.real.any(axis=1)).all()


@laws
@examples
@given(data=st.data())
def test_no_position_sees_what_it_must_say(objective, data):
    rows = data.draw(rows_for(objective))
    batch = objective(rows)
    length = batch.targets.shape[1]
    if objective.topology == "encoder":  # the token itself is hidden, or shown on purpose
        return
    if objective.topology == "decoder":
        sees = allowed(batch.segments, batch.visible, length, "decoder")
    else:
        sees = allowed(batch.decoder_segments, None, length, "decoder")
    # Position t says what stands at t + 1.
    assert not (sees[:, np.arange(length - 1), np.arange(1, length)] & (batch.weights[:, :-1] != 0)).any()
    if batch.visible is not None:
        behind = batch.weights[:, :-1] != 0
        if batch.segments is not None:
            behind &= batch.segments[:, 1:] == batch.segments[:, :-1]
        assert not (batch.visible[:, 1:] & behind).any()


@laws
def test_an_objective_is_a_frozen_value(objective):
    assert pickle.loads(pickle.dumps(objective)) == objective
    assert replace(objective) == objective
    assert hash(objective) == hash(replace(objective))
    assert isinstance(objective, Objective)
    assert "vocab" not in repr(objective)
    assert fields(objective)[-1].name == "vocab"
    with pytest.raises(FrozenInstanceError):
        objective.vocab = EMPTY


@laws
def test_requirements_need_no_vocabulary_and_provide_what_check_asks(objective):
    bare = replace(objective, vocab=EMPTY)
    needs = bare.requirements(64)
    assert needs == objective.requirements(64)
    assert bare.row_length(64) == objective.row_length(64)
    with pytest.raises(UserError):
        bare.check(64)
    replace(objective, vocab=vocabulary(sentinels=needs.sentinels)).check(64)
    if needs.sentinels:
        with pytest.raises(UserError, match="sentinels"):
            replace(objective, vocab=vocabulary(sentinels=needs.sentinels - 1)).check(64)
    for name in needs.modes:
        with pytest.raises(UserError, match=re.escape(name)):
            replace(objective, vocab=vocabulary(modes=tuple(other for other in MODES if other != name))).check(64)


def test_every_objective_of_the_catalogue_is_held_to_the_laws():
    assert {type(objective) for objective in OBJECTIVES} >= set(map(class_of, CATALOGUE))
