"""What the verbs of `hornbook corpus` print: tables on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from hornbook.cli.tables import console
from hornbook.errors import UserError, nearest

if TYPE_CHECKING:
    from hornbook.corpus.build.recipe import CorpusRecipe
    from hornbook.corpus.built import Difference
    from hornbook.corpus.document import Document

_EXCERPT = 400  # characters


def default_said(recipe: CorpusRecipe) -> str:
    """Return a line that says which steps are taken when none were named."""
    from hornbook.corpus.build.catalogue import kind_of

    names = ", ".join(kind_of(step) for step in recipe.steps)
    return f"No recipe was given, so the default steps are taken: {names}."


def built(ledger: Mapping[str, Any], directory: Path) -> None:
    """Print what a build ends with."""
    account(ledger)
    console().print(
        Text(f"\nRead the account:  {directory / 'report.html'}\nTrain on it:       hornbook pretrain {directory}")
    )


def account(ledger: Mapping[str, Any]) -> None:
    """Print a ledger: what went in, what was dropped for which reason, what was kept."""
    measures = list(ledger["in"])
    rows = [("read", ledger["in"])]
    rows += [(f"- {reason}", amount) for reason, amount in ledger["dropped"].items()]
    if any(ledger["removed"].values()):
        rows.append(("- taken out of texts", ledger["removed"]))
    rows.append(("kept", ledger["kept"]))
    _grid(("", *measures), [(name, *(f"{amount.get(item, 0):,}" for item in measures)) for name, amount in rows])
    unread = ledger["unread"]
    if unread["records"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in unread["reasons"].items())
        console().print(Text(f"\n{unread['records']:,} could not be read ({reasons}): see unread.jsonl"))
    if len(ledger["sources"]) > 1:
        console().print()
        shares = [
            (source, f"{facts['kept']['documents']:,}", f"{ledger['mixture'][source]['bytes']:.1%}")
            for source, facts in ledger["sources"].items()
        ]
        _grid(("source", "documents kept", "share of bytes"), shares)


def reasons(ledger: Mapping[str, Any], reason: str) -> None:
    """Print examples of what was dropped for a reason, or for every reason that has the given words."""
    found = [
        (name, items)
        for step in ledger["steps"]
        for name, items in step["examples"].items()
        if reason.lower() in name.lower()
    ]
    if not found:
        raise UserError(f"Nothing was dropped for '{reason}'.{nearest(reason, ledger['dropped'])}")
    for name, items in found:
        amount = ledger["dropped"][name]["documents"]
        console().print(Text(f"{name}: {amount:,} documents, such as", style="bold"))
        for item in items:
            _text(item["id"], item["text"])


def documents(items: Iterable[Document]) -> None:
    """Print documents, shortened."""
    for item in items:
        _text(item.id, item.text)


def difference(found: Difference, first: str, second: str) -> None:
    """Print how two corpora differ."""
    if found.recipe:
        _grid(("setting", first, second), found.recipe)
        console().print()
    rows = [(f"{name} kept", f"{a:,}", f"{b:,}", f"{b - a:+,}") for name, a, b in found.kept]
    rows += [(f"- {name}", f"{a:,}", f"{b:,}", f"{b - a:+,}") for name, a, b in found.dropped]
    _grid(("", first, second, "difference"), rows)
    console().print()
    for name, (number, ids) in ((first, found.only[0]), (second, found.only[1])):
        such = f", such as {', '.join(ids)}" if ids else ""
        console().print(Text(f"{number:,} texts only in {name}{such}"))
    console().print(Text(f"{found.both:,} documents of {first} have their text in {second} too"))


def _text(name: str, text: str) -> None:
    short = text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]} …"
    console().print(Text(f"\n{name}", style="cyan"))
    console().print(Text("  " + short.replace("\n", "\n  ")))


def _grid(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: on a terminal in columns, else one tab-separated line for each row."""
    screen = console()
    if not screen.is_terminal:
        for row in (titles, *rows):
            print("\t".join(row))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, title in enumerate(titles):
        table.add_column(title, justify="right" if index else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    screen.print(table, soft_wrap=False)
