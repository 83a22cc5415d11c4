"""Exports of models with a task's head: transformers' classes give the same logits, its pipelines the same labels."""

import dataclasses
import json
import warnings

import pytest
import torch
from published_models import CASES, LINES, config_of, random_model, tokenizer_of, transformers

from hornbook.convert.export_task import Marks, export_task
from hornbook.convert.families.heads import CLASSES
from hornbook.errors import UserError
from hornbook.model.inputs import to_tensors
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, train_tokenizer
from hornbook.transfer.examples import Asked, Classified, Tagged
from hornbook.transfer.rows import Layout
from hornbook.transfer.task import Task
from hornbook.vocab import Vocab

LABELS = ("bad", "so so", "good")
TAGS = ("O", "B-per", "I-per", "B-loc", "I-loc")
TEXTS = ["The quick brown fox.", "A dog", "Over the lazy dog jumps the quick brown fox."]
QUICK = ("qwen3", "gpt2", "modernbert", "bert", "t5-v1.1", "bart")
ALL = [case if case in QUICK else pytest.param(case, marks=pytest.mark.slow) for case in (*CASES, "electra")]


def shape(case, head, labels):
    config = config_of("electra-generator-types" if case == "electra" else case)
    if case == "electra":
        config = dataclasses.replace(config, rtd_head=True, head_transform=False, head_bias=False, token_types=2)
    if head == "class" and config.token_types > 2:
        config = dataclasses.replace(config, token_types=2)
    return dataclasses.replace(config, max_length=64, task_head=head, task_labels=labels)


@pytest.fixture(scope="module")
def text():
    return train_tokenizer(LINES * 3 + TEXTS, "bpe", 380, Requirements(sentinels=2), "both")


def exported(case, name, labels, text, folder, pad=True):
    """Return our model and task, and theirs with its tokenizer."""
    head = {"pairs": "class", "classify": "class", "tag": "tag", "answer": "span"}[name]
    config = shape(case, head, len(labels))
    family = "electra" if case == "electra" else CASES[case][0]
    text = tokenizer_of(family, text)
    vocab = Vocab.from_tokenizer(text)
    marks = Marks((vocab.bos,), (vocab.eos,), (vocab.eos,), config.token_types > 1)
    if not pad:
        vocab = dataclasses.replace(vocab, pad=None)
    start = vocab.start("it") if config.topology == "encoder-decoder" else None
    layout = Layout(
        Tokenizer(text, vocab), config.topology, marks.before, marks.between, marks.after, start, 64, marks.typed
    )
    model = random_model(config)
    export_task(model.state_dict(), config, text, vocab, marks, labels, "card", folder)
    theirs, report = getattr(transformers, CLASSES[head]).from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    return model, Task(name, layout, labels), theirs.eval(), transformers.AutoTokenizer.from_pretrained(folder)


def ours(model, task, items):
    rows = task.rows(items)
    with torch.no_grad():
        logits = model.task_logits(to_tensors(task.batch(rows), torch.device("cpu")))
    assert logits.std() > 0.1  # otherwise nearness would prove little
    return rows, torch.split(logits, [len(row.places) for row in rows])


@pytest.mark.parametrize("case", ALL)
@pytest.mark.parametrize("paired", [False, True])
def test_classes_of_padded_batches_are_equal(case, paired, text, tmp_path):
    if case.startswith("electra-generator"):
        with pytest.raises(UserError, match="another activation before the classes"):
            exported(case, "classify", LABELS, text, tmp_path / "model")
        return
    model, task, theirs, tokenizer = exported(case, "pairs" if paired else "classify", LABELS, text, tmp_path / "model")
    others = TEXTS[1:] + TEXTS[:1] if paired else [None] * 3
    found = ours(model, task, [Classified("1", *pair, None) for pair in zip(TEXTS, others, strict=True)])[1]
    inputs = tokenizer(TEXTS, others if paired else None, padding=True, return_tensors="pt")
    assert (inputs["attention_mask"] == 0).any()
    with torch.no_grad():
        logits = theirs(**inputs).logits
    assert (torch.cat(found) - logits).abs().max() < 1e-5
    assert theirs.config.problem_type == "single_label_classification"
    assert theirs.config.id2label == dict(enumerate(LABELS)) and theirs.config.label2id["good"] == 2


