"""Run: a run in its directory, with what one does with it. Torch is loaded when a model is needed, and not before."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from hornbook.objectives.base import Objective
from hornbook.objectives.show import Picture
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import RECIPE, written

if TYPE_CHECKING:
    from torch import nn

    from hornbook.evaluate.adaptation import Adaptation
    from hornbook.evaluate.answers import Answers
    from hornbook.evaluate.evaluation import Evaluation
    from hornbook.evaluate.numbers import Number
    from hornbook.generate.infill import Filled
    from hornbook.recipes.transferred import Transferred
    from hornbook.report.write import Reported
    from hornbook.run.directory import OpenRun
    from hornbook.schema import Weights
    from hornbook.tokens.tokenizer.tokenizer import Tokenizer

NOTHING: Mapping[str, object] = MappingProxyType({})
NO_WORDS: Mapping[str, str] = MappingProxyType({})
Prompts = TypeVar("Prompts", str, list[str])


@dataclass(frozen=True)
class Run:
    """A run in its directory, or a model in a folder of transformers; what is in it is read when it is asked for.

    >>> run = load("runs/book")                                             # doctest: +SKIP
    >>> run.fill("The old man ___ the sea.").text                           # doctest: +SKIP
    'The old man and the sea.'
    """

    directory: Path

    @functools.cached_property
    def opened(self) -> OpenRun:
        """The model at its newest sound checkpoint, with recipe and tokenizer, ready for use in fp32."""
        from hornbook.run.directory import is_run, open_run
        from hornbook.run.imported import open_folder

        is_folder = (self.directory / "config.json").is_file() and not is_run(self.directory)
        return open_folder(self.directory) if is_folder else open_run(self.directory)

    @functools.cached_property
    def recipe(self) -> Recipe:
        """Every setting of the run."""
        from hornbook.run.sealed import is_run, recipe_of

        return recipe_of(self.directory) if is_run(self.directory) else self.opened.recipe

    @property
    def model(self) -> nn.Module:
        """The trained model, in evaluation mode."""
        return self.opened.model

    @property
    def tokenizer(self) -> Tokenizer:
        """The run's tokenizer."""
        return self.opened.tokenizer

    @property
    def step(self) -> int:
        """The optimizer steps behind the model."""
        return self.opened.step

    @property
    def result(self) -> Evaluation | None:
        """What was measured at the end of the run; None while it is not finished."""
        from hornbook.evaluate.evaluation import Evaluation
        from hornbook.run.directory import RESULT

        path = self.directory / RESULT
        return Evaluation.load(path) if path.exists() else None

    def resume(self, settings: Mapping[str, object] = NOTHING, *, plain: bool = False) -> Run:
        """Train to the end from the newest sound checkpoint, to the same bits; return the run as it then is.

        `settings` are of how a step is computed, such as training.micro_batch: see `hornbook pretrain --resume`.
        """
        from hornbook.run.pretrain import resume

        resume(self.directory, lines_of(settings), plain=plain)
        told_report(self.directory)
        return Run(self.directory)

    def report(
        self, out: str | Path | None = None, *, pdf: bool = False, full_paths: bool = False, examples: bool = False
    ) -> Reported:
        """Write the run's report, a page and Markdown, and return where; see `hornbook report`."""
        from hornbook.report.sections import Options
        from hornbook.report.write import write_report

        page = None if out is None else Path(out)
        return write_report([self.directory], page, pdf=pdf, options=Options(full_paths, examples))

    def metrics(self) -> list[dict[str, Any]]:
        """Return the recorded numbers, a dict for each record: `kind` is "train" or "held_out", `step` its step."""
        from hornbook.run.directory import METRICS
        from hornbook.train.metrics import read_metrics

        return read_metrics(self.directory / METRICS)

    def samples(self) -> list[dict[str, Any]]:
        """Return what the model said of the same held-out texts while it trained, a dict for each text and step.

        `step` is the step, `text` the text's number, `way` how the model was asked, `asked` and `said` the texts.
        """
        from hornbook.run.directory import SAMPLES
        from hornbook.train.metrics import read_metrics

        return read_metrics(self.directory / SAMPLES)

    def generate(
        self,
        prompts: Prompts,
        *,
        tokens: int = 100,
        temperature: float | None = None,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        repetition_penalty: float = 1.0,
        beams: int = 1,
        length_penalty: float = 1.0,
        early_stopping: bool = False,
        stop: Sequence[str] = (),
        weights: Weights = "fp32",
        seed: int = 0,
    ) -> Prompts:
        """Return each prompt with its continuation: a text for a text, a list for a list.

        The keywords are those of `hornbook generate`. Temperature 0 takes the likeliest token at every step; without
        one it is 0.8, or 0 in a beam search. Raises UserError where the objective taught the model no continuations.
        """
        from hornbook.generate.decoding import Decoding, default_temperature
        from hornbook.generate.text import generate_text

        decoding = Decoding(
            max_new=tokens,
            temperature=default_temperature(beams) if temperature is None else temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
            beams=beams,
            length_penalty=length_penalty,
            early_stopping=early_stopping,
            stop=tuple(stop),
            weights=weights,
            seed=seed,
        )
        if isinstance(prompts, str):
            return generate_text(self.opened, [prompts], decoding)[0]
        return generate_text(self.opened, prompts, decoding)

    def fill(self, text: str, *, top: int = 5, length: int = 0, steps: int = 0) -> Filled:
        """Fill the gaps of a text, written ___, [MASK], <mask> or <extra_id_0>; see `hornbook fill`."""
        from hornbook.generate.infill import fill_text

        return fill_text(self.opened, text, top=top, length=length, steps=steps)

    def evaluate(self, data: str | Path | Sequence[str | Path] = (), *, stride: int = 0, by: str = "") -> Evaluation:
        """Measure on the held-out documents of the run, or on all documents of `data` (files, folders, globs).

        `stride` scores whole documents in windows; `by` names a field of the documents for numbers by its values.
        The records of all documents are kept in the run's directory: see `hornbook evaluate`.
        """
        from hornbook.run.measure import evaluate

        return evaluate(self.opened, texts_of(data), stride=stride, by=by)

    def adaptation(
        self, old: str | Path | Sequence[str | Path], new: str | Path | Sequence[str | Path] = ()
    ) -> Adaptation:
        """Return what a run that began with a model gained on new text and forgot of old text, in bits per byte.

        No `new` text is the run's held-out text. `numbers` are before, after and the difference of each text.
        """
        from hornbook.run.measure import measured_adaptation

        return measured_adaptation(self.opened, texts_of(old), texts_of(new))

    def answer(
        self,
        task: str | Path,
        *,
        way: str = "auto",
        few: bool = False,
        shots: int = 0,
        pool: str | Path = "",
        like: str = "",
        prompt: str = "",
        labels: Mapping[str, str] = NO_WORDS,
    ) -> Answers:
        """Ask a task of a file or `my.py:Task`; see `hornbook evaluate --task`, whose options the keywords are.

        `numbers()` of what it returns has accuracies with intervals, `records` what was computed of every item, and
        `against(other)` compares it with another model's answers. `prompt` is a template with {field} for the fields of
        an item, `labels` the words of a classification's labels.
        """
        from hornbook.evaluate.task_files.fields import Wording
        from hornbook.run.answer import Asking, answer_task, read_task

        asking = Asking(few, shots, str(pool), like, Wording(prompt=prompt, labels=labels))
        return answer_task(self.opened, read_task(task, asking), way)

    def transfer(
        self,
        train: str | Path,
        *,
        dev: str | Path = "",
        test: str | Path = "",
        task: str = "",
        shots: Sequence[int] = (),
        seeds: int = 3,
        probe: bool = False,
        scratch: bool = False,
        out: str | Path | None = None,
        seed: int = 0,
        settings: Mapping[str, object] = NOTHING,
        plain: bool = False,
    ) -> Run:
        """Train the model on examples of a task and return the new run, which predicts; see `hornbook transfer`.

        `shots` has numbers of examples to learn from, 0 for all; `run.transferred` has what was measured. `settings`
        are transfer.sight, transfer.epochs, transfer.rates, training.* and model.dropout.
        """
        from hornbook.transfer.request import Request, with_settings
        from hornbook.transfer.search import transfer

        request = Request(
            str(self.directory),
            str(train),
            str(dev),
            str(test),
            task,
            tuple(shots),
            seeds,
            probe,
            scratch,
            seed=seed,
        )
        target = default_transfer(self.directory) if out is None else Path(out)
        transfer(with_settings(request, lines_of(settings)), target, plain=plain)
        return Run(target)

    @property
    def transferred(self) -> Transferred:
        """What a run of `transfer` is for, and what was measured of it."""
        from hornbook.recipes.transferred import read_transfer

        return read_transfer(self.directory)

    def predict(self, examples: str | Path | Sequence[Mapping[str, object]]) -> list[dict[str, Any]]:
        """Return what a run of `transfer` says of each example of a file, or of records with the file's fields.

        Each item is a dict: id, the answer under the name of the field that an example has it in, and how sure it is.
        """
        from hornbook.transfer.predict import predict, predict_records

        if isinstance(examples, str | Path):
            return predict(self.opened, Path(examples))
        return predict_records(self.opened, examples)

    def score(self, examples: str | Path) -> tuple[Number, ...]:
        """Return how right a run of `transfer` is on a file of examples with their answers, the headline first."""
        from hornbook.transfer.predict import measured

        return measured(self.opened, Path(examples))

    def export(self, out: str | Path | None = None, *, family: str = "", shard_bytes: int = 0) -> Path:
        """Write a folder that transformers opens with equal logits, or with family="gguf" one file; return its path."""
        from hornbook.recipes.transferred import is_transfer

        if is_transfer(self.directory):
            from hornbook.transfer.export import export
        else:
            from hornbook.run.export import export

        return export(self.opened, None if out is None else Path(out), family, shard_bytes)

    def show(
        self,
        text: str,
        *,
        objective: str | Objective | None = None,
        second: str = "",
        seed: int | None = None,
        epoch: int = 0,
    ) -> Picture:
        """Return what an objective makes of a text: its inputs, its targets, who sees whom.

        The objective is the run's own, or another by name or as it is given: what it needs and the run's tokenizer
        lacks is added, so words keep their ids. `second` is a text of another document, for objectives that pair two.
        """
        from hornbook.objectives.catalogue import build
        from hornbook.prepare.preview import preview
        from hornbook.vocab import EMPTY

        shown = build(objective, {}, EMPTY) if isinstance(objective, str) else objective or self.recipe.objective
        drawn = self.recipe.seed if seed is None else seed
        return preview(text, shown, self._own_tokenizer, drawn, second=second, epoch=epoch)

    def play(
        self,
        *others: str | Path,
        device: str = "",
        port: int | None = None,
        browser: bool = True,
        code: bool = True,
    ) -> None:
        """Serve the playground of this run, and of others beside it, until Ctrl-C; see `hornbook.play`."""
        from hornbook.api.pages import play

        play(self.directory, *others, device=device, port=port, browser=browser, code=code)

    @property
    def _own_tokenizer(self) -> Tokenizer:
        """The tokenizer, read alone where that can be done: a picture needs no model."""
        from hornbook.tokens.tokenizer.tokenizer import load_tokenizer

        return load_tokenizer(self.directory) if (self.directory / RECIPE).is_file() else self.tokenizer


def told_report(directory: Path) -> None:
    """Write the report of a run that has just ended, and say where it is; under torchrun the first process does."""
    if os.environ.get("RANK", "0") == "0":
        from hornbook.console import View
        from hornbook.report.write import report_at_end

        View().say(report_at_end(directory))


def default_transfer(model: Path) -> Path:
    """Return where a transfer goes that was given no name: runs/DATE-NAME-OF-MODEL."""
    return Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-{model.resolve().name}"


def lines_of(settings: Mapping[str, object]) -> list[str]:
    """Return settings as one writes them on the command line."""
    return [f"{name}={written(value)}" for name, value in settings.items()]


def texts_of(text: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    return (str(text),) if isinstance(text, str | Path) else tuple(map(str, text))
