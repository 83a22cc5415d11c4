"""Named recipes: plain functions that return a Recipe; a variant is a function that changes another one.

A model of width 0 is sized when the run starts, from its budget and the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hornbook.batch import Topology
from hornbook.errors import UserError, nearest
from hornbook.model.config import ModelConfig
from hornbook.model.sizes import BLOCKS, SIZES
from hornbook.objectives.base import Objective
from hornbook.objectives.catalogue import CATALOGUE, build, kind_of
from hornbook.objectives.masked import Masked
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.recipes.recipe import PAIRED_LENGTH, Recipe, default_model
from hornbook.recipes.sections import Budget, DataSettings, StartSettings, TokenizerSettings
from hornbook.tokens.tokenizer.tokenizer import Kind
from hornbook.vocab import EMPTY

BUILTIN = ("builtin:docs",)
TWO_MINUTES = Budget(minutes=2.0)
# Peak learning rate to continue from a model, a tenth of that to train from scratch (docs/LOG.md).
CONTINUED_RATE = 3e-4
# Width of the embeddings of ALBERT and ELECTRA (published: 128): below that of every model a budget chooses.
NARROW = 64
_LONGEST_ROWS = 2048
_OBJECTIVES: Mapping[Topology, str] = {"decoder": "causal", "encoder": "masked", "encoder-decoder": "span"}


def default(objective: str = "causal", paths: Sequence[str] = BUILTIN, budget: Budget = TWO_MINUTES) -> Recipe:
    """Return the recommended recipe for an objective: its defaults, and the modern block of its topology."""
    name = objective.lower()
    if (name in RECIPES or name in SIZES) and name not in CATALOGUE:
        kind = kind_of(named(name).objective)
        raise UserError(f"'{objective}' is a recipe: use --recipe {name}, or its objective '{kind}'.")
    built = build(objective, {}, EMPTY)
    return Recipe(objective=built, data=DataSettings(tuple(paths)), model=default_model(built), budget=budget)


def continued(objective: Objective, path: str, paths: Sequence[str] = BUILTIN, budget: Budget = TWO_MINUTES) -> Recipe:
    """Return the recipe to continue from the model at `path`: its tokenizer and shape, a new warm-up, a lower peak.

    The rate rises from nothing and falls again ("re-warming", Gupta et al. 2023; "re-warming and re-decaying", Ibrahim
    et al. 2024): at the low rate where training ended the model would adapt too little, and a peak as high as in the
    first training makes it forget more of what it knew; docs/continue.md has figures. AdamW trains the matrices too,
    since models from elsewhere come from AdamW, and Muon gains nothing on those (Liu et al. 2025, section 3.5).
    """
    recipe = default("causal", paths, budget)
    training = replace(recipe.training, optimizer="adamw", learning_rate=CONTINUED_RATE)
    start, model = StartSettings(path), default_model(objective)
    return replace(recipe, objective=objective, start=start, model=model, training=training)


def demo() -> Recipe:
    """A causal model of Python's documentation, trained for three minutes."""
    return default("causal", budget=Budget(minutes=3.0))


def _shaped(objective: str, block: ModelConfig, tokenizer: Kind = "bpe") -> Recipe:
    """Return the default recipe of an objective with another block, its dropout chosen when the run starts."""
    return replace(default(objective), model=replace(block, dropout=-1.0), tokenizer=TokenizerSettings(tokenizer))


def gpt() -> Recipe:
    """A causal model with GPT-2's block (Radford et al. 2019)."""
    return _shaped("causal", BLOCKS["gpt2"])


def llama() -> Recipe:
    """A causal model with Llama's block (Touvron et al. 2023): no QK-norm, an untied output head."""
    return _shaped("causal", BLOCKS["llama"])


def bert() -> Recipe:
    """A masked model with BERT's block and WordPiece (Devlin et al. 2019); objective.kind=nsp adds sentence pairs."""
    return _shaped("masked", BLOCKS["bert"], "wordpiece")


def roberta() -> Recipe:
    """A masked model with RoBERTa's block and byte-level BPE; tokens are masked independently (Liu et al. 2019).

    Positions begin behind the padding's id, which is 0 in tokenizers that are trained here.
    """
    return replace(_shaped("masked", replace(BLOCKS["roberta"], position_offset=1)), objective=Masked(style="iid"))


def modernbert() -> Recipe:
    """A masked model with ModernBERT's block, two of three layers local; it masks 30 % (Warner et al. 2024)."""
    return replace(_shaped("masked", BLOCKS["modernbert"]), objective=Masked(rate=0.3))


def albert() -> Recipe:
    """N-gram masking and sentence order with ALBERT's shared layer and narrow embeddings (Lan et al. 2020)."""
    block = replace(BLOCKS["albert"], embedding_width=NARROW, max_length=PAIRED_LENGTH)
    recipe = _shaped("sop", block, "unigram")
    return replace(recipe, objective=SentencePairs(Masked(style="ngram"), kind="sop"))


def electra() -> Recipe:
    """Generator and discriminator with BERT's block, narrow shared embeddings and WordPiece (Clark et al. 2020)."""
    return _shaped("replaced", replace(BLOCKS["electra"], embedding_width=NARROW), "wordpiece")


def t5() -> Recipe:
    """A span-corruption model with the original T5's MLP (ReLU, not gated) and Unigram (Raffel et al. 2020)."""
    return _shaped("span", BLOCKS["t5"], "unigram")


def bart() -> Recipe:
    """Text infilling and sentence permutation with BART's block and byte-level BPE (Lewis et al. 2020)."""
    return _shaped("bart", BLOCKS["bart"])


RECIPES: Mapping[str, Callable[[], Recipe]] = {
    make.__name__: make for make in (demo, gpt, llama, bert, roberta, modernbert, albert, electra, t5, bart)
}


def sized(name: str) -> Recipe:
    """Return the recipe of a named size: that of its family, in the published shape, for a tokenizer of your text.

    Rows are as long as the published ones, but at most 2,048 positions. T5 1.1 is tied here, as only then it can be
    exported.
    """
    shape = SIZES[name]
    family = next((family for family in sorted(RECIPES, key=len, reverse=True) if name.startswith(family)), None)
    recipe = RECIPES[family]() if family else default(_OBJECTIVES[shape.topology])
    changes: dict[str, Any] = {"vocab_size": 0, "dropout": -1.0, "max_length": min(shape.max_length, _LONGEST_ROWS)}
    if shape.positions == "learned" and shape.topology == "encoder":
        changes["position_offset"] = recipe.model.position_offset
    if shape.topology == "encoder-decoder" and not shape.tied:
        changes |= {"tied": True, "output_scale": "width"}
    return replace(recipe, model=replace(shape, **changes))


def named(name: str) -> Recipe:
    """Return the recipe of that name: of RECIPES, or in the shape of one of SIZES."""
    if name in RECIPES:
        return RECIPES[name]()
    if name in SIZES:
        return sized(name)
    if name in CATALOGUE:
        raise UserError(f"There is no recipe '{name}': it is an objective, --objective {name}.")
    lower = name.lower()
    close = lower if lower in RECIPES or lower in SIZES else ""
    hint = f" Did you mean '{close}'?" if close else nearest(lower, [*RECIPES, *SIZES])
    raise UserError(f"There is no recipe '{name}'.{hint}")
