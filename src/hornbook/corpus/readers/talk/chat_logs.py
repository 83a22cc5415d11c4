"""Logs of chats as text -> a document for each day: WhatsApp's exports and logs of IRC.

    [25/12/2019, 10:00:00] Ann: Hello     WhatsApp, iPhone
    12/25/19, 10:00 AM - Ann: Hello       WhatsApp, Android
    [10:00] <ann> hello                   IRC, as Ubuntu's and many others; with a date before it too

What people say is kept, what the program says of them is not: who joined, left or changed a name, files left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hornbook.corpus.readers.packed import BadRecord, Place, shown
from hornbook.corpus.readers.record import LONGEST, Part, Reading, Record, noted
from hornbook.corpus.readers.tables import file_text
from hornbook.corpus.readers.talk.lines import text_lines

_DAY = r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}"
_CLOCK = r"\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:[\s\u202f\u00a0]?[AaPp]\.?\s?[Mm]\.?)?"
_WHATSAPP = re.compile(
    rf"[\u200e\u200f\ufeff]*(?:\[({_DAY}),?\s{_CLOCK}\]\s|({_DAY}),?\s{_CLOCK}\s[-–]\s)[\u200e\u200f]*"
    r"(?:([^:\n]{1,80}): )?(.*)"
)
_TIME = r"\[?(?:(\d{4}-\d\d-\d\d)[T ])?\d{1,2}:\d\d(?::\d\d)?\]?\s+"
_IRC = re.compile(rf"(?:(\d{{4}}-\d\d-\d\d)[T ])?{_TIME}<[ @+%&~]?([^<>\s]{{1,40}})>\s?(.*)")
_IRC_OTHER = re.compile(rf"(?:\d{{4}}-\d\d-\d\d[T ])?{_TIME}(?:[*=-]|<--|-->).*|===.*|---.*|\*\*\*.*")
_LEFT_OUT = re.compile(
    r"[\u200e\u200f].*|<[^<>]{0,60}(?:omitted|weggelassen|omis|omitido|omessi|ausgeschlossen)[^<>]{0,20}>|"
    r"(?:This message was deleted|You deleted this message|Missed (?:voice|video) call)\.?|<attached: [^<>]*>|"
    r"[^\n]{1,80} \(file attached\)",
    re.DOTALL,
)
_EDITED = re.compile(r"\s*[\u200e\u200f]?<This message was edited>\Z")


class _Said(NamedTuple):
    """One message: the day as it is written, who says it, what."""

    day: str
    name: str
    words: str


def is_whatsapp(start: bytes) -> bool:
    """Say whether a file begins as a chat that WhatsApp exported."""
    lines = start.decode("utf-8", "replace").splitlines()[:-1] or [start.decode("utf-8", "replace")]
    found = [_WHATSAPP.fullmatch(line) for line in lines[:20] if line.strip()]
    return bool(found) and found[0] is not None and any(item and item[3] for item in found)


def is_irc(start: bytes) -> bool:
    """Say whether a file begins as a log of IRC: of the first lines none is another thing, and one is said."""
    lines = start.decode("utf-8", "replace").splitlines()[:-1] or [start.decode("utf-8", "replace")]
    lines = [line for line in lines[:20] if line.strip()]
    said = [line for line in lines if _IRC.fullmatch(line)]
    return len(said) > 0 and all(_IRC.fullmatch(line) or _IRC_OTHER.fullmatch(line) for line in lines)


@dataclass(frozen=True)
class ChatLog:
    """Read logs of chats, a document for each day that they tell.

    between   what stands between two messages
    names     write people's names; else they are Speaker 1, Speaker 2, in the order in which they speak
    """

    between: str = "\n\n"
    names: bool = False

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the days; the number counts them."""
        where = shown(place)
        pieces, encoding = file_text(place, reading)
        held: list[_Said] = []
        number = size = 0
        for said in _messages(text_lines(pieces, where)):
            size += len(said.words)
            if size > LONGEST:
                raise BadRecord(f"{where} has a day of more than {LONGEST:,} characters.", "too long a document")
            if held and said.day != held[-1].day:
                number += 1
                yield noted(self._record(number, held), encoding)
                held, size = [], len(said.words)
            held.append(said)
        if held:
            yield noted(self._record(number + 1, held), encoding)

    def _record(self, number: int, messages: list[_Said]) -> Record:
        numbers: dict[str, int] = {}
        lines = []
        for _, name, words in messages:
            speaker = numbers.setdefault(name, len(numbers) + 1)
            lines.append(f"{name if self.names else f'Speaker {speaker}'}: {words}")
        day = messages[0].day
        facts = {"date": day} if re.fullmatch(r"\d{4}-\d\d-\d\d", day) else {}
        return Record(number, self.between.join(lines), facts)


def _messages(lines: Iterator[str]) -> Iterator[_Said]:
    """Yield what is said; a line that begins no message goes on with the one before, in WhatsApp's form."""
    held: _Said | None = None
    day = ""
    for line in lines:
        if found := _WHATSAPP.fullmatch(line):
            if held is not None:
                yield from _whole(held)
            name, words = found[3], found[4]
            held = _Said(found[1] or found[2], name.strip(), words) if name else None
        elif found := _IRC.fullmatch(line):
            day = found[1] or found[2] or day
            yield from _whole(_Said(day, found[3], found[4]))
        elif held is not None:
            held = held._replace(words=f"{held.words}\n{line}")
    if held is not None:
        yield from _whole(held)


def _whole(said: _Said) -> Iterator[_Said]:
    words = _EDITED.sub("", said.words).strip("\u200e\u200f \n\t")
    if words and not _LEFT_OUT.fullmatch(said.words.strip()):
        yield said._replace(words="\n".join(line.rstrip() for line in words.split("\n")))
