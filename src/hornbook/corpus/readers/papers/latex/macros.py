r"""What a paper defines: \newcommand, \def, \let, \newenvironment and their relatives -> macros of the stream.

Simple definitions alone are taken: those with arguments in braces. A \def whose arguments are told apart by signs is
forgotten, and its name becomes an unknown command. What the text is built by cannot be redefined (`KEPT`).
"""

from __future__ import annotations

import re

from hornbook.corpus.readers.papers.latex.stream import Macro, Stream
from hornbook.corpus.readers.papers.words import words

FALSE, TRUE = Macro(0, None, ["\\iffalse"]), Macro(0, None, ["\\iftrue"])
# Commands that say what a text is made of: a style's own way to set them says nothing about the text.
KEPT = frozenset(
    "\\" + name
    for name in words("""
    begin end document documentclass documentstyle usepackage RequirePackage input include subfile import
    subimport part chapter section subsection subsubsection paragraph subparagraph title author date and And AND
    thanks maketitle abstract item footnote footnotetext footnotemark caption label ref eqref pageref cite citep
    citet citeauthor citeyear bibliography bibliographystyle bibitem newcommand renewcommand providecommand def
    edef gdef xdef let newenvironment renewenvironment newtheorem DeclareMathOperator verb url href
    includegraphics iffalse iftrue if ifx ifnum ifdim ifmmode else fi newif ensuremath text mbox left right frac
    sqrt hline multicolumn multirow par textbf textit emph texttt textrm textsf textsc appendix tableofcontents
    newline linebreak hspace vspace
""")
)
# Of \\NewDocumentCommand: one in brackets, with what it is when it is left out, and those in braces.
_SIGNATURE = re.compile(r"\s*(o|O\{([^{}\\]*)\})?((?:\s*m)*)\s*")
_SIGN = re.compile(r"\\[^a-zA-Z@]")
DEFINING = frozenset(
    "\\" + name
    for name in words("""
    newcommand renewcommand providecommand DeclareRobustCommand def edef gdef xdef let newenvironment
    renewenvironment DeclareMathOperator newtheorem NewDocumentCommand RenewDocumentCommand
    ProvideDocumentCommand DeclareDocumentCommand newif long global protected outer
""")
)


def defined(stream: Stream, command: str, theorems: dict[str, str], environments: dict[str, Macro]) -> None:
    """Take one definition, behind its command; `theorems` gets names of environments, as they are printed."""
    match command:
        case "\\def" | "\\edef" | "\\gdef" | "\\xdef":
            _def(stream)
        case "\\let":
            _let(stream)
        case "\\newif":
            if (name := _name(stream)) and name.startswith("\\if"):
                stream.macros[f"\\{name[3:]}true"] = Macro(0, None, ["\\let", name, "\\iftrue"])
                stream.macros[f"\\{name[3:]}false"] = Macro(0, None, ["\\let", name, "\\iffalse"])
                stream.macros[name] = FALSE
        case "\\newtheorem":
            _theorem(stream, theorems)
        case "\\newenvironment" | "\\renewenvironment":
            _environment(stream, environments)
        case "\\DeclareMathOperator":
            star = stream.star()
            name, body = _name(stream), stream.argument()
            if name and body is not None:
                _keep(stream, name, Macro(0, None, ["\\operatorname" + "*" * star, "{", *body, "}"]))
        case (
            "\\NewDocumentCommand" | "\\RenewDocumentCommand" | "\\ProvideDocumentCommand" | "\\DeclareDocumentCommand"
        ):
            name, signature, body = _name(stream), "".join(stream.argument() or []), stream.argument()
            found = _SIGNATURE.fullmatch(signature)
            if name and body is not None and found:
                default = None if found[1] is None else [found[2]] if found[2] else []
                _keep(stream, name, Macro(found[3].count("m") + (default is not None), default, body))
        case "\\newcommand" | "\\renewcommand" | "\\providecommand" | "\\DeclareRobustCommand":
            _newcommand(stream, command)


def _newcommand(stream: Stream, command: str) -> None:
    stream.star()
    name = _name(stream)
    count, default, body = _count(stream.option()), stream.option(), stream.argument()
    if name and body is not None and not (command == "\\providecommand" and name in stream.macros):
        _keep(stream, name, Macro(count, default if count else None, body))


def _keep(stream: Stream, name: str, macro: Macro) -> None:
    if name not in stream.fixed and not _SIGN.fullmatch(name):
        stream.macros[name] = macro


def _name(stream: Stream) -> str:
    r"""Take the command that is defined, with or without braces; "" where there is none."""
    given = stream.argument() or []
    name = "".join(given).strip()
    return name if name.startswith("\\") and len(name) > 1 and " " not in name and "\0" not in name else ""


def _count(option: list[str] | None) -> int:
    digits = "".join(option or []).strip()
    return int(digits) if digits in set("123456789") else 0


def _def(stream: Stream) -> None:
    name, parameters = _name(stream), 0
    simple = True
    while stream.stack and stream.stack[-1] not in ("{", "}", "\n\n"):
        token = stream.stack.pop()
        if token == f"#{parameters + 1}":
            parameters += 1
        elif token.strip():
            simple = False
            if token[0] == "\0" or parameters > 9:
                stream.stack.append(token)
                break
    body = stream.argument()
    if not name or body is None:
        return
    if simple:
        _keep(stream, name, Macro(parameters, None, body))
    else:
        stream.macros.pop(name, None)


def _let(stream: Stream) -> None:
    name = _name(stream)
    stream.spaces()
    if stream.stack and stream.stack[-1][0] == "=":
        stream.back([rest] if (rest := stream.stack.pop()[1:]) else [])
    meaning = _name(stream)
    if not name or not meaning or name == meaning:
        return
    _keep(stream, name, stream.macros.get(meaning, Macro(0, None, [meaning])))


def _theorem(stream: Stream, theorems: dict[str, str]) -> None:
    stream.star()
    name = "".join(stream.argument() or []).strip()
    stream.option()
    printed = "".join(token for token in stream.argument() or [] if token[0] not in "\\{}$\0").strip()
    stream.option()
    if name and printed:
        theorems[name] = printed


def _environment(stream: Stream, environments: dict[str, Macro]) -> None:
    r"""Keep the two halves of an environment, as the macros of \begin{name} and \end{name}."""
    stream.star()
    name = "".join(stream.argument() or []).strip()
    count, default, begin = _count(stream.option()), stream.option(), stream.argument()
    end = stream.argument()
    if name and begin is not None and end is not None and f"\\{name}" not in KEPT:
        environments[f"\\begin{{{name}}}"] = Macro(count, default if count else None, begin)
        environments[f"\\end{{{name}}}"] = Macro(0, None, end)
