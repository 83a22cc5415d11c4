"""Which trainings a transfer has: for each number of shots one for each rate, by one seed, then the final ones.

Every seed has a head, an order and dropout of its own, and of few shots its own draw; none of the final ones is that by
which the rate was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hornbook import keys
from hornbook.transfer.finetune import Trial, default_epochs
from hornbook.transfer.request import Request

FEWEST_STEPS = 100  # of a training whose epochs are not given: few examples are read more often
_DRAW = 0x73686F74  # stream of the keys


def rate_trials(request: Request, size: int, shots: int, rates: Sequence[float]) -> list[Trial]:
    """Return the trainings that choose a rate, on `shots` of `size` examples; none where there is no choice."""
    if len(rates) == 1:
        return []
    return [_trial(request, size, shots, 0, rate, f"rate-{rate:g}") for rate in rates]


def final_trials(request: Request, size: int, shots: int, rate: float) -> list[Trial]:
    """Return the trainings whose test is scored."""
    return [_trial(request, size, shots, number, rate, f"seed-{number}") for number in range(1, request.seeds + 1)]


def _trial(request: Request, size: int, shots: int, number: int, rate: float, name: str) -> Trial:
    chosen = drawn(size, shots, request.seed, number)
    epochs, least = request.epochs, 0
    if not epochs:
        epochs, least = default_epochs(len(chosen)), FEWEST_STEPS
    seed = int(keys.fold(np.uint64(request.seed), number)) >> 1
    return Trial(f"{f'{shots}-shots' if shots else 'all'}-{name}", chosen, rate, seed, epochs, least, final=number > 0)


def drawn(size: int, shots: int, seed: int, number: int) -> tuple[int, ...]:
    """Return which of `size` examples the training `number` learns from: all for 0 shots, else plain draws by key.

    Draws are balanced by nothing: a class may be missing, as it would be to whoever labels so few examples.
    """
    if not shots:
        return tuple(range(size))
    found = keys.permute(np.arange(shots), size, keys.fold(np.uint64(seed), number, _DRAW))
    return tuple(sorted(found.tolist()))
