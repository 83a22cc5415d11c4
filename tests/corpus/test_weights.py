import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.weights import PUBLISHED, counts, parse, shares
from hornbook.errors import UserError

SIZES = st.dictionaries(st.sampled_from("abcdefg"), st.integers(1, 10**9), min_size=1)


def told(sizes, rule, weights=None, temperature=2.0, epochs=4.0, budget=1e6):
    return shares(sizes, rule, weights=weights or {}, temperature=temperature, epochs=epochs, budget=budget)


@given(SIZES, st.floats(1.0, 50.0), st.floats(0.1, 20.0), st.floats(1.0, 1e10))
def test_shares_add_up_and_stand_in_alphabetical_order(sizes, temperature, epochs, budget):
    for rule in ("as-is", "temperature", "unimax"):
        found = told(sizes, rule, temperature=temperature, epochs=epochs, budget=budget)
        assert list(found) == sorted(sizes)
        assert math.isclose(sum(found.values()), 1.0)
        assert all(share >= 0 for share in found.values())


@given(SIZES)
def test_temperature_goes_from_the_sizes_to_all_alike(sizes):
    assert told(sizes, "temperature", temperature=1.0) == pytest.approx(told(sizes, "as-is"))
    assert told(sizes, "temperature", temperature=1e9) == pytest.approx(dict.fromkeys(sizes, 1 / len(sizes)), rel=1e-6)


def test_temperature_by_hand():
    assert told({"en": 90, "sw": 10}, "temperature", temperature=2.0) == pytest.approx({"en": 0.75, "sw": 0.25})


@given(SIZES, st.floats(0.1, 20.0), st.floats(1.0, 1e10))
def test_unimax_caps_what_is_read_and_is_alike_elsewhere(sizes, epochs, budget):
    found = told(sizes, "unimax", epochs=epochs, budget=budget)
    if budget <= epochs * sum(sizes.values()):
        read = {name: share * budget for name, share in found.items()}
        assert all(read[name] <= epochs * sizes[name] * (1 + 1e-9) for name in sizes)
        free = [read[name] for name in sizes if read[name] < epochs * sizes[name] * (1 - 1e-9)]
        assert all(math.isclose(value, free[0]) for value in free)  # whoever has text left has as much as the others
        assert not free or max(read.values()) <= free[0] * (1 + 1e-9)
    else:
        assert found == pytest.approx(told(sizes, "as-is"))


def test_unimax_by_hand():
    assert told({"en": 1000, "fr": 100, "sw": 10}, "unimax", epochs=2, budget=600) == pytest.approx(
        {"sw": 20 / 600, "fr": 200 / 600, "en": 380 / 600}
    )


def test_published_mixes():
    assert sum(PUBLISHED["llama1"].values()) == 100
    assert sum(PUBLISHED["gpt3"].values()) == 101  # as printed
    assert told({"books": 5, "arxiv": 7, "mine": 3}, "llama1") == pytest.approx(
        {"arxiv": 2.5 / 7, "books": 4.5 / 7, "mine": 0.0}
    )


def test_explicit_weights_and_refusals():
    assert told({"a": 1, "b": 1, "c": 1}, "explicit", {"a": 3, "b": 1}) == {"a": 0.75, "b": 0.25, "c": 0.0}
    with pytest.raises(UserError, match=r"'wikis'.*'wiki'"):
        told({"wiki": 1}, "explicit", {"wikis": 1})
    with pytest.raises(UserError, match="gpt3 knows none"):
        told({"wiki": 1}, "gpt3")


def test_parsing():
    assert parse(["a=1", "b=c=2.5"], "mix.weights") == {"a": 1.0, "b=c": 2.5}
    for wrong in (["a"], ["a=x"], ["=1"], ["a=-1"], ["a=nan"], ["a=inf"], ["a=1", "a=2"], ["a=0"]):
        with pytest.raises(UserError, match=r"mix\.weights"):
            parse(wrong, "mix.weights")


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=20), st.integers(0, 1000))
def test_counts_are_whole_and_within_one_of_the_shares(weights, number):
    exact = [weight / sum(weights) for weight in weights]
    found = counts(exact, number)
    assert sum(found) == number
    assert all(abs(count - share * number) < 1 for count, share in zip(found, exact, strict=True))
