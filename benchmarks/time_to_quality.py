"""Time to quality: held-out bits per byte against seconds of training, for peers, Hornbook, and Hornbook without parts.

    python benchmarks/time_to_quality.py                     all arms, about 50 minutes of one core; writes its result
    python benchmarks/time_to_quality.py --only hornbook     some arms, whose results replace those in the file
    python benchmarks/time_to_quality.py --minutes 1         a budget of one minute, not two
    python benchmarks/time_to_quality.py --data BOOK.txt     on other text; prints, writes nothing
    python benchmarks/time_to_quality.py --quick             a few steps of each, to see that everything runs

Speed and learning are measured apart, so that whatever else the machine does has no part in the result:

    1  seconds of a step   processor seconds of the whole process on one core, the median of steps taken in turn by all
                           arms, round after round
    2  learning            each arm is trained for budget / seconds of a step steps: a fixed number, whatever the load

All arms have the same text, the same held-out documents and, but for the arm that asks for another, one tokenizer. The
number of steps of a schedule is that of the run. Measuring, tokenizer and start-up are not counted for anybody.

    trainer        transformers' GPT-2 under its Trainer, all at its defaults (AdamW 5e-5, linear, fp32, batches of 8,
                   dropout 0.1), in a shape that can be trained here, 6 layers of 384 and rows of 256; five times the
                   budget of the others
    trainer small  the same in the shape that Hornbook chooses; five times the budget of the others
    nanogpt        nanoGPT's settings for a CPU (README of github.com/karpathy/nanoGPT): 4 layers of 128, rows of 64,
                   batches of 12, AdamW 1e-3 to 1e-4 by a cosine, 100 steps of warm-up, betas 0.9 and 0.99, weight decay
                   0.1, no dropout; its loop written anew here around transformers' GPT-2
    hornbook       the default recipe
    seed 1, 2      the same with other first weights and another order of the text: what difference says nothing
    without ...    the default recipe with one ingredient taken out
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import functools
import itertools
import json
import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hornbook.console import View
from hornbook.evaluate.perplexity import measure
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.prepare.dataset import Prepared, prepare
from hornbook.recipes.named import named
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget, DataSettings
from hornbook.recipes.settings import override
from hornbook.run.build import build_loader, build_model, build_optimizers
from hornbook.run.settle.resolve import Means, resolve
from hornbook.train.machine import environment, find_device, keep_memory_blocks
from hornbook.train.parallel import Parallel
from hornbook.train.schedules import Schedule

RESULT = Path(__file__).parent / "results" / "time_to_quality.json"
CORPUS = "builtin:docs"
LENGTH, POINTS = 256, 5
ROUNDS, STEPS_A_ROUND = 3, 4
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Arm:
    """A side: its kind, its share of the budget, what it changes in a recipe, and the name of that recipe."""

    kind: str
    times: float = 1.0
    changes: tuple[str, ...] = ()
    recipe: str = "demo"


ARMS: Mapping[str, Arm] = {
    "trainer": Arm("trainer", 5.0),
    "trainer small": Arm("trainer", 5.0),
    "nanogpt": Arm("nanogpt"),
    "hornbook": Arm("hornbook"),
    "seed 1": Arm("hornbook", changes=("seed=1",)),
    "seed 2": Arm("hornbook", changes=("seed=2",)),
    "without modern block": Arm("hornbook", recipe="gpt"),
    "without Muon": Arm("hornbook", changes=("training.optimizer=adamw",)),
    "without rates by width": Arm(
        "hornbook", changes=("training.muon_learning_rate=0.01", "training.embedding_rate=0.3")
    ),
    "without size by budget": Arm("hornbook", changes=("model.width=384", "model.layers=6", "model.heads=6")),
    "without small steps": Arm("hornbook", changes=("training.batch_rows=16",)),
    "without WSD": Arm("hornbook", changes=("training.schedule=cosine",)),
    "without vocabulary by text": Arm("hornbook", changes=("tokenizer.size=8192",)),
    "without dropout by epochs": Arm("hornbook", changes=("model.dropout=0.1",)),
}


@dataclass(frozen=True)
class Bench:
    """What all arms share: the text, the budget, and the shape that the default recipe takes here for it."""

    data: str
    minutes: float
    scratch: Path
    shape: tuple[str, ...] = ()

    def recipe(self, arm: Arm, steps: int) -> Recipe:
        """Return an arm's recipe for so many steps; a peer's is the default, whose text and tokens it takes."""
        plain = replace(named(arm.recipe), data=DataSettings((self.data,), clean="none"), budget=Budget(steps=steps))
        alone = ("training.precision=fp32", "training.compile=no", f"training.evaluate_every={-(-steps // POINTS)}")
        return override(plain, [*self.shape, *alone, *arm.changes])

    def corpus(self, arm: Arm) -> Path:
        """Return the folder of the arm's tokens: one for each tokenizer."""
        return self.scratch / str(self.recipe(arm, 1).tokenizer.size)

    def prepared(self, arm: Arm) -> Prepared:
        """Return the arm's tokens."""
        return prepare(self.recipe(arm, 1), self.corpus(arm), View(plain=True))


