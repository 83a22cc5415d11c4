"""Code: texts whose blanks, line ends and signs are not to be touched, known by their file's name or by their lines.

code     what a machine reads: programs, settings, patches; nothing of it is changed
markup   what is set with signs, such as Markdown and LaTeX: its blanks and empty lines are kept
""       all other text
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from hornbook.corpus.readers.builtin import CODE
from hornbook.corpus.readers.code.languages import kind_of as language_kind
from hornbook.corpus.readers.code.languages import of_name
from hornbook.corpus.readers.packed import COMPRESSED

if TYPE_CHECKING:
    from hornbook.corpus.step import Page

Kind = Literal["code", "markup", ""]

# Of files with these endings the lines decide: they hold records, pages or whatever their reader makes of them.
_BY_LINES = frozenset(
    ["csv", "eml", "htm", "html", "json", "jsonl", "mbox", "rtf", "srt", "tsv", "txt", "vtt", "xht", "xhtml", "xml"]
)
_MARKUP = frozenset(("BibTeX", "RMarkdown", "TeX", "Texinfo", "Wikitext", "Roff", "Roff Manpage", "AsciiDoc"))
# Fields of records in which corpora of code name the file.
_LANGUAGE = "programming_language"
_PATHS = ("path", "file", "filename", "file_name", "file_path", "filepath", "repo_path", "max_stars_repo_path")

_PATCH = re.compile(r"^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@", re.MULTILINE)
# A line of a program: it ends as only code does, it assigns, it calls, or begins as a definition or a directive does.
_LINE = re.compile(
    r"^[ \t]*(?:[^\n]*[{}][ \t]*$|[^\n]*[=()\[\]>][^\n]*;[ \t]*$"
    r"|[^\n]{0,200}\)(?::|[ \t]*\{|,|\\)[ \t]*$|[\])}]+[;,)]*[ \t]*$"
    r"|[\w.$@*&\[\]'\"-]{1,80}[ \t]{0,20}(?:[-+*/|&^%:.?]|<<|>>)?=(?!=)[ \t]*\S"
    r"|[\w.]{1,80}\([^\n]*\)[ \t]*[;,:]?[ \t]*$|@\w[\w.]*(?:\([^\n]*)?$"
    r"|(?:def|class|func|fn|function|sub|struct|enum|interface|impl|trait|module|namespace|package|typedef) "
    r"[^\n]*[:{(;][ \t]*$|(?:if|elif|for|while|with|except|case|switch)\b[^\n]*:[ \t]*$"
    r"|(?:else|try|finally|do|then|fi|done|esac|end|pass):?[ \t]*$"
    r"|#[ \t]*(?:include|define|ifn?def|endif|pragma|undef)\b|#!/|//|/\*|\*/"
    r"|from [\w.]+ import |import [\w.{*]+(?:[ \t]as \w+)?;?[ \t]*$"
    r"|(?:SELECT|INSERT INTO|CREATE|ALTER|UPDATE|DELETE FROM|FROM|WHERE|JOIN) "
    r"|</?[a-zA-Z!][^\n]*>[ \t]*$|\"\w+\":[ \t])",
    re.MULTILINE,
)
_FENCED = re.compile(r"^[ \t]*(```+|~~~+)[^\n]*\n.*?^[ \t]*\1[`~]*[ \t\r]*$", re.MULTILINE | re.DOTALL)
_SHARE = 0.2  # of the lines that are not blank
_FEWEST = 3  # lines
_SIGNS, _EACH = "(){}=<>;[#", 100  # of so many characters of code one at least is a sign
_LOOKED_AT = 16_384  # characters


def kind_of(identity: str, source: str, meta: Mapping[str, Any], text: str) -> Kind:
    """Return what a document is: by the name of its file, or of the file that its record names, else by its lines."""
    named = [meta[name] for name in _PATHS if isinstance(meta.get(name), str)]
    for name in (identity.rpartition("#")[0] or identity, *named):
        if name.lower().endswith(".ipynb"):
            return "markup" if _has_fences(text) else "code"
        if kind := _of_name(name):
            return kind
    if kind := _of_languages([meta[_LANGUAGE]] if isinstance(meta.get(_LANGUAGE), str) else []):
        return kind
    start = text[:_LOOKED_AT]
    if _has_fences(start):
        start = _FENCED.sub("", start)
    return "code" if source.startswith(CODE) or is_code(start) else ""


def kind_at(page: Page, index: int) -> Kind:
    """Return what a document of a page is."""
    return kind_of(page.ids[index], page.sources[index], page.metas[index], page.texts[index])


def _has_fences(text: str) -> bool:
    return "```" in text or "~~~" in text


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """Return a text whose pieces are changed, but for code between fences (``` or ~~~), which stays as it is."""
    if not _has_fences(text):
        return change(text)
    pieces, done = [], 0
    for fenced in _FENCED.finditer(text):
        pieces += [change(text[done : fenced.start()]), fenced.group()]
        done = fenced.end()
    return "".join([*pieces, change(text[done:])])


def _of_name(name: str) -> Kind:
    path = PurePosixPath(name.replace("\\", "/"))
    last = path.stem if path.suffix.lower() in COMPRESSED else path.name
    if PurePosixPath(last).suffix[1:].lower() in _BY_LINES:
        return "code" if last.lower() == "cmakelists.txt" else ""
    return _of_languages(of_name(last))


def _of_languages(names: Sequence[str]) -> Kind:
    """Return what texts of these languages are; a name that several languages share is code if any of them is."""
    if not names or all(name == "Text" or not language_kind(name) for name in names):
        return ""
    is_markup = all(name in _MARKUP or language_kind(name) == "prose" for name in names)
    return "markup" if is_markup or "TeX" in names or "Markdown" in names else "code"


def is_code(text: str) -> bool:
    """Say whether a text is a patch or a program: one in five of its lines, and no fewer than three, are of code.

    >>> is_code("import os\\n\\n\\ndef here():\\n    return os.getcwd()\\n"), is_code("Do it now;\\nif not, then when?")
    (True, False)
    """
    text = text[:_LOOKED_AT]
    if text.startswith("#!/") or ("@@ -" in text and _PATCH.search(text)):
        return True
    # Prose has fewer signs than code, and its lines need not be read.
    if _EACH * sum(map(text.count, _SIGNS)) < len(text):
        return False
    fewest = max(_FEWEST, _SHARE * sum(map(bool, map(str.strip, text.split("\n")))))
    return len(_LINE.findall(text)) >= fewest
