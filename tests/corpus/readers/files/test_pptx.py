"""Presentations and workbooks, letter by letter."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office_files import WORD_NAMES, cut_anywhere, never_crashes, one, relations, tolerant, zipped
from pptx import Presentation
from pptx.util import Inches

from hornbook.corpus.readers.files.office.pptx import Pptx
from hornbook.corpus.readers.files.office.xlsx import Xlsx
from hornbook.corpus.readers.formats import records

NAMES = WORD_NAMES + ' xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'


def pptx(path: Path, *slides: str, shows: tuple[str, ...] = (), **parts: str) -> Path:
    names = {f"s{number}": ("slide", f"slides/slide{number}.xml") for number, _ in enumerate(slides)}
    ids = "".join(f'<p:sldId r:id="{name}"/>' for name in names)
    shown = [*shows, *["1"] * len(slides)]
    return zipped(
        path,
        {
            "_rels/.rels": relations({"r": ("officeDocument", "ppt/presentation.xml")}),
            "ppt/presentation.xml": f"<p:presentation {NAMES}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": relations(names),
            **{
                f"ppt/slides/slide{number}.xml": f'<p:sld {NAMES} show="{shown[number]}"><p:cSld><p:spTree>{body}'
                "</p:spTree></p:cSld></p:sld>"
                for number, body in enumerate(slides)
            },
            **parts,
        },
    )


def shape(text: str, kind: str = "-", place: str = "", idx: str = "") -> str:
    holder = "" if kind == "-" else f'<p:ph type="{kind}"/>' if kind else f'<p:ph idx="{idx}"/>'
    x, _, y = place.partition(",")
    where = f'<p:spPr><a:xfrm><a:off x="{x}" y="{y}"/></a:xfrm></p:spPr>' if place else "<p:spPr/>"
    body = text if text.startswith("<a:p>") else f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>"
    return f"<p:sp><p:nvSpPr><p:nvPr>{holder}</p:nvPr></p:nvSpPr>{where}<p:txBody><a:bodyPr/>{body}</p:txBody></p:sp>"


def par(text: str, properties: str = "<a:pPr/>") -> str:
    return f"<a:p>{properties}<a:r><a:t>{text}</a:t></a:r></a:p>"


def numbered(text: str, form: str, level: int = 0, start: str = "1") -> str:
    return par(text, f'<a:pPr lvl="{level}"><a:buAutoNum type="{form}" startAt="{start}"/></a:pPr>')


def cell(text: str, attributes: str = "") -> str:
    return f"<a:tc {attributes}><a:txBody>{par(text)}</a:txBody></a:tc>"


SLIDES = [
    (shape("body") + shape("Title", "title"), "Title\n\nbody"),
    (shape("low", place="0,900000") + shape("high", place="0,10"), "high\n\nlow"),
    (shape("right", place="500,10") + shape("left", place="0,100"), "left\n\nright"),
    (shape("x") + shape("1", "sldNum") + shape("foot", "ftr") + shape("May", "dt"), "x"),
    (shape(par("a") + par("b")), "a\n\nb"),
    (shape(par("a", '<a:pPr><a:buChar char="•"/></a:pPr>') + par("b", '<a:pPr lvl="1"><a:buChar char="•"/></a:pPr>')),
     "- a\n  - b"),
    (shape(numbered("a", "arabicPeriod") + numbered("b", "arabicPeriod")), "1. a\n2. b"),
    (shape(numbered("a", "alphaLcParenR", start="3") + numbered("b", "romanUcPeriod", 1)), "c) a\n  I. b"),
    (shape("<a:p><a:r><a:t>a</a:t></a:r><a:br/><a:r><a:t>b</a:t></a:r></a:p>"), "a\nb"),
    (shape("<a:p><a:r><a:t>10</a:t></a:r><a:r><a:rPr baseline='30000'/><a:t>6</a:t></a:r></a:p>"), "10⁶"),
    (shape("<a:p><a:fld type='slidenum'><a:t>7</a:t></a:fld><a:r><a:t>x</a:t></a:r></a:p>"), "x"),
    (shape("<a:p><mc:AlternateContent><mc:Choice Requires='a14'>"
           "<m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath></mc:Choice>"
           "<mc:Fallback><a:r><a:t>picture</a:t></a:r></mc:Fallback></mc:AlternateContent></a:p>"), "$x=1$"),
    (shape("Two\v lines".replace("\v", "_x000B_"), "ctrTitle") + shape("sub", "subTitle"), "Two lines\n\nsub"),
    ("<p:grpSp>" + shape("in", place="0,9000000") + shape("group", place="0,1") + "</p:grpSp>", "group\n\nin"),
    ("<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tr>" + cell("a", 'gridSpan="2"') + cell("no", 'hMerge="1"')
     + cell("b") + "</a:tr><a:tr>" + cell("no", 'vMerge="1"') + cell("c") + cell("d")
     + "</a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>", "a | b\n | c | d"),
    ("<mc:AlternateContent><mc:Choice>" + shape("new") + "</mc:Choice><mc:Fallback>" + shape("old")
     + "</mc:Fallback></mc:AlternateContent>", "new"),
    ("<p:pic><p:nvPicPr><p:cNvPr descr='a cat'/></p:nvPicPr></p:pic>" + shape("x"), "x"),
]  # fmt: skip


@pytest.mark.parametrize(("slide", "text"), SLIDES)
def test_a_slide_becomes_this_text(tmp_path: Path, slide: str, text: str) -> None:
    assert one(Pptx(), pptx(tmp_path / "a.pptx", slide)).text == text


def test_hidden_slides_and_notes(tmp_path: Path) -> None:
    notes = (
        f"<p:notes {NAMES}><p:cSld><p:spTree>{shape('say', 'body')}{shape('1', 'sldNum')}</p:spTree></p:cSld></p:notes>"
    )
    parts = {"ppt/slides/_rels/slide0.xml.rels": relations({"n": ("notesSlide", "../notesSlides/n.xml")}),
             "ppt/notesSlides/n.xml": notes}  # fmt: skip
    path = pptx(tmp_path / "a.pptx", shape("one"), shape("two"), shows=("1", "0"), **parts)
    assert one(Pptx(), path).text == "one"
    assert one(Pptx(speaker_notes=True, hidden_slides=True), path).text == "one\n\nsay\n\ntwo"


def test_a_missing_slide_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = pptx(tmp_path / "a.pptx", shape("x"), **{"ppt/_rels/presentation.xml.rels": relations({})})
    found, bad, _ = tolerant(Pptx(), path)
    assert ([error.reason for error in bad], [record.text for record in found]) == (["a slide is missing"], [""])


def test_what_python_pptx_writes(tmp_path: Path) -> None:
    made = Presentation()
    first = made.slides.add_slide(made.slide_layouts[0])
    first.shapes.title.text, first.placeholders[1].text = "The Talk", "by me"
    second = made.slides.add_slide(made.slide_layouts[1])
    second.shapes.title.text = "Points"
    second.placeholders[1].text = "First\nSecond"
    second.placeholders[1].text_frame.add_paragraph().text = "Inner"
    second.placeholders[1].text_frame.paragraphs[2].level = 1
    table = second.shapes.add_table(2, 2, Inches(1), Inches(5), Inches(5), Inches(1)).table
    table.cell(0, 0).text, table.cell(1, 1).text = "a", "d"
    second.notes_slide.notes_text_frame.text = "Say this."
    made.core_properties.author, made.core_properties.title = "Ann", ""
    made.save(str(tmp_path / "a.pptx"))
    (record,) = records(tmp_path / "a.pptx")
    text = "The Talk\n\nby me\n\nPoints\n\n- First\n- Second\n  - Inner\n\na |\n | d"
    assert record.text == text
    assert (record.meta["title"], record.meta["authors"]) == ("The Talk", ["Ann"])
    assert record.meta["sections"] == ["The Talk", "Points"]
    assert one(Pptx(speaker_notes=True), tmp_path / "a.pptx").text == text + "\n\nSay this."


SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def xlsx(path: Path, rows: str, shared: str = "", state: str = "visible") -> Path:
    related = {"s": ("worksheet", "worksheets/a.xml"), "t": ("worksheet", "worksheets/b.xml"),
               "h": ("sharedStrings", "shared.xml"), "y": ("styles", "styles.xml")}  # fmt: skip
    names = f'xmlns="{SHEETS}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    return zipped(
        path,
        {
            "_rels/.rels": relations({"r": ("officeDocument", "xl/workbook.xml")}),
            "xl/workbook.xml": f'<workbook {names}><sheets><sheet name="One" r:id="s"/><sheet name="Two" r:id="t" '
            f'state="{state}"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": relations(related),
            "xl/shared.xml": f"<sst {names}>{shared}</sst>",
            "xl/styles.xml": f"<styleSheet {names}><numFmts>"
            '<numFmt numFmtId="170" formatCode="[Red]0.0&quot;day&quot;"/>'
            '<numFmt numFmtId="171" formatCode="dd/mm/yyyy"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
            '<xf numFmtId="170"/><xf numFmtId="171"/></cellXfs></styleSheet>',
            "xl/worksheets/a.xml": f"<worksheet {names}><sheetData>{rows}</sheetData></worksheet>",
            "xl/worksheets/b.xml": f'<worksheet {names}><sheetData><row><c r="A1"><v>9</v></c></row>'
            "</sheetData></worksheet>",
        },
    )


def test_a_workbook(tmp_path: Path) -> None:
    shared = "<si><t>Name</t></si><si><r><t>ri</t></r><r><t>ch</t></r><rPh><t>no</t></rPh></si>"
    rows = (
        '<row><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>in line</t></is></c></row>'
        '<row><c r="A2" t="s"><v>1</v></c><c r="B2"><f>A1*2</f><v>3.5</v></c><c r="C2" t="b"><v>1</v></c></row>'
        '<row><c r="A3" s="1"><v>44197</v></c><c r="B3" s="3"><v>44197.5</v></c><c r="C3" s="2"><v>7</v></c></row>'
        '<row><c r="A4" t="s"><v>99</v></c><c r="XFD4"/></row>'
    )
    path = xlsx(tmp_path / "a.xlsx", rows, shared)
    text = "One\n\nName |  | in line\nrich | 3.5 | TRUE\n2021-01-01 | 2021-01-01 12:00:00 | 7"
    assert [record.text for record in records(path)] == [text + "\n\nTwo\n\n9"]
    assert one(Xlsx(), xlsx(tmp_path / "b.xlsx", rows, shared, "hidden")).text == text


@pytest.mark.parametrize(
    ("reader", "make", "main"), [(Pptx(), pptx, "ppt/presentation.xml"), (Xlsx(), xlsx, "xl/workbook.xml")]
)
def test_hostile_and_cut_files_are_named(tmp_path: Path, reader: object, make: object, main: str) -> None:
    path = make(tmp_path / "a.bin", "")  # type: ignore[operator]
    assert cut_anywhere(reader, path) >= 60
    laughs = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>'
    for content, reason in [(laughs, "XML that declares entities"), ("<d", "not sound XML")]:
        bad = zipped(tmp_path / "b.bin", {main: content})
        assert [error.reason for error in tolerant(reader, bad)[1]] == [reason]
    assert next(error.reason for error in tolerant(reader, zipped(path, {main: "<d/>"}))[1]).startswith("no ")


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.integers(0, 3000), st.booleans())
def test_any_bytes_are_read_or_refused(tmp_path: Path, noise: bytes, place: int, slides: bool) -> None:
    path = pptx(tmp_path / "a", shape("x")) if slides else xlsx(tmp_path / "a", "<row><c><v>1</v></c></row>")
    data = path.read_bytes()
    place %= len(data)
    reader = Pptx() if slides else Xlsx()
    never_crashes(reader, tmp_path / "noise", data[:place] + noise + data[place + len(noise) :])
