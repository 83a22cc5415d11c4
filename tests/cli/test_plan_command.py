"""`hornbook plan`: the exercises of scaling are one command each, and a plan of a text is one too."""

import json
from pathlib import Path

import pytest
from stories import story

import hornbook as hb
from hornbook.cli import main
from hornbook.errors import UserError

SMALL = (
    "data.clean=none", "model.width=32", "model.layers=1", "model.heads=1", "model.max_length=64",
    "training.compile=no", "tokenizer.size=400", "training.samples=0",
)  # fmt: skip


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as end:
        main(["plan", *words])
    assert not end.value.code
    return capsys.readouterr().out


def rows(text: str) -> dict[str, list[str]]:
    return {line.split("\t")[0]: line.split("\t")[1:] for line in text.splitlines() if "\t" in line}


def test_a_budget_of_1e24_flops_and_the_rows_of_known_models(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(told(capsys, "--flops", "1e24"))
    assert found["20 tokens a parameter"][:2] == ["91.3G", "1.8T"] and found["hoffmann"][:2] == ["51.9G", "3.2T"]
    assert "175.0G parameters on 300.0G tokens: 3.15e+23 FLOPs (6 N D), 1.71 tokens" in told(
        capsys, "--params", "175e9", "--tokens", "300e9"
    )
    assert "5.88e+23 FLOPs (6 N D), 20.00 tokens" in told(capsys, "--params", "70e9", "--tokens", "1.4e12")


def test_the_tokens_of_a_size(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(told(capsys, "--params", "1e10"))
    assert found["table of approach 1"][1] == "205.1G" and found["20 tokens a parameter"][1] == "200.0G"
    laws = {choice.name: choice for choice in hb.plan(params=1e10).choices}
    for name in ("epoch", "hoffmann", "muennighoff"):
        back = {choice.name: choice for choice in hb.plan(flops=6 * 1e10 * laws[name].tokens).choices}[name]
        assert back.parameters == pytest.approx(1e10) and back.tokens == pytest.approx(laws[name].tokens)


def test_a_plan_of_a_text(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hornbook.run.settle.forecast._SECONDS", 0.2)
    book = tmp_path / "book.txt"
    book.write_text(story(800))
    text = told(capsys, str(book), "--flops", "1e9", "--price", "2", "--plain", *SMALL)
    for word in ("size", "tokens", "steps", "FLOPs", "memory", "disk", "speed", "time", "price", "Taken: 32 x 1"):
        assert word in text
    assert f"Do it: hornbook pretrain {book} data.clean=none" in text and "budget.steps=" in text
    found = json.loads(told(capsys, str(book), "--steps", "2", "--json", *SMALL))
    assert found["run"]["recipe"]["budget"]["steps"] == 2 and found["run"]["epochs"] > 0
    settings = dict(item.split("=") for item in SMALL)
    same = hb.plan(str(book), steps=2, settings=settings)
    assert same.run is not None and same.run.flops == found["run"]["flops"] and "--steps 2" in same.command


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Say --flops, or --params"),
        (["--tokens", "1e9"], "Say --flops, or --params"),
        (["--flops", "1e20", "--params", "1e9"], "Say --flops, or --params"),
        (["--params", "-1"], "above 0"),
        (["--flops", "nan"], "above 0"),
        (["x.txt", "--minutes", "1", "--flops", "1e9"], "Give one budget"),
        (["x.txt", "--params", "1e9"], "leave out --params"),
        (["x.txt", "--tokens", "inf"], "must be a number"),
        (["x.txt", "--flops", "nan"], "must be a number"),
        (["nosuch.txt", "--minutes", "1"], "nosuch.txt"),
        (["x.txt", "--minutes", "1", "--fit", "nosuch.csv"], "nosuch.csv"),
    ],
)
def test_what_cannot_be_planned_is_one_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["plan", *words])
    told = capsys.readouterr().err
    assert end.value.code == 2 and said in told and "Traceback" not in told


def test_a_run_of_a_text_has_no_size_to_ask_about() -> None:
    with pytest.raises(UserError, match="of its own"):
        hb.plan("x.txt", params=1e9)
