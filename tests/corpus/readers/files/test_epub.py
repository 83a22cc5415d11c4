"""E-books: their chapters, facts, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office_files import cut_anywhere, epub, never_crashes, one, tolerant, zipped

from hornbook.corpus.readers.files.epub import Epub
from hornbook.corpus.readers.formats import records

METADATA = """<dc:title id="t">A Book</dc:title><dc:creator id="a">Ann Author</dc:creator>
<dc:creator id="i">Ill Ustrator</dc:creator><meta refines="#i" property="role">ill</meta>
<dc:creator opf:role="trl">Trans Lator</dc:creator><dc:language>pt-BR</dc:language>
<dc:date opf:event="modification">2020-01-01</dc:date><dc:date opf:event="publication">1999-05</dc:date>
<dc:rights>Public domain.</dc:rights><dc:source>https://example.org/b</dc:source><dc:subject>Fiction</dc:subject>"""


def test_chapters_are_documents_in_the_order_of_the_spine(tmp_path: Path) -> None:
    path = epub(
        tmp_path / "b.epub",
        {"c2": "<body><h1>One</h1><p>First &amp; last.</p></body>", "c1": "<body><p>No heading.</p></body>"},
        METADATA,
    )
    facts = {
        "title": "A Book", "authors": ["Ann Author"], "date": "1999-05", "language": "pt-BR",
        "license": "Public domain.", "url": "https://example.org/b", "tags": ["Fiction"],
    }  # fmt: skip
    assert list(records(path)) == [
        (1, "One\n\nFirst & last.", {**facts, "section": "One"}, ""),
        (2, "No heading.", facts, ""),
    ]


def test_a_whole_book_is_one_document(tmp_path: Path) -> None:
    chapters = {"a": "<body><h1>One</h1><p>x</p></body>", "b": "<body><h1>Two</h1><p>y</p></body>"}
    record = one(Epub(by="book"), epub(tmp_path / "b.epub", chapters))
    assert record.text == "One\n\nx\n\nTwo\n\ny"
    assert record.meta["sections"] == ["One", "Two"]


def test_contents_covers_asides_of_the_order_and_blank_pages_are_left_out(tmp_path: Path) -> None:
    opf = """<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata/><manifest>
    <item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
    <item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
    <item id="cov" href="cov.xhtml" media-type="application/xhtml+xml"/>
    <item id="img" href="img.xhtml" media-type="application/xhtml+xml"/>
    <item id="one" href="text/on%20e.xhtml" media-type="application/xhtml+xml"/>
    <item id="out" href="../../../../etc/passwd" media-type="application/xhtml+xml"/>
    <item id="svg" href="a.svg" media-type="image/svg+xml"/>
    <item id="non" href="non.xhtml" media-type="application/xhtml+xml"/>
    <item id="toc" href="toc.xhtml" media-type="application/xhtml+xml"/></manifest>
    <spine><itemref idref="cov"/><itemref idref="nav"/><itemref idref="toc"/><itemref idref="img"/>
    <itemref idref="one"/><itemref idref="non" linear="no"/><itemref idref="out"/><itemref idref="svg"/>
    <itemref idref="nothing"/><itemref idref="one"/></spine>
    <guide><reference type="Cover" href="cov.xhtml"/></guide></package>"""
    page = "<html xmlns='http://www.w3.org/1999/xhtml' xmlns:epub='http://www.idpf.org/2007/ops'>{}</html>"
    nav = page.format(
        "<body><nav epub:type='toc'><ol><li><a href='text/on%20e.xhtml'>Chapter <b>I</b></a></li></ol></nav></body>"
    )
    path = epub(
        tmp_path / "b.epub",
        {},
        opf=opf,
        **{
            "OEBPS/nav.xhtml": nav,
            "OEBPS/cov.xhtml": page.format("<body>Cover words</body>"),
            "OEBPS/img.xhtml": page.format("<body><img src='x.png' alt='A picture'/></body>"),
            "OEBPS/text/on e.xhtml": page.format("<body><p>Words.</p></body>"),
            "OEBPS/non.xhtml": page.format("<body><p>Aside.</p></body>"),
            "OEBPS/toc.xhtml": page.format("<body epub:type='frontmatter toc'><p>Contents</p></body>"),
        },
    )  # fmt: skip
    found, bad, _ = tolerant(Epub(), path)
    assert found == [(5, "Words.", {"section": "Chapter I"}, "")]
    assert [(error.reason, error.line) for error in bad] == [("a chapter is missing", 7)]


