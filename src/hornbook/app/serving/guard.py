"""Who may ask: one layer of pure ASGI around everything, which each request passes before anything reads it.

    Host -> method -> Origin, content type and size of a write -> the code's cookie -> the application

Other pages in the same browser reach this machine as well (DNS rebinding, forms), and so does every user of it. Hence
one Host header with a name of this machine, an Origin equal to it for writes, JSON alone, and a code even on loopback.
No header allows another origin anything. Each answer forbids frames, foreign parts, inline code and keeping.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hornbook.app.serving.bodies import BODY, body_of
from hornbook.app.serving.faults import answer_of, refusal
from hornbook.app.serving.login import ENTER, FORM, Door, asking

NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
OPEN = frozenset({"/static/app.css", "/static/icon.png"})  # what the page that asks for the code needs
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
_HOST = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::[0-9]{1,5})?")  # small letters, as browsers write it


class Guard:
    """An application behind the guard. `proxy` is one more name that Host may have, reached by http or https."""

    def __init__(self, app: ASGIApp, door: Door, proxy: str = "") -> None:
        self._app, self._door, self._proxy = app, door, proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            answer = self._refusal(scope)
            if answer is None and scope["path"] == ENTER:
                answer = await self._enter(scope, receive)
            await (self._app if answer is None else answer)(scope, receive, guarded)
        except Exception as error:
            answer = answer_of(error, f"{scope['method']} {scope['path']}")
            if not begun:
                await answer(scope, receive, guarded)

    async def _enter(self, scope: Scope, receive: Receive) -> Response:
        if scope["method"] != "POST":
            return asking()
        return await self._door.enter(await body_of(receive, FORM))

    def _refusal(self, scope: Scope) -> Response | None:
        """Return why a request goes no further, None where it may."""
        headers, path = Headers(scope=scope), scope["path"]
        origins = self._origins(headers.getlist("host"))
        if not origins:
            return refusal(
                403, "forbidden", "This is not an address of this server: open the one that the terminal shows."
            )
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return refusal(405, "method", "The pages are read by GET and asked by POST alone.")
        if scope["method"] == "POST" and (answer := _refused_write(headers, path, origins)) is not None:
            return answer
        if path == ENTER or path in OPEN or self._door.admits(map(str.encode, headers.getlist("cookie"))):
            return None
        if scope["method"] == "POST" or path.startswith(("/api/", "/static/")):
            return refusal(401, "code", "The code is missing: load the page again and type what the terminal shows.")
        return asking()

    def _origins(self, hosts: list[str]) -> tuple[str, ...]:
        """Return the origins that are this server by the name of its one Host header; none if that is not ours."""
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None or match[1] not in NAMES | {self._proxy}:
            return ()
        return (f"http://{hosts[0]}", *([f"https://{hosts[0]}"] if match[1] == self._proxy else ()))


def _refused_write(headers: Headers, path: str, origins: tuple[str, ...]) -> Response | None:
    """Return why a POST may not be read, None where it may."""
    given = headers.getlist("origin")
    # The file that brings the browser in has no origin.
    if len(given) != 1 or given[0] not in ((*origins, "null") if path == ENTER else origins):
        return refusal(403, "forbidden", "Only the pages themselves may ask: another page sent this.")
    wanted = "application/x-www-form-urlencoded" if path == ENTER else "application/json"
    kinds = headers.getlist("content-type")
    if len(kinds) != 1 or kinds[0].partition(";")[0].strip().lower() != wanted:
        return refusal(415, "type", f"The body must be of the type {wanted}.")
    lengths = headers.getlist("content-length")
    if "transfer-encoding" in headers or len(lengths) != 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0]):
        return refusal(413, "large", "The body must come in one piece, with its Content-Length.")
    most = FORM if path == ENTER else BODY
    if int(lengths[0]) > most:
        return refusal(413, "large", f"The body has {int(lengths[0]):,} bytes: at most {most:,} are read.")
    return None
