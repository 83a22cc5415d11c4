"""Heads: what stands behind a stack. Over the vocabulary, for replaced tokens, and for a task with labels of its own.

A task's head has the form that transformers' classes of the family have, so that an export computes the same:

    decoder          class, tag, span: one linear map, that of a class without a bias (Qwen3, Llama, GPT-2)
    encoder          post-norm: class dense, tanh, linear (BERT's pooler); tag, span one linear map
                     ELECTRA: class dense, activation, linear
                     pre-norm: all of them dense, activation, norm, linear (ModernBERT), a class from the mean state
    encoder-decoder  class dense, tanh, linear; span one linear map, both of the decoder's states; tag one linear map of
                     the encoder's states, and no decoder (T5, BART)

Shapes: N positions, D width, E width of the embeddings, K classes, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hornbook.model.config import ModelConfig
from hornbook.model.layers import ACTIVATIONS
from hornbook.model.parts import Linear, make_norm

Form = Literal["linear", "tanh", "activation", "transform"]


class Head(nn.Module):
    """What stands between a stack and the logits: dense, activation, norm (as in BERT), scale, output, bias."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, inner = config.width, config.table_width
        self.activation = ACTIVATIONS[config.activation]
        self.scale = width**-0.5 if config.output_scale == "width" else 1.0
        self.dense = Linear(width, inner, config.biases) if config.head_transform else None
        self.norm = make_norm(config, inner) if config.head_transform else None
        self.output = None if config.tied else Linear(inner, config.vocab_size, bias=False)
        self.bias = nn.Parameter(torch.empty(config.vocab_size)) if config.head_bias else None

    def forward(self, hidden: Tensor) -> Tensor:
        """Return what the output matrix is multiplied with, [..., E], for hidden [..., D]."""
        if self.dense is not None and self.norm is not None:
            hidden = self.norm(self.activation(self.dense(hidden)))
        return hidden if self.scale == 1.0 else hidden * self.scale


class TaskHead(nn.Module):
    """The classes of positions: a linear map to K logits, behind what its form has before it.

    linear      nothing
    tanh        dense, tanh: the pooler of a pair of texts (Devlin et al. 2019, 3.1)
    activation  dense, the model's activation
    transform   dense, activation, norm
    """

    def __init__(self, config: ModelConfig, form: Form, classes: int, bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        self.form, self.dropout = form, dropout
        inner = config.biases if form == "transform" else True
        self.dense = None if form == "linear" else Linear(config.width, config.width, inner)
        self.activation = torch.tanh if form == "tanh" else ACTIVATIONS[config.activation]
        self.norm = make_norm(config) if form == "transform" else None
        self.output = Linear(config.width, classes, bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the logits [N, K] of hidden states [N, D]."""
        if self.dense is not None:
            hidden = self.activation(self.dense(hidden))
        if self.norm is not None:
            hidden = self.norm(hidden)
        logits: Tensor = self.output(F.dropout(hidden, self.dropout, self.training))
        return logits


class DiscriminatorHead(nn.Module):
    """Whether a token was replaced (Clark et al. 2020, ELECTRA's discriminator): dense, activation, one logit."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dense = Linear(config.width, config.width, bias=True)
        self.activation = ACTIVATIONS[config.activation]
        self.output = Linear(config.width, 1, bias=True)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the logits [B, T] that a token was replaced, in full precision, for hidden [B, T, D]."""
        logits: Tensor = self.output(self.activation(self.dense(hidden)))
        return logits[..., 0].float()


def pair_head(config: ModelConfig) -> TaskHead | None:
    """Return the head for the class of a pair of texts, where the model has one and no task of its own."""
    return TaskHead(config, "tanh", 2) if config.pair_head and config.task_head == "none" else None


def task_head(config: ModelConfig) -> TaskHead | None:
    """Return the head of a model's task, or None where it has none; see the module."""
    if config.task_head == "none":
        return None
    bias = not (config.topology == "decoder" and config.task_head == "class")
    return TaskHead(config, form_of(config), config.task_classes, bias, config.dropped)


def form_of(config: ModelConfig) -> Form:
    """Return the form of a task's head; see the module."""
    if config.topology == "encoder" and config.norm_place == "pre":
        return "transform"
    if config.task_head != "class" or config.topology == "decoder":
        return "linear"
    return "activation" if config.rtd_head else "tanh"


def reads_mean(config: ModelConfig) -> bool:
    """Say whether a class is read from the mean state of a row's tokens, as ModernBERT's classes can.

    No loss of pre-training has ever looked at the first position of such an encoder: what it knows is in the others.
    """
    return config.topology == "encoder" and config.norm_place == "pre" and config.task_head == "class"


def vocabulary_head(config: ModelConfig) -> Head:
    """Return the head over the vocabulary; that of a model with a task of its own has no parameters."""
    if config.task_head != "none":
        config = replace(config, tied=True, head_transform=False, head_bias=False)
    return Head(config)


def without_heads(state: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Return a pre-trained state as a model with a task of `config` takes it over: without what its head replaces.

    The dense map that a task's head shares with the pre-trained one keeps its values: that of BERT's pooler, and
    ModernBERT's dense map and norm.
    """
    form = form_of(config)
    kept = {
        "tanh": {"pair.dense.": "task.dense."},
        "transform": {"head.dense.": "task.dense.", "head.norm.": "task.norm."},
    }
    renamed = kept.get(form, {}) if config.table_width == config.width else {}
    found = {}
    for name, value in state.items():
        if not name.startswith(("head.", "pair.", "judge.", "generator.", "task.output.")):
            found[name] = value
        for before, after in renamed.items():
            if name.startswith(before):
                found[after + name.removeprefix(before)] = value
    if config.topology == "encoder-decoder" and config.task_head == "tag":
        found = {name: value for name, value in found.items() if not name.startswith("decoder.")}
    return found
