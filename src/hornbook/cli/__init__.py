"""The command line: one verb a stage, each the thin face of a function.

    arguments -> request (a recipe) -> run, evaluate, generate ... -> tables

It never computes: what a verb prints, a function of Python returns. Errors become messages and exit codes in `program`.
"""

from hornbook.cli.program import main

__all__ = ["main"]
