"""Documents of Word, letter by letter."""

from __future__ import annotations

from pathlib import Path

import docx as python_docx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office_files import WORD_NAMES, cut_anywhere, docx, never_crashes, one, p, relations, tolerant, zipped

from hornbook.corpus.readers.files.word.docx import Docx
from hornbook.corpus.readers.formats import records


def r(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


def field(code: str, result: str) -> str:
    return (
        f'<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> {code} </w:instrText></w:r>'
        f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{result}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(text)}</w:tc>"


def table(*rows: str) -> str:
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>"


def box(text: str) -> str:
    return (
        f"<mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx><w:txbxContent>{p(text)}</w:txbxContent>"
        f"</wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox><w:txbxContent>{p(text)}</w:txbxContent>"
        "</v:textbox></w:pict></mc:Fallback></mc:AlternateContent>"
    )


def listed(text: str, number: int, level: int = 0) -> str:
    return p(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


def math(inner: str) -> str:
    return f"<w:p><m:oMath>{inner}</m:oMath></w:p>"


def m(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


SYMBOL, WINGDINGS = (f'<w:rFonts w:ascii="{name}" w:hAnsi="{name}"/>' for name in ("Symbol", "Wingdings"))
RAISED, SHOWN, HID = '<w:vertAlign w:val="superscript"/>', '<w:vanish w:val="0"/>', '<w:rStyle w:val="Hid"/>'
BODIES = [
    (p("One") + p("Two"), "One\n\nTwo"),
    ("<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>" + p("Click here to enter text.")
     + "</w:sdtContent></w:sdt>" + p("x"), "x"),
    (f"<w:p>{r('x')}<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{r('Date')}</w:sdtContent></w:sdt></w:p>",
     "x"),
    (f"<w:p>{r('b', SYMBOL)}{r(chr(0xF067), SYMBOL)}{r(' = 1')}</w:p>", "βγ = 1"),
    (f"<w:p>{r(chr(0xF0A7), WINGDINGS)}{r('item')}</w:p>", "item"),
    (p("") + p("  ") + p("x"), "x"),
    (f"<w:p>{r('un')}{r('break', '<w:b/>')}{r('able')}</w:p>", "unbreakable"),
    (p("Two  blanks kept. "), "Two  blanks kept."),
    ("<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>", "a\tb\nc"),
    ("<w:p><w:r><w:t>a</w:t><w:br w:type='page'/><w:t>b</w:t></w:r></w:p>", "a\nb"),
    ("<w:p><w:r><w:t>co</w:t><w:noBreakHyphen/><w:t>op syl</w:t><w:softHyphen/><w:t>la\u00adble</w:t></w:r></w:p>",
     "co\u2011op syllable"),
    ("<w:p><w:r><w:sym w:font='Symbol' w:char='F061'/><w:sym w:font='Wingdings' w:char='F0E0'/><w:sym w:char='263A'/>"
     "</w:r></w:p>", "α☺"),
    (f"<w:p>{r('10')}{r('6', RAISED)}</w:p>", "10⁶"),
    (f"<w:p>{r('the 1')}{r('st', RAISED)}</w:p>", "the 1st"),
    (p("T", '<w:outlineLvl w:val="0"/>') + p("x"), "T\n\nx"),
    (p("heading by style", '<w:pStyle w:val="berschrift1"/>'), "heading by style"),
    (f"<w:p>{r('a')}<w:hyperlink r:id='x'>{r('link')}</w:hyperlink>{r('b')}</w:p>", "alinkb"),
    (f"<w:p>{r('old ')}<w:ins>{r('new')}</w:ins><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>",
     "old new"),
    (f"<w:p><w:moveFrom>{r('away')}</w:moveFrom><w:moveTo>{r('here')}</w:moveTo></w:p>", "here"),
    (p("one ", "<w:rPr><w:del/></w:rPr>") + p("goes on"), "one goes on"),
    (f"<w:p>{r('seen')}{r('hidden', '<w:vanish/>')}{r('!', SHOWN)}</w:p>", "seen!"),
    (f"<w:p>{r('hidden by style', HID)}{r('x')}</w:p>", "x"),
    (f"<w:p><w:commentRangeStart w:id='1'/>{r('a')}<w:commentRangeEnd w:id='1'/>"
     "<w:r><w:commentReference w:id='1'/></w:r>"
     "</w:p>", "a"),
    (f"<w:p>{r('on ')}{field('DATE x', r('1 May'))}{r('.')}</w:p>", "on 1 May."),
    (f"<w:p>{field('HYPERLINK &quot;http://x&quot;', r('link'))}</w:p>", "link"),
    (f"<w:p><w:fldSimple w:instr=' PAGE '>{r('7')}</w:fldSimple>{r('x')}</w:p>", "x"),
    (f"<w:p><w:fldSimple w:instr=' TITLE '>{r('T')}</w:fldSimple></w:p>", "T"),
    (f"<w:p>{field('TOC x', r('One 1</w:t></w:r></w:p><w:p><w:r><w:t>Two 2'))}{r('x')}</w:p>", "x"),
    (f"<w:p>{field('IF ' , field('MERGEFIELD n', r('inner')))}</w:p>", "inner"),
    (f"<w:p>{r('a')}<w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:instrText>broken</w:instrText></w:r></w:p>"
     + p("goes on"), "a\n\ngoes on"),
    (p("Contents", '<w:pStyle w:val="TOC1"/>') + p("x"), "x"),
    ("<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val='Table of Contents'/></w:docPartObj></w:sdtPr>"
     f"<w:sdtContent>{p('One 1')}</w:sdtContent></w:sdt>{p('x')}", "x"),
    (f"<w:sdt><w:sdtContent>{p('in a control')}</w:sdtContent></w:sdt>", "in a control"),
    (f"<w:p>{r('a')}<w:sdt><w:sdtContent>{r('b')}</w:sdtContent></w:sdt><w:smartTag>{r('c')}</w:smartTag></w:p>",
     "abc"),
    (table(cell("a") + cell("b"), cell("1") + cell("2")), "a | b\n1 | 2"),
    (table(cell("a", "<w:gridSpan w:val='2'/>"), cell("1") + cell("2")), "a\n1 | 2"),
    (table(cell("a", "<w:vMerge w:val='restart'/>") + cell("b"), cell("", "<w:vMerge/>") + cell("2")), "a | b\n | 2"),
    (table(cell("a", "<w:hMerge w:val='restart'/>") + cell("", "<w:hMerge/>") + cell("b")), "a | b"),
    (table(cell("one") , cell("column")), "one\n\ncolumn"),
    (table(cell("a") + "<w:tc>" + table(cell("x") + cell("y")) + "</w:tc>"), "a | x y"),
    (table("<w:trPr><w:del/></w:trPr>" + cell("gone") + cell("x"), cell("a") + cell("b")), "a | b"),
    (f"<w:tbl><w:sdt><w:sdtContent><w:tr>{cell('a')}{cell('b')}</w:tr></w:sdtContent></w:sdt></w:tbl>", "a | b"),
    (f"<w:p>{r('before')}<w:r>{box('boxed')}</w:r></w:p>{p('after')}", "before\n\nboxed\n\nafter"),
    ("<w:p><w:r><w:pict><v:textbox><w:txbxContent>" + p("old box")
     + "</w:txbxContent></v:textbox></w:pict></w:r></w:p>",
     "old box"),
    ("<w:p><w:r><w:ruby><w:rt><w:r><w:t>かん</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>漢</w:t></w:r></w:rubyBase></w:ruby>"
     "</w:r></w:p>", "漢"),
    ("<w:p><w:pPr><w:bidi/></w:pPr><w:r><w:rPr><w:rtl/></w:rPr><w:t>שלום (עולם)</w:t></w:r></w:p>", "שלום (עולם)"),
    (p("if x:", '<w:pStyle w:val="Code"/>') + p("    go()", '<w:pStyle w:val="Code"/>') + p("y"),
     "if x:\n    go()\n\ny"),
    (p("see", "") + f"<w:p>{r('x')}" 
     "<w:r><w:footnoteReference w:id='2'/></w:r><w:r><w:endnoteReference w:id='1'/></w:r></w:p>",
     "see\n\nx\n\nThe foot note.\n\nThe end note."),
    (listed("a", 1) + listed("b", 1) + p("x"), "- a\n- b\n\nx"),
    (listed("a", 2) + listed("b", 2) + listed("inner", 2, 1) + listed("inner", 2, 1) + listed("c", 2)
     + listed("d", 2, 1),
     "1. a\n2. b\n  2.a) inner\n  2.b) inner\n3. c\n  3.a) d"),
    (listed("a", 2) + p("between") + listed("b", 2), "1. a\n\nbetween\n\n2. b"),
    (listed("a", 2) + listed("b", 2) + listed("new list", 3) + listed("on", 3), "1. a\n2. b\n7. new list\n8. on"),
    (listed("no list", 0) + listed("none such", 99), "no list\n\nnone such"),
    (listed("", 2) + listed("first with text", 2), "1. first with text"),
    (p("Scope", '<w:pStyle w:val="H2"/>') + p("More", '<w:pStyle w:val="H2"/>'), "Article I Scope\n\nArticle II More"),
    (listed("x", 4) + listed("y", 4), "一、 x\n二、 y"),
    (math(f"<m:f><m:num>{m('a')}</m:num><m:den>{m('b')}</m:den></m:f>"), r"$\frac{a}{b}$"),
    (math(f"<m:sSup><m:e>{m('x')}</m:e><m:sup>{m('2')}</m:sup></m:sSup>{m('+1')}"), "$x^2+1$"),
    (math(f"<m:sSub><m:e>{m('x')}</m:e><m:sub>{m('ij')}</m:sub></m:sSub>"), "$x_{ij}$"),
    (math(f"<m:rad><m:deg>{m('3')}</m:deg><m:e>{m('x')}</m:e></m:rad>"), r"$\sqrt[3]{x}$"),
    (math(f"<m:nary><m:naryPr><m:chr m:val='∑'/></m:naryPr><m:sub>{m('i=1')}</m:sub><m:sup>{m('n')}</m:sup>"
          f"<m:e>{m('i')}</m:e></m:nary>"), "$∑_{i=1}^n i$"),
    (math(f"<m:d><m:dPr><m:begChr m:val='['/><m:endChr m:val=']'/></m:dPr><m:e>{m('x')}</m:e></m:d>"), "$[x]$"),
    (math(f"<m:m><m:mr><m:e>{m('1')}</m:e><m:e>{m('0')}</m:e></m:mr><m:mr><m:e>{m('0')}</m:e><m:e>{m('1')}</m:e></m:mr></m:m>"),
     r"$\begin{matrix}1 & 0 \\ 0 & 1\end{matrix}$"),
    (math(f"<m:acc><m:accPr><m:chr m:val='&#x20D7;'/></m:accPr><m:e>{m('v')}</m:e></m:acc>"), r"$\vec{v}$"),
    (f"<w:p>{r('let ')}<m:oMath>{m('x')}</m:oMath>{r(' be')}</w:p>", "let $x$ be"),
    (f"<w:p><m:oMathPara><m:oMath>{m('x=y')}</m:oMath></m:oMathPara></w:p>", "$$x=y$$"),
    (p("text") + "<w:sectPr><w:headerReference r:id='h'/></w:sectPr>", "text"),
    (p("D", "<w:framePr w:dropCap='drop'/>") + p("rop cap."), "Drop cap."),
    (p("emoji 😀 &amp; &lt;b&gt;"), "emoji 😀 & <b>"),
]  # fmt: skip
STYLES = """
<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>
<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/><w:basedOn w:val="Normal"/></w:style>
<w:style w:type="paragraph" w:styleId="TOC1"><w:name w:val="toc 1"/></w:style>
<w:style w:type="paragraph" w:styleId="Code"><w:name w:val="Source Code"/></w:style>
<w:style w:type="character" w:styleId="Hid"><w:name w:val="Hid"/><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="My"/><w:basedOn w:val="H2base"/></w:style>
<w:style w:type="paragraph" w:styleId="H2base"><w:name w:val="heading 2"/><w:basedOn w:val="H2"/><w:pPr><w:numPr>
<w:numId w:val="5"/></w:numPr><w:outlineLvl w:val="1"/></w:pPr></w:style>"""


def level(number: int, form: str, text: str) -> str:
    return f'<w:lvl w:ilvl="{number}"><w:start w:val="1"/><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/></w:lvl>'


NUMBERING = (
    f'<w:abstractNum w:abstractNumId="0">{level(0, "bullet", "·")}</w:abstractNum>'
    f'<w:abstractNum w:abstractNumId="1">{level(0, "decimal", "%1.")}'
    f"{level(1, 'lowerLetter', '%1.%2)')}</w:abstractNum>"
    f'<w:abstractNum w:abstractNumId="2">{level(0, "upperRoman", "Article %1")}</w:abstractNum>'
    f'<w:abstractNum w:abstractNumId="3">{level(0, "chineseCounting", "%1、")}</w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
    '<w:num w:numId="3"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0">'
    '<w:startOverride w:val="7"/></w:lvlOverride></w:num>'
    '<w:num w:numId="4"><w:abstractNumId w:val="3"/></w:num><w:num w:numId="5"><w:abstractNumId w:val="2"/></w:num>'
)
NOTES = {
    "footnotes": f'<w:footnote w:id="0" w:type="separator">{p("no")}</w:footnote><w:footnote w:id="2">'
    f"{p('The foot note.')}</w:footnote><w:footnote w:id='3'>{p('Never referred to.')}</w:footnote>",
    "endnotes": f'<w:endnote w:id="1">{p("The end note.")}</w:endnote>',
}


@pytest.mark.parametrize(("body", "text"), BODIES)
def test_a_body_becomes_this_text(tmp_path: Path, body: str, text: str) -> None:
    path = docx(tmp_path / "a.docx", body, styles=STYLES, numbering=NUMBERING, **NOTES)
    assert one(Docx(), path).text == text


def test_notes_can_be_left_out(tmp_path: Path) -> None:
    body = f"<w:p>{r('x')}<w:r><w:footnoteReference w:id='2'/></w:r></w:p>"
    assert one(Docx(notes=False), docx(tmp_path / "a.docx", body, **NOTES)).text == "x"


def test_facts_come_from_the_properties(tmp_path: Path) -> None:
    core = """<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
    xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"><dc:title>A Title</dc:title>
    <dc:creator>Ann; Bob</dc:creator><cp:keywords>one, two</cp:keywords><dc:language>fr-FR</dc:language>
    <dcterms:created>2021-03-04T05:06:07Z</dcterms:created></cp:coreProperties>"""
    heading = p("Part", '<w:outlineLvl w:val="0"/>')
    path = docx(tmp_path / "a.docx", heading + p("x"), **{"docProps/core.xml": core})
    facts = {"title": "A Title", "authors": ["Ann", "Bob"], "date": "2021-03-04T05:06:07Z", "language": "fr-FR",
             "tags": ["one", "two"], "sections": ["Part"]}  # fmt: skip
    assert list(records(path)) == [(1, "Part\n\nx", facts, "")]
    assert one(Docx(), docx(tmp_path / "b.docx", heading)).meta == {"title": "Part", "sections": ["Part"]}


def test_the_strict_form_of_the_standard(tmp_path: Path) -> None:
    body = f"<w:document {WORD_NAMES}><w:body>{p('x')}</w:body></w:document>".replace(
        "schemas.openxmlformats.org/wordprocessingml/2006/main", "purl.oclc.org/ooxml/wordprocessingml/main"
    )
    assert one(Docx(), docx(tmp_path / "a.docx", "", **{"word/document.xml": body})).text == "x"


def test_the_text_of_a_diagram(tmp_path: Path) -> None:
    data = """<dgm:dataModel xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"
    xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><dgm:ptLst><dgm:pt><dgm:t><a:p><a:r>
    <a:t>Step one</a:t></a:r></a:p></dgm:t></dgm:pt>
    <dgm:pt><dgm:t><a:p/></dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>"""
    body = "<w:p><w:r><w:t>Plan</w:t><w:drawing><dgm:relIds r:dm='d1'/></w:drawing></w:r></w:p>"
    parts = {"word/_rels/document.xml.rels": relations({"d1": ("diagramData", "diagrams/data1.xml")}),
             "word/diagrams/data1.xml": data}  # fmt: skip
    assert one(Docx(), docx(tmp_path / "a.docx", body, **parts)).text == "Plan\nStep one"


def test_a_page_that_is_put_into_a_document(tmp_path: Path) -> None:
    chunks = {"c1": ("aFChunk", "page.html"), "c2": ("aFChunk", "other.mht")}
    parts = {
        "word/_rels/document.xml.rels": relations(chunks),
        "word/page.html": "<h1>Title</h1><p>of &amp; in</p>",
        "word/other.mht": "x",
    }
    body = p("Before") + '<w:altChunk r:id="c1"/><w:altChunk r:id="c2"/>' + p("After")
    found, bad, _ = tolerant(Docx(), docx(tmp_path / "a.docx", body, **parts))
    assert [record.text for record in found] == ["Before\n\nTitle\n\nof & in\n\nAfter"]
    assert [(error.reason, error.count) for error in bad] == [("a document inside another", 0)]


def test_all_of_python_docx_is_in_our_text(tmp_path: Path) -> None:
    made = python_docx.Document()
    made.add_heading("The Title", 0)
    for number in range(30):
        made.add_paragraph(f"Paragraph {number} with words.", style=["List Bullet", "List Number", "Quote"][number % 3])
    made.add_table(2, 2).cell(1, 1).text = "in a cell"
    made.save(str(tmp_path / "a.docx"))
    text = one(Docx(), tmp_path / "a.docx").text
    assert all(item.text in text for item in python_docx.Document(str(tmp_path / "a.docx")).paragraphs)
    assert text.startswith(
        "The Title\n\n- Paragraph 0 with words.\n1. Paragraph 1 with words.\n\nParagraph 2 with words."
    )
    assert text.endswith("| in a cell")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>', "XML that declares entities"),
        ('<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><d>&b;</d>', "XML that declares entities"),
        ("<w:document", "not sound XML"),
        ("<document/>", "no document of Word"),
        (f"<w:document {WORD_NAMES}><w:body>{'<w:tbl><w:tr><w:tc>' * 200_000}", "XML nested too deeply"),
        (f"<w:document {WORD_NAMES}><w:body>{'<w:tbl><w:tr><w:tc>' * 330}{'</w:tc></w:tr></w:tbl>' * 330}</w:body>"
         "</w:document>", "XML nested too deeply"),
        (f"<w:document {WORD_NAMES}><w:body>{' ' * 70_000_000}</w:body></w:document>", "a part unpacks to too much"),
    ],
    ids=["outside", "laughs", "cut", "other", "deep", "deep-tables", "bomb"],
)  # fmt: skip
def test_a_hostile_document_is_named(tmp_path: Path, document: str, reason: str) -> None:
    found, bad, _ = tolerant(Docx(), docx(tmp_path / "a.docx", "", **{"word/document.xml": document}))
    assert (found, [error.reason for error in bad]) == ([], [reason])
    assert str(tmp_path / "a.docx") in str(bad[0])


def test_nothing_outside_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket", lambda *_: pytest.fail("the network was asked"))
    parts = {"word/_rels/document.xml.rels": relations({"r1": ("attachedTemplate", "http://evil.example/t.dotm"),
             "r2": ("styles", "http://evil.example/styles.xml"), "r3": ("numbering",
     "../../../../etc/passwd")})}  # fmt: skip
    assert one(Docx(), docx(tmp_path / "a.docx", p("x"), **parts)).text == "x"


def test_old_and_encrypted_office_are_named(tmp_path: Path) -> None:
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    (tmp_path / "a.docx").write_bytes(old)
    (tmp_path / "b.docx").write_bytes(old + "EncryptedPackage".encode("utf-16-le"))
    assert [error.reason for error in tolerant(Docx(), tmp_path / "a.docx")[1]] == ["old Office format"]
    assert [error.reason for error in tolerant(Docx(), tmp_path / "b.docx")[1]] == ["encrypted"]


def test_what_is_no_zip_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"just text")
    assert [error.reason for error in tolerant(Docx(), tmp_path / "a.docx")[1]] == ["damaged document"]
    assert [error.reason for error in tolerant(Docx(), zipped(tmp_path / "b.docx", {"a": "x"}))[1]] == [
        "a part is missing"
    ]


