"""Branches: a run that begins at a checkpoint of another one is the run trained straight to its length, bit for bit."""

from pathlib import Path

import pytest
from stories import assert_same, result_of, story

from hornbook import branch, pretrain
from hornbook.cli import main
from hornbook.errors import UserError
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import override
from hornbook.run.branch import begin_branch, unlike
from hornbook.run.pretrain import go_on, resume
from hornbook.train.metrics import read_metrics

SMALL = {
    "data.clean": "none", "model.width": 32, "model.layers": 1, "model.heads": 1, "model.max_length": 32,
    "model.dropout": 0.1, "training.batch_rows": 4, "training.precision": "fp32", "training.compile": "no",
    "training.evaluate_tokens": 300, "training.evaluate_every": 5, "training.samples": 0, "training.warmup": 2,
    "tokenizer.size": 320,
}  # fmt: skip


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(story(800))
    return path


def train(text: Path, out: Path, steps: int, until: int = 0, objective: str = "causal", **more: object) -> Path:
    settings = {**SMALL, **{name.replace("__", "."): value for name, value in more.items()}}
    return pretrain(
        text, objective=objective, steps=steps, settings=settings, out=out, until=until, plain=True
    ).directory


@pytest.fixture(scope="module")
def trunk(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(text, tmp_path_factory.mktemp("trunk") / "trunk", 20, until=6)


def losses(run: Path) -> list[tuple[str, int, float]]:
    return [(record["kind"], record["step"], record["loss"]) for record in read_metrics(run / "metrics.jsonl")]


def test_a_branch_is_the_run_trained_straight(text: Path, trunk: Path, tmp_path: Path) -> None:
    assert not (trunk / "result.json").exists()
    straight = train(text, tmp_path / "straight", 10)
    made = branch(trunk, 6, steps=10, out=tmp_path / "branch", plain=True).directory
    assert_same(straight, made)
    assert result_of(straight) == result_of(made)
    assert losses(straight) == losses(made) and losses(made)[-1][1] == 10


@pytest.mark.parametrize("objective", ["masked", "span", "replaced"])
def test_branches_of_other_objectives_too_and_the_trunk_goes_on(text: Path, tmp_path: Path, objective: str) -> None:
    trunk = train(text, tmp_path / "trunk", 12, until=4, objective=objective)
    branch(trunk, 4, steps=7, out=tmp_path / "branch", plain=True)
    resume(trunk, plain=True)
    for steps, name in ((7, "branch"), (12, "trunk")):
        straight = train(text, tmp_path / f"straight{steps}", steps, objective=objective)
        assert_same(straight, tmp_path / name)
        assert result_of(straight) == result_of(tmp_path / name)


def test_a_run_stops_where_it_is_asked_to(trunk: Path) -> None:
    assert go_on(trunk, until=6, plain=True) is None
    with pytest.raises(UserError, match="at step 6 already"):
        go_on(trunk, until=5, plain=True)


@pytest.mark.parametrize(
    ("step", "steps", "said"),
    [
        (5, 10, "no checkpoint of step 5; it has those of 6"),
        (6, 6, "needs more steps than 6"),
        (6, 7, "its learning rate falls from step 5 on: branch at step 5"),
    ],
)
def test_what_is_no_straight_run_is_refused(trunk: Path, tmp_path: Path, step: int, steps: int, said: str) -> None:
    with pytest.raises(UserError, match=said):
        begin_branch(trunk, step, tmp_path / "branch", steps)
    assert not list(tmp_path.iterdir())


def recipe(*settings: str) -> Recipe:
    return override(default("causal"), ["budget.steps=100", "training.warmup=5", *settings])


@pytest.mark.parametrize(
    ("settings", "steps", "step", "said"),
    [
        ((), 50, 31, ""),
        ((), 50, 32, "its learning rate falls from step 31 on"),
        ((), 200, 61, ""),
        ((), 200, 62, "the trunk's learning rate falls from step 61 on"),
        (("training.warmup=0.05",), 50, 10, "warm up for 2 steps, and the trunk did for 5"),
        (("training.warmup=0.05",), 99, 10, ""),
        (("training.schedule=cosine",), 50, 10, "schedule cosine"),
        (("training.schedule=linear",), 50, 10, "schedule linear"),
        (("mix.order=length",), 50, 10, "mix.order depends on the length"),
        (("mix.rule=unimax",), 50, 10, "mix.rule depends on the length"),
        (("mix.late=a=1",), 50, 10, "mix.late depends on the length"),
        (("budget.corrections=0=100,20=80",), 50, 19, ""),
        (("budget.corrections=0=100,20=80",), 90, 58, "the trunk's learning rate falls"),
    ],
)
def test_what_depends_on_the_length_is_found(settings: tuple[str, ...], steps: int, step: int, said: str) -> None:
    corrected = ["budget.steps=80"] if any("corrections" in item for item in settings) else []
    found = unlike(recipe(*settings, *corrected), steps, step)
    assert said in found and bool(said) == bool(found)


def test_an_objective_that_sees_the_length_is_refused(text: Path, tmp_path: Path) -> None:
    more = {"objective__rate": 0.6, "objective__final_rate": 0.1}
    trunk = train(text, tmp_path / "trunk", 20, until=2, objective="masked", **more)
    with pytest.raises(UserError, match="what the objective masks depends on the run's length"):
        begin_branch(trunk, 2, tmp_path / "branch", 10)


def test_the_command_branches_and_refuses_what_is_not_its_to_say(
    trunk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as done:
            main(["pretrain", "--plain", *arguments])
        return int(done.value.code or 0), capsys.readouterr().err

    out = tmp_path / "out"
    assert said("--branch", f"{trunk}@6", "--steps", "10", "--out", str(out))[0] == 0 and (out / "result.json").exists()
    for given, what in (
        (["--branch", str(trunk), "--steps", "10"], "needs a run and a step"),
        (["--branch", f"{trunk}@6"], "needs its length"),
        (["--branch", f"{trunk}@6", "--steps", "10", "model.dropout=0"], "leave out model.dropout=0"),
        (["--branch", f"{trunk}@6", "--steps", "10", "--out", str(out)], "is not empty"),
        (["--branch", f"{tmp_path}@6", "--steps", "10"], "There is no run"),
    ):
        code, text = said(*given)
        assert code == 2 and what in text and text.count("\n") == 1, text
