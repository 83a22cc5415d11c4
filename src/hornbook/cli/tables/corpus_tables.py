"""What the commands of `hornbook corpus` print: tables on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from hornbook.cli.tables import console, table
from hornbook.corpus.built import change_of, example_of
from hornbook.errors import UserError, nearest

if TYPE_CHECKING:
    from hornbook.corpus.built import Difference
    from hornbook.corpus.mixes import Mix

_EXCERPT, _BEGINNING = 400, 60  # characters


def built(ledger: Mapping[str, Any], directory: Path) -> None:
    """Print a finished build: its ledger, and the commands that use the corpus."""
    account(ledger)
    console().print(Text(f"\nRead the report:  {directory / 'report.html'}"))
    console().print(Text(f"Train on it:      hornbook pretrain {shlex.quote(str(directory))}"))


def account(ledger: Mapping[str, Any]) -> None:
    """Print a ledger: what was read, what was dropped for which reason, what was kept."""
    measures = list(ledger["in"])
    rows = [("read", ledger["in"])]
    rows += [(f"- {reason}", amount) for reason, amount in ledger["dropped"].items()]
    if any(ledger["removed"].values()):
        rows.append(("- cut out of kept documents", ledger["removed"]))
    rows.append(("kept", ledger["kept"]))
    _grid(["", *measures], [(name, *(f"{amount.get(item, 0):,}" for item in measures)) for name, amount in rows])
    for step in ledger["steps"]:
        if step["changed"]:
            say(f"\n{change_of(step)}; for example {example_of(step)}")
    unread = ledger["unread"]
    if unread["records"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in unread["reasons"].items())
        console().print(Text(f"\n{unread['records']:,} could not be read ({reasons}): see unread.jsonl"))
    passed = ledger["passed_over"]
    if passed["records"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in passed["reasons"].items())
        console().print(Text(f"\n{passed['records']:,} were left out by their readers ({reasons})"))
    if len(ledger["sources"]) > 1:
        console().print()
        shares = [
            (source, f"{facts['kept']['documents']:,}", f"{ledger['mixture'][source]['bytes']:.1%}")
            for source, facts in ledger["sources"].items()
        ]
        _grid(["source", "documents kept", "share of bytes"], shares)


def reasons(ledger: Mapping[str, Any], reason: str) -> None:
    """Print examples of what was dropped for every reason that contains the given words."""
    every = [pair for step in ledger["steps"] for pair in step["examples"].items()]
    found = [(name, items) for name, items in every if reason.lower() in name.lower()]
    if not found:
        raise UserError(f"Nothing was dropped for '{reason}'.{nearest(reason, ledger['dropped'])}")
    for name, items in found:
        amount = ledger["dropped"][name]["documents"]
        console().print(Text(f"{name}: {amount:,} documents, for example", style="bold"))
        for item in items:
            excerpt(item["id"], item["text"])


def dropped(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print dropped documents: id, step, reason and the document that each is a copy of, and how it begins."""
    titles = {"id": "cyan", "step": "", "reason": "", "copy of": "cyan", "text": "dim"}
    lines = [
        (row["id"], row["step"], row["reason"], row["duplicate_of"] or "", " ".join(row["text"].split())[:_BEGINNING])
        for row in rows
    ]
    if lines:
        table(titles, lines)
    else:
        say("Nothing was dropped.")


def say(text: str) -> None:
    console().print(Text(text))


def difference(found: Difference, first: str, second: str) -> None:
    if found.recipe:
        _grid(["setting", first, second], found.recipe)
        console().print()
    rows = [(f"{name} kept", f"{a:,}", f"{b:,}", f"{b - a:+,}") for name, a, b in found.kept]
    rows += [(f"- {name}", f"{a:,}", f"{b:,}", f"{b - a:+,}") for name, a, b in found.dropped]
    _grid(["", first, second, "difference"], rows)
    console().print()
    for name, (number, ids) in ((first, found.only[0]), (second, found.only[1])):
        examples = f", for example {', '.join(ids)}" if ids else ""
        console().print(Text(f"{number:,} texts only in {name}{examples}"))
    console().print(Text(f"{found.both:,} documents of {first} have the same text in {second}"))


def excerpt(name: str, text: str) -> None:
    """Print a document's name and how it begins."""
    short = text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]} …"
    console().print(Text(f"\n{name}", style="cyan"))
    console().print(Text("  " + short.replace("\n", "\n  ")))


def _grid(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table(dict.fromkeys(titles, ""), rows, numbers=True)


def mixes(found: Sequence[Mix]) -> None:
    """Print the mixes that papers disclose, and the models whose text they do not."""
    rows = [
        (mix.name, mix.title, str(mix.year), str(len(mix.domains)) if mix.disclosed else "not disclosed", mix.place)
        for mix in sorted(found, key=lambda mix: (not mix.disclosed, mix.name))
    ]
    _grid(["name", "model or corpus", "year", "domains with weights", "source"], rows)
    say("\nWrite one as a recipe: hornbook corpus recipes gpt3 > gpt3.toml")
