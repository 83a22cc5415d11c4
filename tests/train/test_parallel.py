"""The same model on one process and on several: the same batches, the same losses, the same weights.

Two shares of rows, added, are what one process adds that computes the same two micro-batches: equal to the bit, by
Muon, clipping and dropout too. Elsewhere sums have another order, and losses differ by rounding: 1e-6 is promised.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from pathlib import Path

import numpy as np
import processes
import pytest
import torch
from stories import result_of

from hornbook.api import load
from hornbook.errors import UserError
from hornbook.recipes import settings
from hornbook.recipes.named import default
from hornbook.run.directory import open_run
from hornbook.run.pretrain import pretrain, resume
from hornbook.train import loop
from hornbook.train.checkpoints import newest
from hornbook.train.metrics import read_metrics
from hornbook.train.parallel import MeshConfig, Parallel, arrange

SMALL = (
    "data.clean=none",
    "budget.steps=6",
    "model.width=64",
    "model.vocab_size=320",  # cells of a part that fill no vector register are rounded in another way
    "model.layers=2",
    "model.heads=2",
    "model.max_length=32",
    "training.batch_rows=8",
    "training.precision=fp32",
    "training.compile=no",
    "training.evaluate_tokens=300",
    "training.workers=0",
    "tokenizer.size=330",
)
# What has to hold for each kind of model: a decoder, an encoder, an encoder-decoder, two encoders in one.
OBJECTIVES = ("causal", "masked", "span", "replaced")
MICRO = "training.micro_batch=4"  # of one process: then it adds the same two sums as two processes do


@pytest.fixture(scope="session")
def text(tmp_path_factory) -> Path:
    choose = random.Random(0).choice
    words = (["The cat", "A dog", "My aunt"], ["sees", "eats", "paints"], ["fish", "bread", "a house"])
    lines = [
        "".join(f"{choose(words[0])} {choose(words[1])} {choose(words[2])}. " for _ in range(4)) for _ in range(200)
    ]
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return path


def train(text: Path, objective: str, directory: Path, *more: str) -> None:
    pretrain(settings.override(default(objective), [f"data.paths={text}", *SMALL, *more]), directory, plain=True)


def go_on(directory: Path) -> None:
    resume(directory, plain=True)


def state(directory: Path) -> dict[str, torch.Tensor]:
    found = newest(directory / "checkpoints", pytest.fail)
    assert found is not None
    return found[1]


def losses(directory: Path) -> list[float]:
    return [record["loss"] for record in read_metrics(directory / "metrics.jsonl")]


def assert_same_bits(one: Path, other: Path) -> None:
    a, b = state(one), state(other)
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []
    assert losses(one) == losses(other)
    assert result_of(one) == result_of(other)


def assert_close(one: Path, other: Path, tolerance: float = 1e-6) -> None:
    a, b = losses(one), losses(other)
    assert len(a) == len(b)
    assert a == pytest.approx(b, rel=tolerance)


def test_two_processes_with_all_weights_or_half_of_them_end_in_the_bits_of_one(text, tmp_path):
    train(text, "causal", tmp_path / "one", MICRO, "model.dropout=0.1")
    processes.run(2, train, text, "causal", tmp_path / "two", "model.dropout=0.1")
    assert_same_bits(tmp_path / "one", tmp_path / "two")
    processes.run(2, train, text, "causal", tmp_path / "sharded", "model.dropout=0.1", "training.shards=0")
    assert_same_bits(tmp_path / "one", tmp_path / "sharded")
    one, two = ([(line["step"], line["said"]) for line in load(tmp_path / name).samples()] for name in ("one", "two"))
    assert one == two and len(one) >= 6, "rank 0 alone writes samples"
    assert not (tmp_path / "sharded" / "samples.jsonl").exists(), "no process has all weights"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "more"),
    [(name, ()) for name in OBJECTIVES] + [(name, "training.shards=0") for name in OBJECTIVES],
)
def test_fifty_steps_of_every_kind_of_model_end_in_the_bits_of_one_process(text, tmp_path, objective, more):
    more = ("model.dropout=0.1", "budget.steps=50", *([more] if more else []))
    train(text, objective, tmp_path / "one", MICRO, *more)
    processes.run(2, train, text, objective, tmp_path / "two", *more)
    assert_same_bits(tmp_path / "one", tmp_path / "two")


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES[:3])
def test_fifty_steps_by_tensor_parallel_have_the_losses_of_one_process(text, tmp_path, objective):
    more = ("training.optimizer=adamw", "training.learning_rate=1e-3", "model.dropout=0.1", "budget.steps=50")
    train(text, objective, tmp_path / "one", *more)
    processes.run(2, train, text, objective, tmp_path / "two", "training.tensor_parallel=2", *more)
    assert_close(tmp_path / "one", tmp_path / "two")


def test_tensor_parallel_has_the_losses_of_one_process_and_is_read_by_one(text, tmp_path):
    more = ("training.optimizer=adamw", "model.dropout=0.1", "training.clip=0.1")
    train(text, "span", tmp_path / "one", *more)
    processes.run(2, train, text, "span", tmp_path / "two", "training.tensor_parallel=2", *more)
    assert_close(tmp_path / "one", tmp_path / "two")
    a, b = state(tmp_path / "one"), state(tmp_path / "two")
    assert {name: value.shape for name, value in a.items()} == {name: value.shape for name, value in b.items()}
    assert open_run(tmp_path / "two").step == 6


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        (),
        ("training.shards=0",),
        ("training.shards=2",),
        ("training.tensor_parallel=2",),
        ("training.tensor_parallel=2", "training.shards=0"),
    ],
    ids=["data", "sharded", "hybrid", "data and tensor", "sharded and tensor"],
)
def test_four_processes_in_every_arrangement_have_the_losses_of_one(text, tmp_path, more):
    more = ("training.optimizer=adamw", "model.dropout=0.1", "budget.steps=50", *more)
    micro = "training.micro_batch=4" if "training.tensor_parallel=2" in more else "training.micro_batch=2"
    train(text, "causal", tmp_path / "one", micro, *more)
    processes.run(4, train, text, "causal", tmp_path / "four", *more)
    assert_close(tmp_path / "one", tmp_path / "four")


@pytest.mark.slow
@pytest.mark.parametrize("more", ["training.shards=2", "training.tensor_parallel=2"])
def test_muon_deals_matrices_out_in_every_arrangement(text, tmp_path, more):
    """Its bf16 makes a step of what is rounding elsewhere, so after the first step losses are close, not equal."""
    micro = "training.micro_batch=4" if "tensor" in more else "training.micro_batch=2"
    train(text, "causal", tmp_path / "one", micro, "model.dropout=0.0")
    processes.run(4, train, text, "causal", tmp_path / "four", more, "model.dropout=0.0")
    assert_close(tmp_path / "one", tmp_path / "four", 1e-3)


@pytest.mark.slow
def test_mixtures_whose_shares_differ_in_micro_batches_train_sharded(text, tmp_path):
    train(text, "ul2", tmp_path / "one", "training.optimizer=adamw", "model.dropout=0", "training.clip=0")
    more = ("training.optimizer=adamw", "model.dropout=0", "training.clip=0", "training.shards=0")
    processes.run(2, train, text, "ul2", tmp_path / "two", *more)
    assert_close(tmp_path / "one", tmp_path / "two")


def stop_at(step: int, directory: Path, text: Path, *more: str) -> None:
    """Train with a signal to the last process alone when a step is done."""
    import os
    import signal

    from hornbook.errors import FailedElsewhere, Interrupted
    from hornbook.train import loop

    update = loop.Loop._update

    def watched(self, micro_batches):
        found = update(self, micro_batches)
        if self.step == step and os.environ["RANK"] == str(int(os.environ["WORLD_SIZE"]) - 1):
            os.kill(os.getpid(), signal.SIGTERM)
        return found

    loop.Loop._update = watched
    try:
        train(text, "causal", directory, "model.dropout=0.1", *more)
    except (Interrupted, FailedElsewhere) as error:
        raise SystemExit(error.exit_code) from None


@pytest.mark.parametrize(
    "more", [pytest.param((), marks=pytest.mark.slow), ("training.shards=0",)], ids=["data", "sharded"]
)
def test_a_signal_to_one_stops_all_at_one_step_and_any_number_goes_on(text, tmp_path, more):
    processes.run(2, train, text, "causal", tmp_path / "whole", "model.dropout=0.1", *more)
    codes = processes.end(processes.start(2, stop_at, 3, tmp_path / "two", text, *more))
    assert codes == [143, 143]
    step = {path.name for path in (tmp_path / "two" / "checkpoints").iterdir()}
    assert step in ({"step-00000003"}, {"step-00000004"})  # a signal that comes between two steps counts in the next
    import shutil

    shutil.copytree(tmp_path / "two", tmp_path / "one")
    processes.run(2, go_on, tmp_path / "two")
    assert_same_bits(tmp_path / "whole", tmp_path / "two")
    go_on(tmp_path / "one")
    assert_same_bits(tmp_path / "whole", tmp_path / "one")


@pytest.mark.slow
@pytest.mark.parametrize(
    "more", [("training.shards=0",), ("training.shards=0", "training.tensor_parallel=2")], ids=["sharded", "tensor"]
)
def test_what_two_wrote_four_go_on_with(text, tmp_path, more):
    more = ("training.optimizer=adamw", "model.dropout=0", *more)  # dropout is drawn by micro-batch, of other sizes now
    processes.run(2, train, text, "causal", tmp_path / "whole", *more)
    codes = processes.end(processes.start(2, stop_at, 3, tmp_path / "stopped", text, *more))
    assert codes == [143, 143]
    processes.run(4, go_on, tmp_path / "stopped")
    assert_close(tmp_path / "whole", tmp_path / "stopped")


def test_a_sharded_checkpoint_has_a_file_for_each_process_and_no_pickle(text, tmp_path):
    processes.run(2, train, text, "causal", tmp_path / "run", "training.shards=0", "budget.steps=1")
    (checkpoint,) = (tmp_path / "run" / "checkpoints").iterdir()
    names = {path.name for path in checkpoint.iterdir()}
    assert names == {"manifest.json", "state-00000.safetensors", "state-00001.safetensors"}
    sizes = [facts["bytes"] for facts in json.loads((checkpoint / "manifest.json").read_text())["files"].values()]
    assert max(sizes) < 1.2 * min(sizes)
    damaged = bytearray((checkpoint / "state-00001.safetensors").read_bytes())
    damaged[-1] ^= 1
    (checkpoint / "state-00001.safetensors").write_bytes(damaged)
    with pytest.raises(UserError, match="None of the 1 checkpoints"):
        open_run(tmp_path / "run")


def train_with_an_infinite_loss(text: Path, directory: Path, *more: str) -> None:
    """Train; one micro-batch of the last process has an infinite loss, with a gradient that is finite, in step 2."""
    add = loop.add_gradients

    def spoiled(loss, *arguments, step: int, **named):
        extra = float("inf") if step == 1 and os.environ["RANK"] == "1" else 0.0
        return add(lambda batch: loss(batch) + extra, *arguments, step=step, **named)

    loop.add_gradients = spoiled
    train(text, "causal", directory, "budget.steps=4", *more)


@pytest.mark.parametrize("more", [(), ("training.shards=0",)])
def test_an_update_that_one_process_cannot_compute_is_skipped_by_all(text, tmp_path, more):
    processes.run(2, train_with_an_infinite_loss, text, tmp_path / "two", *more)
    records = [record for record in read_metrics(tmp_path / "two" / "metrics.jsonl") if record["kind"] == "train"]
    assert [record["skipped_updates"] for record in records] == [0, 1, 1, 1]
    assert [record["loss"] is None for record in records] == [False, True, False, False]
    steps = {int(value) for name, value in state(tmp_path / "two").items() if name.endswith(".step")}
    assert steps == {3}  # of AdamW, which all processes took


def hash_batches(text: Path, directory: Path, share: tuple[int, int]) -> list[bytes]:
    """Return the bytes of one share of each of 20 global batches of a run's text."""
    from hornbook.prepare.dataset import open_prepared
    from hornbook.run.build import build_loader

    run = open_run(directory)
    loader = build_loader(run.recipe, open_prepared(run.recipe, directory), torch.device("cpu"), share)
    found = []
    for number in range(20):
        batches = loader.step(number)
        found.append(b"".join(np.concatenate([b.inputs, b.targets], 1).tobytes() for b in batches))
    return found


