"""Whole words, n-grams and spans of words: where units begin, how long they are, how many tokens they make up."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from small_vocab import MASK, WORDS, documents, vocabulary
from small_vocab import words as rows_of_words

from hornbook.batch import Rows
from hornbook.errors import UserError
from hornbook.keys import halves, row_keys
from hornbook.objectives.masked import Masked
from hornbook.objectives.ops import noise, words
from hornbook.vocab import Vocab

VOCAB = vocabulary()
STARTS = WORDS[VOCAB.starts_word[WORDS] & ~VOCAB.ends_word[WORDS]]
INSIDE = WORDS[~VOCAB.starts_word[WORDS] & ~VOCAB.ends_word[WORDS]]


def within(found: float, expected: float, trials: int, deviations: float = 5.0) -> bool:
    """Whether a share of `trials` lies within so many binomial standard deviations of what is expected."""
    return abs(found - expected) <= deviations * math.sqrt(expected * (1 - expected) / trials)


def whole_words(rows: int, lengths: list[int], seed: int = 0) -> Rows:
    """Rows of one document whose words have these lengths, in tokens."""
    random = np.random.default_rng(seed)
    inside = np.concatenate([[False] + [True] * (length - 1) for length in lengths])
    tokens = np.where(inside, random.choice(INSIDE, (rows, len(inside))), random.choice(STARTS, (rows, len(inside))))
    return Rows(tokens.astype(np.int32), row_keys(seed, np.arange(rows)))


def tokenizer(model: dict, **parts: object) -> Vocab:
    return Vocab.from_tokenizer(json.dumps({"model": model, "added_tokens": [], **parts}))


def numbered(tokens: list[str]) -> dict[str, int]:
    return {token: number for number, token in enumerate(tokens)}


SPELLINGS = {
    "wordpiece": (
        ["the", "dr", "##ag", "##on", "(", "can", "'", "t", ")", ".", "the", "##y", "龍", "は"],
        lambda tokens: tokenizer({"type": "WordPiece", "vocab": numbered(tokens)}),
    ),
    "byte-level": (
        ["the", "Ġdr", "ag", "on", "Ġ(", "can", "'", "t", ")", ".", "Ġthe", "y", "é¾į", "ãģ¯"],
        lambda tokens: tokenizer(
            {"type": "BPE", "vocab": numbered(tokens), "merges": []}, pre_tokenizer={"type": "ByteLevel"}
        ),
    ),
    "unigram": (
        ["▁the", "▁dr", "ag", "on", "▁(", "can", "'", "t", ")", ".", "▁the", "y", "龍", "は"],
        lambda tokens: tokenizer({"type": "Unigram", "vocab": [[token, 0.0] for token in dict.fromkeys(tokens)]}),
    ),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_words_are_the_same_in_every_spelling(spelling):
    tokens, make = SPELLINGS[spelling]
    kinds = list(dict.fromkeys(tokens))
    vocab = make(kinds)
    row = np.array([[kinds.index(token) for token in tokens]], np.int32)
    _, begins = words.words(Rows(row, row_keys(0, [0])), vocab)
    #           the dr   ag on (  can '  t  )  .  the y  dragon (topic)
    assert begins[0].astype(int).tolist() == [1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1]


def test_a_word_ends_with_its_document_and_at_what_is_no_text():
    rows = whole_words(1, [6])
    rows.tokens[0, 2] = MASK
    segments = np.array([[1, 1, 1, 1, 2, 2]], np.int32)
    free, begins = words.words(Rows(rows.tokens, rows.keys, segments), VOCAB)
    assert free[0].tolist() == [True, True, False, True, True, True]
    assert begins[0].tolist() == [True, False, False, True, True, False]


def units(pieces: list[str], vocab: Vocab, tokens: list[str], segments: list[int] | None = None) -> list[str]:
    """The units of a row of these pieces, each spelled in one."""
    row = np.array([[tokens.index(piece) for piece in pieces]], np.int32)
    free, begins = words.words(Rows(row, row_keys(0, np.arange(1)), segments and np.array([segments])), vocab)
    found: list[str] = []
    for piece, text, first in zip(pieces, free[0], begins[0], strict=True):
        if first:
            found.append(piece)
        elif text:
            found[-1] += piece
    return found


BLANK_CASES = {
    "character": (["t", "▁", "h", "e", ".", "1", "2"], "▁ t h e ▁ ▁ 1 2 . ▁ h e ▁", "▁the ▁▁12 . ▁he▁"),
    "unigram": (
        ["▁", "▁▁", "▁the", "the", "龍", "(", "\n"],
        "the ▁▁ ▁the ▁ 龍 龍 ▁ ( \n the \n",
        "the ▁▁▁the ▁龍 龍 ▁( \nthe\n",
    ),
    "byte-level": (["Ġ", "Ċ", "Ġthe", "the", "ly", "5"], "Ċ the ly Ġ Ġthe Ċ Ċ 5 5 Ġ", "Ċthely ĠĠthe ĊĊ55Ġ"),
    "wordpiece": (["the", "##ly", "5"], "the ##ly 5 the", "the##ly 5 the"),
}


@pytest.mark.parametrize("spelling", BLANK_CASES)
def test_white_space_of_its_own_belongs_to_the_word_behind_it(spelling):
    tokens, row, expected = BLANK_CASES[spelling]
    make = SPELLINGS["unigram" if spelling == "character" else spelling][1]
    assert units(row.split(" "), make(tokens), tokens) == expected.split(" ")


def test_white_space_does_not_reach_over_documents_or_special_tokens():
    tokens = ["▁", "the", "a"]
    vocab = SPELLINGS["unigram"][1](tokens)
    assert units(["a", "▁", "the", "▁", "a"], vocab, tokens, [1, 1, 2, 2, 2]) == ["a▁", "the", "▁a"]
    assert units(["▁", "▁", "a", "▁"], vocab, tokens, [1, 1, 2, 0]) == ["▁▁", "a"]
    marked = dataclasses.replace(vocab, special=np.array([False, True, False]))
    assert units(["a", "▁", "the", "▁", "a"], marked, tokens) == ["a▁", "▁a"]


def test_whole_words_are_masked_whole_and_as_many_tokens_as_bert_masks():
    lengths = [1, 3, 2, 1, 1, 4, 1, 2] * 8
    rows = whole_words(500, lengths)
    batch = Masked(style="whole_word", vocab=VOCAB)(rows)
    of_word = np.repeat(np.arange(len(lengths)), lengths)
    masked = batch.weights != 0
    for word in range(len(lengths)):
        part = masked[:, of_word == word]
        assert (part.all(axis=1) | ~part.any(axis=1)).all()
    assert (batch.count == 18).all()  # round(0.15 * 120), as single-token words fill what is left


def test_each_token_of_a_whole_word_decides_on_its_own_what_it_shows():
    rows = whole_words(3000, [2] * 50)
    batch = Masked(style="whole_word", vocab=VOCAB)(rows)
    shown = (batch.inputs == MASK).reshape(3000, 50, 2)[(batch.weights != 0).reshape(3000, 50, 2)[:, :, 0]]
    assert within(shown.mean(), 0.8, shown.size)
    assert within(shown.all(axis=1).mean(), 0.64, len(shown))


def test_words_too_long_for_what_is_left_are_passed_over_but_one_is_always_masked():
    batch = Masked(style="whole_word", vocab=VOCAB)(whole_words(200, [5, 2]))  # room for 1 token
    assert set(batch.count.tolist()) == {5.0, 2.0}
    batch = Masked(rate=0.5, style="whole_word", vocab=VOCAB)(whole_words(200, [3, 3, 2]))  # room for 4
    assert set(batch.count.tolist()) == {3.0, 2.0}, "a word that no longer fits is left"


def test_every_word_is_as_likely_to_be_masked():
    rows = 20_000
    weights = Masked(style="whole_word", vocab=VOCAB)(whole_words(rows, [1] * 20)).weights
    assert all(within(share, 3 / 20, rows) for share in weights.mean(axis=0))


@pytest.mark.parametrize("cut", [True, False])
def test_units_are_taken_one_after_the_other_however_many_have_to_be_looked_at(cut):
    random = np.random.default_rng(1)
    looked_on = 0
    for seed in range(20):
        begins = random.random((8, 400)) < random.choice([0.02, 0.1, 0.6])
        begins[4:] = (np.arange(400) % 8 == 0) | (np.arange(400) % 100 == 4)  # few are short enough
        begins[:, 0] = True
        free = np.ones(begins.shape, bool)
        counts = random.integers(0, random.choice([8, 60]), 8)
        keys = row_keys(seed, np.arange(8))
        order = noise.shuffled(begins, keys, 400)
        found = words.choose(free, begins, counts, keys, cut=cut)[0]
        for row in range(8):
            starts = np.flatnonzero(begins[row])
            sizes = dict(zip(starts.tolist(), np.diff(starts, append=400).tolist(), strict=True))
            expected, left = np.zeros(400, bool), int(counts[row])
            line = [column for column in order[row].tolist() if column in sizes]
            for number, column in enumerate(line):
                if 0 < sizes[column] <= left:
                    expected[column : column + sizes[column]] = True
                    left -= sizes[column]
                    looked_on += number >= 28 + counts.max() * begins.mean()
            rest = [column for column in line if not expected[column]]
            if left and (cut or left == counts[row]):
                expected[rest[0] : rest[0] + (min(sizes[rest[0]], left) if cut else sizes[rest[0]])] = True
            assert np.array_equal(found[row], expected)
    assert looked_on, "no case needed a second look"


def test_lengths_of_units_are_those_drawn_one_after_the_other_also_where_more_have_to_be_drawn():
    law = (0.98, *[0.0] * 48, 0.02)  # most rows have no unit of 50 words, and need more units than the mean says
    begins = np.ones((16, 60), bool)
    keys = row_keys(0, np.arange(16))
    found = words.tile(begins, begins, None, law, keys)
    bounds = np.rint(np.cumsum(law) * 2**16)
    for row, draws in enumerate(halves(keys, 60, noise.TILES) >> np.uint32(16)):
        lengths = np.searchsorted(bounds, draws, side="right") + 1
        begin = np.concatenate([[0], lengths.cumsum()])
        assert np.flatnonzero(found[row]).tolist() == begin[begin < 60].tolist()


def runs(begins: np.ndarray) -> np.ndarray:
    """Lengths of all units of rows that end with a unit of their own."""
    flat = np.flatnonzero(np.append(begins.reshape(-1), True))
    return np.diff(flat)


@pytest.mark.parametrize(
    ("law", "shares"),
    [
        (words.NGRAMS, [0.5455, 0.2727, 0.1818]),
        (words.SPANS, [0.2 * 0.8**n / (1 - 0.8**10) for n in range(10)]),
    ],
)
def test_units_have_the_published_lengths(law, shares):
    rows = rows_of_words(200, 4000)
    begins = np.ones(rows.tokens.shape, bool)
    tiles = words.tile(begins, begins, None, law, rows.keys)
    found = np.bincount(runs(tiles), minlength=len(shares) + 1)[1:]
    inner = found.sum()
    # The end of each row cuts one unit of thousands.
    assert all(
        abs(number / inner - share) < 1e-3 + 5 * math.sqrt(share / inner)
        for number, share in zip(found, shares, strict=True)
    )
    assert len(found) == len(shares)


def test_spanbert_s_mean_span_has_3_8_words():
    assert sum(share * (n + 1) for n, share in enumerate(words.SPANS)) == pytest.approx(3.797, abs=1e-3)


@pytest.mark.parametrize("style", ["ngram", "span"])
def test_n_grams_and_spans_have_exact_counts_and_keep_inside_documents(style):
    rows = rows_of_words(100, 128, segments=documents(*[[60, 68]] * 99, [1]))
    batch = Masked(style=style, vocab=VOCAB)(rows)
    assert batch.count.tolist() == [19.0] * 99 + [1.0]
    free, begins = words.words(rows, VOCAB)
    law = words.NGRAMS if style == "ngram" else words.SPANS
    tiles = words.tile(free, begins, rows.segments, law, rows.keys)
    assert tiles[:, 0].all() and tiles[:99, 60].all()
    assert not (tiles & ~begins).any()


def test_the_tokens_of_a_span_show_alike():
    rows = rows_of_words(2000, 200)
    objective = Masked(style="span", vocab=VOCAB)
    batch = objective(rows)
    free, begins = words.words(rows, VOCAB)
    tiles = words.tile(free, begins, None, words.SPANS, rows.keys)
    unit = tiles.reshape(-1).cumsum()[(batch.weights != 0).reshape(-1)]
    shown, was = (values[batch.weights != 0] for values in (batch.inputs, rows.tokens))
    is_mask = shown == MASK
    firsts = np.flatnonzero(np.diff(unit, prepend=0))
    assert np.array_equal(np.repeat(is_mask[firsts], np.diff(firsts, append=len(unit))), is_mask)
    assert within(is_mask[firsts].mean(), 0.8, len(firsts))
    kept = ~is_mask & (shown == was)
    assert within(kept[firsts].mean(), 0.1 + 0.1 / len(WORDS), len(firsts))


@pytest.mark.parametrize("style", ["whole_word", "ngram", "span"])
def test_long_rows_keep_exact_counts(style):
    assert Masked(style=style, vocab=VOCAB)(rows_of_words(2, 10_000)).count.tolist() == [1500.0, 1500.0]


def test_a_tokenizer_that_does_not_say_where_words_begin_is_refused():
    bare = Vocab(size=9, mask=0, special=np.zeros(9, bool), fingerprint="bare")
    Masked(vocab=bare).check(16)
    with pytest.raises(UserError, match="words begin"):
        Masked(style="whole_word", vocab=bare).check(16)
