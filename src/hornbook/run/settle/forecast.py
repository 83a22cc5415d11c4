"""What a run would be and cost, before it is: the recipe that `pretrain` would settle, its memory, disk and time.

The text is prepared, every open choice is made and steps are timed by the code of a run, in a directory that is removed
again. Nothing is trained.

    text -> tokens -> settled recipe -> timed steps -> seconds, price;  a law of the user's own -> size, predicted loss
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hornbook.console import View
from hornbook.errors import UserError
from hornbook.evaluate.statistics import t_quantile
from hornbook.generate.samples import most_worth, steps_worth
from hornbook.model.config import ModelConfig
from hornbook.objectives.base import cycle_of, tokens_per_row
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget
from hornbook.run.build import draft_model
from hornbook.run.context import RunContext
from hornbook.run.pretrain import arranged, begun, plan_of, prepared_run
from hornbook.run.settle.budget import measuring_of
from hornbook.run.settle.calibrate import step_times
from hornbook.run.settle.memory_fit import predicted
from hornbook.run.settle.resolve import Means, Resolved, resolve
from hornbook.scaling import defaults
from hornbook.scaling.count import parameters
from hornbook.scaling.fit import Fit
from hornbook.scaling.memory import Memory
from hornbook.scaling.points import Points
from hornbook.train.machine import memory_free
from hornbook.train.processors import computing, default_threads
from hornbook.train.world import World

_SECONDS, _MOST_STEPS = 8.0, 200  # of timing steps
_SPREAD = (0.1, 0.9)  # quantiles of timed steps: a run whose every step is as fast as these
_COEFFICIENTS = 5


@dataclass(frozen=True)
class Range:
    """A number and the interval that it is expected in."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Range:
        return Range(factor * self.value, factor * self.low, factor * self.high)


@dataclass(frozen=True)
class OwnLaw:
    """A law that was fitted to the user's own runs, its points, and what it is called."""

    name: str
    fit: Fit
    points: Points


@dataclass(frozen=True)
class Forecast:
    """A run that is not done.

    recipe       every choice made, its length in steps
    changes      settings, as name=value, that the recipe as given needs to become this run: those of a law's size
    why          which rule chose the size, and why that one
    parameters   counted in three ways: all; multiplied (layers and head: what a token is multiplied by); layers
    steps, rows  of the run, and of a step
    tokens       positions that its steps compute; text_tokens = of the training text; epochs = how often that is read
    flops        of matrix products, counted for this shape; six_n_d = 6 N D for all parameters
    memory       bytes of a step by part; memory_free = that the device has left
    disk         bytes by part
    a_step       seconds, by timed steps; of devices, each with its share of the rows
    preparing    seconds that the text took
    seconds      of the run after that: training, compiling, measuring
    price        of the seconds, on all devices; None without a rate
    loss         nats per token by the user's own law; None without one
    warnings     what `pretrain` would say of it
    """

    recipe: Recipe
    changes: tuple[str, ...]
    why: str
    parameters: Mapping[str, int]
    steps: Range
    rows: int
    tokens: int
    text_tokens: int
    epochs: float
    flops: float
    six_n_d: float
    tokens_per_second: float
    memory: Memory
    memory_free: int
    disk: Mapping[str, int]
    a_step: Range
    preparing: float
    seconds: Range
    devices: int
    price: Range | None
    loss: Range | None
    warnings: tuple[str, ...]


def forecast(
    recipe: Recipe, *, flops: float = 0.0, own: OwnLaw | None = None, devices: int = 1, price: float = 0.0,
    view: View | None = None,
) -> Forecast:  # fmt: skip
    """Return what a run of the recipe would be and cost here.

    flops     replaces the recipe's budget: the run's steps spend so many
    own       a law by which the size is chosen, unless the recipe says it, and the loss predicted
    devices   that share each step; price = of one of them for an hour
    Raises what `pretrain` would raise: UserError, and ResourceError where memory is too small.
    """
    begun_at = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hornbook-plan-") as folder:
        shown = _Shown(Path(folder), view or View(silent=True))
        with computing(recipe.training.threads or default_threads()):
            run = prepared_run(begun(recipe, Path(folder), shown), Path(folder), shown, World())
            run = replace(run, layout=arranged(run.recipe, devices), begun=time.monotonic())
            preparing = time.monotonic() - begun_at
            found, changes, why = _sized(run, flops, own, shown)
            run = replace(run, recipe=found.recipe)
            with computing(run.recipe.training.threads):
                return _forecast(run, found, changes, why, preparing, own, price, shown)


