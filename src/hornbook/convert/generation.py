"""What a model's folder says beside its shape: how it writes text, and rates of dropout that ours do not have.

Nothing here changes a logit. An import keeps all of it, and an export of that model writes it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hornbook.artifacts import read_json
from hornbook.convert.families.family import Family
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig

FILE = "generation_config.json"
EOS = "eos_token_id"
_ABOUT_THE_FILE = ("transformers_version", "_from_model_config")
_MOST_NEW = 256


@dataclass(frozen=True)
class Beside:
    """What config.json and generation_config.json say that no model of ours has.

    training    entries of config.json that act in training alone, such as rates of dropout
    eos         the ids that end a text, as config.json has them where they are several; empty where it is one or none
    generation  all of generation_config.json, or None where there is no such file
    """

    training: Mapping[str, Any] = field(default_factory=dict)
    eos: tuple[int, ...] = ()
    generation: Mapping[str, Any] | None = None

    @property
    def ends(self) -> frozenset[int]:
        """Return every id that ends a text, by either file."""
        return frozenset((*self.eos, *_ids((self.generation or {}).get(EOS))))

    def record(self) -> dict[str, Any]:
        """Return it as the record of an imported model keeps it; `beside_of` is the way back."""
        return {
            "training": dict(self.training),
            EOS: list(self.eos),
            "generation": None if self.generation is None else dict(self.generation),
        }


def beside_of(record: Mapping[str, Any] | None) -> Beside:
    """Return what the record of where a model comes from keeps; records of earlier versions keep nothing."""
    while record is not None and "generation" not in record:
        record = record.get("origin")  # a copy of a run tells where that run came from
    if record is None:
        return Beside()
    return Beside(record["training"], tuple(record[EOS]), record["generation"])


def read_beside(folder: Path, family: Family, settings: Mapping[str, Any], rows: int) -> Beside:
    """Return what a folder says beside its model's shape; `rows` is the number of ids that the model has.

    Raises UserError when generation_config.json is no table, or an end of text is not one of the model's ids.
    """
    generation = None
    if (folder / FILE).is_file():
        found = read_json(folder / FILE, "settings of generation")
        if not isinstance(found, dict):
            raise UserError(f"{folder / FILE} is not a table of settings: download it again.")
        generation = {name: value for name, value in found.items() if name not in _ABOUT_THE_FILE}
    several = settings.get(EOS)
    beside = Beside(family.training_entries(settings), _ids(several) if isinstance(several, list) else (), generation)
    if strange := sorted(number for number in beside.ends if not 0 <= number < rows):
        raise UserError(f"{folder} names the id {strange[0]} as an end of text, but the model has {rows} ids.")
    return beside


def generation_json(config: ModelConfig, ids: Mapping[str, int | None], beside: Beside) -> dict[str, Any]:
    """Return generation_config.json: what the model came with, or the special ids and a length that has room.

    The length is half the positions, 256 at most: tools would else write 256 tokens, past the last position of a small
    model. `max_length` would do too, but then transformers warns whenever `max_new_tokens` is given.
    """
    known = {name: number for name, number in ids.items() if number is not None}
    if beside.generation is None:
        return {**known, "max_new_tokens": max(1, min(_MOST_NEW, config.max_length // 2))}
    ends = several_ends(known.get(EOS), _ids(beside.generation.get(EOS)))
    return {**known, **beside.generation, **({EOS: ends} if ends is not None else {})}


def several_ends(own: int | None, theirs: tuple[int, ...]) -> int | list[int] | None:
    """Return the ends of text as the files spell them: `theirs`, with the tokenizer's `own` where they lack it."""
    every = [*theirs, *([own] if own is not None and own not in theirs else [])]
    return every if len(every) > 1 else (every[0] if every else None)


def _ids(value: object) -> tuple[int, ...]:
    """Return ids of a value that is one, several or none."""
    values = value if isinstance(value, list) else [value]
    return tuple(item for item in values if isinstance(item, int) and not isinstance(item, bool))
