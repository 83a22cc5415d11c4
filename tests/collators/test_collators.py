"""What all collators promise, and what each returns, without a model."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from collator_models import features, tokenizer
from transformers import DataCollatorForLanguageModeling

from hornbook.collators import (
    BARTDenoisingCollator,
    CausalLMCollator,
    ELECTRACollator,
    FIMCollator,
    MaskedDiffusionCollator,
    MLMDataCollator,
    NSPDataCollator,
    PrefixLMCollator,
    SOPDataCollator,
    SpanCorruptionCollator,
    UL2Collator,
)
from hornbook.collators.rows import vocabulary
from hornbook.errors import UserError

VOCAB = vocabulary(tokenizer())
COLLATORS = {
    "causal": CausalLMCollator,
    "prefix": PrefixLMCollator,
    "prefix-sides": lambda tokens, seed=0: PrefixLMCollator(tokens, "encoder-decoder", seed=seed),
    "fim": FIMCollator,
    "masked": MLMDataCollator,
    "whole-word": lambda tokens, seed=0: MLMDataCollator(tokens, style="whole_word", seed=seed),
    "electra": ELECTRACollator,
    "diffusion": MaskedDiffusionCollator,
    "nsp": NSPDataCollator,
    "sop": SOPDataCollator,
    "span": SpanCorruptionCollator,
    "ul2": UL2Collator,
    "ul2-short": lambda tokens, seed=0: UL2Collator(tokens, "short", seed=seed),
    "bart": BARTDenoisingCollator,
}
DYNAMIC = [name for name in COLLATORS if name != "causal"]


def trimmed(batch: dict[str, torch.Tensor], row: int) -> dict[str, list]:
    """A row of a batch without what is padding."""
    found = {}
    width = int((batch["attention_mask"][row] != 0).sum()) if batch["attention_mask"].dim() == 2 else None
    for name, values in batch.items():
        value = values[row]
        if name == "labels":
            scored = (value if value.dim() == 1 else value[:, 0]) != -100
            value = value[: int(scored.nonzero().max()) + 1 if scored.any() else 0]
        elif value.dim() == 1:
            value = value[:width] if width is not None else value
        else:
            continue
        found[name] = value.tolist()
    return found


@pytest.mark.parametrize("kind", [name for name in COLLATORS if name not in ("nsp", "prefix")])
def test_a_row_is_the_same_in_any_batch_at_any_place(kind: str) -> None:
    collator = COLLATORS[kind](tokenizer())
    rows = features(8)
    whole = collator(rows)
    back = collator(rows[::-1])
    for number in range(8):
        alone = trimmed(collator(rows[number : number + 1]), 0)
        assert trimmed(whole, number) == alone == trimmed(back, 7 - number)


@pytest.mark.parametrize("kind", DYNAMIC)
def test_noise_follows_epoch_and_seed_and_comes_back(kind: str) -> None:
    rows = features(8)

    def noise(seed: int, epoch: int) -> list:
        collator = COLLATORS[kind](tokenizer(), seed=seed)
        collator.set_epoch(epoch)
        return [collator(rows)[name].tolist() for name in ("input_ids", "labels")]

    assert noise(0, 0) == noise(0, 0)
    assert noise(0, 1) == noise(0, 1) != noise(0, 0)
    assert noise(1, 0) != noise(0, 0)


@pytest.mark.parametrize("kind", COLLATORS)
def test_nothing_global_is_drawn_or_changed_and_rows_stay_as_they_are(kind: str) -> None:
    import random

    rows = [{"input_ids": torch.tensor(row["input_ids"])} for row in features(4)]
    before = copy.deepcopy(rows)
    states = random.getstate(), torch.get_rng_state().tolist()
    collator = COLLATORS[kind](tokenizer())
    batch = collator(rows)
    assert states == (random.getstate(), torch.get_rng_state().tolist())
    assert all(torch.equal(row["input_ids"], old["input_ids"]) for row, old in zip(rows, before, strict=True))
    for name, values in batch.items():
        assert isinstance(values, torch.Tensor) and len(values) == 4, name


@pytest.mark.parametrize("kind", COLLATORS)
@pytest.mark.parametrize("length", [0, 1, 2])
def test_the_shortest_rows_serve(kind: str, length: int) -> None:
    rows = [{"input_ids": [7, 8][:length]}, *features(1)]
    batch = COLLATORS[kind](tokenizer())(rows)
    assert len(batch["input_ids"]) == 2
    assert all(values.isfinite().all() for values in batch.values())


@pytest.mark.parametrize("kind", ["causal", "fim", "prefix"])
def test_decoders_get_the_row_itself_as_labels_unshifted(kind: str) -> None:
    batch = COLLATORS[kind](tokenizer())(features(6))
    scored = batch["labels"] != -100
    assert torch.equal(batch["labels"][scored], batch["input_ids"][scored])
    assert not scored[:, 0].any()
    if kind == "causal":
        assert torch.equal(scored[:, 1:], batch["attention_mask"][:, 1:] == 1)


def test_an_end_of_text_that_is_also_padding_keeps_its_label() -> None:
    """With pad = eos the usual collator makes every end of text -100, so a model never learns to stop."""
    from transformers import PreTrainedTokenizerFast

    mine = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer().backend_tokenizer, eos_token="</s>", pad_token="</s>", bos_token="<s>"
    )
    rows = [{"input_ids": [1, 7, 8, 2]}, {"input_ids": [1, 7, 2]}]
    theirs = DataCollatorForLanguageModeling(mine, mlm=False)(rows)
    ours = CausalLMCollator(mine)(rows)
    assert not (theirs["labels"] == 2).any()
    assert (ours["labels"] == 2).sum(1).tolist() == [1, 1]
    assert ours["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]


def test_a_tokenizer_without_padding_serves_a_causal_model() -> None:
    from transformers import PreTrainedTokenizerFast

    mine = PreTrainedTokenizerFast(tokenizer_object=tokenizer().backend_tokenizer, eos_token="</s>")
    with pytest.raises(ValueError, match="pad"):
        mine.pad([{"input_ids": [7, 8]}, {"input_ids": [7]}])
    batch = CausalLMCollator(mine)([{"input_ids": [7, 8]}, {"input_ids": [7]}])
    assert batch["labels"].tolist() == [[-100, 8], [-100, -100]]


def test_a_prefix_is_seen_from_both_sides_and_what_follows_is_not() -> None:
    batch = PrefixLMCollator(tokenizer())(features(6))
    for row in range(6):
        scored = (batch["labels"][row] != -100).nonzero()[:, 0]
        first, last = int(scored[0]), int(scored[-1])
        sees = batch["attention_mask"][row, 0] == 0
        assert sees[:first, :first].all()
        assert not sees[:first, first:].any()
        assert torch.equal(sees[first : last + 1, : last + 1], torch.ones(last + 1, last + 1).tril().bool()[first:])


def test_both_sides_of_a_prefix_make_up_the_row() -> None:
    rows = features(6)
    batch = PrefixLMCollator(tokenizer(), "encoder-decoder")(rows)
    for number, row in enumerate(rows):
        read = batch["input_ids"][number][batch["attention_mask"][number] == 1].tolist()
        said = [token for token in batch["labels"][number].tolist() if token != -100]
        assert read and said
        assert read + said == row["input_ids"]


def test_masks_have_transformers_shares() -> None:
    """Each token on its own at 15 %, 80/10/10, as transformers' collator: both within five standard deviations."""
    rows = features(1500)
    ours = MLMDataCollator(tokenizer(), style="iid")(rows)
    theirs = DataCollatorForLanguageModeling(tokenizer())(rows)
    original = CausalLMCollator(tokenizer())(rows)["input_ids"]
    words = torch.tensor(~VOCAB.special)[original]
    for batch in (ours, theirs):
        chosen = batch["labels"] != -100
        number, total = int(chosen.sum()), int(words.sum())
        assert not (chosen & ~words).any()
        assert abs(number - 0.15 * total) < 5 * (0.15 * 0.85 * total) ** 0.5
        masked = int((chosen & (batch["input_ids"] == VOCAB.mask)).sum())
        changed = int((chosen & (batch["input_ids"] != original)).sum()) - masked
        assert abs(masked - 0.8 * number) < 5 * (0.16 * number) ** 0.5
        # A random word may be the old one.
        assert abs(changed - 0.1 * number) < 5 * (0.09 * number) ** 0.5 + 0.1 * number / 100


