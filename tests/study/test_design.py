"""A study's file: what is written is read back, what is wrong is named with its place."""

import dataclasses
from pathlib import Path

import pytest

from hornbook.errors import UserError
from hornbook.recipes.settings import save_recipe
from hornbook.study.design import (
    ArmSettings,
    BudgetSettings,
    Study,
    TransferSettings,
    load_study,
    new_study,
    recipe_of,
    to_toml,
)
from hornbook.study.layout import begin


def test_a_file_comes_back(tmp_path: Path) -> None:
    arms = {"causal": ArmSettings("causal"), "masked-40": ArmSettings("masked", settings=("objective.rate=0.4",))}
    study = Study(("BOOK.txt", "notes/"), arms, BudgetSettings(tokens=2e6), seeds=5, tasks=("blimp.jsonl",))
    verbs = TransferSettings("a.tsv", "b.tsv", shots=(16, 0), rates=(1e-3,), epochs=2)
    study = dataclasses.replace(study, transfer={"verbs": verbs})
    begin(study, tmp_path / "study")
    assert load_study(tmp_path / "study") == study
    assert load_study(tmp_path / "study" / "study.toml") == study
    with pytest.raises(UserError, match="not empty"):
        begin(study, tmp_path / "study")


@pytest.mark.parametrize("budget", [BudgetSettings(steps=1_234_567), BudgetSettings(epochs=2.5)])
def test_seeds_may_be_named_and_budgets_counted(tmp_path: Path, budget: BudgetSettings) -> None:
    arms = {"a": ArmSettings("causal"), "learning_rate=0.001,b": ArmSettings("masked")}
    study = Study(("BOOK.txt",), arms, budget, seeds=(7, 3), halving=1)
    begin(study, tmp_path / "study")
    found = load_study(tmp_path / "study")
    assert found == study and found.seed_list == (7, 3)
    assert new_study(["BOOK.txt"], ["causal"], budget, 3).seed_list == (0, 1, 2)


def test_arms_are_recipes() -> None:
    study = new_study(["BOOK.txt"], ["causal", "span"], BudgetSettings(flops=1e14), 2)
    assert [recipe_of(arm, name).objective.topology for name, arm in study.arms.items()] == [
        "decoder",
        "encoder-decoder",
    ]
    named = recipe_of(ArmSettings(recipe="bert", settings=("model.layers=2", "model.width=64")), "bert")
    assert named.model.layers == 2 and named.tokenizer.kind == "wordpiece"


ARMS = '[budget]\ntokens = 1000\n[arms.a]\nobjective = "causal"\n[arms.b]\nobjective = "masked"\n'


