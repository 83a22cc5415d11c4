"""Memory that is really too small, by the system's own limit: a run says so, shrinks, or names what would fit."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hornbook.console import View
from hornbook.errors import UserError, is_out_of_memory
from hornbook.prepare.dataset import prepare
from hornbook.recipes import settings
from hornbook.recipes.named import default
from hornbook.run.pretrain import pretrain, resume
from hornbook.run.settle.memory_fit import divisors, fitted, shrinking
from hornbook.train.checkpoints import newest

CPU = torch.device("cpu")
NOTHING = None  # a corpus is needed only for what a run that gives up says
SIZE = [
    "data.clean=none",
    "budget.steps=3",
    "model.width=128",
    "model.layers=2",
    "model.heads=2",
    "model.max_length=256",
    "model.dropout=0.1",
    "training.batch_rows=32",
    "training.precision=fp32",
    "training.compile=no",
    "training.evaluate_tokens=500",
    "training.workers=0",
    "tokenizer.size=400",
]
# A limit of `spare` bytes above what the process has: at once, or when the run's plan has been made. What numba brings
# is loaded before: OpenBLAS waits for ever where there is no memory for its buffers.
CHILD = """
import contextlib, pathlib, resource, sys, threading, time
import psutil, torch, torch._dynamo
with contextlib.suppress(ImportError):
    import numba, scipy.linalg
import hornbook.run.pretrain
from hornbook import cli
spare, plan, *arguments = sys.argv[1:]
def limit():
    most = psutil.Process().memory_info().vms + int(spare)
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
def later():
    while not pathlib.Path(plan).exists():
        time.sleep(0.001)
    limit()
torch.ones(64, 64) @ torch.ones(64, 64)
if plan:
    threading.Thread(target=later, daemon=True).start()
else:
    limit()
cli.main(["pretrain", "--plain", *arguments])
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text("\n\n".join(f"The {n}th cat sees {n * 7} fish and eats {n % 13} of them." for n in range(4000)))
    return path


