"""The functions of tutorials: what the usual version gets wrong, shown in a few lines, and what ours does.

Each `usual_...` is the usual algorithm in words of our own; a test shows that it lacks a property which ours has.
"""

from __future__ import annotations

import inspect
import random

import pytest
import torch
import torch.nn.functional as F
from collator_models import TEXTS, features, tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from hornbook import collators
from hornbook.collators import (
    CausalLMHead,
    GPTPretraining,
    LanguageModelingDataset,
    MLMDataCollator,
    RoBERTaMLM,
    SpanCorruptionCollator,
    UL2Collator,
    causal_lm_loss,
    create_causal_mask,
    create_masked_lm_example,
    create_nsp_pair,
    create_sop_pair,
    mask_tokens,
    mlm_loss,
)
from hornbook.collators.rows import vocabulary
from hornbook.errors import UserError

VOCAB = vocabulary(tokenizer())
PAD, BOS, EOS, UNK, MASK = VOCAB.pad, VOCAB.bos, VOCAB.eos, VOCAB.unk, VOCAB.mask
SPECIAL = torch.tensor(VOCAB.special)


def gpt2(positions: int = 64) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    sizes = {"n_positions": positions, "n_embd": 16, "n_layer": 2, "n_head": 2}
    config = GPT2Config(vocab_size=len(tokenizer()), bos_token_id=BOS, eos_token_id=EOS, **sizes)
    return GPT2LMHeadModel(config).eval()


def without_padding() -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer().backend_tokenizer, eos_token="</s>", bos_token="<s>")


def test_all_names_are_documented() -> None:
    for name in collators.__all__:
        assert inspect.getdoc(getattr(collators, name)), name


# Rows of text


def usual_chunks(stream: list[int], length: int) -> list[list[int]]:
    return [stream[start : start + length] for start in range(0, len(stream) - length, length)]


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4), st.integers(4, 300))
def test_no_chunk_and_no_tail_is_dropped(texts: list[str], length: int) -> None:
    data = GPTPretraining(None, tokenizer(), length).prepare_data(texts)
    stream = [token for text in texts for token in [BOS, *tokenizer().encode(text, add_special_tokens=False), EOS]]
    flat = data["input_ids"].flatten().tolist()
    assert flat[: len(stream)] == stream and set(flat[len(stream) :]) <= {PAD}
    assert len(flat) - len(stream) < length


def test_the_usual_chunks_lose_a_whole_one() -> None:
    ids = tokenizer().encode(TEXTS[0], add_special_tokens=False)
    length = len(ids) + 2  # with its marks the text is one full row
    assert usual_chunks([*ids, EOS, EOS], length) == []
    assert len(usual_chunks(list(range(2 * length)), length)) == 1
    assert len(GPTPretraining(None, tokenizer(), length).prepare_data([TEXTS[0]])["input_ids"]) == 1


def test_documents_of_a_chunk_do_not_see_or_predict_each_other() -> None:
    model, texts = gpt2(600), [TEXTS[1], TEXTS[2]]
    trainer = GPTPretraining(model, tokenizer(), 500)
    data = trainer.prepare_data(texts)  # one row
    first = len(tokenizer().encode(texts[0], add_special_tokens=False)) + 2
    second = trainer.prepare_data(texts[1:])
    length = int((second["input_ids"] != PAD).sum())
    with torch.no_grad():
        usual = model(input_ids=data["input_ids"]).logits[0, first : first + length]
        packed = model(input_ids=data["input_ids"], position_ids=data["position_ids"], use_cache=False).logits[0]
        alone = model(input_ids=second["input_ids"][:, :length]).logits[0]
    assert not torch.allclose(usual, alone, atol=1e-3)
    torch.testing.assert_close(packed[first : first + length], alone, atol=1e-5, rtol=1e-4)
    assert data["labels"][0, first] == -100 and data["input_ids"][0, first] == BOS
    assert data["labels"][0, first - 1] == EOS  # the end of a text is learned
    loss = trainer.train_step(data)
    loss.backward()
    scored = data["labels"][0] != -100
    expected = F.cross_entropy(packed[:-1][scored[1:]], data["labels"][0][scored])
    torch.testing.assert_close(loss.detach(), expected)


