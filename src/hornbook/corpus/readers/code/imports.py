"""What the files of a repository import of each other, read from their lines: for the order of files in one text.

Python, JavaScript, TypeScript, Go, Rust, Java, Kotlin, Scala, C, C++ and Objective-C. What leads out of the repository
is left aside.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

_PYTHON = re.compile(
    r"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]{0,4000}\)|[^\n#;]+)|import[ \t]+([^\n#;]+))",
    re.MULTILINE,
)
_SCRIPT = re.compile(
    r"(?:^|[;\s}])(?:import|export)\s[^'\"`;]{0,2000}?\bfrom\s*['\"]([^'\"\n]{1,300})['\"]"
    r"|(?:^|[;\s])import\s*['\"]([^'\"\n]{1,300})['\"]"
    r"|\b(?:require|import)\s*\(\s*['\"]([^'\"\n]{1,300})['\"]\s*\)",
)
_GO = re.compile(r"^import\s+(?:\(([^)]{0,20000})\)|(?:[\w.]+\s+)?\"([^\"\n]+)\")", re.MULTILINE)
_QUOTED = re.compile(r"\"([^\"\n]+)\"")
_MODULE = re.compile(r"^module\s+(\S+)", re.MULTILINE)
_RUST_MOD = re.compile(r"^[ \t]*(?:pub(?:\([^)\n]*\))?[ \t]+)?mod[ \t]+(\w+)[ \t]*;", re.MULTILINE)
_RUST_USE = re.compile(r"^[ \t]*(?:pub(?:\([^)\n]*\))?[ \t]+)?use[ \t]+((?:crate|super|self)(?:::\w+)+)", re.MULTILINE)
_JAVA = re.compile(r"^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]+?)(\.\*|\._)?[ \t]*;?[ \t]*$", re.MULTILINE)
_INCLUDE = re.compile(r"^[ \t]*#[ \t]*(?:include|import)[ \t]*[\"<]([^\">\n]{1,300})[\">]", re.MULTILINE)

_SCRIPT_ENDINGS = (".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte", ".json")
_PLACES = ("", "src", "lib", "include", "python")  # folders below the root from which imports are often written


class Files(NamedTuple):
    """The files of a repository, by path with forward slashes.

    every    all paths
    ends     paths by their last part
    folders  paths by the folder that they lie in
    modules  the names of Go modules, each with its folder
    """

    every: frozenset[str]
    ends: Mapping[str, tuple[str, ...]]
    folders: Mapping[str, tuple[str, ...]]
    modules: Mapping[str, str]


def files_of(paths: Iterable[str], modules: Mapping[str, str]) -> Files:
    """Return an index of the paths; `modules` are Go's, as `module_of` finds them in go.mod."""
    every = sorted(set(paths))
    ends: dict[str, list[str]] = {}
    folders: dict[str, list[str]] = {}
    for path in every:
        folder, _, name = path.rpartition("/")
        ends.setdefault(name, []).append(path)
        folders.setdefault(folder, []).append(path)
    return Files(
        frozenset(every),
        {name: tuple(held) for name, held in ends.items()},
        {name: tuple(held) for name, held in folders.items()},
        modules,
    )


def module_of(text: str) -> str:
    """Return the name of the module of a go.mod, "" where there is none."""
    found = _MODULE.search(text)
    return found[1].strip('"') if found else ""


def told(language: str, text: str) -> tuple[str, ...]:
    """Return what a file says that it imports, in the words of its language, each once."""
    read = _TOLD.get(language)
    return tuple(dict.fromkeys(read(text))) if read else ()


def resolved(language: str, path: str, names: Iterable[str], files: Files) -> frozenset[str]:
    """Return the paths of the repository that a file's imports lead to, without itself."""
    find = _FOUND.get(language)
    found = (item for name in names for item in find(path, name, files)) if find else ()
    return frozenset(found) - {path}


def _told_python(text: str) -> Iterator[str]:
    """Yield `a.b`, and `a.b:c` for a name that is taken from a module."""
    for found in _PYTHON.finditer(text):
        if found[3]:
            for part in found[3].split(","):
                yield part.split()[0] if part.split() else ""
            continue
        for part in re.sub(r"#[^\n]*", "", found[2]).strip("()").split(","):
            yield f"{found[1]}:{part.split()[0] if part.split() else ''}"


def _python(path: str, name: str, files: Files) -> Iterator[str]:
    module, _, item = name.partition(":")
    folder = posixpath.dirname(path)
    dots = len(module) - len(module.lstrip("."))
    parts = [part for part in module.split(".") if part]
    if dots:
        for _ in range(dots - 1):
            folder = posixpath.dirname(folder)
        bases = [folder]
    else:
        bases = list(dict.fromkeys([*_upwards(folder), *_PLACES]))
    for base in bases:
        place = "/".join(filter(None, [base, *parts]))
        wanted = [*([f"{place}/{item}"] if item and place else [item] if item else []), place]
        for stem in filter(None, wanted):
            for candidate in (f"{stem}.py", f"{stem}/__init__.py", f"{stem}.pyi", f"{stem}.pyx"):
                if candidate in files.every:
                    yield candidate
                    return


def _upwards(folder: str) -> Iterator[str]:
    """Yield a folder and all above it, the root "" last."""
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


