"""The files that the browser loads, read once at the start: no request names a file of the machine."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
SHELL = "shell.html"


def assets() -> dict[str, tuple[bytes, str]]:
    """Return content and type of each file below static/ that a page can use, by its path there."""
    return dict(_below(files("hornbook.app").joinpath("static"), ""))


def _below(folder: Traversable, before: str) -> list[tuple[str, tuple[bytes, str]]]:
    found = []
    for item in folder.iterdir():
        kind = _TYPES.get(item.name.rpartition(".")[2])
        if item.is_dir():
            found += _below(item, f"{before}{item.name}/")
        elif kind is not None:
            found.append((before + item.name, (item.read_bytes(), kind)))
    return found