def run(spare: int, late: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "RAYON_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CHILD, str(spare), str(late or ""), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)


def micro_batch(directory: Path) -> int:
    return settings.load_recipe(directory / "recipe.toml").training.micro_batch


def test_too_little_memory_is_told_before_the_first_step_with_a_command_that_fits(book, tmp_path):
    out = tmp_path / "run"
    refused = run(310 << 20, None, "--out", str(out), f"data.paths={book}", *SIZE, "training.micro_batch=32")
    assert refused.returncode == 3, refused.stderr
    assert "Traceback" not in refused.stderr and "step=" not in refused.stdout
    found = re.search(r"hornbook pretrain --resume (\S+) (training\.micro_batch=\d+)$", refused.stderr.strip())
    assert found and found[1] == str(out), refused.stderr
    went_on = run(310 << 20, None, "--resume", str(out), found[2])
    assert went_on.returncode == 0, went_on.stderr
    assert f"training.micro_batch={micro_batch(out)}" == found[2]


@pytest.mark.slow
def test_memory_that_runs_out_in_the_first_step_halves_the_micro_batch_and_records_it(book, tmp_path):
    out = tmp_path / "run"
    done = run(170 << 20, out / "plan.json", "--out", str(out), f"data.paths={book}", *SIZE)
    assert done.returncode == 0, done.stderr
    said = re.findall(r"ran out with a micro-batch of (\d+) rows; trying again with (\d+)", done.stdout)
    assert said[0] == ("32", "16")
    assert micro_batch(out) == int(said[-1][1])
    again = tmp_path / "again"
    pretrain(settings.load_recipe(out / "recipe.toml"), again, plain=True)
    one, other = (newest(directory / "checkpoints", pytest.fail)[1] for directory in (out, again))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_memory_that_runs_out_of_a_chosen_micro_batch_is_one_sentence_with_what_would_fit(book, tmp_path):
    out = tmp_path / "run"
    failed = run(
        170 << 20, out / "plan.json", "--out", str(out), f"data.paths={book}", *SIZE, "training.micro_batch=32"
    )
    assert failed.returncode == 3 and "Traceback" not in failed.stderr, failed.stderr
    found = re.search(r"hornbook pretrain --resume (\S+) training\.micro_batch=(\d+)$", failed.stderr.strip())
    assert found and found[1] == str(out) and int(found[2]) <= 16, failed.stderr
    assert (out / "recipe.toml").exists() and (out / "tokens").is_dir()


@pytest.mark.slow
def test_a_model_for_which_there_is_no_memory_at_all_is_refused(book, tmp_path):
    more = ["model.width=1024", "model.layers=8", "model.heads=8"]
    refused = run(200 << 20, None, "--out", str(tmp_path / "run"), f"data.paths={book}", *SIZE, *more)
    assert refused.returncode == 3 and "too little even for one row" in refused.stderr, refused.stderr
    assert "--resume" not in refused.stderr, refused.stderr  # it would end there again


def test_what_a_machine_says_when_memory_runs_out_is_known():
    with pytest.raises((RuntimeError, MemoryError)) as torchs:
        torch.empty(2**60, dtype=torch.uint8)
    with pytest.raises(MemoryError) as pythons:
        bytearray(2**60)
    assert is_out_of_memory(torchs.value) and is_out_of_memory(pythons.value)
    assert not is_out_of_memory(RuntimeError("shapes do not match")) and not is_out_of_memory(UserError("no"))


def test_half_the_rows_until_there_is_enough_and_never_where_it_may_not_be():
    recipe = settings.override(default("causal"), ["training.batch_rows=12", "training.micro_batch=12"])

    def work(chosen):
        return chosen, torch.empty(2**60 if chosen.training.micro_batch > 3 else 3)

    said: list[str] = []
    found, result = shrinking(recipe, NOTHING, CPU, work, said.append, lambda: True)
    assert found.training.micro_batch == 3 and found.training.batch_rows == 12 and len(result) == 3
    assert ["12 rows" in said[0], "with 6" in said[0], "with 3" in said[1]] == [True] * 3
    with pytest.raises(ZeroDivisionError):  # whatever else goes wrong is no matter of memory
        shrinking(recipe, NOTHING, CPU, lambda chosen: 1 / 0, said.append, lambda: True)
    assert divisors(12) == [12, 6, 4, 3, 2, 1]


def test_rows_at_once_are_cut_to_what_divides_the_share_of_more_devices(book, tmp_path):
    recipe = settings.override(
        default("causal"), [*SIZE, f"data.paths={book}", "training.batch_rows=24", "training.micro_batch=8"]
    )
    prepared = prepare(recipe, tmp_path / "run", View(plain=True))
    recipe = dataclasses.replace(
        recipe, model=dataclasses.replace(recipe.model, vocab_size=prepared.tokenizer.vocab.size)
    )
    rows = {data: fitted(recipe, prepared, CPU, pytest.fail, data) for data in (1, 2, 3, 4, 24)}
    assert {data: choice[0] for data, choice in rows.items()} == {1: 8, 2: 6, 3: 8, 4: 6, 24: 1}


def test_a_run_that_goes_on_keeps_all_but_how_a_step_is_computed(book, tmp_path):
    recipe = settings.override(default("causal"), [f"data.paths={book}", *SIZE, "training.batch_rows=4"])
    whole, again = tmp_path / "whole", tmp_path / "again"
    pretrain(recipe, whole, plain=True)
    with pytest.raises(UserError, match="leave out seed=1"):
        resume(whole, ["seed=1", "training.micro_batch=2"])
    layers = settings.override(recipe, ["training.checkpoint_activations=layers"])
    pretrain(layers, again, plain=True)
    one, other = (newest(directory / "checkpoints", pytest.fail)[1] for directory in (whole, again))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert settings.load_recipe(whole / "recipe.toml").training.checkpoint_activations == "no"


# How much memory a process has had at the most.
PEAK = """
import resource, sys
from hornbook import cli
try:
    cli.main(["pretrain", "--plain", *sys.argv[1:]])
finally:
    print("peak", 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the prediction's allowance is for glibc's allocator")
@pytest.mark.parametrize("objective", ["causal", "masked", "span"])
def test_the_whole_process_has_about_the_memory_that_was_predicted(book, tmp_path, objective):
    out = tmp_path / "run"
    command = [sys.executable, "-c", PEAK, "--objective", objective, "--out", str(out)]
    done = subprocess.run(
        [*command, f"data.paths={book}", *SIZE],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    said = re.search(r"predicted memory of the process: about ([\d.]+)MB", done.stdout)
    peak = re.search(r"peak (\d+)", done.stdout)
    assert said and peak, done.stdout
    assert 0.8 * float(said[1]) < int(peak[1]) / 1e6 < 1.05 * float(said[1])