def _told_script(text: str) -> Iterator[str]:
    return (found[1] or found[2] or found[3] for found in _SCRIPT.finditer(text))


def _script(path: str, name: str, files: Files) -> Iterator[str]:
    if name.startswith("."):
        place = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        places = [place]
    elif name.startswith(("@/", "~/")):  # what bundlers and frameworks take for the source folder
        places = [f"src/{name[2:]}", name[2:]]
    else:
        return
    for place in places:
        stem = re.sub(r"\.(?:js|mjs|cjs|jsx)$", "", place)  # TypeScript writes the name of what it becomes
        stems = (place, *(f"{place}{end}" for end in _SCRIPT_ENDINGS), *(f"{stem}{end}" for end in _SCRIPT_ENDINGS))
        for candidate in (*stems, *(f"{place}/index{end}" for end in _SCRIPT_ENDINGS)):
            if candidate in files.every:
                yield candidate
                return


def _told_go(text: str) -> Iterator[str]:
    for found in _GO.finditer(text):
        yield from _QUOTED.findall(found[1]) if found[1] is not None else [found[2]]


def _go(path: str, name: str, files: Files) -> Iterator[str]:
    for module, folder in files.modules.items():
        if name == module or name.startswith(f"{module}/"):
            package = "/".join(filter(None, [folder, name[len(module) + 1 :]]))
            if package == posixpath.dirname(path):
                continue
            yield from (
                held
                for held in files.folders.get(package, ())
                if held.endswith(".go") and not held.endswith("_test.go")
            )


def _told_rust(text: str) -> Iterator[str]:
    yield from (f"mod {found[1]}" for found in _RUST_MOD.finditer(text))
    yield from (found[1] for found in _RUST_USE.finditer(text))


def _rust(path: str, name: str, files: Files) -> Iterator[str]:
    folder, _, file = path.rpartition("/")
    own = folder if file in ("mod.rs", "lib.rs", "main.rs") else f"{folder}/{file.removesuffix('.rs')}".lstrip("/")
    if name.startswith("mod "):
        parts, base = [name[4:]], own
    else:
        first, *parts = name.split("::")
        base = own
        if first == "crate":
            base = next((up for up in _upwards(folder) if _inside(up, ("lib.rs", "main.rs"), files)), "")
        elif first == "super":
            base = posixpath.dirname(own)
            while parts and parts[0] == "super":
                base, parts = posixpath.dirname(base), parts[1:]
    for count in range(len(parts), 0, -1):
        stem = "/".join(filter(None, [base, *parts[:count]]))
        for candidate in (f"{stem}.rs", f"{stem}/mod.rs"):
            if candidate in files.every:
                yield candidate
                return


def _inside(folder: str, names: Iterable[str], files: Files) -> bool:
    return any("/".join(filter(None, [folder, name])) in files.every for name in names)


def _told_java(text: str) -> Iterator[str]:
    return (f"{found[1]}.*" if found[2] else found[1] for found in _JAVA.finditer(text))


def _java(path: str, name: str, files: Files) -> Iterator[str]:
    parts = name.removesuffix(".*").split(".")
    if name.endswith(".*"):
        tail = "/".join(parts)
        for folder, inside in files.folders.items():
            if folder == tail or folder.endswith(f"/{tail}"):
                yield from (item for item in inside if item.endswith((".java", ".kt", ".scala")))
    for count in (len(parts), len(parts) - 1):  # the last part may be a member of the class
        stem = "/".join(parts[:count])
        for end in (".java", ".kt", ".scala"):
            name_of_file = f"{parts[count - 1]}{end}" if count else ""
            for held in files.ends.get(name_of_file, ()):
                if held == f"{stem}{end}" or held.endswith(f"/{stem}{end}"):
                    yield held
                    return


def _told_include(text: str) -> Iterator[str]:
    return (found[1] for found in _INCLUDE.finditer(text))


def _include(path: str, name: str, files: Files) -> Iterator[str]:
    for base in (posixpath.dirname(path), *_PLACES):
        candidate = posixpath.normpath(posixpath.join(base, name))
        if candidate in files.every:
            yield candidate
            return
    clean = posixpath.normpath(name)
    ends = [held for held in files.ends.get(posixpath.basename(clean), ()) if held.endswith(f"/{clean}")]
    if len(ends) == 1:
        yield ends[0]


_SCRIPTS = ("JavaScript", "TypeScript", "TSX", "Vue", "Svelte")
_JVM = ("Java", "Kotlin", "Scala")
_C = ("C", "C++", "Objective-C", "Objective-C++", "Cuda")
_TOLD: Mapping[str, Callable[[str], Iterator[str]]] = {
    "Python": _told_python,
    "Cython": _told_python,
    "Go": _told_go,
    "Rust": _told_rust,
    **dict.fromkeys(_SCRIPTS, _told_script),
    **dict.fromkeys(_JVM, _told_java),
    **dict.fromkeys(_C, _told_include),
}
_FOUND: Mapping[str, Callable[[str, str, Files], Iterator[str]]] = {
    "Python": _python,
    "Cython": _python,
    "Go": _go,
    "Rust": _rust,
    **dict.fromkeys(_SCRIPTS, _script),
    **dict.fromkeys(_JVM, _java),
    **dict.fromkeys(_C, _include),
}
