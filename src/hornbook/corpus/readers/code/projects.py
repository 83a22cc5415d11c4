"""Where a file's project begins, what it is called, and which commit lies there: read as text, without running git.

A project's root is the nearest folder with a `.git`, else the outermost with a manifest, or with a licence beside a
program. It is looked for up to the folder that the user named and not above it, and no file outside that folder is
opened, whatever links or `.git` files say.
"""

from __future__ import annotations

import functools
import glob
import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from hornbook.corpus.readers.code.languages import kind_of, language_of

_MANIFESTS = """
    pyproject.toml setup.py setup.cfg package.json Cargo.toml go.mod pom.xml build.gradle build.gradle.kts build.sbt
    composer.json Gemfile mix.exs rebar.config stack.yaml dune-project project.clj pubspec.yaml Package.swift
    CMakeLists.txt meson.build configure.ac configure.in Project.toml DESCRIPTION shard.yml info.rkt elm.json
    build.zig deno.json MODULE.bazel WORKSPACE
"""
MANIFESTS = frozenset(_MANIFESTS.split())
_MANIFEST_ENDINGS = (".gemspec", ".cabal", ".csproj", ".fsproj", ".sln", ".nimble", ".rockspec", ".podspec")
LICENCES = re.compile(r"(?:un)?licen[cs]e(?:[-_.].*)?|copying(?:[-_.].*)?|licen[cs]es", re.IGNORECASE)
_SMALL = 1 << 20  # bytes of a file of git or of a licence that are read at most
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REFERENCE = re.compile(r"ref: (refs/[\w./@+-]{1,300})")


class Project(NamedTuple):
    """One project.

    root    its folder
    bound   the folder that the user named: nothing outside it is opened
    """

    root: Path
    bound: Path

    def path_of(self, path: Path) -> str:
        """Return a file's path below the root, with forward slashes."""
        return path.relative_to(self.root).as_posix()

    def holds(self, path: Path) -> bool:
        """Say whether a file really lies in the project, wherever links lead."""
        real = os.path.realpath(path)
        return Path(real).is_relative_to(os.path.realpath(self.root))


def folder_of(source: str) -> Path | None:
    """Return the folder that a path of the user's stands for: itself, or that of a pattern; None for a single file."""
    path = os.path.expanduser(source)
    if glob.has_magic(path) and not os.path.exists(path):
        while glob.has_magic(path):
            path = os.path.dirname(path)
    return Path(path or ".") if os.path.isdir(path or ".") else None


def project_of(path: Path, bound: Path) -> Project | None:
    """Return the project of a file, None where it is in none."""
    try:
        path.relative_to(bound)
    except ValueError:
        return None
    outermost = None
    for folder in path.parents:
        mark = _mark(str(folder), _changed(folder))
        if mark == "git":
            return Project(folder, bound)
        if mark:
            outermost = folder
        if folder == bound:
            break
    return Project(outermost, bound) if outermost is not None else None


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(maxsize=4096)
def _mark(folder: str, changed: int) -> str:
    """Return "git" or "manifest" for a root, "" for another folder; `changed` is when a name was last added to it."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError:
        return ""
    if ".git" in names:
        return "git"
    if not MANIFESTS.isdisjoint(names) or any(name.endswith(_MANIFEST_ENDINGS) for name in names):
        return "manifest"
    licensed = any(LICENCES.fullmatch(name) for name in names)
    return "manifest" if licensed and any(kind_of(language_of(name, "")) == "programming" for name in names) else ""


def read_inside(path: Path, bound: Path) -> str:
    """Return the text of a small file, "" where it is none, cannot be read or really lies outside `bound`."""
    try:
        real = Path(os.path.realpath(path))
        if not real.is_file() or not real.is_relative_to(os.path.realpath(bound)):
            return ""
        with real.open("rb") as stream:
            return stream.read(_SMALL).decode("utf-8-sig", "replace")
    except (OSError, ValueError):
        return ""


def repository(project: Project) -> str:
    """Return where a project is from, as `github.com/psf/requests`, else the name of its folder.

    The address is that of the remote "origin" without scheme, user, password, query and `.git`, so that one repository
    has one name however it was cloned. Of a remote that is a folder only the name is told.
    """
    folder = _git(project)
    config = read_inside(folder / "config", project.bound) if folder else ""
    if not config and folder and (common := read_inside(folder / "commondir", project.bound).strip()):
        config = read_inside(folder / common / "config", project.bound)
    return _address(_origin(config)) or Path(os.path.abspath(project.root)).name


def commit(project: Project) -> str:
    """Return the commit that lies in the folder, "" where it is not known."""
    folder = _git(project)
    if not folder:
        return ""
    head = read_inside(folder / "HEAD", project.bound).strip()
    if _COMMIT.fullmatch(head):
        return head
    found = _REFERENCE.fullmatch(head)
    if not found or ".." in found[1]:
        return ""
    common = read_inside(folder / "commondir", project.bound).strip()
    for place in (folder, folder / common):
        at = read_inside(place / found[1], project.bound).strip()
        if _COMMIT.fullmatch(at):
            return at
        for line in read_inside(place / "packed-refs", project.bound).splitlines():
            number, _, name = line.partition(" ")
            if name.strip() == found[1] and _COMMIT.fullmatch(number):
                return number
    return ""


def _git(project: Project) -> Path | None:
    """Return the folder of git; a file `.git`, as of a submodule, names it."""
    place = project.root / ".git"
    if place.is_dir():
        return place
    kind, _, path = read_inside(place, project.bound).strip().partition(": ")
    return project.root / path if kind == "gitdir" else None


def _origin(config: str) -> str:
    """Return the URL of the remote "origin" in the text of a git config."""
    section = ""
    for line in config.splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line.partition("]")[0]
        name, _, value = line.partition("=")
        if section == '[remote "origin"' and name.strip().lower() == "url":
            return value.strip().strip('"')
    return ""


def _address(url: str) -> str:
    local = re.match(r"(?:file:|/|\.|~|[A-Za-z]:[\\/])", url)
    if local or not url:
        return re.sub(r"\.git$", "", re.split(r"[\\/]", url.rstrip("\\/"))[-1])
    if "://" not in url:  # as ssh takes it: git@github.com:psf/requests.git
        host, _, path = url.rpartition("@")[2].partition(":")
        return re.sub(r"\.git$", "", f"{host}/{path.strip('/')}".rstrip("/"))
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    return re.sub(r"\.git$", "", f"{host}{parts.path.rstrip('/')}") if host else ""
