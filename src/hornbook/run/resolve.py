"""Fill in what a recipe leaves open: precision, compilation, the model's size, the number of steps.

Whatever is chosen here is written back into the run's recipe, so that the run can be repeated from it exactly.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import torch

from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.objectives.base import Paired, cycle_of, tokens_per_row
from hornbook.objectives.causal import Causal
from hornbook.prepare.dataset import Prepared
from hornbook.recipe.recipe import Recipe
from hornbook.recipe.sections import Budget
from hornbook.run.calibrate import seconds_per_step
from hornbook.run.memory_fit import fitted, shrinking
from hornbook.scaling.count import parameters
from hornbook.train.machine import best_precision, has_compiler, matmul_flops
from hornbook.train.optimizers import default_muon_learning_rate

# (width, layers) from which a default model is chosen, heads of 64.
SIZES = ((128, 2), (128, 4), (192, 4), (256, 4), (320, 5), (384, 6), (512, 8), (640, 10), (768, 12), (1024, 16))
_HEAD_WIDTH = 64
# Share of the matrix rate that training reaches, for choosing a size before anything was trained.
_EXPECTED_SHARE = 0.4
# Tokens for each parameter of the layers. Large runs are best at about 20 (Hoffmann et al. 2022, approach 1); runs of
# minutes are best with fewer (docs/LOG.md).
_TOKENS_PER_PARAMETER = 4
# A budget of minutes reads a text at most so often: beyond, a model forgets how to go on and recites (docs/LOG.md).
_MOST_EPOCHS = 80
# (most epochs, dropout): reading a text up to four times is as good as new text (Muennighoff et al. 2023).
_DROPOUT = ((4, 0.0), (16, 0.1), (32, 0.2), (math.inf, 0.3))
# A step reads at least so many tokens, and so many for each unit of the width: Muon's work is done once a step, and is
# about 4.3 width / tokens of the rest: a fifth (docs/LOG.md).
_STEP_TOKENS, _STEP_TOKENS_PER_WIDTH = 4096, 20
# A step of pairs of texts, which have one label a row, reads this share of that: they need steps more than tokens
# (docs/LOG.md).
_PAIRED_SHARE = 0.5
# A causal run of few tokens is better with smaller steps: 0.58 D ** 0.571 tokens for D in all (Li et al. 2025, "step
# law"), but not so few for each unit of the width that Muon's work tells (docs/LOG.md).
_LAW_FACTOR, _LAW_POWER, _FEWEST_STEP_TOKENS_PER_WIDTH = 0.58, 0.571, 16
# The rate of the table of tokens in deviations of its first values: of a decoder, and of a T5 with a tied head, whose
# values are so large that with the rate of the others it would hardly move (docs/LOG.md).
_DECODER_EMBEDDING_RATE, _SCALED_EMBEDDING_RATE = 0.75, 0.1
# On a CPU compilation takes about half a minute for each shape of batches and makes steps a fifth faster (docs/LOG.md).
_COMPILE_MINUTES = 5.0


def resolve(
    recipe: Recipe, prepared: Prepared, device: torch.device, say: Callable[[str], None], data: int = 1
) -> Recipe:
    """Return the recipe with every open choice made: no zeros that mean "choose", no "auto", a budget in steps.

    `data` is the number of equal shares that the rows of a step are computed in, at the same time.
    `say` is told when a budget of minutes is cut because the text is small.
    """
    training, given = recipe.training, recipe.training.micro_batch
    if training.precision == "auto":
        training = dataclasses.replace(training, precision=best_precision(device))
    if not training.embedding_rate and not recipe.start.path:
        training = dataclasses.replace(training, embedding_rate=_embedding_rate(recipe.model))
    recipe = dataclasses.replace(recipe, training=training)
    rate = matmul_flops(device, torch.bfloat16 if training.precision == "bf16" else torch.float32)
    recipe = dataclasses.replace(recipe, model=_complete(recipe, prepared, rate))
    training = dataclasses.replace(
        training, muon_learning_rate=training.muon_learning_rate or default_muon_learning_rate(recipe.model.width)
    )
    rows = _rows(recipe, _planned_tokens(recipe, prepared, rate))
    if not training.batch_rows:
        together = math.lcm(data, training.micro_batch or 1)
        rows = together * math.ceil(rows / together)
    training = dataclasses.replace(training, batch_rows=rows)
    recipe = fitted(dataclasses.replace(recipe, training=training), prepared, device, say, data)
    if training.compile == "auto":
        pays = has_compiler(device) and (device.type == "cuda" or _minutes(recipe, prepared, rate) >= _COMPILE_MINUTES)
        compiled = dataclasses.replace(recipe.training, compile="yes" if pays else "no")
        recipe = dataclasses.replace(recipe, training=compiled)
    recipe, steps = shrinking(
        recipe, prepared, device, lambda chosen: _steps(chosen, prepared, device, say, data), say, lambda: not given
    )
    training = recipe.training
    if recipe.model.dropout < 0:
        epochs = steps * training.batch_rows / len(prepared.training_rows(recipe.row_length))
        dropout = next(share for most, share in _DROPOUT if epochs <= most)
        recipe = dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, dropout=dropout))
    every = training.evaluate_every or max(1, math.ceil(steps / 10))
    training = dataclasses.replace(training, evaluate_every=every)
    return dataclasses.replace(recipe, training=training, budget=Budget(steps=steps))


def _embedding_rate(model: ModelConfig) -> float:
    if model.topology == "decoder":
        return _DECODER_EMBEDDING_RATE
    return _SCALED_EMBEDDING_RATE if model.output_scale == "width" else 0.0


def _complete(recipe: Recipe, prepared: Prepared, rate: float) -> ModelConfig:
    """Return the model with its vocabulary and, where the recipe leaves it open, the size that fits the budget."""
    model, size = recipe.model, prepared.tokenizer.vocab.size
    if model.vocab_size and model.vocab_size < size:
        raise UserError(
            f"model.vocab_size {model.vocab_size} is smaller than the tokenizer's {size} entries; leave it at 0."
        )
    model = dataclasses.replace(model, vocab_size=model.vocab_size or size)
    given = [name for name in ("width", "layers", "heads") if getattr(model, name)]
    if len(given) == 3:
        return model
    if given and given != ["width", "layers"]:
        raise UserError(
            "Give model.width and model.layers together (and model.heads), or none: then the budget decides."
        )
    width, layers = (model.width, model.layers) if given else _size(recipe, model, prepared, rate)
    return dataclasses.replace(model, width=width, layers=layers, heads=max(1, width // _HEAD_WIDTH))


def _size(recipe: Recipe, model: ModelConfig, prepared: Prepared, rate: float) -> tuple[int, int]:
    """Return the largest (width, layers) that the budget trains on enough tokens a parameter, by C = 6 N D."""
    budget = recipe.budget
    if budget.minutes:
        flops = budget.minutes * 60 * rate * _EXPECTED_SHARE
        tokens = math.sqrt(flops * _TOKENS_PER_PARAMETER / 6)
        tokens = min(tokens, _longest(recipe, prepared) * _step_tokens(recipe))
    else:
        tokens = _counted_steps(recipe, prepared) * _step_tokens(recipe)
    fitting = [size for size in SIZES if _weights(model, *size) <= tokens / _TOKENS_PER_PARAMETER]
    return fitting[-1] if fitting else SIZES[0]


def _weights(model: ModelConfig, width: int, layers: int) -> int:
    """Return the parameters of the layers, without the embedding; shared ones as often as they compute."""
    heads = width // _HEAD_WIDTH
    sized = dataclasses.replace(model, width=width, layers=layers, heads=heads, shared_layers=False)
    return parameters(sized) - sized.vocab_size * sized.table_width


def _planned_tokens(recipe: Recipe, prepared: Prepared, rate: float) -> float:
    """Return about how many tokens a causal run will read, by C = 6 N D; infinite where nothing depends on it."""
    budget, length = recipe.budget, recipe.row_length
    if not isinstance(recipe.objective, Causal) or budget.steps:
        return math.inf
    if budget.tokens:
        return budget.tokens
    tokens = len(prepared.training_rows(length)) * tokens_per_row(recipe.objective, length)
    if budget.epochs:
        return budget.epochs * tokens
    flops = budget.minutes * 60 * rate * _EXPECTED_SHARE
    return min(flops / (6 * parameters(recipe.model)), _MOST_EPOCHS * tokens)


def _rows(recipe: Recipe, planned: float = math.inf) -> int:
    """Return the rows of a step; where they are open, a power of two by the width and by the tokens of the whole run.

    A budget in steps says nothing about tokens, and is not a reason for small ones.
    """
    training, length = recipe.training, recipe.row_length
    if training.batch_rows:
        return training.batch_rows
    width = recipe.model.width
    tokens: float = max(_STEP_TOKENS, _STEP_TOKENS_PER_WIDTH * width)
    if isinstance(recipe.objective, Paired):
        tokens *= _PAIRED_SHARE
    most = math.ceil(math.log2(tokens / length))
    if planned < math.inf:
        fewest = math.ceil(math.log2(_FEWEST_STEP_TOKENS_PER_WIDTH * width / length))
        most = min(most, max(fewest, round(math.log2(_LAW_FACTOR * planned**_LAW_POWER / length))))
    rows = 1 << max(0, most)
    return -(-rows // training.micro_batch) * training.micro_batch if training.micro_batch else rows


def _step_tokens(recipe: Recipe) -> float:
    return _rows(recipe) * tokens_per_row(recipe.objective, recipe.row_length)


def _counted_steps(recipe: Recipe, prepared: Prepared) -> int:
    """Return the steps of a budget that is not in minutes."""
    budget = recipe.budget
    if budget.steps:
        return budget.steps
    if budget.tokens:
        return math.ceil(budget.tokens / _step_tokens(recipe))
    rows = len(prepared.training_rows(recipe.row_length))
    return math.ceil(budget.epochs * rows / _rows(recipe))


def _minutes(recipe: Recipe, prepared: Prepared, rate: float) -> float:
    """Return about how long the run will take on each shape of batch that it has, before anything was timed."""
    shapes = len({id(part) for part in cycle_of(recipe.objective)})
    if recipe.budget.minutes:
        return recipe.budget.minutes / shapes
    flops = 6 * _counted_steps(recipe, prepared) * _step_tokens(recipe) * parameters(recipe.model)
    return flops / (60 * rate * _EXPECTED_SHARE) / shapes


def _longest(recipe: Recipe, prepared: Prepared) -> int:
    """Return the steps after which the text has been read as often as a budget of minutes may read it."""
    rows = len(prepared.training_rows(recipe.row_length))
    return math.ceil(_MOST_EPOCHS * rows / _rows(recipe))


def _steps(recipe: Recipe, prepared: Prepared, device: torch.device, say: Callable[[str], None], data: int) -> int:
    if not recipe.budget.minutes:
        return _counted_steps(recipe, prepared)
    seconds = seconds_per_step(recipe, prepared, device, (0, data))
    # Ten measurements on held-out text cost a forward pass each, a third of a training step's work.
    measuring = 10 * recipe.training.evaluate_tokens / 3 / _step_tokens(recipe) * seconds
    steps, longest = max(1, int((recipe.budget.minutes * 60 - measuring) / seconds)), _longest(recipe, prepared)
    if steps > longest:
        say(
            f"The text is small: {recipe.budget.minutes:g} minutes would read it more than {_MOST_EPOCHS} times, so "
            f"training ends after {longest:,} steps; more text would make better use of the time."
        )
    return min(steps, longest)
