"""The licence of a file: from texts, notices, manifests; and which licences a setting allows."""

from __future__ import annotations

import re
from importlib.metadata import distributions
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hornbook.corpus.readers.code.license_texts import _table, license_of, stated
from hornbook.corpus.readers.code.licenses import is_allowed, license_of_file
from hornbook.corpus.readers.code.projects import Project

TEXTS = [item for item in _table()["text"] if item.name not in ("BSD-3-Clause",)]
NOTICES = [
    ('Licensed under the Apache License, Version 2.0 (the "License");\nyou may not use', "Apache-2.0"),
    (
        "# This program is free software: you can redistribute it and/or modify\n# it under the terms of "
        "the GNU General "
        "Public License as published by\n# the Free Software Foundation, either version 3 of the "
        "License, or\n# (at your "
        "option) any later version.",
        "GPL-3.0-or-later",
    ),
    (
        " * under the terms of the GNU Lesser General Public\n * License as published by the FSF; "
        "either\n * version 2.1 of "
        "the License, or (at your option) any later version.",
        "LGPL-2.1-or-later",
    ),
    (
        "under the terms of the GNU Affero General Public License; version 3 of the License, or (at your "
        "option) any later "
        "version",
        "AGPL-3.0-or-later",
    ),
    ("This Source Code Form is subject to the terms of the Mozilla Public\nLicense, v. 2.0.", "MPL-2.0"),
    ("Distributed under the Boost Software License, Version 1.0.", "BSL-1.0"),
    ("See https://creativecommons.org/licenses/by-sa/4.0/ for it.", "CC-BY-SA-4.0"),
    ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
    ("SPDX-License-Identifier: MIT", "MIT"),
    ("All rights reserved.", ""),
    ("See LICENSE.txt of the main project.", ""),
    ("MIT was founded in 1861.", ""),
    ("", ""),
]
MANIFESTS = [
    ("pyproject.toml", '[project]\nlicense = "MIT"\n', "MIT"),
    ("pyproject.toml", '[project]\nlicense = {text = "Apache License 2.0"}\n', "Apache-2.0"),
    ("pyproject.toml", '[project]\nclassifiers = ["License :: OSI Approved :: MIT License"]\n', "MIT"),
    ("pyproject.toml", '[tool.poetry]\nlicense = "BSD-3-Clause"\n', "BSD-3-Clause"),
    ("pyproject.toml", '[project]\nlicense = {file = "LICENSE"}\n', ""),
    ("pyproject.toml", "[project\n", ""),
    ("package.json", '{"license": "ISC"}', "ISC"),
    ("package.json", '{"license": "(MIT OR CC0-1.0)"}', "(MIT OR CC0-1.0)"),
    ("package.json", '{"license": {"type": "MIT", "url": "x"}}', "MIT"),
    ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "Apache-2.0"}]}', "MIT OR Apache-2.0"),
    ("package.json", '{"license": "SEE LICENSE IN x"}', ""),
    ("package.json", '{"license": "UNLICENSED"}', "LicenseRef-Unlicensed"),
    ("package.json", "[1]", ""),
    ("package.json", "[" * 100_000, ""),
    ("composer.json", '{"license": ["LGPL-2.1-only", "GPL-3.0-or-later"]}', "LGPL-2.1-only OR GPL-3.0-or-later"),
    ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"\n', "MIT OR Apache-2.0"),
    ("Cargo.toml", '[package]\nlicense = "Apache-2.0 WITH LLVM-exception"\n', "Apache-2.0 WITH LLVM-exception"),
    ("a.gemspec", 'Gem::Specification.new do |s|\n  s.license = "MIT"\nend\n', "MIT"),
    ("a.gemspec", "  s.licenses    = ['Ruby', 'BSD-2-Clause']\n", "Ruby OR BSD-2-Clause"),
    ("setup.py", "setup(name='a',\n      license='GPLv3+',\n)\n", "GPL-3.0-or-later"),
    ("setup.cfg", "[metadata]\nlicense = MIT\n", "MIT"),
    ("pom.xml", "<project><licenses><license><name>Apache-2.0</name></license></licenses></project>", "Apache-2.0"),
    ("DESCRIPTION", "Package: a\nLicense: MIT + file LICENSE\n", "MIT"),
]  # fmt: skip
ALLOWED = [
    ("MIT", ["permissive"], True), ("MIT", ["MIT"], True), ("MIT", ["Apache-2.0"], False), ("", ["permissive"], False),
    ("GPL-3.0-only", ["permissive"], False), ("GPL-3.0-only", ["permissive", "GPL-3.0-only"], True),
    ("MIT OR GPL-3.0-only", ["permissive"], True), ("MIT AND GPL-3.0-only", ["permissive"], False),
    ("(MIT OR GPL-2.0-only) AND BSD-3-Clause", ["permissive"], True),
    ("(MIT AND GPL-2.0-only) OR Apache-2.0", ["permissive"], True),
    ("Apache-2.0 WITH LLVM-exception", ["permissive"], True), ("CC-BY-SA-4.0", ["permissive"], False),
    ("CC-BY-4.0", ["permissive"], True), ("BSD-3-Clause AND LicenseRef-Commons-Clause", ["permissive"], False),
    ("MIT AND (", ["permissive"], False), (")(", ["permissive"], False),
]  # fmt: skip
# Packages that the tests of this project need, and the licence that their own file states.
INSTALLED = {
    "annotated-types": "MIT",
    "click": "BSD-3-Clause",
    "flask": "BSD-3-Clause",
    "fsspec": "BSD-3-Clause",
    "hypothesis": "MPL-2.0",
    "iniconfig": "MIT",
    "Jinja2": "BSD-3-Clause",
    "markdown-it-py": "MIT",
    "MarkupSafe": "BSD-3-Clause",
    "mdurl": "MIT",
    "mpmath": "BSD-3-Clause",
    "networkx": "BSD-3-Clause",
    "pluggy": "MIT",
    "psutil": "BSD-3-Clause",
    "Pygments": "BSD-2-Clause",
    "pytest": "MIT",
    "requests": "Apache-2.0",
    "rich": "MIT",
    "ruff": "MIT",
    "starlette": "BSD-3-Clause",
    "tomli_w": "MIT",
    "transformers": "Apache-2.0",
    "typing_extensions": "Python-2.0",
    "uvicorn": "BSD-3-Clause",
}


