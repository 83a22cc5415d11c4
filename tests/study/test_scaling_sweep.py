"""Sweeps: what they cost, what they refuse, that they go on to the same points, and what their points say."""

import csv
import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from stories import story

from hornbook.cli import main
from hornbook.console import View
from hornbook.errors import UserError
from hornbook.recipes.named import default
from hornbook.scaling.count import parameters
from hornbook.study.grid import (
    FACTORS,
    Asked,
    Grid,
    Size,
    checked,
    fork,
    lengths,
    load_grid,
    longest,
    minutes_of,
    save_grid,
    work,
)
from hornbook.study.layout import DIVERGED, RUNS
from hornbook.study.points import points_file, sizes_of
from hornbook.study.scaling_sweep import plan_sweep, run_sweep
from hornbook.study.text import common_vocabulary

SETTINGS = ("model.max_length=32", "training.batch_rows=2", "training.precision=fp32")


def sized(width: int, seconds: float = 0.01) -> Size:
    return Size(width, 1, 1000 * width, seconds, 1e6 * width)


def planned(text: Path, out: Path, objective: str = "causal", steps: tuple[int, ...] = (3, 5, 40)) -> Path:
    """Write a sweep as if it had been planned: two sizes, three lengths."""
    asked = Asked((str(text),), 1.0, objective, SETTINGS)
    recipe = dataclasses.replace(default("causal"))
    if objective != "causal":
        recipe = default(objective)
    common_vocabulary([recipe], asked.text, out, View(silent=True), 300)
    save_grid(Grid(asked, asked.text, (sized(16), sized(32)), steps, 1, 2, 64.0, 5000.0), out)
    return out


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.jsonl"
    path.write_text("".join(json.dumps({"text": story(30, seed)}) + "\n" for seed in range(40)))
    return path


