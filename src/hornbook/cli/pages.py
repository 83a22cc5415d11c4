"""What the commands with pages in the browser share: their options, and serving."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from hornbook.app.serving.options import Options
from hornbook.cli.common import loading, place
from hornbook.console import work_lasts

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


def play(
    runs: Annotated[
        list[Path] | None,
        Argument(metavar="[RUN...]", parser=place, help="Runs, or folders of transformers.", show_default=False),
    ] = None,
    objective: Annotated[
        list[str] | None,
        Option(metavar="path.py:Class", help="An objective of your own to show as well. May be repeated."),
    ] = None,
    device: Annotated[str, Option(help="Where the models compute: cpu, cuda, cuda:N or mps.")] = "cpu",
    port: Port = None,
    host: Host = LOCAL,
    behind_proxy: BehindProxy = "",
    no_code: NoCode = False,
    no_browser: NoBrowser = False,
) -> None:
    """Play with models in the browser: guess masked words, write, measure surprise, look inside.

    The corruption viewer shows what any objective does to your text. It needs no run.
    """
    work_lasts()
    options = options_of(port, host, behind_proxy, no_code, no_browser)
    with loading("libraries"):
        from hornbook.app.serving.server import serve
        from hornbook.app.tabs import play_tabs

    serve(play_tabs(runs or (), objective or (), device), options, near=runs or ())


PLAY_EXAMPLES = """Examples

hornbook play  ·  what objectives do to a text

hornbook play runs/a runs/b  ·  two models over one list of words

hornbook play --objective my.py:Mine"""
WATCH_EXAMPLES = """Examples

hornbook watch  ·  every run and study below runs/

hornbook watch runs/a runs/b  ·  two runs

hornbook watch --no-browser --port 8500  ·  on a machine without a screen: `ssh -L 8500:127.0.0.1:8500 NAME`

Runs may be going, finished or damaged. They are only read."""


def watch(
    runs: Annotated[
        list[Path] | None,
        Argument(
            metavar="[RUNS]...",
            parser=place,
            help="Runs, studies, or folders that hold some. Default: runs.",
            show_default=False,
        ),
    ] = None,
    port: Port = None,
    host: Host = LOCAL,
    behind_proxy: BehindProxy = "",
    no_code: NoCode = False,
    no_browser: NoBrowser = False,
) -> None:
    """Show runs and studies as they go, in the browser: curves, samples, settings, what happened. Ctrl-C ends it."""
    work_lasts()
    options = options_of(port, host, behind_proxy, no_code, no_browser)
    from hornbook.app.serving.server import serve
    from hornbook.app.tabs import watch_tabs

    serve(watch_tabs(runs or ()), options, near=runs or ())
