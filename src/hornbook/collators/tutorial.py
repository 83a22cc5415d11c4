"""The small functions and classes of tutorials, under their names, each a few lines over the core.

Every docstring says what differs from the version that circulates.

Shapes: B rows, T tokens of a row, D width, V vocabulary.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hornbook.batch import Batch, Integers, Rows
from hornbook.collators.bridge import IGNORED, tensor, to_hugging_face
from hornbook.collators.encoders import MLMDataCollator
from hornbook.collators.rows import padding, vocabulary
from hornbook.errors import UserError
from hornbook.model.attention import document_positions
from hornbook.objectives.causal import Causal
from hornbook.vocab import Vocab


def mask_tokens(
    inputs: Tensor,
    tokenizer: Any,
    mlm_probability: float = 0.15,
    mask_token_ratio: float = 0.8,
    random_token_ratio: float = 0.1,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Return masked inputs and labels [B, T], -100 where nothing is predicted.

    Differs: `inputs` is not changed; no special token is masked or drawn; each row with a word has a label; any share
    is possible, also a mask_token_ratio of 1; the same seed and row give the same masks.
    """
    collator = MLMDataCollator(tokenizer, mlm_probability, mask_token_ratio, random_token_ratio, seed=seed)
    return collator.mask_tokens(inputs)


def create_masked_lm_example(
    tokens: Sequence[int], tokenizer: Any, mask_prob: float = 0.15, seed: int = 0
) -> tuple[Tensor, Tensor, list[int]]:
    """Return inputs and labels [T] of one row, and the places that are predicted.

    Differs: labels are -100 at all other places, so that the loss counts predicted tokens alone; `tokens` is not
    changed; no special token is masked or drawn; there is always a place.
    """
    inputs, labels = mask_tokens(torch.tensor([list(tokens)]), tokenizer, mask_prob, seed=seed)
    return inputs[0], labels[0], (labels[0] != IGNORED).nonzero()[:, 0].tolist()


def mlm_loss(logits: Tensor, labels: Tensor, num_items: Tensor | int | None = None) -> Tensor:
    """Return the mean nats of the labels that are not -100, for logits [B, T, V] and labels [B, T].

    Differs: 0 where there is no label, and not NaN; `num_items`, the labels of all micro-batches and processes of a
    step, takes the place of this batch's own count, so that gradients add up to those of the whole step.
    """
    total = F.cross_entropy(logits.flatten(0, -2).float(), labels.flatten(), ignore_index=IGNORED, reduction="sum")
    return total / max((labels != IGNORED).sum() if num_items is None else num_items, 1)


def causal_lm_loss(
    logits: Tensor,
    labels: Tensor,
    ignore_index: int = IGNORED,
    *,
    shifted: bool = False,
    num_items: Tensor | int | None = None,
) -> Tensor:
    """Return the mean nats of the next tokens, for logits [B, T, V] and labels [B, T].

    labels    the row itself, as models of transformers want it; with `shifted`, the next token of each place

    Differs: it says which of the two it takes, because shifting twice trains a model to skip a token; and see
    `mlm_loss`.
    """
    if not shifted:
        logits, labels = logits[..., :-1, :], labels[..., 1:]
    return mlm_loss(logits, labels.masked_fill(labels == ignore_index, IGNORED), num_items)


def create_causal_mask(seq_len: int, true_means: Literal["blocked", "attend"] = "blocked") -> Tensor:
    """Return bool[T, T] by which no query sees a later key.

    Differs: it says what True means. blocked is torch.nn.MultiheadAttention's way, attend that of
    torch.nn.functional.scaled_dot_product_attention; each taken for the other shows a model the future alone.
    """
    if true_means not in ("blocked", "attend"):
        raise UserError(f"True means blocked or attend in a causal mask, not {true_means!r}.")
    sees = torch.ones(seq_len, seq_len, dtype=torch.bool).tril()
    return sees if true_means == "attend" else ~sees


