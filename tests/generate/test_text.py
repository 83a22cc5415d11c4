"""Text in, text out: streams, stop strings, and each objective's own way of going on and filling gaps."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.cli import program as cli
from hornbook.errors import UserError
from hornbook.generate import Decoding
from hornbook.generate.infill import Filled, Gap, fill_text
from hornbook.generate.text import StreamedText, _pieces, around_gaps, generate_text, stream_text, uses_of
from hornbook.objectives.fim import MODES
from hornbook.recipes.named import default
from hornbook.recipes.settings import override
from hornbook.run.build import build_model
from hornbook.run.directory import OpenRun
from hornbook.tokens.tokenizer.tokenizer import Kind, Tokenizer, make_tokenizer, train_tokenizer
from hornbook.vocab import Vocab

LINES = ["The quick brown fox jumps over the lazy dog. Grüße, 你好, 🙂!"] * 4
NEEDS = dataclasses.replace(default("ul2").objective.requirements(64), modes=(*MODES, "[R]", "[S]", "[X]"), sentinels=4)
SIZE = ["model.width=32", "model.layers=1", "model.heads=2", "model.max_length=64", "model.dropout=0"]
# objective and settings: what its model can do
USES = {
    "causal": ("generate",),
    "prefix": ("generate",),
    "prefix objective.topology=encoder-decoder": ("generate",),
    "fim": ("generate", "fill"),
    "fim objective.spm_share=1": ("generate", "fill"),
    "masked": ("fill",),
    "diffusion": ("fill",),
    "replaced": (),
    "span": ("fill",),
    "bart": ("generate",),
    "ul2": ("generate", "fill"),
    "ul2-short": ("fill",),
    "nsp": ("fill",),
    "joined": ("fill",),
    "joined objective.objective.kind=ul2": ("generate", "fill"),
    "mixture objective.objectives=causal,prefix": ("generate",),
    "mixture objective.objectives=span,bart": ("generate", "fill"),
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    text = train_tokenizer(LINES, "bpe", 420, NEEDS)
    return Tokenizer(text, Vocab.from_tokenizer(text))


def run_of(name: str, tokenizer: Tokenizer) -> OpenRun:
    """A run that has learned nothing: what it reads is what matters."""
    kind, *changes = name.split()
    recipe = override(default(kind), [*SIZE, *changes])
    recipe = dataclasses.replace(
        recipe,
        model=dataclasses.replace(recipe.model, vocab_size=tokenizer.vocab.size),
        objective=dataclasses.replace(recipe.objective, vocab=tokenizer.vocab),
    )
    model = build_model(recipe, torch.device("cpu"))
    return OpenRun(Path("nowhere"), recipe, tokenizer, model.eval(), torch.device("cpu"), 0)


@pytest.mark.parametrize("name", USES)
def test_a_model_can_do_what_its_objective_taught_it_and_refuses_the_rest(name, tokenizer):
    run = run_of(name, tokenizer)
    assert uses_of(run.recipe) == USES[name]
    few = Decoding(max_new=4)
    if "generate" in USES[name]:
        (text,) = generate_text(run, ["The fox"], few)
        assert "".join(stream_text(run, "The fox", few)) == text
        assert text.startswith("The fox") or "bart" in name
    else:
        with pytest.raises(UserError, match=r"Use `hornbook fill`|generates no text"):
            generate_text(run, ["The fox"], few)
    if "fill" in USES[name]:
        assert len(fill_text(run, "The ___ jumps over [MASK].").gaps) == 2
        with pytest.raises(UserError, match="no gap"):
            fill_text(run, "The fox")
    else:
        with pytest.raises(UserError, match=r"Use `hornbook generate`|generates no text"):
            fill_text(run, "The ___ jumps.")


# objective, text: what the model reads, as names of tokens between pieces of text, and whether from both sides
READS = [
    ("causal", "generate", "The fox", ["<s>", "The fox"], None, False),
    ("prefix", "generate", "The fox", ["<s>", "The fox"], None, True),
    ("prefix objective.topology=encoder-decoder", "generate", "The fox", ["The fox"], "<pad>", False),
    ("ul2", "generate", "The fox", ["[S]", "The fox", "</s>"], "<pad>", False),
    ("bart", "generate", "The fox", ["The fox", "<mask>", "</s>"], "<pad>", False),
    ("bart", "generate", "The ___ dog", ["The", "<mask>", " dog", "</s>"], "<pad>", False),
    ("joined objective.objective.kind=ul2", "generate", "The fox", ["[S]", "The fox", "</s>"], "<pad>", True),
    ("span", "fill", "The ___ dog", ["The", "<extra_id_0>", " dog", "</s>"], "<pad>", False),
    ("ul2", "fill", "The ___ dog", ["[R]", "The", "<extra_id_0>", " dog", "</s>"], "<pad>", False),
    ("joined", "fill", "The ___ dog", ["The", "<extra_id_0>", " dog", "</s>"], "<pad>", True),
    ("joined objective.inputs=causal", "fill", "The ___ dog", ["The", "<extra_id_0>", " dog", "</s>"], "<pad>", False),
    ("fim", "fill", "The ___ dog", ["<s>", MODES[0], "The", MODES[1], " dog", MODES[2]], None, False),
    (
        "fim objective.spm_share=1", "fill", "The ___ dog",
        ["<s>", MODES[0], MODES[1], " dog", MODES[2], "The"], None, False,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "use", "text", "reads", "start", "visible"), READS)
def test_a_model_reads_what_training_showed_it(name, use, text, reads, start, visible, tokenizer, monkeypatch):
    asked = {}

    def spy(model, prompts, decoding, **settings):
        asked.update(settings, prompt=prompts[0])
        return [[] for _ in prompts]

    module = "text" if use == "generate" else "infill"
    monkeypatch.setattr(f"hornbook.generate.{module}.generate", spy)
    run = run_of(name, tokenizer)
    generate_text(run, [text]) if use == "generate" else fill_text(run, text)
    ids = [
        tokenizer.encode_prompt(piece).tolist() if piece[0] in "<[" else tokenizer.encode([piece])[0] for piece in reads
    ]
    assert asked["prompt"] == [int(number) for piece in ids for number in piece]
    assert asked["start_id"] == (None if start is None else tokenizer.vocab.pad)
    assert asked["visible"] == visible
    assert asked["stop"] == {tokenizer.vocab.eos}


def test_a_second_gap_knows_what_the_first_was_filled_with(tokenizer, monkeypatch):
    prompts = []
    monkeypatch.setattr(
        "hornbook.generate.infill.generate",
        lambda model, given, *_, **__: prompts.append(given[0]) or [tokenizer.encode([" quick"])[0].tolist()],
    )
    filled = fill_text(run_of("fim", tokenizer), "The ___ fox ___.")
    assert [gap.best for gap in filled.gaps] == [" quick", " quick"]
    assert tokenizer.decode(prompts[0]) == "The fox" and tokenizer.decode(prompts[1]) == "The quick fox."


def test_the_whole_text_is_filled_with_blanks_as_the_model_writes_them(tokenizer, monkeypatch):
    jumps, lazy = tokenizer.encode([" jumps"])[0].tolist(), tokenizer.encode([" lazy"])[0].tolist()
    monkeypatch.setattr("hornbook.generate.infill.generate", lambda *_, **__: [jumps])
    filled = fill_text(run_of("fim", tokenizer), "The fox ___ over.")
    assert filled == Filled("The fox jumps over.", (Gap((" jumps",)),))
    first, second = tokenizer.vocab.sentinels[:2]
    monkeypatch.setattr("hornbook.generate.infill.generate", lambda *_, **__: [[first, *jumps, second, *lazy]])
    filled = fill_text(run_of("span", tokenizer), "The fox ___ over the\n [MASK] dog.")
    assert filled == Filled("The fox jumps over the lazy dog.", (Gap((" jumps",)), Gap((" lazy",))))
    run = run_of("masked", tokenizer)
    monkeypatch.setattr("hornbook.generate.infill.fill", lambda *_: [[(jumps[0], 0.9), (lazy[0], 0.1)]] * 4)
    filled = fill_text(run, "The ___ over ___.", length=2)
    twice = tokenizer.decode([jumps[0], jumps[0]])
    assert (len(filled.gaps), filled.text) == (4, f"The{twice} over{twice}.")
    assert filled.gaps[0].probabilities == (0.9, 0.1)


def test_gaps_of_several_tokens_are_filled_with_so_many(tokenizer):
    run = run_of("diffusion", tokenizer)
    for steps in (0, 1, 2):
        found = fill_text(run, "The ___ over ___.", length=3, steps=steps)
        assert [len(gap.candidates) for gap in found.gaps] == [1, 1]
    assert fill_text(run, "The ___.", length=3) == fill_text(run, "The ___.", length=3, steps=3)
    assert len(fill_text(run_of("masked", tokenizer), "The ___ over ___.", length=3, top=2).gaps) == 6
    with pytest.raises(UserError, match="chooses the length of a gap itself"):
        fill_text(run_of("span", tokenizer), "The ___.", length=2)
    with pytest.raises(UserError, match="5 gaps, but the tokenizer has only 4 sentinels"):
        fill_text(run_of("span", tokenizer), "_____ ".join("abcde") + "___")
    with pytest.raises(UserError, match="no room for the gaps"):
        fill_text(run_of("fim", tokenizer), "The ___" + " fox" * 70)


@settings(max_examples=80, deadline=None)
@given(
    text=st.text(max_size=25),
    stop=st.lists(st.text(min_size=1, max_size=4), max_size=3),
    size=st.integers(0, 60),
)
def test_streamed_pieces_are_whole_characters_that_nothing_takes_back(text, stop, size, tokenizer):
    prompt = tuple(tokenizer.encode(["The fox"])[0].tolist())
    new = tokenizer.encode([text + "".join(stop[:1]) + text])[0].tolist()[:size]
    streamed = StreamedText(tokenizer, prompt, tuple(stop))
    given = []
    for token in new:  # writing ends with the token that completes a stop string
        given.append(token)
        if streamed.ended(given):
            break
    pieces = list(_pieces(streamed, ([token] for token in given)))
    assert "".join(pieces) == streamed.final(given)
    written = "".join(pieces)[len("The fox") :]
    whole = tokenizer.decode([*prompt, *given])[len("The fox") :].rstrip("\ufffd")
    assert whole.startswith(written)
    assert not any(string in written for string in stop)
    if not any(string in whole for string in stop):
        assert written == whole


@pytest.fixture(scope="module")
def tokenizers() -> list[Tokenizer]:
    """One of each kind, and one like Llama's, whose bytes stand for what it cannot spell."""
    kinds = [make_tokenizer(train_tokenizer(LINES, kind, 400, NEEDS, "none"), {}) for kind in get_args(Kind)]
    pieces = {
        "<unk>": 0,
        **{f"<0x{byte:02X}>": byte + 1 for byte in range(256)},
        "\u2581the": 257,
        "a": 258,
        "\u2581": 259,
    }
    decoders = [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}]
    decoders += [{"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]
    model = {"type": "BPE", "unk_token": "<unk>", "byte_fallback": True, "vocab": pieces, "merges": []}
    text = {"version": "1.0", "added_tokens": [], "model": model, "decoder": {"type": "Sequence", "decoders": decoders}}
    return [*kinds, make_tokenizer(json.dumps(text), {})]


@settings(max_examples=300, deadline=None)
@given(
    number=st.integers(0, 99), before=st.lists(st.integers(0, 10**6), max_size=3), ids=st.lists(st.integers(0, 10**6))
)
def test_whatever_a_model_writes_no_streamed_piece_is_taken_back(number, before, ids, tokenizers):
    tokenizer = tokenizers[number % len(tokenizers)]
    prompt, new = ([one % tokenizer.vocab.size for one in each] for each in (before, ids))
    streamed = StreamedText(tokenizer, tuple(prompt), ())
    assert "".join(_pieces(streamed, ([token] for token in new))) == streamed.final(new)


def test_a_stop_string_may_begin_inside_a_token_and_name_a_special_one(tokenizer, monkeypatch):
    run = run_of("causal", tokenizer)
    script = tokenizer.encode([" brown fox jumps"])[0].tolist()
    said = iter([*script, *script])

    def spoken(model, prompts, decoding, *, ended, stop, **_):
        found = []
        for token in said:
            if token in stop:
                break
            found.append(token)
            if ended is not None and ended(0, found):
                break
        return [found]

    monkeypatch.setattr("hornbook.generate.text.generate", spoken)
    assert generate_text(run, ["The quick"], Decoding(stop=("wn fo",))) == ["The quick bro"]
    asked = {}
    monkeypatch.setattr("hornbook.generate.text.generate", lambda *_, **given: asked.update(given) or [[]])
    generate_text(run, ["The"], Decoding(stop=("<mask>",)))
    assert asked["stop"] == {tokenizer.vocab.eos, tokenizer.vocab.mask} and asked["ended"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["generate", "RUN", "The", "--temperature", "-1"], "temperature must be a number of at least 0, not -1.0"),
        (["generate", "RUN", "The", "--top-p", "0"], "top_p must be a number above 0 and at most 1, not 0.0"),
        (["generate", "RUN", "The", "--beams", "2", "--temperature", "1"], "Beam search does not sample"),
        (["generate", "RUN", "The", "--tokens", "200"], "exceed the model's 64 positions"),
        (["generate", "RUN", "The", "--stop", ""], "A stop string is empty"),
        (["fill", "RUN", "The ___"], "it continues text and fills no gaps"),
        (["fill", "RUN", "The"], "The text has no gap"),
    ],
)
def test_the_command_line_says_what_is_wrong_and_exits_with_2(arguments, words, tokenizer, monkeypatch, capsys):
    run = run_of("causal", tokenizer)
    monkeypatch.setattr("hornbook.run.directory.open_run", lambda directory: run)
    with pytest.raises(SystemExit) as exit:
        cli.main(arguments)
    assert exit.value.code == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_the_command_line_writes(tokenizer, monkeypatch, capsys):
    run = run_of("causal", tokenizer)
    monkeypatch.setattr("hornbook.run.directory.open_run", lambda directory: run)
    with pytest.raises(SystemExit) as exit:
        cli.main(["generate", "RUN", "The fox", "--tokens", "5", "--beams", "3"])
    assert not exit.value.code
    assert capsys.readouterr().out.startswith("The fox")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    with pytest.raises(SystemExit):
        cli.main(["generate", "RUN", "The fox", "--tokens", "5"])
    assert capsys.readouterr().out.startswith("The fox")


