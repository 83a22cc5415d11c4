"""Which field of a record is its text, and which others are kept: `text` and `fields` of a recipe.

    text = "content"              one field
    text = "meta.text"            one inside another
    text = "{title}\\n\\n{body}"  several, joined by a pattern; one that is null is empty
    text = "text"                 the default: where there is no such field, the one of a known shape (shapes.py), or a
                                  conversation (talk/turns.py)

    fields = []                   all others are kept, and the facts that a known shape has under their common names
    fields = ["title", "meta.url"]  these alone

What became text is no longer a field, unless `fields` names it. A field that is itself a JSON object as text is looked
into like one that is an object.
"""

from __future__ import annotations

import datetime
import functools
import json
import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from hornbook.corpus.readers.fields.shapes import OPENED, Shape, shape_of
from hornbook.corpus.readers.talk.turns import conversation, conversation_fields
from hornbook.errors import UserError

DEFAULT = "text"
Pattern = tuple[tuple[str, str], ...]  # literal text, and the name of the field behind it or ""
ABSENT = object()


class NoField(Exception):
    """A record has no such field; the message is its name."""


@functools.lru_cache(64)
def pattern_of(text: str) -> Pattern:
    r"""Return the parts of a pattern, () for the name of one field. Raises UserError for a wrong pattern.

    >>> pattern_of("{title}: {body.text}")
    (('', 'title'), (': ', 'body.text'))
    """
    if "{" not in text and "}" not in text:
        return ()
    try:
        # On a command line a line break is written \n.
        parts = list(string.Formatter().parse(text.replace("\\n", "\n").replace("\\t", "\t")))
    except ValueError as error:
        raise UserError(f"The text {text!r} is no pattern of fields in braces ({error}).") from error
    if any(name is not None and (not name or form or turn) for _, name, form, turn in parts) or not any(
        name for _, name, _, _ in parts
    ):
        raise UserError(
            f"The text {text!r} is no pattern: write names of fields in braces, as in '{{title}} {{body}}'."
        )
    return tuple((literal, name or "") for literal, name, _, _ in parts)


def wanted(text: str) -> list[str]:
    """Return the names of the fields that the text is made of."""
    pattern = pattern_of(text)
    return [name for _, name in pattern if name] if pattern else [text]


def columns(names: Collection[str], text: str) -> list[str]:
    """Return the columns among `names` that the text is made of. Raises NoField for the first that is not there."""
    if text == DEFAULT and text not in names and (shape := _shape_of_names(names)):
        return [shape.text]
    if text == DEFAULT and text not in names and (held := conversation_fields(names)):
        return list(held)
    found = []
    for name in wanted(text):
        column = _column(names, name)
        if column is None:
            raise NoField(name)
        found.append(column)
    return list(dict.fromkeys(found))


def _column(names: Collection[str], name: str) -> str | None:
    """Return the column that is or holds a field."""
    top = name
    while top not in names:
        top, dot, _ = top.rpartition(".")
        if not dot:
            return None
    return top


def kept_columns(names: Collection[str], fields: Sequence[str], inner: Collection[str] = ()) -> set[str]:
    """Return the columns that are, or hold, the fields that are kept, a shape's facts among them.

    `inner` are the fields inside columns, by names with dots.
    """
    shape = _shape_of_names([*names, *inner])
    facts = dict(shape.facts) if shape else {}
    held = (_column(names, name) or _column(names, facts.get(name, "")) for name in fields)
    return {name for name in held if name is not None}


def _shape_of_names(names: Collection[str]) -> Shape | None:
    return shape_of(frozenset(names))


def at(value: Mapping[str, Any], name: str) -> Any:
    """Return a field of a record, or one inside another by a name with dots; ABSENT where there is none."""
    if name in value:
        return value[name]
    first, dot, rest = name.partition(".")
    while dot:
        if first in value:
            inner = opened(value[first])
            return at(inner, rest) if isinstance(inner, Mapping) else ABSENT
        more, dot, rest = rest.partition(".")
        first = f"{first}.{more}"
    return ABSENT


def opened(value: Any) -> Any:
    """Return a field's value; a JSON object that is written as text as an object."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _without(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a record without a field, or without one inside another; what is left as it was."""
    if name in value:
        return {key: held for key, held in value.items() if key != name}
    first, dot, rest = name.partition(".")
    while dot:
        if first in value:
            inner = opened(value[first])
            return {**value, first: _without(inner, rest)} if isinstance(inner, Mapping) else dict(value)
        more, dot, rest = rest.partition(".")
        first = f"{first}.{more}"
    return dict(value)


def taken(
    value: dict[str, Any], text: str, fields: Sequence[str] = (), shape: Shape | None = None
) -> tuple[Any, dict[str, Any]]:
    """Return what is the text of a record, and its other fields. Raises NoField for a field of the text that is absent.

    `fields` are those that stay fields though they are of the text; `shape` is that of the file, where it is known.
    """
    shape = shape or _shape(value)
    if text == DEFAULT and text not in value and shape is None and (talk := conversation(value)):
        return talk
    pattern = pattern_of(text)
    names = wanted(text)
    if text == DEFAULT and text not in value and shape is not None:
        names = [shape.text]
    found = [at(value, name) for name in names]
    for name, part in zip(names, found, strict=True):
        if part is ABSENT:
            raise NoField(name)
    rest = value
    for name in names:
        if name not in fields:
            if name in rest:
                del rest[name]
            else:
                rest = _without(rest, name)
    if shape is not None:
        rest = {**rest, **{ours: fact for ours, fact in _facts(shape, rest) if ours not in rest}}
        found = [_pages(part) for part in found]
    return (_joined(pattern, found) if pattern else found[0]), rest


def _pages(part: Any) -> Any:
    """Return the pages of a book as one text, anything else as it is."""
    if isinstance(part, list) and all(page is None or isinstance(page, str) for page in part):
        return "\n".join(page for page in part if page)
    return part


def _shape(value: Mapping[str, Any]) -> Shape | None:
    names = set(value)
    for name in OPENED & names:
        if isinstance(inner := opened(value[name]), Mapping):
            names |= {f"{name}.{key}" for key in inner}
    return _shape_of_names(names)


def _facts(shape: Shape, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the facts of a record by their common names, each in the common form."""
    for ours, theirs in shape.facts:
        fact = at(value, theirs)
        if isinstance(fact, datetime.date):
            fact = fact.isoformat()
        if ours == "date" and not isinstance(fact, str):
            continue
        if ours == "license" and isinstance(fact, list):
            fact = ", ".join(map(str, fact))
        if ours == "authors" and isinstance(fact, str):
            fact = [fact]
        if fact is not ABSENT and fact not in (None, "", []):
            yield ours, fact


def _joined(pattern: Pattern, found: Sequence[Any]) -> Any:
    """Return the text that a pattern makes of fields, null ones empty, without line breaks around it."""
    parts, values = [], iter(found)
    for literal, name in pattern:
        part = next(values) if name else ""
        if isinstance(part, int | float):
            part = str(part)
        if part is not None and not isinstance(part, str):
            return part  # as of one field: it is told what it holds
        parts += [literal, part or ""]
    return "".join(parts).strip("\r\n")


def kept(meta: Mapping[str, Any], fields: Sequence[str]) -> Mapping[str, Any]:
    """Return the fields of a record that are kept, each by the name that is asked for; all where none is."""
    if not fields:
        return meta
    return {name: value for name in fields if (value := at(meta, name)) is not ABSENT}
