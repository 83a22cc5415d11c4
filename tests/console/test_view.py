"""The plain lines of a run name their numbers and units in words."""

from __future__ import annotations

import pytest

from hornbook.console import Training, View

TRAIN = {
    "kind": "train", "step": 4, "loss": 3.25, "learning_rate": 0.0024, "tokens_per_second": 18_400.0,
    "useful_share": 0.75, "model_flops_utilization": 0.31, "memory_bytes": 631_000_000, "seconds_left": 151.0,
}  # fmt: skip


def test_plain_lines_say_what_each_number_is(capsys: pytest.CaptureFixture[str]) -> None:
    training = Training(View(plain=True), "causal", 4, 0, 2**30, "runs/a")
    training.write(TRAIN)
    training.write({"kind": "held_out", "step": 4, "loss": 2.5, "bits_per_byte": 1.75})
    assert capsys.readouterr().out.splitlines() == [
        "step 4/4: loss 3.2500, learning rate 2.4e-03, 18.4k tokens/s, padding 25.0%, MFU 31%, "
        "memory in use 631.0MB, 2m31s left",
        "held-out text at step 4/4: loss 2.5000, bits per byte 1.7500",
    ]
