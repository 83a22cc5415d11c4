"""Do the default rates stay the best ones when the width changes, or the length of the run?

    python benchmarks/rates.py                       all runs, about two hours of one core; writes its result
    python benchmarks/rates.py --only causal longer  the runs of some studies; --widths 64 128, of some widths
    python benchmarks/rates.py --tell                tables of what the result has; trains nothing
    python benchmarks/rates.py --quick               a run of a few steps for each study; writes nothing

Each run is the default recipe with 2 layers and a given width, rows and steps by its own rules for a number of tokens
that is the same at every width. One rate is a multiple of what it was before the rule (0.01 for the matrices, 0.003 for
the rest, 0.3 deviations for a decoder's table), the others are as before; `rule` has the rates that the recipe chooses
now. Rates that are multiplied:

    matrix   training.muon_learning_rate, Muon's, of the matrices inside the layers
    adamw    training.learning_rate and embedding_rate together, AdamW's, of all the rest
    table    training.embedding_rate alone, of the table of tokens

Runs are kept one by one in the result and not trained again, so a series that is cut goes on where it stopped; whoever
changes the recipe deletes them first. What is told is the end of training, on all held-out documents: bits per byte, or
nats per masked token of masked models, which have none. A second seed has other first weights and another order of the
text. `best` is the lowest point of the parabola, over the logarithm of the multiple, through the best run and its two
neighbours; where the best run is the last on its side, that one.

    causal      the default recipe of 200 steps of 8 rows at width 128, 4 rows at 64, 16 at 256
    same rows   the same with 8 rows at every width, so that nothing but the width changes
    longer      three times as many tokens
    wider       one width more
    masked      RoBERTa's recipe, twice as many tokens
    span        the default recipe of the objective span
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import math
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from hornbook.artifacts import write_file
from hornbook.console import View
from hornbook.errors import DivergedError
from hornbook.prepare.dataset import prepare
from hornbook.recipes.named import RECIPES, default, named
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget, DataSettings, TrainingSettings
from hornbook.recipes.settings import override
from hornbook.run.pretrain import pretrain
from hornbook.run.settle.resolve import Means, resolve
from hornbook.train.machine import environment, find_device, keep_memory_blocks

RESULT = Path(__file__).parent / "results" / "rates.json"
CORPUS = "builtin:docs"
LAYERS, HEAD_WIDTH = 2, 64
TOKENS = 200 * 8 * 256
NINTH, THIRD, BETWEEN, THRICE, NINE = 1 / 9, 1 / 3, 1 / math.sqrt(3), 3.0, 9.0
NEVER = 10**9
# The rates that the multiples are of, whatever the default is now: one for all widths, and a decoder's table's.
MATRIX_BEFORE, TABLE_BEFORE = 1e-2, 0.3
CHANGED = {"muon_learning_rate": ("matrix",), "learning_rate": ("adamw",), "embedding_rate": ("adamw", "table")}

Kind = Literal["default", "matrix", "adamw", "table", "rule"]
RATES: tuple[Kind, ...] = ("matrix", "adamw", "table")


@dataclass(frozen=True)
class Study:
    """A recipe at some widths, for a number of tokens: multiples of the rates, and seeds after 0 at 1 and a third."""

    widths: tuple[int, ...]
    tokens: int = TOKENS
    recipe: str = "causal"
    changes: tuple[str, ...] = ()
    matrix: tuple[float, ...] = (THIRD, THRICE)
    adamw: tuple[float, ...] = (THIRD, THRICE)
    table: tuple[float, ...] = ()
    seeds: tuple[int, ...] = ()


STUDIES: Mapping[str, Study] = {
    "causal": Study((64, 128, 256), matrix=(THIRD, THRICE, NINTH, BETWEEN), table=(THRICE, NINE), seeds=(1,)),
    "wider": Study((384,), matrix=(THIRD,), adamw=()),
    "same rows": Study((64, 256), changes=("training.batch_rows=8",), matrix=(THIRD,), adamw=()),
    "longer": Study((128,), 3 * TOKENS, adamw=(THRICE,)),
    "masked": Study((64, 128), 2 * TOKENS, "roberta", matrix=(THIRD,), adamw=()),
    "span": Study((128,), TOKENS, "span", matrix=(THIRD,), adamw=()),
}


@dataclass(frozen=True)
class Run:
    """One run: the rate `kind` is `times` the default."""

    study: str
    width: int
    kind: Kind = "default"
    times: float = 1.0
    seed: int = 0

    @property
    def name(self) -> str:
        """The run's key in the result."""
        changed = {"default": "", "rule": ", rule"}.get(self.kind, f", {self.kind} x {self.times:.3g}")
        return f"{self.study}, width {self.width}{changed}, seed {self.seed}"


