"""The words that a model itself would put into a gap: whole ones of at most three pieces, by beam search.

Shapes: V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hornbook.app.spoken.models import Opened
from hornbook.evaluate.scoring.gaps import Gap, GapWay
from hornbook.evaluate.scoring.lines import before_logits, log_chances
from hornbook.evaluate.scoring.ways import Ids
from hornbook.generate.words import count_words

BEAM = 16  # beginnings that are followed, and words of one length that are kept
LONGEST = 3  # pieces of a word
_TOGETHER = 4  # beginnings that one step computes


def proposals(one: Opened, way: GapWay, gap: Gap, blank: bool) -> Iterator[tuple[float, list[str]]]:
    """Yield (share of the work that is done, words), the last time with the words, the likeliest of all lengths first.

    Masks ask for each length on its own; others are asked for beginnings, and what a beginning needs to be a word of
    its own is part of its probability where it is known.
    """
    if not one.proposes:
        yield 1.0, []
        return
    found: dict[str, float] = {}
    lengths = range(1, LONGEST + 1) if way.kind in ("masks", "judge") else [LONGEST]
    rounds = sum(lengths)
    for done, length in enumerate(lengths):
        alive: dict[tuple[int, ...], float] = {(): 0.0}
        for depth in range(length):
            grown: dict[tuple[int, ...], float] = {}
            beginnings = list(alive)
            for start in range(0, len(beginnings), _TOGETHER):
                part = beginnings[start : start + _TOGETHER]
                for prefix, best in zip(part, _next(one, way, gap, part, length, blank), strict=True):
                    grown |= {(*prefix, token): alive[prefix] + score for token, score in best}
                yield (sum(lengths[:done]) + depth) / rounds, []
            if way.kind not in ("masks", "judge") or depth == length - 1:
                for ids, score in grown.items():
                    word = _word(one, gap, ids, blank)
                    if word:
                        found[word] = max(found.get(word, score), score)
            alive = dict(sorted(grown.items(), key=lambda item: (-item[1], item[0]))[:BEAM])
    yield 1.0, sorted(found, key=lambda word: (-found[word], word))


def _next(
    one: Opened, way: GapWay, gap: Gap, prefixes: Sequence[Ids], pieces: int, blank: bool
) -> list[list[tuple[int, float]]]:
    """Return the likeliest pieces behind each of some beginnings of one length, with their log-probabilities."""
    lines = [way.piece(gap, prefix, pieces) for prefix in prefixes]
    rows = log_chances(before_logits(one.run.model, lines, one.run.device))
    last = [int(end) - 1 for end in np.cumsum([len(line.places) for line in lines])]
    return _best(rows[last], _may_follow(one, prefixes[0], blank))


@torch.inference_mode()
def _best(rows: Tensor, may: NDArray[np.bool_]) -> list[list[tuple[int, float]]]:
    size = min(rows.shape[1], len(may))
    allowed = torch.from_numpy(may[:size]).to(rows.device)
    best = torch.where(allowed, rows[:, :size], -torch.inf).topk(min(2 * BEAM, size))
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [[(token, score) for token, score in zip(*pair, strict=True) if score > -np.inf] for pair in pairs]


def _may_follow(one: Opened, prefix: Ids, blank: bool) -> NDArray[np.bool_]:
    """Return bool[V]: the pieces that may begin a word, or go on with one; letters alone."""
    vocab = one.run.tokenizer.vocab
    if prefix:
        return one.letters & ~vocab.starts_word
    return one.letters & vocab.starts_word if blank else one.letters


def _word(one: Opened, gap: Gap, ids: Ids, blank: bool) -> str:
    """Return the word that pieces spell in the gap, or nothing where they are no whole word."""
    tokenizer = one.run.tokenizer
    before = tokenizer.decode(gap.left)
    text = tokenizer.decode([*gap.left, *ids])[len(before) :]
    word = text.strip()
    if not word or (blank and before and text == word) or count_words([word]) != {word: 1}:
        return ""
    # Many a piece is the beginning of words alone, such as "comp": where there is text, it tells.
    known = one.words.counts
    return word if len(ids) > 1 or not known or word in known else ""
