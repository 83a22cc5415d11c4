"""The addresses of all pages as one ASGI application, behind the guard, and what they share.

GET  /  /NAME          the shell                        GET /api/session   what the pages need to know first
GET  /static/...       the files that it loads          POST               a Reply from a pool of threads,
                                                                           a Stream from the one worker
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from hornbook import __version__
from hornbook.app.serving import bodies
from hornbook.app.serving.endpoints import Page, Reply, Stream
from hornbook.app.serving.faults import account_of, answer_of, refusal, report
from hornbook.app.serving.streaming import Lines
from hornbook.app.serving.worker import MOST_JOBS, Busy, Manners, Worker
from hornbook.artifacts import json_text

T = TypeVar("T")

SHELL = "shell.html"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "png": "image/png",
}
_THREADS = 4  # that compute replies
_MOST_REPLIES = 64  # that are computed or wait for it
_FIRST_PAGE_SECONDS = 2.0  # after which the pages' jobs are begun though no browser has come
_PARTS_SECONDS = 0.5  # in which it loads its parts
_LOOK_SECONDS = 10.0  # between two looks whether a training is alive


class Site:
    """The addresses of all pages; `app` is the application, without its guard."""

    def __init__(self, pages: Sequence[Page], worker: Worker, training: Callable[[], bool]) -> None:
        self._pages, self._worker, self._training = pages, worker, training
        self._manners = Manners()
        worker.before_step = self._manners.apply
        self._replies = 0
        self._assets = assets()
        shells = ("/", *(f"/{page.name}" for page in pages))
        self.app = Starlette(
            routes=[
                *(Route(path, self._shell) for path in shells),
                Route("/static/{path:path}", self._asset),
                Route("/api/session", _told(self._session)),
                *(self._route(endpoint) for page in pages for endpoint in page.endpoints),
            ],
            exception_handlers={HTTPException: _refused},
            lifespan=self._life,
        )
        self.app.router.redirect_slashes = False

    @contextlib.asynccontextmanager
    async def _life(self, app: Starlette) -> AsyncIterator[None]:
        self._pool = ThreadPoolExecutor(_THREADS, "hornbook reply")
        self._seen = asyncio.Event()
        self._worker.start()
        tasks = [asyncio.create_task(self._begin()), asyncio.create_task(self._look())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.to_thread(self._worker.stop)
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def _begin(self) -> None:
        """Begin the pages' jobs, once a browser has its first page: a library that is loaded would hold it up."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._seen.wait(), _FIRST_PAGE_SECONDS)
            await asyncio.sleep(_PARTS_SECONDS)
        for page in self._pages:
            for job in page.jobs:
                self._worker.begin(_reported(job, f"a job of {page.name}"))

    async def _look(self) -> None:
        try:
            while True:
                self._manners.notice(await asyncio.get_running_loop().run_in_executor(self._pool, self._training))
                await asyncio.sleep(_LOOK_SECONDS)
        except Exception as error:
            report(error, "the search for trainings")

    async def _in_pool(self, function: Callable[[], T]) -> T:
        """Return what a function gives in a thread of the pool. Raises Busy where too many wait."""
        if self._replies >= _MOST_REPLIES:
            raise Busy
        self._replies += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function)
        finally:
            self._replies -= 1

    async def _shell(self, request: Request) -> Response:
        content, kind = self._assets[SHELL]
        return Response(content, media_type=kind)

    async def _asset(self, request: Request) -> Response:
        found = self._assets.get(request.path_params["path"])
        if found is None:
            raise HTTPException(404)
        return Response(found[0], media_type=found[1])

    async def _session(self, request: Request) -> Response:
        def of(page: Page) -> Mapping[str, Any]:
            try:
                return page.session()
            except Exception as error:  # one page alone: the others go on
                return {"error": account_of(error, f"the session of {page.name}")[1]}

        def session() -> str:
            return json_text(
                {
                    "version": __version__,
                    "pages": [{"name": page.name, "title": page.title} for page in self._pages],
                    "limits": {"text": bodies.TEXT, "body": bodies.BODY, "jobs": MOST_JOBS},
                    **{page.name: of(page) for page in self._pages},
                }
            )

        answer = await self._answered(session, request)
        self._seen.set()
        return answer

    def _route(self, endpoint: Reply | Stream) -> Route:
        async def replied(request: Request) -> ASGIApp:
            asked = bodies.read(endpoint.asks, await bodies.body_of(request.receive, bodies.BODY))
            if isinstance(endpoint, Reply):
                answer = endpoint.answer
                return await self._answered(lambda: json_text(answer(asked)), request)
            where = _where(request)
            events = endpoint.events(asked)
            return Lines(self._worker, events, lambda error: account_of(error, where)[1])

        return Route(endpoint.path, _told(replied), methods=["POST"])

    async def _answered(self, text: Callable[[], str], request: Request) -> Response:
        return Response(await self._in_pool(text), media_type="application/json")


def _told(answer: Callable[[Request], Awaitable[ASGIApp]]) -> Callable[[Request], Awaitable[ASGIApp]]:
    """Return a function of requests whose errors are answers."""

    async def told(request: Request) -> ASGIApp:
        try:
            return await answer(request)
        except Exception as error:
            return answer_of(error, _where(request))

    return told


def _reported(job: Callable[[], Iterator[None]], where: str) -> Iterator[None]:
    """Do a page's job; a bug in it is told in the terminal."""
    try:
        yield from job()
    except Exception as error:
        report(error, where)


async def _refused(request: Request, error: Exception) -> Response:
    """Answer a request for an address that is none, or that is not asked in this way."""
    if getattr(error, "status_code", 404) == 405:
        return refusal(405, "method", "This address is not asked in this way.")
    return refusal(404, "missing", "There is no such address here.")


def _where(request: Request) -> str:
    return f"{request.method} {request.url.path}"


def assets() -> dict[str, tuple[bytes, str]]:
    """Return content and type of each file below static/ that a page can use, by its path there."""
    return dict(_below(files("hornbook.app").joinpath("static"), ""))


def _below(folder: Traversable, before: str) -> list[tuple[str, tuple[bytes, str]]]:
    found = []
    for item in folder.iterdir():
        kind = _TYPES.get(item.name.rpartition(".")[2])
        if item.is_dir():
            found += _below(item, f"{before}{item.name}/")
        elif kind is not None:
            found.append((before + item.name, (item.read_bytes(), kind)))
    return found
