"""Export of a model with a task's head: a folder that the task's class of transformers opens, with the same logits.

Beside the weights, two things must be as in training. The tokenizer frames texts with the same marks. And padding must
not be read: classes of decoders take the last token that is no padding, so padding is never the token that rows end
with; where the vocabulary has no other, it gets one, whose embedding is zero.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hornbook.artifacts import write_directory
from hornbook.convert.export_hf import (
    KIND,
    check_class,
    check_tokenizer,
    config_json,
    refuse_foreign,
    special_ids,
    tokenizer_config_json,
)
from hornbook.convert.families import choose, find
from hornbook.convert.families.family import Family
from hornbook.convert.families.heads import body_config, with_head
from hornbook.convert.families.tensors import to_hf
from hornbook.convert.generation import FILE as GENERATION
from hornbook.convert.generation import Beside, generation_json
from hornbook.convert.weights import write_plain, write_weights
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.tokens.tokenizer.tokenizer import Tokenizer
from hornbook.vocab import Vocab

_EMBEDDING = "embed.tokens.weight"
_PADS = ("<pad>", "<|padding|>")


@dataclass(frozen=True)
class Marks:
    """The ids around and between texts, as the model saw them; of two texts the second is told by its type, or not."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    typed: bool


def export_task(
    state: Mapping[str, Tensor],
    config: ModelConfig,
    tokenizer_text: str,
    vocab: Vocab,
    marks: Marks,
    labels: Sequence[str],
    card: str,
    target: Path,
    family: str = "",
    shard_bytes: int = 0,
) -> Path:
    """Write the folder `target`, whole or not at all, and return it; an earlier export there is replaced.

    A model without a head writes texts, and goes to its family's class for that.

    labels   names of the classes or tags, in the order of the logits; none of spans
    family   of the body; empty = the one that holds it exactly

    Raises UserError as `export_hf.export` does, and where transformers has no class for the head.
    """
    body = body_config(config)
    chosen = find(family) if family else choose(body)
    if reason := chosen.holds(body):
        raise UserError(f"This model cannot be exported exactly as {chosen.name}, which needs {reason}.")
    writes = config.task_head == "none"
    headed, entries = (chosen, {}) if writes else with_head(chosen, config)
    check_tokenizer(vocab, config.vocab_size)
    text = tokenizer_text
    if not writes:
        text, vocab, state = _with_padding(text, vocab, marks, state, config)
    body = replace(body, vocab_size=len(state[_EMBEDDING]))
    text = framed(text, Tokenizer(text, vocab), marks)
    settings = tokenizer_config_json(body, text, vocab)
    if not writes:
        settings["padding_side"] = "right"  # positions count from the first token
    check_class(chosen, text, settings)
    told = _config(chosen, headed, config, body, vocab, marks, labels) | dict(entries)
    refuse_foreign(target)
    with write_directory(target, KIND, {"family": chosen.name}) as scratch:
        tensors = to_hf(headed, state, body)
        write_plain(scratch / "config.json", {**told, "dtype": "float32"})
        write_weights(scratch, tensors, shard_bytes)
        (scratch / "tokenizer.json").write_text(text, encoding="utf-8")
        write_plain(scratch / "tokenizer_config.json", settings)
        if writes:
            write_plain(scratch / GENERATION, generation_json(body, special_ids(body, vocab), Beside()))
        (scratch / "README.md").write_text(card, encoding="utf-8")
    return target


def _config(
    family: Family, headed: Family, config: ModelConfig, body: ModelConfig, vocab: Vocab, marks: Marks,
    labels: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """Return config.json: the family's, the class, and what its logits stand for."""
    found = config_json(family, body, vocab) | {"architectures": [headed.architecture]}
    if labels:
        found["id2label"] = {str(number): label for number, label in enumerate(labels)}
        found["label2id"] = {label: number for number, label in enumerate(labels)}
    if config.task_head == "class":
        found["problem_type"] = "single_label_classification"
    if config.topology == "encoder-decoder" and config.task_head == "class":
        if not marks.after:
            raise UserError(
                "transformers reads the class of an encoder-decoder at the mark that ends a text; it has none."
            )
        found["eos_token_id"] = marks.after[-1]  # where the class is read
    return found


def _with_padding(
    text: str, vocab: Vocab, marks: Marks, state: Mapping[str, Tensor], config: ModelConfig
) -> tuple[str, Vocab, Mapping[str, Tensor]]:
    """Return a tokenizer with a token for padding that no row ends with, its vocabulary, and weights that have it."""
    last = marks.after[-1] if marks.after else None
    if config.topology != "decoder" or (vocab.pad is not None and vocab.pad != last):
        return text, vocab, state
    marked = {*marks.before, *marks.between, *marks.after, vocab.bos, vocab.eos}
    free = [number for number in vocab.special.nonzero()[0].tolist() if number not in marked]
    if free:
        return text, replace(vocab, pad=free[0]), state
    data = json.loads(text)
    token = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    name = next(name for name in (*_PADS, *(f"<pad_{n}>" for n in range(vocab.size))) if f'"{name}"' not in text)
    data["added_tokens"] = [*(data.get("added_tokens") or []), {"id": vocab.size, "content": name, **token}]
    roles = {role: token for role, token in Tokenizer(text, vocab).role_names().items() if token is not None}
    text = json.dumps(data, ensure_ascii=False)
    vocab = Vocab.from_tokenizer(text, {**roles, "pad": name})
    table = state[_EMBEDDING]
    if vocab.size > len(table):
        table = torch.cat([table, table.new_zeros(vocab.size - len(table), table.shape[1])])
    return text, vocab, {**state, _EMBEDDING: table}


def framed(text: str, tokenizer: Tokenizer, marks: Marks) -> str:
    """Return a tokenizer.json's text that puts the marks around and between texts, and types where they are told."""
    data = json.loads(text)
    names = {number: tokenizer.tokens([number])[0] for number in (*marks.before, *marks.between, *marks.after)}
    second = 1 if marks.typed else 0

    def special(ids: Sequence[int], kind: int) -> list[dict[str, Any]]:
        return [{"SpecialToken": {"id": names[number], "type_id": kind}} for number in ids]

    def text_of(letter: str, kind: int) -> dict[str, Any]:
        return {"Sequence": {"id": letter, "type_id": kind}}

    head = [*special(marks.before, 0), text_of("A", 0)]
    template = {
        "type": "TemplateProcessing",
        "single": [*head, *special(marks.after, 0)],
        "pair": [*head, *special(marks.between, 0), text_of("B", second), *special(marks.after, second)],
        "special_tokens": {name: {"id": name, "ids": [number], "tokens": [name]} for number, name in names.items()},
    }
    if (data.get("decoder") or {}).get("type") == "ByteLevel":  # places of words without the blank before them
        trimming = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
        data["post_processor"] = {"type": "Sequence", "processors": [trimming, template]}
    else:
        data["post_processor"] = template
    return json.dumps(data, ensure_ascii=False)
