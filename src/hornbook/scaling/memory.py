"""The memory of a training step, by its parts, from a config and a few numbers: nothing is built, no torch is loaded.

Shapes: B rows of a micro-batch, S positions of the input, T positions of a decoder behind an encoder, N scored
positions of a row, D width, E width of the embeddings, H query heads, G key-value heads, K head width, F MLP width,
L layers, V vocabulary.

Activations are what the forward pass keeps for the backward pass (the count of Korthikanti et al. 2022, section 4, for
the blocks that we have): inputs of matrix products, of norms and of activation functions, masks of dropout, and in
bf16 the weights' copies in that type. What lives within one operation is left out, but for the head's logits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from hornbook.model.config import FEW, SHORT, SHORT_CAUSAL, ModelConfig, chunk_rows

FULL = 4  # bytes of an fp32 number

# What allocators waste, a share of what comes and goes: glibc's leaves holes between tensors that stay, but for a run
# that computes layers again, which gives large blocks back (`hornbook.train.machine.keep_memory_blocks`). And a
# constant: what torch loads for its first step.
_HOLES = {"cpu": (0.4, 128 << 20), "cpu again": (0.0, 128 << 20), "gpu": (0.1, 0)}


@dataclass(frozen=True)
class Load:
    """What is computed at once, and how.

    rows        B
    length      S
    behind      T; 0 where there is no decoder behind an encoder
    scored      N, a mean
    masked      rows hold several documents or padding, so that each has a mask of its own
    parts       micro-batches in one optimizer step
    parameters  numbers in all weights
    matrices    those of them in the matrices inside the layers, which Muon takes
    optimizer   muon or adamw
    bf16        products in bfloat16
    device      cpu, cuda or mps
    recompute   keep only what goes into each layer and compute the layer again in the backward pass
    within      attention within documents: what is mixed of the values is there once more, whole
    """

    rows: int
    length: int
    behind: int
    scored: float
    masked: bool
    parts: int
    parameters: int
    matrices: int
    optimizer: Literal["muon", "adamw"]
    bf16: bool
    device: str
    recompute: bool
    within: bool = False

    @property
    def narrow(self) -> int:
        """Bytes of a number in matrix products."""
        return 2 if self.bf16 else FULL


@dataclass(frozen=True)
class Memory:
    """Bytes of a step's parts.

    weights      fp32
    gradients    fp32
    optimizer    Muon's momentum, AdamW's two moments
    activations  what the layers keep for the backward pass of one micro-batch
    head         logits of a chunk, the gradient of the output matrix, and its copy in bf16
    holes        what the allocator and the libraries take beside it, by measurement (benchmarks/memory.py)
    peak         the most that is there at once: less than the sum where a step is one micro-batch, since gradients
                 come as activations go, and where layers are computed again, since the head is done by then
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    head: int
    holes: int
    peak: int


def step_memory(config: ModelConfig, load: Load, generator: ModelConfig | None = None) -> Memory:
    """Return the memory of one step of a model of `config`; `generator` is ELECTRA's other half."""
    weights = FULL * load.parameters
    alone = load.parameters - load.matrices if load.optimizer == "muon" else load.parameters
    state = FULL * (2 * alone + load.parameters - alone)
    kept, again = _kept(config, load if generator is None else replace(load, scored=load.length))
    if generator is not None:
        judge = 3 * load.rows * load.length * config.width * load.narrow  # its input, before and after activation
        more, again_there = _kept(generator, load)
        kept, again = kept + more + judge, max(again, again_there)
    head = _head(generator or config, load)
    table = FULL * config.vocab_size * config.table_width
    held = weights if load.parts > 1 else 0
    # When the last layer is computed again, all that is left of the head is the gradient of its matrix; when the first
    # is, all gradients are there. Then that of a tied table comes from the other end too.
    early = held + kept + max(head, again + table if again else 0)
    late = weights + max(table, again)
    share, least = _HOLES["gpu" if load.device != "cpu" else "cpu again" if load.recompute else "cpu"]
    holes = round(least + share * (early - held))
    peak = weights + state + max(early, late) + holes
    return Memory(weights, weights, state, kept + again, head, holes, peak)


def _kept(config: ModelConfig, load: Load) -> tuple[int, int]:
    """Return the bytes that one micro-batch's activations take until the backward pass, and those of a layer in it.

    The latter are 0 where layers are not computed again.
    """
    both = config.topology == "encoder-decoder"
    first = replace(load, behind=0, scored=load.length if both else load.scored)
    kept, again = _stack(config, first, config.layers, 0)
    if both:
        behind = replace(load, length=load.behind)
        more, again_there = _stack(config, behind, config.decoder_layers or config.layers, load.length)
        kept, again = kept + more, max(again, again_there)
    drops = _dropped(config, load, FULL)
    for positions in (load.length, load.behind) if both else (load.length,):
        kept += load.rows * positions * config.table_width * (drops + FULL * config.embedding_norm)
        if config.embedding_width:
            kept += load.rows * positions * config.table_width * load.narrow
    if load.bf16:
        kept += 2 * load.matrices
    return round(kept), round(again)


