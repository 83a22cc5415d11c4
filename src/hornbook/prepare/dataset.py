"""Text -> tokens, for one run: clean, read, split, train or load the tokenizer, write the shards.

Every stage leaves its result in the run directory and is skipped when that is there already, so an interrupted
preparation goes on where it stopped, and gives what an undisturbed one gives.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import NDArray

from hornbook import keys
from hornbook.artifacts import MANIFEST, enlist, is_done, read_json, verified, write_file, write_json
from hornbook.batch import Batch, Topology
from hornbook.console import View
from hornbook.corpus.built import account_of
from hornbook.corpus.document import Document, document_hash
from hornbook.corpus.read import read
from hornbook.corpus.readers.discovery import counted
from hornbook.corpus.split import Split, make_split
from hornbook.corpus.traits import Look, Traits, asks, load_traits, save_traits
from hornbook.errors import UserError
from hornbook.objectives.base import Objective, cycle_of, with_vocab
from hornbook.objectives.contract import is_own, require_contract
from hornbook.prepare.clean import cleaned
from hornbook.prepare.places import places
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import DataSettings, MixSettings
from hornbook.schema import record
from hornbook.tokens.loader import batches
from hornbook.tokens.order import Shuffled
from hornbook.tokens.packing import CorpusRows, DocumentRows, DomainRows, Places, corpus_rows
from hornbook.tokens.shards import TokenStore, write_store
from hornbook.tokens.tokenizer.new_pieces import with_pieces
from hornbook.tokens.tokenizer.special_tokens import with_special_tokens
from hornbook.tokens.tokenizer.tokenizer import (
    TOKENIZER,
    Template,
    Tokenizer,
    load_tokenizer,
    save_tokenizer,
    train_tokenizer,
)

_ROLES = "tokenizer_config.json"  # beside a tokenizer of a base model: the roles of its tokens
CORPUS, TRAITS, TOKENS, PIECES = "corpus.json", "traits.safetensors", "tokens", "new_pieces.json"
# A corpus below this many bytes is kept in memory between the passes over it; a larger one is read anew.
_KEEP_BYTES = 256 << 20
_LEARN_BYTES = 64 << 20  # a tokenizer learns from at most this many bytes of the training text: more changes it little
LARGEST, _FEWEST_WORDS = 16_384, 1_024  # entries of a vocabulary
_SAMPLE = 8  # rows that are looked at to know what a micro-batch holds
# Which marks other tools shall put around a text for a model of each topology, as its training text had them.
_TEMPLATES: dict[Topology, Template] = {"decoder": "none", "encoder": "both", "encoder-decoder": "end"}


@dataclass(frozen=True)
class Text:
    """What the first pass over a corpus found: numbers of documents and bytes, and where the held-out ones are.

    traits  what the mix needs to know of each document; None where it needs nothing
    """

    documents: int
    bytes: int
    split: Split
    traits: Traits | None = None


@dataclass(frozen=True)
class Prepared:
    """A corpus ready for an objective: its tokens, and which documents are for training and which for measuring.

    row_length   positions of a row
    """

    text: Text
    tokenizer: Tokenizer
    objective: Objective
    store: TokenStore
    mix: MixSettings
    row_length: int

    @functools.cached_property
    def training_rows(self) -> CorpusRows:
        """The rows of all training documents; where the mix weights domains, domain after domain."""
        rows: list[CorpusRows] = [self._rows(documents) for documents in self.domains.values()]
        return rows[0] if not self.mix.divides else DomainRows(rows, len(cycle_of(self.objective)))

    @functools.cached_property
    def sample(self) -> list[Batch]:
        """A few rows from all over the training text, a batch of each part of the objective."""
        rows, cycle = self.training_rows, len(cycle_of(self.objective))
        size = max(_SAMPLE, cycle)
        _, index = Shuffled(len(rows), cycle).locate(0, np.arange(size))
        found = batches(rows, self.objective, index, lambda _, where: keys.row_keys(0, index[where], 0), size, 0.0)
        return list(found)

    @property
    def row_sizes(self) -> dict[str, list[int]]:
        """The positions that a model computes of a row, and its targets, for each turn of the objective's cycle."""
        cycle = cycle_of(self.objective)
        parts = {id(part): number for number, part in enumerate({id(part): part for part in cycle}.values())}
        batches = [self.sample[parts[id(part)]] for part in cycle]
        behind = [0 if batch.decoder_inputs is None else batch.decoder_inputs.shape[1] for batch in batches]
        positions = [batch.inputs.shape[1] + more for batch, more in zip(batches, behind, strict=True)]
        return {"row_positions": positions, "row_targets": [batch.targets.shape[1] for batch in batches]}

    @functools.cached_property
    def domains(self) -> dict[str, Places]:
        """The training documents of each domain, in the mix's order, by name; one domain where all are alike."""
        training = np.flatnonzero(~self._held_out())
        if self.mix.order != "shuffled":
            training = training[np.argsort(self.places(training), kind="stable")]
        if not self.mix.divides:
            return {"": training}
        traits = self.text.traits
        assert traits is not None  # a mix that divides has them
        mine = traits.domain[training]
        found = {name: training[mine == number] for number, name in enumerate(traits.names)}
        return {name: documents for name, documents in sorted(found.items()) if self.store.lengths[documents].any()}

    def places(self, documents: Places) -> NDArray[np.float64]:
        """Return the number by which each of these documents is ordered, lowest first."""
        return places(self.mix, self.store, self.text.traits, self.tokenizer.vocab.size)[documents]

    def held_out_rows(self, tokens: int) -> tuple[DocumentRows, int]:
        """Return the rows of held-out documents of about `tokens` tokens (at least one document), and their bytes.

        Documents are taken in the order of their hashes, so that the choice does not depend on the order of files.
        """
        held_out = self.held_out_documents
        by_hash = held_out[np.argsort(self.store.hashes[held_out], kind="stable")]
        within = int(np.searchsorted(np.cumsum(self.store.lengths[by_hash]), tokens, side="right"))
        chosen = np.sort(by_hash[: max(1, within)])
        return self._rows(chosen), int(self.store.bytes[chosen].sum())

    def held_out_beginnings(self, documents: int, tokens: int) -> list[str]:
        """Return how the first held-out documents begin, at most so many, each as text of at most so many tokens."""
        chosen = self.held_out_documents[:documents].tolist()
        return [self.tokenizer.decode(self.store.passage(document, 0, tokens)) for document in chosen]

    @property
    def held_out_documents(self) -> Places:
        """The held-out documents, in the order of the corpus."""
        return np.flatnonzero(self._held_out())

    @property
    def held_out(self) -> tuple[int, int]:
        """How many documents are held out, and their bytes."""
        chosen = self._held_out()
        return int(chosen.sum()), int(self.store.bytes[chosen].sum())

    def _held_out(self) -> NDArray[np.bool_]:
        return self.store.hashes <= np.uint64(self.text.split.threshold)

    def _rows(self, documents: Places) -> DocumentRows:
        return corpus_rows(self.store, documents, self.objective, self.row_length)


