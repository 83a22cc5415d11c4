"""Charts of a fit: drawn from the summary, with its numbers."""

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from hornbook.scaling.fit import fit_law
from hornbook.scaling.laws import Law
from hornbook.scaling.pictures import pictures, write_pictures
from hornbook.scaling.points import Points
from hornbook.scaling.summary import summary

LAW = Law(1.8, 480.0, 2000.0, 0.35, 0.37)


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    budgets = np.repeat([1e18, 1e19, 1e20, 1e21], 7)
    best = np.array([LAW.optimum(float(c))[0] for c in budgets])
    size = best * np.tile([1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8], 4)
    tokens = budgets / 6 / size
    noise = np.exp(np.random.default_rng(0).normal(0, 0.003, len(size)))
    loss = np.array([LAW.loss(float(n), float(d)) for n, d in zip(size, tokens, strict=True)]) * noise
    points = Points(size, tokens, budgets, loss)
    return summary(points, fit_law(points))


def test_isoflop_curves_have_their_lowest_point_where_approach_2_says(found: dict[str, object]) -> None:
    chart = pictures(found)["isoflop"]
    curves = [series for series in chart.series if series.kind == "line"]
    assert len(curves) == 4 and sum(len(s.x) for s in chart.series if s.kind == "points") == 28
    for curve, said in zip(curves, found["isoflops"], strict=True):  # type: ignore[arg-type]
        lowest = min(zip(curve.y, curve.x, strict=True))[1]
        assert abs(math.log(lowest / said["best"])) < math.log(64) / 39  # a step of the curve


def test_residuals_are_those_of_the_summary(found: dict[str, object]) -> None:
    runs, line = pictures(found)["residuals"].series
    assert sorted(runs.y) == sorted(point["residual"] for point in found["residuals"])  # type: ignore[attr-defined]
    assert list(runs.x) == sorted(runs.x) and set(line.y) == {0.0}


def test_without_a_law_there_is_no_chart_of_it(found: dict[str, object], tmp_path: Path) -> None:
    assert set(pictures(found | {"residuals": [], "isoflops": []})) == set()
    written = write_pictures(found, tmp_path)
    assert [path.name for path in written] == ["isoflop.svg", "residuals.svg"]
    for path in written:
        ET.parse(path)
        assert path.with_suffix(".md").read_text().count("|") > 20
