"""`hornbook corpus train-classifier`: two piles of text to a classifier of documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hornbook.errors import UserError


def train_classifier(
    positive: Annotated[
        list[str],
        typer.Argument(metavar="POSITIVE...", help="Texts of the kind to find, as `pretrain` takes them."),
    ],
    against: Annotated[list[str], typer.Option(metavar="NEGATIVE", help="Other texts; may be given several times.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    features: Annotated[str, typer.Option(help="words, or characters for short and misspelt texts.")] = "words",
) -> None:
    """Train a classifier of documents, for the step `score`: quality, toxicity, or what the piles tell apart."""
    from hornbook.console import View
    from hornbook.corpus.classifier import train_classifier
    from hornbook.corpus.read import read

    if features not in ("words", "characters"):
        raise UserError(f"--features is words or characters, not {features!r}.")
    piles = [[document.text for document in read(paths)] for paths in (positive, against)]
    classifier = train_classifier(*piles, features="words" if features == "words" else "characters")
    classifier.save(out)
    right = [(classifier.scores(pile) > 0.5).mean() for pile in piles]
    View().say(
        f"Trained on {len(piles[0]):,} texts against {len(piles[1]):,}; of these it knows "
        f"{right[0]:.1%} and {1 - right[1]:.1%}. Wrote {out}."
    )
