"""A task of a person's own: `my.py:Task`, a class or a function that is called without arguments.

    it returns     a Task
    or it yields   Items, or records whose fields say what they are, as in a file

A class may have the items as its own: it is called, and what it makes is iterated. Items of one candidate are last
words; of several, schemas where the contexts differ and choices where they do not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import FunctionType
from typing import Any

from hornbook.errors import HornbookError, UserError, account_of
from hornbook.evaluate.tasks import Item, Task, TaskKind
from hornbook.schema import own_value

_HEADLINES: Mapping[TaskKind, Any] = {"pairs": "acc", "choices": "acc_bytes", "schemas": "acc", "last word": "acc"}


def own_task(name: str, from_records: Callable[[str, Iterable[tuple[int, Any]], str], Task]) -> Task:
    """Return the task that `my.py:Task` makes. Raises UserError with the line where it fails or gives what is none."""
    maker, _ = own_value(name, "task", (type, FunctionType))
    label = name.rpartition(":")[2]
    try:
        made = maker()
        found = made if isinstance(made, Task) else list(made)
    except HornbookError:
        raise
    except Exception as error:  # whatever a person's code raises
        raise UserError(f"{name} fails: {account_of(error)}") from error
    where = _line(maker, name)
    if isinstance(found, Task):
        _require_items(found.items, where, label)
        return found
    if found and all(isinstance(one, Mapping) for one in found):
        return from_records(label, enumerate(found, 1), name)
    _require_items(found, where, label)
    items = tuple(replace(item, id=item.id or str(number)) for number, item in enumerate(found, 1))
    kinds = {_kind(item) for item in items}
    if len(kinds) > 1:
        raise UserError(f"{where}: {label} gives {' and '.join(sorted(kinds))}: a task is of one kind.")
    kind = kinds.pop()
    return Task(label, kind, items, _HEADLINES[kind])


def _kind(item: Item) -> TaskKind:
    if len(item.candidates) == 1:
        return "last word"
    contexts = {context for context, _ in item.candidates}
    if contexts == {""} and len(item.candidates) == 2:
        return "pairs"
    return "choices" if len(contexts) == 1 else "schemas"


def _require_items(found: Iterable[Any], where: str, label: str) -> None:
    """Raise UserError for what holds no items, or one that is none."""
    number = 0
    for number, item in enumerate(found, 1):
        if not isinstance(item, Item):
            raise UserError(f"{where}: {label} must give Items or records, not {_told(item)} (item {number}).")
        pairs = item.candidates
        right = isinstance(pairs, tuple) and pairs and all(isinstance(p, tuple) and len(p) == 2 for p in pairs)
        if not right or not all(isinstance(part, str) for pair in pairs for part in pair):
            raise UserError(
                f"{where}: the candidates of item {number} of {label} must be (context, continuation) texts."
            )
        if not isinstance(item.answer, int) or not 0 <= item.answer < len(pairs):
            raise UserError(
                f"{where}: the answer of item {number} of {label} must be a number from 0 to {len(pairs) - 1}, not "
                f"{item.answer!r}."
            )
        if any(not text.strip() for _, text in pairs):
            raise UserError(f"{where}: a continuation of item {number} of {label} is empty.")
    if not number:
        raise UserError(f"{where}: {label} gives no items.")


def _told(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _line(maker: Any, name: str) -> str:
    """Return the line of the file where a task begins."""
    try:
        return f"line {inspect.getsourcelines(maker)[1]} of {inspect.getsourcefile(maker)}"
    except (OSError, TypeError):  # it has no file
        return name
