"""Fill in what a recipe leaves open, each choice from those before it and the facts of text and machine:

    precision -> vocabulary and size -> rows of a step -> rates, compilation -> rows at once (memory)
      -> steps (timed, for a budget of minutes) -> dropout, measurements

Whatever is chosen here is written back into the run's recipe, so that the run can be repeated from it exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch

from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.objectives.base import cycle_of, says_every_token, tokens_per_row
from hornbook.prepare.dataset import Prepared
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget
from hornbook.run.calibrate import seconds_per_step
from hornbook.run.memory_fit import fitted, shrinking
from hornbook.scaling import defaults
from hornbook.scaling.count import parameters
from hornbook.train.machine import best_precision, has_compiler, matmul_flops

# Dropout is chosen last, by the steps: until then there may be some.
_SOME_DROPOUT = 0.1

_EXAMPLES = 2**62  # of a run, at the most: they are numbered in 64 bits


@dataclass(frozen=True)
class Facts:
    """What choices depend on beside the recipe.

    vocabulary   entries of the tokenizer
    rows         of training text
    row_tokens   model positions of a row, both sides of an encoder-decoder
    speed        FLOP/s that training is expected to reach
    worth        minutes of training on a shape of batches from which compiling is worth its time here
    """

    vocabulary: int
    rows: int
    row_tokens: float
    speed: float
    worth: float


def resolve(
    recipe: Recipe, prepared: Prepared, device: torch.device, say: Callable[[str], None], data: int = 1
) -> Recipe:
    """Return the recipe with every open choice made: no zeros that mean "choose", no "auto", a budget in steps.

    `data` is the number of equal shares that the rows of a step are computed in, at the same time.
    `say` prints when a budget of minutes is cut because the text is small.
    """
    training, budget = recipe.training, recipe.budget
    precision = best_precision(device) if training.precision == "auto" else training.precision
    facts = _facts(prepared, device, precision)
    model = choose_model(recipe, facts)
    rows = choose_rows(recipe, model.width, math.lcm(data, training.micro_batch or 1), planned(recipe, model, facts))
    draft = replace(
        recipe,
        model=replace(model, dropout=_SOME_DROPOUT) if model.dropout < 0 else model,
        training=replace(
            training,
            precision=precision,
            batch_rows=rows,
            muon_learning_rate=training.muon_learning_rate or defaults.default_muon_learning_rate(model.width),
            embedding_rate=training.embedding_rate
            or (0.0 if recipe.start.path else defaults.default_embedding_rate(model)),
            compile=choose_compilation(recipe, model, rows, facts),
        ),
    )
    rows_at_once, again = fitted(draft, prepared, device, say, data)
    training = replace(draft.training, micro_batch=rows_at_once, checkpoint_activations=again)
    if budget.minutes:
        training, seconds = shrinking(
            replace(draft, training=training), prepared, device,
            lambda chosen: (chosen.training, seconds_per_step(chosen, prepared, device, (0, data))), say,
            lambda: not recipe.training.micro_batch,
        )  # fmt: skip
        longest = _longest(rows, facts)
        # Measurements on held-out text cost a forward pass each, a third of a training step's work.
        measuring = defaults.MEASUREMENTS * training.evaluate_tokens / 3 / (rows * facts.row_tokens) * seconds
        steps = max(1, int((budget.minutes * 60 - measuring) / seconds))
        if steps > longest:
            say(
                f"The text is small: {budget.minutes:g} minutes would read it more than {defaults.MOST_EPOCHS} times. "
                f"Training ends after {longest:,} steps; more text would use the time better."
            )
        steps = min(steps, longest)
    else:
        steps = counted_steps(budget, rows, facts)
    if steps * rows > _EXAMPLES:
        raise UserError(f"{steps:,} steps of {rows:,} rows are more than can be counted: lower the budget.")
    if model.dropout < 0:
        model = replace(model, dropout=defaults.default_dropout(steps * rows / facts.rows))
    every = training.evaluate_every or max(1, math.ceil(steps / defaults.MEASUREMENTS))
    return replace(recipe, model=model, training=replace(training, evaluate_every=every), budget=Budget(steps=steps))


def _facts(prepared: Prepared, device: torch.device, precision: str) -> Facts:
    worth = (0.0 if device.type == "cuda" else defaults.COMPILE_MINUTES) if has_compiler(device) else math.inf
    return Facts(
        vocabulary=prepared.tokenizer.vocab.size,
        rows=len(prepared.training_rows),
        row_tokens=tokens_per_row(prepared.objective, prepared.row_length),
        speed=defaults.EXPECTED_SHARE * matmul_flops(device, torch.bfloat16 if precision == "bf16" else torch.float32),
        worth=worth,
    )


def choose_model(recipe: Recipe, facts: Facts) -> ModelConfig:
    """Return the model with its vocabulary and, where the recipe leaves it open, the size that fits the budget."""
    model, size = recipe.model, facts.vocabulary
    if model.vocab_size and model.vocab_size < size:
        raise UserError(
            f"model.vocab_size {model.vocab_size} is smaller than the tokenizer's vocabulary of {size}: leave it at 0."
        )
    model = replace(model, vocab_size=model.vocab_size or size)
    given = [name for name in ("width", "layers", "heads") if getattr(model, name)]
    if len(given) == 3:
        return model
    if given and given != ["width", "layers"]:
        raise UserError("Set model.width and model.layers together (and model.heads), or leave out all three.")
    width, layers = (model.width, model.layers) if given else defaults.default_size(model, _affordable(recipe, facts))
    return replace(model, width=width, layers=layers, heads=defaults.heads_of(width))


def _affordable(recipe: Recipe, facts: Facts) -> float:
    """Return the tokens that a model is sized for, by C = 6 N D, before its width is known."""
    budget, rows = recipe.budget, choose_rows(recipe, 0, recipe.training.micro_batch or 1)
    if not budget.minutes:
        return counted_steps(budget, rows, facts) * rows * facts.row_tokens
    tokens = math.sqrt(budget.minutes * 60 * facts.speed * defaults.TOKENS_PER_PARAMETER / 6)
    return min(tokens, _longest(rows, facts) * rows * facts.row_tokens)


def planned(recipe: Recipe, model: ModelConfig, facts: Facts) -> float:
    """Return about how many tokens a causal run will read, by C = 6 N D; infinite where nothing depends on it."""
    budget, text = recipe.budget, facts.rows * facts.row_tokens
    if not says_every_token(recipe.objective) or budget.steps:
        return math.inf
    if budget.tokens or budget.epochs:
        return budget.tokens or budget.epochs * text
    return min(budget.minutes * 60 * facts.speed / (6 * parameters(model)), defaults.MOST_EPOCHS * text)


def choose_rows(recipe: Recipe, width: int, together: int, planned: float = math.inf) -> int:
    """Return the rows of a step; where they are open, a multiple of `together`."""
    rows = defaults.step_rows(width, recipe.row_length, paired=recipe.objective.heads.pair, planned=planned)
    return recipe.training.batch_rows or together * math.ceil(rows / together)


def choose_compilation(recipe: Recipe, model: ModelConfig, rows: int, facts: Facts) -> Literal["yes", "no"]:
    """Return whether layers are compiled: by how long the run will take on each shape of batch that it has."""
    if recipe.training.compile != "auto":
        return recipe.training.compile
    minutes = recipe.budget.minutes
    if not minutes:
        tokens = counted_steps(recipe.budget, rows, facts) * rows * facts.row_tokens
        minutes = 6 * tokens * parameters(model) / (60 * facts.speed)
    shapes = len({id(part) for part in cycle_of(recipe.objective)})
    return "yes" if minutes / shapes >= facts.worth else "no"


def counted_steps(budget: Budget, rows: int, facts: Facts) -> int:
    """Return the steps of a budget that is not in minutes."""
    if budget.tokens:
        return math.ceil(budget.tokens / (rows * facts.row_tokens))
    return budget.steps or math.ceil(budget.epochs * facts.rows / rows)


def _longest(rows: int, facts: Facts) -> int:
    """Return the steps after which the text has been read as often as a budget of minutes may read it."""
    return math.ceil(defaults.MOST_EPOCHS * facts.rows / rows)
