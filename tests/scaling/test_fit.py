"""Fits of scaling laws: known laws come back, designs that identify nothing are refused, files are checked."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.errors import UserError
from hornbook.scaling.fit import (
    envelope,
    fit_law,
    hold_out,
    loss_of_compute,
    objective_and_slope,
    parabolas,
)
from hornbook.scaling.laws import Law
from hornbook.scaling.points import Points, conventions, read_points, unidentified
from hornbook.scaling.summary import summarise, summary

pytest.importorskip("scipy")


def grid(law: Law, noise: float = 0.0, sizes: int = 6, counts: int = 5) -> Points:
    size, tokens = map(np.ravel, np.meshgrid(np.logspace(7, 9.5, sizes), np.logspace(8.5, 11, counts)))
    loss = law.E + law.A / size**law.alpha + law.B / tokens**law.beta
    loss = loss * np.exp(np.random.default_rng(7).normal(0, noise, len(loss)))
    return Points(size, tokens, 6 * size * tokens, loss)


@given(st.floats(0.2, 0.5), st.floats(0.15, 0.5))
@settings(max_examples=8, deadline=None)
def test_a_law_without_noise_comes_back(alpha: float, beta: float) -> None:
    law = Law(1.8, 0.5 * 1e8**alpha, 0.5 * 5e9**beta, alpha, beta)
    found = fit_law(grid(law)).law
    assert found.alpha == pytest.approx(alpha, rel=1e-6) and found.beta == pytest.approx(beta, rel=1e-6)
    assert pytest.approx(1.8, rel=1e-6) == found.E


def test_the_gradient_is_that_of_the_objective() -> None:
    points = grid(Law(1.8, 400.0, 1200.0, 0.34, 0.35), noise=0.002)
    logs = [np.log(values) for values in (points.parameters, points.tokens, points.loss)]
    values = np.array([np.log(380.0), np.log(1300.0), np.log(1.75), 0.338, 0.355])
    _, slope = objective_and_slope(values, *logs)
    for place in range(5):
        step = np.zeros(5)
        step[place] = 1e-6
        above, below = (objective_and_slope(values + sign * step, *logs)[0] for sign in (1, -1))
        assert slope[place] == pytest.approx((above - below) / 2e-6, rel=1e-4, abs=1e-9)


def test_a_mean_of_losses_at_usual_tolerances_stops_far_from_the_optimum() -> None:
    """The fault of the first published fit: why the objective is a sum, and large."""
    from scipy.optimize import minimize

    points = grid(Law(1.8, 480.0, 2085.0, 0.348, 0.366), noise=0.005)
    logs = [np.log(values) for values in (points.parameters, points.tokens, points.loss)]

    def mean(values: np.ndarray) -> tuple[float, np.ndarray]:
        objective, slope = objective_and_slope(values, *logs)
        return objective / len(points), slope / len(points)

    best, found = fit_law(points), []
    for size, alpha in ((5.0, 0.5), (10.0, 0.5), (15.0, 1.0), (20.0, 1.0)):  # of the grid of the first fit
        start = np.array([size, size, 0.5, alpha, alpha])
        found.append(minimize(mean, start, jac=True, method="L-BFGS-B").x)
    assert all(mean(values)[0] * len(points) > 1.01 * best.objective for values in found)
    assert all(abs(values[3] / best.law.alpha - 1) > 0.01 for values in found)


def test_intervals_come_from_resamples_and_repeat() -> None:
    points = grid(Law(1.8, 480.0, 2085.0, 0.348, 0.366), noise=0.005)
    first, again = (fit_law(points, 20) for _ in range(2))
    assert first == again
    low, high = first.interval(lambda law: law.optimum(1e23)[0])
    assert low < first.law.optimum(1e23)[0] < high


def test_designs_that_identify_nothing_are_refused_in_words() -> None:
    law = Law(1.8, 480.0, 2085.0, 0.348, 0.366)
    whole = grid(law)
    one_count = whole.take(whole.tokens == whole.tokens.max())
    assert "1 different token counts" in unidentified(one_count)
    near = whole.take(whole.parameters < 1e8)
    assert "sizes" in unidentified(near)
    size = np.logspace(7, 9, 8)
    ratio = Points(size, 20 * size, 120 * size**2, np.array([law.loss(n, 20 * n) for n in size]))
    assert "one ratio" in unidentified(ratio)
    for points in (one_count, near, ratio):
        with pytest.raises(UserError, match="identify no law"):
            fit_law(points)
    floor, factor, gamma = loss_of_compute(ratio)  # that much they tell
    predicted = floor + factor / ratio.flops**gamma
    assert np.abs(predicted / ratio.loss - 1).max() < 2e-3


def isoflops(law: Law, spread: float, budgets: int = 5) -> Points:
    rows = []
    for flops in np.logspace(17, 21, budgets):
        best, _ = law.optimum(flops)
        rows += [(best * factor, flops) for factor in np.logspace(-np.log10(spread), np.log10(spread), 7)]
    size, flops = np.array(rows).T
    tokens = flops / 6 / size
    loss = np.array([law.loss(n, d) for n, d in zip(size, tokens, strict=True)])
    return Points(size, tokens, flops, loss)


def test_parabolas_have_the_right_exponent_and_a_bias_that_grows_with_the_spread() -> None:
    law = Law(1.7, 400.0, 400.0, 0.34, 0.28)
    off = []
    for spread in (2, 8, 16):
        power = parabolas(isoflops(law, spread))
        assert power is not None and len(power.optima) == 5
        assert power.exponent == pytest.approx(law.beta / (law.alpha + law.beta), rel=1e-3)
        off.append(power.size(1e24) / law.optimum(1e24)[0] - 1)
    assert off[0] < off[1] < off[2] and off[0] < 0.01 < off[2]
    least = envelope(isoflops(law, 2))
    assert least is not None and least.exponent == pytest.approx(law.beta / (law.alpha + law.beta), rel=1e-3)


def test_the_largest_budgets_are_predicted_from_the_others() -> None:
    points = grid(Law(1.8, 480.0, 2085.0, 0.348, 0.366), noise=0.002)
    median, most, number = hold_out(points)
    assert number == 3 and median <= most < 0.02


HEADER = "params,tokens,loss,excluded\n"


def test_files_are_read_and_their_marks_honoured(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text(HEADER + "1e6,1e8,3.5,\n2e6,2e8,3.2,0\n9e9,1e9,9.9,1\n")
    points = read_points(path)
    assert len(points) == 2 and points.dropped == 1 and points.flops.tolist() == [6e14, 24e14]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("params,tokens\n1,2\n", "no column 'loss'; it has params, tokens"),
        (HEADER, "has no points"),
        (HEADER + "1e6,1e8,none,\n", "line 2: loss must be a number above 0, not 'none'"),
        (HEADER + "1e6,1e8,3,\n1e6,-1,3,\n", "line 3: tokens"),
        (HEADER + "1e6,1e8,nan,\n", "line 2: loss"),
        (HEADER + "1e6,1e8\n", "line 2: loss"),
        ("", "it has none"),
    ],
)
def test_faults_of_files_are_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "points.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        read_points(path)


def test_the_summary_has_what_scripts_read() -> None:
    points = grid(Law(1.8, 480.0, 2085.0, 0.348, 0.366), noise=0.002)
    found = summary(points, fit_law(points, 10))
    assert set(found["approach3"]) == {"E", "A", "B", "alpha", "beta", "objective", "exponent", "intervals"}
    assert found["points"] == 30 and found["hold_out"]["points"] == 3


def test_sizes_with_the_same_token_counts_give_optima_between_their_budgets() -> None:
    law = Law(1.8, 480.0, 2085.0, 0.348, 0.366)
    size, tokens = map(np.ravel, np.meshgrid(np.geomspace(1e7, 3e8, 8), np.geomspace(2e8, 6e9, 8)))
    loss = law.E + law.A / size**law.alpha + law.B / tokens**law.beta
    points = Points(size, tokens, 6 * size * tokens, loss)
    power = parabolas(points)
    assert power is not None and len(power.optima) >= 3
    assert power.exponent == pytest.approx(law.beta / (law.alpha + law.beta), rel=0.1)
    for flops, best in power.optima:
        assert best == pytest.approx(law.optimum(flops)[0], rel=0.25)


def table(path: Path, columns: dict[str, np.ndarray]) -> Path:
    rows = [
        ",".join(columns),
        *(",".join(f"{value:.12g}" for value in row) for row in zip(*columns.values(), strict=True)),
    ]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_what_identifies_no_law_gives_the_law_of_compute_and_says_so(tmp_path: Path) -> None:
    law = Law(1.8, 480.0, 2085.0, 0.348, 0.366)
    size = np.geomspace(1e7, 1e9, 8)
    same = np.full(8, 1e10)
    loss = np.array([law.loss(n, d) for n, d in zip(size, same, strict=True)])
    found = summarise(
        table(tmp_path / "points.csv", {"params": size, "tokens": same, "loss": loss}), "params", "loss", (), 10
    )
    assert "1 different token counts" in found["approach3"]["refused"] and "hold_out" not in found
    told, flops = found["compute"], 6 * size * same
    assert np.abs((told["E"] + told["K"] / flops ** told["gamma"]) / loss - 1).max() < 2e-3
    few = table(tmp_path / "few.csv", {"params": size[:3], "tokens": same[:3], "loss": loss[:3]})
    with pytest.raises(UserError, match="identify no law of compute either"):
        summarise(few, "params", "loss", (), 10)


def test_ways_of_counting_stand_side_by_side(tmp_path: Path) -> None:
    points = grid(Law(1.8, 480.0, 2085.0, 0.348, 0.366), noise=0.001)
    layers = points.parameters
    columns = {"params_no_embed": layers, "params": layers + 2e6, "tokens": points.tokens, "loss": points.loss}
    path = table(tmp_path / "points.csv", {**columns, "flops": 6 * (layers + 2e6) * points.tokens})
    assert conventions(path) == ["params", "params_no_embed"]
    mine, narrow = (summarise(path, name, "loss", [1e18], 0) for name in conventions(path))
    assert mine["flops_per_parameter_and_token"] == 6 < narrow["flops_per_parameter_and_token"] + 1e-9
    (best,), (other,) = mine["optima"], narrow["optima"]
    assert best["tokens_per_parameter"] < other["tokens_per_parameter"]
    assert best["approach2"]["difference"] == pytest.approx(best["approach2"]["N"] / best["N"] - 1)
    assert len(mine["residuals"]) == 30 and max(abs(row["residual"]) for row in mine["residuals"]) < 0.01
    assert summarise(path, "params", "loss", (), 0, [1]).keys() >= {"approach1", "compute"}
    assert "approach3" not in summarise(path, "params", "loss", (), 0, [1])


@pytest.mark.parametrize("worth", [4.0, 15.4, 60.0])
def test_what_repeats_are_worth_comes_back(tmp_path: Path, worth: float) -> None:
    law = Law(1.8, 480.0, 2085.0, 0.348, 0.366, epochs_worth=worth)
    size, tokens = map(np.ravel, np.meshgrid(np.geomspace(1e7, 3e9, 6), np.geomspace(3e8, 1e12, 8)))
    unique = np.full(len(size), 2e10)
    loss = np.array([law.loss(n, d, u) for n, d, u in zip(size, tokens, unique, strict=True)])
    path = table(tmp_path / "points.csv", {"params": size, "tokens": tokens, "loss": loss, "unique": unique})
    found = summarise(path, "params", "loss", (), 0)["repeats"]
    # up to four readings repeats count as new, where they are worth a little less
    assert found["R_D"] == pytest.approx(worth, rel=0.35) and found["most_epochs"] == pytest.approx(50)
    new = table(tmp_path / "new.csv", {"params": size, "tokens": tokens, "loss": loss, "unique": 100 * tokens})
    assert summarise(new, "params", "loss", (), 0)["repeats"] is None
