"""The page in a real Chromium: every look accessible, nothing wider than the window, closed parts open on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser import accessible, fits

from hornbook.report.write import write_report

pytestmark = pytest.mark.browser


def test_the_page_is_accessible_in_light_dark_and_forced_colours_and_fits_small_windows(page: Any, tales: Path) -> None:
    page.goto(write_report([tales]).page.as_uri())
    accessible(page)
    fits(page)
    page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
    accessible(page)
    fits(page)


def test_two_runs_side_by_side_are_too(page: Any, tales: Path, tmp_path: Path) -> None:
    other = tales.with_name("other")
    other.symlink_to(tales)
    page.goto(write_report([tales, other], tmp_path / "two.html").page.as_uri())
    accessible(page)
    fits(page)


def test_paper_shows_what_is_closed_and_is_light(page: Any, tales: Path) -> None:
    page.goto(write_report([tales]).page.as_uri())
    page.emulate_media(media="print", color_scheme="dark")
    shown = "() => [...document.querySelectorAll('details td')].every(cell => cell.getBoundingClientRect().height > 0)"
    assert page.evaluate(shown)
    assert page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    drawn = "() => [...document.images].every(image => image.complete && image.naturalWidth > 0)"
    assert page.evaluate(drawn)


def test_a_pdf_is_printed_beside_the_page(tales: Path, chromium: Any) -> None:
    found = write_report([tales], pdf=True)
    assert found.pdf is not None and found.pdf.read_bytes().startswith(b"%PDF")