def prepare(
    recipe: Recipe,
    directory: Path,
    view: View,
    given: Tokenizer | None = None,
    most: Callable[[], int] = lambda: LARGEST,
) -> Prepared:
    """Return the recipe's corpus as tokens in `directory`, doing whatever of it is not done yet.

    `given` is the base model's tokenizer; what the objective needs and it lacks is added. `most` is asked for the most
    entries of a vocabulary that the recipe leaves open.

    Raises UserError when the text cannot be read, is too short, cannot serve the objective, or has changed since an
    earlier, interrupted call.
    """
    stored = f"{TOKENS}/{MANIFEST}"
    # Whoever removes the tokens has the same ones written again.
    finished = (directory / TOKENS).exists() and is_done(directory, stored) and is_done(directory, CORPUS)
    paths = recipe.data.paths if finished else cleaned(recipe.data, directory, view)
    corpus = _Corpus(paths, recipe.data)
    text = recall(directory) if finished else _scan(corpus, recipe, directory, view)
    tokenizer = _tokenizer(recipe, corpus, text, directory, view, given, most)
    _ready(recipe, tokenizer)
    if not finished:
        with view.stage("writing tokens", "tokens") as update:
            write_store(iter(corpus), tokenizer, directory / TOKENS, progress=lambda _, tokens, size: update(tokens))
        enlist(directory, stored)
    return open_prepared(recipe, directory, tokenizer, text)


