"""Words of many documents at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.steps.words import number_words, sentences, split_words, sums

TEXTS = st.lists(st.text(st.sampled_from("ab 'n’t.,1:—…\n\u00a0é字"), max_size=40) | st.text(max_size=20), max_size=6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 7:30, don't wait...", ["It", "'s", "7:30", ",", "do", "n't", "wait", "..."]),
        ("well-known (U.S.) 1,000 tests.", ["well", "-", "known", "(", "U.S.", ")", "1,000", "tests", "."]),
        ("either/or NASA. ...and I.", ["either", "/", "or", "NASA", ".", "...", "and", "I."]),
        ('\'s "(so-called)".', ["'s", '"', "(", "so", "-", "called", ")", '"', "."]),
        ("can’t we’ll", ["ca", "n’t", "we", "’ll"]),
        ("", []),
        (" \n\t ", []),
        ("中文字。", ["中文字", "。"]),
        ("--- !?", ["---", "!", "?"]),
        ("@-@ $5^2$", ["@-@", "$", "5", "^", "2$"]),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@settings(deadline=None)
@given(TEXTS)
def test_numbered_words_are_the_words_of_each_text(texts: list[str]) -> None:
    words = number_words(texts)
    found = [
        [words.distinct[number] for number in words.ids[start:end]]
        for start, end in zip(words.starts[:-1], words.starts[1:], strict=True)
    ]
    assert found == [split_words(text) for text in texts]
    assert len(set(words.distinct)) == len(words.distinct)
    assert words.counts.tolist() == [len(split_words(text)) for text in texts]


@given(st.text(max_size=60))
def test_no_character_of_a_text_is_lost(text: str) -> None:
    assert "".join(split_words(text)) == "".join(text.split())


def test_the_words_of_some_documents_alone() -> None:
    words = number_words(["a b", "c", "", "b c a"]).only(np.array([0, 2, 3]))
    assert [words.distinct[number] for number in words.ids] == ["a", "b", "b", "c", "a"]
    assert words.starts.tolist() == [0, 2, 2, 5]


def test_sums_of_documents_without_words_are_zero() -> None:
    words = number_words(["", "a b", "", "c", ""])
    assert sums(words.ids * 0 + 1, words.starts).tolist() == [0, 2, 0, 1, 0]


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("", 0),
        ("no mark", 1),
        ("One. Two? Three!", 3),
        ('He said "Stop!" and went.', 2),
        ("Wait... what", 2),
        ("3.5 or v1.2 is one", 1),
        ("一。 二！", 2),
    ],
)
def test_sentences_of_a_line(line: str, count: int) -> None:
    assert sentences(line) == count


@pytest.mark.parametrize(
    "hostile",
    [
        "a" * 200_000,
        "." * 200_000,
        "a." * 100_000,
        "n't" * 70_000,
        "1," * 100_000,
        "'" * 200_000,
        ".)" * 100_000,
        "a-" * 100_000,
        "a" + ".)" * 100_000,
        "." * 99_999 + "a",
    ],
)
def test_hostile_texts_take_linear_time(hostile: str) -> None:
    assert "".join(split_words(hostile)) == hostile
    assert sentences(hostile) == 1
