"""Learning-rate schedules: each is a function of the step alone, so nothing about them is ever saved or restored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["wsd", "cosine", "linear"]


@dataclass(frozen=True)
class Schedule:
    """The rate at each step as a share of its peak: a linear rise, then the rest of the run.

    kind        wsd: flat, then linear to `final` over the last `decay` share of the steps (Hu et al. 2024, MiniCPM;
                Haegele et al. 2024); cosine: half a cosine from 1 to `final` (Loshchilov and Hutter 2017);
                linear: a straight line from 1 to `final` (Devlin et al. 2019)
    steps       length of the run, as first planned
    warmup      below 1 a share of the steps, else a number of steps
    decay       share of the steps in which wsd falls
    final       share of the peak at the end
    """

    kind: Kind
    steps: int
    warmup: float = 0.0
    decay: float = 0.0
    final: float = 0.0

    @property
    def warmup_steps(self) -> int:
        """Number of steps in which the rate rises; never more than the run has."""
        return min(self.steps, round(self.warmup * self.steps if self.warmup < 1 else self.warmup))

    def __call__(self, step: int, place: float | None = None) -> float:
        """Return the multiplier of optimizer step `step`, counted from 0.

        The first step of a warm-up of n steps has 1/n, the n-th has 1; the last step of the run is one notch above
        `final`, which would be reached at step `steps`. `place` is the step's where the run's length was corrected
        (`hornbook.tokens.timeline`): the warm-up keeps its steps, the rest comes to its end with the run.

        >>> [Schedule("linear", 4)(step) for step in range(4)]
        [1.0, 0.75, 0.5, 0.25]
        >>> [round(Schedule("wsd", 10, warmup=0.2, decay=0.4)(step), 2) for step in range(10)]
        [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
        """
        rising, at = self.warmup_steps, step if place is None else place
        if self.kind == "wsd":
            falling = max(1, min(self.steps - rising, round(self.decay * self.steps)))
            progress = max(0.0, (at - (self.steps - falling)) / falling)
        else:
            progress = max(0.0, (at - rising) / max(1, self.steps - rising))
        share = 0.5 * (1 + math.cos(math.pi * progress)) if self.kind == "cosine" else 1 - progress
        falls = self.final + (1 - self.final) * share
        return min((step + 1) / rising, falls) if step < rising else falls
