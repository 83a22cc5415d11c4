"""Books as files: encodings, editions in a mirror, archives, bounds, what is wrong with a file."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import gutenberg_files as files
import pytest
from office_files import epub
from sources_read import read_sources

from hornbook.corpus.build.build import build
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.read import read
from hornbook.corpus.readers.books import gutenberg
from hornbook.corpus.readers.books.editions import OTHER, superseded
from hornbook.corpus.readers.books.gutenberg import Gutenberg
from hornbook.corpus.readers.formats import PlainText, format_of
from hornbook.errors import UserError

PARAGRAPH = (
    "Caf\u00e9s and na\u00efve fa\u00e7ades stood along the whole length of the street,\nand nobody went in, "
    "nobody came out, and "
    "nobody knew at all what it was\nthat they were waiting for."
)
JOINED = PARAGRAPH.replace("\n", " ")


def chaptered(count: int = 3) -> str:
    return "".join(f"\n\n\n\nCHAPTER {number}\n\n" + "\n\n".join([PARAGRAPH] * 15) for number in range(1, count + 1))


def test_a_book_is_a_document_a_chapter_with_its_facts(tmp_path: Path) -> None:
    path = tmp_path / "20535-0.txt"
    path.write_text(files.text(chaptered()), encoding="utf-8")
    found = read_sources(path)
    assert found.ids == [f"{path}#1", f"{path}#2", f"{path}#3"]
    assert found.texts[1] == "CHAPTER 2\n\n" + "\n\n".join([JOINED] * 15)
    assert found.metas[1] == {
        "title": "A Book",
        "authors": ["Ann Author"],
        "language": "en",
        "date": "2007-02-06",
        "license": "Public domain in the USA",
        "ebook": 20535,
        "url": "https://www.gutenberg.org/ebooks/20535",
        "section": "CHAPTER 2",
        "sections": ["CHAPTER 2"],
    }
    whole = read_sources(path, reader=Gutenberg(chapters=False))
    assert whole.texts == ["\n\n".join(found.texts)] and "section" not in whole.metas[0]


@pytest.mark.parametrize(
    ("stated", "codec", "name"),
    [
        ("ISO-8859-1", "latin-1", "1-8.txt"),
        ("ISO Latin-1", "latin-1", "1-8.txt"),
        ("UTF-8", "utf-8-sig", "1-0.txt"),
        ("Windows Code Page 1252", "cp1252", "1.txt"),
        ("IBM850", "cp850", "1.txt"),
        ("Unicode UTF-16", "utf-16", "1.txt"),
    ],
)
def test_the_encoding_that_a_book_states_is_taken(tmp_path: Path, stated: str, codec: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(files.text(f"\n{PARAGRAPH}\n", encoding=stated).replace("\n", "\r\n").encode(codec))
    found = read_sources(path, reader=Gutenberg())
    assert (found.texts, found.unread) == ([JOINED], [])
    assert "encoding" not in found.metas[0]


def test_a_book_that_states_a_wrong_encoding_is_guessed_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "1.txt"
    path.write_bytes(files.text(f"\n{PARAGRAPH}\n" * 9, encoding="Martian").encode("cp1252"))
    found = read_sources(path)
    assert "Caf\u00e9s" in found.texts[0] and found.metas[0]["encoding"].startswith("cp1252")


def test_a_page_says_its_encoding(tmp_path: Path) -> None:
    path = tmp_path / "972-h.htm"
    html = files.old_page(f"<p>{PARAGRAPH}</p>").replace('version="1.0"', 'version="1.0" encoding="iso-8859-1"')
    path.write_bytes(html.encode("latin-1"))
    assert read_sources(path).texts == [JOINED]
    path.write_text(files.page(f"<p>{PARAGRAPH}</p>", styles="p { margin: 0; }\n" * 1_500), encoding="utf-8")
    assert read_sources(path).texts == [JOINED]


def mirror(root: Path, number: int = 1234) -> dict[str, Path]:
    """Write a book in all the editions of a mirror."""
    home = root / "/".join(str(number)[:-1]) / str(number)
    body = f"\n{PARAGRAPH}\n"
    plain = files.text(body, number=number)
    written = {
        f"{number}.txt": plain.encode("ascii", "ignore"),
        f"{number}-8.txt": plain.encode("latin-1"),
        f"{number}-0.txt": plain.encode(),
        f"{number}-h/{number}-h.htm": files.page(f"<p>{PARAGRAPH}</p>", number=number).encode(),
        "old/abook10.txt": plain.encode("ascii", "ignore"),
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(f"{number}.txt", plain)
    written[f"{number}.zip"] = archive.getvalue()
    for name, data in written.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(data)
    return {name: home / name for name in written}


def test_of_a_mirror_one_edition_of_a_book_is_read_and_the_others_are_counted(tmp_path: Path) -> None:
    written = mirror(tmp_path)
    mirror(tmp_path, 1357)
    order = ["1234-h/1234-h.htm", "1234-0.txt", "1234-8.txt", "1234.txt", "1234.zip", "old/abook10.txt"]
    for left, best in enumerate(order):
        found = read_sources(tmp_path)
        ids = [id_ for id_ in found.ids if "1234" in id_]
        assert len(ids) == 1 and ids[0].startswith(str(written[best]))
        assert (len(found.ids), found.passed, found.unread) == (2, {OTHER: 10 - left}, [])
        written[best].unlink()


def test_an_edition_that_is_named_alone_is_read(tmp_path: Path) -> None:
    written = mirror(tmp_path)
    for name in ("1234.txt", "1234-8.txt"):
        assert len(read_sources(written[name]).texts) == 1


def test_files_with_numbers_for_names_are_no_editions(tmp_path: Path) -> None:
    for name in ("7.txt", "7.html", "7/7.txt", "7/7-0.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("<p>Words of anyone, in a file with a number.</p>" * 9, encoding="utf-8")
    assert read_sources(tmp_path, reader=PlainText()).passed == {}
    assert superseded(["x/7.txt", "x/7.html"]) == set()


def test_a_best_edition_that_is_no_book_is_not_the_best(tmp_path: Path) -> None:
    written = mirror(tmp_path)
    written["1234-h/1234-h.htm"].write_text("<html><body><p>Not here any more.</p></body></html>", encoding="utf-8")
    assert any(id_.startswith(str(written["1234-0.txt"])) for id_ in read_sources(tmp_path).ids)


@pytest.mark.parametrize("form", ["w", "w:gz", "zip"])
def test_a_mirror_in_an_archive(tmp_path: Path, form: str) -> None:
    mirror(tmp_path / "files")
    mirror(tmp_path / "files", 99)
    path = tmp_path / ("books.zip" if form == "zip" else "books.tar.gz" if form == "w:gz" else "books.tar")
    found_files = sorted(item for item in (tmp_path / "files").rglob("*") if item.is_file())
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for item in found_files:
                archive.write(item, item.relative_to(tmp_path))
    else:
        with tarfile.open(path, form) as tar:  # type: ignore[call-overload]
            for item in found_files:
                tar.add(item, item.relative_to(tmp_path).as_posix())
    found = read_sources(path)
    assert found.texts == [JOINED, JOINED] and found.passed == {OTHER: 10}
    assert [id_.rpartition("/")[2] for id_ in found.ids] == ["1234-h.htm#1", "99-h.htm#1"]


def test_a_book_in_a_zip_of_its_own_and_packed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "1234-h.zip", "w") as archive:
        archive.writestr("1234-h/1234-h.htm", files.page(f"<p>{PARAGRAPH}</p>"))
        archive.writestr("1234-h/images/cover.png", b"\x89PNG\r\n\x1a\n")
    (tmp_path / "pg5.txt.gz").write_bytes(gzip.compress(files.text(f"\n{PARAGRAPH}\n").encode()))
    found = read_sources(tmp_path)
    assert found.texts == [JOINED, JOINED]


def test_an_e_book_is_cleaned_like_a_page(tmp_path: Path) -> None:
    path = epub(
        tmp_path / "pg2542.epub",
        {
            "a": '<body><section class="pg-boilerplate pgheader" id="pg-header"><h2>The Project Gutenberg eBook '
            "of A Book</h2>"
            '<div id="pg-machine-header"><p><strong>Title</strong>: A Book</p><p><strong>Author</strong>: Ann '
            "Author</p>"
            "<p><strong>Release date</strong>: March 1, 2001 [eBook #2542]</p></div><div>*** START OF THE "
            "PROJECT GUTENBERG "
            'EBOOK A BOOK ***</div></section><h2>CHAPTER I</h2><p>He <span class="pagenum" id="p2">[Pg '
            "2]</span>went.</p></body>",
            "b": f"<body><h2>CHAPTER II</h2>{'<p>' + PARAGRAPH + '</p>'}</body>",
            "c": '<body><section class="pg-boilerplate" id="pg-footer"><div>*** END OF THE PROJECT GUTENBERG '
            "EBOOK A BOOK ***"
            "</div><p>THE FULL LICENSE</p></section></body>",
        },
        "<dc:title>A Book</dc:title><dc:source>https://www.gutenberg.org/files/2542/2542-h/2542-h.htm</dc:source>"
        "<dc:rights>Public domain in the USA.</dc:rights><dc:subject>Drama</dc:subject><dc:language>en</dc:language>",
    )
    found = read_sources(path)
    assert found.texts == [f"CHAPTER I\n\nHe went.\n\nCHAPTER II\n\n{JOINED}"]
    meta = found.metas[0]
    assert (meta["ebook"], meta["url"]) == (2542, "https://www.gutenberg.org/ebooks/2542")
    assert (meta["tags"], meta["sections"]) == (["Drama"], ["CHAPTER I", "CHAPTER II"])
    assert meta["authors"] == ["Ann Author"] and meta["license"] == "Public domain in the USA"


def test_a_book_without_text_and_one_that_is_too_long_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "1.txt"
    path.write_text(files.text("\n\nProduced by Jane Doe\n\n"), encoding="utf-8")
    assert read_sources(path).reasons == [(0, "no text in the book")]
    path.write_text(files.page("<div>" * 300 + "x"), encoding="utf-8")
    assert read_sources(path).reasons == [(0, "elements nested too deeply")]
    monkeypatch.setattr(gutenberg, "LONGEST", 1_000)
    assert read_sources(path).reasons == [(0, "too long a book")]


def test_without_cleaning_a_book_is_read_too_strictly(tmp_path: Path) -> None:
    path = tmp_path / "1-8.txt"
    path.write_bytes(files.text(f"\n{PARAGRAPH}\n", encoding="ISO-8859-1").encode("latin-1"))
    assert [document.text for document in read([str(path)])] == [JOINED]
    path.write_bytes(files.text(f"\n{PARAGRAPH}\n", encoding="none").encode("latin-1"))
    with pytest.raises(UserError, match="is not text"):
        list(read([str(path)]))


def test_of_a_mirror_one_edition_is_read_without_cleaning(tmp_path: Path) -> None:
    written = mirror(tmp_path)
    left: list[Path] = []
    found = list(read([str(tmp_path)], left_out=left.append))
    assert [document.text for document in found] == [JOINED]
    assert sorted(left) == sorted(path for name, path in written.items() if name != "1234-h/1234-h.htm")


def test_other_texts_are_plain_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Project Gutenberg is a library.\n", encoding="utf-8")
    assert format_of(path).kind == "text"
    path.write_text(files.text("x"), encoding="utf-8")
    assert format_of(path).kind == "gutenberg"


@pytest.mark.slow
def test_a_build_of_a_mirror_is_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    for number in (1234, 1357, 2468):
        mirror(tmp_path / "mirror", number)
    accounts = []
    for workers in (1, 2):
        out = tmp_path / f"corpus{workers}"
        account = build([], [str(tmp_path / "mirror")], out, engine=Engine(workers=workers))
        accounts.append((account["kept"], account["passed_over"], (out / "documents/part-00000.parquet").read_bytes()))
    assert accounts[0] == accounts[1]
    assert accounts[0][1] == {"records": 15, "reasons": {OTHER: 15}}
