import itertools
import pickle
import random

import numpy as np
import pytest
from documents import DAMAGE, frame, in_parts, page, sentences
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.fuzzy import NearDuplicates
from hornbook.corpus.shingles import Likeness, band_keys, similar
from hornbook.errors import UserError


def plain(text):
    return " ".join("".join(c for c in text.lower() if c not in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~").split())


def shingle_set(text, words=5):
    split = plain(text).split(" ")
    if len(split) <= words:
        return {tuple(split)}
    return {tuple(split[start : start + words]) for start in range(len(split) - words + 1)}


def jaccard(a, b):
    return len(a & b) / len(a | b)


def damaged(seed, originals):
    chance = random.Random(seed)
    texts = []
    for _ in range(originals):
        text = sentences(chance, chance.randint(60, 400))
        texts.append(text)
        texts += [damage(text, chance) for damage in chance.sample(list(DAMAGE.values()), 3)]
    chance.shuffle(texts)
    return texts


def test_ten_kinds_of_damage_against_all_pairs(tmp_path):
    texts = damaged(seed=1, originals=120)
    sets = [shingle_set(text) for text in texts]
    truth = {
        pair: value
        for pair in itertools.combinations(range(len(texts)), 2)
        if (value := jaccard(sets[pair[0]], sets[pair[1]])) > 0.1
    }
    likeness = Likeness()
    pairs, values = similar(frame(texts), tmp_path, likeness)
    found = dict(zip(map(tuple, pairs.tolist()), values.tolist(), strict=True))
    assert found == {pair: pytest.approx(truth[pair], abs=1e-12) for pair in found}  # what is called similar is
    wanted = {pair for pair, value in truth.items() if value >= likeness.threshold}
    assert len(wanted) > 200
    assert len(wanted & set(found)) > 0.99 * len(wanted)  # Likeness.found is above 0.9977 from the threshold on
    assert set(found) <= wanted


def test_one_of_each_cluster_stays(tmp_path):
    chance = random.Random(2)
    text = sentences(chance, 200)
    texts = [text, sentences(chance, 200), text + " and more", text.upper(), sentences(chance, 200), ""]
    step = NearDuplicates().survey(frame(texts), tmp_path)
    verdicts = step(page(texts))
    assert [bool(reason) for reason in verdicts.reasons] == [True, False, False, True, False, False]
    assert verdicts.metas == [{"duplicate_of": "a#2"}, {}, {"copies": 3}, {"duplicate_of": "a#2"}, {}, {}]
    assert set(verdicts.reasons) == {"", "near duplicates: like another document"}
    assert pickle.loads(pickle.dumps(step))(page(texts[:1])).reasons == verdicts.reasons[:1]
    part = step(page(texts[2:4], places=[2, 3]))
    assert list(part.reasons) == list(verdicts.reasons[2:4])


@pytest.mark.parametrize(
    ("keep", "kept"), [("longest", 2), ("first", 0), ("quality", 1)], ids=["longest", "first", "by a number"]
)
def test_who_stays(tmp_path, keep, kept):
    text = sentences(random.Random(3), 200)
    texts = [text, text.upper(), text + " and more"]
    metas = ['{"quality": 0.5}', '{"quality": 0.9}', '{"note": "none"}']
    step = NearDuplicates(keep=keep).survey(frame(texts, metas), tmp_path)
    assert np.flatnonzero([not reason for reason in step(page(texts)).reasons]).tolist() == [kept]


def test_order_and_partitions_change_nothing(tmp_path):
    texts = damaged(seed=4, originals=30)
    order = list(range(len(texts)))
    random.Random(5).shuffle(order)
    one, other = tmp_path / "one", tmp_path / "other"
    for directory, documents in (
        (one, frame(texts)),
        (other, in_parts(texts, 5, order)),
    ):
        directory.mkdir()
        NearDuplicates().survey(documents, directory)
    assert (one / "clusters.parquet").read_bytes() == (other / "clusters.parquet").read_bytes()


def test_a_large_cluster_of_equal_texts(tmp_path):
    texts = [sentences(random.Random(6), 50)] * 200
    step = NearDuplicates(keep="first").survey(frame(texts), tmp_path)
    verdicts = step(page(texts))
    assert [not reason for reason in verdicts.reasons] == [True] + [False] * 199
    assert verdicts.metas[0] == {"copies": 200}


def test_texts_without_blanks_and_without_words(tmp_path):
    one = "初めに言葉があった。言葉は神と共にあった。言葉は神であった。この言葉は初めに神と共にあった。"
    texts = [
        one,
        one.replace("初め", "始め", 1),
        "ある日の暮方の事である。一人の下人が、羅生門の下で雨やみを待っていた。",
        "...",
        "???",
        "a b",
        "a b",
    ]
    step = NearDuplicates(threshold=0.7).survey(frame(texts), tmp_path)
    dropped = [bool(reason) for reason in step(page(texts)).reasons]
    assert dropped[:5] == [False, True, False, False, False]
    assert dropped[5:] == [False, True]  # fewer words than a shingle has: one shingle


def test_nothing_at_all(tmp_path):
    step = NearDuplicates().survey(frame(["..."]), tmp_path)
    assert step(page(["..."])).reasons == [""]


@given(st.floats(0.05, 1.0), st.integers(1, 40), st.integers(1, 12))
def test_the_curve_rises_and_is_near_one_half_at_its_middle(jaccard, bands, rows):
    likeness = Likeness(bands=bands, rows=rows)
    assert 0.0 <= likeness.found(jaccard * 0.9) <= likeness.found(jaccard) <= 1.0
    assert likeness.found((1 / bands) ** (1 / rows)) >= 0.63 - 1e-9 or bands == 1


@settings(max_examples=30)
@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_keys_are_equal_where_a_band_is(bands, rows, seed):
    signatures = np.random.default_rng(seed).integers(0, 2, (50, bands, rows)).astype(np.uint32)
    keys = band_keys(signatures)
    for band in range(bands):
        same = (signatures[:, None, band] == signatures[None, :, band]).all(-1)
        assert (same == (keys[:, None, band] == keys[None, :, band])).all()
    assert len(np.unique(keys)) == sum(len(np.unique(keys[:, band])) for band in range(bands))


@pytest.mark.parametrize("wrong", [{"threshold": 0.0}, {"threshold": 1.5}, {"words": 0}, {"bands": 0}, {"rows": 0}])
def test_refusals(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        NearDuplicates(**wrong)
