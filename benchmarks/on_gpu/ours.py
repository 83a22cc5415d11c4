"""Hornbook's side of `benchmarks/gpu.py`: speed, the time of each part of a step, and the kernels of a step."""

from __future__ import annotations

import gc
import itertools
import json
import pydoc_data.topics as topics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from on_gpu import shapes

from hornbook.console import View
from hornbook.errors import is_out_of_memory, reason_of
from hornbook.model.inputs import Tensors
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import tokens_per_row
from hornbook.prepare.dataset import Prepared, prepare
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget, DataSettings, TokenizerSettings
from hornbook.run.build import build_loader, build_model, build_optimizers
from hornbook.train.machine import best_precision, find_device, synchronise
from hornbook.train.optimizers import Optimizers
from hornbook.train.parallel import Parallel
from hornbook.train.step import add_gradients, precision, update

Emit = Callable[[dict[str, Any]], None]
Batches = Sequence[Tensors]
CHARACTERS = 2400  # of a document, on average: about 600 tokens
WARM, SHARE = 4, 1e-3  # steps that are not counted; of the peak rates
PARTS = ("data", "forward", "head and loss", "backward", "clip", "optimizer")
SETTINGS = {"evaluate_every": 10**6, "checkpoint_minutes": 1e6, "checkpoint_activations": "no", "workers": 2}


def measure(name: str, toy: bool, scratch: Path, emit: Emit) -> None:
    """Measure one shape; every finding is emitted as soon as it is there."""
    device = find_device()
    prepared = prepare(recipe(name, toy, 1, scratch), scratch / f"tokens-{name}", View(silent=True))
    for rows in shapes.rows(name, toy):
        chosen = recipe(name, toy, rows, scratch)
        try:
            if fits(chosen, prepared, device):
                return measure_rows(name, chosen, prepared, device, toy, emit)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        let_go(device)
        emit({"out_of_memory_at": rows})
    raise MemoryError("not even the smallest micro-batch fits")


def measure_rows(name: str, chosen: Recipe, prepared: Prepared, device: torch.device, toy: bool, emit: Emit) -> None:
    """Measure a recipe with its rows."""
    rows = chosen.training.batch_rows
    tokens = rows * tokens_per_row(prepared.objective, chosen.model.max_length) * (1 - prepared.training_rows.padding)
    emit({"rows": rows, "precision": chosen.training.precision, "optimizer": chosen.training.optimizer})
    begun = time.perf_counter()
    model = built(chosen, prepared, device, emit)
    parallel = Parallel(model)
    optimizers = build_optimizers(parallel, chosen)
    source = build_loader(chosen, prepared, device).steps(0, 10**9)
    try:
        seconds, ready = timed(chosen, model, parallel, optimizers, source, toy)
        emit({"rows_per_second": rows / seconds, "tokens_per_second": tokens / seconds, "step_seconds": seconds,
              "ready_seconds": ready - begun, "peak_bytes": _peak(device)})  # fmt: skip
        count = 2 if toy else 6
        emit({"parts": by_part(chosen, model, parallel, optimizers, source, count)})
        emit({"kernels": kernels(chosen, model, parallel, optimizers, source)})
        adamw = replace(chosen, training=replace(chosen.training, optimizer="adamw"))
        emit({"adamw": by_part(adamw, model, parallel, build_optimizers(parallel, adamw), source, count)})
        if name == "causal":  # rows without documents: the kernel of the library instead of flex_attention
            seconds, _ = timed(chosen, model, parallel, optimizers, map(whole, source), toy)
            emit({"whole_rows": {"tokens_per_second": tokens / seconds, "step_seconds": seconds}})
    finally:
        source.close()  # type: ignore[attr-defined]


def recipe(name: str, toy: bool, rows: int, scratch: Path) -> Recipe:
    """Return the default recipe of an objective in a shape, on text of many documents, with so many rows a step."""
    device, plain = find_device(), default(shapes.SHAPES[name].objective, budget=Budget(steps=10**6))
    compiled: Literal["yes", "no"] = "yes" if device.type == "cuda" and not toy else "no"
    training = replace(plain.training, batch_rows=rows, micro_batch=rows, compile=compiled, **SETTINGS)
    training = replace(training, precision=best_precision(device))
    text, tokenizer = str(write_text(scratch, toy)), TokenizerSettings(size=400 if toy else 8192)
    model = shapes.config(name, toy)
    return replace(plain, data=DataSettings((text,), clean="none"), model=model, training=training, tokenizer=tokenizer)


def write_text(folder: Path, toy: bool) -> Path:
    """Cut the reference of Python into documents of unlike lengths, and return the file."""
    path = folder / "text.jsonl"
    if path.is_file():
        return path
    draw = np.random.default_rng(0)
    whole = "\n\n".join(topics.topics.values())
    whole = whole[:30_000] if toy else whole
    with path.open("w", encoding="utf-8") as stream:
        start = 0
        while start < len(whole):
            size = 200 + int((CHARACTERS / 10 if toy else CHARACTERS) * draw.lognormal(-0.32, 0.8))
            stream.write(json.dumps({"text": whole[start : start + size]}) + "\n")
            start += size
    return path


