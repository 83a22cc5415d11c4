"""Books of Project Gutenberg, letter by letter: what goes, what stays, what becomes of the lines."""

from __future__ import annotations

import pytest
from gutenberg_files import SMALL_PRINT, old_page, page, text

from hornbook.corpus.readers.books.frame import framed, is_marked
from hornbook.corpus.readers.books.gutenberg import book
from hornbook.corpus.readers.books.paragraphs import parts_of
from hornbook.corpus.readers.books.parts import text_of

WRAPPED = """\
It was a bright cold day in the month of April, and the clocks in the
town were all striking thirteen, as they had done for as long as anyone
could remember."""
JOINED = (
    "It was a bright cold day in the month of April, and the clocks in the town were all striking thirteen, as "
    "they had "
    "done for as long as anyone could remember."
)
MORE_WRAPPED = """\
The hallway smelt of boiled cabbage and of old mats made of rags.  At one
end of it a poster in colours, too large for display inside a house, had
been tacked to the wall."""
MORE = (
    "The hallway smelt of boiled cabbage and of old mats made of rags. At one end of it a poster in colours, too large "
    "for display inside a house, had been tacked to the wall."
)
VERSE = """\
    Tiger, tiger, burning bright
      In the forests of the night,
    What immortal hand or eye
      Could frame thy fearful symmetry?"""
VERSE_KEPT = """\
Tiger, tiger, burning bright
  In the forests of the night,
What immortal hand or eye
  Could frame thy fearful symmetry?"""


def body_of(body: str) -> str:
    """Return what is left of a body, between a paragraph before it and one behind."""
    found = text_of(book(text(f"\n\n{MORE_WRAPPED}\n\n{body}\n\n{WRAPPED}\n"), html=False)[1])
    assert found.startswith(f"{MORE}\n\n") and found.endswith(f"\n\n{JOINED}"), found
    return found.removeprefix(MORE).removesuffix(JOINED).strip("\n")


