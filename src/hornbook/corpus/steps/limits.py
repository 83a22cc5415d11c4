"""Limits of steps that mean something: within their types' bounds, and no lower limit above the upper one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hornbook.errors import UserError
from hornbook.schema import check


def check_limits(kind: str, step: Any, pairs: Iterable[tuple[str, str]]) -> None:
    """Raise UserError for the first of a step's settings that is no sensible limit.

    pairs    (lower limit, upper limit), where an upper one of 0 is none
    """
    check(step, f"{kind}.")
    for names in pairs:
        low, high = (getattr(step, name) for name in names)
        if 0 < high < low:
            raise UserError(
                f"{kind}.{names[0]} must not be above {kind}.{names[1]}, but {low} is above {high}: nothing would be "
                "kept."
            )
