"""Predict: what a transfer run says of examples, each answer under the name of the field that examples have it in.

classify, pairs   label, and the probability of each
tag               tags, and the probability of each
answer            answer, its first character in the context (start, -1 = none), its score
write, instruct   target, output
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from hornbook.artifacts import write_file
from hornbook.errors import UserError
from hornbook.evaluate.numbers import Number
from hornbook.evaluate.records import Records
from hornbook.model.transformer import Transformer
from hornbook.recipes.transferred import read_transfer
from hornbook.run.directory import EVALUATIONS, OpenRun
from hornbook.transfer import metrics
from hornbook.transfer.examples import Examples, load_examples
from hornbook.transfer.sets import check_labelled
from hornbook.transfer.task import task_of

FIELDS = {
    "classify": "label", "pairs": "label", "tag": "tags", "answer": "answer", "write": "target", "instruct": "output",
}  # fmt: skip


def predict(run: OpenRun, path: Path, progress: Callable[[int], object] = lambda done: None) -> list[dict[str, Any]]:
    """Return what a run says of each example of a file; answers that the file has are not looked at.

    progress   is told how many rows are done
    """
    record = read_transfer(run.directory)
    return said(run, load_examples(path, record.task), progress)


def predict_records(run: OpenRun, records: Sequence[Mapping[str, object]]) -> list[dict[str, Any]]:
    """Return the same of records that have the fields of a file."""
    if not records:
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "examples.jsonl"
        write_file(path, "".join(json.dumps(dict(one)) + "\n" for one in records))
        return predict(run, path)


def said(
    run: OpenRun, examples: Examples, progress: Callable[[int], object] = lambda done: None
) -> list[dict[str, Any]]:
    """Return what a run says of examples, in their order."""
    record = read_transfer(run.directory)
    if examples.task != record.task:
        raise UserError(f"{examples.path} is of the task {examples.task}, but {run.directory} does {record.task}.")
    task = task_of(record, run.recipe.objective, run.tokenizer, run.recipe.model)
    found = task.predict(cast(Transformer, run.model), examples.items, run.device, progress)
    named = []
    for item, one in zip(examples.items, found, strict=True):
        more = {name: value for name, value in one.items() if name not in ("said", "repaired")}
        named.append({"id": item.id, FIELDS[task.name]: one["said"], **more})
    return named


def measured(run: OpenRun, path: Path, progress: Callable[[int], object] = lambda done: None) -> tuple[Number, ...]:
    """Return how right a run is on a file of examples with their answers, and keep a record of each example."""
    record = read_transfer(run.directory)
    examples = load_examples(path, record.task)
    check_labelled(examples)
    task = task_of(record, run.recipe.objective, run.tokenizer, run.recipe.model)
    found = task.predict(cast(Transformer, run.model), examples.items, run.device, progress)
    lines = task.records(found, examples.items)
    header = {"name": path.stem, "task": task.name, "labels": list(task.labels), "step": run.step, "data": str(path)}
    Records(header, tuple(lines)).save(run.directory / EVALUATIONS / f"{path.name.partition('.')[0]}.examples.jsonl")
    return metrics.measure(task.name, lines)


def as_lines(predictions: Sequence[Mapping[str, Any]]) -> str:
    """Return predictions as JSON lines."""
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in predictions)


def as_table(predictions: Sequence[Mapping[str, Any]]) -> str:
    """Return predictions as tab-separated lines with a line of names; a probability is that of what was said.

    Tabs and line ends inside a text become blanks.
    """
    rows = []
    for one in predictions:
        row = {}
        for name, value in one.items():
            if isinstance(value, dict):
                value = value[one["label"]]
            row[name] = " ".join(map(str, value)) if isinstance(value, list) else str(value)
        rows.append(row)
    lines = ["\t".join(rows[0])] + ["\t".join(" ".join(cell.split()) for cell in row.values()) for row in rows]
    return "\n".join(lines) + "\n"
