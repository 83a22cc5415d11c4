"""Every name in a study's directory, and what its plan says of the arms. Loads no torch."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from hornbook.artifacts import read_json, write_file
from hornbook.errors import UserError
from hornbook.study.design import STUDY, Study, load_study, to_toml

PLAN, TEXT, ARMS, TRIALS, RUNS = "plan.json", "text", "arms", "trials", "runs"
DIVERGED = "diverged.json"


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


def is_planned(directory: Path) -> bool:
    """Say whether a study's runs are settled."""
    return (directory / PLAN).is_file()


def read_plan(directory: Path) -> dict[str, ArmPlan]:
    """Return what `plan_study` settled; raises UserError where the study's file has changed since."""
    kept = read_json(directory / PLAN, "plan of the study")
    if kept["study"] != json.loads(json.dumps(dataclasses.asdict(load_study(directory)))):
        raise UserError(f"{directory / STUDY} has changed since its runs were settled: begin a new study with it.")
    return {name: ArmPlan(**facts) for name, facts in kept["arms"].items()}


def diverged(directory: Path) -> list[str]:
    """Return the names of the runs whose training diverged."""
    path = directory / DIVERGED
    return list(read_json(path, "list of diverged runs")) if path.is_file() else []
