"""Web pages to text: the main text of a page of HTML, by trafilatura (Barbaresi 2021)."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from hornbook.corpus.step import Page, Verdicts
from hornbook.errors import needing


@dataclass(frozen=True)
class MainText:
    """Replace HTML pages by their main text; drop pages without one and unreadable pages.

    tables      keep the text of tables
    comments    keep readers' comments
    precision   favour precision over recall: leave text out rather than keep boilerplate
    """

    tables: bool = True
    comments: bool = False
    precision: bool = False

    def __call__(self, page: Page) -> Verdicts:
        found = [self.extract(html) for html in page.texts]
        return Verdicts([text or "" for text, _ in found], [reason for _, reason in found])

    def extract(self, html: bytes | str) -> tuple[str | None, str]:
        """Return the main text and "", or None and the reason why there is none."""
        with needing("Reading web pages", "web"):
            import trafilatura
        # It logs each page that it cannot read; the reason says so.
        logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
        try:
            # Its own search for repeats remembers earlier pages: the result would depend on their order.
            kept = {"include_tables": self.tables, "include_comments": self.comments}
            text = trafilatura.extract(html, **kept, favor_precision=self.precision, deduplicate=False)
        except Exception as error:  # a parser can stumble in many ways; the page is lost, not the corpus
            return None, f"main-text: {type(error).__name__}"
        return (text, "") if text and text.strip() else (None, "main-text: nothing found")
