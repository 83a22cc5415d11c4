import random

import pytest
from documents import WORDS, frame, in_parts, page, sentences
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hornbook.corpus.dedup.exact import ExactDuplicates, RepeatedText
from hornbook.errors import UserError


def kept(step, texts):
    return [not reason for reason in step(page(texts)).reasons]


def test_texts_are_the_same_but_for_white_space_and_for_case_where_that_is_asked(tmp_path):
    texts = ["One two.", "one  two.", "\u3000One\xa0\n two.\t", "One, two?", "One two", "Onetwo.", "One two."]
    for case, expected in ((True, [1, 1, 0, 1, 1, 1, 0]), (False, [1, 0, 0, 1, 1, 1, 0])):
        directory = tmp_path / str(case)
        directory.mkdir()
        step = ExactDuplicates(case=case).survey(frame(texts), directory)
        assert kept(step, texts) == [bool(item) for item in expected]
    reasons = [reason for reason in step(page(texts)).reasons if reason]
    assert set(reasons) == {"exact duplicates: same text as another document but for case"}
    assert step(page(texts)).metas[0] == {"copies": 4}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(WORDS[:6]), max_size=12), st.integers(1, 4))
def test_the_first_of_equal_texts_stays(tmp_path_factory, texts, partitions):
    if not texts:
        return
    directory = tmp_path_factory.mktemp("exact")
    step = ExactDuplicates().survey(in_parts(texts, partitions), directory)
    assert kept(step, texts) == [text not in texts[:number] for number, text in enumerate(texts)]


HEAD = "Accept all cookies of this page\n"
FOOT = "\n\nCopyright of the publisher, all rights reserved"


def test_lines_that_stood_before_are_removed(tmp_path):
    chance = random.Random(0)
    bodies = [sentences(chance, 80) for _ in range(4)]
    texts = [HEAD + body + FOOT for body in bodies]
    texts += [HEAD.strip(), bodies[0], "short\nshort", "short"]
    verdicts = RepeatedText().survey(frame(texts), tmp_path)(page(texts))
    assert verdicts.texts[0] == texts[0]
    assert verdicts.texts[1:4] == bodies[1:]
    assert [bool(reason) for reason in verdicts.reasons] == [False] * 4 + [True, True, False, False]
    assert verdicts.reasons[4] == "repeated text: no line of its own"
    assert verdicts.texts[6:] == texts[6:]  # too short to count
    assert verdicts.counts["repeated lines"] >= 7


def test_as_many_documents_keep_a_line_as_are_told(tmp_path):
    texts = [HEAD + word * 5 for word in WORDS[:5]]
    verdicts = RepeatedText(most=3).survey(frame(texts), tmp_path)(page(texts))
    assert [text.startswith(HEAD) for text in verdicts.texts] == [True, True, True, False, False]


def test_a_line_repeated_within_one_document_stays(tmp_path):
    texts = [HEAD * 5 + "end", "other words that nobody else has"]
    assert list(RepeatedText().survey(frame(texts), tmp_path)(page(texts)).texts) == texts


def test_paragraphs(tmp_path):
    first = "A paragraph of several lines\nwhich are the same in two places."
    texts = [
        first + "\n\nOnly here are these words.",
        "Something else is here first.\n \n\n" + first + "\n\nand this is the end of it",
    ]
    verdicts = RepeatedText(unit="paragraph").survey(frame(texts), tmp_path)(page(texts))
    assert verdicts.texts[1] == "Something else is here first.\n \n\nand this is the end of it"
    assert verdicts.counts == {"repeated paragraphs": 1}


def test_pages_and_partitions_change_nothing(tmp_path):
    chance = random.Random(1)
    lines = [sentences(chance, 8).replace("\n", " ") for _ in range(30)]
    texts = ["\n".join(chance.choices(lines, k=6)) for _ in range(40)]
    results = []
    for number in (1, 4):
        directory = tmp_path / str(number)
        directory.mkdir()
        step = RepeatedText().survey(in_parts(texts, number), directory)
        results.append((directory / "repeated.npz").read_bytes())
    assert results[0] == results[1]
    whole = step(page(texts))
    halves = [step(page(texts[start : start + 20], range(start, start + 20))) for start in (0, 20)]
    assert [*halves[0].texts, *halves[1].texts] == list(whole.texts)


@pytest.mark.parametrize("wrong", [{"unit": "word"}, {"most": 0}, {"shortest": 0}])
def test_refusals(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        RepeatedText(**wrong)
