"""One run that is watched: what it is, how it stands, and its records. It is only read, and it may vanish at any time.

    manifest.json, recipe.toml, plan.json, corpus.json  -> `Facts`       read again when one of them changes
    status.json, result.json, the end of metrics.jsonl  -> `standing`    at each look

A file that is missing, or that vanishes while it is opened, is not there yet. One that is damaged is told in a
sentence, and what the others say is shown.
"""

from __future__ import annotations

import hashlib
import os
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hornbook import __version__
from hornbook.app.tail import Curves, Samples, number_of, time_left
from hornbook.artifacts import MANIFEST, digest, manifest_of, read_json
from hornbook.console import duration
from hornbook.errors import HornbookError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.recipes.settings import RECIPE
from hornbook.recipes.transferred import TRANSFER, read_transfer
from hornbook.run.sealed import flat
from hornbook.run.status import AT_WORK, QUIET_SECONDS, STATUS, Status, read_status, signs_of, silence, told

_PLAN, _RESULT, _METRICS, _SAMPLES = "plan.json", "result.json", "metrics.jsonl", "samples.jsonl"
_CORPUS, _TOKENIZER, _CHECKPOINTS = "corpus.json", "tokenizer.json", "checkpoints"
_FILES = (MANIFEST, RECIPE, _PLAN, _CORPUS, _RESULT, STATUS, _METRICS)
Signature = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Facts:
    """What does not change while a run trains, as far as it is known.

    kind        the objective's name; objective has its settings too
    settings    every setting by its dotted name
    tokenizer   a hash of it; "" = not there yet
    text        which held-out text is measured on; "" = unknown
    imported    whether it has no training of its own
    problem     what is wrong with the run's files, in a sentence
    """

    kind: str = ""
    objective: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    tokenizer: str = ""
    text: str = ""
    tokens_per_step: float | None = None
    flops_per_step: float | None = None
    matmul_flops: float | None = None
    imported: bool = False
    problem: str = ""


class WatchedRun:
    """A run in its directory, with what was read of it so far.

    study, arm   the study that it belongs to, and its arm there; "" of any other run
    """

    def __init__(self, place: Path, study: str = "", arm: str = "") -> None:
        self.place, self.study, self.arm = place, study, arm
        self.curves = Curves(place / _METRICS, whole=False)
        self.samples = Samples(place / _SAMPLES)
        self.facts = Facts()
        self.status: Status | None = None
        self._signature: Signature = ()
        self._result: Evaluation | None = None
        self._problem = ""  # what is wrong with the result

    def want_all(self) -> None:
        """From now on read all records, not only the last ones."""
        if not self.curves.whole:
            gen = self.curves.gen + 1
            self.curves = Curves(self.place / _METRICS)
            self.curves.begin_at(gen)

    def look(self, most: int) -> int:
        """Read what changed, of the records at most about `most` bytes; return how many of them were read."""
        signature = _signature(self.place)
        if signature != self._signature:
            if signature[:4] != self._signature[:4] or self.facts.problem or not self.facts.tokenizer:
                self.facts = read_facts(self.place)
            if signature[4:5] != self._signature[4:5]:
                self._result, self._problem = _result(self.place)
            self.status, self._signature = read_status(self.place), signature
        return self.curves.look(most)

    @property
    def tokens_per_step(self) -> float | None:
        """Positions of a step by the plan, or else by the last record."""
        last = self.curves.recent[-1] if self.curves.recent else {}
        tokens = last.get("tokens")
        told = tokens / last["step"] if isinstance(tokens, int | float) and last["step"] else None
        return self.facts.tokens_per_step or told

    @property
    def changed(self) -> float:
        """When it last began, ended or was measured, in seconds since 1970: records that come do not count."""
        return max((moment for moment, _, _ in self._signature[:-1]), default=0) / 1e9

    def standing(self) -> dict[str, Any]:
        """Return how it stands now: state, sentence, steps, time left, what was measured."""
        state, sentence = self._state()
        recent = self.curves.recent
        last = recent[-1] if recent else {}
        given = str(last.get("steps") or self.facts.settings.get("budget.steps", ""))
        steps = int(given) if given.isdecimal() else 0
        left = time_left(tuple(recent)) if state == "training" else None
        value, words = self._measured()
        return {
            "state": state,
            "told": self._told(state, last.get("step"), steps, left),
            "sentence": " ".join(filter(None, (sentence, self.facts.problem, self._problem, *self._lost_lines()))),
            "live": state in AT_WORK,
            "step": last.get("step"),
            "value": value,
            "measured": words,
            "changed": round(self.changed, 1),
            "playable": "task" not in self.facts.kind and any((self.place / _CHECKPOINTS).glob("step-*")),
        }

    def _told(self, state: str, step: int | None, steps: int, left: float | None) -> str:
        """Return a state in words, with how far the run came."""
        if state == "training" and step is not None and steps:
            ahead = "" if left is None else f", {duration(left)} left"
            return f"training {100 * step // steps} %{ahead}"
        if state == "preparing" and self.status is not None and self.status.stage:
            return f"preparing: {self.status.stage}"
        words = {"interrupted": "stopped", "empty": "no records yet"}.get(state, state)
        return words if step is None or state in (*AT_WORK, "done", "imported") else f"{words} at {step}"

    def _state(self) -> tuple[str, str]:
        if not self.place.is_dir():
            return "deleted", "The run was deleted, or moved, while it was watched."
        if self.facts.imported:
            return "imported", ""
        if (self.place / TRANSFER).is_file() or (self._result is not None and not self._goes_on()):
            return "done", ""
        if self.status is None:  # of an earlier version, or before its first stage
            if not self._signature[-1][1]:
                return "empty", "The folder has no records yet."
            quiet = silence(self.place, time.time())
            return ("training", "") if quiet < QUIET_SECONDS else ("stopped", "")
        if self.status.state not in AT_WORK:
            return self.status.state, self.status.sentence
        sign, sentence = signs_of(self.status, self.place), told(self.status, self.place)
        lost = {"lost": "killed", "copied": "copied", "elsewhere": "no sign"}
        return (lost.get(sign, self.status.state), sentence) if sentence else (self.status.state, "")

    def _goes_on(self) -> bool:
        """Say whether a process works at a run that has its result, as one that measures it anew."""
        return self.status is not None and self.status.state in AT_WORK and not told(self.status, self.place)

    def _lost_lines(self) -> list[str]:
        found = []
        if self.curves.damaged:
            found.append(f"Lines of {_METRICS} that are damaged, and left out: {self.curves.damaged:,}.")
        if self.curves.twice:
            found.append(
                f"Records of {_METRICS} that are there twice, of which the first is shown: {self.curves.twice:,}."
            )
        return found

    def _measured(self) -> tuple[float | None, str]:
        """Return the newest number on held-out text and what it is: at the end the one to quote first."""
        if self._result is not None:
            first = self._result.numbers[0]
            at_most = "at most " if first.kind == "bound" else ""
            return first.value, f"{at_most}{first.value:.4g} {'nats, loss' if first.name == 'loss' else first.name}"
        record = self.curves.measured
        for name, words in (("bits_per_byte", "bits per byte"), ("loss", "nats, loss")):
            if isinstance(value := record.get(name), float):
                return value, f"{value:.4g} {words}"
        return None, ""


