"""Token shards: documents as ids in memory-mapped files, written once, read by many.

    tokens/  manifest.json              kind "token store"; length and SHA-256 of each part's manifest
             part-00000/manifest.json   kind "token part"; tokenizer, counts, length and SHA-256 of each file
                        tokens.npy      uint16[t] or uint32[t]  ids of all documents in turn, no special ids
                        offsets.npy     int64[d + 1]            where each document begins, and the end
                        bytes.npy       int64[d]                UTF-8 bytes of each document's original text
                        hashes.npy      uint64[d]               hash of each document's text

Parts are written one by one beside the target, whole or not at all, and the folder is renamed when the last is done:
a writer that was killed goes on after its last whole part, with the same bytes as one that was not.

Shapes: d documents and t tokens of a part; n documents of the store.
"""

from __future__ import annotations

import contextlib
import itertools
import mmap
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook import artifacts
from hornbook.corpus.document import Document, document_hash
from hornbook.corpus.grouping import grouped
from hornbook.errors import UserError
from hornbook.objectives.ops import compiled
from hornbook.tokens.prefetch import read_ahead
from hornbook.tokens.tokenizer.tokenizer import Tokenizer
from hornbook.vocab import Vocab

Array = NDArray[Any]

_STORE, _PART = "token store", "token part"
_FILES = ("tokens", "offsets", "bytes", "hashes")
# Documents are encoded in groups of at most this many characters: enough for all cores, little enough to hold.
_GROUP = 1 << 20


def write_store(
    documents: Iterator[Document],
    tokenizer: Tokenizer,
    directory: Path,
    *,
    part_bytes: int = 64 << 20,
    progress: Callable[[int, int, int], None] | None = None,
) -> None:
    """Encode all documents into a token store at `directory`, resuming what an earlier call left.

    A thread reads documents ahead, and another saves a part while the next is encoded; what is stored does not depend
    on them. A part is closed by the first document with which its text reaches `part_bytes`. `progress` is told
    documents, tokens and bytes of the parts done so far. Raises UserError when the documents or the tokenizer are not
    those of the parts already written, or when there is no token at all.
    """
    work = directory if directory.exists() else directory.with_name(f".{directory.name}.parts")
    counts = {"documents": 0, "tokens": 0, "bytes": 0}
    with artifacts.disk_errors(directory):
        artifacts.make_directory(work)
    ahead = read_ahead(documents, lambda document: len(document.text), _GROUP)
    names = []
    with contextlib.closing(ahead):
        for part, manifest in _written(_parts(ahead, part_bytes), work, directory, tokenizer):
            names.append(part.name)
            counts = {name: number + manifest[name] for name, number in counts.items()}
            if progress is not None:
                progress(counts["documents"], counts["tokens"], counts["bytes"])
    if (work / f"part-{len(names):05d}").exists():
        raise UserError(_changed(directory))
    if counts["tokens"] == 0:
        raise UserError("The text gives no tokens: add text, or choose another tokenizer.")
    if work != directory:
        facts = {"fingerprint": tokenizer.vocab.fingerprint, "vocabulary": tokenizer.vocab.size, **counts}
        artifacts.seal(work, _STORE, facts, [f"{name}/{artifacts.MANIFEST}" for name in names])
        with artifacts.disk_errors(directory):
            work.replace(directory)
            artifacts.sync(directory.parent)


