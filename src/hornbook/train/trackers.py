"""Trackers: where a run's records go beside metrics.jsonl, each named in `logging.trackers`.

    record -> metrics.jsonl -> tensorboard, trackio, wandb, my.py:Class ...

A tracker's library is imported when the tracker is opened. Each gets every record once, also where a run was killed and
resumed: what stands in metrics.jsonl already is not written again. A tracker never stops a run: one that fails is
dropped, in one line, and training goes on.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from hornbook.artifacts import json_text, write_file
from hornbook.errors import UserError, account_of, nearest
from hornbook.schema import own_class
from hornbook.train.metrics import METRICS, MetricsFile, Sink, read_metrics

PROJECT = "hornbook"  # what a run belongs to where trackers have projects


class Tracker(Sink, Protocol):
    """Takes the records of one run; made without arguments. Any exception drops it."""

    def open(self, directory: Path, name: str, settings: Mapping[str, Any], resumed_at: int) -> None:
        """Begin, or go on with, the run in `directory`.

        `settings` are the recipe's, as nested plain values; `resumed_at` is the number of steps done before.
        """

    def close(self) -> None:
        """Write what is left and release everything; called once, also when the run is stopped."""


class TensorBoard:
    """Event files in RUN/tensorboard."""

    def open(self, directory: Path, name: str, settings: Mapping[str, Any], resumed_at: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._say_nothing()
        self._writer = SummaryWriter(str(directory / "tensorboard"))
        if not resumed_at:
            self._writer.add_text("settings", f"```json\n{json_text(settings, indent=2)}\n```")

    def write(self, record: Mapping[str, Any]) -> None:
        for tag, value in scalars(record).items():
            self._writer.add_scalar(tag, value, record["step"])
        self._writer.flush()  # a run that is killed keeps them

    def close(self) -> None:
        self._writer.close()

    def _say_nothing(self) -> None:
        """Keep the traceback of its writing thread from the screen: the next record raises the same error here."""
        others = threading.excepthook
        threading.excepthook = lambda failure: (
            None if type(failure.thread).__module__.startswith("tensorboard.") else others(failure)
        )


class Trackio:
    """A run of the project "hornbook" where trackio keeps runs: on this machine, unless its variables say otherwise."""

    def open(self, directory: Path, name: str, settings: Mapping[str, Any], resumed_at: int) -> None:
        import trackio

        unique = f"{name}-{run_id(directory)}"  # trackio finds a run again by its name
        self._run = trackio.init(PROJECT, unique, config=dict(settings), resume="allow", embed=False)

    def write(self, record: Mapping[str, Any]) -> None:
        self._run.log(scalars(record), step=record["step"])

    def close(self) -> None:
        self._run.finish()


class WandB:
    """A run of Weights & Biases, in the project that WANDB_PROJECT names or else "hornbook"; its files in RUN/wandb."""

    def open(self, directory: Path, name: str, settings: Mapping[str, Any], resumed_at: int) -> None:
        import wandb

        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT), id=run_id(directory), name=name, dir=directory,
            config=dict(settings), resume="allow", reinit="create_new", settings=wandb.Settings(console="off"),
        )  # fmt: skip

    def write(self, record: Mapping[str, Any]) -> None:
        self._run.log(scalars(record), step=record["step"])

    def close(self) -> None:
        self._run.finish()


# By the module of their library, which is also the extra that installs it.
TRACKERS: Mapping[str, type[Any]] = MappingProxyType({"tensorboard": TensorBoard, "trackio": Trackio, "wandb": WandB})


def scalars(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a record, each called kind/name.

    >>> scalars({"kind": "train", "step": 3, "loss": 2.5})
    {'train/loss': 2.5}
    """
    others = ("step", "time")  # trackers have clocks of their own
    numbers = {name: value for name, value in record.items() if isinstance(value, int | float) and name not in others}
    for domain, of_it in record.get("domains", {}).items():
        numbers |= {f"{name}/{domain}": value for name, value in of_it.items() if value is not None}
    return {f"{record['kind']}/{name}": value for name, value in numbers.items()}


def run_id(directory: Path) -> str:
    """Return what tells a run from all others: 8 characters, drawn when first asked for and kept in its directory."""
    path = directory / "run_id"
    if not path.is_file():
        write_file(path, uuid.uuid4().hex[:8])
    return path.read_text(encoding="utf-8").strip()


def find_trackers(names: Iterable[str]) -> dict[str, type[Tracker]]:
    """Return the classes of trackers by name: built-in, `path.py:Class` or `module:Class`.

    Raises UserError for a name or a class that is no tracker's, and for a library that is not installed.
    """
    found: dict[str, type[Tracker]] = {}
    for name in names:
        if name not in TRACKERS and ":" not in name:
            raise UserError(f"There is no tracker '{name}' (logging.trackers).{nearest(name, TRACKERS)}")
        cls = TRACKERS[name] if name in TRACKERS else own_class(name)[0]
        lacking = [method for method in ("open", "write", "close") if not callable(getattr(cls, method, None))]
        if lacking:
            raise UserError(f"The class {name} is not a tracker: it lacks the method {' and '.join(lacking)}.")
        if name in TRACKERS and not _installed(name):
            raise UserError(f"The tracker {name} is not installed: pip install 'hornbook[{name}]', or leave it out.")
        found[name] = cls
    return found


def _installed(library: str) -> bool:
    spec = importlib.util.find_spec(library)
    return spec is not None and spec.origin is not None  # a mere folder of that name, such as a run's wandb/, has none


class _Guarded:
    """A tracker that is dropped, aloud, when one of its methods fails, and that gets no record twice."""

    def __init__(self, name: str, written: set[tuple[str, int]], say: Callable[[str], None]) -> None:
        self._name, self._written, self._say = name, written, say
        self._tracker: Tracker | None = None

    def open(self, cls: type[Tracker], *arguments: Any) -> None:
        with self._dropping():
            tracker = cls()
            tracker.open(*arguments)
            self._tracker = tracker

    def write(self, record: Mapping[str, Any]) -> None:
        if self._tracker and (record["kind"], record["step"]) not in self._written:
            with self._dropping():
                self._tracker.write(record)

    def close(self) -> None:
        if self._tracker:
            with self._dropping():
                self._tracker.close()

    @contextlib.contextmanager
    def _dropping(self) -> Iterator[None]:
        try:
            yield
        except (Exception, SystemExit) as error:  # whatever a library, its server or a person's own code raises
            self._tracker = None
            self._say(
                f"The tracker {self._name} failed and is switched off ({account_of(error)[:200]}). "
                "Training continues; metrics.jsonl has all records."
            )


@contextlib.contextmanager
def open_sinks(
    directory: Path,
    resumed_at: int,
    trackers: Mapping[str, type[Tracker]],
    settings: Mapping[str, Any],
    say: Callable[[str], None],
) -> Iterator[list[Sink]]:
    """Yield metrics.jsonl and the trackers of a run directory, and close them."""
    path = directory / METRICS
    written = {(record["kind"], record["step"]) for record in read_metrics(path)} if trackers else set()
    with contextlib.ExitStack() as stack:
        file = MetricsFile(path, resumed_at, say)
        stack.callback(file.close)
        sinks: list[Sink] = [file]
        for name, cls in trackers.items():
            tracker = _Guarded(name, written, say)
            stack.callback(tracker.close)
            tracker.open(cls, directory, directory.resolve().name, settings, resumed_at)
            sinks.append(tracker)
        yield sinks
