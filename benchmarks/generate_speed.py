"""Speed of writing: the same weights in Hornbook and in transformers' `generate`, greedy, one text and sixteen at once.

    python benchmarks/generate_speed.py            five rounds; writes its result
    python benchmarks/generate_speed.py --quick    one short round, to see that everything runs; writes nothing

Both sides write in one process, in turn, round after round, so that whatever else the machine does meets both; compare
ratios within a run of this script, never figures of different runs. Prompts have 32 tokens each, nothing ends early,
reading the prompt is counted. The models are random: speed does not depend on what is written. Both write the same
tokens, up to nearly equal logits; the share that is equal is noted.

    tiny     our default decoder in the size of a few laptop minutes: 4 layers of 256, 2,176 entries
    gpt2     6 layers of 384, 8,192 entries, learned positions, LayerNorm, biases
    llama    the same size, rotary, gated, RMSNorm, 6 heads sharing 2 key-value heads
    t5       the same size in 6 + 6 layers, bucketed positions
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
from pathlib import Path
from typing import Any

import torch

from hornbook.convert.export_hf import export
from hornbook.generate import Decoding, generate
from hornbook.model.config import ModelConfig, modern
from hornbook.model.sizes import SIZES
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import train_tokenizer
from hornbook.train.machine import environment
from hornbook.vocab import Vocab

RESULT = Path(__file__).parent / "results" / "generate_speed.json"
PROMPT, NEW = 32, 96
SHAPE = {"vocab_size": 8192, "width": 384, "layers": 6, "heads": 6, "max_length": 256, "qk_norm": False}
SHAPES = {
    "tiny": replace(SIZES["tiny"], vocab_size=2176),
    "gpt2": replace(
        modern("decoder"), **SHAPE, norm="layer", norm_epsilon=1e-5, positions="learned", gated=False,
        activation="gelu_tanh", biases=True,
    ),
    "llama": replace(modern("decoder"), **SHAPE, kv_heads=2),
    "t5": replace(modern("encoder-decoder"), **SHAPE),
}  # fmt: skip


def open_there(model: Transformer, config: ModelConfig, directory: Path) -> Any:
    """Return the same model in transformers, by way of an export."""
    import transformers

    text = train_tokenizer(["a b c d e f g h"], "bpe", 300, Requirements(sentinels=2))
    folder = export(model.state_dict(), config, text, Vocab.from_tokenizer(text), "", directory / "model")
    both = config.topology == "encoder-decoder"
    kind = transformers.AutoModelForSeq2SeqLM if both else transformers.AutoModelForCausalLM
    return kind.from_pretrained(folder).eval()


def contenders(name: str, rows: int, new: int, directory: Path) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return what writes `new` tokens after each of `rows` prompts, here and there: lists of new ids [rows][new]."""
    config = SHAPES[name]
    model = Transformer(config).eval()
    theirs = open_there(model, config, directory)
    prompts = torch.randint(5, config.vocab_size, (rows, PROMPT), generator=torch.Generator().manual_seed(0))
    attention = torch.ones_like(prompts)
    both = config.topology == "encoder-decoder"

    def here() -> list[list[int]]:
        return generate(model, prompts.tolist(), Decoding(max_new=new))

    def there() -> list[list[int]]:
        found = theirs.generate(
            prompts, attention_mask=attention, max_new_tokens=new, max_length=None, do_sample=False, eos_token_id=None,
            pad_token_id=0,
        )  # fmt: skip
        written: list[list[int]] = (found[:, 1:] if both else found[:, PROMPT:]).tolist()
        return written

    return here, there


def compare(name: str, rows: int, new: int, rounds: int) -> dict[str, Any]:
    """Time both sides in turn; tokens a second, medians over the rounds, the first one left out."""
    with tempfile.TemporaryDirectory() as scratch:
        sides = dict(zip(("hornbook", "transformers"), contenders(name, rows, new, Path(scratch)), strict=True))
        speeds: dict[str, list[float]] = {side: [] for side in sides}
        outputs = {}
        for number in range(rounds + 1):
            for side, write in sides.items():
                begin = time.perf_counter()
                outputs[side] = write()
                if number:
                    speeds[side].append(rows * new / (time.perf_counter() - begin))
    pairs = [
        (one, other)
        for ours, theirs in zip(*outputs.values(), strict=True)
        for one, other in zip(ours, theirs, strict=True)
    ]
    median = {side: round(statistics.median(values), 1) for side, values in speeds.items()}
    ratios = [one / other for one, other in zip(*speeds.values(), strict=True)]
    found = {
        "shape": name,
        "rows": rows,
        "new_tokens": new,
        "tokens_per_second": median,
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "equal_tokens": round(sum(one == other for one, other in pairs) / len(pairs), 4),
    }
    print(f"{name}, {rows} rows: {median}, ratio {found['ratio']}", flush=True)
    return found


def main() -> None:
    """Run the rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round of 4 tokens; writes nothing")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    new, rounds = (4, 1) if given.quick else (NEW, given.rounds)
    measured = [compare(name, rows, new, rounds) for name in SHAPES for rows in (1, 16)]
    if given.quick:
        return
    found = {
        "date": datetime.date.today().isoformat(),
        "machine": environment(torch.device("cpu")),
        "load_at_end": os.getloadavg(),
        "measured": measured,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
