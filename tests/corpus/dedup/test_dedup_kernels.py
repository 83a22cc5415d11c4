"""The compiled loops against what they are said to do, in plain Python."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from comparing import FACTOR, WORD, mixed, read, shingles, words_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

import hornbook
from hornbook.corpus.dedup import kernels
from hornbook.corpus.dedup.characters import literal, prose, told

SCRIPTS = (
    "aAzZ .,-\n\t\x00\x1c\x85\u00a0\u3000éÉßẞİıΣσςΟΔдДԱאشनिกำ๑ລາខ្មမြ言葉のガ한글🙂👩‍💻𐐀𝒜𠀀́̇\u200b\ufeff\ufffd\U0010ffff"
)
TEXTS = st.lists(
    st.one_of(st.text(alphabet=SCRIPTS, max_size=40), st.text(max_size=40), st.text(alphabet="ab A-", max_size=40)),
    min_size=1,
    max_size=6,
)


def signature(found: set[int], places: int) -> list[int]:
    minima: list[int | None] = [None] * places
    for turn in range(2 * places):
        reached: dict[int, list[int]] = {}
        for shingle in found:
            drawn = mixed((shingle + turn * FACTOR) % WORD) if turn else shingle
            place = (drawn >> 32) * places >> 32 if turn < places else turn - places
            reached.setdefault(place, []).append((drawn << 32 | drawn >> 32) % WORD)
        for place, values in reached.items():
            if minima[place] is None:
                minima[place] = min(values)
    return [value for value in minima if value is not None]


def together(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return bytes and offsets that cannot be written to, as Daft's are."""
    pieces = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, pieces)]).astype(np.int64)
    offsets.setflags(write=False)
    return np.frombuffer(b"".join(pieces), np.uint8), offsets


def sketches(texts: list[str], length: int = 5, bands: int = 20, rows: int = 6) -> np.ndarray:
    data, offsets = together(texts)
    return told(lambda tables, wanted: kernels.sketches(data, offsets, tables, wanted, length, bands, rows))


def sets(texts: list[str], length: int) -> list[list[int]]:
    data, offsets = together(texts)
    result = []
    for number in range(len(texts)):
        which, into = np.array([number]), np.empty(len(data) + 1, np.uint64)
        size = told(lambda tables, wanted: kernels.sets(data, offsets, which, tables, wanted, length, into))  # noqa: B023
        result.append(into[:size].tolist())
    return result


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(1, 7))
@example(["ก\x00\u0301"], 1)
def test_sets_are_those_of_the_definition_in_every_script(texts, length):
    found = sets(texts, length)
    assert all(len(item) == len(set(item)) for item in found)
    assert [set(item) for item in found] == [shingles(*read(text, length)) for text in texts]


@pytest.mark.parametrize("way", [kernels.PROSE, kernels.LITERAL])
def test_every_character_becomes_what_the_definition_says(way):
    points = [point for point in range(0x33480) if not 0xD800 <= point < 0xE000]
    texts = [f"a{chr(point)}b" for point in points]
    data, offsets = together(texts)
    into = np.empty(len(data) + 1, np.uint64)
    ends, _ = told(lambda tables, wanted: kernels.words(data, offsets, way, tables, wanted, into))
    expected = [words_of(text, (prose, literal)[way]) for text in texts]
    assert ends.tolist() == np.cumsum([len(words) for words in expected]).tolist()
    assert into[: ends[-1]].tolist() == [word for words in expected for word in words]


def test_the_three_forms_of_sigma_are_one_letter():
    rest = " και άλλες δέκα λέξεις που δεν λένε τίποτα, μα είναι εδώ"
    texts = [word + rest for word in ("ΛΌΓΟΣ", "λόγος", "λόγοσ", "Λόγος")]
    assert len({tuple(item) for item in sets(texts, 5)}) == 1


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=SCRIPTS + "ệﬁ각がậ", max_size=60))
def test_forms_that_look_the_same_are_the_same(text):
    for becomes in (prose, literal):
        forms = [words_of(unicodedata.normalize(form, text), becomes) for form in ("NFC", "NFD")]
        assert forms[0] == forms[1]


def test_many_shingles_and_few_different_ones():
    chance = random.Random(0)
    many = " ".join(str(chance.randrange(10**9)) for _ in range(30_000))
    few = "to be or not " * 30_000
    assert [len(item) for item in sets([many, few], 5)] == [29_996, 4]
    assert [set(item) for item in sets([many, few], 5)] == [shingles(*read(text, 5)) for text in (many, few)]


