"""Speed of writing: the same weights in Hornbook and in transformers' `generate`, one text, 32 at once, four beams.

    python benchmarks/generate_speed.py              five rounds; writes its result
    python benchmarks/generate_speed.py --quick      one short round, to see that everything runs; writes nothing
    python benchmarks/generate_speed.py tiny gpt2    some shapes; prints alone

Both sides write in one process, in turn, round after round, in fp32, and processor time of one thread is counted, so
that whatever else the machine does meets both; compare ratios within a run of this script, never figures of different
runs. Prompts have 32 tokens each, nothing ends early, reading the prompt is counted, and so is laying out the weights.
The models are random: speed does not depend on what is written. Both write the same tokens, up to nearly equal logits;
the share that is equal is noted, but for sampled ones.

    small    our default decoder, 2 layers of 128, 4,096 entries: what two minutes of a laptop train
    medium   6 layers of 384, 8,192 entries
    gpt2     the same size, learned positions, LayerNorm, biases
    llama    the same size, rotary, gated, RMSNorm, 6 heads sharing 2 key-value heads
    t5small, t5   encoder-decoders of the sizes of small and medium, bucketed positions

`weights` are those of `hornbook generate --weights`; the ratio of bf16 and int8 is to transformers in fp32.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from hornbook.convert.export_hf import export
from hornbook.generate import Decoding, generate
from hornbook.model.config import ModelConfig, modern
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import train_tokenizer
from hornbook.train.machine import environment
from hornbook.vocab import Vocab

RESULT = Path(__file__).parent / "results" / "generate_speed.json"
PROMPT, NEW = 32, 96
SMALL = {"vocab_size": 4096, "width": 128, "layers": 2, "heads": 2, "max_length": 256}
SHAPE = {"vocab_size": 8192, "width": 384, "layers": 6, "heads": 6, "max_length": 256}
SHAPES = {
    "small": replace(modern("decoder"), **SMALL),
    "medium": replace(modern("decoder"), **SHAPE),
    "gpt2": replace(
        modern("decoder"), **SHAPE, qk_norm=False, norm="layer", norm_epsilon=1e-5, positions="learned", gated=False,
        activation="gelu_tanh", biases=True,
    ),
    "llama": replace(modern("decoder"), **SHAPE, kv_heads=2, qk_norm=False),
    "t5small": replace(modern("encoder-decoder"), **SMALL),
    "t5": replace(modern("encoder-decoder"), **SHAPE),
}  # fmt: skip
# What is written: rows, and how each next token is chosen.
CASES = {
    "one": (1, Decoding()),
    "one, sampled": (1, Decoding(temperature=0.8)),
    "32": (32, Decoding()),
    "32, sampled": (32, Decoding(temperature=0.8)),
    "4 beams": (1, Decoding(beams=4)),
    "one, bf16": (1, Decoding(weights="bf16")),
    "one, int8": (1, Decoding(weights="int8")),
    "32, bf16": (32, Decoding(weights="bf16")),
    "32, int8": (32, Decoding(weights="int8")),
}


def open_there(model: Transformer, config: ModelConfig, directory: Path) -> Any:
    """Return the same model in transformers, by way of an export."""
    import transformers

    text = train_tokenizer(["a b c d e f g h"], "bpe", 300, Requirements(sentinels=2))
    folder = export(model.state_dict(), config, text, Vocab.from_tokenizer(text), "", directory / "model")
    both = config.topology == "encoder-decoder"
    kind = transformers.AutoModelForSeq2SeqLM if both else transformers.AutoModelForCausalLM
    return kind.from_pretrained(folder).eval()


Sides = dict[str, Callable[[], list[list[int]]]]


def contenders(model: Transformer, theirs: Any, rows: int, decoding: Decoding) -> Sides:
    """Return what writes after each of `rows` prompts, here and there: lists of new ids [rows][new]."""
    config = model.config
    prompts = torch.randint(5, config.vocab_size, (rows, PROMPT), generator=torch.Generator().manual_seed(0))
    attention = torch.ones_like(prompts)
    drawn = {"temperature": decoding.temperature, "top_k": 0} if decoding.temperature else {}

    def here() -> list[list[int]]:
        return generate(model, prompts.tolist(), decoding)

    def there() -> list[list[int]]:
        found = theirs.generate(
            prompts, attention_mask=attention, max_new_tokens=decoding.max_new, max_length=None, do_sample=bool(drawn),
            num_beams=decoding.beams, eos_token_id=None, pad_token_id=0, **drawn,
        )  # fmt: skip
        written: list[list[int]] = found[:, 1 if config.topology == "encoder-decoder" else PROMPT :].tolist()
        return written

    return {"hornbook": here, "transformers": there}


def compare(model: Transformer, theirs: Any, case: str, new: int, rounds: int) -> dict[str, Any]:
    """Time both sides in turn; tokens a second, medians over the rounds, the first one left out."""
    rows, decoding = CASES[case]
    decoding = replace(decoding, max_new=new)
    sides = contenders(model, theirs, rows, decoding)
    speeds: dict[str, list[float]] = {side: [] for side in sides}
    outputs = {}
    for number in range(rounds + 1):
        for side, write in sides.items():
            begin = time.process_time()
            outputs[side] = write()
            if number:
                speeds[side].append(rows * new / (time.process_time() - begin))
    both = zip(*(chain.from_iterable(written) for written in outputs.values()), strict=True)
    ratios = [one / other for one, other in zip(*speeds.values(), strict=True)]
    found: dict[str, Any] = {
        "case": case,
        "new_tokens": new,
        "tokens_per_second": {side: round(statistics.median(values), 1) for side, values in speeds.items()},
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
    }
    if decoding.temperature == 0:
        found["equal_tokens"] = round(statistics.mean(one == other for one, other in both), 4)
    return found


def main() -> None:
    """Run the rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*", choices=[*SHAPES, []], help="all if none is named")
    parser.add_argument("--quick", action="store_true", help="one round of 4 tokens; writes nothing")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    new, rounds = (4, 1) if given.quick else (NEW, given.rounds)
    measured: list[dict[str, Any]] = []
    for name in given.shapes or SHAPES:
        model = Transformer(SHAPES[name]).eval()
        with tempfile.TemporaryDirectory() as scratch:
            theirs = open_there(model, SHAPES[name], Path(scratch))
        for case in CASES:
            found = {"shape": name, **compare(model, theirs, case, new, rounds)}
            print(*(f"{key}: {value}" for key, value in found.items()), sep="  ", flush=True)
            measured.append(found)
    if given.quick or given.shapes:
        return
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": environment(torch.device("cpu")),
        "load_at_end": os.getloadavg(),
        "measured": measured,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