def _stack(config: ModelConfig, load: Load, layers: int, memory: int) -> tuple[float, float]:
    """Return the bytes that a stack keeps, and those of the one of its layers that is being computed again.

    The latter with the gradient of its widest array, which is there beside all that it keeps. `memory` is the number of
    positions that its cross-attention reads.
    """
    tokens = load.rows * load.length
    layer = _layer(config, load, memory, load.length)
    last = _layer(config, load, memory, load.scored) if load.scored <= FEW * load.length else layer
    bucketed = config.positions == "bucketed"
    kept, again = (layers - 1) * layer + last, 0.0
    if load.recompute:
        scores = config.heads * load.length if bucketed or not _kernel(config, load) else 0
        kept = layers * tokens * config.width * FULL
        again = layer + tokens * max(scores, config.inner_width) * load.narrow
    if config.final_norm:
        kept += load.rows * load.scored * config.width * 2 * FULL
    mask = tokens * load.length * load.narrow
    if bucketed:
        kept += config.heads * mask
    elif load.masked or not _kernel(config, load):
        kept += mask * (2 if config.window and config.global_every else 1)
    return kept, again


def _layer(config: ModelConfig, load: Load, memory: int, wanted: float) -> float:
    """Return the bytes that one layer keeps; what follows its last attention is there at `wanted` positions a row."""
    narrow, width = load.narrow, config.width
    inner, shared = config.heads * config.key_width, config.key_heads * config.key_width
    branch = width * (FULL + narrow)  # its norm, its input
    dropped = width * _dropped(config, load, narrow)

    def attention(keys: int, learns: bool, wanted: float) -> float:
        """Return bytes: queries and keys before and after their norm, values, what is mixed of them, its dropout."""
        of_queries, of_keys = inner * narrow * (2 + load.within), 2 * shared * narrow
        plain = learns or not _kernel(config, replace(load, length=keys))
        if plain:
            of_keys = 2 * inner * narrow
            of_queries += config.heads * keys * narrow
        if config.qk_norm:
            of_queries += inner * FULL
            of_keys += shared * FULL
        kept = load.length * of_queries + keys * of_keys + wanted * dropped
        # Of the mixture a copy is kept where it is wanted, and the whole if the kernel needs it.
        if wanted < load.length:
            kept += inner * narrow * (wanted - load.length * (plain or load.within))
        return kept

    own = load.length if memory else wanted
    kept = load.length * branch + attention(load.length, config.positions == "bucketed", own)
    if memory:
        kept += load.length * branch + attention(memory, False, wanted) + memory * width * narrow * load.bf16
    points = 2 * (1 + config.gated) - (config.activation == "relu")
    kept += wanted * (branch + dropped + points * config.inner_width * narrow)
    return load.rows * kept


def _dropped(config: ModelConfig, load: Load, size: int) -> int:
    """Return the bytes of dropout's mask for one number of `size` bytes."""
    return (1 if load.device == "cuda" else size) if config.dropped else 0


def _kernel(config: ModelConfig, load: Load) -> bool:
    """Whether attention is the library's kernel, which keeps no scores."""
    causal = config.topology == "decoder" and (load.within or not load.masked)
    return load.device != "cpu" or not (load.bf16 and load.length <= (SHORT_CAUSAL if causal else SHORT))


def _head(config: ModelConfig, load: Load) -> int:
    """Return the bytes of the head: chunks of logits, the output matrix's gradient and copy, scored positions."""
    wide, size = config.vocab_size, config.vocab_size * config.table_width
    if config.task_head != "none":
        wide, size = config.task_classes, config.task_classes * config.width
    rows = load.rows * load.scored
    chunk, block = chunk_rows(load.device, wide)
    logits = min(rows, chunk) * wide * load.narrow
    softmax = min(rows, block) * wide * FULL * (2 if load.bf16 else 1)
    product = size * load.narrow if load.bf16 else 0  # in fp32 it is added to the gradient as it is made
    passing = max(logits + max(softmax, product), size * FULL)
    dense = 2 * config.table_width * load.narrow + config.table_width * FULL if config.head_transform else 0
    scored = rows * (2 * config.table_width * load.narrow + config.table_width * FULL + dense)
    return round(size * FULL + passing + scored + (size * load.narrow if load.bf16 else 0))
