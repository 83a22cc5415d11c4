"""PDF as a format: facts, packed files, archives, scans, builds by several workers, and one that is killed."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest
from pdf_maker import column, made, plain, sentence, text_of, wrapped
from reportlab.pdfgen.canvas import Canvas

from hornbook.corpus.build.build import build_recipe
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.build.recipe import CorpusRecipe
from hornbook.corpus.built import documents, open_corpus
from hornbook.corpus.read import read
from hornbook.corpus.readers.files.pdf.facts import authors, date_of
from hornbook.corpus.readers.formats import records
from hornbook.corpus.readers.packed import BadRecord
from hornbook.corpus.readers.record import Reading, Record
from hornbook.errors import UserError


def draw_text(start: int):
    def draw(canvas: Canvas) -> None:
        column(canvas, wrapped(sentence(40, start), 400), 54, 700, 400)

    return draw


def draw_picture(canvas: Canvas) -> None:
    canvas.drawInlineImage(_dot(), 0, 0, 612, 792)


def _dot():
    from PIL import Image

    return Image.new("L", (2, 2))


def heard(path: Path) -> tuple[list[Record], list[BadRecord]]:
    errors: list[BadRecord] = []
    return list(records(path, Reading("text", errors.append))), errors


def test_facts(tmp_path: Path) -> None:
    path = made(
        tmp_path / "a.pdf",
        draw_text(0),
        draw_text(9),
        title="On ships",
        author="Ada Lovelace; Mary Somerville",
        lang="en-GB",
    )
    (record,), errors = heard(path)
    assert not errors and record.number == 1
    assert record.meta == {
        "title": "On ships",
        "authors": ["Ada Lovelace", "Mary Somerville"],
        "date": "2000-01-01T00:00:00+00:00",
        "language": "en-GB",
        "pages": 2,
    }


@pytest.mark.parametrize(
    "title",
    [
        "untitled",
        "Microsoft Word - thesis final.doc",
        "thesis.dvi",
        "chapter 1.indd",
        "PowerPoint Presentation",
        "(anonymous)",
    ],
)
def test_titles_that_programs_fill_in_are_none(tmp_path: Path, title: str) -> None:
    (record,), _ = heard(made(tmp_path / "a.pdf", draw_text(0), title=title, author="anonymous"))
    assert "title" not in record.meta or title == "(anonymous)"
    assert "authors" not in record.meta


@pytest.mark.parametrize(
    "title",
    ["Scanning the harbour", "Document theory", "The title of a book", "Printing", "Microsoft Word for sailors"],
)
def test_titles_that_only_look_like_it_are_titles(tmp_path: Path, title: str) -> None:
    (record,), _ = heard(made(tmp_path / "a.pdf", draw_text(0), title=title))
    assert record.meta["title"] == title


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("D:20240103142559+01'00'", "2024-01-03T14:25:59+01:00"),
        ("D:20240103142559Z", "2024-01-03T14:25:59+00:00"),
        ("D:20240103", "2024-01-03"),
        ("D:2024", "2024"),
        ("20240103142559", "2024-01-03T14:25:59"),
        ("D:20241332", ""),
        ("Tuesday", ""),
        ("", ""),
    ],
)
def test_dates(given: str, expected: str) -> None:
    assert date_of(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Ada Lovelace", ["Ada Lovelace"]),
        ("Lovelace, Ada", ["Lovelace, Ada"]),
        ("Ada Lovelace, Charles Babbage", ["Ada Lovelace", "Charles Babbage"]),
        ("Ada Lovelace and Charles Babbage", ["Ada Lovelace", "Charles Babbage"]),
        ("Admin", []),
        ("CORP\\user7", []),
        ("", []),
    ],
)
def test_authors(given: str, expected: list[str]) -> None:
    assert authors(given) == expected


def test_sections_are_the_titles_of_the_outline(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        for key, level in (("One ship", 0), ("Its sails", 1)):
            canvas.bookmarkPage(key)
            canvas.addOutlineEntry(key, key, level)
        column(canvas, ["text of it"], 54, 700)

    (record,), _ = heard(made(tmp_path / "a.pdf", draw))
    assert record.meta["sections"] == ["One ship", "Its sails"]


def test_a_scan_is_named_as_such(tmp_path: Path) -> None:
    found, errors = heard(made(tmp_path / "a.pdf", draw_picture, draw_picture))
    assert found == []
    assert [(error.reason, error.count) for error in errors] == [("pages are pictures: needs OCR", 1)]


def test_pages_that_are_scans_are_named_and_the_others_read(tmp_path: Path) -> None:
    path = made(tmp_path / "a.pdf", draw_picture, draw_text(0), draw_picture)
    (record,), errors = heard(path)
    assert record.text == plain(sentence(40, 0))
    assert [(str(error), error.line, error.count) for error in errors] == [
        (f"{path}, pages 1, 3: pictures without text, which need OCR.", 1, 0)
    ]


def test_blank_pages_are_no_scans(tmp_path: Path) -> None:
    (record,), errors = heard(made(tmp_path / "a.pdf", lambda canvas: None, draw_text(0)))
    assert record.text == plain(sentence(40, 0)) and errors == []


def test_packed_and_archived_files(tmp_path: Path) -> None:
    path = made(tmp_path / "a.pdf", draw_text(0))
    (tmp_path / "b.pdf.gz").write_bytes(gzip.compress(path.read_bytes()))
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.write(path, "inner/d.pdf")
    texts = [heard(tmp_path / name)[0][0].text for name in ("a.pdf", "b.pdf.gz", "c.zip")]
    assert texts == [plain(sentence(40, 0))] * 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    _, errors = heard(tmp_path / "none.pdf")
    assert [error.reason for error in errors] == ["cannot be read"]


def test_reading_strictly_raises_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"a\.pdf is no PDF, or a damaged one\. Restore it"):
        list(read([str(tmp_path / "a.pdf")]))
    made(tmp_path / "b.pdf", draw_text(0))
    assert [document.text for document in read([str(tmp_path / "b.pdf")])] == [plain(sentence(40, 0))]


def test_threads_read_the_same(tmp_path: Path) -> None:
    paths = [made(tmp_path / f"{number}.pdf", draw_text(number), draw_text(number + 1)) for number in range(3)]
    alone = [text_of(path) for path in paths]
    found: dict[int, str] = {}

    def work(number: int) -> None:
        found[number] = heard(paths[number])[0][0].text

    threads = [threading.Thread(target=work, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(3)] == alone


def folder_of(tmp_path: Path, count: int) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(count):
        made(folder / f"{number:02d}.pdf", draw_text(number), draw_text(number + 7))
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    return folder


def corpus_of(out: Path) -> list[tuple[str, str, str]]:
    return [
        (document.id, document.text, str(sorted(document.meta.items()))) for document in documents(open_corpus(out))
    ]


@pytest.mark.slow
def test_builds_by_several_workers_are_the_same_and_name_what_is_broken(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 12)
    ledgers = [
        build_recipe(CorpusRecipe((str(folder),), block=4_000), tmp_path / f"out{workers}", Engine(workers=workers))
        for workers in (1, 2)
    ]
    assert ledgers[0]["kept"]["documents"] == 12 and ledgers[0]["unread"]["reasons"] == {"damaged PDF": 1}
    assert corpus_of(tmp_path / "out1") == corpus_of(tmp_path / "out2")


@pytest.mark.slow
def test_a_build_that_is_killed_goes_on_to_the_same_texts_and_leaves_no_process(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 12)
    command = [sys.executable, "-m", "hornbook", "corpus", "build", str(folder), "--workers", "1", "--out"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(item for item in sys.path if item)}
    subprocess.run([*command, str(tmp_path / "whole")], check=True, env=environment, capture_output=True)
    for attempt in range(2):
        running = subprocess.Popen([*command, str(tmp_path / "cut")], env=environment, stdout=subprocess.DEVNULL)
        time.sleep(1.5 + 0.7 * attempt)
        running.send_signal(signal.SIGKILL)
        running.wait()
    subprocess.run([*command, str(tmp_path / "cut")], check=True, env=environment, capture_output=True)
    assert corpus_of(tmp_path / "cut") == corpus_of(tmp_path / "whole")
