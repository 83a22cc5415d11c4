"""The pages as an application, and their life on this machine, from a free port to Ctrl-C.

main thread: bind, print, open the browser, wait for Ctrl-C      thread "hornbook server": uvicorn -> guard -> site
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from hornbook.app.serving.endpoints import Page
from hornbook.app.serving.guard import Guard
from hornbook.app.serving.login import Door, new_code
from hornbook.app.serving.options import PORTS, Options
from hornbook.app.serving.site import Site
from hornbook.app.serving.worker import Worker
from hornbook.errors import UserError
from hornbook.run.status import AT_WORK, STATUS, read_status, signs_of

_GRACE_SECONDS = 2  # for answers that are being sent when the server ends
_CONNECTIONS = 512
_RUNS = (STATUS, f"*/{STATUS}", f"runs/*/{STATUS}", f"*/runs/*/{STATUS}")  # a study's runs lie in its folder runs
# Browsers of the terminal would take it from Hornbook.
_IN_TERMINAL = {"www-browser", "links", "elinks", "lynx", "w3m"}


@dataclass(frozen=True)
class Served:
    """Pages that are being served: where, behind which door, what does the streams' work, and whether it is over."""

    address: str
    port: int
    door: Door
    worker: Worker
    ended: threading.Event


def no_training() -> bool:
    """Say that no training is alive on this machine."""
    return False


def training_in(places: Sequence[Path]) -> Callable[[], bool]:
    """Return what says whether a run trains here now; `places` are runs, studies, or folders of both."""

    def training() -> bool:
        for place, pattern in itertools.product(places, _RUNS):
            with contextlib.suppress(OSError):  # of a folder that has just gone
                for file in place.glob(pattern):
                    status = read_status(file.parent)
                    if status is not None and status.state in AT_WORK and signs_of(status, file.parent) == "alive":
                        return True
        return False

    return training


def application(
    pages: Sequence[Page],
    *,
    door: Door | None = None,
    proxy: str = "",
    worker: Worker | None = None,
    training: Callable[[], bool] = no_training,
) -> ASGIApp:
    """Return the pages as an ASGI application, which the guard protects.

    Without a `door` everybody is let in. `proxy` is a name by which a proxy is reached. `training` says whether a
    training is alive on this machine; it is asked every few seconds, in a thread, while the server runs.
    """
    return Guard(Site(pages, worker or Worker(), training).app, door or Door("", 0), proxy)


def serve(pages: Sequence[Page], options: Options | None = None, *, near: Sequence[Path] = ()) -> None:
    """Serve the pages until Ctrl-C, and say where; raises UserError where the port is taken.

    `near` are the runs and folders that are shown: in them, beside them and in runs/ a training may go on.
    """
    options = options or Options()
    training = training_in([Path("runs"), *near, *(path.parent for path in near)])
    with running(pages, options, training=training) as served:
        print(f"The pages are at {served.address} (Ctrl-C ends them).", flush=True)
        if options.behind_proxy:
            print(f"The proxy has them at {options.behind_proxy}.", flush=True)
        if served.door.code:
            print(f"Code, where a browser asks for it: {served.door.code}", flush=True)
        else:
            print("There is no code: every user of this machine can open the pages.", flush=True)
        with contextlib.ExitStack() as stack:
            if options.browser:
                target = served.address
                if served.door.code:
                    target = stack.enter_context(served.door.file(served.address)).as_uri()
                if not _open_browser(target):
                    print(f"No browser was found here: open {served.address} in one.", flush=True)
            served.ended.wait()


@contextlib.contextmanager
def running(
    pages: Sequence[Page],
    options: Options,
    *,
    worker: Worker | None = None,
    training: Callable[[], bool] = no_training,
) -> Iterator[Served]:
    """Serve the pages in a thread while the block lasts; raises UserError where the port is taken."""
    with _bound(options) as listening:
        port = listening.getsockname()[1]
        worker = worker or Worker()
        door = Door(new_code() if options.code else "", port)
        app = application(pages, door=door, proxy=options.behind_proxy, worker=worker, training=training)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                log_config=None,
                log_level="critical",  # texts are private, and what is wrong is told by us
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=_CONNECTIONS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        ended = threading.Event()  # a thread whose `join` is interrupted counts as ended in Python 3.11 (bpo-45274)
        thread = threading.Thread(target=_run, args=(server, listening, ended), name="hornbook server", daemon=True)
        thread.start()
        try:
            while not server.started and not ended.wait(0.01):
                pass
            if not server.started:
                raise RuntimeError("the server ended before it had begun")
            yield Served(_address(options.host, port), port, door, worker, ended)
        finally:
            worker.stop(0)  # streams end, so that their readers need not be waited for
            server.should_exit = True
            ended.wait(_GRACE_SECONDS + 3)


def _run(server: uvicorn.Server, listening: socket.socket, ended: threading.Event) -> None:
    try:
        server.run([listening])
    finally:
        ended.set()


def _address(host: str, port: int) -> str:
    """Return what a browser on this machine opens."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)
    return f"http://{name}:{port}"


@contextlib.contextmanager
def _bound(options: Options) -> Iterator[socket.socket]:
    """Yield a socket at the first port that is free; raises UserError where none is, or the address is not ours."""
    ports = PORTS if options.port is None else (options.port,)
    for port in ports:
        try:
            found = socket.getaddrinfo(options.host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            listening = socket.socket(found[0][0])
        except OSError as error:
            raise UserError(f"--host {options.host} is no address of this machine ({error.strerror}).") from error
        with listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind(found[0][4])
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                if error.errno == errno.EACCES:
                    raise UserError(f"Port {port} is only for the system: give one above 1023 as --port.") from error
                raise UserError(f"--host {options.host} is no address of this machine ({error.strerror}).") from error
            listening.listen()  # so that a second server finds it taken
            yield listening
            return
    taken = f"Port {ports[0]} is" if len(ports) == 1 else f"Ports {ports[0]} to {ports[-1]} are"
    raise UserError(f"{taken} in use: end the other program, or give another port as --port N (0: any free one).")


def _open_browser(address: str) -> bool:
    """Open a browser with windows, and say whether there is one."""
    windows = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    if not windows:
        return False
    with contextlib.suppress(webbrowser.Error, OSError):
        browser = webbrowser.get()
        return getattr(browser, "name", "") not in _IN_TERMINAL and browser.open(address)
    return False
