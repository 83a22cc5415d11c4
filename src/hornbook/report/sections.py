"""Sections: the report of one run or of several, in eleven parts, from facts to blocks.

1 verdict   2 numbers   3 curves   4 budget   5 the ledger of every token   6 data   7 samples   8 domains
9 recipe and environment   10 model card   11 what this does not show
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hornbook.console import duration
from hornbook.evaluate.numbers import Number
from hornbook.report.blocks import Account, Block, Fold, Paragraph, Points, Report, Section, by_run, grid
from hornbook.report.compared import Compared, compared
from hornbook.report.curves import conduct, curves, domains
from hornbook.report.facts import RunFacts
from hornbook.report.ledger import ledger
from hornbook.report.made_of import card, data, recipe, samples
from hornbook.report.opening import Looked, between, told, verdict
from hornbook.report.rows import counted
from hornbook.report.verdicts import rules
from hornbook.study.yardsticks import BITS

_MOST_DOMAINS = 40  # rows of a table


@dataclass(frozen=True)
class Options:
    """What a report may show: whole paths of files, and texts of documents that the cleaning dropped."""

    full_paths: bool = False
    examples: bool = False


def report_runs(runs: Sequence[RunFacts], options: Options, left_out: Sequence[str] = ()) -> Report:
    """Return the report of some runs; `left_out` are sentences on others that could not be read."""
    looked = [_looked(run, options) for run in runs]
    found = compared(runs, full_paths=options.full_paths) if len(runs) > 1 else None
    title = runs[0].name if len(runs) == 1 else f"{len(runs)} runs"
    blocks: list[tuple[str, str, Sequence[Block]]] = [
        ("verdict", "Verdict", verdict(looked, found, left_out)),
        ("numbers", "Numbers", by_run([(one.run.name, _numbers(one.run)) for one in looked])),
        ("curves", "Curves", _curves(runs)),
        ("budget", "Budget", _budget(looked, found)),
        ("ledger", "The ledger of every token", _ledger(looked)),
        ("data", "Data", by_run([(one.run.name, data(one.run, one.rows, options.examples)) for one in looked])),
        ("samples", "Samples", by_run([(run.name, samples(run)) for run in runs])),
        ("domains", "Domains", by_run([(one.run.name, _domains(one)) for one in looked])),
        ("recipe", "Recipe and environment", _recipes(runs, found, options)),
        ("card", "Model card", by_run([(run.name, card(run, options.full_paths)) for run in runs])),
        ("limits", "What this does not show", _limits(looked, found)),
    ]  # fmt: skip
    sections = tuple(Section(name, heading, tuple(some)) for name, heading, some in blocks)
    subtitle = ", ".join(_subtitle(run) for run in runs) if len(runs) == 1 else ", ".join(run.name for run in runs)
    return Report(f"Report: {title}", subtitle, sections, tuple(left_out), _plain(looked, found, left_out))


def _subtitle(run: RunFacts) -> str:
    """Return in a line what a run is."""
    known = [f"objective {run.objective}", run.state, f"seed {run.recipe.seed}"]
    return ", ".join([*known, *([f"Hornbook {run.version}"] if run.version else [])])


def _looked(run: RunFacts, options: Options) -> Looked:
    nothing = run.transferred is not None or run.state == "imported"
    why = "this run was not pre-trained here" if nothing else ""
    rows = why or counted(run, full_paths=options.full_paths)
    return Looked(run, rows, () if nothing else rules(run, rows), () if nothing else ledger(run, rows))


def _numbers(run: RunFacts) -> list[Block]:
    if run.transferred is not None:
        measured = [[str(one.get(key, "")) for key in ("name", "value", "meaning")] for one in run.transferred.numbers]
        return [grid("What was measured after the transfer", ("measure", "value", "what it is"), measured, (2,))]
    if run.result is None:
        return [Paragraph("Nothing was measured at the end of this run.")]
    names = list(dict.fromkeys(name for number in run.result.numbers for name in number.baselines))
    rows: list[tuple[str, ...]] = []
    for number in run.result.numbers:
        beside = [number.written(number.baselines[name]) if name in number.baselines else "" for name in names]
        kind = {"exact": "", "bound": "; an upper bound", "pseudo": "; no likelihood of the text"}[number.kind]
        ends = (
            ""
            if number.low is None or number.high is None
            else f"{number.written(number.low)} to {number.written(number.high)}"
        )
        rows.append((number.name, number.written(number.value), ends, *beside, f"{number.meaning}{kind}"))
    columns = ("measure", "this model", "95 % interval", *names, "what it is")
    blocks: list[Block] = [grid(f"On {run.result.title}", columns, rows, (len(columns) - 1,))]
    blocks += [Points(run.result.remarks)] if run.result.remarks else []
    if run.evaluations:
        asked = [
            (name, str(records.header.get("items", len(records.items)))) for name, records in run.evaluations.items()
        ]
        blocks.append(grid("Asked beside, by `hornbook evaluate`", ("measurement", "items"), asked))
    return blocks


def _curves(runs: Sequence[RunFacts]) -> list[Block]:
    if not any(run.train or run.measured for run in runs):
        return [Paragraph("No records of training are there, so there are no curves.")]
    return [*curves(runs), Fold("How training went: gradient, learning rate, speed", tuple(conduct(runs)))]


def _budget(looked: Sequence[Looked], found: Compared | None) -> list[Block]:
    if found is not None:
        names = [one.run.name for one in looked]
        rows = [(what, *values, "equal" if equal else "not equal") for what, equal, values in found.budgets]
        caption = "What each run spent; numbers count as equal that differ by a few percent at most"
        return [grid(caption, ("what", *names, "equal"), rows, (len(names) + 1,))]
    run, rows_of = looked[0].run, looked[0].rows
    seconds = None if run.result is None else run.result.seconds
    facts: list[tuple[str, str]] = [
        ("steps", f"{run.step:,} of {run.steps:,}"),
        ("rows a step", f"{run.recipe.training.batch_rows:,}"),
    ]
    if run.tokens_read is not None:
        facts.append(("tokens read", f"{run.tokens_read:,}"))
        if run.parameters:
            facts += [
                ("parameters", f"{run.parameters:,}"),
                ("tokens per parameter", f"{run.tokens_read / run.parameters:.2f}"),
            ]
    if not isinstance(rows_of, str):
        facts.append(("readings of the text", f"{rows_of.examples / max(rows_of.packed.rows, 1):.2f}"))
    if isinstance(per_step := run.plan.get("flops_per_step"), int | float):
        facts.append(("FLOPs", f"{run.step * per_step:.4g}"))
    if seconds is not None:
        facts.append(("time of training and measuring", duration(seconds)))
    return [grid("What the run spent", ("what", "how much"), facts)]


def _ledger(looked: Sequence[Looked]) -> tuple[Block, ...]:
    parts: list[tuple[str, Sequence[Block]]] = []
    for one in looked:
        if not one.lines:
            parts.append((one.run.name, [Paragraph("This run has no training of its own, so there is no ledger.")]))
            continue
        holds, fails = (sum(line.holds is wanted for line in one.lines) for wanted in (True, False))
        rest = len(one.lines) - holds - fails
        sentence = f"{holds} of {len(one.lines)} lines hold to the last unit, {fails} do not, {rest} cannot be checked."
        parts.append((one.run.name, [Paragraph(sentence), Account(one.lines)]))
    return by_run(parts)


def _domains(one: Looked) -> list[Block]:
    run, blocks = one.run, list[Block]()
    if not isinstance(one.rows, str) and len(one.rows.domains) > 1:
        total = max(one.rows.examples, 1)
        rows = [
            (
                domain.name,
                f"{domain.read / total:.1%}",
                f"{domain.rows:,}",
                f"{domain.read:,}",
                f"{domain.read / max(domain.rows, 1):.2f}",
            )
            for domain in one.rows.domains[:_MOST_DOMAINS]
        ]
        blocks.append(grid("What was read of each domain", ("domain", "share", "rows", "rows read", "times"), rows))
    begin = f"{BITS} of "
    numbers = [] if run.result is None else [number for number in run.result.numbers if number.name.startswith(begin)]
    if numbers:
        told = [(one.name.removeprefix(begin), one.text, f"{one.items:,}") for one in numbers[:_MOST_DOMAINS]]
        blocks.append(grid("Held-out bits per byte by domain", ("domain", "bits per byte", "documents"), told))
    blocks += domains(run)
    return blocks or [
        Paragraph("The domains of this run's text were not told apart (mix.domain), so nothing is known by domain.")
    ]


def _recipes(runs: Sequence[RunFacts], found: Compared | None, options: Options) -> list[Block]:
    blocks: list[Block] = []
    if found is not None:
        names = [run.name for run in runs]
        caption = "Settings in which the runs differ" if found.settings else "The runs have equal settings"
        rows = [(name, *values) for name, values in found.settings]
        blocks.append(
            grid(caption, ("setting", *names), rows, range(1, len(names) + 1)) if rows else Paragraph(f"{caption}.")
        )
    return [*blocks, *by_run([(run.name, recipe(run)) for run in runs])]


def _limits(looked: Sequence[Looked], found: Compared | None) -> list[Block]:
    sentences = [
        "One text was read: other text, other languages and other sizes may rank objectives and settings otherwise.",
        "Intervals are over documents or items: what another seed or another vocabulary would change is not in them.",
        "A low loss is no skill: what a model is good for is told by tasks (`hornbook evaluate --task`) and transfer.",
        "Held-out documents come from the sources of the training text: what is nearly the same on both sides makes "
        "every number too good.",
        "Rules of thumb are marked as such. A rule that lacks its data is not known, which is not good.",
    ]  # fmt: skip
    if found is not None:
        scope = () if found.by_arms is None else found.by_arms.notes
        sentences = [
            *scope,
            "A loss or a perplexity is of one objective and one vocabulary: between unlike ones there is no winner.",
            *sentences,
        ]
    if any(one.run.result is not None and one.run.result.number(BITS) is None for one in looked):
        sentences.append(
            "Where an objective gives texts no likelihood there are no bits per byte: transfer alone compares them."
        )
    blocks: list[Block] = [Points(tuple(sentences))]
    absent = [(one.run.name, one.run.absent) for one in looked if one.run.absent]
    parts: list[tuple[str, Sequence[Block]]] = [(name, [Points(told)]) for name, told in absent]
    if parts:
        blocks += [Paragraph("Files that are not there, or could not be used:"), *by_run(parts)]
    return blocks


def _plain(looked: Sequence[Looked], found: Compared | None, left_out: Sequence[str]) -> dict[str, object]:
    """Return what a script would ask: runs with their numbers, rules and ledger, and the comparison."""
    runs = []
    for one in looked:
        result = one.run.result
        runs.append({
            "name": one.run.name, "objective": one.run.objective, "state": one.run.state, "step": one.run.step,
            "steps": one.run.steps, "verdict": told(one.run),
            "numbers": {number.name: _ends(number) for number in (() if result is None else result.numbers)},
            "rules": [rule.plain() for rule in one.rules], "ledger": [line.plain() for line in one.lines],
            "absent": list(one.run.absent),
        })  # fmt: skip
    comparison = None
    if found is not None:
        comparison = {
            "verdicts": [*between(found)[0], *between(found)[1]], "weights": [one.plain() for one in found.weights],
            "budgets": {what: {"equal": equal, "values": list(values)} for what, equal, values in found.budgets},
            "left_out": list(found.left_out),
        }  # fmt: skip
    return {"runs": runs, "comparison": comparison, "left_out": list(left_out)}


def _ends(number: Number) -> dict[str, float | None]:
    return {"value": number.value, "low": number.low, "high": number.high}
