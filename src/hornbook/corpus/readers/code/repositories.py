"""A project -> one text: its files in the order of their imports, each behind a line with its path.

Such a text is what infilling across files and long rows learn from (Guo and others 2024, DeepSeek-Coder, 2.2). The
files are read twice, first for their imports and then for their words, so that only one is held at a time.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from hornbook.corpus.readers.code.files import Code, Source, is_source
from hornbook.corpus.readers.code.imports import files_of, module_of, resolved, told
from hornbook.corpus.readers.code.licenses import license_of_file
from hornbook.corpus.readers.code.order import ordered
from hornbook.corpus.readers.code.projects import Project, commit, project_of, repository
from hornbook.corpus.readers.packed import BadRecord, Place, shown
from hornbook.corpus.readers.record import Part, Reading, Record
from hornbook.errors import UserError
from hornbook.schema import PositiveCount, check

# How a comment begins and ends; in all other languages with #.
_SLASHES = """
    C C++ C# Objective-C Objective-C++ Cuda Java JavaScript TypeScript TSX Go Rust Kotlin Scala Swift Dart PHP Groovy
    Zig Solidity Verilog SystemVerilog GLSL HLSL Metal JSON F# D V SCSS Less Thrift Gradle
"""
_COMMENTS: dict[str, tuple[str, str]] = {
    **dict.fromkeys((*_SLASHES.split(), "Protocol Buffer"), ("// ", "")),
    **dict.fromkeys(("SQL", "PLpgSQL", "TSQL", "PLSQL", "Haskell", "Lua", "Ada", "VHDL", "Elm", "Lean"), ("-- ", "")),
    **dict.fromkeys(("Common Lisp", "Scheme", "Clojure", "Emacs Lisp", "Racket", "Assembly"), ("; ", "")),
    **dict.fromkeys(("TeX", "MATLAB", "Erlang", "Prolog", "BibTeX"), ("% ", "")),
    **dict.fromkeys(("HTML", "XML", "XSLT", "Markdown", "Vue", "Svelte", "MDX"), ("<!-- ", " -->")),
    **dict.fromkeys(("CSS", "Linker Script", "OCaml"), ("/* ", " */")),
    "OCaml": ("(* ", " *)"),
    "Standard ML": ("(* ", " *)"),
    "reStructuredText": (".. ", ""),
    "Vim script": ('" ', ""),
    "Fortran": ("! ", ""),
}


class _File(NamedTuple):
    language: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Repository:
    """Projects, each as one text: its files in the order of their imports, the README first. Named in a recipe alone.

    separator   the line before a file: "comment" is its path as a comment, or your words with {path} in them
    longest     characters of a text; a longer project becomes several, cut between files
    licenses    SPDX identifiers of the licences that are kept; "permissive" stands for all permissive ones
    vendored    whether copies of others' code are kept
    generated   whether files that programs made are kept
    """

    separator: str = "comment"
    longest: PositiveCount = 1_000_000
    licenses: tuple[str, ...] = ()
    vendored: bool = False
    generated: bool = False

    def __post_init__(self) -> None:
        check(self, "repository.")
        if self.separator != "comment" and "{path}" not in self.separator:
            raise UserError(
                'repository.separator is "comment" or words with {path} in them, such as "<file_sep>{path}", not '
                f"{self.separator!r}."
            )

    def folder(self, file: Path, bound: Path) -> Path | None:
        """Return the folder that a file is read with, up to `bound`; None for a file that is read by itself."""
        project = project_of(file, bound) if is_source(file) else None
        return project.root if project else None

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the texts of the project in a folder."""
        if not isinstance(place, Path) or not place.is_dir():
            raise BadRecord(f"{shown(place)} is no folder, so it cannot be read as a repository.", "not a folder")
        reading = replace(reading, root=reading.root or place)
        project = Project(place, reading.root or place)
        code = Code(licenses=self.licenses, vendored=self.vendored, generated=self.generated)
        found, modules = _first_look(project, code, reading)
        files = files_of(found, modules)
        graph = {path: resolved(item.language, path, item.names, files) for path, item in found.items()}
        order = sorted(ordered(graph), key=lambda path: not _is_readme(path))
        silent = replace(reading, passed=lambda reason, count: None)
        number, held, paths, languages = 1, "", list[str](), dict[str, int]()
        for path in order:
            source = code.source(place / path, silent)
            if source is None:
                continue
            text = self._part(path, source)
            if held and len(held) + 1 + len(text) > self.longest:
                yield Record(number, held, _facts(project, paths, languages))
                number, held, paths, languages = number + 1, "", [], {}
            held = f"{held}\n{text}" if held else text
            paths.append(path)
            languages[source.language] = languages.get(source.language, 0) + len(source.text)
        if held:
            yield Record(number, held, _facts(project, paths, languages))

    def _part(self, path: str, source: Source) -> str:
        begin, end = _COMMENTS.get(source.language, ("# ", ""))
        line = f"{begin}{path}{end}" if self.separator == "comment" else self.separator.replace("{path}", path)
        return f"{line}\n{source.text.rstrip()}\n"


def _first_look(project: Project, code: Code, reading: Reading) -> tuple[dict[str, _File], dict[str, str]]:
    """Return the language and the imports of each file that is kept, by path, and the folders of Go modules."""
    found: dict[str, _File] = {}
    modules: dict[str, str] = {}
    for path, _, _ in tree(project.root):
        file = project.root / path
        if not is_source(file):
            continue
        try:
            source = code.source(file, reading)
        except BadRecord as error:
            reading.refuse(error)
            continue
        if source is not None:
            found[path] = _File(source.language, told(source.language, source.text))
            if path.rpartition("/")[2] == "go.mod" and (name := module_of(source.text)):
                modules[name] = path.rpartition("/")[0]
    return found, modules


def _is_readme(path: str) -> bool:
    return "/" not in path and path.lower().startswith("readme")


def _facts(project: Project, paths: list[str], languages: dict[str, int]) -> dict[str, Any]:
    """Return what is known of a text; its language is that of most of its characters."""
    known = {name: size for name, size in languages.items() if name}
    found: dict[str, Any] = {
        "programming_language": max(known, key=lambda name: (known[name], name)) if known else "",
        "repository": repository(project),
        "commit": commit(project),
        "license": license_of_file(project.root / "README", "", project),
        "files": list(paths),
    }
    return {name: value for name, value in found.items() if value}


def tree(root: Path) -> list[tuple[str, int, int]]:
    """Return path, bytes and time of each file of a project, sorted: no hidden names, no links, no projects inside."""
    found: list[tuple[str, int, int]] = []
    for folder, below, names in os.walk(root):
        below[:] = sorted(
            name
            for name in below
            if not name.startswith(".") and not os.path.lexists(os.path.join(folder, name, ".git"))
        )
        for name in names:
            path = os.path.join(folder, name)
            try:
                status = os.lstat(path)
            except OSError:
                continue
            if not name.startswith(".") and stat.S_ISREG(status.st_mode):
                found.append((os.path.relpath(path, root).replace(os.sep, "/"), status.st_size, status.st_mtime_ns))
    return sorted(found)


def stamp(root: Path) -> tuple[int, str]:
    """Return the bytes of a project's files, and a mark that changes when one of them does."""
    held = tree(root)
    lines = "\n".join(f"{path}\0{size}\0{time}" for path, size, time in held)
    mark = hashlib.blake2b(lines.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
    return sum(size for _, size, _ in held), mark
