"""A corpus of any size out of little text: runs of paragraphs, drawn anew, some spoilt as web pages are.

Every draw is a function of the document's number, so the same texts give the same corpus on every machine.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from hornbook.corpus.read import read
from hornbook.keys import row_keys, uniform

SHORTEST, LONGEST = 180, 12_500  # characters of a document, drawn log-uniformly: 2.9 kB on average
SPOILT = 0.3
NAVIGATION = ("Home", "About us", "Contact", "Products", "Sign in", "- Overview", "• Downloads", "Share", "Next")
NOTICES = (
    "We use cookies to improve your experience. Read our privacy policy.",
    "Please enable JavaScript to view this page.",
    "Read more...",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
    "Copyright {year} by the owner, all rights reserved.",
    "# # # # # # # # # #",
)


def paragraphs(paths: Sequence[str]) -> list[list[str]]:
    """Return the paragraphs of every document of the paths."""
    found = [[piece for piece in document.text.split("\n\n") if piece.strip()] for document in read(paths)]
    return [pieces for pieces in found if pieces]


def resample(paths: Sequence[str], documents: int, total_bytes: int) -> Iterator[str]:
    """Yield `documents` texts of about `total_bytes` together."""
    pieces = paragraphs(paths)
    ends = list(itertools.accumulate(sum(map(len, found)) for found in pieces))
    draws = uniform(row_keys(0, np.arange(documents)), 24, stream=1)
    scale = total_bytes / documents / ((LONGEST - SHORTEST) / np.log(LONGEST / SHORTEST))
    for row in draws.tolist():
        source = pieces[bisect.bisect_right(ends, row[0] * ends[-1])]
        wanted = scale * SHORTEST * (LONGEST / SHORTEST) ** row[1]
        start, size, run = int(row[2] * len(source)), 0, []
        while size < wanted and len(run) < 4 * len(source):
            run.append(source[(start + len(run)) % len(source)][: int(wanted - size) + 1])
            size += len(run[-1]) + 2
        yield "\n\n".join(spoilt(run, row[4:]) if row[3] < SPOILT else run)


def spoilt(run: list[str], row: list[float]) -> list[str]:
    """Return the paragraphs with what is found around and between the text of web pages."""
    run = list(run)
    for kind, place, amount, choice in zip(row[:5], row[5:10], row[10:15], row[15:20], strict=True):
        at, many = int(place * (len(run) + 1)), 1 + int(amount * 6)
        if kind < 0.25:
            menu = [NAVIGATION[(int(choice * len(NAVIGATION)) + step) % len(NAVIGATION)] for step in range(2 * many)]
            run.insert(at, "\n".join(menu))
        elif kind < 0.45:
            run.insert(at, NOTICES[int(choice * len(NOTICES))])
        elif kind < 0.55 and run:
            run[at:at] = [run[int(choice * len(run))]] * many
        elif kind < 0.62 and run:
            line = run[int(choice * len(run))].split("\n", 1)[0]
            run.insert(at, "\n".join([line] * (2 * many)))
    return run
