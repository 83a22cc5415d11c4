"""A small tokenizer, texts and rows for tests of collators."""

from __future__ import annotations

import functools

import numpy as np
from transformers import PreTrainedTokenizerFast

from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import train_tokenizer

MODES = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "[R]", "[S]", "[X]")
WHO, DOES = ("cat", "dog", "king", "baker"), ("sees", "eats", "likes", "finds")
TEXTS = [
    " ".join(f"The {who} {does} {what}." for who in WHO[number % 3 :] for does in DOES[number % 2 :] for what in "abcd")
    for number in range(6)
]


@functools.cache
def tokenizer(kind: str = "bpe") -> PreTrainedTokenizerFast:
    """One of transformers' tokenizers, with every special token that an objective needs."""
    text = train_tokenizer(TEXTS, kind, 400, Requirements(sentinels=40, modes=MODES), "both")
    names = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]") if kind == "wordpiece" else ()
    pad, cls, sep, unk, mask = names or ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
    from tokenizers import Tokenizer

    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(text), pad_token=pad, bos_token=cls, eos_token=sep, cls_token=cls,
        sep_token=sep, unk_token=unk, mask_token=mask,
    )  # fmt: skip


def features(number: int, kind: str = "bpe", seed: int = 0) -> list[dict[str, list[int]]]:
    """Rows of tokens, marks included, from 8 to 40 tokens of text."""
    draw = np.random.default_rng(seed)
    ids = tokenizer(kind).encode(" ".join(TEXTS), add_special_tokens=False)
    mine = tokenizer(kind)
    rows = []
    for _ in range(number):
        start, length = draw.integers(0, len(ids) - 40), draw.integers(8, 41)
        rows.append({"input_ids": [mine.cls_token_id, *ids[start : start + length], mine.sep_token_id]})
    return rows
