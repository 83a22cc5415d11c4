"""What an objective does to a text of yours, with a run's tokenizer or one made on the spot, or to a row of a run."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Rows
from hornbook.corpus.readers.builtin import DOCS, builtin
from hornbook.errors import UserError
from hornbook.keys import row_keys
from hornbook.objectives.base import Objective, companion_length, cycle_of, with_vocab
from hornbook.objectives.contract import is_own, require_contract
from hornbook.objectives.show import Picture, show
from hornbook.prepare.dataset import open_prepared
from hornbook.recipes.recipe import Recipe
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, train_tokenizer
from hornbook.vocab import Vocab

# A tokenizer made on the spot: some hundred sections of Python's documentation, so that random replacements are words,
# and the text itself so often that its words are whole tokens.
_SECTIONS, _REPEATS, _ENTRIES = 100, 1000, 4096
# A prompt: so many words, in so many characters, from so many tokens of so many documents.
_WORDS, _LONGEST, _BEGINNING, _LOOKED_AT = 4, 60, 200, 50


def preview(text: str, objective: Objective, tokenizer: Tokenizer | None, seed: int) -> Picture:
    """Return what a model sees and must predict when `text` is one document that fills a row.

    Objectives that pair it with another document's text get that of a page of Python's documentation.

    Raises UserError when the text is empty or the tokenizer's tokenizer cannot serve the objective.
    """
    if not text.strip():
        raise UserError("There is no text to show: give some words or a file.")
    if tokenizer is None:
        texts = itertools.chain([text] * _REPEATS, (item.text for item in itertools.islice(builtin(DOCS), _SECTIONS)))
        # No text has more tokens than bytes, and a row no more spans than tokens.
        needs = objective.requirements(len(text.encode()) + 2)
        content = train_tokenizer(texts, "bpe", _ENTRIES + needs.sentinels, needs)
        tokenizer = Tokenizer(content, Vocab.from_tokenizer(content))
    objective = with_vocab(objective, tokenizer.vocab)
    for part in filter(is_own, (objective, *cycle_of(objective))):
        require_contract(part)
    before, after = objective.boundary_tokens
    tokens = np.array([[*before, *tokenizer.encode([text])[0].tolist(), *after]], np.int32)
    objective.check(tokens.shape[1])
    rows = Rows(tokens, row_keys(seed, np.zeros(1, np.int64), 0), companion=_companion(objective, tokenizer, tokens))
    return show(objective, rows, 0, names(tokenizer))


def _companion(objective: Objective, tokenizer: Tokenizer, tokens: NDArray[np.int32]) -> NDArray[np.int32] | None:
    """Return the beginning of a page of Python's documentation, where the objective pairs texts of two documents."""
    if not companion_length(objective, tokens.shape[1]):
        return None
    page = next(iter(builtin(DOCS))).text
    other = tokenizer.encode([max(page.split("\n\n"), key=len)])[0]
    return np.array([other[: tokens.shape[1]]], np.int32)


def preview_row(run: Path, recipe: Recipe, number: int, seed: int) -> Picture:
    """Return what a model sees and must predict of row `number` of a run's training text, when it is first read.

    `recipe` is the run's own, or has another objective or length. Raises UserError where there is no such row, or the
    run's tokenizer cannot serve the objective.
    """
    prepared = open_prepared(recipe, run)
    rows = prepared.training_rows
    parts = cycle_of(prepared.objective)
    if not 0 <= number < len(rows):
        raise UserError(f"There is no row {number:,} in the training text of {run}: choose 0 to {len(rows) - 1:,}.")
    index = np.array([number])
    found = rows.rows(index, row_keys(seed, index, 0))
    return show(parts[number % len(parts)], replace(found, progress=np.zeros(1)), 0, names(prepared.tokenizer))


def prompt_of(run: Path, recipe: Recipe, gap: bool = False) -> str:
    """Return some words that a held-out document of a run begins with, as a prompt for its model.

    With a `gap`, one of the words is ___ instead. A run whose text gives none has "The" or "The ___ is".
    """
    with contextlib.suppress(UserError, OSError, IndexError):
        for text in open_prepared(recipe, run).held_out_beginnings(_LOOKED_AT, _BEGINNING):
            for line in text.splitlines():
                words = line.split()[: _WORDS + 2 * gap]
                plain = [word for word in words if word.strip(",.;:").isalpha()]
                if len(words) >= _WORDS and words == plain and len(" ".join(words)) <= _LONGEST:
                    return " ".join([*words[: _WORDS - 2], "___", *words[_WORDS - 1 :]] if gap else words)
    return "The ___ is" if gap else "The"


def names(tokenizer: Tokenizer) -> Callable[[Sequence[int]], list[str]]:
    """Return the function that spells ids: byte-level pieces as text, a blank before a word as ▁, all others as is."""

    def spell(number: int, token: str) -> str:
        if token.isascii() or token.startswith(("▁", "##")):
            return token
        piece = tokenizer.decode([number])
        return token if not piece or "\ufffd" in piece else piece.replace(" ", "▁").replace("\n", "⏎")

    return lambda ids: [spell(number, token) for number, token in zip(ids, tokenizer.tokens(ids), strict=True)]
