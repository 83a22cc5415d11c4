"""UL2Denoiser: one of UL2's tasks, and many of them over the rows of one batch (Tay et al. 2022).

row, [X]         a    b    c    d    e    f           row, [S]         a    b    c    d    e    f
inputs           [X]  a    <X0> d    <X1> </s>        inputs           [S]  a    b    c    d    </s>
decoder_inputs   .    <X0> b    c    <X1> e    f      decoder_inputs   .    e    f
targets          <X0> b    c    <X1> e    f    </s>   targets          e    f    </s>

Shapes: B rows, T tokens of a row, L places for mode tokens, P tasks, D documents in all rows.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from hornbook.batch import Batch, Integers, Mask, Rows, Topology
from hornbook.keys import Keys, integers
from hornbook.objectives.base import Boundaries, Plain, PromptFormat, Requirements, need, two_sided
from hornbook.objectives.ops import noise
from hornbook.objectives.ops.encoder_decoder import build, require_sentinels
from hornbook.objectives.ops.lengths import longest, span_counts
from hornbook.objectives.ops.noise import Counts, Documents, Shares, Spans
from hornbook.vocab import EMPTY, Vocab

_SPLIT, _ROUND = 40, 41  # streams of the row key

Task = Literal["spans", "suffix", "split"]


@dataclass(frozen=True)
class UL2Denoiser(Plain):
    """One task of UL2, with its mode token.

    task        spans: T5's; suffix: the end of each document, the same share in each; split: a uniformly random end
    density     share of the tokens that is noise; a split predicts half of them on average
    mean_span   mean number of tokens in a span
    mode        mode token of the task; empty = none
    mark        the token that the packer puts before each document, and that shows as the mode; `mode` where empty

    A mode token stands before each document of the row, and before what the row has of a document that began in an
    earlier one; one place for this is reserved in each row (a row that begins with a document has one position of
    padding instead). A split has two such places: the row is cut in half, and the two splits mirror each other, so that
    together they are exactly half of the row and neither side is padded.
    """

    task: Task = "spans"
    density: float = 0.15
    mean_span: float = 3.0
    mode: str = ""
    mark: str = ""
    vocab: Vocab = field(default=EMPTY, repr=False)

    topology: ClassVar[Topology] = "encoder-decoder"

    @property
    def boundary_tokens(self) -> Boundaries:
        """The mark before each document."""
        return self._token(self.mark or self.mode), ()

    @property
    def prompting(self) -> tuple[PromptFormat, ...]:
        """It continues a text, or predicts the span of each sentinel, behind its mode token."""
        kind = "sentinels" if self.task == "spans" else "continuation"
        return (two_sided(kind, self.vocab, self._token(self.mode)),)

    def _token(self, name: str) -> tuple[int, ...]:
        return tuple(token for mode, token in self.vocab.modes if mode == name)

    @property
    def places(self) -> int:
        """How many places of a row are reserved for mode tokens."""
        return 0 if not self.mode else 2 if self.task == "split" else 1

    def sizes(self, tokens: Counts) -> tuple[Counts, Counts, Counts]:
        """Return inputs, targets and noise spans of rows with so many real tokens [N]."""
        number, spans = _counts(tokens, *_columns((self,), np.zeros(len(tokens), np.int64)))
        return tokens - number + spans + 1 + self.places, number + spans + 1, spans

    def requirements(self, max_length: int) -> Requirements:
        """One sentinel for each span of a row, padding, end of text, the mode token."""
        spans = int(self.sizes(np.array([self.row_length(max_length)]))[2][0])
        names = tuple(dict.fromkeys(name for name in (self.mark, self.mode) if name))
        return Requirements(("pad", "eos"), spans, names)

    def row_length(self, max_length: int) -> int:
        """The most tokens whose inputs, mode tokens included, and targets fit `max_length`."""
        return longest(self.sizes, max_length)

    def target_length(self, max_length: int) -> int:
        """Noise tokens, sentinels and the end of text."""
        return int(self.sizes(np.array([self.row_length(max_length)]))[1][0])

    def check(self, max_length: int) -> None:
        """Need room for noise, padding, end of text, the mode token, and as many sentinels as a row has spans."""
        need(self.vocab, "The UL2 objective", max_length, 6, ("pad", "eos"))
        needs = self.requirements(max_length)
        for name in needs.modes:
            self.vocab.mode(name, "The UL2 objective")
        require_sentinels(self.vocab, needs.sentinels, f"The UL2 objective ({self.density:g}, {self.mean_span:g})")

    def __call__(self, rows: Rows) -> Batch:
        """Return the batch of rows [B, T], all of this task."""
        return denoise(rows, (self,), np.zeros(len(rows), np.int64), self.vocab)


def denoise(rows: Rows, tasks: tuple[UL2Denoiser, ...], picked: Counts, vocab: Vocab) -> Batch:
    """Return the batch of rows [B, T], row b by `tasks[picked[b]]`, as wide as the widest of the tasks makes it."""
    own = np.ones(rows.tokens.shape, np.int32) if rows.segments is None else rows.segments
    real = noise.real_lengths(own)
    ends, density, mean = _columns(tasks, picked)
    number, spans = _counts(real, ends, density, mean)
    if len(tasks) > 1 or tasks[0].task == "split":  # rows end in padding, or their halves are documents
        rows = Rows(rows.tokens, rows.keys, own)
    chosen = _noise(own, real, number, spans, ends, rows.keys)
    shown, chosen, leads = _with_modes(rows, chosen, real, ends, tasks, picked, vocab)
    reads = np.where(real > 0, real - number + spans + leads, 0)
    return build(shown, chosen, reads, number + spans, _widths(tasks, rows.tokens.shape[1]), vocab, "The UL2 objective")


@functools.lru_cache(maxsize=64)
def _widths(tasks: tuple[UL2Denoiser, ...], length: int) -> tuple[int, int]:
    """Return the widest inputs and targets of full rows."""
    sizes = [task.sizes(np.array([length])) for task in tasks]
    return max(int(size[0][0]) for size in sizes), max(int(size[1][0]) for size in sizes)


def _columns(tasks: tuple[UL2Denoiser, ...], picked: Counts) -> tuple[Counts, Shares, Shares]:
    """Return of each row [B]: 0 for spans, 1 for a suffix, 2 for a split; its density; its mean span."""
    kinds: Sequence[Task] = ("spans", "suffix", "split")
    ends = np.array([kinds.index(task.task) for task in tasks])
    density = np.array([task.density for task in tasks])
    mean = np.array([task.mean_span for task in tasks])
    return ends[picked], density[picked], mean[picked]


def _counts(tokens: Counts, ends: Counts, density: Shares, mean: Shares) -> tuple[Counts, Counts]:
    """Return noise tokens and spans; see `span_counts`. Suffixes and splits have no spans; splits predict half."""
    number, spans = span_counts(tokens, density, mean)
    return np.where(ends == 2, tokens // 2, number), np.where(ends == 0, spans, 0)


def _noise(own: Integers, real: Counts, number: Counts, spans: Counts, ends: Counts, keys: Keys) -> Spans:
    """Choose the noise of each row by its task."""
    split = ends == 2
    if not split.any():
        return _inside(own, number, spans, ends == 1, keys)
    last, others = np.flatnonzero(split), np.flatnonzero(~split)
    behind, divided = _splits(own[last], real[last], number[last], keys[last])
    none = np.zeros(0, np.int64)
    if not len(others):
        return Spans(behind, none, none, none, divided)
    found = _inside(own[others], number[others], spans[others], ends[others] == 1, keys[others])
    chosen = np.empty(own.shape, bool)
    segments = np.empty_like(own)
    chosen[last], chosen[others] = behind, found.noise
    segments[last], segments[others] = divided, found.segments
    length = own.shape[1]
    shift = (others - np.arange(len(others))) * length  # from a row's place among `others` to its own
    moved = [starts + shift[starts // length] for starts in (found.kept_starts, found.noise_starts)]
    return Spans(chosen, moved[0], moved[1], found.rank, segments)


def _inside(own: Integers, number: Counts, spans: Counts, suffix: Mask, keys: Keys) -> Spans:
    """Choose spans, and where `suffix` the end of each document, which has no sentinels."""
    if not suffix.any():
        return noise.spans(own, number, spans, keys)
    found = noise.spans(own, number, np.where(suffix, np.minimum(number, 1), spans), keys, suffix)
    named = ~suffix[found.noise_starts // own.shape[1]]
    return Spans(found.noise, found.kept_starts[named], found.noise_starts[named], found.rank[named], found.segments)


def _half(real: Counts, split: Mask) -> Counts:
    """Return where the second half of each row begins; at the end where it has none. Halves have 2 tokens or more."""
    return np.where(split & (real >= 4), real // 2, real)


def _splits(own: Integers, real: Counts, number: Counts, keys: Keys) -> tuple[Mask, Integers]:
    """Return bool[B, T], the end of each document of each half, `number` [B] in all, and the segments respected.

    The halves have k and number - k of them, k uniform. Documents share these in proportion to their lengths but one,
    so that each keeps a token; rows whose documents are too short for any k are treated as one document a half.
    """
    length = own.shape[1]
    half = _half(real, np.ones(len(real), bool))
    second = np.arange(length) >= half[:, None]
    own = np.where(own == 0, 0, 2 * own - ~second).astype(own.dtype)
    quota, documents, feasible = _quotas(own, real, number, half, keys)
    if not feasible.all():
        own = np.where(feasible[:, None] | (own == 0), own, 1 + second).astype(own.dtype)
        quota, documents, _ = _quotas(own, real, number, half, keys)
    most = np.maximum(documents.room - 1, 0)
    sizes = noise.systematic(quota, most, documents, integers(keys, 1, _ROUND, 2**32)[:, 0].astype(np.uint32))
    begins = np.where(documents.room > 0, documents.start + documents.length - sizes, own.size)
    behind: Mask = (np.arange(own.size) >= np.repeat(begins, documents.length)).reshape(own.shape)
    return behind, own


def _quotas(own: Integers, real: Counts, number: Counts, half: Counts, keys: Keys) -> tuple[Shares, Documents, Mask]:
    """Return the share of noise of each document [D], the documents, and which rows [B] have room for their noise."""
    documents = noise.find_documents(own)
    row = documents.row
    most = np.maximum(documents.room - 1, 0)
    first = documents.start - row * own.shape[1] < half[row]
    room = documents.row_sums(most * first).astype(np.int64), documents.row_sums(most * ~first).astype(np.int64)
    low, high = np.maximum(number - room[1], 1), np.minimum(number - 1, room[0])
    low, high = np.where(half == real, number, low), np.where(half == real, number, high)
    drawn = low + integers(keys, 1, _SPLIT, np.maximum(high - low + 1, 1)[:, None])[:, 0]
    share = np.where(first, (drawn / np.maximum(room[0], 1))[row], ((number - drawn) / np.maximum(room[1], 1))[row])
    return np.minimum(share, 1.0) * most, documents, (low <= high) & (low <= room[0])


def _with_modes(
    rows: Rows, chosen: Spans, real: Counts, ends: Counts, tasks: tuple[UL2Denoiser, ...], picked: Counts, vocab: Vocab
) -> tuple[Rows, Spans, Counts]:
    """Return rows and noise with the mode tokens put in, [B, T + L], and how many each row got [B]."""
    places = max(task.places for task in tasks)
    if places == 0:
        return rows, chosen, np.zeros_like(real)
    ids = [vocab.mode(task.mode, "The UL2 objective") for task in tasks]
    mode = np.array(ids, rows.tokens.dtype)[picked]
    mark = vocab.mode(tasks[0].mark or tasks[0].mode, "The UL2 objective")
    tokens = rows.tokens
    if (tokens == mark).any():
        tokens = np.where(tokens == mark, mode[:, None], tokens)
    size, length = tokens.shape
    half = _half(real, ends == 2)
    lead = (real > 0) & (rows.tokens[:, 0] != mark)
    again = (half < real) & (rows.tokens[np.arange(size), np.minimum(half, length - 1)] != mark)
    wide = length + places
    shown = np.zeros((size, wide), tokens.dtype)
    covered = np.zeros((size, wide), bool)
    segments = np.zeros((size, wide), chosen.segments.dtype)
    if lead.all() and not again.any():
        shown[:, 0], shown[:, 1 : length + 1] = mode, tokens
        covered[:, 1 : length + 1] = chosen.noise
        segments[:, 0], segments[:, 1 : length + 1] = chosen.segments[:, 0], chosen.segments
        row = chosen.kept_starts // length
        shift = row * places + 1
        moved = chosen.kept_starts + shift, chosen.noise_starts + shift
    else:
        column = np.arange(length) + lead[:, None] + (again[:, None] & (np.arange(length) >= half[:, None]))
        place = column + wide * np.arange(size)[:, None]
        for target, values in ((shown, tokens), (covered, chosen.noise), (segments, chosen.segments)):
            target.reshape(-1)[place] = values
        for where, column_of in ((lead, np.zeros_like(half)), (again, half + lead)):
            line = np.flatnonzero(where)
            shown[line, column_of[line]] = mode[line]
            segments[line, column_of[line]] = segments[line, column_of[line] + 1]
        moved = place.reshape(-1)[chosen.kept_starts], place.reshape(-1)[chosen.noise_starts]
    leads = lead + again.astype(np.int64)
    return Rows(shown, rows.keys, segments), Spans(covered, *moved, chosen.rank, segments), leads
