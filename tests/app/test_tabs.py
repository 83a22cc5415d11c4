"""From a run that is watched to the playground: added once, opened when it is asked for, refused in words."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from page_server import Answer, asked
from spoken_models import kept, opened, tiny_tokenizer

from hornbook.app.serving.server import application
from hornbook.app.spoken.models import Models
from hornbook.app.tabs import course_tabs, play_tabs, watch_tabs

ORIGIN = [("host", "127.0.0.1:8421"), ("origin", "http://127.0.0.1:8421"), ("content-type", "application/json")]
WITHOUT_TORCH = """
import json, sys
from pathlib import Path
from hornbook.app.tabs import watch_tabs
watch, play, course = watch_tabs([Path(sys.argv[1])])
answers = {item.path: item for page in (watch, play) for item in page.endpoints}
records = answers["/api/records"].answer(answers["/api/records"].asks())
number = answers["/api/play"].answer(answers["/api/play"].asks(run=0))["run"]
sessions = [page.session() for page in (watch, play, course)]
before = "torch" in sys.modules
for _ in answers["/api/load"].events(answers["/api/load"].asks(run=number)):
    pass
(run,) = play.session()["runs"]
print(json.dumps([[one["playable"] for one in records["runs"]], before, "torch" in sys.modules, run["state"]]))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(opened("causal", tiny_tokenizer()), tmp_path_factory.mktemp("trained") / "causal")


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    """A folder with two runs, of which the first cannot be opened."""
    for name in ("broken", "sound"):
        shutil.copytree(trained, tmp_path / "runs" / name)
    (tmp_path / "runs" / "broken" / "recipe.toml").write_text("budget = 3\n")
    return tmp_path / "runs"


def post(app: Any, path: str, value: Mapping[str, Any]) -> Answer:
    body = json.dumps(value).encode()
    return asked(app, "POST", path, [*ORIGIN, ("content-length", str(len(body)))], body)


def session(app: Any) -> dict[str, Any]:
    found = asked(app, "GET", "/api/session").json
    assert isinstance(found, dict)
    return found


def test_torch_is_not_loaded_before_a_run_is_opened(trained: Path) -> None:
    code = [sys.executable, "-c", WITHOUT_TORCH, str(trained)]
    done = subprocess.run(code, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert json.loads(done.stdout) == [[True], False, True, "ready"]


def test_a_watched_run_is_added_once_and_opened_when_it_is_asked_for(runs: Path) -> None:
    app = application(watch_tabs([runs]))
    watched = post(app, "/api/records", {}).json["runs"]
    number = {one["name"]: one["number"] for one in watched}
    assert [post(app, "/api/play", {"run": number["sound"]}).json for _ in range(2)] == [{"run": 0}] * 2
    assert post(app, "/api/play", {"run": number["broken"]}).json == {"run": 1}
    found = session(app)["play"]["runs"]
    assert [(run["name"], run["state"], run["added"]) for run in found] == [
        ("sound", "waiting", True), ("broken", "waiting", True),
    ]  # fmt: skip
    refused = post(app, "/api/write", {"run": 0, "prompt": "the cat"}).lines
    assert refused[-1]["error"]["message"] == "sound is still being loaded."
    for run in (1, 0, 0):
        assert all("error" not in line for line in post(app, "/api/load", {"run": run}).lines)
    sound, broken = session(app)["play"]["runs"]
    assert (sound["state"], sound["objective"]) == ("ready", "causal")
    assert broken["state"] == "failed" and "budget must be a table" in broken["note"]
    assert all("error" not in line for line in post(app, "/api/write", {"run": 0, "prompt": "the cat"}).lines)


def test_numbers_that_name_no_run_are_refused(runs: Path) -> None:
    app = application(watch_tabs([runs]))
    assert len(post(app, "/api/records", {}).json["runs"]) == 2
    for number in (2, -1, 10**12):
        answer = post(app, "/api/play", {"run": number})
        assert (answer.status, answer.json["error"]["field"]) == (422, "run"), number
    for name in ("2", "-1", "x", "9" * 5_000):
        answer = post(app, "/api/records", {"have": {name: [-1, 0]}})
        assert (answer.status, answer.json["error"]["field"]) == (422, "have"), name[:9]
    (line,) = post(app, "/api/load", {"run": 0}).lines
    assert line["error"]["message"] == "There is no run number 0: there are 0, counted from 0."
    assert session(app)["play"]["runs"] == []


def test_a_run_that_is_deleted_before_it_is_opened_says_so(runs: Path) -> None:
    app = application(watch_tabs([runs]))
    (number,) = [one["number"] for one in post(app, "/api/records", {}).json["runs"] if one["name"] == "sound"]
    shutil.rmtree(runs / "sound")
    assert post(app, "/api/play", {"run": number}).json == {"run": 0}
    post(app, "/api/load", {"run": 0})
    (run,) = session(app)["play"]["runs"]
    assert run["state"] == "failed" and run["note"].startswith("There is no run")


def test_requests_at_once_give_each_run_a_number_of_its_own() -> None:
    models = Models(())
    places = [Path(f"runs/{number % 40}") for number in range(400)]
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            numbers = list(threads.map(models.add, places))
    finally:
        sys.setswitchinterval(switching)
    assert all(models.directories[number] == place for number, place in zip(numbers, places, strict=True))
    assert len(models.directories) == 40


def test_opening_that_is_broken_off_waits_again_but_what_is_open_stays(trained: Path) -> None:
    models = Models(())
    number = models.add(trained)
    loading = models.load(number)
    next(loading)
    assert models.session()[0]["state"] == "loading"
    assert list(models.load(number)) == [], "another reader waits for the first"
    loading.close()
    assert models.session()[0]["state"] == "waiting"
    loading = models.load(number)
    next(loading), next(loading)
    loading.close()
    assert models.session()[0]["state"] == "ready" and models.get(number).name == "causal"


def test_a_fault_of_ours_in_one_run_stops_no_other(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models = Models([trained, tmp_path])
    monkeypatch.setattr("hornbook.generate.cache.private", len)  # which takes no such arguments
    list(models.loading())
    first, second = models.session()
    assert (first["state"], second["state"]) == ("failed", "failed")
    assert first["note"].startswith("It cannot be opened: TypeError: ")
    assert second["note"].startswith("There is no run") and "Traceback" in capsys.readouterr().err


def test_each_command_has_its_own_tab_first(trained: Path) -> None:
    tabs = {
        "play": play_tabs([trained]), "play nothing": play_tabs([]), "watch": watch_tabs([trained]),
        "course": course_tabs(),
    }  # fmt: skip
    assert {name: [page.name for page in pages] for name, pages in tabs.items()} == {
        "play": ["play", "watch", "course"], "play nothing": ["play", "course"],
        "watch": ["watch", "play", "course"], "course": ["course", "play"],
    }  # fmt: skip
    assert [page.session()["plays"] for pages in tabs.values() for page in pages if page.name == "watch"] == [
        False, True,
    ]  # fmt: skip
