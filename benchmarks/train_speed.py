"""Training speed and memory: the same models and tokens, transformers' Trainer and Hornbook, objective by objective.

    python benchmarks/train_speed.py                   all parts, three rounds; writes its result
    python benchmarks/train_speed.py --only masked     the parts that begin so; merged into the result
    python benchmarks/train_speed.py --quick           one short round, to see that everything runs; writes nothing

    causal, causal-32k     GPT-2's block (Radford et al. 2019), 384 wide, 6 layers; vocabulary 8,192 and 32,768
    masked, masked-32k     BERT's block (Devlin et al. 2019) of the same size, 15 % of the tokens
    span                   T5's block (Raffel et al. 2020) of the same size, 15 % in spans of 3
    ragged                 the causal model on documents of 120 tokens on average, at most 512; useful tokens count
    start                  from the command to the first step of the smallest model, nothing compiled; and compiling it

    trainer            transformers' Trainer at its defaults: fp32, batches of 8, sdpa attention, dropout
    trainer tuned      the fastest of its ordinary settings on a CPU: torch_compile, eager attention, batches of 32, no
                       dropout, bf16 where this machine has it; ragged: rows grouped by length, padded to the longest,
                       not compiled, since each length would be
    hornbook           its defaults for the same shape: batches of 32, Muon, no document sees another
    hornbook tuned     the same compiled, with the peer's optimizer: AdamW

Each contender is a process that lives through its part, and works only while it is asked to: a few steps a round, in
turn with the others, so that whatever else the machine does meets all of them. Compare ratios within a part, never
figures of different runs. The first steps, with compilation, are not counted; the first one is shown.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget, DataSettings, TokenizerSettings

RESULT = Path(__file__).parent / "results" / "train_speed.json"
TOKENIZER, WIDTH, LAYERS, HEADS, INNER = 8192, 384, 6, 6, 1536
WARM_STEPS, ROUNDS = 3, 3
MEAN_TOKENS, CHARACTERS_PER_TOKEN = 120, 4.0
BLOCKS: Mapping[str, Mapping[str, Any]] = {
    "causal": {"norm": "layer", "norm_epsilon": 1e-5, "positions": "learned", "gated": False,
               "activation": "gelu_tanh", "biases": True, "qk_norm": False},
    "masked": {"norm": "layer", "norm_epsilon": 1e-12, "positions": "learned", "gated": False, "activation": "gelu",
               "biases": True, "norm_place": "post", "final_norm": False, "first_norm": True, "token_types": 2},
    "span": {"gated": False, "activation": "relu"},
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """What is trained: the objective, the vocabulary of the model, the positions of its rows."""

    objective: str
    vocabulary: int
    length: int


@dataclass(frozen=True)
class Contender:
    """One side: how many steps a round has, and its settings (of TrainingArguments, or of our training)."""

    steps: int
    settings: Mapping[str, Any]


PARTS = {
    "causal": Part("causal", 8192, 256),
    "causal-32k": Part("causal", 32768, 256),
    "masked": Part("masked", 8192, 256),
    "masked-32k": Part("masked", 32768, 256),
    "span": Part("span", 8192, 256),
    "ragged": Part("causal", 8192, 512),
}
CONTENDERS = {
    "trainer": Contender(6, {}),
    "trainer tuned": Contender(2, {"per_device_train_batch_size": 32, "torch_compile": True}),
    "hornbook": Contender(2, {"batch_rows": 32}),
    "hornbook tuned": Contender(2, {"batch_rows": 32, "compile": "yes", "optimizer": "adamw"}),
}
PEERS = ("trainer", "trainer tuned")


def recipe(name: str, steps: int, settings: Mapping[str, Any], data: Path) -> Recipe:
    """Return Hornbook's defaults with the part's block, in the benchmark's size."""
    part = PARTS[name]
    plain = default(part.objective, budget=Budget(steps=steps))
    block = replace(
        plain.model, vocab_size=part.vocabulary, max_length=part.length, width=WIDTH, layers=LAYERS, heads=HEADS,
        mlp_width=INNER, dropout=0.0, **BLOCKS[part.objective],
    )  # fmt: skip
    paths = (str(data / "ragged.jsonl"),) if name == "ragged" else ("builtin:docs",)
    training = replace(plain.training, evaluate_every=steps, checkpoint_minutes=1e9, **settings)
    tokenizer = TokenizerSettings(size=TOKENIZER)
    return replace(plain, data=DataSettings(paths, clean="none"), model=block, training=training, tokenizer=tokenizer)


