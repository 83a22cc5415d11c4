"""What workers do: read a unit, run steps over a block, write a part. Each leaves whole files, a tally beside them.

    work/read/UNIT.json          the unit's tally and its blocks    work/read/UNIT-BLOCK.parquet   the blocks
    work/STAGE/BLOCK.json        the block's tally                  work/STAGE/BLOCK.parquet       what is left of it
    work/parts/PART.json         the part's tally                   documents/part-PART.parquet    the corpus

The JSON file comes last: where it is, the task is done.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.artifacts import json_text
from hornbook.corpus.build import dropped, tally
from hornbook.corpus.build.blocks import BLOCK_DOCUMENTS, DOCUMENT_COLUMNS, read_block, schema, whole, write_block
from hornbook.corpus.build.within import telling
from hornbook.corpus.document import last_field, with_fields
from hornbook.corpus.grouping import grouped
from hornbook.corpus.readers.packed import blocks
from hornbook.corpus.readers.reading import Unread, read_unit
from hornbook.corpus.readers.record import Chosen
from hornbook.corpus.readers.units import Piece
from hornbook.corpus.step import Page, Step, Verdicts
from hornbook.errors import UserError


@dataclass(frozen=True)
class Measure:
    """How long texts are, in UTF-8 bytes, pieces between blanks, and tokens.

    tokenizer   a tokenizer.json; empty = tokens are not counted
    """

    tokenizer: str = ""

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return int64[N, 3]: bytes, words and tokens of each text."""
        sizes = np.zeros((len(texts), 3), np.int64)
        sizes[:, 0] = [len(text.encode()) for text in texts]
        sizes[:, 1] = [len(text.split()) for text in texts]
        if self.tokenizer:
            encoder = _encoder(self.tokenizer)
            sizes[:, 2] = [len(encoder.encode(text, add_special_tokens=False).ids) for text in texts]
        return sizes


@functools.cache
def _encoder(path: str) -> Any:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(path)
    except Exception as error:  # the library has no kinds of errors
        raise UserError(f"The tokenizer {path} cannot be read ({error}).") from error


def count_lines(task: str) -> str:
    """Return the number of lines of a piece of a file of JSON lines; the piece is given as JSON."""
    piece = Piece(**json.loads(task))
    return str(sum(block.count(b"\n") for block in blocks(piece.place, piece.start, piece.stop)))


@dataclass(frozen=True)
class ReadUnit:
    """A task is JSON: {"number": of the unit, "pieces": [...]}, of a unit that is read into blocks."""

    folder: Path
    field: str
    block: int
    measure: Measure
    chosen: tuple[Chosen, ...] = ()
    fields: tuple[str, ...] = ()

    def __call__(self, task: str) -> str:
        given = json.loads(task)
        number = given["number"]
        total: tally.Tally = {}
        names: list[str] = []
        with whole(self.folder / f"{number:06d}.unread.jsonl") as partial, partial.open("w", encoding="utf-8") as bad:

            def unread(item: Unread) -> None:
                bad.write(json_text(item._asdict()) + "\n")
                if item.records:
                    tally.add(total, {"unread": {item.source: {item.reason: item.records}}})

            def passed(source: str, reason: str, count: int) -> None:
                tally.add(total, {"passed": {source: {reason: count}}})

            unit = tuple(Piece(**piece) for piece in given["pieces"])
            record = number << 32
            read = read_unit(unit, self.field, unread, passed, self.chosen, self.fields)
            read = telling(read, self.folder / f"{number:06d}.json", sum(piece.size for piece in unit))
            for items in grouped(read, lambda one: len(one.text.encode()) + len(one.meta), self.block, BLOCK_DOCUMENTS):
                ids, sources, texts, metas = zip(*items, strict=True)
                sizes = self.measure(texts)
                names.append(f"{number:06d}-{len(names):06d}")
                places = np.arange(record, record + len(items), dtype=np.int64)
                record += len(items)
                write_block(self.folder / f"{names[-1]}.parquet", places, ids, sources, texts, metas, sizes=sizes)
                lengths = {"in": tally.lengths(sizes[:, 1])}
                repaired = _repaired(sources, metas)
                tally.add(total, {"fields": _fields_in(metas, self.fields)})
                tally.add(total, {"in": tally.by_source(sources, sizes), "lengths": lengths, "repaired": repaired})
        write_note(self.folder / f"{number:06d}.json", {"blocks": names, "tally": total})
        return ""


def _fields_in(metas: Sequence[str], fields: Sequence[str]) -> tally.Tally:
    """Return how many documents have each of the fields that are to be kept."""
    held = [json.loads(meta) for meta in metas] if fields else []
    return {name: sum(name in meta for meta in held) for name in fields}


def _repaired(sources: Sequence[str], metas: Sequence[str]) -> tally.Tally:
    """Return how many documents of each source were in which encoding, where it was guessed."""
    notes: tally.Tally = {}
    for source, meta in zip(sources, metas, strict=True):
        if '"encoding"' in meta and ", confidence " in meta:
            note, _, guessed = str(last_field(json.loads(meta), "encoding")).partition(", confidence ")
            if guessed:
                tally.add(notes, {source: {note: 1}})
    return notes


