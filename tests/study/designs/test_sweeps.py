"""Settings of several values make a study; lists and texts, whose values have commas, do not."""

import json
from pathlib import Path

import pytest
from stories import story

import hornbook as hb
from hornbook import cli
from hornbook.cli.request import plan, sweep_of
from hornbook.errors import UserError
from hornbook.study.design import Study, load_study
from hornbook.study.designs.sweeps import axes_of

NO_BUDGET = {"minutes": None, "steps": None, "tokens": None, "epochs": None}
STEPS = NO_BUDGET | {"steps": 7}


def swept(*what: str, objective: str | None = None, recipe: str | None = None) -> Study:
    found = sweep_of(["BOOK.txt", *what], objective, recipe, STEPS, None, None)
    assert found is not None
    return found


def test_seeds_alone_are_one_arm() -> None:
    found = swept("seed=3,1,2", objective="masked")
    assert found.seed_list == (3, 1, 2) and list(found.arms) == ["masked"]
    assert (found.text, found.budget.steps, found.budget.unit, found.trials) == (("BOOK.txt",), 7, "steps", 1)


def test_every_combination_is_an_arm_named_by_what_differs() -> None:
    found = swept("training.learning_rate=1e-3,3e-3", "model.dropout=0,0.1", "training.clip=2", "training.threads=2")
    assert list(found.arms) == [
        "learning_rate=1e-3,dropout=0",
        "learning_rate=1e-3,dropout=0.1",
        "learning_rate=3e-3,dropout=0",
        "learning_rate=3e-3,dropout=0.1",
    ]
    last = found.arms["learning_rate=3e-3,dropout=0.1"]
    assert last.settings == ("training.clip=2", "training.learning_rate=3e-3", "model.dropout=0.1")
    assert last.objective == "causal" and found.seed_list == (0,) and found.threads == 2


def test_objectives_may_be_several(tmp_path: Path) -> None:
    assert list(swept(objective="causal,masked").arms) == ["causal", "masked"]
    assert list(swept("objective.kind=causal,masked").arms) == ["causal", "masked"]
    found = swept("training.optimizer=adamw,muon", objective="masked,span")
    assert list(found.arms)[-1] == "span,optimizer=muon"
    assert list(swept("objective.rate=0.2,0.4", objective="masked").arms) == ["rate=0.2", "rate=0.4"]
    named = swept("model.qk_norm=true,false", recipe="gpt")
    assert [arm.recipe for arm in named.arms.values()] == ["gpt", "gpt"]


def test_what_holds_several_values_by_itself_is_no_sweep() -> None:
    for setting in (
        "data.paths=a.txt,b.txt",
        "mix.rule=explicit",
        "logging.trackers=tensorboard,wandb",
        "data.text=a,b",
        "training.learning_rate=1e-3",
        "training.learning_rate=1e-3,",
        "tokenizer.file=a,b",
        "no.such=1,2",
    ):
        name, _, value = setting.partition("=")
        assert axes_of({name: value}) == {}, setting
    assert axes_of({"mix.weights": "web=1,books=2", "seed": "1,2"}) == {"seed": ("1", "2")}
    assert sweep_of(["a.txt", "data.paths=b.txt,c.txt"], None, None, NO_BUDGET, None, None) is None
    assert plan(["a.txt", "data.paths=b.txt,c.txt"], None, None, NO_BUDGET, None).data.paths == ("b.txt", "c.txt")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (["seed=1,1"], "seed has 1 twice"),
        (["training.learning_rate=0.001,1e-3"], "training.learning_rate has 1e-3 twice"),
        (["training.learning_rate=1e-3,fast"], "training.learning_rate must be a number of at least 0, not 'fast'"),
        (["training.optimizer=adamw,sgd"], "must be muon or adamw"),
        (["budget.steps=5,10"], "budget.steps cannot be swept"),
        (["tokenizer.size=500,900"], "tokenizer.size cannot be swept"),
        (["training.threads=1,2"], "training.threads cannot be swept"),
        (["seed=1,2", "data.held_out=0.1"], "data.held_out=0.1 is the study's"),
        (["model.layers=1,2"], "model.width and model.layers together"),
        (["seed=1,2", "start.path=runs/a"], "a base model cannot be swept from"),
        (["objective.kind=causal,maskd"], "maskd"),
        ([f"training.clip={','.join(map(str, range(1, 20)))}", "seed=1,2", "training.beta1=0.1,0.2,0.3,0.4,0.5,0.6,"
          "0.7,0.8,0.81,0.82,0.83"], "209 combinations"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_said(what: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        swept(*what)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


def test_options_that_are_of_one_run_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(tmp_path / "sweep")
    for arguments, said in (
        (["pretrain", "seed=1,2", "--until", "3", "--out", place], "leave out --until and --devices"),
    ):
        code, _, err = run(capsys, *arguments)
        assert code == 2 and said in err and not (tmp_path / "sweep").exists()


@pytest.mark.slow
def test_a_sweep_is_run_goes_on_and_is_one_value_in_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "".join(json.dumps({"text": story(30, seed)}) + "\n" for seed in range(40))
    Path("text.jsonl").write_text(text)
    shape = {"model.width": 32, "model.layers": 1, "model.max_length": 64, "training.batch_rows": 8}
    given = [f"{name}={value}" for name, value in shape.items()]
    sweep = ["training.learning_rate=1e-3,1e-2", "seed=4,5", "--steps", "4", "--out", "sweep", "--plain"]
    code, out, err = run(capsys, "pretrain", "text.jsonl", *given, *sweep)
    assert code == 0, err
    assert "arms: learning_rate=1e-3; learning_rate=1e-2. Seeds: 4, 5." in out and "learning_rate=1e-2" in out
    assert {line.state for line in hb.runs("sweep")} == {"finished"} and len(hb.runs("sweep")) == 4
    code, out, _ = run(capsys, "pretrain", "--resume", "sweep", "--plain")
    assert code == 0 and "4 of 4" not in out and "mean of seeds" in out
    code, _, err = run(capsys, "pretrain", "--resume", "sweep", "--steps", "9")
    assert code == 2 and "sweep is a study, which keeps its settings: leave out --steps" in err
    rates = {**shape, "training.learning_rate": ["1e-3", "1e-2"]}
    found = hb.sweep("text.jsonl", seeds=[4, 5], steps=4, settings=rates, out="sweep", plain=True)
    assert [arm.seeds for arm in found.yardsticks[0].arms] == [2, 2] and len(found.yardsticks[0].verdicts) == 1
    with pytest.raises(UserError, match="not empty"):
        hb.sweep("text.jsonl", seeds=[4, 6], steps=4, settings=rates, out="sweep", plain=True)
    assert load_study(Path("sweep")).seed_list == (4, 5)
