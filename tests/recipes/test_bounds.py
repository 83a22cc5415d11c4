"""Settings that no machine can serve are refused at once, in a sentence that names the setting and its bound."""

from __future__ import annotations

import pytest
import torch

from hornbook.errors import ResourceError, UserError
from hornbook.recipes.describe import describe_settings
from hornbook.recipes.named import default
from hornbook.recipes.settings import override
from hornbook.run.settle.memory_fit import refuse_too_large


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("seed=-1", "seed must be a whole number of at least 0, not '-1'"),
        ("seed=99999999999999999999999", "seed must be at most 9,223,372,036,854,775,807"),
        ("budget.steps=100000000000000000000", "budget.steps must be at most 1,000,000,000,000,000"),
        ("training.batch_rows=1000000000000", "training.batch_rows must be at most 1,000,000"),
        ("model.layers=100000000", "model.layers must be at most 10,000"),
        ("training.epsilon=-1", "training.epsilon must be a number from 0 to 1"),
        ("model.rotary_base=0", "model.rotary_base must be a number above 0"),
        ("model.norm_epsilon=-1", "model.norm_epsilon must be a number above 0 and at most 1"),
        ("model.buckets=0", "model.buckets must be a whole number of at least 4"),
        ("training.workers=100000", "training.workers must be at most 256"),
        ("mix.temperature=1e-300", "mix.temperature must be a number of at least 0.01"),
    ],
)
def test_an_absurd_value_is_refused_with_its_bound(setting: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        override(default("causal"), [setting])


@pytest.mark.parametrize("value", ["1e300", "-1e300", "9" * 40, "9" * 5000, "nan"])
def test_every_number_of_a_recipe_has_bounds(value: str) -> None:
    recipe = default("causal")
    for line in describe_settings():
        if "number" in line.type and not line.name.startswith("objective"):
            given = value if "whole" not in line.type or (value[-1].isdigit() and "e" not in value) else "9" * 40
            with pytest.raises(UserError, match=line.name.replace(".", r"\.")):
                override(recipe, [f"{line.name}={given}"])


def test_a_model_that_can_never_fit_is_refused_before_anything_is_built() -> None:
    shape = ["model.width=100000", "model.layers=10000", "model.heads=1000"]
    with pytest.raises(ResourceError, match="A model of 10000 layers of width 100000 needs more than"):
        refuse_too_large(override(default("causal"), shape), torch.device("cpu"))
