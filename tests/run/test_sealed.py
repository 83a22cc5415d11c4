"""A run knows its own files: what was changed between stop and resume is named and refused, by whichever file."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from damages import make_trees
from stories import result_of

from hornbook.api import check, load
from hornbook.artifacts import MANIFEST, manifest_of, read_json, write_json, write_manifest
from hornbook.cli import main
from hornbook.errors import UserError
from hornbook.recipes.named import default
from hornbook.recipes.settings import override, save_recipe, to_dict
from hornbook.run import directory as files
from hornbook.run import sealed
from hornbook.run.directory import open_run
from hornbook.run.pretrain import pretrain, resume


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_trees(tmp_path_factory.mktemp("trees"))


@pytest.fixture
def run(trees: dict[str, Path], tmp_path: Path) -> Path:
    """A run that was stopped at step 2 of 4."""
    return Path(shutil.copytree(trees["run"], tmp_path / "run"))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("heads = 1", "heads = 2", "model.heads 1 -> 2"),
        ("learning_rate = 0.012", "learning_rate = 0.001", "training.learning_rate 0.012 -> 0.001"),
        ("seed = 0", "seed = 3", "seed 0 -> 3"),
        ("clip = 1.0", "clip = 2.0", "training.clip 1.0 -> 2.0"),
        ("steps = 4", "steps = 8", "budget.steps 4 -> 8"),
        ('optimizer = "muon"', 'optimizer = "adamw"', "training.optimizer muon -> adamw"),
        ("micro_batch = 2", "micro_batch = 1", "training.micro_batch 2 -> 1"),
    ],
)
@pytest.mark.parametrize("use", [resume, open_run])
def test_a_changed_recipe_is_named_and_refused(
    run: Path, before: str, after: str, said: str, use: Callable[[Path], object]
) -> None:
    recipe = run / files.RECIPE
    recipe.write_text(re.sub(rf"^{re.escape(before)}$", after, recipe.read_text(), count=1, flags=re.M))
    with pytest.raises(UserError, match=rf"recipe.toml was changed after the run began: {re.escape(said)}"):
        use(run)


def test_a_comment_in_the_recipe_is_no_change_and_a_lost_recipe_is_written_again(run: Path) -> None:
    recipe = run / files.RECIPE
    before = recipe.read_text()
    recipe.write_text(before + "\n# a note of mine\n")
    assert open_run(run).step == 2
    recipe.unlink()
    assert open_run(run).step == 2
    resume(run, plain=True)
    assert recipe.read_text() == before


def test_a_process_killed_between_manifest_and_recipe_leaves_a_run_that_goes_on(run: Path) -> None:
    kept = manifest_of(run)
    assert kept is not None
    old = files.recipe_of(run)
    sealed.keep(override(old, ["training.micro_batch=1"]), run)
    save_recipe(old, run / files.RECIPE)  # the new one was not written any more
    assert files.recipe_of(run).training.micro_batch == 1
    resume(run, plain=True)
    assert "micro_batch = 1" in (run / files.RECIPE).read_text()


@pytest.mark.parametrize("name", ["plan.json", "corpus.json", "tokenizer.json", "tokens/manifest.json"])
def test_every_file_of_a_run_is_compared_with_the_manifest(run: Path, name: str) -> None:
    content = bytearray((run / name).read_bytes())
    place = next(place for place, value in enumerate(content) if chr(value) in "123456789")
    content[place] ^= 1
    (run / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{Path(name).name} have changed"):
        resume(run, plain=True)


def test_a_checkpoint_of_another_run_is_named_and_refused(run: Path, trees: dict[str, Path]) -> None:
    name = "checkpoints/step-00000002"
    shutil.rmtree(run / name)
    shutil.copytree(trees["other"] / name, run / name)
    with pytest.raises(UserError, match=r"step-00000002 was saved with other settings: seed 1 -> 0"):
        resume(run, plain=True)


def test_a_manifest_s_own_facts_are_covered_and_the_folder_s_name_must_be_its_step(run: Path) -> None:
    path = run / "checkpoints" / "step-00000002" / MANIFEST
    path.write_text(path.read_text().replace('"step": 2', '"step": 4'))
    found = [one for one in check(run) if one.path.endswith("step-00000002")]
    assert "its contents have changed" in found[0].damages[0].what
    assert open_run(run).step == 1  # the one before
    found[0].damages[0].cost.startswith("the run goes on from step 1 instead of 2")
    manifest = read_json(path, "manifest")
    manifest.pop("sha256")
    write_manifest(path.parent, manifest)
    path.parent.rename(path.parent.with_name("step-00000003"))
    assert open_run(run).step == 1


def test_a_lost_manifest_is_written_again_from_the_checkpoints(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = manifest_of(run)
    (run / MANIFEST).unlink()
    recipe = run / files.RECIPE
    text = recipe.read_text()
    recipe.write_text(text.replace("heads = 1", "heads = 2"))
    with pytest.raises(UserError, match=r"model.heads 1 -> 2"):
        resume(run, plain=True)
    recipe.write_text(text)
    resume(run, plain=True)
    again = manifest_of(run)
    assert kept is not None and again is not None and again["files"].items() >= kept["files"].items()
    assert "written again from the newest checkpoint" in capsys.readouterr().out


def test_a_run_of_an_earlier_version_is_taken_as_it_is_which_is_said_once(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / MANIFEST).unlink()
    for path in run.glob("checkpoints/*/manifest.json"):
        manifest = read_json(path, "manifest")
        write_json(path, {name: value for name, value in manifest.items() if name not in ("sha256", "run")})
    resume(run, plain=True)
    assert capsys.readouterr().out.count("An earlier version began this run") == 1
    resume(run, plain=True)
    assert "An earlier version" not in capsys.readouterr().out


def test_a_finished_run_takes_no_settings(run: Path) -> None:
    resume(run, plain=True)
    for change in ("training.micro_batch=0", "training.micro_batch=1"):
        with pytest.raises(UserError, match=f"is finished: {change} changes nothing"):
            resume(run, [change])
    result = result_of(run)
    (run / files.RESULT).unlink()
    resume(run, plain=True)
    assert result_of(run) == result


def test_tokens_that_were_removed_are_written_again(run: Path) -> None:
    before = (run / files.TOKENS / MANIFEST).read_bytes()
    shutil.rmtree(run / files.TOKENS)
    resume(run, plain=True)
    assert (run / files.TOKENS / MANIFEST).read_bytes() == before


def test_another_machine_is_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = read_json(run / files.ENVIRONMENT, "environment")
    record.pop("sha256")
    record |= {"threads": 77, "packages": {**record["packages"], "torch": "1.0"}}
    write_json(run / files.ENVIRONMENT, record)
    resume(run, plain=True)
    assert re.search(r"other threads \(77, now \d+\), torch \(1.0, now", capsys.readouterr().out)


@pytest.mark.parametrize(
    "line", [b"7", b'{"kind": "train"}', b"\xff\xfe", bytes(300), b"[" * 100_000, b'{"kind": "tra']
)
def test_no_line_of_the_metrics_stops_a_run_from_going_on(
    run: Path, line: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / files.METRICS
    sound = load(run).metrics()
    path.write_bytes(line + b"\n" + path.read_bytes())
    resume(run, plain=True)
    assert "1 lines of metrics.jsonl are damaged" in capsys.readouterr().out
    assert load(run).metrics()[: len(sound)] == sound
    assert (run / "metrics.damaged").read_bytes() == line + b"\n"


def test_a_run_that_cannot_begin_leaves_an_empty_directory_empty(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(UserError):
        pretrain(override(default("causal"), ["data.paths=none.txt"]), out, plain=True)
    assert list(out.iterdir()) == []


def test_a_run_writes_over_nothing(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"already holds tokenizer.json"):
        pretrain(default("causal"), tmp_path, plain=True)
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer.json"]


@pytest.mark.parametrize("option", ["--out", "--resume"])
def test_an_empty_path_is_not_the_current_folder(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["pretrain", option, ""])
    assert end.value.code == 2 and "path is empty" in capsys.readouterr().err


def test_an_export_that_was_changed_is_refused_until_its_manifest_is_removed(
    trees: dict[str, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(trees["export"], tmp_path / "export"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"bos_token_id": 2}))
    with pytest.raises(UserError, match=r"config.json has \d+ bytes instead.*remove .*manifest.json"):
        load(folder).opened.step  # noqa: B018
    (folder / MANIFEST).unlink()
    assert load(folder).opened.step == 0


def test_check_finds_nothing_wrong_with_what_is_whole_and_names_damage_with_its_cost(
    run: Path, trees: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = [one.kind for tree in trees.values() for one in check(tree) if not one.damages]
    assert kinds.count("run") == 2 and kinds.count("checkpoint") == 4 and "transformers model" in kinds
    state = run / "checkpoints" / "step-00000002" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-1] + b"\x01")
    (run / "stray").touch()
    with pytest.raises(SystemExit) as end:
        main(["check", str(run)])
    told = capsys.readouterr().out
    assert end.value.code == 2
    assert "goes on from step 1 instead of 2: 1 steps are computed again" in told and "none of the run's files" in told
    with pytest.raises(SystemExit):
        main(["check", str(run), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [len(one["damages"]) for one in found] == [0, 1, 0]


def test_the_manifest_and_every_checkpoint_have_the_recipe(run: Path) -> None:
    manifests = [manifest for _, manifest in sealed.checkpoint_manifests(run)]
    assert len(manifests) == 2
    assert all(one["run"]["recipe"] == to_dict(files.recipe_of(run)) for one in manifests)
