"""transfer.json: what a run of `hornbook transfer` was made for, how it reads and says, and how it was chosen.

Beside it the run has what every run has: recipe.toml, tokenizer.json, checkpoints/. Trainings that only led to it are
in trials/.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from hornbook.artifacts import is_done, read_json, verified, write_json
from hornbook.errors import UserError
from hornbook.schema import Count, record

TRANSFER, TRIALS = "transfer.json", "trials"
TaskName = Literal["classify", "pairs", "tag", "answer", "write", "instruct"]
Sight = Literal["one", "both"]


@dataclass(frozen=True)
class Transferred:
    """What a transfer run is.

    task        one of the six
    labels      names of its classes or tags, in the order of the head's logits
    sight       what a token of a decoder sees: one side or both
    probe       the head alone was trained
    none        some questions have no answer
    longest     tokens that a written text has at most
    base        the model that it began with: name, step, objective, hash of its weights
    data        the files, and how many examples each has
    training    rate, step and epoch that the development examples chose; seeds; examples trained on
    numbers     what was measured, each as `hornbook.evaluate.numbers.Number` has it
    sentences   what is to be said of the numbers
    """

    task: TaskName
    labels: tuple[str, ...]
    sight: Sight
    probe: bool = False
    none: bool = False
    longest: Count = 0
    base: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    numbers: tuple[dict[str, Any], ...] = ()
    sentences: tuple[str, ...] = ()

    def save(self, directory: Path) -> None:
        write_json(directory / TRANSFER, asdict(self))


def is_transfer(directory: Path) -> bool:
    """Say whether a run is one of `hornbook transfer`."""
    return is_done(directory, TRANSFER)


def read_transfer(directory: Path) -> Transferred:
    """Return the record of a transfer run; raises UserError where there is none, or it has changed."""
    if not (directory / TRANSFER).is_file():
        raise UserError(
            f"{directory} was not made by `hornbook transfer`, so it predicts nothing: make such a run of it with "
            f"`hornbook transfer {directory} TRAIN.tsv`."
        )
    path = verified(directory, TRANSFER)
    return record(Transferred, read_json(path, "record of a transfer"), f"The record {path}")
