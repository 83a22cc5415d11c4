"""The opened runs behind a page: numbered, loaded one by one, each a private copy that nothing else changes.

    waiting -> loading -> ready | failed, with the sentence

Torch is imported by the first step of `loading`, not by this module: the page is there before its models.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
import traceback
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hornbook.app.spoken.requests import TOKENS, LoadRequest
from hornbook.errors import UserError, account_of, expected

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from hornbook.evaluate.scoring.gaps import GapWay
    from hornbook.evaluate.scoring.ways import Way
    from hornbook.generate.words import WordList
    from hornbook.model.transformer import Transformer
    from hornbook.run.directory import OpenRun

State = Literal["waiting", "loading", "ready", "failed"]
_COUNTED = 1 << 17  # tokens of the training text whose words are counted
_STEP_FLOPS, _FEWEST = 4e9, 64  # what one step computes: some tenths of a second of a CPU; positions at the least


def step_positions(run: OpenRun) -> int:
    """Return how many positions of a run's model one step of a generator computes."""
    from hornbook.scaling.count import parameters

    return max(_FEWEST, int(_STEP_FLOPS / (2 * parameters(run.model.config))))


@dataclass(frozen=True, eq=False)
class Opened:
    """A run that is ready to be asked; its model is a private copy, in evaluation mode."""

    number: int
    name: str
    run: OpenRun

    @functools.cached_property
    def gap_way(self) -> GapWay | None:
        """How it is asked for a gap."""
        from hornbook.evaluate.scoring.gaps import gap_way

        return gap_way(self.run.recipe.objective, self.run.tokenizer.vocab)

    @functools.cached_property
    def proposes(self) -> bool:
        """Whether its own proposals for a gap mean something: a judge has them from the generator beside it, if any."""
        from hornbook.convert.export_hf import GENERATOR

        learned = self.run.step > 0 or (self.run.directory / GENERATOR).is_dir()
        return learned or not self.run.recipe.objective.heads.generator_width

    @functools.cached_property
    def words(self) -> WordList:
        """The words of its training text, or of its vocabulary, the most frequent first."""
        from hornbook.generate.words import WordList, words_of

        try:
            return words_of(self.run, _COUNTED)
        except (UserError, OSError):  # its text is lost or damaged, which is no reason not to ask it
            return WordList({}, "")

    @functools.cached_property
    def letters(self) -> NDArray[np.bool_]:
        """bool[V]: the pieces that are letters of a word, a blank before them aside."""
        import numpy as np

        tokenizer = self.run.tokenizer
        texts = (tokenizer.decode([number]).strip() for number in range(tokenizer.vocab.size))
        spelled = [bool(text) and all(unicodedata.category(sign)[0] in "LM" for sign in text) for text in texts]
        return np.array(spelled, bool) & ~tokenizer.vocab.special

    @functools.cached_property
    def table(self) -> torch.Tensor:
        """The embeddings of all tokens, each of length 1, float32[V, E]."""
        import torch

        with torch.inference_mode():
            return torch.nn.functional.normalize(self.run.model.embed.tokens.weight.float(), dim=1)

    @property
    def transformer(self) -> Transformer:
        """The model, which must be one that predicts tokens."""
        from hornbook.generate.text import writer

        return writer(self.run)

    def names(self, ids: Sequence[int]) -> list[str]:
        """Return how the tokenizer spells ids, a blank as ▁."""
        from hornbook.prepare.preview import names

        return names(self.run.tokenizer)(ids)

    def encode(self, text: str) -> NDArray[np.int32]:
        """Return the ids of a text. Raises UserError for one of more tokens than the page reads."""
        ids = self.run.tokenizer.encode([text])[0]
        if len(ids) > TOKENS:
            raise UserError(f"The text has {len(ids)} tokens for {self.name}: at most {TOKENS} are read at once.")
        return ids

    @functools.cached_property
    def can(self) -> tuple[str, ...]:
        """What it can be asked for."""
        from hornbook.generate.text import uses_of

        objective, config = self.run.recipe.objective, self.run.model.config
        way, judges = self.gap_way, bool(objective.heads.generator_width)
        found = {
            "gap": way is not None,
            "film": way is not None and way.form.kind == "unmask",
            "write": not judges and "generate" in uses_of(self.run.recipe),
            "surprise": self._says_texts,
            "neighbours": True,
            "attention": True,
            "judge": judges,
            "pair": bool(objective.heads.pair and config.pair_head),
        }
        return tuple(name for name, does in found.items() if does)

    @property
    def _says_texts(self) -> bool:
        try:
            return bool(text_way(self.run))
        except UserError:
            return False

    def facts(self) -> dict[str, Any]:
        """Return what the page shows of it."""
        from hornbook.objectives.catalogue import CATALOGUE, kind_of
        from hornbook.run.sealed import is_run
        from hornbook.scaling.count import parameters

        run = self.run
        kind, steps = kind_of(run.recipe.objective), run.recipe.budget.steps
        return {
            "objective": kind,
            "meaning": CATALOGUE[kind].meaning if kind in CATALOGUE else "",
            "topology": run.model.config.topology,
            "parameters": parameters(run.model.config),
            "step": run.step,
            "steps": steps if is_run(run.directory) else 0,
            "max_length": run.model.config.max_length,
            "layers": run.model.config.layers,
            "heads": run.model.config.heads,
            "can": list(self.can),
        }


