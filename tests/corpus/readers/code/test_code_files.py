"""Projects through a build: one document a file with its facts, what is left out, what stays as it was elsewhere."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hornbook.corpus.build.build import build
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.built import documents, open_corpus
from hornbook.corpus.read import read
from hornbook.corpus.readers.code.files import Code
from hornbook.corpus.readers.code.notebooks import Notebook
from hornbook.corpus.readers.code.repositories import Repository
from hornbook.corpus.readers.formats import records
from hornbook.corpus.readers.record import Chosen, Reading
from hornbook.corpus.readers.units import discover, stamp_of
from hornbook.corpus.step import Page
from hornbook.corpus.steps.clean import Normalise

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PYTHON = "import os\n\n\n\ndef here():\n\treturn os.getcwd()  \n" * 150
NOTEBOOK = json.dumps({"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "markdown", "source": "# A notebook"}]})


def make(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def repository(folder: Path, **more: str | bytes) -> Path:
    return make(folder, {
        ".git/HEAD": f"{COMMIT}\n", ".git/config": '[remote "origin"]\n\turl = git@github.com:a/b.git\n',
        ".git/hooks/x.py": "hidden = 1\n", "LICENSE": "SPDX-License-Identifier: MIT\n", "src/a.py": PYTHON, **more,
    })  # fmt: skip


def built(tmp_path: Path, source: Path, **settings: Any) -> tuple[list[Any], dict[str, Any]]:
    out = tmp_path / f"out{len(list(tmp_path.glob('out*')))}"
    ledger = build([], [str(source)], out, engine=Engine(workers=1), **settings)
    return list(documents(open_corpus(out))), ledger


def names(found: list[Any], source: Path) -> list[str]:
    return [document.id.removeprefix(source.as_posix()).lstrip("/") for document in found]


def test_a_checkout_is_one_document_a_file_with_its_facts(tmp_path: Path) -> None:
    source = repository(tmp_path / "repo", **{
        "README.md": "# Title\n\n" + "Some words of it.\n" * 500, "book.ipynb": NOTEBOOK, "Makefile": "all:\n\ttrue\n",
        "web/page.html": "<html><body>" + "<p>Some words that are shown to everybody.</p>\n" * 4 + "</body></html>\n",
        "settings.json": '{"name": "something", "version": "1.0.0", "private": true}\n',
    })  # fmt: skip
    found, ledger = built(tmp_path, source)
    assert names(found, source) == [
        "LICENSE#1", "Makefile#1", "README.md#1", "book.ipynb#1", "settings.json#1", "src/a.py#1", "web/page.html#1",
    ]  # fmt: skip
    texts = {document.id.removeprefix(source.as_posix())[1:-2]: document for document in found}
    assert texts["src/a.py"].text == PYTHON  # whole and letter by letter
    facts = {"repository": "github.com/a/b", "commit": COMMIT, "license": "MIT"}
    assert texts["src/a.py"].meta == {"programming_language": "Python", "path": "src/a.py", **facts}
    assert texts["book.ipynb"].text == "# A notebook\n"
    assert texts["book.ipynb"].meta == {"programming_language": "Jupyter Notebook", "path": "book.ipynb", **facts}
    assert texts["web/page.html"].text.startswith("<html><body><p>")  # source, not the page's words
    assert texts["settings.json"].meta["programming_language"] == "JSON"
    assert "passed_over" not in ledger or not ledger["passed_over"]["records"]


def test_what_is_left_out_is_counted_by_reason(tmp_path: Path) -> None:
    source = repository(
        tmp_path / "repo",
        **{
            "node_modules/x/index.js": "var a = 1;\n",
            "a_pb2.py": "x = 1\n",
            "app.js": "var a=1;" * 500,
            "data.csv": "a,b\n1,2\n",
            "big.py": "x = 1\n" * 200_000,
            "nothing.py": " \n",
            "odd.py": "# caf\xe9 \x81\x8d".encode("latin-1") * 3,
            "binary.py": b"\x00\x01\x02" * 100,
            "broken.ipynb": "{",
        },
    )
    (tmp_path / "outside.py").write_text("secret = 1\n")
    (source / "link.py").symlink_to(tmp_path / "outside.py")
    found, ledger = built(tmp_path, source)
    assert names(found, source) == ["LICENSE#1", "src/a.py#1"]
    assert ledger["passed_over"]["reasons"] == {
        "vendored file": 1, "generated file": 1, "minified: a very long line": 1, "data file": 1, "too large a file": 1,
        "empty file": 1, "in no encoding for sure": 1, "binary file": 1, "link out of its project": 1,
    }  # fmt: skip
    assert ledger["unread"]["reasons"] == {"not valid JSON": 1}


def test_scripts_outside_projects_and_single_files_are_cut_into_sections(tmp_path: Path) -> None:
    source = make(tmp_path / "scripts", {"a.py": PYTHON, "b.c": "int main(void) { return 0; }\n" * 300})
    found, _ = built(tmp_path, source)
    assert len(found) > 6
    assert all("path" not in document.meta for document in found)
    checkout = repository(tmp_path / "repo")
    one, _ = built(tmp_path, checkout / "src/a.py")
    assert len(one) > 3 and "".join(document.text for document in one) == PYTHON


def test_a_pattern_reaches_projects_too(tmp_path: Path) -> None:
    source = repository(tmp_path / "repos/b")
    found, _ = built(tmp_path, Path(str(tmp_path / "repos") + "/**/*.py"))
    assert [document.text for document in found] == [PYTHON]
    assert found[0].id == f"{source.as_posix()}/src/a.py#1" and found[0].meta["license"] == "MIT"


def test_records_and_books_in_a_checkout_are_read_as_elsewhere(tmp_path: Path) -> None:
    source = repository(tmp_path / "repo", **{
        "data/rows.jsonl": '{"text": "one"}\n{"text": "two"}\n', "data/rows.csv": "text,n\nthree,1\n",
        "data/rows.json": '[{"text": "four"}]', "book.txt": "A line of a long book.\n" * 10_000,
    })  # fmt: skip
    found, _ = built(tmp_path, source)
    texts = {document.text for document in found}
    assert {"one", "two", "three", "four"} <= texts
    book = [document for document in found if "book.txt" in document.id]
    assert len(book) > 50 and "".join(document.text for document in book) == "A line of a long book.\n" * 10_000


def test_the_readers_of_a_recipe_set_the_rules(tmp_path: Path) -> None:
    source = repository(
        tmp_path / "repo",
        **{
            "vendor/x.py": "# SPDX-License-Identifier: GPL-3.0-only\nx = 1\n",
            "vendor/y.py": "y = 1\n",
            "b.ipynb": NOTEBOOK,
        },
    )
    chosen = [Chosen("*.ipynb", Notebook(cells="script")), Chosen("*", Code(licenses=("permissive",), vendored=True))]
    found, ledger = built(tmp_path, source, readers=chosen)
    assert names(found, source) == ["LICENSE#1", "b.ipynb#1", "src/a.py#1", "vendor/y.py#1"]
    assert found[1].text == "# %% [markdown]\n# # A notebook\n"
    assert ledger["passed_over"]["reasons"] == {"licence: GPL-3.0-only": 1}


def test_repositories_are_read_whole_and_other_files_by_themselves(tmp_path: Path) -> None:
    source = tmp_path / "repos"
    repository(source / "one", **{"src/b.py": "from src import a\n", "rows.jsonl": '{"text": "a row"}\n'})
    repository(source / "two")
    make(source, {"notes.txt": "A note.\n", "one/picture.png": b"\x89PNG\r\n"})
    chosen = [Chosen("*", Repository())]
    found, _ = built(tmp_path, source, readers=chosen)
    assert names(found, source) == ["one#1", "two#1", "notes.txt#1", "one/rows.jsonl#1"]
    assert found[0].meta["files"] == ["LICENSE", "src/a.py", "src/b.py"]
    again, _ = built(tmp_path, source, readers=[Chosen("two", Repository())])
    assert names(again, source)[0] == "two#1" and "one/src/a.py#1" in names(again, source)


def test_the_stamp_of_a_folder_covers_its_files(tmp_path: Path) -> None:
    source = repository(tmp_path / "repo")
    (piece,) = discover([str(source)], 1 << 20, [Chosen("*", Repository())])
    assert piece.stamp == stamp_of(piece) and piece.size == len(PYTHON) + 29
    (source / "src/a.py").write_text("changed = 1\n")
    assert piece.stamp != stamp_of(piece)
    os.utime(source / "LICENSE", (1, 1))
    (after,) = discover([str(source)], 1 << 20, [Chosen("*", Repository())])
    assert after.stamp == stamp_of(piece)


def test_reading_without_a_build_leaves_the_same_out(tmp_path: Path) -> None:
    source = repository(tmp_path / "repo", **{"vendor/y.py": "y = 1\n"})
    gone: list[Path] = []
    found = list(read([str(source)], left_out=gone.append))
    assert names(found, source) == ["LICENSE#1", "src/a.py#1"]
    assert gone == [source / "vendor/y.py"]


@given(
    some.binary(max_size=300),
    some.sampled_from(["a.py", "a.ipynb", "a.json", "a.html", "a.h", "LICENSE", "run", "a.csv"]),
)
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str) -> None:
    folder = make(
        tmp_path_factory.mktemp("repo"), {"pyproject.toml": data, ".git/HEAD": data, ".git/config": data, name: data}
    )
    heard: list[Any] = []
    reading = Reading(bad=heard.append, passed=lambda reason, count: heard.append(reason), root=folder)
    for reader in (Code(licenses=("MIT",)), Code()):
        found = list(records(folder / name, replace(reading, chosen=(Chosen("*", reader),))))
        assert found or heard
        assert all(record.text.strip() for record in found)
    list(records(folder, replace(reading, chosen=(Chosen("*", Repository()),))))


@pytest.mark.parametrize("name", ["src/a.py", "notes.md", "Makefile"])
def test_cleaning_leaves_the_files_of_a_project_as_they_are(tmp_path: Path, name: str) -> None:
    text = "name = 1  \n\n\n\n\tother = 2\n"
    source = repository(tmp_path / "repo", **{name: text})
    found = [document for document in read([str(source)]) if name in document.id]
    page = Page(range(1), [found[0].id], [str(source)], [text], [found[0].meta])  # type: ignore[arg-type]
    clean = Normalise()(page).texts[0]
    assert clean == text if name != "notes.md" else clean.split() == text.split()
