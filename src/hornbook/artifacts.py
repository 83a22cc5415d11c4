"""The one writer and the one reader of everything that lasts: files and directories are whole or absent.

A directory is written beside its target, every file flushed and synced, then a manifest with the length and SHA-256 of
each file and a SHA-256 of itself, then renamed into place and the parent directory synced. A reader checks the manifest
before anything is used. The manifest of a directory that grows, such as a run, is written anew for each file that is
done (`enlist`); a file that it does not list is not done. A process killed at any moment leaves the old state or the
new one, and at worst a hidden `.partial` file or directory, which the next writer of the same target removes, or the
next process that locks the folder. (Between the two renames that replace a directory the old one bears a hidden name;
the next reader or writer gives its name back.)

JSON has no numbers that are not finite: they are written as null.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import math
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from hornbook.errors import HornbookError, UserError, is_out_of_memory, of_the_system

MANIFEST = "manifest.json"
_OWN_HASH = "sha256"  # the entry of a manifest with the hash of all others
_BLOCK = 1 << 22


def cache_folder() -> Path:
    """Return where this user's programs keep what they can make again (XDG Base Directory Specification)."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hornbook"
    except RuntimeError as error:  # a user without a home
        raise UserError("There is no home directory for the cache: set XDG_CACHE_HOME to a folder.") from error


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Ask the disk to keep a file or a directory entry."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(directory: Path) -> None:
    """Ask the disk to keep a directory with all that is in it."""
    for path in (*directory.rglob("*"), directory):
        sync(path)


def make_directory(path: Path) -> None:
    """Make a directory and what is missing above it, each with its entry on the disk; one that exists stays."""
    missing = list(itertools.takewhile(lambda folder: not folder.exists(), [path, *path.parents]))
    path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(missing):
        sync(folder.parent)


@contextlib.contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """Turn what the system says of a disk, itself or through a library, into one sentence that names `target`."""
    try:
        yield
    except HornbookError:
        raise
    except Exception as error:
        known = None if is_out_of_memory(error) else of_the_system(error, target)
        if known is None:
            raise
        raise known from error


@contextlib.contextmanager
def _held(partial: Path) -> Iterator[bool]:
    """Hold a partial file or directory that exists, so that nobody clears it; the hold ends with the process.

    Yields False where another process holds it. Where the disk knows no locks, everyone may have everything.
    """
    import fcntl  # Unix alone has it

    descriptor = os.open(partial, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP):
                raise
        yield True
    finally:
        os.close(descriptor)


def clear_leftovers(directory: Path) -> None:
    """Remove what killed writers left in a directory, and finish what they had all but finished.

    What a living process is writing stays. Call it where no other process renames anything: under a lock.
    """
    for partial in directory.glob(".*.partial"):
        with disk_errors(partial), contextlib.suppress(FileNotFoundError), _held(partial) as free:
            if free:
                shutil.rmtree(partial) if partial.is_dir() else partial.unlink()
    for old in directory.glob(".*.old"):
        target = old.with_name(old.name[1 : -len(".old")])
        if not _partial(target).exists():  # else its writer is alive
            _recover(target)
            shutil.rmtree(old, ignore_errors=True)