@dataclass(frozen=True)
class RunSteps:
    """A task is the name of a block; steps are numbered from `first` in the recipe, which calls them by their kinds."""

    before: Path
    folder: Path
    dropped: Path
    first: int
    kinds: tuple[str, ...]
    steps: tuple[Step, ...]
    measure: Measure

    def __call__(self, task: str) -> str:
        table, sizes = read_block(self.before / f"{task}.parquet")
        ids, sources, texts, metas = (table[name].to_pylist() for name in DOCUMENT_COLUMNS[1:])
        page = Page(table["place"].to_numpy(), ids, sources, texts, [json.loads(meta) for meta in metas])
        total: tally.Tally = {"steps": {}}
        gone: list[dict[str, Any]] = []
        for number, (kind, step) in enumerate(zip(self.kinds, self.steps, strict=True), start=self.first):
            verdicts = _verdicts(step, page)
            told = [{}] * len(page) if verdicts.metas is None else verdicts.metas
            gone += dropped.rows_of(page, verdicts.reasons, told, kind, number)
            page, sizes, total["steps"][str(number)] = _applied(verdicts, told, page, sizes, self.measure)
        dropped.write(self.dropped / f"{self.folder.name}-{task}.parquet", gone)
        metas = [json_text(dict(meta), ascii_only=False, default=str) for meta in page.metas]
        path = self.folder / f"{task}.parquet"
        write_block(path, page.places, page.ids, page.sources, page.texts, metas, sizes=sizes)
        write_note(self.folder / f"{task}.json", {"tally": total})
        return ""


def _applied(
    verdicts: Verdicts, told: Sequence[Mapping[str, Any]], page: Page, sizes: NDArray[np.int64], measure: Measure
) -> tuple[Page, NDArray[np.int64], tally.Tally]:
    """Return the page that a step's verdicts leave, the sizes int64[N, 3] of its documents, and the step's account."""
    metas = [with_fields(mine, added) for mine, added in zip(page.metas, told, strict=True)]
    languages = tally.count(str(added["language"]) for added in told if "language" in added)
    found = {"looked": len(page), "counts": dict(verdicts.counts), "languages": languages}
    found |= _dropped(page, sizes, verdicts.reasons, told) | tally.clusters(page.ids, told)
    kept = [index for index, reason in enumerate(verdicts.reasons) if not reason]
    texts = [verdicts.texts[index] for index in kept]
    ids, sources = [page.ids[index] for index in kept], [page.sources[index] for index in kept]
    sizes = sizes[kept]
    changed = [place for place, index in enumerate(kept) if texts[place] != page.texts[index]]
    removed = sizes[changed]
    if changed:
        sizes[changed] = measure([texts[place] for place in changed])
        removed = removed - sizes[changed]
    found["changed"] = tally.by_source([sources[place] for place in changed], removed)
    found["changes"] = tally.changes((ids[place], page.texts[kept[place]], texts[place]) for place in changed)
    return Page(page.places[kept], ids, sources, texts, [metas[index] for index in kept]), sizes, found


def _verdicts(step: Step, page: Page) -> Verdicts:
    """Return what a step says of a page, or refuse in words what is no verdict on each of its documents."""
    name = f"The step {type(step).__module__}:{type(step).__qualname__}"
    found = step(page)
    if not isinstance(found, Verdicts):
        raise UserError(f"{name} must return Verdicts, not {type(found).__name__}.")
    told: dict[str, tuple[Any, type]] = {"texts": (found.texts, str), "reasons": (found.reasons, str)}
    told |= {} if found.metas is None else {"metas": (found.metas, Mapping)}
    for part, (values, kind) in told.items():
        if len(values) != len(page):
            raise UserError(f"{name} gave {len(values)} {part} for {len(page)} documents.")
        if wrong := [value for value in values if not isinstance(value, kind)]:
            raise UserError(f"{name} gave {part} of which one is {wrong[0]!r}, no {kind.__name__}.")
    return found


def _dropped(
    page: Page, sizes: NDArray[np.int64], reasons: Sequence[str], told: Sequence[Mapping[str, Any]]
) -> tally.Tally:
    """Return what is dropped for each reason: how much of each source, and examples."""
    found: tally.Tally = {"dropped": {}, "examples": {}}
    for reason in sorted(set(reasons) - {""}):
        mine = [index for index, given in enumerate(reasons) if given == reason]
        found["dropped"][reason] = tally.by_source([page.sources[index] for index in mine], sizes[mine])
        examples = sorted(tally.example(page.ids[index], page.texts[index], told[index]) for index in mine)
        found["examples"][reason] = examples[: tally.EXAMPLES]
    return found


@dataclass(frozen=True)
class WritePart:
    """A task is the number of a part; `blocks` names the blocks of each."""

    before: Path
    notes: Path
    documents: Path
    blocks: Mapping[str, tuple[str, ...]] = field(repr=False)

    def __call__(self, task: str) -> str:
        from pyarrow.parquet import ParquetWriter

        total: tally.Tally = {}
        with (
            whole(self.documents / f"part-{task}.parquet", self.notes) as partial,
            ParquetWriter(partial, schema(lengths=False), compression="zstd", use_dictionary=["source"]) as writer,
        ):
            for name in self.blocks[task]:
                table, sizes = read_block(self.before / f"{name}.parquet")
                told = [meta for meta in table["meta"].to_pylist() if '"language"' in meta]
                languages = (name for meta in told if (name := last_field(json.loads(meta), "language")) is not None)
                tally.add(total, {"kept": tally.by_source(table["source"].to_pylist(), sizes)})
                tally.add(total, {"lengths": {"kept": tally.lengths(sizes[:, 1])}})
                tally.add(total, {"languages": tally.count(map(str, languages))})
                if len(table):
                    writer.write_table(table.select(DOCUMENT_COLUMNS))
        write_note(self.notes / f"{task}.json", {"tally": total})
        return ""


def write_note(path: Path, value: Any) -> None:
    """Write JSON beside what it tells of, whole or not at all."""
    with whole(path) as partial:
        partial.write_text(json_text(value), encoding="utf-8")