class Oracle(nn.Module):
    """Knows the next token of every place of the rows it is asked about, surely; of the last place it says 0."""

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return 40.0 * F.one_hot(F.pad(ids[:, 1:], (0, 1)), len(tokenizer())).float()


def test_a_perfect_model_has_no_loss() -> None:
    """Labels that are shifted in the data and again in the loss cost a perfect model 40 nats."""
    row = torch.tensor([features(1)[0]["input_ids"]])
    inputs, shifted = row[:, :-1], row[:, 1:]
    logits = Oracle()(row)[:, :-1]
    assert causal_lm_loss(logits, shifted) > 30  # the usual data set with the usual loss
    assert causal_lm_loss(logits, shifted, shifted=True) < 1e-6
    assert causal_lm_loss(logits, inputs) < 1e-6
    data = LanguageModelingDataset(TEXTS, tokenizer(), 32)
    for item in (data[number] for number in range(len(data))):
        assert causal_lm_loss(Oracle()(item["input_ids"][None]), item["labels"][None]) < 1e-6


def test_the_loss_of_models_of_transformers_is_the_same() -> None:
    model, data = gpt2(), LanguageModelingDataset(TEXTS, tokenizer(), 48)
    batch = {name: torch.stack([data[number][name] for number in range(4)]) for name in data[0]}
    with torch.no_grad():
        found = model(**batch)
    torch.testing.assert_close(found.loss, causal_lm_loss(found.logits, batch["labels"]))


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 60), st.sampled_from(["own", "none"]))
def test_every_token_of_a_text_but_the_first_is_predicted_once(length: int, padding: str) -> None:
    mine = tokenizer() if padding == "own" else without_padding()
    data = LanguageModelingDataset(TEXTS[:2], mine, length)
    said = []
    for number in range(len(data)):
        item = data[number]
        assert all(values.shape == (length,) for values in item.values())
        assert (item["labels"][item["attention_mask"] == 0] == -100).all()
        said += item["labels"][item["labels"] != -100].tolist()
    ids = [tokenizer().encode(text, add_special_tokens=False) for text in TEXTS[:2]]
    assert said == [token for text in ids for token in [*text, EOS]]


def test_a_tokenizer_without_padding_fails_the_usual_data_set() -> None:
    with pytest.raises(ValueError, match="pad"):
        without_padding()(TEXTS[0], max_length=600, truncation=True, padding="max_length")
    assert len(LanguageModelingDataset([TEXTS[0]], without_padding(), 600)) == 1


def test_tokenizers_own_class_serves() -> None:
    raw = Tokenizer.from_str(tokenizer().backend_tokenizer.to_str())
    ours, theirs = (LanguageModelingDataset(TEXTS, mine, 40) for mine in (raw, tokenizer()))
    assert len(ours) == len(theirs)
    assert torch.equal(ours[3]["input_ids"], theirs[3]["input_ids"])


def test_rows_of_one_token_are_refused() -> None:
    with pytest.raises(UserError, match="at least 2"):
        LanguageModelingDataset(TEXTS, tokenizer(), 1)


# Masks of attention, losses


