"""Scorer: a model with a way to ask it, which says how likely a text is behind another one.

    (context, continuation) -> tokens -> the way's lines -> nats of each token

The ways are in `hornbook.evaluate.scoring.ways`; `hornbook.evaluate.scoring.lines` computes what they lay out. A scorer
knows no task.

Shapes: L tokens of a continuation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hornbook.errors import UserError
from hornbook.evaluate.scoring.lines import likelihoods
from hornbook.evaluate.scoring.ways import Line, Way
from hornbook.model.electra import Model
from hornbook.tokens.tokenizer.tokenizer import Tokenizer

_TOGETHER = 1 << 10  # texts that are encoded in one call


@dataclass(frozen=True, eq=False)
class Scored:
    """A continuation, scored.

    nats    float64[L]: of each token; see the way's kind
    bytes   UTF-8 bytes of the continuation's text
    cut     tokens of the context that did not fit, from its beginning
    likely  1 where every token is the likeliest one behind those before it, 1 / k for each that is tied with k - 1
            others, else 0; None where nothing asked for it
    """

    nats: NDArray[np.float64]
    bytes: int
    cut: int
    likely: float | None = None

    @property
    def total(self) -> float:
        return float(self.nats.sum())


@dataclass(frozen=True)
class Piece:
    """Tokens of a context and of a continuation behind it, and how many more of the context the way has no room for."""

    context: list[int]
    text: list[int]
    cut: int


@dataclass(frozen=True)
class Scorer:
    """A model with a way to ask it; it scores texts."""

    model: Model
    tokenizer: Tokenizer
    way: Way
    device: torch.device

    def score(
        self,
        asked: Sequence[tuple[str, str]],
        *,
        likely: bool = False,
        progress: Callable[[float], None] | None = None,
    ) -> list[Scored]:
        """Return the score of each continuation behind its context; either may be long, the context also empty.

        With `likely` it is also told whether each token is the likeliest behind those before it. `progress` is told the
        share of the work that is done. Raises UserError for a continuation that is empty, gives no tokens, or is too
        long for the model, before anything is computed.
        """
        pieces = self.pieces(asked)
        items = laid = 0

        def laid_out() -> Iterator[Line]:
            nonlocal items, laid
            for item, piece in enumerate(pieces):
                items += 1
                for line in self.way.lines(item, piece.context, piece.text):
                    laid += 1
                    yield line
                for line in self.way.greedy(item, piece.context, piece.text) if likely else ():
                    laid += 1
                    yield line

        def done(computed: int) -> None:
            if progress is not None:
                progress(items / len(pieces) * computed / laid)

        nats, best = likelihoods(
            self.model, laid_out(), [len(piece.text) for piece in pieces], self.device,
            likely=likely, asks=self.way.asks, done=done,
        )  # fmt: skip
        return [
            Scored(nats[item], len(asked[item][1].encode()), piece.cut, best[item] if likely else None)
            for item, piece in enumerate(pieces)
        ]

    def pieces(self, asked: Sequence[tuple[str, str]]) -> list[Piece]:
        """Return the tokens of each context, as many of its last as fit, and of the continuation behind it.

        Both are encoded as one text; blanks between them belong to the continuation, and so does a token that reaches
        over the border. Raises UserError as `score` does.
        """
        found = []
        for start in range(0, len(asked), _TOGETHER):
            texts = []
            for context, text in asked[start : start + _TOGETHER]:
                if not text:
                    raise UserError(f"There is nothing to score behind {context[-40:]!r}: the continuation is empty.")
                texts += [context + text, context.rstrip()]
            ids = self.tokenizer.encode(texts)
            for place, (context, text) in enumerate(asked[start : start + _TOGETHER]):
                found.append(self._piece(context, text, ids[2 * place].tolist(), ids[2 * place + 1].tolist()))
        return found

    def _piece(self, context: str, text: str, whole: list[int], before: list[int]) -> Piece:
        if whole == before:
            raise UserError(f"{text[:40]!r} behind {context[-40:]!r} gives no tokens: there is nothing to score.")
        common = 0
        while common < min(len(whole) - 1, len(before)) and whole[common] == before[common]:
            common += 1
        ids = whole[common:]
        room = self.way.room(len(ids))
        if room < 0:
            raise UserError(f"A text of {len(ids)} tokens is too long to be scored by this model: {text[:40]!r} ...")
        cut = max(0, common - room)
        return Piece(whole[cut:common], ids, cut)
