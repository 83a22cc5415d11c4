r"""What holds for LaTeX of any kind: no error, bounded time and length, no markup outside of formulas and code."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.readers.papers.latex.paper import Paper, read_latex
from hornbook.corpus.readers.papers.latex.reader import Style

_PIECES = r"""
    { } $ $$ & ~ # #1 % \ \\ \% [ ] ( ) * = | a b 12 -- `` \begin{equation} \end{equation} \begin{align}
    \end{align} \begin{itemize} \end{itemize} \item \begin{tabular}{ll} \end{tabular} \begin{figure}
    \end{figure} \caption{ \section{ \begin{verbatim} \end{verbatim} \verb|x| \begin{abstract} \end{abstract}
    \begin{x} \end{x} \begin \end \footnote{ \newcommand{\m}[1]{ \newcommand \def\x{ \def\y#1{ \x \y \m
    \let\x\y \newenvironment{x}{ \cite{k} \label{l} \ref{r} \iffalse \else \fi \iftrue \ifx \newif\ifz \ztrue
    \ifz \input{f} \include{g} \title{ \author{ \and \maketitle \' \" \c \begin{document} \end{document}
    \documentclass{article} \emph{ \textbf \url{u} \href{u}{ \( \) \[ \] \ensuremath{ \left \right \frac \par
    \vskip \hspace{ \xspace \endinput \begin{theorem} \end{theorem} \begin{comment} \end{comment}
    \begin{thebibliography} \end{thebibliography} \multicolumn{2}{c}{ \\[2pt] \abstract{
    \DeclareMathOperator{\x}{
"""
PIECES = _PIECES.split()
TOKENS = st.lists(st.sampled_from([*PIECES, "\n", "\n\n", " ", "\x00", "\x01", "\ud800", "é", "%x\n"]), max_size=60)
FILES = {"f.tex": "\\x{y}\\begin{y}", "g.tex": "\\input{g}\\input{f}\\end{y}\\label{z}"}
SPAN = re.compile(r"\$\$?[^$]*\$\$?")


def find(name: str, folder: str) -> str | None:
    return FILES.get(f"{name}.tex")


def read(source: str, style: Style = Style(), find: Callable[[str, str], str | None] = find) -> Paper:  # noqa: B008
    return read_latex(source, find, style)


@settings(max_examples=400)
@given(TOKENS)
def test_any_tokens_are_read(pieces: list[str]) -> None:
    paper = read("".join(pieces))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", paper.text + paper.title)
    assert paper == read("".join(pieces))


@settings(max_examples=400)
@given(TOKENS)
def test_no_markup_is_left_outside_of_formulas_and_code(pieces: list[str]) -> None:
    text = "".join(
        piece for piece in pieces if "verb" not in piece and "$" not in piece and piece not in ("\\(", "\\[")
    )
    paper = read(text, Style(math="drop"))
    assert not re.search(r"\\begin|\\end|\\cite|\\label|\\item|\\section|%x", paper.text)
    assert "  " not in paper.text.replace(" | ", "|").replace("\n  ", "") and not re.search(
        r"[ \t]$", paper.text, re.MULTILINE
    )


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_any_bytes_are_read(data: bytes) -> None:
    read(data.decode("latin-1"))


LETTERS = "abcdefghijklmnop"
LAUGHS = "".join(f"\\def\\{b}{{\\{a}\\{a}\\{a}\\{a}}}" for a, b in itertools.pairwise(LETTERS))
GROWING = {
    "itself": "\\def\\x{\\x}\\x",
    "twice itself": "\\def\\x{\\x\\x}\\x",
    "letters and itself": "\\def\\x{a\\x}\\x b",
    "two of each other": "\\def\\x{\\y\\y}\\def\\y{\\x\\x}\\x",
    "an argument twice": "\\def\\x#1{#1#1}" + "\\x{" * 60 + "a" * 1_000 + "}" * 60,
    "laughs": LAUGHS + "\\def\\a{laugh }\\p",
    "laughs in a formula": LAUGHS + "\\def\\a{x}$\\p$",
    "a macro that defines": "\\def\\x{\\def\\y{\\x}\\y\\y}\\x",
    "a default": "\\newcommand{\\x}[1][\\x\\x]{#1#1}\\x",
    "an environment in itself": "\\newenvironment{x}{\\begin{x}\\begin{x}}{\\end{x}}\\begin{x}a\\end{x}",
    "a title": "\\title{\\title{\\title{a}}}" * 2_000,
}
DEEP = {
    "groups": "{" * 80_000,
    "closed groups": "{" * 40_000 + "x" + "}" * 40_000,
    "footnotes": "\\footnote{" * 20_000,
    "sections": "\\section{" * 12_000,
    "lists": "\\begin{itemize}\\item " * 4_000,
    "tables": "\\begin{tabular}{l}" * 8_000,
    "floats": "\\begin{figure}" * 12_000,
    "figures": "\\begin{figure}\\caption{x}\\end{figure}" * 4_000,
    "arguments that never end": "\\textcolor{" * 20_000,
    "brackets that never end": "\\\\[" * 20_000,
    "brackets of an unknown command": "\\unknown[" * 20_000,
    "environments that never end": "\\begin{verbatim}" * 10_000,
    "comments that never end": "\\begin{comment}" * 20_000,
    "verbs": "\\verb|" * 20_000,
    "dollars": "$" * 200_001,
    "formulas": "\\begin{equation}" * 20_000,
    "ends": "\\end{x}" * 20_000,
    "conditions": "\\iffalse" * 20_000,
    "elses": "\\else" * 20_000,
    "definitions": "\\newcommand{" * 20_000,
    "many definitions": "\\def\\x#1{y}" * 20_000,
    "blanks": " " * 200_000 + "\\cite{a}" + " " * 200_000 + "(",
    "classes": "\\documentclass[" * 20_000,
    "percents": "%" * 120_000,
    "backslashes": "\\" * 120_000,
    "accents": "\\'" * 40_000,
    "citations": "(\\cite{a}" * 12_000,
    "commas": "(\\cite{a}" + "," * 120_000,
    "begins": "\\begin{" * 20_000,
    "urls": "\\url{" * 20_000,
    "one line": "word " * 120_000,
    "blank lines": "\n \n" * 80_000,
    "marks": "\x00e\x00mx\x00i\x00vblock\x00" * 8_000,
    "inputs": "\\input{f}" * 8_000,
    "items": "\\item[" * 20_000,
}


@pytest.mark.parametrize("name", GROWING)
def test_macros_that_grow_end(name: str) -> None:
    paper = read(GROWING[name])
    assert len(paper.text) < 8_000_000


@pytest.mark.parametrize("name", DEEP)
def test_time_is_bounded_by_length(name: str) -> None:
    read(DEEP[name])


def test_a_macro_within_itself_is_expanded_a_few_times() -> None:
    paper = read("\\def\\x{a\\x}\\x\\x b")
    assert (paper.text, paper.bounded) == ("aaaaaaaaaaaab", False)


def test_what_grows_without_end_is_told() -> None:
    assert read(GROWING["laughs"]).bounded
    assert not read("\\newcommand{\\x}[1]{#1}\\x{\\x{y}}").bounded


def test_a_file_that_contains_itself_is_put_in_once() -> None:
    assert read("\\def\\x#1{<#1>}a \\input{g} b \\input{g} c").text == "a <y>\n\nb <y>\n\nc"


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret", "a/../../secret", "~/x", "C:/x", "|ls"])
def test_nothing_outside_of_the_paper_is_looked_for(name: str) -> None:
    asked: list[str] = []

    def find(name: str, folder: str) -> str | None:
        asked.append(f"{folder}/{name}")
        return None

    paper = read(f"a \\input{{{name}}} \\include{{{name}}} \\import{{..}}{{x}} b", find=find)
    assert paper.text == "a b"
    assert "../x" in paper.outside
    assert (name in paper.outside) == (name != "|ls")
    assert all(".." not in item and not item.lstrip("/").startswith(("etc", "~")) for item in asked)
