"""What several families share: requirements, and how config.json says rotary positions and kinds of layers.

Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hornbook.convert.families.family import Rule
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig

# What the blocks of 2018 to 2020 require, and those of them that normalise after each sum.
CLASSIC: Mapping[str, Any] = {"norm": "layer", "positions": "learned", "gated": False, "biases": True, "qk_norm": False}
POST: Mapping[str, Any] = {**CLASSIC, "norm_place": "post", "embedding_norm": True, "final_norm": False}
_FULL, _SLIDING = "full_attention", "sliding_attention"
# Which entries of rope_parameters each of their types has, with the only value we compute; None = any.
_STRETCHES: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "linear": {"factor": None},
    "llama3": {
        "factor": None,
        "original_max_position_embeddings": None,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
    },
    "yarn": {"factor": None, "original_max_position_embeddings": None},
}
# What YaRN takes for granted where config.json does not mention it.
_YARN_DEFAULTS: Mapping[str, Any] = {"beta_fast": 32, "beta_slow": 1, "truncate": True}


def never_said(name: str, settings: Mapping[str, Any]) -> None:
    """Raise UserError where config.json has an entry at all: the class then treats both its sides alike."""
    if name in settings:
        raise UserError(
            f"config.json says {name} = {settings[name]!r}, which acts on encoder and decoder alike. Hornbook's "
            f"encoders are never causal and its decoders always: take {name} out if the model was trained so."
        )


def _write_rotary(config: ModelConfig) -> dict[str, Any]:
    kind = "default" if config.rotary_scaling == "none" else config.rotary_scaling
    ours = {"factor": config.rotary_factor, "original_max_position_embeddings": config.rotary_length}
    stretch = {name: ours.get(name, only) for name, only in _STRETCHES[kind].items()}
    entries = {"rope_type": kind, "rope_theta": config.rotary_base, **stretch}
    return {f"rope_parameters.{name}": value for name, value in entries.items()}


def _read_rotary(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Versions before 5 of transformers wrote rope_theta and rope_scaling; where the latter stands, it counts."""
    given: Mapping[str, Any] = settings.get("rope_scaling") or settings.get("rope_parameters") or {}
    share = settings.get("partial_rotary_factor")
    kind, stretch = _stretch(given if share is None else {"partial_rotary_factor": share, **given})
    theta = given.get("rope_theta", settings.get("rope_theta"))
    found: dict[str, Any] = {"rotary_base": 10_000.0 if theta is None else theta, "rotary_scaling": "none"}
    if kind == "default":
        return found
    if stretch.get("factor") is None:
        raise UserError(f"config.json has rotary positions of type {kind!r} without a factor.")
    found |= {"rotary_scaling": kind, "rotary_factor": stretch["factor"]}
    if "original_max_position_embeddings" in _STRETCHES[kind]:
        found["rotary_length"] = _original_length(settings, stretch)
    return found


def _original_length(settings: Mapping[str, Any], stretch: Mapping[str, Any]) -> int:
    """Return the length that the model first had: the outer entry counts, then the inner one, then all positions."""
    name = "original_max_position_embeddings"
    length = settings.get(name)
    if length is None:
        length = stretch.get(name, settings.get("max_position_embeddings"))
    if isinstance(length, bool) or not isinstance(length, int) or length < 1:
        raise UserError(f"config.json says {name} = {length!r}; Hornbook needs a whole number of at least 1.")
    return length


