"""Speed of objectives: from token rows to arrays ready for the model, transformers' collator measured in the same run.

    python benchmarks/objectives_speed.py            20 rounds, about a minute; writes its result
    python benchmarks/objectives_speed.py --quick    one round, to see that everything runs; writes nothing

Rows fill a model of 512 positions, 32 in a batch, from the built-in corpus. Each round gives every contender ten
batches in a row, as a loader that works ahead does, all contenders in turn, on one thread; figures are medians over
batches, in million tokens a second of that thread's processor time, which other processes disturb less than the
clock's. Compare ratios within a run of this script, never figures of different runs.

    packed         an objective called as the trainer calls it: rows of several documents each
    one document   the same, each row one document without padding
    collator       a drop-in collator called as transformers' Trainer calls it: lists of numbers in, tensors out

Where numba is installed everything is measured twice in each round: compiled, and by numpy alone.

Beside transformers' collators stands span corruption as published and as the usual T5 collators do it, row by row, in
our own rendition: neither library has one that could be measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from hornbook import collators
from hornbook.batch import Rows
from hornbook.corpus.read import read
from hornbook.keys import row_keys
from hornbook.objectives.base import Objective, Paired, Requirements, cycle_of
from hornbook.objectives.catalogue import CATALOGUE, build
from hornbook.objectives.ops import compiled
from hornbook.tokens.packing import corpus_rows
from hornbook.tokens.shards import TokenStore, write_store
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, train_tokenizer
from hornbook.train.machine import environment, find_device, keep_memory_blocks
from hornbook.vocab import Vocab

RESULT = Path(__file__).parent / "results" / "objectives_speed.json"
POSITIONS, BATCH, VOCABULARY, TEXT_BYTES, POOL, IN_A_ROW = 512, 32, 8192, 6_000_000, 4, 10
MODES = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "[R]", "[S]", "[X]")
EXTRA: Mapping[str, tuple[str, dict[str, object]]] = {
    **{f"masked {style}": ("masked", {"style": style}) for style in ("iid", "whole_word", "ngram", "span")},
    "prefix two-sided": ("prefix", {"topology": "encoder-decoder"}),
}
# Collators of ours beside the objective they are of.
COLLATORS: Mapping[str, Callable[[Any], Any]] = {
    "causal": collators.CausalLMCollator,
    "prefix": collators.PrefixLMCollator,
    "prefix two-sided": lambda tokenizer: collators.PrefixLMCollator(tokenizer, "encoder-decoder"),
    "fim": collators.FIMCollator,
    "masked": collators.MLMDataCollator,
    "masked whole_word": lambda tokenizer: collators.MLMDataCollator(tokenizer, style="whole_word"),
    "replaced": collators.ELECTRACollator,
    "diffusion": collators.MaskedDiffusionCollator,
    "span": collators.SpanCorruptionCollator,
    "bart": collators.BARTDenoisingCollator,
    "ul2": collators.UL2Collator,
    "nsp": collators.NSPDataCollator,
    "sop": collators.SOPDataCollator,
}
PLAIN, T5 = "transformers", "row-by-row T5 collator (our rendition)"
WAYS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "compiled": nullcontext,
    "numpy": compiled.numpy_alone,
}
PEERS = {"causal": "transformers causal", "masked whole_word": "transformers whole word"}


@dataclass(frozen=True)
class Contender:
    """What is timed: calls that take turns, as the parts of a mixture do, and the tokens that each is given."""

    calls: tuple[Callable[[int], Any], ...]
    tokens: tuple[int, ...]
    share: tuple[int, ...]  # how often each call comes in a cycle

    def speed(self, seconds: tuple[list[float], ...]) -> float:
        """Return million tokens a second from the seconds of each call."""
        tokens = sum(number * share for number, share in zip(self.tokens, self.share, strict=True))
        took = sum(statistics.median(times) * share for times, share in zip(seconds, self.share, strict=True))
        return tokens / took / 1e6


def corpus(directory: Path) -> tuple[Tokenizer, TokenStore]:
    """Tokenise a part of the built-in corpus, with every special token that an objective needs."""
    documents, size = [], 0
    for document in read(["builtin:docs"]):
        documents.append(document)
        size += len(document.text.encode())
        if size > TEXT_BYTES:
            break
    needs = Requirements(sentinels=128, modes=MODES)
    text = train_tokenizer((document.text for document in documents), "bpe", VOCABULARY, needs)
    tokenizer = Tokenizer(text, Vocab.from_tokenizer(text))
    write_store(iter(documents), tokenizer, directory / "tokens")
    return tokenizer, TokenStore.open(directory / "tokens", tokenizer.vocab)


def batches(objective: Objective, part: int, store: TokenStore, *, packed: bool) -> list[Rows]:
    """Return some batches of the rows that one part of an objective takes."""
    rows = corpus_rows(store, None, objective, POSITIONS)
    step = len(cycle_of(objective))
    found = []
    for number in range(POOL):
        index = part + step * ((np.arange(BATCH) + BATCH * number) % (len(rows) // step))
        batch = rows.rows(index, row_keys(0, index, number))
        found.append(batch if packed else dataclasses.replace(batch, segments=None))
    return found


def of_objective(objective: Objective, store: TokenStore, *, packed: bool) -> Contender:
    """Return an objective over batches of its own rows."""
    cycle = cycle_of(objective)
    parts = list({id(part): number for number, part in enumerate(cycle)}.values())
    pools = [batches(objective, number, store, packed=packed) for number in parts]

    def call(part: Objective, pool: list[Rows]) -> Callable[[int], Any]:
        return lambda number: part(pool[number % POOL])

    return Contender(
        tuple(call(cycle[number], pool) for number, pool in zip(parts, pools, strict=True)),
        tuple(int(np.mean([np.count_nonzero(rows.real) for rows in pool])) for pool in pools),
        tuple(sum(part is cycle[number] for part in cycle) for number in parts),
    )


def of_collator(collator: Callable[[Any], Any], features: list[list[dict[str, Any]]]) -> Contender:
    """Return a collator over batches of features, which it gets anew each time, as a DataLoader gives them."""
    tokens = sum(len(row["input_ids"]) for row in features[0])
    return Contender((lambda number: collator([dict(row) for row in features[number % POOL]]),), (tokens,), (1,))


@dataclass(frozen=True)
class RowByRowT5:
    """Span corruption as Raffel et al. (2020) publish it, one row after the other: what our span objective is held to.

    Rows are as long as each other; targets are what the spans hid, and decoder inputs the same, one place later.
    """

    sentinels: tuple[int, ...]
    pad: int
    eos: int
    generator: np.random.Generator
    density: float = 0.15
    mean_span: float = 3.0

    def composition(self, total: int, parts: int) -> Any:
        """Return `parts` random lengths, each at least 1, that add up to `total`."""
        begins = np.arange(total - 1) < parts - 1
        self.generator.shuffle(begins)
        return np.bincount(np.concatenate([[False], begins]).cumsum(), minlength=parts)

    def noise(self, length: int) -> Any:
        """Return bool[length]: kept tokens and noise in turn, kept tokens first."""
        number = min(max(round(length * self.density), 1), length - 1)
        spans = max(round(number / self.mean_span), 1)
        lengths = np.stack([self.composition(length - number, spans), self.composition(number, spans)], axis=1)
        begins = np.zeros(length, np.int64)
        begins[lengths.reshape(-1).cumsum()[:-1]] = 1
        return begins.cumsum() % 2 == 1

    def shown(self, tokens: Any, hidden: Any) -> Any:
        """Return the row with a sentinel for each run of what is hidden, and the end of text."""
        first = hidden & ~np.concatenate([[False], hidden[:-1]])
        named = np.where(first, np.array(self.sentinels)[np.maximum(first.cumsum() - 1, 0)], tokens)
        return np.append(named[first | ~hidden], self.eos)

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Return inputs, targets and decoder inputs as tensors."""
        inputs, labels = [], []
        for row in features:
            tokens = np.asarray(row["input_ids"])
            hidden = self.noise(len(tokens))
            inputs.append(self.shown(tokens, hidden))
            labels.append(self.shown(tokens, ~hidden))
        said = np.stack(labels)
        before = np.concatenate([np.full((len(said), 1), self.pad), said[:, :-1]], axis=1)
        arrays = {"input_ids": np.stack(inputs), "labels": said, "decoder_input_ids": before}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


