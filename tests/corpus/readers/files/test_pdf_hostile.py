"""PDF: hostile and broken files are named, bounded in memory and time, and the next file is read."""

from __future__ import annotations

import random
import signal
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from pdf_maker import column, made, raw, stream
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from hornbook.corpus.readers.files.pdf_process import read_apart
from hornbook.corpus.readers.formats import records
from hornbook.corpus.readers.packed import BadRecord
from hornbook.corpus.readers.record import Reading

CATALOGUE = "<< /Type /Catalog /Pages 2 0 R >>"
KIDS = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
FONT = "<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
HELLO = stream(b"BT /F 12 Tf 50 700 Td (Hello there) Tj ET")


def page(extra: str = "", box: str = "[0 0 600 800]", resources: str = FONT) -> str:
    return f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents 4 0 R /Resources {resources} {extra} >>"


def bomb(path: Path, mebibytes: int, *behind: bytes) -> Path:
    packer = zlib.compressobj(9)
    data = b"".join([*(packer.compress(b" " * (1 << 20)) for _ in range(mebibytes)), *map(packer.compress, behind)])
    data += packer.flush()
    body = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(data), data)
    return raw(path, CATALOGUE, KIDS, page(), body)


def crossed(path: Path) -> Path:
    """Write a PDF whose table of places names itself as the one before it."""
    raw(path, CATALOGUE, KIDS, page(), HELLO)
    data = path.read_bytes()
    place = int(data.split(b"startxref\n")[1].split()[0])
    path.write_bytes(data.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % place))
    return path


