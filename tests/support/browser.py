"""A real Chromium for the tests of the pages, and what every page must keep: no error, no request off the machine.

page        a tab that fails its test afterwards on a console error, an uncaught error or a request elsewhere
served      a command of `hornbook` that serves pages, in a process of its own
accessible  axe finds no violation, and nothing that it cannot decide
fits        nothing is wider than the window
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from hornbook.diagnose.doctor import find_chromium

_HERE = ("http://127.0.0.1:", "data:", "blob:", "file:", "about:")
_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_SECONDS = 60  # a server's start, on a busy machine
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def chromium_or_skip() -> str:
    """Return the path of a Chromium, or skip the test with what would bring one."""
    found = find_chromium()
    if found is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A running Chromium without a window."""
    program = chromium_or_skip()
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
    with api.sync_playwright() as player:
        options = ["--no-sandbox", "--disable-dev-shm-usage"]  # in a container, as root
        browser = player.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A new tab of 1280 x 900 in a context of its own."""
    with tab(chromium) as opened:
        yield opened


@contextlib.contextmanager
def tab(chromium: Any, **options: Any) -> Iterator[Any]:
    """Yield a tab; fail afterwards on errors in its console and on requests off this machine."""
    # Without movements: a colour on its way from one scheme to the other has no contrast.
    still = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
    context = chromium.new_context(**{**still, **options})
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    wrong: list[str] = []
    opened.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda asked: None if asked.url.startswith(_HERE) else wrong.append(f"asked {asked.url}"))
    try:
        yield opened
    finally:
        context.close()
    assert not wrong, wrong


@contextlib.contextmanager
def served(*arguments: str | Path, cwd: Path | None = None) -> Iterator[str]:
    """Start `hornbook ARGUMENTS` on a free port, without a code and a browser; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "hornbook", *map(str, arguments)]
    options = ["--port", str(port), "--no-browser", "--no-code"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=cwd)
    try:
        yield _answering(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def _answering(address: str, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"the server ended: {(process.stdout or sys.stdin.buffer).read().decode()}")
        try:
            with urllib.request.urlopen(f"{address}/"):
                return address
        except urllib.error.HTTPError:
            return address
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server does not answer")


def accessible(page: Any, schemes: Sequence[Literal["light", "dark"]] = SCHEMES) -> None:
    """Fail where axe finds a violation, or cannot decide: in light, in dark, and in forced colours."""
    looks: list[dict[str, str]] = [{"color_scheme": scheme, "forced_colors": "none"} for scheme in schemes]
    for look in [*looks, {"color_scheme": "light", "forced_colors": "active"}]:
        page.emulate_media(**look)
        found = _axe(page)
        told = [
            f"{kind}: {rule['id']}: {node['target']} {node.get('failureSummary', '')}"
            for kind in ("violations", "incomplete")
            for rule in found[kind]
            for node in rule["nodes"]
        ]
        assert not told, (look, told)
    page.emulate_media(color_scheme="light", forced_colors="none")


def _axe(page: Any) -> dict[str, Any]:
    if not page.evaluate("() => 'axe' in window"):
        axe = pytest.importorskip("axe_playwright_python", reason="axe is not installed: pip install .[dev]")
        page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8") + "; undefined")
    rules = {"runOnly": {"type": "tag", "values": list(_RULES)}}
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, rules)", rules)
    return found


def fits(page: Any) -> None:
    """Fail where the page is wider than a window of 320 pixels, or than its own with text of twice the size."""
    size = page.viewport_size
    page.set_viewport_size({"width": 320, "height": 800})
    _no_overflow(page, "at 320 pixels")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
    _no_overflow(page, "with text of 200 %")
    page.evaluate("() => { document.documentElement.style.fontSize = ''; }")
    page.set_viewport_size(size)


_WIDER = """() => {
  const wide = document.documentElement.clientWidth;
  const inner = node => node.parentElement && (getComputedStyle(node.parentElement).overflowX !== 'visible'
    || inner(node.parentElement));
  const found = [...document.querySelectorAll('body *')].filter(node =>
    node.getBoundingClientRect().right > wide + 1 && !inner(node));
  return {over: document.documentElement.scrollWidth - wide,
    who: found.slice(0, 5).map(node => node.outerHTML.slice(0, 120))};
}"""


def _no_overflow(page: Any, where: str) -> None:
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found = page.evaluate(_WIDER)
    assert found["over"] <= 0, (where, found)
