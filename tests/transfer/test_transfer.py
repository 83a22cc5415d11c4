"""A whole transfer: it learns, it goes on to the same bits, and it says no more than its numbers allow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from small_models import CPU
from transfer_runs import SINGLE, base, file, records

import hornbook
from hornbook.diagnose.whole import check_path
from hornbook.errors import Interrupted, UserError
from hornbook.evaluate.records import Records
from hornbook.model.inputs import to_tensors
from hornbook.train.checkpoints import newest
from hornbook.transfer import finetune, metrics, report
from hornbook.transfer.data import read_data
from hornbook.transfer.examples import load_examples
from hornbook.transfer.request import Request, read_shots, with_settings
from hornbook.transfer.search import resume, transfer
from hornbook.transfer.trials import drawn, final_trials, rate_trials

RIGHT = {
    "classify": ("accuracy", 0.98),
    "tag": ("f1", 0.98),
    "answer": ("exact match", 0.95),
    "write": ("exact match", 0.95),
}
TOPOLOGIES = ("causal", "masked", "span")


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    return tmp_path_factory.mktemp("bases")


def by_heart(kind, task, bases, tmp_path, epochs=60):
    """Learn 64 examples whose answers have nothing to do with their texts, and be asked them."""
    lines = records(task, 64)
    if task == "classify":
        for number, line in enumerate(lines):
            line["label"] = "ab"[number * 7919 % 13 % 2]
    train = file(tmp_path / "train.jsonl", lines)
    settings = {**SINGLE, "transfer.epochs": epochs, "model.dropout": 0.0, "training.checkpoint_minutes": 60}
    run = hornbook.load(base(bases, kind)).transfer(
        train, dev=train, test=train, seeds=1, out=tmp_path / "run", settings=settings, plain=True
    )
    name, least = RIGHT[task]
    found = {number["name"]: number["value"] for number in run.transferred.numbers}
    assert found[name] >= least, found
    return run


@pytest.mark.parametrize("kind", TOPOLOGIES)
def test_each_topology_learns_64_texts_by_heart(kind, bases, tmp_path):
    by_heart(kind, "classify", bases, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["tag", "answer", "write"])
@pytest.mark.parametrize("kind", TOPOLOGIES)
def test_each_topology_learns_64_answers_by_heart(kind, task, bases, tmp_path):
    if kind == "masked" and task == "write":
        pytest.skip("an encoder writes nothing")
    by_heart(kind, task, bases, tmp_path, epochs=400 if task in ("answer", "write") else 60)


def request(bases, tmp_path, kind="masked", task="classify", number=40, **more):
    train = file(tmp_path / "data" / f"{task}.jsonl", records(task, number))
    test = file(tmp_path / "data" / f"{task}-test.jsonl", records(task, 20, 1))
    asked = Request(str(base(bases, kind)), str(train), test=str(test), rates=(3e-3,), **more)
    return with_settings(asked, ["training.threads=1", "transfer.epochs=3"])


def weights(directory: Path) -> dict[str, torch.Tensor]:
    found = newest(directory / "checkpoints", pytest.fail)
    assert found is not None
    return found[1]


CHILD = """
import os, sys
from pathlib import Path
from hornbook.train import checkpoints
from hornbook.transfer.request import Request
from hornbook.transfer.search import resume, transfer
out, stop = Path(sys.argv[1]), int(sys.argv[2])
save, saved = checkpoints.save_together, 0
def count(*arguments):
    global saved
    found = save(*arguments)
    saved += 1
    if saved == stop:
        os._exit(9)
    return found
