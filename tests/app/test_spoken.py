"""Texts and surprise: what the page shows of each token is what the weights say, and what evaluate measures."""

from __future__ import annotations

import copy
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from held_out import TEXTS, full_tokenizer, store_of
from spoken_models import CPU, KINDS, answers, name_of, opened, tiny_tokenizer, told, watched, without_marks

from hornbook.app.spoken.models import Models
from hornbook.app.spoken.requests import Choosing, SentencesRequest, SurpriseRequest, WriteRequest
from hornbook.app.spoken.sentences import BUNDLED, bundled, sentences
from hornbook.app.spoken.surprise import surprise, text_nats
from hornbook.app.spoken.writing import write
from hornbook.batch import Batch, Rows
from hornbook.errors import UserError
from hornbook.evaluate.scorers import Scorer
from hornbook.evaluate.scoring.ways import ways
from hornbook.evaluate.windows import cut, score
from hornbook.generate import Decoding, Step, text
from hornbook.generate.text import explain_text, generate_text
from hornbook.model.inputs import to_tensors
from hornbook.run.directory import OpenRun
from hornbook.tokens.packing import corpus_rows
from hornbook.tokens.tokenizer.tokenizer import Tokenizer

PROMPT = "The quick"
WRITERS = [kind for kind in KINDS if kind[0] in ("causal", "prefix", "fim", "bart", "ul2", "mixture")]
GREEDY = Choosing(max_new=9, temperature=0.0)
DRAWN = Choosing(max_new=9, temperature=1.3, top_k=40, top_p=0.9, min_p=0.01, repetition_penalty=1.2, seed=5)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return full_tokenizer()


def model_of(run: OpenRun) -> Any:
    return run.model


def says(run: OpenRun, new: list[int]) -> torch.Tensor:
    """Return what `model.logits` says behind the prompt and new tokens of a causal model, [V]."""
    assert run.tokenizer.vocab.bos is not None
    row = np.array([[run.tokenizer.vocab.bos, *run.tokenizer.encode([PROMPT])[0].tolist(), *new]])
    with torch.no_grad():
        logits = model_of(run).logits(to_tensors(Batch(row, row, np.ones(row.shape, np.float32), np.ones(1)), CPU))
    return logits[0, -1].double()


@pytest.mark.parametrize("kind", WRITERS, ids=name_of)
def test_greedy_writing_is_that_of_generate(kind: Any, tokenizer: Tokenizer) -> None:
    run = opened(kind[0], tokenizer, kind[1])
    events = answers([run], write, WriteRequest(0, PROMPT, decoding=GREEDY))
    (end,) = told(events, "end")
    pieces = [told(events, "start")[0]["shown"], *(event["text"] for event in told(events, "token")), end["text"]]
    assert "".join(pieces) == generate_text(run, [PROMPT], Decoding(max_new=9))[0]
    assert end["tokens"] == len(told(events, "token"))
    assert all(event["drawn"] == 1.0 and event["rank"] == 1 for event in told(events, "token"))


@pytest.mark.parametrize("decoding", [GREEDY, DRAWN, Choosing(max_new=9, temperature=0.5)], ids=["0", "cut", "0.5"])
def test_each_token_is_drawn_as_generate_draws_it(decoding: Choosing, tokenizer: Tokenizer) -> None:
    run = opened("causal", tokenizer)
    events = answers([run], write, WriteRequest(0, PROMPT, decoding=decoding))
    ids = [event["id"] for event in told(events, "token")]
    written = generate_text(run, [PROMPT], Decoding(**vars(decoding)))[0]
    assert run.tokenizer.decode([*tokenizer.encode([PROMPT])[0].tolist(), *ids]).rstrip("\ufffd") == written


