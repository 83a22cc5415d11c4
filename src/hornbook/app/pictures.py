"""The corruption viewer: what an objective does to a text, as JSON, and every setting of an objective as a control.

    {"kind": "span", "density": 0.3}, text -> the picture that `hornbook show` prints, cell for cell

A kind is one of the catalogue, or one that was named when the server began: no code from a browser is ever run.
"""

from __future__ import annotations

import base64
import functools
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

from hornbook.errors import UserError
from hornbook.objectives.base import Objective, companion_length, cycle_of
from hornbook.objectives.catalogue import CATALOGUE, build, class_of, settings, settings_of
from hornbook.objectives.show import Picture, Side
from hornbook.prepare.preview import preview
from hornbook.recipes.settings import default_of, from_dict, written
from hornbook.schema import Count, Seed, help_of, type_name
from hornbook.tokens.tokenizer.tokenizer import load_tokenizer
from hornbook.vocab import EMPTY

TOKENS = 512  # of a text that is shown, since a mask has a cell for each two
_PARTS = 32  # different parts of a mixture that are shown
_ENDS: Mapping[type, str] = {Ge: "ge", Gt: "gt", Le: "le", Lt: "lt"}
_BEYOND = 8.0  # a slider without an upper bound ends at so many times the default, at least at 16


@dataclass(frozen=True)
class Corruption:
    """What is to be shown.

    objective   its kind and settings, as in a recipe; an objective inside is such a table too
    second      text of another document, for objectives that pair two
    run         number of the run whose tokenizer is used; None = one that is made on the spot
    """

    objective: dict[str, Any]
    text: str
    second: str = ""
    run: int | None = None
    seed: Seed = 0
    epoch: Count = 0


def corrupted(asked: Corruption, runs: Sequence[Path], own: Sequence[str] = ()) -> dict[str, Any]:
    """Return the picture of a text, and of the objective's other ways in "others"; see `_picture`.

    own       kinds beside the catalogue's: path.py:Class, as the server was told
    added     special tokens that the run's tokenizer was given for it
    period    after so many epochs the same noise comes again; 0 = never
    refused   null, or why it cannot be: the sentence of `hornbook show`; then there are no sides

    Raises UserError where there is no such run.
    """
    tokenizer = None
    if asked.run is not None:
        if not 0 <= asked.run < len(runs):
            raise UserError(f"There is no run number {asked.run} here.")
        tokenizer = _tokenizer(runs[asked.run])
    try:
        objective = read_objective(asked.objective, own)
        shown = preview(
            asked.text, objective, tokenizer, asked.seed, second=asked.second, epoch=asked.epoch, most=TOKENS
        )
    except UserError as error:
        return {**_NOTHING, "refused": str(error)}
    others = [_picture(other) for other in shown.others]
    more = {"others": others, "added": list(shown.added), "period": objective.noise_period, "refused": None}
    return {**_picture(shown), **more}


_NOTHING: Mapping[str, Any] = {
    "objective": "", "row": [], "sides": [], "counts": {}, "notes": [], "others": [], "added": [], "period": 0,
}  # fmt: skip
_tokenizer = functools.lru_cache(maxsize=16)(load_tokenizer)


def read_objective(table: Mapping[str, Any], own: Sequence[str] = ()) -> Objective:
    """Return the objective that a table describes, read as a recipe is.

    Raises UserError with the sentence of the command line, and for kinds of a person's own that are not in `own`.
    """
    for text in _texts(table):
        if ":" in text and text not in own:
            told = f"There is no objective '{text}' on this page"
            raise UserError(f"{told}: name it when you start the page, as --objective {text}.")
    objective = from_dict({"objective": _as_typed(table)}).objective
    if (parts := len(set(cycle_of(objective)))) > _PARTS:
        raise UserError(f"The objective has {parts} different parts: at most {_PARTS} are shown.")
    return objective


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a table but the names of its entries."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)


