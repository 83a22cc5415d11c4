import hashlib
import pickle
import pydoc_data.topics
import subprocess
import sys
import textwrap
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trained_tokenizers import KINDS, NEEDS

from hornbook.errors import UserError
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, load_tokenizer, save_tokenizer, train_tokenizer
from hornbook.vocab import Vocab

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NASTY = "</s><mask><extra_id_0>[MASK]"
SPECIALS = ["<pad>", "<s>", "</s>", "<unk>", "<mask>", "[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
SPECIALS += [f"<extra_id_{number}>" for number in range(5)] + ["[R]", "[S]"]


def test_ids_are_laid_out_as_promised(tokenizer):
    vocab = tokenizer.vocab
    assert (vocab.pad, vocab.bos, vocab.eos, vocab.unk, vocab.mask) == (0, 1, 2, 3, 4)
    assert (vocab.cls, vocab.sep) == (vocab.bos, vocab.eos)
    assert vocab.size == 600
    assert vocab.sentinels == (599, 598, 597, 596, 595)
    assert tokenizer.tokens([599, 595]) == ["<extra_id_0>", "<extra_id_4>"]
    assert dict(vocab.modes) == {"[R]": 593, "[S]": 594}
    spellings = tokenizer.tokens(range(600))
    assert all(spellings) and len(set(spellings)) == 600
    assert sorted(np.flatnonzero(vocab.special)) == [0, 1, 2, 3, 4, *range(593, 600)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_corpus_too_small_gives_what_it_yields(kind):
    text = train_tokenizer(iter(["the cat and the dog"] * 3), kind, 50_000, NEEDS)
    vocab = Vocab.from_tokenizer(text)
    assert vocab.size < 400
    assert vocab.sentinels[0] == vocab.size - 1
    assert sorted(np.flatnonzero(vocab.special)) == [0, 1, 2, 3, 4, *range(vocab.size - 7, vocab.size)]
    assert all(Tokenizer(text, vocab).tokens(range(vocab.size)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_size_that_cannot_hold_the_alphabet_is_refused_with_the_size_that_can(kind, texts):
    with pytest.raises(UserError, match="at least") as refusal:
        train_tokenizer(iter(texts), kind, 30, NEEDS)
    least = int(str(refusal.value).split("at least ")[1].rstrip("."))
    assert Vocab.from_tokenizer(train_tokenizer(iter(texts), kind, least, NEEDS)).size == least


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_is_refused(kind):
    for nothing in ([], ["", ""]):
        with pytest.raises(UserError, match="no text"):
            train_tokenizer(iter(nothing), kind, 500, NEEDS)


def test_a_mode_that_is_a_word_of_the_text_is_refused(texts):
    with pytest.raises(UserError, match="name in brackets"):
        train_tokenizer(iter(texts), "bpe", 600, Requirements(modes=("e",)))


@pytest.mark.parametrize("kind", KINDS)
def test_training_is_the_same_in_every_process(kind):
    script = textwrap.dedent("""
        import hashlib, pydoc_data.topics, sys
        from hornbook.objectives.base import Requirements
        from hornbook.tokens.tokenizer.tokenizer import train_tokenizer
        texts = list(pydoc_data.topics.topics.values())[:15]
        print(hashlib.sha256(train_tokenizer(iter(texts), sys.argv[1], 500, Requirements()).encode()).hexdigest())
    """)
    texts = list(pydoc_data.topics.topics.values())[:15]
    here = hashlib.sha256(train_tokenizer(iter(texts), kind, 500, Requirements()).encode()).hexdigest()
    for _ in range(2):
        run = subprocess.run([sys.executable, "-c", script, kind], capture_output=True, text=True, check=True)
        assert run.stdout.strip() == here


@settings(deadline=None, max_examples=300)
@given(TEXT)
def test_byte_level_bpe_gives_every_text_back(bpe, text):
    ids = bpe.encode([text])[0]
    assert bpe.decode(ids) == text
    assert int(bpe.vocab.byte_lengths[ids].sum()) == len(text.encode())


def test_unigram_gives_text_of_its_alphabet_back(codecs, texts):
    unigram = codecs["unigram"]
    for text in [*texts, " leading", "trailing ", "two  blanks", "\n\nlines\n"]:
        assert unigram.decode(unigram.encode([text])[0]) == text


def test_wordpiece_gives_words_back(codecs):
    wordpiece = codecs["wordpiece"]
    text = "the value of an expression, however, is a name."
    assert wordpiece.decode(wordpiece.encode([text])[0]) == text


@settings(deadline=None, max_examples=100)
@given(st.lists(st.one_of(st.sampled_from(SPECIALS), st.text("<>[]/_s1 \n", max_size=4)), max_size=12).map("".join))
@pytest.mark.parametrize("kind", KINDS)
def test_special_strings_in_text_never_become_special_ids(codecs, kind, text):
    tokenizer = codecs[kind]
    ids = tokenizer.encode([text])[0]
    assert not tokenizer.vocab.special[ids[ids != tokenizer.vocab.unk]].any()
    if kind != "wordpiece":  # which knows no capital M and says so with its unknown token
        assert tokenizer.vocab.unk not in ids
    if kind == "bpe":
        assert tokenizer.decode(ids) == text


def test_special_strings_in_text_come_back_as_text(codecs):
    for kind in ("bpe", "unigram"):
        text = f"a{NASTY} <s>[R]<unk>"
        assert codecs[kind].decode(codecs[kind].encode([text])[0]) == text


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.sampled_from(["<s>", "</s>", "<unk>", "<mask>", "<extra_id_0>", "＜s＞", " ", "the", "<"]), max_size=9
    ).map("".join)
)
def test_special_pieces_of_a_foreign_unigram_model_are_never_chosen(sentencepiece, text):
    tokenizer = Tokenizer(sentencepiece, Vocab.from_tokenizer(sentencepiece))
    ids = tokenizer.encode([text])[0]
    assert not tokenizer.vocab.special[ids].any()
    plain = unicodedata.normalize("NFKC", text).replace(" ", "")
    assert tokenizer.decode(ids).replace(" ", "") == plain


def test_characters_a_foreign_model_cannot_spell_are_unknown(sentencepiece):
    tokenizer = Tokenizer(sentencepiece, Vocab.from_tokenizer(sentencepiece))
    ids = tokenizer.encode(["the <unk> ж"])[0]
    assert (ids == tokenizer.vocab.unk).sum() == 1


def test_a_special_token_of_one_character_in_the_text_is_refused():
    from tokenizers import Tokenizer as Backend
    from tokenizers import models

    tokenizer = Backend(models.Unigram([("§", 0.0), ("a", -1.0)]))
    tokenizer.add_special_tokens(["§"])
    tokenizer = Tokenizer(tokenizer.to_str(), Vocab.from_tokenizer(tokenizer.to_str()))
    assert tokenizer.encode(["aaa"])[0].tolist() == [1, 1, 1]
    with pytest.raises(UserError, match="special token"):
        tokenizer.encode(["a§a"])


def test_a_file_s_own_truncation_and_padding_are_ignored(sentencepiece):
    tokenizer = Tokenizer(sentencepiece, Vocab.from_tokenizer(sentencepiece))
    assert [len(ids) for ids in tokenizer.encode(["", "cat", "the cat " * 9])] == [0, 1, 18 + 1]


def test_a_prompt_understands_special_tokens(tokenizer):
    name = "[MASK]" if tokenizer.tokens([0]) == ["[PAD]"] else "<mask>"
    ids = tokenizer.encode_prompt(f"the {name} of <extra_id_1>")
    assert [number for number in ids if tokenizer.vocab.special[number]] == [4, 598]
    assert tokenizer.vocab.mask not in tokenizer.encode([f"the {name}"])[0]
    words = [token for token in tokenizer.tokens(ids) if not token.startswith(("<", "["))]
    assert all(word.strip("Ġ\u2581 ") for word in words), "the blank before a mask belongs to it"


def test_decode_leaves_special_ids_out_unless_asked(bpe):
    ids = [1, *bpe.encode(["the end"])[0], 2, 599]
    assert bpe.decode(ids) == "the end"
    assert bpe.decode(ids, keep_special=True) == "<s>the end</s><extra_id_0>"


def test_a_long_text_in_pieces_has_the_ids_of_the_whole(codecs, texts):
    long = ("\n".join(texts) + "\n\n \n" + "\r\n".join(texts[:3]) + "“¿né?”\n中文\nx" * 50) * 3
    assert len(long) > 4 << 16
    for tokenizer in codecs.values():
        assert tokenizer._divides
        whole = tokenizer._ids(long)
        assert tokenizer.encode([long])[0].tolist() == whole
        assert tokenizer.encode(["a", long, "", long])[3].tolist() == whole


def test_a_tokenizer_whose_pieces_would_differ_gets_its_text_whole(sentencepiece):
    tokenizer = Tokenizer(sentencepiece, Vocab.from_tokenizer(sentencepiece))
    assert not tokenizer._divides
    long = "the cat\nthe " * 10_000
    assert tokenizer.encode([long])[0].tolist() == tokenizer._ids(long)


def test_a_batch_gives_each_text_what_it_gets_alone(tokenizer, texts):
    together = tokenizer.encode(texts)
    assert all(ids.dtype == np.int32 for ids in together)
    assert [ids.tolist() for ids in together] == [tokenizer.encode([text])[0].tolist() for text in texts]
    assert tokenizer.encode([]) == []


def test_a_pickled_codec_still_reads_special_strings_as_text(tokenizer):
    tokenizer.encode([NASTY])
    again = pickle.loads(pickle.dumps(tokenizer))
    assert again == tokenizer
    assert again.encode([NASTY])[0].tolist() == tokenizer.encode([NASTY])[0].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_templates_frame_a_text_for_other_tools(kind, texts):
    from tokenizers import Tokenizer as Backend

    for template, single, pair in (
        ("none", [], []),
        ("both", [1, 2], [1, 2, 2] if kind == "wordpiece" else [1, 2, 2, 2]),
        ("end", [2], [2, 2]),
    ):
        tokenizer = Backend.from_str(train_tokenizer(iter(texts[:9]), kind, 600, NEEDS, template))
        assert [number for number in tokenizer.encode("the name").ids if number < 5] == single
        assert [number for number in tokenizer.encode("the", "name").ids if number < 5] == pair
        if kind == "wordpiece":
            types = tokenizer.encode("the", "name").type_ids
            assert types == sorted(types) and set(types) == {0, 1}


def test_a_saved_codec_is_loaded_with_its_roles(tokenizer, tmp_path):
    save_tokenizer(tokenizer, tmp_path)
    for path in (tmp_path, tmp_path / "tokenizer.json"):
        again = load_tokenizer(path)
        assert again == tokenizer
        assert again.vocab.mask == tokenizer.vocab.mask
    assert {item.name for item in tmp_path.iterdir()} == {"tokenizer.json", "tokenizer_config.json"}


def test_roles_are_read_from_the_neighbouring_file(gpt2_like, tmp_path):
    (tmp_path / "tokenizer.json").write_text(gpt2_like)
    plain = load_tokenizer(tmp_path).vocab
    assert (plain.eos, plain.bos, plain.pad, plain.mask) == (259, 259, None, None)
    (tmp_path / "special_tokens_map.json").write_text(
        '{"pad_token": {"content": "<|endoftext|>"}, "mask_token": "<absent>", "unk_token": null, "sep_token": "!"}'
    )
    named = load_tokenizer(tmp_path)
    assert (named.vocab.pad, named.vocab.mask, named.vocab.sep) == (259, 260, plain.size - 260)
    save_tokenizer(named, tmp_path / "copy")
    assert load_tokenizer(tmp_path / "copy").vocab.pad == 259
    assert named.decode(named.encode(["the <|endoftext|> end"])[0]) == "the <|endoftext|> end"


def test_a_file_that_is_no_tokenizer_is_named(tmp_path):
    path = tmp_path / "tokenizer.json"
    with pytest.raises(UserError, match=r"tokenizer\.json cannot be read"):
        load_tokenizer(path)
    for content in (b"{}", b"not json", b"[1, 2]", b"\xff\xfe\x00"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"tokenizer\.json"):
            load_tokenizer(path)


def test_transformers_opens_a_saved_codec(tokenizer, tmp_path):
    transformers = pytest.importorskip("transformers")
    save_tokenizer(tokenizer, tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert len(theirs) == tokenizer.vocab.size
    assert (theirs.pad_token_id, theirs.mask_token_id, theirs.eos_token_id) == (0, 4, 2)
    ids = theirs("the name of the rose")["input_ids"]
    assert ids == [1, *tokenizer.encode(["the name of the rose"])[0], 2]
