"""Paths -> Documents: files, globs, folders, built-in texts and datasets of the Hub, in a stable order."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hornbook.corpus.built import documents, is_built, open_corpus
from hornbook.corpus.document import Document
from hornbook.corpus.readers.code.projects import folder_of
from hornbook.corpus.readers.crawl.index import is_index
from hornbook.corpus.readers.discovery import local_files, unseen
from hornbook.corpus.readers.formats import ENDINGS, passed_over, records
from hornbook.corpus.readers.hub import PREFIXES, named
from hornbook.corpus.readers.packed import BadRecord, NotText, ending, is_url, shown
from hornbook.corpus.readers.record import Reading
from hornbook.errors import UserError


def read(
    paths: Sequence[str],
    field: str = "text",
    left_out: Callable[[Path], None] = lambda _: None,
    fields: Sequence[str] = (),
) -> Iterator[Document]:
    """Yield the documents of the paths, in their order; a file that several paths reach is read once.

    A path is a built corpus, a file, a glob (`**` reaches all folders below), a folder (all below it, no hidden names),
    `builtin:docs`, `builtin:code` or `hf://NAME[:SPLIT]`. Files in globs and folders come sorted by name. A plain-text
    file becomes its sections, a `.jsonl` or `.parquet` file its records; blank texts are passed over. `field` is the
    one that holds a record's text, or a pattern that joins several, and `fields` are the others that are kept (see
    readers/fields/choose.py). Files of folders that are no text are left out, and `left_out` hears of each.

    Raises UserError: at once for a path that leads nowhere, later for one that cannot be read or holds no text.
    """
    given = [paths] if isinstance(paths, str) else list(dict.fromkeys(paths))
    if not all(given) or not given:
        raise UserError("No text was named: give at least one file, folder or builtin:docs.")
    seen: set[str] = set()
    return itertools.chain.from_iterable(
        [_documents(path, seen, Reading(field, fields=tuple(fields)), left_out) for path in given]
    )


def _documents(path: str, seen: set[str], reading: Reading, left_out: Callable[[Path], None]) -> Iterator[Document]:
    """Check that the path leads somewhere and return its documents; `seen` collects the real paths of files."""
    if path.startswith(PREFIXES):
        return _some(named(path, reading.field, reading.fields), f"{path} holds no text.")
    if is_url(path):
        raise UserError(f"{path} is an address, which only a build reads: hornbook corpus build {path} --out CORPUS")
    if is_index(Path(path)):
        raise UserError(
            f"{path} is a list of files, which only a build reads: hornbook corpus build {path} --out CORPUS"
        )
    folder = Path(os.path.expanduser(path))
    if os.path.isdir(folder) and is_built(folder):
        return _some(documents(open_corpus(folder)), f"The corpus {shown(folder)} holds no text.")
    found = local_files(path, ENDINGS)
    fresh = unseen(found.files, seen)
    for file in unseen(found.others, seen):
        left_out(file)
    over = passed_over(fresh)
    for file in fresh:
        if shown(file) in over:
            left_out(file)
    texts = _files([file for file in fresh if shown(file) not in over], path, found.foreign, reading, left_out)
    return texts if len(fresh) < len(found.files) else _some(texts, found.nothing)


def _files(
    files: list[Path], source: str, skip_foreign: bool, reading: Reading, left_out: Callable[[Path], None]
) -> Iterator[Document]:
    """Yield the documents of files; `skip_foreign` leaves out all that are no text.

    In a folder those of code and markup that are none are left out too, and `.json` files that hold settings.
    """
    root = folder_of(source)
    in_folder = os.path.isdir(os.path.expanduser(source))
    for path in files:
        name = shown(path)
        passed: list[str] = []
        found = False
        try:
            told = replace(reading, passed=_kept_in(passed), root=root)
            for number, text, meta, inside in records(path, told):
                found = True
                if text.strip():
                    yield Document(text, f"{inside or name}#{number}", source, meta)
            if passed and not found:
                left_out(path)
        except BadRecord as error:
            kind = ending(path)
            settings = kind == ".json" and error.reason.startswith(("no field", "not an object", "not valid JSON"))
            strange = isinstance(error, NotText) and (skip_foreign or kind not in ENDINGS)
            if not (in_folder and (strange or settings)) and not (skip_foreign and isinstance(error, NotText)):
                raise
            left_out(path)


def _kept_in(reasons: list[str]) -> Callable[[str, int], None]:
    return lambda reason, count: reasons.append(reason)


def _some(documents: Iterator[Document], nothing: str) -> Iterator[Document]:
    """Yield the documents, or raise UserError with the message `nothing` when there is none."""
    first = next(documents, None)
    if first is None:
        raise UserError(nothing)
    yield first
    yield from documents
