r"""LaTeX source -> tokens, which are pieces of the source.

    "\\name"  "\\%"  "\\begin{name}"  "\\end{name}"  "{"  "}"  "$"  "$$"  "&"  "~"  "#1"  "\n\n" (a blank line), text

Text has blanks and single line ends in it. A comment is gone, with the end of its line and the blanks of the next. What
TeX takes letter by letter is one token that begins with VERBATIM. Time is linear in the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hornbook.corpus.readers.papers.words import words

BLANK_LINE = "\n\n"
VERBATIM = "\x00v"  # then "block" or "inline", "\x00", and the letters
INPUT_END = "\x00e"  # behind the tokens of a file that was put in
INNER_END = "\x00i"  # behind the tokens of an argument that is read by itself
ENDS = frozenset((INPUT_END, INNER_END, "\\end{document}"))  # no argument and no formula reaches over these
MACRO_END = "\x00m"  # behind the tokens of a macro that was expanded; its name follows

# Environments whose content is taken letter by letter, and whether it is text at all.
_BLOCKS = {
    **dict.fromkeys(words("""
    verbatim verbatim* Verbatim BVerbatim LVerbatim alltt lstlisting minted code Code
"""), True),
    **dict.fromkeys(words("""
    comment filecontents filecontents* CCSXML tikzpicture pspicture asy pycode sagesilent
"""), False),
}  # fmt: skip
_INLINE = {"\\verb", "\\lstinline", "\\mintinline", "\\Verb"}
_WITH_OPTIONS = {"Verbatim", "BVerbatim", "LVerbatim", "lstlisting", "minted"}
_URLS = {"\\url", "\\nolinkurl", "\\path", "\\href"}
_LONGEST_URL = 2_000

# Controls that no text has, since marks of ours begin with them, and half surrogates.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
_TOKEN = r"""
    %[^\n]*(?:\n[ \t]*|$)                               # a comment
  | \\(?:begin|end)[ \t]*\{[^{}\\$%#\n]*\}              # an environment begins or ends
  | \\[LETTER]+                                         # a command
  | \\[\s\S]? | \n[ \t]*(?:\n[ \t]*)+                    # a command of one sign; a blank line
  | [{}&~] | \$\$? | \#+[1-9]?
  | [^\\{}$%&~\#\n]+(?:\n(?![ \t]*\n)[^\\{}$%&~\#\n]*)*  # text
  | \n(?![ \t]*\n)[^\\{}$%&~\#\n]*(?:\n(?![ \t]*\n)[^\\{}$%&~\#\n]*)*
  | \n
"""
_BODY = re.compile(_TOKEN.replace("LETTER", "a-zA-Z"), re.VERBOSE)
_PREAMBLE = re.compile(_TOKEN.replace("LETTER", "a-zA-Z@"), re.VERBOSE)
_BEGIN = re.compile(r"^[^%\n]*?(\\begin[ \t]*\{document\})", re.MULTILINE)


def cleaned(source: str) -> str:
    """Return the source with line feeds alone, and without controls."""
    return _NO_TEXT.sub("", source.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n"))


def tokenized(source: str, preamble: bool) -> list[str]:
    """Return the tokens of a cleaned source; in a preamble the sign @ is a letter of commands."""
    begin = _BEGIN.search(source)
    if begin is None:
        return list(_tokens(source, 0, len(source), _PREAMBLE if preamble else _BODY))
    held = list(_tokens(source, 0, begin.start(1), _PREAMBLE))
    held += _tokens(source, begin.start(1), len(source), _BODY)
    return held


def _tokens(source: str, place: int, stop: int, pattern: re.Pattern[str]) -> Iterator[str]:
    ended: set[str] = set()  # environments that do not end any more
    while place < stop:
        for found in pattern.finditer(source, place, stop):
            token = found[0]
            place = found.end()
            first = token[0]
            if first == "%":
                if "\n" in token and source.startswith("\n", place):  # a blank line follows
                    yield BLANK_LINE
            elif first == "\n" and token.count("\n") > 1 and token.isspace():
                yield BLANK_LINE
            elif first != "\\":
                yield token
            elif token.startswith("\\begin") and token[-1] == "}":
                name = token[token.index("{") + 1 : -1].strip()
                end = _end(source, place, stop, name, ended) if name in _BLOCKS else None
                if end is None:
                    yield f"\\begin{{{name}}}"
                    continue
                if _BLOCKS[name]:
                    yield f"{VERBATIM}block\x00{_block(source[place : end[0]], name)}"
                place = end[1]
                break
            elif token.startswith("\\end") and token[-1] == "}":
                yield f"\\end{{{token[token.index('{') + 1 : -1].strip()}}}"
            elif token in _INLINE and (inline := _inline(source, place, stop)) is not None:
                yield f"{VERBATIM}inline\x00{inline[0]}"
                place = inline[1]
                break
            elif token in _URLS and (url := _url(source, place, stop)) is not None:
                yield f"{token}\x00{url[0]}"
                place = url[1]
                break
            elif token in ("\\\n", "\\\t"):
                yield "\\ "
            else:
                yield token


def _end(source: str, place: int, stop: int, name: str, ended: set[str]) -> tuple[int, int] | None:
    if name in ended:
        return None
    end = f"\\end{{{name}}}"
    found = source.find(end, place, stop)
    if found < 0:
        ended.add(name)
        return None
    return found, found + len(end)


def _block(text: str, name: str) -> str:
    """Return the content of an environment without its options, which stand in its first line."""
    first, line_end, rest = text.partition("\n")
    if name in _WITH_OPTIONS and first.strip() and first.strip()[0] in "[{":
        return rest if first.rstrip().endswith(("]", "}")) else text[text.find("]") + 1 :]
    return rest if line_end and not first.strip() else text


def _inline(source: str, place: int, stop: int) -> tuple[str, int] | None:
    """Return what stands between two equal signs, or between braces, in one line."""
    line_end = source.find("\n", place, min(stop, place + _LONGEST_URL))
    line = source[place : line_end if line_end >= 0 else min(stop, place + _LONGEST_URL)]
    found = re.match(r"\*?(?:\[[^\]\n]*\])?(?:\{\w+\}(?=[^\s\w}]))?(?:\{([^{}\n]*)\}|([^\s\w{}])(.*?)\2)", line)
    if found is None:
        return None
    return found[1] if found[1] is not None else found[3], place + found.end()


def _url(source: str, place: int, stop: int) -> tuple[str, int] | None:
    """Return the address in braces, where % and # and _ mean themselves."""
    found = re.compile(r"[ \t\n]*\{([^{}\n\\]*(?:\\.[^{}\n\\]*)*)\}").match(
        source, place, min(stop, place + _LONGEST_URL)
    )
    return None if found is None else (re.sub(r"\\([%#&_~{}])", r"\1", found[1]).strip(), found.end())
