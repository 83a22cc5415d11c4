"""Chapters in processes of their own: what cells say, and what becomes of errors, noise and processes that end."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import psutil
import pytest

from hornbook.course.chapter_list import read_chapter
from hornbook.course.reader import place
from hornbook.course.run import Ran, run_chapter
from hornbook.errors import HornbookError, UserError

_HEAD = "# %% [markdown]\n# # 1 Trial\n\n"


def ran(folder: Path, script: str, **wishes: object) -> list[Ran]:
    path = folder / "01_trial.py"
    path.write_text(_HEAD + script, encoding="utf-8")
    return list(run_chapter(read_chapter(path), folder=folder, **wishes))  # type: ignore[arg-type]


def test_cells_share_names_and_their_parts_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    found = ran(
        tmp_path,
        "# %%\nimport os\nos.write(1, b'noise')\nfrom hornbook.course import here\nx = 3\n\n"
        "# %%\nprint(x)\nwith here():\n    print('here')\nprint(os.environ['OMP_NUM_THREADS'])\n",
    )
    assert found == [Ran(1, ()), Ran(2, ({"text": "3\n"}, {"here": "here\n"}, {"text": "1\n"}))]
    assert found[1].text == "3\nhere\n1\n"


def test_a_drawing_stands_behind_its_numbers(tmp_path: Path) -> None:
    (found,) = ran(
        tmp_path,
        "# %%\nfrom hornbook.charts.chart import Chart, Series\nfrom hornbook.charts.scales import Axis\n"
        "from hornbook.course import draw\n"
        "draw(Chart('Title', 'Caption.', Axis('x'), Axis('y'), (Series('a', [1, 2], [3, 4]),)))\n",
    )
    numbers, drawing = found.said
    assert numbers["text"].startswith("Title\nseries  x  y\na       1  3\n")
    assert drawing["svg"].startswith("<svg") and drawing["caption"] == "Title. Caption."


def test_texts_and_numbers_of_the_reader_come_as_options(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("My words.", encoding="utf-8")
    code = "# %%\nfrom hornbook.course import corpus, text, wish\nprint(text(), wish('seeds', 1), wish('width', 32))\n"
    (found,) = ran(tmp_path, code, text=tmp_path / "mine.txt", wishes={"seeds": 3})
    assert found.text == "My words. 3.0 32\n"
    with pytest.raises(UserError, match=r"^The text .*none\.txt cannot be read"):
        ran(tmp_path, code, text=tmp_path / "none.txt")


def test_solutions_run_only_if_asked_for_and_are_no_progress_of_the_reader(tmp_path: Path) -> None:
    code = '# %%\nfrom hornbook.course import check\n\n# %% exercise 8.1\n# solution\nx = 24.5325\ncheck("8.1", x)\n'
    assert "not answered yet" in ran(tmp_path, code)[1].text
    assert "right" in ran(tmp_path, code, solutions=True)[1].text
    assert not (tmp_path / "course").exists()


@pytest.mark.parametrize(
    ("code", "kind", "told"),
    [
        ("raise ValueError('so')", HornbookError, r"cell at line 4 of 01_trial\.py: .*ValueError: so"),
        ("from hornbook.errors import UserError\nraise UserError('Do this.')", UserError, "line 4 .*: Do this"),
        ("import os\nos._exit(7)", HornbookError, "ended with exit code 7"),
    ],
)
def test_an_error_names_its_cell(tmp_path: Path, code: str, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        ran(tmp_path, f"# %%\n{code}\n\n# %%\nprint('never')\n")


@pytest.mark.parametrize("interrupted", [True, False])
def test_a_chapter_that_is_stopped_shows_no_traceback(
    interrupted: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = "# %%\nimport os, signal, time\nfrom hornbook.errors import UserError\n"
    if interrupted:  # as by Ctrl-C, which reaches both processes
        with pytest.raises(HornbookError, match="ended with exit code 1"):
            ran(tmp_path, f"{code}os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n")
    else:  # the reader goes, and the cell ends in a sentence that nobody reads, as a training does
        stops = "def stop(*_):\n    raise UserError('Stopped.')\n\nsignal.signal(signal.SIGTERM, stop)\n"
        path = tmp_path / "01_trial.py"
        sleeps = "open('asleep', 'w').close()\ntime.sleep(60)\n"
        path.write_text(f"{_HEAD}# %%\nprint('begun')\n\n{code}{stops}{sleeps}", encoding="utf-8")
        chapter = run_chapter(read_chapter(path), folder=tmp_path)
        assert next(chapter).text == "begun\n"
        until = time.monotonic() + 30
        while not (tmp_path / "asleep").exists() and time.monotonic() < until:
            time.sleep(0.02)
        chapter.close()  # type: ignore[attr-defined]
    assert "Traceback" not in capfd.readouterr().err


def test_a_reader_who_goes_ends_the_process(tmp_path: Path) -> None:
    path = tmp_path / "01_trial.py"
    path.write_text(f"{_HEAD}# %%\nimport os\nprint(os.getpid())\n\n# %%\nimport time\ntime.sleep(60)\n")
    start = time.monotonic()
    with contextlib.closing(run_chapter(read_chapter(path), folder=tmp_path)) as cells:  # type: ignore[type-var]
        number = int(next(cells).text)
        assert psutil.pid_exists(number)
    assert not psutil.pid_exists(number) and time.monotonic() - start < 30


def test_a_place_is_empty_unless_it_is_to_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = place("a", keep=True)
    (kept / "x").write_text("x")
    assert place("a", keep=True) == kept and (kept / "x").exists()
    assert place("a") == kept and not kept.exists() and kept.parent.is_dir()
