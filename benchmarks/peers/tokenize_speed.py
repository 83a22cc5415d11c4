"""What tokenize_speed.py measures of other libraries; needs tokenizers, transformers and datasets.

    PYTHON benchmarks/peers/tokenize_speed.py CONTENDER TEXTS TOKENIZER

Prints JSON: what the task took, in seconds of the clock and of all processors, and how much of it there was.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def timed(work: Callable[[], Any]) -> dict[str, float]:
    processor, clock = time.process_time(), time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - clock, "cpu_seconds": time.process_time() - processor}


def encode_batch(texts: list[str], tokenizer: Path) -> dict[str, float]:
    """All texts in one call, nothing written."""
    from tokenizers import Tokenizer

    bare = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    return timed(lambda: bare.encode_batch(texts, add_special_tokens=False))


def datasets_map(texts: list[str], tokenizer: Path) -> dict[str, float]:
    """A fast tokenizer of transformers in batches, ids alone, written to an arrow file."""
    from datasets import Dataset
    from transformers import PreTrainedTokenizerFast

    fast = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer / "tokenizer.json"))
    data = Dataset.from_dict({"text": texts})

    def ids(batch: dict[str, list[str]]) -> dict[str, Any]:
        options = {"add_special_tokens": False, "return_attention_mask": False, "return_token_type_ids": False}
        return {"input_ids": fast(batch["text"], **options)["input_ids"]}

    with tempfile.TemporaryDirectory() as scratch:
        file = str(Path(scratch) / "ids.arrow")
        return timed(lambda: data.map(ids, batched=True, remove_columns=["text"], cache_file_name=file))


def main() -> None:
    name, source, tokenizer = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    texts = json.loads(source.read_text())
    took = (encode_batch if name == "encode_batch" else datasets_map)(texts, tokenizer)
    import resource

    print(json.dumps({**took, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
