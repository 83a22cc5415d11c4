"""Links: what a link within wikis shows."""

from __future__ import annotations

import re

from hornbook.corpus.readers.wiki.inline import EXTERNAL
from hornbook.corpus.readers.wiki.names import LANGUAGES
from hornbook.corpus.readers.wiki.page import BAR, GONE, Page

# What the pipe trick takes off a title: what stands in brackets, or behind a comma.
_APPENDED = re.compile(r"\s*(?:\([^()]*\)|（[^（）]*）|[,،，]\s.*)$")


def link(parts: list[str], page: Page) -> str:
    """Return what [[target|text]] shows; pictures, categories and other languages show nothing."""
    target = parts[0].strip()
    if not target and len(parts) == 1:
        return ""
    if EXTERNAL.match(target):
        return f"[{'|'.join(parts)}]"  # brackets of the wrong kind
    if target.startswith(":"):
        target = target[1:].lstrip()
    elif (colon := target.find(":")) > 0:
        prefix = target[:colon].strip().replace("_", " ").lower()
        if prefix in page.file_names:
            return GONE
        if prefix in page.category_names:
            page.categories.append(target[colon + 1 :].strip().replace("_", " "))
            return GONE
        if prefix in LANGUAGES and target[:colon].islower() and not target[colon + 1 : colon + 2].isspace():
            return GONE
    if len(parts) == 1:
        shown = parts[0] if "\n" in target else target.strip("/") if target.endswith("/") else target
    else:
        shown = "|".join(parts[1:])
        if not shown.strip():
            shown = _APPENDED.sub("", target.rpartition(":")[2])
    return shown.replace("|", BAR) if "|" in shown else shown
