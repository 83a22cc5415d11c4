"""Vocab: what an objective must know of a tokenizer, as ids and per-token tables, in numpy alone.

Built from the text of any Hugging Face `tokenizer.json`, without the tokenizers library.

Shapes: V entries of the vocabulary.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hornbook.errors import UserError

# The names under which the ecosystem's tokenizers know each role, best first.
ROLES: Mapping[str, tuple[str, ...]] = {
    "pad": ("<pad>", "[PAD]", "<|pad|>", "<|padding|>"),
    "bos": ("<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>", "<|endoftext|>"),
    "eos": ("</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>"),
    "unk": ("<unk>", "[UNK]"),
    "mask": ("<mask>", "[MASK]", "<|mask|>", "<|mdm_mask|>"),
    "cls": ("[CLS]", "<cls>", "<s>"),
    "sep": ("[SEP]", "<sep>", "</s>"),
}
START = "decoder_start"  # a role as well, but one that no token is known by
SENTINEL = re.compile(r"<extra_id_(\d+)>")
# Thai, Lao, Burmese, Khmer; kana; Chinese characters, also those beyond the first 65,536.
_BLOCKS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
UNSPACED = re.compile(f"[{_BLOCKS}]")
_CLOSERS = "\"')]}»”’"
_ENDERS = ".!?…。！？"


@dataclass(frozen=True, eq=False)
class Vocab:
    """Special ids and tables of one tokenizer. Two are equal when all of it is: tokenizer, roles and tables.

    size           number of ids, added tokens included
    pad ... sep    id of each role, or None where the tokenizer has none
    decoder_start  first input of a decoder behind an encoder, where it is not padding (BART: end of text); see `start`
    sentinels      ids of <extra_id_0>, <extra_id_1>, ... in order of use
    modes          (name, id) of other special tokens, such as UL2's [R]
    special        bool[V]   ids that are no text: never masked, never drawn as a random replacement
    starts_word    bool[V]   the token begins a word (or stands alone, as punctuation does)
    ends_sentence  bool[V]   the token ends with . ! ? or a line end, closing quotes and brackets passed over
    ends_word      bool[V]   the token ends with what is no letter, digit or mark: whatever follows begins a word
    ends_blank     bool[V]   the token ends with white space
    is_blank       bool[V]   the token is white space alone: it belongs to the word behind it
    closes         bool[V]   the token is closing quotes and brackets alone: it belongs to the sentence before it
    byte_lengths   int32[V]  bytes of text the token stands for; 0 for special ids
    fingerprint    SHA-256 of the tokenizer's vocabulary, merges and normalisation
    """

    size: int = 0
    pad: int | None = None
    bos: int | None = None
    eos: int | None = None
    unk: int | None = None
    mask: int | None = None
    cls: int | None = None
    sep: int | None = None
    decoder_start: int | None = None
    sentinels: tuple[int, ...] = ()
    modes: tuple[tuple[str, int], ...] = ()
    special: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool), repr=False)
    starts_word: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool), repr=False)
    ends_sentence: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool), repr=False)
    ends_word: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool), repr=False)
    ends_blank: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool), repr=False)
    is_blank: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool), repr=False)
    closes: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool), repr=False)
    byte_lengths: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32), repr=False)
    fingerprint: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocab) and (self is other or self._identity == other._identity)

    def __hash__(self) -> int:
        return hash(self._identity)

    @functools.cached_property
    def _identity(self) -> bytes:
        """Return a digest of every field: the same tokenizer with other roles is another vocabulary.

        Objectives are compared and cached by it.
        """
        digest = hashlib.sha256()
        for item in fields(self):
            value = getattr(self, item.name)
            digest.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
            digest.update(b"\0")
        return digest.digest()

    @functools.cached_property
    def words(self) -> NDArray[np.int32]:
        """Return the ids of all tokens that are text, ascending: what a random replacement is drawn from."""
        return np.flatnonzero(~self.special).astype(np.int32)

    # Bits of `word_flags`.
    TEXT: ClassVar[int] = 1
    STARTS: ClassVar[int] = 2
    ENDS: ClassVar[int] = 4
    BLANK: ClassVar[int] = 8

    @functools.cached_property
    def word_flags(self) -> NDArray[np.uint8]:
        """Return uint8[V]: whether each id is text, starts a word, ends one, is blank: one table for one look-up."""
        flags = np.where(self.special, 0, self.TEXT).astype(np.uint8)
        flags |= (self.starts_word * np.uint8(self.STARTS)) | (self.ends_word * np.uint8(self.ENDS))
        return np.asarray(flags | (self.is_blank * np.uint8(self.BLANK)))

    # Bits of `sentence_flags`, beside BLANK: there the token ends blank.
    LAST: ClassVar[int] = 1
    PASSED: ClassVar[int] = 2
    OPENS: ClassVar[int] = 4

    @functools.cached_property
    def sentence_flags(self) -> NDArray[np.uint8]:
        """Return uint8[V]: whether each id ends a sentence, is passed over behind one, starts a word, ends blank."""
        flags = self.ends_sentence * np.uint8(self.LAST) | (self.ends_blank | self.closes) * np.uint8(self.PASSED)
        return np.asarray(flags | self.starts_word * np.uint8(self.OPENS) | self.ends_blank * np.uint8(self.BLANK))

    def require(self, role: str, why: str) -> int:
        """Return the id of a role, or refuse in words: `why` says who needs it."""
        found: int | None = getattr(self, role)
        if found is None:
            advice = f"Add one ({' or '.join(ROLES[role][:2])}) as a special token, or choose another objective."
            raise UserError(f"{why} needs a {role} token, which this tokenizer lacks. {advice}")
        return found

    def start(self, why: str) -> int:
        """Return the first input of a decoder behind an encoder: padding (Raffel et al. 2020), or what was chosen."""
        return self.require("pad", why) if self.decoder_start is None else self.decoder_start

    def mode(self, name: str, why: str) -> int:
        """Return the id of a mode token by its name, or refuse in words: `why` says who needs it."""
        found = dict(self.modes).get(name)
        if found is None:
            advice = "Add it as a special token, or choose another objective."
            raise UserError(f"{why} needs the token {name}, which this tokenizer lacks. {advice}")
        return found

    @classmethod
    def from_tokenizer(cls, text: str, roles: Mapping[str, str] | None = None) -> Vocab:
        """Build from the text of a `tokenizer.json`; `roles` ({"eos": "<|im_end|>"}) overrides the guess by name.

        The role "decoder_start" is never guessed, and its token may be a piece of text as well.

        Raises UserError when the text is not such a file or a role's token is not in it.
        """
        try:
            data = json.loads(text)
            model, added = data["model"], data.get("added_tokens") or []
            entries = _entries(model, added)
            size = max(entries.values(), default=-1) + 1
            unknown = model.get("unk_token") or _unigram_unknown(model)
        except (json.JSONDecodeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise UserError("This is not a tokenizer.json of the Hugging Face tokenizers library.") from error
        tokens: list[str] = [""] * size
        for token, number in entries.items():
            tokens[number] = token
        specials = {item["content"]: item["id"] for item in added if item.get("special")}
        if unknown in entries:
            specials.setdefault(unknown, entries[unknown])
        found = _roles(specials, unknown, roles or {}, entries)
        ranks = {number: int(match[1]) for name, number in specials.items() if (match := SENTINEL.fullmatch(name))}
        others = {number: name for name, number in specials.items() if number not in {*found.values(), *ranks}}
        marks = [number for role, number in found.items() if role != START]
        special = np.zeros(size, bool)
        special[sorted({*specials.values(), *(number for number in marks if number is not None)})] = True
        special[[number for number, token in enumerate(tokens) if token == ""]] = True  # ids without an entry
        texts, starts = _texts(tokens, data)
        return cls(
            size=size,
            **found,
            sentinels=tuple(sorted(ranks, key=lambda number: (ranks[number], number))),
            modes=tuple((name, number) for number, name in sorted(others.items())),
            special=special,
            starts_word=np.array(starts, bool) & ~special,
            ends_sentence=np.array([_ends_sentence(item) for item in texts], bool) & ~special,
            ends_word=np.array([_ends_word(item) for item in texts], bool) & ~special,
            ends_blank=np.array([_ends_blank(item) for item in texts], bool) & ~special,
            is_blank=np.array([_is_blank(item) for item in texts], bool) & ~special,
            closes=np.array([_closes(item) for item in texts], bool) & ~special,
            byte_lengths=np.where(special, 0, [len(item) for item in texts]).astype(np.int32),
            fingerprint=_fingerprint(data),
        )


def _entries(model: Mapping[str, Any], added: list[dict[str, Any]]) -> dict[str, int]:
    listed = model["vocab"]
    entries = {token: number for number, (token, _) in enumerate(listed)} if isinstance(listed, list) else listed
    return {**entries, **{item["content"]: item["id"] for item in added}}


def _unigram_unknown(model: Mapping[str, Any]) -> str | None:
    number = model.get("unk_id")
    return None if number is None else str(model["vocab"][number][0])


def _roles(
    specials: Mapping[str, int], unknown: str | None, named: Mapping[str, str], entries: Mapping[str, int]
) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for role, names in {**ROLES, START: ()}.items():
        if role in named:
            if named[role] not in entries:
                raise UserError(f"The tokenizer has no token {named[role]!r} to serve as {role}.")
            found[role] = entries[named[role]]
        else:
            found[role] = next((specials[name] for name in names if name in specials), None)
    if found["unk"] is None and unknown is not None and unknown in entries:
        found["unk"] = entries[unknown]
    if found["eos"] is None:
        found["eos"] = found["sep"]
    if found["bos"] is None:
        found["bos"] = found["cls"]
    return found


@functools.cache
def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins for the 256 bytes (Radford et al. 2019, released code), from character to byte."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(256 + number): byte for number, byte in enumerate(hidden)}


def _texts(tokens: list[str], data: Mapping[str, Any]) -> tuple[list[bytes], list[bool]]:
    """Return the bytes each token stands for, and whether it starts a word, for the tokenizer's way of spelling."""
    model = data["model"]
    spelling = json.dumps([data.get("pre_tokenizer"), data.get("decoder")])
    if '"ByteLevel"' not in spelling and model.get("type") == "WordPiece":  # the blank before a word is in no token
        prefix = model.get("continuing_subword_prefix", "##")
        return [token.removeprefix(prefix).encode() for token in tokens], [not t.startswith(prefix) for t in tokens]
    texts = list(map(_byte_level if '"ByteLevel"' in spelling else _sentence_piece, tokens))
    return texts, [not _continues_word(text) for text in texts]


