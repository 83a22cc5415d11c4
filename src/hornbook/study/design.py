"""A study's file: which arms, on which text, under which budget, judged by what.

    study.toml
        text = ["BOOK.txt"]                     files, folders, builtin:docs, as for `pretrain`
        seeds = 3                               runs of each arm
        [budget]                                of each run; exactly one
        tokens = 2_000_000                      of the corpus; or flops, or minutes (timed for each arm in turn)
        [arms.causal]
        objective = "causal"
        [arms.masked-40]
        objective = "masked"
        settings = ["objective.rate=0.4"]

All arms read equal text with one vocabulary that has the special tokens of all. Loads no torch.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Ge

from hornbook.errors import UserError, nearest
from hornbook.recipes.named import default, named
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import load_recipe, override
from hornbook.schema import Cap, Count, NotNegative, leaf, leaves, read_recipe

STUDY = "study.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*")
_RESERVED = ("seed", "budget.", "tokenizer.", "data.", "training.threads")  # what is the study's, not an arm's
T = TypeVar("T")


@dataclass(frozen=True)
class ArmSettings:
    """One arm, as the file has it.

    objective   what its models learn; empty = the recipe's
    recipe      a recipe by name, or a recipe.toml, to begin with; empty = the default one of the objective
    settings    settings that differ from it, as name=value
    """

    objective: str = ""
    recipe: str = ""
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class BudgetSettings:
    """What each run may spend: exactly one of these.

    tokens    of the corpus that it reads
    flops     of its training, as `hornbook.scaling.count` counts them
    minutes   of training, turned into steps by timing each arm alone before anything runs
    """

    tokens: Annotated[float, Ge(0), Cap(10**15)] = 0
    flops: Annotated[float, Ge(0), Cap(10**30)] = 0
    minutes: Annotated[float, Ge(0), Cap(10**7)] = 0

    @property
    def unit(self) -> str:
        return next(name for name, value in vars(self).items() if value)

    @property
    def amount(self) -> float:
        return float(getattr(self, self.unit))


@dataclass(frozen=True)
class CurriculumSettings:
    """That arms differ in the order of one text: they read every document equally often, in whole epochs.

    by         what the text is ordered by: length, difficulty, a field ...; the arms' settings say it to their runs
    reference  by difficulty: a finished causal run that tells it; empty = the study trains a small one first
    """

    by: str
    reference: str = ""


@dataclass(frozen=True)
class Study:
    """A study.

    text      what all arms read
    arms      by name, the first one being what others are told against
    budget    of each run
    seeds     runs of each arm; two at least for a verdict
    size      what arms have in common: parameters, or flops = the same width and layers
    width, layers   of a decoder or encoder; 0 = chosen from the first arm's budget
    trials    learning rates that each arm tries at a quarter of the budget before its seeds run; 1 = the default alone
    margin    a difference in bits per byte that would not matter
    tasks     files that `hornbook evaluate --task` takes
    few       of each task a part, as `evaluate --few` takes it
    curriculum  that arms differ in the order of one text; None = they do not
    """

    text: tuple[str, ...]
    arms: Mapping[str, ArmSettings]
    budget: BudgetSettings
    seeds: Annotated[int, Ge(1), Cap(1000)] = 3
    size: Literal["parameters", "flops"] = "parameters"
    width: Count = 0
    layers: Count = 0
    trials: Annotated[int, Ge(1), Cap(9)] = 3
    margin: NotNegative = 0.01
    tasks: tuple[str, ...] = ()
    few: bool = True
    curriculum: CurriculumSettings | None = None

    def __post_init__(self) -> None:
        if not self.text:
            raise UserError("text is empty: name at least one file, folder or builtin:docs.")
        if not self.arms:
            raise UserError("There are no arms: add a table [arms.NAME] for each.")
        given = [name for name, value in vars(self.budget).items() if value]
        if len(given) != 1:
            raise UserError(
                f"Give exactly one of budget.tokens, budget.flops or budget.minutes, not {given or 'none'}."
            )
        if bool(self.width) != bool(self.layers):
            raise UserError("Set width and layers together, or leave out both.")
        for name, arm in self.arms.items():
            if not _NAME.fullmatch(name):
                raise UserError(f"The arm {name!r} needs a name of letters, digits, - and _.")
            if taken := [item for item in arm.settings if item.startswith(_RESERVED)]:
                raise UserError(f"arms.{name}: {taken[0]} is the study's to say, the same for all arms: leave it out.")
            recipe_of(arm, f"arms.{name}")
        if len({json.dumps(dataclasses.asdict(arm)) for arm in self.arms.values()}) < len(self.arms):
            raise UserError("Two arms are the same: give them different settings, or leave one out.")


def recipe_of(arm: ArmSettings, where: str) -> Recipe:
    """Return an arm's recipe before anything of the study is put in; raises UserError that begins with `where`."""
    try:
        if arm.recipe:
            base = load_recipe(Path(arm.recipe)) if arm.recipe.endswith(".toml") else named(arm.recipe)
            return override(base, [*([f"objective.kind={arm.objective}"] if arm.objective else []), *arm.settings])
        if not arm.objective:
            raise UserError("name an objective or a recipe.")
        return override(override(default("causal"), [f"objective.kind={arm.objective}"]), arm.settings)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def load_study(path: Path) -> Study:
    """Read a study's file. Raises UserError that names the file, and the key or line that is wrong."""
    return read_recipe(path / STUDY if path.is_dir() else path, from_dict)


