"""Six sources in their published forms, through to one model in two minutes: what is read, and bits per byte of each.

    python benchmarks/six_sources.py            writes its result
    python benchmarks/six_sources.py --minutes 0.5    prints alone

The texts of builtin:docs are dealt out to six sources (`tests/support/published.py`): a dump of MediaWiki, one of
Stack Exchange, books of Project Gutenberg, sources of arXiv, checkouts of projects, and a WET file. `hornbook pretrain`
reads, cleans, mixes (shares by the square roots of their sizes) and trains. The numbers show that all six come
through; they are not to be compared with each other, since each source has other texts.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

from published import MAKERS

from hornbook.corpus.built import open_corpus
from hornbook.corpus.read import read

RESULT = Path(__file__).parent / "results" / "six_sources.json"
SOURCES = ("mediawiki", "stack-exchange", "gutenberg", "arxiv", "code", "crawl")
MINUTES = 2.0
_OF = "bits per byte of "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    minutes = parser.parse_args().minutes
    texts = [document.text for document in read(["builtin:docs"])]
    with tempfile.TemporaryDirectory() as folder:
        paths = {
            MAKERS[name](Path(folder), texts[place :: len(SOURCES)]).name: name for place, name in enumerate(SOURCES)
        }
        start = time.monotonic()
        command = ["pretrain", *paths, "--minutes", str(minutes), "--out", "run", "mix.rule=temperature"]
        subprocess.run([sys.executable, "-m", "hornbook", *command], cwd=folder, check=True)
        seconds = time.monotonic() - start
        ledger = open_corpus(Path(folder, "run", "corpus")).ledger
        found = json.loads(Path(folder, "run", "result.json").read_text(encoding="utf-8"))
    numbers = {item["name"]: item for item in found["numbers"]}
    result = {
        "date": datetime.date.today().isoformat(),
        "seconds": round(seconds, 1),
        "steps": found["steps"],
        "parameters": found["parameters"],
        "bits per byte": _told(numbers["bits per byte"]),
        "sources": {
            name: {
                "documents": ledger["sources"][path]["kept"]["documents"],
                "bytes": ledger["sources"][path]["kept"]["bytes"],
                "passed over": ledger["sources"][path]["passed_over"],
                "unread": ledger["sources"][path]["unread"],
                "bits per byte": _told(numbers[_OF + path]) if _OF + path in numbers else None,
            }
            for path, name in paths.items()
        },
    }
    print(json.dumps(result, indent=1))
    if minutes == MINUTES:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _told(number: dict[str, object]) -> list[object]:
    """Return a number's value and its interval."""
    ends = (number["value"], number["low"], number["high"])
    return [round(item, 4) if isinstance(item, float) else item for item in ends]


if __name__ == "__main__":
    main()
