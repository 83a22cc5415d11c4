"""What a scorer answers to a task: a record of every item, and the numbers that follow from the records alone.

evaluations/NAME.WAY.jsonl    first line: what was asked, of what, how; then one line for each item
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.artifacts import write_file
from hornbook.evaluate import statistics
from hornbook.evaluate.scorers import Scorer
from hornbook.evaluate.statistics import Estimate
from hornbook.evaluate.tasks import Task

_ITEMS = 256  # that are scored together: enough to sort by length, few enough to show progress
_MEANING = {
    "acc": "share of right answers by the likelihood of the whole text; a k-way tie counts 1/k",
    "acc_norm": "share of right answers by the likelihood per character",
    "acc_bytes": "share of right answers by the likelihood per byte",
    "acc_token": "share of right answers by the likelihood per token",
    "last word": "share of passages whose last word's tokens are each the likeliest",
    "perplexity": "exp of the mean nats of the last word",
}


@dataclass(frozen=True)
class TaskNumber:
    """One number: its name, its interval of 95 %, what it means, and what guessing gives, where that is known."""

    name: str
    estimate: Estimate
    meaning: str
    chance: float | None = None


@dataclass(frozen=True)
class Answers:
    """A task as a model answered it.

    header   task, kind, way, kind of score, whether the model was trained on such inputs, items, cut contexts
    records  of each item: id, group, answer; of its candidates nats, bytes, characters, tokens
    """

    header: Mapping[str, Any]
    records: tuple[Mapping[str, Any], ...]

    def save(self, folder: Path) -> Path:
        """Write a line for the header and one for each item; return the file."""
        lines = [json.dumps(line, ensure_ascii=False) for line in (self.header, *self.records)]
        target = folder / f"{self.header['task']}.{self.header['way']}.jsonl"
        write_file(target, "\n".join(lines) + "\n")
        return target

    @classmethod
    def load(cls, path: Path) -> Answers:
        header, *records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        return cls(header, tuple(records))

    def numbers(self) -> list[TaskNumber]:
        """Return the task's numbers, the one to quote first."""
        if self.header["kind"] == "last word":
            nats = np.array([record["nats"][0] for record in self.records])
            likely = sum(record["likely"] for record in self.records)
            mean = statistics.mean(nats)
            value, low, high = np.exp([mean.value, mean.low, mean.high]).tolist()
            grown = Estimate(value, low, high, math.nan, mean.items, mean.draws)
            share = statistics.share(likely, len(self.records))
            return [
                TaskNumber("acc", share, _MEANING["last word"]),
                TaskNumber("perplexity", grown, _MEANING["perplexity"]),
            ]
        chance = float(np.mean([1 / len(record["nats"]) for record in self.records]))
        names = ["acc", "acc_norm", "acc_bytes", "acc_token"] if self.header["kind"] == "choices" else ["acc"]
        names.sort(key=lambda name: name != self.header["headline"])
        groups = [record["group"] for record in self.records]
        several = len(set(groups)) > 1
        found = []
        for name in names:
            scores = [_score(record, name) for record in self.records]
            alone = scores if not several else [float(np.mean(part)) for part in _grouped(scores, groups)]
            # Of groups of like items (paradigms) the mean over groups: it says how it does on more such groups.
            pairs = self.header["kind"] == "pairs" and several
            estimate = statistics.mean(alone) if pairs else statistics.mean(scores, groups if several else None)
            found.append(TaskNumber(name, estimate, _MEANING[name], chance))
        return found

    def groups(self) -> dict[str, Estimate]:
        """Return the accuracy of each group."""
        names = [record["group"] for record in self.records]
        scores = [_score(record, "acc") for record in self.records]
        parts = _grouped(scores, names)
        return {
            name: statistics.share(sum(part), len(part)) for name, part in zip(dict.fromkeys(names), parts, strict=True)
        }


def answer(scorer: Scorer, task: Task, progress: Callable[[int], None] | None = None) -> Answers:
    """Score every candidate of a task; `progress` is told the number of items that are done."""
    records, cut = [], 0
    for start in range(0, len(task.items), _ITEMS):
        items = task.items[start : start + _ITEMS]
        asked = [pair for item in items for pair in item.candidates]
        scored = iter(scorer.score(asked, likely=task.kind == "last word"))
        for item in items:
            mine = [next(scored) for _ in item.candidates]
            cut += any(one.cut for one in mine)
            record: dict[str, Any] = {"id": item.id, "group": item.group, "answer": item.answer}
            record["nats"] = [one.total for one in mine]
            texts = [text.lstrip() for _, text in item.candidates]
            record["bytes"], record["characters"] = [len(text.encode()) for text in texts], list(map(len, texts))
            record["tokens"] = [len(one.nats) for one in mine]
            if task.kind == "last word":
                record["likely"] = bool(mine[0].likely)
            records.append(record)
        if progress is not None:
            progress(len(records))
    way = scorer.way
    header = {
        "task": task.name, "kind": task.kind, "headline": task.headline, "way": way.name, "score": way.kind,
        "trained": way.trained, "items": len(records), "cut": cut,
    }  # fmt: skip
    return Answers(header, tuple(records))


def _score(record: Mapping[str, Any], name: str) -> float:
    """Return 1 for a right answer, 1 / k for a tie of k that holds it, else 0."""
    by = {"acc": None, "acc_norm": "characters", "acc_bytes": "bytes", "acc_token": "tokens"}[name]
    nats = np.array(record["nats"]) / (1 if by is None else np.array(record[by]))
    best = nats == nats.min()
    return float(best[record["answer"]] / best.sum())


def _grouped(scores: Sequence[float], groups: Sequence[str]) -> list[list[float]]:
    parts: dict[str, list[float]] = {}
    for score, group in zip(scores, groups, strict=True):
        parts.setdefault(group, []).append(score)
    return list(parts.values())
