"""The command line: one command for each stage. A command calls one function of the package and prints its result.

program   the application and `main`: errors become messages and exit codes
train, use, inspect, pages ...   the commands; common has what they share, request turns arguments into a recipe
tables/                         what the commands print
"""

from hornbook.cli.program import main

__all__ = ["main"]
