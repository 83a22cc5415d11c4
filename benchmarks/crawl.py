"""Records a second of WET and WARC files, beside warcio and FastWARC.

    python benchmarks/crawl.py             20,000 records of WET, 6,000 of WARC (2,000 pages); writes its result
    python benchmarks/crawl.py --extract   also the main text of 300 pages, beside warcio with trafilatura

The files are made here, each record a member of gzip of its own as Common Crawl packs them: texts of 6 KB on average
from a vocabulary of 20,000 made-up words, pages of 40 KB. All read the same file in turn, three times, in CPU time
of one thread; the median counts. FastWARC is measured where it is installed (pip install fastwarc).
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from crawls import fetched, http, wet

from hornbook.corpus.readers.crawl.archive import Entry, entries
from hornbook.corpus.readers.crawl.warc import Warc
from hornbook.corpus.readers.record import WHOLE, Reading
from hornbook.train.machine import environment, find_device

RESULT = Path(__file__).parent / "results" / "crawl.json"
CHANCE = random.Random(0)
WORDS = ["".join(CHANCE.choices("etaoinshrdlu", k=CHANCE.randint(2, 10))) for _ in range(20_000)]


def text(words: int) -> str:
    return " ".join(CHANCE.choices(WORDS, k=words))


def page() -> bytes:
    links = "".join(f'<li><a href="/{text(1)}">{text(3)}</a></li>' for _ in range(300))
    body = "".join(f"<p>{text(90)}.</p>" for _ in range(20))
    head = f"<html><head><title>{text(5)}</title></head>"
    return f"{head}<body><ul>{links}</ul><article>{body}</article></body></html>".encode()


def write(path: Path, records: list[bytes]) -> Path:
    path.write_bytes(b"".join(gzip.compress(record, 6) for record in records))
    return path


def by_entries(path: Path) -> int:
    return sum(len(item.block) > 0 for item in entries(path) if isinstance(item, Entry))


def by_reader(path: Path) -> int:
    return sum(1 for _ in Warc()(path, Reading(bad=lambda error: None), WHOLE))


def by_warcio(path: Path) -> int:
    from warcio.archiveiterator import ArchiveIterator

    with path.open("rb") as stream:
        return sum(len(item.raw_stream.read()) >= 0 for item in ArchiveIterator(stream))


def by_fastwarc(path: Path) -> int:
    from fastwarc.warc import ArchiveIterator

    with path.open("rb") as stream:
        return sum(len(item.reader.read()) >= 0 for item in ArchiveIterator(stream, parse_http=False))


def extracted_by_warcio(path: Path) -> int:
    import trafilatura
    from warcio.archiveiterator import ArchiveIterator

    with path.open("rb") as stream:
        pages = (item.content_stream().read() for item in ArchiveIterator(stream) if item.rec_type == "response")
        return sum(trafilatura.extract(data, deduplicate=False) is not None for data in pages)


def timed(ways: dict[str, Callable[[Path], int]], path: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Return records and processor seconds of each way, in turn."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, int] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            found[name] = way(path)
            taken[name].append(time.process_time() - start)
    median = {name: statistics.median(seconds) for name, seconds in taken.items()}
    return {
        name: {
            "records": found[name],
            "records_a_second": round(found[name] / median[name]),
            "seconds": round(median[name], 3),
        }
        for name in ways
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--extract", action="store_true")
    asked = parser.parse_args()
    peers: dict[str, Callable[[Path], int]] = {"warcio": by_warcio}
    try:
        import fastwarc  # noqa: F401

        peers["fastwarc"] = by_fastwarc
    except ImportError:
        print("FastWARC is not installed")
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        path = write(
            Path(folder, "a.warc.wet.gz"),
            [wet(n, f"http://a.org/{n}", text(CHANCE.randint(200, 1_600))) for n in range(20_000)],
        )
        results["wet"] = {
            "bytes": path.stat().st_size,
            **timed({"records": by_entries, "documents": by_reader, **peers}, path, 3),
        }
        path = write(
            Path(folder, "a.warc.gz"),
            [item for n in range(2_000) for item in fetched(n, f"http://a.org/{n}", http(page()))],
        )
        results["warc"] = {"bytes": path.stat().st_size, **timed({"records": by_entries, **peers}, path, 3)}
        if asked.extract:
            path = write(
                Path(folder, "b.warc.gz"),
                [item for n in range(300) for item in fetched(n, f"http://a.org/{n}", http(page()))],
            )
            results["main text"] = timed(
                {"documents": by_reader, "warcio and trafilatura": extracted_by_warcio}, path, 1
            )
    print(json.dumps(results, indent=1))
    told = {"date": str(datetime.date.today()), "machine": environment(find_device()), "results": results}
    RESULT.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
