"""Collators for encoders: masked tokens, sentence pairs, replaced tokens, masked diffusion.

Shapes: B rows, T positions.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from hornbook.batch import Batch, Rows
from hornbook.collators.bridge import IGNORED, tensor, to_hugging_face
from hornbook.collators.rows import Collator, Features, named, vocabulary
from hornbook.errors import UserError
from hornbook.keys import integers
from hornbook.objectives.diffusion import MaskedDiffusion
from hornbook.objectives.masked import Masked, Style
from hornbook.objectives.ops import noise
from hornbook.objectives.replaced_token import ReplacedToken
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.vocab import Vocab

_PARTNER = 60  # stream of the row key


class MLMDataCollator(Collator[Masked]):
    """Masked language modelling, for BertForMaskedLM and its like; settings are those of `Masked`.

    mlm_probability      share of a row's words that is predicted, at least one unless style is iid
    mask_token_ratio     of these, the share shown as the mask; any share may be 0 or 1
    random_token_ratio   of these, the share shown as a random word, never as a special token
    style, static        see `Masked`

    Beside the usual tutorial's: no special token of the tokenizer is ever chosen or drawn; a row with a word has a
    label (but with style="iid", where each word is chosen on its own, a short row may have none); the rows given are
    not changed; masks are new in each epoch and need no global seed.
    """

    def __init__(
        self,
        tokenizer: Any,
        mlm_probability: float = 0.15,
        mask_token_ratio: float = 0.8,
        random_token_ratio: float = 0.1,
        style: Style = "exact",
        static: int = 0,
        seed: int = 0,
        pad_to_multiple_of: int | None = None,
    ) -> None:
        shares = mlm_probability, mask_token_ratio, random_token_ratio
        objective = Masked(*shares, style, static, vocab=vocabulary(tokenizer))
        super().__init__(objective, seed, pad_to_multiple_of=pad_to_multiple_of)

    def mask_tokens(self, input_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return masked inputs and labels of rows [B, T], padding where it was; `input_ids` is not changed."""
        ids = np.array(input_ids, np.int64)
        keys = self.reader([row[row != self.reader.pad] for row in ids]).keys
        batch = self.objective(Rows(ids, keys))  # padding is special, so it needs no segments to be left alone
        return tensor(batch.inputs), tensor(np.where(batch.weights != 0, batch.targets, IGNORED))


class ELECTRACollator(Collator[ReplacedToken]):
    """What ELECTRA's generator reads and predicts; `ElectraPretraining` makes the discriminator's side of it.

    mlm_probability    share of a row's words that the generator predicts
    mask_token_ratio   of these, the share shown as the mask; the others are shown as they are

    input_ids and labels serve ElectraForMaskedLM. The discriminator's replaced tokens are samples of a generator that
    trains beside it, so no collator can make them.
    """

    def __init__(
        self,
        tokenizer: Any,
        mlm_probability: float = 0.15,
        mask_token_ratio: float = 0.85,
        seed: int = 0,
        pad_to_multiple_of: int | None = None,
    ) -> None:
        objective = ReplacedToken(mlm_probability, mask_token_ratio, vocab=vocabulary(tokenizer))
        super().__init__(objective, seed, pad_to_multiple_of=pad_to_multiple_of)


class MaskedDiffusionCollator(Collator[MaskedDiffusion]):
    """Masked diffusion, for an encoder with a masked-language-modelling head and `compute_loss_func=diffusion_loss`.

    weighting   llada or mdlm; see `MaskedDiffusion`

    labels are float32[B, T, 2]: each word and its weight, 0 where it is shown, and -100 twice where there is no word. A
    model's own loss cannot use weights, and refuses labels of this shape rather than train on something else.
    """

    def __init__(
        self,
        tokenizer: Any,
        weighting: Literal["llada", "mdlm"] = "llada",
        seed: int = 0,
        pad_to_multiple_of: int | None = None,
    ) -> None:
        objective = MaskedDiffusion(weighting, vocab=vocabulary(tokenizer))
        super().__init__(objective, seed, pad_to_multiple_of=pad_to_multiple_of)

    def batch(self, rows: Rows, features: Features) -> dict[str, Tensor]:
        """Return input_ids and attention_mask [B, T], and labels [B, T, 2]."""
        batch = self.objective(rows)
        return to_hugging_face(batch, "encoder") | {"labels": weighted_labels(rows, batch, self.objective.vocab)}


def weighted_labels(rows: Rows, batch: Batch, vocab: Vocab) -> Tensor:
    """Return float32[B, T, 2], each word and its weight, for `diffusion_loss`, which divides by the number of words.

    Raises UserError where the objective divides by another number.
    """
    word = noise.candidates(rows, vocab.special)
    if batch.targets.shape != word.shape or (batch.count != word.sum(axis=1)).any():
        raise UserError("This objective has weights other than 0 and 1, which no loss of transformers knows.")
    labels = np.where(word[..., None], np.stack([batch.targets, batch.weights], axis=-1), IGNORED)
    return torch.from_numpy(labels.astype(np.float32))


