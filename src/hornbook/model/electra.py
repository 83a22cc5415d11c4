"""Electra: a generator that fills masks and a discriminator that finds what it changed (Clark et al. 2020).

    inputs -> embed -> generator -> nats of the masked tokens, and one sample for each
    inputs with samples -> embed -> encoder -> judge -> replaced or not, at every token

The embeddings are shared: the tables and their norm, of width E. Each half has its own map from E to its width, where
the two differ. The discriminator is the model that is kept; its parameters have the names a Transformer gives them, and
`halves` gives those of the generator such names too. `joined` is the way back.

Shapes: B rows, T positions, N scored positions, D width, G width of the generator, E width of the embeddings,
V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hornbook import keys
from hornbook.errors import UserError
from hornbook.model import initialise
from hornbook.model.config import ModelConfig
from hornbook.model.heads import DiscriminatorHead
from hornbook.model.inputs import Tensors, check_length
from hornbook.model.layers import ACTIVATIONS, Embeddings, Stack
from hornbook.model.loss import Kernel, linear_cross_entropy, linear_nats, nats_and_slope
from hornbook.model.parts import Linear, compute_type, make_norm
from hornbook.model.transformer import Transformer

# Shares of the vocabulary are whole numbers of 2**-40 when they are summed: such a sum has no order.
_UNIT = 2.0**40
_ROWS = 1024  # of logits at once
# The generator's names here, and those of the same parts of a Transformer.
_GENERATOR = (
    ("generator.into.", "embed.project."),
    ("generator.stack.", "encoder."),
    ("generator.dense.", "head.dense."),
    ("generator.norm.", "head.norm."),
    ("generator.bias", "head.bias"),
)


def discriminator_config(config: ModelConfig) -> ModelConfig:
    """Return the config of the discriminator as a model of its own: a judge in place of the head."""
    return replace(config, rtd_head=True, head_transform=False, head_bias=False, tied=True, output_scale="none")


def generator_config(config: ModelConfig, share: float) -> ModelConfig:
    """Return the config of a generator of about `share` of the width, and as many layers (section 3.2).

    With it, a masked language model of BERT's block is exactly the generator; `config` may be the discriminator's.
    """
    width = max(8, 8 * round(config.width * share / 8))
    wanted = max(1, round(config.heads * share))
    heads = max(number for number in range(1, wanted + 1) if width % (2 * number) == 0)
    inner = max(8, round(config.mlp_width * share)) if config.mlp_width else 0
    return replace(
        config, width=width, embedding_width=config.table_width, heads=heads, kv_heads=0, head_width=0, mlp_width=inner,
        rtd_head=False, head_transform=True, head_bias=True,
    )  # fmt: skip


def generator_share(discriminator: ModelConfig, generator: ModelConfig) -> float:
    """Return the share with which `generator_config` gives this generator, or refuse the two in words."""
    share = generator.width / discriminator.width
    made = generator_config(discriminator, share)
    for name in ("vocab_size", "max_length", "table_width", "token_types", "layers", "width", "heads", "inner_width"):
        if getattr(made, name) != getattr(generator, name):
            raise UserError(
                f"The generator does not match this discriminator: its {name} is {getattr(generator, name)}, but at "
                f"{share:g} of the width it must be {getattr(made, name)}."
            )
    return share


def halves(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the states of (discriminator, generator), each a Transformer's, from that of an Electra.

    The embeddings are in both. Raises ValueError where the generator has a parameter that no Transformer has.
    """
    discriminator = {name: value for name, value in state.items() if not name.startswith("generator.")}
    generator = {name: value for name, value in state.items() if _is_shared(name)}
    for ours, theirs in _GENERATOR:
        generator |= {theirs + name.removeprefix(ours): v for name, v in state.items() if name.startswith(ours)}
    return discriminator, generator


