"""Best rates and batches: a known optimum comes back, edges and gaps are told."""

from pathlib import Path

import numpy as np
import pytest

from hornbook.cli import main
from hornbook.errors import UserError
from hornbook.scaling.points import read_points
from hornbook.scaling.rates import power_laws, read_rates

HEADER = "params,tokens,lr,batch_sequences,loss\n"
RATES, BATCHES = np.geomspace(2e-4, 6e-3, 9), np.geomspace(16, 1024, 7)


def rows(size: float, tokens: float, rate: float, batch: float, noise: float = 0.0) -> list[str]:
    """A grid of runs, with the optimum at a rate and a batch; far from it the loss is no quadratic."""
    draws, found = np.random.default_rng(3), []
    for tried in RATES:
        for many in BATCHES:
            r, b = np.log(tried / rate), np.log(many / batch)
            loss = 2.5 * np.exp(0.01 * (r * r - 0.6 * r * b + 0.5 * b * b) + 0.004 * np.abs(r) ** 3)
            loss *= np.exp(draws.normal(0, noise))
            found.append(f"{size:g},{tokens:g},{tried:.12g},{many:.12g},{'nan' if r > 2.5 else loss}\n")
    return found


def file(path: Path, *parts: list[str]) -> Path:
    path.write_text(HEADER + "".join(line for part in parts for line in part))
    return path


@pytest.mark.parametrize("noise", [0.0, 5e-4])
def test_the_optimum_is_within_a_step_of_the_grid(tmp_path: Path, noise: float) -> None:
    settings = [
        (n, d, 1e-3 * (n / 1e8) ** -0.7 * (d / 1e10) ** 0.3, 128 * (d / 1e10) ** 0.5)
        for n in (1e8, 4e8) for d in (5e9, 4e10)
    ]  # fmt: skip
    path = file(tmp_path / "points.csv", *(rows(*setting, noise=noise) for setting in settings))
    found = read_rates(path)
    for one, (size, tokens, rate, batch) in zip(found, sorted(settings), strict=True):
        assert (one.parameters, one.tokens, one.inside) == (size, tokens, True)
        assert abs(np.log(one.rate / rate)) < np.log(RATES[1] / RATES[0])
        assert abs(np.log(one.batch / batch)) < np.log(BATCHES[1] / BATCHES[0])
        assert one.loss == pytest.approx(2.5, rel=2e-3) and max(one.grid_steps) < 1.0
    laws = power_laws(found)
    assert laws["rate_by_params"] == pytest.approx(-0.7, abs=0.15)
    assert laws["batch_by_tokens"] == pytest.approx(0.5, abs=0.15)


def test_an_optimum_outside_of_what_was_tried_is_told_as_the_best_run(tmp_path: Path) -> None:
    (one,) = read_rates(file(tmp_path / "points.csv", rows(1e8, 1e10, 5e-2, 128)))
    assert not one.inside and one.rate == one.best_run[0] and power_laws([one]) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("params,tokens,lr,loss\n1,1,1,1\n", "no column 'batch'"),
        (HEADER, "has no runs"),
        (HEADER + "1e8,1e10,-1,16,2\n", "line 2: lr must be a number above 0"),
        (HEADER + "".join(rows(1e8, 1e10, 1e-3, 128)[:7]), "it takes 9 runs"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "points.csv").write_text(text)
    with pytest.raises(UserError, match=said):
        read_rates(tmp_path / "points.csv")


def test_the_command_prints_each_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file(tmp_path / "points.csv", rows(1e8, 1e10, 1e-3, 128))
    with pytest.raises(SystemExit) as done:
        main(["scaling", "rates", str(path)])
    assert not done.value.code and "100.0M\t10.0G" in capsys.readouterr().out.replace(" ", "")


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none.csv", "There is no file"), (tmp_path, "cannot be read: Is a directory")):
        with pytest.raises(UserError, match=said):
            read_rates(path)
        with pytest.raises(UserError, match=said):
            read_points(path)
