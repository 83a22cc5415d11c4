"""How fast documents, mail and pages become text, each beside the library that most use, in one run on one core.

    python benchmarks/office.py

The files are made here: documents of Word by python-docx, RTF by hand, mail by the standard library. A peer does less
than we do: python-docx gives the paragraphs of the body without numbers, notes and tables, striprtf no facts, and the
standard library's mail the plain part with its quotes. Needs python-docx and striprtf.
"""

from __future__ import annotations

import argparse
import html.parser
import json
import mailbox
import os
import tempfile
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import docx
from striprtf.striprtf import rtf_to_text

from hornbook.corpus.readers.files.html_text import html_text
from hornbook.corpus.readers.files.office.rtf import Rtf
from hornbook.corpus.readers.files.word.docx import Docx
from hornbook.corpus.readers.record import WHOLE, Reading
from hornbook.corpus.readers.talk.mail import Mail

WORDS = [
    "the",
    "reader",
    "of",
    "a",
    "document",
    "sees",
    "words,",
    "and",
    "the",
    "words",
    "that",
    "it",
    "sees",
    "are",
    "those",
    "that",
    "a",
    "model",
    "learns",
    "from;",
]


def sentence(number: int, length: int = 40) -> str:
    return " ".join(WORDS[(number * 7 + place * 3) % len(WORDS)] for place in range(length)) + f" {number}."


def make_docx(path: Path, paragraphs: int = 300) -> None:
    made = docx.Document()
    for number in range(paragraphs):
        style = "List Number" if number % 10 == 5 else "Heading 2" if number % 25 == 0 else None
        made.add_paragraph(sentence(number), style=style)
    table = made.add_table(20, 4)
    for number, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = f"cell {number}"
    made.save(str(path))


def make_rtf(path: Path, paragraphs: int = 5_000) -> None:
    body = "".join(
        rf"\pard {{\b {sentence(n, 5)}}} caf\'e9 \u8364? {sentence(n)}\par" + "\n" for n in range(paragraphs)
    )
    path.write_text(rf"{{\rtf1\ansi\ansicpg1252{{\fonttbl{{\f0 Arial;}}}}{body}}}")


def make_mbox(path: Path, messages: int = 3_000) -> None:
    box = mailbox.mbox(str(path))
    for number in range(messages):
        message = EmailMessage()
        message["From"], message["Subject"] = "ann@example.org", f"Re: number {number}"
        message["Message-ID"] = f"<{number}@example.org>"
        message.set_content(
            "\n".join(sentence(number + place, 12) for place in range(20)) + "\nOn Monday Ann wrote:\n> ü\n"
        )
        message.add_alternative(f"<p>{sentence(number, 200)}</p>", subtype="html")
        box.add(message)
    box.close()


class Words(html.parser.HTMLParser):
    """The words of a page by the standard library, without blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def standard_pages(page: str) -> None:
    parser = Words()
    parser.feed(page)
    parser.close()


def standard_mail(path: Path) -> None:
    from email import policy
    from email.parser import BytesParser

    box = mailbox.mbox(str(path), factory=lambda stream: BytesParser(policy=policy.default).parse(stream))
    for message in box:
        message.get_body(("plain",)).get_content()


def seconds(call: Callable[[], object]) -> float:
    """Return the shortest of three times."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def read(reader: object, path: Path) -> None:
    for _ in reader(path, Reading(bad=lambda error: None), WHOLE):  # type: ignore[operator]
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "office.json")
    out = parser.parse_args().out
    page = "".join(
        f"<h2>Part {n}</h2><p>{sentence(n)} <b>bold</b> &amp; so</p><ul><li>a<li>b</ul>" for n in range(2_000)
    )
    with tempfile.TemporaryDirectory() as folder:
        word, rich, box = Path(folder, "a.docx"), Path(folder, "a.rtf"), Path(folder, "a.mbox")
        make_docx(word)
        make_rtf(rich)
        make_mbox(box)
        rows = {
            "docx, documents a second": (
                1 / seconds(lambda: read(Docx(), word)),
                1 / seconds(lambda: "\n".join(item.text for item in docx.Document(str(word)).paragraphs)),
            ),
            "rtf, MB a second": (
                rich.stat().st_size / 1e6 / seconds(lambda: read(Rtf(), rich)),
                rich.stat().st_size / 1e6 / seconds(lambda: rtf_to_text(rich.read_text())),
            ),
            "mbox, messages a second": (
                3_000 / seconds(lambda: read(Mail(), box)),
                3_000 / seconds(lambda: standard_mail(box)),
            ),
            "html, MB a second": (
                len(page) / 1e6 / seconds(lambda: html_text(page)),
                len(page) / 1e6 / seconds(lambda: standard_pages(page)),
            ),
        }
    peers = {"docx": "python-docx", "rtf": "striprtf", "mbox": "mailbox and email", "html": "html.parser"}
    found = {name: {"ours": round(ours, 1), "peer": round(peer, 1)} for name, (ours, peer) in rows.items()}
    for name, figures in found.items():
        print(f"{name:26} {figures['ours']:10,.1f}   {peers[name.split(',')[0]]:18} {figures['peer']:10,.1f}")
    out.write_text(json.dumps({"cpus": os.cpu_count(), "peers": peers, "found": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
