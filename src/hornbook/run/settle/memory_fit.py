"""Whether a run fits into memory, and the largest micro-batch with which it does.

    fitted     before the first step: from the prediction and the memory that is free
    shrinking  in the first steps: half of the rows at once, each time that memory runs out all the same;
               later: what to set so that the run can go on from its last checkpoint

A micro-batch changes the order of additions alone, and computing layers again changes nothing: neither is part of what
a run learns, so both may be chosen for the machine at hand, and chosen anew when a run goes on.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal, Protocol, TypeVar, get_args

import torch

from hornbook.batch import Batch
from hornbook.console import quantity
from hornbook.errors import ResourceError, is_out_of_memory
from hornbook.model.documents import documents_of
from hornbook.model.electra import generator_config
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.recipes.recipe import Recipe
from hornbook.run.build import draft_model
from hornbook.scaling.memory import Load, Memory, step_memory
from hornbook.train.machine import memory_free, memory_total
from hornbook.train.optimizers import is_matrix

T = TypeVar("T")
Again = Literal["no", "layers"]
Choice = tuple[int, Again]
"""Rows computed at once, and whether layers are computed again."""


class Sampled(Protocol):
    """What is trained on, such as prepared text."""

    @property
    def sample(self) -> list[Batch]:
        """A batch of each kind that a step may have."""


class OutOfMemory(ResourceError):
    """A run that does not fit into memory; `settings` are those with which it would, "" where there are none."""

    def __init__(self, message: str, settings: str) -> None:
        super().__init__(message)
        self.settings = settings


def predicted(recipe: Recipe, prepared: Sampled, device: torch.device) -> Memory:
    """Return the memory of a step of a recipe whose every choice is made; of a mixture, that of the largest part."""
    training, loads = recipe.training, _loads(recipe, prepared, device)
    return _predict(recipe, loads, training.batch_rows, (training.micro_batch, training.checkpoint_activations))


def refuse_too_large(recipe: Recipe, device: torch.device) -> None:
    """Raise OutOfMemory where the weights of a model of given size exceed all memory; builds nothing, reads no text.

    Counted are the matrices of the layers and the embedding, each with its gradient and one moment, 12 bytes an entry.
    """
    model = recipe.model
    if not (model.width and model.layers and model.heads):
        return
    inner, shared = model.heads * model.key_width, model.key_heads * model.key_width
    layer = 2 * model.width * (inner + shared) + (3 if model.gated else 2) * model.width * model.inner_width
    behind = model.decoder_layers or model.layers if model.topology == "encoder-decoder" else 0
    positions = model.max_length if model.positions == "learned" else 0
    entries = (1 if model.shared_layers else model.layers + behind) * layer
    entries += (model.vocab_size + positions + model.token_types) * model.table_width
    most = memory_total(device) * max(recipe.training.shards, 1) * recipe.training.tensor_parallel
    if 12 * entries > most:
        raise OutOfMemory(
            f"A model of {model.layers} layers of width {model.width} needs more than {quantity(12 * entries)}B of "
            f"memory to train, but there are {quantity(most)}B in all: choose a smaller model.width or model.layers.",
            "",
        )


def fitted(
    recipe: Recipe, prepared: Sampled, device: torch.device, say: Callable[[str], None], data: int = 1
) -> Choice:
    """Return the micro-batch, and whether layers are computed again, as far as the recipe left them open.

    The micro-batch is the largest divisor of the batch that fits; layers are computed again only where not even one row
    fits without. The batch is computed in `data` equal shares at the same time; a micro-batch that is given is cut to
    what divides a share. Raises OutOfMemory when what the recipe asks for needs more memory than is free.
    """
    share, rows = recipe.training.batch_rows // data, recipe.training.micro_batch
    if rows:  # as many as fewer devices computed at once may be more than a share of theirs
        rows = next(fewer for fewer in divisors(share) if fewer <= rows)
    loads, free = _loads(recipe, prepared, device), memory_free(device)
    choices = list(_choices(recipe.training.checkpoint_activations, share, rows))
    needs = [_predict(recipe, loads, share, choice).peak for choice in choices]
    found = next((choice for choice, need in zip(choices, needs, strict=True) if need <= free), None)
    if found is None:
        raise _advise(recipe, loads, free, f"This run needs about {quantity(min(needs))}B of memory", share, share)
    if found != choices[0]:
        say(
            f"memory: the whole batch would need about {quantity(needs[0])}B, but {quantity(free)}B are free, so the "
            f"micro-batch is {found[0]} of {share} rows"
            + (", with activation checkpointing" if found[1] == "layers" else "")
        )
    return found


def shrinking(
    recipe: Recipe,
    prepared: Sampled,
    device: torch.device,
    work: Callable[[Recipe], T],
    say: Callable[[str], None],
    may: Callable[[], bool],
) -> T:
    """Return the result of `work` with a recipe for which there is memory enough.

    Whenever memory runs out there are half as many rows at once, as long as `may` says that this changes nothing that
    was done or asked for. Raises OutOfMemory when it may not, or not even one row is few enough.
    """
    free = memory_free(device)
    while True:
        try:
            return work(recipe)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        gc.collect()  # here the error is gone, and with its traceback all that the failed attempt held
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        rows = recipe.training.micro_batch
        smaller = next((fewer for fewer in divisors(recipe.training.batch_rows) if 2 * fewer <= rows), 0)
        if not smaller or not may():
            what = "Memory ran out (the last checkpoint, if any, is kept)"
            loads, whole = _loads(recipe, prepared, device), recipe.training.batch_rows
            raise _advise(recipe, loads, free, what, whole, rows // 2)
        say(
            f"memory ran out with a micro-batch of {rows} rows; trying again with {smaller} rows, the batch size "
            "stays the same"
        )
        recipe = replace(recipe, training=replace(recipe.training, micro_batch=smaller))


def _advise(recipe: Recipe, loads: list[Load], free: int, what: str, share: int, most: int) -> OutOfMemory:
    """Return an error that names the settings, with at most `most` of a share's rows at once, that fit into `free`."""
    asked = recipe.training.checkpoint_activations
    for rows, again in _choices("auto" if asked == "no" else asked, share, 0):
        need = _predict(recipe, loads, share, (rows, again)).peak
        if rows <= most and need <= free:
            more = " training.checkpoint_activations=layers" if again == "layers" else ""
            settings = f"training.micro_batch={rows}{more}"
            return OutOfMemory(f"{what}; {quantity(free)}B are free, and {settings} needs {quantity(need)}B.", settings)
    return OutOfMemory(
        f"{what}; {quantity(free)}B are free, which is too little even for one row. {_smaller(recipe, loads, free)}", ""
    )


