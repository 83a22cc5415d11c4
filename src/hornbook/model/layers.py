"""The MLP, the embeddings, the Layer and the Stack of layers.

Shapes: B rows, T positions, S positions of the memory, N picked positions, D width, E width of the embeddings,
F MLP width, H heads, K head width, L layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hornbook.model.attention import (
    Attention,
    KeysValues,
    Mask,
    additive,
    allowed,
    crossing,
    document_positions,
    pick,
    relative_buckets,
)
from hornbook.model.config import FEW, ModelConfig
from hornbook.model.documents import Documents, attend_within, block_mask, documents_of
from hornbook.model.parts import Embedding, Linear, compute_type, make_norm
from hornbook.model.rotary import rotary_tables

View = tuple[Mask, bool, KeysValues | None]
"""What the layers of one kind share: the mask, whether the kernel is causal, the rotary rows."""


ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {"silu": F.silu, "gelu": F.gelu, "gelu_tanh": partial(F.gelu, approximate="tanh"), "relu": F.relu}
)


class MLP(nn.Module):
    """down(act(up(x))), or down(act(gate(x)) * up(x)) when gated (Shazeer 2020, "GLU Variants Improve Transformer")."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, inner = config.width, config.inner_width
        self.activation = ACTIVATIONS[config.activation]
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
    """The sum of token, learned position and type embeddings, normalised where the config says so.

    A decoder behind an encoder shares the tokens, and the rest too unless the embeddings are split (BART).
    Where tables and layers are of different widths, a linear map leads from the one to the other ("factorized embedding
    parameterization", Lan et al. 2020, 3.1).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dropout = config.dropped
        width = config.table_width
        self.tokens = Embedding(config.vocab_size, width)
        self.offset = config.position_offset
        rows = config.max_length + self.offset
        self.positions = Embedding(rows, width) if config.positions == "learned" else None
        self.types = Embedding(config.token_types, width) if config.token_types else None
        self.norm = make_norm(config, width) if config.embedding_norm else None
        self.split = config.split_embedding and config.topology == "encoder-decoder"
        self.decoder_positions = Embedding(rows, width) if self.split and self.positions is not None else None
        self.decoder_norm = make_norm(config, width) if self.split and config.embedding_norm else None
        self.project = Linear(width, config.width, bias=True) if width != config.width else None

    def forward(self, tokens: Tensor, positions: Tensor, types: Tensor | None, behind: bool = False) -> Tensor:
        """tokens, types int64[B, T]; positions int64[T] or [B, T] within each document. Returns [B, T, D].

        Without types all tokens are of type 0; a model without a table of types reads none. `behind` = these are the
        inputs of a decoder behind an encoder.
        """
        return self.widened(self.narrow(tokens, positions, types, behind))

    def places(self, tokens: Tensor, segments: Tensor | None) -> Tensor:
        """Return the positions of tokens [B, T], int64[T], or int64[B, T] where they restart at each document."""
        if segments is None or self.positions is None:
            return torch.arange(tokens.shape[1], device=tokens.device)
        return document_positions(segments)

    def narrow(self, tokens: Tensor, positions: Tensor, types: Tensor | None, behind: bool = False) -> Tensor:
        """Return the sum of the embeddings, [B, T, E]."""
        own = behind and self.split
        places, norm = (self.decoder_positions, self.decoder_norm) if own else (self.positions, self.norm)
        x: Tensor = self.tokens(tokens)
        if places is not None:
            x = x + places(positions + self.offset)
        if self.types is not None:
            x = x + self.types(torch.zeros_like(tokens) if types is None else types)
        if norm is not None:
            x = norm(x)
        return F.dropout(x, self.dropout, self.training)

    def widened(self, x: Tensor) -> Tensor:
        """Return x [B, T, E] in the width of the layers, [B, T, D]; the residual stream keeps its precision."""
        return x if self.project is None else self.project(x).to(x.dtype)


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
        mask: Mask,
        causal: bool,
        rotation: KeysValues | None = None,
        memory: Tensor | None = None,
        memory_mask: Mask = None,
        picked: Tensor | None = None,
    ) -> Tensor:
        """Return the residual stream [B, T, D] behind this layer; the arguments are those of Attention.

        Where only the positions `picked` are wanted, what follows the last attention's mixture is computed there alone
        and [N, D] returned.
        """
        within = picked if self.cross is None else None
        branch = self.attention(self._read(x, self.attention_norm), mask, causal, rotation, picked=within)
        x = self._add(x if within is None else pick(x, within), branch, self.attention_norm)
        if self.cross is not None:
            branch = self.cross(self._read(x, self.cross_norm), memory_mask, False, memory=memory, picked=picked)
            x = self._add(x if picked is None else pick(x, picked), branch, self.cross_norm)
        return self._add(x, self.mlp(self._read(x, self.mlp_norm)), self.mlp_norm)

    def _read(self, x: Tensor, norm: nn.Module | None) -> Tensor:
        return norm(x) if self.before and norm is not None else x

    def _add(self, x: Tensor, branch: Tensor, norm: nn.Module | None) -> Tensor:
        x = x + F.dropout(branch, self.dropout, self.training)
        return x if self.before or norm is None else norm(x)


class Stack(nn.Module):
    """L layers, or one that is used L times, their shared positions and mask, and the final norm.

    Where `recompute` is set, training keeps only what goes into each layer and computes the layer again in the backward
    pass, from the same random numbers (Chen et al. 2016): less memory, about a third more work, the same gradients.
    """

    def __init__(self, config: ModelConfig, layers: int, causal: bool, cross: bool) -> None:
        super().__init__()
        self.recompute = self.compiled = False
        self.causal = causal
        self.buckets, self.farthest = config.buckets, config.bucket_distance
        self.times = layers if config.shared_layers else 1
        own = 1 if config.shared_layers else layers
        first = not config.shared_layers
        self.layers = nn.ModuleList(Layer(config, cross, first and number == 0) for number in range(own))
        self.relative = Embedding(config.buckets, config.heads) if config.positions == "bucketed" else None
        self.norm = make_norm(config) if config.final_norm else None
        self.window = config.window
        self.local = [config.is_local(number) for number in range(layers)]
        self.rotary = config.positions == "rotary"
        self.two_bases = self.rotary and any(self.local) and config.local_rotary_base > 0
        bases = {"": config.rotary_base, "local_": config.local_rotary_base}
        for prefix in ["", "local_"][: self.rotary + self.two_bases]:
            cosine, sine = rotary_tables(config, bases[prefix])
            self.register_buffer(f"{prefix}cosine", cosine, persistent=False)
            self.register_buffer(f"{prefix}sine", sine, persistent=False)

    def forward(
        self,
        x: Tensor,
        segments: Tensor | None,
        visible: Tensor | None = None,
        memory: Tensor | None = None,
        memory_segments: Tensor | None = None,
        picked: Tensor | None = None,
    ) -> Tensor:
        """Return x [B, T, D] behind all layers and the final norm, or [N, D], x at the positions `picked` alone.

        segments int64[B, T] and visible bool[B, T] are those of a Batch; memory [B, S, D] is another stack's output;
        `picked` are ascending indices int64[N] into [B * T].
        """
        memory_mask = None if memory_segments is None else self._memory_mask(x, segments, memory_segments)
        documents = None
        if segments is not None and not (visible is not None and self.relative is not None):
            documents = documents_of(segments, segments)
        positions = torch.arange(x.shape[1], device=x.device)
        views = {local: self.view(x, positions, segments, visible, local, documents) for local in set(self.local)}
        share = 1.0 if picked is None else len(picked) / (x.shape[0] * x.shape[1])
        few = share <= FEW
        if few and self.compiled:
            torch._dynamo.maybe_mark_dynamic(picked, 0)
        for number, (layer, local) in enumerate(zip([*self.layers] * self.times, self.local, strict=True), 1):
            mask, by_kernel, rotation = views[local]
            arguments = (x, mask, by_kernel, rotation, memory, memory_mask)
            last = (picked,) if few and number == len(self.local) else ()
            again = self.recompute and torch.is_grad_enabled()
            x = checkpoint(layer, *arguments, *last, use_reentrant=False) if again else layer(*arguments, *last)
        if picked is not None and not few:
            x = pick(x, picked) if share < 1.0 else x.flatten(0, 1)
        return x if self.norm is None else self.norm(x)

    def view(
        self,
        x: Tensor,
        positions: Tensor,
        segments: Tensor | None,
        visible: Tensor | None,
        local: bool,
        documents: Documents | None = None,
        start: int | None = None,
        kind: torch.dtype | None = None,
    ) -> View:
        """Return what layers with or without a window see of themselves; the arguments are those of forward.

        With `start`, x stands behind so many others that were read before; `kind` is the type of scores, None = that in
        which x is computed.
        """
        kind, length = kind or compute_type(x), (start or 0) + x.shape[1]
        keys = torch.arange(length, device=x.device)
        window = self.window if local and self.window < length - 1 else 0
        rotation = self.rotation(positions, local)
        if segments is not None and self._blockwise(x) and self.relative is None:
            return block_mask(segments, segments, visible, self.causal, window), False, rotation
        within = segments if documents is None else None
        newest = start is not None and x.shape[1] == 1  # it sees all of its text, or of the window
        behind = bool(start) and not newest  # several tokens behind others: no kernel knows that form
        plain = not (newest or behind) and within is None and visible is None and self.relative is None and not window
        bare = self.causal and plain  # `attend` hides by itself what stands behind
        permitted = None
        if newest:
            permitted = None if within is None else crossing(within[:, start:], within)
            if window:
                near = (keys >= length - 1 - window)[None, None, None]
                permitted = near if permitted is None else permitted & near
        elif not bare:
            permitted = allowed(within, visible, self.causal, keys[start:], keys, window)
        mask = additive(permitted, self.bias(keys[start:], keys), kind)
        return mask if documents is None else replace(documents, mask=mask), bare, rotation

    def _memory_mask(self, x: Tensor, segments: Tensor | None, memory_segments: Tensor) -> Mask:
        """Return which of the memory's positions x sees; the arguments are those of forward."""
        if segments is None:
            return None
        if self._blockwise(x):
            return block_mask(segments, memory_segments, None, False, 0)
        documents = documents_of(segments, memory_segments)
        return additive(crossing(segments, memory_segments), None, compute_type(x)) if documents is None else documents

    def _blockwise(self, x: Tensor) -> bool:
        """Whether attention is to skip blocks: on CUDA, in training, where its kernel is compiled with the layers."""
        return self.compiled and x.device.type == "cuda" and torch.is_grad_enabled()

    def compile_layers(self) -> None:
        """Compile the layers; later calls run the compiled form. Attention within documents stays as it is.

        Documents are never of the same lengths: a compiler would make a program for each batch.
        """
        self.compiled = True
        apart = torch.compiler.disable(attend_within)  # type: ignore[no-untyped-call]
        for layer in self.layers:
            for part in layer.modules():
                if isinstance(part, Attention):
                    part.within = apart
            layer.compile()

    def bias(self, queries: Tensor, keys: Tensor) -> Tensor | None:
        """Return the bias of relative positions [1, H, T, S] for positions [T] and [S], or None."""
        if self.relative is None:
            return None
        buckets = relative_buckets(keys - queries[:, None], self.buckets, self.farthest, self.causal)
        bias: Tensor = self.relative(buckets).movedim(-1, 0)
        return bias[None]

    def rotation(self, positions: Tensor | slice, local: bool) -> KeysValues | None:
        """Return the rotary tables' rows [T, 1, K] or [B, T, 1, K] at positions, some or a run of them, or None."""
        if not self.rotary:
            return None
        prefix = "local_" if local and self.two_bases else ""
        return self.get_buffer(f"{prefix}cosine")[positions], self.get_buffer(f"{prefix}sine")[positions]
