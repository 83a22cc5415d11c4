from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from small_vocab import EOS, MASK, PAD, WORDS, documents, vocabulary, words

from hornbook.batch import Rows
from hornbook.errors import UserError
from hornbook.keys import row_keys
from hornbook.objectives.bart import BARTDenoising
from hornbook.objectives.ops.noise import find_documents
from hornbook.objectives.ops.sentences import permute_sentences, rotate_documents, sentence_starts
from hornbook.vocab import EMPTY

VOCAB = vocabulary()
INFILL = BARTDenoising(permute=False, vocab=VOCAB)
OTHER = WORDS[~VOCAB.ends_sentence[WORDS]]
ENDS = WORDS[VOCAB.ends_sentence[WORDS]]


def distinct(rows: int, length: int, segments: np.ndarray | None = None) -> Rows:
    """Rows in which no token stands twice, so that gaps and order can be read from inputs."""
    tokens = np.stack([np.random.default_rng(row).permutation(WORDS)[:length] for row in range(rows)]).astype(np.int32)
    return Rows(tokens, row_keys(0, np.arange(rows)), segments)


def hidden_between(inputs: list[int], row: list[int]) -> list[tuple[int, int]]:
    """(masks, hidden tokens) of each gap between two kept tokens, read from an infilled row in order."""
    place = {token: number for number, token in enumerate(row)}
    gaps, masks, before = [], 0, -1
    for token in [*inputs, None]:
        if token == MASK:
            masks += 1
        else:
            here = len(row) if token is None else place[token]
            gaps.append((masks, here - before - 1))
            masks, before = 0, here
    return gaps


def test_counts_are_exact_and_inputs_have_one_length():
    assert [int(count[0]) for count in INFILL.counts(np.array([511]))] == [153, 51, 0, 0]
    assert INFILL.row_length(512) == 511 and INFILL.target_length(512) == 512
    rows = words(50, 511)
    batch = INFILL(rows)
    assert batch.inputs.shape == (50, 511 - 153 + 51 + 1) and batch.targets.shape == (50, 512)
    assert ((batch.inputs == MASK).sum(axis=1) == 51).all()
    assert (batch.inputs[:, -1] == EOS).all() and not (batch.inputs == PAD).any()
    assert np.array_equal(batch.targets[:, :-1], rows.tokens) and (batch.targets[:, -1] == EOS).all()
    assert np.array_equal(batch.decoder_inputs[:, 1:], batch.targets[:, :-1]) and not batch.decoder_inputs[:, 0].any()
    assert batch.weights.all() and batch.count.tolist() == [512.0] * 50
    assert batch.segments is None and batch.decoder_segments is None


def test_span_lengths_are_poisson_with_spans_of_no_token():
    rows = distinct(400, 511)
    batch = INFILL(rows)
    alone, spans, total = Counter(), 0, 0
    for row in range(400):
        gaps = hidden_between(batch.inputs[row, :-1].tolist(), rows.tokens[row].tolist())
        assert all(masks or not hidden for masks, hidden in gaps)  # nothing is left out without a mask
        alone.update(hidden for masks, hidden in gaps if masks == 1)
        spans += sum(masks for masks, _ in gaps)
        total += sum(hidden for _, hidden in gaps)
    assert (spans, total) == (400 * 51, 400 * 153)
    seen = alone.total()
    for length in range(7):  # Poisson of mean 3, given 51 spans of 153 tokens: binomial
        share = math.comb(153, length) * (1 / 51) ** length * (50 / 51) ** (153 - length)
        assert share == pytest.approx(math.exp(-3) * 3**length / math.factorial(length), rel=0.06)
        assert abs(alone[length] / seen - share) < 5 * math.sqrt(share / seen)