@dataclass(frozen=True)
class Peer:
    """GPT-2 of transformers, as hornbook.evaluate measures models."""

    model: Any

    def nats(self, batch: Tensors) -> Tensor:
        """Return the nats of the scored positions [N]; unlike ours, a text sees the one before it in its row."""
        logits = self.model(input_ids=batch.inputs).logits.flatten(0, 1)[batch.scored]
        return torch.nn.functional.cross_entropy(logits, batch.targets.flatten()[batch.scored], reduction="none")

    def bits_per_byte(self, prepared: Prepared, length: int) -> float:
        """Measure on all held-out documents, in rows of `length`."""
        rows, size = replace(prepared, row_length=length).held_out_rows(1_000_000)
        self.model.eval()
        with torch.no_grad():
            moved = functools.partial(to_tensors, device=CPU)
            found = measure(self, rows, prepared.objective, moved, batch_rows=16, seed=0, text_bytes=size)
        self.model.train()
        assert found.bits_per_byte is not None
        return found.bits_per_byte


def gpt2(vocabulary: int, length: int, width: int, layers: int, heads: int, dropout: float) -> Any:
    """Return transformers' GPT-2 with its own first values."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=vocabulary, n_positions=length, n_embd=width, n_layer=layers, n_head=heads, bos_token_id=1,
        eos_token_id=2, resid_pdrop=dropout, embd_pdrop=dropout, attn_pdrop=dropout,
    )  # fmt: skip
    return GPT2LMHeadModel(config).train()


def tokens_of(prepared: Prepared, length: int) -> Tensor:
    """Return the training text as int64[rows, length]."""
    import numpy as np

    rows = replace(prepared, row_length=length).training_rows
    found = rows.rows(np.arange(len(rows)), np.zeros(len(rows), np.uint64)).tokens[:, :length]
    return torch.from_numpy(found.astype(np.int64))


def trainer(
    bench: Bench, name: str, steps: int, run_steps: int, each: Callable[[int, Callable[[], float]], None]
) -> None:
    """Train `steps` of `run_steps` steps with transformers' Trainer at its defaults."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    prepared = bench.prepared(ARMS[name])
    shape = bench.recipe(ARMS["hornbook"], 1).model
    size = (shape.width, shape.layers, shape.heads) if name == "trainer small" else (384, 6, 6)
    model = gpt2(prepared.tokenizer.vocab.size, LENGTH, *size, dropout=0.1)

    class Each(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            each(state.global_step, lambda: Peer(model).bits_per_byte(prepared, LENGTH))
            control.should_training_stop = state.global_step >= steps

    arguments = TrainingArguments(
        output_dir=str(bench.scratch / "trainer"), max_steps=run_steps, use_cpu=True, save_strategy="no",
        disable_tqdm=True, report_to="none",
    )  # fmt: skip
    examples = [{"input_ids": row, "labels": row} for row in tokens_of(prepared, LENGTH)]
    Trainer(model=model, args=arguments, train_dataset=examples, callbacks=[Each()]).train()


def nanogpt(
    bench: Bench, name: str, steps: int, run_steps: int, each: Callable[[int, Callable[[], float]], None]
) -> None:
    """Train with the settings that nanoGPT has for a CPU: 100 steps of warm-up, a cosine to a tenth of 1e-3."""
    length, rows, rate = 64, 12, 1e-3
    prepared = bench.prepared(ARMS[name])
    model = gpt2(prepared.tokenizer.vocab.size, length, 128, 4, 4, dropout=0.0)
    stream = tokens_of(prepared, length).flatten()
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        lr=rate, betas=(0.9, 0.99), fused=True,
    )  # fmt: skip
    schedule = Schedule("cosine", run_steps, warmup=100, final=0.1)
    order = torch.Generator().manual_seed(0)
    for step in range(steps):
        starts = torch.randint(len(stream) - length - 1, (rows, 1), generator=order)
        batch = stream[starts + torch.arange(length + 1)]
        logits = model(input_ids=batch[:, :-1]).logits
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate * schedule(step)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        each(step + 1, lambda: Peer(model).bits_per_byte(prepared, length))


