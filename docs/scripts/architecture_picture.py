"""Write docs/pictures/architecture.svg: the rooms of the package on their storeys, and every import between them.

    python docs/scripts/architecture_picture.py      (or: make docs)

Above, arrows lead from a room to those it imports; where a longer way implies an arrow, it is left out, and so are the
arrows to the ground. Below, a table has every import. Both are read from the source. Lengths are in pixels.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))
from rooms import SOURCE, STOREYS, graph, room

PAGE = Path(__file__).parents[1] / "pictures" / "architecture.svg"
GROUND = 2  # the lowest storeys: single files that every room may import
WIDTH, MARGIN, ROW, BOX, HEIGHT, CELL = 960, 20, 74, 124, 40, 17
STYLE = """
  svg { font: 13px system-ui, sans-serif; --page: #fff; --ink: #1f2328; --faint: #656d76; --line: #8c959f;
        --storey: #f3f5f7; --box: #fff; --arrow: #0969da; }
  @media (prefers-color-scheme: dark) {
    svg { --page: #0d1117; --ink: #e6edf3; --faint: #9198a1; --line: #656c76; --storey: #151b23; --box: #212830;
          --arrow: #4493f8; }
  }
  text { fill: var(--ink); } .faint { fill: var(--faint); font-size: 11px; } .name { font-weight: 600; }
  .page { fill: var(--page); } .storey { fill: var(--storey); } .box { fill: var(--box); stroke: var(--line); }
  .arrow { fill: none; stroke: var(--arrow); stroke-width: 1.5; } .head, .dot { fill: var(--arrow); }
  .grid { fill: none; stroke: var(--line); stroke-width: .5; }
"""
Arrow = tuple[str, str]  # importer, imported


def structure() -> tuple[list[list[str]], list[Arrow]]:
    """Return the rooms that exist, storey by storey from the lowest, and the imports between them, in order."""
    modules = graph()
    there = {room(name) for name in modules} - {"", "__main__"}
    storeys = [sorted(names & there) for names in STOREYS]
    pairs = {(room(module), room(item)) for module, items in modules.items() for item in items}
    arrows = sorted((a, b) for a, b in pairs if a != b and {a, b} <= there)
    return [names for names in storeys if names], arrows


def lines(name: str) -> int:
    """Return how many lines of Python a room has."""
    folder = SOURCE / name
    files = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)


def needed(arrows: Iterable[Arrow]) -> list[Arrow]:
    """Return the arrows that no longer way implies."""
    below: dict[str, set[str]] = {}
    for importer, imported in arrows:
        below.setdefault(importer, set()).add(imported)

    def reached(name: str) -> set[str]:
        return set().union(*({other} | reached(other) for other in below.get(name, ())))

    return [(a, b) for a, b in arrows if not any(b in reached(other) for other in below[a])]


def layout(storeys: list[list[str]], arrows: list[Arrow]) -> tuple[dict[str, float], list[list[str]]]:
    """Return the middle of every box, and each arrow as the stations it passes: long ones have one on each storey.

    The rows are ordered and moved towards the mean of what they are joined with, a few times up and down.
    """
    level = {name: number for number, names in enumerate(storeys) for name in names}
    rows = [list(names) for names in storeys]
    ways = []
    for importer, imported in arrows:
        between = [f"{importer} {imported} {number}" for number in range(level[importer] - 1, level[imported], -1)]
        for station in between:
            rows[int(station.split()[-1])].append(station)
        ways.append([importer, *between, imported])
    joined: dict[str, list[str]] = {name: [] for row in rows for name in row}
    for way in ways:
        for upper, lower in itertools.pairwise(way):
            joined[upper].append(lower)
            joined[lower].append(upper)
    x = {name: (number + 1) * WIDTH / (len(row) + 1) for row in rows for number, name in enumerate(row)}
    for turn in range(24):
        for row in rows if turn % 2 else reversed(rows):
            wanted = {name: sum(x[other] for other in joined[name]) / max(1, len(joined[name])) for name in row}
            row.sort(key=lambda name: (wanted[name], name))
            _spread(row, wanted, x)
    return x, ways


def _spread(row: list[str], wanted: dict[str, float], x: dict[str, float]) -> None:
    """Give the boxes of a row places as near to the wanted ones as their widths and the page allow."""
    half = {name: 14 if " " in name else BOX / 2 + 12 for name in row}
    edge = float(MARGIN)
    for name in row:
        x[name] = max(wanted[name], edge + half[name])
        edge = x[name] + half[name]
    shift = sum(wanted[name] - x[name] for name in row) / len(row)
    shift = max(shift, MARGIN + half[row[0]] - x[row[0]])
    edge = float(WIDTH - MARGIN)
    for name in reversed(row):
        x[name] = min(x[name] + shift, edge - half[name])
        edge = x[name] - half[name]


def picture() -> str:
    """Return the SVG."""
    storeys, arrows = structure()
    ground = [name for names in storeys[:GROUND] for name in names]
    upper = storeys[GROUND:]
    above = [(a, b) for a, b in arrows if b not in ground]
    x, ways = layout(upper, needed(above))
    body = [_band(row) for row in range(len(upper) + 1)]
    y = {name: _top(len(upper) - 1 - number) for number, names in enumerate(upper) for name in names}
    body += _arrows(ways, x, y)
    body += [_box(name, x[name], y[name]) for names in upper for name in names]
    width = (WIDTH - 2 * MARGIN) / len(ground)
    body += [_box(name, MARGIN + (n + 0.5) * width, _top(len(upper)), width - 8) for n, name in enumerate(ground)]
    table, bottom = _table([name for names in storeys for name in names], arrows, _top(len(upper)) + ROW)
    record = {"storeys": storeys, "imports": arrows}
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom}" role="img">',
            "<title>The rooms of hornbook: each imports only from rooms below it</title>",
            f"<metadata>{escape(json.dumps(record))}</metadata>",
            f"<style>{STYLE}</style>",
            f'<rect class="page" width="{WIDTH}" height="{bottom}"/>',
            *body,
            *table,
            "</svg>\n",
        ]
    )


def _top(row: int) -> int:
    """Return where the boxes of a row begin, row 0 being the highest."""
    return MARGIN + row * ROW + (ROW - HEIGHT) // 2


def _band(row: int) -> str:
    """Return the strip behind a storey."""
    return f'<rect class="storey" x="8" y="{_top(row) - 8}" width="{WIDTH - 16}" height="{HEIGHT + 16}" rx="8"/>'


def _box(name: str, middle: float, top: float, width: float = BOX) -> str:
    return (
        f'<g><rect class="box" x="{middle - width / 2:.0f}" y="{top}" width="{width:.0f}" height="{HEIGHT}" rx="6"/>'
        f'<text class="name" x="{middle:.0f}" y="{top + 17}" text-anchor="middle">{name}</text>'
        f'<text class="faint" x="{middle:.0f}" y="{top + 32}" text-anchor="middle">{lines(name):,} lines</text></g>'
    )


def _arrows(ways: list[list[str]], x: dict[str, float], y: dict[str, int]) -> list[str]:
    """Return a curve for each arrow, from the bottom of the importer to the top of the imported."""
    found = []
    for way in ways:
        leaving = sorted((w for w in ways if w[0] == way[0]), key=lambda w: (x[w[1]], w))
        coming = sorted((w for w in ways if w[-1] == way[-1]), key=lambda w: (x[w[-2]], w))
        start = x[way[0]] + (leaving.index(way) - (len(leaving) - 1) / 2) * 16
        end = x[way[-1]] + (coming.index(way) - (len(coming) - 1) / 2) * 16
        left, top = start, y[way[0]] + HEIGHT
        path = f"M{left:.0f} {top}"
        for number, station in enumerate(way[1:], 1):
            right = end if station == way[-1] else x[station]
            low = y[way[0]] + number * ROW
            last = low - (6 if station == way[-1] else 0)
            path += f"C{left:.0f} {(top + last) // 2} {right:.0f} {(top + last) // 2} {right:.0f} {last}"
            left, top = right, low + HEIGHT
            path += "" if station == way[-1] else f"V{top}"
        tip = f"{end - 4:.0f},{low - 7} {end + 4:.0f},{low - 7} {end:.0f},{low}"
        found.append(f'<g><path class="arrow" d="{path}"/><polygon class="head" points="{tip}"/></g>')
    return found


def _table(names: list[str], arrows: list[Arrow], top: int) -> tuple[list[str], int]:
    """Return the table of imports below `top`, highest room first, and where it ends."""
    names = names[::-1]
    left, first = WIDTH // 2 - len(names) * CELL // 2 + 40, top + 90
    end, last = left + len(names) * CELL, first + len(names) * CELL
    found = [
        f'<text class="faint" x="{MARGIN}" y="{top + 4}">Every import: a room on the left imports those whose columns '
        "have a dot. All dots are right of the diagonal: imports run one way.</text>"
    ]
    for number, name in enumerate(names):
        across, down = left + number * CELL, first + number * CELL
        found += [
            f'<path class="grid" d="M{left} {down}H{end}M{across} {first}V{last}"/>',
            f'<text class="faint" x="{left - 6}" y="{down + 13}" text-anchor="end">{name}</text>',
            f'<text class="faint" transform="translate({across + 13} {first - 6}) rotate(-60)">{name}</text>',
            f'<path class="grid" d="M{across} {down}l{CELL} {CELL}"/>',
        ]
    for importer, imported in arrows:
        column, line = names.index(imported), names.index(importer)
        middle = (left + column * CELL + CELL // 2, first + line * CELL + CELL // 2)
        found.append(f'<circle class="dot" cx="{middle[0]}" cy="{middle[1]}" r="4.5"/>')
    found.append(f'<path class="grid" d="M{left} {last}H{end}V{first}"/>')
    return found, last + MARGIN


if __name__ == "__main__":
    PAGE.write_text(picture(), encoding="utf-8")
