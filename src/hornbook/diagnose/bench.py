"""What this machine reaches: matrix products, memory, our own training step of each topology, and what limits it.

The step is the real one (objective, model, gradient, clipping, optimizers) at the size of a run of minutes, on random
words. Its time is split by what each part would take at least: matrix products at the rate measured here, activations
written and read in both directions at the bandwidth measured here, and the optimizers as they were timed.

The record is kept in the user's cache directory, for `hornbook doctor`; one of another machine or version is no record.

Shapes: B rows, S positions of the input, T positions of the output.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from hornbook import keys
from hornbook.artifacts import cache_folder, write_json
from hornbook.batch import Rows
from hornbook.errors import UserError
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.objectives.catalogue import build
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.run.build import build_model
from hornbook.run.settle.calibrate import flops_per_position, timed_steps
from hornbook.run.settle.memory_fit import load_of
from hornbook.scaling.memory import step_memory
from hornbook.train.machine import best_seconds, environment, find_device, keep_memory_blocks, matmul_flops
from hornbook.vocab import Vocab

OBJECTIVES = ("causal", "masked", "span")  # one of each topology
_LENGTH, _ENTRIES, _SPECIAL, _SENTINELS = 256, 4096, 8, 100
_SECONDS, _FEWEST_STEPS, _MOST_STEPS = 4.0, 3, 20
_COPY_BYTES = 1 << 28
_PASSES = 4  # each activation is written and read forward, and so is its gradient backward


@dataclass(frozen=True)
class StepSpeed:
    """One objective's training step, as medians.

    tokens_per_second  positions of the model, both sides of an encoder-decoder
    model_flops_utilization  model FLOP/s as a share of the matrix rate in the precision used
    seconds            one step: gradient, clipping and optimizers
    matrix             share of them that matrix products take at the machine's rate
    memory             share of them that reading and writing activations takes at the machine's bandwidth
    optimizer          share of them in clipping and optimizers
    other              the rest: small operations, overhead, what other programs take
    data               seconds of making a batch, as a share of the step; done ahead, it limits only above 1
    limit              the largest of these, in words
    """

    objective: str
    topology: str
    parameters: int
    tokens_per_second: float
    model_flops_utilization: float
    seconds: float
    matrix: float
    memory: float
    optimizer: float
    other: float
    data: float
    limit: str


@dataclass(frozen=True)
class MachineSpeed:
    """What a machine reaches; `owner` says which machine, and which versions, it was measured with."""

    date: str
    owner: dict[str, str]
    precision: str
    matrix_fp32: float
    matrix_bf16: float
    bandwidth: float
    steps: tuple[StepSpeed, ...]


def measure_machine(say: Callable[[str], None] = lambda part: None) -> MachineSpeed:
    """Measure for about half a minute and keep the record; `say` prints what is measured."""
    keep_memory_blocks()
    device = find_device()
    say("matrix products")
    fp32 = matmul_flops(device, torch.float32)
    bf16 = matmul_flops(device, torch.bfloat16) if device.type != "mps" else 0.0
    say("memory")
    bandwidth = copy_rate(device)
    fast = bf16 > 1.5 * fp32  # as `best_precision` chooses
    steps = []
    for kind in OBJECTIVES:
        say(f"training steps of {kind}")
        steps.append(step_speed(kind, device, fast, bf16 if fast else fp32, bandwidth))
    date, precision = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "bf16" if fast else "fp32"
    found = MachineSpeed(date, _owner(device), precision, fp32, bf16, bandwidth, tuple(steps))
    with contextlib.suppress(UserError):  # a cache that cannot be written is no loss
        write_json(record_path(), asdict(found))
    return found


def recall() -> MachineSpeed | None:
    """Return the kept record, or None where there is none of this machine and these versions."""
    try:
        data = json.loads(record_path().read_text(encoding="utf-8"))
        found = MachineSpeed(**data | {"steps": tuple(StepSpeed(**step) for step in data["steps"])})
    except (UserError, OSError, ValueError, TypeError, KeyError):
        return None
    return found if found.owner == _owner(find_device()) else None


def record_path() -> Path:
    return cache_folder() / "machine.json"


def copy_rate(device: torch.device) -> float:
    """Return bytes a second, read and written, of copying a tensor too large for caches: the best of half a second."""
    source = torch.ones(_COPY_BYTES // 4, device=device)
    target = torch.zeros_like(source)
    return 2 * _COPY_BYTES / best_seconds(lambda: target.copy_(source), device, 0.5)


def step_speed(kind: str, device: torch.device, bf16: bool, rate: float, bandwidth: float) -> StepSpeed:
    """Time the training step of an objective; `rate` in FLOP/s and `bandwidth` in bytes a second are the machine's."""
    recipe = _recipe(kind, device, bf16)
    objective, model = recipe.objective, build_model(recipe, device)
    draw, rows = np.random.default_rng(0), recipe.training.batch_rows
    shape = (rows, objective.row_length(_LENGTH))

    def batches(step: int) -> list[Tensors]:
        words = draw.integers(_SPECIAL, _ENTRIES - _SENTINELS, shape, np.int32)
        return [to_tensors(objective(Rows(words, keys.row_keys(0, np.arange(rows), step), None)), device)]

    steps, times = timed_steps(recipe, model, device, batches), list[tuple[float, float, float]]()
    begun = time.perf_counter()
    while len(times) < _FEWEST_STEPS or (time.perf_counter() - begun < _SECONDS and len(times) < _MOST_STEPS):
        times.append(next(steps))
    data, gradient, update = (statistics.median(part) for part in zip(*times[1:], strict=True))  # the first warms up
    seconds, batch = gradient + update, batches(0)[0]
    length, behind = batch.inputs.shape[1], 0 if batch.decoder_inputs is None else batch.targets.shape[1]
    scored = batch.scored.numel() / batch.targets.numel()
    tokens = rows * (length + behind)
    flops = tokens * flops_per_position(recipe, length, scored, behind)
    load = load_of(recipe, batch, device)
    parts = {
        "matrix products": flops / rate / seconds,
        "memory": _PASSES * step_memory(recipe.model, load).activations / bandwidth / seconds,
        "the optimizers": update / seconds,
    }
    parts["small operations"] = max(0.0, 1 - sum(parts.values()))
    limit = "making batches" if data > seconds else max(parts, key=lambda name: parts[name])
    matrix, memory, optimizer, other = parts.values()
    return StepSpeed(
        kind, recipe.model.topology, load.parameters, tokens / seconds, flops / seconds / rate, seconds,
        matrix, memory, optimizer, other, data / seconds, limit,
    )  # fmt: skip


