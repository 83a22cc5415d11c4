"""The reader's browser, opened on a file or an address; where there is none, nothing happens."""

from __future__ import annotations

import contextlib
import os
import sys
import webbrowser

# Browsers of the terminal would take it from Hornbook.
_IN_TERMINAL = {"www-browser", "links", "elinks", "lynx", "w3m"}


def open_browser(address: str) -> bool:
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
