"""Curricula as tests: five arms that read the same text equally often, which is counted, not assumed."""

import dataclasses
import json
import random
from pathlib import Path

import numpy as np
import pytest
from mixed_text import prepared_of, recipe_of, several_domains  # noqa: F401
from stories import story

from hornbook.corpus.document import document_hash
from hornbook.corpus.read import read
from hornbook.errors import UserError
from hornbook.recipes.sections import Budget
from hornbook.study.design import BudgetSettings, Study, load_study
from hornbook.study.layout import begin, read_plan
from hornbook.study.orders.curricula import READING, new_curriculum, reading_notes
from hornbook.study.orders.reading import fitted_text, reading_of, whole_epochs
from hornbook.study.report import report_study
from hornbook.study.running import run_study

TOKENS = BudgetSettings(tokens=20_000)


def test_the_arms_differ_in_the_order_alone(tmp_path: Path) -> None:
    study = new_curriculum(["BOOK.txt"], "length", TOKENS, 3)
    assert {name: arm.settings for name, arm in study.arms.items()} == {
        "shuffled": (),
        "order": ("mix.order=length",),
        "reversed": ("mix.order=-length",),
        "no-decay": ("mix.order=length", "training.decay=0"),
        "late": ("mix.order=length", "mix.stage=0.1"),
    }
    begin(study, tmp_path / "study")
    assert load_study(tmp_path / "study") == study
    labelled = new_curriculum(["corpus"], "topic=B", TOKENS, 3)
    assert list(labelled.arms) == ["shuffled", "order", "reversed", "no-decay"]
    assert all("mix.domain=topic" in arm.settings for arm in labelled.arms.values())
    hard = new_curriculum(["corpus"], "difficulty", TOKENS, 3, domain="source")
    assert hard.arms["reversed"].settings == ("mix.domain=read_from", "mix.order=-reference_loss")


