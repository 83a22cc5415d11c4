import dataclasses
import json

import numpy as np
import pytest

from hornbook.errors import UserError
from hornbook.objectives.masked import Masked
from hornbook.vocab import EMPTY, Vocab


def tokenizer(model, added=(), **parts):
    """The text of a tokenizer.json; `added` names special tokens, of the model's vocabulary or new."""
    known = model["vocab"]
    ids = {token: number for number, (token, _) in enumerate(known)} if isinstance(known, list) else dict(known)
    entries = []
    for name in added:
        ids.setdefault(name, max(ids.values()) + 1)
        entries.append({"id": ids[name], "content": name, "special": True})
    return json.dumps({"model": model, "added_tokens": entries, **parts})


def numbered(*tokens):
    return {token: number for number, token in enumerate(tokens)}


BYTE_LEVEL = {"pre_tokenizer": {"type": "ByteLevel"}, "decoder": {"type": "ByteLevel"}}
BPE_TOKENS = (
    "<s>",
    "</s>",
    "<mask>",
    "the",
    "Ġthe",
    ".",
    "Ċ",
    '."',
    "Ġ",
    "Ã©",
    "Ã",
    "!)",
    "Ġ...",
    "3",
    "'s",
    ",",
    '")',
)
BPE = tokenizer(
    {"type": "BPE", "vocab": numbered(*BPE_TOKENS), "merges": []},
    ("<s>", "</s>", "<mask>", "<extra_id_1>"),
    **BYTE_LEVEL,
)


def named(vocab, tokens, table):
    return {token for token, flag in zip(tokens, getattr(vocab, table), strict=False) if flag}


def test_tables_of_byte_level_bpe():
    vocab = Vocab.from_tokenizer(BPE)
    assert vocab.size == 18
    assert named(vocab, BPE_TOKENS, "special") == {"<s>", "</s>", "<mask>"}
    assert named(vocab, BPE_TOKENS, "starts_word") == {"Ġthe", ".", "Ċ", '."', "Ġ", "!)", "Ġ...", "'s", ",", '")'}
    assert named(vocab, BPE_TOKENS, "ends_sentence") == {".", "Ċ", '."', "!)", "Ġ..."}
    assert named(vocab, BPE_TOKENS, "ends_blank") == {"Ċ", "Ġ"}
    assert named(vocab, BPE_TOKENS, "closes") == {'")'}
    assert vocab.byte_lengths.tolist() == [0, 0, 0, 3, 4, 1, 1, 2, 1, 2, 1, 2, 4, 1, 2, 1, 2, 0]
    assert vocab.words.tolist() == list(range(3, 17))
    assert (vocab.bos, vocab.eos, vocab.mask, vocab.cls, vocab.sep) == (0, 1, 2, 0, 1)
    assert (vocab.pad, vocab.unk) == (None, None)


def test_tables_of_wordpiece():
    tokens = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "##re", ".", "##s", "é")
    model = {"type": "WordPiece", "vocab": numbered(*tokens), "unk_token": "[UNK]", "continuing_subword_prefix": "##"}
    vocab = Vocab.from_tokenizer(tokenizer(model, tokens[:5]))
    assert named(vocab, tokens, "starts_word") == {"the", ".", "é"}
    assert named(vocab, tokens, "ends_sentence") == {"."}
    assert not vocab.ends_blank.any()
    assert vocab.byte_lengths.tolist() == [0, 0, 0, 0, 0, 3, 2, 1, 1, 2]
    assert (vocab.bos, vocab.eos, vocab.cls, vocab.sep, vocab.unk, vocab.mask) == (2, 3, 2, 3, 1, 4)
    assert vocab.modes == ()


def test_tables_of_unigram_with_bytes():
    pieces = ("<pad>", "</s>", "<unk>", "\u2581the", "re", "\u2581", ".", "<0x0A>", "<0xC3>", "\u2581?")
    model = {"type": "Unigram", "vocab": [[piece, -1.0] for piece in pieces], "unk_id": 2}
    vocab = Vocab.from_tokenizer(tokenizer(model, ("<pad>", "</s>", *(f"<extra_id_{n}>" for n in (2, 1, 0)))))
    assert named(vocab, pieces, "special") == {"<pad>", "</s>", "<unk>"}
    assert named(vocab, pieces, "starts_word") == {"\u2581the", "\u2581", ".", "<0x0A>", "\u2581?"}
    assert named(vocab, pieces, "ends_sentence") == {".", "<0x0A>", "\u2581?"}
    assert named(vocab, pieces, "ends_blank") == {"\u2581", "<0x0A>"}
    assert vocab.byte_lengths.tolist() == [0, 0, 0, 4, 2, 1, 1, 1, 1, 2, 0, 0, 0]
    assert vocab.unk == 2
    assert vocab.bos is None


