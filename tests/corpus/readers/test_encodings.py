"""Which encoding bytes have, where they do not mark it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from corpus_reading import read_all

from hornbook.corpus.readers.encodings import marked

UNMARKED = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


@pytest.mark.parametrize("codec", UNMARKED)
@pytest.mark.parametrize("text", ["Plain words, and some more of them.\r\n" * 9, "Wörter für alle, Größen: 😀 " * 200])
def test_wide_encodings_are_known_without_a_mark(tmp_path: Path, codec: str, text: str) -> None:
    (tmp_path / "a.txt").write_bytes(text.encode(codec))
    items, bad = read_all(tmp_path / "a.txt")
    assert "".join(item.text for item in items) == text and not bad


@pytest.mark.parametrize("kind", ["<i2", ">i2", "<i4", ">i4", "<i8", "<f8"])
def test_numbers_in_binary_are_no_text(kind: str) -> None:
    assert marked(np.arange(1000, dtype=kind).tobytes()) is None
