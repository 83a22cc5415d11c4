"""Chapters as percent scripts: what is read is what was written, and what is wrong is told with its line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.course.cells import Cell, Corrupt, parse, prose, render
from hornbook.errors import UserError

_LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=20).map(str.rstrip)
_SOURCE = st.lists(_LINE, min_size=1, max_size=5).map("\n".join).map(lambda text: text.strip("\n"))
_PROSE = _SOURCE.filter(lambda text: not any(line.startswith("%%") for line in text.split("\n")))
_CODE = _SOURCE.filter(lambda text: not any(line.startswith("# %%") for line in text.split("\n")))
_EXERCISE = st.tuples(_CODE, st.integers(0, 20), st.integers(1, 20)).map(
    lambda made: Cell(
        "exercise", f'# task\n# solution\nx = {made[0]!r}\ncheck("{made[1]}.{made[2]}", x)', f"{made[1]}.{made[2]}"
    )
)
_CELL = st.one_of(
    st.builds(Cell, st.just("markdown"), _PROSE),
    st.builds(Cell, st.sampled_from(["code", "tutorial"]), _CODE),
    _EXERCISE,
)


def bare(cells: tuple[Cell, ...] | list[Cell]) -> list[tuple[str, str, str]]:
    return [(cell.kind, cell.source, cell.exercise) for cell in cells]


@settings(max_examples=50, deadline=None)
@given(st.lists(_CELL, min_size=1, max_size=6))
def test_what_is_written_is_read_again(cells: list[Cell]) -> None:
    text = render(cells)
    found = parse(text, "x.py")
    assert bare(found) == bare(cells)
    assert render(found) == text
    lines = text.splitlines()
    assert all(lines[cell.line - 1].startswith("# %%") for cell in found)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "x.py is no chapter"),
        ("import os\n# %%\n", "its first line must begin a cell"),
        ("# %%\n\n# %% [code]\n", "x.py, line 3: a cell begins with # %%"),
        ("# %% exercise\n", "line 1: a cell begins"),
        ("# %% [markdown]\n# fine\nnot fine\n", "line 1: each line of prose begins with #, and this one does not: not"),
        ("# %% exercise 1.1\ncheck('1.1', 3)\n", "an exercise has one line # solution"),
        ("# %% exercise 1.1\n# solution\nx = 3\n", r'ends with check\("1.1", NAME\)'),
        ("# %% exercise 1.1\n# solution\ncheck('1.2', x)\n", r'ends with check\("1.1", NAME\)'),
        ("# %% exercise 1.1\n# solution\ncheck('1.1', 3)\n", r'ends with check\("1.1", NAME\)'),
        ("# %% exercise 1.1\n# solution\nx = (\n", r'ends with check\("1.1", NAME\)'),
    ],
)
def test_what_is_no_chapter_is_refused_with_its_line(text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        parse(text, "x.py")


def test_the_reader_gets_an_exercise_without_its_solution() -> None:
    (cell,) = parse(
        '# %% exercise 2.1\n# How many?\ngiven = 3\n# solution\nmany = given * 7\ncheck("2.1", many)\n', "x"
    )
    assert cell.asked == '# How many?\ngiven = 3\nmany = ...  # your answer\ncheck("2.1", many)'
    assert cell.task == "How many?"


def test_prose_parts_at_pictures() -> None:
    found = prose("before\n\n:::corrupt kind=span density=0.3 roll=true\n\nafter\n:::corrupt kind=causal")
    assert found == [
        "before\n\n", Corrupt("span", (("density", "0.3"), ("roll", "true"))), "\n\nafter\n", Corrupt("causal")
    ]  # fmt: skip
