from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_memory import BOS, CLS, EOS, Memory

from hornbook.errors import UserError
from hornbook.keys import row_keys
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.objectives.ul2 import UL2
from hornbook.tokens.packing import PackedRows, PairedRows, corpus_rows
from hornbook.tokens.shards import TokenStore, write_store

MARKS = st.sampled_from([((), ()), ((BOS,), (EOS,)), ((), (EOS,)), ((CLS, BOS), (EOS, EOS, BOS))])


def stream(lengths, chosen, marks):
    """The definition: (document's number in the stream, token) of every position."""
    prefix, suffix = marks
    result = []
    for place, document in enumerate(number for number in chosen if lengths[number]):
        tokens = [*prefix, *(1000 * (document + 1) + offset for offset in range(lengths[document])), *suffix]
        result += [(place, token) for token in tokens]
    return result


@st.composite
def packings(draw):
    lengths = draw(st.lists(st.integers(0, 30), min_size=1, max_size=12).filter(any))
    length = draw(st.integers(2, 40))
    overlap = draw(st.integers(0, min(3, length - 1)))
    chosen = draw(st.permutations(range(len(lengths))))[: draw(st.integers(1, len(lengths)))]
    if not any(lengths[number] for number in chosen):
        chosen = list(range(len(lengths)))
    return lengths, chosen, length, overlap, draw(MARKS)


@settings(deadline=None, max_examples=300)
@given(packings())
def test_rows_are_the_stream_cut_at_equal_strides(packing):
    lengths, chosen, length, overlap, marks = packing
    expected = stream(lengths, chosen, marks)
    packed = PackedRows(Memory(lengths), np.array(chosen), length, overlap, marks)
    count = len(packed)
    rows = packed.rows(np.arange(count), np.arange(count, dtype=np.uint64))
    assert packed.tokens == len(expected)
    assert rows.tokens.dtype == rows.segments.dtype == np.int32
    assert rows.tokens.shape == rows.segments.shape == (count, length)
    assert rows.keys.tolist() == list(range(count))
    for number in range(count):
        part = expected[number * (length - overlap) :][:length]
        names = list(dict.fromkeys(document for document, _ in part))
        padding = [0] * (length - len(part))
        assert rows.tokens[number].tolist() == [token for _, token in part] + padding
        assert rows.segments[number].tolist() == [names.index(document) + 1 for document, _ in part] + padding
        assert number == count - 1 or not padding, "only the last row is padded"
    assert packed.padding == pytest.approx((rows.segments == 0).mean())


@settings(deadline=None, max_examples=100)
@given(packings())
def test_no_token_is_lost_and_each_is_a_target_once(packing):
    lengths, chosen, length, _, marks = packing
    expected = stream(lengths, chosen, marks)
    for overlap in (0, 1):
        packed = PackedRows(Memory(lengths), np.array(chosen), length, overlap, marks)
        rows = packed.rows(np.arange(len(packed)), np.zeros(len(packed), np.uint64))
        said = rows.tokens[:, overlap:][rows.segments[:, overlap:] != 0]
        assert Counter(said.tolist()) == Counter(token for _, token in expected[overlap:])


def test_rows_come_in_any_order_and_number():
    packed = PackedRows(Memory([50, 3, 80]), None, 16, 1, ((BOS,), (EOS,)))
    every = packed.rows(np.arange(len(packed)), np.zeros(len(packed), np.uint64))
    index = np.array([3, 0, 3])
    some = packed.rows(index, np.zeros(3, np.uint64))
    assert np.array_equal(some.tokens, every.tokens[index])
    assert np.array_equal(some.segments, every.segments[index])


def test_a_corpus_shorter_than_a_row_is_one_padded_row():
    packed = PackedRows(Memory([3]), None, 16, 1, ((BOS,), (EOS,)))
    rows = packed.rows(np.array([0]), np.zeros(1, np.uint64))
    assert len(packed) == 1
    assert rows.tokens[0, :5].tolist() == [BOS, 1000, 1001, 1002, EOS]
    assert rows.segments[0].tolist() == [1] * 5 + [0] * 11


def test_a_stream_of_exactly_one_or_two_rows_has_no_row_of_padding():
    assert len(PackedRows(Memory([16]), None, 16, 0, ((), ()))) == 1
    assert len(PackedRows(Memory([32]), None, 16, 0, ((), ()))) == 2
    assert len(PackedRows(Memory([31]), None, 16, 1, ((), ()))) == 2
    assert len(PackedRows(Memory([33]), None, 16, 0, ((), ()))) == 3


def test_documents_without_tokens_are_refused_and_so_is_a_stride_of_nothing():
    with pytest.raises(UserError, match="give no tokens"):
        PackedRows(Memory([0, 5]), np.array([0]), 16, 1, ((BOS,), (EOS,)))
    with pytest.raises(ValueError, match="overlap"):
        PackedRows(Memory([5]), None, 4, 4, ((), ()))