BODIES = {
    # lines
    "wrapped prose is one line": (WRAPPED, JOINED),
    "two blanks behind a sentence are one": ("One.  Two.", "One. Two."),
    "indent of the first line": (f"    {WRAPPED}", JOINED),
    "paragraphs by indents alone": (f"   {WRAPPED}\n   {MORE_WRAPPED}", f"{JOINED}\n\n{MORE}"),
    "block quote": ("\n".join(f"    {line}" for line in WRAPPED.split("\n")), JOINED),
    "verse keeps its lines and indents": (VERSE, VERSE_KEPT),
    "verse without indent": (
        "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate:\nRough winds do shake the "
        "darling buds of May,\nAnd summer's lease hath all too short a date:",
        "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate:\nRough winds do shake the "
        "darling buds of May,\nAnd summer's lease hath all too short a date:",
    ),
    "two lines of verse": ("  Roses are red,\n  Violets are blue.", "Roses are red,\nViolets are blue."),
    "table": (
        "Year    Wheat    Barley\n1801      12        30\n1802      15        28",
        "Year    Wheat    Barley\n1801      12        30\n1802      15        28",
    ),
    "contents": (
        "I.    The Boy ............ 1\nII.   The Man ............ 20\nIII.  The End ............ 300",
        "I.    The Boy ............ 1\nII.   The Man ............ 20\nIII.  The End ............ 300",
    ),
    "a hyphen at a line's end": (
        "He was known throughout the whole of that valley for being both well-\nmannered and kind.",
        "He was known throughout the whole of that valley for being both well-mannered and kind.",
    ),
    "a dash at a line's end": (
        "There was only one thing that he wanted to do in all of his life--\nand he did it.",
        "There was only one thing that he wanted to do in all of his life--and he did it.",
    ),
    "a dash at a line's begin": (
        "There was only one thing that he had ever wanted to do in his life\n--and he did it.",
        "There was only one thing that he had ever wanted to do in his life--and he did it.",
    ),
    "signature": (f"{WRAPPED}\n\n                         THE AUTHOR.", f"{JOINED}\n\nTHE AUTHOR."),
    "letter head": ("     LONDON,\n          May 4th, 1801.", "LONDON,\n     May 4th, 1801."),
    "thought break": ("       *       *       *       *       *", "*       *       *       *       *"),
    "dialogue": ('"Go," he said.\n\n"No."', '"Go," he said.\n\n"No."'),
    "chinese is joined without blanks": (
        "\u8a71\u8aaa\u5929\u4e0b\u5927\u52e2\uff0c\u5206\u4e45\u5fc5\u5408\uff0c\u5408\u4e45\u5fc5\u5206\u3002" * 4
        + "\n"
        + "\u5468\u672b\u4e03\u570b\u5206\u722d\u3002",
        "\u8a71\u8aaa\u5929\u4e0b\u5927\u52e2\uff0c\u5206\u4e45\u5fc5\u5408\uff0c\u5408\u4e45\u5fc5\u5206\u3002" * 4
        + "\u5468\u672b\u4e03\u570b\u5206\u722d\u3002",
    ),
    # type
    "italics": ("It was _so_, and _not so_.", "It was so, and not so."),
    "italics over a line's end": (
        "He had read the whole of _The Decline and Fall of the\nRoman Empire_ before he was ten.",
        "He had read the whole of The Decline and Fall of the Roman Empire before he was ten.",
    ),
    "italics within italics": ("_By the _same_ author._", "By the same author."),
    "italics in a word stay as they are": ("snake_case and a_b_c", "snake_case and a_b_c"),
    "bold type": ("=Chapter= and x = y = z", "Chapter and x = y = z"),
    "dashes stay": ("Well--yes, 1801--02.", "Well--yes, 1801--02."),
    "small capitals stay": ("The END of the WORLD", "The END of the WORLD"),
    # pages
    "page in a sentence": ("He went [Pg 12] home.", "He went home."),
    "page in a word": ("He went ho[Pg 12]me.", "He went home."),
    "pages in roman figures and words": ("a [Page xiv] b {p. 3} c [p. 4] d [Seite 5] e {Pg 6} f", "a b c d e f"),
    "page as a paragraph": ("One.\n\n[Pg 12]\n\nTwo.", "One.\n\nTwo."),
    "page that parts a sentence": (
        "It was a bright cold day in the month of April, and the clocks in\n\n[Pg 12]\n\nthe town were striking "
        "thirteen.",
        "It was a bright cold day in the month of April, and the clocks in the town were striking thirteen.",
    ),
    "page on a line of its own": (
        "It was a bright cold day in the month of April, and the clocks in the\n[Pg 12]\ntown were striking thirteen.",
        "It was a bright cold day in the month of April, and the clocks in the town were striking thirteen.",
    ),
    "pages in braces": ("a {1} b {2} c {3} d", "a b c d"),
    "braces that do not rise are no pages": ("a {7} b {2} c {5} d", "a {7} b {2} c {5} d"),
    "pages in brackets": ("a [1] b [2] c [3] d [4] e [5] f [6] g", "a b c d e f g"),
    "notes in brackets are no pages": ("a [1] b [2]\n\n[1] One.\n\n[2] Two.", "a [1] b [2]\n\n[1] One.\n\n[2] Two."),
    "pages by the word": (
        "One.\n\nPage 1\n\nTwo.\n\nPage 2\n\nThree.\n\nPage 3\n\nFour.",
        "One.\n\nTwo.\n\nThree.\n\nFour.",
    ),
    "pages between dashes": (
        "One.\n\n- 1 -\n\nTwo.\n\n- 2 -\n\nThree.\n\n- 3 -\n\nFour.",
        "One.\n\nTwo.\n\nThree.\n\nFour.",
    ),
    "a page that the author names": ("See page 12 and (p. 14).", "See page 12 and (p. 14)."),
    # notes and pictures
    "note of a transcriber": ("[Transcriber's Note: The original has _teh_ [sic] here.]", ""),
    "note within a sentence": ("He said [Transcriber's note: sic] so.", "He said  so.".replace("  ", " ")),
    "note with a curly mark": ("[Transcriber\u2019s Notes:\n\n  One.\n\n  Two.]", ""),
    "short note": ("A word[TN: so printed] stays.", "A word stays."),
    "boxed note": (
        "+--------------------------------+\n| Transcriber's Note:            |\n|                                |\n"
        "| Spelling was kept.             |\n+--------------------------------+",
        "",
    ),
    "a box of the book": ("+------+\n| SIGN |\n+------+", "+------+\n| SIGN |\n+------+"),
    "editor's note stays": ("[Editor's note: so in the manuscript.]", "[Editor's note: so in the manuscript.]"),
    "picture without words": ("One.\n\n[Illustration]\n\nTwo.", "One.\n\nTwo."),
    "caption": ("One.\n\n[Illustration: The house in May]\n\nTwo.", "One.\n\nThe house in May\n\nTwo."),
    "caption of several lines": ("[Illustration:\n\n  THE HOUSE\n  _in_ May]", "THE HOUSE\nin May"),
    "caption with brackets": ("[Illustration: The house [see p. 3] in May]", "The house [see p. 3] in May"),
    "picture of a letter": ("[Illustration: T]he house", "he house"),
    "picture in German": ("[Abbildung: Das Haus]", "Das Haus"),
    "decoration": ("[Decoration]\n\nOne.", "One."),
    "footnote": ("So it was.[1]\n\n[Footnote 1: It was not.]", "So it was.[1]\n\n[1] It was not."),
    "footnote of several paragraphs": ("[Footnote A: One.\n\nTwo.]", "[A] One.\n\nTwo."),
    "footnote in German": ("[Fu\u00dfnote 3: Eins.]", "[3] Eins."),
    "side note": ("[Sidenote: The King dies.]\n\nSo he died.", "The King dies.\n\nSo he died."),
    "stage direction": ("[_Exit_ HAMLET.]", "[Exit HAMLET.]"),
    "an open bracket": ("[Illustration: without end", "[Illustration: without end"),
    # what looks like a frame
    "the author's own end": ("THE END", "THE END"),
    "the end of the book": ("End of the Book of Hours", "End of the Book of Hours"),
    "produced in a sentence": ("Produced by magic, the dove flew.", "Produced by magic, the dove flew."),
}


