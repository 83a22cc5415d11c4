"""A small English corpus, tokenizers of the three kinds trained on it, and foreign ones made by hand."""

import json
import pydoc_data.topics

import pytest
from trained_tokenizers import KINDS, NEEDS

from hornbook.corpus.document import Document
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, train_tokenizer
from hornbook.vocab import Vocab


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return list(pydoc_data.topics.topics.values())[:30]


@pytest.fixture(scope="session")
def documents(texts) -> list[Document]:
    return [Document(text, f"topics#{number}", "topics") for number, text in enumerate(texts)]


@pytest.fixture(scope="session")
def codecs(texts) -> dict[str, Tokenizer]:
    trained = {kind: train_tokenizer(iter(texts), kind, 600, NEEDS, "both") for kind in KINDS}
    return {kind: Tokenizer(text, Vocab.from_tokenizer(text)) for kind, text in trained.items()}


@pytest.fixture(params=KINDS)
def tokenizer(request, codecs) -> Tokenizer:
    return codecs[request.param]


@pytest.fixture(scope="session")
def bpe(codecs) -> Tokenizer:
    return codecs["bpe"]


@pytest.fixture(scope="session")
def sentencepiece() -> str:
    """A Unigram tokenizer as SentencePiece exports it: specials are pieces of the model, NFKC, a blank put in front."""
    from tokenizers import Tokenizer as Backend
    from tokenizers import decoders, models, normalizers, pre_tokenizers

    letters = [(letter, -4.0) for letter in "abcdefghijklmnopqrstuvwxyz<>/_.0123456789[]MASK\u2581"]
    words = [("\u2581the", -2.0), ("\u2581cat", -3.0), ("ing", -2.5)]
    names = [("<pad>", 0.0), ("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), ("<mask>", 0.0), ("<extra_id_0>", 0.0)]
    tokenizer = Backend(models.Unigram([*names, *letters, *words], unk_id=1))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.add_special_tokens([name for name, _ in names])
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    return tokenizer.to_str()


@pytest.fixture(scope="session")
def gpt2_like() -> str:
    """Byte-level BPE with one special token for everything, as GPT-2 has."""
    from tokenizers import Tokenizer as Backend
    from tokenizers import decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*alphabet, "Ġt", "he", "Ġthe"])}
    tokenizer = Backend(models.BPE(vocabulary, [("Ġ", "t"), ("h", "e"), ("Ġt", "he")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return json.dumps(json.loads(tokenizer.to_str()))
