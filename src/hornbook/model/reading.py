"""A decoder laid out for reading token after token: what was read is kept, and a step costs little beside its products.

A small model's step takes longer to ask for than to compute. So a `Reader` holds a stack's tensors themselves, asks for
queries, keys and values in one product and for gate and up in another, keeps no gradients, and adds each branch to the
residual stream within its last product. It computes what `Stack` computes, of the same weights.

Shapes: B rows, T tokens read at once, S places read in all, D width, H query heads, G key-value heads, K head width,
F MLP width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from hornbook.errors import UserError
from hornbook.model.attention import Attention, KeysValues, Mask, additive, attend, crossing
from hornbook.model.documents import Documents
from hornbook.model.layers import Layer, Stack, View
from hornbook.model.parts import Norm
from hornbook.model.products import Product, of_weights, product
from hornbook.model.transformer import Transformer
from hornbook.schema import Weights


@dataclass(frozen=True, eq=False)
class Cache:
    """Keys and values of what one layer has read so far, in memory set aside for all that will be: each [B, S, G, K].

    With `branches` int64[R], R rows go on from texts read before, each from the one with its number: what they read
    is not kept, so they all begin behind the same text.
    """

    keys: Tensor
    values: Tensor
    branches: Tensor | None = None

    def write(self, keys: Tensor, values: Tensor, start: int) -> KeysValues:
        """Put new keys and values [B, T, G, K] at the places from `start` on; return those up to the last of them."""
        if self.branches is not None:
            before = (part[:, :start].index_select(0, self.branches) for part in (self.keys, self.values))
            both = [torch.cat(parts, 1) for parts in zip(before, (keys, values), strict=True)]
            return both[0], both[1]
        end = start + keys.shape[1]
        self.keys[:, start:end] = keys
        self.values[:, start:end] = values
        return self.keys[:, :end], self.values[:, :end]


def caches_in(memory: Tensor, branches: Tensor | None = None) -> list[Cache]:
    """Return each layer's cache in the memory that `Reader.memory` made."""
    return [Cache(keys, values, branches) for keys, values in memory]


@dataclass(frozen=True, eq=False)
class Scale:
    """A norm (see `hornbook.model.parts.Norm`): LayerNorm's weight and bias, or RMSNorm's weight times sqrt(D).

    floor  a number: sqrt(D epsilon)
    """

    weight: Tensor
    bias: Tensor | None
    epsilon: float
    floor: Tensor
    centred: bool

    def __call__(self, x: Tensor) -> Tensor:
        x = x.to(self.weight.dtype)
        if self.centred:
            return torch.layer_norm(x, self.weight.shape, self.weight, self.bias, self.epsilon)
        # x / sqrt(mean(x^2) + epsilon) = sqrt(D) x / sqrt(|x|^2 + D epsilon), in as few calls as can be
        length = torch.hypot(torch.linalg.vector_norm(x, dim=-1, keepdim=True), self.floor)
        return (x / length).mul_(self.weight)


