"""Every entry of every family's config.json changed: our import computes what transformers does, or refuses by name.

    python benchmarks/config_mutations.py            all families, about ten minutes on one core; writes its result
    python benchmarks/config_mutations.py t5 bart    these alone; writes nothing

Tiny random models are saved by transformers. Of each config.json one entry at a time is changed (another number, the
other truth value, another name of its kind, null, left out) or added (second names, entries of earlier versions and of
other classes, and what code reads that no class lists). Both sides then open the folder.

    equal     no logit differs by more than 1e-5
    refused   Hornbook refuses in words that contain the entry's name
    theirs    transformers fails, warns or computes no numbers, so there is no right answer
    wrong     anything else: other logits, a refusal without the name, a traceback
"""

from __future__ import annotations

import argparse
import datetime
import json
import logging
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from hornbook.batch import Batch
from hornbook.convert.import_hf import Folder, read_folder
from hornbook.errors import UserError
from hornbook.model.inputs import to_tensors
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import train_tokenizer
from hornbook.train.machine import environment, find_device

RESULT = Path(__file__).parent / "results" / "config_mutations.json"
NEAR, LENGTH, VOCABULARY = 1e-5, 20, 300
_SIZES = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
    "intermediate_size": 48, "max_position_embeddings": 64,
}  # fmt: skip
_GROUPED = {"num_key_value_heads": 2}
_T5 = {
    "vocab_size": VOCABULARY, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_decoder_layers": 3,
    "num_heads": 4, "relative_attention_num_buckets": 8, "relative_attention_max_distance": 16,
    "decoder_start_token_id": 0,
}  # fmt: skip
# name: (class, settings)
BASES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaForCausalLM", _SIZES | _GROUPED),
    "llama3": (
        "LlamaForCausalLM",
        _SIZES | {"rope_parameters": {
            "rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 12}},
    ),
    "mistral": ("MistralForCausalLM", _SIZES | _GROUPED | {"sliding_window": 5}),
    "qwen2": ("Qwen2ForCausalLM", _SIZES | _GROUPED),
    "qwen2-yarn": (
        "Qwen2ForCausalLM",
        _SIZES | _GROUPED | {"rope_parameters": {
            "rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0, "original_max_position_embeddings": 12}},
    ),
    "qwen3": ("Qwen3ForCausalLM", _SIZES | _GROUPED | {"head_dim": 16, "tie_word_embeddings": True}),
    "gpt2": (
        "GPT2LMHeadModel",
        {"vocab_size": VOCABULARY, "n_positions": 64, "n_embd": 32, "n_layer": 3, "n_head": 4},
    ),
    "modernbert": ("ModernBertForMaskedLM", _SIZES | {"local_attention": 8}),
    "bert": ("BertForMaskedLM", _SIZES),
    "bert-pairs": ("BertForPreTraining", _SIZES),
    "roberta": ("RobertaForMaskedLM", _SIZES),
    "albert": ("AlbertForMaskedLM", _SIZES | {"embedding_size": 16}),
    "electra": ("ElectraForPreTraining", _SIZES | {"embedding_size": 16}),
    "electra-generator": ("ElectraForMaskedLM", _SIZES | {"embedding_size": 16}),
    "t5": ("T5ForConditionalGeneration", _T5),
    "t5-v1.1": ("T5ForConditionalGeneration", _T5 | {"feed_forward_proj": "gated-gelu"}),
    "bart": (
        "BartForConditionalGeneration",
        {
            "vocab_size": VOCABULARY, "max_position_embeddings": 64, "d_model": 32, "encoder_layers": 2,
            "decoder_layers": 3, "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 48,
            "decoder_ffn_dim": 48,
        },
    ),
}  # fmt: skip
_IDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_WORDS = (
    "gelu", "relu", "silu", "gelu_new", "gelu_pytorch_tanh", "tanh", "quick_gelu", "gated-gelu", "gated-silu",
    "absolute", "relative_key", "default", "linear", "dynamic", "full_attention", "mean",
)  # fmt: skip
# What a config.json may say that no saved one has: second names, earlier versions, other classes, unlisted reads.
_ADDED = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "head_dim", "n_embd",
    "n_layer", "n_positions", "n_head", "n_ctx", "d_model", "num_layers", "d_kv", "encoder_layers",
    "encoder_attention_heads", "is_causal", "is_decoder", "is_encoder_decoder", "add_cross_attention",
    "sliding_window", "use_sliding_window", "max_window_layers", "layer_types", "local_attention",
    "global_attn_every_n_layers", "attention_bias", "mlp_bias", "norm_bias", "qkv_bias", "use_bias",
    "attn_logit_softcapping", "final_logit_softcapping", "attention_chunk_size", "partial_rotary_factor",
    "rope_theta", "rope_scaling", "rope_parameters", "rotary_dim", "rotary_pct", "global_rope_theta",
    "local_rope_theta", "original_max_position_embeddings", "scale_attn_weights",
    "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "scale_embedding", "scale_decoder_outputs",
    "dense_act_fn", "is_gated_act", "feed_forward_proj", "pruned_heads", "chunk_size_feed_forward",
    "position_embedding_type", "layer_norm_eps", "layer_norm_epsilon", "rms_norm_eps", "norm_eps", "hidden_act",
    "activation_function", "hidden_activation", "embedding_size", "num_hidden_groups", "inner_group_num",
    "tie_word_embeddings", "tie_encoder_decoder", "num_key_value_heads", "use_qk_norm", "logit_scale", "query_pre_attn",
    "residual_multiplier", "embedding_multiplier", "type_vocab_size", "classifier_dropout", "initializer_range",
    "use_cache", "torchscript", "sparse_prediction", "normalize_before", "num_labels", "unheard_of",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (True, False, 2, 0.5, "relu", None)
_LEFT_OUT = object()


def _others(value: Any, draw: random.Random) -> Iterator[Any]:
    """Yield other values of a value's kind."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value * 2, value // 2, 0, -1)
    elif isinstance(value, float):
        yield from (value * 2, value + 0.5, 0.0)
    elif isinstance(value, str):
        yield from (word for word in _WORDS if word != value)
    elif isinstance(value, list):
        yield from ([], value[:1], value[::-1], draw.sample(value, len(value)), ["sliding_attention"] * len(value))
    elif value is None:
        yield from (True, 2, 0.5, "relu")
    if value is not None:
        yield None
    yield _LEFT_OUT


def mutations(settings: dict[str, Any], seed: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each changed config.json with the place of the change: "rope_parameters.rope_theta"."""
    draw = random.Random(seed)

    def changed(inside: tuple[str, ...], name: str, value: Any) -> dict[str, Any]:
        copy = json.loads(json.dumps(settings))
        table = copy
        for step in inside:
            table = table[step]
        if value is _LEFT_OUT:
            del table[name]
        else:
            table[name] = value
        return copy

    def walk(inside: tuple[str, ...], table: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, value in table.items():
            if name == "model_type":
                continue  # another model
            place = ".".join((*inside, name))
            if isinstance(value, dict):
                yield from walk((*inside, name), value)
            for other in (None, {}, _LEFT_OUT) if isinstance(value, dict) else _others(value, draw):
                yield place, changed(inside, name, other)
        if inside:
            for name in ("partial_rotary_factor", "attention_factor", "mscale", "beta_fast", "truncate", "type"):
                for other in (0.5, 2, False, "linear", None):
                    if name not in table:
                        yield ".".join((*inside, name)), changed(inside, name, other)

    yield from walk((), settings)
    for name in _ADDED:
        if name not in settings:
            for value in _VALUES:
                yield name, {**settings, name: value}
    for value in ({"type": "linear", "factor": 2.0}, {"rope_type": "yarn", "factor": 2.0}, {"rope_type": "dynamic"}):
        yield "rope_scaling", {**settings, "rope_scaling": value}


class _Warnings(logging.Handler):
    """Whether transformers has warned of anything."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def save_base(name: str, folder: Path) -> dict[str, Any]:
    """Save a tiny random model of transformers with a tokenizer; return its config.json."""
    kind, settings = BASES[name]
    cls = getattr(transformers, kind)
    torch.manual_seed(7)
    model = cls(cls.config_class(**{**_IDS, **settings})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape)
            parameter.copy_(0.15 * noise if parameter.ndim > 1 else 1 + 0.3 * noise)
    model.save_pretrained(folder)
    text = train_tokenizer(["A tiny text of few words, twice."] * 3, "bpe", 290, Requirements(), "none")
    (folder / "tokenizer.json").write_text(text)
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    found: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return found


def _rows() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    a, b = (torch.randint(8, VOCABULARY - 8, (2, LENGTH), generator=generator) for _ in range(2))
    return a, b


def theirs(kind: str, folder: Path, warned: _Warnings) -> torch.Tensor | None:
    """Return the logits [2, T, V] that transformers computes, or None where it fails or warns."""
    warned.texts.clear()
    rows, behind = _rows()
    try:
        model, report = getattr(transformers, kind).from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, local_files_only=True
        )
        more = {"decoder_input_ids": behind} if kind.endswith("ConditionalGeneration") else {}
        if any(report.values()) or warned.texts:
            return None
        with torch.no_grad():
            said = model.eval()(input_ids=rows, return_dict=True, **more)
    except Exception:  # whatever its parts raise
        return None
    found: torch.Tensor = said.prediction_logits if hasattr(said, "prediction_logits") else said.logits
    return None if warned.texts or not found.isfinite().all() else found


def ours(found: Folder) -> torch.Tensor:
    """Return the logits [2, T, V] that our model computes."""
    model = Transformer(found.config).eval()
    model.load_state_dict(found.state)
    rows, behind = (item.numpy().astype(np.int32) for item in _rows())
    whole = np.ones(rows.shape, np.int32)
    side = {"decoder_inputs": behind, "decoder_segments": whole} if found.config.topology == "encoder-decoder" else {}
    types = 0 * whole if found.config.token_types else None
    batch = Batch(rows, rows, whole.astype(np.float32), np.full(2, float(LENGTH)), whole, types=types, **side)
    with torch.no_grad():
        tensors = to_tensors(batch, torch.device("cpu"))
        return model.judged(tensors) if found.config.rtd_head else model.logits(tensors)


def verdict(kind: str, folder: Path, place: str, warned: _Warnings) -> tuple[str, str]:
    """Return how one changed folder fares, and what was said or how far the logits are apart."""
    right = theirs(kind, folder, warned)
    if right is None:
        return "theirs", ""
    try:
        model = read_folder(folder)
    except UserError as error:
        named = place.rpartition(".")[2] in str(error)
        return ("refused" if named else "wrong"), str(error)
    except Exception as error:
        return "wrong", f"traceback: {error!r}"
    if model.config.max_length < LENGTH:
        return "refused", "these rows are longer than the positions that ours has, though the class has no limit"
    try:
        found = ours(model)
    except Exception as error:
        return "wrong", f"traceback: {error!r}"
    apart = float((found - right).abs().max())
    return ("equal" if apart <= NEAR else "wrong"), f"{apart:.1e} apart"


def examine(name: str, folder: Path, warned: _Warnings, every: int = 1) -> tuple[Counter[str], list[str]]:
    """Return how the changed folders of one base fare, each `every`-th of them, and all that are wrong."""
    kind = BASES[name][0]
    settings = save_base(name, folder)
    assert verdict(kind, folder, "", warned)[0] == "equal"
    counts: Counter[str] = Counter()
    wrong = []
    for place, changed in list(mutations(settings))[::every]:
        (folder / "config.json").write_text(json.dumps(changed))
        result, said = verdict(kind, folder, place, warned)
        counts[result] += 1
        if result == "wrong":
            value = changed
            for step in place.split("."):
                value = value.get(step, "left out")
            wrong.append(f"{name}: {place} = {value!r}: {said}")
    return counts, wrong


def main() -> None:
    """Examine all families, print what is wrong, and keep the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=" ".join(BASES))
    names = parser.parse_args().names or list(BASES)
    warned = _Warnings()
    logging.getLogger("transformers").handlers = [warned]
    transformers.logging.disable_progress_bar()
    results = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            counts, wrong = examine(name, Path(folder), warned)
        results[name] = dict(sorted(counts.items()))
        print(name, sum(counts.values()), results[name], *wrong, sep="\n    ", flush=True)
    total = dict(sum((Counter(found) for found in results.values()), Counter()))
    print(total)
    if names == list(BASES):
        record = {"date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "machine": environment(find_device())}
        record |= {"transformers": transformers.__version__, "total": total, "results": results}
        RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
