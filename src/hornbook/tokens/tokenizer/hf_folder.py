"""A tokenizer's folder as transformers opens it: tokenizer.json, and what the files beside it change of it.

tokenizer_config.json    the class, its settings, roles, added tokens
special_tokens_map.json  roles and added tokens; only where tokenizer_config.json lists no added tokens
added_tokens.json        added tokens, of earlier versions; only there as well
config.json              the type of the model, which may decide on the class
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hornbook.artifacts import read_json
from hornbook.errors import UserError, reason_of
from hornbook.tokens.tokenizer.hf_classes import CLASSES, FORCED, Class, Json, class_of, same_rules
from hornbook.vocab import ROLES, START

_MAP, _ADDED, _DECODER = "special_tokens_map.json", "added_tokens.json", "added_tokens_decoder"
# In the order in which transformers adds them.
_ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
_FLAGS = ("lstrip", "rstrip", "single_word", "normalized", "special")


def opened(text: str, folder: Path) -> tuple[str, dict[str, str]]:
    """Return the text of a folder's tokenizer.json as transformers applies it, and the name of each role's token.

    The text stays as it is where nothing beside it changes it, and where it is no tokenizer.json, which others say.
    Raises UserError for what cannot be applied.
    """
    settings = _settings(folder)
    config = _table(folder / "config.json", "model configuration")
    named = settings.get("tokenizer_class") or config.get("tokenizer_class") or ""
    name = class_of(str(config.get("model_type") or ""), str(named), text)
    roles = {role: content for role in (*ROLES, START) if (content := _content(settings.get(f"{role}_token")))}
    return (as_class(text, name, settings, _added_file(folder, settings)) if _readable(text) else text), roles


def _readable(text: str) -> bool:
    try:
        data = json.loads(text)
    except ValueError:
        return False
    return isinstance(data, dict) and isinstance(data.get("model"), dict)


def as_class(
    text: str, name: str, settings: Mapping[str, Any], listed: Mapping[str, int] = MappingProxyType({})
) -> str:
    """Return tokenizer.json as a class of transformers makes it, by the settings of tokenizer_config.json.

    name     of the class, "" for the generic one
    listed   tokens of added_tokens.json with their ids
    """
    if name and name not in CLASSES:
        raise UserError(
            f"tokenizer_config.json says tokenizer_class = {name!r}, a class that changes tokenizer.json by rules "
            f"which Hornbook does not know. Hornbook knows {', '.join(CLASSES)} and PreTrainedTokenizerFast."
        )
    kind = CLASSES.get(name)
    data: Json = json.loads(text)
    model = data.get("model") or {}
    if kind is not None and model.get("type", kind.model) != kind.model:
        raise UserError(
            f"transformers opens this folder with {name}, which needs a tokenizer of type {kind.model}, but "
            f'tokenizer.json is of type {model.get("type")}. If tokenizer.json is right, put "tokenizer_class": '
            '"PreTrainedTokenizerFast" into tokenizer_config.json.'
        )
    if kind is None and _nothing_to_add(data, settings, listed):
        return text
    try:
        made = _made(text, data, kind, dict(settings), listed)
    except UserError:
        raise
    except Exception as error:  # the library raises bare Exception
        raise UserError(f"The settings of the tokenizer cannot be applied ({reason_of(error)}).") from error
    return text if same_rules(made, _again(text)) else made


def forced_otherwise(model_type: str, text: str, settings: Mapping[str, Any]) -> str:
    """Return the class that transformers opens a type's folder with if it changes this tokenizer, else ""."""
    if model_type not in FORCED:
        return ""
    name = class_of(model_type, "", text)
    try:
        return "" if as_class(text, name, settings) == text else name
    except UserError:
        return name


def _made(text: str, data: Json, kind: Class | None, settings: Json, listed: Mapping[str, int]) -> str:
    from tokenizers import Tokenizer

    declared = _declared(data, settings, listed)
    names: dict[str, str | None] = {role: _content(settings.get(f"{role}_token")) for role in _ROLES}
    if kind is None:
        tokenizer = Tokenizer.from_str(text)
    else:
        names = {role: names[role] if f"{role}_token" in settings else kind.names.get(role) for role in _ROLES}
        named = {f"{role}_token": name for role, name in names.items()}
        parts = kind.parts({**settings, **named}, data)
        model = {**data["model"], **parts.pop("model")}
        tokenizer = Tokenizer.from_str(
            json.dumps({**data, **parts, "model": model, "added_tokens": [], "post_processor": None})
        )
    _add(tokenizer, declared, _special(settings, names, kind))
    for number, token in declared.items():
        if (given := tokenizer.token_to_id(token["content"])) != number:
            raise UserError(
                f"The token {token['content']!r} has the id {number} in the files beside tokenizer.json, but there it "
                f"has or would get {given}: they are of different tokenizers."
            )
    made: Json = json.loads(tokenizer.to_str())
    if kind is not None:
        made["post_processor"] = kind.frame({**settings, **named}, data.get("post_processor"), tokenizer.token_to_id)
    return _again(json.dumps(made, ensure_ascii=False))


