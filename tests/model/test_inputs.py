from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from small_models import CPU, batch, small

from hornbook.model.inputs import CopyStream, to_tensors


def test_values_arrive_unchanged_and_scored_lists_the_weighted_positions():
    given = batch(small("encoder", token_types=2))
    tensors = to_tensors(given, CPU)
    for name in ("inputs", "targets", "weights", "types"):
        np.testing.assert_array_equal(getattr(tensors, name).numpy(), getattr(given, name))
    assert tensors.inputs.dtype == tensors.scored.dtype == torch.int64 and tensors.weights.dtype == torch.float32
    assert tensors.scored.tolist() == [i for i, weight in enumerate(given.weights.ravel()) if weight]
    assert tensors.count == given.count.sum()
    assert tensors.visible is None and tensors.pair is None


def test_segments_that_forbid_nothing_are_dropped_and_others_are_not():
    config = small("decoder")
    ones = np.ones((2, 6), np.int32)
    assert to_tensors(batch(config, segments=ones), CPU).segments is None
    packed, padded = ones.copy(), ones.copy()
    packed[1, 4:] = 2
    padded[1, 4:] = 0
    for segments in (packed, padded):
        kept = to_tensors(batch(config, segments=segments), CPU).segments
        assert kept is not None
        np.testing.assert_array_equal(kept.numpy(), segments)


def test_padding_behind_a_decoders_only_document_needs_no_mask():
    config = small("encoder-decoder")
    ones = np.ones((2, 6), np.int32)
    padded = ones.copy()
    padded[1, 4:] = 0
    assert to_tensors(batch(config, segments=ones, decoder_segments=padded), CPU).decoder_segments is None
    assert to_tensors(batch(config, segments=padded, decoder_segments=padded), CPU).decoder_segments is not None
    assert to_tensors(batch(config, segments=ones, decoder_segments=padded[:, ::-1]), CPU).decoder_segments is not None
    two = ones.copy()
    two[0, 3:] = 2
    assert to_tensors(batch(config, segments=ones, decoder_segments=two), CPU).decoder_segments is not None


def test_padding_is_counted_on_both_sides_also_where_it_needs_no_mask():
    ones = np.ones((2, 6), np.int32)
    padded = ones.copy()
    padded[1, 4:] = 0
    plain = to_tensors(batch(small("decoder")), CPU)
    assert (plain.positions, plain.padding) == (3 * 12, 0)
    of_one = to_tensors(batch(small("encoder"), segments=padded), CPU)
    assert (of_one.positions, of_one.padding) == (12, 2)
    both = to_tensors(batch(small("encoder-decoder"), segments=ones, decoder_segments=padded), CPU)
    assert both.decoder_segments is None and (both.positions, both.padding) == (24, 2)


def test_read_only_and_strided_arrays_are_accepted():
    given = batch(small("decoder"))
    strided = np.asfortranarray(given.inputs)
    strided.flags.writeable = False
    tensors = to_tensors(dataclasses.replace(given, inputs=strided), CPU)
    np.testing.assert_array_equal(tensors.inputs.numpy(), given.inputs)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="copies to a GPU need one")
def test_what_a_stream_of_its_own_copies_is_there_when_the_computing_reads_it():
    device = torch.device("cuda", torch.cuda.device_count() - 1)
    config = small("encoder", token_types=2)
    given = [batch(config, shape=(64, 12), seed=seed) for seed in range(200)]
    stream, square = CopyStream(device), torch.randn(2048, 2048, device=device)
    with ThreadPoolExecutor(2) as pool:
        for one, sent in zip(given, pool.map(stream.send, given), strict=True):
            square = torch.nn.functional.normalize(square @ square)  # copies run ahead of it
            tensors = stream.receive(sent)
            found = [tensors.inputs + 0, tensors.targets + 0, tensors.weights + 0]
            del tensors, sent  # their memory is free for the copies that follow
            for values, name in zip(found, ("inputs", "targets", "weights"), strict=True):
                np.testing.assert_array_equal(values.cpu().numpy(), getattr(one, name))