def write_ragged(path: Path) -> None:
    """Cut the built-in text into documents of very different lengths."""
    import numpy as np

    from hornbook.corpus.read import read

    generator = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as stream:
        for document in read(("builtin:docs",)):
            words, start = document.text.split(" "), 0
            while start < len(words):
                wanted = MEAN_TOKENS * CHARACTERS_PER_TOKEN / 6 * generator.lognormal(-0.32, 0.8)
                text = " ".join(words[start : start + max(1, int(wanted))])
                start += max(1, int(wanted))
                if text.strip():
                    stream.write(json.dumps({"text": text}) + "\n")


def prepare_tokens(name: str, data: Path) -> dict[str, Any]:
    """Tokenise once; leave Hornbook's files in `<part>`, the peer's examples beside them. Return what was made."""
    import numpy as np

    from hornbook.console import View
    from hornbook.objectives.base import tokens_per_row
    from hornbook.prepare.dataset import prepare
    from hornbook.tokens.loader import Loader
    from hornbook.tokens.order import Shuffled

    if name == "ragged":
        write_ragged(data / "ragged.jsonl")
    part, chosen = PARTS[name], recipe(name, 1, {}, data)
    prepared = prepare(chosen, data / name, View(plain=True))
    vocab, rows = prepared.tokenizer.vocab, prepared.training_rows
    examples: dict[str, Any] = {"mask": vocab.mask, "pad": vocab.pad, "specials": np.flatnonzero(vocab.special)}
    if name == "ragged":
        store, (before, after) = prepared.store, prepared.objective.boundary_tokens
        lengths = np.minimum(store.lengths, part.length - len(before) - len(after))
        lengths = lengths[lengths > 0]
        documents = np.flatnonzero(store.lengths > 0)
        flat = [
            np.concatenate([before, _tokens(store, number, size), after])
            for number, size in zip(documents, lengths, strict=True)
        ]
        examples |= {"tokens": np.concatenate(flat), "lengths": np.array([len(document) for document in flat])}
    elif name == "span":
        loader = Loader(rows, Shuffled(len(rows)), prepared.objective, 0, len(rows), len(rows), 0, lambda batch: batch)
        (batch,) = loader.step(0)
        examples |= {"inputs": batch.inputs, "targets": np.where(batch.weights > 0, batch.targets, -100)}
    else:
        found = rows.rows(np.arange(len(rows)), np.zeros(len(rows), np.uint64))
        examples |= {"tokens": found.tokens[:, : part.length]}
    np.savez(data / f"{name}.npz", **examples)
    useful = 1 - rows.padding
    return {"tokens": rows.tokens, "tokens_per_row": tokens_per_row(prepared.objective, part.length) * useful}


class Gate:
    """Lets a contender work for so many steps at a time, when the parent asks, and tells how long they took."""

    def __init__(self, steps: int) -> None:
        self._steps, self._done, self._start = steps, 0, time.perf_counter()
        self.useful = 0

    def step(self) -> None:
        """Be told that a step is done; wait for the parent where a round ends."""
        self._done += 1
        if self._done == 1:
            _tell({"first_step_seconds": time.perf_counter() - self._start})
        if self._done >= WARM_STEPS and (self._done - WARM_STEPS) % self._steps == 0:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            seconds = time.perf_counter() - self._start
            _tell({"seconds": seconds, "steps": self._steps, "useful": self.useful, "peak_bytes": memory})
            if not sys.stdin.readline().strip():
                os._exit(0)
            self._start, self.useful = time.perf_counter(), 0


