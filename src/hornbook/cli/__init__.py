"""The command line: one verb for each stage. A verb calls one function of the package and prints its result.

program   the application and `main`: errors become messages and exit codes
train, use, inspect, corpus   the verbs; common has what they share, request turns arguments into a recipe
tables, corpus_tables   what the verbs print
"""

from hornbook.cli.program import main

__all__ = ["main"]
