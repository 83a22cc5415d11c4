r"""LaTeX -> text and facts, by one pass over tokens, as TeX itself reads them: macros are expanded where they stand.

    main file ──preamble──> macros, title, authors ──body──> layout ──> text

    tokens.py    a source -> tokens                      stream.py     tokens, arguments, macros of the paper
    reader.py    what is open while a paper is read      handlers.py   what each command does, by the tables of
    layout.py    paragraphs, headings, rows -> text                    commands.py; environments.py, formulas.py

No source raises, and time and memory are bounded by its length (`stream.Stream`). Why it is a scanner of ours and no
library: docs/decisions/0043-a-scanner-for-latex.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from hornbook.corpus.readers.papers.latex.authors import names_of
from hornbook.corpus.readers.papers.latex.handlers import command, in_preamble
from hornbook.corpus.readers.papers.latex.layout import Block
from hornbook.corpus.readers.papers.latex.reader import Reader, Style
from hornbook.corpus.readers.papers.latex.tokens import cleaned, tokenized

_SPEAKS = re.compile(r"\\usepackage\s?(\[[^\]]{0,400}\])?\s?\{[^}]{0,400}\b(?:babel|n?german)\b")


class Paper(NamedTuple):
    """A paper as text.

    outside   names of files to put in that lead out of the paper
    bounded   whether macros grew without end
    """

    text: str
    title: str
    authors: list[str]
    sections: list[str]
    outside: list[str]
    bounded: bool


def read_latex(source: str, find: Callable[[str, str], str | None], style: Style, name: str = "") -> Paper:
    """Return a paper as text; `find` returns the source of a file by its name and its folder, else None.

    `name` is that of the source itself, which nothing in it puts in again.
    """
    reader = Reader(style, find, command, in_preamble, inputs=[(name.removesuffix(".tex"), "")])
    source = cleaned(source)
    reader.german = any("german" in found[0] for found in _SPEAKS.finditer(source))
    tokens = tokenized(source, preamble=False)
    reader.stream.put(tokens)
    if "\\begin{document}" in tokens:
        reader.preamble()
    reader.run()
    return _paper(reader)


def _paper(reader: Reader) -> Paper:
    front: list[Block] = []
    if reader.title:
        front.append(Block("heading", reader.title))
    if reader.abstract:
        front += [Block("heading", "Abstract"), *reader.abstract]
    layout = reader.layout
    layout.blocks[:0] = front
    authors = list(dict.fromkeys(name for text in reader.authors for name in names_of(text)))
    return Paper(layout.text(), reader.title, authors, layout.sections, reader.outside, reader.stream.exhausted)
