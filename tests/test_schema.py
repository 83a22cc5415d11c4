"""Classes by name, of a file and of a module, and what is said where there is none; damaged records and recipes."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest
from annotated_types import Ge

from hornbook import schema
from hornbook.errors import UserError
from hornbook.recipes.settings import load_recipe
from hornbook.schema import own_class

SOURCE = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass(frozen=True)
class Mine:
    number: int = {number}
"""


def write(path: Path, source: str) -> str:
    path.write_text(source)
    return f"{path}:Mine"


def test_a_class_of_a_file_comes_with_the_hash_of_its_source_and_its_name_can_be_told(tmp_path: Path) -> None:
    name = write(tmp_path / "my.py", SOURCE.format(number=3))
    cls, digest = own_class(name)
    assert dataclasses.asdict(cls()) == {"number": 3}
    assert typing.get_type_hints(cls) == {"number": int}
    assert digest == hashlib.sha256((tmp_path / "my.py").read_bytes()).hexdigest()
    assert f"{cls.__module__}:{cls.__qualname__}" == name
    assert own_class(name)[0] is cls


def test_a_file_that_has_changed_is_read_anew(tmp_path: Path) -> None:
    name = write(tmp_path / "my.py", SOURCE.format(number=3))
    before = own_class(name)
    write(tmp_path / "my.py", SOURCE.format(number=4))
    after = own_class(name)
    assert after[0]().number == 4 and after[1] != before[1]


def test_a_path_may_be_relative_and_a_module_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "relative.py", SOURCE.format(number=5))
    assert own_class("relative.py:Mine")[0]().number == 5
    cls, digest = own_class("hornbook.errors:UserError")
    assert cls is UserError and len(digest) == 64
    assert own_class("builtins:int") == (int, "")


@pytest.mark.parametrize(
    ("source", "name", "says"),
    [
        ("x = 1", "my.py", "names no class: write path.py:Class or module:Class"),
        ("x = 1", "other.py:Mine", "other.py, which 'other.py:Mine' names, cannot be read"),
        ("class Mile: ...", "my.py:Mine", "There is no class 'Mine' in my.py. Did you mean 'Mile'"),
        ("Mine = 3", "my.py:Mine", "There is no class 'Mine' in my.py"),
        ("x = 1\nclass Mine\n", "my.py:Mine", "my.py cannot be imported: line 2 of my.py: SyntaxError"),
        ("\n\nimport nothing_such", "my.py:Mine", "line 3 of my.py: ModuleNotFoundError: No module named"),
        ("open('nowhere')", "my.py:Mine", "line 1 of my.py: FileNotFoundError"),
        ("x = 1", "nowhere.at_all:Mine", "nowhere.at_all cannot be imported: ModuleNotFoundError"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, name: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.py").write_text(source)
    with pytest.raises(UserError) as caught:
        own_class(name)
    assert says in str(caught.value)


@dataclass(frozen=True)
class Counted:
    """What a file may hold."""

    number: Annotated[int, Ge(1)]
    share: float = 0.5
    hashes: dict[str, str] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "it is no table"),
        ({}, "it lacks the entry 'number'"),
        ({"number": 0}, "number must be a whole number of at least 1, not 0"),
        ({"number": True}, "number must be a whole number"),
        ({"number": 1, "share": "x"}, "share must be a number, not 'x'"),
        ({"number": 1, "share": float("nan")}, "share must be a number, not nan"),
        ({"number": 1, "hashes": {"a": 1}}, "hashes must be"),
    ],
)
def test_a_record_that_does_not_fit_is_one_sentence(value: object, says: str) -> None:
    with pytest.raises(UserError, match=f"The file x is damaged: {re.escape(says)}"):
        schema.record(Counted, value, "The file x")


def test_a_record_is_read_and_what_another_version_wrote_beside_it_is_left_aside() -> None:
    value = {"number": 3, "hashes": {"a": "b"}, "later": [1]}
    assert schema.record(Counted, value, "The file x") == Counted(3, 0.5, {"a": "b"})


@pytest.mark.parametrize("content", ["seed = " + "[" * 100_000, "a." * 50_000 + "b = 1", "seed = " + "9" * 5000])
def test_a_recipe_that_is_nested_too_deep_or_too_long_is_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "recipe.toml").write_text(content)
    with pytest.raises(UserError, match=r"recipe\.toml"):
        load_recipe(tmp_path / "recipe.toml")
