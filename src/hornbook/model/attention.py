"""Attention, its positions and the one mask rule.

Shapes: B rows, T queries, S keys, N picked queries, D width, H query heads, G key-value heads, K head width.

The mask rule is that of `hornbook.batch`: allowed[q, k] = segments[q] == segments[k] != 0 and (k <= q or visible[k]).
A local layer adds: and |q - k| <= window.
Padding (segment 0) is treated as one more document, so that a padded query has keys and no row of the softmax is empty;
no token of a document ever sees padding.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hornbook.model.config import SHORT, SHORT_CAUSAL, ModelConfig
from hornbook.model.documents import Documents, attend_within
from hornbook.model.parts import Linear, Norm, compute_type

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

KeysValues = tuple[Tensor, Tensor]
"""Keys and values, each [B, S, G, K]."""

Mask = Union["Documents", "BlockMask", Tensor, None]
"""Who sees whom, where that is not all or causal: by documents, by blocks (see `hornbook.model.documents`), or what is
added to the scores [B or 1, H or 1, T, S]."""


class Attention(nn.Module):
    """Scaled dot-product attention (Vaswani et al. 2017), heads grouped where G < H (Ainslie et al. 2023)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.key_heads, self.key_width = config.heads, config.key_heads, config.key_width
        self.scale = 1.0 if config.attention_scale == "none" else self.key_width**-0.5
        self.within = attend_within
        inner, shared = self.heads * self.key_width, self.key_heads * self.key_width
        biases = config.biases or config.qkv_biases
        self.q = Linear(config.width, inner, biases)
        self.k = Linear(config.width, shared, biases)
        self.v = Linear(config.width, shared, biases)
        self.o = Linear(inner, config.width, config.biases)
        self.q_norm = self.k_norm = None
        if config.qk_norm:
            self.q_norm = Norm(self.key_width, config.norm_epsilon, centred=False, bias=False)
            self.k_norm = Norm(self.key_width, config.norm_epsilon, centred=False, bias=False)

    def keys_values(self, source: Tensor, rotation: KeysValues | None) -> KeysValues:
        """Return what can be attended to in source [B, S, D]."""
        shape = (*source.shape[:2], self.key_heads, self.key_width)
        keys = place(self.k(source).view(shape), self.k_norm, rotation)
        return keys, self.v(source).view(shape)

    def forward(
        self,
        x: Tensor,
        mask: Mask,
        causal: bool,
        rotation: KeysValues | None = None,
        memory: Tensor | None = None,
        picked: Tensor | None = None,
    ) -> Tensor:
        """x [B, T, D] attends to itself, or to memory [B, S, D]. Returns [B, T, D].

        Returns [N, D] where only the positions `picked`, int64[N] into [B * T], are wanted.
        """
        x = x.to(compute_type(x))
        queries = place(self.q(x).view(*x.shape[:2], self.heads, self.key_width), self.q_norm, rotation)
        # A view of its own: each layer's gradients are added first, then those of all layers, sharded or not.
        keys, values = self.keys_values(x if memory is None else memory.view_as(memory).to(x.dtype), rotation)
        if isinstance(mask, Documents):
            mixed = self.within(attend, queries, keys, values, causal, self.scale, mask)
        else:
            q, k, v = (x.transpose(1, 2) for x in (queries, keys, values))
            mixed = attend(q, k, v, mask, causal, self.scale).transpose(1, 2)
        mixed = mixed.flatten(2)
        output: Tensor = self.o(mixed if picked is None else pick(mixed, picked))
        return output


def pick(x: Tensor, picked: Tensor) -> Tensor:
    """Return x [B, T, ...] at the positions `picked`, int64[N] into [B * T]: [N, ...]."""
    return x.flatten(0, 1).index_select(0, picked)


def attend(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | BlockMask | None, causal: bool, scale: float
) -> Tensor:
    """Return softmax(queries keys^T * scale + mask) values: queries [B, H, T, K], the others [B, G, S, K].

    Without a mask, `causal` hides the keys behind each query; T is S then.

    The library's fused kernel, but for two cases on a CPU: short rows in bf16, which plain products compute in half of
    the time (its products are not in bf16 there), and masks that learn, for which it has no backward pass. Shared keys
    are repeated where no fused kernel reads them as they are.
    """
    groups = queries.shape[1] // keys.shape[1]
    if not (mask is None or isinstance(mask, Tensor)):
        from torch.nn.attention.flex_attention import flex_attention

        blockwise: Tensor = flex_attention(queries, keys, values, block_mask=mask, scale=scale, enable_gqa=groups > 1)
        return blockwise
    learns = mask is not None and mask.requires_grad and queries.device.type == "cpu"
    fused = not learns and by_kernel(queries.dtype, queries.device, keys.shape[2], causal)
    if groups > 1 and not (fused and shares_keys(queries.dtype, queries.device, queries.shape[3], mask is not None)):
        keys, values = keys.repeat_interleave(groups, 1), values.repeat_interleave(groups, 1)
        groups = 1
    if fused:
        return F.scaled_dot_product_attention(
            queries, keys, values, attn_mask=mask, is_causal=causal, scale=scale, enable_gqa=groups > 1
        )
    scores = (queries * scale if scale != 1.0 else queries) @ keys.transpose(-1, -2)  # [B, H, T, S]
    if causal:
        mask = scores.new_full(scores.shape[-2:], -math.inf).triu(1)
    if mask is not None:
        scores = scores + mask
    return torch.softmax(scores, -1) @ values


