"""Which first weights a model's shape can take from counted pairs."""

from __future__ import annotations

from typing import Literal

from hornbook.model.config import ModelConfig
from hornbook.model.start.counted import holds_counts
from hornbook.model.start.neighbours import holds_neighbours
from hornbook.model.start.tied import holds_tied_counts

Form = Literal["untied", "tied", "neighbours", "unigram"]


def form_of(config: ModelConfig, generator: bool = False) -> Form | None:
    """Return the form in which a model can begin from counts, or None.

    untied      what the token just read says of the next one, in the table and the head (`model.start.counted`)
    tied        the same where one table is both, in the table and the last MLP (`model.start.tied`)
    neighbours  what the tokens on both sides say, in the table and the first attention (`model.start.neighbours`)
    unigram     how frequent each token is, in the bias of the head that fills masks (Meister et al. 2023)

    `generator` = a generator stands beside an encoder (ELECTRA): it is too narrow for more than the unigram.
    """
    if holds_counts(config):
        return "untied"
    if holds_tied_counts(config):
        return "tied"
    if config.topology != "encoder" or config.task_head != "none":
        return None
    if not generator and holds_neighbours(config):
        return "neighbours"
    return "unigram" if generator or config.head_bias else None
