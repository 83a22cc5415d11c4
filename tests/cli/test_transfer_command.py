"""`hornbook transfer` and `hornbook predict`: what they print, what scripts read, what they refuse."""

from __future__ import annotations

import io
import json

import pytest
from transfer_runs import base, file, records

from hornbook import cli

QUICK = ["transfer.epochs=1", "transfer.rates=1e-3", "training.threads=1", "--plain"]


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    base(folder, "masked")
    file(folder / "train.jsonl", records("classify", 20))
    file(folder / "test.jsonl", records("classify", 6, 1))
    return folder


def test_a_transfer_is_told_read_by_scripts_and_asked(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    given = ("transfer", "masked", "train.jsonl", "--test", "test.jsonl", "--seeds", "1", "--out", "run")
    code, out, err = run(capsys, *given, *QUICK)
    assert code == 0, err
    assert "No --dev: 2 examples of train.jsonl are held out" in out
    assert "accuracy" in out and "majority" in out and "one seed makes no verdict" in out
    assert out.endswith("predict new examples:  hornbook predict run FILE\n")
    code, out, _ = run(capsys, *given[:-1], "run-2", *QUICK, "--json")
    found = json.loads(out)
    assert code == 0 and found["task"] == "classify" and found["numbers"][0]["name"] == "accuracy"
    code, out, _ = run(capsys, "evaluate", "run", "--json")
    assert json.loads(out)["numbers"] == found["numbers"], "the same seed says the same"
    monkeypatch.setattr("sys.stdin", io.StringIO('{"text": "The cat eats."}\n{"text": "The dog sees."}\n'))
    code, out, _ = run(capsys, "predict", "run", "-")
    assert code == 0 and [json.loads(line)["id"] for line in out.splitlines()] == ["1", "2"]
    code, out, _ = run(capsys, "evaluate", "run", "--data", "test.jsonl", "--json")
    numbers = {number["name"]: number["value"] for number in json.loads(out)}
    assert numbers["accuracy"] == found["numbers"][0]["value"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["transfer", "masked"], "Name a model and a file of examples"),
        (["transfer", "masked", "train.jsonl", "--shots", "4,many", "--out", "no"], "--shots has 'many'"),
        (["transfer", "masked", "train.jsonl", "--out", "masked"], "masked already holds"),
        (["transfer", "masked", "train.jsonl", "transfer.rate=1", "--out", "no"], "Did you mean 'transfer.rates'"),
        (["transfer", "--resume", "masked"], "There is no transfer in masked"),
        (["transfer", "masked", "train.jsonl", "--resume", "masked"], "give --resume RUN alone"),
        (["predict", "masked", "test.jsonl"], "was not made by `hornbook transfer`"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments, words, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    code, _, err = run(capsys, *arguments)
    assert code == 2 and words in err and "Traceback" not in err
    assert not (place / "no").exists()
