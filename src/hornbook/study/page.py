"""A study's report as files: report.md with every table and sentence, and a chart beside each yardstick.

    STUDY/report/
        report.md
        differences-1.svg    of each two arms, with intervals, on the first yardstick; and so on
        loss-1.svg           held-out loss while training, of the arms of one objective; unlike losses share no axis
        shots-1.svg          a transfer task by the number of its examples

Written from records alone; equal records give equal bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hornbook.artifacts import write_file
from hornbook.charts.chart import Chart, Series
from hornbook.charts.forest import Forest, Row
from hornbook.charts.scales import Axis
from hornbook.charts.table import Table
from hornbook.console import quantity
from hornbook.study.layout import ArmPlan
from hornbook.study.report import StudyReport, finished_runs
from hornbook.study.yardsticks import Yardstick
from hornbook.train.metrics import METRICS, read_metrics

PAGE = "report/report.md"


def write_page(directory: Path, report: StudyReport) -> Path:
    """Write a study's report below its directory, the charts first; return the page."""
    parts = [f"# {directory.name}", *report.notes, _costs(report.plans)]
    for number, yardstick in enumerate(report.yardsticks, 1):
        parts += [f"## {yardstick.name}", _numbers(yardstick).markdown()]
        parts += [_embedded(directory, f"differences-{number}", _differences(yardstick))]
        parts += ["\n".join(f"- {verdict.sentence}" for verdict in yardstick.verdicts)]
        if len(yardstick.arms) > 2:
            parts += [f"No other is better than: {', '.join(yardstick.best)}."]
    for number, chart in enumerate(_by_shots(report.yardsticks), 1):
        parts += [f"## {chart.title}", _embedded(directory, f"shots-{number}", chart)]
    for number, chart in enumerate(_losses(directory, report), 1):
        parts += [f"## {chart.title}", _embedded(directory, f"loss-{number}", chart)]
    write_file(directory / PAGE, "\n\n".join(part.strip() for part in parts if part) + "\n")
    return directory / PAGE


def _embedded(directory: Path, name: str, chart: Chart | Forest) -> str:
    """Write a chart; return it as Markdown: the picture, its caption, and its numbers."""
    write_file(directory / PAGE.rpartition("/")[0] / f"{name}.svg", chart.svg())
    table = f"<details><summary>The numbers</summary>\n\n{chart.table().markdown()}\n</details>"
    return f"![{chart.title}]({name}.svg)\n\n*{chart.caption}*\n\n{table}"


def _costs(plans: Mapping[str, ArmPlan]) -> str:
    rows = [
        (
            plan.name, quantity(plan.parameters), f"{plan.width} x {plan.layers}", f"{plan.steps:,}",
            quantity(plan.tokens), quantity(plan.targets), f"{plan.flops:.2e}",
        )
        for plan in plans.values()
    ]  # fmt: skip
    columns = ("arm", "parameters", "width x layers", "steps", "tokens read", "targets scored", "FLOPs")
    return "## What each run is\n\n" + Table("", columns, tuple(rows)).markdown()


def _numbers(yardstick: Yardstick) -> Table:
    columns = ("arm", "mean of seeds", "seeds", "deviation", "what it is")
    return Table(yardstick.name, columns, tuple(arm.row for arm in yardstick.arms))


def _differences(yardstick: Yardstick) -> Forest:
    """Return the difference of each two arms, the first minus the second, with its interval and its verdict."""
    rows = []
    for verdict in yardstick.verdicts:
        name, found = f"{verdict.one} - {verdict.other}", verdict.difference
        if found is not None:
            rows.append(Row(name, found.value, found.low, found.high, verdict.word))
        else:
            means = {arm.arm: arm.value for arm in yardstick.arms}
            rows.append(Row(name, means[verdict.one] - means[verdict.other], None, None, verdict.word))
    share = yardstick.unit == "share"
    axis = Axis(f"{yardstick.name}, first minus second", share=share)
    caption = (
        "Differences of two arms, with intervals of 95 % from seeds and items. Without an interval nothing follows."
    )
    return Forest(f"Differences: {yardstick.name}", caption, axis, tuple(rows))


def _by_shots(yardsticks: Sequence[Yardstick]) -> Iterator[Chart]:
    """Yield a chart for each task whose yardsticks differ in the number of examples alone."""
    tasks: dict[str, dict[int, Yardstick]] = {}  # named as their directories below transfers/
    for yardstick in yardsticks:
        if found := re.fullmatch(r"(.+)-(\d+)", yardstick.name):
            tasks.setdefault(found[1], {})[int(found[2])] = yardstick
    for task, by_shots in tasks.items():
        if len(by_shots) < 2:
            continue
        shots = sorted(by_shots)
        arms = dict.fromkeys(arm.arm for yardstick in by_shots.values() for arm in yardstick.arms)
        series = []
        for name in arms:
            found_arms = [next((a for a in by_shots[n].arms if a.arm == name), None) for n in shots]
            means = [None if arm is None else arm.value for arm in found_arms]
            spreads = [None if arm is None or math.isnan(arm.deviation) else arm.deviation for arm in found_arms]
            ends = [
                [None if m is None or s is None else m + sign * s for m, s in zip(means, spreads, strict=True)]
                for sign in (-1, 1)
            ]
            series.append(Series(name, shots, means, ends[0], ends[1]))
        axis = Axis("score", share=all(y.unit == "share" for y in by_shots.values()))
        caption = "Mean of the seeds; the band is one standard deviation of the seeds to either side."
        yield Chart(f"{task} by examples", caption, Axis("examples learned from", log=True), axis, tuple(series))


def _losses(directory: Path, report: StudyReport) -> Iterator[Chart]:
    """Yield held-out loss while training, a chart for each objective: losses of unlike objectives share no axis."""
    groups: dict[str, list[Series]] = {}
    for name, runs in finished_runs(directory).items():
        plan = report.plans[name]
        curves = [_curve(run, plan.tokens / plan.steps) for run in runs]
        if drawn := _series(name, [curve for curve in curves if curve]):
            groups.setdefault(plan.objective, []).append(drawn)
    for objective, series in groups.items():
        caption = (
            "Mean of the seeds, the band from the lowest to the highest. The loss is this objective's own: compare it "
            "with no other."
        )
        axes = Axis("tokens read"), Axis("held-out loss, nats per scored token")
        yield Chart(f"Held-out loss while training: {objective}", caption, *axes, tuple(series))


def _curve(run: Path, tokens_per_step: float) -> dict[float, float]:
    """Return a run's held-out losses by the tokens that it had read."""
    records: list[dict[str, Any]] = read_metrics(run / METRICS)
    return {
        record["step"] * tokens_per_step: record["loss"]
        for record in records
        if record["kind"] == "held_out" and isinstance(record.get("loss"), float)
    }


def _series(name: str, curves: Sequence[Mapping[float, float]]) -> Series | None:
    if not curves:
        return None
    places = sorted(set.intersection(*(set(curve) for curve in curves)))
    values = [[curve[place] for curve in curves] for place in places]
    if not places:
        return None
    means = [sum(some) / len(some) for some in values]
    bands = ([min(some) for some in values], [max(some) for some in values]) if len(curves) > 1 else ([], [])
    return Series(name, places, means, *bands)