def _as_typed(value: Any) -> Any:
    """Return values as one writes them on the command line, so that what is wrong is told in the same words."""
    if isinstance(value, Mapping):
        return {name: _as_typed(item) for name, item in value.items()}
    if isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        return [_as_typed(item) for item in value]
    return written(value)


def _picture(shown: Picture) -> dict[str, Any]:
    """Return {objective, row, sides, counts, notes}; a side has its name, its cells, and who sees whom.

    sees   a row for each position in base64: a bit for each position that it sees, the first in the highest bit
    """
    return {
        "objective": shown.objective,
        "row": list(shown.row),
        "sides": [_side(side) for side in shown.sides],
        "counts": dict(shown.counts),
        "notes": list(shown.notes),
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "cells": [vars(cell) for cell in side.cells],
        "sees": [base64.b64encode(row.tobytes()).decode() for row in np.packbits(side.sees, axis=1)],
    }


def seen(rows: Sequence[str], length: int) -> NDArray[np.bool_]:
    """Return bool[rows, length] of what `sees` holds."""
    packed = [np.frombuffer(base64.b64decode(row), np.uint8) for row in rows]
    return np.unpackbits(np.array(packed), axis=1, count=length).astype(bool)


def described(own: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return every objective of the catalogue, and those of `own`, with a control for each setting.

    second     whether it pairs texts of two documents
    default    its settings as a table, which the controls change
    """
    found = []
    for kind in (*CATALOGUE, *own):
        objective = build(kind, {}, EMPTY)
        about = (class_of(kind).__doc__ or "").strip().partition("\n")[0] if ":" in kind else CATALOGUE[kind].meaning
        found.append(
            {
                "kind": kind,
                "meaning": about,
                "topology": objective.topology,
                "second": bool(companion_length(objective, TOKENS)),
                "default": {"kind": kind, **settings(objective)},
                "settings": controls(kind),
            }
        )
    return found


def controls(kind: str) -> list[dict[str, Any]]:
    """Return a control for each setting of an objective.

    control   number | choice | flag | objective; texts | numbers | objectives for a list; text for what else it is
    low, high, step   of a number: ends that the setting may have; `open` where its type has no upper bound
    """
    told = help_of(class_of(kind))
    return [
        {
            "name": item.name,
            "help": told.get(item.name, ""),
            "type": type_name(hint),
            "default": (standard := default_of(item)),
            **_control(hint, standard),
        }
        for item, hint in settings_of(kind)
    ]


def _control(hint: Any, standard: Any) -> dict[str, Any]:
    """Return what a setting of this type is set by."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    bare, marks = (inner[0], inner[1:]) if origin is Annotated else (hint, ())
    if bare in (int, float) and isinstance(standard, int | float):
        return {"control": "number", **_range(bare is int, marks, float(standard))}
    if origin is Literal:
        return {"control": "choice", "choices": list(inner)}
    if hint is Objective:
        return {"control": "objective"}
    if origin is tuple:
        item = typing.get_args(inner[0])[0] if typing.get_origin(inner[0]) is Annotated else inner[0]
        lists = {Objective: "objectives", str: "texts", int: "numbers", float: "numbers"}
        return {"control": lists.get(item, "text")}
    return {"control": "flag" if hint is bool else "text"}


def _range(whole: bool, marks: Sequence[Any], standard: float) -> dict[str, Any]:
    """Return the ends of a slider and its step: bounds that a value may not have are a step away."""
    ends = {kind: getattr(mark, name) for mark in marks for kind, name in _ENDS.items() if type(mark) is kind}
    low, high = ends.get(Ge, ends.get(Gt)), ends.get(Le, ends.get(Lt))
    step = 1.0 if whole else 0.01 if high is not None and high <= 1 else 0.5
    found = {
        "low": min(0.0, standard) if low is None else low + step * (Gt in ends),
        "high": max(16.0, _BEYOND * standard) if high is None else high - step * (Lt in ends),
        "step": step,
    }
    shown: Callable[[float], float] = int if whole else float
    return {**{name: shown(value) for name, value in found.items()}, "open": high is None, "whole": whole}
