"""The clock of a run, and how many steps a budget of minutes is: as many as bring it to its end when the budget ends.

The end is foreseen within the first tenth, and again whenever an eighth of the time left has passed, from the speed
since the look before and, half as much, from that of earlier ones: so a machine that gets busier or quieter is noticed.
Where the end would be off by more than a hundredth of the budget, the number of steps is corrected
(`hornbook.tokens.timeline`).

    end = now + steps left x seconds of a step + measurements and samples left x seconds of one + what comes after it

The clock is an input. Rank 0's is the one that decides.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

_FIRST_LOOK, _FIRST_STEPS = 0.04, 0.1  # the first look comes after this share of the budget, or of the steps planned
_LOOK, _CLOSEST_LOOK = 1 / 8, 0.01  # share of the time left until the next look; at least this share of the budget
_AIM = 0.99  # of the budget: what is not foreseen, such as a last checkpoint, takes longer rather than less
_TOLERANCE = 0.01  # share of the budget by which the end may be off


class Timeline(Protocol):
    """The length of a run in steps and its corrections; `hornbook.tokens.timeline` has the one of runs."""

    @property
    def foreseen(self) -> tuple[tuple[int, int], ...]:
        """(step, steps): from that step on, the run was to have so many in all."""

    @property
    def planned(self) -> int:
        """Steps as first planned."""

    @property
    def steps(self) -> int:
        """Steps as foreseen now."""

    @property
    def corrected_at(self) -> int:
        """The step of the newest correction, 0 if there is none."""

    def corrected(self, step: int, steps: int) -> Timeline:
        """Return the timeline with one more correction."""

    def place(self, step: int) -> float:
        """Return the number that a step has in a run of the first length."""


@dataclass(frozen=True)
class Deadline:
    """What a run of minutes has to keep.

    seconds     of the budget, since the text was prepared
    most_steps  after which training ends in any case, because the text is small
    measuring   a measurement on held-out text, in training steps: until one was timed
    after       the evaluation behind the last step, in such measurements
    sampling    the samples at one step, in training steps: until they were timed
    leaving     seconds that are left for the process to end
    """

    seconds: float
    most_steps: int
    measuring: float
    after: float
    leaving: float = 0.0
    sampling: float = 0.0


@dataclass
class Pace:
    """The seconds that a run has used, its length in steps, and the deadline that corrects it, if there is one.

    clock   seconds from any point on
    begun   what it said when this start had its text prepared
    before  seconds that the run had used in earlier starts, up to the checkpoint that this one goes on from
    """

    timeline: Timeline
    deadline: Deadline | None = None
    clock: Callable[[], float] = time.monotonic
    begun: float = field(default_factory=time.monotonic)
    before: float = 0.0

    _timed_from: float = math.inf
    _timed_step: int = 0
    _look_at: float = math.inf
    _a_step: float = math.nan
    _measurement: float = math.nan
    _samples: float = math.nan

    @property
    def elapsed(self) -> float:
        """Seconds of the run so far: of all its starts, without the time between them."""
        return self.before + self.clock() - self.begun

    def begin(self, step: int) -> None:
        """Time steps from here on: after the first one of a start, which is slower than the others."""
        if self.deadline is not None:
            budget, now = self.deadline.seconds, self.elapsed
            self._timed_from, self._timed_step = now, step
            self._look_at = now + max(_CLOSEST_LOOK * budget, min(_FIRST_LOOK * budget, _LOOK * (budget - now)))

    def measured(self, seconds: float, sampling: float | None = None) -> None:
        """Take the time that a measurement took, and samples after it, if there were any, out of the steps'."""
        self._measurement = seconds
        self._samples = self._samples if sampling is None else sampling
        self._timed_from += seconds + (sampling or 0.0)
        self._look_at += seconds + (sampling or 0.0)

    def look(self, step: int, measurements: int, samples: int = 0) -> int:
        """Return how many steps the run is to have in all, or 0 where what was foreseen stays.

        So many measurements are still to come, and so many times samples. Corrections that are recorded of later
        steps, before a crash, stay.
        """
        now, deadline, timed = self.elapsed, self.deadline, step - self._timed_step
        early = math.isnan(self._a_step) and step >= _FIRST_STEPS * self.timeline.steps
        if deadline is None or timed < 1 or step <= self.timeline.corrected_at or not (early or now >= self._look_at):
            return 0
        newest = (now - self._timed_from) / timed
        a_step = self._a_step = newest if math.isnan(self._a_step) else (2 * newest + self._a_step) / 3
        a_measurement = deadline.measuring * a_step if math.isnan(self._measurement) else self._measurement
        a_sampling = deadline.sampling * a_step if math.isnan(self._samples) else self._samples
        beside = (measurements + deadline.after) * a_measurement + samples * a_sampling
        left = _AIM * deadline.seconds - deadline.leaving - now - beside
        self._timed_from, self._timed_step = now, step
        self._look_at = now + max(_CLOSEST_LOOK * deadline.seconds, _LOOK * (deadline.seconds - now))
        steps = min(deadline.most_steps, step + max(1, round(left / a_step)))
        off = abs(steps - self.timeline.steps) * a_step
        return steps if off > _TOLERANCE * deadline.seconds and step < self.timeline.steps else 0
