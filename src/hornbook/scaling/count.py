"""Parameters and floating-point operations of a config, without building it.

Shapes: S positions of the input, T positions of a decoder behind an encoder, D width, E width of the embeddings,
H query heads, G key-value heads, K head width, F MLP width, V vocabulary.
"""

from __future__ import annotations

import functools

from hornbook.model.config import FEW, ModelConfig


@functools.cache
def parameters(config: ModelConfig) -> int:
    """Return the number of parameters, embeddings included, what is shared counted once; allocates none."""
    import torch

    from hornbook.model.transformer import Transformer

    with torch.device("meta"):
        return sum(parameter.numel() for parameter in Transformer(config).parameters())


def flops_per_token(config: ModelConfig, length: int, scored_share: float = 1.0, decoder_length: int = 0) -> float:
    """Return the floating-point operations of training on one position of rows of `length` positions.

    Counted as in PaLM's model FLOPs (Chowdhery et al. 2022, appendix B): a multiplication and an addition are two;
    only matrix products count (linear maps, attention scores and mixtures, the output head); the backward pass costs
    twice the forward one; nothing is recomputed. Attention is counted whole, whether or not a mask forbids half of it;
    in layers with a window each query counts the keys that a window holds, at most those of the row.
    The head, its dense map included, is counted at `scored_share` of the output positions, where the loss is computed,
    and so is, where these are few, what follows the last attention of the last layer; a judge counts all positions.
    For an encoder-decoder `decoder_length` is the length of the decoder's rows, scored_share a share of those, and
    the result is the operations of a row pair divided by all its positions, length + decoder_length.
    """
    width, narrow, inner = config.width, config.table_width, config.heads * config.key_width
    shared = config.key_heads * config.key_width
    mlp = (3 if config.gated else 2) * width * config.inner_width
    own = 2 * width * inner + 2 * width * shared  # q and o, k and v
    spared = (1 - scored_share) * (width * inner + mlp) if scored_share <= FEW and not config.rtd_head else 0.0

    def stack(layers: int, positions: int, causal: bool) -> float:
        near = min(positions, (1 if causal else 2) * config.window + 1)
        keys = sum(near if config.is_local(number) else positions for number in range(layers))
        return positions * (layers * (own + mlp) + 2 * keys * inner)

    output = config.vocab_size * narrow + (width * narrow if config.head_transform else 0)
    if config.task_head != "none":
        output = config.width * config.task_classes
    products = stack(config.layers, length, config.topology == "decoder")
    products += (length + decoder_length) * narrow * width if narrow != width else 0
    if config.topology == "encoder-decoder" and config.task_head != "tag":
        crossing = 2 * width * (inner * decoder_length + shared * length) + 2 * decoder_length * length * inner
        layers = config.decoder_layers or config.layers
        products += stack(layers, decoder_length, True) + layers * crossing
        products += decoder_length * (scored_share * output - spared)
    elif config.rtd_head and config.task_head == "none":
        products += length * (width**2 + width)
    else:
        products += length * (scored_share * output - spared)
    return 6.0 * products / (length + (decoder_length if config.topology == "encoder-decoder" else 0))


def electra_flops_per_token(
    discriminator: ModelConfig, generator: ModelConfig, length: int, scored_share: float
) -> float:
    """Return the operations of training both networks of an ELECTRA on one position of rows of `length` positions.

    The discriminator judges every position, the generator computes its logits at the scored ones: twice, since the
    tokens that it puts there are drawn from logits without gradients.
    """
    drawn = 2.0 * scored_share * generator.vocab_size * generator.table_width
    judged = flops_per_token(discriminator, length)
    return judged + flops_per_token(generator, length, scored_share) + drawn
