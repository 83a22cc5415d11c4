"""The runs below a directory, each as one line: what it is, how far it came, what it measured. Loads no torch.

    running    its process lives                finished   it has its result
    stopped    `pretrain --resume` goes on      diverged   its last steps, or its study, say so
    imported   it has no training of its own    damaged    what is wrong with it is said

Manifests, records and the heads of checkpoints are read, never the weights: `hornbook check` looks at every byte.
Whether a run's process lives is told by its status, and of a run without one by its lock.
"""

from __future__ import annotations

import json
import math
import os
import struct
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from hornbook.artifacts import MANIFEST, digest, is_done, manifest_of, read_json
from hornbook.errors import HornbookError, UserError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.numbers import Kind
from hornbook.locks import is_locked
from hornbook.recipes.settings import RECIPE
from hornbook.recipes.transferred import is_transfer, read_transfer
from hornbook.run.status import is_running, read_status, told
from hornbook.study.design import STUDY
from hornbook.study.layout import ARMS, DIVERGED

State = Literal["running", "finished", "stopped", "diverged", "imported", "damaged"]
_RESULT, _METRICS, _CHECKPOINTS, _WEIGHTS = "result.json", "metrics.jsonl", "checkpoints", "model."
_KINDS = ("run", "imported run")  # of manifests
_TAIL = 1 << 16  # bytes at the end of the records, which hold the last of them
_HEAD = 100 << 20  # bytes that no head of a checkpoint has


@dataclass(frozen=True)
class RunLine:
    """One run.

    objective    what it learns; of a run of `transfer` its task
    parameters   of its model; None where none is saved yet
    budget       as its recipe has it, as "1,000 steps"
    step, steps  that are done, and of the whole run; None where they are not known
    numbers      what was measured at the end, by name, the one to quote first; empty before that
    kinds        what each is made of: exact likelihoods, an upper bound, or neither
    date         of its last change, local time, to the minute
    problem      what is wrong; "" of a sound run
    ending       how a run ended that did not finish and that nobody stopped; "" where nothing is known
    """

    path: str
    state: State
    objective: str = ""
    parameters: int | None = None
    budget: str = ""
    step: int | None = None
    steps: int | None = None
    seed: int | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    date: str = ""
    problem: str = ""
    ending: str = ""

    @property
    def bits_per_byte(self) -> float | None:
        return self.numbers.get("bits per byte")


def runs(directories: Sequence[Path]) -> list[RunLine]:
    """Return the runs in and below directories, those of studies too, by path.

    Raises UserError where a directory is none. What is damaged is a line that says so.
    """
    found: dict[Path, RunLine] = {}
    for directory in directories:
        if not directory.is_dir():
            raise UserError(f"There is no directory {directory}: name one that holds runs.")
        for path, lost in places_below(directory):
            if path not in found:
                found[path] = _line(path, lost)
    return [found[path] for path in sorted(found)]


def places_below(directory: Path) -> Iterator[tuple[Path, bool]]:
    """Yield the directories of runs, and whether their study says that they diverged; none within another."""
    lost: set[Path] = set()
    for folder, names, _ in os.walk(directory):
        place = Path(folder)
        if _holds_run(place):
            names.clear()
            yield place, place in lost
            continue
        names[:] = [name for name in sorted(names) if not name.startswith(".")]
        if (place / STUDY).is_file():
            names[:] = [name for name in names if name != ARMS]  # recipes without runs
            lost |= _diverged(place)


def _diverged(study: Path) -> set[Path]:
    try:
        return {study / name for name in read_json(study / DIVERGED, "list of diverged runs")}
    except (HornbookError, TypeError):
        return set()


def _holds_run(place: Path) -> bool:
    """Say whether a directory is a run, sound or not; corpora and checkpoints have manifests of other kinds."""
    try:
        manifest = manifest_of(place)
    except HornbookError:
        return any((place / name).exists() for name in (_CHECKPOINTS, _METRICS, "tokenizer.json"))
    return (place / RECIPE).is_file() if manifest is None else manifest["kind"] in _KINDS


def _line(place: Path, lost: bool) -> RunLine:
    """Return what a directory says of its run."""
    try:
        return _sound(place, lost)
    except HornbookError as error:
        return RunLine(str(place), "damaged", date=_date(place), problem=str(error))
    except OSError as error:
        return RunLine(str(place), "damaged", problem=f"{place} cannot be read ({error.strerror}).")
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # of files that hold other than they should
        problem = f"The files of {place} are not those of a run ({type(error).__name__})."
        return RunLine(str(place), "damaged", date=_date(place), problem=problem)


