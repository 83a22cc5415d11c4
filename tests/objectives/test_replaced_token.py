from __future__ import annotations

import math

import numpy as np
import pytest
from small_vocab import MASK, vocabulary, words

from hornbook.errors import UserError
from hornbook.objectives.masked import Masked
from hornbook.objectives.replaced_token import ReplacedToken

VOCAB = vocabulary()


def test_85_percent_show_the_mask_and_15_percent_themselves_and_none_is_random():
    rows = words(3000, 512)
    batch = ReplacedToken(vocab=VOCAB)(rows)
    assert (batch.count == 77).all()
    noise = batch.weights != 0
    shown, was = batch.inputs[noise], rows.tokens[noise]
    assert ((shown == MASK) | (shown == was)).all()
    share = (shown == MASK).mean()
    assert abs(share - 0.85) < 5 * math.sqrt(0.85 * 0.15 / shown.size)
    assert np.array_equal(batch.targets, rows.tokens)


def test_it_needs_what_masking_needs():
    masked = Masked(mask_share=0.85, random_share=0.0, vocab=VOCAB)
    assert ReplacedToken(vocab=VOCAB).boundary_tokens == masked.boundary_tokens
    assert ReplacedToken().requirements(64) == masked.requirements(64)
    with pytest.raises(UserError, match="mask token"):
        ReplacedToken().check(64)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("rate", 0.0), ("mask_share", 1.1), ("generator_width", 0.0), ("discriminator_weight", -1.0)],
)
def test_settings_out_of_range_are_refused_in_words(setting, value):
    with pytest.raises(UserError, match=setting):
        ReplacedToken(**{setting: value})
