"""Measure a model on held-out text: records of every document, from which `hornbook.evaluate.measures` makes numbers.

rows       the objective's own loss, and of models that say every token all else        `perplexity.measure`
windows    nats of whole texts of the other models, exact or a bound                    `windows.score`
alone      tokens masked alone, of encoders                                             `pseudo_perplexity`
simple     unigram, bigram, Kneser-Ney on the same targets                              `baselines`
text       what decoding gives back, words, unknown tokens
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hornbook import __version__, keys
from hornbook.batch import Batch
from hornbook.corpus.document import Document, document_hash
from hornbook.errors import DivergedError, UserError
from hornbook.evaluate.baselines import Baselines, baselines
from hornbook.evaluate.perplexity import Measurement, held_out_batches, measure
from hornbook.evaluate.pseudo_perplexity import Alone, pseudo_perplexity
from hornbook.evaluate.records import Records
from hornbook.evaluate.scoring.ways import LeftToRight, Way, ways
from hornbook.evaluate.windows import Cut, Scores, cut, rows_of, score
from hornbook.model.electra import Model
from hornbook.model.inputs import to_tensors
from hornbook.objectives.base import Objective, cycle_of, says_every_token
from hornbook.objectives.catalogue import kind_of
from hornbook.prepare.dataset import Prepared
from hornbook.recipes.recipe import Recipe
from hornbook.scaling.count import parameters
from hornbook.tokens.loader import batches
from hornbook.tokens.order import Ascending
from hornbook.tokens.packing import CorpusRows, DocumentRows
from hornbook.tokens.tokenizer.tokenizer import Tokenizer
from hornbook.train.parallel import Parallel

# The last measurement reads this many times the tokens of those during the run, as far as the text goes.
FINAL = 20
# The simple models are counted on at most this many tokens.
_COUNTED_TOKENS = 20_000_000
_GUESSED_TOKENS = 512
_WINDOW_ROWS = 512  # that are computed of whole texts, for models whose own rows do not say every token


@dataclass(frozen=True)
class Asked:
    """A text to measure on.

    rows       its documents in the objective's rows
    tokenizer  whose ids they are
    training   the rows that the model was trained on, for the simple models; None if not at hand
    domains    the domain of each document of the rows, if they have any
    """

    rows: DocumentRows
    tokenizer: Tokenizer
    training: CorpusRows | None = None
    domains: Sequence[str] | None = None


def final_tokens(evaluate_tokens: int) -> int:
    """Return about how many held-out tokens the evaluation at a run's end reads, as far as there are so many."""
    return FINAL * evaluate_tokens


def guessed_rows(recipe: Recipe) -> int:
    """Return how many rows pseudo-perplexity computes, one for each token; 0 where it has no meaning."""
    return _GUESSED_TOKENS if recipe.model.topology == "encoder" and not recipe.model.pair_head else 0


