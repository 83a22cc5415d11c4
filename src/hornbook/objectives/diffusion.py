"""MaskedDiffusion: hide a random share of the row, anything from none to all, and predict it (LLaDA, MDLM).

row       <s> a   b    c    </s>
inputs    <s> <m> b    <m>  </s>
targets   <s> a   b    c    </s>
weights   0   2   0    2    0         1 / p, for a row whose tokens are masked with probability p = 1/2; count is 3
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch, Rows, Topology
from hornbook.keys import uniform
from hornbook.objectives.base import Boundaries, Plain, PromptFormat, Requirements, boundaries, need, one_each
from hornbook.objectives.ops import noise
from hornbook.schema import check
from hornbook.vocab import EMPTY, Vocab

# The smallest probability of a mask, and so one over the largest weight; both papers' code has this number.
_LEAST = 1e-3


@dataclass(frozen=True)
class MaskedDiffusion(Plain):
    """Each row draws a time t in (0, 1); its words are masked with probability p(t), each on its own, and count w(t).

    The loss sum(w * nats) / words is an upper bound on the row's negative log-likelihood per word.

    weighting   masking probability p and loss weight w at time t, with e = 0.001. llada: p = (1 - e) t + e, w = 1 / p
                (Nie et al. 2025, section 2.2 and released code); mdlm: p = (1 - e) u, w = 1 / u, u = (1 - e) t + e
                (log-linear noise; Sahoo et al. 2024, section 3 and released code)
    """

    weighting: Literal["llada", "mdlm"] = "llada"
    vocab: Vocab = field(default=EMPTY, repr=False)

    topology: ClassVar[Topology] = "encoder"
    row_length = target_length = one_each

    def __post_init__(self) -> None:
        check(self, "The diffusion objective's ")

    @property
    def boundary_tokens(self) -> Boundaries:
        """Start and end of text around each document."""
        start = self.vocab.cls if self.vocab.bos is None else self.vocab.bos
        return boundaries(start, self.vocab.sep if self.vocab.eos is None else self.vocab.eos)

    @property
    def prompting(self) -> tuple[PromptFormat, ...]:
        """It fills masks one after another."""
        return (PromptFormat("unmask", *self.boundary_tokens),)

    def requirements(self, max_length: int) -> Requirements:
        """A mask token, and marks around documents."""
        return Requirements(roles=("bos", "eos", "mask"))

    def check(self, max_length: int) -> None:
        """Need a mask token, and a row that holds more than its marks."""
        need(self.vocab, "The diffusion objective", max_length, 3, ("mask",))

    def probabilities(self, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (p, w), float64[B] both: each row's probability of a mask, and the weight of its masked words."""
        time = (1.0 - _LEAST) * uniform(rows.keys, 1, noise.TIME)[:, 0] + _LEAST
        return (time, 1.0 / time) if self.weighting == "llada" else ((1.0 - _LEAST) * time, 1.0 / time)

    def __call__(self, rows: Rows) -> Batch:
        """Return inputs and targets [B, T]; `count` is the number of a row's words, masked or not.

        A row that draws no mask adds its words to the denominator and nothing to the sum, as the bound has it.
        """
        mask = self.vocab.require("mask", "The diffusion objective")
        probability, weight = self.probabilities(rows)
        free = noise.candidates(rows, self.vocab.special)
        chosen = noise.bernoulli(free, probability[:, None], rows.keys)
        inputs = rows.tokens.copy()
        inputs[chosen] = mask
        weights = np.where(chosen, weight[:, None], 0.0).astype(np.float32)
        count = noise.row_counts(free).astype(np.float64)
        segments = None if rows.segments is None else rows.segments.copy()
        return Batch(inputs, rows.tokens.copy(), weights, count, segments)
