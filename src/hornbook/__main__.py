"""The program `hornbook`, also as `python -m hornbook` and `torchrun -m hornbook`.

Signals are answered before anything else is imported: Ctrl-C in the first moment, too, ends it in one sentence.
"""

import _signal  # type: ignore[import-not-found]  # without the enums of `signal`, which take longer than Python to start
import os

_HANG_UP, _INTERRUPT, _TERMINATE = 1, 2, 15


def main() -> None:
    """Run the command of this process and exit."""
    for number in (_HANG_UP, _INTERRUPT, _TERMINATE):
        if number != _HANG_UP or _signal.getsignal(number) != _signal.SIG_IGN:  # as under nohup
            _signal.signal(number, _end)
    from hornbook.signals import end_at_once, ignore_at_the_end

    ignore_at_the_end()
    end_at_once()
    from hornbook.cli import main as program

    program()


def _end(number: int, frame: object) -> None:
    """End the process; signals.py has more to say, once it is there."""
    os.write(2, b"hornbook: Stopped.\n")
    os._exit(128 + number)


if __name__ == "__main__":
    main()
