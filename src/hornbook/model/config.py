"""ModelConfig: one Transformer's shape as data; every option names the family that needs it. Loads no torch.

Shapes: D width, E width of the embeddings, H query heads, G key-value heads, K head width, F MLP width, L layers,
V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from hornbook.batch import Topology
from hornbook.errors import UserError
from hornbook.schema import AtLeastOne, Count, NotNegative, check

# Up to this share of scored positions the last layer computes them alone; beyond it, picking costs what it saves.
FEW = 0.7
# Keys up to which a CPU computes attention in bf16 by plain products, in half of the fused kernel's time.
SHORT = 1024


def chunk_rows(device: str, vocabulary: int) -> tuple[int, int]:
    """Return the rows of logits that the loss takes at once, and of their softmax: few, to stay in a CPU's cache."""
    if device == "cpu":
        return max(256, min(1024, 2**24 // vocabulary)), max(16, 2**20 // vocabulary)
    rows = max(1024, 2**27 // vocabulary)
    return rows, rows


@dataclass(frozen=True)
class ModelConfig:
    """The shape of one Transformer.

    topology         "decoder", "encoder" or "encoder-decoder"
    vocab_size       V: rows of the embedding; 0 = not known yet (a recipe before its tokenizer exists)
    max_length       longest row in positions, on either side
    embedding_width  E, of the tables; a linear map leads from E to D, and the head back; 0 = D, without a map (ALBERT,
                     ELECTRA-small: 128)
    width            D; 0 in width, layers and heads = not chosen yet (a recipe before its budget is known)
    layers           L (encoder layers of an encoder-decoder)
    decoder_layers   decoder layers of an encoder-decoder; 0 = the same as `layers`
    shared_layers    one layer's weights are used L times; encoders only (ALBERT)
    heads            H
    kv_heads         G; 0 = H. Fewer is grouped-query attention (Ainslie et al. 2023; Llama, Qwen3)
    head_width       K; 0 = D / H
    mlp_width        F; 0 = 4 D, or 8/3 D to a multiple of 64 when gated
    norm             "rms" (Zhang and Sennrich 2019; Llama, T5) or "layer" (Ba et al. 2016; GPT-2, BERT, ModernBERT)
    norm_place       "pre" (GPT-2, Llama, T5) or "post" (BERT, RoBERTa, BART)
    norm_epsilon     added to the variance
    positions        "rotary" (Su et al. 2021; Llama, ModernBERT), "learned" (GPT-2, BERT), "bucketed" (T5) or "none"
    position_offset  rows of the table of learned positions before that of the first token (RoBERTa, BART: 2)
    split_embedding  the decoder behind an encoder has learned positions and an embedding norm of its own (BART); the
                     table of tokens is always one
    rotary_base      theta of the rotary frequencies
    rotary_scaling   how they are stretched beyond the length first trained on: "none", "linear" (Chen et al. 2023),
                     "llama3" (Llama 3.1) or "yarn" (Peng et al. 2023; Qwen2.5, Qwen3)
    rotary_factor    how far they are stretched
    rotary_length    the length first trained on, which "llama3" and "yarn" need
    window           local attention: a query sees keys at most this far away; 0 = however far (Beltagy et al. 2020;
                     ModernBERT: 64; Mistral, whose sliding_window counts the query too)
    global_every     every n-th layer, from the first on, has no window (ModernBERT: 3); 0 = all have it
    local_rotary_base  theta in layers with a window (ModernBERT); 0 = rotary_base
    buckets          number of relative-position buckets (T5: 32)
    bucket_distance  distance from which all share the last bucket (T5: 128)
    gated            MLP of two branches, act(gate) * up (Shazeer 2020; Llama, T5 v1.1, ModernBERT)
    activation       "silu" (Llama), "gelu" (BERT, ModernBERT), "gelu_tanh" (GPT-2, T5 v1.1) or "relu" (T5 v1.0)
    biases           biases on all linear maps and norms (GPT-2, BERT)
    qkv_biases       biases on queries, keys and values, even where nothing else has them (Qwen2)
    qk_norm          RMSNorm on queries and keys per head (Henry et al. 2020; Qwen3)
    attention_scale  "head" (1/sqrt(K)) or "none" (T5)
    tied             the output head shares the embedding
    output_scale     multiplies hidden states before the head: "none", or "width" for D ** -0.5 (tied T5)
    embedding_norm   normalise the sum of embeddings (BERT, ModernBERT)
    first_norm       the first layer normalises before attention; False where the embedding norm did it (ModernBERT);
                     says nothing where layers are shared
    final_norm       normalise after the last layer
    head_transform   dense, activation, norm before the output head (BERT, ModernBERT)
    head_bias        bias of the output head (BERT, ModernBERT)
    token_types       number of token types (BERT: 2, RoBERTa: 1); 0 = none
    pair_head        a class of the pair of texts from the first position: dense, tanh, 2 classes (BERT's pooler)
    rtd_head         one logit a position, replaced or not, in place of the output head (ELECTRA's discriminator)
    dropout          on embeddings and after each block; -1 = chosen from how often a run reads its text
    """

    topology: Topology
    vocab_size: Count = 0
    max_length: Annotated[int, Ge(2)] = 256
    width: Count = 0
    layers: Count = 0
    heads: Count = 0
    mlp_width: Count = 0
    decoder_layers: Count = 0
    embedding_width: Count = 0
    shared_layers: bool = False
    kv_heads: Count = 0
    head_width: Count = 0
    norm: Literal["rms", "layer"] = "rms"
    norm_place: Literal["pre", "post"] = "pre"
    norm_epsilon: float = 1e-6
    positions: Literal["rotary", "learned", "bucketed", "none"] = "rotary"
    position_offset: Count = 0
    split_embedding: bool = False
    rotary_base: float = 10_000.0
    rotary_scaling: Literal["none", "linear", "llama3", "yarn"] = "none"
    rotary_factor: AtLeastOne = 1.0
    rotary_length: Count = 0
    window: Count = 0
    global_every: Count = 0
    local_rotary_base: NotNegative = 0.0
    buckets: int = 32
    bucket_distance: int = 128
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
    token_types: Count = 0
    pair_head: bool = False
    rtd_head: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check(self, "model.")
        if not (0.0 <= self.dropout < 1.0 or self.dropout == -1.0):
            raise UserError(f"model.dropout must be in [0, 1), or -1 to have it chosen, not {self.dropout}.")
        if self.shared_layers and self.topology != "encoder":
            raise UserError(f"model.shared_layers is for encoders, and model.topology is {self.topology}.")
        if self.rtd_head and (self.topology != "encoder" or self.head_transform or self.head_bias or not self.tied):
            raise UserError(
                "model.rtd_head is an encoder's, in place of the output head: it needs model.head_transform=false, "
                "model.head_bias=false and model.tied=true."
            )
        if self.embedding_width and not (self.head_transform or self.rtd_head):
            raise UserError("model.embedding_width needs model.head_transform: its dense map leads back to that width.")
        if self.rotary_scaling in ("llama3", "yarn") and not self.rotary_length:
            raise UserError(f"model.rotary_scaling {self.rotary_scaling!r} needs model.rotary_length.")
        if self.local_rotary_base and self.window and not self.global_every:
            raise UserError("Without model.global_every all layers are local: set model.rotary_base for them.")
        if self.heads == 0:
            return
        if self.head_width == 0 and self.width % self.heads:
            raise UserError(
                f"model.width {self.width} is not a multiple of model.heads {self.heads}; "
                "change one, or set model.head_width."
            )
        if self.heads % self.key_heads:
            raise UserError(f"model.heads {self.heads} is not a multiple of model.kv_heads {self.kv_heads}.")
        if self.positions == "rotary" and self.key_width % 2:
            raise UserError(f"Rotary positions need an even head width, not {self.key_width}.")

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
    def dropped(self) -> float:
        """The share dropped in training; while it is not chosen, none."""
        return max(self.dropout, 0.0)

    @property
    def key_heads(self) -> int:
        """G, the number of key-value heads."""
        return self.kv_heads or self.heads


def modern(topology: Topology) -> ModelConfig:
    """Return the default block of a topology, its size not chosen yet; transformers has a class that holds it exactly.

    decoder          RMSNorm, rotary, gated SiLU, QK-norm, no biases, tied: the shape of Qwen3
    encoder          the shape of ModernBERT with global attention in every layer (Warner et al. 2024)
    encoder-decoder  T5 v1.1 (Shazeer 2020) with a tied head, as transformers 5 has it
    """
    if topology == "decoder":
        return ModelConfig("decoder")
    if topology == "encoder":
        return ModelConfig(
            "encoder", norm="layer", norm_epsilon=1e-5, activation="gelu", qk_norm=False,
            embedding_norm=True, first_norm=False, head_transform=True, head_bias=True,
        )  # fmt: skip
    return ModelConfig(
        "encoder-decoder", positions="bucketed", activation="gelu_tanh", qk_norm=False,
        attention_scale="none", output_scale="width",
    )  # fmt: skip
