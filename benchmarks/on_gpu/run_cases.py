"""Cases of `benchmarks/gpu.py`: small models and runs on the device beside the CPU, and an exchange of one process."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from on_gpu.ours import write_text
from safetensors.torch import load_file
from torch import Tensor

import hornbook
from hornbook.batch import Batch, Topology
from hornbook.generate.autoregressive import generate
from hornbook.generate.decoding import Decoding
from hornbook.model.config import ModelConfig, modern
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.model.transformer import Transformer
from hornbook.run.directory import open_run
from hornbook.train.muon import Muon
from hornbook.train.optimizers import Optimizers, is_matrix
from hornbook.train.parallel import Buckets, Parallel, shard
from hornbook.train.sharded_muon import SharedMuon
from hornbook.train.step import add_gradients, update

Found = tuple[bool, dict[str, Any]]
CPU = torch.device("cpu")
TOPOLOGIES: tuple[Topology, ...] = ("decoder", "encoder", "encoder-decoder")
SMALL_RUN = {
    "data.clean": "none", "model.width": 64, "model.layers": 2, "model.heads": 2, "model.max_length": 128,
    "model.dropout": 0.1, "training.batch_rows": 8, "training.micro_batch": 4, "training.compile": "no",
    "training.evaluate_tokens": 500, "training.samples": 0, "tokenizer.size": 400,
}  # fmt: skip


def whole_models(device: torch.device, toy: bool) -> Found:
    """Loss and gradients of packed rows in fp32, layers compiled on CUDA, beside the plain model on the CPU."""
    found: dict[str, float] = {}
    for topology in TOPOLOGIES:
        config = replace(modern(topology), vocab_size=500, width=64, layers=2, heads=2, kv_heads=0, max_length=160)
        given = _packed(config)
        expected = _step(Transformer(config).train(), to_tensors(given, CPU))
        model = Transformer(config).to(device).train()
        if device.type == "cuda" and not toy:
            model.compile_layers()
        loss, grads = _step(model, to_tensors(given, device))
        found[f"{topology}: loss"] = abs(loss / expected[0] - 1) / 1e-5
        for name, grad in grads.items():
            size = max(float(expected[1][name].norm()), 1e-4 * expected[0])
            found[f"{topology}: {name}"] = float((grad - expected[1][name]).norm()) / size / 1e-3
    worst = max(found, key=lambda name: found[name])
    return found[worst] <= 1.0, {"worst": worst, "times_the_bound": found[worst]}


def _packed(config: ModelConfig, rows: int = 4) -> Batch:
    """Return rows of three documents and padding, about half of the positions scored."""
    draw, length = np.random.default_rng(0), config.max_length
    segments = np.repeat([[1, 2, 3, 0]], [length // 2, length // 4, length // 8, length - 7 * length // 8], 1)
    segments = np.repeat(segments, rows, 0)
    weights = ((draw.random((rows, length)) < 0.5) * (segments != 0)).astype(np.float32)
    tokens, targets, behind = (draw.integers(0, config.vocab_size, (rows, length)) for _ in range(3))
    both = config.topology == "encoder-decoder"
    return Batch(
        inputs=tokens, targets=targets, weights=weights, count=weights.sum(1).astype(np.float64), segments=segments,
        decoder_inputs=behind if both else None, decoder_segments=segments if both else None,
    )  # fmt: skip


def _step(model: Transformer, batch: Tensors) -> tuple[float, dict[str, Tensor]]:
    """Return the loss and all gradients, on the CPU."""
    loss = model.loss(batch)
    loss.backward()  # type: ignore[no-untyped-call]
    grads = {name: p.grad.detach().cpu() for name, p in model.named_parameters() if p.grad is not None}
    return float(loss.detach()), grads


def low_precision(device: torch.device, toy: bool) -> Found:
    """A model trained in bf16 comes within a fiftieth of the loss of the same one trained in fp32."""
    steps, losses = (4 if toy else 30), {}
    config = replace(modern("decoder"), vocab_size=500, width=64, layers=2, heads=2, max_length=160)
    batch = to_tensors(_packed(config, 8), device)
    for bf16 in (False, True):
        parallel = Parallel(model := Transformer(config).to(device).train())
        optimizers = _optimizers(model, bf16)
        for step in range(steps):
            nats, count = add_gradients(model.loss, [batch], parallel, device, bf16=bf16, seed=0, step=step)
            update(parallel, optimizers, 1.0, 1.0)
        losses["bf16" if bf16 else "fp32"] = float(nats) / count
    return abs(losses["bf16"] / losses["fp32"] - 1) < 0.02, losses


def _optimizers(model: Transformer, bf16: bool) -> Optimizers:
    return Optimizers(
        model.named_parameters(), kind="muon", learning_rate=1e-3, muon_learning_rate=3e-3, embedding_rate=3e-3,
        weight_decay=0.1, betas=(0.9, 0.95), epsilon=1e-8, bf16=bf16,
    )  # fmt: skip


def resumed(device: torch.device, toy: bool, scratch: Path) -> Found:
    """A run that stopped half-way and went on has the bits of one that did not; so has one that is repeated.

    Where the repeated one has not, the device's kernels add in another order each time, and no resume could be exact:
    then the same is tried with torch's deterministic kernels.
    """
    passed, facts = _resumed(scratch / "runs", toy)
    if not passed and device.type == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            facts["deterministic"] = _resumed(scratch / "deterministic", toy)[1]
        finally:
            torch.use_deterministic_algorithms(False)
    return passed, facts


def _resumed(folder: Path, toy: bool) -> Found:
    steps, texts, seconds = (4 if toy else 20), str(write_text(folder.parent, True)), []
    for name in ("whole", "again"):
        start = time.perf_counter()
        hornbook.pretrain(texts, steps=steps, out=folder / name, settings=SMALL_RUN, plain=True)
        seconds.append(time.perf_counter() - start)
    hornbook.pretrain(texts, steps=steps, out=folder / "halves", settings=SMALL_RUN, until=steps // 2, plain=True)
    hornbook.load(folder / "halves").resume(plain=True)
    whole, again, halves = (_state(folder / name) for name in ("whole", "again", "halves"))
    facts = {
        "repeated_differs": _unlike(whole, again),
        "resumed_differs": _unlike(whole, halves),
        "seconds": seconds[1],
    }
    return not facts["resumed_differs"]["tensors"], facts


def _state(run: Path) -> dict[str, Tensor]:
    """Return weights and optimizer state of the newest checkpoint."""
    newest = max((run / "checkpoints").glob("step-*"))
    return {name: value for file in newest.glob("*.safetensors") for name, value in load_file(file).items()}


def _unlike(one: dict[str, Tensor], other: dict[str, Tensor]) -> dict[str, Any]:
    """Return how many tensors differ, and by how much of the largest of their numbers."""
    found = {name: (one[name] - other[name]).abs().max() for name in one if not torch.equal(one[name], other[name])}
    share = [float(value / one[name].abs().max().clamp(min=1e-30)) for name, value in found.items()]
    return {"tensors": len(found) + len(one.keys() ^ other.keys()), "most": max(share, default=0.0)}


def read_elsewhere(device: torch.device, toy: bool, scratch: Path) -> Found:
    """A run of the device is read on a CPU: the same weights to the bit, logits within 1e-4, the same greedy text."""
    run = scratch / "runs" / "whole"
    here, there = open_run(run, device), open_run(run, CPU)
    ours, theirs = here.model.state_dict(), there.model.state_dict()
    equal = all(torch.equal(ours[name].cpu(), value) for name, value in theirs.items())
    batch = _packed(here.recipe.model)
    with torch.no_grad():
        logits, expected = (opened.model.logits(to_tensors(batch, at)) for opened, at in ((here, device), (there, CPU)))
    error = float((logits.cpu() - expected)[torch.from_numpy(batch.segments != 0)].abs().max() / expected.abs().max())
    prompts = [ids.tolist() for ids in here.tokenizer.encode(["The", "An object is", "If the"])]
    decoding = Decoding(max_new=24, temperature=0.0)
    texts = [generate(opened.model, prompts, decoding) for opened in (here, there)]
    facts = {"weights_equal": equal, "logits_error": error, "greedy_equal": texts[0] == texts[1]}
    return equal and error < 1e-4 and texts[0] == texts[1], facts


def exchange(device: torch.device, toy: bool) -> Found:
    """One process that exchanges with itself, by NCCL on CUDA: gradients, shared Muon and FSDP are those of none."""
    config = replace(modern("decoder"), vocab_size=500, width=64, layers=2, heads=2, max_length=160)
    batch = to_tensors(_packed(config), device)
    with tempfile.TemporaryDirectory() as folder:
        if device.type == "cuda":
            torch.cuda.set_device(0)
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        store = f"file://{folder}/store"
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", init_method=store, rank=0, world_size=1)
        try:
            return _exchanged(config, batch, device)
        finally:
            dist.destroy_process_group()


def _exchanged(config: ModelConfig, batch: Tensors, device: torch.device) -> Found:
    from torch.distributed.device_mesh import init_device_mesh

    plain, spread, sharded = (Transformer(config).to(device).train() for _ in range(3))
    group = dist.group.WORLD
    assert group is not None
    parallel = Parallel(spread)
    parallel._buckets = Buckets(list(spread.parameters()), group)
    Parallel(plain).backward(plain.loss(batch), last=True)
    parallel.backward(spread.loss(batch), last=True)
    parallel.gather()
    bits = all(torch.equal(a.grad, b.grad) for a, b in zip(plain.parameters(), spread.parameters(), strict=True))
    shard(sharded, list(sharded.decoder.layers), ["loss"], init_device_mesh(device.type, (1,)))
    sharded.loss(batch).backward()
    grads = [(a.grad, b.grad.full_tensor()) for a, b in zip(plain.parameters(), sharded.parameters(), strict=True)]
    fsdp = max(float((a - b).norm() / a.norm().clamp(min=1e-6)) for a, b in grads)
    names = [name for name, value in plain.named_parameters() if is_matrix(name, value)]
    alone = Muon([dict(plain.named_parameters())[name] for name in names], rate=0.02, weight_decay=0.1, bf16=False)
    alone.step()
    SharedMuon(names, parallel, 0.02, 0.1, bf16=False).step()
    pairs = list(zip(plain.parameters(), spread.parameters(), strict=True))
    muon = max(float((a - b).detach().abs().max()) for a, b in pairs)
    facts = {"gradients_equal": bits, "fsdp_error": fsdp, "muon_error": muon}
    return bits and fsdp < 1e-5 and muon < 1e-5, facts


CASES: dict[str, Sequence[Any]] = {
    "model": (whole_models, low_precision),
    "run": (resumed, read_elsewhere),
    "exchange": (exchange,),
}
