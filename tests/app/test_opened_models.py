"""The runs behind a page: opened one by one, in a private copy, and what cannot be opened stops no other."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from spoken_models import answers, keep_step, kept, opened, tiny_tokenizer, told

from hornbook.app.spoken.gaps import gap
from hornbook.app.spoken.models import Models
from hornbook.app.spoken.requests import GapRequest, WriteRequest
from hornbook.app.spoken.writing import write
from hornbook.errors import UserError
from hornbook.run.directory import open_run
from hornbook.tokens.tokenizer.tokenizer import Tokenizer

TEXT = "the ___ sees the old mouse ."


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tiny_tokenizer()


def test_runs_are_opened_in_turn_and_what_fails_says_why(
    tokenizer: Tokenizer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = kept(opened("causal", tokenizer), tmp_path / "first")
    broken, empty = kept(opened("masked", tokenizer), tmp_path / "broken"), tmp_path / "empty"
    empty.mkdir()
    (state,) = broken.glob("checkpoints/*/*.safetensors")
    state.write_bytes(b"\0" * 100)
    last = kept(opened("span", tokenizer), tmp_path / "more" / "first")
    models = Models([first, broken, empty, last])
    assert [run["state"] for run in models.session()] == ["waiting"] * 4
    assert [run["name"] for run in models.session()] == [f"{tmp_path.name}/first", "broken", "empty", "more/first"]
    loading = models.loading()
    next(loading)
    assert [run["state"] for run in models.session()] == ["loading", "waiting", "waiting", "waiting"]
    with pytest.raises(UserError, match="still being loaded"):
        models.get(0)
    steps = [run["state"] for _ in loading for run in models.session()]
    assert "ready" in steps
    session = models.session()
    json.dumps(session, allow_nan=False)
    assert [run["state"] for run in session] == ["ready", "failed", "failed", "ready"]
    assert "intact" in session[1]["note"] and "no run" in session[2]["note"]
    assert session[3]["objective"] == "span" and "gap" in session[3]["can"] and "write" not in session[3]["can"]
    with pytest.raises(UserError, match="could not be opened"):
        models.get(1)
    events = answers(models, gap, GapRequest((0, 1, 3), TEXT, "cat"))
    assert [event["run"] for event in told(events, "gap")] == [0, 3]
    assert [event["run"] for event in told(events, "refused")] == [1]
    assert capsys.readouterr() == ("", ""), "a page prints nothing"


def test_a_run_is_asked_in_a_copy_that_is_made_once(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    run = copy.deepcopy(opened("causal", tokenizer))
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    run.model.train()
    models = Models.of([run])
    copied: list[Any] = []
    monkeypatch.setattr("hornbook.generate.cache.private", lambda *given, **_: copied.append(given))
    answers(models, write, WriteRequest(0, "the cat"))
    answers(models, gap, GapRequest((0,), TEXT, "cat"))
    assert not copied and run.model.training
    assert all(torch.equal(value, before[name]) for name, value in run.model.state_dict().items())


def test_a_model_of_a_task_is_refused(tokenizer: Tokenizer) -> None:
    run = opened("masked", tokenizer, {}, "model.task_head=class", "model.task_labels=3")
    with pytest.raises(UserError, match="hornbook predict"):
        Models.of([run])


def test_an_open_run_tells_and_prints_nothing_of_a_damaged_checkpoint(tokenizer: Tokenizer, tmp_path: Path) -> None:
    place = kept(opened("causal", tokenizer), tmp_path / "run", 1, 2)
    damage(place, 2)
    said: list[str] = []
    run = open_run(place, torch.device("cpu"), said.append)
    assert run.step == 1 and run.device.type == "cpu" and len(said) == 1 and "damaged" in said[0]
    models = Models([place])
    for _ in models.loading():
        pass
    assert "damaged" in models.session()[0]["note"] and models.session()[0]["state"] == "ready"


def test_a_checkpoint_that_is_rotated_away_while_it_is_read_has_a_newer_one(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """The run goes on training: it writes a checkpoint and removes the one that the reader was about to take."""
    run = opened("causal", tokenizer)
    place = kept(run, tmp_path / "run", 1, 2)
    damage(place, 2)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        keep_step(run, place, 3, keep=1)

    assert open_run(place, say=say).step == 3 and len(said) == 1
    damage(place, 3)
    said.clear()
    with pytest.raises(UserError, match="intact"):
        open_run(place, say=said.append)
    assert len(said) == 0, "with nothing new there is nothing to try again"


def damage(place: Path, step: int) -> None:
    (state,) = place.glob(f"checkpoints/step-{step:08d}/*.safetensors")
    state.write_bytes(state.read_bytes()[:-7])


def test_runs_of_one_name_are_told_apart(tokenizer: Tokenizer) -> None:
    run = opened("causal", tokenizer)
    names = [replace(run, directory=Path(path)) for path in ("a/run", "b/run", "b/run", "c/other")]
    assert [one["name"] for one in Models.of(names).session()] == ["a/run", "run (1)", "run (2)", "other"]
