"""Cutting one text into documents."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.readers.sections import section_length, sections

PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            ["\n\n", "\r\n\r\n", "\n \t\n", "\n", "\r", " ", "\n" * 2500, " " * 5000, "x" * 3000, "\u2028"]
        ),
        st.text(max_size=30),
        st.integers(1, 3000).map(lambda length: ("word " * 600)[:length]),
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=300)
@given(PIECES.map("".join))
def test_sections_join_to_the_text_and_none_is_blank(text: str) -> None:
    pieces = list(sections(text))
    assert "".join(pieces) == text
    assert all(piece.strip() for piece in pieces) or len(pieces) == 1
    limit = section_length(len(text))
    assert all(len(piece.strip()) <= limit for piece in pieces)
    assert len(pieces) <= 1 + 2 * len(text) // limit


@pytest.mark.parametrize(
    ("characters", "length"), [(0, 2_000), (200_000, 2_000), (500_000, 5_000), (6_400_000, 64_000), (10**9, 64_000)]
)
def test_target_length_is_a_hundredth_within_bounds(characters: int, length: int) -> None:
    assert section_length(characters) == length


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_cuts_are_at_blank_lines_where_there_are_some(line_end: str) -> None:
    paragraph = line_end.join(["A line of words."] * 10) + line_end * 2
    pieces = list(sections(paragraph * 300))
    assert len(pieces) >= 25
    assert all(piece.endswith(line_end * 2) and piece.startswith("A line") for piece in pieces)


@pytest.mark.parametrize(("unit", "last"), [("A line of words.\n", "\n"), ("words ", " "), ("木", "木")])
def test_without_blank_lines_cuts_are_at_lines_then_blanks_then_anywhere(unit: str, last: str) -> None:
    pieces = list(sections(unit * 5_000))
    assert len(pieces) > 2
    assert {piece[-1] for piece in pieces} == {last}
    assert {piece[0] for piece in pieces} == {unit[0]}


def test_fifty_kilobytes_become_at_least_twenty_five_documents() -> None:
    assert len(list(sections("Some words of a book.\n\n" * 2_300))) >= 25


def test_long_white_space_stays_with_its_neighbour() -> None:
    text = "a" * 3_000 + "\n" * 9_000 + "b" * 100 + " " * 9_000
    pieces = list(sections(text))
    assert "".join(pieces) == text
    assert [piece.strip()[0] for piece in pieces] == ["a", "a", "b"]


def test_empty_text_has_no_sections_and_a_blank_one_is_whole() -> None:
    assert list(sections("")) == []
    assert list(sections(" \n" * 5_000)) == [" \n" * 5_000]
