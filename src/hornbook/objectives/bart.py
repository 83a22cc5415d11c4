"""BARTDenoising: read a damaged text, write the whole one (Lewis et al. 2020, BART).

row              a    b    c.   d    e    f.
sentences        d    e    f.   a    b    c.
inputs           d    <m>  a    <m>  b    c.   </s>       e f. in one span, and one span of no token
decoder_inputs   .    a    b    c.   d    e    f.
targets          a    b    c.   d    e    f.   </s>
weights          1    1    1    1    1    1    1

Shapes: B rows, T tokens of a row, D documents in all rows, K spans in all rows, N noise tokens in all rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch, Integers, Mask, Rows, Topology
from hornbook.errors import UserError
from hornbook.keys import Keys, fold, halves
from hornbook.objectives.base import Boundaries, Plain, PromptFormat, Requirements, need, two_sided
from hornbook.objectives.ops import compiled, noise, rewrite
from hornbook.objectives.ops.encoder_decoder import finish, of_kernel
from hornbook.objectives.ops.noise import Counts, Documents
from hornbook.objectives.ops.sentences import permute_sentences, rotate_documents
from hornbook.schema import AtLeastOne, Share, check
from hornbook.vocab import EMPTY, Vocab

_LENGTHS, _PLACES, _SHARES = 44, 45, 46  # streams of the row key
_STREAMS = np.array([_SHARES, _LENGTHS, _PLACES])
_DELETE, _MASK = 1, 2  # folded into the key, so that these choices are independent
_WHO = "The denoising objective"


@dataclass(frozen=True)
class BARTDenoising(Plain):
    """BART's noises; the default is its final recipe, text infilling and sentence permutation.

    infill      text infilling: share of the tokens that is hidden in spans; one mask token replaces each span
    mean_span   mean length of such a span in tokens; lengths are Poisson, and a span of length 0 inserts a mask token
    permute     shuffle the sentences of each document
    rotate      share of the documents that are rotated to begin at a random token
    delete      share of the tokens that are deleted from the input
    mask        share of the tokens that are masked one by one

    Of R tokens round(infill R), at least 1, are hidden in round(hidden / mean_span) spans, at least 1: exact counts, so
    that inputs have one length. Poisson lengths of so many spans, given their sum, are multinomial: each hidden token
    falls into one of the spans, all alike. Spans lie between the kept tokens of a document at uniform places.

    With a tokenizer that names what the decoder starts with, as BART's own does, both sides of a row begin with the
    start of text, as in BART.
    """

    infill: Share = 0.3
    mean_span: AtLeastOne = 3.0
    permute: bool = True
    rotate: Share = 0.0
    delete: Share = 0.0
    mask: Share = 0.0
    vocab: Vocab = field(default=EMPTY, repr=False)

    topology: ClassVar[Topology] = "encoder-decoder"
    boundary_tokens: ClassVar[Boundaries] = ((), ())  # the end of text stands once, at the end of each row's two sides

    def __post_init__(self) -> None:
        check(self, f"{_WHO}'s ")
        if self.infill + self.delete + self.mask > 1.0 + 1e-9:
            raise UserError(f"{_WHO}'s infill, delete and mask must add up to at most 1: lower one of them.")

    @property
    def prompting(self) -> tuple[PromptFormat, ...]:
        """It writes the whole of a text with gaps."""
        return (two_sided("rewrite", self.vocab, self.begin, masks_end=bool(self.infill or self.mask)),)

    @property
    def begin(self) -> tuple[int, ...]:
        """What both sides of a row begin with: the start of text, or nothing; see the class."""
        own = self.vocab.decoder_start is not None and self.vocab.bos is not None
        return (cast(int, self.vocab.bos),) if own else ()

    def counts(self, tokens: Counts) -> tuple[Counts, Counts, Counts, Counts]:
        """Return hidden tokens, spans, deleted and masked tokens of rows with so many real tokens [N]."""
        hidden = noise.share_of(tokens, self.infill) if self.infill else np.zeros_like(tokens)
        spans = np.where(hidden > 0, np.maximum(np.rint(hidden / self.mean_span), 1), 0).astype(np.int64)
        left = tokens - hidden
        deleted = np.rint(tokens * (self.infill + self.delete)).astype(np.int64) - hidden
        deleted = np.minimum(np.maximum(deleted, 0), left) if self.delete else np.zeros_like(tokens)
        masked = np.minimum(np.rint(tokens * self.mask).astype(np.int64), left - deleted)
        return hidden, spans, deleted, masked

    def requirements(self, max_length: int) -> Requirements:
        """A mask, padding, which starts the decoder unless the tokenizer says otherwise, and the end of text."""
        return Requirements(("pad", "eos", "mask") if self.infill or self.mask else ("pad", "eos"))

    def row_length(self, max_length: int) -> int:
        """The positions but one: targets are the whole row and its marks. Inputs are never longer."""
        return max(max_length - 1 - len(self.begin), 1)

    def target_length(self, max_length: int) -> int:
        """As many as positions."""
        return self.row_length(max_length) + 1 + len(self.begin)

    def check(self, max_length: int) -> None:
        """Need room for two tokens, padding, end of text, a mask; and sentence ends, to permute sentences."""
        need(self.vocab, _WHO, max_length, 3, self.requirements(max_length).roles)
        if self.permute and not self.vocab.ends_sentence.any():
            raise UserError(f"{_WHO} needs tokens that end a sentence, and this tokenizer has none: set permute=false.")

    def __call__(self, rows: Rows) -> Batch:
        """Return inputs [B, S] and targets [B, T + 1] (T + 2 where rows have a beginning); S depends on T alone.

        A row with padding has fewer, and its inputs and targets end in padding.
        """
        pad, eos = (self.vocab.require(role, _WHO) for role in ("pad", "eos"))
        start = self.vocab.start(_WHO)
        size, length = rows.tokens.shape
        own = np.ones(rows.tokens.shape, np.int32) if rows.segments is None else rows.segments
        real = noise.real_lengths(own)
        counts = self.counts(np.append(real, length))  # of a full row too, which says how wide inputs are
        hidden, spans, deleted, masked = (count[:-1] for count in counts)
        own, documents, starts, gone, belongs = _infilled(own, hidden, spans, rows.keys)
        tokens = rows.tokens
        if self.permute:
            tokens = permute_sentences(tokens, documents, rows.keys, self.vocab)
        if self.rotate:
            tokens = rotate_documents(tokens, documents, rows.keys, self.rotate)
        stays = ~gone if own[:, -1].all() else ~gone & (own != 0)
        if self.delete:
            stays &= ~noise.exact(stays, deleted, fold(rows.keys, _DELETE))
        if self.mask:
            tokens = np.where(noise.exact(stays, masked, fold(rows.keys, _MASK)), self._mask, tokens)
        reads = real - hidden - deleted + spans
        width = length - int(counts[0][-1]) - int(counts[2][-1]) + int(counts[1][-1]) + 1
        given = rows.tokens, own, tokens, stays, starts, belongs, spans, reads, width
        ids = self._mask, pad, eos, start
        if not self.begin and (found := compiled.run("mend", *given, *ids)) is not None:
            return of_kernel(rows, *found)
        kept = np.flatnonzero(stays)
        place = np.searchsorted(kept, starts) + np.arange(len(starts))  # of the spans, among all that inputs show
        source = np.empty(len(kept) + len(place), np.int64)  # where each of these stands in the rows
        marks = np.zeros(len(source), bool)
        marks[place] = True
        source[~marks], source[place] = kept, 0
        end = np.where(real > 0, eos, pad).astype(tokens.dtype)
        shown = tokens.take(source)
        shown[place] = self._mask
        inputs = rewrite.lay(shown, reads, width, pad, end)
        targets = np.full((size, length + 1), pad, tokens.dtype)
        targets[:, :length] = rows.tokens if own[:, -1].all() else np.where(own != 0, rows.tokens, pad)
        targets[np.arange(size), real] = end
        count = real + (real > 0)
        if self.begin:
            first = np.where(real > 0, self.begin[0], pad)[:, None]
            inputs, targets = (np.hstack([first.astype(side.dtype), side]) for side in (inputs, targets))
            count += real > 0
        if rows.segments is None:
            return finish(inputs, targets, count, start, None, None)
        last = own[np.arange(size), np.maximum(real - 1, 0)]
        shown = own.take(source)
        shown[place] = belongs
        segments = rewrite.lay(shown, reads, width, 0, last)
        behind = np.zeros((size, length + 1), own.dtype)
        behind[:, :length] = own
        behind[np.arange(size), real] = last
        if self.begin:
            segments, behind = (np.hstack([side[:, :1], side]) for side in (segments, behind))
        return finish(inputs, targets, count, start, segments, behind)

    @property
    def _mask(self) -> int:
        return self.vocab.require("mask", _WHO) if self.infill or self.mask else 0


def _infilled(
    own: Integers, hidden: Counts, spans: Counts, keys: Keys
) -> tuple[Integers, Documents, Counts, Mask, Integers]:
    """Draw what spans hide: segments as respected, documents, starts [K], what is gone bool[B, T], segments [K]."""
    if (found := compiled.run("infill", own, hidden, spans, keys, _STREAMS)) is not None:
        starts, gone, belongs, feasible = found
        own = own if feasible.all() else noise.undivided(own, feasible)
        return own, noise.find_documents(own), starts, gone, belongs
    own, documents, shares = _shared(own, hidden, spans, keys)
    starts, gone = _spans(documents, shares, hidden, spans, own, keys)
    return own, documents, starts, gone, np.repeat(own.take(documents.start), shares[1])


def _shared(
    own: Integers, hidden: Counts, spans: Counts, keys: Keys
) -> tuple[Integers, Documents, tuple[Counts, Counts]]:
    """Share each row's hidden tokens and spans among its documents -> int64[D] both.

    Spans go in proportion to length, hidden tokens in proportion to spans, as far as a document has tokens. A row whose
    documents with spans are too short for all hidden tokens is treated as one document.
    """
    documents = noise.find_documents(own)
    if len(documents.row) == len(spans):
        return own, documents, (hidden, spans)
    draws = halves(keys, 2, _SHARES)
    own_spans, _ = noise.by_size(spans, documents.room, documents, draws[:, 0])
    cap = np.where(own_spans > 0, documents.room, 0)
    own_hidden, feasible = noise.by_spans(hidden, spans, own_spans, cap, documents, draws[:, 1])
    if not feasible.all():
        return _shared(noise.undivided(own, feasible), hidden, spans, keys)
    return own, documents, (own_hidden, own_spans)


def _spans(
    documents: Documents, shares: tuple[Counts, Counts], hidden: Counts, spans: Counts, own: Integers, keys: Keys
) -> tuple[Counts, Mask]:
    """Draw lengths and places of all spans: the flat place where each begins [K], and what they hide, bool[B, T]."""
    own_hidden, own_spans = shares
    first = own_spans.cumsum() - own_spans
    scale = np.uint64(32)
    falls = (_ragged(keys, hidden, _LENGTHS) * np.repeat(own_spans, own_hidden).astype(np.uint64)) >> scale
    lengths = np.bincount(falls.astype(np.int64) + np.repeat(first, own_hidden), minlength=int(own_spans.sum()))
    document = np.repeat(np.arange(len(first)), own_spans)
    choices = (documents.length - own_hidden + 1)[document].astype(np.uint64)
    gaps = ((_ragged(keys, spans, _PLACES) * choices) >> scale) | (document.astype(np.uint64) << scale)
    gaps.sort()
    before = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=before[1:])
    offset = documents.start - before[first]  # in a document, noise counts from its own beginning
    starts = (gaps & np.uint64(2**32 - 1)).astype(np.int64) + before[:-1] + offset[document]
    gone = np.zeros(own.shape, bool)
    gone.reshape(-1)[noise.stretches(starts, lengths)] = True
    return starts, gone


def _ragged(keys: Keys, counts: Counts, stream: int) -> NDArray[np.uint64]:
    """Return `counts` [B] random 32-bit numbers of each row, row after row."""
    most = int(counts.max(initial=0))
    draws = halves(keys, most, stream)
    full = int(counts.min(initial=most)) == most
    return (draws.reshape(-1) if full else draws[np.arange(most) < counts[:, None]]).astype(np.uint64)
