"""Text and vocabulary that all runs of a study or a sweep have in common.

DIRECTORY/text/                the cleaned text, where it was raw
DIRECTORY/text/TOPOLOGY/       a tokenizer for each topology, equal but for its frame
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from hornbook.artifacts import write_file
from hornbook.batch import Topology
from hornbook.console import View
from hornbook.corpus.document import document_hash
from hornbook.corpus.read import read
from hornbook.corpus.split import make_split
from hornbook.objectives.base import merged
from hornbook.prepare.clean import cleaned, decided
from hornbook.prepare.dataset import LARGEST, vocabulary_size
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import DataSettings
from hornbook.study.layout import TEXT
from hornbook.tokens.tokenizer.tokenizer import TOKENIZER, Template, train_tokenizer

_FRAMES: dict[Topology, Template] = {"decoder": "none", "encoder": "both", "encoder-decoder": "end"}
_LEARNED = 64 << 20  # bytes that the tokenizer learns from


def common_text(text: tuple[str, ...], directory: Path, view: View) -> tuple[str, ...]:
    """Return what all runs read: the text as it is given, cleaned once where it is raw."""
    data = decided(DataSettings(paths=text), view.say)
    return cleaned(data, directory / TEXT, view)


def tokenizer_of(directory: Path, recipe: Recipe) -> Path:
    """Return the file of the tokenizer for a recipe's topology."""
    return directory / TEXT / recipe.objective.topology / TOKENIZER


def common_vocabulary(
    recipes: Collection[Recipe],
    paths: tuple[str, ...],
    directory: Path,
    view: View,
    entries: int = 0,
    most: Callable[[], int] = lambda: LARGEST,
) -> None:
    """Train one vocabulary for all recipes, with the special tokens of all; each topology has its own frame of texts.

    entries   of the vocabulary, but for sentinels and modes; 0 = by the size of the text
    most      says how many it then may have
    """
    needs = merged([recipe.objective.requirements(recipe.row_length) for recipe in recipes])
    missing = sorted({recipe.objective.topology for recipe in recipes if not tokenizer_of(directory, recipe).is_file()})
    if not missing:
        return
    documents = list(read(paths))
    split = make_split(map(document_hash, documents), DataSettings(paths=paths).held_out)
    texts, size = [], 0
    for document in documents:
        if not split.held_out(document_hash(document)) and size < _LEARNED:
            texts.append(document.text)
            size += len(document.text.encode())
    entries = entries or vocabulary_size(sum(len(document.text.encode()) for document in documents), "bpe", most())
    for frame in missing:
        with view.stage(f"training the tokenizer ({frame})", "bytes") as update:
            more = needs.sentinels + len(needs.modes)
            text = train_tokenizer(texts, "bpe", entries + more, needs, _FRAMES[frame])
            update(size)
        write_file(directory / TEXT / frame / TOKENIZER, text)