@pytest.mark.parametrize("ratios", [(1.0, 0.0), (0.95, 0.05), (0.0, 1.0), (0.0, 0.0)])
def test_any_shares_serve(ratios: tuple[float, float]) -> None:
    batch = MLMDataCollator(tokenizer(), 0.5, *ratios)(features(60))
    shown = batch["input_ids"][batch["labels"] != -100]
    assert abs(float((shown == VOCAB.mask).float().mean()) - ratios[0]) < 0.1


def test_shares_above_one_are_refused() -> None:
    with pytest.raises(UserError, match="must be at most 1"):
        MLMDataCollator(tokenizer(), 0.15, 0.95, 0.1)


def test_mask_tokens_masks_padded_rows_as_the_collator_does() -> None:
    collator = MLMDataCollator(tokenizer())
    rows = features(5)
    padded = CausalLMCollator(tokenizer())(rows)["input_ids"]
    before = padded.clone()
    inputs, labels = collator.mask_tokens(padded)
    assert torch.equal(padded, before)
    batch = collator(rows)
    assert torch.equal(inputs, batch["input_ids"]) and torch.equal(labels, batch["labels"])


def test_diffusion_labels_carry_every_word_and_its_weight() -> None:
    rows = features(40)
    batch = MaskedDiffusionCollator(tokenizer())(rows)
    original = CausalLMCollator(tokenizer())(rows)["input_ids"]
    words = torch.tensor(~VOCAB.special)[original]
    ids, weights = batch["labels"].unbind(-1)
    assert torch.equal(ids != -100, words) and torch.equal(ids[words].long(), original[words])
    assert torch.equal(weights > 0, batch["input_ids"] != original)
    assert (batch["input_ids"][weights > 0] == VOCAB.mask).all() and (weights[weights > 0] >= 1).all()