class _Shown(View):
    """A view that keeps what is said, and says nothing of a directory that is about to be removed."""

    def __init__(self, folder: Path, view: View) -> None:
        super().__init__(view.plain, silent=view.console.quiet)
        self._folder = str(folder)
        self.warnings: list[str] = []

    def say(self, text: str) -> None:
        kept = text.partition(f"; report: {self._folder}")[0]
        if self._folder not in kept:
            super().say(kept)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def _sized(run: RunContext, flops: float, own: OwnLaw | None, view: _Shown) -> tuple[Resolved, tuple[str, ...], str]:
    """Return the settled recipe, the settings that it needs beside those given, and why it has its size."""
    given, open_size = run.recipe, not run.recipe.model.width
    if flops:
        tokens = math.sqrt(flops * defaults.TOKENS_PER_PARAMETER / 6)
        run = replace(run, recipe=replace(given, budget=Budget(tokens=max(1, round(tokens)))))
    found = _resolved(run, view)
    why = "the recipe says it"
    if open_size:
        per_parameter = defaults.TOKENS_PER_PARAMETER
        why = f"the rule of `pretrain`: {per_parameter} tokens for each parameter of the layers, by trials of minutes"
    sized = found.recipe
    if own is not None and open_size:
        wanted = _wanted(run, found, flops, own)
        width, layers = nearest_shape(sized.model, wanted)
        why = f"{own.name}, a law of runs of yours, wants {wanted:,.0f} parameters: the nearest shape"
        shape = replace(given.model, width=width, layers=layers, heads=defaults.heads_of(width))
        if (width, layers) != (sized.model.width, sized.model.layers):
            found = _resolved(replace(run, recipe=replace(run.recipe, model=shape)), view)
    changes: dict[str, object] = {}
    if flops or (own is not None and open_size):
        shape = found.recipe.model
        changes = {"model.width": shape.width, "model.layers": shape.layers, "model.heads": shape.heads}
    if flops:
        found, rows = _spending(run, found.recipe, given, flops, view), found.recipe.training.batch_rows
        changes |= {"training.batch_rows": rows, "budget.steps": found.recipe.budget.steps}
    return found, tuple(f"{name}={value}" for name, value in changes.items()), why


def _wanted(run: RunContext, found: Resolved, flops: float, own: OwnLaw) -> float:
    """Return the parameters that a law wants for a run: of its FLOPs, or of its tokens where the budget says these."""
    budget, law, settled = run.recipe.budget, own.fit.law, replace(run, recipe=found.recipe)
    if flops:
        return law.optimum(flops)[0]
    if budget.minutes:
        return law.optimum(found.recipe.budget.steps * plan_of(settled)["flops_per_step"])[0]
    return law.size_for(found.recipe.budget.steps * plan_of(settled)["tokens_per_step"])


def _spending(run: RunContext, sized: Recipe, given: Recipe, flops: float, view: _Shown) -> Resolved:
    """Return the recipe with as many steps as spend so many FLOPs; whatever depends on them is chosen again."""
    steps = max(1, round(flops / plan_of(replace(run, recipe=sized))["flops_per_step"]))
    model, shape = given.model, sized.model
    model = replace(model, width=shape.width, layers=shape.layers, heads=shape.heads)
    training = replace(given.training, batch_rows=sized.training.batch_rows)
    return _resolved(
        replace(run, recipe=replace(given, model=model, training=training, budget=Budget(steps=steps))), view
    )


def _resolved(run: RunContext, view: _Shown) -> Resolved:
    """Return a recipe with every open choice made, as a run would; what it would warn of is kept of the last time."""
    view.warnings.clear()
    with view.stage("measuring the machine", "steps") as update:
        start = time.monotonic()
        means = Means(run.prepared, run.device, view.warn, run.layout.data[1], lambda: time.monotonic() - start, update)
        return resolve(run.recipe, means)


def _forecast(
    run: RunContext, found: Resolved, changes: tuple[str, ...], why: str, preparing: float,
    own: OwnLaw | None, price: float, view: _Shown,
) -> Forecast:  # fmt: skip
    recipe, devices, prepared = run.recipe, run.layout.size, run.prepared
    steps, rows, derived = recipe.budget.steps, recipe.training.batch_rows, plan_of(run)
    share = (0, run.layout.data[1])
    with view.stage("timing steps", "steps") as update:
        a_step = _range(step_times(recipe, prepared, run.device, share, _SECONDS, update, _MOST_STEPS))
    seconds, expected = _seconds(run, found, a_step)
    tokens = steps * derived["tokens_per_step"]
    memory = predicted(recipe, prepared, run.device)
    counted = counts(recipe)
    size = memory.weights + memory.optimizer
    return Forecast(
        recipe=recipe, changes=changes, why=why, parameters=counted, steps=expected, rows=rows, tokens=tokens,
        text_tokens=prepared.training_rows.tokens, epochs=steps * rows / len(prepared.training_rows),
        flops=steps * derived["flops_per_step"], six_n_d=6 * counted["all"] * tokens,
        tokens_per_second=derived["tokens_per_step"] / a_step.value, memory=memory,
        memory_free=memory_free(run.device),
        disk={"text and tokens": _bytes(run.directory), "checkpoints": size * (recipe.training.keep_checkpoints + 1)},
        a_step=a_step, preparing=preparing, seconds=seconds, devices=devices,
        price=seconds.times(price * devices / 3600) if price else None,
        loss=None if own is None else predicted_loss(own, counted["multiplied"], tokens, prepared.training_rows.tokens),
        warnings=tuple(view.warnings),
    )  # fmt: skip


