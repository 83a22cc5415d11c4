"""Going on from a model: imported and exported again unchanged, trained further, under its objective and another."""

import dataclasses
import json
import random
import shutil
import time

import numpy as np
import pytest
import torch
from published_models import CASES, config_of, random_model
from safetensors.torch import load_file
from stories import assert_same, child, finish, result_of, state, story

from hornbook.cli import program as cli
from hornbook.errors import UserError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.generate import Decoding
from hornbook.generate.infill import fill_text
from hornbook.generate.text import generate_text
from hornbook.keys import row_keys
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import Requirements
from hornbook.objectives.catalogue import build, kind_of
from hornbook.recipes import settings
from hornbook.recipes.named import RECIPES, continued, named
from hornbook.run.build import build_model
from hornbook.run.directory import BaseModel, open_run, origin_of, read_model
from hornbook.run.export import export
from hornbook.run.imported import import_folder, objective_of
from hornbook.run.measure import evaluate
from hornbook.run.pretrain import pretrain, resume
from hornbook.run.warm_start import Adopted, adopt, settled
from hornbook.tokens.packing import corpus_rows
from hornbook.tokens.shards import TokenStore
from hornbook.tokens.tokenizer.special_tokens import with_special_tokens
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, load_tokenizer, train_tokenizer
from hornbook.vocab import EMPTY, Vocab

transformers = pytest.importorskip("transformers")

EMPTY_CODEC = Tokenizer("", EMPTY)

SMALL = [
    "data.clean=none",
    "training.batch_rows=8",
    "training.precision=fp32",
    "training.compile=no",
    "training.evaluate_tokens=500",
]
END = "<|endoftext|>"
TEXTS = ["The old king paints a house.", "naïve café\n\n  日本語", "", "<|pad|> is five characters [R]"]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(story(1200), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    """A tokenizer as GPT-2 has it: one special token, no padding, no framing."""
    from tokenizers import Tokenizer as Backend
    from tokenizers import decoders, models, pre_tokenizers, trainers

    made = Backend(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator([story(1200)], trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END, bos_token=END)


def saved(model, tokenizer, folder):
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def gpt2(tokenizer, tmp_path_factory):
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer) + 2, n_embd=64, n_layer=2, n_head=2, n_positions=64, bos_token_id=0, eos_token_id=0
    )
    return saved(transformers.GPT2LMHeadModel(config), tokenizer, tmp_path_factory.mktemp("models") / "gpt2")


@pytest.fixture(scope="module")
def t5(tmp_path_factory):
    text = train_tokenizer([story(1200)], "unigram", 150, Requirements(sentinels=10), "end")
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_text(text, encoding="utf-8")
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path), eos_token="</s>", pad_token="<pad>")
    torch.manual_seed(0)
    config = transformers.T5Config(
        vocab_size=Vocab.from_tokenizer(text).size,
        d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, n_positions=64, pad_token_id=0, eos_token_id=2,
        feed_forward_proj="gated-gelu",
    )  # fmt: skip
    model = transformers.T5ForConditionalGeneration(config)
    return saved(model, tokenizer, tmp_path_factory.mktemp("models") / "t5")


def recipe(path, book, *more: str):
    base = continued(objective_of(path), str(path), [str(book)])
    return settings.override(base, [*SMALL, "budget.steps=4", *more])


