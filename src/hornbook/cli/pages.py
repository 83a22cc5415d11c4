"""What the commands with pages in the browser share: their options, and serving."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from hornbook.app.options import Options

LOCAL = "127.0.0.1"

Port = Annotated[
    int | None, Option(metavar="N", help="Port on this machine; 0 is any free one. Default: the first free from 8421.")
]
Host = Annotated[str, Option(metavar="ADDRESS", help="Address to listen at; another machine's need --behind-proxy.")]
BehindProxy = Annotated[
    str, Option(metavar="NAME", help="Name of a proxy in front of the pages, which must ask people who they are.")
]
NoCode = Annotated[bool, Option("--no-code", help="Ask for no code: every user of this machine can open the pages.")]
NoBrowser = Annotated[bool, Option("--no-browser", help="Open no browser; only print the address and the code.")]


def options_of(port: int | None, host: str, behind_proxy: str, no_code: bool, no_browser: bool) -> Options:
    """Return how the pages are served, from the options of a command. Raises UserError.

    A command takes them last: `port: Port = None, host: Host = LOCAL, behind_proxy: BehindProxy = "",
    no_code: NoCode = False, no_browser: NoBrowser = False`.
    """
    return Options(port=port, host=host, behind_proxy=behind_proxy, code=not no_code, browser=not no_browser)
