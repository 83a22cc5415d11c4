"""What the commands print: tables and colours on a terminal, plain lines elsewhere. Every colour also has a sign."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hornbook.console import wrapped

if TYPE_CHECKING:
    from hornbook.corpus.build.catalogue import Line as StepLine
    from hornbook.diagnose.bench import MachineSpeed
    from hornbook.diagnose.check import Checked
    from hornbook.diagnose.doctor import Finding
    from hornbook.diagnose.whole import Examined
    from hornbook.generate.infill import Filled
    from hornbook.objectives.show import Picture, Side
    from hornbook.recipes.describe import Line, Setting
    from hornbook.recipes.recipe import Recipe

_BAR = 20
_POSITIONS, _LABEL = 48, 10  # the attention picture shows no more, and so many characters of a token
# What would move the cursor of a terminal, or change it.
_CONTROLS = {number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160)) if chr(number) not in "\n\t"}
_ESCAPES = _CONTROLS | str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t"})
_NOTHING = "(nothing)"
# Kinds of token: (sign, colour, meaning); the sign says the same as the colour.
_KINDS = {
    "kept": (" ", "", "unchanged"),
    "mask": ("?", "black on yellow", "mask token"),
    "changed": ("~", "white on magenta", "random token"),
    "sentinel": ("#", "black on cyan", "sentinel: stands for a span"),
    "special": ("'", "dim", "special token"),
    "padding": ("-", "dim", "padding"),
}
_SCORED = ("=", "black on green", "predicted and scored")


def console() -> Console:
    """Return a console on the current standard output. It wraps no lines, so that piped lines stay whole."""
    return Console(highlight=False, soft_wrap=True)


def sentence(text: str, style: str = "") -> None:
    """Print a sentence, wrapped at blanks on a terminal and whole elsewhere."""
    screen = console()
    screen.print(Text(wrapped(text, screen.width, 2) if screen.is_terminal else text, style=style))


def settings(lines: Sequence[Setting | StepLine]) -> None:
    table({"setting": "bold", "type": "cyan", "default": "green", "meaning": ""}, lines)


def recipes(lines: Sequence[Line]) -> None:
    columns = {"recipe": "bold", "objective": "cyan", "shape": "green", "parameters": "green", "meaning": ""}
    table(columns, [(*line[:3], f"{line.parameters:,}" if line.parameters else "", line.meaning) for line in lines])


def table(columns: Mapping[str, str], rows: Sequence[Sequence[str]], numbers: bool = False) -> None:
    """Print rows on a terminal in `columns` (title -> style), elsewhere as tab-separated lines without titles.

    With `numbers` the titles are printed in any case, and all columns but the first are aligned to the right.
    """
    screen = console()
    if not screen.is_terminal:
        for row in ([columns] if numbers else []) + [*rows]:
            print("\t".join(row))
        return
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, (title, style) in enumerate(columns.items()):
        grid.add_column(title, style=style, justify="right" if numbers and index else "left", overflow="fold")
    for row in rows:
        grid.add_row(*map(Text, row))
    screen.print(grid, soft_wrap=False)


def numbers(title: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Print a title, and lines of a name, a number and its meaning."""
    name_width, width = max(len(name) for name, _, _ in rows), max(len(number) for _, number, _ in rows)
    screen = console()
    screen.print(Text(title, style="bold"))
    before = name_width + width + 8
    for name, number, meaning in rows:
        if screen.is_terminal:
            indent = before if screen.width > 2 * before else 4  # on a narrow screen below the number
            meaning = wrapped(meaning, screen.width - indent).replace("\n", "\n" + " " * indent)
            meaning = meaning if indent == before else f"\n    {meaning}"
        screen.print(Text.assemble(f"  {name:<{name_width}}   ", (f"{number:>{width}}", "bold"), f"   {meaning}"))


def trained(recipe: Recipe, directory: Path) -> None:
    """Print the commands that use the model of a finished run."""
    from hornbook.generate.text import uses_of
    from hornbook.prepare.preview import prompt_of
    from hornbook.run.export import exportable

    place = shlex.quote(str(directory))
    commands = [
        ("Use it:", f"hornbook {use} {place} {_quoted(prompt_of(directory, recipe, gap=use == 'fill'))}")
        for use in uses_of(recipe)
    ]
    if exportable(recipe):
        commands.append(("Export it:", f"hornbook export {place}"))
    commands = commands or [("Evaluate it on other text:", f"hornbook evaluate {place} --data PATH")]
    width = max(len(title) for title, _ in commands)
    console().print(Text("\n" + "\n".join(f"{title:<{width}}  {command}" for title, command in commands)))


