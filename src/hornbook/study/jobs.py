"""The work of a study as a list of jobs, and a board of what is left, which every process reads from the directory.

    trials of an arm -> its runs -> their answers to tasks; their transfers
                        its runs to a rung of a halving -> the halving -> the runs of the arms that go on

Nobody hands out the work. A job is done when its result is there, and a process that does one holds the job's lock,
which ends with the process: what a killed one had begun, another goes on with.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hornbook.artifacts import is_done, read_json, write_json
from hornbook.console import duration
from hornbook.evaluate.tasks import Task
from hornbook.run.sealed import RESULT
from hornbook.study.design import Study
from hornbook.study.halving import HALVING, is_part_done, is_stopped, rungs
from hornbook.study.layout import EVALUATIONS, JOBS, RUNS, TRIALS, diverged, run_names
from hornbook.study.transfers import is_transferred, wanted

Kind = Literal["trial", "part", "halve", "run", "ask", "transfer"]
# How long jobs take before one of their kind was timed, in runs.
_GUESS: Mapping[str, float] = {"trial": 0.25, "part": 0.3, "halve": 0.0, "run": 1.0, "ask": 0.2, "transfer": 1.0}


@dataclass(frozen=True)
class Job:
    """A piece of a study that one process does.

    name     of what it makes, within the study
    arm      that it belongs to
    run      ARM.SEED that it asks; of a trial or a run its own name
    number   the trial's number, or the run's seed; of a part and a halving that of the rung
    needs    names of the jobs that must be done before
    """

    kind: Kind
    name: str
    arm: str
    run: str
    number: int
    needs: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Its name as that of a file."""
        return self.name.replace("/", "-")


def jobs(study: Study, directory: Path) -> list[Job]:
    """Return the jobs of a study in the order in which they are begun: all arms have as many seeds at any time."""
    trials = {
        arm: [f"{TRIALS}/{arm}.{n}" for n in range(study.trials)] if study.trials > 1 else [] for arm in study.arms
    }
    found = [
        Job("trial", name, arm, name.partition("/")[2], number)
        for arm, names in trials.items()
        for number, name in enumerate(names)
    ]
    halved: tuple[str, ...] = ()
    for rung in range(study.halving):
        parts = [
            Job("part", f"{RUNS}/{run}@{rung}", arm, run, rung, (*trials[arm], *halved))
            for arm, _, run in run_names(study)
        ]
        halved = (f"{HALVING}@{rung}",)
        found += [*parts, Job("halve", halved[0], "", "", rung, tuple(part.name for part in parts))]
    first = len(found)
    by_seed: dict[int, list[str]] = {}
    for arm, seed, run in run_names(study):
        found.append(Job("run", f"{RUNS}/{run}", arm, run, seed, (*trials[arm], *halved)))
        by_seed.setdefault(seed, []).append(run)
    order = {seed: place for place, seed in enumerate(by_seed)}
    for arm, seed, run in run_names(study):
        after = (f"{RUNS}/{run}",)
        if study.tasks:
            found.append(Job("ask", f"{RUNS}/{run}/{EVALUATIONS}", arm, run, seed, after))
        found += [
            Job("transfer", str(place.relative_to(directory)), arm, run, seed, after)
            for place, _ in wanted(study, directory, run)
        ]
    return [*found[:first], *sorted(found[first:], key=lambda job: order[job.number])]  # keeps the order otherwise


def missing_tasks(run: Path, tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks that a run has not answered yet."""
    answered = {
        (header["task"], tuple(header["part"]), header["data"])
        for path in (run / EVALUATIONS).glob("*.jsonl")
        if "asks" in (header := _header(path))
    }
    return [task for task in tasks if (task.name, task.part, task.sha256) not in answered]


def _header(path: Path) -> Mapping[str, Any]:
    with path.open(encoding="utf-8") as lines:
        return json.loads(lines.readline())  # type: ignore[no-any-return]


class Board:
    """What is left of a study, and how fast it goes, whoever does it."""

    def __init__(self, study: Study, directory: Path, tasks: Sequence[Task]) -> None:
        self._study, self._directory, self._tasks = study, directory, tasks
        self._jobs = jobs(study, directory)
        self._done: set[str] = set()
        self._begun = time.monotonic()
        self.left()
        self._known, self._first = set(self._done), set(self._done)

    def left(self) -> list[Job]:
        """Return the jobs that are not done."""
        return [job for job in self._jobs if not self.is_done(job)]

    def is_ready(self, job: Job) -> bool:
        return self._done.issuperset(job.needs)

    def is_done(self, job: Job) -> bool:
        if job.name not in self._done and self._is_there(job):
            self._done.add(job.name)
        return job.name in self._done

    def keep_time(self, job: Job, seconds: float) -> None:
        """Keep how long a job took, for whoever tells what is ahead."""
        write_json(self._directory / JOBS / f"{job.file}.json", {"seconds": round(seconds, 2)})

    def news(self) -> Iterator[str]:
        """Yield a line for each job that was done, by anybody, since this was asked before."""
        left = self.left()
        for job in self._jobs:
            if job.name in self._done - self._known:
                self._known.add(job.name)
                if self._is_needless(job):
                    continue
                seconds = self._seconds(job)
                took = f" in {duration(seconds)}" if seconds else ""
                yield f"{len(self._known)} of {len(self._jobs)} jobs done: {job.name}{took}{self._ahead(left)}"

    def _is_there(self, job: Job) -> bool:
        place, gone = self._directory / job.name, diverged(self._directory)
        if job.name in gone or (job.kind in ("ask", "transfer") and f"{RUNS}/{job.run}" in gone):
            return True
        if job.kind == "halve":
            return len(rungs(self._directory)) > job.number
        if job.kind == "part":
            return is_part_done(self._study, self._directory, job.arm, job.run, job.number)
        if self._is_needless(job):
            return True
        if job.kind == "ask":
            return self.is_ready(job) and not missing_tasks(place.parent, self._tasks)
        if job.kind == "transfer":
            return is_transferred(place)
        return (place / RESULT).is_file() and is_done(place, RESULT)

    def _is_needless(self, job: Job) -> bool:
        """Say whether a job is of an arm that a halving has stopped."""
        return job.kind in ("run", "ask", "transfer") and is_stopped(self._directory, job.arm)

    def _seconds(self, job: Job) -> float:
        path = self._directory / JOBS / f"{job.file}.json"
        return float(read_json(path, "time of a job")["seconds"]) if path.is_file() else 0.0

    def _ahead(self, left: Sequence[Job]) -> str:
        """Return how fast jobs were done since the board was made, and when the last one will be."""
        since = [job for job in self._jobs if job.name in self._known - self._first]
        passed = time.monotonic() - self._begun
        if not left:
            return f"; all is done after {duration(passed)}"
        known: dict[str, list[float]] = {}
        for job in self._jobs:
            if job.name in self._done and (seconds := self._seconds(job)):
                known.setdefault(job.kind, []).append(seconds)
        a_run = [sum(times) / len(times) / _GUESS[kind] for kind, times in known.items() if _GUESS[kind]]
        if not a_run:
            return ""
        guess = {kind: share * sum(a_run) / len(a_run) for kind, share in _GUESS.items()}
        guess |= {kind: sum(times) / len(times) for kind, times in known.items()}
        ahead, done = (sum(guess[job.kind] for job in some) for some in (left, since))
        per_minute = f"{60 * len(since) / passed:.1f} a minute"
        return f"; {per_minute}, about {duration(ahead * passed / done)} left"
