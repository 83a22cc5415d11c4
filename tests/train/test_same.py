"""Speed changes no result: every objective's losses are those of a plain training loop, step for step.

The plain loop has all logits of all positions and torch's cross-entropy, attention and norms written out, one backward
pass for the whole step, torch's own AdamW and Muon one tensor at a time, and no compilation. Both train in fp64, since
training multiplies rounding errors: in fp32 two orders of the same additions are 1e-2 apart after 50 steps. In fp32 the
two are compared at the same weights, at each step.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from hornbook.console import View
from hornbook.model import attention, documents, electra, layers
from hornbook.model.parts import Norm
from hornbook.objectives.catalogue import CATALOGUE
from hornbook.prepare.dataset import Prepared, prepare
from hornbook.recipes import settings
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.run.build import build_compiled, build_loader, build_model, build_optimizers
from hornbook.signals import SignalHandler
from hornbook.tokens.timeline import Timeline
from hornbook.train.loop import Loop, Plan
from hornbook.train.machine import has_compiler
from hornbook.train.pace import Pace
from hornbook.train.parallel import Parallel
from hornbook.train.schedules import Schedule

CPU, STEPS = torch.device("cpu"), 50
MORE = {"mixture": ["objective.objectives=span,bart", "objective.weights=2,1"]}
SMALL = [
    f"budget.steps={STEPS}",
    "model.width=32",
    "model.layers=1",
    "model.heads=2",
    "model.max_length=64",
    "model.dropout=0",
    "training.batch_rows=4",
    "training.micro_batch=2",
    "training.precision=fp32",
    "training.compile=no",
    "training.evaluate_every=1000",
    "training.workers=0",
    "training.learning_rate=0.003",
    "training.muon_learning_rate=0.01",
    "tokenizer.size=350",
]


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    lines = [
        f"The {who} {does} {what}." for who in ("cat", "dog", "king") for does in ("sees", "eats") for what in "abcde"
    ]
    path.write_text("\n\n".join(" ".join(lines[start:] + lines[:start]) for start in range(60)), encoding="utf-8")
    return path


def made(objective: str, optimizer: str, book: Path, directory: Path) -> tuple[Recipe, Prepared]:
    more = [f"training.optimizer={optimizer}", f"data.paths={book}", *MORE.get(objective, [])]
    recipe = settings.override(default(objective), [*SMALL, *more])
    prepared = prepare(recipe, directory / "corpus", View(plain=True))
    sized = dataclasses.replace(recipe.model, vocab_size=prepared.tokenizer.vocab.size)
    return dataclasses.replace(recipe, model=sized), prepared


class Losses(list):
    """A sink that keeps what was trained."""

    def write(self, record) -> None:
        if record["kind"] == "train":
            self.append(record["loss"])


def fast(
    recipe: Recipe,
    prepared: Prepared,
    directory: Path,
    kind: torch.dtype,
    watch=None,
    compiled=False,
    measured=False,
    bf16=False,
):
    """Return the losses of our own loop; `watch` sees each micro-batch's loss beside the model and the batch.

    `measured` = the model is used on a smaller batch as well, every tenth step, as measuring does.
    """
    model, losses = build_model(recipe, CPU).to(kind), Losses()
    if compiled:
        model.compile_layers()

    def loss(batch):
        nats = model.loss(batch)
        if watch is not None:
            watch(model, batch, nats)
        return nats

    def measure():
        batch = dataclasses.replace(build_loader(recipe, prepared, CPU), micro_batch=1).step(0)[0]
        return {"loss": float(model.nats(batch).sum())}

    plan = Plan(
        tokens_per_step=1, flops_per_step=1.0, matmul_flops=1.0, record_every=1,
        evaluate_every=10 if measured else 10**9,
        checkpoint_minutes=1e9, keep_checkpoints=1, clip=recipe.training.clip, bf16=bf16, seed=0,
    )  # fmt: skip
    Loop(
        model=model, loss=loss, optimizers=build_optimizers(Parallel(model), recipe),
        batches=build_loader(recipe, prepared, CPU).steps, schedule=schedule(recipe),
        pace=Pace(Timeline(((0, STEPS),))), plan=plan, device=CPU, directory=directory, measure=measure,
        sinks=[losses], say=pytest.fail, stopping=SignalHandler(), parallel=Parallel(model),
    ).run()  # fmt: skip
    return losses


def schedule(recipe: Recipe) -> Schedule:
    training = recipe.training
    return Schedule(training.schedule, STEPS, training.warmup, training.decay, training.final_rate)


def plain(recipe: Recipe, prepared: Prepared) -> list[float]:
    """Return the losses of the plain loop, in fp64."""
    training = recipe.training
    model = build_model(recipe, CPU).double()
    groups = {True: [], False: []}
    for name, parameter in model.named_parameters():
        groups[parameter.ndim == 2 and ".layers." in name].append(parameter)
    peaks = {
        True: training.muon_learning_rate if training.optimizer == "muon" else training.learning_rate,
        False: training.learning_rate,
    }
    betas, decay = (training.beta1, training.beta2), training.weight_decay
    if training.optimizer == "muon":
        matrices = torch.optim.Muon(groups[True], weight_decay=decay, adjust_lr_fn="match_rms_adamw")
    else:
        matrices = stock_adamw(groups[True], decay, betas, training.epsilon)
    optimizers = {True: matrices, False: stock_adamw(groups[False], 0.0, betas, training.epsilon)}
    rates, losses = schedule(recipe), []
    for number, batches in enumerate(build_loader(recipe, prepared, CPU).steps(0, STEPS)):
        total = sum(plain_loss(model, batch) for batch in batches) / sum(batch.count for batch in batches)
        total.backward()
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        norm = math.sqrt(sum(float((gradient.double() ** 2).sum()) for gradient in gradients))
        for gradient in gradients:
            gradient *= min(1.0, training.clip / (norm + 1e-6))
        for kind, optimizer in optimizers.items():
            optimizer.param_groups[0]["lr"] = peaks[kind] * rates(number)
            optimizer.step()
            optimizer.zero_grad()
        losses.append(float(total.detach()))
    return losses


def stock_adamw(parameters, decay, betas, epsilon) -> torch.optim.AdamW:
    return torch.optim.AdamW(parameters, betas=betas, eps=epsilon, weight_decay=decay, foreach=False, fused=False)


def plain_loss(model, batch) -> torch.Tensor:
    if isinstance(model, electra.Electra):
        return model.loss(batch)  # its cross-entropy is replaced by `plain_cross_entropy`
    hidden = model.hidden(batch)
    logits = model.output(hidden).flatten(0, 1)
    nats = F.cross_entropy(logits, batch.targets.flatten(), reduction="none")
    loss = (nats * batch.weights.flatten()).sum()
    if batch.pair is None:
        return loss
    return loss + (F.cross_entropy(model.pair(hidden[:, 0]), batch.pair, reduction="none") * batch.counts).sum()


def plain_cross_entropy(hidden, weight, bias, targets, weights, kind, kernel) -> torch.Tensor:
    return (F.cross_entropy(F.linear(hidden, weight, bias), targets, reduction="none") * weights).sum()


def plain_attention(queries, keys, values, mask, causal, scale) -> torch.Tensor:
    groups = queries.shape[1] // keys.shape[1]
    scores = scale * queries @ keys.repeat_interleave(groups, 1).transpose(-1, -2)
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -math.inf)
    return torch.softmax(scores if mask is None else scores + mask, -1) @ values.repeat_interleave(groups, 1)


def plain_norm(self, x) -> torch.Tensor:
    if self.centred:
        x = x - x.mean(-1, keepdim=True)
    x = x / torch.sqrt((x**2).mean(-1, keepdim=True) + self.epsilon) * self.weight
    return x if self.bias is None else x + self.bias


@contextlib.contextmanager
def everything_plain():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "attend", plain_attention)
        patch.setattr(layers, "documents_of", lambda *_: None)
        patch.setattr(layers, "FEW", -1.0)  # every layer computes all positions
        patch.setattr(electra, "linear_cross_entropy", plain_cross_entropy)
        patch.setattr(Norm, "forward", plain_norm)
        patch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)  # torch's Muon rounds to bf16 first; ours need not
        yield


OBJECTIVES = [(name, "muon") for name in CATALOGUE] + [("causal", "adamw")]


@pytest.mark.parametrize(("objective", "optimizer"), OBJECTIVES)
def test_fifty_steps_are_those_of_the_plain_loop(objective, optimizer, book, tmp_path):
    recipe, prepared = made(objective, optimizer, book, tmp_path)
    found = fast(recipe, prepared, tmp_path, torch.float64)
    with everything_plain():
        wanted = plain(recipe, prepared)
    assert found == pytest.approx(wanted, rel=1e-6, abs=0.0)
    assert wanted[-1] < 0.95 * wanted[0], "nothing was learned"


def same_at_each_step(recipe, prepared, directory, *, compiled):
    """Train in fp32 and compare each micro-batch's loss with the plain one at the same weights."""
    pairs = []

    def watch(model, batch, nats):
        with everything_plain(), torch.no_grad():
            pairs.append((float(nats.detach()), float(plain_loss(model, batch))))

    fast(recipe, prepared, directory, torch.float32, watch, compiled=compiled)
    assert len(pairs) >= 2 * STEPS
    assert [found for found, _ in pairs] == pytest.approx([wanted for _, wanted in pairs], rel=1e-6, abs=0.0)