def hornbook_steps(bench: Bench, name: str, steps: int) -> Iterator[None]:
    """Take steps of an arm of ours as its loop does, each with its batch prepared in the same thread."""
    recipe, prepared = bench.recipe(ARMS[name], 1000), bench.prepared(ARMS[name])
    vocabulary = replace(recipe.model, vocab_size=prepared.tokenizer.vocab.size, dropout=0.0)
    recipe = replace(recipe, model=vocabulary)
    model = build_model(recipe, CPU).train()
    optimizers, loader = build_optimizers(Parallel(model), recipe), build_loader(recipe, prepared, CPU)
    for number in range(steps):
        batches = loader.step(number)
        count = sum(batch.count for batch in batches)
        for batch in batches:
            (model.loss(batch) / count).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.training.clip or math.inf)
        optimizers.step(1.0)
        yield


def seconds_per_step(bench: Bench, name: str, steps: int) -> list[float]:
    """Return the processor seconds of each of `steps` steps but the first."""
    clock = [time.process_time()]

    def tick(*_: Any) -> None:
        clock.append(time.process_time())

    kind = ARMS[name].kind
    if kind == "hornbook":
        for _ in hornbook_steps(bench, name, steps + 1):
            tick()
    else:
        (trainer if kind == "trainer" else nanogpt)(bench, name, steps + 1, 1000, tick)
    return [after - before for before, after in itertools.pairwise(clock[1:])]


