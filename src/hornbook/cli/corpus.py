"""`hornbook corpus`: build a corpus, look into it, compare two. Nothing heavy is imported before a verb runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from hornbook.errors import UserError

app = typer.Typer(
    help="Build clean corpora from messy files, with an account of every document.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

_BUILD_EXAMPLES = """Examples

hornbook corpus build crawl/ 'dumps/*.jsonl.gz' --out CORPUS  ·  with the default steps

hornbook corpus build recipe.toml --out CORPUS --workers 8

hornbook corpus build recipe.toml --out /shared/CORPUS --engine ray://head:10001  ·  on a Ray cluster

hornbook pretrain CORPUS  ·  and train on it

A build that was stopped, however it was, goes on with the same command."""

CorpusPath = Annotated[
    Path, typer.Argument(metavar="CORPUS", help="A corpus, as `corpus build` made it.", show_default=False)
]


@app.command(epilog=_BUILD_EXAMPLES)
def build(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="WHAT...",
            help="A recipe.toml; or texts to build from with the default steps: files, globs, folders, URLs.",
            show_default=False,
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="The corpus to make. Default: the recipe's name.")] = None,
    engine: Annotated[str, typer.Option(help="native, ray or ray://HOST:PORT.")] = "native",
    workers: Annotated[int, typer.Option(help="Processes. Default: one for each core.", show_default=False)] = 0,
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of live bars.")] = False,
) -> None:
    """Build a corpus: read messy files, clean, filter, drop duplicates, and account for every document."""
    from hornbook.signals import stoppable

    directory = out or Path(what[0]).with_suffix("")
    words = ["hornbook", "corpus", "build", *what, "--out", str(directory)]
    words += ["--engine", engine] if engine != "native" else []
    words += ["--workers", str(workers)] if workers else []
    with stoppable(f"Stopped. Go on with: {shlex.join(words)}"):
        from hornbook.artifacts import MANIFEST
        from hornbook.cli import corpus_tables as corpus_pages
        from hornbook.console import View
        from hornbook.corpus.build.build import build_recipe
        from hornbook.corpus.build.engine import Engine
        from hornbook.corpus.build.recipe import CorpusRecipe, default_steps, load
        from hornbook.corpus.readers.discovery import passed_over

        view = View(plain)
        if what[0].endswith(".toml"):
            if len(what) > 1:
                raise UserError(f"A recipe names its own paths: leave out {' '.join(what[1:])}, or the recipe.")
            recipe = load(Path(what[0]))
        elif out is None:
            raise UserError("Say where the corpus shall be: --out DIRECTORY.")
        else:
            recipe = CorpusRecipe(paths=tuple(what), steps=default_steps())
            view.say(corpus_pages.default_said(recipe))
        if line := passed_over(recipe.paths):
            view.say(line)
        whole = (directory / MANIFEST).exists()
        ledger = build_recipe(recipe, directory, Engine(engine, workers), view.stage)
    if whole:
        view.say(f"{directory} was whole already: nothing was read anew.")
    corpus_pages.built(ledger, directory)


@app.command()
def inspect(
    corpus: CorpusPath,
    reason: Annotated[str, typer.Option(help="Show examples of what was dropped for this reason.")] = "",
    documents: Annotated[int, typer.Option(min=0, help="How many documents to show.")] = 3,
) -> None:
    """Show a corpus: what went in, what was kept, what was dropped and why, and some of its documents."""
    from hornbook.cli import corpus_tables as corpus_pages
    from hornbook.corpus.built import open_corpus, sample

    opened = open_corpus(corpus)
    if reason:
        corpus_pages.reasons(opened.ledger, reason)
        return
    corpus_pages.account(opened.ledger)
    corpus_pages.documents(sample(opened, documents))


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(metavar="A", show_default=False)],
    second: Annotated[Path, typer.Argument(metavar="B", show_default=False)],
) -> None:
    """Compare two corpora: recipes, documents, bytes, reasons, and which texts only one of them has."""
    from hornbook.cli import corpus_tables as corpus_pages
    from hornbook.corpus.built import compare, open_corpus

    corpus_pages.difference(compare(open_corpus(first), open_corpus(second)), str(first), str(second))


@app.command()
def steps(
    text: Annotated[
        str, typer.Argument(metavar="[FILTER]", help="Only settings whose line has this.", show_default=False)
    ] = "",
) -> None:
    """List every step that a recipe can name, with its settings, their types, defaults and meanings."""
    from hornbook.cli import tables as presentation
    from hornbook.corpus.build.catalogue import describe

    found = [line for line in describe() if text.lower() in " ".join(line).lower()]
    if not found:
        raise UserError(f"No step or setting has '{text}' in its line; `hornbook corpus steps` lists all.")
    presentation.settings(found)


@app.command("train-classifier")
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
    from hornbook.corpus.read import read
    from hornbook.corpus.steps.classifier import train_classifier

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