def project(folder: Path, **files: str) -> Project:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Project(folder, folder)


@pytest.mark.parametrize("told", TEXTS, ids=lambda told: told.name)
def test_no_licence_is_taken_for_another(told: object) -> None:
    words = ".\n\n  * ".join(told.all_of).upper()  # type: ignore[attr-defined]
    assert license_of(words).split(" AND ") == [told.name]  # type: ignore[attr-defined]


def test_licences_of_installed_packages_are_known() -> None:
    found = {}
    for item in distributions():
        name = item.metadata["Name"]
        for path in item.files or ():
            if (
                re.fullmatch(r"LICEN[CS]E(\.(txt|md|rst))?", path.name)
                and name in INSTALLED
                and "dist-info" in str(path)
            ):
                found[name] = license_of(Path(str(item.locate_file(path))).read_text("utf-8", "replace"))
    assert len(found) >= 10
    assert found == {name: INSTALLED[name] for name in found}


def test_the_licence_of_this_project_is_known() -> None:
    text = (Path(__file__).parents[4] / "LICENSE").read_text()
    assert license_of(text) == license_of(text.replace("\n", "\r\n").replace(" ", "   ")) == "Apache-2.0"


@pytest.mark.parametrize(("text", "license"), NOTICES)
def test_notices_and_other_words(text: str, license: str) -> None:
    assert license_of(text) == license


@pytest.mark.parametrize(("name", "text", "license"), MANIFESTS)
def test_manifests(tmp_path: Path, name: str, text: str, license: str) -> None:
    (tmp_path / name).write_text(text)
    assert license_of_file(tmp_path / "a.py", "x = 1\n", Project(tmp_path, tmp_path)) == license


@pytest.mark.parametrize(("expression", "allowed", "answer"), ALLOWED)
def test_expressions_are_met_or_not(expression: str, allowed: list[str], answer: bool) -> None:
    assert is_allowed(expression, allowed) is answer


@given(some.text("MIT ()ANDORWITH-2.0", max_size=200))
def test_no_expression_breaks_it(expression: str) -> None:
    assert is_allowed(expression, ["permissive"]) in (True, False)


def test_the_file_itself_is_believed_first_then_the_nearest_folder(tmp_path: Path) -> None:
    here = project(
        tmp_path, LICENSE="SPDX-License-Identifier: MIT", lib__COPYING="Licensed under the Apache License, Version 2.0"
    )
    assert license_of_file(tmp_path / "a.py", "# SPDX-License-Identifier: Zlib\n", here) == "Zlib"
    assert license_of_file(tmp_path / "a.py", "x = 1\n", here) == "MIT"
    assert license_of_file(tmp_path / "lib/deep/a.py", "x = 1\n", here) == "Apache-2.0"


def test_several_licence_files_are_joined_as_the_manifest_says(tmp_path: Path) -> None:
    files = {"LICENSE-MIT": "SPDX-License-Identifier: MIT", "LICENSE-APACHE": "SPDX-License-Identifier: Apache-2.0"}
    here = project(tmp_path, **files)
    assert license_of_file(tmp_path / "a.rs", "", here) == "Apache-2.0 AND MIT"
    here = project(tmp_path, **files, **{"Cargo.toml": '[package]\nlicense = "MIT OR Apache-2.0"\n'})
    assert license_of_file(tmp_path / "a.rs", "", here) == "MIT OR Apache-2.0"


def test_a_folder_of_licences_is_read(tmp_path: Path) -> None:
    here = project(tmp_path, **{"LICENSES__MIT.txt": "SPDX-License-Identifier: MIT"})
    assert license_of_file(tmp_path / "a.c", "", here) == "MIT"


def test_a_licence_that_is_a_link_out_of_the_folder_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("SPDX-License-Identifier: MIT")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/LICENSE").symlink_to(tmp_path / "out")
    assert license_of_file(tmp_path / "in/a.py", "", Project(tmp_path / "in", tmp_path / "in")) == ""


def test_an_expression_ends_with_its_line() -> None:
    assert stated("/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */") == "GPL-2.0 WITH Linux-syscall-note"
    assert stated("// SPDX-License-Identifier: (MIT OR Apache-2.0)\nfn") == "(MIT OR Apache-2.0)"
    assert stated("SPDX-License-Identifier: " + "(" * 10_000) == ""
