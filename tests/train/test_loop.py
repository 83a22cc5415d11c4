"""The loop on a tiny real model: resuming is bitwise, accumulation is exact, divergence and signals are handled."""

import dataclasses
import os
import signal
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from hornbook.errors import DivergedError, Interrupted, UserError
from hornbook.signals import SignalHandler
from hornbook.tokens.timeline import Timeline
from hornbook.train import checkpoints
from hornbook.train.loop import Loop, Plan
from hornbook.train.metrics import MetricsFile, read_metrics
from hornbook.train.optimizers import Optimizers
from hornbook.train.pace import Pace
from hornbook.train.parallel import Parallel
from hornbook.train.schedules import Schedule

STEPS = 12


@dataclass(frozen=True)
class Numbers:
    """A batch of a regression problem whose rows count differently."""

    x: torch.Tensor
    y: torch.Tensor
    count: float
    positions: int = 4
    padding: int = 1
    scored_targets: int = 2
    other_targets: int = 1


class Source:
    """Batches as a pure function of the step, cut into micro-batches of `micro` rows."""

    def __init__(self, micro: int = 4) -> None:
        self.micro = micro
        self.before = lambda step: None

    def steps(self, first, last):
        for step in range(first, last):
            self.before(step)
            generator = torch.Generator().manual_seed(step)
            x = torch.randn(8, 6, generator=generator)
            y = x.sum(1, keepdim=True).tanh()
            yield [
                Numbers(x[i : i + self.micro], y[i : i + self.micro], self.micro / 2) for i in range(0, 8, self.micro)
            ]


