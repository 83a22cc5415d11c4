"""The record board: how good a model can be after a fixed time, on fixed public texts, for every objective.

    python benchmarks/records.py --shakespeare input.txt --wikitext TRAIN VALID   lines that the board has not, hours
    python benchmarks/records.py --only 'docs/60/*'            some lines, named TEXT/PROCESSOR SECONDS/WHO
    python benchmarks/records.py --claim docs/60/causal training.batch_rows=16    is it better than the board's line?
    python benchmarks/records.py --verify docs/60/causal       trains a line anew and says whether it holds
    python benchmarks/records.py --page                        writes docs/records.md; trains nothing
    python benchmarks/records.py --quick                       toy sizes, to see that everything runs; writes nothing

A budget counts the processor seconds of one thread: 60, 240, 600 and 2,400 are 30 seconds, 2, 5 and 20 minutes of two
cores. It holds all that a run learns in: the start, what it counts in the text included, and the steps. Preparation
(tokenizer, tokens) and measuring are apart, and shown. `benchmarks/board/training.py` says how seconds are measured,
`benchmarks/board/texts.py` what the texts are. A line that nobody has claimed is the default recipe's.

Who: every objective, and as peers nanoGPT's settings for a CPU (on the same tokens, and of characters, with the 2,000
steps that it publishes) and transformers' Trainer with GPT-2, at its defaults (`benchmarks/peers/trained.py`). Only
causal models are measured in bits per byte; the losses of the others depend on the vocabulary, so claims keep it.
"""

from __future__ import annotations

import argparse
import datetime
import fnmatch
import functools
import itertools
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from board import page, texts
from board.lines import PEERS, SEEDS, TIME_TOLERANCE, Board, Line, names, read_board, write_board
from board.training import ROUNDS, Each, Pace, Texts, measured_at, open_texts, paces, settled, sized, timed, train
from peers import trained

from hornbook.errors import UserError
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import from_dict, override, to_dict
from hornbook.train.machine import environment, find_device, keep_memory_blocks

RESULT = Path(__file__).parent / "results" / "records.json"
UNKNOWN_STEPS = 1000  # of a schedule while the seconds of a step are measured
CURVE_TOKENS = 50_000  # of the test text at a point of a curve; its end is measured on the whole
CHARACTER_STEPS = 2000  # as nanoGPT publishes
QUICK_SECONDS, QUICK_STEPS = 5, 6


@dataclass(frozen=True)
class Workplace:
    """Where lines are trained: the texts at hand by name, a folder for their tokens, toy sizes or not."""

    texts: Mapping[str, texts.Text]
    scratch: Path
    quick: bool
    preparation: dict[str, float] = field(default_factory=dict)

    def text(self, name: str) -> texts.Text:
        """Return a text; raises UserError where it is not at hand."""
        if name not in self.texts:
            raise UserError(f"The text {name} is not at hand: give it by --shakespeare FILE or --wikitext TRAIN VALID.")
        return self.texts[name]

    def tokens(self, text: str, recipe: Recipe, seconds: float = 0) -> Texts:
        """Return a text as a recipe's tokens, and note what the first preparation took."""
        given, clock = self.text(text), time.process_time()
        found = open_texts(recipe, given.training, given.test, self.scratch, seconds)
        kind = f"{text} {recipe.objective} {recipe.tokenizer.kind} {found.vocabulary}"
        self.preparation.setdefault(kind, time.process_time() - clock)
        return found

    def preparing(self, text: str, recipe: Recipe) -> float:
        """Return the processor seconds in which a text became the tokens of a recipe whose sizes are chosen."""
        return self.preparation[f"{text} {recipe.objective} {recipe.tokenizer.kind} {recipe.tokenizer.size}"]


