"""Texts, slides and sheets of OpenDocument, letter by letter."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odf.opendocument import OpenDocumentPresentation, OpenDocumentSpreadsheet, OpenDocumentText
from odf.table import Table, TableCell, TableRow
from odf.text import H, P
from office_files import cut_anywhere, never_crashes, one, tolerant, zipped

from hornbook.corpus.readers.files.office.odf import OpenDocument
from hornbook.corpus.readers.formats import records

NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{full}:1.0"'
    for name, full in [("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"), ("style",
     "style"),
                       ("presentation", "presentation"), ("meta", "meta")]
) + ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'  # fmt: skip
STYLES = """<office:automatic-styles>
<style:style style:name="Hidden"><style:text-properties text:display="none"/></style:style>
<style:style style:name="Up"><style:text-properties style:text-position="super 58%"/></style:style>
<style:style style:name="P1" style:parent-style-name="Preformatted_20_Text"/>
<style:style style:name="Off"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>
<text:list-style style:name="L1">
<text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>
<text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix=")" text:display-levels="2"/>
</text:list-style>
<text:list-style style:name="L2"><text:list-level-style-number text:level="1" style:num-format="I" style:num-prefix="("
style:num-suffix=")" text:start-value="4"/></text:list-style></office:automatic-styles>"""


def odf(path: Path, body: str, kind: str = "text", **parts: str) -> Path:
    content = (
        f"<office:document-content {NAMES}>{STYLES}<office:body><office:{kind}>{body}</office:{kind}></office:body>"
    )
    return zipped(path, {"mimetype": "x", "content.xml": content + "</office:document-content>", **parts})


def p(text: str, style: str = "") -> str:
    return f'<text:p text:style-name="{style}">{text}</text:p>'


def items(*texts: str) -> str:
    return "".join(f"<text:list-item>{text}</text:list-item>" for text in texts)


BODIES = [
    (p("One") + p("Two"), "One\n\nTwo"),
    ("<text:h text:outline-level='1'>Head</text:h>" + p("x"), "Head\n\nx"),
    (p("a  \n b<text:s text:c='3'/>c<text:tab/>d<text:line-break/>e"), "a b   c\td\ne"),
    (p("<text:s/>x<text:span> y</text:span><text:span>z </text:span> w"), "x yz w"),
    (p("seen<text:span text:style-name='Hidden'>no</text:span>") + p("no", "Hidden"), "seen"),
    (p("10<text:span text:style-name='Up'>6</text:span>"), "10⁶"),
    (p("<text:a xlink:href='http://x'>link</text:a> on"), "link on"),
    (p("a<text:note><text:note-citation>1</text:note-citation><text:note-body>" + p("The note.") + "</text:note-body>"
       "</text:note> b") + p("c"), "a b\n\nc\n\nThe note."),
    (p("a<office:annotation>" + p("comment") + "</office:annotation>b"), "ab"),
    ("<text:tracked-changes><text:changed-region><text:deletion>" + p("gone") + "</text:deletion></text:changed-region>"
     "</text:tracked-changes>" + p("a<text:change-start/>new<text:change-end/>"), "anew"),
    ("<text:table-of-content><text:index-body>" + p("One 1") + "</text:index-body></text:table-of-content>"
     + p("x"), "x"),
    ("<text:section>" + p("in a section") + "</text:section>", "in a section"),
    ("<text:list>" + items(p("a"), p("b")) + "</text:list>" + p("x"), "- a\n- b\n\nx"),
    ("<text:list text:style-name='L1'>" + items(p("a"), p("b") + "<text:list>" + items(p("i"), p("j"))
     + "</text:list>", p("c"))
     + "</text:list>", "1. a\n2. b\n  2.a) i\n  2.b) j\n3. c"),
    ("<text:list text:style-name='L2'>" + items(p("a"), p("b")) + "</text:list>", "(IV) a\n(V) b"),
    ("<text:list text:style-name='L1'><text:list-item text:start-value='8'>" + p("a") + "</text:list-item></text:list>",
     "8. a"),
    ("<text:list xml:id='l' text:style-name='L1'>" + items(p("a")) + "</text:list>" + p("x") + "<text:list "
     "text:style-name='L1' text:continue-numbering='true'>" + items(p("b")) + "</text:list>"
     "<text:list text:style-name='L2' text:continue-list='l'>" + items(p("c")) + "</text:list>",
     "1. a\n\nx\n\n2. b\n(II) c"),
    ("<text:list><text:list-header>" + p("head") + "</text:list-header></text:list>", "head"),
    ("<table:table><table:table-header-rows><table:table-row><table:table-cell>" + p("a") + "</table:table-cell>"
     "<table:table-cell>" + p("b") + "</table:table-cell></table:table-row></table:table-header-rows><table:table-row>"
     "<table:table-cell>" + p("1") + p("2")
     + "</table:table-cell><table:covered-table-cell/></table:table-row></table:table>",
     "a | b\n1 2 |"),
    (p("before<draw:frame><draw:text-box>" + p("boxed") + "</draw:text-box></draw:frame>after"),
     "beforeafter\n\nboxed"),
    (p("if x:", "P1") + p("<text:s text:c='4'/>go()", "P1") + p("y"), "if x:\n    go()\n\ny"),
    (p("<text:ruby><text:ruby-base>漢</text:ruby-base><text:ruby-text>かん</text:ruby-text></text:ruby>"), "漢"),
    (p("page <text:page-number>7</text:page-number>"), "page"),
    (p("E<draw:frame><draw:object xlink:href='./Object 1'/></draw:frame>"), "E$x^2$"),
]  # fmt: skip
FORMULA = """<math xmlns="http://www.w3.org/1998/Math/MathML"><semantics><msup><mi>x</mi><mn>2</mn></msup>
<annotation encoding="StarMath 5.0">x^2</annotation></semantics></math>"""


@pytest.mark.parametrize(("body", "text"), BODIES)
def test_a_body_becomes_this_text(tmp_path: Path, body: str, text: str) -> None:
    assert one(OpenDocument(), odf(tmp_path / "a.odt", body, **{"Object 1/content.xml": FORMULA})).text == text


def test_facts(tmp_path: Path) -> None:
    meta = f"""<office:document-meta {NAMES}><office:meta><dc:title>T</dc:title>
    <meta:initial-creator>Ann</meta:initial-creator><meta:creation-date>2020-01-02T03:04:05.123456789</meta:creation-date><dc:language>de-DE</dc:language>
    <meta:keyword>k</meta:keyword></office:meta></office:document-meta>"""
    path = odf(tmp_path / "a.odt", "<text:h>H</text:h>", **{"meta.xml": meta})
    facts = {"title": "T", "authors": ["Ann"], "date": "2020-01-02T03:04:05", "language": "de-DE", "tags": ["k"],
             "sections": ["H"]}  # fmt: skip
    assert list(records(path)) == [(1, "H", facts, "")]


def slide(title: str, body: str, style: str = "", notes: str = "") -> str:
    return f"""<draw:page draw:style-name="{style}"><draw:frame><draw:text-box>{body}</draw:text-box></draw:frame>
    <draw:frame presentation:class="title"><draw:text-box>{p(title)}</draw:text-box></draw:frame>
    <draw:frame presentation:class="outline" presentation:placeholder="true"><draw:text-box>{p("Click")}</draw:text-box>
    </draw:frame><draw:frame presentation:class="footer"><draw:text-box>{p("foot")}</draw:text-box></draw:frame>
    <presentation:notes><draw:frame><draw:text-box>{p(notes)}</draw:text-box></draw:frame></presentation:notes></draw:page>"""


def test_slides(tmp_path: Path) -> None:
    body = slide("One", p("body"), notes="say it") + slide("Two", p("hidden"), "Off") + slide("Three", p("end"))
    path = odf(tmp_path / "a.odp", body, "presentation")
    assert one(OpenDocument(), path).text == "One\n\nbody\n\nThree\n\nend"
    everything = OpenDocument(speaker_notes=True, hidden_slides=True)
    assert one(everything, path).text == "One\n\nbody\n\nsay it\n\nTwo\n\nhidden\n\nThree\n\nend"


def test_sheets_and_what_they_repeat(tmp_path: Path) -> None:
    def cell(text: str, times: str = "1") -> str:
        return f"<table:table-cell table:number-columns-repeated='{times}'>{p(text) if text else ''}</table:table-cell>"

    body = (
        f"<table:table table:name='First'><table:table-row>{cell('a')}{cell('', '2')}{cell('b')}{cell('', '16381')}"
        f"</table:table-row><table:table-row table:number-rows-repeated='2'>{cell('1', '2')}</table:table-row>"
        f"<table:table-row table:number-rows-repeated='1048570'>{cell('', '16384')}</table:table-row></table:table>"
        "<table:table table:name='Empty'/>"
    )
    path = odf(tmp_path / "a.ods", body, "spreadsheet")
    assert one(OpenDocument(), path).text == "First\n\na |  |  | b\n1 | 1\n1 | 1"
    bomb = "<table:table table:name='x'><table:table-row table:number-rows-repeated='999999999'>"
    bomb += cell("x" * 999, "999999")
    path = odf(tmp_path / "b.ods", bomb + "</table:table-row></table:table>", "spreadsheet")
    assert len(one(OpenDocument(), path).text) < 100_000_000


def test_what_a_library_writes(tmp_path: Path) -> None:
    text = OpenDocumentText()
    text.text.addElement(H(outlinelevel=1, text="Head"))
    text.text.addElement(P(text="Words & more."))
    text.save(str(tmp_path / "a.odt"))
    sheet = OpenDocumentSpreadsheet()
    table, row = Table(name="S"), TableRow()
    for value in ("a", "b"):
        cell = TableCell()
        cell.addElement(P(text=value))
        row.addElement(cell)
    table.addElement(row)
    sheet.spreadsheet.addElement(table)
    sheet.save(str(tmp_path / "a.ods"))
    OpenDocumentPresentation().save(str(tmp_path / "a.odp"))
    assert one(OpenDocument(), tmp_path / "a.odt").text == "Head\n\nWords & more."
    assert one(OpenDocument(), tmp_path / "a.ods").text == "S\n\na | b"
    assert one(OpenDocument(), tmp_path / "a.odp").text == ""


def test_an_encrypted_document_is_named(tmp_path: Path) -> None:
    path = odf(tmp_path / "a.odt", "", **{"META-INF/manifest.xml": "<m><manifest:encryption-data/></m>"})
    assert [error.reason for error in tolerant(OpenDocument(), path)[1]] == ["encrypted"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>', "XML that declares entities"),
        ("<office", "not sound XML"),
        ("<office/>", "no OpenDocument"),
        ("<a>" * 150 + "<b>" * 100 + "</b>" * 100 + "</a>" * 150, "XML nested too deeply"),
    ],
)
def test_a_hostile_document_is_named(tmp_path: Path, content: str, reason: str) -> None:
    path = odf(tmp_path / "a.odt", "", **{"content.xml": content})
    assert [error.reason for error in tolerant(OpenDocument(), path)[1]] == [reason]


def test_a_cut_document_is_named(tmp_path: Path) -> None:
    assert cut_anywhere(OpenDocument(), odf(tmp_path / "a.odt", p("x"))) >= 60


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.integers(0, 2000))
def test_any_bytes_are_read_or_refused(tmp_path: Path, noise: bytes, place: int) -> None:
    data = odf(tmp_path / "a.odt", p("x")).read_bytes()
    place %= len(data)
    never_crashes(OpenDocument(), tmp_path / "noise.odt", data[:place] + noise + data[place + len(noise) :])
