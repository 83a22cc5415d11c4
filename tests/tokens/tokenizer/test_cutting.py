import json
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.cutting import PIECE, windows, word_pattern
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, save_tokenizer, train_tokenizer
from hornbook.vocab import Vocab

KINDS = ("bpe", "wordpiece", "unigram")
SPECIALS = ("<s>", "</s>", "<unk>", "<mask>", "[MASK]", "[UNK]", "<extra_id_0>", "[R]", "'s", "'re", "it's", " don't")
SPACES = (
    " ",
    "  ",
    "\n",
    "\n\n",
    "\t",
    "\r\n",
    "\x0b",
    "\x1c",
    "\x1f",
    "\x85",
    "\xa0",
    "\u1680",
    "\u180e",
    "\u200b",
    "\u3000",
)
PIECES = st.one_of(
    st.sampled_from(SPECIALS + SPACES),
    st.sampled_from(
        [
            "word",
            " the",
            "Name",
            "9",
            "3.14",
            ",",
            ".",
            '"',
            "e\u0301",
            "\u2581",
            "\u0300",
            "\u4e2d\u6587",
            "\u0627\u0644",
        ]
    ),
    st.text(max_size=3),
)


def parts_agree(tokenizer: Tokenizer, text: str) -> None:
    pattern = word_pattern(tokenizer.text)
    assert pattern is not None
    parts = pattern.findall(text)
    assert "".join(parts) == text
    whole = tokenizer._tokenizer.encode(text, add_special_tokens=False).ids
    apart = tokenizer._tokenizer.encode_batch(parts, add_special_tokens=False)
    assert [number for part in apart for number in part.ids] == whole


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=300)
@given(pieces=st.lists(PIECES, max_size=30))
def test_parts_encoded_alone_have_the_ids_of_the_whole(codecs, kind, pieces):
    text = "".join(pieces)
    parts_agree(codecs[kind], text)
    expected = codecs[kind]._without_special(text).tolist()
    for texts in ([text], [text] * 3, [text]):  # whole, by parts, from what was kept
        assert [ids.tolist() for ids in codecs[kind].encode(texts)] == [expected] * len(texts)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_character_may_stand_beside_a_cut(codecs, kind):
    for start in range(0, 0x110000, 512):
        characters = [chr(code) for code in range(start, start + 512) if not 0xD800 <= code < 0xE000]
        for frame in ("a{0} b", "{0} {0}\n{0}", " {0}.{0}'s {0}\t a", "a{0}, {0}9!\n\n{0}  b"):
            parts_agree(codecs[kind], "".join(frame.format(character) for character in characters))


def test_lower_case_and_accents_are_taken_off_within_parts(texts):
    from tokenizers import Tokenizer as Backend
    from tokenizers import normalizers

    tokenizer = Backend.from_str(train_tokenizer(iter(texts), "wordpiece", 600, Requirements()))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=True)
    tokenizer = Tokenizer(tokenizer.to_str(), Vocab.from_tokenizer(tokenizer.to_str()))
    parts_agree(
        tokenizer,
        "Caf\u00e9 NAME e\u0301 \u0300a, \u03a3\u03a3. \u0130x\n\uac00 \u1100\u1161 \ufb01" + "".join(texts[:2]),
    )


def test_pipelines_of_which_nothing_is_known_are_not_cut(bpe, sentencepiece, gpt2_like):
    assert word_pattern(gpt2_like) is not None
    assert word_pattern(sentencepiece) is None
    spec = json.loads(bpe.text)
    byte_level = spec["pre_tokenizer"]
    changes = (
        {"normalizer": {"type": "NFC"}},
        {"pre_tokenizer": None},
        {"pre_tokenizer": {**byte_level, "add_prefix_space": True}},
        {"pre_tokenizer": {**byte_level, "use_regex": False}},
        {"model": {**spec["model"], "dropout": 0.1}},
        {"added_tokens": [*spec["added_tokens"], {**spec["added_tokens"][0], "content": "a b", "special": False}]},
    )
    for change in changes:
        assert word_pattern(json.dumps({**spec, **change})) is None


def test_an_added_token_across_a_cut_is_found(bpe):
    from tokenizers import AddedToken
    from tokenizers import Tokenizer as Backend

    tokenizer = Backend.from_str(bpe.text)
    tokenizer.add_tokens([AddedToken("new\nname"), AddedToken("two words"), AddedToken("<tail>", lstrip=True)])
    tokenizer = Tokenizer(tokenizer.to_str(), Vocab.from_tokenizer(tokenizer.to_str()))
    text = "a new\nname of two words\n<tail> " * (PIECE // 20)
    assert len(text) > PIECE
    assert tokenizer.encode([text])[0].tolist() == tokenizer._ids(text)


def test_windows_are_whole_words_and_all_of_the_text():
    text = "one two\nthree, \t" * PIECE
    found = list(windows(text))
    assert "".join(found) == text and len(found) > 10
    assert all(PIECE <= len(window) < PIECE + 20 for window in found[:-1])
    assert list(windows("x" * 2 * PIECE)) == ["x" * 2 * PIECE]


MEMORY = textwrap.dedent("""
    import resource, sys
    from pathlib import Path
    import numpy as np
    from hornbook.corpus.document import Document
    from hornbook.tokens.shards import TokenStore, write_store
    from hornbook.tokens.tokenizer.tokenizer import load_tokenizer
    tokenizer = load_tokenizer(Path(sys.argv[1]))
    write_store(iter([Document("the name of the rose, " * 9000, "", "")]), tokenizer, Path(sys.argv[2]) / "warm")
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    before = peak()
    line = "the name of the rose, and another; " * (int(sys.argv[3]) // 35)
    write_store(iter([Document(line, "", "")]), tokenizer, Path(sys.argv[2]) / "line")
    print((peak() - before) / len(line))
    store = TokenStore.open(Path(sys.argv[2]) / "line", tokenizer.vocab)
    found = np.empty(40, np.int32)
    store.copy(np.array([0]), np.array([0]), np.array([40]), found, np.array([0]))
    assert tokenizer.decode(found) == line[: len(tokenizer.decode(found))] and len(tokenizer.decode(found)) > 30
""")


@pytest.mark.parametrize("size", [12 << 20, pytest.param(1 << 30, marks=pytest.mark.slow)])
def test_one_long_line_takes_memory_for_its_ids_alone(bpe, tmp_path, size):
    save_tokenizer(bpe, tmp_path / "tokenizer")
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "tokenizer"), str(tmp_path), str(size)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(run.stdout) < 20, "bytes of memory for each byte of text; the library alone takes 170"
