"""Peak memory of training: a decoder of GPT-2's block with a vocabulary of 32,768, transformers' Trainer and Hornbook.

    python benchmarks/memory.py            a few minutes on two cores; writes its result
    python benchmarks/memory.py --quick    a fraction of the rows, to see that everything runs; writes nothing

Both sides train the same shape on the same rows of random tokens, in fp32 with AdamW and no dropout, a few steps, each
in a process of its own. Its peak is, on a CPU, how far the process grew beyond what it had before the model was built,
else the device's highest allocation. Beside ours stands what was predicted before anything was built.

    trainer                transformers' Trainer
    trainer checkpointed   the same with gradient_checkpointing
    hornbook               our step, with the settings of a run
    hornbook checkpointed  the same with training.checkpoint_activations=layers
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from hornbook.console import quantity
from hornbook.model.inputs import Tensors
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.run.build import build_model, build_optimizers
from hornbook.run.settle.memory_fit import load_of
from hornbook.scaling.memory import step_memory
from hornbook.train.machine import environment, find_device, keep_memory_blocks, synchronise
from hornbook.train.parallel import Parallel

RESULT = Path(__file__).parent / "results" / "memory.json"
LENGTH, VOCABULARY, WIDTH, LAYERS, HEADS, ROWS, STEPS = 256, 32_768, 256, 6, 4, 8, 3
CONTENDERS = ("trainer", "trainer checkpointed", "hornbook", "hornbook checkpointed")


@dataclass(frozen=True)
class Found:
    """One process: its peak in bytes above what it had before, what was predicted, seconds of the last step."""

    peak: int
    predicted: int
    seconds: float


def tokens(rows: int) -> torch.Tensor:
    """Return the rows that every step reads, [rows, LENGTH]."""
    return torch.from_numpy(np.random.default_rng(0).integers(0, VOCABULARY, (rows, LENGTH)))


def before(device: torch.device) -> int:
    """Return the bytes in use before the model is built."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return int(torch.cuda.memory_allocated(device))
    return int(psutil.Process().memory_info().rss)


def highest(device: torch.device) -> int:
    """Return the most bytes that were in use at once."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def of_trainer(rows: int, checkpointed: bool, scratch: Path) -> Found:
    """Train with transformers' Trainer."""
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

    device, times = find_device(), []
    start = before(device)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
        bos_token_id=1, eos_token_id=2, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip

    class Clock(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            times.append(time.perf_counter())

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            synchronise(device)
            times.append(time.perf_counter())

    arguments = TrainingArguments(
        output_dir=str(scratch),
        max_steps=STEPS,
        per_device_train_batch_size=rows,
        use_cpu=device.type == "cpu",
        save_strategy="no",
        disable_tqdm=True,
        gradient_checkpointing=checkpointed,
    )
    examples = [{"input_ids": row, "labels": row} for row in tokens(rows)]
    Trainer(model=GPT2LMHeadModel(config), args=arguments, train_dataset=examples, callbacks=[Clock()]).train()
    return Found(highest(device) - start, 0, times[-1] - times[-2])


def recipe(rows: int, checkpointed: bool) -> Recipe:
    """Return our recipe of GPT-2's block (Radford et al. 2019) in the benchmark's size."""
    plain = default("causal")
    block = replace(
        plain.model, vocab_size=VOCABULARY, max_length=LENGTH, width=WIDTH, layers=LAYERS, heads=HEADS, norm="layer",
        norm_epsilon=1e-5, positions="learned", gated=False, activation="gelu_tanh", biases=True, qk_norm=False,
        dropout=0.0,
    )  # fmt: skip
    again = "layers" if checkpointed else "no"
    training = replace(
        plain.training, batch_rows=rows, optimizer="adamw", precision="fp32", checkpoint_activations=again
    )
    return replace(plain, model=block, training=training)


def of_hornbook(rows: int, checkpointed: bool) -> Found:
    """Train with the parts of a run."""
    keep_memory_blocks(not checkpointed)
    device, chosen = find_device(), recipe(rows, checkpointed)
    inputs = tokens(rows).to(device)
    targets, weights = torch.roll(inputs, -1, 1), torch.ones(rows, LENGTH, device=device)
    weights[:, -1] = 0
    scored = weights.flatten().nonzero()[:, 0]
    batch = Tensors(inputs, targets, weights, float(len(scored)), scored)
    predicted = step_memory(chosen.model, load_of(chosen, batch, device)).peak
    start = before(device)
    model = build_model(chosen, device).train()
    optimizers = build_optimizers(Parallel(model), chosen)
    for _ in range(STEPS):
        begun = time.perf_counter()
        loss = model.loss(batch)
        (loss / batch.count).backward()  # type: ignore[no-untyped-call]
        del loss
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizers.step(1.0)
        synchronise(device)
        seconds = time.perf_counter() - begun
    return Found(highest(device) - start, predicted, seconds)


def in_process(name: str, rows: int) -> Found:
    """Run one contender in a fresh process; its last line of output is what it found."""
    command = [sys.executable, __file__, "--contender", name, "--rows", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return Found(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Run all contenders, or, in a process started by them, one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one row; writes nothing")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=ROWS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contender:
        checkpointed = given.contender.endswith("checkpointed")
        with tempfile.TemporaryDirectory() as scratch:
            ours = given.contender.startswith("hornbook")
            one = of_hornbook(given.rows, checkpointed) if ours else of_trainer(given.rows, checkpointed, Path(scratch))
        print(json.dumps(asdict(one)))
        return
    rows = 1 if given.quick else given.rows
    found = {}
    print(f"{'':24}{'peak':>10}{'predicted':>12}{'step':>9}{'share of trainer':>18}")
    for name in CONTENDERS:
        one = found[name] = in_process(name, rows)
        predicted = f"{quantity(one.predicted)}B" if one.predicted else ""
        share = one.peak / found["trainer"].peak
        print(f"{name:24}{quantity(one.peak) + 'B':>10}{predicted:>12}{one.seconds:7.1f} s{share:18.2f}", flush=True)
    if given.quick:
        return
    machine = environment(find_device())
    machine["packages"] |= {name: version(name) for name in ("transformers", "accelerate")}
    content = {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "machine": machine,
        "load_at_end": os.getloadavg(),
        "model": {"width": WIDTH, "layers": LAYERS, "vocabulary": VOCABULARY, "rows": rows, "rows_of": LENGTH},
        "found": {name: asdict(one) for name, one in found.items()},
        "share_of_trainer": {name: round(one.peak / found["trainer"].peak, 3) for name, one in found.items()},
        "share_checkpointed": round(found["hornbook checkpointed"].peak / found["trainer checkpointed"].peak, 3),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
