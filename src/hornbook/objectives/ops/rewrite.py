"""Rewrite: what inputs and targets show of a row once noise is chosen. Pure, vectorised, from row keys alone.

    substitute   noise tokens become the mask, a random word, or stay (BERT's 80 / 10 / 10)
    collapse     each run of dropped tokens becomes one sentinel (T5), on either side
    lay, fill    ragged rows of kept tokens become a padded array, closed by a mark or not

Shapes: B rows, T tokens of a row, K runs, N kept tokens in all rows. A flat position is row * T + column.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Integers, Mask
from hornbook.keys import Keys, bits_at_places
from hornbook.objectives.ops import compiled
from hornbook.objectives.ops.noise import Counts

_SUBSTITUTE = 16  # stream of the row key; noise uses those below
_NO_UNITS: Counts = np.zeros(0, np.int64)


def substitute(
    tokens: Integers,
    noise: Mask,
    keys: Keys,
    mask: int,
    mask_share: float,
    random_share: float,
    words: NDArray[np.int32],
    units: Counts | None = None,
) -> Integers:
    """Return inputs [B, T]: of the noise, `mask_share` is masked, `random_share` drawn from `words`, the rest kept.

    Each noise token decides on its own (Devlin et al. 2019, section 3.1), in steps of 2**-32; with `units`, one flat
    place for each noise token in order, those of one place decide together (Joshi et al. 2020, section 3.1).
    """
    bounds = round(mask_share * 2**32), round((mask_share + random_share) * 2**32)
    together = _NO_UNITS if units is None else units
    given = tokens, noise, keys, mask, *bounds, words, together, _SUBSTITUTE
    if (found := compiled.run("substitute", *given)) is not None:
        return cast(Integers, found)
    inputs = tokens.copy()
    flat = inputs.reshape(-1)
    place = np.flatnonzero(noise)
    if mask_share == 1.0:
        flat[place] = mask
        return inputs
    draws = bits_at_places(keys, place, tokens.shape[1], _SUBSTITUTE)
    deciding = draws if units is None else bits_at_places(keys, units, tokens.shape[1], _SUBSTITUTE)
    choice = deciding >> np.uint64(32)
    hidden = choice < np.uint64(bounds[0])
    if random_share > 0.0:
        drawn = np.flatnonzero((choice < np.uint64(bounds[1])) > hidden)
        # The low half, scaled by multiplication to an index of `words` (Lemire 2019).
        number = ((draws.take(drawn) & np.uint64(0xFFFFFFFF)) * np.uint64(len(words))) >> np.uint64(32)
        flat[place.take(drawn)] = words.take(number.astype(np.int64))
    flat[place.compress(hidden)] = mask
    return inputs


def collapse(tokens: Integers, dropped: Mask, starts: Counts, sentinels: Integers) -> tuple[Integers, Counts]:
    """Return the tokens that stay, in row order [N], and their flat places [N].

    `dropped` tokens go, but at each of the flat positions `starts` [K] its sentinel [K] stands in their place. T5's
    targets are this same rule applied to the complement of its noise.
    """
    shown = tokens.copy()
    shown.reshape(-1)[starts] = sentinels
    stays = ~dropped
    stays.reshape(-1)[starts] = True
    places = np.flatnonzero(stays)
    return shown.take(places), places


def lay(values: Integers, counts: Counts, width: int, fill: int, last: int | Integers) -> Integers:
    """Return [B, width]: row b is the next `counts[b]` of the flat `values`, then `last` (or `last[b]`), then `fill`.

    A row with a count of 0 is `last` and `fill`; counts are below `width`.
    """
    number = len(counts)
    if len(values) == number * (width - 1):  # all rows are full
        rows = np.empty((number, width), values.dtype)
        rows[:, :-1] = values.reshape(number, width - 1)
        rows[:, -1] = last
        return rows
    rows = np.full((number, width), fill, values.dtype)
    rows[np.arange(width) < counts[:, None]] = values
    rows[np.arange(number), counts] = last
    return rows


def fill(values: Integers, counts: Counts, width: int, pad: int) -> Integers:
    """Return [B, width]: row b is the next `counts[b]` of the flat `values`, then `pad`; counts are at most `width`."""
    if len(values) == len(counts) * width:  # all rows are full
        return values.reshape(len(counts), width)
    rows = np.full((len(counts), width), pad, values.dtype)
    rows[np.arange(width) < counts[:, None]] = values
    return rows