def _signature(place: Path) -> Signature:
    """Return (time of change, size, inode) of each file that tells of a run, zeros where it is missing."""
    found = []
    for name in _FILES:
        try:
            facts = os.stat(place / name)
            found.append((facts.st_mtime_ns, facts.st_size, facts.st_ino))
        except OSError:
            found.append((0, 0, 0))
    return tuple(found)


def _result(place: Path) -> tuple[Evaluation | None, str]:
    """Return what was measured at the end, and what is wrong with it, in a sentence, where it is there."""
    path = place / _RESULT
    try:
        return Evaluation.read(read_json(path, "result"), f"The result {path}"), ""
    except HornbookError as error:
        return None, str(error) if path.exists() else ""
    except (OSError, ValueError, TypeError) as error:
        return None, f"The result {path} cannot be read ({type(error).__name__})."


def read_facts(place: Path) -> Facts:
    """Return what the files of a run say of it; what is damaged is told as its problem."""
    problems: list[str] = []
    manifest: Mapping[str, Any] = {}
    try:
        manifest = manifest_of(place) or {}
    except (HornbookError, OSError) as error:
        problems.append(str(error))
    files = manifest.get("files", {})
    recipe = _recipe(place, manifest, problems)
    objective = recipe.get("objective")
    objective = objective if isinstance(objective, dict) else {}
    plan, corpus = _table(place / _PLAN), _table(place / _CORPUS)
    if newer := _newer(manifest.get("hornbook")):
        problems.append(newer)
    settings = {name: str(value) for name, value in flat(recipe).items()}
    kind, alike = str(objective.get("kind", "")), digest(objective)[:12] if objective else ""
    if settings.get("model.task_head", "none") != "none" or (place / TRANSFER).is_file():
        kind, alike = _task(place)
    return Facts(
        kind=kind,
        objective=alike,
        settings=settings,
        tokenizer=str(files.get(_TOKENIZER, {}).get("sha256", ""))[:12] or _hash(place / _TOKENIZER),
        text=digest([corpus["sha256_of_hashes"], corpus.get("threshold")])[:12] if "sha256_of_hashes" in corpus else "",
        imported=manifest.get("kind") == "imported run",
        problem=" ".join(problems),
        **{name: number_of(plan, name) for name in ("tokens_per_step", "flops_per_step", "matmul_flops")},
    )


def _task(place: Path) -> tuple[str, str]:
    """Return what a run that was fine-tuned learns, and what tells its loss from those of other tasks."""
    try:
        found = read_transfer(place)
    except (HornbookError, OSError):
        return "a task", f"task {place}"
    return f"task: {found.task}", digest([found.task, found.labels, found.data])[:12]


def _recipe(place: Path, manifest: Mapping[str, Any], problems: list[str]) -> Mapping[str, Any]:
    """Return a run's settings as plain values, of its manifest or else of recipe.toml; {} where there are none."""
    if isinstance(kept := manifest.get("recipe"), dict):
        return kept
    try:
        return tomllib.loads((place / RECIPE).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        problems.append(f"{place / RECIPE} is not valid TOML: {str(error).rstrip('.')}.")
    except OSError:
        pass  # not there yet
    return {}


def _table(path: Path) -> Mapping[str, Any]:
    try:
        found = read_json(path, path.name)
    except (HornbookError, OSError):
        return {}
    return found if isinstance(found, dict) else {}


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError:
        return ""


def _newer(version: object) -> str:
    """Return a sentence where a later version made a run, "" where none did."""
    numbers = [[int(part) for part in str(one).split(".") if part.isdecimal()] for one in (version, __version__)]
    if version is None or numbers[0] <= numbers[1]:
        return ""
    return f"Hornbook {version} made this run, and this is {__version__}: only what both know is shown."