class Net(nn.Module):
    """Two matrices inside `.layers.` for Muon, a norm and an output for AdamW, and dropout."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Module()
        self.body.layers = nn.ModuleList([nn.Linear(6, 8), nn.Linear(8, 8)])
        self.norm = nn.LayerNorm(8)
        self.output = nn.Linear(8, 1)
        self.dropout = 0.0
        self.scale = 1.0

    def loss(self, batch: Numbers) -> torch.Tensor:
        x = batch.x
        for layer in self.body.layers:
            x = nn.functional.dropout(layer(x).relu(), self.dropout, self.training)
        return ((self.output(self.norm(x)) - batch.y) ** 2).sum() * self.scale


def make(directory, *, kind="muon", micro=4, steps=STEPS, dropout=0.1, source=None, sinks=()):
    net = Net()
    net.dropout = dropout
    optimizers = Optimizers(
        net.named_parameters(), kind=kind, learning_rate=0.02, muon_learning_rate=0.04, embedding_rate=0.02,
        weight_decay=0.1, betas=(0.9, 0.95), epsilon=1e-8,
    )  # fmt: skip
    plan = Plan(
        tokens_per_step=8, flops_per_step=1.0, matmul_flops=1.0, evaluate_every=5, record_every=1,
        checkpoint_minutes=1e9, keep_checkpoints=2, clip=1.0, bf16=False, seed=3,
    )  # fmt: skip
    return Loop(
        model=net, loss=net.loss, optimizers=optimizers, batches=(source or Source(micro)).steps,
        schedule=Schedule("wsd", steps, 0.2, 0.4), pace=Pace(Timeline(((0, steps),))), plan=plan,
        device=torch.device("cpu"), directory=directory,
        measure=lambda: {"loss": 2.5}, sinks=list(sinks), say=pytest.fail, stopping=SignalHandler(),
        parallel=Parallel(net),
    )  # fmt: skip


def weights(loop):
    return {name: value.clone() for name, value in loop.model.state_dict().items()}


def equal(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
@pytest.mark.parametrize("stop_after", [1, 4, 11])
def test_stopped_and_resumed_ends_with_the_same_bits(tmp_path, kind, stop_after):
    whole = make(tmp_path / "whole", kind=kind)
    whole.run()
    part = make(tmp_path / "part", kind=kind)

    def stop(step):
        if step == stop_after - 1:
            part.stopping.signal_number = signal.SIGTERM

    part.batches.__self__.before = stop
    with pytest.raises(Interrupted, match="Continue with: hornbook pretrain --resume") as stopped:
        part.run()
    assert stopped.value.exit_code == 128 + signal.SIGTERM
    rest = make(tmp_path / "part", kind=kind)
    assert rest.restore() == stop_after
    rest.run()
    assert equal(weights(whole), weights(rest))
    assert not equal(weights(whole), weights(part))


def test_a_state_of_other_parameters_is_refused(tmp_path):
    loop = make(tmp_path)
    state = {f"model.{name}": value for name, value in weights(loop).items()}
    checkpoints.save(tmp_path / "checkpoints", 1, state | {"optimizer.other.weight.exp_avg": torch.zeros(1)}, {}, 1)
    with pytest.raises(UserError, match=r"other\.weight"):
        loop.restore()


def test_the_loss_falls(tmp_path):
    loop = make(tmp_path, dropout=0.0, steps=60, sinks=[MetricsFile(tmp_path / "m.jsonl", 0)])
    loop.run()
    losses = [record["loss"] for record in read_metrics(tmp_path / "m.jsonl") if record["kind"] == "train"]
    assert len(losses) == 60 and sum(losses[-10:]) < 0.5 * sum(losses[:10])


def test_records_say_which_share_of_the_positions_is_no_padding(tmp_path):
    class Ragged(Source):
        def steps(self, first, last):
            for step, batches in enumerate(super().steps(first, last), first):
                yield [dataclasses.replace(batch, positions=10, padding=step % 3) for batch in batches]

    loop = make(tmp_path, source=Ragged(), steps=6, sinks=[MetricsFile(tmp_path / "m.jsonl", 0)])
    loop.plan = dataclasses.replace(loop.plan, record_every=3)
    loop.run()
    shares = [record["useful_share"] for record in read_metrics(tmp_path / "m.jsonl") if record["kind"] == "train"]
    assert shares == pytest.approx([0.9, 0.9])


def test_positions_padding_and_targets_are_counted_since_the_first_step_over_all_starts(tmp_path):
    part = make(tmp_path, sinks=[MetricsFile(tmp_path / "m.jsonl", 0)])

    def stop(step):
        part.stopping.signal_number = signal.SIGTERM if step == 3 else None

    part.batches.__self__.before = stop
    with pytest.raises(Interrupted):
        part.run()
    rest = make(tmp_path, sinks=[MetricsFile(tmp_path / "m.jsonl", 4)])
    rest.restore()
    rest.run()
    found = [record for record in read_metrics(tmp_path / "m.jsonl") if record["kind"] == "train"]
    assert [(record["positions"], record["padding"], record["scored"]) for record in found] == [
        (8 * step, 2 * step, 4 * step) for step in range(1, STEPS + 1)
    ]
    assert rest.counts() == {
        "positions": 8 * STEPS,
        "padding": 2 * STEPS,
        "scored": 4 * STEPS,
        "not_scored": 2 * STEPS,
    }


def test_a_run_whose_version_counted_less_goes_on_with_what_it_counted(tmp_path):
    loop = make(tmp_path, steps=1)
    loop.counted = (0, 0, 0)
    loop.run()
    again = make(tmp_path, steps=2)
    again.restore()
    again.run()
    assert again.counts() == {"positions": 16, "padding": 4, "scored": 8}


def test_a_run_that_an_earlier_version_began_has_no_counts(tmp_path):
    loop = make(tmp_path, steps=1)
    loop.counted = ()
    loop.run()
    again = make(tmp_path, steps=2, sinks=[MetricsFile(tmp_path / "m.jsonl", 1)])
    again.restore()
    again.run()
    assert not {"positions", "padding", "scored"} & set(read_metrics(tmp_path / "m.jsonl")[0])


class Asked:
    """Samples that note when they are asked for."""

    def __init__(self, every):
        self.every, self.steps = every, []

    def write(self, step):
        self.steps.append(step)


@pytest.mark.parametrize(("every", "expected"), [(1, [2, 4, 6, 8, 10, 11]), (2, [2, 6, 10, 11]), (9, [2, 11])])
def test_samples_come_at_measurements_every_so_many_and_at_the_end(tmp_path, every, expected):
    loop = make(tmp_path, steps=11)
    loop.plan = dataclasses.replace(loop.plan, evaluate_every=2)
    loop.samples = Asked(every)
    loop.run()
    assert loop.samples.steps == expected


def test_accumulation_equals_the_whole_batch(tmp_path):
    runs = [make(tmp_path / str(micro), micro=micro, dropout=0.0) for micro in (1, 2, 8)]
    for run in runs:
        run.run()
    reference = weights(runs[-1])
    for run in runs[:-1]:
        for name, value in weights(run).items():
            torch.testing.assert_close(value, reference[name], rtol=1e-4, atol=1e-5)


def spoiled(directory, steps, value=float("nan"), **options):
    """A loop that saves after every step, and whose loss is spoiled in some steps (from 0); and what it says."""
    path = directory / "metrics.jsonl"
    loop = make(directory, **options)
    loop.sinks = [MetricsFile(path, 0)]
    loop.plan = dataclasses.replace(loop.plan, checkpoint_minutes=1e-9, record_every=4)
    said = []
    loop.say = said.append

    def spoil(step):
        loop.model.scale = value if step in steps else 1.0

    loop.batches.__self__.before = spoil
    return loop, said


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_an_update_that_is_not_finite_is_skipped_said_and_counted(tmp_path, value):
    loop, said = spoiled(tmp_path, {2, 5}, value)
    before, after = {}, {}
    update = loop._update

    def watched(batches):
        before[loop.step] = weights(loop) | {name: v.clone() for name, v in loop.optimizers.state().items()}
        found = update(batches)
        after[loop.step - 1] = weights(loop) | loop.optimizers.state()
        if loop.step - 1 in (2, 5):
            assert equal(before[loop.step - 1], after[loop.step - 1])
        return found

    loop._update = watched
    loop.run()
    assert len(said) == 2 and "step 3: the loss is" in said[0] and "(2 so far)" in said[1]
    records = {r["step"]: r for r in read_metrics(tmp_path / "metrics.jsonl") if r["kind"] == "train"}
    assert [step for step, record in records.items() if record["loss"] is None] == [3, 6]
    assert records[3]["gradient_norm"] is None and records[3]["not_finite"] == "loss, gradient_norm"
    assert [records[step]["skipped_updates"] for step in (3, 4, 6, 8, 12)] == [1, 1, 2, 2, 2]
    assert all(value.isfinite().all() for value in weights(loop).values())


def test_one_micro_batch_whose_loss_is_infinite_spoils_the_whole_step_though_its_gradient_is_finite(tmp_path):
    loop, said = spoiled(tmp_path, set(), micro=2)
    loss, number = loop.loss, iter(range(10**6))
    loop.loss = lambda batch: loss(batch) + (float("inf") if next(number) == 9 else 0.0)  # the second of step 3's four
    loop.run()
    assert len(said) == 1 and said[0].startswith("step 3: the loss is inf")


def test_three_skipped_updates_in_a_row_end_the_run_and_the_checkpoint_that_is_kept_is_sound(tmp_path):
    loop, said = spoiled(tmp_path, {4, 6, 7, 8})
    with pytest.raises(
        DivergedError, match=r"3 steps in a row, at step 9 of 12\. The checkpoint of step 6"
    ) as diverged:
        loop.run()
    assert diverged.value.exit_code == 4 and len(said) == 3
    again = make(tmp_path)
    assert again.restore() == 6  # no state is kept that cannot be computed with
    assert all(value.isfinite().all() for value in weights(again).values())


def test_a_run_resumed_among_skipped_updates_counts_on(tmp_path):
    loop, _ = spoiled(tmp_path, {6, 7, 8})

    def stop(batches):
        loop.stopping.signal_number = signal.SIGTERM if loop.step == 7 else None
        return Loop._update(loop, batches)

    loop._update = stop
    with pytest.raises(Interrupted):
        loop.run()
    again, _ = spoiled(tmp_path, {6, 7, 8})
    assert again.restore() == 8
    with pytest.raises(DivergedError, match="3 steps in a row, at step 9"):
        again.run()


def test_a_last_update_that_is_not_finite_is_no_success(tmp_path):
    loop, _ = spoiled(tmp_path, {STEPS - 1})
    with pytest.raises(DivergedError, match=f"at step {STEPS} of {STEPS}. The checkpoint of step {STEPS - 1}"):
        loop.run()
    assert make(tmp_path).restore() == STEPS - 1


@pytest.mark.parametrize("where", ["weight", "state"])
def test_a_state_that_is_not_finite_is_not_saved_whatever_the_loss_says(tmp_path, where):
    loop, _ = spoiled(tmp_path, set())
    step = loop.optimizers.step

    def overflow(share):
        step(share)
        if loop.step == 5:
            parameter = loop.model.output.bias
            state = loop.optimizers._parts[-1].state[parameter]["exp_avg_sq"]
            (parameter.data if where == "weight" else state).fill_(float("inf"))

    loop.optimizers.step = overflow
    name = "model.output.bias" if where == "weight" else "optimizer.output.bias.exp_avg_sq"
    with pytest.raises(DivergedError, match=rf"{name} is not finite after step 6. The checkpoint of step 5"):
        loop.run()
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step-00000004", "step-00000005"]


def test_a_measurement_that_is_not_finite_is_null_and_says_so(tmp_path):
    path = tmp_path / "m.jsonl"
    loop = make(tmp_path, sinks=[MetricsFile(path, 0)])
    loop.measure = lambda: {"loss": float("nan"), "text_loss": 2.0, "perplexity": None}
    loop.run()
    assert "NaN" not in path.read_text()
    found = next(record for record in read_metrics(path) if record["kind"] == "held_out")
    wanted = {"loss": None, "text_loss": 2.0, "perplexity": None, "not_finite": "loss, perplexity"}
    assert found.pop("seconds") > 0 and found.pop("time") > 0
    assert found == {"kind": "held_out", "step": 5, **wanted}


def test_records_are_on_the_disk_before_the_checkpoint_that_passes_them(tmp_path, monkeypatch):
    synced, order = os.fsync, []

    def fsync(descriptor):
        order.append(os.readlink(f"/proc/self/fd/{descriptor}").rpartition("/")[2])
        synced(descriptor)

    loop = make(tmp_path, sinks=[MetricsFile(tmp_path / "metrics.jsonl", 0)])
    monkeypatch.setattr(os, "fsync", fsync)
    loop.run()
    assert order.index("metrics.jsonl") < order.index("state.safetensors")
    assert order.index(tmp_path.name) < order.index("checkpoints")  # the entry of the new folder, too


def test_a_real_signal_is_heard_once_and_the_old_handler_comes_back():
    before = signal.getsignal(signal.SIGTERM)
    stopping = SignalHandler()
    with stopping.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopping.signal_number == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) == before
    assert signal.getsignal(signal.SIGTERM) == before


def test_metrics_after_the_resumed_step_are_dropped_and_a_cut_line_is_harmless(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"kind": "train", "step": 1}\n{"kind": "train", "step": 2}\n{"kind": "tra')
    file = MetricsFile(path, 1)
    file.write({"kind": "train", "step": 2, "again": True})
    file.close()
    assert read_metrics(path) == [{"kind": "train", "step": 1}, {"kind": "train", "step": 2, "again": True}]


def test_evaluation_happens_at_its_steps_and_at_the_end(tmp_path):
    sink = MetricsFile(tmp_path / "m.jsonl", 0)
    make(tmp_path, sinks=[sink]).run()
    measured = [(r["step"], r["loss"]) for r in read_metrics(tmp_path / "m.jsonl") if r["kind"] == "held_out"]
    assert measured == [(5, 2.5), (10, 2.5), (12, 2.5)]


@pytest.mark.parametrize(("kind", "peaks"), [("muon", (0.02, 0.04)), ("adamw", (0.02,))])
def test_records_have_the_rates_of_the_step_and_the_schedules_multiplier(tmp_path, kind, peaks):
    loop = make(tmp_path, kind=kind, sinks=[MetricsFile(tmp_path / "m.jsonl", 0)])
    used = []
    update = loop.optimizers.step
    loop.optimizers.step = lambda share: (used.append(share), update(share))
    loop.run()
    names = ("learning_rate", "muon_learning_rate")[: len(peaks)]
    records = [record for record in read_metrics(tmp_path / "m.jsonl") if record["kind"] == "train"]
    assert [record["lr_scale"] for record in records] == used and len(set(used)) > 3
    for record in records:
        found = {name: value for name, value in record.items() if name.endswith("learning_rate")}
        assert found == {name: peak * record["lr_scale"] for name, peak in zip(names, peaks, strict=True)}