@pytest.mark.parametrize("objective", list(CATALOGUE))
def test_in_fp32_each_loss_is_the_plain_one_at_the_same_weights(objective, book, tmp_path):
    recipe, prepared = made(objective, "muon", book, tmp_path)
    same_at_each_step(recipe, prepared, tmp_path, compiled=False)


@pytest.fixture
def within_documents(monkeypatch):
    """Attention by documents, which such short rows would not use; returns a list that grows where it is used."""
    monkeypatch.setattr(documents, "_CALL", 0)
    monkeypatch.setattr(documents, "_PAYS", 1.0)
    used = []

    def counted(*segments):
        found = documents.documents_of(*segments)
        used.extend([found] if found else [])
        return found

    monkeypatch.setattr(layers, "documents_of", counted)
    return used


@pytest.mark.parametrize("objective", ["causal", "prefix", "masked", "span", "replaced", "nsp"])
def test_within_documents_each_loss_is_the_plain_one_at_the_same_weights(objective, book, tmp_path, within_documents):
    recipe, prepared = made(objective, "muon", book, tmp_path)
    same_at_each_step(recipe, prepared, tmp_path, compiled=False)
    assert len(within_documents) >= 10


@pytest.mark.slow
@pytest.mark.skipif(not has_compiler(CPU), reason="no C++ compiler")
def test_documents_of_all_lengths_are_read_by_layers_compiled_once(book, tmp_path, within_documents):
    recipe, prepared = made("causal", "adamw", book, tmp_path)
    expected = fast(recipe, prepared, tmp_path / "eager", torch.float32)
    within_documents.clear()
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    found = fast(recipe, prepared, tmp_path / "compiled", torch.float32, compiled=True)
    assert len(within_documents) >= 10
    assert found[0] == pytest.approx(expected[0], rel=1e-6)  # later ones multiply rounding errors
    # A layer before and behind its attention, with documents and with a mask, perhaps without one; and the loss.
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 8


