"""Weights in files of safetensors: one file, or several shards with an index that says which tensor is in which.

    model.safetensors
    model.safetensors.index.json  model-00001-of-00003.safetensors  ...

Reading trusts nothing: every shard that the index names must be there, whole, and hold exactly what the index says.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from hornbook.artifacts import json_text, read_json, sha256
from hornbook.corpus.grouping import grouped
from hornbook.errors import UserError, reason_of

WHOLE, INDEX, PICKLED = "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"
# Types whose every value is one of fp32 too.
_EXACT = (torch.float32, torch.float16, torch.bfloat16)


def read_weights(folder: Path, *, allow_pickle: bool = False) -> tuple[dict[str, Tensor], str, dict[str, str]]:
    """Return all tensors of a folder, their type in the files ("mixed" if there are several), and each file's sha256.

    Floating-point tensors are in fp32, with exactly the values of the files.
    `allow_pickle` also reads pytorch_model.bin, where there is nothing else: a pickle, of which torch admits only
    tensors and plain containers. Raises UserError when a file is missing, damaged or at odds with the index.
    """
    if (folder / INDEX).is_file():
        tensors = dict(_shards(folder))
        files = sorted(set(_index(folder).values()))
    elif (folder / WHOLE).is_file():
        tensors, files = _tensors(folder / WHOLE), [WHOLE]
    elif (folder / PICKLED).is_file():
        if not allow_pickle:
            raise UserError(
                f"{folder} has its weights only as {PICKLED}, a pickle, which can run code when it is opened: if you "
                "trust its source, add --allow-pickle, otherwise look for model.safetensors."
            )
        tensors, files = _unpickled(folder / PICKLED), [PICKLED]
    else:
        raise UserError(f"There are no weights in {folder} (neither {WHOLE} nor {INDEX}): complete the download.")
    types = {value.dtype for value in tensors.values() if value.is_floating_point()}
    if strange := next((kind for kind in types if kind not in _EXACT), None):
        raise UserError(
            f"The weights in {folder} are of type {_name(strange)}, which Hornbook cannot train: use the model in "
            "fp32, bf16 or fp16."
        )
    whole = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    dtype = _name(types.pop()) if len(types) == 1 else "mixed"
    return whole, dtype, {name: sha256(folder / name) for name in files}


def write_weights(folder: Path, tensors: Mapping[str, Tensor], shard_bytes: int = 0) -> None:
    """Write tensors into a folder as transformers reads them, each shared one once.

    One file, or with `shard_bytes` above 0 as many as it takes for each to hold at most so many bytes of tensors; a
    single tensor that is larger has a file of its own. Tensors stay in their order.
    """
    shards = list(map(dict, grouped(tensors.items(), lambda item: item[1].nbytes, shard_bytes or math.inf)))
    if len(shards) < 2:
        _save(folder / WHOLE, dict(tensors))
        return
    places: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        file = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        _save(folder / file, shard)
        places |= dict.fromkeys(shard, file)
    index = {"metadata": {"total_size": sum(value.nbytes for value in tensors.values())}, "weight_map": places}
    write_plain(folder / INDEX, index)


def write_plain(path: Path, value: Mapping[str, Any]) -> None:
    """Write a table as transformers writes its JSON files."""
    path.write_text(json_text(value, indent=2, ascii_only=False) + "\n", encoding="utf-8")


def _save(path: Path, tensors: dict[str, Tensor]) -> None:
    path.write_bytes(save(tensors, {"format": "pt"}))  # not by the library, which hides that a disk is full


def _index(folder: Path) -> dict[str, str]:
    """Return which file each tensor is in."""
    data = read_json(folder / INDEX, "index of the weights")
    places = data.get("weight_map") if isinstance(data, dict) else None
    if not isinstance(places, dict) or not places or not all(isinstance(file, str) for file in places.values()):
        raise UserError(f"The index {folder / INDEX} lists no weights (it has no weight_map): download it again.")
    for file in places.values():
        if Path(file).name != file:
            raise UserError(f"The index {folder / INDEX} names {file!r}, which is outside the folder.")
    return places


def _shards(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor of the shards, having checked that each is in the shard that the index says."""
    places = _index(folder)
    for file in sorted(set(places.values())):
        if not (folder / file).is_file():
            raise UserError(f"The index {folder / INDEX} lists {file}, which is missing: download that file too.")
        tensors = _tensors(folder / file)
        named = {name for name, place in places.items() if place == file}
        if odd := sorted(named.symmetric_difference(tensors)):
            says = f"lacks {odd[0]}" if odd[0] in named else f"holds {odd[0]}, which it does not list"
            raise UserError(f"The index {folder / INDEX} does not match {file}, which {says}: download both again.")
        yield from tensors.items()


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"The weights {path} cannot be read ({error}): the file is damaged or cut short; download it again."
        ) from error


def _unpickled(path: Path) -> dict[str, Tensor]:
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise UserError(
            f"The weights {path} hold more than tensors, or are damaged ({reason_of(error)}), so they are not opened."
        ) from error
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise UserError(f"The weights {path} are not a table of tensors, so they are not opened.")
    return {str(name): value.clone() for name, value in found.items()}


def _name(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")
