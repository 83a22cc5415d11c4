r"""What each command of LaTeX does to the text; the tables stand in `commands.py`."""

from __future__ import annotations

from collections.abc import Callable

from hornbook.corpus.readers.papers.latex import commands, formulas
from hornbook.corpus.readers.papers.latex.conditions import conditional, pass_length
from hornbook.corpus.readers.papers.latex.environments import begin, end
from hornbook.corpus.readers.papers.latex.layout import DROPPED, LINE
from hornbook.corpus.readers.papers.latex.macros import DEFINING, defined
from hornbook.corpus.readers.papers.latex.packages import ACTS, overlay
from hornbook.corpus.readers.papers.latex.reader import Reader
from hornbook.corpus.readers.papers.latex.symbols import ACCENTS, SYMBOLS, accented

_AUTHORS = {"\\author", "\\icmlauthor", "\\IEEEauthorblockN", "\\addauthor", "\\Author"}
# How commands begin that set the one argument that they have: what follows it may be of the same word.
_FONTS = ("\\text", "\\emph", "\\mbox", "\\hbox", "\\under", "\\upper", "\\lower", "\\Make", "\\ul", "\\so", "\\hl")
_TITLES = {"\\title", "\\icmltitle", "\\Title", "\\papertitle"}


def command(reader: Reader, token: str) -> None:
    """Deal with one command, or with the dollar that begins a formula."""
    stream = reader.stream
    if token in stream.macros and stream.expand(token):
        return
    if (act := _ACTS.get(token)) is not None:
        act(reader, token)
    elif (sign := SYMBOLS.get(token)) is not None:
        if token[-1].isalpha():
            stream.spaces()
        reader.layout.letters.append(sign)
    elif token[-1] == "}" and token.startswith("\\begin{"):
        begin(reader, token)
    elif token[-1] == "}" and token.startswith("\\end{"):
        end(reader, token)
    elif "\x00" in token:
        _url(reader, token)
    elif conditional(stream, token):
        return
    elif reader.algorithms and token in commands.STEPS:
        stream.spaces()
        step = commands.STEPS[token]
        reader.layout.letters += (" " if step.startswith("//") else LINE, step)
    else:
        _unknown(reader, token)


def in_preamble(reader: Reader, token: str) -> None:
    """Deal with a command before the document begins."""
    stream = reader.stream
    if token in _IN_PREAMBLE:
        _ACTS[token](reader, token)
    elif token in ("\\usepackage", "\\RequirePackage"):
        stream.option()
        reader.put_style("".join(stream.argument() or []))
    elif not conditional(stream, token) and token in stream.macros and stream.macros[token].body[:1] == ["\\let"]:
        stream.expand(token)  # \drafttrue


def _unknown(reader: Reader, token: str) -> None:
    """Pass over a command that we do not know; what it has in brackets goes with it, its arguments are text."""
    stream = reader.stream
    stream.spaces()
    if stream.stack and stream.stack[-1][0] == "[":
        option = stream.option()
        if option is not None and (not stream.stack or stream.stack[-1] != "{"):
            stream.back(["[", *option, "]"])
    if not token.startswith(_FONTS):
        _parted(reader)


def _parted(reader: Reader) -> None:
    """Take the next argument of a command that we do not know; a blank parts it from the one behind it."""
    stack = reader.stream.stack

    def close() -> None:
        if stack and stack[-1] == "{":
            reader.layout.letters.append(" ")
            _parted(reader)

    if stack and stack[-1] == "{":
        stack.pop()
        reader.push("{", close)


def _unseen(reader: Reader, token: str) -> None:
    reader.stream.skip(commands.UNSEEN[token])


def _wrapping(reader: Reader, token: str) -> None:
    reader.stream.skip(commands.WRAPPING[token])


def _define(reader: Reader, token: str) -> None:
    defined(reader.stream, token, reader.theorems, reader.environments)


def _accent(reader: Reader, token: str) -> None:
    """Put an accent on the letter that follows, or on the first of a group."""
    stream = reader.stream
    stream.spaces()
    in_braces = stream.stack[-1:] == ["{"]
    given = [piece for piece in stream.argument() or [] if piece not in ("{", "}")]
    accents = [token]
    if given and given[0] in ACCENTS and not in_braces:
        return  # one without a letter
    while given and given[0] in ACCENTS and len(accents) < 4:  # one above the other
        accents.append(given.pop(0))
    first = given.pop(0) if given else ""
    text = SYMBOLS.get(first, "") if first[:1] == "\\" else first.lstrip()
    for accent in reversed(accents):
        text = accented(accent, text)
    reader.layout.letters.append(text)
    stream.back(given)
    if first[:1] == "\\" and not in_braces:
        stream.spaces()


