"""What a run begins with: each choice follows its law, and grows or falls where it should."""

from dataclasses import replace

import pytest

from hornbook.model.config import ModelConfig, modern
from hornbook.scaling.defaults import (
    ENTRIES,
    SIZES,
    SMALLEST,
    default_dropout,
    default_embedding_rate,
    default_learning_rate,
    default_size,
    layer_parameters,
    most_entries,
    step_rows,
)


def test_the_size_is_the_largest_that_the_tokens_are_enough_for() -> None:
    model = replace(modern("decoder"), vocab_size=100)
    found = [default_size(model, 10.0**power) for power in range(3, 12)]
    assert found[0] == SIZES[0] and found[-1] == SIZES[-1]
    assert [SIZES.index(size) for size in found] == sorted(SIZES.index(size) for size in found)
    assert default_size(model, 4 * 12 * 128**2 * 4 * 1.5) == (128, 4)  # a layer has about 12 D squared parameters


def test_a_text_too_short_for_the_smallest_size_has_a_smaller_model() -> None:
    model = replace(modern("decoder"), vocab_size=320)
    found = [default_size(model, 1e12, 10.0**power) for power in range(2, 12)]
    assert found[0] == SMALLEST and found[-1] == SIZES[-1]
    ladder = [SMALLEST, *SIZES]
    assert [ladder.index(size) for size in found] == sorted(ladder.index(size) for size in found)
    assert default_size(model, 1e3, 1e12) == SIZES[0]  # a short budget is no reason: counts fill the width at once
    smallest = layer_parameters(replace(model, width=128, layers=2, heads=2))
    assert (
        default_size(model, 1e12, smallest / 4) == (128, 2) and default_size(model, 1e12, smallest / 4 - 1) == SMALLEST
    )


def test_dropout_grows_with_readings_and_with_the_parameters_for_each_token() -> None:
    def found(epochs: float, parameters: float = 4e5, tokens: float = 1e5) -> float:
        return default_dropout(epochs, parameters, tokens, noisy=False)

    by_epochs = [found(float(epochs)) for epochs in range(1, 100)]
    by_parameters = [found(5.0, 10.0**power) for power in range(3, 10)]
    by_tokens = [found(5.0, 4e5, 10.0**power) for power in range(9, 2, -1)]
    for each in (by_epochs, by_parameters, by_tokens):
        assert each == sorted(each) and (each[0], each[-1]) == (0.0, 0.4)
    assert (found(3.5, 8e5, 4e5), found(7.4, 4e5, 1.1e5)) == (0.1, 0.2)  # measured (docs/LOG.md)
    noisy = [default_dropout(float(epochs), 4e5, 1e3, noisy=True) for epochs in (1, 35, 120)]
    assert noisy == [0.0, 0.0, 0.1]


def test_a_vocabulary_has_entries_that_are_read_often_enough() -> None:
    found = [most_entries(lambda entries, flops=10.0**power: flops / (entries + 1000)) for power in range(3, 14)]
    assert found == sorted(found) and {found[0], found[-1]} == {ENTRIES[0], ENTRIES[-1]} and len(set(found)) > 3


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
