"""Steps that are as small as steps can be, for the tests of what carries them."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.corpus.step import Page, Verdicts


@dataclass(frozen=True)
class Short:
    """Drop texts of few words.

    least   words that a text has at least
    """

    least: int = 5

    def __call__(self, page: Page) -> Verdicts:
        reasons = ["short: too few words" if len(text.split()) < self.least else "" for text in page.texts]
        return Verdicts(page.texts, reasons)


@dataclass(frozen=True)
class Without:
    """Take a word out of all texts and mark those that had it.

    word   what is taken out
    """

    word: str = "the"

    def __call__(self, page: Page) -> Verdicts:
        texts = [text.replace(self.word, "") for text in page.texts]
        found = sum(text.count(self.word) for text in page.texts)
        metas = [{"language": "en" if self.word in text else "xx"} for text in page.texts]
        return Verdicts(texts, [""] * len(page), metas, {self.word: found})


@dataclass(frozen=True)
class Slow:
    """Take a while over each page, so that something can happen meanwhile."""

    seconds: float = 0.1

    def __call__(self, page: Page) -> Verdicts:
        time.sleep(self.seconds)
        return Verdicts(page.texts, [""] * len(page))


@dataclass(frozen=True)
class DieOnce:
    """Kill the worker at the first page, as a lack of memory would.

    flag   a file that says it has happened
    """

    flag: str

    def __call__(self, page: Page) -> Verdicts:
        if not Path(self.flag).exists():
            Path(self.flag).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Verdicts(page.texts, [""] * len(page))


@dataclass(frozen=True)
class Broken:
    """Raise what no step should."""

    def __call__(self, page: Page) -> Verdicts:
        raise ZeroDivisionError("of no use")


@dataclass(frozen=True)
class Known:
    """What `Repeats` found: drop the places that a file lists."""

    file: Path

    def __call__(self, page: Page) -> Verdicts:
        gone = {int(line) for line in self.file.read_text().split()}
        reasons = ["repeats: seen before" if place in gone else "" for place in page.places.tolist()]
        return Verdicts(page.texts, reasons)


@dataclass(frozen=True)
class Repeats:
    """Drop all but the first of equal texts."""

    def survey(self, documents: Any, directory: Path) -> Known:
        first: dict[str, int] = {}
        rows = documents.select("place", "text").to_pydict()
        for place, text in sorted(zip(rows["place"], rows["text"], strict=True)):
            first.setdefault(text, place)
        gone = sorted(set(rows["place"]) - set(first.values()))
        (directory / "gone.txt").write_text("\n".join(map(str, gone)))
        return Known(directory / "gone.txt")
