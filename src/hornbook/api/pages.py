"""The pages in the browser, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def play(
    *runs: str | Path,
    objectives: Sequence[str] = (),
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
    from hornbook.app.options import Options
    from hornbook.app.play import play_page
    from hornbook.app.server import serve

    options = Options(port=port, browser=browser, code=code)
    serve([play_page([Path(run) for run in runs], objectives, device)], options)
