"""Near duplicates as other libraries find them: called by ../near_duplicates.py with the Python that has them.

    PYTHON peers/near_duplicates.py LIBRARY DOCUMENTS.parquet DIRECTORY BANDS ROWS WORDS

LIBRARY is datasketch, datatrove or text-dedup, each as its own documentation shows it, all work in one process.
DIRECTORY/dropped.json then holds the places of the documents that the library would drop.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import sys
from pathlib import Path
from typing import Any

PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


def shingles(text: str, words: int) -> set[str]:
    split = PUNCTUATION.sub("", text.lower()).split()
    return {" ".join(split[start : start + words]) for start in range(max(1, len(split) - words + 1))}


def datasketch(texts: list[str], directory: Path, bands: int, rows: int, words: int) -> list[int]:
    """The library's LSH index: each text is asked for before it is added."""
    from datasketch import MinHash, MinHashLSH

    index, dropped = MinHashLSH(num_perm=bands * rows, params=(bands, rows)), []
    for place, text in enumerate(texts):
        signature = MinHash(num_perm=bands * rows)
        signature.update_batch([item.encode() for item in shingles(text, words)])
        if index.query(signature):
            dropped.append(place)
        index.insert(place, signature)
    return dropped


def datatrove(texts: list[str], directory: Path, bands: int, rows: int, words: int) -> list[int]:
    """The library's four stages on one worker; its word tokenizer is replaced by a split at blanks, which is faster."""
    from datatrove.data import Document
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature, minhash
    from datatrove.pipeline.dedup.minhash import MinhashConfig

    class Blanks:
        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

    minhash.load_word_tokenizer = lambda language: Blanks()
    config = MinhashConfig(n_grams=words, num_buckets=bands, hashes_per_bucket=rows)
    folder = str(directory)

    def documents(data: Any = None, rank: int = 0, world_size: int = 1) -> Any:
        for place, text in enumerate(texts):
            yield Document(text=text, id=str(place))

    def stage(name: str, *steps: Any, tasks: int = 1) -> None:
        LocalPipelineExecutor(list(steps), tasks=tasks, workers=1, logging_dir=f"{folder}/logs/{name}").run()

    stage("signatures", documents, MinhashDedupSignature(f"{folder}/signatures", config=config))
    stage("buckets", MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config), tasks=bands)
    stage("clusters", MinhashDedupCluster(f"{folder}/buckets", f"{folder}/remove", config=config))
    import numpy as np

    found = [np.frombuffer(path.read_bytes(), "<u4") for path in Path(folder, "remove").glob("*.remove")]
    return sorted(int(place) for part in found for place in part)


def text_dedup(texts: list[str], directory: Path, bands: int, rows: int, words: int) -> list[int]:
    """The library's command, on a dataset of the disk, one process."""
    import datasets
    from text_dedup.minhash import main

    data = datasets.Dataset.from_dict({"text": texts, "place": list(range(len(texts)))})
    data.save_to_disk(str(directory / "data"))
    arguments = ["--path", str(directory / "data"), "--local", "--split", "train", "--column", "text"]
    arguments += ["--cache_dir", str(directory / "cache"), "--output", str(directory / "out"), "--num_proc", "1"]
    arguments += ["--ngram", str(words), "--b", str(bands), "--r", str(rows), "--num_perm", str(bands * rows)]
    main(arguments, standalone_mode=False)
    kept = set(datasets.load_from_disk(str(directory / "out"))["place"])
    return [place for place in range(len(texts)) if place not in kept]


def main() -> None:
    """Run one library and write what it would drop."""
    from pyarrow import parquet

    library, source, directory = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    bands, rows, words = map(int, sys.argv[4:])
    texts = parquet.read_table(source, columns=["text"])["text"].to_pylist()
    run = {"datasketch": datasketch, "datatrove": datatrove, "text-dedup": text_dedup}[library]
    dropped = run(texts, directory, bands, rows, words)
    (directory / "dropped.json").write_text(json.dumps(dropped), encoding="utf-8")


if __name__ == "__main__":
    multiprocessing.set_start_method("fork", force=True)
    main()
