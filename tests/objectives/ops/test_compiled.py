"""Compiled functions give what their numpy bodies give, bit for bit, and where they cannot serve nobody notices."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lawful_objectives import OBJECTIVES, rows_for
from small_vocab import WORDS, vocabulary

import hornbook
from hornbook.batch import Rows
from hornbook.corpus.document import Document
from hornbook.keys import fold, permute, row_keys
from hornbook.objectives.bart import BARTDenoising
from hornbook.objectives.causal import Causal
from hornbook.objectives.masked import Masked
from hornbook.objectives.ops import compiled, noise, rewrite, sentences, words
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.objectives.ul2 import UL2
from hornbook.tokens import order as orders
from hornbook.tokens.order import Ascending, Mixed, Shuffled
from hornbook.tokens.packing import PackedRows, PairedRows
from hornbook.tokens.shards import TokenStore, write_store

pytest.importorskip("numba")
VOCAB = vocabulary()
# Half of the words are white space alone.
BLANKS = dataclasses.replace(VOCAB, is_blank=(np.arange(VOCAB.size) % 2 == 0) & ~VOCAB.special)
examples = settings(deadline=None, max_examples=60)


@pytest.fixture(scope="module", autouse=True)
def always():
    """Kernels serve arrays of any size, and a failure of numba is an error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "WORTH", 0)
        yield
    assert not compiled._broken


@pytest.fixture
def afresh(monkeypatch):
    """As in a process that has not yet called a kernel."""
    monkeypatch.setattr(compiled, "_ready", set())
    monkeypatch.setattr(compiled, "_broken", set())
    compiled.kernels.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    compiled.kernels.cache_clear()


def parts(value: object) -> list[object]:
    """Return the arrays and numbers that a result is made of."""
    if dataclasses.is_dataclass(value):
        value = tuple(getattr(value, field.name) for field in dataclasses.fields(value))
    return [part for item in value for part in parts(item)] if isinstance(value, tuple) else [value]


def equal(left: object, right: object) -> bool:
    pairs = list(zip(parts(left), parts(right), strict=True))
    return all((a is None) == (b is None) for a, b in pairs) and all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs if a is not None
    )


def agrees(function, *given, serves=(), **named):
    """Whether a function does the same with kernels and without; those named in `serves` must not leave it to numpy."""
    with compiled.numpy_alone():
        expected = function(*given, **named)
    served = []
    with pytest.MonkeyPatch.context() as patch:
        call = compiled._call

        def spy(name, arguments):
            found = call(name, arguments)
            served.append((name, found is not None))
            return found

        patch.setattr(compiled, "_call", spy)
        found = function(*given, **named)
    assert {name for name, done in served if done} >= set(serves)
    return equal(found, expected)


