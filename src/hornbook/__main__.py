"""The command line for `python -m hornbook` and `torchrun -m hornbook`."""

from hornbook.cli import main

if __name__ == "__main__":
    main()
