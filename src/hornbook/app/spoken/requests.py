"""What the pages may ask of models, as frozen dataclasses with their bounds, and the events that answer.

Every event is a dict with its kind under "event". "progress" is a turn that has nothing to tell yet: {"event":
"progress", "run", "doing", "done" (0 to 1)}; every generator may yield some. nats are -ln p; p and share are from 0 to
1; text travels as pieces, never as offsets; names are tokens as the tokenizer spells them, a blank as ▁.

    gap         {"event": "words", "tried": [word]}
                {"event": "gap", "run", "kind", "exact", "outside", "total", "reads": [[name]], "how", "words":
                [{"text", "pieces", "nats", "share", "left"}], "guess": place in words or null, "answer": the same}, the
                likeliest word first. kind: masks, strings, sentence, judge, unigram (run is then null). pieces is null
                where the model cannot spell the word, and then nats and share are. outside is the probability of all
                that was not tried, null where the words only share what those tried have. total is the sum of the
                shares, each once of words that the tokenizer reads alike. reads is what the model is given to say one
                word, of encoder and decoder two lists. left, of causal models: {"nats", "share"} given what is before
                the gap alone, else null
                {"event": "film", "run", "step", "of", "filled": [{"place", "name", "p"}], "text"}, of a diffusion
                model, behind its gap: the gap as so many masks, filled step by step; place counts from 0 in the gap
                {"event": "refused", "run", "why"}: this model cannot; the others go on
                {"event": "end", "tried": number of words}
    sentences   {"event": "sentences", "sentences": [{"text" with ___, "answer", "source"}]}
    write       {"event": "start", "run", "read": tokens read, "shown": text that the new tokens go on from}
                {"event": "token", "id", "text", "name", "p", "nats", "rank", "drawn", "top": [{"id", "name", "p",
                "drawn"}]}: p is the model's, drawn the share after temperature, cuts and penalty. text is "" while a
                character is incomplete
                {"event": "end", "why": "stop" (the model ended it) | "length" (as many as asked for) | "full" (no
                position is left), "text": what was held back, "tokens": new ones, "last": the token event of the stop,
                or null}
    surprise    {"event": "start", "run", "kind": "exact" | "pseudo" | "bound", "how", "comparable", "tokens"}
                {"event": "token", "text", "tokens": how many it joins, "nats", "rank", "top": [{"name", "p"}], "word":
                number of its word}: nats is null where nothing predicts it; rank is null where tokens were joined or
                the way has no prediction of its own
                {"event": "end", "nats", "tokens", "bytes", "bits_per_byte" or null, "words": [{"text", "nats"}],
                "end_nats": of the mark that ends the text, which is in no sum, or null}; nats of a word are null where
                a part of it has none
    neighbours  {"event": "neighbours", "run", "name", "pieces", "nearest": [{"name", "cosine"}]}
    attention   {"event": "attention", "run", "layer", "layers", "side", "sides": [those that the model has], "heads",
                "queries": [name], "keys": [name], "weights": base64 of uint8 [heads, queries, keys], 255 = 1, "note"}
    judge       {"event": "judge", "run", "tokens": [{"text", "replaced": p}], "how"}
    pair        {"event": "pair", "run", "classes": [{"meaning", "p"}], "tokens": [{"name", "type"}], "how"}

A UserError of a generator has one sentence for the reader.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Le, MaxLen

from hornbook.schema import Positive, PositiveShare, Seed, Share, check

TEXT, TOKENS, NEW, TOP = 4_000, 512, 256, 10  # characters and tokens of a text, new tokens, alternatives
SEEN = 64  # tokens of which attention is shown
WORDS = 64  # words that are tried in a gap
RUNS = 8  # models that are asked in one request

Text = Annotated[str, MaxLen(TEXT)]
Word = Annotated[str, MaxLen(64)]
RunNumber = Annotated[int, Ge(0), Le(10_000)]
Token = Annotated[int, Ge(0), Le(10_000_000)]


@dataclass(frozen=True)
class LoadRequest:
    """A run that was added to the page, to be opened. Events: {} for each step."""

    run: RunNumber


@dataclass(frozen=True)
class GapRequest:
    """Which word stands in the gap of a text?

    runs     numbers of the models that are asked, each over the same words
    text     a text with one gap, written ___
    guess    the reader's word, or ""
    answer   the word that is known to stand there, or ""
    tried    the words to try beside the two; empty = what the models propose, and frequent words
    masks    of the film of a diffusion model; 0 = as many as the guess has pieces
    """

    runs: Annotated[tuple[RunNumber, ...], MaxLen(RUNS)]
    text: Text
    guess: Word = ""
    answer: Word = ""
    tried: Annotated[tuple[Word, ...], MaxLen(WORDS)] = ()
    masks: Annotated[int, Ge(0), Le(32)] = 0

    def __post_init__(self) -> None:
        check(self, "")


@dataclass(frozen=True)
class SentencesRequest:
    """Sentences with a gap: bundled ones, or held-out ones of a run; the seed chooses and orders them."""

    run: RunNumber | None = None
    number: Annotated[int, Ge(1), Le(40)] = 10
    seed: Seed = 0

    def __post_init__(self) -> None:
        check(self, "")


@dataclass(frozen=True)
class Choosing:
    """How the next token is chosen; the fields are those of `hornbook.generate.Decoding`."""

    max_new: Annotated[int, Ge(1), Le(NEW)] = 64
    temperature: Annotated[float, Ge(0), Le(100)] = 0.8
    top_k: Annotated[int, Ge(0), Le(1_000_000)] = 0
    top_p: PositiveShare = 1.0
    min_p: Share = 0.0
    repetition_penalty: Annotated[Positive, Le(100)] = 1.0
    seed: Seed = 0

    def __post_init__(self) -> None:
        check(self, "")


@dataclass(frozen=True)
class WriteRequest:
    """How does the model go on with a text?

    tokens         ids of new tokens that are fixed already, behind the prompt: the text goes on from them
    alternatives   tokens that are shown beside each new one
    """

    run: RunNumber
    prompt: Text
    tokens: Annotated[tuple[Token, ...], MaxLen(NEW)] = ()
    decoding: Choosing = field(default_factory=Choosing)
    alternatives: Annotated[int, Ge(0), Le(TOP)] = 5

    def __post_init__(self) -> None:
        check(self, "")


@dataclass(frozen=True)
class SurpriseRequest:
    """How surprised is the model by each token of a text?"""

    run: RunNumber
    text: Text
    alternatives: Annotated[int, Ge(0), Le(TOP)] = 5

    def __post_init__(self) -> None:
        check(self, "")


@dataclass(frozen=True)
class NeighboursRequest:
    """Which tokens have embeddings like that of a word?"""

    run: RunNumber
    text: Word
    top: Annotated[int, Ge(1), Le(50)] = 10

    def __post_init__(self) -> None:
        check(self, "")


@dataclass(frozen=True)
class AttentionRequest:
    """Where do the heads of one layer look?

    second   of a model of pairs: the second text; of an encoder-decoder: what its decoder says, "" = the text itself
    side     self: the only stack, or the encoder; decoder: the decoder behind an encoder; cross: from it to the encoder
    """

    run: RunNumber
    text: Text
    layer: Annotated[int, Ge(0), Le(1_000)] = 0
    second: Text = ""
    side: Literal["self", "decoder", "cross"] = "self"

    def __post_init__(self) -> None:
        check(self, "")


@dataclass(frozen=True)
class JudgeRequest:
    """Which tokens of a text look replaced?"""

    run: RunNumber
    text: Text

    def __post_init__(self) -> None:
        check(self, "")


@dataclass(frozen=True)
class PairRequest:
    """How do two texts belong together?"""

    run: RunNumber
    first: Text
    second: Text

    def __post_init__(self) -> None:
        check(self, "")


__all__ = [
    "NEW", "RUNS", "SEEN", "TEXT", "TOKENS", "TOP", "WORDS", "AttentionRequest", "Choosing", "GapRequest",
    "JudgeRequest", "NeighboursRequest", "PairRequest", "SentencesRequest", "SurpriseRequest",
    "WriteRequest",
]  # fmt: skip
