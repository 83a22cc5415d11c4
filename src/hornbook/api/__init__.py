"""The front door: what `import hornbook` hands on. Torch is loaded when a model is needed, and not before.

pretrain   text and a budget -> a Run                load      a run, or a folder of transformers -> a Run
branch     a run at a step -> a shorter or longer run of the same recipe
check      a directory -> what is damaged there      runs      the runs below a directory
sweep      settings with several values -> a study of their arms
recipe     a recipe by name, file or wish            objective an objective by name and settings
fit_law    runs of known size and loss -> a scaling law
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hornbook.api.run import NOTHING, Run, default_transfer, lines_of, texts_of
from hornbook.errors import UserError
from hornbook.objectives.base import Objective
from hornbook.objectives.catalogue import build, kind_of
from hornbook.recipes.named import continued, default, named
from hornbook.recipes.recipe import Recipe, default_model
from hornbook.recipes.settings import RECIPE, load_recipe, override
from hornbook.vocab import EMPTY

if TYPE_CHECKING:
    from hornbook.diagnose.whole import Examined
    from hornbook.scaling.fit import Fit
    from hornbook.study.listing import RunLine
    from hornbook.study.report import StudyReport

__all__ = [
    "NOTHING", "Run", "branch", "check", "default_directory", "default_transfer", "fit_law", "load", "objective",
    "pretrain", "recipe", "runs", "sweep",
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


def runs(*directories: str | Path) -> list[RunLine]:
    """Return the runs in and below directories, by default runs/, those of studies too: one line for each.

    A line has its path, state, objective, parameters, steps, seed, numbers and date; what is damaged is a line whose
    `problem` says so. Raises UserError where a directory is none. See `hornbook runs`.
    """
    from hornbook.study.listing import runs as find

    return find([Path(directory) for directory in directories or ("runs",)])


def fit_law(points: str | Path, *, parameters: str = "params", loss: str = "loss", resamples: int = 1000) -> Fit:
    """Fit L = E + A/N^alpha + B/D^beta to the runs in a CSV file with columns for N, tokens and loss.

    parameters, loss   names of these columns
    resamples          resamples of the points, for `interval`
    Raises UserError where the file is wrong, or its runs identify no law. See `hornbook scaling fit`.
    """
    from hornbook.scaling.fit import fit_law as fit
    from hornbook.scaling.points import read_points

    return fit(read_points(Path(points), parameters, loss), resamples)


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
    begin(planned, directory, until=until, plain=plain)
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
    return Run(Path(out))


def sweep(
    text: str | Path | Sequence[str | Path] = (),
    *,
    seeds: Sequence[int] = (0,),
    objective: str | Sequence[str] = "",
    recipe: str = "",
    minutes: float | None = None,
    steps: int | None = None,
    tokens: int | None = None,
    epochs: float | None = None,
    settings: Mapping[str, object] = NOTHING,
    halving: int = 0,
    out: str | Path | None = None,
    processes: int = 1,
    plain: bool = False,
) -> StudyReport:
    """Train an arm for each combination of values, with every seed, and return numbers and verdicts.

    seeds      of each arm; one gives numbers and no verdict
    objective  one or several
    settings   a list of values of a setting that holds one makes arms: {"training.learning_rate": [1e-3, 3e-3]}
    halving    how often the worse half of the arms stops on the way
    out        the study's directory; by default runs/DATE-sweep. One that is there already goes on
    processes  that train at once
    The rest is as in `pretrain`.
    """
    from hornbook.study.design import STUDY, load_study
    from hornbook.study.layout import begin, default_study
    from hornbook.study.report import report_study
    from hornbook.study.sweeps import KIND, SEED, first_of
    from hornbook.study.sweeps import sweep as swept
    from hornbook.study.workers import run_processes

    kinds = [objective] if isinstance(objective, str) else list(objective)
    given = {SEED: list(seeds), **({KIND: kinds} if any(kinds) else {}), **settings}
    lines = dict(line.split("=", 1) for line in lines_of(given))
    first = _recipe(
        recipe or None, text=text, minutes=minutes, steps=steps, tokens=tokens, epochs=epochs, settings=first_of(lines)
    )
    study, directory = swept(first, lines, recipe=recipe, halving=halving), Path(out) if out else default_study()
    if not (directory / STUDY).is_file() or load_study(directory) != study:
        begin(study, directory)
    run_processes(directory, processes, plain)
    return report_study(directory)


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
