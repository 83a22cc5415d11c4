"""Facts: what the files of one run say. A file that is missing or damaged is told of; it never stops a report.

Every value is a number or a text that stands in a file. Files that the run's manifest lists are compared with it first,
and count as damaged where they have changed since they were written.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from hornbook.artifacts import MANIFEST, check_file, manifest_of, read_json
from hornbook.corpus.built import LEDGER
from hornbook.errors import HornbookError, UserError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.records import Records
from hornbook.objectives.catalogue import kind_of
from hornbook.prepare.clean import CLEAN
from hornbook.prepare.dataset import CORPUS, TOKENS
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import RECIPE, from_dict, load_recipe, to_dict
from hornbook.recipes.transferred import TRANSFER, Transferred, read_transfer
from hornbook.report.private import base_name, base_names, paths_in, without_paths
from hornbook.run.sealed import KIND, RESULT, checkpoint_manifests, is_run, origin_of, recipe_of
from hornbook.study.layout import EVALUATIONS
from hornbook.train.metrics import METRICS, read_lines

PLAN, ENVIRONMENT, SAMPLES, STATUS = "plan.json", "environment.json", "samples.jsonl", "status.json"
_HELD_OUT, _OF = "held_out.jsonl", "bits per byte of "  # a file; what names the numbers of a domain
_NUMBERS = {  # entries that are computed with
    PLAN: ("tokens_per_step", "flops_per_step", "matmul_flops", "row_positions", "row_targets"),
    CORPUS: ("documents", "bytes"),
    f"{TOKENS}/{MANIFEST}": ("documents", "bytes", "tokens"),
}
_LARGEST = 1e30  # of a number that a run can have
T = TypeVar("T")
Values = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class RunFacts:
    """One run; what is not there is empty.

    name         of its directory, told apart from the others of the report
    objective    its kind
    settings     of its recipe, with base names of paths unless the report has full ones
    version      of the Hornbook that began it
    result       what was measured at its end; `counts` are the other numbers beside it, such as positions
    train        records of training steps, in order; `measured` those of held-out text
    held_out     the records of the held-out documents; `evaluations` all others, by name
    checkpoints  (step, manifest), newest first
    places       the paths in its settings and names, which sentences of others may hold
    absent       sentences: what is not there, or damaged
    """

    directory: Path
    name: str
    recipe: Recipe
    objective: str
    settings: Values
    version: str
    state: str
    plan: Values
    environment: Values
    result: Evaluation | None
    counts: Values
    corpus: Values
    ledger: Values
    tokens: Values
    train: Sequence[Values]
    measured: Sequence[Values]
    samples: Sequence[Values]
    held_out: Records | None
    evaluations: Mapping[str, Records]
    checkpoints: Sequence[tuple[int, Values]]
    origin: Values | None
    transferred: Transferred | None
    places: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def step(self) -> int:
        """The steps done, by the newest record; of a run without records, by its newest checkpoint."""
        if self.train:
            return int(self.train[-1]["step"])
        return self.checkpoints[0][0] if self.checkpoints else 0

    @property
    def steps(self) -> int:
        """The steps of the whole run."""
        return self.recipe.budget.steps

    @property
    def tokens_read(self) -> int | None:
        """Tokens of the corpus that the steps read; None where the plan is not there."""
        per_step = self.plan.get("tokens_per_step")
        return None if per_step is None else self.step * int(per_step)

    @property
    def parameters(self) -> int | None:
        return None if self.result is None else self.result.parameters


class _Reader:
    """Reads files of one run, and notes what is not there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.absent: list[str] = []
        self.manifest: Values = {}
        self.manifest = self.read(MANIFEST, lambda: manifest_of(directory) or {}) or {}

    def read(self, name: str, get: Callable[[], T]) -> T | None:
        """Return what a file of the run holds; None, with a sentence, where it is missing or damaged."""
        path = self.directory / name
        try:
            if not path.exists():
                self.absent.append(f"{name} is not there.")
                return None
            if name in (listed := self.manifest.get("files", {})):
                check_file(self.directory, name, listed[name], KIND)
            return get()
        except HornbookError as error:
            self.absent.append(f"{name} counts as not there: {without_paths(str(error), str(self.directory))}")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self.absent.append(f"{name} counts as not there: it cannot be read ({type(error).__name__}).")
        return None

    def json(self, name: str) -> Values:
        """Return the table of a JSON file."""
        found = self.read(name, lambda: read_json(self.directory / name, "file"))
        if found is not None and not isinstance(found, dict):
            self.absent.append(f"{name} counts as not there: it is no table.")
        if not isinstance(found, dict):
            return {}
        if wrong := _no_number(name, found):
            self.absent.append(f"{name} counts as not there: {wrong} is no number that it can be.")
            return {}
        return found

    def lines(self, name: str) -> list[Values]:
        """Return the sound records of a file that grows."""
        records, damaged = self.read(name, lambda: read_lines(self.directory / name)) or ([], [])
        sound: list[Values] = [record for record in records if _is_sound(record)]
        if lost := len(damaged) + len(records) - len(sound):
            self.absent.append(f"{lost} lines of {name} are damaged, and left out.")
        return sound