@pytest.mark.parametrize("kind", ["nsp", "sop"])
def test_pairs_have_marks_types_and_both_classes(kind: str) -> None:
    batch = COLLATORS[kind](tokenizer())(features(64))
    label = batch["next_sentence_label" if kind == "nsp" else "sentence_order_label"]
    assert 15 < int(label.sum()) < 49
    for ids, types, mask in zip(batch["input_ids"], batch["token_type_ids"], batch["attention_mask"], strict=True):
        length = int(mask.sum())
        ends = (ids[:length] == VOCAB.sep).nonzero()[:, 0].tolist()
        assert ids[0] == VOCAB.cls and len(ends) == 2 and ends[1] == length - 1
        assert types[: ends[0] + 1].sum() == 0 and types[ends[0] + 1 : length].all() and not types[length:].any()


def test_pairs_fit_the_positions() -> None:
    long = [{"input_ids": tokenizer().encode("The cat sees a. " * 60)} for _ in range(3)]
    for collator in (NSPDataCollator(tokenizer(), max_length=64), SOPDataCollator(tokenizer(), max_length=64)):
        assert collator(long)["input_ids"].shape[1] <= 64
    fim = FIMCollator(tokenizer(), 1.0, max_length=64)(long)
    assert fim["input_ids"].shape[1] <= 64
    assert FIMCollator(tokenizer(), 1.0)(long)["input_ids"].shape[1] > len(long[0]["input_ids"])


def test_a_random_text_is_of_another_document() -> None:
    """The usual pair may take its random sentence from the same document."""
    words = np.flatnonzero(~VOCAB.special)
    apart = np.array_split(words[words < 300], 4)  # each document has words of its own
    draw = np.random.default_rng(0)
    rows = [{"input_ids": draw.choice(apart[number % 4], 30).tolist(), "document": number % 4} for number in range(32)]
    collator = NSPDataCollator(tokenizer(), mlm_probability=0.01, mask_token_ratio=0.0, random_token_ratio=0.0)
    batch = collator(rows)
    assert batch["next_sentence_label"].sum() > 5
    for number in range(32):
        types = batch["token_type_ids"][number].bool()
        second = [token for token in batch["input_ids"][number][types].tolist() if not VOCAB.special[token]]
        own = np.isin(second, apart[number % 4])
        assert own.all() if batch["next_sentence_label"][number] == 0 else not own.any()
    alone = collator(rows[::4])  # all of one document
    assert alone["next_sentence_label"].sum() == 0


