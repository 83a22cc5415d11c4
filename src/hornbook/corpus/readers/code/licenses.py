"""The licence of a file: what the file says of itself, else the nearest licence files, else the nearest manifest.

"" means that it is not known: nothing is guessed. What is found is an SPDX expression, such as `MIT` or
`Apache-2.0 OR MIT`; several licence files that no manifest joins are joined by AND.
"""

from __future__ import annotations

import functools
import json
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hornbook.corpus.readers.code.license_texts import license_of, stated
from hornbook.corpus.readers.code.projects import LICENCES, Project, read_inside

# Licences that the Blue Oak Council lists as permissive (model, gold, silver, bronze), as The Stack took them; and
# public domain. Only those that are met often; another one of its list can be named in the setting.
_PERMISSIVE = """
    BlueOak-1.0.0 0BSD AFL-3.0 Apache-1.1 Apache-2.0 Artistic-2.0 BSD-1-Clause BSD-2-Clause BSD-2-Clause-Patent
    BSD-3-Clause BSD-3-Clause-Clear BSD-4-Clause BSL-1.0 CC-BY-1.0 CC-BY-2.0 CC-BY-3.0 CC-BY-4.0 CC0-1.0 ECL-2.0
    EFL-2.0 FSFAP FSFUL FTL HPND ICU ISC Intel JSON libpng-2.0 Libpng MIT MIT-0 MIT-CMU MIT-Modern-Variant MS-PL
    MulanPSL-2.0 NCSA NTP OpenSSL PHP-3.01 PSF-2.0 PostgreSQL Python-2.0 Ruby TCL UPL-1.0 Unicode-DFS-2016
    Unicode-3.0 Unlicense Vim W3C WTFPL X11 Xnet ZPL-2.1 Zlib Beerware curl
"""
PERMISSIVE = frozenset(_PERMISSIVE.split())
ANY_PERMISSIVE = "permissive"
_HEAD = 8_192  # characters of a file in which it says its licence
_EXPRESSION = re.compile(r"[\w.+-]+|[()]")
# What manifests write in place of an identifier.
_WORDS = {
    "apache 2.0": "Apache-2.0", "apache-2": "Apache-2.0", "apache 2": "Apache-2.0", "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0", "apache software license": "Apache-2.0", "asl 2.0": "Apache-2.0",
    "mit license": "MIT", "the mit license": "MIT", "the mit license (mit)": "MIT", "mit licence": "MIT",
    "isc license": "ISC", "bsd-3": "BSD-3-Clause", "bsd 3-clause": "BSD-3-Clause", "new bsd": "BSD-3-Clause",
    "bsd-2": "BSD-2-Clause", "bsd 2-clause": "BSD-2-Clause", "simplified bsd": "BSD-2-Clause",
    "3-clause bsd license": "BSD-3-Clause", "2-clause bsd license": "BSD-2-Clause", "mpl 2.0": "MPL-2.0",
    "gplv2": "GPL-2.0-only", "gplv3": "GPL-3.0-only", "gplv2+": "GPL-2.0-or-later", "gplv3+": "GPL-3.0-or-later",
    "gpl-2": "GPL-2.0-only", "gpl-3": "GPL-3.0-only", "lgplv3": "LGPL-3.0-only", "agplv3": "AGPL-3.0-only",
    "public domain": "LicenseRef-Public-Domain", "unlicensed": "LicenseRef-Unlicensed",
}  # fmt: skip
_CLASSIFIER = re.compile(r"License :: OSI Approved :: (.+)")
_CLASSIFIED = {
    "MIT License": "MIT", "MIT No Attribution License (MIT-0)": "MIT-0", "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "zlib/libpng License": "Zlib",
    "Python Software Foundation License": "PSF-2.0", "The Unlicense (Unlicense)": "Unlicense",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0", "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only", "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
}  # fmt: skip


def license_of_file(path: Path, text: str, project: Project) -> str:
    """Return the SPDX expression of a file of a project, "" where it is not known."""
    if expression := stated(text[:_HEAD]):
        return expression
    for folder in path.parents:
        if found := _of_folder(folder, project.bound):
            return found
        if folder == project.root:
            break
    return ""


def is_allowed(expression: str, allowed: Sequence[str]) -> bool:
    """Say whether an SPDX expression is met by the allowed licences; "permissive" stands for all permissive ones.

    One part of an OR is enough, every part of an AND must be allowed, and an exception (WITH) only gives more rights.

    >>> is_allowed("GPL-2.0-only OR MIT", ["permissive"]), is_allowed("MIT AND GPL-2.0-only", ["MIT"])
    (True, False)
    """
    known = frozenset(allowed) | (PERMISSIVE if ANY_PERMISSIVE in allowed else frozenset())
    tokens = _EXPRESSION.findall(expression)
    return bool(tokens) and _any(tokens, known)


def _any(tokens: list[str], known: frozenset[str]) -> bool:
    """Take the parts of an OR from the front of the tokens."""
    found = _all(tokens, known)
    while tokens and tokens[0].upper() == "OR":
        tokens.pop(0)
        found = _all(tokens, known) or found
    return found


def _all(tokens: list[str], known: frozenset[str]) -> bool:
    found = _one(tokens, known)
    while tokens and tokens[0].upper() == "AND":
        tokens.pop(0)
        found = _one(tokens, known) and found
    return found


