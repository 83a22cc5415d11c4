"""Rules: each finds what it is for, says its numbers, and is not known without its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hornbook.evaluate.evaluation import Evaluation
from hornbook.report.facts import RunFacts, facts_of
from hornbook.report.opening import told
from hornbook.report.rows import DomainRead, RowCounts, counted
from hornbook.report.verdicts import Rule, rules

TALES = Path(__file__).parents[1] / "fixtures" / "report" / "tales"
NAMES = (
    "better than counting words", "the loss has stopped falling", "held-out loss near the training loss",
    "tokens for its size", "text not read too often", "no waiting for data", "positions that hold tokens",
    "gradients seldom clipped", "no spikes", "use of the machine", "samples that do not repeat",
)  # fmt: skip


@pytest.fixture(scope="module")
def run() -> RunFacts:
    return facts_of(TALES)


@pytest.fixture(scope="module")
def rows(run: RunFacts) -> RowCounts:
    found = counted(run)
    assert not isinstance(found, str)
    return found


def rule(name: str, run: RunFacts, rows: RowCounts | str) -> Rule:
    return {one.name: one for one in rules(run, rows)}[name]


def trained(run: RunFacts, change: Callable[[dict[str, Any], int], dict[str, Any]]) -> RunFacts:
    """Return a run with other records: `change` gets each record and its place."""
    return replace(run, train=[{**one, **change(dict(one), place)} for place, one in enumerate(run.train)])


def flat(run: RunFacts, loss: float = 2.0) -> RunFacts:
    return trained(run, lambda _, place: {"loss": loss + 0.01 * (-1) ** place})


def worse_than_counts(run: RunFacts) -> RunFacts:
    assert run.result is not None
    numbers = [replace(one, baselines={"unigram": 0.1}) if one.name == "loss" else one for one in run.result.numbers]
    return replace(run, result=replace(run.result, numbers=tuple(numbers)))


def far_from_training(run: RunFacts) -> RunFacts:
    return replace(flat(run, 1.0), measured=[{"kind": "held_out", "step": run.step, "loss": 1.3}])


def large(run: RunFacts) -> RunFacts:
    assert run.result is not None
    return replace(run, result=replace(run.result, parameters=10**9))


def spiking(run: RunFacts) -> RunFacts:
    return trained(flat(run), lambda record, place: {"loss": 9.0 if place == 100 else record["loss"]})


CROSSED: dict[str, Callable[[RunFacts], RunFacts]] = {
    "better than counting words": worse_than_counts,
    "the loss has stopped falling": lambda run: trained(run, lambda _, place: {"loss": 5.0 - 0.01 * place}),
    "held-out loss near the training loss": far_from_training,
    "tokens for its size": large,
    "no waiting for data": lambda run: trained(run, lambda *_: {"waiting_share": 0.2}),
    "positions that hold tokens": lambda run: trained(run, lambda *_: {"positions": 100, "padding": 10}),
    "gradients seldom clipped": lambda run: trained(run, lambda _, place: {"gradient_norm": 2.0 * (place % 2)}),
    "no spikes": spiking,
    "use of the machine": lambda run: trained(run, lambda *_: {"model_flops_utilization": 0.01}),
    "samples that do not repeat": lambda run: replace(run, samples=[{"step": 9, "said": "on and on we go " * 20}]),
}
FINE: dict[str, Callable[[RunFacts], RunFacts]] = {
    "better than counting words": lambda run: run,
    "the loss has stopped falling": flat,
    "held-out loss near the training loss": lambda run: replace(
        flat(run), measured=[{"kind": "held_out", "step": run.step, "loss": 2.01}]
    ),
    "no waiting for data": lambda run: trained(run, lambda *_: {"waiting_share": 0.01}),
    "positions that hold tokens": lambda run: trained(run, lambda *_: {"positions": 100, "padding": 1}),
    "gradients seldom clipped": lambda run: trained(run, lambda *_: {"gradient_norm": 0.5}),
    "no spikes": flat,
    "use of the machine": lambda run: trained(run, lambda *_: {"model_flops_utilization": 0.5}),
    "samples that do not repeat": lambda run: replace(
        run, samples=[{"step": 9, "said": " ".join(f"word{place}" for place in range(40))}]
    ),
}


@pytest.mark.parametrize("name", CROSSED)
def test_what_crosses_a_threshold_asks_for_a_look_and_says_what_to_do(
    name: str, run: RunFacts, rows: RowCounts
) -> None:
    found = rule(name, CROSSED[name](run), rows)
    assert (found.status, bool(found.advice), bool(found.numbers)) == ("look", True, True), found
    assert found.threshold and found.source


@pytest.mark.parametrize("name", FINE)
def test_what_does_not_cross_it_is_fine(name: str, run: RunFacts, rows: RowCounts) -> None:
    found = rule(name, FINE[name](run), rows)
    assert (found.status, found.advice) == ("good", ""), found


def test_samples_in_a_script_without_blanks_are_judged_by_their_characters(run: RunFacts, rows: RowCounts) -> None:
    name = "samples that do not repeat"
    for said, status in (
        ("今天天气很好我们去公园走走" * 4, "look"),
        ("今天天气很好我们去公园走一下看花开了没有", "good"),
    ):
        assert rule(name, replace(run, samples=[{"step": 9, "said": said}]), rows).status == status


def test_what_a_model_read_before_this_run_is_said_to_be_unknown(run: RunFacts, rows: RowCounts) -> None:
    begun = replace(run, origin={"kind": "run", "name": "trunk"})
    assert "trunk" not in " ".join(told(run)) and "It began with the weights of trunk" in " ".join(told(begun))
    assert rule("tokens for its size", begun, rows).status == "unknown"


def test_the_verdict_names_the_counts_that_are_not_beaten_and_no_others(run: RunFacts) -> None:
    assert run.result is not None
    loss = next(number for number in run.result.numbers if number.name == "loss")
    others = tuple(number for number in run.result.numbers if number.name != "loss")
    mixed = replace(loss, baselines={"unigram": loss.value + 1, "bigram": loss.value - 1})
    (sentence, _) = told(replace(run, result=replace(run.result, numbers=(mixed, *others))))
    assert sentence.endswith("It does not beat counts of words on the same text (bigram).")


def test_text_that_is_read_too_often_is_told_by_domain(run: RunFacts, rows: RowCounts) -> None:
    often = replace(rows, domains=(DomainRead("notes", 10, 41, 10), DomainRead("tales", 100, 90, 90)))
    found = rule("text not read too often", run, often)
    assert found.status == "look" and "notes 4.10 times" in found.sentence
    fine = replace(rows, domains=(DomainRead("", 10, 40, 10),))
    assert rule("text not read too often", run, fine).status == "good"


def test_without_data_no_rule_is_good(run: RunFacts) -> None:
    bare = replace(run, result=None, train=[], measured=[], samples=[], plan={}, counts={})
    found = rules(bare, "nothing is there")
    assert tuple(one.name for one in found) == NAMES
    assert {one.status for one in found} == {"unknown"}
    assert all(one.sentence.startswith("Not known: ") and one.threshold for one in found)


def test_numbers_that_are_none_make_a_rule_unknown_and_no_fault(run: RunFacts, rows: RowCounts) -> None:
    strange = trained(run, lambda *_: dict.fromkeys(("loss", "gradient_norm", "waiting_share", "positions"), "x"))
    assert rule("no spikes", strange, rows).status == "unknown"
    assert rule("positions that hold tokens", strange, rows).status == "unknown"
    null = trained(run, lambda *_: {"loss": None, "model_flops_utilization": float("nan")})
    assert rule("use of the machine", null, rows).status == "unknown"


def test_the_kept_result_is_read_as_every_other_reader_reads_it(run: RunFacts) -> None:
    assert run.result is not None
    kept = Evaluation.load(TALES / "result.json")
    assert [one.value for one in kept.numbers] == [one.value for one in run.result.numbers]
