from __future__ import annotations

import math

import numpy as np
import pytest
from small_vocab import BOS, EOS, MODES, PAD, documents, restore_middles, vocabulary, words

from hornbook.batch import Rows
from hornbook.errors import UserError
from hornbook.keys import row_keys
from hornbook.objectives.fim import FillInMiddle

VOCAB = vocabulary()
PRE, SUF, MID = (dict(VOCAB.modes)[name] for name in MODES[:3])


def within(found: float, expected: float, trials: int, deviations: float = 5.0) -> bool:
    """Whether a share of `trials` lies within so many binomial standard deviations of what is expected."""
    return abs(found - expected) <= deviations * math.sqrt(expected * (1 - expected) / trials)


def marked(number: int, length: int) -> Rows:
    """Rows of one document each: start, 10, 11, 12 ..., end."""
    tokens = np.tile(np.arange(10, 10 + length, dtype=np.int32), (number, 1))
    tokens[:, 0], tokens[:, -1] = BOS, EOS
    return Rows(tokens, row_keys(0, np.arange(number)), np.ones_like(tokens))


def lines(objective: FillInMiddle, rows: Rows) -> list[list[int]]:
    batch = objective(rows)
    return [[int(read[0]), *said.tolist()] for read, said in zip(batch.inputs, batch.targets, strict=True)]


@pytest.mark.parametrize("spm", [0.0, 1.0])
def test_pieces_stand_in_the_published_order(spm):
    seen = set()
    for line in lines(FillInMiddle(1.0, spm, VOCAB), marked(200, 6)):
        assert len(line) == 10
        start, end = 11, 15  # the words 11 .. 14
        suffix_at, middle_at = line.index(SUF), line.index(MID)
        suffix = line[suffix_at + 1 : middle_at]
        rest = line[middle_at + 1 : line.index(EOS)]
        if spm:
            assert line[:3] == [BOS, PRE, SUF]
            assert rest + suffix == list(range(start, end))
        else:
            prefix = line[2:suffix_at]
            assert line[:2] == [BOS, PRE]
            assert prefix + rest + suffix == list(range(start, end))
        assert line[line.index(EOS) + 1 :] == [PAD]
        seen.add((len(suffix), len(rest)))
    # Every pair of cuts; in SPM prefix and middle are joined, and only the suffix's length can be seen.
    assert len(seen) == (5 if spm else 15)


def test_cuts_are_uniform_over_all_places():
    rows, words_in = 30_000, 4
    found = lines(FillInMiddle(1.0, 0.0, VOCAB), marked(rows, words_in + 2))
    first = np.array([line.index(SUF) - 2 for line in found])
    suffix = np.array([line.index(MID) - line.index(SUF) - 1 for line in found])
    places = words_in + 1
    for cut in range(places):  # the smaller of two uniform cuts, and the larger one
        smaller = ((places - cut) ** 2 - (places - cut - 1) ** 2) / places**2
        assert within((first == cut).mean(), smaller, rows)
        assert within((suffix == cut).mean(), smaller, rows)


def test_half_of_the_documents_are_rearranged_and_half_of_these_suffix_first():
    rows = 20_000
    found = lines(FillInMiddle(vocab=VOCAB), marked(rows, 12))
    changed = [line for line in found if PRE in line]
    assert within(len(changed) / rows, 0.5, rows)
    # Where the prefix is empty, the two orders look alike: the smaller of two cuts in 11 places is 0 in 21 of 121.
    spm = sum(line[2] == SUF for line in changed)
    assert within(spm / len(changed), 0.5 + 0.5 * 21 / 121, len(changed))


def test_every_token_is_said_from_those_before_it_and_no_document_says_another_s():
    rows = words(40, 300, segments=documents(*[[140, 160]] * 40))
    rows.tokens[:, [0, 140]], rows.tokens[:, [139, 299]] = BOS, EOS
    batch = FillInMiddle(rate=1.0, vocab=VOCAB)(rows)
    assert np.array_equal(batch.inputs[:, 1:], batch.targets[:, :-1])
    # 300 tokens and the marks of one document: room for one; two first tokens are not said.
    assert (batch.count == 300 + 3 - 2).all()
    for row in range(40):
        assert restore_middles(batch, rows, row, VOCAB) == rows.tokens[row].tolist()


def test_a_middle_that_the_row_cuts_off_ends_all_the_same():
    rows = words(30, 100)
    for line in lines(FillInMiddle(rate=1.0, vocab=VOCAB), rows):
        assert line[-1] == EOS and line.count(EOS) == 1 and len(line) == 104


def test_where_marks_do_not_fit_the_longest_documents_go_first():
    objective = FillInMiddle(rate=1.0, vocab=VOCAB)
    rows = words(20, 500, segments=documents(*[[50, 200, 30, 180, 40]] * 20))
    rows.tokens[:, [49, 249, 279, 459, 499]] = EOS
    assert objective.room(500) == 7
    batch = objective(rows)
    for row in range(20):
        modes = {int(batch.segments[row, place]) for place in np.flatnonzero(batch.inputs[row] == PRE)}
        assert modes == {2, 4}


@pytest.mark.parametrize(("length", "tokens"), [(512, 506), (2048, 2018), (64, 61), (4, 1)])
def test_room_for_marks_is_a_64th_and_at_least_one_document_s(length, tokens):
    objective = FillInMiddle(vocab=VOCAB)
    assert objective.row_length(length) == tokens
    assert tokens + objective.room(tokens) == length + 1


def test_what_holds_no_text_is_left_alone():
    rows = Rows(np.array([[BOS, EOS, PAD]], np.int32), row_keys(0, [0]), np.array([[1, 1, 0]], np.int32))
    (line,) = lines(FillInMiddle(rate=1.0, vocab=VOCAB), rows)
    assert line[:2] == [BOS, EOS] and set(line[2:]) == {PAD}


def test_settings_and_tokenizers_that_cannot_serve_are_refused():
    for setting in ("rate", "spm_share"):
        with pytest.raises(UserError, match=setting):
            FillInMiddle(**{setting: 1.5})
    with pytest.raises(UserError, match="<fim_prefix>"):
        FillInMiddle(vocab=vocabulary(modes=())).check(64)
    with pytest.raises(UserError, match="at least 4"):
        FillInMiddle(vocab=VOCAB).check(3)
