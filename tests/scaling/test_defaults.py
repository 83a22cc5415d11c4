"""What a run begins with: each choice follows its law, and grows or falls where it should."""

from dataclasses import replace

import pytest

from hornbook.model.config import ModelConfig, modern
from hornbook.scaling.defaults import (
    SIZES,
    default_embedding_rate,
    default_learning_rate,
    default_size,
    step_rows,
)


def test_the_size_is_the_largest_that_the_tokens_are_enough_for() -> None:
    model = replace(modern("decoder"), vocab_size=100)
    found = [default_size(model, 10.0**power) for power in range(3, 12)]
    assert found[0] == SIZES[0] and found[-1] == SIZES[-1]
    assert [SIZES.index(size) for size in found] == sorted(SIZES.index(size) for size in found)
    assert default_size(model, 4 * 12 * 128**2 * 4 * 1.5) == (128, 4)  # a layer has about 12 D squared parameters


@pytest.mark.parametrize(("width", "length", "rows"), [(128, 256, 16), (384, 256, 32), (128, 64, 64), (128, 8192, 1)])
def test_a_step_reads_enough_tokens_for_its_width(width: int, length: int, rows: int) -> None:
    assert step_rows(width, length) == rows
    assert step_rows(width, length, paired=True) == max(1, rows // 2)
    assert step_rows(width, length, planned=1e5) <= rows


def started(topology: str, start: str) -> ModelConfig:
    return replace(modern(topology), start=start)


def test_the_table_has_a_rate_of_its_own_where_one_was_found() -> None:
    topologies = ("decoder", "encoder", "encoder-decoder")
    rates = [[default_embedding_rate(started(each, start)) for each in topologies] for start in ("random", "counts")]
    assert rates == [[0.75, 0.0, 0.1], [0.03, 0.1, 0.1]]


def test_adamws_rate_is_larger_where_a_head_of_counts_must_keep_up() -> None:
    decoder = started("decoder", "counts")
    wanted = {
        (32, 20): 0.012,
        (128, 20): 0.012,
        (128, 300): 0.012,
        (512, 300): 0.006,
        (128, 1200): 0.006,
        (128, 10**6): 0.006,
    }
    for (width, steps), rate in wanted.items():
        assert default_learning_rate(replace(decoder, width=width), "muon", steps) == pytest.approx(rate)
    pair = replace(started("encoder-decoder", "counts"), width=128)
    assert default_learning_rate(pair, "muon", 300) == pytest.approx(0.012)
    others = [(replace(decoder, tied=True), "muon"), (decoder, "adamw"), (started("decoder", "random"), "muon")]
    others += [(started("encoder", "counts"), "muon"), (started("encoder-decoder", "random"), "muon")]
    assert {default_learning_rate(model, optimizer, 300) for model, optimizer in others} == {3e-3}
