"""What the browser loads: its weight, the vendored libraries' hashes, and what no page of ours may contain."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from page_server import Counts, asked, page

import hornbook.app
from hornbook.app.serving.server import application
from hornbook.app.serving.site import SHELL, assets

STATIC = Path(hornbook.app.__file__).parent / "static"
VENDOR = STATIC / "vendor"
VENDORED = json.loads((VENDOR / "vendor.json").read_text())
OWN = sorted(path for path in STATIC.iterdir() if path.suffix in (".html", ".css", ".js", ".mjs"))
# What would take text for HTML or for code, a part of another machine, and what the policy of content forbids.
FORBIDDEN = r"""(?ix) innerHTML | outerHTML | insertAdjacentHTML | document\.write | \beval\b | new\s+Function | https?:
    | \bstyle=["'] | \bon\w+=["'] | srcdoc | javascript: | @import | (?-i:\burl\() | XMLHttpRequest
    | \bWebSocket\b | cdn"""


def loaded(name: str, seen: set[str]) -> set[str]:
    """Return a module and all that it imports, by their paths."""
    if name not in seen:
        seen.add(name)
        folder = name.rpartition("/")[0]
        for found in imported(assets()[name][0].decode()):
            loaded(f"{folder}/{found}".replace("/./", "/").removeprefix("./").removeprefix("/"), seen)
    return seen


def imported(script: str) -> list[str]:
    return re.findall(r"""(?m)^(?:import|export)\b(?:[^;"']*?\bfrom)?\s*["']([^"']+)["']""", script)


@pytest.mark.parametrize("path", [path for path in OWN if path.suffix == ".mjs"], ids=lambda path: path.name)
def test_a_page_weighs_at_most_150_kB_with_all_that_it_loads(path: Path) -> None:
    parts = loaded(path.name, loaded("shell.mjs", {SHELL, "app.css", "scheme.js", "icon.png"}))
    if "vendor/uplot.mjs" in parts:
        parts.add("vendor/uplot.css")
    weights = {part: len(assets()[part][0]) for part in parts}
    assert {"vendor/preact.mjs", "vendor/hooks.mjs", "vendor/htm.mjs"} <= parts
    assert sum(weights.values()) <= 150_000, weights


def test_own_script_and_style_stay_small() -> None:
    lines = {path.name: len(path.read_text().splitlines()) for path in OWN}
    assert sum(count for name, count in lines.items() if name.endswith("js")) <= 1_500, lines
    assert lines["app.css"] <= 300
    assert lines["shell.mjs"] <= 200


def test_vendored_files_are_what_vendor_json_says_and_no_others() -> None:
    listed = {row["file"] for row in VENDORED} | {row["licence_file"] for row in VENDORED} | {"vendor.json"}
    assert {path.name for path in VENDOR.iterdir()} == listed
    for row in VENDORED:
        assert hashlib.sha256((VENDOR / row["file"]).read_bytes()).hexdigest() == row["sha256"], row["file"]
        assert set(row) == {
            *("file", "name", "version", "homepage", "licence", "licence_file"),
            *("came_as", "sha256_came", "sha256", "changed"),
        }
        assert row["homepage"].startswith("https://")


def test_vendored_files_are_what_came_but_for_the_changes_that_are_told() -> None:
    undone = {
        "hooks.mjs": lambda content: content.replace(b'from"./preact.mjs"', b'from"preact"'),
        "uplot.mjs": lambda content: content.removesuffix(b"export default uPlot;\n"),
    }
    assert {row["file"] for row in VENDORED if row["changed"]} == set(undone)
    for row in VENDORED:
        content = undone.get(row["file"], lambda content: content)((VENDOR / row["file"]).read_bytes())
        assert hashlib.sha256(content).hexdigest() == row["sha256_came"], row["file"]


def test_every_licence_is_the_one_that_is_named() -> None:
    for row in VENDORED:
        words = {"MIT": "Permission is hereby granted, free of charge", "Apache-2.0": "Apache License"}[row["licence"]]
        assert words in (VENDOR / row["licence_file"]).read_text()


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_own_file_has_what_would_make_code_of_text_or_ask_another_machine(path: Path) -> None:
    found = [line for line in path.read_text().splitlines() if re.search(FORBIDDEN, line)]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "element.innerHTML = text",
        "dangerouslySetInnerHTML=${{ __html: text }}",
        "eval(text)",
        "new Function(text)",
        "fetch('https://example.org')",
        '<p style="color: red">',
        '<p onclick="go()">',
        "@import 'x.css'",
    ],
)
def test_the_search_finds_each_kind(line: str) -> None:
    assert re.search(FORBIDDEN, line)


def test_every_import_names_a_file_that_is_there() -> None:
    """Import maps would have to be inline, which the policy of content forbids: no bare name works."""
    for path in (*OWN, *VENDOR.glob("*.mjs")):
        for name in imported(path.read_text()):
            assert (path.parent / name).is_file(), (path.name, name)


def test_the_shell_has_no_inline_code_and_names_files_that_are_there() -> None:
    seen: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append((tag, dict(attrs)))

    Reader().feed(assets()[SHELL][0].decode())
    assert all(attributes.get("src") for tag, attributes in seen if tag == "script")
    assert "style" not in {tag for tag, _ in seen}
    named = [value for _, attributes in seen for name in ("src", "href") if (value := attributes.get(name))]
    assert len(named) == 4
    assert {value.removeprefix("/static/") for value in named} <= set(assets())


def test_each_file_is_served_with_its_type_and_not_kept() -> None:
    app = application([page(Counts())])
    kinds = {
        "mjs": "text/javascript",
        "js": "text/javascript",
        "css": "text/css",
        "html": "text/html",
        "png": "image/png",
    }
    for path, (content, _) in assets().items():
        answer = asked(app, "GET", f"/static/{path}")
        assert (answer.status, answer.body) == (200, content)
        assert (answer.header("content-type") or "").startswith(kinds[path.rpartition(".")[2]])
        assert answer.header("cache-control") == "no-store"
    for path in ("/", "/demo"):
        assert asked(app, "GET", path).body == assets()[SHELL][0]
