r"""Rich Text Format, letter by letter."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office_files import never_crashes, one, tolerant
from striprtf.striprtf import rtf_to_text

from hornbook.corpus.readers.files.office.rtf import Rtf
from hornbook.corpus.readers.formats import records

HEAD = (
    rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fnil\fcharset0 Arial;}{\f1\fcharset204 Cyr;}{\f2\fcharset128 MS;}}"
    rb"{\colortbl;\red0\green0\blue0;}{\stylesheet{\s0 Normal;}{\s1 heading 1;}}{\*\generator Nobody;}"
)
BODIES = [
    (rb"One\par Two\par", "One\n\nTwo"),
    (b"A line\r\nthat goes on\\par\r\n", "A linethat goes on"),
    (rb"{\b bo}ld {\i and} so\par", "bold and so"),
    (rb"caf\'e9 \'93quoted\'94 \'85\par", "café “quoted” …"),
    (rb"\u-3913? a sign\par", "• a sign"),
    (rb"\u-3844? a sign\par", "a sign"),
    (rb"\u8364?5 and \u-10179?\u-8704?\par", "€5 and 😀"),
    (rb"\uc0\u8364 5\uc2\u8364\'80\'81x\par", "€5€x"),
    (rb"\u26408\'96\'d8x\par", "木Øx"),
    (rb"{\uc0 \u8364}\u8364?\par", "€€"),
    (rb"\f1 \'cf\'f0\'e8\'e2\'e5\'f2\f0  \'e9\par", "Привет é"),
    (rb"{\f2 \'93\'fa\'96\'7b}\par", "日本"),
    (rb"a\tab b\line c\par", "a\tb\nc"),
    (rb"a\~b\_c syl\-la\-ble\par", "a\u00a0b\u2011c syllable"),
    (rb"\\ \{ \}\par", "\\ { }"),
    (rb"\lquote x\rquote \emdash \ldblquote y\rdblquote\par", "‘x’—“y”"),
    (rb"seen{\v hidden}{\deleted gone}\v no\v0  too\par", "seen too"),
    (rb"10{\super 6} and 1{\super st}\par", "10⁶ and 1st"),
    (rb"{\header head}{\footerl foot}x\par", "x"),
    (rb"x{\footnote {\super 1} The note.}\par y\par", "x\n\ny\n\n1 The note."),
    (rb"{\pict\pngblip\picw10 89504e470d0a}x\par", "x"),
    (rb"{\pict\bin5 {{{}\}x\par", "x"),
    (rb"{\object{\*\objdata 0105}{\result{\pard shown\par}}}x\par", "shown\n\nx"),
    (rb'{\field{\*\fldinst HYPERLINK "http://x"}{\fldrslt link}} on\par', "link on"),
    (rb"{\field{\*\fldinst TOC \\o}{\fldrslt One 1}}x\par", "x"),
    (rb"{\*\unknown words}x{\*\bkmkstart b}y{\*\bkmkend b}\par", "xy"),
    (rb"{\annotation comment}{\*\atnid A}x\par", "x"),
    (rb"\pard\s1 Title\par\pard x\par", "Title\n\nx"),
    (rb"\pard\outlinelevel1 Title\par\pard x\par", "Title\n\nx"),
    (rb"{\listtext\'b7\tab}one\par{\listtext\'b7\tab}two\par{\listtext 1.\tab}three\par\pard x\par",
     "- one\n- two\n1. three\n\nx"),
    (rb"{\pntext (a)\tab}one\par", "(a) one"),
    (rb"\trowd\cellx1\cellx2\pard\intbl a\cell b\cell\row\trowd\pard\intbl 1\cell\cell\row\pard x\par",
     "a | b\n1 |\n\nx"),
    (rb"\trowd\pard\intbl a\par more\cell b\cell\row\pard\par", "a more | b"),
    (rb"\trowd\pard\intbl one\cell\row\trowd\pard\intbl column\cell\row\pard\par", "one\n\ncolumn"),
    (rb"{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt in a box\par}}}x\par", "in a box\n\nx"),
    (b"a\\\nb\\par", "a\n\nb"),
    (rb"no par at the end", "no par at the end"),
]  # fmt: skip


def rtf(path: Path, body: bytes) -> Path:
    path.write_bytes(HEAD + body + b"}")
    return path


@pytest.mark.parametrize(("body", "text"), BODIES)
def test_a_body_becomes_this_text(tmp_path: Path, body: bytes, text: str) -> None:
    assert one(Rtf(), rtf(tmp_path / "a.rtf", body)).text == text


def test_facts(tmp_path: Path) -> None:
    info = rb"{\info{\title A \'e9 Title}{\author Ann}{\keywords a, b}{\creatim\yr2020\mo3\dy4}{\company C}}"
    facts = {"title": "A é Title", "authors": ["Ann"], "date": "2020-03-04", "tags": ["a", "b"], "sections": ["H"]}
    assert list(records(rtf(tmp_path / "a.rtf", info + rb"\s1 H\par"))) == [(1, "H", facts, "")]


def test_notes_can_be_left_out(tmp_path: Path) -> None:
    assert one(Rtf(notes=False), rtf(tmp_path / "a.rtf", rb"x{\footnote note}\par")).text == "x"


def test_words_of_striprtf_are_in_our_text(tmp_path: Path) -> None:
    body = rb"\pard Plain \b words\b0  with caf\'e9 and \u8364?.\par\pard More {\i words}\tab here.\par"
    text = one(Rtf(), rtf(tmp_path / "a.rtf", body)).text
    assert text.split() == rtf_to_text((HEAD + body + b"}").decode("latin-1")).split()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"just text", "no RTF"),
        (HEAD + b"cut", "cut RTF"),
        (HEAD + b"cut\\", "cut RTF"),
        (HEAD + b"{" * 100_000, "RTF nested too deeply"),
        (HEAD + b"\\bin99999999999999 x}", "cut RTF"),
    ],
)
def test_a_hostile_file_is_named(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a.rtf").write_bytes(data)
    found, bad, _ = tolerant(Rtf(), tmp_path / "a.rtf")
    assert (found, [error.reason for error in bad]) == ([], [reason])


def test_a_file_that_is_cut_anywhere_is_named(tmp_path: Path) -> None:
    data = HEAD + rb"Words caf\'e9 {\b bold \u8364?}\par}"
    for place in range(len(data)):
        (tmp_path / "a.rtf").write_bytes(data[:place])
        assert tolerant(Rtf(), tmp_path / "a.rtf")[1], place


TOKENS = [b"{", b"}", b"\\par ", b"\\cell ", b"\\row ", b"\\u8364?", b"\\'e9", b"\\f1 ", b"\\f2 ", b"x y", b"\\*",
          b"\\uc3 ", b"{\\footnote ", b"\\bin2 ", b"\\intbl ", b"\\pard ", b"{\\listtext ", b"\\",
          b"\\u-9999999999 ", b"{\\fonttbl "]  # fmt: skip


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.lists(st.sampled_from(TOKENS), max_size=30).map(b"".join), st.binary(max_size=50)))
def test_any_bytes_are_read_or_refused(tmp_path: Path, body: bytes) -> None:
    never_crashes(Rtf(), tmp_path / "a.rtf", HEAD + body + b"}")
