"""Base models without training, one for each objective, and small files of the six tasks."""

from __future__ import annotations

import dataclasses
import functools
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from small_models import book

from hornbook.objectives.base import merged, with_vocab
from hornbook.objectives.catalogue import CATALOGUE, build
from hornbook.recipes.recipe import Recipe, default_model
from hornbook.recipes.sections import Budget, TrainingSettings
from hornbook.run import sealed
from hornbook.run.build import build_model
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, make_tokenizer, save_tokenizer, train_tokenizer
from hornbook.train import checkpoints
from hornbook.train.loop import MODEL
from hornbook.vocab import EMPTY

LENGTH = 64
SINGLE = {"transfer.rates": 3e-3, "training.threads": 1}
_WHO, _DOES, _WHAT = ("cat", "dog", "king", "aunt"), ("sees", "eats"), ("fish", "bread", "house", "milk")
TASKS = ("classify", "pairs", "tag", "answer", "write", "instruct")


@functools.cache
def tokenizer() -> Tokenizer:
    """Return one that has whatever any objective needs."""
    needs = merged([build(kind, {}, EMPTY).requirements(LENGTH) for kind in CATALOGUE])
    return make_tokenizer(
        train_tokenizer([book(), "fish bread house milk aunt Who is it? It is the"], "bpe", 560, needs), {}
    )


def base(folder: Path, kind: str, **model: Any) -> Path:
    """Write a run at step 0 of a model of width 32 that learned nothing, and return its directory."""
    directory = folder / kind
    if directory.exists():
        return directory
    objective = with_vocab(build(kind, {}, EMPTY), tokenizer().vocab)
    shape = dataclasses.replace(
        default_model(objective), vocab_size=tokenizer().vocab.size, width=32, layers=1, heads=2, max_length=LENGTH,
        dropout=0.0, **model,
    )  # fmt: skip
    training = TrainingSettings(batch_rows=8, micro_batch=8, precision="fp32", compile="no", threads=1)
    recipe = Recipe(objective, model=shape, training=training, budget=Budget(steps=1))
    state = build_model(recipe, torch.device("cpu")).state_dict()
    save_tokenizer(tokenizer(), directory)
    sealed.begin(recipe, directory)
    checkpoints.save(directory / "checkpoints", 0, {f"{MODEL}{name}": value for name, value in state.items()}, {}, 1)
    return directory


def records(task: str, number: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return examples of a task, no two of one text, in which a small model finds what there is to find."""
    draw = random.Random(f"{task} {seed}")
    found: dict[str, dict[str, Any]] = {}
    while len(found) < number:
        who, does, what, other = (draw.choice(words) for words in (_WHO, _DOES, _WHAT, _WHO))
        text = f"The {who} {does} the {what} of my {other} {draw.randrange(10 * number)}."
        found[text] = _record(task, text, who, does, what)
    return [{"id": str(number), **one} for number, one in enumerate(found.values())]


def _record(task: str, text: str, who: str, does: str, what: str) -> dict[str, Any]:
    if task == "classify":
        return {"text": text, "label": does}
    if task == "pairs":
        return {"text_a": text, "text_b": f"It is the {what}.", "label": "food" if what != "house" else "place"}
    if task == "tag":
        tokens = text[:-1].split()
        tags = ["B-who" if word in _WHO else "B-what" if word in _WHAT else "O" for word in tokens]
        return {"tokens": tokens, "tags": tags}
    if task == "answer":
        answers = {"text": [what], "answer_start": [text.index(what)]}
        return {"context": text, "question": "Who is it?", "answers": answers}
    if task == "write":
        return {"source": text, "target": f"It is the {who}."}
    return {"instruction": "Who is it?", "input": text, "output": f"the {who}"}


def file(path: Path, lines: Sequence[Mapping[str, Any]]) -> Path:
    """Write records as JSON lines and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