def contenders(tokenizer: Tokenizer, store: TokenStore) -> dict[str, dict[str, Contender]]:
    """Return all contenders, by table and name."""
    from tokenizers import Tokenizer as Backend
    from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerFast

    kinds = {**{kind: (kind, {}) for kind in CATALOGUE}, **EXTRA}
    objectives = {name: build(kind, cast(Any, given), tokenizer.vocab) for name, (kind, given) in kinds.items()}
    tables: dict[str, dict[str, Contender]] = {"packed": {}, "one document": {}, "collator": {}}
    for name, objective in objectives.items():
        tables["packed"][name] = of_objective(objective, store, packed=True)
        if not isinstance(objective, Paired):
            tables["one document"][name] = of_objective(objective, store, packed=False)
    names = {"pad_token": "<pad>", "eos_token": "</s>", "mask_token": "<mask>", "bos_token": "<s>"}
    theirs = PreTrainedTokenizerFast(tokenizer_object=Backend.from_str(tokenizer.text), **names)
    lists = features(theirs)
    plain = [[{"input_ids": row["input_ids"]} for row in batch] for batch in lists]
    for name, make in COLLATORS.items():
        tables["collator"][name] = of_collator(make(theirs), plain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that whole words are always masked
        whole = DataCollatorForLanguageModeling(theirs, whole_word_mask=True)
    tables["collator"]["transformers"] = of_collator(DataCollatorForLanguageModeling(theirs), plain)
    tables["collator"]["transformers whole word"] = of_collator(whole, lists)
    tables["collator"]["transformers causal"] = of_collator(DataCollatorForLanguageModeling(theirs, mlm=False), plain)
    vocab = tokenizer.vocab
    t5 = RowByRowT5(vocab.sentinels, vocab.require("pad", T5), vocab.require("eos", T5), np.random.default_rng(0))
    tables["collator"][T5] = of_collator(t5, plain)
    return tables


def features(tokenizer: Any) -> list[list[dict[str, Any]]]:
    """Return batches of rows as lists, with the offsets that the peer's whole-word masking needs."""
    wanted, rows = POSITIONS * BATCH * POOL, []
    ids: list[int] = []
    offsets: list[tuple[int, int]] = []
    for document in read(["builtin:docs"]):
        found = tokenizer(document.text, add_special_tokens=False, return_offsets_mapping=True)
        ids += found["input_ids"]
        offsets += found["offset_mapping"]
        if len(ids) >= wanted:
            break
    for start in range(0, wanted, POSITIONS):
        rows.append({"input_ids": ids[start : start + POSITIONS], "offset_mapping": offsets[start : start + POSITIONS]})
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]


