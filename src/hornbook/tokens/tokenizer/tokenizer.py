"""Tokenizers: train one, load one, and turn text into ids that are text and nothing else.

    texts -> train_tokenizer -> tokenizer.json -> Tokenizer -> ids

Trained tokenizers share one layout of ids: pad, bos, eos, unk, mask first; then the pieces; then mode tokens; then the
sentinels, `<extra_id_0>` the very last id and its followers below it, as T5 has them. BPE and Unigram call the five
`<pad> <s> </s> <unk> <mask>` (RoBERTa, BART), WordPiece calls them `[PAD] [CLS] [SEP] [UNK] [MASK]` (BERT).

Text never becomes a special id: a document that quotes `</s>` is encoded as the four characters it wrote. Only
`Tokenizer.encode_prompt`, which is for what a person types, understands such strings.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hornbook import artifacts
from hornbook.errors import UserError
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.cutting import PIECE, batches, cut, windows, word_pattern
from hornbook.tokens.tokenizer.hf_folder import opened
from hornbook.tokens.tokenizer.train import BERT_NAMES, NAMES, train_bpe, train_unigram, train_wordpiece
from hornbook.vocab import ROLES, START, Vocab

TOKENIZER = "tokenizer.json"  # the name of the file in a run or a model's folder
Kind = Literal["bpe", "wordpiece", "unigram"]
Template = Literal["none", "both", "end"]
Ids = NDArray[np.int32]

# Ids of parts of text are kept, some 150 bytes each, and forgotten all together when there are this many.
_KEPT, _KEPT_LENGTH = 1 << 18, 32


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer at work. text: its tokenizer.json; vocab: its ids and tables."""

    text: str = field(repr=False)
    vocab: Vocab

    def __reduce__(self) -> tuple[Any, ...]:
        return Tokenizer, (self.text, self.vocab)

    @functools.cached_property
    def _tokenizer(self) -> Any:
        return _open(self.text, literal=True)

    @functools.cached_property
    def _prompt_tokenizer(self) -> Any:
        return _open(self.text, literal=False)

    @functools.cached_property
    def byte_pieces(self) -> frozenset[int]:
        """Ids of pieces such as <0xE2>: a tokenizer with byte fallback decodes a run of them all together."""
        names = enumerate(self.tokens(range(self.vocab.size)))
        return frozenset(number for number, name in names if re.fullmatch("<0x[0-9A-F]{2}>", name))

    @functools.cached_property
    def _words(self) -> re.Pattern[str] | None:
        return word_pattern(self.text)

    @functools.cached_property
    def _kept(self) -> dict[str, bytes]:
        """The ids, int32, of parts of text met lately."""
        return {}

    @functools.cached_property
    def _divides(self) -> bool:
        """Whether ids stay the same when text is cut after a lone line end: tried on the ways such a place can look."""
        added = [token for token in json.loads(self.text).get("added_tokens", []) if not token["special"]]
        if any(token["lstrip"] or any(map(str.isspace, token["content"])) for token in added):
            return False  # such a token may reach across the place
        left, right = ("word", "it's", "9", "end.", "(", "a,"), ("Next", "9", "(x", "'s", "word", "...")
        pairs = itertools.product(left, right)
        return all(self._ids(f"{a}\n{b}") == self._ids(f"{a}\n") + self._ids(b) for a, b in pairs)

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """Return each text's ids, int32[n]: no marks added, no special id ever, whatever the text says."""
        divided = [list(self._pieces(text)) if len(text) > PIECE else [text] for text in texts]
        pieces = batches(itertools.chain.from_iterable(divided))
        done = self._of_pieces if self._words is None else self._of_words
        arrays = list(itertools.chain.from_iterable(map(done, pieces)))
        ends = itertools.accumulate((len(pieces) for pieces in divided), initial=0)
        return [arrays[a] if b - a == 1 else np.concatenate(arrays[a:b]) for a, b in itertools.pairwise(ends)]

    def _pieces(self, text: str) -> Iterator[str]:
        """Cut a long text where its ids stay the same; where no such place is known, it stays whole."""
        if self._words is not None:
            return windows(text)
        return cut(text) if self._divides else iter([text])

    def _of_words(self, texts: list[str]) -> list[Ids]:
        """Encode texts by their parts: what was met before is looked up, the library gets each other part once."""
        assert self._words is not None
        kept, parts = self._kept, [self._words.findall(text) for text in texts]
        found: list[list[Any]] = [list(map(kept.get, words)) for words in parts]
        unknown = itertools.compress(itertools.chain(*parts), (ids is None for ids in itertools.chain(*found)))
        new = list(dict.fromkeys(unknown))
        if 2 * sum(map(len, new)) > sum(map(len, texts)):
            return self._of_pieces(texts)  # text that repeats so little is faster whole
        if new:
            learned: dict[str, bytes] = {}
            for batch in batches(new):
                learned.update(zip(batch, (ids.tobytes() for ids in self._of_pieces(batch)), strict=True))
            found = [
                [learned[word] if ids is None else ids for word, ids in zip(words, row, strict=True)]
                for words, row in zip(parts, found, strict=True)
            ]
            short = {word: ids for word, ids in learned.items() if len(word) <= _KEPT_LENGTH}
            if len(kept) + len(short) > _KEPT:
                kept.clear()
            kept.update(short)
        return [np.array(np.frombuffer(b"".join(row), np.int32)) for row in found]

    def _of_pieces(self, texts: list[str]) -> list[Ids]:
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        rows = [encoding.ids for encoding in encodings]
        every = np.fromiter(itertools.chain.from_iterable(rows), np.int32)
        arrays = np.split(every, np.cumsum([len(row) for row in rows])[:-1])
        if not (self._forbidden[every].any() or (every == self.vocab.unk).any()):
            return arrays
        pairs = zip(texts, arrays, strict=True)
        return [self._without_special(text) if self._suspicious(ids, text) else ids for text, ids in pairs]

    def encode_places(self, text: str) -> tuple[Ids, NDArray[np.int32]]:
        """Return a text's ids int32[n], and where each stands in it, int32[n, 2]: first character, behind the last.

        A token of a part of a character has the whole character. Special ids that a text spells are read as unknown,
        or left out where the vocabulary has no such id.
        """
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        ids = np.array(encoding.ids, np.int32).reshape(-1)
        places = np.array(encoding.offsets, np.int32).reshape(-1, 2)
        spelled = self._forbidden[ids]
        if self.vocab.unk is None:
            return ids[~spelled], places[~spelled]
        return np.where(spelled, np.int32(self.vocab.unk), ids), places

    def encode_prompt(self, text: str) -> Ids:
        """Return the ids of what a person typed: special-token strings such as `<mask>` mean the tokens they name."""
        return np.array(self._prompt_tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.int32)

    def decode(self, ids: Sequence[int] | NDArray[np.integer], *, keep_special: bool = False) -> str:
        """Return the text of ids; special ids are left out, or spelled by name with `keep_special`.

        Ids beyond the vocabulary, which a model with a padded embedding may predict, are no text.
        """
        numbers = np.asarray(ids, dtype=np.int64)
        numbers = numbers[numbers < self.vocab.size]
        if not keep_special:
            numbers = numbers[~self.vocab.special[numbers]]
        return str(self._tokenizer.decode(numbers.tolist(), skip_special_tokens=False))

    def tokens(self, ids: Sequence[int] | NDArray[np.integer]) -> list[str]:
        """Return the vocabulary's own spelling of each id."""
        return [self._tokenizer.id_to_token(int(number)) or "" for number in ids]

    def role_names(self) -> dict[str, str]:
        """Return the spelling of each role's token, of the roles that there are."""
        ids = {role: getattr(self.vocab, role) for role in (*ROLES, START)}
        return {role: self.tokens([number])[0] for role, number in ids.items() if number is not None}

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    @functools.cached_property
    def _unknown(self) -> str:
        """The unknown token's string; a character that matches nothing where there is none."""
        return "\0" if self.vocab.unk is None else str(self._tokenizer.id_to_token(self.vocab.unk))

    @functools.cached_property
    def _forbidden(self) -> NDArray[np.bool_]:
        """bool[V]: ids that text must not have. The unknown id is for what the vocabulary cannot spell."""
        forbidden = self.vocab.special.copy()
        if self.vocab.unk is not None:
            forbidden[self.vocab.unk] = False
        return forbidden

    def _suspicious(self, ids: Ids, text: str) -> bool:
        return bool(self._forbidden[ids].any()) or (self._unknown in text and bool((ids == self.vocab.unk).any()))

    def _without_special(self, text: str) -> Ids:
        """Encode text whose special-token strings are pieces of the model itself, as in SentencePiece's Unigram.

        Each string that came out as a special id is cut after its first character and the parts are encoded alone.
        """
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        cuts = set()
        for number, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True):
            if self._forbidden[number] or (number == self.vocab.unk and self._unknown in text[start:stop]):
                if stop - start < 2:
                    raise UserError(f"The text contains {text[start:stop]!r}, a special token: use another tokenizer.")
                cuts.add(start + 1)
        if not cuts:
            return np.array(encoding.ids, dtype=np.int32)
        parts = itertools.pairwise([0, *sorted(cuts), len(text)])
        return np.concatenate([self._without_special(text[start:stop]) for start, stop in parts])


