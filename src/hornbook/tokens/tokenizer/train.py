"""The three trainers: texts -> a tokenizer of the tokenizers library, specials first, the same in every run."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from hornbook.errors import UserError
from hornbook.tokens.tokenizer.unigram import piece_scores

NAMES = ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
BERT_NAMES = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")
_UNKNOWN = 3
_WORDPIECE_ALPHABET = 1000  # BERT limits the alphabet to the 1,000 most frequent characters; the rest are unknown
# Unigram learns from the most frequent words only: on 31 MB of source code that is 7 times faster, for 3% more tokens.
_UNIGRAM_WORDS = 100_000
_UNIGRAM_WORD = re.compile("[<>\\[\\]\n]|\u2581?[^<>\\[\\]\n\u2581]+|\u2581")


def train_bpe(texts: Iterator[str], size: int, extra: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    _check_size(size, extra, len(alphabet) + len(NAMES))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    first = special(NAMES, strip=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, special_tokens=first, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def train_wordpiece(texts: Iterator[str], size: int, extra: int) -> Any:
    """Train twice, first for the alphabet: the library numbers `##` characters in the order of a hash table.

    Given that alphabet as its first entries, in order, it has no choice left.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    def pipeline(vocabulary: dict[str, int]) -> Any:
        tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=BERT_NAMES[_UNKNOWN]))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece(prefix="##")
        return tokenizer

    def train(first: list[str], entries: int) -> dict[str, int]:
        tokenizer = pipeline({})
        trainer = trainers.WordPieceTrainer(
            vocab_size=entries,
            min_frequency=2,
            special_tokens=first,
            initial_alphabet=characters,
            limit_alphabet=len(characters),
            show_progress=False,
        )
        tokenizer.train_from_iterator(kept, trainer)
        return dict(tokenizer.get_vocab())

    kept = [pipeline({}).normalizer.normalize_str(text) for text in texts]
    counts = Counter(itertools.chain.from_iterable(kept))
    ranked = sorted((item for item in counts if not item.isspace()), key=lambda item: (-counts[item], item))
    characters = ranked[:_WORDPIECE_ALPHABET]
    alphabet = sorted(train([], 0))
    _check_size(size, extra, len(alphabet) + len(BERT_NAMES))
    tokenizer = pipeline(train([*BERT_NAMES, *alphabet], size))
    tokenizer.add_special_tokens(special(BERT_NAMES, strip=False))
    return tokenizer


def train_unigram(texts: Iterator[str], size: int, extra: int) -> Any:
    """Take the library's pieces and score them anew: its own scores differ from run to run in the fourth digit.

    Angle and square brackets stand alone, so that no piece can contain a special token's string.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    def pipeline(pieces: list[tuple[str, float]]) -> Any:
        tokenizer = Tokenizer(models.Unigram(pieces, unk_id=_UNKNOWN) if pieces else models.Unigram())
        brackets = pre_tokenizers.Split(Regex(r"[<>\[\]\n]"), "isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([brackets, pre_tokenizers.Metaspace(prepend_scheme="never")])
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
        return tokenizer

    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_UNIGRAM_WORD.findall(text.replace(" ", "\u2581")))
    ranked_words = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    words = dict(ranked_words[:_UNIGRAM_WORDS])
    _check_size(size, extra, len(set().union(*words)) + len(NAMES) + 1)
    tokenizer = pipeline([])
    trainer = trainers.UnigramTrainer(
        vocab_size=size,
        special_tokens=list(NAMES),
        unk_token=NAMES[_UNKNOWN],
        shrinking_factor=0.5,  # halving after one round each is 4 times faster than the library's default,
        n_sub_iterations=1,  # for 0.3% more tokens: the rounds of `piece_scores` follow
        show_progress=False,
    )
    tokenizer.train_from_iterator(_repeated(words), trainer)
    scores = piece_scores(sorted(set(tokenizer.get_vocab()) - set(NAMES)), words)
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    tokenizer = pipeline([*((name, 0.0) for name in NAMES), *ranked])
    tokenizer.add_special_tokens(special(NAMES, strip=True))
    return tokenizer


def _repeated(words: dict[str, int]) -> Iterator[str]:
    """Yield text that has each word as often as it is counted; words without a blank before them get a line end."""
    for word, count in words.items():
        once = word.replace("\u2581", " ") if word[0] in "\u2581<>[]\n" else f"\n{word}"
        for start in range(0, count, 1000):
            yield once * min(1000, count - start)


def special(names: Sequence[str], *, strip: bool) -> list[Any]:
    """Return the special tokens; with `strip`, the mask takes the blank before it, as RoBERTa's does."""
    from tokenizers import AddedToken

    return [AddedToken(name, special=True, normalized=False, lstrip=strip and name == "<mask>") for name in names]


def _check_size(size: int, extra: int, least: int) -> None:
    if size < least:
        raise UserError(
            f"tokenizer.size {size + extra} is too small for text and objective: set it to at least {least + extra}."
        )
