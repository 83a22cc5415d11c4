"""Documents that were trained on are known, however their text was cut or joined; new text is not taken for them."""

import random

import numpy as np
import pytest

from hornbook.corpus.document import Document, document_hash
from hornbook.evaluate import contamination
from hornbook.evaluate.contamination import WINDOW, trained_on
from hornbook.tokens.shards import TokenStore, write_store
from hornbook.vocab import Vocab

SIZE = 40_000


class Numbers:
    """A tokenizer of texts of numbers: each is its own id."""

    vocab = Vocab(size=SIZE, pad=0, special=np.arange(SIZE) < 5, fingerprint="numbers")

    def encode(self, texts):
        return [np.array([int(word) for word in text.split()], np.int32) for text in texts]


def text(tokens: int, seed: object, last: int = 3000) -> str:
    draw = random.Random(str(seed))
    return " ".join(str(draw.randrange(5, last)) for _ in range(tokens))


def store(texts, folder, part_bytes=64 << 20) -> TokenStore:
    write_store((Document(one, "", "") for one in texts), Numbers(), folder, part_bytes=part_bytes)
    return TokenStore.open(folder, Numbers.vocab)


def found(texts, trained, tmp_path, threshold=0, **more) -> list[bool]:
    return trained_on(store(texts, tmp_path / "new"), store(trained, tmp_path / "old", **more), threshold).tolist()


@pytest.mark.parametrize("block", [20, 1 << 20])
@pytest.mark.parametrize("part_bytes", [2000, 64 << 20])
def test_cut_and_joined_documents_are_known_and_new_ones_are_not(tmp_path, monkeypatch, block, part_bytes):
    monkeypatch.setattr(contamination, "_BLOCK", block)
    old = [text(200, number) for number in range(30)]
    mostly = " ".join([*old[4].split()[:120], *text(60, "x").split()])
    rarely = " ".join([*old[4].split()[:60], *text(200, "y").split()])
    new = [
        " ".join(old[3].split()[20:90]), f"{old[7]} {old[9]}", mostly, rarely, text(200, "z"), old[11],
        " ".join(old[2].split()[:WINDOW - 1]), " ".join(old[2].split()[:WINDOW]),
    ]  # fmt: skip
    expected = [True, True, True, False, False, True, False, True]
    assert found(new, old, tmp_path, part_bytes=part_bytes) == expected


def test_no_window_reaches_over_the_end_of_a_document(tmp_path):
    halves = [text(10, "a"), text(10, "b")]
    assert found([" ".join(halves)], halves, tmp_path) == [False]


def test_a_short_document_counts_when_it_is_equal(tmp_path):
    assert found(["7 8 9", "7 8 10"], ["7 8 9", text(50, 1)], tmp_path) == [True, False]


def test_what_was_held_out_was_not_trained_on(tmp_path):
    old = [text(100, number) for number in range(20)]
    hashes = [int(document_hash(Document(one, "", ""))) for one in old]
    threshold = sorted(hashes)[6]
    assert found(old, old, tmp_path, threshold) == [number > threshold for number in hashes]


def test_text_of_few_words_is_not_taken_for_what_was_trained_on(tmp_path):
    old, new = [text(20_000, number, 15) for number in range(3)], [text(2000, ("n", number), 15) for number in range(5)]
    assert found(new, old, tmp_path) == [False] * 5


def test_hashes_are_of_the_window_alone():
    tokens = np.array([5, 6, 7] * 20 + [9] * 20)
    hashes = contamination._hashed(tokens)
    assert len(hashes) == len(tokens) - WINDOW + 1
    same = {}
    for start, value in enumerate(hashes.tolist()):
        same.setdefault(tuple(tokens[start : start + WINDOW].tolist()), set()).add(value)
    assert all(len(values) == 1 for values in same.values())
    assert len(set(hashes.tolist())) == len(same)
