r"""Formulas: tokens between dollars, or of an environment such as align -> LaTeX with the paper's macros expanded."""

from __future__ import annotations

import re
from collections.abc import Callable

from hornbook.corpus.readers.papers.latex.stream import Stream
from hornbook.corpus.readers.papers.latex.tokens import BLANK_LINE, ENDS, MACRO_END, VERBATIM

# Environments that hold a formula: what it stands in between dollars, and their arguments.
DISPLAYS: dict[str, tuple[str, str]] = {
    name + star: (inner, arguments)
    for names, inner, arguments in (
        ("equation displaymath dmath", "", ""),
        ("align flalign eqnarray xalign dgroup", "aligned", ""),
        ("alignat xalignat", "aligned", "m"),
        ("IEEEeqnarray", "aligned", "om"),
        ("gather multline", "gathered", ""),
        ("numcases", "cases", "m"),
        ("empheq", "aligned", "om"),
    )
    for name in names.split()
    for star in ("", "*")
}
_UNSEEN = {
    "\\nonumber",
    "\\notag",
    "\\ensuremath",
    "\\displaystyle",
    "\\allowbreak",
    "\\relax",
    "\\protect",
    "\\xspace",
}
_WHITE = re.compile(r"\s+")
_ENDS = {"$", "$$", "\\)", "\\]"}


def formula(stream: Stream, end: str, other: Callable[[str], bool]) -> str:
    """Take the tokens up to `end` and return them as they stand; `other` is asked to deal with a command first.

    A formula in a line that is not closed ends with its paragraph.
    """
    held: list[str] = []
    depth, within = 0, False
    inline = end in ("$", "\\)", "\\end{math}")
    stack, macros = stream.stack, stream.macros
    while stack:
        token = stack.pop()
        if token == end and (depth == 0 or end not in ("$", "$$")):
            break
        first = token[0]
        if first == "\\":
            if token in macros and stream.expand(token, in_text=False):
                continue
            if token in ENDS:
                stack.append(token)
                break
            if token in ("\\)", "\\]") and depth == 0:
                break
            if token in _UNSEEN or other(token):
                continue
            held.append(token.partition("\x00")[2] if "\x00" in token else token)
        elif first == "\x00":
            if token in ENDS:
                stack.append(token)
                break
            if token.startswith(MACRO_END):
                stream.leave(token)
            elif token.startswith(VERBATIM):
                held.append(token.rpartition("\x00")[2])
        elif token == BLANK_LINE:
            if inline:
                stack.append(token)
                break
            held.append(" ")
        elif first == "$" and depth == 0 and end in _ENDS:
            stack += ["$"] if token == "$$" and end == "$" else []
            break
        elif first == "$":  # of text within the formula: between signs that are no dollars, which end it for readers
            for _ in token:
                within = not within
                held.append("\\(" if within else "\\)")
        else:
            depth += (first == "{") - (first == "}")
            if depth < 0:
                stack.append(token)
                break
            held.append(token)
    return joined(held)


def joined(tokens: list[str]) -> str:
    r"""Return tokens as a source: a blank stands between a command and a letter that was not behind it before."""
    held: list[str] = []
    command = False
    for token in tokens:
        if command and token[0].isalpha() and token[0].isascii():
            held.append(" ")
        held.append(token)
        command = token[0] == "\\" and token[-1].isalpha()
    return _WHITE.sub(" ", "".join(held)).strip()


def display(text: str, inner: str) -> str:
    r"""Return a displayed formula, in an inner environment if it has lines or columns."""
    while text.endswith("\\\\"):
        text = text[:-2].rstrip()
    if inner and ("\\\\" in text or "&" in text):
        text = f"\\begin{{{inner}}} {text} \\end{{{inner}}}"
    return text


def in_unicode(text: str) -> str:
    """Return a formula in letters and signs of Unicode, as far as pylatexenc knows them; else as it is."""
    from pylatexenc.latex2text import LatexNodes2Text

    if len(text) > 5_000:
        return text
    try:
        found = LatexNodes2Text(math_mode="text", strict_latex_spaces=False).latex_to_text(f"${text}$")
    except Exception:  # of a library that met what it did not expect: the formula stays as it is
        return text
    return _WHITE.sub(" ", found).strip()
