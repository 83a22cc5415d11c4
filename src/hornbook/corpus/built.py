"""A built corpus: its documents in order, its ledger, and how two of them differ."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hornbook.artifacts import MANIFEST, manifest_of, read_json, read_manifest
from hornbook.corpus.document import Document
from hornbook.errors import UserError, needing, reason_of
from hornbook.schema import read_recipe

KIND = "corpus"
LEDGER = "ledger.json"
RECIPE = "recipe.toml"
DOCUMENTS = "documents"
DROPPED = "dropped.parquet"
_ENTRIES = (
    "in",
    "kept",
    "dropped",
    "removed",
    "unread",
    "passed_over",
    "sources",
    "mixture",
    "steps",
)  # of a ledger, that are shown


@dataclass(frozen=True)
class BuiltCorpus:
    """A corpus that `corpus build` made.

    parts    its files of documents, in order
    ledger   the account of its build
    recipe   the plain values of the recipe that built it
    """

    directory: Path
    parts: tuple[Path, ...]
    ledger: Mapping[str, Any]
    recipe: Mapping[str, Any]


def is_built(directory: Path) -> bool:
    """Say whether a directory is a built corpus. Raises UserError for one that is only half built."""
    manifest = directory / MANIFEST
    if (directory / "work" / "recipe.json").exists() and not manifest.exists():
        raise UserError(f"The corpus {directory} is only half built. Resume the `hornbook corpus build` that began it.")
    found = manifest_of(directory) if (directory / DOCUMENTS).is_dir() else None
    return found is not None and found["kind"] == KIND


def open_corpus(directory: Path) -> BuiltCorpus:
    """Open a corpus after comparing every byte with its manifest.

    Raises UserError where it is no corpus, half built or damaged.
    """
    if not directory.is_dir() or not is_built(directory):
        raise UserError(f"{directory} is no corpus that `hornbook corpus build` made (it has no such manifest).")
    manifest = read_manifest(directory, KIND)
    parts = tuple(directory / name for name in sorted(manifest["files"]) if name.startswith(f"{DOCUMENTS}/"))
    ledger = read_json(directory / LEDGER, "ledger")
    lacks = [name for name in _ENTRIES if not isinstance(ledger, dict) or name not in ledger]
    if lacks:
        raise UserError(
            f"The ledger of {directory} has no '{lacks[0]}': another version of Hornbook wrote it "
            f"({manifest.get('version', 'which one is not said')}). Use that one, or build the corpus again."
        )
    ledger.setdefault("passed_over", {"records": 0, "reasons": {}})  # an older corpus knows none
    return BuiltCorpus(directory, parts, ledger, read_recipe(directory / RECIPE, dict))


def account_of(directory: Path) -> dict[str, Any] | None:
    """Return the totals of a built corpus's ledger, beside its name; None where a path is no built corpus."""
    if not directory.is_dir() or not is_built(directory):
        return None
    ledger = read_json(directory / LEDGER, "ledger")
    return {"name": directory.name, **{name: ledger[name] for name in ("in", "kept", "dropped", "removed")}}


def documents(corpus: BuiltCorpus) -> Iterator[Document]:
    """Yield the documents in the order of their places."""
    for row in _rows(corpus, ["id", "source", "text", "meta"]):
        yield Document(row["text"], row["id"], row["source"], json.loads(row["meta"]))


def _rows(corpus: BuiltCorpus, columns: list[str]) -> Iterator[dict[str, Any]]:
    for path in corpus.parts:
        yield from _rows_of(corpus, path, columns)


