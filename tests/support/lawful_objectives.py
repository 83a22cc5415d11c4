"""Every objective in the variants that the laws are held to, and rows for them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from small_vocab import (
    PAD,
    WORDS,
    vocabulary,
)

from hornbook.batch import Rows
from hornbook.keys import row_keys
from hornbook.objectives.bart import BARTDenoising
from hornbook.objectives.base import Objective
from hornbook.objectives.causal import Causal
from hornbook.objectives.diffusion import MaskedDiffusion
from hornbook.objectives.fim import FillInMiddle
from hornbook.objectives.joined import Joined
from hornbook.objectives.masked import Masked
from hornbook.objectives.mixture import Mixture
from hornbook.objectives.prefix import PrefixLM
from hornbook.objectives.replaced_token import ReplacedToken
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.objectives.ul2 import UL2
from hornbook.objectives.ul2_denoiser import UL2Denoiser

VOCAB = vocabulary()


OBJECTIVES = [
    Causal(VOCAB),
    PrefixLM(vocab=VOCAB),
    PrefixLM(mean_target=0.8, vocab=VOCAB),
    PrefixLM("encoder-decoder", vocab=VOCAB),
    PrefixLM("encoder-decoder", mean_target=0.15, vocab=VOCAB),
    FillInMiddle(vocab=VOCAB),
    FillInMiddle(rate=1.0, spm_share=0.0, vocab=VOCAB),
    FillInMiddle(rate=1.0, spm_share=1.0, vocab=VOCAB),
    MaskedDiffusion(vocab=VOCAB),
    MaskedDiffusion("mdlm", vocab=VOCAB),
    Masked(vocab=VOCAB),
    Masked(style="iid", vocab=VOCAB),
    Masked(style="whole_word", vocab=VOCAB),
    Masked(style="ngram", static=10, vocab=VOCAB),
    Masked(rate=0.5, style="span", vocab=VOCAB),
    Masked(rate=0.6, final_rate=0.1, vocab=VOCAB),
    Masked(rate=0.2, final_rate=0.5, style="whole_word", vocab=VOCAB),
    Masked(rate=1.0, mask_share=1.0, random_share=0.0, vocab=VOCAB),
    Masked(rate=0.5, mask_share=0.0, random_share=1.0, static=10, vocab=VOCAB),
    ReplacedToken(vocab=VOCAB),
    SpanCorruption(vocab=VOCAB),
    SpanCorruption(density=0.5, mean_span=3.0, vocab=VOCAB),
    SpanCorruption(density=0.15, mean_span=64.0, vocab=VOCAB),
    SpanCorruption(density=0.5, mean_span=1.0, vocab=VOCAB),
    SpanCorruption(density=0.3, mean_span=2.0, roll=True, vocab=VOCAB),
    BARTDenoising(vocab=VOCAB),
    BARTDenoising(infill=0.2, mean_span=1.0, rotate=0.5, delete=0.2, mask=0.1, vocab=VOCAB),
    BARTDenoising(infill=0.0, permute=False, delete=0.5, vocab=VOCAB),
    UL2(vocab=VOCAB),
    UL2(sequential="split", weights=(1, 1, 3, 1, 1, 1, 2), vocab=VOCAB),
    UL2("ul2r", modes=(), vocab=VOCAB),
    UL2("short", sequential="split", vocab=VOCAB),
    UL2Denoiser("split", mode="[S]", mark="[R]", vocab=VOCAB),
    UL2Denoiser("suffix", density=0.25, vocab=VOCAB),
    Joined(vocab=VOCAB),
    Joined(UL2(), "causal", vocab=VOCAB),
    Mixture(vocab=VOCAB),
    Mixture((SpanCorruption(), BARTDenoising(), SpanCorruption(0.5)), (0.5, 0.3, 0.2), vocab=VOCAB),
    SentencePairs(short=0.0, vocab=VOCAB),
    SentencePairs(Masked(style="iid"), "sop", short=0.0, vocab=VOCAB),
]


@st.composite
def rows_for(draw: st.DrawFn, objective: Objective) -> Rows:
    """Rows as a packer makes them: documents of any length, each row as long as the others, padding at the end."""
    length = objective.row_length(draw(st.integers(3, 80)))
    number = draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    tokens = random.choice(WORDS, (number, length)).astype(np.int32)
    sides = objective.topology == "encoder-decoder" or isinstance(objective, Joined)
    if not sides and any(objective.boundary_tokens):  # where the packer puts marks
        marked = random.random((number, length)) < draw(st.sampled_from([0.0, 0.1, 1.0]))
        tokens[marked] = random.integers(1, 5, int(marked.sum()))
    keys = row_keys(draw(st.integers(0, 100)), np.arange(number), 0)
    progress = random.random(number) if draw(st.booleans()) else None
    if draw(st.integers(0, 4)) == 0:
        return Rows(tokens, keys, None, progress=progress)
    segments = np.zeros((number, length), np.int32)
    mean = draw(st.sampled_from([1, 2, 4, 10, 100]))
    for row in segments:
        real = draw(st.sampled_from([length, length, length - 1, 1, 0, length // 2]))
        breaks = random.random(real) < 1 / mean
        row[:real] = 1 + breaks.cumsum() - (breaks[0] if real else 0)
    tokens[segments == 0] = PAD
    return Rows(tokens, keys, segments, progress=progress)
