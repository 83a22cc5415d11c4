"""What a study's runs are, settled before any of them: equal text and vocabulary, sizes, steps, what a step costs.

text/             the cleaned text, where it was raw; a tokenizer for each topology, equal but for its frame
arms/NAME/        its text as tokens, and recipe.toml: every setting but the seed
plan.json         of each arm: size, steps, tokens, FLOPs; and how long a step took here
"""

from __future__ import annotations

import dataclasses
import functools
import math
import shutil
import time
from dataclasses import replace
from pathlib import Path

from hornbook.artifacts import read_json, write_json
from hornbook.console import View
from hornbook.errors import UserError
from hornbook.locks import claimed
from hornbook.objectives.base import tokens_per_row
from hornbook.prepare.dataset import Prepared, prepare
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget, DataSettings, MixSettings, TokenizerSettings
from hornbook.recipes.settings import save_recipe
from hornbook.run.build import build_loader, draft_model
from hornbook.run.settle.calibrate import flops_per_step, seconds_per_step
from hornbook.run.settle.resolve import Means, most_entries, resolve
from hornbook.scaling.defaults import TOKENS_PER_PARAMETER
from hornbook.signals import stoppable
from hornbook.study.design import Study, recipe_of
from hornbook.study.layout import ARMS, JOBS, PAUSE, PLAN, TEXT, ArmPlan, is_planned, read_plan, settling, stopped
from hornbook.study.orders.ordered import ordered_text, write_reading
from hornbook.study.orders.reading import whole_epochs
from hornbook.study.text import common_text, common_vocabulary, tokenizer_of
from hornbook.train.machine import find_device
from hornbook.train.processors import computing

WHOLE = "whole"  # beside the arms: the text as it is, before a study of an order takes its part
_PROBE = 1000  # steps of a draft, whose length says nothing
_TIMED, _GLANCE = 10.0, 2.0  # seconds that each arm is timed: for a budget of minutes, and to tell what is ahead


def plan_study(study: Study, directory: Path, view: View) -> dict[str, ArmPlan]:
    """Return what each arm's runs are and cost, settling all of them where that is not done yet.

    Of several processes one settles them, and the others wait for it.
    """
    told = False
    while not is_planned(directory):
        with claimed(directory / JOBS / "plan.lock") as free:
            if free:
                if not is_planned(directory):
                    with stoppable(stopped(directory)), computing(study.threads):
                        _settle(study, directory, view)
            elif not told:
                view.say("Another process settles the runs: waiting for it.")
                told = True
        time.sleep(0 if free else PAUSE)
    return read_plan(directory)


def _settle(study: Study, directory: Path, view: View) -> None:
    """Write the plan, and of each arm the text as tokens and the recipe."""
    _clear_other(study, directory)
    paths = common_text(study.text, directory, view)
    recipes = {name: recipe_of(arm, name) for name, arm in study.arms.items()}
    most = functools.partial(_most_entries, next(iter(recipes.values())), study)
    common_vocabulary(recipes.values(), paths, directory, view, most=most)
    if study.curriculum is not None:
        plain = replace(next(iter(recipes.values())), mix=MixSettings())
        whole, plan, _ = _settled(WHOLE, plain, study, paths, directory, view, None)
        paths = ordered_text(study, directory, paths, whole, plan, view)
    plans: dict[str, ArmPlan] = {}
    seconds: dict[str, float] = {}
    first: Recipe | None = None
    for name, recipe in recipes.items():
        settled, plans[name], seconds[name] = _settled(name, recipe, study, paths, directory, view, first)
        first = first or settled
        save_recipe(settled, directory / ARMS / name / "recipe.toml")
    if study.curriculum is not None:
        write_reading(directory, list(plans), view)
    facts = {"study": dataclasses.asdict(study), "arms": {name: dataclasses.asdict(p) for name, p in plans.items()}}
    write_json(directory / PLAN, facts | {"seconds_per_step": seconds})


def _clear_other(study: Study, directory: Path) -> None:
    """Remove what a settling left that was not of this study's file as it is now, and did not end."""
    mark, mine = directory / TEXT / "study.json", settling(study)
    if mark.is_file() and read_json(mark, "study of the text") == mine:
        return
    for folder in (TEXT, ARMS):
        shutil.rmtree(directory / folder, ignore_errors=True)
    write_json(mark, mine)


