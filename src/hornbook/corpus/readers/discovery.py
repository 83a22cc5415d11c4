"""Paths -> files: what a file, a glob or a folder stands for, in a stable order."""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import json
import os
import stat
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from hornbook.artifacts import MANIFEST
from hornbook.corpus.readers.endings import TEXT, starts_as_text
from hornbook.corpus.readers.packed import Place, ending, shown
from hornbook.errors import UserError

# Files that every run has, and the one that a corpus has while it is built.
_MADE = (("recipe.toml", "environment.json"), (os.path.join("work", "recipe.json"),))
_SHOWN = 3
_ENDINGS_SHOWN = 8


class Found(NamedTuple):
    """The files of one path.

    files     in order
    others    a folder's files of other endings, where there are some of known ones
    foreign   whether they are a folder's files of unknown endings, of which those that are no text are passed over
    nothing   what to say when none of them holds text
    made      folders below a folder that are passed over: runs, corpora and the like, which Hornbook made
    """

    files: list[Path]
    others: list[Path]
    foreign: bool
    nothing: str
    made: Sequence[Path] = ()


def local_files(path: str, endings: Collection[str], broken_links: bool = False, names: Collection[str] = ()) -> Found:
    """Return the files that a path leads to; of a folder those with one of the endings or one of text, else all.

    `names` are patterns of further names that are read. A link to nothing is an error, unless `broken_links` lists it
    as a file. Raises UserError for a path to nowhere.
    """
    place = Path(os.path.expanduser(path))
    try:
        kind = stat.S_IFMT(place.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        kind = 0
    except (OSError, ValueError) as error:
        _refuse(place, error)
    if kind == stat.S_IFDIR:
        return _folder(place, endings, broken_links, names)
    if kind == stat.S_IFREG:
        return Found([place], [], False, f"{shown(place)} is empty: it holds no text.")
    if kind:
        raise UserError(f"{shown(place)} is neither a file nor a folder. Name one of these.")
    return Found(_glob(place), [], False, f"The files that match {shown(place)} hold no text.")


def counted(files: Sequence[Path]) -> str:
    """Return how many files there are of each ending, and their size, the most first: `.png 9 (48 kB)`."""
    found: dict[str, list[int]] = {}
    for path in files:
        with contextlib.suppress(OSError):
            found.setdefault(ending(path) or "no ending", []).append(path.stat().st_size)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    parts = [f"{name} {len(sizes):,} ({sum(sizes) / 1000:,.1f} kB)" for name, sizes in ordered[:_ENDINGS_SHOWN]]
    if rest := sum(len(sizes) for _, sizes in ordered[_ENDINGS_SHOWN:]):
        parts.append(f"{rest:,} of other endings")
    return ", ".join(parts)


def passed_over(paths: Sequence[str]) -> str:
    """Return a line that names what Hornbook made below folders among the paths, "" where there is nothing."""
    folders = [path for path in paths if os.path.isdir(os.path.expanduser(path))]
    made = [shown(item) for path in folders for item in local_files(path, (".txt", ".md"), broken_links=True).made]
    if not made:
        return ""
    more = f" and {len(made) - _SHOWN:,} others" if len(made) > _SHOWN else ""
    return f"passed over, since Hornbook made them: {', '.join(made[:_SHOWN])}{more}; name a folder itself to read it"


def _made_here(folder: str) -> bool:
    """Say whether a folder is a run, a corpus, even a half-built one, or another directory that Hornbook wrote."""
    if any(all(os.path.isfile(os.path.join(folder, name)) for name in names) for names in _MADE):
        return True
    try:
        manifest = json.loads(Path(folder, MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    if not isinstance(manifest, dict) or not isinstance(manifest.get("kind"), str):
        return False
    files = manifest.get("files")
    return isinstance(files, dict) and all(isinstance(item, dict) and "sha256" in item for item in files.values())


def unseen(files: list[Path], seen: set[str]) -> list[Path]:
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


def _folder(root: Path, endings: Collection[str], broken_links: bool, names: Collection[str]) -> Found:
    """Return a folder's files with a known ending and the others; where there is none, all its files as foreign ones.

    Links to folders are followed, each real folder once, so that a link to a folder above ends.
    """
    files: list[Path] = []
    made: list[Path] = []
    entered = {os.path.realpath(root)}
    walk = os.walk(root, followlinks=True, onerror=lambda error: _refuse(Path(error.filename), error))
    for folder, below, held in walk:
        fresh = []
        for name in sorted(below):
            real = os.path.realpath(os.path.join(folder, name))
            if not name.startswith(".") and real not in entered:
                entered.add(real)
                if _made_here(real):
                    made.append(Path(folder, name))
                else:
                    fresh.append(name)
        below[:] = fresh
        arrows = [name for name in held if name.endswith(".arrow")]
        # A dataset that was saved to disk: its JSON files describe it.
        texts = arrows if arrows and "state.json" in held else held
        files += [Path(folder, name) for name in texts if not name.startswith(".")]
    known = [path for path in files if _is_read(path, endings, names)]
    others = sorted(set(files) - set(known)) if known else []
    kept = [path for path in sorted(known or files) if _regular(path, broken_links)]
    *first, last = endings
    nothing = f"The folder {shown(root)} holds no text. Put {', '.join(first)} or {last} files into it."
    return Found(kept, others, not known, nothing, made)


def is_known(path: Place, endings: Collection[str], names: Collection[str]) -> bool:
    """Say whether a file of a folder has an ending or a name that is read."""
    name, kind = shown(path).rpartition("/")[2], ending(path)
    return kind in endings or kind in TEXT or any(fnmatch.fnmatch(name, pattern) for pattern in names)


def _is_read(path: Path, endings: Collection[str], names: Collection[str]) -> bool:
    """Say whether a file of a folder is read: by its name, or where it has no ending by how it begins."""
    if is_known(path, endings, names):
        return True
    return not ending(path) and _regular(path, True) and starts_as_text(path)


def _regular(path: Path, broken_links: bool) -> bool:
    """Say whether this is a file and not a pipe or device."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        if broken_links:
            return True
        _refuse(path, error)


def _refuse(path: Path, error: Exception) -> NoReturn:
    reason = getattr(error, "strerror", None) or str(error)
    raise UserError(f"{shown(path)} cannot be read ({reason}). Mend it or leave it out.") from error
