"""What a run keeps of its measurements: records of every document, numbers by domain, what it gained."""

from __future__ import annotations

import json
import math

import pytest
from mixed_text import recipe_of, several_domains  # noqa: F401
from small_models import SMALL_RUN, book

import hornbook as hb
from hornbook.errors import Notice, UserError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.records import Records
from hornbook.run.directory import open_run
from hornbook.run.measure import checkpoint_of, evaluate, told_gain
from hornbook.run.pretrain import pretrain
from hornbook.train.metrics import read_metrics


@pytest.fixture(scope="module")
def mixed(text, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "mixed"
    more = ("mix.rule=temperature", "mix.domain=topic", "training.evaluate_every=2", "tokenizer.size=320")
    pretrain(recipe_of(text, *more), out, plain=True)
    return out


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(book())
    hb.pretrain(path, steps=60, out=path.parent / "run", settings=SMALL_RUN, plain=True)
    return path.parent / "run"


def test_domains_are_measured_during_a_run_and_at_its_end(mixed):
    records = [record for record in read_metrics(mixed / "metrics.jsonl") if record["kind"] == "held_out"]
    assert len(records) == 2
    for record in records:
        domains = record["domains"]
        assert set(domains) <= {"red", "green", "one", "two"} and len(domains) > 1
        targets = sum(part["targets"] for part in domains.values())
        nats = sum(part["targets"] * part["text_loss"] for part in domains.values())
        assert record["text_loss"] == pytest.approx(nats / targets)
        assert all(part["bits_per_byte"] > 0 for part in domains.values())
    found, kept = Evaluation.load(mixed / "result.json"), Records.load(mixed / "evaluations" / "held_out.jsonl")
    parts = {item["domain"] for item in kept.items}
    of_each = [found.number(f"bits per byte of {name}").value for name in parts]
    assert found.number("bits per byte over domains").value == pytest.approx(sum(of_each) / len(parts))
    assert evaluate(open_run(mixed), by="topic") == found


def test_records_are_kept_of_every_measurement(trained):
    run = open_run(trained)
    own = Records.load(trained / "evaluations" / "held_out.jsonl")
    assert own.header["name"] == "held_out" and own.header["checkpoint"] == checkpoint_of(trained) != ""
    assert Evaluation.of(own) == Evaluation.load(trained / "result.json") == evaluate(run)
    half = evaluate(run, stride=16)
    kept = Records.load(trained / "evaluations" / "held_out.stride16.jsonl")
    assert kept.header["text"]["stride"] == 16 and Evaluation.of(kept) == half
    assert [item["id"] for item in kept.items] == [item["id"] for item in own.items]
    assert half.loss == evaluate(run).loss and half.bits_per_byte != evaluate(run).bits_per_byte
    whole = sum(item["nats"] for item in kept.items) / math.log(2) / sum(item["bytes"] for item in kept.items)
    assert half.bits_per_byte == pytest.approx(whole)


def test_numbers_by_a_field_of_a_given_text(trained, tmp_path):
    lines = [{"text": f"The cat sees the {what}.", "kind": "ab"[number % 2]} for number, what in enumerate("abcdef")]
    path = tmp_path / "other.text.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    found = hb.load(trained).evaluate(path, by="kind")
    kept = Records.load(trained / "evaluations" / "other.jsonl")
    assert [item["domain"] for item in kept.items] == list("ababab") and found.documents == 6
    assert found.number("bits per byte of a").draws == 3
    assert hb.load(trained).evaluate(path, by="source").number("bits per byte over domains") is None  # it is one
    with pytest.raises(UserError, match="has no field 'colour' to group by"):
        hb.load(trained).evaluate(path, by="colour")
    with pytest.raises(UserError, match="name text with --data"):
        hb.load(trained).evaluate(by="kind")


def test_a_place_that_takes_no_records_is_told_and_the_numbers_are_given(trained, tmp_path):
    run = hb.load(trained)
    path = tmp_path / ("n" * 240 + ".txt")
    path.write_text(book()[:600])
    with pytest.warns(Notice, match="records of this measurement are not kept"):
        assert run.evaluate(path, stride=8).bits_per_byte > 0


def test_what_a_run_gained_is_told_where_it_measured_before_its_first_step():
    def measured(step: int, loss: float, **more: float) -> dict[str, object]:
        return {"kind": "held_out", "step": step, "loss": loss, **more}

    train = {"kind": "train", "step": 1, "loss": 9.0}
    gain = told_gain([measured(0, 6.69), train, measured(5, 6.5), measured(9, 6.32)])
    assert gain == "On your held-out text: before 6.6900 -> after 6.3200 nats per token."
    both = told_gain([measured(0, 6.69, bits_per_byte=2.5), measured(9, 6.32, bits_per_byte=2.25)])
    assert both.endswith("nats per token; before 2.5000 -> after 2.2500 bits per byte.")
    assert told_gain([train, measured(5, 6.5), measured(9, 6.32)]) == told_gain([measured(0, 6.69)]) == ""


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["causal", "prefix", "fim"])
def test_more_context_makes_no_trained_model_worse(objective, tmp_path):
    path = tmp_path / "book.txt"
    path.write_text(book())
    hb.pretrain(path, objective=objective, steps=250, out=tmp_path / "run", settings=SMALL_RUN, plain=True)
    run = open_run(tmp_path / "run")
    bits = [evaluate(run, stride=stride).bits_per_byte for stride in (64, 32)]
    assert bits[1] <= bits[0]
