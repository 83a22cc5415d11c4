"""Near duplicates of few texts in plain Python, against the compiled loops and against all pairs."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from comparing import read
from comparing import shingles as defined
from hypothesis import example, given, settings
from hypothesis import strategies as st

import hornbook
from hornbook.corpus.dedup import few
from hornbook.corpus.dedup.clusters import _components

SCRIPTS = "aAzZ .,-\n\t\x00\x01\x02\x1c\x85\u00a0éÉßẞİΣσςאشนิกำຂုြ言葉がガヿガ한글각🙂👩‍💻𐐀𠀀́̇̂ệﷺﬁ\u200b\ufeff\u0133"
TEXTS = st.lists(
    st.one_of(
        st.text(alphabet=SCRIPTS, max_size=60),
        st.text(max_size=40),
        st.text(alphabet="ab A-1", max_size=200),
        st.text(alphabet="abcd ", min_size=100, max_size=200),
    ),
    min_size=2,
    max_size=5,
)


@settings(max_examples=80, deadline=None)
@given(TEXTS, st.integers(1, 6))
@example(["กำ", "ก ำ", "ヿ゙a", "コト"], 1)
@example(["a\u0323\u0302 b", "a\u0302\u0323 b"], 1)
@example(["ﷺ", "x ﷺ y"], 2)
def test_shingles_are_equal_where_those_of_the_definition_are(texts, length):
    found, expected = ([shingles(text) for text in texts] for shingles in _ways(length))
    assert list(map(len, found)) == list(map(len, expected))
    for one, other in itertools.combinations(range(len(texts)), 2):
        assert len(found[one] & found[other]) == len(expected[one] & expected[other])


def _ways(length):
    return lambda text: few.shingles(text, length), lambda text: defined(*read(text, length))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="abc ", max_size=25), min_size=2, max_size=12), st.sampled_from([0.2, 0.5, 0.8, 1.0]))
def test_the_pairs_are_all_that_are_similar(texts, threshold):
    pairs, jaccard = few.similar_pairs(range(len(texts)), texts, threshold, 2, across=False)
    sets = [few.shingles(text, 2) for text in texts]
    expected = {}
    for one, other in itertools.combinations(range(len(texts)), 2):
        union = len(sets[one] | sets[other])
        if union and len(sets[one] & sets[other]) / union >= threshold:
            expected[one, other] = len(sets[one] & sets[other]) / union
    assert dict(zip(map(tuple, pairs.tolist()), jaccard.tolist(), strict=True)) == expected
    places = [-1 - number if number % 2 else number for number in range(len(texts))]
    found, _ = few.similar_pairs(places, texts, threshold, 2, across=True)
    crossed = {tuple(sorted((places[one], places[other]))) for one, other in expected}
    assert {(low, high) for low, high in map(tuple, found.tolist())} == {p for p in crossed if p[0] < 0 <= p[1]}


def test_where_very_many_are_alike_others_find_the_pairs():
    texts = [f"one and the same text for everybody here but for this {number}" for number in range(300)]
    assert few.similar_pairs(range(300), texts, 0.2, 5, across=False) is None


def test_components_are_numbered_by_their_lowest_members():
    chance = random.Random(0)
    for number in (1, 2, 30):
        pairs = [[chance.randrange(number) for _ in range(2)] for _ in range(number)]
        label = list(range(number))
        for _ in range(number):  # the least label spreads
            for one, other in pairs:
                label[one] = label[other] = min(label[one], label[other])
        lowest = sorted(set(label))
        found = _components(np.array(pairs, np.int64), number)
        assert found.tolist() == [lowest.index(place) for place in label]
    assert _components(np.empty((0, 2), np.int64), 0).tolist() == []


@pytest.mark.slow
def test_a_small_corpus_is_cleaned_without_numba(tmp_path):
    (tmp_path / "text.txt").write_text("\n\n\n".join(f"A text of a few words, and {n}." for n in range(9)))
    script = (
        "import sys; from hornbook.corpus.build.build import build\n"
        "from hornbook.corpus.build.recipe import default_steps\n"
        "build(default_steps(), ['text.txt'], 'out'); assert 'numba' not in sys.modules"
    )
    source = str(Path(hornbook.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": source}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=True)
