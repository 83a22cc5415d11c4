"""What the verbs print: a table or colours on a terminal, plain lines elsewhere; every colour also has a sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hornbook.console import quantity

if TYPE_CHECKING:
    from hornbook.corpus.build.catalogue import Line as StepLine
    from hornbook.diagnose.bench import MachineSpeed
    from hornbook.diagnose.doctor import Finding
    from hornbook.evaluate.evaluation import Evaluation
    from hornbook.objectives.show import Picture, Side
    from hornbook.recipe.describe import Line, Setting
    from hornbook.recipe.recipe import Recipe

_BAR = 20
_POSITIONS = 48  # the attention picture shows no more
# What a token is: (sign, colour, meaning); the sign says the same as the colour.
_KINDS = {
    "kept": (" ", "", "as in the text"),
    "mask": ("?", "black on yellow", "hidden by the mask token"),
    "changed": ("~", "white on magenta", "replaced by a random token"),
    "sentinel": ("#", "black on cyan", "stands for a span"),
    "special": ("'", "dim", "special token"),
    "padding": ("-", "dim", "padding"),
}
_SCORED = ("=", "black on green", "what the model must say: scored")


def console() -> Console:
    """Return the console of the moment's standard output; long lines go on, so that what is piped stays whole."""
    return Console(highlight=False, soft_wrap=True)


def settings(lines: Sequence[Setting | StepLine]) -> None:
    """Print settings: a table on a terminal, else one tab-separated line each."""
    _table(lines, (("setting", "bold"), ("type", "cyan"), ("default", "green"), ("meaning", "")))


def recipes(lines: Sequence[Line]) -> None:
    """Print recipes: a table on a terminal, else one tab-separated line each."""
    columns = (("recipe", "bold"), ("objective", "cyan"), ("shape", "green"), ("parameters", "green"), ("meaning", ""))
    _table(lines, columns)


def _table(lines: Sequence[tuple[str, ...]], columns: Sequence[tuple[str, str]]) -> None:
    screen = console()
    if not screen.is_terminal:
        for line in lines:
            print("\t".join(line))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title, style in columns:
        table.add_column(title, style=style, overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))
    screen.print(table, soft_wrap=False)


def evaluation(found: Evaluation) -> None:
    """Print what a model measures on held-out text, each number beside what makes it mean something."""
    simple = [("unigram", found.unigram), ("bigram", found.bigram)]
    beside = ", ".join(f"{name} {value:.4f}" for name, value in simple if value is not None)
    verdict = "below" if found.beats_baselines else "NOT below"
    verdict = f", {verdict} the simple models of the same targets: {beside}" if beside else ""
    rows = [
        ("loss", f"{found.loss:.4f}", f"nats per scored token{verdict}"),
        ("perplexity", f"{found.perplexity:.2f}", "exp(loss)"),
        ("text loss", f"{found.text_loss:.4f}", f"nats per token of text, over {found.targets:,} targets"),
    ]
    if found.bits_per_byte is not None:
        rows.append(
            ("bits per byte", f"{found.bits_per_byte:.4f}", "comparable between tokenizers; of causal models only")
        )
    if found.pseudo_perplexity is not None:
        rows.append(
            ("pseudo-perplexity", f"{found.pseudo_perplexity:.2f}", "each token masked alone; not a perplexity")
        )
    if found.pair_accuracy is not None:
        rows.append(
            ("pairs told rightly", f"{found.pair_accuracy:.1%}", "next or not, in order or not; chance is 50 %")
        )
    screen = console()
    screen.print(Text(f"held-out text, {found.text_bytes:,} bytes, objective {found.objective}", style="bold"))
    for name, value, meaning in rows:
        screen.print(Text.assemble(f"  {name:<18}", (f"{value:>10}", "bold"), f"   {meaning}"))


def trained(found: Evaluation, recipe: Recipe, directory: Path) -> None:
    """Print what a run ends with: its measurements, and what can be done with the model, if anything can."""
    from hornbook.api import exportable, uses_of

    evaluation(found)
    examples = {"generate": '"A function is"', "fill": '"A ___ is a function."'}
    lines = [f"Use it:     hornbook {use} {directory} {examples[use]}" for use in uses_of(recipe)]
    if exportable(recipe):
        lines.append(f"Export it:  hornbook export {directory}")
    lines = lines or [f"Measure it on other text:  hornbook evaluate {directory} --data PATH"]
    console().print(Text("\n" + "\n".join(lines)))


def imported(record: Mapping[str, Any], objective: str, directory: Path) -> None:
    """Print what a folder was found to hold, and what can be done with it now."""
    rows = [
        ("family", f"{record['family']} ({record['architecture']}), objective {objective}"),
        ("parameters", f"{record['parameters']:,}, {record['dtype']} in the files, fp32 here"),
        ("tokenizer", f"{record['tokenizer']:,} entries, embedding of {record['vocabulary']:,} rows"),
        ("positions", f"{record['positions']:,}"),
    ]
    if record["left_out"]:
        rows.append(("left out", f"{', '.join(record['left_out'])}: the model here has no place for them"))
    screen = console()
    screen.print(Text(f"{record['name']} is now the run {directory}", style="bold"))
    for name, value in rows:
        screen.print(Text(f"  {name:<12}{value}"))
    screen.print(
        Text(
            f"\nMeasure it:  hornbook evaluate {directory} --data PATH"
            f"\nGo on:       hornbook pretrain --from {directory} TEXT"
        )
    )