@pytest.mark.slow
@pytest.mark.skipif(not has_compiler(CPU), reason="no C++ compiler")
@pytest.mark.parametrize("objective", ["causal", "masked", "span", "replaced", "mixture"])
def test_compiled_each_loss_is_the_plain_one_at_the_same_weights(objective, book, tmp_path):
    recipe, prepared = made(objective, "muon", book, tmp_path)
    same_at_each_step(recipe, prepared, tmp_path, compiled=True)


@pytest.mark.slow
@pytest.mark.parametrize("objective", list(CATALOGUE))
def test_in_bf16_the_curve_is_nearer_to_that_of_fp32_than_another_seeds(objective, book, tmp_path):
    recipe, prepared = made(objective, "muon", book, tmp_path)
    curves = {}
    for bf16 in (False, True):
        for seed in range(3):
            name = "bf16" if bf16 else "fp32"
            seeded = dataclasses.replace(
                recipe, seed=seed, training=dataclasses.replace(recipe.training, precision=name)
            )
            found = fast(seeded, prepared, tmp_path / f"{name}-{seed}", torch.float32, bf16=bf16)
            curves[name, seed] = torch.tensor(found).view(5, -1).mean(1)  # of ten steps each
    apart = torch.stack([(curves["bf16", seed] - curves["fp32", seed]).abs() for seed in range(3)]).mean(0)
    spread = torch.stack([(curves["fp32", a] - curves["fp32", b]).abs() for a, b in ((0, 1), (0, 2), (1, 2))]).mean(0)
    assert not torch.equal(curves["bf16", 0], curves["fp32", 0])
    assert (apart <= spread).all(), f"{apart} of bf16, {spread} of seeds"
    assert curves["bf16", 0][-1] < 0.95 * curves["bf16", 0][0], "nothing was learned"


@pytest.mark.slow
@pytest.mark.skipif(not has_compiler(CPU), reason="no C++ compiler")
def test_layers_are_compiled_once_for_each_form_of_the_mask_and_never_for_measuring(book, tmp_path):
    recipe, prepared = made("causal", "adamw", book, tmp_path)
    recipe = dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, layers=3))
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    fast(recipe, prepared, tmp_path, torch.float32, compiled=True, measured=True)
    # One row more or less, three layers, training and measuring: with a mask, perhaps without one, and the loss.
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 4


def test_where_nothing_can_be_compiled_training_goes_on_and_says_so(book, tmp_path, monkeypatch):
    recipe, prepared = made("causal", "muon", book, tmp_path)

    def broken(graph, examples):
        raise RuntimeError("no compiler\nat all")

    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: setattr(
        self, "_compiled_call_impl", torch.compile(self._call_impl, backend=broken)
    ))  # fmt: skip
    said = []
    model = build_compiled(
        settings.override(recipe, ["training.compile=yes"]), CPU, build_loader(recipe, prepared, CPU), said.append
    )
    assert len(said) == 1 and "continues uncompiled" in said[0] and "\n" not in said[0]
    batch, uncompiled = build_loader(recipe, prepared, CPU).step(1)[0], build_model(recipe, CPU)
    assert torch.equal(model.loss(batch), uncompiled.loss(batch))
