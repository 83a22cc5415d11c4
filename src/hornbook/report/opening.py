"""The opening of a report: what may be said of one run or of several, in a few sentences, numbers and rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hornbook.console import duration, quantity
from hornbook.report.blocks import Block, Fold, Grid, Paragraph, Points, Rules, Tiles, grid
from hornbook.report.compared import Compared
from hornbook.report.facts import RunFacts
from hornbook.report.ledger import Line
from hornbook.report.private import base_name
from hornbook.report.rows import RowCounts
from hornbook.report.verdicts import Rule
from hornbook.study.yardsticks import BITS

_SIGNS = {"good": "nothing to mend", "look": "look", "unknown": "not known"}
_MOST_LEADS = 3  # verdicts in large letters


@dataclass(frozen=True, eq=False)
class Looked:
    """A run with what was found of it."""

    run: RunFacts
    rows: RowCounts | str
    rules: tuple[Rule, ...]
    lines: tuple[Line, ...]


def verdict(looked: Sequence[Looked], found: Compared | None, left_out: Sequence[str]) -> list[Block]:
    blocks: list[Block] = [Points(tuple(left_out))] if left_out else []
    if found is None:
        (one,) = looked
        sentence, *scope = told(one.run)
        blocks += [Paragraph(sentence, lead=True), *map(Paragraph, scope)]
        blocks += [Tiles(tiles)] if (tiles := _tiles(one.run)) else []
        return [*blocks, Paragraph(_counted(one.rules)), Rules(_ordered(one.rules))] if one.rules else blocks
    firsts, others, budgets = between(found)
    blocks += [Paragraph(sentence, lead=True) for sentence in firsts]
    blocks += [Points(tuple(others))] if others else []
    blocks += [_beside(looked), Paragraph(budgets), *([Points(found.left_out)] if found.left_out else [])]
    ruled = [one for one in looked if one.rules]
    if ruled:
        names = [rule.name for rule in ruled[0].rules]
        rows = [(name, *(_SIGNS[one.rules[place].status] for one in ruled)) for place, name in enumerate(names)]
        columns = ("rule", *(one.run.name for one in ruled))
        blocks.append(grid("What the rules find in each run", columns, rows, range(1, len(columns))))
        title = "The rules of {}, with their numbers".format
        blocks += [Fold(title(one.run.name), (Rules(_ordered(one.rules)),)) for one in ruled]
    return blocks


def _ordered(found: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return rules with those first that ask for a look."""
    return tuple(sorted(found, key=lambda rule: ("look", "unknown", "good").index(rule.status)))


def _tiles(run: RunFacts) -> tuple[tuple[str, str, str], ...]:
    """Return the few numbers that stand for a run."""
    found: list[tuple[str, str, str]] = []
    for name in (BITS, "loss"):
        if run.result is not None and (number := run.result.number(name)) is not None:
            ends = "" if number.low is None or number.high is None else (
                f"{number.written(number.low)} to {number.written(number.high)}"
            )  # fmt: skip
            found.append((name if number.kind != "bound" else f"{name}, at most", number.written(number.value), ends))
    if run.parameters:
        found.append(("parameters", quantity(run.parameters), run.recipe.model.topology))
    if run.tokens_read:
        share = f"{run.tokens_read / run.parameters:.2f} per parameter" if run.parameters else ""
        found.append(("tokens read", quantity(run.tokens_read), share))
    if run.step:
        found.append(("steps", f"{run.step:,}", "all of them" if run.step == run.steps else f"of {run.steps:,}"))
    if run.result is not None and run.result.seconds is not None:
        found.append(("time", duration(run.result.seconds), str(run.environment.get("device", ""))))
    return tuple(found)


