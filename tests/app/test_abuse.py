"""Requests that no page sends, to a real server: each is refused with a sentence, and none is a fault of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from page_server import Counts, page, raw, request

from hornbook.app.serving.options import Options
from hornbook.app.serving.server import Served, running

OWN = "127.0.0.1:{port}"
Headers = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class Case:
    """A request: what differs from a good POST of {"text": "a"}. {port} and {code} are put in where they stand."""

    name: str
    statuses: tuple[int, ...]
    headers: Headers | None = None
    body: bytes = b'{"text":"a"}'
    method: str = "POST"
    path: str = "/api/echo"


def bodies(name: str, *given: bytes) -> list[Case]:
    return [Case(f"{name} {number}", (422,), body=body) for number, body in enumerate(given)]


def gets(name: str, *paths: str) -> list[Case]:
    return [Case(f"{name} {path}", (404, 400), {}, b"", "GET", path) for path in paths]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CASES = [
    *(
        Case(f"host {host!r}", (403, 400), {"Host": host, "Origin": origin})
        for host, origin in [
            ("", "http://" + OWN),
            ([OWN, OWN], "http://" + OWN),
            ([OWN, "evil.example"], "http://" + OWN),
            ("evil.example", "http://evil.example"),
            ("evil.example:{port}", "http://evil.example:{port}"),
            ("127.0.0.1.evil.example", "http://127.0.0.1.evil.example"),
            ("localhost.evil.example:{port}", "http://localhost.evil.example:{port}"),
            ("evil-127.0.0.1:{port}", "http://evil-127.0.0.1:{port}"),
            ("LOCALHOST:{port}", "http://LOCALHOST:{port}"),
            ("EVIL.EXAMPLE", "http://EVIL.EXAMPLE"),
            ("localhost.:{port}", "http://localhost.:{port}"),
            ("[::2]:{port}", "http://[::2]:{port}"),
            ("[::ffff:127.0.0.1]:{port}", "http://[::ffff:127.0.0.1]:{port}"),
            ("::1", "http://::1"),
            ("0.0.0.0:{port}", "http://0.0.0.0:{port}"),
            ("127.1:{port}", "http://127.1:{port}"),
            ("2130706433", "http://2130706433"),
            ("127.0.0.1:{port}@evil.example", "http://127.0.0.1:{port}@evil.example"),
            ("evil.example@127.0.0.1:{port}", "http://evil.example@127.0.0.1:{port}"),
            ("127.0.0.1:", "http://127.0.0.1:"),
            ("127.0.0.1:x", "http://127.0.0.1:x"),
            ("127.0.0.1:{port}, evil.example", "http://" + OWN),
        ]
    ),
    Case("the host in another header", (403,), {"Host": "evil.example", "X-Forwarded-Host": OWN}),
    *(
        Case(f"origin {origin!r}", (403,), {"Origin": origin})
        for origin in [
            "",
            "null",
            "http://evil.example",
            "http://127.0.0.1:1",
            "http://127.0.0.1",
            "http://localhost:{port}",
            "https://" + OWN,
            "HTTP://" + OWN,
            "http://127.0.0.1:{port}.evil.example",
            "http://127.0.0.1:{port}/",
            "file://",
            ["http://" + OWN, "http://evil.example"],
            ["http://" + OWN, "http://" + OWN],
        ]
    ),
    *(
        Case(f"content type {kind!r}", (415,), {"Content-Type": kind})
        for kind in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "text/plain; application/json",
            ["application/json", "text/plain"],
        ]
    ),
    *(
        Case(f"cookie {cookie!r}", (401,), {"Cookie": cookie})
        for cookie in ["", "hornbook-{port}=", "hornbook-{port}={code}", "hornbook-1=x", "x", "hornbook-{port}=\xff"]
    ),
    Case("no cookie for the session", (401,), {"Cookie": ""}, b"", "GET", "/api/session"),
    Case("no cookie for a page", (401,), {"Cookie": ""}, b"", "GET", "/demo"),
    Case("no cookie for a script", (401,), {"Cookie": ""}, b"", "GET", "/static/shell.mjs"),
    Case("64 kB and a byte", (413,), body=b'{"text":"' + b"a" * (64 * 1024 - 10) + b'"}'),
    Case("a length of a terabyte", (413,), {"Content-Length": str(2**40)}),
    Case(
        "chunked",
        (413,),
        {"Content-Length": "", "Transfer-Encoding": "chunked"},
        b"c\r\n" + b'{"text":"a"}\r\n0\r\n\r\n',
    ),
    Case("chunked and a length", (413, 400), {"Transfer-Encoding": "chunked"}, b"c\r\n" + b'{"text":"a"}\r\n0\r\n\r\n'),
    Case("no length", (413,), {"Content-Length": ""}, b""),
    Case("two lengths", (413, 400), {"Content-Length": ["12", "3"]}),
    *(
        Case(f"the length {length}", (413, 400), {"Content-Length": length})
        for length in ["-1", "+12", "0x0c", "1e1", "9" * 30]
    ),
    *bodies("nested", b"[" * 30_000, b'{"text":' + b"[" * 500 + b"]" * 500 + b"}", b'{"text":' + b'{"a":' * 9_000),
    *bodies("nested in a field", b'{"text":"a","have":' + b'{"a":' * 20 + b"1" + b"}" * 21),
    *bodies(
        "surrogates", rb'{"text":"\ud800"}', rb'{"text":"a\udfff b"}', rb'{"\ud800":"a"}', b'{"text":"\xed\xa0\x80"}'
    ),
    *bodies("NUL", rb'{"text":"a\u0000b"}', b'{"text":"a\x00b"}', rb'{"text":"a","tried":["\u0000"]}'),
    *bodies(
        "unknown fields",
        b'{"text":"a","txet":"b"}',
        b'{"text":"a","choice":{"heat":1}}',
        b'{"text":"a","__class__":"b"}',
    ),
    *bodies("numbers", b'{"text":"a","choice":{"temperature":NaN}}', b'{"text":"a","choice":{"temperature":Infinity}}'),
    *bodies(
        "more numbers", b'{"text":"a","choice":{"temperature":1e999}}', b'{"text":"a","run":' + b"9" * 5_000 + b"}"
    ),
    *bodies(
        "fields given twice", b'{"text":"a","text":"b"}', b'{"text":"a","choice":{"kind":"greedy","kind":"greedy"}}'
    ),
    *bodies(
        "other types",
        b'{"text":1}',
        b'{"text":null}',
        b'{"text":["a"]}',
        b'{"text":"a","run":"0"}',
        b'{"text":"a","run":true}',
    ),
    *bodies("other types inside", b'{"text":"a","run":0.5}', b'{"text":"a","tried":"b"}', b'{"text":"a","tried":[1]}'),
    *bodies(
        "other shapes",
        b'{"text":"a","choice":[]}',
        b'{"text":"a","choice":{"kind":"best"}}',
        b'{"text":"a","have":{"3":[1]}}',
    ),
    *bodies(
        "other wholes",
        b"",
        b"{}",
        b"[]",
        b'"a"',
        b"null",
        b"3",
        b"{",
        b'{"text":"a"} {}',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
    ),
    *bodies(
        "3,000 words",
        json.dumps({"text": "word " * 3_000}).encode(),
        json.dumps({"text": "a", "tried": ["b" * 4_001]}).encode(),
    ),
    *bodies("unknown runs", b'{"text":"a","run":7}', b'{"text":"a","run":-1}'),
    Case("a body for what asks nothing", (422,), path="/api/nothing"),
    Case("an unknown field in a stream", (422,), body=b'{"txt":"a"}', path="/api/three"),
    *gets(
        "traversal",
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static/vendor/../../../guard.py",
    ),
    *gets(
        "traversal",
        "/../../etc/passwd",
        "//etc/passwd",
        "/static//etc/passwd",
        "/static/..\\server.py",
        "/static/%00",
        "/static/",
    ),
    *gets(
        "traversal",
        "/static/%252e%252e/server.py",
        "/demo/../../x",
        "/static/vendor/vendor.json",
        "/static/%ff%fe",
        "/demo/",
    ),
    *gets("no page", "/nowhere", "/api", "/api/", "/api/runs/../session", "/.git/config", "/%2e"),
    *(
        Case(f"method {method}", (405, 400), {}, b"", method, "/api/echo")
        for method in ["OPTIONS", "TRACE", "PUT", "DELETE", "PATCH", "PROPFIND", "CONNECT"]
    ),
    Case(
        "a preflight of another page",
        (405,),
        {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"},
        b"",
        "OPTIONS",
    ),
    Case("GET of what is asked by POST", (405,), {}, b"", "GET"),
    Case("POST of what is read", (405,), path="/demo"),
    Case(
        "a form for the code from another page",
        (403,),
        FORM | {"Origin": "http://evil.example"},
        b"code=x",
        path="/enter",
    ),
    Case("a wrong code", (401,), FORM | {"Cookie": "", "Origin": "null"}, b"code=x", path="/enter"),
    Case("a code that is no text", (401,), FORM | {"Cookie": "", "Origin": "null"}, b"\xff\xfe=%00%ff", path="/enter"),
    Case("a code of 65 bytes", (413,), FORM | {"Cookie": "", "Origin": "null"}, b"code=" + b"x" * 60, path="/enter"),
    Case("a code as JSON", (415,), {"Cookie": "", "Origin": "null"}, b"{}", path="/enter"),
]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Served, str]]:
    """A real server, and the cookie of who has entered."""
    with running([page(Counts())], Options(port=0)) as served:
        served.door.delay = 0
        form = {"Host": OWN, **FORM, "Origin": "null", "Content-Length": "{length}"}
        entered = raw(served.port, filled(request("POST", "/enter", form), served, f"code={served.door.code}".encode()))
        assert entered.status == 200
        yield served, (entered.header("set-cookie") or "").partition(";")[0]


def filled(head: bytes, served: Served, body: bytes) -> bytes:
    for name, value in (("port", served.port), ("code", served.door.code), ("length", len(body))):
        head = head.replace(b"{%s}" % name.encode(), str(value).encode())
    return head + body


def sent(case: Case, served: Served, cookie: str) -> bytes:
    headers: dict[str, Any] = {"Host": OWN, "Cookie": cookie}
    if case.method == "POST":
        headers |= {"Origin": "http://" + OWN, "Content-Type": "application/json", "Content-Length": "{length}"}
    return filled(request(case.method, case.path, headers | dict(case.headers or {})), served, case.body)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_abuse_is_refused_with_a_sentence(
    case: Case, served: tuple[Served, str], capfd: pytest.CaptureFixture[str]
) -> None:
    answer = raw(served[0].port, sent(case, *served))
    assert answer.status in case.statuses
    if answer.header("content-type") == "application/json":
        entry = answer.json["error"]
        assert set(entry) == {"code", "message", "field"}
        assert re.fullmatch(rf"(?:[A-Z]|{re.escape(str(entry['field']))} ).*[.?]", entry["message"])
        assert len(entry["message"]) < 400
    else:
        assert b"code" in answer.body or b"Invalid HTTP request" in answer.body
    assert capfd.readouterr().err == ""  # no traceback in the terminal


def test_the_same_request_without_abuse_is_answered(served: tuple[Served, str]) -> None:
    answer = raw(served[0].port, sent(Case("good", (200,)), *served))
    assert (answer.status, answer.json["text"]) == (200, "a")
    body = json.dumps(
        {
            "text": "naïve 🐈 \u202e",
            "choice": {"temperature": 1},
            "tried": ["a", "b"],
            "have": {"3": [1, 2]},
            "second": None,
        }
    ).encode()
    answer = raw(served[0].port, sent(Case("good", (200,), body=body), *served))
    assert answer.json == {"text": "naïve 🐈 \u202e", "temperature": 1.0, "tried": ["a", "b"], "second": None}
    assert raw(served[0].port, sent(Case("nothing", (200,), body=b"", path="/api/nothing"), *served)).json == {
        "asked": None
    }


def test_a_field_that_is_wrong_is_named(served: tuple[Served, str]) -> None:
    for body, field in (
        (b'{"text":"a","choice":{"temperature":"x"}}', "choice.temperature"),
        (b'{"text":"a","choice":{"heat":1}}', "choice.heat"),
        (b'{"text":"a","tried":["b",3]}', "tried.1"),
        (b'{"text":"a\\u0000"}', "text"),
        (b'{"run":3}', "text"),
        (b'{"text":"a","run":7}', "run"),
    ):
        error = raw(served[0].port, sent(Case("field", (422,), body=body), *served)).json["error"]
        assert error["field"] == field


def test_a_fault_of_ours_is_told_by_number_and_its_account_stays_in_the_terminal(
    served: tuple[Served, str], capfd: pytest.CaptureFixture[str]
) -> None:
    reply = raw(served[0].port, sent(Case("fault", (500,), body=b"", path="/api/faulty"), *served))
    streams = [
        raw(served[0].port, sent(Case("fault", (200,), path=path), *served))
        for path in ("/api/faulty-stream", "/api/no-json")
    ]
    shown = capfd.readouterr().err
    assert [reply.status, *(stream.status for stream in streams)] == [500, 200, 200]
    for error in (reply.json["error"], *(stream.lines[-1]["error"] for stream in streams)):
        assert error["code"] == "fault"
        number = re.search(r"number ([0-9a-f]{6})", error["message"])
        assert number
        assert f"fault {number[1]} at POST /api/" in shown
        assert "TypeError" not in error["message"]
    assert shown.count("Traceback") == shown.count("TypeError: ") == 3


def test_a_fault_in_code_of_a_persons_own_is_theirs_to_mend(served: tuple[Served, str]) -> None:
    answer = raw(served[0].port, sent(Case("own", (422,), body=b"", path="/api/own"), *served))
    assert answer.status == 422
    assert re.search(r"line \d+ of .*page_server.py: ZeroDivisionError: mine", answer.sentence)


def test_an_error_of_the_reader_in_a_stream_is_its_last_line(served: tuple[Served, str]) -> None:
    answer = raw(served[0].port, sent(Case("refused", (200,), path="/api/refused"), *served))
    message = "The model is not there yet."
    assert answer.lines == [{"number": 0}, {"error": {"code": "refused", "message": message, "field": None}}]


def test_a_hostile_run_name_stays_text(served: tuple[Served, str]) -> None:
    answer = raw(served[0].port, sent(Case("session", (200,), {}, b"", "GET", "/api/session"), *served))
    assert answer.json["demo"] == {"runs": ["<img src=x onerror=alert(1)>"]}
    assert answer.header("content-type") == "application/json"
    assert answer.header("x-content-type-options") == "nosniff"