class CausalLMHead(nn.Module):
    """Hidden states [B, T, D] to logits [B, T, V]. Differs in nothing."""

    def __init__(self, hidden_dim: int, vocab_size: int) -> None:
        super().__init__()
        self.lm_head = nn.Linear(hidden_dim, vocab_size, bias=False)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Return logits [B, T, V]."""
        logits: Tensor = self.lm_head(hidden_states)
        return logits


class LanguageModelingDataset:
    """Rows of `max_length` for a causal model, each of one text: input_ids, attention_mask and labels.

    Differs: labels are the row itself, since models of transformers and `causal_lm_loss` shift them; padding is masked
    and no label; a tokenizer without a padding token serves; texts stand between start and end of text; a long text
    becomes several rows that share a token, so that nothing is cut off and each token but a text's first is predicted
    once. So there are at least as many rows as texts.
    """

    def __init__(self, texts: Sequence[str], tokenizer: Any, max_length: int = 512) -> None:
        if max_length < 2:
            raise UserError(f"Rows of a causal model need at least 2 tokens, not {max_length}.")
        self.vocab = vocabulary(tokenizer)
        self.max_length = max_length
        documents = (_framed(text, tokenizer, self.vocab) for text in texts)
        self.rows = []
        for document in documents:
            starts = range(0, max(len(document) - 1, 1), max_length - 1)
            self.rows += [document[start : start + max_length] for start in starts]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, idx: int) -> dict[str, Tensor]:
        row = self.rows[idx]
        tokens = np.full((1, self.max_length), padding(self.vocab), np.int64)
        tokens[0, : len(row)] = row
        segments = (np.arange(self.max_length) < len(row)).astype(np.int32)[None]
        batch = Causal(self.vocab)(Rows(tokens, np.zeros(1, np.uint64), segments))
        return {name: values[0] for name, values in to_hugging_face(batch, "decoder").items()}


def _framed(text: str, tokenizer: Any, vocab: Vocab) -> list[int]:
    """Return start of text, tokens, end of text, whatever the tokenizer itself would add."""
    before, after = Causal(vocab).boundary_tokens
    found = tokenizer.encode(text, add_special_tokens=False)
    return [*before, *getattr(found, "ids", found), *after]


class GPTPretraining:
    """Texts one after the other in rows of `max_length`, and the loss of a batch of them.

    Differs: documents begin with the start of text, as the tutorial says but does not do; no full row and no tail is
    dropped, since the last row is padded; no document sees another, and none's first token is predicted from another,
    because position_ids begin anew with each; train_step leaves no label to be shifted twice.
    """

    def __init__(self, model: Any, tokenizer: Any, max_length: int = 1024) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.max_length = max_length

    def prepare_data(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Return input_ids, position_ids and labels, int64[rows, max_length].

        There is no attention_mask on purpose: without one, and with use_cache=False as in train_step, models of
        transformers keep documents apart by position_ids.
        """
        vocab = vocabulary(self.tokenizer)
        documents = [_framed(text, self.tokenizer, vocab) for text in texts]
        stream = np.array([token for document in documents for token in document], np.int64)
        number = np.repeat(np.arange(1, len(documents) + 1), [len(document) for document in documents])
        count = -(-len(stream) // self.max_length)
        tail = (0, count * self.max_length - len(stream))
        tokens = np.pad(stream, tail, constant_values=padding(vocab)).reshape(count, self.max_length)
        segments = np.pad(number, tail).reshape(tokens.shape)
        batch = Causal(vocab)(Rows(tokens, np.zeros(count, np.uint64), segments))
        return _packed(batch, segments)

    def train_step(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the loss of a batch, gradients attached."""
        outputs = self.model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False)
        return causal_lm_loss(outputs.logits, batch["labels"])


def _packed(batch: Batch, segments: Integers) -> dict[str, Tensor]:
    """Return a packed batch with the places of tokens in their documents instead of a mask."""
    found, positions = to_hugging_face(batch, "decoder"), document_positions(tensor(segments))
    return {"input_ids": found["input_ids"], "position_ids": positions, "labels": found["labels"]}


class RoBERTaMLM:
    """Dynamic masking: masks of a text are a function of (seed, text, epoch).

    Differs: no global random state is touched, so dropout is not repeated in each epoch, and masks do not depend on the
    order of texts or the process that makes them. RoBERTa's rows are no longer than BERT's: both end at 512 tokens, and
    RoBERTa only leaves out BERT's first phase with rows of 128.
    """

    def __init__(self, tokenizer: Any, max_length: int = 512, seed: int = 0) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.collator = MLMDataCollator(tokenizer, seed=seed)

    def create_epoch_data(self, texts: Sequence[str], epoch: int) -> dict[str, Tensor]:
        """Return input_ids, attention_mask and labels of all texts, masked as in this epoch.

        Texts stand between the tokenizer's marks; those longer than `max_length` go on in further rows.
        """
        before, after = self.collator.objective.boundary_tokens
        room = self.max_length - len(before) - len(after)
        rows = []
        for text in texts:
            found = self.tokenizer.encode(text, add_special_tokens=False)
            ids = list(getattr(found, "ids", found))
            rows += [[*before, *ids[start : start + room], *after] for start in range(0, len(ids), room)]
        self.collator.set_epoch(epoch)
        return self.collator(rows)


def create_nsp_pair(
    sentence_a: str, sentence_b: str, all_sentences: Sequence[str], seed: int = 0
) -> tuple[str, str, int]:
    """Return A, the next sentence or a random one, and the class: 0 = next, 1 = random, as in BERT and transformers.

    Differs: the class, which circulates the other way round; a random sentence is never A or B itself. For those of one
    document to be left out too, give the sentences of other documents. The choice is a function of (seed, A, B).
    """
    draw = random.Random(f"{seed}\0{sentence_a}\0{sentence_b}")
    others = [sentence for sentence in all_sentences if sentence not in (sentence_a, sentence_b)]
    if not others or draw.random() < 0.5:
        return sentence_a, sentence_b, 0
    return sentence_a, draw.choice(others), 1


def create_sop_pair(sentence_a: str, sentence_b: str, seed: int = 0) -> tuple[str, str, int]:
    """Return the two sentences and the class: 0 = in order, 1 = swapped, as in ALBERT and transformers.

    Differs: the class, which circulates the other way round. The choice is a function of (seed, A, B).
    """
    draw = random.Random(f"{seed}\0{sentence_a}\0{sentence_b}")
    return (sentence_a, sentence_b, 0) if draw.random() < 0.5 else (sentence_b, sentence_a, 1)
