"""A tokenizer with more special tokens, behind its last id: what an objective needs and the tokenizer lacks.

Ids that were there keep their meaning, and text keeps its ids, since text never becomes a special id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hornbook.errors import UserError
from hornbook.objectives.base import Requirements
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, make_tokenizer
from hornbook.vocab import ROLES, SENTINEL

# Marks of a document that stand in for one another; a start mark is never missed, see the objectives' marks.
_STAND_INS: Mapping[str, tuple[str, ...]] = {"cls": ("bos", "eos"), "sep": ("eos",)}
_OPTIONAL = ("bos", "unk")


def with_special_tokens(tokenizer: Tokenizer, needs: Requirements) -> tuple[Tokenizer, tuple[str, ...]]:
    """Return the tokenizer with all that an objective needs, and the names of the tokens that are new, in order of ids.

    A class or separator mark is the start or end mark where there is one. Sentinels are numbered downwards, like T5's:
    <extra_id_0> is the last id. Raises UserError when a name is taken by a piece of text.
    """
    vocab = tokenizer.vocab
    known = tokenizer.role_names()
    roles = dict(known)
    names: list[str] = []
    for role in needs.roles:
        if role in known or role in _OPTIONAL:
            continue
        stand_in = next((other for other in _STAND_INS.get(role, ()) if other in known), None)
        roles[role] = roles[stand_in] if stand_in else _role_name(role, tokenizer)
        names += [] if stand_in else [roles[role]]
    modes = {name for name, _ in vocab.modes}
    names += [name for name in needs.modes if name not in modes]
    names += [f"<extra_id_{number}>" for number in reversed(range(len(vocab.sentinels), needs.sentinels))]
    if not names and len(roles) == len(known):
        return tokenizer, ()
    return make_tokenizer(_with_added(tokenizer, names), roles), tuple(names)


def _role_name(role: str, tokenizer: Tokenizer) -> str:
    """Return the usual name of a role's token, in the brackets of the tokenizer's other special tokens."""
    tokens = tokenizer.tokens(tokenizer.vocab.special.nonzero()[0])
    styles = [style for style in ("<|", "[", "<") if any(token.startswith(style) for token in tokens)]

    def rank(name: str) -> int:
        style = next(style for style in ("<|", "[", "<") if name.startswith(style))
        return styles.index(style) if style in styles else len(styles)

    return min(ROLES[role], key=rank)


def _with_added(tokenizer: Tokenizer, names: list[str]) -> str:
    """Return the text of the tokenizer.json with special tokens behind the last id."""
    data: dict[str, Any] = json.loads(tokenizer.text)
    added: list[dict[str, Any]] = data.setdefault("added_tokens", [])
    # Like RoBERTa's mask: the blank before it belongs to it, since the blank is part of the word it stands for.
    strip = (data.get("model") or {}).get("type") != "WordPiece"
    like = next((item for item in added if SENTINEL.fullmatch(item["content"])), {"lstrip": strip})
    for number, name in enumerate(names, tokenizer.vocab.size):
        as_it_is = {"single_word": False, "rstrip": False, "normalized": False, "special": True}
        lstrip = like["lstrip"] if SENTINEL.fullmatch(name) else strip and name not in ROLES["pad"] + ROLES["eos"]
        added.append({"id": number, "content": name, "lstrip": lstrip, **as_it_is})
    text = json.dumps(data, ensure_ascii=False)
    opened = Tokenizer(text, tokenizer.vocab)
    for number, name in enumerate(names, tokenizer.vocab.size):
        if opened.tokens([number]) != [name]:
            raise UserError(
                f"The special token {name} cannot be added to this tokenizer, which has it as ordinary text or has "
                "gaps in its ids: choose another objective or base model."
            )
    return text
