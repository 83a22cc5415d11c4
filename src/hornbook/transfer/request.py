"""Request: what a transfer was asked for, as one value, kept in OUT/trials/request.json so that it can go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt

from hornbook.artifacts import read_json, write_json
from hornbook.errors import UserError, nearest
from hornbook.schema import Cap, Count, PositiveCount, Seed, check, leaf, record

REQUEST = "request.json"
ALL = "all"
# Peak learning rates that are tried, for a width of 128; those of a head alone are ten times as high.
RATES = (1e-4, 3e-4, 1e-3, 3e-3)
_PROBING = 10
_SETTINGS = ("sight", "epochs", "rates")


@dataclass(frozen=True)
class Request:
    """What is to be done.

    model     a run, or a folder of transformers
    train     file of examples; dev and test likewise, "" = none
    task      one of the six; "" = what the fields of `train` say
    shots     numbers of examples to learn from, 0 = all of them; empty = all alone
    seeds     trainings whose test is scored, beside those that choose the rate
    probe     train the head alone
    sight     what a token of a decoder sees: one, both, or auto = both for tags and answers
    epochs    how often each example is read; 0 = 10, or 20 of fewer than 1,000
    rates     peak learning rates to try; empty = four, by the width
    seed      of everything that is random
    settings  of how to train, as name=value
    """

    model: str
    train: str
    dev: str = ""
    test: str = ""
    task: str = ""
    shots: tuple[Count, ...] = ()
    seeds: Annotated[int, Ge(1), Cap(1000)] = 3
    probe: bool = False
    sight: Literal["auto", "one", "both"] = "auto"
    epochs: Annotated[float, Ge(0), Cap(10**6)] = 0.0
    rates: tuple[Annotated[float, Gt(0), Cap(1e30)], ...] = ()
    seed: Seed = 0
    settings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check(self, "transfer.")
        if len(set(self.shots)) < len(self.shots):
            raise UserError(f"--shots names a number twice: {shots_text(self.shots)}.")

    def save(self, trials: Path) -> None:
        write_json(trials / REQUEST, dataclasses.asdict(self))

    @classmethod
    def load(cls, trials: Path) -> Request:
        found = record(cls, read_json(trials / REQUEST, "request"), f"The request {trials / REQUEST}")
        return dataclasses.replace(
            found, shots=tuple(found.shots), rates=tuple(found.rates), settings=tuple(found.settings)
        )

    def rates_for(self, width: int) -> tuple[float, ...]:
        """Return the peak rates to try: a step of AdamW moves a wider matrix more (`default_muon_learning_rate`)."""
        scale = (128 / width) ** 0.5 * (_PROBING if self.probe else 1)
        return self.rates or tuple(float(f"{rate * scale:.3g}") for rate in RATES)


def with_settings(request: Request, assignments: Sequence[str]) -> Request:
    """Return the request with settings name=value: those of `transfer.`, and of how to train.

    A learning rate that is given is the only one to try.
    """
    changes: dict[str, object] = {}
    kept = list(request.settings)
    hints = {"sight": Literal["auto", "one", "both"], "epochs": float, "rates": tuple[float, ...]}
    for text in assignments:
        name, equals, value = text.partition("=")
        section, _, item = name.strip().rpartition(".")
        if not equals:
            raise UserError(f"'{text}' is not a setting: write name=value, as in training.batch_rows=32.")
        if section == "transfer" and item in _SETTINGS:
            changes[item] = leaf(hints[item], value.strip(), name)
        elif name == "training.learning_rate":
            changes["rates"] = (leaf(Annotated[float, Gt(0)], value.strip(), name),)
        elif section == "training" or name == "model.dropout":
            kept.append(text)
        else:
            known = [f"transfer.{each}" for each in _SETTINGS] + ["training.batch_rows", "model.dropout"]
            raise UserError(
                f"'{name}' cannot be set here: a transfer has transfer.sight, transfer.epochs, transfer.rates, "
                f"training.* and model.dropout.{nearest(name, known)}"
            )
    return dataclasses.replace(request, settings=tuple(kept), **changes)  # type: ignore[arg-type]


def read_shots(text: str) -> tuple[int, ...]:
    """Return numbers of examples from the command line, 0 for all.

    >>> read_shots("16,64,all")
    (16, 64, 0)
    """
    found = []
    for part in text.split(","):
        word = part.strip().replace("_", "")
        if word != ALL and not (word.isdecimal() and int(word) > 0):
            raise UserError(f"--shots has '{part.strip()}': give numbers of examples and all, as in 16,64,256,all.")
        found.append(0 if word == ALL else leaf(PositiveCount, int(word), "--shots"))
    return tuple(found)


def shots_text(shots: Sequence[int]) -> str:
    return ",".join(str(number) if number else ALL for number in shots)