@pytest.fixture(scope="module")
def sweep(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = planned(text, tmp_path_factory.mktemp("sweep") / "sweep")
    run_sweep(out, plain=True)
    return out


def rows(sweep: Path) -> list[dict[str, str]]:
    with (sweep / "points.csv").open() as file:
        return list(csv.DictReader(file))


def test_branches_cost_less_than_runs_trained_straight() -> None:
    assert work((100, 200, 400, 800)) == 1.35 * 800
    steps = lengths(10_648)
    assert steps == (1000, 2200, 4840, 10_648) and steps[-1] / steps[0] > 10  # which a law needs
    assert work(steps) / steps[-1] < 1.31 and sum(steps) / steps[-1] > 1.75
    assert all(fork(number) < number for number in range(2, 50))


def test_the_steps_fill_the_time() -> None:
    sizes = tuple(sized(width, width / 1000) for width in (16, 32, 64, 96, 128, 192))
    steps = lengths(longest(sizes, 20))
    grid = Grid(Asked(("text",), 20, "causal"), ("text",), sizes, steps, 5, 2, 64.0, 1e5)
    assert 0.65 < grid.seconds / 1200 < 0.75 and checked(grid) is grid
    short = dataclasses.replace(grid, steps=lengths(60), asked=dataclasses.replace(grid.asked, minutes=2))
    with pytest.raises(UserError, match=r"shortest runs have 6 steps.*--minutes 6\.7 would be enough"):
        checked(short)
    assert len(FACTORS) == 4


@pytest.mark.parametrize(("given", "minutes"), [("2h", 120), ("1.5 h", 90), ("30m", 30), ("90s", 1.5), ("7", 7)])
def test_a_time_is_read(given: str, minutes: float) -> None:
    assert minutes_of(given) == pytest.approx(minutes)


@pytest.mark.parametrize("given", ["", "soon", "-3m", "0h", "2d", "h"])
def test_what_is_no_time_is_refused(given: str) -> None:
    with pytest.raises(UserError, match="A budget is a time such as 2h"):
        minutes_of(given)


def test_the_points_are_the_runs(sweep: Path) -> None:
    found = rows(sweep)
    assert [row["run"] for row in found if row["seed"] == "1" and row["width"] == "32"] == ["32x1.3.1"]
    assert len(found) == 2 * 3 + 3 + 1
    for row in found:
        size, tokens = float(row["params"]), float(row["tokens"])
        assert tokens == 64 * int(row["run"].split(".")[1])
        assert float(row["flops_6nd"]) == 6 * size * tokens and float(row["flops"]) > 0.9 * float(row["flops_6nd"])
        assert float(row["params_no_embed"]) < size <= float(row["params_all"])
        assert float(row["epochs"]) == pytest.approx(tokens / float(row["unique"]))
        assert 0 < float(row["bits_per_byte"]) < float(row["loss"])
    seeds = {(row["seed"], row["loss"]) for row in found if row["run"].startswith("16x1.3.")}
    assert len(seeds) == 2 and len({loss for _, loss in seeds}) == 2


def test_a_branch_of_a_sweep_is_the_run_trained_straight(sweep: Path, tmp_path: Path) -> None:
    from hornbook.recipes.settings import load_recipe
    from hornbook.run.pretrain import pretrain

    found = pretrain(load_recipe(sweep / RUNS / "32x1.5.0" / "recipe.toml"), tmp_path / "straight", plain=True)
    assert str(found.loss) == next(row["loss"] for row in rows(sweep) if row["run"] == "32x1.5.0")


def test_a_sweep_goes_on_to_the_same_points(sweep: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(sweep, copy)
    before = (copy / "points.csv").read_bytes()
    shutil.rmtree(copy / RUNS / "32x1.3.1")
    (copy / RUNS / "16x1.40.0" / "result.json").unlink()
    (copy / RUNS / "16x1.5.0" / "result.json").unlink()
    kept = {path: path.stat().st_mtime_ns for path in copy.rglob("*.safetensors")}
    run_sweep(copy, plain=True)
    assert (copy / "points.csv").read_bytes() == before
    assert all(path.stat().st_mtime_ns == at for path, at in kept.items() if path.exists())


CHILD = """
import sys
from pathlib import Path
from hornbook.study.scaling_sweep import run_sweep
run_sweep(Path(sys.argv[1]), plain=True)
"""


@pytest.mark.slow
def test_a_sweep_killed_at_any_moment_goes_on_to_the_same_points(text: Path, sweep: Path, tmp_path: Path) -> None:
    out, draw = planned(text, tmp_path / "sweep"), random.Random(5)
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(out)], env=environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        time.sleep(2.0 + 2.0 * draw.random())
        process.send_signal(signal.SIGKILL)
        _, errors = process.communicate()
        assert "Error" not in errors, errors
    run_sweep(out, plain=True)
    assert (out / "points.csv").read_bytes() == (sweep / "points.csv").read_bytes()


def test_runs_that_diverged_are_no_points_and_are_not_tried_again(sweep: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(sweep, copy)
    shutil.rmtree(copy / RUNS / "32x1.40.0")
    (copy / DIVERGED).write_text(json.dumps([f"{RUNS}/32x1.40.0"]))
    run_sweep(copy, plain=True)
    assert len(rows(copy)) == len(rows(sweep)) - 1 and not (copy / RUNS / "32x1.40.0").exists()


@pytest.mark.slow
def test_other_objectives_are_swept_by_their_own_loss(text: Path, tmp_path: Path) -> None:
    out = planned(text, tmp_path / "sweep", "masked", (3, 4))
    run_sweep(out, plain=True)
    assert {row["objective"] for row in rows(out)} == {"masked"} and len(rows(out)) == 7


def test_what_is_refused(text: Path, sweep: Path, tmp_path: Path) -> None:
    view, asked = View(silent=True), load_grid(sweep).asked
    for changed, said in (
        (dataclasses.replace(asked, minutes=2.0), "holds a sweep with minutes 1.0, not 2.0"),
        (dataclasses.replace(asked, objective="masked"), "holds a sweep with objective causal"),
    ):
        with pytest.raises(UserError, match=said):
            plan_sweep(changed, sweep, view)
    assert plan_sweep(asked, sweep, view) == load_grid(sweep)
    for setting in ("seed=3", "budget.steps=4", "model.width=64", "training.schedule=cosine", "data.held_out=0.1"):
        with pytest.raises(UserError, match="is the sweep's to say"):
            plan_sweep(Asked((str(text),), 1.0, "causal", (setting,)), tmp_path / "new", view)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    with pytest.raises(UserError, match="holds something else"):
        plan_sweep(Asked((str(text),), 1.0, "causal"), tmp_path / "other", view)
    with pytest.raises(UserError, match="holds no sweep and no study"):
        points_file(tmp_path / "other")
    assert not (tmp_path / "new").exists()


def test_the_sizes_of_a_recipe_in_three_conventions() -> None:
    for objective, tied in (("causal", True), ("causal", False), ("masked", True), ("replaced", True)):
        recipe = default(objective)
        model = dataclasses.replace(recipe.model, vocab_size=500, width=32, layers=2, heads=1, tied=tied)
        found, table = sizes_of(dataclasses.replace(recipe, model=model)), 500 * model.table_width
        if objective != "replaced":
            assert found["params_all"] == parameters(model)
        assert found["params"] - found["params_no_embed"] == table
        assert found["params_all"] - found["params"] == (0 if tied else table) + 32 * model.token_types * (
            model.token_types > 0
        )


def test_the_command_fits_a_sweep_and_says_what_it_cannot_tell(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("scipy")
    with pytest.raises(SystemExit) as done:
        main(["scaling", "fit", str(sweep), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert not done.value.code and "2 different sizes" in found["approach3"]["refused"]
    assert set(found["compute"]) == {"E", "K", "gamma"} and 0 < found["noise"] < 0.5
    assert set(found["conventions"]) == {"params", "params_all", "params_no_embed"}
    with pytest.raises(SystemExit):
        main(["scaling", "fit", str(sweep)])
    assert "loss of compute alone" in capsys.readouterr().out
    for given, said in (
        (["sweep", "x.txt", "--out", "y"], "Say how long"),
        (["sweep", "x.txt", "--out", "y", "--budget", "soon"], "A budget is a time"),
        (["fit", str(sweep), "--approach", "4"], "--approach takes 1, 2 and 3"),
    ):
        with pytest.raises(SystemExit) as done:
            main(["scaling", *given])
        assert done.value.code == 2 and said in capsys.readouterr().err
