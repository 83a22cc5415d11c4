"""Collators for transformers' Trainer, Lightning or a plain loop, under the names that tutorials use.

Each takes a tokenizer (of transformers or tokenizers) and its objective's settings, is called with a list of features
and returns tensors under the names of transformers' models; `of` makes one for any objective, also for one of your own.
What all of them promise:

- A row's noise is a function of (seed, row, epoch): the same for any number of workers and processes, in any batch, at
  any place of it, and after a resume. Next-sentence pairs alone depend on the batch, from which they take their texts.
- Noise is new in each epoch if the collator knows the epoch: by `EpochCallback` under Trainer, `set_epoch` elsewhere.
- Without an "index" feature (see `Numbered`) two rows of equal tokens have equal noise.
- Nothing is drawn from a global generator, and rows are not changed.
"""

from hornbook.collators.by_name import of
from hornbook.collators.decoders import CausalLMCollator, FIMCollator, PrefixLMCollator
from hornbook.collators.electra import ElectraPretraining
from hornbook.collators.encoder_decoders import BARTDenoisingCollator, SpanCorruptionCollator, UL2Collator
from hornbook.collators.encoders import (
    ELECTRACollator,
    MaskedDiffusionCollator,
    MLMDataCollator,
    NSPDataCollator,
    SOPDataCollator,
    diffusion_loss,
)
from hornbook.collators.epochs import EpochCallback, Numbered
from hornbook.collators.tutorial import (
    CausalLMHead,
    GPTPretraining,
    LanguageModelingDataset,
    RoBERTaMLM,
    causal_lm_loss,
    create_causal_mask,
    create_masked_lm_example,
    create_nsp_pair,
    create_sop_pair,
    mask_tokens,
    mlm_loss,
)

__all__ = [
    "BARTDenoisingCollator",
    "CausalLMCollator",
    "CausalLMHead",
    "ELECTRACollator",
    "ElectraPretraining",
    "EpochCallback",
    "FIMCollator",
    "GPTPretraining",
    "LanguageModelingDataset",
    "MLMDataCollator",
    "MaskedDiffusionCollator",
    "NSPDataCollator",
    "Numbered",
    "PrefixLMCollator",
    "RoBERTaMLM",
    "SOPDataCollator",
    "SpanCorruptionCollator",
    "UL2Collator",
    "causal_lm_loss",
    "create_causal_mask",
    "create_masked_lm_example",
    "create_nsp_pair",
    "create_sop_pair",
    "diffusion_loss",
    "mask_tokens",
    "mlm_loss",
    "of",
]
