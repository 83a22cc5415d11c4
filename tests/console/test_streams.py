"""Output that is lost ends no work that lasts; it ends at once what makes nothing but output."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable

import pytest

from hornbook.console.streams import Steady, steady_streams, work_lasts
from hornbook.console.view import View
from hornbook.errors import HornbookError


class Broken(io.StringIO):
    """A stream that fails from a moment on, when it is written or when it is flushed."""

    def __init__(self, error: Exception, method: str = "write", after: int = 0) -> None:
        super().__init__()
        self.error, self.method, self.left = error, method, after

    def _fail(self, method: str) -> None:
        if method == self.method:
            self.left -= 1
            if self.left < 0:
                raise self.error

    def write(self, text: str) -> int:
        self._fail("write")
        return super().write(text)

    def flush(self) -> None:
        self._fail("flush")


FAILURES: list[Callable[[], Exception]] = [
    lambda: BrokenPipeError(errno.EPIPE, "Broken pipe"),
    lambda: OSError(errno.ENOSPC, "No space left on device"),
    lambda: OSError(errno.EIO, "Input/output error"),
    lambda: ValueError("I/O operation on closed file."),
]


@pytest.mark.parametrize("method", ["write", "flush"])
@pytest.mark.parametrize("failure", FAILURES)
def test_lasting_work_goes_on_and_the_loss_is_told_once(
    failure: Callable[[], Exception], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, errors = Broken(failure(), method, after=1), io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "stderr", errors)
    with steady_streams(owned=False):
        work_lasts()
        view = View()
        for number in range(5):
            view.say(f"line {number}")
            print("printed", flush=True)
        with view.stage("counting", "things") as update:
            update(3)
    assert errors.getvalue().count("Standard output cannot be written") == 1
    assert "line 0" in output.getvalue() and "line 4" not in output.getvalue()
    assert sys.stdout is output


@pytest.mark.parametrize("failure", FAILURES)
def test_errors_that_cannot_be_told_end_nothing(
    failure: Callable[[], Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "stderr", Broken(failure()))
    with steady_streams(owned=False):
        print("a", file=sys.stderr)
        assert output.getvalue() == ""  # it may be a result for a script
        work_lasts()
        print("b", file=sys.stderr)
        print("c")
    assert output.getvalue().endswith("c\n")


@pytest.mark.parametrize(("failure", "code"), list(zip(FAILURES, (0, 3, 3, 3), strict=True)))
def test_a_command_that_only_prints_ends_when_it_cannot(
    failure: Callable[[], Exception], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(failure()))
    with steady_streams(owned=False), pytest.raises(HornbookError) as ended:
        print("a")
    assert ended.value.exit_code == code


def test_without_any_stream_nothing_is_printed_and_lasting_work_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with steady_streams(owned=False):
        work_lasts()
        View().say("a")
        print("a"), print("b", file=sys.stderr)
    View().say("in a notebook whose output is gone")


def test_a_script_of_ones_own_whose_output_is_lost_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = io.StringIO()
    monkeypatch.setattr(sys, "stdout", Broken(BrokenPipeError(errno.EPIPE, "Broken pipe")))
    monkeypatch.setattr(sys, "stderr", errors)
    view = View()
    for _ in range(3):
        view.say("a")
    assert errors.getvalue().count("cannot be written") == 1


@pytest.mark.parametrize(
    ("encoding", "text", "written"),
    [
        ("utf-8", "é █ \udcff", b"\xc3\xa9 \xe2\x96\x88 \\udcff"),
        ("ascii", "é █·✓ …", b"\\xe9 #.+ ."),
        ("latin-1", "é █", b"\xe9 #"),
    ],
)
def test_what_a_stream_cannot_encode_is_written_in_ascii(encoding: str, text: str, written: bytes) -> None:
    raw = io.BytesIO()
    steady = Steady(io.TextIOWrapper(raw, encoding=encoding), pytest.fail, needed=True, owned=False)
    steady.write(text)
    steady.flush()
    assert raw.getvalue() == written


def test_what_stands_in_the_buffer_of_a_lost_descriptor_goes_nowhere() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    said: list[str] = []
    stream = os.fdopen(writer, "w")
    steady = Steady(stream, said.append, needed=False, owned=True)
    steady.write("a")
    steady.flush()
    stream.write("b")
    stream.close()  # without an error: the descriptor is that of /dev/null now
    assert said == ["Broken pipe"]