ACTIONS = "/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >> /AA << /WC << /S /Launch /F (/bin/false) >> >>"
NEVER = page("/AA << /O << /S /URI /URI (http://127.0.0.1:9/) >> >>")
SOUND: dict[str, Callable[[Path], Path]] = {
    "a table of places that names itself": crossed,
    "twenty megabytes of blanks": lambda path: bomb(path, 20, b"BT /F 12 Tf 50 700 Td (Hello there) Tj ET"),
    "nested arrays": lambda path: raw(path, CATALOGUE, KIDS, page("/X " + "[" * 50_000 + "]" * 50_000), HELLO),
    "actions": lambda path: raw(path, CATALOGUE.replace(">>", ACTIONS + " >>"), KIDS, NEVER, HELLO),
    "a huge page": lambda path: raw(path, CATALOGUE, KIDS, page(box="[-1e30 -1e30 1e30 1e30]"), HELLO),
    "no fonts": lambda path: raw(path, CATALOGUE, KIDS, page(resources="<< >>"), HELLO),
    "an outline in a circle": lambda path: raw(
        path,
        "<< /Type /Catalog /Pages 2 0 R /Outlines 5 0 R >>",
        KIDS,
        page(),
        HELLO,
        "<< /First 6 0 R /Last 6 0 R >>",
        "<< /Title (a) /Parent 5 0 R /Next 6 0 R /First 6 0 R >>",
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_looks_hostile_and_can_be_read_is_read(tmp_path: Path, name: str) -> None:
    assert read_apart(SOUND[name](tmp_path / "a.pdf"))["text"] == "Hello there"


def encrypted(path: Path, user: str) -> Path:
    encryption = StandardEncryption(user, ownerPassword="owner", strength=128)
    canvas = Canvas(str(path), encrypt=encryption)
    column(canvas, ["Hello there"], 54, 700)
    canvas.save()
    return path


def many(path: Path, count: int) -> Path:
    kids = " ".join(f"{number} 0 R" for number in range(3, 3 + count))
    pages = ["<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"] * count
    return raw(path, CATALOGUE, f"<< /Type /Pages /Kids [{kids}] /Count {count} >>", *pages)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


LOOP = "<< /Type /Pages /Parent 2 0 R /Kids [2 0 R] /Count 1 >>"
REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a tree of pages in a circle": (
        lambda path: raw(path, CATALOGUE, "<< /Type /Pages /Kids [3 0 R] /Count 2 >>", LOOP),
        "damaged PDF",
    ),
    "a password": (lambda path: encrypted(path, "secret"), "encrypted"),
    "no pages": (lambda path: raw(path, CATALOGUE, "<< /Type /Pages /Kids [] /Count 0 >>"), "no pages"),
    "100,000 pages": (lambda path: many(path, 100_000), "too many pages"),
    "no PDF": (lambda path: written(path, b"this is no PDF at all " * 99), "damaged PDF"),
    "an empty file": (lambda path: written(path, b""), "damaged PDF"),
    "a header alone": (lambda path: written(path, b"%PDF-1.7\n"), "damaged PDF"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    make, reason = REFUSED[name]
    path = make(tmp_path / "a.pdf")
    heard: list[BadRecord] = []
    assert list(records(path, Reading("text", heard.append))) == []
    assert [(error.reason, str(error).startswith(f"{path} ")) for error in heard] == [(reason, True)]


def test_an_empty_password_is_none(tmp_path: Path) -> None:
    assert read_apart(encrypted(tmp_path / "a.pdf", ""))["text"] == "Hello there"


def test_cuts_and_changed_bytes_never_bring_the_reading_down(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        column(canvas, ["Hello there", "and here"], 54, 700)

    whole = made(tmp_path / "whole.pdf", draw, draw).read_bytes()
    draws = random.Random(5)
    for number in range(60):
        data = bytearray(whole[: draws.randrange(len(whole))] if number % 2 else whole)
        for _ in range(number % 7 * 3):
            data[draws.randrange(len(data) or 1) : 1] = bytes([draws.randrange(256)])
        answer = read_apart(written(tmp_path / "a.pdf", bytes(data)))
        assert "text" in answer or answer["reason"] in ("damaged PDF", "no pages", "encrypted")


def test_a_crash_names_the_file_and_the_next_is_read(tmp_path: Path) -> None:
    slow = bomb(
        tmp_path / "slow.pdf", 1, b"BT /F 12 Tf 50 700 Td ", b"(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa) Tj\n" * 60_000, b"ET"
    )
    sound = raw(tmp_path / "sound.pdf", CATALOGUE, KIDS, page(), HELLO)
    for number, reason in [(signal.SIGSEGV, "crashes the reader"), (signal.SIGXCPU, "takes too long")]:
        assert read_apart(sound)["text"] == "Hello there"
        child = {process.pid for process in psutil.Process().children()}
        assert child

        def strike(number: int = number, child: set[int] = child) -> None:
            time.sleep(0.1)
            for process in psutil.Process().children():
                if process.pid in child:
                    process.send_signal(number)

        striking = threading.Thread(target=strike)
        striking.start()
        answer = read_apart(slow)
        striking.join()
        assert answer["reason"] == reason
        assert read_apart(sound)["text"] == "Hello there"


def test_a_reader_that_was_idle_and_ended_is_started_again(tmp_path: Path) -> None:
    sound = raw(tmp_path / "sound.pdf", CATALOGUE, KIDS, page(), HELLO)
    assert read_apart(sound)["text"] == "Hello there"
    for process in psutil.Process().children():
        if "pdf_child" in " ".join(process.cmdline()):
            process.terminate()
            process.wait()
    assert read_apart(sound)["text"] == "Hello there"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a gigabyte of blanks", lambda path: bomb(path, 1000)),
        (
            "a form that draws itself",
            lambda path: raw(
                path,
                CATALOGUE,
                KIDS,
                page(resources="<< /XObject << /X 5 0 R >> >>"),
                stream(b"/X Do"),
                stream(
                    b"/X Do /X Do",
                    "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >>",
                ),
            ),
        ),
    ],
)
def test_memory_is_bounded(tmp_path: Path, name: str, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path / "a.pdf")
    most = 0
    over = threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.02):
            for process in psutil.Process().children():
                most = max(most, process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    answer = read_apart(path)
    over.set()
    watching.join()
    assert answer["reason"] == "crashes the reader", name
    assert most < 512 << 20
