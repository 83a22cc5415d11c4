"""Classes of tokenizers of transformers: what each makes of a tokenizer.json, by the other files in its folder.

    generic   uses tokenizer.json as it stands
    the rest  take its vocabulary alone, and cut and normalise text by rules of their own, which entries of
              tokenizer_config.json set: do_lower_case, add_prefix_space

Which class opens a folder depends on the model's type and on the class that the folder names. The tables follow
transformers 5; the tests compare each with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
_GENERIC = frozenset({"PreTrainedTokenizer", "TokenizersBackend", "PythonBackend", "MistralCommonBackend"})
# The class that transformers has for a type of model; "" = the generic one, whatever the folder says.
_OF_TYPE: Mapping[str, str] = {
    "mistral": "", "modernbert": "", "qwen2": "Qwen2Tokenizer", "qwen3": "Qwen2Tokenizer", "gpt2": "GPT2Tokenizer",
    "bert": "BertTokenizer", "electra": "BertTokenizer", "roberta": "RobertaTokenizer", "bart": "RobertaTokenizer",
    "albert": "AlbertTokenizer", "t5": "T5Tokenizer",
}  # fmt: skip
# Types whose class counts even where the folder names another one.
FORCED = frozenset({"qwen2"})
_ALIASES = {"ElectraTokenizer": "BertTokenizer", "BartTokenizer": "RobertaTokenizer"}
_QWEN_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Class:
    """One class.

    model    the type of tokenizer.json's model that it needs
    parts    of the settings and the file: normalizer, pre_tokenizer, decoder, and entries of the model
    frame    of the settings, the file's framing and the ids of tokens: the framing of texts
    names    the tokens of roles where the settings name none
    extra    special tokens that it adds where the settings list none
    """

    model: str
    parts: Callable[[Json, Json], Json]
    names: Mapping[str, str | None]
    frame: Callable[[Json, Json | None, Callable[[str], int | None]], Json | None] = lambda _, given, __: given
    extra: Callable[[Json], list[str]] = field(default=lambda _: [])


def class_of(model_type: str, named: str, text: str) -> str:
    """Return the name of the class that opens a folder, "" for the generic one.

    `named` is the tokenizer_class of tokenizer_config.json, else of config.json; `text` that of tokenizer.json.
    """
    named, registered = named.removesuffix("Fast"), _OF_TYPE.get(model_type)
    if registered == "":
        return ""
    if not named or model_type in FORCED:
        return registered or ""
    if named == "LlamaTokenizer" and '"ByteLevel"' in text:
        return ""
    named = _ALIASES.get(named, named)
    return "" if named in _GENERIC else named


def _byte_level(settings: Json, _: Json) -> Json:
    space = bool(settings.get("add_prefix_space"))
    return {"normalizer": None, "pre_tokenizer": _byte_cut(space), "decoder": _byte_cut(True), "model": _BYTES}


def _qwen(settings: Json, _: Json) -> Json:
    words = {"type": "Split", "pattern": {"Regex": _QWEN_WORDS}, "behavior": "Isolated", "invert": False}
    cut = _byte_cut(bool(settings.get("add_prefix_space")), regex=False)
    return {
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [words, cut]},
        "decoder": _byte_cut(True),
        "model": _BYTES,
    }


def _byte_cut(space: bool, regex: bool = True) -> Json:
    return {"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": True, "use_regex": regex}


_BYTES: Json = {
    "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False,
    "byte_fallback": False, "ignore_merges": False,
}  # fmt: skip


def _bert(settings: Json, _: Json) -> Json:
    normalizer = {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": bool(settings.get("tokenize_chinese_chars", True)),
        "strip_accents": settings.get("strip_accents"),
        "lowercase": bool(settings.get("do_lower_case", True)),
    }
    unknown = {"unk_token": settings["unk_token"], "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
    return {
        "normalizer": normalizer,
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": unknown,
    }


def _llama(settings: Json, _: Json) -> Json:
    space = settings.get("add_prefix_space")
    space = True if space is None else bool(space)
    scheme = ("always" if settings.get("legacy", False) else "first") if space else "never"
    blanks = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if space else []
    return {
        "normalizer": None,
        "pre_tokenizer": _meta(scheme, split=False),
        "decoder": {"type": "Sequence", "decoders": [blanks, {"type": "ByteFallback"}, {"type": "Fuse"}, *strip]},
        "model": {
            "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
        },
    }  # fmt: skip


def _t5(_: Json, data: Json) -> Json:
    return {
        "normalizer": _charsmap(data),
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, _meta("always")]},
        "decoder": _meta("always"),
        "model": {"unk_id": 2, "byte_fallback": False},
    }


def _albert(settings: Json, data: Json) -> Json:
    steps = [{"type": "Replace", "pattern": {"String": mark}, "content": '"'} for mark in ("``", "''")]
    if not settings.get("keep_accents", False):
        steps += [{"type": "NFKD"}, {"type": "StripAccents"}]
    if settings.get("do_lower_case", True):
        steps.append({"type": "Lowercase"})
    if (charsmap := _charsmap(data)) is not None:
        steps.append(charsmap)
    scheme = "always" if settings.get("add_prefix_space", True) else "never"
    return {
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, _meta(scheme)]},
        "decoder": _meta(scheme),
        "model": {"unk_id": 1, "byte_fallback": False},
    }


def _meta(scheme: str, split: bool = True) -> Json:
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}


def _charsmap(data: Json) -> Json | None:
    """Return SentencePiece's table of characters, the first in the file's normalizer."""
    given = data.get("normalizer") or {}
    steps: list[Json] = given.get("normalizers") or [given]
    return next((step for step in steps if step.get("type") == "Precompiled"), None)


def template(single: str, pair: str, ids: Callable[[str], int | None]) -> Json:
    """Return a framing as tokenizer.json has it, of a spelling such as "[CLS]:0 $A:0"; `ids` knows the tokens."""
    used: dict[str, Json] = {}

    def piece(item: str) -> Json:
        name, _, number = item.rpartition(":")
        if name.startswith("$"):
            return {"Sequence": {"id": name[1:], "type_id": int(number)}}
        used[name] = {"id": name, "ids": [ids(name)], "tokens": [name]}
        return {"SpecialToken": {"id": name, "type_id": int(number)}}

    rows = {"single": [piece(item) for item in single.split(" ")], "pair": [piece(item) for item in pair.split(" ")]}
    return {"type": "TemplateProcessing", **rows, "special_tokens": used}


def _bert_frame(settings: Json, _: Json | None, ids: Callable[[str], int | None]) -> Json:
    cls, sep = settings["cls_token"], settings["sep_token"]
    return template(f"{cls}:0 $A:0 {sep}:0", f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1", ids)


def _albert_frame(settings: Json, given: Json | None, ids: Callable[[str], int | None]) -> Json:
    return given or _bert_frame({**settings, "cls_token": "[CLS]", "sep_token": "[SEP]"}, given, ids)


def _roberta_frame(settings: Json, _: Json | None, ids: Callable[[str], int | None]) -> Json:
    marks = {role: [settings[f"{role}_token"], ids(settings[f"{role}_token"])] for role in ("sep", "cls")}
    flags = {"trim_offsets": True, "add_prefix_space": bool(settings.get("add_prefix_space"))}
    return {"type": "RobertaProcessing", **marks, **flags}


def _t5_frame(settings: Json, _: Json | None, ids: Callable[[str], int | None]) -> Json:
    eos = ids(settings["eos_token"])
    return template("$A:0 </s>:0", "$A:0 </s>:0 $B:0 </s>:0", lambda _: eos)


def _sentinels(settings: Json) -> list[str]:
    return [f"<extra_id_{number}>" for number in range(settings.get("extra_ids", 100))]


_END = "<|endoftext|>"
CLASSES: Mapping[str, Class] = {
    "GPT2Tokenizer": Class("BPE", _byte_level, {"bos": _END, "eos": _END, "unk": _END}),
    "Qwen2Tokenizer": Class("BPE", _qwen, {"eos": _END, "unk": _END, "pad": _END}),
    "RobertaTokenizer": Class(
        "BPE",
        _byte_level,
        {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "sep": "</s>", "pad": "<pad>", "cls": "<s>", "mask": "<mask>"},
        _roberta_frame,
    ),
    "BertTokenizer": Class(
        "WordPiece",
        _bert,
        {"unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]", "mask": "[MASK]"},
        _bert_frame,
    ),
    "LlamaTokenizer": Class("BPE", _llama, {"bos": "<s>", "eos": "</s>", "unk": "<unk>"}),
    "T5Tokenizer": Class(
        "Unigram", _t5, {"eos": "</s>", "unk": "<unk>", "pad": "<pad>"}, _t5_frame, extra=_sentinels
    ),
    "AlbertTokenizer": Class(
        "Unigram",
        _albert,
        {
            "bos": "[CLS]", "eos": "[SEP]", "unk": "<unk>", "sep": "[SEP]", "pad": "<pad>", "cls": "[CLS]",
            "mask": "[MASK]",
        },
        _albert_frame,
    ),
}  # fmt: skip


def same_rules(text: str, other: str) -> bool:
    """Say whether two files of tokenizers.json cut, spell and frame texts by the same rules, written the same way."""
    return _rules(json.loads(text)) == _rules(json.loads(other))


def _rules(data: Json) -> Json:
    """Return what decides on ids: all but offsets, and spellings that mean nothing."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: plain(item) for name, item in value.items() if name != "trim_offsets" and item not in (None, "")
            }
        return [plain(item) for item in value] if isinstance(value, list) else value

    decoder = data.get("decoder") or {}
    decoder = {"type": "ByteLevel"} if decoder.get("type") == "ByteLevel" else decoder  # which reads no flag
    model = {name: value for name, value in data["model"].items() if name not in ("vocab", "merges")}
    parts = {name: data.get(name) for name in ("normalizer", "pre_tokenizer", "post_processor", "added_tokens")}
    found: Json = plain({**parts, "decoder": decoder, "model": model})
    return found
