"""Measures of a task's answers, from a record for each example: what was right, and what the model said.

    classify, pairs   accuracy (Wilson's interval), macro F1, Matthews' correlation
    tag               precision, recall, F1 of whole entities (strict IOB2); accuracy of tags beside that of all O
    answer            exact match and F1 of words after SQuAD's normalisation, the best of the right answers
    write, instruct   exact match, F1 of words, bits per byte of the right text where its nats were recorded

Every Number follows from the records alone. Intervals treat examples as drawn from more of their kind: sentences for
tags, contexts for the questions on them. F1 and the correlation are no means: BCa. Loads no torch.
"""

from __future__ import annotations

import hashlib
import math
import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.evaluate.numbers import Number, number
from hornbook.evaluate.statistics import Estimate, bca, difference, mean, parts_of_ratio, ratio, share
from hornbook.transfer.examples import Asked, Classified, Item, Tagged
from hornbook.transfer.tags import OUTSIDE, entities

Record = Mapping[str, Any]
Counts = NDArray[np.int64]

# The one to choose by and to quote first.
HEADLINE = {
    "classify": "accuracy", "pairs": "accuracy", "tag": "f1", "answer": "f1", "write": "f1", "instruct": "f1",
}  # fmt: skip
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def record(item: Item, said: Any, **more: Any) -> dict[str, Any]:
    """Return what is kept of one example: its id, what is right, what was said, and for questions their context.

    said   a label; tags; the text of an answer, "" for none; a text
    more   such as `nats` and `bytes` of the right text
    """
    if isinstance(item, Classified):
        kept: dict[str, Any] = {"answer": item.label, "said": said}
    elif isinstance(item, Tagged):
        if len(said) != len(item.tokens):
            raise ValueError(f"{len(said)} tags for {len(item.tokens)} words")
        kept = {"answer": list(item.tags or ()), "said": list(said)}
    elif isinstance(item, Asked):
        kept = {"answers": [text for text, _ in item.answers or ()], "said": said, "group": _digest(item.context)}
    else:
        kept = {"answer": item.target, "said": said}
    return {"id": item.id, **kept, **more}


def measure(
    task: str, records: Sequence[Record], others: Mapping[str, Sequence[Record]] | None = None, seed: int = 0
) -> tuple[Number, ...]:
    """Return the numbers of a task, the headline first; `others` are the records of baselines on the same examples."""
    simple = {
        name: {one.name: one.value for one in _MEASURES[task](each, None)} for name, each in (others or {}).items()
    }
    return tuple(
        replace(
            one,
            baselines={**one.baselines, **{name: each[one.name] for name, each in simple.items() if one.name in each}},
        )
        for one in _MEASURES[task](records, seed)
    )


def score(task: str, records: Sequence[Record]) -> float:
    """Return the headline's value alone, by which epochs and rates are chosen."""
    return next(one.value for one in _MEASURES[task](records, None) if one.name == HEADLINE[task])


def advantage(task: str, records: Sequence[Record], other: Sequence[Record], seed: int = 0) -> Estimate:
    """Return the headline's difference to another model's on the same examples, in the same order, with its interval.

    It says how sure the difference is for these two models; another seed of training is another model.
    """
    if [one["id"] for one in records] != [one["id"] for one in other]:
        raise ValueError("the records are of other examples, or in another order")
    if task in ("classify", "pairs"):
        return difference(_hits(records), _hits(other))
    if task == "tag":
        ours, theirs = _entity_counts(records), _entity_counts(other)
        return bca(lambda chosen: _f1(ours[chosen]) - _f1(theirs[chosen]), len(records), seed)
    of = _question_scores if task == "answer" else _text_scores
    return difference(of(records)[1], of(other)[1], _groups(records))


def parts(task: str, records: Sequence[Record]) -> NDArray[np.float64]:
    """Return each draw's linear part of the headline, float64[n]: their mean is the headline.

    A draw is an example; of questions, all that are on one context. An F1 of entities is a ratio of sums over examples.
    """
    if task == "tag":
        counts = _entity_counts(records)
        return parts_of_ratio(2 * counts[:, 0], counts[:, 1] + counts[:, 2])
    if task in ("classify", "pairs"):
        return np.array(_hits(records))
    scores = (_question_scores if task == "answer" else _text_scores)(records)[1]
    members: dict[str, list[float]] = {}
    for place, score in enumerate(scores):
        members.setdefault(str(records[place].get("group", place)), []).append(score)
    return parts_of_ratio([sum(some) for some in members.values()], [len(some) for some in members.values()])


