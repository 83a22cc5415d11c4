"""The catalogue: every objective under the name that recipes and the command line use."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import Field
from types import MappingProxyType
from typing import Any, cast

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
from hornbook.schema import leaf, leaves
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


def kind_of(objective: Objective) -> str:
    """Return the catalogue's name of an objective."""

    def named(kind: str) -> bool:
        return all(getattr(objective, name) == value for name, value in SETTLED.get(kind, {}).items())

    return next(kind for kind, cls in CATALOGUE.items() if type(objective) is cls and named(kind))


def settings_of(kind: str) -> list[tuple[Field[Any], Any]]:
    """Return the settings of a kind: fields with their types, in order."""
    if kind not in CATALOGUE:
        raise UserError(f"There is no objective '{kind}'.{nearest(kind, CATALOGUE)}")
    return [(item, hint) for item, hint in leaves(CATALOGUE[kind]) if item.name not in SETTLED.get(kind, {})]


def build(kind: str, settings: Mapping[str, object], vocab: Vocab, name: str = "objective") -> Objective:
    """Return the objective named `kind` with these settings; those that are absent have their defaults.

    Text is read as the setting's type, so values from a command line serve as they are: lists are separated by commas,
    and an objective inside another is its kind, or a mapping of its kind and settings. Raises UserError for a kind or
    setting that does not exist, naming the nearest, and for a value of the wrong type or out of range. `name` is what a
    recipe calls the objective.
    """
    hints = {item.name: hint for item, hint in settings_of(kind)}
    values = {}
    for item, value in settings.items():
        if item not in hints:
            advice = nearest(item, hints) or " It has none."
            raise UserError(f"The objective '{kind}' has no setting '{item}'.{advice}")
        values[item] = _read(value, hints[item], f"{name}.{item}")
    return cast(Objective, CATALOGUE[kind](**SETTLED.get(kind, {}), **values, vocab=vocab))


def settings(objective: Objective) -> dict[str, Any]:
    """Return an objective's hyper-parameters by name, as plain values and without its vocabulary; see `build`."""
    return {item.name: plain(getattr(objective, item.name)) for item, _ in settings_of(kind_of(objective))}


def plain(value: Any) -> Any:
    """Return a setting's value as text, numbers, lists and mappings."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return {"kind": kind_of(value), **settings(value)} if isinstance(value, Objective) else value


def _nested(value: object, name: str) -> Objective:
    """Return the objective that a setting describes."""
    if isinstance(value, str):
        return build(value, {}, EMPTY, name)
    if isinstance(value, Mapping) and isinstance(value.get("kind"), str):
        return build(value["kind"], {item: inner for item, inner in value.items() if item != "kind"}, EMPTY, name)
    raise UserError(f"{name} must be an objective: its kind, or a table with its kind and settings, not {value!r}.")


def _read(value: object, hint: Any, name: str) -> object:
    """Return `value` as the type of a setting, or refuse in words."""
    if hint is Objective:
        return _nested(value, name)
    if typing.get_origin(hint) is tuple and typing.get_args(hint)[0] is Objective:
        items = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            raise UserError(f"{name} must be a list of objectives, not {value!r}.")
        return tuple(_nested(item, name) for item in items)
    return leaf(hint, value, name)
