"""Ways: how each objective's model goes on with a text, and how it fills gaps; every model in the way it has learned.

    on          read the text, say what comes next                        causal, prefix, fim, UL2's sequential task
    anew        read a text with masks, say the whole of it               bart
    sentinels   read a text with sentinels, say what each stands for      span, UL2's other tasks
    middle      read what is before and behind a gap, say its text        fim
    masks       read a text with masks, give candidates for each          masked, nsp, sop
    unmask      the same, and fill the masks one after another            diffusion

An encoder-decoder's ways are also those of a decoder that learned them joined.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, cast

from hornbook.errors import UserError
from hornbook.model.electra import Electra
from hornbook.model.transformer import Transformer
from hornbook.objectives.bart import BARTDenoising
from hornbook.objectives.base import Objective, Paired, cycle_of
from hornbook.objectives.causal import Causal
from hornbook.objectives.diffusion import MaskedDiffusion
from hornbook.objectives.fim import FillInMiddle
from hornbook.objectives.joined import Joined
from hornbook.objectives.masked import Masked
from hornbook.objectives.prefix import PrefixLM
from hornbook.objectives.replaced_token import ReplacedToken
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.objectives.ul2_denoiser import UL2Denoiser
from hornbook.recipe.recipe import Recipe
from hornbook.run.directory import OpenRun
from hornbook.vocab import Vocab

Kind = Literal["on", "anew", "sentinels", "middle", "masks", "unmask"]


@dataclass(frozen=True)
class Way:
    """One way of using a model.

    kind       see the module
    objective  what the model learned it from
    before     ids that stand before the text
    after      ids that stand behind it
    stop       ids that end what is said
    start      the id that begins what is said, where that is a side of its own
    visible    the model reads its text from both sides
    """

    kind: Kind
    objective: Objective
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    stop: frozenset[int] = frozenset()
    start: int | None = None
    visible: bool = False


def going_on(objective: Objective, vocab: Vocab) -> Way | None:
    """Return how a model of this objective goes on with a text, or None where it cannot."""
    return _first(objective, vocab, ("on", "anew"))


def filling(objective: Objective, vocab: Vocab) -> Way | None:
    """Return how a model of this objective fills gaps, or None where it cannot."""
    return _first(objective, vocab, ("sentinels", "middle", "masks", "unmask"))


def uses_of(recipe: Recipe) -> tuple[Literal["generate", "fill"], ...]:
    """Return which of the two a recipe's model can do."""
    vocab = recipe.objective.vocab
    goes_on: tuple[Literal["generate"], ...] = ("generate",) if going_on(recipe.objective, vocab) else ()
    return (*goes_on, "fill") if filling(recipe.objective, vocab) else goes_on


def writer(run: OpenRun) -> Transformer:
    """Return the run's model, which must be one that says tokens."""
    if isinstance(run.model, Electra):
        raise UserError(
            "This run's model tells replaced tokens from original ones: it writes no text and fills no gaps. The "
            "generator beside it does, once it is exported: `hornbook export`, then its folder generator/."
        )
    return run.model


def _first(objective: Objective, vocab: Vocab, kinds: tuple[Kind, ...]) -> Way | None:
    """Return the first way of these kinds among an objective's parts."""
    for part in dict.fromkeys(cycle_of(objective)):
        inner = part.objective if isinstance(part, Joined) else part
        own = cast(Objective, dataclasses.replace(cast(Any, inner), vocab=vocab))
        for way in _ways(own, vocab):
            if way.kind in kinds:
                return (
                    way if not isinstance(part, Joined) else dataclasses.replace(way, visible=part.inputs == "visible")
                )
    return None


def _ways(objective: Objective, vocab: Vocab) -> tuple[Way, ...]:
    """Return the ways of an objective without parts."""
    before, after = objective.boundary_tokens
    own_end = frozenset(after)
    if objective.topology == "encoder":
        if isinstance(objective, ReplacedToken):
            return ()
        kind: Kind = "unmask" if isinstance(objective, MaskedDiffusion) else "masks"
        if isinstance(
            objective, Paired
        ):  # pairs of texts get their marks from the objective, all others from the packer
            before, after = Masked(vocab=vocab).boundary_tokens
        return (Way(kind, objective, before, after),)
    if isinstance(objective, Causal):
        return (Way("on", objective, before, stop=own_end),)
    if isinstance(objective, FillInMiddle):
        middle = (Way("middle", objective, before, stop=own_end),) if objective.rate > 0 else ()
        return (Way("on", objective, before, stop=own_end), *middle)
    if isinstance(objective, PrefixLM) and objective.topology == "decoder":
        return (Way("on", objective, before, stop=own_end, visible=True),)
    end = () if vocab.eos is None else (vocab.eos,)
    stop, start = frozenset(end), vocab.pad if vocab.decoder_start is None else vocab.decoder_start
    if isinstance(objective, PrefixLM):
        return (Way("on", objective, stop=stop, start=start),)
    if isinstance(objective, BARTDenoising):
        return (Way("anew", objective, objective.begin, end, stop, start),)
    if isinstance(objective, UL2Denoiser):
        mode = dict(vocab.modes).get(objective.mode)
        before = () if mode is None else (mode,)
        return (Way("sentinels" if objective.task == "spans" else "on", objective, before, end, stop, start),)
    return (Way("sentinels", objective, (), end, stop, start),) if isinstance(objective, SpanCorruption) else ()
