"""`hornbook study`: arms under one budget, and what may be said of their differences."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from hornbook.cli import orders, tables
from hornbook.cli.common import Json, Plain, answer, loading, place
from hornbook.console import View, duration, quantity, work_lasts
from hornbook.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hornbook.study.costs import Costs
    from hornbook.study.design import Study
    from hornbook.study.listing import RunLine
    from hornbook.study.yardsticks import Yardstick

_RUNNING = """Examples

hornbook study run runs/objectives --dry-run  ·  what will it cost, and what can it tell?

hornbook study run runs/objectives --processes 4

sbatch --array=1-8 --wrap "hornbook study run runs/objectives --processes 1"  ·  Slurm: eight jobs at once

hornbook study run runs/objectives --on ray://head:10001

The command may be started any number of times at once, wherever the directory is seen: each process takes the next
job that no other does. The numbers are the same, whoever does what."""

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
    steps: Annotated[int, Option(min=0, help="Optimizer steps of each run.")] = 0,
    epochs: Annotated[float, Option(min=0, help="Passes of each run over the text.")] = 0,
    seeds: Annotated[int, Option(min=1, help="Runs of each arm; two at least for a verdict.")] = 3,
    task: Annotated[list[str] | None, Option("--task", metavar="FILE", help="Task to ask; may be repeated.")] = None,
    halving: Annotated[
        int, Option(min=0, help="How often the worse half of the arms stops: 1 = at half of the steps.")
    ] = 0,
) -> None:
    """Write a study's file, and say which differences it will be able to see."""
    from hornbook.study.design import STUDY, BudgetSettings, new_study
    from hornbook.study.layout import begin

    budget = BudgetSettings(tokens, flops, minutes, steps, epochs)
    if not any(dataclasses.astuple(budget)):
        raise UserError("Say what each run may spend: --tokens, --flops, --minutes, --steps or --epochs.")
    names = [name.strip() for name in arms.split(",") if name.strip()]
    found = dataclasses.replace(new_study(text, names, budget, seeds), tasks=tuple(task or ()), halving=halving)
    begin(found, study)
    tables.sentence(f"{study / STUDY}: {len(found.arms)} arms of {seeds} seeds, {_runs(found)}.")
    tables.sentence(_power(seeds))
    tables.sentence(f"Next: hornbook study run {study}")


@app.command(epilog=_RUNNING)
def run(
    study: StudyPath,
    processes: Annotated[
        int, Option(min=0, help="Processes at once on this machine. Default: as its CPUs or GPUs allow.")
    ] = 0,
    on: Annotated[str, Option(metavar="CLUSTER", help="Run on Ray: ray, or ray://HOST:PORT.")] = "",
    dry_run: Annotated[bool, Option("--dry-run", help="Settle the runs, print cost and power, and stop.")] = False,
    plain: Plain = False,
) -> None:
    """Do all that a study's file asks for and is not done yet; the same command goes on after a stop."""
    work_lasts()
    with loading():
        from hornbook.study.costs import costs_of
        from hornbook.study.workers import default_processes, reach, run_on_ray, run_processes

    if on:
        reach(on)  # before any work
    found, costs = costs_of(study, View(plain))
    number = processes or default_processes(found)
    _costs(found, costs, number)
    if dry_run:
        return
    if on:
        run_on_ray(study, on, plain)
    else:
        run_processes(study, number, plain)
    report(study)


@app.command()
def report(study: StudyPath, as_json: Json = False) -> None:
    """Print a study's numbers and verdicts, as far as its runs are done, and write them with charts to STUDY/report."""
    from hornbook.report.write import write_study
    from hornbook.study.report import report_study

    found = report_study(study)
    if as_json:
        answer(found.plain(), True, print)
        return
    _print_yardsticks(found.yardsticks)
    for line in found.notes:
        tables.sentence(line)
    tables.sentence(f"With charts: {write_study(study, found)}")


