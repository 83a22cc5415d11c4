"""Loss, perplexity and bits per byte of a model on held-out text.

Definitions
    loss             sum(weights * nats) / sum(count): the training objective on text not trained on; nats per token
    perplexity       exp(loss): the size of a fair die as hard to guess as one token. A number, not bits
    text loss        mean nats of the scored targets that stand for text; special ids (document ends, sentinels) do not,
                     an unknown token does, for the text it hides
    pair accuracy    share of the text pairs (half of them next or in order, half not) that are classified correctly
    bits per byte    sum of the nats of all text tokens / (ln 2 * bytes of the original UTF-8 text). Only for models
                     that predict every token from the ones before it; the one number that may be compared between
                     tokenizers. Context reaches back at most to the start of the token's row: an upper bound.

Every number is also kept of each document (`hornbook.evaluate.documents`), from which its interval follows.

What a masked or span-corruption model predicts is chosen by noise; that noise is drawn once, from the measurement's own
seed, so that numbers of one run, and of runs with the same recipe, are comparable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hornbook import keys
from hornbook.batch import Batch, Rows
from hornbook.evaluate.documents import COLUMNS, DocumentSums, context_of, scored_bytes, share_of, sums_of
from hornbook.model.electra import Model
from hornbook.objectives.base import Objective, says_every_token
from hornbook.tokens.loader import shown
from hornbook.tokens.packing import DocumentRows
from hornbook.train.parallel import Parallel

# Keeps the noise of measurements apart from that of training, whatever the run's seed.
MEASURE_STREAM = 0x4D454153
LARGEST_EXPONENT = 709.0  # exp() of more is infinite
_NUMBERS = 7  # that are added up over the batches


@dataclass(frozen=True)
class Measurement:
    """Sums, from which the numbers follow; measurements of parts add up.

    nats       sum of weights * nats over the scored targets; `count` sums the denominators
    text_nats  sum of unweighted nats over scored targets that are text; `text_tokens` is their number
    bytes      bytes of the original text, or 0 where bits per byte has no meaning
    pair_nats  sum of the nats of the pairs' classes; `pairs_right` are told rightly
    documents  what each document gives to the sums
    """

    nats: float
    count: float
    text_nats: float
    text_tokens: int
    bytes: int = 0
    pairs: int = 0
    pair_nats: float = 0.0
    pairs_right: int = 0
    documents: DocumentSums | None = field(default=None, repr=False)

    @property
    def loss(self) -> float:
        """Mean nats per token of the training objective."""
        return self.nats / self.count

    @property
    def perplexity(self) -> float | None:
        """exp(loss), or None where that is more than a number can hold.

        >>> round(Measurement(3.2, 1, 0, 0).perplexity, 4), round(Measurement(2.8, 1, 0, 0).perplexity, 4)
        (24.5325, 16.4446)
        """
        return math.exp(self.loss) if self.loss < LARGEST_EXPONENT else None

    @property
    def text_loss(self) -> float:
        """Mean nats of the scored targets that are text."""
        return self.text_nats / max(1, self.text_tokens)

    @property
    def bits_per_byte(self) -> float | None:
        """Bits that the model needs for one byte of the original text, or None where that has no meaning."""
        return self.text_nats / math.log(2) / self.bytes if self.bytes else None

    @property
    def pair_accuracy(self) -> float | None:
        """Share of the pairs classified correctly, or None where there are none."""
        return self.pairs_right / self.pairs if self.pairs else None

    def record(self, domains: Sequence[str] | None = None) -> dict[str, Any]:
        """Return the numbers for metrics.jsonl; with the domain of each document those of the domains too."""
        numbers: dict[str, Any] = {
            "loss": self.loss,
            "perplexity": self.perplexity,
            "text_loss": self.text_loss,
        }
        if self.bits_per_byte is not None:
            numbers["bits_per_byte"] = self.bits_per_byte
        if self.pair_accuracy is not None:
            numbers |= {"pair_loss": self.pair_nats / self.pairs, "pair_accuracy": self.pair_accuracy}
        if domains is not None and self.documents is not None:
            numbers["domains"] = {name: self._of_domain(name, domains) for name in dict.fromkeys(domains)}
        return numbers

    def _of_domain(self, name: str, domains: Sequence[str]) -> dict[str, float]:
        assert self.documents is not None
        mine = np.array([domain == name for domain in domains])
        nats, targets = (float(self.documents[column][mine].sum()) for column in ("text_nats", "targets"))
        found = {"text_loss": nats / max(1.0, targets), "targets": targets}
        if self.bytes:
            found["bits_per_byte"] = nats / math.log(2) / float(self.documents.bytes[mine].sum())
        return found


def held_out_batches(rows: DocumentRows, objective: Objective, batch_rows: int, seed: int) -> Iterator[Batch]:
    """Yield every row once, a part of the objective at a time, with noise that depends on (seed, row) alone."""
    return (batch for _, batch in _shown(rows, objective, batch_rows, seed))


def _shown(rows: DocumentRows, objective: Objective, batch_rows: int, seed: int) -> Iterator[tuple[Rows, Batch]]:
    index = np.arange(len(rows))
    return shown(rows, objective, index, lambda _, row: keys.row_keys(seed ^ MEASURE_STREAM, row), batch_rows)


def measure(
    model: Model,
    rows: DocumentRows,
    objective: Objective,
    prepare: Callable[[Batch], Any],
    *,
    batch_rows: int,
    seed: int,
    text_bytes: int = 0,
    parallel: Parallel | None = None,
    progress: Callable[[int], None] | None = None,
) -> Measurement:
    """Return the model's measurement on all `rows`; the caller sets evaluation mode, precision and no_grad.

    `text_bytes` is the UTF-8 length of the rows' documents; give it only where every token is predicted once. With
    `parallel` all its processes call this alike, and take turns with the batches; sums are added in the batches' order,
    so equal weights give the same bits for any number of processes. `progress` is told the number of outputs that are
    done.
    """
    share, shares = (0, 1) if parallel is None else parallel.layout.data
    sums: list[tuple[float, ...]] = []
    places, columns = [], []
    last, computed, done = None, 0, 0
    for number, (text, batch) in enumerate(_shown(rows, objective, batch_rows, seed)):
        belongs = share_of(rows, text, batch, objective)
        found, mine = ((0.0,) * _NUMBERS, np.zeros((len(belongs.row), len(COLUMNS)))), number % shares == share
        if mine:
            flat, scored, pairs = _scored(model, batch, objective, prepare)
            found = flat, sums_of(belongs, batch, scored, pairs)
        sums.append(found[0])
        places.append(belongs.document)
        columns.append(found[1])
        last, computed, done = batch, computed + mine, done + batch.targets.size
        if progress is not None:
            progress(done)
    if last is not None and computed < -(-len(sums) // shares):
        _scored(model, last, objective, prepare)  # others compute now, and may need this one's part of the weights
    parts = np.concatenate(columns)
    if parallel is not None:
        flat = tuple(parallel.total([*(value for line in sums for value in line), *parts.flatten().tolist()]))
        sums = [flat[start : start + _NUMBERS] for start in range(0, len(sums) * _NUMBERS, _NUMBERS)]
        parts = np.array(flat[len(sums) * _NUMBERS :]).reshape(parts.shape)
    place = np.concatenate(places)
    by_document = np.array([np.bincount(place, column, len(rows.chosen)) for column in parts.T]).T
    nats, count, text_nats, text_tokens, pairs, pair_nats, right = (sum(column) for column in zip(*sums, strict=True))
    size = text_bytes if objective.overlap else 0
    return Measurement(
        nats, max(count, 1.0), text_nats, int(text_tokens), size, int(pairs), pair_nats, int(right),
        DocumentSums(rows.chosen, scored_bytes(rows, objective), by_document),
    )  # fmt: skip


def _scored(
    model: Model, batch: Batch, objective: Objective, prepare: Callable[[Batch], Any]
) -> tuple[tuple[float, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Return a batch's sums, the columns of each scored position (`documents.sums_of`), and the pairs of each row.

    The sums: nats, count, text nats, text tokens, pairs, their nats, how many are correct.
    """
    chosen = batch.weights != 0
    targets, weights = batch.targets[chosen], batch.weights[chosen]  # of the scored positions, in row order
    unknown = -1 if objective.vocab.unk is None else objective.vocab.unk
    each = model.nats(prepare(batch)).double().cpu().numpy()
    is_text = ~objective.vocab.special[targets] | (targets == unknown)
    number, pair_nats = 0, 0.0
    pairs = np.zeros((len(batch), 2))
    if batch.pair is not None:
        classes = cast(Any, model).pair_nats(prepare(batch)).double().cpu().numpy()
        of_truth = classes[np.arange(len(batch)), batch.pair]
        number, pair_nats = len(batch), float(of_truth.sum())
        pairs[:, 0], pairs[:, 1] = 1, of_truth < classes[np.arange(len(batch)), 1 - batch.pair]
    nats, text_nats = float((each * weights).sum()), float(each[is_text].sum())
    context = context_of(batch, objective) if says_every_token(objective) else np.zeros(len(each), np.int64)
    scored = np.stack(
        [
            each * weights,
            weights,
            np.where(is_text, each, 0),
            is_text,
            np.where(is_text, 0, each),
            ~is_text,
            context * is_text,
        ],
        axis=1,
    )
    right = int(pairs[:, 1].sum())
    return (nats, float(batch.count.sum()), text_nats, int(is_text.sum()), number, pair_nats, right), scored, pairs
