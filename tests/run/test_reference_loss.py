"""The bits per byte of documents under a reference model: what they are, and that they depend on nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from builds import begin, contents, finish
from mixed_text import prepared_of, recipe_of, several_domains  # noqa: F401

from hornbook.corpus.document import Document
from hornbook.corpus.step import Page
from hornbook.errors import UserError
from hornbook.evaluate.perplexity import measure
from hornbook.model.inputs import to_tensors
from hornbook.run.directory import OpenRun, open_run
from hornbook.run.pretrain import pretrain
from hornbook.run.reference_loss import ReferenceLoss, bits_per_byte
from hornbook.tokens.packing import corpus_rows
from hornbook.tokens.shards import TokenStore, write_store

TEXTS = ["red green blue red", "", "naïve 日本語 \n\n text", "one two green " * 400, "blue"]


@pytest.fixture(scope="module")
def run(text, tmp_path_factory) -> OpenRun:
    directory = tmp_path_factory.mktemp("reference") / "run"
    pretrain(recipe_of(text, "training.precision=fp32", "training.compile=no"), directory, plain=True)
    return replace(open_run(directory), device=torch.device("cpu"))


def page(texts: list[str]) -> Page:
    return Page(np.arange(len(texts)), texts, texts, texts, [{} for _ in texts])


def test_it_is_what_the_model_s_measurement_says_of_a_document_alone(run, tmp_path):
    found = bits_per_byte(run, TEXTS)
    assert found[1] == 0.0
    for number, written in enumerate(TEXTS):
        if not written:
            continue
        write_store(iter([Document(written, "", "")]), run.tokenizer, tmp_path / str(number))
        store = TokenStore.open(tmp_path / str(number), run.tokenizer.vocab)
        rows = corpus_rows(store, None, run.recipe.objective, run.recipe.row_length)
        expected = measure(
            run.model,
            rows,
            run.recipe.objective,
            lambda batch: to_tensors(batch, run.device),
            batch_rows=3,
            seed=0,
            text_bytes=len(written.encode()),
        )
        assert found[number] == pytest.approx(expected.bits_per_byte, abs=6e-5)
    assert bits_per_byte(run, ["red green blue"])[0] < bits_per_byte(run, ["xylophone %$#"])[0]


def test_a_document_s_number_does_not_depend_on_its_company(run):
    step = ReferenceLoss(str(run.directory))
    together = step(page(TEXTS)).metas
    assert together == [meta for written in reversed(TEXTS) for meta in step(page([written])).metas][::-1]
    threads = torch.get_num_threads()
    assert bits_per_byte(run, TEXTS) == [meta["reference_loss"] for meta in together]
    assert torch.get_num_threads() == threads


def test_limits_drop_what_is_too_easy_or_too_hard(run):
    bits = [meta["bits"] for meta in ReferenceLoss(str(run.directory), "bits")(page(TEXTS)).metas]
    low, high = sorted(bits)[1], sorted(bits)[3]
    verdicts = ReferenceLoss(str(run.directory), "bits", low, high)(page(TEXTS))
    expected = ["bits: too easy" if value < low else "bits: too hard" if value > high else "" for value in bits]
    assert verdicts.reasons == expected and len(set(expected)) == 3
    assert verdicts.texts == TEXTS


def test_what_cannot_be_measured_is_refused(text, run, tmp_path):
    with pytest.raises(UserError, match="min_bits <= max_bits"):
        ReferenceLoss("run", min_bits=3.0, max_bits=2.0)
    with pytest.raises(UserError, match="There is no run in"):
        ReferenceLoss(str(tmp_path / "none"))(page(TEXTS))
    masked = recipe_of(text, objective="masked")
    pretrain(masked, tmp_path / "masked", plain=True)
    with pytest.raises(UserError, match="needs a causal model"):
        ReferenceLoss(str(tmp_path / "masked"))(page(TEXTS))


@pytest.mark.slow
def test_a_corpus_is_measured_and_then_read_from_easy_to_hard(text, run, tmp_path):
    (tmp_path / "recipe.toml").write_text(
        f"paths = ['{text}/many.jsonl', '{text}/few.jsonl']\nblock = 4000\n"
        f"[[steps]]\nkind = 'reference-loss'\nrun = '{run.directory}'\n"
    )
    for out, workers in (("one", "1"), ("two", "2")):
        finish(begin("corpus", "build", "recipe.toml", "--out", out, "--workers", workers, folder=tmp_path))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    recipe = recipe_of(text, "mix.order=reference_loss")
    prepared = prepared_of(replace(recipe, data=replace(recipe.data, paths=(str(tmp_path / "one"),))), tmp_path / "run")
    scores = prepared.text.traits.score[prepared.domains[""]]
    assert (np.diff(scores) >= 0).all() and scores[0] < scores[-1]
