"""FillInMiddle: move a piece of each document behind the rest, so that a causal model learns to fill gaps.

stream    <s> a   b   c   d   e   </s>        cut before b and before d
PSM       <s> <PRE> a <SUF> d e <MID> b c </s>
SPM       <s> <PRE> <SUF> d e <MID> a b c </s>

Bavarian et al. 2022, "Efficient training of language models to fill in the middle", section 3.

Shapes: B rows, R tokens of a row, W = T + 1 tokens of a row as the model meets it, D documents in all rows, K of them
transformed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from hornbook.batch import Batch, Integers, Mask, Rows, Topology
from hornbook.keys import Keys, bits_at
from hornbook.objectives.base import Boundaries, Plain, PromptFormat, Requirements, need, one_each, text_boundaries
from hornbook.objectives.ops import noise
from hornbook.objectives.ops.noise import Counts, Documents
from hornbook.schema import Share, check
from hornbook.vocab import EMPTY, Vocab

PREFIX, SUFFIX, MIDDLE = MODES = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
# A transformed document needs three marks, and an end where the row's edge has cut that off.
_MARKS = 3
_SHARE = 64  # of a row's tokens, one in so many is set aside for marks


@dataclass(frozen=True)
class FillInMiddle(Plain):
    """Every token from those before it, in documents of which some are rearranged; all tokens count, marks included.

    rate        share of the documents whose middle is moved to the end
    spm_share   of these, the share in the order suffix, prefix, middle (SPM, variant 2 of the paper)

    The two cuts are uniform over all places between tokens. What a row holds of a document is treated as a document;
    its middle always ends in the end of text, which is added where the row's edge has cut it off. Room for marks is
    1/64 of a row, at least for one document: where more documents are drawn than fit, the shortest stay as they are.
    Room not needed is padding.
    """

    rate: Share = 0.5
    spm_share: Share = 0.5
    vocab: Vocab = field(default=EMPTY, repr=False)

    topology: ClassVar[Topology] = "decoder"
    overlap: ClassVar[int] = 0  # a row's first token is only read
    target_length = one_each

    def __post_init__(self) -> None:
        check(self, "The fim objective's ")

    @property
    def boundary_tokens(self) -> Boundaries:
        """Start and end of text around each document."""
        return text_boundaries(self.vocab)

    @property
    def prompting(self) -> tuple[PromptFormat, ...]:
        """It continues a text, and fills a gap where it has learned to."""
        before, after = self.boundary_tokens
        end = frozenset(after)
        middle = PromptFormat("middle", before, stop=end, spm=self.spm_share == 1)
        return PromptFormat("continuation", before, stop=end), *((middle,) if self.rate > 0 else ())

    def requirements(self, max_length: int) -> Requirements:
        """Start and end of text, and the three marks."""
        return Requirements(roles=("bos", "eos"), modes=MODES)

    def room(self, tokens: int) -> int:
        """Return how many positions a row of so many tokens sets aside for marks."""
        return max(_MARKS + 1, tokens // _SHARE)

    def row_length(self, max_length: int) -> int:
        """One more than the positions, without the room for marks."""
        tokens = max(1, max_length + 1 - self.room(max_length))
        while tokens + 1 + self.room(tokens + 1) <= max_length + 1:
            tokens += 1
        return tokens

    def check(self, max_length: int) -> None:
        """Need an end of text, the three marks, and room for them and a token."""
        need(self.vocab, "The fim objective", max_length, _MARKS + 1)
        self._ids()

    def _ids(self) -> tuple[int, int, int, int]:
        why = "The fim objective"
        prefix, suffix, middle = (self.vocab.mode(name, why) for name in MODES)
        return prefix, suffix, middle, self.vocab.require("eos", why)

    def __call__(self, rows: Rows) -> Batch:
        """Return inputs and targets [B, W - 1] of rows [B, R], W = R + room(R); the end of a row may be padding."""
        *modes, end = self._ids()
        number, length = rows.tokens.shape
        room = self.room(length)
        shape = number, length + room
        own = np.ones(rows.tokens.shape, np.int32) if rows.segments is None else rows.segments
        documents = noise.find_documents(own)
        marked = _marked(documents, rows.tokens.reshape(-1), self.boundary_tokens)
        moved = _rearranged(documents, *marked, rows.keys, self.rate, self.spm_share, room)
        home = _homes(documents, moved, length, room)
        line = np.full(shape, 0 if self.vocab.pad is None else self.vocab.pad, rows.tokens.dtype)
        segments = np.zeros(shape, np.int32)
        line.reshape(-1)[home] = rows.tokens.reshape(-1)
        segments.reshape(-1)[home] = own.reshape(-1)
        base = moved.text + moved.before + documents.row[moved.document] * room
        suffix_at = np.where(moved.spm, 1, 1 + moved.cuts[:, 0])
        middle_at = 2 + np.where(moved.spm, 0, moved.cuts[:, 0]) + moved.length - moved.cuts[:, 1]
        places = (base, base + suffix_at, base + middle_at, (base + moved.length + _MARKS)[moved.open])
        belongs = own.reshape(-1)[moved.text]
        for mark, place in zip((*modes, end), places, strict=True):
            line.reshape(-1)[place] = mark
            segments.reshape(-1)[place] = belongs if mark != end else belongs[moved.open]
        weights = ((segments[:, 1:] == segments[:, :-1]) & (segments[:, 1:] != 0)).astype(np.float32)
        count = weights.sum(axis=1, dtype=np.float64)
        return Batch(line[:, :-1].copy(), line[:, 1:].copy(), weights, count, segments[:, :-1].copy())


@dataclass(frozen=True, eq=False)
class _Moved:
    """The documents that are rearranged, all int64[K] but where said.

    document  number among all
    text      flat place of the first token behind the start mark
    length    tokens between the marks
    cuts      int64[K, 2]   where the middle begins and ends, counted from `text`
    spm       bool[K]       suffix first
    open      bool[K]       the row holds no end of it
    before    marks added earlier in the row
    """

    document: Counts
    text: Counts
    length: Counts
    cuts: Counts
    spm: Mask
    open: Mask
    before: Counts


def _marked(documents: Documents, tokens: Integers, marks: Boundaries) -> tuple[Mask, Mask]:
    """Return which documents have their start of text and which their end, bool[D]; other special tokens are text."""
    before, after = (side[0] if side else -1 for side in marks)
    first = (tokens[documents.start] == before) & (documents.room > 0)
    return first, (tokens[documents.start + documents.length - 1] == after) & (documents.room > first)


def _rearranged(
    documents: Documents, first: Mask, last: Mask, keys: Keys, rate: float, spm_share: float, room: int
) -> _Moved:
    """Draw which documents are rearranged and where they are cut; `first` and `last` bool[D]: see `_marked`."""
    length = documents.room - first - last
    number = np.arange(len(length)) - documents.first[documents.row]
    low = np.uint64(0xFFFFFFFF)
    draw = bits_at(keys, documents.row, 2 * number, noise.CUTS)
    chosen = np.flatnonzero(((draw >> np.uint64(32)) < np.uint64(round(rate * 2**32))) & (length > 0))
    chosen = _fitting(chosen, documents.row, length, _MARKS + ~last, room)
    row, length, is_open = documents.row[chosen], length[chosen], ~last[chosen]
    spm = (draw[chosen] & low) < np.uint64(round(spm_share * 2**32))
    draw = bits_at(keys, row, 2 * number[chosen] + 1, noise.CUTS)
    places = (length + 1).astype(np.uint64)
    cuts = np.stack([(draw >> np.uint64(32)) * places, (draw & low) * places], axis=1) >> np.uint64(32)
    cuts.sort(axis=1)
    added = _MARKS + is_open
    running = added.cumsum() - added
    before = running - running[np.searchsorted(row, row)]
    return _Moved(chosen, documents.start[chosen] + first[chosen], length, cuts.astype(np.int64), spm, is_open, before)


def _fitting(chosen: Counts, row: Counts, length: Counts, cost: Counts, room: int) -> Counts:
    """Return those of the `chosen` documents whose marks fit their row, the longest first, in their old order."""
    order = chosen[np.lexsort((-length[chosen], row[chosen]))]
    own_row = row[order]
    running = cost[order].cumsum()
    used = running - (running - cost[order])[np.searchsorted(own_row, own_row)]
    return np.sort(order[used <= room])


def _homes(documents: Documents, moved: _Moved, length: int, room: int) -> Counts:
    """Return int64[B * R]: the flat place, in rows of R + room, to which each token of the rows goes.

    A token moves with its piece; where pieces begin and end, the distance changes.
    """
    rows, chosen = len(documents.first), moved.document
    begin, end = moved.cuts.T
    behind = moved.length - end  # tokens of the suffix
    prefix = np.where(moved.spm, 3 + behind, 1)
    middle = 3 + behind
    suffix = np.where(moved.spm, 2 - end, 2 - (end - begin))
    change = np.zeros(rows * length + 1, np.int64)
    for place, by in (
        (moved.text, prefix),
        (moved.text + begin, middle - prefix),
        (moved.text + end, suffix - middle),
        (moved.text + moved.length, _MARKS - suffix),
        (documents.start[chosen] + documents.length[chosen], moved.open),
        # The next row begins as far from its own beginning as this one began.
        ((documents.row[chosen] + 1) * length, -(_MARKS + moved.open)),
    ):
        np.add.at(change, place, by)
    change[:-1].reshape(rows, length)[1:, 0] += room
    change += 1
    change[0] -= 1
    homes: Counts = change[:-1].cumsum()
    return homes
