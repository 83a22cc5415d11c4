"""A run knows its own files: its manifest has every setting and the hash of each file that is done.

    manifest.json            kind "run"; recipe: every setting; before: the digests of those that it replaced;
                             files: length and SHA-256 of each file that is done; and its own SHA-256
    checkpoints/step-.../manifest.json    run: the same recipe and files, as they were when it was saved

A new recipe is written into the manifest first, then into recipe.toml: a process killed between the two leaves a file
that `before` knows, and the manifest's recipe counts. Every other difference is named and refused. The runs of earlier
versions have no manifest: they are taken as they are, and get one when they go on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hornbook import __version__
from hornbook.artifacts import (
    MANIFEST,
    check_file,
    digest,
    enlist,
    is_done,
    manifest_of,
    read_json,
    write_manifest,
)
from hornbook.errors import UserError
from hornbook.prepare.dataset import CORPUS
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import RECIPE, from_dict, load_recipe, save_recipe, to_dict
from hornbook.schema import Count, record
from hornbook.train.metrics import CHECKPOINTS

KIND, RESULT = "run", "result.json"
ORIGIN, RECORD = (
    "origin",
    "origin.json",
)  # the folder of the run that one goes on from, and the file that says what it was
# What may be set anew when a run goes on.
FLEXIBLE = (
    "training.micro_batch", "training.checkpoint_activations", "training.threads", "training.keep_checkpoints",
    "training.samples", "logging.trackers",
)  # fmt: skip
_SHOWN = 5  # differences that one message names


def begin(recipe: Recipe, directory: Path) -> None:
    """Write the recipe of a run that begins in a directory which holds none."""
    _write(directory, recipe, {"kind": KIND, "files": {}}, [])


def keep(recipe: Recipe, directory: Path) -> None:
    """Write a run's recipe anew, as far as it has changed; in a run of an earlier version recipe.toml alone."""
    found = manifest_of(directory)
    here = to_dict(load_recipe(directory / RECIPE)) if (directory / RECIPE).is_file() else None
    if found is None or (found["recipe"] == to_dict(recipe) != here):
        save_recipe(recipe, directory / RECIPE)
    elif found["recipe"] != to_dict(recipe):
        _write(directory, recipe, found, [*found.get("before", []), digest(found["recipe"])])


def _write(directory: Path, recipe: Recipe, manifest: Mapping[str, Any], before: list[str]) -> None:
    facts = {"hornbook": __version__, "recipe": to_dict(recipe), "before": before}
    write_manifest(directory, dict(manifest) | facts)
    save_recipe(recipe, directory / RECIPE)


def is_run(directory: Path) -> bool:
    """Say whether there is a run, rather than a model's folder or nothing; recipe.toml may be lost."""
    if (directory / RECIPE).is_file():
        return True
    with contextlib.suppress(UserError):
        return (manifest_of(directory) or {}).get("kind") == KIND
    return False


def recipe_of(directory: Path) -> Recipe:
    """Return a run's recipe, after comparing the run's files with each other.

    Raises UserError where there is no run, and where recipe.toml or a checkpoint has other settings than the run was
    made with, or other files: the differences are named.
    """
    if not is_run(directory):
        raise UserError(f"There is no run in {directory}: it has no {RECIPE}.")
    kept = manifest_of(directory)
    if kept is not None and kept["kind"] != KIND:  # an imported run: the whole weights are hashed where they are read
        for name in kept["files"]:
            if Path(name).name in (MANIFEST, RECIPE):
                is_done(directory, name)
        return load_recipe(directory / RECIPE)
    kept = kept or _recorded(directory)
    if kept is None:
        return load_recipe(directory / RECIPE)
    made = from_dict(_settings(kept, directory / MANIFEST))
    if (directory / RECIPE).exists():
        _check_recipe(directory / RECIPE, made, _before(kept))
    _check_checkpoints(directory, kept)
    return made


def _check_recipe(path: Path, made: Recipe, before: Sequence[str]) -> None:
    """Raise UserError where recipe.toml has other settings than the run was made with, or than those before."""
    here = to_dict(load_recipe(path))
    changes = differences(to_dict(made), here)
    if changes and digest(here) not in before:
        raise UserError(
            f"{path} was changed after the run began: {told(changes)}. A run keeps its settings: undo that (if you "
            f"remove the file, --resume writes it again), or start a new run: hornbook pretrain {path} --out OTHER."
        )


def facts(directory: Path) -> dict[str, Any]:
    """Return what each checkpoint of a run repeats of its manifest; nothing where the run has none."""
    kept = manifest_of(directory)
    return {} if kept is None else {KIND: {"recipe": kept["recipe"], "files": _before_training(kept["files"])}}