def test_sentinels_are_in_order_of_use_whatever_their_ids():
    model = {"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": None}
    falling = Vocab.from_tokenizer(tokenizer(model, [f"<extra_id_{number}>" for number in reversed(range(12))]))
    assert falling.sentinels == tuple(range(12, 0, -1))
    rising = Vocab.from_tokenizer(tokenizer(model, [f"<extra_id_{number}>" for number in range(12)]))
    assert rising.sentinels == tuple(range(1, 13))
    assert falling.modes == rising.modes == ()


def test_other_special_tokens_are_modes_by_id():
    model = {"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": None}
    vocab = Vocab.from_tokenizer(tokenizer(model, ["[S]", "</s>", "[R]", "<extra_id_0>"]))
    assert vocab.modes == (("[S]", 1), ("[R]", 3))


def test_one_end_of_text_serves_as_beginning_and_end():
    text = tokenizer({"type": "BPE", "vocab": numbered("a", "Ġb"), "merges": []}, ["<|endoftext|>"], **BYTE_LEVEL)
    vocab = Vocab.from_tokenizer(text)
    assert (vocab.bos, vocab.eos, vocab.size) == (2, 2, 3)
    assert (vocab.pad, vocab.mask, vocab.cls, vocab.sep, vocab.unk) == (None,) * 5


def test_roles_can_be_named():
    vocab = Vocab.from_tokenizer(BPE, {"mask": "!)", "pad": "</s>"})
    assert (vocab.mask, vocab.pad) == (11, 1)
    assert vocab.special[11] and vocab.byte_lengths[11] == 0 and 11 not in vocab.words
    with pytest.raises(UserError, match="no token '<none>' to serve as mask"):
        Vocab.from_tokenizer(BPE, {"mask": "<none>"})


def test_a_role_that_is_lacking_is_refused_in_words():
    vocab = Vocab.from_tokenizer(BPE)
    assert vocab.require("mask", "The masked objective") == 2
    with pytest.raises(UserError, match=r"The masked objective needs a pad token.*<pad>"):
        vocab.require("pad", "The masked objective")


def test_ids_without_an_entry_are_no_text():
    text = json.dumps({"model": {"type": "BPE", "vocab": {"a": 0, "b": 3}, "merges": []}, "added_tokens": []})
    vocab = Vocab.from_tokenizer(text)
    assert vocab.size == 4
    assert vocab.special.tolist() == [False, True, True, False]


def test_equality_is_that_of_the_tokenizer():
    assert Vocab.from_tokenizer(BPE) == Vocab.from_tokenizer(json.dumps(json.loads(BPE), indent=4))
    other = json.loads(BPE)
    other["model"]["merges"] = [["t", "h"]]
    assert Vocab.from_tokenizer(BPE) != Vocab.from_tokenizer(json.dumps(other))
    assert len({Vocab.from_tokenizer(BPE), Vocab.from_tokenizer(BPE), EMPTY}) == 2


@pytest.mark.parametrize("item", [item.name for item in dataclasses.fields(Vocab) if item.name != "fingerprint"])
def test_a_vocabulary_with_other_roles_or_tables_is_another(item):
    vocab = Vocab.from_tokenizer(BPE)
    value = getattr(vocab, item)
    other = ~value if isinstance(value, np.ndarray) else (*value, 7) if isinstance(value, tuple) else (value or 0) + 1
    changed = dataclasses.replace(vocab, **{item: other})
    assert changed != vocab
    assert hash(changed) != hash(vocab)
    assert Masked(vocab=changed) != Masked(vocab=vocab)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"model": null}',
        '{"model": {"vocab": 3}}',
        '{"model": {"vocab": {"a": "b"}}}',
        '{"model": {"vocab": [["a", 0.0]], "unk_id": 7}}',
        '{"model": {"vocab": {"a": 0}}, "added_tokens": [{}]}',
    ],
)
def test_what_is_no_tokenizer_is_refused(text):
    with pytest.raises(UserError, match=r"not a tokenizer\.json"):
        Vocab.from_tokenizer(text)


def test_tables_fit_the_size():
    vocab = Vocab.from_tokenizer(BPE)
    for table in (
        vocab.special,
        vocab.starts_word,
        vocab.ends_sentence,
        vocab.ends_blank,
        vocab.closes,
        vocab.byte_lengths,
    ):
        assert table.shape == (vocab.size,)
    assert vocab.byte_lengths.dtype == np.int32
    assert EMPTY.size == 0 and EMPTY.words.shape == (0,)