def _stretch(given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the type of an entry such as rope_parameters and how it stretches, all of which we compute."""
    kind = given.get("rope_type", given.get("type", "default"))
    if kind not in _STRETCHES:
        known = ", ".join(_STRETCHES)
        raise UserError(f"config.json has rotary positions of type {kind!r}; Hornbook's models know {known}.")
    known_values = {**_STRETCHES[kind], **(_YARN_DEFAULTS if kind == "yarn" else {}), "partial_rotary_factor": 1.0}
    stretch = {name: value for name, value in given.items() if name not in ("rope_type", "type", "rope_theta")}
    for name, value in stretch.items():
        if value is None or (name in known_values and known_values[name] in (None, value)):
            continue
        needed = f"only {known_values[name]!r}" if name in known_values else "no such entry"
        raise UserError(
            f"config.json says {name} = {value!r} of rotary positions of type {kind!r}; "
            f"Hornbook's models have {needed}."
        )
    return kind, stretch


ROTARY = Rule(
    ("rotary_base", "rotary_scaling", "rotary_factor", "rotary_length"),
    _write_rotary,
    _read_rotary,
    ("rope_parameters", "rope_scaling", "rope_theta", "partial_rotary_factor", "original_max_position_embeddings"),
)


def _read_sliding_window(settings: Mapping[str, Any]) -> dict[str, Any]:
    keys = settings.get("sliding_window", 4096)
    if keys is not None and keys < 2:
        raise UserError(f"config.json says sliding_window = {keys}, which leaves no keys to attend to.")
    return {"window": 0 if keys is None else keys - 1}


# Mistral: every layer sees `sliding_window` keys, the query's own among them.
SLIDING_WINDOW = Rule(
    ("window",),
    lambda config: {"sliding_window": config.window + 1 if config.window else None},
    _read_sliding_window,
    ("sliding_window",),
)


def _read_full_layers(settings: Mapping[str, Any]) -> dict[str, Any]:
    if any(kind != _FULL for kind in settings.get("layer_types") or []):
        raise UserError(
            f"config.json has layer_types other than {_FULL}, which Hornbook does not support in this type."
        )
    return {}


# Qwen: windows exist in the class, but from some layer on, which our models do not have.
# While windows are off, their other entries have no influence.
FULL_LAYERS = Rule((), lambda config: {}, _read_full_layers, ("layer_types", "sliding_window", "max_window_layers"))


def _write_local_layers(config: ModelConfig) -> dict[str, Any]:
    local = [config.is_local(number) for number in range(config.layers)]
    bases = {_FULL: config.rotary_base, _SLIDING: config.local_rotary_base or config.rotary_base}
    kinds = [_SLIDING if here else _FULL for here in local]
    found: dict[str, Any] = {
        "layer_types": kinds,
        "rope_parameters": {kind: {"rope_type": "default", "rope_theta": bases[kind]} for kind in sorted(set(kinds))},
        "global_rope_theta": bases[_FULL],
        "local_rope_theta": bases[_SLIDING],
    }
    if config.window:
        found["local_attention"] = 2 * config.window
    if not all(local):
        found["global_attn_every_n_layers"] = config.global_every if config.window else 1
    return found


def _read_local_layers(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Versions before 5 of transformers wrote global_attn_every_n_layers, global_rope_theta and local_rope_theta."""
    kinds = settings.get("layer_types")
    every = settings.get("global_attn_every_n_layers", 3) if kinds is None else _period(kinds)
    keys = settings.get("local_attention", 128)
    half = settings.get("sliding_window", keys // 2)  # a second name, of half the value
    if half != keys // 2:
        raise UserError(
            f"config.json contradicts itself: sliding_window = {half!r} is to be half of local_attention = {keys!r}. "
            "Take sliding_window out if local_attention is right."
        )
    if every != 1 and keys < 2:
        raise UserError(f"config.json says local_attention = {keys}, which leaves no keys to attend to.")
    bases = _bases(settings)
    return {
        "window": 0 if every == 1 else keys // 2,
        "global_every": every,
        "rotary_base": bases[_FULL if every else _SLIDING],
        "local_rotary_base": bases[_SLIDING] if every > 1 else 0.0,
    }


def _period(kinds: list[str]) -> int:
    """Return n where every n-th layer, from the first on, is global; 0 where none is."""
    if all(kind == _SLIDING for kind in kinds):
        return 0
    for every in range(1, len(kinds) + 1):
        if kinds == [_SLIDING if number % every else _FULL for number in range(len(kinds))]:
            return every
    raise UserError(
        f"config.json has layer_types that Hornbook does not know: it needs every n-th layer {_FULL}, from the first "
        f"on, and all others {_SLIDING}."
    )


def _bases(settings: Mapping[str, Any]) -> dict[str, float]:
    """Return theta of both kinds of layers."""
    given: Mapping[str, Any] = settings.get("rope_parameters") or {}
    entries = {"rope_scaling": settings.get("rope_scaling") or {}, **given}
    for place, entry in entries.items():
        if place not in (_FULL, _SLIDING, "rope_scaling") or _stretch(entry or {})[0] != "default":
            raise UserError(f"config.json says {place} = {entry!r}; Hornbook's ModernBERT has no scaling of positions.")
    full = (given.get(_FULL) or {}).get("rope_theta", settings.get("global_rope_theta", 160_000.0))
    sliding = (given.get(_SLIDING) or {}).get("rope_theta", settings.get("local_rope_theta", 10_000.0))
    return {_FULL: full, _SLIDING: full if sliding is None else sliding}


# ModernBERT: keys at most half of local_attention away, but in every n-th layer; theta for each kind of layers.
LOCAL_LAYERS = Rule(
    ("window", "global_every", "rotary_base", "local_rotary_base"),
    _write_local_layers,
    _read_local_layers,
    (
        "layer_types",
        "global_attn_every_n_layers",
        "local_attention",
        "sliding_window",
        "rope_parameters",
        "rope_scaling",
        "global_rope_theta",
        "local_rope_theta",
    ),
)
