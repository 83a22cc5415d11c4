"""A small vocabulary and rows for tests of objectives: 0-4 special, modes, sentinels last and descending, else words.

Of the words every third continues the word before it, and nothing continues those that end in 7.
"""

from __future__ import annotations

import numpy as np

from hornbook.batch import Rows
from hornbook.keys import row_keys
from hornbook.vocab import Vocab

PAD, BOS, EOS, UNK, MASK = range(5)
SIZE, SENTINELS = 1000, 128
MODES = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "[R]", "[S]", "[X]")
WORDS = np.arange(5, SIZE - SENTINELS - len(MODES))


def vocabulary(sentinels: int = SENTINELS, modes: tuple[str, ...] = MODES) -> Vocab:
    special = np.zeros(SIZE, bool)
    special[:5] = True
    special[SIZE - SENTINELS - len(MODES) :] = True
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
        modes=tuple((name, len(WORDS) + 5 + number) for number, name in enumerate(modes)),
        special=special,
        starts_word=(np.arange(SIZE) % 3 != 0) & ~special,
        ends_word=(np.arange(SIZE) % 10 == 7) & ~special,
        fingerprint=f"small {sentinels} {modes}",
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


def restore_prefixes(batch, row: int) -> list[int]:
    """Give back the tokens of a row of an encoder-decoder batch whose documents are split in two."""
    tokens: list[int] = []
    numbers = {*batch.segments[row].tolist(), *batch.decoder_segments[row].tolist()} - {0}
    for document in sorted(numbers):
        tokens += batch.inputs[row][batch.segments[row] == document].tolist()
        tokens += batch.targets[row][batch.decoder_segments[row] == document].tolist()
    return tokens


def restore_middles(batch, rows: Rows, row: int, vocab: Vocab) -> list[int]:
    """Give back the tokens of a row whose documents are rearranged, which need not be in their old order."""
    prefix, suffix, middle = (dict(vocab.modes)[name] for name in MODES[:3])
    line = [int(batch.inputs[row, 0]), *batch.targets[row].tolist()]
    segments = np.ones_like(rows.tokens[row]) if rows.segments is None else rows.segments[row]
    tokens: list[int] = []
    for number in [number for number in dict.fromkeys(segments.tolist()) if number]:
        own = rows.tokens[row][segments == number]
        marked = int(vocab.special[own[0]])
        if marked == len(own) or line[marked] != prefix:
            document, line = line[: len(own)], line[len(own) :]
        else:
            cut_off = len(own) == 1 or not vocab.special[own[-1]]  # then the middle was given an end
            document, line = line[: len(own) + 3 + cut_off], line[len(own) + 3 + cut_off :]
            p, s, m = (document.index(mark) for mark in (prefix, suffix, middle))
            # Where the suffix came first, the prefix stands before the middle; so it does where it is empty.
            document = document[:p] + document[p + 1 : s] + document[m + 1 : -1] + document[s + 1 : m] + document[-1:]
            document = document[: len(own)]
        tokens += document
    return tokens