@pytest.mark.parametrize("name", BODIES)
def test_the_body_letter_by_letter(name: str) -> None:
    given, kept = BODIES[name]
    assert body_of(given) == kept


CREDITS = [
    "Produced by Anonymous Volunteers and David Widger",
    "Produced by Louise Hope, David Starner and the Online\nDistributed Proofreading Team at http://www.pgdp.net",
    "E-text prepared by Juliet Sutherland, Jane Doe, and the Project Gutenberg Online\nDistributed Proofreading Team",
    "This etext was prepared by David Price, email ccx074@coventry.ac.uk\nfrom the 1908 Longmans, Green, and "
    "Co. edition.",
    "Transcribed from the 1908 Longmans, Green, and Co. edition by David Price,\nemail ccx074@pglaf.org",
    "This eBook was produced by Jane Doe.",
    "Scanned and proofread by Jane Doe\n\nHTML version by John Roe",
    "Produced by Jane Doe. (This file was produced from images generously made\navailable by The Internet Archive)",
    "E-text prepared by Jane Doe\n\n\n\nNote: Project Gutenberg also has an HTML version of this file which\n   "
    "   includes the "
    "original illustrations.\n      See 16595-h.htm or 16595-h.zip:\n      (http://www.gutenberg.net/dirs/1/6/5/9/16595/"
    "16595-h.zip)",
    "[Transcriber's note: Spelling was kept.]",
    "Produced by Jane Doe\n\n\n\n\nTRANSCRIBER'S NOTE\n\nSpelling was kept as printed.\n\nSo were commas.\n\n\n\n",
    "Transcriber's Note: Spelling was kept as printed.",
]