def picture(shown: Picture, screen: Console) -> None:
    """Print what an objective does to a text: in colours on a terminal, else as plain text."""
    if not screen.is_terminal:
        from hornbook.objectives.show import text

        print(text(shown))
        return
    screen.print(Text(shown.objective, style="bold"))
    screen.print(Text("text  " + " ".join(shown.row)))
    used = {cell.kind for side in shown.sides for cell in side.cells}
    for side in shown.sides:
        says = ", and below it what it must say" if any(cell.weight for cell in side.cells) else ""
        screen.print(Text(f"\n{side.name}: what it reads{says}", style="bold"))
        screen.print(Columns(_cells(side), padding=(0, 1)), soft_wrap=False)
    screen.print()
    legend = [entry for kind, entry in _KINDS.items() if kind in used - {"kept"}] + [_SCORED]
    screen.print(Text("   ").join(Text.assemble((sign, style), f" {meaning}") for sign, style, meaning in legend))
    for side in shown.sides:
        screen.print(_attention(side), soft_wrap=False)
    screen.print(Text(", ".join(f"{name} {value:g}" for name, value in shown.counts.items())))


def _cells(side: Side) -> list[Text]:
    """Return each position as two lines: the token read, and the token to say with its weight where it is scored."""
    cells = []
    for cell in side.cells:
        sign, style, _ = _KINDS[cell.kind]
        result = Text.assemble((f"{sign}{cell.reads}", style), "\n")
        if cell.weight:
            weight = "" if cell.weight == 1 else f" x{cell.weight:.3g}"
            result.append(f"{_SCORED[0]}{cell.says}{weight}", _SCORED[1])
        cells.append(result)
    return cells


def _attention(side: Side) -> Text:
    """Return who sees whom: a row for each query, a column for each key, two characters a cell so that it is square."""
    cut = f", first {_POSITIONS} of {len(side.sees)} positions" if len(side.sees) > _POSITIONS else ""
    result = Text(f"\n{side.name}: each row is a position, ██ what it sees, ·· what it does not{cut}\n", style="bold")
    for query in side.sees[:_POSITIONS, :_POSITIONS]:
        for seen in query:
            result.append("██" if seen else "··", "green" if seen else "dim")
        result.append("\n")
    return result


def streamed(pieces: Iterable[str]) -> None:
    """Print the pieces of a text as they come."""
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


def filled(gaps: list[str] | list[list[tuple[str, float]]]) -> None:
    """Print what fills each gap: the text of a span, or candidates with their probabilities."""
    screen = console()
    either: list[str | list[tuple[str, float]]] = [*gaps]
    for number, gap in enumerate(either, 1):
        if isinstance(gap, str):
            screen.print(Text.assemble((f"gap {number}", "bold"), f"  {gap}"))
            continue
        screen.print(Text(f"gap {number}", style="bold"))
        width = max(len(text) for text, _ in gap)
        for text, share in gap:
            blocks = round(share * _BAR)
            bar = "▮" * blocks + "▯" * (_BAR - blocks)
            screen.print(Text.assemble(f"  {text:<{width}}  ", (bar, "green"), f" {share:6.1%}"))


def machine_speed(found: MachineSpeed) -> None:
    """Print what a machine reaches, and of each training step how its time divides and what limits it."""
    screen = console()
    screen.print(Text(f"{found.owner['processor']}, {found.owner['device']}, {found.owner['threads']} threads", "bold"))
    for name, value, meaning in (
        ("fp32", f"{quantity(found.matrix_fp32)}FLOP/s", "matrix products"),
        ("bf16", f"{quantity(found.matrix_bf16)}FLOP/s", "matrix products"),
        ("memory", f"{quantity(found.bandwidth)}B/s", "read and written by a large copy"),
    ):
        screen.print(Text.assemble(f"  {name:<8}", (f"{value:>14}", "bold"), f"   {meaning}"))
    screen.print(Text(f"training steps in {found.precision}", "bold"))
    columns = ("objective", "tokens/s", "of peak", "products", "memory", "optimizers", "other", "data ahead", "limit")
    lines = [
        (
            step.objective,
            quantity(step.tokens_per_second),
            *(
                f"{share:.0%}"
                for share in (step.model_flops_utilization, step.matrix, step.memory, step.optimizer, step.other)
            ),
            f"{step.data:.0%}",
            step.limit,
        )
        for step in found.steps
    ]
    _table(lines if screen.is_terminal else [columns, *lines], [(column, "") for column in columns])


def findings(lines: Sequence[Finding]) -> None:
    """Print a doctor's report; what can be mended is marked ! and followed by the command."""
    screen = console()
    for line in lines:
        sign, style = ("!", "yellow") if line.remedy else ("✓", "green")
        screen.print(Text.assemble((sign, style), f" {line.name:<13}{line.value}"))
        if line.remedy:
            screen.print(Text.assemble("    mend it: ", (line.remedy, "bold")))
