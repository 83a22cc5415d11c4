"""Curves: what was recorded while runs trained, as charts. Unlike losses never share an axis.

Records are brought together in bins of equal width, with the mean as the line and lowest and highest as the band: no
spike is lost, and a chart of a long run is as small as one of a short run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hornbook.charts.chart import Chart, Series
from hornbook.charts.scales import Axis
from hornbook.charts.table import Table
from hornbook.report.blocks import Figure
from hornbook.report.facts import RunFacts
from hornbook.report.private import visible
from hornbook.report.verdicts import series

_BINS, _ROWS = 80, 10  # points of a line, and rows of its table
_TOKENS = Axis("tokens of the text read")
_BITS = (
    "Bits per byte are of the same kind for every run: the fewer, the better the model foresees text. While it trains "
    "they are measured on a small part of the held-out text."
)


def curves(runs: Sequence[RunFacts]) -> list[Figure]:
    """Return the charts of what some runs learned: losses, and bits per byte."""
    found: list[Figure] = []
    for what, members in _alike(runs).items():
        found += _losses(what, members, several=len(runs) > 1)
    texts: dict[str, list[RunFacts]] = {}
    for run in runs:
        known = run.corpus.get("sha256_of_hashes"), run.corpus.get("threshold")  # the text, and where it is split
        texts.setdefault(str(known) if known[0] else run.name, []).append(run)
    for members in texts.values():
        of = f": the text of {members[0].name}" if len(texts) > 1 else ""
        bits = [_series(run.name, run, run.measured, "bits_per_byte") for run in members]
        found += _figure(f"Held-out bits per byte{of}", _BITS, Axis("bits per byte"), bits)
    return found


def conduct(runs: Sequence[RunFacts]) -> list[Figure]:
    """Return the charts of how training went: gradient, learning rate, speed."""
    found: list[Figure] = []
    for title, name, axis, caption in (
        (
            "Gradient", "gradient_norm", Axis("norm before clipping", log=True),
            "Length of the gradient before it is clipped; the band goes from the lowest to the highest record.",
        ),
        ("Learning rate", "learning_rate", Axis("learning rate"), "Learning rate of AdamW, as the schedule set it."),
        (
            "Speed", "tokens_per_second", Axis("tokens per second"),
            "Tokens of the text that training read in a second, measurements left out.",
        ),
    ):  # fmt: skip
        found += _figure(title, caption, axis, [_series(run.name, run, run.train, name) for run in runs])
    return found


def domains(run: RunFacts) -> list[Figure]:
    """Return the held-out loss of each domain while a run trained."""
    names = dict.fromkeys(name for record in run.measured for name in record.get("domains", {}))
    lines = []
    for name in names:
        told = [{"step": one["step"], **one.get("domains", {}).get(name, {})} for one in run.measured]
        lines.append(_series(visible(name), run, told, "text_loss"))
    caption = "Held-out loss of text by domain, each measured on its own documents."
    return _figure(f"Held-out loss by domain: {run.name}", caption, Axis("nats per token of text"), lines)


def _alike(runs: Sequence[RunFacts]) -> Mapping[str, list[RunFacts]]:
    """Return runs whose losses are of the same targets: of one objective with equal settings, vocabulary and text."""
    found: dict[tuple[str, ...], list[RunFacts]] = {}
    for run in runs:
        known = (run.tokens.get("fingerprint"), run.corpus.get("sha256_of_hashes"))
        of_what = (str(run.settings.get("objective")), *(str(one or run.name) for one in known))
        found.setdefault((run.objective, *of_what), []).append(run)
    kinds = [kind for kind, *_ in found]
    named = (kind if kinds.count(kind) == 1 else f"{kind} ({found[kind, *rest][0].name})" for kind, *rest in found)
    return dict(zip(named, found.values(), strict=True))


def _losses(what: str, runs: Sequence[RunFacts], several: bool) -> list[Figure]:
    lines: list[Series | None] = []
    for run in runs:
        before = f"{run.name}: " if len(runs) > 1 else ""
        lines += [
            _series(f"{before}training", run, run.train, "loss"),
            _series(f"{before}held out", run, run.measured, "loss"),
        ]
    caption = (
        f"Loss of the objective {what}. The line is the mean of neighbouring records, the band goes from the lowest to "
        "the highest."
    )
    if several:
        caption += " It is of this objective and vocabulary alone: compare it with no other chart."
    return _figure(f"Loss: {what}", caption, Axis("nats per scored token"), lines)


def _series(title: str, run: RunFacts, records: Sequence[Mapping[str, Any]], name: str) -> Series | None:
    """Return a line of some records over the tokens read; None where none has a number."""
    per_step = int(run.plan.get("tokens_per_step") or 1)
    points = [(step * float(per_step), value) for step, value in series(records, name)]
    if not points:
        return None
    groups = _binned(points)
    x, y = ([sum(point[column] for point in group) / len(group) for group in groups] for column in (0, 1))
    if len(groups) == len(points):
        return Series(visible(title), x, y)
    low, high = ([pick(point[1] for point in group) for group in groups] for pick in (min, max))
    return Series(visible(title), x, y, low, high)


def _binned(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    if len(points) <= _BINS:
        return [[point] for point in points]
    first, last = points[0][0], points[-1][0]
    width = (last - first) / _BINS or 1.0
    found: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        found.setdefault(min(_BINS - 1, int((point[0] - first) / width)), []).append(point)
    return list(found.values())


def _figure(title: str, caption: str, axis: Axis, lines: Sequence[Series | None]) -> list[Figure]:
    """Return a chart with a table of some of its points; nothing where there is no series."""
    drawn = tuple(one for one in lines if one is not None)
    if not drawn:
        return []
    chart = Chart(visible(title), visible(caption), _TOKENS, axis, drawn)
    rows = []
    for one in drawn:
        for place in _chosen(len(one.x)):
            ends = f"{axis.text(one.low[place] or 0.0)} to {axis.text(one.high[place] or 0.0)}" if one.low else ""
            rows.append((one.name, _TOKENS.text(one.x[place]), axis.text(one.y[place] or 0.0), ends))
    kept = 4 if any(row[3] for row in rows) else 3
    columns = ("line", _TOKENS.label, axis.label, "lowest to highest")[:kept]
    return [Figure(chart, Table(caption, columns, tuple(row[:kept] for row in rows)))]


def _chosen(number: int) -> list[int]:
    """Return at most so many places at equal distances, the first and the last among them."""
    if number <= _ROWS:
        return list(range(number))
    return sorted({round(place * (number - 1) / (_ROWS - 1)) for place in range(_ROWS)})
