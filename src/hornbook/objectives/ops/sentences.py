"""Sentences of a row: where they begin, and rows in another order. Pure, vectorised, from row keys alone.

Shapes: B rows, T tokens of a row, D documents in all rows, N tokens, s sentences.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Integers
from hornbook.keys import Keys, bits_at_places
from hornbook.objectives.ops import compiled
from hornbook.objectives.ops.noise import Documents, stretches
from hornbook.vocab import Vocab

_ORDER, _ROTATE, _FROM = 50, 51, 52  # streams of the row key


def sentence_starts(tokens: Integers, documents: NDArray[np.int64], vocab: Vocab) -> NDArray[np.int64]:
    """Return where sentences begin in `tokens` [N]; `documents` [D] are the places where documents begin.

    A token begins a sentence when it begins a document; or when it begins a word and a sentence of its document has
    ended since the last word, closing quotes and white space passed over.
    """
    starts = np.zeros(len(tokens), bool)
    starts[documents] = True
    flags = vocab.sentence_flags.take(tokens)
    behind = np.flatnonzero((flags[:-1] & vocab.LAST) != 0) + 1
    passed = (flags & vocab.PASSED) != 0
    late = np.flatnonzero(passed[behind] > starts[behind])
    if late.size:
        passed[documents] = False
        ends = np.append(np.flatnonzero(passed[:-1] > passed[1:]) + 1, len(tokens))  # of what is passed over
        behind[late] = ends[np.searchsorted(ends, behind[late], side="right")]
        behind = behind[behind < len(tokens)]
    begins = (flags[behind] & vocab.OPENS) | (flags[behind - 1] & vocab.BLANK)
    starts[behind[begins != 0]] = True
    return np.flatnonzero(starts)


def permute_sentences(tokens: Integers, documents: Documents, keys: Keys, vocab: Vocab) -> Integers:
    """Return tokens [B, T] with the sentences of each document in a random order, every order alike (Lewis 2020)."""
    flags = vocab.sentence_flags, vocab.LAST, vocab.PASSED, vocab.OPENS, vocab.BLANK
    if (found := compiled.run("permute_sentences", tokens, documents.start, keys, *flags, _ORDER)) is not None:
        return cast(Integers, found)
    flat = tokens.reshape(-1)
    starts = sentence_starts(flat, documents.start, vocab)
    draws = bits_at_places(keys, starts, tokens.shape[1], _ORDER) >> np.uint64(32)
    bounds = np.append(np.searchsorted(starts, documents.start), len(starts))
    sentences = bounds[1:] - bounds[:-1]
    document = np.repeat(np.arange(len(sentences), dtype=np.uint64), sentences)
    order = np.argsort((document << np.uint64(32)) | draws, kind="stable")
    ends = np.append(starts[1:], flat.size)
    lengths = (ends - starts)[order]
    return flat.take(stretches(starts[order], lengths)).reshape(tokens.shape)


def rotate_documents(tokens: Integers, documents: Documents, keys: Keys, share: float) -> Integers:
    """Return tokens [B, T] in which a `share` of the documents begins at a random token and ends with what was before.

    Each document is drawn on its own, and every token of it is a beginning alike (Lewis et al. 2020, section 2.2).
    """
    width = tokens.shape[1]
    drawn = bits_at_places(keys, documents.start, width, _ROTATE) >> np.uint64(32)
    begin = bits_at_places(keys, documents.start, width, _FROM) % np.maximum(documents.length, 1).astype(np.uint64)
    begin = np.where((drawn < np.uint64(round(share * 2**32))) & (documents.room > 0), begin, 0).astype(np.int64)
    length = np.repeat(documents.length, documents.length)
    place = np.arange(tokens.size) - np.repeat(documents.start, documents.length)
    moved = place + np.repeat(begin, documents.length)
    moved -= np.where(moved >= length, length, 0)
    return tokens.reshape(-1)[moved + np.repeat(documents.start, documents.length)].reshape(tokens.shape)
