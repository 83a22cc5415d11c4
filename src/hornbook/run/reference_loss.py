"""How hard a text is for a reference model: the bits of each byte, by a causal run of ours, as a corpus's step.

With the field it adds, `mix.order` makes a curriculum from easy text to hard text; with its limits, text that the model
finds too easy (repetition, lists) or too hard (noise) is dropped, as Wenzek et al. (2020, "CCNet") and Marion et al.
(2023, "When less is more") do by a model's perplexity.

Shapes: N tokens of a document, T positions of the model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hornbook.corpus.step import Page, Verdicts
from hornbook.errors import UserError

if TYPE_CHECKING:
    from hornbook.run.directory import OpenRun


@dataclass(frozen=True)
class ReferenceLoss:
    """Measure the loss of documents under a small causal model; drop those outside the limits.

    run        run directory of the model
    field      field for the bits per byte
    min_bits   minimum bits per byte; 0 = no limit
    max_bits   maximum bits per byte; 0 = no limit
    """

    run: str
    field: str = "reference_loss"
    min_bits: float = 0.0
    max_bits: float = 0.0

    def __post_init__(self) -> None:
        if self.min_bits < 0 or self.max_bits < 0 or 0 < self.max_bits < self.min_bits:
            raise UserError(f"reference-loss needs 0 <= min_bits <= max_bits, not {self.min_bits} and {self.max_bits}.")

    def __call__(self, page: Page) -> Verdicts:
        """Measure each document; no text changes."""
        directory = Path(self.run)
        bits = bits_per_byte(_opened(directory, _stamp(directory)), page.texts)
        easy, hard = f"{self.field}: too easy", f"{self.field}: too hard"
        most = self.max_bits or math.inf
        reasons = [easy if value < self.min_bits else hard if value > most else "" for value in bits]
        return Verdicts(page.texts, reasons, [{self.field: value} for value in bits])


def bits_per_byte(run: OpenRun, texts: Sequence[str]) -> list[float]:
    """Return the bits that the run's model needs for a byte of each text, rounded to 4 places; 0 for an empty text.

    A text is cut into pieces of the model's length, each read from its own first token on, and each document is read
    alone on one processor: its number depends on nothing else, and its length costs no memory but that of its tokens.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums depend on how many share them
    try:
        return [_bits_per_byte(run, text) for text in texts]
    finally:
        torch.set_num_threads(threads)


def _bits_per_byte(run: OpenRun, text: str) -> float:
    from hornbook.batch import Batch
    from hornbook.model.inputs import to_tensors

    nats, length = 0.0, run.recipe.row_length
    begin, _ = run.recipe.objective.boundary_tokens
    assert begin  # without a start mark the first token would not be scored, and its bytes not count
    tokens = np.concatenate([np.array(begin, np.int32), *run.tokenizer.encode([text])])
    for start in range(0, len(tokens) - 1, length):
        inputs, targets = tokens[start : start + length], tokens[start + 1 : start + 1 + length]
        inputs = inputs[: len(targets)]
        batch = Batch(inputs[None], targets[None], np.ones((1, len(targets)), np.float32), np.array([len(targets)]))
        nats += float(run.model.nats(to_tensors(batch, run.device)).double().sum())
    if not math.isfinite(nats):
        raise UserError(
            f"The loss of the reference model in {run.directory} is {nats}: name a run that did not diverge."
        )
    return round(nats / math.log(2) / max(1, len(text.encode())), 4)


def _stamp(directory: Path) -> int:
    from hornbook.run.directory import CHECKPOINTS

    try:
        return (directory / CHECKPOINTS).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=2)
def _opened(directory: Path, stamp: int) -> OpenRun:
    """Return the run, on this machine's processor, in the state that its time of change names."""
    import torch

    from hornbook.objectives.base import says_every_token
    from hornbook.run.directory import open_run

    run = open_run(directory)
    if not says_every_token(run.recipe.objective):
        raise UserError(
            f"reference-loss.run needs a causal model, which the run in {directory} is not: name another run."
        )
    device = torch.device("cpu")
    return replace(run, model=run.model.to(device), device=device)
