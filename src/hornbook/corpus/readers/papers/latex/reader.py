r"""One paper while it is read: what is open, where letters go, and which files are put in.

Groups and environments that are open stand on one stack; each may do something when it closes.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from hornbook.corpus.readers.papers.latex.commands import KNOWN
from hornbook.corpus.readers.papers.latex.layout import Block, Layout, settled
from hornbook.corpus.readers.papers.latex.macros import KEPT
from hornbook.corpus.readers.papers.latex.stream import Macro, Stream
from hornbook.corpus.readers.papers.latex.tokens import (
    BLANK_LINE,
    INNER_END,
    INPUT_END,
    MACRO_END,
    VERBATIM,
    cleaned,
    tokenized,
)
from hornbook.errors import needing

_TIMES, _DEEP = 4, 20  # how often a file is put in, and how deep within others
_WAITING = 4_000_000  # tokens that may wait while files are put in
_STYLE = 400_000  # characters of a style file that may define macros
_QUOTES = re.compile(r"---?|``|''|[?!]?`")
_SIGNS = {"---": "—", "--": "–", "``": "“", "''": "”", "`": "'", "?`": "¿", "!`": "¡"}
_GERMAN = re.compile(r'"([aouAOUsz`\'=~|-])')
_UMLAUTS = dict(zip("aouAOUsz`'=~|-", [*"äöüÄÖÜßß„“--", "", ""], strict=True))


@dataclass(frozen=True)
class Style:
    """How LaTeX becomes text.

    math        formulas: "latex" between dollars, in letters of "unicode" (pylatexenc), or "drop"
    captions    keep the captions of figures and tables
    citations   "drop", where only those that are words of a sentence (\\citet) leave their key in brackets, or "key"
    references  of figures, formulas, sections: "key", their label in brackets, or "drop"
    """

    math: Literal["latex", "unicode", "drop"] = "latex"
    captions: bool = True
    citations: Literal["drop", "key"] = "drop"
    references: Literal["key", "drop"] = "key"

    def check(self) -> None:
        """Raise UserError where a library is missing that this manner needs."""
        if self.math == "unicode":
            with needing('math = "unicode"', "sources"):
                import pylatexenc  # noqa: F401


Close = Callable[[], None]


@dataclass
class Reader:
    """One paper while it is read.

    find      returns the source of a file by its name and the folder that it is looked for in
    command   deals with a command of the body, `told` with one of the preamble
    """

    style: Style
    find: Callable[[str, str], str | None]
    command: Callable[[Reader, str], None]
    told: Callable[[Reader, str], None]
    stream: Stream = field(default_factory=lambda: Stream(fixed=KEPT))
    layout: Layout = field(default_factory=Layout)
    theorems: dict[str, str] = field(default_factory=dict)
    environments: dict[str, Macro] = field(default_factory=dict)
    open: list[tuple[str, Close | None]] = field(default_factory=list)
    opened: dict[str, int] = field(default_factory=dict)
    in_preamble: bool = False
    in_argument: bool = False
    german: bool = False
    algorithms: int = 0
    title: str = ""
    authors: list[str] = field(default_factory=list)
    abstract: list[Block] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    inputs: list[tuple[str, str]] = field(default_factory=list)
    times: dict[str, int] = field(default_factory=dict)

    def write(self, text: str) -> None:
        """Write letters with the signs that TeX makes of some pairs."""
        if self.german and '"' in text:
            text = _GERMAN.sub(lambda found: _UMLAUTS[found[1]], text)
        if "-" in text or "`" in text or "'" in text:
            text = _QUOTES.sub(lambda found: _SIGNS.get(found[0], found[0]), text)
        self.layout.letters.append(text)

    def push(self, name: str, close: Close | None) -> None:
        """Open a group ("{") or an environment."""
        self.open.append((name, close))
        self.opened[name] = self.opened.get(name, 0) + 1

    def pop(self) -> None:
        """Close what was opened last."""
        name, close = self.open.pop()
        self.opened[name] -= 1
        if close is not None:
            close()

    def close(self, name: str) -> None:
        """Close an environment and what is still open in it; nothing, if it was never opened."""
        left = self.opened.get(name, 0) - 1
        while left >= 0 and self.opened[name] > left:
            self.pop()

    def capture(self, done: Callable[[str], None]) -> None:
        """Take the letters of the argument that follows out of the running text; `done` gets them when it ends."""
        if not self.stream.group():
            token = self.stream.argument()
            self.stream.stack += ["}", *reversed(token or [])]
        outer, self.layout.letters = self.layout.letters, []
        self.layout.captures += 1

        def close() -> None:
            text = settled("".join(self.layout.letters)).replace("\n", " ")
            self.layout.letters = outer
            self.layout.captures -= 1
            done(text)

        self.push("{", close)

    def inner(self, tokens: list[str]) -> str:
        """Return the text of an argument that is no part of the running text; one within another has none."""
        if self.in_argument:
            return ""
        self.in_argument, outer = True, self.layout.letters
        self.layout.letters = []
        self.layout.captures += 1
        self.push("inner", None)
        self.stream.stack.append(INNER_END)
        self.stream.back(tokens)
        self.read()
        self.close("inner")
        text = settled("".join(self.layout.letters)).replace("\n", " ")
        self.in_argument, self.layout.letters = False, outer
        self.layout.captures -= 1
        return text

    def run(self) -> None:
        """Read all tokens that are left, and close what is open."""
        self.read()
        while self.open:
            self.pop()
        self.layout.paragraph()

    def read(self) -> None:
        """Read tokens to the end of an argument that is read by itself, or all."""
        stack, layout = self.stream.stack, self.layout
        while stack:
            token = stack.pop()
            first = token[0]
            if first == "\\":
                self.command(self, token)
            elif first not in "{}$&~#\n\x00":
                self.write(token)
            elif first == "{":
                self.push("{", None)
            elif first == "}":
                if self.open and self.open[-1][0] == "{":
                    self.pop()
            elif first == "~":
                layout.letters.append(" ")
            elif first == "\n":
                if token == BLANK_LINE:
                    layout.paragraph()
                else:
                    self.write(token)
            elif first == "\x00":
                if token == INNER_END:
                    return
                self.mark(token)
            elif first == "$":
                self.command(self, token)
            elif first == "&":
                if layout.in_cell():
                    layout.cell()
                else:
                    layout.letters.append(" ")

    def mark(self, token: str) -> None:
        """Deal with a mark of ours: the end of a file or a macro, or letters that stand for themselves."""
        if token == INPUT_END:
            self.inputs.pop()
        elif token.startswith(MACRO_END):
            self.stream.leave(token)
        elif token.startswith(VERBATIM):
            kind, _, text = token[len(VERBATIM) :].partition("\x00")
            if kind == "inline":
                self.layout.letters.append(text.replace(" ", "\x02").replace("\t", "\x02"))
            else:
                lines = [line.rstrip() for line in text.expandtabs(8).split("\n")]
                self.layout.add("code", "\n".join(lines).strip("\n"))

    def preamble(self) -> None:
        r"""Read what stands before \begin{document}: definitions, and what is told of the paper."""
        stack = self.stream.stack
        self.in_preamble = True
        while stack:
            token = stack.pop()
            if token == "\\begin{document}":
                break
            if token[0] == "\x00":
                self.mark(token)
            elif token[0] == "\\":
                self.told(self, token)
        self.in_preamble = False

    def put(self, name: str, folder: str = "") -> None:
        """Put a file of the paper in its place, within bounds; a file that contains itself is not put in again."""
        if len(self.inputs) >= _DEEP:
            return
        here = self.inputs[-1][1]
        if re.match(r"/|~|[A-Za-z]:|\\", name) or ".." in f"{folder}/{name}".split("/"):
            self.outside.append(posixpath.join(folder, name)[:200])
            return
        for base in dict.fromkeys((folder, here, f"{here}/{folder}".strip("/"), "")):
            source = self.find(name, base)
            if source is not None:
                break
        else:
            return
        key = posixpath.normpath(posixpath.join(base, name)).removesuffix(".tex")
        if any(key == held for held, _ in self.inputs) or self.times.get(key, 0) >= _TIMES:
            return
        self.times[key] = self.times.get(key, 0) + 1
        tokens = tokenized(cleaned(source), self.in_preamble)
        if "\\begin{document}" in tokens and not self.in_preamble:  # of the class subfiles: a paper of its own too
            tokens = tokens[tokens.index("\\begin{document}") + 1 :]
            tokens = tokens[: tokens.index("\\end{document}")] if "\\end{document}" in tokens else tokens
        if len(self.stream.stack) + len(tokens) > _WAITING:
            return
        self.inputs.append((key, folder or here))
        self.stream.put([*tokens, INPUT_END])

    def put_style(self, names: str) -> None:
        """Take the definitions of the paper's own style files; what we know of commands counts more than theirs."""
        for name in names.split(","):
            source = self.find(f"{name.strip()}.sty", "") if name.strip() else None
            if source is None or len(source) > _STYLE or self.times.get(name, 0):
                continue
            self.times[name] = 1
            held, known = self.stream.stack[:], self.stream.fixed
            self.stream.stack.clear()
            self.stream.fixed = known | KNOWN
            self.stream.put(tokenized(cleaned(source), True))
            self.preamble()
            self.stream.fixed, self.in_preamble = known, True
            self.stream.stack[:] = held
