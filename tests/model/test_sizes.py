from __future__ import annotations

import dataclasses

import pytest
import torch

from hornbook.convert.families import choose
from hornbook.model.electra import discriminator_config
from hornbook.model.sizes import SIZES
from hornbook.scaling.count import parameters

transformers = pytest.importorskip("transformers")

# Numbers that were published, or that everyone who opens the released weights can count.
PUBLISHED = {
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "llama-7b": 6_738_415_616,
    "llama-3.2-1b": 1_235_814_400,
    "mistral-7b": 7_241_732_096,
    "qwen2.5-0.5b": 494_032_768,
    "qwen3-0.6b": 596_049_920,
    "bert-base": 109_514_298,
    "roberta-base": 124_697_433,
    "albert-base": 11_813_810,
    "modernbert-base": 149_655_232,
    "t5-small": 60_506_624,
    "t5-base": 222_903_552,
    "t5-v1.1-base": 247_577_856,
    "bart-base": 139_420_416,
    "bart-large": 406_291_456,
}
UNTIED_T5 = {"t5-v1.1-small", "t5-v1.1-base"}  # transformers ties what it builds from a config


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_published(name):
    assert parameters(SIZES[name]) == PUBLISHED[name]


def test_the_small_electra_has_the_published_discriminator():
    assert parameters(discriminator_config(SIZES["electra-small"])) == 13_549_057


@pytest.mark.parametrize("name", sorted(set(SIZES) - UNTIED_T5))
def test_parameters_are_those_of_the_class_of_transformers(name):
    shape = dataclasses.replace(SIZES[name], vocab_size=SIZES[name].vocab_size or 8192)
    settings = choose(shape).settings(shape)
    ids = {f"{role}_token_id": 0 for role in ("pad", "bos", "eos", "cls", "sep")}
    with torch.device("meta"):
        kind = getattr(transformers, settings["architectures"][0])
        theirs = kind(transformers.AutoConfig.for_model(**{**ids, **settings}))
    assert parameters(shape) == sum(parameter.numel() for parameter in theirs.parameters())
