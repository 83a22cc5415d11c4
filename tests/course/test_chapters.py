"""The chapters 1 to 7: every fault has its number before and the right one, and the quiz has its answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hornbook.course import answer, chapter, chapters, questions, run_chapter
from hornbook.course.chapter_list import stored
from hornbook.course.faults import Fault, faults
from hornbook.course.small import t5_vocabulary, word_tokenizer
from hornbook.errors import UserError

MINE = range(1, 8)
# What was measured of the faults before, on the tutorials' own code: (label, how the number begins or is within).
MEASURED = {
    "rows kept of 1, 2 and 10": "[0, 1, 9]",
    "loss of a perfect model": "40.0",
    "places that are scored": "100%",
    "rows without a target, of 8, 16 and 32 tokens": "['37.7%', '10.3%', '0.8%']",
    "loss of a row without a target": "nan",
    "first sentinels": "[32099, 32100, 32101]",
    "highest id in 1,000 rows of 1,024 tokens": "32,148",
    "at 15 % of 512 tokens": "0.138 hidden, 21.7 spans of 3.2",
    "at 50 % of 512 tokens": "0.413 hidden, 50.",
    "length of the input of 568 tokens": "512.",
    "rows of 1 that are hidden whole": "ValueError",
    "tokens of the mode [R]": "3",
    "class of a text and its next one": "{1}",
    "types of the tokens": "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]",
    "first batch": "ValueError",
}
RIGHT = {
    "rows kept of 1, 2 and 10": "[1, 2, 10]",
    "loss of a perfect model": "0.0",
    "places that are scored": "15%",
    "first sentinels": "[32099, 32098, 32097]",
    "at 15 % of 512 tokens": "0.150 hidden, 26.0 spans of 2.96",
    "length of the input of 568 tokens": "512.0 +- 0.0",
    "spans of one token": "32%",
    "(span, density) of X": "[(3.0, 0.5), (8.0, 0.5), (64.0, 0.15), (64.0, 0.5)]",
    "class of a text and its next one": "{0}",
    "class of two texts in order": "{0}",
    "longest row of RoBERTa": "512",
}
QUIZ = {
    1: "The first reads from left to right",
    2: "About 15 %",
    3: "how two texts belong together",
    4: "is the product over i",
    5: "300 billion tokens",
    6: "the web (Common Crawl), books, Wikipedia, code and scientific papers",
    7: "All tokens but the masked ones",
    8: "Memory of hundreds of gigabytes",
    9: "with parameters, data and computing",
    10: "One for each token",
    11: "a task needs fewer examples",
    12: "The mask token",
}


def shown(number: int, said: dict[int, str]) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], str]]:
    """Return what a chapter's cells print of faults, (number, label) -> value: the tutorials' cells, and ours."""
    found: tuple[dict[tuple[str, str], str], ...] = {}, {}
    for place, text in said.items():
        cell = chapter(number).cells[place]
        for line in text.splitlines() if "mended(" not in cell.source else ():
            if match := re.fullmatch(r"(B-\d+) (.+): (.+?)", line):
                found[cell.kind != "tutorial"][match[1], match[2]] = match[3]
    return found[0], found[1]


def of_chapter(number: int) -> list[Fault]:
    return [fault for fault in faults() if fault.chapter == number]


def kept(number: int) -> dict[int, str]:
    parts = stored(chapter(number))
    return {place: "".join(part.get("text", "") for part in said) for place, said in parts.items()}


def test_every_fault_has_a_number_before_and_a_right_one() -> None:
    assert list(dict.fromkeys(fault.number for fault in faults())) == [f"B-{number}" for number in range(1, 44)]
    assert {fault.chapter for fault in faults()} == set(MINE)
    for fault in faults():
        assert fault.before != fault.right and re.search(r"\d|nan|Error", fault.before + fault.right), fault


@pytest.mark.parametrize("number", MINE)
def test_the_cells_print_these_numbers(number: int) -> None:
    tutorials, ours = shown(number, kept(number))
    assert tutorials == {(fault.number, fault.label): fault.before for fault in of_chapter(number)}
    assert ours == {(fault.number, fault.label): fault.right for fault in of_chapter(number)}


@pytest.mark.parametrize("number", MINE)
def test_a_tutorials_cell_names_the_faults_that_it_shows(number: int) -> None:
    for place, text in kept(number).items():
        cell = chapter(number).cells[place]
        if cell.kind == "tutorial":
            named = cell.source.splitlines()[0]
            first, *more = re.findall(r"B-(\d+)", named)
            numbers = (
                range(int(first), int(more[0]) + 1) if " to B-" in named else [int(item) for item in (first, *more)]
            )
            assert {f"B-{item}" for item in numbers} == set(re.findall(r"(?m)^(B-\d+) ", text)), named


def test_what_was_measured_comes_out() -> None:
    before = {fault.label: fault.before for fault in faults()}
    right = {fault.label: fault.right for fault in faults()}
    assert {label: before[label][: len(value)] for label, value in MEASURED.items()} == MEASURED
    assert {label: right[label] for label in RIGHT} == RIGHT
    mean, spread = map(float, before["length of the input of 568 tokens"].split(" +- "))
    assert abs(mean - 512.6) < 0.3 and abs(spread - 7.4) < 0.3


def test_a_chapter_says_what_one_learns_and_how_long_it_takes() -> None:
    for one in chapters():
        if one.number in MINE:
            assert one.learn and one.time.endswith("minutes."), one.name
            assert 2 <= len(one.exercises) <= 4, one.name
            assert any(":::corrupt" in cell.source or "text()" in cell.source for cell in one.cells), one.name


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    ["The cat sat on the mat.", "Ein Satz, noch ein Satz. " * 300, "猫坐在垫子上。" * 100],
    ids=["short", "long", "han"],
)
@pytest.mark.parametrize("number", MINE)
def test_each_chapter_takes_another_text(number: int, words: str, tmp_path: Path) -> None:
    """The faults do not depend on the reader's text."""
    (tmp_path / "mine.txt").write_text(words, encoding="utf-8")
    said = {ran.place: ran.text for ran in run_chapter(chapter(number), text=tmp_path / "mine.txt", folder=tmp_path)}
    assert shown(number, said) == shown(number, kept(number))


