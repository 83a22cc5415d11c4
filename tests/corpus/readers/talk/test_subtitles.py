"""Subtitles, letter by letter."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office_files import never_crashes, one, tolerant

from hornbook.corpus.readers.formats import records
from hornbook.corpus.readers.talk.subtitles import Subtitles


def srt(*cues: str, pause: float = 0.5) -> str:
    """Return SubRip of these cues, each two seconds long."""
    made = []
    for number, text in enumerate(cues):
        begin = number * (2 + pause)
        made.append(f"{number + 1}\n{stamp(begin)} --> {stamp(begin + 2)}\n{text}\n")
    return "\n".join(made)


def stamp(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{round(seconds % 1 * 1000):03d}"


CASES = [
    (srt("I was", "going home."), "I was going home."),
    (srt("Two\nlines.", "More."), "Two lines. More."),
    (srt("One.", "Two.", pause=3), "One.\n\nTwo."),
    (srt("not at", "an end", pause=3), "not at an end"),
    (srt("<i>Slanted</i> <font color='#fff'>red</font> {\\an8}top {b}bold{/b}"), "Slanted red top bold"),
    (srt("a < b and c > d"), "a < b and c > d"),
    (srt("[music]", "Words [laughs] here.", "♪ La la ♪", "(door closes)", "# song #"), "Words here. La la song"),
    (srt("- Who?\n- Me.", "You."), "Who?\n\nMe. You."),
    (srt("-5 degrees", "well-known"), "-5 degrees well-known"),
    (srt("1984", "is a book."), "1984 is a book."),
    (srt("你好", "世界。"), "你好世界。"),
    (srt("안녕", "세상"), "안녕 세상"),
    (srt("first\n\nafter a blank line"), "first after a blank line"),
    (srt("x").replace("\n", "\r\n"), "x"),
    ("\ufeff" + srt("marked"), "marked"),
    (
        "00:00:01,000 --> 00:00:02,000 X1:10 X2:20\nno number\n00:00:03.5 --> 00:00:04.5\nnor blank",
        "no number nor blank",
    ),
    (srt("No!", "No!"), "No! No!"),
]


@pytest.mark.parametrize(("file", "text"), CASES)
def test_subrip(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / "film.srt").write_text(file, encoding="utf-8", newline="")
    assert one(Subtitles(), tmp_path / "film.srt").text == text


def test_sounds_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(srt("[music]", "(laughs)"))
    assert one(Subtitles(sounds=True), tmp_path / "a.srt").text == "[music] (laughs)"


WEB = """WEBVTT - A film
Kind: captions
Language: en-GB

STYLE
::cue { color: red }

NOTE a comment
--> of two lines

intro
00:01.000 --> 00:02.000 align:start position:0%
<v Ann>Fish &amp; chips,</v>

00:00:02.100 --> 00:00:03.000
<c.yellow>please</c>.&nbsp;
"""


def test_webvtt(tmp_path: Path) -> None:
    (tmp_path / "film.vtt").write_text(WEB)
    assert list(records(tmp_path / "film.vtt")) == [(1, "Fish & chips, please.", {"language": "en-GB"}, "")]


ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.000 --> 00:00:02.000 align:start position:0%

hello<00:00:00.500><c> and</c><00:00:01.000><c> welcome</c>

00:00:02.000 --> 00:00:02.010 align:start position:0%
hello and welcome


00:00:02.010 --> 00:00:04.000 align:start position:0%
hello and welcome
to<00:00:02.500><c> the</c><00:00:03.000><c> show</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
to the show


00:00:04.010 --> 00:00:06.000 align:start position:0%
to the show
[Music]

00:00:06.010 --> 00:00:08.000 align:start position:0%
to the show
today
"""


def test_captions_that_roll_up_are_said_once(tmp_path: Path) -> None:
    (tmp_path / "a.vtt").write_text(ROLLING)
    assert one(Subtitles(), tmp_path / "a.vtt").text == "hello and welcome to the show today"


def test_lines_that_grow_are_said_once(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(srt("hello", "hello and", "hello and welcome", "to all", pause=0))
    assert one(Subtitles(), tmp_path / "a.srt").text == "hello and welcome to all"


ASS = r"""[Script Info]
Title: x

[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,no
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\i1}Hello{\i0}, you,\Nand\hyou.
Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,{\p1}m 0 0 l 1 1{\p0}
"""


def test_substation_and_microdvd(tmp_path: Path) -> None:
    (tmp_path / "a.ass").write_text(ASS)
    assert one(Subtitles(), tmp_path / "a.ass").text == "Hello, you, and you."
    (tmp_path / "a.sub").write_text("{1}{1}23.976\n{10}{50}{y:i}One|two.\n{60}{}Three.\n")
    assert one(Subtitles(), tmp_path / "a.sub").text == "One two. Three."


def test_voices_and_entities_of_webvtt(tmp_path: Path) -> None:
    cues = ("<v Fred>Hello &amp;\n<i>welcome</i>", "<v Fred>to &lt;b&gt;.", "<v.loud Mary Ann>42 <c>times</c></v>")
    times = "\n\n".join(f"00:0{number}.000 --> 00:0{number + 1}.000\n{cue}" for number, cue in enumerate(cues))
    (tmp_path / "a.vtt").write_text(f"WEBVTT\n\n{times}\n")
    assert one(Subtitles(), tmp_path / "a.vtt").text == "Hello & welcome to <b>.\n\n42 times"


@pytest.mark.parametrize(
    ("name", "language"),
    [("film.en.srt", "en"), ("film.pt-BR.srt", "pt-BR"), ("a.zh_Hans.srt", "zh-Hans"), ("film.ger.srt", "de"),
     ("film.en.forced.srt", "en"), ("film.srt", None), ("the.end.srt", None), ("the.run.srt", None),
     ("mr.xx.srt", None)],
)  # fmt: skip
def test_the_language_is_told_by_the_name(tmp_path: Path, name: str, language: str | None) -> None:
    (tmp_path / name).write_text(srt("x"))
    assert one(Subtitles(), tmp_path / name).meta.get("language") == language


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.srt", b"just words", "no subtitles"),
        ("a.vtt", b"WEBVTT\n\nNOTE x", "no subtitles"),
        ("a.sub", b"\x00\x00\x01\xba" * 100, "binary data under another ending"),
        ("a.srt", b"x" * (1 << 25), "too long a line"),
    ],
)
def test_what_is_none_is_named(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert [error.reason for error in tolerant(Subtitles(), tmp_path / name)[1]] == [reason]


PIECES = ["WEBVTT\n", "1\n", "00:00:01,000 --> 00:00:02,000\n", "\n", "words\n", "- so\n", "[x]\n", "{1}{2}y|z\n",
          "<i>", "\r", "[Events]\n", "Dialogue: 0,0:00:01.00,0:00:02.00,x\n", "♪",
          "99:99:99,999 --> 0:0:0,0\n"]  # fmt: skip


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.lists(st.sampled_from(PIECES), max_size=30).map(lambda p: "".join(p).encode()), st.binary(max_size=50)
    ),
    st.sampled_from(["a.srt", "a.vtt", "a.ass", "a.sub"]),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, name: str) -> None:
    never_crashes(Subtitles(), tmp_path / name, data)
