"""What a model gained on new text and forgot of old text, from the records of its documents before and after.

    bits per byte       before       after       difference
    new text            ...          ...         gained
    old text            ...          ...         forgotten

A difference is paired: the same documents, sum(bits before - bits after) / sum(bytes), documents being the draws.
Forgetting has a control: as much more training on the old text as the new one had. Loads no torch.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hornbook.errors import UserError
from hornbook.evaluate import statistics
from hornbook.evaluate.measures import numbers_of
from hornbook.evaluate.numbers import Number, number
from hornbook.evaluate.records import Records

_BPB = "bits per byte"


@dataclass(frozen=True)
class Adaptation:
    """Six numbers, in bits per byte: new before, new after, gained, old before, old after, forgotten."""

    numbers: tuple[Number, ...]

    @property
    def sentence(self) -> str:
        """What may be said: nothing is gained or forgotten where the interval holds 0."""
        gained, forgotten = self.numbers[2], self.numbers[5]
        return f"{_said('new', gained, 'gained', 'lost')}; {_said('old', forgotten, 'forgot', 'gained')}."


def adaptation(before: Mapping[str, Records], after: Mapping[str, Records]) -> Adaptation:
    """Return what a model gained and forgot; each has its records on the texts "new" and "old".

    Raises UserError where the two have no bits per byte, or of different kinds, or no document in common.
    """
    found: list[Number] = []
    for text, name, sign in (("new", "gained", 1), ("old", "forgotten", -1)):
        pair = before[text], after[text]
        known = [_bits_per_byte(records) for records in pair]
        if known[0].kind != known[1].kind:
            raise UserError(
                f"The model before gives the {known[0].kind} bits per byte of a text, the one after an {known[1].kind} "
                "number: these are not comparable, since their objectives differ."
            )
        for when, one in zip(("before", "after"), known, strict=True):
            told = f"of the {text} text, {when} the training: {one.meaning}"
            found.append(
                Number(f"{text} {when}", one.value, _BPB, told, one.low, one.high, one.items, one.draws, {}, one.kind)
            )
        bits, size = _differences(*pair)
        told = f"bits per byte that the {text} text costs {'less' if sign > 0 else 'more'} after, document by document"
        found.append(number(name, statistics.ratio([sign * one for one in bits], size), _BPB, told, kind=known[0].kind))
    return Adaptation(tuple(found))


def _bits_per_byte(records: Records) -> Number:
    for one in numbers_of(records):
        if one.name == _BPB:
            return one
    raise UserError(
        f"A model of the objective '{records.header['objective']}' gives texts no bits per byte, by which two models "
        "are compared: measure a task instead."
    )


def _differences(before: Records, after: Records) -> tuple[list[float], list[float]]:
    """Return the bits by which each document costs less after, and its bytes, for those that both scored alike."""
    first = dict(_told_apart(before.items))
    bits, size = [], []
    for name, item in _told_apart(after.items):
        other = first.get(name)
        if other is not None and _alike(item, other):
            bits.append((other["nats"] - item["nats"]) / math.log(2))
            size.append(item["bytes_scored"])
    if not bits:
        raise UserError("The two models have scored no document alike: name text with --data.")
    return bits, size


def _told_apart(items: Sequence[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, int], Mapping[str, Any]]]:
    """Yield each document with its id and the number of documents of the same text before it."""
    seen: Counter[str] = Counter()
    for item in items:
        yield (item["id"], seen[item["id"]]), item
        seen[item["id"]] += 1


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(one["bytes_scored"] > 0 and math.isclose(one["bytes_scored"], other["bytes_scored"]))


def _said(text: str, one: Number, better: str, worse: str) -> str:
    if one.value == 0.0:
        return f"on the {text} text no change is shown"
    if one.low is None or one.high is None:
        return (
            f"on the {text} text it {better if one.value >= 0 else worse} {abs(one.value):.4f}, of one document alone"
        )
    if one.low <= 0 <= one.high:
        return f"on the {text} text no change is shown ({one.low:.4f} to {one.high:.4f} {better})"
    low, high = sorted((abs(one.low), abs(one.high)))
    word = better if one.value > 0 else worse
    return f"on the {text} text it {word} {abs(one.value):.4f} bits per byte ({low:.4f} to {high:.4f})"
