"""Page: what is known of a page while its text is made, and the characters that stand for what is put aside.

Those are control characters that XML cannot hold, so no dump contains them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hornbook.corpus.readers.wiki import names

KEPT = "\x01"  # begins, and
KEPT_END = "\x02"  # ends the number of a piece that is kept as it is
BAR = "\x03"  # a bar that is text, not markup
GONE = "\x05"  # something that stood in the line was left out
NOTHING = "\x06"  # parts two characters that are no markup together
BREAK = "\x0b"  # a new line within a paragraph
SOFT = "\x0c"  # an end of a line that is none in the text
HARD = "\x0e"  # a blank that counts
EQUALS = "\x0f"  # a sign of equality that names no part of a template
_OURS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_PIECE = re.compile(f"{KEPT}([0-9]+){KEPT_END}")


@dataclass(frozen=True)
class Site:
    """A wiki, as its dump describes it.

    language    its code, such as en; empty = not known
    base        the address of its main page; empty = not known
    namespaces  the names of its namespaces by their numbers
    rights      the licence of its texts; empty = not known
    """

    language: str = ""
    base: str = ""
    namespaces: dict[int, str] = field(default_factory=dict)
    rights: str = ""

    def files(self) -> frozenset[str]:
        """Return the names of the namespace of files, in lower case; links to its pages show pictures."""
        return (names.files(self.language) | {self.name(6)}) - {"", self.name(-2)}

    def categories(self) -> frozenset[str]:
        """Return the names of the namespace of categories, in lower case."""
        return (names.categories(self.language) | {self.name(14)}) - {""}

    def name(self, number: int) -> str:
        """Return the name of a namespace in lower case; empty where it is not known."""
        return self.namespaces.get(number, "").lower()


@dataclass
class Page:
    """A page in the making: what its text says beside the words.

    kept            pieces that stand in the text by their numbers alone, such as source code
    categories      that the page is in
    disambiguation  whether a template or magic word says that the page tells apart what has one name
    """

    title: str
    site: Site
    tables: bool = True
    kept: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    disambiguation: bool = False

    def __post_init__(self) -> None:
        self.file_names, self.category_names = self.site.files(), self.site.categories()
        self.template_name = self.site.name(10)

    def keep(self, text: str) -> str:
        """Put a piece aside and return what stands for it."""
        self.kept.append(text.replace(EQUALS, "="))
        return f"{KEPT}{len(self.kept) - 1}{KEPT_END}"

    def keep_block(self, text: str) -> str:
        """Put lines aside that stand by themselves; blank ones are nothing."""
        text = text.strip("\n")
        return f"\n\n{self.keep(text)}\n\n" if text.strip() else "\n\n"

    def restored(self, text: str) -> str:
        """Return a text with the pieces that were put aside; they may hold others in their turn, made before them."""
        while KEPT in text:
            text = _PIECE.sub(lambda found: self.kept[int(found[1])], text)
        return text


def without_control(text: str) -> str:
    """Return a text without the characters that stand for something here."""
    return _OURS.sub("", text) if _OURS.search(text) else text