def _recipe(kind: str, device: torch.device, bf16: bool) -> Recipe:
    """Return the recipe of a step: on a CPU the default size of a few minutes, on a GPU one that keeps it busy."""
    width, depth, rows = (128, 4, 16) if device.type == "cpu" else (768, 12, 32)
    recipe = default(kind)
    special = np.zeros(_ENTRIES, bool)
    special[:_SPECIAL] = special[_ENTRIES - _SENTINELS :] = True
    vocab = Vocab(
        size=_ENTRIES, pad=0, bos=1, eos=2, unk=3, mask=4, cls=1, sep=2,
        sentinels=tuple(range(_ENTRIES - 1, _ENTRIES - 1 - _SENTINELS, -1)),
        special=special, starts_word=~special, ends_sentence=~special, ends_word=~special,
        ends_blank=np.zeros(_ENTRIES, bool), is_blank=np.zeros(_ENTRIES, bool), closes=np.zeros(_ENTRIES, bool),
        fingerprint="bench",
    )  # fmt: skip
    model = replace(recipe.model, vocab_size=_ENTRIES, max_length=_LENGTH, width=width, layers=depth, heads=width // 64)
    kind_of_number: Literal["bf16", "fp32"] = "bf16" if bf16 else "fp32"
    training = replace(recipe.training, batch_rows=rows, micro_batch=rows, precision=kind_of_number)
    return replace(recipe, objective=build(kind, {}, vocab), model=model, training=training)


def _owner(device: torch.device) -> dict[str, str]:
    """Return what a record belongs to: hardware, number of threads, versions."""
    facts = environment(device)
    named = {name: str(facts[name]) for name in ("processor", "cores", "threads", "device", "memory_bytes")}
    return named | {name: facts["packages"][name] for name in ("hornbook", "torch")}
