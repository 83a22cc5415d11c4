"""Messy files -> a built corpus, in stages that go on where they were stopped.

    pieces ──read──> blocks ──run of steps──> blocks ──survey──> step, run of steps ──> blocks ──> parts
                        └─────────────── each with its tally ────────────────┘           └──> ledger, report

While it is built a corpus has a folder `work`; its manifest is written last, and only then is `work` cleared away. The
result is a function of the input and the recipe alone, whatever is killed, and however many work on it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from hornbook import __version__
from hornbook.artifacts import (
    MANIFEST,
    disk_errors,
    read_json,
    read_manifest,
    seal,
    sync_tree,
    verified,
    write_file,
    write_json,
)
from hornbook.corpus.build import dropped, ledger, tally
from hornbook.corpus.build.catalogue import from_table, kind_of, to_table
from hornbook.corpus.build.engine import Engine, documents, heeding_signals, work
from hornbook.corpus.build.recipe import CorpusRecipe, dumps, to_dict
from hornbook.corpus.build.stages import Measure, ReadUnit, RunSteps, WritePart, count_lines
from hornbook.corpus.build.within import looking
from hornbook.corpus.built import DOCUMENTS, DROPPED, KIND, LEDGER, RECIPE
from hornbook.corpus.grouping import grouped
from hornbook.corpus.readers.record import LACKS, Chosen
from hornbook.corpus.readers.units import Piece, discover, group
from hornbook.corpus.step import Step, Survey
from hornbook.errors import UserError
from hornbook.locks import lock

REPORT = "report.html"
UNREAD = "unread.jsonl"
UNIT_BLOCKS, PART_BLOCKS = 2, 16  # of text in a unit that is read, and in a part that is written, about
Stage = Callable[[str, str, int], AbstractContextManager[Callable[[int], None]]]


@contextlib.contextmanager
def silent(name: str, unit: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show nothing of a stage's progress."""
    yield lambda amount: None


def build(
    steps: Sequence[Step | Survey],
    paths: Sequence[str],
    out: Path | str,
    *,
    readers: Sequence[Chosen] = (),
    engine: Engine | None = None,
    stage: Stage = silent,
) -> dict[str, Any]:
    """Build a corpus with these steps from these paths into the directory `out`, and return its ledger.

    `readers` are taken for files whose names match their patterns.
    """
    recipe = CorpusRecipe(paths=tuple(paths), steps=tuple(steps), readers=tuple(readers))
    return build_recipe(recipe, Path(out), engine or Engine(), stage)


def build_recipe(recipe: CorpusRecipe, out: Path, engine: Engine, stage: Stage = silent) -> dict[str, Any]:
    """Build a corpus, or go on with one that was stopped, and return its ledger.

    One that is already whole is left as it is. Raises UserError where `out` holds something else, such as a corpus that
    another recipe began or whose input has changed since.
    """
    address = out.as_posix()  # as a path, an address loses one of its slashes
    if re.match(r"[a-z][a-z0-9+.]+:/", address):
        raise UserError(f"A corpus is built in a directory, which {address} is not: name one with --out, then copy it.")
    with disk_errors(out), lock(out):
        if (out / MANIFEST).exists():
            read_manifest(out, KIND, contents=False)
            if verified(out, RECIPE).read_text(encoding="utf-8") != dumps(recipe):
                raise UserError(f"{out} is a corpus that another recipe built. Choose another directory with --out.")
        else:
            engine.start()
            _Build(recipe, out, engine, stage).run()
        shutil.rmtree(out / "work", ignore_errors=True)
        found: dict[str, Any] = read_json(verified(out, LEDGER), "ledger")
        return found


