"""Every name in a study's directory, and what its plan says of the arms. Loads no torch."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hornbook.artifacts import read_json, write_file
from hornbook.errors import UserError
from hornbook.study.design import STUDY, Study, from_dict, load_study, to_toml

PLAN, TEXT, ARMS, TRIALS, RUNS, TRANSFERS = "plan.json", "text", "arms", "trials", "runs", "transfers"
JOBS, LOGS = "jobs", "logs"
EVALUATIONS = "evaluations"  # of a run, and of a transfer
PAUSE = 0.5  # seconds that a process waits before it looks again for what others do
DIVERGED = "diverged.json"
# What is only asked of runs: it may change when they are done.
ASKED = frozenset({"seeds", "margin", "tasks", "few", "transfer"})


@dataclass(frozen=True)
class ArmPlan:
    """What an arm's runs are and cost, before any runs.

    positions   that a run's steps compute, padding included; targets = those of them that are scored
    seconds     of a run's steps by the clock; 0 where nothing was timed
    """

    name: str
    objective: str
    parameters: int
    width: int
    layers: int
    steps: int
    rows: int
    tokens: int
    targets: int
    flops: float
    seconds: float


def begin(study: Study, directory: Path) -> None:
    """Write a study's file in a new directory; raises UserError where there is anything already."""
    if directory.exists() and any(directory.iterdir()):
        raise UserError(f"{directory} is not empty: choose another name for the study.")
    write_file(directory / STUDY, to_toml(study))


def default_study() -> Path:
    """Return where a sweep goes that was given no name: runs/DATE-sweep."""
    return Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-sweep"


def is_planned(directory: Path) -> bool:
    """Say whether a study's runs are settled."""
    return (directory / PLAN).is_file()


def read_plan(directory: Path) -> dict[str, ArmPlan]:
    """Return what `plan_study` settled; raises UserError where the study's file has since changed in what settles runs.

    Tasks, seeds and the margin may be added or changed at any time: they are asked of runs.
    """
    kept = read_json(directory / PLAN, "plan of the study")
    before = settling(from_dict({name: value for name, value in kept["study"].items() if name not in ASKED}))
    now = settling(load_study(directory))
    if changed := [name for name, value in now.items() if value != before[name]]:
        raise UserError(
            f"{directory / STUDY} has changed since its runs were settled, in {', '.join(changed)}: begin a new study "
            f"with it. {', '.join(sorted(ASKED))} may be changed at any time."
        )
    return {name: ArmPlan(**facts) for name, facts in kept["arms"].items()}


def settling(study: Study) -> Mapping[str, Any]:
    """Return what settles a study's runs, as JSON has it."""
    plain = json.loads(json.dumps(asdict(study)))
    return {name: value for name, value in plain.items() if name not in ASKED}


def run_names(study: Study) -> list[tuple[str, int, str]]:
    """Return (arm, seed, ARM.SEED) of each run that is judged, by seed: all arms have as many at any time."""
    return [(arm, seed, f"{arm}.{seed}") for seed in study.seed_list for arm in study.arms]


def stopped(directory: Path) -> str:
    """Return what is said when a study was asked to stop."""
    return f"Stopped. Continue with: hornbook study run {shlex.quote(str(directory))}"


def diverged(directory: Path) -> list[str]:
    """Return the names of the runs whose training diverged."""
    path = directory / DIVERGED
    return list(read_json(path, "list of diverged runs")) if path.is_file() else []
