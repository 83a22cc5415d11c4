"""How far a build is inside a big file: the bytes that its worker has taken are seen before it is whole."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import pytest

from hornbook.corpus.build import within
from hornbook.corpus.readers import packed
from hornbook.corpus.readers.packed import blocks, open_bytes


def test_bytes_are_counted_as_they_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"text\n" * 100_000, 0))
    before = packed.taken()
    pieces = blocks(path)
    next(pieces)
    assert packed.taken() == before + min(packed.BLOCK, path.stat().st_size)
    list(pieces)
    with open_bytes(path) as stream:
        assert stream.read() == path.read_bytes()
    assert packed.taken() == before + 2 * path.stat().st_size


def test_a_unit_in_work_is_seen_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(within, "_SECONDS", 0.01)
    (tmp_path / "000007.bytes").write_text("999")  # of a build that was killed
    (tmp_path / "a.txt").write_bytes(b"x" * 5_000)
    told: list[int] = []

    def items():
        yield from (1, 2)
        list(blocks(tmp_path / "a.txt"))
        for number in range(3, 1_000):
            yield number
            time.sleep(0.01)
            if told:
                break

    with within.looking(tmp_path, told.append):
        read = list(within.telling(items(), tmp_path / "000003.json", 4_000))
    assert read[:3] == [1, 2, 3]
    assert told and set(told) == {4_000}  # never more than the unit has
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