def from_dict(data: Mapping[str, Any]) -> Study:
    """Return the study that tables describe."""
    arms = data.get("arms", {})
    if not isinstance(arms, dict) or not all(isinstance(arm, dict) for arm in arms.values()):
        raise UserError("arms must be tables: [arms.NAME].")
    if not isinstance(data.get("budget", {}), dict):
        raise UserError("budget must be a table: [budget].")
    curriculum = data.get("curriculum")
    if not isinstance(curriculum, dict | None):
        raise UserError("curriculum must be a table: [curriculum].")
    plain = {name: value for name, value in data.items() if name not in ("arms", "budget", "curriculum")}
    return _table(
        Study, plain, "",
        arms={name: _table(ArmSettings, arm, f"arms.{name}.") for name, arm in arms.items()},
        budget=_table(BudgetSettings, data.get("budget", {}), "budget."),
        curriculum=None if curriculum is None else _table(CurriculumSettings, curriculum, "curriculum."),
    )  # fmt: skip


def to_toml(study: Study) -> str:
    """Return a study's file."""
    lines = [f"{name} = {json.dumps(getattr(study, name))}" for name in _PLAIN]
    lines += ["", "[budget]", f"{study.budget.unit} = {study.budget.amount:g}"]
    if study.curriculum is not None:
        lines += ["", "[curriculum]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in vars(study.curriculum).items() if value]
    for name, arm in study.arms.items():
        values = {key: value for key, value in dataclasses.asdict(arm).items() if value}
        lines += ["", f"[arms.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


_PLAIN = ("text", "seeds", "size", "width", "layers", "trials", "margin", "tasks", "few")


def _table(cls: type[T], data: Mapping[str, Any], where: str, **made: Any) -> T:
    """Return the dataclass that a table describes, every value checked; `made` are fields that were tables."""
    known = {item.name: hint for item, hint in leaves(cls) if item.name not in made}
    for name in data:
        if name not in known:
            raise UserError(f"There is no setting {where}{name}.{nearest(name, list(known))}")
    found = {name: leaf(known[name], value, f"{where}{name}") for name, value in data.items()}
    missing = [item.name for item, _ in leaves(cls) if item.name not in found | made and _is_needed(item)]
    if missing:
        raise UserError(f"{where}{missing[0]} is missing.")
    return cls(**found, **made)


def _is_needed(item: dataclasses.Field[Any]) -> bool:
    return item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING


def new_study(text: Sequence[str], objectives: Sequence[str], budget: BudgetSettings, seeds: int) -> Study:
    """Return a study of objectives as they are by default."""
    return Study(tuple(text), {name: ArmSettings(name) for name in objectives}, budget, seeds)
