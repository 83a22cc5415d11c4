"""Check: whether objectives obey the laws, on real text and three real tokenizers, as a linter says it.

my.py:MyObjective   no token is lost: row 3 has the token 214 2 times, inputs and targets 1 (bpe)
"""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from hornbook.batch import Rows
from hornbook.corpus.document import Document
from hornbook.corpus.readers.builtin import DOCS, builtin
from hornbook.errors import UserError
from hornbook.keys import row_keys
from hornbook.objectives.base import Objective, cycle_of, merged, with_vocab
from hornbook.objectives.catalogue import CATALOGUE, build, settings
from hornbook.objectives.laws import complaints, raised
from hornbook.tokens.packing import corpus_rows
from hornbook.tokens.shards import TokenStore, write_store
from hornbook.tokens.tokenizer.tokenizer import Kind, Tokenizer, train_tokenizer
from hornbook.vocab import EMPTY, Vocab

# Documents of Python's documentation that tokenizers learn from and rows are made of, and the rows of each length.
_TEXTS, _ROWS = 40, 12
_LENGTHS = (128, 64, 17)  # of the model's rows, in positions; shorter ones are left out where an objective refuses them
_ENTRIES: Mapping[Kind, int] = MappingProxyType({"bpe": 600, "wordpiece": 1200, "unigram": 1200})


@dataclass(frozen=True)
class Broken:
    """A law that is broken: its name, what is wrong, and with which tokenizer it was found."""

    law: str
    complaint: str
    tokenizer: str


@dataclass(frozen=True)
class Checked:
    """An objective and the laws that it breaks."""

    objective: str
    broken: tuple[Broken, ...]


def check_objectives(kinds: Sequence[str], progress: Callable[[str], object]) -> Iterator[Checked]:
    """Yield what is found of each objective, by name or as path.py:Class; without any, of the whole catalogue.

    `progress` gets the name of each tokenizer that is trained. Raises UserError for an objective that does not exist.
    """
    objectives = {kind: build(kind, {}, EMPTY) for kind in kinds or CATALOGUE}
    texts = [document.text for document in itertools.islice(builtin(DOCS), _TEXTS)]
    needs = merged([objective.requirements(max(_LENGTHS)) for objective in objectives.values()])
    stores: dict[str, tuple[TokenStore, Vocab]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, size in _ENTRIES.items():
            progress(f"a {name} tokenizer")
            content = train_tokenizer(iter(texts), name, size + needs.sentinels + len(needs.modes), needs)
            tokenizer, place = Tokenizer(content, Vocab.from_tokenizer(content)), Path(scratch) / name
            write_store((Document(text, "", "") for text in texts), tokenizer, place, progress=None)
            stores[name] = TokenStore.open(place, tokenizer.vocab), tokenizer.vocab
        for kind, objective in objectives.items():
            yield Checked(kind, tuple(_broken(kind, objective, stores)))


def _broken(kind: str, objective: Objective, stores: Mapping[str, tuple[TokenStore, Vocab]]) -> Iterator[Broken]:
    """Yield each law that an objective breaks, once."""
    known = set()
    for name, (store, vocab) in stores.items():
        for law, complaint in _complaints(kind, with_vocab(objective, vocab), store):
            if law not in known:
                known.add(law)
                yield Broken(law, complaint, name)


def _complaints(kind: str, objective: Objective, store: TokenStore) -> Iterator[tuple[str, str]]:
    if (again := build(kind, settings(objective), objective.vocab)) != objective:
        yield "settings come back", f"saved and read again it is {again!r}, not {objective!r}"
    cycle = cycle_of(objective)
    for part in (part for number, part in enumerate(cycle) if part not in cycle[:number]):
        try:
            samples = list(_samples(part, store))
        except Exception as error:  # whatever the code of an objective of one's own does
            yield "rows of ordinary lengths are taken", raised(error)
        else:
            yield from complaints(part, samples)


def _samples(objective: Objective, store: TokenStore) -> Iterator[Rows]:
    """Yield rows of real text as the packer makes them, and the same with much padding, one token, or nothing."""
    for length in _LENGTHS:
        try:
            objective.check(length)
        except UserError:
            if length == max(_LENGTHS):
                raise
            continue
        rows = corpus_rows(store, None, objective, length)
        index = np.arange(min(_ROWS, len(rows)))
        real = rows.rows(index, row_keys(0, index, 0))
        yield dataclasses.replace(real, progress=np.linspace(0, 1, len(index)))
        tokens, segments = real.tokens.copy(), np.ones(real.tokens.shape, np.int32)
        for row, kept in enumerate((0, 1, 2, tokens.shape[1] // 2)[: len(tokens)]):
            tokens[row, kept:], segments[row, kept:] = objective.vocab.pad or 0, 0
        yield dataclasses.replace(real, tokens=tokens, segments=segments)