def runs(
    directories: Annotated[
        list[Path] | None,
        Argument(metavar="[DIRECTORY]...", parser=place, help="Where to look. Default: runs.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the runs below directories, those of studies too: state, objective, size, length, numbers, date."""
    from hornbook.study.listing import runs as find_runs

    places = directories or [Path("runs")]
    found = find_runs(places)
    if as_json:
        answer(found, True, print)
        return
    if not found:
        tables.sentence(f"No runs below {', '.join(map(str, places))}.")
        return
    columns = ("run", "state", "objective", "parameters", "steps", "bits per byte", "other number", "seed", "date")
    tables.table(dict.fromkeys(columns, "") | {"run": "bold"}, [_run_row(line) for line in found], numbers=True)
    for line in found:
        if line.problem or line.ending:
            tables.sentence(f"{line.path}: {line.problem or line.ending}")


def _run_row(line: RunLine) -> tuple[str, ...]:
    done = "" if line.step is None else f"{line.step:,}"
    steps = done if line.steps is None or line.step == line.steps else f"{done or 0} of {line.steps:,}"
    others = [(name, value) for name, value in line.numbers.items() if name != "bits per byte"]
    number = f"{others[0][0]} {others[0][1]:.4f}" if others else ""
    bound = "at most " if line.kinds.get("bits per byte") == "bound" else ""
    return (
        line.path, line.state, line.objective, "" if line.parameters is None else quantity(line.parameters),
        steps or line.budget, "" if line.bits_per_byte is None else f"{bound}{line.bits_per_byte:.4f}", number,
        "" if line.seed is None else str(line.seed), line.date,
    )  # fmt: skip


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
    rows = [(name, *(_setting(value) for value in values.values())) for name, values in found.differences.items()]
    tables.table({"setting": "bold"} | dict.fromkeys(found.arms, ""), rows, numbers=True)
    _print_yardsticks(found.yardsticks)
    for line in (*found.left_out, *found.notes):
        tables.sentence(line)


def _setting(value: object) -> str:
    """Return a setting's value; of products such as 3 x 0.003 no digits that floating point adds."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _print_yardsticks(yardsticks: Sequence[Yardstick]) -> None:
    for yardstick in yardsticks:
        tables.sentence(yardstick.name, "bold")
        tables.table(
            {"arm": "bold", "mean of seeds": "green", "seeds": "", "deviation": "", "what it is": ""},
            [arm.row for arm in (*yardstick.arms, *yardstick.beside)], numbers=True,
        )  # fmt: skip
        for verdict in yardstick.verdicts:
            tables.sentence(f"  {verdict.sentence}")
        if len(yardstick.arms) > 2:
            tables.sentence(f"  No other is better than: {', '.join(yardstick.best)}.")


def _runs(study: Study) -> str:
    trials = len(study.arms) * study.trials if study.trials > 1 else 0
    more = f", {trials} trials of learning rates at a quarter of the budget" if trials else ""
    return f"{len(study.arms) * len(study.seed_list)} runs of {study.budget.amount:g} {study.budget.unit} each{more}"


def _power(seeds: int) -> str:
    """Return what so many seeds can see, before anything runs."""
    from hornbook.study.verdicts import smallest_effect

    if seeds < 2:
        return "One seed gives numbers, and no verdict: two seeds at least are needed."
    return (
        f"With {seeds} seeds of each, differences of {smallest_effect(seeds):.1f} deviations between seeds are seen "
        "in four of five studies; smaller ones are mostly called not distinguishable."
    )


def _costs(study: Study, costs: Costs, processes: int) -> None:
    """Print what each arm's runs are, in all units, so that it is seen what is equal and what is not; and the power."""
    rows = [
        (
            plan.name, quantity(plan.parameters), f"{plan.width} x {plan.layers}", f"{plan.steps:,}",
            quantity(plan.tokens), quantity(plan.targets), f"{plan.flops:.2e}",
            duration(costs.seconds_of_run[plan.name]),
        )
        for plan in costs.plans.values()
    ]  # fmt: skip
    tables.sentence(f"{_runs(study)}; equal {study.size}", "bold")
    columns = (
        "arm",
        "parameters",
        "width x layers",
        "steps",
        "tokens read",
        "targets scored",
        "FLOPs",
        "time of a run",
    )
    tables.table(dict.fromkeys(columns, "") | {"arm": "bold"}, rows, numbers=True)
    for line in costs.lines(study, processes):
        tables.sentence(line)
    tables.sentence(_power(len(study.seed_list)))
    for line in costs.power:
        tables.sentence(line)
