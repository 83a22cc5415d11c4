"""Files in an order in which each comes after those that it imports (DeepSeek-Coder, Guo and others 2024, 2.2)."""

from __future__ import annotations

import heapq
from collections.abc import Mapping


def ordered(imports: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the files, each after all that it imports; `imports` has an entry for every file.

    Of the files that wait, the one with the fewest imports still to come is next, and of these the first by name. So a
    circle is entered at the file that lacks least, and the result depends on nothing but names and imports.
    """
    waiting = {path: len(needed & imports.keys()) for path, needed in imports.items()}
    used_by: dict[str, list[str]] = {}
    for path, needed in imports.items():
        for other in needed & imports.keys():
            used_by.setdefault(other, []).append(path)
    heap = [(count, path) for path, count in waiting.items()]
    heapq.heapify(heap)
    found: list[str] = []
    done: set[str] = set()
    while heap:
        count, path = heapq.heappop(heap)
        if path in done or count != waiting[path]:
            continue
        done.add(path)
        found.append(path)
        for user in used_by.get(path, ()):
            if user not in done:
                waiting[user] -= 1
                heapq.heappush(heap, (waiting[user], user))
    return found