def _quoted(text: str) -> str:
    """Return words as an argument of a shell; the quotes are those that the examples have, where they may be."""
    return f'"{text}"' if not set(text) & set('"$`\\!') else shlex.quote(text)


def imported(record: Mapping[str, Any], objective: str, directory: Path) -> None:
    """Print what an imported folder holds, and the commands that use the run."""
    rows = [
        ("family", f"{record['family']} ({record['architecture']}), objective {objective}"),
        ("parameters", f"{record['parameters']:,}, stored in {record['dtype']}, loaded in fp32"),
        ("tokenizer", f"{record['tokenizer']:,} entries; the embedding has {record['vocabulary']:,} rows"),
        ("positions", f"{record['positions']:,}"),
    ]
    if record["left_out"]:
        rows.append(("left out", f"{', '.join(record['left_out'])}: Hornbook's model has no such weights"))
    screen = console()
    screen.print(Text(f"{record['name']} is now the run {directory}", style="bold"))
    for name, value in rows:
        screen.print(Text(f"  {name:<12}{value}"))
    place = shlex.quote(str(directory))
    screen.print(Text(f"\nEvaluate it:        hornbook evaluate {place} --data PATH"))
    screen.print(Text(f"Continue training:  hornbook pretrain --from {place} TEXT"))


def picture(shown: Picture, screen: Console) -> None:
    """Print what an objective does to a text: in colours on a terminal, as plain text elsewhere."""
    if not screen.is_terminal:
        from hornbook.objectives.show import text

        print(text(shown))
        return
    for number, part in enumerate((shown, *shown.others)):
        if number:
            screen.rule()
        _picture(part, screen)


def _picture(shown: Picture, screen: Console) -> None:
    """Print one way in which an objective takes a text."""
    screen.print(Text(shown.objective, style="bold"))
    for note in shown.notes:
        screen.print(Text(note, style="italic"))
    if shown.added:
        from hornbook.objectives.show import added

        screen.print(Text(f"added to the tokenizer: {added(shown)}", style="italic"))
    screen.print(Text("text  " + " ".join(shown.row)))
    used = {cell.kind for side in shown.sides for cell in side.cells}
    for side in shown.sides:
        says = "; below, what it must predict" if any(cell.weight for cell in side.cells) else ""
        screen.print(Text(f"\n{side.name}: what it reads{says}", style="bold"))
        screen.print(Columns(_cells(side), padding=(0, 1)), soft_wrap=False)
    screen.print()
    legend = [entry for kind, entry in _KINDS.items() if kind in used - {"kept"}] + [_SCORED]
    screen.print(Text("   ").join(Text.assemble((sign, style), f" {meaning}") for sign, style, meaning in legend))
    known: list[object] = []
    for side in shown.sides:
        if not any(side.sees is before for before in known):
            screen.print(_attention(side, screen.width), soft_wrap=False)
            known.append(side.sees)
    screen.print(Text(", ".join(f"{name} {value:g}" for name, value in shown.counts.items())))


def _cells(side: Side) -> list[Text]:
    """Return each position in lines: the token read, the scored token with its weight, the token type of a pair."""
    cells = []
    for cell in side.cells:
        sign, style, _ = _KINDS[cell.kind]
        result = Text.assemble((f"{sign}{cell.reads}", style), "\n")
        if cell.weight:
            weight = "" if cell.weight == 1 else f" x{cell.weight:.3g}"
            result.append(f"{_SCORED[0]}{cell.says}{weight}", _SCORED[1])
        if cell.type is not None:
            result.append(f"\ntype {cell.type}", "dim")
        cells.append(result)
    return cells


