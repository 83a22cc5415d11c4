"""Task: one of the six as a value: examples -> rows -> logits -> predictions, and how right they are on dev examples.

Shapes: N places of a row that are read, K classes.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from hornbook.batch import Batch
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.model.inputs import to_tensors
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import Objective
from hornbook.objectives.catalogue import kind_of
from hornbook.recipes.transferred import Sight, TaskName, Transferred
from hornbook.tokens.tokenizer.tokenizer import Tokenizer
from hornbook.transfer import metrics
from hornbook.transfer.examples import Asked, Classified, Examples, Item, Tagged, Written
from hornbook.transfer.rows import Layout, Row, batch_of, class_rows, in_batches, layout_of, sighted, tag_rows
from hornbook.transfer.sets import class_names
from hornbook.transfer.spans import best_span, span_rows
from hornbook.transfer.tags import OUTSIDE, repaired
from hornbook.transfer.writing import Writing, longest_target, prompts_of, refuse_encoder, write, write_rows

HEADS = {"classify": "class", "pairs": "class", "tag": "tag", "answer": "span", "write": "none", "instruct": "none"}
_POSITIONS = 1 << 13  # of a batch that is only read, padding included
_WRITING = 1 << 12

Prediction = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """How one model does one task.

    labels   names of classes or tags, in the order of the logits
    none     some questions have no answer
    longest  tokens of a written text, at most
    """

    name: TaskName
    layout: Layout
    labels: tuple[str, ...] = ()
    none: bool = False
    longest: int = 0

    @property
    def writes(self) -> bool:
        return HEADS[self.name] == "none"

    @property
    def counted(self) -> bool:
        """Whether the loss is a mean over places rather than over rows."""
        return self.writes or self.name == "tag"

    @property
    def writing(self) -> Writing:
        return Writing(self.layout, self.name == "instruct", self.longest)

    def config(self, model: ModelConfig) -> ModelConfig:
        """Return a base model's shape with the head of this task."""
        return dataclasses.replace(model, task_head=HEADS[self.name], task_labels=len(self.labels))  # type: ignore[arg-type]

    def rows(self, items: Sequence[Item]) -> list[Row]:
        """Return the rows of examples; what is not known is 0 in their targets."""
        if self.writes:
            return write_rows(cast("Sequence[Written]", items), self.writing)
        if self.name == "tag":
            found = tag_rows(cast("Sequence[Tagged]", items), self.labels, self.layout)
        elif self.name == "answer":
            found = span_rows(cast("Sequence[Asked]", items), self.layout)
        else:
            found = class_rows(cast("Sequence[Classified]", items), self.labels, self.layout)
        return sighted(found, self.layout)

    def batch(self, rows: Sequence[Row]) -> Batch:
        return batch_of(rows, self.layout, counted=self.counted)

    def measure(
        self, model: Transformer, items: Sequence[Item], rows: Sequence[Row], device: torch.device
    ) -> tuple[float, float]:
        """Return how right the model is on examples, of which these are the rows, and its mean nats of the truth.

        Of texts to write nothing is written for it: there the one is minus the other.
        """
        if self.writes:
            nats = self._written_nats(model, rows, device)
            return -nats, nats
        logits = self.logits(model, rows, device, lambda done: None)
        total = sum(self._nats(row, found) for row, found in zip(rows, logits, strict=True))
        return self.score(self._say(items, rows, logits), items), total / sum(map(self._count, rows))

    def _count(self, row: Row) -> int:
        return len(row.places) if self.counted else 1

    def _nats(self, row: Row, logits: NDArray[np.float32]) -> float:
        """Return the nats of a row's truth, as `Transformer.task_nats` has them."""
        if self.name == "answer":
            of_bits = zip((1, 2), logits.astype(np.float64).T, strict=True)
            return float(np.mean([_logsum(side) - side[row.targets & bit > 0].sum() for bit, side in of_bits]))
        wide = logits.astype(np.float64)
        return float((_logsum(wide) - wide[np.arange(len(wide)), row.targets]).sum())

    def _written_nats(self, model: Transformer, rows: Sequence[Row], device: torch.device) -> float:
        total = 0.0

        def work(some: list[Row]) -> list[None]:
            nonlocal total
            total += float(model.loss(to_tensors(self.batch(some), device)))
            return [None] * len(some)

        in_batches(rows, _POSITIONS, work, lambda done: None)
        return total / sum(map(self._count, rows))

    def logits(
        self, model: Transformer, rows: Sequence[Row], device: torch.device, done: Callable[[int], object]
    ) -> list[NDArray[np.float32]]:
        """Return the logits [N, K] of each row."""

        def work(some: list[Row]) -> list[NDArray[np.float32]]:
            found = model.task_logits(to_tensors(self.batch(some), device)).cpu().numpy()
            return np.split(found, np.cumsum([len(row.places) for row in some])[:-1])

        return in_batches(rows, _POSITIONS, work, done)

    @torch.no_grad()
    def predict(
        self,
        model: Transformer,
        items: Sequence[Item],
        device: torch.device,
        done: Callable[[int], object] = lambda done: None,
    ) -> list[Prediction]:
        """Return what the model says of each example: `said`, and how sure it is; by the task also where.

        done   is told the number of rows that are done
        """
        if self.writes:
            prompts, _ = prompts_of(cast("Sequence[Written]", items), self.writing)
            rows = [
                Row(n, ids, np.zeros(0, np.int64), np.zeros(0, np.int64), len(ids)) for n, ids in enumerate(prompts)
            ]
            texts = in_batches(
                rows, _WRITING, lambda some: write(model, [row.inputs for row in some], self.writing), done
            )
            return [{"said": text} for text in texts]
        rows = self.rows(items)
        return self._say(items, rows, self.logits(model, rows, device, done))

    def _say(
        self, items: Sequence[Item], rows: Sequence[Row], logits: Sequence[NDArray[np.float32]]
    ) -> list[Prediction]:
        """Return what the logits of all rows say of each example."""
        of_item: list[list[tuple[Row, NDArray[np.float32]]]] = [[] for _ in items]
        for row, found in zip(rows, logits, strict=True):
            of_item[row.item].append((row, found))
        return [self._said(item, read) for item, read in zip(items, of_item, strict=True)]

    def _said(self, item: Item, read: Sequence[tuple[Row, NDArray[np.float32]]]) -> Prediction:
        """Return what the rows of an example say of it."""
        if isinstance(item, Asked):
            span = best_span(item.context, read, may_be_none=self.none)
            return {"said": span.text, "start": span.start, "score": round(span.score, 4)}
        chances = np.concatenate([_softmax(logits) for _, logits in read])
        best = chances.argmax(-1)
        if isinstance(item, Tagged):
            tags, mended = repaired([self.labels[number] for number in best])
            sure = chances[np.arange(len(best)), best].round(4).tolist()
            return {"said": list(tags), "probability": sure, "repaired": mended}
        shares = {label: round(float(share), 6) for label, share in zip(self.labels, chances[0], strict=True)}
        return {"said": self.labels[best[0]], "probability": shares}

    def score(self, predictions: Sequence[Prediction], items: Sequence[Item]) -> float:
        """Return how right predictions are, 1 = all: accuracy, or F1 of entities or of the words of answers."""
        return metrics.score(self.name, self.records(predictions, items))

    def records(self, predictions: Sequence[Prediction], items: Sequence[Item]) -> list[dict[str, Any]]:
        """Return a record of each example: its id, what is right, what was said, and how sure."""
        return [metrics.record(item, **prediction) for prediction, item in zip(predictions, items, strict=True)]

    def nothing(self, items: Sequence[Item], answers: Sequence[Any]) -> list[Prediction]:
        """Return what a model says that has learned nothing: the most frequent class, no entity, no text."""
        if self.name == "tag":
            return [{"said": [OUTSIDE] * len(cast(Tagged, item).tokens)} for item in items]
        most = Counter(answers).most_common(1)[0][0] if HEADS[self.name] == "class" else ""
        return [{"said": most} for _ in items]


