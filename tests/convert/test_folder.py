"""Folders as transformers writes them: every family read back exactly, in one file or in shards; bad ones in words."""

import json
import shutil

import pytest
import torch
from published_models import CASES, LINES, config_of, random_model, tokenizer_of
from safetensors.torch import load_file, save_file

from hornbook.convert.export_hf import export
from hornbook.convert.families.explicit import explicit
from hornbook.convert.import_hf import read_folder
from hornbook.convert.weights import INDEX, WHOLE, read_weights, write_weights
from hornbook.errors import UserError
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, train_tokenizer
from hornbook.vocab import Vocab

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    text = train_tokenizer(LINES * 3, "bpe", 380, Requirements(sentinels=2), "both")
    return Tokenizer(text, Vocab.from_tokenizer(text))


@pytest.fixture(scope="module")
def gpt2(tokenizer, tmp_path_factory):
    """A GPT-2 as transformers itself saves it, with a padded embedding."""
    folder = tmp_path_factory.mktemp("folders") / "gpt2"
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=400, n_embd=32, n_layer=2, n_head=4, n_positions=24, bos_token_id=1, eos_token_id=2
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    (folder / "tokenizer.json").write_text(tokenizer.text, encoding="utf-8")
    return folder


@pytest.fixture
def broken(gpt2, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(gpt2, tmp_path / "model")


def refused(folder, says: str, **more) -> None:
    with pytest.raises(UserError, match=says) as caught:
        read_folder(folder, **more)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", CASES)
def test_every_family_comes_back_bit_by_bit(case, tokenizer, tmp_path):
    config = config_of(case)
    model = random_model(config)
    text = tokenizer_of(CASES[case][0], tokenizer.text)
    folder = export(model.state_dict(), config, text, tokenizer.vocab, "card", tmp_path / "model")
    found = read_folder(folder)
    assert found.config == explicit(config)
    assert found.dtype == "float32" and set(found.sha256) == {WHOLE}
    state = model.state_dict()
    assert found.state.keys() == state.keys()
    assert all(torch.equal(found.state[name], value) for name, value in state.items())
    for role in ("pad", "bos", "eos", "unk", "mask", "cls", "sep"):
        assert getattr(found.tokenizer.vocab, role) == getattr(tokenizer.vocab, role)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_half_precision_becomes_fp32_exactly_and_is_remembered(gpt2, kind, tmp_path):
    model = transformers.GPT2LMHeadModel.from_pretrained(gpt2).to(getattr(torch, kind))
    model.save_pretrained(tmp_path / "half")
    shutil.copy(gpt2 / "tokenizer.json", tmp_path / "half")
    found = read_folder(tmp_path / "half")
    assert found.dtype == kind
    stored = model.transformer.wte.weight
    assert found.state["embed.tokens.weight"].dtype == torch.float32
    assert torch.equal(found.state["embed.tokens.weight"].to(stored.dtype), stored)


def test_shards_and_one_file_hold_the_same(gpt2, tokenizer, tmp_path):
    model = transformers.GPT2LMHeadModel.from_pretrained(gpt2)
    model.save_pretrained(tmp_path / "shards", max_shard_size="40KB")
    shutil.copy(gpt2 / "tokenizer.json", tmp_path / "shards")
    one, several = read_folder(gpt2), read_folder(tmp_path / "shards")
    assert len(several.sha256) > 2
    assert one.state.keys() == several.state.keys()
    assert all(torch.equal(one.state[name], value) for name, value in several.state.items())


def test_shards_that_are_written_here_open_in_transformers(gpt2, tmp_path):
    tensors = load_file(gpt2 / WHOLE)
    shutil.copytree(gpt2, tmp_path / "model", ignore=shutil.ignore_patterns(WHOLE))
    write_weights(tmp_path / "model", tensors, 30_000)
    index = json.loads((tmp_path / "model" / INDEX).read_text())
    sizes = [sum(v.nbytes for v in load_file(path).values()) for path in (tmp_path / "model").glob("*.safetensors")]
    largest = max(value.nbytes for value in tensors.values())
    assert len(sizes) > 2 and max(sizes) <= max(30_000, largest)
    assert index["metadata"]["total_size"] == sum(sizes)
    model, report = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not any(report.values())
    assert all(torch.equal(model.state_dict()[name], value) for name, value in tensors.items())
    assert all(torch.equal(read_weights(tmp_path / "model")[0][name], value) for name, value in tensors.items())


def test_the_body_alone_is_read_too(gpt2, tmp_path):
    transformers.GPT2Model.from_pretrained(gpt2).save_pretrained(tmp_path / "body")
    shutil.copy(gpt2 / "tokenizer.json", tmp_path / "body")
    one, body = read_folder(gpt2), read_folder(tmp_path / "body")
    assert all(torch.equal(body.state[name], value) for name, value in one.state.items())


def test_a_pickle_is_opened_only_when_asked_for_and_only_for_its_tensors(broken, tmp_path):
    tensors = load_file(broken / WHOLE)
    (broken / WHOLE).unlink()
    torch.save(tensors, broken / "pytorch_model.bin")
    refused(broken, "--allow-pickle")
    found = read_folder(broken, allow_pickle=True)
    assert torch.equal(found.state["embed.tokens.weight"], tensors["transformer.wte.weight"])

    class Trap:
        def __reduce__(self):
            return (tmp_path / "ran").touch, ()

    torch.save({"weight": Trap()}, broken / "pytorch_model.bin")
    refused(broken, "more than tensors", allow_pickle=True)
    assert not (tmp_path / "ran").exists()


def change(path, **settings) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


def test_folders_without_a_model_are_refused(broken, tmp_path):
    refused(tmp_path / "nowhere", "no folder")
    (broken / "config.json").rename(broken / "konfig.json")
    refused(broken, "no config.json")
    (broken / "adapter_config.json").write_text("{}")
    refused(broken, "adapter")


def test_a_config_that_says_nothing_usable_is_refused(broken):
    config = broken / "config.json"
    change(config, model_type="gpt3")
    refused(broken, "gpt3.*knows.*'gpt2'")
    change(config, model_type="gpt2", n_embd="wide")
    refused(broken, "model.width must be a whole number.*wide")
    change(config, n_embd=0)
    refused(broken, "n_embd = 0")
    config.write_text("[]")
    refused(broken, "not a table")
    config.write_text("{")
    refused(broken, "not valid JSON")


def test_code_of_its_own_is_never_run(broken):
    change(broken / "config.json", auto_map={"AutoModelForCausalLM": "modeling_mine.MyModel"})
    refused(broken, "custom code")
    change(broken / "config.json", auto_map={}, quantization_config={"bits": 4})
    refused(broken, "quantised")
    change(broken / "config.json", quantization_config=None)
    (broken / "tokenizer_config.json").write_text(json.dumps({"auto_map": {"AutoTokenizer": ["mine.Tokenizer", None]}}))
    refused(broken, "tokenizer.*custom code")


def test_weights_that_are_missing_left_over_or_misshapen_are_named(broken):
    tensors = load_file(broken / WHOLE)

    def write(changed) -> None:
        save_file(changed, broken / WHOLE)

    write({name: value for name, value in tensors.items() if ".1." not in name})
    refused(broken, r"lack transformer\.h\.1\.ln_1\.weight, .*, .* and 9 more")
    write({**tensors, **{f"transformer.h.0.more.{number}": torch.zeros(1) for number in range(5)}})
    refused(broken, r"transformer\.h\.0\.more\.0, .*, .* and 2 more")
    write({**tensors, "transformer.wpe.weight": torch.zeros(25, 32)})
    refused(broken, r"transformer\.wpe\.weight .*25 x 32 instead of 24 x 32")
    write({**tensors, "transformer.wte.weight": torch.zeros(400, 32, dtype=torch.float64)})
    refused(broken, "float64")
    (broken / WHOLE).unlink()
    refused(broken, "no weights")


def test_damaged_weights_are_named(broken):
    content = (broken / WHOLE).read_bytes()
    for cut in (len(content) - 1, 100, 4, 0):
        (broken / WHOLE).write_bytes(content[:cut])
        refused(broken, "damaged or cut short")


def test_an_index_must_agree_with_its_shards(broken):
    tensors = load_file(broken / WHOLE)
    (broken / WHOLE).unlink()
    write_weights(broken, tensors, 30_000)
    index = json.loads((broken / INDEX).read_text())
    places = index["weight_map"]
    first, last = min(places.values()), max(places.values())

    def write(changed) -> None:
        (broken / INDEX).write_text(json.dumps({**index, "weight_map": changed}))

    inside = next(name for name, place in places.items() if place == first)
    write({**places, inside: last})
    refused(broken, f"{first}.*{inside}|{inside}.*{first}")
    write({name: place for name, place in places.items() if name != inside})
    refused(broken, f"{first}, which holds {inside}")
    write({**places, inside: "../secret.safetensors"})
    refused(broken, "outside the folder")
    write({})
    refused(broken, "lists no weights")
    (broken / INDEX).write_text("{")
    refused(broken, "not valid JSON")
    write(places)
    (broken / last).unlink()
    refused(broken, f"lists {last}, which is missing")


def test_a_tokenizer_that_is_larger_than_the_embedding_is_refused(broken):
    text = train_tokenizer(LINES * 3, "bpe", 500, Requirements(sentinels=150))
    (broken / "tokenizer.json").write_text(text, encoding="utf-8")
    refused(broken, "only 400 rows")


def test_roles_come_from_the_tokenizer_then_from_the_config(broken, tokenizer):
    """Ids in a config count only where they are special tokens: classes have defaults of their own."""
    words = [number for number in range(tokenizer.vocab.size) if not tokenizer.vocab.special[number]]
    text = tokenizer.text.replace('"</s>"', '"<|im_end|>"')
    (broken / "tokenizer.json").write_text(text, encoding="utf-8")
    change(broken / "config.json", eos_token_id=[2, 7], bos_token_id=words[3])
    assert read_folder(broken).tokenizer.vocab.eos == 2
    assert read_folder(broken).tokenizer.vocab.bos == 1
    (broken / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": "<unk>"}}))
    assert read_folder(broken).tokenizer.vocab.eos == 3


@pytest.mark.parametrize("kind", ["vocab.txt", "vocab.json"])
def test_older_files_of_a_tokenizer_are_converted(kind, broken, tokenizer):
    (broken / "tokenizer.json").unlink()
    if kind == "vocab.txt":
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "fox", "jump", "##s", "."]
        (broken / "vocab.txt").write_text("\n".join(words) + "\n")
        (broken / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
        found = read_folder(broken).tokenizer
        assert found.tokens(found.encode(["The fox jumps."])[0]) == ["the", "fox", "jump", "##s", "."]
        assert (found.vocab.mask, found.vocab.cls) == (4, 2)
        return
    model = json.loads(tokenizer.text)["model"]
    (broken / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (broken / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    (broken / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "GPT2Tokenizer", "unk_token": "<unk>", "eos_token": "</s>", "bos_token": "<s>"})
    )
    found = read_folder(broken).tokenizer
    for line in LINES:
        assert found.encode([line])[0].tolist() == tokenizer.encode([line])[0].tolist()


def test_a_folder_without_a_tokenizer_says_what_to_do(broken):
    (broken / "tokenizer.json").unlink()
    refused(broken, "save_pretrained")
    (broken / "spiece.model").write_bytes(b"")
    refused(broken, "only spiece.model.*sentencepiece")
