"""The held-out split."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.document import Document, document_hash
from hornbook.corpus.split import Split, make_split
from hornbook.errors import UserError

HASHES = st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=40)


@settings(deadline=None, max_examples=200)
@given(HASHES.filter(lambda hashes: len(set(hashes)) > 1), st.floats(0.0, 1.0))
def test_both_sides_have_a_document_and_the_threshold_is_the_rule_s(hashes: list[int], share: float) -> None:
    split = make_split(iter(hashes), share)
    held = {value for value in hashes if split.held_out(value)}
    assert held
    assert held != set(hashes)
    wanted = {value for value in hashes if value <= max(int(share * 2**64), min(hashes))}
    assert held == (wanted if wanted != set(hashes) else set(hashes) - {max(hashes)})


def test_share_of_many_documents_is_kept() -> None:
    hashes = [document_hash(Document(str(number), "", "")) for number in range(20_000)]
    held = sum(map(make_split(hashes, 0.05).held_out, hashes))
    assert 900 < held < 1100  # 1000 expected, standard deviation 31


def test_extreme_hashes_are_split() -> None:
    assert make_split([0, 2**64 - 1], 1.0) == Split(0)
    assert make_split([2**64 - 1, 2**64 - 2], 0.01) == Split(2**64 - 2)


def test_numpy_hashes_give_the_same_split() -> None:
    hashes = np.array([2**64 - 1, 2**63, 5], dtype=np.uint64)
    split = make_split(hashes, 0.5)
    assert split == make_split([int(value) for value in hashes], 0.5) == Split(2**63)
    assert [split.held_out(value) for value in hashes] == [False, True, True]


@pytest.mark.parametrize("hashes", [[], [7], [7, 7, 7]])
def test_fewer_than_two_different_documents_are_refused(hashes: list[int]) -> None:
    with pytest.raises(UserError, match="too short to measure on"):
        make_split(hashes, 0.05)


def test_document_hash_is_that_of_the_text_alone() -> None:
    first = Document("naïve", "a#1", "a", {"x": 1})
    assert document_hash(first) == document_hash(Document("naïve", "b#2", "b"))
    assert document_hash(first) != document_hash(Document("naive", "a#1", "a"))
    # blake2b of nothing with an 8-byte digest, as `printf '' | b2sum -l 64` prints it, little-endian.
    assert document_hash(Document("", "", "")) == int.from_bytes(bytes.fromhex("e4a6a0577479b2b4"), "little")
