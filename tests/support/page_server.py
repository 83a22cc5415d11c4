"""A small page with every kind of endpoint, and clients of it: one without sockets, one that writes raw bytes."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hornbook.app.serving.endpoints import Page, Refused, Reply, Stream
from hornbook.errors import UserError

SECONDS = 20.0


@dataclass(frozen=True)
class Choice:
    temperature: float = 1.0
    kind: Literal["greedy", "sampled"] = "sampled"


@dataclass(frozen=True)
class Ask:
    text: str
    run: int = 0
    choice: Choice = Choice()
    tried: tuple[str, ...] = ()
    have: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    second: str | None = None


@dataclass
class Counts:
    """What the page's generators have done, counted."""

    steps: int = 0
    ended: int = 0
    begun: int = 0
    gate: threading.Event = field(default_factory=threading.Event)


def page(counts: Counts) -> Page:
    """Return a page named demo; its endless stream counts its steps and its ends."""

    def answer(ask: Ask) -> Mapping[str, Any]:
        if ask.run:
            raise Refused(f"There is no run {ask.run} here.", "run")
        return {"text": ask.text, "temperature": ask.choice.temperature, "tried": ask.tried, "second": ask.second}

    def endless(ask: Ask) -> Iterator[Mapping[str, Any]]:
        try:
            for number in itertools.count():
                counts.steps += 1
                yield {"number": number, "text": ask.text}
        finally:
            counts.ended += 1

    def refused(ask: Ask) -> Iterator[Mapping[str, Any]]:
        yield {"number": 0}
        raise UserError("The model is not there yet.")

    def own(ask: Ask | None) -> Any:
        raise ZeroDivisionError("mine")

    def job() -> Iterator[None]:
        counts.begun += 1
        yield
        counts.gate.set()

    return Page(
        "demo",
        "Demo",
        (
            Reply("/api/echo", Ask, answer),
            Reply("/api/nothing", None, lambda asked: {"asked": asked}),
            Reply("/api/faulty", None, len),  # a bug in no code of a person's own
            Reply("/api/own", None, own),
            Stream("/api/three", Ask, lambda ask: ({"number": number, "nats": float("nan")} for number in range(3))),
            Stream("/api/endless", Ask, endless),
            Stream("/api/refused", Ask, refused),
            Stream("/api/faulty-stream", Ask, lambda ask: map(len, itertools.repeat(3))),
            Stream("/api/no-json", Ask, lambda ask: iter([{"number": 0}, {"number": object()}])),
        ),
        lambda: {"runs": ["<img src=x onerror=alert(1)>"]},
        (job,),
    )


@dataclass(frozen=True)
class Answer:
    """A response: its status, headers as they came, and body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]

    @property
    def sentence(self) -> str:
        """Return the sentence of a refusal, from JSON or from the page that asks for the code."""
        return (
            str(self.json["error"]["message"])
            if self.header("content-type") == "application/json"
            else (self.body.decode())
        )


def raw(port: int, request: bytes, *, half: bool = False) -> Answer:
    """Send bytes to a port of this machine and return what comes back; with `half` nothing more will be sent."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall(request)
        if half:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while not _is_whole(received) and (block := connection.recv(1 << 16)):
            received += block
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
    if ("transfer-encoding", "chunked") in [(name.lower(), value) for name, value in headers]:
        body = _unchunked(body)
    return Answer(int(first.split()[1]), headers, body)


def _is_whole(received: bytes) -> bool:
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return False
    lowered = head.lower()
    if b"content-length: " in lowered:
        return len(body) >= int(lowered.partition(b"content-length: ")[2].split(b"\r\n")[0])
    return body.endswith(b"0\r\n\r\n")


def _unchunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return whole


def request(method: str, path: str, headers: Mapping[str, str | list[str]], body: bytes = b"") -> bytes:
    """Return a request as it travels; a header given as a list is sent more than once, one that is "" not at all."""
    lines = [f"{method} {path} HTTP/1.1"]
    for name, values in headers.items():
        lines += [f"{name}: {value}" for value in ([values] if isinstance(values, str) else values) if value]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def asked(app: Any, method: str, path: str, headers: list[tuple[str, str]] | None = None, body: bytes = b"") -> Answer:
    """Return what an application without sockets answers to one request; it lives for this request alone."""
    given = [("host", "127.0.0.1:8421")] if headers is None else headers

    async def talk() -> Answer:
        to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        life = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, to_app.get, from_app.put))
        await to_app.put({"type": "lifespan.startup"})
        await from_app.get()
        sent: list[dict[str, Any]] = []
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> dict[str, Any]:
            for message in messages:
                return message
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in given],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8421),
        }  # fmt: skip
        await app(scope, receive, send)
        await to_app.put({"type": "lifespan.shutdown"})
        await life
        headers = tuple((name.decode(), value.decode("latin-1")) for name, value in sent[0]["headers"])
        return Answer(sent[0]["status"], headers, b"".join(message["body"] for message in sent[1:]))

    return asyncio.run(talk())
