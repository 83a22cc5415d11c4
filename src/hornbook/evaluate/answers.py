"""What a scorer answers to a task: a record of every item; its numbers follow from the records alone.

evaluations/TASK.WAY[.Nshot][.few].jsonl    first line: what was asked, of what, how; then one line for each item
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.errors import UserError
from hornbook.evaluate import task_numbers
from hornbook.evaluate.numbers import Number
from hornbook.evaluate.records import Records
from hornbook.evaluate.scorers import Scored, Scorer
from hornbook.evaluate.tasks import SEPARATOR, Item, Task


@dataclass(frozen=True)
class Answers:
    """A task as a model answered it.

    records.header   task, asks (the kind of task), headline, prompt, shots (asked), shots_realised (mean), items, cut
                     (items whose context was cut), part; way, kind, trained, given; data; and what the caller adds:
                     model, checkpoint, step, objective, versions
    records.items    of each: id, group, answer, shots (realised); of its candidates nats, bytes, characters, tokens,
                     and where choices are scored alone too, alone
    """

    records: Records

    @property
    def header(self) -> Mapping[str, Any]:
        return self.records.header

    @property
    def name(self) -> str:
        """Task, way and what else makes it another measurement: the name of its file."""
        return str(self.header["name"])

    def save(self, folder: Path) -> Path:
        """Write the records; return the file. Answers to other data under the same name are left as they are."""
        target = folder / f"{self.name}.jsonl"
        if target.is_file() and _asked(target) != self.header["data"]:
            target = folder / f"{self.name}.{self.header['data'][:8]}.jsonl"
        return self.records.save(target)

    @classmethod
    def load(cls, path: Path) -> Answers:
        """Return what `save` wrote; raises UserError where the file has no answers."""
        found = Records.load(path)
        if "asks" not in found.header:
            raise UserError(f"{path} holds no answers to a task.")
        return cls(found)

    def numbers(self) -> tuple[Number, ...]:
        """Return the task's numbers, the one to quote first."""
        return task_numbers.numbers(self.records)

    def groups(self) -> dict[str, Number]:
        """Return the accuracy of each group."""
        return task_numbers.groups(self.records)

    def against(self, other: Answers) -> Number:
        """Return the headline of these answers less that of others, item by item; UserError where items differ."""
        return task_numbers.difference(self.records, other.records)


def _asked(path: Path) -> object:
    """Return the hash of what the answers in a file are to, None where it holds none."""
    with contextlib.suppress(UserError, AttributeError):
        return Records.load(path).header.get("data")
    return None


def answer(scorer: Scorer, task: Task, progress: Callable[[int], None] | None = None) -> Answers:
    """Score every candidate of a task; `progress` is told the number of items that are done.

    Raises UserError, before anything is computed, where an item cannot be scored, and where on average less than half
    of the shots asked for fit before the items.
    """
    items, realised = with_shots_that_fit(scorer, task)
    asked = [pair for item in items for pair in item.candidates]
    alone = {(task.neutral, text): 0.0 for _, text in asked} if task.kind == "choices" else {}
    told = None if progress is None else lambda done: progress(round(done * len(items)))
    try:
        scored = scorer.score([*asked, *alone], likely=task.kind == "last word", progress=told)
    except UserError as error:
        raise _of_its_item(error, scorer, task, items) from error
    for pair, one in zip(alone, scored[len(asked) :], strict=True):
        alone[pair] = one.total
    left = iter(scored)
    records, cut = [], 0
    for item, number in zip(items, realised, strict=True):
        mine = [next(left) for _ in item.candidates]
        cut += any(one.cut for one in mine)
        records.append(_record(item, number, mine, task, alone))
    way = scorer.way
    header = {
        "task": task.name, "asks": task.kind, "headline": task.headline, "prompt": task.prompt, "shots": task.asked,
        "shots_realised": float(np.mean(realised)), "items": len(records), "cut": cut, "part": list(task.part),
        "labels": list(task.labels), "way": way.name, "kind": way.kind, "trained": way.trained, "given": way.given,
        "data": task.sha256,
    }  # fmt: skip
    return Answers(Records({"name": ".".join([task.name, way.name, *task.part]), **header}, tuple(records)))


def _of_its_item(error: UserError, scorer: Scorer, task: Task, items: list[Item]) -> UserError:
    """Return an error with the name of the item that cannot be scored, where it is one item's."""
    for item in items:
        try:
            scorer.pieces(item.candidates)
        except UserError as found:
            told = str(found)
            return UserError(f"{task.name}, item {item.id}: {told[0].lower()}{told[1:]}")
    return error


def _record(
    item: Item, shots: int, mine: list[Scored], task: Task, alone: Mapping[tuple[str, str], float]
) -> dict[str, Any]:
    texts = [text.lstrip() for _, text in item.candidates]
    record: dict[str, Any] = {"id": item.id, "group": item.group, "answer": item.answer}
    if task.asked:
        record["shots"] = shots
    record["nats"] = [one.total for one in mine]
    record["bytes"], record["characters"] = [len(text.encode()) for text in texts], list(map(len, texts))
    record["tokens"] = [len(one.nats) for one in mine]
    if task.kind == "choices":
        record["alone"] = [alone[task.neutral, text] for _, text in item.candidates]
    if task.kind == "last word":
        record["likely"] = mine[0].likely
    return record


def with_shots_that_fit(scorer: Scorer, task: Task) -> tuple[list[Item], list[int]]:
    """Return the items with as many of their shots in front as fit whole, and how many those are.

    The farthest are left out first. Raises UserError where on average less than half of them fit.
    """
    if not task.asked:
        return list(task.items), [0] * len(task.items)
    found, realised = list(task.items), [0] * len(task.items)
    waiting = list(range(len(task.items)))
    for number in range(task.asked, 0, -1):
        fuller = [_behind(task.items[place], number) for place in waiting]
        pieces = iter(scorer.pieces([pair for item in fuller for pair in item.candidates]))
        left = []
        for place, item in zip(waiting, fuller, strict=True):
            if sum(next(pieces).cut for _ in item.candidates):
                left.append(place)
            else:
                found[place], realised[place] = item, number
        waiting = left
    if sum(realised) < task.asked * len(realised) / 2:
        raise UserError(
            f"Before each item of {task.name}, {np.mean(realised):.1f} of {task.asked} shots fit on average into this "
            "model's positions, less than half: ask for fewer --shots, or use a model of longer texts."
        )
    return found, realised


def _behind(item: Item, number: int) -> Item:
    before = "".join(f"{shot}{SEPARATOR}" for shot in item.shots[len(item.shots) - number :])
    return replace(item, candidates=tuple((before + context, text) for context, text in item.candidates))