def _written(
    groups: Iterator[Iterator[Document]], work: Path, directory: Path, tokenizer: Tokenizer
) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield each part, once it is whole, and its manifest; a part is saved while the next is encoded.

    Whatever ends this early, the part that is being saved comes first: its own failure, or the whole part.
    """
    saved: Future[tuple[Path, Mapping[str, Any]]] | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="write behind") as pool:
        try:
            for number, group in enumerate(groups):
                part = work / f"part-{number:05d}"
                if part.exists():
                    yield part, _recognised(part, group, tokenizer.vocab)
                elif work == directory:
                    raise UserError(_changed(directory))
                else:
                    encoded = _encode_part(group, tokenizer)
                    before, saved = saved, None
                    if before is not None:
                        yield before.result()
                    saved = pool.submit(_save_part, part, encoded, tokenizer.vocab)
        except Exception:
            if saved is not None:
                saved.result()
            raise
        if saved is not None:
            yield saved.result()


def _parts(documents: Iterator[Document], part_bytes: int) -> Iterator[Iterator[Document]]:
    """Divide documents into parts; each must be consumed before the next is asked for."""
    documents = iter(documents)

    def part(first: Document) -> Iterator[Document]:
        size = 0
        for document in itertools.chain([first], documents):
            yield document
            size += len(document.text.encode())
            if size >= part_bytes:
                return

    for first in documents:
        yield part(first)


def _changed(directory: Path) -> str:
    return f"{directory} holds the tokens of another text: remove that folder to write them again."


def _recognised(part: Path, documents: Iterator[Document], vocab: Vocab) -> Mapping[str, Any]:
    """Return the manifest of a part written earlier, having checked that it holds these documents in these tokens."""
    manifest = artifacts.read_manifest(part, _PART)
    _check_tokenizer(manifest, part, vocab)
    hashes = np.array([document_hash(document) for document in documents], np.uint64)
    if not np.array_equal(hashes, _load(part, "hashes")):
        raise UserError(_changed(part.parent))
    return manifest


_Encoded = tuple[list[Array], list[int], list[int]]
"""Tokens, bytes and hashes of a part's documents, in turn; see the module's docstring."""


def _encode_part(documents: Iterator[Document], tokenizer: Tokenizer) -> _Encoded:
    encoded: _Encoded = [], [], []
    tokens, sizes, hashes = encoded
    kind = np.uint16 if tokenizer.vocab.size <= 1 << 16 else np.uint32
    for group in grouped(documents, lambda document: len(document.text), _GROUP):
        tokens.extend(ids.astype(kind) for ids in tokenizer.encode([document.text for document in group]))
        sizes.extend(len(document.text.encode()) for document in group)
        hashes.extend(map(document_hash, group))
    return encoded


def _save_part(part: Path, encoded: _Encoded, vocab: Vocab) -> tuple[Path, Mapping[str, Any]]:
    documents, sizes, hashes = encoded
    tokens = np.concatenate(documents)
    offsets = np.concatenate([[0], np.cumsum([len(ids) for ids in documents], dtype=np.int64)])
    counts = {"documents": len(documents), "tokens": len(tokens), "bytes": sum(sizes)}
    facts = {"fingerprint": vocab.fingerprint, "vocabulary": vocab.size, **counts}
    arrays = (tokens, offsets, np.array(sizes, np.int64), np.array(hashes, np.uint64))
    with artifacts.write_directory(part, _PART, facts) as scratch:
        for name, array in zip(_FILES, arrays, strict=True):
            np.save(scratch / f"{name}.npy", array, allow_pickle=False)
    return part, facts


def _check_tokenizer(manifest: Mapping[str, Any], directory: Path, vocab: Vocab) -> None:
    if (manifest.get("fingerprint"), manifest.get("vocabulary")) != (vocab.fingerprint, vocab.size):
        raise UserError(f"The tokens in {directory} are from another tokenizer: use that one, or remove the folder.")


def _load(part: Path, name: str) -> Array:
    try:
        return np.asarray(np.load(part / f"{name}.npy", mmap_mode="r", allow_pickle=False))
    except (ValueError, OSError) as error:
        raise UserError(f"The {_PART} {part} is damaged: {name}.npy is not an array.") from error


def _mapping(array: Array) -> mmap.mmap:
    """Return what an array of `_load` is a view of."""
    owner: object = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    assert isinstance(owner, mmap.mmap)
    return owner


@dataclass(frozen=True, eq=False)
class _Part:
    """One part, mapped: see the module's docstring for its arrays."""

    directory: Path
    tokens: Array
    offsets: Array
    hashes: Array
    bytes: Array
    mapping: mmap.mmap = field(repr=False)  # of the tokens
    size: int = field(repr=False)  # of their file

    @classmethod
    def open(cls, directory: Path, vocab: Vocab) -> _Part:
        """Map a part after checking its files' lengths and hashes, their shapes, and that every id is in `vocab`."""
        manifest = artifacts.read_manifest(directory, _PART)
        _check_tokenizer(manifest, directory, vocab)
        if not {f"{name}.npy" for name in _FILES} <= set(manifest["files"]):  # earlier versions wrote one more
            raise UserError(f"The {_PART} {directory} is damaged: its manifest does not list the files of a part.")
        arrays = {name: _load(directory, name) for name in _FILES}
        tokens, offsets = arrays["tokens"], arrays["offsets"]
        documents = len(offsets) - 1
        whole = (
            all(array.ndim == 1 and array.dtype.kind in "iu" for array in arrays.values())
            and documents >= 0
            and offsets[0] == 0
            and offsets[-1] == len(tokens)
            and bool(np.all(np.diff(offsets) >= 0))
            and len(arrays["bytes"]) == len(arrays["hashes"]) == documents
        )
        if not whole:
            raise UserError(f"The {_PART} {directory} is damaged: its arrays do not fit together.")
        if len(tokens) and int(tokens.max()) >= vocab.size:
            raise UserError(f"The {_PART} {directory} is damaged: it has ids beyond the vocabulary's {vocab.size}.")
        mapping = _mapping(tokens)
        return cls(directory, **arrays, mapping=mapping, size=mapping.size())

    def mapped(self) -> Array:
        """Return all tokens. A file cut since it was mapped is refused: touching it would be a SIGBUS."""
        if self.mapping.size() != self.size:
            raise UserError(f"The {_PART} {self.directory} was damaged during use: the length of tokens.npy changed.")
        return self.tokens


