"""The rooms of the package, the storeys they stand on, and who imports whom, as the source says it."""

from __future__ import annotations

import ast
from pathlib import Path

import hornbook

SOURCE = Path(hornbook.__file__).parent

# The rooms, lowest first: each imports only from lines above its own, never from its neighbours on a line.
STOREYS: tuple[set[str], ...] = (
    {"errors", "keys"},
    {"vocab", "batch", "artifacts", "schema", "signals", "console", "charts"},
    {"locks"},
    {"corpus", "objectives", "model", "train"},
    {"tokens", "scaling", "collators"},
    {"recipes", "convert"},
    {"prepare"},
    {"evaluate", "generate"},
    {"run"},
    {"transfer", "diagnose"},
    {"study"},
    {"report", "advice", "course"},
    {"app"},
    {"api"},
    {"cli", "harness"},
    {"__main__"},
)
STOREY = {name: number for number, names in enumerate(STOREYS) for name in names}


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


def graph() -> dict[str, set[str]]:
    files = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}
    return {
        name: imports(path.read_text(encoding="utf-8"), name, path.name == "__init__.py", set(files))
        for name, path in files.items()
    }
