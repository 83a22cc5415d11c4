"""Curves: what was recorded while runs trained, as charts. Unlike losses never share an axis.

Records are brought together in bins of equal width, with the mean as the line and lowest and highest as the band: no
spike is lost, and a chart of a long run is as small as one of a short run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hornbook.charts.chart import Chart, Series
from hornbook.charts.scales import Axis
from hornbook.charts.table import Table
from hornbook.report.blocks import Figure
from hornbook.report.facts import RunFacts
from hornbook.report.private import visible

_BINS, _ROWS = 80, 10  # points of a line, and rows of its table
_TOKENS = Axis("tokens of the text read")


def curves(runs: Sequence[RunFacts]) -> list[Figure]:
    """Return the charts of some runs: losses, bits per byte, and how training went."""
    found: list[Figure] = []
    for what, members in _alike(runs).items():
        found += _losses(what, members, several=len(runs) > 1)
    bits = [_measured(run, "bits_per_byte", run.name) for run in runs]
    caption = (
        "Bits per byte of the same kind for every run: the fewer, the better the model foresees text. While training "
        "they are measured on a small part of the held-out text."
    )
    found += _figure("Held-out bits per byte", caption, Axis("bits per byte"), bits)
    for title, name, axis, caption in (
        (
            "Gradient", "gradient_norm", Axis("norm before clipping", log=True),
            "Length of the gradient before it is clipped; the band is from the lowest to the highest record.",
        ),
        ("Learning rate", "learning_rate", Axis("learning rate"), "Learning rate of AdamW, as the schedule set it."),
        (
            "Speed", "tokens_per_second", Axis("tokens per second"),
            "Tokens of the text that training read in a second, measurements left out.",
        ),
    ):  # fmt: skip
        found += _figure(title, caption, axis, [_trained(run, name, run.name) for run in runs])
    return found


def domains(run: RunFacts) -> list[Figure]:
    """Return the held-out loss of each domain while a run trained."""
    names = dict.fromkeys(name for record in run.measured for name in record.get("domains", {}))
    series = []
    for name in names:
        told = [{"step": one["step"], **one.get("domains", {}).get(name, {})} for one in run.measured]
        series.append(_series(visible(name), run, told, "text_loss"))
    caption = "Held-out loss of text by domain, each measured on its own documents."
    return _figure(f"Held-out loss by domain: {run.name}", caption, Axis("nats per token of text"), series)


def _alike(runs: Sequence[RunFacts]) -> Mapping[str, list[RunFacts]]:
    """Return runs whose losses are of the same targets: one objective with equal settings, and one vocabulary."""
    found: dict[tuple[str, str, str], list[RunFacts]] = {}
    for run in runs:
        key = (run.objective, str(run.settings.get("objective")), str(run.tokens.get("fingerprint")))
        found.setdefault(key, []).append(run)
    several = len(found) > 1
    return {f"{kind}, {number}" if several and sum(k[0] == kind for k in found) > 1 else kind: members
            for number, ((kind, _, _), members) in enumerate(found.items(), 1)}  # fmt: skip


def _losses(what: str, runs: Sequence[RunFacts], several: bool) -> list[Figure]:
    series = []
    for run in runs:
        before = f"{run.name}: " if len(runs) > 1 else ""
        series += [_trained(run, "loss", f"{before}training"), _measured(run, "loss", f"{before}held out")]
    caption = (
        f"Loss of the objective {what}. The line is the mean of neighbouring records, the band goes from the lowest to "
        "the highest."
    )
    if several:
        caption += " It is of this objective and vocabulary alone: compare it with no other chart."
    return _figure(f"Loss: {what}", caption, Axis("nats per scored token"), series)


def _trained(run: RunFacts, name: str, title: str) -> Series | None:
    return _series(title, run, run.train, name)


def _measured(run: RunFacts, name: str, title: str) -> Series | None:
    return _series(title, run, run.measured, name)


def _series(title: str, run: RunFacts, records: Sequence[Mapping[str, Any]], name: str) -> Series | None:
    """Return a line of some records over the tokens read; None where none has a number."""
    per_step = int(run.plan.get("tokens_per_step") or 1)
    points = [(float(one["step"]) * per_step, float(value)) for one in records if _is_number(value := one.get(name))]
    if not points:
        return None
    groups = _binned(points)
    means: Callable[[int], list[float]] = lambda column: [sum(p[column] for p in g) / len(g) for g in groups]
    if len(groups) == len(points):
        return Series(visible(title), means(0), means(1))
    ends = [[pick(p[1] for p in group) for group in groups] for pick in (min, max)]
    return Series(visible(title), means(0), means(1), ends[0], ends[1])


def _binned(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    if len(points) <= _BINS:
        return [[point] for point in points]
    first, last = points[0][0], points[-1][0]
    width = (last - first) / _BINS or 1.0
    found: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        found.setdefault(min(_BINS - 1, int((point[0] - first) / width)), []).append(point)
    return list(found.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _figure(title: str, caption: str, axis: Axis, series: Sequence[Series | None]) -> list[Figure]:
    """Return a chart with a table of some of its points; nothing where there is no series."""
    drawn = tuple(one for one in series if one is not None)
    if not drawn:
        return []
    chart = Chart(title, caption, _TOKENS, axis, drawn)
    rows = []
    for one in drawn:
        for place in _chosen(len(one.x)):
            ends = (
                f"{axis.text(float(one.low[place] or 0))} to {axis.text(float(one.high[place] or 0))}"
                if one.low
                else ""
            )
            rows.append((one.name, _TOKENS.text(one.x[place]), axis.text(float(one.y[place] or 0)), ends))
    kept = 4 if any(row[3] for row in rows) else 3
    columns = ("line", _TOKENS.label, axis.label, "lowest to highest")[:kept]
    return [Figure(chart, Table(caption, columns, tuple(row[:kept] for row in rows)))]


def _chosen(number: int) -> list[int]:
    """Return at most so many places at equal distances, the first and the last among them."""
    if number <= _ROWS:
        return list(range(number))
    return sorted({round(place * (number - 1) / (_ROWS - 1)) for place in range(_ROWS)})
