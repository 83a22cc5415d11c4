"""Check of a run, a checkpoint, a corpus or an exported model, whole: every byte, every shape, every weight.

    directory ──what is it?──> Examined: its kind, what is damaged, what that costs, what to do; strays beside it

Nothing is changed. What a run holds (checkpoints, tokens, base model, clean corpus, export) is examined with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from hornbook.artifacts import MANIFEST, check_file, manifest_of
from hornbook.console import quantity
from hornbook.convert.export_hf import KIND as EXPORTED
from hornbook.convert.import_hf import read_folder
from hornbook.corpus.built import KIND as CORPUS_KIND
from hornbook.corpus.built import documents, open_corpus
from hornbook.errors import UserError, reason_of
from hornbook.evaluate.evaluation import Evaluation
from hornbook.prepare.dataset import open_prepared
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.transferred import TRANSFER, TRIALS, read_transfer
from hornbook.run import directory as files
from hornbook.run import sealed
from hornbook.run.build import draft_model
from hornbook.run.imported import KIND as IMPORTED
from hornbook.tokens.tokenizer.tokenizer import load_tokenizer
from hornbook.train.checkpoints import KIND as CHECKPOINT
from hornbook.train.checkpoints import Reader
from hornbook.train.loop import MODEL
from hornbook.train.metrics import read_lines

_LARGE = 64 << 20  # bytes of a file whose name is told before it is hashed
_KNOWN = files.NAMES | {
    TRANSFER,
    TRIALS,
    files.EVALUATIONS,
    files.EXPORT,
    files.GGUF,
    "report.pdf",
    "metrics.damaged",
    "samples.damaged",
    "tensorboard",
    "wandb",
    "run_id",
    ".lock",
}
_COPY = "Restore it from a copy, or train anew: hornbook pretrain {run}/recipe.toml --out OTHER"
_USABLE = "the run cannot go on, be measured or be exported; generate and fill still work"
# What it costs when a file of a run is damaged.
_COSTS = {
    files.TOKENIZER: "the model cannot read or write text",
    "tokenizer_config.json": "the model cannot read or write text",
    files.RESULT: "the measurements at the end of the run are lost",
    TRANSFER: "the model cannot be asked: predict needs it",
    files.PLAN: "the run cannot go on; evaluate, generate, fill and export still work",
}


@dataclass(frozen=True)
class Damage:
    """What is damaged: the file, what is wrong with it, what that costs, and what to do."""

    file: str
    what: str
    cost: str
    remedy: str


@dataclass(frozen=True)
class Examined:
    """What was found of a directory: its kind, its damages, and notes on what is beside it and does no harm."""

    path: str
    kind: str
    damages: tuple[Damage, ...]
    notes: tuple[str, ...] = ()


def check_path(path: Path, progress: Callable[[str], object]) -> Iterator[Examined]:
    """Yield what is found of a directory and of those inside it.

    `progress` is told what is examined and the name of each large file before it is read. Raises UserError where there
    is nothing of Hornbook's.
    """
    if path.is_dir():
        progress(f"checking {path}")
    if sealed.is_run(path):
        yield from _run(path, progress)
        return
    if not path.is_dir():
        raise UserError(
            f"There is no run, checkpoint, corpus or model at {path}: name its directory, or an objective such as "
            "masked or my.py:Mine."
        )
    try:
        manifest = manifest_of(path)
    except UserError as error:
        damage = Damage(MANIFEST, str(error), "nothing here can be compared with what was written", "Make it again.")
        yield Examined(str(path), "unknown", (damage,))
        return
    kind = "" if manifest is None else str(manifest["kind"])
    if kind == CHECKPOINT:
        yield _checkpoint(path, None, "Remove it, and resume from an earlier one.", progress)
    elif kind == CORPUS_KIND:
        yield _corpus(path, progress)
    elif (path / "config.json").is_file():
        yield _model(path, kind, progress)
    else:
        raise UserError(f"There is no run, checkpoint, corpus or model in {path}: name its directory.")


def _run(path: Path, progress: Callable[[str], object]) -> Iterator[Examined]:
    found: list[Damage] = []
    notes = _strays(path)
    recipe, imported = None, False
    try:
        manifest = manifest_of(path)
        imported = manifest is not None and manifest["kind"] == IMPORTED
        if manifest is None:
            notes.append(
                f"There is no {MANIFEST}: an earlier version made the run, or it was lost. --resume writes one."
            )
        else:
            found += [_listed(path, name, what) for name, what in _changed(path, progress)]
    except UserError as error:
        remedy = f"Remove it: hornbook pretrain --resume {path} writes it again from the newest checkpoint"
        found.append(Damage(MANIFEST, str(error), "the run cannot be opened", remedy))
    try:
        recipe = sealed.recipe_of(path)
    except UserError as error:
        found.append(Damage(files.RECIPE, str(error), "the run cannot be opened", "See what the message says."))
    for name, read in _readers(path, recipe, imported).items():
        if not any(item.file == name or item.file == MANIFEST for item in found):
            found += [_listed(path, name, what) for what in _failure(read) if all(what != one.what for one in found)]
    for name, what in ((files.METRICS, "numbers"), (files.SAMPLES, "samples")):
        if damaged := len(read_lines(path / name)[1]):
            notes.append(f"{damaged} lines of {name} are damaged: the {what} of these steps are lost, no more.")
    yield Examined(str(path), IMPORTED if imported else sealed.KIND, tuple(found), tuple(notes))
    yield from _checkpoints(path, recipe, progress)
    for inside in (files.ORIGIN, files.CLEAN, files.EXPORT):
        if (path / inside).is_dir():
            yield from check_path(path / inside, progress)


def _readers(path: Path, recipe: Recipe | None, imported: bool) -> dict[str, Callable[[], object]]:
    """Return what reads each file of a run, as its uses do."""
    readers: dict[str, Callable[[], object]] = {}
    if (path / files.TOKENIZER).is_file():
        readers[files.TOKENIZER] = lambda: load_tokenizer(path / files.TOKENIZER)
    if imported or (path / files.ORIGIN).is_dir():
        readers[files.RECORD] = lambda: files.origin_of(path)
    if recipe is not None and not imported:
        if (path / files.PLAN).is_file():
            readers[files.PLAN] = lambda: files.read_plan(path, recipe)
            readers[files.TOKENS] = lambda: open_prepared(recipe, path)
        if (path / TRANSFER).is_file():
            readers[TRANSFER] = lambda: read_transfer(path)
        if (path / files.RESULT).is_file():
            readers[files.RESULT] = lambda: Evaluation.load(path / files.RESULT)
    return readers


def _failure(read: Callable[[], object]) -> list[str]:
    try:
        read()
    except UserError as error:
        return [str(error)]
    return []


def _listed(run: Path, name: str, what: str) -> Damage:
    remedy = _COPY.format(run=run)
    if name.partition("/")[0] == files.TOKENS:
        remedy = f"Remove {run / files.TOKENS}: hornbook pretrain --resume {run} writes it again, if the text is there"
    if name == files.RESULT:
        remedy = f"Remove the file, if it is there: hornbook pretrain --resume {run} measures again"
    return Damage(name, what, _COSTS.get(name, _USABLE), remedy)


def _changed(path: Path, progress: Callable[[str], object]) -> Iterator[tuple[str, str]]:
    """Yield the name of each file that is not as the manifest of its directory says, and what is wrong with it."""
    manifest = manifest_of(path) or {"files": {}, "kind": ""}
    for name, facts in manifest["files"].items():
        if facts["bytes"] >= _LARGE:
            progress(f"hashing {path / name}, {quantity(facts['bytes'])}B")
        try:
            check_file(path, name, facts, str(manifest["kind"]))
        except UserError as error:
            yield name, str(error)


def _checkpoints(path: Path, recipe: Recipe | None, progress: Callable[[str], object]) -> Iterator[Examined]:
    """Yield what is found of each checkpoint, newest first; the cost of a damaged one depends on the others."""
    folders = sorted((path / files.CHECKPOINTS).glob("step-*"), reverse=True)
    found = [_checkpoint(folder, recipe, "", progress) for folder in folders]
    sound = [_step(item) for item in found if not item.damages]
    for number, item in enumerate(found):
        cost = "nothing, since newer ones are sound"
        if not any(_step(other) for other in found[:number] if not other.damages):
            step, last = _step(item), max(sound, default=0)
            cost = f"the run goes on from step {last} instead of {step}: {step - last} steps are computed again"
            if not sound:
                cost = "no other is sound: what was trained is lost"
        remedy = f"Remove {item.path}; go on with hornbook pretrain --resume {path}"
        damages = tuple(Damage(one.file, one.what, cost, remedy) for one in item.damages)
        yield Examined(item.path, item.kind, damages, item.notes)


def _step(item: Examined) -> int:
    digits = Path(item.path).name.removeprefix("step-")
    return int(digits) if digits.isdecimal() else 0


def _checkpoint(path: Path, recipe: Recipe | None, remedy: str, progress: Callable[[str], object]) -> Examined:
    cost = "it cannot be resumed from"
    try:
        found = [Damage(name, what, cost, remedy) for name, what in _changed(path, progress)]
        if not found:
            reader = Reader(path, verified=True)
            found = [Damage(name, what, cost, remedy) for name, what in _wrong_tensors(reader, recipe)]
    except UserError as error:
        found = [Damage(MANIFEST, str(error), cost, remedy)]
    return Examined(str(path), CHECKPOINT, tuple(found))


def _wrong_tensors(reader: Reader, recipe: Recipe | None) -> Iterator[tuple[str, str]]:
    """Yield each tensor that is not the model's, or not finite, and what is wrong with it."""
    if recipe is not None:
        wanted = {f"{MODEL}{name}": tuple(value.shape) for name, value in draft_model(recipe).named_parameters()}
        for name, shape in wanted.items():
            if reader.shapes.get(name) != shape:
                has = "is missing" if name not in reader.shapes else f"has the shape {reader.shapes[name]}"
                yield name, f"{name} {has}, but the recipe's model has one of the shape {shape}"
    for name in reader.shapes:
        value = reader.read(name)
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            yield name, f"{name} has values that are not finite"


