"""Every step and survey that a recipe can name: its kind, its class, and the settings that the class has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from hornbook.corpus.dedup.exact import ExactDuplicates, RepeatedText
from hornbook.corpus.dedup.fuzzy import NearDuplicates
from hornbook.corpus.dedup.overlap import Benchmarks, Elsewhere
from hornbook.corpus.readers.crawl.pages import MainText
from hornbook.corpus.step import Step, Survey
from hornbook.corpus.steps.boilerplate import Boilerplate
from hornbook.corpus.steps.c4 import C4
from hornbook.corpus.steps.classifier import Scored
from hornbook.corpus.steps.clean import Normalise, Repair
from hornbook.corpus.steps.fineweb import FineWeb
from hornbook.corpus.steps.gopher import Gopher
from hornbook.corpus.steps.language import Language
from hornbook.corpus.steps.pii import PersonalData
from hornbook.corpus.steps.toxicity import BadWords
from hornbook.errors import UserError, account_of, nearest
from hornbook.schema import help_of, leaf, leaves, own_class, plain, type_name, wanted

CATALOGUE: Mapping[str, type[Any]] = MappingProxyType(
    {
        "repair": Repair,
        "normalise": Normalise,
        "main-text": MainText,
        "language": Language,
        "boilerplate": Boilerplate,
        "gopher": Gopher,
        "c4": C4,
        "fineweb": FineWeb,
        "bad-words": BadWords,
        "score": Scored,
        "pii": PersonalData,
        "exact-duplicates": ExactDuplicates,
        "near-duplicates": NearDuplicates,
        "repeated-text": RepeatedText,
        "elsewhere": Elsewhere,
        "benchmarks": Benchmarks,
    }
)
# Steps that stand on rooms above this one: each is imported where a recipe names it.
ABOVE: Mapping[str, str] = MappingProxyType({"reference-loss": "hornbook.run.reference_loss:ReferenceLoss"})


def kind_of(step: Step | Survey) -> str:
    """Return the kind of a step: `path.py:Class` or `module:Class` for one that is not in the catalogue."""
    cls = type(step)
    own = f"{cls.__module__}:{cls.__qualname__}"
    known = next((kind for kind, known in CATALOGUE.items() if known is cls), own)
    return next((kind for kind, place in ABOVE.items() if place == own), known)


def class_of(kind: str) -> type[Any]:
    """Return the class of a kind; `path.py:Class` or `module:Class` is yours. Raises UserError where there is none."""
    if kind in CATALOGUE:
        return CATALOGUE[kind]
    place = ABOVE.get(kind, kind)
    if ":" not in place:
        raise UserError(f"There is no step '{kind}'.{nearest(kind, [*CATALOGUE, *ABOVE])}")
    cls, _ = own_class(place)
    if not is_dataclass(cls):
        raise UserError(f"The step '{kind}' is no dataclass.")
    return cls


def settings_of(cls: type[Any]) -> list[tuple[Field[Any], Any]]:
    """Return the settings of a step's class, each with its type."""
    return [(item, hint) for item, hint in leaves(cls) if item.init]


class Line(NamedTuple):
    """One setting of a step, or the step itself."""

    name: str
    type: str
    default: str
    help: str


def describe() -> list[Line]:
    """Return every step of the catalogue, each followed by its settings."""
    classes = [(kind, class_of(kind)) for kind in (*CATALOGUE, *ABOVE)]
    return [
        line for kind, cls in classes for line in described(kind, cls, "survey" if hasattr(cls, "survey") else "step")
    ]


def described(kind: str, cls: type[Any], what: str, more: str = "") -> list[Line]:
    """Return the line of a class, `more` behind its meaning, and those of its settings."""
    words, meaning = help_of(cls), (cls.__doc__ or "").strip().partition("\n")[0]
    lines = [Line(kind, what, "", f"{meaning} {more}".strip())]
    for item, hint in settings_of(cls):
        default = item.default_factory() if item.default_factory is not MISSING else item.default
        text = "" if default is MISSING else _text(plain(default))
        lines.append(Line(f"{kind}.{item.name}", type_name(hint), text, words.get(item.name, "")))
    return lines


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value).replace("\n", "\\n")


def to_table(step: Step | Survey) -> dict[str, Any]:
    """Return a step as a table of plain values: its kind and every setting."""
    cls: Any = type(step)
    return {"kind": kind_of(step)} | {item.name: plain(getattr(step, item.name)) for item in fields(cls) if item.init}


def from_table(table: Mapping[str, Any], where: str) -> Step | Survey:
    """Return the step that a table describes. Raises UserError that names the table as `where`, and the wrong key."""
    return made(table, where, class_of, [*CATALOGUE, *ABOVE])  # type: ignore[no-any-return]


def made(table: Mapping[str, Any], where: str, class_of_kind: Callable[[str], type[Any]], kinds: Sequence[str]) -> Any:
    """Return what a table with a kind and settings describes; `kinds` are suggested where there is none.

    Raises UserError that names the table as `where`, and the wrong key.
    """
    if not isinstance(table, Mapping):
        raise UserError(f"{where} must be a table ([[{where.partition('[')[0]}]] in a file), not {table!r}.")
    if not isinstance(table.get("kind"), str):
        raise UserError(f'{where} has no kind: write kind = "...".{nearest("", kinds)}')
    cls = class_of_kind(table["kind"])
    hints = {item.name: hint for item, hint in settings_of(cls)}
    for name in table:
        if name not in hints and name != "kind":
            raise UserError(f"{where} ({table['kind']}) has no setting '{name}'.{nearest(name, hints)}")
    values = {name: leaf(hints[name], value, f"{where}.{name}") for name, value in table.items() if name != "kind"}
    for item, hint in settings_of(cls):
        if item.default is MISSING and item.default_factory is MISSING and item.name not in values:
            meaning = help_of(cls).get(item.name, "")
            told = f": {meaning}" if meaning else ""
            raise UserError(f"{where} ({table['kind']}) lacks the setting '{item.name}', {wanted(hint)}{told}.")
    try:
        return cls(**values)
    except UserError as error:
        raise UserError(f"{where} ({table['kind']}): {error}") from error
    except Exception as error:  # whatever the code of a step of one's own does
        raise UserError(f"{where} ({table['kind']}): {account_of(error)}") from error
