"""A study's directory: plans of earlier versions are read, and only what settles runs is compared."""

import json
from pathlib import Path

import pytest

from hornbook.errors import UserError
from hornbook.study.design import BudgetSettings, new_study
from hornbook.study.layout import begin, read_plan

# As it was written before transfers and threads were settings of a study.
EARLIER = {
    "study": {
        "text": ["BOOK.txt"],
        "arms": {"causal": {"objective": "causal", "recipe": "", "settings": []}},
        "budget": {"tokens": 20000.0, "flops": 0, "minutes": 0},
        "seeds": 2, "size": "parameters", "width": 0, "layers": 0, "trials": 3, "margin": 0.01, "tasks": [],
        "few": True,
    },
    "arms": {
        "causal": {
            "name": "causal", "objective": "Causal", "parameters": 9, "width": 32, "layers": 1, "steps": 3, "rows": 4,
            "tokens": 5, "targets": 6, "flops": 7.0, "seconds": 0.0,
        }
    },
}  # fmt: skip


def test_a_plan_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    begin(new_study(["BOOK.txt"], ["causal"], BudgetSettings(tokens=20_000), 5), tmp_path / "study")
    (tmp_path / "study" / "plan.json").write_text(json.dumps(EARLIER))
    assert read_plan(tmp_path / "study")["causal"].steps == 3
    file = tmp_path / "study" / "study.toml"
    file.write_text(file.read_text().replace("BOOK", "COOK").replace("trials = 3", "trials = 1"))
    with pytest.raises(UserError, match="settled, in text, trials: begin a new study"):
        read_plan(tmp_path / "study")
