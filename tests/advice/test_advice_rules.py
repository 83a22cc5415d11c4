"""The rules: the two tables that courses teach are there, each marked; tasks are found by plain words."""

import pytest

from hornbook.advice.rules import rules, rules_for, task_kind, tasks
from hornbook.errors import UserError
from hornbook.objectives.catalogue import CATALOGUE

LAPTOP = (1e5, 3e8)


def test_every_row_of_the_two_tables_is_a_rule_of_thumb() -> None:
    by_task = {
        "generation": ("causal",), "classify": ("masked", "causal"), "answer": ("span", "masked"),
        "write": ("span", "bart"), "few-shot": ("causal",), "general": ("ul2",),
    }  # fmt: skip
    for name, favours in by_task.items():
        first = rules_for(task_kind(name))[0]
        assert (first.favours, first.mark) == (favours, "rule of thumb")
    sizes = {rule.parameters: rule.favours for rule in rules() if not rule.tasks}
    assert sizes == {(0, 1e9): ("masked",), (1e9, 1e10): ("causal",), (1e10, 1e15): ("causal",)}
    assert all(rule.mark == "rule of thumb" for rule in rules() if not rule.tasks)


def test_what_was_published_names_its_scope_and_decides_only_within_it() -> None:
    published = [rule for rule in rules() if rule.mark == "published"]
    assert len(published) >= 4
    for rule in published:
        assert rule.parameters and rule.words and any(sign.isdigit() for sign in rule.source)
    wang = next(rule for rule in published if "Wang" in rule.source and rule.favours == ("causal",))
    assert "sizes" in wang.beyond(LAPTOP, 1e11) and not wang.beyond((4e9, 6e9), 1e11)
    babylm = next(rule for rule in published if "BabyLM" in rule.source)
    assert "not known" in babylm.beyond(LAPTOP, None) and "words" in babylm.beyond(LAPTOP, 1e5)
    assert not babylm.beyond(LAPTOP, 5e7)


def test_the_rules_name_objectives_that_there_are() -> None:
    named = {name for rule in rules() for name in rule.favours}
    named |= {name for kind in tasks().values() for name in kind.candidates}
    assert named <= set(CATALOGUE)
    assert {name for rule in rules() for name in rule.tasks} <= set(tasks())


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("tag", "tag"), ("NER", "tag"), ("sentiment", "classify"), ("Question Answering", "answer"),
        ("few_shot", "few-shot"), ("summarize", "write"), ("embeddings", "embeddings"), ("chat", "instruct"),
    ],
)  # fmt: skip
def test_tasks_are_found_by_plain_words(said: str, name: str) -> None:
    assert task_kind(said).name == name


def test_words_mean_one_task_each() -> None:
    words = [word for kind in tasks().values() for word in (kind.name, *kind.words)]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(("said", "hint"), [("clasify", "Did you mean 'classify'?"), ("nosuch", "tag (a tag for each")])
def test_an_unknown_task_says_which_there_are(said: str, hint: str) -> None:
    with pytest.raises(UserError, match="There is no task") as error:
        task_kind(said)
    assert hint in str(error.value) and "generation (continue a text)" in str(error.value)
