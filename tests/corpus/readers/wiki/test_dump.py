"""Dumps of MediaWiki: pages with their facts, the same wherever a file is cut; what is hostile or broken is named."""

from __future__ import annotations

import bz2
import gzip
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from corpus_reading import read_all, reasons
from hypothesis import given, settings
from hypothesis import strategies as st
from wiki_dumps import FOOTER, Revision, chopped, header, multistream, page

from hornbook.corpus.read import read
from hornbook.corpus.readers.formats import format_of, records
from hornbook.corpus.readers.packed import BadRecord
from hornbook.corpus.readers.record import Chosen, Part, Reading, Record
from hornbook.corpus.readers.wiki.dump import MediaWiki
from hornbook.corpus.readers.wiki.export import LONGEST
from hornbook.corpus.readers.wiki.streams import cuts

PAGES = [
    page(f"Page {number}", number, f"'''Page {number}''' is &amp; was <b>here</b>.\n== A ==\n[[x|y]] ''z'' é 語")
    for number in range(1, 41)
]


def written(path: Path, *pages: str, start: str | None = None) -> Path:
    text = (header() if start is None else start) + "".join(pages) + FOOTER
    pack = {".bz2": bz2.compress, ".gz": gzip.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(text.encode()))
    return path


def heard(
    path: Path, part: Part | None = None, reader: MediaWiki | None = None
) -> tuple[list[Record], list[BadRecord], Counter[str]]:
    """Return what a file gives, what is refused, and what is passed over."""
    bad: list[BadRecord] = []
    passed: Counter[str] = Counter()
    reading = Reading("text", bad.append, lambda reason, count: passed.update({reason: count}))
    got = list((reader or MediaWiki())(path, reading, part or Part()))
    return got, bad, passed


def test_a_page_is_a_document_with_its_facts(tmp_path: Path) -> None:
    text = "{{Infobox}}\n'''Äpfel''' are [[fruit]].<ref>a</ref>\n== Use ==\nEat.\n== See also ==\n* [[Pear]]"
    text += "\n[[Category:Fruit]]"
    path = written(tmp_path / "enwiki.xml.bz2", page("Äpfel & more?", 12, Revision(text, "2024-05-06T07:08:09Z")))
    (record,) = records(path)
    assert record.number == 12
    assert record.text == "Äpfel & more?\n\nÄpfel are fruit.\n\nUse\n\nEat."
    assert record.meta == {
        "title": "Äpfel & more?",
        "url": "https://en.wikipedia.org/wiki/%C3%84pfel_%26_more%3F",
        "language": "en",
        "date": "2024-05-06T07:08:09Z",
        "license": "CC-BY-SA-4.0",
        "tags": ["Fruit"],
        "sections": ["Use"],
    }


@pytest.mark.parametrize("name", ["a.xml", "a.xml.bz2", "a.xml.gz", "enwiki-20240101-pages-articles1.xml-p1p41242.bz2"])
def test_the_names_that_dumps_have(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, *PAGES[:2])
    assert format_of(path).kind == "mediawiki"
    assert [document.id for document in read([str(path)])] == [f"{path}#1", f"{path}#2"]
    items, bad = read_all(tmp_path)
    assert [item.id for item in items] == [f"{path}#1", f"{path}#2"] and not bad


def test_a_dump_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "wiki.zip", "w") as archive:
        archive.writestr("dump.xml", header() + PAGES[0] + FOOTER)
    items, bad = read_all(tmp_path / "wiki.zip")
    assert [item.id for item in items] == [f"{tmp_path}/wiki.zip/dump.xml#1"] and not bad


