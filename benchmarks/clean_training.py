"""What cleaning is worth: models trained on a spoilt corpus, on the same one cleaned, and on the undamaged original.

    python benchmarks/clean_training.py [PATHS ...]       all arms, three seeds, about 20 minutes of one core; writes
    python benchmarks/clean_training.py --only cleaned    some arms, merged into the result of the same settings
    python benchmarks/clean_training.py --quick           a few steps of each arm, to see that everything runs

Documents of the paths (`builtin:docs builtin:code` if none are given; as many bytes of each) are sound text, once
copies among them are dropped. One in ten is held out; what is like a held-out document (similarity 0.5 or more) is
dropped from the rest. Of the rest `planted.py` makes the spoilt corpus: two in five documents are spoilt where they
stand, and for 100 documents there come 35 copies and 25 pages of junk. All arms have the same model and recipe, the
same number of training tokens, and one tokenizer, learned from the spoilt corpus as it is, which favours the arm raw.

    raw        the spoilt corpus as it is
    default    the steps that `hornbook pretrain` takes on raw files: repair, normalise, exact and near duplicates
    cleaned    the recipe below: also boilerplate, Gopher's and FineWeb's rules, loosened where they drop code; C4's are
               left out, since they take the indents and blank lines out of a text
    original   the sound text, a ceiling

Bits per byte are of the held-out documents, which are undamaged and like none in any arm (counted: `like_held_out`).
`sound` is the share of the sound bytes that an arm has, `damage` the bytes of damage by kind, both counted by lines.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from planted import COPIES, JUNK, SPOILT, account, planted

from hornbook.artifacts import write_file
from hornbook.corpus.build.build import build
from hornbook.corpus.build.recipe import default_steps
from hornbook.corpus.built import documents, open_corpus
from hornbook.corpus.dedup.exact import ExactDuplicates
from hornbook.corpus.dedup.fuzzy import NearDuplicates
from hornbook.corpus.dedup.overlap import Elsewhere
from hornbook.corpus.read import read
from hornbook.corpus.step import Step, Survey
from hornbook.corpus.steps.boilerplate import Boilerplate
from hornbook.corpus.steps.clean import Normalise, Repair
from hornbook.corpus.steps.fineweb import FineWeb
from hornbook.corpus.steps.gopher import Gopher
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget
from hornbook.recipes.settings import override
from hornbook.run.directory import open_run
from hornbook.run.measure import evaluate
from hornbook.run.pretrain import pretrain
from hornbook.tokens.tokenizer.tokenizer import train_tokenizer
from hornbook.train.machine import environment, find_device

RESULT = Path(__file__).parent / "results" / "clean_training.json"
LONGEST = 12_000  # characters of a document; what is longer is cut at a blank line
HELD_OUT = 10
VOCABULARY = 2048
LIKE = {"threshold": 0.5, "bands": 50, "rows": 4}
# Python's documentation and code are no prose: marks, braces, short lines and runs that come again are sound there.
# The limits were set in trials that looked at what `corpus inspect --reason` shows of sound documents and at how much
# of the planted damage went, and C4 left after a trial that was worse than raw: the arm is tuned a little to its test.
RECIPE: tuple[Step | Survey, ...] = (
    Repair(),
    Normalise(),
    Boilerplate(max_share=0.9, short_words=3, menu_lines=0),
    Gopher(
        min_words=20,
        max_word_length=20,
        min_alphabetic_words=0.3,
        min_stop_words=1,
        max_symbols=0.5,
        max_repeated_lines=0.5,
        max_repeated_paragraphs=0.5,
        max_repeated_line_characters=0.4,
        max_repeated_paragraph_characters=0.4,
        max_top_2_gram=0,
        max_top_3_gram=0,
        max_top_4_gram=0,
        **{f"max_repeated_{words}_grams": 0.35 for words in range(5, 11)},
    ),
    FineWeb(min_sentence_lines=0, max_short_lines=0.9, max_repeated_characters=0.4, max_lines_per_word=0),
    ExactDuplicates(),
    NearDuplicates(),
)
ARMS = ("raw", "default", "cleaned", "original")
SIZES = [
    "model.width=128", "model.layers=2", "model.heads=2", "model.max_length=256", "model.dropout=0",
    "training.precision=fp32", "training.compile=no", "training.batch_rows=8", "training.evaluate_every=1000000000",
    "training.evaluate_tokens=1000", "data.held_out=0.001", "data.clean=none",
]  # fmt: skip


def sound_texts(paths: Sequence[str], total: int) -> list[str]:
    """Return about `total` bytes of documents, equally many of each path, in the order of their hashes."""
    chosen = []
    for path in paths:
        texts = [_short(document.text) for document in read([path])]
        size = 0
        for text in sorted(texts, key=lambda item: hashlib.blake2b(item.encode()).digest()):
            if len(text) > 200 and size < total // len(paths):
                chosen.append(text)
                size += len(text.encode())
    return chosen


def _short(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return text[:LONGEST].rpartition("\n\n")[0] or text[:LONGEST]


def write(path: Path, records: Sequence[Mapping[str, Any]]) -> str:
    """Write records as JSON lines and return the path."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


def built(steps: Sequence[Step | Survey], source: str, out: Path) -> list[dict[str, Any]]:
    """Build a corpus and return its documents as records."""
    build(steps, [source], out)
    return [{**document.meta, "text": document.text} for document in documents(open_corpus(out))]


