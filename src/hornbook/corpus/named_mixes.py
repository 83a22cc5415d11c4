"""A mix that papers name, found by its name and written as a recipe of `corpus build`."""

from __future__ import annotations

import textwrap

from hornbook.corpus.mixes import MIXES, Mix
from hornbook.errors import UserError, nearest

_WIDTH = 100


def mix_of(name: str) -> Mix:
    """Return a mix by its name. Raises UserError where there is none."""
    for mix in MIXES:
        if mix.name == name:
            return mix
    raise UserError(f"There is no mix '{name}'.{nearest(name, [mix.name for mix in MIXES])}")


def recipe_of(mix: Mix) -> str:
    """Return a mix as a recipe of `corpus build`: a path for each domain, and how a model reads them.

    Raises UserError for one of which nothing was disclosed.
    """
    if not mix.domains:
        raise UserError(f"Of {mix.title} no domains were disclosed ({mix.place}): {mix.undisclosed}")
    read = f"It read {mix.trained:,.0f} billion tokens." if mix.trained else ""
    told = f"{mix.title} ({mix.year}): {mix.place}. Weights: {mix.weights}. {read} {mix.undisclosed}"
    lines = [
        *_comment(told),
        "#",
        *_comment("Put each domain's text into the folder of its name, or name another path:"),
    ]
    lines.append(f"#     hornbook corpus build {mix.name}.toml --out {mix.name.upper()}")
    rule = f" mix.rule={mix.name}" if mix.disclosed else ""
    lines += [f"#     hornbook pretrain {mix.name.upper()}{rule}", "", "paths = ["]
    for item in mix.domains:
        facts = [f"weight {item.weight:g}" if item.weight else "weight not disclosed"]
        facts += [f"read {item.epochs:g} times"] if item.epochs else []
        facts += [f"{item.tokens:g} billion tokens"] if item.tokens else []
        lines += _comment(f"{', '.join(facts)}. {item.source[:1].upper()}{item.source[1:]}.", "  # ")
        lines.append(f'  "{item.name}",')
    kinds = ("repair", "normalise", "exact-duplicates", "near-duplicates")
    return "\n".join([*lines, "]", *(f'\n[[steps]]\nkind = "{kind}"' for kind in kinds)]) + "\n"


def _comment(text: str, begin: str = "# ") -> list[str]:
    lines = textwrap.wrap(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [begin + line for line in lines]
