import numpy as np
import pytest

from hornbook.batch import Batch, Rows, allowed


def test_rows_refuse_shapes_that_do_not_fit():
    tokens, keys = np.zeros((2, 3), np.int32), np.zeros(2, np.uint64)
    with pytest.raises(ValueError, match="keys"):
        Rows(tokens, keys[:1])
    with pytest.raises(ValueError, match="tokens"):
        Rows(tokens[0], keys)
    with pytest.raises(ValueError, match="segments"):
        Rows(tokens, keys, np.zeros((2, 2), np.int32))
    assert len(Rows(tokens, keys)) == 2


def test_real_positions_are_those_with_a_segment():
    tokens, keys = np.zeros((1, 4), np.int32), np.zeros(1, np.uint64)
    assert Rows(tokens, keys).real.all()
    assert Rows(tokens, keys, np.array([[1, 1, 2, 0]])).real.tolist() == [[True, True, True, False]]


def test_rows_of_a_batch_are_cut_in_every_field():
    numbers = np.arange(12).reshape(4, 3)
    batch = Batch(
        inputs=numbers,
        targets=numbers + 1,
        weights=np.ones((4, 3), np.float32),
        count=np.arange(4.0),
        segments=numbers % 2,
        visible=numbers > 5,
        pair=np.arange(4),
    )
    cut = batch.rows(1, 3)
    assert len(cut) == 2
    assert cut.inputs.tolist() == numbers[1:3].tolist()
    assert cut.count.tolist() == [1.0, 2.0]
    assert cut.pair is not None and cut.pair.tolist() == [1, 2]
    assert cut.visible is not None and cut.visible.tolist() == (numbers > 5)[1:3].tolist()
    assert cut.types is None and cut.decoder_inputs is None


def picture(mask):
    return ["".join("x" if cell else "." for cell in line) for line in mask[0]]


def test_a_decoder_sees_nothing_ahead_and_an_encoder_everything():
    assert picture(allowed(None, None, 3, "decoder")) == ["x..", "xx.", "xxx"]
    assert picture(allowed(None, None, 3, "encoder")) == ["xxx", "xxx", "xxx"]
    assert picture(allowed(None, None, 3, "encoder-decoder")) == ["xxx", "xxx", "xxx"]


def test_visible_keys_are_a_prefix_that_everyone_sees():
    visible = np.array([[True, True, False, False]])
    assert picture(allowed(None, visible, 4, "decoder")) == ["xx..", "xx..", "xxx.", "xxxx"]


def test_documents_of_a_row_never_see_each_other_and_nobody_sees_padding():
    segments = np.array([[1, 1, 2, 2, 0]])
    assert picture(allowed(segments, None, 5, "encoder")) == ["xx...", "xx...", "..xx.", "..xx.", "....."]
    assert picture(allowed(segments, None, 5, "decoder")) == ["x....", "xx...", "..x..", "..xx.", "....."]
    visible = np.array([[False, True, False, True, True]])
    assert picture(allowed(segments, visible, 5, "decoder")) == ["xx...", "xx...", "..xx.", "..xx.", "....."]
