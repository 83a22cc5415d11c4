"""`hornbook.plan`: what FLOPs are best spent on by each known law, and what a run of a text would be and cost here."""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hornbook.errors import UserError
from hornbook.recipes.settings import to_dict
from hornbook.scaling.plans import Choice, choices, spent, tokens_for

if TYPE_CHECKING:
    from hornbook.console import View
    from hornbook.recipes.recipe import Recipe
    from hornbook.run.settle.forecast import Forecast, OwnLaw

_RESAMPLES = 500


@dataclass(frozen=True)
class Plan:
    """What a budget is best spent on.

    flops    of the run, or the budget as given; None where a size alone was asked about
    run      what `pretrain` would do with the text here; None without a text
    choices  by each law and rule that is known, your own fit first
    shapes   the nearest (width, layers) that `pretrain` chooses from, for each of them; empty without a text
    command  that does the run; empty without a text
    taken    which of them the run follows, and why no other; empty without a text
    spent    parameters, tokens, flops and tokens_per_parameter of a run that was asked about; None otherwise
    """

    flops: float | None
    choices: tuple[Choice, ...]
    run: Forecast | None = None
    shapes: tuple[tuple[int, int], ...] = ()
    command: str = ""
    taken: str = ""
    spent: Mapping[str, float] | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        shallow = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        run = None
        if self.run is not None:
            parts = {item.name: getattr(self.run, item.name) for item in dataclasses.fields(self.run)}
            run = {name: _plain(value) for name, value in parts.items()} | {"recipe": to_dict(self.run.recipe)}
        return shallow | {"choices": [dataclasses.asdict(choice) for choice in self.choices], "run": run}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return dict(value) if isinstance(value, Mapping) else value


def own_law(path: Path) -> OwnLaw:
    """Return the law of the runs in a file of points, or of a sweep or study, with resamples for intervals."""
    from hornbook.run.settle.forecast import OwnLaw
    from hornbook.scaling.fit import fit_law
    from hornbook.scaling.points import read_points
    from hornbook.study.points import points_file

    points = read_points(points_file(path))
    return OwnLaw(path.name, fit_law(points, _RESAMPLES), points)


def plan_of_laws(
    flops: float | None, params: float | None, tokens: float | None, unique: float = math.inf, fit: Path | None = None
) -> Plan:
    """Return what each law and rule says of a budget, of a size, or of a run of both; no text, nothing is measured."""
    if (flops is None) == (params is None) or (tokens is not None and params is None):
        raise UserError("Say --flops, or --params (with --tokens, if a run is meant); or name a text to plan a run of.")
    own = {} if fit is None else {fit.name: own_law(fit).fit.law}
    if params is not None and tokens is None:
        return Plan(None, tuple(tokens_for(params, own)))
    run = None
    if params is not None and tokens is not None:
        flops, ratio = spent(params, tokens)
        run = {"parameters": params, "tokens": tokens, "flops": flops, "tokens_per_parameter": ratio}
    assert flops is not None
    return Plan(flops, tuple(choices(flops, unique, own)), spent=run)


def plan_of_run(
    recipe: Recipe, words: Sequence[str], *, flops: float = 0.0, fit: Path | None = None, devices: int = 1,
    price: float = 0.0, view: View | None = None,
) -> Plan:  # fmt: skip
    """Return what a run of the recipe would be and cost here, and what each law would spend its FLOPs on.

    words   the arguments of `pretrain` that mean the recipe, but for its budget where `flops` replaces it
    """
    from hornbook.run.settle.forecast import forecast, nearest_shape

    _check(flops, devices, price)
    own = None if fit is None else own_law(fit)
    run = forecast(recipe, flops=flops, own=own, devices=devices, price=price, view=view)
    laws = {} if own is None else {own.name: own.fit.law}
    found = tuple(choices(run.flops, run.text_tokens, laws))
    shapes = tuple(nearest_shape(run.recipe.model, choice.parameters) for choice in found)
    more = [*run.changes, *(["--devices", str(devices)] if devices > 1 else [])]
    command = shlex.join(["hornbook", "pretrain", *words, *more])
    return Plan(run.flops, found, run, shapes, command, _taken(run, found, shapes, own))


def _taken(run: Forecast, found: Sequence[Choice], shapes: Sequence[tuple[int, int]], own: OwnLaw | None) -> str:
    """Return which rule the run follows and why the others are not taken."""
    shape = run.recipe.model.width, run.recipe.model.layers
    told = f"Taken: {shape[0]} x {shape[1]}; {run.why}."
    published = [choice for choice in found if choice.mark == "published"]
    near = [
        (choice, at) for choice, at in zip(found, shapes, strict=True) if choice in published and choice.beyond <= 1
    ]
    if not near:
        least = min(choice.beyond for choice in published)
        return f"{told} No published law is: this budget is {least:,.0f} times away from the nearest of their points."
    if own is None and (other := next((at for _, at in near if at != shape), None)):
        law = next(choice.name for choice, at in near if at == other)
        return f"{told} By {law}, within its points, add model.width={other[0]} model.layers={other[1]}."
    return told


def _check(flops: float, devices: int, price: float) -> None:
    for name, value in (("flops", flops), ("price", price)):
        if not (math.isfinite(value) and value >= 0):
            raise UserError(f"{name} must be a number of at least 0, not {value:g}.")
    if devices < 1:
        raise UserError(f"devices must be at least 1, not {devices}.")


def words_of(
    what: Sequence[str], objective: str | None, recipe: str | None, budget: Mapping[str, float | None]
) -> list[str]:
    """Return the arguments of `pretrain` that mean what was asked for."""
    options = [("objective", objective), ("recipe", recipe)]
    options += [(name, None if value is None else f"{value:.15g}") for name, value in budget.items()]
    return [*what, *(word for name, value in options if value is not None for word in (f"--{name}", value))]
