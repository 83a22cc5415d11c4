"""The Transformer: one model for decoders, encoders and encoder-decoders.

Shapes: B rows, S positions of the input, T positions of the output, N scored or picked positions, D width,
E width of the embeddings, V vocabulary.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hornbook.errors import UserError
from hornbook.model import initialise
from hornbook.model.config import ModelConfig
from hornbook.model.heads import DiscriminatorHead, pair_head, reads_mean, task_head, vocabulary_head
from hornbook.model.inputs import Tensors, check_length
from hornbook.model.layers import Embeddings, Stack
from hornbook.model.loss import Kernel, linear_cross_entropy, linear_nats, nats_and_slope
from hornbook.model.parts import compute_type


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
        alone = config.topology == "encoder" or (both and config.task_head == "tag")  # as T5ForTokenClassification
        self.decoder = None if alone else Stack(config, behind, causal=True, cross=both)
        self.head = vocabulary_head(config)
        self.task = task_head(config)
        self.pair = pair_head(config)
        self.judge = DiscriminatorHead(config) if config.rtd_head and self.task is None else None
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
        if self.task is not None:
            raise UserError("This model has a head for a task and none for tokens: use `hornbook predict`.")
        return self.embed.tokens.weight if self.head.output is None else self.head.output.weight

    def loss(self, batch: Tensors) -> Tensor:
        """Return sum(weights * nats) over the batch's scored positions, a number in full precision.

        Where the batch has pairs of texts, each row's nats of the pair's class are added as often as the row counts:
        divided by the count of all rows, the loss is the mean over scored positions plus the mean over pairs, each pair
        weighted by its row's count. Dividing by the count of all micro-batches and processes is the caller's part.
        Of a model with a task it is that of the labels; see `task_nats`.
        """
        if self.task is not None:
            return self.task_nats(batch).sum()
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

    def task_logits(self, batch: Tensors) -> Tensor:
        """Return the logits [N, K] of the task at the scored positions, in full precision, in the order of `scored`.

        Where the class is that of the mean state, a row has one scored position, and it stands for the row.
        """
        if self.task is None:
            raise UserError("This model has no head for a task: make one with `hornbook transfer`.")
        if not reads_mean(self.config):
            logits: Tensor = self.task(self.hidden(batch, batch.scored)).float()
            return logits
        hidden = self.hidden(batch)  # [B, T, D]
        real = hidden.new_ones(hidden.shape[:2]) if batch.segments is None else (batch.segments != 0).to(hidden.dtype)
        mean = (hidden * real[..., None]).sum(1) / real.sum(1, keepdim=True)
        logits = self.task(mean[batch.scored // hidden.shape[1]]).float()
        return logits

    def task_nats(self, batch: Tensors) -> Tensor:
        """Return -log p of the truth: [N], weighted, of the labels of classes and tags; [B] of spans.

        Of a span, the bits of a scored position's target say whether it begins there (1) and whether it ends there (2);
        each of the two is one of the row's scored positions, and a row's nats are the mean over both.
        """
        logits, targets = self.task_logits(batch), batch.targets.flatten()[batch.scored]
        if self.config.task_head != "span":
            nats = F.cross_entropy(logits, targets, reduction="none")
            return nats * batch.weights.flatten()[batch.scored]
        rows, length = batch.targets.shape
        whole = logits.new_full((rows * length, 2), -math.inf)
        whole = whole.index_copy(0, batch.scored, logits)
        truth = torch.stack([targets & 1, targets >> 1 & 1], -1) * logits  # [N, 2]
        of_row = logits.new_zeros(rows, 2).index_add(0, batch.scored // length, truth)
        return (whole.view(rows, length, 2).logsumexp(1) - of_row).mean(-1)

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
