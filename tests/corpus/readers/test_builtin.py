"""The texts that every Python brings along."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

import pytest

from hornbook.artifacts import cache_folder
from hornbook.corpus.document import Document
from hornbook.corpus.read import read
from hornbook.corpus.readers import builtin
from hornbook.errors import UserError

MODULE = '''"""Module."""
raise SystemExit
if 1:
    def f():
        r"""Function \\d.

        Text.
          Indented.
        """
        class G:
            "Class."
    "no docstring"
try:
    pass
except E:
    async def h(): "Last."
'''


@pytest.fixture(scope="module")
def docs() -> list[Document]:
    return list(read(["builtin:docs"]))


def test_docs_are_megabytes_of_topics_and_docstrings(docs: list[Document]) -> None:
    by_id = {document.id: document.text for document in docs}
    assert len(by_id) == len(docs) > 400
    assert 1.5e6 < sum(map(len, by_id.values())) < 4e6
    assert by_id["builtin:docs#topics/assert"].startswith('The "assert" statement')
    decoder = by_id["builtin:docs#json/decoder.py"]
    assert decoder.startswith("Implementation of JSONDecoder\n\nSubclass of ValueError with the following additional")
    assert {document.source for document in docs} == {"builtin:docs"}


def test_docs_are_in_order_and_without_tests_or_installed_packages(docs: list[Document]) -> None:
    names = [document.id.removeprefix("builtin:docs#") for document in docs]
    topics = [name for name in names if name.startswith("topics/")]
    assert names[: len(topics)] == sorted(topics)
    assert not [name for name in names if name.startswith(("test/", "site-packages/", "unittest/test/"))]
    assert all(document.text.strip() for document in docs)


def test_docstrings_are_parsed_in_the_order_of_the_file_and_nothing_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "module.py").write_text(MODULE)
    (tmp_path / "python2.py").write_text('"""Old."""\nprint "x"\n')
    (tmp_path / "latin.py").write_bytes(b'# coding: latin-1\n"""caf\xe9"""\n')
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "in_code_only.py").write_text('"""A test."""\n')
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "foreign.py").write_text('"""Foreign."""\n')
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    written = {document.id: document.text for document in read(["builtin:docs"]) if "topics" not in document.id}
    assert written == {
        "builtin:docs#module.py": "Module.\n\nFunction \\d.\n\nText.\n  Indented.\n\nClass.\n\nLast.",
    }
    names = [document.id for document in read(["builtin:code"])]
    assert names == [f"builtin:code#{name}" for name in ("module.py", "python2.py", "test/in_code_only.py")]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of one module, and a cache of its own."""
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / "library"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "module.py").write_text(MODULE)
    return tmp_path / "library"


def docstrings() -> list[Document]:
    return [document for document in read(["builtin:docs"]) if "#topics/" not in document.id]


def kept() -> Path:
    (found,) = cache_folder().iterdir()
    return found


def unparsed(path: Path) -> list[str]:
    raise AssertionError(f"{path} was parsed again")


def test_docstrings_are_parsed_once_and_come_back_the_same(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (library / "odd.py").write_text('"""\\N{SNOWMAN} \u2028 caf\xe9 \\r\\x00"""', encoding="utf-8")
    parsed = docstrings()
    written = kept().stat()
    monkeypatch.setattr(builtin, "_docstrings", unparsed)
    assert docstrings() == parsed and len(parsed) == 2
    assert (kept().stat().st_ino, kept().stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_a_file_that_changes_comes_or_goes_is_seen(library: Path) -> None:
    module = library / "module.py"
    docstrings()
    module.write_text('"""Other."""')
    assert [document.text for document in docstrings()] == ["Other."]
    time = module.stat().st_mtime_ns
    module.write_text('"""Equal."""')
    os.utime(module, ns=(time, time + 1))  # of the same size, a moment later
    assert [document.text for document in docstrings()] == ["Equal."]
    (library / "more.py").write_text('"""More."""')
    assert [document.text for document in docstrings()] == ["Equal.", "More."]
    module.unlink()
    assert [document.text for document in docstrings()] == ["More."]


def test_another_python_parses_for_itself(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docstrings()
    monkeypatch.setattr(sys, "version", "3.99 of tomorrow")
    monkeypatch.setattr(builtin, "_docstrings", unparsed)
    with pytest.raises(AssertionError, match="parsed again"):
        docstrings()


@pytest.mark.parametrize("damage", [lambda old: b"", lambda old: old[:-9], lambda old: old.replace(b"Text.", b"Test.")])
def test_a_damaged_cache_is_passed_over_and_made_anew(library: Path, damage) -> None:
    parsed, whole = docstrings(), kept().read_bytes()
    kept().write_bytes(damage(whole))
    assert kept().read_bytes() != whole
    assert docstrings() == parsed
    assert kept().read_bytes() == whole


@pytest.mark.parametrize("place", ["a file", "a folder of that name", "no home"])
def test_without_a_place_for_a_cache_the_text_is_read_all_the_same(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    parsed = docstrings()
    if place == "a file":
        (tmp_path / "blocked").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "blocked"))
    elif place == "a folder of that name":
        name = kept()
        name.unlink()
        (name / "inside").mkdir(parents=True)
    else:
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(Path, "home", homeless)
    assert docstrings() == docstrings() == parsed


def homeless() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_a_reader_that_stops_early_keeps_nothing(library: Path) -> None:
    (library / "more.py").write_text('"""More."""')
    assert next(document for document in read(["builtin:docs"]) if document.id == "builtin:docs#module.py")
    assert not cache_folder().exists()


def test_code_is_the_library_s_source() -> None:
    documents = {document.id: document.text for document in read(["builtin:code"])}
    source = Path(sysconfig.get_path("stdlib"), "json", "decoder.py").read_bytes().decode()
    assert documents["builtin:code#json/decoder.py"] == source
    assert sum(map(len, documents.values())) > 8e6


def test_a_python_without_sources_and_an_unknown_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="Did you mean 'builtin:docs'"):
        read(["builtin:doc"])
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    for name in ("builtin:docs", "builtin:code"):
        with pytest.raises(UserError, match="no source files"):
            list(read([name]))