def _ensuremath(reader: Reader, token: str) -> None:
    given = reader.stream.argument()
    if given:
        reader.stream.back(["$", *given, "$"])


def _section(reader: Reader, token: str) -> None:
    reader.stream.star()
    reader.stream.option()
    reader.layout.paragraph()
    reader.capture(reader.layout.heading)


def _title(reader: Reader, token: str) -> None:
    reader.stream.option()
    text = reader.inner(reader.stream.argument() or [])
    reader.title = reader.title or text


def _author(reader: Reader, token: str) -> None:
    r"""Keep the names; behind the first line stand addresses, and \and begins the next author."""
    reader.stream.option()
    kept: list[str] = []
    inside = True
    for name in reader.stream.argument() or []:
        if name in ("\\and", "\\And", "\\AND"):
            kept.append(" ; ")
            inside = True
        elif name in ("\\quad", "\\qquad", "\\hfill"):
            kept.append(" ; ")
        elif name == "\\\\":
            inside = not "".join(kept).rpartition(";")[2].strip(" \n{")
        elif inside or name in "{}":
            kept.append(name)
    reader.authors.append(reader.inner(kept))


def _abstract(reader: Reader, token: str) -> None:
    r"""Take \abstract{...} out of the text; of five parts (class aa) all are text."""
    if not reader.stream.group():
        return
    begin(reader, "\\begin{abstract}")
    reader.push("{", lambda: end(reader, "\\end{abstract}"))


def _footnote(reader: Reader, token: str) -> None:
    reader.stream.option()
    reader.capture(lambda text: reader.layout.write(f" ({text})" if text else ""))


def _caption(reader: Reader, token: str) -> None:
    """Keep a caption as a paragraph of its own, with what its float is called."""
    reader.stream.star()
    reader.stream.option()
    printed = next((commands.FLOATS[name][0] for name, _ in reversed(reader.open[-8:]) if name in commands.FLOATS), "")

    def done(text: str) -> None:
        if reader.style.captions and text:
            reader.layout.add("caption", f"{printed}: {text}" if printed else text)

    reader.capture(done)


def _subfloat(reader: Reader, token: str) -> None:
    """Keep the caption that a part of a figure has in brackets."""
    option = reader.stream.option()
    if option and reader.style.captions:
        reader.stream.back(["\\caption", "{", *option, "}"])


def _cite(reader: Reader, token: str) -> None:
    stream, layout = reader.stream, reader.layout
    stream.star()
    stream.option()
    stream.option()
    keys = "".join(stream.argument() or []).replace("\n", " ").strip()
    while token[-1] == "s" and stream.stack and stream.stack[-1] == "{":
        keys += "; " + "".join(stream.argument() or [])
    kept = reader.style.citations == "key" or commands.CITING[token]
    layout.write(f"[{keys}]" if kept and keys and "\\" not in keys else DROPPED)


def _refer(reader: Reader, token: str) -> None:
    reader.stream.star()
    reader.stream.option()
    keys = "".join(reader.stream.argument() or []).replace("\n", " ").strip()
    kept = reader.style.references == "key" and keys and "\\" not in keys and "\x00" not in keys
    reader.layout.write(f"[{keys}]" if kept else DROPPED)


def _input(reader: Reader, token: str) -> None:
    stream = reader.stream
    stream.star()
    stream.spaces()
    if stream.stack and stream.stack[-1] != "{":
        word, blank, rest = (
            stream.stack.pop().partition(" ") if stream.stack[-1][0] not in "\\\x00$&#}" else ("", "", "")
        )
        word, line_end, more = word.partition("\n")
        rest = more + blank + rest if line_end else rest
        stream.stack += [rest] if rest else []
        reader.put(word.strip())
        return
    given = ["".join(stream.argument() or []).strip() for _ in range(commands.INPUTS[token])]
    if token == "\\InputIfFileExists":
        stream.skip("mm")
    reader.put(given[-1].strip('"'), given[0].strip("/") if len(given) > 1 else "")


def _item(reader: Reader, token: str) -> None:
    overlay(reader.stream)
    label = reader.stream.option()
    labelled = any(piece[0] not in "\\{}$" and any(map(str.isalnum, piece)) for piece in label or [])
    reader.layout.item(labelled)
    if labelled and label is not None:
        reader.stream.back(["{", *label, "}", " "])


def _either(reader: Reader, token: str) -> None:
    """Keep the first of two arguments, which say the same."""
    first, _ = reader.stream.argument(), reader.stream.argument()
    reader.stream.back(["{", *(first or []), "}"])