def test_titles_of_an_old_table_of_contents(tmp_path: Path) -> None:
    opf = """<package xmlns="http://www.idpf.org/2007/opf" version="2.0"><metadata/><manifest>
    <item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
    <item id="a" href="a.html" media-type="application/xhtml+xml"/></manifest><spine toc="ncx">
    <itemref idref="a"/></spine></package>"""
    ncx = """<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>The
    First</text></navLabel><content src="a.html#x"/></navPoint></navMap></ncx>"""
    body = "<html><body><p>caf\xe9</p></body></html>"
    path = epub(tmp_path / "b.epub", {}, opf=opf, **{"OEBPS/toc.ncx": ncx, "OEBPS/a.html":
                b"<?xml version='1.0' encoding='iso-8859-1'?>" + body.encode("latin-1")})  # fmt: skip
    record = one(Epub(), path)
    assert (record.text, record.meta) == ("café", {"section": "The First"})


def test_notes_ruby_and_page_numbers(tmp_path: Path) -> None:
    body = """<body><p>See<a epub:type="noteref" href="#n1">1</a> <ruby>東<rt>とう</rt></ruby><span
    epub:type="pagebreak">2</span> there.</p><aside epub:type="footnote" id="n1"><p>The note.</p></aside></body>"""
    assert one(Epub(), epub(tmp_path / "b.epub", {"a": body})).text == "See 東 there.\n\nThe note."


LOCK = """<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData
xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="{}"/><CipherData><CipherReference URI="{}"/>
</CipherData></EncryptedData></encryption>"""


def test_a_locked_book_is_named_and_mangled_fonts_are_no_lock(tmp_path: Path) -> None:
    chapter = {"a": "<body><p>x</p></body>"}
    lock = LOCK.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OEBPS/a.xhtml")
    locked = epub(tmp_path / "locked.epub", chapter, **{"META-INF/encryption.xml": lock})
    assert [error.reason for error in tolerant(Epub(), locked)[1]] == ["encrypted (DRM)"]
    fonts = LOCK.format("http://www.idpf.org/2008/embedding", "OEBPS/font.otf")
    path = epub(tmp_path / "fonts.epub", chapter, **{"META-INF/encryption.xml": fonts})
    assert one(Epub(), path).text == "x"


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"a.txt": "x"}, "no e-book"),
        ({"META-INF/container.xml": "<container/>", "x.opf": "<package"}, "not sound XML"),
        ({"x.opf": '<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]><p>&a;</p>'}, "XML that declares entities"),
    ],
)
def test_what_is_no_book_is_named(tmp_path: Path, parts: dict[str, str], reason: str) -> None:
    assert [error.reason for error in tolerant(Epub(), zipped(tmp_path / "b.epub", parts))[1]] == [reason]


def test_a_bomb_is_bounded(tmp_path: Path) -> None:
    path = epub(tmp_path / "b.epub", {}, opf="<package>" + " " * 70_000_000 + "</package>")
    assert path.stat().st_size < 200_000
    assert [error.reason for error in tolerant(Epub(), path)[1]] == ["a part unpacks to too much"]


def test_a_cut_book_is_named(tmp_path: Path) -> None:
    assert cut_anywhere(Epub(), epub(tmp_path / "b.epub", {"a": "<body><p>x</p></body>"})) >= 60


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.integers(0, 2000))
def test_any_bytes_are_read_or_refused(tmp_path: Path, noise: bytes, place: int) -> None:
    data = epub(tmp_path / "b.epub", {"a": "<body><p>x</p></body>"}).read_bytes()
    place %= len(data)
    never_crashes(Epub(), tmp_path / "noise.epub", data[:place] + noise + data[place + len(noise) :])


def test_what_a_package_leaves_empty_is_no_fact(tmp_path: Path) -> None:
    empty = "<dc:date/><dc:language>und</dc:language><dc:rights>CC BY 4.0</dc:rights><dc:title/>"
    path = epub(tmp_path / "b.epub", {"c": "<body><p>Words.</p></body>"}, empty)
    assert [record.meta for record in records(path)] == [{"license": "CC-BY-4.0"}]
