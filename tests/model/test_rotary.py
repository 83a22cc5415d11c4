from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from small_models import small

from hornbook.errors import UserError
from hornbook.model.attention import place
from hornbook.model.rotary import rotary_rates, rotary_tables


def tables(length: int, width: int, base: float) -> tuple[torch.Tensor, torch.Tensor]:
    return rotary_tables(small("decoder", max_length=length, head_width=width), base)


def test_rotary_scores_depend_on_the_distance_alone():
    cosine, sine = tables(64, 8, 10_000.0)
    vectors = torch.randn(2, 1, 1, 1, 8, generator=torch.Generator().manual_seed(0))

    def score(query: int, key: int) -> float:
        turned = [place(vectors[i], None, (cosine[[at]], sine[[at]])) for i, at in enumerate((query, key))]
        return float((turned[0] * turned[1]).sum())

    assert score(5, 2) == pytest.approx(score(60, 57), abs=1e-5)
    assert score(5, 2) != pytest.approx(score(5, 3), abs=1e-3)
    assert score(7, 7) == pytest.approx(float((vectors[0] * vectors[1]).sum()), abs=1e-5)


def test_rotary_pairs_are_the_two_halves():
    cosine, sine = tables(4, 4, 100.0)
    turned = place(torch.tensor([1.0, 0.0, 0.0, 0.0]).view(1, 1, 1, 4), None, (cosine[[1]], sine[[1]]))
    assert turned.flatten().tolist() == pytest.approx([math.cos(1.0), 0.0, math.sin(1.0), 0.0])
    turned = place(torch.tensor([0.0, 1.0, 0.0, 0.0]).view(1, 1, 1, 4), None, (cosine[[2]], sine[[2]]))
    assert turned.flatten().tolist() == pytest.approx([0.0, math.cos(0.2), 0.0, math.sin(0.2)])


@pytest.mark.parametrize("width", [8, 64, 128])
@pytest.mark.parametrize("base", [100.0, 10_000.0, 1_000_000.0])
@pytest.mark.parametrize("length", [32, 8192])
@pytest.mark.parametrize("kind", ["none", "linear", "llama3", "yarn"])
def test_rates_are_those_of_transformers(kind, length, base, width):
    rope = pytest.importorskip("transformers.modeling_rope_utils").ROPE_INIT_FUNCTIONS
    llama = pytest.importorskip("transformers.models.llama")
    config = small("decoder", head_width=width, rotary_scaling=kind, rotary_factor=8.0, rotary_length=length)
    given = {"rope_type": "default" if kind == "none" else kind, "rope_theta": base}
    if kind != "none":
        given["factor"] = 8.0
    if kind in ("llama3", "yarn"):
        given["original_max_position_embeddings"] = length
    if kind == "llama3":
        given |= {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
    theirs = llama.LlamaConfig(
        hidden_size=4 * width, num_attention_heads=4, max_position_embeddings=8 * length, rope_parameters=given
    )
    plain = llama.modeling_llama.LlamaRotaryEmbedding.compute_default_rope_parameters
    rates, size = (plain if kind == "none" else rope[kind])(theirs)
    torch.testing.assert_close(rotary_rates(config, base).float(), rates, rtol=1e-5, atol=0)
    assert rotary_tables(config, base)[0][0].flatten().tolist() == pytest.approx([size] * width)


def test_a_stretch_without_what_it_needs_is_refused():
    config = small("decoder")
    with pytest.raises(UserError, match=r"=llama3 needs model\.rotary_length"):
        dataclasses.replace(config, rotary_scaling="llama3")
    with pytest.raises(UserError, match=r"rotary_factor must be a number of at least 1"):
        dataclasses.replace(config, rotary_scaling="linear", rotary_factor=0.5)
    with pytest.raises(UserError, match=r"set rotary_base"):
        dataclasses.replace(config, window=3, local_rotary_base=100.0)
