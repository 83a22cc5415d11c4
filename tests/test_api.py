"""The front door: `import hornbook as hb` does what the command line does, and loads torch only for a model."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import small_models
from small_models import SMALL_RUN

import hornbook as hb
from hornbook.cli import program as cli
from hornbook.errors import UserError

LIGHT = """
import sys, hornbook as hb
assert "numpy" not in sys.modules and not [name for name in sys.modules if name.startswith("hornbook.")]
hb.objective("span", density=0.3), hb.recipe("bert", minutes=1), hb.Recipe(), hb.objectives
heavy = {"torch", "transformers", "tokenizers", "rich", "typer", "daft"} & set(sys.modules)
assert not heavy, heavy
assert set(hb.__all__) <= set(dir(hb)) and hb.Run
try:
    hb.nothing
except AttributeError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(small_models.book(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def masked(book: Path, tmp_path_factory: pytest.TempPathFactory) -> hb.Run:
    out = tmp_path_factory.mktemp("runs") / "masked"
    return hb.pretrain(book, objective="masked", steps=4, out=out, settings=SMALL_RUN, plain=True)


def test_nothing_heavy_is_loaded_before_a_model_is_needed() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True)
    assert (done.stderr, done.stdout) == ("", "module 'hornbook' has no attribute 'nothing'\n")


def test_a_run_has_all_that_belongs_to_it(masked: hb.Run) -> None:
    assert masked.result is not None and masked.result.loss > 0 and masked.step == 4
    assert [record["step"] for record in masked.metrics() if record["kind"] == "train"] == [1, 2, 3, 4]
    assert masked.recipe.model.width == 32 and masked.recipe.budget.steps == 4
    assert masked.tokenizer.vocab.size <= 400 and sum(value.numel() for value in masked.model.parameters()) > 10_000
    assert masked.evaluate() == masked.result


def test_a_run_that_lost_its_result_is_resumed_to_the_same_end(masked: hb.Run, tmp_path: Path) -> None:
    cut = Path(shutil.copytree(masked.directory, tmp_path / "cut"))
    (cut / "result.json").unlink()
    assert hb.load(cut).result is None
    assert hb.load(cut).resume(plain=True).result == masked.result
    with pytest.raises(UserError, match="keeps its settings"):
        hb.load(cut).resume({"seed": 3})


def test_a_run_fills_shows_and_is_exported(masked: hb.Run, tmp_path: Path) -> None:
    filled = masked.fill("The ___ sees the ___.", top=3)
    assert [len(gap.candidates) for gap in filled.gaps] == [3, 3]
    assert filled.text == f"The {filled.gaps[0].best} sees the {filled.gaps[1].best}."
    tokens = masked.fill("The ___ sees.", top=2, length=2)
    assert [len(gap.candidates) for gap in tokens.gaps] == [2, 2]
    assert "<table" in filled._repr_html_() and "<table" in masked.result._repr_html_()
    shown = masked.show("The cat sees the a.")
    assert shown.sides[0].name == "encoder" and "<table" in shown._repr_html_()
    with pytest.raises(UserError, match="fills gaps and continues no text"):
        masked.generate("The cat")
    folder = masked.export(tmp_path / "there")
    there = hb.load(folder)
    assert there.fill("The ___ sees the a.").text == masked.fill("The ___ sees the a.").text
    assert there.result is None and there.metrics() == [] and there.step == 0


def test_a_run_answers_tasks_and_keeps_a_record_of_every_item(
    masked: hb.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = tmp_path / "pairs.jsonl"
    pair = {"sentence_good": "The king sees a house.", "sentence_bad": "The king see a house.", "UID": "agreement"}
    task.write_text(f"{json.dumps(pair)}\n" * 3)
    found = masked.answer(task)
    assert (found.header["way"], found.header["kind"], found.header["items"]) == ("pll-word", "pseudo", 3)
    kept = masked.directory / "evaluations" / "pairs.pll-word.jsonl"
    assert len(kept.read_text().splitlines()) == 4
    with pytest.raises(SystemExit, match="0"):
        cli.main(["evaluate", str(masked.directory), "--task", str(task), "--way", "bound", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told[0]["way"], told[0]["trained"], told[0]["numbers"][0]["name"]) == ("bound", False, "acc")
    with pytest.raises(SystemExit, match="0"):
        cli.main(["evaluate", str(masked.directory), "--task", str(task)])
    assert "pairs, 3 items, by pll-word (pseudo)" in capsys.readouterr().out
    header = found.header
    assert header["model"] == masked.directory.name and header["step"] == masked.step and header["trained"]
    assert (len(header["checkpoint"]), len(header["data"])) == (16, 64) and "torch" in header["versions"]
    with pytest.raises(UserError, match="can be asked by pll-word, pll, bound, pseudo, not by 'continuation'"):
        masked.answer(task, way="continuation")
    task.write_text(json.dumps({**pair, "sentence_bad": "king " * 500}))
    with pytest.raises(UserError, match="too long to be scored"):
        masked.answer(task)


def test_a_causal_run_goes_on_with_texts(book: Path, tmp_path: Path) -> None:
    run = hb.pretrain(str(book), steps=2, out=tmp_path / "causal", settings=SMALL_RUN, seed=3, plain=True)
    assert run.recipe.seed == 3
    one, several = run.generate("The king", tokens=4), run.generate(["The king", "A"], tokens=4)
    assert one == several[0] and one.startswith("The king") and len(several) == 2
    assert run.generate("The king", tokens=4, beams=2) == run.generate("The king", tokens=4, beams=2)
    plain = {"data.clean": "none"}
    more = hb.pretrain(book, start=run.directory, steps=1, out=tmp_path / "more", settings=plain, plain=True)
    assert more.recipe.start.path == str(run.directory) and more.recipe.model.width == 32
    assert hb.load(run.directory).evaluate(book).text_bytes == book.stat().st_size


def test_a_recipe_is_what_the_command_line_makes_of_the_same_wishes(tmp_path: Path) -> None:
    from hornbook.cli.request import plan

    wish = ["notes.txt", "training.learning_rate=0.001", "model.width=256", "model.layers=4", "model.heads=4"]
    said = plan(wish, "nsp", "bert", {"minutes": 5.0}, 7)
    sizes = {"training.learning_rate": 1e-3, "model.width": 256, "model.layers": 4, "model.heads": 4}
    assert hb.recipe("bert", text="notes.txt", objective="nsp", minutes=5, seed=7, settings=sizes) == said
    own = hb.recipe(objective=hb.objective("span", density=0.3), steps=10)
    assert (own.objective.density, own.model.topology, own.budget.steps) == (0.3, "encoder-decoder", 10)
    assert hb.recipe(own) == own
    assert hb.recipe(objective=hb.objective("prefix", topology="encoder-decoder")).model.topology == "encoder-decoder"
    given = {"mix.rule": "explicit", "mix.weights": ["a=1", "b=2"], "objective.static": 3}
    mixed = hb.recipe(objective="masked", settings=given)
    assert (mixed.mix.weights, mixed.objective.static) == (("a=1", "b=2"), 3)


def test_wishes_that_cannot_be_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a recipe or a base model, not both"):
        hb.recipe("bert", start="runs/x")
    with pytest.raises(UserError, match="no run and no Hugging Face model"):
        hb.load(tmp_path)
    with pytest.raises(UserError, match=r"Did you mean 'training\.learning_rate'"):
        hb.recipe(settings={"training.learningrate": 1})
    with pytest.raises(UserError, match="Did you mean 'masked'"):
        hb.objective("maskd")
