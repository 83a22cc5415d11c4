"""What shard_reading.py measures of DataLoader and datasets; needs both.

    PYTHON benchmarks/peers/shard_reading.py write ROWS.npy FOLDER
    PYTHON benchmarks/peers/shard_reading.py CONTENDER FOLDER BATCHES

CONTENDER is a form of the dataset, `torch` or `numpy`, then `whole` where the sampler names batches that the dataset
reads at once, then `workers` where two processes read ahead. Prints JSON: seconds of the clock and of all processors.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import islice
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

ROWS, LENGTH = 8, 2048


def write(tokens: Path, folder: Path) -> None:
    import numpy as np
    from datasets import Dataset, Features, List, Value

    features = Features({"input_ids": List(Value("int32"), length=LENGTH)})
    Dataset.from_dict({"input_ids": list(np.load(tokens))}, features=features).save_to_disk(str(folder))


def loader_of(contender: str, folder: Path) -> Any:
    import torch
    from datasets import load_from_disk
    from torch.utils.data import BatchSampler, DataLoader, RandomSampler

    torch.set_num_threads(1)
    data = load_from_disk(str(folder)).with_format(contender.split()[0])
    draws = torch.Generator().manual_seed(0)
    workers = 2 if "workers" in contender else 0
    if "whole" not in contender:
        return DataLoader(data, batch_size=ROWS, shuffle=True, generator=draws, num_workers=workers)
    batches = BatchSampler(RandomSampler(data, generator=draws), ROWS, drop_last=True)
    return DataLoader(data, sampler=batches, batch_size=None, num_workers=workers)


def spent(loader: Any, number: int) -> tuple[float, float]:
    """Read `number` batches from the first on; return seconds of the clock and of all processors, workers included."""
    import torch

    def processors() -> float:
        used = [getrusage(whose) for whose in (RUSAGE_SELF, RUSAGE_CHILDREN)]
        return sum(item.ru_utime + item.ru_stime for item in used)

    processor, clock = processors(), time.perf_counter()
    batches = iter(loader)
    for batch in islice(batches, number):
        tokens = torch.as_tensor(batch["input_ids"])
        assert tokens.dtype == torch.int64 and tuple(tokens.shape) == (ROWS, LENGTH)
    elapsed = time.perf_counter() - clock
    del batches  # ends the workers, whose time is known then
    return elapsed, processors() - processor


def main() -> None:
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    loader, number = loader_of(sys.argv[1], Path(sys.argv[2])), int(sys.argv[3])
    before, after = spent(loader, 50), spent(loader, 50 + number)
    clock, processor = (late - early for early, late in zip(before, after, strict=True))
    print(json.dumps({"seconds": clock, "cpu_seconds": processor}))


if __name__ == "__main__":
    main()