@pytest.mark.parametrize("credit", CREDITS)
def test_credits_and_notes_before_a_book_go(credit: str) -> None:
    body = f"\n\n\n\n{credit}\n\n\n\n\n\nA BOOK\n\nby Ann Author\n\n\n\n\nCHAPTER I\n\n{WRAPPED}\n"
    assert text_of(book(text(body), html=False)[1]) == f"A BOOK\n\nby Ann Author\n\nCHAPTER I\n\n{JOINED}"


TAILS = [
    "Transcriber's Notes:\n\nPage 3: teh changed to the.\n\nPage 9: nad changed to and.",
    "TRANSCRIBER'S NOTE\n\nSpelling was kept.",
    "[Transcriber's Note: Spelling was kept.]",
    "       *       *       *       *       *\n\nTranscriber\u2019s note:\n\n  Spelling was kept.",
    "Anmerkungen zur Transkription:\n\nDie Schreibweise wurde beibehalten.",
    "Note du transcripteur: l'orthographe est celle de l'original.",
]


@pytest.mark.parametrize("tail", TAILS)
def test_notes_behind_a_book_go(tail: str) -> None:
    body = f"\n\n{WRAPPED}\n\n{MORE_WRAPPED}\n\n" * 4 + f"\n\nTHE END\n\n\n\n\n{tail}\n"
    whole = "\n\n".join([JOINED, MORE] * 4)
    assert text_of(book(text(body), html=False)[1]) == f"{whole}\n\nTHE END"


MODERN = (
    "The Project Gutenberg eBook of A Book\n    \nThis ebook is for the use of anyone anywhere.\n\nTitle: A Book\n\n\n"
)
OLD = "The Project Gutenberg Etext of A Book by Ann Author\n\nCopyright laws are changing all over the world.\n\n"
FRAMES = {
    "2022": (
        f"{MODERN}*** START OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n\n",
        "\n\n*** END OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n",
    ),
    "title over two lines": (
        f"{MODERN}*** START OF THE PROJECT GUTENBERG EBOOK A BOOK OF MANY\nAND LONG WORDS ***\n\n",
        "\n\n*** END OF THE PROJECT GUTENBERG EBOOK A BOOK OF MANY\nAND LONG WORDS ***\n\nUpdated editions",
    ),
    "2005": (
        f"{MODERN}***START OF THE PROJECT GUTENBERG EBOOK A BOOK***\n\n\n",
        "\n\n\n***END OF THE PROJECT GUTENBERG EBOOK A BOOK***\n\n\n******* This file should be named 1.txt *******",
    ),
    "2004": (
        f"{MODERN}*** START OF THIS PROJECT GUTENBERG EBOOK A BOOK ***\n\n",
        "\n\nEnd of Project Gutenberg's A Book, by Ann Author\n\n*** END OF THIS PROJECT GUTENBERG EBOOK A BOOK ***\n",
    ),
    "copyrighted": (
        f"{MODERN}*** START OF THE COPYRIGHTED PROJECT GUTENBERG EBOOK A BOOK ***\n\n",
        "\n\n*** END OF THE COPYRIGHTED PROJECT GUTENBERG EBOOK A BOOK ***\n",
    ),
    "1993": (f"{OLD}{SMALL_PRINT}\n\n", "\n\n\nEnd of The Project Gutenberg Etext of A Book by Ann Author\n"),
    "2000": (
        OLD
        + SMALL_PRINT.replace(
            "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*",
            "*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.12.12.00*END*",
        ),
        "\n\n\nEnd of Project Gutenberg Etext of A Book, by Ann Author\n",
    ),
    "2003": (
        OLD
        + SMALL_PRINT.replace(
            "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*",
            "*END THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02/11/02*END*",
        ),
        "\n\n*** END OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n\nThis file should be named abook10.txt",
    ),
    "small print of copyrighted texts": (
        f"{OLD}*SMALL PRINT! Ver.03.17.02 FOR COPYRIGHT PROTECTED ETEXTS*END*\n\n",
        "\n\nEnd of this Project Gutenberg Etext\n",
    ),
    "small print at the end": (
        "The Project Gutenberg Etext of A Book\n\n\n",
        f"\n\nEnd of the Project Gutenberg Etext\n{SMALL_PRINT}",
    ),
    "without marks": (OLD, "\n\nEnd of the Project Gutenberg Etext of A Book\n"),
    "without an end": (f"{MODERN}*** START OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n\n", "\n"),
    "German": (f"{OLD}{SMALL_PRINT}", "\n\nEnde dieses Projekt Gutenberg Etextes Ein Buch, von Anna Autorin\n"),
    "German, Project": (f"{OLD}{SMALL_PRINT}", "\n\nEnde dieses Project Gutenberg Etextes Ein Buch\n"),
    "French": (f"{OLD}{SMALL_PRINT}", "\n\nFin de Project Gutenberg Etext of Un Livre\n"),
    "Dutch": (f"{OLD}{SMALL_PRINT}", "\n\nEinde van Project Gutenberg Etext: Een Boek\n"),
    "an end between lines": (f"{OLD}{SMALL_PRINT}", "\n\n***End of Project Gutenberg's A Book***\n"),
    "the licence alone": (
        f"{MODERN}*** START OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n\n",
        "\n\n*** START: FULL LICENSE ***\n\nTHE FULL",
    ),
}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", FRAMES)
def test_every_frame_since_1991(name: str, newline: str) -> None:
    begin, end = FRAMES[name]
    given = ("\ufeff" + begin + f"CHAPTER I\n\n{WRAPPED}\n\n{MORE_WRAPPED}" + end).replace("\n", newline)
    assert text_of(book(given, html=False)[1]) == f"CHAPTER I\n\n{JOINED}\n\n{MORE}"
    assert is_marked(given.encode()[:4096])


