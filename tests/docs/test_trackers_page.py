"""The page of trackers: its tracker of one's own works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hornbook.recipes.recipe import Recipe
from hornbook.recipes.settings import to_dict
from hornbook.train.trackers import find_trackers, open_sinks

PAGE = (Path(__file__).parents[2] / "docs" / "train" / "trackers.md").read_text(encoding="utf-8")


def test_the_tracker_of_ones_own_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (name,) = re.findall(r"logging\.trackers=(\S+:\w+)", PAGE)
    monkeypatch.chdir(tmp_path)
    Path(name.partition(":")[0]).write_text(source)
    for resumed_at, step in ((0, 5), (5, 10)):
        with open_sinks(tmp_path / "toy", resumed_at, find_trackers([name]), to_dict(Recipe()), pytest.fail) as sinks:
            for sink in sinks:
                sink.write({"kind": "train", "step": step, "loss": 3.0})
                sink.write({"kind": "held_out", "step": step, "loss": 2.5})
    assert (tmp_path / "toy" / "losses.txt").read_text() == "toy: seed 0, causal\nstep 5: 2.500\nstep 10: 2.500\n"