def _no_number(file: str, found: Values) -> str:
    """Return the name of an entry that must be a number, or a list of such, and is none; "" where all are."""
    for name in found.keys() & _NUMBERS.get(file, ()):
        value = found[name]
        numbers = value if isinstance(value, list) and name.startswith("row_") else [value]
        if not all(type(number) in (int, float) and 0 <= number < _LARGEST for number in numbers):
            return name
    return ""


def _is_sound(record: Values) -> bool:
    """Say whether the numbers of a record are such that one can compute with them; a sample names its text by one."""
    small = all(abs(value) < _LARGEST or not math.isfinite(value) for value in record.values() if type(value) is float)
    whole = all(abs(value) < _LARGEST for value in record.values() if type(value) is int)
    return small and whole and type(record.get("text", 0)) is int


def facts_of(directory: Path, *, full_paths: bool = False) -> RunFacts:
    """Return what the files of a run say.

    Raises UserError, in one sentence, where there is no run, or where its recipe cannot be understood: a run of a newer
    version may have settings that this one does not know.
    """
    if not directory.is_dir() or not is_run(directory):
        raise UserError(f"There is no run in {directory}: name the directory of a run or a study.")
    reader = _Reader(directory)
    recipe = _recipe(directory, reader)
    settings: Values = to_dict(recipe)
    result: Evaluation | None = None
    raw: Values = {}
    places = paths_in(settings) | {str(directory), str(directory.resolve())}
    if (directory / RESULT).exists():
        raw = reader.json(RESULT)
        result = reader.read(RESULT, lambda: Evaluation.read(raw, f"The result {RESULT}")) if raw else None
    if result is not None:
        domains = {one.name.removeprefix(_OF) for one in result.numbers if one.name.startswith(_OF)}
        places |= paths_in(list(domains))
        result = result if full_paths else _unnamed(result)
    origin = _quiet(lambda: origin_of(directory))
    transferred = read_transfer(directory) if (directory / TRANSFER).is_file() else None
    imported = reader.manifest.get("kind", KIND) != KIND
    records = reader.lines(METRICS) if not imported else []
    samples = reader.lines(SAMPLES) if (directory / SAMPLES).exists() else []
    has_text = transferred is None and not imported
    found = RunFacts(
        directory=directory, name=directory.resolve().name, recipe=recipe, objective=_kind(recipe, full_paths),
        settings=settings if full_paths else base_names(settings), version=str(reader.manifest.get("hornbook", "")),
        state=_state(directory, result, transferred, imported),
        plan=reader.json(PLAN) if has_text else {}, environment=reader.json(ENVIRONMENT) if not imported else {},
        result=result, counts={name: value for name, value in raw.items() if isinstance(value, int)},
        corpus=reader.json(CORPUS) if has_text else {},
        ledger=_ledger(directory, reader) if (directory / CLEAN).is_dir() else {},
        tokens=reader.json(f"{TOKENS}/{MANIFEST}") if has_text else {},
        train=[record for record in records if record["kind"] == "train"], samples=samples,
        measured=[one if full_paths else _base_domains(one) for one in records if one["kind"] == "held_out"],
        held_out=None, evaluations={},
        checkpoints=_quiet(lambda: _checkpoints(directory)) or [], origin=origin, transferred=transferred,
        places=() if full_paths else tuple(sorted(places)), absent=(),
    )  # fmt: skip
    evaluations = _evaluations(reader)
    held_out = evaluations.pop(_HELD_OUT.removesuffix(".jsonl"), None)
    if result is None and has_text:
        reader.absent.append(f"{RESULT} is not there: the run is not finished, so nothing was measured at its end.")
    elif held_out is None and has_text:
        reader.absent.append(f"{EVALUATIONS}/{_HELD_OUT} is not there: `hornbook evaluate` writes it.")
    return replace(found, held_out=held_out, evaluations=evaluations, absent=tuple(dict.fromkeys(reader.absent)))