def test_a_causal_mask_says_what_true_means() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 1, 6, 8)
    later = x.clone()
    later[..., 5, :] += 1.0

    def attend(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(values, values, values, attn_mask=mask)[..., :5, :]

    usual = torch.ones(6, 6).triu(1).bool()
    assert not torch.allclose(attend(x, usual), attend(later, usual))  # sees the future
    ours = create_causal_mask(6, "attend")
    assert torch.equal(attend(x, ours), attend(later, ours))
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    blocked = create_causal_mask(6)
    found = [layer(values[0], values[0], values[0], attn_mask=blocked)[0][:, :5] for values in (x, later)]
    torch.testing.assert_close(*found)
    with pytest.raises(UserError, match="attend"):
        create_causal_mask(6, "visible")


def test_a_loss_without_labels_is_no_nan() -> None:
    logits = torch.randn(2, 5, 11, requires_grad=True)
    labels = torch.full((2, 5), -100)
    assert F.cross_entropy(logits.view(-1, 11), labels.view(-1)).isnan()
    for loss in (mlm_loss(logits, labels), causal_lm_loss(logits, labels)):
        assert loss == 0
        loss.backward()
    assert not logits.grad.isnan().any()


@pytest.mark.parametrize("loss", [mlm_loss, causal_lm_loss])
def test_micro_batches_add_up_to_the_step(loss) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 9, 11), torch.randint(0, 11, (6, 9))
    labels[:3, 2:] = -100  # the micro-batches have unequal numbers of labels
    whole, halves = loss(logits, labels), (slice(0, 3), slice(3, 6))
    usual = sum(loss(logits[half], labels[half]) for half in halves) / 2
    assert not torch.isclose(usual, whole, rtol=1e-3)
    counted = labels if loss is mlm_loss else labels[:, 1:]
    number = (counted != -100).sum()
    ours = sum(loss(logits[half], labels[half], num_items=number) for half in halves)
    torch.testing.assert_close(ours, whole)


def test_another_ignored_label_serves() -> None:
    logits, labels = torch.randn(2, 6, 11), torch.randint(1, 11, (2, 6))
    labels[:, 4:] = 0
    expected = F.cross_entropy(logits[:, :3].flatten(0, 1), labels[:, 1:4].flatten())
    torch.testing.assert_close(causal_lm_loss(logits, labels, ignore_index=0), expected)


def test_the_head_has_no_bias() -> None:
    head = CausalLMHead(8, 11)
    assert head(torch.zeros(2, 5, 8)).shape == (2, 5, 11) and not head(torch.zeros(2, 5, 8)).any()


# Masked tokens


def usual_example(tokens: list[int], probability: float, size: int) -> tuple[list[int], list[int]]:
    labels = tokens.copy()
    for place, token in enumerate(tokens):
        draw = random.random()
        if token in (BOS, EOS) or draw >= probability:
            continue
        if draw < 0.8 * probability:
            tokens[place] = MASK
        elif draw < 0.9 * probability:
            tokens[place] = random.randrange(size)
    return tokens, labels


ROW = [BOS, 7, 8, UNK, 9, 10, 11, MASK, 12, 13, 14, EOS, PAD, PAD]


def test_an_example_scores_masked_places_alone_and_keeps_its_row() -> None:
    row = ROW.copy()
    _, labels = usual_example(row, 0.9, len(tokenizer()))
    assert row != ROW and -100 not in labels
    row = ROW.copy()
    inputs, labels, places = create_masked_lm_example(row, tokenizer(), 0.9)
    assert row == ROW
    assert (labels != -100).nonzero()[:, 0].tolist() == places
    assert labels[places].tolist() == [ROW[place] for place in places]
    assert not SPECIAL[torch.tensor(ROW)][places].any()
    kept = [place for place in range(len(ROW)) if place not in places]
    assert inputs[kept].tolist() == [ROW[place] for place in kept]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.floats(0.01, 1.0))
def test_no_special_token_is_masked_or_drawn(seed: int, probability: float) -> None:
    given_rows = torch.tensor([ROW, [*ROW[::-1]]])
    before = given_rows.clone()
    inputs, labels = mask_tokens(given_rows, tokenizer(), probability, 0.1, 0.9, seed)
    assert torch.equal(given_rows, before)
    chosen = labels != -100
    assert not SPECIAL[before][chosen].any()
    assert torch.equal(inputs[~chosen], before[~chosen])
    shown = inputs[chosen]
    assert not SPECIAL[shown[shown != MASK]].any()
    assert chosen.any(dim=1).all()


def test_the_usual_draw_shows_special_tokens_and_masks_the_unknown() -> None:
    random.seed(0)
    shown, unknown = set(), False
    for _ in range(3000):
        inputs, _ = usual_example(ROW.copy(), 0.9, len(tokenizer()))
        shown |= {token for token, old in zip(inputs, ROW, strict=True) if token not in (old, MASK)}
        unknown |= inputs[3] == MASK
    assert unknown and SPECIAL[list(shown)].any()


