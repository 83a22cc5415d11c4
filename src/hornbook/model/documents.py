"""Attention within the documents of packed rows: none computes what another document's keys would have been.

    on a CPU    one call of attention for each document, of its own length
    on CUDA     flex_attention over blocks, of which those between documents are skipped (Dong et al. 2024)

Shapes: B rows, T queries, S keys, H query heads, G key-value heads, K head width.

A document is a run of equal segments in a row; padding is one more. Attention's cost grows with the square of the
length, so rows of 512 that hold documents of 120 tokens cost a quarter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

# What one more call costs, in tokens: a document of this length takes about twice as long as its products.
_CALL = 48
# Of the whole rows' cost, what documents may take at most: reading and joining them is not free.
_PAYS = 0.9
_BLOCK = 128  # queries, and keys, of a block of flex_attention


@dataclass(frozen=True, eq=False)
class Documents:
    """Who sees whom on a CPU: each run of queries the keys of one run.

    queries  lengths of all runs of queries, row by row: they add up to B * T
    keys     those of the keys, up to B * S
    pairs    the number of the run of keys that each run of queries sees, -1 = none
    rows     the row of each run of queries
    mask     what is added to the scores, whatever the documents: [B or 1, 1 or H, T, T] or None; if it learns, a
             function of distances alone
    """

    queries: list[int]
    keys: list[int]
    pairs: list[int]
    rows: list[int]
    mask: Tensor | None = None


def documents_of(segments: Tensor, seen: Tensor) -> Documents | None:
    """Return the documents of segments int64[B, T] that see those of `seen` int64[B, S], or None where it does not pay.

    None also where the tokens of a document are not side by side, or where it has nothing to see.
    """
    if segments.device.type != "cpu":
        return None
    names, lengths = _runs(segments)
    seen_names, keys = (names, lengths) if seen is segments else _runs(seen)
    places = {name: place for place, name in enumerate(seen_names)}
    pairs = [places.get(name, -1) for name in names]
    for whole in (names, seen_names):
        real = [name for name in whole if name[1]]
        if len(set(real)) < len(real):
            return None
    if any(pair < 0 and name[1] for name, pair in zip(names, pairs, strict=True)):
        return None
    cost = sum(length * keys[pair] + _CALL**2 for length, pair in zip(lengths, pairs, strict=True) if pair >= 0)
    if cost > _PAYS * segments.numel() * seen.shape[1]:
        return None
    return Documents(lengths, keys, pairs, [row for row, _ in names])


def _runs(segments: Tensor) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the row and segment of each run of equal segments [B, T], and its length."""
    begins = torch.ones_like(segments, dtype=torch.bool)
    begins[:, 1:] = segments[:, 1:] != segments[:, :-1]
    starts = begins.flatten().nonzero()[:, 0]
    ends = torch.cat([starts[1:], starts.new_tensor([segments.numel()])])
    rows = starts.div(segments.shape[1], rounding_mode="floor")
    numbers = segments.flatten()[starts]
    return list(zip(rows.tolist(), numbers.tolist(), strict=True)), (ends - starts).tolist()


Attend = Callable[[Tensor, Tensor, Tensor, Tensor | None, bool, float], Tensor]


def attend_within(
    attend: Attend, queries: Tensor, keys: Tensor, values: Tensor, causal: bool, scale: float, documents: Documents
) -> Tensor:
    """Return what the queries [B, T, H, K] of each document read of its keys and values [B, S, G, K]: [B, T, H, K].

    `attend` is `hornbook.model.attention.attend`. It is called for one document at a time.
    """
    mixed = []
    sources = [torch.split(x.flatten(0, 1), documents.keys) for x in (keys, values)]
    masks = _masks(documents, queries.shape[1])
    for number, query in enumerate(torch.split(queries.flatten(0, 1), documents.queries)):
        pair = documents.pairs[number]
        if pair < 0:
            mixed.append(torch.zeros_like(query))  # nobody scores what has nothing to read
            continue
        q, k, v = (x.transpose(0, 1)[None] for x in (query, sources[0][pair], sources[1][pair]))  # [1, heads, T, K]
        mixed.append(attend(q, k, v, masks[number], causal, scale)[0].transpose(0, 1))
    return torch.cat(mixed).view_as(queries)


