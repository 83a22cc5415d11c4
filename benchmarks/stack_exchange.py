"""Reading Posts.xml of Stack Exchange, beside a plain streaming parser and a join in memory.

    python benchmarks/stack_exchange.py                 a dump of 200 MB; writes its result
    python benchmarks/stack_exchange.py --megabytes 20  smaller; prints alone
    python benchmarks/stack_exchange.py --memory 5000   the reader alone, on so many megabytes that are made while read

Each runs in a process of its own, in turn, one thread: processor seconds, megabytes of XML a second, peak memory.

    parse   ElementTree's iterparse over the rows; nothing is joined and no HTML becomes text
    memory  the same, posts held in a dictionary by question; bodies become text as ours do
    ours    the reader: rows one by one, sorted on disk
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree.ElementTree import iterparse
from xml.sax.saxutils import quoteattr

from hornbook.corpus.readers.answers.exchange import StackExchange
from hornbook.corpus.readers.books.hypertext import blocks_of, joined, parse
from hornbook.corpus.readers.packed import Member, Place
from hornbook.corpus.readers.record import WHOLE, Reading

RESULT = Path(__file__).parent / "results" / "stack_exchange.json"
HEAD, TAIL = b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n', b"</posts>"
WORDS = ("the", "value", "of", "function", "list", "error", "when", "I", "parse", "index", "null", "loop", "my")
ROWS = 1_000  # that are made at a time


def rows(number: int) -> bytes:
    """Return the rows of one block of a dump, the same each time: a question in three, and answers to earlier ones."""
    chance = random.Random(number)
    made = []
    for post in range(number * ROWS + 1, (number + 1) * ROWS + 1):
        words = [chance.choice(WORDS) for _ in range(chance.randrange(30, 220))]
        middle = len(words) // 2
        body = f"<p>{' '.join(words[:middle])} <code>x[0]</code></p>\n\n<pre><code>def f(x):\n    return x &lt; 1\n"
        body += f"</code></pre>\n\n<p>{' '.join(words[middle:])} <a href='http://example.org'>see</a>:</p>\n\n<ul>\n<li>one</li>\n</ul>\n"
        date = f"20{chance.randrange(9, 24):02}-0{chance.randrange(1, 9)}-11T10:11:12.130"
        facts = f'Id="{post}" CreationDate="{date}" Score="{chance.randrange(0, 40)}" Body={quoteattr(body)}'
        if post % 3 == 1:
            facts += f' PostTypeId="1" Title="{" ".join(words[:8])}" Tags="&lt;python&gt;&lt;list&gt;"'
        else:
            parent = max(1, post - chance.randrange(0, min(post, 30_000)))
            facts += f' PostTypeId="2" ParentId="{parent - (parent - 1) % 3}"'
        made.append(f"  <row {facts} />\r\n")
    return "".join(made).encode()


class Made(io.RawIOBase):
    """A dump of about so many bytes that is made while it is read, from its begin to its end."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.seek(0)

    def seek(self, offset: int, whence: int = 0) -> int:
        if not offset:
            self.held, self.place, self.number = HEAD, 0, 0
        return self.place

    def read(self, size: int = -1) -> bytes:
        while len(self.held) < size and self.place + len(self.held) < self.size:
            self.held += rows(self.number)
            self.number += 1
            if self.place + len(self.held) >= self.size:
                self.held += TAIL
        given, self.held = self.held[:size], self.held[size:]
        self.place += len(given)
        return given


def parsed(path: Path) -> Iterator[dict[str, str]]:
    """Yield the attributes of each row."""
    for _, element in iterparse(path):
        if element.tag == "row":
            yield element.attrib
        element.clear()


def plain(path: Path) -> int:
    return sum("Body" in row for row in parsed(path))


def in_memory(path: Path) -> int:
    questions, answers = {}, defaultdict(list)
    for row in parsed(path):
        held = {name: row.get(name, "") for name in ("Id", "Score", "Body", "Title", "Tags", "CreationDate")}
        if row["PostTypeId"] == "1":
            questions[int(row["Id"])] = held
        else:
            answers[int(row["ParentId"])].append(held)
    found = 0
    for number in sorted(questions):
        given = sorted(answers[number], key=lambda answer: (-int(answer["Score"]), int(answer["Id"])))
        texts = [joined(blocks_of(parse(post["Body"]))) for post in (questions[number], *given)]
        found += bool("\n\n".join(texts))
    return found


def ours(place: Place) -> int:
    reading = Reading(bad=print)
    return sum(1 for _ in StackExchange(site="example.org")(place, reading, WHOLE))


def measured(kind: Callable[..., int], path: Path | int) -> dict[str, float]:
    """Return processor seconds, peak memory in MB and how many were found, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_run, (kind, path))


def _run(kind: Callable[..., int], path: Path | int) -> dict[str, float]:
    before = time.process_time()
    found = kind(Member("example.org/Posts.xml", Made(path)) if isinstance(path, int) else path)
    taken = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"processor_seconds": round(taken, 2), "peak_memory_mb": round(peak), "found": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=0)
    parser.add_argument("--memory", type=int, default=0)
    given = parser.parse_args()
    if given.memory:
        print(json.dumps(measured(ours, given.memory * 1_000_000)))
        return
    size = (given.megabytes or 200) * 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "Posts.xml")
        made = Made(size)
        with path.open("wb") as stream:
            while block := made.read(1 << 20):
                stream.write(block)
        results = {}
        for name, kind in (("parse", plain), ("memory", in_memory), ("ours", ours)):
            results[name] = measured(kind, path)
            results[name]["mb_a_second"] = round(path.stat().st_size / 1e6 / results[name]["processor_seconds"], 1)
            print(name, json.dumps(results[name]))
    if not given.megabytes:
        from hornbook.train.machine import environment, find_device  # with torch, whose memory is not to be measured

        kept = {
            "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
            "machine": environment(find_device()),
            "results": results,
        }
        RESULT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