def _settled(
    name: str, recipe: Recipe, study: Study, paths: tuple[str, ...], directory: Path, view: View, first: Recipe | None
) -> tuple[Recipe, ArmPlan, float]:
    """Return an arm's recipe with every choice made, what its runs are, and the seconds of a step.

    first   the recipe of the first arm, None for itself
    """
    device, place = find_device(), directory / ARMS / name
    recipe = replace(
        recipe,
        data=DataSettings(paths=paths, clean="none"),
        tokenizer=TokenizerSettings(file=str(tokenizer_of(directory, recipe))),
        budget=_sizing(study),
        training=replace(recipe.training, threads=study.threads),
    )
    if first is not None:
        rows = recipe.training.batch_rows or first.training.batch_rows
        recipe = replace(recipe, training=replace(recipe.training, batch_rows=rows))
    prepared = prepare(recipe, place, view)
    recipe = _shaped(recipe, study, first, prepared)
    means = Means(prepared, device, functools.partial(_say, view, name))
    draft = resolve(replace(recipe, budget=Budget(steps=_PROBE)) if recipe.model.width else recipe, means).recipe
    a_step, seconds, batches = _cost_of_step(draft, prepared, study, view, name)
    bought = _steps(study, draft, prepared, a_step, seconds)
    if bought < 1:
        budget = study.budget
        raise UserError(
            f"In the study, budget.{budget.unit} = {budget.amount:g} is less than one step of {name} takes, "
            f"{budget.amount / bought:.3g}: give more."
        )
    steps = round(bought)
    if study.curriculum is not None and name != WHOLE:
        before = draft.training.batch_rows
        draft, steps = whole_epochs(draft, len(prepared.training_rows), steps)
        a_step, seconds, batches = (cost * draft.training.batch_rows / before for cost in (a_step, seconds, batches))
    settled = resolve(replace(_open_again(draft, recipe), budget=Budget(steps=steps)), means).recipe
    positions = draft.training.batch_rows * tokens_per_row(prepared.objective, prepared.row_length)
    return settled, ArmPlan(
        name, type(recipe.objective).__name__, _parameters(settled), settled.model.width, settled.model.layers, steps,
        settled.training.batch_rows, round(steps * positions), round(steps * batches), steps * a_step,
        steps * seconds if study.budget.minutes else 0.0,
    ), seconds  # fmt: skip


def _say(view: View, name: str, text: str) -> None:
    view.say(f"{name}: {text}")


def _sizing(study: Study) -> Budget:
    """Return a budget from which the first arm's size is chosen."""
    budget = study.budget
    if budget.minutes or budget.steps or budget.epochs:
        return Budget(minutes=budget.minutes, steps=budget.steps, epochs=budget.epochs)
    tokens = budget.tokens or math.sqrt(budget.flops * TOKENS_PER_PARAMETER / 6)
    return Budget(tokens=max(1, round(tokens)))


def _most_entries(first: Recipe, study: Study) -> int:
    """Return the most entries of the common vocabulary, by what the budget buys of the first arm."""
    model = first.model if first.model.width else replace(first.model, width=study.width, layers=study.layers)
    return most_entries(replace(first, model=model, budget=_sizing(study)), find_device())


def _shaped(recipe: Recipe, study: Study, first: Recipe | None, prepared: Prepared) -> Recipe:
    """Return the recipe with the study's shape: as wide as the first arm, and as many layers or parameters."""
    model = replace(recipe.model, vocab_size=prepared.tokenizer.vocab.size)
    if model.width:  # the arm says itself
        return replace(recipe, model=model)
    if first is None:
        return replace(recipe, model=replace(model, width=study.width, layers=study.layers))
    shape = replace(model, width=first.model.width, heads=first.model.heads, layers=first.model.layers)
    if study.size == "parameters":
        wanted = _parameters(first)

        def off(layers: int) -> float:
            return abs(math.log(_parameters(replace(recipe, model=replace(shape, layers=layers))) / wanted))

        shape = replace(shape, layers=min(range(1, 2 * first.model.layers + 1), key=off))
    return replace(recipe, model=shape)


def _open_again(draft: Recipe, recipe: Recipe) -> Recipe:
    """Return the draft with all open that depends on a run's steps, where the recipe leaves it open.

    How often and on how much text it is measured is the recipe's too: a budget of minutes measures on less, and all
    arms are to be measured on the same.
    """
    asked = recipe.training
    model = replace(draft.model, dropout=recipe.model.dropout) if recipe.model.dropout < 0 else draft.model
    training = replace(
        draft.training, learning_rate=asked.learning_rate, muon_learning_rate=asked.muon_learning_rate,
        muon_momentum=asked.muon_momentum, evaluate_every=asked.evaluate_every,
        evaluate_tokens=asked.evaluate_tokens,
    )  # fmt: skip
    return replace(draft, model=model, training=training)


def _parameters(recipe: Recipe) -> int:
    """Return the parameters that are trained, both networks of an ELECTRA."""
    return sum(parameter.numel() for parameter in draft_model(recipe).parameters())


def _cost_of_step(draft: Recipe, prepared: Prepared, study: Study, view: View, name: str) -> tuple[float, float, float]:
    """Return (FLOPs, seconds, scored targets) of a step; a budget of minutes is timed for longer."""
    device = find_device()
    batches = build_loader(draft, prepared, device).step(_PROBE // 2)
    with view.stage(f"timing {name}", "steps") as update:
        enough = _TIMED if study.budget.minutes else _GLANCE
        seconds = seconds_per_step(draft, prepared, device, (0, 1), enough, update)
    return flops_per_step(draft, prepared, batches), seconds, sum(batch.scored.numel() for batch in batches)


def _steps(study: Study, draft: Recipe, prepared: Prepared, flops: float, seconds: float) -> float:
    """Return how many steps an arm's budget buys."""
    budget = study.budget
    if budget.minutes:
        return 60 * budget.minutes / seconds
    if budget.flops:
        return budget.flops / flops
    if budget.steps:
        return budget.steps
    if budget.epochs:
        return math.ceil(budget.epochs * len(prepared.training_rows) / draft.training.batch_rows)
    return budget.tokens / (draft.training.batch_rows * tokens_per_row(prepared.objective, prepared.row_length))
