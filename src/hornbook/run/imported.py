"""Models from elsewhere as runs: a folder of transformers, or another run's newest checkpoint, at hand for every verb.

    RUN/  recipe.toml  tokenizer.json  tokenizer_config.json  checkpoints/step-...  origin.json  manifest.json

Such a run has no text and no training behind it. It appears whole or not at all, and its weights are verified whenever
they are read. A run that goes on from a model keeps one in its own directory, as `origin/`, so that nothing it needs
can be lost or change.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hornbook import __version__
from hornbook.artifacts import MANIFEST, check_file, manifest_of, write_directory, write_json
from hornbook.convert.export_hf import GENERATOR
from hornbook.convert.export_hf import KIND as EXPORTED
from hornbook.convert.import_hf import Folder, read_folder, read_settings, shape_of
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.model.electra import Electra, generator_share, joined
from hornbook.objectives.bart import BARTDenoising
from hornbook.objectives.base import Heads, Objective
from hornbook.objectives.causal import Causal
from hornbook.objectives.masked import Masked
from hornbook.objectives.replaced_token import ReplacedToken
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.recipes.named import continued
from hornbook.recipes.settings import save_recipe
from hornbook.run import directory as files
from hornbook.scaling.count import parameters
from hornbook.tokens.tokenizer.hf_tokenizer import with_framing
from hornbook.tokens.tokenizer.tokenizer import save_tokenizer
from hornbook.train import checkpoints
from hornbook.train.loop import MODEL

KIND = "imported run"
_ROWS = 8  # computed at once when an imported model is measured


def import_folder(folder: Path, out: Path, *, allow_pickle: bool = False) -> dict[str, Any]:
    """Make the run `out` at step 0 from a folder of transformers; return its record of where it comes from.

    Raises UserError when the folder cannot be read, or `out` is in use.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists already: choose another --out.")
    _refuse_damaged(folder)
    found = read_folder(folder, allow_pickle=allow_pickle)
    record = _record(folder, found)
    _write(out, _model_of(folder, found, allow_pickle), record)
    return record


def open_model(
    path: Path, device: torch.device | None = None, say: Callable[[str], None] | None = None
) -> files.OpenRun:
    """Return the model of a run or of a folder of transformers, ready for use in fp32; writes nothing.

    `device` and `say` are those of `hornbook.run.directory.open_run`.
    """
    if not files.is_run(path) and not (path / "config.json").is_file():
        raise UserError(f"There is no run and no Hugging Face model in {path}.")
    return files.open_run(path, device, say) if files.is_run(path) else open_folder(path, device)


def open_folder(folder: Path, device: torch.device | None = None) -> files.OpenRun:
    """Return the model in a folder of transformers, ready for use in fp32; writes nothing."""
    _refuse_damaged(folder)
    return files.opened(folder, _model_of(folder, read_folder(folder), allow_pickle=False), device)


def _refuse_damaged(folder: Path) -> None:
    """Raise UserError where an export of ours is not as it was written: every file is compared with its manifest.

    The generator may be left out as a whole.
    """
    manifest: Mapping[str, Any] = {}
    with contextlib.suppress(UserError):  # the file of that name may be another program's
        manifest = manifest_of(folder) or {}
    if manifest.get("kind") != EXPORTED:
        return
    try:
        for name, facts in manifest["files"].items():
            if not name.startswith(f"{GENERATOR}/") or (folder / GENERATOR).exists():
                check_file(folder, name, facts, EXPORTED)
    except UserError as error:
        raise UserError(
            f"{error} Export the model again; or, if you changed it on purpose, remove {folder / MANIFEST}, which "
            "Hornbook wrote, and try again."
        ) from error


def _model_of(folder: Path, found: Folder, allow_pickle: bool) -> files.BaseModel:
    """Return what a folder holds as a model of ours, with the recipe that its kind of model is trained by."""
    objective = objective_of(folder)
    state = found.state
    if objective.heads.generator_width:
        state = _with_generator(folder, found, objective.heads, allow_pickle)
    recipe = continued(objective, str(folder))
    training = dataclasses.replace(recipe.training, micro_batch=_ROWS)
    recipe = dataclasses.replace(recipe, model=found.config, training=training)
    tokenizer = dataclasses.replace(found.tokenizer, text=with_framing(found.tokenizer.text))
    return files.BaseModel(recipe, tokenizer, state, 0, found.beside)


def _with_generator(folder: Path, found: Folder, heads: Heads, allow_pickle: bool) -> dict[str, Tensor]:
    """Return the state of a discriminator and its generator: the one beside it, or a new one where there is none."""
    model = Electra(found.config, heads.generator_width, heads.discriminator_weight)
    beside = folder / GENERATOR
    generator = read_folder(beside, allow_pickle=allow_pickle).state if beside.is_dir() else {}
    model.load_state_dict(joined(found.state, generator), strict=False)
    return dict(model.state_dict())


def copy_run(run: Path, out: Path) -> None:
    """Make the run `out` from the newest sound checkpoint of another run: its weights, nothing else of its training."""
    found = files.read_model(run)
    record: dict[str, Any] = {"kind": "run", "name": run.resolve().name, "step": found.step}
    if (earlier := files.origin_of(run)) is not None:
        record["origin"] = earlier
    _write(out, found, record)


def bring(path: Path, directory: Path) -> files.BaseModel:
    """Return the model at `path`, a folder or a run, from its copy in `directory`, made if it is not there yet."""
    place = directory / files.ORIGIN
    if not place.is_dir():
        if files.is_run(path):
            copy_run(path, place)
        else:
            import_folder(path, place)
    return files.read_model(place)


def objective_of(path: Path) -> Objective:
    """Return what the model of a folder or a run was trained to predict; reads no weights."""
    if files.is_run(path):
        return files.recipe_of(path).objective
    family, config = shape_of(path, read_settings(path))
    if config.rtd_head:
        beside = path / GENERATOR
        if not beside.is_dir():
            return ReplacedToken()
        return ReplacedToken(generator_width=generator_share(config, shape_of(beside, read_settings(beside))[1]))
    return _learned(config, family.name)


def _learned(config: ModelConfig, family: str) -> Objective:
    """Return the objective that a family's models are trained with, by topology and head, with default settings."""
    if config.topology == "decoder":
        return Causal()
    if config.topology == "encoder":
        return SentencePairs(kind="sop" if family == "albert" else "nsp") if config.pair_head else Masked()
    return BARTDenoising() if family == "bart" else SpanCorruption()


def _record(folder: Path, found: Folder) -> dict[str, Any]:
    return {
        "kind": "folder",
        "name": folder.resolve().name,
        "family": found.family.name,
        "architecture": found.family.class_of(found.config),
        "parameters": parameters(found.config),
        "positions": found.config.max_length,
        "vocabulary": found.config.vocab_size,
        "tokenizer": found.tokenizer.vocab.size,
        "dtype": found.dtype,
        "sha256": found.sha256,
        "left_out": list(found.left),
        **found.beside.record(),
    }


def _write(out: Path, model: files.BaseModel, record: Mapping[str, Any]) -> None:
    weights = {f"{MODEL}{name}": value for name, value in model.state.items()}
    with write_directory(out, KIND, {"hornbook": __version__}) as scratch:
        save_recipe(model.recipe, scratch / files.RECIPE)
        save_tokenizer(model.tokenizer, scratch)
        checkpoints.save(scratch / files.CHECKPOINTS, model.step, weights, {}, keep=1)
        write_json(scratch / files.RECORD, dict(record))
