"""`python -m hornbook`, and so `torchrun -m hornbook`: the command line."""

from hornbook.cli import main

if __name__ == "__main__":
    main()
