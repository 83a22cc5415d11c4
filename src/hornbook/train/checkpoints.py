"""Checkpoints: directories `step-00000123` of safetensors, written whole or not at all, verified before use.

    state.safetensors            tensors that one process held, whole
    state-00003.safetensors      parts of tensors that process 3 held; its header says where each part lies in its whole
    manifest.json                length and SHA-256 of each, written last

Any number of processes reads what any other number wrote: each reads the pieces that overlap with its own part.

A checkpoint is sound when its files are as its manifest says, its name has the manifest's step, and its numbers are
finite. Training sets damaged ones aside, as `damaged-step-00000123`, once it has found a sound one.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from hornbook.artifacts import clear_leftovers, disk_errors, read_manifest, remove_directory, write_directory
from hornbook.errors import DivergedError, UserError
from hornbook.train.tensors import not_finite, write_tensors
from hornbook.train.world import World

KIND = "checkpoint"
_FILE = "state.safetensors"
_NAME = re.compile(r"step-(\d{8,})")
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
    """Write the state after `step` optimizer steps; of the sound checkpoints up to it the `keep` newest stay."""
    pieces = {name: Piece(tensor, (0,) * tensor.ndim, tuple(tensor.shape)) for name, tensor in tensors.items()}
    return save_together(directory, step, pieces, facts, keep, World())


def save_together(
    directory: Path, step: int, pieces: Mapping[str, Piece], facts: Mapping[str, Any], keep: int, world: World
) -> Path:
    """Do the same by all processes at once, each with its own pieces; the directory must be one that all see.

    Raises DivergedError, in all of them, where a number in any of the pieces is not finite; then nothing is written.
    """
    broken = not_finite((name, piece.values) for name, piece in pieces.items())
    if any(world.all_reduce_max([float(bool(broken))])):
        raise DivergedError(f"{broken or 'a tensor of another process'} is not finite after step {step}")
    target = _place(directory, step)
    with contextlib.ExitStack() as stack:

        def begin() -> str:
            return str(stack.enter_context(write_directory(target, KIND, {"step": step, **facts})))

        scratch = Path(world.broadcast(begin))
        if pieces:
            whole = world.is_main and all(piece.whole for piece in pieces.values())
            _write(scratch / (_FILE if whole else f"state-{world.rank:05d}.safetensors"), pieces)
        world.all_reduce_max([0.0])  # all have written
    if world.is_main:
        retain(target, keep)
    return target


def retain(newest: Path, keep: int) -> None:
    """Remove all but the `keep` newest sound checkpoints up to a sound one; set damaged ones among them aside."""
    kept = 0
    for path in _all(newest.parent):
        if path.name <= newest.name:
            if path != newest and not _is_sound(path, _stamp(path)):
                _set_aside(path)
            elif (kept := kept + 1) > keep:
                remove_directory(path)


def _stamp(checkpoint: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what tells whether a checkpoint has changed: name, length and time of change of each of its files."""
    facts = [(path, path.lstat()) for path in sorted(checkpoint.iterdir())]
    return tuple((path.name, fact.st_size, fact.st_mtime_ns) for path, fact in facts)


@functools.lru_cache(maxsize=64)
def _is_sound(checkpoint: Path, stamp: tuple[tuple[str, int, int], ...]) -> bool:
    """Say whether a checkpoint is sound, in the state that its stamp names: each is read once, not at every save."""
    try:
        Reader(checkpoint)
    except UserError:
        return False
    return True


def _set_aside(checkpoint: Path) -> Path:
    """Rename a damaged checkpoint, so that nothing counts it any more; return its new place."""
    target = checkpoint.with_name(f"damaged-{checkpoint.name}")
    with disk_errors(target):
        shutil.rmtree(target, ignore_errors=True)
        checkpoint.replace(target)
    return target