def remove_directory(directory: Path) -> None:
    """Remove a directory at once: whoever is killed meanwhile leaves a partial one, not one that looks damaged."""
    partial = _partial(directory)
    with disk_errors(directory):
        shutil.rmtree(partial, ignore_errors=True)
        directory.replace(partial)
        shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Yield the path of a hidden file that becomes `target` when the block ends well, and vanishes when it does not."""
    partial = _partial(target)
    with disk_errors(target):
        make_directory(target.parent)
        partial.open("ab").close()
        with _held(partial):
            try:
                yield partial
                sync(partial)
                partial.replace(target)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
        sync(target.parent)


def write_file(target: Path, content: bytes | str) -> None:
    """Write a file whole or not at all, replacing an earlier one."""
    with whole_file(target) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


def write_json(target: Path, value: Any) -> None:
    """Write JSON whole or not at all; keys keep their order, so equal values give equal bytes."""
    write_file(target, json_text(value, indent=1, ascii_only=False) + "\n")


def json_text(
    value: Any, *, indent: int | None = None, ascii_only: bool = True, default: Callable[[Any], Any] | None = None
) -> str:
    """Return a value as JSON; a number that is not finite becomes null. `default` makes a value of what is none."""

    def text(value: Any) -> str:
        return json.dumps(value, indent=indent, ensure_ascii=ascii_only, default=default, allow_nan=False)

    try:
        return text(value)
    except ValueError:
        return text(finite(value))


def finite(value: Any) -> Any:
    """Return a value of JSON's kinds with None for each number in it that is not finite.

    >>> finite({"loss": float("nan"), "more": [1.5, float("inf")]})
    {'loss': None, 'more': [1.5, None]}
    """
    if isinstance(value, Mapping):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextlib.contextmanager
def write_directory(target: Path, kind: str, facts: Mapping[str, Any] | None = None) -> Iterator[Path]:
    """Yield a scratch directory that becomes `target` when the block ends well, and vanishes when it does not.

    `kind` and `facts` go into the manifest; entries added to `facts` inside the block are kept. An existing target is
    replaced only after the new one is complete.
    """
    if target.exists() and target.samefile("."):
        raise UserError(f"{target} is the current folder, which cannot be replaced: name another place.")
    partial, old = _partial(target), _old(target)
    facts = {} if facts is None else facts
    with disk_errors(target):
        _recover(target)
        if partial.exists():
            with _held(partial) as free:
                if not free:
                    raise UserError(f"Another process is writing {target}: wait for it, or choose another place.")
                shutil.rmtree(partial, ignore_errors=True)
        make_directory(target.parent)
        partial.mkdir()
        with _held(partial):
            try:
                yield partial
                found = sorted(item for item in partial.rglob("*") if item.is_file())
                seal(partial, kind, facts, [path.relative_to(partial).as_posix() for path in found])
                shutil.rmtree(old, ignore_errors=True)
                if target.exists():
                    target.replace(old)
                partial.replace(target)
                sync(target.parent)
                shutil.rmtree(old, ignore_errors=True)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise


def seal(directory: Path, kind: str, facts: Mapping[str, Any], names: Sequence[str]) -> None:
    """Sync the named files of a directory and write its manifest, which makes it whole."""
    write_manifest(directory, {"kind": kind, **facts, "files": {name: _measured(directory, name) for name in names}})


def write_manifest(directory: Path, manifest: Mapping[str, Any]) -> None:
    """Write a directory's manifest with the SHA-256 of its own entries; the folders of its files are synced first."""
    above = {folder for name in manifest["files"] for folder in (directory / name).parents}
    for folder in sorted(folder for folder in above if folder.is_relative_to(directory)):
        if folder.is_dir():  # what a directory that grows lists may have been removed, to be made again
            sync(folder)
    entries = {name: value for name, value in manifest.items() if name != _OWN_HASH}
    write_json(directory / MANIFEST, entries | {_OWN_HASH: digest(entries)})


def digest(value: Any) -> str:
    """Return the hexadecimal SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _measured(directory: Path, name: str) -> dict[str, Any]:
    sync(directory / name)
    return {"bytes": (directory / name).stat().st_size, "sha256": sha256(directory / name)}


def enlist(directory: Path, *names: str) -> None:
    """Add files that are done to the manifest of a directory that grows; without a manifest there is nothing to do."""
    if (manifest := manifest_of(directory)) is not None:
        files = manifest["files"] | {name: _measured(directory, name) for name in names}
        write_manifest(directory, manifest | {"files": files})


def is_done(directory: Path, name: str) -> bool:
    """Say whether a directory has a file, done and as it was written.

    Where a manifest is, it must list the file; without one, as in the runs of earlier versions, the file alone tells.
    Raises UserError when the file is listed, and is missing or has changed.
    """
    if (manifest := manifest_of(directory)) is None:
        return (directory / name).is_file()
    if name not in manifest["files"]:
        return False
    try:
        check_file(directory, name, manifest["files"][name], str(manifest["kind"]))
    except UserError as error:
        raise UserError(f"{error} What that costs and what to do says: hornbook check {directory}") from error
    return True


def verified(directory: Path, name: str) -> Path:
    """Return the path of a file in a directory, after comparing it with the directory's manifest if that lists it."""
    is_done(directory, name)
    return directory / name


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _recover(target: Path) -> None:
    """Give a directory its name back when its writer was killed between the two renames that replace it."""
    if not target.exists() and _old(target).exists():
        with disk_errors(target):
            _old(target).replace(target)
            sync(target.parent)