def test_the_sequence_of_global_batches_does_not_depend_on_how_many_share_it(text, tmp_path):
    train(text, "masked", tmp_path / "run")
    digests = set()
    for shares in (1, 2, 4):
        parts = [hash_batches(text, tmp_path / "run", (share, shares)) for share in range(shares)]
        whole = hashlib.sha256(b"".join(b"".join(step) for step in zip(*parts, strict=True)))
        digests.add(whole.hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("size", "shards", "tensor", "expected"),
    [
        (1, 0, 1, (1, 1)),
        (4, 1, 1, (1, 4)),
        (4, 0, 1, (4, 4)),
        (8, 2, 2, (2, 4)),
        (8, 0, 2, (4, 4)),
        (2, 0, 2, (1, 1)),
    ],
)
def test_layouts(size, shards, tensor, expected):
    found = [arrange(size, rank, shards, tensor) for rank in range(size)]
    assert (found[0].shards, found[0].data[1]) == expected
    assert sorted(layout.data[0] for layout in found) == sorted(list(range(size // tensor)) * tensor)


def test_one_process_shares_nothing_whatever_the_recipe_says():
    assert arrange(1, 0, 2, 2) == MeshConfig()


@pytest.mark.parametrize(("size", "shards", "tensor"), [(2, 3, 1), (3, 1, 2), (4, 4, 2)])
def test_layouts_that_do_not_divide_the_devices_are_refused(size, shards, tensor):
    with pytest.raises(UserError, match=f"must divide the {size} devices"):
        arrange(size, 0, shards, tensor)


@pytest.mark.parametrize(("shards", "tensor"), [(1, 1), (4, 1), (2, 2), (1, 2), (3, 1)])
@pytest.mark.parametrize("split", [None, 0, 1])
def test_the_rectangles_of_one_copy_cover_the_whole_once(shards, tensor, split):
    layout = MeshConfig(0, shards * tensor, shards, tensor)
    seen = np.zeros((6, 4), int)
    for rank in range(layout.size):
        if split is None and rank % tensor:
            continue  # the same as in the first of the tensor group
        place = layout.rectangle((6, 4), split if tensor > 1 else None, rank)
        seen[tuple(slice(*ends) for ends in place)] += 1
    assert (seen == (shards if shards == 1 and split is None else 1)).all()


def test_clipping_is_that_of_torch():
    model = torch.nn.Linear(7, 5)
    model.weight.grad, model.bias.grad = torch.randn(5, 7), torch.randn(5)
    given = [p.grad.clone() for p in model.parameters()]
    norm = Parallel(model).clip(0.5)
    ours = [p.grad.clone() for p in model.parameters()]
    for parameter, grad in zip(model.parameters(), given, strict=True):
        parameter.grad = grad
    assert float(norm) == pytest.approx(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)), rel=1e-6)
    for mine, parameter in zip(ours, model.parameters(), strict=True):
        torch.testing.assert_close(mine, parameter.grad)


@pytest.mark.parametrize(
    ("size", "more", "says"),
    [
        (3, (), "training.batch_rows 8"),
        (2, ("training.tensor_parallel=2", "model.heads=1"), "must divide the 1 heads"),
    ],
)
def test_what_cannot_be_shared_equally_is_refused_once_in_words(text, tmp_path, size, more, says):
    codes = processes.end(processes.start(size, complain, text, tmp_path, *more))
    assert codes == [2] * size
    said = "".join(path.read_text() for path in sorted(tmp_path.glob("said-*")))
    assert said.count("hornbook: ") == 1 and says in said and "Traceback" not in said
    assert not (tmp_path / "run").exists()


def complain(text: Path, directory: Path, *more: str) -> None:
    import os

    from hornbook.cli import program as cli

    processes.quiet(directory / f"said-{os.environ['RANK']}")
    cli.main(["pretrain", "--plain", "--out", str(directory / "run"), f"data.paths={text}", *SMALL, *more])
