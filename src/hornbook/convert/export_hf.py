"""Export: a trained model as a folder that transformers opens, with the same logits and no code of ours.

The files are written here, by the family's table; transformers is needed only to open them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from hornbook.artifacts import MANIFEST, read_json, write_directory
from hornbook.convert.families import choose, find
from hornbook.convert.families.family import Family
from hornbook.convert.families.tensors import to_hf
from hornbook.convert.generation import EOS, FILE, Beside, generation_json, several_ends
from hornbook.convert.weights import write_plain, write_weights
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig
from hornbook.model.electra import discriminator_config, halves
from hornbook.tokens.tokenizer.hf_folder import forced_otherwise
from hornbook.tokens.tokenizer.hf_tokenizer import with_framing
from hornbook.tokens.tokenizer.tokenizer import Tokenizer
from hornbook.vocab import ROLES, Vocab

KIND = "transformers model"
GENERATOR = "generator"
_NOTHING = Beside()


@dataclass(frozen=True)
class _Part:
    """One model of an export: its place in the folder, what it is, the text of its README.md, what it came with."""

    place: str
    family: Family
    state: Mapping[str, Tensor]
    config: ModelConfig
    card: str
    beside: Beside = _NOTHING


def export(
    model_state: Mapping[str, Tensor],
    config: ModelConfig,
    tokenizer_text: str,
    vocab: Vocab,
    card: str,
    target: Path,
    family: str = "",
    shard_bytes: int = 0,
    beside: Beside = _NOTHING,
) -> Path:
    """Write the folder `target`, whole or not at all, and return it; an earlier export there is replaced.

    `family` names the class of transformers; empty = the one that holds `config` exactly. `card` is the text of its
    README.md. The weights are one file, or with `shard_bytes` above 0 several of at most so many bytes each. `beside`
    is what the model came with, where it was imported. Raises UserError when no class, or not that one, holds the
    model, when the tokenizer does not belong to it, or when `target` holds something that is not an export.
    """
    chosen = find(family) if family else choose(config)
    return _export([_Part("", chosen, model_state, config, card, beside)], tokenizer_text, vocab, target, shard_bytes)


def export_electra(
    state: Mapping[str, Tensor],
    config: ModelConfig,
    generator: ModelConfig,
    tokenizer_text: str,
    vocab: Vocab,
    cards: tuple[str, str],
    target: Path,
    shard_bytes: int = 0,
    beside: Beside = _NOTHING,
) -> Path:
    """Write both halves of an Electra: the discriminator into `target`, the generator into its folder `generator/`.

    `config` and `generator` are those of the two halves, `cards` their README.md, `beside` what the first came with;
    both write its rates of dropout. Each half is a model of its own with all its files. Raises UserError as `export`
    does.
    """
    kept, generating = halves(state)
    parts = [
        _Part("", find("electra"), kept, discriminator_config(config), cards[0], beside),
        _Part(GENERATOR, find("electra-generator"), generating, generator, cards[1], Beside(beside.training)),
    ]
    return _export(parts, tokenizer_text, vocab, target, shard_bytes)


def _export(parts: Sequence[_Part], tokenizer_text: str, vocab: Vocab, target: Path, shard_bytes: int) -> Path:
    """Write all parts, or nothing where one of them cannot be written exactly."""
    for part in parts:
        if reason := part.family.holds(part.config):
            raise UserError(f"This model cannot be exported exactly as {part.family.name}, which needs {reason}.")
        check_tokenizer(vocab, part.config.vocab_size)
        text = tokenizer_json(part.config, tokenizer_text, vocab)
        check_class(part.family, text, tokenizer_config_json(part.config, tokenizer_text, vocab))
    settings = [config_json(part.family, part.config, vocab, part.beside) for part in parts]
    refuse_foreign(target)
    with write_directory(target, KIND, {"family": parts[0].family.name}) as scratch:
        for part, entries in zip(parts, settings, strict=True):
            (scratch / part.place).mkdir(exist_ok=True)
            _write_part(scratch / part.place, part, entries, tokenizer_text, vocab, shard_bytes)
    return target


def check_tokenizer(vocab: Vocab, rows: int) -> None:
    """Raise UserError where a tokenizer has more entries than the model's embedding has rows."""
    if vocab.size > rows:
        raise UserError(
            f"The tokenizer has {vocab.size} entries, but the model only {rows}: use the tokenizer that the model was "
            "trained with."
        )


