"""Tokenizers of the classes of transformers: read from their folders, they give the same ids on text of all scripts."""

from __future__ import annotations

import functools
import json
import random

import pytest

from hornbook.convert.export_hf import tokenizer_config_json, tokenizer_json
from hornbook.model.config import ModelConfig
from hornbook.tokens.tokenizer.hf_tokenizer import read_tokenizer

transformers = pytest.importorskip("transformers")

CLASSES = ["BertTokenizer", "GPT2Tokenizer", "RobertaTokenizer", "LlamaTokenizer", "T5Tokenizer", "AlbertTokenizer"]
LINES = 10_000
# From which scripts characters are drawn: Latin and its accents, Greek, Cyrillic, Hebrew, Arabic, Devanagari, Thai,
# kana, Chinese, Hangul, combining marks, punctuation and blanks of many widths, symbols, emoji, private use.
BLOCKS = [
    (0x20, 0x7E), (0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x5D0, 0x5EA), (0x620, 0x64A),
    (0x900, 0x97F), (0xE01, 0xE5B), (0x3041, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x300, 0x36F),
    (0x2000, 0x206F), (0x2190, 0x22FF), (0x1F300, 0x1F64F), (0xE000, 0xE0FF),
]  # fmt: skip
WORDS = [
    "the",
    "The",
    "don't",
    "naïve",
    "x=1;",
    "3.14",
    "  ",
    "\t",
    "ﬁn",
    "İstanbul",
    "ß",
    "a\u0301",
    "👩‍👩‍👧",
    "\u200b",
    "\ufeff",
]


@functools.cache
def lines() -> list[str]:
    draw = random.Random(11)

    def piece() -> str:
        if draw.random() < 0.4:
            return draw.choice(WORDS)
        low, high = draw.choice(BLOCKS)
        return "".join(chr(draw.randint(low, high)) for _ in range(draw.randint(1, 8)))

    return [draw.choice(["", " "]).join(piece() for _ in range(draw.randint(1, 12))) for _ in range(LINES)]


@pytest.mark.parametrize("name", CLASSES)
def test_ids_are_those_of_the_class_before_and_after_an_export(name, tmp_path):
    theirs = getattr(transformers, name)().train_new_from_iterator(lines()[::40], 4_000)
    theirs.save_pretrained(tmp_path / "there")
    tokenizer = read_tokenizer(tmp_path / "there", {})
    wanted = theirs(lines(), add_special_tokens=False)["input_ids"]
    found = [ids.tolist() for ids in tokenizer.encode(lines())]
    odd = [line for line, ours, their in zip(lines(), found, wanted, strict=True) if ours != their]
    assert not odd, odd[:3]
    assert sum(map(len, found)) > 5 * LINES

    for role in ("pad", "bos", "eos", "unk", "mask", "cls", "sep"):
        if (number := getattr(theirs, f"{role}_token_id")) is not None:
            assert getattr(tokenizer.vocab, role) == number, role

    config = ModelConfig("encoder", vocab_size=tokenizer.vocab.size)
    back = tmp_path / "back"
    back.mkdir()
    (back / "tokenizer.json").write_text(tokenizer_json(config, tokenizer.text, tokenizer.vocab), encoding="utf-8")
    said = tokenizer_config_json(config, tokenizer.text, tokenizer.vocab)
    (back / "tokenizer_config.json").write_text(json.dumps(said), encoding="utf-8")
    (back / "config.json").write_text('{"model_type": "bert"}')
    again = transformers.AutoTokenizer.from_pretrained(back)
    assert again(lines(), add_special_tokens=False)["input_ids"] == wanted
    assert again(lines()[:50])["input_ids"] == theirs(lines()[:50])["input_ids"]