@pytest.mark.parametrize("decoding", [GREEDY, DRAWN, Choosing(max_new=9, top_k=3)], ids=["greedy", "cut", "top-k"])
def test_probabilities_are_the_softmax_of_the_logits_and_shares_add_up_to_one(
    decoding: Choosing, tokenizer: Tokenizer
) -> None:
    run = opened("causal", tokenizer)
    size = model_of(run).config.vocab_size
    written = explain_text(run, PROMPT, Decoding(**vars(decoding)), top=size)
    new: list[int] = []
    for step, _ in written.tokens:
        if step is None:
            break
        chances = says(run, new).softmax(-1)
        shown = {token: (chance, drawn) for token, chance, drawn in step.top}
        assert len(shown) == size
        for token, (chance, _) in shown.items():
            assert chance == pytest.approx(float(chances[token]), abs=1e-6)
        assert sum(drawn for _, drawn in shown.values()) == pytest.approx(1.0, abs=1e-9)
        assert step.drawn == shown[step.token][1] > 0
        assert step.chance == pytest.approx(float(chances[step.token]), abs=1e-6)
        assert step.nats == pytest.approx(-math.log(float(chances[step.token])), abs=1e-4)
        assert step.rank == 1 + sum(chance > shown[step.token][0] for chance, _ in shown.values())
        if not step.ends:
            new.append(step.token)
    assert len(new) > 5


def test_shares_are_those_after_temperature_and_cuts_in_their_order(tokenizer: Tokenizer) -> None:
    """llama.cpp#10783: both numbers are shown, before and after; #7197: at temperature 0 the likeliest one has all."""
    run = opened("causal", tokenizer)
    logits = says(run, [])
    request = WriteRequest(0, PROMPT, decoding=Choosing(max_new=1, temperature=2.0, top_k=3), alternatives=5)
    (token,) = told(answers([run], write, request), "token")
    best = logits.sort(descending=True).indices[:3]
    wanted = dict(zip(best.tolist(), (logits[best] / 2).softmax(-1).tolist(), strict=True))
    assert [top["id"] for top in token["top"]] == logits.sort(descending=True).indices[:5].tolist()
    for top in token["top"]:
        assert top["drawn"] == pytest.approx(wanted.get(top["id"], 0.0), abs=1e-6)


def test_a_penalised_token_has_its_own_probability_and_a_smaller_share(tokenizer: Tokenizer) -> None:
    run, size = opened("causal", tokenizer), tokenizer.vocab.size
    seen = tokenizer.encode([PROMPT])[0].tolist()
    step, _ = next(explain_text(run, PROMPT, Decoding(temperature=1.0, repetition_penalty=3.0), top=size).tokens)
    logits = says(run, [])
    lowered = logits.clone()
    for token in {run.tokenizer.vocab.bos, *seen}:
        lowered[token] = logits[token] / 3 if logits[token] > 0 else logits[token] * 3
    assert step is not None and len(step.top) == size
    for token, chance, drawn in step.top:
        assert chance == pytest.approx(float(logits.softmax(-1)[token]), abs=1e-6)
        assert drawn == pytest.approx(float(lowered.softmax(-1)[token]), abs=1e-6)


def test_what_decoding_would_draw_is_shown_too_though_the_model_thinks_little_of_it(tokenizer: Tokenizer) -> None:
    """Where the likeliest tokens are all penalised, the bars must not be empty."""
    run = copy.deepcopy(opened("causal", tokenizer))
    with torch.no_grad():
        model_of(run).embed.tokens.weight[tokenizer.encode([PROMPT])[0].tolist()] *= 40
    for alternatives in (1, 3):
        decoding = Choosing(max_new=1, temperature=1.0, repetition_penalty=100.0)
        (token,) = told(answers([run], write, WriteRequest(0, PROMPT, (), decoding, alternatives)), "token")
        assert max(top["drawn"] for top in token["top"]) > 0.0 and len(token["top"]) == alternatives


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind[0] != "mixture"], ids=name_of)
def test_a_branch_from_the_text_itself_goes_on_as_the_text_did(kind: Any, tokenizer: Tokenizer) -> None:
    models = Models.of([opened(kind[0], tokenizer, kind[1])])
    whole = answers(models, write, WriteRequest(0, PROMPT, decoding=DRAWN))
    ids = [event["id"] for event in told(whole, "token")]
    assert len(ids) > 3
    rest = Choosing(**{**vars(DRAWN), "max_new": 9 - 3})
    branch = answers(models, write, WriteRequest(0, PROMPT, tuple(ids[:3]), rest))
    assert [event["id"] for event in told(branch, "token")] == ids[3:]
    for old, new in zip(told(whole, "token")[3:], told(branch, "token"), strict=True):
        assert new["p"] == pytest.approx(old["p"], abs=1e-5) and new["drawn"] == pytest.approx(old["drawn"], abs=1e-5)
    other = next(top["id"] for top in told(whole, "token")[3]["top"] if top["id"] != ids[3])
    elsewhere = answers(models, write, WriteRequest(0, PROMPT, (*ids[:3], other), rest))
    assert told(elsewhere, "end")[0]["tokens"] >= 4


