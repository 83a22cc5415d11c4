"""Text that every machine has: the documentation and the source code of the Python that runs this.

`builtin:docs` is English: every topic of `pydoc_data.topics` (what `help()` shows) and the docstrings of the standard
library, about 2.3 MB on CPython 3.11. Tests are left out, since many installations lack them.
`builtin:code` is Python: the standard library's source files, tests included where they are installed, about 30 MB.

Source files are parsed, never imported, so nothing of them runs. Parsing takes seconds, so docstrings are
kept in the user's cache, for the same files, Python and code here alone; without a cache they are parsed each time.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import inspect
import json
import os
import sys
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from hornbook.artifacts import cache_folder, write_file
from hornbook.corpus.document import Document
from hornbook.errors import HornbookError, UserError, nearest

PREFIX = "builtin:"
DOCS = "builtin:docs"
CODE = "builtin:code"
_FOREIGN = frozenset({"site-packages", "dist-packages", "__pycache__"})
_TESTS = frozenset({"test", "tests", "idle_test"})
# Where statements hold statements, in the order of the file: definitions stand nowhere else.
_BRANCHES = ("body", "handlers", "orelse", "finalbody", "cases")


def builtin(name: str) -> Iterator[Document]:
    """Yield the documents of `builtin:docs` or `builtin:code`, ordered by name.

    Raises UserError for another name, and where this Python came without the library's source files.
    """
    corpora = {DOCS: _docs, CODE: _code}
    if name not in corpora:
        raise UserError(f"There is no built-in corpus {name}.{nearest(name, corpora)}")
    root = Path(sysconfig.get_path("stdlib"))
    files = list(_source_files(root))
    if not files:
        raise UserError(
            f"This Python has no source files of its standard library (looked in {root}), so {name} is empty. "
            "Name a text file of yours, or use a Python installed from python.org or your system's packages."
        )
    return corpora[name](root, files)


def _docs(root: Path, files: list[Path]) -> Iterator[Document]:
    from pydoc_data.topics import topics

    for topic, text in sorted(topics.items()):
        yield Document(text, f"{DOCS}#topics/{topic}", DOCS)
    chosen = [path for path in files if _TESTS.isdisjoint(path.relative_to(root).parts)]
    for name, text in _docstrings_of(root, chosen):
        yield Document(text, f"{DOCS}#{name}", DOCS)


def _docstrings_of(root: Path, files: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Yield the name and the docstrings of each file that has some, from the user's cache or by parsing.

    The cache is JSON behind a line with the SHA-256 of it and of what it depends on: the Python, the code here, and
    each file's name, size and time. One that is damaged, of other files, or out of reach is none.
    """
    facts = [(str(path), found.st_size, found.st_mtime_ns) for path in files for found in [path.stat()]]
    owner = json.dumps([sys.version, Path(__file__).read_text(encoding="utf-8"), facts]).encode()
    with contextlib.suppress(OSError, HornbookError):
        seal, _, content = _place().read_bytes().partition(b"\n")
        if seal == _seal(owner, content):
            yield from map(tuple, json.loads(content))
            return
    found: list[tuple[str, str]] = []
    for path in files:
        if text := "\n\n".join(_docstrings(path)):
            found.append((path.relative_to(root).as_posix(), text))
            yield found[-1]
    content = json.dumps(found).encode()
    with contextlib.suppress(OSError, HornbookError):  # a cache that cannot be written is no loss
        write_file(_place(), _seal(owner, content) + b"\n" + content)


def _place() -> Path:
    return cache_folder() / f"docstrings.{sys.implementation.cache_tag}.json"


def _seal(owner: bytes, content: bytes) -> bytes:
    return hashlib.sha256(owner + content).hexdigest().encode()


def _code(root: Path, files: list[Path]) -> Iterator[Document]:
    for path in files:
        text = _source(path)
        if text.strip():
            yield Document(text, f"{CODE}#{path.relative_to(root).as_posix()}", CODE)


def _source_files(root: Path) -> Iterator[Path]:
    """Yield the library's own `.py` files; folders of installed packages are not entered."""
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if name not in _FOREIGN)
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".py"))


def _source(path: Path) -> str:
    """Return the file's text, or nothing for a file that is not UTF-8 (some tests are not, on purpose)."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return ""


def _docstrings(path: Path) -> Iterator[str]:
    """Yield the docstrings of a module, its classes and functions in the order of the file, without indentation."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes in old files
            module = ast.parse(_source(path))
    except (SyntaxError, ValueError):
        return
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = inspect.cleandoc(ast.get_docstring(node, clean=False) or "")
            if text.strip():
                yield text
        inner = [child for branch in _BRANCHES for child in getattr(node, branch, ())]
        waiting.extend(reversed(inner))
