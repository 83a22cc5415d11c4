"""The ledger of every token: what went in is what came out, line by line, from what is read to what is computed.

    read      = kept + dropped, by reason + taken out of texts that went on      documents, bytes, words
    text      = kept by cleaning          tokens of the store = training + held out          rows = text + marks + ...
    rows read = steps × rows = distinct + repeated, by domain
    positions = rows read × positions = useful + padding       targets = scored + not scored       FLOPs = steps × ...

Each line is an equation between numbers of different origin: one side is recorded by whoever did the work, the other is
counted anew, or recorded by somebody else. A line that lacks a side says so, and has no tick.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hornbook.prepare.clean import CLEAN
from hornbook.report.facts import RunFacts
from hornbook.report.rows import Packed, RowCounts

_UNITS = ("documents", "bytes", "words", "tokens")
_COUNTS = ("positions", "padding", "scored", "not_scored")
_SAME = 1e-9  # products of floating-point numbers agree to so much
Terms = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Line:
    """One equation: the sum of `left` is the sum of `right`, each term with what it is.

    unit      of all terms
    sources   the files and counts that the two sides are from
    missing   why a side is not known; "" where both are
    each      every term is compared with its counterpart, not the sums
    """

    name: str
    unit: str
    left: Terms = ()
    right: Terms = ()
    sources: str = ""
    missing: str = ""
    each: bool = False

    @property
    def difference(self) -> float:
        """Left minus right; of terms that are compared each, the sum of what they differ by."""
        if self.each:
            return sum(abs(one - other) for (_, one), (_, other) in zip(self.left, self.right, strict=True))
        return math.fsum(value for _, value in self.left) - math.fsum(value for _, value in self.right)

    @property
    def holds(self) -> bool | None:
        """Whether both sides are equal; None where one is not known."""
        if self.missing:
            return None
        if all(isinstance(value, int) for _, value in (*self.left, *self.right)):
            return self.difference == 0
        size = max(abs(math.fsum(value for _, value in side)) for side in (self.left, self.right))
        return abs(self.difference) <= _SAME * size

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "name": self.name, "unit": self.unit, "left": dict(self.left), "right": dict(self.right),
            "holds": self.holds, "missing": self.missing,
        }  # fmt: skip


def ledger(run: RunFacts, rows: RowCounts | str) -> tuple[Line, ...]:
    """Return every line of a run; `rows` is what was counted of its text, or why nothing was."""
    return (*_account_or_why(run), *_text(run, rows), *_reading(run, rows), *_computing(run, rows))


def _account_or_why(run: RunFacts) -> list[Line]:
    try:
        return list(_cleaning(run))
    except (KeyError, TypeError, ValueError, AttributeError):
        return [Line("text read", "documents", missing="the account of the cleaning cannot be read")]


def _cleaning(run: RunFacts) -> Iterator[Line]:
    """Yield what became of the text before it was read, of each corpus that has an account."""
    accounts: list[Mapping[str, Any]] = list(run.corpus.get("built", []))
    if run.ledger:  # of its own cleaning the run has the account itself, not the totals alone
        accounts = [{"name": CLEAN, **run.ledger}, *(one for one in accounts if one["name"] != CLEAN)]
    if not accounts:
        yield Line("text read", "documents", missing="no account of a cleaning is recorded")
        return
    for account in accounts:
        yield from _account(account, len(accounts) > 1)
    for unit in ("documents", "bytes"):
        kept = tuple((f"kept of {one['name']}", int(one["kept"][unit])) for one in accounts)
        there = int(run.corpus[unit]) if unit in run.corpus else None
        line = Line("text of the run", unit, (("read by the run", there or 0),), kept, "corpus.json, ledger.json")
        if there is None:
            yield Line(line.name, unit, missing="corpus.json is not there")
        elif len(run.recipe.data.paths) > 1 and line.difference > 0:
            more = "files that were not cleaned have no account of their own, so the rest is not checked"
            yield Line(
                line.name,
                unit,
                line.left,
                (*kept, ("not cleaned", there - sum(value for _, value in kept))),
                line.sources,
                more,
            )
        else:
            yield line


def _account(account: Mapping[str, Any], several: bool) -> Iterator[Line]:
    """Yield in = kept + dropped by reason + taken out, in each unit that a corpus counted."""
    for unit in _UNITS:
        if unit not in account["in"]:
            continue
        dropped = tuple((f"dropped: {reason}", int(lost[unit])) for reason, lost in account["dropped"].items())
        right = (("kept", int(account["kept"][unit])), *dropped)
        if unit in account["removed"]:
            right = (*right, ("taken out of kept texts", int(account["removed"][unit])))
        name = f"text read, {account['name']}" if several else "text read"
        yield Line(name, unit, (("read", int(account["in"][unit])),), right, "ledger.json")


def _text(run: RunFacts, rows: RowCounts | str) -> Iterator[Line]:
    """Yield documents, bytes and tokens of the store, on both sides of the split, and the rows that hold them."""
    why = rows if isinstance(rows, str) else ""
    for unit in ("documents", "bytes"):
        sides = [
            (record, name) for record, name in ((run.corpus, "corpus.json"), (run.tokens, "tokens")) if unit in record
        ]
        if len(sides) < 2:
            yield Line("text as tokens", unit, missing="corpus.json or tokens/manifest.json is not there")
        else:
            (one, _), (other, _) = sides
            yield Line(
                "text as tokens",
                unit,
                (("read", int(one[unit])),),
                (("made into tokens", int(other[unit])),),
                "corpus.json, tokens/manifest.json",
            )
    for unit in ("documents", "bytes", "tokens"):
        if isinstance(rows, str) or unit not in run.tokens:
            yield Line("split", unit, missing=why or "tokens/manifest.json is not there")
            continue
        sides_of = (("for training", getattr(rows.trained, unit)), ("held out", getattr(rows.held_out, unit)))
        yield Line(
            "split",
            unit,
            (("in the store", int(run.tokens[unit])),),
            sides_of,
            "tokens/manifest.json, counted by document",
        )
    if isinstance(rows, str):
        yield Line("rows of one epoch", "positions", missing=why)
        return
    packed: Packed = rows.packed
    parts: Terms = (("tokens for training", rows.trained.tokens), ("marks around documents", packed.marks))
    parts = (*parts, ("shared with the row before", packed.shared), ("padding", packed.padding))
    yield Line(
        "rows of one epoch",
        "positions",
        ((f"(the positions of {packed.rows:,} rows)", packed.places),),
        parts,
        "counted by row, counted by document",
    )


def _reading(run: RunFacts, rows: RowCounts | str) -> Iterator[Line]:
    """Yield the rows that were read, and how many of them again, of each domain."""
    per_step = run.recipe.training.batch_rows
    product = (f"({run.step:,} steps × {per_step:,} rows)", run.step * per_step)
    if isinstance(rows, str) or not rows.domains:
        missing = rows if isinstance(rows, str) else "there are too many rows to count them one by one"
        yield Line("rows read", "rows", missing=missing)
    else:
        parts: list[tuple[str, float]] = []
        for domain in rows.domains:
            of = f" of {domain.name}" if domain.name else ""
            parts += [(f"different{of}", domain.distinct), (f"read again{of}", domain.read - domain.distinct)]
        yield Line("rows read", "rows", (product,), tuple(parts), "recipe.toml, metrics.jsonl, counted by row")
    tokens = _recorded(run, "tokens")
    if tokens is None or "tokens_per_step" not in run.plan or isinstance(rows, str):
        why = rows if isinstance(rows, str) else "plan.json or metrics.jsonl is not there"
        yield Line("tokens read", "tokens", missing=why)
    else:
        taken = round(per_step * rows.tokens_a_row) * run.step
        name = f"({run.step:,} steps × {round(per_step * rows.tokens_a_row):,} tokens)"
        yield Line("tokens read", "tokens", (("recorded", tokens),), ((name, taken),), "metrics.jsonl, counted by row")


def _computing(run: RunFacts, rows: RowCounts | str) -> Iterator[Line]:
    """Yield what the model computed of the rows, and scored."""
    counts = {name: _recorded(run, name) for name in _COUNTS}
    for name, per_row, left, right in (
        (
            "positions computed",
            "row_positions",
            "(rows read × positions of each)",
            (("useful", None), ("padding", "padding")),
        ),
        (
            "targets",
            "row_targets",
            "(rows read × targets of each)",
            (("scored", "scored"), ("not scored", "not_scored")),
        ),
    ):
        unit = name.partition(" ")[0]
        if missing := _why_not(run, rows, per_row, counts, unit):
            yield Line(name, unit, missing=missing)
            continue
        assert not isinstance(rows, str)
        sizes = [int(size) for size in run.plan[per_row]]
        expected = sum(read * size for read, size in zip(rows.turns, sizes, strict=True))
        known = {key: counts[key] or 0 for key in _COUNTS}
        known["useful"] = known["positions"] - known["padding"]
        parts = tuple((what, known[what if key is None else key]) for what, key in right)
        yield Line(name, unit, ((left, expected),), parts, "plan.json, counted by row, metrics.jsonl")
    yield from _told_alike(run)
    yield _flops(run)


def _why_not(run: RunFacts, rows: RowCounts | str, per_row: str, counts: Mapping[str, int | None], unit: str) -> str:
    """Return why positions or targets cannot be checked; "" where they can."""
    needed = ("positions", "padding") if unit == "positions" else ("scored", "not_scored")
    if isinstance(rows, str):
        return rows
    if not rows.turns:
        return "there are too many rows to count them one by one"
    sizes = run.plan.get(per_row)
    if not isinstance(sizes, list) or len(sizes) != len(rows.turns):
        return f"plan.json does not say how many {unit} a row has: another version wrote it"
    if any(counts[name] is None for name in needed):
        return f"the {unit} of all steps were not counted"
    return ""


def _told_alike(run: RunFacts) -> Iterator[Line]:
    """Yield that records, newest checkpoint and result have the same counts, as far as they are of the same step."""
    told: list[tuple[str, Sequence[int | None]]] = []
    if run.train:
        told.append(("records", [_recorded(run, name) for name in _COUNTS]))
    if (
        run.checkpoints
        and run.checkpoints[0][0] == run.step
        and isinstance(kept := run.checkpoints[0][1].get("counted"), list)
    ):
        told.append(("newest checkpoint", kept))
    if run.result is not None and run.result.steps == run.step:
        told.append(("result", [run.counts.get(name) for name in _COUNTS]))
    known = [(who, [value for value in values if value is not None]) for who, values in told]
    known = [(who, values) for who, values in known if values]
    if len(known) < 2:
        yield Line("counts told alike", "counts", missing="they are recorded in one place only")
    for (one, mine), (other, theirs) in itertools.pairwise(known):
        names = _COUNTS[: min(len(mine), len(theirs))]
        left, right = (
            tuple((name.replace("_", " "), values[place]) for place, name in enumerate(names))
            for values in (mine, theirs)
        )
        sources = f"left the {one}, right the {other}"
        yield Line("counts told alike", "counts", left, right, sources, each=True)


def _flops(run: RunFacts) -> Line:
    """Return that the operations of all steps are what the rates of the newest record say."""
    per_step, last = run.plan.get("flops_per_step"), run.train[-1] if run.train else {}
    rate, speed, tokens = (_number(last, name) for name in ("model_flops", "tokens_per_second", "tokens"))
    if not isinstance(per_step, int | float) or not rate or not speed or not tokens:
        return Line("operations", "FLOPs", missing="plan.json or metrics.jsonl is not there")
    left = ((f"({run.step:,} steps × {per_step:.4g} FLOPs)", run.step * float(per_step)),)
    right = (("(FLOPs a token × tokens, by the newest record)", rate / speed * tokens),)
    return Line("operations", "FLOPs", left, right, "plan.json, metrics.jsonl")


def _recorded(run: RunFacts, name: str) -> int | None:
    """Return a count as the newest record has it, or of a run whose records are lost as the result has it."""
    if not run.train:
        value = run.counts.get(name)
        return value if isinstance(value, int) else None
    value = run.train[-1].get(name)
    return value if isinstance(value, int) else None


def _number(record: Mapping[str, Any], name: str) -> float | None:
    value = record.get(name)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
