"""Peers that train: nanoGPT's settings for a CPU, and transformers' Trainer with GPT-2 at its defaults.

trainer      transformers' GPT-2 under its Trainer, all at its defaults (AdamW 5e-5, linear, fp32, batches of 8,
             dropout 0.1), in rows of 256 and in the shape that is asked for
nanogpt      nanoGPT's settings for a CPU (README of github.com/karpathy/nanoGPT): 4 layers of 128, rows of 64,
             batches of 12, AdamW 1e-3 to 1e-4 by a cosine, 100 steps of warm-up, betas 0.9 and 0.99, weight decay
             0.1, no dropout; its loop written anew here around transformers' GPT-2
characters   the same with a vocabulary of the text's characters, as nanoGPT publishes it
"""

from __future__ import annotations

import functools
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hornbook.evaluate.perplexity import measure
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.prepare.dataset import Prepared
from hornbook.train.schedules import Schedule

CPU = torch.device("cpu")
LENGTH = 256  # of the Trainer's rows
GPT2_SHAPE = (384, 6, 6)  # width, layers, heads that can be trained on a CPU
WHOLE = 10**9  # tokens of held-out text: all of it
NANOGPT_LENGTH, NANOGPT_ROWS, NANOGPT_RATE = 64, 12, 1e-3
Each = Callable[[int, Callable[[], float]], None]  # is told a step's number, and what measures bits per byte after it


@dataclass(frozen=True)
class Peer:
    """GPT-2 of transformers, as hornbook.evaluate measures models."""

    model: Any

    def nats(self, batch: Tensors) -> Tensor:
        """Return the nats of the scored positions [N]; unlike ours, a text sees the one before it in its row."""
        logits = self.model(input_ids=batch.inputs).logits.flatten(0, 1)[batch.scored]
        return torch.nn.functional.cross_entropy(logits, batch.targets.flatten()[batch.scored], reduction="none")

    def bits_per_byte(self, prepared: Prepared, length: int) -> float:
        """Measure on all held-out documents, in rows of `length`."""
        rows, size = replace(prepared, row_length=length).held_out_rows(WHOLE)
        self.model.eval()
        with torch.no_grad():
            moved = functools.partial(to_tensors, device=CPU)
            found = measure(self, rows, prepared.objective, moved, batch_rows=16, seed=0, text_bytes=size)
        self.model.train()
        assert found.bits_per_byte is not None
        return found.bits_per_byte


def gpt2(vocabulary: int, length: int, shape: tuple[int, int, int], dropout: float, seed: int) -> Any:
    """Return transformers' GPT-2 with its own first values."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    width, layers, heads = shape
    config = GPT2Config(
        vocab_size=vocabulary, n_positions=length, n_embd=width, n_layer=layers, n_head=heads, bos_token_id=1,
        eos_token_id=2, resid_pdrop=dropout, embd_pdrop=dropout, attn_pdrop=dropout,
    )  # fmt: skip
    return GPT2LMHeadModel(config).train()


def tokens_of(prepared: Prepared, length: int) -> Tensor:
    """Return the training text as int64[rows, length]."""
    rows = replace(prepared, row_length=length).training_rows
    found = rows.rows(np.arange(len(rows)), np.zeros(len(rows), np.uint64)).tokens[:, :length]
    return torch.from_numpy(found.astype(np.int64))


def trainer(
    training: Prepared, test: Prepared, steps: int, run_steps: int, each: Each, *, shape: tuple[int, int, int],
    seed: int = 0,
) -> None:  # fmt: skip
    """Train `steps` of `run_steps` steps with transformers' Trainer at its defaults; shape = width, layers, heads."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    model = gpt2(training.tokenizer.vocab.size, LENGTH, shape, 0.1, seed)

    class Each(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            each(state.global_step, lambda: Peer(model).bits_per_byte(test, LENGTH))
            control.should_training_stop = state.global_step >= steps

    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch, max_steps=run_steps, use_cpu=True, save_strategy="no", disable_tqdm=True,
            report_to="none", seed=42 + seed,
        )  # fmt: skip
        examples = [{"input_ids": row, "labels": row} for row in tokens_of(training, LENGTH)]
        Trainer(model=model, args=arguments, train_dataset=examples, callbacks=[Each()]).train()


def nanogpt(training: Prepared, test: Prepared, steps: int, run_steps: int, each: Each, *, seed: int = 0) -> None:
    """Train with nanoGPT's settings for a CPU on the tokens of a text."""
    model = gpt2(training.tokenizer.vocab.size, NANOGPT_LENGTH, (128, 4, 4), 0.0, seed)
    stream = tokens_of(training, NANOGPT_LENGTH).flatten()
    _nanogpt(model, stream, steps, run_steps, each, lambda: Peer(model).bits_per_byte(test, NANOGPT_LENGTH), seed)


def characters(training: str, test: str, steps: int, run_steps: int, each: Each, *, seed: int = 0) -> None:
    """Train with nanoGPT's settings for a CPU on the characters of a text."""
    known = {character: place for place, character in enumerate(sorted({*training, *test}))}
    stream, tested = (torch.tensor([known[character] for character in text]) for text in (training, test))
    model = gpt2(len(known), NANOGPT_LENGTH, (128, 4, 4), 0.0, seed)
    size = len(test.encode())

    def bits() -> float:
        blocks = tested[1:][: (len(tested) - 1) // NANOGPT_LENGTH * NANOGPT_LENGTH].view(-1, NANOGPT_LENGTH)
        before = tested[: blocks.numel()].view_as(blocks)
        model.eval()
        with torch.no_grad():
            parts = zip(before.split(64), blocks.split(64), strict=True)
            nats = sum(float(_nats(model, one, other, "sum")) for one, other in parts)
        model.train()
        return nats / math.log(2) / blocks.numel() * len(tested) / size

    _nanogpt(model, stream, steps, run_steps, each, bits, seed)


def _nats(model: Any, inputs: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    logits = model(input_ids=inputs).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction=reduction)


def _nanogpt(
    model: Any, stream: Tensor, steps: int, run_steps: int, each: Each, bits: Callable[[], float], seed: int
) -> None:
    """Take nanoGPT's steps on a stream of ids: 100 steps of warm-up, a cosine to a tenth of 1e-3."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        lr=NANOGPT_RATE, betas=(0.9, 0.99), fused=True,
    )  # fmt: skip
    schedule = Schedule("cosine", run_steps, warmup=100, final=0.1)
    order = torch.Generator().manual_seed(seed)
    for step in range(steps):
        starts = torch.randint(len(stream) - NANOGPT_LENGTH - 1, (NANOGPT_ROWS, 1), generator=order)
        batch = stream[starts + torch.arange(NANOGPT_LENGTH + 1)]
        _nats(model, batch[:, :-1], batch[:, 1:]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = NANOGPT_RATE * schedule(step)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        each(step + 1, bits)