def check_class(family: Family, text: str, settings: Mapping[str, Any]) -> None:
    """Raise UserError where transformers would open the tokenizer with a class that gives other ids."""
    if name := forced_otherwise(family.model_type, text, settings):
        raise UserError(
            f"transformers opens every {family.name} with {name}, which cuts text by other rules than this "
            f"tokenizer, so the model would read other ids. Train with model.qkv_biases=false, which is held by "
            f"another family, or with the tokenizer of a {family.name} (tokenizer.file)."
        )


def _write_part(
    folder: Path, part: _Part, settings: Mapping[str, Any], tokenizer_text: str, vocab: Vocab, shard_bytes: int
) -> None:
    tensors, config = to_hf(part.family, part.state, part.config), part.config
    dtype = str(next(iter(tensors.values())).dtype).removeprefix("torch.")
    write_plain(folder / "config.json", {**settings, "dtype": dtype})
    write_weights(folder, tensors, shard_bytes)
    (folder / "tokenizer.json").write_text(tokenizer_json(config, tokenizer_text, vocab), encoding="utf-8")
    write_plain(folder / "tokenizer_config.json", tokenizer_config_json(config, tokenizer_text, vocab))
    if config.topology != "encoder":
        write_plain(folder / FILE, generation_json(config, special_ids(config, vocab), part.beside))
    (folder / "README.md").write_text(part.card, encoding="utf-8")


def config_json(family: Family, config: ModelConfig, vocab: Vocab, beside: Beside = _NOTHING) -> dict[str, Any]:
    """Return config.json: the family's settings, the special ids, and what the model came with.

    Raises UserError where the class computes with a special id, and the tokenizer has another than the model.
    """
    ids: dict[str, Any] = dict(special_ids(config, vocab))
    if config.topology == "encoder":
        ids |= {f"{role}_token_id": getattr(vocab, role) for role in ("cls", "sep")}
    settings = family.settings(config)
    for item in family.fields:
        if item.theirs in ids and ids[item.theirs] != settings[item.theirs]:
            needed = item.here({item.theirs: vocab.require("pad", f"A model of the family {family.name}")}, {})
            raise UserError(
                f"{family.architecture} counts positions from the padding token's id, which is {ids[item.theirs]} in "
                f"this tokenizer: train with model.{item.ours}={needed}, not {getattr(config, item.ours)}."
            )
    if beside.eos:
        ids[EOS] = several_ends(vocab.eos, beside.eos)
    return {**settings, **{name: value for name, value in beside.training.items() if name in settings}, **ids}


def special_ids(config: ModelConfig, vocab: Vocab) -> dict[str, int | None]:
    ids = {f"{role}_token_id": getattr(vocab, role) for role in ("pad", "bos", "eos")}
    if config.topology == "encoder-decoder":
        ids["decoder_start_token_id"] = vocab.start("An encoder-decoder")  # as in our batches
    return ids


def tokenizer_json(config: ModelConfig, tokenizer_text: str, vocab: Vocab) -> str:
    """Return tokenizer.json as it stands, but for a decoder's prompt, which begins as documents begin in training.

    A tokenizer that frames texts in its own way keeps that way.
    """
    if config.topology != "decoder" or vocab.bos is None:
        return tokenizer_text
    return with_framing(tokenizer_text, (Tokenizer(tokenizer_text, vocab).tokens([vocab.bos])[0], vocab.bos))


def tokenizer_config_json(config: ModelConfig, tokenizer_text: str, vocab: Vocab) -> dict[str, Any]:
    """Return tokenizer_config.json: the generic class that uses tokenizer.json as it stands, and each role's token.

    Decoders pad on the left, because generation goes on at the right end.
    """
    tokenizer = Tokenizer(tokenizer_text, vocab)
    roles = {f"{role}_token": name for role, name in tokenizer.role_names().items() if role in ROLES}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config.max_length,
        "clean_up_tokenization_spaces": False,
        "padding_side": "left" if config.topology == "decoder" else "right",
        "model_input_names": ["input_ids", *(["token_type_ids"] if config.token_types > 1 else []), "attention_mask"],
        **roles,
        "additional_special_tokens": tokenizer.tokens(vocab.sentinels) + [name for name, _ in vocab.modes],
    }


def refuse_foreign(target: Path) -> None:
    """Raise UserError where writing would replace something that is not an earlier export."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    manifest = target / MANIFEST
    found = read_json(manifest, "manifest") if manifest.is_file() else None
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise UserError(f"{target} exists and is not an exported model: choose another place, or remove it first.")