@pytest.mark.parametrize("weights", ["bf16", "int8"])
def test_the_command_line_writes_with_fewer_bits_of_the_weights(weights: str, tokenizer, monkeypatch, capsys) -> None:
    run = run_of("causal", tokenizer)
    monkeypatch.setattr("hornbook.run.directory.open_run", lambda directory: run)
    with pytest.raises(SystemExit) as exit:
        cli.main(["generate", "RUN", "The fox", "--tokens", "5", "--temperature", "0", "--weights", weights, "--json"])
    assert not exit.value.code
    (text,) = json.loads(capsys.readouterr().out)
    assert [text] == generate_text(run, ["The fox"], Decoding(max_new=5, weights=weights))
    with pytest.raises(SystemExit) as exit:
        cli.main(["generate", "RUN", "The fox", "--weights", "int4"])
    error = capsys.readouterr().err
    assert exit.value.code == 2 and "int4" in error and "bf16" in error


def test_a_prompt_comes_from_standard_input_and_samples_go_out_as_json(tokenizer, monkeypatch, capsys):
    run = run_of("causal", tokenizer)
    monkeypatch.setattr("hornbook.run.directory.open_run", lambda directory: run)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("The fox, Grüße\n".encode())))
    with pytest.raises(SystemExit) as exit:
        cli.main(["generate", "RUN", "-", "The dog", "--tokens", "5", "--count", "2", "--json"])
    texts = json.loads(capsys.readouterr().out)
    assert not exit.value.code
    for text, start in zip(texts, ["The fox, Grüße", "The fox, Grüße", "The dog", "The dog"], strict=True):
        assert text.startswith(start) and not text.startswith(f"{start}\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe")))
    for prompt, words in (
        ("-", "The prompt is not valid UTF-8 text."),
        ("\udcff", "The argument \\xff is not Unicode"),
    ):
        with pytest.raises(SystemExit) as exit:
            cli.main(["generate", "RUN", prompt])
        assert exit.value.code == 2 and capsys.readouterr().err.startswith(f"hornbook: {words}")


@pytest.mark.parametrize("scheme", ["always", "first", "never"])
def test_no_blank_is_put_behind_a_gap_where_none_stands(scheme: str) -> None:
    """Tokenizers like those of T5 and Llama put a blank before every text; what stands behind a gap is not one."""
    pieces = ["<unk>", "\u2581", "\u2581the", ".", "\u2581.", "s", "\u2581is", "\u2581a", "a"]
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": True}
    model = {"type": "Unigram", "unk_id": 0, "vocab": [[piece, -1.0 - place] for place, piece in enumerate(pieces)]}
    content = {"version": "1.0", "added_tokens": [], "pre_tokenizer": metaspace, "decoder": metaspace, "model": model}
    tokenizer = make_tokenizer(json.dumps(content), {})

    def read(text: str) -> list[list[str]]:
        return [list(tokenizer.tokens(ids)) for ids in around_gaps(text, tokenizer)]

    assert read(" the ___ is ___.") == [["\u2581the"], ["\u2581is"], ["."]]
    assert read("___s") == [[], ["s"]]
