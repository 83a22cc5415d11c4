"""Files of Common Crawl in the shapes in which it publishes them: which pages are read, and what is told of them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from corpus_reading import read_all
from crawls import WORDS, fetched, http, page, wat, wet, write

pytest.importorskip("trafilatura")

from hornbook.corpus.readers.crawl.doubles import siblings
from hornbook.corpus.readers.crawl.warc import Warc
from hornbook.corpus.readers.packed import Member
from hornbook.corpus.readers.record import Chosen
from hornbook.errors import UserError

SEGMENT = "crawl-data/CC-MAIN-2024-10/segments/17.0"


def read(path: Path, **settings: Any) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return each document's fields and text, and what was passed over."""
    passed: dict[str, int] = {}
    items, bad = read_all(path, readers=[Chosen("*.gz", Warc(**settings))], passed=passed)
    assert bad == []
    return [{"text": item.text, "id": item.id, **json.loads(item.meta)} for item in items], passed


def pages(path: Path) -> Path:
    """Write eight pages: three of them sound, of other hosts and languages."""
    noai = '<meta name="robots" content="noai, nofollow">'
    cc = '<link rel="license" href="https://creativecommons.org/licenses/by/4.0/">'
    every = [
        fetched(1, "https://de.example.org/a", http(page("A", cc)), "deu,eng"),
        fetched(2, "https://example.com/b", http(page("B")), "eng"),
        fetched(3, "https://notexample.org/c", http(page("C", '<meta name="robots" content="noindex">'))),
        fetched(4, "https://example.org/d", http(page("D", noai)), "deu"),
        fetched(5, "https://example.org/e", http(page("E"), header="TDM-Reservation: 1\r\n"), "deu"),
        fetched(6, "https://example.org/f", http(page("F"), status="206 Partial Content")),
        fetched(7, "https://example.org/g", http(b"%PDF-1.4", "application/pdf")),
        fetched(8, "https://example.org/h", http(page("H")), "deu", WARC_Truncated="length"),
    ]
    return write(path, [item for one in every for item in one])


def test_pages_have_what_their_records_tell_and_they_state(tmp_path: Path) -> None:
    found, passed = read(pages(tmp_path / "a.warc.gz"))
    assert [one["title"] for one in found] == ["A", "B", "C"] and all(WORDS.strip() in one["text"] for one in found)
    first = {name: value for name, value in found[0].items() if name not in ("text", "id")}
    assert first == {
        "url": "https://de.example.org/a", "date": "2024-02-20T21:10:55Z", "content_type": "text/html",
        "language": "de", "languages": ["de", "en"], "title": "A", "license": "CC-BY-4.0",
    }  # fmt: skip
    assert found[2]["robots"] == "noindex" and "language" not in found[2]
    place = int(found[1]["id"].rpartition("#")[2])
    packed = (tmp_path / "a.warc.gz").read_bytes()[place:]
    assert gzip.decompress(packed).startswith(
        b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:response-2>"
    )
    assert passed == {
        "its owner opted out (noai)": 1, "its owner opted out (tdm-reservation)": 1, "no page: its status": 1,
        "no page: application/pdf": 1, "cut by the crawler": 1,
    }  # fmt: skip


def test_opt_outs_and_cut_pages_are_kept_where_one_says_so(tmp_path: Path) -> None:
    found, _ = read(pages(tmp_path / "a.warc.gz"), opt_outs="keep", truncated="keep")
    assert [(one["title"], one.get("robots")) for one in found] == [
        ("A", None), ("B", None), ("C", "noindex"), ("D", "noai, nofollow"), ("E", "tdm-reservation"), ("H", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "titles", "reason"),
    [
        ({"hosts": ("example.org",)}, ["A"], "its host is not among hosts"),
        ({"not_hosts": ("example.org",)}, ["B", "C"], "its host is among not_hosts"),
        ({"hosts": ("list.gz",)}, ["A", "B"], "its host is not among hosts"),
        ({"languages": ("de",)}, ["A", "C"], "in another language (en)"),
        ({"languages": ("deu", "EN-us")}, ["A", "B", "C"], ""),
        ({"types": ("text/plain",)}, [], "no page: text/html"),
    ],
)
def test_pages_are_chosen_by_what_their_header_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], titles: list[str], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.gz").write_bytes(gzip.compress(b"# list\n0.0.0.0 Example.org.  # one\n*.example.com\n\nnowhere.net\n"))
    found, passed = read(pages(tmp_path / "a.warc.gz"), **settings)
    assert [one["title"] for one in found] == titles
    assert not reason or passed[reason] >= 1


def test_a_page_that_is_passed_over_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hornbook.corpus.readers.crawl.warc._main_text", lambda page: pytest.fail("parsed"))
    assert read(pages(tmp_path / "a.warc.gz"), hosts=("nowhere.net",))[0] == []