def by_kernel(kind: torch.dtype, device: torch.device, length: int, causal: bool) -> bool:
    """Whether `attend` computes rows of `length` keys by the fused kernel, which passes over what `causal` hides."""
    return device.type != "cpu" or kind != torch.bfloat16 or length > (SHORT_CAUSAL if causal else SHORT)


def shares_keys(kind: torch.dtype, device: torch.device, width: int, masked: bool) -> bool:
    """Whether a fused kernel reads keys that several query heads share; `width` is K.

    On CUDA flash attention alone does, and it takes neither masks nor fp32 nor heads wider than 256. The kernel that
    takes all of that, the memory-efficient one, wants a key head for each query head, and cuDNN's comes before the slow
    one on Hopper and Blackwell only (torch 2.11 to 2.13, aten/src/ATen/native/transformers/cuda/sdp_utils.cpp).
    """
    return device.type != "cuda" or (not masked and kind in (torch.bfloat16, torch.float16) and width <= 256)


def place(x: Tensor, norm: Norm | None, rotation: KeysValues | None) -> Tensor:
    """Normalise each head of x [B, T, H, K] and turn it to its position, both in full precision."""
    kind = x.dtype
    if norm is not None:
        x = norm(x)
    if rotation is not None:
        cosine, sine = rotation
        swapped = x.view(*x.shape[:-1], 2, -1).flip(-2).flatten(-2)  # the two halves exchanged
        x = x * cosine + swapped * sine
    return x.to(kind)


def relative_buckets(distance: Tensor, buckets: int, farthest: int, causal: bool) -> Tensor:
    """Return the bucket of each distance, key minus query position, int64 of any shape (Raffel et al. 2020, 2.1).

    Half of the buckets hold one distance each, the others grow logarithmically up to `farthest`. A causal stack uses
    all buckets for keys behind (those ahead share bucket 0); otherwise each direction has half of them.
    """
    first = torch.zeros_like(distance)
    if causal:
        steps = (-distance).clamp(min=0)
    else:
        buckets //= 2
        first = (distance > 0).long() * buckets
        steps = distance.abs()
    exact = buckets // 2
    ratio = torch.log(steps.clamp(min=1).float() / exact) / math.log(farthest / exact)
    far = (exact + (ratio * (buckets - exact)).long()).clamp(max=buckets - 1)
    return first + torch.where(steps < exact, steps, far)


def document_positions(segments: Tensor) -> Tensor:
    """Return int64[B, T]: each token's position within its own document, from segments int64[B, T]."""
    index = torch.arange(segments.shape[1], device=segments.device).expand_as(segments)
    begins = torch.ones_like(segments, dtype=torch.bool)
    begins[:, 1:] = segments[:, 1:] != segments[:, :-1]
    return index - torch.where(begins, index, 0).cummax(dim=1).values


def allowed(
    segments: Tensor | None, visible: Tensor | None, causal: bool, queries: Tensor, keys: Tensor, window: int = 0
) -> Tensor | None:
    """Return bool[B or 1, 1, T, S], True where a query sees a key of its own stack, or None where all see all.

    queries int64[T] and keys int64[S] are positions, the queries' being the last T; segments int64[B, S] and visible
    bool[B, S] are those of a Batch, segments None where nothing is padded and every row is one document; window 0 is
    none.
    """
    permitted: Tensor | None = None
    if causal or visible is not None:
        permitted = (keys <= queries[:, None])[None, None]
        if visible is not None:
            permitted = permitted | visible[:, None, None, :]
    if window:
        near = ((keys - queries[:, None]).abs() <= window)[None, None]
        permitted = near if permitted is None else permitted & near
    if segments is not None:
        same = crossing(segments[:, len(keys) - len(queries) :], segments)
        permitted = same if permitted is None else permitted & same
    return permitted


def crossing(queries: Tensor, keys: Tensor) -> Tensor:
    """Return bool[B, 1, T, S], True where a query's segment [B, T] is the key's [B, S]."""
    return queries[:, None, :, None] == keys[:, None, None, :]


def additive(permitted: Tensor | None, bias: Tensor | None, kind: torch.dtype) -> Tensor | None:
    """Return the mask added to scores: bias (or 0) where permitted, the least finite number elsewhere."""
    if permitted is None:
        return None if bias is None else bias.to(kind)
    scores = torch.zeros((), dtype=kind, device=permitted.device) if bias is None else bias.to(kind)
    return torch.where(permitted, scores, torch.finfo(kind).min)
