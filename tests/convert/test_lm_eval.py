"""The exported folder in lm-evaluation-harness: its local `hf` model, a local task, no network.

Shapes: T positions, V vocabulary.
"""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from published_models import LINES, config_of, random_model

from hornbook.batch import Batch
from hornbook.convert.export_hf import export
from hornbook.model.inputs import to_tensors
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, train_tokenizer
from hornbook.vocab import Vocab

pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed: pip install 'hornbook[eval]'")

CHOICES = """\
task: toy_choices
dataset_path: json
dataset_kwargs: {data_files: {validation: FOLDER/choices.jsonl}}
test_split: validation
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: answer
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
"""
ROLLING = """\
task: toy_rolling
dataset_path: json
dataset_kwargs: {data_files: {validation: FOLDER/texts.jsonl}}
test_split: validation
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{text}}"
metric_list: [{metric: bits_per_byte, aggregation: bits_per_byte, higher_is_better: false}]
"""
QUESTIONS = [
    {"question": "The quick brown", "choices": ["fox", "dog jumps", "café"], "answer": 0},
    {"question": "over the lazy", "choices": ["dog.", "def f(x):"], "answer": 1},
]
TEXTS = [{"text": LINES[0]}, {"text": LINES[2]}]


def nats(model: Transformer, context: list[int], target: list[int]) -> float:
    """Return -log p of `target` after `context`, by our own model."""
    if model.config.topology == "encoder-decoder":
        inputs, behind, targets = context, [0, *target[:-1]], target
    else:
        inputs, behind, targets = (context + target)[:-1], None, (context + target)[1:]
    weights = np.zeros((1, len(targets)), np.float32)
    weights[0, len(targets) - len(target) :] = 1.0
    rows = Batch(
        np.array([inputs]),
        np.array([targets]),
        weights,
        np.array([float(len(target))]),
        decoder_inputs=None if behind is None else np.array([behind]),
    )
    with torch.no_grad():
        return float(model.loss(to_tensors(rows, torch.device("cpu"))))


def measure(folder, task: str, tasks, **arguments):
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    model = HFLM(pretrained=str(folder), dtype="float32", device="cpu", batch_size=2, **arguments)
    manager = TaskManager(include_path=str(tasks), include_defaults=False)
    return simple_evaluate(model, tasks=[task], task_manager=manager, log_samples=True, bootstrap_iters=0)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["qwen3", "gpt2", "mistral", "t5-v1.1"])
def test_the_harness_sees_our_likelihoods(case: str, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    config = dataclasses.replace(config_of(case), max_length=64)
    behind = config.topology == "encoder-decoder"
    text = train_tokenizer(LINES * 3, "bpe", 380, Requirements(sentinels=2), "end" if behind else "none")
    tokenizer = Tokenizer(text, Vocab.from_tokenizer(text))
    model = random_model(config)
    folder = export(model.state_dict(), config, text, tokenizer.vocab, "card", tmp_path / "model")
    (tmp_path / "choices.yaml").write_text(CHOICES.replace("FOLDER", str(tmp_path)))
    (tmp_path / "rolling.yaml").write_text(ROLLING.replace("FOLDER", str(tmp_path)))
    (tmp_path / "choices.jsonl").write_text("\n".join(map(json.dumps, QUESTIONS)))
    (tmp_path / "texts.jsonl").write_text("\n".join(map(json.dumps, TEXTS)))

    def encode(line: str) -> list[int]:
        return tokenizer.encode([line])[0].tolist()

    for sample in measure(folder, "toy_choices", tmp_path)["samples"]["toy_choices"]:
        question, choices = sample["doc"]["question"], sample["doc"]["choices"]
        found = [float(answer[0][0]) for answer in sample["resps"]]
        start = encode(question)
        ours = []
        for choice in choices:
            if behind:
                ours.append(-nats(model, [*start, tokenizer.vocab.eos], encode(f" {choice}")))
            else:
                ours.append(-nats(model, [tokenizer.vocab.bos, *start], encode(f"{question} {choice}")[len(start) :]))
        assert found == pytest.approx(ours, abs=1e-4)
        assert sample["acc"] == (np.argmax(ours) == sample["doc"]["answer"])

    if not behind:  # here the harness puts the start mark itself
        result = measure(folder, "toy_rolling", tmp_path, add_bos_token=False)["results"]["toy_rolling"]
        total = sum(nats(model, [tokenizer.vocab.bos], encode(item["text"])) for item in TEXTS)
        size = sum(len(item["text"].encode()) for item in TEXTS)
        assert result["bits_per_byte,none"] == pytest.approx(total / math.log(2) / size, abs=1e-4)
