"""The MLP, the embeddings, the Layer and the Stack of layers.

Shapes: B rows, T positions, S positions of the memory, D width, F MLP width, H heads, K head width, L layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hornbook.model.attention import (
    Attention,
    Cache,
    KeysValues,
    additive,
    allowed,
    crossing,
    knows_causal,
    relative_buckets,
    rotary_tables,
)
from hornbook.model.config import ModelConfig
from hornbook.model.parts import Linear, Table, compute_type, make_norm


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """Return the function that a config's `activation` names."""
    functions: dict[str, Callable[[Tensor], Tensor]]
    functions = {"silu": F.silu, "gelu": F.gelu, "gelu_tanh": _gelu_tanh, "relu": F.relu}
    return functions[name]


def _gelu_tanh(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


class MLP(nn.Module):
    """down(act(up(x))), or down(act(gate(x)) * up(x)) when gated (Shazeer 2020, "GLU Variants Improve Transformer")."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, inner = config.width, config.inner_width
        self.activation = activation(config.activation)
        self.gate = Linear(width, inner, config.biases) if config.gated else None
        self.up = Linear(width, inner, config.biases)
        self.down = Linear(inner, width, config.biases)

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(compute_type(x))  # [B, T, D]
        up = self.up(x)  # [B, T, F]
        inner = self.activation(up) if self.gate is None else self.activation(self.gate(x)) * up
        output: Tensor = self.down(inner)
        return output


class Embeddings(nn.Module):
    """The sum of token, learned position and type embeddings, normalised where the config says so."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dropout = config.dropped
        self.tokens = Table(config.vocab_size, config.width)
        self.positions = Table(config.max_length, config.width) if config.positions == "learned" else None
        self.types = Table(config.types, config.width) if config.types else None
        self.norm = make_norm(config) if config.embedding_norm else None

    def forward(self, tokens: Tensor, positions: Tensor, types: Tensor | None) -> Tensor:
        """tokens, types int64[B, T]; positions int64[T] or [B, T] within each document. Returns [B, T, D].

        Without types all tokens are of type 0; a model without a table of types reads none.
        """
        x: Tensor = self.tokens(tokens)
        if self.positions is not None:
            x = x + self.positions(positions)
        if self.types is not None:
            x = x + self.types(torch.zeros_like(tokens) if types is None else types)
        if self.norm is not None:
            x = self.norm(x)
        return F.dropout(x, self.dropout, self.training)


class Layer(nn.Module):
    """Attention, cross-attention where the stack has a memory, MLP: each a branch added to the residual stream.

    Norm before each branch ("pre": x + f(norm(x)), Xiong et al. 2020) or after each sum ("post": norm(x + f(x)),
    Vaswani et al. 2017).
    """

    def __init__(self, config: ModelConfig, cross: bool, first: bool) -> None:
        super().__init__()
        self.dropout = config.dropped
        self.before = config.norm_place == "pre"
        plain = first and self.before and not config.first_norm
        self.attention_norm = None if plain else make_norm(config)
        self.attention = Attention(config)
        self.cross_norm = make_norm(config) if cross else None
        self.cross = Attention(config) if cross else None
        self.mlp_norm = make_norm(config)
        self.mlp = MLP(config)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None,
        causal: bool,
        rotation: KeysValues | None = None,
        memory: Tensor | KeysValues | None = None,
        memory_mask: Tensor | None = None,
        cache: Cache | None = None,
        start: int = 0,
    ) -> Tensor:
        """Return the residual stream [B, T, D] behind this layer; the arguments are those of Attention."""
        branch = self.attention(self._read(x, self.attention_norm), mask, causal, rotation, cache=cache, start=start)
        x = self._add(x, branch, self.attention_norm)
        if self.cross is not None:
            branch = self.cross(self._read(x, self.cross_norm), memory_mask, False, memory=memory)
            x = self._add(x, branch, self.cross_norm)
        return self._add(x, self.mlp(self._read(x, self.mlp_norm)), self.mlp_norm)

    def _read(self, x: Tensor, norm: nn.Module | None) -> Tensor:
        return norm(x) if self.before and norm is not None else x

    def _add(self, x: Tensor, branch: Tensor, norm: nn.Module | None) -> Tensor:
        x = x + F.dropout(branch, self.dropout, self.training)
        return x if self.before or norm is None else norm(x)


