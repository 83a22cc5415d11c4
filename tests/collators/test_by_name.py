"""`of`: one collator for every objective, equal to the one that has the objective's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from collator_models import features, tokenizer
from transformers import BertConfig, BertForMaskedLM, Trainer, TrainingArguments

from hornbook import collators
from hornbook.collators.bridge import trim
from hornbook.errors import UserError
from hornbook.objectives.catalogue import CATALOGUE
from hornbook.objectives.masked import Masked
from hornbook.objectives.prefix import PrefixLM

OWN = """
from dataclasses import dataclass, replace
from hornbook.objectives.masked import Masked

@dataclass(frozen=True)
class Half(Masked):
    rate: float = 0.5

@dataclass(frozen=True)
class Weighted(Masked):
    def __call__(self, rows):
        batch = super().__call__(rows)
        return replace(batch, weights=batch.weights / 2)
"""


@pytest.mark.parametrize(
    ("objective", "collator"),
    [
        ("causal", collators.CausalLMCollator),
        ("prefix", collators.PrefixLMCollator),
        ("fim", collators.FIMCollator),
        ("masked", collators.MLMDataCollator),
        (
            Masked(rate=0.3, style="whole_word"),
            lambda tokens: collators.MLMDataCollator(tokens, 0.3, style="whole_word"),
        ),
        ("replaced", collators.ELECTRACollator),
        ("diffusion", collators.MaskedDiffusionCollator),
        ("nsp", collators.NSPDataCollator),
        ("sop", lambda tokens: collators.SOPDataCollator(tokens, style="exact")),
        ("span", collators.SpanCorruptionCollator),
        ("ul2", collators.UL2Collator),
    ],
)
def test_it_gives_what_the_objectives_own_collator_gives(objective, collator):
    ours, theirs = collators.of(objective, tokenizer()), collator(tokenizer())
    for epoch in (0, 3):
        ours.set_epoch(epoch)
        theirs.set_epoch(epoch)
        found, expected = ours(features(9)), theirs(features(9))
        assert found.keys() == expected.keys()
        if objective == "nsp":  # the other one keeps columns that are padding in every row
            expected |= trim({name: values for name, values in expected.items() if values.dim() > 1}, "encoder")
        assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_rows_are_cut_to_the_models_positions(kind):
    found = collators.of(kind, tokenizer(), max_length=24)(features(9))
    assert found["input_ids"].shape[0] == 9
    assert found["input_ids"].shape[1] <= 24


def test_one_of_your_own_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("my.py").write_text(OWN)
    collator = collators.of("my.py:Half", tokenizer())
    labels = collator(features(9))["labels"]
    assert torch.equal(labels, collators.MLMDataCollator(tokenizer(), 0.5)(features(9))["labels"])
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    model = BertForMaskedLM(BertConfig(vocab_size=len(tokenizer()), **shape))
    arguments = TrainingArguments(
        str(tmp_path / "out"),
        max_steps=3,
        per_device_train_batch_size=4,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
    )
    callbacks = [collators.EpochCallback(collator)]
    trainer = Trainer(model, arguments, data_collator=collator, train_dataset=features(9), callbacks=callbacks)
    assert np.isfinite(trainer.train().training_loss)
    with pytest.raises(UserError, match="weights other than 0 and 1"):
        collators.of("my.py:Weighted", tokenizer())(features(9))


def test_what_cannot_be_kept_apart_is_refused():
    with pytest.raises(UserError, match="cuts rows in two"):
        collators.of(PrefixLM("encoder-decoder"), tokenizer())(features(9))
