"""The code: on a shared machine every user reaches 127.0.0.1, but only who reads this terminal gets in.

    a 0600 file with a form -> POST /enter -> cookie        how the browser that Hornbook opens gets in
    the code, typed         -> POST /enter -> cookie        every other browser

The code is never part of an address: addresses land in `ps`, in histories and in Referer. /enter answers 200 with a
page that leads on, not 303: a SameSite=Strict cookie is not sent on a redirect that a file's form began.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
import secrets
import tempfile
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path

from starlette.responses import HTMLResponse, Response

from hornbook.app.serving.faults import refusal

ENTER = "/enter"
FORM = 64  # bytes of the form
TRIES = 20
DELAY_SECONDS = 1.0
# Crockford's alphabet without capitals: 0 and o, 1, i and l are not mixed up. 15 letters are 75 random bits.
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 15

_FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Hornbook</title>
<meta name="viewport" content="width=device-width, initial-scale=1">{head}</head>
<body class="door"><main id="main"><h1>Hornbook</h1>{body}</main></body></html>
"""
_STYLE = '<link rel="stylesheet" href="/static/app.css"><link rel="icon" href="/static/icon.png">'
_ASK = """<form class="card" method="post" action="/enter">
<p>{said}</p>
<label class="field">The code in the terminal
<input name="code" autocomplete="off" autocapitalize="none" spellcheck="false" required{more}></label>
<p><button type="submit">Open the pages</button></p></form>"""
_SAID = "The pages belong to who started <code>hornbook</code>. It has printed a code in its terminal."


def new_code() -> str:
    """Return a code of 75 random bits, to be read and typed: three groups of five letters and digits."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    return "-".join(letters[first : first + 5] for first in range(0, _LENGTH, 5))


class Door:
    """Who has given the code. With `code` "" everybody is let in."""

    def __init__(self, code: str, port: int, delay: float = DELAY_SECONDS) -> None:
        self.code = code
        self.tries = TRIES
        self.delay = delay
        self._cookie = f"hornbook-{port}"  # cookies are shared by all ports of a machine
        self._token = secrets.token_urlsafe(18)

    def admits(self, cookies: Iterable[bytes]) -> bool:
        """Say whether a request with these Cookie headers may pass."""
        wanted = f"{self._cookie}={self._token}".encode()
        given = [part.strip() for header in cookies for part in header.split(b";")]
        return not self.code or any(hmac.compare_digest(part, wanted) for part in given)

    async def enter(self, form: bytes) -> Response:
        """Answer a form: the right code gets the cookie, a wrong one waits, and after TRIES of them none is read."""
        if self.tries <= 0:
            return refusal(
                429, "code", "Too many wrong codes were given: end Hornbook in the terminal and start it again."
            )
        if self.code and not hmac.compare_digest(_letters(form), _plain(self.code)):
            self.tries -= 1
            await asyncio.sleep(self.delay)
            return asking(wrong=True)
        head = f'{_STYLE}<meta http-equiv="refresh" content="0;url=/">'
        response = HTMLResponse(_FRAME.format(head=head, body='<p><a href="/">To the pages</a></p>'))
        response.set_cookie(self._cookie, self._token, path="/", httponly=True, samesite="strict")
        return response

    @contextlib.contextmanager
    def file(self, address: str) -> Iterator[Path]:
        """Yield a file of this user alone that brings a browser in; it is gone after the block."""
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        place = runtime if os.access(runtime, os.W_OK) else None  # else the folder for temporary files
        body = (
            f'<form method="post" action="{address}{ENTER}"><input type="hidden" name="code" value="{self.code}">'
            "<button>To the pages</button></form><script>document.forms[0].submit()</script>"
        )
        with tempfile.TemporaryDirectory(prefix="hornbook-", dir=place) as folder:  # which nobody else may enter
            path = Path(folder, "open.html")
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(_FRAME.format(head="", body=body))
            yield path


def asking(wrong: bool = False) -> Response:
    """Return the page that asks for the code."""
    said = "That is not the code. Look at the terminal again." if wrong else _SAID
    more = ' aria-invalid="true" autofocus' if wrong else ""
    page = _FRAME.format(head=_STYLE, body=_ASK.format(said=said, more=more))
    return HTMLResponse(page, 401)


def _letters(form: bytes) -> bytes:
    """Return the letters of the code that a form gives, as far as they are any."""
    fields = urllib.parse.parse_qsl(form.decode("ascii", "replace"), max_num_fields=4)
    return _plain(next((value for name, value in fields if name == "code"), ""))


def _plain(code: str) -> bytes:
    """Return a code without what people add or change in typing: capitals, hyphens, blanks."""
    return "".join(letter for letter in code.lower() if letter in _LETTERS).encode()
