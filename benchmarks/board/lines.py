"""A line of the record board: who, on which text, for how many processor seconds, how good, and how it is repeated.

A line's name is TEXT/SECONDS/WHO. Its recipe says everything that a run of it needs but the place of the text; a peer
has none. Its seconds are those of its own machine: what a second is worth elsewhere is told by nanoGPT's step, which is
timed in the same turns (`unit_seconds`).
"""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hornbook.artifacts import write_file
from hornbook.errors import UserError
from hornbook.evaluate.statistics import t_quantile, welch

CORES = 2
BUDGETS = (60, 240, 600, 2400)  # processor seconds: 30 s, 2, 5 and 20 minutes of two cores
OBJECTIVES = ("causal", "prefix", "fim", "masked", "diffusion", "replaced", "span", "bart", "ul2")
PEERS = ("nanogpt", "nanogpt characters", "trainer", "trainer small")
SEEDS = 3
# By how much a claim's seconds of a step, in those of nanoGPT's, may differ when they are measured again.
TIME_TOLERANCE = 0.15
# Two lines of one seed each, or whose seeds agree by chance, differ by so much without any reason.
LEAST_SPREAD = 0.004


@dataclass(frozen=True)
class Line:
    """One line; seconds are processor seconds.

    settings      what its claim changed in the recipe that the objective has by default
    recipe        the whole recipe, as `hornbook.recipes.settings.to_dict` has it; empty for a peer
    measure       bits per byte, or loss (nats a scored token)
    unit_seconds  of a step of nanoGPT, timed in turns with this line's
    seeds         quality on the whole test text for each seed
    curve         (seconds, quality on a part of the test text) of the first seed, the whole at its end
    preparation_seconds, measuring_seconds   not of the budget: cleaning and tokens; all measuring of the first seed
    """

    text: str
    budget: int
    who: str
    settings: tuple[str, ...]
    recipe: Mapping[str, Any]
    measure: str
    vocabulary: int
    steps: int
    start_seconds: float
    step_seconds: float
    unit_seconds: float
    preparation_seconds: float
    measuring_seconds: float
    seeds: Mapping[str, float]
    curve: Sequence[Sequence[float]]
    machine: Mapping[str, Any]
    date: str

    @property
    def name(self) -> str:
        """TEXT/SECONDS/WHO."""
        return f"{self.text}/{self.budget}/{self.who}"

    @property
    def values(self) -> list[float]:
        """The quality of every seed."""
        return list(self.seeds.values())

    @property
    def mean(self) -> float:
        """The mean of the seeds."""
        return statistics.fmean(self.values)

    @property
    def spread(self) -> float:
        """The standard deviation of the seeds; 0 of a single one."""
        return statistics.stdev(self.values) if len(self.seeds) > 1 else 0.0

    def holds(self, again: Sequence[float]) -> bool:
        """Whether other seeds are no worse than this line's lead one to expect, by Student's t at 97.5 %."""
        number, more = len(self.seeds), len(again)
        quantile = t_quantile(0.975, number - 1) if number > 1 else t_quantile(0.975, 2)
        error = max(self.spread, LEAST_SPREAD) * (1 / number + 1 / more) ** 0.5
        return statistics.fmean(again) <= self.mean + quantile * error

    def beats(self, other: Line) -> bool:
        """Whether this line is better than another beyond what seeds make, by Welch's t; one of few seeds never is."""
        if min(len(self.seeds), len(other.seeds)) < SEEDS:
            return False
        return welch(self.values, other.values).high < 0


@dataclass(frozen=True)
class Board:
    """All lines by name, and what each text is known by."""

    texts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lines: Mapping[str, Line] = field(default_factory=dict)

    def line(self, name: str) -> Line:
        """Return a line by its name; raises UserError where there is none."""
        if name not in self.lines:
            there = ", ".join(self.lines) or "none yet"
            raise UserError(f"The board has no line '{name}'. Its lines are: {there}.")
        return self.lines[name]

    def knows(self, name: str, identity: Mapping[str, Any]) -> Board:
        """Return the board with a text; raises UserError where it has another one of this name."""
        known = self.texts.get(name, identity)
        if dict(known) != dict(identity):
            raise UserError(
                f"This {name} is another text than the board's: its content has sha256 {identity['sha256']}, the "
                f"board's {known['sha256']}. Lines of two texts cannot be compared."
            )
        return Board({**self.texts, name: identity}, self.lines)

    def has(self, line: Line) -> Board:
        """Return the board with a line, which takes the place of one of its name."""
        found = {**self.lines, line.name: line}
        return Board(self.texts, {name: found[name] for name in sorted(found, key=_place)})

    def of(self, text: str, budget: int, who: Iterable[str]) -> list[Line]:
        """Return the lines of a text and a budget, in the order of `who`."""
        names = (f"{text}/{budget}/{name}" for name in who)
        return [self.lines[name] for name in names if name in self.lines]


def _place(name: str) -> tuple[str, int, int]:
    text, budget, who = name.split("/")
    order = [*OBJECTIVES, *PEERS]
    return text, int(budget), order.index(who) if who in order else len(order)


def names(texts: Iterable[str]) -> list[str]:
    """Return the names of all lines that a board of these texts may have."""
    found = [f"{text}/{budget}/{who}" for text, budget, who in itertools.product(texts, BUDGETS, OBJECTIVES + PEERS)]
    return [name for name in found if not name.endswith("characters") or name.startswith("shakespeare")]


def read_board(path: Path) -> Board:
    """Return the board of a file; an empty one where there is none."""
    if not path.is_file():
        return Board()
    kept = json.loads(path.read_text(encoding="utf-8"))
    lines = [Line(**{**line, "settings": tuple(line["settings"])}) for line in kept["lines"]]
    return Board(kept["texts"], {line.name: line for line in lines})


def write_board(board: Board, path: Path) -> None:
    """Write the board."""
    path.parent.mkdir(exist_ok=True, parents=True)
    record = {"texts": board.texts, "lines": [asdict(line) for line in board.lines.values()]}
    write_file(path, json.dumps(record, indent=1) + "\n")
