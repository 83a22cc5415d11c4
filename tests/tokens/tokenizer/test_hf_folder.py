"""Folders of tokenizers as transformers opens them: for each class and setting the ids are those of AutoTokenizer."""

import itertools
import json
import random

import pytest
from published_models import LINES, transformers
from tokenizers import Tokenizer as Backend

from hornbook.errors import UserError
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import load_tokenizer, train_tokenizer

_SPANS = [(32, 127), (160, 591), (0x300, 0x36F), (0x400, 0x4FF), (0x2000, 0x206F), (0x4E00, 0x4EFF), (0x1F600, 0x1F64F)]
HARD = [
    "  x\n\n y\r\n\t z", "12345 6,789.00", "don't DON'T we'll", "``quoted''", " leading", "trailing ", "a  b   c",
    "The new <new> new<new2>x", "THE QUICK Café", "<s> a </s> [CLS] b [SEP]",
]  # fmt: skip
KINDS = {"bpe": ("none", 380), "wordpiece": ("both", 380), "unigram": ("end", 140)}
ROLES = {
    "wordpiece": {"pad": "[PAD]", "cls": "[CLS]", "sep": "[SEP]", "unk": "[UNK]", "mask": "[MASK]"},
    "bpe": {"pad": "<pad>", "bos": "<s>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>"},
}
TYPES = (
    "llama", "mistral", "qwen2", "qwen3", "gpt2", "modernbert", "bert", "roberta", "albert", "electra", "t5", "bart",
)  # fmt: skip
CLASSES = (
    None, "PreTrainedTokenizerFast", "BertTokenizerFast", "ElectraTokenizer", "GPT2TokenizerFast", "RobertaTokenizer",
    "BartTokenizerFast", "Qwen2Tokenizer", "LlamaTokenizerFast", "T5TokenizerFast", "AlbertTokenizerFast",
)  # fmt: skip
NEW = {"lstrip": False, "rstrip": False, "single_word": False, "normalized": False, "special": True}
ENTRIES = (
    {}, {"do_lower_case": True}, {"do_lower_case": False}, {"do_lower_case": False, "strip_accents": True},
    {"do_lower_case": False, "tokenize_chinese_chars": False}, {"add_prefix_space": True}, {"add_prefix_space": False},
    {"do_lower_case": False, "keep_accents": True}, {"legacy": True}, {"add_bos_token": True, "add_eos_token": True},
    {"split_special_tokens": True}, {"clean_up_tokenization_spaces": True, "model_max_length": 7},
    {"pad_token": "<newpad>"}, {"additional_special_tokens": ["<new>", "<new2>"]}, {"extra_special_tokens": ["<new>"]},
    {"extra_special_tokens": {"image_token": "<new>"}}, {"image_token": "<new>"}, {"extra_ids": 2}, {"added": "<new>"},
    {"added": "new", "special": False, "normalized": True}, {"added": "<new>", "lstrip": True, "behind": 3},
)  # fmt: skip


def lines(count: int) -> list[str]:
    draw = random.Random(5)
    drawn = ["".join(chr(draw.randint(*draw.choice(_SPANS))) for _ in range(40)) for _ in range(count)]
    return [*LINES, *HARD, *drawn]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    sentinels = Requirements(sentinels=2)
    return {kind: train_tokenizer(LINES * 3, kind, size, sentinels, end) for kind, (end, size) in KINDS.items()}


def settings_of(entries: dict, size: int) -> dict:
    """Write `added` out as the table that tokenizer_config.json has of added tokens."""
    entries = dict(entries)
    if (name := entries.pop("added", None)) is None:
        return entries
    number = size + entries.pop("behind", 0)
    return {"added_tokens_decoder": {str(number): {**NEW, **entries, "content": name}}}


