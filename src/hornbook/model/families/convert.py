"""Weights there and back: a family's table applied to tensors. Nothing is computed, so both ways are bitwise.

Shapes are those of the tensors; a concatenated tensor has as many equal parts along its outputs as its line names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.model.families.family import Family, Weight


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

    Raises UserError when a tensor of theirs has no place in our model, or one that the class ties to another differs.
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
        shown = ", ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
        raise UserError(f"The model has tensors that Hornbook's {family.name} has no place for: {shown}.")
    return found


def _as_written_today(family: Family, tensors: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Return the tensors that were learned, each once, under the names that the table has."""
    known = {line.theirs for line in lines(family, config)}
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        for pattern, replacement in family.renamed:
            name = re.sub(pattern, replacement, name)
        if name not in known and family.prefix + name in known:
            name = family.prefix + name
        if not any(re.fullmatch(pattern, name) for pattern in family.ignored):
            found[name] = tensor
    untied = set() if config.tied else {line.theirs for line in family.weights}
    for copy, first in family.copies.items():
        if copy not in found or copy in untied:
            continue
        if not torch.equal(found.setdefault(first, found[copy]), found[copy]):
            raise UserError(
                f"The tensors {copy} and {first} of this model should be one and the same, but they differ."
            )
        del found[copy]
    return found


def lines(family: Family, config: ModelConfig) -> Iterator[Weight]:
    """Yield the table's lines with the layers written out."""
    for line in family.weights:
        if "{i}" not in line.theirs:
            yield line
            continue
        for i in range(max(config.layers, config.decoder_layers)):
            ours = tuple(name.format(i=i) for name in line.ours)
            yield Weight(line.theirs.format(i=i), ours, line.transpose)
