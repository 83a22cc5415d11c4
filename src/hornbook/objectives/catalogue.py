"""The catalogue: every objective under the name that recipes and the command line use; loads none before it is asked.

A new objective is one file of this room and one line of CATALOGUE. One of a person's own is a class in any file: its
kind is `path.py:Class` or `module:Class`, and it is saved as that, the hash of its source and its settings.
"""

from __future__ import annotations

import importlib
import typing
import warnings
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from hornbook.errors import Notice, UserError, account_of, nearest
from hornbook.schema import leaf, leaves, own_class, own_name

if TYPE_CHECKING:
    from hornbook.objectives.base import Objective
    from hornbook.vocab import Vocab

_SOURCE = "source"  # what a recipe calls the hash of an own class's source
_MARK = "__source__"  # where the class has it


class Entry(NamedTuple):
    """One line of the catalogue: module and class in this room, what a model learns, settings that the name settles."""

    place: str
    meaning: str
    settled: Mapping[str, Any] = MappingProxyType({})


CATALOGUE: Mapping[str, Entry] = {
    "causal": Entry("causal:Causal", "the next token (GPT)"),
    "prefix": Entry("prefix:PrefixLM", "the rest of a text after a prefix with bidirectional attention (T5)"),
    "fim": Entry("fim:FillInMiddle", "the next token, with middles moved to the end (fill in the middle)"),
    "masked": Entry("masked:Masked", "masked tokens, from both sides (BERT, RoBERTa)"),
    "replaced": Entry("replaced_token:ReplacedToken", "which tokens a small generator replaced (ELECTRA)"),
    "diffusion": Entry("diffusion:MaskedDiffusion", "masked tokens at any masking rate (LLaDA, MDLM)"),
    "span": Entry("span_corruption:SpanCorruption", "masked spans (T5)"),
    "bart": Entry("bart:BARTDenoising", "the original text, from a shuffled one with gaps"),
    "ul2": Entry("ul2:UL2", "a mixture of seven denoisers with mode tokens", {"variant": "paper"}),
    "ul2-short": Entry("ul2:UL2", "the UL2 of many tutorials: short, longer, extreme spans", {"variant": "short"}),
    "ul2r": Entry("ul2:UL2", "the four denoisers of UL2R, for continued training", {"variant": "ul2r"}),
    "joined": Entry("joined:Joined", "an encoder-decoder's objective, for a decoder"),
    "mixture": Entry("mixture:Mixture", "a mixture of objectives"),
    "nsp": Entry("sentence_pairs:SentencePairs", "masked tokens and the next sentence (BERT)", {"kind": "nsp"}),
    "sop": Entry("sentence_pairs:SentencePairs", "masked tokens and the order of sentences (ALBERT)", {"kind": "sop"}),
}
# What people call an objective that has another name here, models by what they were trained with; in small letters,
# with hyphens.
ALIASES: Mapping[str, str] = {
    **dict.fromkeys(("clm", "lm", "ar", "autoregressive", "next-token", "language-modeling", "causal-lm"), "causal"),
    **dict.fromkeys(("gpt", "gpt2", "gpt-2", "gpt-neo", "llama", "mistral", "qwen", "gemma", "phi", "olmo"), "causal"),
    **dict.fromkeys(("decoder", "decoder-only"), "causal"),
    **dict.fromkeys(("prefix-lm", "prefixlm", "plm"), "prefix"),
    **dict.fromkeys(("infilling", "fill-in-the-middle", "fill-in-middle", "psm", "spm"), "fim"),
    **dict.fromkeys(("mlm", "masked-lm", "masked-language-modeling", "cloze", "wwm", "whole-word-masking"), "masked"),
    **dict.fromkeys(("bert", "roberta", "modernbert", "distilbert", "deberta", "encoder"), "masked"),
    **dict.fromkeys(("electra", "rtd", "replaced-token", "replaced-token-detection"), "replaced"),
    **dict.fromkeys(("mdlm", "llada", "dllm", "masked-diffusion"), "diffusion"),
    **dict.fromkeys(("t5", "flan-t5", "span-corruption", "denoising", "seq2seq", "encoder-decoder"), "span"),
    **dict.fromkeys(("text-infilling", "bart-denoising"), "bart"),
    **dict.fromkeys(("albert", "sentence-order", "sentence-order-prediction"), "sop"),
    **dict.fromkeys(("next-sentence", "next-sentence-prediction"), "nsp"),
}


def class_of(kind: str) -> type[Any]:
    """Return the class of a kind; `path.py:Class` or `module:Class` is one of a person's own.

    Raises UserError for one that does not exist, with its name here or the nearest, and for a class that is no
    objective, with what it lacks.
    """
    if ":" in kind:
        return _own(kind)
    module, _, name = _entry(kind).place.partition(":")
    found: type[Any] = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    return found


def _entry(kind: str) -> Entry:
    if kind in CATALOGUE:
        return CATALOGUE[kind]
    usual = kind.lower().replace("_", "-").replace(" ", "-")
    if (here := ALIASES.get(usual, usual)) in CATALOGUE:
        raise UserError(f"There is no objective '{kind}'; it is called '{here}' here.")
    raise UserError(f"There is no objective '{kind}'.{nearest(usual, CATALOGUE)}")


