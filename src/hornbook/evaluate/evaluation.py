"""What a run ends with, and `hornbook evaluate` repeats: the model's numbers, as all readers see them. Loads no torch.

records of documents -> numbers (`hornbook.evaluate.measures`) -> Evaluation -> console, card, JSON, notebook
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hornbook.artifacts import read_json, verified, write_json
from hornbook.console import html_table
from hornbook.errors import UserError
from hornbook.evaluate.measures import notes_of, numbers_of
from hornbook.evaluate.numbers import Number
from hornbook.evaluate.records import Records
from hornbook.schema import fits, record

_UNIGRAM, _BIGRAM = "unigram", "bigram"


@dataclass(frozen=True)
class Evaluation:
    """Numbers on held-out text, and what they are of.

    objective        kind of objective: what the loss is a loss of
    numbers          what was measured, the one to quote first
    targets          number of scored targets that are text
    text_bytes       size of the text measured on
    documents        number of documents of a text that was given; None for the run's held-out text
    trained_on       how many of those the model was trained on (`hornbook.evaluate.contamination`); None if unknown
    pairs            number of pairs of texts, for objectives of pairs
    notes            what the numbers do not say: why one is missing or not comparable, which simple model is better
    steps, parameters, tokens, seconds   of the model's training, no part of what was measured; None if unknown
    """

    objective: str
    numbers: tuple[Number, ...]
    targets: int
    text_bytes: int
    documents: int | None = None
    trained_on: int | None = None
    pairs: int = 0
    notes: tuple[str, ...] = ()
    steps: int | None = field(default=None, compare=False)
    parameters: int | None = field(default=None, compare=False)
    tokens: int | None = field(default=None, compare=False)
    seconds: float | None = field(default=None, compare=False)

    @classmethod
    def of(cls, records: Records, **facts: Any) -> Evaluation:
        """Return what follows from the records of a measurement; `facts` are other fields."""
        sums, header = records.header["sums"], records.header
        return cls(
            objective=header["objective"], numbers=numbers_of(records), targets=int(sums["targets"]),
            text_bytes=sum(item["bytes"] for item in records.items), pairs=int(sums["pairs"]),
            notes=notes_of(records), parameters=header["parameters"], **facts,
        )  # fmt: skip

    def number(self, name: str) -> Number | None:
        """Return a number by its name, None where it was not measured."""
        return next((number for number in self.numbers if number.name == name), None)

    def _value(self, name: str) -> float | None:
        found = self.number(name)
        return None if found is None else found.value

    def _simple(self, name: str) -> float | None:
        found = self.number("loss")
        return None if found is None else found.baselines.get(name)

    @property
    def loss(self) -> float:
        """Nats per scored token."""
        found = self._value("loss")
        assert found is not None  # of every evaluation
        return found

    @property
    def perplexity(self) -> float | None:
        """exp(loss); None where that is more than a number can hold."""
        return self._value("perplexity")

    @property
    def text_loss(self) -> float | None:
        """Nats per scored token of text."""
        return self._value("text loss")

    @property
    def bits_per_byte(self) -> float | None:
        """Bits per byte of text; None where it has no meaning."""
        return self._value("bits per byte")

    @property
    def pseudo_perplexity(self) -> float | None:
        """Of masked models; None where it has no meaning, or is more than a number can hold."""
        return self._value("pseudo-perplexity")

    @property
    def pair_accuracy(self) -> float | None:
        """Share of the text pairs classified correctly; None where there are none."""
        return self._value("pair accuracy")

    @property
    def unigram(self) -> float | None:
        """The loss of a unigram model on the same targets; None where its training text is not at hand."""
        return self._simple(_UNIGRAM)

    @property
    def bigram(self) -> float | None:
        """The loss of a bigram model; of models that predict the next token."""
        return self._simple(_BIGRAM)

    @property
    def title(self) -> str:
        text = "held-out text" if self.documents is None else f"given text, documents: {self.documents:,}"
        return f"{text}, {self.text_bytes:,} bytes, objective {self.objective}"

    @property
    def warning(self) -> str:
        """What makes the numbers mean something else than they seem to; empty if there is nothing."""
        if not self.trained_on:
            return ""
        return (
            f"The model was trained on {self.trained_on:,} of these {self.documents:,} documents: the numbers say how "
            "well it knows them, not how well it does on new text."
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """The warning and the notes, sentence by sentence."""
        return (*filter(None, [self.warning]), *self.notes)

    def _repr_html_(self) -> str:
        rows = [(number.name, number.text, number.account) for number in self.numbers]
        return html_table(("measure", "value", "meaning"), rows, ". ".join([self.title, *self.remarks]))

    def save(self, path: Path, facts: Mapping[str, float] = MappingProxyType({})) -> None:
        """Write the numbers, and beside them other facts of the run that they are of."""
        write_json(path, dataclasses.asdict(self) | dict(facts))

    @classmethod
    def load(cls, path: Path) -> Evaluation:
        """Return what `save` wrote; raises UserError where the file has changed, or is none of results."""
        path = verified(path.parent, path.name)
        return cls.read(read_json(path, "result"), f"The result {path}")

    @classmethod
    def read(cls, value: Any, where: str) -> Evaluation:
        """Return the evaluation that a value of JSON describes, those of earlier versions too."""
        if not isinstance(value, dict) or "numbers" not in value:
            return record(_Flat, value, where).evaluation()
        if not isinstance(value["numbers"], list):
            raise UserError(f"{where} is damaged: its numbers are no list.")
        numbers = tuple(record(Number, item, where) for item in value["numbers"])
        if not all(fits(dict[str, float], number.baselines) for number in numbers):
            raise UserError(f"{where} is damaged: the baselines of a number are no numbers.")
        if not any(number.name == "loss" for number in numbers):
            raise UserError(f"{where} is damaged: it has no loss.")
        found = record(cls, value | {"numbers": numbers}, where)
        return dataclasses.replace(found, notes=tuple(found.notes))


@dataclass(frozen=True)
class _Flat:
    """A result as earlier versions wrote it: a field for each number."""

    objective: str
    loss: float
    perplexity: float | None
    text_loss: float
    bits_per_byte: float | None
    pseudo_perplexity: float | None
    unigram: float | None
    bigram: float | None
    targets: int
    text_bytes: int
    pair_accuracy: float | None = None
    pairs: int = 0
    documents: int | None = None
    trained_on: int | None = None
    steps: int | None = None
    tokens: int | None = None
    seconds: float | None = None

    def evaluation(self) -> Evaluation:
        simple = {
            name: value for name, value in ((_UNIGRAM, self.unigram), (_BIGRAM, self.bigram)) if value is not None
        }
        scored = "nats per token"
        told: tuple[tuple[str, float | None, str, str, dict[str, float]], ...] = (
            ("loss", self.loss, scored, "nats per scored token", simple),
            ("perplexity", self.perplexity, "", "exp(loss)", {}),
            ("text loss", self.text_loss, scored, "nats per scored token of text", {}),
            ("bits per byte", self.bits_per_byte, "bits per byte", "comparable across tokenizers", {}),
            ("pseudo-perplexity", self.pseudo_perplexity, "", "each token masked alone", {}),
            ("pair accuracy", self.pair_accuracy, "share", "share of text pairs classified correctly", {}),
        )
        numbers = [
            Number(name, value, unit, meaning, baselines=simple)
            for name, value, unit, meaning, simple in told
            if value is not None
        ]
        return Evaluation(
            self.objective, tuple(numbers), self.targets, self.text_bytes, self.documents, self.trained_on, self.pairs,
            steps=self.steps, tokens=self.tokens, seconds=self.seconds,
        )  # fmt: skip
