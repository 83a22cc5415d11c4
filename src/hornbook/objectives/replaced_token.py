"""ReplacedToken: a small masked model fills gaps, a large one finds what it changed (Clark et al. 2020, ELECTRA).

row       <s> a   b   c   d   </s>
inputs    <s> <m> b   c   d   </s>       what the generator reads; d is masked too, but shown
targets   <s> a   b   c   d   </s>
weights   0   1   0   0   1   0          what the generator says
sampled   <s> x   b   c   d   </s>       what the discriminator reads, made in the model: see hornbook.model.electra
replaced  0   1   0   0   0   0          what it says, at every token
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hornbook.batch import Batch, Rows, Topology
from hornbook.errors import UserError
from hornbook.objectives.base import Requirements
from hornbook.objectives.masked import Masked
from hornbook.vocab import EMPTY, Vocab


@dataclass(frozen=True)
class ReplacedToken:
    """Masked language modelling for a generator, and replaced-token detection for the model that is kept.

    rate                   share of the tokens that the generator predicts, and its samples replace
    mask_share             of these, the share that it reads as the mask token; the rest is shown as it is
    generator_width        the generator's width as a share of the discriminator's
    discriminator_weight   how much the discriminator's loss counts beside the generator's
    """

    rate: float = 0.15
    mask_share: float = 0.85
    generator_width: float = 0.25
    discriminator_weight: float = 50.0
    vocab: Vocab = field(default=EMPTY, repr=False)

    def __post_init__(self) -> None:
        if not 0.0 < self.rate <= 1.0:
            raise UserError(f"The replaced objective's rate must be above 0 and at most 1, not {self.rate}.")
        if not 0.0 <= self.mask_share <= 1.0:
            raise UserError(f"The replaced objective's mask_share must be between 0 and 1, not {self.mask_share}.")
        if not 0.0 < self.generator_width <= 1.0:
            raise UserError(
                f"The replaced objective's generator_width must be above 0 and at most 1, not {self.generator_width}."
            )
        if not 0.0 <= self.discriminator_weight < float("inf"):
            raise UserError(
                f"The replaced objective's discriminator_weight must be 0 or more, not {self.discriminator_weight}."
            )

    @property
    def _masked(self) -> Masked:
        return Masked(rate=self.rate, mask_share=self.mask_share, random_share=0.0, vocab=self.vocab)

    @property
    def topology(self) -> Topology:
        """An encoder, and a smaller one beside it."""
        return "encoder"

    @property
    def overlap(self) -> int:
        """Rows share no token."""
        return 0

    @property
    def noise_period(self) -> int:
        """New noise in each epoch."""
        return 0

    @property
    def boundary_tokens(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Those of masked language modelling."""
        return self._masked.boundary_tokens

    def requirements(self, max_length: int) -> Requirements:
        """Those of masked language modelling."""
        return self._masked.requirements(max_length)

    def row_length(self, max_length: int) -> int:
        """As many as positions."""
        return max_length

    def target_length(self, max_length: int) -> int:
        """As many as inputs."""
        return max_length

    def check(self, max_length: int) -> None:
        """Need what masked language modelling needs."""
        self._masked.check(max_length)

    def __call__(self, rows: Rows) -> Batch:
        """Return the generator's batch: so many tokens of each row, exactly, as BERT counts them; none random."""
        return self._masked(rows)
