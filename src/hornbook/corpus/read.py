"""Paths -> Documents: files, globs, folders, built-in texts and datasets of the Hub, in a stable order."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from hornbook.corpus.built import documents, is_built, open_corpus
from hornbook.corpus.document import Document
from hornbook.corpus.readers.discovery import local_files, unseen
from hornbook.corpus.readers.formats import KNOWN, records
from hornbook.corpus.readers.hub import PREFIXES, named
from hornbook.corpus.readers.packed import NotText, is_url, shown
from hornbook.errors import UserError


def read(paths: Sequence[str]) -> Iterator[Document]:
    """Yield the documents of the paths, in their order; a file that several paths reach is read once.

    A path is a built corpus, a file, a glob (`**` reaches all folders below), a folder (all below it, no hidden names),
    `builtin:docs`, `builtin:code` or `hf://NAME[:SPLIT]`. Files in globs and folders come sorted by name. A plain-text
    file becomes its sections, a `.jsonl` or `.parquet` file its records; blank ones are passed over.

    Raises UserError: at once for a path that leads nowhere, later for one that cannot be read or holds no text.
    """
    given = [paths] if isinstance(paths, str) else list(dict.fromkeys(paths))
    if not all(given) or not given:
        raise UserError("No text was named: give at least one file, folder or builtin:docs.")
    seen: set[str] = set()
    return itertools.chain.from_iterable([_documents(path, seen) for path in given])


def _documents(path: str, seen: set[str]) -> Iterator[Document]:
    """Check that the path leads somewhere and return its documents; `seen` collects the real paths of files."""
    if path.startswith(PREFIXES):
        return _some(named(path), f"{path} holds no text.")
    if is_url(path):
        raise UserError(f"{path} is an address, which only a build reads: hornbook corpus build {path} --out CORPUS")
    folder = Path(os.path.expanduser(path))
    if os.path.isdir(folder) and is_built(folder):
        return _some(documents(open_corpus(folder)), f"The corpus {shown(folder)} holds no text.")
    found = local_files(path, KNOWN)
    fresh = unseen(found.files, seen)
    texts = _files(fresh, path, found.foreign)
    return texts if len(fresh) < len(found.files) else _some(texts, found.nothing)


def _files(files: list[Path], source: str, skip_foreign: bool) -> Iterator[Document]:
    """Yield the documents of files; `skip_foreign` passes over those that are no text."""
    for path in files:
        name = shown(path)
        try:
            for number, text, meta in records(path):
                if text.strip():
                    yield Document(text, f"{name}#{number}", source, meta)
        except NotText:
            if not skip_foreign:
                raise


def _some(documents: Iterator[Document], nothing: str) -> Iterator[Document]:
    """Yield the documents, or raise UserError with the message `nothing` when there is none."""
    first = next(documents, None)
    if first is None:
        raise UserError(nothing)
    yield first
    yield from documents
