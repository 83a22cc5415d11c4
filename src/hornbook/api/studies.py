"""Studies from Python: settings with several values, lists of runs, runs compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hornbook.api.run import NOTHING, lines_of, texts_of

if TYPE_CHECKING:
    from hornbook.report.write import Reported
    from hornbook.study.compare import Comparison
    from hornbook.study.listing import RunLine
    from hornbook.study.report import StudyReport


def runs(*directories: str | Path) -> list[RunLine]:
    """Return the runs in and below directories, by default runs/, those of studies too: one line for each.

    A line has its path, state, objective, parameters, steps, seed, numbers and date; what is damaged is a line whose
    `problem` says so. Raises UserError where a directory is none. See `hornbook runs`.
    """
    from hornbook.study.listing import runs as find

    return find([Path(directory) for directory in directories or ("runs",)])


def compare(*directories: str | Path, margin: float = 0.01) -> Comparison:
    """Return what may be said of finished runs, those that differ in their seed alone being one arm.

    margin   a difference in bits per byte that would not matter
    Raises UserError where nothing may be compared. See `hornbook compare`.
    """
    from hornbook.study.compare import compare as compare_runs

    return compare_runs([Path(directory) for directory in directories], margin)


def write_report(
    *directories: str | Path,
    out: str | Path | None = None,
    pdf: bool = False,
    full_paths: bool = False,
    examples: bool = False,
) -> Reported:
    """Write the report of runs or of one study, a page and Markdown, and return where they are.

    out         the page; by default in the run or the study, of several runs report.html here
    full_paths  show whole paths of files; examples = beginnings of documents that the cleaning dropped
    Raises UserError where nothing can be read or written. See `hornbook report`.
    """
    from hornbook.report.sections import Options
    from hornbook.report.write import write_report as write

    places = [Path(directory) for directory in directories]
    return write(places, None if out is None else Path(out), pdf=pdf, options=Options(full_paths, examples))


def sweep(
    text: str | Path | Sequence[str | Path] = (),
    *,
    seeds: Sequence[int] = (0,),
    objective: str | Sequence[str] = "",
    recipe: str = "",
    minutes: float | None = None,
    steps: int | None = None,
    tokens: int | None = None,
    epochs: float | None = None,
    settings: Mapping[str, object] = NOTHING,
    halving: int = 0,
    out: str | Path | None = None,
    processes: int = 1,
    plain: bool = False,
) -> StudyReport:
    """Train an arm for each combination of values, with every seed, and return numbers and verdicts.

    seeds      of each arm; one gives numbers and no verdict
    objective  one or several
    settings   a list of values of a setting that holds one makes arms: {"training.learning_rate": [1e-3, 3e-3]}
    halving    how often the worse half of the arms stops on the way
    out        the study's directory; by default runs/DATE-sweep. One that is there already goes on
    processes  that train at once
    The rest is as in `pretrain`.
    """
    from hornbook.study.design import STUDY, ArmSettings, load_study, recipe_of
    from hornbook.study.designs.sweeps import KIND, SEED, first_of
    from hornbook.study.designs.sweeps import sweep as swept
    from hornbook.study.layout import begin, default_study
    from hornbook.study.report import report_study
    from hornbook.study.workers import run_processes

    kinds = [objective] if isinstance(objective, str) else list(objective)
    given = {SEED: list(seeds), **({KIND: kinds} if any(kinds) else {}), **settings}
    lines = dict(line.split("=", 1) for line in lines_of(given))
    budget = {"minutes": minutes, "steps": steps, "tokens": tokens, "epochs": epochs}
    told = [f"budget.{name}={value}" for name, value in budget.items() if value is not None]
    arm = ArmSettings("" if recipe else "causal", recipe, (*told, *lines_of(first_of(lines))))
    first = recipe_of(arm, "The sweep")
    if paths := texts_of(text):
        first = replace(first, data=replace(first.data, paths=paths))
    study, directory = swept(first, lines, recipe=recipe, halving=halving), Path(out) if out else default_study()
    if not (directory / STUDY).is_file() or load_study(directory) != study:
        begin(study, directory)
    run_processes(directory, processes, plain)
    return report_study(directory)
