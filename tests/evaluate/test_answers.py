"""What follows from the records of a task: chance without knowledge, ties, intervals, baselines, differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scoring import Free, scorer, small_tokenizer

from hornbook.errors import UserError
from hornbook.evaluate.answers import Answers, answer
from hornbook.evaluate.records import Records
from hornbook.evaluate.task_files.read import load_task
from hornbook.evaluate.task_numbers import accuracy, score
from hornbook.evaluate.tasks import Item, Task
from hornbook.tokens.tokenizer.tokenizer import Tokenizer

PAIR = {"sentence_good": "The cat sees herself.", "sentence_bad": "The cat sees himself.", "UID": "anaphor"}
ALIKE = ["aaa", "bbb", "ccc"]
CHOICE = {"question": "What is wet?", "choices": ALIKE, "label": 0}
YES_NO = {"passage": "Rain falls.", "question": "does it rain?", "choices": ["aaa", "bbb"], "label": 1}
SCHEMA = {"context_options": ["The cup fell so it", "The cat fell so it"], "continuation": "broke.", "label": 1}
WORD = {"context": "He said good", "target": "night"}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return small_tokenizer()


def read(folder: Path, *records: dict[str, Any]) -> Task:
    path = folder / "t.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return load_task(path)


def still(tokenizer: Tokenizer, name: str = "causal", way: str = "continuation") -> Any:
    """Return a scorer of a real model all of whose logits are alike."""
    one = scorer(name, way, tokenizer)
    with torch.no_grad():
        for parameter in one.model.parameters():
            parameter.zero_()
    return one


@pytest.mark.parametrize(
    ("name", "way"),
    [("causal", "continuation"), ("masked", "pll-word"), ("diffusion", "bound"), ("span", "sentinel"),
     ("bart", "rewrite"), ("replaced", "replaced")],
)  # fmt: skip
def test_constant_logits_are_at_chance_in_every_task_and_their_ties_are_counted(
    name: str, way: str, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    one = still(tokenizer, name, way)
    for records, chance in (
        ([{**PAIR, "sentence_bad": PAIR["sentence_good"][::-1]}] * 3, 0.5), ([SCHEMA] * 3, 0.5),
        ([{**CHOICE, "label": label} for label in (0, 1, 2)], 1 / 3), ([YES_NO, {**YES_NO, "label": 0}], 0.5),
    ):  # fmt: skip
        task = read(tmp_path, *records)
        if task.kind == "pairs":  # of equal numbers of tokens
            task = Task("t", "pairs", (Item((("", "aab"), ("", "aab"))), Item((("", "b"), ("", "b")))), "acc")
        found = {number.name: number for number in answer(one, task).numbers()}
        accuracies = [number for key, number in found.items() if key.startswith("acc")]
        assert accuracies and all(number.value == pytest.approx(chance, abs=1e-12) for number in accuracies)
        assert all(number.low < number.value < number.high for number in accuracies)
        if task.kind == "pairs":
            assert (found["ties"].value, found["ties"].text) == (2, "2")
            assert found["acc"].baselines == {"chance": 0.5}
    if way != "replaced":
        one_token = Task("t", "last word", (Item((("The quick", " brown"),)),), "acc")
        made = answer(one, one_token)
        vocabulary, length = one.model.config.vocab_size, made.records.items[0]["tokens"][0]
        acc, perplexity = made.numbers()
        assert acc.value == pytest.approx(vocabulary**-length)
        assert perplexity.value == pytest.approx(vocabulary**length, rel=1e-4)


def test_ties_count_a_share_and_lengths_are_divided_by() -> None:
    item = {
        "nats": [2.0, 2.0, 6.0], "answer": 1, "characters": [1, 2, 12], "bytes": [1, 2, 3], "tokens": [1, 1, 3],
        "alone": [1.0, 1.5, 5.5],
    }  # fmt: skip
    names = ("acc", "acc_norm", "acc_bytes", "acc_token", "acc_pmi")
    assert [score(item, name) for name in names] == [0.5, 0.0, 1.0, 1 / 3, 0.5]
    assert score({**item, "answer": 2}, "acc") == 0.0 and score({**item, "answer": 0}, "acc_pmi") == 0.0


def test_lengths_are_of_the_choice_without_its_delimiter_in_characters_and_in_bytes(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """lm-evaluation-harness #3278: acc_norm divides by characters, acc_bytes by bytes."""
    task = read(tmp_path, {**CHOICE, "choices": ["Grüße", "ab", "你好"]})
    item = answer(scorer("causal", "continuation", tokenizer), task).records.items[0]
    assert (item["characters"], item["bytes"]) == ([5, 2, 2], [7, 2, 6])
    assert item["tokens"] == [len(tokenizer.encode([f" {one}"])[0]) for one in ("Grüße", "ab", "你好")]