def _before_training(files: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a run's files that a checkpoint was made from: not what is measured after the last one."""
    return {name: entry for name, entry in files.items() if name != RESULT}


def adopt(directory: Path, names: Sequence[str], say: Callable[[str], None]) -> None:
    """Give a run that has no manifest the one that its checkpoints repeat, or one of the files that it has."""
    if manifest_of(directory) is not None:
        return
    recipe, recorded = recipe_of(directory), _recorded(directory)
    if recorded is not None:
        say(f"{MANIFEST} was lost and is written again from the newest checkpoint")
    else:
        say("An earlier version began this run without hashes of its files: what they are now is taken to be right.")
    begin(recipe, directory)
    enlist(directory, *(name for name in names if (directory / name).is_file()))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return (setting, value before, value after) of all settings that differ."""
    old, new = ({name: str(value) for name, value in flat(one).items()} for one in (before, after))
    return [(name, old.get(name, "-"), new.get(name, "-")) for name in {**old, **new} if old.get(name) != new.get(name)]


def told(changes: Sequence[tuple[str, ...]]) -> str:
    """Return differences in words: model.heads 2 -> 4."""
    words = ", ".join(f"{name} {old} -> {new}" for name, old, new in changes[:_SHOWN])
    return words + (f" and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else "")


def flat(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return the settings of a recipe, or other values of nested tables, by their dotted names.

    >>> flat({"seed": 0, "model": {"heads": 4}})
    {'seed': 0, 'model.heads': 4}
    """
    found: dict[str, Any] = {}
    for name, value in table.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return found


def _settings(kept: Mapping[str, Any], place: Path) -> Mapping[str, Any]:
    if not isinstance(kept.get("recipe"), dict):
        raise UserError(f"{place} has no recipe, so it is not a run's. Restore it, or start a new run.")
    return dict(kept["recipe"])


def _before(kept: Mapping[str, Any]) -> list[str]:
    found = kept.get("before", [])
    return found if isinstance(found, list) else []


def checkpoint_manifests(directory: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each checkpoint of a run and its manifest, newest first; damaged ones are left to whoever reads them."""
    for path in sorted((directory / CHECKPOINTS).glob("step-*"), reverse=True):
        with contextlib.suppress(UserError):
            if (found := manifest_of(path)) is not None:
                yield path, found


def _recorded(directory: Path) -> dict[str, Any] | None:
    """Return what the newest checkpoint repeats of its run's manifest, after checking the files against it."""
    for path, manifest in checkpoint_manifests(directory):
        if isinstance(manifest.get(KIND), dict):
            kept = {"kind": KIND, "files": {}, **manifest[KIND]}
            _settings(kept, path / MANIFEST)
            for name in kept["files"]:
                check_file(directory, name, kept["files"][name], KIND)
            return kept
    return None


def _check_checkpoints(directory: Path, kept: Mapping[str, Any]) -> None:
    """Raise UserError where a checkpoint was saved by a run of other settings or files than these."""
    for path, manifest in checkpoint_manifests(directory):
        saved = manifest.get(KIND)
        if not isinstance(saved, dict):
            continue
        settings = _settings(saved, path / MANIFEST)
        changes = [] if digest(settings) in _before(kept) else differences(settings, kept["recipe"])
        files = _before_training(saved.get("files", {}))
        others = [name for name in files if kept["files"].get(name) != files[name]]
        if changes or others:
            what = f"other settings: {told(changes)}" if changes else f"another {others[0]}"
            raise UserError(
                f"{path} was saved with {what}. It does not belong to this run: move it away, or restore the files of "
                f"{directory} from which it was made."
            )


@dataclass(frozen=True)
class _Origin:
    """origin.json: a folder of transformers, or a run at a step, which may have an origin of its own."""

    kind: Literal["folder", "run"]
    name: str
    step: Count = 0
    origin: dict[str, Any] | None = None
    dtype: str = ""
    architecture: str = ""


def origin_of(directory: Path) -> dict[str, Any] | None:
    """Return the record of where a run's first weights come from, or None where it started from nothing."""
    for place in (directory, directory / ORIGIN):
        if is_done(place, RECORD):
            found = read_json(place / RECORD, "record of the base model")
            inner = found
            while inner is not None:
                inner = record(_Origin, inner, f"The record {place / RECORD}").origin
            return dict(found)
    return None


def has_text(directory: Path) -> bool:
    """Say whether a run has text of its own: an imported one has none. Raises UserError where its record is damaged."""
    return is_done(directory, CORPUS)