@dataclass(frozen=True)
class Side:
    """What is trained for a line: a recipe, of which the steps are still open, or a peer."""

    text: str
    budget: int
    who: str
    recipe: Recipe
    settings: tuple[str, ...] = ()

    def clocked(self, place: Workplace, steps: int) -> tuple[float, list[float]]:
        """Return the processor seconds of the start, and of some steps."""
        if self.who not in PEERS:
            tokens = place.tokens(self.text, self.recipe)
            return timed(settled(self.recipe, tokens, UNKNOWN_STEPS), tokens, steps)
        clock: list[float] = []
        self.peer(place, 0, steps + 1, UNKNOWN_STEPS, lambda *_: clock.append(time.process_time()))
        return 0.0, [after - before for before, after in itertools.pairwise(clock)]

    def peer(self, place: Workplace, seed: int, steps: int, run_steps: int, each: Each) -> None:
        """Train a peer for `steps` of `run_steps` steps."""
        if self.who == "nanogpt characters":
            given = place.text(self.text)
            parts = [path.read_bytes().decode() for path in (given.training, given.test)]
            return trained.characters(*parts, steps, run_steps, each, seed=seed)
        tokens = place.tokens(self.text, self.recipe)
        if self.who == "nanogpt":
            return trained.nanogpt(tokens.training, tokens.test, steps, run_steps, each, seed=seed)
        ours = self.recipe.model
        shape = (ours.width, ours.layers, ours.heads) if self.who == "trainer small" else trained.GPT2_SHAPE
        return trained.trainer(tokens.training, tokens.test, steps, run_steps, each, shape=shape, seed=seed)

    def trained(self, place: Workplace, seed: int, steps: int, pace: Pace) -> tuple[list[tuple[float, float]], float]:
        """Train one seed; return its curve of (seconds, quality), and the processor seconds of measuring."""
        curve, spent, chosen = [], [0.0], {*measured_at(steps)} if seed == 0 else {steps}

        def each(step: int, measured: Callable[[], float]) -> None:
            if step in chosen:
                clock = time.process_time()
                curve.append((round(pace.at(step), 2), measured()))
                spent[0] += time.process_time() - clock

        if self.who in PEERS:
            self.peer(place, seed, steps, steps, each)
        else:
            tokens = place.tokens(self.text, self.recipe)
            train(settled(replace(self.recipe, seed=seed), tokens, steps), tokens, each, CURVE_TOKENS)
        return curve, spent[0]


def side_of(place: Workplace, name: str, settings: Sequence[str] = ()) -> Side:
    """Return what a line of this name trains by default, with some settings changed."""
    text, budget, who = name.split("/")
    recipe = override(default("causal" if who in PEERS else who), ["data.clean=none", *settings])
    seconds = QUICK_SECONDS if place.quick else int(budget)
    recipe = sized(recipe, place.tokens(text, recipe, seconds), seconds)
    return Side(text, int(budget), who, override(recipe, settings), tuple(settings))


def measured(place: Workplace, side: Side, seeds: int, say: Callable[[str], None]) -> Line:
    """Time a side in turns with nanoGPT's step, train its seeds, and return its line."""
    tokens = place.tokens(side.text, side.recipe)
    unit = side_of(place, f"{side.text}/{side.budget}/nanogpt")
    sides = {one.who: functools.partial(one.clocked, place) for one in (unit, side)}
    pace = paces(sides, 1 if place.quick else ROUNDS)
    mine, steps = pace[side.who], pace[side.who].steps(side.budget)
    steps = QUICK_STEPS if place.quick else CHARACTER_STEPS if side.who == "nanogpt characters" else steps
    say(f"{side.text}/{side.budget}/{side.who}: {mine.start:.1f} s to start, {mine.step:.3f} s a step, {steps} steps")
    values: dict[str, float] = {}
    first: tuple[list[tuple[float, float]], float] = ([], 0.0)
    for seed in range(seeds):
        found = side.trained(place, seed, steps, mine)
        first = found if seed == 0 else first
        values[str(seed)] = round(found[0][-1][1], 4)
        say(f"  seed {seed}: {values[str(seed)]:.4f}")
    kept = {} if side.who in PEERS else to_dict(settled(side.recipe, tokens, steps))
    causal = side.who in PEERS or tokens.test.objective.overlap == 1
    return Line(
        side.text, side.budget, side.who, side.settings, kept, "bits per byte" if causal else "loss",
        tokens.vocabulary, steps, round(mine.start, 3), round(mine.step, 4), round(pace["nanogpt"].step, 4),
        round(place.preparing(side.text, side.recipe), 1), round(first[1], 1), values, first[0],
        environment(find_device()), f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
    )  # fmt: skip


