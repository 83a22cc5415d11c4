"""Train a recipe on one text, test it on another, count processor seconds: what the benchmarks of learning share.

    seconds of the start   processor seconds in which a new model gets its first weights, what it counts in the text
                           included
    seconds of a step      processor seconds of one step, its batch included: the mean of a round's steps, in the best
                           of some rounds in which all sides take turns. Other work on the machine makes a step slower
                           even in processor time, as it shares caches and cores, and never faster
    learning               a fixed number of steps; the test's quality at some of them, measured outside the time

All of it is one thread of one process, in fp32 and not compiled. Quality is bits per byte of the test text where an
objective says every token once, else the objective's own loss on it, in nats a scored token: lower is better.
"""

from __future__ import annotations

import functools
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from hornbook.console import View
from hornbook.corpus.split import Split
from hornbook.evaluate.perplexity import measure
from hornbook.model.electra import Model
from hornbook.model.inputs import to_tensors
from hornbook.objectives.base import tokens_per_row
from hornbook.objectives.catalogue import kind_of
from hornbook.prepare.dataset import LARGEST, Prepared, prepare
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget, DataSettings, TokenizerSettings
from hornbook.recipes.settings import override
from hornbook.run.build import build_loader, build_model, build_optimizers
from hornbook.run.counted_start import start_from_counts
from hornbook.run.settle.resolve import Facts, Means, choose_model, choose_rows, most_entries, planned, resolve
from hornbook.scaling.defaults import EXPECTED_SHARE
from hornbook.train.machine import matmul_flops
from hornbook.train.parallel import Parallel
from hornbook.train.schedules import Schedule
from hornbook.train.step import add_gradients, update

CPU = torch.device("cpu")
ALONE = ("training.precision=fp32", "training.compile=no", "training.threads=1", "training.workers=0")
WHOLE = 10**9  # tokens of a test text: all of it
ROUNDS, STEPS_A_ROUND = 5, 4
_NONE, _ALL = Split(0), Split(2**64 - 1)
_LEAST = 1e-15  # of a text's documents are not learnt from by its tokenizer: one
Each = Callable[[int, Callable[[], float]], None]  # is told a step's number, and what measures the quality after it


@dataclass(frozen=True)
class Texts:
    """A text to train on and one to test on, as tokens of one tokenizer; all documents of each are used."""

    training: Prepared
    test: Prepared

    @property
    def vocabulary(self) -> int:
        """Entries of the tokenizer."""
        return self.training.tokenizer.vocab.size


def open_texts(recipe: Recipe, training: Path, test: Path, folder: Path, seconds: float = 0) -> Texts:
    """Return both texts as tokens in a folder of its own below `folder`; what is there already is opened.

    A vocabulary whose size is open is chosen by the text and, where there are some, by the processor seconds.
    """
    size: str | int = recipe.tokenizer.size or (f"by-{seconds:g}-s" if seconds else 0)
    most = most_entries(_in_time(recipe, seconds), CPU) if seconds else LARGEST
    name = f"{training.stem}-{kind_of(recipe.objective)}-{recipe.tokenizer.kind}-{size}-{recipe.row_length}"
    learned, tested = folder / name, folder / f"{name}-test"
    for place in (learned, tested):
        place.mkdir(parents=True, exist_ok=True)
    recipe = replace(recipe, data=DataSettings((str(training),), held_out=_LEAST, clean="none"))
    quiet = View(plain=True, silent=True)
    first = prepare(recipe, learned, quiet, most=lambda: most)
    same = TokenizerSettings(file=str(learned / "tokenizer.json"))
    other = replace(recipe, data=replace(recipe.data, paths=(str(test),)), tokenizer=same)
    second = prepare(other, tested, quiet)
    return Texts(
        replace(first, text=replace(first.text, split=_NONE)), replace(second, text=replace(second.text, split=_ALL))
    )


def sized(recipe: Recipe, texts: Texts, seconds: float) -> Recipe:
    """Return the recipe with sizes and rows, as it chooses them for so many seconds of one quiet core."""
    recipe = _in_time(recipe, seconds)
    prepared = texts.training
    positions = tokens_per_row(prepared.objective, prepared.row_length)
    speed = EXPECTED_SHARE * matmul_flops(CPU, torch.float32)
    facts = Facts(texts.vocabulary, len(prepared.training_rows), positions, speed, float("inf"))
    model = choose_model(recipe, facts)
    rows = choose_rows(recipe, model.width, 1, planned(recipe, model, facts))
    shape = [f"model.{name}={getattr(model, name)}" for name in ("width", "layers", "heads")]
    return override(recipe, [*shape, f"training.batch_rows={rows}", f"tokenizer.size={texts.vocabulary}"])


