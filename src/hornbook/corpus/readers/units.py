"""What is read: paths -> pieces of files -> units, fixed by the input alone.

    paths ──discover──> pieces, in order ──group──> units
    A piece is a file, bytes of a big file of JSON lines, row groups of a big parquet file, a built-in text, or a folder
    that a chosen reader reads as a whole.
    A unit is consecutive pieces of about so many bytes: what one worker reads at a time.

place = (unit number << 32) + record number, so places ascend in the order of the paths, whoever reads what.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from hornbook.corpus.grouping import grouped
from hornbook.corpus.readers.code.projects import folder_of
from hornbook.corpus.readers.code.repositories import stamp
from hornbook.corpus.readers.crawl.index import is_index, listed, looked_up
from hornbook.corpus.readers.discovery import is_known, local_files, unseen
from hornbook.corpus.readers.formats import ENDINGS, passed_over, reader_of
from hornbook.corpus.readers.hub import PREFIXES
from hornbook.corpus.readers.packed import COMPRESSED, is_url, shown
from hornbook.corpus.readers.record import Chosen, Cut, Gathering, gathers, patterns
from hornbook.errors import UserError, needing

FILES = 1000  # of a unit


@dataclass(frozen=True)
class Piece:
    """A file or a part of one.

    path     a local file, a URL, or a built-in text
    source   the path that the user named
    size     bytes to read, about
    stamp    changes when the file does
    start    first byte of JSON lines, or first row group of parquet
    stop     the byte or row group after the last; 0 = to the end
    first    the number of its first record; 0 = not known yet, to be counted
    other    whether its ending is unknown among files that are known: it is named and not read
    missing  whether it is not there, though a list of files names it
    passed   why it is passed over on purpose; empty = it is not
    """

    path: str
    source: str
    size: int
    stamp: str = ""
    start: int = 0
    stop: int = 0
    first: int = 1
    other: bool = False
    missing: bool = False
    passed: str = ""

    @property
    def place(self) -> Path | str:
        """The path as the readers of files take it."""
        return self.path if is_url(self.path) else Path(self.path)


Unit = tuple[Piece, ...]


def discover(paths: Sequence[str], unit: int, chosen: Sequence[Chosen] = (), root: str = "") -> list[Piece]:
    """Return pieces of about `unit` bytes in order, no file twice. Raises UserError for a path that leads nowhere.

    `chosen` names readers for files of some names, which are then read whatever their ending; `root` is what the lines
    of lists of files are below.
    """
    if not paths or not all(paths):
        raise UserError("No text was named: give at least one file, folder or URL in paths.")
    pieces: list[Piece] = []
    seen: set[str] = set()
    for path in dict.fromkeys(paths):
        if path.startswith(PREFIXES):
            pieces.append(Piece(path, path, unit))
        elif is_index(path if is_url(path) else Path(path)):
            fresh = [item for item in _listed(path, root, unit, chosen) if _real(item.path) not in seen]
            pieces += fresh
            seen |= {_real(item.path) for item in fresh}
        elif is_url(path):
            pieces += [piece for piece in _remote(path, unit, chosen) if piece.path not in seen]
            seen |= {piece.path for piece in pieces}
        else:
            found = local_files(path, ENDINGS, broken_links=True, names=patterns(chosen))
            folders, files = _gathered(unseen(found.files, seen), path, chosen)
            pieces += folders
            for file in files:
                pieces += _pieces(file, path, *_facts(file), unit, chosen)
            pieces += [Piece(str(file), path, 0, other=True) for file in unseen(found.others, seen)]
    return _without_doubles(pieces, chosen)


def _listed(path: str, root: str, unit: int, chosen: Sequence[Chosen]) -> list[Piece]:
    """Return the pieces of the files that lists of files name, with those that are not there."""
    pieces: list[Piece] = []
    for place in [path] if is_url(path) else local_files(path, ENDINGS).files:
        with _reaching(path) if is_url(path) else contextlib.nullcontext():
            files = listed(place, root)
        found: list[tuple[str, tuple[int, str] | None]]
        if is_url(files[0]):
            with _reaching(files[0]):
                store = looked_up(files)
            found = [(name, (item["size"] or 0, _remote_stamp(item)) if item else None) for name, item in store]
        else:
            found = [(name, facts if (facts := _facts(Path(name)))[1] else None) for name in files]
        for name, told in found:
            if told is None:
                pieces.append(Piece(name, path, 0, missing=True))
            else:
                pieces += _pieces(name if is_url(name) else Path(name), path, *told, unit, chosen)
    return pieces


def _gathered(files: list[Path], source: str, chosen: Sequence[Chosen]) -> tuple[list[Piece], list[Path]]:
    """Return a piece for each folder that a chosen reader reads whole, and the files that are read by themselves."""
    gathering = [item for item in chosen if gathers(item)]
    bound = folder_of(source) if gathering else None
    if bound is None:
        return [], files
    folders: dict[Path, None] = {}
    others: list[Path] = []
    for file in files:
        found = (cast(Gathering, item.reader).folder(file, bound) for item in gathering)
        held = [
            folder
            for item, folder in zip(gathering, found, strict=True)
            if folder and fnmatch.fnmatch(folder.resolve().name, item.files)
        ]
        if held:
            folders.setdefault(held[0])
        else:
            others.append(file)
    return [Piece(str(folder), source, *_facts(folder)) for folder in folders], others


def _real(path: str) -> str:
    """Return what tells whether two paths lead to one file."""
    return path if is_url(path) else os.path.realpath(path)


def _without_doubles(pieces: list[Piece], chosen: Sequence[Chosen]) -> list[Piece]:
    """Return the pieces, marked where a reader says that a file is passed over beside another that is read."""
    reasons = passed_over([piece.place for piece in pieces if not (piece.other or piece.missing)], chosen)
    kept: list[Piece] = []
    for piece in pieces:
        reason = reasons.get(shown(piece.path), "")
        if not reason:
            kept.append(piece)
        elif not kept or kept[-1].path != piece.path:  # once a file, however it was cut
            kept.append(replace(piece, start=0, stop=0, first=1, size=0, passed=reason))
    return kept


def group(pieces: Iterable[Piece], unit: int) -> Iterator[Unit]:
    """Return units of consecutive pieces: as many as `unit` bytes and FILES allow, at least one."""

    def weight(piece: Piece) -> int:
        return piece.size * (4 if shown(piece.path).endswith(COMPRESSED) else 1)  # packed text is so much larger, about

    return map(tuple, grouped(pieces, weight, unit, FILES))


def stamp_of(piece: Piece) -> str:
    """Return the stamp that the piece's file has now."""
    if is_url(piece.path):
        import fsspec

        filesystem, path = fsspec.core.url_to_fs(piece.path)
        return _remote_stamp(filesystem.info(path))
    return _facts(Path(piece.path))[1] if piece.stamp else ""


