"""What the chapters share: vocabularies made on the spot, so that nothing is downloaded. Loads no torch."""

from __future__ import annotations

import json

from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, train_tokenizer
from hornbook.vocab import Vocab

_REPEATS, _ENTRIES, _SENTINELS = 50, 8000, 500
_MODES = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "[R]", "[S]", "[X]")
_T5_WORDS, _T5_SENTINELS = 32_000, 100


def word_tokenizer(text: str) -> Tokenizer:
    """Return a WordPiece tokenizer in which each word of the text is one token, with every special token there is.

    Raises UserError where the text is empty.
    """
    content = train_tokenizer([text] * _REPEATS, "wordpiece", _ENTRIES, Requirements((), _SENTINELS, _MODES), "both")
    return Tokenizer(content, Vocab.from_tokenizer(content))


def t5_vocabulary() -> Vocab:
    """Return a vocabulary with T5's ids: <pad> 0, </s> 1, <unk> 2, words, <extra_id_99> 32,000 up to <extra_id_0>."""
    special = ["<pad>", "</s>", "<unk>"]
    words = {name: number for number, name in enumerate([*special, *(f"▁{n}" for n in range(3, _T5_WORDS))])}
    names = [*special, *(f"<extra_id_{number}>" for number in reversed(range(_T5_SENTINELS)))]
    ids = [*range(3), *range(_T5_WORDS, _T5_WORDS + _T5_SENTINELS)]
    added = [{"id": number, "content": name, "special": True} for number, name in zip(ids, names, strict=True)]
    model = {"type": "WordLevel", "vocab": words, "unk_token": "<unk>"}
    return Vocab.from_tokenizer(json.dumps({"model": model, "added_tokens": added}))
