"""A project as one text: imports of each language, their order, separators, cuts."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hornbook.corpus.readers.code.imports import files_of, resolved, told
from hornbook.corpus.readers.code.order import ordered
from hornbook.corpus.readers.code.repositories import Repository
from hornbook.corpus.readers.record import WHOLE, Reading
from hornbook.errors import UserError

# Of each language: the paths there are, the file that imports, its text, and where that leads.
IMPORTS = [
    ("Python", "a.py b.py pkg/__init__.py", "a.py", "import os, b\nfrom pkg import x\n", "b.py pkg/__init__.py"),
    (
        "Python",
        "pkg/a.py pkg/b.py pkg/sub/c.py",
        "pkg/a.py",
        "from . import b\nfrom .sub.c import d\n",
        "pkg/b.py pkg/sub/c.py",
    ),
    ("Python", "pkg/sub/a.py pkg/b.py", "pkg/sub/a.py", "from ..b import (\n    x,  # why\n    y,\n)\n", "pkg/b.py"),
    (
        "Python",
        "src/pkg/a.py src/pkg/b.py tests/t.py",
        "tests/t.py",
        "import pkg.a\nfrom pkg import b as c\n",
        "src/pkg/a.py src/pkg/b.py",
    ),
    ("Python", "a.py b.py", "a.py", "x = 'import b'\n# import b\nfrom __future__ import annotations\n", ""),
    ("Python", "a.py b.py", "a.py", "def f():\n    import b as c, os.path\n", "b.py"),
    (
        "JavaScript",
        "a.js b.js lib/index.js c.json",
        "a.js",
        "import x from './b';\nconst y = require('./lib');\nimport z from './c.json';\n",
        "b.js lib/index.js c.json",
    ),
    (
        "TypeScript",
        "src/a.ts src/b.ts src/c.tsx",
        "src/a.ts",
        "import {\n  x,\n} from './b.js'\nexport * from \"./c\"\nimport React from 'react'\n",
        "src/b.ts src/c.tsx",
    ),
    (
        "TypeScript",
        "src/a.ts src/lib/b.ts",
        "src/a.ts",
        "const b = await import('@/lib/b')\nimport '../x'\n",
        "src/lib/b.ts",
    ),
    ("Vue", "a.vue b.vue", "a.vue", "<script>\nimport B from './b.vue'\n</script>\n", "b.vue"),
    (
        "Go",
        "go.mod main.go pkg/a.go pkg/b.go pkg/a_test.go",
        "main.go",
        'package main\n\nimport (\n\t"fmt"\n\tx "example.org/m/pkg"\n)\n',
        "pkg/a.go pkg/b.go",
    ),
    ("Go", "go.mod main.go in/a.go", "main.go", 'package main\nimport "example.org/m/in"\n', "in/a.go"),
    (
        "Rust",
        "src/main.rs src/a.rs src/b/mod.rs src/b/c.rs",
        "src/main.rs",
        "mod a;\npub mod b;\nuse std::fmt;\n",
        "src/a.rs src/b/mod.rs",
    ),
    (
        "Rust",
        "src/lib.rs src/a.rs src/b/mod.rs src/b/c.rs",
        "src/b/c.rs",
        "use crate::a::Thing;\nuse super::super::a::{B};\n",
        "src/a.rs",
    ),
    ("Rust", "src/lib.rs src/b.rs src/b/c.rs", "src/b.rs", "mod c;\n", "src/b/c.rs"),
    (
        "Java",
        "src/main/java/a/B.java src/main/java/a/C.java src/main/java/d/E.java",
        "src/main/java/d/E.java",
        "package d;\nimport a.B;\nimport static a.C.f;\nimport java.util.*;\n",
        "src/main/java/a/B.java src/main/java/a/C.java",
    ),
    ("Java", "a/B.java a/C.java d/E.java", "d/E.java", "import a.*;\n", "a/B.java a/C.java"),
    ("Kotlin", "a/B.kt d/E.kt", "d/E.kt", "import a.B\n", "a/B.kt"),
    ("C", "a.c a.h include/b.h", "a.c", '#include "a.h"\n#include <b.h>\n#include <stdio.h>\n', "a.h include/b.h"),
    ("C++", "src/x/a.cpp src/y/b.hpp", "src/x/a.cpp", '#include "../y/b.hpp"\n', "src/y/b.hpp"),
    ("C++", "src/a.cc lib/deep/proj/b.h", "src/a.cc", "#  include <proj/b.h>\n", "lib/deep/proj/b.h"),
    ("C", "a.c one/b.h two/b.h", "a.c", '#include "b.h"\n', ""),
    ("C", "a.c", "a.c", '#include "../../etc/passwd"\n#include "a.c"\n', ""),
    ("Text", "a.txt", "a.txt", "import b\n", ""),
]


@pytest.mark.parametrize(("language", "paths", "path", "text", "found"), IMPORTS)
def test_imports_lead_to_files(language: str, paths: str, path: str, text: str, found: str) -> None:
    files = files_of(paths.split(), {"example.org/m": ""})
    assert resolved(language, path, told(language, text), files) == set(found.split())


names = some.lists(some.integers(0, 30), min_size=1, max_size=20, unique=True)


@given(names, some.randoms(use_true_random=False))
def test_every_import_comes_first_where_there_is_no_circle(numbers: list[int], chance: random.Random) -> None:
    paths = [f"f{number}.py" for number in numbers]
    imports = {
        path: frozenset(other for other in paths[:place] if chance.random() < 0.3) for place, path in enumerate(paths)
    }
    found = ordered(imports)
    assert sorted(found) == sorted(paths)
    assert all(found.index(other) < found.index(path) for path, needed in imports.items() for other in needed)


@given(names, some.randoms(use_true_random=False))
def test_imports_that_are_in_no_circle_come_first_in_any_graph(numbers: list[int], chance: random.Random) -> None:
    paths = [f"f{number}.py" for number in numbers]
    imports = {path: frozenset(other for other in paths if chance.random() < 0.15) | {"gone.py"} for path in paths}
    reach = {path: _reached(path, imports) for path in paths}
    found = ordered(imports)
    assert sorted(found) == sorted(paths)
    for path in paths:
        for other in imports[path] - {"gone.py"}:
            if path not in reach[other]:
                assert found.index(other) < found.index(path)
    shuffled = list(imports.items())
    chance.shuffle(shuffled)
    assert ordered(dict(shuffled)) == found


def _reached(path: str, imports: dict[str, frozenset[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [path]
    while waiting:
        for other in imports.get(waiting.pop(), ()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


def test_a_circle_is_entered_where_least_is_missing() -> None:
    imports = {"a": {"b", "c"}, "b": {"c"}, "c": {"a"}, "0": {"a"}}
    assert ordered({path: frozenset(needed) for path, needed in imports.items()}) == ["b", "a", "c", "0"]


def test_a_chain_of_thousands_does_not_break_it() -> None:
    imports = {f"{number:05d}": frozenset([f"{number + 1:05d}"]) for number in range(2_000)} | {
        "02000": frozenset[str]()
    }
    assert ordered(imports) == sorted(imports, reverse=True)


def make(folder: Path) -> None:
    files = {
        "README.md": "# Words\n\nHow it is used, in some words.\n",
        "main.py": "from lib import tool\n\nprint(tool.run())\n",
        "lib/tool.py": "from lib.base import BASE\n\n\ndef run():\n    return BASE\n",
        "lib/base.py": "BASE = 'a value of some length'",
        "web/app.js": "import { x } from './util';\nconsole.log(x, 'and some words');\n",
        "web/util.js": "export const x = 'a value of some length';\n",
        "style.css": "body { color: black; margin: auto; }\n",
        "pyproject.toml": '[project]\nname = "a"\nlicense = "MIT"\n',
        "package-lock.json": "{}\n",
        ".git/HEAD": "0123456789abcdef0123456789abcdef01234567\n",
        "picture.png": "\x89PNG\r\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


WHOLE_TEXT = """<!-- README.md -->
# Words

