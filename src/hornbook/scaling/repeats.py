"""What repeated tokens are worth, from runs that read their text several times (Muennighoff et al. 2023, section 3.1).

The law is that of the runs which read at most four times, up to where repeats are as good as new text; R_D, how many
readings of new text all repeats together can be worth, is then the one number with the least sum of Huber losses over
the other runs.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from hornbook.errors import UserError
from hornbook.scaling.fit import Fit, fit_law, huber
from hornbook.scaling.laws import Law
from hornbook.scaling.points import Points

_AS_NEW = 4.0
_FEWEST = 3  # runs with more readings
_GRID = np.geomspace(0.3, 300.0, 601)


def fit_repeats(points: Points, fit: Fit) -> dict[str, Any] | None:
    """Return R_D and the runs that it is from, or why it is not known; None where no run read its text that often."""
    if points.unique is None:
        return None
    epochs = points.tokens / points.unique
    often = epochs > _AS_NEW
    if not often.any():
        return None
    if often.sum() < _FEWEST:
        return {"refused": f"{int(often.sum())} runs read their text more than {_AS_NEW:.0f} times, it takes {_FEWEST}"}
    try:
        law = fit_law(points.take(~often)).law
    except UserError as error:
        return {"refused": f"without the runs that read their text more than {_AS_NEW:.0f} times: {error}"}
    some = points.take(often)
    worth = float(min(_GRID, key=lambda value: _objective(dataclasses.replace(law, epochs_worth=float(value)), some)))
    ends = (float(_GRID[0]), float(_GRID[-1]))
    if worth in ends:
        return {
            "refused": "the runs tell only that repeats are worth " + ("nothing" if worth == ends[0] else "as much")
        }
    return {"R_D": worth, "runs": int(often.sum()), "most_epochs": float(epochs.max())}


def _objective(law: Law, points: Points) -> float:
    assert points.unique is not None
    rows = zip(points.parameters, points.tokens, points.unique, strict=True)
    predicted = np.array([law.loss(float(n), float(d), float(u)) for n, d, u in rows])
    return float(huber(np.log(predicted / points.loss)).sum())
