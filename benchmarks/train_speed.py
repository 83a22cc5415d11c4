"""Training speed: one GPT-2-shaped decoder of 13.9 M parameters, the same tokens, transformers' Trainer and Hornbook.

    python benchmarks/train_speed.py            three rounds, about ten minutes on two cores; writes its result
    python benchmarks/train_speed.py --quick    one short round, to see that everything runs; writes nothing

Every contender runs in a process of its own, all in turn, round after round, so that whatever else the machine does
meets all of them; compare ratios within a run of this script, never figures of different runs. Steady state is
counted: the first steps, with compilation, are shown beside it.

    trainer            transformers' Trainer at its defaults: fp32, batches of 8, sdpa attention, dropout
    trainer tuned      the fastest of its ordinary settings on a CPU: bf16, torch_compile, eager attention, batches of
                       32, no dropout; with sdpa, batches of 8, 16 or 64, or a loader process it is no faster
    hornbook           Hornbook's defaults for the same shape: batches of 32, Muon, no document sees another
    hornbook tuned     the same compiled, with the peer's optimizer and batches: AdamW, 32 rows
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hornbook.recipe import Budget, Recipe, TokenizerSettings
from hornbook.recipes import default

RESULT = Path(__file__).parent / "results" / "train_speed.json"
LENGTH, VOCABULARY, WIDTH, LAYERS, HEADS = 256, 8192, 384, 6, 6
WARM_STEPS = 5
PEERS = ("trainer", "trainer tuned")


@dataclass(frozen=True)
class Contender:
    """One side: how many steps are counted, and its settings (of TrainingArguments, or of our training)."""

    steps: int
    settings: Mapping[str, Any]


CONTENDERS = {
    "trainer": Contender(40, {}),
    "trainer tuned": Contender(20, {"per_device_train_batch_size": 32, "bf16": True, "torch_compile": True}),
    "hornbook": Contender(40, {}),
    "hornbook tuned": Contender(20, {"batch_rows": 32, "compile": "yes", "optimizer": "adamw"}),
}


@dataclass(frozen=True)
class Timing:
    """What one process found: seconds of the first step, and tokens a second after the first few."""

    parameters: int
    first_step_seconds: float
    tokens_per_second: float


def recipe(steps: int, settings: Mapping[str, Any]) -> Recipe:
    """Return Hornbook's defaults with GPT-2's block (Radford et al. 2019) in the benchmark's size."""
    plain = default("causal", budget=Budget(steps=steps))
    block = replace(
        plain.model, vocab_size=VOCABULARY, max_length=LENGTH, width=WIDTH, layers=LAYERS, heads=HEADS, norm="layer",
        norm_epsilon=1e-5, positions="learned", gated=False, activation="gelu_tanh", biases=True, qk_norm=False,
    )  # fmt: skip
    training = replace(plain.training, evaluate_every=steps, **settings)
    return replace(plain, model=block, training=training, tokenizer=TokenizerSettings(size=VOCABULARY))


def prepare_tokens(directory: Path) -> int:
    """Tokenise the built-in corpus once; leave Hornbook's files in `corpus`, the peer's rows in rows.npy."""
    import numpy as np

    from hornbook.console import View
    from hornbook.prepare import prepare

    prepared = prepare(recipe(1, {}), directory / "corpus", View(plain=True))
    rows = prepared.training_rows(LENGTH)
    index = np.arange(len(rows))
    tokens = rows.rows(index, np.zeros(len(rows), np.uint64)).tokens[:, :LENGTH]
    np.save(directory / "rows.npy", tokens.astype(np.int64))
    return int(tokens.size)


