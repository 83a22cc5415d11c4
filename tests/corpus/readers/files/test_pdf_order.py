"""PDF: the order of reading over columns, and what is no text of them; every text letter by letter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pdf_maker import column, made, plain, sentence, text_of, wrapped
from reportlab.pdfgen.canvas import Canvas

TITLE = "On the letters of merchants"
PARAGRAPHS = [sentence(50, start) for start in (0, 7, 19, 31, 43, 51)]


def laid(
    canvas: Canvas, parts: Sequence[Sequence[str]], top: float, count: int, gutter: float, indent: float = 12
) -> None:
    """Draw a list of paragraphs in each column of the page."""
    width = (504 - gutter * (count - 1)) / count
    for number, paragraphs in enumerate(parts):
        y = top
        for paragraph in paragraphs:
            lines = wrapped(paragraph, width, indent=indent)
            y = column(canvas, lines, 54 + number * (width + gutter), y, width, indent=indent)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("gutter", [10, 18, 30])
@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_columns_are_read_one_after_the_other(tmp_path: Path, count: int, gutter: float, shift: float) -> None:
    parts = [PARAGRAPHS[2 * number : 2 * number + 2] for number in range(count)]

    def draw(canvas: Canvas) -> None:
        width = (504 - gutter * (count - 1)) / count
        for number, paragraphs in enumerate(parts):
            y = 700 - shift * number  # columns whose lines do not stand beside each other
            for paragraph in paragraphs:
                lines = wrapped(paragraph, width, indent=12)
                y = column(canvas, lines, 54 + number * (width + gutter), y, width, indent=12)

    expected = "\n\n".join(plain(text) for paragraphs in parts for text in paragraphs)
    assert text_of(made(tmp_path / "a.pdf", draw)) == expected


@pytest.mark.parametrize("count", [2, 3])
def test_a_paper_with_title_abstract_figure_and_notes(tmp_path: Path, count: int) -> None:
    parts = [[PARAGRAPHS[2 * number], PARAGRAPHS[2 * number + 1]] for number in range(count)]
    abstract = sentence(40, 11)
    caption = "Figure 1: Ships and weather in every line because that was the world."

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Times-Bold", 17)
        canvas.drawCentredString(306, 740, TITLE)
        column(canvas, wrapped(abstract, 380, size=9), 116, 710, 380, size=9, leading=11)
        laid(canvas, parts, 650, count, 18)
        canvas.rect(54, 200, 504, 100)
        canvas.setFont("Times-Roman", 9)
        canvas.drawCentredString(306, 185, caption)
        column(canvas, ["1 A note at the foot of the page."], 54, 90, size=8)

    text = text_of(made(tmp_path / "a.pdf", draw))
    body = "\n\n".join(plain(text) for paragraphs in parts for text in paragraphs)
    assert text == f"{TITLE}\n\n{plain(abstract)}\n\n{body}\n\n{caption}\n\n1 A note at the foot of the page."


def test_a_paragraph_goes_on_in_the_next_column_behind_a_note(tmp_path: Path) -> None:
    lines = wrapped(sentence(120, 3), 240)
    half = len(lines) // 2

    def draw(canvas: Canvas) -> None:
        column(canvas, [*lines[:half], "x"][:-1], 54, 700, 240)
        column(
            canvas,
            ["1 A note that stands below the first column of this page,", "in two lines of small type."],
            54,
            400,
            size=8,
        )
        column(canvas, lines[half:], 318, 700, 240)

    # The last line of the first column is full.
    lines[half - 1] = lines[half - 1] if lines[half - 1].endswith("-") else wrapped(lines[half - 1], 240)[0]
    text = text_of(made(tmp_path / "a.pdf", draw))
    note = "1 A note that stands below the first column of this page, in two lines of small type."
    assert text == f"{plain(sentence(120, 3))}\n\n{note}"


def test_a_paragraph_goes_on_on_the_next_page(tmp_path: Path) -> None:
    lines = wrapped(sentence(60, 5), 400)

    def page(part: list[str], number: int):
        def draw(canvas: Canvas) -> None:
            column(canvas, ["THE LETTERS OF MERCHANTS"], 54, 760, size=9)
            column(canvas, part, 54, 700)
            column(canvas, [str(number)], 300, 30, size=9)

        return draw

    path = made(tmp_path / "a.pdf", *(page(lines[index : index + 1], 11 + index) for index in range(len(lines))))
    assert text_of(path) == plain(sentence(60, 5))


def test_running_heads_that_change_with_the_chapter_and_numbers_are_left_out(tmp_path: Path) -> None:
    chapters = ["The ship", "The ship", "The ship", "The storm", "The storm", "The harbour"]

    def page(index: int):
        def draw(canvas: Canvas) -> None:
            head = f"{index + 40}   {chapters[index]}" if index % 2 else f"{chapters[index]}   {index + 40}"
            column(canvas, [head], 54, 760, size=9)
            column(canvas, wrapped(sentence(40, 9 * index), 400), 54, 700)

        return draw

    path = made(tmp_path / "a.pdf", *(page(index) for index in range(6)))
    assert text_of(path) == "\n\n".join(plain(sentence(40, 9 * index)) for index in range(6))


@pytest.mark.parametrize("form", ["{}", "- {} -", "Page {}", "Page {} of 3", "{} / 3"])
def test_page_numbers_are_left_out_wherever_they_stand(tmp_path: Path, form: str) -> None:
    def page(index: int):
        def draw(canvas: Canvas) -> None:
            column(canvas, wrapped(sentence(30, 9 * index), 400), 54, 700)
            column(canvas, [form.format(index + 1)], 54 + 400 * (index % 2), 30)

        return draw

    path = made(tmp_path / "a.pdf", *(page(index) for index in range(3)))
    assert text_of(path) == "\n\n".join(plain(sentence(30, 9 * index)) for index in range(3))


def test_numbers_that_do_not_grow_with_the_pages_are_text(tmp_path: Path) -> None:
    def page(index: int):
        def draw(canvas: Canvas) -> None:
            column(canvas, wrapped(sentence(30, 9 * index), 400), 54, 700)
            column(canvas, [str((7, 3, 5)[index])], 54, 600)

        return draw

    path = made(tmp_path / "a.pdf", *(page(index) for index in range(3)))
    assert text_of(path) == "\n\n".join(f"{plain(sentence(30, 9 * index))}\n\n{(7, 3, 5)[index]}" for index in range(3))


def test_titles_that_slides_repeat_are_text(tmp_path: Path) -> None:
    def page(index: int):
        def draw(canvas: Canvas) -> None:
            column(canvas, ["Results"], 54, 700, size=28)
            column(canvas, wrapped(sentence(20, 9 * index), 400, size=18), 54, 600, size=18, leading=22)

        return draw

    path = made(tmp_path / "a.pdf", *(page(index) for index in range(4)))
    assert text_of(path) == "\n\n".join(f"Results\n\n{plain(sentence(20, 9 * index))}" for index in range(4))


def test_pages_that_are_all_alike_are_kept(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        column(canvas, ["This is to certify"], 54, 700)

    assert text_of(made(tmp_path / "a.pdf", draw, draw, draw)) == "\n\n".join(["This is to certify"] * 3)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turned_pages_are_read(tmp_path: Path, turn: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(turn)  # which turns the paper too
        column(canvas, wrapped(PARAGRAPHS[0], 400), 54, 560, 400)

    assert text_of(made(tmp_path / "a.pdf", draw)) == plain(PARAGRAPHS[0])


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_turned_text_that_is_the_page_is_read(tmp_path: Path, turn: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.translate(306, 396)
        canvas.rotate(turn)
        column(canvas, wrapped(PARAGRAPHS[0], 400), -200, 200, 400)

    assert text_of(made(tmp_path / "a.pdf", draw)) == plain(PARAGRAPHS[0])


@pytest.mark.parametrize("angle", [90, 270, 45, 20])
def test_a_stamp_in_the_margin_and_a_watermark_are_left_out(tmp_path: Path, angle: float) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.saveState()
        canvas.translate(30, 300)
        canvas.rotate(angle)
        column(canvas, ["arXiv:1234.56789v1 [cs.CL] 1 Jan 2012"], 0, 0, size=18)
        canvas.restoreState()
        column(canvas, wrapped(PARAGRAPHS[1], 240), 54, 700, 240)

    assert text_of(made(tmp_path / "a.pdf", draw)) == plain(PARAGRAPHS[1])


def test_printers_marks_beside_the_page_are_left_out(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setCropBox((50, 50, 562, 742))
        column(canvas, ["book.indd 12 03.04.2012 11:12"], 60, 20, size=8)
        column(canvas, wrapped(PARAGRAPHS[0], 400), 54, 700, 400)

    assert text_of(made(tmp_path / "a.pdf", draw)) == plain(PARAGRAPHS[0])


def test_what_is_drawn_twice_is_read_once(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        column(canvas, ["A heading in poor man's bold"], 54, 700)
        column(canvas, ["A heading in poor man's bold"], 54.4, 700)

    assert text_of(made(tmp_path / "a.pdf", draw)) == "A heading in poor man's bold"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.integers(30, 70), st.integers(0, 60)), min_size=3, max_size=6),
    st.booleans(),
)
def test_any_paragraphs_in_any_columns_come_back(
    tmp_path: Path, count: int, given: list[tuple[int, int]], spread: bool
) -> None:
    texts = [sentence(length, start) for length, start in given]
    width = (504 - 18 * (count - 1)) / count

    def draw(canvas: Canvas) -> None:
        x, y = 54.0, 740.0
        for number, text in enumerate(texts):
            if number and number * count // len(texts) != (number - 1) * count // len(texts):
                x, y = x + width + 18, 740.0
            y = column(canvas, wrapped(text, width, indent=12), x, y, width if spread else 0, indent=12)

    if count <= len(texts):
        assert text_of(made(tmp_path / "a.pdf", draw)) == "\n\n".join(map(plain, texts))