def _byte_level(token: str) -> bytes:
    alphabet = _byte_alphabet()
    return bytes(alphabet[c] for c in token) if all(c in alphabet for c in token) else token.encode()


def _sentence_piece(token: str) -> bytes:
    """Read SentencePiece's spelling: U+2581 for a blank, <0x0A> for a byte."""
    byte = re.fullmatch(r"<0x([0-9A-F]{2})>", token)
    return bytes([int(byte[1], 16)]) if byte else token.replace("\u2581", " ").encode()


def _continues_word(text: bytes) -> bool:
    """Whether a token of this text goes on with the word before it: it begins with a letter, digit or combining mark.

    Scripts that are written without blanks have no such words: there every token is one, as BERT has it for Chinese.
    """
    first = text[:4].decode("utf-8", errors="ignore")[:1]
    if first and text.startswith(first.encode()):
        return _is_word_character(first) and UNSPACED.match(first) is None
    # The middle of a character, or the beginning of one; those of Chinese and Japanese begin with these bytes.
    return bool(text) and not 0xE3 <= text[0] <= 0xE9


def _ends_word(text: bytes) -> bool:
    last = text[-4:].decode("utf-8", errors="ignore")[-1:]
    return bool(last) and text.endswith(last.encode()) and not _is_word_character(last)


def _is_word_character(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


def _ends_sentence(text: bytes) -> bool:
    decoded = text.decode("utf-8", errors="ignore")
    return "\n" in decoded or decoded.rstrip().rstrip(_CLOSERS).endswith(tuple(_ENDERS))


def _ends_blank(text: bytes) -> bool:
    return text.decode("utf-8", errors="ignore")[-1:].isspace()


def _is_blank(text: bytes) -> bool:
    return text.decode("utf-8", errors="replace").isspace()


def _closes(text: bytes) -> bool:
    decoded = text.decode("utf-8", errors="replace")
    return bool(decoded) and not decoded.strip(_CLOSERS)


def _fingerprint(data: Mapping[str, Any]) -> str:
    relevant = {name: data.get(name) for name in ("model", "added_tokens", "normalizer", "pre_tokenizer")}
    return hashlib.sha256(json.dumps(relevant, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


EMPTY = Vocab()