def window_rows(recipe: Recipe, objective: Objective, rows: DocumentRows) -> int:
    """Return how many rows the windows of a text take; 0 where the objective's rows say every token, or none can."""
    plan = _plan(recipe, objective, 0)
    if plan is None:
        return 0
    windows = int((-(-rows.store.lengths[rows.chosen] // plan.stride)).sum())
    return min(_WINDOW_ROWS, windows * rows_of(plan.way))


def text_way(recipe: Recipe, objective: Objective) -> Way | None:
    """Return how to ask a model for the nats of a whole text: exactly where it can, else by a bound; None: not at all.

    Windows are as long as the rows of training.
    """
    found = ways(objective, objective.vocab, recipe.row_length, recipe.seed)
    exact = sorted((way for way in found.values() if isinstance(way, LeftToRight)), key=lambda way: not way.trained)
    return exact[0] if exact else found.get("bound")


def held_out_text(prepared: Prepared, tokens: int, *, training: bool = True) -> Asked:
    """Return about so many held-out tokens, with their domains where the mix has some."""
    rows, _ = prepared.held_out_rows(tokens)
    domains = None
    if prepared.mix.named and (traits := prepared.text.traits) is not None:
        domains = [traits.names[number] for number in traits.domain[rows.chosen]]
    return Asked(rows, prepared.tokenizer, prepared.training_rows if training else None, domains)


def final_evaluation(
    model: Model,
    recipe: Recipe,
    prepared: Prepared,
    device: torch.device,
    parallel: Parallel | None = None,
    progress: Callable[[int], None] | None = None,
) -> Records:
    """Measure in fp32 on the held-out documents, beside simple models counted on the training text that was read.

    With `parallel` all its processes call this alike; only rank 0 has the baselines.
    """
    main = parallel is None or parallel.world.is_main
    asked = held_out_text(prepared, final_tokens(recipe.training.evaluate_tokens), training=main)
    return evaluate_text(model, recipe, prepared.objective, asked, device, parallel=parallel, progress=progress)


def evaluate_text(
    model: Model,
    recipe: Recipe,
    objective: Objective,
    asked: Asked,
    device: torch.device,
    *,
    stride: int = 0,
    parallel: Parallel | None = None,
    progress: Callable[[int], None] | None = None,
) -> Records:
    """Return the records of a text's documents.

    stride    score whole documents in windows of this stride; 0 = the rows of training where they say every token, else
              windows that share nothing, of a part of the text
    progress  is told the number of tokens that are done

    Raises DivergedError where the model's loss is not finite, UserError for a stride that it cannot have.
    """
    rows, prepare_batch = asked.rows, functools.partial(to_tensors, device=device)
    batch_rows, seed = recipe.training.micro_batch, recipe.seed
    # Before anything is computed: a stride may be refused.
    plan = _plan(recipe, objective, stride)
    simple = _simple(recipe, objective, asked)
    alone, scores = None, None
    with torch.no_grad():
        found = measure(
            model, rows, objective, prepare_batch,
            batch_rows=batch_rows, seed=seed, parallel=parallel, progress=progress,
        )  # fmt: skip
        if not math.isfinite(found.loss):
            raise DivergedError(
                f"The model's loss on held-out text is {found.loss}, so nothing else is measured: its weights are too "
                "large to compute with. Train with a lower training.learning_rate and training.muon_learning_rate."
            )
        if guesses := guessed_rows(recipe):
            alone = pseudo_perplexity(
                model, rows, objective, prepare_batch, tokens=guesses, batch_rows=batch_rows, seed=seed
            )
        if plan is not None:
            most = 0 if stride else _WINDOW_ROWS
            update = None if progress is None else lambda done: progress(rows.tokens + done)
            scores = score(model, plan, rows, objective, device, seed=seed, most_rows=most, progress=update)
        elif says_every_token(objective):
            scores = _of_rows(found, rows)
    header = _header(recipe, objective, rows, found, alone, simple, _of_text(recipe, objective, plan, scores))
    return Records(header, tuple(_items(asked, objective, found, alone, scores)))


def _plan(recipe: Recipe, objective: Objective, stride: int) -> Cut | None:
    """Return how whole documents are cut; None where the rows say every token and no stride is asked for, or none can.

    Raises UserError for a stride that the model cannot have.
    """
    way = text_way(recipe, objective)
    if way is None and stride:
        raise UserError(
            f"A model of the objective '{kind_of(recipe.objective)}' gives texts no likelihood: no --stride."
        )
    return None if way is None or (says_every_token(objective) and not stride) else cut(way, objective, stride)


def _of_text(recipe: Recipe, objective: Objective, plan: Cut | None, scores: Scores | None) -> dict[str, Any] | None:
    """Return how the nats of whole texts were computed; None where there are none."""
    if scores is None:
        return None
    if plan is None:
        told = {"way": "rows", "kind": "exact", "trained": True, "stride": objective.row_length(recipe.row_length) - 1}
    else:
        told = {"way": plan.way.name, "kind": plan.way.kind, "trained": plan.way.trained, "stride": plan.stride}
    # A bound is a mean over all orders: no token has others before it.
    seen = 0.0 if told["kind"] == "bound" else float(scores.context.sum() / max(1.0, scores.tokens.sum()))
    return told | {"mean_context": seen, "windows": scores.windows, "of": scores.of}


def _simple(recipe: Recipe, objective: Objective, asked: Asked) -> Baselines:
    """Count the simple models on what of the training text was read, and score them."""
    training, batch_rows = asked.training, recipe.training.micro_batch
    if training is None:
        return Baselines()
    enough = _COUNTED_TOKENS * len(training) // training.tokens + 1
    read = min(len(training), recipe.budget.steps * recipe.training.batch_rows, enough)
    return baselines(
        _training_batches(training, read, objective, batch_rows, recipe.seed),
        held_out_batches(asked.rows, objective, batch_rows, recipe.seed),
        recipe.model.vocab_size,
        objective.vocab,
        next_token=objective.overlap == 1,
        expected=read * training.tokens // len(training),
    )


def _training_batches(rows: CorpusRows, number: int, objective: Objective, size: int, seed: int) -> Iterator[Batch]:
    """Yield `number` rows from all over the text as the objective shows them in the first epoch."""
    _, index = Ascending(len(rows), number, len(cycle_of(objective))).locate(seed, np.arange(number))
    return batches(rows, objective, index, lambda part, row: keys.row_keys(seed, row, 0), size)


def _of_rows(found: Measurement, rows: DocumentRows) -> Scores:
    """Return what the rows of a model that says every token give of whole texts."""
    sums = found.documents
    assert sums is not None  # of every measurement by `measure`
    return Scores(
        sums["text_nats"],
        sums["targets"],
        sums.bytes.astype(np.float64),
        sums["end_nats"],
        sums["ends"],
        sums["context"],
        len(rows),
        len(rows),
    )


def _header(
    recipe: Recipe,
    objective: Objective,
    rows: DocumentRows,
    found: Measurement,
    alone: Alone | None,
    simple: Baselines,
    text: Mapping[str, Any] | None,
) -> dict[str, Any]:
    hashes = np.sort(rows.store.hashes[rows.chosen])
    sums: dict[str, float] = {
        "nats": found.nats, "count": found.count, "text_nats": found.text_nats, "targets": found.text_tokens,
        "pairs": found.pairs, "pairs_right": found.pairs_right,
    }  # fmt: skip
    if alone is not None:
        sums |= {"alone_nats": alone.nats, "alone_tokens": alone.tokens}
    header: dict[str, Any] = {
        "objective": kind_of(recipe.objective), "every_token": says_every_token(objective),
        "parameters": parameters(recipe.model), "data": hashlib.sha256(hashes.tobytes()).hexdigest()[:16],
        "vocabulary": objective.vocab.fingerprint[:16], "row_length": recipe.row_length, "seed": recipe.seed,
        "sums": sums, "text": text, "hornbook": __version__, "torch": torch.__version__,
    }  # fmt: skip
    if simple.loss:
        known = {"loss": dict(simple.loss), "counted": max(simple.counted)}
        header["baselines"] = known | ({"text_nats": dict(simple.text_nats)} if says_every_token(objective) else {})
    if text is None:
        header["no_text"] = (
            f"There are no bits per byte: a model of the objective '{header['objective']}' gives whole texts no "
            "likelihood, and no bound of it."
        )
    return header


def _items(
    asked: Asked, objective: Objective, found: Measurement, alone: Alone | None, scores: Scores | None
) -> Iterator[dict[str, Any]]:
    """Yield the record of each document; `tokens` are of its text, `bytes_scored` those behind `nats`."""
    rows, sums = asked.rows, found.documents
    assert sums is not None  # of every measurement by `measure`
    unknown = -1 if objective.vocab.unk is None else objective.vocab.unk
    for place, document in enumerate(rows.chosen.tolist()):
        ids = np.zeros(int(rows.store.lengths[document]), np.int32)
        rows.store.copy(np.array([document]), np.zeros(1, np.int64), np.array([len(ids)]), ids, np.zeros(1, np.int64))
        text = asked.tokenizer.decode(ids)
        item: dict[str, Any] = {"id": f"{int(rows.store.hashes[document]):016x}"}
        if asked.domains is not None:
            item["domain"] = asked.domains[place]
        item |= {
            "bytes": int(rows.store.bytes[document]), "tokens": len(ids), "unknown": int((ids == unknown).sum()),
            "words": len(text.split()),
            "lossless": document_hash(Document(text, "", "")) == int(rows.store.hashes[document]),
            "loss_nats": float(sums["nats"][place]), "loss_count": float(sums["count"][place]),
            "text_nats": float(sums["text_nats"][place]), "targets": float(sums["targets"][place]),
        }  # fmt: skip
        if scores is not None:
            item |= {
                "nats": float(scores.nats[place]), "tokens_scored": int(scores.tokens[place]),
                "bytes_scored": float(scores.bytes[place]), "end_nats": float(scores.end_nats[place]),
                "ends": int(scores.ends[place]),
            }  # fmt: skip
        if found.pairs:
            item |= {"pairs": float(sums["pairs"][place]), "pairs_right": float(sums["pairs_right"][place])}
        if alone is not None:
            nats, tokens = alone.by_document[:, place].tolist()
            item |= {"alone_nats": nats, "alone_tokens": int(tokens)}
        yield item
