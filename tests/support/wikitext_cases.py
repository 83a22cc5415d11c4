"""The constructs of wikitext with the text that stands beside each, and what no text may be left with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

CONSTRUCTS = Path(__file__).parent.parent / "fixtures" / "sources" / "wikitext" / "constructs.txt"
RESIDUE = re.compile(
    r"\{\{|\}\}|\[\[|\]\]|\{\||\|\}|''|</?(?:ref|references|nowiki|gallery|noinclude|includeonly)\b|__(?:NO)?TOC__",
    re.IGNORECASE,
)
# What these hold is text, whatever it looks like.
VERBATIM = re.compile(r"<(?:nowiki|math|pre|syntaxhighlight|source|chem|ce)\b|&#(?:91|123|39);", re.IGNORECASE)


class Construct(NamedTuple):
    """One construct: its name, the wikitext, and the text."""

    name: str
    wikitext: str
    text: str


def constructs() -> list[Construct]:
    """Return the constructs of the file: `@@ name`, the wikitext, `@->`, the text."""
    found = []
    for item in CONSTRUCTS.read_text(encoding="utf-8").split("@@ ")[1:]:
        head, _, text = item.partition("\n@->\n")
        name, _, wikitext = head.partition("\n")
        found.append(Construct(name, wikitext, text.removesuffix("\n")))
    return found
