"""Every collator on every kind of row that a data set may hold: right shapes and labels, or one sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from collator_models import features, tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BatchEncoding

from hornbook.collators import (
    BARTDenoisingCollator,
    CausalLMCollator,
    ELECTRACollator,
    FIMCollator,
    MaskedDiffusionCollator,
    MLMDataCollator,
    NSPDataCollator,
    PrefixLMCollator,
    SOPDataCollator,
    SpanCorruptionCollator,
    UL2Collator,
    of,
)
from hornbook.collators.rows import vocabulary
from hornbook.errors import UserError

TOKENIZER = tokenizer()
VOCAB = vocabulary(TOKENIZER)
WORDS, SPECIAL = VOCAB.words.tolist(), np.flatnonzero(VOCAB.special).tolist()
MAKERS = {
    "causal": CausalLMCollator,
    "prefix": PrefixLMCollator,
    "prefix-sides": lambda tokens, **more: PrefixLMCollator(tokens, "encoder-decoder", **more),
    "fim": FIMCollator,
    "masked": MLMDataCollator,
    "iid": lambda tokens, **more: MLMDataCollator(tokens, style="iid", **more),
    "whole-word": lambda tokens, **more: MLMDataCollator(tokens, style="whole_word", **more),
    "electra": ELECTRACollator,
    "diffusion": MaskedDiffusionCollator,
    "nsp": NSPDataCollator,
    "sop": SOPDataCollator,
    "span": SpanCorruptionCollator,
    "rolled": lambda tokens, **more: SpanCorruptionCollator(tokens, random_roll=True, **more),
    "ul2": UL2Collator,
    "bart": BARTDenoisingCollator,
    **{f"of-{kind}": lambda tokens, kind=kind, **more: of(kind, tokens, **more) for kind in (
        "causal", "prefix", "fim", "masked", "diffusion", "span", "bart", "nsp", "sop", "joined")},
}  # fmt: skip
KEPT = [kind for kind, make in MAKERS.items() if make(TOKENIZER).keeps_places]
TWO_SIDES = ("prefix-sides", "span", "rolled", "ul2", "bart", "of-span", "of-bart")
FORMS = {
    "list": list,
    "int32": lambda ids: np.array(ids, np.int32),
    "int64": lambda ids: np.array(ids, np.int64),
    "tensor": lambda ids: torch.tensor(ids, dtype=torch.int64),
    "tensor32": lambda ids: torch.tensor(ids, dtype=torch.int32),
}


@st.composite
def batches(draw: st.DrawFn) -> list[object]:
    """Features of 1 to 4 rows: empty, of one token, special, padded, whole; in any form, with any of the columns."""
    kinds = st.sampled_from(["empty", "one", "special", "pads", "two", "words"])
    form, mapping = FORMS[draw(st.sampled_from(sorted(FORMS)))], draw(st.sampled_from([None, dict, BatchEncoding]))
    masked, labelled = draw(st.booleans()), draw(st.booleans())
    rows: list[object] = []
    for kind in draw(st.lists(kinds, min_size=1, max_size=4)):
        ids = {
            "empty": [],
            "one": [draw(st.sampled_from(WORDS))],
            "special": draw(st.lists(st.sampled_from(SPECIAL), min_size=1, max_size=5)),
            "pads": [VOCAB.pad] * draw(st.integers(1, 5)),
            "two": draw(st.lists(st.sampled_from(WORDS), min_size=2, max_size=2)),
            "words": [VOCAB.cls, *draw(st.lists(st.sampled_from(WORDS), min_size=3, max_size=30)), VOCAB.sep],
        }[kind]
        if mapping is None:
            rows.append(form(ids))
            continue
        row = {"input_ids": form(ids)}
        row |= {"attention_mask": form([int(token != VOCAB.pad) for token in ids])} if masked else {}
        row |= {"labels": form(ids)} if labelled else {}
        rows.append(mapping(row))
    return rows


def right(kind: str, found: dict[str, torch.Tensor], size: int) -> None:
    """Assert shapes, types, ids of the vocabulary, labels where something is predicted and -100 elsewhere."""
    ids, mask, labels = found["input_ids"], found["attention_mask"], found["labels"]
    assert len(ids) == len(mask) == len(labels) == size
    assert ids.shape[1] >= 1 and ids.dtype == torch.int64
    assert ids.min() >= 0 and ids.max() < VOCAB.size
    assert mask.shape == ids.shape or mask.shape == (size, 1, ids.shape[1], ids.shape[1])
    assert kind in TWO_SIDES or labels.shape[:2] == ids.shape
    assert labels.shape[1] >= 1
    said = labels if labels.dim() == 2 else labels[..., 0]
    assert ((said == -100) | ((said >= 0) & (said < VOCAB.size))).all()
    if mask.dim() == 2:
        assert set(mask.unique().tolist()) <= {0, 1}
        if kind not in TWO_SIDES:
            assert (said[mask == 0] == -100).all()
    for name, values in found.items():
        assert not values.is_floating_point() or torch.isfinite(values).all(), name


@pytest.mark.parametrize("kind", MAKERS)
@settings(deadline=None, max_examples=25)
@given(rows=batches())
def test_every_row_serves(kind: str, rows: list[object]) -> None:
    found = MAKERS[kind](TOKENIZER)(rows)
    right(kind, found, len(rows))
    wide = MAKERS[kind](TOKENIZER, pad_to_multiple_of=8)(rows)
    right(kind, wide, len(rows))
    for name, values in found.items():
        if values.dim() > 1:
            assert wide[name].shape[-1 if values.dim() == 4 else 1] % 8 == 0
            inside = tuple(slice(0, end) for end in values.shape)
            assert torch.equal(wide[name][inside], values)


@pytest.mark.parametrize("kind", ["causal", "prefix", "of-causal", "of-prefix"])
@pytest.mark.parametrize("rows", [[[7]], [[7], []], [[]]])
def test_rows_of_one_token_at_most_have_one_position(kind: str, rows: list[list[int]]) -> None:
    found = MAKERS[kind](TOKENIZER)([{"input_ids": row} for row in rows])
    assert found["input_ids"].shape == found["labels"].shape == (len(rows), 1)
    assert (found["labels"] == -100).all()
    assert rows == [[]] or found["input_ids"][0, 0] == 7


@pytest.mark.parametrize("kind", KEPT)
def test_token_types_of_the_features_are_kept(kind: str) -> None:
    rows = [{**row, "token_type_ids": [number % 2 for number in range(len(row["input_ids"]))]} for row in features(3)]
    rows[1] = {name: values for name, values in rows[1].items() if name != "token_type_ids"}
    found = MAKERS[kind](TOKENIZER, pad_to_multiple_of=16)(rows)
    assert found["token_type_ids"].shape == found["input_ids"].shape
    for row, types in zip(rows, found["token_type_ids"].tolist(), strict=True):
        kept = row.get("token_type_ids", [])
        assert types == [*kept, *[0] * (len(types) - len(kept))]
    assert "token_type_ids" not in MAKERS[kind](TOKENIZER)(features(3))


WRONG = {
    "no rows": ([], "no rows"),
    "a whole batch": (BatchEncoding({"input_ids": [[1, 2]], "attention_mask": [[1, 1]]}), "must be a list"),
    "no input_ids": ([{"text": "a"}], "has no input_ids, but text"),
    "text": ([{"input_ids": "a b"}], "must be a list of whole numbers"),
    "two dimensions": ([{"input_ids": torch.zeros(1, 3, dtype=torch.int64)}], "must be a list of whole numbers"),
    "ragged": ([{"input_ids": [[1], [1, 2]]}], "whole numbers"),
    "floats": ([{"input_ids": [1.0]}], "must be a list of whole numbers"),
    "a long mask": ([{"input_ids": [7, 8], "attention_mask": [1]}], "2 input_ids and 1 numbers of attention_mask"),
    "an id too high": ([[10**6]], "use the tokenizer that made the rows"),
    "an index": ([{"input_ids": [7], "index": "first"}], "index must be a whole number"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_no_row_is_refused_in_a_sentence(kind: str, case: str) -> None:
    rows, sentence = WRONG[case]
    with pytest.raises(UserError, match=sentence):
        MAKERS[kind](TOKENIZER)(rows)


def test_types_that_are_not_one_for_each_token_and_odd_multiples_are_refused() -> None:
    with pytest.raises(UserError, match="2 input_ids and 3 numbers of token_type_ids"):
        MLMDataCollator(TOKENIZER)([{"input_ids": [7, 8], "token_type_ids": [0, 0, 0]}])
    with pytest.raises(UserError, match="pad_to_multiple_of must be at least 1"):
        CausalLMCollator(TOKENIZER, pad_to_multiple_of=0)


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("kind", TWO_SIDES)
def test_decoders_read_what_transformers_shifts_labels_to(kind: str, started: bool) -> None:
    """T5's and BART's own `shift_tokens_right` of our labels is what our objective gives the decoder."""
    from transformers.models.bart.modeling_bart import shift_tokens_right

    vocab = replace(VOCAB, decoder_start=VOCAB.eos) if started else VOCAB
    collator = MAKERS[kind](vocab)
    rows = features(6)
    labels = collator(rows)["labels"]
    start = vocab.start("the test")
    shifted = shift_tokens_right(labels, vocab.pad, start)
    assert (shifted[:, 0] == start).all()
    assert torch.equal(shifted[:, 1:], labels[:, :-1].masked_fill(labels[:, :-1] == -100, vocab.pad))
    if kind == "prefix-sides":  # its own objective cuts rows in two
        return
    batch = collator.objective(collator.reader(rows))
    assert batch.decoder_inputs is not None
    ours = torch.from_numpy(batch.decoder_inputs.astype(np.int64))
    if kind in ("bart",) and not started:  # the collator puts <s> before both sides
        ours = torch.cat([ours[:, :1], torch.full_like(ours[:, :1], vocab.bos), ours[:, 1:]], 1)
    scored = labels != -100
    assert torch.equal(shifted[scored], ours[:, : labels.shape[1]][scored])


@pytest.mark.parametrize("started", [False, True])
def test_bart_begins_both_sides_once(started: bool) -> None:
    vocab = replace(VOCAB, decoder_start=VOCAB.eos) if started else VOCAB
    found = BARTDenoisingCollator(vocab)(features(4))
    for name in ("input_ids", "labels"):
        assert (found[name][:, 0] == VOCAB.bos).all()
        assert not (found[name][:, 1:] == VOCAB.bos).any()
