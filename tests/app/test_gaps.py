"""The masked word: every model's chances of a word are what its weights say, by whichever way it is asked."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scoring import small_tokenizer
from spoken_models import CPU, KINDS, answers, name_of, opened, tiny_tokenizer, told, watched, without_marks

from hornbook.app.spoken.chances import gap_nats, read_gap
from hornbook.app.spoken.gaps import gap
from hornbook.app.spoken.models import Models
from hornbook.app.spoken.requests import GapRequest, WriteRequest
from hornbook.app.spoken.writing import write
from hornbook.batch import Batch
from hornbook.errors import UserError
from hornbook.evaluate.scoring.gaps import gap_way
from hornbook.evaluate.scoring.lines import before_logits
from hornbook.evaluate.scoring.lines import log_chances as chances_of
from hornbook.generate.words import WordList
from hornbook.model.inputs import to_tensors
from hornbook.run.directory import OpenRun
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, make_tokenizer

TEXT = "the ___ sees the old mouse ."
ANY = pytest.mark.parametrize("kind", KINDS, ids=name_of)


def changed(tokenizer: Tokenizer, part: str, value: Any) -> Tokenizer:
    """Return a tokenizer of which a part works another way."""
    return make_tokenizer(json.dumps({**json.loads(tokenizer.text), part: value}), {})


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tiny_tokenizer()


def every_word(tokenizer: Tokenizer) -> list[str]:
    """Return all words of one piece, and as many of two and three."""
    vocab = tokenizer.vocab
    names = tokenizer.tokens(range(vocab.size))
    single = [name for name, starts in zip(names, vocab.starts_word, strict=True) if starts]
    ends = [name.removeprefix("##") for name in names if name.startswith("##")]
    return [*single, *("cat" + end for end in ends), *("tree" + first + "ly" for first in ends)]


def log_chances(run: OpenRun, **given: Any) -> torch.Tensor:
    """Return the log-probabilities [B, T, V] of rows of one length, by `model.logits`."""
    batch = {name: None if value is None else np.array(value) for name, value in given.items()}
    said = batch.get("decoder_inputs")
    said = batch["inputs"] if said is None else said
    ones = np.ones(said.shape, np.float32)
    tensors = to_tensors(Batch(targets=said, weights=ones, count=np.ones(len(said)), **batch), CPU)
    model: Any = run.model
    with torch.no_grad():
        return model.logits(tensors).double().log_softmax(-1)


def total(log: torch.Tensor, places: Sequence[int], targets: Sequence[int]) -> float:
    return -sum(float(log[place, target]) for place, target in zip(places, targets, strict=True))


def brute_force(
    run: OpenRun, kind: str, settings: Any, left: list[int], right: list[int], words: list[list[int]]
) -> list[float]:
    """Return the nats of words of one length in the gap, from the table of the page, in the plainest way."""
    vocab = run.tokenizer.vocab
    assert vocab.cls is not None and vocab.sep is not None and vocab.mask is not None
    cls, sep, mask, pad, length = vocab.cls, vocab.sep, vocab.mask, vocab.pad or 0, len(words[0])
    modes = dict(vocab.modes)
    if kind in ("masked", "nsp", "sop", "diffusion"):
        nats = np.zeros(len(words))
        for place in range(length):
            rows = [[cls, *left, *word[:place], *[mask] * (length - place), *right, sep] for word in words]
            log = log_chances(run, inputs=rows)[:, 1 + len(left) + place]
            nats -= [float(one[word[place]]) for one, word in zip(log, words, strict=True)]
        return nats.tolist()
    if kind == "replaced":
        rows, model = np.array([[cls, *left, *word, *right, sep] for word in words]), run.model
        tensors = to_tensors(Batch(rows, rows, np.zeros(rows.shape, np.float32), np.ones(len(rows))), CPU)
        logits, _ = model.judged(tensors)  # nothing is scored, so nothing is replaced
        judged = torch.sigmoid(logits.double())[:, 1 + len(left) : 1 + len(left) + length]
        return (-torch.log(1 - judged).sum(1)).tolist()
    texts, places = [[*word, *right] for word in words], range(len(left), len(left) + length + len(right))
    first, second = vocab.sentinels[:2]
    ends: list[int] = []
    if kind in ("causal", "mixture"):
        log = log_chances(run, inputs=[[cls, *left, *text] for text in texts])
    elif kind == "prefix" and settings:
        places = range(len(texts[0]))
        log = log_chances(run, inputs=[left] * len(texts), decoder_inputs=[[pad, *text] for text in texts])
    elif kind == "prefix":
        visible = [[True] * (1 + len(left)) + [False] * len(texts[0])] * len(texts)
        log = log_chances(run, inputs=[[cls, *left, *text] for text in texts], visible=visible)
    elif kind == "bart":
        reads = [[*left, mask, *right, sep]] * len(texts)
        log = log_chances(run, inputs=reads, decoder_inputs=[[pad, *left, *text] for text in texts])
    elif kind == "fim":
        before, behind, middle = (modes[f"<fim_{name}>"] for name in ("prefix", "suffix", "middle"))
        asked = [cls, before, *left, behind, *right, middle]
        if settings:
            asked = [cls, before, behind, *right, middle, *left]
        log, texts, ends = log_chances(run, inputs=[[*asked, *word] for word in words]), words, [sep]
    else:
        texts, ends = words, [sep, second]
        reads = [[*([modes["[R]"]] if kind.startswith("ul2") else []), *left, first, *right, sep]] * len(words)
        if kind == "joined":
            rows = [[*read, pad, first, *word] for read, word in zip(reads, words, strict=True)]
            sees = [[place < len(reads[0]) for place in range(len(rows[0]))]] * len(rows)
            log = log_chances(run, inputs=rows, visible=None if settings else sees)
        else:
            log = log_chances(run, inputs=reads, decoder_inputs=[[pad, first, *word] for word in words])
    if ends:
        places = range(log.shape[1] - length - 1, log.shape[1] - 1)
    nats = [total(one, places, text) for one, text in zip(log, texts, strict=True)]
    return [
        each - (math.log(sum(float(one[-1, end].exp()) for end in ends)) if ends else 0.0)
        for each, one in zip(nats, log, strict=True)
    ]


@ANY
def test_chances_are_those_of_brute_force_for_every_word(kind: Any, tokenizer: Tokenizer) -> None:
    run = opened(kind[0], tokenizer, kind[1], padded=6)
    text, words = read_gap(run, TEXT), every_word(tokenizer)
    found: dict[str, Any] = {}
    for part in watched(gap_nats(run, TEXT, words)):
        assert not set(part) & set(found)
        found |= part
    assert set(found) == set(words) and len(words) >= 64
    name, settings = kind
    if name == "mixture" and settings:
        name, settings = "span", {}
    spelled = {word: ids.tolist() for word, ids in zip(words, tokenizer.encode(words), strict=True)}
    for pieces in (1, 2, 3):
        alike = [word for word in words if len(spelled[word]) == pieces]
        sides = list(text.gap.left), list(text.gap.right)
        wanted = brute_force(run, name, settings, *sides, [spelled[word] for word in alike])
        assert [found[word].nats for word in alike] == pytest.approx(wanted, abs=1e-5)
        assert {found[word].pieces for word in alike} == {pieces}


@pytest.mark.parametrize("kind", [("causal", {}), ("prefix", {})], ids=name_of)
def test_a_word_given_what_is_before_it_ends_where_the_next_begins(kind: Any, tokenizer: Tokenizer) -> None:
    run = opened(kind[0], tokenizer, kind[1], padded=6)
    vocab, words = tokenizer.vocab, every_word(tokenizer)
    text = read_gap(run, TEXT)
    assert vocab.cls is not None
    found = {word: chance for part in gap_nats(run, TEXT, words) for word, chance in part.items()}
    begins = np.flatnonzero(vocab.starts_word | vocab.special)
    for word, ids in zip(words, tokenizer.encode(words), strict=True):
        row = [vocab.cls, *text.gap.left, *ids.tolist()]
        visible = [[place < 1 + len(text.gap.left) for place in range(len(row))]] if kind[0] == "prefix" else None
        log = log_chances(run, inputs=[row], visible=visible)[0, -len(ids) - 1 :]
        ends = 0.0 if word[-1] in ",." else math.log(float(log[-1, begins].exp().sum()))
        assert found[word].left == pytest.approx(total(log, range(len(ids)), ids.tolist()) - ends, abs=1e-5)
    # "cat" is not "cats": what all words of up to three pieces have together is below one.
    assert sum(math.exp(-found[word].left) for word in words) < 1


@pytest.mark.parametrize("kind", [("fim", {}), ("span", {}), ("ul2", {}), ("joined", {})], ids=name_of)
def test_texts_of_at_most_two_tokens_and_the_longer_ones_have_all_of_the_probability(
    kind: Any, tokenizer: Tokenizer
) -> None:
    run = opened(kind[0], tokenizer, kind[1])
    way, place = gap_way(run.recipe.objective, tokenizer.vocab), read_gap(run, TEXT).gap
    assert way is not None
    size, ends = tokenizer.vocab.size, sorted(way.ends)
    others = [token for token in range(size) if token not in way.ends]
    model: Any = run.model

    def chances(prefixes: list[tuple[int, ...]]) -> torch.Tensor:
        """Return p of what comes next behind tokens in the gap, [B, V], by another way than the scores have."""
        lines = [way.piece(place, prefix, 0) for prefix in prefixes]
        given: dict[str, Any] = {"inputs": [list(line.inputs) for line in lines]}
        if lines[0].behind is not None:
            given["decoder_inputs"] = [list(line.behind or ()) for line in lines]
        elif lines[0].sighted:
            given["visible"] = [[at < line.sighted for at in range(len(line.inputs))] for line in lines]
        return log_chances(run, **given)[:, -1].exp()

    (first,) = chances([()])
    second = chances([(token,) for token in range(size)])
    short = float(first[ends].sum() + (first[others] * second[others][:, ends].sum(1)).sum())
    longer = float((first[others] * second[others][:, others].sum(1)).sum())
    assert short + longer == pytest.approx(1.0, abs=1e-6)
    assert model.config.vocab_size == size
    # The words' own shares are parts of it: what is said to be outside is what is left.
    single = [
        name for name, starts in zip(tokenizer.tokens(range(size)), tokenizer.vocab.starts_word, strict=True) if starts
    ]
    event = told(answers([run], gap, GapRequest((0,), TEXT, tried=tuple(single))), "gap")[0]
    by_name = {row["text"]: row["share"] for row in event["words"]}
    for name, ids in zip(single, tokenizer.encode(single), strict=True):
        token = int(ids[0])
        assert by_name[name] == pytest.approx(float(first[token] * second[token, ends].sum()), abs=1e-6)
    assert event["outside"] == pytest.approx(1 - sum(by_name.values()), abs=1e-6)


def test_chances_of_a_byte_level_model_take_the_blank_before_the_gap_as_a_part_of_the_word() -> None:
    """ "cat" is several pieces for a small vocabulary, and one mask can never say it."""
    tokenizer = small_tokenizer()
    run = opened("masked", tokenizer)
    for text, spelled in (("The quick ___ jumps", " brown"), ("___ quick brown", "The"), ("The (___) jumps", "fox")):
        read = read_gap(run, text)
        word = spelled.strip()
        (found,) = [part[word] for part in gap_nats(run, text, [word]) if word in part]
        assert found is not None
        ids = tokenizer.encode([spelled])[0].tolist()
        wanted = brute_force(run, "masked", {}, list(read.gap.left), list(read.gap.right), [ids])
        assert found.pieces == len(ids) and [found.nats] == pytest.approx(wanted, abs=1e-5)


def test_all_models_are_asked_for_one_list_of_words(tokenizer: Tokenizer) -> None:
    runs = [opened(kind, tokenizer, settings, padded=6) for kind, settings in KINDS[:8]]
    events = answers(runs, gap, GapRequest(tuple(range(8)), TEXT, guess="Cat", answer="dog"))
    (words,) = told(events, "words")
    assert words["tried"][:3] == ["Cat", "cat", "dog"] and len(words["tried"]) == len(set(words["tried"])) <= 64
    gaps = told(events, "gap")
    assert [event["run"] for event in gaps] == list(range(8))
    for event in gaps:
        rows = event["words"]
        assert sorted(row["text"] for row in rows) == sorted(words["tried"])
        shares = [row["share"] for row in rows]
        assert shares == sorted(shares, reverse=True) and event["how"]
        assert rows[event["answer"]]["text"] == "dog"
        assert event["guess"] == min(place for place, row in enumerate(rows) if row["text"] in ("Cat", "cat"))
        assert event["exact"] == (event["kind"] in ("masks", "strings"))
        if event["kind"] == "sentence":
            assert event["outside"] is None and sum(shares) == pytest.approx(1.0)
        assert all(row["text"].isalpha() for row in rows), "no signs and no halves of words are tried"


def test_a_model_proposes_the_words_that_it_finds_likely_and_whole(tokenizer: Tokenizer) -> None:
    """Of all words of one piece the likeliest ones are among those tried, without anybody naming them."""
    for kind in ("masked", "fim", "span", "replaced"):
        run = opened(kind, tokenizer, {})
        events = answers([run], gap, GapRequest((0,), TEXT))
        tried = told(events, "words")[0]["tried"]
        way = gap_way(run.recipe.objective, tokenizer.vocab)
        assert way is not None
        line = way.piece(read_gap(run, TEXT).gap, (), 1)
        log = chances_of(before_logits(run.model, [line], CPU))[-1].numpy()
        words = [
            token for token in np.flatnonzero(tokenizer.vocab.starts_word) if run.tokenizer.decode([token]).isalpha()
        ]
        best = sorted(words, key=lambda token: -log[token])[:5]
        if kind in ("masked", "replaced"):  # a string may be likely to go on
            assert {tokenizer.decode([token]) for token in best} <= set(tried)
        assert len(tried) > 16


def test_a_word_that_the_tokenizer_cannot_spell_has_no_number_and_others_have(tokenizer: Tokenizer) -> None:
    run = opened("masked", tokenizer)
    (event,) = told(answers([run], gap, GapRequest((0,), TEXT, tried=("cat", "xylophone"))), "gap")
    assert event["words"][0]["text"] == "cat"
    assert event["words"][1] == {"text": "xylophone", "pieces": None, "nats": None, "share": None, "left": None}


def test_a_diffusion_model_shows_the_film_of_its_gap(tokenizer: Tokenizer) -> None:
    run = opened("diffusion", tokenizer)
    events = answers([run], gap, GapRequest((0,), TEXT, guess="cat", masks=4))
    film = told(events, "film")
    assert [event["step"] for event in film] == [1, 2, 3, 4]
    places = [filled["place"] for event in film for filled in event["filled"]]
    assert sorted(places) == [0, 1, 2, 3] and "___" not in film[-1]["text"]
    # The surest mask is filled first: by hand, from the model's own logits.
    read, vocab = read_gap(run, TEXT), tokenizer.vocab
    assert vocab.cls is not None and vocab.sep is not None and vocab.mask is not None
    row = [vocab.cls, *read.gap.left, *[vocab.mask] * 4, *read.gap.right, vocab.sep]
    log = log_chances(run, inputs=[row])[0, 1 + len(read.gap.left) :][:4]
    chances = log.masked_fill(torch.from_numpy(vocab.special), -torch.inf).softmax(-1)
    assert film[0]["filled"][0]["place"] == int(chances.max(-1).values.argmax())
    assert film[0]["filled"][0]["p"] == pytest.approx(float(chances.max()), abs=1e-6)


def test_the_unigram_model_plays_along(tokenizer: Tokenizer) -> None:
    models = Models.of([opened("masked", tokenizer)])
    vars(models.get(0))["words"] = WordList({"the": 60, "cat": 30, "dog": 9}, "of the test")
    event = told(answers(models, gap, GapRequest((0,), TEXT, "cat")), "gap")[-1]
    assert event["run"] is None and event["kind"] == "unigram"
    shares = {row["text"]: row["share"] for row in event["words"]}
    assert shares["the"] == pytest.approx(61 / 103) and shares["dog"] == pytest.approx(10 / 103)
    assert event["outside"] == pytest.approx(1 / 103)  # never seen


def test_what_cannot_be_asked_is_refused_in_words_and_the_others_go_on(tokenizer: Tokenizer) -> None:
    runs = [opened("masked", tokenizer), opened("causal", tokenizer)]
    for text, words in (("the cat", "no gap"), ("___ or ___", "several gaps")):
        with pytest.raises(UserError, match=words):
            answers(runs, gap, GapRequest((0, 1), text))
    with pytest.raises(UserError, match="No model"):
        answers(runs, gap, GapRequest((), TEXT))
    long = "cat " * 60 + "___ sees"
    events = answers(runs, gap, GapRequest((0, 1, 9), long, "dog"))
    assert {event["run"]: event["why"][:20] for event in told(events, "refused")}.keys() == {0, 1, 9}
    for request in ({"runs": (0,), "text": "x" * 4001}, {"runs": tuple(range(9)), "text": TEXT}, {"runs": (-1,)}):
        with pytest.raises((UserError, TypeError)):
            GapRequest(**{"text": TEXT, **request})


def test_a_gap_at_the_beginning_has_a_word_where_something_predicts_it(tokenizer: Tokenizer) -> None:
    """Behind a start mark, or an encoder, the first word is predicted; a decoder alone predicts nothing of it."""
    for kind in ("causal", "span"):
        request = GapRequest((0,), "___ sees the cat", "cat")
        assert told(answers([opened(kind, tokenizer)], gap, request), "gap")
    (refused,) = told(answers([without_marks(opened("causal", tokenizer))], gap, request), "refused")
    assert "before the first token" in refused["why"]


@pytest.mark.parametrize("kind", ["masked", "causal", "span", "replaced"])
def test_however_little_a_step_computes_the_chances_are_the_same(
    kind: str, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, words = opened(kind, tokenizer), every_word(tokenizer)
    whole = list(gap_nats(run, TEXT, words))
    monkeypatch.setattr("hornbook.app.spoken.chances.step_positions", lambda run: 40)
    small = list(watched(gap_nats(run, TEXT, words)))
    assert len(small) > 2 * len(whole)
    found, again = ({word: chance for part in parts for word, chance in part.items()} for parts in (whole, small))
    assert [again[word].nats for word in words] == pytest.approx([found[word].nats for word in words], abs=1e-5)


def test_generators_in_turn_say_what_each_says_alone(tokenizer: Tokenizer) -> None:
    models = Models.of([opened("masked", tokenizer), opened("causal", tokenizer), opened("span", tokenizer)])
    asked = [
        (gap, GapRequest((0, 1, 2), TEXT, "cat")),
        (write, WriteRequest(1, "the cat")),
        (gap, GapRequest((2, 1), "the man ___ the dog", "sees")),
    ]
    alone = [answers(models, address, request) for address, request in asked]
    running = [watched(address(models, request)) for address, request in asked]
    together: list[list[dict[str, Any]]] = [[] for _ in asked]
    for row in itertools.zip_longest(*running):
        for events, event in zip(together, row, strict=True):
            events += [] if event is None else [event]
    assert together == alone


@pytest.mark.parametrize("kind", ["causal", "masked", "fim"])
def test_words_that_a_tokenizer_reads_alike_are_one_word_of_the_sum(kind: str, tokenizer: Tokenizer) -> None:
    run = opened(kind, changed(tokenizer, "normalizer", {"type": "Lowercase"}))
    both, one = (
        told(answers([run], gap, GapRequest((0,), TEXT, guess, "", ("dog",))), "gap")[0] for guess in ("Cat", "cat")
    )
    shares = {word["text"]: word["share"] for word in both["words"]}
    assert shares["Cat"] == shares["cat"]
    assert shares == pytest.approx({word["text"]: word["share"] for word in one["words"]} | {"Cat": shares["cat"]})
    assert both["outside"] == pytest.approx(one["outside"]) and both["total"] == pytest.approx(one["total"])
    (answered,) = told(answers([run], gap, GapRequest((0,), TEXT, "Cat", "cat", ("dog",))), "gap")
    order = [word["text"] for word in answered["words"]]
    assert order.index("cat") + 1 == order.index("Cat")  # the one that stood there is not behind its twin
    assert kind != "causal" or shares["cat"] + shares["dog"] == pytest.approx(1)


@pytest.mark.parametrize("scheme", ["always", "first", "never"])
def test_no_blank_is_put_behind_the_gap_where_none_stands(scheme: str) -> None:
    pieces = [
        "<unk>",
        "\u2581",
        "\u2581the",
        "\u2581cat",
        "cat",
        "(",
        ")",
        ".",
        "\u2581.",
        "s",
        "\u2581is",
        "\u2581a",
        "a",
    ]
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": True}
    model = {"type": "Unigram", "unk_id": 0, "vocab": [[piece, -1.0 - place] for place, piece in enumerate(pieces)]}
    text = {"version": "1.0", "added_tokens": [], "pre_tokenizer": metaspace, "decoder": metaspace, "model": model}
    tokenizer = make_tokenizer(json.dumps(text), {})
    run = replace(opened("causal", tiny_tokenizer()), tokenizer=tokenizer)

    def read(sentence: str) -> list[str]:
        found = read_gap(run, sentence)
        return tokenizer.tokens([*found.gap.left, *found.ids_of(["cat"], tokenizer)[0], *found.gap.right])

    assert read("is the ___.")[-2:] == ["\u2581cat", "."]
    assert read("is the ___ is")[-2:] == ["\u2581cat", "\u2581is"]
    assert read("is the (___)")[-3:] == ["(", "cat", ")"]
    assert read("___.")[-2:] == ["cat" if scheme == "never" else "\u2581cat", "."]


def test_what_a_model_reads_is_shown_in_its_own_form(tokenizer: Tokenizer) -> None:
    def reads(kind: str) -> list[str]:
        (event,) = told(answers([opened(kind, tokenizer)], gap, GapRequest((0,), TEXT, "dog", "", ("cat",))), "gap")
        return [" ".join(side) for side in event["reads"]]

    assert "the [MASK] sees" in reads("masked")[0] and len(reads("masked")) == 1
    assert "the dog sees" in reads("causal")[0]
    encoder, decoder = reads("span")
    assert "the <extra_id_0> sees" in encoder and decoder.endswith("<extra_id_0> dog")