class _Build:
    """One build: its directories, and its stages in order."""

    def __init__(self, recipe: CorpusRecipe, out: Path, engine: Engine, stage: Stage) -> None:
        self.recipe, self.out, self.engine, self.stage = recipe, out, engine, stage
        self.work = out / "work"
        self.measure = Measure(str(Path(recipe.tokenizer).absolute()) if recipe.tokenizer else "")

    def run(self) -> None:
        """Go through the stages; what earlier runs left is not done again."""
        self._claim()
        units = list(group(self._pieces(), UNIT_BLOCKS * self.recipe.block))
        total = self._read(units)
        folder = self.work / "read"
        nothing = not self._blocks()
        for number, (survey, first, steps) in enumerate(() if nothing else runs(self.recipe.steps)):
            before, folder = folder, self.work / f"{number:02d}"
            if survey is not None:
                steps = (self._survey(survey, folder, before), *steps)
            tally.add(total, self._steps(before, folder, first, steps))
            for path in before.glob("*.parquet"):
                path.unlink()
        tally.add(total, self._parts(folder))
        self._finish(total)

    def _claim(self) -> None:
        """Take the directory for this recipe, or see that it is this recipe's already."""
        plan = {"version": __version__, "recipe": to_dict(self.recipe)}
        found = self.work / "recipe.json"
        if found.exists():
            if read_json(found, "recipe") != json.loads(json.dumps(plan)):
                raise UserError(
                    f"{self.out} holds a half-built corpus of another recipe or another version of Hornbook. Go on "
                    "with that one, remove the directory, or choose another with --out."
                )
            return
        if any(path.name not in (".lock", "work") for path in self.out.iterdir()):
            raise UserError(f"{self.out} is not empty, and no corpus. Choose another directory with --out.")
        write_json(found, plan)

    def _pieces(self) -> list[Piece]:
        """Return what is read; the lines before each part of a cut file are counted once."""
        found = discover(self.recipe.paths, UNIT_BLOCKS * self.recipe.block, self.recipe.readers, self.recipe.root)
        plan = self.work / "pieces.json"
        if plan.exists():
            planned = [Piece(**item) for item in read_json(plan, "list of pieces")]
            if [replace(piece, first=0) for piece in planned] != [replace(piece, first=0) for piece in found]:
                raise UserError(
                    f"The input has changed since the build of {self.out} began. Put it back, or remove the directory "
                    "to build from what is there now."
                )
            return planned
        cut = [piece for piece, after in itertools.pairwise(found) if not after.first]
        counts = self._work("count lines", count_lines, {json.dumps(asdict(piece)): piece.size for piece in cut})
        pieces: list[Piece] = []
        following = 1
        for piece in found:
            pieces.append(piece if piece.first else replace(piece, first=following))
            following = pieces[-1].first + int(counts.get(json.dumps(asdict(piece)), 0))
        write_file(plan, json.dumps([asdict(piece) for piece in pieces]))
        return pieces

    def _read(self, units: list[tuple[Piece, ...]]) -> tally.Tally:
        folder = self.work / "read"
        tasks = {}
        for number, unit in enumerate(units):
            task = json.dumps({"number": number, "pieces": [asdict(piece) for piece in unit]})
            tasks[f"{number:06d}"] = task, sum(piece.size for piece in unit)
        recipe = self.recipe
        function = ReadUnit(folder, recipe.text, recipe.block, self.measure, recipe.readers, recipe.fields)
        total = self._stage("read", folder, function, tasks)
        self._need_fields(total)
        return total

    def _need_fields(self, total: tally.Tally) -> None:
        """Raise UserError where a field that is to be kept is in no document; nothing is left, to begin again."""
        missing = [name for name in self.recipe.fields if not total.get("fields", {}).get(name)]
        if not missing or not total.get("in"):
            return
        told = f"No document has the field '{missing[0]}' that fields names."
        for path in sorted((self.work / "read").glob("*.unread.jsonl")):
            with path.open(encoding="utf-8") as lines:
                items = (json.loads(line) for line in lines if f"{LACKS} " in line)
                told = next((item["detail"] for item in items if item["reason"] == f'{LACKS} "{missing[0]}"'), told)
        shutil.rmtree(self.work)
        raise UserError(told)

    def _steps(self, before: Path, folder: Path, first: int, steps: tuple[Step, ...]) -> tally.Tally:
        label = f"steps {first} to {first + len(steps) - 1}" if len(steps) > 1 else f"step {first}"
        files = {name: before / f"{name}.parquet" for name in self._blocks()}
        tasks = {name: (name, path.stat().st_size if path.exists() else 0) for name, path in files.items()}
        kinds = tuple(map(kind_of, self.recipe.steps[first - 1 : first - 1 + len(steps)]))
        gone = self.work / "dropped"
        gone.mkdir(exist_ok=True)
        function = RunSteps(before, folder, gone, first, kinds, steps, self.measure)
        return self._stage(label, folder, function, tasks)

    def _survey(self, survey: Survey, folder: Path, before: Path) -> Step:
        """Return the step that a survey finds, from its record where it was found before."""
        record, directory = folder.with_name(f"{folder.name}-survey.json"), folder.with_name(f"{folder.name}-survey")
        if not record.exists():
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
            looking = self.stage(f"survey: {kind_of(survey)}", "B", 0)
            files = [before / f"{name}.parquet" for name in self._blocks()]
            with disk_errors(directory), looking, heeding_signals():
                step = survey.survey(documents(files), directory.absolute())
                sync_tree(directory)  # before the record says that it is there
            write_json(record, to_table(step))
        # Read back at once, so that a step that cannot be kept ends the first run.
        return cast(Step, from_table(read_json(record, "record of a survey"), f"What {kind_of(survey)} found"))

    def _parts(self, before: Path) -> tally.Tally:
        """Write the blocks into parts of about PART_BLOCKS full ones; the texts alone decide which goes where."""
        from pyarrow import parquet

        footers = {name: parquet.read_metadata(before / f"{name}.parquet") for name in self._blocks()}
        groups = {name: map(facts.row_group, range(facts.num_row_groups)) for name, facts in footers.items()}
        weights = {name: sum(group.total_byte_size for group in mine) for name, mine in groups.items()}  # bytes
        parts = list(grouped(weights, weights.__getitem__, PART_BLOCKS * self.recipe.block)) or [[]]
        blocks = {f"{number:05d}": tuple(names) for number, names in enumerate(parts)}
        tasks = {part: (part, sum(weights[name] for name in names)) for part, names in blocks.items()}
        (self.out / DOCUMENTS).mkdir(exist_ok=True)
        folder = self.work / "parts"
        return self._stage("write", folder, WritePart(before, folder, self.out / DOCUMENTS, blocks), tasks)

    def _stage(
        self, label: str, folder: Path, function: Callable[[str], str], tasks: dict[str, tuple[str, int]]
    ) -> tally.Tally:
        """Do the tasks, by name with their sizes, that have no note in the folder; return the sum of all tallies."""
        folder.mkdir(exist_ok=True)
        missing = {task: size for name, (task, size) in tasks.items() if not (folder / f"{name}.json").exists()}
        before = sum(size for _, size in tasks.values()) - sum(missing.values())
        self._work(label, function, missing, before, folder)
        return tally.added(read_json(folder / f"{name}.json", "tally")["tally"] for name in tasks)

    def _work(
        self,
        label: str,
        function: Callable[[str], str],
        sizes: dict[str, int],
        before: int = 0,
        folder: Path | None = None,
    ) -> dict[str, str]:
        """Do the tasks of these sizes, after others of the size `before` in all, and return their results.

        `folder` is where workers tell how far they are inside a task.
        """
        results: dict[str, str] = {}
        amount = before

        def done(task: str, result: str) -> None:
            nonlocal amount
            results[task] = result
            amount += sizes[task]
            update(amount)

        if sizes:
            with (
                self.stage(label, "B", before + sum(sizes.values())) as update,
                looking(folder, lambda inside: update(amount + inside)) if folder else contextlib.nullcontext(),
            ):
                work(function, list(sizes), self.engine, done)
        return results

    def _blocks(self) -> list[str]:
        """Return the names of all blocks, in the order of their places."""
        notes = sorted((self.work / "read").glob("*.json"))
        return [name for note in notes for name in read_json(note, "tally")["blocks"]]

    def _finish(self, total: tally.Tally) -> None:
        with (self.out / UNREAD).open("wb") as stream:
            for path in sorted((self.work / "read").glob("*.unread.jsonl")):
                with path.open("rb") as part:
                    shutil.copyfileobj(part, stream)
        with (self.out / UNREAD).open(encoding="utf-8") as lines:
            unread = [json.loads(line) for line in itertools.islice(lines, ledger.UNREAD_SHOWN)]
        (self.work / "dropped").mkdir(exist_ok=True)
        dropped.gather(self.work / "dropped", self._blocks(), self.out / DROPPED)
        account = ledger.account(self.recipe, total, unread)
        write_json(self.out / LEDGER, account)
        write_file(self.out / RECIPE, dumps(self.recipe))
        parts = sorted(path.relative_to(self.out).as_posix() for path in (self.out / DOCUMENTS).glob("*.parquet"))
        write_file(self.out / REPORT, ledger.page(account))
        seal(self.out, KIND, {"version": __version__}, [*parts, DROPPED, LEDGER, RECIPE, REPORT, UNREAD])


def runs(steps: Sequence[Step | Survey]) -> list[tuple[Survey | None, int, tuple[Step, ...]]]:
    """Return runs of steps: the survey that leads it or None, its first step's number, the steps after it."""
    found: list[tuple[Any, int, list[Any]]] = []
    for number, step in enumerate(steps, start=1):
        leads = hasattr(step, "survey")
        if leads or not found:
            found.append((step if leads else None, number, []))
        if not leads:
            found[-1][2].append(step)
    return [(survey, first, tuple(held)) for survey, first, held in found]