def open_prepared(
    recipe: Recipe,
    directory: Path,
    tokenizer: Tokenizer | None = None,
    text: Text | None = None,
    own: Tokenizer | None = None,
) -> Prepared:
    """Return what `prepare` left in a run's directory, for the objective and the rows of `recipe`.

    `own` is the run's tokenizer where `tokenizer` has more special tokens. Raises UserError where the tokenizer cannot
    serve the objective.
    """
    tokenizer = tokenizer or kept_tokenizer(directory)
    verified(directory, f"{TOKENS}/{MANIFEST}")
    objective, store = _ready(recipe, tokenizer), TokenStore.open(directory / TOKENS, (own or tokenizer).vocab)
    text = text or recall(directory)
    if store.documents != text.documents:
        raise UserError(
            f"{directory / CORPUS} tells of {text.documents} documents, {directory / TOKENS} holds {store.documents}: "
            "they are not of one run. Restore them, or start the run afresh."
        )
    return Prepared(text, tokenizer, objective, store, recipe.mix, recipe.row_length)


def _ready(recipe: Recipe, tokenizer: Tokenizer) -> Objective:
    """Return the recipe's objective with its vocabulary, checked."""
    objective = with_vocab(recipe.objective, tokenizer.vocab)
    for part in filter(is_own, (objective, *cycle_of(objective))):
        require_contract(part)
    objective.check(recipe.row_length)
    return objective


class _Corpus:
    """The documents of some paths, as often as they are needed; a small corpus is read once and kept."""

    def __init__(self, paths: tuple[str, ...], data: DataSettings) -> None:
        self.paths, self._data = paths, data
        self.left_out: list[Path] = []
        self._kept: list[Document] | None = None

    def __iter__(self) -> Iterator[Document]:
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Document] = []
        size = 0
        self.left_out = []
        for document in read(self.paths, self._data.text or "text", self.left_out.append, self._data.fields):
            size += len(document.text)
            if size <= _KEEP_BYTES:
                kept.append(document)
            yield document
        self._kept = kept if size <= _KEEP_BYTES else None


def _scan(corpus: _Corpus, recipe: Recipe, directory: Path, view: View) -> Text:
    """Read everything once: count, and decide what is held out."""
    hashes: list[int] = []
    size = 0
    look = Look(recipe.mix.domain, recipe.mix.order) if asks(recipe.mix.order) or recipe.mix.named else None
    with view.stage("reading text", "bytes") as update:
        for document in corpus:
            if look is not None:
                look.at(document)
            hashes.append(document_hash(document))
            size += len(document.text.encode())
            update(size)
    if corpus.left_out:
        view.say(f"not read, since they are no text or of another format: {counted(corpus.left_out)}")
    split = make_split(hashes, recipe.data.held_out)
    digest = hashlib.sha256(np.array(hashes, np.uint64).tobytes()).hexdigest()
    places = map(Path, map(os.path.expanduser, dict.fromkeys(corpus.paths)))
    built = [account for place in places if (account := account_of(place)) is not None]
    facts = _CorpusRecord(len(hashes), size, split.threshold, digest, built)
    if is_done(directory, CORPUS) and _corpus_record(directory) != facts:
        raise UserError(f"The text has changed since the run in {directory} started: start a new run instead.")
    traits = None if look is None else look.traits()
    if traits is not None:
        save_traits(traits, directory / TRAITS)
    write_json(directory / CORPUS, asdict(facts))
    enlist(directory, CORPUS, *([] if traits is None else [TRAITS]))
    return Text(len(hashes), size, split, traits)


def spellings(directory: Path) -> dict[int, list[int]]:
    """Return how the base model's tokenizer spells each new piece, new id -> old ids; empty if there is none."""
    path = verified(directory, PIECES)
    if not path.is_file():
        return {}
    try:
        return {int(number): list(map(int, ids)) for number, ids in read_json(path, "record of new pieces").items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"The record of new pieces {path} is damaged: start the run afresh.") from error