def text_way(run: OpenRun) -> Way:
    """Return the way in which a model is asked for a whole text, or refuse in words."""
    from hornbook.evaluate.scoring.ways import ways

    recipe = run.recipe
    found = ways(recipe.objective, run.tokenizer.vocab, recipe.row_length, recipe.seed)
    way = next(iter(found.values()), None)
    if way is None:
        raise UserError("The model gives texts no likelihood: its objective taught it none.")
    if way.asks != "nats":
        raise UserError("The model judges tokens and says no probability of a text: see what its judge says of it.")
    if not way.trained:
        raise UserError(
            "The model learned to write what is missing in a text, never a whole text: a number for one would be of a "
            "task that it does not know. Ask it for a gap."
        )
    return way


@dataclass
class _Place:
    """A run of the list: its state, a sentence on it, and the run once it is open.

    added   by another page: it is opened when the reader's page asks for it
    """

    directory: Path
    name: str
    added: bool = False
    state: State = "waiting"
    notes: list[str] = field(default_factory=list)
    opened: Opened | None = None
    facts: dict[str, Any] = field(default_factory=dict)


class Models:
    """Runs and folders of transformers by number, in the order in which they were named.

    device   where they are put; "" = the CPU, since a training on this machine may need its GPU
    """

    def __init__(self, directories: Sequence[Path], device: str = "") -> None:
        self.device = device or "cpu"
        self._adding = threading.Lock()
        self._places = [_Place(path, name) for path, name in zip(directories, _names(directories), strict=True)]

    @property
    def directories(self) -> list[Path]:
        """Return where the runs are, by number."""
        return [place.directory for place in self._places]

    def add(self, directory: Path) -> int:
        """Return the number of a run, which is put at the end of the list where it is not in it yet."""
        with self._adding:  # requests are answered in several threads
            known = self.directories
            if directory in known:
                return known.index(directory)
            self._places.append(_Place(directory, _names([*known, directory])[-1], added=True))
            return len(known)

    def loading(self) -> Iterator[None]:
        """Open the runs, each in a few steps; what cannot be opened has failed, with the reason, and others go on."""
        for number in range(len(self._places)):
            yield from self.load(number)

    def load(self, number: int) -> Iterator[None]:
        """Open a run that is waiting, in a few steps. Where that is broken off, it waits again."""
        if not 0 <= number < len(self._places):
            raise UserError(f"There is no run number {number}: there are {len(self._places)}, counted from 0.")
        place = self._places[number]
        if place.state != "waiting":
            return
        place.state = "loading"
        try:
            yield
            opened = self._open(number, place)
            # Ready at once: a large model is no longer lost where the time is up, or the reader gone, by now.
            place.opened, place.state = opened, "ready"
            yield
            _ = opened.words, opened.letters  # before somebody waits for them
            yield
        except Exception as error:
            if place.state == "loading":
                known = expected(error)
                place.state, place.notes = "failed", [str(known or f"It cannot be opened: {account_of(error)}.")]
                if known is None and not isinstance(error, OSError):  # a fault of ours, which stops no other run
                    traceback.print_exception(error)
        finally:
            if place.state == "loading":
                place.state = "waiting"

    def _open(self, number: int, place: _Place) -> Opened:
        import torch

        from hornbook.run.imported import open_model

        opened = _opened(number, place.name, open_model(place.directory, torch.device(self.device), place.notes.append))
        place.facts = opened.facts()
        return opened

    @classmethod
    def of(cls, runs: Sequence[OpenRun]) -> Models:
        """Return the models of runs that are open already."""
        found = cls([run.directory for run in runs])
        for number, (place, run) in enumerate(zip(found._places, runs, strict=True)):
            place.opened, place.state = _opened(number, place.name, run), "ready"
            place.facts = place.opened.facts()
        return found

    def session(self) -> list[dict[str, Any]]:
        """Return of each run {id, name, state, added, note}, and the facts of one that is ready."""
        return [
            {
                "id": number, "name": place.name, "state": place.state, "added": place.added,
                "note": " ".join(place.notes), **place.facts,
            }
            for number, place in enumerate(self._places)
        ]  # fmt: skip

    def get(self, number: int) -> Opened:
        """Return a run that is ready. Raises UserError for one that is not, or that there is not."""
        if not 0 <= number < len(self._places):
            raise UserError(f"There is no run number {number}: there are {len(self._places)}, counted from 0.")
        place = self._places[number]
        if place.opened is None:
            told = f"could not be opened: {place.notes[0]}" if place.state == "failed" else "is still being loaded."
            raise UserError(f"{place.name} {told}")
        return place.opened


def load(models: Models, asked: LoadRequest) -> Iterator[dict[str, Any]]:
    """Yield an empty event for each step of opening a run that was added to the page."""
    for _ in models.load(asked.run):
        yield {}


def _opened(number: int, name: str, run: OpenRun) -> Opened:
    """Return a run with a private copy of its model. Raises UserError for a model that predicts no words."""
    from hornbook.generate.cache import private
    from hornbook.model.transformer import Transformer

    if run.model.config.task_head != "none":
        raise UserError(f"{name} was trained for a task and predicts no words: use `hornbook predict`.")
    if isinstance(run.model, Transformer):
        run = dataclasses.replace(run, model=private(run.model))
    return Opened(number, name, run)


def _names(directories: Sequence[Path]) -> list[str]:
    """Return the shortest ends of the paths that tell them apart; equal paths get numbers.

    >>> _names([Path("runs/a"), Path("runs/b"), Path("old/a")])
    ['runs/a', 'b', 'old/a']
    """
    parts = [path.absolute().parts for path in directories]
    found: list[str] = []
    for own in parts:
        depth = 1
        while depth < len(own) and sum(other[-depth:] == own[-depth:] for other in parts) > 1:
            depth += 1
        alike = sum(other == own for other in parts) > 1
        name = "/".join(own[-(1 if alike else depth) :])
        number = sum(before.partition(" (")[0] == name for before in found)
        found.append(f"{name} ({number + 1})" if alike else name)
    return found
