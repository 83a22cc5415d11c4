from __future__ import annotations

import numpy as np
import pytest
from small_vocab import EOS, PAD, WORDS, documents, restore, vocabulary, words

from hornbook.batch import Rows
from hornbook.errors import UserError
from hornbook.keys import row_keys
from hornbook.objectives.mixture import turns
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.objectives.ul2 import UL2
from hornbook.objectives.ul2_denoiser import UL2Denoiser

VOCAB = vocabulary()
R, S, X = (VOCAB.mode(name, "this test") for name in ("[R]", "[S]", "[X]"))


def lengths(denoiser: UL2Denoiser, inputs: int) -> tuple[int, ...]:
    raw = denoiser.row_length(inputs)
    return raw, *(int(size[0]) for size in denoiser.sizes(np.array([raw])))


def test_the_seven_denoisers_have_the_paper_s_lengths_without_modes():
    found = [lengths(denoiser, 512) for denoiser in UL2(modes=()).denoisers]
    assert found == [
        (568, 512, 114, 28),
        (588, 512, 100, 11),
        (681, 512, 171, 0),
        (766, 512, 512, 128),
        (908, 512, 512, 57),
        (600, 512, 92, 1),
        (1006, 512, 512, 8),
    ]


def test_mode_tokens_are_counted_in_the_length():
    found = [lengths(denoiser, 512) for denoiser in UL2().denoisers]
    assert found == [
        (567, 512, 114, 28),
        (587, 512, 100, 11),
        (680, 512, 171, 0),
        (765, 512, 510, 127),
        (907, 512, 512, 57),
        (599, 512, 92, 1),
        (1004, 512, 511, 8),
    ]
    assert lengths(UL2Denoiser("split", mode="[S]"), 512) == (1018, 512, 510, 0)


@pytest.mark.parametrize("inputs", [8, 9, 31, 64, 127, 128, 200, 512, 1024, 2048])
@pytest.mark.parametrize("variant", ["paper", "ul2r", "short"])
@pytest.mark.parametrize("modes", [(), ("[R]", "[S]", "[X]")])
@pytest.mark.parametrize("sequential", ["suffix", "split"])
def test_every_denoiser_fills_the_positions_and_its_targets_fit(variant, modes, sequential, inputs):
    objective = UL2(variant, sequential, modes)
    for denoiser in objective.denoisers:
        _, reads, says, spans = lengths(denoiser, inputs)
        assert says <= inputs and objective.requirements(inputs).sentinels >= spans
        longer = denoiser.sizes(np.array([denoiser.row_length(inputs) + 1]))
        assert reads == inputs or (reads == inputs - 1 and longer[1][0] > inputs)


def test_the_published_rates_and_the_tutorials():
    assert [UL2().cycle.count(denoiser) for denoiser in UL2().denoisers] == [1] * 7
    ul2r = UL2("ul2r")
    assert [(item.density, item.mean_span, item.mode) for item in ul2r.denoisers] == [
        (0.15, 3.0, "[R]"),
        (0.15, 32.0, "[X]"),
        (0.5, 3.0, "[X]"),
        (0.25, 1.0, "[S]"),
    ]
    assert [ul2r.cycle.count(item) for item in ul2r.denoisers] == [2, 1, 1, 1]
    short = UL2("short").cycle
    shares = {mode: sum(item.mode == mode for item in short) / len(short) for mode in ("[R]", "[S]", "[X]")}
    assert shares == {"[R]": 0.5, "[S]": 0.25, "[X]": 0.25}
    assert {item.task for item in short} == {"spans"}


def test_given_weights_are_exact():
    cycle = UL2("ul2r", weights=(0.5, 0.125, 0.125, 0.25)).cycle
    assert len(cycle) == 8
    assert turns([0.4, 0.4, 0.2]) == (0, 1, 2, 0, 1)
    assert turns([1, 1, 1]) == (0, 1, 2)
    order = turns([0.7, 0.2, 0.1])
    for place in range(1, 11):  # never more than one place from the share
        for number, share in enumerate((0.7, 0.2, 0.1)):
            assert abs(order[:place].count(number) - place * share) < 1
    with pytest.raises(UserError, match="cycle of"):
        turns([0.12345, 0.87655])


def rows_of(denoiser: UL2Denoiser, segments: np.ndarray) -> Rows:
    """Rows as the packer gives them: the mark before every document."""
    rows = words(len(segments), segments.shape[1], segments=segments)
    first = np.diff(segments, axis=1, prepend=0) > 0
    first[0] &= np.arange(segments.shape[1]) > 0  # row 0 begins within a document
    rows.tokens[first] = R
    return rows


