"""Books cut into chapters."""

from __future__ import annotations

import itertools

import pytest
from gutenberg_files import old_page, text
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.readers.books.chapters import Chapter, chapters_of
from hornbook.corpus.readers.books.gutenberg import book
from hornbook.corpus.readers.books.parts import Part, text_of
from hornbook.corpus.readers.sections import LONGEST, SHORTEST

SENTENCE = "The quick brown fox jumps over the lazy dog near the bank of the river. "
LONG = SENTENCE * 40


def cut(body: str) -> list[Chapter]:
    return list(chapters_of(book(text(body), html=False)[1]))


HEADINGS = [
    "CHAPTER I.",
    "Chapter 12",
    "CHAPTER THE FIRST",
    "Chapter Twenty-One",
    "BOOK II",
    "PART THE SECOND",
    "ACT III",
    "CANTO IV",
    "LETTER 5",
    "STAVE ONE",
    "PREFACE",
    "EPILOGUE",
    "INTRODUCTION.",
    "IV.",
    "7",
    "XII. The Storm",
    "B",
    "Erstes Kapitel",
    "Drittes Buch",
    "KAPITEL II",
    "Vorwort",
    "CHAPITRE PREMIER",
    "PREMI\u00c8RE PARTIE",
    "CAP\u00cdTULO IV",
    "CAPITOLO II",
    "HOOFDSTUK III",
    "KAPITEL 3",
    "II LUKU",
    "\u0413\u043b\u0430\u0432\u0430 V",
    "\u7b2c\u4e00\u56de",
    "\u7b2c12\u7ae0",
]


@pytest.mark.parametrize("heading", HEADINGS)
def test_headings_in_many_languages(heading: str) -> None:
    body = f"\n\n\n\n{heading}\n\n{LONG}\n\n\n\n\n{heading}\n\n{LONG}\n"
    assert [chapter.headings for chapter in cut(body)] == [[heading], [heading]]


NO_HEADINGS = [
    "Part of the house was dark.",
    "Book in hand, he went.",
    "I.",
    "He said nothing",
    "Chapter and verse, he said,",
    "BOOK I, page 4",
    "The introduction was long,",
    "1801",
]


@pytest.mark.parametrize("line", NO_HEADINGS)
def test_short_lines_are_no_headings(line: str) -> None:
    body = f"\n\n\n\nCHAPTER I\n\n{LONG}\n\n{line}\n\n{LONG}\n\n\n\n\nCHAPTER II\n\n{LONG}\n"
    assert [chapter.headings for chapter in cut(body)] == [["CHAPTER I"], ["CHAPTER II"]]


def test_a_title_below_the_number_belongs_to_the_heading() -> None:
    body = f"\n\n\n\nCHAPTER I\n\nDOWN THE HOLE\n\n{LONG}\n\n\n\n\nCHAPTER II.\nThe Pool\n\n{LONG}\n"
    first, second = cut(body)
    assert (first.headings, second.headings) == (["CHAPTER I. DOWN THE HOLE"], ["CHAPTER II. The Pool"])
    assert first.text.startswith("CHAPTER I\n\nDOWN THE HOLE\n\nThe quick") and second.text.startswith(
        "CHAPTER II.\nThe Pool\n\n"
    )


def test_contents_and_short_chapters_go_with_the_next() -> None:
    body = "\n\n\n\nA BOOK\n\n\n\n\nCONTENTS\n\nCHAPTER I\nCHAPTER II\n\n\n\n\nCHAPTER I\n\nShort.\n\n"
    body += f"\n\n\nCHAPTER II\n\n{LONG}\n"
    body += f"\n\n\n\nCHAPTER III\n\n{LONG}\n\n\n\n\nTHE END\n"
    first, second = cut(body)
    assert first.headings == ["A BOOK", "CONTENTS", "CHAPTER I", "CHAPTER II"]
    assert second.headings == ["CHAPTER III", "THE END"] and second.text.endswith("THE END")


def test_headings_of_pages_are_cut_at_the_level_of_chapters() -> None:
    parts = [
        f"<h2>Chapter {number}</h2><h3>a section</h3><p>{LONG}</p><h3>another</h3><p>x</p>" for number in range(1, 5)
    ]
    html = old_page("<h1>A BOOK</h1>" + "".join(parts))
    found = [chapter.headings for chapter in chapters_of(book(html, html=True)[1])]
    assert found == [["A BOOK", "Chapter 1"], ["Chapter 2"], ["Chapter 3"], ["Chapter 4"]]


def test_a_book_without_chapters_still_gives_several_documents() -> None:
    found = cut("\n\n" + "\n\n".join([SENTENCE * 5] * 100))
    assert len(found) > 10 and all(not chapter.headings and len(chapter.text) <= SHORTEST for chapter in found)
    assert "\n\n".join(chapter.text for chapter in found) == "\n\n".join([(SENTENCE * 5).strip()] * 100)


def test_a_chapter_that_is_very_long_is_cut_between_paragraphs() -> None:
    body = f"\n\n\n\nCHAPTER I\n\n{LONG}\n\n\n\n\nCHAPTER II\n\n" + "\n\n".join([LONG] * 50)
    found = cut(body)
    assert [chapter.headings for chapter in found[1:]] == [["CHAPTER II"]] * (len(found) - 1) and len(found) > 3
    assert max(len(chapter.text) for chapter in found) <= LONGEST


_PARTS = st.builds(
    Part,
    st.text("ab \n.IVX", min_size=1, max_size=40).map(str.strip).filter(bool),
    st.integers(0, 6),
    st.sampled_from(["prose", "lines", "heading"]),
    st.integers(0, 3),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_PARTS, st.integers(1, 900)), min_size=1, max_size=30))
def test_chapters_together_are_the_book(drawn: list[tuple[Part, int]]) -> None:
    parts = [part._replace(text=part.text * times) for part, times in drawn]
    found = list(chapters_of(parts))
    assert "\n\n".join(chapter.text for chapter in found) == text_of(parts)
    assert all(chapter.text for chapter in found)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *"ab .,_=[]{}|+*-\n",
                "\n\n",
                "\n\n\n\n",
                "[Pg 3]",
                "[Illustration",
                "CHAPTER I",
                "  ",
                "Transcriber's Note",
                "*** END",
                "Produced by",
                "\t",
                "\u7b2c\u4e00\u56de",
            ]
        ),
        max_size=120,
    )
)
def test_any_text_is_read_and_its_letters_come_in_order(pieces: list[str]) -> None:
    body = "".join(pieces)
    found = text_of(book(text(body), html=False)[1])
    assert "\n\n\n" not in found and not any(line != line.rstrip() for line in found.split("\n"))
    letters = itertools.filterfalse(str.isspace, text(body))
    assert all(sign in letters for sign in found if sign.isalnum())
    book(body, html=True)
