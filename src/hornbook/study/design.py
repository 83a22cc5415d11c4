"""A study's file: which arms, on which text, under which budget, judged by what.

    study.toml
        text = ["BOOK.txt"]                     files, folders, builtin:docs, as for `pretrain`
        seeds = 3                               runs of each arm; or which seeds: [1, 2, 3]
        [budget]                                of each run; exactly one
        tokens = 2_000_000                      of the corpus; or flops, steps, epochs, minutes (timed for each arm)
        [arms.causal]
        objective = "causal"
        [arms.masked-40]
        objective = "masked"
        settings = ["objective.rate=0.4"]
        [transfer.sst2]                         every run is fine-tuned on it, and asked its test
        train = "train.tsv"
        test = "test.tsv"
        shots = [64, 0]                         examples to learn from, 0 = all: each a yardstick of its own

All arms read equal text with one vocabulary that has the special tokens of all. Loads no torch.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Ge, Gt, Le

from hornbook.errors import UserError, nearest
from hornbook.recipes.named import default, named
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import load_recipe, override
from hornbook.schema import Cap, Count, NotNegative, Seed, leaf, leaves, read_recipe

STUDY = "study.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+=.,-]*")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+")  # that TOML takes without quotes
_RESERVED = ("seed", "budget.", "tokenizer.", "data.", "training.threads")  # what is the study's, not an arm's
NumberOfSeeds = Annotated[int, Ge(1), Cap(1000)]
_SEEDS = tuple[Seed, ...]
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
    steps     of the optimizer
    epochs    passes over the text
    """

    tokens: Annotated[float, Ge(0), Cap(10**15)] = 0
    flops: Annotated[float, Ge(0), Cap(10**30)] = 0
    minutes: Annotated[float, Ge(0), Cap(10**7)] = 0
    steps: Count = 0
    epochs: Annotated[float, Ge(0), Cap(10**6)] = 0

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
class TransferSettings:
    """A task that every run is fine-tuned on and asked, as `hornbook transfer` does it; each field as there.

    train   file of examples to learn from
    test    file of examples that are asked
    dev     file of examples to choose by; empty = a tenth of `train`
    task    one of the six; empty = what the fields of `train` say
    shots   numbers of examples to learn from, 0 = all: each is a yardstick
    epochs  how often each example is read; 0 = 10, or 20 of fewer than 1,000
    rates   peak learning rates that every run tries; empty = four, by the width
    seeds   trainings of each run at the rate that was chosen; their mean is the run's number
    """

    train: str
    test: str
    dev: str = ""
    task: str = ""
    shots: tuple[Count, ...] = (0,)
    epochs: Annotated[float, Ge(0), Cap(10**6)] = 0.0
    rates: tuple[Annotated[float, Gt(0), Cap(1e30)], ...] = ()
    seeds: Annotated[int, Ge(1), Cap(1000)] = 1