def spoken(batch: dict[str, torch.Tensor], row: int) -> list[int]:
    """The row's text, put together from inputs and labels of spans."""
    spans: dict[int, list[int]] = {}
    latest: list[int] = []
    for token in batch["labels"][row].tolist():
        if token in VOCAB.sentinels:
            latest = spans[token] = []
        elif token not in (-100, VOCAB.eos):
            latest.append(token)
    text: list[int] = []
    for token in batch["input_ids"][row][batch["attention_mask"][row] == 1].tolist():
        text += spans.pop(token) if token in spans else [token]
    assert not spans
    return text


def test_spans_put_together_are_the_row_and_both_sides_end() -> None:
    rows = features(20)
    batch = SpanCorruptionCollator(tokenizer())(rows)
    for number, row in enumerate(rows):
        assert spoken(batch, number) == row["input_ids"][1:]
        said = batch["labels"][number]
        assert said[said != -100][-1] == VOCAB.eos
        order = [token for token in said.tolist() if token in VOCAB.sentinels]
        assert order == list(VOCAB.sentinels[: len(order)])


def test_rows_of_568_tokens_fill_512_positions() -> None:
    collator = SpanCorruptionCollator(tokenizer())
    length = collator.objective.row_length(512)
    draw = np.random.default_rng(0)
    batch = collator([draw.choice(np.flatnonzero(~VOCAB.special), length) for _ in range(4)])
    assert (length, batch["input_ids"].shape[1], batch["labels"].shape[1]) == (568, 512, 114)
    assert batch["attention_mask"].all() and (batch["labels"] != -100).all()


def test_too_many_spans_for_the_sentinels_are_refused() -> None:
    with pytest.raises(UserError, match="sentinels"):
        SpanCorruptionCollator(tokenizer(), 0.5, 1.0)([{"input_ids": [7] * 200}])


def test_every_denoiser_comes_with_its_mode() -> None:
    collator = UL2Collator(tokenizer())
    batch = collator(features(200))
    modes = dict(VOCAB.modes)
    seen = {int(token) for token in batch["input_ids"][:, 0]}
    assert seen == {modes[name] for name in ("[R]", "[S]", "[X]")}
    row = torch.tensor(features(1)[0]["input_ids"])
    inputs, targets = collator.apply_denoiser(row, collator.denoisers[2])
    assert inputs[0] == modes["[S]"] and inputs[-1] == targets[-1] == VOCAB.eos
    assert inputs[1:-1].tolist() + targets[:-1].tolist() == row[1:-1].tolist()


def test_modes_that_are_no_special_tokens_are_refused() -> None:
    with pytest.raises(UserError, match=r"\[NLU\]"):
        UL2Collator(tokenizer(), modes=("[NLU]", "[S2S]", "[NLG]"))


def test_bart_says_the_whole_row_between_its_marks() -> None:
    rows = features(20)
    batch = BARTDenoisingCollator(tokenizer())(rows)
    for number, row in enumerate(rows):
        assert batch["labels"][number][batch["labels"][number] != -100].tolist() == row["input_ids"]
        shown = batch["input_ids"][number][batch["attention_mask"][number] == 1]
        assert shown[0] == VOCAB.bos and shown[-1] == VOCAB.eos and (shown == VOCAB.mask).any()


@pytest.mark.parametrize("collator", [UL2Collator(tokenizer(), modes=()), FIMCollator(tokenizer(), 0.0)])
def test_no_position_is_padding_in_all_rows(collator) -> None:
    batch = collator(features(1))
    assert batch["attention_mask"].all() and (batch["labels"][:, 1:] != -100).all()
    empty = collator([{"input_ids": []}])
    assert empty["input_ids"].shape == empty["labels"].shape == (1, 1)
