"""The numbers of a task, from the records of its items alone.

A k-way tie that holds the right answer counts 1 / k. Choices are made by the nats of the whole text, or by those per
character or byte of the choice without its delimiter, per token of it, or less the nats of the choice alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hornbook.errors import UserError
from hornbook.evaluate import statistics
from hornbook.evaluate.numbers import Number, number
from hornbook.evaluate.records import Records
from hornbook.evaluate.statistics import Estimate

_MEANING = {
    "acc": "share of right answers by the likelihood of the whole text",
    "acc_norm": "share of right answers by the likelihood per character of the choice",
    "acc_bytes": "share of right answers by the likelihood per byte of the choice",
    "acc_token": "share of right answers by the likelihood per token of the choice",
    "acc_pmi": "share of right answers by the likelihood, less that of the choice alone",
}
_BY = {"acc_norm": "characters", "acc_bytes": "bytes", "acc_token": "tokens"}
_TIES = "a k-way tie counts 1/k"


def numbers(records: Records) -> tuple[Number, ...]:
    """Return the numbers of a task, the one to quote first."""
    asks = records.header["asks"]
    if asks == "last word":
        return _last_word(records)
    return _pairs(records) if asks == "pairs" else _choices(records)


def groups(records: Records) -> dict[str, Number]:
    """Return the accuracy of each group of items."""
    found: dict[str, list[float]] = {}
    for item in records.items:
        found.setdefault(item["group"], []).append(score(item, "acc"))
    return {
        group: number(
            "acc", statistics.share(sum(part), len(part)), "share", f"{_MEANING['acc']}; {_TIES}",
            kind=records.header["kind"],
        )
        for group, part in found.items()
    }  # fmt: skip


def difference(records: Records, other: Records) -> Number:
    """Return the headline of `records` less that of `other`, over the same items in the same order.

    Pairs and questions are the draws (of one passage together): it says which model is better at these items. Raises
    UserError where the items differ. Where the kinds of the scores differ, the meaning says so.
    """
    mine, theirs = records.header, other.header
    name = mine["headline"]
    if mine["data"] != theirs["data"]:
        raise UserError(f"The answers to {mine['task']} are not to the same items, prompts and shots: answer it anew.")
    clusters = [item["group"] for item in records.items] if mine["asks"] == "choices" else None
    estimate = statistics.difference(
        _credits(records.items, name), _credits(other.items, name), clusters if len(set(clusters or ())) > 1 else None
    )
    unlike = mine["way"] != theirs["way"]
    told = f"; unlike scores: {mine['way']} ({mine['kind']}) and {theirs['way']} ({theirs['kind']})" if unlike else ""
    if mine["shots_realised"] != theirs["shots_realised"]:
        told += f"; unlike shots: {mine['shots_realised']:.1f} and {theirs['shots_realised']:.1f} before each item"
    meaning = f"difference of {name} from {theirs.get('model', 'the other')}, item by item{told}"
    return number(f"{name} difference", estimate, "share", meaning, kind=mine["kind"])


def accuracy(scores: Sequence[float], clusters: Sequence[str] | None = None, whole: bool = True) -> Estimate:
    """Return the mean of scores from 0 to 1 with Wilson's interval; of clusters, or of means (not whole), Student's t.

    Where all draws are alike that t would have no width, as if it were known to be so of all others: Wilson's is taken.
    """
    if clusters is None and whole:
        return statistics.share(sum(scores), len(scores))
    found = statistics.mean(scores, clusters)
    if found.draws > 1 and found.low == found.high:
        wide = statistics.share(found.value * found.draws, found.draws)
        return replace(found, low=wide.low, high=wide.high)
    return replace(found, low=max(0.0, found.low), high=min(1.0, found.high))


def score(item: Mapping[str, Any], name: str) -> float:
    """Return 1 for a right answer, 1 / k for a tie of k that holds it, else 0."""
    nats = np.array(item["nats"])
    if name in _BY:
        nats = nats / np.array(item[_BY[name]])
    elif name == "acc_pmi":
        nats = nats - np.array(item["alone"])
    return _credit(nats, item["answer"])


def _credit(cost: Any, answer: int) -> float:
    best = np.asarray(cost) == np.min(cost)
    return float(best[answer] / best.sum())


def _credits(items: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [item["likely"] if "likely" in item else score(item, name) for item in items]


def _last_word(records: Records) -> tuple[Number, ...]:
    header, items = records.header, records.items
    given = "; length given: the model is told the number of the word's tokens" if header["given"] else ""
    share = statistics.share(sum(item["likely"] for item in items), len(items))
    told = (
        f"share of passages whose last word's tokens are each the likeliest behind the true ones before; {_TIES}{given}"
    )
    found = [number("acc", share, "share", told, kind=header["kind"])]
    mean = statistics.mean([item["nats"][0] for item in items])
    value, low, high = np.exp(np.minimum([mean.value, mean.low, mean.high], 709.0)).tolist()
    grown = Estimate(value, low, high, float("nan"), mean.items, mean.draws)
    meaning = f"exp of the mean nats of the last word ({header['kind']}){given}"
    return (*found, number("perplexity", grown, "", meaning, kind=header["kind"]))


def _pairs(records: Records) -> tuple[Number, ...]:
    items, kind = records.items, records.header["kind"]
    scores = _credits(items, "acc")
    by_group: dict[str, list[float]] = {}
    for item, one in zip(items, scores, strict=True):
        by_group.setdefault(item["group"], []).append(one)
    several, chance = len(by_group) > 1, {"chance": 0.5}
    meaning = f"{_MEANING['acc']}; {_TIES}"
    pairs = number(
        "acc_pairs" if several else "acc", accuracy(scores), "share",
        f"{meaning}; mean and interval over pairs: for two models on these pairs" if several else meaning,
        baselines=chance, kind=kind,
    )  # fmt: skip
    found = [pairs]
    if several:
        macro = accuracy([float(np.mean(part)) for part in by_group.values()], whole=False)
        told = f"{meaning}; mean and interval over {len(by_group)} groups: for more groups of this kind"
        found = [number("acc", macro, "share", told, baselines=chance, kind=kind), pairs]
    ties = sum(item["nats"][0] == item["nats"][1] for item in items)
    unequal = sum(item["tokens"][0] != item["tokens"][1] for item in items)
    told = f"pairs of {len(items):,} whose texts are equally likely"
    return (
        *found,
        Number("ties", float(ties), "count", told, items=len(items), kind=kind),
        Number(
            "unequal tokens", unequal / len(items), "share", "share of pairs whose texts have unlike numbers of tokens",
            items=len(items), kind=kind,
        ),
    )  # fmt: skip


def _choices(records: Records) -> tuple[Number, ...]:
    header, items = records.header, records.items
    names = ["acc"] if header["asks"] == "schemas" else list(_MEANING)
    names.sort(key=lambda name: name != header["headline"])
    clusters = [item["group"] for item in items]
    beside = _simple(header, items)
    return tuple(
        number(
            name, accuracy(_credits(items, name), clusters if len(set(clusters)) > 1 else None), "share",
            f"{_MEANING[name]}; {_TIES}", baselines=beside, kind=header["kind"],
        )
        for name in names
    )  # fmt: skip


def _simple(header: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return what simple rules reach: chance, or the most frequent answer of a fixed set; the longest, the shortest."""
    if header["labels"]:
        most = Counter(item["answer"] for item in items).most_common(1)[0]
        return {f"always '{header['labels'][most[0]].strip()}'": most[1] / len(items)}
    found = {"chance": float(np.mean([1 / len(item["nats"]) for item in items]))}
    if header["asks"] == "choices":
        lengths = [(np.array(item["characters"]), item["answer"]) for item in items]
        found["longest"] = float(np.mean([_credit(-length, answer) for length, answer in lengths]))
        found["shortest"] = float(np.mean([_credit(length, answer) for length, answer in lengths]))
    return found