@dataclass(frozen=True, eq=False)
class TokenStore:
    """All documents of a corpus as ids; document i is the i-th that was written.

    lengths  int64[n]   tokens of each document
    bytes    int64[n]   UTF-8 bytes of its original text
    hashes   uint64[n]  hash of its text, see `corpus.document.document_hash`
    """

    parts: tuple[_Part, ...] = field(repr=False)
    lengths: NDArray[np.int64] = field(repr=False)
    bytes: NDArray[np.int64] = field(repr=False)
    hashes: NDArray[np.uint64] = field(repr=False)
    first: NDArray[np.int64] = field(repr=False)  # [parts + 1] the number of each part's first document
    begin: NDArray[np.int64] = field(repr=False)  # [n] where a document begins in its part

    @classmethod
    def open(cls, directory: Path, vocab: Vocab) -> TokenStore:
        """Open a store for a tokenizer; nothing of a damaged store, or of another tokenizer's, is used."""
        manifest = artifacts.read_manifest(directory, _STORE)
        _check_tokenizer(manifest, directory, vocab)
        parts = tuple(_Part.open((directory / name).parent, vocab) for name in manifest["files"])
        if not parts:
            raise UserError(f"The {_STORE} {directory} is damaged: it has no parts.")
        return cls(
            parts,
            lengths=np.concatenate([np.diff(part.offsets) for part in parts]),
            bytes=np.concatenate([part.bytes for part in parts]),
            hashes=np.concatenate([part.hashes for part in parts]),
            first=np.cumsum([0, *(len(part.hashes) for part in parts)]),
            begin=np.concatenate([part.offsets[:-1] for part in parts]),
        )

    @classmethod
    def index(cls, directory: Path) -> TokenStore:
        """Open what a store says of its documents, without their tokens: nothing of the size of the text is read.

        Raises UserError where a file of the index is not as it was written.
        """
        manifest = artifacts.read_manifest(directory, _STORE)
        found: dict[str, list[Array]] = {name: [] for name in _FILES[1:]}
        for name in manifest["files"]:
            part = (directory / name).parent
            listed = (artifacts.manifest_of(part) or {"files": {}})["files"]
            for kind, arrays in found.items():
                if f"{kind}.npy" not in listed:
                    raise UserError(f"The {_PART} {part} is damaged: its manifest does not list the files of a part.")
                artifacts.check_file(part, f"{kind}.npy", listed[f"{kind}.npy"], _PART)
                arrays.append(_load(part, kind))
        offsets = found["offsets"]
        return cls(
            (),
            lengths=np.concatenate([np.diff(each) for each in offsets]),
            bytes=np.concatenate(found["bytes"]),
            hashes=np.concatenate(found["hashes"]),
            first=np.cumsum([0, *map(len, found["hashes"])]),
            begin=np.concatenate([each[:-1] for each in offsets]),
        )

    @property
    def documents(self) -> int:
        return len(self.lengths)

    @property
    def tokens(self) -> int:
        return sum(len(part.tokens) for part in self.parts)

    def rarity(self, vocabulary: int) -> NDArray[np.float64]:
        """Return the mean nats of each document's tokens by their frequency here, float64[n]; 0 without tokens.

        A measure of difficulty ("word rarity", Platanios et al. 2019, 2.2). The paper sums; the mean does not grow with
        the length, by which one may order too.
        """
        counts = sum(np.bincount(part.tokens, minlength=vocabulary) for part in self.parts)
        nats = -np.log(np.maximum(counts, 1) / max(1, np.sum(counts)))
        found = []
        for part in self.parts:
            sums = np.concatenate([[0.0], np.cumsum(nats[part.tokens])])
            lengths = np.diff(part.offsets)
            found.append((sums[part.offsets[1:]] - sums[part.offsets[:-1]]) / np.maximum(lengths, 1))
        return np.concatenate(found)

    def copy(self, document: Array, offset: Array, count: Array, into: NDArray[np.int32], at: Array) -> None:
        """Copy `count` tokens from `offset` on of each document to place `at` of `into`; all arrays of one length."""
        if np.any((offset < 0) | (count < 0) | (offset + count > self.lengths[document])):
            raise IndexError("offset outside its document")
        part, source = self.places(document, offset)
        self.copy_pieces(part, source, count, into, at)

    def passage(self, document: int, start: int, tokens: int) -> NDArray[np.int32]:
        """Return the ids of a document from a place on, at most so many."""
        count = max(0, min(tokens, int(self.lengths[document]) - start))
        ids = np.zeros(count, np.int32)
        self.copy(np.array([document]), np.array([start]), np.array([count]), ids, np.array([0]))
        return ids

    def places(self, document: Array, offset: Array) -> tuple[Array, Array]:
        """Return the part of each document, and the place in that part's tokens `offset` after its beginning."""
        return np.searchsorted(self.first, document, side="right") - 1, self.begin[document] + offset

    def copy_pieces(self, part: Array, source: Array, count: Array, into: NDArray[np.int32], at: Array) -> None:
        """Copy `count` tokens from place `source` of each part to place `at` of `into`; all arrays of one length."""
        for number in set(part.tolist()):
            tokens = self.parts[number].mapped()
            if compiled.run("copy_pieces", into, tokens, number, part, source, count, at) is None:
                mine = part == number
                columns = (source[mine], (source + count)[mine], at[mine], (at + count)[mine])
                for begin, end, target, target_end in zip(*map(np.ndarray.tolist, columns), strict=True):
                    into[target:target_end] = tokens[begin:end]
