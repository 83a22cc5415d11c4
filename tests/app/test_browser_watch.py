"""The page "watch" in a real Chromium: a run that trains meanwhile, keys alone, both schemes, narrow windows."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import accessible, fits, served, tab
from small_models import SMALL_RUN, book

import hornbook as hb

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three finished runs of two objectives, on one text."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "book.txt").write_text(book())
    settings = {**SMALL_RUN, "training.threads": 1, "training.samples": 1, "training.evaluate_every": 5}
    for name, objective, seed in (("a", "causal", 0), ("b", "causal", 1), ("c", "masked", 0)):
        hb.pretrain(
            folder / "book.txt", objective=objective, steps=20, seed=seed, out=folder / "runs" / name,
            settings=settings, plain=True,
        )  # fmt: skip
    return folder / "runs"


@pytest.fixture(scope="module")
def address(runs: Path) -> Iterator[str]:
    with served("watch", runs) as found:
        yield found


@pytest.fixture
def shown(chromium: Any, address: str) -> Iterator[Any]:
    """The page with all its charts drawn."""
    with tab(chromium, reduced_motion="reduce", accept_downloads=True) as page:
        page.clock.install()
        page.goto(f"{address}/watch")
        page.wait_for_selector(".plot canvas")
        page.wait_for_function("document.querySelectorAll('.plot canvas').length === 4")
        page.wait_for_selector("text=What it says of the same texts")
        yield page


def chart(page: Any, title: str) -> Any:
    return page.locator("figure").filter(has=page.get_by_role("heading", name=re.compile(title)))


def test_a_run_that_is_training_is_watched_as_it_goes_and_stops(chromium: Any, tmp_path: Path) -> None:
    """The run's own process trains meanwhile; its curve grows, and its end is told without a new page."""
    (tmp_path / "book.txt").write_text(book())
    lines = [f"{name}={value}" for name, value in {**SMALL_RUN, "training.threads": 1}.items()]
    (tmp_path / "runs").mkdir()
    command = [sys.executable, "-m", "hornbook", "pretrain", tmp_path / "book.txt", "--steps", "20000", "--plain"]
    with served("watch", tmp_path / "runs") as address, tab(chromium) as page:
        page.goto(f"{address}/watch")
        page.wait_for_selector("text=There are no runs below")
        process = subprocess.Popen(
            [*map(str, command), "--out", str(tmp_path / "runs" / "live"), *lines],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        try:
            page.wait_for_selector("text=/training \\d+ %, .* left/", timeout=120_000)
            slider = page.get_by_role("slider", name=re.compile("^Loss, causal"))
            before = slider.get_attribute("aria-valuetext")
            page.wait_for_function(
                "before => document.querySelector('.plot')?.getAttribute('aria-valuetext') !== before", arg=before
            )
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        page.wait_for_selector("text=/stopped at \\d+/", timeout=60_000)
        page.wait_for_selector("text=Stopped at step")


def test_a_watched_run_is_played_with_once_it_is_asked_for(chromium: Any, runs: Path) -> None:
    with served("watch", runs) as address, tab(chromium) as page:
        page.goto(f"{address}/watch")
        page.get_by_role("button", name="Play with it").first.click()
        page.wait_for_url(f"{address}/play")
        page.wait_for_selector("text=/(causal|masked), .*, step 20/", timeout=60_000)
        page.goto(f"{address}/watch")
        page.get_by_role("button", name="Play with it").first.click()
        page.wait_for_url(f"{address}/play")
        page.wait_for_selector("text=/(causal|masked), .*, step 20/")
        assert page.locator("text=/step 20/").count() == 1, "the same run is there once"


def test_unlike_losses_have_charts_of_their_own_and_a_table_with_the_same_numbers(shown: Any, runs: Path) -> None:
    assert [re.sub(r"\W+", " ", text) for text in shown.locator("figure h3").all_inner_texts()] == [
        "Loss causal nats per scored token",
        "Loss masked nats per scored token",
        "Held out text bits per byte",
        "tokens per second",
    ]
    shown.get_by_label(re.compile("^Smooth")).fill("0")
    one = chart(shown, "^Loss, causal")
    one.get_by_text("Table", exact=True).click()
    rows = {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in one.locator("tbody tr").all()
    }
    assert set(rows) == {"a", "b", "a, held out", "b, held out"}
    for name in ("a", "b"):
        train = [record["loss"] for record in hb.load(runs / name).metrics() if record["kind"] == "train"]
        assert [float(rows[name][0]), float(rows[name][-1])] == pytest.approx([train[0], train[-1]], rel=1e-3)
    with shown.expect_download() as got:
        one.get_by_role("button", name="CSV").click()
    text = Path(got.value.path()).read_text()
    assert text.splitlines()[0] == '"step","a","a, held out","b","b, held out"' and len(text.splitlines()) == 21
    with shown.expect_download() as got:
        one.get_by_role("button", name="SVG").click()
    svg = Path(got.value.path()).read_text()
    assert svg.startswith("<svg xmlns=") and "Loss, causal" in svg and svg.count("b, held out") == 1
    bits = chart(shown, "bits per byte")
    bits.get_by_text("Table", exact=True).click()
    assert bits.locator("tbody th").all_inner_texts() == ["a", "b"]  # of the masked model they are not defined


def test_the_keyboard_alone_moves_the_cursor_chooses_runs_and_limits_the_axis(shown: Any) -> None:
    slider = chart(shown, "^Loss, causal").get_by_role("slider")
    slider.focus()
    shown.keyboard.press("Home")
    assert (slider.get_attribute("aria-valuetext") or "").startswith("step 1: a ")
    shown.keyboard.press("ArrowRight")
    assert (slider.get_attribute("aria-valuetext") or "").startswith("step 2: a ")
    assert chart(shown, "^Loss, causal").locator(".reading").inner_text().startswith("step 2: a ")
    shown.keyboard.press("End")
    assert "held out" in (slider.get_attribute("aria-valuetext") or "")
    shown.get_by_role("checkbox", name=re.compile("^c ")).focus()
    shown.keyboard.press("Space")
    shown.wait_for_function("document.querySelectorAll('figure').length === 3")
    shown.get_by_label("From", exact=True).fill("5")
    shown.get_by_label("log up").check()
    shown.get_by_label("log along").check()
    shown.get_by_role("combobox", name=re.compile("^Along")).select_option("time")
    shown.wait_for_function("document.querySelectorAll('.plot canvas').length === 3")
    shown.get_by_label("Filter").fill("nothing like that")
    shown.wait_for_selector("text=No run contains")


def test_pause_and_a_hidden_page_ask_for_nothing(shown: Any) -> None:
    asked: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))

    def hide(hidden: bool) -> None:
        shown.evaluate(
            "hidden => { Object.defineProperty(document, 'hidden', {get: () => hidden, configurable: true});"
            " document.dispatchEvent(new Event('visibilitychange')); }",
            hidden,
        )

    with shown.expect_response("**/api/records"):
        shown.clock.fast_forward(31_000)
    shown.get_by_role("button", name="Pause").click()
    shown.wait_for_selector("text=Paused.")
    asked.clear()
    shown.clock.fast_forward(600_000)
    shown.evaluate("() => new Promise(done => requestAnimationFrame(done))")
    assert asked == []
    with shown.expect_response("**/api/records"):
        shown.get_by_role("button", name="Go on").click()
    hide(True)
    asked.clear()
    shown.clock.fast_forward(600_000)
    shown.evaluate("() => new Promise(done => requestAnimationFrame(done))")
    assert asked == []
    with shown.expect_response("**/api/records"):
        hide(False)


