"""ModelConfig: one Transformer's shape as data; every option names the family that needs it. Loads no torch.

Shapes: D width, E width of the embeddings, H query heads, G key-value heads, K head width, F MLP width, L layers,
V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from hornbook.batch import Topology
from hornbook.errors import UserError
from hornbook.schema import Cap, Count, check

# Up to this share of scored positions the last layer computes them alone; beyond it, picking costs what it saves.
FEW = 0.7
# Keys up to which a CPU computes attention in bf16 by plain products, in half of the fused kernel's time.
SHORT = 1024
SHORT_CAUSAL = 384  # the same where half of the products are hidden, which the kernel passes over

# What no model has: bounds that keep every product of sizes within 64 bits, and building within minutes.
Width = Annotated[int, Ge(0), Cap(10**6)]
Layers = Annotated[int, Ge(0), Cap(10**4)]
Heads = Annotated[int, Ge(0), Cap(10**5)]
Entries = Annotated[int, Ge(0), Cap(10**7)]
Base = Annotated[float, Gt(0), Cap(1e15)]


def chunk_rows(device: str, vocabulary: int) -> tuple[int, int]:
    """Return the rows of logits that the loss takes at once, and of their softmax: few, to stay in a CPU's cache."""
    if device == "cpu":
        return max(256, min(1024, 2**24 // vocabulary)), max(16, 2**20 // vocabulary)
    rows = max(1024, 2**27 // vocabulary // 256 * 256)  # whole tiles of a GPU's matrix products
    return rows, rows


@dataclass(frozen=True)
class ModelConfig:
    """The shape of one Transformer.

    topology         kind of Transformer; it must be the objective's
    vocab_size       V, rows of the token embedding; 0 = the size of the tokenizer's vocabulary
    max_length       maximum length of a row in tokens; in an encoder-decoder, of each side
    embedding_width  E, width of the embeddings, with linear maps to D and back (ALBERT, ELECTRA-small: 128); 0 = D,
                     no maps
    width            D, width of the hidden states; 0 = chosen from the budget
    layers           L, number of layers; in an encoder-decoder, of the encoder; 0 = chosen from the budget
    decoder_layers   number of decoder layers of an encoder-decoder; 0 = the same as layers
    shared_layers    all layers share one set of weights; encoders only (ALBERT)
    heads            H, number of attention heads; 0 = chosen from the budget
    kv_heads         G, number of key-value heads; fewer than H is grouped-query attention (Llama, Qwen3); 0 = H
    head_width       K, width of an attention head; 0 = D / H
    mlp_width        F, hidden width of the MLP; 0 = 4 D, or 8/3 D rounded to a multiple of 64 if gated
    norm             rms: RMSNorm (Zhang and Sennrich 2019; Llama, T5); layer: LayerNorm (Ba et al. 2016; GPT-2, BERT)
    norm_place       pre: norms before attention and MLP (GPT-2, Llama, T5); post: after (BERT, RoBERTa, BART)
    norm_epsilon     number added to the variance in norms
    positions        rotary (Su et al. 2021; Llama, ModernBERT), learned (GPT-2, BERT), bucketed (T5) or none
    position_offset  rows of the position embedding before the first token's (RoBERTa, BART: 2)
    split_embedding  encoder-decoder: the decoder has its own position embedding and embedding norm (BART); the token
                     embedding is always shared
    rotary_base      theta, base of the rotary frequencies
    rotary_scaling   scaling of rotary positions beyond the original length: none, linear (Chen et al. 2023), llama3
                     (Llama 3.1) or yarn (Peng et al. 2023; Qwen2.5, Qwen3)
    rotary_factor    factor of rotary_scaling; 1 = no scaling
    rotary_length    original length of the model in tokens; llama3 and yarn need it
    window           local attention: maximum distance between query and key in tokens (ModernBERT: 64; Mistral's
                     sliding_window minus 1); 0 = no limit
    global_every     every n-th layer, starting with the first, has no window (ModernBERT: 3); 0 = all layers have it
    local_rotary_base  rotary_base of the layers with a window (ModernBERT); 0 = rotary_base
    buckets          positions bucketed: number of buckets of relative positions (T5: 32)
    bucket_distance  positions bucketed: all distances from this one on share the last bucket (T5: 128)
    gated            gated MLP: act(gate) * up (Shazeer 2020; Llama, T5 v1.1, ModernBERT)
    activation       MLP's activation: silu (Llama), gelu (BERT), gelu_tanh (GPT-2, T5 v1.1) or relu (T5 v1.0)
    biases           all linear maps and norms have biases (GPT-2, BERT)
    qkv_biases       the linear maps of queries, keys and values have biases, whatever `biases` is (Qwen2)
    qk_norm          RMSNorm on the queries and keys of each head (Henry et al. 2020; Qwen3)
    attention_scale  factor of attention scores: head: 1 / sqrt(K); none: 1 (T5)
    tied             the output head shares the weights of the token embedding
    output_scale     factor of hidden states before the output head: none: 1; width: 1 / sqrt(D) (tied T5)
    embedding_norm   norm after the sum of the embeddings (BERT, ModernBERT)
    first_norm       the first layer has a norm before attention; false if the embedding norm replaces it (ModernBERT);
                     ignored if layers are shared
    final_norm       norm after the last layer
    head_transform   linear map, activation and norm before the output head (BERT, ModernBERT)
    head_bias        the output head has a bias (BERT, ModernBERT)
    token_types      number of token types (BERT: 2, RoBERTa: 1); 0 = none
    pair_head        classifier of text pairs on the first position: linear map, tanh, 2 classes (BERT's pooler)
    rtd_head         discriminator head instead of the output head: is a token replaced or original (ELECTRA)
    task_head        head of a task instead of the output head: class (of a text), tag (of each word), span (its first
                     and last token), or none; `hornbook transfer` sets it
    task_labels      number of labels of the task; a span has none
    start            first weights: counts (the model begins with what counted pairs of tokens of the text say), random,
                     or auto: counts where the model can hold them
    dropout          dropout rate of embeddings and of each block's output; -1 = chosen from how often the text is read
    """

    topology: Topology
    vocab_size: Entries = 0
    max_length: Annotated[int, Ge(2), Cap(10**8)] = 256
    width: Width = 0
    layers: Layers = 0
    heads: Heads = 0
    mlp_width: Entries = 0
    decoder_layers: Layers = 0
    embedding_width: Width = 0
    shared_layers: bool = False
    kv_heads: Heads = 0
    head_width: Width = 0
    norm: Literal["rms", "layer"] = "rms"
    norm_place: Literal["pre", "post"] = "pre"
    norm_epsilon: Annotated[float, Gt(0), Le(1)] = 1e-6
    positions: Literal["rotary", "learned", "bucketed", "none"] = "rotary"
    position_offset: Entries = 0
    split_embedding: bool = False
    rotary_base: Base = 10_000.0
    rotary_scaling: Literal["none", "linear", "llama3", "yarn"] = "none"
    rotary_factor: Annotated[float, Ge(1), Cap(10**6)] = 1.0
    rotary_length: Count = 0
    window: Count = 0
    global_every: Count = 0
    local_rotary_base: Annotated[float, Ge(0), Cap(1e15)] = 0.0
    buckets: Annotated[int, Ge(4), Cap(10**6)] = 32
    bucket_distance: Annotated[int, Ge(2), Cap(10**9)] = 128
    gated: bool = True
    activation: Literal["silu", "gelu", "gelu_tanh", "relu"] = "silu"
    biases: bool = False
    qkv_biases: bool = False
    qk_norm: bool = True
    attention_scale: Literal["head", "none"] = "head"
    tied: bool = True
    output_scale: Literal["none", "width"] = "none"
    embedding_norm: bool = False
    first_norm: bool = True
    final_norm: bool = True
    head_transform: bool = False
    head_bias: bool = False
    token_types: Entries = 0
    pair_head: bool = False
    rtd_head: bool = False
    task_head: Literal["none", "class", "tag", "span"] = "none"
    task_labels: Entries = 0
    start: Literal["auto", "random", "counts"] = field(default="auto", compare=False)  # no part of the shape
    dropout: Annotated[float, Ge(-1), Lt(1)] = 0.0

    def __post_init__(self) -> None:
        check(self, "model.")
        if not (0.0 <= self.dropout < 1.0 or self.dropout == -1.0):
            raise UserError(f"model.dropout must be from 0 to below 1, or -1 (chosen for you), not {self.dropout}.")
        if self.shared_layers and self.topology != "encoder":
            raise UserError(f"model.shared_layers works only in encoders, but model.topology is {self.topology}.")
        if (self.task_head in ("class", "tag")) != (self.task_labels > 0):
            raise UserError(
                f"model.task_labels is {self.task_labels}, but model.task_head is {self.task_head}: heads for classes "
                "and tags have labels, others have none."
            )
        if self.rtd_head and (self.topology != "encoder" or self.head_transform or self.head_bias or not self.tied):
            raise UserError(
                "model.rtd_head replaces the output head of an encoder: set model.head_transform=false, "
                "model.head_bias=false and model.tied=true."
            )
        if self.embedding_width and not (self.head_transform or self.rtd_head or self.task_head != "none"):
            raise UserError("model.embedding_width needs model.head_transform=true, whose linear map leads back to it.")
        if self.rotary_scaling in ("llama3", "yarn") and not self.rotary_length:
            raise UserError(f"model.rotary_scaling={self.rotary_scaling} needs model.rotary_length: set it.")
        if self.local_rotary_base and self.window and not self.global_every:
            raise UserError(
                "model.local_rotary_base needs model.global_every; with local layers only, set rotary_base."
            )
        if self.positions == "bucketed" and self.bucket_distance <= self.buckets // 2:
            raise UserError(
                f"model.bucket_distance {self.bucket_distance} must be above half of model.buckets {self.buckets}."
            )
        if self.heads == 0:
            return
        if self.head_width == 0 and self.width % self.heads:
            raise UserError(
                f"model.width {self.width} must be a multiple of model.heads {self.heads}: "
                "change one of them, or set model.head_width."
            )
        if self.heads % self.key_heads:
            raise UserError(f"model.heads {self.heads} must be a multiple of model.kv_heads {self.kv_heads}.")
        if self.positions == "rotary" and self.key_width % 2:
            raise UserError(f"model.head_width must be even for rotary positions, not {self.key_width}.")

    @property
    def key_width(self) -> int:
        """K, the width of one head."""
        return self.head_width or self.width // self.heads

    @property
    def inner_width(self) -> int:
        """F, the width of the MLP: 8/3 D when gated, so that three matrices weigh as two plain ones (Shazeer 2020)."""
        return self.mlp_width or (max(64, round(self.width * 8 / 3 / 64) * 64) if self.gated else 4 * self.width)

    def is_local(self, layer: int) -> bool:
        """Whether the window applies to this layer of a stack, counted from 0."""
        return self.window > 0 and not (self.global_every and layer % self.global_every == 0)

    @property
    def table_width(self) -> int:
        """E, the width of the embeddings."""
        return self.embedding_width or self.width

    @property
    def task_classes(self) -> int:
        """K, the logits of the task's head at a position; of a span, whether it begins there and whether it ends."""
        return 2 if self.task_head == "span" else self.task_labels

    @property
    def dropped(self) -> float:
        """The share dropped in training; while it is not chosen, none."""
        return max(self.dropout, 0.0)

    @property
    def key_heads(self) -> int:
        """G, the number of key-value heads."""
        return self.kv_heads or self.heads


def modern(topology: Topology) -> ModelConfig:
    """Return the default block of a topology, its size not chosen yet; transformers has a class that holds it exactly.

    decoder          RMSNorm, rotary, gated SiLU, QK-norm, no biases, untied: the shape of Qwen3; rows of 512
    encoder          the shape of ModernBERT with global attention in every layer (Warner et al. 2024)
    encoder-decoder  T5 v1.1 (Shazeer 2020) with a tied head, as transformers 5 has it
    """
    if topology == "decoder":
        return ModelConfig("decoder", max_length=512, tied=False)
    if topology == "encoder":
        return ModelConfig(
            "encoder", norm="layer", norm_epsilon=1e-5, activation="gelu", qk_norm=False,
            embedding_norm=True, first_norm=False, head_transform=True, head_bias=True,
        )  # fmt: skip
    return ModelConfig(
        "encoder-decoder", positions="bucketed", activation="gelu_tanh", qk_norm=False,
        attention_scale="none", output_scale="width",
    )  # fmt: skip
