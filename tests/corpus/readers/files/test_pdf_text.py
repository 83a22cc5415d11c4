"""PDF: what becomes of hyphens, ligatures, paragraphs, headings, lists, marks, code and tables, letter by letter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from pdf_maker import column, lettered, made, plain, sentence, text_of, wrapped
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

LINE = "so that the line before it is as long as all the others are"


def of_lines(path: Path, lines: Sequence[str], **how: float | str) -> str:
    """Return what is read of lines that are drawn one below the other."""

    def draw(canvas: Canvas) -> None:
        column(canvas, lines, 54, 700, **how)  # type: ignore[arg-type]

    return text_of(made(path / "a.pdf", draw))


@pytest.mark.parametrize(
    ("before", "behind", "more", "expected"),
    [
        ("the lan-", "guage of all", "", "the language of all"),
        ("the well-", "known one", "a well-known fact", "the well-known one"),
        ("the well-", "read one", "a well-known fact", "the well-read one"),
        ("a rule-", "based one", "a lexicon-based one", "a rule-based one"),
        ("the state-of-", "the-art one", "", "the state-of-the-art one"),
        ("the re-", "read one", "we reread and re-read and re-read", "the re-read one"),
        ("the Jean-", "Paul of it", "", "the Jean-Paul of it"),
        ("in INFOR-", "MATION here", "", "in INFORMATION here"),
        ("from 1990-", "1995 on", "", "from 1990-1995 on"),
        ("from 1990–", "1995 on", "", "from 1990–1995 on"),
        ("of that -", "or another", "", "of that - or another"),
        ("of that—", "or another", "", "of that—or another"),
        ("at https://a.org/", "page now", "", "at https://a.org/page now"),
        ("the and/", "or of it", "", "the and/ or of it"),
        ("the soft\u00ad", "ness of it", "", "the softness of it"),
    ],
)
def test_line_ends(tmp_path: Path, before: str, behind: str, more: str, expected: str) -> None:
    head = f"{LINE} {LINE}"
    lines = [f"{head} {before}", f"{behind} {head}"]
    text = of_lines(tmp_path, [*lines, "", "", more] if more else lines)
    assert text == f"{head} {expected} {head}" + (f"\n\n{more}" if more else "")


@pytest.mark.parametrize(
    ("drawn", "read"),
    [
        ("ﬁnd the oﬃce ﬂoor, eﬀect, baﬄe", "find the office floor, effect, baffle"),
        ("a\u00adb", "a-b"),
        ("naïve café Straße", "naïve café Straße"),
        ("½ ² Ⅳ ™", "½ ² Ⅳ ™"),
    ],
)
def test_letters(tmp_path: Path, drawn: str, read: str) -> None:
    assert text_of(lettered(tmp_path / "a.pdf", [(50, 700, drawn)])) == read


def test_letters_beyond_the_first_plane(tmp_path: Path) -> None:
    assert text_of(lettered(tmp_path / "a.pdf", [(50, 700, "𝛼+𝛽=𝑥")])) == "𝛼+𝛽=𝑥"


FIRST, SECOND = sentence(45, 3), sentence(45, 20)


@pytest.mark.parametrize("indent", [0.0, 10.0, 15.0, 30.0])
@pytest.mark.parametrize("gap", [0.0, 6.0, 12.0])
@pytest.mark.parametrize("spread", [0.0, 300.0])
def test_paragraphs(tmp_path: Path, indent: float, gap: float, spread: float) -> None:
    if not indent and not gap:
        first, second = FIRST + " It ends.", SECOND  # told by the short line alone
        assert stringWidth(wrapped(first, 300)[-1], "Times-Roman", 10) < 220
    else:
        first, second = FIRST, SECOND

    def draw(canvas: Canvas) -> None:
        y = column(canvas, wrapped(first, 300, indent=indent), 54, 700, spread, indent=indent)
        column(canvas, wrapped(second, 300, indent=indent), 54, y - gap, spread, indent=indent)

    assert text_of(made(tmp_path / "a.pdf", draw)) == f"{plain(first)}\n\n{plain(second)}"


def test_indented_paragraphs_whose_lines_are_full(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        y = 700.0
        for text in (FIRST, SECOND):
            lines = wrapped(text, 300, indent=15)
            y = column(canvas, [*lines[:-1], lines[-2].replace("-", ".")], 54, y, 300, indent=15)

    read = text_of(made(tmp_path / "a.pdf", draw))
    assert read.count("\n\n") == 1 and read.split("\n\n")[1].startswith(plain(SECOND)[:40])


@pytest.mark.parametrize("font", ["Times-Bold", "Times-Roman"])
@pytest.mark.parametrize("size", [10, 14, 18])
def test_headings_are_lines_of_their_own(tmp_path: Path, font: str, size: float) -> None:
    gap = 8 if (font, size) == ("Times-Roman", 10) else 0

    def draw(canvas: Canvas) -> None:
        y = column(canvas, wrapped(FIRST, 300), 54, 700, 300)
        y = column(canvas, ["2.1 Ships and weather"], 54, y - size + 10 - gap, size=size, font=font, leading=12)
        column(canvas, wrapped(SECOND, 300), 54, y - gap, 300)

    assert text_of(made(tmp_path / "a.pdf", draw)) == f"{plain(FIRST)}\n\n2.1 Ships and weather\n\n{plain(SECOND)}"


def test_a_heading_of_two_lines_is_one(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Times-Bold", 18)
        canvas.drawCentredString(306, 700, "On the letters of merchants and")
        canvas.drawCentredString(306, 678, "their brothers in a harbour")
        column(canvas, wrapped(FIRST, 500), 54, 640, 500)

    heading = "On the letters of merchants and their brothers in a harbour"
    assert text_of(made(tmp_path / "a.pdf", draw)) == f"{heading}\n\n{plain(FIRST)}"


def test_lines_of_an_address_stay_lines(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        column(canvas, ["Ada Lovelace", "12 St James's Square", "London"], 54, 740)
        column(canvas, wrapped(FIRST, 500), 54, 640, 500)

    address = "Ada Lovelace\n12 St James's Square\nLondon"
    assert text_of(made(tmp_path / "a.pdf", draw)) == f"{address}\n\n{plain(FIRST)}"


@pytest.mark.parametrize(
    ("marks", "written"),
    [("•••", "---"), ("–––", "---"), ("***", "---"), ("▪▪▪", "---"), ("○○○", "---")],
)
def test_bullets(tmp_path: Path, marks: str, written: str) -> None:
    items = ["ships", "weather", "money"]
    lines = [
        place
        for number, (mark, item) in enumerate(zip(marks, items, strict=True))
        for place in ((60, 700 - 14 * number, mark), (80, 700 - 14 * number, item))
    ]
    expected = "\n".join(f"{mark} {item}" for mark, item in zip(written, items, strict=True))
    assert text_of(lettered(tmp_path / "a.pdf", lines)) == expected


@pytest.mark.parametrize("form", ["{}.", "{})", "({})", "[{}]"])
def test_numbered_items_of_several_lines(tmp_path: Path, form: str) -> None:
    items = [sentence(30, 5), sentence(25, 12), sentence(28, 33)]

    def draw(canvas: Canvas) -> None:
        y = 700.0
        for number, item in enumerate(items, start=1):
            canvas.setFont("Times-Roman", 10)
            canvas.drawString(54, y, form.format(number))
            y = column(canvas, wrapped(item, 300), 74, y, 300)

    expected = "\n".join(f"{form.format(number)} {plain(item)}" for number, item in enumerate(items, start=1))
    assert text_of(made(tmp_path / "a.pdf", draw)) == expected


@pytest.mark.parametrize(
    ("mark", "read"), [("1", "¹"), ("12", "¹²"), ("1,2", "¹,²"), ("−3", "⁻³"), ("st", "st"), ("*", "*")]
)
def test_raised_marks(tmp_path: Path, mark: str, read: str) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Times-Roman", 10)
        canvas.drawString(54, 700, "The old harbour")
        x = 54 + stringWidth("The old harbour", "Times-Roman", 10)
        canvas.setFont("Times-Roman", 7)
        canvas.drawString(x, 704, mark.replace("−", "-"))
        x += stringWidth(mark.replace("−", "-"), "Times-Roman", 7)
        canvas.setFont("Times-Roman", 10)
        canvas.drawString(x, 700, " is there.")

    assert text_of(made(tmp_path / "a.pdf", draw)) == f"The old harbour{read} is there."


def test_lowered_marks_stay_in_their_word(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        x = 54.0
        for piece, size, y in (("The H", 10, 700), ("2", 7, 698), ("O of it", 10, 700)):
            canvas.setFont("Times-Roman", size)
            canvas.drawString(x, y, piece)
            x += stringWidth(piece, "Times-Roman", size)

    assert text_of(made(tmp_path / "a.pdf", draw)) == "The H2O of it"


def test_a_note_begins_with_its_mark(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        column(canvas, wrapped(FIRST, 400), 54, 700, 400)
        column(canvas, ["7"], 54, 103, size=6)
        column(canvas, ["Of the letters that are kept there."], 58, 100, size=8)

    assert text_of(made(tmp_path / "a.pdf", draw)) == f"{plain(FIRST)}\n\n⁷ Of the letters that are kept there."


@pytest.mark.parametrize(("letter", "rest"), [("T", "he merchant"), ("W", "hoever"), ("A", " merchant")])
def test_large_initials(tmp_path: Path, letter: str, rest: str) -> None:
    text = f"{rest.strip()} {sentence(60, 4)}"

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Times-Roman", 34)
        canvas.drawString(54, 676, letter)
        side = 54 + stringWidth(letter, "Times-Roman", 34) + 4
        lines = wrapped(text, 300 - (side - 54))
        column(canvas, lines[:3], side, 700)
        column(canvas, wrapped(plain(" ".join(lines[3:]).replace("- ", "")), 300), 54, 664)

    assert text_of(made(tmp_path / "a.pdf", draw)) == plain(letter + rest + " " + sentence(60, 4))


@pytest.mark.parametrize("space", [2.0, 4.0, 8.0])
def test_letters_set_apart_are_words(tmp_path: Path, space: float) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Times-Roman", 12)
        canvas.drawString(54, 700, "CHAPTER SEVEN", charSpace=space)

    assert text_of(made(tmp_path / "a.pdf", draw)) == "CHAPTER SEVEN"


CODE = ["def area(side):", "    if side < 0:", "        raise ValueError(side)", "", "    return side  *  side"]


@pytest.mark.parametrize("size", [8, 10])
def test_code_keeps_its_lines_and_indents(tmp_path: Path, size: float) -> None:
    def draw(canvas: Canvas) -> None:
        y = column(canvas, wrapped(FIRST, 300), 54, 700, 300)
        y = column(canvas, CODE, 60, y - 10, size=size, font="Courier")
        column(canvas, wrapped(SECOND, 300), 54, y - 10, 300)

    code = "\n".join(CODE)
    assert text_of(made(tmp_path / "a.pdf", draw)) == f"{plain(FIRST)}\n\n{code}\n\n{plain(SECOND)}"


def test_a_typescript_is_no_code(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        y = column(canvas, wrapped(FIRST, 400, "Courier"), 54, 700, font="Courier", indent=0)
        column(canvas, wrapped(SECOND, 400, "Courier"), 54, y - 12, font="Courier")

    assert text_of(made(tmp_path / "a.pdf", draw)) == f"{plain(FIRST)}\n\n{plain(SECOND)}"


ROWS = [
    ("Town", "People", "Ships"),
    ("Hull", "12,300", "41"),
    ("Whitby", "2,100", "7"),
    ("Bergen op Zoom", "980", "113"),
]


@pytest.mark.parametrize("right", [False, True])
def test_tables_are_rows_of_cells(tmp_path: Path, right: bool) -> None:
    def draw(canvas: Canvas) -> None:
        y = column(canvas, wrapped(FIRST, 400), 54, 700, 400) - 20
        canvas.setFont("Times-Roman", 10)
        for row in ROWS:
            canvas.drawString(54, y, row[0])
            for place, cell in zip((220, 320), row[1:], strict=True):
                (canvas.drawRightString if right else canvas.drawString)(place, y, cell)
            y -= 14
        column(canvas, wrapped(SECOND, 400), 54, y - 10, 400)

    table = "\n".join(" | ".join(row) for row in ROWS)
    assert text_of(made(tmp_path / "a.pdf", draw)) == f"{plain(FIRST)}\n\n{table}\n\n{plain(SECOND)}"


def test_leaders_of_a_list_of_contents_are_short(tmp_path: Path) -> None:
    text = of_lines(tmp_path, ["1 The ship" + " ." * 40 + " 7", "2 The storm and the weather" + " ." * 25 + " 11"])
    assert text == "1 The ship ... 7\n2 The storm and the weather ... 11"


def test_a_quotation_that_is_set_in_is_a_paragraph(tmp_path: Path) -> None:
    quotation = sentence(60, 9)

    def draw(canvas: Canvas) -> None:
        y = column(canvas, wrapped(FIRST, 400), 54, 700, 400)
        y = column(canvas, wrapped(quotation, 340), 84, y - 8, 340)
        column(canvas, wrapped(SECOND, 400), 54, y - 8, 400)

    expected = f"{plain(FIRST)}\n\n{plain(quotation)}\n\n{plain(SECOND)}"
    assert text_of(made(tmp_path / "a.pdf", draw)) == expected


def test_verses_keep_their_lines(tmp_path: Path) -> None:
    verses = ["Tyger Tyger, burning bright,", "In the forests of the night;", "What immortal hand or eye,"]

    def draw(canvas: Canvas) -> None:
        column(canvas, verses, 54, 740)
        column(canvas, wrapped(FIRST, 400), 54, 640, 400)

    assert text_of(made(tmp_path / "a.pdf", draw)) == "\n".join(verses) + f"\n\n{plain(FIRST)}"


@pytest.mark.parametrize("mode", [0, 3])
def test_invisible_text_over_a_picture_is_read(tmp_path: Path, mode: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.rect(0, 0, 612, 792, fill=1)
        text = canvas.beginText(54, 700)
        text.setFont("Times-Roman", 10)
        text.setTextRenderMode(mode)
        text.textLines(wrapped(FIRST, 400))
        canvas.drawText(text)

    assert text_of(made(tmp_path / "a.pdf", draw)) == plain(FIRST)


def test_what_is_filled_into_a_form_is_read(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        column(canvas, ["Name:"], 54, 700, size=12)
        canvas.acroForm.textfield(name="name", value="Ada Lovelace", x=100, y=694, width=200, height=18, borderWidth=0)

    assert text_of(made(tmp_path / "a.pdf", draw)) == "Name: Ada Lovelace"
