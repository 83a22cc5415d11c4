"""The names of the objectives and what each teaches, without loading any of them: for help texts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "causal": "the next token (GPT)",
        "prefix": "the rest of a text whose beginning is seen from both sides (T5's prefix LM)",
        "fim": "the next token, with middles moved to the end (fill in the middle)",
        "masked": "hidden tokens, from both sides (BERT, RoBERTa)",
        "replaced": "which tokens a small model put in (ELECTRA)",
        "diffusion": "hidden tokens at any rate of hiding (LLaDA, MDLM)",
        "span": "hidden spans (T5)",
        "bart": "the whole text, from one that is shuffled and full of gaps",
        "ul2": "seven kinds of denoising in turn, told apart by mode tokens",
        "ul2-short": "what many tutorials call UL2: short, longer and extreme spans",
        "ul2r": "the four denoisers of UL2R, to go on training with",
        "joined": "an encoder-decoder's objective, for a decoder",
        "mixture": "several objectives in turn",
        "nsp": "masked, and whether a text follows another (BERT)",
        "sop": "masked, and whether two texts are swapped (ALBERT)",
    }
)
