"""Fields of a dataclass as settings: types and bounds in words, help, values read and checked; classes by name.

A section of settings is a frozen dataclass. Names, types, bounds and defaults come from its fields, help from the
`name   help` lines of its docstring:

    rate: Annotated[float, Gt(0), Le(1)] = 0.15        number above 0 and at most 1

`leaf` reads a value that a person wrote, `check` refuses a dataclass that was built with others, and `record` reads one
from a JSON file. Every setting that is a number has bounds: absurd ones are refused before any work.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import hashlib
import importlib
import inspect
import math
import operator
import re
import stat
import sys
import tomllib
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from numbers import Integral, Real
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Ge, Gt, Le, Lt, MaxLen

from hornbook.errors import UserError, account_of, nearest, reason_of

T = TypeVar("T")


@dataclass(frozen=True)
class Cap:
    """A bound that no machine reaches, so that it is told only to who exceeds it: the value is at most `le`."""

    le: float


Share = Annotated[float, Ge(0), Le(1)]
PositiveShare = Annotated[float, Gt(0), Le(1)]
ProperShare = Annotated[float, Gt(0), Lt(1)]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
AtLeastOne = Annotated[float, Ge(1)]
# What no machine reaches, and what arithmetic in 64 bits still holds: so many steps, of so many rows.
MOST, MOST_ROWS, MOST_TOKENS = 10**9, 10**6, 10**15
Count = Annotated[int, Ge(0), Cap(MOST)]
PositiveCount = Annotated[int, Ge(1), Cap(MOST)]
Seed = Annotated[int, Ge(0), Cap(2**63 - 1)]
Weights = Literal["fp32", "bf16", "int8"]
"""In what a model that writes has its weights; see `hornbook.model.products`."""

_SHOWN = 80  # characters of a value that a message quotes
NONE = "none"  # how None is written, since TOML has no such value
_DEEP = re.compile(r"^[\s\[]*(?:[\w\"'-]+[ \t]*\.[ \t]*){50}", re.M)  # a key of more parts than any recipe has
_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
# Of each kind of bound: where its limit stands, its words, and whether a value keeps it.
_BOUNDS: Mapping[type, tuple[str, str, Callable[[Any, Any], bool]]] = {
    Gt: ("gt", "above", operator.gt),
    Ge: ("ge", "of at least", operator.ge),
    Lt: ("lt", "below", operator.lt),
    Le: ("le", "at most", operator.le),
    Cap: ("le", "at most", operator.le),
    MaxLen: ("max_length", "no longer than", lambda value, most: len(value) <= most),
}


def type_name(hint: Any) -> str:
    """Return a type in words: what a person may write there.

    >>> type_name(float), type_name(Literal["muon", "adamw"]), type_name(tuple[str, ...])
    ('number', 'muon | adamw', 'list of text')
    >>> type_name(Share), type_name(Annotated[int, Ge(2)]), type_name(ProperShare)
    ('number from 0 to 1', 'whole number of at least 2', 'number above 0 and below 1')
    """
    words: dict[Any, str] = {int: "whole number", float: "number", bool: "true | false", str: "text", NoneType: NONE}
    if hint in words:
        return words[hint]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        bounds = [mark for mark in inner[1:] if not isinstance(mark, Cap)]
        told = " and ".join(f"{words} {limit:g}" for words, limit, _ in map(_bound, bounds))
        told = re.sub(r"of at least (.+) and at most (.+)", r"from \1 to \2", told)
        return f"{type_name(inner[0])} {told}".rstrip()
    if not inner:
        return str(hint.__name__).lower()
    if origin is Literal:
        return " | ".join(map(str, inner))
    if origin is tuple:
        return f"list of {type_name(inner[0]).replace('number', 'numbers', 1)}"
    return " or ".join(type_name(item) for item in inner)


def leaves(cls: Any) -> list[tuple[Field[Any], Any]]:
    """Return the fields of a section, each with its type; an objective's vocabulary is not a setting."""
    hints = _hints(cls)
    return [(item, hints[item.name]) for item in fields(cls) if item.name != "vocab"]


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls, include_extras=True)


def leaf(hint: Any, value: Any, name: str) -> Any:
    """Return a value as the type its setting has; raises UserError that names the setting.

    Text is read as what the setting is, a list's items separated by commas (the command line knows only text, and
    YAML-like files write 3e-4 as text); any other value must already have the type, but whole numbers are numbers.
    """
    try:
        read = _read(hint, value)
    except (ValueError, KeyError, OverflowError):
        raise _refused(hint, value, name) from None
    if not fits(hint, read):
        raise _refused(hint, value, name)
    return read


def check(section: Any, name: str) -> None:
    """Refuse a section one of whose values has not its type or is out of bounds, in a sentence about `name` + field."""
    for item, hint in leaves(type(section)):
        value = getattr(section, item.name)
        if not fits(hint, value):
            raise _refused(hint, value, f"{name}{item.name}")


