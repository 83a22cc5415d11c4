"""transformers' side of `benchmarks/gpu.py`: Trainer at the best of its settings for one GPU.

bf16 by autocast, sdpa attention (flash or cuDNN's kernel), fused AdamW, torch.compile, no dropout, batches prepared by
four processes into pinned memory, the largest micro-batch of a few that fits. Rows are full of random tokens.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from on_gpu import shapes
from on_gpu.ours import WARM, Emit, let_go
from train_speed import _peer_examples

from hornbook.errors import is_out_of_memory, reason_of
from hornbook.objectives.base import tokens_per_row
from hornbook.recipes.named import default
from hornbook.train.machine import best_precision, find_device, synchronise


def measure(name: str, toy: bool, scratch: Path, emit: Emit) -> None:
    """Measure one shape; every finding is emitted as soon as it is there."""
    device = find_device()
    objective, length = default(shapes.SHAPES[name].objective).objective, shapes.config(name, toy).max_length
    emit({"attention": peer_model(name, toy).config._attn_implementation})
    for rows in shapes.rows(name, toy):
        try:
            if fits(name, toy, rows, device):
                found = train_at_best(name, toy, rows, scratch, emit)
                speed = rows / found["step_seconds"]
                tokens = speed * tokens_per_row(objective, length)
                emit({"rows": rows, "rows_per_second": speed, "tokens_per_second": tokens, **found})
                return
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        let_go(device)
        emit({"out_of_memory_at": rows})
    raise MemoryError("not even the smallest micro-batch fits")


def train_at_best(name: str, toy: bool, rows: int, scratch: Path, emit: Emit) -> dict[str, float]:
    """Train compiled, or, where that fails, as it is."""
    if find_device().type == "cuda" and not toy:
        try:
            return train(name, toy, rows, True, scratch)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            emit({"compiling_failed": reason_of(error)[:300]})
    return train(name, toy, rows, False, scratch)


def train(name: str, toy: bool, rows: int, compiled: bool, scratch: Path) -> dict[str, float]:
    """Train for some five seconds behind the first steps; return the seconds of a step, and until the fourth."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    device, enough, least = find_device(), 0.0 if toy else 5.0, 2 if toy else 5
    marks: list[float] = []
    taken: dict[str, float] = {}
    begun = time.perf_counter()

    class Clock(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            warm = 2 if toy else WARM
            if state.global_step == warm:
                synchronise(device)
                marks.append(time.perf_counter())
                taken["ready_seconds"] = marks[0] - begun
            done = state.global_step - warm
            if marks and done >= least and time.perf_counter() - marks[0] >= enough:
                synchronise(device)
                taken["step_seconds"] = (time.perf_counter() - marks[0]) / done
                control.should_training_stop = True

    examples, collate = peer_examples(name, toy)
    cuda = device.type == "cuda"
    workers = {"dataloader_num_workers": 4, "dataloader_persistent_workers": True} if cuda and not toy else {}
    arguments = TrainingArguments(
        output_dir=str(scratch / "trainer"), max_steps=10**6, per_device_train_batch_size=rows, save_strategy="no",
        logging_strategy="no", report_to="none", disable_tqdm=True, use_cpu=not cuda, optim="adamw_torch_fused",
        bf16=best_precision(device) == "bf16", torch_compile=compiled, **workers,
    )  # fmt: skip
    trainer = Trainer(
        model=peer_model(name, toy), args=arguments, train_dataset=examples, data_collator=collate, callbacks=[Clock()]
    )
    trainer.train()
    return taken | {"compiled": compiled, "peak_bytes": torch.cuda.max_memory_allocated() if cuda else 0}


def fits(name: str, toy: bool, rows: int, device: torch.device) -> bool:
    """Whether one forward and backward pass of so many rows fits, nothing compiled, beside room for the optimizer."""
    examples, collate = peer_examples(name, toy, rows)
    try:
        model = peer_model(name, toy).to(device).train()
        batch = {key: value.to(device) for key, value in collate(list(examples)).items()}
        kind = {"dtype": torch.bfloat16, "enabled": best_precision(device) == "bf16"}
        with torch.autocast(device.type, **kind):
            loss = model(**batch).loss
        loss.backward()
        if device.type != "cuda":
            return True
        state = 8 * sum(parameter.numel() for parameter in model.parameters())
        most = 0.9 * torch.cuda.get_device_properties(device).total_memory
        return bool(torch.cuda.max_memory_allocated(device) + state < most)
    finally:
        model = batch = loss = None
        let_go(device)


def peer_model(name: str, toy: bool) -> Any:
    """Return transformers' model of a shape, with first weights of its own."""
    from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel, T5Config
    from transformers import T5ForConditionalGeneration as T5

    ours, objective = shapes.config(name, toy), shapes.SHAPES[name].objective
    inner, fast = ours.inner_width, {"attn_implementation": "sdpa"}
    if objective == "causal":
        none = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        return GPT2LMHeadModel(
            GPT2Config(
                vocab_size=ours.vocab_size, n_positions=ours.max_length, n_embd=ours.width, n_layer=ours.layers,
                n_head=ours.heads, n_inner=inner, bos_token_id=1, eos_token_id=2, use_cache=False, **none, **fast,
            )
        )  # fmt: skip
    if objective == "masked":
        none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        return BertForMaskedLM(
            BertConfig(
                vocab_size=ours.vocab_size, hidden_size=ours.width, num_hidden_layers=ours.layers,
                num_attention_heads=ours.heads, intermediate_size=inner, max_position_embeddings=ours.max_length,
                pad_token_id=0, **none, **fast,
            )
        )  # fmt: skip
    given = T5Config(
        vocab_size=ours.vocab_size, d_model=ours.width, d_kv=ours.key_width, d_ff=inner, num_layers=ours.layers,
        num_heads=ours.heads, feed_forward_proj="relu", pad_token_id=0, decoder_start_token_id=0, dropout_rate=0.0,
        use_cache=False,
    )  # fmt: skip
    try:
        given._attn_implementation = "sdpa"
        return T5(given)
    except (ValueError, ImportError):  # a version whose T5 knows plain products alone
        given._attn_implementation = "eager"
        return T5(given)


def peer_examples(name: str, toy: bool, number: int = 0) -> tuple[Any, Any]:
    """Return rows of random tokens, `number` or enough for all steps, and what makes a batch of some."""
    draw, ours = np.random.default_rng(0), shapes.config(name, toy)
    length, behind = shapes.lengths(name, toy)
    number = number or (64 if toy else 16_384)
    tokens_known = min(ours.vocab_size, 8192)
    arrays: dict[str, Any] = {"mask": 4, "specials": np.arange(5)}

    def tokens(size: int) -> Any:
        return draw.integers(5, tokens_known, (number, size))

    if behind:
        arrays |= {"inputs": tokens(length), "targets": tokens(behind)}
    else:
        arrays["tokens"] = tokens(length)
    part = shapes.SHAPES[name].objective
    return _peer_examples(part, arrays, SimpleNamespace(useful=0), tokens_known)  # type: ignore[arg-type]
