"""Weights there and back: a family's table applied to tensors. Nothing is computed, so both ways are bitwise.

Shapes are those of the tensors; a concatenated tensor has as many equal parts along its outputs as its line names.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping

import torch
from torch import Tensor

from hornbook.convert.families.family import Family, Weight
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig


def to_hf(family: Family, state: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Return our tensors under their names, contiguous and on the CPU; each tensor is used exactly once.

    Raises ValueError when the table leaves one of ours out: then it would be lost.
    """
    found: dict[str, Tensor] = {}
    used: list[str] = []
    for line in lines(family, config):
        if all(name in state for name in line.ours):
            parts = [state[name].detach().cpu() for name in line.ours]
            whole = torch.cat(parts) if len(parts) > 1 else parts[0]
            found[line.theirs] = (whole.T if line.transpose else whole).clone(memory_format=torch.contiguous_format)
            used += line.ours
    if sorted(used) != sorted(state):
        raise ValueError(f"the table of {family.name} does not match {sorted(set(state).symmetric_difference(used))}")
    return found


def from_hf(family: Family, tensors: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Return their tensors under our names: `to_hf`, read the other way, whatever version of theirs wrote the names.

    Raises UserError when a tensor of theirs has no place in our model, but for those that may be left out where all is
    zero, or when one that the class ties to another differs.
    """
    tensors = _as_written_today(family, tensors, config)
    found: dict[str, Tensor] = {}
    used: set[str] = set()
    for line in lines(family, config):
        if line.theirs in tensors:
            whole = tensors[line.theirs]
            parts = (whole.T if line.transpose else whole).chunk(len(line.ours))
            found.update(
                (name, part.clone(memory_format=torch.contiguous_format))
                for name, part in zip(line.ours, parts, strict=True)
            )
            used.add(line.theirs)
    if left := sorted(set(tensors) - used):
        raise UserError(f"The model has tensors that Hornbook's {family.name} cannot hold: {few_of(left)}.")
    return found


def few_of(names: Iterable[str], shown: int = 3) -> str:
    """Spell the first few names, each once, and how many more there are."""
    unique = list(dict.fromkeys(names))
    return ", ".join(unique[:shown]) + (f" and {len(unique) - shown} more" if len(unique) > shown else "")


def left_aside(family: Family, names: Iterable[str], config: ModelConfig) -> list[str]:
    """Return which of their tensors `from_hf` leaves out: learned ones of heads that a model of this config has not."""
    known = {line.theirs for line in lines(family, config)}
    today = {name: _name_today(family, name, known) for name in names}
    return [name for name, now in today.items() if now not in known and _matches(family.aside, now)]


def _as_written_today(family: Family, tensors: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Return the tensors that were learned, each once, under the names that the table has."""
    known = {line.theirs for line in lines(family, config)} | set(family.copies)
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        name = _name_today(family, name, known)
        if _matches(family.ignored, name) or (name not in known and _matches(family.aside, name)):
            continue
        if name not in family.zeros:
            found[name] = tensor
        elif tensor.any():
            raise UserError(f"The tensor {name} of this model is not zero, so Hornbook's {family.name} cannot hold it.")
    heads = {line.theirs for line in family.weights}  # a copy with a line of its own is a head, which may differ
    for copy, first in family.copies.items():
        if copy not in found or (copy in heads and not config.tied):
            continue
        if not torch.equal(found.setdefault(first, found[copy]), found[copy]):
            mend = ' If they were trained apart, put "tie_word_embeddings": false into config.json.'
            raise UserError(
                f"The tensors {copy} and {first} of this model should be equal, but they "
                f"differ.{mend if copy in heads else ''}"
            )
        del found[copy]
    return found


def _name_today(family: Family, name: str, known: Container[str]) -> str:
    for pattern, replacement in family.renamed:
        name = re.sub(pattern, replacement, name)
    return family.prefix + name if name not in known and family.prefix + name in known else name


def _matches(patterns: Iterable[str], name: str) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def lines(family: Family, config: ModelConfig) -> Iterator[Weight]:
    """Yield the lines of the table that a config has, with the layers written out."""
    for line in family.weights:
        if line.ours[0].startswith("pair.") and not config.pair_head:
            continue
        if "{i}" not in line.theirs:
            yield line
            continue
        for i in range(max(config.layers, config.decoder_layers)):
            ours = tuple(name.format(i=i) for name in line.ours)
            yield Weight(line.theirs.format(i=i), ours, line.transpose)