def fits(hint: Any, value: Any) -> bool:
    """Say whether a value has a type and keeps its bounds; numbers are finite, and whole numbers are numbers.

    What a protocol or Any stands for is left to whoever uses it.
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return fits(inner[0], value) and all(holds(value, limit) for _, limit, holds in map(_bound, inner[1:]))
    if origin is Literal:
        return value in inner
    if origin is tuple:
        return isinstance(value, list | tuple) and all(fits(inner[0], item) for item in value)
    if origin in (dict, list):
        items = [value] if origin is list else [value.keys(), value.values()] if isinstance(value, dict) else [None]
        return isinstance(value, origin) and all(
            fits(kind, item) for kind, part in zip(inner, items, strict=True) for item in part
        )
    if origin in (typing.Union, UnionType):
        return any(fits(item, value) for item in inner)
    if hint in (int, float):
        number = isinstance(value, Integral if hint is int else Real) and not isinstance(value, bool)
        return number and (hint is int or _is_finite(value))
    known = origin or hint
    return known is Any or getattr(known, "_is_protocol", False) or isinstance(value, known)


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _bound(mark: Any) -> tuple[str, Any, Callable[[Any, Any], bool]]:
    """Return a bound's words, its limit, and what compares a value with it."""
    name, words, holds = _BOUNDS[type(mark)]
    return words, getattr(mark, name), holds


def _read(hint: Any, value: Any) -> Any:
    """Return text as the type of a setting, lists as tuples, and whole numbers as numbers; ValueError, KeyError."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _read(inner[0], value)
    if origin in (typing.Union, UnionType):
        return None if value == NONE else _read(inner[0], value)
    if origin is tuple:
        items = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        return tuple(_read(inner[0], item) for item in items) if isinstance(items, list | tuple) else value
    if hint is bool and isinstance(value, str):
        return _TRUTH[value.strip().lower()]
    if hint is float and isinstance(value, int | str) and not isinstance(value, bool):
        return float(value)
    return hint(value) if hint in (int, Path) and isinstance(value, str) else value


def _refused(hint: Any, value: Any, name: str) -> UserError:
    """Return the error for a value that does not fit."""
    shown = _short(list(value) if isinstance(value, tuple) else value)
    cap = next((mark.le for mark in typing.get_args(hint)[1:] if isinstance(mark, Cap)), math.inf)
    with contextlib.suppress(ValueError, TypeError, KeyError, OverflowError):
        if cap < _read(hint, value) < math.inf:
            return UserError(f"{name} must be at most {cap:,}, not {shown}.")
    choices = type_name(hint).split(" | ")
    close = difflib.get_close_matches(value, choices, 1) if choices[1:] and isinstance(value, str) else ()
    advice = f" Did you mean '{close[0]}'?" if close else ""
    return UserError(f"{name} must be {wanted(hint)}, not {shown}.{advice}")


def _short(value: object) -> str:
    """Return a value as Python writes it, cut to a length that fits into a sentence."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, or tables nested as deep
        return "that"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def wanted(hint: Any) -> str:
    """Return a type in words as a sentence has it, with its article and with "or" before the last choice."""
    *others, last = type_name(hint).split(" | ")
    words = f"{', '.join(others)} or {last}" if others else last
    return f"a {words}" if words.startswith(("whole", "number", "list")) else words


def plain(value: Any) -> Any:
    """Return a field's value as TOML has it."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return NONE if value is None else value


def help_of(cls: type[Any]) -> dict[str, str]:
    """Read the `name   help` lines of a class's docstring; deeper lines continue the one above."""
    found: dict[str, str] = {}
    current = ""
    for line in (inspect.getdoc(cls) or "").splitlines():
        match = re.match(r"(\w+) {2,}(\S.*)$", line)
        if match:
            current = match[1]
            found[current] = match[2]
        elif current and line.startswith("  "):
            found[current] += " " + line.strip()
        else:
            current = ""
    return found


def record(cls: type[T], value: object, where: str) -> T:
    """Return the dataclass that a value read from JSON describes, every field checked against its type.

    Entries that the class has no field for, such as those of other versions, are left aside.

    Raises UserError, which begins with `where`, for what is no such table, and names the first entry that is wrong.
    """
    advice = "Restore the file or make it again."
    if not isinstance(value, dict):
        raise UserError(f"{where} is damaged: it is no table. {advice}")
    for item, hint in leaves(cls):
        if item.name not in value:
            if item.default is MISSING and item.default_factory is MISSING:
                raise UserError(f"{where} is damaged: it lacks the entry {item.name!r}. {advice}")
        elif not fits(hint, value[item.name]):
            shown = _short(value[item.name])
            raise UserError(f"{where} is damaged: {item.name} must be {wanted(hint)}, not {shown}. {advice}")
    return cls(**{item.name: value[item.name] for item, _ in leaves(cls) if item.name in value})


