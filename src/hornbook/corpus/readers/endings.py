"""Which files of a folder are read as text: endings of markup, code and settings, and files without an ending.

The list is one, whether text is cleaned or not. What another reader takes apart (`formats.py`) is not in it.
"""

from __future__ import annotations

from pathlib import Path

from hornbook.corpus.readers.code.languages import endings
from hornbook.corpus.readers.encodings import marked
from hornbook.corpus.readers.packed import BLOCK, other_format

# Beside the endings of languages (code/languages.txt).
_MORE = """
    ac am bazel bbl bnf bug comp conf config dml docbook dtd eex ftn gitattributes in latex list log n3 nt psql
    rules sgml text tmpl template
"""
# Endings of languages that are mostly something else: binary files, checksums, what other readers take apart.
_OTHERS = """
    8xp app com crc32 csv eml htm html ipynb json jsonl markdown mat mbox md md2 md4 md5 msg obj odd pkl pub raw res
    rtf sfv sha1 sha2 sha224 sha256 sha256sum sha3 sha384 sha512 srt ssa stl tape tsv
    txt vcf vtt xht xhtml
"""
TEXT = frozenset(f".{name}" for name in (endings() | set(_MORE.split())) - set(_OTHERS.split()))


def starts_as_text(path: Path) -> bool:
    """Say whether a file without an ending, such as LICENSE or Makefile, begins as text does."""
    try:
        with path.open("rb") as stream:
            start = stream.read(BLOCK >> 8)
    except OSError:
        return False
    return begins_as_text(start)


def begins_as_text(start: bytes) -> bool:
    """Say whether these first bytes of a file are text."""
    return bool(start) and not other_format(start) and (b"\0" not in start or marked(start) is not None)