def test_other_xml_is_no_dump(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<rss><page>a</page></rss>")
    assert format_of(tmp_path / "a.xml").kind != "mediawiki"


def test_what_is_passed_over_and_why(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.xml",
        page("Old", 1, "#REDIRECT [[New]]", redirect="New"),
        page("Alt", 2, "#WEITERLEITUNG [[Neu]]"),
        page("旧", 3, "#転送 [[新]]"),
        page("Talk:A", 4, "Hello.", namespace=1),
        page("Template:A", 5, "{{{1}}}", namespace=10),
        page("Mercury", 6, "'''Mercury''' is:\n* [[a]]\n{{disambiguation}}"),
        page("Merkur", 7, "Merkur:\n{{Begriffsklärung}}"),
        page("Mercure (homonymie)", 8, "Mercure :\n* [[a]]"),
        page("Hg", 9, "Hg\n[[Category:Disambiguation pages]]"),
        page("Data", 10, Revision("{}", model="json")),
        page("Empty", 11, ""),
        page("Box", 12, "{{Infobox|a=b}}"),
        page("Kept", 13, "# one [[a]]\n# two"),
    )
    got, bad, passed = heard(path)
    assert [record.number for record in got] == [13] and not bad
    assert passed == {
        "redirect": 3, "another namespace": 2, "disambiguation": 4, "content is json, not wikitext": 1, "empty page": 2,
    }  # fmt: skip


def test_other_namespaces_on_demand(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.xml", page("A", 1, "a"), page("Help:B", 2, "b", namespace=12), page("C", 3, "c", namespace=1)
    )
    got, _, passed = heard(path, reader=MediaWiki(namespaces=(0, 12)))
    assert [record.text for record in got] == ["A\n\na", "Help:B\n\nb"] and passed == {"another namespace": 1}
    items, _ = read_all(path, readers=[Chosen("*.xml", MediaWiki(namespaces=(12,)))])
    assert [item.text for item in items] == ["Help:B\n\nb"]


def test_the_last_revision_counts(tmp_path: Path) -> None:
    history = [Revision(f"State {number}. " + "x" * 5000, f"2024-01-{number:02}T00:00:00Z") for number in range(1, 29)]
    got, bad, _ = heard(written(tmp_path / "a.xml", page("A", 1, *history, "Last."), page("B", 2, "b")))
    assert [record.text for record in got] == ["A\n\nLast.", "B\n\nb"] and not bad


def test_names_of_another_language(tmp_path: Path) -> None:
    start = header("de", "Datei", "Kategorie")
    text = (
        "[[Datei:A.png|mini|B]][[Bild:C.png]]'''Berlin''' ist.\n== Weblinks ==\n* [http://a.b c]\n[[Kategorie:Stadt]]"
    )
    (record,), _, _ = heard(written(tmp_path / "a.xml", page("Berlin", 1, text), start=start))
    assert record.text == "Berlin\n\nBerlin ist."
    assert (record.meta["language"], record.meta["tags"]) == ("de", ["Stadt"])


def test_a_wiki_that_says_little(tmp_path: Path) -> None:
    revision = "<revision><timestamp>2003-01-01T00:00:00Z</timestamp><text>''a''</text></revision>"
    old = f"<page>\n<title>A</title>\n<id>5</id>\n{revision}</page>"
    (record,), bad, _ = heard(written(tmp_path / "a.xml", old, start="<mediawiki>\n"))
    assert (record.number, record.text) == (5, "A\n\na") and not bad
    assert record.meta == {"title": "A", "date": "2003-01-01T00:00:00Z"}


def test_addresses_by_a_parameter_and_licences_that_are_not_known(tmp_path: Path) -> None:
    start = header().replace("https://en.wikipedia.org/wiki/Main_Page", "http://wiki.local/index.php?title=Home")
    (record,), _, _ = heard(written(tmp_path / "a.xml", page("A b", 1, "a"), start=start))
    assert record.meta["url"] == "http://wiki.local/index.php?title=A_b" and "license" not in record.meta


def test_a_dump_in_utf_16(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes((header() + PAGES[0] + FOOTER).encode("utf-16"))
    ((record,), bad, _) = heard(tmp_path / "a.xml")
    assert record.text.endswith("y z é 語") and not bad and format_of(tmp_path / "a.xml").kind == "mediawiki"


WHOLE = (header() + "".join(PAGES) + FOOTER).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("dumps")
    (made / "a.xml").write_bytes(WHOLE)
    (made / "b.xml.bz2").write_bytes(multistream(PAGES, 3))
    (made / "c.xml.bz2").write_bytes(chopped(WHOLE, 701))
    (made / "d.xml.bz2").write_bytes(bz2.compress(WHOLE))
    return made


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(["a.xml", "b.xml.bz2", "c.xml.bz2", "d.xml.bz2"]), places=st.lists(st.floats(0, 1), max_size=6)
)
def test_cut_anywhere_the_pages_are_the_same(folder: Path, name: str, places: list[float]) -> None:
    path = folder / name
    size = path.stat().st_size
    stops = sorted({max(1, int(place * size)) for place in places} - {size})
    parts = [Part(start, stop) for start, stop in zip([0, *stops], [*stops, 0], strict=True)]
    pieces = [heard(path, part) for part in parts]
    assert [record for got, _, _ in pieces for record in got] == heard(folder / "a.xml")[0]
    assert not any(bad for _, bad, _ in pieces)


@pytest.mark.parametrize(("name", "fewest"), [("a.xml", 6), ("b.xml.bz2", 6), ("c.xml.bz2", 6), ("d.xml.bz2", 0)])
def test_big_files_are_cut_where_they_can_be(folder: Path, name: str, fewest: int) -> None:
    size = (folder / name).stat().st_size
    found = cuts(folder / name, size, size // 8)
    assert len(found) >= fewest
    if found:
        assert [cut.stop for cut in found[:-1]] == [cut.start for cut in found[1:]]
        assert (found[0].start, found[-1].stop, sum(cut.weight for cut in found)) == (0, 0, size)


def test_units_of_a_build_read_parts(folder: Path) -> None:
    size = (folder / "b.xml.bz2").stat().st_size
    items, bad = read_all(folder / "b.xml.bz2", unit=size // 5)
    assert [item.id.rpartition("#")[2] for item in items] == [str(number) for number in range(1, 41)] and not bad


def test_entities_of_its_own_are_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE m [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>\n'
    path = written(tmp_path / "a.xml", page("A", 1, "a"), start=bomb + header())
    items, bad = read_all(path)
    assert not items and reasons(bad) == [(0, "XML that declares entities")]


def test_an_entity_that_is_not_declared_costs_its_page(tmp_path: Path) -> None:
    spoilt = page("B", 2, "b").replace(">b<", ">&lol;<")
    got, bad, _ = heard(written(tmp_path / "a.xml", page("A", 1, "a"), spoilt, page("C", 3, "c")))
    assert [record.number for record in got] == [1, 3]
    assert [(error.line, error.reason) for error in bad] == [(2, "not sound XML")]
    assert str(bad[0]).startswith(f"{tmp_path}/a.xml, page 2, is not sound XML")


def test_a_page_that_is_too_long_costs_itself(tmp_path: Path) -> None:
    long = page("B", 2, "x" * (LONGEST + 10))
    got, bad, _ = heard(written(tmp_path / "a.xml", page("A", 1, "a"), long, page("C", 3, "c")))
    assert [record.number for record in got] == [1, 3]
    assert [(error.line, error.reason) for error in bad] == [(2, "too long a page")]


def test_a_state_that_was_too_long_costs_nothing(tmp_path: Path) -> None:
    got, bad, _ = heard(written(tmp_path / "a.xml", page("B", 2, "x" * (LONGEST + 10), "b")))
    assert [record.text for record in got] == ["B\n\nb"] and not bad


def test_a_page_without_number_is_named(tmp_path: Path) -> None:
    _, bad, _ = heard(
        written(tmp_path / "a.xml", page("A", 1, "a").replace("    <id>1</id>\n", "", 1).replace("<id>100</id>", ""))
    )
    assert [error.reason for error in bad] == ["page without number or title"]


@pytest.mark.parametrize("name", ["a.xml", "a.xml.bz2"])
def test_a_file_that_is_cut_gives_the_pages_before(tmp_path: Path, name: str) -> None:
    data = multistream(PAGES, 4) if name.endswith("bz2") else WHOLE
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    items, bad = read_all(tmp_path / name)
    numbers = [int(item.id.rpartition("#")[2]) for item in items]
    assert numbers == list(range(1, len(numbers) + 1)) and 10 < len(numbers) < 30
    assert [reason for _, reason in reasons(bad)] == [
        "bzip2 data is cut or changed" if name.endswith("bz2") else "file ends within a page"
    ]


def test_bytes_that_are_spoilt_are_named_in_every_part(tmp_path: Path) -> None:
    data = bytearray(multistream(PAGES, 4))
    place = data.find(b"BZh91AY&SY", len(data) // 2)
    data[place + 30 : place + 60] = bytes(30)
    (tmp_path / "a.xml.bz2").write_bytes(data)
    with pytest.raises(BadRecord, match="damaged"):
        list(MediaWiki()(tmp_path / "a.xml.bz2", Reading(), Part(len(data) // 3, 0)))


_MEASURE = """
import resource, sys
sys.path.insert(0, {support!r})
import wiki_dumps
from hornbook.corpus.readers.record import WHOLE, Reading
from hornbook.corpus.readers.wiki.dump import MediaWiki

bad = []
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
source = wiki_dumps.Generated(lambda: wiki_dumps.{parts}({megabytes}))
count = sum(1 for _ in MediaWiki()(source, Reading("text", bad.append), WHOLE))
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
print(count, [error.reason for error in bad], grown)
"""


def measured(parts: str, megabytes: int) -> tuple[str, int]:
    """Return what a process of its own read, and by how many megabytes it grew."""
    pytest.importorskip("resource")
    support = str(Path(__file__).parents[3] / "support")
    code = _MEASURE.format(support=support, parts=parts, megabytes=megabytes)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found, _, grown = done.stdout.strip().rpartition(" ")
    return found, int(grown)


@pytest.mark.parametrize(
    ("parts", "megabytes", "found"),
    [
        ("many", 110, "10 []"),
        ("endless_page", 100, "2 ['too long a page']"),
        pytest.param("many", 3300, "300 []", marks=pytest.mark.slow),
        pytest.param("endless_page", 2200, "2 ['too long a page']", marks=pytest.mark.slow),
    ],
)
def test_memory_does_not_grow_with_the_dump(parts: str, megabytes: int, found: str) -> None:
    result, grown = measured(parts, megabytes)
    assert result == found
    assert grown < 60


@pytest.mark.parametrize("unit", ["a|", "{{a|b}} ", "| a || b\n"])
def test_a_page_of_marks_is_read_in_bounded_memory(unit: str) -> None:
    code = "import resource, sys; from hornbook.corpus.readers.wiki.text import plain_text; unit = sys.argv[1]; "
    code += "plain_text(unit * 1000, 'x'); before = resource.getrusage(0).ru_maxrss; "
    code += "plain_text('{{x|' + unit * ((1 << 19) // len(unit)), 'x'); "
    code += "print((resource.getrusage(0).ru_maxrss - before) // 1024)"
    done = subprocess.run([sys.executable, "-c", code, unit], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60  # of a page of half a MiB: the bound of 4 MiB stays below 512


def test_an_old_dump_tells_namespaces_by_its_titles(tmp_path: Path) -> None:
    pages = [
        page(title, number, "Words.").replace("<ns>0</ns>", "")
        for number, title in enumerate(("Ant", "User:Bee", "Kill Bill: Vol. 1"), start=1)
    ]
    start = header().replace("</namespaces>", '<namespace key="2">User</namespace></namespaces>')
    got, bad, passed = heard(written(tmp_path / "old.xml", *pages, start=start))
    assert [record.number for record in got] == [1, 3]
    assert not bad
    assert passed == {"another namespace": 1}


@pytest.mark.parametrize(
    "name", ["homonymie", "Homonymie de personnes", "Page d'homonymie", "Villes homonymes", "список однофамильцев"]
)
def test_families_of_disambiguations(tmp_path: Path, name: str) -> None:
    pages = page("A", 1, f"{{{{{name}}}}} x"), page("B", 2, "{{Voir homonymes|X}} An article.")
    got, _, passed = heard(written(tmp_path / "a.xml", *pages))
    assert [record.text for record in got] == ["B\n\nAn article."]
    assert passed == {"disambiguation": 1}
