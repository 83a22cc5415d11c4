"""Cheap models of a task, learned in seconds: a tuned model that does not beat them has not earned its training.

    classify  the most frequent class; TF-IDF of words 1-2 and letters 2-5 with logistic regression
    pairs     the same, each of the two texts with features of its own
    tag       no entity at all; entities remembered from training; a CRF of words, shapes and affixes, window 2
    answer    the sentence most like the question; the longest run of capitals and numbers in it
    write     the most frequent target; the source itself; instruct likewise, with the input or the instruction

Those that learn need the extra `evidence`; without it the trivial ones stand alone, and a note says what to install.
Loads no torch.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hornbook.transfer.examples import TEMPLATES, Asked, Classified, Examples, Item, Tagged, Written, outcome
from hornbook.transfer.metrics import normalised
from hornbook.transfer.tags import OUTSIDE, entities, repaired

_STRENGTHS = (0.25, 1.0, 4.0)  # C of the regression, chosen on dev
_COMMON = 1000  # examples, from which on features of one text alone are left out
_WINDOW, _AFFIX = 2, 4  # of the CRF: words on each side, letters at each end
_INPUT = TEMPLATES[1].partition("{instruction}")[2].partition("{input}")[0]
_INSTALL = "A baseline that learns needs a library that is not installed: pip install 'hornbook[evidence]'"


@dataclass(frozen=True)
class Baseline:
    """A cheap model.

    strong    whether it is the one that a tuned model has to beat
    answers   gives what is said of each example, as `metrics.record` wants it
    """

    name: str
    strong: bool
    answers: Callable[[Sequence[Item]], list[Any]]


def learn_baselines(train: Examples, dev: Examples | None = None) -> tuple[tuple[Baseline, ...], str]:
    """Return the baselines of a task, the strongest last, and a note on what is missing, "" where nothing is.

    dev   chooses the strength C of the regression, and whether classes are weighted; without it C is 1, weighted
    """
    trivial, learner = {
        "classify": (_of_classes, _tf_idf),
        "pairs": (_of_classes, _tf_idf),
        "tag": (_of_tags, _crf),
        "answer": (_of_questions, None),
        "write": (_of_texts, None),
        "instruct": (_of_texts, None),
    }[train.task]
    found = trivial(train)
    if learner is None:
        return found, ""
    try:
        return (*found, learner(train, dev)), ""
    except ImportError:
        return found, _INSTALL


def _constant(name: str, said: Any) -> Baseline:
    return Baseline(name, False, lambda items: [said] * len(items))


def _each(name: str, strong: bool, answer: Callable[[Any], Any]) -> Baseline:
    return Baseline(name, strong, lambda items: [answer(item) for item in items])


def _of_classes(train: Examples) -> tuple[Baseline, ...]:
    labels = Counter(str(outcome(item)) for item in train.items)
    return (_constant("majority", max(sorted(labels), key=labels.__getitem__)),)


def _tf_idf(train: Examples, dev: Examples | None) -> Baseline:
    from scipy.sparse import hstack
    from sklearn.linear_model import LogisticRegression

    sides = _texts(train.items)
    counters = [(side, counter) for side, texts in enumerate(sides) for counter in _counters(texts)]
    labels = [str(outcome(item)) for item in train.items]
    if not counters or len(set(labels)) < 2:
        return replace(_of_classes(train)[0], name="TF-IDF", strong=True)

    def features(items: Sequence[Item]) -> Any:
        sides = _texts(items)
        return hstack([counter.transform(sides[side]) for side, counter in counters]).tocsr()

    known = features(train.items)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 1,000 iterations are enough to compare with
        # Weighted classes alone without examples to choose by: a rare class is learned, too.
        ways = [(strength, weights) for strength in _STRENGTHS for weights in (None, "balanced")]
        models = [
            LogisticRegression(C=strength, class_weight=weights, max_iter=1000).fit(known, labels)
            for strength, weights in (ways if dev else [(1.0, "balanced")])
        ]
    if dev:
        asked, right = features(dev.items), [str(outcome(item)) for item in dev.items]
        models.sort(key=lambda model: float(model.score(asked, right)))
    return Baseline("TF-IDF", True, lambda items: list(map(str, models[-1].predict(features(items)))))


def _counters(texts: Sequence[str]) -> Iterator[Any]:
    """Yield what counts words and letters of texts, where there is something to count."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    least = 2 if len(texts) >= _COMMON else 1
    for how in (
        {"ngram_range": (1, 2), "token_pattern": r"\w+|[^\w\s]"},
        {"ngram_range": (2, 5), "analyzer": "char"},
    ):
        with contextlib.suppress(ValueError):  # nothing occurs, or nothing often enough
            yield TfidfVectorizer(sublinear_tf=True, min_df=least, **how).fit(texts)


def _texts(items: Sequence[Item]) -> list[list[str]]:
    """Return all texts, and where there are two all other ones."""
    found = [item for item in items if isinstance(item, Classified)]
    texts = [[item.text for item in found]]
    return texts if any(item.other is None for item in found) else [*texts, [item.other or "" for item in found]]


