"""Subtitles and captions (.srt, .vtt, .ass, .ssa, .sub) -> what is said, as paragraphs; one document a file.

Lines are joined to sentences. A paragraph ends with a sentence, where a pause follows or where another one speaks,
which a dash shows. What rolls up the screen and so stands there twice, as in YouTube's own captions, is said once.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hornbook.corpus.readers.facts import CODES, known, language
from hornbook.corpus.readers.packed import BadRecord, Place, ending, shown
from hornbook.corpus.readers.record import Part, Reading, Record, noted
from hornbook.corpus.readers.tables import file_text
from hornbook.corpus.readers.talk.lines import text_lines

_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[.,:](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*--?>\s*{_TIME}(?:\s.*)?")
_FRAMES = re.compile(r"\{(\d{1,9})\}\{(\d{0,9})\}(.*)")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,500}>|<\d[\d:.]*>|</?>|\{\\[^{}]*\}|\{[a-zA-Z]:[^{}]*\}|\{/?[ibuIBU]\}")
_VOICE = re.compile(r"\s*<v(?:\.[^ >]{0,100})?[ \t]+([^<>]{1,200})>")  # who speaks, in WebVTT
_SOUND = re.compile(r"\[[^\[\]]{0,200}\]|♪+|♫+|^\s*\([^()]{0,200}\)\s*$|^\s*#\s|\s#\s*$|^\s*#$")
_SPEAKER = re.compile(r"^\s*(?:[-‐–—]\s*(?=[^\s\d-])|>>+\s*)")
_ENDED = re.compile(r"[.!?…。！？؟।][\"'”’»)\]]*\Z")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
_LANGUAGE = re.compile(
    r"\.([a-z]{2,3})((?:[-_][a-z0-9]{2,8})*)(?:\.(?:forced|sdh|hi|cc|default))*\.[a-z]+\Z", re.IGNORECASE
)
_WORDS = frozenset(("her", "ice", "may", "run", "sin", "ton"))  # codes of languages that titles end with
_LONGEST = 1 << 25  # characters of a film; a long one has a tenth of a million
_PAUSE = 2.0  # seconds of silence between paragraphs
_TOGETHER = 0.1  # seconds: with less between them, one caption goes on where the other ends
_LONG = 600  # characters, from which on a paragraph ends with its sentence
_FRAME = 1 / 25  # of a second, about: a file that counts frames does not say how long one is


class Cue(NamedTuple):
    """What is shown at a time: seconds from the start, and lines with their marks; whether signs are entities there."""

    begin: float
    end: float
    lines: list[str]
    has_entities: bool = False


@dataclass(frozen=True)
class Subtitles:
    """Read subtitles.

    sounds   keep what tells of sounds, such as [music] and (laughs)
    """

    sounds: bool = False

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of the file."""
        where = shown(place)
        pieces, encoding = file_text(place, reading)
        header: dict[str, str] = {}
        cues = _cues(ending(place), text_lines(pieces, where), header)
        text = _Text(self.sounds)
        for cue in cues:
            text.add(cue)
            if text.length > _LONGEST:
                raise BadRecord(f"{where} holds more than {_LONGEST:,} characters.", "too long a document")
        if not text.met:
            raise BadRecord(f"{where} has no subtitles: no line of it tells times.", "no subtitles")
        told = language(_language(where) or header.get("language", ""))
        yield noted(Record(1, text.whole(), known(language=told)), encoding)


def _language(name: str) -> str:
    """Return the language that a file's name tells, as in film.en.srt or film.pt-BR.vtt."""
    found = _LANGUAGE.search(name)
    if not found:
        return ""
    code = found[1].lower()
    return language(code + found[2]) if code in CODES and code not in _WORDS else ""


def _cues(kind: str, lines: Iterator[str], header: dict[str, str]) -> Iterator[Cue]:
    if kind in (".ass", ".ssa"):
        return _scripted(lines)
    first = next(lines, "").removeprefix("\ufeff")
    if _FRAMES.match(first):
        return _framed(first, lines)
    if first.startswith("WEBVTT"):
        return _web(lines, header)
    return _timed(first, lines)


