"""The faults that circulate in tutorials, B-1 to B-43: where each is shown, its number before, and the right one.

They stand in faults.toml. A number is what a cell prints behind `NUMBER LABEL: `: the tutorial's cell the one before,
a cell of ours the right one. A test holds the file to what the chapters print. Loads no torch.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).with_name("faults.toml")


@dataclass(frozen=True)
class Fault:
    """One number of a fault; a fault with several has one of these for each.

    number   B-1 to B-43
    chapter  that shows it
    what     in a few words
    label    what is counted, as the cells print it
    before   what the tutorial's way gives
    right    what ours gives
    """

    number: str
    chapter: int
    what: str
    label: str
    before: str
    right: str


@functools.cache
def faults() -> tuple[Fault, ...]:
    """Return all faults in their order."""
    return tuple(Fault(**fields) for fields in tomllib.loads(_FILE.read_text(encoding="utf-8"))["faults"])


def mended(chapter: int) -> None:
    """Print the faults of a chapter: what each is about, what is counted, the number before, and the right one."""
    before = ""
    for fault in faults():
        if fault.chapter == chapter:
            if fault.number != before:
                print(f"{fault.number:5} {fault.what}")
            print(f"      {fault.label}: {fault.before} -> {fault.right}")
            before = fault.number