checkpoints.save_together = count
transfer(Request.load(Path(sys.argv[3])), out, plain=True)
"""


@pytest.mark.parametrize("stop", [6, pytest.param(1, marks=pytest.mark.slow), pytest.param(14, marks=pytest.mark.slow)])
def test_a_killed_transfer_goes_on_to_the_same_bits(stop, bases, tmp_path):
    asked = with_settings(request(bases, tmp_path, seeds=2), ["training.checkpoint_minutes=0.000001"])
    whole = transfer(asked, tmp_path / "whole", plain=True)
    asked.save(tmp_path / "asked")
    command = [sys.executable, "-c", CHILD, str(tmp_path / "cut"), str(stop), str(tmp_path / "asked")]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == 9, killed.stderr
    assert not (tmp_path / "cut" / "transfer.json").exists()
    with pytest.raises(UserError, match="holds a transfer: continue it with `hornbook transfer --resume"):
        transfer(asked, tmp_path / "cut", plain=True)
    again = resume(tmp_path / "cut", plain=True)
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert again.numbers == whole.numbers and again.training == whole.training
    name = Path("evaluations/test.jsonl")
    assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()
    assert resume(tmp_path / "cut", plain=True) == again


def test_one_that_is_asked_to_stop_says_how_it_goes_on(bases, tmp_path, monkeypatch):
    class Soon(finetune.SignalHandler):
        """Is asked to stop at the step after the next, once."""

        looks = 0

        @property
        def signal_number(self):
            Soon.looks += 1
            return 15 if Soon.looks > 2 else None

        @signal_number.setter
        def signal_number(self, value):
            pass

    asked = request(bases, tmp_path, seeds=1)
    monkeypatch.setattr(finetune, "SignalHandler", Soon)
    with pytest.raises(Interrupted, match=r"Continue with: hornbook transfer --resume .*run") as stopped:
        transfer(asked, tmp_path / "run", plain=True)
    assert stopped.value.exit_code == 128 + 15
    monkeypatch.undo()
    whole = transfer(asked, tmp_path / "whole", plain=True)
    assert resume(tmp_path / "run", plain=True).numbers == whole.numbers


@pytest.fixture(scope="module")
def tuned(bases, tmp_path_factory):
    """A finished transfer of three seeds, with few shots beside all."""
    folder = tmp_path_factory.mktemp("tuned")
    asked = request(bases, folder, seeds=3, shots=(8, 0))
    return transfer(asked, folder / "run", plain=True), folder / "run", asked


def test_every_number_follows_from_the_records_and_says_whose_interval_it_has(tuned):
    found, directory, _ = tuned
    kept = Records.load(directory / "evaluations" / "test.jsonl")
    assert len(kept.items) == 20 * (2 * 3 + 2 * 3 + 2)  # six trainings, two simple models for each draw
    for shots in (8, 0):
        seeds = report.said_by(kept, shots, report.MODEL)
        values = [metrics.score("classify", lines) for lines in seeds.values()]
        first, second = [number for number in found.numbers if number["shots"] == shots][:2]
        assert first["name"] == "accuracy" and first["value"] == pytest.approx(np.mean(values))
        assert "interval over other examples" in first["meaning"] and first["low"] < first["value"]
        assert second["name"] == "accuracy of seeds" and second["draws"] == 3
        assert "interval over other seeds" in second["meaning"]
        assert {"majority", "TF-IDF"} <= first["baselines"].keys()
    again = report.numbers(kept)
    assert [one.value for one in again[0]] == [one["value"] for one in found.numbers if one["shots"] == 0]


def test_the_run_is_of_the_first_seed_and_its_test_was_scored_once(tuned):
    found, directory, _ = tuned
    final = found.training["final"]
    assert [one["name"] for one in final if not one["shots"]] == ["all-seed-1", "all-seed-2", "all-seed-3"]
    assert found.training["seed"] == final[3]["seed"] and found.training["step"] == final[3]["step"]
    kept = Records.load(directory / "evaluations" / "test.jsonl")
    run = hornbook.load(directory)
    said = [one["label"] for one in run.predict(directory.parent / "data" / "classify-test.jsonl")]
    assert said == [one["said"] for one in report.said_by(kept, 0, report.MODEL)[1]]
    assert run.step == found.training["step"]


def test_a_transfer_run_is_a_run_that_other_commands_understand(tuned, tmp_path):
    found, directory, _ = tuned
    for examined in check_path(directory, lambda name: None):
        assert examined.damages == () and examined.notes == (), examined
    run = hornbook.load(directory)
    assert run.recipe.model.task_head == "class" and run.recipe.model.task_labels == 2 == len(found.labels)
    with pytest.raises(UserError, match="hornbook predict"):
        run.fill("The ___ sees.")
    with pytest.raises(UserError, match="finished transfer"):
        run.resume()
    with pytest.raises(UserError, match=r"model\.task_head is set by `hornbook transfer`"):
        hornbook.pretrain(recipe=directory / "recipe.toml", out=tmp_path / "other", plain=True)
    with (directory / "transfer.json").open("a") as stream:
        stream.write(" ")
    try:
        assert any(one.damages and one.damages[0].file == "transfer.json" for one in check_path(directory, print))
        with pytest.raises(UserError, match="hornbook check"):
            hornbook.load(directory).predict([{"text": "The cat."}])
    finally:
        path = directory / "transfer.json"
        path.write_bytes(path.read_bytes()[:-1])


def test_a_run_of_pre_training_predicts_nothing(bases):
    with pytest.raises(UserError, match="was not made by `hornbook transfer`"):
        hornbook.load(base(bases, "masked")).predict([{"text": "The cat."}])


def lines_of(accuracies: list[float], simple: float, number: int = 400) -> Records:
    """Records of seeds with these accuracies, and of a simple model, with as many examples."""

    def said(by, seed, share):
        right = round(share * number)
        return [
            {"shots": 0, "seed": seed, "by": by, "id": str(n), "answer": "a", "said": "a" if n < right else "b"}
            for n in range(number)
        ]

    items = [line for seed, share in enumerate(accuracies, 1) for line in said("model", seed, share)]
    header = {"task": "classify", "simple": {"TF-IDF": True}, "note": ""}
    return Records(header, tuple(items + said("TF-IDF", 0, simple)))


def test_one_seed_makes_no_verdict():
    for ours, theirs in ((0.9, 0.6), (0.6, 0.9), (0.7, 0.7)):
        told = report.verdict(lines_of([ours], theirs), 0, "TF-IDF")
        assert "not tested, since one seed makes no verdict" in told
        assert "better" not in told and "distinguishable" not in told


def test_a_verdict_counts_seeds_and_examples():
    assert report.verdict(lines_of([0.9, 0.91, 0.9], 0.8), 0, "TF-IDF").startswith(
        "The model is better than TF-IDF by 10"
    )
    assert report.verdict(lines_of([0.7, 0.71, 0.7], 0.8), 0, "TF-IDF").startswith(
        "Counting words (TF-IDF) does better"
    )
    assert report.verdict(lines_of([0.7, 0.95, 0.85], 0.8), 0, "TF-IDF").startswith("Not distinguishable")
    near = report.verdict(lines_of([0.81, 0.81, 0.81], 0.805, 200), 0, "TF-IDF")
    assert near.startswith("Not distinguishable"), "equal seeds do not make examples certain"


def test_a_diverged_seed_is_counted_and_told():
    found = lines_of([0.9, 0.5, 0.9], 0.8)
    sound = finetune.Outcome(0.9, 0.1, 5, 1.0)
    outcomes = [sound, finetune.Outcome(0.0, 0.0, 0, 0.0, "the loss is nan"), sound]
    told = report.sentences(found, report.numbers(found), outcomes, 0)
    assert told[0].startswith("1 of 3 trainings diverged")
    assert report.numbers(found)[0][0].value == pytest.approx(np.mean([0.9, 0.5, 0.9]))


def test_a_training_that_says_one_class_alone_is_told(bases):
    found = lines_of([1.0, 0.9], 0.8)
    mixed = [dict(line, answer="b" if int(line["id"]) % 2 else "a") for line in found.items]
    told = report.sentences(Records(found.header, tuple(mixed)), {0: []}, [], 0)
    assert told[0].startswith("1 of 2 trainings give every example the same class")


def test_a_rate_that_is_too_high_is_a_result(bases, tmp_path):
    asked = with_settings(request(bases, tmp_path, seeds=1), ["transfer.rates=1e30,3e-3", "training.clip=0"])
    found = transfer(asked, tmp_path / "run", plain=True)
    broken, sound = found.training["tried"]
    assert broken["diverged"] and not sound["diverged"] and found.training["rate"] == 3e-3


def test_the_rate_is_chosen_by_another_seed_than_those_that_count():
    asked = Request("m", "t", seeds=4)
    rates = rate_trials(asked, 100, 16, (1e-4, 1e-3))
    finals = final_trials(asked, 100, 16, 1e-3)
    assert len({trial.seed for trial in rates}) == 1
    assert len({trial.seed for trial in (*rates[:1], *finals)}) == 5
    assert len({trial.chosen for trial in (*rates[:1], *finals)}) == 5 and not rates[0].final
    assert rate_trials(asked, 100, 0, (1e-3,)) == []


def test_few_shots_are_plain_draws_of_the_key():
    assert drawn(7, 0, 0, 1) == tuple(range(7))
    counts = np.zeros(20)
    for number in range(2000):
        chosen = drawn(20, 5, 0, number)
        assert len(set(chosen)) == 5
        counts[list(chosen)] += 1
    assert np.abs(counts / 2000 - 0.25).max() < 0.04
    assert read_shots("16, 64,all") == (16, 64, 0)


def test_a_probe_trains_the_head_alone(bases, tmp_path):
    asked = request(bases, tmp_path, seeds=1, probe=True)
    transfer(asked, tmp_path / "run", plain=True)
    before, after = weights(base(bases, "masked")), weights(tmp_path / "run")
    body = [name for name in after if ".task." not in name]
    assert len(body) > 10 and all(torch.equal(before[name], after[name]) for name in body)
    assert any(".task." in name for name in after)


def test_what_a_pooler_or_a_dense_map_learned_is_taken_over(bases, tmp_path):
    for kind, ours, theirs in (
        ("masked", "task.dense.weight", "head.dense.weight"),
        ("masked", "task.norm.weight", "head.norm.weight"),
    ):
        asked = request(bases, tmp_path, kind=kind)
        run = hornbook.load(asked.model)
        data = read_data(asked)
        from hornbook.transfer.search import _recipe
        from hornbook.transfer.task import plan_task

        task = plan_task(data.train, run.recipe.objective, run.tokenizer, run.recipe.model, None)
        setting = finetune.Setting(
            task,
            _recipe(asked, run.opened, task),
            run.model.state_dict(),
            False,
            [],
            [],
            tmp_path,
            CPU,
            None,
            print,
            print,
        )
        model = finetune.begin(setting, setting.recipe, CPU)
        assert torch.equal(model.state_dict()[ours], run.model.state_dict()[theirs])


@pytest.mark.parametrize("name", ["classify", "tag", "answer"])
def test_nats_while_it_trains_are_those_of_the_loss(name, bases, tmp_path):
    asked = request(bases, tmp_path, task=name, kind="causal", number=12)
    run = hornbook.load(asked.model)
    from hornbook.transfer.search import _recipe
    from hornbook.transfer.task import plan_task

    data = load_examples(asked.train)
    task = plan_task(data, run.recipe.objective, run.tokenizer, run.recipe.model, None)
    setting = finetune.Setting(
        task, _recipe(asked, run.opened, task), run.model.state_dict(), False, [], [], tmp_path, CPU, None, print, print
    )
    model = finetune.begin(setting, setting.recipe, CPU).eval()
    rows = task.rows(data.items)
    with torch.no_grad():
        tensors = to_tensors(task.batch(rows), CPU)
        expected = float(model.loss(tensors)) / tensors.count
        assert task.measure(model, data.items, rows, CPU)[1] == pytest.approx(expected, rel=1e-5)


REFUSED = [
    ({"shots": (1000,)}, "--shots 1000 does not fit"),
    ({"probe": True, "task": "write"}, "--probe trains a new head alone"),
    ({"sight": "both", "kind": "masked"}, "transfer.sight is for decoders"),
    ({"model": "nowhere"}, "no run and no Hugging Face model in nowhere"),
    ({"train": "nowhere.tsv"}, "nowhere.tsv"),
    ({"seeds": 0}, "transfer.seeds must be"),
    ({"settings": ["data.clean=none"]}, "'data.clean' cannot be set here"),
    ({"settings": ["transfer.epoch=3"]}, "Did you mean"),
    ({"settings": ["training.batch_rows=x"]}, "training.batch_rows must be"),
]


@pytest.mark.parametrize(("changes", "words"), REFUSED)
def test_what_cannot_be_is_said_in_one_sentence_and_leaves_nothing(changes, words, bases, tmp_path):
    given = dict(changes)
    task, kind, settings = given.pop("task", "classify"), given.pop("kind", "causal"), given.pop("settings", [])
    with pytest.raises(UserError, match=words) as refused:
        asked = request(
            bases, tmp_path, kind=kind, task=task, **{k: v for k, v in given.items() if k not in ("model", "train")}
        )
        import dataclasses

        asked = dataclasses.replace(asked, **{k: v for k, v in given.items() if k in ("model", "train")})
        transfer(with_settings(asked, settings), tmp_path / "run", plain=True)
    assert str(refused.value).count("\n") == 0
    assert not (tmp_path / "run").exists()


def test_predictions_have_the_fields_of_the_examples(tuned):
    _, directory, _ = tuned
    run = hornbook.load(directory)
    (one,) = run.predict([{"text": "The cat eats the fish."}])
    assert set(one) == {"id", "label", "probability"} and one["label"] in one["probability"]
    assert sum(one["probability"].values()) == pytest.approx(1, abs=1e-5)
    assert run.predict([]) == []
    with pytest.raises(UserError, match="classify"):
        run.predict([{"tokens": ["The", "cat"]}])
    assert json.loads(json.dumps(one)) == one