def runs_of(study: str, width: int) -> Iterator[Run]:
    """Yield a study's runs at a width."""
    plan = STUDIES[study]
    yield Run(study, width)
    yield Run(study, width, "rule")
    yield from (Run(study, width, "matrix", times) for times in plan.matrix)
    yield from (Run(study, width, "adamw", times) for times in plan.adamw)
    yield from (Run(study, width, "table", times) for times in plan.table)
    for seed in plan.seeds:
        yield Run(study, width, seed=seed)
        yield Run(study, width, "matrix", THIRD, seed)


def plain_recipe(run: Run, tokens: int) -> Recipe:
    """Return the run's recipe with the default rates, its rows and steps left to the recipe's own rules."""
    study = STUDIES[run.study]
    recipe = named(study.recipe) if study.recipe in RECIPES else default(study.recipe)
    recipe = replace(recipe, data=DataSettings((CORPUS,), clean="none"), budget=Budget(tokens=tokens), seed=run.seed)
    heads = max(1, run.width // HEAD_WIDTH)
    shape = (f"model.width={run.width}", f"model.layers={LAYERS}", f"model.heads={heads}")
    alone = ("training.precision=fp32", "training.compile=no", f"training.evaluate_every={NEVER}")
    return override(recipe, [*shape, *alone, *study.changes])


def changed(training: TrainingSettings, run: Run) -> TrainingSettings:
    """Return the settings with the rates of before, one of them multiplied, or as they are for the run of the rule."""
    if run.kind == "rule":
        return training
    times = {name: run.times if run.kind in kinds else 1.0 for name, kinds in CHANGED.items()}
    table = min(training.embedding_rate, TABLE_BEFORE)  # only a decoder's is another one now; others are lower
    return replace(
        training,
        muon_learning_rate=MATRIX_BEFORE * times["muon_learning_rate"],
        learning_rate=training.learning_rate * times["learning_rate"],
        embedding_rate=table * times["embedding_rate"],
    )


def train(run: Run, tokens: int, corpora: Path) -> dict[str, Any]:
    """Train one run; return what was measured. The text is tokenised once for each recipe."""
    start = time.process_time()
    corpus, recipe = corpora / STUDIES[run.study].recipe, plain_recipe(run, tokens)
    prepared = prepare(recipe, corpus, View(plain=True))
    recipe = resolve(recipe, Means(prepared, torch.device("cpu"), print)).recipe
    recipe = replace(recipe, training=changed(recipe.training, run))
    found: dict[str, Any] = {
        **asdict(run), "tokens": tokens, "steps": recipe.budget.steps, "rows": recipe.training.batch_rows,
        "dropout": recipe.model.dropout, "vocabulary": recipe.model.vocab_size,
        "rates": {name: getattr(recipe.training, name) for name in CHANGED},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "run"
        shutil.copytree(corpus, out)
        try:
            measured = pretrain(recipe, out, plain=True)
            found |= {"bits_per_byte": measured.bits_per_byte, "nats": measured.loss, "unigram": measured.unigram}
        except DivergedError:
            found |= {"bits_per_byte": None, "nats": None}
    return {**found, "cpu_seconds": round(time.process_time() - start)}


def quality(found: Mapping[str, Any]) -> float:
    """Return bits per byte or, of masked models, nats; infinite where the run diverged."""
    value = found["bits_per_byte"] if found["bits_per_byte"] is not None else found["nats"]
    return math.inf if value is None else float(value)


def lowest(curve: Mapping[float, float]) -> tuple[float, float]:
    """Return (multiple, quality) of a curve's lowest point: a parabola's between the best run's neighbours."""
    times = sorted(curve)
    best = min(times, key=lambda multiple: curve[multiple])
    at = times.index(best)
    if at in (0, len(times) - 1) or math.inf in (curve[times[at - 1]], curve[times[at + 1]]):
        return best, curve[best]
    (x0, y0), (x1, y1), (x2, y2) = ((math.log(times[at + by] / best), curve[times[at + by]]) for by in (-1, 0, 1))
    slope = (y2 - y1) / (x2 - x1)
    curvature = (slope - (y1 - y0) / (x1 - x0)) / (x2 - x0)  # y = y1 + tilt x + curvature x^2, as x1 = 0
    tilt = slope - curvature * x2
    return best * math.exp(-tilt / (2 * curvature)), y1 - tilt**2 / (4 * curvature)


def summary(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the curve of each study, width, rate and seed, its best multiple and what the default loses against it."""
    lines = []
    for study, plan in STUDIES.items():
        for width, kind, seed in itertools.product(plan.widths, RATES, (0, *plan.seeds)):
            names = {1.0: Run(study, width, seed=seed).name}
            names |= {times: Run(study, width, kind, times, seed).name for times in getattr(plan, kind)}
            curve = {times: quality(found[name]) for times, name in sorted(names.items()) if name in found}
            if 1.0 in curve and len(curve) > 1:
                best, value = lowest(curve)
                line: dict[str, Any] = {"study": study, "width": width, "rate": kind, "seed": seed}
                line |= {"best": round(best, 2), "default_loses": round(curve[1.0] - value, 4)}
                line["curve"] = {f"{at:.3g}": round(value, 4) for at, value in curve.items()}
                ruled = found.get(Run(study, width, "rule", seed=seed).name)
                lines.append(line if ruled is None else {**line, "rule": round(quality(ruled), 4)})
    return lines


def tell(found: Mapping[str, Any]) -> None:
    """Print the summary as a table."""
    columns = [f"{times:.3g}" for times in (NINTH, THIRD, BETWEEN, 1.0, THRICE, NINE)]
    heads = "".join(f"{'x ' + name:>9}" for name in columns)
    print(f"\n{'study':11}{'width':>6}  {'rate':8}{'seed':>4}{heads}{'best':>7}{'loses':>9}{'rule':>9}")
    for line in summary(found):
        values = "".join(f"{line['curve'][name]:9.3f}" if name in line["curve"] else f"{'':9}" for name in columns)
        print(
            f"{line['study']:11}{line['width']:6}  {line['rate']:8}{line['seed']:4}{values}"
            f"{line['best']:7.2f}{line['default_loses']:9.3f}{line.get('rule', ''):>9}"
        )


def kept() -> dict[str, Any]:
    """Return the runs that the result has."""
    return dict(json.loads(RESULT.read_text(encoding="utf-8"))["runs"]) if RESULT.is_file() else {}


def keep(run: Run, found: Mapping[str, Any]) -> None:
    """Add a run to the result."""
    runs = {**kept(), run.name: found}
    record = {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "machine": environment(find_device()),
        "layers": LAYERS,
        "summary": summary(runs),
        "runs": runs,
    }
    RESULT.parent.mkdir(exist_ok=True)
    write_file(RESULT, json.dumps(record, indent=1) + "\n")


def main() -> None:
    """Train the runs that the result has not; tell what it has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=STUDIES, default=list(STUDIES), metavar="STUDY")
    parser.add_argument("--widths", nargs="+", type=int, help="the runs of these widths alone")
    parser.add_argument("--tell", action="store_true", help="train nothing")
    parser.add_argument("--quick", action="store_true", help="one short run of each study; writes nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory_blocks()
    with tempfile.TemporaryDirectory() as scratch:
        for study in [] if given.tell else given.only:
            widths = [width for width in STUDIES[study].widths if width in (given.widths or STUDIES[study].widths)]
            runs = [run for width in widths for run in runs_of(study, width)]
            for run in [Run(study, 64, "matrix", THIRD)] if given.quick else runs:
                if run.name in kept() and not given.quick:
                    continue
                found = train(run, 20_000 if given.quick else STUDIES[study].tokens, Path(scratch))
                print(f"{run.name}: {quality(found):.4f} after {found['cpu_seconds']} processor seconds", flush=True)
                if not given.quick:
                    keep(run, found)
    tell(kept())


if __name__ == "__main__":
    main()
