"""Exercises: every right answer is right, every usual slip has its own hint, and what is kept is kept in one file."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from hornbook.course import check
from hornbook.course.answers import answers, checked, read_answer
from hornbook.course.reader import progress, record
from hornbook.errors import UserError


@pytest.mark.parametrize(
    ("exercise", "value"),
    [
        ("0.1", math.log(2000)),
        ("8.1", math.exp(3.2)),  # E1
        ("8.2", math.exp(2.8)),
        ("8.3", math.exp(0.4)),
        ("8.4", 2.8 / math.log(2)),
        ("8.6", 3200 / math.log(2) / 4200),
        ("9.1", 100 * (5.88e23 / 5.04e23 - 1)),  # F2
        ("9.2", 3.15e23),  # E2
        ("9.3", 300 / 175),
        ("9.4", 91.287e9),
        ("9.5", 1.8257e12),
        ("9.6", 3.726e9),
        ("10.3", "Not  tested"),
    ],
)
def test_the_known_answers_are_right(exercise: str, value: object) -> None:
    assert checked(exercise, value).right


@pytest.mark.parametrize(
    ("exercise", "value", "hint"),
    [
        ("8.1", 3.2 / math.log(2), "in bits"),
        ("8.1", 2**3.2, "the base is e"),
        ("8.1", math.exp(-3.2), "sign is turned around"),
        ("8.3", 3.2 / 2.8, "their difference counts"),
        ("8.3", math.exp(-0.4), "turn it around"),
        ("8.5", math.exp(3.0), "mean of the two means"),
        ("8.5", (math.exp(2) + math.exp(4)) / 2, "mean of the two perplexities"),
        ("8.6", 3200 / 4200, "in nats per byte"),
        ("9.2", 2 * 175e9 * 300e9, "forward pass alone"),
        ("9.3", 499 / 175, "499 billion tokens of the corpus"),
        ("9.4", math.sqrt(1e24 / 20), "The 6 is missing"),
        ("9.4", 91.287, "times 1e9"),
        ("10.3", "better", "not known"),
        ("8.1", 30, "too large"),
        ("8.1", 1, "too small"),
        ("8.1", "a", "one number"),
        ("8.1", math.nan, "one number"),
        ("8.1", [24.53], "one number"),
        ("8.7", 3, "It is a text"),
    ],
)
def test_a_usual_slip_has_its_hint(exercise: str, value: object, hint: str) -> None:
    found = checked(exercise, value)
    assert found.right is False and hint in found.says


@pytest.mark.parametrize("exercise", answers())
def test_the_slips_of_an_exercise_are_told_apart(exercise: str) -> None:
    answer = answers()[exercise]
    assert checked(exercise, answer.value).right
    for slip in answer.slips:
        found = checked(exercise, slip.value)
        assert found.right is False and slip.says in found.says


@pytest.mark.parametrize("value", [np.float32(24.5325), np.array(24.5325), torch.tensor(24.5325), 24.53])
def test_numbers_come_from_any_library(value: object) -> None:
    assert checked("8.1", value).right


def test_three_points_are_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not check("8.1", ...)
    assert list(tmp_path.iterdir()) == []


def test_an_answer_is_kept_and_stays_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not check("8.1", 4.6166)
    assert check("8.1", 24.5325)
    assert not check("8.1", 1)
    record("quiz", "3", False)
    kept = json.loads((tmp_path / "course" / "progress.json").read_text())
    assert kept == progress() == {"exercises": {"8.1": True}, "quiz": {"3": False}}
    assert capsys.readouterr().out.count("Exercise 8.1: not yet.") == 2


def test_a_damaged_record_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "course").mkdir()
    for content in ("{", "[1]", '{"exercises": 3}'):
        (tmp_path / "course" / "progress.json").write_text(content)
        with pytest.raises(UserError, match=r"record of your progress at course.progress\.json is damaged"):
            record("exercises", "8.1", True)


def test_what_is_typed_is_read_as_the_answer_is() -> None:
    assert read_answer("8.1", "2.45e1") == 24.5
    assert read_answer("8.7", "bits per byte") == "bits per byte"
    with pytest.raises(UserError, match="without commas"):
        read_answer("9.2", "3,15")
    with pytest.raises(UserError, match=r"There is no exercise 77\.1"):
        checked("77.1", 3)