def _seconds(hours: str | None, minutes: str, seconds: str, parts: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(f"{seconds}.{parts}")


def _timed(first: str, lines: Iterable[str]) -> Iterator[Cue]:
    """Yield the cues of SubRip: a number, the times, lines; a blank line may stand within."""
    cue: Cue | None = None
    for line in itertools.chain((first,), lines):
        done, cue = _next(line, cue)
        if done is not None:
            yield done
    if cue is not None:
        yield cue


def _next(line: str, cue: Cue | None) -> tuple[Cue | None, Cue | None]:
    """Return the cue that this line ends, if it ends one, and the cue that goes on."""
    if times := _TIMES.fullmatch(line):
        while cue is not None and cue.lines and not cue.lines[-1].strip():
            cue.lines.pop()
        if cue is not None and cue.lines and cue.lines[-1].strip().isdecimal():
            cue.lines.pop()
        found = times.groups()
        return cue, Cue(_seconds(*found[:4]), _seconds(*found[4:]), [])
    if cue is not None:
        cue.lines.append(line)
    return None, cue


def _web(lines: Iterable[str], header: dict[str, str]) -> Iterator[Cue]:
    """Yield the cues of WebVTT: times and lines up to a blank one; notes, styles and names of cues are no text."""
    cue: Cue | None = None
    voice = ""
    in_header = True
    for line in lines:
        if times := _TIMES.fullmatch(line):
            if cue is not None:
                yield cue
            found = times.groups()
            cue, in_header = Cue(_seconds(*found[:4]), _seconds(*found[4:]), [], True), False
        elif not line.strip():
            in_header = False
            if cue is not None:
                yield cue
            cue = None
        elif cue is not None:
            if (said := _VOICE.match(line)) and said[1] != voice:  # another one speaks
                voice, line = said[1], f">> {line}"
            cue.lines.append(line)
        elif in_header and line.lower().startswith("language:"):
            header["language"] = line.partition(":")[2].strip()
    if cue is not None:
        yield cue


def _framed(first: str, lines: Iterable[str]) -> Iterator[Cue]:
    """Yield the cues of MicroDVD: {first frame}{last frame}line|line."""
    for number, line in enumerate(itertools.chain((first,), lines)):
        found = _FRAMES.match(line)
        if found and (number or not re.fullmatch(r"[\d.]+", found[3].strip())):  # the first may tell a frame's length
            yield Cue(int(found[1]) * _FRAME, int(found[2] or found[1]) * _FRAME, found[3].split("|"))


def _scripted(lines: Iterable[str]) -> Iterator[Cue]:
    """Yield the cues of SubStation Alpha: dialogue whose fields the line before names; drawings are no text."""
    fields = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]
    in_events = False
    for line in lines:
        name, _, value = line.partition(":")
        if line.startswith("["):
            in_events = line.strip().lower() == "[events]"
        elif in_events and name.strip().lower() == "format":
            fields = [field.strip().lower() for field in value.split(",")]
        elif in_events and name.strip().lower() == "dialogue" and fields[-1] == "text":
            values = dict(zip(fields, value.split(",", len(fields) - 1), strict=False))
            text = values.get("text", "")
            times = _TIMES.fullmatch(f"{values.get('start', '').strip()} --> {values.get('end', '').strip()}")
            if times and not re.search(r"\{[^{}]*\\p[1-9]", text):
                found = times.groups()
                text = re.sub(r"\\h", " ", re.sub(r"\{[^{}]*\}", "", text))
                yield Cue(_seconds(*found[:4]), _seconds(*found[4:]), re.split(r"\\[Nn]", text))


class _Text:
    """Joins cues to paragraphs; `met` says whether there was one."""

    def __init__(self, sounds: bool) -> None:
        self.met = False
        self.length = 0
        self._sounds = sounds
        self._paragraphs: list[str] = []
        self._lines: list[str] = []  # of the paragraph that goes on
        self._open = 0  # its characters
        self._shown: list[str] = []  # what the cue before showed
        self._end = 0.0

    def add(self, cue: Cue) -> None:
        self.met = True
        lines = [_TAG.sub("", line) for line in cue.lines]
        lines = [html.unescape(line) for line in lines] if cue.has_entities else lines
        if not self._sounds:
            lines = [_SOUND.sub(" ", line) for line in lines]
        shown = [text for line in lines if (text := " ".join(line.split()))]
        gap = cue.begin - self._end
        fresh = self._fresh(shown) if gap < _TOGETHER else shown
        for number, line in enumerate(fresh):
            speaks = _SPEAKER.match(line)
            line = line[speaks.end() :].strip() if speaks else line
            if line and line not in ("-", "–", "—"):
                self._line(line, bool(speaks), gap if not number else 0.0)
        if shown:
            self._shown = shown
            self._end = max(cue.end, cue.begin)

    def _fresh(self, shown: list[str]) -> list[str]:
        """Return the lines that were not yet shown by the cue before, which this one follows at once."""
        before = self._shown
        for count in range(min(len(before), len(shown)), 0, -1):
            if before[-count:] == shown[:count]:
                return shown[count:]
        if before and shown and self._lines and self._lines[-1] == before[-1] and shown[0].startswith(f"{before[-1]} "):
            self._open -= len(self._lines.pop())  # a line that grows
        return shown

    def _line(self, line: str, speaks: bool, gap: float) -> None:
        ended = self._lines and _ENDED.search(self._lines[-1])
        if speaks or (ended and (gap >= _PAUSE or self._open > _LONG)) or gap >= 5 * _PAUSE:
            self._close()
        self._lines.append(line)
        self._open += len(line)
        self.length += len(line)

    def _close(self) -> None:
        text = ""
        for line in self._lines:
            joined = text and _UNSPACED.match(text[-1]) and _UNSPACED.match(line)
            text += line if not text or joined else f" {line}"
        if text:
            self._paragraphs.append(text)
        self._lines, self._open = [], 0

    def whole(self) -> str:
        """Return the whole text."""
        self._close()
        return "\n\n".join(self._paragraphs)