def test_spans_lie_at_uniform_places():
    inputs = BARTDenoising(infill=0.1, permute=False, vocab=VOCAB)(words(20_000, 20)).inputs  # one span of 2 tokens
    assert inputs.shape == (20_000, 20)
    place = np.bincount(np.nonzero(inputs == MASK)[1], minlength=19)
    assert np.abs(place[:19] / 20_000 - 1 / 19).max() < 5 * math.sqrt(1 / 19 / 20_000)


def test_packed_documents_are_isolated():
    segments = documents([200, 311], [500, 11], [100, 100, 100, 100, 111], [511])
    rows = distinct(4, 511, segments)
    batch = INFILL(rows)
    assert batch.inputs.shape == (4, 410) and batch.segments.all() and batch.decoder_segments.all()
    for row in range(4):
        for document in range(1, int(segments[row].max()) + 1):
            own = rows.tokens[row][segments[row] == document].tolist()
            reads = [token for token in batch.inputs[row][batch.segments[row] == document].tolist() if token != EOS]
            assert [token for token in own if token in set(reads)] == [token for token in reads if token != MASK]
            says = batch.targets[row][batch.decoder_segments[row] == document].tolist()
            assert [token for token in says if token != EOS] == own
            opens = np.flatnonzero(batch.decoder_segments[row] == document)[0]
            assert batch.decoder_inputs[row, opens] == PAD


def test_documents_get_their_share():
    segments = np.repeat(documents([30, 90, 391]), 3000, axis=0)
    batch = INFILL(words(3000, 511, segments=segments))
    for document, length in enumerate([30, 90, 391], start=1):
        masks = ((batch.segments == document) & (batch.inputs == MASK)).sum(axis=1)
        assert masks.mean() == pytest.approx(51 * length / 511, abs=0.05)


def test_documents_of_one_token_are_joined_so_that_counts_hold():
    segments = documents([1] * 60, [60])
    batch = INFILL(words(2, 60, segments=segments))
    assert ((batch.inputs == MASK).sum(axis=1) == 6).all()
    assert batch.segments.max(axis=1).tolist() == [1, 1]


def test_padding_is_stated():
    segments = documents([511], [200, 100], [1], [])
    batch = INFILL(words(4, 511, segments=segments))
    reads = [410, 300 - 90 + 30 + 1, 2, 0]
    assert (batch.segments != 0).sum(axis=1).tolist() == reads
    assert (batch.decoder_segments != 0).sum(axis=1).tolist() == [512, 301, 2, 0]
    assert batch.count.tolist() == [512.0, 301.0, 2.0, 0.0]
    assert (batch.inputs[batch.segments == 0] == PAD).all() and (
        batch.targets[batch.decoder_segments == 0] == PAD
    ).all()


def test_deletion_leaves_no_trace_and_masking_leaves_one_for_each():
    rows = distinct(30, 100)
    deleted = BARTDenoising(infill=0.0, permute=False, delete=0.3, vocab=VOCAB)(rows)
    assert deleted.inputs.shape == (30, 71) and not (deleted.inputs == MASK).any()
    masked = BARTDenoising(infill=0.0, permute=False, mask=0.3, vocab=VOCAB)(rows)
    assert ((masked.inputs == MASK).sum(axis=1) == 30).all()
    for row in range(30):
        kept = set(deleted.inputs[row].tolist())
        assert [*(token for token in rows.tokens[row].tolist() if token in kept), EOS] == deleted.inputs[row].tolist()
        shown = masked.inputs[row, :-1]
        assert np.array_equal(shown[shown != MASK], rows.tokens[row][shown != MASK])


def sentences(tokens: list[int]) -> list[tuple[int, ...]]:
    """A row's sentences by the definition, for words alone: each ends with a token that ends one, before a new word."""
    found: list[list[int]] = [[]]
    for before, token in zip([0, *tokens[:-1]], tokens, strict=True):
        if found[-1] and VOCAB.ends_sentence[before] and VOCAB.starts_word[token]:
            found.append([])
        found[-1].append(token)
    return [tuple(item) for item in found]


