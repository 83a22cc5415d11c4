from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from small_vocab import EOS, MASK, PAD, documents, vocabulary, words

from hornbook.objectives.causal import Causal
from hornbook.objectives.masked import Masked
from hornbook.objectives.mixture import Mixture
from hornbook.objectives.prefix import PrefixLM
from hornbook.objectives.replaced_token import ReplacedToken
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.objectives.show import show, text
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.objectives.ul2 import UL2

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
    blocks = [re.fullmatch(r" *(\d+) (.{1,10}) ([#.]+)", line) for line in lines]
    numbers = [int(found[1]) for found in blocks if found]
    assert numbers == [
        number for side in picture.sides if not side.sees.all() for number in range(min(20, len(side.sees)))
    ]


@pytest.mark.parametrize(("kind", "meanings"), [("nsp", ("next", "random")), ("sop", ("in order", "swapped"))])
def test_pairs_show_both_classes_with_their_meaning_and_token_types(kind, meanings):
    rows = replace(words(1, 20), companion=np.arange(50, 70, dtype=np.int32)[None])
    picture = show(SentencePairs(kind=kind, short=0.0, vocab=VOCAB), rows, 0, names)
    both = (picture, *picture.others)
    assert len(both) == 2
    for shown in both:
        number = int(shown.counts["class of the pair"])
        assert shown.notes[0].startswith(f"class {number} of the pair: {meanings[number]}")
        (side,) = shown.sides
        types = [cell.type for cell in side.cells]
        assert types == sorted(types) and set(types) == {0, 1}
    assert {shown.counts["class of the pair"] for shown in both} == {0, 1}
    printed = text(picture)
    assert "type " in printed and all(meaning in printed for meaning in meanings)


def test_a_pair_without_another_document_says_so():
    picture = show(SentencePairs(short=0.0, vocab=VOCAB), words(1, 20), 0, names)
    assert picture.others == ()
    assert picture.notes[-1].startswith("this row cannot give class 1: random")


def test_replaced_shows_what_the_discriminator_reads_and_its_targets():
    rows = row(60)
    picture = show(ReplacedToken(rate=0.4, vocab=VOCAB), rows, 1, names)
    generator, discriminator = picture.sides
    assert (generator.name, discriminator.name) == ("generator", "discriminator")
    original = names(rows.tokens[1].tolist())
    for cell, before, token in zip(discriminator.cells, generator.cells, original, strict=True):
        assert cell.says == ("original" if cell.reads == token else "replaced")
        assert cell.kind == "changed" if cell.says == "replaced" else cell.reads == token
        assert cell.weight == (cell.segment != 0)
        assert cell.says == "original" or before.weight
    assert sum(cell.says == "replaced" for cell in discriminator.cells) > 10
    assert any("random tokens" in note for note in picture.notes)


def test_a_mixture_shows_every_part_with_its_share_and_the_rows_own_first():
    rows = words(4, 31)
    rows = replace(rows, index=np.arange(4))
    picture = show(Mixture((Masked(), Masked(0.3)), (3, 1), vocab=VOCAB), rows, 2, names)
    shown = (picture, *picture.others)
    assert [item.objective.split(",")[0] for item in shown] == ["Masked(rate=0.3", "Masked(rate=0.15"]
    assert [item.notes[0][:11] for item in shown] == ["1 of 4 rows", "3 of 4 rows"]


@pytest.mark.parametrize("variant", ["paper", "short", "ul2r"])
def test_every_denoiser_of_ul2_reads_the_mode_it_is_named_by(variant):
    objective = UL2(variant, vocab=VOCAB)
    rows = words(1, objective.row_length(64))
    mark = dict(VOCAB.modes)["[R]"]
    rows.tokens[0, 0] = mark
    modes = {number: name for name, number in VOCAB.modes}
    spelled = lambda ids: [modes.get(number) or names([number])[0] for number in ids]  # noqa: E731
    picture = show(objective, rows, 0, spelled)
    shown = (picture, *picture.others)
    assert len(shown) == len(set(objective.denoisers))
    for item, part in zip(shown, dict.fromkeys(objective.cycle), strict=True):
        assert item.objective == repr(part)
        assert item.sides[0].cells[0].reads == part.mode
        assert not {"[R]", "[S]", "[X]"} & set(item.row)


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("objective", [PrefixLM(vocab=VOCAB), UL2(vocab=VOCAB), ReplacedToken(vocab=VOCAB)], ids=repr)
def test_lines_keep_inside_narrow_terminals(objective, width):
    picture = show(objective, words(1, 100), 0, names)
    assert max(map(len, text(picture, width).splitlines())) <= width