def _rows_of(corpus: BuiltCorpus, path: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    with needing(str(corpus.directory), "parquet"):
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    try:
        with ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as table:
            for batch in table.iter_batches(256, columns=columns):
                yield from batch.to_pylist()
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        reason = f"{path.name} cannot be read ({reason_of(error)})"
        raise UserError(f"The corpus {corpus.directory} is damaged: {reason}. Build it again.") from error


def dropped(corpus: BuiltCorpus, step: str = "", reason: str = "") -> Iterator[dict[str, Any]]:
    """Yield what became of each dropped document, in order: of one kind of step, for reasons that have some words.

    A row has place, number (of the step), id, source, step, reason, duplicate_of (or None), told (JSON), text (its
    beginning). Raises UserError for a corpus that was built before there was such a list.
    """
    path = corpus.directory / DROPPED
    if not path.exists():
        raise UserError(f"{corpus.directory} has no list of dropped documents. Build it again to have one.")
    for row in _rows_of(corpus, path):
        if (not step or row["step"] == step) and reason.lower() in row["reason"].lower():
            yield row


def change_of(step: Mapping[str, Any]) -> str:
    """Return in words how much a step of a ledger changed."""
    amount = step["characters"]
    size = f"{abs(amount):,} characters {'fewer' if amount > 0 else 'more'}" if amount else "as many characters"
    return f"{step['kind']} changed {step['changed']:,} text{'s' * (step['changed'] != 1)} ({size})"


def example_of(step: Mapping[str, Any]) -> str:
    """Return an example of what a step of a ledger changed, in one line."""
    first = step["changes"][0]
    return f"{first['id']}: {first['before']!r} became {first['after']!r}"


def sample(corpus: BuiltCorpus, count: int) -> list[Document]:
    """Return some documents, those whose ids have the least hashes: the same ones each time."""
    keys = ((_hash(row["id"]), row["id"]) for row in _rows(corpus, ["id"]))
    chosen = {identity for _, identity in heapq.nsmallest(count, keys)}
    return [item for item in documents(corpus) if item.id in chosen] if chosen else []


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


class Difference(NamedTuple):
    """How two corpora differ.

    recipe   (setting, value in the first, value in the second)
    kept     (measure, first, second): documents, bytes, words
    dropped  (reason, documents dropped in the first, in the second)
    only     documents whose text only the first has, and only the second: their number, and the ids of a few
    both     documents of the first whose text the second has too
    """

    recipe: list[tuple[str, str, str]]
    kept: list[tuple[str, int, int]]
    dropped: list[tuple[str, int, int]]
    only: tuple[tuple[int, list[str]], tuple[int, list[str]]]
    both: int


def compare(first: BuiltCorpus, second: BuiltCorpus, shown: int = 5) -> Difference:
    """Compare two corpora; texts are compared by hash, which takes some 40 bytes of memory for each document."""
    import numpy as np

    a, b = first.ledger, second.ledger
    reasons = sorted({*a["dropped"], *b["dropped"]})
    hashes = _hashes(first), _hashes(second)
    shared = np.isin(hashes[0], hashes[1]), np.isin(hashes[1], hashes[0])
    return Difference(
        recipe=_settings(first.recipe, second.recipe),
        kept=[(name, a["kept"][name], b["kept"][name]) for name in a["kept"] if name in b["kept"]],
        dropped=[(name, _dropped(a, name), _dropped(b, name)) for name in reasons],
        only=(_alone(first, shared[0], shown), _alone(second, shared[1], shown)),
        both=int(shared[0].sum()),
    )


def _dropped(ledger: Mapping[str, Any], reason: str) -> int:
    return int(ledger["dropped"].get(reason, {"documents": 0})["documents"])


def _hashes(corpus: BuiltCorpus) -> Any:
    """Return the hashes of all texts in their order, uint64[N]."""
    import numpy as np

    found = (int.from_bytes(_hash(row["text"]), "little") for row in _rows(corpus, ["text"]))
    return np.fromiter(found, np.uint64, corpus.ledger["kept"]["documents"])


def _alone(corpus: BuiltCorpus, shared: Any, shown: int) -> tuple[int, list[str]]:
    """Return how many documents are not shared, bool[N], and the ids of the first few."""
    ids = (row["id"] for row, there in zip(_rows(corpus, ["id"]), shared, strict=True) if not there)
    return int((~shared).sum()), list(itertools.islice(ids, shown))


def _settings(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the settings that differ; steps are told apart by their kind, and by their number within it."""
    a, b = _flat(first), _flat(second)
    return [(name, a.get(name, "-"), b.get(name, "-")) for name in {**a, **b} if a.get(name) != b.get(name)]


def _flat(recipe: Mapping[str, Any]) -> dict[str, str]:
    result = {name: str(value) for name, value in recipe.items() if name != "steps"}
    result["order of steps"] = " ".join(step["kind"] for step in recipe.get("steps", []))
    seen: dict[str, int] = {}
    for step in recipe.get("steps", []):
        seen[step["kind"]] = seen.get(step["kind"], 0) + 1
        name = step["kind"] if seen[step["kind"]] == 1 else f"{step['kind']} {seen[step['kind']]}"
        result |= {f"{name}.{item}": str(value) for item, value in step.items() if item != "kind"}
    return result