def _unnamed(result: Evaluation) -> Evaluation:
    """Return a result whose domains have base names."""
    numbers = (
        replace(one, name=f"{_OF}{base_name(one.name.removeprefix(_OF))}") if one.name.startswith(_OF) else one
        for one in result.numbers
    )
    return replace(result, numbers=tuple(numbers))


def _base_domains(record: Values) -> Values:
    if "domains" not in record:
        return record
    return {**record, "domains": {base_name(name): values for name, values in record["domains"].items()}}


def _recipe(directory: Path, reader: _Reader) -> Recipe:
    """Return a run's recipe; where its two copies differ, that of the manifest, which training used."""
    try:
        return recipe_of(directory)
    except HornbookError as error:
        first = without_paths(str(error), str(directory))
    reads: tuple[Callable[[], Recipe], ...] = (
        lambda: from_dict(reader.manifest["recipe"]), lambda: load_recipe(directory / RECIPE),
    )  # fmt: skip
    for read in reads:
        try:
            found = read()
        except (HornbookError, KeyError, TypeError):
            continue
        reader.absent.append(first)
        return found
    version = str(reader.manifest.get("hornbook", ""))
    told = f" Hornbook {version} began it." if version else ""
    raise UserError(f"The run {directory.name} cannot be read: {first}{told}")


def _ledger(directory: Path, reader: _Reader) -> Values:
    """Return the account of a run's own cleaning, compared with the manifest of that corpus."""
    inside = _Reader(directory / CLEAN)
    found = inside.json(LEDGER)
    reader.absent += [f"{CLEAN}/{sentence}" for sentence in inside.absent]
    return found


def _kind(recipe: Recipe, full_paths: bool) -> str:
    kind = kind_of(recipe.objective)
    return kind if full_paths else str(base_names(kind))


def _state(directory: Path, result: Evaluation | None, transferred: Transferred | None, imported: bool) -> str:
    """Return in a word how the run stands; its status is believed as it is, since no process is asked."""
    if imported:
        return "imported"
    if result is not None or transferred is not None:
        return "finished"
    status = _quiet(lambda: read_json(directory / STATUS, "status"))
    state = status.get("state") if isinstance(status, dict) else None
    return state if state in ("interrupted", "diverged", "failed") else "not finished"


def _checkpoints(directory: Path) -> list[tuple[int, Values]]:
    return [(int(manifest["step"]), manifest) for _, manifest in checkpoint_manifests(directory) if "step" in manifest]


def _evaluations(reader: _Reader) -> dict[str, Records]:
    """Return the records of every measurement that is there and sound, by name."""
    found = {}
    for path in sorted((reader.directory / EVALUATIONS).glob("*.jsonl")):
        records = reader.read(f"{EVALUATIONS}/{path.name}", functools.partial(Records.load, path))
        if records is not None and isinstance(records.header, dict):
            found[path.name.removesuffix(".jsonl")] = records
    return found


def _quiet(get: Callable[[], T]) -> T | None:
    """Return what can be read, None where nothing can."""
    try:
        return get()
    except (HornbookError, OSError, ValueError, KeyError, TypeError):
        return None
