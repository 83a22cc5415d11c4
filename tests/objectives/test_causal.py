from __future__ import annotations

import numpy as np
import pytest
from small_vocab import BOS, EOS, PAD, documents, vocabulary, words

from hornbook.batch import Rows
from hornbook.errors import UserError
from hornbook.keys import row_keys
from hornbook.objectives.causal import Causal
from hornbook.vocab import EMPTY, Vocab

CAUSAL = Causal(vocabulary())


def test_the_layout_of_a_packed_row():
    tokens = np.array([[BOS, 11, 12, EOS, BOS, 13, PAD]], np.int32)
    batch = CAUSAL(Rows(tokens, row_keys(0, [0]), np.array([[1, 1, 1, 1, 2, 2, 0]], np.int32)))
    assert batch.inputs.tolist() == [[BOS, 11, 12, EOS, BOS, 13]]
    assert batch.targets.tolist() == [[11, 12, EOS, BOS, 13, PAD]]
    assert batch.weights.tolist() == [[1, 1, 1, 0, 1, 0]]
    assert batch.segments.tolist() == [[1, 1, 1, 1, 2, 2]]
    assert batch.count.tolist() == [4.0]


def test_targets_are_shifted_once_so_an_oracle_of_the_next_token_is_right_everywhere():
    rows = words(4, 33)
    batch = CAUSAL(rows)
    assert (batch.targets[:, :-1] == batch.inputs[:, 1:]).all()
    assert (batch.targets[:, -1] == rows.tokens[:, -1]).all()
    assert batch.weights.all()


def test_consecutive_rows_of_a_stream_make_every_token_but_the_first_a_target_once():
    length = CAUSAL.row_length(16)
    stream = np.arange(5, 5 + 16 * 4 + 1, dtype=np.int32)  # 4 rows exactly: no full row is dropped, and no tail
    starts = np.arange(4) * (length - CAUSAL.overlap)
    rows = np.stack([stream[start : start + length] for start in starts])
    batch = CAUSAL(Rows(rows, row_keys(0, np.arange(4))))
    assert batch.targets.reshape(-1).tolist() == stream[1:].tolist()


def test_no_prediction_crosses_from_one_document_to_the_next_nor_into_padding():
    segments = documents([5, 3, 1, 4], [2, 1])
    batch = CAUSAL(words(2, 13, segments=segments))
    assert batch.weights.astype(int).tolist() == [[1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1], [1] + [0] * 11]


def test_documents_are_marked_at_both_ends_even_with_one_mark_for_both():
    assert CAUSAL.boundary_tokens == ((BOS,), (EOS,))
    assert Causal(Vocab(size=9, eos=7)).boundary_tokens == ((7,), (7,))
    assert Causal().boundary_tokens == ((), ())


def test_a_tokenizer_without_end_of_text_is_refused_in_words():
    with pytest.raises(UserError, match="eos"):
        Causal(EMPTY).check(16)
    with pytest.raises(UserError, match="at least 1 position"):
        CAUSAL.check(0)
