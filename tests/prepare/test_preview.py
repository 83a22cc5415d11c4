"""A picture of any objective with any tokenizer: words keep their ids, and what is lacking is added and told."""

from __future__ import annotations

import numpy as np
import pytest

from hornbook.errors import UserError
from hornbook.objectives.base import Requirements
from hornbook.objectives.catalogue import CATALOGUE, build
from hornbook.objectives.show import Picture, added
from hornbook.prepare.preview import names, preview
from hornbook.tokens.tokenizer.special_tokens import with_special_tokens
from hornbook.tokens.tokenizer.tokenizer import Kind, Tokenizer, train_tokenizer
from hornbook.vocab import EMPTY, Vocab

TEXT = "The cat sees the dog. The dog eats the fish. The king sees the cat and the fish."
OTHER = "A king has a horse. The horse eats all day."


def tokenizer(kind: Kind = "bpe") -> Tokenizer:
    """Return a tokenizer such as a masked model has: no sentinels, no mode tokens."""
    content = train_tokenizer([TEXT, OTHER] * 20, kind, 400, Requirements(("cls", "sep", "mask")))
    return Tokenizer(content, Vocab.from_tokenizer(content))


def reads(picture: Picture) -> list[str]:
    return [cell.reads for side in picture.sides for cell in side.cells]


@pytest.mark.parametrize("kind", CATALOGUE)
@pytest.mark.parametrize("spelling", ["bpe", "wordpiece", "unigram"])
def test_every_objective_is_shown_with_a_tokenizer_that_lacks_its_tokens(kind: str, spelling: Kind) -> None:
    own = tokenizer(spelling)
    picture = preview(TEXT, build(kind, {}, EMPTY), own, 0)
    marks = set(own.tokens(np.flatnonzero(own.vocab.special))) | set(picture.added)
    assert [token for token in picture.row if token not in marks] == names(own)(own.encode([TEXT])[0].tolist())
    known = set(own.tokens(range(own.vocab.size)))
    assert known.isdisjoint(picture.added)


@pytest.mark.parametrize("kind", ["span", "ul2", "fim", "bart"])
def test_words_keep_their_ids_in_an_extended_tokenizer(kind: str) -> None:
    own = tokenizer()
    extended, given = with_special_tokens(own, build(kind, {}, EMPTY).requirements(40))
    assert extended.encode([TEXT])[0].tolist() == own.encode([TEXT])[0].tolist()
    assert extended.tokens(range(own.vocab.size)) == own.tokens(range(own.vocab.size))
    assert extended.tokens(range(own.vocab.size, extended.vocab.size)) == list(given)


def test_what_was_added_is_told_and_nothing_where_nothing_was() -> None:
    span = preview(TEXT, build("span", {"density": 0.5, "mean_span": 1.0}, EMPTY), tokenizer(), 0)
    assert span.added[-1] == "<extra_id_0>"
    assert f"<extra_id_0> to {span.added[0]}" in added(span)
    assert preview(TEXT, build("masked", {}, EMPTY), tokenizer(), 0).added == ()
    assert preview(TEXT, build("span", {}, EMPTY), None, 0).added == ()  # made on the spot, for this


def test_a_second_text_is_the_other_document_of_a_pair() -> None:
    objective = build("nsp", {"short": 0.0, "objective": {"kind": "masked", "rate": 0.01}}, EMPTY)
    pictures = [preview(TEXT, objective, tokenizer(), seed, second=OTHER) for seed in range(3)]
    for picture in pictures:
        following, random = sorted((picture, *picture.others), key=lambda item: item.counts["class of the pair"])
        assert "▁horse" in reads(random)
        assert "▁horse" not in reads(following)
    with pytest.raises(UserError, match="reads one text at a time"):
        preview(TEXT, build("masked", {}, EMPTY), None, 0, second=OTHER)


def test_an_epoch_changes_dynamic_noise_and_not_static_noise() -> None:
    def at(epoch: int, **settings: object) -> list[str]:
        return reads(preview(TEXT, build("masked", {"rate": 0.5, **settings}, EMPTY), None, 0, epoch=epoch))

    assert at(0) != at(1)
    assert at(0, static=1) == at(1, static=1) == at(0)
    assert at(0, static=2) == at(2, static=2) != at(1, static=2)


def test_each_part_of_a_mixture_has_the_noise_of_its_own_period() -> None:
    parts = [{"kind": "masked", "rate": 0.5, "static": 1}, {"kind": "masked", "rate": 0.4}]
    mixture = build("mixture", {"objectives": parts}, EMPTY)
    first, second = (preview(TEXT, mixture, None, 0, epoch=epoch) for epoch in (0, 1))
    same = [reads(a) == reads(b) for a, b in zip((first, *first.others), (second, *second.others), strict=True)]
    assert same == [True, False]


def test_a_seed_is_the_same_whatever_else_was_shown_before() -> None:
    own = tokenizer()
    alone = preview(TEXT, build("span", {}, EMPTY), own, 3)
    preview(TEXT, build("ul2", {}, EMPTY), own, 1)
    again = preview(TEXT, build("span", {}, EMPTY), own, 3)
    assert reads(alone) == reads(again)