@pytest.mark.parametrize(
    ("head", "tail", "said"),
    [
        ('text = ["BOOK.txt"]\nseeds = 0\n', ARMS, "seeds must be a whole number of at least 1, not 0"),
        ('text = ["BOOK.txt"]\n', ARMS.replace("masked", "maskd"), "arms.b: .*maskd"),
        ('text = ["BOOK.txt"]\n', ARMS.replace("tokens = 1000", ""), "exactly one of budget.tokens"),
        ('text = ["BOOK.txt"]\n', ARMS.replace("tokens = 1000", "tokens = 1000\nminutes = 3"), "exactly one"),
        ('text = ["BOOK.txt"]\n', ARMS.replace("tokens = 1000", "tokens = -5"), "budget.tokens must be"),
        ('text = ["BOOK.txt"]\nsheds = 2\n', ARMS, "There is no setting sheds. Did you mean 'seeds'"),
        ("text = []\n", ARMS, "text is empty"),
        ("", ARMS, "text is missing"),
        ('text = ["BOOK.txt"]\n', "[budget]\ntokens = 1000\n", "There are no arms"),
        ('text = ["BOOK.txt"]\n', ARMS.replace("masked", "causal"), "Two arms are the same"),
        ('text = ["BOOK.txt"]\n', ARMS + 'settings = ["seed=3"]\n', "arms.b: seed=3 is the study's"),
        ('text = ["BOOK.txt"]\n', ARMS + 'settings = ["tokenizer.size=99"]\n', "arms.b: tokenizer.size=99"),
        ('text = ["BOOK.txt"]\n', ARMS + 'settings = ["model.wide=3"]\n', "arms.b: "),
        ('text = ["BOOK.txt"]\n', ARMS.replace("arms.b", 'arms."../b"'), "needs a name of letters"),
        ('text = ["BOOK.txt"]\nwidth = 64\n', ARMS, "width and layers together"),
        ('text = ["BOOK.txt"]\narms = 3\n', "[budget]\ntokens = 1000\n", "arms must be tables"),
        ("text = [", "", "The study .* is not valid TOML"),
        ('text = ["BOOK.txt"]\n', ARMS + '[transfer.verbs]\ntrain = "a.tsv"\n', "transfer.verbs.test is missing"),
        ('text = ["BOOK.txt"]\n', ARMS + '[transfer.v]\ntrain = "a"\ntest = "b"\nshots = [0, 0]\n', "transfer.v.shots"),
        ('text = ["BOOK.txt"]\n', ARMS + '[transfer]\ntrain = "a.tsv"\n', "transfer must be tables"),
        (
            'text = ["BOOK.txt"]\n',
            ARMS.replace("arms.b", "arms.b-c").replace('"masked"', '"masked"\nwidth = 3'),
            "arms.b-c.width",
        ),
        ('text = ["BOOK.txt"]\nseeds = [1, 1]\n', ARMS, "different seeds, not .1, 1."),
        ('text = ["BOOK.txt"]\nseeds = []\n', ARMS, "different seeds"),
        ('text = ["BOOK.txt"]\nseeds = [-1]\n', ARMS, "seeds must be a list of whole numbers of at least 0"),
        ('text = ["BOOK.txt"]\nhalving = 2\n', ARMS, "halving = 2 needs 4 arms, and there are 2"),
        ('text = ["BOOK.txt"]\n', ARMS.replace("tokens = 1000", "steps = 1.5"), "budget.steps must be a whole number"),
        ('text = ["BOOK.txt"]\n', ARMS + 'settings = ["model.layers=3"]\n', "model.width and model.layers together"),
    ],
)
def test_faults_are_named(tmp_path: Path, head: str, tail: str, said: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(head + tail)
    with pytest.raises(UserError, match=said) as error:
        load_study(path)
    assert str(error.value).startswith((f"In the study {path}: ", f"The study {path} "))


def test_every_setting_is_in_the_file() -> None:
    text = to_toml(new_study(["BOOK.txt"], ["causal"], BudgetSettings(minutes=2), 3))
    for name in ("text", "seeds", "size", "width", "layers", "trials", "margin", "tasks", "few", "halving", "minutes"):
        assert f"{name} = " in text


def test_an_arm_may_not_bring_a_tokenizer_of_its_own(tmp_path: Path) -> None:
    recipe = recipe_of(ArmSettings("causal"), "causal")
    own = dataclasses.replace(recipe, tokenizer=dataclasses.replace(recipe.tokenizer, file="mine.json"))
    save_recipe(own, tmp_path / "recipe.toml")
    arms = {"causal": ArmSettings("causal"), "mine": ArmSettings(recipe=str(tmp_path / "recipe.toml"))}
    with pytest.raises(UserError, match=r"arms.mine: its recipe brings a tokenizer of its own, mine.json"):
        Study(("BOOK.txt",), arms, BudgetSettings(tokens=1000))


def test_the_study_that_is_shipped_is_one() -> None:
    shipped = load_study(Path(__file__).parents[2] / "docs" / "evidence" / "study.toml")
    assert list(shipped.arms) == ["causal", "masked", "span", "ul2"] and shipped.seeds == 3
    assert set(shipped.transfer) == {"topics", "code"}
