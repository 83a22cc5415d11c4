"""A model that begins from counts predicts what they say, whatever its size, its seed and the tokens before."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_tables import table_of, witten_bell
from small_models import small

from hornbook.model.config import ModelConfig
from hornbook.model.start.counted import begin_from_counts, factored, holds_counts
from hornbook.model.transformer import Transformer

V = 13
# In one layer no head looks for repeats, whose signatures add to what the head reads.
SHAPE = replace(small("decoder"), vocab_size=V, start="counts", layers=1)


def begun(config: ModelConfig, counts: torch.Tensor, seed: int = 0) -> Transformer:
    model = Transformer(config)
    model.initialise(seed)
    begin_from_counts(model, counts.to_sparse(), seed)
    return model.eval()


def says(model: Transformer, tokens: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        hidden = model.decoder(model.embedded(tokens, None, None), None, None)  # type: ignore[misc]
        return torch.log_softmax(model.output(hidden), -1)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(0, 5))
def test_the_first_predictions_are_the_smoothed_bigrams(seed: int, of_model: int) -> None:
    """32 dimensions hold all of 13 tokens, so nothing is cut."""
    counts = table_of(seed, V)
    model = begun(SHAPE, counts, of_model)
    tokens = torch.from_numpy(np.random.default_rng(seed).integers(0, V, (4, 9)))
    assert torch.allclose(says(model, tokens).double(), witten_bell(counts)[tokens], atol=2e-3)


def test_the_factors_are_the_best_of_their_rank() -> None:
    """By the weighted sum of squares: the randomised decomposition is as good as the whole one, cut."""
    counts = table_of(1, V, most=500, empty=0.2)
    unigram, read = (counts.sum(0) + 0.5), counts.sum(1) + 1
    rows, columns = (read / read.sum()).sqrt(), (unigram / unigram.sum()).sqrt()
    whole = factored(counts.to_sparse(), V, 0)
    exact = rows[:, None] * (whole.read @ whole.said.T) * columns
    wanted = torch.linalg.svdvals(exact)[4:].square().sum()
    cut = factored(counts.to_sparse(), 4, 0)
    lost = (exact - rows[:, None] * (cut.read @ cut.said.T) * columns).square().sum()
    assert lost == pytest.approx(float(wanted), rel=1e-6)


def test_the_same_counts_and_seed_give_the_same_bits() -> None:
    counts = table_of(3, V)
    one, two = (begun(SHAPE, counts, 5).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    other = begun(SHAPE, counts, 6).state_dict()
    assert not torch.equal(one["embed.tokens.weight"], other["embed.tokens.weight"])


def test_the_table_has_the_deviation_that_its_rate_is_counted_in() -> None:
    table = begun(SHAPE, table_of(4, V)).embed.tokens.weight
    assert torch.allclose(table.square().mean(1).sqrt(), torch.tensor(0.2))


@pytest.mark.parametrize(
    "change",
    [
        {"tied": True},
        {"norm": "layer"},
        {"norm_place": "post"},
        {"positions": "learned"},
        {"embedding_norm": True},
        {"final_norm": False},
        {"head_transform": True},
    ],
)
def test_other_shapes_do_not_hold_counts(change: dict[str, object]) -> None:
    assert holds_counts(SHAPE)
    assert not holds_counts(replace(SHAPE, **change))  # type: ignore[arg-type]


WIDER: list[Callable[[ModelConfig], ModelConfig]] = [
    lambda c: replace(c, kv_heads=2),
    lambda c: replace(c, gated=False, mlp_width=48),
    lambda c: replace(c, qk_norm=False),
    lambda c: replace(c, positions="none", vocab_size=V),
    lambda c: replace(c, window=3),
]


@pytest.mark.parametrize("change", WIDER)
def test_every_block_that_holds_them_begins_with_them(change: Callable[[ModelConfig], ModelConfig]) -> None:
    counts, tokens = table_of(7, V), torch.arange(V)[None]
    assert torch.allclose(says(begun(change(SHAPE), counts), tokens)[0].double(), witten_bell(counts), atol=2e-3)
