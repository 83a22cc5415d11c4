"""Stateless random numbers: every draw is a pure function of a 64-bit key.

No generator is carried, stored or restored anywhere in Hornbook. A row of the corpus has one key; what happens to
that row (which tokens are masked, with what) is computed from the key alone, so batch size, worker count, process
count, a crash or a resume cannot change it.

The mixing function is the finaliser of SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
generators", variant 13 of Stafford's mixers), a bijection of 64-bit words that passes BigCrush on counters.

Shapes: B rows, N draws a row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Keys = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_WORD = 2**64 - 1
# So many indices are permuted sooner one by one than in an array.
_FEW = 16
ROUNDS = 6  # of the network of `permute`


def _scramble(z: Keys) -> Keys:
    """Mix 64-bit words in place; `z` must be an array of at least one dimension that nobody else holds."""
    shifted = np.empty_like(z)
    for shift, factor in ((30, _MIX_1), (27, _MIX_2), (31, None)):
        np.right_shift(z, np.uint64(shift), out=shifted)
        z ^= shifted
        if factor is not None:
            z *= factor
    return z


def mix(words: ArrayLike) -> Keys:
    """Scramble 64-bit words by SplitMix64's finaliser; equal input gives equal output, on every machine.

    >>> int(mix(1))
    6238072747940578789
    """
    given = np.asarray(words, dtype=np.uint64)
    return _scramble(np.array(given, ndmin=1)).reshape(given.shape)


def _mix_integer(z: int) -> int:
    """Do what `mix` does, for one Python integer: arrays of one element would cost ten times as much."""
    z &= _WORD
    z = ((z ^ (z >> 30)) * int(_MIX_1)) & _WORD
    z = ((z ^ (z >> 27)) * int(_MIX_2)) & _WORD
    return z ^ (z >> 31)


def fold(key: ArrayLike, *parts: ArrayLike) -> Keys:
    """Derive a new key from `key` and integers (seed, index, epoch, stream ...); the order of parts matters.

    Arrays broadcast against each other. Integers are taken modulo 2**64.
    """
    result = np.array(key, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            if isinstance(part, int):
                scrambled: ArrayLike = np.uint64(_mix_integer(part + int(_GOLDEN)))
            else:
                word = np.asarray(part)
                if word.dtype != np.uint64:
                    word = word.astype(np.int64).astype(np.uint64)
                scrambled = mix(word + _GOLDEN)
            result = mix((result ^ scrambled) + _GOLDEN)
    return result


def row_keys(seed: int, index: ArrayLike, epoch: ArrayLike | None = None) -> Keys:
    """Keys of corpus rows [B]: of (seed, index, epoch) for noise anew each epoch, of (seed, index) for static noise."""
    base = fold(np.uint64(seed % 2**64), index)
    return base if epoch is None else fold(base, epoch)


def bits(keys: Keys, count: int, stream: int) -> NDArray[np.uint64]:
    """Return [B, count] random 64-bit words; `stream` below 2**31 separates independent uses of the same key.

    Word n of a stream is mix(key + (2**32 stream + n + 1) golden): SplitMix64 from the key, each stream far ahead.
    """
    steps = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(stream << 32)
    steps *= _GOLDEN
    return _scramble(keys[:, None] + steps)


def first_bits(keys: Keys, streams: Sequence[int]) -> NDArray[np.uint64]:
    """Return [B, streams] words: the first of each stream, `bits(keys, 1, stream)`, at the price of one call."""
    steps = (np.array(streams, np.uint64) << np.uint64(32)) + np.uint64(1)
    steps *= _GOLDEN
    return _scramble(keys[:, None] + steps)


def bits_at(keys: Keys, row: NDArray[np.integer], column: NDArray[np.integer], stream: int) -> NDArray[np.uint64]:
    """Return [N] words: `bits(keys, count, stream)[row, column]` for any count, without drawing the others."""
    steps = column.astype(np.uint64) + np.uint64((stream << 32) + 1)
    steps *= _GOLDEN
    steps += keys[row]
    return _scramble(steps)


def bits_at_places(keys: Keys, places: NDArray[np.integer], count: int, stream: int) -> NDArray[np.uint64]:
    """Return [N] words: `bits(keys, count, stream)` in one line, at these places, without drawing the others."""
    row = places // max(count, 1)
    before = np.arange(len(keys), dtype=np.uint64) * np.uint64(count)
    first = keys + (np.uint64((stream << 32) + 1) - before) * _GOLDEN  # as if each row went back to place 0
    steps = places.astype(np.uint64)
    steps *= _GOLDEN
    steps += first[row]
    return _scramble(steps)


def halves(keys: Keys, count: int, stream: int) -> NDArray[np.uint32]:
    """Return [B, count] random 32-bit words: the low and the high half of each word of `bits`, in turn."""
    words = bits(keys, (count + 1) // 2, stream).astype("<u8", copy=False)
    return words.view("<u4")[:, :count].astype(np.uint32, copy=False)


def uniform(keys: Keys, count: int, stream: int) -> NDArray[np.float64]:
    """Return [B, count] numbers uniform in [0, 1), each with 53 random bits."""
    return unit(bits(keys, count, stream))


def unit(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each word, from its upper 53 bits."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def integers(keys: Keys, count: int, stream: int, high: ArrayLike) -> NDArray[np.int64]:
    """Return [B, count] integers uniform in [0, high); `high` broadcasts against [B, count]; see `below`."""
    return below(bits(keys, count, stream), high)


def below(words: NDArray[np.uint64], high: ArrayLike) -> NDArray[np.int64]:
    """Return an integer in [0, high) for each word; `high` broadcasts against the words and is at most 2**32.

    The upper 32 bits are scaled by multiplication (Lemire 2019, without rejection): the bias is below high / 2**32.
    """
    upper = words >> np.uint64(32)
    return ((upper * np.asarray(high, dtype=np.uint64)) >> np.uint64(32)).astype(np.int64)


def permute(index: ArrayLike, size: int, key: ArrayLike) -> NDArray[np.int64]:
    """Return where each index in [0, size) goes under the pseudo-random permutation named by `key`.

    A Feistel network over the next even power of two, walked until it lands inside [0, size) (Black and Rogaway 2002,
    "Ciphers with arbitrary finite domains"): O(1) memory, so the order of a corpus of any size is a function.
    `key` is a scalar or an array that broadcasts against `index`.
    """
    if size < 1:
        raise ValueError("permute needs a size of at least 1")
    shape = np.shape(index)
    index = np.atleast_1d(index)
    flat = index.reshape(-1).astype(np.uint64)
    if flat.size and int(flat.max()) >= size:
        raise ValueError(f"index out of range for a permutation of {size}")
    half_bits = half_of(size)
    keys = fold(np.broadcast_to(key, index.shape).reshape(-1), np.arange(ROUNDS)[:, None])
    if flat.size <= _FEW:
        found = [_walk(*given, size, half_bits) for given in zip(flat.tolist(), keys.T.tolist(), strict=True)]
        return np.array(found, np.int64).reshape(shape)
    shift, half_mask = np.uint64(half_bits), np.uint64(2**half_bits - 1)
    pending, walking = np.arange(flat.size), flat
    while pending.size:
        left, right = walking >> shift, walking & half_mask
        for round_key in keys:
            left, right = right, left ^ (_scramble(right ^ round_key) & half_mask)
        walking = (left << shift) | right
        flat[pending] = walking
        outside = walking >= size
        pending, walking, keys = pending[outside], walking[outside], keys[:, outside]
    return flat.reshape(shape).astype(np.int64)


def _walk(value: int, round_keys: list[int], size: int, half_bits: int) -> int:
    """Do what `permute` does, for one index."""
    half_mask = (1 << half_bits) - 1
    while True:
        left, right = value >> half_bits, value & half_mask
        for round_key in round_keys:
            left, right = right, left ^ (_mix_integer(right ^ round_key) & half_mask)
        value = (left << half_bits) | right
        if value < size:
            return value


def half_of(size: int) -> int:
    """Return the bits of one of the two sides into which `permute` divides an index below `size`."""
    return max(1, ((size - 1).bit_length() + 1) // 2)
