"""Documents for tests of surveys: made-up texts, and texts damaged in ten ways."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import daft
import numpy as np

from hornbook.corpus.step import Page

WORDS = [
    a + b + c for a in ("ba", "ke", "li", "no", "ru") for b in "mnstv" for c in ("a", "el", "ing", "or", "us", "y")
]


def sentences(chance: random.Random, words: int) -> str:
    """Return a text of about so many words in sentences, lines and paragraphs."""
    text, written = [], 0
    while written < words:
        length = chance.randint(6, 14)
        text.append(" ".join(chance.choices(WORDS, k=length)).capitalize() + ".")
        text.append(chance.choice([" ", " ", " ", "\n", "\n\n"]))
        written += length
    return "".join(text).strip()


def changed(share: float) -> Callable[[str, random.Random], str]:
    def change(text: str, chance: random.Random) -> str:
        words = text.split(" ")
        for where in chance.sample(range(len(words)), max(1, int(share * len(words)))):
            words[where] = chance.choice(WORDS)
        return " ".join(words)

    return change


def swapped_paragraphs(text: str, chance: random.Random) -> str:
    paragraphs = text.split("\n\n")
    chance.shuffle(paragraphs)
    return "\n\n".join(paragraphs)


DAMAGE: dict[str, Callable[[str, random.Random], str]] = {
    "case": lambda text, chance: text.upper(),
    "white space": lambda text, chance: text.replace(" ", "  ").replace("\n", " \r\n"),
    "punctuation": lambda text, chance: text.replace(".", "!"),
    "end cut off": lambda text, chance: text[: int(len(text) * chance.uniform(0.6, 0.98))],
    "header added": lambda text, chance: sentences(chance, 12) + "\n" + text,
    "footer added": lambda text, chance: text + "\n" + sentences(chance, 20),
    "paragraphs swapped": swapped_paragraphs,
    "one word in a hundred": changed(0.01),
    "one word in fifty": changed(0.02),
    "one word in five": changed(0.2),
}


def frame(
    texts: Sequence[str], metas: Sequence[str] | None = None, places: Sequence[int] | None = None
) -> daft.DataFrame:
    """Return documents as a survey sees them; place n is text n unless told otherwise."""
    given = list(range(len(texts))) if places is None else list(places)
    return daft.from_pydict(
        {
            "place": np.array(given, np.int64),
            "id": [f"a#{place}" for place in given],
            "source": ["a"] * len(given),
            "text": list(texts),
            "meta": list(metas or ["{}"] * len(given)),
        }
    )


def in_parts(texts: Sequence[str], number: int, order: Sequence[int] | None = None) -> daft.DataFrame:
    """Return the same documents as a frame put together of `number` others, in some order."""
    places = list(range(len(texts))) if order is None else list(order)
    parts = [places[start::number] for start in range(number) if places[start::number]]
    frames = [frame([texts[place] for place in part], places=part) for part in parts]
    whole = frames[0]
    for other in frames[1:]:
        whole = whole.concat(other)
    return whole


def page(texts: Sequence[str], places: Sequence[int] | None = None) -> Page:
    """Return the same documents as a step sees them."""
    given = list(range(len(texts))) if places is None else list(places)
    ids = [f"a#{place}" for place in given]
    return Page(np.array(given, np.int64), ids, ["a"] * len(given), list(texts), [{}] * len(given))
