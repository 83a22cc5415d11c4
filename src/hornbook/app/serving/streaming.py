"""What a generator yields, as lines of JSON (NDJSON), until it ends or its reader goes.

    worker's thread: next(events) -> job.queue -> wake the loop -> lines -> socket
                                                 loop: http.disconnect -> cancel the job

A reader who stops reading blocks the writing to the socket, then the queue fills, then the job waits for its deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from starlette.types import Receive, Scope, Send

from hornbook.app.serving.worker import Event, Job, Worker
from hornbook.artifacts import json_text

_LAST_WORDS = 5.0  # seconds beyond its deadline that a job's reader has to read the last lines


class Lines:
    """An answer of lines, one for each event of a generator that the worker has taken in already."""

    def __init__(self, worker: Worker, events: Iterator[Event], account: Callable[[BaseException], Any]) -> None:
        """`account` makes the last line's entry "error" of what ended the generator. Raises Busy."""
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._worker, self._account = worker, account
        self._job = worker.add(events, self._wake)

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads
            self._loop.call_soon_threadsafe(self._news.set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_gone(receive))
        gone.add_done_callback(lambda done: self._worker.cancel(self._job))
        try:
            async with asyncio.timeout(self._worker.deadline + _LAST_WORDS):
                await self._write(self._job, send)
        except TimeoutError:
            pass  # the reader does not read: the answer stays without its end, and the server drops the connection
        finally:
            gone.cancel()
            self._worker.cancel(self._job)

    async def _write(self, job: Job, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"application/x-ndjson"), (b"x-accel-buffering", b"no")],
            }
        )
        ended = False
        while not ended:
            await self._news.wait()
            self._news.clear()
            ended = job.ended  # before the queue is read: what comes later wakes again
            events = self._worker.take(job)
            try:
                lines = [json_text(event) for event in events]
                if ended and job.error is not None:
                    raise job.error
            except BaseException as error:  # of the generator, or an event that is no JSON
                lines = [json_text(event) for event in events if error is job.error]
                lines.append(json_text({"error": self._account(error)}))
                ended = True
            if lines:
                body = "".join(f"{line}\n" for line in lines)
                await send({"type": "http.response.body", "body": body.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
