"""Commands that look things up: `hornbook settings`, `recipes`, `bench` and `doctor`."""

from __future__ import annotations

import sys
from pathlib import Path

from hornbook.cli import tables
from hornbook.cli.common import Filter, Json, answer, matching

LIMITS = """What limits a step, and what helps

matrix products  ·  The step is as fast as this machine multiplies. Only bf16 can make it faster.

memory  ·  Reading and writing activations takes most of the time. A smaller training.micro_batch may fit the caches.

the optimizers  ·  They run once a step. Larger training.batch_rows make them a smaller share.

small operations  ·  Overhead, and other programs. Set training.compile=yes, or close the other programs."""


def settings(text: Filter = "", as_json: Json = False) -> None:
    """List every setting that `pretrain` takes as a.b=c, with its type, default and meaning."""
    from hornbook.recipes.describe import describe_settings

    answer(matching(describe_settings(), text, "settings"), as_json, tables.settings)


def recipes(text: Filter = "", as_json: Json = False) -> None:
    """List every recipe and model size that `pretrain --recipe` takes, with objective, shape and parameters.

    A size keeps its layers under another objective, as in: --recipe mini --objective span.
    """
    from hornbook.recipes.describe import describe_recipes

    answer(matching(describe_recipes(), text, "recipes"), as_json, tables.recipes)


def bench(as_json: Json = False) -> None:
    """Measure in under a minute how fast this machine multiplies, copies memory and trains, and what limits it.

    Close other programs first: they slow the measurements. `hornbook doctor` shows the last result.
    """
    from hornbook.diagnose.bench import measure_machine

    found = measure_machine(lambda part: print(f"measuring {part} ...", file=sys.stderr))
    answer(found, as_json, tables.machine_speed)


def doctor(as_json: Json = False) -> None:
    """Check this machine and installation, and print the command that fixes each problem."""
    from hornbook.diagnose.doctor import examine

    answer(examine(Path("runs")), as_json, tables.findings)
