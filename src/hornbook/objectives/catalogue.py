"""The catalogue: every objective under the name that recipes and the command line use."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import Field, fields
from types import MappingProxyType
from typing import Any, Literal, cast

from hornbook.errors import UserError, nearest
from hornbook.objectives.bart import BARTDenoising
from hornbook.objectives.base import Objective
from hornbook.objectives.causal import Causal
from hornbook.objectives.diffusion import MaskedDiffusion
from hornbook.objectives.fim import FillInMiddle
from hornbook.objectives.joined import Joined
from hornbook.objectives.masked import Masked
from hornbook.objectives.mixture import Mixture
from hornbook.objectives.prefix import PrefixLM
from hornbook.objectives.replaced_token import ReplacedToken
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.objectives.ul2 import UL2
from hornbook.vocab import EMPTY, Vocab

CATALOGUE: Mapping[str, type[Any]] = MappingProxyType(
    {
        "causal": Causal,
        "prefix": PrefixLM,
        "fim": FillInMiddle,
        "masked": Masked,
        "replaced": ReplacedToken,
        "diffusion": MaskedDiffusion,
        "span": SpanCorruption,
        "bart": BARTDenoising,
        "ul2": UL2,
        "ul2-short": UL2,
        "ul2r": UL2,
        "joined": Joined,
        "mixture": Mixture,
        "nsp": SentencePairs,
        "sop": SentencePairs,
    }
)
# Settings that a name settles: they are no settings of that kind.
SETTLED: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "ul2": {"variant": "paper"},
        "ul2-short": {"variant": "short"},
        "ul2r": {"variant": "ul2r"},
        "nsp": {"kind": "nsp"},
        "sop": {"kind": "sop"},
    }
)

_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def kind_of(objective: Objective) -> str:
    """Return the catalogue's name of an objective."""

    def named(kind: str) -> bool:
        return all(getattr(objective, name) == value for name, value in SETTLED.get(kind, {}).items())

    return next(kind for kind, cls in CATALOGUE.items() if type(objective) is cls and named(kind))


def settings_of(kind: str) -> list[tuple[Field[Any], Any]]:
    """Return the settings of a kind: fields with their types, in order."""
    if kind not in CATALOGUE:
        raise UserError(f"There is no objective '{kind}'.{nearest(kind, CATALOGUE)}")
    cls = CATALOGUE[kind]
    hints = typing.get_type_hints(cls)
    hidden = {"vocab", *SETTLED.get(kind, {})}
    return [(item, hints[item.name]) for item in fields(cls) if item.name not in hidden]


def build(kind: str, settings: Mapping[str, object], vocab: Vocab) -> Objective:
    """Return the objective named `kind` with these settings; those that are absent have their defaults.

    Text is read as the setting's type, so values from a command line serve as they are: lists are separated by commas,
    and an objective inside another is its kind, or a mapping of its kind and settings. Raises UserError for a kind or
    setting that does not exist, naming the nearest, and for a value of the wrong type or out of range.
    """
    hints = {item.name: hint for item, hint in settings_of(kind)}
    values = {}
    for name, value in settings.items():
        if name not in hints:
            advice = nearest(name, hints) or " It has none."
            raise UserError(f"The objective '{kind}' has no setting '{name}'.{advice}")
        values[name] = _read(value, hints[name], f"The setting '{name}' of the objective '{kind}'")
    return cast(Objective, CATALOGUE[kind](**SETTLED.get(kind, {}), **values, vocab=vocab))


def settings(objective: Objective) -> dict[str, Any]:
    """Return an objective's hyper-parameters by name, as plain values and without its vocabulary; see `build`."""
    return {item.name: plain(getattr(objective, item.name)) for item, _ in settings_of(kind_of(objective))}


def plain(value: Any) -> Any:
    """Return a setting's value as text, numbers, lists and mappings."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return {"kind": kind_of(value), **settings(value)} if isinstance(value, Objective) else value


def _nested(value: object, what: str) -> Objective:
    """Return the objective that a setting describes."""
    if isinstance(value, str):
        return build(value, {}, EMPTY)
    if isinstance(value, Mapping) and isinstance(value.get("kind"), str):
        return build(value["kind"], {name: item for name, item in value.items() if name != "kind"}, EMPTY)
    raise UserError(f"{what} must be an objective: its kind, or a table with its kind and settings, not {value!r}.")


def _read(value: object, hint: Any, what: str) -> object:
    """Return `value` as the type of a setting, or refuse in words.

    The type is int, float, bool, str, a Literal of str, an objective, or a tuple of any length of one of these.
    """
    if hint is Objective:
        return _nested(value, what)
    if typing.get_origin(hint) is tuple:
        items = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            raise UserError(f"{what} must be a list, not {value!r}.")
        return tuple(_read(item, typing.get_args(hint)[0], what) for item in items)
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
