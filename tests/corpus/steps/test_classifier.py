"""Classifiers of documents and lists of words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pages import page_of
from typer import Typer
from typer.testing import CliRunner

from hornbook.cli.corpus import train_classifier as command
from hornbook.corpus.steps.classifier import Classifier, Scored, train_classifier
from hornbook.corpus.steps.toxicity import BadWords
from hornbook.errors import UserError

SEA = [f"the boat number {n} sailed over the quiet sea to harbour {n * 7}" for n in range(40)]
LAND = [f"the cart number {n} rolled over the dusty road to market {n * 5}" for n in range(30)]
NEW = ["the boat sailed over the quiet sea", "the cart rolled over the dusty road", "", "something else"]


@pytest.mark.parametrize("features", ["words", "characters"])
def test_it_tells_the_piles_apart(features: str, tmp_path: Path) -> None:
    classifier = train_classifier(SEA, LAND, features=features)  # type: ignore[arg-type]
    scores = classifier.scores(NEW)
    assert scores[0] > 0.6 > 0.4 > scores[1]
    assert classifier.scores([]).shape == (0,)
    assert [classifier.scores([text])[0] for text in NEW] == scores.tolist()
    again = train_classifier(SEA, LAND, features=features)  # type: ignore[arg-type]
    classifier.save(tmp_path / "one")
    again.save(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_another_process_gives_the_same_scores(tmp_path: Path) -> None:
    path = tmp_path / "sea.safetensors"
    train_classifier(SEA, LAND).save(path)
    code = (
        "import sys; from pathlib import Path; from hornbook.corpus.steps.classifier import Classifier\n"
        "print(Classifier.load(Path(sys.argv[1])).scores(sys.argv[2:]).tolist())"
    )
    other = subprocess.run([sys.executable, "-c", code, str(path), *NEW], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == str(Classifier.load(path).scores(NEW).tolist())


def test_scores_are_kept_and_limits_drop(tmp_path: Path) -> None:
    path = tmp_path / "sea"
    train_classifier(SEA, LAND).save(path)
    verdicts = Scored(str(path))(page_of(NEW))
    assert set(verdicts.reasons) == {""} and all("quality" in meta for meta in verdicts.metas or ())
    assert list(Scored(str(path), min_score=0.6)(page_of(NEW[:2])).reasons) == ["", "quality: score too low"]
    toxic = Scored(str(path), field="toxicity", max_score=0.6)
    assert list(toxic(page_of(NEW[:2])).reasons) == ["toxicity: score too high", ""]
    train_classifier(LAND, SEA).save(path)
    assert list(toxic(page_of(NEW[:2])).reasons) == ["", "toxicity: score too high"]


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "sea"
    with pytest.raises(UserError, match="no classifier"):
        Scored(str(path))(page_of(NEW))
    train_classifier(SEA, LAND).save(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UserError, match="damaged"):
        Classifier.load(path)
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(1)}, str(path))
    with pytest.raises(UserError, match="not a classifier"):
        Classifier.load(path)
    with pytest.raises(UserError, match="negative"):
        train_classifier(SEA, [" "])
    with pytest.raises(UserError, match="is above"):
        Scored("x", min_score=0.9, max_score=0.1)


def test_the_command_trains_and_says_how_well(tmp_path: Path) -> None:
    for name, texts in (("sea", SEA), ("land", LAND)):
        (tmp_path / f"{name}.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in texts))
    app = Typer()
    app.command("train-classifier")(command)
    out = tmp_path / "out"
    given = [str(tmp_path / "sea.jsonl"), "--against", str(tmp_path / "land.jsonl"), "--out", str(out)]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    assert "40 positive and 30 negative texts" in result.output
    assert Classifier.load(out).scores(NEW).tolist() == train_classifier(SEA, LAND).scores(NEW).tolist()


def test_words_of_a_list(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# a comment\n\nDarn\nvery rude\nc++\n悪い\n", encoding="utf-8")
    texts = [
        "Darn!",
        "darned",
        "It is VERY RUDE.",
        "very rudely",
        "I write c++, well",
        "これは悪いです",
        "fine",
        "darn c++",
    ]
    verdicts = BadWords(str(path))(page_of(texts))
    assert [meta["bad_words"] for meta in verdicts.metas or ()] == [1, 0, 1, 0, 1, 1, 0, 2]
    assert [bool(reason) for reason in verdicts.reasons] == [True, False, True, False, True, True, False, True]
    assert sum(map(bool, BadWords(str(path), max_words=1)(page_of(texts)).reasons)) == 1
    path.write_text("# nothing\n")
    with pytest.raises(UserError, match="empty"):
        BadWords(str(path))(page_of(texts))
    with pytest.raises(UserError, match="cannot be read"):
        BadWords(str(tmp_path / "absent"))(page_of(texts))
