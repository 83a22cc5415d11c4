"""`study curriculum` and `study mix` from the command line: what is written, and what is refused in a sentence."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hornbook.cli.program import app
from hornbook.errors import UserError
from hornbook.study.design import load_study


def test_the_study_of_an_order_is_written(tmp_path: Path) -> None:
    place = tmp_path / "length"
    found = CliRunner().invoke(
        app, ["study", "curriculum", str(place), "builtin:docs", "--by=topic=B", "--tokens", "1e5", "--seeds", "2"]
    )
    assert found.exit_code == 0 and "8 runs" in found.output
    study = load_study(place)
    assert study.curriculum is not None and study.curriculum.by == "topic=B"
    assert study.arms["reversed"].settings == ("mix.domain=topic", "mix.order=-topic=B")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["curriculum", "S", "builtin:docs", "--by", "length"], "--tokens, --flops or --minutes"),
        (["curriculum", "S", "builtin:docs", "--by", "shuffled", "--tokens", "9"], "what the text is ordered by"),
        (["curriculum", "S", "builtin:docs", "--by", "length", "--tokens", "9", "--stage", "2"], "mix.stage"),
        (["mix", "S", "builtin:docs", "--tokens", "0"], "how many tokens"),
        (["mix", "S", "builtin:docs", "--tokens", "100", "--proxy-tokens", "200"], "A proxy reads no more"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, words: list[str], said: str) -> None:
    words[1] = str(tmp_path / "study")
    found = CliRunner().invoke(app, ["study", *words])
    assert isinstance(found.exception, UserError) and said in str(found.exception)
    assert not (tmp_path / "study").exists()
