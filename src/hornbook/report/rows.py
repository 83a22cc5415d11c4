"""Rows: what a run's text is in documents, tokens and rows, and which rows its steps read, counted anew.

    tokens/ (lengths, bytes, hashes of documents)  +  corpus.json (where the split is)  +  recipe  +  steps
        -> documents, bytes and tokens of both sides, rows, what is shared and padded, rows read, distinct, repeated

The tokens themselves are not read, but where the order of the text depends on them. The packer and the order of
training are those that trained; the counts are compared with what training recorded by `hornbook.report.ledger`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hornbook.errors import HornbookError
from hornbook.objectives.base import companion_length, cycle_of, tokens_per_row, with_vocab
from hornbook.objectives.ops.compiled import kernels
from hornbook.prepare.dataset import TOKENS, Prepared, recall
from hornbook.prepare.mixing import order_of
from hornbook.report.facts import RunFacts
from hornbook.report.private import base_name, without_paths
from hornbook.tokens.packing import CorpusRows, DomainRows
from hornbook.tokens.shards import TokenStore
from hornbook.tokens.tokenizer.tokenizer import TOKENIZER, load_tokenizer

MOST_ROWS = 2_000_000  # that are counted one by one
_QUICK = 300_000  # of these numpy alone is done before kernels are loaded


@dataclass(frozen=True)
class Side:
    """Documents with their bytes and tokens."""

    documents: int
    bytes: int
    tokens: int


@dataclass(frozen=True)
class DomainRead:
    """What a run read of a domain: its rows, how many rows were read, and how many different ones."""

    name: str
    rows: int
    read: int
    distinct: int


@dataclass(frozen=True)
class Packed:
    """The rows that hold the training text once.

    marks     special tokens that the packer put around documents
    places    positions of all rows
    shared    of them those that hold a token of the row before again
    padding   of them those that hold none
    """

    tokens: int
    marks: int
    rows: int
    places: int
    shared: int
    padding: int


@dataclass(frozen=True)
class RowCounts:
    """What was counted.

    trained, held_out   the two sides of the split
    packed     the rows of the training side
    examples   rows that the steps read
    domains    the same by domain, one without a name where domains are not weighted; empty where there are too many
    turns      rows read of each turn of the objective's cycle
    tokens_a_row   that a row takes of the text, on average
    """

    trained: Side
    held_out: Side
    packed: Packed
    examples: int
    domains: tuple[DomainRead, ...]
    turns: tuple[int, ...]
    tokens_a_row: float


def counted(run: RunFacts, *, full_paths: bool = False) -> RowCounts | str:
    """Return the counts of a run, or in a sentence why there are none."""
    directory, recipe = run.directory, run.recipe
    if not run.corpus or not run.tokens:
        return "the run's text is not there"
    try:
        if run.step * recipe.training.batch_rows > _QUICK:
            kernels()
        tokenizer = load_tokenizer(directory / TOKENIZER)
        by_tokens = recipe.mix.order.removeprefix("-") == "rarity"
        folder = directory / TOKENS
        store = TokenStore.open(folder, tokenizer.vocab) if by_tokens else TokenStore.index(folder)
        objective = with_vocab(recipe.objective, tokenizer.vocab)
        prepared = Prepared(recall(directory), tokenizer, objective, store, recipe.mix, recipe.row_length)
        return _counts(run, prepared, full_paths)
    except (HornbookError, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        return f"the text cannot be counted again: {without_paths(str(error), str(directory))}"


def _counts(run: RunFacts, prepared: Prepared, full_paths: bool) -> RowCounts:
    recipe, cycle = run.recipe, len(cycle_of(prepared.objective))
    held_out = np.zeros(prepared.store.documents, bool)
    held_out[prepared.held_out_documents] = True
    examples = run.step * recipe.training.batch_rows
    domains: list[DomainRead] = []
    turns = np.zeros(cycle, np.int64)
    if examples <= MOST_ROWS:
        _, row = order_of(recipe, prepared).locate(recipe.seed, np.arange(examples))
        turns = np.bincount(row % cycle, minlength=cycle)
        rows = prepared.training_rows
        ends = rows.first if isinstance(rows, DomainRows) else np.array([0, len(rows)])
        domain = np.searchsorted(ends, row, side="right") - 1
        different = np.searchsorted(ends, np.unique(row), side="right") - 1
        parts: Sequence[CorpusRows] = rows.parts if isinstance(rows, DomainRows) else [rows]
        for number, (name, part) in enumerate(zip(prepared.domains, parts, strict=True)):
            read, distinct = int((domain == number).sum()), int((different == number).sum())
            domains.append(DomainRead(name if full_paths else base_name(name), len(part), read, distinct))
    return RowCounts(
        _side(prepared, ~held_out), _side(prepared, held_out), _packed(prepared), examples, tuple(domains),
        tuple(turns.tolist()) if domains else (), tokens_per_row(prepared.objective, prepared.row_length),
    )  # fmt: skip


def _side(prepared: Prepared, chosen: np.ndarray) -> Side:
    store = prepared.store
    return Side(int(chosen.sum()), int(store.bytes[chosen].sum()), int(store.lengths[chosen].sum()))


def _packed(prepared: Prepared) -> Packed:
    """Return what the rows of all domains hold; where domains are weighted each is packed for itself."""
    rows, objective = prepared.training_rows, prepared.objective
    parts: Sequence[CorpusRows] = rows.parts if isinstance(rows, DomainRows) else [rows]
    before, after = objective.boundary_tokens
    paired = companion_length(objective, prepared.row_length) is not None
    around = 0 if paired else len(before) + len(after)
    cycle = cycle_of(objective)
    lengths = np.array([part.row_length(prepared.row_length) for part in cycle])
    overlaps = np.array([0 if paired else part.overlap for part in cycle])
    marks = sum(around * int((prepared.store.lengths[documents] > 0).sum()) for documents in prepared.domains.values())
    tokens = sum(int(prepared.store.lengths[documents].sum()) for documents in prepared.domains.values())
    places = shared = padding = 0
    for part in parts:
        turn = np.arange(len(part)) % len(cycle)
        held = int(lengths[turn].sum())
        places += held
        shared += int(overlaps[turn[:-1]].sum())  # the last row has none behind it
        padding += round(part.padding * held)
    return Packed(tokens, marks, sum(map(len, parts)), places, shared, padding)
