r"""What \begin and \end of each environment do to the text."""

from __future__ import annotations

from hornbook.corpus.readers.papers.latex import commands, formulas
from hornbook.corpus.readers.papers.latex.layout import ItemList
from hornbook.corpus.readers.papers.latex.mathematics import DISPLAYS
from hornbook.corpus.readers.papers.latex.packages import overlay
from hornbook.corpus.readers.papers.latex.reader import Reader
from hornbook.corpus.readers.papers.latex.tokens import ENDS, MACRO_END


def begin(reader: Reader, token: str) -> None:
    """Begin an environment."""
    name = token[7:-1]
    stream, layout = reader.stream, reader.layout
    if name in DISPLAYS:
        formulas.environment(reader, name)
    elif name == "math":
        formulas.take(reader, token)
    elif name in commands.HOLLOW:
        _pass_over(reader, name)
    elif name == "abstract":
        _abstract(reader)
    elif name in commands.TABLES:
        stream.skip(commands.TABLES[name])
        layout.begin_table()
        reader.push(name, layout.end_table)
    elif name in commands.FLOATS:
        _float(reader, name)
    elif token in reader.environments and not _is_open(reader, name):
        stream.macros[token] = reader.environments[token]
        reader.push(name, None)
        stream.expand(token)
        del stream.macros[token]
    elif name in commands.LISTS:
        _list(reader, name)
    elif name in reader.theorems or name.rstrip("*") in commands.THEOREMS:
        _theorem(reader, name)
    else:
        _plain(reader, name)


def end(reader: Reader, token: str) -> None:
    """End an environment; one that never began ends nothing."""
    name = token[5:-1]
    if token in reader.environments and reader.opened.get(name):
        reader.stream.macros[token] = reader.environments[token]
        reader.stream.expand(token)
        del reader.stream.macros[token]
    reader.close(name)


def _is_open(reader: Reader, name: str) -> bool:
    return reader.opened.get(name, 0) > 4


def _pass_over(reader: Reader, name: str) -> None:
    """Pass over an environment with all that is in it."""
    depth, stack = 1, reader.stream.stack
    first, last = f"\\begin{{{name}}}", f"\\end{{{name}}}"
    while stack and depth:
        token = stack.pop()
        depth += (token == first) - (token == last)
        if token[0] == "\x00" and token.startswith(MACRO_END):
            reader.stream.leave(token)
        elif token in ENDS:
            stack.append(token)
            return


def _abstract(reader: Reader) -> None:
    """Take the abstract out of the text; it stands behind the title."""
    reader.layout.begin_float()

    def close() -> None:
        reader.abstract += reader.layout.end_float()

    reader.push("abstract", close)


def _float(reader: Reader, name: str) -> None:
    layout = reader.layout
    printed, arguments = commands.FLOATS[name]
    if layout.captures or layout.tables or not printed:
        reader.stream.skip(arguments)
        reader.push(name, None)
        return
    reader.stream.skip(arguments)
    layout.begin_float()
    steps = printed == "Algorithm"
    reader.algorithms += steps

    def close() -> None:
        inside = layout.end_float(with_text=printed != "Figure")
        (layout.waiting if layout.is_running() else layout.blocks).extend(inside)
        reader.algorithms -= steps

    reader.push(name, close)


def _list(reader: Reader, name: str) -> None:
    layout = reader.layout
    reader.stream.skip("o" + commands.LIST_ARGUMENTS.get(name, ""))
    layout.paragraph()
    layout.lists.append(ItemList(commands.LISTS[name]))

    def close() -> None:
        layout.paragraph()
        layout.prefix = ""
        layout.lists.pop()

    reader.push(name, close)


def _theorem(reader: Reader, name: str) -> None:
    """Begin a theorem with its name, and its title if it has one."""
    reader.layout.paragraph()
    title = reader.stream.option()
    printed = reader.theorems.get(name) or commands.THEOREMS[name.rstrip("*")]
    reader.layout.write(printed)
    reader.stream.spaces()
    reader.stream.back([" (", *title, "). "] if title else [". "])
    reader.push(name, reader.layout.paragraph)


def _slide(reader: Reader, titles: int) -> None:
    """Begin a slide of beamer, or a box on one, with its titles."""
    stream = reader.stream
    overlay(stream)
    stream.option()
    given: list[str] = []
    while titles and stream.stack and stream.stack[-1] == "{" and (title := stream.argument()) is not None:
        given += ["\\frametitle" if titles == 2 else "", "{", *title, "}", "\\par"]
        titles -= 1
    stream.back([token for token in given if token])


def _plain(reader: Reader, name: str) -> None:
    """Begin an environment whose content is text like any other."""
    layout = reader.layout
    layout.paragraph()
    steps = name in ("algorithmic", "algpseudocode")
    reader.algorithms += steps
    if name in commands.PLAIN:
        reader.stream.skip(commands.PLAIN[name])
    elif name in commands.SLIDES:
        _slide(reader, commands.SLIDES[name])
    elif name in commands.TITLED:
        layout.write("Keywords: ") if commands.TITLED[name] == "Keywords" else layout.heading(commands.TITLED[name])
    elif reader.stream.stack and reader.stream.stack[-1][0] == "[":
        reader.stream.option()

    def close() -> None:
        layout.paragraph()
        reader.algorithms -= steps

    reader.push(name, close)
