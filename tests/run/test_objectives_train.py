"""Objectives beside causal, masked and span through the whole path: they train, repeat, and resume bit for bit."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import torch

from hornbook.cli import tables as presentation
from hornbook.errors import UserError
from hornbook.generate import Decoding
from hornbook.generate.infill import fill_text
from hornbook.generate.text import generate_text
from hornbook.objectives.base import continuation
from hornbook.recipes import settings
from hornbook.recipes.named import default
from hornbook.run.directory import OpenRun, open_run
from hornbook.run.export import export
from hornbook.run.measure import evaluate
from hornbook.run.pretrain import pretrain, resume
from hornbook.train.checkpoints import newest

KINDS = {
    "prefix": [],
    "prefix-sides": ["objective.topology=encoder-decoder"],
    "fim": [],
    "masked": ["objective.style=whole_word", "objective.rate=0.3", "objective.final_rate=0.15"],
    "diffusion": [],
    "replaced": [],
    "bart": [],
    "ul2": ["objective.sequential=split"],
    "joined": ["objective.objective.kind=ul2r", "objective.objective.modes="],
    "mixture": ["objective.objectives=span,bart", "objective.weights=2,1"],
    "nsp": ["objective.objective.rate=0.3"],
    "sop": [],
}
PAIRS = ("nsp", "sop")
# What bits per byte are of models that are not asked from left to right.
KIND_OF_BITS = dict.fromkeys(("masked", "diffusion", "nsp", "sop"), "bound") | {"replaced": None}
SMALL = [
    "data.clean=none",
    "budget.steps=6",
    "model.width=64",
    "model.layers=1",
    "model.heads=2",
    "model.max_length=64",
    "model.dropout=0.1",
    "training.batch_rows=8",
    "training.micro_batch=4",
    "training.precision=fp32",
    "training.compile=no",
    "training.evaluate_every=100",
    "training.evaluate_tokens=500",
    "training.checkpoint_minutes=0.000001",
    "training.keep_checkpoints=10",
    "tokenizer.size=400",
]


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    lines = [
        f"The {who} {does} {what}." for who in ("cat", "dog", "king") for does in ("sees", "eats") for what in "abcde"
    ]
    path.write_text("\n\n".join(" ".join(lines[start:] + lines[:start]) for start in range(60)), encoding="utf-8")
    return path


def state(directory: Path) -> dict[str, torch.Tensor]:
    found = newest(directory / "checkpoints", pytest.fail)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("name", KINDS)
def test_an_objective_trains_is_measured_and_resumes_bit_for_bit(name, book, tmp_path, capsys):
    recipe = settings.override(default(name.partition("-")[0]), [f"data.paths={book}", *SMALL, *KINDS[name]])
    found = pretrain(recipe, tmp_path / "run", plain=True)
    assert (found.pair_accuracy is not None) == (name in PAIRS)
    assert found.loss > 0 and found.unigram > 0 and found.targets > 0
    assert found.bigram is None, "not every token is said once, in order"
    bits = found.number("bits per byte")
    assert (None if bits is None else bits.kind) == KIND_OF_BITS.get(name, "exact")
    assert (bits is None) == any("There are no bits per byte" in note for note in found.notes)
    shutil.copytree(tmp_path / "run", tmp_path / "cut")
    for checkpoint in sorted((tmp_path / "cut" / "checkpoints").glob("step-*"))[2:]:
        shutil.rmtree(checkpoint)
    (tmp_path / "cut" / "result.json").unlink()
    again = resume(tmp_path / "cut", plain=True)
    assert again == found
    one, other = state(tmp_path / "run"), state(tmp_path / "cut")
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    run = open_run(tmp_path / "run")
    assert evaluate(run) == found
    capsys.readouterr()
    presentation.trained(run.recipe, tmp_path)
    uses_are(set(re.findall(r"hornbook (generate|fill|export|evaluate)", capsys.readouterr().out)), run, tmp_path)


def uses_are(told: set[str], run: OpenRun, directory: Path) -> None:
    """Check that what the end of a run tells the user to do can be done, and that what it leaves out is refused."""
    assert told
    if "generate" in told:
        form = continuation(run.recipe.objective, run.tokenizer.vocab)
        (text,) = generate_text(run, ["The king"], Decoding(max_new=3))
        assert text.startswith("The king") or (form is not None and form.kind == "rewrite")
    if "fill" in told:
        assert len(fill_text(run, "The ___ sees ___.").gaps) == 2
    elif "generate" in told:
        with pytest.raises(UserError, match="fills no gaps"):
            fill_text(run, "The ___ sees ___.")
    else:
        with pytest.raises(UserError):
            fill_text(run, "The ___ sees ___.")
    if "export" in told:
        assert export(run, directory / "export").is_dir()
    else:
        with pytest.raises(UserError):
            export(run, directory / "export")
        assert not (directory / "export").exists()


@pytest.mark.parametrize(("name", "rows"), [("nsp", 16), ("masked", 32)])
def test_a_step_of_pairs_reads_half_as_much(name, rows, book, tmp_path):
    open_rows = [setting for setting in SMALL if not setting.startswith(("training.batch", "training.micro"))]
    given = [f"data.paths={book}", *open_rows, "model.max_length=128", "budget.steps=1"]
    pretrain(settings.override(default(name), given), tmp_path, plain=True)
    assert settings.load_recipe(tmp_path / "recipe.toml").training.batch_rows == rows


@pytest.mark.parametrize("name", [*PAIRS, "masked"])
def test_gaps_are_filled_between_the_marks_that_training_had(name, book, tmp_path, monkeypatch):
    recipe = settings.override(default(name), [f"data.paths={book}", *SMALL, "budget.steps=1"])
    pretrain(recipe, tmp_path, plain=True)
    run = open_run(tmp_path)
    read = []
    monkeypatch.setattr(
        "hornbook.generate.infill.fill", lambda model, ids, mask, top: read.append(ids) or [[(mask, 1.0)]]
    )
    fill_text(run, "The ___ sees a.", length=1)
    vocab = run.tokenizer.vocab
    assert (read[0][0], read[0][-1]) == (vocab.cls, vocab.sep)