def _classes(records: Sequence[Record], seed: int | None) -> list[Number]:
    names = sorted({str(one[field]) for one in records for field in ("answer", "said")})
    place = {name: number for number, name in enumerate(names)}
    cells = np.array([place[str(one["answer"])] * len(names) + place[str(one["said"])] for one in records])

    def confusion(chosen: NDArray[np.int64]) -> Counts:
        return np.bincount(cells[chosen], minlength=len(names) ** 2).reshape(len(names), len(names))

    right = float(sum(_hits(records)))
    accuracy = share(right, len(records))
    return [
        number(
            "accuracy", accuracy, "share", "share of the examples whose class is right; compare with the majority's"
        ),
        _resampled(
            "macro f1",
            lambda chosen: macro_f1(confusion(chosen)),
            len(records),
            seed,
            "share",
            "mean over the classes of their F1: a rare class counts as much as a common one",
        ),
        _resampled(
            "mcc",
            lambda chosen: matthews(confusion(chosen)),
            len(records),
            seed,
            "",
            "Matthews' correlation of class and answer: 0 for guessing and for one class alone, 1 if all are right",
        ),
    ]


def macro_f1(confusion: Counts) -> float:
    """Return the mean F1 of the classes; [true, said] counts. A class that is neither right nor said counts not."""
    both = np.diag(confusion)
    either = confusion.sum(0) + confusion.sum(1)
    return float((2 * both[either > 0] / either[either > 0]).mean())


def matthews(confusion: Counts) -> float:
    """Return Matthews' correlation for any number of classes (Gorodkin 2004); 0 where one side has one class alone."""
    true, said, total = confusion.sum(1), confusion.sum(0), int(confusion.sum())
    spread = float(total**2 - (said**2).sum()) * float(total**2 - (true**2).sum())
    together = float(np.trace(confusion) * total - (true * said).sum())
    return together / math.sqrt(spread) if spread > 0 else 0.0


def _tags(records: Sequence[Record], seed: int | None) -> list[Number]:
    counts = _entity_counts(records)
    right = sum(a == b for one in records for a, b in zip(one["answer"], one["said"], strict=True))
    outside = sum(tag == OUTSIDE for one in records for tag in one["answer"])
    words = sum(len(one["answer"]) for one in records)
    told = "of whole entities, type and both ends right (strict IOB2, as CoNLL and seqeval's strict mode count)"
    return [
        _resampled("f1", lambda chosen: _f1(counts[chosen]), len(records), seed, "share", f"F1 {told}"),
        _resampled(
            "precision",
            lambda chosen: _part(counts[chosen], 1),
            len(records),
            seed,
            "share",
            "share of the entities said that are right",
        ),
        _resampled(
            "recall",
            lambda chosen: _part(counts[chosen], 2),
            len(records),
            seed,
            "share",
            "share of the right entities that are said",
        ),
        Number(
            "tag accuracy",
            right / words,
            "share",
            "share of the words with the right tag; no measure of tagging, since words outside entities are most",
            items=words,
            baselines={"all O": outside / words},
        ),
    ]


def _answers(records: Sequence[Record], seed: int | None) -> list[Number]:
    exact, f1 = _question_scores(records)
    told = "after SQuAD's normalisation (case, punctuation and articles apart), the best over the right answers"
    return [
        number("f1", _mean(f1, records), "share", f"mean F1 of the words of the answer {told}"),
        number("exact match", _mean(exact, records), "share", f"share of the answers that are equal {told}"),
    ]


def _texts(records: Sequence[Record], seed: int | None) -> list[Number]:
    exact, f1 = _text_scores(records)
    found = [
        number("f1", mean(f1), "share", "mean F1 of the words, whatever their order, case, punctuation and articles"),
        number(
            "exact match", share(sum(exact), len(exact)), "share", "share of the texts that are equal, blanks apart"
        ),
    ]
    if all("nats" in one and "bytes" in one for one in records):
        bits = ratio([one["nats"] / math.log(2) for one in records], [one["bytes"] for one in records])
        found.append(number("bits per byte", bits, "bits per byte", "of the right text, given what comes before it"))
    return found