@pytest.mark.parametrize(
    ("by", "reference", "said"), [("-length", "", "reversed order"), ("length", "r", "difficulty")]
)
def test_what_is_no_study_of_an_order_is_refused(by: str, reference: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        new_curriculum(["BOOK.txt"], by, TOKENS, 3, reference=reference)


@pytest.mark.parametrize("objective", ["causal", "masked", "span", "mixture", "nsp"])
def test_all_orders_of_whole_epochs_read_the_same(text: Path, tmp_path: Path, objective: str) -> None:
    recipe = recipe_of(text, "model.max_length=64", "training.batch_rows=8", objective=objective)
    prepared = prepared_of(recipe, tmp_path / "whole")
    paths = fitted_text(recipe.data.paths, prepared, 10**6, 8, tmp_path / "fitted.jsonl")
    found = {}
    for number, order in enumerate(["shuffled", "length", "-length", "quality", "topic=two", "-topic=two"]):
        kept = f"tokenizer.file={tmp_path / 'whole' / 'tokenizer.json'}"
        mine = recipe_of(text, "model.max_length=64", f"mix.order={order}", kept, objective=objective)
        mine = dataclasses.replace(mine, data=dataclasses.replace(mine.data, paths=paths))
        own = prepared_of(mine, tmp_path / str(number))
        mine, steps = whole_epochs(mine, len(own.training_rows), 2 * len(own.training_rows) // 8)
        found[order] = reading_of(dataclasses.replace(mine, budget=Budget(steps=steps)), own)
        if objective != "nsp":  # its rows are of single documents, and their number is what it is
            assert steps * mine.training.batch_rows == 2 * len(own.training_rows)
            assert found[order].epochs == 2
    hashes = {one.hash for one in found.values()}
    assert len(hashes) == 1 or objective == "nsp"
    if objective == "causal":  # a counter of our own: every token of every training document, twice, and its marks
        tokens = own.tokenizer.encode([one.text for one in _trained(paths, own)])
        assert found["shuffled"].tokens == 2 * sum(len(one) + 2 for one in tokens)


def _trained(paths: tuple[str, ...], prepared: object) -> list:
    split = prepared.text.split
    return [document for document in read(paths) if not split.held_out(document_hash(document))]


def test_another_text_or_another_number_of_times_has_another_hash(text: Path, tmp_path: Path) -> None:
    recipe = recipe_of(text, "budget.steps=20")
    prepared = prepared_of(recipe, tmp_path / "a")
    shorter = dataclasses.replace(recipe, budget=Budget(steps=19))
    whole, less = reading_of(recipe, prepared), reading_of(shorter, prepared)
    assert whole.hash != less.hash and 0 < whole.differs(less) < 0.1
    assert reading_of(recipe, prepared).hash == whole.hash and whole.differs(whole) == 0
    ordered = recipe_of(text, "budget.steps=20", "mix.order=length")
    other = reading_of(ordered, prepared_of(ordered, tmp_path / "b"))
    assert whole.differs(other) > 0.2  # a budget that ends within an epoch


def test_text_is_taken_up_to_the_budget_and_nothing_held_out_moves(text: Path, tmp_path: Path) -> None:
    recipe = recipe_of(text)
    prepared = prepared_of(recipe, tmp_path / "whole")
    paths = fitted_text(recipe.data.paths, prepared, 100, 8, tmp_path / "fitted.jsonl")
    mine = recipe_of(text, f"tokenizer.file={tmp_path / 'whole' / 'tokenizer.json'}")
    mine = dataclasses.replace(mine, data=dataclasses.replace(mine.data, paths=paths))
    own = prepared_of(mine, tmp_path / "own")
    assert 98 <= len(own.training_rows) <= 100
    held_out = [one.store.hashes[one.held_out_documents].tolist() for one in (prepared, own)]
    assert held_out[0] == held_out[1]
    assert {one.meta["read_from"] for one in read(paths)} == set(recipe.data.paths)


def planted(folder: Path) -> Path:
    """Stories, and as many documents of a language of its own, named by `topic`; `luck` says nothing."""
    chance = random.Random(0)
    words = [" ".join("".join(chance.choices("bdgkmnptz", k=2)) + "a" for _ in range(3)) for _ in range(40)]
    lines = []
    for number in range(400):
        strange = " ".join(chance.choices(words, k=40))
        body, topic = (strange, "B") if number % 3 == 0 else (story(12, number), "A")
        lines.append(json.dumps({"text": f"{body} {number}", "topic": topic, "luck": chance.random()}))
    path = folder / "text.jsonl"
    path.write_text("\n".join(lines))
    return path


def small(study: Study) -> Study:
    return dataclasses.replace(study, width=32, layers=1)


@pytest.mark.slow
def test_a_planted_signal_is_found_and_an_order_by_chance_gives_none(tmp_path: Path) -> None:
    text = [str(planted(tmp_path))]
    for by, signal in (("topic=B", True), ("luck", False)):
        study = small(new_curriculum(text, by, BudgetSettings(tokens=50_000), 3, domain="topic"))
        short = ("model.max_length=64", "training.batch_rows=8")
        arms = {
            name: dataclasses.replace(study.arms[name], settings=(*study.arms[name].settings, *short))
            for name in ("shuffled", "order", "reversed")
        }
        begin(dataclasses.replace(study, arms=arms), tmp_path / by)
        run_study(tmp_path / by, plain=True)
        kept = json.loads((tmp_path / by / READING).read_text())["arms"]
        assert len({arm["hash"] for arm in kept.values()}) == 1
        flops = [plan.flops for plan in read_plan(tmp_path / by).values()]
        assert max(flops) / min(flops) < 1.01
        found = report_study(tmp_path / by)
        assert any("All arms read the same tokens" in note for note in found.notes)
        of_b = next(one for one in found.yardsticks if one.name == "bits per byte of B")
        words = {(one.one, one.other): one.word for one in of_b.verdicts}
        if signal:
            assert words["order", "reversed"] == "better"
        else:
            assert not {"better", "worse"} & set(words.values())


@pytest.mark.slow
def test_difficulty_is_told_by_a_model_that_never_saw_the_held_out_text(tmp_path: Path) -> None:
    text = planted(tmp_path)
    study = small(new_curriculum([str(text)], "difficulty", BudgetSettings(tokens=8_000), 1))
    arms = {name: study.arms[name] for name in ("shuffled", "order")}
    begin(dataclasses.replace(study, arms=arms), tmp_path / "study")
    run_study(tmp_path / "study", plain=True)
    notes = reading_notes(tmp_path / "study")
    assert any("never saw the held-out text" in note and "FLOPs" in note for note in notes)
    scores = [one.meta["reference_loss"] for one in read((str(tmp_path / "study" / "text" / "scored.jsonl"),))]
    assert np.std(scores) > 0
    # Cut elsewhere, the reference's training text holds what another study holds out.
    other = tmp_path / "other.jsonl"
    other.write_text(text.read_text().replace('"text": "', '"text": "Once. '))
    study = small(new_curriculum([str(other)], "difficulty", BudgetSettings(tokens=8_000), 1,
                                 reference=str(tmp_path / "study" / "reference")))  # fmt: skip
    begin(study, tmp_path / "leaky")
    with pytest.raises(UserError, match="held-out documents: name one that never saw"):
        run_study(tmp_path / "leaky", plain=True)
