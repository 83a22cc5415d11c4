"""Tasks: which text is likeliest. Items, a part of them, answered items of a pool in front of them.

A task knows no model, and scorers (`hornbook.evaluate.scorers`) no task. `hornbook.evaluate.task_files` reads tasks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from hornbook import keys
from hornbook.errors import UserError

TaskKind = Literal["pairs", "choices", "schemas", "last word"]
Headline = Literal["acc", "acc_norm", "acc_bytes", "acc_token", "acc_pmi"]
SEPARATOR = "\n\n"  # between shots, as in lm-evaluation-harness
_FEW_PAIRS, _FEW_ITEMS = 50, 500  # that `few` takes: pairs of each of several groups, items of another task
_MORE = 16  # places of a permutation that are looked at together


@dataclass(frozen=True)
class Item:
    """One question: the likeliest of its candidates is the model's answer.

    candidates   (context, continuation) each
    answer       which is right
    id           by default its number in the task, from 1
    group        items of one group (a paradigm, a passage) are no independent draws
    shots        answered items that stand in front, the nearest last
    """

    candidates: tuple[tuple[str, str], ...]
    answer: int = 0
    id: str = ""
    group: str = ""
    shots: tuple[str, ...] = ()

    @property
    def answered(self) -> str:
        """Its context with the right continuation: what it is as a shot."""
        return "".join(self.candidates[self.answer])


@dataclass(frozen=True)
class Task:
    """A task.

    headline   the metric that one quotes of it
    prompt     what stands before a continuation, for the reader of a record
    neutral    the context behind which choices are scored alone, for acc_pmi
    labels     the continuations, where all items have the same
    asked      shots asked for each item
    part       what makes it another task than the one of its name: a part of it, other prompts, other shots
    """

    name: str
    kind: TaskKind
    items: tuple[Item, ...]
    headline: Headline
    prompt: str = ""
    neutral: str = "Answer:"
    asked: int = 0
    part: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        found = {tuple(text for _, text in item.candidates) for item in self.items}
        return found.pop() if self.kind == "choices" and len(found) == 1 else ()

    @property
    def sha256(self) -> str:
        """The hash of all that is asked: ids, groups, prompts, candidates, answers, shots."""
        told = [(item.id, item.group, item.candidates, item.answer, item.shots) for item in self.items]
        return hashlib.sha256(json.dumps([self.kind, told]).encode()).hexdigest()

    def few(self, seed: int = 0) -> Task:
        """Return a part of the task, chosen by key: 50 pairs of each of several groups, or 500 items."""
        groups: dict[str, list[int]] = {}
        for number, item in enumerate(self.items):
            groups.setdefault(item.group if self.kind == "pairs" else "", []).append(number)
        chosen, size = [], _FEW_PAIRS if len(groups) > 1 else _FEW_ITEMS
        for rank, members in enumerate(groups.values()):
            order = keys.permute(np.arange(len(members)), len(members), keys.fold(np.uint64(seed), rank))
            chosen += [members[place] for place in order[:size].tolist()]
        items = tuple(self.items[number] for number in sorted(chosen))
        return replace(self, items=items, part=(*self.part, "few"))

    def with_shots(self, number: int, pool: Task | None = None, seed: int = 0) -> Task:
        """Return the task with `number` answered items of the pool, its own or another task's, in front of each.

        Never the item itself, nor one that asks or says the same up to white space: drawn by (seed, item). Raises
        UserError for minimal pairs, which have no question, for a pool of another kind, and for one that is too small.
        """
        if not number:
            return self
        source = pool or self
        if self.kind == "pairs":
            raise UserError(f"{self.name} has minimal pairs: they take no shots.")
        if source.kind != self.kind:
            raise UserError(
                f"The pool {source.name} has {source.kind}, and {self.name} {self.kind}: give one of its kind."
            )
        told = [_same(item) for item in source.items]
        items = tuple(
            replace(item, shots=tuple(self._drawn(place, item, number, source, told, seed)))
            for place, item in enumerate(self.items)
        )
        part = (f"{number}shot", *([] if pool is None else [f"from-{pool.name}"]))
        return replace(self, items=items, asked=number, part=(*self.part, *part))

    def _drawn(
        self, place: int, item: Item, number: int, source: Task, told: Sequence[frozenset[str]], seed: int
    ) -> Sequence[str]:
        own, found, seen = _same(item), list[str](), set[str]()
        for other in _permuted(len(source.items), int(keys.row_keys(seed, np.array([place]))[0])):
            text = source.items[other].answered
            if told[other].isdisjoint(own) and _plain(text) not in seen:
                seen.add(_plain(text))
                found.append(text)
            if len(found) == number:
                return found
        raise UserError(f"{source.name} has too few other items for {number} shots of {self.name}.")

    def with_blank(self) -> Task:
        """Return the task with one blank before texts that have no context, as lm-evaluation-harness asks."""
        items = tuple(
            replace(item, candidates=tuple((a, b if a or b.startswith(" ") else f" {b}") for a, b in item.candidates))
            for item in self.items
        )
        return replace(self, items=items, part=(*self.part, "like-lm-eval"))


def _same(item: Item) -> frozenset[str]:
    """Return what an item asks and says, white space aside: two items that share any of it are the same."""
    asks = {_plain(context) for context, _ in item.candidates}
    return frozenset({_plain(item.answered), *asks} - {""})


def _plain(text: str) -> str:
    return " ".join(text.split())


def _permuted(length: int, key: int) -> Iterator[int]:
    """Yield the numbers below `length` in the order of a key, as far as they are wanted."""
    for start in range(0, length, _MORE):
        yield from keys.permute(np.arange(start, min(start + _MORE, length)), length, np.uint64(key)).tolist()