def test_several_books_in_one_file_are_all_kept() -> None:
    one, two = text(f"\n{WRAPPED}\n", "One"), text(f"\n{MORE_WRAPPED}\n", "Two")
    assert text_of(book(one + "\n\n" + two, html=False)[1]) == f"{JOINED}\n\n{MORE}"
    old = (
        f"{OLD}{SMALL_PRINT}\n\n{WRAPPED}\n\nEnd of the Project Gutenberg Etext of One\n\n\n{MORE_WRAPPED}\n\n"
        + "x " * 900
    )
    old += "\n\nEnd of Project Gutenberg's Two\n"
    assert text_of(book(old, html=False)[1]).startswith(f"{JOINED}\n\n{MORE}\n\nx x")


def test_header_body_and_footer_do_not_overlap() -> None:
    whole = text(f"\n{WRAPPED}\n")
    header, body, footer = framed(whole)
    assert whole.startswith(header) and whole.endswith(footer) and body in whole
    assert "Title: A Book" in header and body.strip() == WRAPPED and "LICENSE" in footer


def test_other_texts_are_no_books() -> None:
    for other in (
        "Project Gutenberg is a library of free books.\n",
        "I read it on Project Gutenberg's site, by chance.\n",
        "See *** START ***\n",
        "<html><head><title>Free books</title></head><body><p>From Project Gutenberg</p></body></html>",
    ):
        assert not is_marked(other.encode())
    assert is_marked(page("").encode()) and is_marked(old_page("").encode())
    assert is_marked(b"Project Gutenberg's Charles Dickens and Music, by James T. Lightwood\r\n")


def test_a_page_with_the_small_print_of_before_2003() -> None:
    html = f"<html><body><pre>\n{OLD}{SMALL_PRINT}</pre><h1>A BOOK</h1><p>One.</p><pre>\nEnd of The Project Gutenberg "
    html += "Etext of A Book\n</pre></body></html>"
    facts, parts = book(html, html=True)
    assert text_of(parts) == "A BOOK\n\nOne." and facts["authors"] == ["Ann Author"]


