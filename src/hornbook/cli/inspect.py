"""Commands that look things up: `hornbook settings`, `recipes`, `check`, `bench` and `doctor`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument

from hornbook.cli import tables
from hornbook.cli.common import Filter, Json, answer, loading, matching
from hornbook.console import phase
from hornbook.errors import UserError

LIMITS = """What limits a step, and what helps

matrix products  ·  The step is as fast as this machine multiplies. Only bf16 can make it faster.

memory  ·  Reading and writing activations takes most of the time. A smaller training.micro_batch may fit the caches.

the optimizers  ·  They run once a step. Larger training.batch_rows make them a smaller share.

small operations  ·  Overhead, and other programs. Set training.compile=yes, or close the other programs."""


def settings(text: Filter = "", as_json: Json = False) -> None:
    """List every setting that `pretrain` takes as a.b=c, with its type, default and meaning."""
    with loading("libraries"):
        from hornbook.recipes.describe import describe_settings

    answer(matching(describe_settings(), text, "settings"), as_json, tables.settings)


def recipes(text: Filter = "", as_json: Json = False) -> None:
    """List every recipe and model size that `pretrain --recipe` takes, with objective, shape and parameters.

    A size keeps its layers under another objective, as in: --recipe mini --objective span.
    """
    with loading("libraries"):
        from hornbook.recipes.describe import describe_recipes

        found = matching(describe_recipes(), text, "recipes")
    answer(found, as_json, tables.recipes)


def check(
    what: Annotated[
        list[str] | None,
        Argument(
            metavar="WHAT",
            help="Objectives, by name or as path.py:Class. Default: all that Hornbook has.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check whether objectives, your own too, obey the laws that all are held to, on real text and tokenizers.

    The exit code is 2 if a law is broken.
    """
    with loading("libraries"):
        from hornbook.diagnose.check import check_objectives

    for item in what or []:
        if ":" not in item and Path(item).exists():
            raise UserError(f"{item} is a path; so far only objectives can be checked, such as masked or my.py:Mine.")
    found = []
    with phase("checking"):
        for one in check_objectives(what or [], lambda part: print(f"training {part} ...", file=sys.stderr)):
            found.append(one)
            if not as_json:
                tables.checked([one])
    if as_json:
        answer(found, as_json, tables.checked)
    if any(one.broken for one in found):
        raise typer.Exit(2)


def bench(as_json: Json = False) -> None:
    """Measure in under a minute how fast this machine multiplies, copies memory and trains, and what limits it.

    Close other programs first: they slow the measurements. `hornbook doctor` shows the last result.
    """
    with loading():
        from hornbook.diagnose.bench import measure_machine

    with phase("measuring"):
        found = measure_machine(lambda part: print(f"measuring {part} ...", file=sys.stderr))
    answer(found, as_json, tables.machine_speed)


def doctor(as_json: Json = False) -> None:
    """Check this machine and installation, and print the command that fixes each problem."""
    from hornbook.diagnose.doctor import examine

    with phase("examining"):
        found = examine(Path("runs"))
    answer(found, as_json, tables.findings)
