"""The training loop. It knows neither objectives nor kinds of models.

    state = the newest sound checkpoint, or step 0
    for step in state.step .. steps:
        batches  = the step's micro-batches, prepared ahead of time          a pure function of (seed, step)
        count    = sum of the micro-batches' counts, of all processes        the loss's denominator, known beforehand
        for batch in batches:
            (model.loss(batch) / count).backward()                           never a mean of means
        add up the gradients of all processes; clip; step the optimizers at rate(step), unless the norm is not finite
        record loss, learning rates, gradient norm, speed
        every `evaluate_every` steps and at the end: measure on held-out text, and write samples, if there are any
        every few minutes, at the end and when asked to stop: checkpoint
        now and then, in a budget of minutes: correct the number of steps

What happens at a step depends on the recipe (with the corrections in it) and the step's number alone, so a run that
was killed and resumed ends with the same weights, bit for bit, as one that was not (same machine, same number of
threads and processes).
"""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import torch
from torch import Tensor, nn

from hornbook.errors import DivergedError, Interrupted, UserError
from hornbook.signals import SignalHandler
from hornbook.train import checkpoints
from hornbook.train.machine import memory_used
from hornbook.train.metrics import CHECKPOINTS, MetricsFile, Samples, Sink
from hornbook.train.optimizers import PREFIX, Optimizers
from hornbook.train.pace import Pace, Timeline
from hornbook.train.parallel import Parallel
from hornbook.train.schedules import Schedule
from hornbook.train.step import B, add_gradients, precision, update

MODEL = "model."
# So many updates in a row that are skipped, for a loss or a gradient that is not finite, end a run.
MOST_SKIPPED = 3
# What is counted of batches: positions that are computed, those without a token, targets with a loss, and without one.
COUNTED = ("positions", "padding", "scored", "not_scored")
_TOLD_CHANGE = 0.1  # of the number of steps: smaller corrections are recorded, but not printed


@dataclass(frozen=True)
class Plan:
    """The numbers of one run, all fixed before its first step.

    tokens_per_step   model positions in one step, for the speed shown; flops_per_step are the model's
    matmul_flops      FLOP/s the machine reaches in plain matrix products
    evaluate_every    steps between measurements, in a run of the first length, as record_every between records
    keep_checkpoints  how many of the newest are kept
    clip              largest norm of the gradient; 0 = none
    bf16              compute in bfloat16 by autocast
    seed              of dropout
    """

    tokens_per_step: int
    flops_per_step: float
    matmul_flops: float
    evaluate_every: int
    record_every: int
    checkpoint_minutes: float
    keep_checkpoints: int
    clip: float
    bf16: bool
    seed: int


