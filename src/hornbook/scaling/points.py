"""Points of a scaling law: runs of known size, tokens and loss, from a CSV file; and whether they identify a law."""

from __future__ import annotations

import contextlib
import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from hornbook.errors import UserError

Floats = NDArray[np.float64]
_NO = frozenset({"", "0", "false", "no"})
_FEWEST, _SPAN, _ONE_RATIO = 4, 10.0, 2.0
_ALIKE = 0.03  # sizes within that share count as one


@dataclass(frozen=True, eq=False)
class Points:
    """n runs, each trained to its end.

    parameters, tokens, flops, loss   float64[n]; flops are 6 N D where the file has none
    dropped                           rows that the file marks as excluded
    unique                            float64[n]: tokens of the text, beyond which they are repeats; None = not known
    """

    parameters: Floats
    tokens: Floats
    flops: Floats
    loss: Floats
    dropped: int = 0
    unique: Floats | None = None

    def __len__(self) -> int:
        return len(self.loss)

    def take(self, chosen: NDArray[Any]) -> Points:
        """Return the chosen points, by number or by bool."""
        unique = None if self.unique is None else self.unique[chosen]
        size, tokens, flops, loss = (c[chosen] for c in (self.parameters, self.tokens, self.flops, self.loss))
        return Points(size, tokens, flops, loss, self.dropped, unique)

    @property
    def span(self) -> tuple[float, float]:
        """The smallest and largest FLOPs."""
        return float(self.flops.min()), float(self.flops.max())


@contextlib.contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open a CSV file; raises UserError where there is none, or what is in it is no CSV."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path}.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no CSV file: {error}.") from error


def read_points(path: Path, parameters: str = "params", loss: str = "loss") -> Points:
    """Return the points of a CSV file with columns for parameters, tokens and loss; flops and unique if it has them.

    parameters, loss  names of these columns: a file may count parameters in several ways, and losses on several texts

    Rows whose column `excluded`, or one that begins so, is neither empty, 0, no nor false, are left out and counted.
    Raises UserError where a column is missing, or a value is no number above 0.
    """
    with opened(path) as file:
        reader = csv.DictReader(file)
        names = [name for name in reader.fieldnames or () if name]
        for column in (parameters, "tokens", loss):
            if column not in names:
                raise UserError(f"{path} has no column {column!r}; it has {', '.join(names) or 'none'}.")
        excluding = [name for name in names if name.lower().startswith("excluded")]
        more = [name for name in ("flops", "unique") if name in names]
        rows, dropped = [], 0
        for row in reader:
            if any((row[name] or "").strip().lower() not in _NO for name in excluding):
                dropped += 1
                continue
            wanted = [parameters, "tokens", loss, *more]
            rows.append([_above_zero(row[name], name, path, reader.line_num) for name in wanted])
    if not rows:
        raise UserError(f"{path} has no points.")
    columns = np.array(rows).T
    known = dict(zip(more, columns[3:], strict=True))
    flops = known.get("flops", 6 * columns[0] * columns[1])
    return Points(columns[0], columns[1], flops, columns[2], dropped, known.get("unique"))


def conventions(path: Path) -> list[str]:
    """Return the columns of a CSV file that count parameters: those whose names begin with params, `params` first."""
    with opened(path) as file:
        names = next(csv.reader(file), [])
    return sorted((name for name in names if name.startswith("params")), key=lambda name: name != "params")


def _above_zero(text: str | None, name: str, path: Path, line: int) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise UserError(f"{path}, line {line}: {name} must be a number above 0, not {text!r}.")
    return value


def unidentified(points: Points) -> str:
    """Return why these points identify no law of size and tokens, as the end of a sentence; empty where they do."""
    for name, values in (("sizes", points.parameters), ("token counts", points.tokens)):
        kinds = 1 + int((np.diff(np.sort(np.log(values))) > math.log1p(_ALIKE)).sum())
        if kinds < _FEWEST:
            return f"they have {kinds} different {name}, and a law needs {_FEWEST}"
        if values.max() / values.min() < _SPAN:
            return f"their {name} span a factor of {values.max() / values.min():.1f}, and a law needs {_SPAN:.0f}"
    ratios = points.tokens / points.parameters
    if ratios.max() / ratios.min() < _ONE_RATIO:
        return "all have about one ratio of tokens to parameters, so that nothing tells the two apart"
    return ""
