"""The playground's page: there before torch is, with runs that cannot be opened beside those that can."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from page_server import asked

from hornbook.app.pictures import Corruption, corrupted
from hornbook.app.play import Compared, differences, play_page
from hornbook.app.serving.server import application
from hornbook.errors import Notice, UserError
from hornbook.objectives.catalogue import CATALOGUE
from hornbook.recipes.named import default
from hornbook.recipes.settings import override, save_recipe

FIRST_PAGE = """
import json, sys
from pathlib import Path
from hornbook.app.serving.bodies import read
from hornbook.app.play import play_page
from hornbook.app.serving.server import application
page = play_page([Path(sys.argv[1])])
app = application([page])
session = page.session()
corrupt = next(item for item in page.endpoints if item.path == "/api/corrupt")
shown = corrupt.answer(read(corrupt.asks, json.dumps({"objective": {"kind": "span"}, "text": "a b c d e f"}).encode()))
states = [run["state"] for run in session["runs"]]
print(json.dumps([states, shown["refused"], "torch" in sys.modules]))
"""


def test_the_first_page_needs_no_torch(tmp_path: Path) -> None:
    code = [sys.executable, "-c", FIRST_PAGE, str(tmp_path)]
    done = subprocess.run(code, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert json.loads(done.stdout) == [["waiting"], None, False]


@pytest.mark.parametrize("kind", CATALOGUE)
def test_over_http_the_picture_is_the_same(kind: str) -> None:
    app = application([play_page(())])
    headers = [("host", "127.0.0.1:8421"), ("origin", "http://127.0.0.1:8421"), ("content-type", "application/json")]
    text = "The cat sat on the mat. It rained all day."
    body = json.dumps({"objective": {"kind": kind}, "text": text, "seed": 1}).encode()
    answer = asked(app, "POST", "/api/corrupt", [*headers, ("content-length", str(len(body)))], body)
    assert (answer.status, answer.json) == (
        200,
        json.loads(json.dumps(corrupted(Corruption({"kind": kind}, text, seed=1), ()))),
    )


def test_the_session_says_what_the_page_needs() -> None:
    session = play_page(()).session()
    assert session["runs"] == []
    assert {one["kind"] for one in session["objectives"]} == set(CATALOGUE)
    assert [one["kind"] for one in session["objectives"] if one["second"]] == ["nsp"]
    assert session["sentences"][0] == {"text": "The ___ is chasing the mouse.", "answer": "cat", "source": "bundled"}
    assert json.loads(json.dumps(session)) == session


def test_what_is_not_there_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no run and no Hugging Face model in .*missing"):
        play_page([tmp_path, tmp_path / "missing"])
    with pytest.raises(UserError, match="--device must be cpu"):
        play_page([tmp_path], device="gpu")
    with pytest.raises(UserError, match="There is no objective 'maskd'"):
        play_page([], ["maskd"])


def test_a_device_that_is_not_there_leaves_the_models_on_the_cpu(tmp_path: Path) -> None:
    page = play_page([tmp_path], device="cuda:99")
    with pytest.warns(Notice, match="There is no device cuda:99 here"):
        for _ in page.jobs[0]():
            pass
    session = page.session()
    assert session["device"] == "cpu"
    assert session["runs"][0]["state"] == "failed"
    assert "There is no run and no Hugging Face model in" in session["runs"][0]["note"]


def test_settings_that_differ_are_named_with_both_values(tmp_path: Path) -> None:
    runs = [tmp_path / "a", tmp_path / "b", tmp_path / "folder"]
    for run, changes in zip(runs, ([], ["objective.rate=0.3", "seed=2"]), strict=False):
        run.mkdir()
        save_recipe(override(default("masked"), changes), run / "recipe.toml")
    assert differences(Compared(0, 1), runs) == {"settings": [["seed", "0", "2"], ["objective.rate", "0.15", "0.3"]]}
    assert differences(Compared(1, 1), runs) == {"settings": []}
    with pytest.raises(UserError, match="no recipe"):
        differences(Compared(0, 2), runs)
    with pytest.raises(UserError, match="no run number 3"):
        differences(Compared(0, 3), runs)