@dataclass(frozen=True)
class _CorpusRecord:
    """corpus.json: what the first pass over a run's corpus counted, the hash up to which documents are held out.

    built   of each built corpus that was read, its name and the account of its build; see `hornbook.corpus.built`
    """

    documents: Annotated[int, Ge(1)]
    bytes: Annotated[int, Ge(0)]
    threshold: Annotated[int, Ge(0), Lt(2**64)]
    sha256_of_hashes: str
    built: list[Any] = field(default_factory=list, compare=False)


def _corpus_record(directory: Path) -> _CorpusRecord:
    path = verified(directory, CORPUS)
    return record(_CorpusRecord, read_json(path, "corpus record"), f"The corpus record {path}")


def recall(directory: Path) -> Text:
    """Return what the first pass over a run's corpus found."""
    facts = _corpus_record(directory)
    path = verified(directory, TRAITS)
    traits = load_traits(path) if path.is_file() else None
    if traits is not None and not len(traits.domain) == len(traits.score) == facts.documents:
        raise UserError(f"{path} is damaged: it is not of {facts.documents} documents. Start the run afresh.")
    return Text(facts.documents, facts.bytes, Split(facts.threshold), traits)


def kept_tokenizer(directory: Path) -> Tokenizer:
    """Return a run's tokenizer."""
    verified(directory, _ROLES)
    return load_tokenizer(verified(directory, TOKENIZER))


def _tokenizer(
    recipe: Recipe,
    corpus: _Corpus,
    text: Text,
    directory: Path,
    view: View,
    given: Tokenizer | None,
    most: Callable[[], int],
) -> Tokenizer:
    path = directory / TOKENIZER
    if not is_done(directory, TOKENIZER):
        needs = recipe.objective.requirements(recipe.row_length)
        if given is not None:
            if recipe.start.new_pieces:
                with view.stage("learning new tokens", "bytes") as update:
                    texts = _learnable(corpus, text.split, update)
                    given, spellings = with_pieces(given, texts, recipe.start.new_pieces)
                write_json(directory / PIECES, spellings)
            save_tokenizer(with_special_tokens(given, needs)[0], directory)
        elif recipe.tokenizer.file:
            save_tokenizer(load_tokenizer(Path(recipe.tokenizer.file)), directory)
        else:
            size = recipe.tokenizer.size
            if not size:
                size = vocabulary_size(text.bytes, recipe.tokenizer.kind, most()) + needs.sentinels + len(needs.modes)
            template = _TEMPLATES[recipe.objective.topology]
            with view.stage(f"training a {recipe.tokenizer.kind} tokenizer", "bytes") as update:
                texts = _learnable(corpus, text.split, update)
                write_file(path, train_tokenizer(texts, recipe.tokenizer.kind, size, needs, template))
        enlist(directory, *(name for name in (PIECES, _ROLES, TOKENIZER) if (directory / name).is_file()))
    return kept_tokenizer(directory)


def _learnable(corpus: _Corpus, split: Split, update: Callable[[int], None]) -> Iterator[str]:
    """Yield the training texts that a tokenizer learns from: held-out text must not shape it."""
    size = 0
    for document in corpus:
        if not split.held_out(document_hash(document)):
            size += len(document.text.encode())
            if size > _LEARN_BYTES:
                return
            yield document.text
            update(size)


def vocabulary_size(text_bytes: int, kind: str, most: int = LARGEST) -> int:
    """Return the default vocabulary for a corpus: 256 and a 1,200th of its bytes, to a multiple of 64, at most `most`.

    Each entry is then seen hundreds of times; on a small text a larger vocabulary learns to recite (docs/LOG.md).
    WordPiece and Unigram, which hold the text's characters themselves, have at least 1,024 entries, and `most` is not
    asked: characters may be more.

    >>> vocabulary_size(50_000, "bpe"), vocabulary_size(2_300_000, "bpe"), vocabulary_size(10**9, "unigram")
    (320, 2176, 16384)
    >>> vocabulary_size(2_300_000, "bpe", 2048), vocabulary_size(2_300_000, "unigram", 2048)
    (2048, 2176)
    """
    size = min(LARGEST, -(-(256 + text_bytes // 1200) // 64) * 64)
    return min(size, most) if kind == "bpe" else max(_FEWEST_WORDS, size)
