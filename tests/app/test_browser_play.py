"""The playground in a real Chromium: with the keyboard alone, at any size, in every scheme, all on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import accessible, fits, served, tab
from small_models import SMALL_RUN, book

import hornbook as hb

pytestmark = pytest.mark.browser
TABS = ("word", "corruption", "writing", "surprise", "side", "inside")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where two small runs are served."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "book.txt").write_text(book())
    runs = [folder / kind for kind in ("masked", "causal")]
    for run in runs:
        hb.pretrain(folder / "book.txt", objective=run.name, steps=30, out=run, settings=SMALL_RUN, plain=True)
    with served("play", *runs) as found:
        yield found


def opened(page: Any, address: str, name: str) -> Any:
    """Open a tab of the page, wait until its models are there, and return the tab's panel."""
    page.goto(f"{address}/play#{name}")
    page.wait_for_function("() => document.querySelectorAll('.runs input').length === 2")
    return page.locator(f"#panel-{name}")


def answered(page: Any, panel: Any, name: str) -> None:
    """Bring a tab into the state in which it shows most."""
    if name == "word":
        panel.get_by_label("Your word for the gap").fill("dog")
        panel.get_by_role("button", name="That is my word").click()
        panel.get_by_role("button", name="Next sentence").wait_for()
        for summary in panel.locator("summary").all():
            summary.click()
    elif name == "corruption":
        panel.locator(".spot").first.wait_for()
    elif name == "writing":
        panel.get_by_label("New tokens", exact=True).fill("12")
        panel.get_by_role("button", name="Write").click()
        page.wait_for_function("() => document.querySelectorAll('button.token').length === 12")
        panel.locator("button.token").nth(1).click()
        panel.get_by_role("heading", name="The next token").wait_for()
    elif name in ("surprise", "side"):
        panel.get_by_role("button", name=re.compile("Measure|Compare")).click()
        panel.locator(".card > p > b").nth(1).wait_for()
        if name == "side":
            panel.get_by_role("heading", name=re.compile("settings differ")).wait_for()
    else:
        for button in panel.get_by_role("button", name="Look").all():
            button.click()
        panel.locator(".grid-picture").wait_for()
        panel.locator(".line").first.wait_for()


@pytest.mark.parametrize("name", TABS)
def test_every_tab_is_for_everybody(page: Any, address: str, name: str) -> None:
    panel = opened(page, address, name)
    answered(page, panel, name)
    accessible(page)
    fits(page)


def test_the_game_is_played_to_its_end_with_the_keyboard_alone(page: Any, address: str) -> None:
    panel = opened(page, address, "word")
    page.locator("#tab-word").focus()
    while not page.evaluate("() => document.activeElement.classList.contains('gap')"):
        page.keyboard.press("Tab")
    for number in range(10):
        page.keyboard.type("cat" if number == 0 else "dog")
        page.keyboard.press("Enter")
        page.wait_for_function("() => /Next sentence|Play again/.test(document.activeElement.textContent)")
        assert panel.get_by_text(f"Round {number + 1} of 10").is_visible()
        assert panel.locator("article.card").count() == 3  # two models, and the word counts
        if number == 0:
            assert panel.locator("article.card").first.get_by_text("your word", exact=True).is_visible()
            rows = panel.get_by_role("group", name="The score").locator("tbody tr").all_inner_texts()
            assert [row.split("\t")[0] for row in rows] == ["You", "masked", "causal", "Word counts"]
            assert rows[0].split("\t")[1:] == ["1 of 1", "0.69"]  # half sure, and right
        if number < 9:
            page.keyboard.press("Enter")
            page.wait_for_function("() => document.activeElement.classList.contains('gap')")
    assert "1 of 10" in panel.get_by_role("group", name="The score").inner_text()
    page.keyboard.press("Enter")  # play again
    page.wait_for_function("() => document.activeElement.classList.contains('gap')")
    assert panel.get_by_role("group", name="The score").count() == 0


