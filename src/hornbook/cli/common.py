"""What the commands share: argument types, the search of a list, JSON, and which process prints."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from typer import Argument, Option

from hornbook.artifacts import json_text
from hornbook.console.pulse import phase
from hornbook.errors import UserError
from hornbook.objectives.catalogue import CATALOGUE
from hornbook.signals import nothing_begun

if TYPE_CHECKING:
    from hornbook.api import Run


def place(text: str) -> Path:
    """Return the path that an argument is; an empty one would mean the current folder. Raises UserError."""
    if not text.strip() or "\0" in text:
        raise UserError(f"A path is {'empty' if not text.strip() else 'not valid'}: name a file or a directory.")
    return Path(text)


OBJECTIVES = f"{', '.join(CATALOGUE)} or path.py:Class"
RunPath = Annotated[
    Path,
    Argument(metavar="RUN", parser=place, help="A run that `pretrain` or `import` made.", show_default=False),
]
Filter = Annotated[str, Argument(metavar="FILTER", help="Show only lines that contain this.", show_default=False)]
Plain = Annotated[bool, Option("--plain", help="Print plain lines instead of live progress.")]
Json = Annotated[bool, Option("--json", help="Print one JSON value, for scripts.")]
Found = TypeVar("Found")
Line = TypeVar("Line", bound=tuple[Any, ...])


def matching(lines: Sequence[Line], text: str, verb: str) -> list[Line]:
    """Return the lines that contain `text`, in capitals or not; UserError where none does."""
    found = [line for line in lines if text.lower() in " ".join(map(str, line)).lower()]
    if not found:
        raise UserError(f"No line contains '{text}'. `hornbook {verb}` lists all.")
    return found


def answer(found: Found, as_json: bool, table: Callable[[Found], None]) -> None:
    """Print what a command found: as one JSON value (in ASCII, which every terminal encodes), or by `table`."""
    print(json_text(_plain(found), indent=1)) if as_json else table(found)


def _plain(value: Any) -> Any:
    """Return dataclasses and named tuples as dicts, alone or in a list."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value._asdict() if hasattr(value, "_asdict") else value


@contextlib.contextmanager
def loading(what: str = "PyTorch") -> Iterator[None]:
    """Load libraries in the block: the screen says so, and a signal ends the process there and then."""
    with nothing_begun(), phase(f"loading {what}", eager=True):
        yield


def opened_run(directory: Path) -> Run:
    """Return a run whose model is read."""
    with loading():
        import hornbook.run.imported  # noqa: F401 with it PyTorch
        from hornbook.api import Run

    run = Run(directory)
    with phase("reading the model"):
        _ = run.opened
    return run


def is_main_process() -> bool:
    """Say whether this process is the only one, or rank 0 of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"
