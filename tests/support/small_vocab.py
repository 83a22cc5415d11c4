"""A small vocabulary and rows for tests of objectives: 0-4 special, modes, sentinels last and descending, else words.

Of the words every third continues the word before it, and nothing continues those that end in 7.
"""

from __future__ import annotations

import numpy as np

from hornbook.batch import Batch, Rows
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
        ends_sentence=(np.arange(SIZE) % 13 == 1) & ~special,
        ends_blank=np.zeros(SIZE, bool),
        is_blank=np.zeros(SIZE, bool),
        closes=np.zeros(SIZE, bool),
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
    silent = {vocab.eos, vocab.pad, *(number for _, number in vocab.modes)}
    inputs, targets = batch.inputs[row], batch.targets[row]
    ones = np.ones_like
    reads = ones(inputs) if batch.segments is None else batch.segments[row]
    says = ones(targets) if batch.decoder_segments is None else batch.decoder_segments[row]
    tokens: list[int] = []
    for document in [number for number in dict.fromkeys(reads.tolist()) if number]:
        spans: dict[int, list[int]] = {}
        latest = end = []  # what is said before any sentinel is the end of the text
        for token in targets[says == document].tolist():
            if token in sentinels:
                assert token not in spans, "a sentinel stands twice in one document"
                latest = spans[token] = []
            elif token not in silent:
                latest.append(token)
        for token in inputs[reads == document].tolist():
            if token in sentinels:
                tokens += spans.pop(token)
            elif token not in silent:
                tokens.append(token)
        tokens += end
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
        marked = int(own[0] == vocab.bos)
        if marked == len(own) or line[marked] != prefix:
            document, line = line[: len(own)], line[len(own) :]
        else:
            cut_off = own[-1] != vocab.eos  # then the middle was given an end
            document, line = line[: len(own) + 3 + cut_off], line[len(own) + 3 + cut_off :]
            p, s, m = (document.index(mark) for mark in (prefix, suffix, middle))
            # Where the suffix came first, the prefix stands before the middle; so it does where it is empty.
            document = document[:p] + document[p + 1 : s] + document[m + 1 : -1] + document[s + 1 : m] + document[-1:]
            document = document[: len(own)]
        tokens += document
    return tokens


def restore_joined(batch, row: int, vocab: Vocab) -> list[int]:
    """Give back the tokens of a row of a decoder that reads inputs and says targets: scored places are the targets."""
    own = np.ones_like(batch.inputs[row]) if batch.segments is None else batch.segments[row]
    says = batch.weights[row] != 0
    reads = ~says & (own != 0) & (batch.inputs[row] != vocab.pad)
    count = np.array([says.sum()], np.float64)
    sides = Batch(
        batch.inputs[row][None, reads],
        batch.targets[row][None, says],
        batch.weights[row][None, says],
        count,
        own[None, reads],
        decoder_segments=own[None, says],
    )
    return restore(sides, 0, vocab)


def texts(batch, row: int) -> tuple[list[int], list[int]]:
    """The two texts of a pair, as the targets have them, without the marks around them."""
    real = int(np.count_nonzero(batch.segments[row]))
    if real == 0:
        return [], []
    second = int(np.flatnonzero(batch.types[row])[0])
    return batch.targets[row][1 : second - 1].tolist(), batch.targets[row][second : real - 1].tolist()


def restore_pair(batch, row: int, swapped: bool) -> list[int]:
    """Give back the tokens of a row of a pair of its own two texts."""
    first, second = texts(batch, row)
    return second + first if swapped else first + second