def test_a_text_ends_for_the_reason_that_is_told(tokenizer: Tokenizer) -> None:
    run = opened("causal", tokenizer)
    (end,) = told(answers([run], write, WriteRequest(0, PROMPT, decoding=GREEDY)), "end")
    assert (end["why"], end["tokens"]) == ("length", 9)
    (end,) = told(answers([run], write, WriteRequest(0, PROMPT, decoding=Choosing(256, 0.0))), "end")
    prompt = len(tokenizer.encode([PROMPT])[0])
    assert (end["why"], end["tokens"]) == ("full", 48 - 1 - prompt)
    run, eos = copy.deepcopy(run), tokenizer.vocab.eos
    assert eos is not None
    third = told(answers([run], write, WriteRequest(0, PROMPT, decoding=GREEDY)), "token")[2]["id"]
    with torch.no_grad():  # wherever it would take the third token, the text is now at its end
        head = model_of(run).output_weight
        head[eos] = 2 * head[third]
    events = answers([run], write, WriteRequest(0, PROMPT, decoding=GREEDY))
    (end,) = told(events, "end")
    assert (end["why"], end["tokens"], end["last"]["id"]) == ("stop", len(told(events, "token")), eos)
    assert 0 < end["last"]["p"] < 1 and end["last"]["rank"] == 1
    chosen = answers([run], write, WriteRequest(0, PROMPT, (third, eos)))  # the reader chooses the end of the text
    assert [event["event"] for event in chosen] == ["start", "end"]
    assert (chosen[1]["why"], chosen[1]["tokens"], chosen[1]["last"]) == ("stop", 2, None)


