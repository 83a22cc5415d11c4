"""What an objective does to a text of yours, with a run's tokenizer or one made on the spot, or to a row of a run."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Rows
from hornbook.corpus.readers.builtin import DOCS, builtin
from hornbook.errors import UserError
from hornbook.keys import Keys, row_keys
from hornbook.objectives.base import Objective, Requirements, companion_length, cycle_of, with_vocab
from hornbook.objectives.contract import is_own, require_contract
from hornbook.objectives.show import Picture, show
from hornbook.prepare.dataset import kept_tokenizer, open_prepared
from hornbook.recipes.recipe import Recipe
from hornbook.tokens.tokenizer.special_tokens import with_special_tokens
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, train_tokenizer
from hornbook.vocab import Vocab

# A tokenizer made on the spot: some hundred sections of Python's documentation, so that random replacements are words,
# and the text itself so often that its words are whole tokens; of a long one so many characters are enough.
_SECTIONS, _REPEATS, _CHARACTERS, _ENTRIES = 100, 1000, 400_000, 4096
# A prompt: so many words, in so many characters, from so many tokens of so many documents.
_WORDS, _LONGEST, _BEGINNING, _LOOKED_AT = 4, 60, 200, 50


def preview(
    text: str,
    objective: Objective,
    tokenizer: Tokenizer | None,
    seed: int,
    *,
    second: str = "",
    epoch: int = 0,
    most: int | None = None,
) -> Picture:
    """Return what a model sees and must predict when `text` is one document that fills a row.

    tokenizer   a run's: what the objective needs and it lacks is added behind its last id, so that words keep theirs
    second      text of another document for objectives that pair two; none = a page of Python's documentation
    epoch       the noise is that of this epoch, from 0: objectives with static noise come back to what they had
    most        tokens that a text may have; None = as many as it has

    Raises UserError when the text is empty, too long, or the tokenizer cannot serve the objective, and for a second
    text where the objective has no use for one.
    """
    if not text.strip():
        raise UserError("There is no text to show: give some words or a file.")
    if second.strip() and not companion_length(objective, len(text)):
        raise UserError(f"{objective!r} reads one text at a time: leave the second text out.")
    own = _of_text(text, second) if tokenizer is None else tokenizer
    ids = own.encode([text])[0]
    if most is not None and len(ids) > most:
        raise UserError(f"The text has {len(ids):,} tokens: at most {most} are shown, so give less of it.")
    # A row has no more spans than tokens, two marks included.
    extended, added = _with_needed(own, objective.requirements(len(ids) + 2))
    objective = with_vocab(objective, extended.vocab)
    for part in filter(is_own, (objective, *cycle_of(objective))):
        require_contract(part)
    before, after = objective.boundary_tokens
    tokens = np.array([[*before, *ids.tolist(), *after]], np.int32)
    objective.check(tokens.shape[1])
    companion = _companion(objective, extended, tokens.shape[1], second)

    def keys(part: Objective) -> Keys:
        return row_keys(seed, np.zeros(1, np.int64), epoch % part.noise_period if part.noise_period else epoch)

    picture = show(objective, Rows(tokens, keys(objective), companion=companion), 0, names(extended), keys)
    return replace(picture, added=() if tokenizer is None else added)


@functools.lru_cache(maxsize=8)
def _of_text(*texts: str) -> Tokenizer:
    """Return a tokenizer made on the spot, which has the words of these texts whole."""
    pages = (item.text for item in itertools.islice(builtin(DOCS), _SECTIONS))
    content = train_tokenizer(
        itertools.chain([*filter(None, texts)] * _REPEATS, pages), "bpe", _ENTRIES, Requirements()
    )
    return Tokenizer(content, Vocab.from_tokenizer(content))


_with_needed = functools.lru_cache(maxsize=32)(with_special_tokens)


def _companion(objective: Objective, tokenizer: Tokenizer, length: int, second: str) -> NDArray[np.int32] | None:
    """Return the second text, or the beginning of a page of Python's documentation, where two texts meet."""
    if not companion_length(objective, length):
        return None
    page = "" if second.strip() else next(iter(builtin(DOCS))).text
    other = tokenizer.encode([second if second.strip() else max(page.split("\n\n"), key=len)])[0]
    return np.array([other[:length]], np.int32)


def preview_row(run: Path, recipe: Recipe, number: int, seed: int) -> Picture:
    """Return what a model sees and must predict of row `number` of a run's training text, when it is first read.

    `recipe` is the run's own, or has another objective or length; what an objective needs and the run's tokenizer lacks
    is added as in `preview`. Raises UserError where there is no such row, or the tokenizer cannot serve the objective.
    """
    own = kept_tokenizer(run)
    extended, added = _with_needed(own, recipe.objective.requirements(recipe.row_length))
    prepared = open_prepared(recipe, run, extended, own=own)
    rows = prepared.training_rows
    parts = cycle_of(prepared.objective)
    if not 0 <= number < len(rows):
        raise UserError(f"There is no row {number:,} in the training text of {run}: choose 0 to {len(rows) - 1:,}.")
    index = np.array([number])
    found = rows.rows(index, row_keys(seed, index, 0))
    given = replace(found, progress=np.zeros(1))
    return replace(show(parts[number % len(parts)], given, 0, names(prepared.tokenizer)), added=added)


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
