from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from collator_models import tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.collators.rows import Reader, contents, padding, vocabulary
from hornbook.errors import UserError
from hornbook.objectives.masked import Masked
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.vocab import Vocab

VOCAB = vocabulary(tokenizer())
ROWS = st.lists(st.lists(st.integers(5, 60), min_size=0, max_size=12), min_size=1, max_size=5)


def reader(seed: int = 0, **settings) -> Reader:
    return Reader(Masked(vocab=VOCAB), seed, **settings)


def test_roles_of_transformers_tokenizer_count_before_names() -> None:
    from tokenizers import Tokenizer

    raw = tokenizer().backend_tokenizer
    assert vocabulary(Tokenizer.from_str(raw.to_str())).pad == VOCAB.pad == tokenizer().pad_token_id
    from transformers import PreTrainedTokenizerFast

    odd = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="</s>", eos_token="</s>", mask_token="<unk>")
    found = vocabulary(odd)
    assert (found.pad, found.eos, found.mask) == (VOCAB.eos, VOCAB.eos, VOCAB.unk)
    assert vocabulary(VOCAB) is VOCAB


def test_a_tokenizer_without_a_tokenizer_json_is_refused() -> None:
    with pytest.raises(UserError, match=r"tokenizer\.json"):
        vocabulary(object())


def test_missing_roles_are_refused_when_the_collator_is_made() -> None:
    with pytest.raises(UserError, match="mask"):
        Reader(Masked(vocab=Vocab(size=9, special=np.zeros(9, bool))), 0)


def test_padding_is_any_id_where_the_tokenizer_has_none() -> None:
    assert padding(Vocab(size=9)) == 0
    assert padding(Vocab(size=9, eos=7)) == 7


@settings(deadline=None, max_examples=60)
@given(ROWS, st.integers(0, 3))
def test_lists_arrays_tensors_padded_or_not_are_the_same_rows(ids: list[list[int]], more: int) -> None:
    read = reader()
    expected = read([{"input_ids": row} for row in ids])
    width = max(map(len, ids)) + more
    padded = [row + [VOCAB.pad] * (width - len(row)) for row in ids]
    masks = [[1] * len(row) + [0] * (width - len(row)) for row in ids]
    kinds = [
        ids,
        [{"input_ids": np.array(row, np.int32)} for row in ids],
        [{"input_ids": torch.tensor(row)} for row in padded],
        [{"input_ids": row, "attention_mask": mask} for row, mask in zip(padded, masks, strict=True)],
        # Padded on the left, as tokenizers of decoders do.
        [{"input_ids": row[::-1], "attention_mask": mask[::-1]} for row, mask in zip(padded, masks, strict=True)],
    ]
    for number, features in enumerate(kinds):
        found = read(features)
        if number == 4:
            expected = read([row[::-1] for row in ids])
        np.testing.assert_array_equal(found.tokens, expected.tokens)
        np.testing.assert_array_equal(found.real, expected.real)
        np.testing.assert_array_equal(found.keys, expected.keys)


def test_keys_are_of_seed_row_and_epoch_alone() -> None:
    rows = [[5, 6, 7], [8, 9], [5, 6, 7, 8]]
    read = reader()
    keys = read(rows).keys
    assert len(set(keys.tolist())) == 3
    np.testing.assert_array_equal(read(rows[::-1]).keys, keys[::-1])
    np.testing.assert_array_equal(read(rows[1:2]).keys, keys[1:2])
    assert not (reader(seed=1)(rows).keys == keys).any()
    read.set_epoch(1)
    assert not (read(rows).keys == keys).any()
    named = [{"input_ids": row, "epoch": 0} for row in rows]
    np.testing.assert_array_equal(read(named).keys, keys)


def test_an_index_tells_equal_rows_apart() -> None:
    twins = [{"input_ids": [5, 6, 7]}, {"input_ids": [5, 6, 7]}]
    assert len(set(reader()(twins).keys.tolist())) == 1
    numbered = [{**row, "index": number} for number, row in enumerate(twins)]
    assert len(set(reader()(numbered).keys.tolist())) == 2


def test_static_noise_repeats_after_its_period() -> None:
    read = Reader(Masked(static=2, vocab=VOCAB), 0)
    keys = []
    for epoch in range(4):
        read.set_epoch(epoch)
        keys.append(int(read([[5, 6, 7]]).keys[0]))
    assert keys[0] == keys[2] != keys[1] == keys[3]


def test_contents_differ_for_rows_that_are_close() -> None:
    rows = [[5], [5, 5], [5, 6], [6, 5], [0, 0], [0, 0, 0], [0], []]
    tokens = np.zeros((len(rows), 3), np.int64)
    real = np.zeros(tokens.shape, bool)
    for number, row in enumerate(rows):
        tokens[number, : len(row)], real[number, : len(row)] = row, True
    found = contents(tokens, real)
    assert len(set(found.tolist())) == len(rows)
    wider = np.pad(tokens, ((0, 0), (0, 9)), constant_values=3)
    np.testing.assert_array_equal(contents(wider, np.pad(real, ((0, 0), (0, 9)))), found)


def test_marks_are_taken_off_once_for_objectives_that_put_their_own() -> None:
    begin, end = VOCAB.bos, VOCAB.eos
    read = Reader(SpanCorruption(vocab=VOCAB), 0, bare=True)
    rows = read([[begin, 5, 6, end], [5, 6], [5, 6, end], [begin], [begin, begin, 5, end, end]])
    kept = [row[real].tolist() for row, real in zip(rows.tokens, rows.real, strict=True)]
    assert kept == [[5, 6], [5, 6], [5, 6], [], [begin, 5, end]]


def test_rows_are_cut_where_so_wanted() -> None:
    assert reader(longest=3)([[5, 6, 7, 8, 9]]).tokens.tolist() == [[5, 6, 7]]


@pytest.mark.parametrize("ids", [[[5, 6]], [0.5, 1.0], ["a"]])
def test_what_is_no_row_of_ids_is_refused(ids: list) -> None:
    with pytest.raises(UserError, match="whole numbers"):
        reader()([{"input_ids": ids}])


@pytest.mark.parametrize("token", [-1, VOCAB.size])
def test_ids_of_another_tokenizer_are_refused(token: int) -> None:
    with pytest.raises(UserError, match="tokenizer that made the rows"):
        reader()([[5, token]])


def test_a_reader_survives_pickling_with_its_epoch() -> None:
    read = reader()
    read.set_epoch(3)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(read))([[5, 6]]).keys, read([[5, 6]]).keys)
