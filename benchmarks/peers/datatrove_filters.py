"""One filter of datatrove over a file of documents: called by corpus_filters.py with the Python that has datatrove.

    PYTHON datatrove_filters.py DOCUMENTS.jsonl FILTER RESULT.json [--words SRC]

FILTER is quality, repetition, c4 or fineweb. The result holds each document's verdict ("" = kept), the CRC-32 of the
text that C4's rules leave, CPU and clock seconds of the filter's own calls and of reading the file, and the largest
memory of the process. With `--words SRC` datatrove's tokenizers are replaced by the splitting of the package in SRC.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

BLOCK = 500


def filters() -> dict[str, Any]:
    """Return datatrove's filters by short name."""
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    return {
        "quality": GopherQualityFilter,
        "repetition": GopherRepetitionFilter,
        "c4": C4QualityFilter,
        "fineweb": FineWebQualityFilter,
    }


def replace_splitting(source: str) -> None:
    """Let datatrove's filters split as the package in `source` does."""
    from datatrove.pipeline.filters import c4_filters, fineweb_quality_filter, gopher_quality_filter
    from datatrove.pipeline.filters import gopher_repetition_filter as repetition

    sys.path.insert(0, source)
    from hornbook.corpus.steps.words import sentences, split_words

    for module in (gopher_quality_filter, fineweb_quality_filter, repetition):
        module.split_into_words = lambda text, language: split_words(text)
    c4_filters.split_into_sentences = lambda text, language: [""] * sentences(text)


def main() -> None:
    """Judge all documents, a block at a time, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path)
    parser.add_argument("filter")
    parser.add_argument("result", type=Path)
    parser.add_argument("--words", default="")
    given = parser.parse_args()
    from datatrove.data import Document

    judge = filters()[given.filter]()
    if given.words:
        replace_splitting(given.words)
    judge.filter(Document(text="The tokenizer is loaded with the first text.", id="-"))
    verdicts, crcs, cpu, wall = [], [], 0.0, 0.0
    reading = time.process_time()
    with given.documents.open(encoding="utf-8") as stream:
        while lines := [line for _, line in zip(range(BLOCK), stream, strict=False)]:
            documents = [Document(text=json.loads(line)["text"], id="-") for line in lines]
            begin, started = time.process_time(), time.perf_counter()
            found = [judge.filter(document) for document in documents]
            cpu, wall = cpu + time.process_time() - begin, wall + time.perf_counter() - started
            verdicts += ["" if item is True else item[1] if isinstance(item, tuple) else "no" for item in found]
            crcs += [zlib.crc32(document.text.encode("utf-8", "surrogatepass")) for document in documents]
    result = {
        "datatrove": version("datatrove"),
        "cpu_seconds": round(cpu, 2),
        "wall_seconds": round(wall, 2),
        "reading_cpu_seconds": round(time.process_time() - reading - cpu, 2),
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "verdicts": verdicts,
        "crcs": crcs,
    }
    given.result.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
