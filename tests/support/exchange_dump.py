"""Dumps of Stack Exchange in the form in which they are published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

HEAD = '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n'
_BREAKS = {"\n": "&#xA;", "\r": "&#xD;", "\t": "&#x9;"}


def row(**fields: Any) -> str:
    """Return a row; fields in the order given."""
    written = (f"{name}={quoteattr(str(value), _BREAKS)}" for name, value in fields.items())
    return f"  <row {' '.join(written)} />"


def table(rows: Iterable[str], root: str = "posts") -> bytes:
    """Return a table of a dump."""
    return (HEAD + f"<{root}>\r\n" + "".join(f"{item}\r\n" for item in rows) + f"</{root}>").encode()


def question(number: int, body: str = "<p>Why?</p>\n", score: int = 1, **fields: Any) -> str:
    """Return the row of a question of 2012."""
    facts = {"CreationDate": "2012-03-04T05:06:07.890", "Score": score, "ViewCount": 10, "Body": body}
    return row(Id=number, PostTypeId=1, **{**facts, "Title": f"Title {number}", "Tags": "<eggs><c#>", **fields})


def answer(number: int, parent: int, body: str = "<p>So.</p>\n", score: int = 1, **fields: Any) -> str:
    """Return the row of an answer of 2012."""
    facts = {"CreationDate": "2012-03-05T05:06:07.890", "Score": score, "Body": body}
    return row(Id=number, PostTypeId=2, ParentId=parent, **{**facts, **fields})


def seven_zipped(path: Path, files: Mapping[str, bytes], password: str | None = None) -> Path:
    """Write a .7z with these files."""
    import py7zr

    with py7zr.SevenZipFile(path, "w", password=password) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return path
