"""A budget of minutes: the first number of steps, what measuring may cost, and what is said of a run that is too short.

minutes -> seconds of a step (timed for a twentieth of the budget at most)
        -> held-out text of a measurement, so that all measuring takes at most a tenth
        -> steps, which training corrects by its clock (`hornbook.train.pace`)
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from hornbook.evaluate.baselines import GRAM_SECONDS, MOST_GRAMS
from hornbook.evaluate.held_out import final_tokens, guessed_rows, window_rows
from hornbook.generate.samples import most_worth
from hornbook.objectives.base import tokens_per_row
from hornbook.prepare.dataset import Prepared
from hornbook.recipes.recipe import Recipe
from hornbook.run.settle.calibrate import seconds_per_step
from hornbook.scaling.defaults import MEASUREMENTS
from hornbook.train.machine import matmul_flops
from hornbook.train.processors import computing

FEW_STEPS = 50  # a run of fewer is hardly trained
BUSY = 0.75  # a device that has less than this share of its quiet speed is busy
_TIMING, _MEASURING = 0.03, 0.1  # shares of a budget: to time steps, and for all measuring
_FINAL = 0.4  # of that, at most, for the evaluation at the end, which nothing behind it can make up for
_FORWARD = 1 / 3  # of a training step's work is the forward pass, which is all that measuring does
SMALL_PRODUCT = 512  # size of the products that tell bf16 from fp32
_FEWEST_STEPS = 3
_FEWEST_TOKENS = 250  # of held-out text in a measurement


@dataclass(frozen=True)
class Speed:
    """What a step takes: its seconds, and with how many threads."""

    seconds: float
    threads: int


def step_speed(
    recipe: Recipe,
    prepared: Prepared,
    device: torch.device,
    share: tuple[int, int],
    tried: Sequence[int],
    update: Callable[[int], None],
) -> Speed:
    """Time steps of a recipe whose every choice is made but for its budget's.

    Of the numbers of threads in `tried` the fastest is taken; the second is tried only if the first left time for it.
    """
    enough, begun = _TIMING * 60 * recipe.budget.minutes, time.monotonic()
    found: list[Speed] = []
    for number in tried:
        if found and time.monotonic() - begun > enough:
            break
        with computing(number):
            seconds = seconds_per_step(recipe, prepared, device, share, enough / len(tried), update)
            found.append(Speed(seconds, number))
    return min(found, key=lambda speed: speed.seconds)


def product_type(recipe: Recipe) -> torch.dtype:
    """Return the type of numbers in a recipe's matrix products."""
    return torch.bfloat16 if recipe.training.precision == "bf16" else torch.float32


@dataclass(frozen=True)
class Measuring:
    """What measurements on held-out text read and cost.

    tokens  training.evaluate_tokens
    number  of measurements in a run
    during  seconds of one of them
    after   the evaluation at the end, in such measurements
    """

    tokens: int
    number: int
    during: float
    after: float

    @property
    def seconds(self) -> float:
        return (self.number + self.after) * self.during