@st.composite
def any_rows(draw: st.DrawFn) -> Rows:
    """Rows of any size and either type of token: one document, packed, ragged, empty; also longer than 4,096."""
    number, length = draw(st.integers(0, 4)), draw(st.one_of(st.integers(1, 90), st.sampled_from([512, 4097])))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    tokens = random.choice(WORDS, (number, length)).astype(draw(st.sampled_from([np.int32, np.int64])))
    marked = random.random((number, length)) < draw(st.sampled_from([0.0, 0.1, 0.9, 1.0]))
    tokens[marked] = random.integers(0, 5, int(marked.sum()))
    keys = row_keys(draw(st.integers(0, 100)), np.arange(number), 0)
    if draw(st.booleans()):
        return Rows(tokens, keys)
    segments = np.zeros((number, length), np.int32)
    mean = draw(st.sampled_from([1, 2, 5, 20, 300]))
    for row in segments:
        real = draw(st.sampled_from([length, length, length - 1, 1, 0, length // 2]))
        row[:real] = 1 + (random.random(real) < 1 / mean).cumsum()
    return Rows(tokens, keys, segments)


@examples
@given(rows=any_rows(), rate=st.sampled_from([0.0, 0.01, 0.15, 0.5, 1.0]), seed=st.integers(0, 2**32))
def test_masks(rows, rate, seed):
    assert agrees(noise.candidates, rows, VOCAB.special, serves=["candidates"])
    free = noise.candidates(rows, VOCAB.special)
    each = np.random.default_rng(seed).integers(0, free.sum(axis=1) + 1)
    for counts in (each, np.rint(free.sum(axis=1) * rate).astype(np.int64)):
        assert agrees(noise.exact, free, counts, rows.keys, serves=["exact"])
    assert agrees(noise.bernoulli, free, rate, rows.keys, serves=["bernoulli"])
    assert agrees(noise.bernoulli, free, np.full((len(rows), 1), rate), rows.keys, serves=["bernoulli"])


@examples
@given(rows=any_rows(), shares=st.sampled_from([(0.8, 0.1), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.5, 0.5)]))
def test_what_inputs_show(rows, shares):
    chosen = noise.bernoulli(np.ones(rows.tokens.shape, bool), 0.3, rows.keys)
    given = rows.tokens, chosen, rows.keys, 4, *shares, VOCAB.words
    assert agrees(rewrite.substitute, *given, serves=["substitute"])
    together = np.flatnonzero(chosen) // 3 * 3
    assert agrees(rewrite.substitute, *given, together, serves=["substitute"])


@examples
@given(
    rows=any_rows(), rate=st.sampled_from([0.0, 0.02, 0.15, 0.6, 1.0]), law=st.sampled_from([words.NGRAMS, words.SPANS])
)
def test_units(rows, rate, law):
    assert agrees(words.words, rows, VOCAB, serves=["words"])
    assert agrees(words.words, rows, BLANKS, serves=["words"])
    free, begins = words.words(rows, VOCAB)
    assert agrees(words.tile, free, begins, rows.segments, law, rows.keys, serves=["tile"])
    counts = np.rint(free.sum(axis=1) * rate).astype(np.int64)
    joined = words.tile(free, begins, rows.segments, law, rows.keys)
    for edges, cut in ((begins, False), (begins, True), (joined, True), (joined, False)):
        assert agrees(words.choose, free, edges, counts, rows.keys, cut=cut, serves=["choose"])


@examples
@given(rows=any_rows(), seed=st.integers(0, 2**32), some=st.booleans())
def test_spans(rows, seed, some):
    own = np.ones(rows.tokens.shape, np.int32) if rows.segments is None else rows.segments
    random = np.random.default_rng(seed)
    real = np.count_nonzero(own, axis=1)
    tokens = random.integers(np.minimum(real // 2, 1), real // 2 + 1)
    spans = np.minimum(random.integers(1, np.maximum(tokens, 1) + 1), tokens)
    suffix = random.random(len(rows)) < 0.5 if some else None
    if suffix is not None:
        spans = np.where(suffix, np.minimum(spans, 1), spans)
    assert agrees(noise.spans, own, tokens, spans, rows.keys, suffix, serves=["spans"])
    assert agrees(noise.find_documents, own, serves=["find_documents"])


@examples
@given(rows=any_rows())
def test_sentences(rows):
    own = np.ones(rows.tokens.shape, np.int32) if rows.segments is None else rows.segments
    documents = noise.find_documents(own)
    assert agrees(sentences.permute_sentences, rows.tokens, documents, rows.keys, VOCAB, serves=["permute_sentences"])


@examples
@given(rows=any_rows(), seed=st.integers(0, 2**32), kind=st.sampled_from(["nsp", "sop"]))
def test_pairs(rows, seed, kind):
    random = np.random.default_rng(seed)
    real = (rows.real.cumsum(axis=1) == np.arange(1, rows.tokens.shape[1] + 1)).astype(np.int32)
    width = int(random.integers(1, 90))
    companion = random.choice(WORDS, (len(rows), width)).astype(rows.tokens.dtype)
    companion[np.arange(width) >= random.integers(0, width + 1, len(rows))[:, None]] = -1
    for other in (companion, None):
        pairs = Rows(rows.tokens, rows.keys, real, companion=other)
        assert agrees(SentencePairs(kind=kind, short=0.5, vocab=VOCAB), pairs, serves=["pair"])


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_every_objective_gives_the_same_batches(objective, data):
    rows = data.draw(rows_for(objective))
    assert agrees(objective, rows)
    wide = dataclasses.replace(rows, tokens=rows.tokens.astype(np.int64))
    assert agrees(objective, wide)


SERVED = [
    (Causal(VOCAB), ["causal"]),
    (Masked(vocab=VOCAB), ["candidates", "exact", "substitute"]),
    (Masked(style="whole_word", vocab=VOCAB), ["words", "choose"]),
    (Masked(style="ngram", vocab=VOCAB), ["words", "tile", "choose"]),
    (SpanCorruption(vocab=VOCAB), ["spans", "build"]),
    (UL2(vocab=VOCAB), ["spans", "build"]),
    (BARTDenoising(vocab=VOCAB), ["infill", "permute_sentences", "mend"]),
]


@pytest.mark.parametrize(("objective", "names"), SERVED, ids=lambda value: repr(value)[:20])
def test_full_rows_are_never_left_to_numpy(objective, names):
    random = np.random.default_rng(0)
    length = objective.row_length(256)
    tokens = random.choice(WORDS, (8, length)).astype(np.int32)
    segments = (1 + (random.random((8, length)) < 0.02).cumsum(axis=1)).astype(np.int32)
    assert agrees(objective, Rows(tokens, row_keys(0, np.arange(8), 0), segments), serves=names)


@examples
@given(st.integers(-(2**70), 2**70), st.integers(1, 5000), st.lists(st.integers(0, 2**40), max_size=40))
def test_draws_of_a_step(seed, size, examples):
    example = np.array(examples, np.int64)
    for order in (
        Shuffled(size),
        Shuffled(size, 3),
        Ascending(size),
        Mixed((Shuffled(size),) * 2, (0, size), (400, 600)),
    ):
        assert agrees(order.locate, seed, example)
    assert agrees(Shuffled(size).locate, seed, example, serves=["folded", "permute"])
    epoch, row = Shuffled(size).locate(seed, example)
    keys = orders.folded(seed, row, epoch)
    assert keys.tolist() == row_keys(seed, row, epoch).tolist()
    assert orders.folded(seed, -2, epoch).tolist() == fold(np.uint64(seed % 2**64), -2, epoch).tolist()
    assert agrees(orders.permute, row, size, keys, serves=["permute"])
    assert orders.permute(row, size, keys).tolist() == [int(permute(row[n], size, keys[n])) for n in range(len(row))]
    with pytest.raises(ValueError, match="out of range"):
        orders.permute(np.array([size]), size, np.array([1], np.uint64))


class CodePoints:
    """A tokenizer for which each character is the token of its number."""

    vocab = VOCAB

    def encode(self, texts):
        return [np.array([ord(letter) for letter in text], np.int32) for text in texts]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> TokenStore:
    """Some 6,000 tokens in 60 documents and several parts; every fifth document has none."""
    random, folder = np.random.default_rng(1), tmp_path_factory.mktemp("store") / "tokens"
    lengths = [0 if number % 5 == 4 else int(random.integers(1, 250)) for number in range(60)]
    texts = ["".join(map(chr, random.choice(WORDS, length))) for length in lengths]
    write_store((Document(text, "", "") for text in texts), CodePoints(), folder, part_bytes=3000)
    found = TokenStore.open(folder, VOCAB)
    assert len(found.parts) > 2
    return found


@pytest.mark.parametrize("marks", [((), ()), ((1,), (2,)), ((), (2,)), ((1, 3), (2, 2, 1))])
@examples
@given(data=st.data())
def test_rows_of_a_store(store, marks, data):
    chosen = data.draw(st.one_of(st.none(), st.lists(st.sampled_from([0, 3, 7, 11, 12, 40, 58]), min_size=1)))
    lengths = data.draw(st.lists(st.integers(4, 400), min_size=1, max_size=3))
    packed = PackedRows(store, None if chosen is None else np.array(chosen), lengths, 1, marks)
    kind = data.draw(st.integers(0, min(len(lengths), len(packed)) - 1))
    same = np.arange(kind, len(packed), len(lengths))
    index = np.array(data.draw(st.lists(st.sampled_from(same.tolist()), max_size=6)), np.int64)
    assert agrees(packed.rows, index, row_keys(0, index), serves=["pack"])
    assert agrees(packed.rows, same, row_keys(0, same), serves=["pack", "copy_pieces"])
    with pytest.raises(ValueError, match="different lengths"):
        PackedRows(store, None, [9, 16], 1, marks).rows(np.array([0, 1]), row_keys(0, np.arange(2)))


def test_rows_of_pairs_of_a_store(store):
    paired = PairedRows(store, None, 100, 30)
    index = np.arange(len(paired))
    assert agrees(paired.rows, index, row_keys(0, index), serves=["copy_pieces"])


def test_pieces_outside_their_part_are_never_copied(store):
    one = np.array([1])
    for source, count, at in ((-1, 5, 0), (0, 10**6, 0), (0, 5, 8), (0, 5, -1)):
        into = np.zeros(10, np.int32)
        with pytest.raises(IndexError):
            compiled.kernels().copy_pieces(
                into, store.parts[1].tokens, 1, one, *(one * 0 + [source, count, at])[:, None]
            )
        assert not into.any()


def test_what_is_wrong_is_said_as_without_numba():
    rows = Rows(np.full((2, 8), 10**6, np.int32), row_keys(0, np.arange(2)))
    with pytest.raises(IndexError):
        noise.candidates(rows, VOCAB.special)
    with pytest.raises(IndexError):
        words.words(rows, VOCAB)
    with pytest.raises(ValueError, match="Padding"):
        noise.find_documents(np.array([[0, 1]], np.int32))
    with pytest.raises(ValueError, match="Padding"):
        noise.spans(np.array([[1, 0, 1, 1]], np.int32), np.array([1]), np.array([1]), rows.keys[:1])


def test_arrays_in_any_order_serve():
    free = np.asfortranarray(np.arange(64).reshape(2, 32) % 3 != 0)
    counts, keys = np.array([[3, 0], [5, 0]])[:, 0], np.repeat(row_keys(0, np.arange(2)), 2)[::2]
    assert agrees(noise.exact, free, counts, keys, serves=["exact"])


def test_without_numba_the_numpy_bodies_serve(afresh):
    allowed, keys = np.ones((4, 32), bool), row_keys(0, np.arange(4))
    expected = noise.exact(allowed, np.full(4, 5), keys)
    compiled.kernels.cache_clear()
    afresh.setitem(sys.modules, "numba", None)
    assert compiled.kernels() is None
    assert np.array_equal(noise.exact(allowed, np.full(4, 5), keys), expected)


def test_a_kernel_that_fails_is_not_asked_again(afresh):
    asked = []

    def fails(*given):
        asked.append(given)
        raise RuntimeError("the compiler is confused")

    afresh.setattr(compiled.kernels(), "exact", fails)
    allowed, keys = np.ones((4, 32), bool), row_keys(0, np.arange(4))
    for _ in range(3):
        found = noise.exact(allowed, np.full(4, 5), keys)
    with compiled.numpy_alone():
        assert np.array_equal(found, noise.exact(allowed, np.full(4, 5), keys))
    assert len(asked) == 1


SCRIPT = """
import hashlib, sys, threading
import numpy as np
from hornbook.batch import Rows
from hornbook.corpus.document import Document
from hornbook.keys import fold, permute, row_keys
from hornbook.objectives.ops import compiled, noise
assert "numba" not in sys.modules
def masks(number):
    allowed = np.arange(number * 64).reshape(number, 64) % 7 != 0
    return noise.exact(allowed, np.full(number, 9), row_keys(0, np.arange(number)))
compiled.WORTH = 8_000
for _ in range(3):
    masks(32)  # 2,048 positions
assert "numba" not in sys.modules  # for so little
if sys.argv[1:]:  # numba finds no place that it may write to
    import numba.core.caching
    numba.core.caching.CacheImpl._locator_classes = []
with compiled.numpy_alone():
    expected = masks(64)
found = [None] * 4
def call(number):
    found[number] = masks(64)
threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert all(np.array_equal(item, expected) for item in found)
print(sorted(compiled._ready), sorted(compiled._broken), compiled.kernels() is not None)
"""


def begin(cache: Path, *given: str) -> subprocess.Popen[str]:
    source = str(Path(hornbook.__file__).parent.parent)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": source}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *given], env=environment, stdout=pipe, stderr=pipe, text=True
    )


def test_where_nothing_can_be_cached_numpy_serves_silently(tmp_path):
    out, complaints = begin(tmp_path, "no place").communicate()
    assert (out, complaints) == ("[] [] False\n", "")


@pytest.mark.slow
def test_threads_and_processes_may_compile_at_once(tmp_path):
    for _ in range(2):  # the second time from the cache
        for process in [begin(tmp_path) for _ in range(2)]:
            out, complaints = process.communicate()
            assert (out, complaints) == ("['exact'] [] True\n", "")
    assert list(tmp_path.rglob("*.nbc"))
