"""The page "watch": runs and studies below some directories, as they go. It only reads them, and loads no torch.

    POST /api/records   {"have": {"3": [gen, offset]}, "columns": ["loss"], "since": 0, "focus": 3}
    answer              {"records": {"3": {...}}, "runs": [those that changed], "tick": ..., "focus": {...}}

The reader polls, with all runs in one request, and gets what it has not got. Runs are named by numbers, never by paths.
Two runs are drawn on one axis where their losses are alike: of the same objective with the same settings, and of the
same tokens. Bits per byte of the same text compare whatever the tokens are.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hornbook.app.pictured import Picture, picture
from hornbook.app.serving.endpoints import Page, Refused, Reply
from hornbook.app.watched import WatchedRun
from hornbook.artifacts import digest
from hornbook.errors import UserError
from hornbook.study.design import STUDY
from hornbook.study.layout import RUNS, TRANSFERS, TRIALS
from hornbook.study.listing import places_below

COLUMNS = (
    "loss", "tokens_per_second", "model_flops_utilization", "learning_rate", "gradient_norm", "waiting_share",
    "useful_share", "memory_bytes",
)  # fmt: skip
_BYTES = 8 << 20  # of records that are read for one answer; what is left comes with the next ones
_NUMBERS, _NAMES = 33_000, 40  # of one answer, which so has at most 400 kB; what a run's names take, in numbers
_ROWS = 1_000  # of a run: what a chart has pixels for
_FIND_SECONDS, _FIND_SHARE = 4.0, 20  # between two searches for runs: at least so long, and so many times one search
_CALM_SECONDS = 10.0  # between two looks at a run that does not work and is not shown
_MOST_RUNS = 5_000
_SETTINGS_TEXT = 200  # characters of a setting
_NO_CHOICE = frozenset({"budget.corrections"})  # settings that the clock writes


@dataclass(frozen=True)
class Asked:
    """What a reader has, and wants.

    have      number of a run -> (gen, offset) of the points that it has; (-1, 0) = none
    columns   names of numbers beside the clock
    since     the tick of the list of runs that it has
    focus     the run whose samples, settings and events it shows; -1 = none
    told      the tag of what it was told of them last; they are sent where they have changed
    """

    have: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    columns: tuple[str, ...] = ("loss",)
    since: int = 0
    focus: int = -1
    told: str = ""


@dataclass(frozen=True)
class Played:
    """A run that the reader wants to play with."""

    run: int


class Watch:
    """All that is watched. Its answers are computed in turn: a lock keeps them apart."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self._directories = tuple(directories)
        self._runs: list[WatchedRun] = []
        self._known: dict[Path, int] = {}
        self._told: dict[int, tuple[dict[str, Any], int]] = {}  # what was said of each run, and its tick
        self._looked: dict[int, float] = {}
        self._tick = time.time_ns() // 1_000_000  # ticks of an earlier server are smaller
        self._find_at = 0.0
        self._lock = threading.Lock()

    def page(self, play: Callable[[Path], int] | None = None) -> Page:
        """Return the page; `play` adds a run to the page Play, where there is one, and returns its number there."""
        asked = [Reply("/api/records", Asked, self.records), Reply("/api/svg", Picture, picture)]
        if play is not None:
            asked.append(Reply("/api/play", Played, lambda played: {"run": play(self._place_of(played.run))}))
        return Page("watch", "Watch", tuple(asked), lambda: self.session() | {"plays": play is not None})

    def session(self) -> dict[str, Any]:
        """Return what the page needs to know first."""
        return {"places": [shown(str(place)) for place in self._directories], "columns": list(COLUMNS)}

    def _place_of(self, number: int) -> Path:
        if not 0 <= number < len(self._runs):
            raise Refused(f"There is no run {number} here.", "run")
        return self._runs[number].place

    def records(self, asked: Asked) -> dict[str, Any]:
        """Return what a reader has not got yet. Raises Refused for a run or a column that does not exist."""
        wanted = self._wanted(asked)
        with self._lock:
            self._find()
            self._tick = max(self._tick + 1, time.time_ns() // 1_000_000)
            records = self._records(wanted, asked.columns)
            self._list(set(wanted))
            changed = [entry for entry, tick in self._told.values() if tick > asked.since]
            answer = {"tick": self._tick, "runs": changed, "records": records}
            if asked.focus >= 0:
                focus = self._focus(asked.focus, sorted(wanted))
                if (tag := digest(focus)[:12]) != asked.told:
                    answer["focus"] = focus | {"tag": tag}
            return answer

    def _wanted(self, asked: Asked) -> dict[int, tuple[int, int]]:
        wanted = {}
        for name, cursor in asked.have.items():
            if len(name) > len(str(_MOST_RUNS)) or not name.isdecimal() or int(name) >= len(self._runs):
                raise Refused(f"There is no run {shown(name)[:20]} here.", "have")
            wanted[int(name)] = cursor
        for name in asked.columns:
            if name not in COLUMNS:
                raise Refused(f"There is no column {shown(name)[:40]}: choose from {', '.join(COLUMNS)}.", "columns")
        if asked.focus >= len(self._runs):
            raise Refused(f"There is no run {asked.focus} here.", "focus")
        return wanted

    def _find(self) -> None:
        """Look for new runs, now and then."""
        begun = time.monotonic()
        if begun < self._find_at:
            return
        for directory in self._directories:
            for place, _ in places_below(directory):
                if place not in self._known and len(self._runs) < _MOST_RUNS:
                    self._known[place] = len(self._runs)
                    self._runs.append(WatchedRun(place, *_study_of(place)))
        took = time.monotonic() - begun
        self._find_at = begun + took + max(_FIND_SECONDS, _FIND_SHARE * took)

    def _records(self, wanted: Mapping[int, tuple[int, int]], columns: Sequence[str]) -> dict[str, Any]:
        """Return the new rows of runs, each with its share of what one answer may hold."""
        left = _BYTES
        for number in wanted:
            self._runs[number].want_all()
            if left > 0:
                left -= self._runs[number].look(left)
            self._looked[number] = time.monotonic()
        rows = [(len(run.curves.train), len(run.curves.held_out)) for run in map(self._runs.__getitem__, wanted)]
        most, room = _ROWS, _NUMBERS - _NAMES * len(wanted)
        while most > 16 and sum(min(t, most) * (2 + len(columns)) + min(h, most) * 4 for t, h in rows) > room:
            most = most * 3 // 4
        return {
            str(number): self._runs[number].curves.since(gen, offset, columns, most)
            for number, (gen, offset) in wanted.items()
        }

    def _list(self, fresh: set[int]) -> None:
        """Look at the runs, at calm ones not each time, and note with this tick what is new of them."""
        now = time.monotonic()
        names = Counter(run.place.name for run in self._runs if not run.study)
        for number, run in enumerate(self._runs):
            before = self._told.get(number)
            calm = before is not None and not before[0]["live"]
            if number not in fresh:
                if calm and now - self._looked.get(number, -_CALM_SECONDS) < _CALM_SECONDS:
                    continue
                run.look(_BYTES)
                self._looked[number] = now
            entry = {"number": number, **self._name(run, names[run.place.name] > 1), **run.standing()}
            if before is None or before[0] != entry:
                self._told[number] = (entry, self._tick)

    def _name(self, run: WatchedRun, twin: bool) -> dict[str, Any]:
        """Return what a run is called; runs of an arm of a study are one item of the list."""
        facts, own = run.facts, str(run.place)
        parts = Path(run.study).name, run.arm
        return {
            "name": shown(run.place.name or own),
            "path": shown(own),
            "item": shown("\n".join(parts) if run.study else own),
            "label": shown(
                ": ".join(parts) if run.study else str(Path(*run.place.parts[-2:])) if twin else run.place.name
            ),
            "objective": shown(facts.kind),
            # Where one of both is not known, a run is like no other.
            "group": f"{facts.objective} {facts.tokenizer}" if facts.objective and facts.tokenizer else own,
            "text": facts.text or own,
            "tokens": run.tokens_per_step,
            "flops": facts.flops_per_step,
            "peak": facts.matmul_flops,
        }

    def _focus(self, number: int, others: Sequence[int]) -> dict[str, Any]:
        """Return samples and events of one run, and in which settings the runs that are shown differ."""
        run = self._runs[number]
        run.want_all()
        run.look(_BYTES)
        run.samples.look(_BYTES)
        domains = run.curves.by_domain(_ROWS // 5)
        events = [{"step": event.step, "what": shown(event.what)} for event in run.curves.events]
        if run.samples.damaged:
            events.append({"step": 0, "what": f"lines of samples that are damaged: {run.samples.damaged}"})
        return {
            "number": number,
            "samples": [
                {"text": text, "asked": shown(one["asked"]), "way": shown(one["way"]),
                 "said": [{"step": step, "text": shown(said)} for step, said in one["said"]]}
                for text, one in sorted(run.samples.texts.items())
            ],
            "events": events,
            "domains": domains | {"names": {shown(name): ys for name, ys in domains["names"].items()}},
            "settings": _differences({other: self._runs[other].facts.settings for other in others or [number]}),
        }  # fmt: skip


def _differences(settings: Mapping[int, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return the settings in which runs differ: name, and each value with the runs that have it."""
    found = []
    for name in sorted({name for one in settings.values() for name in one} - _NO_CHOICE):
        values: dict[str, list[int]] = {}
        for number, one in settings.items():
            values.setdefault(one.get(name, "-"), []).append(number)
        if len(values) > 1:
            told = [{"value": shown(value)[:_SETTINGS_TEXT], "runs": runs} for value, runs in values.items()]
            found.append({"name": shown(name), "values": told})
    return found


def watching(directories: Sequence[Path]) -> Watch:
    """Return what watches the runs in and below directories; none = runs/, which may not be there yet.

    Raises UserError where a directory that is named does not exist.
    """
    for directory in directories:
        if not directory.is_dir():
            raise UserError(f"There is no directory {directory}: name a run, a study, or a folder that holds some.")
    return Watch([Path(directory) for directory in directories] or [Path("runs")])


def _study_of(place: Path) -> tuple[str, str]:
    """Return the study that a run belongs to, and its arm there; two empty texts of any other run."""
    arm = place.name.rpartition(".")[0] or place.name
    above = place.parent
    names = {RUNS: arm, TRIALS: f"{arm}, trials"}
    if above.name in names and (above.parent / STUDY).is_file():
        return str(above.parent), names[above.name]
    if above.parent.name == TRANSFERS and (above.parent.parent / STUDY).is_file():
        return str(above.parent.parent), f"{arm}, {above.name}"
    return "", ""


def shown(text: str) -> str:
    """Return a text with signs for what has none: control characters, and those that turn the direction of reading.

    Line breaks and tabs stay. Bytes of a name that are no text become a question mark.
    """
    if text.isascii() and text.isprintable():
        return text
    kept = os.fsencode(text).decode("utf-8", "replace") if any("\udc80" <= sign <= "\udcff" for sign in text) else text
    return "".join(sign if sign.isprintable() or sign in "\n\t" else _sign(sign) for sign in kept)


def _sign(sign: str) -> str:
    code = ord(sign)
    return chr(0x2400 + code) if code < 0x20 else sign if sign.isspace() else f"[U+{code:04X}]"