@pytest.mark.parametrize(("masked", "drawn"), [(1.0, 0.0), (0.95, 0.1)])
def test_the_usual_share_of_random_tokens_is_no_probability(masked: float, drawn: float) -> None:
    with pytest.raises((ZeroDivisionError, RuntimeError)):
        torch.bernoulli(torch.full((3,), drawn / (1 - masked)))
    ids = torch.tensor([ROW])
    if masked + drawn > 1:
        with pytest.raises(UserError, match="must be at most 1"):
            mask_tokens(ids, tokenizer(), 0.5, masked, drawn)
    else:
        inputs, labels = mask_tokens(ids, tokenizer(), 0.5, masked, drawn)
        assert (inputs[labels != -100] == MASK).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(0, 10**6))
def test_a_short_row_always_has_a_label(length: int, seed: int) -> None:
    _, labels = mask_tokens(torch.arange(5, 5 + length)[None], tokenizer(), seed=seed)
    assert int((labels != -100).sum()) == max(1, round(0.15 * length))


def test_the_usual_draw_leaves_short_rows_without_a_label() -> None:
    torch.manual_seed(0)
    empty = (~torch.bernoulli(torch.full((2000, 8), 0.15)).bool().any(1)).float().mean()
    assert 0.2 < empty < 0.35  # 0.85 ** 8 = 0.27


def test_an_epochs_data_leaves_global_randomness_alone() -> None:
    """To seed by the epoch repeats dropout and gives masks by place instead of by text."""
    torch.manual_seed(5)
    usual = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), usual)  # the stream begins anew with each seeding

    maker = RoBERTaMLM(tokenizer(), 40)
    states = torch.get_rng_state(), random.getstate()
    epochs = [maker.create_epoch_data(TEXTS, epoch) for epoch in (0, 1, 0)]
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[1]
    assert torch.equal(epochs[0]["input_ids"], epochs[2]["input_ids"])
    assert not torch.equal(epochs[0]["input_ids"], epochs[1]["input_ids"])
    back = maker.create_epoch_data(TEXTS[::-1], 0)
    row = epochs[0]["input_ids"][0].tolist()
    assert row in back["input_ids"].tolist()


def test_an_epochs_data_holds_every_token_in_rows_that_fit() -> None:
    data = RoBERTaMLM(tokenizer(), 24).create_epoch_data(TEXTS, 0)
    assert data["input_ids"].shape[1] == 24
    original = torch.where(data["labels"] == -100, data["input_ids"], data["labels"])
    words = original[~SPECIAL[original]].tolist()
    assert words == [token for text in TEXTS for token in tokenizer().encode(text, add_special_tokens=False)]
    assert (original[:, 0] == VOCAB.cls).all()


# Spans


def usual_spans(tokens: list[int], first: int, density: float = 0.15, mean: float = 3.0) -> tuple[list[int], list[int]]:
    """Starts and lengths drawn apart from each other, sentinels counted upwards, no end of text."""
    number = max(1, int(int(len(tokens) * density) / mean))
    noise = [False] * len(tokens)
    for start in sorted(random.sample(range(len(tokens) - 1), number)):
        for place in range(start, min(start + 1 + int(torch.poisson(torch.tensor(mean - 1))), len(tokens))):
            noise[place] = True
    inputs, targets, sentinel = [], [], first
    for place, token in enumerate(tokens):
        if noise[place]:
            if place == 0 or not noise[place - 1]:
                inputs.append(sentinel)
                targets.append(sentinel)
                sentinel += 1
            targets.append(token)
        else:
            inputs.append(token)
    return inputs, targets