def _smaller(recipe: Recipe, loads: list[Load], free: int) -> str:
    """Return which smaller model would fit into `free`, with one row at once and layers computed again."""
    model = recipe.model
    for part in (2, 4, 8, 16, 32):
        width, layers = model.width // part // model.heads * model.heads, max(1, model.layers // part)
        if recipe.start.path or not width:
            break
        fewer = replace(recipe, model=replace(model, width=width, layers=layers, mlp_width=model.mlp_width // part))
        sizes = _parameters(fewer)
        smaller = [replace(load, parameters=sizes[0], matrices=sizes[1]) for load in loads]
        need = _predict(fewer, smaller, 1, (1, "layers")).peak
        if need <= free:
            settings = f"model.width={width} model.layers={layers}"
            return (
                f"A new run with {settings} would fit: it needs {quantity(need)}B. Or use a machine with more memory."
            )
    smaller_text = "a smaller base model" if recipe.start.path else "a smaller tokenizer.size or training.row_length"
    return f"Begin a new run with {smaller_text}, or use a machine with more memory."


def _choices(asked: str, share: int, rows: int) -> Iterator[Choice]:
    """Yield what a recipe may do, the fastest first; `rows` at once, or, if 0, every divisor of the share."""
    for again in get_args(Again):
        if asked in ("auto", again):
            for number in [rows] if rows else divisors(share):
                yield number, again


def _predict(recipe: Recipe, loads: list[Load], share: int, choice: tuple[int, str]) -> Memory:
    """Return the memory of the largest of `loads`, where a step has `share` rows and they are computed as chosen."""
    model, width = recipe.model, recipe.objective.heads.generator_width
    generator = generator_config(model, width) if width else None
    rows, again = choice[0], choice[1] == "layers"
    parts = -(-share // rows)
    found = [step_memory(model, replace(load, rows=rows, parts=parts, recompute=again), generator) for load in loads]
    return max(found, key=lambda memory: memory.peak)


def _loads(recipe: Recipe, prepared: Sampled, device: torch.device) -> list[Load]:
    """Return what a micro-batch of each part of the recipe's objective asks for, from a sample of its text."""
    return [load_of(recipe, to_tensors(batch, torch.device("cpu")), device) for batch in prepared.sample]


def load_of(recipe: Recipe, batch: Tensors, device: torch.device) -> Load:
    """Return what a batch asks for as the only micro-batch of a step on `device`."""
    parameters, matrices = _parameters(recipe)
    return Load(
        rows=len(batch.inputs),
        length=batch.inputs.shape[1],
        behind=0 if batch.decoder_inputs is None else batch.decoder_inputs.shape[1],
        scored=batch.scored.numel() / len(batch.inputs),
        masked=batch.segments is not None or batch.visible is not None,
        parts=1,
        parameters=parameters,
        matrices=matrices,
        optimizer=recipe.training.optimizer,
        bf16=recipe.training.precision == "bf16",
        device=device.type,
        recompute=recipe.training.checkpoint_activations == "layers",
        within=device.type == "cpu"
        and batch.segments is not None
        and documents_of(batch.segments, batch.segments) is not None,
    )


def _parameters(recipe: Recipe) -> tuple[int, int]:
    """Return how many numbers the parameters of a recipe's model have, and how many of them are Muon's."""
    named = list(draft_model(recipe).named_parameters())
    matrices = sum(value.numel() for name, value in named if is_matrix(name, value))
    return sum(value.numel() for _, value in named), matrices


def divisors(number: int) -> list[int]:
    """Return the divisors of a number, the largest first."""
    return [divisor for divisor in range(number, 0, -1) if number % divisor == 0]