PAGES = {
    "paragraphs and headings": (
        "<h1>A BOOK</h1><h2>CHAPTER I.<br/>One</h2><p>Two\nthree.</p>",
        "A BOOK\n\nCHAPTER I. One\n\nTwo three.",
    ),
    "page numbers by class": ('<p>He <span class="pagenum"><a id="Page_12">[Pg 12]</a></span>went.</p>', "He went."),
    "page numbers by title": ('<p>He <a class="pagebreak" id="page3" title="3"></a>went.</p>', "He went."),
    "page numbers without a class": ("<p>He [Pg 12] went.</p>", "He went."),
    "numbers of the author stay": ('<p>Sonnet <span class="num">12</span></p>', "Sonnet 12"),
    "note of a transcriber": (
        '<div class="tnote"><h3>Transcriber\u2019s Note</h3><p>Kept.</p></div><p>One.</p>',
        "One.",
    ),
    "note of a transcriber by id": ('<div id="transcribers-notes"><p>Kept.</p></div><p>One.</p>', "One."),
    "note of a transcriber in brackets": ("<p>[Transcriber's Note: Kept.]</p><p>One.</p>", "One."),
    "credits": ("<p>Produced by Jane Doe and the Online Distributed Proofreading Team</p><p>One.</p>", "One."),
    "verse by classes": (
        '<div class="poem"><div class="stanza"><span class="i0">Tiger, tiger,<br/></span><span class="i2">burning '
        'bright<br/></span></div><div class="stanza"><span class="i0">In the night.<br/></span></div></div>',
        "Tiger, tiger,\n  burning bright\n\nIn the night.",
    ),
    "verse by div": (
        '<div class="poetry-container"><div class="poetry"><div class="stanza"><div class="verse indent0">One,</div>\n'
        '<div class="verse indent4">two.</div></div></div></div>',
        "One,\n    two.",
    ),
    "verse by breaks": ('<p class="poem">One,<br/>\ntwo.</p>', "One,\ntwo."),
    "preformatted verse": ("<pre>\n     One,\n       two.\n</pre>", "One,\n  two."),
    "table": ("<table><tr><td>I.</td><td>The Boy</td><td>1</td></tr></table>", "I. | The Boy | 1"),
    "list": ("<ul><li>Accordion, 1</li><li>Harp, 10</li></ul>", "- Accordion, 1\n- Harp, 10"),
    "footnotes": (
        '<p>So.<a href="#Footnote_1_1" class="fnanchor">[1]</a></p><div class="footnote"><p><a href="#FNanchor_1_1">'
        '<span class="label">[1]</span></a> Not so.</p></div>',
        "So.[1]\n\n[1] Not so.",
    ),
    "raised footnotes": ('<p>So.<a href="#footnote1"><sup>1</sup></a></p>', "So.[1]"),
    "small capitals": ('<p><span class="smcap">Chapter One</span></p>', "Chapter One"),
    "big first letters": ('<p><span class="dropcap">I</span>t was so.</p>', "It was so."),
    "pictures and captions": (
        '<div class="figcenter"><img src="a.png" alt="x"/><p class="caption">The house</p></div>',
        "The house",
    ),
    "blanks that do not break": ("<p>One.&nbsp; Two.</p>", "One. Two."),
    "hidden text": ('<p style="display:none">x</p><p>One.</p>', "One."),
    "thought break": ("<p>One.</p><hr/><p>Two.</p>", "One.\n\nTwo."),
    "block quote": ("<blockquote><p>One.</p></blockquote>", "One."),
    "italics": ("<p><i>One</i> <em>two</em></p>", "One two"),
}


@pytest.mark.parametrize("form", [page, old_page])
@pytest.mark.parametrize("name", PAGES)
def test_pages_letter_by_letter(name: str, form: object) -> None:
    html, kept = PAGES[name]
    assert text_of(book(form(html), html=True)[1]) == kept  # type: ignore[operator]


def test_chinese_prose_is_unwrapped_and_verse_is_not() -> None:
    prose = "　　此開卷第一回也。作者自云：因曾歷過一番夢幻之後，故將真事隱去，\n而借「通靈」之說，撰此一書也。"
    verse = "床前明月光，\n疑是地上霜。\n舉頭望明月，\n低頭思故鄉。"
    texts = [part.text for part in parts_of(f"{prose}\n\n{verse}\n")]
    assert texts == [prose.replace("\n", "").lstrip("　"), verse]
