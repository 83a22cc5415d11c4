"""PDF: right-to-left scripts, Chinese and Japanese, text written downwards, and fonts that tell no letters."""

from __future__ import annotations

from pathlib import Path

import pytest
from pdf_maker import lettered, raw, stream, text_of
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfgen.canvas import Canvas

from hornbook.corpus.readers.files.pdf.document import Refused, read_document


def lines(path: Path, *texts: str, right: float = 550, step: float = 16) -> str:
    """Return what is read of lines whose letters stand in this order from left to right and end at the right edge."""
    places = [(right - 7.2 * len(text), 700 - step * number, text) for number, text in enumerate(texts)]
    return text_of(lettered(path / "a.pdf", places))


@pytest.mark.parametrize(
    ("drawn", "read"),
    [
        ("םלוע םולש", "שלום עולם"),
        ("ملاعلاب ابحرم", "مرحبا بالعالم"),
        ("1948 תנשב", "בשנת 1948"),
        (".1948 תנשב", "בשנת 1948."),
        ("Bach לש World הריציה", "היצירה World של Bach"),
        ("New York Times ןותיעה", "העיתון New York Times"),
        ("ﻢﻟﺎﻌﻟﺎﺑ ﺎﺒﺣﺮﻣ", "مرحبا بالعالم"),
        ("بﺎﺘﻜﻟﻻا", "الالكتاب"),
    ],
)
def test_right_to_left(tmp_path: Path, drawn: str, read: str) -> None:
    assert lines(tmp_path, drawn) == read


def test_lines_from_right_to_left_are_one_paragraph(tmp_path: Path) -> None:
    first, second = "הזה םלועה לש תומישרה לכ תא ארקנ", "םדאה לש ומלוע תא ריכהל"
    assert lines(tmp_path, first, second) == "נקרא את כל הרשימות של העולם הזה להכיר את עולמו של האדם"


def test_a_word_from_right_to_left_within_a_line(tmp_path: Path) -> None:
    assert (
        text_of(lettered(tmp_path / "a.pdf", [(50, 700, "the word םולש means peace")])) == "the word שלום means peace"
    )


@pytest.mark.parametrize("font", ["HeiseiMin-W3", "STSong-Light", "MSung-Light", "HYSMyeongJo-Medium"])
def test_fonts_of_east_asia_that_are_not_in_the_file(tmp_path: Path, font: str) -> None:
    texts = {
        "HeiseiMin-W3": ("日本語の文章は、語の間に空白を置きません。", "次の行もそうです。"),
        "STSong-Light": ("中文的句子之间没有空格，所以两行之间也没有空", "格。这是第二行。"),
        "MSung-Light": ("中文的句子之間沒有空格，所以兩行之間也沒有空", "格。這是第二行。"),
        "HYSMyeongJo-Medium": ("한국어 문장은 단어 사이에 빈칸을 둡니다 그리고", "두 번째 줄입니다."),
    }[font]
    registerFont(UnicodeCIDFont(font))
    canvas = Canvas(str(tmp_path / "a.pdf"), invariant=1)
    canvas.setFont(font, 12)
    for number, text in enumerate(texts):
        canvas.drawString(54, 700 - 18 * number, text)
    canvas.save()
    between = " " if font.startswith("HY") else ""
    assert text_of(tmp_path / "a.pdf") == between.join(texts)


def downwards(path: Path, encoding: str) -> Path:
    """Write two lines of a font that is not in the file; with Identity-V or UniJIS-UCS2-V they go down the page."""
    shown = ["縦書きの文は上から", "下へ読みます。"]
    parts = " ".join(
        f"1 0 0 1 {500 - 20 * number} 700 Tm <{text.encode('utf-16-be').hex()}> Tj" for number, text in enumerate(shown)
    )
    return raw(
        path,
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        stream(f"BT /F 12 Tf {parts} ET".encode()),
        f"<< /Type /Font /Subtype /Type0 /BaseFont /HeiseiMin-W3 /Encoding /{encoding} /DescendantFonts [6 0 R] >>",
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HeiseiMin-W3 /FontDescriptor 7 0 R"
        " /CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> >>",
        "<< /Type /FontDescriptor /FontName /HeiseiMin-W3 /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0"
        " /Ascent 900 /Descent -200 /CapHeight 700 /StemV 80 >>",
    )


def test_text_of_a_font_that_writes_downwards(tmp_path: Path) -> None:
    assert text_of(downwards(tmp_path / "a.pdf", "UniJIS-UCS2-V")) == "縦書きの文は上から下へ読みます。"


def test_characters_that_are_drawn_one_below_the_other(tmp_path: Path) -> None:
    shown = ["縦書きの文は上から", "下へ読みます。"]
    places = [
        (500.0 - 20 * number, 700.0 - 12 * index, letter)
        for number, text in enumerate(shown)
        for index, letter in enumerate(text)
    ]
    assert text_of(lettered(tmp_path / "a.pdf", places)) == "縦書きの文は上から下へ読みます。"


def test_fonts_that_tell_no_letters_are_refused(tmp_path: Path) -> None:
    path = lettered(tmp_path / "a.pdf", [(50, 700, "\ue001\ue002\ue003\ue004 \ue005\ue006\ufffd")])
    with pytest.raises(Refused, match="fonts that do not tell the letters of 100% of its text") as refused:
        read_document(str(path), lambda: None)
    assert refused.value.reason == "its fonts do not tell their letters"


def test_a_few_signs_that_no_font_tells_are_no_reason(tmp_path: Path) -> None:
    text = text_of(lettered(tmp_path / "a.pdf", [(50, 700, "one sign \ue001 among many letters")]))
    assert text == "one sign \ue001 among many letters"
