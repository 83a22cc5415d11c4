"""A small vocabulary and rows for tests of objectives: 0-4 special, sentinels last and descending, else words."""

from __future__ import annotations

import numpy as np

from hornbook.batch import Rows
from hornbook.keys import row_keys
from hornbook.vocab import Vocab

PAD, BOS, EOS, UNK, MASK = range(5)
SIZE, SENTINELS = 1000, 128
WORDS = np.arange(5, SIZE - SENTINELS)


def vocabulary(sentinels: int = SENTINELS) -> Vocab:
    special = np.zeros(SIZE, bool)
    special[:5] = True
    special[SIZE - SENTINELS :] = True
    names = tuple(range(SIZE - 1, SIZE - 1 - sentinels, -1))
    return Vocab(
        size=SIZE,
        pad=PAD,
        bos=BOS,
        eos=EOS,
        unk=UNK,
        mask=MASK,
        cls=BOS,
        sep=EOS,
        sentinels=names,
        special=special,
        fingerprint=f"small {sentinels}",
    )


def words(rows: int, length: int, seed: int = 0, segments: np.ndarray | None = None) -> Rows:
    """Rows of words alone; where `segments` is 0, padding."""
    tokens = np.random.default_rng(seed).choice(WORDS, (rows, length)).astype(np.int32)
    if segments is not None:
        tokens[segments == 0] = PAD
    return Rows(tokens, row_keys(seed, np.arange(rows), 0), segments)


def documents(*rows: list[int]) -> np.ndarray:
    """Segments of rows given as lengths of documents; short rows are padded to the longest."""
    length = max(map(sum, rows))
    segments = np.zeros((len(rows), length), np.int32)
    for row, lengths in zip(segments, rows, strict=True):
        row[: sum(lengths)] = np.repeat(np.arange(1, len(lengths) + 1), lengths)
    return segments


def restore(batch, row: int, vocab: Vocab) -> list[int]:
    """Give back the tokens of a row of an encoder-decoder batch: each sentinel of the inputs is what targets say."""
    sentinels = set(vocab.sentinels)
    inputs, targets = batch.inputs[row], batch.targets[row]
    ones = np.ones_like
    reads = ones(inputs) if batch.segments is None else batch.segments[row]
    says = ones(targets) if batch.decoder_segments is None else batch.decoder_segments[row]
    tokens: list[int] = []
    for document in [number for number in dict.fromkeys(reads.tolist()) if number]:
        spans: dict[int, list[int]] = {}
        latest: list[int] = []
        for token in targets[says == document].tolist():
            if token in sentinels:
                assert token not in spans, "a sentinel stands twice in one document"
                latest = spans[token] = []
            elif token != vocab.eos:
                latest.append(token)
        for token in inputs[reads == document].tolist():
            if token in sentinels:
                tokens += spans.pop(token)
            elif token != vocab.eos:
                tokens.append(token)
        assert not spans, "the targets say a span that the inputs do not ask for"
    return tokens
