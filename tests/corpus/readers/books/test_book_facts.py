"""What headers of Project Gutenberg say of books."""

from __future__ import annotations

from typing import Any

import pytest
from gutenberg_files import SMALL_PRINT, old_page, page, text

from hornbook.corpus.readers.books.facts import encoding_of, facts_of
from hornbook.corpus.readers.books.gutenberg import book

FREE = "Public domain in the USA"


def url(number: int) -> dict[str, Any]:
    return {"ebook": number, "url": f"https://www.gutenberg.org/ebooks/{number}"}


HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "of 2022": (
        "The Project Gutenberg eBook of Alice\n    \nThis ebook is for the use of anyone.\n\nTitle: Alice's "
        "Adventures in "
        "Wonderland\n\n\nAuthor: Lewis Carroll\n\nRelease date: June 27, 2008 [eBook #11]\n                Most "
        "recently "
        "updated: June 26, 2025\n\nLanguage: English\n\nCredits: Arthur DiBianca and David Widger\n\n\n",
        {
            "title": "Alice's Adventures in Wonderland",
            "authors": ["Lewis Carroll"],
            "language": "en",
            "date": "2008-06-27",
            "license": FREE,
            **url(11),
        },
    ),
    "of 2007, a title of two lines, people": (
        "Title: The Merry-Thought\n       Parts 2, 3 and 4\n\nAuthor: Hurlo Thrumbo (pseudonym)\n\nEditor: Ann "
        "One\n        "
        "Bob Two\n\nTranslator: Cy Three\n\nRelease Date: February 6, 2007 [EBook #20535]\n\nLanguage: English\n",
        {
            "title": "The Merry-Thought Parts 2, 3 and 4",
            "authors": ["Hurlo Thrumbo (pseudonym)"],
            "editors": ["Ann One", "Bob Two"],
            "translators": ["Cy Three"],
            "language": "en",
            "date": "2007-02-06",
            "license": FREE,
            **url(20535),
        },
    ),
    "of 1997": (
        "The Project Gutenberg Etext of The Devil's Dictionary by Bierce\n#3 in our series by Ambrose Bierce\n\n\n"
        "Copyright laws are changing all over the world, be sure to check\n\nTHE DEVIL'S DICTIONARY\n\nby "
        "Ambrose Bierce\n\n"
        f"July, 1997  [Etext #972]\n[Date last updated: January 6, 2007]\n{SMALL_PRINT}",
        {"title": "The Devil's Dictionary", "authors": ["Bierce"], "date": "1997-07", "license": FREE, **url(972)},
    ),
    "of 2002": (
        "Project Gutenberg's News from Nowhere, by William Morris\n#7 in our series\n\nThe Project Gutenberg "
        "EBook of News\n"
        "\nRelease Date: June, 2002  [EBook #3261]\n[Yes, we are ahead]\n\nLanguage: English\n",
        {
            "title": "News from Nowhere",
            "authors": ["William Morris"],
            "language": "en",
            "date": "2002-06",
            "license": FREE,
            **url(3261),
        },
    ),
    "of 2005": (
        "The Project Gutenberg eBook, A Book, by Ann Author\n\n\nTitle: A Book\n\nRelease Date: August 25, 2005 "
        " [eBook #7]\n",
        {"title": "A Book", "authors": ["Ann Author"], "date": "2005-08-25", "license": FREE, **url(7)},
    ),
    "several languages": (
        "Title: A\n\nLanguage: English and French\n",
        {"title": "A", "language": ["en", "fr"], "license": FREE},
    ),
    "an old language": ("Title: A\n\nLanguage: Greek, Ancient\n", {"title": "A", "language": "grc", "license": FREE}),
    "an unknown language": ("Title: A\n\nLanguage: Klingon\n", {"title": "A", "license": FREE}),
    "copyrighted": (
        "**This is a COPYRIGHTED Project Gutenberg Etext, Details Below**\n\nCopyright (C) 1994 by Ann  "
        "Author\n\nTitle: A\n",
        {"title": "A", "license": "Copyright (C) 1994 by Ann Author"},
    ),
    "copyrighted, no line": (
        "*** This is a COPYRIGHTED Project Gutenberg eBook, Details Below ***\n\nTitle: A\n",
        {"title": "A", "license": "Copyrighted"},
    ),
    "Creative Commons": (
        "*** This is a COPYRIGHTED Project Gutenberg eBook, Details Below ***\nhttp://creativecommons.org/licenses/by-nc-sa"
        "/2.5/\n\nTitle: A\n",
        {"title": "A", "license": "CC-BY-NC-SA-2.5"},
    ),
    "nothing": ("", {"license": FREE}),
}


@pytest.mark.parametrize("name", HEADERS)
def test_facts_of_headers(name: str) -> None:
    header, facts = HEADERS[name]
    assert facts_of(header) == facts


def test_facts_of_whole_files() -> None:
    new = book(page("<p>x</p>", "A Doll's House : a play", "Henrik Ibsen"), html=True)[0]
    assert new == {
        "title": "A Doll's House : a play",
        "authors": ["Henrik Ibsen"],
        "translators": ["John Roe"],
        "language": "en",
        "date": "2001-03-01",
        "license": FREE,
        **url(2542),
    }
    old = book(old_page("<p>x</p>", "A Book"), html=True)[0]
    plain = book(text("\nx\n", "A Book", number=972), html=False)[0]
    assert (
        old
        == plain
        == {
            "title": "A Book",
            "authors": ["Ann Author"],
            "language": "en",
            "date": "2007-02-06",
            "license": FREE,
            **url(972),
        }
    )


@pytest.mark.parametrize(
    ("stated", "codec"),
    [
        ("Character set encoding: ISO-8859-1", "iso-8859-1"),
        ("Character set encoding: ISO Latin-1", "iso-8859-1"),
        ("Character set encoding: Unicode UTF-8", "utf-8"),
        ("Character set encoding: Windows Code Page 1252", "cp1252"),
        ("Character set encoding: Big5", "big5"),
        ("Character set encoding: US-ASCII", "ascii"),
        ("Title: A", ""),
    ],
)
def test_the_stated_encoding(stated: str, codec: str) -> None:
    assert encoding_of(f"Title: x\r\n{stated}\r\n".encode()) == codec
