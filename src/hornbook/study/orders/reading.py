"""What a run reads, counted before it trains, and text that all orders read equally often.

Two orders of one text can be compared where both read every token of every document equally often. A budget seldom ends
with an epoch, and rows are cut where the order puts them. So a study of orders takes as much of its text as fills a
round number of rows (the last document is cut), and rounds its steps to whole epochs of these.

Shapes: n documents, R rows, B rows of a step, T positions of a row.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hornbook import keys
from hornbook.artifacts import write_file
from hornbook.corpus.document import Document, document_hash
from hornbook.corpus.read import read
from hornbook.objectives.base import cycle_of
from hornbook.prepare.dataset import Prepared
from hornbook.prepare.mixing import order_of
from hornbook.recipes.recipe import Recipe
from hornbook.study.orders.curricula import SOURCE
from hornbook.tokens.packing import DocumentRows, DomainRows, PackedRows

_NEAR = 1.5  # how much larger or smaller a batch may become
_ROWS, _EXAMPLES = 512, 1 << 20  # that are looked at together


@dataclass(frozen=True, eq=False)
class Reading:
    """What a run reads of a corpus.

    hash     of all (document, token) that it reads, as often as it reads them, in whatever order: 64 bits in hex
    tokens   of documents that it reads; each = those of each document, int64[n]
    epochs   rows that it reads, by those that there are
    """

    hash: str
    tokens: int
    epochs: float
    each: NDArray[np.int64]

    def differs(self, other: Reading) -> float:
        """Return the share of the tokens that the two do not read alike, document by document."""
        return float(np.abs(self.each - other.each).sum() / (self.tokens + other.tokens))


def reading_of(recipe: Recipe, prepared: Prepared, progress: Callable[[int], None] | None = None) -> Reading:
    """Return what a run by a recipe will read; its steps and batch are known. `progress` is told the rows done."""
    rows, order = prepared.training_rows, order_of(recipe, prepared)
    examples = recipe.budget.steps * recipe.training.batch_rows
    times = np.zeros(len(rows), np.int64)
    for begin in range(0, examples, _EXAMPLES):
        _, index = order.locate(recipe.seed, np.arange(begin, min(examples, begin + _EXAMPLES)))
        times += np.bincount(index, minlength=len(rows))
    parts = list(rows.parts) if isinstance(rows, DomainRows) else [rows]
    firsts = rows.first[:-1].tolist() if isinstance(rows, DomainRows) else [0]
    each, total, done = np.zeros(prepared.store.documents, np.int64), np.uint64(0), 0
    for part, first in zip(parts, firsts, strict=True):
        assert not isinstance(part, DomainRows)  # domains hold no domains
        for document, token, row in _tokens(part, prepared):
            often = times[first + row]
            words = keys.fold(prepared.store.hashes[document], token)
            with np.errstate(over="ignore"):
                total += (words * often.astype(np.uint64)).sum(dtype=np.uint64)
            each += np.bincount(document, often, minlength=len(each)).astype(np.int64)
            done += _ROWS
            if progress is not None:
                progress(done)
    return Reading(f"{int(total):016x}", int(each.sum()), examples / len(rows), each)


def _tokens(rows: DocumentRows, prepared: Prepared) -> Iterator[tuple[NDArray[np.int64], ...]]:
    """Yield (document, token, row) of the positions of rows, each position of the stream once, marks included."""
    parts = cycle_of(prepared.objective)
    cycle = len(parts) if isinstance(rows, PackedRows) else 1
    for kind in range(cycle):
        numbers = np.arange(kind, len(rows), cycle)
        shared = parts[kind].overlap if isinstance(rows, PackedRows) else 0  # with the next row, which has them too
        for begin in range(0, len(numbers), _ROWS):
            index = numbers[begin : begin + _ROWS]
            found = rows.rows(index, np.zeros(len(index), np.uint64))
            segments = np.array(found.segments)
            own = segments > 0
            if shared:
                own[:, -shared:] &= (index == len(rows) - 1)[:, None]
            place = rows.first_documents(index)[:, None] + segments - 1
            row = np.broadcast_to(index[:, None], own.shape)
            yield rows.chosen[place[own]], found.tokens[own].astype(np.int64), row[own]


def _near(batch: int) -> range:
    """Return the batches that may take the place of one, in rows."""
    return range(max(1, math.ceil(batch / _NEAR)), int(batch * _NEAR) + 1)


def whole_epochs(recipe: Recipe, rows: int, steps: int) -> tuple[Recipe, int]:
    """Return the recipe, with the nearest batch that divides the rows of whole epochs, and the steps of these.

    The epochs are those nearest to `steps`, one at least. Where no batch near the recipe's own divides their rows, it
    stays as it is, and the last step reads beyond them.
    """
    batch = recipe.training.batch_rows
    epochs = max(1, round(steps * batch / rows))
    fitting = [size for size in _near(batch) if epochs * rows % size == 0]
    if fitting:
        batch = min(fitting, key=lambda size: abs(math.log(size / batch)))
    training = dataclasses.replace(recipe.training, batch_rows=batch, micro_batch=0)
    return dataclasses.replace(recipe, training=training), max(1, round(epochs * rows / batch))


def fitted_text(paths: tuple[str, ...], prepared: Prepared, wanted: int, batch: int, place: Path) -> tuple[str, ...]:
    """Write as much of the text as fills whole steps of about `batch` rows, and return the path of the file.

    wanted   rows that a run reads; where the text has fewer, all of it is taken, but for less than a step
    All held-out documents are kept. Rows of pairs of texts are of single documents: their text stays as it is.
    """
    rows, held_out = prepared.training_rows, set(prepared.held_out_documents.tolist())
    assert not isinstance(rows, DomainRows)  # text is fitted before domains are weighted
    every = {int(number): -1 for number in rows.chosen}
    lengths = _chosen(rows, prepared, wanted, batch) if isinstance(rows, PackedRows) else every
    lines = []
    for number, document in enumerate(read(paths)):
        if number in held_out or lengths.get(number, 0):
            text = document.text
            if number not in held_out and lengths[number] > 0:
                text = _cut(document, number, lengths[number], prepared)
            lines.append(json.dumps({**document.meta, SOURCE: document.source, "text": text}, default=str))
    write_file(place, "\n".join(lines) + "\n")
    return (str(place),)


def _chosen(rows: PackedRows, prepared: Prepared, wanted: int, batch: int) -> dict[int, int]:
    """Return the documents that are taken, each with -1, the last one with the tokens that it keeps."""
    parts = cycle_of(prepared.objective)
    strides = [part.row_length(prepared.row_length) - part.overlap for part in parts]
    most = min(len(rows) - (rows.padding > 0), wanted)
    steps = [math.lcm(size, len(parts)) for size in _near(batch)]  # in which whole turns of the parts fit
    fitting = max(most // size * size for size in steps) or most // len(parts) * len(parts)
    room = fitting // len(parts) * sum(strides) + parts[-1].overlap  # positions of the stream
    marks = sum(map(len, prepared.objective.boundary_tokens))
    taken: dict[int, int] = {}
    by_chance = rows.chosen[np.argsort(keys.mix(prepared.store.hashes[rows.chosen]), kind="stable")]
    for document in by_chance.tolist():
        length = int(prepared.store.lengths[document])
        if length + marks > room:
            if room > marks:
                taken[document] = room - marks
            break
        taken[document] = -1
        room -= length + marks
    return taken


def _cut(document: Document, number: int, tokens: int, prepared: Prepared) -> str:
    """Return the beginning of a document, of at most so many tokens, on the training side of the split."""
    for count in range(tokens, 0, -1):
        text = prepared.tokenizer.decode(prepared.store.passage(number, 0, count))
        shorter = dataclasses.replace(document, text=text)
        fits = len(prepared.tokenizer.encode([text])[0]) <= tokens
        if text.strip() and fits and not prepared.text.split.held_out(document_hash(shorter)):
            return text
    return document.text
