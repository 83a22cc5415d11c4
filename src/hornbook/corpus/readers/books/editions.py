"""Which edition of a book is read where a mirror of Project Gutenberg has several: one a book, the best.

    files/1/2/3/1234/  1234-h/1234-h.htm  1234-0.txt  1234-8.txt  1234.txt  1234-h.zip ...  old/...
    cache/epub/1234/   pg1234-images.html.utf8  pg1234.epub  pg1234.txt.utf8 ...

HTML comes first: it says what is a paragraph, a heading, verse or a note, where a text leaves that to be guessed, and
it has all letters. Then EPUB, made from it; then text in UTF-8, in an encoding of eight bits, in ASCII; then the same
in archives; last what a folder `old` holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

OTHER = "another edition of a book that is read"
# From the best on: what follows the number of the book.
_RANKED = (
    r"-h\.html?|-images\.html(?:\.utf8)?|\.html?(?:\.utf8)?",
    r"-images-3\.epub|-images\.epub|(?:-noimages)?\.epub",
    r"-0\.txt|\.txt\.utf-?8",
    r"-\d\.txt",
    r"\.txt",
    r"-h\.zip",
    r"-0\.zip",
    r"-\d\.zip",
    r"\.zip",
)
_NAMED = re.compile(r"(pg)?(\d{1,6})(?:" + "|".join(f"({each})" for each in _RANKED) + ")", re.I)
_OLD = re.compile(r"(?:^|/)(\d{1,6})/old/(?:.*/)?[^/]+\.(?:txt|html?|zip)$", re.I)


def edition(name: str) -> tuple[str, int] | None:
    """Return the number of the book that a path in a mirror is an edition of, and its rank, 0 the best; else None.

    >>> edition("1/2/3/1234/1234-0.txt"), edition("cache/epub/11/pg11.txt"), edition("notes/1234.txt")
    (('1234', 2), ('11', 4), None)
    """
    name = name.replace("\\", "/")
    if old := _OLD.search(name):
        return old[1], len(_RANKED)
    *folders, last = name.split("/")
    found = _NAMED.fullmatch(last)
    if not found:
        return None
    folder = folders[-1].lower() if folders else ""
    number = found[2]
    # Files with numbers for names are many: those of a mirror lie in a folder of the same number, or say pg.
    if not found[1] and folder not in (number, f"{number}-h", f"{number}-0", f"{number}-8"):
        return None
    return number, next(rank for rank, group in enumerate(found.groups()[2:]) if group)


def superseded(names: Sequence[str], is_book: Callable[[str], bool] = lambda name: True) -> set[str]:
    """Return those of the names, of files that are read together, which are not the best edition of their book.

    `is_book` looks into a file that is no archive, and says whether it is such a book: the best edition is one.
    """
    books: dict[str, list[tuple[int, int, str]]] = {}
    for place, name in enumerate(names):
        if found := edition(name):
            books.setdefault(found[0], []).append((found[1], place, name))
    over: set[str] = set()
    for editions in books.values():
        if len(editions) > 1:
            sound = [
                name for _, _, name in sorted(editions) if name.lower().endswith((".zip", ".epub")) or is_book(name)
            ]
            over |= set(sound[1:])
    return over
