"""A tokenizer with more pieces, learned from new text: merging goes on where it stopped (Sennrich et al. 2016, 3.2).

    new text -> words -> old pieces -> the commonest neighbours merged, again and again -> new pieces behind the last id

Byte-level BPE applies old merges first, so a text is cut as before and then joined further: with every new piece
spelled out again, its ids are the old ones. WordPiece takes the longest piece it finds, so it may cut some words
elsewhere.
"""

from __future__ import annotations

import heapq
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hornbook.errors import UserError
from hornbook.tokens.tokenizer.cutting import cut
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, make_tokenizer

_LEAST = 2  # a pair that occurs only once is no piece of a language


def with_pieces(tokenizer: Tokenizer, texts: Iterable[str], number: int) -> tuple[Tokenizer, dict[int, list[int]]]:
    """Return the tokenizer with up to `number` more pieces, and how the old one spells each: new id -> old ids.

    The same texts give the same pieces. Raises UserError where the kind of tokenizer allows none, or the text has none.
    """
    from tokenizers import Tokenizer as Backend

    data: dict[str, Any] = json.loads(tokenizer.text)
    model = data["model"]
    prefix = _continuing_prefix(data)
    backend = Backend.from_str(tokenizer.text)
    merging = _Merging(prefix, set(model["vocab"]) | {item["content"] for item in data.get("added_tokens") or []})
    for word, count in sorted(_words(backend, texts).items()):
        pieces = [token.value for token in backend.model.tokenize(word)]
        if model.get("unk_token") not in pieces:
            merging.add(pieces, count)
    found = merging.run(number)
    if not found:
        raise UserError("No pair of tokens occurs twice in the text: add text, or leave out start.new_pieces.")
    # Ids of added tokens follow from the model's entries when the file is opened: with all among them, they stay.
    model["vocab"].update((item["content"], item["id"]) for item in data.get("added_tokens") or [])
    spelled: dict[str, list[int]] = {}
    for new, (left, right) in zip(range(tokenizer.vocab.size, tokenizer.vocab.size + len(found)), found, strict=True):
        piece = left + right.removeprefix(prefix)
        spelled[piece] = [old for part in (left, right) for old in spelled.get(part) or [int(model["vocab"][part])]]
        model["vocab"][piece] = new
    if "merges" in model:
        as_text = bool(model["merges"]) and isinstance(model["merges"][0], str)
        model["merges"] += [f"{left} {right}" if as_text else [left, right] for left, right in found]
    grown = make_tokenizer(json.dumps(data, ensure_ascii=False), tokenizer.role_names())
    numbers = range(tokenizer.vocab.size, grown.vocab.size)
    known = range(tokenizer.vocab.size)
    if grown.tokens(numbers) != list(spelled) or grown.tokens(known) != tokenizer.tokens(known):
        raise UserError("This tokenizer's ids have gaps, so it cannot be extended: leave out start.new_pieces.")
    return grown, dict(zip(numbers, spelled.values(), strict=True))


def _continuing_prefix(data: dict[str, Any]) -> str:
    """Return what marks a piece inside a word, "##" or nothing, or refuse the kind of tokenizer."""
    model = data["model"]
    if model.get("type") == "WordPiece":
        return str(model.get("continuing_subword_prefix", "##"))
    plain = not (model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"))
    if model.get("type") == "BPE" and plain and data.get("pre_tokenizer"):
        return ""
    raise UserError(
        "start.new_pieces needs a BPE or WordPiece tokenizer that splits text into words; this one "
        f"({model.get('type') or 'unknown kind'}) is not: leave it out."
    )


def _words(backend: Any, texts: Iterable[str]) -> Counter[str]:
    """Return how often each word of the texts occurs, as the tokenizer's model meets words."""
    counts: Counter[str] = Counter()
    for text in texts:
        for part in cut(text, hard=True):
            normal = backend.normalizer.normalize_str(part) if backend.normalizer else part
            counts.update(word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal))
    return counts


@dataclass
class _Merging:
    """Words as pieces, and where each pair of neighbours is.

    prefix    what marks a piece inside a word, left out where it is joined to what is before it
    taken     spellings that exist already: a pair that would give one is never merged
    """

    prefix: str
    taken: set[str]
    words: list[list[str]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    places: defaultdict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(set))

    def add(self, pieces: list[str], count: int) -> None:
        """Take in one word that occurs `count` times."""
        for pair in itertools.pairwise(pieces):
            self.pairs[pair] += count
            self.places[pair].add(len(self.words))
        self.words.append(pieces)
        self.counts.append(count)

    def run(self, number: int) -> list[tuple[str, str]]:
        """Merge the commonest pair, up to `number` times; of equally common ones the first in the alphabet."""
        found: list[tuple[str, str]] = []
        queue = [(-count, pair) for pair, count in self.pairs.items()]
        heapq.heapify(queue)
        while queue and len(found) < number:
            count, pair = heapq.heappop(queue)
            if -count != self.pairs[pair]:
                if self.pairs[pair] >= _LEAST:
                    heapq.heappush(queue, (-self.pairs[pair], pair))
                continue
            piece = pair[0] + pair[1].removeprefix(self.prefix)
            if -count < _LEAST or piece in self.taken:
                continue
            self.taken.add(piece)
            found.append(pair)
            for changed in self._merge(pair, piece):
                heapq.heappush(queue, (-self.pairs[changed], changed))
        return found

    def _merge(self, pair: tuple[str, str], piece: str) -> Iterator[tuple[str, str]]:
        """Put the piece in place of the pair everywhere; return the pairs that became commoner."""
        more: set[tuple[str, str]] = set()
        for index in sorted(self.places.pop(pair)):
            old, count = self.words[index], self.counts[index]
            new: list[str] = []
            position = 0
            while position < len(old):
                here = tuple(old[position : position + 2]) == pair
                new.append(piece if here else old[position])
                position += 2 if here else 1
            for before in itertools.pairwise(old):
                self.pairs[before] -= count
            for after in itertools.pairwise(new):
                self.pairs[after] += count
                self.places[after].add(index)
                if piece in after:
                    more.add(after)
            self.words[index] = new
        return iter(sorted(more))