def joined(discriminator: Mapping[str, Tensor], generator: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the state of an Electra from those of its halves: `halves`, read the other way.

    An empty generator leaves its parameters out: `load_state_dict(..., strict=False)` then keeps its first values.
    Raises UserError where the two have other embeddings: then they were not trained together.
    """
    found = dict(discriminator)
    for name, value in generator.items():
        if not _is_shared(name):
            theirs, ours = next((theirs, ours) for ours, theirs in _GENERATOR if name.startswith(theirs))
            found[ours + name.removeprefix(theirs)] = value
        elif name not in found or not torch.equal(found[name], value):
            raise UserError(
                f"The generator does not match this discriminator: they share embeddings, but {name} differs."
            )
    return found


def _is_shared(name: str) -> bool:
    return name.startswith("embed.") and not name.startswith("embed.project.")


class Generator(nn.Module):
    """A narrow encoder between the embeddings' width and back: into, layers, dense, activation, norm, bias."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        narrow, width = config.table_width, config.width
        self.into = Linear(narrow, width, bias=True) if width != narrow else None
        self.stack = Stack(config, config.layers, causal=False, cross=False)
        self.dense = Linear(width, narrow, bias=True)
        self.activation = ACTIVATIONS[config.activation]
        self.norm = make_norm(config, narrow)
        self.bias = nn.Parameter(torch.empty(config.vocab_size))

    def forward(self, x: Tensor, batch: Tensors) -> Tensor:
        """Return what the embedding matrix is multiplied with at the scored positions, [N, E], for x [B, T, E]."""
        narrow = x if self.into is None else self.into(x).to(x.dtype)  # the residual stream keeps its precision
        hidden = self.stack(narrow, batch.segments, batch.visible, picked=batch.scored)  # [N, G]
        output: Tensor = self.norm(self.activation(self.dense(hidden)))
        return output


class Electra(nn.Module):
    """A generator and a discriminator, trained together.

    The loss of a row is the mean of the generator's nats over its m masked tokens, plus `weight` times the mean of the
    discriminator's over its n real ones (specials included, as in the released code); rows count in proportion to m.
    That is sum(nats of masked tokens) + weight * m / n * sum(nats of real tokens), over the sum of m, which any split
    into micro-batches leaves the same; it is the paper's sum of two batch means where all rows have the same m / n.
    """

    def __init__(self, config: ModelConfig, share: float, weight: float) -> None:
        super().__init__()
        if config.topology != "encoder":
            raise UserError(f"Replaced-token detection needs an encoder, but model.topology is {config.topology}.")
        self.config = config
        self.weight = weight
        self.inner = generator_config(config, share)
        self.embed = Embeddings(config)
        self.generator = Generator(self.inner)
        self.encoder = Stack(config, config.layers, causal=False, cross=False)
        self.judge = DiscriminatorHead(config)
        self.kernel: Kernel = nats_and_slope
        self.initialise(0)

    def initialise(self, seed: int) -> None:
        """Give all parameters their first values, and the samples their seed."""
        self.register_buffer("factors", row_factors(seed, self.config.max_length), persistent=False)
        if self.embed.tokens.weight.is_meta:
            return
        named = list(self.named_parameters())
        for part, config in ((True, self.inner), (False, self.config)):
            mine = [(name, value) for name, value in named if name.startswith("generator.") == part]
            initialise.initialise(mine, config, seed)

    def loss(self, batch: Tensors) -> Tensor:
        """Return the batch's share of the numerator, a number in full precision; see the class."""
        hidden = self.generator(self._embedded(batch.inputs, batch), batch)
        targets, weights = batch.targets.flatten()[batch.scored], batch.weights.flatten()[batch.scored]
        kind = compute_type(hidden)
        table, bias = self.embed.tokens.weight, self.generator.bias
        said = linear_cross_entropy(hidden, table, bias, targets, weights, kind, self.kernel)
        logits, replaced = self._judged(batch, hidden)
        nats = F.binary_cross_entropy_with_logits(logits, replaced.float(), reduction="none")
        real = torch.ones_like(nats) if batch.segments is None else (batch.segments != 0).float()
        ratio = batch.weights.sum(1) / real.sum(1).clamp(min=1.0)  # m / n, [B]
        return said + self.weight * (ratio[:, None] * real * nats).sum()

    def nats(self, batch: Tensors) -> Tensor:
        """Return the generator's -log p(target) of each scored position [N], without gradients."""
        with torch.no_grad():
            hidden, weight, bias = self.before_logits(batch)
            targets = batch.targets.flatten()[batch.scored]
            return linear_nats(hidden, weight, bias, targets, compute_type(hidden))

    def before_logits(self, batch: Tensors) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return what the generator's logits at the scored positions are made of; see `Transformer.before_logits`."""
        hidden = self.generator(self._embedded(batch.inputs, batch), batch)
        return hidden, self.embed.tokens.weight, self.generator.bias

    def untouched_nats(self, batch: Tensors) -> Tensor:
        """Return -log(1 - p(replaced)) of each scored position [N] of the inputs as they are, without gradients."""
        with torch.no_grad():
            inside = self.embed.widened(self._embedded(batch.inputs, batch))
            outputs = self.encoder(inside, batch.segments, batch.visible, picked=batch.scored)
            return F.softplus(self.judge(outputs))

    def judged(self, batch: Tensors) -> tuple[Tensor, Tensor]:
        """Return (logits, replaced), both [B, T]: how sure the discriminator is of each token, and what is true."""
        with torch.no_grad():
            return self._judged(batch, self.generator(self._embedded(batch.inputs, batch), batch))

    def _judged(self, batch: Tensors, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Put samples in the scored places and judge all; no gradient passes through the samples."""
        shown = batch.inputs.clone()
        shown.view(-1)[batch.scored] = self._samples(batch, hidden.detach())
        outputs = self.encoder(self.embed.widened(self._embedded(shown, batch)), batch.segments, batch.visible)
        return self.judge(outputs), shown != batch.targets

    @torch.no_grad()
    def _samples(self, batch: Tensors, hidden: Tensor) -> Tensor:
        """Draw a token for each scored position, int64[N], from the generator's distribution."""
        kind = compute_type(hidden)
        draws = uniform(batch.inputs, batch.scored, self.get_buffer("factors"))
        found = torch.empty_like(batch.scored)
        with torch.autocast(hidden.device.type, enabled=False):
            table, bias = self.embed.tokens.weight.to(kind), self.generator.bias.to(kind)
            for start in range(0, len(hidden), _ROWS):
                rows = slice(start, start + _ROWS)
                shares = torch.softmax(F.linear(hidden[rows].to(kind), table, bias).float(), -1)
                upto = (shares * _UNIT).to(torch.int64).cumsum_(-1)  # [C, V]
                wanted = (draws[rows, None] * upto[:, -1:]).to(torch.int64)
                found[rows] = torch.searchsorted(upto, wanted, right=True)[:, 0]
        return found.clamp_(max=self.config.vocab_size - 1)

    def _embedded(self, tokens: Tensor, batch: Tensors) -> Tensor:
        """Return the shared embeddings of tokens int64[B, T], [B, T, E]."""
        check_length(self.config.max_length, tokens)
        return self.embed.narrow(tokens, self.embed.places(tokens, batch.segments), batch.types)

    @property
    def stacks(self) -> list[Stack]:
        """That of each half."""
        return [self.encoder, self.generator.stack]

    def recompute_layers(self) -> None:
        for stack in self.stacks:
            stack.recompute = True

    def compile_layers(self) -> None:
        torch._dynamo.config.recompile_limit = 64
        for stack in self.stacks:
            stack.compile_layers()
        self.kernel = torch.compile(nats_and_slope, dynamic=True)


def row_factors(seed: int, length: int) -> Tensor:
    """Return what `uniform` multiplies the tokens of a row with, odd int64[length]; those of a longer row begin so."""
    words = keys.bits(keys.fold(np.uint64(seed % 2**64), np.zeros(1, np.int64)), length, 0)[0] | np.uint64(1)
    return torch.from_numpy(words.view(np.int64))


def uniform(tokens: Tensor, places: Tensor, factors: Tensor) -> Tensor:
    """Return a number in [0, 1) for each flat place [N] of rows int64[B, T], float64[N].

    A function of the seed that gave the `row_factors` [T or more], the row's tokens and the place in the row alone,
    whatever other rows there are.
    """
    length = tokens.shape[1]
    row = ((tokens + 1) * factors[:length]).sum(1)  # modulo 2**64
    words = row[places // length] + (places % length + 1) * _signed(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        words = (words ^ _shifted(words, shift)) * _signed(factor)
    return _shifted(words, 11).double() * 2.0**-53


def _shifted(words: Tensor, places: int) -> Tensor:
    """Shift 64-bit words to the right, zeros coming in."""
    shifted: Tensor = (words >> places) & (2 ** (64 - places) - 1)
    return shifted


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word


Model = Transformer | Electra
