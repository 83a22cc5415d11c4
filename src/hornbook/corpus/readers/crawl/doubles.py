"""Which file of a crawl is read where the same pages lie in several: WARC as they came, WET as text, WAT as facts.

segments/S/warc/CRAWL-00000.warc.gz   segments/S/wet/CRAWL-00000.warc.wet.gz   segments/S/wat/CRAWL-00000.warc.wat.gz
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal, NamedTuple

_NAME = re.compile(
    r"(?P<folder>.*?)(?:(?:^|(?<=/))(?:warc|wet|wat)/)?(?P<name>[^/]+?)\.warc(?:\.(?P<kind>wet|wat))?(?P<packed>\.gz)?"
)


class CrawlFile(NamedTuple):
    """What a file's name says: the pages it is of, and how it has them."""

    folder: str
    name: str
    kind: str
    packed: str


def crawl_file(name: str) -> CrawlFile | None:
    """Return what the name of a file of a crawl says, None for another."""
    found = _NAME.fullmatch(name)
    return CrawlFile(found["folder"], found["name"], found["kind"] or "warc", found["packed"] or "") if found else None


def siblings(name: str, kind: str) -> list[str]:
    """Return the names under which the file of another kind about the same pages may lie.

    >>> siblings("S/wet/A.warc.wet.gz", "warc")
    ['S/warc/A.warc.gz', 'S/A.warc.gz', 'S/wet/A.warc.gz']
    """
    file = crawl_file(name)
    if file is None:
        return []
    own = f"{file.name}.warc{'' if kind == 'warc' else f'.{kind}'}{file.packed}"
    beside = name.rpartition("/")[0]
    places = [f"{file.folder}{kind}/{own}", f"{file.folder}{own}", f"{beside}/{own}" if beside else own]
    return list(dict.fromkeys(places))


def instead(name: str, others: Collection[str], prefer: Literal["warc", "wet"]) -> str:
    """Return why a file is passed over beside others of these names, "" where it is read."""
    file = crawl_file(name)
    if file is None or file.kind == prefer or file.kind == "wat":
        return ""
    if any(sibling in others for sibling in siblings(name, prefer)):
        return f"its pages are read from {prefer.upper()}"
    return ""
