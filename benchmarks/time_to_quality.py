"""Time to quality: held-out bits per byte against seconds of training, for peers, Hornbook, and Hornbook without parts.

    python benchmarks/time_to_quality.py                     all arms, about 50 minutes of one core; writes its result
    python benchmarks/time_to_quality.py --only hornbook     some arms, whose results replace those in the file
    python benchmarks/time_to_quality.py --minutes 1         a budget of one minute, not two
    python benchmarks/time_to_quality.py --data BOOK.txt     on other text; prints, writes nothing
    python benchmarks/time_to_quality.py --quick             a few steps of each, to see that everything runs

Speed and learning are measured apart, so that whatever else the machine does has no part in the result
(`benchmarks/board/training.py`): each arm is trained for as many steps as its budget has at the processor seconds of
its steps, which all arms take in turns. What a start from counts reads in the text is counted with the training.

All arms have the same text, the same held-out documents and, but for the arm that asks for another, one tokenizer. The
number of steps of a schedule is that of the run. Measuring, tokenizer and start-up are not counted for anybody.

    trainer        transformers' GPT-2 under its Trainer, all at its defaults, 6 layers of 384; five times the budget of
                   the others (`benchmarks/peers/trained.py` has all peers)
    trainer small  the same in the shape that Hornbook chooses; five times the budget of the others
    nanogpt        nanoGPT's settings for a CPU
    hornbook       the default recipe
    a tenth, a twentieth   the default recipe with so much of the budget: how soon it is where the Trainer ends
    seed 1, 2      the same with other first weights and another order of the text: what difference says nothing
    without ...    the default recipe with one ingredient taken out
"""

from __future__ import annotations

import argparse
import datetime
import functools
import itertools
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from board.texts import Text, divided
from board.training import ROUNDS, Each, Pace, Texts, measured_at, open_texts, paces, settled, sized, timed, train
from peers import trained

from hornbook.recipes.named import named
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import override
from hornbook.train.machine import environment, find_device, keep_memory_blocks

RESULT = Path(__file__).parent / "results" / "time_to_quality.json"
CORPUS = "builtin:docs"
UNKNOWN_STEPS = 1000  # of a schedule while the seconds of a step are measured
SHAPE = ("width", "layers", "heads")


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
    "a tenth": Arm("hornbook", 0.1),
    "a twentieth": Arm("hornbook", 0.05),
    "seed 1": Arm("hornbook", changes=("seed=1",)),
    "seed 2": Arm("hornbook", changes=("seed=2",)),
    "without counts": Arm("hornbook", changes=("model.start=random",)),
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
    """What all arms share: the text, the budget, and where tokens are kept."""

    text: Text
    seconds: float
    scratch: Path

    def texts(self, arm: Arm) -> Texts:
        """Return the arm's tokens; peers have those of the default recipe."""
        recipe, seconds = override(named(arm.recipe), arm.changes), min(1.0, arm.times) * self.seconds
        return open_texts(recipe, self.text.training, self.text.test, self.scratch, seconds)

    @functools.cached_property
    def shape(self) -> tuple[str, ...]:
        """What the default recipe chooses for the budget of all, as settings."""
        recipe = sized(named("demo"), self.texts(ARMS["hornbook"]), self.seconds)
        sizes = (f"model.{name}={getattr(recipe.model, name)}" for name in SHAPE)
        return (*sizes, f"training.batch_rows={recipe.training.batch_rows}")

    def recipe(self, name: str, steps: int) -> Recipe:
        """Return an arm's recipe for so many steps; a small budget's size is its own."""
        arm = ARMS[name]
        plain = named(arm.recipe)
        if arm.times < 1:
            return settled(sized(plain, self.texts(arm), arm.times * self.seconds), self.texts(arm), steps)
        return settled(override(plain, [*self.shape, *arm.changes]), self.texts(arm), steps)

    def peer(self, name: str, steps: int, run_steps: int, each: Each) -> None:
        """Train a peer for `steps` of `run_steps` steps."""
        texts = self.texts(ARMS[name])
        if name == "nanogpt":
            return trained.nanogpt(texts.training, texts.test, steps, run_steps, each)
        ours = self.recipe("hornbook", 1).model
        shape = (ours.width, ours.layers, ours.heads) if name == "trainer small" else trained.GPT2_SHAPE
        return trained.trainer(texts.training, texts.test, steps, run_steps, each, shape=shape)


