"""Fields of a dataclass as settings: their types in words, their help, plain values read and written; classes by name.

A section of settings is a frozen dataclass. Names, types and defaults come from its fields, help from the `name   help`
lines of its docstring.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import re
import sys
import tomllib
import traceback
import typing
from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from pathlib import Path
from types import ModuleType, NoneType
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from hornbook.errors import UserError, nearest

T = TypeVar("T")

NONE = "none"  # how None is written, since TOML has no such value


def type_name(hint: Any) -> str:
    """Return a type in words: what a person may write there.

    >>> type_name(float), type_name(Literal["muon", "adamw"]), type_name(tuple[str, ...])
    ('number', 'muon | adamw', 'list of text')
    """
    words: dict[Any, str] = {int: "whole number", float: "number", bool: "true | false", str: "text", NoneType: NONE}
    if hint in words:
        return words[hint]
    inner = typing.get_args(hint)
    if not inner:
        return str(hint.__name__).lower()
    if typing.get_origin(hint) is Literal:
        return " | ".join(map(str, inner))
    if typing.get_origin(hint) is tuple:
        return f"list of {type_name(inner[0])}"
    return " or ".join(type_name(item) for item in inner)


def leaves(cls: type[Any]) -> list[tuple[Field[Any], Any]]:
    """Return the fields of a section, each with its type; an objective's vocabulary is not a setting."""
    hints = typing.get_type_hints(cls)
    return [(item, hints[item.name]) for item in fields(cls) if item.name != "vocab"]


def leaf(hint: Any, value: Any, name: str) -> Any:
    """Return a value as the type its setting has; raises UserError that names the setting.

    Text is read as what the setting is (the command line knows only text, and YAML-like files write 3e-4 as text); any
    other value must already have the type, except that whole numbers are numbers.
    """
    if value == NONE and NoneType in typing.get_args(hint):
        return None
    if isinstance(value, list):
        value = tuple(value)
    text = all(isinstance(item, str) for item in (value if isinstance(value, tuple) else (value,)))
    try:
        return _adapter(hint).validate_python(value, strict=not text)
    except ValidationError as error:
        shown = list(value) if isinstance(value, tuple) else value
        choices = typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
        advice = nearest(value, choices) if choices and isinstance(value, str) else ""
        raise UserError(f"{name} must be {article(hint)}{type_name(hint)}, not {shown!r}.{advice}") from error


def article(hint: Any) -> str:
    """Return the article, and the blank after it, that a type in words needs."""
    return "a " if type_name(hint).startswith(("whole", "number", "list")) else ""


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


@functools.cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint, config=ConfigDict(allow_inf_nan=False))


def read_recipe(path: Path, build: Callable[[Mapping[str, Any]], T]) -> T:
    """Return what `build` makes of a TOML file. Raises UserError that names the file, and the line or the key."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"There is no recipe at {path}.") from error
    except OSError as error:
        raise UserError(f"The recipe {path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise UserError(f"The recipe {path} is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The recipe {path} is not valid TOML: {error}.") from error
    try:
        return build(data)
    except UserError as error:
        raise UserError(f"In the recipe {path}: {error}") from error


def own_class(name: str) -> tuple[type[Any], str]:
    """Return the class that `path.py:Class` or `module:Class` names, and the SHA-256 of its source ("" if it has none).

    A file's module is called by its path as it is written here, so `cls.__module__:cls.__qualname__` is the name again.
    A file is run once, and anew when it has changed. Raises UserError where there is no such file, module or class, and
    where importing fails, with the line.
    """
    place, colon, attribute = name.rpartition(":")
    if not (colon and place and attribute):
        raise UserError(f"'{name}' names no class: write path.py:Class or module:Class.")
    path = Path(place).expanduser()
    try:
        source = path.read_bytes() if path.suffix == ".py" else None
    except OSError as error:
        raise UserError(f"{place}, which '{name}' names, cannot be read ({error.strerror}).") from error
    try:
        module = importlib.import_module(place) if source is None else _run_file(place, path, source)
    except Exception as error:  # whatever a person's code raises
        raise UserError(f"{place} cannot be imported: {_place_of(error)}{type(error).__name__}: {error}") from error
    found = getattr(module, attribute, None)
    if not isinstance(found, type):
        classes = [key for key, value in vars(module).items() if isinstance(value, type)]
        raise UserError(f"There is no class '{attribute}' in {place}.{nearest(attribute, classes)}")
    if source is None and (origin := getattr(module, "__file__", None)):
        source = Path(origin).read_bytes()
    return found, hashlib.sha256(source).hexdigest() if source is not None else ""


@functools.cache
def _run_file(name: str, path: Path, source: bytes) -> ModuleType:
    """Run a file's source as the module `name`."""
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # where dataclasses and typing look up the names in annotations
    try:
        exec(compile(source, str(path), "exec"), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _place_of(error: Exception) -> str:
    """Return "line N of FILE: " for where importing failed; empty where that was in no file of the person's."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"line {error.lineno} of {error.filename}: "
    files = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    files = [frame for frame in files if "importlib" not in frame.filename]
    return f"line {files[-1].lineno} of {files[-1].filename}: " if files else ""
