"""Places where a text can be cut so that its parts, encoded alone, have the ids of the whole: known, not tried.

A cut stands behind a character that is no white space and before a blank or a line end; with `_FINE` also behind an
ASCII letter or digit and before ASCII punctuation. Why no token reaches across, and nothing looks across:

byte-level  GPT-2's expression (Radford et al. 2019) has runs of letters, of digits, of other characters, and of white
            space. A run before such a place ends there; a contraction ends in a letter, and begins with its apostrophe.
            Only a run of white space looks ahead, at the first character behind it, which is on its side of the cut.
BERT        White space separates words and each ASCII punctuation mark is a word (Devlin et al. 2019). Its normalizer
            works character by character; accents are taken off a letter together with it, never off a blank.
Unigram     As trained here: line ends stand alone, and every blank begins a piece. Punctuation has no such place.

No other pipeline is cut here, nor one with added tokens that are not special, since those may contain such a place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from hornbook.corpus.grouping import grouped

# The tokenizers library needs some 200 bytes of memory per byte of text at work: long texts go in pieces, in batches.
PIECE = 1 << 16
_BATCH = 1 << 20

# Unicode's White_Space, which is what the tokenizers library calls so; Python's \s has U+001C to U+001F besides.
_SPACE = "\\t-\\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_OTHER_SPACE = "\\t\x0b-\\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_MARKS = "!-/:-@\\[-`{-~"

# Where other white space follows a word, the next word is of the same part.
_COARSE = f"[{_SPACE}]*+[^{_SPACE}]++(?:[{_OTHER_SPACE}][{_SPACE}]*+[^{_SPACE}]*+)*+|[{_SPACE}]+"
_FINE = f"[{_SPACE}]*+[{_MARKS}]*+[A-Za-z0-9]++(?=[{_MARKS} \\n])|{_COARSE}"
_LONE_LINE_END = re.compile(r"(?<=\S)\n(?=\S)")
_PLACE = re.compile(f"[^{_SPACE}](?=[ \\n])")

_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
_UNIGRAM = [
    {"type": "Split", "pattern": {"Regex": r"[<>\[\]\n]"}, "behavior": "Isolated", "invert": False},
    {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never", "split": True},
]


def word_pattern(text: str) -> re.Pattern[str] | None:
    """Return the expression whose matches, in turn, are a text's parts, for a tokenizer.json; None where not known."""
    spec = json.loads(text)
    normalizer, model = spec.get("normalizer"), spec["model"]
    splitter = spec.get("pre_tokenizer") or {}
    if model.get("dropout") or any(not token["special"] for token in spec.get("added_tokens", [])):
        return None
    if splitter.get("type") == "BertPreTokenizer":
        return re.compile(_FINE) if normalizer is None or normalizer["type"] == "BertNormalizer" else None
    if normalizer is not None:
        return None
    if _agrees({"use_regex": True, **splitter}, _BYTE_LEVEL):
        return re.compile(_FINE)
    steps = splitter.get("pretokenizers", []) if splitter.get("type") == "Sequence" else []
    same = len(steps) == len(_UNIGRAM) and all(map(_agrees, steps, _UNIGRAM))
    return re.compile(_COARSE) if same else None


def _agrees(step: dict[str, Any], known: dict[str, Any]) -> bool:
    return all(step.get(name) == value for name, value in known.items())


def windows(text: str) -> Iterator[str]:
    """Cut a text for which there is a word pattern into pieces of at least `PIECE` characters and whole words."""
    start = 0
    while start < len(text):
        match = _PLACE.search(text, start + PIECE)
        stop = len(text) if match is None else match.end()
        yield text[start:stop]
        start = stop


def cut(text: str, *, hard: bool = False) -> Iterator[str]:
    """Cut a long text after lone line ends, where tokens never reach across; `hard` cuts elsewhere if none comes."""
    start = 0
    while len(text) - start > PIECE:
        match = _LONE_LINE_END.search(text, start + PIECE, start + 16 * PIECE if hard else len(text))
        if match is None and not hard:
            break
        stop = start + 16 * PIECE if match is None else match.end()
        yield text[start:stop]
        start = stop
    yield text[start:]


def batches(pieces: Iterable[str]) -> Iterator[list[str]]:
    """Return pieces in batches of a bounded number of characters."""
    return grouped(pieces, len, _BATCH)