def _one(tokens: list[str], known: frozenset[str]) -> bool:
    if not tokens:
        return False
    name = tokens.pop(0)
    if name == "(":
        found = _any(tokens, known)
        del tokens[:1]  # its closing bracket
        return found
    found = name in known
    if tokens and tokens[0].upper() == "WITH":
        found = f"{name} WITH {tokens[1] if tokens[1:] else ''}" in known or found
        del tokens[:2]
    return found


def _of_folder(folder: Path, bound: Path) -> str:
    try:
        names = _telling(str(folder), folder.stat().st_mtime_ns)
        facts = tuple(
            (name, status.st_size, status.st_mtime_ns) for name in names for status in [(folder / name).stat()]
        )
    except OSError:
        return ""
    return _found(folder, facts, bound) if facts else ""


@functools.lru_cache(maxsize=4096)
def _telling(folder: str, changed: int) -> tuple[str, ...]:
    """Return a folder's files that may tell a licence; `changed` is when a name was last added to it."""
    names = sorted(os.listdir(folder))
    return tuple(name for name in names if LICENCES.fullmatch(name) or name in _READ or name.endswith(".gemspec"))


@functools.lru_cache(maxsize=1024)
def _found(folder: Path, facts: tuple[tuple[str, int, int], ...], bound: Path) -> str:
    """Return the licence that a folder's own files state; `facts` are their names, sizes and times."""
    texts: list[str] = []
    for name, _, _ in facts:
        if LICENCES.fullmatch(name):
            place = folder / name
            files = sorted(place.iterdir()) if place.is_dir() else [place]
            texts += [license_of(read_inside(file, bound)) for file in files[:50]]
    known = list(dict.fromkeys(filter(None, texts)))
    if len(known) == 1:
        return known[0]
    told = next(filter(None, (_manifest(folder / name, bound) for name, _, _ in facts)), "")
    if told and (not known or all(name in told for name in known)):
        return told
    return " AND ".join(f"({name})" if " OR " in name else name for name in known)


def _manifest(path: Path, bound: Path) -> str:
    """Return the licence that a manifest states."""
    read = _READ.get(path.name) or (_gemspec if path.name.endswith(".gemspec") else None)
    if read is None:
        return ""
    try:
        return next((found for value in read(read_inside(path, bound)) if (found := _spdx(value))), "")
    except (ValueError, RecursionError, AttributeError, TypeError):  # of a manifest that is not as it should be
        return ""


def _spdx(value: Any) -> str:
    """Return what a manifest states as an SPDX expression, "" where it is in no such form."""
    if not isinstance(value, str) or len(value) > 500:
        return ""
    value = value.strip()
    if found := _WORDS.get(value.lower()):
        return found
    if value.lower().startswith("see "):
        return ""
    value = value.replace("/", " OR ") if re.fullmatch(r"[\w.+-]+(?:/[\w.+-]+)+", value) else value  # as Cargo once had
    parts = re.findall(r"[\w.+-]+", value)
    operators = {"OR", "AND", "WITH"}
    sound = re.fullmatch(r"[\w.+() -]+", value) and all(
        (part in operators) == bool(number % 2) for number, part in enumerate(parts)
    )
    return value if parts and sound and (re.search(r"\d", value) or parts[0] in PERMISSIVE) else ""


def _pyproject(text: str) -> Iterator[Any]:
    data = tomllib.loads(text)
    project = data.get("project", {})
    told = project.get("license", "")
    yield told
    if isinstance(told, dict):
        yield told.get("text", "")
        yield license_of(str(told.get("text", "")))
    yield data.get("tool", {}).get("poetry", {}).get("license", "")
    for line in project.get("classifiers", []):
        if found := _CLASSIFIER.fullmatch(line):
            yield _CLASSIFIED.get(found[1], "")


def _cargo(text: str) -> Iterator[Any]:
    yield tomllib.loads(text).get("package", {}).get("license", "")


def _json(text: str) -> Iterator[Any]:
    data = json.loads(text)
    told = data.get("license", data.get("licenses", ""))
    if isinstance(told, list):  # composer.json: one of them may be chosen
        yield " OR ".join(item.get("type", "") if isinstance(item, dict) else str(item) for item in told)
    yield told.get("type", "") if isinstance(told, dict) else told


def _gemspec(text: str) -> Iterator[Any]:
    for found in re.finditer(r"\.licenses?\s*=\s*(\[[^\]\n]*\]|[\"'][^\"'\n]+[\"'])", text):
        yield " OR ".join(re.findall(r"[\"']([^\"']+)[\"']", found[1]))


def _setup(text: str) -> Iterator[Any]:
    for found in re.finditer(r"^\s*license\s*=\s*[\"']?([^\"'\n,]+)", text, re.MULTILINE):
        yield found[1]
    for line in re.finditer(r"License :: OSI Approved :: [^\"'\n]+", text):
        yield _CLASSIFIED.get(line[0].rpartition(":: ")[2].strip(), "")


def _pom(text: str) -> Iterator[Any]:
    for found in re.finditer(r"<license>\s*(?:<!--.*?-->\s*)?<name>([^<]{1,200})</name>", text):
        yield found[1]


def _description(text: str) -> Iterator[Any]:
    for found in re.finditer(r"^License:\s*([^\n|]+)", text, re.MULTILINE):
        yield found[1].replace("+ file LICENSE", "").strip()


_READ = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup,
    "setup.py": _setup,
    "package.json": _json,
    "composer.json": _json,
    "Cargo.toml": _cargo,
    "pom.xml": _pom,
    "DESCRIPTION": _description,
}
