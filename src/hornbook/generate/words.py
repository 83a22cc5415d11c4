"""Whole words for a gap, whatever pieces a tokenizer spells them in.

    words_of    the words that may fill a gap, the most frequent first: those of the run's training text
    rank        their probabilities in a gap, by a model that predicts masks

A word of n pieces is read off n masks, from left to right, each piece given those before it; words of one length make a
trie, of which only the likeliest beginnings are followed.

Shapes: B rows, V vocabulary.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hornbook.artifacts import is_done
from hornbook.generate.trained import Trained
from hornbook.prepare.dataset import CORPUS, open_prepared
from hornbook.tokens.tokenizer.tokenizer import Tokenizer
from hornbook.vocab import UNSPACED

_TOKENS = 1 << 20  # of the training text that are read for its words
_WORDS = 20_000  # the most frequent ones are candidates
_LONGEST = 8  # pieces of a word
_BEAM = 32  # beginnings of words of one length that are followed
_BREAK = re.compile(r"\s|--|[\u2013-\u2015\u2026/]|" + f"({UNSPACED.pattern})")  # dashes and the like join no words

Chances = Callable[[list[list[int]], int], NDArray[np.float64]]
"""Of pieces so far [B rows, all as long] and the masks of a gap: log-probability of the next piece, float64[B, V]."""


@dataclass(frozen=True)
class WordList:
    """Words, the most frequent first, with how often each stands in the text; `origin` says in words which text."""

    counts: Mapping[str, int]
    origin: str


def words_of(run: Trained, tokens: int = _TOKENS) -> WordList:
    """Return the words of about so many tokens of the run's training documents, or of its vocabulary without text."""
    if is_done(run.directory, CORPUS):
        found = count_words(_training_text(run, tokens))
        if found:
            return WordList(found, "most frequent words of the training text")
    vocab = run.tokenizer.vocab
    whole = np.flatnonzero(vocab.starts_word & ~vocab.special)
    spelled = (run.tokenizer.decode(whole[place : place + 1]) for place in range(len(whole)))
    return WordList(dict.fromkeys(count_words(spelled), 1), "whole words of the vocabulary")


def _training_text(run: Trained, most: int) -> Iterator[str]:
    prepared = open_prepared(run.recipe, run.directory, run.tokenizer)
    documents = np.concatenate(list(prepared.domains.values()))
    store, read = prepared.store, 0
    for document in documents[np.argsort(store.hashes[documents], kind="stable")]:
        tokens = store.passage(int(document), 0, most - read)
        yield run.tokenizer.decode(tokens)
        read += len(tokens)
        if read >= most:
            return


def count_words(texts: Iterable[str]) -> dict[str, int]:
    """Return how often each word stands in texts, the most frequent first, those of one count by the alphabet.

    Words stand between blanks and dashes, without the signs around them; what holds no letter is none, and neither is
    what holds other signs than apostrophes and hyphens. Of scripts that are written without blanks each character is a
    word.

    >>> count_words(['"It\'s a cat -- a cat!" e.g. a@b 7'])
    {'a': 2, 'cat': 2, "It's": 1}
    """
    chunks = Counter(chunk for text in texts for chunk in text.split())
    counts: Counter[str] = Counter()
    for chunk, count in chunks.items():
        for part in filter(None, _BREAK.split(chunk)):
            word = _bare(part)
            if word:
                counts[word] += count
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(ranked[:_WORDS])


def _bare(part: str) -> str:
    """Return a word without the signs around it, or nothing where it is none."""
    inside = [place for place, character in enumerate(part) if unicodedata.category(character)[0] in "LMN"]
    word = part[inside[0] : inside[-1] + 1] if inside else ""
    fits = all(unicodedata.category(character)[0] in "LM" or character in "'\u2019-" for character in word)
    return word if fits else ""


def rank(words: WordList, tokenizer: Tokenizer, blank: bool, room: int, chances: Chances) -> list[tuple[str, float]]:
    """Return words with their probabilities in a gap, the likeliest first.

    blank     a blank stands before the gap, which tokenizers take for a part of the word
    room      masks that the model has room for
    chances   what the model predicts

    The probability of a word of n pieces is the share of words of n pieces in the text times what the model gives the
    word in a gap of n masks; the sum over all words that are followed to their end is 1.
    """
    spelled = _spelled(words, tokenizer, blank, min(room, _LONGEST))
    total = sum(words.counts[word] for group in spelled.values() for word in group.values())
    found: dict[str, float] = {}
    for pieces, group in spelled.items():
        share = sum(words.counts[word] for word in group.values()) / total
        for ids, score in _scored(group, pieces, chances).items():
            found[group[ids]] = score + math.log(share)
    if not found:
        return []
    names, scores = list(found), np.array(list(found.values()))
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    return [(names[place], float(shares[place])) for place in np.argsort(-shares, kind="stable")]


def _spelled(words: WordList, tokenizer: Tokenizer, blank: bool, longest: int) -> dict[int, dict[tuple[int, ...], str]]:
    """Return the words by number of pieces and by their ids; none that the tokenizer cannot spell."""
    names, vocab = list(words.counts), tokenizer.vocab
    found: dict[int, dict[tuple[int, ...], str]] = {}
    for word, ids in zip(names, tokenizer.encode([" " + word if blank else word for word in names]), strict=True):
        if 0 < len(ids) <= longest and not vocab.special[ids].any():
            found.setdefault(len(ids), {}).setdefault(tuple(ids.tolist()), word)
    return dict(sorted(found.items()))


def _scored(group: Mapping[tuple[int, ...], str], pieces: int, chances: Chances) -> dict[tuple[int, ...], float]:
    """Return the log-probability of the words of so many pieces whose beginnings are likely enough."""
    followers: list[dict[tuple[int, ...], set[int]]] = [{} for _ in range(pieces)]
    for ids in group:
        for depth, token in enumerate(ids):
            followers[depth].setdefault(ids[:depth], set()).add(token)
    alive: dict[tuple[int, ...], float] = {(): 0.0}
    for depth in range(pieces):
        rows = chances([list(ids) for ids in alive], pieces)
        grown = {
            (*ids, token): score + float(row[token])
            for (ids, score), row in zip(alive.items(), rows, strict=True)
            for token in sorted(followers[depth][ids])
        }
        best: Sequence[tuple[int, ...]] = sorted(grown, key=lambda ids: (-grown[ids], ids))
        alive = {ids: grown[ids] for ids in (best if depth == pieces - 1 else best[:_BEAM])}
    return alive
