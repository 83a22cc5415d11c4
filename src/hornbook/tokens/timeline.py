"""The length of a run in steps, which the clock may correct while it trains; every correction is recorded.

    0=1000          from its start the run was to have 1,000 steps
    60=800          after 60 steps the clock foresaw 800 in all
    400=700         after 400 steps, 700: that many it has

All that depends on how much of the run is done (learning rate, curricula) asks for a step's `place`: its number in a
run of the first length. A place moves one step at a time until the first correction, then as fast as brings it to the
end with the last step. So a correction breaks nothing off: what was reached stays, and the rest is longer or shorter.
With its corrections a run is repeated bit for bit, without a clock.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from hornbook.errors import UserError


@dataclass(frozen=True)
class Timeline:
    """(step, steps) in order, the first at step 0: from that step on, the run was to have so many steps in all."""

    foreseen: tuple[tuple[int, int], ...]

    @property
    def planned(self) -> int:
        """Steps of the run as first planned."""
        return self.foreseen[0][1]

    @property
    def steps(self) -> int:
        """Steps of the run as it is foreseen now."""
        return self.foreseen[-1][1]

    @property
    def corrected_at(self) -> int:
        """The step of the newest correction, 0 if there is none."""
        return self.foreseen[-1][0]

    def corrected(self, step: int, steps: int) -> Timeline:
        """Return the timeline of a run that is to have `steps` steps, as foreseen after `step` of them."""
        return Timeline((*self.foreseen, (step, steps)))

    def place(self, step: int) -> float:
        """Return the number that a step has in a run of the first length: its own until a correction.

        >>> run = Timeline(((0, 100), (20, 60)))
        >>> run.place(20), run.place(40), run.place(60)
        (20.0, 60.0, 100.0)
        """
        begin, steps, place = 0, self.planned, 0.0
        for next_begin, next_steps in self.foreseen[1:]:
            if step <= next_begin:
                break
            place += (self.planned - place) * (next_begin - begin) / (steps - begin)
            begin, steps = next_begin, next_steps
        if begin == 0:
            return float(step)
        return place + (self.planned - place) * (step - begin) / (steps - begin)


def read_timeline(written: Sequence[str], steps: int, name: str) -> Timeline:
    """Return the timeline of a run of `steps` steps from its corrections as "step=steps"; none: it never changed.

    Raises UserError, naming the setting, where they are not in order or do not end with `steps`.
    """
    try:
        foreseen = [(int(step), int(total)) for step, _, total in (item.partition("=") for item in written)]
    except ValueError as error:
        raise UserError(
            f"{name} must be a list of step=steps, such as 0=1000,60=800, not {','.join(written)}."
        ) from error
    if not foreseen:
        return Timeline(((0, steps),))
    begins = [begin for begin, _ in foreseen]
    lasting = all(begin < total for begin, total in foreseen)
    reached = all(begin < before for (_, before), (begin, _) in itertools.pairwise(foreseen))
    if begins[0] != 0 or sorted(set(begins)) != begins or not lasting or not reached:
        raise UserError(f"{name} must begin with 0=steps, and each step must be above the last and below the steps.")
    if foreseen[-1][1] != steps:
        raise UserError(f"{name} ends with {foreseen[-1][1]} steps, but budget.steps is {steps}: leave it out.")
    return Timeline(tuple(foreseen))


def written(foreseen: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """Return what a timeline foresaw as `read_timeline` reads it; nothing where it was never corrected.

    >>> written([(0, 9)]), written([(0, 9), (2, 5)])
    ((), ('0=9', '2=5'))
    """
    return tuple(f"{step}={steps}" for step, steps in foreseen) if len(foreseen) > 1 else ()
