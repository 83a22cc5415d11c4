"""Write docs/objectives/NAME.md for each objective of the catalogue: what it makes of one sentence.

    python docs/scripts/objectives_pictures.py      (or: make docs)

Each picture is what `hornbook show` prints. The vocabulary is the sentence's words, one token each, so nothing
depends on a tokenizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.batch import Rows
from hornbook.keys import row_keys
from hornbook.objectives.base import Objective, with_vocab
from hornbook.objectives.catalogue import CATALOGUE, build
from hornbook.objectives.show import show, text
from hornbook.vocab import EMPTY, Vocab

PAGES = Path(__file__).parents[1] / "objectives"
SENTENCE = "The quick brown fox jumps over the lazy dog"
OTHER = "Rain fell on the roof until dawn"  # the text of another document, for pairs
_SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<mask>"]
_SENTINELS = 8


@dataclass(frozen=True)
class Choice:
    """What is shown: settings beside the defaults, the seed of the noise."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0


# Nine words at the published rates would lose one word: some pictures hide more.
_MASKED, _SPANS = {"kind": "masked", "rate": 0.3}, {"kind": "span", "density": 0.4, "mean_span": 2}
CHOICES = {
    "fim": Choice(seed=2),
    "masked": Choice({"rate": 0.3}, seed=4),
    "replaced": Choice({"rate": 0.3}, seed=6),
    "diffusion": Choice(seed=2),
    "span": Choice({"density": 0.4, "mean_span": 2}, seed=1),
    "bart": Choice(seed=1),
    "joined": Choice({"objective": _SPANS}, seed=1),
    "nsp": Choice({"objective": _MASKED}, seed=2),
    "sop": Choice({"objective": _MASKED}, seed=2),
}


def vocabulary(objective: Objective) -> tuple[list[str], Vocab]:
    """Return the tokens, special ones at both ends, and their tables."""
    words = list(dict.fromkeys(f"{SENTENCE} {OTHER}".split()))
    modes = objective.requirements(len(words)).modes
    names = [*_SPECIAL, *words, *modes, *(f"<extra_id_{number}>" for number in reversed(range(_SENTINELS)))]
    first, last = len(_SPECIAL), len(_SPECIAL) + len(words)
    no = np.zeros(len(names), bool)
    special = np.ones(len(names), bool)
    special[first:last] = False
    return names, Vocab(
        size=len(names),
        pad=0,
        bos=1,
        eos=2,
        unk=3,
        mask=4,
        cls=1,
        sep=2,
        sentinels=tuple(len(names) - 1 - number for number in range(_SENTINELS)),
        modes=tuple((name, last + number) for number, name in enumerate(modes)),
        special=special,
        starts_word=~special,
        ends_sentence=no,
        ends_word=no,
        ends_blank=no,
        is_blank=no,
        closes=no,
        fingerprint="docs",
    )


def pictures(kind: str) -> str:
    """Return the pictures of the objective of this name."""
    choice = CHOICES.get(kind, Choice())
    objective = build(kind, choice.settings, EMPTY)
    names, vocab = vocabulary(objective)
    objective = with_vocab(objective, vocab)
    before, after = objective.boundary_tokens
    ids = {name: number for number, name in enumerate(names)}
    row = [*before, *(ids[word] for word in SENTENCE.split()), *after]
    other = [ids[word] for word in OTHER.split()]
    tokens, companion = np.array([row], np.int32), np.array([other], np.int32)
    index = np.zeros(1, np.int64)
    rows = Rows(tokens, row_keys(choice.seed, index, 0), index=index, companion=companion)
    return text(show(objective, rows, 0, lambda numbers: [names[item] for item in numbers]))


def page(kind: str) -> str:
    """Return the text of an objective's page."""
    return (
        f"# {kind}: {CATALOGUE[kind].meaning}\n\n"
        f"What a model reads, says and sees. [objectives](../objectives.md) has the rules; "
        "`make docs` writes this page.\n\n"
        f"```text\n{pictures(kind)}\n```\n"
    )


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    for kind in CATALOGUE:
        (PAGES / f"{kind}.md").write_text(page(kind), encoding="utf-8")