def _own(kind: str) -> type[Any]:
    """Return the class of a person's own that a kind names, with the hash of the source that was read."""
    from hornbook.objectives.base import Objective

    cls, digest = own_class(kind)
    items = fields(cls) if is_dataclass(cls) else ()
    known = {*dir(cls)} - {"vocab"} | {item.name for item in items}
    wanted = [name for name in vars(Objective) if name == "__call__" or not name.startswith("_")]
    lacks = [] if is_dataclass(cls) else ["@dataclass(frozen=True)"]
    lacks += [name for name in wanted if name not in known]
    lacks += [f"a default of {item.name}" for item in items if item.default is item.default_factory is MISSING]
    if lacks:
        raise UserError(f"{kind} is no objective: it lacks {', '.join(lacks)}.")
    for taken in {_SOURCE, "kind"} & {item.name for item in items}:
        raise UserError(f"{kind} has a setting '{taken}', which is a word of recipes: give it another name.")
    try:
        leaves(cls)
    except NameError as error:
        raise UserError(f"The types of the settings of {kind} cannot be read: {error}.") from error
    if _MARK not in vars(cls):
        setattr(cls, _MARK, f"sha256:{digest}")
    return cls


def kind_of(objective: Objective) -> str:
    """Return the catalogue's name of an objective, or that of its class; UserError where the class is in no file."""
    cls = type(objective)
    room, _, module = cls.__module__.rpartition(".")
    for kind, entry in CATALOGUE.items() if room == __package__ else ():
        settled = all(getattr(objective, name, None) == value for name, value in entry.settled.items())
        if entry.place == f"{module}:{cls.__qualname__}" and settled:
            return kind
    return own_name(cls)


def settings_of(kind: str) -> list[tuple[Field[Any], Any]]:
    """Return the settings of a kind: fields with their types, in order."""
    return _leaves(class_of(kind), kind)


def _settled(kind: str) -> Mapping[str, Any]:
    return {} if ":" in kind else CATALOGUE[kind].settled


def _leaves(cls: type[Any], kind: str) -> list[tuple[Field[Any], Any]]:
    return [(item, hint) for item, hint in leaves(cls) if item.name not in _settled(kind)]


def build(kind: str, settings: Mapping[str, object], vocab: Vocab, name: str = "objective") -> Objective:
    """Return the objective named `kind` with these settings; those that are absent have their defaults.

    Text is read as the setting's type, so values from a command line serve as they are: lists are separated by commas,
    and an objective inside another is its kind, or a mapping of its kind and settings. Raises UserError for a kind or
    setting that does not exist, naming the nearest, and for a value of the wrong type or out of range. `name` is what a
    recipe calls the objective. Where a class of one's own has changed since it was saved, a Notice says so.
    """
    hints = {item.name: hint for item, hint in settings_of(kind)}
    cls = class_of(kind)
    values = {}
    for item, value in settings.items():
        if item == _SOURCE and ":" in kind:
            if value != getattr(cls, _MARK):
                warnings.warn(f"The source of {kind} has changed since it was saved.", Notice, stacklevel=2)
            continue
        if item not in hints:
            advice = nearest(item, hints) or " It has none."
            raise UserError(f"The objective '{kind}' has no setting '{item}'.{advice}")
        values[item] = _read(value, hints[item], f"{name}.{item}")
    if ":" not in kind:
        return cast("Objective", cls(**_settled(kind), **values, vocab=vocab))
    return _made(kind, cls, values, vocab)


def _made(kind: str, cls: type[Any], values: Mapping[str, Any], vocab: Vocab) -> Objective:
    """Return an objective of a person's own, held to the contract."""
    from hornbook.objectives.contract import require_contract

    try:
        made = cast("Objective", cls(**values, vocab=vocab))
    except UserError:
        raise
    except Exception as error:  # whatever a person's code raises
        raise UserError(f"{kind} cannot be made: {account_of(error)}") from error
    require_contract(made)
    return made


def settings(objective: Objective) -> dict[str, Any]:
    """Return an objective's hyper-parameters by name, as plain values and without its vocabulary; see `build`.

    One of a person's own has the hash of its source beside them, as it was when the class was read.
    """
    kind, cls = kind_of(objective), type(objective)
    values = {item.name: plain(getattr(objective, item.name)) for item, _ in _leaves(cls, kind)}
    if ":" not in kind:
        return values
    return {_SOURCE: getattr(cls if _MARK in vars(cls) else _own(kind), _MARK), **values}


def plain(value: Any) -> Any:
    """Return a setting's value as text, numbers, lists and mappings."""
    from hornbook.objectives.base import Objective

    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return {"kind": kind_of(value), **settings(value)} if isinstance(value, Objective) else value


def _nested(value: object, name: str) -> Objective:
    """Return the objective that a setting describes."""
    from hornbook.vocab import EMPTY

    table = {"kind": value} if isinstance(value, str) else value
    if isinstance(table, Mapping) and isinstance(table.get("kind"), str):
        return build(table["kind"], {item: inner for item, inner in table.items() if item != "kind"}, EMPTY, name)
    raise UserError(f"{name} must be an objective: its kind, or a table with its kind and settings, not {value!r}.")


def _read(value: object, hint: Any, name: str) -> object:
    """Return `value` as the type of a setting, or refuse in words."""
    from hornbook.objectives.base import Objective

    if hint is Objective:
        return _nested(value, name)
    read = leaf(hint, value, name)
    return tuple(_nested(item, name) for item in read) if typing.get_args(hint)[:1] == (Objective,) else read