def test_a_text_is_stopped_and_goes_on_from_another_token(page: Any, address: str) -> None:
    panel = opened(page, address, "writing")
    panel.get_by_label("New tokens", exact=True).fill("256")
    panel.get_by_role("button", name="Write").click()
    panel.get_by_role("button", name="Stop").click()  # as soon as it is there to be pressed
    panel.get_by_role("button", name="Write", disabled=False).wait_for()
    panel.get_by_label("New tokens", exact=True).fill("40")
    panel.get_by_role("button", name="Write").click()
    page.wait_for_function("() => document.querySelectorAll('button.token').length === 40")
    before = panel.locator("button.token").all_inner_texts()
    panel.locator("button.token").nth(3).click()
    alternatives = panel.locator(".next button.chip")
    names = [name.replace("·", "") for name in alternatives.all_inner_texts()]
    other = next(place for place, name in enumerate(names) if name != before[3])
    alternatives.nth(other).click()
    page.wait_for_function("() => document.querySelectorAll('button.token.chosen').length === 1")
    page.wait_for_function("() => document.querySelectorAll('button.token').length > 40")
    after = panel.locator("button.token").all_inner_texts()
    assert after[:3] == before[:3]
    assert after[3] == names[other]


def test_two_models_with_unlike_words_are_compared_where_both_have_an_end(page: Any, address: str) -> None:
    opened(page, address, "side")
    compared = """async ([first, second]) => {
      const words = (pairs) => pairs.map(([text, nats]) => ({ text, nats }));
      const found = (await import("/static/play-surprise.mjs")).differences(words(first), words(second));
      return found.map(({ text, by }) => [text, Number.isNaN(by) ? null : by]);
    }"""
    first = [["The", 1.0], [" cat", 2.0], [".", 3.0]]
    second = [["The", 0.5], [" c", 1.0], ["at.", 1.5]]
    assert page.evaluate(compared, [first, second]) == [["The", 0.5], [" cat.", 2.5]]
    assert page.evaluate(compared, [[["The", None], *first[1:]], first]) == [["The", None], [" cat", 0], [".", 0]]


def test_a_slider_changes_the_picture_and_a_refusal_is_told(page: Any, address: str) -> None:
    panel = opened(page, address, "corruption")
    sentinels = panel.locator(".spot.sentinel")
    sentinels.first.wait_for()
    few = sentinels.count()
    panel.get_by_label("Density", exact=True).fill("0.5")
    page.wait_for_function("few => document.querySelectorAll('.spot.sentinel').length > few", arg=few)
    assert panel.locator(".band path").count() == sentinels.count() // 2
    panel.get_by_label("Tokenizer").select_option(label="of masked")
    panel.get_by_text("lacks").wait_for()
    panel.get_by_label("Density, typed").fill("1.5")
    refusal = panel.get_by_role("alert")
    refusal.wait_for()
    assert refusal.inner_text() == "objective.density must be a number above 0 and below 1, not '1.5'."
    panel.get_by_label("Density, typed").fill("0.3")
    refusal.wait_for(state="detached")
    panel.get_by_label("Objective").select_option("masked")
    panel.get_by_label("Static", exact=True).fill("2")
    panel.get_by_text("comes again after 2 epochs").wait_for()
    mask = panel.get_by_role("group", name=re.compile("Who sees whom"))
    panel.locator("summary").click()
    mask.focus()
    page.keyboard.press("ArrowDown")
    assert panel.get_by_text(re.compile(r"^Position 1, .* It sees position 0")).is_visible()


def test_without_a_run_the_page_opens_on_the_corruption_viewer(chromium: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with served("play") as address, tab(chromium) as page:
        page.goto(address)
        page.locator(".spot.sentinel").first.wait_for()
        assert page.locator("#panel-corruption h1").is_visible()
        page.locator("#tab-writing").click()
        assert page.get_by_text("This needs a trained model").is_visible()
    with served("play", tmp_path / "empty") as address, tab(chromium) as page:
        page.goto(address)
        page.get_by_text("There is no run and no Hugging Face model in").wait_for()