Speeds = dict[str, dict[str, float]]


def is_peer(name: str) -> bool:
    """Whether a contender is not ours."""
    return name.startswith(PLAIN) or name == T5


def measure(tables: dict[str, dict[str, Contender]], ways: list[str], rounds: int) -> dict[str, Speeds]:
    """Return million tokens a second of each contender, by way, table and name; all in turn in each round."""
    taken: dict[tuple[str, str, str], tuple[list[float], ...]] = {
        (way, table, name): tuple([] for _ in contender.calls)
        for table, found in tables.items()
        for name, contender in found.items()
        for way in ways
    }
    for number in range(-1, rounds):  # the first round compiles, and does not count
        for (way, table, name), seconds in taken.items():
            if is_peer(name) and way != ways[0]:
                continue
            for call, times in zip(tables[table][name].calls, seconds, strict=True):
                with WAYS[way]():
                    for turn in range(IN_A_ROW):
                        begin = time.thread_time()
                        call(turn)
                        if number >= 0:
                            times.append(time.thread_time() - begin)
    return {
        way: {
            table: {
                name: contender.speed(taken[way, table, name])
                for name, contender in found.items()
                if way == ways[0] or not is_peer(name)
            }
            for table, found in tables.items()
        }
        for way in ways
    }


def ratios(speeds: Speeds, peers: dict[str, float]) -> Speeds:
    """Return how many times as fast as its peer each contender of ours is."""
    return {
        table: {
            name: round(speed / peers[PEERS.get(name, PLAIN)], 1) for name, speed in found.items() if name not in peers
        }
        for table, found in speeds.items()
    }


