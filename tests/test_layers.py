"""Imports run one way only: read from the source, imports inside functions included."""

from __future__ import annotations

import ast
import graphlib
import sys
from pathlib import Path

import pytest

import hornbook

SOURCE = Path(hornbook.__file__).parent

# The rooms, lowest first: each imports only from lines above its own, never from its neighbours on a line.
STOREYS: tuple[set[str], ...] = (
    {"errors", "keys"},
    {"vocab", "batch", "artifacts", "schema", "signals", "console"},
    {"corpus", "objectives", "model", "train"},
    {"tokens", "scaling", "collators"},
    {"recipe", "convert"},
    {"prepare"},
    {"evaluate"},
    {"run"},
    {"generate", "transfer", "diagnose"},
    {"study"},
    {"report"},
    {"api", "app"},
    {"cli"},
    {"__main__"},
)
STOREY = {name: number for number, names in enumerate(STOREYS) for name in names}
# Lower, and forbidden all the same: what a model or a machine is, text and tokens do not ask.
FORBIDDEN = {("tokens", "model"), ("tokens", "train"), ("recipe", "train"), ("recipe", "collators")}
# What a room may import beside the standard library; the others may import what they like.
ONLY: dict[str, set[str]] = {
    "errors": set(),
    "artifacts": set(),
    "signals": set(),
    "schema": {"pydantic"},
    **{name: {"numpy"} for name in ("keys", "vocab", "batch", "objectives")},
}
# What two modules may import beside that: compiled functions need numba, which is loaded only where it is wanted.
ALSO = {"hornbook.objectives.ops.compiled": {"numba"}, "hornbook.objectives.ops.kernels": {"numba"}}
WITHOUT_TORCH = {*ONLY, "corpus", "tokens", "console", "recipe", "prepare"}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str, module: str, is_package: bool, modules: set[str]) -> set[str]:
    """Return every module that `source` imports anywhere; hornbook's own as precisely as its files go."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".")[: None if is_package and node.level == 1 else -node.level + is_package]
                base = ".".join([*package, *([base] if base else [])])
            found |= {name if (name := f"{base}.{alias.name}") in modules else base for alias in node.names}
    return found


def room(module: str) -> str:
    """Return the folder or file directly below hornbook; "" for hornbook itself and for other packages."""
    parts = module.split(".")
    return parts[1] if parts[0] == "hornbook" and len(parts) > 1 else ""


def complaint(importer: str, imported: str) -> str | None:
    """Return why `importer` must not import `imported`, or None when it may."""
    here, there = room(importer), room(imported)
    if not there:
        package = imported.partition(".")[0]
        outside = package not in sys.stdlib_module_names and package != "hornbook"
        if outside and here in ONLY and package not in ONLY[here] | ALSO.get(importer, set()):
            return f"{importer} imports {imported}"
        return f"{importer} imports torch" if package == "torch" and here in WITHOUT_TORCH else None
    if here == there:
        return None
    upward = STOREY[there] >= STOREY[here]
    return f"{importer} imports {imported}" if upward or (here, there) in FORBIDDEN else None


def graph() -> dict[str, set[str]]:
    files = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}
    return {
        name: imports(path.read_text(encoding="utf-8"), name, path.name == "__init__.py", set(files))
        for name, path in files.items()
    }


def test_imports_run_one_way() -> None:
    found = [complaint(importer, item) for importer, items in graph().items() if room(importer) for item in items]
    assert [item for item in found if item] == []


def test_every_room_has_a_storey() -> None:
    assert {room(module) for module in graph()} - {""} <= set(STOREY)


def test_no_folder_is_crowded() -> None:
    """At most 12 files in the root and 20 in each folder: a room with more wants walls."""
    folders = [SOURCE, *(path for path in SOURCE.rglob("*/") if path.name != "__pycache__")]
    files = {folder: [path for path in folder.iterdir() if path.is_file()] for folder in folders}
    crowded = {
        str(folder): len(found) for folder, found in files.items() if len(found) > (12 if folder == SOURCE else 20)
    }
    assert crowded == {}


def test_no_module_imports_itself_in_a_circle() -> None:
    own = {name: {item for item in items if room(item)} - {name} for name, items in graph().items()}
    graphlib.TopologicalSorter(own).prepare()


def test_importing_hornbook_imports_nothing_else() -> None:
    assert graph()["hornbook"] == set()


@pytest.mark.parametrize(
    ("importer", "source", "refused"),
    [
        ("hornbook.model.heads", "def f():\n    from hornbook.objectives.base import Objective", True),
        ("hornbook.model.heads", "from ..objectives import base", True),
        ("hornbook.train.loop", "import hornbook.model.transformer", True),
        ("hornbook.tokens.shards", "from hornbook import run", True),
        ("hornbook.tokens.shards", "import hornbook.model.config", True),
        ("hornbook.generate.text", "from hornbook.diagnose import bench", True),
        ("hornbook.scaling.count", "from hornbook.model.config import ModelConfig", False),
        ("hornbook.corpus.read", "from hornbook.objectives.base import Objective", True),
        ("hornbook.objectives.causal", "import torch", True),
        ("hornbook.keys", "import scipy.stats", True),
        ("hornbook.objectives.ops.noise", "import numba", True),
        ("hornbook.objectives.ops.kernels", "import numba", False),
        ("hornbook.tokens.loader", "def f():\n    import torch.nn", True),
        ("hornbook.tokens.packing", "from hornbook.objectives.base import Objective", False),
        ("hornbook.model.heads", "from . import attention\nimport torch", False),
        ("hornbook.batch", "import numpy as np\nfrom hornbook.keys import Keys", False),
    ],
)
def test_the_reader_sees_each_kind_of_violation(importer: str, source: str, refused: bool) -> None:
    modules = {"hornbook", "hornbook.run", "hornbook.objectives", "hornbook.objectives.base", "hornbook.keys"}
    found = imports(source, importer, False, modules)
    assert any(complaint(importer, item) for item in found) == refused
