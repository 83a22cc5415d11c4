"""Runs of transformers' Trainer that tell which batches the model saw; also a script, for several processes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from collator_models import features, tokenizer
from torch import nn
from transformers import Trainer, TrainingArguments

from hornbook.collators import EpochCallback, MLMDataCollator

Seen = list[tuple[list[int], list[int]]]


class Recorder(nn.Module):
    """A model of one parameter that remembers the rows it is given: inputs, and which places are labels."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen: Seen = []
        self.evaluated: Seen = []

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor) -> dict[str, Any]:
        kept = self.seen if self.training else self.evaluated
        for ids, mask, label in zip(input_ids, attention_mask, labels, strict=True):
            real = mask == 1
            original = torch.where(label == -100, ids, label)[real]
            kept.append((original.tolist(), (label[real] != -100).nonzero()[:, 0].tolist()))
        return {"loss": self.weight.sum()}


def run(directory: Path, workers: int = 0, follow: bool = True, dataset: Any = None, **settings: Any) -> Recorder:
    """Train for three epochs of 22 rows in batches of 4, and return the model."""
    resume = settings.pop("resume", None)
    evaluation = settings.pop("eval_dataset", None)
    arguments = TrainingArguments(
        str(directory), num_train_epochs=3, per_device_train_batch_size=4, dataloader_num_workers=workers,
        report_to=[], use_cpu=True, disable_tqdm=True, logging_steps=1000, **{"save_strategy": "no", **settings},
    )  # fmt: skip
    collator = MLMDataCollator(tokenizer())
    trainer = Trainer(
        Recorder(), arguments, data_collator=collator, train_dataset=dataset or features(22), eval_dataset=evaluation,
        callbacks=[EpochCallback(collator)] if follow else None,
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=resume)
    return trainer.model


if __name__ == "__main__":
    where = Path(sys.argv[1])
    model = run(where / "run")
    rank = torch.distributed.get_rank()
    (where / f"{rank}.json").write_text(json.dumps(model.seen))
    torch.distributed.destroy_process_group()
