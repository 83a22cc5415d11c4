"""BERT and its relatives against transformers: pair heads, both halves of ELECTRA, others' files, packed rows.

What they share with all families is in test_families.py. Shapes: B rows, T positions, E width of the embeddings.
"""

import dataclasses
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from published_models import BERT, LINES, SIZE, config_of, padded_batch, random_model
from safetensors.torch import load_file, save_file

from hornbook.batch import Batch
from hornbook.convert.export_hf import export, export_electra
from hornbook.convert.families import choose, find, recognise
from hornbook.convert.families.explicit import explicit
from hornbook.convert.families.tensors import from_hf, left_aside, to_hf
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.model.electra import Electra, discriminator_config, generator_config, generator_share, halves, joined
from hornbook.model.inputs import Tensors, to_tensors
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import Requirements
from hornbook.scaling.count import parameters
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, train_tokenizer
from hornbook.vocab import Vocab

transformers = pytest.importorskip("transformers")

CPU = torch.device("cpu")
PAIRS = {
    "bert": dataclasses.replace(BERT, **SIZE, pair_head=True),
    "albert": dataclasses.replace(config_of("albert"), pair_head=True),
}
# name: (embedding_width, share of the generator, further settings)
ELECTRAS = {
    "narrow": (12, 0.5, {}),
    "one width": (0, 0.25, {}),
    "the generator's width": (16, 0.5, {"token_types": 1, "mlp_width": 40, "norm_epsilon": 0.1}),
    "equal halves": (48, 1.0, {}),
}
SMALL = {
    "vocab_size": 91,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 24,
}
# (class, settings) of models that transformers makes and saves itself
THEIRS = {
    "BertForMaskedLM": {},
    "BertForPreTraining": {},
    "RobertaForMaskedLM": {"pad_token_id": 1, "type_vocab_size": 1, "layer_norm_eps": 1e-5},
    "AlbertForMaskedLM": {"embedding_size": 16},
    "AlbertForPreTraining": {"embedding_size": 16, "hidden_act": "gelu_new"},
    "ElectraForMaskedLM": {"embedding_size": 16},
    "ElectraForPreTraining": {"embedding_size": 32},
}
PUBLISHED = {
    "BertForMaskedLM": ({}, 109_514_298),
    "BertForPreTraining": ({}, 110_106_428),
    "RobertaForMaskedLM": (
        {"vocab_size": 50_265, "max_position_embeddings": 514, "type_vocab_size": 1, "pad_token_id": 1},
        124_697_433,
    ),
    "AlbertForPreTraining": ({"vocab_size": 30_000, "embedding_size": 128}, 11_813_810),
    "ElectraForPreTraining": (
        {"embedding_size": 128, "hidden_size": 256, "num_attention_heads": 4, "intermediate_size": 1024},
        13_549_057,
    ),
}
BASE = {
    "vocab_size": 30_522,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "hidden_act": "gelu",
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    text = train_tokenizer(LINES * 3, "bpe", 380, Requirements(), "both")
    return Tokenizer(text, Vocab.from_tokenizer(text))


def electra_of(name: str) -> Electra:
    """An Electra whose parameters are all far from their first values."""
    width, share, settings = ELECTRAS[name]
    model = Electra(dataclasses.replace(BERT, **SIZE, embedding_width=width, **settings), share, 50.0).eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model


def of_pairs(config: ModelConfig) -> Tensors:
    """Rows of different lengths, padded, three positions of each scored, both classes among the pairs."""
    given = padded_batch(config)
    weights = np.zeros_like(given.weights)
    weights[:, 1:4] = 1.0
    count = weights.sum(1).astype(float)
    return to_tensors(dataclasses.replace(given, weights=weights, count=count, pair=np.array([1, 0, 1])), CPU)


def arguments(batch: Tensors) -> dict[str, torch.Tensor | None]:
    real = torch.ones_like(batch.inputs) if batch.segments is None else batch.segments.sign()
    return {"input_ids": batch.inputs, "attention_mask": real, "token_type_ids": batch.types}


def opened(architecture: str, folder):
    """Load with the class itself, insisting that no weight is missing, left over or of another shape."""
    model, report = getattr(transformers, architecture).from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    return model.eval()


@pytest.mark.parametrize("case", PAIRS)
def test_the_head_for_pairs_is_that_of_the_class(case: str, tokenizer: Tokenizer, tmp_path):
    config = PAIRS[case]
    family = choose(config)
    model, batch = random_model(config), of_pairs(config)
    folder = export(model.state_dict(), config, tokenizer.text, tokenizer.vocab, "card", tmp_path / "model")
    assert json.loads((folder / "config.json").read_text())["architectures"] == [family.pairs]
    theirs = transformers.AutoModelForPreTraining.from_pretrained(folder).eval()
    assert type(theirs).__name__ == family.pairs
    opened(family.pairs, folder)
    scored = batch.weights != 0
    labels = {"labels": torch.where(scored, batch.targets, -100)}
    labels["next_sentence_label" if case == "bert" else "sentence_order_label"] = batch.pair
    with torch.no_grad():
        said = theirs(**arguments(batch), **labels)
        classes = said.seq_relationship_logits if case == "bert" else said.sop_logits
        real = batch.segments != 0
        assert (model.logits(batch)[real] - said.prediction_logits[real]).abs().max() < 1e-5
        assert classes.std() > 0.1
        assert (model.pair(model.hidden(batch)[:, 0]) - classes).abs().max() < 1e-5
        assert torch.allclose(model.pair_nats(batch), -torch.log_softmax(classes, -1), atol=1e-5)
        # Rows count alike here, so the loss is the sum of two means, as in BERT.
        assert float(model.loss(batch) / batch.count) == pytest.approx(float(said.loss), rel=1e-6)

    tensors = load_file(folder / "model.safetensors")
    back = from_hf(family, tensors, family.config(json.loads((folder / "config.json").read_text())))
    assert back.keys() == model.state_dict().keys()
    assert all(torch.equal(back[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("name", ELECTRAS)
def test_both_halves_of_electra_are_those_of_their_classes(name: str, tokenizer: Tokenizer, tmp_path):
    electra = electra_of(name)
    config, state = electra.config, electra.state_dict()
    cards = ("kept", "beside")
    folder = export_electra(state, config, electra.inner, tokenizer.text, tokenizer.vocab, cards, tmp_path / "model")
    assert [(place / "README.md").read_text() for place in (folder, folder / "generator")] == list(cards)
    judge, generator = opened("ElectraForPreTraining", folder), opened("ElectraForMaskedLM", folder / "generator")
    assert type(transformers.AutoModelForPreTraining.from_pretrained(folder)) is type(judge)
    assert type(transformers.AutoModelForMaskedLM.from_pretrained(folder / "generator")) is type(generator)
    assert transformers.AutoTokenizer.from_pretrained(folder / "generator")("a")["input_ids"]

    batch = to_tensors(padded_batch(config), CPU)
    with torch.no_grad():
        scored = batch.weights != 0
        logits = generator(**arguments(batch)).logits[scored]
        ours = electra.generator(electra._embedded(batch.inputs, batch), batch)
        ours = F.linear(ours, electra.embed.tokens.weight, electra.generator.bias)
        assert ours.std() > 0.1
        assert (ours - logits).abs().max() < 1e-5
        found, replaced = electra.judged(batch)
        shown = batch.inputs.clone()
        shown[scored] = electra._samples(batch, electra.generator(electra._embedded(batch.inputs, batch), batch))
        judged = judge(**{**arguments(batch), "input_ids": shown}).logits
        assert found[scored].std() > 0.1
        assert (found - judged)[scored].abs().max() < 1e-5
        expected = F.cross_entropy(logits, batch.targets[scored], reduction="sum")
        for row, real in enumerate(scored):  # every real position is scored
            one = {key: value[row : row + 1] for key, value in {**arguments(batch), "input_ids": shown}.items()}
            nats = judge(**one, labels=replaced[row : row + 1].long()).loss
            expected += 50.0 * real.sum() * nats
        assert float(electra.loss(batch)) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("name", ELECTRAS)
def test_an_electra_comes_back_from_its_folders(name: str, tokenizer: Tokenizer, tmp_path):
    electra = electra_of(name)
    state = electra.state_dict()
    folder = export_electra(
        state, electra.config, electra.inner, tokenizer.text, tokenizer.vocab, ("", ""), tmp_path / "e"
    )
    read = []
    for place in (folder, folder / "generator"):
        settings = json.loads((place / "config.json").read_text())
        family = recognise(settings)
        config = family.config(settings)
        tensors = from_hf(family, load_file(place / "model.safetensors"), config)
        Transformer(config).load_state_dict(tensors)  # each is a model of its own
        read.append((config, tensors))
    (kept, discriminator), (beside, generator) = read
    assert kept == explicit(discriminator_config(electra.config))
    share = generator_share(kept, beside)
    assert share == ELECTRAS[name][1]
    again = Electra(kept, share, 50.0)
    again.load_state_dict(joined(discriminator, generator))
    assert again.state_dict().keys() == state.keys()
    assert all(torch.equal(again.state_dict()[key], value) for key, value in state.items())
    batch = to_tensors(padded_batch(electra.config), CPU)
    with torch.no_grad():
        assert torch.equal(again.eval().loss(batch), electra.loss(batch))
        alone = Transformer(kept).eval()
        alone.load_state_dict(discriminator)
        x = electra.embed.widened(electra._embedded(batch.inputs, batch))
        whole = electra.judge(electra.encoder(x, batch.segments))
        assert torch.equal(alone.judged(batch), whole)


def test_a_discriminator_goes_on_with_a_new_generator():
    electra = electra_of("narrow")
    discriminator, generator = halves(electra.state_dict())
    again = Electra(discriminator_config(electra.config), 0.5, 50.0)
    first = {name: value.clone() for name, value in again.state_dict().items()}
    again.load_state_dict(joined(discriminator, {}), strict=False)
    for name, value in again.state_dict().items():
        assert torch.equal(value, first[name] if name.startswith("generator.") else discriminator[name])
    other = {**generator, "embed.norm.bias": generator["embed.norm.bias"] + 1}
    with pytest.raises(UserError, match=r"share embeddings, but embed\.norm\.bias differs"):
        joined(discriminator, other)
    deeper = dataclasses.replace(generator_config(electra.config, 0.5), layers=1)
    with pytest.raises(UserError, match=r"its layers is 1, but at 0\.5 of the width it must be 3"):
        generator_share(discriminator_config(electra.config), deeper)


def test_a_judge_says_no_tokens_and_other_models_judge_none():
    judge = Transformer(discriminator_config(electra_of("narrow").config))
    batch = to_tensors(padded_batch(judge.config), CPU)
    with pytest.raises(UserError, match="has no output head for tokens"):
        judge.loss(batch)
    with pytest.raises(UserError, match="only ELECTRA's discriminator"):
        random_model(config_of("bert")).judged(batch)


def test_an_electra_of_another_block_is_refused_in_words(tokenizer: Tokenizer, tmp_path):
    for config, words in (
        (config_of("modernbert"), r"exactly as electra, which needs .*model\.norm_place = 'post'"),
        (
            dataclasses.replace(BERT, **SIZE, activation="relu"),
            r"exactly as electra-generator, which needs model\.activation = 'gelu', not 'relu'",
        ),
    ):
        electra = Electra(config, 0.5, 50.0)
        with pytest.raises(UserError, match=words):
            export_electra(
                electra.state_dict(),
                config,
                electra.inner,
                tokenizer.text,
                tokenizer.vocab,
                ("", ""),
                tmp_path / "model",
            )
        assert not list(tmp_path.iterdir())


def saved(architecture: str, folder, **settings):
    """A model that transformers made at random and saved, none of its vectors trivial."""
    kind = getattr(transformers, architecture)
    torch.manual_seed(3)
    model = kind(kind.config_class(**{**SMALL, **settings})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape)
    model.save_pretrained(folder)
    return model


def read(folder, **entries) -> tuple[ModelConfig, Transformer]:
    settings = {**json.loads((folder / "config.json").read_text()), **entries}
    family = recognise(settings)
    config = family.config(settings)
    model = Transformer(config).eval()
    model.load_state_dict(from_hf(family, load_file(folder / "model.safetensors"), config))
    return config, model


@pytest.mark.parametrize("architecture", THEIRS)
def test_a_folder_that_transformers_saved_has_the_same_logits_here(architecture: str, tmp_path):
    theirs = saved(architecture, tmp_path, **THEIRS[architecture])
    config, model = read(tmp_path)
    batch = to_tensors(padded_batch(config), CPU)
    given = arguments(batch)
    given["input_ids"] = given["input_ids"].masked_fill(given["attention_mask"] == 0, theirs.config.pad_token_id)
    real = batch.segments != 0
    with torch.no_grad():
        said = theirs(**given)
        if config.rtd_head:
            pairs = [(model.judged(batch), said.logits)]
        elif config.pair_head:
            classes = said.seq_relationship_logits if "Bert" in architecture else said.sop_logits
            pairs = [(model.logits(batch), said.prediction_logits), (model.pair(model.hidden(batch)[:, 0]), classes)]
        else:
            pairs = [(model.logits(batch), said.logits)]
        for ours, logits in pairs:
            picked = real if ours.shape[:2] == real.shape else slice(None)
            assert ours[picked].std() > 0.1
            assert (ours[picked] - logits[picked]).abs().max() < 1e-5
    # And back again, bit by bit: the whole table of positions included.
    kept = to_hf(choose(config), model.state_dict(), config)
    tensors = load_file(tmp_path / "model.safetensors")
    assert kept.keys() == tensors.keys()
    assert all(torch.equal(kept[name], value) for name, value in tensors.items())


def test_roberta_counts_from_behind_its_padding(tmp_path):
    saved("RobertaForMaskedLM", tmp_path, **THEIRS["RobertaForMaskedLM"])
    config, model = read(tmp_path)
    assert (config.position_offset, config.max_length, config.token_types) == (2, 22, 1)
    assert len(model.embed.positions.weight) == 24


@pytest.mark.parametrize("architecture", ["BertForPreTraining", "AlbertForPreTraining", "RobertaForMaskedLM"])
def test_heads_that_a_config_does_not_name_are_left_aside(architecture: str, tmp_path):
    theirs = saved(architecture, tmp_path, **THEIRS[architecture])
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    body = theirs.base_model_prefix
    if body == "roberta":  # as roberta-base has it
        tensors |= {f"roberta.pooler.dense.{part}": torch.zeros(32) for part in ("weight", "bias")}
        save_file(tensors, file, {"format": "pt"})
    alone = f"{body.capitalize()}ForMaskedLM"
    config, model = read(tmp_path, architectures=[alone])
    assert not config.pair_head and model.pair is None
    heads = {
        "bert": ["bert.pooler.dense", "cls.seq_relationship"],
        "albert": ["albert.pooler", "sop_classifier.classifier"],
        "roberta": ["roberta.pooler.dense"],
    }[body]
    expected = sorted(f"{head}.{part}" for head in heads for part in ("weight", "bias"))
    assert sorted(left_aside(find(body), tensors, config)) == expected
    whole = dataclasses.replace(config, pair_head=True)
    assert left_aside(find(body), tensors, whole) == ([] if body != "roberta" else sorted(expected, reverse=True))
    with pytest.raises(UserError, match=r"classifier\.weight"):
        from_hf(find(body), {**tensors, "classifier.weight": torch.zeros(2)}, config)


@pytest.mark.parametrize("architecture", [name for name in THEIRS if "Electra" not in name])
def test_names_that_earlier_versions_wrote_are_read(architecture: str, tmp_path):
    theirs = saved(architecture, tmp_path, **THEIRS[architecture])
    config, model = read(tmp_path)
    body = theirs.base_model_prefix
    decoder = {"bert": "cls.predictions.", "roberta": "lm_head.", "albert": "predictions."}[body]
    tensors = load_file(tmp_path / "model.safetensors")
    old = {}
    for name, value in tensors.items():
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        old[name.removeprefix(f"{body}.")] = value
    old["embeddings.position_ids"] = torch.arange(24)[None]
    old[f"{decoder}decoder.weight"] = old["embeddings.word_embeddings.weight"].clone()
    old[f"{decoder}decoder.bias"] = old[f"{decoder}bias"].clone()
    found = from_hf(find(body), old, config)
    assert all(torch.equal(found[name], value) for name, value in model.state_dict().items())
    assert left_aside(find(body), old, config) == []
    old[f"{decoder}decoder.weight"] += 1
    with pytest.raises(UserError, match="should be equal, but they differ"):
        from_hf(find(body), old, config)


def test_a_tokenizer_whose_padding_does_not_fit_the_positions_is_refused(tokenizer: Tokenizer, tmp_path):
    config = dataclasses.replace(config_of("roberta"), position_offset=2)
    with pytest.raises(
        UserError, match=r"padding token's id, which is 0 .* train with model\.position_offset=1, not 2"
    ):
        export(Transformer(config).state_dict(), config, tokenizer.text, tokenizer.vocab, "card", tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("family", "case", "change", "words"),
    [
        ("roberta", "roberta", {"activation": "relu"}, r"model\.activation = 'gelu', not 'relu'"),
        ("roberta", "roberta", {"position_offset": 0}, r"model\.position_offset = 1 or more, not 0"),
        ("roberta", "roberta", {"pair_head": True}, r"model\.pair_head = False, not True"),
        ("albert", "albert", {"embedding_width": 0}, r"model\.embedding_width = 1 or more, not 0"),
        ("albert", "albert", {"embedding_width": SIZE["width"]}, r"model\.embedding_width = 1 or more, not 0"),
        ("albert", "albert", {"shared_layers": False}, r"model\.shared_layers = True, not False"),
        ("electra", "electra-generator", {}, r"model\.rtd_head = True, not False"),
    ],
)
def test_each_class_says_what_it_needs(family, case, change, words):
    assert words.replace("\\", "") in find(family).holds(dataclasses.replace(config_of(case), **change))


@pytest.mark.parametrize("architecture", PUBLISHED)
def test_parameters_of_published_encoders(architecture: str):
    changes, expected = PUBLISHED[architecture]
    kind = getattr(transformers, architecture)
    settings = {"model_type": kind.config_class.model_type, "architectures": [architecture], **BASE, **changes}
    assert parameters(recognise(settings).config(settings)) == expected
    with torch.device("meta"):
        theirs = kind(kind.config_class(**{**BASE, **changes}))
    assert sum(parameter.numel() for parameter in theirs.parameters()) == expected


def packed(config: ModelConfig, neighbours: int) -> Tensors:
    """Rows of three documents of which the middle one, at positions 6 to 14, is always the same, then padding."""
    same, other = np.random.default_rng(1), np.random.default_rng(neighbours)
    segments = np.tile(np.repeat([1, 2, 3, 0], [6, 9, 6, 3]), (2, 1)).astype(np.int32)
    inputs = np.where(segments, other.integers(5, config.vocab_size, segments.shape), 0)
    inputs[:, 6:15] = same.integers(5, config.vocab_size, (2, 9))
    types = other.integers(0, max(1, config.token_types), segments.shape).astype(np.int32)
    types[:, 6:15] = same.integers(0, max(1, config.token_types), (2, 9))
    weights = np.ones(segments.shape, np.float32)
    count = weights.sum(1).astype(float)
    return to_tensors(Batch(inputs, inputs, weights, count, segments, types=types if config.token_types else None), CPU)


@pytest.mark.parametrize(
    "case", ["modernbert", "bert", "roberta", "roberta-types", "albert", "electra-generator", "judge"]
)
def test_a_document_in_a_packed_row_does_not_see_its_neighbours(case: str):
    config = discriminator_config(config_of("electra-generator")) if case == "judge" else config_of(case)
    model = random_model(config)
    say = model.judged if config.rtd_head else model.logits
    one, other = packed(config, 2), packed(config, 3)
    alone = to_tensors(
        Batch(
            *(one.inputs[:, 6:15].numpy(),) * 2,
            np.ones((2, 9), np.float32),
            np.full(2, 9.0),
            types=None if one.types is None else one.types[:, 6:15].numpy(),
        ),
        CPU,
    )
    with torch.no_grad():
        first, second, third = say(one)[:, 6:15], say(other)[:, 6:15], say(alone)
    assert first.std() > 0.1
    assert (first - second).abs().max() <= 1e-6
    assert (first - third).abs().max() <= 1e-5  # other shapes, other orders of sums
    with torch.no_grad():
        assert (say(one)[:, :6] - say(other)[:, :6]).abs().max() > 0.1  # the neighbours do differ
