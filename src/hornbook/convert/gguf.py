"""GGUF: a trained decoder as the one file that llama.cpp and its kin open, weights in fp32 as they are.

The names and the layout are those of llama.cpp's own converter. What the format or its readers cannot hold exactly is
refused in words. Needs the extra `gguf`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hornbook.artifacts import whole_file
from hornbook.convert.export_hf import check_tokenizer, tokenizer_json
from hornbook.convert.families import choose
from hornbook.convert.families.explicit import explicit
from hornbook.convert.families.family import Family
from hornbook.convert.families.tensors import to_hf
from hornbook.errors import UserError, needing
from hornbook.model.config import ModelConfig
from hornbook.tokens.tokenizer.tokenizer import Tokenizer
from hornbook.vocab import Vocab

# Families by the activation that llama.cpp computes for their architecture, which bears the family's name.
_ACTIVATIONS: Mapping[str, str] = {"llama": "silu", "qwen2": "silu", "qwen3": "silu", "gpt2": "gelu_tanh"}
_MAGIC = b"GGUF"


def export_gguf(
    model_state: Mapping[str, Tensor], config: ModelConfig, tokenizer_text: str, vocab: Vocab, name: str, target: Path
) -> Path:
    """Write the file `target`, whole or not at all, and return it; an earlier GGUF file there is replaced.

    `name` is the model's. Raises UserError when the package gguf is missing, when the format does not hold the model or
    its tokenizer exactly, or when `target` is something else.
    """
    with needing("Writing GGUF", "gguf"):
        import gguf
    config = explicit(config)
    family = choose(config)
    _refuse(family, config)
    _refuse_foreign(target)
    pieces = _pieces(tokenizer_text, vocab, config.vocab_size)
    framed = tokenizer_json(config, tokenizer_text, vocab)
    with whole_file(target) as partial:
        writer = gguf.GGUFWriter(partial, family.name)
        writer.add_name(name)
        writer.add_file_type(gguf.LlamaFileType.ALL_F32)
        _add_shape(writer, config, family.name)
        _add_tokenizer(writer, pieces, _merges(tokenizer_text), vocab)
        for role, adds in zip(("bos", "eos"), _frame(framed, vocab), strict=True):
            getattr(writer, f"add_add_{role}_token")(adds)
        names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[family.name.upper()], config.layers)
        for theirs, tensor in to_hf(family, model_state, config).items():
            place = names.get_name(theirs, (".weight", ".bias"))
            if place is None:
                raise ValueError(f"GGUF has no name for {theirs}")
            writer.add_tensor(place, _laid_out(theirs, tensor, family, config))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return target


def _refuse(family: Family, config: ModelConfig) -> None:
    """Raise UserError where readers of GGUF would compute something else."""
    if family.name not in _ACTIVATIONS:
        known = ", ".join(_ACTIVATIONS)
        raise UserError(
            f"GGUF files can hold the families {known}, but this model is of family {family.name}: export a folder "
            "instead."
        )
    needed: dict[str, Any] = {"activation": _ACTIVATIONS[family.name], "rotary_scaling": "none"}
    if family.name == "llama":
        needed["biases"] = False
    if family.name == "qwen2":
        needed["head_width"] = config.width // config.heads
    for setting, value in needed.items():
        if (given := getattr(config, setting)) != value:
            raise UserError(
                f"A GGUF file of family {family.name} needs model.{setting} = {value!r}, not {given!r}: export a "
                "folder instead."
            )


def _refuse_foreign(target: Path) -> None:
    """Raise UserError where writing would replace something that is no GGUF file."""
    if not target.exists():
        return
    if target.is_file():
        with target.open("rb") as stream:
            if stream.read(len(_MAGIC)) == _MAGIC:
                return
    raise UserError(f"{target} exists and is not a GGUF file: choose another place, or remove it first.")


def _add_shape(writer: Any, config: ModelConfig, family: str) -> None:
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_length)
    writer.add_embedding_length(config.width)
    writer.add_block_count(config.layers)
    writer.add_feed_forward_length(config.mlp_width)
    writer.add_head_count(config.heads)
    if family == "gpt2":
        writer.add_layer_norm_eps(config.norm_epsilon)
        return
    writer.add_head_count_kv(config.kv_heads)
    writer.add_key_length(config.head_width)
    writer.add_value_length(config.head_width)
    writer.add_layer_norm_rms_eps(config.norm_epsilon)
    writer.add_rope_freq_base(config.rotary_base)
    writer.add_rope_dimension_count(config.head_width)


def _add_tokenizer(writer: Any, pieces: list[tuple[str, int]], merges: list[str], vocab: Vocab) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([piece for piece, _ in pieces])
    writer.add_token_types([kind for _, kind in pieces])
    writer.add_token_merges(merges)
    for role in ("bos", "eos", "unk", "pad", "mask"):
        if (number := getattr(vocab, role)) is not None:
            getattr(writer, f"add_{role}_token_id")(number)


def _pieces(tokenizer_text: str, vocab: Vocab, rows: int) -> list[tuple[str, int]]:
    """Return each row's spelling and type; rows of the embedding behind the tokenizer's are marked as unused."""
    from gguf import TokenType

    check_tokenizer(vocab, rows)
    spelled = Tokenizer(tokenizer_text, vocab).tokens(range(vocab.size))
    kinds: list[int] = [TokenType.CONTROL if special else TokenType.NORMAL for special in vocab.special]
    return [
        *zip(spelled, kinds, strict=True),
        *((f"[PAD{number}]", TokenType.UNUSED) for number in range(vocab.size, rows)),
    ]


def _merges(tokenizer_text: str) -> list[str]:
    """Return the merges of a byte-level BPE tokenizer that cuts text as GPT-2's does, or refuse any other."""
    data = json.loads(tokenizer_text)
    model, cuts = data.get("model") or {}, data.get("pre_tokenizer") or {}
    wanted = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
    if model.get("type") != "BPE" or any(cuts.get(key, True) != value for key, value in wanted.items()):
        raise UserError(
            "GGUF files need a byte-level BPE tokenizer that splits text like GPT-2's: train with "
            "tokenizer.kind=bpe, or export a folder instead."
        )
    if data.get("normalizer") is not None or model.get("ignore_merges") or model.get("dropout"):
        raise UserError(
            "GGUF cannot express this tokenizer, which normalises text or ignores the order of merges: export a "
            "folder instead."
        )
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]


def _frame(tokenizer_text: str, vocab: Vocab) -> tuple[bool, bool]:
    """Return whether the tokenizer begins a text with the start mark, and whether it ends it with the end mark."""
    from tokenizers import Tokenizer as Backend

    marks = Backend.from_str(tokenizer_text).encode("").ids
    for begins, ends in ((False, False), (True, False), (False, True), (True, True)):
        if marks == [vocab.bos] * begins + [vocab.eos] * ends:
            return begins, ends
    raise UserError(
        "GGUF cannot express the special tokens that this tokenizer puts around a text: export a folder instead."
    )


def _laid_out(name: str, tensor: Tensor, family: Family, config: ModelConfig) -> NDArray[np.float32]:
    """Return a tensor as llama.cpp has it: [outputs, inputs], the pairs that Llama's q and k turn side by side."""
    whole = tensor.to(torch.float32).numpy()
    if family.name == "gpt2":
        return np.ascontiguousarray(whole.T) if whole.ndim == 2 and ".h." in name else whole
    for part, heads in (("q_proj", config.heads), ("k_proj", config.kv_heads)):
        if family.name == "llama" and f".{part}." in name:
            halves = whole.reshape(heads, 2, config.head_width // 2, -1)
            return np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(whole.shape)
    return whole
