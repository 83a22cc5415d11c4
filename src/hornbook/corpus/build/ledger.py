"""The ledger: what became of every document, exact to the document, the byte and the word.

    in = kept + dropped by reason        documents, for each source and for all
    in = kept + dropped + removed        bytes, words, tokens: `removed` is what steps took out of texts that go on

A dropped document counts as long as it was when it was dropped. Everything is a function of the input and the recipe.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hornbook.corpus.build.catalogue import to_table
from hornbook.corpus.build.recipe import CorpusRecipe
from hornbook.corpus.build.tally import Tally, add, added

UNREAD_SHOWN = 100  # of what could not be read; all of it is in unread.jsonl
_FIELDS = ("documents", "bytes", "words", "tokens")
_NONE = [0] * len(_FIELDS)


def account(recipe: CorpusRecipe, total: Tally, unread: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the ledger of a build from the sum of its tallies. Raises ArithmeticError where it does not add up."""
    counted = _FIELDS if recipe.tokenizer else _FIELDS[:3]
    given, kept, accounts, losses, passed = (
        total.get(name, {}) for name in ("in", "kept", "steps", "unread", "passed")
    )
    numbered = enumerate(map(to_table, recipe.steps), start=1)
    steps = [_step(table, accounts.get(str(number), {}), counted) for number, table in numbered]
    dropped: Tally = {}
    changed: Tally = {}
    for found in accounts.values():
        for reason, mine in found["dropped"].items():
            for source, amount in mine.items():
                add(dropped, {source: {reason: amount}})
        add(changed, found["changed"])
    sources = {}
    for source in dict.fromkeys([*recipe.paths, *given, *losses, *passed]):
        mine = [found.get(source, _NONE) for found in (given, kept, changed)]
        sources[source] = {
            **_balance(source, mine, dropped.get(source, {}), counted),
            "unread": dict(sorted(losses.get(source, {}).items())),
            "passed_over": dict(sorted(passed.get(source, {}).items())),
            "repaired": dict(sorted(total.get("repaired", {}).get(source, {}).items())),
        }
    reasons, lost, left = (added(found.values()) for found in (dropped, losses, passed))
    everything = _sum(kept.values())
    told = (accounts[number].get("languages") for number in sorted(accounts, key=int))
    # The first step that tells languages tells those of what went in.
    languages = {"in": next(filter(None, told), {}), "kept": total.get("languages", {})}
    return {
        **_balance("all", [_sum(given.values()), everything, _sum(changed.values())], reasons, counted),
        "unread": {"records": sum(lost.values()), "reasons": dict(sorted(lost.items())), "first": unread},
        "passed_over": {"records": sum(left.values()), "reasons": dict(sorted(left.items()))},
        "sources": sources,
        "mixture": {source: _shares(kept.get(source, _NONE), everything, counted) for source in sources},
        "steps": steps,
        "lengths": {when: _binned(total.get("lengths", {}).get(when, {})) for when in ("in", "kept")},
        "languages": {when: dict(sorted(found.items())) for when, found in languages.items()},
    }


def _balance(source: str, mine: list[list[int]], dropped: Tally, counted: tuple[str, ...]) -> dict[str, Any]:
    """Return what went in and what became of it: kept, dropped by reason, or removed from texts that were changed."""
    given, kept, changed = mine
    out = _sum([kept, [0, *changed[1:]], *dropped.values()])
    if out != given:
        raise ArithmeticError(f"The ledger of {source} does not add up: {given} went in, {out} came out")
    return {
        "in": _named(given, counted),
        "kept": _named(kept, counted),
        "dropped": {reason: _named(amount, counted) for reason, amount in sorted(dropped.items())},
        "removed": _named(changed, counted[1:], skip=1),
    }


def _step(table: dict[str, Any], found: Mapping[str, Any], counted: tuple[str, ...]) -> dict[str, Any]:
    changed = _sum(found.get("changed", {}).values())
    dropped = sorted(found.get("dropped", {}).items())
    return {
        "kind": table["kind"],
        "settings": {name: value for name, value in table.items() if name != "kind"},
        "documents": found.get("looked", 0),
        "dropped": {reason: _named(_sum(mine.values()), counted) for reason, mine in dropped},
        "changed": changed[0],
        "removed": _named(changed, counted[1:], skip=1),
        "characters": found.get("changes", {}).get("characters", 0),
        "changes": [
            {"id": identity, "before": before, "after": after}
            for _, identity, before, after in found.get("changes", {}).get("examples", [])
        ],
        "counts": dict(sorted(found.get("counts", {}).items())),
        "clusters": _clusters(found),
        "examples": {
            reason: [{"id": identity, "text": text, "told": json.loads(told)} for _, identity, text, told in items]
            for reason, items in sorted(found.get("examples", {}).items())
        },
    }


def _clusters(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many documents stand for how many copies, and the ids of those that stand for most."""
    sizes = found.get("clusters", {})
    largest = found.get("largest", {}).get("clusters", [])
    return {
        "number": sum(sizes.values()),
        "documents": sum(int(size) * number for size, number in sizes.items()),
        "sizes": _binned(sizes),
        "largest": [{"id": identity, "copies": int(copies)} for _, identity, copies in largest],
    }


def _sum(amounts: Iterable[list[int]]) -> list[int]:
    return [sum(column) for column in zip(_NONE, *amounts, strict=True)]


def _named(amount: list[int], counted: tuple[str, ...], skip: int = 0) -> dict[str, int]:
    return dict(zip(counted, amount[skip:], strict=False))


def _shares(mine: list[int], everything: list[int], counted: tuple[str, ...]) -> dict[str, float]:
    shares = [round(a / b, 6) if b else 0.0 for a, b in zip(mine, everything, strict=True)]
    return dict(zip(counted, shares, strict=False))


def _binned(counts: Mapping[str, int]) -> dict[str, int]:
    """Return a histogram in the order of its bins."""
    return {name: counts[name] for name in sorted(counts, key=int)}


def page(ledger: Mapping[str, Any]) -> str:
    """Return a ledger as one page of HTML that stands alone: no network, no script, everything of the texts escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(Path(__file__).with_name("report.html.jinja").read_text(encoding="utf-8"))
    lengths = {when: {_words(low): number for low, number in bins.items()} for when, bins in ledger["lengths"].items()}
    return template.render(ledger=ledger, measures=list(ledger["in"]), share=_share, lengths=lengths)


def _share(part: int, whole: int) -> float:
    return round(min(max(100 * part / whole, 0), 100), 2) if whole else 0.0


def _words(low: str) -> str:
    """Return the name of a bin that begins at `low`: "4" stands for 4 to 7."""
    number = int(low)
    return low if number < 2 else f"{number:,} to {2 * number - 1:,}"