def fits(chosen: Recipe, prepared: Prepared, device: torch.device) -> bool:
    """Whether a step fits into memory with nothing compiled, which takes more."""
    try:
        model = build_model(chosen, device).train()
        step(chosen, model, Parallel(model), None, build_loader(chosen, prepared, device).step(0), 0)
        return device.type != "cuda" or _peak(device) < 0.9 * torch.cuda.get_device_properties(device).total_memory
    finally:
        model = None  # type: ignore[assignment]
        let_go(device)


def built(chosen: Recipe, prepared: Prepared, device: torch.device, emit: Emit) -> Transformer:
    """Return the model, compiled where that works; what did not is emitted with its reason."""
    model = build_model(chosen, device).train()
    if chosen.training.compile == "yes":
        start = time.perf_counter()
        try:
            model.compile_layers()
            step(chosen, model, Parallel(model), None, build_loader(chosen, prepared, device).step(0), 0)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            emit({"compiling_failed": reason_of(error)[:300]})
            model = build_model(chosen, device).train()
        else:
            emit({"compile_seconds": time.perf_counter() - start})
    model.zero_grad(set_to_none=True)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    assert isinstance(model, Transformer)
    return model


def step(
    chosen: Recipe, model: Any, parallel: Parallel, optimizers: Optimizers | None, batches: Batches, number: int
) -> None:
    """Do one step as a run does it; without optimizers its gradients alone."""
    bf16, device = chosen.training.precision == "bf16", next(model.parameters()).device
    add_gradients(model.loss, batches, parallel, device, bf16=bf16, seed=0, step=number)
    if optimizers is not None:
        update(parallel, optimizers, chosen.training.clip, SHARE)
    else:
        synchronise(device)


def timed(
    chosen: Recipe, model: Any, parallel: Parallel, optimizers: Optimizers, source: Iterator[Batches], toy: bool
) -> tuple[float, float]:
    """Return the seconds of a step, batches included, over some five seconds, and when the timing began.

    The host waits at both ends alone.
    """
    device, enough = next(model.parameters()).device, 0.0 if toy else 5.0
    for number in range(2 if toy else WARM):
        step(chosen, model, parallel, optimizers, next(source), number)
    synchronise(device)
    start, done = time.perf_counter(), 0
    while done < (2 if toy else 5) or time.perf_counter() - start < enough:
        step(chosen, model, parallel, optimizers, next(source), done)
        done += 1
    synchronise(device)
    return (time.perf_counter() - start) / done, start


def by_part(
    chosen: Recipe,
    model: Transformer,
    parallel: Parallel,
    optimizers: Optimizers,
    source: Iterator[Batches],
    steps: int,
) -> dict[str, float]:
    """Return the median seconds of each part of a step; the host waits behind each, so their sum is above a step's."""
    device, bf16 = next(model.parameters()).device, chosen.training.precision == "bf16"
    found: list[list[float]] = []
    for _ in range(steps):
        times = [time.perf_counter()]

        def done(times: list[float] = times) -> None:
            synchronise(device)
            times.append(time.perf_counter())

        (batch,) = next(source)
        done()
        with precision(bf16, device):
            hidden = model.hidden(batch, batch.scored)
            done()
            nats = model._token_loss(hidden, batch)
            done()
        parallel.backward(nats / max(batch.count, 1.0), last=True)
        done()
        float(parallel.clip(chosen.training.clip))
        done()
        optimizers.step(SHARE)
        done()
        parallel.forget()
        found.append([after - before for before, after in itertools.pairwise(times)])
    return dict(zip(PARTS, np.median(found[1:] or found, axis=0).tolist(), strict=True))


def kernels(
    chosen: Recipe, model: Any, parallel: Parallel, optimizers: Optimizers, source: Iterator[Batches]
) -> dict[str, Any]:
    """Return what torch's profiler sees of a step: how many kernels, how long they take, how often the host waits.

    On a CPU operations stand for kernels.
    """
    from torch.profiler import ProfilerActivity, profile

    device = next(model.parameters()).device
    cuda = device.type == "cuda"
    batches = next(source)
    synchronise(device)
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]) as seen:
        start = time.perf_counter()
        step(chosen, model, parallel, optimizers, batches, 0)
        synchronise(device)
        wall = time.perf_counter() - start
    events = seen.events()
    work = [event for event in events if (event.device_type.name == "CUDA") == cuda and event.cpu_parent is None]
    work = [event for event in work if not (cuda and getattr(event, "is_user_annotation", False))]
    spent: dict[str, float] = {}
    for event in work:
        spent[event.name] = spent.get(event.name, 0.0) + event.time_range.elapsed_us() / 1e6
    waits = [event.name for event in events if "Synchronize" in event.name]
    top = sorted(spent.items(), key=lambda item: -item[1])[:15]
    return {"kernels": len(work), "busy_seconds": sum(spent.values()), "wall_seconds": wall, "waits": len(waits),
            "top": [{"name": name[:120], "seconds": seconds} for name, seconds in top]}  # fmt: skip


def whole(batches: Batches) -> list[Tensors]:
    """Return batches whose rows are one document each."""
    return [replace(batch, segments=None) for batch in batches]


def _peak(device: torch.device) -> int:
    return int(torch.cuda.max_memory_allocated(device)) if device.type == "cuda" else 0


def let_go(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
