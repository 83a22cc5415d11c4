"""Charts of a fit: sizes at equal compute with their parabolas, and how far the law is from each point.

Drawn from a summary (`hornbook.scaling.summary`) alone, as it is printed in JSON. Loads no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hornbook.artifacts import write_file
from hornbook.charts.chart import Chart, Series
from hornbook.charts.scales import Axis, short

_CURVE = 40  # points of a parabola
_MOST_BUDGETS = 6  # that one chart can show apart


def pictures(found: Mapping[str, Any], loss: str = "nats per token") -> dict[str, Chart]:
    """Return the charts that a summary has the numbers for, by the names of their files."""
    charts: dict[str, Chart] = {}
    budgets = [one for one in found["isoflops"] if one["best"] is not None]
    if budgets:
        charts["isoflop"] = _isoflop(budgets, loss)
    if found.get("residuals"):
        charts["residuals"] = _residuals(found["residuals"])
    return charts


def write_pictures(found: Mapping[str, Any], directory: Path) -> list[Path]:
    """Write the charts of a summary as SVG files, each with its table as Markdown beside it; return the drawings."""
    written = []
    for name, chart in pictures(found).items():
        write_file(directory / f"{name}.svg", chart.svg())
        write_file(directory / f"{name}.md", f"{chart.caption}\n\n{chart.table().markdown()}")
        written.append(directory / f"{name}.svg")
    return written


def _isoflop(budgets: list[dict[str, Any]], loss: str) -> Chart:
    last = len(budgets) - 1
    chosen = sorted({round(place * last / (_MOST_BUDGETS - 1)) for place in range(_MOST_BUDGETS)}) if last else [0]
    series = []
    for one in (budgets[number] for number in chosen):
        low, high = math.log(min(one["sizes"])), math.log(max(one["sizes"]))
        curve, slope, height = one["parabola"]
        logs = [low + (high - low) * number / (_CURVE - 1) for number in range(_CURVE)]
        name = f"{short(one['flops'])} FLOPs"
        fitted = [curve * log * log + slope * log + height for log in logs]
        series.append(Series(name, [math.exp(log) for log in logs], fitted))
    for number, one in zip(chosen, (budgets[number] for number in chosen), strict=True):
        series.append(Series(f"runs of {short(budgets[number]['flops'])}", one["sizes"], one["losses"], kind="points"))
    caption = "Each curve is a parabola through the runs of one budget; its lowest point is approach 2's best size."
    return Chart("Loss by size, at equal compute", caption, Axis("parameters", log=True), Axis(loss), tuple(series))


def _residuals(points: list[dict[str, float]]) -> Chart:
    ordered = sorted(points, key=lambda point: point["flops"])
    series = Series(
        "runs", [point["flops"] for point in ordered], [point["residual"] for point in ordered], kind="points"
    )
    ends = [ordered[0]["flops"], ordered[-1]["flops"]]
    caption = "ln(loss / law) of each run: a law that is right has points on both sides of 0 everywhere."
    axes = Axis("FLOPs", log=True), Axis("loss above the law", share=True)
    return Chart("Distance from the law", caption, *axes, (series, Series("the law", ends, [0.0, 0.0])))
