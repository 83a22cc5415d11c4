r"""Conditions of TeX, of which only the simplest are known, and lengths.

\iffalse, \iftrue, \ifmmode and the switches that \newif makes are decided; all others count as false.
"""

from __future__ import annotations

import re

from hornbook.corpus.readers.papers.latex.macros import FALSE, TRUE
from hornbook.corpus.readers.papers.latex.stream import Stream
from hornbook.corpus.readers.papers.latex.tokens import ENDS, MACRO_END
from hornbook.corpus.readers.papers.words import words

_IFS = {
    f"\\{name}"
    for name in words("""
    if ifx ifnum ifdim ifcat ifodd ifmmode ifvmode ifhmode ifinner iftrue iffalse ifcase ifdefined ifeof ifvoid
    ifhbox ifvbox ifcsname ifpdf ifxetex ifluatex
""")
}
_LENGTH = re.compile(
    r"[ \t\n]*=?[ \t\n]*-?(?:[\d.,]+[ \t]*(?:true)?[ \t]*(?:pt|pc|in|bp|cm|mm|dd|cc|sp|ex|em|mu|fil+)?"
    r"(?:[ \t\n]*(?:plus|minus)[ \t]*-?[\d.]*[ \t]*(?:true)?(?:pt|in|cm|mm|ex|em|fil+)?)*[ \t]?)?"
)


def conditional(stream: Stream, token: str, in_formula: bool = False) -> bool:
    """Deal with a condition, or with one of its ends. False where the command is none."""
    if token == "\\else":
        _skip(stream, to_else=False)
    elif token == "\\ifthenelse":
        stream.skip("mm")
    elif token in _IFS:
        if token == "\\iftrue" or (token == "\\ifmmode" and in_formula):
            return True
        _skip(stream, to_else=True)
    else:
        return token in ("\\fi", "\\or")
    return True


def _skip(stream: Stream, to_else: bool) -> None:
    r"""Pass over a branch, to its \fi, or to its \else too; conditions within it are passed over whole."""
    depth = 1
    stack, macros = stream.stack, stream.macros
    while stack:
        token = stack.pop()
        if token[0] == "\x00":
            if token.startswith(MACRO_END):
                stream.leave(token)
            elif token in ENDS:
                stack.append(token)
                return
        elif token in _IFS or (token[:3] == "\\if" and macros.get(token) in (FALSE, TRUE)):
            depth += 1
        elif token == "\\fi":
            depth -= 1
            if depth == 0:
                return
        elif token == "\\else" and depth == 1 and to_else:
            return


def pass_length(stream: Stream) -> None:
    """Pass over what a length is set to: a number with its unit, or another length."""
    stack = stream.stack
    if stack and stack[-1][0] not in "\\{}$&~#\x00" and stack[-1] != "\n\n":
        text = stack.pop()
        found = _LENGTH.match(text)
        end = found.end() if found else 0
        if rest := text[end:]:
            stack.append(rest)
        if text[:end].strip(" \t\n=-") or rest:
            return
    if stack and stack[-1][0] == "\\" and stack[-1][1:].isalpha():  # \parindent=\baselineskip
        stack.pop()
