"""Charts: what a drawing says equals its data, whatever the data; the file is sound, and the same each time."""

from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.charts.chart import Chart, Series, apart
from hornbook.charts.drawing import HEIGHT, WIDTH, style
from hornbook.charts.forest import Forest, Row
from hornbook.charts.scales import Axis, Scale, limits, marks, short

NAMESPACE = "{http://www.w3.org/2000/svg}"
ANY = st.floats(allow_nan=True, allow_infinity=True) | st.none()
NUMBERS = st.floats(min_value=-1e12, max_value=1e12)


def drawn(svg: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter())


def places(svg: str, tag: str) -> list[tuple[float, float]]:
    """Return all corners of the lines or areas of a drawing."""
    points = [e.get("points", "") for e in drawn(svg) if e.tag == NAMESPACE + tag]
    return [(float(x), float(y)) for text in points for x, y in (pair.split(",") for pair in text.split())]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(ANY, ANY), max_size=30), st.text(max_size=40), st.booleans(), st.booleans())
def test_any_data_and_any_name_give_a_sound_drawing_within_its_frame(points, name, log_x, log_y) -> None:
    x, y = [math.nan if a is None else a for a, _ in points], [b for _, b in points]
    chart = Chart(
        name, name, Axis("x", log_x), Axis("y", log_y), (Series(name, x, y), Series("b", x, y, y, y, "points"))
    )
    svg = chart.svg()
    for at, up in [*places(svg, "polyline"), *places(svg, "polygon")]:
        assert -10 <= at <= WIDTH and -10 <= up <= HEIGHT
    assert svg == chart.svg()
    assert "nan" not in re.sub(r"<title.*?</desc>|<text.*?</text>", "", svg)


def test_a_line_goes_through_its_values() -> None:
    chart = Chart("t", "c", Axis("x"), Axis("y", log=True), (Series("a", [0, 5, 10], [1.0, 10.0, 100.0]),))
    (ax, ay), (bx, by), (cx, cy) = places(chart.svg(), "polyline")
    assert math.isclose(bx - ax, cx - bx, abs_tol=0.2) and math.isclose(by - ay, cy - by, abs_tol=0.2)
    assert cy < by < ay  # more is higher
    assert chart.table().rows == (("a", "0", "1"), ("a", "5", "10"), ("a", "10", "100"))


def test_a_gap_is_no_line() -> None:
    whole = Chart("t", "c", Axis("x"), Axis("y"), (Series("a", [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),))
    gap = Chart("t", "c", Axis("x"), Axis("y"), (Series("a", [1, 2, 3, 4, 5], [1, 2, None, 4, 5]),))
    lines = [sum(e.tag == NAMESPACE + "polyline" for e in drawn(chart.svg())) for chart in (whole, gap)]
    assert lines == [1, 2]


def test_long_lines_keep_their_ends_and_few_points() -> None:
    def line(values: list[int]) -> list[tuple[float, float]]:
        return places(Chart("t", "c", Axis("x"), Axis("y"), (Series("a", values, values),)).svg(), "polyline")

    found, short_one = line(list(range(1_000_000))), line([0, 999_999])
    assert len(found) == 400
    assert (found[0], found[-1]) == (short_one[0], short_one[1])


def test_no_colour_tells_series_apart_alone() -> None:
    assert len({style(number) for number in range(18)}) == 18


def test_names_that_are_no_markup_stay_text() -> None:
    svg = Chart("<b>&", "\x00\ud800", Axis('"x"'), Axis("y"), (Series("</text><script>", [1], [1]),)).svg()
    texts = ["".join(e.itertext()) for e in drawn(svg) if e.tag == NAMESPACE + "text"]
    assert "<b>&" in texts and "</text><script>" in texts
    assert not [e for e in drawn(svg) if e.tag.endswith("script")]


def test_a_forest_shows_each_interval_and_the_line_of_no_difference() -> None:
    rows = (Row("a - b", -0.5, -1.0, 0.0, "better"), Row("a - c", 0.5, None, None, "not tested"))
    forest = Forest("t", "c", Axis("bits"), rows)
    segments = [e for e in drawn(forest.svg()) if e.tag == NAMESPACE + "line" and "s0" in e.get("class", "")]
    circles = [float(e.get("cx", "")) for e in drawn(forest.svg()) if e.tag == NAMESPACE + "circle"]
    assert len(segments) == 1 and len(circles) == 2
    low, high = float(segments[0].get("x1", "")), float(segments[0].get("x2", ""))
    assert math.isclose((low + high) / 2, circles[0], abs_tol=0.2)
    assert forest.table().rows[0] == ("a - b", "-0.5", "-1 to 0", "better")
    assert ET.fromstring(Forest("t", "c", Axis("x"), ()).svg()) is not None


@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_marks_are_round_few_and_on_the_axis(values: list[float]) -> None:
    low, high = limits(values, log=False)
    found = marks(low, high, log=False)
    assert 2 <= len(found) <= 7
    assert all(low - 1e-9 * abs(low) <= mark <= high + 1e-9 * abs(high) for mark in found)


@given(st.lists(st.floats(min_value=1e-30, max_value=1e30), min_size=1, max_size=20))
def test_marks_of_logarithms(values: list[float]) -> None:
    low, high = limits(values, log=True)
    assert low > 0
    found = marks(low, high, log=True)
    assert len(found) <= 8 and all(low * 0.999 <= mark <= high * 1.001 for mark in found)
    scale = Scale(low, high, 0, 1, log=True)
    assert all(-0.01 <= scale(value) <= 1.01 for value in values)


@given(st.lists(st.floats(min_value=0, max_value=300), max_size=12))
def test_names_at_the_ends_of_lines_do_not_touch(heights: list[float]) -> None:
    found = apart([(height, "", number) for number, height in enumerate(heights)], 15, 0, 300)
    at = [height for height, _, _ in found]
    assert sorted(number for _, _, number in found) == list(range(len(heights)))
    assert all(b - a >= 14.999 for a, b in itertools.pairwise(at))


@given(st.floats(min_value=1e-20, max_value=1e20))
def test_short_numbers_say_three_digits(value: float) -> None:
    units = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    text = short(value)
    said = float(text[:-1]) * units[text[-1]] if text[-1] in units else float(text)
    assert math.isclose(said, value, rel_tol=0.006)
    assert len(text) <= 8
