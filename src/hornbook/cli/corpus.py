"""`hornbook corpus`: build a corpus, inspect it, list what was dropped, compare two.

Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from hornbook.cli import tables
from hornbook.cli.common import Filter, Json, Plain, answer, loading, matching, place
from hornbook.cli.tables import corpus_tables
from hornbook.console import phase, work_lasts
from hornbook.errors import UserError

_HELP = "Build clean corpora from messy files, and account for every document."
app = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="rich")

_BUILD_EXAMPLES = """Examples

hornbook corpus build crawl/ 'dumps/*.jsonl.gz' --out CORPUS  ·  use the default steps

hornbook corpus build recipe.toml --out CORPUS --workers 8

hornbook corpus build recipe.toml --out /shared/CORPUS --engine ray://head:10001  ·  use a Ray cluster

hornbook pretrain CORPUS  ·  train on the result

The same command continues a build that was stopped or killed."""

CorpusPath = Annotated[
    Path, Argument(parser=place, metavar="CORPUS", help="A corpus that `corpus build` made.", show_default=False)
]


@app.command(epilog=_BUILD_EXAMPLES)
def build(
    what: Annotated[
        list[str],
        Argument(
            metavar="WHAT",
            help="One recipe.toml; or files, globs, folders and URLs, for the default steps.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None, Option(metavar="PATH", parser=place, help="Corpus to create. Default: the name of the recipe.")
    ] = None,
    root: Annotated[
        str, Option(metavar="PLACE", help="Folder or address that the lines of lists such as wet.paths.gz are below.")
    ] = "",
    engine: Annotated[str, Option(help="native, ray or ray://HOST:PORT.")] = "native",
    workers: Annotated[int, Option(help="Number of processes. Default: one for each core.", show_default=False)] = 0,
    plain: Plain = False,
) -> None:
    """Build a corpus: read messy files, clean and filter them, drop duplicates, and account for every document."""
    from hornbook.signals import stoppable

    directory = out or Path(what[0]).with_suffix("")
    words = ["hornbook", "corpus", "build", *what, "--out", str(directory)]
    words += ["--root", root] if root else []
    words += ["--engine", engine] if engine != "native" else []
    words += ["--workers", str(workers)] if workers else []
    work_lasts()
    with loading("libraries"):
        from hornbook.artifacts import MANIFEST
        from hornbook.console import View
        from hornbook.corpus.build.build import build_recipe
        from hornbook.corpus.build.catalogue import kind_of
        from hornbook.corpus.build.engine import Engine
        from hornbook.corpus.build.recipe import CorpusRecipe, default_steps, load
        from hornbook.corpus.readers.discovery import passed_over

    with stoppable(f"Stopped. Continue with: {shlex.join(words)}"):
        view = View(plain)
        if what[0].endswith(".toml"):
            if len(what) > 1:
                raise UserError(f"A recipe names its own text: leave out {' '.join(what[1:])}, or the recipe.")
            recipe = load(Path(what[0]))
            recipe = replace(recipe, root=root or recipe.root)
        elif out is None:
            raise UserError("Say where to write the corpus: --out DIRECTORY.")
        else:
            recipe = CorpusRecipe(paths=tuple(what), root=root, steps=default_steps())
            names = ", ".join(map(kind_of, recipe.steps))
            view.say(f"No recipe was given. The default steps are used: {names}.")
        if line := passed_over(recipe.paths):
            view.say(line)
        complete = (directory / MANIFEST).exists()
        with phase("building the corpus"):
            ledger = build_recipe(recipe, directory, Engine(engine, workers), view.stage)
    if complete:
        view.say(f"{directory} was complete already: nothing was read again.")
    corpus_tables.built(ledger, directory)


@app.command()
def inspect(
    corpus: CorpusPath,
    reason: Annotated[str, Option(help="Show examples of documents that were dropped for this reason.")] = "",
    documents: Annotated[int, Option(min=0, help="Number of documents to show.")] = 3,
) -> None:
    """Show a corpus: what was read, what was kept, what was dropped and why, and some of its documents."""
    from hornbook.corpus.built import open_corpus, sample

    with phase("reading the corpus"):
        opened = open_corpus(corpus)
    if reason:
        corpus_tables.reasons(opened.ledger, reason)
        return
    corpus_tables.account(opened.ledger)
    for document in sample(opened, documents):
        corpus_tables.excerpt(document.id, document.text)


@app.command()
def dropped(
    corpus: CorpusPath,
    step: Annotated[str, Option(help="Only those that a step of this kind dropped, such as near-duplicates.")] = "",
    reason: Annotated[str, Option(help="Only those whose reason contains these words.")] = "",
    documents: Annotated[int, Option(min=1, help="Number of documents to show; --json shows all.")] = 20,
    as_json: Json = False,
) -> None:
    """List dropped documents: the step, the reason, and the document that each is a copy of."""
    from itertools import islice

    from hornbook.corpus.built import dropped as rows
    from hornbook.corpus.built import open_corpus

    opened = open_corpus(corpus)
    kinds = [item["kind"] for item in opened.ledger["steps"]]
    if step and step not in kinds:
        raise UserError(f"{corpus} was built without a step '{step}'. Its steps: {', '.join(kinds) or 'none'}.")
    found = rows(opened, step, reason)
    shown = list(found if as_json else islice(found, documents))
    answer(shown, as_json, corpus_tables.dropped)
    if not as_json and (more := sum(1 for _ in found)):
        corpus_tables.say(f"{more:,} more: name --documents, or --json for all.")


@app.command()
def diff(
    first: Annotated[Path, Argument(parser=place, metavar="A", show_default=False)],
    second: Annotated[Path, Argument(parser=place, metavar="B", show_default=False)],
) -> None:
    """Compare two corpora: their recipes, documents, bytes and reasons, and the texts that only one of them has."""
    from hornbook.corpus.built import compare, open_corpus

    with phase("comparing"):
        found = compare(open_corpus(first), open_corpus(second))
    corpus_tables.difference(found, str(first), str(second))


@app.command()
def steps(text: Filter = "") -> None:
    """List every step that a recipe can name, with its settings, their types, defaults and meanings."""
    from hornbook.corpus.build.catalogue import describe

    tables.settings(matching(describe(), text, "corpus steps"))


@app.command()
def readers(text: Filter = "") -> None:
    """List every reader that a recipe can name, with the files that it reads, its settings and their defaults."""
    from hornbook.corpus.build.chosen import describe

    tables.settings(matching(describe(), text, "corpus readers"))


_RECIPES_EXAMPLES = """Examples

