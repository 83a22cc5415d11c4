"""The shell in a real Chromium: how one gets in, the tabs, light and dark, a stream that is stopped, other pages."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from browser import accessible, chromium, fits, page, tab  # noqa: F401 fixtures
from page_server import Counts
from page_server import page as demo

from hornbook.app.serving import site
from hornbook.app.serving.endpoints import Page
from hornbook.app.serving.options import Options
from hornbook.app.serving.server import Served, running
from hornbook.errors import UserError

pytestmark = pytest.mark.browser

MODULE = """
import { html, post, say, stream, useRef, useState } from "./shell.mjs";

export default function Page({ session }) {
  const [said, setSaid] = useState("nothing");
  const stop = useRef(null);
  const begin = async () => {
    stop.current = new AbortController();
    await stream("/api/endless", { text: "a" }, (event) => say(`line ${event.number}`), stop.current.signal);
    setSaid("stopped");
  };
  const echo = async () => setSaid((await post("/api/echo", { text: "<b>cat</b> \\u202e" })).text);
  return html`<h1>Demo</h1>
    <p>${session.demo.runs[0]}</p>
    <button onClick=${begin}>Begin</button>
    <button onClick=${() => stop.current.abort()}>Stop</button>
    <button onClick=${echo}>Echo</button>
    <p id="said">${said}</p>`;
}
"""


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def served(counts: Counts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    parts = site.assets() | {"demo.mjs": (MODULE.encode(), "text/javascript")}
    monkeypatch.setattr(site, "assets", lambda: parts)

    def gone() -> dict[str, Any]:
        raise UserError("The run runs/a is gone.")

    other = Page("other", "Another tab", (), gone)
    with running([demo(counts), other], Options(port=0)) as served:
        served.door.delay = 0
        yield served


def enter(page: Any, served: Served) -> None:  # noqa: F811
    with served.door.file(served.address) as path:
        page.goto(path.as_uri())
        page.get_by_role("heading", name="Demo").wait_for()


def test_the_code_is_typed_by_keyboard_alone(chromium: Any, served: Served) -> None:  # noqa: F811
    with contextlib.closing(chromium.new_context()) as context:
        opened = context.new_page()
        opened.goto(f"{served.address}/other")
        accessible(opened)
        fits(opened)
        opened.keyboard.press("Tab")
        opened.keyboard.type("abc")
        opened.keyboard.press("Enter")
        opened.get_by_text("That is not the code").wait_for()
        opened.keyboard.type(served.door.code)
        opened.keyboard.press("Enter")
        opened.get_by_role("heading", name="Demo").wait_for()
        assert opened.url == f"{served.address}/"
        cookie = context.cookies()[0]
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["expires"]) == (True, "Strict", -1)


def test_the_file_brings_the_browser_in_and_the_shell_is_for_everybody(page: Any, served: Served) -> None:  # noqa: F811
    enter(page, served)
    accessible(page)
    fits(page)
    order = []
    for _ in range(6):
        page.keyboard.press("Tab")
        order.append(page.evaluate("() => document.activeElement.textContent"))
    assert order == ["To the content", "Hornbook", "Demo", "Another tab", "Dark", "Begin"]
    assert page.get_by_text("<img src=x onerror=alert(1)>").is_visible()
    page.get_by_role("button", name="Dark").click()
    paper = "() => getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(paper)
    page.reload()
    page.get_by_role("button", name="Light").wait_for()
    assert page.evaluate(paper) == dark
    page.get_by_role("button", name="Light").click()
    assert page.evaluate(paper) != dark


def test_a_tab_that_fails_says_so_and_leads_to_the_others(page: Any, served: Served) -> None:  # noqa: F811
    enter(page, served)
    page.get_by_role("link", name="Another tab").click()
    page.get_by_text("The page cannot be shown: The run runs/a is gone.").wait_for()
    accessible(page)
    page.get_by_role("link", name="Demo").click()
    page.get_by_role("heading", name="Demo").wait_for()


def test_a_stream_is_shown_and_stopped_and_text_stays_text(page: Any, served: Served, counts: Counts) -> None:  # noqa: F811
    enter(page, served)
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("status").get_by_text("line").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.locator("#said").get_by_text("stopped").wait_for()
    page.get_by_role("button", name="Echo").click()
    page.locator("#said").get_by_text("<b>cat</b>").wait_for()
    assert page.locator("#said b").count() == 0
    while served.worker.jobs:
        threading.Event().wait(0.01)
    assert counts.ended == 1


def test_another_page_in_the_same_browser_gets_nothing(chromium: Any, served: Served, counts: Counts) -> None:  # noqa: F811
    ask = f"fetch('{served.address}/api/%s', {{credentials: 'include', %s}}).then(answer => answer.text())"
    read, told = ask % ("session", ""), ask % ("endless", "method: 'POST', mode: 'no-cors', body: '{\"text\":\"a\"}'")
    document = f"""<!doctype html><iframe src="{served.address}/"></iframe>
      <script src="{served.address}/static/demo.mjs"></script><p id="read"></p><p id="told"></p><script>
      {read}.then(text => "got " + text).catch(String).then(text => document.getElementById("read").textContent = text);
      {told}.then(text => "got " + text).catch(String).then(text => document.getElementById("told").textContent = text);
      </script>""".encode()

    class Foreign(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, format: str, *given: object) -> None:
            pass

    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Foreign) as foreign,
        contextlib.closing(chromium.new_context()) as context,
    ):
        threading.Thread(target=foreign.serve_forever, daemon=True).start()
        opened = context.new_page()
        enter(opened, served)
        opened.goto(f"http://127.0.0.1:{foreign.server_address[1]}/")
        for name in ("#read", "#told"):
            assert opened.locator(name).get_by_text("Failed to fetch").inner_text() == "TypeError: Failed to fetch"
        inside = opened.frames[1]
        assert inside.locator("#main").count() == 0
        foreign.shutdown()
    assert counts.steps == 0
