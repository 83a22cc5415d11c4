"""Is a default beaten by a neighbour? Each setting that a run chooses is moved one step, at equal processor seconds.

    python benchmarks/neighbours.py                                  texts of Python, 15 and 60 seconds; hours
    python benchmarks/neighbours.py --texts docs-1MB --budgets 60    some cases
    python benchmarks/neighbours.py --texts wikitext-10MB --wikitext FILE
    python benchmarks/neighbours.py --only rows size                 some settings, named by their first words
    python benchmarks/neighbours.py --tell                           tables of what the result has; trains nothing
    python benchmarks/neighbours.py --quick                          a few steps, to see that all runs; writes nothing

A case is a text and a budget of processor seconds of one thread, the start of a model included. The default is what
the default recipe chooses for both. A neighbour has one setting moved: as many steps fit into its budget as its own
steps take, timed in turns with the default's. The text is the first documents of a source by their hash, the test up
to 200 kB of other documents of the same source: the same for all sizes of a text.

The default is trained with three seeds, every neighbour with one; who looks better than their mean gets three. Told is
who is better by more than 0.02 bits per byte in the mean of three seeds (BEATEN), who is better beyond the spread of
seeds by less (better), and who is not distinguishable. Runs are kept one by one, and not trained again until the
default chooses otherwise.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import itertools
import json
import math
import statistics
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from board.texts import content, write_records
from board.training import ROUNDS, Pace, Texts, open_texts, paces, settled, sized, timed, train

from hornbook.artifacts import write_file
from hornbook.corpus.document import document_hash
from hornbook.corpus.read import read
from hornbook.corpus.split import Split
from hornbook.errors import UserError
from hornbook.evaluate.statistics import welch
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import override
from hornbook.scaling.defaults import SIZES, SMALLEST, heads_of
from hornbook.train.machine import environment, find_device, keep_memory_blocks

RESULT = Path(__file__).parent / "results" / "neighbours.json"
BYTES = {"50kB": 50_000, "1MB": 10**6, "10MB": 10**7}
TEXTS = ("docs-50kB", "docs-1MB", "code-10MB")
BUDGETS = (15, 60)
TEST_BYTES, TEST_SHARE = 200_000, 0.05
UNKNOWN_STEPS = 1000  # of a schedule while the seconds of a step are measured
SEEDS, BEATEN, LOOKS_BETTER = 3, 0.02, 0.003
DEFAULT = "default"


def neighbours(recipe: Recipe, vocabulary: int) -> dict[str, tuple[str, ...]]:
    """Return the neighbours of a recipe whose every choice is made, as settings by name; the default itself first."""
    model, training, size = recipe.model, recipe.training, (recipe.model.width, recipe.model.layers)
    found: dict[str, tuple[str, ...]] = {DEFAULT: ()}
    ladder = (SMALLEST, *SIZES)
    at = ladder.index(size)
    for name, place in (("size one up", at + 1), ("size one down", at - 1)):
        if 0 <= place < len(ladder):
            width, layers = ladder[place]
            found[name] = (f"model.width={width}", f"model.layers={layers}", f"model.heads={heads_of(width)}")
    rows, length = training.batch_rows, model.max_length  # another length, as many tokens a step
    found["rows x 2"] = (f"training.batch_rows={2 * rows}",)
    found["length / 2"] = (f"model.max_length={length // 2}", f"training.batch_rows={2 * rows}")
    if rows > 1:
        found["rows / 2"] = (f"training.batch_rows={rows // 2}",)
        found["length x 2"] = (f"model.max_length={2 * length}", f"training.batch_rows={rows // 2}")
    rates = {"muon rate": "muon_learning_rate", "adamw rate": "learning_rate", "embedding rate": "embedding_rate"}
    for name, setting in rates.items():
        for word, factor in (("x 1.5", 1.5), ("/ 1.5", 1 / 1.5)):
            found[f"{name} {word}"] = (f"training.{setting}={getattr(training, setting) * factor:.6g}",)
    for word, factor in (("x 2", 0.5), ("/ 2", 2.0)):  # how far back the mean of the gradients reaches
        found[f"muon memory {word}"] = (f"training.muon_momentum={1 - factor * (1 - training.muon_momentum):.6g}",)
    for beta in (0.95, 0.99, 0.995):
        found[f"beta2 {beta}"] = (f"training.beta2={beta}",)
    found["dropout none"] = ("model.dropout=0",)
    found["dropout more"] = (f"model.dropout={model.dropout + 0.1:.2g}",)
    for word, factor in (("x 1.5", 1.5), ("/ 1.5", 1 / 1.5)):
        found[f"vocabulary {word}"] = (f"tokenizer.size={64 * max(5, round(vocabulary * factor / 64))}",)
    found["warm-up x 2"] = (f"training.warmup={2 * training.warmup:.2g}",)
    found["warm-up none"] = ("training.warmup=0",)
    for decay in (0.2, 0.6, 0.8):
        found[f"decay {decay}"] = (f"training.decay={decay}",)
    recipe = replace(recipe, training=replace(training, micro_batch=0))  # of its own rows alone
    return {
        name: settings for name, settings in found.items() if name == DEFAULT or override(recipe, settings) != recipe
    }


@dataclass(frozen=True)
class Case:
    """A text and a budget in processor seconds."""

    text: str
    budget: int

    @property
    def name(self) -> str:
        """The case's key in the result."""
        return f"{self.text}, {self.budget} s"


