"""What a run begins with where its recipe is silent: sizes, rates, dropout. Plain numbers in, one choice out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from hornbook.model.config import ModelConfig
from hornbook.scaling.count import parameters

# (width, layers) from which a default model is chosen.
SIZES = ((128, 2), (128, 4), (192, 4), (256, 4), (320, 5), (384, 6), (512, 8), (640, 10), (768, 12), (1024, 16))
# Share of the matrix rate that training reaches, for choosing a size before anything was trained.
EXPECTED_SHARE = 0.4
# The model of a text that is too short for all of these.
SMALLEST = (64, 2)
# Tokens for each parameter of the layers. Large runs are best at about 20 (Hoffmann et al. 2022, approach 1); runs of
# minutes are best with fewer (docs/LOG.md).
TOKENS_PER_PARAMETER = 4
# Parameters of the layers for each token of the text: larger models learn it by heart (docs/LOG.md).
_PARAMETERS_PER_TOKEN = 4
# Entries of a vocabulary from which the budget chooses, and the law of how many are enough for D tokens that are read:
# 25 D ** 0.35 (docs/LOG.md). The best vocabulary grows more slowly than the rest (Tao et al. 2024).
ENTRIES = (1024, 1344, 1792, 2432, 3264, 4352, 5824, 7744, 10_304, 13_760, 16_384)
_ENTRIES_FACTOR, _ENTRIES_POWER = 25, 0.35
# A budget of minutes reads a text at most so often: beyond, a model forgets how to go on and recites. A causal model
# that begins from counts does so sooner (docs/LOG.md).
_MOST_EPOCHS, _MOST_COUNTED_EPOCHS = 80, 30
# (most readings, dropout): reading a text up to four times is as good as new text (Muennighoff et al. 2023); models
# that begin from counts learn it sooner, and by heart sooner (docs/LOG.md).
_DROPOUT = ((3, 0.0), (11, 0.1), (17, 0.2), (70, 0.3), (math.inf, 0.4))
# The same where noise is drawn anew at each reading: what it hides is nearly new text (docs/LOG.md).
_NOISY_DROPOUT = ((35, 0.0), (math.inf, 0.1))
# A step reads at least so many tokens, and so many for each unit of the width: Muon's work is done once a step, and is
# about 4.3 width / tokens of the rest: a fifth (docs/LOG.md).
_STEP_TOKENS, _STEP_TOKENS_PER_WIDTH = 4096, 20
# A step of pairs of texts, which have one label a row, reads this share of that: they need steps more than tokens
# (docs/LOG.md).
_PAIRED_SHARE = 0.5
# A causal run of few tokens is better with smaller steps: 0.58 D ** 0.571 tokens for D in all (Li et al. 2025, "step
# law"), but not so few for each unit of the width that Muon's work tells (docs/LOG.md).
_LAW_FACTOR, _LAW_POWER, _FEWEST_STEP_TOKENS_PER_WIDTH = 0.58, 0.571, 16
# The steps of a run for which Muon's rate is as it is (docs/LOG.md).
_RATED_STEPS = 300
# On a CPU compilation takes about half a minute for each shape of batches and makes steps a fifth faster (docs/LOG.md).
COMPILE_MINUTES = 5.0
COMPILE_SECONDS, COMPILED_SHARE = 30.0, 0.8
MEASUREMENTS = 10  # on held-out text during a run


def default_muon_learning_rate(width: int, steps: float = _RATED_STEPS) -> float:
    """Return the peak rate of Muon's part for matrices of a model of this width, in a run of so many steps.

    Muon's step has one size a number, so in a wider matrix it moves more at once: its singular values, all equal, grow
    with the root of the width, while those of the matrix's first values do not. The rate makes up for it, which keeps
    the step's largest singular value ("spectral condition", Yang et al. 2023, section 2); its size is docs/LOG.md's.
    A decoder's rate falls with the root of its steps too, as far as that was measured: from 75 to 600 steps.

    >>> default_muon_learning_rate(128), default_muon_learning_rate(512), default_muon_learning_rate(128, 75)
    (0.006, 0.003, 0.012)
    """
    few, many = _RATED_STEPS / 4, _RATED_STEPS * 2
    return 6e-3 * math.sqrt(128 / width * _RATED_STEPS / min(max(steps, few), many))


def default_learning_rate(model: ModelConfig, optimizer: str, steps: float = _RATED_STEPS) -> float:
    """Return the peak rate of AdamW for a new model in a run of so many steps; beside Muon it is that of the rest.

    A head of counts is right already, and large: with the usual rate it would lag behind the layers. A T5, of which it
    trains norms and biases beside the table, gained as well. The rate falls with the roots of width and steps, between
    300 and 1,200 steps (docs/LOG.md).
    """
    counted = model.start == "counts" and optimizer == "muon"
    if counted and (model.topology == "encoder-decoder" or (model.topology == "decoder" and not model.tied)):
        return 0.012 * math.sqrt(
            128 / max(model.width, 128) * _RATED_STEPS / min(max(steps, _RATED_STEPS), 4 * _RATED_STEPS)
        )
    return 3e-3


def default_muon_momentum(steps: int) -> float:
    """Return how much of its mean Muon's momentum keeps at each step of a run of so many steps.

    The mean reaches 1 / (1 - momentum) steps back: a thirtieth of the run, from 5 to 20 steps (docs/LOG.md).

    >>> default_muon_momentum(75), default_muon_momentum(300), default_muon_momentum(1000)
    (0.8, 0.9, 0.95)
    """
    return min(0.95, max(0.8, 1 - 30 / steps))


def default_embedding_rate(model: ModelConfig) -> float:
    """Return the peak rate of a new model's table of tokens, in deviations of its first values; 0 = the others'."""
    if model.start == "counts" and not model.tied:
        return 0.03  # they are right already, and soon spoilt (docs/LOG.md)
    if model.topology == "decoder":
        return 0.75  # docs/LOG.md
    if model.topology == "encoder":
        return 0.1 if model.start == "counts" else 0.0  # docs/LOG.md
    # The values of a T5 with a tied head are so large that with the others' rate they would hardly move (docs/LOG.md).
    return 0.1 if model.output_scale == "width" else 0.0


def default_dropout(epochs: float, parameters: float, tokens: float, *, noisy: bool) -> float:
    """Return the dropout of a model whose layers have so many parameters, for a text that is read so often.

    A model learns a text by heart the sooner, the more parameters it has for each of its tokens: a reading counts by
    the root of their ratio. `noisy`: each reading hides other tokens, and counts as it is (docs/LOG.md).

    >>> [default_dropout(epochs, 4e5, 4e5, noisy=False) for epochs in (3, 3.1, 12, 40)]
    [0.0, 0.1, 0.2, 0.3]
    >>> default_dropout(12, 4e5, 4e6, noisy=False), default_dropout(12, 4e5, 4e5, noisy=True)
    (0.1, 0.0)
    """
    readings = epochs if noisy else epochs * math.sqrt(parameters / tokens)
    return next(share for most, share in (_NOISY_DROPOUT if noisy else _DROPOUT) if readings <= most)


def heads_of(width: int) -> int:
    """Return the heads of a model of this width: 64 wide, but two from a width of 64 on (docs/LOG.md).

    >>> [heads_of(width) for width in (32, 64, 128, 192)]
    [1, 2, 2, 3]
    """
    return max(1, width // 64, 2 if width >= 64 and width % 4 == 0 else 1)


def most_epochs(counted: bool) -> int:
    """Return how often a budget of minutes reads a text, at most; `counted`: a causal model that begins from counts."""
    return _MOST_COUNTED_EPOCHS if counted else _MOST_EPOCHS


def layer_parameters(model: ModelConfig) -> int:
    """Return the parameters of a model but for its embedding and its head."""
    return parameters(model) - model.vocab_size * model.table_width * (1 if model.tied else 2)


def default_size(model: ModelConfig, tokens: float, text: float = math.inf) -> tuple[int, int]:
    """Return the largest (width, layers) that is trained on enough of `tokens` a parameter, embedding and head apart.

    Of the tokens of its text each serves a few parameters at most. Shared layers count as often as they compute.
    """
    most, found = min(tokens / TOKENS_PER_PARAMETER, _PARAMETERS_PER_TOKEN * text), SMALLEST
    for width, layers in SIZES:
        sized = replace(model, width=width, layers=layers, heads=heads_of(width), shared_layers=False)
        size = layer_parameters(sized)
        if size > most and (found != SMALLEST or size > _PARAMETERS_PER_TOKEN * text):
            break  # each is larger than those before it
        found = width, layers
    return found


def most_entries(tokens: Callable[[int], float]) -> int:
    """Return the entries that are enough for what is read; `tokens` says how many tokens that is with so many entries.

    >>> most_entries(lambda _: 5e4), most_entries(lambda entries: 6e8 / (entries + 1000)), most_entries(lambda _: 1e9)
    (1024, 1792, 16384)
    """
    enough = (most for most in ENTRIES if most <= _ENTRIES_FACTOR * tokens(most) ** _ENTRIES_POWER)
    return max(enough, default=ENTRIES[0])


def step_rows(width: int, length: int, *, paired: bool = False, planned: float = math.inf) -> int:
    """Return the rows of a step, a power of two, by the width and by the tokens that the whole run is to read.

    A budget in steps says nothing about tokens, and is not a reason for small ones.
    """
    tokens: float = max(_STEP_TOKENS, _STEP_TOKENS_PER_WIDTH * width) * (_PAIRED_SHARE if paired else 1)
    most = math.ceil(math.log2(tokens / length))
    if planned < math.inf:
        fewest = math.ceil(math.log2(_FEWEST_STEP_TOKENS_PER_WIDTH * width / length))
        most = min(most, max(fewest, round(math.log2(_LAW_FACTOR * planned**_LAW_POWER / length))))
    return 1 << max(0, most)
