"""What a page of the server is: its tab, what it answers at once, what it streams, and what is begun for it.

A function raises UserError for what the reader can mend: it becomes the answer 422 with that sentence; any other error
is a bug and becomes 500 with an id. `Refused` is a UserError that names the field of the request.

A generator never holds `inference_mode`, autocast or a lock across a `yield`: others have their turn in between, and
what they restore would be restored in the wrong order. Its `finally` blocks run when its reader goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hornbook.errors import UserError


class Refused(UserError):
    """A request that one field makes wrong; the page shows the sentence beside that field."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Reply:
    """POST `path` answers one JSON value, computed in a thread: quick, and without a model.

    `asks` is the frozen dataclass that the body must describe, and what `answer` is called with; with None the body is
    empty and `answer` is called with None.
    """

    path: str
    asks: type | None
    answer: Callable[[Any], Any]


@dataclass(frozen=True)
class Stream:
    """POST `path` answers lines of JSON; each step of the generator `events(request)` is one turn of the worker."""

    path: str
    asks: type
    events: Callable[[Any], Iterator[Mapping[str, Any]]]


@dataclass(frozen=True)
class Page:
    """One tab of the shell, served at /`name`; the browser's part of it is static/`name`.mjs.

    `session` is what the page needs to know first: the entry `name` of GET /api/session. `jobs` are begun in the worker
    when the server starts, such as loading models, a run a step; they end by themselves and have no deadline.
    """

    name: str
    title: str
    endpoints: tuple[Reply | Stream, ...]
    session: Callable[[], Mapping[str, Any]]
    jobs: tuple[Callable[[], Iterator[None]], ...] = ()
