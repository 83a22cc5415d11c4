"""`hornbook study`: arms under one budget, and what may be said of their differences."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from hornbook.cli import orders, tables
from hornbook.cli.common import Json, Plain, answer, loading, place
from hornbook.console import View, quantity
from hornbook.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hornbook.study.design import Study
    from hornbook.study.layout import ArmPlan
    from hornbook.study.yardsticks import Yardstick

app = typer.Typer(help="Compare objectives or settings fairly, with several seeds and a verdict.", no_args_is_help=True)
_EXAMPLES = """Examples

hornbook study new runs/objectives BOOK.txt --arms causal,masked,span --tokens 2e6 --seeds 3

hornbook study run runs/objectives  ·  goes on where it was stopped

hornbook study report runs/objectives

`new` writes study.toml: edit it to add settings, tasks or arms of your own before you run it."""

orders.add_to(app)
StudyPath = Annotated[Path, Argument(metavar="STUDY", parser=place, help="Directory of a study.", show_default=False)]


@app.command(epilog=_EXAMPLES)
def new(
    study: StudyPath,
    text: Annotated[list[str], Argument(metavar="TEXT", help="Text that all arms read.", show_default=False)],
    arms: Annotated[str, Option(help="Objectives, separated by commas.")] = "causal,masked,span",
    tokens: Annotated[float, Option(min=0, help="Tokens of the corpus that each run reads.")] = 0,
    flops: Annotated[float, Option(min=0, help="FLOPs of each run.")] = 0,
    minutes: Annotated[float, Option(min=0, help="Minutes of each run, timed for each arm.")] = 0,
    seeds: Annotated[int, Option(min=1, help="Runs of each arm; two at least for a verdict.")] = 3,
    task: Annotated[list[str] | None, Option("--task", metavar="FILE", help="Task to ask; may be repeated.")] = None,
) -> None:
    """Write a study's file, and say which differences it will be able to see."""
    from hornbook.study.design import STUDY, BudgetSettings, new_study
    from hornbook.study.layout import begin

    budget = BudgetSettings(tokens, flops, minutes)
    if not any(dataclasses.astuple(budget)):
        raise UserError("Say what each run may spend: --tokens, --flops or --minutes.")
    names = [name.strip() for name in arms.split(",") if name.strip()]
    found = dataclasses.replace(new_study(text, names, budget, seeds), tasks=tuple(task or ()))
    begin(found, study)
    tables.sentence(f"{study / STUDY}: {len(found.arms)} arms of {seeds} seeds, {_runs(found)}.")
    tables.sentence(_power(seeds))
    tables.sentence(f"Next: hornbook study run {study}")


@app.command()
def run(study: StudyPath, plain: Plain = False) -> None:
    """Do all runs of a study that are not done yet; the same command goes on after a stop."""
    with loading():
        from hornbook.study.design import load_study
        from hornbook.study.running import plan_study, run_study

    found = load_study(study)
    plans = plan_study(found, study, View(plain))
    _costs(found, plans)
    run_study(study, plain)
    report(study)


@app.command()
def report(study: StudyPath, as_json: Json = False) -> None:
    """Print a study's numbers and verdicts, as far as its runs are done."""
    from hornbook.study.report import report_study

    found = report_study(study)
    if as_json:
        answer(found.plain(), True, print)
        return
    _print_yardsticks(found.yardsticks)
    for line in found.notes:
        tables.sentence(line)


def compare(
    runs: Annotated[list[Path], Argument(metavar="RUN...", help="Finished runs.", show_default=False)],
    margin: Annotated[float, Option(min=0, help="Difference in bits per byte that would not matter.")] = 0.01,
    as_json: Json = False,
) -> None:
    """Compare finished runs by the rules of studies: runs that differ in their seed alone are one arm.

    Numbers come from the records in the runs: bits per byte of equal held-out text, and tasks that all were asked.
    """
    from hornbook.study.compare import compare as compare_runs

    found = compare_runs(runs, margin)
    if as_json:
        answer(found.plain(), True, print)
        return
    for arm, members in found.arms.items():
        tables.sentence(f"{arm}: {', '.join(members)}")
    rows = [(name, *(str(value) for value in values.values())) for name, values in found.differences.items()]
    tables.table({"setting": "bold"} | dict.fromkeys(found.arms, ""), rows, numbers=True)
    _print_yardsticks(found.yardsticks)


def _print_yardsticks(yardsticks: Sequence[Yardstick]) -> None:
    for yardstick in yardsticks:
        tables.sentence(yardstick.name, "bold")
        tables.table(
            {"arm": "bold", "mean of seeds": "green", "seeds": "", "deviation": "", "what it is": ""},
            [arm.row for arm in yardstick.arms], numbers=True,
        )  # fmt: skip
        for verdict in yardstick.verdicts:
            tables.sentence(f"  {verdict.sentence}")
        if len(yardstick.arms) > 2:
            tables.sentence(f"  No other is better than: {', '.join(yardstick.best)}.")


def _runs(study: Study) -> str:
    trials = len(study.arms) * study.trials if study.trials > 1 else 0
    more = f", {trials} trials of learning rates at a quarter of the budget" if trials else ""
    return f"{len(study.arms) * study.seeds} runs of {study.budget.amount:g} {study.budget.unit} each{more}"


def _power(seeds: int) -> str:
    """Return what so many seeds can see, before anything runs."""
    from hornbook.study.verdicts import smallest_effect

    if seeds < 2:
        return "One seed gives numbers, and no verdict: two seeds at least are needed."
    return (
        f"With {seeds} seeds of each, differences of {smallest_effect(seeds):.1f} deviations between seeds are seen "
        "in four of five studies; smaller ones are mostly called not distinguishable."
    )


def _costs(study: Study, plans: dict[str, ArmPlan]) -> None:
    """Print what each arm's runs are, in all units, so that it is seen what is equal and what is not."""
    rows = [
        (
            plan.name, quantity(plan.parameters), f"{plan.width} x {plan.layers}", f"{plan.steps:,}",
            quantity(plan.tokens), quantity(plan.targets), f"{plan.flops:.2e}",
        )
        for plan in plans.values()
    ]  # fmt: skip
    tables.sentence(f"{_runs(study)}; equal {study.size}", "bold")
    columns = ("arm", "parameters", "width x layers", "steps", "tokens read", "targets scored", "FLOPs")
    tables.table(dict.fromkeys(columns, "") | {"arm": "bold"}, rows, numbers=True)
