"""The one writer and the one reader of everything that lasts: files and directories are whole or absent.

A directory is written beside its target, every file flushed and synced, then a manifest with the length and SHA-256 of
each file and a SHA-256 of itself, then renamed into place and the parent directory synced. A reader checks the manifest
before anything is used. The manifest of a directory that grows, such as a run, is written anew for each file that is
done (`enlist`); a file that it does not list is not done. A process killed at any moment leaves the old state or the
new one, and at worst a hidden `.partial` directory that the next writer of the same target removes. (Between the two
renames that replace a directory the old one bears a hidden name; the next reader or writer gives its name back.)
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from hornbook.errors import ResourceError, UserError

MANIFEST = "manifest.json"
_OWN_HASH = "sha256"  # the entry of a manifest with the hash of all others
_BLOCK = 1 << 22
# What the system says of a place that one cannot write to.
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
_REFUSED |= {errno.ENOENT, errno.ENAMETOOLONG}


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


@contextlib.contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """Turn a full disk or an unwritable place into one sentence that names `target`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourceError(f"The disk is full: {target} could not be written. Free some and run again.") from error
        if error.errno == errno.EFBIG:
            raise ResourceError(f"{target} is larger than the limit on file sizes (ulimit -f): raise that.") from error
        if error.errno in _REFUSED:
            reason = error.strerror or type(error).__name__
            raise UserError(f"Cannot write {target} ({reason}). Choose a place you may write to.") from error
        raise


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Yield the path of a hidden file that becomes `target` when the block ends well, and vanishes when it does not."""
    partial = target.with_name(f".{target.name}.partial")
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
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
    write_file(target, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def write_directory(target: Path, kind: str, facts: Mapping[str, Any] | None = None) -> Iterator[Path]:
    """Yield a scratch directory that becomes `target` when the block ends well, and vanishes when it does not.

    `kind` and `facts` go into the manifest; entries added to `facts` inside the block are kept. An existing target is
    replaced only after the new one is complete.
    """
    if target.exists() and target.samefile("."):
        raise UserError(f"{target} is the current folder, which cannot be replaced: name another place.")
    partial, old = target.with_name(f".{target.name}.partial"), _old(target)
    facts = {} if facts is None else facts
    _recover(target)
    with disk_errors(target):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
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
    for folder in {(directory / name).parent for name in manifest["files"]}:
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
    check_file(directory, name, manifest["files"][name], str(manifest["kind"]))
    return True


def verified(directory: Path, name: str) -> Path:
    """Return the path of a file in a directory, after comparing it with the directory's manifest if that lists it."""
    is_done(directory, name)
    return directory / name


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _recover(target: Path) -> None:
    """Give a directory its name back when its writer was killed between the two renames that replace it."""
    if not target.exists() and _old(target).exists():
        with disk_errors(target):
            _old(target).replace(target)


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


@contextlib.contextmanager
def lock(directory: Path) -> Iterator[None]:
    """Hold a directory for this process alone; the lock ends with the process, however that ends."""
    import fcntl

    with disk_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
        stream = (directory / ".lock").open("a")
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"Another process is using {directory}: wait for it, or choose another.") from error
        yield