def _of_tags(train: Examples) -> tuple[Baseline, ...]:
    kinds: dict[tuple[str, ...], Counter[str]] = {}
    for item in train.items:
        assert isinstance(item, Tagged)
        words = _lower(item)
        for kind, start, stop in entities(item.tags or ()):
            kinds.setdefault(words[start:stop], Counter())[kind] += 1
    known = {words: max(sorted(counts), key=counts.__getitem__) for words, counts in kinds.items()}
    longest = max(map(len, known), default=0)

    def recalled(item: Tagged) -> list[str]:
        words, said = _lower(item), [OUTSIDE] * len(item.tokens)
        place = 0
        while place < len(said):
            sizes = range(min(longest, len(said) - place), 0, -1)
            size = next((size for size in sizes if words[place : place + size] in known), 0)
            if size:
                kind = known[words[place : place + size]]
                said[place : place + size] = [f"B-{kind}", *[f"I-{kind}"] * (size - 1)]
            place += max(size, 1)
        return said

    return _each("all O", False, lambda item: [OUTSIDE] * len(item.tokens)), _each("remembered", False, recalled)


def _lower(item: Tagged) -> tuple[str, ...]:
    return tuple(word.lower() for word in item.tokens)


def _crf(train: Examples, dev: Examples | None) -> Baseline:
    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False)
    for item in train.items:
        assert isinstance(item, Tagged)
        trainer.append(_features(item.tokens), item.tags)
    trainer.set_params({"c1": 0.0, "c2": 0.1, "max_iterations": 100, "feature.possible_transitions": True})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        trainer.train(str(path))
        model = path.read_bytes()
    tagger = pycrfsuite.Tagger()
    tagger.open_inmemory(model)
    return _each("CRF", True, lambda item: list(repaired(tagger.tag(_features(item.tokens)))[0]))


def _features(tokens: Sequence[str]) -> list[list[str]]:
    """Return the features of each word: it and its neighbours in lower case, their shapes, and its own ends."""
    found = []
    shapes = [_shape(word) for word in tokens]
    for place, word in enumerate(tokens):
        low = word.lower()
        here = ["bias", f"whole={shapes[place]}"]
        for step in range(-_WINDOW, _WINDOW + 1):
            if 0 <= place + step < len(tokens):
                neighbour = re.sub(r"(.)\1+", r"\1", shapes[place + step])
                here += [f"{step}={tokens[place + step].lower()}", f"{step} shape={neighbour}"]
            else:
                here.append(f"{step} outside")
        sizes = range(1, min(_AFFIX, len(low)) + 1)
        here += [f"begin={low[:size]}" for size in sizes] + [f"end={low[-size:]}" for size in sizes]
        found.append(here)
    return found


def _shape(word: str) -> str:
    """Return a word with its kinds of letters alone.

    >>> _shape("iPhone-7s")
    'xXxxxx-dx'
    """
    return "".join(
        "X" if sign.isupper() else "x" if sign.isalpha() else "d" if sign.isdigit() else sign for sign in word
    )


def _of_questions(train: Examples) -> tuple[Baseline, ...]:
    found = [_each("likest sentence", False, _likest), _each("longest name in it", True, _longest_name)]
    if any(outcome(item) == () for item in train.items):
        found.insert(0, _constant("no answer", ""))
    return tuple(found)


def _likest(item: Asked) -> str:
    """Return the sentence of the context that shares most words with the question, by Jaccard."""
    asked = set(normalised(item.question).split())

    def likeness(sentence: str) -> float:
        words = set(normalised(sentence).split())
        return len(asked & words) / max(len(asked | words), 1)

    return max(re.split(r"(?<=[.!?])\s+", item.context.strip()), key=likeness)


def _longest_name(item: Asked) -> str:
    """Return the longest run of words with a capital or a number in front, none of them of the question."""
    sentence = _likest(item)
    return max(_names(sentence, set(normalised(item.question).split())), key=len, default=sentence)


def _names(sentence: str, asked: set[str]) -> Iterator[str]:
    begin = -1
    words = list(re.finditer(r"\S+", sentence))
    for number, word in enumerate(words):
        name = re.match(r"\W*[^\W_a-z]", word[0]) is not None and not word[0].lstrip("'\"(").islower()
        name = name and normalised(word[0]) not in asked and (number > 0 or any(map(str.isdigit, word[0])))
        if name and begin < 0:
            begin = word.start()
        if begin >= 0 and (not name or word[0][-1] in ",.;:)" or number == len(words) - 1):
            stop = word.end() if name else words[number - 1].end()
            yield sentence[begin:stop].strip(".,;:()\"'")
            begin = -1


def _of_texts(train: Examples) -> tuple[Baseline, ...]:
    targets = Counter(str(outcome(item)) for item in train.items)
    frequent = max(sorted(targets), key=targets.__getitem__)
    copied = _given if train.task == "instruct" else _source
    return _constant("most frequent target", frequent), _each("copy of the source", True, copied)


def _source(item: Written) -> str:
    return item.source


def _given(item: Written) -> str:
    """Return the input of an instruction, or the instruction itself where it has none."""
    begin, end = TEMPLATES[0].split("{instruction}")
    asked, between, given = item.source.removeprefix(begin).removesuffix(end).partition(_INPUT)
    return given if between else asked