def _range(times: list[float]) -> Range:
    low, high = np.quantile(times, _SPREAD).tolist()
    mean = float(np.mean(times))
    return Range(mean, min(low, mean), max(high, mean))


def _seconds(run: RunContext, found: Resolved, a_step: Range) -> tuple[Range, Range]:
    """Return the seconds of a run from its first step to its result, and its steps.

    A run of minutes takes these, unless its text is read to the end before; what is unsure are its steps.
    """
    recipe, steps, deadline = run.recipe, run.recipe.budget.steps, found.deadline
    parts = measuring_of(recipe, run.prepared, run.device, a_step.value)
    per_step = recipe.training.batch_rows * tokens_per_row(run.prepared.objective, run.prepared.row_length)
    sampling = most_worth(steps_worth(recipe, run.prepared, run.device, per_step), steps, parts.number)
    beside = parts.seconds / a_step.value + sampling  # in steps: all of it is as fast as they are
    faster, compiling = 1.0, 0.0
    if recipe.training.compile == "yes":
        faster = defaults.COMPILED_SHARE
        compiling = defaults.COMPILE_SECONDS * len({id(part) for part in cycle_of(run.prepared.objective)})
    ends = [
        compiling + (share * steps + beside) * each
        for share, each in ((faster, a_step.value), (faster, a_step.low), (1.0, a_step.high))
    ]
    told, count = Range(*ends), Range(steps, steps, steps)
    if deadline is not None and steps < deadline.most_steps:
        left = deadline.seconds - compiling
        low, high = ((left / each - beside) / (left / a_step.value - beside) for each in (a_step.high, a_step.low))
        count = Range(steps, round(max(1.0, low * steps)), min(round(high * steps), deadline.most_steps))
        told = Range(deadline.seconds, deadline.seconds, deadline.seconds)
    elif deadline is not None:
        told = Range(*(min(end, deadline.seconds) for end in ends))
    return told, count


def counts(recipe: Recipe) -> dict[str, int]:
    """Return a recipe's parameters in three ways: all, those that a token is multiplied by, those of the layers.

    Tables that are only looked up (tokens, unless the head shares them, positions, token types) multiply nothing.
    """
    model = recipe.model
    every = sum(parameter.numel() for parameter in draft_model(recipe).parameters())
    table = model.vocab_size * model.table_width
    looked_up = model.token_types * model.table_width + (0 if model.tied else table)
    looked_up += model.max_length * model.table_width if model.positions == "learned" else 0
    multiplied = every - looked_up
    return {"all": every, "multiplied": multiplied, "layers": multiplied - table}


def nearest_shape(model: ModelConfig, wanted: float) -> tuple[int, int]:
    """Return the default (width, layers) whose layers and head have about so many parameters."""

    def off(shape: tuple[int, int]) -> float:
        width, layers = shape
        sized = replace(model, width=width, layers=layers, heads=defaults.heads_of(width))
        table = sized.vocab_size * sized.table_width
        return abs(math.log((parameters(sized) - (0 if sized.tied else table)) / wanted))

    return min(defaults.SIZES, key=off)


def predicted_loss(own: OwnLaw, size: float, tokens: float, unique: float = math.inf) -> Range:
    """Return the loss that a law predicts, with an interval of 95 %, in nats per token of its text and tokenizer.

    unique   tokens of the text; a law that knows what repeats are worth counts them so

    The interval has the law's own uncertainty, by its resamples, and the spread of single runs around the law, with
    Student's t: a few points know both only roughly. Raises UserError where the fit has no resamples.
    """
    fit, points = own.fit, own.points
    degrees = len(points) - _COEFFICIENTS
    if not fit.resampled or degrees < 1:
        raise UserError(f"{own.name} has too few points for an interval: fit more runs, at least {_COEFFICIENTS + 1}.")
    value = math.log(fit.law.loss(size, tokens, unique))
    laws = np.log([law.loss(size, tokens, unique) for law in fit.resampled])
    low, high = np.quantile(laws, [0.025, 0.975]).tolist()
    texts = np.full(len(points), math.inf) if points.unique is None else points.unique
    said = [fit.law.loss(n, d, u) for n, d, u in zip(points.parameters, points.tokens, texts, strict=True)]
    residuals = np.log(points.loss) - np.log(said)
    variance = ((high - low) / (2 * 1.96)) ** 2 + float((residuals**2).sum()) / degrees
    half = t_quantile(0.975, degrees) * math.sqrt(variance)
    return Range(math.exp(value), math.exp(value - half), math.exp(value + half))


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
