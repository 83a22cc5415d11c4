"""How the pages are served: where, to whom, and with which code."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hornbook.errors import UserError

PORTS = range(8421, 8431)  # tried in turn when none is given
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


@dataclass(frozen=True)
class Options:
    """Where and how the pages are served. Raises UserError for what would open them to others.

    port          the port; None is the first free one of PORTS, 0 any free one
    host          the address that is listened at; one beyond this machine needs `behind_proxy`
    behind_proxy  the name by which a proxy, which asks people who they are, is reached; "" for no proxy
    code          whether the browser must give the code that the terminal shows
    browser       whether a browser is opened
    """

    port: int | None = None
    host: str = "127.0.0.1"
    behind_proxy: str = ""
    code: bool = True
    browser: bool = True

    def __post_init__(self) -> None:
        if self.port is not None and not 0 <= self.port <= 65_535:
            raise UserError(f"--port must be a number from 0 to 65535, not {self.port}.")
        if self.behind_proxy and not _NAME.fullmatch(self.behind_proxy):
            raise UserError(
                f"--behind-proxy must be the name alone that the browser shows, in small letters, such as "
                f"lab.example, not '{self.behind_proxy}'."
            )
        if self.host not in LOOPBACK and not self.behind_proxy:
            raise UserError(
                f"--host {self.host} would open the pages to other machines: use `ssh -L`, or give the name of the "
                "proxy in front of them as --behind-proxy NAME."
            )
