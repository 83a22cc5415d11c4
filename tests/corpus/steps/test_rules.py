"""Gopher's, C4's and FineWeb's rules: each is broken by one text, in order, and none by prose."""

from __future__ import annotations

import pytest
from pages import page_of

from hornbook.corpus.read import read
from hornbook.corpus.steps.c4 import C4
from hornbook.corpus.steps.fineweb import FineWeb
from hornbook.corpus.steps.gopher import Gopher
from hornbook.corpus.steps.words import has_letter, is_word, sentence_terminals
from hornbook.errors import UserError

PROSE = """The ferry left the island before the sun was up, and nobody on deck said much until coffee came round.
A boy with a red scarf counted the gulls that followed the wake; his sister drew each of them in a small book.
By noon the coast had turned from grey to green, and one could make out walls, orchards and the roofs of a village.
Somebody asked the pilot how deep the water was here. He laughed, said his father had never told him, and steered on.
When the bell rang we have to admit that we were sorry to go ashore, since the best part of a journey is its middle.
An old woman sold bread at the pier with her two grandsons, who shouted prices in three languages at every stranger."""
# Numbered words: nothing repeats, whatever is counted.
UNIQUE = " ".join(f"word{number}a" for number in range(60))


def reasons(step: Gopher | C4 | FineWeb, *texts: str) -> list[str]:
    return list(step(page_of(texts)).reasons)


def only(part: str) -> Gopher:
    return Gopher(parts=(part,))


@pytest.mark.parametrize("step", [Gopher(), C4(), FineWeb(), Gopher(max_words=0, max_symbols=0, max_top_2_gram=0)])
def test_prose_stays(step: Gopher | C4 | FineWeb) -> None:
    verdicts = step(page_of([PROSE]))
    assert (list(verdicts.reasons), list(verdicts.texts)) == ([""], [PROSE])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "too few words"),
        ("the of " * 24 + ". . . ! ! !", "too few words"),
        ("the of " * 50_001, "too many words"),
        ("a b " * 30 + "the of", "words too short"),
        ("elevencharacters " * 60 + "the of", "words too long"),
        (UNIQUE + " the of" + " #" * 10, "too many hash signs"),
        (UNIQUE + " the of" + " … x" * 10, "too many ellipses"),
        ("\n".join(f"- the word{number} of" for number in range(20)), "too many bullet lines"),
        (
            "\n".join(
                ["these words about another sentence trail off..."] * 6
                + ["which others about another sentence have not"] * 8
            ),
            "too many ellipsis lines",
        ),
        (UNIQUE + " the of" + " 12345 %" * 10, "too few words with letters"),
        (UNIQUE + " The OF of", "too few stop words"),
    ],
)
def test_gopher_quality_rule(text: str, rule: str) -> None:
    assert reasons(only("quality"), text) == [f"gopher: {rule}"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "no text"),
        ("\n".join([*(f"line {n} of {n}" for n in range(6)), *["line 0 of 0"] * 4]), "too many repeated lines"),
        (
            "\n\n".join([*["a\nb"] * 2, *["c\nd"] * 2, "e\nf"]) + "\ng\nh\ni\nj\nk\nl\nm\no\np\nq\nr",
            "too many repeated paragraphs",
        ),
        ("\n".join([UNIQUE[:100], UNIQUE[:100], "a", "b"]), "too many characters in repeated lines"),
        (
            UNIQUE[:90] + "".join(f" nothing whatever{n}" for n in "abcdefgh").replace("whatever", "else "),
            "one 2-gram too often",
        ),
    ],
)
def test_gopher_repetition_rule(text: str, rule: str) -> None:
    assert reasons(only("repetition"), text) == [f"gopher: {rule}"]


@pytest.mark.parametrize("n", [5, 6, 7, 8, 9, 10])
def test_each_length_of_repeated_runs_has_its_limit(n: int) -> None:
    run = " ".join(f"word{letter}" for letter in "abcdefghijkl"[: n + 1])
    text = f"{UNIQUE} {run} between {run} {' '.join(reversed(UNIQUE.split()))[:150]} {run}"
    off = {f"max_repeated_{other}_grams": 0.0 for other in range(5, 11) if other != n}
    step = Gopher(parts=("repetition",), max_top_2_gram=0, max_top_3_gram=0, max_top_4_gram=0, **off)
    counted = 2 * sum(len(word) for word in run.split()[:n]) / len(text)
    for limit, expected in ((counted - 1e-9, f"gopher: too many repeated {n}-grams"), (counted + 1e-9, "")):
        strict = {**vars(step), f"max_repeated_{n}_grams": limit}
        assert reasons(Gopher(**strict), text) == [expected]


