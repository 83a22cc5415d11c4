"""Sections: the report of a study, from its verdicts: numbers, differences, curves, and a line for each run.

    STUDY/report/report.html, report.md
        differences-1.svg    of each two arms, with intervals, on the first yardstick; and so on
        loss-1.svg           held-out loss while training, of arms with alike losses; unlike ones share no axis
        shots-1.svg          a transfer task by the number of its examples

Written from records alone; equal records give equal bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hornbook.artifacts import digest, is_done, manifest_of
from hornbook.charts.chart import Chart, Series
from hornbook.charts.forest import Forest, Row
from hornbook.charts.scales import Axis
from hornbook.console import duration, quantity
from hornbook.errors import HornbookError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.report.blocks import Block, Figure, Grid, Paragraph, Part, Points, Report, Section, grid
from hornbook.report.private import visible, without_paths
from hornbook.run.sealed import RESULT
from hornbook.study.design import load_study
from hornbook.study.layout import RUNS, ArmPlan, diverged, is_planned, run_names
from hornbook.study.report import StudyReport, finished_runs, report_study
from hornbook.study.yardsticks import BITS, Yardstick
from hornbook.tokens.tokenizer.tokenizer import TOKENIZER
from hornbook.train.metrics import METRICS, read_metrics


def report_of_study(directory: Path, found: StudyReport | None = None) -> Report:
    """Return the report of a study; `found` is what is known of it already."""
    found = found or report_study(directory)
    yardsticks = sorted(found.yardsticks, key=lambda one: one.name != BITS)
    sections = [
        Section("verdict", "Verdict", (*_sentences(yardsticks), Points(tuple(map(_shown, found.notes))))),
        Section("arms", "What each run is", (_costs(found.plans),)),
        Section("yardsticks", "Yardsticks", tuple(_part(number, one) for number, one in enumerate(yardsticks, 1))),
    ]
    for name, title, charts in (
        ("shots", "Tasks by examples", _by_shots(found.yardsticks)),
        ("loss", "Held-out loss while training", _losses(directory, found)),
    ):
        drawn = tuple(Figure(chart, chart.table(), f"{name}-{number}") for number, chart in enumerate(charts, 1))
        sections += [Section(name, title, drawn)] if drawn else []
    if rows := _runs(directory):
        columns = ("run", "state", "steps", "tokens read", "bits per byte", "loss of its own", "time")
        sections.append(Section("runs", "Every run", (grid("", columns, rows, (1,)),)))
    sections.append(Section("limits", "What this does not show", (Points(_LIMITS),)))
    name = directory.resolve().name
    return Report(f"Study: {name}", "", tuple(sections), (), {"study": name, **found.plain()})


_LIMITS = (
    "Numbers are of this text, these sizes and this budget: others may rank the arms otherwise.",
    "An arm's own loss is no yardstick: it is of other targets. A bound may be far above what it bounds.",
    "Not distinguishable means that these seeds and items do not tell the arms apart, not that they are equal.",
)


def _sentences(yardsticks: Sequence[Yardstick]) -> tuple[Block, ...]:
    """Return what may be said on the common yardstick first; where there are many verdicts, in a list."""
    if not yardsticks:
        return (
            Paragraph("There is no yardstick that two arms have in common yet, so there is no verdict.", lead=True),
        )
    first, *others = yardsticks
    told = [f"{first.name}: {verdict.sentence}" for verdict in first.verdicts]
    blocks: list[Block] = []
    if len(first.arms) > 2:
        apart = any(verdict.word in ("better", "worse") for verdict in first.verdicts)
        best = f"no other arm is better than {_and(first.best)}." if apart else "no arm is better than another."
        blocks += [Paragraph(f"On {first.name}: {best}", lead=True), Points(tuple(told))]
    else:
        blocks += [Paragraph(sentence, lead=True) for sentence in told]
    for one in others:
        if len(one.arms) > 2 and any(verdict.word in ("better", "worse") for verdict in one.verdicts):
            blocks.append(Paragraph(f"On {one.name}: no other arm is better than {_and(one.best)}."))
    return tuple(blocks)


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _shown(sentence: str) -> str:
    return without_paths(sentence)


def _part(number: int, yardstick: Yardstick) -> Part:
    """Return the numbers, the differences and the verdicts of a yardstick."""
    forest = _differences(yardstick)
    blocks: list[Block] = [_numbers(yardstick), Figure(forest, forest.table(), f"differences-{number}")]
    sentences = tuple(verdict.sentence for verdict in yardstick.verdicts)
    blocks.append(Points(sentences))
    if len(yardstick.arms) > 2:
        blocks.append(Paragraph(f"No other is better than: {', '.join(yardstick.best)}."))
    return Part(yardstick.name, tuple(blocks))


def _runs(directory: Path) -> list[tuple[str, ...]]:
    """Return a line for each run that is judged: its state, and what it measured."""
    if not is_planned(directory):
        return []
    lost = diverged(directory)
    return [
        _run(directory / RUNS / run, run, f"{RUNS}/{run}" in lost) for _, _, run in run_names(load_study(directory))
    ]


def _run(place: Path, name: str, lost: bool) -> tuple[str, ...]:
    if lost:
        return (name, "diverged", "", "", "", "", "")
    try:
        done = (place / RESULT).is_file() and is_done(place, RESULT)
        found = Evaluation.load(place / RESULT) if done else None
    except HornbookError:
        return (name, "damaged", "", "", "", "", "")
    if found is None:
        return (name, "not done", "", "", "", "", "")
    bits, loss = found.number(BITS), found.number("loss")
    most = "at most " if bits is not None and bits.kind == "bound" else ""
    return (
        name, "finished", f"{found.steps:,}" if found.steps else "", quantity(found.tokens) if found.tokens else "",
        "" if bits is None else f"{most}{bits.value:.4f}", "" if loss is None else f"{loss.value:.4f}",
        "" if found.seconds is None else duration(found.seconds),
    )  # fmt: skip


def _costs(plans: Mapping[str, ArmPlan]) -> Grid:
    rows = [
        (
            plan.name, quantity(plan.parameters), f"{plan.width} x {plan.layers}", f"{plan.steps:,}",
            quantity(plan.tokens), quantity(plan.targets), f"{plan.flops:.2e}",
        )
        for plan in plans.values()
    ]  # fmt: skip
    columns = ("arm", "parameters", "width x layers", "steps", "tokens read", "targets scored", "FLOPs")
    return grid("", columns, rows)


def _numbers(yardstick: Yardstick) -> Grid:
    columns = ("arm", "mean of seeds", "seeds", "deviation", "what it is")
    return grid("", columns, [arm.row for arm in (*yardstick.arms, *yardstick.beside)], (4,))


def _differences(yardstick: Yardstick) -> Forest:
    """Return the difference of each two arms, the first minus the second, with its interval and its verdict."""
    rows = []
    for verdict in yardstick.verdicts:
        name, found = visible(f"{verdict.one} - {verdict.other}"), verdict.difference
        if found is not None:
            rows.append(Row(name, found.value, found.low, found.high, verdict.word))
        else:
            means = {arm.arm: arm.value for arm in yardstick.arms}
            rows.append(Row(name, means[verdict.one] - means[verdict.other], None, None, verdict.word))
    share = yardstick.unit == "share"
    axis = Axis(visible(f"{yardstick.name}, first minus second"), share=share)
    caption = (
        "Differences of two arms, with intervals of 95 % from seeds and items. Without an interval nothing follows."
    )
    return Forest(visible(f"Differences: {yardstick.name}"), caption, axis, tuple(rows))


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
            series.append(Series(visible(name), shots, means, ends[0], ends[1]))
        axis = Axis("score", share=all(y.unit == "share" for y in by_shots.values()))
        caption = "Mean of the seeds; the band is one standard deviation of the seeds to either side."
        yield Chart(
            visible(f"{task} by examples"), caption, Axis("examples learned from", log=True), axis, tuple(series)
        )


def _losses(directory: Path, report: StudyReport) -> Iterator[Chart]:
    """Yield held-out loss while training, a chart for each objective with its settings, and each vocabulary."""
    groups: dict[tuple[str, str], list[Series]] = {}
    for name, runs in finished_runs(directory).items():
        plan = report.plans[name]
        curves = [_curve(run, plan.tokens / plan.steps) for run in runs]
        if drawn := _series(name, [curve for curve in curves if curve]):
            groups.setdefault(_targets(runs[0]), []).append(drawn)
    kinds = [kind for kind, _ in groups]
    for (kind, _), series in groups.items():
        objective = kind if kinds.count(kind) == 1 else f"{kind} ({_and([one.name for one in series])})"
        caption = (
            "Mean of the seeds, the band from the lowest to the highest. The loss is of this objective, its settings "
            "and its vocabulary: compare it with no other chart."
        )
        axes = Axis("tokens read"), Axis("held-out loss, nats per scored token")
        yield Chart(visible(f"Held-out loss while training: {objective}"), caption, *axes, tuple(series))


def _targets(run: Path) -> tuple[str, str]:
    """Return the kind of a run's objective, and what tells its losses from unlike ones: its settings, its vocabulary.

    Where that is not known, a run is like no other.
    """
    try:
        manifest = manifest_of(run) or {}
        objective = manifest["recipe"]["objective"]
        return visible(str(objective["kind"])), digest([objective, manifest["files"][TOKENIZER]["sha256"]])
    except (HornbookError, KeyError, TypeError):
        return "objective not known", str(run)


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
    return Series(visible(name), places, means, *bands)