def _write(path: Path, pieces: Mapping[str, Piece]) -> None:
    places = {name: [piece.begin, piece.shape] for name, piece in pieces.items() if not piece.whole}
    tensors = {name: piece.values for name, piece in pieces.items()}
    with disk_errors(path):
        write_tensors(path, tensors, {_PLACES: json.dumps(places)} if places else None)


class Reader:
    """The tensors of one checkpoint, by name, whole or in part; raises UserError when it is not sound.

    path       of the checkpoint
    manifest   what was written of it: the step and other facts
    shapes     of the whole tensors
    """

    def __init__(self, checkpoint: Path, *, verified: bool = False) -> None:
        self.path = checkpoint
        self.manifest = read_manifest(checkpoint, KIND, contents=not verified)
        step = self.manifest.get("step")
        if type(step) is not int or checkpoint.name != f"step-{step:08d}":
            raise UserError(f"The checkpoint {checkpoint} is damaged: its manifest says that it is step {step}.")
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._found: dict[str, list[tuple[Path, tuple[int, ...], tuple[int, ...]]]] = {}
        if _place(checkpoint.parent, self.manifest.get("step")) != checkpoint:
            raise UserError(
                f"The checkpoint {checkpoint} is damaged: its manifest has the step {self.manifest.get('step')}."
            )
        for name in self.manifest["files"]:
            self._index(checkpoint / name, check=not verified)

    def _index(self, path: Path, check: bool) -> None:
        with self._open(path) as file:
            if check and (name := not_finite((name, file.get_tensor(name)) for name in file.keys())):  # noqa: SIM118
                raise UserError(f"The checkpoint {self.path} holds numbers that are not finite, in {name}.")
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
            raise UserError(f"The checkpoint {self.path} cannot be read ({error}).") from error

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
            raise UserError(f"The checkpoint {self.path} is damaged: a part of {name} is missing.")
        return found


def newest(directory: Path, say: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Return (manifest, tensors) of the newest checkpoint that verifies, or None where there is none at all.

    A damaged one is skipped, which `say` prints. Raises UserError when all are damaged.
    """
    reader = newest_together(directory, say, World())
    return None if reader is None else (reader.manifest, {name: reader.read(name) for name in reader.shapes})


def newest_together(
    directory: Path, say: Callable[[str], None], world: World, *, set_aside: bool = False
) -> Reader | None:
    """Return the same, to be read in parts; rank 0 verifies it, and all ranks read the same one.

    `set_aside`, for who holds the run's lock, renames the damaged ones and clears what killed writers left.
    """
    sound: list[Reader] = []

    def find() -> str:
        if set_aside:
            clear_leftovers(directory)
        checkpoints, damaged = _all(directory), []
        for checkpoint in checkpoints:
            try:
                sound.append(Reader(checkpoint))
                break
            except UserError as error:
                damaged.append(checkpoint)
                if checkpoint == checkpoints[-1]:
                    none = f"None of the {len(checkpoints)} checkpoints in {directory} is intact: start a new run."
                    raise UserError(f"{error} {none}") from error
                say(f"{error} Trying the previous one.")
        for checkpoint in damaged if set_aside else ():
            say(f"set aside as {_set_aside(checkpoint).name}")
        return str(sound[0].manifest["step"]) if sound else ""

    step = world.broadcast(find)
    if not step:
        return None
    return sound[0] if world.is_main else Reader(_place(directory, int(step)), verified=True)


def has_any(directory: Path) -> bool:
    """Say whether there is a checkpoint, sound or not."""
    return bool(_all(directory))


def _place(directory: Path, step: Any) -> Path:
    return directory / (f"step-{step:08d}" if isinstance(step, int) else "step-")


def _all(directory: Path) -> list[Path]:
    """Return the checkpoints, newest first."""
    found = ((_NAME.fullmatch(path.name), path) for path in directory.glob("step-*") if path.is_dir())
    return [path for _, path in sorted(((int(name[1]), path) for name, path in found if name), reverse=True)]
