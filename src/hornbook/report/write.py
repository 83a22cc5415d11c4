"""Write reports: of runs or of a study, as report.html with report.md beside it, and as PDF where Chromium is there."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hornbook.artifacts import json_text, write_file
from hornbook.diagnose.doctor import find_chromium
from hornbook.errors import HornbookError, ResourceError, UserError, reason_of
from hornbook.report.blocks import Figure, Report
from hornbook.report.facts import RunFacts, facts_of
from hornbook.report.html import html
from hornbook.report.markdown import markdown
from hornbook.report.private import without_paths
from hornbook.report.sections import Options, report_runs
from hornbook.report.studies import report_of_study
from hornbook.run.sealed import is_run
from hornbook.study.design import STUDY
from hornbook.study.report import StudyReport

PAGE, FOLDER = "report.html", "report"  # the page, and the folder of a study that holds it
_BEGINS, _MARK = b"<!doctype html>", b'<meta name="generator" content="Hornbook '  # a page without them is none of ours
_HEAD = 1 << 10  # bytes in which they stand
_SECONDS = 120
_PRIVATE = Options()


@dataclass(frozen=True)
class Reported:
    """A report that was written.

    left_out   sentences on what was asked for and is not in it
    values     the same as values: runs with their rules and their ledger, the comparison or the verdicts
    """

    page: Path
    markdown: Path
    pdf: Path | None
    left_out: tuple[str, ...]
    values: dict[str, Any] = field(default_factory=dict, repr=False)

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        files = {"page": str(self.page), "markdown": str(self.markdown), "pdf": self.pdf and str(self.pdf)}
        return {"files": files, **self.values}


def write_report(
    places: Sequence[Path],
    out: Path | None = None,
    *,
    pdf: bool = False,
    options: Options = _PRIVATE,
) -> Reported:
    """Write the report of runs, or of one study.

    out   the page; by default report.html in the run, in the report folder of the study, or of several runs here
    Raises UserError where nothing that was named can be read, where the page cannot be written, and for a PDF without
    Chromium.
    """
    browser = _browser() if pdf else ""
    studies = [place for place in places if (place / STUDY).is_file() and not is_run(place)]
    if studies and len(places) > 1:
        raise UserError("A study is reported alone: name it without runs, or name the runs in it.")
    if studies:
        target, report = out or places[0] / FOLDER / PAGE, report_of_study(places[0])
    else:
        runs, left_out = _read(places, options)
        report = report_runs(runs, options, left_out)
        target = out or (runs[0].directory / PAGE if len(places) == 1 else Path(PAGE))
    _refuse_foreign(target, beside=out is not None or not studies, pdf=pdf)
    written = _write(report, target, pictures=bool(studies) and out is None)
    printed = _print(browser, target) if browser else None
    return Reported(target, written, printed, report.left_out, report.plain)


def write_study(directory: Path, found: StudyReport) -> Path:
    """Write the report of a study whose verdicts are known; return the page."""
    target = directory / FOLDER / PAGE
    _write(report_of_study(directory, found), target, pictures=True)
    return target


def report_at_end(directory: Path) -> str:
    """Write the report of a run that has just ended; return in a line where it is, or why there is none.

    A run has ended well whatever becomes of its report, so nothing is raised.
    """
    try:
        return f"Report: {write_report([directory]).page}"
    except HornbookError as error:
        return f"There is no report: {error}"
    except Exception as error:  # a fault of the report's is none of the run's
        return f"There is no report ({type(error).__name__}: {reason_of(error)}). The run itself is whole."


def _read(places: Sequence[Path], options: Options) -> tuple[list[RunFacts], list[str]]:
    """Return the runs that can be read, with names of their own, and a sentence for each that cannot."""
    runs: list[RunFacts] = []
    left_out: list[str] = []
    refused: list[str] = []
    for place in dict.fromkeys(places):
        try:
            runs.append(facts_of(place, full_paths=options.full_paths))
        except HornbookError as error:
            left_out.append(without_paths(str(error), str(place)))
            refused.append(str(error))
        except (OSError, ValueError, KeyError, TypeError) as error:
            told = f"cannot be read: its files are not those of a run ({type(error).__name__})."
            left_out.append(f"The run {place.name} {told}")
            refused.append(f"The run {place} {told}")
    if not runs:  # what is printed names places as they were typed
        raise UserError(" ".join(refused) or "Name at least one run, or a study.")
    return named_apart(runs), left_out


def named_apart(runs: Sequence[RunFacts]) -> list[RunFacts]:
    """Return runs with names that differ: the second of a name is called so."""
    seen: dict[str, int] = {}
    found = []
    for run in runs:
        seen[run.name] = number = seen.get(run.name, 0) + 1
        found.append(replace(run, name=run.name if number == 1 else f"{run.name} ({number})"))
    return found


def _write(report: Report, target: Path, *, pictures: bool) -> Path:
    """Write page and Markdown; with `pictures` the charts stand beside as files, and the Markdown shows them.

    Only a study's own folder takes them: elsewhere their names may be those of files of the user's.
    """
    charts: list[str] = []

    def draw(block: Figure) -> str:
        charts.append(f"{block.name or f'chart-{len(charts) + 1}'}.svg")
        write_file(target.with_name(charts[-1]), block.chart.svg())
        return charts[-1]

    beside = target.with_suffix(".md")
    try:
        write_file(target, html(report))
        write_file(beside, markdown(report, draw if pictures else None))
    except UserError as error:
        raise UserError(f"{error} Name a place that can be written with --out.") from error
    return beside


def _refuse_foreign(target: Path, *, beside: bool, pdf: bool) -> None:
    """Refuse to write over a file that no report wrote: notes.md may stand where notes.html shall be written.

    Markdown and PDF bear no sign of ours, so they are believed to be ours beside a page of ours. `beside` says whether
    there may be another's: the folder of a study's report is Hornbook's.
    """
    if target.suffix not in (".html", ".htm"):
        raise UserError(f"The report is a page: give --out a name that ends in .html, not {target.name!r}.")
    foreign = []
    if not (target.exists() and _is_ours(target)):
        others = [target.with_suffix(".md")] * beside + [target.with_suffix(".pdf")] * pdf
        foreign = [path for path in (target, *others) if path.exists()]
    for path in foreign:
        what = "page" if path == target else "part"
        raise UserError(f"{path} is no {what} of a report: move it away, or choose another --out.")


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    return not head or (head.lower().startswith(_BEGINS) and _MARK in head)


def _browser() -> str:
    found = find_chromium()
    if found is None:
        raise UserError(
            "--pdf needs Chromium or Chrome, and there is none: install it, or print the page from a browser."
        )
    return found


def _print(browser: str, page: Path) -> Path:
    """Print a page to a PDF beside it."""
    target = page.with_suffix(".pdf")
    with tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--disable-gpu", "--no-pdf-header-footer", "--generate-pdf-document-outline"]
        options += [f"--user-data-dir={profile}", f"--print-to-pdf={target.resolve()}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            options += ["--no-sandbox", "--disable-dev-shm-usage"]  # it refuses to start as root otherwise
        try:
            done = subprocess.run(
                [browser, *options, page.resolve().as_uri()], capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ResourceError(f"{browser} did not print {page}: {reason_of(error)}.") from error
    if done.returncode or not target.is_file():
        raise ResourceError(f"{browser} did not print {page} (exit code {done.returncode}): print it from a browser.")
    return target


def as_json(found: Reported) -> str:
    """Return a report's values as JSON."""
    return json_text(found.plain(), indent=1)
