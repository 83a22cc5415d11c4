"""What a folder says beside its model's shape comes through import, use and export: ends of text, dropout."""

import json
import logging
import shutil

import pytest
import torch
from published_models import CASES, LINES, config_of, random_model, tokenizer_of, transformers

from hornbook.artifacts import MANIFEST
from hornbook.convert.export_hf import export
from hornbook.convert.generation import Beside, beside_of
from hornbook.convert.import_hf import read_folder
from hornbook.errors import UserError
from hornbook.generate import Decoding
from hornbook.generate.text import generate_text
from hornbook.objectives.base import Requirements
from hornbook.run.directory import open_run, origin_of
from hornbook.run.export import export as export_run
from hornbook.run.imported import import_folder
from hornbook.tokens.tokenizer.tokenizer import load_tokenizer, train_tokenizer
from hornbook.vocab import Vocab

ABOUT = {
    "bos_token_id": 1, "eos_token_id": [7, 9, 2], "pad_token_id": 0, "do_sample": True, "temperature": 0.6, "top_k": 20,
    "top_p": 0.95, "repetition_penalty": 1.05, "forced_eos_token_id": 2, "num_beams": 1, "max_length": 20,
}  # fmt: skip
RATES = {
    "llama": {"attention_dropout": 0.25},
    "mistral": {"attention_dropout": 0.25},
    "qwen2": {"attention_dropout": 0.25},
    "qwen3": {"attention_dropout": 0.25},
    "gpt2": {"attn_pdrop": 0.25, "resid_pdrop": 0.3, "embd_pdrop": 0.05},
    "modernbert": {"attention_dropout": 0.25, "mlp_dropout": 0.2, "embedding_dropout": 0.05},
    "bert": {"attention_probs_dropout_prob": 0.25, "hidden_dropout_prob": 0.3},
    "roberta": {"attention_probs_dropout_prob": 0.25, "hidden_dropout_prob": 0.3},
    "albert": {"attention_probs_dropout_prob": 0.25, "hidden_dropout_prob": 0.3},
    "electra-generator": {"attention_probs_dropout_prob": 0.25, "hidden_dropout_prob": 0.3},
    "t5-v1.1": {"dropout_rate": 0.3},
    "t5": {"dropout_rate": 0.3},
    "bart": {"attention_dropout": 0.25, "activation_dropout": 0.2, "dropout": 0.3},
}


def change(path, **entries) -> None:
    (path.parent / MANIFEST).unlink(missing_ok=True)  # as whoever changes an export on purpose does
    path.write_text(json.dumps({**(json.loads(path.read_text()) if path.is_file() else {}), **entries}))


def made(case: str, folder):
    config = config_of(case)
    text = tokenizer_of(CASES[case][0], train_tokenizer(LINES * 3, "bpe", 380, Requirements(sentinels=2), "both"))
    return export(random_model(config).state_dict(), config, text, Vocab.from_tokenizer(text), "card", folder)


@pytest.mark.parametrize("case", RATES)
def test_all_of_it_comes_back(case: str, tmp_path):
    folder = made(case, tmp_path / "model")
    change(folder / "config.json", **RATES[case], eos_token_id=[9, 2])
    change(folder / "generation_config.json", **ABOUT)
    import_folder(folder, tmp_path / "run")
    import_folder(export_run(open_run(tmp_path / "run")), tmp_path / "again")
    back = export_run(open_run(tmp_path / "again"))
    config, before = (json.loads((place / "config.json").read_text()) for place in (back, folder))
    assert config == before
    if (folder / "generation_config.json").is_file() and config_of(case).topology != "encoder":
        again = json.loads((back / "generation_config.json").read_text())
        given = json.loads((folder / "generation_config.json").read_text())
        assert again == given
        theirs = transformers.GenerationConfig.from_pretrained(back)
        assert theirs.eos_token_id == [7, 9, 2]


