"""The card of an exported model: what it tells of the run, and what only some models have."""

import dataclasses

import pytest

from hornbook.artifacts import write_json
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.numbers import Number
from hornbook.model.sizes import SIZES
from hornbook.recipes.named import default
from hornbook.recipes.settings import override
from hornbook.run.card import model_card
from hornbook.run.directory import CORPUS, RESULT, OpenRun
from hornbook.scaling.count import parameters


def test_the_card_tells_what_is_known(tmp_path):
    given = ["data.paths=a | b.txt", "budget.steps=400", "training.batch_rows=2", "training.row_length=24"]
    run = OpenRun(tmp_path, override(default("masked"), given), None, None, None, 100)
    write_json(tmp_path / CORPUS, {"documents": 3, "bytes": 10_000, "threshold": 0, "sha256_of_hashes": ""})
    loss = Number("loss", 2.5, "nats per token", "nats per scored token", 2.25, 2.75, baselines={"unigram": 5.25})
    pseudo = Number("pseudo-perplexity", 12.0, "", "each token masked alone", kind="pseudo")
    note = "A note of a | that stands alone."
    Evaluation("masked", (loss, pseudo), 10, 100, notes=(note,)).save(tmp_path / RESULT)
    config = dataclasses.replace(SIZES["modernbert-base"], width=8, heads=1, layers=1, mlp_width=8, vocab_size=9)
    size = parameters(config)
    text = model_card(run, config, "modernbert", 'A "small" model', size)
    yaml = pytest.importorskip("yaml")
    header = yaml.safe_load(text.split("---")[1])
    assert header["pipeline_tag"] == "fill-mask"
    assert header["tags"] == ["hornbook", "pretraining", "masked", "modernbert"]
    assert "license" not in header and "language" not in header
    for words in (
        '# A "small" model',
        "| Corpus | a \\| b.txt: 3 documents, 10,000 bytes of text |",
        "| Budget | 100 of 400 steps of 2 rows of 24 tokens |",
        f"| Tokens seen | 4,800 ({4800 / size:.2f} per parameter) |",
        "| Measure | This model (95 % interval) | unigram | Meaning |",
        "| loss | 2.5000 (2.2500 to 2.7500) | 5.2500 | nats per scored token |",
        "| pseudo-perplexity | 12.00 |  | each token masked alone; no likelihood of the text |",
        f"\n\n{note}\n",
        "- It was trained on rows of at most 24 positions:",
        "AutoModelForMaskedLM",
    ):
        assert words in text
    two_sided = model_card(run, dataclasses.replace(SIZES["t5-small"], vocab_size=9), "t5", "two sides", size)
    assert "pipeline_tag" not in yaml.safe_load(two_sided.split("---")[1])
