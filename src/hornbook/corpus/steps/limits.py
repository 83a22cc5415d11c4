"""Limits of steps that mean something: none below 0, no share above 1, no lower limit above the upper one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import Any

from hornbook.errors import UserError


def check_limits(kind: str, step: Any, shares: Collection[str] = (), pairs: Iterable[tuple[str, str]] = ()) -> None:
    """Raise UserError for the first number among a step's settings that is no sensible limit.

    shares   settings that are at most 1
    pairs    (lower limit, upper limit), where an upper one of 0 is none
    """
    names = [item.name for item in fields(step)]
    values = {name: value for name in names if type(value := getattr(step, name)) in (int, float)}
    for name, value in values.items():
        if name in shares and not 0 <= value <= 1:
            raise UserError(f"{kind}.{name} is a share, between 0 and 1, not {value}.")
        if value < 0:
            raise UserError(f"{kind}.{name} must not be negative, but is {value}.")
    for low, high in pairs:
        if 0 < values[high] < values[low]:
            raise UserError(
                f"{kind}.{low} must not be above {kind}.{high}, but {values[low]} is above {values[high]}: nothing "
                "would be kept."
            )