def load_tokenizer(path: Path, ids: Mapping[str, int] = MappingProxyType({})) -> Tokenizer:
    """Load a tokenizer.json, or the one in a folder, as transformers opens it: files beside it may change it.

    A model's config.json tells what its decoder starts with; `ids` tells other roles without a name, {"eos": 2}.
    """
    path = path / TOKENIZER if path.is_dir() else path
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            raise UserError("this is not a file.")
        text, roles = opened(path.read_text(encoding="utf-8"), path.parent)
        return make_tokenizer(text, roles, {**neighbouring_start(path.parent), **ids})
    except OSError as error:
        raise UserError(f"The tokenizer {path} cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, UserError) as error:
        raise UserError(f"{path}: {error if isinstance(error, UserError) else 'this is not UTF-8 text.'}") from error
    except ValueError as error:
        raise UserError(f"The tokenizer {str(path)!r} cannot be read ({error}).") from error


def make_tokenizer(text: str, roles: Mapping[str, str], ids: Mapping[str, int] = MappingProxyType({})) -> Tokenizer:
    """Return the tokenizer of a tokenizer.json's text, with the roles that are in it.

    A role's id counts where no name does, and only if it is a special token's: a config may have its class's defaults.
    What a decoder starts with is no guess, so it counts whatever it is.
    """
    tokenizer = _open(text, literal=True)
    named = {role: name for role, name in roles.items() if tokenizer.token_to_id(name) is not None}
    vocab = Vocab.from_tokenizer(text, named)
    more = {role: number for role, number in ids.items() if role not in named and 0 <= number < vocab.size}
    known = {
        role: name
        for role, number in more.items()
        if (vocab.special[number] or role == START) and (name := tokenizer.id_to_token(number)) is not None
    }
    return Tokenizer(text, Vocab.from_tokenizer(text, {**known, **named}) if known else vocab)


def save_tokenizer(tokenizer: Tokenizer, directory: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json, from which we and transformers read the same roles.

    A decoder's start that is a piece of text is written by its id, because whatever is named becomes a special token.
    """
    roles: dict[str, Any] = {f"{role}_token": name for role, name in tokenizer.role_names().items()}
    start = tokenizer.vocab.decoder_start
    if start is not None and not tokenizer.vocab.special[start]:
        del roles[f"{START}_token"]
        roles[f"{START}_token_id"] = start
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, **roles}
    artifacts.write_json(directory / "tokenizer_config.json", settings)
    artifacts.write_file(directory / TOKENIZER, tokenizer.text)  # last: where it is, the roles are there too


def train_tokenizer(
    texts: Iterable[str], kind: Kind, size: int, requirements: Requirements, template: Template = "none"
) -> str:
    """Train a tokenizer of at most `size` entries, all included, and return the text of its tokenizer.json.

    A corpus too small for `size` gives fewer entries. The same texts give the same bytes. `template` is what the
    tokenizer adds around a text when it is used elsewhere: nothing, both ends, or the end mark alone.
    Raises UserError when there is no text, or `size` cannot hold the special tokens and the alphabet.

    bpe        byte-level (Radford et al. 2019), merges seen at least twice; every text comes back exactly
    wordpiece  BERT's, cased (Devlin et al. 2019); holds the whole of `texts` in memory
    unigram    pieces of the language model of Kudo 2018, scores by `unigram.piece_scores`; line ends are kept
    """
    from tokenizers import AddedToken

    extra = [*requirements.modes, *(f"<extra_id_{number}>" for number in reversed(range(requirements.sentinels)))]
    room = size - len(extra)
    pieces = itertools.chain.from_iterable(cut(text, hard=True) for text in texts if text)
    first = next(pieces, None)
    if first is None:
        raise UserError("There is no text to train a tokenizer on: every document is empty.")
    train = {"bpe": train_bpe, "wordpiece": train_wordpiece, "unigram": train_unigram}[kind]
    tokenizer = train(itertools.chain([first], pieces), room, len(extra))
    taken = [name for name in extra if tokenizer.token_to_id(name) is not None]
    if taken:
        raise UserError(f"The mode token {taken[0]!r} occurs as a word in the text: put its name in brackets.")
    # Like RoBERTa's mask: the blank before it belongs to it, since the blank is part of the word it stands for.
    strip = kind != "wordpiece"
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False, lstrip=strip) for name in extra])
    tokenizer.post_processor = _post_processor(tokenizer, kind, template)
    return str(tokenizer.to_str())


def _post_processor(tokenizer: Any, kind: Kind, template: Template) -> Any:
    """Return what frames a text, or a pair of texts, when the tokenizer is used elsewhere."""
    from tokenizers.processors import TemplateProcessing

    if template == "none":
        return None
    start, end = BERT_NAMES[1:3] if kind == "wordpiece" else NAMES[1:3]
    if kind == "wordpiece":
        first, second = f"$A {end}", f"$B:1 {end}:1"
    else:  # RoBERTa's pair has two end marks in the middle and one token type
        first, second = f"$A {end}", f"{end} $B {end}" if template == "both" else f"$B {end}"
    single = f"{start} {first}" if template == "both" else first
    marks = [(name, tokenizer.token_to_id(name)) for name in (start, end)]
    return TemplateProcessing(single=single, pair=f"{single} {second}", special_tokens=marks)


def _open(text: str, *, literal: bool) -> Any:
    """Open a tokenizer without truncation and padding; `literal` reads special tokens' strings as plain text."""
    from tokenizers import Tokenizer as Backend

    try:
        tokenizer = Backend.from_str(text)
    except Exception as error:  # the library raises bare Exception
        raise UserError("This is not a tokenizer.json of the Hugging Face tokenizers library.") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = literal
    return tokenizer


def neighbouring_start(directory: Path) -> dict[str, int]:
    """Return the id that a folder's configuration lets a decoder behind an encoder start with, as a role."""
    for name in ("generation_config.json", "config.json", "tokenizer_config.json"):
        path = directory / name
        settings = artifacts.read_json(path, "model configuration") if path.is_file() else {}
        number = settings.get(f"{START}_token_id") if isinstance(settings, dict) else None
        if isinstance(number, int):
            return {START: number}
    return {}
