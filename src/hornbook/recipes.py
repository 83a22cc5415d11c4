"""Named recipes: plain functions that return a Recipe; a variant is a function that changes another one.

A model of width 0 is sized when the run starts, from its budget and the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from hornbook.errors import UserError, nearest
from hornbook.model.config import ModelConfig
from hornbook.objectives.base import Objective
from hornbook.objectives.catalogue import CATALOGUE, build
from hornbook.objectives.masked import Masked
from hornbook.objectives.pairs import SentencePairs
from hornbook.recipe import Budget, DataSettings, Recipe, StartSettings, TokenizerSettings, default_model
from hornbook.vocab import EMPTY

BUILTIN = ("builtin:docs",)
TWO_MINUTES = Budget(minutes=2.0)
# Peak rate for going on from a model, a tenth of that for starting from nothing (docs/LOG.md).
CONTINUED_RATE = 3e-4
# Width of the embeddings of ALBERT and ELECTRA (published: 128): below that of every model a budget chooses.
NARROW = 64


def default(objective: str = "causal", paths: Sequence[str] = BUILTIN, budget: Budget = TWO_MINUTES) -> Recipe:
    """Return the recommended recipe for an objective: its defaults, and the modern block of its topology."""
    if objective not in CATALOGUE:
        raise UserError(f"There is no objective '{objective}'.{nearest(objective, CATALOGUE)}")
    built = build(objective, {}, EMPTY)
    return Recipe(objective=built, data=DataSettings(tuple(paths)), model=default_model(built), budget=budget)


def continued(objective: Objective, path: str, paths: Sequence[str] = BUILTIN, budget: Budget = TWO_MINUTES) -> Recipe:
    """Return the recipe for going on from the model at `path`: its tokenizer and shape, a rate that rises anew, lower.

    The rate rises from nothing and falls again ("re-warming", Gupta et al. 2023; "re-warming and re-decaying", Ibrahim
    et al. 2024): without the rise the model adapts too little, and a peak as high as in the first training makes it
    forget more of what it knew. AdamW trains the matrices too, since models from elsewhere come from AdamW, and Muon
    gains nothing on those (Liu et al. 2025, section 3.5). docs/continue.md has what these rates do.
    """
    recipe = default("causal", paths, budget)
    training = replace(recipe.training, optimizer="adamw", learning_rate=CONTINUED_RATE)
    return replace(
        recipe, objective=objective, start=StartSettings(path), model=default_model(objective), training=training
    )


def demo() -> Recipe:
    """A causal model of the Python documentation, trained in three minutes."""
    return default("causal", budget=Budget(minutes=3.0))


def llama() -> Recipe:
    """A causal model with Llama's block (Touvron et al. 2023): the modern decoder without QK-norm, head untied."""
    recipe = default("causal")
    return replace(recipe, model=replace(recipe.model, qk_norm=False, tied=False))


def _bert_block() -> ModelConfig:
    return ModelConfig(
        "encoder",
        norm="layer",
        norm_place="post",
        norm_epsilon=1e-12,
        positions="learned",
        gated=False,
        activation="gelu",
        biases=True,
        qk_norm=False,
        embedding_norm=True,
        final_norm=False,
        head_transform=True,
        head_bias=True,
        types=2,
        dropout=-1.0,
    )


def bert() -> Recipe:
    """A masked model with BERT's block and WordPiece (Devlin et al. 2019); with `objective.kind=nsp` it is whole."""
    return replace(default("masked"), tokenizer=TokenizerSettings("wordpiece"), model=_bert_block())


def roberta() -> Recipe:
    """A masked model with RoBERTa's block and byte-level BPE, each token masked on its own (Liu et al. 2019).

    Positions begin behind the padding's id, which is 0 in tokenizers that are trained here.
    """
    block = replace(_bert_block(), norm_epsilon=1e-5, position_offset=1, types=1)
    return replace(default("masked"), objective=Masked(style="iid"), model=block)


def albert() -> Recipe:
    """A model of n-gram masks and sentence order with ALBERT's shared layer and narrow embeddings (Lan et al. 2020)."""
    block = replace(_bert_block(), activation="gelu_tanh", embedding_width=NARROW, shared_layers=True, pair_head=True)
    objective = SentencePairs(Masked(style="ngram"), kind="sop")
    return replace(default("sop"), objective=objective, tokenizer=TokenizerSettings("unigram"), model=block)


def electra() -> Recipe:
    """Generator and discriminator with BERT's block, narrow shared embeddings and WordPiece (Clark et al. 2020)."""
    block = replace(_bert_block(), embedding_width=NARROW)
    return replace(default("replaced"), tokenizer=TokenizerSettings("wordpiece"), model=block)


def t5() -> Recipe:
    """A span model with the original T5's MLP (ReLU, not gated) and a Unigram tokenizer (Raffel et al. 2020)."""
    recipe = default("span")
    block = replace(recipe.model, gated=False, activation="relu")
    return replace(recipe, tokenizer=TokenizerSettings("unigram"), model=block)


def bart() -> Recipe:
    """BART: text infilling and permuted sentences, with its block and a byte-level BPE (Lewis et al. 2020)."""
    block = ModelConfig(
        "encoder-decoder",
        norm="layer",
        norm_place="post",
        norm_epsilon=1e-5,
        positions="learned",
        position_offset=2,
        split_embedding=True,
        gated=False,
        activation="gelu",
        biases=True,
        qk_norm=False,
        embedding_norm=True,
        final_norm=False,
        dropout=-1.0,
    )
    return replace(default("bart"), tokenizer=TokenizerSettings("bpe"), model=block)


RECIPES: Mapping[str, Callable[[], Recipe]] = MappingProxyType(
    {
        "demo": demo,
        "llama": llama,
        "bert": bert,
        "roberta": roberta,
        "albert": albert,
        "electra": electra,
        "t5": t5,
        "bart": bart,
    }
)


def named(name: str) -> Recipe:
    """Return the recipe of that name."""
    if name not in RECIPES:
        raise UserError(f"There is no recipe '{name}'.{nearest(name, RECIPES)}")
    return RECIPES[name]()