def test_a_missing_list_of_hosts_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no list of hosts lists/adult\.txt"):
        read(pages(tmp_path / "a.warc.gz"), not_hosts=("lists/adult.txt",))


def crawl(folder: Path, kinds: str = "warc wet wat", flat: bool = False) -> Path:
    """Write a crawl of one file of each kind, of the same two pages."""
    robots = [{"name": "robots", "content": "noai"}]
    told: dict[str, list[bytes]] = {
        "warc": [item for n in (1, 2) for item in fetched(n, f"http://a.org/{n}", http(page(f"P{n}")))],
        "wet": [wet(n, f"http://a.org/{n}", f"Menu\n{WORDS}{n}", "eng") for n in (1, 2)],
        "wat": [
            wat(1, "http://a.org/1", {"Title": "P1 &amp;"}),
            wat(2, "http://a.org/2", {"Title": "P2", "Metas": robots}),
        ],
    }
    for kind in kinds.split():
        name = "CC-0.warc.gz" if kind == "warc" else f"CC-0.warc.{kind}.gz"
        write(folder / SEGMENT / ("" if flat else kind) / name, told[kind])
    return folder


@pytest.mark.parametrize("flat", [False, True])
def test_each_page_is_read_once_of_a_folder_with_warc_wet_and_wat(tmp_path: Path, flat: bool) -> None:
    crawl(tmp_path, flat=flat)
    found, passed = read(tmp_path)
    assert [(one["url"], one["title"]) for one in found] == [("http://a.org/1", "P1"), ("http://a.org/2", "P2")]
    assert passed == {"its pages are read from WARC": 1, "a WAT file, which has no text of its own": 1}
    found, passed = read(tmp_path, prefer="wet")
    assert [one["text"] for one in found] == [f"Menu\n{WORDS}1", f"Menu\n{WORDS}2"]
    assert passed == {"its pages are read from WET": 1, "a WAT file, which has no text of its own": 1}


def test_wet_alone_is_read_and_wat_tells_of_its_pages(tmp_path: Path) -> None:
    found, _ = read(crawl(tmp_path, "wet wat"))
    assert [one["language"] for one in found] == ["en", "en"] and "title" not in found[0]
    found, passed = read(tmp_path, wat=True)
    assert [(one["url"], one["title"], one["links"]) for one in found] == [("http://a.org/1", "P1 &", 1)]
    assert passed["its owner opted out (noai)"] == 1
    (tmp_path / SEGMENT / "wat/CC-0.warc.wat.gz").unlink()
    items, bad = read_all(tmp_path, readers=[Chosen("*.gz", Warc(wat=True))])
    assert len(items) == 2 and [(item.reason, item.records) for item in bad] == [("no WAT file", 0)]


def test_the_files_beside_one_are_named() -> None:
    assert siblings("s3://b/S/wat/A.warc.wat.gz", "wet")[0] == "s3://b/S/wet/A.warc.wet.gz"
    assert siblings("notes.txt", "wet") == [] and siblings("a.warc", "wat") == ["wat/a.warc.wat", "a.warc.wat"]


def test_records_of_wat_in_a_file_of_another_name_are_passed_over(tmp_path: Path) -> None:
    _, passed = read(write(tmp_path / "a.warc.gz", [wat(1, "http://a.org/", {"Title": "T"})]))
    assert passed == {"a record of WAT, which has no text of its own": 1}


def index(folder: Path, kind: str, count: int = 2) -> Path:
    """Write the list of files of a kind, the second of which is not there."""
    ending = "" if kind == "warc" else f".{kind}"
    lines = [f"{SEGMENT}/{kind}/CC-{number}.warc{ending}.gz\n" for number in range(count)]
    path = folder / f"{kind}.paths.gz"
    path.write_bytes(gzip.compress("".join(lines).encode()))
    return path


def test_a_list_of_files_is_read_from_the_folder_above_it(tmp_path: Path) -> None:
    crawl(tmp_path)
    for folder in (tmp_path, tmp_path / "crawl-data/CC-MAIN-2024-10"):
        items, bad = read_all(index(folder, "wet"))
        assert [item.text for item in items] == [f"Menu\n{WORDS}1", f"Menu\n{WORDS}2"]
        assert [(item.reason, Path(item.file).name) for item in bad] == [("listed, and not there", "CC-1.warc.wet.gz")]
        assert items[0].source.endswith("wet.paths.gz") and "/wet/CC-0.warc.wet.gz#" in items[0].id
    passed: dict[str, int] = {}
    items, _ = read_all(index(tmp_path, "warc"), index(tmp_path, "wet"), passed=passed)
    assert len(items) == 2 and passed == {"its pages are read from WARC": 1}


