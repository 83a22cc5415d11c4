"""Runs in memory, of every objective, with weights that nobody trained and a vocabulary of 64 entries."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as Backend

from hornbook.app.spoken.models import Models
from hornbook.objectives.base import with_vocab
from hornbook.objectives.catalogue import build
from hornbook.objectives.fim import MODES
from hornbook.recipes.named import default
from hornbook.recipes.recipe import default_model
from hornbook.recipes.settings import RECIPE, override, save_recipe
from hornbook.run.build import build_model
from hornbook.run.directory import OpenRun
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, make_tokenizer, save_tokenizer
from hornbook.train import checkpoints
from hornbook.train.loop import MODEL
from hornbook.train.metrics import CHECKPOINTS
from hornbook.vocab import EMPTY

CPU = torch.device("cpu")
SPECIAL = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", *MODES, "[R]", "[S]", "[X]")
SENTINELS = tuple(f"<extra_id_{number}>" for number in (3, 2, 1, 0))
_WORDS = "the a cat dog man king sees eats chases takes is was house mouse tree river red old big small and or with in"
_MORE_WORDS = "on up sun his her , . The A Cat"
_ENDS = "s ed er ing est ly en al y ness ful less ish ward tion"
WORDS = [*_WORDS.split(), *_MORE_WORDS.split()]
ENDS = ["##" + end for end in _ENDS.split()]

# Kinds of the catalogue with settings, so that every way to be asked is there.
KINDS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("causal", {}),
    ("prefix", {}),
    ("prefix", {"topology": "encoder-decoder"}),
    ("fim", {}),
    ("fim", {"spm_share": 1.0}),
    ("masked", {}),
    ("replaced", {}),
    ("diffusion", {}),
    ("span", {}),
    ("bart", {}),
    ("ul2", {}),
    ("ul2-short", {}),
    ("ul2r", {}),
    ("joined", {}),
    ("joined", {"inputs": "causal"}),
    ("mixture", {}),
    ("mixture", {"objectives": ["span", "bart"]}),
    ("nsp", {}),
    ("sop", {}),
)


def name_of(kind: tuple[str, Mapping[str, Any]]) -> str:
    return "-".join([kind[0], *(str(value) for value in kind[1].values())])


def tiny_tokenizer() -> Tokenizer:
    """Return a WordPiece tokenizer of 64 entries: 11 marks, 34 words, 15 ends of words, 4 sentinels."""
    entries = [*SPECIAL, *WORDS, *ENDS, *SENTINELS]
    assert len(entries) == len(set(entries)) == 64
    vocabulary = {entry: number for number, entry in enumerate(entries)}
    backend = Backend(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in (*SPECIAL, *SENTINELS)])
    return make_tokenizer(backend.to_str(), {})


def opened(
    kind: str, tokenizer: Tokenizer, settings: Mapping[str, Any] | None = None, *more: str, padded: int = 0
) -> OpenRun:
    """Return a small model of an objective, the same one for all who ask; `padded` entries of its table have no token.

    Who changes it takes a copy.
    """
    return _opened(kind, tokenizer.text, json.dumps(settings or {}), more, padded)


@functools.cache
def _opened(kind: str, text: str, settings: str, more: tuple[str, ...], padded: int) -> OpenRun:
    tokenizer = make_tokenizer(text, {})
    objective = build(kind, json.loads(settings), EMPTY)
    base = default("causal")
    recipe = replace(base, objective=objective, model=default_model(objective))
    size = tokenizer.vocab.size + padded
    sized = ["width=32", "layers=1", "heads=2", "max_length=48", "dropout=0", f"vocab_size={size}"]
    recipe = override(recipe, [*(f"model.{setting}" for setting in sized), *more])
    recipe = replace(recipe, objective=with_vocab(recipe.objective, tokenizer.vocab))
    model = build_model(recipe, CPU).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3)
    return OpenRun(Path(f"no-such-folder/{kind}"), recipe, tokenizer, model, CPU, 7)


def without_marks(run: OpenRun) -> OpenRun:
    """Return a run whose tokenizer has no marks around a text."""
    vocab = replace(run.tokenizer.vocab, bos=None, cls=None, eos=None, sep=None)
    recipe = replace(run.recipe, objective=with_vocab(run.recipe.objective, vocab))
    return replace(run, recipe=recipe, tokenizer=replace(run.tokenizer, vocab=vocab))


def answers(runs: Models | list[OpenRun], asked: Any, request: Any) -> list[dict[str, Any]]:
    """Return every event of what a page asks; no generator holds inference mode while it waits."""
    models = runs if isinstance(runs, Models) else Models.of(runs)
    return list(watched(asked(models, request)))


def watched(events: Iterator[Any]) -> Iterator[dict[str, Any]]:
    for event in events:
        assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()
        yield event


def told(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


def kept(run: OpenRun, place: Path, *steps: int) -> Path:
    """Write a run of an earlier version, which has no manifest, with a checkpoint of each step; return its place."""
    place.mkdir(parents=True, exist_ok=True)
    save_recipe(run.recipe, place / RECIPE)
    save_tokenizer(run.tokenizer, place)
    for step in steps or (run.step,):
        keep_step(run, place, step, keep=len(steps) or 1)
    return place


def keep_step(run: OpenRun, place: Path, step: int, keep: int) -> None:
    weights = {f"{MODEL}{name}": value for name, value in run.model.state_dict().items()}
    checkpoints.save(place / CHECKPOINTS, step, weights, {}, keep)
