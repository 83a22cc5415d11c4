"""Notebooks as text, as a script, or their code alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hornbook.corpus.readers.code.notebooks import Notebook
from hornbook.corpus.readers.packed import BadRecord
from hornbook.corpus.readers.record import WHOLE, Reading

PICTURE = "iVBORw0KGgo" * 50
BOOK: dict[str, Any] = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "language": "python"}, "language_info": {"name": "python"}},
    "cells": [
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": ["# Title\n", "\n", "Some *words* and $x^2$.  \n", "More."],
        },
        {
            "cell_type": "code",
            "metadata": {},
            "execution_count": 1,
            "source": ["import os\n", "\n", "\n", "def f():\n", "    return 1\n"],
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["\u001b[31mred\u001b[0m\n", "line\n"]},
                {"output_type": "display_data", "data": {"image/png": PICTURE, "text/plain": ["<Figure>"]}},
            ],
        },
        {"cell_type": "code", "metadata": {}, "source": "", "outputs": []},
        {"cell_type": "markdown", "metadata": {}, "source": f"![a](data:image/png;base64,{PICTURE}==) end"},
        {"cell_type": "raw", "metadata": {}, "source": "raw text"},
        {"cell_type": "code", "metadata": {}, "source": "print('''```''')", "outputs": []},
    ],
}
TEXT = (
    "# Title\n\nSome *words* and $x^2$.  \nMore.\n\n```python\nimport os\n\n\ndef f():\n    return "
    "1\n```\n\n![a]() end\n\n"
    "raw text\n\n````python\nprint('''```''')\n````\n"
)
SCRIPT = (
    "# %% [markdown]\n# # Title\n#\n# Some *words* and $x^2$.\n# More.\n\n# %%\nimport os\n\n\ndef "
    "f():\n    return 1\n\n"
    "# %% [markdown]\n# ![a]() end\n\n# %% [raw]\n# raw text\n\n# %%\nprint('''```''')\n"
)
CODE = "import os\n\n\ndef f():\n    return 1\n\nprint('''```''')\n"
OLD = {
    "nbformat": 3, "metadata": {"name": "x"},
    "worksheets": [{"cells": [
        {"cell_type": "heading", "level": 2, "source": ["Head"]},
        {"cell_type": "markdown", "source": "Words."},
        {"cell_type": "code", "language": "python", "input": ["x = 1\n", "x"], "outputs": [], "collapsed": False},
    ]}],
}  # fmt: skip


def read(folder: Path, book: Any, notebook: Notebook = Notebook(), heard: list[str] | None = None) -> list[Any]:  # noqa: B008
    path = folder / "a.ipynb"
    path.write_text(book if isinstance(book, str) else json.dumps(book))
    return list(
        notebook(path, Reading(passed=lambda reason, count: heard.append(reason) if heard is not None else None), WHOLE)
    )


@pytest.mark.parametrize(("cells", "text"), [("text", TEXT), ("script", SCRIPT), ("code", CODE)])
def test_a_notebook_letter_by_letter(tmp_path: Path, cells: Any, text: str) -> None:
    (record,) = read(tmp_path, BOOK, Notebook(cells=cells))
    assert record.text == text
    assert record.meta == {"programming_language": "Python"}


def test_outputs_are_kept_on_request_and_cut_and_pictures_never(tmp_path: Path) -> None:
    (record,) = read(tmp_path, BOOK, Notebook(outputs=6))
    assert "```\n\n```\nred\nli\n<Figur\n```\n\n![a]()" in record.text
    assert "iVBOR" not in record.text and "\x1b" not in record.text


def test_a_notebook_of_format_3(tmp_path: Path) -> None:
    (record,) = read(tmp_path, OLD)
    assert record.text == "## Head\n\nWords.\n\n```python\nx = 1\nx\n```\n"
    assert record.meta == {"programming_language": "Python"}


@pytest.mark.parametrize(
    ("meta", "language"),
    [
        ({"kernelspec": {"name": "ir", "language": "R"}}, "R"),
        ({"language_info": {"name": "julia", "version": "1.9"}}, "Julia"),
        ({"kernelspec": {"name": "python3"}}, "Python"),
        ({"language_info": {"name": "C++17"}}, "C++"),
        ({"language_info": {"name": "typescript"}}, "TypeScript"),
        ({}, None),
        ([], None),
    ],
)
def test_the_language_is_that_of_the_kernel(tmp_path: Path, meta: Any, language: str | None) -> None:
    book = {"nbformat": 4, "metadata": meta, "cells": [{"cell_type": "code", "source": "x"}]}
    (record,) = read(tmp_path, book)
    assert record.meta.get("programming_language") == language


def test_a_script_has_the_comments_of_its_language(tmp_path: Path) -> None:
    cells = [{"cell_type": "markdown", "source": "Words"}, {"cell_type": "code", "source": "let x = 1"}]
    book = {"nbformat": 4, "metadata": {"language_info": {"name": "javascript"}}, "cells": cells}
    (record,) = read(tmp_path, book, Notebook(cells="script"))
    assert record.text == "// %% [markdown]\n// Words\n\n// %%\nlet x = 1\n"


@pytest.mark.parametrize(
    "book", ["", " \n", {"cells": [], "nbformat": 4}, {"cells": [{"cell_type": "code", "source": " "}]}]
)
def test_empty_notebooks_are_passed_over(tmp_path: Path, book: Any) -> None:
    heard: list[str] = []
    assert read(tmp_path, book, heard=heard) == []
    assert heard == ["empty notebook"]


@pytest.mark.parametrize(
    ("book", "reason"),
    [
        ('{"cells": [', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[1]", "not a notebook"),
        ({"cells": 3}, "not a notebook"),
    ],
)
def test_what_is_no_notebook_is_named(tmp_path: Path, book: Any, reason: str) -> None:
    with pytest.raises(BadRecord, match=r"a\.ipynb is no notebook") as caught:
        read(tmp_path, book)
    assert caught.value.reason == reason


json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=5),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(
            some.sampled_from(
                ["cells", "source", "cell_type", "outputs", "metadata", "text", "data", "worksheets", "level"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_json_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    folder = tmp_path_factory.mktemp("books")
    for book in (
        value,
        {"cells": [value, {"cell_type": "code", "source": value, "outputs": [value]}], "metadata": value},
    ):
        try:
            texts = [record.text for record in read(folder, book, Notebook(outputs=10))]
        except BadRecord:
            continue
        assert all(text.strip() and text.encode() for text in texts)