def test_records_are_kept_and_numbers_follow_from_them_alone(tokenizer: Tokenizer, tmp_path: Path) -> None:
    costs = np.random.default_rng(0).uniform(1, 5, tokenizer.vocab.size)
    for records, one in (
        ([PAIR, {**PAIR, "UID": "b"}, PAIR], scorer("masked", "pll", tokenizer, Free(costs))),
        ([WORD, WORD], scorer("causal", "continuation", tokenizer)),
        ([CHOICE, CHOICE], scorer("masked", "pll-word", tokenizer)),
    ):
        found = answer(one, read(tmp_path, *records))
        path = found.save(tmp_path / "evaluations")
        again = Answers.load(path)
        assert again == found and again.numbers() == found.numbers()
        assert (len(path.read_text().splitlines()), found.header["items"]) == (len(records) + 1, len(records))
        assert path.name == f"t.{one.way.name}.jsonl" and found.header["data"] == read(tmp_path, *records).sha256
    Records({"name": "x"}, ()).save(tmp_path / "other.jsonl")
    with pytest.raises(UserError, match="holds no answers to a task"):
        Answers.load(tmp_path / "other.jsonl")


def test_unlike_settings_never_overwrite_each_other(tokenizer: Tokenizer, tmp_path: Path) -> None:
    one = scorer("causal", "continuation", tokenizer)
    task = read(tmp_path, *[{**CHOICE, "question": f"{n}?"} for n in range(4)])
    other = read(tmp_path, *[{**CHOICE, "question": f"{n}!"} for n in range(4)])
    for each in (
        task,
        task.with_shots(1),
        task.with_shots(1).few(),
        task.with_shots(1, other),
        task.with_blank(),
        other,
    ):
        answer(one, each).save(tmp_path / "kept")
    names = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert names == sorted([
        "t.continuation.jsonl", "t.continuation.1shot.jsonl", "t.continuation.1shot.few.jsonl",
        "t.continuation.1shot.from-t.jsonl", "t.continuation.like-lm-eval.jsonl",
        f"t.continuation.{other.sha256[:8]}.jsonl",
    ])  # fmt: skip


def test_a_right_model_is_right_and_groups_have_their_own_numbers(tokenizer: Tokenizer, tmp_path: Path) -> None:
    costs = np.ones(tokenizer.vocab.size)
    good, bad = (set(tokenizer.encode([PAIR[f"sentence_{which}"]])[0].tolist()) for which in ("good", "bad"))
    costs[list(bad - good)] = 99
    task = read(tmp_path, *[PAIR] * 5, *[{**PAIR, "UID": "b"}] * 5)
    found = answer(scorer("causal", "continuation", tokenizer, Free(costs)), task)
    by_groups, by_pairs, ties, unequal = found.numbers()
    assert (by_groups.name, by_pairs.name, by_groups.value, by_pairs.value) == ("acc", "acc_pairs", 1.0, 1.0)
    assert (by_groups.draws, by_pairs.draws, ties.value) == (2, 10, 0)
    assert "2 groups: for more groups" in by_groups.meaning and "two models on these pairs" in by_pairs.meaning
    assert by_groups.low < by_pairs.low < 1  # never an interval without width
    lengths = [len(tokenizer.encode([PAIR[f"sentence_{which}"]])[0]) for which in ("good", "bad")]
    assert unequal.value == float(lengths[0] != lengths[1])
    assert {name: number.value for name, number in found.groups().items()} == {"anaphor": 1.0, "b": 1.0}


def test_no_accuracy_between_0_and_1_is_published_without_width() -> None:
    """lm-evaluation-harness #3966: standard errors of exactly 0."""
    for scores, clusters in (([0.5] * 8, None), ([0.5] * 8, list("aabbccdd")), ([1.0] * 8, list("aabbccdd"))):
        found = accuracy(scores, clusters)
        assert 0 <= found.low < found.value <= found.high <= 1 and found.low < found.high
    few = accuracy([1.0, 0.0, 1.0, 1.0], list("abcd"))
    assert (few.low, few.high) == (0.0, 1.0)  # Student's t, cut to what a share can be


