"""ReplacedToken: a small masked model fills gaps, a large one finds what it changed (Clark et al. 2020, ELECTRA).

row       <s> a   b   c   d   </s>
inputs    <s> <m> b   c   d   </s>       what the generator reads; d is masked too, but shown
targets   <s> a   b   c   d   </s>
weights   0   1   0   0   1   0          what the generator predicts
sampled   <s> x   b   c   d   </s>       what the discriminator reads, made in the model: see hornbook.model.electra
replaced  0   1   0   0   0   0          what it predicts, at every token
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from hornbook.batch import Batch, Rows, Topology
from hornbook.objectives.base import Boundaries, Heads, PromptFormat, Requirements, one_each
from hornbook.objectives.masked import Masked
from hornbook.schema import NotNegative, PositiveShare, Share, check
from hornbook.vocab import EMPTY, Vocab


@dataclass(frozen=True)
class ReplacedToken:
    """Masked language modelling for a generator, and replaced-token detection for the model that is kept.

    rate                   share of the tokens that the generator predicts; its samples replace them
    mask_share             of these, the share that the generator sees as the mask token; the rest stays unchanged
    generator_width        width of the generator as a share of the discriminator's
    discriminator_weight   weight of the discriminator's loss; the generator's loss has weight 1
    """

    rate: PositiveShare = 0.15
    mask_share: Share = 0.85
    generator_width: PositiveShare = 0.25
    discriminator_weight: NotNegative = 50.0
    vocab: Vocab = field(default=EMPTY, repr=False)

    topology: ClassVar[Topology] = "encoder"
    overlap: ClassVar[int] = 0
    noise_period: ClassVar[int] = 0
    prompting: ClassVar[tuple[PromptFormat, ...]] = ()
    row_length = target_length = one_each

    def __post_init__(self) -> None:
        check(self, "The replaced objective's ")

    @property
    def _masked(self) -> Masked:
        return Masked(rate=self.rate, mask_share=self.mask_share, random_share=0.0, vocab=self.vocab)

    @property
    def heads(self) -> Heads:
        """A smaller model beside it fills the gaps."""
        return Heads(generator_width=self.generator_width, discriminator_weight=self.discriminator_weight)

    @property
    def boundary_tokens(self) -> Boundaries:
        """Those of masked language modelling."""
        return self._masked.boundary_tokens

    def requirements(self, max_length: int) -> Requirements:
        """Those of masked language modelling."""
        return self._masked.requirements(max_length)

    def check(self, max_length: int) -> None:
        """Need what masked language modelling needs."""
        self._masked.check(max_length)

    def __call__(self, rows: Rows) -> Batch:
        """Return the generator's batch: so many tokens of each row, exactly, as BERT counts them; none random."""
        return self._masked(rows)