def test_the_quiz_has_twelve_questions_with_their_answers() -> None:
    assert {
        question.number: words in question.right for question, words in zip(questions(), QUIZ.values(), strict=True)
    } == dict.fromkeys(range(1, 13), True)
    for question in questions():
        assert len(question.options) == len({*question.options}) == 4 and question.right in question.options
        assert question.source and question.why.endswith(".") and 0 <= question.chapter <= 10, question
    places = [question.options.index(question.right) for question in questions()]
    assert len({*places}) == 4 and max(map(places.count, places)) <= 5  # no letter is a good guess


def test_the_quiz_says_which_number_is_the_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert answer(5, "300 billion tokens").right
    wrong = answer(5, "499 billion tokens")
    assert not wrong.right and "corpus has 499 billion" in wrong.says and "table 2.2" in wrong.says


def test_words_are_whole_tokens_and_t5s_ids_are_t5s() -> None:
    tokenizer = word_tokenizer("The cat sat on the mat.")
    assert tokenizer.tokens(tokenizer.encode(["The mat sat."])[0]) == ["The", "mat", "sat", "."]
    with pytest.raises(UserError):
        word_tokenizer("")
    vocab = t5_vocabulary()
    assert (vocab.size, vocab.pad, vocab.eos, vocab.unk, len(vocab.words)) == (32_100, 0, 1, 2, 31_997)
    assert (vocab.sentinels[0], vocab.sentinels[-1], len(vocab.sentinels)) == (32_099, 32_000, 100)
