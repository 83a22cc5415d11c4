"""`hornbook evaluate --task`: several models, shots and wordings by options, and errors that say what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import hornbook as hb
from hornbook.cli import program

QUESTIONS = [
    {"question": f"What is {n}?", "choices": [f"the {n}", f"a {n + 1} or a {n + 2}"], "label": n % 2} for n in range(12)
]
TEXT = "".join(f"The old man and the sea, page {n}: the fish went on, and the man went on.\n" for n in range(300))
TINY = {
    "training.batch_rows": 4, "training.micro_batch": 4, "model.width": 32, "model.layers": 1, "model.heads": 2,
    "model.max_length": 128, "tokenizer.size": 300,
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, of a causal and of a masked model, and a folder of transformers."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "book.txt").write_text(TEXT)
    for kind in ("causal", "masked"):
        run = hb.pretrain(folder / "book.txt", objective=kind, steps=2, out=folder / kind, settings=TINY, plain=True)
    run.export(folder / "there")
    (folder / "task.jsonl").write_text("".join(json.dumps(record) + "\n" for record in QUESTIONS))
    return folder


def said(*words: object, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit, match="0"):
        program.main(["evaluate", *map(str, words)])
    return capsys.readouterr().out


def refused(*words: object, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        program.main(["evaluate", *map(str, words)])
    told = capsys.readouterr().err
    assert told.startswith("hornbook: ") and "Traceback" not in told
    return told.splitlines()[-1]


def test_several_models_make_one_table_and_differences_from_the_first(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [runs / name for name in ("causal", "masked", "there")]
    out = said(*models, "--task", runs / "task.jsonl", "--shots", "0,1", capsys=capsys)
    table, differences = out[out.index("intervals of 95 %") :].splitlines()[:4], out.splitlines()[-4:]
    assert table[0].split("\t") == ["intervals of 95 %", "task", "task 1shot"]
    assert [line.split("\t")[0] for line in table[1:]] == [str(model) for model in models]
    assert "acc_bytes" in table[1] and "by continuation (exact)" in table[1] and "by pll-word (pseudo)" in table[2]
    assert all("unlike scores: pll-word (pseudo) and continuation (exact)" in line for line in differences)
    told: list[dict[str, Any]] = json.loads(said(*models[1:], "--task", runs / "task.jsonl", "--json", capsys=capsys))
    assert [one["model"] for one in told] == ["masked", "there"] and told[0]["difference"] is None
    assert told[1]["difference"]["value"] == 0 and all(one["checkpoint"] for one in told)
    assert told[0]["data"] == told[1]["data"] and told[0]["numbers"] == told[1]["numbers"]
    assert (runs / "causal" / "evaluations" / "task.continuation.1shot.jsonl").is_file()


def test_a_wording_and_a_kind_of_score_are_asked_for_by_option(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = runs / "films.tsv"
    table.write_text("text\tlabel\n" + "".join(f"film {n}\t{n % 2}\n" for n in range(6)))
    wording = ["--template", "{text} It was", "--labels", "0=bad,1=good", "--task", table]
    told = json.loads(said(runs / "masked", *wording, "--way", "bound", "--json", capsys=capsys))[0]
    assert (told["way"], told["trained"], told["prompt"], told["labels"]) == (
        "bound",
        False,
        "{text} It was",
        [" bad", " good"],
    )
    assert told["numbers"][0]["baselines"] == {"always 'good'": 0.5} or told["numbers"][0]["baselines"] == {
        "always 'bad'": 0.5
    }
    out = said(runs / "masked", *wording, "--way", "bound", capsys=capsys)
    assert "films, 6 items, by bound (bound, off its training); intervals of 95 %" in out


def test_what_is_wrong_is_said_in_one_sentence(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    causal, task = runs / "causal", runs / "task.jsonl"
    wrong = {
        "is no model: --task takes runs and folders, and no text": [causal, runs / "book.txt", "--task", task],
        "can be asked by continuation, exact, not by 'pll'": [causal, "--task", task, "--way", "pll"],
        "--shots are whole numbers of at least 0": [causal, "--task", task, "--shots", "1,x"],
        "too few other items for 12 shots": [causal, "--task", task, "--shots", "12"],
        "is a folder: name a task file in it": [causal, "--task", runs],
        "There is no task file": [causal, "--task", runs / "absent.jsonl"],
        "Tasks can be asked like lm-eval, not like 'x'": [causal, "--task", task, "--like", "x"],
        "A pool is for shots": [causal, "--task", task, "--pool", task],
        "--few is for tasks: name one with --task": [causal, "--few"],
        "of 8 shots fit on average into this model's positions": [causal, "--task", task, "--shots", "8"],
    }
    for words, arguments in wrong.items():
        assert words in refused(*arguments, capsys=capsys), words
    long = runs / "long.jsonl"
    long.write_text(json.dumps({**QUESTIONS[0], "choices": ["a", "fish " * 400]}))
    assert "long, item 1: a text of" in refused(causal, "--task", long, capsys=capsys)
    assert not (causal / "evaluations" / "long.continuation.jsonl").exists()
