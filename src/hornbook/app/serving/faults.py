"""What an error is to the browser: a status, a code for programs, a sentence for people, and the field it is about.

    {"error": {"code": "refused", "message": "The text has 5,000 characters: ...", "field": "text"}}

Codes: code (401), forbidden (403), missing (404), method (405), slow (408), large (413), type (415), refused (422),
busy (429), fault (500); late and stopped only in streams.
"""

from __future__ import annotations

import secrets
import sys
import traceback
from typing import Any

from starlette.responses import JSONResponse

from hornbook.app.serving.endpoints import Refused
from hornbook.app.serving.worker import Busy, LateError, StoppedError
from hornbook.errors import expected

_RETRY_SECONDS = 5


class UnreadError(Exception):
    """A body that did not come whole: `status` and `code` are the answer's."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def refusal(status: int, code: str, message: str, field: str | None = None) -> JSONResponse:
    """Return an answer that refuses; a connection whose body nobody has read is not used again."""
    headers = {"retry-after": str(_RETRY_SECONDS)} if status == 429 else {}
    if status in (408, 413):
        headers["connection"] = "close"
    return JSONResponse({"error": {"code": code, "message": message, "field": field or None}}, status, headers)


def answer_of(error: BaseException, where: str) -> JSONResponse:
    """Return the answer to a request that ended with an error; `where` is the address, for the terminal."""
    if isinstance(error, UnreadError):
        return refusal(error.status, error.code, str(error))
    status, entry = account_of(error, where)
    return refusal(status, entry["code"], entry["message"], entry["field"])


def account_of(error: BaseException, where: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the entry "error" for an error. A bug's traceback is printed in the terminal alone."""
    if isinstance(error, Busy):
        return 429, _entry("busy", "Other texts are being worked on: wait some seconds and try again.")
    if isinstance(error, LateError):
        return 200, _entry("late", f"This took longer than {error.seconds:g} seconds and was stopped: give less text.")
    if isinstance(error, StoppedError):
        return 200, _entry("stopped", "Hornbook was ended in the terminal.")
    known = expected(error)
    if known is not None:
        return 422, _entry("refused", str(known), known.field if isinstance(known, Refused) else None)
    return 500, _entry("fault", f"Hornbook has a fault: the terminal has its account, number {report(error, where)}.")


def report(error: BaseException, where: str) -> str:
    """Print a bug's traceback in the terminal, and return the number that the browser is told."""
    number = secrets.token_hex(3)
    account = "".join(traceback.format_exception(error))
    print(f"hornbook: fault {number} at {where}\n{account}", end="", file=sys.stderr, flush=True)
    return number


def _entry(code: str, message: str, field: str | None = None) -> dict[str, Any]:
    return {"code": code, "message": message, "field": field or None}
