"""The reader's copies: notebooks and scripts without solutions, the same bytes each time, that open and run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hornbook.course import Chapter, chapters, export
from hornbook.course.build import notebook, notebook_text
from hornbook.course.cells import Cell, parse
from hornbook.errors import UserError

CHAPTERS = pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.name)


def test_every_chapter_is_written_twice_and_equally(tmp_path: Path) -> None:
    files = export(tmp_path / "a")
    assert {path.name for path in files} >= {f"{one.name}.{end}" for one in chapters() for end in ("ipynb", "py")}
    for path, again in zip(files, export(tmp_path / "b"), strict=True):
        assert path.name == again.name and path.read_bytes() == again.read_bytes()


def test_what_the_reader_worked_in_stays(tmp_path: Path) -> None:
    files = export(tmp_path)
    assert export(tmp_path) == files
    files[0].unlink()
    files[3].write_text("my work")
    with pytest.raises(UserError, match=f"{files[3].name} is there and has other content"):
        export(tmp_path)
    assert files[3].read_text() == "my work" and not files[0].exists()


@CHAPTERS
def test_no_solution_is_in_it(chapter: Chapter, tmp_path: Path) -> None:
    text = notebook_text(chapter)
    assert "# solution" not in text
    sources = ["".join(cell["source"]) for cell in json.loads(text)["cells"]]
    for cell in chapter.exercises:
        assert cell.asked in sources
        solution = cell.source.split("# solution\n")[1].splitlines()[:-1]
        assert not any(set(solution) <= set(source.splitlines()) for source in sources)


@CHAPTERS
def test_it_is_a_notebook_of_format_4_5(chapter: Chapter) -> None:
    found = notebook(chapter)
    ids = [cell["id"] for cell in found["cells"]]
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in ids)
    for cell in found["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | code
        if code:
            compile("".join(cell["source"]), cell["id"], "exec")


@CHAPTERS
def test_nbformat_opens_it(chapter: Chapter) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install nbformat")
    nbformat.validate(nbformat.reads(notebook_text(chapter), as_version=4))


def test_a_picture_of_the_text_becomes_code_that_prints_it() -> None:
    chapter = Chapter(
        1, "01_x", Path(), (Cell("markdown", "# 1 X\n\n:::corrupt kind=masked rate=0.3 whole_words=True"),)
    )
    sources = ["".join(cell["source"]) for cell in notebook(chapter)["cells"]]
    assert sources[1].endswith('picture("masked", rate=0.3, whole_words=True)')


def test_a_script_runs_and_waits_for_answers(tmp_path: Path) -> None:
    export(tmp_path)
    script = tmp_path / "08_numbers.py"
    parse(script.read_text(encoding="utf-8"), script.name)
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.count("not answered yet") == 7
    assert not (tmp_path / "course").exists()
