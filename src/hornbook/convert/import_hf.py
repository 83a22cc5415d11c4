"""Reading a model's folder as transformers writes it: config.json, weights, tokenizer -> our config, state, tokenizer.

Nothing of a folder is ever run: one that needs code of its own is refused, and a pickle is opened only when asked for,
for its tensors alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hornbook.artifacts import read_json
from hornbook.convert.families import names, recognise
from hornbook.convert.families.family import Family
from hornbook.convert.families.tensors import few_of, from_hf, left_aside, lines
from hornbook.convert.generation import Beside, read_beside
from hornbook.convert.weights import read_weights
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.model.transformer import Transformer
from hornbook.tokens.tokenizer.hf_tokenizer import read_tokenizer
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, neighbouring_start
from hornbook.train.tensors import not_finite
from hornbook.vocab import START


@dataclass(frozen=True)
class Folder:
    """A model from elsewhere under our names.

    state    its tensors, fp32 with the values of the files
    dtype    the type of the tensors in the files; "mixed" where there are several
    sha256   of each file of weights
    left     names of tensors that were learned and that this model has no head for, left out
    beside   what the folder says beside all that: how the model writes text, its dropout in training
    """

    family: Family
    config: ModelConfig
    state: dict[str, Tensor]
    tokenizer: Tokenizer
    dtype: str
    sha256: dict[str, str]
    left: tuple[str, ...]
    beside: Beside


def read_folder(path: Path, *, allow_pickle: bool = False) -> Folder:
    """Read a folder whole. Raises UserError, one sentence with what to do, for whatever of it is missing or wrong."""
    settings = read_settings(path)
    family, config = shape_of(path, settings)
    tokenizer = read_tokenizer(path, settings)
    if tokenizer.vocab.size > config.vocab_size:
        raise UserError(
            f"The tokenizer in {path} has {tokenizer.vocab.size} entries but the model's embedding only "
            f"{config.vocab_size} rows, so they do not belong together: use this model's own tokenizer."
        )
    start = neighbouring_start(path).get(START)
    if config.topology == "encoder-decoder" and start not in (None, tokenizer.vocab.decoder_start):
        raise UserError(
            f"config.json of {path} says decoder_start_token_id = {start}, which its tokenizer has not: use this "
            "model's own tokenizer."
        )
    tensors, dtype, hashes = read_weights(path, allow_pickle=allow_pickle)
    try:
        state = from_hf(family, tensors, config)
    except UserError as error:
        raise UserError(f"The weights in {path} do not fit {family.class_of(config)}: {error}") from error
    _check(path, family, config, state, named=family in names(settings))
    left = tuple(left_aside(family, tensors, config))
    beside = read_beside(path, family, settings, config.vocab_size)
    return Folder(family, config, state, tokenizer, dtype, hashes, left, beside)


def read_settings(path: Path) -> dict[str, Any]:
    """Return the config.json of a folder, having refused what cannot be a model that we read."""
    if not path.is_dir():
        advice = ""
        if not path.exists() and len(path.parts) == 2:
            advice = f"; Hornbook downloads no models: get it first with `hf download {path} --local-dir FOLDER`"
        raise UserError(f"There is no folder {path}{advice}.")
    if not (path / "config.json").is_file():
        if (path / "adapter_config.json").is_file():
            raise UserError(
                f"{path} holds an adapter, not a model: merge it into its base model (peft's merge_and_unload) and "
                "save that."
            )
        raise UserError(f"There is no config.json in {path}: name a folder that save_pretrained wrote.")
    settings = read_json(path / "config.json", "model's config")
    if not isinstance(settings, dict):
        raise UserError(f"{path / 'config.json'} is not a table of settings: download it again.")
    if settings.get("auto_map"):
        raise UserError(
            f"The model in {path} needs custom code (auto_map in config.json), which Hornbook does not run: use a "
            "model class of transformers."
        )
    if settings.get("quantization_config"):
        raise UserError(f"The weights in {path} are quantised, which is too coarse for training: use the full ones.")
    return settings


def shape_of(path: Path, settings: Mapping[str, Any]) -> tuple[Family, ModelConfig]:
    """Return the family of a config.json and the shape it says."""
    try:
        family = recognise(settings)
        config = family.config(settings)
    except UserError as error:
        raise UserError(f"Hornbook cannot hold the model in {path}: {error}") from error
    except (TypeError, ValueError, ArithmeticError) as error:
        raise UserError(f"{path / 'config.json'} has a value of the wrong type ({error}).") from error
    for item in family.fields:
        if item.ours in ("vocab_size", "width", "layers", "heads") and not getattr(config, item.ours):
            raise UserError(f"{path / 'config.json'} says {item.theirs} = 0, so there is no model to read.")
    return family, config


def _check(path: Path, family: Family, config: ModelConfig, state: Mapping[str, Tensor], named: bool) -> None:
    """Refuse weights that are missing, left over, of another shape than the config says, or not finite.

    named  the folder names the class that its weights are of
    """
    with torch.device("meta"):
        wanted = Transformer(config).state_dict()
    theirs = {name: line.theirs for line in lines(family, config) for name in line.ours}
    missing = [theirs.get(name, name) for name in wanted if name not in state]
    more = [theirs.get(name, name) for name in state if name not in wanted]
    advice = (
        ""
        if named
        else " In config.json, architectures names no class that Hornbook reads: if the right one is missing, add it."
    )
    if "head.output.weight" in wanted.keys() - state.keys():
        advice += " config.json says tie_word_embeddings = false, so there should be a head of its own."
    if missing:
        raise UserError(
            f"The weights in {path} lack {few_of(missing)} of {family.class_of(config)}: the files are incomplete, or "
            f"of another model class.{advice}"
        )
    if more:
        raise UserError(
            f"The weights in {path} have {few_of(more)}, which config.json does not: config and weights are of "
            "different models."
        )
    for name, tensor in state.items():
        if tensor.shape != wanted[name].shape:
            raise UserError(
                f"In {path} the tensor {theirs.get(name, name)} has the shape {_sizes(tensor)} instead of "
                f"{_sizes(wanted[name])}: config and weights are of different models."
            )
    if broken := not_finite(state.items()):
        raise UserError(
            f"The weights in {path} hold numbers that are not finite, in {theirs.get(broken, broken)}: their training "
            "diverged, or the files are damaged. Use another checkpoint of this model."
        )


def _sizes(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a single number"
