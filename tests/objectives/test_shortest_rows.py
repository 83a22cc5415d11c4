"""Every objective on rows of 0, 1 and 2 tokens, in rows of any width: with numba and without the same in all fields."""

from __future__ import annotations

import numpy as np
import pytest
from lawful_objectives import OBJECTIVES, VOCAB
from small_vocab import BOS, EOS, PAD, UNK, WORDS

from hornbook.batch import Batch, Rows
from hornbook.keys import row_keys
from hornbook.objectives.bart import BARTDenoising
from hornbook.objectives.base import cycle_of
from hornbook.objectives.fim import FillInMiddle
from hornbook.objectives.joined import Joined
from hornbook.objectives.mixture import Mixture
from hornbook.objectives.ops import compiled
from hornbook.objectives.prefix import PrefixLM
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.objectives.ul2 import UL2

WHOLE = [
    *OBJECTIVES,
    Joined(PrefixLM("encoder-decoder"), vocab=VOCAB),
    Joined(BARTDenoising(), vocab=VOCAB),
    Mixture((SpanCorruption(), PrefixLM("encoder-decoder")), vocab=VOCAB),
    UL2(sequential="split", modes=(), vocab=VOCAB),
    SentencePairs(kind="sop", vocab=VOCAB),
]
PARTS = [part for whole in WHOLE for part in {id(part): part for part in cycle_of(whole)}.values()]


def rows_of(real: int, width: int, kind: type, divided: bool, tokens: list[int] | None = None) -> Rows:
    found = np.random.default_rng(real).choice(WORDS, (3, width)).astype(kind)
    found[:, : len(tokens or [])] = tokens or []
    found[:, real:] = PAD
    segments = np.broadcast_to(np.arange(width) < real, found.shape).astype(kind) if divided else None
    return Rows(found, row_keys(7, np.arange(3)), segments)


def arrays(batch: Batch) -> dict[str, tuple[np.dtype, tuple[int, ...], bytes]]:
    return {
        name: (value.dtype, value.shape, value.tobytes()) for name, value in vars(batch).items() if value is not None
    }


@pytest.fixture(scope="module", autouse=True)
def kernels_are_loaded():
    for objective in WHOLE:
        tokens = np.random.default_rng(0).choice(WORDS, (16, 128)).astype(np.int32)
        objective(Rows(tokens, row_keys(0, np.arange(16))))


@pytest.mark.parametrize("objective", [*dict.fromkeys([*WHOLE, *PARTS])], ids=repr)
def test_numpy_and_numba_agree_in_all_fields_and_nothing_without_text_is_scored(objective):
    for kind in (np.int32, np.int64):
        for width in (1, 2, 3, 5):
            for real in range(width + 1):
                for divided in (True, False) if real == width else (True,):
                    rows = rows_of(real, width, kind, divided)
                    with compiled.numpy_alone():
                        expected = objective(rows)
                    assert arrays(objective(rows)) == arrays(expected)
                    assert expected.targets.dtype == expected.inputs.dtype == kind
                    if real == 0:
                        assert not expected.weights.any() and not expected.count.any()


@pytest.mark.parametrize("companion", [np.int32, np.int64])
@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_a_pair_has_the_type_of_its_row_whatever_the_other_text_has(kind, companion):
    pairs = SentencePairs(short=0.0, vocab=VOCAB)
    rows = rows_of(40, 40, kind, divided=False)
    rows = Rows(rows.tokens, rows.keys, companion=np.full((3, 40), WORDS[3], companion))
    with compiled.numpy_alone():
        expected = pairs(rows)
    assert expected.inputs.dtype == kind
    assert arrays(pairs(rows)) == arrays(expected)


@pytest.mark.parametrize(
    "objective",
    [part for part in dict.fromkeys(PARTS) if isinstance(part, SpanCorruption) or type(part).__name__ == "UL2Denoiser"],
    ids=repr,
)
@pytest.mark.parametrize("numba", [True, False])
def test_a_row_with_nothing_to_predict_counts_nothing(objective, numba):
    for width in (1, 4):
        rows = rows_of(1, width, np.int32, divided=True)
        if numba:
            batch = objective(rows)
        else:
            with compiled.numpy_alone():
                batch = objective(rows)
        assert not batch.weights.any() and not batch.count.any()
        assert (batch.targets == PAD).all()
        assert (batch.inputs == rows.tokens[:, :1]).any(axis=1).all()


@pytest.mark.parametrize("edge", [PAD, UNK, VOCAB.mask, VOCAB.sentinels[0], dict(VOCAB.modes)["[R]"]])
def test_a_row_cut_behind_any_special_token_gets_its_end_of_text(edge):
    objective = FillInMiddle(1.0, 0.5, VOCAB)
    words = WORDS[:6].tolist()
    for inside, gained in (([BOS, *words, edge], 4), ([edge, *words, EOS], 3), ([edge, *words, edge], 4)):
        batch = objective(rows_of(len(inside), len(inside), np.int32, True, inside))
        for row in range(3):
            line = [int(batch.inputs[row, 0]), *batch.targets[row].tolist()]
            real = line[: int(batch.count[row]) + 1]
            assert len(real) == len(inside) + gained
            assert real[-1] == EOS and real.count(EOS) == 1
            assert sorted(set(real) & {*inside}) == sorted({*inside})


def test_a_document_of_its_end_alone_stays_as_it_is():
    batch = FillInMiddle(1.0, 0.5, VOCAB)(rows_of(1, 6, np.int32, True, [EOS]))
    assert batch.inputs[:, 0].tolist() == [EOS] * 3
    assert not batch.weights.any()