def diffusion_loss(outputs: Any, labels: Tensor, num_items_in_batch: Tensor | int | None = None) -> Tensor:
    """Return sum(weights * nats) / words for the labels of a MaskedDiffusionCollator: Trainer's compute_loss_func.

    num_items_in_batch   Trainer's count of labels that are not -100 in all micro-batches and processes of the step,
                         which is twice the number of words; None = the words of this batch
    """
    words, weights = labels[..., 0].long(), labels[..., 1]
    scored = weights > 0
    nats = F.cross_entropy(outputs["logits"][scored].float(), words[scored], reduction="none")
    count = (words != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch / 2
    return (weights[scored] * nats).sum() / max(count, 1)


class NSPDataCollator(Collator[SentencePairs]):
    """Next-sentence prediction around masked tokens, for BertForPreTraining; settings are those of `SentencePairs`.

    Each feature is the text of one document, or a part of it. It is cut in two where a sentence begins; half of the
    rows get, as their second text, that of another row of the batch. Rows that share a "document" feature (a whole
    number) are never paired. next_sentence_label is 0 for the next sentence and 1 for a random one, as in BERT; many
    tutorials have it the other way round, pair with any sentence, and let one of the same document pass for random.

    max_length   positions of the model: longer texts are cut to fit, marks included

    A batch needs two rows of different documents for pairs of class 1, so the last batch of an epoch, if it is of one
    row, has none.
    """

    keeps_places = False  # token_type_ids are those of the pair

    def __init__(
        self,
        tokenizer: Any,
        mlm_probability: float = 0.15,
        mask_token_ratio: float = 0.8,
        random_token_ratio: float = 0.1,
        style: Style = "exact",
        short: float = 0.1,
        max_length: int = 512,
        seed: int = 0,
        pad_to_multiple_of: int | None = None,
    ) -> None:
        inner = Masked(mlm_probability, mask_token_ratio, random_token_ratio, style)
        objective = SentencePairs(inner, "nsp", short, vocab=vocabulary(tokenizer))
        longest = objective.row_length(max_length)
        super().__init__(objective, seed, bare=True, longest=longest, pad_to_multiple_of=pad_to_multiple_of)

    def batch(self, rows: Rows, features: Features) -> dict[str, Tensor]:
        """Return input_ids, attention_mask, token_type_ids, labels [B, T] and next_sentence_label [B]."""
        batch = self.objective(dataclasses.replace(rows, companion=companions(rows, features)))
        return _with_class(batch, "next_sentence_label")


def companions(rows: Rows, features: Features) -> NDArray[np.int64]:
    """Return another row's tokens for each row [B, T], -1 behind their end and where no other document is there.

    A row's document is its "document" feature; where it has none, it counts as one of its own.
    """
    size, document = len(rows), np.array([named(feature, "document", -1) for feature in features])
    other = (document[:, None] != document) | (document[:, None] < 0)
    np.fill_diagonal(other, False)
    choices = np.count_nonzero(other, axis=1)
    drawn = integers(rows.keys, 1, _PARTNER, np.maximum(choices, 1)[:, None])
    # The place of the row's chosen one among those that may be chosen.
    partner = np.argmax(other & (other.cumsum(axis=1) == drawn + 1), axis=1)
    there = rows.real[partner] & (choices > 0)[:, None]
    return np.where(there, rows.tokens[partner], -1).reshape(size, -1)


class SOPDataCollator(Collator[SentencePairs]):
    """Sentence-order prediction around masked n-grams, for AlbertForPreTraining; settings as in `SentencePairs`.

    Each feature is a text, cut in two where a sentence begins; half of the rows have the two swapped.
    sentence_order_label is 0 in order and 1 swapped, as in ALBERT; many tutorials have it the other way round.

    max_length   positions of the model: longer texts are cut to fit, marks included
    """

    keeps_places = False  # token_type_ids are those of the pair

    def __init__(
        self,
        tokenizer: Any,
        mlm_probability: float = 0.15,
        mask_token_ratio: float = 0.8,
        random_token_ratio: float = 0.1,
        style: Style = "ngram",
        short: float = 0.1,
        max_length: int = 512,
        seed: int = 0,
        pad_to_multiple_of: int | None = None,
    ) -> None:
        inner = Masked(mlm_probability, mask_token_ratio, random_token_ratio, style)
        objective = SentencePairs(inner, "sop", short, vocab=vocabulary(tokenizer))
        longest = objective.row_length(max_length)
        super().__init__(objective, seed, bare=True, longest=longest, pad_to_multiple_of=pad_to_multiple_of)

    def batch(self, rows: Rows, features: Features) -> dict[str, Tensor]:
        """Return input_ids, attention_mask, token_type_ids, labels [B, T] and sentence_order_label [B]."""
        return _with_class(self.objective(rows), "sentence_order_label")


def _with_class(batch: Batch, name: str) -> dict[str, Tensor]:
    assert batch.pair is not None
    return to_hugging_face(batch, "encoder") | {name: tensor(batch.pair)}
