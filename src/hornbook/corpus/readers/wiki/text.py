"""Wikitext -> text: what a page of MediaWiki says, without any markup.

The order is MediaWiki's own (Parser::internalParse): comments and extension tags, templates and links, tables, lines,
and last what stands within lines.
"""

from __future__ import annotations

from dataclasses import dataclass

from hornbook.corpus.readers.wiki.braces import without_braces
from hornbook.corpus.readers.wiki.elements import without_elements
from hornbook.corpus.readers.wiki.inline import without_switches
from hornbook.corpus.readers.wiki.layout import blocks
from hornbook.corpus.readers.wiki.page import Page, Site, without_control
from hornbook.corpus.readers.wiki.tables import without_tables
from hornbook.corpus.readers.wiki.words import LISTS


@dataclass(frozen=True)
class PageText:
    """What a page says.

    text            its blocks, parted by blank lines
    sections        the headings in it, in order
    categories      that it is in, in order
    disambiguation  whether it says that it only tells apart what has one name
    """

    text: str
    sections: list[str]
    categories: list[str]
    disambiguation: bool


def plain_text(
    wikitext: str, title: str = "", site: Site | None = None, *, tables: bool = True, link_lists: bool = False
) -> PageText:
    """Return the text of a page.

    tables      whether tables of data are shown, as rows
    link_lists  whether sections that hold lists of links, works and notes are kept
    """
    page = Page(title, site or Site(), tables)
    text = without_control(wikitext).replace("\r\n", "\n").replace("\r", "\n")
    text = without_elements(text, page)
    page.disambiguation = "__DISAMBIG__" in text
    text = without_braces(text, page)
    text = without_tables(without_switches(text), page)
    found = blocks(text, page, frozenset() if link_lists else LISTS)
    sections = [block.text for block in found if block.level]
    return PageText("\n\n".join(block.text for block in found), sections, page.categories, page.disambiguation)