def _line(reader: Reader, token: str) -> None:
    reader.stream.star()
    reader.stream.option()
    if reader.layout.in_cell():
        reader.layout.row()
    else:
        reader.layout.letters.append(LINE)


def _row(reader: Reader, token: str) -> None:
    if reader.layout.in_cell():
        reader.layout.row()


def _paragraph(reader: Reader, token: str) -> None:
    reader.layout.paragraph()


def _space(reader: Reader, token: str) -> None:
    if token == "\\hspace":
        reader.stream.skip("*m")
    elif token == "\\hskip":
        _length(reader, token)
    reader.layout.letters.append(" ")


def _length(reader: Reader, token: str) -> None:
    """Pass over a length, such as `=12pt plus 1pt`."""
    pass_length(reader.stream)
    if token == "\\vskip":
        reader.layout.paragraph()


def _break(reader: Reader, token: str) -> None:
    reader.layout.letters.append(LINE)


def _xspace(reader: Reader, token: str) -> None:
    stack = reader.stream.stack
    following = next((item for item in reversed(stack[-8:]) if item[0] != "\x00"), "")
    if following[:1].isalnum() or following[:1] in ("(", "$") or (following[:1] == "\\" and following[1:2].isalpha()):
        reader.layout.letters.append(" ")


def _begin(reader: Reader, token: str) -> None:
    r"""Deal with \begin or \end whose name did not stand there letter by letter."""
    name = "".join(reader.stream.argument() or []).strip()
    if name and not set(name) & set("\\{}\x00"):
        command(reader, f"{token}{{{name}}}")


def _end_input(reader: Reader, token: str) -> None:
    stack = reader.stream.stack
    while stack and stack[-1] != "\x00e":
        if stack[-1].startswith("\x00m"):
            reader.stream.leave(stack[-1])
        stack.pop()


def _end_document(reader: Reader, token: str) -> None:
    reader.stream.stack.clear()  # and the end of an argument with it


def _url(reader: Reader, token: str) -> None:
    r"""Write the address of \url; that of \href is not shown, since its text follows."""
    name, _, address = token.partition("\x00")
    if name == "\\href":
        reader.stream.spaces()
    else:
        reader.layout.letters.append(address)


def _titled(reader: Reader, token: str) -> None:
    """Begin what a class prints with a heading: a command without an argument, or with the text as its argument."""
    name = commands.TITLED[token[1:]]
    if name == "Keywords":
        reader.layout.paragraph()
        reader.layout.write("Keywords: ")
    else:
        reader.layout.heading(name)


Act = Callable[[Reader, str], None]
_ACTS: dict[str, Act] = {
    **dict.fromkeys(commands.UNSEEN, _unseen), **dict.fromkeys(commands.WRAPPING, _wrapping),
    **dict.fromkeys(commands.LENGTHS, _length), **dict.fromkeys(commands.PARAGRAPHS, _paragraph),
    **dict.fromkeys(commands.SPACES, _space), **dict.fromkeys(commands.LINES, _break),
    **dict.fromkeys(commands.SECTIONS, _section), **dict.fromkeys(commands.CITING, _cite),
    **dict.fromkeys(commands.REFERRING, _refer), **dict.fromkeys(commands.INPUTS, _input),
    **dict.fromkeys((f"\\{name}" for name in commands.TITLED), _titled),
    **dict.fromkeys(ACCENTS, _accent), **dict.fromkeys(DEFINING, _define),
    **dict.fromkeys(formulas.ENDS, formulas.take),
    **dict.fromkeys(_TITLES, _title), **dict.fromkeys(_AUTHORS, _author),
    "\\ensuremath": _ensuremath, "\\abstract": _abstract, "\\footnote": _footnote, "\\caption": _caption,
    "\\captionof": _unseen, "\\subfloat": _subfloat, "\\subfigure": _subfloat, "\\item": _item, "\\\\": _line,
    "\\tabularnewline": _row, "\\cr": _row, "\\xspace": _xspace, "\\begin": _begin, "\\end": _begin,
    "\\texorpdfstring": _either,
    "\\endinput": _end_input, "\\end{document}": _end_document, "\\bye": _end_document, "\\tablecaption": _caption,
    "\\footnotetext": _footnote, "\\tablefootmark": _unseen, "\\subcaption": _caption, "\\keywords": _titled,
    "\\frametitle": _section, **ACTS,
}  # fmt: skip
_IN_PREAMBLE = {*DEFINING, *_TITLES, *_AUTHORS, *commands.INPUTS, "\\abstract", "\\endinput"}
