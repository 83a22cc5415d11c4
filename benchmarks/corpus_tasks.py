"""How well the steps of a corpus find what they look for, on labelled sets whose paths are given.

    python benchmarks/corpus_tasks.py --pii FILE.jsonl --toxicity FILE.tsv --pages FILE.jsonl --languages FILE.jsonl

    pii         `text` and `spans` (start, end, and type as Presidio names it): precision and recall by kind, exact
                spans; and a planted set of our own: valid numbers of each kind in sentences, and what only looks so
    toxicity    columns `text` and `label` (hate..., offensive..., neither): area under the ROC curve of the trained
                classifier, five folds by hash of the text, mean over folds
    pages       `text`, `page` and `kind` (clean or boilerplate): accuracy of the quality rules, area under the curve of
                the share of boilerplate and of the trained classifier, five folds by page; as given, and with every run
                of blanks made one, for line ends alone would tell the kinds apart
    languages   `text` and `lang`: accuracy on the whole text, its first 60 and its first 25 characters

Only what is named is measured. The result is written when all four are.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import ipaddress
import json
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hornbook.corpus.step import Page, Step
from hornbook.corpus.steps.boilerplate import Boilerplate
from hornbook.corpus.steps.c4 import C4
from hornbook.corpus.steps.classifier import train_classifier
from hornbook.corpus.steps.fineweb import FineWeb
from hornbook.corpus.steps.gopher import Gopher
from hornbook.corpus.steps.language import Language
from hornbook.corpus.steps.pii import find, iban, luhn
from hornbook.keys import integers, row_keys

RESULT = Path(__file__).parent / "results" / "corpus_tasks.json"
FOLDS = 5
KINDS = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "IP_ADDRESS": "ip",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
}
SENTENCES = ("Please note {} for later.", "({})", "It was {}, I think.", "Yes: {}.", "{} is what she wrote down")


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the records of a .jsonl or .jsonl.gz file."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def page_of(texts: Sequence[str]) -> Page:
    """Return texts as a page."""
    blank = [""] * len(texts)
    return Page(np.arange(len(texts)), blank, blank, texts, [{}] * len(texts))


def counted(pairs: list[tuple[set[Any], set[Any]]]) -> dict[str, Any]:
    """Return precision and recall by kind of (expected, found) spans, whose last part is the kind."""
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    for expected, found in pairs:
        right.update(span[2] for span in expected & found)
        wrong.update(span[2] for span in found - expected)
        missed.update(span[2] for span in expected - found)
    table = {}
    for kind in sorted({*right, *wrong, *missed}):
        hits, all_found, all_there = right[kind], right[kind] + wrong[kind], right[kind] + missed[kind]
        table[kind] = {
            "spans": all_there,
            "precision": round(hits / all_found, 4) if all_found else None,
            "recall": round(hits / all_there, 4) if all_there else None,
        }
    return table


def digits(number: int, count: int, stream: int) -> str:
    """Return `count` digits drawn by number."""
    return "".join(map(str, integers(row_keys(0, [number]), count, stream, 10)[0].tolist()))


def planted(number: int) -> Iterator[tuple[str, str]]:
    """Yield valid personal data of each kind, and under the kind "" what only looks like it."""
    body = ("4", "51", "2221", "6011", "3530")[number % 5] + digits(number, 15, 1)
    card = next(body[:15] + str(check) for check in range(10) if luhn(body[:15] + str(check)))
    shown = " ".join(card[start : start + 4] for start in range(0, 16, 4))
    yield "card", card if number % 2 else shown
    yield "", card[:-1] + str((int(card[-1]) + 1 + number % 8) % 10)
    account = digits(number, 18, 2)
    check = 98 - int(account + "131400") % 97
    yield "iban", f"DE{check:02d}{account}"
    wrong = f"DE{98 - check:02d}{account}"
    if not iban(wrong):
        yield "", wrong
    address = ipaddress.IPv4Address(int(digits(number, 9, 3)) * 4 % 2**32)
    if address.is_global and int(str(address).split(".")[0]) > 19:
        yield "ip", str(address)
    yield "", f"version {number % 9}.{number % 7}.{number % 13}.{number % 11}"
    yield "email", f"user.{digits(number, 4, 4)}@mail{number % 10}.example.org"
    area, rest = 200 + number % 700, digits(number, 4, 5)
    yield (
        "phone",
        (f"({area}) 555-{rest}", f"+49 30 {rest}{rest[:3]}", f"+44 20 7946 {rest}", f"{area}-555-{rest}")[number % 4],
    )
    yield "", f"{1900 + number % 120}-{1 + number % 12:02d}-{1 + number % 28:02d}"
    yield "", f"ISBN 978-3-16-{digits(number, 6, 6)}-{number % 10}"


def pii(path: Path) -> dict[str, Any]:
    """Return precision and recall on the labelled sentences, and on planted data."""
    labelled = []
    for row in rows_of(path):
        spans = {(span["start"], span["end"], KINDS[span["type"]]) for span in row["spans"] if span["type"] in KINDS}
        labelled.append((spans, set(find(row["text"]))))
    own = []
    for number in range(1000):
        for kind, text in planted(number):
            sentence = SENTENCES[(number // 4) % len(SENTENCES)]
            start = sentence.index("{}")
            expected = {(start, start + len(text), kind)} if kind else set()
            own.append((expected, set(find(sentence.replace("{}", text)))))
    return {"labelled": counted(labelled), "planted": counted(own), "planted_texts": len(own)}


def area(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Return the area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))


def folded(
    texts: list[str], labels: NDArray[np.bool_], folds: NDArray[np.int64], features: Literal["words", "characters"]
) -> dict[str, Any]:
    """Return the trained classifier's area under the curve and accuracy on texts it was not trained with."""
    scores = np.zeros(len(texts))
    areas = []
    for fold in range(FOLDS):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        piles = [[texts[place] for place in inside if labels[place] == wanted] for wanted in (True, False)]
        scores[outside] = train_classifier(*piles, features=features).scores([texts[place] for place in outside])
        areas.append(area(labels[outside], scores[outside]))
    accuracy = float(((scores > 0.5) == labels).mean())
    return {
        "auc": round(float(np.mean(areas)), 4),
        "folds": np.round(areas, 4).tolist(),
        "accuracy": round(accuracy, 4),
    }