hornbook corpus recipes  ·  list the mixes, and of which models nothing was disclosed

hornbook corpus recipes gpt3 > gpt3.toml  ·  write one as a recipe

hornbook pretrain books/ wikipedia/ mix.rule=llama1  ·  read domains of these names in these shares"""


@app.command(epilog=_RECIPES_EXAMPLES)
def recipes(
    name: Annotated[str, Argument(metavar="NAME", help="The mix to write as a recipe.", show_default=False)] = "",
    as_json: Json = False,
) -> None:
    """List the mixes of text that papers disclose, or print one as a recipe of `corpus build`."""
    from hornbook.corpus.mixes import MIXES
    from hornbook.corpus.named_mixes import mix_of, recipe_of

    if name and not as_json:
        print(recipe_of(mix_of(name)), end="")
    else:
        answer([mix_of(name)] if name else list(MIXES), as_json, corpus_tables.mixes)


@app.command("train-classifier")
def train_classifier(
    positive: Annotated[
        list[str], Argument(metavar="POSITIVE", help="Texts to recognise: files, globs or folders.", show_default=False)
    ],
    against: Annotated[list[str], Option(metavar="NEGATIVE", help="Texts of the other kind. May be repeated.")],
    out: Annotated[Path, Option(metavar="PATH", parser=place, help="File to write.")],
    features: Annotated[str, Option(help="words; or characters, for short or misspelt texts.")] = "words",
) -> None:
    """Train a classifier of documents for the step `score`, such as one of quality or toxicity."""
    work_lasts()
    with loading("libraries"):
        from hornbook.console import View
        from hornbook.corpus.read import read
        from hornbook.corpus.steps.classifier import train_classifier

    if features not in ("words", "characters"):
        raise UserError(f"--features is words or characters, not {features!r}.")
    with phase("reading"):
        piles = [[document.text for document in read(paths)] for paths in (positive, against)]
    with phase("training the classifier"):
        classifier = train_classifier(*piles, features="words" if features == "words" else "characters")
        classifier.save(out)
        right = [(classifier.scores(pile) > 0.5).mean() for pile in piles]
    View().say(
        f"Trained on {len(piles[0]):,} positive and {len(piles[1]):,} negative texts; it classifies "
        f"{right[0]:.1%} and {1 - right[1]:.1%} of them correctly. Wrote {out}."
    )
