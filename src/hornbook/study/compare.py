"""Any finished runs, compared by the rules of studies: runs that differ in their seed alone are one arm.

Compared are bits per byte of the same documents, and tasks that all were asked. Losses and perplexities are of an
objective and a tokenizer: they get no verdict. What is left out is said, with the reason.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.artifacts import is_done, read_json
from hornbook.console import quantity
from hornbook.errors import UserError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.records import Records
from hornbook.recipes.settings import to_dict
from hornbook.run.sealed import RESULT, flat, is_run, recipe_of
from hornbook.study.yardsticks import BITS, HELD_OUT_RECORDS, Yardstick, judged, measured

# Settings that say nothing of what was learned, or are what arms have several of.
_LEFT_OUT = (
    "seed", "budget.corrections", "data.paths", "tokenizer.file", "logging.trackers", "training.micro_batch",
    "training.checkpoint_activations", "training.threads", "training.workers", "training.evaluate_every",
    "training.evaluate_tokens", "training.checkpoint_minutes", "training.keep_checkpoints", "training.compile",
)  # fmt: skip
CORPUS = "corpus.json"
TEXT, VOCABULARY = "text", "vocabulary"  # told beside settings: hashes
_SHOWN = 3  # settings in the name of an arm


@dataclass(frozen=True)
class Comparison:
    """Runs by arm, in what they differ, the yardsticks that they have in common, and sentences beside those.

    left_out   what may not be compared, and why
    notes      what the verdicts are worth
    """

    arms: Mapping[str, tuple[str, ...]]
    differences: Mapping[str, Mapping[str, Any]]
    yardsticks: tuple[Yardstick, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return dataclasses.asdict(self)


def compare(runs: Sequence[Path], margin: float = 0.01) -> Comparison:
    """Return what may be said of finished runs.

    margin   a difference in bits per byte that would not matter
    Raises UserError where a path is no finished run, all are of one recipe, or nothing of them may be compared.
    """
    if len({run.resolve() for run in runs}) < 2:
        raise UserError("Name two runs at least.")
    for run in runs:
        if not is_run(run):
            raise UserError(f"There is no run in {run}.")
        if not ((run / RESULT).is_file() and is_done(run, RESULT)):
            raise UserError(f"The run in {run} is not finished: `hornbook pretrain --resume {run}` goes on with it.")
    recipes = {run: _compared(to_dict(recipe_of(run))) | _read(run) for run in dict.fromkeys(runs)}
    groups: dict[str, list[Path]] = {}
    for run, settings in recipes.items():
        groups.setdefault(json.dumps(settings, sort_keys=True), []).append(run)
    names = _names([recipes[members[0]] for members in groups.values()])
    arms = dict(zip(names, groups.values(), strict=True))
    if len(arms) < 2:
        raise UserError("The runs are seeds of one recipe: there is nothing to compare.")
    unlike, left_out = _left_out(arms)
    found = judged(arms, margin, leave_out=unlike)
    if not found:
        raise UserError(
            f"The runs have no number in common that may be compared. {' '.join(left_out)} Measure all of them with "
            "`hornbook evaluate`, on the same --data or --task."
        )
    differing = _differing([recipes[members[0]] for members in arms.values()])
    told = {name: {arm: recipes[members[0]].get(name) for arm, members in arms.items()} for name in differing}
    members_of = {arm: tuple(map(str, members)) for arm, members in arms.items()}
    return Comparison(members_of, told, tuple(found), tuple(left_out), _scope(arms))


def _read(run: Path) -> dict[str, Any]:
    """Return what a run read, which its recipe names by paths alone: hashes of its documents and its vocabulary."""
    corpus = run / CORPUS
    text = read_json(corpus, "record of the text").get("sha256_of_hashes") if corpus.is_file() else None
    return {TEXT: str(text or "unknown")[:12], VOCABULARY: str(_header(run).get("vocabulary", "unknown"))[:12]}


def _left_out(arms: Mapping[str, Sequence[Path]]) -> tuple[set[str], list[str]]:
    """Return the yardsticks that arms do not share, and a sentence for each, and for losses, that says why."""
    by_arm = {arm: [one for run in members for one in measured(run)] for arm, members in arms.items()}
    unlike: set[str] = set()
    told: list[str] = []
    for name in dict.fromkeys([BITS, *(one.name for found in by_arm.values() for one in found)]):
        missing = [arm for arm, found in by_arm.items() if name not in {one.name for one in found}]
        data = {one.data for found in by_arm.values() for one in found if one.name == name}
        if missing:
            why = "; ".join(f"{arm}: {_why_none(arms[arm], name)}" for arm in missing)
            told.append(f"Left out of {name}: {why}.")
        if len(arms) - len(missing) < 2 or len(data) > 1:
            unlike.add(name)
        if len(data) > 1:
            told.append(f"Left out: {name}. The runs were measured on unlike documents, {len(data)} sets of them.")
    headers = [_header(run) for members in arms.values() for run in members]
    for key, why in (("vocabulary", "tokens of unlike vocabularies"), ("objective", "targets of unlike objectives")):
        if len({header.get(key) for header in headers}) > 1:
            told.append(f"Left out: loss and perplexity. They are of {why}.")
            break
    return unlike, told


def _why_none(members: Sequence[Path], name: str) -> str:
    """Return why runs have no number of a yardstick, to stand in a sentence."""
    if name != BITS:
        return "not measured"
    headers = [_header(run) for run in members]
    if not all(headers):
        return "its held-out documents have no records, `hornbook evaluate RUN` writes them"
    if not all(header.get("text") for header in headers):
        return "its objective gives texts no likelihood"
    return "decoding does not give its text back, so that its tokens are not of the same bytes"


def _header(run: Path) -> Mapping[str, Any]:
    path = run / HELD_OUT_RECORDS
    return Records.load(path).header if path.is_file() else {}


def _scope(arms: Mapping[str, Sequence[Path]]) -> tuple[str, ...]:
    """Return what the verdicts are of."""
    results = [Evaluation.load(run / RESULT) for members in arms.values() for run in members]
    parts = []
    for values, unit in (
        ([one.parameters for one in results], "parameters"),
        ([one.tokens for one in results], "tokens"),
    ):
        known = [value for value in values if value is not None]
        ends = [quantity(min(known)), quantity(max(known))] if known else []
        parts.append(f"{' to '.join(dict.fromkeys(ends)) or 'unknown numbers of'} {unit}")
    return (f"This is of models of {parts[0]} that read {parts[1]}: it says nothing of other sizes and texts.",)


def _compared(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's settings but for those in which runs of one arm may differ."""
    return {name: value for name, value in flat(recipe).items() if name not in _LEFT_OUT}


def _differing(recipes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the settings in which recipes differ, that of the objective first."""
    names = dict.fromkeys(name for recipe in recipes for name in recipe)
    found = [name for name in names if any(recipe.get(name) != recipes[0].get(name) for recipe in recipes)]
    return sorted(found, key=lambda name: name != "objective.kind")


def _names(recipes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a name for each recipe: its objective, and in what it differs from others of that objective."""
    found: list[str] = []
    for recipe in recipes:
        kind = str(recipe["objective.kind"])
        alike = [other for other in recipes if other["objective.kind"] == kind]
        parts = [f"{name}={recipe[name]}" for name in _differing(alike) if name in recipe][:_SHOWN]
        name = ", ".join([kind, *parts])
        found.append(name if name not in found else f"{name} ({len(found) + 1})")
    return found
