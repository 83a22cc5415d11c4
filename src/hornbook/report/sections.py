"""Sections: the report of one run or of several, in eleven parts, from facts to blocks.

1 verdict   2 numbers   3 curves   4 budget   5 the ledger of every token   6 data   7 samples   8 domains
9 recipe and environment   10 model card   11 what this does not show
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hornbook.console import duration, quantity
from hornbook.report.blocks import Account, Block, Fold, Paragraph, Points, Report, Rules, Section, Tiles, by_run, grid
from hornbook.report.compared import Compared, compared
from hornbook.report.curves import conduct, curves, domains
from hornbook.report.facts import RunFacts
from hornbook.report.ledger import Line, ledger
from hornbook.report.made_of import card, data, recipe, samples
from hornbook.report.rows import RowCounts, counted
from hornbook.report.verdicts import Rule, rules
from hornbook.study.yardsticks import BITS

_SIGNS = {"good": "nothing to mend", "look": "look", "unknown": "not known"}
_MOST_DOMAINS, _MOST_LEADS = 40, 3  # rows of a table, and verdicts in large letters


@dataclass(frozen=True, eq=False)
class Looked:
    """A run with what was found of it."""

    run: RunFacts
    rows: RowCounts | str
    rules: tuple[Rule, ...]
    lines: tuple[Line, ...]


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
        ("verdict", "Verdict", _verdict(looked, found, left_out)),
        ("numbers", "Numbers", by_run([(one.run.name, _numbers(one.run)) for one in looked])),
        ("curves", "Curves", _curves(runs)),
        ("budget", "Budget", _budget(looked, found)),
        ("ledger", "The ledger of every token", _ledger(looked)),
        ("data", "Data", by_run([(one.run.name, data(one.run, one.rows, options.examples)) for one in looked])),
        ("samples", "What the models said while they trained" if len(runs) > 1 else "What the model said while it trained",
         by_run([(run.name, samples(run)) for run in runs])),
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


def _verdict(looked: Sequence[Looked], found: Compared | None, left_out: Sequence[str]) -> list[Block]:
    blocks: list[Block] = [Points(tuple(left_out))] if left_out else []
    if found is None:
        (one,) = looked
        first, *others = told(one.run)
        blocks += [Paragraph(first, lead=True), *map(Paragraph, others)]
        blocks += [Tiles(tiles)] if (tiles := _tiles(one.run)) else []
        return [*blocks, Paragraph(_counted(one.rules)), Rules(_ordered(one.rules))] if one.rules else blocks
    verdicts, budgets = _between(found)
    blocks += [Paragraph(sentence, lead=True) for sentence in verdicts[:_MOST_LEADS]]
    blocks += [Points(tuple(verdicts[_MOST_LEADS:]))] if len(verdicts) > _MOST_LEADS else []
    blocks += [Paragraph(budgets), *([Points(found.left_out)] if found.left_out else [])]
    blocks += [Points(tuple(f"{one.run.name}: {told(one.run)[0]}" for one in looked))]
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
        numbers = "; ".join(f"{one.get('name')} {one.get('value')}" for one in run.transferred.numbers)
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
        names = ", ".join(loss.baselines)
        better = loss.value < min(loss.baselines.values())
        first += (
            f" {'It knows more than' if better else 'It does not beat'} counts of words on the same text ({names})."
        )
    return [
        first,
        "This is of one run with one seed. It says nothing of its objective, of other sizes or of other text.",
    ]


def _between(found: Compared) -> tuple[list[str], str]:
    """Return the verdicts on several runs, and which of their budgets are equal.

    Those of arms with seeds come before those of two weights, and the common yardstick before others.
    """
    sentences = []
    arms = () if found.by_arms is None else found.by_arms.yardsticks
    for yardstick in sorted(arms, key=lambda one: one.name != BITS):
        tested = [verdict for verdict in yardstick.verdicts if verdict.word != "not tested"]
        sentences += [f"{yardstick.name}: {verdict.sentence}" for verdict in tested]
    if not sentences:
        sentences += [one.sentence for one in sorted(found.weights, key=lambda one: one.yardstick != BITS)]
    if found.by_arms is None:
        sentences.append(found.refused)
    elif not sentences:
        sentences.append("There is no verdict: these runs have no number in common that may be compared.")
    unlike = [what for what, equal, _ in found.budgets if not equal]
    alike = [what for what, equal, _ in found.budgets if equal]
    told = f"Equal in {_and(alike) or 'nothing that was counted'}; {f'not equal in {_and(unlike)}' if unlike else 'in nothing unlike'}."
    return sentences, f"What the runs spent: {told[0].lower()}{told[1:]}"


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _counted(found: Sequence[Rule]) -> str:
    """Return how many rules found something."""
    number = {status: sum(rule.status == status for rule in found) for status in _SIGNS}
    return (
        f"Of {len(found)} rules {number['good']} find nothing to mend, {number['look']} ask for a look, and "
        f"{number['unknown']} lack their data."
    )


def _numbers(run: RunFacts) -> list[Block]:
    if run.transferred is not None:
        rows = [
            (str(one.get("name")), str(one.get("value")), str(one.get("meaning", "")))
            for one in run.transferred.numbers
        ]
        return [grid("What was measured after the transfer", ("measure", "value", "what it is"), rows, (2,))]
    if run.result is None:
        return [Paragraph("Nothing was measured at the end of this run.")]
    names = list(dict.fromkeys(name for number in run.result.numbers for name in number.baselines))
    rows = []
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
        rows = [
            (number.name.removeprefix(begin), number.text, f"{number.items:,}") for number in numbers[:_MOST_DOMAINS]
        ]
        blocks.append(grid("Held-out bits per byte by domain", ("domain", "bits per byte", "documents"), rows))
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
        "Intervals are over documents or items. They do not hold what another seed, another machine or another vocabulary would change.",
        "A low loss is no skill: what the model is good for is told by tasks (`hornbook evaluate --task`) and by transfer.",
        "Held-out documents come from the same sources as the training text; text that is nearly the same on both sides makes every number too good.",
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
            "Where an objective gives texts no likelihood there are no bits per byte: such runs are compared by transfer alone."
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
            "numbers": {} if result is None else {n.name: {"value": n.value, "low": n.low, "high": n.high} for n in result.numbers},
            "rules": [rule.plain() for rule in one.rules], "ledger": [line.plain() for line in one.lines],
            "absent": list(one.run.absent),
        })  # fmt: skip
    comparison = None
    if found is not None:
        comparison = {
            "verdicts": _between(found)[0], "weights": [one.plain() for one in found.weights],
            "budgets": {what: {"equal": equal, "values": list(values)} for what, equal, values in found.budgets},
            "left_out": list(found.left_out),
        }  # fmt: skip
    return {"runs": runs, "comparison": comparison, "left_out": list(left_out)}
