"""More tokens behind the last one: special ones that text never becomes, and pieces merged from the old ones."""

import json
import random

import numpy as np
import pytest

from hornbook.errors import UserError
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.new_pieces import with_pieces
from hornbook.tokens.tokenizer.special_tokens import with_special_tokens
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, train_tokenizer
from hornbook.vocab import Vocab

OLD = ["the cat sees the dog and the old king paints a house, isn't it?\n", "naïve café — 日本語 (9 + 9)\n"] * 20
LETTERS = [" ".join(f"{one}{two} {two}{one}" for one in "Hyperkalm" for two in "abcdimptyB;") + "\n"] * 3
NEW = ["Hyperkalaemia precedes bradycardia; tachycardia precedes hyperkalaemia.\n", "aaaa aaaaaa 日本語 日本\n"] * 20


def make(kind: str, size: int) -> Tokenizer:
    text = train_tokenizer(OLD + LETTERS, kind, size, Requirements(sentinels=3))
    return Tokenizer(text, Vocab.from_tokenizer(text))


@pytest.fixture(scope="module", params=["bpe", "wordpiece"])
def tokenizer(request) -> Tokenizer:
    return make(request.param, 360)


def texts() -> list[str]:
    draw = random.Random(3)
    words = " ".join(OLD[:2] + NEW[:2]).split()
    return ["".join(draw.choice([*words, " ", "\n", "a", "é", "</s>"]) for _ in range(30)) for _ in range(200)]


def test_pieces_are_learned_behind_the_last_id_and_old_ids_stay(tokenizer):
    grown, spelled = with_pieces(tokenizer, NEW, 40)
    assert with_pieces(tokenizer, list(reversed(NEW)), 40) == (grown, spelled)
    size = tokenizer.vocab.size
    assert list(spelled) == list(range(size, grown.vocab.size)) and 20 < len(spelled) <= 40
    assert grown.tokens(range(size)) == tokenizer.tokens(range(size))
    assert np.array_equal(grown.vocab.special[:size], tokenizer.vocab.special) and not grown.vocab.special[size:].any()
    for role in ("pad", "bos", "eos", "unk", "mask", "sentinels"):
        assert getattr(grown.vocab, role) == getattr(tokenizer.vocab, role)
    for number, ids in spelled.items():
        assert grown.vocab.byte_lengths[number] == tokenizer.vocab.byte_lengths[ids].sum()
    before, after = (sum(len(ids) for ids in item.encode(NEW)) for item in (tokenizer, grown))
    assert after < 0.6 * before


def test_bpe_joins_further_what_it_cut_before():
    tokenizer = make("bpe", 330)
    grown, spelled = with_pieces(tokenizer, NEW, 60)
    for text in texts():
        ids = grown.encode([text])[0].tolist()
        again = [old for number in ids for old in spelled.get(number, [number])]
        assert again == tokenizer.encode([text])[0].tolist()
        assert grown.decode(ids) == text


def test_merges_may_be_written_either_way():
    tokenizer = make("bpe", 330)
    data = json.loads(tokenizer.text)
    data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]
    old_style = Tokenizer(json.dumps(data), tokenizer.vocab)
    assert with_pieces(old_style, NEW, 20)[1] == with_pieces(tokenizer, NEW, 20)[1]


def test_special_tokens_outside_of_the_models_entries_keep_their_ids():
    tokenizer = make("bpe", 330)
    data = json.loads(tokenizer.text)
    last = max(data["model"]["vocab"].values())
    assert all(item["id"] > last for item in data["added_tokens"] if item["content"].startswith("<extra"))
    grown, spelled = with_pieces(tokenizer, NEW, 10)
    assert grown.vocab.sentinels == tokenizer.vocab.sentinels and min(spelled) == tokenizer.vocab.size


def test_unigram_and_barren_text_are_refused():
    with pytest.raises(UserError, match="Unigram"):
        with_pieces(make("unigram", 150), NEW, 10)
    with pytest.raises(UserError, match="No pair"):
        with_pieces(make("bpe", 330), ["x"], 10)


def test_special_tokens_come_behind_pieces_and_text_keeps_its_ids(tokenizer):
    needs = Requirements(("pad", "mask", "cls"), 6, ("[R]", "<fim_prefix>"))
    grown, _ = with_pieces(tokenizer, NEW, 10)
    extended, added = with_special_tokens(grown, needs)
    assert added == ("[R]", "<fim_prefix>", "<extra_id_5>", "<extra_id_4>", "<extra_id_3>")
    assert extended.tokens(range(grown.vocab.size, extended.vocab.size)) == list(added)
    assert extended.vocab.special[grown.vocab.size :].all() and len(extended.vocab.sentinels) == 6
    assert dict(extended.vocab.modes)["[R]"] == grown.vocab.size
    for text in [*texts(), "[R] <fim_prefix> <extra_id_5>"]:
        assert np.array_equal(extended.encode([text])[0], grown.encode([text])[0])
    assert extended.encode_prompt("[R]").tolist() == [grown.vocab.size]
    assert with_special_tokens(extended, needs) == (extended, ())


def test_a_name_that_is_a_piece_of_text_is_refused():
    tokenizer = make("bpe", 330)
    data = json.loads(tokenizer.text)
    data["added_tokens"] = [item for item in data["added_tokens"] if item["content"] != "<mask>"]
    text = json.dumps(data)
    with pytest.raises(UserError, match="ordinary text"):
        with_special_tokens(Tokenizer(text, Vocab.from_tokenizer(text)), Requirements(("mask",)))
