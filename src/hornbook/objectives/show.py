"""Show what an objective does to a row, as plain data and as plain text: what the model reads, says, and may see.

    picture = show(objective, rows, 0, tokenizer.tokens)
    print(text(picture))

Shapes: S positions of the input, T positions of the output.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch, Integers, Rows, allowed
from hornbook.objectives.base import Objective
from hornbook.objectives.contract import batch_of
from hornbook.vocab import Vocab

# kept: as in the text. mask, sentinel, special: those tokens. changed: a random word in place of the scored one.
Kind = Literal["kept", "mask", "sentinel", "special", "changed", "padding"]
Names = Callable[[Sequence[int]], Sequence[str]]


@dataclass(frozen=True)
class Cell:
    """One position of a model's side: what it reads, of which kind; what it must say and how much that counts."""

    reads: str
    kind: Kind
    segment: int
    says: str | None
    weight: float


@dataclass(frozen=True, eq=False)
class Side:
    """One stack of the model: encoder or decoder. sees bool[positions, positions], True where query sees key."""

    name: Literal["encoder", "decoder"]
    cells: tuple[Cell, ...]
    sees: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Picture:
    """A row of the corpus as the model meets it; `counts` says in numbers what the cells show."""

    objective: str
    row: tuple[str, ...]
    sides: tuple[Side, ...]
    counts: Mapping[str, float]

    def _repr_html_(self) -> str:
        from hornbook.console import html_table

        tables = []
        for side in self.sides:
            scored = [cell.says if cell.weight and cell.says is not None else "" for cell in side.cells]
            rows = [("says", *scored)] if any(scored) else []
            tables.append(html_table(("reads", *(cell.reads for cell in side.cells)), rows, side.name))
        return "".join(tables)


def show(objective: Objective, rows: Rows, index: int, names: Names) -> Picture:
    """Return the picture of one row; `names` turns ids into the tokenizer's tokens."""
    row = rows.take(np.array([index]))
    batch = batch_of(objective, row)
    vocab = objective.vocab
    inputs, targets = batch.inputs[0], batch.targets[0]
    own = None if batch.segments is None else batch.segments[0]
    topology = objective.topology
    sees = allowed(batch.segments, batch.visible, len(inputs), topology)[0]
    if batch.decoder_inputs is None:
        name: Literal["encoder", "decoder"] = "encoder" if topology == "encoder" else "decoder"
        cells = _cells(inputs, own, targets, batch.weights[0], vocab, names, aligned=topology == "encoder")
        sides: tuple[Side, ...] = (Side(name, cells, sees),)
    else:
        spoken = batch.decoder_inputs[0]
        theirs = None if batch.decoder_segments is None else batch.decoder_segments[0]
        decoder_sees = allowed(batch.decoder_segments, None, len(spoken), "decoder")[0]
        sides = (
            Side("encoder", _cells(inputs, own, None, None, vocab, names), sees),
            Side("decoder", _cells(spoken, theirs, targets, batch.weights[0], vocab, names), decoder_sees),
        )
    return Picture(repr(objective), tuple(names(row.tokens[0].tolist())), sides, _counts(row, batch))


def _cells(
    reads: Integers,
    segments: Integers | None,
    says: Integers | None,
    weights: NDArray[np.float32] | None,
    vocab: Vocab,
    names: Names,
    aligned: bool = False,
) -> tuple[Cell, ...]:
    """Return a side's cells; `aligned` says that targets stand under their own inputs, so that a change shows."""
    numbers = [1] * len(reads) if segments is None else segments.tolist()
    targets: list[str | None] = [None] * len(reads) if says is None else list(names(says.tolist()))
    scored = [0.0] * len(reads) if weights is None else weights.tolist()
    tokens = names(reads.tolist())
    kinds = _kinds(reads, numbers, says if aligned else None, vocab)
    return tuple(map(Cell, tokens, kinds, numbers, targets, scored))


def _kinds(reads: Integers, segments: Sequence[int], originals: Integers | None, vocab: Vocab) -> list[Kind]:
    special = np.isin(reads, np.flatnonzero(vocab.special))
    marks = reads == (-1 if vocab.mask is None else vocab.mask), np.isin(reads, vocab.sentinels), special
    conditions = np.equal(segments, 0), *marks, reads != (reads if originals is None else originals)
    found: list[Kind] = np.select(conditions, ("padding", "mask", "sentinel", "special", "changed"), "kept").tolist()
    return found


def _counts(row: Rows, batch: Batch) -> dict[str, float]:
    counts: dict[str, float] = {
        "corpus tokens": int(np.count_nonzero(row.real)),
        "input positions": batch.inputs.shape[1],
        "output positions": batch.targets.shape[1],
        "scored positions": int(np.count_nonzero(batch.weights)),
        "sum of weights": float(batch.weights.sum()),
        "count": float(batch.count[0]),
    }
    if batch.pair is not None:
        counts["class of the pair"] = int(batch.pair[0])
    if row.segments is not None:
        counts["documents"] = len(set(row.segments[0].tolist()) - {0})
    return counts


def text(picture: Picture, width: int = 100, positions: int = 48) -> str:
    """Return a picture as lines of at most `width` characters, attention of at most so many `positions`.

    In the columns a dot stands where nothing is scored; in the attention picture rows are queries, columns are keys.
    """
    lines = [*textwrap.wrap(picture.objective, width), "", *textwrap.wrap("row: " + " ".join(picture.row), width)]
    for side in picture.sides:
        lines += ["", f"{side.name} reads" + (", says, with weight" if side.cells[:1] and _says(side) else "")]
        lines += _columns(side, width)
    for side in picture.sides:
        shown = side.sees[:positions, :positions]
        cut = f", first {positions} of {len(side.sees)} positions" if len(side.sees) > positions else ""
        lines += ["", f"{side.name}: who sees whom (# sees, . does not){cut}"]
        lines += ["".join("#" if seen else "." for seen in query) for query in shown]
    lines.append("")
    lines += [f"{name:18} {value:g}" for name, value in picture.counts.items()]
    return "\n".join(lines)


def _says(side: Side) -> bool:
    return any(cell.says is not None for cell in side.cells)


def _columns(side: Side, width: int) -> list[str]:
    """Lay cells out in aligned columns, as many to a line as fit."""
    titles = ["reads", "says", "weight", "segment"] if _says(side) else ["reads", "segment"]
    blocks: list[list[str]] = []
    for cell in side.cells:
        scored = cell.weight != 0.0
        says = [cell.says if scored and cell.says is not None else ".", f"{cell.weight:.3g}" if scored else "."]
        column = [cell.reads, *(says if len(titles) == 4 else []), str(cell.segment)]
        size = max(map(len, column))
        column = [entry.ljust(size) for entry in column]
        if not blocks or len(blocks[-1][0]) + 1 + size > width:
            blocks.append([f"  {title:8}" for title in titles])
        blocks[-1] = [f"{line} {entry}" for line, entry in zip(blocks[-1], column, strict=True)]
    return [line.rstrip() for block in blocks for line in block]
