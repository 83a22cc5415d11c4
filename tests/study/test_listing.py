"""Runs in a list: each state is told, what is damaged is a line, and nothing of it loads torch."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stories import story
from transfer_runs import base

import hornbook as hb
from hornbook import cli
from hornbook.artifacts import write_json, write_manifest
from hornbook.errors import UserError
from hornbook.locks import lock
from hornbook.study.design import ArmSettings, BudgetSettings, Study
from hornbook.study.layout import ARMS, DIVERGED, RUNS, begin
from hornbook.study.listing import runs

OLD = Path(__file__).parent.parent / "fixtures" / "old_runs"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    text = folder / "text.jsonl"
    text.write_text("".join(json.dumps({"text": story(30, seed)}) + "\n" for seed in range(20)))
    shape = {"model.width": 32, "model.layers": 1, "model.heads": 2, "model.max_length": 64, "training.threads": 1}
    hb.pretrain(text, steps=3, seed=5, out=folder / "done", settings=shape, plain=True)
    base(folder, "masked")
    return folder


def states(folder: Path) -> dict[str, str]:
    return {str(Path(line.path).relative_to(folder)): line.state for line in runs([folder])}


def test_states_and_numbers_are_told(place: Path) -> None:
    done, stopped = runs([place])
    assert (done.state, done.objective, done.step, done.steps, done.seed) == ("finished", "causal", 3, 3, 5)
    result = hb.load(place / "done").result
    assert result is not None and done.parameters == result.parameters == runs([place / "done"])[0].parameters
    assert done.numbers["loss"] == result.loss and done.bits_per_byte == result.bits_per_byte
    assert done.kinds["bits per byte"] == "exact" and done.date.startswith("20")
    assert (stopped.state, stopped.step, stopped.steps, stopped.numbers) == ("stopped", 0, 1, {})
    model = hb.load(place / "masked").model
    assert stopped.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert hb.runs(place) == runs([place, place / "done"])


def test_a_run_that_a_process_holds_is_running(place: Path) -> None:
    with lock(place / "masked"):
        assert states(place) == {"done": "finished", "masked": "running"}
    assert states(place)["masked"] == "stopped"


def test_runs_of_earlier_versions_are_listed() -> None:
    found = {Path(line.path).name: line for line in runs([OLD])}
    assert {name: line.state for name, line in found.items()} == {"masked": "stopped", "span": "finished"}
    assert found["span"].numbers["loss"] > 0 and found["masked"].parameters


def test_the_runs_of_a_study_are_listed_and_its_recipes_are_not(place: Path, tmp_path: Path) -> None:
    begin(Study(("BOOK.txt",), {"a": ArmSettings("causal")}, BudgetSettings(steps=1)), tmp_path / "deep" / "study")
    study = tmp_path / "deep" / "study"
    (study / ARMS / "a").mkdir(parents=True)
    shutil.copy(place / "masked" / "recipe.toml", study / ARMS / "a" / "recipe.toml")
    for name in ("a.0", "a.1"):
        shutil.copytree(place / "masked", study / RUNS / name)
    write_json(study / DIVERGED, ["runs/a.1"])
    write_manifest(study / "text" / "corpus", {"kind": "corpus", "files": {}})  # has a recipe.toml of its own
    (study / "text" / "corpus" / "recipe.toml").write_text("steps = []\n")
    assert states(tmp_path) == {"deep/study/runs/a.0": "stopped", "deep/study/runs/a.1": "diverged"}


def test_a_run_whose_last_steps_were_not_finite_diverged(place: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(place / "masked", tmp_path / "copy")
    record = {"kind": "train", "step": 4, "loss": None, "not_finite": "loss"}
    (copy / "metrics.jsonl").write_text(json.dumps(record) + '\n{"cut')
    assert states(tmp_path) == {"copy": "diverged"}


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("manifest.json", b"{", "manifest.json"),
        ("manifest.json", b'{"kind": "run", "files": {}}', "recipe.toml is missing"),
        ("recipe.toml", b"seed = [", "not valid TOML"),
        ("recipe.toml", b"seed = 9\n", "changed after the run began"),
        ("recipe.toml", b"\xff\xfe", "not valid TOML"),
        ("result.json", b"{}", "result.json"),
        ("result.json", None, "result.json is missing"),
        ("tokenizer.json", b"[]", "tokenizer.json is damaged"),
    ],
)
def test_what_is_damaged_is_a_line_that_says_so(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, content: bytes | None, said: str
) -> None:
    shutil.copytree(place / "masked", tmp_path / "sound")
    copy = shutil.copytree(place / "done", tmp_path / "broken")
    if said == "recipe.toml is missing":
        (copy / "recipe.toml").unlink()
    (copy / file).unlink() if content is None else (copy / file).write_bytes(content)
    found = {Path(line.path).name: line for line in runs([tmp_path])}
    assert found["broken"].state == "damaged" and said in found["broken"].problem
    assert found["sound"].state == "stopped"
    with pytest.raises(SystemExit) as ended:
        cli.main(["runs", str(tmp_path)])
    printed = capsys.readouterr()
    assert not ended.value.code and not printed.err and f"{copy}: {found['broken'].problem}" in printed.out


def test_records_and_heads_that_say_nothing_are_passed_over(place: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(place / "masked", tmp_path / "copy")
    (copy / "metrics.jsonl").write_bytes(b"\x00\xff\n[]\n3\n")
    for path in copy.glob("checkpoints/*/*.safetensors"):
        path.write_bytes(b"\xff" * 40)
    (line,) = runs([tmp_path])
    assert line.state == "stopped" and line.parameters is None


def test_nothing_to_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="no directory"):
        runs([tmp_path / "none"])
    with pytest.raises(SystemExit):
        cli.main(["runs", str(tmp_path)])
    assert capsys.readouterr().out == f"No runs below {tmp_path}.\n"
    with pytest.raises(SystemExit):
        cli.main(["runs", str(tmp_path), "--json"])
    assert json.loads(capsys.readouterr().out) == []


def test_hundreds_are_listed_at_once_and_without_torch(place: Path, tmp_path: Path) -> None:
    for number in range(300):
        copy = tmp_path / f"{number:03d}"
        copy.mkdir()
        for name in ("manifest.json", "recipe.toml", "result.json", "metrics.jsonl", "plan.json"):
            shutil.copy(place / "done" / name, copy / name)
        kept = json.loads((copy / "manifest.json").read_text())
        for name in kept["files"]:
            if not (copy / name).exists():
                (copy / name).parent.mkdir(exist_ok=True)
                (copy / name).symlink_to(place / "done" / name)
    begun = time.process_time()
    assert {line.state for line in runs([tmp_path])} == {"finished"}
    assert time.process_time() - begun < 5
    told = "import sys; from hornbook.study.listing import runs; runs(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    code = told.replace("runs(sys.argv[1:])", "from pathlib import Path; runs([Path(sys.argv[1])])")
    assert subprocess.run([sys.executable, "-c", code, str(place)], check=False).returncode == 0
