r"""Formulas of a paper -> the running text, in the manner that was chosen."""

from __future__ import annotations

from hornbook.corpus.readers.papers.latex import commands
from hornbook.corpus.readers.papers.latex.conditions import conditional
from hornbook.corpus.readers.papers.latex.layout import DISPLAY
from hornbook.corpus.readers.papers.latex.macros import DEFINING, defined
from hornbook.corpus.readers.papers.latex.mathematics import DISPLAYS, display, formula, in_unicode
from hornbook.corpus.readers.papers.latex.reader import Reader

ENDS = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]", "\\begin{math}": "\\end{math}"}


def take(reader: Reader, token: str) -> None:
    def other(name: str) -> bool:
        return in_formula(reader, name)

    text = formula(reader.stream, ENDS[token], other)
    write_formula(reader, text, token in ("$$", "\\["))


def write_formula(reader: Reader, text: str, displayed: bool, inner: str = "") -> None:
    """Write a formula in the manner that was chosen."""
    layout = reader.layout
    if not text or reader.style.math == "drop":
        layout.letters.append(" " if displayed else "")
        return
    if displayed:
        text = display(text, inner)
    if reader.style.math == "unicode":
        text = in_unicode(text)
        layout.letters += (DISPLAY, text, DISPLAY) if displayed else (text,)
    else:
        layout.letters += (DISPLAY, "$$", text, "$$", DISPLAY) if displayed else ("$", text, "$")


def in_formula(reader: Reader, token: str) -> bool:
    """Deal with what is no mathematics within a formula; False where the command is part of it."""
    stream = reader.stream
    if token == "\\label" or token in commands.CITING or token in ("\\footnote", "\\index"):
        stream.skip("oom" if token != "\\label" else "m")
    elif token in commands.REFERRING:
        stream.star()
        key = "".join(stream.argument() or [])
        stream.back([f"[{key}]"] if reader.style.references == "key" and key else [])
    elif token in DEFINING:
        defined(stream, token, reader.theorems, reader.environments)
    elif token in reader.environments:
        stream.macros[token] = reader.environments[token]
        stream.expand(token, in_text=False)
        del stream.macros[token]
    else:
        return conditional(stream, token, in_formula=True)
    return True


def environment(reader: Reader, name: str) -> None:
    """Write the formula that an environment holds."""
    inner, arguments = DISPLAYS[name]
    reader.stream.skip(arguments)
    text = formula(reader.stream, f"\\end{{{name}}}", lambda token: in_formula(reader, token))
    write_formula(reader, text, True, inner)