def _tokens(store: Any, document: int, size: int) -> Any:
    """Return the first `size` tokens of a document in a token store."""
    import numpy as np

    found = np.empty(size, np.int32)
    store.copy(np.array([document]), np.array([0]), np.array([size]), found, np.array([0]))
    return found


def _tell(found: Mapping[str, Any]) -> None:
    print("GATE " + json.dumps(found), flush=True)


def train_trainer(name: str, contender: Contender, data: Path, scratch: Path) -> None:
    """Train with transformers' Trainer; a contender without settings is at its defaults."""
    import numpy as np
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from hornbook.train.machine import best_precision, find_device, synchronise

    device, settings = find_device(), dict(contender.settings)
    if settings and best_precision(device) == "bf16":
        settings["bf16"] = True
    if settings and name == "ragged":
        settings |= {"torch_compile": False, "train_sampling_strategy": "group_by_length"}
    arrays = np.load(data / f"{name}.npz")
    gate = Gate(contender.steps)
    examples, collate = _peer_examples(name, arrays, gate)

    class Clock(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            synchronise(device)
            gate.step()

    arguments = TrainingArguments(
        output_dir=str(scratch), max_steps=10**6, use_cpu=device.type == "cpu", save_strategy="no", disable_tqdm=True,
        logging_strategy="no", **settings,
    )  # fmt: skip
    model = _peer_model(PARTS[name], bool(contender.settings))
    _tell({"parameters": sum(p.numel() for p in model.parameters()), "bf16": bool(settings.get("bf16"))})
    torch.manual_seed(0)
    Trainer(model=model, args=arguments, train_dataset=examples, data_collator=collate, callbacks=[Clock()]).train()


def _peer_model(part: Part, tuned: bool) -> Any:
    from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel, T5Config
    from transformers import T5ForConditionalGeneration as T5

    attention = {"attn_implementation": "eager"} if tuned else {}
    if part.objective == "causal":
        none = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0} if tuned else {}
        return GPT2LMHeadModel(
            GPT2Config(
                vocab_size=part.vocabulary, n_positions=part.length, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
                bos_token_id=1, eos_token_id=2, **none, **attention,
            )
        )  # fmt: skip
    if part.objective == "masked":
        none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0} if tuned else {}
        return BertForMaskedLM(
            BertConfig(
                vocab_size=part.vocabulary, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
                intermediate_size=INNER, max_position_embeddings=part.length, pad_token_id=0, **none, **attention,
            )
        )  # fmt: skip
    none = {"dropout_rate": 0.0} if tuned else {}
    return T5(
        T5Config(
            vocab_size=part.vocabulary, d_model=WIDTH, d_kv=WIDTH // HEADS, d_ff=INNER, num_layers=LAYERS,
            num_heads=HEADS, feed_forward_proj="relu", pad_token_id=0, decoder_start_token_id=0, **none, **attention,
        )
    )  # fmt: skip


