"""Lists of the files of a crawl, such as `wet.paths.gz`: a path a line, below the place where the whole crawl lies.

    crawl-data/CC-MAIN-2024-10/segments/1707947473347.0/wet/CC-MAIN-20240220211055-20240221001055-00000.warc.wet.gz

They lie below the `root` that is given; else below the address that leads to the list (`s3://commoncrawl/crawl-data/...`),
or below the nearest folder above a local list that has the first line's first folder. Nothing is fetched that was not
named by an address.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hornbook.corpus.readers.packed import BadRecord, Place, blocks, ending, is_url, shown
from hornbook.errors import UserError

ENDING = ".paths"
_MOST = 10**6  # lines; the lists of a crawl have about 100,000
_LINE = 4_096  # characters
_ASKING = 16  # files that are asked for at once


def is_index(place: Place) -> bool:
    return ending(place) == ENDING


def listed(place: Place, root: str) -> list[str]:
    """Return the paths or addresses of the files that a list names. Raises UserError for what is none."""
    lines = list(_lines(place))
    if not lines:
        raise UserError(f"{shown(place)} lists no files.")
    base = root or _root(place, lines[0])
    if is_url(base):
        return [f"{base.rstrip('/')}/{line}" for line in lines]
    return [os.path.join(os.path.expanduser(base), line) for line in lines]


def _lines(place: Place) -> Iterator[str]:
    """Yield the paths, each checked: none leads out of the root."""
    try:
        text = b"".join(blocks(place)).decode()
    except (BadRecord, UnicodeDecodeError) as error:
        raise UserError(f"{shown(place)} is no list of files ({error}).") from error
    for number, line in enumerate(text.splitlines(), start=1):
        path = line.strip()
        if not path:
            continue
        strange = path.startswith("/") or "://" in path or "\\" in path or "\0" in path or len(path) > _LINE
        if strange or ".." in path.split("/") or number > _MOST:
            raise UserError(
                f"{shown(place)}, line {number}, is no path such as crawl-data/.../name.warc.wet.gz: {path[:80]!r}."
            )
        yield path


def _root(place: Place, line: str) -> str:
    """Return what the lines are below."""
    top = line.partition("/")[0]
    if is_url(place):
        before, found, _ = shown(place).partition(f"/{top}/")
        return before if found else shown(place).rpartition("/")[0]
    folder = Path(shown(place)).expanduser().absolute().parent
    for above in (folder, *folder.parents):
        if (above / top).is_dir():
            return str(above)
    raise UserError(
        f"{shown(place)} lists files below {top}/, and no folder above it has {top}/. Say where: --root FOLDER, or "
        'root = "s3://commoncrawl/" in a recipe of corpus build.'
    )


def looked_up(addresses: list[str]) -> list[tuple[str, dict[str, Any] | None]]:
    """Return each address with what its store says of it, None where nothing is there; several are asked at once."""
    import fsspec

    filesystem, _ = fsspec.core.url_to_fs(addresses[0])

    def look(address: str) -> dict[str, Any] | None:
        try:
            return dict(filesystem.info(address))
        except FileNotFoundError:
            return None

    with ThreadPoolExecutor(_ASKING) as pool:
        return list(zip(addresses, pool.map(look, addresses), strict=True))