def test_a_text_ends_at_each_of_several_ends(tmp_path):
    folder = made("qwen3", tmp_path / "model")
    import_folder(folder, tmp_path / "one")
    run, prompt = open_run(tmp_path / "one"), "A cat sees"
    whole = generate_text(run, [prompt], Decoding(temperature=0, max_new=8))[0]
    ids = run.tokenizer.encode([whole])[0].tolist()
    third = ids[len(run.tokenizer.encode([prompt])[0]) + 1]
    for place in ("config.json", "generation_config.json"):
        shutil.copytree(folder, tmp_path / f"of {place}")
        change(tmp_path / f"of {place}" / place, eos_token_id=[2, third])
        import_folder(tmp_path / f"of {place}", tmp_path / f"run of {place}")
        run = open_run(tmp_path / f"run of {place}")
        assert run.beside.ends == {2, third}
        short = generate_text(run, [prompt], Decoding(temperature=0, max_new=8))[0]
        assert whole.startswith(short)
        assert len(short) < len(whole)


def test_an_end_that_is_no_id_is_refused(tmp_path):
    folder = made("qwen3", tmp_path / "model")
    change(folder / "generation_config.json", eos_token_id=[2, 400])
    with pytest.raises(UserError, match="the id 400 as an end of text, but the model has 400 ids"):
        read_folder(folder)


@pytest.mark.parametrize("number", [0, 3, 50, 377])
def test_a_decoder_starts_with_the_token_that_the_folder_names(number: int, tmp_path):
    folder = made("bart", tmp_path / "model")
    for name in ("config.json", "generation_config.json"):
        change(folder / name, decoder_start_token_id=number)
    import_folder(folder, tmp_path / "run")
    run = open_run(tmp_path / "run")
    assert run.tokenizer.vocab.start("") == number
    assert bool(run.tokenizer.vocab.special[number]) == (number in (0, 3))
    back = export_run(run)
    for name in ("config.json", "generation_config.json"):
        assert json.loads((back / name).read_text())["decoder_start_token_id"] == number
    change(folder / "generation_config.json", decoder_start_token_id=390)
    with pytest.raises(UserError, match="decoder_start_token_id = 390, which its tokenizer has not"):
        read_folder(folder)


def test_a_model_that_was_trained_on_keeps_what_is_not_its_recipes(tmp_path):
    folder = made("gpt2", tmp_path / "model")
    change(folder / "config.json", **RATES["gpt2"])
    import_folder(folder, tmp_path / "run")
    run = open_run(tmp_path / "run")
    object.__setattr__(run, "step", 3)
    config = json.loads((export_run(run) / "config.json").read_text())
    assert config["attn_pdrop"] == 0.25
    assert config["resid_pdrop"] == config["embd_pdrop"] == run.recipe.model.dropout == 0.05


def test_records_of_earlier_versions_and_copies_of_runs(tmp_path):
    assert beside_of(None) == beside_of({"kind": "folder", "name": "old"}) == Beside()
    found = Beside({"attn_pdrop": 0.1}, (4, 5), {"top_k": 3, "eos_token_id": 6})
    record = {"kind": "run", "origin": {"kind": "folder", **json.loads(json.dumps(found.record()))}}
    assert beside_of(record) == found
    assert found.ends == {4, 5, 6}
    made("gpt2", tmp_path / "model")
    import_folder(tmp_path / "model", tmp_path / "run")
    assert beside_of(origin_of(tmp_path / "run")).generation is not None


@pytest.mark.parametrize("case", ["qwen3", "gpt2"])
def test_pipelines_warn_of_nothing(case: str, tmp_path):
    folder = made(case, tmp_path / "model")
    texts: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: texts.append(record.getMessage())
    logging.getLogger("transformers").addHandler(handler)
    try:
        write = transformers.pipeline("text-generation", str(folder))
        torch.manual_seed(0)
        assert len(write("The", do_sample=False)[0]["generated_text"]) > len("The")
        write("The", do_sample=False, max_new_tokens=4)
        write("The quick brown", max_new_tokens=4, do_sample=True)
    finally:
        logging.getLogger("transformers").removeHandler(handler)
    assert texts == []


def test_tokenizers_of_runs_name_a_start_that_is_text(tmp_path):
    folder = made("bart", tmp_path / "model")
    change(folder / "generation_config.json", decoder_start_token_id=50)
    import_folder(folder, tmp_path / "run")
    vocab = load_tokenizer(tmp_path / "run").vocab
    assert (vocab.decoder_start, vocab.special[50]) == (50, False)
