"""Numbers that are not finite, from the first step of a run to what is done with its model."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from stories import state, story

from hornbook.artifacts import sha256, write_manifest
from hornbook.errors import DivergedError, Notice, UserError
from hornbook.generate import Decoding
from hornbook.generate.infill import fill_text
from hornbook.generate.text import generate_text, stream_text
from hornbook.recipes import settings
from hornbook.recipes.named import default
from hornbook.run.directory import open_run
from hornbook.run.export import export
from hornbook.run.imported import import_folder
from hornbook.run.measure import evaluate
from hornbook.run.pretrain import pretrain, resume
from hornbook.run.reference_loss import bits_per_byte

TINY = [
    "data.clean=none", "budget.steps=3", "model.width=32", "model.layers=1", "model.heads=2", "model.max_length=32",
    "training.batch_rows=4", "training.precision=fp32", "training.compile=no", "training.evaluate_tokens=200",
    "training.checkpoint_minutes=0.00001", "tokenizer.size=300",
]  # fmt: skip
RATES = [f"training.{name}=1e30" for name in ("learning_rate", "muon_learning_rate", "embedding_rate")]
TABLE = "embed.tokens.weight"


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(story(400), encoding="utf-8")
    return path


def recipe(book: Path, objective: str, *more: str):
    return settings.override(default(objective), [f"data.paths={book}", *TINY, *more])


@pytest.fixture(scope="module", params=["causal", "masked"])
def trained(request, book, tmp_path_factory) -> tuple[str, Path]:
    directory = tmp_path_factory.mktemp("runs") / request.param
    pretrain(recipe(book, request.param), directory, plain=True)
    return request.param, directory


def spoil(run: Path, step: int, value: float, name: str = f"model.{TABLE}") -> None:
    """Put a number into a checkpoint, whole as an earlier version would have written it."""
    path = run / "checkpoints" / f"step-{step:08d}" / "state.safetensors"
    tensors = load_file(path)
    tensors[name].fill_(value)
    save_file(tensors, path)
    manifest = json.loads((path.parent / "manifest.json").read_text())
    manifest["files"][path.name] = {"bytes": path.stat().st_size, "sha256": sha256(path)}
    write_manifest(path.parent, manifest)


def strict(path: Path):
    return [json.loads(line, parse_constant=pytest.fail) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("objective", ["causal", "replaced"])
def test_rates_that_are_far_too_high_end_with_4_and_no_weight_that_is_not_finite(book, tmp_path, objective, capsys):
    with pytest.raises(DivergedError, match="The run diverged"):
        pretrain(recipe(book, objective, *RATES, "budget.steps=12"), tmp_path / "run", plain=True)
    kept = list((tmp_path / "run" / "checkpoints").glob("step-*"))
    assert all(value.isfinite().all() for path in kept for value in load_file(path / "state.safetensors").values())
    assert strict(tmp_path / "run" / "metrics.jsonl")
    assert not (tmp_path / "run" / "result.json").exists()
    with pytest.raises(DivergedError):
        resume(tmp_path / "run", plain=True)


def test_a_checkpoint_that_is_not_finite_is_passed_over_by_all_who_read_it(trained, book, tmp_path):
    _, directory = trained
    run = tmp_path / "run"
    shutil.copytree(directory, run)
    spoil(run, 3, float("nan"))
    with pytest.warns(Notice, match=f"step-00000003 holds numbers that are not finite, in model.{TABLE}"):
        assert open_run(run).step == 2
    (run / "result.json").unlink()
    resume(run, plain=True)
    names = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert names == ["damaged-step-00000003", "step-00000002", "step-00000003"]
    assert all(torch.equal(value, state(directory)[name]) for name, value in state(run).items())


def test_a_run_without_finite_weights_is_refused_in_words(trained, book, tmp_path, capsys):
    objective, directory = trained
    run = tmp_path / "run"
    shutil.copytree(directory, run)
    for step in (2, 3):
        spoil(run, step, float("inf"), f"optimizer.{TABLE}.exp_avg" if step == 2 else f"model.{TABLE}")
    onward = recipe(book, objective, f"start.path={run}", "tokenizer.size=0")
    for act in (
        lambda: open_run(run),
        lambda: resume(run, plain=True),
        lambda: pretrain(onward, tmp_path / "more", plain=True),
    ):
        (run / "result.json").unlink(missing_ok=True)
        with pytest.raises(UserError, match=r"not finite, in optimizer.* None of the 2 checkpoints"):
            act()
    assert not (tmp_path / "more").exists()


def test_a_model_that_is_not_finite_is_neither_exported_nor_imported(trained, tmp_path):
    _, directory = trained
    run = open_run(directory)
    folder = export(run, tmp_path / "export")
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if "embed" in name)
    weights[name][3] = float("nan")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (folder / "manifest.json").unlink()  # as whoever changes an export on purpose does
    with pytest.raises(UserError, match=f"not finite, in {name}"):
        import_folder(folder, tmp_path / "imported")
    assert not (tmp_path / "imported").exists()
    with torch.no_grad():
        run.model.get_parameter(TABLE)[3] = float("inf")
    for family in ("", "gguf"):
        with pytest.raises(UserError, match=f"weights that are not finite, in {TABLE}"):
            export(run, tmp_path / "other", family)
    assert not (tmp_path / "other").exists()


def test_a_model_whose_predictions_are_not_finite_is_one_sentence_everywhere(trained, book, tmp_path):
    objective, directory = trained
    run = open_run(directory)
    with torch.no_grad():
        for name, parameter in run.model.named_parameters():
            parameter.mul_(torch.inf if "norm" in name else 1.0)
    with pytest.raises(DivergedError, match="loss on held-out text is"):
        evaluate(run)
    if objective == "masked":
        with pytest.raises(UserError, match="predictions are not finite"):
            fill_text(run, "The ___ sees fish.")
        return
    for decoding in (
        Decoding(max_new=3),
        Decoding(max_new=3, temperature=0.8, top_p=0.9),
        Decoding(max_new=3, beams=2),
    ):
        with pytest.raises(UserError, match="predictions are not finite"):
            generate_text(run, ["The cat"], decoding)
    with pytest.raises(UserError, match="predictions are not finite"):
        list(stream_text(run, "The cat", Decoding(max_new=3)))
    with pytest.raises(UserError, match="reference model"):
        bits_per_byte(dataclasses.replace(run, directory=tmp_path), ["The cat sees."])


def test_a_perplexity_that_no_number_holds_is_null(trained):
    _, directory = trained
    run = open_run(directory)
    with torch.no_grad():
        head = "head.output.weight"
        names = dict(run.model.named_parameters())
        names[head if head in names else TABLE].mul_(1e5)
    found = evaluate(run)
    assert found.loss > 1000 and found.perplexity is None
    assert "perplexity" not in [number.name for number in found.numbers]
