"""Contract: whether an objective of a person's own is what `base.Objective` says, and gives batches as `Batch` says.

Hornbook's own are held to it by tests; of others the first wrong value is named, with the line of the file that has it.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hornbook.batch import Batch, Rows, Topology
from hornbook.errors import UserError, account_of
from hornbook.objectives.base import Heads, Objective, PromptFormat, Requirements

_LENGTH = 64  # of model rows, where any length serves
_CALLED = {"requirements": _LENGTH, "row_length": _LENGTH, "target_length": _LENGTH, "check": _LENGTH, "__call__": None}


def is_own(objective: Objective) -> bool:
    """Say whether an objective is of a person's own."""
    return not type(objective).__module__.startswith("hornbook.")


def require_contract(objective: Objective) -> None:
    """Raise UserError where a property or method of an objective is not what the contract says.

    What needs the vocabulary is looked at where the objective has one.
    """
    for name, given in _CALLED.items():
        try:
            inspect.signature(getattr(objective, name)).bind(given)
        except TypeError as error:
            raise UserError(
                f"{_line(objective, name)}: {name} of {_name(objective)} must take one argument."
            ) from error
    for name, wanted, right in _wanted(objective):
        try:
            value = getattr(objective, name)
            value = value(_LENGTH) if name in _CALLED else value
        except UserError:  # it refuses this length, or this vocabulary
            continue
        except Exception as error:  # whatever a person's code raises
            raise UserError(f"{name} of {_name(objective)} fails: {account_of(error)}") from error
        if not right(value):
            raise UserError(f"{_line(objective, name)}: {name} of {_name(objective)} must be {wanted}, not {value!r}.")


def _wanted(objective: Objective) -> Iterator[tuple[str, str, Callable[[Any], bool]]]:
    """Yield names of the contract, what each must be in words, and the test of it."""
    topologies = typing.get_args(Topology)
    yield "topology", f"one of {', '.join(topologies)}", lambda value: value in topologies
    yield "heads", "a Heads", lambda value: isinstance(value, Heads)
    for name, least in (("overlap", 0), ("noise_period", 0), ("row_length", 1), ("target_length", 1)):
        yield name, f"a whole number of at least {least}", functools.partial(_whole, least=least)
    yield "requirements", "a Requirements", lambda value: isinstance(value, Requirements)
    if objective.vocab.size:
        yield "boundary_tokens", "two tuples of ids", _two_tuples
        yield (
            "prompting",
            "a tuple of PromptFormat",
            lambda value: isinstance(value, tuple) and all(isinstance(form, PromptFormat) for form in value),
        )


def _whole(value: Any, least: int = 0) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= least


def _two_tuples(value: Any) -> bool:
    sides = isinstance(value, tuple) and len(value) == 2 and all(isinstance(side, tuple) for side in value)
    return sides and all(_whole(token) for side in value for token in side)


def batch_of(objective: Objective, rows: Rows) -> Batch:
    """Return an objective's batch of rows; UserError where one of a person's own gives what is none."""
    batch = objective(rows)
    if is_own(objective) and (wrong := _wrong(objective, batch, len(rows))):
        raise UserError(f"{_line(objective, '__call__')}: {_name(objective)} gave a batch whose {wrong}.")
    return batch


def _wrong(objective: Objective, batch: Any, rows: int) -> str:
    """Return what is wrong with a batch in words, or nothing."""
    if not isinstance(batch, Batch):
        return f"type is {type(batch).__name__}, not Batch"
    two_sided = objective.topology == "encoder-decoder"
    if two_sided != (batch.decoder_inputs is not None):
        return f"decoder_inputs are {'missing' if two_sided else 'none of a model of one side'}"
    said = np.shape(batch.targets)
    like = {"targets": said, "weights": said, "decoder_inputs": said, "decoder_segments": said, "count": (rows,)}
    for name, value in vars(batch).items():
        if value is None and name not in ("inputs", "targets", "weights", "count"):
            continue
        kinds = {"weights": "f", "count": "f", "visible": "b"}.get(name, "iu")
        shape = (rows,) if name == "pair" else like.get(name, np.shape(batch.inputs))
        if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds:
            found = f"array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
            return f"{name} is a {found}"
        if value.shape != shape or len(value) != rows or value.ndim > 2:
            return f"{name} has the shape {value.shape}, for {rows} rows and inputs of {np.shape(batch.inputs)}"
        known = name not in ("inputs", "targets", "decoder_inputs") or not value.size or not objective.vocab.size
        if not known and not 0 <= int(value.min()) <= int(value.max()) < objective.vocab.size:
            return f"{name} has ids from {value.min()} to {value.max()}, of {objective.vocab.size}"
        if kinds == "f" and not np.isfinite(value).all():
            return f"{name} has numbers that are not finite"
    if not two_sided and np.shape(batch.inputs) != said:
        return f"inputs have the shape {np.shape(batch.inputs)} and its targets {said}"
    return ""


def _name(objective: Objective) -> str:
    return type(objective).__name__


def _line(objective: Objective, name: str) -> str:
    """Return the line of the file where a name of an objective stands, or that of its class."""
    cls = type(objective)
    part = inspect.getattr_static(cls, name, None)
    part = part.fget if isinstance(part, property) else part
    code = getattr(inspect.unwrap(part), "__code__", None) if callable(part) else None
    if code is not None:
        return f"line {code.co_firstlineno} of {code.co_filename}"
    try:
        return f"line {inspect.getsourcelines(cls)[1]} of {inspect.getsourcefile(cls)}"
    except (OSError, TypeError):  # it has no file
        return f"{cls.__module__}:{cls.__qualname__}"
