"""The front door: what `import hornbook` hands on. Torch is loaded when a model is needed, and not before.

pretrain   text and a budget -> a Run                load      a run, or a folder of transformers -> a Run
branch     a run at a step -> a shorter or longer run of the same recipe
check      a directory -> what is damaged there      runs      the runs below a directory
sweep      settings with several values -> a study   compare   finished runs -> what may be said of them
watch      runs below directories -> their curves in the browser, as they go
write_report   runs, or a study -> a page and Markdown of what their files say
recipe     a recipe by name, file or wish            objective an objective by name and settings
fit_law    runs of known size and loss -> a scaling law
advise     a task -> which objective, by rules, studies here and a pilot
plan       text and a budget -> what a run would be and cost; a budget -> what laws would spend it on
scaling_sweep   a text and a time -> runs of known size and loss, and their law
play       runs -> the playground in the browser
best_rates      runs over learning rates and batches -> the best of each setting
corpus_recipes   the mixes of text that papers disclose
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hornbook.api.pages import play, watch
from hornbook.api.run import NOTHING, Run, default_transfer, lines_of, texts_of, told_report
from hornbook.api.studies import compare, runs, sweep, write_report
from hornbook.errors import UserError
from hornbook.objectives.base import Objective
from hornbook.objectives.catalogue import build, kind_of
from hornbook.recipes.named import continued, default, named
from hornbook.recipes.recipe import Recipe, default_model
from hornbook.recipes.settings import RECIPE, load_recipe, override
from hornbook.vocab import EMPTY

if TYPE_CHECKING:
    from hornbook.advice.advise import Advice
    from hornbook.advice.pilot import Examples
    from hornbook.api.planning import Plan
    from hornbook.corpus.mixes import Mix
    from hornbook.diagnose.whole import Examined
    from hornbook.scaling.fit import Fit
    from hornbook.scaling.rates import BestRate

__all__ = [
    "NOTHING", "Run", "advise", "best_rates", "branch", "check", "compare", "corpus_recipes", "default_directory",
    "default_transfer", "fit_law", "load", "objective", "plan", "play", "pretrain", "recipe", "runs",
    "scaling_sweep", "sweep", "watch", "write_report",
]  # fmt: skip


def load(path: str | Path) -> Run:
    """Return the run in a directory, or the model in a folder that transformers' save_pretrained wrote.

    Raises UserError where there is neither.
    """
    directory = Path(path)
    if not any((directory / name).is_file() for name in (RECIPE, "config.json")):
        raise UserError(f"There is no run and no Hugging Face model in {directory}.")
    return Run(directory)


def check(path: str | Path) -> list[Examined]:
    """Return what is found of a run, a checkpoint, a corpus or an exported model, every byte and weight of it.

    Each item has its path, its kind, its damages (file, what, cost, remedy; none where it is whole) and notes. Nothing
    is changed. Raises UserError where there is nothing of Hornbook's.
    """
    from hornbook.diagnose.whole import check_path

    return list(check_path(Path(path), lambda part: None))


def fit_law(points: str | Path, *, parameters: str = "params", loss: str = "loss", resamples: int = 1000) -> Fit:
    """Fit L = E + A/N^alpha + B/D^beta to the runs in a CSV file with columns for N, tokens and loss.

    parameters, loss   names of these columns
    resamples          resamples of the points, for `interval`
    Raises UserError where the file is wrong, or its runs identify no law. See `hornbook scaling fit`.
    """
    from hornbook.scaling.fit import fit_law as fit
    from hornbook.scaling.points import read_points

    return fit(read_points(Path(points), parameters, loss), resamples)


def corpus_recipes() -> tuple[Mix, ...]:
    """Return the mixes of text that papers disclose: domains, weights, passes, tokens, source, and what is not said.

    `hornbook.corpus.named_mixes.recipe_of` writes one as a recipe of `corpus build`.
    """
    from hornbook.corpus.mixes import MIXES

    return MIXES


def plan(
    text: str | Path | Sequence[str | Path] = (),
    *,
    objective: str | Objective | None = None,
    recipe: str | Path | Recipe | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    tokens: float | None = None,
    epochs: float | None = None,
    flops: float | None = None,
    params: float | None = None,
    unique: float = math.inf,
    fit: str | Path | None = None,
    devices: int = 1,
    price: float = 0.0,
    settings: Mapping[str, object] = NOTHING,
) -> Plan:
    """Return what `pretrain` would do with a text and a budget and what it costs here; nothing is trained or kept.

    Without a text: what a number of FLOPs is best spent on by each known law, which tokens they would take for `params`
    parameters, or what a run of both spends.

    flops     in place of another budget
    unique    tokens of text at hand, where no text is given: more are repeats
    fit       a file of runs of yours, as for `fit_law`: its law chooses the size and predicts the loss
    devices   that share each step; price = of one of them for an hour
    """
    from hornbook.api.planning import plan_of_laws, plan_of_run, words_of

    places, law = texts_of(text), None if fit is None else Path(fit)
    if not (places or objective or recipe or minutes or steps or epochs or settings):
        return plan_of_laws(flops, params, tokens, unique, law)
    if params is not None or unique < math.inf:
        raise UserError("A run of a text has a size and tokens of its own: leave out params and unique.")
    whole = None if tokens is None else round(tokens)
    planned = _recipe(
        recipe, text=text, objective=objective, minutes=minutes, steps=steps, tokens=whole, epochs=epochs,
        settings=settings,
    )  # fmt: skip
    named = objective if isinstance(objective, str) or objective is None else kind_of(objective)
    what, base = [*places, *lines_of(settings)], None if recipe is None or isinstance(recipe, Recipe) else str(recipe)
    words = words_of(what, named, base, {"minutes": minutes, "steps": steps, "tokens": whole, "epochs": epochs})
    return plan_of_run(planned, words, flops=flops or 0.0, fit=law, devices=devices, price=price)


def advise(
    task: str,
    text: str | Path | Sequence[str | Path] = (),
    *,
    minutes: float = 10.0,
    pilot: bool = False,
    train: str | Path = "",
    dev: str | Path = "",
    test: str | Path = "",
    studies: str | Path = "runs",
    out: str | Path | None = None,
    plain: bool = False,
) -> Advice:
    """Return which objective suits a task: by rules with their worth, by studies of yours, by a pilot if asked for.

    minutes           of the whole pilot, and of the run that is recommended
    train, dev, test  examples of the task for the pilot, as `Run.transfer` takes them
    studies           a directory in which studies of yours lie
    """
    from hornbook.advice.advise import advise as advised

    return advised(
        task, texts_of(text), minutes=minutes, pilot=pilot, examples=examples_of(str(train), str(dev), str(test)),
        studies=Path(studies), out=None if out is None else Path(out), plain=plain,
    )  # fmt: skip


def examples_of(train: str, dev: str, test: str) -> Examples | None:
    """Return the examples of a pilot; None where none are given. Raises UserError where one of two is missing."""
    if not (train or dev or test):
        return None
    if not (train and test):
        raise UserError("A pilot needs examples to learn from and others to score: give both train and test.")
    from hornbook.advice.pilot import Examples

    return Examples(train, test, dev)


def scaling_sweep(
    text: str | Path | Sequence[str | Path] = ("builtin:docs",),
    *,
    minutes: float,
    out: str | Path,
    objective: str = "causal",
    settings: Mapping[str, object] = NOTHING,
    resamples: int = 1000,
    plain: bool = False,
) -> Mapping[str, Any]:
    """Train sizes x token counts on a text, as many as fit into the minutes, and return what a fit of them says.

    The same call goes on with a sweep that was stopped. See `hornbook scaling sweep`; the values are those of
    `hornbook scaling fit --json`.
    """
    from hornbook.console import View
    from hornbook.scaling.summary import summarise
    from hornbook.study.grid import Asked
    from hornbook.study.scaling_sweep import plan_sweep, run_sweep

    asked = Asked(tuple(texts_of(text)), minutes, objective, tuple(lines_of(settings)))
    plan_sweep(asked, Path(out), View(plain))
    return summarise(run_sweep(Path(out), plain), "params", "loss", (), resamples)


def best_rates(points: str | Path) -> list[BestRate]:
    """Return the best learning rate and batch of each setting of a CSV file with params, tokens, lr, batch and loss.

    See `hornbook scaling rates`.
    """
    from hornbook.scaling.rates import read_rates

    return read_rates(Path(points))


def objective(kind: str, **settings: object) -> Objective:
    """Return an objective by its name, or `path.py:Class` for one of your own, with these settings.

    >>> objective("span", density=0.3)
    SpanCorruption(density=0.3, mean_span=3.0)
    """
    return build(kind, settings, EMPTY)


def recipe(
    base: str | Path | Recipe | None = None,
    *,
    text: str | Path | Sequence[str | Path] = (),
    objective: str | Objective | None = None,
    start: str | Path | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    tokens: int | None = None,
    epochs: float | None = None,
    seed: int | None = None,
    settings: Mapping[str, object] = NOTHING,
) -> Recipe:
    """Return a recipe: the one that `base` is or names (a name, a recipe.toml), or the default one, with your changes.

    `start` is a model to continue from, a run or a folder of transformers; its objective is then the default. What
    `settings` says wins; its names are those of `hornbook settings`. Raises UserError for what cannot be.

    >>> recipe("bert", minutes=5, settings={"model.layers": 4, "model.width": 256, "model.heads": 4}).model.layers
    4
    """
    changes = {"minutes": minutes, "steps": steps, "tokens": tokens, "epochs": epochs}
    lines = [f"budget.{name}={value}" for name, value in changes.items() if value is not None]
    result = _base(base, objective, start)
    if objective is not None:
        result = _learning(result, objective)
    result = override(result, [*lines, *([] if seed is None else [f"seed={seed}"])])
    if paths := texts_of(text):
        result = replace(result, data=replace(result.data, paths=paths))
    return override(result, lines_of(settings))


_recipe = recipe  # `pretrain` has a parameter of that name


def pretrain(
    text: str | Path | Sequence[str | Path] = (),
    *,
    objective: str | Objective | None = None,
    recipe: str | Path | Recipe | None = None,
    start: str | Path | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    tokens: int | None = None,
    epochs: float | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    settings: Mapping[str, object] = NOTHING,
    until: int = 0,
    plain: bool = False,
) -> Run:
    """Train a model on text and return its run: tokenizer, tokens, training, measurements, all in one directory.

    text      files, globs, folders, builtin:docs, builtin:code or hf://NAME; by default Python's documentation
    out       the run directory; by default runs/DATE-OBJECTIVE
    until     stop after so many steps, with a checkpoint: `load(out).resume()` goes on; 0 = at the end
    plain     print lines instead of a live panel
    The rest is as in `recipe`. Raises UserError where something is wrong with the wish or the text, Interrupted where
    a signal ended the run; `load(out).resume()` goes on with it.
    """
    from hornbook.run.pretrain import begin

    planned = _recipe(
        recipe, text=text, objective=objective, start=start, minutes=minutes, steps=steps, tokens=tokens,
        epochs=epochs, seed=seed, settings=settings,
    )  # fmt: skip
    if out is not None and not str(out):
        raise UserError("out is empty: name a directory, or leave it out.")
    directory = default_directory(planned) if out is None else Path(out)
    if begin(planned, directory, until=until, plain=plain) is not None:
        told_report(directory)
    return Run(directory)


def branch(trunk: str | Path, step: int, *, steps: int, out: str | Path, plain: bool = False) -> Run:
    """Train a run that begins where `trunk` was after `step` steps, and has `steps` in all; return it.

    Weights, optimizer state and data go on; the recipe is the trunk's but for its length. It is what training straight
    to that length gives, bit for bit; raises UserError where it would not be.
    """
    from hornbook.run.branch import begin_branch
    from hornbook.run.pretrain import resume

    begin_branch(Path(trunk), step, Path(out), steps)
    resume(Path(out), plain=plain)
    told_report(Path(out))
    return Run(Path(out))


def default_directory(recipe: Recipe) -> Path:
    """Return where a run goes that was given no name: runs/DATE-OBJECTIVE."""
    return Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-{kind_of(recipe.objective).rpartition(':')[2]}"


def _base(base: str | Path | Recipe | None, objective: str | Objective | None, start: str | Path | None) -> Recipe:
    """Return the recipe to begin with: given, in a file, named, to continue from a model, or the objective's own."""
    if base is not None and start is not None:
        raise UserError(f"Give a recipe or a base model, not both {base} and {start}.")
    if isinstance(base, Recipe):
        return base
    if base is not None:
        return load_recipe(Path(base)) if str(base).endswith(".toml") else named(str(base))
    if start is not None:
        from hornbook.run.imported import objective_of  # loads torch, for which a misspelt setting shall not wait

        return continued(objective_of(Path(start)), str(start))
    return default(objective if isinstance(objective, str) else "causal")


def _learning(recipe: Recipe, objective: str | Objective) -> Recipe:
    """Return the recipe with another objective: by name with its defaults, or as it is given."""
    if isinstance(objective, str):
        return override(recipe, [f"objective.kind={objective}"])
    recipe = override(recipe, [f"objective.kind={kind_of(objective)}"])
    model = recipe.model if recipe.model.topology == objective.topology else default_model(objective)
    return replace(recipe, objective=objective, model=model)
