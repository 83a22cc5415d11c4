"""Recipe: a whole run as one value, saved with the run and repeatable from it.

Every field is a setting of the command line too (`hornbook pretrain BOOK.txt training.learning_rate=3e-3`); the text
after each name in a class's docstring is its help.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hornbook.errors import UserError
from hornbook.model.config import ModelConfig, modern
from hornbook.objectives.base import Objective
from hornbook.objectives.causal import Causal
from hornbook.recipes import sections
from hornbook.schema import Seed, leaf

# A row has one label of a pair, whatever its length: short rows give more of them in the same time (BERT reads 128
# positions in nine of ten steps too: Devlin et al. 2019, A.2).
PAIRED_LENGTH = 128


@dataclass(frozen=True)
class Recipe:
    """A whole run.

    objective   what the model learns to predict
    data        which text
    mix         how much of each domain, and in which order
    start       the base model, if any
    tokenizer   how text becomes tokens
    model       the Transformer's shape
    training    how to train
    logging     where records go beside metrics.jsonl
    budget      how long to train
    seed        seed of the initial weights, the data order and the noise; the same recipe repeats a run bit for bit
    """

    objective: Objective = field(default_factory=Causal)
    data: sections.DataSettings = field(default_factory=sections.DataSettings)
    mix: sections.MixSettings = field(default_factory=sections.MixSettings)
    start: sections.StartSettings = field(default_factory=sections.StartSettings)
    tokenizer: sections.TokenizerSettings = field(default_factory=sections.TokenizerSettings)
    model: ModelConfig = field(default_factory=lambda: default_model(Causal()))
    training: sections.TrainingSettings = field(default_factory=sections.TrainingSettings)
    logging: sections.LoggingSettings = field(default_factory=sections.LoggingSettings)
    budget: sections.Budget = field(default_factory=lambda: sections.Budget(minutes=2.0))
    seed: Seed = 0

    def __post_init__(self) -> None:
        leaf(Seed, self.seed, "seed")
        if self.model.topology != self.objective.topology:
            wanted, given = self.objective.topology, self.model.topology
            raise UserError(f"This objective trains a model of topology {wanted}, but model.topology is {given}.")
        heads = self.objective.heads
        if heads.pair != self.model.pair_head:
            raise UserError(f"This objective needs model.pair_head={str(heads.pair).lower()}: leave it out.")
        if self.model.pair_head and self.model.token_types < 2:
            raise UserError(f"Text pairs need model.token_types=2, not {self.model.token_types}.")
        if self.model.rtd_head and not heads.generator_width:
            raise UserError("model.rtd_head=true needs the objective 'replaced'.")
        known = self.model.width or not self.start.path
        if known and self.training.row_length > self.model.max_length:
            length, most = self.training.row_length, self.model.max_length
            raise UserError(f"training.row_length {length} must be at most model.max_length {most}.")
        if self.start.path and (self.tokenizer.file or self.tokenizer.size):
            raise UserError("The base model brings its tokenizer: leave out tokenizer.file and tokenizer.size.")

        if self.start.path and self.model.start == "counts":
            raise UserError("The base model brings its weights: leave out model.start=counts.")

    @property
    def row_length(self) -> int:
        """How many positions a row has."""
        return self.training.row_length or self.model.max_length


def default_model(objective: Objective) -> ModelConfig:
    """Return the modern block of an objective's topology, with a head and token types for pairs if it has pairs.

    Its size and its dropout are chosen when the run starts. Rows of pairs are half as long as others.
    """
    block = replace(modern(objective.topology), dropout=-1.0)
    if not objective.heads.pair:
        return block
    return replace(block, token_types=2, pair_head=True, max_length=PAIRED_LENGTH)
