"""What further training on new text gains and forgets, beside its controls, each arm with as many tokens.

    python benchmarks/adaptation.py --base RUN --old TEXT --old-test TEXT --new TEXT [--tokens N] [--train F --test F]

adapted    the base model goes on with the new text; with 5 and 20 % of replay, the old text is read between
more old   it goes on with the old text: what is more training alone
scratch    a model of its shape begins with the new text: what is the base worth

A tenth of the new documents, by hash, is held out for all. Numbers are bits per byte on it and on --old-test, each with
its interval of 95 %, and the differences from the base model, document by document. With --train and --test each arm is
also transferred to that task, from 256 examples by three seeds.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import hornbook
from hornbook.corpus.read import read
from hornbook.evaluate.adaptation import adaptation
from hornbook.evaluate.records import Records
from hornbook.objectives.catalogue import kind_of
from hornbook.run.directory import EVALUATIONS
from hornbook.train.machine import environment, find_device

RESULT = Path(__file__).parent / "results" / "adaptation.json"
REPLAYS = (0, 5, 20)
SHAPE = ("width", "layers", "heads", "mlp_width", "max_length")


def halves(text: str, folder: Path) -> tuple[Path, Path]:
    """Write nine tenths of a text's documents and the tenth that is held out; return both files."""
    files = folder / "new.jsonl", folder / "new-test.jsonl"
    lines: tuple[list[str], list[str]] = ([], [])
    for document in read([text]):
        held = hashlib.sha256(document.text.encode()).digest()[0] < 26
        lines[held].append(json.dumps({"text": document.text}) + "\n")
    for path, some in zip(files, lines, strict=True):
        path.write_text("".join(some), encoding="utf-8")
    return files


def measured(run: hornbook.Run, texts: dict[str, Path]) -> dict[str, Records]:
    """Return the records of a model on each text."""
    found = {}
    for name, path in texts.items():
        run.evaluate(path)
        newest = max((run.directory / EVALUATIONS).glob("*.jsonl"), key=lambda file: file.stat().st_mtime_ns)
        found[name] = Records.load(newest)
    return found


def arms(base: hornbook.Run, old: str, new: Path, tokens: int, folder: Path) -> dict[str, hornbook.Run]:
    """Train every arm and return its run."""
    common: dict[str, Any] = {"tokens": tokens, "plain": True}
    found = {}
    for share in REPLAYS:
        mix = {"mix.rule": "explicit", "mix.weights": f"{new}={100 - share},{old}={share}"} if share else {}
        paths = [new, old] if share else [new]
        name = f"adapted, {share} % replay"
        found[name] = hornbook.pretrain(
            paths, start=base.directory, out=folder / f"replay{share}", settings=mix, **common
        )
    found["more old"] = hornbook.pretrain(old, start=base.directory, out=folder / "more", **common)
    shape = {f"model.{name}": getattr(base.recipe.model, name) for name in SHAPE}
    kept = shape | {"tokenizer.file": str(base.directory / "tokenizer.json")}
    kind = kind_of(base.recipe.objective)
    found["scratch"] = hornbook.pretrain(new, objective=kind, out=folder / "scratch", settings=kept, **common)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--base", "--old", "--old-test", "--new"):
        parser.add_argument(name, required=True)
    parser.add_argument("--tokens", type=int, default=200_000)
    parser.add_argument("--train", default="")
    parser.add_argument("--test", default="")
    given = parser.parse_args()
    base = hornbook.load(given.base)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        new, new_test = halves(given.new, Path(scratch))
        texts = {"new": new_test, "old": Path(given.old_test)}
        before = measured(base, texts)
        runs = arms(base, given.old, new, given.tokens, Path(scratch))
        for name, run in {"base": base, **runs}.items():
            found = adaptation(before, measured(run, texts))
            results[name] = {
                one.name: [round(value, 4) for value in (one.value, one.low, one.high) if value is not None]
                for one in found.numbers
                if not one.name.endswith("before")
            }
            if given.train:
                tuned = run.transfer(
                    given.train, test=given.test, shots=(256,), out=Path(scratch) / f"task {name}", plain=True
                )
                results[name]["task"] = [dict(one) for one in tuned.transferred.numbers[:2]]
            print(name, results[name], found.sentence, flush=True)
    facts = {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "machine": environment(find_device()),
        "base": {"step": base.step, "model": dataclasses.asdict(base.recipe.model)}, "tokens": given.tokens,
        "old": Path(given.old).name, "new": Path(given.new).name,
    }  # fmt: skip
    RESULT.write_text(json.dumps(facts | {"results": results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
