"""Fill in what a recipe leaves open, each choice from those before it and the facts of text and machine:

    vocabulary (before the text is read) -> precision, threads -> size -> rows of a step -> rates, compilation
      -> rows at once (memory) -> steps (timed, for a budget of minutes) -> dropout, measurements

Whatever is chosen here is written back into the run's recipe, so that the run can be repeated from it exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch

from hornbook.errors import UserError
from hornbook.generate.samples import steps_worth
from hornbook.model.config import ModelConfig
from hornbook.model.start.form import form_of
from hornbook.objectives.base import cycle_of, says_every_token, tokens_per_row
from hornbook.prepare.dataset import Prepared
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget, TrainingSettings
from hornbook.run.settle.budget import (
    BUSY,
    FEW_STEPS,
    SMALL_PRODUCT,
    Speed,
    measuring,
    planned_steps,
    product_type,
    small_text,
    step_speed,
    too_short,
)
from hornbook.run.settle.memory_fit import fitted, shrinking
from hornbook.scaling import defaults
from hornbook.scaling.count import parameters
from hornbook.train.machine import best_precision, free_share, has_compiler, matmul_flops
from hornbook.train.pace import Deadline
from hornbook.train.processors import asked_threads, default_threads

# Dropout is chosen last, by the steps: until then there may be some.
_SOME_DROPOUT = 0.1
# Python ends in about so many seconds of a free CPU, once a run is done; of a budget of minutes at most this share.
_LEAVING_SECONDS, _MOST_LEAVING = 0.7, 0.05

_ENDLESS = 2**62  # rows of a text
_EXAMPLES = 2**62  # of a run, at the most: they are numbered in 64 bits


@dataclass(frozen=True)
class Facts:
    """What choices depend on beside the recipe.

    vocabulary   entries of the tokenizer
    rows         of training text
    row_tokens   model positions of a row, both sides of an encoder-decoder
    speed        FLOP/s that training is expected to reach while the machine is quiet
    worth        quiet minutes of training on a shape of batches from which compiling is worth its time here
    free         share of its quiet speed that the machine has now
    """

    vocabulary: int
    rows: int
    row_tokens: float
    speed: float
    worth: float
    free: float = 1.0


@dataclass(frozen=True, eq=False)
class Means:
    """What a recipe is resolved with.

    data     equal shares that the rows of a step are computed in, at the same time
    say      prints what the user should know: of a text or a budget that is too small, and of a busy machine
    elapsed  returns the seconds of a budget of minutes that have passed
    update   takes the number of steps that were timed
    """

    prepared: Prepared
    device: torch.device
    say: Callable[[str], None]
    data: int = 1
    elapsed: Callable[[], float] = float
    update: Callable[[int], None] = lambda steps: None


@dataclass(frozen=True)
class Resolved:
    """A recipe with every open choice made: no zeros that mean "choose", no "auto", a budget in steps.

    deadline   of a budget of minutes, by which training corrects the steps; None of another
    """

    recipe: Recipe
    deadline: Deadline | None


def resolve(recipe: Recipe, means: Means) -> Resolved:
    """Return the recipe with every open choice made."""
    training, budget, device = recipe.training, recipe.budget, means.device
    threads = training.threads or default_threads()
    open_threads = not training.threads and not asked_threads()
    recipe = _precise(replace(recipe, training=replace(training, threads=threads)), device)
    facts = _facts(recipe, means.prepared, device)
    if budget.minutes:
        draft, steps, deadline = _by_the_clock(recipe, means, facts, open_threads)
    else:
        draft, deadline = _drafted(recipe, means, facts), None
        steps = counted_steps(budget, draft.training.batch_rows, facts)
    rows, every = draft.training.batch_rows, draft.training.evaluate_every
    if steps * rows > _EXAMPLES:
        raise UserError(f"{steps:,} steps of {rows:,} rows are more than can be counted: lower the budget.")
    most, size = (most_readings(recipe), _longest(recipe, rows, facts)), means.prepared.text.bytes
    if line := too_short(draft, steps, most, bool(recipe.model.width), size):
        means.say(line)
    model = draft.model
    if recipe.model.dropout < 0:
        model = replace(model, dropout=_dropout(recipe, model, steps * rows / facts.rows, facts))
    every = every or max(1, math.ceil(steps / defaults.MEASUREMENTS))
    training = _rated(recipe, replace(draft.training, evaluate_every=every), model, steps)
    known = budget if budget.steps else Budget(steps=steps)  # with its corrections, where a run is repeated
    tokenizer = recipe.tokenizer
    if not (tokenizer.file or tokenizer.size or recipe.start.path):
        tokenizer = replace(tokenizer, size=facts.vocabulary)
    return Resolved(replace(draft, model=model, training=training, budget=known, tokenizer=tokenizer), deadline)


def _precise(recipe: Recipe, device: torch.device) -> Recipe:
    """Return the recipe with its precision chosen."""
    training = recipe.training
    precision = best_precision(device) if training.precision == "auto" else training.precision
    return replace(recipe, training=replace(training, precision=precision))


def _dropout(recipe: Recipe, model: ModelConfig, epochs: float, facts: Facts) -> float:
    """Return the dropout of a model, its sizes chosen, for a text that is read so often."""
    layers, text = defaults.layer_parameters(model), facts.rows * facts.row_tokens
    return defaults.default_dropout(epochs, layers, text, noisy=not says_every_token(recipe.objective))


def _rated(recipe: Recipe, training: TrainingSettings, model: ModelConfig, steps: int) -> TrainingSettings:
    """Return how to train with the rates of a run of so many steps, where the recipe leaves them open."""
    asked = recipe.training
    training = replace(
        training,
        learning_rate=asked.learning_rate or defaults.default_learning_rate(model, asked.optimizer, steps),
    )
    if recipe.start.path:  # what suits a model that goes on was not measured
        return training
    momentum = asked.muon_momentum or defaults.default_muon_momentum(steps)
    if model.topology != "decoder":
        return replace(training, muon_momentum=momentum)
    rate = asked.muon_learning_rate or defaults.default_muon_learning_rate(model.width, steps)
    return replace(training, muon_learning_rate=rate, muon_momentum=momentum)


def _by_the_clock(recipe: Recipe, means: Means, facts: Facts, open_threads: bool) -> tuple[Recipe, int, Deadline]:
    """Return the recipe of a budget of minutes but for its budget, its first number of steps, and its deadline."""
    seconds, say, size = 60 * recipe.budget.minutes, means.say, means.prepared.text.bytes
    threads: tuple[int, ...] = (recipe.training.threads,)
    if facts.free < BUSY:
        say(f"The machine is busy: about {facts.free:.0%} of its speed is free, so fewer steps fit into the budget.")
        if open_threads and means.device.type == "cpu" and threads[0] > 1:
            threads = (*threads, 1)  # several wait for the one that lost its CPU: one alone may be faster
    draft, speed = _timed(recipe, means, facts, threads)
    parts = measuring(draft, means.prepared, means.device, speed.seconds)
    if parts.tokens < recipe.training.evaluate_tokens:
        say(f"Measurements on held-out text read about {parts.tokens:,} tokens, to take a tenth of the time at most.")
    most = _longest(recipe, draft.training.batch_rows, facts)
    per_step = draft.training.batch_rows * facts.row_tokens
    sampling = steps_worth(draft, means.prepared, means.device, per_step)
    steps = planned_steps(seconds - means.elapsed(), speed, parts, sampling)
    if line := small_text(draft, steps, (most_readings(recipe), most), size):
        say(line)
    steps = min(steps, most)
    every = recipe.training.evaluate_every or max(1, math.ceil(steps / parts.number))
    training = replace(draft.training, evaluate_every=every, evaluate_tokens=parts.tokens, threads=speed.threads)
    leaving = min(_MOST_LEAVING * seconds, _LEAVING_SECONDS / facts.free)
    deadline = Deadline(seconds, most, parts.during / speed.seconds, parts.after, leaving, sampling)
    return replace(draft, training=training), steps, deadline


def _timed(recipe: Recipe, means: Means, facts: Facts, threads: Sequence[int]) -> tuple[Recipe, Speed]:
    """Return the recipe of a budget of minutes, chosen by the machine's speed, and the timed speed of its step.

    Where so few steps fit that the machine's speed was no guide, all is chosen once more, by the speed of the step.
    """
    draft, speed = _time(recipe, means, _drafted(recipe, means, facts), threads)
    if 60 * recipe.budget.minutes / speed.seconds < FEW_STEPS:
        flops = 6 * parameters(draft.model) * draft.training.batch_rows * facts.row_tokens / speed.seconds
        slower = replace(facts, speed=min(facts.speed, flops / facts.free))
        smaller = _drafted(recipe, means, slower)
        if (smaller.model, smaller.training.batch_rows) != (draft.model, draft.training.batch_rows):
            return _time(recipe, means, smaller, threads)
    return draft, speed


def _time(recipe: Recipe, means: Means, draft: Recipe, threads: Sequence[int]) -> tuple[Recipe, Speed]:
    """Time the steps of a draft of `recipe`, with fewer rows at once where memory runs out."""

    def work(chosen: Recipe) -> tuple[Recipe, Speed]:
        return chosen, step_speed(chosen, means.prepared, means.device, (0, means.data), threads, means.update)

    may = not recipe.training.micro_batch
    return shrinking(draft, means.prepared, means.device, work, means.say, lambda: may)


def _drafted(recipe: Recipe, means: Means, facts: Facts) -> Recipe:
    """Return the recipe with all chosen that does not depend on the number of its steps."""
    training, shares = recipe.training, math.lcm(means.data, recipe.training.micro_batch or 1)
    model = choose_model(recipe, facts)
    rows = choose_rows(recipe, model.width, shares, planned(recipe, model, facts))
    draft = replace(
        recipe,
        model=replace(model, dropout=_SOME_DROPOUT) if model.dropout < 0 else model,
        training=replace(
            training,
            batch_rows=rows,
            muon_learning_rate=training.muon_learning_rate or defaults.default_muon_learning_rate(model.width),
            embedding_rate=training.embedding_rate
            or (0.0 if recipe.start.path else defaults.default_embedding_rate(model)),
            compile=choose_compilation(recipe, model, rows, facts),
        ),
    )
    rows_at_once, again = fitted(draft, means.prepared, means.device, means.say, means.data)
    return replace(draft, training=replace(draft.training, micro_batch=rows_at_once, checkpoint_activations=again))


def most_entries(recipe: Recipe, device: torch.device) -> int:
    """Return the most entries that a vocabulary may have, by what the budget will read of a text without end.

    Quiet speed is asked, so that a recipe has one vocabulary on a machine. On a CPU it is that of fp32: a small model
    reaches a small share of the speed of products in bf16.
    """
    recipe = replace(_precise(recipe, device), model=replace(recipe.model, vocab_size=0))
    on_cpu, budget = device.type == "cpu", recipe.budget
    flops = matmul_flops(device, torch.float32, SMALL_PRODUCT) if on_cpu else matmul_flops(device, product_type(recipe))

    def read(entries: int) -> float:
        facts = Facts(entries, _ENDLESS, recipe.row_length, defaults.EXPECTED_SHARE * flops, math.inf)
        model = choose_model(recipe, facts)
        if budget.minutes:
            return budget.minutes * 60 * facts.speed / (6 * parameters(model))
        rows = choose_rows(recipe, model.width, recipe.training.micro_batch or 1)
        return counted_steps(budget, rows, facts) * rows * facts.row_tokens

    return defaults.most_entries(read)


def _facts(recipe: Recipe, prepared: Prepared, device: torch.device) -> Facts:
    worth = (0.0 if device.type == "cuda" else defaults.COMPILE_MINUTES) if has_compiler(device) else math.inf
    return Facts(
        vocabulary=prepared.tokenizer.vocab.size,
        rows=len(prepared.training_rows),
        row_tokens=tokens_per_row(prepared.objective, prepared.row_length),
        speed=defaults.EXPECTED_SHARE * matmul_flops(device, product_type(recipe)),
        worth=worth,
        free=free_share(device, product_type(recipe)),
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
    if given and given not in (["width", "layers"], ["width", "layers", "heads"]):
        raise UserError("Set model.width and model.layers together (and model.heads), or leave out all three.")
    width, layers = (model.width, model.layers) if given else _size(recipe, model, facts)
    model = replace(model, width=width, layers=layers, heads=model.heads or defaults.heads_of(width))
    return replace(model, start=choose_start(recipe, model))


def _size(recipe: Recipe, model: ModelConfig, facts: Facts) -> tuple[int, int]:
    """Return width and layers by the budget and, where each reading asks the same, by the text."""
    text = facts.rows * facts.row_tokens if says_every_token(recipe.objective) else math.inf
    return defaults.default_size(model, _affordable(recipe, facts), text)


def choose_start(recipe: Recipe, model: ModelConfig) -> Literal["random", "counts"]:
    """Return what the first weights of a model, its sizes chosen, come from, where no base model brings them."""
    can = form_of(model, bool(recipe.objective.heads.generator_width)) is not None
    if model.start == "counts" and not can:
        raise UserError(
            "A model of this shape cannot begin from counts: leave out model.start=counts, or use a shape with RMSNorm "
            "before its branches and no learned positions, or an encoder whose head has a bias."
        )
    return "random" if model.start == "random" or recipe.start.path or not can else "counts"


def _affordable(recipe: Recipe, facts: Facts) -> float:
    """Return the tokens that a model is sized for, by C = 6 N D, before its width is known."""
    budget, rows = recipe.budget, choose_rows(recipe, 0, recipe.training.micro_batch or 1)
    if not budget.minutes:
        return counted_steps(budget, rows, facts) * rows * facts.row_tokens
    tokens = math.sqrt(budget.minutes * 60 * facts.free * facts.speed * defaults.TOKENS_PER_PARAMETER / 6)
    return min(tokens, _longest(recipe, rows, facts) * rows * facts.row_tokens)


def planned(recipe: Recipe, model: ModelConfig, facts: Facts) -> float:
    """Return about how many tokens a causal run will read, by C = 6 N D; infinite where nothing depends on it."""
    budget, text = recipe.budget, facts.rows * facts.row_tokens
    if not says_every_token(recipe.objective) or budget.steps:
        return math.inf
    if budget.tokens or budget.epochs:
        return budget.tokens or budget.epochs * text
    flops = budget.minutes * 60 * facts.free * facts.speed
    return min(flops / (6 * parameters(model)), most_readings(recipe) * text)


def choose_rows(recipe: Recipe, width: int, together: int, planned: float = math.inf) -> int:
    """Return the rows of a step; where they are open, a multiple of `together`."""
    rows = defaults.step_rows(width, recipe.row_length, paired=recipe.objective.heads.pair, planned=planned)
    return recipe.training.batch_rows or together * math.ceil(rows / together)


def choose_compilation(recipe: Recipe, model: ModelConfig, rows: int, facts: Facts) -> Literal["yes", "no"]:
    """Return whether layers are compiled: by how long the run will take on each shape of batch that it has."""
    if recipe.training.compile != "auto":
        return recipe.training.compile
    minutes = recipe.budget.minutes * facts.free  # a busy machine compiles as much more slowly as it trains
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


def most_readings(recipe: Recipe) -> int:
    """Return how often a budget of minutes reads a text, at most."""
    if not says_every_token(recipe.objective):
        return defaults.most_epochs(counted=False)
    width, layers = recipe.model.width or defaults.SIZES[0][0], recipe.model.layers or defaults.SIZES[0][1]
    sized = replace(recipe.model, width=width, layers=layers, heads=recipe.model.heads or defaults.heads_of(width))
    return defaults.most_epochs(counted=choose_start(recipe, sized) == "counts")


def _longest(recipe: Recipe, rows: int, facts: Facts) -> int:
    """Return the steps after which the text has been read as often as a budget of minutes may read it."""
    return math.ceil(most_readings(recipe) * facts.rows / rows)
