"""What a recipe leaves open: size, rows of a step, compilation, steps, and the rates."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from hornbook.console import View
from hornbook.errors import UserError
from hornbook.prepare.dataset import Prepared, prepare, vocabulary_size
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import StartSettings
from hornbook.recipes.settings import override
from hornbook.run.settle.resolve import (
    Facts,
    Means,
    choose_compilation,
    choose_model,
    choose_rows,
    counted_steps,
    most_entries,
    planned,
    resolve,
)


@pytest.fixture(scope="module", params=["causal", "masked", "span"])
def text(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Prepared]:
    folder = tmp_path_factory.mktemp("text")
    sentences = (f"The {number}th cat sees {number * 7} fish." for number in range(600))
    (folder / "book.txt").write_text("\n\n".join(sentences))
    given = [f"data.paths={folder / 'book.txt'}", "training.precision=fp32", "training.compile=no"]
    recipe = override(default(request.param), given)
    return recipe, prepare(recipe, folder / "run", View(plain=True))


def means(prepared: Prepared) -> Means:
    return Means(prepared, torch.device("cpu"), lambda line: None)


def rows(text: tuple[Recipe, Prepared], width: int, *given: str) -> int:
    shape = [f"model.width={width}", "model.layers=1", f"model.heads={width // 64}"]
    recipe = resolve(override(text[0], [*shape, *given]), means(text[1])).recipe
    return recipe.training.batch_rows


@pytest.mark.parametrize(
    ("width", "tokens", "expected"),
    # 0.58 D ** 0.571 is 1,546 tokens at 1 M, 2,615 at 2.5 M, 5,758 at 10 M; 16 for each unit of the width at least
    [(128, 10**5, 4), (128, 10**6, 4), (128, 2_500_000, 4), (128, 10**7, 8), (384, 10**6, 16), (384, 10**9, 16)],
)
def test_a_causal_run_of_few_tokens_takes_small_steps(
    text: tuple[Recipe, Prepared], width: int, tokens: int, expected: int
) -> None:
    causal = text[0].model.topology == "decoder"
    assert rows(text, width, f"budget.tokens={tokens}") == (expected if causal else 16 if width == 128 else 32)


def test_a_budget_in_steps_leaves_their_size_to_the_width(text: tuple[Recipe, Prepared]) -> None:
    shorter = 1 if text[0].model.topology == "decoder" else 2
    assert rows(text, 128, "budget.steps=10") == 8 * shorter
    assert rows(text, 384, "budget.steps=10") == 16 * shorter


def test_rows_that_are_given_stay_and_shorter_rows_are_more(text: tuple[Recipe, Prepared]) -> None:
    assert rows(text, 128, "budget.tokens=1000", "training.batch_rows=3") == 3
    assert rows(text, 128, "budget.tokens=100_000_000", "training.row_length=64") == 64


def test_the_table_of_a_new_decoder_or_t5_is_faster(text: tuple[Recipe, Prepared]) -> None:
    shape = ["model.width=64", "model.layers=1", "model.heads=1", "budget.steps=1"]

    def rate(*given: str, start: str = "") -> float:
        recipe = override(text[0], [*shape, *given])
        recipe = dataclasses.replace(recipe, start=StartSettings(start))
        return resolve(recipe, means(text[1])).recipe.training.embedding_rate

    assert rate() == {"decoder": 0.03, "encoder": 0.1, "encoder-decoder": 0.1}[text[0].model.topology]
    assert rate("training.embedding_rate=0.05") == 0.05
    assert rate(start="a model") == 0.0


def test_muons_rate_falls_with_the_root_of_the_width(text: tuple[Recipe, Prepared]) -> None:
    def rate(width: int, *given: str) -> float:
        shape = [f"model.width={width}", "model.layers=1", f"model.heads={width // 64}", "budget.steps=300"]
        recipe = resolve(override(text[0], [*shape, *given]), means(text[1])).recipe
        return recipe.training.muon_learning_rate

    assert rate(128) == pytest.approx(0.006)
    assert rate(64) == pytest.approx(2 * rate(256))
    assert rate(256, "training.muon_learning_rate=0.01") == 0.01


def test_a_short_run_forgets_sooner_and_a_decoders_rates_are_larger(text: tuple[Recipe, Prepared]) -> None:
    def chosen(steps: int, *given: str, start: str = "") -> tuple[float, float, float]:
        shape = ["model.width=128", "model.layers=1", "model.heads=2", f"budget.steps={steps}"]
        recipe = dataclasses.replace(override(text[0], [*shape, *given]), start=StartSettings(start))
        training = resolve(recipe, means(text[1])).recipe.training
        return training.learning_rate, training.muon_learning_rate, training.muon_momentum

    topology = text[0].model.topology
    decoder, head = topology == "decoder", topology != "encoder"
    assert chosen(20) == chosen(75) == (0.012 if head else 0.003, 0.012 if decoder else 0.006, 0.8)
    assert chosen(1200) == chosen(5000)
    assert chosen(1200) == pytest.approx((0.006 if head else 0.003, 0.006 / 2**0.5 if decoder else 0.006, 0.95))
    given = ("training.muon_momentum=0.7", "training.muon_learning_rate=0.001", "training.learning_rate=0.002")
    assert chosen(20, *given) == (0.002, 0.001, 0.7)
    assert chosen(20, "training.optimizer=adamw")[0] == 0.003
    assert chosen(20, start="a model") == (0.003, 0.006, 0.0)  # as it was: what suits a base model was not measured


FACTS = Facts(vocabulary=512, rows=50, row_tokens=512, speed=1e9, worth=5.0)


def test_each_choice_follows_from_the_recipe_and_the_facts_alone() -> None:
    steps = override(default("causal"), ["budget.steps=1000"])
    endless = dataclasses.replace(FACTS, rows=10**9)
    model = choose_model(steps, endless)
    assert (model.vocab_size, model.width, model.heads) == (512, 128, 2)  # the smallest: 4.1 M tokens are few
    longer = override(steps, ["budget.steps=1_000_000"])
    assert choose_model(longer, endless).width > 512
    sizes = [choose_model(longer, dataclasses.replace(FACTS, rows=rows)) for rows in (50, 500, 5000)]
    assert [(size.width, size.layers) for size in sizes] == [
        (64, 2),
        (128, 4),
        (320, 5),
    ]  # by the text
    masked = override(default("masked"), ["budget.steps=1000"])
    halved = dataclasses.replace(FACTS, rows=100, row_tokens=256)
    assert choose_model(masked, halved).width == 128  # what it hides is drawn anew
    assert planned(steps, model, FACTS) == math.inf
    few = override(default("causal"), ["budget.epochs=2"])
    assert planned(few, model, FACTS) == 2 * 50 * 512
    assert choose_rows(few, 128, 3, 51_200) == 6  # 4 by the law, to a multiple of 3
    assert counted_steps(few.budget, 4, FACTS) == 25
    longer = dataclasses.replace(FACTS, speed=1e4)
    assert choose_compilation(few, model, 8, FACTS) == "no" and choose_compilation(few, model, 8, longer) == "yes"
    assert choose_compilation(few, model, 8, dataclasses.replace(longer, worth=math.inf)) == "no"


def test_a_vocabulary_is_no_larger_than_what_the_budget_reads_of_a_text() -> None:
    def most(*settings: str, kind: str = "causal") -> int:
        return most_entries(override(default(kind), ["training.precision=fp32", *settings]), torch.device("cpu"))

    assert most("budget.steps=1") == most("budget.tokens=80_000") == 1024  # counts know more tokens than were read
    assert most("budget.tokens=600_000") == 2432 and most("budget.epochs=1") == 16_384
    assert most("budget.steps=125", "training.batch_rows=16") == most("budget.tokens=512_000")
    by_time = [most(f"budget.minutes={minutes}") for minutes in (0.1, 1, 10, 100, 1000)]
    assert by_time == sorted(by_time) and by_time[0] < by_time[-1]
    assert most("budget.minutes=1", "model.width=768", "model.layers=12") < by_time[1]
    assert most("budget.tokens=600_000", "model.vocab_size=50000") == 2432


def test_a_settled_recipe_names_its_vocabulary_and_prepares_the_same_one(
    text: tuple[Recipe, Prepared], tmp_path: Path
) -> None:
    settled = resolve(override(text[0], ["budget.steps=3"]), means(text[1])).recipe
    assert settled.tokenizer.size == text[1].tokenizer.vocab.size
    again = prepare(settled, tmp_path / "again", View(plain=True))
    assert again.tokenizer.text == text[1].tokenizer.text
    assert resolve(dataclasses.replace(settled, start=StartSettings()), means(again)).recipe == settled
    bounded = prepare(text[0], tmp_path / "bounded", View(plain=True), most=lambda: 270)
    assert 0 < text[1].tokenizer.vocab.size - bounded.tokenizer.vocab.size == vocabulary_size(10**4, "bpe") - 270
    asked = override(text[0], ["tokenizer.size=300"])
    kept = [prepare(asked, tmp_path / str(most), View(plain=True), most=lambda most=most: most) for most in (270, 290)]
    assert [each.tokenizer.vocab.size for each in kept] == [300, 300]  # a size that is given stays


def test_a_size_that_is_half_given_or_a_vocabulary_too_small_is_refused() -> None:
    with pytest.raises(UserError, match="together"):
        choose_model(override(default("causal"), ["model.width=64"]), FACTS)
    with pytest.raises(UserError, match="smaller than the tokenizer's vocabulary of 512"):
        choose_model(override(default("causal"), ["model.vocab_size=256"]), FACTS)
