"""A study, run: equal text and vocabulary, settled recipes, learning rates tried alike, then every seed of every arm.

    STUDY/
        study.toml        what was asked for
        text/             the cleaned text, where it was raw; a tokenizer for each topology, equal but for its frame
        plan.json         of each arm: size, steps, tokens, FLOPs, the learning rates tried, and the one taken
        arms/NAME/        its text as tokens, and recipe.toml: every setting but the seed
        trials/NAME.N/    runs of a quarter of the budget, with a seed that no other run has
        runs/NAME.SEED/   the runs that are judged

What is there already is not done again, and each run resumes to the same bits, so a study that was killed goes on to
the same result.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hornbook.artifacts import is_done, lock, write_file, write_json
from hornbook.batch import Topology
from hornbook.console import View
from hornbook.corpus.document import document_hash
from hornbook.corpus.read import read
from hornbook.corpus.split import make_split
from hornbook.errors import DivergedError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.records import Records
from hornbook.evaluate.tasks import Task
from hornbook.objectives.base import merged, tokens_per_row
from hornbook.prepare.clean import cleaned, decided
from hornbook.prepare.dataset import Prepared, prepare, vocabulary_size
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget, DataSettings, MixSettings, TokenizerSettings
from hornbook.recipes.settings import load_recipe, save_recipe
from hornbook.run.answer import Asking, answer_task, read_task
from hornbook.run.build import build_loader, draft_model
from hornbook.run.directory import EVALUATIONS, RESULT, is_run, open_run
from hornbook.run.pretrain import pretrain, resume
from hornbook.run.settle.calibrate import flops_per_step, seconds_per_step
from hornbook.run.settle.resolve import Means, resolve
from hornbook.scaling.defaults import TOKENS_PER_PARAMETER
from hornbook.study.design import Study, load_study, recipe_of
from hornbook.study.layout import ARMS, DIVERGED, PLAN, RUNS, TEXT, TRIALS, ArmPlan, diverged, is_planned, read_plan
from hornbook.study.ordered import ordered_text, write_reading
from hornbook.study.reading import whole_epochs
from hornbook.tokens.tokenizer.tokenizer import TOKENIZER, Template, train_tokenizer
from hornbook.train.machine import find_device

_FRAMES: dict[Topology, Template] = {"decoder": "none", "encoder": "both", "encoder-decoder": "end"}
_LEARNED = 64 << 20  # bytes that the tokenizer learns from
WHOLE = "whole"  # beside the arms: the text as it is, before a study of an order takes its part
_PROBE = 1000  # steps of a draft, whose length says nothing
_TIMED = 10.0  # seconds that each arm is timed, in a budget of minutes
_TRIAL_SEED, _TRIAL_SHARE = 1_000_003, 0.25
_RATES = (1.0, 1 / 3, 3.0, 1 / 9, 9.0, 1 / 27, 27.0, 1 / 81, 81.0)


def run_study(directory: Path, plain: bool = False) -> None:
    """Do all runs of a study that are not done yet; a signal ends it as it ends a run, and the same call goes on.

    Raises UserError, before anything runs, where the study's file or one of its tasks is wrong.
    """
    study, view = load_study(directory), View(plain)
    tasks = [read_task(name, Asking(few=study.few)) for name in study.tasks]
    with lock(directory):
        plans = plan_study(study, directory, view)
        taken = {name: _tried(name, study, directory, plain) for name in plans}
        for seed, name in itertools.product(range(study.seeds), plans):  # all arms have as many at any time
            place = directory / RUNS / f"{name}.{seed}"
            if _run(_with_rates(arm_recipe(directory, name), taken[name]), seed, place, plain) is not None:
                _ask(tasks, place, view)


def _ask(tasks: Sequence[Task], place: Path, view: View) -> None:
    """Answer the tasks that a run has not answered yet, in the way that is the model's own."""
    answered = {
        (header["task"], tuple(header["part"]), header["data"])
        for path in (place / EVALUATIONS).glob("*.jsonl")
        if "asks" in (header := Records.load(path).header)
    }
    missing = [task for task in tasks if (task.name, task.part, task.sha256) not in answered]
    run = open_run(place) if missing else None
    for task in missing:
        assert run is not None
        with view.stage(f"{place.name} answers {task.name}", "items") as update:
            answer_task(run, task, progress=update)


