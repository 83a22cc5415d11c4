"""Records of a run that grow while they are watched: each byte is read once, and only what is new is handed on.

    metrics.jsonl -> `Lines`: whole lines, by the byte after the last one -> `Curves`: columns -> the page
    samples.jsonl -> `Lines`                                              -> `Samples`: the same texts at many steps

    gen      is another number when earlier points are no longer what they were: the file was replaced, as a resume
             does, which begins it anew with the records up to its checkpoint; whoever has points of another gen drops
             them all and takes the answer's
    offset   the byte after the last whole line; with its gen it says what a reader has

A line without its end waits for it. A line that is no record is counted, and the others go on. NaN, Infinity and a
missing number are None, a gap, never 0. Nothing here writes, locks or loads torch.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hornbook.app.lines import Lines
from hornbook.app.thinning import Number, Rows

PEEK = 1 << 16  # bytes at the end of a file that tell how a run stands
_RECENT = 20  # records by which the time left is told
_STOPPED = 5.0  # seconds between two records that the run's clock does not know: it was stopped
_LARGEST = 1 << 1000  # whole numbers beyond it are no floats
_EVENTS = 200  # that are kept of a run, the newest
_DOMAINS = 24  # of a run that are shown, the largest
_TEXTS, _TIMES, _CHARACTERS = 8, 60, 600  # of samples that are kept: texts, steps of each, characters
_TRAIN = (
    "loss", "seconds", "tokens_per_second", "model_flops_utilization", "learning_rate", "gradient_norm",
    "waiting_share", "useful_share", "memory_bytes",
)  # fmt: skip
_HELD_OUT = ("seconds", "loss", "bits_per_byte")
# What earlier versions called a column.
_BEFORE = {"model_flops_utilization": "share_of_machine", "learning_rate": "rate"}


@dataclass(frozen=True)
class Event:
    """Something that happened to a run at a step."""

    step: int
    what: str


@dataclass
class Curves:
    """The numbers of one run's metrics.jsonl.

    train, held_out   a row for each record, or the least and the greatest of several
    domains, unit     of held-out text: name -> step -> bits per byte, or where they are not defined nats per token
    recent            the last records of training
    stops             steps at which it went on after a stop
    damaged, twice    lines that are no records; records of a step that was there already
    """

    path: Path
    whole: bool = True
    train: Rows = field(default_factory=lambda: Rows(_TRAIN))
    held_out: Rows = field(default_factory=lambda: Rows(_HELD_OUT))
    domains: dict[str, dict[int, Number]] = field(default_factory=dict)
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=_EVENTS))
    recent: deque[Mapping[str, Any]] = field(default_factory=lambda: deque(maxlen=_RECENT))
    measured: Mapping[str, Any] = field(default_factory=dict)
    stops: deque[int] = field(default_factory=lambda: deque(maxlen=_EVENTS))
    unit: str = "bits_per_byte"
    damaged: int = 0
    twice: int = 0

    def __post_init__(self) -> None:
        self.lines = Lines(self.path, 0 if self.whole else PEEK)
        self._gen = self._seen = 0
        self._shift: float | None = None
        self._skipped = 0
        self._replaced_at = 0  # the last step before the file was replaced, as long as nothing was read again

    @property
    def gen(self) -> int:
        """Another number whenever rows that were handed on have changed."""
        return self._gen + self.train.changes + self.held_out.changes

    def begin_at(self, gen: int) -> None:
        """Count from a number on, so that points of another reading are told from these."""
        self._gen += gen

    @property
    def last_step(self) -> int | None:
        return self.recent[-1]["step"] if self.recent else None

    def look(self, most: int) -> int:
        """Read what is new, at most about `most` bytes; return how many were read."""
        before = self.lines.taken
        for end, line in self.lines.new(most):
            self._follow()
            self._take(end, line)
        self._follow()
        self._note_rewriting()
        return self.lines.taken - before

    def _follow(self) -> None:
        if self.lines.gen != self._seen:
            self._begin_again()

    def _begin_again(self) -> None:
        """Forget all points: the file is another one."""
        changes = self.gen + 1
        self._replaced_at = self.last_step or 0
        self.train, self.held_out, self.domains = Rows(_TRAIN), Rows(_HELD_OUT), {}
        self.events.clear()
        self.stops.clear()
        self.recent.clear()
        self.measured, self.damaged, self.twice, self._shift, self._skipped = {}, 0, 0, None, 0
        self._gen, self._seen = changes, self.lines.gen

    def _note_rewriting(self) -> None:
        """Tell of a resume whose records have no clock that would tell of it."""
        if self._replaced_at and self.recent:
            if self._shift is None:
                self.events.append(Event(self.recent[-1]["step"], "resumed: the records begin anew up to this step"))
                self.stops.append(self.recent[-1]["step"])
            self._replaced_at = 0

    def _take(self, end: int, line: bytes) -> None:
        if not line.strip():
            return
        record, infinite = parsed(line)
        rows = {"train": self.train, "held_out": self.held_out}.get(str((record or {}).get("kind")))
        if record is None:
            self.damaged += 1
            self.lines.doubt()
        elif rows is not None and rows.last >= record["step"]:
            self.twice += 1
            self.lines.doubt()
        elif rows is not None:
            rows.add(end, record["step"], [number_of(record, name) for name in rows.names])
            if rows is self.train:
                self._note(record, infinite)
                self.recent.append(record)
            else:
                self.measured = record
                self._by_domain(record)

    def _by_domain(self, record: Mapping[str, Any]) -> None:
        parts = record.get("domains")
        if not self.domains:  # one unit for all of a run
            self.unit = "text_loss" if number_of(record, "bits_per_byte") is None else "bits_per_byte"
        for name, part in parts.items() if isinstance(parts, dict) else ():
            if isinstance(part, dict) and (name in self.domains or len(self.domains) < _DOMAINS):
                self.domains.setdefault(name, {})[record["step"]] = number_of(part, self.unit)

    def _note(self, record: Mapping[str, Any], infinite: bool) -> None:
        """Tell what a record of training says beside its numbers: a stop before it, an update that was skipped."""
        step, now, seconds = record["step"], number_of(record, "time"), number_of(record, "seconds")
        if now is not None and seconds is not None:
            stopped = 0.0 if self._shift is None else now - seconds - self._shift
            self._shift = now - seconds
            if stopped > _STOPPED:
                self.events.append(Event(step, f"went on after a stop of {_span(stopped)}"))
                self.stops.append(step)
        skipped = number_of(record, "skipped_updates") or 0
        strange = record.get("not_finite") or ("a number" if infinite else "")
        if skipped > self._skipped:
            why = f"{strange} is not finite, " if strange else ""
            self.events.append(Event(step, f"{why}update skipped ({skipped:.0f} so far)"))
        elif strange:
            self.events.append(Event(step, f"{strange} is not finite"))
        self._skipped = int(skipped)

    def since(self, gen: int, offset: int, names: Sequence[str], most: int) -> dict[str, Any]:
        """Return the rows behind an offset as columns, at most about `most` of them; all where `gen` is another one.

        {"gen", "offset", "whole", "columns": {"step": [...], ...}, "tip": {...}, "held_out": {...}}; rows of the tip
        are of a part that is not whole yet, and the next answer has them again.
        """
        known = gen == self.gen
        start = offset if known else -1
        columns, tip = self.train.since(start, ("seconds", *names), most)
        held_out, _ = self.held_out.since(start, _HELD_OUT, most)
        answer: dict[str, Any] = {"gen": self.gen, "offset": self.lines.offset, "whole": not known}
        answer |= {"columns": columns, "tip": tip, "held_out": held_out}
        return answer | {"stops": list(self.stops), "more": self.lines.more}

    def by_domain(self, most: int) -> dict[str, Any]:
        """Return the steps of measurements, the newest `most`, the unit, and for each domain its numbers there."""
        steps = sorted({step for values in self.domains.values() for step in values})[-most:]
        names = {name: [values.get(step) for step in steps] for name, values in self.domains.items()}
        unit = {"bits_per_byte": "bits per byte", "text_loss": "nats per token"}[self.unit]
        return {"step": steps, "unit": unit, "names": names}


class Samples:
    """What a run said of the same texts at many steps: `texts` has {"asked", "way", "said": [(step, text), ...]}."""

    def __init__(self, path: Path) -> None:
        self.lines = Lines(path)
        self.texts: dict[int, dict[str, Any]] = {}
        self.damaged = 0
        self._seen = 0

    def look(self, most: int) -> int:
        """Read what is new, at most about `most` bytes; return how many were read."""
        before = self.lines.taken
        for _, line in self.lines.new(most):
            self._check()
            self._take(line)
        self._check()
        return self.lines.taken - before

    def _check(self) -> None:
        if self.lines.gen != self._seen:
            self._seen, self.damaged = self.lines.gen, 0
            self.texts.clear()

    def _take(self, line: bytes) -> None:
        record, _ = parsed(line) if line.strip() else (None, False)
        if record is None:
            self.damaged += bool(line.strip())
            return
        number, said = record.get("text"), record.get("said")
        if record["kind"] != "sample" or type(number) is not int or not isinstance(said, str):
            return
        if number not in self.texts and len(self.texts) >= _TEXTS:
            return
        facts = {name: str(record.get(name, ""))[:_CHARACTERS] for name in ("asked", "way")}
        kept = self.texts.setdefault(number, {**facts, "said": []})["said"]
        kept.append((record["step"], said[:_CHARACTERS]))
        if len(kept) > _TIMES:
            del kept[1]  # the first one stays


def parsed(line: bytes) -> tuple[dict[str, Any] | None, bool]:
    """Return the record of a line, None where it is none, and whether a number of it was NaN or infinite."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None, False
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        return None, False
    if type(record.get("step")) is not int or not 0 <= record["step"] < 1 << 53:
        return None, False
    infinite = [name for name, value in record.items() if type(value) is float and not math.isfinite(value)]
    return (record | dict.fromkeys(infinite) if infinite else record), bool(infinite)


def number_of(record: Mapping[str, Any], name: str) -> Number:
    """Return a number of a record, None where it is missing, no number, or not finite."""
    value = record.get(name)
    if value is None and name in _BEFORE:
        value = record.get(_BEFORE[name])
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return float(value) if isinstance(value, int) and type(value) is int and abs(value) < _LARGEST else None


def time_left(recent: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the seconds that the rest of a run takes, by its last records; None where they do not tell."""
    if not recent:
        return None
    first, last = recent[0], recent[-1]
    steps, ends = number_of(last, "steps"), (number_of(first, "seconds"), number_of(last, "seconds"))
    if steps is None or None in ends or last["step"] <= first["step"]:
        return number_of(last, "seconds_left")
    assert ends[0] is not None and ends[1] is not None
    a_step = (ends[1] - ends[0]) / (last["step"] - first["step"])
    return max(0.0, float(a_step * (steps - last["step"])))


def _span(seconds: float) -> str:
    """Return a time in its largest unit.

    >>> _span(48), _span(720), _span(7300)
    ('48 s', '12 min', '2 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.0f} h"