def test_spans_have_exact_counts_sentinels_of_the_vocabulary_and_ends() -> None:
    random.seed(0)
    torch.manual_seed(0)
    row = [7 + number % 100 for number in range(200)]
    usual = [usual_spans(row, VOCAB.sentinels[0]) for _ in range(20)]
    assert len({len(inputs) for inputs, _ in usual}) > 1
    assert max(max(inputs) for inputs, _ in usual) >= len(tokenizer())  # ids that the embedding does not have
    assert all(targets[-1] != EOS for _, targets in usual)
    collator, found = SpanCorruptionCollator(tokenizer()), []
    for epoch in range(20):
        collator.set_epoch(epoch)
        found.append(collator.corrupt_span(torch.tensor(row)))
    assert {(len(inputs), len(targets)) for inputs, targets in found} == {(200 - 30 + 10 + 1, 30 + 10 + 1)}
    for inputs, targets in found:
        assert inputs[-1] == targets[-1] == EOS
        order = [token for token in inputs.tolist() if token in VOCAB.sentinels]
        assert order == list(VOCAB.sentinels[:10]) == sorted(order, reverse=True)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_shortest_rows_have_spans_and_something_left(length: int) -> None:
    with pytest.raises(ValueError):
        usual_spans([7], VOCAB.sentinels[0])
    inputs, targets = SpanCorruptionCollator(tokenizer()).corrupt_span(torch.arange(7, 7 + length))
    kept = [token for token in inputs.tolist() if token not in (*VOCAB.sentinels, EOS)]
    assert (
        kept and len(kept) + len([token for token in targets.tolist() if token >= 0 and not SPECIAL[token]]) == length
    )


def test_padding_of_targets_is_no_label() -> None:
    batch = SpanCorruptionCollator(tokenizer())(features(12))
    assert (batch["labels"] == -100).any() and not (batch["labels"] == PAD).any()


def test_a_mode_is_one_token_and_the_row_is_corrupted() -> None:
    plain = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(_without_modes()), eos_token="</s>")
    assert len(plain.encode("[R]", add_special_tokens=False)) > 1
    with pytest.raises(UserError, match=r"\[R\]"):
        UL2Collator(plain)
    collator = UL2Collator(tokenizer(), "short")
    row = torch.arange(7, 107)
    for denoiser in collator.denoisers:
        inputs, targets = collator.apply_denoiser(row, denoiser)
        assert inputs[0] == dict(VOCAB.modes)[denoiser.mode]
        said = [token for token in targets.tolist() if not SPECIAL[token]]
        assert len(said) == round(100 * denoiser.density)


def _without_modes() -> str:
    from hornbook.objectives.base import Requirements
    from hornbook.tokens.tokenizer.tokenizer import train_tokenizer

    return train_tokenizer(TEXTS, "bpe", 400, Requirements(sentinels=40), "none")


# Pairs


def test_classes_are_those_of_bert_and_albert() -> None:
    sentences = [f"Sentence {number}." for number in range(30)]
    for seed in range(200):
        first, second, label = create_nsp_pair("A.", "B.", [*sentences, "A.", "B."], seed)
        assert first == "A." and (second == "B.") == (label == 0) and second != "A."
        pair = create_sop_pair("A.", "B.", seed)
        assert pair == (("A.", "B.", 0) if pair[2] == 0 else ("B.", "A.", 1))
        assert create_nsp_pair("A.", "B.", sentences, seed) == create_nsp_pair("A.", "B.", sentences, seed)
    for make in (lambda seed: create_nsp_pair("A.", "B.", sentences, seed), lambda s: create_sop_pair("A.", "B.", s)):
        assert 70 < sum(make(seed)[2] for seed in range(200)) < 130


def test_the_next_sentence_never_passes_for_random() -> None:
    random.seed(0)
    usual = [random.choice(["B.", "C."]) for _ in range(50)]
    assert "B." in usual
    assert all(create_nsp_pair("A.", "B.", ["B.", "A."], seed) == ("A.", "B.", 0) for seed in range(50))


def test_collators_of_one_seed_agree_with_the_functions() -> None:
    row = features(1)[0]["input_ids"]
    inputs, labels = mask_tokens(torch.tensor([row]), tokenizer(), seed=3)
    batch = MLMDataCollator(tokenizer(), seed=3)([{"input_ids": row}])
    assert torch.equal(batch["input_ids"], inputs) and torch.equal(batch["labels"], labels)
