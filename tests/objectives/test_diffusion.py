from __future__ import annotations

import math

import numpy as np
import pytest
from small_vocab import EOS, MASK, documents, vocabulary, words

from hornbook.batch import Rows
from hornbook.errors import UserError
from hornbook.keys import row_keys
from hornbook.objectives.diffusion import MaskedDiffusion

VOCAB = vocabulary()
both = pytest.mark.parametrize("weighting", ["llada", "mdlm"])


@both
def test_the_mean_of_the_weights_is_what_the_bound_says(weighting):
    rows, length = 20_000, 64
    batch = MaskedDiffusion(weighting, VOCAB)(words(rows, length))
    share = batch.weights.sum(axis=1) / batch.count
    expected = 1.0 if weighting == "llada" else 0.999  # E[p w]
    assert abs(share.mean() - expected) < 5 * share.std() / math.sqrt(rows)


@both
def test_a_row_s_masks_follow_its_probability_and_weight(weighting):
    objective = MaskedDiffusion(weighting, VOCAB)
    rows = words(300, 4000)
    probability, weight = objective.probabilities(rows)
    batch = objective(rows)
    found = (batch.weights != 0).mean(axis=1)
    assert (np.abs(found - probability) < 6 * np.sqrt(probability * (1 - probability) / 4000) + 1e-3).all()
    scored = np.where(batch.weights != 0, batch.weights, weight[:, None])
    np.testing.assert_allclose(scored, np.broadcast_to(weight[:, None], scored.shape), rtol=1e-6)
    if weighting == "llada":
        np.testing.assert_allclose(probability * weight, 1.0)
    else:
        np.testing.assert_allclose(probability * weight, 0.999)
    # t is uniform: the probabilities fill (0.001, 1) evenly.
    assert weight.min() >= 0.001 and weight.max() <= 1000
    assert abs(probability.mean() - 0.5005) < 5 * math.sqrt(1 / 12 / 300)


@both
def test_all_that_is_masked_shows_the_mask_and_all_words_count(weighting):
    rows = words(50, 30, segments=documents(*[[10, 12]] * 25, *[[30]] * 25))
    rows.tokens[:, 3] = EOS
    batch = MaskedDiffusion(weighting, VOCAB)(rows)
    masked = batch.weights != 0
    assert (batch.inputs[masked] == MASK).all()
    assert np.array_equal(batch.inputs[~masked], rows.tokens[~masked])
    assert batch.count.tolist() == [21.0] * 25 + [29.0] * 25
    assert not masked[:, 3].any() and not masked[rows.segments == 0].any()


def test_a_row_without_words_or_masks_is_accounted_for():
    tokens = np.array([[EOS, EOS, EOS]], np.int32)
    assert MaskedDiffusion(vocab=VOCAB)(Rows(tokens, row_keys(0, [0]))).count.tolist() == [0.0]
    batch = MaskedDiffusion(vocab=VOCAB)(words(500, 3))
    assert (~batch.weights.any(axis=1)).sum() > 50 and (batch.count == 3).all()


def test_settings_and_tokenizers_that_cannot_serve_are_refused():
    with pytest.raises(UserError, match="llada or mdlm"):
        MaskedDiffusion("linear")
    with pytest.raises(UserError, match="mask token"):
        MaskedDiffusion().check(16)
    with pytest.raises(UserError, match="at least 3"):
        MaskedDiffusion(vocab=VOCAB).check(2)