def test_pieces_of_a_text_are_whole_characters(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte of a Chinese character is a token: the last one has the character, those before it nothing."""
    run, ids = opened("causal", tokenizer), tokenizer.encode(["猫 fox猫"])[0].tolist()
    steps = [Step(token, 0.5, 0.7, 1, 1.0, ((token, 0.5, 1.0),), False) for token in ids[:-1]]
    monkeypatch.setattr(text, "explain", lambda *_, **__: iter(steps))
    events = answers([run], write, WriteRequest(0, PROMPT))
    pieces = [event["text"] for event in told(events, "token")]
    assert pieces[:3] == ["", "", "猫"] and "".join(pieces[3:-2]) == " fox" and pieces[-2:] == ["", ""]
    assert told(events, "end")[0]["text"] == "" and all(event["name"] for event in told(events, "token"))


def test_a_prompt_that_a_model_cannot_go_on_with_is_refused(tokenizer: Tokenizer) -> None:
    models = Models.of([opened("masked", tokenizer), opened("causal", tokenizer), opened("replaced", tokenizer)])
    for run, prompt, tokens, words in (
        (0, PROMPT, (), "continues no text"),
        (2, PROMPT, (), "generates no text"),
        (1, PROMPT, (999_999,), "no token"),
        (1, "fox " * 60, (), "positions"),
        (5, PROMPT, (), "no run number"),
        (1, PROMPT, (5,) * 256, "most"),
    ):
        with pytest.raises(UserError, match=words):
            answers(models, write, WriteRequest(run, prompt, tokens))


TEXT = "The fox jumps over Grüße, 你好!"
_UNSCORED = ("replaced", "span", "joined", "ul2-short")
SCORED = [kind for kind in KINDS if kind[0] not in _UNSCORED and "objectives" not in kind[1]]


@pytest.mark.parametrize("kind", SCORED, ids=name_of)
def test_the_total_is_that_of_evaluate_on_the_same_row(kind: Any, tokenizer: Tokenizer) -> None:
    run = opened(kind[0], tokenizer, kind[1])
    events = answers([run], surprise, SurpriseRequest(0, TEXT))
    (start,), (end,) = told(events, "start"), told(events, "end")
    way = next(iter(ways(run.recipe.objective, tokenizer.vocab, 48, run.recipe.seed).values()))
    (wanted,) = Scorer(model_of(run), tokenizer, way, CPU).score([("", TEXT)])
    first = tokenizer.encode([TEXT])[0]
    assert start["kind"] == way.kind and start["tokens"] == len(first) == end["tokens"]
    assert end["nats"] == pytest.approx(wanted.total, abs=1e-4)
    tokens = told(events, "token")
    assert "".join(token["text"] for token in tokens) == TEXT
    assert sum(token["tokens"] for token in tokens) == len(first)
    assert sum(token["nats"] for token in tokens) == pytest.approx(end["nats"])
    assert sum(word["nats"] for word in end["words"]) == pytest.approx(end["nats"])
    assert "".join(word["text"] for word in end["words"]) == TEXT
    assert start["comparable"] == (way.kind != "pseudo") == (end["bits_per_byte"] is not None)
    if end["bits_per_byte"] is not None:
        assert end["bits_per_byte"] == pytest.approx(end["nats"] / math.log(2) / len(TEXT.encode()))


def test_a_causal_total_is_that_of_the_objectives_own_row(tokenizer: Tokenizer) -> None:
    """`evaluate` measures rows as training shows them: the same nats, the end mark's apart."""
    run = opened("causal", tokenizer)
    vocab, ids = tokenizer.vocab, tokenizer.encode([TEXT])[0]
    row = np.array([[vocab.bos, *ids.tolist(), vocab.eos]], np.int32)
    batch = run.recipe.objective(Rows(row, np.zeros(1, np.uint64)))
    each = model_of(run).nats(to_tensors(batch, CPU)).double().numpy()
    (end,) = told(answers([run], surprise, SurpriseRequest(0, TEXT)), "end")
    assert end["nats"] == pytest.approx(each[:-1].sum(), abs=1e-4)
    assert end["end_nats"] == pytest.approx(each[-1], abs=1e-5)


@pytest.mark.parametrize("kind", ["causal", "fim", "bart"])
def test_a_long_text_is_scored_in_the_windows_of_evaluate(kind: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    run = opened(kind, tokenizer)
    store = store_of(TEXTS[:1], tokenizer, tmp_path / "tokens")
    rows = corpus_rows(store, None, run.recipe.objective, 48)
    way = next(iter(ways(run.recipe.objective, tokenizer.vocab, 48, 0).values()))
    with torch.no_grad():
        wanted = score(model_of(run), cut(way, run.recipe.objective), rows, run.recipe.objective, CPU, seed=0)
    (end,) = told(answers([run], surprise, SurpriseRequest(0, TEXTS[0])), "end")
    assert end["tokens"] > 48 and end["nats"] == pytest.approx(float(wanted.nats.sum()), rel=1e-5)


def test_the_first_token_has_its_number_where_there_is_a_start_mark(tokenizer: Tokenizer) -> None:
    """lm-zoo#31: a text does not begin with its second token."""
    run = opened("causal", tokenizer)
    first = told(answers([run], surprise, SurpriseRequest(0, "The fox")), "token")[0]
    assert first["text"] == "The" and first["nats"] > 0 and first["rank"] >= 1 and len(first["top"]) == 5
    events = answers([without_marks(run)], surprise, SurpriseRequest(0, "The fox"))
    assert told(events, "token")[0]["nats"] is None and told(events, "token")[1]["nats"] > 0
    end = told(events, "end")[0]
    assert end["bytes"] == len("The fox") - len("The")
    assert end["words"][0]["nats"] is None and end["words"][1]["nats"] > 0


def test_bytes_of_one_character_are_one_chip_and_unlike_numbers_are_said_to_be(tokenizer: Tokenizer) -> None:
    run = opened("masked", tokenizer)
    events = answers([run], surprise, SurpriseRequest(0, "猫!"))
    assert [token["text"] for token in told(events, "token")] == ["猫", "!"]
    joined = told(events, "token")[0]
    assert joined["tokens"] == 3 and joined["rank"] is None
    assert not told(events, "start")[0]["comparable"] and "not to be compared" in told(events, "start")[0]["how"]


def test_tokens_of_a_masked_model_come_one_after_another(tokenizer: Tokenizer) -> None:
    run = opened("masked", tokenizer)
    ids = tokenizer.encode([TEXT])[0].tolist()
    found = [token for part in watched(text_nats(run, TEXT, 3)) for token in part]
    assert [token.number for token in found] == list(range(len(ids))) and all(len(token.top) == 3 for token in found)


@pytest.mark.parametrize("kind", ["masked", "diffusion"])
def test_however_little_a_step_computes_the_nats_are_the_same(
    kind: str, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened(kind, tokenizer)
    whole = list(text_nats(run, TEXT))
    monkeypatch.setattr("hornbook.app.spoken.surprise.step_positions", lambda run: 80)
    small = list(watched(text_nats(run, TEXT)))
    assert len(small) > len(whole)
    found, again = ([token.nats for part in parts for token in part] for parts in (whole, small))
    assert again == pytest.approx(found, abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "words"), [("span", "never a whole text"), ("joined", "never a whole text"), ("replaced", "judges tokens")]
)
def test_a_model_that_says_no_texts_refuses_with_the_reason(kind: str, words: str, tokenizer: Tokenizer) -> None:
    models = Models.of([opened(kind, tokenizer)])
    assert "surprise" not in models.get(0).can
    with pytest.raises(UserError, match=words):
        answers(models, surprise, SurpriseRequest(0, TEXT))


def test_generators_in_turn_say_what_each_says_alone(tokenizer: Tokenizer) -> None:
    models = Models.of([opened("causal", tokenizer), opened("masked", tokenizer), opened("diffusion", tokenizer)])
    asked: list[tuple[str, Any]] = [
        (write, WriteRequest(0, PROMPT, decoding=DRAWN)),
        *((surprise, SurpriseRequest(run, TEXT)) for run in range(3)),
        (write, WriteRequest(0, PROMPT, decoding=DRAWN)),
    ]
    alone = [answers(models, address, request) for address, request in asked]
    running = [watched(address(models, request)) for address, request in asked]
    together: list[list[Any]] = [[] for _ in asked]
    for row in itertools.zip_longest(*running):
        for events, event in zip(together, row, strict=True):
            events += [] if event is None else [event]
    assert together == alone


def test_forty_sentences_are_there_and_the_tutorials_comes_first(tokenizer: Tokenizer) -> None:
    assert len(BUNDLED) == len(set(BUNDLED)) == 40 and BUNDLED[0] == ("The ___ is chasing the mouse.", "cat")
    assert all(text.count("___") == 1 and answer.isalpha() for text, answer in BUNDLED)
    models = Models.of([opened("causal", tokenizer)])
    (event,) = answers(models, sentences, SentencesRequest())
    assert event["sentences"][0]["answer"] == "cat" and len(event["sentences"]) == 10
    assert bundled(10, 3) != bundled(10, 4) and sorted(bundled(40, 3)) == sorted(BUNDLED)
    with pytest.raises(UserError, match="without text"):
        answers(models, sentences, SentencesRequest(run=0))


def test_a_tokenizer_without_blanks_in_its_tokens_gives_back_the_text_too() -> None:
    tokenizer = tiny_tokenizer()
    spaced = "the  cats chases\nthe mouse , . "
    events = answers([opened("causal", tokenizer)], surprise, SurpriseRequest(0, spaced))
    assert "".join(token["text"] for token in told(events, "token")) == spaced
