"""Runs of a transfer, exported: transformers says what `predict` says, and what it cannot hold is refused."""

import json
import warnings

import pytest
import torch
from published_models import transformers
from small_models import SMALL_RUN, book

import hornbook
from hornbook.errors import UserError
from hornbook.transfer.tags import repaired

SETTINGS = {"transfer.epochs": 20, "transfer.rates": "0.003"}
TEXTS = ["The cat sees the a.", "The king eats the b.", "The dog sees the e. The cat eats the c."]


def base(objective, folder):
    (folder / "book.txt").write_text(book())
    return hornbook.pretrain(
        folder / "book.txt", objective=objective, steps=2, out=folder / objective, settings=SMALL_RUN, plain=True
    )


def lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def examples(task, path):
    sentences = [line for part in book().split("\n\n") for line in part.split(". ")][:60]
    if task == "classify":
        return lines(path, [{"text": line, "label": "ate" if "eats" in line else "saw"} for line in sentences])
    if task == "tag":
        words = [line.split() for line in sentences]
        tags = [["B-who" if word in ("cat", "dog", "king") else "O" for word in line] for line in words]
        return lines(path, [{"tokens": line, "tags": tag} for line, tag in zip(words, tags, strict=True)])
    return lines(path, [{"source": line, "target": line.split()[1]} for line in sentences])


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bases")
    return {objective: base(objective, folder) for objective in ("causal", "masked", "span")}


@pytest.mark.parametrize("objective", ["causal", "masked", "span"])
def test_a_tuned_classifier_says_the_same_there(objective, bases, tmp_path):
    run = bases[objective].transfer(
        examples("classify", tmp_path / "t.jsonl"), seeds=1, out=tmp_path / "run", settings=SETTINGS, plain=True
    )
    folder = run.export()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classify = transformers.pipeline("text-classification", model=str(folder), device="cpu")
        theirs = classify(TEXTS, batch_size=3, top_k=None)
    assert classify.model.config.id2label == {0: "ate", 1: "saw"}
    for ours, said in zip(run.predict([{"text": text} for text in TEXTS]), theirs, strict=True):
        for one in said:
            assert one["score"] == pytest.approx(ours["probability"][one["label"]], abs=2e-5)
    card = (folder / "README.md").read_text()
    assert 'pipeline_tag: "text-classification"' in card and "| accuracy |" in card and "`ate`, `saw`" in card


def test_a_tuned_tagger_says_the_same_there(bases, tmp_path):
    run = bases["masked"].transfer(
        examples("tag", tmp_path / "t.jsonl"), seeds=1, out=tmp_path / "run", settings=SETTINGS, plain=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tag = transformers.pipeline("token-classification", model=str(run.export()), device="cpu", ignore_labels=[])
        theirs = tag(TEXTS)
    for text, ours, said in zip(TEXTS, run.predict([{"tokens": t.split()} for t in TEXTS]), theirs, strict=True):
        labels = {piece["start"]: piece["entity"] for piece in reversed(said)}
        starts = [sum(len(word) + 1 for word in text.split()[:place]) for place in range(len(text.split()))]
        assert list(repaired([labels[start] for start in starts])[0]) == ours["tags"]


@pytest.mark.parametrize("objective", ["causal", "span"])
def test_a_tuned_writer_writes_the_same_there(objective, bases, tmp_path):
    run = bases[objective].transfer(
        examples("write", tmp_path / "t.jsonl"), seeds=1, out=tmp_path / "run", settings=SETTINGS, plain=True
    )
    folder = run.export()
    kind = transformers.AutoModelForCausalLM if objective == "causal" else transformers.AutoModelForSeq2SeqLM
    model, tokenizer = kind.from_pretrained(folder).eval(), transformers.AutoTokenizer.from_pretrained(folder)
    for text, ours in zip(TEXTS, run.predict([{"source": text} for text in TEXTS]), strict=True):
        given = tokenizer(text + "\n" if objective == "causal" else text, return_tensors="pt")
        with torch.no_grad():
            ids = model.generate(**given, max_new_tokens=run.transferred.longest, do_sample=False)[0]
        new = ids[given["input_ids"].shape[1] :] if objective == "causal" else ids
        assert tokenizer.decode(new, skip_special_tokens=True).strip() == ours["target"]


def test_what_transformers_cannot_hold_is_refused(bases, tmp_path):
    path = examples("tag", tmp_path / "t.jsonl")
    both = bases["causal"].transfer(path, seeds=1, out=tmp_path / "both", settings=SETTINGS, plain=True)
    with pytest.raises(UserError, match=r"reads with sight on both sides.*transfer\.sight=one"):
        both.export()
    one = bases["causal"].transfer(
        path, seeds=1, out=tmp_path / "one", settings={**SETTINGS, "transfer.sight": "one"}, plain=True
    )
    with pytest.raises(UserError, match="leave out --as"):
        one.export(family="gguf")
    assert (one.export() / "model.safetensors").is_file()
    with pytest.raises(UserError, match="cannot be exported exactly as bert"):
        one.export(family="bert")
