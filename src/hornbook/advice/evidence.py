"""What studies on this machine found for a task: verdicts on the yardsticks that measure it. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hornbook.advice.rules import TaskKind
from hornbook.errors import UserError
from hornbook.objectives.catalogue import kind_of
from hornbook.study.design import STUDY, Study, load_study, recipe_of
from hornbook.study.report import report_study
from hornbook.study.yardsticks import Yardstick

_DEEP = 3  # folders below the one that is searched


@dataclass(frozen=True)
class Finding:
    """What one study found on one yardstick.

    study      its directory
    yardstick  that fits the task
    seeds      of each arm, the fewest
    best       objectives of the arms that no other is better than; empty where nothing was tested
    sentences  the verdicts
    same_text  it read the text that the advice is for
    scope      of what models it is
    """

    study: str
    yardstick: str
    seeds: int
    best: tuple[str, ...]
    sentences: tuple[str, ...]
    same_text: bool
    scope: str


def findings(directory: Path, kind: TaskKind, text: Sequence[str]) -> list[Finding]:
    """Return what the studies below a directory found for a task, those of the same text first.

    A study that is not done, or cannot be read, tells nothing.
    """
    found = []
    for place in studies_below(directory):
        try:
            study, report = load_study(place), report_study(place)
        except UserError:
            continue
        same = bool(text) and {*study.text} == {*text}
        scope = report.notes[0] if report.notes else ""
        found += [_finding(place, study, one, same, scope) for one in report.yardsticks if fits(one, kind)]
    return sorted(found, key=lambda one: (not one.same_text, -one.seeds))


def studies_below(directory: Path) -> list[Path]:
    """Return the directories of studies that lie in a directory or below it."""
    patterns = ["/".join(["*"] * depth + [STUDY]) for depth in range(_DEEP + 1)]
    return sorted({path.parent for pattern in patterns for path in directory.glob(pattern)})


def fits(yardstick: Yardstick, kind: TaskKind) -> bool:
    """Say whether a yardstick measures a task: by its name, or by how its numbers are made."""
    told = [yardstick.name, *(arm.how for arm in yardstick.arms)]
    return any(wanted in words for wanted in kind.judged for words in told)


def objectives_of(study: Study) -> Mapping[str, str]:
    """Return the objective of each arm."""
    return {name: kind_of(recipe_of(arm, name).objective) for name, arm in study.arms.items()}


def best_of(yardstick: Yardstick) -> tuple[str, ...]:
    """Return the arms that no other is better than, where at least one verdict tells arms apart; else none."""
    apart = any(verdict.word in ("better", "worse") for verdict in yardstick.verdicts)
    return yardstick.best if apart else ()


def _finding(place: Path, study: Study, yardstick: Yardstick, same: bool, scope: str) -> Finding:
    kinds = objectives_of(study)
    return Finding(
        str(place), yardstick.name, min(arm.seeds for arm in yardstick.arms),
        tuple(dict.fromkeys(kinds[arm] for arm in best_of(yardstick))),
        tuple(verdict.sentence for verdict in yardstick.verdicts), same, scope,
    )  # fmt: skip
