"""The guard and the code: who gets in, by which way, and what every answer bears."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from page_server import Answer, Counts, asked, page

from hornbook.app.serving.endpoints import Page
from hornbook.app.serving.guard import HEADERS
from hornbook.app.serving.login import TRIES, Door, new_code
from hornbook.app.serving.options import Options
from hornbook.app.serving.server import application
from hornbook.errors import UserError

HOST = ("host", "127.0.0.1:8421")
ORIGIN = ("origin", "http://127.0.0.1:8421")
JSON = ("content-type", "application/json")
FORM = ("content-type", "application/x-www-form-urlencoded")


def write(app: object, body: bytes, *, path: str = "/api/echo", headers: list[tuple[str, str]]) -> Answer:
    return asked(app, "POST", path, [*headers, ("content-length", str(len(body)))], body)


def enter(app: object, code: str, origin: str = "null") -> Answer:
    return write(app, f"code={code}".encode(), path="/enter", headers=[HOST, ("origin", origin), FORM])


@pytest.fixture
def door() -> Door:
    return Door(new_code(), 8421, delay=0)


@pytest.fixture
def app(door: Door) -> object:
    return application([page(Counts())], door=door)


def test_a_code_has_72_random_bits_and_letters_that_are_not_mixed_up() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(re.fullmatch("(?:[0-9a-hjkmnp-tv-z]{5}-?){3}", code) for code in codes)
    assert 32**15 >= 2**72


def test_the_code_opens_the_pages_and_stays_out_of_every_address(app: object, door: Door) -> None:
    assert asked(app, "GET", "/", [HOST]).status == 401
    entered = enter(app, door.code)
    assert entered.status == 200  # and no redirect, after which a Strict cookie would not be sent
    assert b'http-equiv="refresh" content="0;url=/"' in entered.body
    assert door.code.encode() not in entered.body
    cookie = entered.header("set-cookie") or ""
    name, _, flags = cookie.partition(";")
    assert name.startswith("hornbook-8421=")
    assert {flag.strip().lower() for flag in flags.split(";")} == {"httponly", "path=/", "samesite=strict"}
    assert door.code.replace("-", "") not in cookie
    for path in ("/", "/demo", "/api/session", "/static/shell.mjs"):
        assert asked(app, "GET", path, [HOST, ("cookie", f"other=1; {name}; more=2")]).status == 200
        assert asked(app, "GET", path, [HOST]).status == 401
        assert asked(app, "GET", path, [HOST, ("cookie", name[:-1])]).status == 401
        assert asked(app, "GET", path, [HOST, ("cookie", name.replace("8421", "8422"))]).status == 401


def test_the_code_may_be_typed_in_capitals_and_without_hyphens(app: object, door: Door) -> None:
    assert enter(app, door.code.upper().replace("-", ""), "http://127.0.0.1:8421").status == 200
    assert enter(app, door.code.replace("-", "+")).status == 200


def test_after_twenty_wrong_codes_not_even_the_right_one_is_read(app: object, door: Door) -> None:
    for _ in range(TRIES):
        wrong = enter(app, "00000-00000-00000")
        assert (wrong.status, wrong.header("set-cookie")) == (401, None)
        assert b"That is not the code" in wrong.body
    assert enter(app, door.code).status == 429


def test_without_a_code_everybody_is_let_in_and_all_else_is_guarded_still() -> None:
    app = application([page(Counts())])
    assert asked(app, "GET", "/", [HOST]).status == 200
    assert asked(app, "GET", "/", [("host", "evil.example")]).status == 403
    assert write(app, b'{"text":"a"}', headers=[HOST, ORIGIN, JSON]).status == 200
    assert write(app, b'{"text":"a"}', headers=[HOST, JSON]).status == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8421", "127.0.0.1:1", "localhost:50000", "[::1]:8421", "localhost"])
def test_every_name_of_this_machine_and_every_port_is_right(host: str) -> None:
    """`ssh -L` changes the port."""
    app = application([page(Counts())])
    assert asked(app, "GET", "/", [("host", host)]).status == 200
    headers = [("host", host), ("origin", f"http://{host}"), JSON]
    assert write(app, b'{"text":"a"}', headers=headers).status == 200
    headers[1] = ("origin", "http://127.0.0.1:8080")
    assert write(app, b'{"text":"a"}', headers=headers).status == 403


def test_a_proxys_name_is_right_only_where_it_was_given_and_by_https_too() -> None:
    headers = [("host", "lab.example"), ("origin", "https://lab.example"), JSON]
    assert write(application([page(Counts())]), b'{"text":"a"}', headers=headers).status == 403
    app = application([page(Counts())], proxy="lab.example")
    assert write(app, b'{"text":"a"}', headers=headers).status == 200
    headers[1] = ("origin", "https://127.0.0.1")
    assert write(app, b'{"text":"a"}', headers=headers).status == 403
    assert write(app, b"{}", headers=[HOST, ("origin", "https://127.0.0.1:8421"), JSON]).status == 403


@pytest.mark.parametrize("path", ["/", "/demo", "/api/session", "/static/app.css", "/nowhere", "/enter", "/api/echo"])
@pytest.mark.parametrize("host", ["127.0.0.1:8421", "evil.example"])
def test_every_answer_bears_every_header_and_none_that_allows_another_origin(path: str, host: str, app: object) -> None:
    answer = asked(app, "GET", path, [("host", host), ("origin", "http://evil.example")])
    assert {name: answer.header(name) for name in HEADERS} == HEADERS
    assert not [name for name, _ in answer.headers if name.startswith("access-control")]
    assert answer.header("server") is None
    policy = HEADERS["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_file_that_opens_the_browser_is_this_users_alone_and_gone_afterwards(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    old = os.umask(0)
    try:
        with door.file("http://127.0.0.1:8421") as path:
            assert path.parent.parent == tmp_path
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            text = path.read_text()
            assert f'value="{door.code}"' in text
            assert 'method="post" action="http://127.0.0.1:8421/enter"' in text
            assert door.code not in path.as_uri()
    finally:
        os.umask(old)
    assert list(tmp_path.iterdir()) == []


def test_without_a_runtime_directory_the_file_lies_in_a_folder_of_its_own(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nowhere/at/all")
    with door.file("http://127.0.0.1:8421") as path:
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.parent.exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"host": "0.0.0.0"}, "ssh -L"),
        ({"host": "192.168.0.7"}, "--behind-proxy NAME"),
        ({"behind_proxy": "http://lab.example"}, "the name alone"),
        ({"behind_proxy": "lab.example/"}, "the name alone"),
        ({"behind_proxy": "*"}, "the name alone"),
        ({"behind_proxy": "a\r\nb"}, "the name alone"),
        ({"port": 65_536}, "from 0 to 65535"),
        ({"port": -1}, "from 0 to 65535"),
    ],
)
def test_what_would_open_the_pages_to_others_is_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        Options(**given)  # type: ignore[arg-type]


def test_beyond_this_machine_one_listens_only_behind_a_named_proxy() -> None:
    assert Options(host="0.0.0.0", behind_proxy="lab.example").host == "0.0.0.0"


def test_a_page_whose_session_fails_leaves_the_others_theirs(capfd: pytest.CaptureFixture[str]) -> None:
    def refused() -> dict[str, object]:
        raise UserError("The run runs/a is gone.")

    pages = [page(Counts()), Page("gone", "Gone", (), refused), Page("faulty", "Faulty", (), lambda: len(None))]  # type: ignore[arg-type]
    session = asked(application(pages), "GET", "/api/session").json
    assert session["demo"]["runs"]
    assert session["gone"] == {"error": {"code": "refused", "message": "The run runs/a is gone.", "field": None}}
    assert "error" in session["faulty"]
    assert [entry["name"] for entry in session["pages"]] == ["demo", "gone", "faulty"]
