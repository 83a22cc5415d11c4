"""Classes by name: of a file, of a module, and what is said where there is none."""

from __future__ import annotations

import dataclasses
import hashlib
import typing
from pathlib import Path

import pytest

from hornbook.errors import UserError
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
