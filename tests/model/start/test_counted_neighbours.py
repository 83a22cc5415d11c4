"""An encoder that begins from counted neighbours says of a mask what the tokens on both sides say."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_tables import table_of
from small_models import small

from hornbook.model.config import ModelConfig
from hornbook.model.sizes import BLOCKS
from hornbook.model.start import looking_back
from hornbook.model.start.counted import factored
from hornbook.model.start.neighbours import begin_from_neighbours, holds_neighbours
from hornbook.model.transformer import Transformer

V, MASK = 13, 12
SHAPE = replace(small("encoder"), vocab_size=V, width=64, heads=2)


def counts_of(seed: int) -> torch.Tensor:
    """Return counts [V, V] of a text without masks."""
    counts = table_of(seed, V)
    counts[MASK] = counts[:, MASK] = 0
    return counts


def begun(config: ModelConfig, counts: torch.Tensor, seed: int = 0) -> Transformer:
    model = Transformer(config)
    model.initialise(seed)
    begin_from_neighbours(model, counts.to_sparse(), MASK, seed)
    return model.eval()


def says(model: Transformer, tokens: torch.Tensor) -> torch.Tensor:
    """Return the logits [V] of the token in the middle of `tokens`, a mask."""
    assert model.encoder is not None
    with torch.no_grad():
        hidden = model.encoder(model.embedded(tokens[None], None, None), None)
        logits: torch.Tensor = model.output(hidden)[0, len(tokens) // 2].double()
        return logits


def sharp(config: ModelConfig, counts: torch.Tensor, seed: int = 0) -> Transformer:
    """Begun with heads that look at their distance and nowhere else; as they are, a few hundredths fall on others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looking_back, "SIZE", 6.0)
        patch.setattr(looking_back, "RANDOM", 0.0)
        return begun(config, counts, seed)


@settings(max_examples=5)
@given(st.integers(0, 10**6), st.integers(0, 5), st.integers(0, MASK), st.integers(0, MASK))
def test_the_first_predictions_add_up_both_sides(seed: int, of_model: int, left: int, right: int) -> None:
    """A neighbour that is masked too says nothing. 64 dimensions hold the factors of 13 tokens twice."""
    counts = counts_of(seed)
    model, found = sharp(SHAPE, counts, of_model), factored(counts.to_sparse(), V, of_model)
    pairs = found.read @ found.said.T
    pairs[MASK] = pairs[:, MASK] = 0
    wanted = 0.9 * (pairs[left] + pairs[:, right]) + model.head.bias.detach().double()
    tokens = torch.tensor([3, 1, left, MASK, right, 5, 1])
    assert torch.allclose(*(torch.log_softmax(logits, -1) for logits in (says(model, tokens), wanted)), atol=0.02)


def test_as_they_are_most_of_it_is_there() -> None:
    counts = counts_of(1)
    model, found = begun(SHAPE, counts), factored(counts.to_sparse(), V, 0)
    pairs = found.read @ found.said.T
    for left, right in ((0, 5), (7, 3), (2, 2)):
        sides = pairs[left] + pairs[:, right]
        heard = says(model, torch.tensor([3, 1, left, MASK, right, 5, 1])) - model.head.bias.detach().double()
        assert torch.corrcoef(torch.stack([heard, sides])[:, :MASK])[0, 1] > 0.8


def test_the_same_counts_and_seed_give_the_same_bits() -> None:
    one, two = (begun(SHAPE, counts_of(3), 5).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(
    "config",
    [
        replace(SHAPE, width=32, heads=4),  # two heads a side
        replace(SHAPE, token_types=2, layers=1),
        replace(BLOCKS["modernbert"], vocab_size=V, width=64, layers=3, heads=2, window=2, max_length=32),
    ],
)
def test_every_block_that_holds_them_begins_with_them(config: ModelConfig) -> None:
    assert holds_neighbours(config)
    counts = counts_of(2)
    model, found = sharp(config, counts), factored(counts.to_sparse(), V, 0)
    pairs = found.read @ found.said.T
    heard = says(model, torch.tensor([3, 1, 4, MASK, 7, 5, 1])) - model.head.bias.detach().double()
    apart = (heard - 0.9 * (pairs[4] + pairs[:, 7]))[:MASK]
    assert float((apart - apart.mean()).abs().max()) < 0.1


@pytest.mark.parametrize(
    "change", [{"heads": 1}, {"norm_place": "post"}, {"positions": "learned"}, {"tied": False}, {"qk_norm": True}]
)
def test_other_shapes_do_not_hold_them(change: dict[str, object]) -> None:
    assert holds_neighbours(SHAPE)
    assert not holds_neighbours(replace(SHAPE, **change))  # type: ignore[arg-type]