def _attention(side: Side, width: int) -> Text:
    """Return who attends to whom, each line with its position and token. A cell has two characters: it is square."""
    size = len(side.sees)
    if side.sees.all():
        return Text(f"\n{side.name}: every position attends to all {size}", style="bold")
    label = min(max(len(cell.reads) for cell in side.cells), _LABEL)
    indent = len(str(size)) + label + 2
    shown = max(1, min(size, _POSITIONS, (width - indent) // 2))
    cut = f", first {shown} of {size} positions" if size > shown else ""
    result = Text(f"\n{side.name}: lines are queries, columns are keys; ██ attends, ·· does not{cut}\n", style="bold")
    result.append(" " * indent + "".join(f"{number:<2}" if number < 100 else "··" for number in range(shown)) + "\n")
    for number, query in enumerate(side.sees[:shown, :shown]):
        name = side.cells[number].reads[:label]
        result.append(f"{number:>{len(str(size))}} {name:<{label}} ")
        for seen in query:
            result.append("██" if seen else "··", "green" if seen else "dim")
        result.append("\n")
    return result


def streamed(pieces: Iterable[str]) -> None:
    """Print the pieces of one text as they come, on a terminal."""
    for piece in pieces:
        print(piece.translate(_CONTROLS), end="", flush=True)
    print()


def samples(texts: Sequence[str]) -> None:
    """Print texts; between them a numbered rule on a terminal, an empty line elsewhere."""
    screen = console()
    for number, text in enumerate(texts, 1):
        if screen.is_terminal and len(texts) > 1:
            screen.rule(f"{number} of {len(texts)}")
        elif number > 1:
            print()
        print(text.translate(_CONTROLS) if screen.is_terminal else text, flush=True)


def filled(found: Filled, one_line: bool = True) -> None:
    """Print a text whose gaps are filled, then what could stand in each gap, with probabilities where there are any.

    `one_line`: the text had no line ends before, so those in its gaps are shown as \\n.
    """
    screen = console()
    screen.print(Text(found.text.translate(_ESCAPES) if one_line else found.text))
    for number, gap in enumerate(found.gaps, 1):
        candidates = [text.translate(_ESCAPES) or _NOTHING for text in gap.candidates]
        if not gap.probabilities:
            screen.print(Text.assemble((f"gap {number}", "bold"), f"  {candidates[0]}"))
            continue
        among = f"  probabilities among {gap.among}" if gap.among else ""
        screen.print(Text.assemble((f"gap {number}", "bold"), among))
        width = max(map(len, candidates))
        for text, share in zip(candidates, gap.probabilities, strict=True):
            blocks = round(share * _BAR)
            bar = "▮" * blocks + "▯" * (_BAR - blocks)
            screen.print(Text.assemble(f"  {text:<{width}}  ", (bar, "green"), f" {share:6.1%}"))


def machine_speed(found: MachineSpeed) -> None:
    """Print a machine's speed, and of each training step how its time divides and what limits it."""
    from hornbook.console import quantity  # loads more of rich than help needs

    rows = [
        ("fp32", f"{quantity(found.matrix_fp32)}FLOP/s", "matrix products"),
        ("bf16", f"{quantity(found.matrix_bf16)}FLOP/s", "matrix products"),
        ("memory", f"{quantity(found.bandwidth)}B/s", "read and write, in a large copy"),
    ]
    numbers("{processor}, {device}, {threads} threads".format(**found.owner), rows)
    console().print(Text(f"training steps in {found.precision}", "bold"))
    columns = ("objective", "tokens/s", "of peak", "products", "memory", "optimizers", "other", "data ahead", "limit")
    lines = [
        (step.objective, quantity(step.tokens_per_second), *(f"{share:.0%}" for share in shares), step.limit)
        for step in found.steps
        for shares in [(step.model_flops_utilization, step.matrix, step.memory, step.optimizer, step.other, step.data)]
    ]
    table(dict.fromkeys(columns, ""), lines, numbers=True)


def checked(lines: Sequence[Checked]) -> None:
    """Print what `check` found: of each objective that all is well, or below its name each law that it breaks."""
    screen = console()
    for line in lines:
        sign, style, words = ("!", "yellow", "") if line.broken else ("✓", "green", " obeys all laws")
        screen.print(Text.assemble((sign, style), f" {line.objective}{words}"))
        for one in line.broken:
            screen.print(Text.assemble("    ", (one.law, "bold"), f": {one.complaint} ({one.tokenizer} tokenizer)"))


def examined(lines: Sequence[Examined]) -> None:
    """Print what `check` found of each directory: that it is whole, or each damage, its cost and what to do."""
    screen = console()
    for line in lines:
        sign, style, words = ("!", "yellow", "is damaged") if line.damages else ("✓", "green", "is whole")
        screen.print(Text.assemble((sign, style), f" {line.path} ({line.kind}) {words}"))
        for one in line.damages:
            screen.print(Text.assemble("    ", (one.file, "bold"), f": {one.what}"))
            screen.print(Text.assemble("        costs: ", one.cost))
            screen.print(Text.assemble("        do:    ", (one.remedy, "bold")))
        for note in line.notes:
            screen.print(f"    note: {note}", markup=False)


def findings(lines: Sequence[Finding]) -> None:
    """Print what `doctor` found. A problem has the sign ! and, below it, the command that fixes it."""
    screen = console()
    for line in lines:
        sign, style = ("!", "yellow") if line.remedy else ("✓", "green")
        screen.print(Text.assemble((sign, style), f" {line.name:<13}{line.value}"))
        if line.remedy:
            screen.print(Text.assemble("    fix it: ", (line.remedy, "bold")))