@dataclass(frozen=True)
class Place:
    """Where a case is trained: the files of its text, a folder for tokens, and the shape that its default has."""

    files: tuple[Path, Path]
    scratch: Path
    shape: Recipe

    def recipe(self, settings: Sequence[str]) -> Recipe:
        """Return the default with some settings changed; what depends on its steps is still open."""
        return override(self.shape, settings)

    def texts(self, recipe: Recipe) -> Texts:
        """Return the text as a recipe's tokens."""
        return open_texts(recipe, *self.files, self.scratch)

    def clocked(self, settings: Sequence[str], steps: int) -> tuple[float, list[float]]:
        """Return the processor seconds of a neighbour's start, and of some steps."""
        recipe = self.recipe(settings)
        return timed(settled(recipe, self.texts(recipe), UNKNOWN_STEPS), self.texts(recipe), steps)

    def trained(self, settings: Sequence[str], steps: int, seed: int) -> float:
        """Train a neighbour; return its bits per byte on the whole test text."""
        recipe, found = replace(self.recipe(settings), seed=seed), [math.nan]
        texts = self.texts(recipe)

        def each(step: int, measured: Any) -> None:
            if step == steps:
                found[0] = measured()

        train(settled(recipe, texts, steps), texts, each)
        return found[0]


def place_of(case: Case, given: Iterable[str], scratch: Path) -> Place:
    """Write a case's text and choose the default for it."""
    files = written(case.text, given, scratch)
    recipe = override(default("causal"), ("data.clean=none",))
    return Place(files, scratch, sized(recipe, open_texts(recipe, *files, scratch, case.budget), case.budget))


def written(name: str, paths: Iterable[str], folder: Path) -> tuple[Path, Path]:
    """Write the documents of a source that a text of this size has, and its test; return both files."""
    texts = sorted({document_hash(document): document.text for document in read(list(paths))}.items())
    split = Split(int(TEST_SHARE * 2**64))
    test = [text for number, text in texts if split.held_out(number)]
    training = [text for number, text in texts if not split.held_out(number)]
    files = folder / f"{name}.jsonl", folder / f"{name}-test.jsonl"
    write_records(first(training, BYTES[name.rpartition("-")[2]]), files[0])
    write_records(first(test, TEST_BYTES), files[1])
    return files


