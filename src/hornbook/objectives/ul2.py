"""UL2: several denoisers that take turns, each row marked by a mode token (Tay et al. 2022, table 1 and section 3).

R   regular      spans of 3 or 8 tokens at 15 %
S   sequential   the end of the text from its beginning, a prefix language model
X   extreme      spans of 3 or 8 tokens at 50 %, of 64 at 15 % and at 50 %
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from hornbook.batch import Batch, Rows, Topology
from hornbook.errors import UserError
from hornbook.objectives.base import Plain, Requirements, Turns
from hornbook.objectives.mixture import pick, turns
from hornbook.objectives.ul2_denoiser import UL2Denoiser, denoise
from hornbook.schema import Positive, check
from hornbook.vocab import EMPTY, Vocab

# (mode's place in `modes`, density, mean span; None: the sequential task)
_R, _S, _X = range(3)
_TASKS: dict[str, tuple[tuple[int, float, float | None], ...]] = {
    "paper": (
        (_R, 0.15, 3.0),
        (_R, 0.15, 8.0),
        (_S, 0.25, None),
        (_X, 0.5, 3.0),
        (_X, 0.5, 8.0),
        (_X, 0.15, 64.0),
        (_X, 0.5, 64.0),
    ),
    "ul2r": ((_R, 0.15, 3.0), (_X, 0.15, 32.0), (_X, 0.5, 3.0), (_S, 0.25, None)),
    "short": (
        *((_R, 0.15, float(mean)) for mean in range(3, 9)),
        *((_S, 0.15, float(mean)) for mean in range(1, 4)),
        *((_X, 0.5, float(mean)) for mean in (12, 38, 64)),
    ),
}
_WEIGHTS: dict[str, tuple[float, ...]] = {"paper": (1.0,) * 7, "ul2r": (0.4, 0.2, 0.2, 0.2), "short": (1.0,) * 12}


@dataclass(frozen=True)
class UL2(Plain, Turns):
    """A mixture of denoisers.

    variant      paper: the seven of UL2; ul2r: the four of UL2R (Tay et al. 2022b); short: that of many tutorials, in
                 which S stands for short spans: half of the rows R with means 3 to 8, a quarter S with means 1 to 3
                 at 15 %, a quarter X with means 12, 38 and 64 (the ends and the middle of 12 to 64) at 50 %
    sequential   what S predicts. suffix: the last quarter of each document (table 1); split: everything after a random
                 place (the paper's released code)
    modes        mode tokens of R, S and X; none = no mode tokens. The released UL2 has [NLU], [S2S] and [NLG]
    weights      share of the rows for each denoiser, in the order of the variant; empty = the variant's own shares
    """

    variant: Literal["paper", "ul2r", "short"] = "paper"
    sequential: Literal["suffix", "split"] = "suffix"
    modes: tuple[str, ...] = ("[R]", "[S]", "[X]")
    weights: tuple[Positive, ...] = ()
    vocab: Vocab = field(default=EMPTY, repr=False)

    topology: ClassVar[Topology] = "encoder-decoder"

    def __post_init__(self) -> None:
        check(self, "The UL2 objective's ")
        if len(set(self.modes)) not in (0, 3) or len(self.modes) not in (0, 3):
            raise UserError(f"The UL2 objective's modes must be three different tokens or none, not {self.modes}.")
        wanted = len(_TASKS[self.variant])
        if self.weights and len(self.weights) != wanted:
            raise UserError(f"The UL2 objective needs {wanted} weights, one a denoiser, not {len(self.weights)}.")

    @functools.cached_property
    def denoisers(self) -> tuple[UL2Denoiser, ...]:
        """The different denoisers, in the order of the variant."""
        found = []
        for letter, density, mean in _TASKS[self.variant]:
            task: Literal["spans", "suffix", "split"] = "spans" if mean is not None else self.sequential
            mode, mark = (self.modes[letter], self.modes[_R]) if self.modes else ("", "")
            found.append(UL2Denoiser(task, density, mean or 1.0, mode, mark, self.vocab))
        return tuple(found)

    @functools.cached_property
    def _turns(self) -> tuple[int, ...]:
        return turns(self.weights or _WEIGHTS[self.variant])

    @functools.cached_property
    def cycle(self) -> tuple[UL2Denoiser, ...]:
        """The denoisers in turn."""
        return tuple(self.denoisers[number] for number in self._turns)

    def requirements(self, max_length: int) -> Requirements:
        """Padding, end of text, the modes, and sentinels for the denoiser with the most spans."""
        spans = max(denoiser.requirements(max_length).sentinels for denoiser in self.denoisers)
        return Requirements(("pad", "eos"), spans, self.modes)

    def __call__(self, rows: Rows) -> Batch:
        """Return the batch of rows [B, T], each by its turn, as wide as the widest denoiser makes it."""
        turn = pick(rows, len(self._turns))
        return denoise(rows, self.denoisers, np.array(self._turns)[turn], self.vocab)
