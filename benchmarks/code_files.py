"""Speed of reading projects beside plain reading of the same files, and how often languages are told right.

    python benchmarks/code_files.py --folder site-packages --samples linguist/samples [--notebooks FOLDER]

Speed: every file of the folder is read once as bytes and decoded, once by the reader of projects, and each project once
more as one text; seconds are the processor's, of one core. Languages: GitHub Linguist's samples (a folder a language),
told by us from name and text, by pygments from name and text, and by pygments from the text alone. A name of pygments
counts as right if one of its names is the folder's, in any case; its share is given for languages that it knows too.
Linguist's samples were looked at while our rules were written. Notebooks: our reader beside nbformat's, in seconds.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pygments.lexers
from pygments.util import ClassNotFound

from hornbook.corpus.readers.code.files import Code, is_source
from hornbook.corpus.readers.code.languages import language_of
from hornbook.corpus.readers.code.notebooks import Notebook
from hornbook.corpus.readers.code.repositories import Repository, tree
from hornbook.corpus.readers.record import WHOLE, Reading
from hornbook.train.machine import environment, find_device

RESULT = Path(__file__).parent / "results" / "code_files.json"
FOLDERS = {"Fstar": "F*", "ProC": "Pro*C"}  # names that cannot be those of folders
FIRST = 10_000  # characters that pygments guesses from: the whole text takes it minutes


def seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return round(time.process_time() - start, 2)


def speed(folder: Path) -> dict[str, Any]:
    projects = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    files = [root / path for root in projects for path, _, _ in tree(root) if is_source(root / path)]
    size = sum(path.stat().st_size for path in files)
    reasons: dict[str, int] = {}
    kept = 0

    def passed(reason: str, count: int) -> None:
        reasons[reason] = reasons.get(reason, 0) + count

    reading = Reading(bad=lambda error: None, passed=passed, root=folder)

    def plain() -> None:
        for path in files:
            path.read_bytes().decode("utf-8", "replace")

    def projects_read() -> None:
        nonlocal kept
        code = Code()
        for path in files:
            kept += sum(1 for _ in code(path, reading, WHOLE))

    def whole() -> None:
        silent = Reading(bad=lambda error: None, root=folder)
        for root in projects:
            for _ in Repository()(root, silent, WHOLE):
                pass

    plain()  # so that the files are in memory
    times = {"plain": seconds(plain), "projects": seconds(projects_read), "repositories": seconds(whole)}
    return {
        "files": len(files),
        "megabytes": round(size / 1e6, 1),
        "documents": kept,
        "left_out": dict(sorted(reasons.items())),
        "cpu_seconds": times,
        "files_a_second": {name: round(len(files) / max(spent, 0.01)) for name, spent in times.items()},
        "megabytes_a_second": {name: round(size / 1e6 / max(spent, 0.01), 1) for name, spent in times.items()},
    }


def peer(find: Callable[[], Any], language: str) -> bool:
    try:
        lexer = find()
    except ClassNotFound:
        return False
    return language.lower() in {lexer.name.lower(), *(name.lower() for name in lexer.aliases)}


def languages(samples: Path) -> dict[str, Any]:
    known = {name.lower() for item in pygments.lexers.get_all_lexers() for name in (item[0], *item[1])}
    cases = [
        (FOLDERS.get(folder.name, folder.name), path.name, path.read_bytes().decode("utf-8", "replace"))
        for folder in sorted(samples.iterdir())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    answers: dict[str, list[bool]] = {}

    def ask(name: str, right: Callable[[str, str, str], bool]) -> float:
        answers[name] = []
        return seconds(lambda: answers[name].extend(right(*case) for case in cases))

    times = {
        "ours": ask("ours", lambda language, name, text: language_of(name, text) == language),
        "pygments, name and text": ask(
            "pygments, name and text",
            lambda language, name, text: peer(
                lambda: pygments.lexers.guess_lexer_for_filename(name, text[:FIRST]), language
            ),
        ),
        "pygments, text": ask(
            "pygments, text",
            lambda language, name, text: peer(lambda: pygments.lexers.guess_lexer(text[:FIRST]), language),
        ),
    }
    both = [language.lower() in known for language, _, _ in cases]
    return {
        "samples": len(cases),
        "languages": len({language for language, _, _ in cases}),
        "samples_of_languages_that_pygments_knows": sum(both),
        "right": {name: round(sum(mine) / len(cases), 4) for name, mine in answers.items()},
        "right_of_those_that_pygments_knows": {
            name: round(sum(right for right, is_known in zip(mine, both, strict=True) if is_known) / sum(both), 4)
            for name, mine in answers.items()
        },
        "cpu_seconds": times,
    }


def notebooks(folder: Path) -> dict[str, Any]:
    files = sorted(folder.rglob("*.ipynb"))
    reading = Reading(bad=lambda error: None)

    def theirs() -> None:
        for path in files:
            nbformat.reads(path.read_text("utf-8"), as_version=4)

    return {
        "notebooks": len(files),
        "cpu_seconds": {
            "ours": seconds(lambda: [list(Notebook()(path, reading, WHOLE)) for path in files]),
            "nbformat, reading alone": seconds(theirs),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="a folder of projects")
    parser.add_argument("--samples", type=Path, required=True, help="the folder samples of GitHub Linguist")
    parser.add_argument("--notebooks", type=Path, help="a folder with notebooks")
    given = parser.parse_args()
    record: dict[str, Any] = {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "machine": environment(find_device()),
        "speed": speed(given.folder),
        "languages": languages(given.samples),
    }
    if given.notebooks:
        record["notebooks"] = notebooks(given.notebooks)
    print(json.dumps(record, indent=1))
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
