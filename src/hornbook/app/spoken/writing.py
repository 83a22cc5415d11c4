"""Writing in the page: a text token by token, each with what it was chosen from, and from any token on another way.

A branch is a prompt and the new tokens that are kept: what follows is drawn as if they had been chosen, so the text
goes on as before where nothing of it was changed. The events are in `hornbook.app.spoken.requests`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from hornbook.app.spoken.models import Models, Opened
from hornbook.app.spoken.requests import NEW, WriteRequest
from hornbook.errors import UserError
from hornbook.generate import Decoding, Step
from hornbook.generate.text import explain_text

Event = dict[str, Any]


def write(models: Models, request: WriteRequest) -> Iterator[Event]:
    """Yield the events of /api/write."""
    one = models.get(request.run)
    if "write" not in one.can:
        told = "generates no text: it judges tokens" if "judge" in one.can else "continues no text: ask it for a gap"
        raise UserError(f"{one.name} {told}.")
    one.encode(request.prompt)
    unknown = [token for token in request.tokens if token >= one.run.model.config.vocab_size]
    if unknown:
        raise UserError(f"{one.name} has no token {unknown[0]}: it has {one.run.model.config.vocab_size:,}.")
    if len(request.tokens) >= NEW:
        raise UserError(f"The text has {len(request.tokens)} new tokens already: {NEW} are the most. Begin a new text.")
    asked = dataclasses.asdict(request.decoding)
    asked["max_new"] = min(asked["max_new"], NEW - len(request.tokens))
    decoding = Decoding(**asked)
    text = explain_text(one.run, request.prompt, decoding, top=request.alternatives, forced=request.tokens, ready=True)
    yield {"event": "start", "run": one.number, "read": text.read, "shown": text.shown}
    written, last = len(request.tokens), None
    for step, piece in text.tokens:
        if step is None:
            full = written >= text.room
            why = "stop" if last is not None or text.ended else "full" if full else "length"
            yield {"event": "end", "why": why, "text": piece, "tokens": written, "last": last}
        elif step.ends:
            last = _token(one, step, "")
        else:
            written += 1
            yield _token(one, step, piece)


def _token(one: Opened, step: Step, piece: str) -> Event:
    names = one.names([step.token, *(token for token, _, _ in step.top)])
    top = [
        {"id": token, "name": name, "p": chance, "drawn": drawn}
        for (token, chance, drawn), name in zip(step.top, names[1:], strict=True)
    ]
    return {
        "event": "token", "id": step.token, "text": piece, "name": names[0], "p": step.chance, "nats": step.nats,
        "rank": step.rank, "drawn": step.drawn, "top": top,
    }  # fmt: skip