_MEASURES: Mapping[str, Callable[[Sequence[Record], int | None], list[Number]]] = {
    "classify": _classes,
    "pairs": _classes,
    "tag": _tags,
    "answer": _answers,
    "write": _texts,
    "instruct": _texts,
}


def by_class(task: str, records: Sequence[Record]) -> tuple[Number, ...]:
    """Return the F1 of each class, or of each type of entity, with the number of right ones as its items."""
    if task not in ("classify", "pairs", "tag"):
        return ()
    both, said, right = Counter[str](), Counter[str](), Counter[str]()
    for one in records:
        ours, theirs = (
            entities(one[field]) if task == "tag" else [(str(one[field]), 0, 1)] for field in ("said", "answer")
        )
        both.update(kind for kind, _, _ in set(ours) & set(theirs))
        said.update(kind for kind, _, _ in ours)
        right.update(kind for kind, _, _ in theirs)
    return tuple(
        Number(
            f"f1 of {kind}", 2 * both[kind] / (said[kind] + right[kind]), "share", "F1 of this one", items=right[kind]
        )
        for kind in sorted(said | right)
    )


def _counts(right: Sequence[Any], said: Sequence[Any]) -> Counts:
    return np.array([len(set(right) & set(said)), len(said), len(right)])


def _entity_counts(records: Sequence[Record]) -> Counts:
    """Return for each sentence the entities that are right, said, and to be found: [n, 3]."""
    return np.array([_counts(entities(one["answer"]), entities(one["said"])) for one in records])


def _f1(counts: Counts) -> float:
    both, said, right = counts.sum(0).tolist()
    return 2 * both / (said + right) if said + right else 0.0


def _part(counts: Counts, of: int) -> float:
    sums = counts.sum(0).tolist()
    return float(sums[0] / sums[of]) if sums[of] else 0.0


def _hits(records: Sequence[Record]) -> list[float]:
    return [float(str(one["answer"]) == str(one["said"])) for one in records]


def normalised(text: str) -> str:
    """Return an answer as SQuAD's own script compares it: no case, no ASCII punctuation, no articles, single blanks.

    >>> normalised("The  Beatles' (1964) - an “album”")
    'beatles 1964 “album”'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def words_f1(said: str, right: str) -> float:
    """Return the F1 of the words of two texts as SQuAD 2's script computes it: 1 where both have none, 0 where one."""
    ours, theirs = normalised(said).split(), normalised(right).split()
    if not ours or not theirs:
        return float(ours == theirs)
    common = (Counter(ours) & Counter(theirs)).total()
    return 2 * common / (len(ours) + len(theirs))


def _question_scores(records: Sequence[Record]) -> tuple[list[float], list[float]]:
    """Return exact match and F1 of each question. No right answer, or one of articles alone, means: say nothing."""
    exact, f1 = [], []
    for one in records:
        right = [text for text in one["answers"] if normalised(text)] or [""]
        exact.append(max(float(normalised(one["said"]) == normalised(text)) for text in right))
        f1.append(max(words_f1(one["said"], text) for text in right))
    return exact, f1


def _text_scores(records: Sequence[Record]) -> tuple[list[float], list[float]]:
    exact = [float(one["said"].split() == one["answer"].split()) for one in records]
    return exact, [words_f1(one["said"], one["answer"]) for one in records]


def _groups(records: Sequence[Record]) -> list[str] | None:
    return [one["group"] for one in records] if records and "group" in records[0] else None


def _mean(scores: Sequence[float], records: Sequence[Record]) -> Estimate:
    groups = _groups(records)
    draws = len(scores) if groups is None else len(set(groups))
    if set(scores) <= {0.0, 1.0} and (draws == len(scores) or len(set(scores)) == 1):
        found = share(sum(scores) * draws / len(scores), draws)  # where all are alike, too, a draw may be otherwise
        return replace(found, items=len(scores))
    return mean(scores, groups)


def _resampled(
    name: str, statistic: Callable[[NDArray[np.int64]], float], items: int, seed: int | None, unit: str, meaning: str
) -> Number:
    """Return a number that is no mean; without an interval where no seed is given, or where all draws are alike."""
    if seed is None:
        return Number(name, statistic(np.arange(items)), unit, meaning, items=items, draws=items)
    found = bca(statistic, items, seed)
    if found.low == found.high:  # such as an F1 of 0: no draw can tell how far above the next would be
        return Number(name, found.value, unit, meaning, items=items, draws=items)
    return number(name, found, unit, meaning)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