def test_sentences_are_permuted_within_their_document():
    segments = np.repeat(documents([60, 140]), 40, axis=0)
    rows = words(40, 200, segments=segments)
    moved = permute_sentences(rows.tokens, find_documents(segments), rows.keys, VOCAB)
    changed = 0
    for row in range(40):
        for start, stop in ((0, 60), (60, 200)):
            before, after = (sentences(array[row, start:stop].tolist()) for array in (rows.tokens, moved))
            whole = moved[row, start:stop].tolist()
            assert Counter(rows.tokens[row, start:stop].tolist()) == Counter(whole)
            for sentence in before:  # each stands somewhere as a whole
                assert any(tuple(whole[at : at + len(sentence)]) == sentence for at in range(len(whole)))
            changed += before != after
    assert changed > 70


def test_every_order_of_sentences_is_alike():
    opener = OTHER[VOCAB.starts_word[OTHER]][0]
    end = ENDS[0]
    tokens = np.tile(np.array([opener, 7, end, opener, 8, end, opener, 10, end], np.int32), (12_000, 1))
    documents_ = find_documents(np.ones_like(tokens))
    moved = permute_sentences(tokens, documents_, row_keys(0, np.arange(12_000)), VOCAB)
    _, numbers = np.unique(moved, axis=0, return_counts=True)
    assert len(numbers) == 6
    assert np.abs(numbers / 12_000 - 1 / 6).max() < 5 * math.sqrt(5 / 36 / 12_000)


def test_rotation_begins_at_every_token_alike():
    tokens = np.tile(np.arange(5, 15, dtype=np.int32), (20_000, 1))
    every = rotate_documents(tokens, find_documents(np.ones_like(tokens)), row_keys(0, np.arange(20_000)), 1.0)
    first = every[:, 0]
    assert (every == 5 + (first[:, None] - 5 + np.arange(10)) % 10).all()
    assert np.abs(np.bincount(first)[5:] / 20_000 - 0.1).max() < 5 * math.sqrt(0.09 / 20_000)
    half = rotate_documents(tokens, find_documents(np.ones_like(tokens)), row_keys(0, np.arange(20_000)), 0.5)
    assert (half[:, 0] != 5).mean() == pytest.approx(0.45, abs=0.02)


def test_sentences_begin_at_documents_and_after_an_end_before_a_word():
    blank = replace(VOCAB, ends_blank=np.arange(VOCAB.size) == 11, closes=np.arange(VOCAB.size) == 12, fingerprint="b")
    end, word, inside = int(ENDS[0]), int(OTHER[VOCAB.starts_word[OTHER]][0]), int(OTHER[~VOCAB.starts_word[OTHER]][0])
    tokens = np.array([word, end, word, end, inside, word, end, 12, 11, inside, end, 12, word, end])
    assert sentence_starts(tokens, np.array([0, 5]), blank).tolist() == [0, 2, 5, 9, 12]
    # A document may begin with closing quotes or white space: its sentences do not depend on what stood before it.
    tokens = np.array([word, end, 12, word, end, 12, 11, word, inside])
    assert sentence_starts(tokens, np.array([0, 2, 6]), blank).tolist() == [0, 2, 6]


def test_bad_settings_and_vocabularies_are_refused():
    for bad in ({"infill": 1.1}, {"infill": 0.6, "delete": 0.5}, {"mean_span": 0.5}, {"rotate": -1.0}):
        with pytest.raises(UserError, match="denoising"):
            BARTDenoising(**bad)
    with pytest.raises(UserError, match="pad token"):
        BARTDenoising(vocab=EMPTY).check(16)
    silent = replace(VOCAB, ends_sentence=np.zeros(VOCAB.size, bool), fingerprint="silent")
    with pytest.raises(UserError, match="end a sentence"):
        BARTDenoising(vocab=silent).check(16)
    BARTDenoising(permute=False, vocab=silent).check(16)
