"""Which hosts a crawl's pages may come from: lists of domains, as people publish them.

A list is a file with a domain a line, such as the `domains` files of UT1's blacklists; lines of hosts files
(`0.0.0.0 example.org`) and what follows a # are understood too. A domain stands for itself and all below it.
"""

from __future__ import annotations

import functools
from pathlib import Path
from urllib.parse import urlsplit

from hornbook.corpus.readers.packed import BadRecord, blocks
from hornbook.errors import UserError


def host_of(url: str) -> str:
    """Return the host of an address as domains are compared: in lower case, in ASCII; "" where there is none."""
    try:
        return _plain(urlsplit(url).hostname or "")
    except ValueError:
        return ""


def _plain(host: str) -> str:
    host = host.strip().strip(".").lower()
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def is_among(host: str, domains: frozenset[str]) -> bool:
    """Say whether a host is one of the domains or below one.

    >>> is_among("de.wikipedia.org", frozenset({"wikipedia.org"})), is_among("notwikipedia.org", {"wikipedia.org"})
    (True, False)
    """
    while host:
        if host in domains:
            return True
        host = host.partition(".")[2]
    return False


@functools.cache
def domains(items: tuple[str, ...]) -> frozenset[str]:
    """Return the domains that the items name, each a domain or a file of them. Raises UserError for a missing file."""
    found: set[str] = set()
    for item in items:
        path = Path(item).expanduser()
        if path.is_file():
            found |= _listed(path)
        elif "/" in item or path.suffix in (".txt", ".gz"):
            raise UserError(f"There is no list of hosts {item}. Name a file with a domain a line, or a domain.")
        else:
            found.add(_plain(item.removeprefix("*.")))
    return frozenset(found - {""})


def _listed(path: Path) -> set[str]:
    try:
        lines = b"".join(blocks(path)).decode("utf-8", "replace").splitlines()
    except BadRecord as error:
        raise UserError(str(error)) from error
    words = (line.partition("#")[0].split() for line in lines)
    return {_plain(found[-1].removeprefix("*.")) for found in words if found}
