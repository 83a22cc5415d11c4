"""Files in an order in which each comes after those that it imports (DeepSeek-Coder, Guo and others 2024, 2.2).

Files that import each other in a circle stand together. The circle is entered at the file that lacks least, so the
result depends on nothing but names and imports.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping


def ordered(imports: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the files; `imports` has an entry for every file, and names that it lacks are left aside.

    An import that is part of no circle leads to a file further up. Of the files or circles whose imports are all there,
    the first by name is next.
    """
    needs = {path: needed & imports.keys() for path, needed in imports.items()}
    circles = _circles(needs)
    home = {path: circle[0] for circle in circles for path in circle}
    held = {circle[0]: circle for circle in circles}
    outer = {name: {home[other] for path in circle for other in needs[path]} - {name} for name, circle in held.items()}
    found: list[str] = []
    for name in _by_least({name: frozenset(names) for name, names in outer.items()}):
        inner = {path: needs[path] & frozenset(held[name]) - {path} for path in held[name]}
        found += _by_least(inner)
    return found


def _by_least(needs: Mapping[str, Collection[str]]) -> list[str]:
    """Return the names, always the one next that lacks fewest, and of these the first."""
    waiting = {name: len(needed) for name, needed in needs.items()}
    used_by: dict[str, list[str]] = {}
    for name, needed in needs.items():
        for other in needed:
            used_by.setdefault(other, []).append(name)
    heap = [(count, name) for name, count in waiting.items()]
    heapq.heapify(heap)
    found: list[str] = []
    while heap:
        count, name = heapq.heappop(heap)
        if waiting.get(name) != count:
            continue
        del waiting[name]
        found.append(name)
        for user in used_by.get(name, ()):
            if user in waiting:
                waiting[user] -= 1
                heapq.heappush(heap, (waiting[user], user))
    return found


def _circles(needs: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the strongly connected components, each sorted (Kosaraju; Sharir 1981)."""
    ending: list[str] = []
    seen: set[str] = set()
    for start in sorted(needs):
        _walk(start, needs, seen, ending)
    back: dict[str, list[str]] = {name: [] for name in needs}
    for name, needed in needs.items():
        for other in needed:
            back[other].append(name)
    circles: list[list[str]] = []
    seen = set()
    for start in reversed(ending):
        if start not in seen:
            circle: list[str] = []
            _walk(start, back, seen, circle)
            circles.append(sorted(circle))
    return circles


def _walk(start: str, edges: Mapping[str, Iterable[str]], seen: set[str], ending: list[str]) -> None:
    """Go depth first from a name to all that are not yet seen, and note each where it is left."""
    if start in seen:
        return
    seen.add(start)
    path = [(start, iter(sorted(edges[start])))]
    while path:
        name, rest = path[-1]
        following = next((other for other in rest if other not in seen), None)
        if following is None:
            ending.append(name)
            path.pop()
        else:
            seen.add(following)
            path.append((following, iter(sorted(edges[following]))))