def told(run: RunFacts) -> list[str]:
    """Return the verdict on one run in two sentences: what it is worth, and how far that reaches."""
    size = f"{quantity(run.parameters)} parameters" if run.parameters else "unknown size"
    if run.transferred is not None:
        numbers = "; ".join(f"{one.get('name')} {_short(one.get('value'))}" for one in run.transferred.numbers)
        return [f"A run of transfer on the task {run.transferred.task}: {numbers or 'nothing was measured'}."]
    if run.state == "imported":
        return [f"A model that was imported, with the objective {run.objective}: it has no training of its own here."]
    if run.result is None:
        last = run.measured[-1].get("loss") if run.measured else None
        held = f" Its last held-out loss was {last:.4f} nats per scored token." if isinstance(last, float) else ""
        return [f"There is no verdict: the run is {run.state}, at step {run.step:,} of {run.steps:,}.{held}"]
    read = "" if run.tokens_read is None else f" and {quantity(run.tokens_read)} tokens"
    bits, loss = run.result.number(BITS), run.result.number("loss")
    assert loss is not None  # of every result
    most = "at most " if bits is not None and bits.kind == "bound" else ""
    worth = (
        f"{most}{bits.text} bits per byte of text"
        if bits is not None
        else f"{loss.text} nats per scored token of its own objective"
    )
    first = (
        f"After {run.step:,} steps{read} this {run.objective} model of {size} needs {worth} that it was not trained on."
    )
    if loss.baselines:
        unbeaten = [name for name, value in loss.baselines.items() if loss.value >= value]
        names = ", ".join(unbeaten or loss.baselines)
        how = "It does not beat" if unbeaten else "It knows more than"
        first += f" {how} counts of words on the same text ({names})."
    began = [] if run.origin is None else [
        f"It began with the weights of {base_name(str(run.origin.get('name', '')))}: what these had learned is in the "
        "result, and what they had read is counted nowhere here."
    ]  # fmt: skip
    return [
        first,
        *began,
        "This is of one run with one seed. It says nothing of its objective, of other sizes or of other text.",
    ]


def _short(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def between(found: Compared) -> tuple[list[str], list[str], str]:
    """Return what decides between several runs, what else may be said, and which of their budgets are equal.

    The verdicts of arms with seeds go before those of two weights, and the common yardstick before others.
    """
    arms = () if found.by_arms is None else found.by_arms.yardsticks
    told = [
        (f"{yardstick.name}: {verdict.sentence}", verdict.word in ("better", "worse"))
        for yardstick in sorted(arms, key=lambda one: one.name != BITS)
        for verdict in yardstick.verdicts
        if verdict.word != "not tested"
    ]
    if not told:
        weights = sorted(found.weights, key=lambda one: one.yardstick != BITS)
        told = [(one.sentence, bool(one.winner)) for one in weights]
    first = [sentence for sentence, decides in told if decides][:_MOST_LEADS]
    others = [sentence for sentence, _ in told if sentence not in first]
    if not first:
        first = ["No run is better than another by anything that was measured of both."]
    others += [found.refused] if found.refused else []
    unlike = [what for what, equal, _ in found.budgets if not equal]
    alike = [what for what, equal, _ in found.budgets if equal]
    rest = f"not equal in {_and(unlike)}" if unlike else "unlike in nothing"
    return first, others, f"What the runs spent: equal in {_and(alike) or 'nothing that was counted'}; {rest}."


def _beside(looked: Sequence[Looked]) -> Grid:
    """Return the runs in a table, a line for each."""
    rows = []
    for one in looked:
        run, result = one.run, one.run.result
        bits = None if result is None else result.number(BITS)
        loss = None if result is None else result.number("loss")
        counts = loss.baselines if loss is not None else {}
        most = "at most " if bits is not None and bits.kind == "bound" else ""
        better = "not known" if loss is None or not counts else "yes" if loss.value < min(counts.values()) else "no"
        rows.append(
            (
                run.name, run.objective, run.state, "" if bits is None else f"{most}{bits.text}",
                "" if loss is None else f"{loss.value:.4f}", better,
            )
        )  # fmt: skip
    columns = ("run", "objective", "state", "bits per byte (95 %)", "loss of its own", "better than counts")
    return grid("The runs; losses of unlike objectives may not be compared", columns, rows, (1, 2))


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _counted(found: Sequence[Rule]) -> str:
    """Return how many rules found something."""
    number = {status: sum(rule.status == status for rule in found) for status in _SIGNS}
    return (
        f"Of {len(found)} rules {number['good']} find nothing to mend, {number['look']} ask for a look, and "
        f"{number['unknown']} lack their data."
    )
