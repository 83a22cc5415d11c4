"""The texts that every Python brings along."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from hornbook.corpus.document import Document
from hornbook.corpus.read import read
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
