"""Show what an objective does to a row, as plain data and as plain text: what the model reads, says, and may see.

    picture = show(objective, rows, 0, tokenizer.tokens)
    print(text(picture))

An objective that does several things to a row has a picture of each, in `Picture.others`: both classes of a pair, and
every part of a mixture with its share of the rows.

Shapes: S positions of the input, T positions of the output.
"""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch, Integers, Rows, allowed
from hornbook.keys import Keys, fold, integers
from hornbook.objectives.base import Objective, cycle_of
from hornbook.objectives.contract import batch_of
from hornbook.vocab import SENTINEL, Vocab

# kept: as in the text. mask, sentinel, special: those tokens. changed: another word in place of the scored one.
Kind = Literal["kept", "mask", "sentinel", "special", "changed", "padding"]
Names = Callable[[Sequence[int]], Sequence[str]]
_DRAWS = 64  # of a row's noise are tried for one that gives the other class of a pair
_SAMPLES = 61  # stream of the row key
_CLASSES = ("class 0", "class 1")


@dataclass(frozen=True)
class Cell:
    """One position of a model's side: what it reads, of which kind; what it must say and how much that counts.

    type   the token type it is read with: 0 in the first text of a pair, 1 in the second; None where there are no types
    """

    reads: str
    kind: Kind
    segment: int
    says: str | None
    weight: float
    type: int | None = None


@dataclass(frozen=True, eq=False)
class Side:
    """One stack of the model, or one model of two. sees bool[positions, positions], True where query sees key."""

    name: Literal["encoder", "decoder", "generator", "discriminator"]
    cells: tuple[Cell, ...]
    sees: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Picture:
    """A row of the corpus as the model meets it.

    row      the row of the corpus, token by token, without mode tokens, in whose place each denoiser shows its own
    counts   in numbers what the cells show
    notes    sentences on what cells cannot show: the class of a pair, the share of a part, what stands for a sample
    others   the same row in the objective's other ways
    added    special tokens that the objective needs and the tokenizer was given for the picture
    """

    objective: str
    row: tuple[str, ...]
    sides: tuple[Side, ...]
    counts: Mapping[str, float]
    notes: tuple[str, ...] = ()
    others: tuple[Picture, ...] = ()
    added: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        from hornbook.console import html_table

        tables = []
        for picture in (self, *self.others):
            title = "; ".join((picture.objective, *picture.notes))
            for side in picture.sides:
                scored = [cell.says if cell.weight and cell.says is not None else "" for cell in side.cells]
                rows = [("says", *scored)] if any(scored) else []
                if any(cell.type is not None for cell in side.cells):
                    rows.append(("type", *("" if cell.type is None else str(cell.type) for cell in side.cells)))
                caption = f"{side.name}: {title}"
                tables.append(html_table(("reads", *(cell.reads for cell in side.cells)), rows, caption))
        return "".join(tables)


def show(
    objective: Objective, rows: Rows, index: int, names: Names, keys: Callable[[Objective], Keys] | None = None
) -> Picture:
    """Return the picture of one row; `names` turns ids into the tokenizer's tokens.

    Where the objective has parts, the first picture is of the part whose turn the row's own is, if it has one. `keys`
    gives the row's key [1] for a part, where it is not the same for all.
    """
    row = rows.take(np.array([index]))
    cycle = cycle_of(objective)
    found: list[Picture] = []
    for part in _in_turn(cycle, row):
        given = row if keys is None else dataclasses.replace(row, keys=keys(part))
        found += _pictures(part, given, names, _share(objective, part, cycle))
    return dataclasses.replace(found[0], others=tuple(found[1:]))


def _in_turn(cycle: Sequence[Objective], row: Rows) -> list[Objective]:
    """Return the different parts, the one first whose turn it is."""
    first = 0 if row.index is None else int(row.index[0]) % len(cycle)
    return list(dict.fromkeys((*cycle[first:], *cycle[:first])))


def _share(whole: Objective, part: Objective, cycle: Sequence[Objective]) -> tuple[str, ...]:
    """Say how many of a mixture's rows are a part's."""
    if len(set(cycle)) < 2:
        return ()
    return (f"{cycle.count(part)} of {len(cycle)} rows are of this part of {whole!r}",)


