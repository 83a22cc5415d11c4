"""Samples while training: they leave no trace in it, say what the trained model would, and go on after a crash."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from stories import assert_same, result_of, story

import hornbook
from hornbook.corpus.document import Document, document_hash
from hornbook.generate import samples
from hornbook.generate.text import GAP
from hornbook.prepare.dataset import open_prepared
from hornbook.recipes import settings
from hornbook.recipes.named import default
from hornbook.run.pretrain import pretrain, resume
from hornbook.train.metrics import read_metrics

SMALL = [
    "data.clean=none", "budget.steps=6", "model.width=64", "model.layers=1", "model.heads=2", "model.max_length=64",
    "model.dropout=0.1", "training.batch_rows=8", "training.compile=no", "training.evaluate_every=2",
    "training.evaluate_tokens=300", "tokenizer.size=400",
]  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(story(2400), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def at_each_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let samples cost so little that they are due at each measurement of a run of a few steps."""
    monkeypatch.setattr(samples, "_PASS", {"cpu": 1e-6})


def train(book: Path, objective: str, directory: Path, *more: str) -> hornbook.Run:
    pretrain(settings.override(default(objective), [f"data.paths={book}", *SMALL, *more]), directory, plain=True)
    return hornbook.load(directory)


def told(run: hornbook.Run) -> list[dict[str, object]]:
    """Return what a run wrote but for the clock's times."""
    return [{name: value for name, value in record.items() if name != "time"} for record in run.samples()]


def measured(run: hornbook.Run) -> list[dict[str, object]]:
    numbers = ("step", "kind", "loss", "gradient_norm", "scored", "positions", "padding")
    return [{name: record.get(name) for name in numbers} for record in run.metrics()]


@pytest.mark.parametrize(
    ("objective", "precision"),
    [("causal", "bf16"), ("masked", "fp32"), pytest.param("span", "bf16", marks=pytest.mark.slow)],
)
def test_samples_change_no_bit_of_training(objective: str, precision: str, book: Path, tmp_path: Path) -> None:
    with_them = train(book, objective, tmp_path / "on", f"training.precision={precision}")
    without = train(book, objective, tmp_path / "off", f"training.precision={precision}", "training.samples=0")
    assert_same(tmp_path / "on", tmp_path / "off")
    assert measured(with_them) == measured(without)
    assert result_of(tmp_path / "on") == result_of(tmp_path / "off")
    assert [(record["step"], record["text"]) for record in with_them.samples()] == [
        (step, text) for step in (2, 4, 6) for text in (0, 1, 2)
    ]
    assert without.samples() == [] and not (tmp_path / "off" / "samples.jsonl").exists()


