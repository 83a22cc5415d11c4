"""What a run begins with: each choice follows its law, and grows or falls where it should."""

from dataclasses import replace

import pytest

from hornbook.model.config import modern
from hornbook.scaling.defaults import SIZES, default_embedding_rate, default_size, step_rows


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


def test_only_the_table_of_a_decoder_or_of_a_scaled_head_has_a_rate_of_its_own() -> None:
    rates = [default_embedding_rate(modern(topology)) for topology in ("decoder", "encoder", "encoder-decoder")]
    assert rates == [0.75, 0.0, 0.1]
