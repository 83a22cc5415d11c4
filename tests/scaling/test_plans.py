"""Plans: the worked examples of the field come out, and every choice spends what it was given."""

import math

import pytest

from hornbook.errors import UserError
from hornbook.scaling.laws import Law
from hornbook.scaling.plans import choices, spent


def test_what_1e24_flops_buy() -> None:
    found = {choice.name: choice for choice in choices(1e24)}
    wanted = {
        "20 tokens a parameter": (91.29e9, 1.826e12),
        "table of approach 1": (88.5e9, 1.95e12),
        "hoffmann": (51.9e9, 3.21e12),
        "epoch": (96.0e9, 1.74e12),
        "muennighoff": (92.2e9, 1.81e12),
    }
    assert set(found) == set(wanted)
    for name, (size, tokens) in wanted.items():
        assert found[name].parameters == pytest.approx(size, rel=3e-3)
        assert found[name].tokens == pytest.approx(tokens, rel=5e-3)
    assert found["20 tokens a parameter"].mark == "rule of thumb"
    assert found["epoch"].beyond > 100 and found["epoch"].epochs is None


@pytest.mark.parametrize(
    ("parameters", "tokens", "flops"),
    [
        (175e9, 300e9, 3.15e23), (280e9, 300e9, 5.04e23), (70e9, 1.4e12, 5.88e23), (6.7e9, 1e12, 4.02e22),
        (65e9, 1.4e12, 5.46e23), (70e9, 2e12, 8.4e23),
    ],
)  # fmt: skip
def test_what_known_models_spent(parameters: float, tokens: float, flops: float) -> None:
    assert spent(parameters, tokens)[0] == pytest.approx(flops)


@pytest.mark.parametrize("flops", [1e15, 1e20, 1e24])
def test_every_choice_spends_the_budget(flops: float) -> None:
    own = {"mine": Law(2.0, 50.0, 60.0, 0.25, 0.3, span=(1e12, 1e15))}
    found = choices(flops, unique=1e9, own=own)
    assert found[0].name == "mine" and found[0].mark == "your own fit"
    for choice in found:
        if choice.name != "table of approach 1":  # its rows are rounded
            assert 6 * choice.parameters * choice.tokens == pytest.approx(flops)
        assert choice.epochs == pytest.approx(choice.tokens / 1e9)


@pytest.mark.parametrize("flops", [0.0, -1.0, math.nan, math.inf])
def test_no_plan_of_nothing(flops: float) -> None:
    with pytest.raises(UserError, match="above 0"):
        choices(flops)
