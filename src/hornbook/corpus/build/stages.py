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

from hornbook.corpus.build import tally
from hornbook.corpus.build.blocks import (
    BLOCK_DOCUMENTS,
    DOCUMENT_COLUMNS,
    Block,
    read_block,
    schema,
    whole,
    write_block,
)
from hornbook.corpus.grouping import grouped
from hornbook.corpus.readers.packed import blocks
from hornbook.corpus.readers.reading import Item, Unread, read_unit
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
            for index, text in enumerate(texts):
                sizes[index, 2] = len(encoder.encode(text, add_special_tokens=False).ids)
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
    """A task is JSON: {"number": of the unit, "pieces": [...]}; its result the names of the unit's blocks."""

    folder: Path
    field: str
    block: int
    measure: Measure

    def __call__(self, task: str) -> str:
        """Read a unit into blocks."""
        given = json.loads(task)
        number = given["number"]
        total: tally.Tally = {}
        names: list[str] = []
        with whole(self.folder / f"{number:06d}.unread.jsonl") as partial, partial.open("w", encoding="utf-8") as bad:

            def unread(item: Unread) -> None:
                bad.write(json.dumps(item._asdict()) + "\n")
                tally.add(total, {"unread": {item.source: {item.reason: 1}}})

            unit = tuple(Piece(**piece) for piece in given["pieces"])
            record = number << 32
            for items in grouped(read_unit(unit, self.field, unread), _weight, self.block, BLOCK_DOCUMENTS):
                block = self._make(items, record)
                record += len(block)
                names.append(f"{number:06d}-{len(names):06d}")
                write_block(self.folder / f"{names[-1]}.parquet", block)
                tally.add(total, _as_read(block))
        write_note(self.folder / f"{number:06d}.json", {"blocks": names, "tally": total})
        return ""

    def _make(self, items: Sequence[Item], first: int) -> Block:
        texts = [item.text for item in items]
        sizes = self.measure(texts)
        return Block(
            np.arange(first, first + len(items), dtype=np.int64),
            [item.id for item in items],
            [item.source for item in items],
            texts,
            [item.meta for item in items],
            sizes[:, 1],
            sizes[:, 2],
        )


def _weight(item: Item) -> int:
    return len(item.text.encode()) + len(item.meta)


def _as_read(block: Block) -> tally.Tally:
    total = {"in": tally.by_source(block.sources, _sizes(block)), "lengths": {"in": tally.lengths(block.words)}}
    notes: tally.Tally = {}
    for source, meta in zip(block.sources, block.metas, strict=True):
        if '"encoding"' in meta and ", confidence " in meta:
            note = str(json.loads(meta)["encoding"]).partition(", confidence")[0]
            tally.add(notes, {source: {note: 1}})
    return {**total, "repaired": notes} if notes else total


def _sizes(block: Block) -> NDArray[np.int64]:
    """Return int64[N, 3]: bytes, words and tokens."""
    size = np.array([len(text.encode()) for text in block.texts], np.int64).reshape(-1)
    return np.stack([size, block.words, block.tokens], axis=1)


@dataclass(frozen=True)
class RunSteps:
    """A task is the name of a block; steps are numbered from `first` in the recipe."""

    before: Path
    folder: Path
    first: int
    steps: tuple[Step, ...]
    measure: Measure

    def __call__(self, task: str) -> str:
        """Run the steps over a block and write what is left of it."""
        block = read_block(self.before / f"{task}.parquet")
        total: tally.Tally = {"steps": {}}
        state = _State.of(block)
        for number, step in enumerate(self.steps, start=self.first):
            state, found = state.after(step, self.measure)
            total["steps"][str(number)] = found
        write_block(self.folder / f"{task}.parquet", state.block())
        write_note(self.folder / f"{task}.json", {"tally": total})
        return ""