def read_json(path: Path, what: str) -> Any:
    """Read a JSON file; `what` names it in the message when it is missing or broken."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would never end
            raise UserError(f"The {what} at {path} cannot be read (it is not a file).")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"There is no {what} at {path}.") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, a number too long, lists nested too deep
        raise UserError(f"The {what} at {path} is damaged (not valid JSON). Restore it or make it again.") from error
    except OSError as error:
        raise UserError(f"The {what} at {path} cannot be read ({error.strerror}).") from error


def manifest_of(directory: Path) -> dict[str, Any] | None:
    """Return a directory's manifest, None where there is none; raises UserError for a damaged one.

    Those that earlier versions wrote have no hash of their own, and are accepted.
    """
    path = directory / MANIFEST
    if not os.path.lexists(path):
        return None
    manifest = read_json(path, "manifest")
    whole = isinstance(manifest, dict) and isinstance(manifest.get("kind"), str)
    if not whole or not isinstance(manifest.get("files"), dict) or not all(map(_is_entry, manifest["files"].items())):
        raise UserError(f"{path} is not a manifest of Hornbook.")
    entries = {name: value for name, value in manifest.items() if name != _OWN_HASH}
    if _OWN_HASH in manifest and manifest[_OWN_HASH] != digest(entries):
        raise UserError(f"The manifest at {path} is damaged: its contents have changed.")
    return entries


def _is_entry(item: tuple[str, Any]) -> bool:
    """Say whether a manifest's entry names a file below the directory, its length and its hash."""
    name, facts = item
    inside = bool(name) and "\0" not in name and not name.startswith("/") and ".." not in PurePosixPath(name).parts
    return (
        inside and isinstance(facts, dict) and type(facts.get("bytes")) is int and isinstance(facts.get("sha256"), str)
    )


def read_manifest(directory: Path, kind: str, *, contents: bool = True) -> dict[str, Any]:
    """Return the manifest of a directory after checking that every file has its recorded length and SHA-256.

    `contents=False` checks lengths only. Raises UserError naming the first file that is missing, cut or changed.
    """
    _recover(directory)
    manifest = manifest_of(directory)
    if manifest is None:
        raise UserError(f"There is no {kind} manifest at {directory / MANIFEST}.")
    if manifest["kind"] != kind:
        raise UserError(f"{directory} is not a {kind} of Hornbook (its manifest says otherwise).")
    for name, facts in manifest["files"].items():
        check_file(directory, name, facts, kind, contents=contents)
    return manifest


def check_file(directory: Path, name: str, facts: Mapping[str, Any], kind: str, *, contents: bool = True) -> None:
    """Raise UserError where a file of a directory has not the length, or not the contents, that its manifest says."""
    path, damaged = directory / name, f"The {kind} {directory} is damaged:"
    if not path.is_file():
        raise UserError(f"{damaged} {name} is missing.")
    if (found := path.stat().st_size) != facts["bytes"]:
        raise UserError(f"{damaged} {name} has {found} bytes instead of {facts['bytes']}.")
    try:
        if contents and sha256(path) != facts["sha256"]:
            raise UserError(f"{damaged} the contents of {name} have changed.")
    except OSError as error:
        raise UserError(f"{damaged} {name} cannot be read ({error.strerror}).") from error