def test_a_cut_document_is_named(tmp_path: Path) -> None:
    assert cut_anywhere(Docx(), docx(tmp_path / "a.docx", p("x"))) >= 60


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.integers(0, 2000))
def test_any_bytes_are_read_or_refused(tmp_path: Path, noise: bytes, place: int) -> None:
    data = docx(tmp_path / "a.docx", p("x"), styles=STYLES).read_bytes()
    place %= len(data)
    never_crashes(Docx(), tmp_path / "noise.docx", data[:place] + noise + data[place + len(noise) :])


PIECES = [r("word"), p("x"), "<w:tbl>", "</w:tbl>", "<w:tr>", "</w:tr>", cell("c"), box("b"), field("TOC", "<w:p/>"),
          math(m("x")), "<w:r><w:fldChar w:fldCharType='end'/></w:r>", "<w:sdt/>", listed("i", 2, 8), "<m:oMath/>",
          "<w:ins>", "</w:ins>"]  # fmt: skip


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_any_elements_in_any_order(tmp_path: Path, pieces: list[str]) -> None:
    path = docx(tmp_path / "a.docx", "".join(pieces), styles=STYLES, numbering=NUMBERING)
    for record in tolerant(Docx(), path)[0]:
        assert record.text == record.text.strip()
        assert "<w:" not in record.text