def _facts(path: Path) -> tuple[int, str]:
    """Return the size and stamp of a local file, or of a folder's files.

    Of one that cannot be looked at there are none, as its reader will say.
    """
    try:
        status = os.stat(path)
    except OSError:
        return 0, ""
    if stat.S_ISDIR(status.st_mode):
        return stamp(path)
    return status.st_size, f"{status.st_size}-{status.st_mtime_ns}"


def _pieces(
    path: Path | str, source: str, size: int, stamp: str, unit: int, chosen: Sequence[Chosen]
) -> Iterator[Piece]:
    """Yield a file's pieces: one, or several of about `unit` bytes where it is big and can be cut."""
    name = os.fspath(path)
    cuts: list[Cut] = []
    if size > 2 * unit:
        with contextlib.suppress(OSError, ValueError, UserError):  # its reader will say what is wrong
            if cut := getattr(reader_of(path, chosen), "cuts", None):
                cuts = cut(path, size, unit)
    if len(cuts) < 2:
        yield Piece(name, source, size, stamp)
        return
    for start, stop, weight, first in cuts:
        yield Piece(name, source, weight, stamp, start, stop, first)


def _remote(url: str, unit: int, chosen: Sequence[Chosen]) -> Iterator[Piece]:
    """Yield the pieces of what a URL leads to: a file, a folder, or the files that match a pattern."""
    names = patterns(chosen)
    with _reaching(url):
        import fsspec

        filesystem, path = fsspec.core.url_to_fs(url)
        others: list[str] = []
        if any(sign in path for sign in "*?["):
            files = sorted(filesystem.glob(path))
        elif filesystem.isdir(path):
            every = [name for name in sorted(filesystem.find(path)) if "/." not in f"/{name.removeprefix(path)}"]
            files = [name for name in every if is_known(name, ENDINGS, names)] or every
            others = [name for name in every if name not in files]
        else:
            files = [path] if filesystem.exists(path) else []
        for name in files:
            facts = filesystem.info(name)
            full = filesystem.unstrip_protocol(name)
            yield from _pieces(full, url, facts["size"] or 0, _remote_stamp(facts), unit, chosen)
        yield from (Piece(filesystem.unstrip_protocol(name), url, 0, other=True) for name in others)
    if not files:
        raise UserError(f"There is nothing at {url}. Check the address.")


@contextlib.contextmanager
def _reaching(url: str) -> Iterator[None]:
    """Raise UserError for whatever keeps a store from answering."""
    try:
        with needing(url, "s3" if url.startswith("s3:") else "corpus"):
            yield
    except UserError:
        raise
    except Exception as error:  # each kind of store has its own: no credentials, no bucket, no network
        raise UserError(f"{url} cannot be reached ({str(error) or type(error).__name__}).") from error


def _remote_stamp(facts: dict[str, Any]) -> str:
    mark = facts.get("ETag") or facts.get("LastModified") or facts.get("mtime") or ""
    return f"{facts.get('size')}-{mark}"
