"""`hornbook report`: what runs or a study say, as a page and as Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from hornbook.cli import tables
from hornbook.cli.common import Json, loading, place

EXAMPLES = """Examples

hornbook report runs/a  ·  writes runs/a/report.html and runs/a/report.md

hornbook report runs/a runs/b --out both.html  ·  two runs side by side, with what may be said of their difference

hornbook report runs/objectives  ·  a study: its verdicts, with charts

hornbook report runs/a --pdf"""


def report(
    runs: Annotated[
        list[Path], Argument(metavar="RUN...", parser=place, help="Runs, or one study.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        Option(metavar="FILE", parser=place, help="The page, a name that ends in .html. Default: in the run or study."),
    ] = None,
    pdf: Annotated[bool, Option("--pdf", help="Also print the page to a PDF, with Chromium.")] = False,
    full_paths: Annotated[
        bool, Option("--full-paths", help="Show whole paths of files; without it their names alone.")
    ] = False,
    examples: Annotated[
        bool, Option("--examples", help="Show beginnings of documents that the cleaning dropped.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a report of runs or of a study: verdict, numbers, curves, and the ledger of every token.

    The page needs no network and holds no script. Equal runs give equal bytes. Markdown with the same facts stands
    beside it. Nothing is measured: a report says what the files of the runs say.
    """
    with loading("libraries"):
        from hornbook.report.sections import Options
        from hornbook.report.write import as_json as values
        from hornbook.report.write import write_report

    found = write_report(runs, out, pdf=pdf, options=Options(full_paths, examples))
    if as_json:
        print(values(found))
        return
    for sentence in found.left_out:
        tables.sentence(f"Left out: {sentence}", "yellow")
    for path in (found.page, found.markdown, found.pdf):
        if path is not None:
            tables.sentence(str(path))
