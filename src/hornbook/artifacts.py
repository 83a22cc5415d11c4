"""The one writer and the one reader of everything that lasts: files and directories are whole or absent.

A directory is written beside its target, every file flushed and synced, then a manifest with the length and SHA-256 of
each file, then renamed into place and the parent directory synced. A reader checks the manifest before anything is
used. A process killed at any moment leaves the old state or the new one, and at worst a hidden `.partial` directory
that the next writer of the same target removes. (Between the two renames that replace a directory the old one bears a
hidden name; the next reader or writer gives its name back.)
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hornbook.errors import ResourceError, UserError

MANIFEST = "manifest.json"
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
    files = {}
    for name in names:
        path = directory / name
        sync(path)
        files[name] = {"bytes": path.stat().st_size, "sha256": sha256(path)}
    for folder in {(directory / name).parent for name in names}:
        sync(folder)
    write_json(directory / MANIFEST, {"kind": kind, **facts, "files": files})


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
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"There is no {what} at {path}.") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"The {what} at {path} is damaged (not valid JSON). Restore it or make it again.") from error
    except OSError as error:
        raise UserError(f"The {what} at {path} cannot be read ({error.strerror}).") from error


def read_manifest(directory: Path, kind: str, *, contents: bool = True) -> dict[str, Any]:
    """Return the manifest of a directory after checking that every file has its recorded length and SHA-256.

    `contents=False` checks lengths only. Raises UserError naming the first file that is missing, cut or changed.
    """
    _recover(directory)
    manifest = read_json(directory / MANIFEST, f"{kind} manifest")
    if not isinstance(manifest, dict) or manifest.get("kind") != kind or not isinstance(manifest.get("files"), dict):
        raise UserError(f"{directory} is not a {kind} of Hornbook (its manifest says otherwise).")
    for name, facts in manifest["files"].items():
        path = directory / name
        if not isinstance(facts, dict) or not {"bytes", "sha256"} <= facts.keys():
            raise UserError(f"The {kind} {directory} is damaged: its manifest does not list {name}.")
        if not path.is_file():
            raise UserError(f"The {kind} {directory} is damaged: {name} is missing.")
        if (found := path.stat().st_size) != facts["bytes"]:
            raise UserError(f"The {kind} {directory} is damaged: {name} has {found} bytes instead of {facts['bytes']}.")
        if contents and sha256(path) != facts["sha256"]:
            raise UserError(f"The {kind} {directory} is damaged: the contents of {name} have changed.")
    return manifest


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
