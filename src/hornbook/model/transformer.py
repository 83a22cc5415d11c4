"""The Transformer: one model for decoders, encoders and encoder-decoders.

Shapes: B rows, S positions of the input, T positions of the output, N scored or picked positions, D width,
E width of the embeddings, V vocabulary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hornbook.errors import UserError
from hornbook.model import initialise
from hornbook.model.config import ModelConfig
from hornbook.model.inputs import Tensors, check_length
from hornbook.model.layers import ACTIVATIONS, Embeddings, Stack
from hornbook.model.loss import Kernel, linear_cross_entropy, linear_nats, nats_and_slope
from hornbook.model.parts import Linear, compute_type, make_norm


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


class PairHead(nn.Module):
    """The class of a pair of texts from the last hidden state of the first position (Devlin et al. 2019, 3.1)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dense = Linear(config.width, config.width, True)
        self.output = Linear(config.width, 2, True)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the logits [B, 2] of the hidden states at each row's first position, [B, D]."""
        logits: Tensor = self.output(torch.tanh(self.dense(hidden)))
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


class Transformer(nn.Module):
    """A decoder, an encoder, or both, over one embedding; it computes what `config` says and shifts nothing.

    Matrix products run in autocast's type where the caller has entered `torch.autocast`, else in the weights'.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        for name in ("vocab_size", "width", "layers", "heads"):
            if not getattr(config, name):
                raise UserError(f"model.{name} is not set: set it before building a model.")
        self.config = config
        self.embed = Embeddings(config)
        both = config.topology == "encoder-decoder"
        behind = config.decoder_layers or config.layers if both else config.layers
        self.encoder = None if config.topology == "decoder" else Stack(config, config.layers, causal=False, cross=False)
        self.decoder = None if config.topology == "encoder" else Stack(config, behind, causal=True, cross=both)
        self.head = Head(config)
        self.pair = PairHead(config) if config.pair_head else None
        self.judge = DiscriminatorHead(config) if config.rtd_head else None
        self.kernel: Kernel = nats_and_slope
        self.initialise(0)

    def initialise(self, seed: int) -> None:
        """Give all parameters their first values; see `hornbook.model.initialise` for which, and why."""
        if not self.embed.tokens.weight.is_meta:
            initialise.initialise(self.named_parameters(), self.config, seed)

    @property
    def stacks(self) -> list[Stack]:
        """The encoder, the decoder or both."""
        return [stack for stack in (self.encoder, self.decoder) if stack is not None]

    def hidden(self, batch: Tensors, picked: Tensor | None = None) -> Tensor:
        """Return the last hidden states at every output position, [B, T, D], or at those picked alone, [N, D].

        `picked` are ascending indices int64[N] into [B * T].
        """
        check_length(self.config.max_length, batch.inputs, batch.decoder_inputs)
        segments, behind = batch.segments, batch.decoder_segments
        x = self.embedded(batch.inputs, segments, batch.types)
        if self.encoder is None:
            assert self.decoder is not None
            output: Tensor = self.decoder(x, segments, batch.visible, picked=picked)
            return output
        memory: Tensor = self.encoder(x, segments, batch.visible, picked=picked if self.decoder is None else None)
        if self.decoder is None:
            return memory
        assert batch.decoder_inputs is not None
        if segments is None and behind is not None:
            segments = torch.ones_like(batch.inputs)
        elif segments is not None and behind is None:
            behind = torch.ones_like(batch.decoder_inputs)
        y = self.embedded(batch.decoder_inputs, behind, None, behind=True)
        output = self.decoder(y, behind, memory=memory, memory_segments=segments, picked=picked)
        return output

    def embedded(self, tokens: Tensor, segments: Tensor | None, types: Tensor | None, behind: bool = False) -> Tensor:
        """Return the embeddings [B, T, D] of tokens int64[B, T]; positions restart at each document.

        `behind` = these are the inputs of a decoder behind an encoder.
        """
        x: Tensor = self.embed(tokens, self.embed.places(tokens, segments), types, behind)
        return x

    @property
    def output_weight(self) -> Tensor:
        """The matrix [V, E] of the output head."""
        if self.judge is not None:
            raise UserError("This model detects replaced tokens and has no output head for tokens.")
        return self.embed.tokens.weight if self.head.output is None else self.head.output.weight

    def loss(self, batch: Tensors) -> Tensor:
        """Return sum(weights * nats) over the batch's scored positions, a number in full precision.

        Where the batch has pairs of texts, each row's nats of the pair's class are added as often as the row counts:
        divided by the count of all rows, the loss is the mean over scored positions plus the mean over pairs, each pair
        weighted by its row's count. Dividing by the count of all micro-batches and processes is the caller's part.
        """
        if self.pair is None or batch.pair is None or batch.counts is None:
            return self._token_loss(self.hidden(batch, batch.scored), batch)
        hidden = self.hidden(batch, torch.cat([batch.scored, self._firsts(batch)]))
        loss = self._token_loss(hidden[: len(batch.scored)], batch)
        nats = F.cross_entropy(self.pair(hidden[len(batch.scored) :]).float(), batch.pair, reduction="none")
        return loss + (nats * batch.counts).sum()

    def _token_loss(self, hidden: Tensor, batch: Tensors) -> Tensor:
        """Return sum(weights * nats) from the hidden states at the scored positions, [N, D]."""
        scored = self.head(hidden)  # [N, E]
        targets = batch.targets.flatten()[batch.scored]
        weights = batch.weights.flatten()[batch.scored]
        kind = compute_type(scored)
        return linear_cross_entropy(scored, self.output_weight, self.head.bias, targets, weights, kind, self.kernel)

    @staticmethod
    def _firsts(batch: Tensors) -> Tensor:
        """Return the flat place of each row's first position, int64[B]."""
        rows, length = batch.inputs.shape
        return torch.arange(0, rows * length, length, device=batch.inputs.device)

    def pair_nats(self, batch: Tensors) -> Tensor:
        """Return -log p of both classes of each pair [B, 2], without gradients."""
        if self.pair is None:
            raise UserError("This model has no head for pairs: train it with the objective nsp or sop.")
        with torch.no_grad():
            return -torch.log_softmax(self.pair(self.hidden(batch, self._firsts(batch))).float(), -1)

    def judged(self, batch: Tensors) -> Tensor:
        """Return the logits [B, T] that a token was replaced."""
        if self.judge is None:
            raise UserError("This model predicts tokens; only ELECTRA's discriminator detects replaced ones.")
        logits: Tensor = self.judge(self.hidden(batch))
        return logits

    def nats(self, batch: Tensors) -> Tensor:
        """Return -log p(target) of each scored position [N], in the order of `scored`, without gradients."""
        with torch.no_grad():
            hidden, weight, bias = self.before_logits(batch)
            targets = batch.targets.flatten()[batch.scored]
            return linear_nats(hidden, weight, bias, targets, compute_type(hidden))

    def before_logits(self, batch: Tensors) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return what the logits of scored positions are made of: hidden [N, E], weight [V, E], bias [V] or None."""
        return self.head(self.hidden(batch, batch.scored)), self.output_weight, self.head.bias

    def logits(self, batch: Tensors) -> Tensor:
        """Return the logits of all output positions, [B, T, V]."""
        return self.output(self.hidden(batch))

    def output(self, hidden: Tensor) -> Tensor:
        """Return the logits [..., V] of what a stack returned, [..., D]."""
        return F.linear(self.head(hidden), self.output_weight, self.head.bias)

    def recompute_layers(self) -> None:
        """Keep only what goes into each layer and compute the layer again in the backward pass; see `Stack`."""
        for stack in self.stacks:
            stack.recompute = True

    def compile_layers(self) -> None:
        """Compile the layers and the loss's kernel; later calls run the compiled form.

        All layers of a stack share one compilation. A stack has two forms, without and with a mask. A first shape is
        compiled for itself, the next one, as mixtures have them, for all others.
        """
        torch._dynamo.config.recompile_limit = 64
        for stack in self.stacks:
            stack.compile_layers()
        self.kernel = torch.compile(nats_and_slope, dynamic=True)
