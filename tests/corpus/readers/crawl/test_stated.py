"""What a page states of itself: title, licence, and what its owner wishes of robots."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.readers.crawl.stated import Stated, facts_of, opt_outs, stated

CC = "https://creativecommons.org/licenses"


@pytest.mark.parametrize(
    ("html", "header", "expected"),
    [
        ("<title>A &amp; B\n  of C</title>", {}, Stated("A & B of C")),
        ("<TITLE lang=en>Up</TITLE><svg><title>Not this</title></svg>", {}, Stated("Up")),
        (f'<a rel="license" href="{CC}/by-sa/4.0/">x</a>', {}, Stated("", "CC-BY-SA-4.0")),
        (f'<link href="{CC}/by-nc-nd/3.0/de/" rel="license">', {}, Stated("", "CC-BY-NC-ND-3.0")),
        ("<a rel='nofollow license' href=//creativecommons.org/publicdomain/zero/1.0/>", {}, Stated("", "CC0-1.0")),
        ('<a href="https://a.org/terms" rel="license">', {}, Stated("", "https://a.org/terms")),
        (f'<meta name="DCTERMS.license" content="{CC}/by/2.0/">', {}, Stated("", "CC-BY-2.0")),
        (f'<a href="{CC}/by/4.0/">the photograph</a>', {}, Stated()),
        (f'<!-- <a rel="license" href="{CC}/by/4.0/"> -->', {}, Stated()),
        (f'<script>x = \'<a rel="license" href="{CC}/by/4.0/">\'</script>', {}, Stated()),
        ('<meta name="robots" content="NOINDEX, noai ,noml">', {}, Stated("", "", ("noindex", "noai", "noml"))),
        ('<meta content="noai" name=googlebot>', {}, Stated("", "", ("noai",))),
        ('<meta name="bingbot" content="noai">', {}, Stated()),
        ('<meta name="tdm-reservation" content="1">', {}, Stated("", "", ("tdm-reservation",))),
        ('<meta name="tdm-reservation" content="0">', {"tdm-reservation": "0"}, Stated()),
        ("", {"x-robots-tag": "noindex, NoAI"}, Stated("", "", ("noindex", "noai"))),
        ("", {"x-robots-tag": "otherbot: noai, nofollow, googlebot: noindex"}, Stated("", "", ("noindex",))),
        ("", {"x-robots-tag": "max-snippet:20, noai"}, Stated("", "", ("max-snippet:20", "noai"))),
        ("", {"tdm-reservation": "1"}, Stated("", "", ("tdm-reservation",))),
    ],
)  # fmt: skip
def test_what_a_page_states_is_found(html: str, header: dict[str, str], expected: Stated) -> None:
    assert stated(html, header) == expected


def test_opt_outs_are_of_text_alone() -> None:
    assert opt_outs(["noindex", "noimageai", "noarchive", "nofollow"]) == []
    assert opt_outs(["noindex", "noai"]) == ["noai"] and opt_outs(["tdm-reservation"]) == ["tdm-reservation"]


def test_fields_are_there_only_where_something_is_stated() -> None:
    assert facts_of(Stated()) == {}
    assert facts_of(Stated("T", "CC0-1.0", ("noai", "noindex"))) == {
        "title": "T",
        "license": "CC0-1.0",
        "robots": "noai, noindex",
    }


_PIECES = st.sampled_from(
    ["<!--", "-->", "<script>", "</script>", "<meta ", "name=robots", " content='", '"', ">", "<a rel=license "]
)  # fmt: skip


@given(st.lists(_PIECES | st.text(max_size=5), max_size=60))
def test_any_page_is_looked_through(pieces: list[str]) -> None:
    found = stated("".join(pieces), {})
    assert isinstance(found.title, str) and all(found.robots)


@pytest.mark.parametrize("piece", ["<!--", "<script ", "<title>", "<meta a", "<a ", "<meta " + "a=" * 9])
def test_a_page_made_to_waste_time_does_not(piece: str) -> None:
    assert stated(piece * 200_000, {}).robots == ()