@dataclass(frozen=True)
class Study:
    """A study.

    text      what all arms read
    arms      by name, the first one being what others are told against
    budget    of each run
    seeds     runs of each arm, whose seeds are 0, 1, ..., or the seeds themselves; two at least for a verdict
    size      what arms have in common: parameters, or flops = the same width and layers
    width, layers   of a decoder or encoder; 0 = chosen from the first arm's budget
    trials    learning rates that each arm tries at a quarter of the budget before its seeds run; 1 = the default alone
    margin    a difference in bits per byte that would not matter
    tasks     files that `hornbook evaluate --task` takes
    few       of each task a part, as `evaluate --few` takes it
    halving   how often the worse half of the arms stops: 1 = at half of the steps, 2 = at a quarter and at half
    transfer  by name, tasks that every run is fine-tuned on
    threads   that each run computes with; the last bits of its numbers depend on them
    curriculum  that arms differ in the order of one text; None = they do not
    """

    text: tuple[str, ...]
    arms: Mapping[str, ArmSettings]
    budget: BudgetSettings
    seeds: NumberOfSeeds | tuple[Seed, ...] = 3
    size: Literal["parameters", "flops"] = "parameters"
    width: Count = 0
    layers: Count = 0
    trials: Annotated[int, Ge(1), Cap(9)] = 3
    margin: NotNegative = 0.01
    tasks: tuple[str, ...] = ()
    few: bool = True
    halving: Annotated[int, Ge(0), Le(6)] = 0
    transfer: Mapping[str, TransferSettings] = field(default_factory=dict)
    threads: Annotated[int, Ge(1), Cap(1024)] = 1
    curriculum: CurriculumSettings | None = None

    @property
    def seed_list(self) -> tuple[int, ...]:
        """The seeds of each arm's runs."""
        return tuple(range(self.seeds)) if isinstance(self.seeds, int) else self.seeds

    def __post_init__(self) -> None:
        if not self.text:
            raise UserError("text is empty: name at least one file, folder or builtin:docs.")
        if not self.arms:
            raise UserError("There are no arms: add a table [arms.NAME] for each.")
        given = [name for name, value in vars(self.budget).items() if value]
        if len(given) != 1:
            *others, last = (f"budget.{name}" for name in vars(self.budget))
            raise UserError(f"Give exactly one of {', '.join(others)} or {last}, not {given or 'none'}.")
        if not self.seed_list or len(set(self.seed_list)) < len(self.seed_list):
            raise UserError(f"seeds must be a number, or different seeds, not {list(self.seed_list)}.")
        if len(self.arms) < (least := 2**self.halving):
            raise UserError(f"halving = {self.halving} needs {least} arms, and there are {len(self.arms)}: lower it.")
        if bool(self.width) != bool(self.layers):
            raise UserError("Set width and layers together, or leave out both.")
        for what, names in (("arm", self.arms), ("transfer", self.transfer)):
            if wrong := [name for name in names if not _NAME.fullmatch(name)]:
                raise UserError(f"The {what} {wrong[0]!r} needs a name of letters and digits, with - _ + = . , inside.")
        for name, settings in self.transfer.items():
            if not settings.shots or len(set(settings.shots)) < len(settings.shots):
                raise UserError(f"transfer.{name}.shots must name each number of examples once, 0 for all.")
        for name, arm in self.arms.items():
            if taken := [item for item in arm.settings if item.startswith(_RESERVED)]:
                raise UserError(f"arms.{name}: {taken[0]} is the study's to say, the same for all arms: leave it out.")
            recipe = recipe_of(arm, f"arms.{name}")
            if not recipe.model.width and (recipe.model.layers or recipe.model.heads):
                raise UserError(f"arms.{name}: set model.width and model.layers together, or leave out both.")
            if own := recipe.tokenizer.file:
                raise UserError(
                    f"arms.{name}: its recipe brings a tokenizer of its own, {own}. All arms share one vocabulary, "
                    "which the study makes: leave tokenizer.file out."
                )
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
    return read_recipe(path / STUDY if path.is_dir() else path, from_dict, "study")


def from_dict(data: Mapping[str, Any]) -> Study:
    """Return the study that tables describe."""
    arms, transfer, budget = (data.get(name, {}) for name in ("arms", "transfer", "budget"))
    for name, tables in (("arms", arms), ("transfer", transfer)):
        if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
            raise UserError(f"{name} must be tables: [{name}.NAME].")
    if not isinstance(budget, dict):
        raise UserError("budget must be a table: [budget].")
    curriculum = data.get("curriculum")
    if not isinstance(curriculum, dict | None):
        raise UserError("curriculum must be a table: [curriculum].")
    tables = ("arms", "budget", "transfer", "curriculum")
    plain = {name: value for name, value in data.items() if name not in tables}
    listed = isinstance(plain.get("seeds"), list)
    return _table(
        Study, plain | {"seeds": leaf(_SEEDS if listed else NumberOfSeeds, plain.get("seeds", 3), "seeds")}, "",
        arms={name: _table(ArmSettings, arm, f"arms.{name}.") for name, arm in arms.items()},
        budget=_table(BudgetSettings, budget, "budget."),
        transfer={name: _table(TransferSettings, table, f"transfer.{name}.") for name, table in transfer.items()},
        curriculum=None if curriculum is None else _table(CurriculumSettings, curriculum, "curriculum."),
    )  # fmt: skip


def to_toml(study: Study) -> str:
    """Return a study's file."""
    lines = [f"{name} = {json.dumps(getattr(study, name))}" for name in _PLAIN]
    lines += ["", "[budget]", f"{study.budget.unit} = {json.dumps(getattr(study.budget, study.budget.unit))}"]
    if study.curriculum is not None:
        lines += ["", "[curriculum]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in vars(study.curriculum).items() if value]
    for name, arm in study.arms.items():
        values = {key: value for key, value in dataclasses.asdict(arm).items() if value}
        lines += ["", f"[arms.{_key(name)}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    for name, settings in study.transfer.items():
        values = {key: value for key, value in dataclasses.asdict(settings).items() if value}
        lines += ["", f"[transfer.{_key(name)}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name)


_PLAIN = ("text", "seeds", "size", "width", "layers", "trials", "margin", "tasks", "few", "halving", "threads")


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