def train(bench: Bench, name: str, steps: int) -> list[tuple[int, float]]:
    """Train an arm for its steps; return (step, bits per byte on held-out text) along the way and at the end."""
    points: list[tuple[int, float]] = []
    every = -(-steps // POINTS)

    def each(step: int, bits: Callable[[], float]) -> None:
        if step % every == 0 or step == steps:
            points.append((step, bits()))
            print(f"{name}: step {step} of {steps}, {points[-1][1]:.3f} bits per byte", flush=True)

    kind = ARMS[name].kind
    if kind != "hornbook":
        (trainer if kind == "trainer" else nanogpt)(bench, name, steps, steps, each)
        return points
    from hornbook.run.pretrain import pretrain
    from hornbook.train.metrics import read_metrics

    bench.prepared(ARMS[name])
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        shutil.copytree(bench.corpus(ARMS[name]), run)
        final = pretrain(bench.recipe(ARMS[name], steps), run, plain=True).bits_per_byte
        records = [record for record in read_metrics(run / "metrics.jsonl") if record["kind"] == "held_out"]
    assert final is not None
    return [(int(r["step"]), float(r["bits_per_byte"])) for r in records if r["step"] < steps] + [(steps, final)]


def shape_of_default(bench: Bench) -> tuple[str, ...]:
    """Return what the default recipe chooses on this machine for the budget, as settings."""
    arm = ARMS["hornbook"]
    recipe = replace(bench.recipe(arm, 1), budget=Budget(minutes=bench.minutes))
    recipe = resolve(recipe, Means(bench.prepared(arm), CPU, print)).recipe
    sizes = {name: getattr(recipe.model, name) for name in ("width", "layers", "heads")}
    rows = f"training.batch_rows={recipe.training.batch_rows}"
    return (*(f"model.{name}={value}" for name, value in sizes.items()), rows)


def reached(curve: Sequence[Sequence[float]], bits: float) -> float | None:
    """Return the seconds after which a curve of (seconds, bits per byte) is at `bits` or below, by straight lines."""
    for (before, high), (after, low) in itertools.pairwise(curve):
        if low <= bits < high:
            return before + (after - before) * (high - bits) / (high - low)
    return curve[0][0] if curve[0][1] <= bits else None


def show(arms: Mapping[str, Any]) -> None:
    """Print a line for each arm, beside the default recipe's result and beside the Trainer's."""
    ours = arms.get("hornbook", {}).get("bits_per_byte")
    peer = arms.get("trainer", {}).get("bits_per_byte")
    print(
        f"\n{'':28}{'ms/step':>9}{'steps':>7}{'seconds':>9}{'bits/byte':>11}{'- default':>11}{'trainer reached at':>20}"
    )
    for name, found in arms.items():
        difference = f"{found['bits_per_byte'] - ours:+11.3f}" if ours else f"{'':11}"
        at = None if peer is None else reached(found["curve"], peer)
        print(
            f"{name:28}{1000 * found['seconds_per_step']:9.0f}{found['steps']:7}{found['budget_seconds']:9.0f}"
            f"{found['bits_per_byte']:11.3f}{difference}{'never' if at is None else f'{at:.0f} s':>20}"
        )


def main() -> None:
    """Measure the speed of the chosen arms in turn, then train each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=CORPUS)
    parser.add_argument("--minutes", type=float, default=2.0, help="budget; the Trainer has five times that")
    parser.add_argument("--only", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--quick", action="store_true", help="one round of two steps, ten steps each; writes nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory_blocks()
    earlier = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() and given.data == CORPUS else {}
    arms: dict[str, Any] = {} if given.quick else dict(earlier.get("arms", {}))
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(given.data, given.minutes, Path(scratch))
        bench = dataclasses.replace(bench, shape=shape_of_default(bench))
        times: dict[str, list[float]] = {name: [] for name in given.only}
        for _ in range(1 if given.quick else ROUNDS):
            for name, found in times.items():
                found += seconds_per_step(bench, name, 2 if given.quick else STEPS_A_ROUND)
        for name, found in times.items():
            seconds = statistics.median(found)
            budget = 60 * given.minutes * ARMS[name].times
            steps = 10 if given.quick else max(1, int(budget / seconds))
            print(f"{name}: {seconds:.3f} s a step, {steps} steps", flush=True)
            points = train(bench, name, steps)
            arms[name] = {
                "budget_seconds": budget, "seconds_per_step": seconds, "seconds_of_steps": found, "steps": steps,
                "bits_per_byte": points[-1][1], "curve": [[step * seconds, bits] for step, bits in points],
                "shape_of_default": bench.shape,
            }  # fmt: skip
            if given.data == CORPUS and not given.quick:
                write({name: arms[name] for name in ARMS if name in arms})
    show({name: arms[name] for name in ARMS if name in arms})


def write(arms: Mapping[str, Any]) -> None:
    """Write what is measured so far."""
    from importlib.metadata import version

    machine = environment(find_device())
    machine["packages"] |= {name: version(name) for name in ("transformers", "accelerate")}
    record = {"date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "machine": machine, "arms": arms}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
