"""Rows and Batch: the two records that travel, and every convention about them.

    Rows    what the corpus gives an objective
    Batch   what an objective gives a model

Shapes: B rows, S positions of the input, T positions of the output (T = S for encoders and decoders).

Conventions, in one place:
- Nothing is shifted inside a model: `targets[b, t]` is what the output at position t must predict.
- `weights == 0` means the position is not scored. The loss of any set of batches is
  sum(weights * nats) / sum(count), both summed over micro-batches and processes before dividing.
- `segments` numbers the documents of a row from 1; 0 is padding. `None` means the whole row is one document, unpadded.
- One rule says who sees whom: `allowed[q, k] = segments[q] == segments[k] != 0 and (k <= q or visible[k])`.
  `visible is None` means the topology's own default: all positions for an encoder, none ahead for a decoder.
  Cross-attention of an encoder-decoder follows segments too: a target sees only the inputs of its own document.
- Every row of a batch has the same shape whatever its noise, so a row's result never depends on its neighbours.

The module of each objective shows such a row in columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hornbook.keys import Keys

Topology = Literal["decoder", "encoder", "encoder-decoder"]
Integers = NDArray[np.integer]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of corpus tokens.

    tokens     int[B, T]
    keys       uint64[B]
    segments   int[B, T] (0 = padding) or None
    index      int64[B] or None: each row's number in the corpus, by which mixtures take turns
    companion  int[B, C] or None: text of another document for objectives that pair texts, -1 after its end
    progress   float64[B] or None: share of the run that is done when a row is read, by which objectives with a schedule
               change; None, as in every measurement, means that it is over
    """

    tokens: Integers
    keys: Keys
    segments: Integers | None = None
    index: NDArray[np.int64] | None = None
    companion: Integers | None = None
    progress: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        shape = self.tokens.shape
        if len(shape) != 2 or shape[1] == 0 or self.keys.shape != shape[:1]:
            raise ValueError(f"Rows need tokens [B, T], T >= 1, and keys [B], got {shape} and {self.keys.shape}")
        if self.segments is not None and self.segments.shape != self.tokens.shape:
            raise ValueError(f"segments {self.segments.shape} do not match tokens {self.tokens.shape}")
        for name, value in (("index", self.index), ("companion", self.companion), ("progress", self.progress)):
            if value is not None and len(value) != len(self.tokens):
                raise ValueError(f"{name} of {len(value)} rows does not match {len(self.tokens)} rows of tokens")

    def __len__(self) -> int:
        return int(self.tokens.shape[0])

    @property
    def real(self) -> Mask:
        """Return bool[B, T]: True where there is a token, False where there is padding."""
        return np.ones(self.tokens.shape, bool) if self.segments is None else self.segments != 0

    def take(self, chosen: NDArray[Any]) -> Rows:
        """Return the chosen rows, by number [N] or by bool[B]."""
        kept: dict[str, Any] = {name: value if value is None else value[chosen] for name, value in vars(self).items()}
        return Rows(**kept)


@dataclass(frozen=True, eq=False)
class Batch:
    """What the model sees and must predict; see the module's conventions.

    inputs            int[B, S]    tokens the model reads (encoder side of an encoder-decoder)
    targets           int[B, T]    tokens the outputs must predict
    weights           float32[B, T] how much each position counts; 0 = not scored
    count             float64[B]   each row's share of the loss's denominator (usually the sum of its weights)
    segments          int[B, S] or None
    visible           bool[B, S] or None: keys that every query of the same segment sees, ahead or not
    types             int[B, S] or None: sentence A = 0, sentence B = 1
    pair              int[B] or None: class of the sentence pair (0 = next / in order, 1 = random / swapped)
    decoder_inputs    int[B, T] or None
    decoder_segments  int[B, T] or None
    """

    inputs: Integers
    targets: Integers
    weights: NDArray[np.float32]
    count: NDArray[np.float64]
    segments: Integers | None = None
    visible: Mask | None = None
    types: Integers | None = None
    pair: Integers | None = None
    decoder_inputs: Integers | None = None
    decoder_segments: Integers | None = None

    def __len__(self) -> int:
        return int(self.inputs.shape[0])

    def rows(self, start: int, stop: int) -> Batch:
        """Return rows start..stop as a batch of their own (a view)."""
        chosen = slice(start, stop)
        kept: dict[str, Any] = {name: value if value is None else value[chosen] for name, value in vars(self).items()}
        return Batch(**kept)


def allowed(segments: Integers | None, visible: Mask | None, length: int, topology: Topology) -> Mask:
    """Return bool[B or 1, length, length], True where query q may see key k: the one mask rule, spelled out.

    The model computes the same rule in its own way; this one is for pictures and tests. For an encoder-decoder it
    gives the encoder's side.
    """
    position = np.arange(length)
    if topology != "decoder" and visible is None:
        sees = np.ones((1, length, length), bool)
    else:
        sees = (position[None, :] <= position[:, None])[None]
        if visible is not None:
            sees = sees | visible[:, None, :]
    if segments is None:
        return sees
    same = (segments[:, :, None] == segments[:, None, :]) & (segments[:, None, :] != 0)
    return np.asarray(sees & same)