def plan_study(study: Study, directory: Path, view: View) -> dict[str, ArmPlan]:
    """Return what each arm's runs are and cost, settling all of them where that is not done yet."""
    if is_planned(directory):
        return read_plan(directory)
    paths = _text(study, directory, view)
    recipes = {name: recipe_of(arm, name) for name, arm in study.arms.items()}
    _tokenizers(recipes, paths, directory, view)
    if study.curriculum is not None:
        recipe = replace(next(iter(recipes.values())), mix=MixSettings())
        whole, plan = _settled(WHOLE, recipe, study, paths, directory, view, None)
        paths = ordered_text(study, directory, paths, whole, plan, view)
    plans: dict[str, ArmPlan] = {}
    first: Recipe | None = None
    for name, recipe in recipes.items():
        settled, plans[name] = _settled(name, recipe, study, paths, directory, view, first)
        first = first or settled
        save_recipe(settled, directory / ARMS / name / "recipe.toml")
    if study.curriculum is not None:
        write_reading(directory, list(plans), view)
    facts = {"study": dataclasses.asdict(study), "arms": {name: dataclasses.asdict(p) for name, p in plans.items()}}
    write_json(directory / PLAN, facts)
    return plans


def arm_recipe(directory: Path, name: str) -> Recipe:
    """Return the settled recipe of an arm."""
    return load_recipe(directory / ARMS / name / "recipe.toml")


def _text(study: Study, directory: Path, view: View) -> tuple[str, ...]:
    """Return what all arms read: the study's text, cleaned once where it is raw."""
    data = decided(DataSettings(paths=study.text), view.say)
    return cleaned(data, directory / TEXT, view)


def _tokenizers(recipes: dict[str, Recipe], paths: tuple[str, ...], directory: Path, view: View) -> None:
    """Train one vocabulary for all arms, with the special tokens of all; each topology has its own frame of texts."""
    needs = merged([recipe.objective.requirements(recipe.row_length) for recipe in recipes.values()])
    frames = {recipe.objective.topology for recipe in recipes.values()}
    missing = [frame for frame in sorted(frames) if not (directory / TEXT / frame / TOKENIZER).is_file()]
    if not missing:
        return
    documents = list(read(paths))
    split = make_split(map(document_hash, documents), DataSettings(paths=paths).held_out)
    texts, size = [], 0
    for document in documents:
        if not split.held_out(document_hash(document)) and size < _LEARNED:
            texts.append(document.text)
            size += len(document.text.encode())
    entries = vocabulary_size(sum(len(document.text.encode()) for document in documents), "bpe")
    for frame in missing:
        with view.stage(f"training the tokenizer ({frame})", "bytes") as update:
            more = needs.sentinels + len(needs.modes)
            text = train_tokenizer(texts, "bpe", entries + more, needs, _FRAMES[frame])
            update(size)
        write_file(directory / TEXT / frame / TOKENIZER, text)


def _settled(
    name: str, recipe: Recipe, study: Study, paths: tuple[str, ...], directory: Path, view: View, first: Recipe | None
) -> tuple[Recipe, ArmPlan]:
    """Return an arm's recipe with every choice made, and what its runs are; `first` is that of the first arm."""
    device, place = find_device(), directory / ARMS / name
    tokenizer = directory / TEXT / recipe.objective.topology / TOKENIZER
    recipe = replace(
        recipe,
        data=DataSettings(paths=paths, clean="none"),
        tokenizer=TokenizerSettings(file=str(tokenizer)),
        budget=_sizing(study),
    )
    if first is not None:
        rows = recipe.training.batch_rows or first.training.batch_rows
        recipe = replace(recipe, training=replace(recipe.training, batch_rows=rows))
    prepared = prepare(recipe, place, view)
    recipe = _shaped(recipe, study, first, prepared)
    means = Means(prepared, device, functools.partial(_say, view, name))
    draft = resolve(replace(recipe, budget=Budget(steps=_PROBE)) if recipe.model.width else recipe, means).recipe
    a_step, seconds, batches = _cost_of_step(draft, prepared, study, view, name)
    steps = max(1, round(_steps(study, draft, prepared, a_step, seconds)))
    if study.curriculum is not None and name != WHOLE:
        before = draft.training.batch_rows
        draft, steps = whole_epochs(draft, len(prepared.training_rows), steps)
        a_step, seconds, batches = (cost * draft.training.batch_rows / before for cost in (a_step, seconds, batches))
    settled = resolve(replace(_open_dropout(draft, recipe), budget=Budget(steps=steps)), means).recipe
    positions = draft.training.batch_rows * tokens_per_row(prepared.objective, prepared.row_length)
    return settled, ArmPlan(
        name, type(recipe.objective).__name__, _parameters(settled), settled.model.width, settled.model.layers, steps,
        settled.training.batch_rows, round(steps * positions), round(steps * batches), steps * a_step, steps * seconds,
    )  # fmt: skip