def clocked(bench: Bench, name: str, steps: int) -> tuple[float, list[float]]:
    """Return the processor seconds of an arm's start, and of some of its steps."""
    if ARMS[name].kind == "hornbook":
        return timed(bench.recipe(name, UNKNOWN_STEPS), bench.texts(ARMS[name]), steps)
    clock: list[float] = []
    bench.peer(name, steps + 1, UNKNOWN_STEPS, lambda *_: clock.append(time.process_time()))
    return 0.0, [after - before for before, after in itertools.pairwise(clock)]


def curve_of(bench: Bench, name: str, steps: int) -> list[tuple[int, float]]:
    """Train an arm for its steps; return (step, bits per byte on held-out text) along the way and at the end."""
    points: list[tuple[int, float]] = []
    chosen = {*measured_at(steps)}

    def each(step: int, bits: Any) -> None:
        if step in chosen:
            points.append((step, bits()))
            print(f"{name}: step {step} of {steps}, {points[-1][1]:.3f} bits per byte", flush=True)

    if ARMS[name].kind == "hornbook":
        train(bench.recipe(name, steps), bench.texts(ARMS[name]), each)
    else:
        bench.peer(name, steps, steps, each)
    return points


def reached(curve: Sequence[Sequence[float]], bits: float) -> float | None:
    """Return the seconds after which a curve of (seconds, bits per byte) is at `bits` or below, by straight lines."""
    for (before, high), (after, low) in itertools.pairwise(curve):
        if low <= bits < high:
            return before + (after - before) * (high - bits) / (high - low)
    return curve[0][0] if curve[0][1] <= bits else None


def show(arms: Mapping[str, Any]) -> None:
    """Print a line for each arm, beside the default recipe's result, and when it was where the Trainer ended.

    Seconds are compared with the Trainer's of the same processor alone.
    """
    ours = arms.get("hornbook", {}).get("bits_per_byte")
    peer = arms.get("trainer", {})
    print(
        f"\n{'':28}{'start s':>9}{'ms/step':>9}{'steps':>7}{'seconds':>9}{'bits/byte':>11}{'- default':>11}"
        f"{'at the Trainer`s end':>22}{'times':>7}"
    )
    for name, found in arms.items():
        difference = f"{found['bits_per_byte'] - ours:+11.3f}" if ours else f"{'':11}"
        same = peer and found.get("processor") == peer.get("processor")
        at = reached(found["curve"], peer["bits_per_byte"]) if same else None
        never = "never" if same else "another processor"
        sooner = f"{never:>22}" if at is None else f"{at:20.1f} s{peer['curve'][-1][0] / at:7.0f}"
        print(
            f"{name:28}{found.get('start_seconds', 0.0):9.1f}{1000 * found['seconds_per_step']:9.0f}{found['steps']:7}"
            f"{found['budget_seconds']:9.0f}{found['bits_per_byte']:11.3f}{difference}{sooner}"
        )


def main() -> None:
    """Measure the speed of the chosen arms in turn, then train each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=CORPUS)
    parser.add_argument("--minutes", type=float, default=2.0, help="budget; the Trainer has five times that")
    parser.add_argument("--only", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--quick", action="store_true", help="one round, ten steps each; writes nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory_blocks()
    earlier = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() and given.data == CORPUS else {}
    arms: dict[str, Any] = {} if given.quick else dict(earlier.get("arms", {}))
    with tempfile.TemporaryDirectory() as scratch:
        text = divided("text", (given.data,), Path(scratch))
        bench = Bench(text, 60 * given.minutes, Path(scratch))
        sides = {name: functools.partial(clocked, bench, name) for name in given.only}
        for name, pace in paces(sides, 1 if given.quick else ROUNDS).items():
            steps = 10 if given.quick else pace.steps(bench.seconds * ARMS[name].times)
            print(f"{name}: {pace.start:.1f} s to start, {pace.step:.3f} s a step, {steps} steps", flush=True)
            arms[name] = measured(bench, name, pace, steps)
            if given.data == CORPUS and not given.quick:
                write({name: arms[name] for name in ARMS if name in arms})
    show({name: arms[name] for name in ARMS if name in arms})


def measured(bench: Bench, name: str, pace: Pace, steps: int) -> dict[str, Any]:
    """Train an arm; return what its line of the result says."""
    points = curve_of(bench, name, steps)
    return {
        "processor": environment(find_device())["processor"], "budget_seconds": bench.seconds * ARMS[name].times,
        "start_seconds": pace.start,
        "seconds_per_step": pace.step, "steps": steps, "bits_per_byte": points[-1][1],
        "curve": [[pace.at(step), bits] for step, bits in points], "shape_of_default": bench.shape,
    }  # fmt: skip


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
