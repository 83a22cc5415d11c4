"""Answers: characters of the original text, windows with stride, the best legal span, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from transfer_runs import base, file, records, tokenizer

from hornbook.run.directory import open_run
from hornbook.transfer.examples import Asked, load_examples
from hornbook.transfer.spans import LONGEST, best_span, span_rows, tokens_of
from hornbook.transfer.task import plan_task

KINDS = ("causal", "masked", "span")


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    return tmp_path_factory.mktemp("bases")


def layout_for(bases, tmp_path, kind, sight=None):
    run = open_run(base(bases, kind))
    train = load_examples(file(tmp_path / "train.jsonl", records("answer", 3)), "answer")
    return plan_task(train, run.recipe.objective, run.tokenizer, run.recipe.model, sight).layout


def oracle(row):
    """Logits that know the targets."""
    logits = np.zeros((len(row.places), 2), np.float32)
    logits[row.targets & 1 > 0, 0] = 5
    logits[row.targets & 2 > 0, 1] = 5
    return logits


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answer", ["fish", "Zoë", "Ångström – 5 €", "王様", "👩‍👩‍👧 Familie", "end"])
def test_an_answer_comes_back_by_its_characters(kind, answer, bases, tmp_path):
    context = f"Där är en {'cat ' * 60}naïve 王様 and Zoë, (fish) “Ångström – 5 €” 👩‍👩‍👧 Familie at the end"
    start = context.index(answer)
    item = Asked("1", context, "Wer ist es?", ((answer, start),))
    rows = span_rows([item], layout_for(bases, tmp_path, kind))
    assert len(rows) > 2
    found = best_span(context, [(row, oracle(row)) for row in rows], may_be_none=False)
    assert answer in found.text and found.start <= start, "a token may hold more than the answer, never less"
    assert context[found.start : found.start + len(found.text)] == found.text
    if answer in ("fish", "Zoë", "王様", "end"):
        assert (found.text, found.start) == (answer, start)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [0, 1, 30, 47, 48, 49, 100, 301])
def test_windows_cover_every_token_and_overlap(kind, length, bases, tmp_path):
    layout = layout_for(bases, tmp_path, kind)
    context = " ".join(["fish"] * length) or "."
    places = tokenizer().encode_places(context)[1]
    rows = span_rows([Asked("1", context, "Who is it?", None)], layout)
    covered = [tuple(note) for row in rows for note in row.notes.tolist() if note[0] >= 0]
    assert set(covered) == {tuple(place) for place in places.tolist()}
    assert all(len(row.inputs) <= layout.positions for row in rows)
    if len(rows) > 1:
        counts = np.array([covered.count(tuple(place)) for place in places.tolist()])
        assert (counts[layout.positions : -layout.positions] >= 2).all() and counts.max() <= 3


def test_a_window_without_the_answer_points_to_the_place_of_none(bases, tmp_path):
    layout = layout_for(bases, tmp_path, "masked")
    context = "fish " * 200 + "king"
    rows = span_rows([Asked("1", context, "Who?", (("king", 1000),))], layout)
    assert [int(row.targets[0]) for row in rows] == [3] * (len(rows) - 1) + [0]
    assert (rows[-1].targets > 0).sum() in (1, 2) and rows[0].places[0] == 0
    one = layout_for(bases, tmp_path, "causal", "one")
    row = span_rows([Asked("1", "fish", "Who?", ())], one)[0]
    assert row.places[-1] == len(row.inputs) - 1 and row.targets.tolist() == [0] * (len(row.targets) - 1) + [3], (
        "a decoder that sees one side knows of no answer at its end alone"
    )


def test_a_long_question_leaves_half_of_the_row(bases, tmp_path):
    layout = layout_for(bases, tmp_path, "masked")
    rows = span_rows([Asked("1", "The fish.", "why " * 500, (("fish", 4),))], layout)
    assert len(rows) == 1 and len(rows[0].inputs) <= layout.positions and (rows[0].targets & 1).sum() == 1


def row_of(context, layout):
    return span_rows([Asked("1", context, "Who?", ())], layout)[0]


def test_a_span_ends_where_it_begins_or_later_and_is_not_too_long(bases, tmp_path):
    layout = layout_for(bases, tmp_path, "masked")
    context = " ".join(["fish"] * 45)
    row = row_of(context, layout)
    logits = np.zeros((len(row.places), 2), np.float32)
    logits[20, 0], logits[5, 1] = 9, 9  # the best end stands before the best beginning
    found = best_span(context, [(row, logits)], may_be_none=False)
    assert found.score == 9
    logits = np.zeros((len(row.places), 2), np.float32)
    logits[1, 0], logits[1 + LONGEST, 1], logits[LONGEST, 1] = 9, 9, 8
    found = best_span(context, [(row, logits)], may_be_none=False)
    assert found.score == 17 and found.start == 0


def test_the_best_span_of_all_windows_counts_and_none_only_where_there_may_be_none(bases, tmp_path):
    layout = layout_for(bases, tmp_path, "masked")
    context = " ".join(["fish"] * 100)
    rows = span_rows([Asked("1", context, "Who?", ())], layout)
    scores = [np.zeros((len(row.places), 2), np.float32) for row in rows]
    scores[1][3] = 4
    scores[0][0] = 6  # no answer
    windows = list(zip(rows, scores, strict=True))
    assert best_span(context, windows, may_be_none=False).score == 8
    assert best_span(context, windows, may_be_none=True) == best_span(context, windows[:1], may_be_none=True)
    assert best_span(context, windows, may_be_none=True).start == -1
    scores[1][3] = 7
    assert best_span(context, windows, may_be_none=True).start >= 0


def test_blanks_at_an_answer_s_ends_are_not_looked_at():
    places = np.array([[0, 3], [3, 8], [8, 13]], np.int32)
    assert tokens_of("fish", 4, places) == tokens_of(" fish", 3, places) == tokens_of("fish ", 4, places) == (1, 1)
    assert tokens_of("fish eats", 4, places) == (1, 2)
    assert tokens_of("later", 40, places) is None