@dataclass(frozen=True, eq=False)
class SelfAttention:
    """A layer's attention to what the row has read, as one product of queries, keys and values and one behind it.

    norm  of the queries and keys of each head, or None
    """

    heads: int
    key_heads: int
    scale: float
    inputs: Product
    output: Product
    norm: Scale | None

    def added(
        self, x: Tensor, read: Tensor, rows: int, cache: Cache, start: int, mask: Mask, causal: bool, rotation: Any
    ) -> Tensor:
        """Return x [B * T, D] with the branch of `read` [B * T, D] added, which is kept from place `start` on."""
        many = self.heads + self.key_heads
        found = self.inputs(read)
        found = found.view(rows, -1, many + self.key_heads, found.shape[-1] // (many + self.key_heads))
        turned, values = found.split_with_sizes((many, self.key_heads), 2)
        if self.norm is not None:
            turned = self.norm(turned)
        if rotation is not None:
            cosine, sine = rotation
            turned = torch.addcmul(turned * cosine, turned.roll(turned.shape[-1] // 2, -1), sine)
        queries, keys = turned.to(found.dtype).split_with_sizes((self.heads, self.key_heads), 2)
        keys, values = cache.write(keys, values, start)
        assert not isinstance(mask, Documents)  # which a stack makes for rows that stand whole
        mixed = attend(
            queries.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2), mask, causal, self.scale
        )  # fmt: skip
        return self.output.added(x, mixed.transpose(1, 2).reshape(len(x), -1))


@dataclass(frozen=True, eq=False)
class CrossAttention:
    """A layer's attention to an encoder's output, whose keys and values [B, G, S, K] were computed before."""

    heads: int
    scale: float
    queries: Product
    output: Product

    def added(self, x: Tensor, read: Tensor, rows: int, memory: KeysValues, mask: Tensor | None) -> Tensor:
        """Return x [B * T, D] with the branch of `read` [B * T, D] added."""
        found = self.queries(read)
        found = found.view(rows, -1, self.heads, found.shape[-1] // self.heads).transpose(1, 2)
        mixed = attend(found, *memory, mask, False, self.scale)
        return self.output.added(x, mixed.transpose(1, 2).reshape(len(x), -1))


@dataclass(frozen=True, eq=False)
class Inner:
    """A layer's MLP; of a gated one the gate's outputs come first in `inputs`."""

    activation: Callable[[Tensor], Tensor]
    gated: bool
    inputs: Product
    output: Product

    def added(self, x: Tensor, read: Tensor) -> Tensor:
        """Return x [N, D] with the branch of `read` [N, D] added."""
        inner = self.inputs(read)
        if self.gated:
            gate, up = inner.chunk(2, -1)
            inner = self.activation(gate) * up
        else:
            inner = self.activation(inner)
        return self.output.added(x, inner)


@dataclass(frozen=True, eq=False)
class LayerReader:
    """A layer's tensors; `before` = a norm stands before its branch, not behind the sum."""

    before: bool
    attention_norm: Scale | None
    attention: SelfAttention
    cross_norm: Scale | None
    cross: CrossAttention | None
    mlp_norm: Scale | None
    mlp: Inner

    def read(
        self,
        x: Tensor,
        rows: int,
        cache: Cache,
        start: int,
        view: View,
        memory: KeysValues | None,
        memory_mask: Tensor | None,
    ) -> Tensor:
        """Return the residual stream [B * T, D] behind this layer."""
        x = self._behind(self.attention.added(x, self._ready(x, self.attention_norm), rows, cache, start, *view), 0)
        if self.cross is not None and memory is not None:
            x = self._behind(self.cross.added(x, self._ready(x, self.cross_norm), rows, memory, memory_mask), 1)
        return self._behind(self.mlp.added(x, self._ready(x, self.mlp_norm)), 2)

    def _ready(self, x: Tensor, norm: Scale | None) -> Tensor:
        return norm(x) if self.before and norm is not None else x

    def _behind(self, x: Tensor, branch: int) -> Tensor:
        norm = None if self.before else (self.attention_norm, self.cross_norm, self.mlp_norm)[branch]
        return x if norm is None else norm(x)


@dataclass(frozen=True, eq=False)
class Reader:
    """A decoder's tensors, those of its embeddings and its head; see the module.

    kind     of the matrix products, in which keys and values are kept
    table    [V, E] of tokens
    placed   [max_length, E]: what is added to each place's token, or None
    locals   whether there are layers without and with a window
    ahead    [1, H, 1, S]: the bias of a query at the last place for the keys before it and its own, or None
    """

    model: Transformer
    stack: Stack
    kind: torch.dtype
    table: Tensor
    placed: Tensor | None
    embedding_norm: Scale | None
    layers: tuple[LayerReader, ...]
    norm: Scale | None
    output: Product
    locals: frozenset[bool]
    ahead: Tensor | None

    def memory(self, rows: int, places: int) -> Tensor:
        """Return memory for what so many rows of so many places read: [layers, 2, B, S, G, K]; see `caches_in`."""
        config = self.model.config
        shape = (len(self.layers), 2, rows, places, config.key_heads, config.key_width)
        return torch.empty(shape, dtype=self.kind, device=self.table.device)

    def memories(self, memory: Tensor) -> list[KeysValues]:
        """Return the keys and values [B, G, S, K] of an encoder's output [B, S, D] for each layer."""
        found = []
        for layer in self.stack.layers:
            both = cast(Attention, layer.cross).keys_values(memory, None)
            keys, values = (part.to(self.kind).transpose(1, 2).contiguous() for part in both)
            found.append((keys, values))
        return found

    def read(
        self,
        tokens: Tensor,
        start: int,
        caches: Sequence[Cache],
        positions: Tensor | None = None,
        segments: Tensor | None = None,
        visible: Tensor | None = None,
        memories: Sequence[KeysValues] | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        """Return the last hidden states [B, T, D] of tokens int64[B, T], of which `start` others stand before.

        positions int64[B, T] are those of the tokens, None = their places; segments int64[B, S] and visible bool[B, S],
        S = start + T, those of all tokens. The caches then hold the tokens as well, unless they are branches.
        """
        rows, length = tokens.shape
        x = self._embedded(tokens, start, positions).flatten(0, 1)
        shaped = x.view(rows, length, -1)
        views = {local: self._view(shaped, positions, start, segments, visible, local) for local in self.locals}
        for number, (layer, local) in enumerate(zip(self.layers, self.stack.local, strict=True)):
            memory = None if memories is None else memories[number]
            x = layer.read(x, rows, caches[number], start, views[local], memory, memory_mask)
        x = x if self.norm is None else self.norm(x)
        return x.view(rows, length, -1)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits [N, V], in full precision, of hidden states [N, D]."""
        found = self.output(self.model.head(hidden))
        return found if found.dtype == torch.float64 else found.float()

    def _embedded(self, tokens: Tensor, start: int, positions: Tensor | None) -> Tensor:
        """Return the embeddings [B, T, D]; the arguments are those of `read`."""
        x = torch.nn.functional.embedding(tokens, self.table)
        if self.placed is not None:
            x = x + (self.placed[start : start + tokens.shape[1]] if positions is None else self.placed[positions])
        return self.model.embed.widened(x if self.embedding_norm is None else self.embedding_norm(x))

    def _view(
        self,
        x: Tensor,
        positions: Tensor | None,
        start: int,
        segments: Tensor | None,
        visible: Tensor | None,
        local: bool,
    ) -> View:
        """Return what layers with or without a window see of the row; the arguments are those of `read`."""
        stack, length = self.stack, start + x.shape[1]
        if x.shape[1] > 1 or (local and stack.window < length - 1):
            own = torch.arange(start, length, device=x.device) if positions is None else positions
            return stack.view(x, own, segments, visible, local, start=start, kind=self.kind)
        rotation = stack.rotation(slice(start, length) if positions is None else positions, local)
        permitted = None if segments is None else crossing(segments[:, start:], segments)
        bias = None if self.ahead is None else self.ahead[..., self.ahead.shape[-1] - length :]
        return additive(permitted, bias, self.kind), False, rotation


def reader(model: Transformer, weights: Weights = "fp32", laid_out: bool = False, places: int = 0) -> Reader:
    """Return what reads with a decoder, or the decoder of an encoder-decoder, as in evaluation mode.

    `laid_out`: the weights are copied in the order in which a step reads them, which costs what about 20 steps gain.
    `places`, of a model with bucketed positions: of the longest text read; 0 = as many as the model has.
    """
    stack, config, embed = model.decoder, model.config, model.embed
    assert stack is not None
    if weights == "int8" and embed.tokens.weight.device.type != "cpu":
        raise UserError("Weights in int8 are for a CPU: use bf16 on a GPU.")
    own = embed.split and model.encoder is not None
    table, norm = embed.tokens.weight.detach(), embed.decoder_norm if own else embed.norm
    placed = embed.decoder_positions if own else embed.positions
    rows = None if placed is None else placed.weight.detach()[embed.offset :]
    if embed.types is not None:
        first = embed.types.weight.detach()[:1].expand(config.max_length, -1)
        rows = first if rows is None else rows + first
    ahead = None
    if stack.relative is not None:
        keys = torch.arange(places or config.max_length, device=table.device)
        ahead = stack.bias(keys[-1:], keys)
    head = model.output_weight.detach()
    bias = None if model.head.bias is None else model.head.bias.detach()
    output = of_weights([head], bias, weights, laid_out)
    layers = tuple(_layer(cast(Layer, layer), weights, laid_out) for layer in stack.layers)
    kind = torch.bfloat16 if weights == "bf16" else table.dtype
    return Reader(
        model, stack, kind, table, rows, _scale(norm), layers, _scale(stack.norm), output, frozenset(stack.local), ahead
    )


def _layer(layer: Layer, weights: Weights, laid_out: bool) -> LayerReader:
    def product_of(*maps: Any) -> Product:
        return product(maps, weights, laid_out)

    own, crossed, mlp = layer.attention, layer.cross, layer.mlp
    gains = None
    if own.q_norm is not None and own.k_norm is not None:
        gains = _scale(own.q_norm, (own.q_norm.weight,) * own.heads + (own.k_norm.weight,) * own.key_heads)
    attention = SelfAttention(
        own.heads, own.key_heads, own.scale, product_of(own.q, own.k, own.v), product_of(own.o), gains
    )  # fmt: skip
    cross = None
    if crossed is not None:
        cross = CrossAttention(crossed.heads, crossed.scale, product_of(crossed.q), product_of(crossed.o))
    maps = (mlp.up,) if mlp.gate is None else (mlp.gate, mlp.up)
    inner = Inner(mlp.activation, mlp.gate is not None, product_of(*maps), product_of(mlp.down))
    norms = [_scale(norm) for norm in (layer.attention_norm, layer.cross_norm, layer.mlp_norm)]
    return LayerReader(layer.before, norms[0], attention, norms[1], cross, norms[2], inner)


def _scale(norm: Norm | None, heads: Sequence[Tensor] = ()) -> Scale | None:
    """Return a norm, or that of heads with weights [K] of their own, its weight then [heads, K]."""
    if norm is None:
        return None
    size = norm.weight.shape[-1]
    weight = (torch.stack([*heads]) if heads else norm.weight).detach()
    bias = None if norm.bias is None else norm.bias.detach()
    floor = weight.new_tensor((size * norm.epsilon) ** 0.5)
    return Scale(weight if norm.centred else weight * size**0.5, bias, norm.epsilon, floor, norm.centred)
