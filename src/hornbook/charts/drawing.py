"""A drawing: lines, areas, marks and text of a chart, written as one SVG file that needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720.0, 360.0
_KINDS = 6  # looks of series; beyond, they begin again with other dashes
_DASHES = ("solid", "dashed", "dotted")
_LETTER = 6.6  # width of one, about, in text of 12 px
# Characters that XML forbids even when they are escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LIGHT = ("#1f5a99", "#a8481f", "#4f6b3a", "#6d4a86", "#7d6212", "#4a5560")
_DARK = ("#84b4e8", "#e89a6c", "#a6c48c", "#c7a5dd", "#d8bd6a", "#b4bec8")
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:var(--ink)}.title{font:600 15px Georgia,serif}"
    ".mark,.label,.note{fill:var(--soft)}.middle{text-anchor:middle}.end{text-anchor:end}"
    ".grid{stroke:var(--grid)}.axis{stroke:var(--soft)}.paper{fill:var(--paper)}"
    "polyline,line{fill:none;stroke-width:1.8}.grid,.axis{stroke-width:1}"
    ".area{opacity:.18;stroke:none}.dashed{stroke-dasharray:7 4}.dotted{stroke-dasharray:2 3}"
)  # fmt: skip


def style(number: int) -> str:
    """Return the classes of a series: its colour and its dashes.

    >>> style(0), style(7)
    ('s0 solid', 's1 dotted')
    """
    return f"s{number % _KINDS} {_DASHES[(number + number // _KINDS) % len(_DASHES)]}"


class Drawing:
    """What has been drawn so far; `title` and `caption` are read to those who do not see it."""

    def __init__(self, title: str, caption: str, width: float, height: float) -> None:
        self._title, self._caption, self._size = title, caption, (width, height)
        self._parts: list[str] = []

    def line(self, x: float, y: float, to_x: float, to_y: float, kind: str) -> None:
        self._parts.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" class="{kind}"/>')

    def polyline(self, pieces: Sequence[Sequence[tuple[float, float]]], kind: str) -> None:
        """Draw the pieces of one line; a piece of one point is a dot."""
        for piece in pieces:
            if len(piece) == 1:
                self._parts.append(f'<circle cx="{piece[0][0]:.1f}" cy="{piece[0][1]:.1f}" r="2" class="{kind} full"/>')
            else:
                self._parts.append(f'<polyline points="{_points(piece)}" class="{kind}"/>')

    def area(self, corners: Sequence[tuple[float, float]], number: int) -> None:
        self._parts.append(f'<polygon points="{_points(corners)}" class="s{number % _KINDS} full area"/>')

    def mark(self, x: float, y: float, number: int) -> None:
        """Draw a small shape that is the series' own."""
        kind = f"s{number % _KINDS} full"
        shape = number % 4
        if shape == 0:
            self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="{kind}"/>')
            return
        around = (
            ((-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)),
            ((0, -4.5), (4.5, 3.5), (-4.5, 3.5)),
            ((0, -5), (5, 0), (0, 5), (-5, 0)),
        )[shape - 1]
        corners = _points([(x + right, y + down) for right, down in around])
        self._parts.append(f'<polygon points="{corners}" class="{kind}"/>')

    def text(self, text: str, x: float, y: float, kind: str, room: float = 0.0) -> None:
        """Write text; where it would be wider than `room`, squeezed or cut, whole in a tooltip."""
        most = int(room / _LETTER) if room else len(text)
        shown = text if len(text) <= most else text[: max(1, most - 1)] + "…"
        tip = "" if shown == text else f"<title>{_safe(text)}</title>"
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{_safe(shown)}{tip}</text>')

    def whole(self) -> str:
        """Return the SVG file."""
        width, height = self._size
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
            'aria-labelledby="title caption">',
            f'<title id="title">{_safe(self._title)}</title><desc id="caption">{_safe(self._caption)}</desc>',
            f"<style>{_colours()}{_STYLE}</style>",
            f'<rect class="paper" width="{width:g}" height="{height:g}"/>',
            *self._parts,
            "</svg>\n",
        ])  # fmt: skip


def _colours() -> str:
    def scheme(ink: str, soft: str, grid: str, paper: str, colours: Sequence[str]) -> str:
        named = "".join(f"--s{number}:{colour};" for number, colour in enumerate(colours))
        return f"svg{{--ink:{ink};--soft:{soft};--grid:{grid};--paper:{paper};{named}}}"

    uses = "".join(f".s{n}{{stroke:var(--s{n})}}.s{n}.full{{fill:var(--s{n})}}text.s{n}{{stroke:none;fill:var(--s{n})}}"
                   for n in range(_KINDS))  # fmt: skip
    dark = scheme("#ece6da", "#b9b1a3", "#3d3a35", "#1d1b18", _DARK)
    light = scheme("#2a2622", "#665f56", "#e2dccf", "#fbf8f1", _LIGHT)
    return f"{light}@media(prefers-color-scheme:dark){{{dark}}}{uses}"


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _safe(text: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", text), {'"': "&quot;"})
