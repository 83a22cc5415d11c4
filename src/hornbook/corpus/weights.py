"""Weights: which share of what a model reads comes from which domain.

sizes {domain: tokens}, a rule ──> shares {domain: share}, which add up to 1

as-is         shares as the sizes
temperature   share ~ size^(1/T): 1 = as the sizes, infinite = all alike (Devlin 2018, multilingual BERT: T = 1/0.7)
unimax        all alike, but nothing is read more than so many times (Chung et al. 2023, algorithm 1)
explicit      as told; what is not told is left out
gpt3, ...     as published (mixes.py), of the domains that are there
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from hornbook.corpus.mixes import PUBLISHED
from hornbook.errors import UserError, nearest

Rule = Literal[
    "as-is", "temperature", "unimax", "explicit", "gpt3", "llama1", "pile", "redpajama", "slimpajama", "gopher",
    "chinchilla", "palm", "falcon", "dolma", "smollm2", "bert", "roberta", "t5", "gpt2", "bloom", "llama3",
    "starcoder", "phi",
]  # fmt: skip
Shares = dict[str, float]


def shares(
    sizes: Mapping[str, float],
    rule: Rule,
    *,
    weights: Mapping[str, float],
    temperature: float,
    epochs: float,
    budget: float,
) -> Shares:
    """Return each domain's share, by domains in alphabetical order, 0 for those that are left out.

    sizes        tokens of each domain
    weights      of `explicit`: any positive numbers
    temperature  of `temperature`
    epochs       of `unimax`: how often a domain is read at most
    budget       of `unimax`: tokens that the run reads
    """
    sizes = dict(sorted(sizes.items()))
    if rule == "as-is":
        return _normalised(sizes)
    if rule == "temperature":
        largest = max(sizes.values())
        return _normalised({name: (size / largest) ** (1 / temperature) for name, size in sizes.items()})
    if rule == "unimax":
        return _unimax(sizes, epochs, budget)
    told = weights if rule == "explicit" else PUBLISHED[rule]
    known = {name: told[name] for name in sizes if name in told}
    if rule == "explicit":
        for name in told:
            if name not in sizes:
                raise UserError(f"mix.weights names the domain '{name}', which the text does not have."
                                f"{nearest(name, sizes)}")  # fmt: skip
    if not known:
        raise UserError(f"The mix {rule} knows none of the text's domains; it knows {', '.join(told)}.")
    return _normalised({name: known.get(name, 0.0) for name in sizes})


def _normalised(weights: Mapping[str, float]) -> Shares:
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _unimax(sizes: Mapping[str, float], epochs: float, budget: float) -> Shares:
    """Share the budget alike, from the smallest domain on, none getting more than `epochs` times its size.

    What a small domain cannot take is left to the larger ones. Where even all of them together cannot take the budget,
    each has as many epochs as every other.
    """
    left, taken = budget, {}
    for number, name in enumerate(sorted(sizes, key=lambda name: (sizes[name], name))):
        taken[name] = min(left / (len(sizes) - number), epochs * sizes[name])
        left -= taken[name]
    return _normalised({name: taken[name] for name in sizes})


def parse(texts: Sequence[str], where: str) -> dict[str, float]:
    """Return weights written as `domain=number`. Raises UserError that names the setting `where`."""
    found: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = -1.0
        if not (equals and name and 0 <= weight < float("inf")):
            raise UserError(f"{where} wants domain=number, such as books=0.3, not {text!r}.")
        if name in found:
            raise UserError(f"{where} gives the domain '{name}' twice.")
        found[name] = weight
    if texts and not sum(found.values()):
        raise UserError(f"{where} gives every domain the weight 0.")
    return found


def counts(shares: Sequence[float], number: int) -> list[int]:
    """Return whole numbers that add up to `number`, as near to the shares as can be (by largest remainder).

    >>> counts([0.5, 0.3, 0.2], 9)
    [4, 3, 2]
    """
    exact = [share * number for share in shares]
    whole = [int(value) for value in exact]
    order = sorted(range(len(shares)), key=lambda place: (whole[place] - exact[place], place))
    for place in order[: number - sum(whole)]:
        whole[place] += 1
    return whole