@pytest.mark.parametrize("task", ["spans", "suffix", "split"])
def test_each_document_begins_with_the_mode_of_its_row(task):
    denoiser = UL2Denoiser(task, 0.25, 3.0, "[X]", "[R]", VOCAB)
    segments = documents([50, 40, 10], [30, 70], [100])
    rows = rows_of(denoiser, segments)
    batch = denoiser(rows)
    assert not (batch.inputs == R).any() and not (batch.targets == X).any()
    begins = np.diff(batch.segments, axis=1, prepend=0) > 0
    assert (batch.inputs[begins] == X).all()
    assert ((batch.inputs == X) == begins).all()
    for row in range(3):
        assert restore(batch, row, VOCAB) == [token for token in rows.tokens[row].tolist() if token != R]
        pads = np.count_nonzero(batch.segments[row] == 0)
        # A place is reserved for each row and half of a row that may begin within a document. Row 0 does so; its second
        # half begins with a document, as the other two rows do.
        assert pads == (1 if row > 0 or task == "split" else 0)
        assert np.count_nonzero(batch.inputs[row] == EOS) == 1


def test_a_suffix_is_a_quarter_of_every_document():
    segments = np.repeat(documents([100, 60, 40], [200, 0, 0]), 2000, axis=0)
    batch = UL2Denoiser("suffix", 0.25, vocab=VOCAB)(words(4000, 200, segments=segments))
    assert batch.targets.shape == (4000, 51) and batch.inputs.shape == (4000, 151)
    assert batch.segments.all() and batch.decoder_segments.all()
    own = batch.decoder_segments[:2000, :-1]
    # Rounded down or up, with the share as expectation; documents share in proportion to their lengths but one.
    for document, length in enumerate([100, 60, 40], start=1):
        said = (own == document).sum(axis=1)
        quota = 50 * (length - 1) / 197
        assert set(said.tolist()) <= {int(quota), int(quota) + 1}
        assert abs(said.mean() - quota) < 0.06


def test_a_split_is_uniform_and_two_splits_fill_the_row():
    rows = words(6000, 40)
    batch = UL2Denoiser("split", vocab=VOCAB)(rows)
    assert batch.inputs.shape == (6000, 21) and batch.targets.shape == (6000, 21)
    first = (batch.decoder_segments == 1).sum(axis=1)
    assert set(first.tolist()) == set(range(1, 20))
    assert np.abs(np.bincount(first)[1:20] / 6000 - 1 / 19).max() < 5 * np.sqrt(1 / 19 / 6000)
    assert ((batch.segments == 1).sum(axis=1) == 20 - first).all()


def test_a_mixed_batch_is_what_each_denoiser_makes_padded_to_the_widest():
    objective = UL2(vocab=VOCAB)
    index = np.arange(21)
    segments = np.repeat(documents([100, 37]), 21, axis=0)
    rows = words(21, 137, segments=segments)
    batch = objective(Rows(rows.tokens, rows.keys, rows.segments, index))
    for row in range(21):
        alone = objective.cycle[row % 7](
            Rows(rows.tokens[row : row + 1], rows.keys[row : row + 1], segments[row : row + 1])
        )
        reads, says = alone.inputs.shape[1], alone.targets.shape[1]
        assert np.array_equal(batch.inputs[row, :reads], alone.inputs[0])
        assert np.array_equal(batch.targets[row, :says], alone.targets[0])
        assert (batch.inputs[row, reads:] == PAD).all() and not batch.weights[row, says:].any()
        assert np.array_equal(batch.decoder_segments[row, :says], alone.decoder_segments[0])


def test_without_modes_a_denoiser_is_span_corruption():
    rows = words(4, 600, segments=documents([300, 200, 100], [600], [10, 590], [599]))
    one, other = UL2Denoiser("spans", 0.15, 8.0, vocab=VOCAB)(rows), SpanCorruption(0.15, 8.0, vocab=VOCAB)(rows)
    assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("inputs", "targets", "segments"))


def test_the_choice_by_key_has_the_shares_in_expectation():
    rows = Rows(np.full((7000, 20), WORDS[0], np.int32), row_keys(0, np.arange(7000)))
    batch = UL2(vocab=VOCAB)(rows)
    found = {mode: (batch.inputs[:, 0] == mode).mean() for mode in (R, S, X)}
    assert found[R] == pytest.approx(2 / 7, abs=0.03)
    assert found[S] == pytest.approx(1 / 7, abs=0.03)
    assert found[X] == pytest.approx(4 / 7, abs=0.03)


def test_too_few_sentinels_and_missing_modes_are_refused():
    with pytest.raises(UserError, match=r"127 sentinels.*has 100"):
        UL2(vocab=vocabulary(sentinels=100)).check(512)
    with pytest.raises(UserError, match=r"128 sentinels.*has 100"):
        UL2(modes=(), vocab=vocabulary(sentinels=100)).check(512)
    with pytest.raises(UserError, match=r"\[S2S\]"):
        UL2(modes=("[NLU]", "[S2S]", "[NLG]"), vocab=vocabulary(modes=("[NLU]", "[NLG]"))).check(512)
    UL2(modes=("[NLU]", "[S2S]", "[NLG]"), vocab=vocabulary(modes=("[NLU]", "[NLG]", "[S2S]"))).check(512)
    for bad in ({"variant": "x"}, {"sequential": "x"}, {"modes": ("[R]", "[R]", "[S]")}, {"weights": (1.0,)}):
        with pytest.raises(UserError, match="UL2"):
            UL2(**bad)