def test_simple_answers_stand_beside_choices(tokenizer: Tokenizer, tmp_path: Path) -> None:
    one = scorer("causal", "continuation", tokenizer)
    rows = [{**YES_NO, "passage": f"{n}", "label": int(n < 3)} for n in range(4)]
    assert answer(one, read(tmp_path, *rows)).numbers()[0].baselines == {"always 'bbb'": 0.75}
    free = [{**CHOICE, "choices": ["a", "bb"]}, {**CHOICE, "choices": ["aa", "bb", "c", "d"], "label": 1}]
    assert answer(one, read(tmp_path, *free)).numbers()[0].baselines == {
        "chance": 0.375,
        "longest": 0.25,
        "shortest": 0.5,
    }


def test_a_choice_alone_is_scored_behind_the_end_of_the_prompt(tokenizer: Tokenizer, tmp_path: Path) -> None:
    one = scorer("causal", "continuation", tokenizer)
    item = answer(one, read(tmp_path, CHOICE)).records.items[0]
    expected = [scored.total for scored in one.score([("Answer:", f" {text}") for text in ALIKE])]
    np.testing.assert_allclose(item["alone"], expected, atol=1e-5)


def test_shots_that_do_not_fit_are_left_out_whole_and_half_of_them_must_fit(tokenizer: Tokenizer) -> None:
    one = scorer("causal", "continuation", tokenizer)  # of 48 positions
    shots = tuple(f"The dog {n} is lazy." for n in range(4))
    short = Item((("The fox", " jumps"), ("The fox", " over the dog")), shots=shots)
    task = Task("t", "choices", (short,), "acc", asked=4)
    size = [len(tokenizer.encode([f"{shot}\n\n"])[0]) for shot in shots]
    found = answer(one, task)
    realised = found.records.items[0]["shots"]
    assert 2 <= realised < 4 and found.header["shots_realised"] == realised and found.header["cut"] == 0
    behind = "".join(f"{shot}\n\n" for shot in shots[4 - realised :])
    expected = [scored.total for scored in one.score([(behind + a, b) for a, b in short.candidates])]
    np.testing.assert_allclose(found.records.items[0]["nats"], expected, atol=1e-5)
    assert sum(size[4 - realised :]) < 48 < sum(size[3 - realised :]) + 20
    long = Item(tuple((f"{a} {'fox ' * 20}", b) for a, b in short.candidates), shots=shots)
    with pytest.raises(UserError, match=r"Before each item of t, [01]\.\d of 4 shots fit on average"):
        answer(one, Task("t", "choices", (long,), "acc", asked=4))


def test_the_length_that_masks_give_away_is_said(tokenizer: Tokenizer, tmp_path: Path) -> None:
    for name, way, given in (("masked", "pll-word", True), ("diffusion", "bound", True), ("span", "sentinel", False)):
        for number in answer(scorer(name, way, tokenizer), read(tmp_path, WORD, WORD)).numbers():
            assert ("length given" in number.meaning) == given
    with pytest.raises(UserError, match="predicts none: ask its generator, with --way pll-word"):
        answer(scorer("replaced", "replaced", tokenizer), read(tmp_path, WORD))


def test_two_models_are_compared_item_by_item_and_unlike_scores_are_named(tokenizer: Tokenizer, tmp_path: Path) -> None:
    task = read(
        tmp_path, *[{**CHOICE, "question": f"{'What is ' * (n % 4 + 1)}{n}?", "label": n % 3} for n in range(30)]
    )
    one, other = (
        answer(scorer(name, way, tokenizer), task) for name, way in (("causal", "continuation"), ("masked", "pll"))
    )
    found = one.against(other)
    assert found.value == pytest.approx(one.numbers()[0].value - other.numbers()[0].value)
    assert (
        "unlike scores: continuation (exact) and pll (pseudo)" in found.meaning and found.low < found.value < found.high
    )
    assert one.against(one).value == 0 and "unlike" not in one.against(one).meaning
    changed = answer(scorer("causal", "continuation", tokenizer), read(tmp_path, CHOICE))
    with pytest.raises(UserError, match="are not to the same items"):
        one.against(changed)


def test_a_choice_of_zero_tokens_is_refused(tokenizer: Tokenizer) -> None:
    from hornbook.evaluate.scorers import Scorer

    class Deaf(Tokenizer):
        """Hears no question mark, as a normaliser may leave characters out."""

        def encode(self, texts: Any) -> Any:
            return super().encode([text.replace("?", "") for text in texts])

    one = scorer("causal", "continuation", tokenizer)
    deaf = Scorer(one.model, Deaf(tokenizer.text, tokenizer.vocab), one.way, one.device)
    with pytest.raises(UserError, match=r"t, item 7: .* gives no tokens: there is nothing to score"):
        answer(deaf, Task("t", "choices", (Item((("What", "?"), ("What", " is")), id="7"),), "acc"))
