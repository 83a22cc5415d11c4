"""One training of a transfer: rows of examples through the same loop as pre-training, chosen by its dev examples.

    batches       example step * batch + 0, 1, 2 ... of an order by key: a pure function of (seed, step)
    measurement   dev score and dev nats, at each epoch or ten times; the best one's weights are kept in best/
    resume        from the newest checkpoint, to the same weights, bit for bit

OUT/trials/NAME/  metrics.jsonl, checkpoints/ while it trains; best/ where its test is scored; done.json at the end
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from hornbook import keys
from hornbook.artifacts import read_json, write_json
from hornbook.batch import Batch
from hornbook.errors import DivergedError, Interrupted
from hornbook.model.heads import without_heads
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.model.transformer import Transformer
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget
from hornbook.run.build import build_model, build_optimizers, spread_model
from hornbook.run.settle.memory_fit import fitted, shrinking
from hornbook.scaling.count import flops_per_token
from hornbook.schema import record
from hornbook.signals import SignalHandler
from hornbook.train import checkpoints
from hornbook.train.loop import MODEL, Loop, Plan
from hornbook.train.metrics import CHECKPOINTS, METRICS, MetricsFile, read_metrics
from hornbook.train.pace import Pace
from hornbook.train.parallel import Parallel, arrange
from hornbook.train.schedules import Schedule
from hornbook.train.world import World
from hornbook.transfer.examples import Item
from hornbook.transfer.rows import Row
from hornbook.transfer.task import Task

DONE, BEST = "done.json", "best"
_MEASUREMENTS, _RECORDS = 10, 50  # of a training, at the most
_ORDER = 0x7472  # stream of the keys
_SHORT = 1000  # examples; training on fewer reads them twice as often (Mosbach et al. 2021)


@dataclass(frozen=True)
class Trial:
    """One training.

    name     of its directory
    chosen   numbers of the examples that it learns from
    rate     peak learning rate
    epochs   how often each example is read
    least    optimizer steps at the least: few examples are read more often
    final    its weights are kept and its test is scored
    """

    name: str
    chosen: tuple[int, ...]
    rate: float
    seed: int
    epochs: float
    least: int
    final: bool


@dataclass(frozen=True)
class Outcome:
    """What became of a training.

    score     of the dev examples at the best measurement, and `nats` there; NaN where nothing was measured
    step      of that measurement, 0 = none
    epoch     the same in passes over the examples
    diverged  what ended it early, or nothing
    """

    score: float
    nats: float
    step: int
    epoch: float
    diverged: str = ""


@dataclass(frozen=True, eq=False)
class Setting:
    """What all trainings of a transfer have in common.

    recipe   of a training, its rate, length and seed apart
    state    weights of the base model
    update   is told the number of optimizer steps that were done since it was told before
    """

    task: Task
    recipe: Recipe
    state: Mapping[str, torch.Tensor]
    probe: bool
    train: Sequence[Item]
    dev: Sequence[Item]
    directory: Path
    device: torch.device
    world: World
    say: Callable[[str], None]
    update: Callable[[int], object]


@dataclass(frozen=True, eq=False)
class Feed:
    """The batches of a training: every step has as many rows, and what an epoch does not fill the next one does."""

    task: Task
    rows: Sequence[Row]
    seed: int
    size: int
    micro_batch: int
    device: torch.device
    share: tuple[int, int] = (0, 1)

    def numbers(self, step: int) -> list[int]:
        """Return which rows a step has: each once in an epoch, in an order of its own."""
        epoch, place = np.divmod(step * self.size + np.arange(self.size), len(self.rows))
        key = keys.fold(np.uint64(self.seed), epoch, _ORDER)
        return [int(number) for number in keys.permute(place, len(self.rows), key)]

    def step(self, number: int) -> list[Tensors]:
        mine, shares = self.share
        size = self.size // shares
        chosen = self.numbers(number)[mine * size : (mine + 1) * size]
        parts = [chosen[start : start + self.micro_batch] for start in range(0, size, self.micro_batch)]
        return [to_tensors(self.task.batch([self.rows[one] for one in part]), self.device) for part in parts]

    def steps(self, first: int, last: int) -> Iterator[list[Tensors]]:
        return map(self.step, range(first, last))


@dataclass(frozen=True)
class _Sample:
    """What the memory of a step is predicted from: its longest rows."""

    sample: list[Batch]


def length_of(trial: Trial, rows: int, batch_rows: int) -> int:
    """Return the optimizer steps of a training on so many rows."""
    return max(trial.least, math.ceil(trial.epochs * rows / batch_rows))


def default_epochs(examples: int) -> int:
    return 20 if examples < _SHORT else 10


def batch_rows_of(setting: Setting, rows: int) -> int:
    """Return the rows of a step: those of the recipe, or all where there are fewer, as the devices can share them."""
    shares = setting.world.size
    return max(1, min(setting.recipe.training.batch_rows, rows) // shares) * shares


def outcome_of(directory: Path) -> Outcome | None:
    """Return what became of a training that is done."""
    path = directory / DONE
    return record(Outcome, read_json(path, "outcome"), f"The outcome {path}") if path.is_file() else None


def finetune(setting: Setting, trial: Trial, dev_rows: Sequence[Row]) -> Outcome:
    """Train to the end from wherever the training stands; return what its dev examples say.

    Raises Interrupted, everything saved, when a signal asked to stop.
    """
    directory = setting.directory / trial.name
    if (known := outcome_of(directory)) is not None:
        return known
    rows = setting.task.rows([setting.train[number] for number in trial.chosen])
    size = batch_rows_of(setting, len(rows))
    steps = length_of(trial, len(rows), size)
    recipe = recipe_of(setting, trial, size, steps)
    longest = sorted(rows, key=len, reverse=True)[:size]
    sample = _Sample([setting.task.batch(longest)])
    layout = arrange(setting.world.size, setting.world.rank, recipe.training.shards, recipe.training.tensor_parallel)
    micro, again = fitted(recipe, sample, setting.device, setting.say, layout.data[1])
    recipe = dataclasses.replace(
        recipe, training=dataclasses.replace(recipe.training, micro_batch=micro, checkpoint_activations=again)
    )
    with contextlib.suppress(FileNotFoundError):
        if setting.world.is_main and not checkpoints.has_any(directory / CHECKPOINTS):
            shutil.rmtree(directory)  # of a start that was killed before its first checkpoint
    outcome = shrinking(
        recipe, sample, setting.device, lambda found: _train(setting, trial, found, rows, dev_rows), setting.say,
        lambda: setting.world.size == 1 and not checkpoints.has_any(directory / CHECKPOINTS),
    )  # fmt: skip
    if setting.world.is_main:
        write_json(directory / DONE, dataclasses.asdict(outcome))
        shutil.rmtree(directory / CHECKPOINTS, ignore_errors=True)
    return outcome


def recipe_of(setting: Setting, trial: Trial, size: int, steps: int) -> Recipe:
    """Return every setting of a training."""
    training = dataclasses.replace(
        setting.recipe.training, learning_rate=trial.rate, batch_rows=size, micro_batch=0,
        evaluate_every=math.ceil(steps / min(_MEASUREMENTS, math.ceil(trial.epochs))),
    )  # fmt: skip
    return dataclasses.replace(setting.recipe, training=training, budget=Budget(steps=steps), seed=trial.seed)


def begin(setting: Setting, recipe: Recipe, device: torch.device) -> Transformer:
    """Return a training's model before its first step: the base model's weights, and a new head."""
    model = cast(Transformer, build_model(recipe, device))
    config = recipe.model
    given = setting.state if config.task_head == "none" else without_heads(setting.state, config)
    own = model.state_dict()
    model.load_state_dict({**own, **{name: value for name, value in given.items() if name in own}})
    if setting.probe:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith("task."))
    return model


def _train(setting: Setting, trial: Trial, recipe: Recipe, rows: Sequence[Row], dev_rows: Sequence[Row]) -> Outcome:
    training, world, directory = recipe.training, setting.world, setting.directory / trial.name
    layout = arrange(world.size, world.rank, training.shards, training.tensor_parallel)
    model = begin(setting, recipe, setting.device if world.size == 1 else torch.device("cpu"))
    parallel = spread_model(model, recipe, world, layout, setting.device)
    feed = Feed(setting.task, rows, recipe.seed, training.batch_rows, training.micro_batch, setting.device, layout.data)
    stopping, timeline = SignalHandler(), recipe.budget.timeline
    chooser = _Chooser(setting, trial, model, parallel, dev_rows, directory)
    loop: Loop[Tensors] = Loop(
        model=model, loss=model.loss, optimizers=build_optimizers(parallel, recipe), batches=feed.steps,
        schedule=Schedule(training.schedule, timeline.planned, training.warmup, training.decay, training.final_rate),
        pace=Pace(timeline), plan=_plan(recipe, rows), device=setting.device, directory=directory,
        measure=chooser.measure, sinks=[], say=setting.say, stopping=stopping, parallel=parallel,
    )  # fmt: skip
    done = loop.restore()
    chooser.loop = loop
    chooser.history = [
        (found["step"], found["score"], found["loss"])
        for found in read_metrics(directory / METRICS)
        if found["kind"] == "held_out" and found["step"] <= done
    ]
    setting.update(done)
    if done < loop.steps:
        file = MetricsFile(directory / METRICS, done, setting.say) if world.is_main else None
        try:
            with stopping.listening():
                loop.sinks = [*([file] if file else []), _Progress(setting.update, done)]
                loop.run()
        except DivergedError as error:
            setting.update(loop.steps - loop.step)
            return chooser.outcome(len(rows) / training.batch_rows, str(error).partition(". ")[0])
        except Interrupted as error:
            raise Interrupted("", error.exit_code - 128) from error
        finally:
            if file:
                file.close()
    return chooser.outcome(len(rows) / training.batch_rows)


def _plan(recipe: Recipe, rows: Sequence[Row]) -> Plan:
    training, steps = recipe.training, recipe.budget.steps
    tokens = max(1, round(float(np.mean([len(row) for row in rows])) * training.batch_rows))
    scored = min(1.0, float(np.mean([len(row.places) / len(row) for row in rows])))
    behind = round(float(np.mean([0 if row.behind is None else len(row.behind) for row in rows])))
    length = max(1, round(tokens / training.batch_rows) - behind)
    return Plan(
        tokens_per_step=tokens, flops_per_step=tokens * flops_per_token(recipe.model, length, scored, behind),
        matmul_flops=1.0, evaluate_every=training.evaluate_every, record_every=max(1, steps // _RECORDS),
        checkpoint_minutes=training.checkpoint_minutes, keep_checkpoints=training.keep_checkpoints,
        clip=training.clip, bf16=training.precision == "bf16", seed=recipe.seed,
    )  # fmt: skip


class _Progress:
    """A sink that tells how many steps were done."""

    def __init__(self, update: Callable[[int], object], done: int) -> None:
        self._update, self._done = update, done

    def write(self, record: Mapping[str, Any]) -> None:
        if record["kind"] == "train":
            self._update(record["step"] - self._done)
            self._done = record["step"]


@dataclass
class _Chooser:
    """Measures the dev examples and keeps the best weights: of equal scores those with fewer nats, then the first."""

    setting: Setting
    trial: Trial
    model: Transformer
    parallel: Parallel
    rows: Sequence[Row]
    directory: Path
    loop: Loop[Tensors] | None = None
    history: list[tuple[int, float, float]] = dataclasses.field(default_factory=list)

    def measure(self) -> dict[str, float | None]:
        setting = self.setting
        score, nats = setting.task.measure(self.model, setting.dev, self.rows, setting.device)
        assert self.loop is not None
        before = self._best()
        self.history.append((self.loop.step, score, nats))
        if self.trial.final and self._best() != before and math.isfinite(nats):
            weights = {f"{MODEL}{name}": (name, value) for name, value in self.parallel.parameters.items()}
            pieces = self.parallel.pieces(weights)
            checkpoints.save_together(self.directory / BEST, self.loop.step, pieces, {}, 1, setting.world)
        return {"loss": nats, "score": score}

    def _best(self) -> tuple[int, float, float] | None:
        finite = [found for found in self.history if math.isfinite(found[2])]
        return max(finite, key=lambda found: (found[1], -found[2], -found[0]), default=None)

    def outcome(self, epoch_steps: float, diverged: str = "") -> Outcome:
        step, score, nats = self._best() or (0, 0.0, 0.0)
        return Outcome(score, nats, step, round(step / epoch_steps, 2), diverged)


def best_weights(setting: Setting, trial: Trial) -> dict[str, torch.Tensor] | None:
    """Return the weights that a final training's dev examples chose, None where it diverged before the first."""
    found = checkpoints.newest(setting.directory / trial.name / BEST, setting.say)
    if found is None:
        return None
    return {name.removeprefix(MODEL): value for name, value in found[1].items() if name.startswith(MODEL)}
