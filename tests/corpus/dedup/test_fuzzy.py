import itertools
import pickle
import random

import numpy as np
import pytest
from comparing import read, shingles
from documents import DAMAGE, frame, in_parts, page, sentences
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.dedup.fuzzy import NearDuplicates
from hornbook.corpus.dedup.shingles import candidate_pairs, similar, write_sketches
from hornbook.errors import UserError


def shingle_set(text, words=5):
    return shingles(*read(text, words))


def jaccard(a, b):
    return len(a & b) / len(a | b)


def found_by(step, documents, directory):
    return similar(documents, directory, step.threshold, step.words, step.bands, step.rows)


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
    step = NearDuplicates()
    pairs, values = found_by(step, frame(texts), tmp_path)
    found = dict(zip(map(tuple, pairs.tolist()), values.tolist(), strict=True))
    assert found == {pair: pytest.approx(truth[pair], abs=1e-12) for pair in found}  # what is called similar is
    wanted = {pair for pair, value in truth.items() if value >= step.threshold}
    assert len(wanted) > 200
    assert len(wanted & set(found)) > 0.99 * len(wanted)  # the chance is above 0.9977 from the threshold on
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


UNITS = ["a", "b", "B.", "ça", "ÇA", "İ", "ß", "ΟΣ", "ος", "言", "กำ", "e\u0301", "\x00", "-", "\u3000", "\n"]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(UNITS), max_size=16).map(" ".join), min_size=2, max_size=8),
    st.integers(1, 3),
    st.sampled_from([0.5, 2 / 3, 0.8, 1.0]),
    st.randoms(use_true_random=False),
)
def test_the_pairs_are_those_of_a_comparison_of_all(tmp_path_factory, texts, words, threshold, chance):
    # In none of 40 places do two texts of 0.5 agree once in 10^12.
    order = list(range(len(texts)))
    chance.shuffle(order)
    step = NearDuplicates(threshold, words, bands=40, rows=1)
    pairs, values = found_by(step, in_parts(texts, 3, order), tmp_path_factory.mktemp("all"))
    sets = [shingle_set(text, words) for text in texts]
    expected = {
        pair: value
        for pair in itertools.combinations(range(len(texts)), 2)
        if sets[pair[0]] and sets[pair[1]] and (value := jaccard(sets[pair[0]], sets[pair[1]])) >= threshold
    }
    assert dict(zip(map(tuple, pairs.tolist()), values.tolist(), strict=True)) == expected
    assert pairs.tolist() == sorted(pairs.tolist())


@pytest.mark.parametrize("step", [NearDuplicates(), NearDuplicates(bands=9, rows=3)])
def test_pairs_are_looked_at_as_often_as_the_curve_says(tmp_path, step):
    chance, number = random.Random(8), 400
    texts, alike = [], []
    for _ in range(number):
        words = [f"w{chance.randrange(10**12)}" for _ in range(200)]
        cut = chance.randint(100, 180)
        texts += [" ".join(words[:cut] + words[180:]), " ".join(words[:180])]
        alike.append(jaccard(*map(shingle_set, texts[-2:])))
    write_sketches(frame(texts), tmp_path / "sketches", step.words, step.bands, step.rows)
    pairs, numbers = candidate_pairs(tmp_path / "sketches", step.bands, across=False)
    assert numbers.tolist() == [[len(shingle_set(texts[place])) for place in pair] for pair in pairs.tolist()]
    found = {low // 2 for low, high in pairs.tolist() if low // 2 == high // 2}
    probable = 1 - (1 - np.array(alike) ** step.rows) ** step.bands
    assert 0.2 * number < probable.sum() < 0.95 * number
    spread = np.sqrt((probable * (1 - probable)).sum())
    assert abs(len(found) - probable.sum()) < 4 * spread
    assert len(pairs) == len(found)  # of texts that share no shingle, none


def test_many_keys_and_many_shingles_are_taken_in_turns(tmp_path, monkeypatch):
    texts = damaged(seed=9, originals=20)
    results = []
    for name in ("at once", "in turns"):
        directory = tmp_path / name
        directory.mkdir()
        results.append(found_by(NearDuplicates(), frame(texts), directory))
        monkeypatch.setattr("hornbook.corpus.dedup.shingles._KEYS_AT_ONCE", 7)
        monkeypatch.setattr("hornbook.corpus.dedup.shingles._SHINGLES_AT_ONCE", 900)
        monkeypatch.setattr("hornbook.corpus.dedup.shingles._TEXTS_AT_ONCE", 3)
    assert len(results[0][0]) > 20
    assert all(np.array_equal(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.slow
def test_a_text_of_64_mebibytes(tmp_path):
    chance = random.Random(10)
    piece = " ".join(f"{chance.getrandbits(60):x}é" for _ in range(50_000))
    texts = [" ".join([piece.replace("é", f"É{turn}") for turn in range(76)])]
    assert len(texts[0].encode()) > 64 << 20
    texts += [texts[0][: 60 << 20].lower(), "short"]
    pairs, values = found_by(NearDuplicates(), frame(texts), tmp_path)
    assert pairs.tolist() == [[0, 1]]
    split = [text.split() for text in texts[:2]]
    assert len(split[1]) < len(split[0])
    assert values.tolist() == [(len(split[1]) - 4 - 1) / (len(split[0]) - 4 + 1)]  # the word that was cut


@pytest.mark.parametrize("wrong", [{"threshold": 0.0}, {"threshold": 1.5}, {"words": 0}, {"bands": 0}, {"rows": 0}])
def test_refusals(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        NearDuplicates(**wrong)