@dataclass
class _State:
    """A page between two steps, and what its documents measure: sizes int64[N, 3]."""

    page: Page
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, block: Block) -> _State:
        metas = [json.loads(meta) for meta in block.metas]
        return cls(Page(block.places, block.ids, block.sources, block.texts, metas), _sizes(block))

    def after(self, step: Step, measure: Measure) -> tuple[_State, tally.Tally]:
        """Return the page that a step leaves, and its account."""
        page, verdicts = self.page, step(self.page)
        if len(verdicts.texts) != len(page) or len(verdicts.reasons) != len(page):
            raise ValueError(f"{type(step).__name__} gave {len(verdicts.reasons)} verdicts for {len(page)} documents")
        metas = page.metas
        if verdicts.metas is not None:
            metas = [{**mine, **added} for mine, added in zip(page.metas, verdicts.metas, strict=True)]
        kept = [index for index, reason in enumerate(verdicts.reasons) if not reason]
        texts = [verdicts.texts[index] for index in kept]
        sizes = self.sizes[kept]
        changed = [place for place, index in enumerate(kept) if texts[place] != page.texts[index]]
        removed = sizes[changed]
        if changed:
            sizes[changed] = measure([texts[place] for place in changed])
            removed = removed - sizes[changed]
        found: tally.Tally = {
            "looked": len(page),
            "dropped": self._dropped(verdicts.reasons),
            "changed": tally.by_source([page.sources[kept[place]] for place in changed], removed),
            "counts": dict(verdicts.counts),
            "examples": self._examples(verdicts),
        }
        if verdicts.metas is not None:
            found["languages"] = tally.count(str(added["language"]) for added in verdicts.metas if "language" in added)
            tally.add(found, tally.clusters(page.ids, verdicts.metas))
        left = Page(
            page.places[kept],
            [page.ids[index] for index in kept],
            [page.sources[index] for index in kept],
            texts,
            [metas[index] for index in kept],
        )
        return _State(left, sizes), found

    def _dropped(self, reasons: Sequence[str]) -> tally.Tally:
        result: tally.Tally = {}
        for reason in sorted(set(reasons) - {""}):
            mine = [index for index, given in enumerate(reasons) if given == reason]
            result[reason] = tally.by_source([self.page.sources[index] for index in mine], self.sizes[mine])
        return result

    def _examples(self, verdicts: Verdicts) -> tally.Tally:
        result: tally.Tally = {}
        for index, reason in enumerate(verdicts.reasons):
            if reason:
                told = verdicts.metas[index] if verdicts.metas is not None else {}
                tally.add(result, {reason: [tally.example(self.page.ids[index], self.page.texts[index], told)]})
        return result

    def block(self) -> Block:
        page = self.page
        metas = [json.dumps(dict(meta), ensure_ascii=False, default=str) for meta in page.metas]
        return Block(page.places, page.ids, page.sources, page.texts, metas, self.sizes[:, 1], self.sizes[:, 2])


@dataclass(frozen=True)
class WritePart:
    """A task is the number of a part; `blocks` names the blocks of each."""

    before: Path
    notes: Path
    documents: Path
    blocks: Mapping[str, tuple[str, ...]] = field(repr=False)

    def __call__(self, task: str) -> str:
        """Write a part of the corpus, block by block."""
        from pyarrow.parquet import ParquetWriter

        from hornbook.corpus.build.blocks import to_table

        total: tally.Tally = {}
        with (
            whole(self.documents / f"part-{task}.parquet", self.notes) as partial,
            ParquetWriter(partial, schema(lengths=False), compression="zstd", use_dictionary=["source"]) as writer,
        ):
            for name in self.blocks[task]:
                block = read_block(self.before / f"{name}.parquet")
                tally.add(total, {"kept": tally.by_source(block.sources, _sizes(block))})
                tally.add(total, {"lengths": {"kept": tally.lengths(block.words)}})
                languages = (json.loads(meta).get("language") for meta in block.metas if '"language"' in meta)
                tally.add(total, {"languages": tally.count(str(item) for item in languages if item is not None)})
                if len(block):
                    writer.write_table(to_table(block).select(list(DOCUMENT_COLUMNS)))
        write_note(self.notes / f"{task}.json", {"tally": total})
        return ""


def write_note(path: Path, value: Any) -> None:
    """Write JSON beside what it tells of, whole or not at all."""
    with whole(path) as partial:
        partial.write_text(json.dumps(value), encoding="utf-8")
