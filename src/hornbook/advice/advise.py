"""`hornbook advise`: rules, evidence and a pilot for one task, where they disagree, and one recommendation."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hornbook.advice.evidence import Finding, findings
from hornbook.advice.rules import TaskKind, rules_for, task_kind
from hornbook.corpus.readers.discovery import local_files
from hornbook.errors import UserError
from hornbook.scaling.defaults import SIZES

if TYPE_CHECKING:
    from hornbook.advice.pilot import Examples, Pilot

# Runs whose size `pretrain` chooses have at most so many parameters: those of the largest default shape, and a table.
_PARAMETERS = (1e5, 12.0 * SIZES[-1][0] ** 2 * SIZES[-1][1] + 16_384 * SIZES[-1][0])
_BYTES_OF_WORD = 6.0
# The order in which evidence decides: what was measured on this text and machine first.
_ORDER = ("pilot", "study", "published", "rule of thumb")


@dataclass(frozen=True)
class Line:
    """One thing that is known.

    source   pilot, study, published or rule of thumb
    mark     what it is worth: published, rule of thumb, or measured here, n seeds
    says     what it says, and `by` whom
    favours  objectives that it speaks for; empty where it tells none apart
    beyond   why it decides nothing here; empty where it does
    """

    source: str
    mark: str
    says: str
    by: str
    favours: tuple[str, ...]
    beyond: str = ""


@dataclass(frozen=True)
class Advice:
    """Advice for one task.

    lines         what is known, the rules first
    disagree      where they do, in sentences
    objective     that is recommended, and why
    commands      that follow the advice
    """

    task: str
    meaning: str
    lines: tuple[Line, ...]
    disagree: tuple[str, ...]
    objective: str
    why: str
    commands: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return asdict(self)


def advise(
    task: str, text: Sequence[str] = (), *, minutes: float = 10.0, pilot: bool = False,
    examples: Examples | None = None, studies: Path = Path("runs"), out: Path | None = None, plain: bool = False,
) -> Advice:  # fmt: skip
    """Return advice for a task: by the rules, by the studies below a directory, and by a pilot if one is asked for.

    minutes   of the pilot, all of it; and of the run that is recommended
    examples  of the task, for the pilot
    out       the pilot's directory; by default a new one below runs
    Raises UserError for a task that is not known, and for a pilot that could tell nothing.
    """
    kind = task_kind(task)
    if not 0 < minutes < 1e6:
        raise UserError(f"minutes must be above 0, not {minutes:g}.")
    words = _words(text)
    lines = [
        Line(rule.mark, rule.mark, rule.says, rule.source, rule.favours, rule.beyond(_PARAMETERS, words))
        for rule in rules_for(kind)
    ]
    found = findings(studies, kind, text)
    lines += [_of_study(one) for one in found]
    if pilot:
        lines += _of_pilot(_piloted(kind, lines, text, minutes, examples, out, plain))
    objective, why = _decided(kind, lines)
    return Advice(
        kind.name, kind.meaning, tuple(lines), tuple(_disagreements(lines)), objective, why,
        tuple(_commands(kind, objective, text, minutes, examples)),
    )  # fmt: skip


def _piloted(
    kind: TaskKind, lines: Sequence[Line], text: Sequence[str], minutes: float, examples: Examples | None,
    out: Path | None, plain: bool,
) -> Pilot:  # fmt: skip
    from hornbook.advice.pilot import run_pilot

    directory = out or Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-advise-{kind.name}"
    if directory.exists() and any(directory.iterdir()):
        raise UserError(f"{directory} is not empty: choose another name for the pilot.")
    return run_pilot(kind, kind.candidates, text, minutes, examples, directory, plain)


def _words(text: Sequence[str]) -> float | None:
    """Return about how many words a text has; None where its size is not known before it is read."""
    if not text or any(":" in path.partition("/")[0] for path in text):
        return None
    files = [file for path in text for file in local_files(path, ()).files]
    return sum(file.stat().st_size for file in files) / _BYTES_OF_WORD


def _of_study(found: Finding) -> Line:
    mark = f"measured here, {found.seeds} {'seed' if found.seeds == 1 else 'seeds'}"
    text = "your text" if found.same_text else "another text"
    by = f"{found.study}, {found.yardstick}, on {text}. {found.scope}"
    return Line("study", mark, " ".join(found.sentences), by, found.best)


def _of_pilot(pilot: Pilot) -> list[Line]:
    """Return what a pilot found; its first round is of one seed each, and speaks for none."""
    by = f"the pilot in {pilot.directory}: {pilot.took:.1f} of {pilot.minutes:g} minutes"
    numbers = ", ".join(
        f"{arm.arm} {f'{arm.value:.1%}' if arm.unit == 'share' else f'{arm.value:.4f}'} ({arm.how})"
        for arm in pilot.first.arms
    )
    lines = [Line("pilot", "measured here, 1 seed", f"First round, {pilot.first.name}: {numbers}.", by, ())]
    if pilot.second is None:
        return [replace(lines[0], says=f"{lines[0].says} No time was left for a second round: there is no verdict.")]
    told = " ".join(verdict.sentence for verdict in pilot.second.verdicts)
    return [*lines, Line("pilot", f"measured here, {pilot.seeds} seeds", told, by, pilot.best)]


def _decided(kind: TaskKind, lines: Sequence[Line]) -> tuple[str, str]:
    """Return the recommended objective, and what decided.

    Each source leaves, of the objectives that are still there, those that it speaks for, unless these are none.
    """
    left: tuple[str, ...] = ()
    by: list[str] = []
    for source in _ORDER:
        for line in lines:
            if line.source != source or not line.favours or line.beyond:
                continue
            agreed = tuple(name for name in line.favours if name in left) if left else line.favours
            if agreed and agreed != left:
                left = agreed
                by.append(f"{line.mark} ({line.by.partition('. ')[0]})")
            if len(left) == 1:
                return left[0], by[0] if len(by) == 1 else f"{by[0]}, then {', '.join(by[1:])}"
    if left:
        return left[0], f"{', then '.join(by)}; of {', '.join(left)} nothing tells more"
    return kind.candidates[0], "nothing that is known here speaks for another"


def _disagreements(lines: Sequence[Line]) -> list[str]:
    """Return a sentence for each two things that decide here and speak for different objectives."""
    speaking = [line for line in lines if line.favours and not line.beyond]
    told = []
    for number, line in enumerate(speaking):
        for other in speaking[number + 1 :]:
            if not set(line.favours) & set(other.favours):
                told.append(
                    f"{', '.join(line.favours)} by {line.mark} ({line.by.partition('. ')[0]}), but "
                    f"{', '.join(other.favours)} by {other.mark} ({other.by.partition('. ')[0]})."
                )
    return told


def _commands(
    kind: TaskKind, objective: str, text: Sequence[str], minutes: float, examples: Examples | None
) -> list[str]:
    paths = [shlex.quote(path) for path in text] or ["BOOK.txt"]
    run = f"runs/{objective}"
    commands = [f"hornbook pretrain {' '.join(paths)} --objective {objective} --minutes {minutes:g} --out {run}"]
    if any("after fine-tuning" in judged for judged in kind.judged) and kind.name != "embeddings":
        train, test = ("TRAIN", "TEST") if examples is None else map(shlex.quote, (examples.train, examples.test))
        commands.append(f"hornbook transfer {run} {train} --test {test}")
    return commands