@dataclass
class Loop(Generic[B]):
    """One model, its optimizers and its batches, at some step.

    loss       what `model.loss` is: a batch to its summed, weighted nats (0-dim tensor)
    batches    the micro-batches of steps first, first + 1, ... last - 1, in order
    pace       the run's clock and its length in steps
    parallel   the model among processes
    facts      gives what the manifest of each checkpoint has beside its step
    measure    returns the record of a measurement on held-out text
    recast     records that the run's length was corrected and returns its `batches` from then on
    samples    what the model says while it trains
    until      steps after which it stops with a checkpoint, to go on another time; 0 = at its end
    counted    COUNTED of earlier starts, of all processes: the first ones alone in the runs of earlier versions, none
               where they are unknown
    """

    model: nn.Module
    loss: Callable[[B], Tensor]
    optimizers: Optimizers
    batches: Callable[[int, int], Iterator[Sequence[B]]]
    schedule: Schedule
    pace: Pace
    plan: Plan
    device: torch.device
    directory: Path
    measure: Callable[[], Mapping[str, Any]]
    sinks: Sequence[Sink]
    say: Callable[[str], None]
    stopping: SignalHandler
    parallel: Parallel
    facts: Callable[[], Mapping[str, Any]] = dict
    recast: Callable[[Timeline], Callable[[int, int], Iterator[Sequence[B]]]] | None = None
    samples: Samples | None = None
    until: int = 0

    step: int = 0
    counted: tuple[int, ...] = (0,) * len(COUNTED)
    _waited: float = 0.0
    _mine: tuple[int, ...] = (0,) * len(COUNTED)  # of this start and process
    _recorded: tuple[int, ...] = (0,) * len(COUNTED)  # those of the record before
    _saved: int = 0  # the step of the newest checkpoint
    _skipped: int = 0
    _in_a_row: int = 0  # updates skipped just now
    _matmul_flops: float = 0.0

    def restore(self) -> int:
        """Take over the newest sound checkpoint, if there is one; return the number of steps done."""
        found = checkpoints.newest_together(self.directory / CHECKPOINTS, self.say, self.parallel.world, set_aside=True)
        if found is not None:
            if self.parallel.world.is_main:  # a process that was killed may not have come to it
                checkpoints.retain(found.path, self.plan.keep_checkpoints)
            parts = self.parallel.parts
            weights = {key.removeprefix(MODEL): shape for key, shape in found.shapes.items() if key.startswith(MODEL)}
            if weights != {name: part.shape for name, part in parts.items()}:
                raise UserError(f"The checkpoint in {self.directory} does not match the recipe's model.")
            with torch.no_grad():
                for name, part in parts.items():
                    part.local.copy_(found.read(f"{MODEL}{name}", self.parallel.place(name, len(part.shape))))
            states = [key for key in found.shapes if key.startswith(PREFIX)]
            strange = next((key for key in states if Optimizers.parameter_of(key) not in parts), None)
            if strange:
                raise UserError(f"The checkpoint has optimizer state for {strange}, which this model lacks.")
            places = {k: self.parallel.place(Optimizers.parameter_of(k), len(found.shapes[k])) for k in states}
            self.optimizers.load({key: found.read(key, place) for key, place in places.items()})
            self.step = self._saved = int(found.manifest["step"])
            self._skipped, self._in_a_row = found.manifest.get("skipped_updates", (0, 0))
            self.pace.before = float(found.manifest.get("seconds", 0.0))
            self.counted = tuple(found.manifest.get("counted", ()))
        return self.step

    @property
    def steps(self) -> int:
        """Steps of the whole run, as it is foreseen now."""
        return self.pace.timeline.steps

    def run(self) -> None:
        """Train to the end of the plan, or until the step where it is to stop.

        Raises Interrupted after saving when a signal asked to stop. Raises DivergedError when MOST_SKIPPED updates in a
        row, or the last one, had a loss or a gradient that is not finite, and when the weights are not finite.
        """
        saved_at = recorded_at = time.monotonic()
        begun_step = recorded_step = self.step
        self.model.train()
        source = self.batches(self.step, self.steps)
        try:
            while self.step < self.steps and not 0 < self.until <= self.step:
                waiting = time.monotonic()
                micro_batches = next(source)
                self._waited += time.monotonic() - waiting
                own = [(b.positions, b.padding, b.scored_targets, b.other_targets) for b in micro_batches]
                self._mine = tuple(map(sum, zip(self._mine, *own, strict=True)))
                loss, norm = self._update(micro_batches)
                if self.step == begun_step + 1:
                    self.pace.begin(self.step)
                last = self.step == self.steps
                signal, due, steps = self._asked(time.monotonic() - saved_at > 60 * self.plan.checkpoint_minutes)
                if self.step % self.plan.record_every == 0 or last or signal or self._in_a_row:
                    nats, now = loss(), time.monotonic()
                    self._record(nats, norm, now - recorded_at, self.step - recorded_step)
                    recorded_at, recorded_step = now, self.step
                    if self._in_a_row:
                        self._skip(nats, norm, last)
                if self._measures(self.step) > self._measures(self.step - 1) or last:
                    recorded_at += self._measured(last)
                if (
                    last or signal or self.step == self.until or (due and not self._in_a_row)
                ):  # the weights may be what cannot be computed with
                    start = time.monotonic()
                    self._save()
                    saved_at = time.monotonic()
                    recorded_at += saved_at - start
                if signal and not last:
                    raise Interrupted(
                        f"Stopped at step {self.step} of {self.steps}; everything is saved. Continue with: "
                        f"hornbook pretrain --resume {shlex.quote(str(self.directory))}",
                        signal,
                    )
                if steps:
                    _close(source)  # what it has ready is of the earlier length
                    self._correct(steps)
                    source = self.batches(self.step, self.steps)
        finally:
            _close(source)

    def _asked(self, due: bool) -> tuple[int, bool, int]:
        """Return what any rank or rank 0 asks for, for all ranks alike.

        That is: the signal to stop, or 0; whether to write a checkpoint; the steps that the run is to have, or 0.
        """
        world = self.parallel.world
        done, whole = self._measures(self.step), self._measures(self.steps, up=True)
        samples = max(1, self._samplings(whole) - self._samplings(done)) if self.samples else 0
        steps = self.pace.look(self.step, whole - done, samples)
        wanted = [float(due), float(steps)] if world.is_main else [0.0, 0.0]
        signal, due_there, steps_there = world.all_reduce_max([float(self.stopping.signal_number or 0), *wanted])
        return int(signal), bool(due_there), int(steps_there)

    def _measures(self, step: int, up: bool = False) -> int:
        """Return how many measurements are due by a step; with `up`, the one at the end of the run counted too."""
        number = self.pace.timeline.place(step) / self.plan.evaluate_every
        return math.ceil(number) if up else math.floor(number)

    def _samplings(self, measurements: int) -> int:
        """Return how often there are samples by so many measurements."""
        return math.ceil(measurements / self.samples.every) if self.samples else 0

    def _measured(self, last: bool) -> float:
        """Measure, and write samples where they are due; return the seconds that both took."""
        start = self.pace.elapsed
        self.record_measurement()
        measured, sampling = self.pace.elapsed, None
        due = self._samplings(self._measures(self.step)) > self._samplings(self._measures(self.step - 1))
        if self.samples is not None and (due or last):
            self.samples.write(self.step)
            sampling = self.pace.elapsed - measured
        self.pace.measured(measured - start, sampling)
        return self.pace.elapsed - start

    def counts(self) -> dict[str, int]:
        """Return COUNTED since the first step, as far as they are known, of all processes, which all ask alike."""
        if not self.counted:
            return {}
        counts = zip(COUNTED, self.counted, self.parallel.total(self._mine), strict=False)
        return {name: before + round(now) for name, before, now in counts}

    def _correct(self, steps: int) -> None:
        """Give the run another length from this step on; it is recorded before the step is done."""
        assert self.recast is not None  # what has a deadline has it
        before = self.steps
        self.pace.timeline = self.pace.timeline.corrected(self.step, steps)
        self.batches = self.recast(self.pace.timeline)
        if abs(steps - before) > _TOLD_CHANGE * before:
            self.say(f"budget: {steps:,} steps in all, not {before:,}, by the speed of the last ones")

    def _update(self, micro_batches: Sequence[B]) -> tuple[Callable[[], float], float]:
        """Do one optimizer step; return (what gives its loss, mean nats over all processes; the gradient's norm).

        The norm is that before clipping. Asking for the loss is a sum over all processes, so not all steps do.
        """
        parallel, plan = self.parallel, self.plan
        nats, count = add_gradients(
            self.loss, micro_batches, parallel, self.device, bf16=plan.bf16, seed=plan.seed, step=self.step
        )
        norm = update(parallel, self.optimizers, plan.clip, self._lr_scale(self.step))
        self.step += 1
        self._in_a_row = 0 if math.isfinite(norm) else self._in_a_row + 1
        self._skipped += bool(self._in_a_row)
        return lambda: float(torch.tensor(parallel.total([float(nats)])[0]) / max(count, 1.0)), norm

    def _skip(self, loss: float, norm: float, last: bool) -> None:
        """Say that the update just now was skipped; raise DivergedError where it was one too many."""
        what = f"the loss is {loss}, the norm of the gradient {norm}"
        if last or self._in_a_row == MOST_SKIPPED:
            times = f" for {self._in_a_row} steps in a row" if self._in_a_row > 1 else ""
            raise self._diverged(f"{what}{times}, at step {self.step} of {self.steps}")
        self.say(f"step {self.step}: {what}, so this update is skipped ({self._skipped} so far)")

    def _diverged(self, what: str) -> DivergedError:
        kept = (
            f"The checkpoint of step {self._saved} is sound and kept"
            if self._saved
            else "No checkpoint was written yet"
        )
        return DivergedError(
            f"The run diverged: {what}. {kept} in {self.directory / CHECKPOINTS}. Start again with a lower "
            "training.learning_rate and training.muon_learning_rate."
        )

    def _lr_scale(self, step: int) -> float:
        return self.schedule(step, self.pace.timeline.place(step))

    def _record(self, loss: float, norm: float, seconds: float, steps: int) -> None:
        speed, scale = steps / max(seconds, 1e-9), self._lr_scale(self.step - 1)
        flops = speed * self.plan.flops_per_step
        # The rate of matrix products was measured beside whatever else the machine did: it is no less than this.
        self._matmul_flops = max(self._matmul_flops, self.plan.matmul_flops, flops / self.parallel.world.size)
        positions, padding, *_ = (now - before for now, before in zip(self._mine, self._recorded, strict=True))
        record = {
            "loss": loss,
            **self.optimizers.rates(scale),
            "lr_scale": scale,
            "gradient_norm": norm,
            "skipped_updates": self._skipped,
            "tokens": self.step * self.plan.tokens_per_step,
            "tokens_per_second": speed * self.plan.tokens_per_step,
            "model_flops": flops,
            "model_flops_utilization": flops / self._matmul_flops / self.parallel.world.size,
            "waiting_share": self._waited / max(seconds, 1e-9),
            "useful_share": 1.0 - padding / max(positions, 1),
            **self.counts(),
            "memory_bytes": memory_used(self.device),
            "seconds_left": (self.steps - self.step) / speed,
            "steps": self.steps,
        }
        self._write("train", record)
        self._waited, self._recorded = 0.0, self._mine

    def record_measurement(self) -> None:
        self.model.eval()
        with torch.no_grad(), precision(self.plan.bf16, self.device):
            record = self.measure()
        self.model.train()
        self._write("held_out", record)

    def _write(self, kind: str, values: Mapping[str, Any]) -> None:
        single = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
        strange = [name for name, value in single.items() if value is None or not math.isfinite(value)]
        record: dict[str, object] = {"kind": kind, "step": self.step, **values, **dict.fromkeys(strange)}
        record |= {"seconds": round(self.pace.elapsed, 3), "time": round(time.time(), 3)}
        if strange:
            record["not_finite"] = ", ".join(strange)
        for sink in self.sinks:
            sink.write(record)

    def _save(self) -> None:
        weights = {f"{MODEL}{name}": (name, value) for name, value in self.parallel.parameters.items()}
        states = {key: (Optimizers.parameter_of(key), value) for key, value in self.optimizers.state().items()}
        folder, pieces = self.directory / CHECKPOINTS, self.parallel.pieces(weights | states)
        facts: dict[str, object] = {"steps": self.steps, "seconds": self.pace.elapsed, **self.facts()}
        if counts := self.counts():
            facts["counted"] = list(counts.values())
        if self._skipped:
            facts["skipped_updates"] = self._skipped, self._in_a_row
        for sink in self.sinks:
            if isinstance(sink, MetricsFile):
                sink.sync()  # a checkpoint never knows more than the records
        try:
            checkpoints.save_together(folder, self.step, pieces, facts, self.plan.keep_checkpoints, self.parallel.world)
        except DivergedError as error:
            raise self._diverged(str(error)) from error
        self._saved = self.step


def _close(source: Iterator[object]) -> None:
    """End the threads of a generator that is not at its end."""
    if hasattr(source, "close"):
        source.close()
