"""The language of a file: by its name, its first line, what editors are told in it, and what it holds.

    a whole name (Makefile), then #! where the ending leaves it open, then the ending and its rules (contents.txt)

The names are those of GitHub Linguist, as corpora of code use them: "C++", "Shell", "Jupyter Notebook". The order is
Linguist's too, but for its last resort, a trained classifier: where no rule decides, the ending's last language does.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

Kind = Literal["programming", "markup", "data", "prose", ""]

_LOOKED_AT = 16_384  # characters
_SHEBANG = re.compile(r"#!\s*(?:\S*/)?(?:env\s+(?:(?:-\S+|\w+=\S*)\s+)*(?:\S*/)?)?([\w.+-]+)")
# Lines for Vim and Emacs: `vim: set ft=cpp:`, `-*- mode: c++ -*-`, `-*- C++ -*-`.
_MODELINE = re.compile(
    r"(?:^|\s)(?:vim?|ex)\d*:[^\n]*?\b(?:ft|filetype|syntax)=([\w+#-]+)"
    r"|-\*-(?:[^\n]*?\bmode:)?\s*([\w+#-]+)\s*(?:;[^\n]*?)?-\*-",
    re.IGNORECASE,
)
_FIRST, _LAST = 5, 5  # lines in which editors look for them
_SPOKEN = {"cpp": "C++", "c++": "C++", "sh": "Shell", "bash": "Shell", "js": "JavaScript", "py": "Python", "rb": "Ruby",
           "make": "Makefile", "tex": "TeX", "latex": "TeX", "vim": "Vim script", "objc": "Objective-C",
           "elisp": "Emacs Lisp", "emacs-lisp": "Emacs Lisp", "lisp": "Common Lisp", "asm": "Assembly",
           "cs": "C#", "rst": "reStructuredText", "conf": "", "text": "Text"}  # fmt: skip
# Behind these endings a file is what it would be without them: config.h.in
_TEMPLATES = ("in", "example", "sample", "dist", "tmpl", "template")
_PROSE = re.compile(
    r"(?:readme|change(?:s|log)|history|authors|contributors|contributing|copyright|licen[cs]e|unlicense|notice|todo"
    r"|thanks|credits|install|news|faq|hacking|releases?)(?:[-_.][\w-]+)?",
    re.IGNORECASE,
)


class _Table(NamedTuple):
    """languages.txt and contents.txt, turned about: keys are lower case but for whole names."""

    kinds: dict[str, Kind]
    endings: dict[str, list[str]]
    names: dict[str, str]
    programs: dict[str, list[str]]
    rules: dict[str, list[tuple[str, str]]]  # language, pattern; "" for the one that needs none


@functools.cache
def _table() -> _Table:
    table = _Table({}, {}, {}, {}, {})
    for line in _lines("languages.txt"):
        name, kind, endings, names, programs = (cell.strip() for cell in f"{line} | | |".split("|")[:5])
        table.kinds[name] = kind  # type: ignore[assignment]
        for ending in endings.split():
            table.endings.setdefault(ending, []).append(name)
        table.names.update({whole: name for whole in names.split() if whole not in table.names})
        for program in programs.split():
            table.programs.setdefault(program, []).append(name)
    for line in _lines("contents.txt"):
        endings, name, pattern = f"{line}\t".split("\t")[:3]
        for ending in endings.split():
            table.rules.setdefault(ending, []).append((name, pattern))
    return table


def _lines(name: str) -> Iterator[str]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return (line for line in text.splitlines() if not line.startswith("#"))


def kind_of(language: str) -> Kind:
    """Return what a language is for: "programming", "markup", "data" or "prose"; "" for one that is not known."""
    return _table().kinds.get(language, "")


def endings() -> frozenset[str]:
    """Return all endings by which a language is known, in lower case, without their dot and with none inside."""
    return frozenset(ending for ending in _table().endings if "." not in ending)


def of_name(name: str) -> tuple[str, ...]:
    """Return the languages that a name allows, in any case: by the whole name, else by its ending; () for none."""
    whole = _lower_whole().get(name.lower())
    return (whole,) if whole else tuple(_table().endings.get(name.lower().rpartition(".")[2], ()))


@functools.cache
def _lower_whole() -> dict[str, str]:
    return {name.lower(): language for name, language in _table().names.items()}


def language_of(name: str, text: str) -> str:
    """Return the language of a file of this name (without its folder) and text, "" where nothing tells it.

    >>> language_of("a.py", ""), language_of("Makefile", ""), language_of("run", "#!/usr/bin/env node\\n")
    ('Python', 'Makefile', 'JavaScript')
    >>> language_of("a.h", "class A;\\nstd::string b;\\n"), language_of("a.h", "int a(void);\\n")
    ('C++', 'C')
    """
    table, start = _table(), text[:_LOOKED_AT].replace("\r\n", "\n")
    if name in table.names:
        return table.names[name]
    programs = _programs(start, table)
    parts = name.lower().split(".")[1:]
    for first in range(len(parts)):
        if found := _of_ending(".".join(parts[first:]), start, programs, table):
            return found
    if found := _of_modeline(text, table):
        return found
    if programs:
        return programs[0]
    stem, _, last = name.rpartition(".")
    if last.lower() in _TEMPLATES and stem:
        return language_of(stem, text)
    if (stem := name.partition(".")[0]) in table.names and stem[:1].isupper():
        return table.names[stem]  # Dockerfile.dev
    if _PROSE.fullmatch(name):
        return "Text"
    return "XML" if start[:64].lstrip("\ufeff \t\r\n").startswith("<?xml ") else ""


def _of_ending(ending: str, start: str, programs: list[str], table: _Table) -> str:
    known = table.endings.get(ending, [])
    if ending not in table.rules or len(known) < 2:
        return known[0] if known else ""
    for name in programs:
        if name in known:
            return name
    if found := _of_modeline(start, table, known):
        return found
    return next(name for name, pattern in table.rules[ending] if not pattern or _rule(pattern).search(start))


@functools.cache
def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)  # when it is needed: all of them take a tenth of a second


def _programs(start: str, table: _Table) -> list[str]:
    """Return the languages of the program that the first line names, as `python3.11` or `/usr/bin/env node`."""
    found = _SHEBANG.match(start)
    if not found:
        return []
    program = found[1]
    return table.programs.get(program) or table.programs.get(re.sub(r"[\d.]+$", "", program)) or []


def _of_modeline(text: str, table: _Table, among: list[str] | None = None) -> str:
    """Return the language that editors are told of, "" where they are told none that is known (or among those)."""
    if "vi:" not in text and "vim:" not in text and "ex:" not in text and "-*-" not in text:
        return ""
    lines = text.split("\n")
    told = _MODELINE.search("\n".join([*lines[:_FIRST], *lines[-_LAST:]]))
    if not told:
        return ""
    word = (told[1] or told[2]).lower()
    found = _SPOKEN.get(word) or _lower_names().get(word, "")
    return found if among is None or found in among else ""


@functools.cache
def _lower_names() -> dict[str, str]:
    return {name.lower().replace(" ", "-"): name for name in _table().kinds}