def _peer_examples(
    name: str, arrays: Any, gate: Gate, vocabulary: int = TOKENIZER
) -> tuple[Sequence[dict[str, Any]], Callable[[Any], Any]]:
    """Return the Trainer's examples, and the collator that makes a batch of them and counts its tokens."""
    import numpy as np
    import torch

    def counted(batch: dict[str, Any], tokens: int) -> dict[str, Any]:
        gate.useful += tokens
        return batch

    if name == "ragged":
        ends = np.cumsum(arrays["lengths"])
        flat = torch.from_numpy(arrays["tokens"].astype(np.int64))
        examples = [{"input_ids": flat[end - size : end]} for end, size in zip(ends, arrays["lengths"], strict=True)]

        def padded(rows: Any) -> dict[str, Any]:
            ids = [row["input_ids"] for row in rows]
            inputs = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=int(arrays["pad"]))
            real = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in ids], batch_first=True)
            labels = inputs.masked_fill(real == 0, -100)
            return counted({"input_ids": inputs, "attention_mask": real, "labels": labels}, sum(map(len, ids)))

        return examples, padded
    if name == "span":
        sides = (torch.from_numpy(arrays[side].astype(np.int64)) for side in ("inputs", "targets"))
        examples = [{"input_ids": a, "labels": b} for a, b in zip(*sides, strict=True)]
        per_row = 0
    else:
        examples = [{"input_ids": row} for row in torch.from_numpy(arrays["tokens"].astype(np.int64))]
        per_row = arrays["tokens"].shape[1]
    specials = torch.from_numpy(arrays["specials"])

    def collate(rows: Any) -> dict[str, Any]:
        batch = {key: torch.stack([row[key] for row in rows]) for key in rows[0]}
        if name.startswith("causal"):
            batch["labels"] = batch["input_ids"]
        if name.startswith("masked"):  # what transformers' collator does, without its look at each token's text
            labels = batch["input_ids"].clone()
            chosen = (torch.rand(labels.shape) < 0.15) & ~torch.isin(labels, specials)
            how = torch.rand(labels.shape)
            batch["input_ids"] = torch.where(chosen & (how < 0.8), int(arrays["mask"]), batch["input_ids"])
            batch["input_ids"] = torch.where(
                chosen & (how > 0.9), torch.randint(vocabulary, labels.shape), batch["input_ids"]
            )
            batch["labels"] = labels.masked_fill(~chosen, -100)
        return counted(batch, per_row * len(rows))

    return examples, collate


def train_hornbook(name: str, contender: Contender, data: Path, scratch: Path) -> None:
    """Train with `hornbook.run.pretrain.pretrain`; a sink that is told of every step is the gate."""
    import contextlib
    import shutil

    import hornbook.run.training as run
    from hornbook.run.pretrain import pretrain
    from hornbook.scaling.count import parameters

    gate = Gate(contender.steps)
    shutil.copytree(data / name, scratch / "run")
    chosen = recipe(name, 1000, contender.settings, data)  # of up to a thousand steps, every one is recorded
    _tell({"parameters": parameters(chosen.model)})
    opened = run.open_sinks

    class Clock:
        def write(self, record: Mapping[str, Any]) -> None:
            if record["kind"] == "train":
                gate.step()

    @contextlib.contextmanager
    def open_sinks(*arguments: Any) -> Any:
        with opened(*arguments) as sinks:
            yield [*sinks, Clock()]

    run.open_sinks = open_sinks
    pretrain(chosen, scratch / "run", plain=True)


