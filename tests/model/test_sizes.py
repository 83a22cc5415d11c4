from __future__ import annotations

import pytest
import torch

from hornbook.model.count import parameters
from hornbook.model.families import choose
from hornbook.model.sizes import SIZES

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
    "modernbert-base": 149_655_232,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_published(name):
    assert parameters(SIZES[name]) == PUBLISHED[name]


@pytest.mark.parametrize("name", SIZES)
def test_parameters_are_those_of_the_class_of_transformers(name):
    settings = choose(SIZES[name]).settings(SIZES[name])
    ids = {f"{role}_token_id": 0 for role in ("pad", "bos", "eos", "cls", "sep")}
    with torch.device("meta"):
        kind = getattr(transformers, settings["architectures"][0])
        theirs = kind(transformers.AutoConfig.for_model(**settings, **ids))
    assert parameters(SIZES[name]) == sum(parameter.numel() for parameter in theirs.parameters())
