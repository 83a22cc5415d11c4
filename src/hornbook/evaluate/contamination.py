"""Which documents a model was trained on, though their text was cut, joined or cleaned differently.

A document counts as trained on when at least half of its windows of 13 tokens stand in training documents too. A
shorter document counts when the same text is a training document. GPT-3's report looked for 13-grams likewise (Brown
et al. 2020, appendix C), though of words.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hornbook import keys
from hornbook.tokens.shards import TokenStore

WINDOW = 13  # tokens
_LOOKED_AT = 64  # windows of a document, spread over it
_SHARE = 0.5
_BLOCK = 1 << 20  # tokens that are hashed at once
_FILTER = 20  # bits of a hash by which most windows are known to be of no interest
# A window's hash is a polynomial of its tokens' scrambled ids, modulo 2^64; the base is odd, so it can be divided by.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)

Hashes = NDArray[np.uint64]


def trained_on(documents: TokenStore, training: TokenStore, threshold: int) -> NDArray[np.bool_]:
    """Return which of `documents` the model was trained on, bool[n]; both stores are of one tokenizer.

    threshold  documents of `training` with a hash up to this one were held out
    """
    kept = training.hashes > np.uint64(threshold)
    found = np.isin(documents.hashes, training.hashes[kept])
    sampled = [(number, hashes[_spread(len(hashes))]) for number, hashes in _of_documents(documents) if len(hashes)]
    if not sampled:
        return found
    wanted = np.unique(np.concatenate([hashes for _, hashes in sampled]))
    seen = np.zeros(len(wanted), bool)
    likely = np.zeros(1 << _FILTER, bool)
    likely[_top(wanted)] = True
    for windows in _of_store(training, kept):
        windows = windows[likely[_top(windows)]]
        place = np.minimum(np.searchsorted(wanted, windows), len(wanted) - 1)
        seen[place[wanted[place] == windows]] = True
    for number, hashes in sampled:
        found[number] |= seen[np.searchsorted(wanted, hashes)].mean() >= _SHARE
    return found


def _top(hashes: Hashes) -> NDArray[np.int64]:
    return (hashes >> np.uint64(64 - _FILTER)).astype(np.int64)


def _spread(windows: int) -> NDArray[np.int64]:
    """Return the places of at most 64 windows, evenly spread."""
    return np.unique(np.linspace(0, windows - 1, min(windows, _LOOKED_AT)).astype(np.int64))


def _of_documents(store: TokenStore) -> Iterator[tuple[int, Hashes]]:
    """Yield each document's number and the hashes of all its windows, in order."""
    number = 0
    for part in store.parts:
        tokens = part.mapped()
        for begin, end in zip(part.offsets[:-1].tolist(), part.offsets[1:].tolist(), strict=True):
            blocks = range(begin, max(begin + 1, end - WINDOW + 1), _BLOCK)
            hashes = [_hashed(tokens[block : min(end, block + _BLOCK + WINDOW - 1)]) for block in blocks]
            yield number, np.concatenate(hashes)
            number += 1


def _of_store(store: TokenStore, kept: NDArray[np.bool_]) -> Iterator[Hashes]:
    """Yield the hashes of the windows of kept documents, block by block. No window reaches over a document's end."""
    for number, part in enumerate(store.parts):
        tokens, mine = part.mapped(), kept[store.first[number] : store.first[number + 1]]
        for block in range(0, max(0, len(tokens) - WINDOW + 1), _BLOCK):
            hashes = _hashed(tokens[block : block + _BLOCK + WINDOW - 1])
            start = block + np.arange(len(hashes))
            document = np.searchsorted(part.offsets, start, side="right") - 1
            yield hashes[mine[document] & (start + WINDOW <= part.offsets[document + 1])]


def _hashed(tokens: NDArray[np.integer]) -> Hashes:
    """Return the hash of each window of 13 tokens: uint64[t - 12], or none of fewer tokens."""
    if len(tokens) < WINDOW:
        return np.zeros(0, np.uint64)
    up, down = _powers(_BASE, len(tokens)), _powers(_INVERSE, len(tokens))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(keys.mix(tokens.astype(np.uint64)) * up, dtype=np.uint64)])
    windows: Hashes = (sums[WINDOW:] - sums[:-WINDOW]) * down[: len(tokens) - WINDOW + 1]
    return windows


def _powers(base: int, count: int) -> Hashes:
    """Return base^0, base^1, ... modulo 2^64: uint64[count]."""
    factors = np.full(count, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)