def verified(place: Workplace, line: Line, seeds: int, say: Callable[[str], None]) -> bool:
    """Train a line anew with other seeds; say whether its quality and its time hold, and return whether both do."""
    if line.who in PEERS:
        side = side_of(place, line.name)
    else:
        side = Side(line.text, line.budget, line.who, from_dict(line.recipe), line.settings)
    unit = side_of(place, f"{line.text}/{line.budget}/nanogpt")
    sides = {one.who: functools.partial(one.clocked, place) for one in (unit, side)}
    pace = paces(sides, 1 if place.quick else ROUNDS)
    again = [side.trained(place, seed, line.steps, pace[side.who])[0][-1][1] for seed in range(SEEDS, SEEDS + seeds)]
    good = line.holds(again)
    found = ", ".join(f"{value:.4f}" for value in again)
    say(f"{line.name}: {line.mean:.4f} +- {line.spread:.4f} on the board ({len(line.seeds)} seeds); now {found}.")
    say(f"The quality {'holds' if good else 'does NOT hold'}.")
    old = (line.start_seconds + line.steps * line.step_seconds) / line.unit_seconds
    new = pace[side.who].at(line.steps) / pace["nanogpt"].step
    timely = new <= (1 + TIME_TOLERANCE) * old
    say(
        f"Its {line.steps} steps take {pace[side.who].at(line.steps):.0f} processor seconds here, {new:.0f} times a "
        f"step of nanoGPT's settings; on the board {old:.0f} times. The time {'holds' if timely else 'does NOT hold'}."
    )
    return good and timely


def claimed(board: Board, line: Line, say: Callable[[str], None]) -> Board:
    """Return the board with a claimed line, if it is better than the board's beyond the spread of seeds."""
    known = board.lines.get(line.name)
    if known is None:
        raise UserError(f"The board has no {line.name} to beat: make it first with --only '{line.name}'.")
    if line.measure == "loss" and line.vocabulary != known.vocabulary:
        raise UserError(
            f"A loss in nats a token is of one vocabulary, here of {known.vocabulary} entries, not {line.vocabulary}."
        )
    told = f"{line.mean:.4f} +- {line.spread:.4f} against {known.mean:.4f} +- {known.spread:.4f}"
    if line.beats(known):
        say(f"A record: {told}.")
        return board.has(line)
    say(f"{'Worse, or not' if line.mean >= known.mean else 'Not'} distinguishable: {told}. The board stays as it is.")
    return board


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shakespeare", type=Path, metavar="FILE", help="Tiny Shakespeare, may be packed (.gz)")
    parser.add_argument("--wikitext", type=Path, nargs=2, metavar=("TRAIN", "VALID"), help="WikiText-2")
    parser.add_argument("--only", nargs="+", default=["*"], metavar="PATTERN", help="lines whose names match")
    parser.add_argument("--claim", nargs="+", metavar=("LINE", "SETTING"), help="try settings, name=value, for a line")
    parser.add_argument("--verify", metavar="LINE", help="train a line anew")
    parser.add_argument("--seeds", type=int, help="seeds of each line: 3; of --verify: 1")
    parser.add_argument("--page", action="store_true", help="write docs/records.md and its pictures; train nothing")
    parser.add_argument("--quick", action="store_true", help="toy sizes; writes nothing")
    return parser.parse_args()


def texts_at_hand(given: argparse.Namespace, folder: Path) -> dict[str, texts.Text]:
    """Return the texts that were given, and Python's documentation."""
    found = [texts.docs(folder)]
    found += [texts.shakespeare(given.shakespeare, folder)] if given.shakespeare else []
    found += [texts.wikitext(*given.wikitext, folder)] if given.wikitext else []
    return {text.name: text for text in found}


def work(given: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> int:
    """Do what is asked; return the exit code."""
    board = read_board(RESULT)
    place = Workplace(texts_at_hand(given, folder), folder, given.quick)
    if not given.quick:
        for name, text in place.texts.items():
            board = board.knows(name, text.identity)
    if given.verify:
        return 0 if verified(place, board.line(given.verify), given.seeds or 1, say) else 1
    if given.claim:
        name, *settings = given.claim
        board = claimed(board, measured(place, side_of(place, name, settings), given.seeds or SEEDS, say), say)
        write_board(board, RESULT)
        return 0
    wanted = [name for name in names(place.texts) if any(fnmatch.fnmatchcase(name, one) for one in given.only)]
    if not wanted:
        raise UserError(f"No line matches {' '.join(given.only)}: names are TEXT/SECONDS/WHO, as in docs/60/causal.")
    for name in wanted:
        if given.quick or name not in board.lines:
            line = measured(place, side_of(place, name), given.seeds or SEEDS, say)
            if not given.quick:
                board = read_board(RESULT).knows(line.text, place.texts[line.text].identity).has(line)
                write_board(board, RESULT)
    return 0


def main() -> int:
    """Return the exit code: 1 where a line does not hold, 2 where what was asked for is wrong."""
    given = arguments()
    torch.set_num_threads(1)
    keep_memory_blocks()
    say = functools.partial(print, flush=True)
    try:
        if given.page:
            page.write(read_board(RESULT))
            return 0
        with tempfile.TemporaryDirectory() as scratch:
            return work(given, Path(scratch), say)
    except UserError as error:
        say(f"Error: {error}")
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