class Stack(nn.Module):
    """L layers, their shared positions and mask, and the final norm."""

    def __init__(self, config: ModelConfig, layers: int, causal: bool, cross: bool) -> None:
        super().__init__()
        self.causal = causal
        self.buckets, self.farthest = config.buckets, config.bucket_distance
        self.layers = nn.ModuleList(Layer(config, cross, first=number == 0) for number in range(layers))
        self.relative = Table(config.buckets, config.heads) if config.positions == "bucketed" else None
        self.norm = make_norm(config) if config.final_norm else None
        self.rotary = config.positions == "rotary"
        if self.rotary:
            cosine, sine = rotary_tables(config.max_length, config.key_width, config.rotary_base)
            self.register_buffer("cosine", cosine, persistent=False)
            self.register_buffer("sine", sine, persistent=False)

    def forward(
        self,
        x: Tensor,
        segments: Tensor | None,
        visible: Tensor | None = None,
        memory: Tensor | None = None,
        memory_segments: Tensor | None = None,
    ) -> Tensor:
        """Return x [B, T, D] behind all layers and the final norm.

        segments int64[B, T] and visible bool[B, T] are those of a Batch; memory [B, S, D] is another stack's output.
        """
        length = x.shape[1]
        position = torch.arange(length, device=x.device)
        kind = compute_type(x)
        plain = segments is None and visible is None and self.relative is None
        by_kernel = self.causal and plain and knows_causal(kind, x.device, length)
        permitted = None if by_kernel else allowed(segments, visible, self.causal, position, position)
        mask = additive(permitted, self._bias(position, position), kind)
        both = None if segments is None or memory_segments is None else crossing(segments, memory_segments)
        memory_mask = additive(both, None, kind)
        rotation = self._rotation(position)
        for layer in self.layers:
            x = layer(x, mask, by_kernel, rotation, memory, memory_mask)
        return x if self.norm is None else self.norm(x)

    def step(
        self,
        x: Tensor,
        positions: Tensor,
        start: int,
        caches: Sequence[Cache],
        segments: Tensor | None = None,
        visible: Tensor | None = None,
        memories: Sequence[KeysValues] | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        """Return x [B, T, D] behind all layers, given what the caches hold of the `start` tokens before it.

        x is a text's beginning (start = 0) or its next token (T = 1). positions int64[T] or [B, T] are those of x;
        segments int64[B, S] and visible bool[B, S], S = start + T, those of all tokens. The caches then hold x as well.
        """
        length = start + x.shape[1]
        kind, keys = compute_type(x), torch.arange(length, device=x.device)
        newest = x.shape[1] == 1  # it sees all of its text
        plain = segments is None and visible is None and self.relative is None
        by_kernel = self.causal and plain and not newest and knows_causal(kind, x.device, length)
        permitted = None
        if newest and segments is not None:
            permitted = crossing(segments[:, start:], segments)
        elif not (newest or by_kernel):
            permitted = allowed(segments, visible, self.causal, keys, keys)
        mask = additive(permitted, self._bias(keys[start:], keys), kind)
        rotation = self._rotation(positions)
        for number, layer in enumerate(self.layers):
            memory = None if memories is None else memories[number]
            x = layer(x, mask, by_kernel, rotation, memory, memory_mask, caches[number], start)
        return x if self.norm is None else self.norm(x)

    def attend_to(self, memory: Tensor) -> list[KeysValues]:
        """Return the keys and values of memory [B, S, D] for each layer's cross-attention, to be used in many steps."""
        return [cast(Attention, layer.cross).keys_values(memory, None) for layer in self.layers]

    def _bias(self, queries: Tensor, keys: Tensor) -> Tensor | None:
        """Return the bias of relative positions [B or 1, H, T, S] for positions [T] or [B, T] and [S], or None."""
        if self.relative is None:
            return None
        distance = keys - queries[..., None]
        bias: Tensor = self.relative(relative_buckets(distance, self.buckets, self.farthest, self.causal)).movedim(
            -1, -3
        )
        return bias if bias.ndim == 4 else bias[None]

    def _rotation(self, positions: Tensor) -> KeysValues | None:
        """Return the rotary tables' rows [T, 1, K] or [B, T, 1, K] at positions, or None."""
        if not self.rotary:
            return None
        return self.get_buffer("cosine")[positions], self.get_buffer("sine")[positions]
