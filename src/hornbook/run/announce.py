"""The lines before training: text, model, budget, memory, and where the first weights come from."""

from __future__ import annotations

from collections.abc import Sized

from hornbook.console import quantity
from hornbook.objectives.catalogue import kind_of
from hornbook.prepare.mixing import readings
from hornbook.run.context import RunContext
from hornbook.run.directory import BaseModel
from hornbook.run.settle.memory_fit import predicted
from hornbook.run.warm_start import Adopted
from hornbook.scaling.count import parameters
from hornbook.train.machine import memory_free, memory_used


def announce(run: RunContext) -> None:
    """Print what will be trained on what, and the memory that a step is predicted to need."""
    recipe, prepared, say = run.recipe, run.prepared, run.view.say
    text, model, training, steps = prepared.text, recipe.model, recipe.training, recipe.budget.steps
    documents, size = prepared.held_out
    say(
        f"text: {text.documents:,} documents, {quantity(text.bytes)}B, {quantity(prepared.store.tokens)} tokens, "
        f"vocabulary of {prepared.tokenizer.vocab.size:,}; held out: {documents:,} of the documents "
        f"({documents / text.documents:.1%}), {quantity(size)}B ({size / text.bytes:.1%})"
    )
    for reading in readings(recipe, prepared, run.loader.order):
        say(f"  {reading.share:.1%} from {reading.domain}, read {reading.epochs:.2f} times")
    say(
        f"model: {model.topology}, {quantity(parameters(model))} parameters (width {model.width}, {model.layers} "
        f"layers), objective {kind_of(recipe.objective)}, rows of {prepared.row_length} tokens"
    )
    epochs = steps * training.batch_rows / max(1, len(prepared.training_rows))
    compiled = "compiled" if training.compile == "yes" else "not compiled"
    say(
        f"training: {steps:,} steps of {training.batch_rows} rows, {epochs:.1f} epochs, dropout {model.dropout:g}, "
        f"{training.precision}, {compiled}; run directory {run.directory}"
    )
    memory = predicted(recipe, prepared, run.device)
    parts = {name: getattr(memory, name) for name in ("weights", "gradients", "optimizer", "activations", "head")}
    listed = ", ".join(f"{name} {quantity(size)}B" for name, size in parts.items())
    free, steps_need = quantity(memory_free(run.device)), f"{quantity(memory.peak)}B for a step ({listed})"
    if run.device.type == "cuda":
        say(f"predicted memory of the device: at most {steps_need}; {free}B are free")
    else:  # what the records show as memory in use: the whole process
        used = memory_used(run.device)
        say(
            f"predicted memory of the process: about {quantity(used + memory.peak)}B: {quantity(used)}B that it has, "
            f"and {steps_need}; {free}B are free"
        )


def announce_weights(run: RunContext, origin: BaseModel, pieces: Sized, found: Adopted) -> None:
    """Print what a run's first weights are; `pieces` are those that its text added to the base model's vocabulary."""
    tokenizer, say = run.prepared.tokenizer, run.view.say
    before, after = origin.tokenizer.vocab.size, tokenizer.vocab.size
    say(f"weights: from the base model {run.recipe.start.path}, step {origin.step:,}")
    for what, number, last in (
        ("tokens", len(pieces), before + len(pieces) - 1),
        ("special tokens", after - before - len(pieces), after - 1),
    ):
        if number:
            say(f"new {what}: {number:,}, the last one {tokenizer.tokens([last])[0]}")
    if found.new:
        say(f"newly initialised weights: {', '.join(found.new)}")
    if found.left:
        say(f"unused weights of the base model: {', '.join(found.left)}")