def test_a_run_that_is_killed_and_goes_on_has_the_samples_of_one_that_was_not(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = train(book, "causal", tmp_path / "whole", "training.checkpoint_minutes=1e-9", "training.keep_checkpoints=9")
    capsys.readouterr()
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    for checkpoint in sorted((tmp_path / "cut" / "checkpoints").glob("step-*"))[3:]:
        shutil.rmtree(checkpoint)
    (tmp_path / "cut" / "result.json").unlink()
    path = tmp_path / "cut" / "samples.jsonl"
    path.write_bytes(path.read_bytes()[:-40])  # torn in the last line, of a step that is done again
    assert len(read_metrics(path)) == 8
    resume(tmp_path / "cut", plain=True)
    again = hornbook.load(tmp_path / "cut")
    assert_same(tmp_path / "whole", tmp_path / "cut")
    assert told(again) == told(whole) and measured(again) == measured(whole)
    assert (tmp_path / "cut" / "samples.damaged").read_text().startswith('{"kind": "sample"')
    said = capsys.readouterr()
    assert "1 lines of samples.jsonl are damaged" in said.out + said.err
    assert "sample: " in said.out + said.err and "-> step 2: " in said.out + said.err


def test_the_last_sample_is_what_the_trained_model_writes(book: Path, tmp_path: Path) -> None:
    run = train(book, "causal", tmp_path / "run", "seed=3")
    last = [record for record in run.samples() if record["step"] == 6]
    asked = [record["asked"] for record in last]
    tokens = 64 - max(len(ids) for ids in run.tokenizer.encode(asked)) - 1  # what the model has room for
    assert [record["asked"] + record["said"] for record in last] == run.generate(asked, tokens=tokens, seed=3)
    assert {record["way"] for record in last} == {"continuation"} and {record["seed"] for record in last} == {3}


def test_the_texts_begin_documents_that_are_held_out_and_depend_on_the_seed(book: Path, tmp_path: Path) -> None:
    run = train(book, "causal", tmp_path / "run")
    prepared = open_prepared(run.recipe, run.directory)
    held_out = [
        prepared.tokenizer.decode(prepared.store.passage(number, 0, 10**6)) for number in prepared.held_out_documents
    ]
    asked = [record["asked"] for record in run.samples()[:3]]
    assert len(set(asked)) == 3 and all(any(text.startswith(start) for text in held_out) for start in asked)
    hashes = {document_hash(Document(text, "", "")) for text in held_out}
    assert hashes == set(prepared.store.hashes[prepared.held_out_documents].tolist())
    (way,) = prepared.objective.prompting
    of_seeds = {samples.texts(prepared, way, settings.override(run.recipe, [f"seed={seed}"]), 1) for seed in range(9)}
    assert len(of_seeds) > 1
    many = samples.texts(prepared, way, run.recipe, 9)  # more than there are documents
    assert len(set(many)) == 9 > len(held_out) and many[:3] == tuple(asked)


WAYS = {
    "prefix": "continuation", "fim": "continuation", "diffusion": "unmask", "bart": "rewrite", "joined": "sentinels",
    "ul2": "sentinels", "nsp": "masks",
}  # fmt: skip


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in ("diffusion", "bart") else pytest.mark.slow) for kind in WAYS]
)
def test_every_objective_is_asked_in_its_own_way(kind: str, book: Path, tmp_path: Path) -> None:
    run = train(book, kind, tmp_path / "run", "budget.steps=2")
    found = run.samples()
    assert [record["way"] for record in found] == [WAYS[kind]] * 3
    for record in found:
        gaps = len(GAP.findall(record["asked"]))
        assert gaps == {"continuation": 0, "unmask": 1}.get(WAYS[kind], 2)
        said = record["said"]  # a character that bytes do not make is three of them when it is read again
        assert "\ufffd" in said or len(run.tokenizer.encode([said])[0]) <= 70
        assert WAYS[kind] != "masks" or record["said"].count("%") == 6  # three candidates of two gaps


def test_a_model_that_detects_replaced_tokens_says_nothing(book: Path, tmp_path: Path) -> None:
    assert train(book, "replaced", tmp_path / "run", "budget.steps=2").samples() == []


def test_rows_that_have_no_room_for_a_text_are_said_to_have_none(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(book, "causal", tmp_path / "run", "budget.steps=1", "model.max_length=4")
    assert run.samples() == [] and "no samples while training: the rows" in capsys.readouterr().out


def test_predictions_that_are_not_finite_are_said_and_stop_no_training(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = samples.Samples.write

    def spoiled(self: samples.Samples, step: int) -> None:
        with torch.no_grad():
            weight = next(self.model.model.parameters())
            kept = weight.clone()
            weight.mul_(torch.inf)
            write(self, step)
            weight.copy_(kept)

    monkeypatch.setattr(samples.Samples, "write", spoiled)
    run = train(book, "causal", tmp_path / "run", "budget.steps=2")
    assert run.samples() == [] and run.result is not None
    assert "no samples at step 2: The model's predictions are not finite" in capsys.readouterr().out


def test_samples_may_be_switched_off_when_a_run_goes_on(book: Path, tmp_path: Path) -> None:
    whole = train(book, "causal", tmp_path / "run", "training.checkpoint_minutes=1e-9", "training.keep_checkpoints=9")
    for checkpoint in sorted((tmp_path / "run" / "checkpoints").glob("step-*"))[3:]:
        shutil.rmtree(checkpoint)
    (tmp_path / "run" / "result.json").unlink()
    first = told(whole)[:3]
    resume(tmp_path / "run", ["training.samples=0"], plain=True)
    assert told(hornbook.load(tmp_path / "run"))[:3] == first