def read_recipe(path: Path, build: Callable[[Mapping[str, Any]], T], what: str = "recipe") -> T:
    """Return what `build` makes of a TOML file, a recipe or `what` else it is.

    Raises UserError that names the file, and the line or the key.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would never end
            raise UserError(f"The {what} {path} is not a file.")
        text = path.read_text(encoding="utf-8")
        if _DEEP.search(text):  # the library would take minutes
            raise UserError(f"The {what} {path} is not a {what}: its keys are nested too deep.")
        data = tomllib.loads(text)
    except FileNotFoundError as error:
        raise UserError(f"There is no {what} at {path}.") from error
    except OSError as error:
        raise UserError(f"The {what} {path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise UserError(f"The {what} {path} is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The {what} {path} is not valid TOML: {error}.") from error
    except RecursionError as error:
        raise UserError(f"The {what} {path} is not a {what}: its values are nested too deep.") from error
    except ValueError as error:  # a number too long
        raise UserError(f"The {what} {path} is not a {what}: {reason_of(error)}.") from error
    try:
        return build(data)
    except UserError as error:
        raise UserError(f"In the {what} {path}: {error}") from error
    except RecursionError as error:
        raise UserError(f"In the {what} {path}: its tables are nested too deep.") from error


def own_class(name: str) -> tuple[type[Any], str]:
    """Return the class that `path.py:Class` or `module:Class` names, and the SHA-256 of its source ("" if it has none).

    Raises UserError where there is no such file, module or class, and where importing fails, with the line.
    """
    found, source = own_value(name, "class", type)
    return found, source


def own_value(name: str, what: str, kind: type[Any] | tuple[type[Any], ...]) -> tuple[Any, str]:
    """Return what `path.py:Name` or `module:Name` names, of a kind called `what`, and the SHA-256 of its source.

    Paths and modules are looked for from the current folder; a file may import those beside it. A file's module is
    called by its path as it is written here, so that `own_name` is the name again. A file is run once, and anew when it
    has changed, but never a script that is running. Raises UserError as `own_class` does.
    """
    place, colon, attribute = name.rpartition(":")
    if not (colon and place and attribute):
        raise UserError(f"'{name}' names no {what}: write path.py:{what.capitalize()} or module:{what.capitalize()}.")
    path = Path(place).expanduser()
    try:
        source = path.read_bytes() if path.suffix == ".py" else None
    except OSError as error:
        reason = f"{error.strerror}: {path.absolute()}"
        raise UserError(f"{place}, which '{name}' names, cannot be read ({reason}).") from error
    folder = str(path.absolute().parent if source is not None else Path.cwd())
    sys.path.insert(0, folder)
    try:
        module = importlib.import_module(place) if source is None else _run_file(place, path, source)
    except (Exception, SystemExit) as error:  # whatever a person's code raises
        raise UserError(f"{place} cannot be imported: {account_of(error)}") from error
    finally:
        sys.path.remove(folder)
    found = getattr(module, attribute, None)
    if not isinstance(found, kind):
        known = [key for key, value in vars(module).items() if isinstance(value, kind)]
        raise UserError(f"There is no {what} '{attribute}' in {place}.{nearest(attribute, known)}")
    if source is None and (origin := getattr(module, "__file__", None)):
        source = Path(origin).read_bytes()
    return found, hashlib.sha256(source).hexdigest() if source is not None else ""


def own_name(cls: type[Any]) -> str:
    """Return the name by which `own_class` finds a class again; raises UserError for one that no file has at its top.

    A class of the script that is running is named by the script's path.
    """
    place, name = cls.__module__, cls.__qualname__
    file = getattr(sys.modules.get(place), "__file__", None)
    if file is None or "." in name:
        name = name.rpartition(".")[2]
        raise UserError(
            f"The class {name} is not at the top of a file, so a run that uses it could not be opened again: put it "
            f"into a file such as my.py, and name it my.py:{name}."
        )
    if place == "__main__":
        path, here = Path(file).resolve(), Path.cwd().resolve()
        place = str(path.relative_to(here) if path.is_relative_to(here) else path)
    return f"{place}:{name}"


def _run_file(name: str, path: Path, source: bytes) -> ModuleType:
    """Return the module `name` of a file's source, run at most once; of the running script its own module."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is not None and Path(script).resolve() == path.resolve():
        return sys.modules["__main__"]
    sys.modules[name] = module = _run(name, path, source)  # where dataclasses and typing look up annotations
    return module


@functools.cache
def _run(name: str, path: Path, source: bytes) -> ModuleType:
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses look there while the file runs
    try:
        exec(compile(source, str(path), "exec"), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module
