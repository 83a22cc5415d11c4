"""Settling a study: what depends on the steps of an arm's runs is chosen for their steps, not for those of a draft."""

import dataclasses
import json
from pathlib import Path

import pytest
from stories import story

from hornbook.console import View
from hornbook.scaling.defaults import default_muon_learning_rate, default_muon_momentum
from hornbook.study.design import ArmSettings, BudgetSettings, new_study
from hornbook.study.layout import begin
from hornbook.study.running import arm_recipe
from hornbook.study.settle import plan_study


def test_rates_of_a_new_decoder_are_those_of_its_own_steps(tmp_path: Path) -> None:
    text, place = tmp_path / "text.jsonl", tmp_path / "study"
    text.write_text("".join(json.dumps({"text": story(30, seed)}) + "\n" for seed in range(60)))
    study = new_study([str(text)], ["causal", "masked"], BudgetSettings(tokens=20_000), 1)
    given = ArmSettings("causal", settings=("training.muon_learning_rate=0.005", "training.muon_momentum=0.7"))
    study = dataclasses.replace(study, width=32, layers=1, arms={**study.arms, "given": given})
    begin(study, place)
    plans = plan_study(study, place, View(plain=True, silent=True))
    training = arm_recipe(place, "causal").training
    assert plans["causal"].steps < 75
    assert training.muon_learning_rate == default_muon_learning_rate(32, plans["causal"].steps)
    assert training.learning_rate == pytest.approx(0.012)  # of 300 steps and fewer
    assert training.muon_momentum == default_muon_momentum(plans["causal"].steps) == 0.8
    training = arm_recipe(place, "given").training
    assert (training.muon_learning_rate, training.muon_momentum) == (0.005, 0.7)
    training = arm_recipe(place, "masked").training
    assert (training.learning_rate, training.muon_momentum) == (3e-3, 0.8)
    assert training.muon_learning_rate == default_muon_learning_rate(32)  # an encoder's is by its width alone
