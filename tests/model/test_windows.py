"""Local attention: who sees whom, through the whole model, by changing one token at a time.

Shapes: T positions, V vocabulary.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from small_models import CPU, batch, build, small

from hornbook.batch import Batch
from hornbook.generate import Decoding, generate
from hornbook.model.config import ModelConfig
from hornbook.model.inputs import to_tensors
from hornbook.model.reading import Reader
from hornbook.model.transformer import Transformer
from hornbook.scaling.count import flops_per_token

LENGTH = 12


def reach(model: Transformer, rows: Batch) -> torch.Tensor:
    """Return bool[T, T], True where the output at q changes with the input at k."""
    with torch.no_grad():
        before = model.logits(to_tensors(rows, CPU))[0]
        found = []
        for k in range(rows.inputs.shape[1]):
            inputs = rows.inputs.copy()
            inputs[0, k] = (inputs[0, k] + 7) % model.config.vocab_size
            after = model.logits(to_tensors(dataclasses.replace(rows, inputs=inputs), CPU))[0]
            found.append((after != before).any(-1))
    return torch.stack(found, 1)


def one_layer(config: ModelConfig, segments: np.ndarray, visible: np.ndarray | None, local: bool) -> torch.Tensor:
    """Return bool[T, T] by the rule's words."""
    rule = torch.zeros(LENGTH, LENGTH, dtype=torch.bool)
    for q in range(LENGTH):
        for k in range(LENGTH):
            ahead = config.topology == "encoder" or k <= q or (visible is not None and bool(visible[0, k]))
            near = not local or abs(q - k) <= config.window
            rule[q, k] = bool(segments[0, q] == segments[0, k]) and ahead and near
    return rule


@pytest.mark.parametrize("topology", ["decoder", "encoder"])
@pytest.mark.parametrize("layers, every", [(1, 0), (2, 0), (3, 2)])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("prefix", [False, True])
def test_a_query_sees_what_the_windows_of_its_layers_reach(topology, layers, every, packed, prefix):
    config = small(topology, window=2, global_every=every, layers=layers)
    segments = np.array([[1] * 7 + [2] * 5]) if packed else np.ones((1, LENGTH), np.int64)
    visible = np.array([[True] * 4 + [False] * 8]) if prefix and topology == "decoder" else None
    rows = batch(config, segments, visible, shape=(1, LENGTH))
    expected = torch.eye(LENGTH, dtype=torch.bool)
    for number in range(layers):
        step = one_layer(config, segments, visible, local=not (every and number % every == 0))
        expected = step.float() @ expected.float() > 0
    assert torch.equal(reach(build(config), rows), expected)


def test_a_window_as_long_as_the_row_changes_nothing():
    for topology in ("decoder", "encoder"):
        config = small(topology, window=LENGTH - 1, global_every=2)
        model, plain = build(config), build(small(topology))
        rows = to_tensors(batch(config, shape=(2, LENGTH)), CPU)
        with torch.no_grad():
            assert torch.equal(model.logits(rows), plain.logits(rows))
            short = build(dataclasses.replace(config, window=LENGTH - 2))
            assert not torch.allclose(short.logits(rows), plain.logits(rows))


@pytest.mark.parametrize(
    "changes",
    [{"window": 3}, {"window": 2, "global_every": 2, "local_rotary_base": 50.0, "layers": 3}, {"window": 1}],
)
def test_writing_with_a_cache_is_reading_without_one(changes, monkeypatch):
    model = build(small("decoder", **changes))
    seen: list[torch.Tensor] = []
    output = Reader.logits
    monkeypatch.setattr(Reader, "logits", lambda self, hidden: seen.append(output(self, hidden).clone()) or seen[-1])
    prompts = [[5, 6, 7], [9], [11, 12, 13, 14, 15, 16]]
    written = generate(model, prompts, Decoding(max_new=10))
    monkeypatch.undo()
    for row, prompt in enumerate(prompts):
        inputs = np.array([prompt + written[row][:-1]])
        alone = Batch(inputs, inputs, np.ones(inputs.shape, np.float32), np.ones(1))
        with torch.no_grad():
            expected = model.logits(to_tensors(alone, CPU))[0, -10:]
        found = torch.stack([logits[row] for logits in seen])
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_operations_of_a_window_are_those_of_its_keys():
    config = small("decoder", layers=4)
    whole = flops_per_token(config, 100)
    assert flops_per_token(dataclasses.replace(config, window=99), 100) == whole
    per_key = 6 * 2 * config.heads * config.key_width
    local = dataclasses.replace(config, window=9, global_every=2)
    assert whole - flops_per_token(local, 100) == pytest.approx(2 * per_key * (100 - 10))
    encoder = small("encoder", layers=4)
    both = dataclasses.replace(encoder, window=9, global_every=2)
    assert flops_per_token(encoder, 100) - flops_per_token(both, 100) == pytest.approx(2 * per_key * (100 - 19))
    two = small("encoder-decoder", layers=2, decoder_layers=3)
    near = dataclasses.replace(two, window=9)
    saved = per_key * (2 * 40 * (40 - 19) + 3 * 60 * (60 - 10)) / 100
    assert flops_per_token(two, 40, 1.0, 60) - flops_per_token(near, 40, 1.0, 60) == pytest.approx(saved)
