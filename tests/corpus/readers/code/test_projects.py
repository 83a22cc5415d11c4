"""Where a project begins, what it is called, and which commit lies there; nothing outside is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from hornbook.corpus.readers.code.projects import Project, commit, folder_of, project_of, repository

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def root_of(path: Path, bound: Path) -> Path | None:
    found = project_of(path, bound)
    return found.root if found else None


def test_the_root_is_the_folder_of_git_else_the_outermost_with_a_manifest(tmp_path: Path) -> None:
    write(tmp_path, **{
        "a__.git__HEAD": COMMIT, "a__web__package.json": "{}", "a__web__x.js": "",
        "b__package.json": "{}", "b__packages__c__package.json": "{}", "b__packages__c__x.js": "",
        "scripts__x.py": "", "books__LICENSE": "", "books__book.txt": "", "lib__LICENSE": "", "lib__x.c": "",
    })  # fmt: skip
    assert root_of(tmp_path / "a/web/x.js", tmp_path) == tmp_path / "a"
    assert root_of(tmp_path / "b/packages/c/x.js", tmp_path) == tmp_path / "b"
    assert root_of(tmp_path / "scripts/x.py", tmp_path) is None
    assert root_of(tmp_path / "books/book.txt", tmp_path) is None  # a licence beside books makes no project
    assert root_of(tmp_path / "lib/x.c", tmp_path) == tmp_path / "lib"


def test_nothing_above_the_folder_that_was_named_is_looked_at(tmp_path: Path) -> None:
    write(tmp_path, **{".git__HEAD": COMMIT, "src__x.py": ""})
    assert root_of(tmp_path / "src/x.py", tmp_path / "src") is None
    assert root_of(tmp_path / "src/x.py", tmp_path) == tmp_path


def test_what_a_path_of_the_user_stands_for(tmp_path: Path) -> None:
    write(tmp_path, **{"a__x.py": ""})
    assert folder_of(str(tmp_path)) == tmp_path
    assert folder_of(str(tmp_path / "**/*.py")) == tmp_path
    assert folder_of(str(tmp_path / "a*/*.py")) == tmp_path
    assert folder_of(str(tmp_path / "a/x.py")) is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/psf/requests.git", "github.com/psf/requests"),
        ("https://github.com/psf/requests", "github.com/psf/requests"),
        ("https://user:pa55@github.com/psf/requests.git/", "github.com/psf/requests"),
        ("https://x-access-token:ghp_abc@github.com/a/b?token=c#d", "github.com/a/b"),
        ("git@github.com:psf/requests.git", "github.com/psf/requests"),
        ("ssh://git@gitlab.com:2222/a/b/c.git", "gitlab.com/a/b/c"),
        ("git://example.org/x.git", "example.org/x"),
        ("host.example:a/b.git", "host.example/a/b"),
        ("/home/ada/secret/x.git", "x"),
        ("file:///srv/git/y.git", "y"),
        ("../z", "z"),
        ("C:\\\\Users\\\\ada\\\\w.git", "w"),
        ("https://[broken/a", "repo"),
        ("", "repo"),
    ],
)
def test_the_repository_is_named_without_credentials(tmp_path: Path, url: str, name: str) -> None:
    config = (
        f'[core]\n\tbare = false\n[remote "other"]\n\turl = https://no.example/x\n[remote "origin"]\n\turl = {url}\n'
    )
    write(tmp_path, **{"repo__.git__config": config})
    assert repository(Project(tmp_path / "repo", tmp_path)) == name


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"HEAD": COMMIT + "\n"}, COMMIT),
        ({"HEAD": "ref: refs/heads/main\n", "refs__heads__main": COMMIT + "\n"}, COMMIT),
        (
            {"HEAD": "ref: refs/heads/a/b\n", "packed-refs": f"# pack-refs\n{COMMIT} refs/heads/a/b\n^{COMMIT}\n"},
            COMMIT,
        ),
        ({"HEAD": "ref: refs/heads/main\n", "packed-refs": f"{COMMIT} refs/heads/main2\n"}, ""),
        ({"HEAD": "ref: refs/heads/none\n"}, ""),
        ({"HEAD": "ref: refs/../../secret\n", "..__secret": COMMIT}, ""),
        ({"HEAD": "no reference"}, ""),
        ({"HEAD": "f" * 64}, "f" * 64),
        ({}, ""),
    ],
)
def test_the_commit_is_read_without_git(tmp_path: Path, files: dict[str, str], found: str) -> None:
    write(tmp_path / "r/.git", **files)
    (tmp_path / "r/.git").mkdir(parents=True, exist_ok=True)
    assert commit(Project(tmp_path / "r", tmp_path)) == found


def test_a_submodule_is_followed_inside_the_folder_alone(tmp_path: Path) -> None:
    write(tmp_path, **{
        "in__.git__modules__sub__HEAD": COMMIT, "in__sub__.git": "gitdir: ../.git/modules/sub\n",
        "out__HEAD": COMMIT, "in__evil__.git": "gitdir: ../../out\n",
    })  # fmt: skip
    assert commit(Project(tmp_path / "in/sub", tmp_path / "in")) == COMMIT
    assert commit(Project(tmp_path / "in/evil", tmp_path / "in")) == ""
    (tmp_path / "in/links/.git").mkdir(parents=True)
    (tmp_path / "in/links/.git/HEAD").symlink_to(tmp_path / "out/HEAD")
    assert commit(Project(tmp_path / "in/links", tmp_path / "in")) == ""
