"""Paths -> Documents: files, globs, folders, built-in texts and datasets of the Hub, in a stable order."""

from __future__ import annotations

import glob
import itertools
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from hornbook.corpus.builtin import PREFIX as BUILTIN
from hornbook.corpus.builtin import builtin
from hornbook.corpus.document import Document
from hornbook.corpus.formats import KNOWN, NotText, ending, records, shown
from hornbook.corpus.hub import PREFIX as HUB
from hornbook.corpus.hub import hub
from hornbook.errors import UserError


def read(paths: Sequence[str]) -> Iterator[Document]:
    """Yield the documents of the paths, in their order; a file that several paths reach is read once.

    A path is a file, a glob (`**` reaches all folders below), a folder (all below it, hidden names left out),
    `builtin:docs`, `builtin:code` or `hf://NAME[:SPLIT]`. Files in globs and folders come sorted by name. A plain-text
    file becomes its sections, a `.jsonl` or `.parquet` file its records; blank ones are passed over.

    Raises UserError: at once for a path that leads nowhere, later for a file that cannot be read or a path that holds
    no text.
    """
    given = [paths] if isinstance(paths, str) else list(dict.fromkeys(paths))
    if not all(given) or not given:
        raise UserError("No text was named: give at least one file, folder or builtin:docs.")
    seen: set[str] = set()
    return itertools.chain.from_iterable([_documents(path, seen) for path in given])


def _documents(path: str, seen: set[str]) -> Iterator[Document]:
    """Check that the path leads somewhere and return its documents; `seen` collects the real paths of files."""
    if path.startswith(BUILTIN):
        return builtin(path)
    if path.startswith(HUB):
        return _some(hub(path), f"{path} holds no text.")
    place = Path(os.path.expanduser(path))
    try:
        kind = stat.S_IFMT(place.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        kind = 0
    except (OSError, ValueError) as error:
        raise _unreadable(place, error) from error
    skip_foreign = False
    if kind == stat.S_IFDIR:
        files, skip_foreign = _folder(place)
        nothing = f"The folder {shown(place)} holds no text. Put .txt, .md, .jsonl or .parquet files into it."
    elif kind == stat.S_IFREG:
        files = [place]
        nothing = f"{shown(place)} is empty: it holds no text."
    elif kind:
        raise UserError(f"{shown(place)} is neither a file nor a folder. Name one of these.")
    else:
        files = _glob(place)
        nothing = f"The files that match {shown(place)} hold no text."
    fresh = _unseen(files, seen)
    documents = _files(fresh, path, skip_foreign)
    return documents if len(fresh) < len(files) else _some(documents, nothing)


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
    empty = True
    for document in documents:
        empty = False
        yield document
    if empty:
        raise UserError(nothing)


def _unseen(files: list[Path], seen: set[str]) -> list[Path]:
    """Return the files whose real path is not yet in `seen`, and add them to it."""
    fresh = []
    for path in files:
        real = os.path.realpath(path)
        if real not in seen:
            seen.add(real)
            fresh.append(path)
    return fresh


def _glob(pattern: Path) -> list[Path]:
    if not glob.has_magic(str(pattern)):
        raise UserError(f"There is no file or folder {shown(pattern)}. Check the spelling and the working directory.")
    files = sorted(path for path in map(Path, glob.glob(str(pattern), recursive=True)) if path.is_file())
    if not files:
        raise UserError(f"No file matches {shown(pattern)}. Check the pattern and the working directory.")
    return files


def _folder(root: Path) -> tuple[list[Path], bool]:
    """Return the folder's files with a known ending; where there is none, all its files and True.

    Links to folders are followed, each real folder once, so that a link to a folder above ends.
    """
    files: list[Path] = []
    entered = {os.path.realpath(root)}
    for folder, below, names in os.walk(root, followlinks=True, onerror=_raise_unreadable):
        fresh = []
        for name in sorted(below):
            real = os.path.realpath(os.path.join(folder, name))
            if not name.startswith(".") and real not in entered:
                entered.add(real)
                fresh.append(name)
        below[:] = fresh
        files += [Path(folder, name) for name in names if not name.startswith(".")]
    known = [path for path in files if ending(path) in KNOWN]
    return [path for path in sorted(known or files) if _regular(path)], not known


def _regular(path: Path) -> bool:
    """Say whether this is a file and not a pipe or device; a link to nothing is an error, for its text is missing."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        raise _unreadable(path, error) from error


def _raise_unreadable(error: OSError) -> None:
    raise _unreadable(Path(error.filename), error) from error


def _unreadable(path: Path, error: Exception) -> UserError:
    reason = getattr(error, "strerror", None) or str(error)
    return UserError(f"{shown(path)} cannot be read ({reason}). Mend it or leave it out.")
