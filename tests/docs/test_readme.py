"""The README's words are true: its commands parse, its targets exist, its links lead somewhere, its Python runs."""

from __future__ import annotations

import re
import shlex
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from small_models import SMALL_RUN, book
from typer.core import TyperGroup

import hornbook as hb
from hornbook.api import NOTHING
from hornbook.cli.program import app
from hornbook.recipes import named as recipes
from hornbook.recipes import settings

TRANSFER_SETTINGS = ("transfer.sight", "transfer.epochs", "transfer.rates")
ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Return every `hornbook ...` line of shell blocks, continuation lines joined, and of inline code."""
    shell = "\n".join(blocks(page, "sh")).replace("\\\n", " ")
    inline = re.findall(r"`(hornbook [a-z][^`\n]*)`", page.read_text(encoding="utf-8"))
    return [line for line in [*shell.splitlines(), *inline] if line.startswith("hornbook ")]


def parse(command: str) -> None:
    """Parse a command line as the application does, without running it; raises AssertionError or typer's own error.

    A verb alone is a mention of it, and only has to exist.
    """
    name, *rest = shlex.split(command, comments=True)[1:]
    verbs = typing.cast(TyperGroup, typer.main.get_command(app)).commands
    assert name in verbs, f"{command}: there is no command {name}"
    if not rest:
        return
    values = verbs[name].make_context(name, list(rest)).params
    if values.get("recipe") is not None:
        recipes.named(values["recipe"])
    named = values.get("objective") or ()
    given = named.split(",") if isinstance(named, str) else named  # several make a sweep
    own = any(":" in objective for objective in given)  # a class in a file of the reader's
    for objective in () if own else given:
        recipes.default(objective)
    for word in rest:
        setting, equals, _ = word.partition("=")
        if equals and not setting.startswith("-"):
            known = settings.is_setting(setting) or (own and setting.startswith("objective."))
            known = known or (name == "transfer" and setting in TRANSFER_SETTINGS)
            assert known, f"{command}: there is no setting {setting}"


LINES = [(page, command) for page in PAGES for command in commands(page)]


@pytest.mark.parametrize(("page", "command"), LINES, ids=[command for _, command in LINES])
def test_every_command_line_parses(page: Path, command: str) -> None:
    parse(command)


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("hornbook pretrian", "no command pretrian"),
        ("hornbook pretrain --minuts 2", "No such option: --minuts"),
        ("hornbook pretrain --minutes two", "valid number"),
        ("hornbook pretrain --recipe brt", "Did you mean 'bert'"),
        ("hornbook pretrain --objective maskd", "Did you mean 'masked'"),
        ("hornbook pretrain training.learningrate=1", r"no setting training\.learningrate"),
    ],
)
def test_a_wrong_command_line_does_not(command: str, complaint: str) -> None:
    with pytest.raises(Exception, match=complaint):
        parse(command)


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?:^|`|\s)make ([a-z][a-z-]*)(?=`|$)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {"demo", "test"} <= named <= targets


def anchors(page: Path) -> set[str]:
    """Return what a link may name of a page: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    missing = []
    for link, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        target = page.parent / link if link else page
        if "://" not in link and not (target.exists() and (not anchor or anchor in anchors(target))):
            missing.append(f"{link}#{anchor}")
    assert missing == []


def test_the_root_of_the_docs_is_small() -> None:
    assert len([path for path in (ROOT / "docs").iterdir() if path.is_file()]) <= 20


@pytest.mark.parametrize(
    ("page", "printed"), [("README.md", "(2, 9) [1 2 3 4 5 6 7 8 9]"), ("docs/python.md", "nats; a unigram model has")]
)
def test_every_python_block_runs(
    page: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "BOOK.txt").write_text(book(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    train = hb.pretrain

    def briefly(text: str, *, minutes: float, settings: Mapping[str, object] = NOTHING, **wishes: Any) -> hb.Run:
        """Train as the page asks, but a tiny model for 3 steps instead of 5 minutes."""
        assert minutes == 5
        return train(text, steps=3, settings={**SMALL_RUN, **settings}, plain=True, **wishes)

    monkeypatch.setattr(hb, "pretrain", briefly)
    for number, block in enumerate(blocks(ROOT / page, "python"), 1):
        exec(compile(block, f"{page}, Python block {number}", "exec"), {})
    assert printed in capsys.readouterr().out
    assert (tmp_path / "runs" / "book" / "result.json").is_file()