def _pictures(part: Objective, row: Rows, names: Names, share: tuple[str, ...]) -> Iterator[Picture]:
    """Yield the picture of a row by one part, and of a pair that of the other class too."""
    batch = batch_of(part, row)
    if batch.pair is None:
        yield _picture(part, row, batch, names, share)
        return
    meanings = getattr(part, "classes", _CLASSES)
    other = _other_class(part, row, batch)
    for drawn in (batch, other):
        if drawn is not None and drawn.pair is not None:
            number = int(drawn.pair[0])
            notes = [f"class {number} of the pair: {meanings[number]}", "token types: 0 in text A, 1 in text B"]
            if other is None:
                notes.append(f"this row cannot give class {1 - number}: {meanings[1 - number]}")
            yield _picture(part, row, drawn, names, (*share, *notes))


def _other_class(part: Objective, row: Rows, batch: Batch) -> Batch | None:
    """Return the batch of the row with noise that gives its pair the other class; None where none does."""
    for number in range(_DRAWS):
        found = batch_of(part, dataclasses.replace(row, keys=fold(row.keys, number)))
        if found.pair is not None and batch.pair is not None and found.pair[0] != batch.pair[0]:
            return found
    return None


def _picture(part: Objective, row: Rows, batch: Batch, names: Names, notes: tuple[str, ...]) -> Picture:
    vocab, topology = part.vocab, part.topology
    own = None if batch.segments is None else batch.segments[0]
    types = None if batch.types is None else batch.types[0]
    sees = allowed(batch.segments, batch.visible, batch.inputs.shape[1], topology)[0]
    inputs, targets, weights = batch.inputs[0], batch.targets[0], batch.weights[0]
    if batch.decoder_inputs is None:
        name: Literal["generator", "encoder", "decoder"] = "encoder" if topology == "encoder" else "decoder"
        name = "generator" if part.heads.generator_width else name
        cells = _cells(inputs, own, targets, weights, types, vocab, names, aligned=topology == "encoder")
        sides: tuple[Side, ...] = (Side(name, cells, sees),)
    else:
        spoken = batch.decoder_inputs[0]
        theirs = None if batch.decoder_segments is None else batch.decoder_segments[0]
        decoder_sees = allowed(batch.decoder_segments, None, len(spoken), "decoder")[0]
        sides = (
            Side("encoder", _cells(inputs, own, None, None, types, vocab, names), sees),
            Side("decoder", _cells(spoken, theirs, targets, weights, None, vocab, names), decoder_sees),
        )
    if part.heads.generator_width:
        sides = (*sides, _discriminator(row, batch, vocab, names, sees))
        notes = (*notes, "the discriminator reads samples of the generator: random tokens stand for them here")
    real = row.tokens[0][row.real[0]]
    text = real[
        ~np.isin(real, [number for _, number in vocab.modes])
    ]  # the packer's marks, which parts show as their own
    return Picture(repr(part), tuple(names(text.tolist())), sides, _counts(row, batch), notes)


def _discriminator(row: Rows, batch: Batch, vocab: Vocab, names: Names, sees: NDArray[np.bool_]) -> Side:
    """Return what the model beside a generator reads, with a random word for each sample, and what it must say."""
    original, scored = batch.targets[0], np.flatnonzero(batch.weights[0])
    reads = original.copy()
    reads[scored] = vocab.words[integers(row.keys, len(scored), _SAMPLES, len(vocab.words))[0]]
    segments = np.ones(reads.shape, np.int32) if batch.segments is None else batch.segments[0]
    kinds = _kinds(reads, segments.tolist(), original, vocab)
    said = np.where(reads != original, "replaced", "original").tolist()
    there = (segments != 0).astype(np.float64).tolist()
    cells = map(Cell, names(reads.tolist()), kinds, segments.tolist(), said, there)
    return Side("discriminator", tuple(cells), sees)


