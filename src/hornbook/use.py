"""Using a trained run: measure it on other text, write with it, fill gaps, export it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hornbook.corpus.read import read
from hornbook.errors import UserError
from hornbook.importing import origin_of
from hornbook.measuring import Evaluation, evaluate_rows, final_evaluation
from hornbook.model.card import CardFacts, Measurement, model_card
from hornbook.model.config import ModelConfig
from hornbook.model.count import parameters
from hornbook.model.electra import Electra, discriminator_config, generator_config
from hornbook.model.export import GENERATOR, export_electra
from hornbook.model.export import export as export_model
from hornbook.model.families import FAMILIES, choose, find
from hornbook.model.generate import fill, fill_spans, generate
from hornbook.model.gguf import export_gguf
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import Paired, tokens_per_row
from hornbook.objectives.catalogue import kind_of
from hornbook.objectives.catalogue import settings as objective_settings
from hornbook.objectives.joined import Joined
from hornbook.objectives.masked import Masked
from hornbook.objectives.replaced import ReplacedToken
from hornbook.prepare import CORPUS, TOKENS, Prepared, recall
from hornbook.recipe import Recipe
from hornbook.run import RESULT, Run
from hornbook.tokens.packing import corpus_rows
from hornbook.tokens.shards import TokenStore, write_store

# A gap in a text, however the user writes it.
_GAP = re.compile(r"\s*(?:\[MASK\]|<mask>|<extra_id_\d+>|_{3,})")


def evaluate(run: Run, paths: Sequence[str] = ()) -> Evaluation:
    """Measure on the run's held-out documents, or on all documents of `paths`."""
    prepared = None
    if (run.directory / CORPUS).is_file():
        store = TokenStore.open(run.directory / TOKENS, run.codec.vocab)
        prepared = Prepared(recall(run.directory), run.codec, run.recipe.objective, store)
    if not paths:
        if prepared is None:
            raise UserError(f"The model in {run.directory} was imported without its text: name some with --data PATH.")
        return final_evaluation(run.model, run.recipe, prepared, run.device)
    training = None if prepared is None else prepared.training_rows(run.recipe.row_length)
    objective, length = run.recipe.objective, run.recipe.row_length
    with tempfile.TemporaryDirectory() as scratch:
        write_store(read(paths), run.codec, Path(scratch) / "tokens", progress=None)
        other = TokenStore.open(Path(scratch) / "tokens", run.codec.vocab)
        rows = corpus_rows(other, None, objective, length)
        return evaluate_rows(run.model, run.recipe, objective, training, rows, int(other.bytes.sum()), run.device)


def generate_text(
    run: Run,
    prompts: Sequence[str],
    *,
    tokens: int = 100,
    temperature: float = 0.8,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
) -> list[str]:
    """Return each prompt with its continuation by a causal model; temperature 0 is greedy."""
    if run.recipe.model.topology != "decoder":
        raise UserError(
            f"This run's model is an {run.recipe.model.topology}: it fills gaps rather than going on. "
            "Use `hornbook fill`."
        )
    model = _writer(run)
    before, after = run.recipe.objective.marks
    ids = [[*before, *(int(number) for number in encoded)] for encoded in run.codec.encode(list(prompts))]
    written = generate(
        model,
        ids,
        max_new=tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        stop=frozenset(after),
        seed=seed,
    )
    return [run.codec.decode([*prompt[len(before) :], *new]) for prompt, new in zip(ids, written, strict=True)]


def fill_text(run: Run, text: str, top: int = 5) -> list[list[tuple[str, float]]] | list[str]:
    """Return what the model puts into each gap of `text`.

    A masked model gives the `top` likeliest tokens of each gap with their probabilities, a span model the span it
    writes for each gap.
    """
    gaps = len(_GAP.findall(text))
    if not gaps:
        raise UserError("The text has no gap; write [MASK], <mask>, <extra_id_0> or ___ where the model shall fill in.")
    vocab, topology = run.codec.vocab, run.recipe.model.topology
    if topology == "decoder":
        raise UserError("This run's model is a decoder: it goes on rather than filling gaps. Use `hornbook generate`.")
    model = _writer(run)
    pieces = run.codec.encode(_GAP.split(text))
    if topology == "encoder":
        mask = vocab.require("mask", "Filling gaps")
        objective = run.recipe.objective
        # Pairs of texts get their marks from the objective, all others from the packer.
        before, after = (Masked(vocab=vocab) if isinstance(objective, Paired) else objective).marks
        ids = [*before, *_joined(pieces, [mask] * gaps), *after]
        found = fill(model, ids, mask, top)
        return [[(run.codec.decode([number]), share) for number, share in gap] for gap in found]
    if use_of(run.recipe) != "fill":
        raise UserError(
            f"The objective '{kind_of(run.recipe.objective)}' has no sentinels, so this run's model knows no gaps; "
            "`hornbook export` it and use it there."
        )
    if gaps > len(vocab.sentinels):
        raise UserError(f"The text has {gaps} gaps, but the tokenizer only {len(vocab.sentinels)} sentinels.")
    eos = vocab.require("eos", "Filling spans")
    sentinels = vocab.sentinels[:gaps]
    ids = [*run.recipe.objective.marks[0], *_joined(pieces, sentinels), eos]
    longest = run.recipe.objective.target_length(run.recipe.model.max_length)
    spans = fill_spans(model, ids, sentinels, eos, vocab.start("Filling spans"), longest)
    return [run.codec.decode(span) for span in spans]


