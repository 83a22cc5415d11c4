"""Imports run one way only: read from the source, imports inside functions included."""

from __future__ import annotations

import ast
import fnmatch
import graphlib
import sys
from pathlib import Path

import pytest
from rooms import SOURCE, STOREY, graph, imports, module_name, room

# Lower, and forbidden all the same: what a model or a machine is, text and tokens do not ask.
FORBIDDEN = {("tokens", "model"), ("tokens", "train"), ("recipes", "train"), ("recipes", "collators")}
# What a room may import beside the standard library; the others may import what they like.
ONLY: dict[str, set[str]] = {
    "errors": set(),
    "artifacts": set(),
    "signals": set(),
    "schema": {"annotated_types"},
    **{name: {"numpy"} for name in ("keys", "vocab", "batch", "objectives")},
}
# What two modules may import beside that: compiled functions need numba, which is loaded only where it is wanted.
ALSO = {"hornbook.objectives.ops.compiled": {"numba"}, "hornbook.objectives.ops.kernels": {"numba"}}
WITHOUT_TORCH = {*ONLY, "corpus", "tokens", "console", "recipes", "prepare"}


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


def test_no_module_outside_objectives_asks_which_objective_it_has() -> None:
    """An objective says itself what its model needs and does: `heads`, `prompting` and the functions of base.py."""
    classes = {"Objective", "Cycled", "Paired"}
    for path in (SOURCE / "objectives").glob("*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        classes |= {item.name for item in body if isinstance(item, ast.ClassDef) and "__call__" in ast.dump(item)}
    asking = []
    for path in SOURCE.rglob("*.py"):
        if path.parent.name in ("objectives", "ops"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "type"):
                named = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)} & classes
                asking += [f"{module_name(path)}:{node.lineno} asks for {name}" for name in named]
    assert {"Causal", "ReplacedToken", "UL2Denoiser", "Mixture"} <= classes
    assert asking == []


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


def test_every_folder_of_tests_is_run(pytestconfig: pytest.Config) -> None:
    """Pytest passes over folders of some names, without a word."""
    folders = [path for path in Path(__file__).parent.rglob("*/") if path.name != "__pycache__"]
    skipped = pytestconfig.getini("norecursedirs")
    assert not [folder for folder in folders if any(fnmatch.fnmatch(folder.name, pattern) for pattern in skipped)]


def test_no_two_files_of_tests_share_a_name() -> None:
    """Pytest imports them by their names, without their folders: a worker that met another one first cannot go on."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
