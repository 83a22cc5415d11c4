from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from small_models import CPU, TOPOLOGIES, batch, small
from torch.utils.flop_counter import FlopCounterMode

from hornbook.model.config import ModelConfig
from hornbook.model.electra import Electra, discriminator_config, generator_config
from hornbook.model.inputs import to_tensors
from hornbook.model.transformer import Transformer
from hornbook.recipes.named import default
from hornbook.run.settle.calibrate import flops_per_position
from hornbook.scaling.count import electra_flops_per_token, flops_per_token, parameters

CONFIGS = [
    small("decoder"),
    small("decoder", kv_heads=2, head_width=12, gated=False, tied=False),
    small("encoder"),
    small("encoder", embedding_width=12, shared_layers=True, layers=3),
    small("encoder-decoder", decoder_layers=3),
    small("encoder-decoder", decoder_layers=1, positions="learned", split_embedding=True, embedding_norm=True),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_parameters_are_those_of_the_built_model(config):
    assert parameters(config) == sum(parameter.numel() for parameter in Transformer(config).parameters())


def test_parameters_of_published_models():
    gpt2 = ModelConfig(
        "decoder", vocab_size=50_257, max_length=1024, width=768, layers=12, heads=12, norm="layer",
        positions="learned", gated=False, biases=True, qk_norm=False,
    )  # fmt: skip
    assert parameters(gpt2) == 124_439_808
    llama = ModelConfig(
        "decoder", vocab_size=32_000, width=4096, layers=32, heads=32, mlp_width=11_008, qk_norm=False, tied=False
    )
    assert parameters(llama) == 6_738_415_616
    t5 = ModelConfig(
        "encoder-decoder", vocab_size=32_128, width=512, layers=6, heads=8, mlp_width=2048, positions="bucketed",
        gated=False, activation="relu", qk_norm=False, attention_scale="none", output_scale="width",
    )  # fmt: skip
    assert parameters(t5) == 60_506_624


@pytest.mark.parametrize("config", CONFIGS)
def test_operations_are_three_times_those_of_the_forward_pass(config):
    rows, length = 2, 12
    tensors = to_tensors(batch(config, shape=(rows, length)), CPU)
    model = Transformer(config)
    # In bf16 a CPU computes attention by plain products, which the counter knows.
    with FlopCounterMode(display=False) as counter, torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        model.logits(tensors)
    behind = length if config.topology == "encoder-decoder" else 0
    expected = 3 * counter.get_total_flops() / (rows * (length + behind))
    assert flops_per_token(config, length, 1.0, behind) == pytest.approx(expected)


def test_shared_layers_count_once_as_parameters_and_each_time_as_operations():
    config = small("encoder", embedding_width=12, layers=3, first_norm=True)
    shared = dataclasses.replace(config, shared_layers=True)
    assert flops_per_token(shared, 12) == flops_per_token(config, 12)
    one = sum(parameter.numel() for parameter in Transformer(config).encoder.layers[1].parameters())
    assert parameters(config) - parameters(shared) == 2 * one


def test_a_judge_counts_at_every_position():
    config = small("encoder", head_transform=False, head_bias=False, rtd_head=True)
    rows, length = 2, 12
    tensors = to_tensors(batch(config, shape=(rows, length)), CPU)
    model = Transformer(config)
    with FlopCounterMode(display=False) as counter, torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        model.judged(tensors)
    expected = 3 * counter.get_total_flops() / (rows * length)
    assert flops_per_token(config, length, 0.15) == pytest.approx(expected)


@pytest.mark.parametrize("count", [2, 12, 17, 24])
@pytest.mark.parametrize("config", CONFIGS)
def test_where_few_positions_are_scored_the_head_and_the_end_of_the_last_layer_count_there_alone(config, count):
    rows, length = 2, 12
    weights = np.zeros(rows * length, np.float32)
    weights[np.random.default_rng(0).permutation(rows * length)[:count]] = 1.0
    given = dataclasses.replace(batch(config, shape=(rows, length)), weights=weights.reshape(rows, length))
    model = Transformer(config)
    with FlopCounterMode(display=False) as counter, torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        model.nats(to_tensors(given, CPU))
    behind = length if config.topology == "encoder-decoder" else 0
    expected = 3 * counter.get_total_flops() / (rows * (length + behind))
    assert flops_per_token(config, length, count / (rows * length), behind) == pytest.approx(expected)


def counted(step: Callable[[], torch.Tensor]) -> int:
    """Return what torch's counter says of a loss and its gradients."""
    with FlopCounterMode(display=False) as counter, torch.autocast("cpu", torch.bfloat16):
        step().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_a_training_step_is_what_the_counter_of_torch_says(topology):
    config = small(topology, width=64, layers=3, vocab_size=509)
    rows, length = 4, 32
    tensors = to_tensors(batch(config, shape=(rows, length)), CPU)
    behind = length if topology == "encoder-decoder" else 0
    share = tensors.scored.numel() / (rows * length)
    ours = rows * (length + behind) * flops_per_token(config, length, share, behind)
    assert ours == pytest.approx(counted(lambda: Transformer(config).train().loss(tensors)), rel=0.01)


@pytest.mark.parametrize("narrow", [0, 24])
@pytest.mark.parametrize("share", [0.15, 0.5])
def test_a_step_of_electra_counts_both_networks(share, narrow):
    config = small("encoder", width=64, layers=3, vocab_size=509, embedding_width=narrow, head_transform=bool(narrow))
    rows, length = 4, 32
    given = batch(config, shape=(rows, length))
    weights = np.zeros(rows * length, np.float32)
    weights[np.random.default_rng(0).permutation(rows * length)[: round(share * rows * length)]] = 1.0
    tensors = to_tensors(dataclasses.replace(given, weights=weights.reshape(rows, length)), CPU)
    electra = Electra(config, 0.25, 50.0)
    judge, generator = discriminator_config(config), generator_config(config, 0.25)
    ours = rows * length * electra_flops_per_token(judge, generator, length, tensors.scored.numel() / (rows * length))
    assert ours == pytest.approx(counted(lambda: electra.train().loss(tensors)), rel=0.01)
    assert ours > 1.05 * rows * length * flops_per_token(judge, length)


def test_the_cost_of_a_step_of_an_electra_has_its_generator():
    recipe = default("replaced")
    recipe = dataclasses.replace(recipe, model=dataclasses.replace(small("encoder"), dropout=0.0))
    judge = discriminator_config(recipe.model)
    generator = generator_config(recipe.model, recipe.objective.heads.generator_width)
    found = flops_per_position(recipe, 12, 0.15, 0)
    assert found == electra_flops_per_token(judge, generator, 12, 0.15) > flops_per_token(judge, 12)
