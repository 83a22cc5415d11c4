"""The catalogue: every objective under the name that recipes and the command line use."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Literal, cast

from hornbook.errors import UserError, nearest
from hornbook.objectives.base import Objective
from hornbook.objectives.causal import Causal
from hornbook.objectives.diffusion import MaskedDiffusion
from hornbook.objectives.infilling import FillInMiddle
from hornbook.objectives.masked import Masked
from hornbook.objectives.prefix import PrefixLM
from hornbook.objectives.replaced import ReplacedToken
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.vocab import Vocab

CATALOGUE: Mapping[str, type[Any]] = MappingProxyType(
    {
        "causal": Causal,
        "prefix": PrefixLM,
        "fim": FillInMiddle,
        "masked": Masked,
        "replaced": ReplacedToken,
        "diffusion": MaskedDiffusion,
        "span": SpanCorruption,
    }
)

_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def build(kind: str, settings: Mapping[str, object], vocab: Vocab) -> Objective:
    """Return the objective named `kind` with these settings; those that are absent have their defaults.

    Text is read as the setting's type, so values from a command line serve as they are. Raises UserError for a kind or
    setting that does not exist, naming the nearest, and for a value of the wrong type or out of range.
    """
    if kind not in CATALOGUE:
        raise UserError(f"There is no objective '{kind}'.{nearest(kind, CATALOGUE)}")
    cls = CATALOGUE[kind]
    hints = typing.get_type_hints(cls)
    names = [item.name for item in fields(cls) if item.name != "vocab"]
    values = {}
    for name, value in settings.items():
        if name not in names:
            advice = nearest(name, names) or " It has none."
            raise UserError(f"The objective '{kind}' has no setting '{name}'.{advice}")
        values[name] = _read(value, hints[name], f"The setting '{name}' of the objective '{kind}'")
    return cast(Objective, cls(**values, vocab=vocab))


def settings(objective: Objective) -> dict[str, Any]:
    """Return an objective's hyper-parameters by name, without its vocabulary: what `build` takes back."""
    return {item.name: getattr(objective, item.name) for item in fields(cast(Any, objective)) if item.name != "vocab"}


def _read(value: object, hint: Any, what: str) -> object:
    """Return `value` as the type of a setting (int, float, bool, str or Literal of str), or refuse in words."""
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if value in choices:
            return value
        raise UserError(f"{what} cannot be {value!r}.{nearest(str(value), choices)}")
    try:
        if hint is bool:
            return value if isinstance(value, bool) else _TRUTH[str(value).strip().lower()]
        if hint is str and isinstance(value, str):
            return value
        if not isinstance(value, bool):
            if hint is int and (isinstance(value, (int, str)) or (isinstance(value, float) and value.is_integer())):
                return int(value)
            if hint is float and isinstance(value, (int, float, str)):
                return float(value)
    except (ValueError, KeyError):
        pass
    raise UserError(f"{what} must be {_NAMES[hint]}, not {value!r}.")