@pytest.mark.parametrize("case", ALL)
def test_tags_of_words_are_equal(case, text, tmp_path):
    if case.startswith("bart"):
        with pytest.raises(UserError, match="no class that tags the words of a BART"):
            exported(case, "tag", TAGS, text, tmp_path / "model")
        return
    model, task, theirs, tokenizer = exported(case, "tag", TAGS, text, tmp_path / "model")
    rows, found = ours(model, task, [Tagged("1", tuple(line.split()), None) for line in TEXTS])
    inputs = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        logits = theirs(**inputs).logits
    for number, row in enumerate(rows):
        assert inputs["input_ids"][number, : len(row.inputs)].tolist() == row.inputs.tolist()
        assert (logits[number, row.places] - found[number]).abs().max() < 1e-5


@pytest.mark.parametrize("case", ALL)
def test_spans_are_equal(case, text, tmp_path):
    model, task, theirs, tokenizer = exported(case, "answer", (), text, tmp_path / "model")
    rows, found = ours(model, task, [Asked("1", line, "Who jumps?", None) for line in TEXTS])
    inputs = tokenizer(["Who jumps?"] * 3, TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        said = theirs(**inputs)
    logits = torch.stack([said.start_logits, said.end_logits], -1)
    for number, row in enumerate(rows):
        assert inputs["input_ids"][number, : len(row.inputs)].tolist() == row.inputs.tolist()
        assert (logits[number, row.places] - found[number]).abs().max() < 1e-5


@pytest.mark.parametrize("case", ["qwen3", "gpt2"])
def test_padding_is_never_the_token_that_is_read(case, text, tmp_path):
    """LlamaForSequenceClassification reads the last token that is no padding: a pad that ends texts is skipped."""
    model, task, theirs, tokenizer = exported(case, "classify", LABELS, text, tmp_path / "a", pad=False)
    assert tokenizer.pad_token_id not in (None, tokenizer.eos_token_id)
    found = ours(model, task, [Classified("1", line, None, None) for line in TEXTS])[1]
    for side in ("right", "left") if case == "qwen3" else ("right",):
        tokenizer.padding_side = side
        with torch.no_grad():
            assert (
                theirs(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits - torch.cat(found)
            ).abs().max() < 1e-5


def test_a_vocabulary_with_one_mark_gets_a_token_for_padding(tmp_path):
    text = train_tokenizer(TEXTS * 5, "bpe", 280, Requirements(), "both")
    data = json.loads(text)
    vocab = Vocab.from_tokenizer(text)
    data["added_tokens"] = [one for one in data["added_tokens"] if one["id"] == vocab.eos]
    bare = json.dumps(data | {"post_processor": None})
    mark = data["added_tokens"][0]["content"]
    alone = Vocab.from_tokenizer(bare, {"eos": mark, "bos": mark})
    alone = dataclasses.replace(alone, pad=None, special=alone.special & (alone.special.cumsum() < 0), unk=None)
    config = dataclasses.replace(shape("gpt2", "class", 3), vocab_size=alone.size)
    model = random_model(config)
    marks = Marks((), (alone.eos,), (alone.eos,), False)
    folder = export_task(model.state_dict(), config, bare, alone, marks, LABELS, "card", tmp_path / "model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    assert tokenizer.pad_token_id == alone.size == theirs.config.pad_token_id
    task = Task("classify", Layout(Tokenizer(bare, alone), "decoder", (), (), (alone.eos,), None, 64, False), LABELS)
    found = ours(model, task, [Classified("1", line, None, None) for line in TEXTS])[1]
    with torch.no_grad():
        logits = theirs(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits
    assert (logits - torch.cat(found)).abs().max() < 1e-5


@pytest.mark.parametrize("case", ["qwen3", "modernbert", "bert", "t5-v1.1"])
def test_pipelines_give_the_same_labels(case, text, tmp_path):
    model, task, theirs, tokenizer = exported(case, "classify", LABELS, text, tmp_path / "class")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classify = transformers.pipeline("text-classification", model=theirs, tokenizer=tokenizer, device="cpu")
        said = [one["label"] for one in classify(TEXTS, batch_size=3)]
    items = [Classified("1", line, None, None) for line in TEXTS]
    assert said == [one["said"] for one in task.predict(model, items, torch.device("cpu"))]
    model, task, theirs, tokenizer = exported(case, "tag", TAGS, text, tmp_path / "tag")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tag = transformers.pipeline(
            "token-classification", model=theirs, tokenizer=tokenizer, device="cpu", ignore_labels=[]
        )
        found = tag(TEXTS)
    for line, pieces in zip(TEXTS, found, strict=True):
        labels = {piece["start"]: piece["entity"] for piece in reversed(pieces)}
        _, logits = ours(model, task, [Tagged("1", tuple(line.split()), None)])
        best = [TAGS[number] for number in logits[0].argmax(-1).tolist()]
        starts = [line.index(word) for word in line.split()]
        assert [labels[start] for start in starts] == best
