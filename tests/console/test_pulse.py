"""The line that says what goes on: only where nothing else is said, and gone as soon as something is."""

from __future__ import annotations

import io
import time

import pytest

from hornbook.console import phase, pulse
from hornbook.console.pulse import Pulse
from hornbook.console.streams import Steady


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def steady(stream: io.StringIO, needed: bool = False) -> Steady:
    return Steady(stream, pytest.fail, needed=needed, owned=False)


def until(stream: io.StringIO, length: int) -> None:
    """Wait until a stream has text of a length, a few seconds at the most."""
    end = time.monotonic() + 5
    while len(stream.getvalue()) < length and time.monotonic() < end:
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, seconds in (("_TICK", 0.01), ("_FIRST_SECONDS", 0.03), ("_PLAIN_SECONDS", 0.6), ("_LIVE_SECONDS", 0.05)):
        monkeypatch.setattr(pulse, name, seconds)


def test_on_a_terminal_a_line_comes_at_once_and_vanishes_before_the_next_output() -> None:
    screen = Terminal()
    output = steady(screen)
    with Pulse(output, steady(screen)).beating(), phase("loading PyTorch", eager=True):
        assert screen.getvalue() == "\r\x1b[Kloading PyTorch ..."
        output.write("done\n")
        assert screen.getvalue() == "\r\x1b[Kloading PyTorch ...\r\x1b[Kdone\n"
    assert screen.getvalue().endswith("done\n")


def test_on_a_terminal_silence_is_filled_but_no_line_that_is_not_ended_is_touched() -> None:
    screen = Terminal()
    output = steady(screen)
    with Pulse(output, steady(screen)).beating(), phase("generating"):
        output.write("Once upon")
        time.sleep(0.2)
        assert screen.getvalue() == "Once upon"
        output.write(" a time\n")
        until(screen, len("Once upon a time\n\r"))
        assert screen.getvalue() == "Once upon a time\n\r\x1b[Kgenerating ..."


def test_a_log_begins_at_once_and_goes_on_after_silence_on_standard_error() -> None:
    log, errors = io.StringIO(), io.StringIO()
    with Pulse(steady(log), steady(errors)).beating():
        with phase("loading PyTorch", eager=True):
            until(log, 1)
        with phase("preparing"), phase("reading"):
            until(errors, 1)
    assert log.getvalue() == "loading PyTorch ...\n"
    assert errors.getvalue() == "reading ...\n"


def test_a_result_for_a_script_stays_alone_and_a_short_silence_is_not_told() -> None:
    result, errors = io.StringIO(), io.StringIO()
    with Pulse(steady(result, needed=True), steady(errors)).beating(), phase("loading PyTorch", eager=True):
        time.sleep(0.1)
        assert (result.getvalue(), errors.getvalue()) == ("", "")
        until(errors, 1)
    assert (result.getvalue(), errors.getvalue()) == ("", "loading PyTorch ...\n")


def test_an_empty_phase_is_silent_while_somebody_types() -> None:
    screen = Terminal()
    with Pulse(steady(screen), steady(screen)).beating(), phase("generating"), phase(""):
        time.sleep(0.2)
    assert screen.getvalue() == ""


def test_without_a_command_a_phase_says_nothing() -> None:
    with phase("alone", eager=True):
        pass


def test_what_a_command_begins_with_is_said_without_waiting() -> None:
    log, errors = io.StringIO(), io.StringIO()
    first = Pulse(steady(log), steady(errors))
    first.begin("loading libraries")
    assert (log.getvalue(), errors.getvalue()) == ("loading libraries ...\n", "")
    screen = Terminal()
    live = Pulse(steady(screen), steady(screen))
    with live.beating():
        live.begin("loading libraries")
        assert screen.getvalue() == "\r\x1b[Kloading libraries ..."
        with phase("loading PyTorch", eager=True):
            assert screen.getvalue().endswith("\r\x1b[Kloading PyTorch ...")
