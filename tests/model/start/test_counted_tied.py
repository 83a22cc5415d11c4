"""A model whose one table is read and predicted from says, before its first step, what the last token says."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_tables import table_of, witten_bell
from small_models import small

from hornbook.model.config import ModelConfig
from hornbook.model.start.tied import begin_tied, holds_tied_counts
from hornbook.model.transformer import Transformer

V = 13
DECODER = replace(small("decoder"), vocab_size=V, tied=True)
BOTH = replace(small("encoder-decoder"), vocab_size=V)


def begun(config: ModelConfig, counts: torch.Tensor, seed: int = 0) -> Transformer:
    model = Transformer(config)
    model.initialise(seed)
    begin_tied(model, counts.to_sparse(), seed)
    return model.eval()


def says(model: Transformer, tokens: torch.Tensor) -> torch.Tensor:
    """Return log p of what follows each token, behind whatever an encoder has read."""
    assert model.decoder is not None
    with torch.no_grad():
        read = model.embedded(tokens, None, None, behind=model.encoder is not None)
        memory = None if model.encoder is None else model.encoder(model.embedded(tokens.flip(1), None, None), None)
        return torch.log_softmax(model.output(model.decoder(read, None, memory=memory)), -1)


@settings(max_examples=5)
@given(st.integers(0, 10**6), st.integers(0, 5), st.booleans())
def test_the_first_predictions_are_the_smoothed_bigrams(seed: int, of_model: int, behind: bool) -> None:
    """32 dimensions hold the factors of 13 tokens twice, so nothing is cut."""
    counts = table_of(seed, V)
    model = begun(BOTH if behind else DECODER, counts, of_model)
    tokens = torch.from_numpy(np.random.default_rng(seed).integers(0, V, (4, 9)))
    assert torch.allclose(says(model, tokens).double(), witten_bell(counts)[tokens], atol=5e-3)


BLOCKS = [
    replace(DECODER, qk_norm=False, layers=3, kv_heads=2),
    replace(DECODER, gated=False, mlp_width=48, activation="gelu"),
    replace(DECODER, positions="none", gated=False, mlp_width=48),
    replace(BOTH, gated=False, activation="relu", mlp_width=64),
    replace(BOTH, output_scale="none", decoder_layers=1),
]


@pytest.mark.parametrize("config", BLOCKS)
def test_every_block_that_holds_them_begins_with_them(config: ModelConfig) -> None:
    counts, tokens = table_of(7, V), torch.arange(V)[None]
    assert holds_tied_counts(config)
    assert torch.allclose(says(begun(config, counts), tokens)[0].double(), witten_bell(counts), atol=5e-3)


def test_the_same_counts_and_seed_give_the_same_bits() -> None:
    counts = table_of(3, V)
    one, two = (begun(BOTH, counts, 5).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(
    "change",
    [{"tied": False}, {"norm": "layer"}, {"norm_place": "post"}, {"positions": "learned"}, {"mlp_width": 16}],
)
def test_other_shapes_do_not_hold_them(change: dict[str, object]) -> None:
    assert holds_tied_counts(DECODER)
    assert not holds_tied_counts(replace(DECODER, **change))  # type: ignore[arg-type]
