"""The grid of a scaling sweep: sizes x token counts that a time buys, on one text, with one vocabulary and one batch.

    sizes    six neighbours of a ladder, as large as are still trained on enough tokens each
    tokens   four counts, 2.2 times apart: D, 2.2 D, 4.8 D, 10.6 D
    runs     of each size one trunk of the longest length; the others branch off where their decay begins, which costs
             1.3 times the longest run instead of 1.8 times
    seeds    a second one at two corners: the smallest size, and the largest on the fewest tokens

Loads no torch.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.artifacts import read_json, write_json
from hornbook.errors import UserError

SWEEP = "sweep.json"
LADDER = (
    (32, 1), (40, 2), (56, 2), (72, 2), (80, 3), (104, 3), (128, 4), (160, 4), (192, 5), (256, 5), (320, 6), (384, 7),
    (512, 7), (576, 9), (704, 10), (832, 12), (1024, 14), (1280, 16), (1536, 20),
)  # fmt: skip
NUMBER = 6  # of sizes
FACTORS = (10.648, 4.84, 2.2, 1.0)  # the longest run's tokens over those of each count
FEWEST_STEPS = 20  # of the shortest run
DECAY = 0.4  # share of each run in which the rate falls
WARMUP = 0.1  # of the shortest run, in steps the same for all
_USED = 0.7  # of the time is for steps; the rest for starts, measurements, and what timing was wrong by
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(h|m|min|s)?")


@dataclass(frozen=True)
class Asked:
    """What a sweep was asked for: the same again goes on with it."""

    text: tuple[str, ...]
    minutes: float
    objective: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Size:
    """One size of the grid.

    params    multiplied for each token; seconds and FLOPs are of a step
    """

    width: int
    layers: int
    params: int
    seconds: float
    flops: float

    @property
    def name(self) -> str:
        return f"{self.width}x{self.layers}"


@dataclass(frozen=True)
class Grid:
    """A sweep that is planned.

    paths       the text, cleaned where it was raw
    steps       of the runs of each size, ascending; `warmup` of them are the same in all
    rows        of a step, and the tokens that they are
    unique      tokens of the training text
    """

    asked: Asked
    paths: tuple[str, ...]
    sizes: tuple[Size, ...]
    steps: tuple[int, ...]
    warmup: int
    rows: int
    tokens_per_step: float
    unique: float

    @property
    def seconds(self) -> float:
        """Expected seconds of all steps."""
        return sum(seconds for _, seconds in self.costs)

    @property
    def costs(self) -> list[tuple[str, float]]:
        """What each group of runs takes, by name."""
        first, last = self.sizes[0], self.sizes[-1]
        whole = work(self.steps)
        found = [(size.name, whole * size.seconds) for size in self.sizes]
        corners = whole * first.seconds + self.steps[0] * last.seconds
        return [*found, ("second seeds", corners)]


def fork(steps: int) -> int:
    """Return the step at which a run of so many leaves the trunk: where its rate begins to fall.

    >>> fork(100), fork(25)
    (60, 15)
    """
    return steps - max(1, round(DECAY * steps))


def work(steps: Sequence[int]) -> int:
    """Return the steps that a trunk and its branches take together.

    >>> work((100, 200, 400, 800)) / 800
    1.35
    """
    return steps[-1] + sum(number - fork(number) for number in steps[:-1])


def lengths(longest: float) -> tuple[int, ...]:
    """Return the steps of the runs of each size, where the longest has so many."""
    return tuple(max(1, round(longest / factor)) for factor in FACTORS)


def longest(sizes: Sequence[Size], minutes: float) -> float:
    """Return the steps of the longest runs that fit into the time."""
    share = 1 + DECAY * sum(1 / factor for factor in FACTORS[:-1])
    a_step = share * (sum(size.seconds for size in sizes) + sizes[0].seconds) + sizes[-1].seconds / FACTORS[0]
    return _USED * 60 * minutes / a_step


def minutes_of(text: str) -> float:
    """Return the minutes of a time such as 2h, 30m, 90s; a number alone is minutes. Raises UserError.

    >>> minutes_of("2h"), minutes_of("1.5h"), minutes_of("90s"), minutes_of("20")
    (120.0, 90.0, 1.5, 20.0)
    """
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or not float(found[1]):
        raise UserError(f"A budget is a time such as 2h, 30m or 90s, not {text!r}.")
    return float(found[1]) * {"h": 60.0, "s": 1 / 60}.get(found[2] or "m", 1.0)


def checked(grid: Grid) -> Grid:
    """Return the grid, or refuse in words one whose runs would be too short."""
    if grid.steps[0] < FEWEST_STEPS:
        enough = grid.asked.minutes * FEWEST_STEPS / grid.steps[0]
        digits = 10 ** (math.floor(math.log10(enough)) - 1)
        raise UserError(
            f"{grid.asked.minutes:g} minutes buy a sweep whose shortest runs have {grid.steps[0]} steps, too few to "
            f"tell anything: --minutes {math.ceil(enough / digits) * digits:g} would be enough for {FEWEST_STEPS}."
        )
    return grid


def save_grid(grid: Grid, directory: Path) -> None:
    """Write a planned sweep's file."""
    write_json(directory / SWEEP, dataclasses.asdict(grid))


def load_grid(directory: Path, asked: Asked | None = None) -> Grid:
    """Return a planned sweep; raises UserError where something else was asked for when it was planned."""
    kept: Mapping[str, Any] = read_json(directory / SWEEP, "plan of the sweep")
    told = kept["asked"]
    before = Asked(tuple(told["text"]), told["minutes"], told["objective"], tuple(told["settings"]))
    if asked is not None and before != asked:
        changed = next(name for name, value in vars(asked).items() if getattr(before, name) != value)
        raise UserError(
            f"{directory} holds a sweep with {changed} {getattr(before, changed)}, not {getattr(asked, changed)}: ask "
            "for the same to go on with it, or choose another --out."
        )
    sizes = tuple(Size(**size) for size in kept["sizes"])
    lists = {name: tuple(kept[name]) for name in ("paths", "steps")}
    return Grid(**{**kept, **lists, "asked": before, "sizes": sizes})