class Running:
    """A contender's process, seen from the parent."""

    def __init__(self, part: str, name: str, steps: int, data: Path) -> None:
        command = [sys.executable, __file__, "--part", part, "--contender", name, "--steps", str(steps)]
        self._log = (data / f"{part} {name}.log").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            [*command, "--data", str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
            text=True, env=os.environ | {"HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        self.name = name
        self.about = self._answer() | self._answer()
        self.about["until_ready"] = self._answer()["seconds"]
        self.rounds: list[dict[str, Any]] = []

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("GATE "):
                found: dict[str, Any] = json.loads(line.removeprefix("GATE "))
                return found
        self._log.seek(0)
        sys.exit(f"{self.name} failed:\n{self._log.read()[-4000:]}")

    def round(self) -> dict[str, Any]:
        """Let it work for a round."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self.rounds.append(self._answer())
        return self.rounds[-1]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._log.close()


def measure_part(name: str, data: Path, rounds: int, quick: bool) -> dict[str, Any]:
    """Run one part; return its medians."""
    made = prepare_tokens(name, data)
    with ExitStack() as stack:
        running = []
        for contender, settings in CONTENDERS.items():
            running.append(Running(name, contender, 1 if quick else settings.steps, data))
            stack.callback(running[-1].close)
            print(f"{name}: {contender}: first step {running[-1].about['first_step_seconds']:.1f} s", flush=True)
        speeds: list[dict[str, float]] = []
        for number in range(rounds):
            speeds.append({})
            for each in running:
                found = each.round()
                useful = found["steps"] * 32 * made["tokens_per_row"]
                if each.name in PEERS:
                    batch = 32 if CONTENDERS[each.name].settings else 8
                    useful = found["useful"] or found["steps"] * batch * made["tokens_per_row"]
                speeds[-1][each.name] = useful / found["seconds"]
            row = ", ".join(f"{each} {speed:,.0f}" for each, speed in speeds[-1].items())
            print(f"{name}: round {number + 1}: tokens/s {row}", flush=True)
    names = list(CONTENDERS)

    def ratio(one: str, other: str) -> float:
        return round(statistics.median(speed[one] / speed[other] for speed in speeds), 2)

    return {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "machine": _machine(),
        "load_at_end": os.getloadavg(),
        "corpus_tokens": made["tokens"],
        "tokens_per_second": {each: round(statistics.median(speed[each] for speed in speeds)) for each in names},
        "times_as_fast_as": {each: {peer: ratio(each, peer) for peer in PEERS} for each in names},
        "peak_bytes": {each.name: each.rounds[-1]["peak_bytes"] for each in running},
        "processes": {each.name: each.about for each in running},
        "rounds": speeds,
    }


def _machine() -> dict[str, Any]:
    from hornbook.train.machine import best_precision, environment, find_device

    machine = environment(find_device()) | {"precision": best_precision(find_device())}
    machine["packages"] |= {name: version(name) for name in ("transformers", "accelerate")}
    return machine


def show(name: str, found: Mapping[str, Any]) -> None:
    """Print a part's table."""
    print(f"\n{name:18}{'tokens/s':>10}{'first step':>12}{'peak':>9}" + "".join(f"{'x ' + p:>17}" for p in PEERS))
    for each, speed in found["tokens_per_second"].items():
        first, peak = found["processes"][each]["first_step_seconds"], found["peak_bytes"][each] / 1e9
        columns = "".join(f"{found['times_as_fast_as'][each][peer]:17.2f}" for peer in PEERS)
        print(f"{each:18}{speed:10,.0f}{first:10.1f} s{peak:6.2f} GB{columns}")


def measure_start(data: Path, rounds: int) -> dict[str, Any]:
    """Time `hornbook pretrain` from the command to the first step, without compilation; and what compiling takes."""
    times: dict[str, list[float]] = {"no": [], "yes": []}
    said = []
    for number in range(rounds):
        for compiled in times:
            out = data / f"start-{compiled}-{number}"
            start = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-c", "from hornbook.cli import main; main()", "pretrain", "--steps", "3", "--out",
                 str(out), "model.width=128", "model.layers=2", f"training.compile={compiled}"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            while process.poll() is None and not (out / "metrics.jsonl").is_file():
                time.sleep(0.02)
            while process.poll() is None and not (out / "metrics.jsonl").read_text(encoding="utf-8"):
                time.sleep(0.02)
            times[compiled].append(time.perf_counter() - start)
            output, _ = process.communicate()
            if process.returncode:
                sys.exit(f"start failed:\n{output[-4000:]}")
            said += [line for line in output.splitlines() if line.startswith("compiling")]
    found = {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "machine": _machine(),
        "load_at_end": os.getloadavg(),
        "seconds_to_first_step": {compiled: round(statistics.median(taken), 1) for compiled, taken in times.items()},
        "said": said,
        "rounds": times,
    }
    print(f"start: first step after {found['seconds_to_first_step']['no']} s; compiled {times['yes']}, {said}")
    return found


def main() -> None:
    """Run the parts, or, in a process started by them, one contender."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="the parts that begin so")
    parser.add_argument("--quick", action="store_true", help="one round of one step; writes nothing")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if given.contender:
            contender = replace(CONTENDERS[given.contender], steps=given.steps)
            train = train_trainer if given.contender in PEERS else train_hornbook
            train(given.part, contender, given.data, Path(scratch))
            return
        for name in [part for part in (*PARTS, "start") if part.startswith(given.only)]:
            rounds = 1 if given.quick else given.rounds
            if name == "start":
                found = measure_start(Path(scratch), rounds)
            else:
                found = measure_part(name, Path(scratch), rounds, given.quick)
                show(name, found)
            if not given.quick:
                kept = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
                RESULT.parent.mkdir(exist_ok=True)
                RESULT.write_text(json.dumps(kept | {name: found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