def _nothing_to_add(data: Json, settings: Mapping[str, Any], listed: Mapping[str, int]) -> bool:
    """Say at once whether the generic class leaves a tokenizer.json as it is; the whole answer takes seconds."""
    names = {role: _content(settings.get(f"{role}_token")) for role in _ROLES}
    there = {item["content"] for item in data.get("added_tokens") or []}
    return _DECODER not in settings and not listed and there.issuperset(_special(dict(settings), names, None))


def _declared(data: Json, settings: Json, listed: Mapping[str, int]) -> dict[int, Json]:
    """Return every added token with its flags, by id: those that tokenizer_config.json lists, else the other files'."""
    if _DECODER in settings:
        table = settings[_DECODER]
        if not isinstance(table, dict) or not all(isinstance(item, dict) for item in table.values()):
            raise UserError(f"tokenizer_config.json says {_DECODER} = {table!r}, which is no table of tokens.")
        return {int(number): item for number, item in sorted(table.items(), key=lambda pair: int(pair[0]))}
    special = {name for role in _ROLES if (name := _content(settings.get(f"{role}_token")))}
    special |= set(_extra(settings))
    found: dict[int, Json] = {
        number: {"content": name, "special": name in special, "normalized": name not in special}
        for name, number in listed.items()
    }
    found |= {item["id"]: item for item in data.get("added_tokens") or []}
    return dict(sorted(found.items()))


def _special(settings: Json, names: Mapping[str, str | None], kind: Class | None) -> list[str]:
    """Return the tokens of roles and the other special ones, in the order in which they are added."""
    known = {f"{role}_token" for role in _ROLES}
    others = [
        value
        for name, value in settings.items()
        if name.endswith("_token") and name not in known and isinstance(value, str)
    ]
    extra = _extra(settings)
    if not extra and kind is not None and "additional_special_tokens" not in settings:
        extra = kind.extra(settings)
    return [name for name in (*names.values(), *others, *extra) if name]


def _add(tokenizer: Any, declared: Mapping[int, Json], special: list[str]) -> None:
    """Add what is missing or has other flags, as transformers does: known tokens keep their ids."""
    from tokenizers import AddedToken

    present = {str(token): repr(token) for token in tokenizer.get_added_tokens_decoder().values()}
    tokens = []
    for item in declared.values():
        token = AddedToken(item["content"], **{name: item[name] for name in _FLAGS if name in item})
        if present.get(item["content"]) != repr(token):
            if item["content"] in special and not token.special:
                token.special = True
            tokens.append(token)
    there = {*present, *(item["content"] for item in declared.values())}
    tokens += [AddedToken(name, special=True) for name in dict.fromkeys(special) if name not in there]
    tokenizer.add_tokens(tokens)


def _again(text: str) -> str:
    """Return tokenizer.json as the library writes it today."""
    from tokenizers import Tokenizer

    return str(Tokenizer.from_str(text).to_str())


def _extra(settings: Mapping[str, Any]) -> list[str]:
    """Return the special tokens without a role that the settings list."""
    found = settings.get("extra_special_tokens") or settings.get("additional_special_tokens") or []
    items = found.values() if isinstance(found, dict) else found
    return [name for item in items if (name := _content(item))]


def _content(value: object) -> str:
    """Return a token's spelling of an entry that is a name or a table; "" where there is none."""
    value = value.get("content") if isinstance(value, Mapping) else value
    return value if isinstance(value, str) else ""


def _settings(folder: Path) -> Json:
    """Return the entries of tokenizer_config.json, with those of special_tokens_map.json where they count."""
    settings = _table(folder / "tokenizer_config.json", "tokenizer configuration")
    if _DECODER in settings:
        return settings
    return {**settings, **_table(folder / _MAP, "tokenizer configuration")}


def _added_file(folder: Path, settings: Mapping[str, Any]) -> dict[str, int]:
    found = {} if _DECODER in settings else _table(folder / _ADDED, "table of added tokens")
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in found.values()):
        raise UserError(f"{folder / _ADDED} is not a table of tokens with their ids.")
    return found


def _table(path: Path, what: str) -> Json:
    found = read_json(path, what) if path.is_file() else {}
    return found if isinstance(found, dict) else {}
