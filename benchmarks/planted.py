"""A corpus with planted damage: sound documents, some of them spoilt, copies of them, and junk; the truth is known.

    sound ──spoil──> a menu and notices around the text, mojibake, invisible characters and other line ends
        ├──copy───> exact copies, near copies
        └─────────> pages of spam, of menus, of machines, of placeholder text beside them

Every draw is a function of the seed, so the same documents give the same corpus on every machine.
"""

from __future__ import annotations

import base64
import collections
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from near_duplicates import DAMAGE
from resampled import NAVIGATION, NOTICES

# Shares of the sound documents that are spoilt where they stand, and for each sound document so many more.
SPOILT = {"chrome": 0.25, "mojibake": 0.10, "invisible": 0.05}
COPIES = {"exact copy": 0.20, "near copy": 0.15}
JUNK = {"spam": 0.08, "menus": 0.07, "machine": 0.07, "placeholder": 0.03}
COPIED = 0.08  # of the sound documents are what all exact copies are made of: what is copied is copied often
NEAR = tuple(name for name in DAMAGE if name not in ("one word in five", "paragraphs swapped"))
GOODS = ("watches", "loans", "pills", "handbags", "casino", "tickets", "insurance", "followers", "shoes", "software")
CALLS = ("buy cheap {}", "best {} online", "{} for sale", "discount {} today", "order {} now", "free {} no deposit")
LATIN = (
    "Lorem",
    "ipsum",
    "dolor",
    "sit",
    "amet",
    "consectetur",
    "adipiscing",
    "elit",
    "sed",
    "do",
    "eiusmod",
    "tempor",
)

Document = dict[str, Any]  # text, kind of damage ("" = none), origin: the number of the sound document, -1 of none


def planted(sound: Sequence[str], seed: int = 0) -> list[Document]:
    """Return a spoilt corpus of the sound texts, in an order that is drawn."""
    chance = random.Random(seed)
    found = [_spoilt(text, number, chance) for number, text in enumerate(sound)]
    often = chance.sample(range(len(sound)), max(1, round(COPIED * len(sound))))
    for kind, share in COPIES.items():
        for _ in range(round(share * len(sound))):
            origin = chance.choice(often) if kind == "exact copy" else chance.randrange(len(sound))
            text = found[origin]["text"]
            copy = text if kind == "exact copy" else DAMAGE[chance.choice(NEAR)](text, chance)
            found.append({"text": copy, "kind": kind, "origin": origin})
    for kind, share in JUNK.items():
        for _ in range(round(share * len(sound))):
            size = len(chance.choice(sound))
            found.append({"text": MAKERS[kind](chance, max(300, size)), "kind": kind, "origin": -1})
    chance.shuffle(found)
    return found


def typographic(text: str) -> str:
    """Return a text with the quotes and dashes of typesetters, which is what a wrong encoding spoils."""
    return text.replace("'", "\u2019").replace("--", "\u2014")


def _spoilt(text: str, number: int, chance: random.Random) -> Document:
    draw, kind = chance.random(), ""
    for name, share in SPOILT.items():
        if 0.0 <= draw < share:
            kind = name
        draw -= share
    if kind == "chrome":
        start = chance.randrange(len(NAVIGATION))
        menu = [NAVIGATION[(start + step) % len(NAVIGATION)] for step in range(chance.randint(4, 8))]
        below = chance.sample(NOTICES[:3], chance.randint(1, 3))
        text = "\n".join([*menu, "", text, "", *below, "Copyright by the owner, all rights reserved."])
    elif kind == "mojibake":
        text = typographic(text).encode().decode("cp1252", "replace")
    elif kind == "invisible":
        words = text.split(" ")
        text = " ".join(word + chance.choice(("", "", "\u200b", "\ufeff")) for word in words).replace("\n", "\r\n")
    return {"text": text, "kind": kind, "origin": number}


def _spam(chance: random.Random, size: int) -> str:
    goods = chance.sample(GOODS, 3)
    lines: list[str] = []
    while sum(map(len, lines)) < size:
        lines.append(", ".join(chance.choice(CALLS).format(chance.choice(goods)) for _ in range(12)) + ".")
    return "\n".join(lines)


def _menus(chance: random.Random, size: int) -> str:
    lines: list[str] = []
    while sum(map(len, lines)) < size:
        lines += chance.sample(NAVIGATION, 6)
        lines += [chance.choice(NOTICES), f"{chance.choice(GOODS).title()} ({chance.randint(1, 999)})", ""]
    return "\n".join(lines)


def _machine(chance: random.Random, size: int) -> str:
    what = chance.randrange(3)
    if what == 0:
        coded = base64.b64encode(chance.randbytes(size * 3 // 4)).decode()
        return "\n".join(coded[start : start + 76] for start in range(0, len(coded), 76))
    if what == 1:
        lines = size // 60
        return "\n".join(
            f"{1_500_000_000 + 7 * line + chance.randint(0, 6)} 10.0.{chance.randint(0, 255)}.{chance.randint(0, 255)} "
            f"GET /{chance.randbytes(6).hex()} {chance.choice((200, 304, 404))} {chance.randint(100, 99999)}"
            for line in range(lines)
        )
    return "\n".join(" ".join(f"{chance.uniform(-99, 99):.4f}" for _ in range(8)) for _ in range(size // 64))


def _placeholder(chance: random.Random, size: int) -> str:
    paragraphs: list[str] = []
    while sum(map(len, paragraphs)) < size:
        paragraphs.append(" ".join([*LATIN, *chance.choices(LATIN, k=40)]) + ".")
    return "\n\n".join(paragraphs)


MAKERS: Mapping[str, Callable[[random.Random, int], str]] = {
    "spam": _spam,
    "menus": _menus,
    "machine": _machine,
    "placeholder": _placeholder,
}


def lines_of(text: str) -> collections.Counter[str]:
    """Return the lines of a text that are not blank, with their indents, without the blanks at their ends."""
    return collections.Counter(line.rstrip() for line in text.splitlines() if line.strip())


def account(sound: Sequence[str], corpus: Iterable[Document]) -> dict[str, Any]:
    """Return how many bytes of lines are sound, of how many there were, and how many are damage of which kind.

    A line of a document is sound where its original has it (as it was, or with typographic quotes) and no document
    before it of the same original has brought it.
    """
    left = [lines_of(text) for text in sound]
    otherwise = [{typographic(line): line for line in lines} for lines in left]
    whole = sum(_bytes(line) * number for lines in left for line, number in lines.items())
    good, bad = 0, collections.Counter[str]()
    for document in sorted(corpus, key=lambda item: item["kind"]):  # what is not damaged brings its lines first
        origin = document["origin"]
        for line, number in lines_of(document["text"]).items():
            mine = 0
            if origin >= 0:
                known = line if line in left[origin] else otherwise[origin].get(line, line)
                mine = min(number, left[origin][known])
                left[origin][known] -= mine
                good += mine * _bytes(known)
            if number > mine:
                bad[document["kind"] or "changed"] += (number - mine) * _bytes(line)
    return {"sound": good, "of": whole, "damage": dict(sorted(bad.items()))}


def _bytes(line: str) -> int:
    return len(line.encode("utf-8", "replace"))
