"""`hornbook advise`: every line says what it is worth, one command follows."""

import json
from pathlib import Path

import pytest

from hornbook.cli import main


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str, object]:
    with pytest.raises(SystemExit) as end:
        main(["advise", *words])
    out, err = capsys.readouterr()
    return out, err, end.value.code


def test_advice_is_marked_lines_and_a_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("BOOK.txt").write_text("x")
    out, _, code = told(capsys, "text classification", "BOOK.txt")
    assert code in (0, None)
    lines = [line for line in out.splitlines() if "\t" in line]
    assert lines and all(line.split("\t")[0] in ("rule of thumb", "published") for line in lines)
    assert "Recommended: masked" in out and "hornbook transfer runs/masked TRAIN --test TEST" in out
    found = json.loads(told(capsys, "classify", "--json")[0])
    assert found["objective"] == "masked" and {line["mark"] for line in found["lines"]} <= {
        "rule of thumb",
        "published",
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch"], "Advice is given for:"),
        (["tag", "x.txt", "--train", "a.tsv"], "add --pilot"),
        (["generation", "--pilot"], "trains on your text"),
        (["tag", "nosuch.txt"], "nosuch.txt"),
        (["tag", "--minutes", "inf"], "minutes must be above 0"),
    ],
)
def test_what_cannot_be_advised_is_one_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, err, code = told(capsys, *words)
    assert code == 2 and said in err and "Traceback" not in err