def test_verdicts_do_not_depend_on_what_stands_beside() -> None:
    texts = [document.text for document in read(["builtin:docs"])][:60]
    step = Gopher()
    together = reasons(step, *texts)
    assert together == [reasons(step, text)[0] for text in texts]
    assert together[::-1] == reasons(step, *texts[::-1])
    assert len(set(together)) > 2


def test_gopher_knows_its_parts() -> None:
    with pytest.raises(UserError, match=r"gopher\.parts"):
        Gopher(parts=("beauty",))


FIVE = "One line of text. And a second one. Here is a third. A fourth follows. The fifth ends it."


@pytest.mark.parametrize(
    ("text", "kept", "reason"),
    [
        (FIVE, FIVE, ""),
        (f"Menu\n{FIVE}\nno end mark here\nTrails off...\nToo short.", FIVE, ""),
        (f"Please enable JavaScript for this page.\n{FIVE}", FIVE, ""),
        (f"This site uses cookies, as sites do.\n{FIVE}", FIVE, ""),
        (f"{'x' * 1001} is one long word.\n{FIVE}", FIVE, ""),
        (FIVE.replace("text.", "text[12]."), FIVE, ""),
        (f"Lorem ipsum dolor sit amet.\n{FIVE}", None, "c4: lorem ipsum"),
        (f"Code has {{ in its lines.\n{FIVE}", None, "c4: curly bracket"),
        ("Only one sentence here. And two.", None, "c4: too few sentences"),
        ("", None, "c4: too few sentences"),
    ],
)
def test_c4_cleans_lines_then_judges(text: str, kept: str | None, reason: str) -> None:
    verdicts = C4()(page_of([text]))
    assert list(verdicts.reasons) == [reason]
    assert kept is None or list(verdicts.texts) == [kept]


def test_c4_counts_the_lines_it_removes_from_documents_that_stay() -> None:
    verdicts = C4()(page_of([f"Menu\nJavaScript must be enabled here.\n{FIVE}", "Menu\nonly"]))
    assert verdicts.counts == {"lines with javascript": 1, "lines without a sentence's end": 1}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (" \n\n", "no text"),
        ("no end\n" * 9 + "An end.", "too few lines end as sentences"),
        ("Short lines all.\n" * 3, "too many short lines"),
        (
            "\n".join([f"The same line of thirty and more {n // 2}." for n in range(6)]),
            "too many characters in repeated lines",
        ),
        ("Two\n\nwords that are long enough to be a line!\n\n\n\n\n\n\n", "too many lines for its words"),
    ],
)
def test_fineweb_rule(text: str, rule: str) -> None:
    assert reasons(FineWeb(), text) == [f"fineweb: {rule}"]


def test_thresholds_are_the_published_ones() -> None:
    # Rae et al. 2021, A.1.1 and Table A1.
    g = Gopher()
    assert (g.min_words, g.max_words, g.min_word_length, g.max_word_length) == (50, 100_000, 3, 10)
    assert (g.max_symbols, g.max_bullet_lines, g.max_ellipsis_lines, g.min_alphabetic_words) == (0.1, 0.9, 0.3, 0.8)
    assert (g.min_stop_words, g.stop_words) == (2, ("the", "be", "to", "of", "and", "that", "have", "with"))
    assert (g.max_repeated_lines, g.max_repeated_paragraphs) == (0.3, 0.3)
    assert (g.max_repeated_line_characters, g.max_repeated_paragraph_characters) == (0.2, 0.2)
    assert (g.max_top_2_gram, g.max_top_3_gram, g.max_top_4_gram) == (0.2, 0.18, 0.16)
    runs = [getattr(g, f"max_repeated_{n}_grams") for n in range(5, 11)]
    assert runs == [0.15, 0.14, 0.13, 0.12, 0.11, 0.10]
    # Raffel et al. 2020, 2.2, and its code.
    assert (C4().min_sentences, C4().min_line_words, C4().max_word_length) == (3, 5, 1000)
    # Penedo et al. 2024, 3.6; the last of its code.
    f = FineWeb()
    assert (f.min_sentence_lines, f.max_repeated_characters, f.max_short_lines, f.short_line) == (0.12, 0.1, 0.67, 30)
    assert f.max_lines_per_word == 0.3


def test_marks_of_all_scripts() -> None:
    assert {".", "!", "?", "。", "؟", "।"} <= sentence_terminals()
    assert not {",", '"', "a"} & sentence_terminals()
    assert [is_word(word) for word in ("a", "n't", "5", "...", "“", "\x07", "$")] == [True] * 3 + [False] * 4
    assert [has_letter(word) for word in ("字", "5a", "5", "-")] == [True, True, False, False]
