"""Datasets of the Hub; those that run need the library, none needs the network."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hornbook.corpus.read import read
from hornbook.errors import UserError


def test_without_the_library_the_pip_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"pip install 'hornbook\[hub\]'"):
        read(["hf://wikitext"])


def test_an_address_without_a_name_is_refused() -> None:
    with pytest.raises(UserError, match="names no dataset"):
        read(["hf://:train"])


def test_rows_become_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "train.jsonl").write_text('{"text": "one", "n": 1}\n{"text": " ", "n": 2}\n{"text": "three", "n": 3}\n')
    (tmp_path / "test.jsonl").write_text('{"text": "held", "n": 4}\n')
    address = f"hf://{tmp_path}"
    documents = list(read([address]))
    assert [(document.text, document.id, dict(document.meta)) for document in documents] == [
        ("one", f"{address}#1", {"n": 1}),
        ("three", f"{address}#3", {"n": 3}),
    ]
    assert [document.text for document in read([f"{address}:test"])] == ["held"]
    with pytest.raises(UserError, match="cannot be read"):
        list(read([f"{address}:nowhere"]))


def test_a_missing_dataset_or_field_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    with pytest.raises(UserError, match="cannot be read"):
        list(read([f"hf://{tmp_path}/missing"]))
    (tmp_path / "train.jsonl").write_text('{"content": "one"}\n')
    with pytest.raises(UserError, match=r'row 1, has no field "text" \(its fields: content\)'):
        list(read([f"hf://{tmp_path}"]))
