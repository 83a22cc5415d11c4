"""`hornbook course`: the list, a chapter that runs here, answers, the quiz; what is wrong is one sentence."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from hornbook.cli import main
from hornbook.course import questions


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str, object]:
    with pytest.raises(SystemExit) as end:
        main(["course", *words])
    out, err = capsys.readouterr()
    return out, err, end.value.code


def test_the_list_counts_what_is_solved(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "check", "8.1", "24.5325")[2] == 0
    rows = json.loads(told(capsys, "list", "--json")[0])
    assert [row["number"] for row in rows] == list(range(11))
    assert [row["solved"] for row in rows] == [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert "8\tNumbers\t45 minutes. Nothing is trained.\t1 of 7\t" in told(capsys, "list")[0]


def test_an_answer_is_checked_and_the_exit_code_says_it(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    out, _, code = told(capsys, "check", "8.1", "4.6166")
    assert code == 1 and out.startswith("Exercise 8.1: not yet. That is the loss in bits")
    assert told(capsys, "check", "8.7", "bits", "per", "byte")[2] == 0
    assert told(capsys, "check", "8.1", "-3")[2] == 1
    assert json.loads(told(capsys, "check", "8.1", "24.5325", "--json")[0])["right"] is True
    kept = json.loads((folder / "course" / "progress.json").read_text())
    assert kept == {"exercises": {"8.1": True, "8.7": True}}


def test_a_chapter_runs_here_with_its_pictures_and_waits_for_answers(capfd: pytest.CaptureFixture[str]) -> None:
    Path("mine.txt").write_text("Seven green frogs sing tonight. " * 30, encoding="utf-8")
    out, _, code = told(capfd, "run", "8", "--text", "mine.txt")
    assert code == 0 and "# 8 Numbers" in out and "loss 2.4249 nats per token" in out
    assert out.index("# Document A has 10 tokens") < out.index("Exercise 8.5: not answered yet")
    assert "characters   960 tokens" in out
    assert "Exercise 8.1: right" in told(capfd, "run", "8", "--solutions")[0]
    assert not Path("course").exists()


def test_the_readers_copies_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    out, _, code = told(capsys, "export", "notebooks")
    names = [Path(line).name for line in out.splitlines()]
    assert code == 0 and len(names) == 23 and {"00_a_model.ipynb", "10_your_comparison.py", "quiz.md"} <= set(names)
    assert all(question.question in Path("notebooks/quiz.md").read_text() for question in questions())
    assert not any(question.why in Path("notebooks/quiz.md").read_text() for question in questions())


def test_the_quiz_is_asked_on_the_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = questions()[:2]
    letter = "ABCD"[first.options.index(first.right)]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{letter}\nZ\n"))
    out, _, code = told(capsys, "quiz")
    assert code == 0 and first.question in out and f"Right. {first.why}" in out
    assert "Question 2 has no option 'Z': choose from A, B, C, D." in out and "1 of 12 right." in out
    assert f"Not right: it is {letter}" in told(capsys, "quiz", "1", "ABCD".replace(letter, "")[0])[0]
    assert second.question in told(capsys, "quiz", "2")[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "12"], "There is no chapter 12. Choose from 0 (A model in front of you), 1"),
        (["run", "8", "--text", "none.txt"], "The text none.txt cannot be read (No such file or directory)."),
        (["check", "8.9", "1"], "There is no exercise 8.9."),
        (["check", "8.1", "24,5"], "'24,5' is no number: write it as 24.5"),
        (["quiz", "13", "A"], "There is no question 13: choose 1 to 12."),
        (["quiz", "13"], "There is no question 13: choose 1 to 12."),
        (["--text", "none.txt", "--no-browser"], "The text none.txt cannot be read"),
        (["--port", "99999999"], "--port must be"),
        (["export", "taken"], "taken"),
    ],
)
def test_what_is_wrong_is_one_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("taken").write_text("a file")
    out, err, code = told(capsys, *words)
    assert code == 2 and not out and said in err and "Traceback" not in err and len(err.strip().splitlines()) == 1