def first(texts: Iterable[str], size: int) -> list[str]:
    """Return the first texts of about `size` bytes; the last one is cut.

    >>> first(["abc", "def", "ghi"], 5)
    ['abc', 'de']
    """
    found, room = [], size
    for text in texts:
        if room <= 0:
            break
        found.append(text[:room])
        room -= len(found[-1].encode())
    return found


def timing_of(names: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return by whose time each neighbour is measured: its own where it changes the cost of a step, else the default's.

    >>> timing_of({"default": (), "rows x 2": ("training.batch_rows=16",), "decay 0.2": ("training.decay=0.2",)})
    {'default': 'default', 'rows x 2': 'rows x 2', 'decay 0.2': 'default'}
    """
    costly = ("size", "rows", "length", "vocabulary", "dropout")
    return {name: name if name.startswith(costly) else DEFAULT for name in names}


def swept(case: Case, place: Place, found: dict[str, Any], chosen: Sequence[str], keep: Any, quick: bool) -> None:
    """Train what `found`, the case's part of the result, has not yet."""
    recipe = place.recipe(())
    texts = place.texts(recipe)
    if found and described(settled(recipe, texts, found["default"]["steps"]), texts) != found["default"]:
        found.clear()  # other defaults than those that were swept around
    if not found:
        pace = paces({DEFAULT: functools.partial(place.clocked, ())}, 1 if quick else ROUNDS)[DEFAULT]
        steps = 4 if quick else pace.steps(case.budget)
        found |= {"default": described(settled(recipe, texts, steps), texts), "settings": {}, "paces": {}, "runs": {}}
    named = neighbours(settled(recipe, texts, found["default"]["steps"]), texts.vocabulary)
    found["settings"] = {name: list(settings) for name, settings in named.items()}
    wanted = {n: s for n, s in found["settings"].items() if n == DEFAULT or not chosen or n.startswith(tuple(chosen))}
    timing = timing_of(wanted)
    missing = [name for name in dict.fromkeys(timing.values()) if name not in found["paces"]]
    if missing:  # in turns with the default, always: a neighbour's time is a multiple of its
        sides = {
            name: functools.partial(place.clocked, wanted[name]) for name in {DEFAULT: 0, **dict.fromkeys(missing)}
        }
        timed_now = paces(sides, 1 if quick else ROUNDS)
        before = found["paces"].setdefault(DEFAULT, [timed_now[DEFAULT].start, timed_now[DEFAULT].step])
        ratio = before[1] / timed_now[DEFAULT].step
        for name in missing:
            if name != DEFAULT:
                found["paces"][name] = [timed_now[name].start * ratio, timed_now[name].step * ratio]
        keep()
    seeds = range(1 if quick else SEEDS)
    for seed, name in [*((seed, DEFAULT) for seed in seeds), *itertools.product(seeds, wanted)]:
        runs = found["runs"].setdefault(name, {})
        if str(seed) in runs or (seed and name != DEFAULT and name not in closer(found["runs"])):
            continue
        steps = 4 if quick else Pace(*found["paces"][timing[name]]).steps(case.budget)
        runs[str(seed)] = round(place.trained(wanted[name], steps, seed), 4)
        print(f"{case.name}: {name}, seed {seed}: {runs[str(seed)]:.4f} after {steps} steps", flush=True)
        keep()


def described(recipe: Recipe, texts: Texts) -> dict[str, Any]:
    """Return what the default chose."""
    model, training = recipe.model, recipe.training
    rates = ("muon_learning_rate", "muon_momentum", "learning_rate", "embedding_rate", "beta2", "warmup", "decay")
    return {
        "width": model.width, "layers": model.layers, "rows": training.batch_rows, "length": recipe.row_length,
        "dropout": model.dropout, "vocabulary": texts.vocabulary, "steps": recipe.budget.steps,
        **{name: getattr(training, name) for name in rates},
    }  # fmt: skip


def closer(runs: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return who gets more seeds: the neighbours that look better than the default."""
    base = statistics.fmean(runs[DEFAULT].values()) - LOOKS_BETTER
    return [name for name, found in runs.items() if found and statistics.fmean(found.values()) < base]


def verdict(default_runs: Sequence[float], runs: Sequence[float]) -> str:
    """Return what the seeds of a neighbour say of it, beside those of the default.

    >>> verdict([2.0, 2.01, 1.99], [1.95, 1.96, 1.94]), verdict([2.0, 2.01, 1.99], [1.99, 2.0, 1.98])
    ('BEATEN', 'not distinguishable')
    >>> verdict([2.0], [2.1]), verdict([2.0], [1.9])
    ('worse by one seed', 'better by one seed')
    """
    gain = statistics.fmean(default_runs) - statistics.fmean(runs)
    if min(len(default_runs), len(runs)) < SEEDS:
        return f"{'better' if gain > 0 else 'worse'} by one seed"
    if not welch(runs, default_runs).excludes(0):
        return "not distinguishable"
    return "BEATEN" if gain > BEATEN else "better" if gain > 0 else "worse"


def tell(found: Mapping[str, Any]) -> None:
    """Print a table for each case, the best first."""
    for name, case in found.items():
        chosen = ", ".join(f"{key} {value:.4g}" for key, value in case["default"].items())
        print(f"\n{name}: {chosen}\n{'':22}{'seeds':>6}{'bits/byte':>11}{'- default':>11}")
        runs = {key: list(values.values()) for key, values in case["runs"].items() if values}
        base = runs[DEFAULT]
        for key, values in sorted(runs.items(), key=lambda item: statistics.fmean(item[1])):
            mean = statistics.fmean(values)
            said = "" if key == DEFAULT else verdict(base, values)
            print(f"{key:22}{len(values):6}{mean:11.4f}{mean - statistics.fmean(base):+11.4f}  {said}")


def kept() -> dict[str, Any]:
    """Return the cases that the result has."""
    return dict(json.loads(RESULT.read_text(encoding="utf-8"))["cases"]) if RESULT.is_file() else {}


def write(cases: Mapping[str, Any]) -> None:
    """Write the result."""
    record = {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "machine": environment(find_device()),
        "cases": cases,
    }
    RESULT.parent.mkdir(exist_ok=True)
    write_file(RESULT, json.dumps(record, indent=1) + "\n")


def sources(given: argparse.Namespace, folder: Path) -> dict[str, list[str]]:
    """Return the paths of each source that is at hand."""
    found = {"docs": ["builtin:docs"], "code": ["builtin:code"]}
    if given.wikitext:
        path = folder / "wikitext.jsonl"
        whole, records = content(given.wikitext)
        write_records(records or [whole], path)
        found["wikitext"] = [str(path)]
    return found


def main() -> None:
    """Sweep around the default of every case; tell what the result has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", nargs="+", default=TEXTS, metavar="SOURCE-SIZE", help=f"sizes: {', '.join(BYTES)}")
    parser.add_argument("--budgets", nargs="+", type=int, default=BUDGETS, metavar="SECONDS")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="neighbours whose names begin so")
    parser.add_argument("--wikitext", type=Path, metavar="FILE", help="the training text of WikiText-2")
    parser.add_argument("--tell", action="store_true", help="train nothing")
    parser.add_argument("--quick", action="store_true", help="four steps each; writes nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory_blocks()
    cases = {} if given.quick else kept()
    with tempfile.TemporaryDirectory() as scratch:
        paths = sources(given, Path(scratch))
        for case in [] if given.tell else [Case(text, budget) for budget in given.budgets for text in given.texts]:
            source = case.text.rpartition("-")[0]
            if source not in paths:
                raise UserError(f"The text {case.text} is not at hand: give it by --{source} FILE.")
            place = place_of(case, paths[source], Path(scratch))
            keep = (lambda: None) if given.quick else functools.partial(write, cases)
            swept(case, place, cases.setdefault(case.name, {}), given.only, keep, given.quick)
    tell(cases)


if __name__ == "__main__":
    main()
