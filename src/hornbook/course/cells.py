"""A chapter as a percent script, and its cells.

    # %% [markdown]              prose: Markdown, each line behind `# `
    # %%                         code
    # %% tutorial                code: a way that tutorials teach, with a number that shows what is wrong with it
    # %% exercise 8.1            code: a task as comments, `# solution`, the solution, and `check("8.1", name)`

The first cell is prose: a title `# 8 Numbers`, a paragraph `You learn ...` and one `Time: ...`. A line of prose such as
`:::corrupt kind=span density=0.3` stands for the picture of what that objective makes of the reader's text.

A chapter runs as it stands: `python FILE`. The reader's copies have no solutions: see `Cell.asked`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hornbook.errors import UserError

Kind = Literal["markdown", "code", "tutorial", "exercise"]
SOLUTION = "# solution"
_HEADER = re.compile(r"# %%(?: (?:(?P<tag>\[markdown\]|tutorial)|exercise (?P<exercise>\d+\.\d+)))?")
_CORRUPT = re.compile(r"^:::corrupt((?: +\w+=\S+)+) *$", re.M)
_STUB = "...  # your answer"


@dataclass(frozen=True)
class Cell:
    """One cell.

    source    of prose the Markdown, of code the Python, without empty lines at its ends
    exercise  number of the exercise, such as 8.1; "" of other cells
    line      where its header stands in the file, from 1
    """

    kind: Kind
    source: str
    exercise: str = ""
    line: int = 1

    @property
    def asked(self) -> str:
        """The source as the reader gets it: of an exercise without its solution, which is made from the source."""
        if self.kind != "exercise":
            return self.source
        task, solution = _halves(self)
        name = _checked_name(self, solution)
        return f'{task}\n{name} = {_STUB}\ncheck("{self.exercise}", {name})'.lstrip("\n")

    @property
    def task(self) -> str:
        """The task of an exercise, as prose: its comments before the solution."""
        lines = _halves(self)[0].splitlines()
        return "\n".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))


@dataclass(frozen=True)
class Corrupt:
    """What stands for a picture in prose: an objective's kind, and its settings as written."""

    kind: str
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Chapter:
    """A chapter: its number, the name of its file without `.py`, and its cells."""

    number: int
    name: str
    path: Path
    cells: tuple[Cell, ...]

    @property
    def title(self) -> str:
        """The chapter's title, without its number."""
        return re.sub(r"^# (\d+ )?", "", self.cells[0].source.splitlines()[0]).strip()

    @property
    def learn(self) -> str:
        """What one learns, in sentences."""
        return _paragraph(self, "You learn ")

    @property
    def time(self) -> str:
        """How long it takes."""
        return _paragraph(self, "Time: ").removeprefix("Time: ")

    @property
    def exercises(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.kind == "exercise")


def parse(text: str, where: str) -> tuple[Cell, ...]:
    """Return the cells of a percent script. Raises UserError that names the place, `where` with a line."""
    cells: list[Cell] = []
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if line.startswith("# %%")]
    first = heads[0] if heads else len(lines)
    if not heads or any(line.strip() for line in lines[:first]):
        raise UserError(f"{where} is no chapter: its first line must begin a cell, with # %%.")
    for start, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        place = f"{where}, line {start + 1}"
        header = _HEADER.fullmatch(lines[start].rstrip())
        if header is None:
            raise UserError(f"{place}: a cell begins with # %%, alone or with [markdown], tutorial or exercise 1.2.")
        cells.append(_cell(header, lines[start + 1 : end], start + 1, place))
    return tuple(cells)


def _cell(header: re.Match[str], lines: Sequence[str], number: int, place: str) -> Cell:
    if header["tag"] == "[markdown]":
        body = [line.rstrip() for line in lines]
        if wrong := next((line for line in body if line and not line.startswith("# ") and line != "#"), ""):
            raise UserError(f"{place}: each line of prose begins with #, and this one does not: {wrong}")
        return Cell("markdown", _trimmed([line[2:] for line in body]), line=number)
    source = _trimmed(lines)
    if header["exercise"] is None:
        return Cell("tutorial" if header["tag"] else "code", source, line=number)
    cell = Cell("exercise", source, header["exercise"], number)
    if source.splitlines().count(SOLUTION) != 1:
        raise UserError(f"{place}: an exercise has one line {SOLUTION}.")
    _checked_name(cell, _halves(cell)[1], place)
    return cell


def render(cells: Sequence[Cell]) -> str:
    """Return the percent script of cells: what `parse` reads."""
    return "\n".join(f"{_head(cell)}\n{_body(cell)}\n" if cell.source else f"{_head(cell)}\n" for cell in cells)


def _head(cell: Cell) -> str:
    words = {"markdown": "[markdown]", "code": "", "tutorial": "tutorial", "exercise": f"exercise {cell.exercise}"}
    return f"# %% {words[cell.kind]}".rstrip()


def _body(cell: Cell) -> str:
    if cell.kind != "markdown":
        return cell.source
    return "\n".join(f"# {line}".rstrip() for line in cell.source.split("\n"))


def prose(source: str) -> list[str | Corrupt]:
    """Return Markdown in pieces: text, and what stands for a picture."""
    found: list[str | Corrupt] = []
    end = 0
    for match in _CORRUPT.finditer(source):
        found.append(source[end : match.start()])
        pairs = dict(item.split("=", 1) for item in match[1].split())
        found.append(Corrupt(pairs.pop("kind", "causal"), tuple(pairs.items())))
        end = match.end()
    found.append(source[end:])
    return [piece for piece in found if isinstance(piece, Corrupt) or piece.strip()]


def _paragraph(chapter: Chapter, beginning: str) -> str:
    """Return the paragraph of the first cell that begins so, in one line; "" where there is none."""
    paragraphs = (" ".join(found.split()) for found in chapter.cells[0].source.split("\n\n"))
    return next((found for found in paragraphs if found.startswith(beginning)), "")


def _halves(cell: Cell) -> tuple[str, str]:
    """Return an exercise's source before and after the line that begins its solution."""
    lines = cell.source.splitlines()
    at = lines.index(SOLUTION)
    return "\n".join(lines[:at]), "\n".join(lines[at + 1 :])


def _checked_name(cell: Cell, solution: str, place: str = "") -> str:
    """Return the name of the value that an exercise checks at its end; raises UserError where it checks none."""
    try:
        last = ast.parse(solution).body[-1]
    except (SyntaxError, IndexError):
        last = ast.Pass()
    match last:
        case ast.Expr(ast.Call(ast.Name("check"), [ast.Constant(cell.exercise), ast.Name(name)])):
            return name
    raise UserError(f'{place}: the solution ends with check("{cell.exercise}", NAME).')


def _trimmed(lines: Sequence[str]) -> str:
    """Return lines without the empty ones at both ends."""
    kept = [line.rstrip() for line in lines]
    while kept and not kept[-1]:
        kept.pop()
    while kept and not kept[0]:
        kept.pop(0)
    return "\n".join(kept)