def use_of(recipe: Recipe) -> Literal["generate", "fill"] | None:
    """Return which of the two a recipe's model is for, or None where it is for neither."""
    if recipe.model.topology == "decoder":
        return None if isinstance(recipe.objective, Joined) else "generate"  # it was never to say what comes next
    if recipe.model.topology == "encoder":
        return None if isinstance(recipe.objective, ReplacedToken) else "fill"
    return "fill" if recipe.objective.requirements(recipe.model.max_length).sentinels else None


def exportable(recipe: Recipe) -> bool:
    """Say whether a class of transformers holds a recipe's model."""
    parts = [recipe.model]
    if isinstance(recipe.objective, ReplacedToken):
        share = recipe.objective.generator_width
        parts = [discriminator_config(recipe.model), generator_config(recipe.model, share)]
    return all(any(not item.holds(part) for item in FAMILIES) for part in parts)


def _writer(run: Run) -> Transformer:
    """Return the run's model, which must be one that says tokens."""
    if isinstance(run.model, Electra):
        raise UserError(
            "This run's model tells replaced tokens from original ones: it writes no text and fills no gaps. The "
            "generator beside it does, once it is exported: `hornbook export`, then its folder generator/."
        )
    return run.model


def _joined(pieces: Sequence[NDArray[np.integer[Any]]], between: Sequence[int]) -> list[int]:
    """Return the pieces' ids with one id of `between` after each piece but the last."""
    ids = [int(number) for number in pieces[0]]
    for mark, piece in zip(between, pieces[1:], strict=True):
        ids += [mark, *(int(number) for number in piece)]
    return ids


def export(run: Run, target: Path | None = None, family: str = "", shard_bytes: int = 0) -> Path:
    """Write the run's model as a folder that transformers opens with equal logits; return the folder.

    Of an ELECTRA run it is the discriminator, with the generator in its folder `generator/`. Files of weights hold at
    most `shard_bytes` each; 0 = one file. `family` "gguf" writes one GGUF file instead.
    """
    if family == "gguf":
        model, name = _writer(run), run.directory.resolve().name
        target = target or run.directory / "model.gguf"
        return export_gguf(model.state_dict(), run.recipe.model, run.codec.text, run.codec.vocab, name, target)
    target = target or run.directory / "export"
    config, state, vocab = run.recipe.model, _as_it_came(run, run.model.state_dict()), run.codec.vocab
    if isinstance(run.model, Electra):
        if family not in ("", "electra"):
            raise UserError(f"This run's model is an ELECTRA: it cannot be exported as {family}; leave out --as.")
        facts = _card_facts(run, discriminator_config(config), "electra")
        beside = replace(_card_facts(run, run.model.inner, "electra-generator"), name=f"{facts.name} {GENERATOR}")
        cards = model_card(facts), model_card(beside)
        return export_electra(state, config, run.model.inner, run.codec.text, vocab, cards, target, shard_bytes)
    chosen = find(family) if family else choose(config)
    card = model_card(_card_facts(run, config, chosen.name))
    return export_model(state, config, run.codec.text, vocab, card, target, chosen.name, shard_bytes)


def _as_it_came(run: Run, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors of an imported model in the type that its files had; trained ones stay in fp32."""
    record = origin_of(run.directory) or {}
    if run.step or record.get("dtype") not in ("float16", "bfloat16"):
        return state
    return {name: value.to(getattr(torch, record["dtype"])) for name, value in state.items()}


def _card_facts(run: Run, config: ModelConfig, family: str) -> CardFacts:
    recipe = run.recipe
    rows = run.step * recipe.training.batch_rows if (run.directory / CORPUS).is_file() else 0
    length = round(tokens_per_row(recipe.objective, recipe.row_length))
    return CardFacts(
        name=run.directory.resolve().name,
        topology=recipe.model.topology,
        family=family,
        corpus=_corpus(run),
        objective=kind_of(recipe.objective),
        settings=objective_settings(recipe.objective),
        budget=f"{run.step:,} of {recipe.budget.steps:,} steps of {recipe.training.batch_rows} rows of {length} tokens"
        if rows
        else "no training of its own",
        tokens_seen=rows * length,
        parameters=parameters(config),
        max_length=recipe.row_length,
        measurements=_measurements(run),
        pair_head=config.pair_head,
        judge=config.judge,
        origin=_came_from(origin_of(run.directory)),
    )


def _corpus(run: Run) -> str:
    """Say which text a run has trained on."""
    if not (run.directory / CORPUS).is_file():
        return "not known: the model was imported"
    text = recall(run.directory)
    return f"{', '.join(run.recipe.data.paths)}: {text.documents:,} documents, {text.bytes:,} bytes of text"


def _came_from(record: Mapping[str, Any] | None) -> str:
    """Say where a run's first weights come from; empty where it started from nothing."""
    if record is None:
        return ""
    if record["kind"] == "folder":
        return f"{record['name']} ({record['architecture']})"
    earlier = _came_from(record.get("origin"))
    return f"the run {record['name']} at step {record['step']:,}{f', itself begun as {earlier}' if earlier else ''}"


def _measurements(run: Run) -> tuple[Measurement, ...]:
    if not (run.directory / RESULT).is_file():
        return ()
    found = Evaluation.load(run.directory / RESULT)
    simple = [("unigram", found.unigram), ("bigram", found.bigram)]
    known = tuple((name, value) for name, value in simple if value is not None)
    more = {
        "perplexity": found.perplexity,
        "loss of text tokens (nats per token)": found.text_loss,
        "bits per byte": found.bits_per_byte,
        "pseudo-perplexity": found.pseudo_perplexity,
    }
    return (
        Measurement("loss (nats per scored token)", found.loss, known),
        *(Measurement(name, value) for name, value in more.items() if value is not None),
    )