def show(way: str, speeds: Speeds, peers: dict[str, float]) -> None:
    """Print the table of one way."""
    times = ratios(speeds, peers)
    print(f"\n{way + ', million tokens a second':35}{'packed':>8}{'one document':>14}{'collator':>10}   times theirs")
    for name in speeds["packed"]:
        cells = "".join(
            f"{speeds[table][name]:{width}.1f}" if name in found else " " * width
            for (table, found), width in zip(times.items(), (25, 14, 10), strict=True)
        )
        print(f"{name:18}{cells}   " + ", ".join(f"{found[name]:.1f}" for found in times.values() if name in found))
    by_row = {table: round(found["span"] / peers[T5], 1) for table, found in speeds.items()}
    print("span, times the row-by-row T5 collator   " + ", ".join(f"{table} {by_row[table]}" for table in by_row))


def report(speeds: dict[str, Speeds], rounds: int, load: tuple[float, ...]) -> dict[str, Any]:
    """Print the tables, and return them with the machine they were measured on."""
    peers = {name: speed for name, speed in next(iter(speeds.values()))["collator"].items() if is_peer(name)}
    for way, found in speeds.items():
        show(way, found, peers)
    for name, speed in peers.items():
        print(f"{name:50}{speed:10.1f}")
    machine = environment(find_device())
    packages = ("transformers", "numba") if "compiled" in speeds else ("transformers",)
    machine["packages"] |= {name: version(name) for name in packages}
    result: dict[str, Any] = {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "machine": machine,
        "load_before_and_after": [load, os.getloadavg()],
        "rounds": rounds,
        "batch": [BATCH, POSITIONS],
        "peers_million_tokens_per_second": {name: round(speed, 2) for name, speed in peers.items()},
    }
    for way, tables in speeds.items():
        result[way] = {
            "million_tokens_per_second": {
                table: {name: round(speed, 2) for name, speed in found.items() if name not in peers}
                for table, found in tables.items()
            },
            "times_as_fast_as_transformers": ratios(tables, peers),
            "span_times_as_fast_as_row_by_row_t5": {
                table: round(found["span"] / peers[T5], 1) for table, found in tables.items()
            },
        }
    if len(speeds) == 2:
        result["compiled_times_as_fast_as_numpy"] = {
            table: {name: round(speeds["compiled"][table][name] / speed, 2) for name, speed in found.items()}
            for table, found in speeds["numpy"].items()
        }
    return result


def main() -> None:
    """Prepare the rows, run the rounds, print and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round; writes nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory_blocks()
    with tempfile.TemporaryDirectory() as scratch:
        tables = contenders(*corpus(Path(scratch)))
        load, rounds = os.getloadavg(), 1 if given.quick else 20
        ways = list(WAYS) if compiled.kernels() else ["numpy"]
        found = report(measure(tables, ways, rounds), rounds, load)
    if not given.quick:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
