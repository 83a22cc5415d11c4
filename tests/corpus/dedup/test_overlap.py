import json
import random

import pytest
from documents import WORDS, frame, page, sentences
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hornbook.corpus.dedup.overlap import Benchmarks, Elsewhere
from hornbook.errors import UserError


def write(path, texts):
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return str(path)


def test_what_stands_in_another_corpus_goes_and_its_match_is_named(tmp_path):
    chance = random.Random(0)
    mine = [sentences(chance, 150) for _ in range(6)]
    others = [sentences(chance, 150) for _ in range(3)] + [mine[4].upper(), mine[1] + " and more", mine[1]]
    path = write(tmp_path / "other.jsonl", others)
    twice = [*mine, mine[3]]  # a duplicate within the corpus is none of its business
    directory = tmp_path / "survey"
    directory.mkdir()
    verdicts = Elsewhere((path,)).survey(frame(twice), directory)(page(twice))
    assert [bool(reason) for reason in verdicts.reasons] == [False, True, False, False, True, False, False]
    assert verdicts.metas[1] == {"like": f"{path}#6", "jaccard": 1.0}
    assert verdicts.metas[4]["like"] == f"{path}#4"


def test_a_corpus_against_itself_and_against_strangers(tmp_path):
    chance = random.Random(1)
    texts = [sentences(chance, 60) for _ in range(30)]
    for others, gone in ((texts, 30), ([sentences(chance, 60) for _ in range(30)], 0)):
        directory = tmp_path / str(gone)
        directory.mkdir()
        verdicts = Elsewhere((write(directory / "o.jsonl", others),)).survey(frame(texts), directory)(page(texts))
        assert sum(map(bool, verdicts.reasons)) == gone


def contaminated(text, benchmark, words):
    split, other = text.lower().split(), benchmark.lower().replace(",", " ").split()
    runs = {tuple(other[start : start + words]) for start in range(len(other) - words + 1)}
    return len(runs & {tuple(split[start : start + words]) for start in range(len(split) - words + 1)})


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.sampled_from("abc"), max_size=14), min_size=1, max_size=6),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_runs_of_benchmarks_by_the_definition(tmp_path_factory, lists, words, matches):
    texts = [" ".join(item) for item in lists]
    benchmark = "a b a c, B c a a"
    directory = tmp_path_factory.mktemp("benchmarks")
    path = write(directory / "b.jsonl", [benchmark])
    step = Benchmarks((path,), words, matches).survey(frame(texts), directory)
    expected = [contaminated(text, benchmark, words) >= matches for text in texts]
    assert [bool(reason) for reason in step(page(texts)).reasons] == expected


def test_a_question_hidden_in_a_page(tmp_path):
    chance = random.Random(2)
    question = "Which of the following is most likely to happen when the river next to the old mill dries up?"
    texts = [sentences(chance, 300) for _ in range(4)]
    texts[2] = texts[2][:500] + " " + question.upper() + " " + texts[2][500:]
    texts.append(" ".join(question.split()[:12]))
    step = Benchmarks((write(tmp_path / "b.jsonl", [question, "short"]),)).survey(frame(texts), tmp_path)
    assert [bool(reason) for reason in step(page(texts)).reasons] == [False, False, True, False, False]


def test_refusals(tmp_path):
    with pytest.raises(UserError, match="13 words"):
        Benchmarks((write(tmp_path / "b.jsonl", WORDS[:3]),)).survey(frame(["a"]), tmp_path)
    for kind in (Benchmarks, Elsewhere):
        with pytest.raises(UserError, match="paths is empty"):
            kind(())


def test_a_question_is_found_however_it_is_set(tmp_path):
    question = 'What is the plant\'s way -- in "simple" words -- of turning sun-light into sugar that it can store?'
    (tmp_path / "benchmark.txt").write_text(question)
    step = Benchmarks((str(tmp_path / "benchmark.txt"),)).survey(None, tmp_path)
    before, behind = "Some words before it. ", " And some words behind it."
    found = [
        question,
        question.upper(),
        question.replace(" ", "\n"),
        question.replace(" -- ", "—").replace("'", "’").replace('"simple"', "“simple”"),
        question.replace("-- ", "").replace('"', "").replace("-", "\u2011"),
    ]
    left = [
        " ".join(question.split()[:12]),
        " ".join(reversed(question.split())),
        "Only its first words: What is the plant's",
    ]
    verdicts = step(page([f"{before}{text}{behind}" for text in [*found, *left]]))
    assert [bool(reason) for reason in verdicts.reasons] == [True] * len(found) + [False] * len(left)