def toxicity(path: Path) -> dict[str, Any]:
    """Return how well the trained classifier tells toxic tweets, and hateful ones from the rest."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    texts = [row["text"] for row in rows]
    folds = np.array([zlib.crc32(text.encode()) % FOLDS for text in texts], np.int64)
    found: dict[str, Any] = {"texts": len(texts), "labels": dict(Counter(row["label"] for row in rows))}
    tests: dict[str, Callable[[str], bool]] = {
        "toxic or neither": lambda label: label != "neither",
        "hate or not": lambda label: label.startswith("hate"),
    }
    for name, test in tests.items():
        labels = np.array([test(row["label"]) for row in rows])
        for features in ("words", "characters"):
            found[f"{name}, {features}"] = folded(
                texts, labels, folds, "words" if features == "words" else "characters"
            )
    return found


def boilerplate(path: Path) -> dict[str, Any]:
    """Return how well rules, the share of boilerplate and the trained classifier tell whole pages from their text."""
    rows = rows_of(path)
    labels = np.array([row["kind"] == "boilerplate" for row in rows])
    folds = np.array([zlib.crc32(row["page"].encode()) % FOLDS for row in rows], np.int64)
    found: dict[str, Any] = {"pages": len(rows) // 2}
    steps: dict[str, Step] = {"gopher": Gopher(), "c4": C4(), "fineweb": FineWeb()}
    for name, texts in (
        ("as given", [row["text"] for row in rows]),
        ("without line ends", [" ".join(row["text"].split()) for row in rows]),
    ):
        table: dict[str, Any] = {}
        for kind, step in steps.items():
            dropped = np.array([bool(reason) for reason in step(page_of(texts)).reasons])
            table[kind] = {
                "dropped_of_boilerplate": round(float(dropped[labels].mean()), 4),
                "dropped_of_clean": round(float(dropped[~labels].mean()), 4),
                "accuracy": round(float((dropped == labels).mean()), 4),
            }
        shares = np.array([Boilerplate().share(text) for text in texts])
        # The limit that separates best in the other folds.
        limits = np.unique(shares)
        right = np.zeros(len(texts), bool)
        for fold in range(FOLDS):
            inside, outside = folds != fold, folds == fold
            best = max(limits, key=lambda limit: ((shares[inside] > limit) == labels[inside]).mean())
            right[outside] = (shares[outside] > best) == labels[outside]
        table["share"] = {"auc": round(area(labels, shares), 4), "accuracy": round(float(right.mean()), 4)}
        table["classifier"] = folded(texts, labels, folds, "words")
        found[name] = table
    return found


def languages(path: Path) -> dict[str, Any]:
    """Return the share of texts whose language is named rightly, by length, and seconds for a million characters."""
    rows = rows_of(path)
    found: dict[str, Any] = {"texts": len(rows), "languages": len({row["lang"] for row in rows})}
    step = Language(min_confidence=0.0)
    step(page_of(["The model is loaded with the first text."]))
    for name, length in (("whole", 10**6), ("60 characters", 60), ("25 characters", 25)):
        texts = [row["text"][:length] for row in rows]
        begin = time.process_time()
        metas = step(page_of(texts)).metas or ()
        seconds = time.process_time() - begin
        right = [meta["language"] == row["lang"] for meta, row in zip(metas, rows, strict=True)]
        found[name] = {
            "accuracy": round(float(np.mean(right)), 4),
            "cpu_seconds_per_million_characters": round(seconds / sum(map(len, texts)) * 1e6, 3),
        }
    return found


def main() -> None:
    """Measure what is named, print it, and write it if it is all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    measures: dict[str, Callable[[Path], dict[str, Any]]] = {
        "pii": pii,
        "toxicity": toxicity,
        "pages": boilerplate,
        "languages": languages,
    }
    for name in measures:
        parser.add_argument(f"--{name}", type=Path)
    given = {name: path for name, path in vars(parser.parse_args()).items() if path is not None}
    found = {name: measures[name](path) for name, path in given.items()}
    print(json.dumps(found, indent=1, ensure_ascii=False))
    if len(found) == len(measures):
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