def _say(view: View, name: str, text: str) -> None:
    view.say(f"{name}: {text}")


def _sizing(study: Study) -> Budget:
    """Return a budget from which the first arm's size is chosen."""
    budget = study.budget
    if budget.minutes:
        return Budget(minutes=budget.minutes)
    tokens = budget.tokens or math.sqrt(budget.flops * TOKENS_PER_PARAMETER / 6)
    return Budget(tokens=max(1, round(tokens)))


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


def _open_dropout(draft: Recipe, recipe: Recipe) -> Recipe:
    """Return the draft with its dropout open again where the recipe's is: it depends on the steps."""
    open_again = replace(draft.model, dropout=recipe.model.dropout) if recipe.model.dropout < 0 else draft.model
    training = replace(draft.training, evaluate_every=recipe.training.evaluate_every)
    return replace(draft, model=open_again, training=training)


def _parameters(recipe: Recipe) -> int:
    """Return the parameters that are trained, both networks of an ELECTRA."""
    return sum(parameter.numel() for parameter in draft_model(recipe).parameters())


def _cost_of_step(draft: Recipe, prepared: Prepared, study: Study, view: View, name: str) -> tuple[float, float, float]:
    """Return (FLOPs, seconds, scored targets) of a step; seconds are 0 where the budget is not in minutes."""
    device = find_device()
    batches = build_loader(draft, prepared, device).step(_PROBE // 2)
    seconds = 0.0
    if study.budget.minutes:
        with view.stage(f"timing {name}", "steps") as update:
            seconds = seconds_per_step(draft, prepared, device, (0, 1), _TIMED, update)
    return flops_per_step(draft, prepared, batches), seconds, sum(batch.scored.numel() for batch in batches)


def _steps(study: Study, draft: Recipe, prepared: Prepared, flops: float, seconds: float) -> float:
    """Return how many steps an arm's budget buys."""
    budget = study.budget
    if budget.minutes:
        return 60 * budget.minutes / seconds
    if budget.flops:
        return budget.flops / flops
    return budget.tokens / (draft.training.batch_rows * tokens_per_row(prepared.objective, prepared.row_length))


def _tried(name: str, study: Study, directory: Path, plain: bool) -> float:
    """Return by what an arm's learning rates are multiplied: of those tried, what ended with the lowest loss."""
    if study.trials == 1:
        return 1.0
    recipe = arm_recipe(directory, name)
    steps = max(1, round(_TRIAL_SHARE * recipe.budget.steps))
    losses: dict[float, float] = {}
    for number, factor in enumerate(_RATES[: study.trials]):
        shorter = replace(_with_rates(recipe, factor), budget=Budget(steps=steps))
        found = _run(shorter, _TRIAL_SEED, directory / TRIALS / f"{name}.{number}", plain)
        losses[factor] = math.inf if found is None else found.loss
    return min(losses, key=lambda factor: losses[factor])


def _with_rates(recipe: Recipe, factor: float) -> Recipe:
    training = recipe.training
    rates = ("learning_rate", "muon_learning_rate", "embedding_rate")
    return replace(recipe, training=replace(training, **{name: factor * getattr(training, name) for name in rates}))


def _run(recipe: Recipe, seed: int, place: Path, plain: bool) -> Evaluation | None:
    """Return the result of a run, from its directory where it is there already; None where its training diverged."""
    lost = place.parent.parent / DIVERGED
    known = diverged(place.parent.parent)
    if f"{place.parent.name}/{place.name}" in known:
        return None
    try:
        if (place / RESULT).is_file() and is_done(place, RESULT):
            return Evaluation.load(place / RESULT)
        return resume(place, plain=plain) if is_run(place) else pretrain(replace(recipe, seed=seed), place, plain=plain)
    except DivergedError:
        write_json(lost, [*known, f"{place.parent.name}/{place.name}"])
        return None