def measuring(recipe: Recipe, prepared: Prepared, device: torch.device, a_step: float) -> Measuring:
    """Return measurements that together take at most a tenth of the minutes: of less text, then fewer of them.

    Held-out text is what it is: never more is set aside than it takes to read it all, never less than one document.
    """
    allowed, training = _MEASURING * 60 * recipe.budget.minutes, recipe.training
    slower, steps = _slower(recipe, device), 60 * recipe.budget.minutes / a_step

    def of(tokens: int) -> Measuring:
        return _measurements(recipe, prepared, a_step, tokens, steps, slower)

    found, fewest = of(training.evaluate_tokens), min(_FEWEST_TOKENS, training.evaluate_tokens)
    while (found.seconds > allowed or found.during * found.after > _FINAL * allowed) and found.tokens > fewest:
        found = of(max(fewest, found.tokens // 2))
    if found.seconds > allowed:
        found = replace(found, number=max(1, math.floor(allowed / found.during - found.after)))
    return _expected(found, slower)


def measuring_of(recipe: Recipe, prepared: Prepared, device: torch.device, a_step: float) -> Measuring:
    """Return what the measurements of a recipe cost whose every choice is made, at so many seconds of a step."""
    training, steps, slower = recipe.training, recipe.budget.steps, _slower(recipe, device)
    found = _measurements(recipe, prepared, a_step, training.evaluate_tokens, steps, slower)
    return _expected(replace(found, number=math.ceil(steps / training.evaluate_every)), slower)


def _slower(recipe: Recipe, device: torch.device) -> float:
    """Return how much slower than training the evaluation at the end may be, which computes in fp32."""
    if recipe.training.precision != "bf16":
        return 1.0
    return max(
        1.0, matmul_flops(device, torch.bfloat16, SMALL_PRODUCT) / matmul_flops(device, torch.float32, SMALL_PRODUCT)
    )


def _measurements(
    recipe: Recipe, prepared: Prepared, a_step: float, tokens: int, steps: float, slower: float
) -> Measuring:
    """Return what measurements of so many tokens cost, the usual number of them."""
    objective, rows_of_step = prepared.objective, recipe.training.batch_rows
    a_row = _FORWARD * a_step / rows_of_step
    during, (rows, _) = len(prepared.held_out_rows(tokens)[0]), prepared.held_out_rows(final_tokens(tokens))
    after = slower * (len(rows) + guessed_rows(recipe) + window_rows(recipe, objective, rows))
    if objective.overlap == 1:  # n-grams: the run's own tokens are counted for them
        read = steps * rows_of_step * tokens_per_row(objective, recipe.row_length)
        after += GRAM_SECONDS * (min(read, prepared.training_rows.tokens, MOST_GRAMS) + rows.tokens) / a_row
    return Measuring(tokens, MEASUREMENTS, a_row * during, after / during)


def _expected(found: Measuring, slower: float) -> Measuring:
    """Return measurements whose end is as slow as is expected: products are a part of the work alone."""
    return replace(found, after=found.after * (1 + 1 / slower) / 2)


def planned_steps(seconds: float, speed: Speed, parts: Measuring, sampling: float) -> int:
    """Return the first number of steps of a run that has so many seconds left for all: enough to time some of them.

    `sampling`: what the samples at one step cost, in steps (`hornbook.generate.samples`).
    """
    steps = (seconds - parts.seconds) / speed.seconds
    return max(_FEWEST_STEPS, math.floor(steps - most_worth(sampling, steps, parts.number)))


def too_short(recipe: Recipe, steps: int, most: tuple[int, int], sized: bool, text_bytes: int) -> str:
    """Return what to say of a run of so few steps that it can learn little, and what would be enough; "" if it is not.

    `sized` says whether the user chose the model's size; `most` are the readings of the text at most, if the budget is
    of minutes, and their steps. A budget in steps was asked for as it is.
    """
    budget, (readings, most_steps) = recipe.budget, most
    if steps >= FEW_STEPS or budget.steps:
        return ""
    if budget.minutes and most_steps < FEW_STEPS:
        enough = size_of(text_bytes * FEW_STEPS / most_steps)
        return (
            f"The text is very small: {readings} readings of it are {most_steps} steps, too few to learn much. "
            f"About {enough} of text would be enough for {FEW_STEPS} steps, or a smaller training.batch_rows."
        )
    name, given = next((name, value) for name, value in vars(budget).items() if value)
    wanted = _rounded_up(given * FEW_STEPS / steps * (1.2 if name == "minutes" else 1.0))
    smaller = ", or a smaller model.width and model.layers" if sized and name == "minutes" else ""
    return (
        f"budget.{name}={given:g} is only about {steps} steps of {recipe.training.batch_rows} rows here, too few to "
        f"learn much: budget.{name}={wanted:g} would be enough for {FEW_STEPS}{smaller}."
    )


def small_text(recipe: Recipe, steps: int, most: tuple[int, int], text_bytes: int) -> str:
    """Return what to say where the text is read as often as it may be before the minutes end; "" where it is not."""
    readings, most_steps = most
    if steps <= most_steps or most_steps < FEW_STEPS:  # of so few steps more is said
        return ""
    enough = size_of(text_bytes * steps / most_steps)
    return (
        f"The text is small: {recipe.budget.minutes:g} minutes would read it more than {readings} times. Training "
        f"ends after {most_steps:,} steps; about {enough} of text would fill the time."
    )


def size_of(number: float) -> str:
    """Return bytes in round numbers.

    >>> size_of(3_216_000), size_of(41_000)
    ('3.2 MB', '41 kB')
    """
    return f"{number / 1e6:.1f} MB" if number >= 1e6 else f"{max(1, math.ceil(number / 1e3))} kB"


def _rounded_up(number: float) -> float:
    """Return a number, rounded up to two digits.

    >>> _rounded_up(3.21), _rounded_up(12345), _rounded_up(0.0512)
    (3.3, 13000.0, 0.052)
    """
    unit = 10.0 ** (math.floor(math.log10(number)) - 1)
    return round(math.ceil(round(number / unit, 6)) * unit, 9)