def test_a_list_without_its_files_asks_for_a_root_and_takes_one(tmp_path: Path) -> None:
    path = index(tmp_path / "list", "wet") if (tmp_path / "list").mkdir() is None else tmp_path
    with pytest.raises(UserError, match=r"no folder above it has crawl-data/\. Say where: --root FOLDER"):
        read_all(path)
    crawl(tmp_path / "mirror")
    assert len(read_all(path, root=str(tmp_path / "mirror"))[0]) == 2


@pytest.mark.parametrize(
    "line", ["../secret.warc.gz", "/etc/passwd", "a/../../b.warc.gz", "file:///etc/passwd", "a\\b.gz"]
)
def test_a_list_leads_nowhere_else(tmp_path: Path, line: str) -> None:
    path = tmp_path / "warc.paths"
    path.write_text(f"crawl-data/a.warc.gz\n{line}\n")
    (tmp_path / "crawl-data").mkdir()
    with pytest.raises(UserError, match="line 2, is no path"):
        read_all(path)


def test_a_damaged_or_empty_list_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.paths.gz").write_bytes(index(tmp_path, "wet").read_bytes()[:-9])
    (tmp_path / "b.paths").write_text("\n")
    with pytest.raises(UserError, match=r"a\.paths\.gz is no list of files"):
        read_all(tmp_path / "a.paths.gz")
    with pytest.raises(UserError, match=r"b\.paths lists no files"):
        read_all(tmp_path / "b.paths")
    with pytest.raises(UserError, match="There is no file"):
        read_all(tmp_path / "c.paths")


def test_a_crawl_inside_an_archive_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.warc.wet.gz", [wet(1, "http://a.org/", WORDS)])
    with path.open("rb") as stream:
        from hornbook.corpus.readers.formats import records

        assert [record.text for record in records(Member("b.tar/a.warc.wet.gz", stream))] == [WORDS]


def test_a_list_in_a_bucket_is_read_from_there(bucket: str, tmp_path: Path) -> None:
    import s3fs

    store = s3fs.S3FileSystem()
    crawl(tmp_path)
    for file in sorted((tmp_path / SEGMENT).rglob("*.gz")):
        store.pipe(f"{bucket}/{file.relative_to(tmp_path).as_posix()}", file.read_bytes())
    path = index(tmp_path, "wet")
    store.pipe(f"{bucket}/crawl-data/CC-MAIN-2024-10/wet.paths.gz", path.read_bytes())
    items, bad = read_all(f"{bucket}/crawl-data/CC-MAIN-2024-10/wet.paths.gz")
    assert [item.id.partition("#")[0] for item in items] == [f"{bucket}/{SEGMENT}/wet/CC-0.warc.wet.gz"] * 2
    assert [item.reason for item in bad] == ["listed, and not there"]
    (tmp_path / "away").mkdir()
    there = index(tmp_path / "away", "wet")
    again, _ = read_all(there, root=f"{bucket}/")
    assert [item.text for item in again] == [item.text for item in items]
    told = read_all(f"{bucket}/crawl-data/CC-MAIN-2024-10/wet.paths.gz", readers=[Chosen("*.gz", Warc(wat=True))])[0]
    assert [json.loads(item.meta)["title"] for item in told] == ["P1 &"]


def test_parts_of_a_file_in_a_bucket_are_read_side_by_side(bucket: str, tmp_path: Path) -> None:
    import random

    import s3fs

    every = [wet(n, f"http://a.org/{n}", random.Random(n).randbytes(3_000).hex()) for n in range(80)]
    path = write(tmp_path / "a.warc.wet.gz", every)
    s3fs.S3FileSystem().pipe(f"{bucket}/cut/a.warc.wet.gz", path.read_bytes())
    from hornbook.corpus.readers.units import discover

    assert len(discover([f"{bucket}/cut"], 30_000)) > 4
    far, near = read_all(f"{bucket}/cut", unit=30_000)[0], read_all(path)[0]
    assert [(item.text, item.meta) for item in far] == [(item.text, item.meta) for item in near]


@pytest.mark.slow
def test_workers_read_the_parts_of_a_listed_file_side_by_side_to_the_same_bytes(tmp_path: Path) -> None:
    import random

    from builds import begin, contents, finish

    words = random.Random(0).choices([f"word{n}" for n in range(5_000)], k=60_000)
    every = [wet(n, f"http://a.org/{n}", " ".join(words[n * 200 : n * 200 + 200])) for n in range(300)]
    write(tmp_path / SEGMENT / "wet/CC-0.warc.wet.gz", every)
    index(tmp_path, "wet", 1)
    (tmp_path / "recipe.toml").write_text('paths = ["wet.paths.gz"]\nblock = 16000\n')
    from hornbook.corpus.readers.units import discover

    assert len(discover([str(tmp_path / "wet.paths.gz")], 64_000)) > 2
    for workers in ("1", "2"):
        finish(begin("corpus", "build", "recipe.toml", "--out", workers, "--workers", workers, folder=tmp_path))
    one, two = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert one == two and len(one) > 5
