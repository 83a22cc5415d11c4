"""SpanCorruption: replace spans by sentinels and say what they were (Raffel et al. 2020, T5).

row              a    b    c    d    e    f
inputs           a    <X0> d    e    <X1> </s>
decoder_inputs   .    <X0> b    c    <X1> f
targets          <X0> b    c    <X1> f    </s>
weights          1    1    1    1    1    1
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hornbook.batch import Batch, Rows, Topology
from hornbook.errors import UserError
from hornbook.objectives import noise, rewrite
from hornbook.objectives.base import Requirements
from hornbook.objectives.noise import Counts
from hornbook.vocab import EMPTY, Vocab


@dataclass(frozen=True)
class SpanCorruption:
    """T5's denoising: exact numbers of noise tokens and spans in each row, so that rows fill the model's positions.

    density     share of the tokens that is noise
    mean_span   mean number of tokens in a noise span

    A row of R real tokens has n = round(density R) noise tokens, at least 1 and at most R - 1, in round(n / mean_span)
    spans, at least 1; so R - n + spans + 1 inputs and n + spans + 1 targets, the end of text included. Spans keep
    inside documents, and sentinels start anew in each document: see `noise.spans`.
    """

    density: float = 0.15
    mean_span: float = 3.0
    vocab: Vocab = field(default=EMPTY, repr=False)

    def __post_init__(self) -> None:
        if not 0.0 < self.density < 1.0:
            raise UserError(f"The span objective's density must be between 0 and 1, not {self.density}.")
        if not 1.0 <= self.mean_span < float("inf"):
            raise UserError(f"The span objective's mean_span must be at least 1 token, not {self.mean_span}.")
        if self.density / self.mean_span > 1.0 - self.density + 1e-9:
            raise UserError(
                f"The span objective's density {self.density} leaves too few tokens to keep spans of {self.mean_span} "
                "apart: lower density or raise mean_span."
            )

    @property
    def topology(self) -> Topology:
        """An encoder and a decoder."""
        return "encoder-decoder"

    @property
    def overlap(self) -> int:
        """Rows share no token."""
        return 0

    @property
    def noise_period(self) -> int:
        """New noise in each epoch."""
        return 0

    @property
    def marks(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """No marks, as T5 joins documents; the end of text stands once, at the end of each row's two sides."""
        return (), ()

    def counts(self, tokens: Counts) -> tuple[Counts, Counts]:
        """Return noise tokens and spans of rows with so many real tokens; T5's rounding, half to even.

        A row of fewer than 2 tokens has no noise.
        """
        number = np.minimum(np.maximum(np.rint(tokens * self.density), 1), np.maximum(tokens - 1, 0)).astype(np.int64)
        spans = np.maximum(np.rint(number / self.mean_span).astype(np.int64), 1)
        return number, np.minimum(spans, np.minimum(number, tokens - number))

    def lengths(self, tokens: int) -> tuple[int, int, int]:
        """Return inputs, targets and noise spans of one row of `tokens` real tokens."""
        noise_tokens, spans = (int(count[0]) for count in self.counts(np.array([tokens])))
        return tokens - noise_tokens + spans + 1, noise_tokens + spans + 1, spans

    def requirements(self, max_length: int) -> Requirements:
        """One sentinel for each span of a row, padding (which starts the decoder), end of text."""
        return Requirements(roles=("pad", "eos"), sentinels=self.lengths(self.row_length(max_length))[2])

    def row_length(self, max_length: int) -> int:
        """The most tokens whose inputs fit `max_length`; up to half noise, targets must fit too.

        T5's random_spans_helper, with the counts that the noise really has: the helper forgets that there is at least
        one span, so its rows overflow where spans are long and rows short. Inputs have exactly `max_length` positions;
        one less only with half noise, where targets would else be one too long.
        """
        tokens = max(max_length - 1, 1)
        while self._fits(tokens + 1, max_length):
            tokens += 1
        return tokens

    def _fits(self, tokens: int, max_length: int) -> bool:
        inputs, targets, _ = self.lengths(tokens)
        return inputs <= max_length and (targets <= max_length or self.density > 0.5)

    def target_length(self, max_length: int) -> int:
        """Noise tokens, sentinels and the end of text."""
        return self.lengths(self.row_length(max_length))[1]

    def check(self, max_length: int) -> None:
        """Need room for a span, padding, end of text, and as many sentinels as a row has spans."""
        if max_length < 3:
            raise UserError(f"The span objective needs rows of at least 3 positions, not {max_length}.")
        for role in ("pad", "eos"):
            self.vocab.require(role, "The span objective")
        self._require_sentinels(self.requirements(max_length).sentinels)

    def _require_sentinels(self, needed: int) -> None:
        found = len(self.vocab.sentinels)
        if found < needed:
            raise UserError(
                f"The span objective needs {needed} sentinels (<extra_id_0>, <extra_id_1>, ...) for a row, and this "
                f"tokenizer has {found}: use shorter rows, a larger mean_span, a lower density, or another tokenizer."
            )

    def __call__(self, rows: Rows) -> Batch:
        """Return inputs [B, S] and targets [B, U] of rows [B, T]: S and U are `lengths(T)`, whatever the noise.

        A row with padding has fewer, and its inputs and targets end in padding.
        """
        pad, eos = (self.vocab.require(role, "The span objective") for role in ("pad", "eos"))
        length = rows.tokens.shape[1]
        segments = np.ones(rows.tokens.shape, np.int32) if rows.segments is None else rows.segments
        padded = not segments[:, -1].all()
        real = np.count_nonzero(segments, axis=1) if padded else np.full(len(segments), length)
        # The last entry is a row without padding, which gives the widths.
        noise_tokens, spans = self.counts(np.append(real, length))
        inputs_width = length - int(noise_tokens[-1]) + int(spans[-1]) + 1
        targets_width = int(noise_tokens[-1]) + int(spans[-1]) + 1
        noise_tokens, spans = noise_tokens[:-1], spans[:-1]
        chosen = noise.spans(segments, noise_tokens, spans, rows.keys)
        self._require_sentinels(int(chosen.rank.max(initial=-1)) + 1)
        sentinels = np.array(self.vocab.sentinels, rows.tokens.dtype)[chosen.rank]
        dropped = chosen.noise | (segments == 0) if padded else chosen.noise
        read, read_at = rewrite.collapse(rows.tokens, dropped, chosen.noise_starts, sentinels)
        said, said_at = rewrite.collapse(rows.tokens, ~chosen.noise, chosen.kept_starts, sentinels)
        reads, says = real - noise_tokens + spans, noise_tokens + spans
        end = np.where(real > 0, eos, pad).astype(rows.tokens.dtype)
        inputs = rewrite.lay(read, reads, inputs_width, pad, end)
        targets = rewrite.lay(said, says, targets_width, pad, end)
        count = np.where(real > 0, says + 1, 0)
        weights = (np.arange(targets_width) < count[:, None]).astype(np.float32)
        decoder_inputs = np.empty_like(targets)
        decoder_inputs[:, 0] = pad
        decoder_inputs[:, 1:] = targets[:, :-1]
        if rows.segments is None:
            return Batch(inputs, targets, weights, count.astype(np.float64), decoder_inputs=decoder_inputs)
        last = chosen.segments[np.arange(len(real)), np.maximum(real - 1, 0)]
        inputs_segments = rewrite.lay(chosen.segments[read_at], reads, inputs_width, 0, last)
        decoder_segments = rewrite.lay(chosen.segments[said_at], says, targets_width, 0, last)
        decoder_inputs[:, 1:][decoder_segments[:, 1:] != decoder_segments[:, :-1]] = pad
        return Batch(
            inputs,
            targets,
            weights,
            count.astype(np.float64),
            inputs_segments,
            decoder_inputs=decoder_inputs,
            decoder_segments=decoder_segments,
        )
