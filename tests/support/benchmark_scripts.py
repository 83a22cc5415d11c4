"""The scripts of benchmarks/ as modules, for the tests of what they compute."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

_FOLDER = str(Path(__file__).parents[2] / "benchmarks")


def script(name: str) -> ModuleType:
    """Return a module of benchmarks/; its folder comes last, so that it hides no other module."""
    if _FOLDER not in sys.path:
        sys.path.append(_FOLDER)
    return importlib.import_module(name)
