"""What the course's page is told: prose as trees of few tags, code in pieces, answers that are checked and kept."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from hornbook.app.course import (
    Asked,
    Chosen,
    Given,
    answered,
    checked,
    course_page,
    notebook,
    session,
    shown_chapter,
    spans,
    tree,
)  # fmt: skip
from hornbook.app.serving.endpoints import Refused
from hornbook.course import chapters, questions
from hornbook.errors import UserError

EACH = pytest.mark.parametrize("number", [one.number for one in chapters()])


def tags(nodes: list[Any]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, list):
            yield node[0]
            yield from tags(node[1:])


def test_markdown_becomes_a_tree_of_texts() -> None:
    assert tree("# A *b*\n\n- one\n- `two`\n\nx <b>y</b>\nz") == [
        ["h1", "A ", ["em", "b"]],
        ["ul", ["li", "one"], ["li", ["code", "two"]]],
        ["p", "x <b>y</b>", " ", "z"],
    ]
    assert tree("    code <x>\n    two") == [["pre", "code <x>\ntwo"]]
    assert tree("[a](javascript:b) ![c](d)") == [["p", "[a](javascript:b) ![c](d)"]]


@EACH
def test_a_chapter_has_only_tags_that_the_page_knows(number: int) -> None:
    source = files("hornbook.app").joinpath("static", "course.mjs").read_text(encoding="utf-8")
    found = re.search(r'TAGS = new Set\("([a-z0-9 ]+)"', source)
    assert found
    known = set(found[1].split())
    cells = shown_chapter(number)["cells"]
    used = {tag for cell in cells for piece in cell.get("pieces", ()) for tag in tags(piece.get("tree", []))}
    assert "h1" in used and used <= known
    json.dumps(cells, allow_nan=False)


@EACH
def test_code_is_shown_as_it_is_and_without_solutions(number: int) -> None:
    for cell in shown_chapter(number)["cells"]:
        if cell["kind"] != "prose":
            assert "".join(text for _, text in cell["code"]) == cell["source"]
            assert "# solution" not in cell["source"]
            assert ("said" in cell) == (cell["kind"] != "exercise")


def test_a_drawing_travels_whole() -> None:
    parts = [part for cell in shown_chapter(9)["cells"] for part in cell.get("said", ()) if "image" in part]
    kind, _, drawn = parts[0]["image"].partition("base64,")
    assert kind == "data:image/svg+xml;" and base64.b64decode(drawn).startswith(b"<svg")


def test_python_comes_in_pieces() -> None:
    assert spans("if 3: 'a'  # b") == [
        ["keyword", "if"], ["", " "], ["number", "3"], ["", ": "], ["string", "'a'"], ["", "  "], ["comment", "# b"],
    ]  # fmt: skip


def test_answers_are_checked_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert checked(Given("8.1", " 24.53 "))["right"] is True
    assert "in bits" in checked(Given("8.1", "4.6166"))["says"]
    with pytest.raises(Refused, match="Write your answer first"):
        checked(Given("8.1", "  "))
    with pytest.raises(UserError, match="is no number"):
        checked(Given("8.1", "a"))
    question = questions()[0]
    letter = "ABCD"[question.options.index(question.right)]
    assert answered(Chosen(1, letter)) == {"right": True, "says": answered(Chosen(1, question.right))["says"]}
    with pytest.raises(UserError, match="no option 'E'"):
        answered(Chosen(1, "E"))
    assert session("x")["progress"] == {"exercises": {"8.1": True}, "quiz": {"1": True}}


def test_the_session_gives_no_answer_away() -> None:
    told = json.dumps(session("My text."))
    assert json.loads(told)["text"] == "My text." and len(json.loads(told)["quiz"]) == 12
    assert not any(question.why in told for question in questions())


def test_a_notebook_is_taken_away() -> None:
    found = notebook(Asked(8))
    assert found["name"] == "08_numbers.ipynb" and json.loads(found["text"])["nbformat"] == 4
    with pytest.raises(UserError, match="There is no chapter 11"):
        notebook(Asked(11))


def test_the_page_is_of_the_readers_text(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("Mine. Not shown.", encoding="utf-8")
    assert course_page(tmp_path / "mine.txt").session()["text"] == "Mine."
    with pytest.raises(UserError, match="cannot be read"):
        course_page(tmp_path / "none.txt")
