"""Wikitext to text: pages a second of one core and markup that is left, beside other programs in the same run.

    python benchmarks/wikipedia.py --data enwiki-latest-pages-articles1.xml-p1p41242.bz2 --pages 500
    python benchmarks/wikipedia.py --data DUMP --gigabytes 5    also the memory that a stream of so much takes

The first pages of a dump that are articles, redirects left out. Programs take turns, three times; the least time
counts. Residue is counted per page, and over the constructs of the tests, which stand beside their right text. The
stream repeats the dump's articles between talk pages, and is never on the disk. Times are of the processor.
"""

from __future__ import annotations

import argparse
import datetime
import io
import itertools
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

from hornbook.corpus.readers.packed import Member, shown
from hornbook.corpus.readers.record import WHOLE, Reading
from hornbook.corpus.readers.wiki.dump import MediaWiki, is_redirect
from hornbook.corpus.readers.wiki.export import raw_pages
from hornbook.corpus.readers.wiki.streams import pieces
from hornbook.train.machine import environment, find_device

HERE = Path(__file__).parent
RESULT = HERE / "results" / "wikipedia.json"
PEER = HERE / "peers" / "wikipedia.py"
CONSTRUCTS = HERE.parent / "tests" / "fixtures" / "sources" / "wikitext" / "constructs.txt"
CONTENDERS = ("hornbook", "wikiextractor", "mwparserfromhell", "wikitextparser")
RESIDUE = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{\||\|\}|''|</?(?:ref|references|nowiki|gallery)\b|__(?:NO)?TOC__", re.I)
VERBATIM = re.compile(r"<(?:nowiki|math|pre|syntaxhighlight|source|chem|ce)\b|&#(?:91|123|39);", re.I)
TURNS = 3


def articles(dump: Path, most: int) -> list[tuple[str, str]]:
    """Return the titles and the wikitext of the first pages that are articles."""
    found: list[tuple[str, str]] = []
    for raw in raw_pages(pieces(dump, WHOLE)):
        if raw.namespace == 0:
            element = raw.element()
            text = element.findtext("revision/text") or ""
            if text and not is_redirect(text):
                found.append((element.findtext("title") or "", text))
        if len(found) == most:
            break
    return found


def constructs() -> list[tuple[str, str]]:
    """Return the constructs of the tests that hold nothing verbatim."""
    items = CONSTRUCTS.read_text(encoding="utf-8").split("@@ ")[1:]
    sources = [item.partition("\n@->\n")[0].partition("\n")[2] for item in items]
    return [("Paris", source) for source in sources if not VERBATIM.search(source)]


def ran(contender: str, pages: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the seconds and the texts of a program."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pages.json")
        path.write_text(json.dumps(pages), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(PEER), contender, str(path)], capture_output=True, text=True, check=True
        )
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def compared(pages: list[tuple[str, str]]) -> dict[str, Any]:
    """Return what each program does with the pages and the constructs."""
    size = sum(len(text.encode()) for _, text in pages)
    plain = [not VERBATIM.search(text) for _, text in pages]
    seconds = {name: float("inf") for name in CONTENDERS}
    results: dict[str, Any] = {}
    for _ in range(TURNS):
        for name in CONTENDERS:
            done = ran(name, pages)
            seconds[name] = min(seconds[name], done["seconds"])
            left = [len(RESIDUE.findall(text)) for text, usable in zip(done["texts"], plain, strict=True) if usable]
            results[name] = {
                "pages_a_second": round(len(pages) / seconds[name], 1),
                "megabytes_a_second": round(size / 1e6 / seconds[name], 2),
                "pages_with_residue": sum(map(bool, left)),
                "residue": sum(left),
                "characters": sum(map(len, done["texts"])),
            }
    for name in CONTENDERS:
        texts = ran(name, constructs())["texts"]
        results[name]["constructs_with_residue"] = sum(bool(RESIDUE.search(text)) for text in texts)
    return {"pages": len(pages), "pages_without_verbatim": sum(plain), "bytes": size, "programs": results}


class Endless(Member):
    """A dump of so many bytes that is made while it is read: a megabyte of talk pages to an article."""

    def __init__(self, pages: list[tuple[str, str]], size: int) -> None:
        self.name, self.size = "generated.xml", size
        self.pages = [_page(number, 0, *page) for number, page in enumerate(pages, start=1)]

    def open(self) -> BinaryIO:
        return io.BufferedReader(_Made(self._made()), 1 << 20)

    def _made(self) -> Iterator[bytes]:
        yield b'<mediawiki xml:lang="en">\n'
        talk = _page(1, 1, "Talk", "talk " * 20_000) * 10
        left = self.size
        for article in itertools.cycle(self.pages):
            yield article
            yield talk
            left -= len(article) + len(talk)
            if left <= 0:
                break
        yield b"</mediawiki>\n"


def _page(number: int, namespace: int, title: str, text: str) -> bytes:
    head = f"<page><title>{escape(title)}</title><ns>{namespace}</ns><id>{number}</id>"
    return f"{head}<revision><text>{escape(text)}</text></revision></page>\n".encode()


class _Made(io.RawIOBase):
    def __init__(self, made: Iterator[bytes]) -> None:
        self._made, self._held = made, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._held = self._held or next(self._made, b"")
        size = min(len(buffer), len(self._held))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size


def streamed(pages: list[tuple[str, str]], gigabytes: float) -> dict[str, Any]:
    """Return the memory that reading a stream takes, at its first tenth and at its end."""
    source = Endless(pages, int(gigabytes * 1e9))
    start = time.process_time()
    count, early = 0, 0
    for count, _ in enumerate(MediaWiki()(source, Reading("text", print), WHOLE), start=1):
        if count == 2 * len(pages):
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "gigabytes": gigabytes,
        "articles": count,
        "seconds": round(time.process_time() - start, 1),
        "peak_megabytes_early": round(early / 1024),
        "peak_megabytes": round(peak / 1024),
    }


def read(dump: Path) -> dict[str, Any]:
    """Return how fast the reader takes a dump, unpacking and XML included."""
    start = time.process_time()
    count = sum(1 for _ in MediaWiki()(dump, Reading("text", print), WHOLE))
    seconds = time.process_time() - start
    return {"documents": count, "seconds": round(seconds, 2), "documents_a_second": round(count / seconds, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--gigabytes", type=float, default=0)
    given = parser.parse_args()
    pages = articles(given.data, given.pages)
    if not pages:
        sys.exit(f"{shown(given.data)} has no articles.")
    results: dict[str, Any] = {"dump": given.data.name, **compared(pages), "reader": read(given.data)}
    if given.gigabytes:
        results["stream"] = streamed(pages, given.gigabytes)
    today = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    record = {"date": today, "machine": environment(find_device()), "results": results}
    RESULT.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