def _cells(
    reads: Integers,
    segments: Integers | None,
    says: Integers | None,
    weights: NDArray[np.float32] | None,
    types: Integers | None,
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
    kept: list[int | None] = [None] * len(reads) if types is None else types.tolist()
    return tuple(map(Cell, tokens, kinds, numbers, targets, scored, kept))


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


def text(picture: Picture, width: int = 80, positions: int = 48) -> str:
    """Return a picture, and the others with it, as lines of at most `width` characters.

    In the columns a dot stands where nothing is scored. Who sees whom is shown of at most so many `positions`: each
    line is a position and what it reads, each column a position that it sees (#) or does not (.).
    """
    pictures = (picture, *picture.others)
    return f"\n\n{'':-<{width}}\n".join(_one(item, width, positions) for item in pictures)


def _one(picture: Picture, width: int, positions: int) -> str:
    lines = textwrap.wrap(picture.objective, width)
    for note in picture.notes:
        lines += textwrap.wrap(note, width, subsequent_indent="  ")
    if picture.added:
        lines += textwrap.wrap(f"added to the tokenizer: {added(picture)}", width, subsequent_indent="  ")
    lines += ["", *textwrap.wrap("row: " + " ".join(picture.row), width)]
    for side in picture.sides:
        lines += ["", f"{side.name} reads" + (", says, with weight" if side.cells[:1] and _says(side) else "")]
        lines += _columns(side, width)
    seen: list[Any] = []
    for side in picture.sides:
        if not any(side.sees is known for known in seen):
            lines += ["", *_attention(side, width, positions)]
            seen.append(side.sees)
    lines.append("")
    return "\n".join([*lines, *(f"{name:18} {value:g}" for name, value in picture.counts.items())])


def added(picture: Picture) -> str:
    """Return the tokens that the tokenizer was given, in words: sentinels are many, so their first and last are told.

    >>> added(Picture("", (), (), {}, added=("[R]", "<extra_id_2>", "<extra_id_1>", "<extra_id_0>")))
    '[R], <extra_id_0> to <extra_id_2>'
    """
    sentinels = [name for name in picture.added if SENTINEL.fullmatch(name)]
    ends = f"{sentinels[-1]} to {sentinels[0]}" if sentinels[1:] else "".join(sentinels)
    return ", ".join([*(name for name in picture.added if name not in sentinels), *filter(None, [ends])])


def _attention(side: Side, width: int, positions: int) -> list[str]:
    """Return who sees whom in lines, each position with its number and its token."""
    size = len(side.sees)
    if side.sees.all():
        return [f"{side.name}: every position sees all {size}"]
    label = min(max((len(cell.reads) for cell in side.cells), default=0), 10)
    indent = len(str(size)) + label + 2
    shown = max(1, min(size, positions, width - indent))
    cut = f", first {shown} of {size} positions" if size > shown else ""
    lines = textwrap.wrap(
        f"{side.name}: who sees whom{cut}. A line is a position and the token there; # in column k: it sees position "
        "k, . : it does not",
        width,
    )
    for unit in (100, 10, 1):
        if unit <= max(shown - 1, 1):
            digits = (str(number // unit % 10) if number >= unit or unit == 1 else " " for number in range(shown))
            lines.append((" " * indent + "".join(digits)).rstrip())
    for number, query in enumerate(side.sees[:shown, :shown]):
        name = side.cells[number].reads[:label]
        lines.append(f"{number:>{len(str(size))}} {name:<{label}} " + "".join("#" if seen else "." for seen in query))
    return lines


def _says(side: Side) -> bool:
    return any(cell.says is not None for cell in side.cells)


def _columns(side: Side, width: int) -> list[str]:
    """Lay cells out in aligned columns, as many to a line as fit."""
    said, typed = _says(side), any(cell.type is not None for cell in side.cells)
    titles = ["reads", *(["says", "weight"] if said else []), *(["type"] if typed else []), "segment"]
    blocks: list[list[str]] = []
    for cell in side.cells:
        scored = cell.weight != 0.0
        says = [cell.says if scored and cell.says is not None else ".", f"{cell.weight:.3g}" if scored else "."]
        column = [cell.reads, *(says if said else []), *([str(cell.type)] if typed else []), str(cell.segment)]
        size = max(map(len, column))
        column = [entry.ljust(size) for entry in column]
        if not blocks or len(blocks[-1][0]) + 1 + size > width:
            blocks.append([f"  {title:8}" for title in titles])
        blocks[-1] = [f"{line} {entry}" for line, entry in zip(blocks[-1], column, strict=True)]
    return [line.rstrip() for block in blocks for line in block]
