"""Tasks from files: which text is likeliest. A file's fields say what kind of task it is.

    sentence_good, sentence_bad                  minimal pairs, as BLiMP; groups by UID
    question, choices, label [, passage]         multiple choice, as ARC and BoolQ; label: a number, or a choice
    context_options, continuation, label         schemas, as Winogrande: which context fits the continuation
    context, target                              the last word, as LAMBADA

Lines of JSON, .gz or not. Prompts are those of lm-evaluation-harness, to the letter; only minimal pairs and LAMBADA
have no blank in front of the first word. A task knows no model, and scorers (`hornbook.evaluate.scorers`) no task.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hornbook import keys
from hornbook.errors import UserError

TaskKind = Literal["pairs", "choices", "schemas", "last word"]
_FEW_PAIRS, _FEW_ITEMS = 50, 500  # that `few` takes: pairs of each group, items of another task
_SEPARATOR = "\n\n"  # between examples


@dataclass(frozen=True)
class Item:
    """One question: the likeliest of its candidates is the model's answer.

    candidates   (context, continuation) each
    answer       which is right
    """

    id: str
    group: str
    candidates: tuple[tuple[str, str], ...]
    answer: int = 0


@dataclass(frozen=True)
class Task:
    """A task: its items, and the metric that one quotes of it."""

    name: str
    kind: TaskKind
    items: tuple[Item, ...]
    headline: Literal["acc", "acc_bytes"]

    def few(self, seed: int = 0) -> Task:
        """Return a part of the task, chosen by key: 50 pairs of each group, or 500 items."""
        groups: dict[str, list[int]] = {}
        for number, item in enumerate(self.items):
            groups.setdefault(item.group if self.kind == "pairs" else "", []).append(number)
        chosen = []
        for rank, members in enumerate(groups.values()):
            order = keys.permute(np.arange(len(members)), len(members), keys.fold(np.uint64(seed), rank))
            chosen += [members[place] for place in order[: _FEW_PAIRS if self.kind == "pairs" else _FEW_ITEMS].tolist()]
        return replace(self, items=tuple(self.items[number] for number in sorted(chosen)))

    def with_examples(self, number: int, seed: int = 0) -> Task:
        """Return the task with `number` other items, answered, in front of each; no item is its own example."""
        if not number:
            return self
        if self.kind == "pairs":
            raise UserError(f"{self.name} has minimal pairs: they take no examples.")
        texts = ["".join(item.candidates[item.answer]) for item in self.items]
        items = []
        for place, item in enumerate(self.items):
            order = keys.permute(np.arange(len(texts)), len(texts), keys.row_keys(seed, np.array([place]))[0])
            others = list(dict.fromkeys(texts[other] for other in order.tolist() if texts[other] != texts[place]))
            if len(others) < number:
                raise UserError(f"{self.name} has too few items for {number} examples.")
            before = "".join(f"{text}{_SEPARATOR}" for text in others[:number])
            items.append(replace(item, candidates=tuple((before + a, b) for a, b in item.candidates)))
        return replace(self, items=tuple(items))


def load_task(path: Path) -> Task:
    """Read a task. Raises UserError that names the file and the line, for what is no task."""
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    items: list[Item] = []
    found: TaskKind | None = None
    for number, record in _records(path):
        where = f"{path}, line {number}"
        kind = next((kind for kind, (fields, _) in _KINDS.items() if all(field in record for field in fields)), None)
        if kind is None or (found is not None and kind != found):
            told = "; ".join(f"{kind}: {', '.join(fields)}" for kind, (fields, _) in _KINDS.items())
            raise UserError(f"{where} has not the fields of a task ({told}).")
        found = kind
        items.append(_KINDS[kind][1](record, str(record.get("id", number)), where))
    if found is None:
        raise UserError(f"{path} holds no items.")
    free = found == "choices" and not items[0].group  # answers of unequal lengths, where yes and no are alike
    return Task(name, found, tuple(items), "acc_bytes" if free else "acc")


def _records(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the number of each line, from 1, and its record."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    record = json.loads(line)
                    if not isinstance(record, dict):
                        raise UserError(f"{path}, line {number} is no record: a task has one JSON object in each line.")
                    yield number, record
    except FileNotFoundError as error:
        raise UserError(f"There is no task file {path}.") from error
    except (OSError, EOFError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UserError(f"The task file {path} cannot be read: it needs lines of JSON in UTF-8 ({error}).") from error


def _text(record: Mapping[str, Any], field: str, where: str) -> str:
    value = record[field]
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where}: {field} must be text, and not empty.")
    return value


def _texts(record: Mapping[str, Any], field: str, where: str) -> list[str]:
    values = record[field]
    if (
        not isinstance(values, list)
        or len(values) < 2
        or not all(isinstance(one, str) and one.strip() for one in values)
    ):
        raise UserError(f"{where}: {field} must be a list of at least two texts, none of them empty.")
    return values


def _label(record: Mapping[str, Any], choices: Sequence[str], where: str) -> int:
    label = record["label"]
    if isinstance(label, str) and label in choices:
        return choices.index(label)
    if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(choices):
        return label
    raise UserError(
        f"{where}: the label {label!r} is neither one of the choices nor a number from 0 to {len(choices) - 1}."
    )


def _pair(record: Mapping[str, Any], name: str, where: str) -> Item:
    texts = [_text(record, field, where) for field in ("sentence_good", "sentence_bad")]
    return Item(name, str(record.get("UID", "")), tuple(("", text) for text in texts))


def _choice(record: Mapping[str, Any], name: str, where: str) -> Item:
    question, choices = _text(record, "question", where).strip(), _texts(record, "choices", where)
    if "passage" in record:
        passage = _text(record, "passage", where)
        context = f"{passage}\nQuestion: {question.rstrip('?')}?\nAnswer:"
        group = hashlib.sha256(passage.encode()).hexdigest()[:12]
    else:
        context, group = f"Question: {question.removeprefix('Question: ')}\nAnswer:", ""
    return Item(name, group, tuple((context, f" {choice}") for choice in choices), _label(record, choices, where))


def _schema(record: Mapping[str, Any], name: str, where: str) -> Item:
    contexts, text = _texts(record, "context_options", where), _text(record, "continuation", where)
    candidates = tuple((context.rstrip(), f" {text.lstrip()}") for context in contexts)
    return Item(name, "", candidates, _label(record, contexts, where))


def _last_word(record: Mapping[str, Any], name: str, where: str) -> Item:
    context, word = _text(record, "context", where), _text(record, "target", where)
    return Item(name, "", ((context.rstrip(), f" {word.strip()}"),))


_KINDS: Mapping[TaskKind, tuple[tuple[str, ...], Callable[[Mapping[str, Any], str, str], Item]]] = {
    "pairs": (("sentence_good", "sentence_bad"), _pair),
    "choices": (("question", "choices", "label"), _choice),
    "schemas": (("context_options", "continuation", "label"), _schema),
    "last word": (("context", "target"), _last_word),
}
