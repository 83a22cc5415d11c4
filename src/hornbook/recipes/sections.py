"""Sections: the parts of a recipe that say which text, which tokenizer, how to train and how long.

Every field is a setting of the command line too (`hornbook pretrain BOOK.txt training.learning_rate=3e-3`); the text
after each name in a class's docstring is its help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from hornbook.corpus.readers.fields.choose import pattern_of
from hornbook.corpus.weights import Rule, parse
from hornbook.errors import UserError
from hornbook.schema import (
    MOST,
    MOST_ROWS,
    MOST_TOKENS,
    Cap,
    Count,
    PositiveCount,
    ProperShare,
    Share,
    check,
)
from hornbook.tokens.timeline import Timeline, read_timeline

_ENTRIES = 10**7  # of a vocabulary, at the most: ids and pieces are held in memory
_THREADS = 256
_SAMPLES = 100
Rate = Annotated[float, Ge(0), Cap(1e30)]  # beyond it 32 bits overflow
# How raw text may be cleaned beside the steps of a recipe.
CLEAN_DEFAULT, CLEAN_NONE = "default", "none"


@dataclass(frozen=True)
class DataSettings:
    """Which text.

    paths      files, globs, folders, builtin:docs or builtin:code (your Python's own text), or hf://NAME (a dataset)
    held_out   share of the documents held out for evaluation; the hash of a document's text decides
    clean      how raw text is cleaned first: default (the steps of `corpus build`), a recipe.toml (its steps) or none;
               empty = default if the extra `corpus` is installed, otherwise none
    text       the field or column that holds the text, one inside another by dots (meta.text), or several joined by a
               pattern ({title}\\n\\n{body}); empty = text, or what a known data set calls it, or what the recipe.toml
               of `clean` says
    fields     the other fields or columns that are kept, for example for mix.domain; empty = all
    """

    paths: tuple[str, ...] = ("builtin:docs",)
    held_out: ProperShare = 0.05
    clean: str = ""
    text: str = ""
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check(self, "data.")
        if not self.paths:
            raise UserError("data.paths is empty: name at least one file, folder or builtin:docs.")
        if self.clean not in ("", CLEAN_NONE, CLEAN_DEFAULT) and not self.clean.endswith(".toml"):
            raise UserError(f"data.clean must be default, none or a recipe.toml of corpus build, not '{self.clean}'.")
        pattern_of(self.text)


@dataclass(frozen=True)
class MixSettings:
    """How much text comes from each domain, and in which order.

    rule         how domains are weighted; docs/corpus/mix.md defines each rule
    weights      rule explicit: domain=number for each domain; only the ratios count
    temperature  rule temperature: 1 = domains in proportion to their sizes; larger values even them out
    epochs       rule unimax: maximum number of times a domain is read
    late         domain=number: the weights at the end of the run, for example of the best text; empty = no change
    late_share   share of the run, at its end, in which mix.late applies
    domain       the document field that names the domain; source = the path of the file
    order        shuffled; or sorted in each epoch, lowest first, by length, rarity, compression or a numeric field;
                 field=value = documents with that value come last; a minus before it turns the order round
    stage        share of each epoch, at its end, for the documents that mix.order puts last: all others come shuffled
                 before it, these are shuffled too; 0 = the order goes on through the whole epoch
    """

    rule: Rule = "as-is"
    weights: tuple[str, ...] = ()
    temperature: Annotated[float, Ge(0.01), Cap(10**6)] = 2.0
    epochs: Annotated[float, Gt(0), Cap(10**6)] = 4.0
    late: tuple[str, ...] = ()
    late_share: ProperShare = 0.1
    domain: str = "source"
    order: str = "shuffled"
    stage: Annotated[float, Ge(0), Lt(1)] = 0.0

    def __post_init__(self) -> None:
        check(self, "mix.")
        if bool(self.weights) != (self.rule == "explicit"):
            raise UserError("mix.weights needs mix.rule=explicit, and that rule needs weights: set both or neither.")
        parse(self.weights, "mix.weights"), parse(self.late, "mix.late")
        if not self.domain or not self.order:
            raise UserError("mix.domain and mix.order must not be empty: the defaults are source and shuffled.")
        if self.order in ("-", "-shuffled"):
            raise UserError(f"mix.order={self.order} names no order that could be turned round: write -length, say.")
        if self.stage and (self.order == "shuffled" or "=" in self.order):
            raise UserError("mix.stage needs a mix.order by a number, such as length: it says how much of it is late.")

    @property
    def named(self) -> bool:
        """Whether the domain of each document is known."""
        return self.divides or self.domain != "source"

    @property
    def divides(self) -> bool:
        """Whether domains are weighted."""
        return self.rule != "as-is" or bool(self.late)


@dataclass(frozen=True)
class StartSettings:
    """The base model; the run takes over its tokenizer and its shape.

    path         base model to continue from: a Hugging Face folder or a run; empty = train from scratch
    new_pieces   number of tokens to learn from the text and add to the base model's vocabulary; 0 = none
    """

    path: str = ""
    new_pieces: Annotated[int, Ge(0), Cap(_ENTRIES)] = 0

    def __post_init__(self) -> None:
        check(self, "start.")
        if self.new_pieces and not self.path:
            raise UserError("start.new_pieces extends a base model's vocabulary: name the base model in start.path.")


@dataclass(frozen=True)
class TokenizerSettings:
    """How text becomes tokens.

    kind   algorithm of the tokenizer that is trained; bpe is byte-level BPE
    size   vocabulary size; 0 = chosen from the size of the corpus and, for bpe, from what the budget reads of it
    file   tokenizer.json to use; empty = train a tokenizer on the text
    """

    kind: Literal["bpe", "wordpiece", "unigram"] = "bpe"
    size: Annotated[int, Ge(0), Cap(_ENTRIES)] = 0
    file: str = ""

    def __post_init__(self) -> None:
        check(self, "tokenizer.")


@dataclass(frozen=True)
class LoggingSettings:
    """Where a run's records go beside metrics.jsonl.

    trackers   tensorboard, trackio, wandb, or your own class as path.py:Class; empty = none
    """

    trackers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Budget:
    """How long to train: exactly one of these is above 0.

    steps     length of the run in optimizer steps
    tokens    length of the run in tokens of the corpus
    epochs    length of the run in passes over the training text
    minutes   length of the run in minutes after the text is prepared; the speed turns it into steps while it trains
    corrections  step=steps for each time that the clock corrected the steps of a run of minutes; empty = never
    """

    steps: Annotated[int, Ge(0), Cap(MOST_TOKENS)] = 0
    tokens: Annotated[int, Ge(0), Cap(MOST_TOKENS)] = 0
    epochs: Annotated[float, Ge(0), Cap(10**12)] = 0.0
    minutes: Annotated[float, Ge(0), Cap(10**12)] = 0.0
    corrections: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check(self, "budget.")
        given = {name: value for name, value in vars(self).items() if value and name != "corrections"}
        if len(given) != 1:
            named = ", ".join(f"budget.{name}={value}" for name, value in given.items()) or "none"
            raise UserError(f"Give exactly one of budget.steps, tokens, epochs or minutes; given: {named}.")
        if self.corrections and not self.steps:
            raise UserError("budget.corrections is of a run whose budget.steps are known: leave it out.")
        read_timeline(self.corrections, self.steps, "budget.corrections")

    @property
    def timeline(self) -> Timeline:
        """The run's length in steps, and how it was corrected; 0 steps while they are not known."""
        return read_timeline(self.corrections, self.steps, "budget.corrections")


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    row_length           length of a training row in tokens; 0 = model.max_length
    batch_rows           batch size: rows in one optimizer step on all devices; 0 = chosen from width and budget
    micro_batch          rows in one forward and backward pass; 0 = as many of the batch as fit into memory
    checkpoint_activations  activation checkpointing. layers: recompute each layer in the backward pass (less memory,
                         about a third more compute, the same results); auto: only if a single row does not fit
    optimizer            muon (Muon for matrices inside the layers, AdamW for the rest) or adamw (AdamW for all)
    learning_rate        peak learning rate of AdamW; 0 = chosen when the run starts: 0.003; beside Muon, for a new T5
                         or untied decoder that starts from counts, 0.012 / sqrt(width / 128) / sqrt(steps / 300),
                         width from 128 on, steps from 300 to 1,200
    muon_learning_rate   peak learning rate of Muon, on the scale of AdamW's; 0 = chosen from the width:
                         0.006 / sqrt(width / 128); for a new decoder also / sqrt(steps / 300), steps from 75 to 600
    muon_momentum        Muon: decay rate of the momentum; 0 = chosen from the steps of a new model's run:
                         1 - 30 / steps, from 0.8 to 0.95; else 0.95
    embedding_rate       peak learning rate of the token embedding when Muon is used, as a multiple of its initial
                         standard deviation; 0 = 0.75 for a new decoder (0.03 from counts, untied), 0.1 for a new tied
                         T5 and an encoder from counts, else learning_rate
    weight_decay         decoupled weight decay of the weight matrices inside the layers; 0 = none
    beta1                AdamW: decay rate of the first moment
    beta2                AdamW: decay rate of the second moment
    epsilon              AdamW: number added to the denominator
    clip                 gradient clipping: maximum norm of the gradient; 0 = no clipping
    schedule             shape of the learning rate after warm-up: wsd (constant, then linear decay), cosine or linear
    warmup               length of the warm-up: a share of the steps if below 1, otherwise a number of steps
    decay                schedule wsd: share of the steps, at the end, in which the learning rate decays
    final_rate           learning rate at the end, as a share of the peak
    precision            number format of computations; weights stay in fp32; auto = bf16 if it is faster here
    compile              compile the layers with torch.compile; auto = if the run is long enough to gain from it
    shards               FSDP: devices that share one copy of weights, gradients and optimizer state; 1 = every device
                         has its own copy (data parallel), 0 = all devices share one
    tensor_parallel      devices that split the attention heads and the MLP of each layer; 1 = no split
    threads              CPU threads that compute, in each process; 0 = the CPUs at hand, or OMP_NUM_THREADS. The last
                         bits of a result depend on it
    workers              threads that prepare batches in advance; 0 = none
    evaluate_every       steps between evaluations on held-out text; 0 = ten evaluations in a run
    evaluate_tokens      held-out tokens in each evaluation; the last one reads up to 20 times as many
    samples              number of held-out texts that the model is asked to continue or fill at evaluations during
                         training; 0 = none
    checkpoint_minutes   minutes between checkpoints; the end of the run and an interruption always write one
    keep_checkpoints     number of checkpoints to keep, newest first
    """

    row_length: Count = 0
    batch_rows: Annotated[int, Ge(0), Cap(MOST_ROWS)] = 0
    micro_batch: Annotated[int, Ge(0), Cap(MOST_ROWS)] = 0
    checkpoint_activations: Literal["auto", "no", "layers"] = "auto"
    optimizer: Literal["muon", "adamw"] = "muon"
    learning_rate: Rate = 0.0
    muon_learning_rate: Rate = 0.0
    muon_momentum: Annotated[float, Ge(0), Lt(1)] = 0.0
    embedding_rate: Rate = 0.0
    weight_decay: Rate = 0.1
    beta1: Annotated[float, Ge(0), Lt(1)] = 0.9
    beta2: Annotated[float, Ge(0), Lt(1)] = 0.99
    epsilon: Annotated[float, Ge(0), Le(1)] = 1e-8
    clip: Rate = 1.0
    schedule: Literal["wsd", "cosine", "linear"] = "wsd"
    warmup: Annotated[float, Ge(0), Cap(MOST)] = 0.05
    decay: Share = 0.4
    final_rate: Share = 0.0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: Literal["auto", "yes", "no"] = "auto"
    shards: Count = 1
    tensor_parallel: PositiveCount = 1
    threads: Annotated[int, Ge(0), Cap(_THREADS)] = 0
    workers: Annotated[int, Ge(0), Cap(_THREADS)] = 1
    evaluate_every: Count = 0
    evaluate_tokens: PositiveCount = 50_000
    samples: Annotated[int, Ge(0), Cap(_SAMPLES)] = 3
    checkpoint_minutes: Annotated[float, Gt(0), Cap(10**7)] = 1.0
    keep_checkpoints: PositiveCount = 2

    def __post_init__(self) -> None:
        check(self, "training.")
        rows, part = self.batch_rows, self.micro_batch
        if part and rows % part:
            raise UserError(f"training.batch_rows {rows} must be a multiple of training.micro_batch {part}.")