def compare(folder, hard: list[str]) -> str:
    """Return whether a folder is refused here or there, else "equal", having compared all ids with transformers."""
    try:
        ours = load_tokenizer(folder)
    except UserError as error:
        assert "transformers" in str(error) or "of different tokenizers" in str(error)
        return "refused"
    try:
        theirs = transformers.AutoTokenizer.from_pretrained(folder)
    except Exception:
        return "theirs"
    backend = Backend.from_str(ours.text)
    backend.encode_special_tokens = theirs.split_special_tokens  # of prompts alone: our texts never have special tokens
    for line in hard:
        assert backend.encode(line).ids == theirs.encode(line), line
        plain = backend.encode(line, add_special_tokens=False).ids
        assert plain == theirs.encode(line, add_special_tokens=False), line
        assert backend.decode(plain) == theirs.decode(
            plain, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
    assert backend.get_vocab() == theirs.get_vocab()
    return "equal"


def write(folder, text: str, model_type: str, settings: dict) -> None:
    folder.mkdir()
    (folder / "tokenizer.json").write_text(text)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def judge(tmp_path, texts: dict[str, str], cases: list[tuple], hard: list[str]) -> list[str]:
    found = []
    for number, (kind, model_type, named, entries, roles) in enumerate(cases):
        names = {f"{role}_token": name for role, name in ROLES.get(kind, ROLES["bpe"]).items()} if roles else {}
        size = Backend.from_str(texts[kind]).get_vocab_size()
        settings = {**names, **settings_of(entries, size), **({"tokenizer_class": named} if named else {})}
        write(tmp_path / str(number), texts[kind], model_type, settings)
        found.append(compare(tmp_path / str(number), hard))
    return found


def every_case() -> list[tuple]:
    return list(itertools.product(KINDS, TYPES, CLASSES, ENTRIES, (True, False)))


def test_classes_and_settings_give_the_ids_of_transformers(tmp_path, texts):
    found = judge(tmp_path, texts, random.Random(1).sample(every_case(), 60), lines(20))
    assert found.count("equal") > 15
    assert found.count("refused") > 5


@pytest.mark.slow
def test_all_classes_and_settings_give_the_ids_of_transformers(tmp_path, texts):
    found = judge(tmp_path, texts, every_case()[::5], lines(60))
    assert found.count("equal") > 1000


@pytest.mark.parametrize(
    ("kind", "model_type", "entries"),
    [
        ("wordpiece", "bert", {"tokenizer_class": "BertTokenizer", "do_lower_case": True}),
        ("wordpiece", "electra", {"do_lower_case": False, "strip_accents": True}),
        ("wordpiece", "bert", {"do_lower_case": False, "tokenize_chinese_chars": False}),
        ("bpe", "gpt2", {"tokenizer_class": "GPT2TokenizerFast", "add_prefix_space": True}),
        ("bpe", "roberta", {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True}),
        ("bpe", "qwen2", {"tokenizer_class": "PreTrainedTokenizerFast"}),
    ],
)
def test_settings_that_change_ids_are_applied(kind, model_type, entries, texts, tmp_path):
    write(tmp_path / "folder", texts[kind], model_type, entries)
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "tokenizer.json").write_text(texts[kind])
    hard = lines(100)
    assert compare(tmp_path / "folder", hard) == "equal"
    changed, plain = (Backend.from_str(load_tokenizer(tmp_path / name).text) for name in ("folder", "alone"))
    assert any(changed.encode(line).ids != plain.encode(line).ids for line in hard)


def test_tokens_that_tokenizer_json_lacks_are_added(texts, tmp_path):
    size = Backend.from_str(texts["bpe"]).get_vocab_size()
    write(
        tmp_path / "model",
        texts["bpe"],
        "llama",
        {"pad_token": "<mypad>", "tokenizer_class": "PreTrainedTokenizerFast"},
    )
    (tmp_path / "model" / "special_tokens_map.json").write_text('{"additional_special_tokens": ["<a>", "<b>"]}')
    (tmp_path / "model" / "added_tokens.json").write_text(json.dumps({"<b>": size}))
    vocab = load_tokenizer(tmp_path / "model").vocab
    assert compare(tmp_path / "model", lines(10)) == "equal"
    assert dict(vocab.modes)["<b>"] == size
    assert vocab.pad == size + 1
    assert vocab.size == size + 3


def test_what_cannot_be_applied_is_refused_by_name(texts, tmp_path):
    write(tmp_path / "other", texts["bpe"], "bert", {})
    with pytest.raises(UserError, match=r"with BertTokenizer, which needs a tokenizer of type WordPiece.*type BPE"):
        load_tokenizer(tmp_path / "other")
    write(tmp_path / "unknown", texts["bpe"], "llama", {"tokenizer_class": "DebertaTokenizerFast"})
    with pytest.raises(UserError, match="tokenizer_class = 'DebertaTokenizer'"):
        load_tokenizer(tmp_path / "unknown")
    write(tmp_path / "gap", texts["bpe"], "llama", settings_of({"added": "<new>", "behind": 3}, 380))
    with pytest.raises(UserError, match="'<new>' has the id 383 in the files beside"):
        load_tokenizer(tmp_path / "gap")


def test_a_tokenizer_that_nothing_changes_keeps_its_text(texts, tmp_path):
    for kind, text in texts.items():
        write(tmp_path / kind, text, "llama", {"tokenizer_class": "PreTrainedTokenizerFast"})
        assert load_tokenizer(tmp_path / kind).text == text
