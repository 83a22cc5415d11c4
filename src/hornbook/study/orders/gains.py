"""A gain as compute: how many times fewer FLOPs an arm needs for the loss that another one ends with.

The other arm's own law L(C) = E + K / C**gamma is read off its learning curve while the learning rate is constant: from
its end of warm-up to the beginning of wsd's decay. What the decay gains is taken as alike at all budgets. Runs that end
at several budgets would tell more, and a study has none; a curve spans too little for a law that reaches far, and is
used near its end alone. Loads no torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hornbook.errors import UserError
from hornbook.run.sealed import recipe_of
from hornbook.study.verdicts import Verdict
from hornbook.study.yardsticks import BITS, Yardstick

_METRICS = "metrics.jsonl"
_FEWEST = 4  # points that tell three coefficients, with one to spare
_EXPONENTS = np.linspace(0.02, 1.5, 371)
Curve = tuple[float, float]


def gain_notes(yardsticks: Sequence[Yardstick], base: str, runs: Mapping[str, Sequence[Path]]) -> list[str]:
    """Return a sentence for each arm that differs from `base` in bits per byte; why there is none, if so.

    runs   finished ones of each arm
    """
    whole = next((one for one in yardsticks if one.name == BITS), None)
    told = (
        [one for one in whole.verdicts if base in (one.one, one.other) and one.word in ("better", "worse")]
        if whole
        else []
    )
    if not told:
        return []
    try:
        curves = [curve_of(run) for run in runs[base]]
    except UserError as error:
        return [f"The differences are not told as compute: {error}"]
    return [_sentence(one, base, curves) for one in told]


def curve_of(run: Path) -> Curve:
    """Return (amplitude, gamma) of a run's law: what more compute could still gain at its end, in bits per byte.

    Raises UserError where its learning curve tells no law.
    """
    recipe = recipe_of(run)
    steps, training = recipe.budget.steps, recipe.training
    begin = training.warmup if training.warmup >= 1 else training.warmup * steps
    end = (1 - training.decay) * steps
    lines = map(json.loads, (run / _METRICS).read_text(encoding="utf-8").splitlines())
    found = {
        line["step"]: line["bits_per_byte"]
        for line in lines
        if line["kind"] == "held_out" and "bits_per_byte" in line and begin < line["step"] <= end
    }
    if training.schedule != "wsd" or len(found) < _FEWEST:
        raise UserError(
            f"{run.name} measured held-out bits per byte {len(found)} times at a constant rate, and {_FEWEST} are "
            "needed: set training.evaluate_every, and training.schedule=wsd."
        )
    step, loss = (np.array(values, np.float64) for values in (list(found), list(found.values())))
    found_by = []
    for gamma in _EXPONENTS:
        terms = np.stack([np.ones(len(step)), (step / steps) ** -gamma], 1)
        coefficients = np.linalg.lstsq(terms, loss)[0]
        found_by.append((float(((terms @ coefficients - loss) ** 2).sum()), float(coefficients[1]), float(gamma)))
    _, amplitude, gamma = min(found_by)
    if amplitude <= 0:
        raise UserError(f"the learning curve of {run.name} does not fall at a constant rate.")
    return amplitude, gamma


def times_fewer(gain: float, curve: Curve) -> float:
    """Return by how much the FLOPs of a curve's run would have to grow for a gain in bits per byte; below 1 for a loss.

    Infinite where no budget reaches it.

    >>> round(times_fewer(0.1, (0.4, 0.5)), 4), times_fewer(0.5, (0.4, 0.5)), round(times_fewer(-0.1, (0.4, 0.5)), 2)
    (1.7778, inf, 0.64)
    """
    amplitude, gamma = curve
    return math.inf if gain >= amplitude else (1 - gain / amplitude) ** (-1 / gamma)


def _sentence(verdict: Verdict, base: str, curves: Sequence[Curve]) -> str:
    assert verdict.difference is not None  # of a verdict that was tested
    sign, arm = (1.0, verdict.other) if verdict.one == base else (-1.0, verdict.one)
    low, high = sorted((sign * verdict.difference.low, sign * verdict.difference.high))
    middle = float(np.median([times_fewer(sign * verdict.difference.value, curve) for curve in curves]))
    ends = [times_fewer(gain, curve) for gain in (low, high) for curve in curves]
    least, most = min(ends), max(ends)
    word = "fewer"
    if middle < 1:
        word, middle, least, most = "more", 1 / middle, 1 / most, 1 / least
    interval = f"95 %: {_times(least)} to {_times(most)}"
    told = f"{arm} needs {_times(middle)} times {word} FLOPs than {base} for the same bits per byte ({interval})"
    return f"{told}, by {base}'s learning curve before its rate falls."


def _times(value: float) -> str:
    return "any number of" if math.isinf(value) else f"{value:.3g}"
