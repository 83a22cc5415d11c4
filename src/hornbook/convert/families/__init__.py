"""Families: which class of transformers holds which of our models, as tables of data read in both directions.

    choose(config)             the family that holds a model exactly, or a refusal in words
    recognise(settings)        the family of a config.json, or a refusal in words
    family.settings(config)    its config.json; `family.config(settings)` is the way back
    convert.to_hf              its weights; `convert.from_hf` is the way back

Only `convert` loads torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hornbook.convert.families.bart import BART
from hornbook.convert.families.bert import ALBERT, BERT, ELECTRA, ELECTRA_GENERATOR, ROBERTA
from hornbook.convert.families.decoders import GPT2, LLAMA, MISTRAL, QWEN2, QWEN3
from hornbook.convert.families.encoders import MODERNBERT
from hornbook.convert.families.family import Family
from hornbook.convert.families.t5 import T5, T5_V1_1
from hornbook.errors import UserError, nearest
from hornbook.model.config import ModelConfig

FAMILIES: tuple[Family, ...] = (
    QWEN3, LLAMA, MISTRAL, QWEN2, GPT2,
    MODERNBERT, BERT, ROBERTA, ALBERT, ELECTRA, ELECTRA_GENERATOR,
    T5_V1_1, T5, BART,
)  # fmt: skip


def choose(config: ModelConfig) -> Family:
    """Return the family that holds `config` exactly, the first where two do.

    A Mistral without a window is a Llama, and an ElectraForMaskedLM of a single width computes what a BertForMaskedLM
    does.

    Raises UserError naming the nearest family and every setting that would have to change for it.
    """
    for family in FAMILIES:
        if not family.objections(config):
            return family
    same = [family for family in FAMILIES if family.requires["topology"] == config.topology]
    closest = min(same, key=lambda family: len(family.objections(config)))
    raise UserError(
        "No model class of transformers can hold this model exactly, so it is not exported. The nearest is "
        f"{closest.name}: train with {closest.holds(config)}."
    )


def find(name: str) -> Family:
    """Return the family of this name, or refuse in words."""
    for family in FAMILIES:
        if family.name == name:
            return family
    raise UserError(f"There is no family {name!r}.{nearest(name, [family.name for family in FAMILIES])}")


def recognise(settings: Mapping[str, Any]) -> Family:
    """Return the family of a config.json, that with the fewest unknown values first: two may be of one class.

    Raises UserError when none is of its model_type, or none of those whose class it names holds what it says; where it
    names none, none of that type.
    """
    kind = settings.get("model_type")
    same = [family for family in FAMILIES if family.model_type == kind]
    if not same:
        known = sorted({family.model_type for family in FAMILIES})
        raise UserError(
            f"config.json has model_type = {kind!r}, which Hornbook does not know; it knows "
            f"{', '.join(known)}.{nearest(str(kind), known)}"
        )
    if named := names(settings, same):
        same = named
    same.sort(key=lambda family: family.strangers(settings))
    refusals = []
    for family in same:
        try:
            family.config(settings)
        except UserError as error:
            refusals.append(error)
        else:
            return family
    raise refusals[0]


def names(settings: Mapping[str, Any], families: Iterable[Family] = FAMILIES) -> list[Family]:
    """Return the families whose class a config.json names."""
    named = settings.get("architectures")
    named = named if isinstance(named, list) else []
    return [family for family in families if family.architecture in named or (family.pairs and family.pairs in named)]
