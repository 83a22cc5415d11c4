"""Requests: the body of a POST as the frozen dataclass that an endpoint asks for, read strictly.

Whatever JSON allows and no page sends is refused with the field's name: entries that are unknown or given twice, texts
of more than TEXT characters, halves of UTF-16 pairs and NUL (tokenizers and C libraries fail on them), numbers that are
not finite, brackets nested deeper than DEPTH.
"""

from __future__ import annotations

import asyncio
import json
import math
import typing
from collections.abc import Mapping
from dataclasses import MISSING, is_dataclass
from types import NoneType, UnionType
from typing import Any, NoReturn

from starlette.types import Receive

from hornbook import schema
from hornbook.app.serving.endpoints import Refused
from hornbook.app.serving.faults import UnreadError
from hornbook.errors import UserError, nearest

BODY = 64 * 1024  # bytes
BODY_SECONDS = 10.0  # for a body to come
TEXT = 4_000  # characters of one text
DEPTH = 12  # lists and objects inside each other

_NUMERALS = 30  # digits of the longest whole number that a page would send
_QUOTED = 60  # characters of a value that a sentence quotes


async def body_of(receive: Receive, most: int) -> bytes:
    """Return the body of a request. Raises UnreadError for one that is too large, stops, or takes too long."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise UnreadError(408, "slow", "The body did not come whole.")
                body += message.get("body", b"")
                if len(body) > most:
                    raise UnreadError(413, "large", f"The body has more than {most:,} bytes.")
                more = message.get("more_body", False)
    except TimeoutError:
        raise UnreadError(408, "slow", f"The body did not come whole within {BODY_SECONDS:g} seconds.") from None
    return bytes(body)


def read(asks: type | None, body: bytes) -> Any:
    """Return what a body describes, None for an endpoint that asks for nothing. Raises Refused."""
    value = _parsed(body) if body else {}
    _check(value, "", DEPTH)
    if not isinstance(value, dict):
        raise Refused("The body must be one JSON object.", "")
    if asks is None:
        if value:
            name = next(iter(value))
            raise Refused(f"This address asks for nothing, but the body has the field {_shown(name)}.", name)
        return None
    return _record(asks, value, "")


def _parsed(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("The body is not UTF-8 text.", "") from None
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_number, parse_int=_whole, parse_float=float
        )
    except RecursionError:
        raise Refused("The body is nested too deep.", "") from None
    except ValueError as error:
        raise Refused(f"The body is not JSON: {error}.", "") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused(f"The body has the field {_shown(twice)} twice.", twice)
    return found


def _no_number(name: str) -> NoReturn:
    raise Refused(f"The body has {name}, which is no number of JSON.", "")


def _whole(digits: str) -> int:
    if len(digits) > _NUMERALS:
        raise Refused(f"The body has a number of {len(digits)} digits.", "")
    return int(digits)


def _check(value: Any, field: str, depth: int) -> None:
    """Refuse what no field may hold, wherever it is."""
    if isinstance(value, str):
        _check_text(value, field)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Refused(f"{field or 'The body'} is a number beyond all bounds.", field)
    elif isinstance(value, dict | list):
        if not depth:
            raise Refused("The body is nested too deep.", field)
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(name, str):
                _check_text(name, field)
            _check(item, f"{field}.{name}" if field else str(name), depth - 1)


def _check_text(text: str, field: str) -> None:
    if len(text) > TEXT:
        raise Refused(f"The text has {len(text):,} characters: at most {TEXT:,} are read at once.", field)
    if "\0" in text:
        raise Refused("The text has a NUL character, which no text has: take it out.", field)
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise Refused("The text has half of a character (a lone surrogate): take it out.", field)


def _record(asks: type, value: Mapping[str, Any], before: str) -> Any:
    """Return a dataclass, each entry checked; `before` is the name of the field that it stands in, with its dot."""
    known = {item.name: (item, hint) for item, hint in schema.leaves(asks)}
    for name in value:
        if name not in known:
            raise Refused(f"There is no field {_shown(before + name)}.{nearest(name, known)}", before + name)
    given: dict[str, Any] = {}
    for name, (item, hint) in known.items():
        if name in value:
            given[name] = _value(hint, value[name], before + name)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise Refused(f"The field {before + name} is missing.", before + name)
    try:
        return asks(**given)
    except Refused:
        raise
    except UserError as error:  # of a dataclass that checks itself
        raise Refused(str(error), before.rstrip(".")) from error


def _value(hint: Any, value: Any, field: str) -> Any:
    """Return an entry as its field has it, and what is inside it too; whole numbers stand for numbers."""
    bare = typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint
    origin, inner = typing.get_origin(bare), typing.get_args(bare)
    if bare is Any:
        return value
    if origin in (typing.Union, UnionType):
        kinds = [kind for kind in inner if kind is not NoneType]
        if value is None and len(kinds) < len(inner):
            return None
        if len(kinds) == 1:
            return _value(kinds[0], value, field)
    elif isinstance(bare, type) and is_dataclass(bare):
        if isinstance(value, dict):
            return _record(bare, value, f"{field}.")
        raise Refused(f"{field} must be an object, not {_shown(value)}.", field)
    elif origin in (dict, Mapping):
        if isinstance(value, dict):
            return {name: _value(inner[1], item, f"{field}.{name}") for name, item in value.items()}
        raise Refused(f"{field} must be an object, not {_shown(value)}.", field)
    elif origin is tuple and isinstance(value, list):
        kinds = [inner[0]] * len(value) if inner[1:] == (Ellipsis,) else list(inner)
        if len(kinds) == len(value):
            return tuple(
                _value(kind, item, f"{field}.{place}")
                for place, (kind, item) in enumerate(zip(kinds, value, strict=True))
            )
        raise Refused(f"{field} must have {len(kinds)} entries, not {len(value)}.", field)
    if not schema.fits(hint, value):
        raise Refused(f"{field} must be {schema.wanted(hint)}, not {_shown(value)}.", field)
    return float(value) if bare is float else value


def _shown(value: object) -> str:
    """Return what a sentence quotes of a value, in one line."""
    text = value if isinstance(value, str) else json.dumps(value)
    text = json.dumps(text[:_QUOTED])[1:-1] + ("..." if len(text) > _QUOTED else "")
    return f"'{text}'" if isinstance(value, str) else text