How it is used, in some words.

# lib/base.py
BASE = 'a value of some length'

# lib/tool.py
from lib.base import BASE


def run():
    return BASE

# main.py
from lib import tool

print(tool.run())

# pyproject.toml
[project]
name = "a"
license = "MIT"

/* style.css */
body { color: black; margin: auto; }

// web/util.js
export const x = 'a value of some length';

// web/app.js
import { x } from './util';
console.log(x, 'and some words');
"""


def read(folder: Path, repository: Repository, heard: list[str] | None = None) -> list[Any]:
    passed = (lambda reason, count: heard.append(reason)) if heard is not None else (lambda reason, count: None)
    return list(repository(folder, Reading(bad=lambda error: None, passed=passed, root=folder), WHOLE))


def test_a_repository_letter_by_letter(tmp_path: Path) -> None:
    make(tmp_path / "repo")
    heard: list[str] = []
    (record,) = read(tmp_path / "repo", Repository(), heard)
    assert record.text == WHOLE_TEXT
    assert record.meta == {
        "programming_language": "Python",
        "repository": "repo",
        "license": "MIT",
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "files": [
            "README.md",
            "lib/base.py",
            "lib/tool.py",
            "main.py",
            "pyproject.toml",
            "style.css",
            "web/util.js",
            "web/app.js",
        ],
    }
    assert heard == ["generated file"]


def test_a_separator_of_ones_own_and_cuts_between_files(tmp_path: Path) -> None:
    make(tmp_path)
    records = read(tmp_path, Repository(separator="<file_sep>{path}", longest=150))
    assert [record.number for record in records] == list(range(1, len(records) + 1)) and len(records) > 2
    assert records[0].text.startswith("<file_sep>README.md\n# Words\n")
    assert [path for record in records for path in record.meta["files"]][:3] == [
        "README.md",
        "lib/base.py",
        "lib/tool.py",
    ]
    for record in records:
        assert len(record.text) <= 150 or len(record.meta["files"]) == 1


def test_licences_choose_the_files(tmp_path: Path) -> None:
    make(tmp_path)
    heard: list[str] = []
    assert read(tmp_path, Repository(licenses=("Apache-2.0",)), heard) == []
    assert heard.count("licence: MIT") == 8
    assert len(read(tmp_path, Repository(licenses=("permissive",)))) == 1


def test_a_separator_without_a_path_is_refused() -> None:
    with pytest.raises(UserError, match=r"\{path\}"):
        Repository(separator="---")