@pytest.fixture(scope="module")
def imported(gpt2, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "imported"
    import_folder(gpt2, out)
    return out


@pytest.fixture(scope="module")
def adapted(gpt2, book, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "adapted"
    pretrain(recipe(gpt2, book, "budget.steps=200", "training.learning_rate=3e-3"), out, plain=True)
    return out


def test_an_imported_model_opens_with_every_verb(imported, book, tmp_path):
    run = open_run(imported)
    assert run.step == 0
    assert generate_text(run, ["The cat"], Decoding(max_new=3))[0].startswith("The cat")
    found = evaluate(run, [str(book)])
    assert found.loss == pytest.approx(np.log(run.recipe.model.vocab_size), rel=0.05)
    assert found.unigram is None and found.bits_per_byte > 0
    with pytest.raises(UserError, match="--data"):
        evaluate(run)
    record = origin_of(imported)
    assert (record["family"], record["dtype"], record["name"]) == ("gpt2", "float32", "gpt2")
    with pytest.raises(UserError, match="exists already"):
        import_folder(imported, imported)
    with pytest.raises(UserError, match="--from"):
        resume(imported)


def test_import_and_export_give_back_the_same_weights_and_ids(gpt2, t5, tmp_path):
    for folder, kind in ((gpt2, "GPT2LMHeadModel"), (t5, "T5ForConditionalGeneration")):
        import_folder(folder, tmp_path / kind / "run")
        back = export(open_run(tmp_path / kind / "run"))
        given, returned = load_file(folder / "model.safetensors"), load_file(back / "model.safetensors")
        assert given.keys() == returned.keys()
        assert all(torch.equal(given[name], value) for name, value in returned.items())
        theirs, ours = (transformers.AutoTokenizer.from_pretrained(path) for path in (folder, back))
        assert [theirs(text)["input_ids"] for text in TEXTS] == [ours(text)["input_ids"] for text in TEXTS]
        again = export_import(back, tmp_path / kind / "again")
        assert all(torch.equal(given[name], value) for name, value in again.items())


def export_import(folder, out):
    import_folder(folder, out)
    return load_file(export(open_run(out)) / "model.safetensors")


def test_half_precision_weights_go_out_as_they_came(gpt2, tmp_path):
    folder = shutil.copytree(gpt2, tmp_path / "half")
    transformers.GPT2LMHeadModel.from_pretrained(gpt2).bfloat16().save_pretrained(folder)
    import_folder(folder, tmp_path / "run")
    assert all(value.dtype == torch.float32 for value in state(tmp_path / "run").values())
    back = export(open_run(tmp_path / "run"))
    given, returned = load_file(folder / "model.safetensors"), load_file(back / "model.safetensors")
    assert all(torch.equal(given[name], value) and value.dtype == torch.bfloat16 for name, value in returned.items())
    assert json.loads((back / "config.json").read_text())["dtype"] == "bfloat16"


def test_the_loss_at_step_0_is_that_of_transformers(gpt2, imported, adapted):
    theirs = transformers.GPT2LMHeadModel.from_pretrained(gpt2).eval()
    run = open_run(imported)
    objective = run.recipe.objective
    store = TokenStore.open(adapted / "tokens", run.tokenizer.vocab)
    rows = corpus_rows(store, None, objective, 64)
    batch = objective(rows.rows(np.arange(6), row_keys(0, np.arange(6))))
    batch.weights[:, -1] = 0  # the class shifts labels itself, so that the last position has none
    ours = to_tensors(batch, torch.device("cpu"))
    with torch.no_grad():  # rows of one document, by the class's own loss
        found = float(run.model.loss(ours) / batch.weights.sum())
        assert found == pytest.approx(float(theirs(ours.inputs, labels=ours.inputs).loss), rel=1e-6)
    batch = objective(rows.rows(np.arange(12), row_keys(0, np.arange(12))))
    assert batch.segments.max() > 1
    ours = to_tensors(batch, torch.device("cpu"))
    with torch.no_grad():  # packed rows, told of by mask and positions
        found = float(run.model.loss(ours) / ours.count)
        segments = torch.from_numpy(batch.segments.astype(np.int64))
        place = torch.arange(64).expand(12, -1)
        first = torch.ones_like(segments, dtype=torch.bool)
        first[:, 1:] = segments[:, 1:] != segments[:, :-1]
        positions = place - torch.where(first, place, 0).cummax(1).values
        seen = (segments[:, :, None] == segments[:, None]) & (place[:, :, None] >= place[:, None])
        mask = torch.where(seen, 0.0, torch.finfo(torch.float32).min)[:, None]
        logits = theirs(
            torch.from_numpy(batch.inputs.astype(np.int64)), attention_mask=mask, position_ids=positions
        ).logits
        nats = torch.nn.functional.cross_entropy(logits[ours.weights != 0], ours.targets[ours.weights != 0])
    assert found == pytest.approx(float(nats), rel=1e-6)


def test_training_goes_on_and_the_result_opens_in_transformers(adapted, gpt2):
    run = open_run(adapted)
    before = evaluate(open_run(adapted / "origin"), [str(adapted / "recipe.toml")]).loss
    assert run.step == 200
    metrics = [json.loads(line) for line in (adapted / "metrics.jsonl").read_text().splitlines()]
    losses = [item["loss"] for item in metrics if item["kind"] == "train"]
    assert losses[0] == pytest.approx(before, rel=0.1) and losses[-1] < 0.5 * losses[0]
    measured = [item for item in metrics if item["kind"] == "held_out"]
    assert measured[0]["step"] == 0 and measured[-1]["loss"] < 0.5 * measured[0]["loss"]
    gain = Evaluation.load(adapted / "result.json").notes[0]
    assert gain.startswith(
        f"On your held-out text: before {measured[0]['loss']:.4f} -> after {measured[-1]['loss']:.4f} "
    )
    on_its_text = evaluate(open_run(adapted / "origin"))
    assert on_its_text.loss == pytest.approx(measured[0]["loss"], rel=0.1)
    assert (on_its_text.text_bytes, on_its_text.unigram) == (Evaluation.load(adapted / "result.json").text_bytes, None)
    folder = export(run)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = torch.tensor([[2, 30, 31, 32, 33, 40, 6, 90]])
    with torch.no_grad():
        ours = run.model.logits(Tensors(ids, ids, torch.ones(ids.shape), 8.0, torch.arange(8)))
        torch.testing.assert_close(ours, theirs(ids).logits, atol=1e-5, rtol=0)
    assert "started from the weights of gpt2 (GPT2LMHeadModel)" in (folder / "README.md").read_text()


def test_the_recipe_repeats_the_run_and_says_where_it_began(adapted, gpt2, book, tmp_path):
    assert settings.load_recipe(adapted / "recipe.toml").start.path == str(gpt2)
    pretrain(recipe(adapted, book, "objective.kind=diffusion"), tmp_path / "once", plain=True)
    saved_recipe = settings.load_recipe(tmp_path / "once" / "recipe.toml")
    assert saved_recipe.start.path == str(adapted) and saved_recipe.training.optimizer == "adamw"
    pretrain(saved_recipe, tmp_path / "again", plain=True)
    assert_same(tmp_path / "once", tmp_path / "again")


@pytest.mark.parametrize("kept", [0, 2])
def test_resumed_without_its_origin_it_ends_with_the_same_bits(kept, gpt2, book, tmp_path):
    folder = shutil.copytree(gpt2, tmp_path / "model")
    often = ["training.checkpoint_minutes=1e-9", "training.keep_checkpoints=9", "objective.kind=diffusion"]
    pretrain(recipe(folder, book, *often), tmp_path / "whole", plain=True)
    shutil.rmtree(folder)
    out = shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    (out / "result.json").unlink()
    for checkpoint in sorted((out / "checkpoints").iterdir())[kept:]:
        shutil.rmtree(checkpoint)
    resume(out, plain=True)
    assert_same(tmp_path / "whole", out)
    assert result_of(out) == result_of(tmp_path / "whole")


@pytest.mark.slow
def test_killed_and_resumed_without_its_origin_it_ends_with_the_same_bits(gpt2, book, tmp_path):
    folder = shutil.copytree(gpt2, tmp_path / "model")
    given = [str(book), "--from", str(folder), *SMALL, "budget.steps=150", "training.checkpoint_minutes=0.001"]
    finish(child(*given, "--out", str(tmp_path / "whole")))
    out = tmp_path / "killed"
    process = child(*given, "--out", str(out))
    metrics = out / "metrics.jsonl"
    for moment in (lambda: (out / "plan.json").exists(), lambda: metrics.exists() and metrics.stat().st_size > 5000):
        while not moment() and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        process.wait()
        assert not (out / "result.json").exists(), "the run ended before it was killed"
        shutil.rmtree(folder, ignore_errors=True)
        process = child("--resume", str(out))
    finish(process)
    assert_same(tmp_path / "whole", out)


def test_a_damaged_copy_of_the_origin_is_noticed(gpt2, book, tmp_path, imported):
    copy = shutil.copytree(imported, tmp_path / "run")
    path = next((copy / "checkpoints").rglob("*.safetensors"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="is intact"):
        pretrain(recipe(copy, book), tmp_path / "out", plain=True)
    assert not (tmp_path / "out").exists()


def test_a_run_is_gone_on_from_like_a_folder(adapted, book, tmp_path):
    pretrain(recipe(adapted, book), tmp_path / "more", plain=True)
    record = origin_of(tmp_path / "more")
    assert (record["kind"], record["step"], record["origin"]["family"]) == ("run", 200, "gpt2")
    first = next(json.loads(line)["loss"] for line in (tmp_path / "more" / "metrics.jsonl").open())
    assert first < 2.0
    assert (
        "run adapted at step 200, which started from gpt2"
        in (export(open_run(tmp_path / "more")) / "README.md").read_text()
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("model.width=128", "width is 64 in the base model .* cannot be 128"),
        ("model.max_length=32", "training.row_length"),
        ("training.row_length=65", "training.row_length 65 must be at most"),
        ("tokenizer.size=500", "brings its tokenizer"),
        ("objective.kind=span", "encoder-decoder"),
    ],
)
def test_what_the_model_settles_is_not_for_the_recipe_to_choose(gpt2, book, tmp_path, change, says):
    with pytest.raises(UserError, match=says):
        pretrain(recipe(gpt2, book, change), tmp_path / "out", plain=True)
    assert not (tmp_path / "out").exists()


def test_shorter_rows_may_be_chosen(gpt2, book, tmp_path):
    pretrain(recipe(gpt2, book, "training.row_length=32", "model.dropout=0.1"), tmp_path / "out", plain=True)
    run = open_run(tmp_path / "out")
    assert (run.recipe.row_length, run.recipe.model.max_length, run.recipe.model.dropout) == (32, 64, 0.1)


SWITCHES = {
    "prefix": ("objective.kind=prefix", []),
    "fim": ("objective.kind=fim", ["<fim_prefix>", "<fim_suffix>", "<fim_middle>"]),
    "joined": ("objective.kind=joined", None),
    "diffusion": ("objective.kind=diffusion", ["<|mask|>"]),
    "masked": ("objective.kind=masked", ["<|mask|>"]),
    "replaced": ("objective.kind=replaced", ["<|mask|>"]),
    "sop": ("objective.kind=sop", ["<|pad|>", "<|mask|>"]),
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_causal_model_learns_another_objective(switch, adapted, book, tmp_path):
    """Old logits stay: what is new stands behind the last id, and nothing old is touched."""
    setting, names = SWITCHES[switch]
    more = ["objective.objective.kind=ul2r"] if switch == "joined" else []
    pretrain(recipe(adapted, book, setting, *more), tmp_path / "out", plain=True)
    old, new = load_tokenizer(adapted), load_tokenizer(tmp_path / "out")
    assert all(np.array_equal(old.encode([text])[0], new.encode([text])[0]) for text in TEXTS)
    added = new.tokens(range(old.vocab.size, new.vocab.size))
    assert added == names if names is not None else {"<|pad|>", "[R]", "[S]", "[X]", "<extra_id_0>"} <= set(added)
    run = open_run(tmp_path / "out")
    assert run.recipe.model.vocab_size == max(new.vocab.size, old.vocab.size + 2)
    if run.recipe.model.topology == "encoder" and switch in ("diffusion", "masked"):
        (gap,) = fill_text(run, "The old ___ sees fish.", length=1).gaps
        assert len(gap.candidates) == (1 if switch == "diffusion" else 5)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "out" / "metrics.jsonl").open()]
    assert all(np.isfinite(losses))


def test_logits_of_old_tokens_stay_and_new_rows_are_draws(adapted, book):
    origin = read_model(adapted)
    tokenizer, added = with_special_tokens(origin.tokenizer, Requirements(("pad", "mask"), 100, ("[R]",)))
    assert added == ("<|pad|>", "<|mask|>", "[R]", *(f"<extra_id_{number}>" for number in reversed(range(100))))
    assert tokenizer.vocab.sentinels[0] == tokenizer.vocab.size - 1
    asked = settled(recipe(adapted, book), origin.recipe.model)
    asked = dataclasses.replace(
        asked, model=dataclasses.replace(asked.model, vocab_size=tokenizer.vocab.size, dropout=0.0)
    )
    models = [build_model(asked, torch.device("cpu")).eval() for _ in range(2)]
    for model in models:
        assert adopt(model, origin, tokenizer, {}, seed=3) == adopt(model, origin, tokenizer, {}, seed=3)
    ids = torch.tensor([[2, 30, 31, 32, 33, 40, 6, 90]])
    batch = Tensors(ids, ids, torch.ones(ids.shape), 8.0, torch.arange(8))
    before = open_run(adapted).model.logits(batch)
    after = models[0].logits(batch)
    size = origin.tokenizer.vocab.size
    assert torch.equal(after[..., :size], before[..., :size])
    table, old = models[0].embed.tokens.weight.detach(), origin.tokenizer.vocab.words
    assert torch.equal(table, models[1].embed.tokens.weight)
    rows, fresh = table[torch.from_numpy(old.astype(np.int64))], table[size:]
    assert torch.linalg.matrix_rank(fresh - fresh.mean(0)) == 64  # all different, in every direction
    torch.testing.assert_close(fresh.mean(0), rows.mean(0), atol=5 * float(rows.std()) / 10, rtol=0)
    assert 0.7 < float((fresh - rows.mean(0)).pow(2).mean() / (rows - rows.mean(0)).pow(2).mean()) < 1.4


@pytest.mark.parametrize("kind", ["causal", "masked", "diffusion"])
def test_a_stack_changes_its_name_and_nothing_else(kind, adapted, book):
    """Where there is one token to see, a decoder and the encoder made of it say the same."""
    origin = read_model(adapted)
    asked = settled(recipe(adapted, book, f"objective.kind={kind}"), origin.recipe.model)
    entries = origin.recipe.model.vocab_size
    asked = dataclasses.replace(asked, model=dataclasses.replace(asked.model, vocab_size=entries, dropout=0.0))
    model = build_model(asked, torch.device("cpu")).eval()
    assert adopt(model, origin, origin.tokenizer, {}, seed=0) == Adopted((), ())
    ids = torch.arange(300)[:, None]
    batch = Tensors(ids, ids, torch.ones(ids.shape), 300.0, torch.arange(300))
    with torch.no_grad():
        torch.testing.assert_close(model.logits(batch), open_run(adapted).model.logits(batch), atol=1e-6, rtol=1e-6)
    there = BaseModel(asked, origin.tokenizer, model.state_dict(), 0)
    back = settled(recipe(adapted, book), asked.model)
    assert dataclasses.replace(back.model, vocab_size=0) == dataclasses.replace(
        settled(recipe(adapted, book), origin.recipe.model).model, vocab_size=0
    )
    wider = dataclasses.replace(back, model=dataclasses.replace(back.model, vocab_size=entries))
    again = build_model(wider, torch.device("cpu"))
    adopt(again, there, origin.tokenizer, {}, seed=0)
    assert all(torch.equal(again.state_dict()[name], value) for name, value in origin.state.items())


@pytest.mark.parametrize("case", CASES)
def test_every_familys_weights_have_a_place_under_other_objectives(case):
    """What is new is a head's, and nothing of the model is left behind but a head; types begin without effect."""
    config = config_of(case)
    given = random_model(config).state_dict()
    for kind in ("causal", "masked", "diffusion", "nsp", "span"):
        objective = build(kind, {}, EMPTY)
        both = {config.topology, objective.topology}
        if len(both) == 2 and ("encoder-decoder" in both or config.shared_layers):
            with pytest.raises(UserError, match="topology"):
                settled(continued(objective, "model"), config)
            continue
        shape = settled(continued(objective, "model"), config).model
        model = Transformer(dataclasses.replace(shape, vocab_size=config.vocab_size, dropout=0.0))
        origin = BaseModel(
            dataclasses.replace(continued(objective_like(config), "model"), model=config), EMPTY_CODEC, given, 0
        )
        found = adopt(model, origin, EMPTY_CODEC, {}, seed=0)
        assert all(name.startswith("pair.") for name in found.new), found
        assert all(name.startswith("pair.") for name in found.left), found
        if config.token_types == 1 and kind == "nsp":
            types = model.state_dict()["embed.types.weight"]
            assert torch.equal(types, given["embed.types.weight"].expand(2, -1))
        if config.token_types == 0 and kind == "nsp":
            assert not model.state_dict()["embed.types.weight"].any()


def objective_like(config):
    kinds = {"decoder": "causal", "encoder": "nsp" if config.pair_head else "masked", "encoder-decoder": "span"}
    return build(kinds[config.topology], {}, EMPTY)


def test_an_encoder_decoder_changes_objectives_among_its_like_alone(t5, book, tmp_path):
    for kind in ("ul2", "bart", "prefix"):
        more = ["objective.topology=encoder-decoder"] if kind == "prefix" else []
        pretrain(recipe(t5, book, f"objective.kind={kind}", *more), tmp_path / kind, plain=True)
    run = open_run(tmp_path / "bart")
    assert run.tokenizer.tokens([run.tokenizer.vocab.size - 1]) == ["<extra_id_0>"]
    with pytest.raises(UserError, match="topology encoder-decoder"):
        pretrain(recipe(t5, book, "objective.kind=causal"), tmp_path / "causal", plain=True)


def test_a_masked_encoder_becomes_a_discriminator_and_back(gpt2, book, tmp_path):
    pretrain(recipe(gpt2, book, "objective.kind=masked"), tmp_path / "masked", plain=True)
    pretrain(recipe(tmp_path / "masked", book, "objective.kind=replaced"), tmp_path / "electra", plain=True)
    pretrain(recipe(tmp_path / "electra", book, "objective.kind=masked"), tmp_path / "back", plain=True)
    begun, ended = state(tmp_path / "masked"), state(tmp_path / "back")
    assert {name for name in begun if name.startswith("model.")} == {n for n in ended if n.startswith("model.")}


MEDICINE = [
    "Electrocardiography shows arrhythmia.",
    "Bradycardia follows hyperkalaemia.",
    "Tachycardia precedes arrhythmia.",
    "Echocardiography excludes cardiomyopathy.",
]


def chart(sentences: int, seed: int) -> str:
    choose = random.Random(seed).choice
    return "\n\n".join(" ".join(choose(MEDICINE) for _ in range(4)) for _ in range(sentences // 4)) + "\n"


def test_new_pieces_shorten_the_text_and_cost_nothing(adapted, tmp_path):
    """Bits per byte may be compared between tokenizers; tokens per byte fall."""
    path = tmp_path / "charts.txt"
    path.write_text(chart(2000, 1), encoding="utf-8")
    tokens, first, last = {}, {}, {}
    for number in (0, 60):
        more = [f"start.new_pieces={number}", "model.dropout=0"]
        untrained = recipe(adapted, path, *more, "budget.steps=1", "training.learning_rate=1e-12")
        first[number] = pretrain(untrained, tmp_path / f"{number}-untrained", plain=True).bits_per_byte
        trained = recipe(adapted, path, *more, "budget.steps=60", "training.learning_rate=3e-3")
        last[number] = pretrain(trained, tmp_path / str(number), plain=True).bits_per_byte
        tokenizer = load_tokenizer(tmp_path / str(number))
        tokens[number] = len(tokenizer.encode([path.read_text()])[0])
    assert tokenizer.vocab.size == load_tokenizer(adapted).vocab.size + 60
    assert tokens[60] < 0.6 * tokens[0]
    assert 0 < last[60] < 1.1 * last[0] < first[0] and last[60] < first[60] < 2 * first[0]
    resume(tmp_path / "60", plain=True)
    folder = export(open_run(tmp_path / "60"))
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    assert theirs(MEDICINE[0])["input_ids"] == tokenizer.encode([MEDICINE[0]])[0].tolist()


def run_cli(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main(list(arguments))
    return int(caught.value.code or 0)


def test_the_command_line_imports_and_goes_on(gpt2, book, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_cli("import", str(gpt2)) == 0
    out = capsys.readouterr().out
    assert "gpt2 (GPT2LMHeadModel), objective causal" in out and "positions   64" in out
    assert (tmp_path / "runs" / "gpt2" / "origin.json").exists()
    assert (
        run_cli("pretrain", "--plain", str(book), "--from", "runs/gpt2", "--steps", "2", "--out", "more", *SMALL) == 0
    )
    assert "weights: from the base model runs/gpt2, step 0" in capsys.readouterr().out
    assert run_cli("export", "more", "--shard", "100KB") == 0
    assert len(list((tmp_path / "more" / "export").glob("model-*.safetensors"))) > 2
    theirs, report = transformers.AutoModelForCausalLM.from_pretrained("more/export", output_loading_info=True)
    assert not any(report.values())
    assert torch.equal(theirs.transformer.wte.weight, open_run(tmp_path / "more").model.embed.tokens.weight)
    assert run_cli("import", "more/export", "--out", "again") == 0
    assert run_cli("export", "more", "--shard", "large") == 2
    capsys.readouterr()
    assert run_cli("import", "nowhere/model") == 2
    assert "hf download nowhere/model" in capsys.readouterr().err
    assert run_cli("pretrain", str(book), "--from", "runs/gpt2", "--recipe", "bert") == 2
    assert "only one recipe or model" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(set(RECIPES) - {"demo", "gpt", "llama"}))
def test_every_recipes_model_goes_out_and_comes_back(name, book, tmp_path):
    """Run, folder, run, folder: the weights and the objective stay, whatever heads and halves the model has."""
    sizes = ["model.width=96", "model.layers=2", "model.heads=2", "model.max_length=64", "model.vocab_size=0"]
    text = [f"data.paths={book}", "tokenizer.size=320" if name != "t5" else "tokenizer.size=150", "budget.steps=2"]
    pretrain(settings.override(named(name), [*SMALL, *sizes, *text]), tmp_path / "run", plain=True)
    run = open_run(tmp_path / "run")
    folder = export(run)
    import_folder(folder, tmp_path / "imported")
    back = open_run(tmp_path / "imported")
    assert kind_of(back.recipe.objective) == kind_of(run.recipe.objective)
    mine, theirs = run.model.state_dict(), back.model.state_dict()
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[key], value) for key, value in theirs.items())
    again = export(back)
    for path in folder.rglob("model.safetensors"):
        given, returned = load_file(path), load_file(again / path.relative_to(folder))
        assert given.keys() == returned.keys()
        assert all(torch.equal(given[key], value) for key, value in returned.items())
    assert [back.tokenizer.encode([text])[0].tolist() for text in TEXTS] == [
        run.tokenizer.encode([text])[0].tolist() for text in TEXTS
    ]
    pretrain(recipe(tmp_path / "imported", book, "budget.steps=2"), tmp_path / "more", plain=True)
    assert np.isfinite(Evaluation.load(tmp_path / "more" / "result.json").loss)


def test_a_discriminator_without_its_generator_gets_a_new_one(book, tmp_path):
    sizes = ["model.width=64", "model.layers=2", "model.heads=2", "model.max_length=64", "tokenizer.size=320"]
    pretrain(
        settings.override(named("electra"), [*SMALL, *sizes, f"data.paths={book}", "budget.steps=2"]),
        tmp_path / "run",
        plain=True,
    )
    folder = export(open_run(tmp_path / "run"))
    shutil.rmtree(folder / "generator")
    import_folder(folder, tmp_path / "imported")
    mine, theirs = state(tmp_path / "run"), state(tmp_path / "imported")
    assert torch.equal(mine["model.judge.dense.weight"], theirs["model.judge.dense.weight"])
    assert not torch.equal(mine["model.generator.dense.weight"], theirs["model.generator.dense.weight"])
    pretrain(recipe(tmp_path / "imported", book, "objective.kind=masked"), tmp_path / "masked", plain=True)
    assert len(fill_text(open_run(tmp_path / "masked"), "The old ___ sees fish.").gaps[0].candidates) == 5