def test_more_shingles_than_were_counted_are_refused():
    data, offsets = together(["one two three four five six seven eight nine ten eleven"])
    with pytest.raises(IndexError, match="more shingles"):
        told(
            lambda tables, wanted: kernels.sets(data, offsets, np.arange(1), tables, wanted, 1, np.empty(2, np.uint64))
        )


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.integers(1, 3), st.integers(1, 5), st.integers(1, 5))
def test_sketches_are_those_of_the_definition(texts, length, bands, rows):
    for text, row in zip(texts, sketches(texts, length, bands, rows).tolist(), strict=True):
        found = shingles(*read(text, length))
        expected = [len(found)] + [0] * bands
        if found:
            minima = signature(found, bands * rows)
            assert len(minima) == bands * rows
            for band in range(bands):
                for value in minima[band * rows : (band + 1) * rows]:
                    expected[1 + band] = mixed((expected[1 + band] * FACTOR + value) % WORD)
        assert row == expected


@pytest.mark.parametrize("union", [10, 60, 400, 3_000])
@pytest.mark.parametrize("jaccard", [0.3, 0.5, 0.8])
def test_places_agree_as_often_as_sets_do(union, jaccard):
    chance = np.random.default_rng(union)
    places, trials, open_ = 120, 1_000, np.empty(120, np.bool_)
    shared = round(union * jaccard)
    agree = np.empty((trials, places), bool)
    one, other = np.empty(places, np.uint64), np.empty(places, np.uint64)
    for trial in range(trials):
        values = chance.integers(1, WORD, union, np.uint64)
        kernels._signature(np.delete(values, np.s_[shared::2]), one, open_)
        kernels._signature(np.delete(values, np.s_[shared + 1 :: 2]), other, open_)
        agree[trial] = one == other
    # The share of a pair spreads no wider than with independent hashes, so that of all pairs does not either.
    assert abs(agree.mean() - shared / union) < 4 * np.sqrt(jaccard * (1 - jaccard) / agree.size)
    assert agree.mean(1).std() < 1.1 * np.sqrt(jaccard * (1 - jaccard) / places)
    law = 1 - (1 - jaccard**6) ** 20
    found = agree.reshape(trials, 20, 6).all(2).any(1).mean()
    assert abs(found - law) < 4 * np.sqrt(law * (1 - law) / trials) + 0.015  # places of a round are not independent


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sets(st.integers(1, 40), min_size=1), min_size=1, max_size=8),
    st.sampled_from([0.1, 0.5, 2 / 3, 0.8, 1.0]),
    st.data(),
)
def test_jaccards_are_exact_from_the_threshold_on(groups, threshold, data):
    place = st.integers(0, len(groups) - 1)
    pairs = data.draw(st.lists(st.tuples(place, place), min_size=1, max_size=20))
    values = np.array([mixed(value) for group in groups for value in sorted(group)], np.uint64)
    begins = np.cumsum([0, *map(len, groups)])
    found = kernels.jaccards(values, begins, np.array(pairs), threshold).tolist()
    for (one, other), value in zip(pairs, found, strict=True):
        exact = len(groups[one] & groups[other]) / len(groups[one] | groups[other])
        assert value == exact if exact >= threshold else value in (0.0, exact)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.data())
def test_components_are_numbered_by_their_lowest_members(number, data):
    place = st.integers(0, number - 1)
    pairs = data.draw(st.lists(st.tuples(place, place), max_size=30))
    label = list(range(number))
    for _ in range(number):
        for one, other in pairs:
            label[one] = label[other] = min(label[one], label[other])
    numbers = {lowest: count for count, lowest in enumerate(sorted(set(label)))}
    found = kernels.components(np.array(pairs, np.int64).reshape(-1, 2), number)
    assert found.tolist() == [numbers[lowest] for lowest in label]


SCRIPT = """
import numba.core.caching
numba.core.caching.CacheImpl._locator_classes = []  # numba finds no place that it may write to
import numpy as np
from hornbook.corpus.dedup import kernels
print(kernels.components(np.array([[0, 2]]), 3).tolist())
"""


def test_where_no_code_can_be_kept_it_is_compiled_all_the_same():
    environment = {**os.environ, "PYTHONPATH": str(Path(hornbook.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[0, 1, 0]\n", "")
