"""What a run was made of: its data, its recipe and environment, its card, and what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hornbook.convert.families import choose
from hornbook.errors import HornbookError
from hornbook.recipes.recipe import Recipe
from hornbook.report.blocks import Block, Fold, Listing, Paragraph, Points, Said, grid
from hornbook.report.facts import RunFacts
from hornbook.report.private import base_name, base_names, without_paths
from hornbook.report.rows import RowCounts
from hornbook.run.card import model_card

_TIMES, _LONGEST, _MOST = 4, 400, 40  # times that samples are shown from, characters of one, rows of a table
_EXAMPLES, _EXAMPLE = 3, 160  # of dropped documents of a reason, and characters of each
_ELECTRA = "electra"


@dataclass(frozen=True)
class _Described:
    """A run as its card has it."""

    directory: Path
    recipe: Recipe
    step: int


def data(run: RunFacts, rows: RowCounts | str, examples: bool) -> list[Block]:
    """Return the account of a run's text; `examples`: with the beginnings of dropped documents."""
    if run.transferred is not None:
        return [Paragraph(f"Examples: {run.transferred.data.get('train', {}) or 'not recorded'}.")]
    blocks: list[Block] = []
    facts = [(name, f"{value:,}") for name in ("documents", "bytes") if isinstance(value := run.corpus.get(name), int)]
    facts += [("tokens", f"{value:,}")] if isinstance(value := run.tokens.get("tokens"), int) else []
    facts += [("vocabulary", f"{value:,}")] if isinstance(value := run.tokens.get("vocabulary"), int) else []
    if not isinstance(rows, str):
        held = rows.held_out
        facts += [("held out", f"{held.documents:,} documents, {held.bytes:,} bytes, {held.tokens:,} tokens")]
    named = ", ".join(map(str, run.settings.get("data", {}).get("paths", [])))
    blocks.append(grid(f"The text: {named}", ("what", "how much"), facts))
    try:
        blocks += _cleaned(run.ledger, examples) if run.ledger else [Paragraph(_uncleaned(run))]
    except (KeyError, TypeError, ValueError, AttributeError):
        blocks.append(Paragraph("The account of the cleaning cannot be read."))
    return blocks


def _uncleaned(run: RunFacts) -> str:
    if built := run.corpus.get("built"):
        names = ", ".join(str(one.get("name")) for one in built if isinstance(one, dict))
        return f"The text was a corpus that was built before: {names}. Its own account tells of every step."
    return "The run read the text as it is: it cleaned and dropped nothing."


def _cleaned(account: Mapping[str, Any], examples: bool) -> list[Block]:
    """Return the account of a cleaning: by source, and step by step."""
    sources = [
        (base_name(name), f"{one['in']['documents']:,}", f"{one['kept']['documents']:,}", f"{one['kept']['bytes']:,}")
        for name, one in list(account["sources"].items())[:_MOST]
    ]
    steps = []
    for step in account["steps"][:_MOST]:
        reasons = "; ".join(f"{reason} {amount['documents']:,}" for reason, amount in step["dropped"].items())
        lost = sum(amount["documents"] for amount in step["dropped"].values())
        steps.append((str(step["kind"]), f"{step['documents']:,}", f"{lost:,}", f"{step['changed']:,}", reasons))
    columns = ("step", "documents seen", "dropped", "changed", "reasons")
    blocks: list[Block] = [
        grid("Sources", ("source", "documents read", "kept", "bytes kept"), sources),
        grid("Steps of the cleaning, in turn", columns, steps, (4,)),
    ]
    if examples:
        shown = [
            f"{reason}: {str(one['text'])[:_EXAMPLE]}"
            for step in account["steps"]
            for reason, some in step["examples"].items()
            for one in some[:_EXAMPLES]
        ]
        blocks.append(Fold("Beginnings of dropped documents", (Points(tuple(shown or ["Nothing was dropped."])),)))
    elif any(step["dropped"] for step in account["steps"]):
        blocks.append(
            Paragraph(
                "Texts of dropped documents are not shown, since they may hold what they were dropped for; --examples "
                "shows some."
            )
        )
    return blocks


