"""Tokenizers as other tools left them: tokenizer.json, or the files of the time before it.

folder -> Tokenizer, whose roles are those of tokenizer_config.json, else those of the model's config
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hornbook.artifacts import read_json
from hornbook.errors import UserError, reason_of
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, load_tokenizer, make_tokenizer, neighbouring_start
from hornbook.vocab import ROLES


def read_tokenizer(folder: Path, settings: Mapping[str, Any]) -> Tokenizer:
    """Return the tokenizer in a model's folder; ids in its config.json, `settings`, tell roles without a name.

    Raises UserError, with what to do, when there is none that can be read, or it needs code of its own.
    """
    configured = folder / "tokenizer_config.json"
    own = read_json(configured, "tokenizer configuration") if configured.is_file() else {}
    if isinstance(own, dict) and own.get("auto_map"):
        raise UserError(
            f"The tokenizer in {folder} needs custom code (auto_map in tokenizer_config.json), which Hornbook does "
            "not run: use a folder with a tokenizer.json."
        )
    ids = {role: first for role in ROLES if (first := _first(settings.get(f"{role}_token_id"))) is not None}
    if (folder / "tokenizer.json").is_file():
        return load_tokenizer(folder, ids)
    names = {path.name for path in folder.iterdir()}
    if "vocab.txt" in names or {"vocab.json", "merges.txt"} <= names:
        return make_tokenizer(*_converted(folder), {**neighbouring_start(folder), **ids})
    found = next((name for name in ("spiece.model", "tokenizer.model", "sentencepiece.bpe.model") if name in names), "")
    raise UserError(
        f"There is no tokenizer.json in {folder}{f', only {found}' if found else ''}. Make one with "
        f'transformers{" and sentencepiece" if found else ""}: python -c "from transformers import AutoTokenizer as '
        f"A; A.from_pretrained('{folder}').save_pretrained('{folder}')\""
    )


def _first(value: object) -> int | None:
    """Return an id, the first where there are several, as newer models have several ends."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _converted(folder: Path) -> tuple[str, dict[str, str]]:
    """Return tokenizer.json's text and the roles of a tokenizer that transformers makes from its older files."""
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise UserError(
            f"The tokenizer in {folder} has an old format, which transformers converts: pip install transformers, "
            "then run this again."
        ) from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        text = tokenizer.backend_tokenizer.to_str()
    except Exception as error:  # the library raises whatever its parts raise
        raise UserError(f"transformers could not convert the tokenizer in {folder} ({reason_of(error)}).") from error
    roles = {role: getattr(tokenizer, f"{role}_token", None) for role in ROLES}
    return text, {role: str(name) for role, name in roles.items() if name is not None}


def with_framing(text: str, start: tuple[str, int] | None = None) -> str:
    """Return a tokenizer.json's text with its framing of texts spelled out, where it says nothing.

    That is none, or the name and id of a token that every text begins with. Spelled out, it stays as it is in an
    export, which would otherwise give a decoder's tokenizer the framing of our training.
    """
    data = json.loads(text)
    if data.get("post_processor") is not None:
        return text
    special = {} if start is None else {start[0]: {"id": start[0], "ids": [start[1]], "tokens": [start[0]]}}
    begin = [{"SpecialToken": {"id": name, "type_id": 0}} for name in special]
    first, second = ({"Sequence": {"id": letter, "type_id": 0}} for letter in "AB")
    framing = {"type": "TemplateProcessing", "single": [*begin, first], "pair": [*begin, first, second]}
    data["post_processor"] = {**framing, "special_tokens": special}
    return json.dumps(data, ensure_ascii=False)