def time_trainer(contender: Contender, directory: Path, scratch: Path) -> Timing:
    """Train with transformers' Trainer; a contender without settings is at its defaults."""
    import numpy as np
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

    from hornbook.train.machine import find_device, synchronise

    rows = torch.from_numpy(np.load(directory / "rows.npy"))
    tuned = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "attn_implementation": "eager"}
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
        bos_token_id=1, eos_token_id=2, **(tuned if contender.settings else {}),
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    device = find_device()
    times: dict[int, float] = {}

    class Clock(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            times[0] = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step in (1, WARM_STEPS, WARM_STEPS + contender.steps):
                synchronise(device)
                times[state.global_step] = time.perf_counter()

    arguments = TrainingArguments(
        output_dir=str(scratch),
        max_steps=WARM_STEPS + contender.steps,
        use_cpu=device.type == "cpu",
        save_strategy="no",
        disable_tqdm=True,
        **contender.settings,
    )
    examples = [{"input_ids": row, "labels": row} for row in rows]
    Trainer(model=model, args=arguments, train_dataset=examples, callbacks=[Clock()]).train()
    seconds = times[WARM_STEPS + contender.steps] - times[WARM_STEPS]
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Timing(parameters, times[1] - times[0], contender.steps * arguments.train_batch_size * LENGTH / seconds)


def time_hornbook(contender: Contender, directory: Path, scratch: Path) -> Timing:
    """Train with `hornbook.run.pretrain`, and read metrics.jsonl: every step has a record."""
    from hornbook.model.count import parameters
    from hornbook.run import RECIPE, pretrain
    from hornbook.settings import load_recipe
    from hornbook.train.metrics import read_metrics

    run = scratch / "run"
    shutil.copytree(directory / "corpus", run)
    chosen = recipe(WARM_STEPS + contender.steps, contender.settings)
    pretrain(chosen, run, plain=True)
    tokens = load_recipe(run / RECIPE).training.batch_rows * LENGTH
    records = [record for record in read_metrics(run / "metrics.jsonl") if record["kind"] == "train"]
    seconds = [tokens / record["tokens_per_second"] for record in records]
    assert len(seconds) == WARM_STEPS + contender.steps
    return Timing(parameters(chosen.model), seconds[0], contender.steps * tokens / sum(seconds[WARM_STEPS:]))


def time_in_process(name: str, contender: Contender, directory: Path) -> Timing:
    """Run one contender in a fresh process; its last line of output is its timing."""
    command = [sys.executable, __file__, "--contender", name, "--steps", str(contender.steps), "--data", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return Timing(**json.loads(done.stdout.splitlines()[-1]))


def report(rounds: Sequence[dict[str, Timing]], tokens: int) -> dict[str, Any]:
    """Print the table of medians, and return it with the machine it was measured on."""
    from hornbook.train.machine import environment, find_device

    def median(name: str, quantity: str) -> float:
        return statistics.median(getattr(timings[name], quantity) for timings in rounds)

    def ratio(name: str, peer: str) -> float:
        return statistics.median(found[name].tokens_per_second / found[peer].tokens_per_second for found in rounds)

    speeds = {name: median(name, "tokens_per_second") for name in CONTENDERS}
    print(f"\n{'':18}{'tokens/s':>10}{'first step':>12}" + "".join(f"{'x ' + peer:>18}" for peer in PEERS))
    for name, speed in speeds.items():
        columns = "".join(f"{ratio(name, peer):18.2f}" for peer in PEERS)
        print(f"{name:18}{speed:10,.0f}{median(name, 'first_step_seconds'):10.1f} s{columns}")
    machine = environment(find_device())
    machine["packages"] |= {name: version(name) for name in ("transformers", "accelerate")}
    ratios = {name: {peer: round(ratio(name, peer), 2) for peer in PEERS} for name in CONTENDERS}
    return {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "machine": machine,
        "load_at_end": os.getloadavg(),
        "model": {"parameters": rounds[0]["hornbook"].parameters, "width": WIDTH, "layers": LAYERS, "rows_of": LENGTH},
        "corpus_tokens": tokens,
        "tokens_per_second": {name: round(speed) for name, speed in speeds.items()},
        "times_as_fast_as": ratios,
        "rounds": [{name: asdict(timing) for name, timing in timings.items()} for timings in rounds],
    }


def main() -> None:
    """Run the rounds, or, in a process started by them, one contender."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round of two counted steps; writes nothing")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if given.contender:
            contender = replace(CONTENDERS[given.contender], steps=given.steps)
            timed = time_trainer if given.contender in PEERS else time_hornbook
            print(json.dumps(asdict(timed(contender, given.data, Path(scratch)))))
            return
        tokens = prepare_tokens(Path(scratch))
        rounds = []
        for number in range(1 if given.quick else given.rounds):
            timings = {}
            for name, contender in CONTENDERS.items():
                contender = replace(contender, steps=2) if given.quick else contender
                timings[name] = time_in_process(name, contender, Path(scratch))
                print(f"round {number + 1}: {name}: {timings[name].tokens_per_second:,.0f} tokens/s", flush=True)
            rounds.append(timings)
        found = report(rounds, tokens)
        if not given.quick:
            RESULT.parent.mkdir(exist_ok=True)
            RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
