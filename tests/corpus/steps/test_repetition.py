"""Runs of words that come twice, against the definition written out."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.steps.repetition import repeated, repeated_runs
from hornbook.corpus.steps.words import number_words, split_words

DOCUMENTS = st.lists(st.lists(st.sampled_from(["a", "bb", "ccc", ","]), max_size=40).map(" ".join), max_size=5)


def most_frequent(words: list[str], n: int) -> int:
    runs = Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))
    if not runs:
        return 0
    run, count = runs.most_common(1)[0]
    return len(" ".join(run)) * count


def said_before(words: list[str], n: int) -> int:
    seen, characters, start = set(), 0, 0
    while start + n <= len(words):
        run = tuple(words[start : start + n])
        if run in seen:
            characters += len("".join(run))
            start += n
        else:
            seen.add(run)
            start += 1
    return characters


@settings(deadline=None, max_examples=300)
@given(DOCUMENTS)
def test_runs_are_counted_as_defined(documents: list[str]) -> None:
    words = [split_words(document) for document in documents]
    for runs in itertools.islice(repeated_runs(number_words(documents)), 9):
        assert runs.most_frequent().tolist() == [most_frequent(found, runs.length) for found in words]
        expected = np.array([said_before(found, runs.length) for found in words], np.int64)
        exact = runs.said_before(np.full(len(words), -1.0))
        assert exact.tolist() == expected.tolist()
        bound = runs.said_before(np.full(len(words), np.inf))
        assert (bound >= expected).all()
        assert all(low <= len("".join(found)) for low, found in zip(bound, words, strict=True))


def test_documents_do_not_repeat_each_other() -> None:
    runs = next(repeated_runs(number_words(["one two three", "one two three"])))
    assert len(runs.places) == 0


def test_lengths_go_from_two_upwards() -> None:
    found = itertools.islice(repeated_runs(number_words(["a b c a b c"])), 3)
    assert [(runs.length, runs.places.tolist()) for runs in found] == [(2, [0, 1, 3, 4]), (3, [0, 3]), (4, [])]


def test_repeated_pieces() -> None:
    assert repeated(["ab", "c", "ab", "ab"]) == (2, 4)
    assert repeated(["ab", "c"]) == (0, 0)
    assert repeated([]) == (0, 0)
