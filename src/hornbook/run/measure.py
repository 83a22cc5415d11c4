"""Measure an opened run, on its own held-out documents or on other text, and keep the records in its directory."""

from __future__ import annotations

import contextlib
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hornbook.artifacts import digest
from hornbook.corpus.document import Document
from hornbook.corpus.read import read
from hornbook.errors import HornbookError, Notice, UserError
from hornbook.evaluate.adaptation import Adaptation, adaptation
from hornbook.evaluate.contamination import trained_on
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.held_out import Asked, evaluate_text, final_tokens, held_out_text
from hornbook.evaluate.records import Records
from hornbook.objectives.base import Objective, with_vocab
from hornbook.prepare.dataset import open_prepared, spellings
from hornbook.run.directory import (
    EVALUATIONS,
    HELD_OUT,
    ORIGIN,
    TOKENS,
    OpenRun,
    has_text,
    is_run,
    open_run,
    recipe_of,
)
from hornbook.run.sealed import checkpoint_manifests
from hornbook.tokens.packing import corpus_rows
from hornbook.tokens.shards import TokenStore, write_store
from hornbook.train.processors import computing


def evaluate(
    run: OpenRun,
    paths: Sequence[str] = (),
    *,
    stride: int = 0,
    by: str = "",
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Measure on the run's held-out documents, or on all documents of `paths`, of which some may be trained on.

    stride    score whole documents, in windows of this stride; 0 = `hornbook.evaluate.held_out.evaluate_text`
    by        a field of the documents of `paths`, or "source", by whose values there are numbers too
    progress  is told the number of tokens that are done of whole documents

    The records of the documents are kept in the run's directory.
    """
    with computing(run.recipe.training.threads):  # as the run was measured: the last bits depend on it
        found, facts = _measured(run, paths, stride, by, progress)
    name = HELD_OUT if not paths else _name_of(paths)
    keep_records(found, run.directory, f"{name}.stride{stride}" if stride else name, run.step)
    return Evaluation.of(found, steps=run.step, **facts)


def measured_adaptation(run: OpenRun, old: Sequence[str], new: Sequence[str] = (), *, stride: int = 0) -> Adaptation:
    """Return what a run that began with a model gained on new text and forgot of old text; see `evaluate.adaptation`.

    old, new   paths of text; no new one = the run's held-out text

    Raises UserError where the run began with nothing.
    """
    if not is_run(run.directory / ORIGIN):
        raise UserError(
            f"{run.directory} did not begin with a model, so it forgot nothing: begin with one, as in "
            "`hornbook pretrain --from MODEL TEXT`."
        )
    found: list[dict[str, Records]] = []
    for one in (open_run(run.directory / ORIGIN), run):
        found.append({})
        for text, paths in (("new", new), ("old", old)):
            with computing(run.recipe.training.threads):
                records, _ = _measured(one, paths, stride, "", None)
            name = _name_of(paths) if paths else HELD_OUT
            keep_records(records, one.directory, f"{name}.stride{stride}" if stride else name, one.step)
            found[-1][text] = records
    return adaptation(*found)


def _measured(
    run: OpenRun, paths: Sequence[str], stride: int, by: str, progress: Callable[[int], None] | None
) -> tuple[Records, dict[str, int | None]]:
    """Return the records, and for a given text its documents and how many of them were trained on."""
    recipe, objective = run.recipe, run.recipe.objective
    prepared = open_prepared(recipe, run.directory, run.tokenizer) if has_text(run.directory) else None
    if not paths:
        if by and (prepared is None or not prepared.mix.named or by != recipe.mix.domain):
            raise UserError(
                f"The fields of this run's held-out text are not kept: name text with --data to use --by {by}."
            )
        if prepared is None:
            objective, asked = _text_of_its_successor(run)
        else:
            asked = held_out_text(prepared, final_tokens(recipe.training.evaluate_tokens))
        return evaluate_text(run.model, recipe, objective, asked, run.device, stride=stride, progress=progress), {}
    with tempfile.TemporaryDirectory() as scratch:
        domains: list[str] = []
        fields = (by,) if by not in ("", "source") else ()
        documents = _noted(read(paths, recipe.data.text or "text", fields=fields), by, domains)
        write_store(documents, run.tokenizer, Path(scratch) / TOKENS, progress=None)
        other = TokenStore.open(Path(scratch) / TOKENS, run.tokenizer.vocab)
        rows = corpus_rows(other, None, objective, recipe.row_length)
        named = [domains[number] for number in rows.chosen] if by else None
        asked = Asked(rows, run.tokenizer, None if prepared is None else prepared.training_rows, named)
        found = evaluate_text(run.model, recipe, objective, asked, run.device, stride=stride, progress=progress)
        known = None
        if prepared is not None:
            known = int(trained_on(other, prepared.store, prepared.text.split.threshold).sum())
        return found, {"documents": other.documents, "trained_on": known}


def _noted(documents: Iterator[Document], field: str, domains: list[str]) -> Iterator[Document]:
    """Yield documents, and note the value of a field of each. Raises UserError where one lacks it."""
    for document in documents:
        if field:
            value = document.source if field == "source" else document.meta.get(field)
            if not isinstance(value, str | int) or not str(value):
                raise UserError(f"{document.id} has no field '{field}' to group by (--by).")
            domains.append(str(value))
        yield document


def _name_of(paths: Sequence[str]) -> str:
    """Return what records of a text are called, by its path.

    >>> _name_of(["other/*.txt"]), _name_of(["news.jsonl.gz", "b.txt"]), _name_of(["held_out.txt"])
    ('other', 'news.and_1', 'held_out.text')
    """
    path = Path(paths[0])
    stem = path.name.partition(".")[0]
    name = re.sub(r"[^\w-]+", "_", stem if "*" not in stem and stem else path.parent.name).strip("_") or "text"
    name = f"{name}.text" if name == HELD_OUT else name
    return name if len(paths) == 1 else f"{name}.and_{len(paths) - 1}"


def _text_of_its_successor(run: OpenRun) -> tuple[Objective, Asked]:
    """Return the held-out documents of the run that keeps this base model in origin/, in rows of that run's length."""
    successor = run.directory.resolve().parent
    if run.directory.resolve().name != ORIGIN or not has_text(successor):
        raise UserError(f"The model in {run.directory} was imported without text: name some with --data PATH.")
    if spellings(successor):
        raise UserError(
            f"{successor} has its text in new pieces that its base model lacks: name text with --data PATH."
        )
    text = open_prepared(recipe_of(successor), successor)
    objective = with_vocab(run.recipe.objective, run.tokenizer.vocab)
    tokens = final_tokens(recipe_of(successor).training.evaluate_tokens)
    return objective, held_out_text(replace(text, objective=objective), tokens, training=False)


def keep_records(records: Records, directory: Path, name: str, step: int) -> None:
    """Write records to evaluations/NAME.jsonl of a run, with what they are of; a place that takes no files is told."""
    header = {"name": name, "model": directory.resolve().name, "checkpoint": checkpoint_of(directory), "step": step}
    try:
        replace(records, header=header | dict(records.header)).save(directory / EVALUATIONS / f"{name}.jsonl")
    except HornbookError as error:
        warnings.warn(f"The records of this measurement are not kept: {error}", Notice, stacklevel=2)


def checkpoint_of(directory: Path) -> str:
    """Return a hash of the newest checkpoint's files; "" where there is none, or one of an earlier version."""
    with contextlib.suppress(UserError, StopIteration):
        _, manifest = next(checkpoint_manifests(directory))
        return digest(manifest.get("files", {}))[:16]
    return ""


def told_gain(metrics: Sequence[Mapping[str, Any]]) -> str:
    """Return in words what a run gained that measured before its first step; "" for one that began with nothing."""
    measured = [record for record in metrics if record["kind"] == "held_out"]
    if len(measured) < 2 or measured[0]["step"]:
        return ""
    before, after = measured[0], measured[-1]
    told = []
    for name, unit in (("loss", "nats per token"), ("bits_per_byte", "bits per byte")):
        ends = before.get(name), after.get(name)
        if None not in ends:
            told.append(f"before {ends[0]:.4f} -> after {ends[1]:.4f} {unit}")
    return f"On your held-out text: {'; '.join(told)}." if told else ""
