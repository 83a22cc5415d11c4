"""Each collator with a tiny model of transformers: what the model makes of its batches, and six steps of Trainer."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from collator_models import features, tokenizer
from transformers import (
    AlbertConfig,
    AlbertForPreTraining,
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    ElectraConfig,
    ElectraForMaskedLM,
    ElectraForPreTraining,
    GPT2Config,
    GPT2LMHeadModel,
    T5Config,
    T5ForConditionalGeneration,
    Trainer,
    TrainingArguments,
    set_seed,
)

from hornbook.collators import (
    BARTDenoisingCollator,
    CausalLMCollator,
    ELECTRACollator,
    ElectraPretraining,
    FIMCollator,
    MaskedDiffusionCollator,
    MLMDataCollator,
    NSPDataCollator,
    PrefixLMCollator,
    SOPDataCollator,
    SpanCorruptionCollator,
    UL2Collator,
    diffusion_loss,
    mlm_loss,
)
from hornbook.errors import UserError

SIZE = len(tokenizer())
SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
ENCODER = {"vocab_size": SIZE, "max_position_embeddings": 64, "pad_token_id": 0, **SMALL}


def gpt2(attention: str = "sdpa") -> GPT2LMHeadModel:
    sizes = {"n_positions": 64, "n_embd": 16, "n_layer": 2, "n_head": 2}
    config = GPT2Config(vocab_size=SIZE, bos_token_id=1, eos_token_id=2, attn_implementation=attention, **sizes)
    return GPT2LMHeadModel(config)


def t5() -> T5ForConditionalGeneration:
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
    config = T5Config(vocab_size=SIZE, decoder_start_token_id=0, pad_token_id=0, eos_token_id=2, **sizes)
    return T5ForConditionalGeneration(config)


def bart() -> BartForConditionalGeneration:
    sides = {f"{side}_{name}": 1 for side in ("encoder", "decoder") for name in ("layers", "attention_heads")}
    sizes = {"d_model": 16, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_position_embeddings": 64, **sides}
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    return BartForConditionalGeneration(BartConfig(vocab_size=SIZE, **ids, **sizes))


def electra() -> ElectraPretraining:
    config = ElectraConfig(**ENCODER, embedding_size=8)
    return ElectraPretraining(ElectraForMaskedLM(config), ElectraForPreTraining(config))


def albert() -> AlbertForPreTraining:
    return AlbertForPreTraining(AlbertConfig(**ENCODER, embedding_size=8))


SIDES = {
    "causal": (CausalLMCollator, gpt2),
    "prefix": (PrefixLMCollator, gpt2),
    "prefix-eager": (PrefixLMCollator, lambda: gpt2("eager")),
    "prefix-sides": (lambda tokens: PrefixLMCollator(tokens, "encoder-decoder"), t5),
    "fim": (FIMCollator, gpt2),
    "masked": (MLMDataCollator, lambda: BertForMaskedLM(BertConfig(**ENCODER))),
    "electra": (ELECTRACollator, electra),
    "diffusion": (MaskedDiffusionCollator, lambda: BertForMaskedLM(BertConfig(**ENCODER))),
    "nsp": (NSPDataCollator, lambda: BertForPreTraining(BertConfig(**ENCODER))),
    "sop": (SOPDataCollator, albert),
    "span": (SpanCorruptionCollator, t5),
    "ul2": (UL2Collator, t5),
    "bart": (BARTDenoisingCollator, bart),
}


@pytest.mark.parametrize("kind", SIDES)
def test_six_steps_of_trainer(kind: str, tmp_path) -> None:
    make, build = SIDES[kind]
    set_seed(0)
    arguments = TrainingArguments(
        str(tmp_path), max_steps=6, per_device_train_batch_size=4, gradient_accumulation_steps=2, logging_steps=1,
        learning_rate=0.03, save_steps=3, report_to=[], use_cpu=True, disable_tqdm=True,
    )  # fmt: skip
    trainer = Trainer(
        build(),
        arguments,
        train_dataset=features(16),
        data_collator=make(tokenizer()),
        compute_loss_func=diffusion_loss if kind == "diffusion" else None,
    )
    before = trainer.model.get_input_embeddings().weight.clone() if kind != "electra" else None
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(losses) == 6 and all(math.isfinite(loss) and loss > 0 for loss in losses)
    if kind not in ("diffusion",):  # whose weights make single losses differ a hundredfold
        assert losses[-1] < losses[0]
    if before is not None:
        assert not torch.equal(before, trainer.model.get_input_embeddings().weight)


@pytest.mark.parametrize("exact", [False, True])
def test_micro_batches_add_up_to_the_step_with_mlm_loss_alone(exact: bool, tmp_path) -> None:
    def loss(outputs, labels, num_items_in_batch=None):
        return mlm_loss(outputs.logits, labels, num_items_in_batch)

    def gradient(rows: int, accumulated: int) -> float:
        set_seed(0)
        still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        arguments = TrainingArguments(
            str(tmp_path), max_steps=1, per_device_train_batch_size=rows, gradient_accumulation_steps=accumulated,
            logging_steps=1, save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True,
        )  # fmt: skip
        trainer = Trainer(
            BertForMaskedLM(BertConfig(**ENCODER, **still)),
            arguments,
            train_dataset=features(8),
            data_collator=MLMDataCollator(tokenizer(), 0.4),
            compute_loss_func=loss if exact else None,
        )
        trainer.train()
        return trainer.state.log_history[0]["grad_norm"]

    assert math.isclose(gradient(8, 1), gradient(2, 4), rel_tol=1e-4) == exact


def test_a_causal_models_loss_is_that_of_the_next_tokens() -> None:
    model = gpt2().eval()
    batch = CausalLMCollator(tokenizer())(features(6))
    with torch.no_grad():
        found = model(**batch)
    logits, ids = found.logits[:, :-1], batch["input_ids"][:, 1:]
    real = batch["attention_mask"][:, 1:] == 1
    assert torch.isclose(found.loss, F.cross_entropy(logits[real], ids[real]))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_prefix_models_words_change_with_later_words_of_the_prefix_alone(attention: str) -> None:
    model = gpt2(attention).eval()
    batch = PrefixLMCollator(tokenizer())(features(1, seed=4))
    first = int((batch["labels"][0] != -100).nonzero()[0])
    assert first > 3

    def logits(place: int) -> torch.Tensor:
        ids = batch["input_ids"].clone()
        ids[0, place] = 9
        with torch.no_grad():
            return model(input_ids=ids, attention_mask=batch["attention_mask"]).logits[0]

    with torch.no_grad():
        plain = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[0]
    assert not torch.allclose(plain[0], logits(first - 1)[0])
    torch.testing.assert_close(plain[:first], logits(first)[:first])


def test_a_decoder_reads_what_it_said_before() -> None:
    """T5 and BART make decoder inputs from labels themselves; -100 becomes padding there."""
    batch = SpanCorruptionCollator(tokenizer())(features(4))
    shifted = t5()._shift_right(batch["labels"])
    real = batch["labels"] != -100
    assert (shifted[:, 0] == 0).all()
    assert torch.equal(shifted[:, 1:][real[:, :-1]], batch["labels"][:, :-1][real[:, :-1]])


def test_diffusion_loss_is_the_weighted_sum_over_all_words() -> None:
    batch = MaskedDiffusionCollator(tokenizer())(features(6))
    labels = batch.pop("labels")
    model = SIDES["diffusion"][1]().eval()
    with torch.no_grad():
        outputs = model(**batch)
    nats = -outputs.logits.log_softmax(-1)
    total, words = 0.0, 0
    for row in range(6):
        for place in range(labels.shape[1]):
            token, weight = labels[row, place].tolist()
            words += token >= 0
            total += max(weight, 0.0) * float(nats[row, place, max(int(token), 0)])
    assert math.isclose(float(diffusion_loss(outputs, labels)), total / words, rel_tol=1e-5)
    # Trainer counts both numbers of a word.
    counted = diffusion_loss(outputs, labels, (labels != -100).sum())
    assert math.isclose(float(counted), total / words, rel_tol=1e-5)


def test_a_models_own_loss_refuses_diffusion_labels() -> None:
    batch = MaskedDiffusionCollator(tokenizer())(features(2))
    with pytest.raises((ValueError, RuntimeError, IndexError)):
        SIDES["diffusion"][1]()(**batch)


def test_electras_loss_adds_up_over_micro_batches() -> None:
    batch = ELECTRACollator(tokenizer())(features(8))
    model = electra().eval()
    whole = model(**batch)["loss"]
    count = (batch["labels"] != -100).sum()
    parts = [
        model(**{name: values[half] for name, values in batch.items()}, num_items_in_batch=count)["loss"]
        for half in (slice(0, 3), slice(3, 8))
    ]
    assert torch.isclose(whole, sum(parts))


def test_electras_discriminator_judges_samples_at_predicted_places_alone() -> None:
    batch = ELECTRACollator(tokenizer())(features(8))
    model = electra().eval()
    found = model(**batch)
    predicted = batch["labels"] != -100
    assert not (found["replaced"].bool() & ~predicted).any()
    assert found["replaced"][predicted].mean() > 0.5  # an untrained generator is hardly ever right
    assert torch.equal(model(**batch)["replaced"], found["replaced"])


def test_electras_samples_follow_the_generators_distribution() -> None:
    """A generator that says one of two tokens, at odds of 3 to 1, is sampled so."""
    model = electra().eval()
    ids = torch.arange(5, 5 + 4000).remainder(SIZE).reshape(40, 100)
    said = torch.full((4000, SIZE), -math.inf)
    said[:, 7], said[:, 9] = math.log(0.75), math.log(0.25)
    drawn = model._samples(ids, torch.ones_like(ids, dtype=torch.bool), said)
    assert set(drawn.tolist()) == {7, 9}
    assert abs(float((drawn == 7).float().mean()) - 0.75) < 5 * (0.1875 / 4000) ** 0.5


def test_electras_parts_share_embeddings_and_are_saved_once() -> None:
    model = electra()
    state = model.state_dict()
    assert len({value.data_ptr() for value in state.values()}) == len(state)
    other = electra()
    _, unexpected = other.load_state_dict(state, strict=False)
    assert not unexpected
    batch = ELECTRACollator(tokenizer())(features(4))
    assert torch.equal(other.eval()(**batch)["loss"], model.eval()(**batch)["loss"])
    narrow = ElectraForMaskedLM(ElectraConfig(**ENCODER, embedding_size=16))
    with pytest.raises(UserError, match="embedding_size"):
        ElectraPretraining(narrow, model.discriminator)