def _masks(documents: Documents, length: int) -> list[Tensor | None]:
    """Return the mask of each run of queries, of rows of `length` positions."""
    mask, sizes = documents.mask, documents.queries
    if mask is None:
        return [None] * len(sizes)
    if mask.requires_grad:  # a bias of distances, so it is the same wherever a document begins
        pieces = {}
        for size in sorted(set(sizes), reverse=True):
            mask = pieces[size] = mask[:, :, :size, :size]  # each cut of the one before: so its gradient is small
        return [pieces[size] for size in sizes]
    begins = accumulate(sizes, initial=0)
    places = [slice(begin % length, begin % length + size) for begin, size in zip(begins, sizes, strict=False)]
    own = [mask[row : row + 1] if len(mask) > 1 else mask for row in documents.rows]
    return [part[:, :, place, place] for part, place in zip(own, places, strict=True)]


def block_mask(segments: Tensor, seen: Tensor, visible: Tensor | None, causal: bool, window: int) -> BlockMask:
    """Return the mask rule over blocks, for flex_attention; the arguments are those of `allowed`, of one stack.

    segments int64[B, T] are those of the queries, `seen` int64[B, S] those of the keys. Which blocks there are follows
    from the first and last segment and position of each, so no array [B, T, S] is made as `create_block_mask` does.
    """
    from torch.nn.attention.flex_attention import BlockMask

    def sees(row: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        permitted = segments[row, query] == seen[row, key]
        if visible is not None:
            permitted = permitted & ((key <= query) | visible[row, key])
        elif causal:
            permitted = permitted & (key <= query)
        return permitted & ((key - query).abs() <= window) if window else permitted

    part, whole = _blocks(segments, seen, visible, causal, window)
    return BlockMask.from_kv_blocks(
        *_ordered(part), *_ordered(whole), BLOCK_SIZE=_BLOCK, mask_mod=sees,
        seq_lengths=(segments.shape[1], seen.shape[1]),
    )  # fmt: skip


def _blocks(segments: Tensor, seen: Tensor, visible: Tensor | None, causal: bool, window: int) -> tuple[Tensor, Tensor]:
    """Return bool[B, T / 128, S / 128] twice: the blocks of which the rule has to be asked, and those it permits whole.

    A block is asked of where the segments of its queries and of its keys overlap as ranges. Where a row's segments do
    not ascend that is more than needed, and still right: the rule decides within it.
    """
    (least, most), (first, last) = _extent(segments), _bounds(segments)
    (least_seen, most_seen), (first_key, last_key) = _extent(seen), _bounds(seen)
    least, most, first, last = (x[..., None] for x in (least, most, first, last))
    least_seen, most_seen = least_seen[:, None], most_seen[:, None]
    some = (least <= most_seen) & (least_seen <= most)
    every = (least == most_seen) & (least_seen == most)
    if causal or visible is not None:
        behind, all_behind = first_key <= last, last_key <= first
        if visible is not None:
            shown = _in_blocks(visible)[:, None]
            behind, all_behind = behind | shown.any(-1), all_behind | shown.all(-1)
        some, every = some & behind, every & all_behind
    if window:
        some = some & (first_key - last <= window) & (first - last_key <= window)
        every = every & (last_key - first <= window) & (last - first_key <= window)
    full = (last - first + 1 == _BLOCK) & (last_key - first_key + 1 == _BLOCK)
    every = every & full
    return some & ~every, every


def _extent(segments: Tensor) -> tuple[Tensor, Tensor]:
    """Return the least and the most of the segments of each block, [B, T / 128]; padding, at the end, is the most."""
    ascending = segments.where(segments != 0, torch.iinfo(segments.dtype).max)
    least, most = torch.aminmax(_in_blocks(ascending), dim=-1)
    return least, most


def _bounds(segments: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first and the last position of each block of a row, int64[T / 128]."""
    length = segments.shape[1]
    first = torch.arange(0, length, _BLOCK, device=segments.device)
    return first, (first + _BLOCK - 1).clamp(max=length - 1)


def _in_blocks(x: Tensor) -> Tensor:
    """Return x [B, T] as [B, T / 128, 128], its last column repeated to fill the last block."""
    length = x.shape[1]
    missing = -length % _BLOCK
    if missing:
        x = torch.cat([x, x[:, -1:].expand(-1, missing)], 1)
    return x.reshape(len(x), -1, _BLOCK)


def _ordered(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """Return of bool[B, Q, S] how many blocks each row has, int32[B, 1, Q], and which, first in int32[B, 1, Q, S]."""
    numbers = blocks.sum(-1, dtype=torch.int32)
    order = blocks.to(torch.int8).argsort(dim=-1, descending=True, stable=True).to(torch.int32)
    return numbers[:, None], order[:, None]
