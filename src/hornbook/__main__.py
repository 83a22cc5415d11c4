"""The program `hornbook`, also as `python -m hornbook` and `torchrun -m hornbook`.

Signals are answered before anything large is imported: Ctrl-C in the first moment ends it in one sentence too.
"""

from hornbook.signals import end_at_once


def main() -> None:
    """Run the command of this process and exit."""
    end_at_once()
    from hornbook.cli import main as program

    program()


if __name__ == "__main__":
    main()