def samples(run: RunFacts) -> list[Block]:
    """Return what a run said of each of its texts, at a few steps from the first to the last."""
    sound = [one for one in run.samples if isinstance(one.get("asked"), str) and isinstance(one.get("said"), str)]
    if not sound:
        return [Paragraph("There are no samples: the objective teaches no output, or training.samples was 0.")]
    steps = sorted({int(one["step"]) for one in sound})
    last = len(steps) - 1
    chosen = {steps[round(place * last / (_TIMES - 1))] for place in range(_TIMES)}
    way = str(sound[-1].get("way", ""))
    blocks: list[Block] = [Paragraph(f"The same held-out texts all along; way of asking: {way}. Gaps are written ___.")]
    for number in sorted({int(one.get("text") or 0) for one in sound}):
        mine = [one for one in sound if int(one.get("text") or 0) == number]
        answers = tuple((int(one["step"]), _cut(one["said"])) for one in mine if one["step"] in chosen)
        blocks.append(Said(_cut(mine[0]["asked"]), answers))
    return blocks


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def recipe(run: RunFacts) -> list[Block]:
    """Return how a run is repeated: command, environment, hashes, every setting."""
    import tomli_w

    where = run.environment
    facts = [("Hornbook", run.version or "not recorded"), ("Python", str(where.get("python", "not recorded")))]
    packages = where.get("packages")
    facts += (
        [(str(name), str(version)) for name, version in packages.items() if name != "hornbook"]
        if isinstance(packages, dict)
        else []
    )
    for name in ("system", "machine", "processor", "instructions", "cores", "threads", "device", "devices"):
        if name in where:
            facts.append((name, str(where[name])))
    header = {} if run.held_out is None else run.held_out.header
    hashes = [
        ("text", run.corpus.get("sha256_of_hashes")),
        ("vocabulary", run.tokens.get("fingerprint")),
        ("held-out documents", header.get("data")),
        ("weights of the newest checkpoint", header.get("checkpoint")),
    ]
    known = [(what, str(value)) for what, value in hashes if value]
    began = "" if run.origin is None else f"It began with the weights of {base_name(str(run.origin.get('name', '')))}. "
    blocks: list[Block] = [
        Paragraph(f"{began}The same text, recipe and machine give the same weights, bit for bit. This repeats it:"),
        Listing(f"hornbook pretrain {run.name}/recipe.toml --out OTHER"),
        grid("Environment", ("what", "which"), facts, (1,)),
    ]
    if known:
        blocks.append(grid("Hashes", ("of what", "hash"), known, (1,)))
    return [*blocks, Fold("Every setting", (Listing(tomli_w.dumps(dict(run.settings)).strip()),))]


def card(run: RunFacts, full_paths: bool) -> list[Block]:
    """Return the model card of a run, as its export has it; family and size are told as far as they are known."""
    if run.transferred is not None:
        return [Paragraph("The card of a run of transfer is written by `hornbook export`.")]
    if run.result is None or run.parameters is None:
        return [Paragraph("A card is of a finished run: this one has no measurements yet.")]
    recipe_ = run.recipe
    if not full_paths:
        names = tuple(base_names(list(recipe_.data.paths)))
        recipe_ = replace(recipe_, data=replace(recipe_.data, paths=names))
    try:
        family = _ELECTRA if recipe_.objective.heads.generator_width else choose(recipe_.model).name
        text = model_card(_Described(run.directory, recipe_, run.step), recipe_.model, family, run.name, run.parameters)
    except HornbookError as error:
        return [Paragraph(f"There is no card: {without_paths(str(error), str(run.directory))}")]
    for place in sorted(run.places, key=len, reverse=True):
        text = text.replace(place, base_name(place))
    return [Fold(f"The card of {run.name}", (Listing(text.strip()),))]