def _sound(place: Path, lost: bool) -> RunLine:
    """Return a run's line; raises what reading damaged files raises."""
    manifest = manifest_of(place)
    recipe = _recipe(place, manifest)
    status = read_status(place)
    running = is_locked(place) if status is None else is_running(status, place)
    if manifest is not None and not running:
        _compare_sizes(place, manifest["files"])
    checkpoint = max((place / _CHECKPOINTS).glob("step-*"), default=None)
    last = _last_record(place / _METRICS)
    saved = None if checkpoint is None else int(checkpoint.name.partition("-")[2])
    budget = recipe.get("budget", {})
    base = RunLine(
        str(place), "stopped", str(recipe["objective"]["kind"]), _parameters(checkpoint), _budget(budget),
        last.get("step", saved) if running else saved, budget.get("steps") or None, int(recipe["seed"]),
        date=_date(place),
    )  # fmt: skip
    if manifest is not None and manifest["kind"] == "imported run":
        return replace(base, state="imported", budget="", steps=None)
    if is_transfer(place):
        return _transferred(place, base)
    if running:
        return replace(base, state="running")
    if (place / _RESULT).is_file() and is_done(place, _RESULT):
        found = Evaluation.load(place / _RESULT)
        steps = base.steps if found.steps is None else found.steps
        numbers, kinds = ({one.name: getattr(one, name) for one in found.numbers} for name in ("value", "kind"))
        size = found.parameters or base.parameters
        return replace(base, state="finished", parameters=size, step=steps, steps=steps, numbers=numbers, kinds=kinds)
    diverged = lost or "not_finite" in last or (status is not None and status.state == "diverged")
    ending = "" if status is None or status.state == "interrupted" else told(status, place)
    return replace(base, state="diverged" if diverged else "stopped", ending=ending)


def _recipe(place: Path, manifest: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return a run's settings as plain values; raises UserError where its two copies of them differ."""
    kept = (manifest or {}).get("recipe")
    path = place / RECIPE
    if not path.is_file():
        if not isinstance(kept, dict):
            raise UserError(f"{path} is missing.")
        return kept
    try:
        here = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not valid TOML: {error}.") from error
    if isinstance(kept, dict) and here != kept and digest(here) not in (manifest or {}).get("before", []):
        raise UserError(f"{path} was changed after the run began.")
    return kept if isinstance(kept, dict) else here


def _compare_sizes(place: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    for name, facts in files.items():
        path = place / name
        if not path.is_file():
            raise UserError(f"{path} is missing.")
        if path.stat().st_size != facts["bytes"]:
            raise UserError(f"{path} is damaged: it has {path.stat().st_size:,} bytes, not {facts['bytes']:,}.")


def _transferred(place: Path, base: RunLine) -> RunLine:
    found = read_transfer(place)
    numbers = {str(one["name"]): float(one["value"]) for one in found.numbers}
    steps = found.training.get("step", base.step)
    task = f"transfer: {found.task}"
    return replace(base, state="finished", objective=task, budget="", step=steps, steps=steps, numbers=numbers)


def _budget(budget: Mapping[str, Any]) -> str:
    given = [(name, value) for name, value in budget.items() if isinstance(value, int | float) and value]
    return " ".join(f"{value:,} {name}" for name, value in given)


def _parameters(checkpoint: Path | None) -> int | None:
    """Return the size of the model in a checkpoint, by the heads of its files; None where they cannot be read."""
    if checkpoint is None:
        return None
    total = 0
    try:
        for path in checkpoint.glob("*.safetensors"):
            with path.open("rb") as stream:
                (length,) = struct.unpack("<Q", stream.read(8))
                if length > _HEAD:
                    return None
                head = json.loads(stream.read(length))
            total += sum(math.prod(one["shape"]) for name, one in head.items() if name.startswith(_WEIGHTS))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return None
    return total or None


def _last_record(path: Path) -> Mapping[str, Any]:
    """Return the last sound record of a run's training, {} where there is none."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - _TAIL))
            lines = stream.read().splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and record.get("kind") == "train" and isinstance(record.get("step"), int):
            return record
    return {}


def _date(place: Path) -> str:
    times = [path.stat().st_mtime for name in (MANIFEST, RECIPE, _RESULT, _METRICS) if (path := place / name).is_file()]
    return f"{datetime.fromtimestamp(max(times)):%Y-%m-%d %H:%M}" if times else ""
