"""The Kneser-Ney model by sorting is the one that its formulas define, spelled out with dictionaries."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.evaluate import baselines, kneser_ney
from hornbook.evaluate.kneser_ney import grams_of

SIZE = 7


def grams(rows, order):
    found = []
    for row in rows:
        for end in range(len(row)):
            found.append([row[end - back] if end >= back else -1 for back in range(order)])
    return np.array(found, np.int32).reshape(-1, order)


def spelled_out(rows, order):
    """Return p(token, those before it, nearest last) as the module's docstring has it."""
    seen = [Counter() for _ in range(order)]
    before = [defaultdict(set) for _ in range(order)]
    starts = [Counter() for _ in range(order)]
    for row in rows:
        for end in range(len(row)):
            for size in range(1, min(order, end + 1) + 1):
                gram = tuple(row[end + 1 - size : end + 1])
                seen[size - 1][gram] += 1
                if end >= size:
                    before[size - 1][gram].add(row[end - size])
                else:
                    starts[size - 1][gram] += 1
    top = max(size for size in range(order) if seen[size])
    counts = [
        seen[size] if size == top else {gram: len(before[size][gram]) + starts[size][gram] for gram in seen[size]}
        for size in range(top + 1)
    ]
    discounts = []
    for table in counts:
        n = Counter(min(count, 5) for count in table.values())
        if not all(n[count] for count in (1, 2, 3, 4)):
            discounts.append([0, 0.5, 0.5, 0.5])
            continue
        y = n[1] / (n[1] + 2 * n[2])
        raw = [1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]
        discounts.append([0, *(min(max(d, 0.01), most) for d, most in zip(raw, (0.99, 1.99, 2.99), strict=True))])

    def probability(token, history):
        found = 1 / SIZE
        for size in range(min(top, len(history)) + 1):
            h = tuple(history[len(history) - size :])
            table = {gram: count for gram, count in counts[size].items() if gram[:-1] == h}
            if not table:
                break
            taken = {gram: discounts[size][min(count, 3)] for gram, count in table.items()}
            gram = (*h, token)
            mine = table.get(gram, 0) - taken.get(gram, 0)
            found = (mine + sum(taken.values()) * found) / sum(table.values())
        return found

    return probability


rows_of_tokens = st.lists(st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=30), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(rows_of_tokens, rows_of_tokens, st.integers(1, 5))
def test_it_is_its_formulas(training, held_out, order):
    model, expected = kneser_ney.kneser_ney(grams(training, order), SIZE), spelled_out(training, order)
    found = model.probabilities(grams(held_out, order))
    wanted = [expected(row[end], row[max(0, end - order + 1) : end]) for row in held_out for end in range(len(row))]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(rows_of_tokens, st.lists(st.integers(0, SIZE - 1), max_size=6))
def test_it_is_a_probability_after_every_history(training, history):
    model = kneser_ney.kneser_ney(grams(training, 5), SIZE)
    asked = [[token, *history[::-1][:4], *[-1] * max(0, 4 - len(history))] for token in range(SIZE)]
    found = model.probabilities(np.array(asked))
    assert found.sum() == pytest.approx(1) and (found > 0).all()


def test_the_grams_of_a_batch_stay_in_their_document_and_row():
    from test_perplexity import VOCAB

    from hornbook.batch import Rows
    from hornbook.objectives.causal import Causal

    tokens = np.array([[1, 5, 6, 2, 1, 7, 8], [9, 10, 11, 2, 1, 5, 0]], np.int32)
    segments = np.array([[1, 1, 1, 1, 2, 2, 2], [1, 1, 1, 1, 2, 2, 0]], np.int32)
    batch = Causal(VOCAB)(Rows(tokens, np.zeros(2, np.uint64), segments))
    assert grams_of(batch, 4).tolist() == [
        [5, 1, -1, -1], [6, 5, 1, -1], [2, 6, 5, 1], [7, 1, -1, -1], [8, 7, 1, -1],
        [10, 9, -1, -1], [11, 10, 9, -1], [2, 11, 10, 9], [5, 1, -1, -1],
    ]  # fmt: skip


def test_what_it_counts_is_bounded_and_comes_from_all_over(monkeypatch):
    from test_perplexity import SIZE, VOCAB, causal_batch

    monkeypatch.setattr(baselines, "MOST_GRAMS", 12)
    training = [causal_batch([1, 5, 6, 7]) for _ in range(10)] + [causal_batch([1, 8, 9, 10]) for _ in range(10)]
    found = baselines.baselines(training, [causal_batch([1, 8, 9, 10])], SIZE, VOCAB, next_token=True, expected=60)
    assert found.counted == (60, 12)
    assert found.loss["Kneser-Ney 5-gram"] < math.log(3)  # it saw the second half too
    assert list(found.loss) == list(found.text_nats) == ["unigram", "bigram", "Kneser-Ney 5-gram"]
    assert found.text_nats["bigram"] == pytest.approx(3 * found.loss["bigram"])