def _in_time(recipe: Recipe, seconds: float) -> Recipe:
    return override(replace(recipe, budget=Budget(minutes=seconds / 60)), ALONE)


def settled(recipe: Recipe, texts: Texts, steps: int) -> Recipe:
    """Return the recipe for so many steps with every choice made that a run would make."""
    recipe = override(replace(recipe, budget=Budget(steps=steps)), ALONE)
    return resolve(recipe, Means(texts.training, CPU, lambda _: None)).recipe


def begin(recipe: Recipe, texts: Texts) -> Model:
    """Return a settled recipe's model as a run begins with it, what it counts in the text included."""
    model = build_model(recipe, CPU).train()
    if recipe.model.start == "counts":
        start_from_counts(model, recipe, texts.training, lambda _: None)
    return model


def steps_of(model: Model, recipe: Recipe, texts: Texts, last: int) -> Iterator[int]:
    """Take the steps of a run up to `last`; yield the number of each when it is done."""
    parallel, training = Parallel(model), recipe.training
    optimizers, loader = build_optimizers(parallel, recipe), build_loader(recipe, texts.training, CPU)
    schedule = Schedule(training.schedule, recipe.budget.steps, training.warmup, training.decay, training.final_rate)
    for step, batches in enumerate(loader.steps(0, last)):
        add_gradients(model.loss, batches, parallel, CPU, bf16=False, seed=recipe.seed, step=step)
        update(parallel, optimizers, training.clip, schedule(step))
        yield step + 1


def quality(model: Model, recipe: Recipe, texts: Texts, tokens: int = WHOLE) -> float:
    """Return the model's quality on the first `tokens` of the test text, in whole documents."""
    rows, size = texts.test.held_out_rows(tokens)
    model.eval()
    with torch.no_grad():
        moved = functools.partial(to_tensors, device=CPU)
        found = measure(model, rows, texts.test.objective, moved, batch_rows=16, seed=0, text_bytes=size)
    model.train()
    return found.loss if found.bits_per_byte is None else found.bits_per_byte


def train(recipe: Recipe, texts: Texts, each: Each, tokens: int = WHOLE) -> tuple[float, float]:
    """Train to the recipe's end; return the processor seconds of the start and of all steps, as this run had them.

    The last step's quality is that on the whole test text, an earlier one's on its first `tokens`.
    """
    clock = time.process_time()
    model, steps, spent = begin(recipe, texts), recipe.budget.steps, 0.0
    start = time.process_time() - clock
    clock = time.process_time()
    for step in steps_of(model, recipe, texts, steps):
        spent += time.process_time() - clock
        each(step, functools.partial(quality, model, recipe, texts, WHOLE if step == steps else tokens))
        clock = time.process_time()
    return start, spent


def timed(recipe: Recipe, texts: Texts, steps: int) -> tuple[float, list[float]]:
    """Return the processor seconds of the start, and of each of `steps` steps behind a first one."""
    clock = [time.process_time()]
    model = begin(recipe, texts)
    clock.append(time.process_time())
    clock += [time.process_time() for _ in steps_of(model, recipe, texts, steps + 1)]
    return clock[1] - clock[0], [after - before for before, after in itertools.pairwise(clock[2:])]


@dataclass(frozen=True)
class Pace:
    """Processor seconds of a side: of its start, and of a step."""

    start: float
    step: float

    def steps(self, seconds: float) -> int:
        """Return how many steps fit into so many seconds, at least one."""
        return max(1, int((seconds - self.start) / self.step))

    def at(self, step: int) -> float:
        """Return the seconds when so many steps are done."""
        return self.start + step * self.step


def paces(sides: Mapping[str, Callable[[int], tuple[float, list[float]]]], rounds: int = ROUNDS) -> dict[str, Pace]:
    """Time every side in turns, round after round; a side takes a number of steps and says what they took."""
    starts: dict[str, list[float]] = {name: [] for name in sides}
    steps: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            start, found = side(STEPS_A_ROUND)
            starts[name].append(start)
            steps[name].append(statistics.fmean(found))
    return {name: Pace(min(starts[name]), min(steps[name])) for name in sides}


def measured_at(steps: int) -> tuple[int, ...]:
    """Return the steps whose quality a curve has: 5, twice as many each time, every fifth of the run, and the last.

    >>> measured_at(100)
    (5, 10, 20, 40, 60, 80, 100)
    """
    doubled = {5 * 2**power for power in range(30)}
    fifths = {steps * part // 5 for part in range(1, 6)}
    return tuple(sorted(step for step in doubled | fifths if 0 < step <= steps))
