"""Files of Project Gutenberg in the forms in which they were published since 1991."""

from __future__ import annotations

HEADER = """The Project Gutenberg EBook of {title}, by {author}

This eBook is for the use of anyone anywhere at no cost and with
almost no restrictions whatsoever.  You may copy it, give it away or
re-use it under the terms of the Project Gutenberg License included
with this eBook or online at www.gutenberg.org


Title: {title}

Author: {author}

Release Date: February 6, 2007 [EBook #{number}]

Language: {language}

Character set encoding: {encoding}

*** START OF THIS PROJECT GUTENBERG EBOOK {shouted} ***
"""
FOOTER = """




End of the Project Gutenberg EBook of {title}, by {author}

*** END OF THIS PROJECT GUTENBERG EBOOK {shouted} ***

***** This file should be named {number}-0.txt or {number}-0.zip *****
This and all associated files of various formats will be found in:
        http://www.gutenberg.org/2/0/5/3/{number}/

Produced by Jane Doe

Updated editions will replace the previous one--the old editions
will be renamed.

*** START: FULL LICENSE ***

THE FULL PROJECT GUTENBERG LICENSE
PLEASE READ THIS BEFORE YOU DISTRIBUTE OR USE THIS WORK
"""
SMALL_PRINT = """

***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***
Why is this "Small Print!" statement here?  You know: lawyers.
They tell us you might sue us if there is something wrong with
your copy of this etext, even if you got it for free from
someone other than us.

*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*
"""
NEW_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><style>
#pg-header div, #pg-footer div {{ all: initial; }}
{styles}</style>
<title>{title} | Project Gutenberg</title></head>
<body>
<section class="pg-boilerplate pgheader" id="pg-header" lang="en"><h2 id="pg-header-heading" title="">The Project
Gutenberg eBook of <span lang="en" id="pg-title-no-subtitle">{title}</span></h2>
<div>This eBook is for the use of anyone anywhere in the United States and most other parts of the world.</div>
<div class="container" id="pg-machine-header"><p><strong>Title</strong>: {title}</p>
<div id="pg-header-authlist">
<p><strong>Author</strong>: {author}</p>
<p><strong>Translator</strong>: John Roe</p>
</div>
<p><strong>Release date</strong>: March 1, 2001 [eBook #{number}]<br>
                Most recently updated: March 27, 2024</p>

<p><strong>Language</strong>: English</p>

<p><strong>Credits</strong>: Martin Adamson and David Widger</p>

</div><div id="pg-start-separator">
<span>*** START OF THE PROJECT GUTENBERG EBOOK {title} ***</span>
</div></section>
{body}
<section class="pg-boilerplate pgheader" id="pg-footer" lang="en">
<div id="pg-end-separator">
<span>*** END OF THE PROJECT GUTENBERG EBOOK {title} ***</span>
</div>
<div>Updated editions will replace the previous one.</div>
</section></body></html>
"""


def text(
    body: str,
    title: str = "A Book",
    author: str = "Ann Author",
    number: int = 20535,
    language: str = "English",
    encoding: str = "UTF-8",
) -> str:
    """Return a text of 2002 to 2020: this body between header and footer."""
    facts = {"title": title, "author": author, "number": number, "language": language, "encoding": encoding}
    head, foot = (form.format(**facts, shouted=title.upper()) for form in (HEADER, FOOTER))
    return f"{head}\n{body}{foot}"


def page(body: str, title: str = "A Book", author: str = "Ann Author", number: int = 2542, styles: str = "") -> str:
    """Return a page of HTML of 2022 and later."""
    return NEW_PAGE.format(body=body, title=title, author=author, number=number, styles=styles)


def old_page(body: str, title: str = "A Book", author: str = "Ann Author") -> str:
    """Return a page of HTML of 2004 to 2020, whose header and footer are preformatted text."""
    head, foot = (
        form.format(title=title, author=author, number=972, language="English", encoding="ASCII", shouted=title.upper())
        for form in (HEADER, FOOTER)
    )
    start = (
        f'<?xml version="1.0"?>\n<html><head><title>\n{title}, by {author}\n</title></head>\n<body>\n<pre>\n\n{head}'
    )
    return f"{start}\n\n\nProduced by Jane Doe\n\n\n</pre>\n{body}\n<pre>{foot}\n</pre>\n</body></html>"
