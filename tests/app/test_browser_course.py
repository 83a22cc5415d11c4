"""The course in a real Chromium: reading, an exercise and the quiz by keyboard alone, pictures of the reader's text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import accessible, fits, served

from hornbook.course import chapters, questions

pytestmark = pytest.mark.browser
LOOKED_AT = ("", "4", "9", "quiz")  # by axe: each kind of part is among them


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("course")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served("course", cwd=folder) as found:
        yield f"{found}/course"


@pytest.fixture
def opened(page: Any, address: str) -> Any:
    page.emulate_media(reduced_motion="reduce")  # a colour on its way has the contrast of neither end
    page.goto(address)
    page.get_by_role("heading", level=1).wait_for()
    return page


def tab_to(opened: Any, role: str, name: str) -> None:
    """Press Tab until a control has the focus."""
    wanted = opened.get_by_role(role, name=name, exact=True).first
    for _ in range(200):
        if wanted.evaluate("node => node === document.activeElement"):
            return
        opened.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {name}")


def test_a_chapter_is_opened_and_read_by_keyboard(opened: Any) -> None:
    tab_to(opened, "link", "8 Numbers")
    opened.keyboard.press("Enter")
    opened.get_by_role("heading", level=1, name="8 Numbers").wait_for()
    assert opened.evaluate("document.activeElement.tagName") == "ARTICLE"
    opened.get_by_text("Chapter 8, Numbers.").wait_for()  # in the status line
    assert "loss 2.4249 nats per token" in opened.locator(".said").first.inner_text()
    opened.get_by_role("link", name="Next: 9 Scaling and cost").wait_for()


def test_an_exercise_is_solved_by_keyboard_and_kept(opened: Any, folder: Path) -> None:
    opened.goto(opened.url.partition("#")[0] + "#8")
    tab_to(opened, "textbox", "Your answer to 8.1")
    opened.keyboard.type("4.6166")
    opened.keyboard.press("Enter")
    exercise = opened.get_by_role("region", name="Exercise 8.1")
    exercise.get_by_text("not yet. That is the loss in bits").wait_for()
    opened.keyboard.press("Control+a")
    opened.keyboard.type("24.5325")
    opened.keyboard.press("Enter")
    exercise.get_by_text("right. With a loss of 3.2 nats").wait_for()
    opened.get_by_role("heading", name="Exercise 8.1 (solved)").wait_for()
    assert json.loads((folder / "course" / "progress.json").read_text())["exercises"] == {"8.1": True}
    assert opened.evaluate("Object.keys(localStorage)") == []


def test_the_quiz_is_answered_by_keyboard(opened: Any) -> None:
    tab_to(opened, "link", "Quiz")
    opened.keyboard.press("Enter")
    question = questions()[0]
    right = question.options.index(question.right)
    group = opened.get_by_role("group", name=f"1. {question.question}")
    group.wait_for()
    tab_to(opened, "radio", f"A: {question.options[0]}")
    opened.keyboard.press("Space")
    for _ in range(right):
        opened.keyboard.press("ArrowDown")
    tab_to(opened, "button", "Answer 1")
    opened.keyboard.press("Enter")
    opened.locator("form").first.get_by_text(f"Right. {question.why}").wait_for()
    opened.get_by_text("12 questions. 1 answered right so far.").wait_for()


def test_pictures_are_of_the_readers_text_in_every_chapter(opened: Any) -> None:
    opened.goto(opened.url.partition("#")[0] + "#4")
    box = opened.get_by_label("Your text: the pictures below are of it")
    opened.locator(".drawn .chip", has_text="brown").first.wait_for()
    box.fill("Seven green frogs sing <b>loudly</b> tonight.")
    opened.locator(".drawn .chip", has_text="frogs").first.wait_for()
    opened.get_by_role("link", name="0 A model in front of you", exact=True).click()
    opened.get_by_role("heading", level=1, name="0 A model in front of you").wait_for()
    opened.locator(".drawn .chip", has_text="frogs").first.wait_for()
    opened.get_by_label("Your text: the pictures below are of it").fill("")
    opened.get_by_text("There is no text to show").first.wait_for()


def test_a_notebook_is_saved(opened: Any) -> None:
    opened.goto(opened.url.partition("#")[0] + "#3")
    with opened.expect_download() as saved:
        opened.get_by_role("button", name="Open as notebook").click()
    assert saved.value.suggested_filename == "03_masked.ipynb"
    assert json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))["nbformat"] == 4


def test_every_part_is_accessible_and_fits(opened: Any) -> None:
    parts = ["", *(str(one.number) for one in chapters()), "quiz"]
    for part in parts:
        opened.goto(opened.url.partition("#")[0] + f"#{part}")
        title = next((f"{one.number} {one.title}" for one in chapters() if str(one.number) == part), "")
        opened.get_by_role(
            "heading", level=1, name=title or ("Quiz" if part else "Pre-training, by doing it")
        ).wait_for()
        for one in opened.locator(".drawn").all():
            one.locator(".chip").first.wait_for()
        fits(opened)
        if part in LOOKED_AT:
            accessible(opened)


def test_a_drawing_has_its_words(opened: Any, address: str) -> None:
    opened.goto(f"{address}#9")
    opened.get_by_role("heading", level=1, name="9 Scaling and cost").wait_for()
    assert opened.get_by_role("img").first.get_attribute("alt").startswith("Loss by model size")
