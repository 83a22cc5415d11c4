"""Write docs/pictures/pages/: every page as it looks, in light, in dark, and in a window 320 pixels wide.

    python docs/scripts/pages_pictures.py [DIRECTORY]      (or: make pictures)

Three small models are trained for it in DIRECTORY (runs/pictures), a few minutes on two cores; what is there already is
taken. Needs Chromium and the extra `dev`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))
from browser import chromium_or_skip, served, tab

PICTURES = Path(__file__).parents[1] / "pictures" / "pages"
OBJECTIVES, TOKENS = ("masked", "causal", "span"), "1500000"
_WIDE = {"width": 1120, "height": 800}
LOOKS: Mapping[str, Mapping[str, Any]] = {
    "light": {"viewport": _WIDE, "color_scheme": "light"},
    "dark": {"viewport": _WIDE, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 320, "height": 800}, "color_scheme": "light"},
}
Prepare = Callable[[Any, Any], None]  # brings a page, and its panel, into the state that is shown


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/pictures")
    runs = [trained(folder / name) for name in OBJECTIVES]
    PICTURES.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = player.chromium.launch(executable_path=chromium_or_skip(), args=options)
        with served("play", *runs) as address:
            for name, prepare in PLAY.items():
                picture(
                    browser, f"play-{name}", lambda page, name=name, prepare=prepare: play(page, address, name, prepare)
                )
            picture(browser, "watch", lambda page: watch(page, address))
        with served("course", cwd=folder) as address:
            picture(browser, "course", lambda page: course(page, address, ""))
            picture(browser, "chapter", lambda page: course(page, address, "#3"))
            picture(browser, "quiz", lambda page: course(page, address, "#quiz"))
        subprocess.run([sys.executable, "-m", "hornbook", "report", str(runs[1])], check=True)
        picture(browser, "report", lambda page: report(page, runs[1] / "report.html"))
        browser.close()


def trained(run: Path) -> Path:
    """Train a model in a directory that is not there yet."""
    if not (run / "result.json").exists():
        options = [
            "--objective",
            run.name,
            "--tokens",
            TOKENS,
            "--plain",
            "--out",
            str(run),
        ]
        subprocess.run([sys.executable, "-m", "hornbook", "pretrain", "builtin:docs", *options], check=True)
    return run


def picture(browser: Any, name: str, show: Callable[[Any], None]) -> None:
    """Write a page in every look; an error in its console ends the script."""
    for look, options in LOOKS.items():
        with tab(browser, **options, reduced_motion="reduce") as page:
            show(page)
            page.screenshot(path=str(PICTURES / f"{name}-{look}.png"))
        print(f"{name}-{look}.png", flush=True)


def play(page: Any, address: str, name: str, prepare: Prepare) -> None:
    page.goto(f"{address}/play#{name}")
    page.wait_for_function("many => document.querySelectorAll('.runs input').length === many", arg=len(OBJECTIVES))
    panel = page.locator(f"#panel-{name}")
    prepare(page, panel)


def word(page: Any, panel: Any) -> None:
    panel.get_by_role("button", name="My own sentence").click()
    panel.get_by_label(re.compile("sentence", re.I)).first.fill("The function returns a ___ of strings.")
    panel.get_by_role("button", name=re.compile("Use|Play|Take", re.I)).first.click()
    panel.get_by_label("Your word for the gap").fill("list")
    panel.get_by_role("button", name="That is my word").click()
    panel.get_by_role("button", name="Next sentence").wait_for()
    panel.locator("article.card").first.scroll_into_view_if_needed()


def corruption(page: Any, panel: Any) -> None:
    panel.locator(".spot").first.wait_for()


def writing(page: Any, panel: Any) -> None:
    panel.get_by_label("New tokens", exact=True).fill("40")
    panel.get_by_role("button", name="Write").click()
    page.wait_for_function("() => document.querySelectorAll('button.token').length === 40")
    panel.locator("button.token").nth(8).click()
    panel.get_by_role("heading", name="The next token").wait_for()
    panel.locator("button.token").first.scroll_into_view_if_needed()


def measured(page: Any, panel: Any) -> None:
    panel.get_by_role("button", name=re.compile("Measure|Compare")).click()
    panel.locator(".card > p > b").nth(1).wait_for()
    panel.locator(".card > p > b").first.scroll_into_view_if_needed()


def inside(page: Any, panel: Any) -> None:
    for button in panel.get_by_role("button", name="Look").all():
        button.click()
    panel.locator(".grid-picture").wait_for()
    panel.locator(".line").first.wait_for()


PLAY: Mapping[str, Prepare] = {
    "word": word,
    "corruption": corruption,
    "writing": writing,
    "surprise": measured,
    "side": measured,
    "inside": inside,
}


def watch(page: Any, address: str) -> None:
    page.goto(f"{address}/watch")
    page.wait_for_function("many => document.querySelectorAll('.plot canvas').length > many", arg=len(OBJECTIVES))
    page.get_by_text("What it says of the same texts").wait_for()


def course(page: Any, address: str, part: str) -> None:
    page.goto(f"{address}/course{part}")
    page.get_by_role("heading", level=1).wait_for()
    if part == "#3":
        page.locator(".chip").first.wait_for()
        page.locator(".drawn").first.scroll_into_view_if_needed()


def report(page: Any, path: Path) -> None:
    page.goto(path.resolve().as_uri())


if __name__ == "__main__":
    main()