def plan_task(
    train: Examples, objective: Objective, tokenizer: Tokenizer, model: ModelConfig, sight: Sight | None
) -> Task:
    """Return the task that a training file is of, for a base model; `sight` None = the best for the task.

    A decoder reads words to tag and contexts with both sides in sight: a tag depends on the words behind it too.
    Raises UserError where the model cannot do it.
    """
    name = train.task
    labels = class_names(train)
    if name == "tag":
        labels = (OUTSIDE, *(f"{sign}-{kind}" for kind in labels for sign in "BI"))
    writes = HEADS[name] == "none"
    if sight is not None and model.topology != "decoder":
        raise UserError(f"transfer.sight is for decoders, and this model is an {model.topology}: leave it out.")
    if sight is None:
        forms = objective.prompting
        sees = name in ("tag", "answer") or (writes and bool(forms) and forms[0].visible)
        sight = "both" if sees and model.topology == "decoder" else "one"
    layout = layout_of(objective, tokenizer, model, sight)
    if writes:
        refuse_encoder(layout, kind_of(objective))
        return Task(name, layout, longest=longest_target(cast("Sequence[Written]", train.items), layout))
    none = name == "answer" and any(item.answers == () for item in cast("Sequence[Asked]", train.items))
    return Task(name, layout, labels, none)


def task_of(record: Transferred, objective: Objective, tokenizer: Tokenizer, model: ModelConfig) -> Task:
    """Return the task of a transfer run."""
    layout = layout_of(objective, tokenizer, model, record.sight)
    return Task(record.task, layout, tuple(record.labels), record.none, record.longest)


def _logsum(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ln(sum(exp(logits))) over the last axis."""
    most = logits.max(-1, keepdims=True)
    return np.asarray(most[..., 0] + np.log(np.exp(logits - most).sum(-1)))


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    shares = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return np.asarray(shares / shares.sum(-1, keepdims=True))
