from __future__ import annotations

import numpy as np
import pytest
from small_vocab import EOS, MASK, PAD, documents, vocabulary, words

from hornbook.objectives.causal import Causal
from hornbook.objectives.masked import Masked
from hornbook.objectives.show import show, text
from hornbook.objectives.span_corruption import SpanCorruption

VOCAB = vocabulary()
SPECIAL = {PAD: "<pad>", EOS: "</s>", MASK: "<m>"}


def names(ids):
    return [f"<X{VOCAB.sentinels.index(i)}>" if i in VOCAB.sentinels else SPECIAL.get(i, f"w{i}") for i in ids]


def row(length=12):
    return words(3, length, segments=documents([7, 5], [length - 2], [length]))


def test_a_causal_picture_says_the_next_token_and_sees_none_ahead():
    rows = row()
    picture = show(Causal(VOCAB), rows, 0, names)
    (side,) = picture.sides
    assert [cell.says for cell in side.cells] == names(rows.tokens[0, 1:].tolist())
    assert side.cells[6].weight == 0.0
    assert not np.triu(side.sees, 1).any()
    assert picture.counts["scored positions"] == 10
    assert picture.counts["documents"] == 2


def test_a_masked_picture_tells_masks_from_changed_words():
    rows = row(200)
    (side,) = show(Masked(rate=0.9, mask_share=0.5, random_share=0.5, vocab=VOCAB), rows, 1, names).sides
    kinds = {cell.kind for cell in side.cells if cell.weight}
    assert kinds == {"mask", "changed"}
    assert all((cell.kind == "mask") == (cell.reads == "<m>") for cell in side.cells)
    assert [cell.kind for cell in side.cells[-2:]] == ["padding", "padding"]


def test_a_span_picture_has_an_encoder_and_a_decoder():
    picture = show(SpanCorruption(0.3, 2.0, vocab=VOCAB), row(), 0, names)
    encoder, decoder = picture.sides
    assert [side.name for side in picture.sides] == ["encoder", "decoder"]
    assert [cell.kind for cell in encoder.cells].count("sentinel") == 2
    assert all(cell.says is None for cell in encoder.cells)
    assert decoder.cells[-1].says == "</s>"
    assert decoder.cells[0].reads == "<pad>"


@pytest.mark.parametrize("objective", [Causal(VOCAB), Masked(vocab=VOCAB), SpanCorruption(vocab=VOCAB)], ids=repr)
def test_the_text_holds_every_token_within_the_width(objective):
    picture = show(objective, row(60), 1, names)
    lines = text(picture, width=70, positions=20).splitlines()
    assert all(len(line) <= 70 for line in lines)
    printed = " ".join(lines).split()
    for side in picture.sides:
        assert {cell.reads for cell in side.cells} <= set(printed)
    assert sum(set(line) <= {"#", "."} and len(line) == min(20, len(picture.sides[0].cells)) for line in lines) >= 12