def _corpus(path: Path, progress: Callable[[str], object]) -> Examined:
    cost = "it cannot be read for training"
    remedy = "Build it again with the same hornbook corpus build, or restore it from a copy."
    found = [Damage(name, what, cost, remedy) for name, what in _changed(path, progress)]
    if not found:
        try:
            corpus = open_corpus(path)
            number, kept = sum(1 for _ in documents(corpus)), corpus.ledger["kept"]["documents"]
            if number != kept:
                what = f"its ledger tells of {kept} documents, but there are {number}"
                found.append(Damage("ledger.json", what, cost, remedy))
        except (UserError, KeyError, TypeError, ValueError) as error:
            found.append(Damage("documents", reason_of(error), cost, remedy))
    return Examined(str(path), CORPUS_KIND, tuple(found))


def _model(path: Path, kind: str, progress: Callable[[str], object]) -> Examined:
    remedy = "Export it again." if kind == EXPORTED else "Get it again."
    cost = "it cannot be used or imported"
    found = [Damage(name, what, cost, remedy) for name, what in _changed(path, progress)] if kind == EXPORTED else []
    notes = (
        [] if kind == EXPORTED else ["It has no manifest of Hornbook: only what its files themselves say is checked."]
    )
    if not found:
        try:
            state = read_folder(path).state
            bad = [name for name, value in state.items() if not bool(torch.isfinite(value).all())]
            found += [Damage(name, f"{name} has values that are not finite", cost, remedy) for name in bad]
        except UserError as error:
            found.append(Damage("config.json", str(error), cost, remedy))
    return Examined(str(path), kind or "model of transformers", tuple(found), tuple(notes))


def _strays(path: Path) -> list[str]:
    """Return a note for each thing in a run's directory that no run has, or that a killed process left."""
    notes = []
    checkpoints = path / files.CHECKPOINTS
    inside = list(checkpoints.iterdir()) if checkpoints.is_dir() else []
    for item in sorted([*path.iterdir(), *inside]):
        if item.name.endswith((".partial", ".old", ".parts")) and item.name.startswith("."):
            notes.append(f"{item} was left by a process that was killed: it may be removed.")
        elif item.parent == path and item.name not in _KNOWN:
            notes.append(f"{item} is none of the run's files.")
        elif item.parent != path and not item.name.startswith("step-"):
            notes.append(f"{item} is no checkpoint.")
    return notes