def test_rows_of_a_real_store_are_its_text(documents, bpe, tmp_path):
    write_store(iter(documents), bpe, tmp_path / "tokens", part_bytes=20_000)
    store = TokenStore.open(tmp_path / "tokens", bpe.vocab)
    packed = PackedRows(store, np.array([4, 2]), 100, 0, ((1,), (2,)))
    rows = packed.rows(np.arange(len(packed)), np.zeros(len(packed), np.uint64))
    ids = rows.tokens[rows.segments != 0]
    spelled = bpe.decode(ids, keep_special=True)
    assert spelled == f"<s>{documents[4].text}</s><s>{documents[2].text}</s>"


def test_rows_of_several_lengths_take_turns_and_lose_nothing():
    lengths, taken = [50, 3, 80, 41], [7, 12, 5]
    expected = stream(lengths, range(4), ((BOS,), ()))
    packed = PackedRows(Memory(lengths), None, taken, 0, ((BOS,), ()))
    found, padding = [], 0
    for number in range(len(packed)):
        rows = packed.rows(np.array([number]), np.zeros(1, np.uint64))
        assert rows.tokens.shape == (1, taken[number % 3]) and rows.index.tolist() == [number]
        found += rows.tokens[rows.segments != 0].tolist()
        padding += int((rows.segments == 0).sum())
        assert number == len(packed) - 1 or rows.segments.all()
    assert found == [token for _, token in expected]
    positions = sum(taken[number % 3] for number in range(len(packed)))
    assert packed.padding == pytest.approx(padding / positions) and padding < max(taken)
    assert packed.rows(np.array([1, 4, 7]), np.zeros(3, np.uint64)).tokens.shape == (3, 12)
    with pytest.raises(ValueError, match="different lengths"):
        packed.rows(np.array([0, 1]), np.zeros(2, np.uint64))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(2, 9), min_size=1, max_size=4), st.data())
def test_each_length_has_its_own_overlap(taken, data):
    overlaps = [data.draw(st.integers(0, 1)) for _ in taken]
    size = data.draw(st.integers(1, 90))
    packed = PackedRows(Memory([size]), None, taken, overlaps, ((), ()))
    begin = 0
    for number in range(len(packed)):
        rows = packed.rows(np.array([number]), np.zeros(1, np.uint64))
        kind = number % len(taken)
        expected = [1000 + place for place in range(begin, min(begin + taken[kind], size))]
        assert rows.tokens[0][rows.segments[0] != 0].tolist() == expected
        end = begin + taken[kind]
        begin = end - overlaps[kind]
        assert number == len(packed) - 1 or end < size
    assert end >= size


def test_rows_of_pairs_never_cross_documents():
    lengths = [50, 0, 3, 80, 41]
    paired = PairedRows(Memory(lengths), None, 20, 0)
    rows = paired.rows(np.arange(len(paired)), np.zeros(len(paired), np.uint64))
    assert rows.tokens.shape == (3 + 1 + 4 + 3, 20) and rows.companion is None
    real = [rows.tokens[row][rows.segments[row] == 1] for row in range(len(paired))]
    assert all(len(set((tokens // 1000).tolist())) == 1 for tokens in real)
    assert np.concatenate(real).tolist() == [1000 * (d + 1) + t for d, size in enumerate(lengths) for t in range(size)]
    assert [len(tokens) for tokens in real] == [16, 17, 17, 3, 20, 20, 20, 20, 13, 14, 14]
    assert paired.padding == pytest.approx((rows.segments == 0).mean())
    assert paired.tokens == 174


def test_a_companion_is_never_of_the_same_document_and_every_other_one_alike():
    lengths = [50, 3, 80, 0, 41]
    paired = PairedRows(Memory(lengths), None, 20, 10)
    keys = row_keys(3, np.arange(9000))
    rows = paired.rows(np.full(9000, 1), keys)  # a row of document 0
    assert rows.companion.shape == (9000, 10)
    of = rows.companion[:, 0] // 1000 - 1
    assert set(of.tolist()) == {1, 2, 4}
    assert np.abs(np.bincount(of, minlength=5)[[1, 2, 4]] / 9000 - 1 / 3).max() < 0.03
    first = rows.companion[of == 2][:, 0] % 1000
    assert set(first.tolist()) == set(range(71))  # where 10 tokens follow
    assert (rows.companion[of == 1][:, 3:] == -1).all() and (rows.companion[of == 2] >= 0).all()
    again = paired.rows(np.array([1, 1]), keys[[5, 8]]).companion
    assert np.array_equal(again, rows.companion[[5, 8]])
    assert (PairedRows(Memory([50]), None, 20, 10).rows(np.array([0]), keys[:1]).companion == -1).all()


def test_an_objective_gets_the_rows_it_wants():
    store = Memory([50, 3, 80, 41])
    packed = corpus_rows(store, None, UL2(), 32)
    lengths = [packed.rows(np.array([row]), np.zeros(1, np.uint64)).tokens.shape[1] for row in range(3)]
    assert lengths == [part.row_length(32) for part in UL2().cycle[:3]]
    paired = corpus_rows(store, None, SentencePairs(), 32)
    assert paired.rows(np.array([0]), np.zeros(1, np.uint64)).companion.shape == (1, 29)
    with pytest.raises(UserError, match="give no tokens"):
        corpus_rows(Memory([0]), None, SentencePairs(), 32).rows(np.array([0]), np.zeros(1, np.uint64))