def corpora(paths: Sequence[str], total: int, folder: Path) -> dict[str, Any]:
    """Write the held-out text, the corpus of each arm and the tokenizer; return what is true of them."""
    texts = sound_texts(paths, total)
    held = write(folder / "held_out.jsonl", [{"text": text} for text in texts[::HELD_OUT]])
    rest = write(folder / "rest.jsonl", [{"text": text} for number, text in enumerate(texts) if number % HELD_OUT])
    apart: list[Step | Survey] = [Normalise(), ExactDuplicates(), NearDuplicates(), Elsewhere((held,), **LIKE)]
    sound = [record["text"] for record in built(apart, rest, folder / "apart")]
    original = [{"text": text, "kind": "", "origin": number} for number, text in enumerate(sound)]
    arms = {"original": original, "raw": planted(sound)}
    sources = {name: write(folder / f"{name}.jsonl", records) for name, records in arms.items()}
    seconds = {}
    for name, steps in (("default", default_steps()), ("cleaned", RECIPE)):
        start = time.process_time()
        arms[name] = built(steps, sources["raw"], folder / name)
        seconds[name] = round(time.process_time() - start, 1)
        write(folder / f"{name}.jsonl", arms[name])
    recipe = default("causal")
    learned = (record["text"] for record in arms["raw"])
    tokenizer = train_tokenizer(learned, "bpe", VOCABULARY, recipe.objective.requirements(256), "none")
    write_file(folder / "tokenizer.json", tokenizer)
    facts = {}
    for name in ARMS:
        like = len(arms[name]) - len(
            built([Elsewhere((held,), **LIKE)], str(folder / f"{name}.jsonl"), folder / f"{name}-like")
        )
        found = account(sound, arms[name])
        facts[name] = {
            "documents": len(arms[name]),
            "bytes": sum(len(record["text"].encode("utf-8", "replace")) for record in arms[name]),
            "sound": round(found["sound"] / found["of"], 4),
            "damage": found["damage"],
            "like_held_out": like,
        }
    before = facts["raw"]["damage"]
    for name in ("default", "cleaned"):
        after = facts[name]["damage"]
        facts[name]["damage_removed"] = {
            kind: round(1 - after.get(kind, 0) / size, 4) for kind, size in before.items()
        } | {"all": round(1 - sum(after.values()) / sum(before.values()), 4)}
        facts[name]["cpu_seconds"] = seconds[name]
    return {"held_out_documents": len(texts[::HELD_OUT]), "arms": facts}


def recipe_of(source: str, tokenizer: Path, tokens: int, seed: int) -> Recipe:
    """Return the recipe of an arm."""
    plain = replace(default("causal", [source], Budget(tokens=tokens)), seed=seed)
    return override(plain, [*SIZES, f"tokenizer.file={tokenizer}"])


def train(folder: Path, name: str, tokens: int, seed: int) -> float:
    """Train one arm and return its bits per byte on the held-out documents."""
    out = folder / f"run-{name}-{seed}"
    pretrain(recipe_of(str(folder / f"{name}.jsonl"), folder / "tokenizer.json", tokens, seed), out, plain=True)
    found = evaluate(open_run(out), [str(folder / "held_out.jsonl")])
    assert found.bits_per_byte is not None
    return found.bits_per_byte


def summary(found: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Return for each arm median, least and most bits per byte, and by how much raw is above it, seed by seed."""
    result: dict[str, Any] = {}
    for name, seeds in found.items():
        result[name] = _spread(list(seeds.values()))
        if name != "raw" and (
            both := [found["raw"][seed] - seeds[seed] for seed in seeds if seed in found.get("raw", {})]
        ):
            result[name]["below_raw"] = _spread(both)
    return result


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 4),
        "least": round(min(values), 4),
        "most": round(max(values), 4),
    }


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", default=["builtin:docs", "builtin:code"])
    parser.add_argument("--bytes", type=int, default=3_000_000, help="of sound text")
    parser.add_argument("--tokens", type=int, default=700_000, help="of training")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=ARMS, default=ARMS)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if given.quick:
        given.bytes, given.tokens, given.seeds = 400_000, 10_000, 1
    return given


def runs(given: argparse.Namespace, folder: Path) -> Iterator[tuple[str, int, float]]:
    """Yield arm, seed and bits per byte, the arms in turn."""
    for seed in range(given.seeds):
        for name in given.only:
            start = time.process_time()
            yield name, seed, train(folder, name, given.tokens, seed)
            print(f"{name}, seed {seed}: {time.process_time() - start:.0f} processor seconds", flush=True)


def main() -> None:
    """Build the corpora, train the arms, print and keep the figures."""
    given = arguments()
    settings = {name: getattr(given, name) for name in ("paths", "bytes", "tokens", "seeds")}
    found: dict[str, dict[str, float]] = {}
    if RESULT.is_file() and tuple(given.only) != ARMS:
        kept = json.loads(RESULT.read_text(encoding="utf-8"))
        found = kept["bits_per_byte"] if kept["settings"] == settings else {}
    with tempfile.TemporaryDirectory() as scratch:
        facts = corpora(given.paths, given.bytes, Path(scratch))
        print(json.dumps(facts, indent=1), flush=True)
        for name, seed, value in runs(given, Path(scratch)):
            found.setdefault(name, {})[str(seed)] = round(value, 4)
    record = {
        "date": str(datetime.date.today()),
        "machine": environment(find_device()),
        "python": platform.python_version(),
        "load_at_end": os.getloadavg(),
        "settings": settings,
        "planted_for_each_sound_document": {**SPOILT, **COPIES, **JUNK},
        "corpora": facts,
        "bits_per_byte": found,
        "summary": summary(found),
    }
    print(json.dumps(record["summary"], indent=1))
    if not given.quick:
        RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
