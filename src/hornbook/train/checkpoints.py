"""Checkpoints: directories `step-00000123` of safetensors, written whole or not at all, verified before use.

    state.safetensors            tensors that one process held, whole
    state-00003.safetensors      parts of tensors that process 3 held; its header says where each part lies in its whole
    manifest.json                length and SHA-256 of each, written last

Any number of processes reads what any other number wrote: each reads the pieces that overlap with its own part.
"""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hornbook.artifacts import disk_errors, read_manifest, write_directory
from hornbook.errors import UserError
from hornbook.train.world import World

CHECKPOINTS, KIND = "checkpoints", "checkpoint"
_FILE = "state.safetensors"
_PLACES = "places"  # the entry of a file's header: name -> [begin of each dimension, shape of the whole]


@dataclass(frozen=True, eq=False)
class Piece:
    """A tensor, or a part of one: its values, where it begins in each dimension, the shape of the whole."""

    values: Tensor
    begin: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def whole(self) -> bool:
        return tuple(self.values.shape) == self.shape


def save(directory: Path, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], keep: int) -> Path:
    """Write the state after `step` optimizer steps and remove all but the `keep` newest checkpoints."""
    pieces = {name: Piece(tensor, (0,) * tensor.ndim, tuple(tensor.shape)) for name, tensor in tensors.items()}
    return save_together(directory, step, pieces, facts, keep, World())


def save_together(
    directory: Path, step: int, pieces: Mapping[str, Piece], facts: Mapping[str, Any], keep: int, world: World
) -> Path:
    """Do the same by all processes at once, each with its own pieces; the directory must be one that all see."""
    target = directory / f"step-{step:08d}"
    with contextlib.ExitStack() as stack:

        def begin() -> str:
            return str(stack.enter_context(write_directory(target, KIND, {"step": step, **facts})))

        scratch = Path(world.broadcast(begin))
        if pieces:
            whole = world.is_main and all(piece.whole for piece in pieces.values())
            _write(scratch / (_FILE if whole else f"state-{world.rank:05d}.safetensors"), pieces)
        world.all_reduce_max([0.0])  # all have written
    if world.is_main:
        for old in _all(directory)[keep:]:
            shutil.rmtree(old, ignore_errors=True)
    return target


def _write(path: Path, pieces: Mapping[str, Piece]) -> None:
    places = {name: [piece.begin, piece.shape] for name, piece in pieces.items() if not piece.whole}
    tensors = {name: piece.values.detach().cpu().contiguous() for name, piece in pieces.items()}
    with disk_errors(path):
        try:
            save_file(tensors, path, {_PLACES: json.dumps(places)} if places else None)
        except SafetensorError as error:
            if f"os error {errno.ENOSPC}" in str(error):  # the library hides what the system said
                raise OSError(errno.ENOSPC, str(error)) from error
            raise


class Reader:
    """The tensors of one checkpoint, by name, whole or in part; raises UserError when a file cannot be read.

    manifest   what was written of it: the step and other facts
    shapes     of the whole tensors
    """

    def __init__(self, checkpoint: Path, *, verified: bool = False) -> None:
        self._path = checkpoint
        self.manifest = read_manifest(checkpoint, KIND, contents=not verified)
        step = self.manifest.get("step")
        if type(step) is not int or checkpoint.name != f"step-{step:08d}":
            raise UserError(f"The checkpoint {checkpoint} is damaged: its manifest says that it is step {step}.")
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._found: dict[str, list[tuple[Path, tuple[int, ...], tuple[int, ...]]]] = {}
        for name in self.manifest["files"]:
            self._index(checkpoint / name)

    def _index(self, path: Path) -> None:
        with self._open(path) as file:
            places = json.loads((file.metadata() or {}).get(_PLACES, "{}"))
            for name in file.keys():  # noqa: SIM118 (it is no dict)
                own = tuple(file.get_slice(name).get_shape())
                begin, shape = places.get(name, ((0,) * len(own), own))
                self.shapes[name] = tuple(shape)
                self._found.setdefault(name, []).append((path, tuple(begin), own))

    @contextlib.contextmanager
    def _open(self, path: Path) -> Iterator[Any]:
        try:
            with safe_open(path, "pt") as file:
                yield file
        except SafetensorError as error:
            raise UserError(f"The checkpoint {self._path} cannot be read ({error}).") from error

    def read(self, name: str, place: Sequence[tuple[int, int]] | None = None) -> Tensor:
        """Return a tensor, or the part of it that lies in [begin, end) of each dimension."""
        place = [(0, length) for length in self.shapes[name]] if place is None else place
        parts: list[tuple[tuple[slice, ...], Tensor]] = []
        for path, begin, own in self._found[name]:
            bounds = zip(place, begin, own, strict=True)
            overlap = [(max(first, start), min(last, start + length)) for (first, last), start, length in bounds]
            if any(first >= last for first, last in overlap):
                continue
            with self._open(path) as file:
                if not own:
                    return file.get_tensor(name)  # type: ignore[no-any-return]
                here = tuple(slice(a - start, b - start) for (a, b), start in zip(overlap, begin, strict=True))
                values = file.get_slice(name)[here]
            target = tuple(slice(a - first, b - first) for (a, b), (first, _) in zip(overlap, place, strict=True))
            if list(overlap) == list(place):
                return values  # type: ignore[no-any-return]
            parts.append((target, values))
        found = torch.empty([last - first for first, last in place], dtype=parts[0][1].dtype if parts else None)
        for target, values in parts:
            found[target] = values
        if sum(values.numel() for _, values in parts) != found.numel():
            raise UserError(f"The checkpoint {self._path} is damaged: a part of {name} is missing.")
        return found


def newest(directory: Path, say: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Return (manifest, tensors) of the newest checkpoint that verifies, or None where there is none at all.

    A damaged one is skipped, which `say` prints. Raises UserError when all are damaged.
    """
    reader = newest_together(directory, say, World())
    return None if reader is None else (reader.manifest, {name: reader.read(name) for name in reader.shapes})


def newest_together(directory: Path, say: Callable[[str], None], world: World) -> Reader | None:
    """Return the same, to be read in parts; rank 0 verifies it, and all ranks read the same one."""
    sound: list[Reader] = []

    def find() -> str:
        checkpoints = _all(directory)
        for checkpoint in checkpoints:
            try:
                sound.append(Reader(checkpoint))
                return str(sound[0].manifest["step"])
            except UserError as error:
                say(f"{error} Trying the previous one.")
        if checkpoints:
            raise UserError(f"None of the {len(checkpoints)} checkpoints in {directory} is intact: start a new run.")
        return ""

    step = world.broadcast(find)
    if not step:
        return None
    return sound[0] if world.is_main else Reader(directory / f"step-{int(step):08d}", verified=True)


def _all(directory: Path) -> list[Path]:
    """Return the checkpoints, newest first."""
    return sorted((path for path in directory.glob("step-*") if path.is_dir()), reverse=True)
