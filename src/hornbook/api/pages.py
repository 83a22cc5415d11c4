"""The pages in the browser, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def play(
    *runs: str | Path,
    objectives: str | Sequence[str] = (),
    device: str = "",
    port: int | None = None,
    browser: bool = True,
    code: bool = True,
) -> None:
    """Serve the playground of these runs on this machine until Ctrl-C, and open a browser; see `hornbook play`.

    objectives   objectives of your own to show beside the catalogue's: path.py:Class
    device       where the models compute: cpu, cuda, cuda:N or mps; "" = the CPU
    port         None = the first that is free from 8421 on, 0 = any free one
    code         whether the browser must give the code that is printed

    Without a run the page shows what objectives do to a text. Raises UserError where there is no such run or objective,
    and where the port is in use.
    """
    from hornbook.app.serving.options import Options
    from hornbook.app.serving.server import serve
    from hornbook.app.tabs import play_tabs

    options = Options(port=port, browser=browser, code=code)
    own = [objectives] if isinstance(objectives, str) else objectives
    serve(play_tabs([Path(run) for run in runs], own, device), options, near=[Path(run) for run in runs])


def watch(*directories: str | Path, port: int | None = None, browser: bool = True, code: bool = True) -> None:
    """Show runs and studies in and below directories, by default runs/, in the browser as they go; Ctrl-C ends it.

    `port` and `code` are those of `play`. Raises UserError where a directory is none, and where the port is in use. See
    `hornbook watch`.
    """
    from hornbook.app.serving.options import Options
    from hornbook.app.serving.server import serve
    from hornbook.app.tabs import watch_tabs

    places = [Path(directory) for directory in directories]
    serve(watch_tabs(places), Options(port=port, browser=browser, code=code), near=places)
