"""SpanCorruption: replace spans by sentinels and predict the spans (Raffel et al. 2020, T5).

row              a    b    c    d    e    f
inputs           a    <X0> d    e    <X1> </s>
decoder_inputs   .    <X0> b    c    <X1> f
targets          <X0> b    c    <X1> f    </s>
weights          1    1    1    1    1    1
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from hornbook.batch import Batch, Rows, Topology
from hornbook.errors import UserError
from hornbook.objectives.base import Boundaries, Plain, PromptFormat, Requirements, need, two_sided
from hornbook.objectives.ops import noise
from hornbook.objectives.ops.encoder_decoder import build, require_sentinels
from hornbook.objectives.ops.lengths import longest, span_counts
from hornbook.objectives.ops.noise import Counts
from hornbook.objectives.ops.roll import rolled
from hornbook.schema import AtLeastOne, ProperShare, check
from hornbook.vocab import EMPTY, Vocab


@dataclass(frozen=True)
class SpanCorruption(Plain):
    """T5's denoising: exact numbers of noise tokens and spans in each row, so that rows fill the model's positions.

    density     noise density: share of the tokens that is hidden
    mean_span   mean length of a hidden span in tokens
    roll        rotate the noise of each document to begin at a random kept token, as T5's code can, where it is off as
                here. Without it a document that has noise ends in noise, always at the same places in a short row

    A row of R real tokens has n = round(density R) noise tokens, at least 1 and at most R - 1, in round(n / mean_span)
    spans, at least 1; so R - n + spans + 1 inputs and n + spans + 1 targets, the end of text included. Spans keep
    inside documents, and sentinels start anew in each document: see `noise.spans`.
    """

    density: ProperShare = 0.15
    mean_span: AtLeastOne = 3.0
    roll: bool = False
    vocab: Vocab = field(default=EMPTY, repr=False)

    topology: ClassVar[Topology] = "encoder-decoder"
    # No marks, as T5 joins documents; the end of text stands once, at the end of each row's two sides.
    boundary_tokens: ClassVar[Boundaries] = ((), ())

    def __post_init__(self) -> None:
        check(self, "The span objective's ")
        if self.density / self.mean_span > 1.0 - self.density + 1e-9:
            told = f"density {self.density} with mean_span {self.mean_span} leaves too few tokens between spans"
            raise UserError(f"The span objective's {told}: lower density or raise mean_span.")

    @property
    def prompting(self) -> tuple[PromptFormat, ...]:
        """It predicts the span of each sentinel."""
        return (two_sided("sentinels", self.vocab),)

    def sizes(self, tokens: Counts) -> tuple[Counts, Counts, Counts]:
        """Return inputs, targets and noise spans of rows with so many real tokens [N]."""
        number, spans = span_counts(tokens, self.density, self.mean_span)
        return tokens - number + spans + 1, number + spans + 1, spans

    def lengths(self, tokens: int) -> tuple[int, int, int]:
        """Return inputs, targets and noise spans of one row of `tokens` real tokens."""
        inputs, targets, spans = (int(size[0]) for size in self.sizes(np.array([tokens])))
        return inputs, targets, spans

    def requirements(self, max_length: int) -> Requirements:
        """One sentinel for each span of a row, padding (which starts the decoder), end of text."""
        return Requirements(roles=("pad", "eos"), sentinels=self.lengths(self.row_length(max_length))[2])

    def row_length(self, max_length: int) -> int:
        """The most tokens whose inputs and targets fit `max_length`.

        T5's random_spans_helper, with the counts that the noise really has: the helper forgets that there is at least
        one span, so its rows overflow where spans are long and rows short. Inputs have exactly `max_length` positions;
        fewer only where half or more is noise, since targets would else be too long.
        """
        return longest(self.sizes, max_length)

    def target_length(self, max_length: int) -> int:
        """Noise tokens, sentinels and the end of text."""
        return self.lengths(self.row_length(max_length))[1]

    def check(self, max_length: int) -> None:
        """Need room for a span, padding, end of text, and as many sentinels as a row has spans."""
        need(self.vocab, "The span objective", max_length, 3, ("pad", "eos"))
        require_sentinels(self.vocab, self.requirements(max_length).sentinels, "The span objective")

    def __call__(self, rows: Rows) -> Batch:
        """Return inputs [B, S] and targets [B, U] of rows [B, T]: S and U are `lengths(T)`, whatever the noise.

        A row with padding has fewer, and its inputs and targets end in padding.
        """
        segments = np.ones(rows.tokens.shape, np.int32) if rows.segments is None else rows.segments
        real = noise.real_lengths(segments)
        lengths = np.append(real, rows.tokens.shape[1])  # of a full row too, which has all widths
        reads, says, spans = self.sizes(lengths)
        widths = int(reads[-1]), int(says[-1])
        reads, says, spans = reads[:-1] - 1, says[:-1] - 1, spans[:-1]  # without the end of text
        chosen = noise.spans(segments, says - spans, spans, rows.keys)
        if self.roll:
            chosen = rolled(chosen, rows.keys)
        return build(rows, chosen, reads, says, widths, self.vocab, "The span objective")