def test_it_is_accessible_and_fits(shown: Any) -> None:
    for title in ("^Loss, causal", "^tokens per second"):
        chart(shown, title).get_by_text("Table", exact=True).click()
    accessible(shown)
    fits(shown)
    wide = shown.locator(".plot").first.evaluate("box => box.clientWidth - box.querySelector('canvas').clientWidth")
    assert abs(wide) <= 1  # a chart follows its box


_CONTRAST = """box => {
  const canvas = box.querySelector("canvas"), { width, height } = canvas;
  const flat = document.createElement("canvas");
  Object.assign(flat, { width, height });
  const ctx = flat.getContext("2d", { willReadFrequently: true });
  ctx.fillStyle = getComputedStyle(box.closest(".card")).backgroundColor;
  ctx.fillRect(0, 0, width, height);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const paper = light(ctx.getImageData(0, 0, 1, 1).data);
  ctx.drawImage(canvas, 0, 0);
  const best = (x, y, w, h) => {
    const { data } = ctx.getImageData(x, y, w, h);
    let most = 1;
    for (let at = 0; at < data.length; at += 4) {
      const one = light(data.subarray(at, at + 3));
      most = Math.max(most, (Math.max(one, paper) + 0.05) / (Math.min(one, paper) + 0.05));
    }
    return most;
  };
  const [left, right, top] = [0.14 * width, 0.8 * width, 0.86 * height].map(Math.round);
  return {
    left: best(0, 0, left, top), right: best(right, 0, width - right, top),
    under: best(left, top, right - left, height - top),
  };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_written_in_a_chart_has_contrast(scheme: str, shown: Any) -> None:
    """No checker sees into a canvas: the pixels of its numbers and names are measured, in the other scheme too."""
    shown.emulate_media(color_scheme=scheme)
    shown.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    for number in range(4):
        found = shown.locator(".plot").nth(number).evaluate(_CONTRAST)
        assert min(found.values()) >= 4.5, (number, found)


def test_the_switch_of_the_scheme_draws_charts_anew(shown: Any) -> None:
    shown.get_by_role("button", name="Dark").click()
    shown.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert min(shown.locator(".plot").first.evaluate(_CONTRAST).values()) >= 4.5


def test_a_stop_is_marked_where_the_record_behind_it_was_thinned(shown: Any) -> None:
    marks = """async (stops) => {
      const { chartsOf } = await import("/static/watch.mjs");
      const columns = { step: [1, 4, 8, 12], seconds: [1, 4, null, 30], loss: [4, 3, 2, 1] };
      const run = { number: 0, name: "a", group: "g", text: "t", objective: "causal", tokens: 10, flops: null };
      const empty = { step: [], seconds: [], loss: [], bits_per_byte: [] };
      const tip = { step: [], seconds: [], loss: [] };
      const store = { data: new Map([[0, { columns, tip, held_out: empty, stops }]]), focus: null };
      const [charts] = chartsOf(store, [{ name: "a", runs: [run] }], { axis: "tokens", half: 0, measure: "loss" });
      return charts[0].marks;
    }"""
    assert shown.evaluate(marks, [4, 6, 40]) == [40, 80]
