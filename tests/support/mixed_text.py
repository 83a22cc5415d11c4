"""A text of several domains, prepared for a run."""

import json
import random
from pathlib import Path

import pytest

from hornbook.console import View
from hornbook.prepare.dataset import prepare
from hornbook.recipes import settings
from hornbook.recipes.named import default
from hornbook.recipes.sections import Budget


@pytest.fixture(scope="module", name="text")
def several_domains(tmp_path_factory):
    """Two files of different words, the first five times as long."""
    folder = tmp_path_factory.mktemp("text")
    chance = random.Random(0)
    for name, words, documents in (("many.jsonl", ("red", "green", "blue"), 200), ("few.jsonl", ("one", "two"), 40)):
        lines = []
        for number in range(documents):
            body = " ".join(chance.choices(words, k=chance.randint(40, 60)))
            lines.append(json.dumps({"text": f"{number} {body}", "quality": number / 100, "topic": words[number % 2]}))
        (folder / name).write_text("\n".join(lines))
    return folder


def recipe_of(text: Path, *assignments: str, objective="causal"):
    paths = [str(text / name) for name in ("many.jsonl", "few.jsonl")]
    base = default(objective, paths, Budget(steps=4))
    sizes = [
        "data.clean=none",
        "model.width=16",
        "model.layers=1",
        "model.heads=1",
        "model.max_length=32",
        "model.mlp_width=16",
    ]
    return settings.override(base, [*sizes, "training.batch_rows=8", "data.held_out=0.1", *assignments])


def prepared_of(recipe, directory):
    directory.mkdir()
    return prepare(recipe, directory, View(plain=True))
