"""Markdown: as it stands, its front matter, and without its marks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office_files import never_crashes, one

from hornbook.corpus.readers.files.markdown import Markdown, plain
from hornbook.corpus.readers.formats import records

FRONT = """---
title: "A Title: more"
author: Ann
date: 2020-01-02   # a day
tags: [one, 'two']
lang: de
layout: post
---

# Head
"""


def test_front_matter_becomes_facts_and_the_text_stays(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(FRONT + "\n*Text* as it is.\n")
    facts = {
        "title": "A Title: more",
        "date": "2020-01-02",
        "language": "de",
        "authors": ["Ann"],
        "tags": ["one", "two"],
    }
    assert list(records(tmp_path / "a.md")) == [(1, "# Head\n\n*Text* as it is.\n", facts, "")]


def test_lists_of_lines_and_what_is_nested(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntags:\n  - x\n  - y\nextra:\n  deep: 1\ntitle: T\n---\nText")
    assert one(Markdown(), tmp_path / "a.md") == (1, "Text", {"title": "T", "tags": ["x", "y"]}, "")


@pytest.mark.parametrize(
    "text",
    ["# No front\n\n---\n\nRule.\n", "---\n\nA rule, then text.\n\n---\n", "---\nOpen: yes", "plain", "---\n---\nx"],
)
def test_what_is_no_front_matter_stays(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.md").write_text(text)
    assert one(Markdown(), tmp_path / "a.md") == (1, text, {}, "")


def test_a_long_file_is_cut_into_sections_that_are_the_file(tmp_path: Path) -> None:
    text = "A paragraph of words.\n\n" * 20_000
    (tmp_path / "a.md").write_text("---\ntitle: T\n---\n" + text)
    found = list(records(tmp_path / "a.md"))
    assert "".join(record.text for record in found) == text
    assert len(found) > 50 and all(record.meta == {"title": "T"} for record in found)


PLAIN = [
    ("# Head\n\nSome *words* and `code`.", "Head\n\nSome words and code."),
    ("Head\n====\n\n- a\n- b\n  - c\n\n1. x\n2. y", "Head\n\n- a\n- b\n  - c\n\n1. x\n2. y"),
    ("```py\nif x:\n    y\n```\n\n> quoted", "if x:\n    y\n\nquoted"),
    ("| a | b |\n|---|---|\n| 1 | 2 |", "a | b\n1 | 2"),
    ("[link](http://x) ![a cat](c.png) <b>bold</b> &amp; \\*star", "link bold & *star"),
    ("a  \nb\nc", "a\nb c"),
]


@pytest.mark.parametrize(("text", "expected"), PLAIN)
def test_without_marks(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_the_setting(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(FRONT + "\n*Text*\n")
    assert one(Markdown(plain=True), tmp_path / "a.md").text == "Head\n\nText"


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.binary(max_size=40), st.text(max_size=40).map(lambda text: f"---\n{text}\n---\n".encode())),
    st.booleans(),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, without_marks: bool) -> None:
    never_crashes(Markdown(plain=without_marks), tmp_path / "a.md", data)
