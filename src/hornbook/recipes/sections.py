"""Sections: the parts of a recipe that say which text, which tokenizer, how to train and how long.

Every field is a setting of the command line too (`hornbook pretrain BOOK.txt training.learning_rate=3e-3`); the text
after each name in a class's docstring is its help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Lt

from hornbook.corpus.weights import Rule, parse
from hornbook.errors import UserError
from hornbook.schema import Count, NotNegative, Positive, PositiveCount, ProperShare, Share, check

# How raw text may be cleaned beside the steps of a recipe.
CLEAN_DEFAULT, CLEAN_NONE = "default", "none"


@dataclass(frozen=True)
class DataSettings:
    """Which text.

    paths      files, globs or folders; builtin:docs and builtin:code are the texts of your Python; hf://NAME a dataset
    held_out   share of the documents kept for measuring, chosen by hash of their text
    clean      what is done with raw text first: default (the steps of `corpus build`), a recipe.toml (its steps), none
               (it is read as it is); empty = default where the extra corpus is installed, else none
    """

    paths: tuple[str, ...] = ("builtin:docs",)
    held_out: ProperShare = 0.05
    clean: str = ""

    def __post_init__(self) -> None:
        check(self, "data.")
        if not self.paths:
            raise UserError("data.paths is empty: name at least one text file, folder or builtin:docs.")
        if self.clean not in ("", CLEAN_NONE, CLEAN_DEFAULT) and not self.clean.endswith(".toml"):
            raise UserError(
                f"data.clean must be {CLEAN_DEFAULT}, {CLEAN_NONE} or a recipe.toml of `corpus build`, not "
                f"'{self.clean}'."
            )


@dataclass(frozen=True)
class MixSettings:
    """Which share of what is read comes from which domain, and in which order.

    rule         as-is, temperature, unimax, explicit, gpt3 or llama1; docs/corpus/mix.md has their definitions
    weights      of explicit: domain=number for each domain that is read, in any unit
    temperature  of temperature: 1 = shares as the sizes, larger = more alike
    epochs       of unimax: how often a domain is read at most
    late         domain=number: other weights for the end of the run, such as the best text; empty = none
    late_share   share of the run in which these hold
    domain       the field of the documents that names their domain; source = the path they came from
    order        shuffled, or in each epoch from least to most: length, rarity, compression, or a field that is a number
    """

    rule: Rule = "as-is"
    weights: tuple[str, ...] = ()
    temperature: Positive = 2.0
    epochs: Positive = 4.0
    late: tuple[str, ...] = ()
    late_share: ProperShare = 0.1
    domain: str = "source"
    order: str = "shuffled"

    def __post_init__(self) -> None:
        check(self, "mix.")
        if bool(self.weights) != (self.rule == "explicit"):
            raise UserError("mix.weights and mix.rule=explicit belong together: give both or neither.")
        parse(self.weights, "mix.weights"), parse(self.late, "mix.late")
        if not self.domain or not self.order:
            raise UserError("mix.domain and mix.order must name something: source and shuffled are the defaults.")

    @property
    def divides(self) -> bool:
        """Whether domains are told apart."""
        return self.rule != "as-is" or bool(self.late)


@dataclass(frozen=True)
class StartSettings:
    """Which model to go on from; its tokenizer and its shape are then the run's.

    path         a model's folder as transformers writes it, or a run; empty = start from nothing
    new_pieces   pieces of words to learn from the text and add to the vocabulary; 0 = none
    """

    path: str = ""
    new_pieces: Count = 0

    def __post_init__(self) -> None:
        check(self, "start.")
        if self.new_pieces and not self.path:
            raise UserError("start.new_pieces adds to the vocabulary of a model to go on from: name it in start.path.")


@dataclass(frozen=True)
class TokenizerSettings:
    """How text becomes tokens.

    kind   bpe (byte-level BPE), wordpiece or unigram
    size   entries of the vocabulary; 0 = chosen from the size of the corpus
    file   an existing tokenizer.json to use instead of training one
    """

    kind: Literal["bpe", "wordpiece", "unigram"] = "bpe"
    size: Count = 0
    file: str = ""

    def __post_init__(self) -> None:
        check(self, "tokenizer.")


@dataclass(frozen=True)
class LoggingSettings:
    """Where a run's records go beside metrics.jsonl.

    trackers   names such as tensorboard, trackio or wandb, or classes of yours as path.py:Class; empty = none
    """

    trackers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Budget:
    """How long to train: exactly one of these is above 0.

    steps     optimizer steps
    tokens    corpus tokens
    epochs    passes over the training text
    minutes   wall-clock minutes; the speed is measured first, then the number of steps is fixed and recorded
    """

    steps: Count = 0
    tokens: Count = 0
    epochs: NotNegative = 0.0
    minutes: NotNegative = 0.0

    def __post_init__(self) -> None:
        check(self, "budget.")
        given = {name: value for name, value in vars(self).items() if value}
        if len(given) != 1:
            named = ", ".join(f"budget.{name}={value}" for name, value in given.items()) or "none"
            raise UserError(f"Give exactly one of budget.steps, tokens, epochs or minutes; given: {named}.")


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    row_length           positions of a row; 0 = as many as the model has
    batch_rows           rows in one optimizer step, over all micro-batches; 0 = chosen from the width and the budget
    micro_batch          rows computed at once; 0 = all of the batch, or as many of them as memory holds
    checkpoint_activations  layers: keep only what goes into each layer and compute the layer again in the backward pass
                         (less memory, about a third more work, the same bits); auto: where one row needs it
    optimizer            muon (matrices by Muon, the rest by AdamW) or adamw
    learning_rate        peak learning rate of AdamW's part: norms and biases, or all parameters without Muon
    muon_learning_rate   peak learning rate of Muon's part, scaled to match AdamW's update size; 0 = 0.006 at width
                         128, falling with the root of the width
    embedding_rate       peak learning rate of the table of tokens beside Muon, in deviations of its first values; 0 =
                         0.75 for a new decoder, 0.1 for a new T5 with a tied head, else learning_rate
    weight_decay         decoupled weight decay, on matrices only
    beta1                AdamW's first moment decay
    beta2                AdamW's second moment decay
    epsilon              AdamW's epsilon
    clip                 largest norm of the gradient; 0 = no clipping
    schedule             wsd (flat, then linear decay), cosine or linear
    warmup               share of the steps in which the rate rises (a share below 1, else a number of steps)
    decay                share of the steps in which wsd's rate falls
    final_rate           share of the peak rate at the end
    precision            auto, fp32 or bf16 (compute; master weights stay fp32)
    compile              auto, yes or no
    shards               devices that share one copy of weights, gradients and optimizer state (FSDP): 1 = each has all
                         (data parallel), 0 = all devices share, between = each group of so many has a copy
    tensor_parallel      devices that compute each layer together, a part of the heads and of the MLP each
    workers              threads that prepare batches ahead of the step; 0 = none
    evaluate_every       steps between measurements on held-out text; 0 = ten times a run
    evaluate_tokens      about how many held-out tokens each of those reads; the last up to 20 times as many
    checkpoint_minutes   minutes between checkpoints (one is always written at the end, and when interrupted)
    keep_checkpoints     how many of the newest to keep
    """

    row_length: Count = 0
    batch_rows: Count = 0
    micro_batch: Count = 0
    checkpoint_activations: Literal["auto", "no", "layers"] = "auto"
    optimizer: Literal["muon", "adamw"] = "muon"
    learning_rate: Positive = 3e-3
    muon_learning_rate: NotNegative = 0.0
    embedding_rate: NotNegative = 0.0
    weight_decay: NotNegative = 0.1
    beta1: Annotated[float, Ge(0), Lt(1)] = 0.9
    beta2: Annotated[float, Ge(0), Lt(1)] = 0.95
    epsilon: float = 1e-8
    clip: NotNegative = 1.0
    schedule: Literal["wsd", "cosine", "linear"] = "wsd"
    warmup: NotNegative = 0.05
    decay: Share = 0.4
    final_rate: Share = 0.0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: Literal["auto", "yes", "no"] = "auto"
    shards: Count = 1
    tensor_parallel: PositiveCount = 1
    workers: Count = 1
    evaluate_every: Count = 0
    evaluate_tokens: PositiveCount = 50_000
    checkpoint_minutes: Positive = 1.0
    keep_checkpoints: PositiveCount = 2

    def __post_init__(self) -> None:
        check(self, "training.")
        if self.micro_batch and self.batch_rows % self.micro_batch:
            raise UserError(
                f"training.batch_rows {self.batch_rows} is not a multiple of training.micro_batch {self.micro_batch}."
            )
