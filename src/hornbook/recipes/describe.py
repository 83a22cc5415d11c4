"""The manual: every setting and every recipe, in words, from the code itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from hornbook.model.config import modern
from hornbook.model.sizes import SIZES
from hornbook.objectives.catalogue import CATALOGUE, class_of, kind_of, settings_of
from hornbook.recipes.named import RECIPES, sized
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import SECTIONS, default_of, to_dict, written
from hornbook.scaling.count import parameters
from hornbook.schema import Seed, help_of, leaves, plain, type_name

_ENTRIES = 8192  # of a vocabulary, for counting a size that was published without one


class Setting(NamedTuple):
    """One line of `hornbook settings`."""

    name: str
    type: str
    default: str
    help: str


def describe_settings() -> list[Setting]:
    """Return every setting with its type, default and help, in the order of the classes.

    Where the default depends on the topology, the default says so; an objective's own settings come once per objective.
    """
    defaults = to_dict(Recipe())
    blocks = {topology: modern(topology) for topology in ("decoder", "encoder", "encoder-decoder")}
    top = help_of(Recipe)
    lines = [Setting("seed", type_name(Seed), "0", top["seed"])]
    lines.append(Setting("objective.kind", " | ".join(CATALOGUE), defaults["objective"]["kind"], top["objective"]))
    for kind in CATALOGUE:
        words = help_of(class_of(kind))
        for item, hint in settings_of(kind):
            told = f"{kind}: {words[item.name]}"
            lines.append(Setting(f"objective.{item.name}", type_name(hint), _text(default_of(item)), told))
    for section, cls in SECTIONS.items():
        for item, hint in leaves(cls):
            default = _text(defaults[section][item.name])
            if section == "model":
                others = {topology: _text(plain(getattr(block, item.name))) for topology, block in blocks.items()}
                default += "".join(f"; {name}: {text}" for name, text in others.items() if text != default)
            lines.append(Setting(f"{section}.{item.name}", type_name(hint), default, help_of(cls)[item.name]))
    return lines


class Line(NamedTuple):
    """One recipe: its name, its objective, its shape and parameters as far as they are settled, and what it is."""

    name: str
    objective: str
    shape: str
    parameters: int | None
    meaning: str


def describe_recipes() -> list[Line]:
    """Return every recipe in a line.

    Parameters are counted with the published vocabulary, or where there is none with 8,192 entries; of ELECTRA they are
    those of the discriminator.
    """
    from hornbook.model.electra import discriminator_config  # loads torch, as counting does

    found = []
    for name, make in RECIPES.items():
        found.append(Line(name, kind_of(make().objective), "", None, (make.__doc__ or "").splitlines()[0]))
    for name, shape in SIZES.items():
        objective = sized(name).objective
        counted = replace(shape, vocab_size=shape.vocab_size or _ENTRIES)
        number = parameters(discriminator_config(counted) if objective.heads.generator_width else counted)
        sides = "2 x " if shape.topology == "encoder-decoder" else ""
        words = f"with {counted.vocab_size:,} tokens and {shape.max_length:,} positions"
        layers = f"{sides}{shape.layers} layers of {shape.width}"
        found.append(Line(name, kind_of(objective), layers, number, words))
    return found


def _text(value: Any) -> str:
    """Return a plain value as one writes it on the command line."""
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return str(value["kind"]) if isinstance(value, Mapping) else written(value)
