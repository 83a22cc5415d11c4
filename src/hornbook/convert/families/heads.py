"""Heads of tasks: which class of transformers has a family's body and the head of a task, as tables of data.

The form of each head is that of `hornbook.model.heads`. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hornbook.convert.families.family import Family, Weight, affine
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig

CLASSES = {
    "class": "AutoModelForSequenceClassification",
    "tag": "AutoModelForTokenClassification",
    "span": "AutoModelForQuestionAnswering",
}
_BODY = ("embed.", "encoder.", "decoder.")


@dataclass(frozen=True)
class HeadClass:
    """A class with a task's head.

    architecture   its name
    dense, output  its names of the map before the logits, where there is one, and of that to the logits
    norm           its name of the norm between them
    body           (before, after): how the names of the body's tensors begin in the family's own class, and in this one
    entries        more of config.json, which say how it reads
    """

    architecture: str
    output: str
    dense: str = ""
    norm: str = ""
    body: tuple[str, str] = ("", "")
    entries: Mapping[str, Any] = field(default_factory=dict)

    @property
    def weights(self) -> tuple[Weight, ...]:
        named = {"task.dense": self.dense, "task.norm": self.norm, "task.output": self.output}
        return tuple(line for ours, theirs in named.items() if theirs for line in affine(theirs, ours))

    def place(self, name: str) -> str:
        """Return this class's name of one of the body's tensors."""
        before, after = self.body
        return after + name.removeprefix(before) if name.startswith(before) else name


def _decoder(name: str, tag: str = "score", span: tuple[str, str] = ("", "")) -> dict[str, HeadClass]:
    return {
        "class": HeadClass(f"{name}ForSequenceClassification", "score"),
        "tag": HeadClass(f"{name}ForTokenClassification", tag),
        "span": HeadClass(f"{name}ForQuestionAnswering", "qa_outputs", body=span),
    }


def _encoder(name: str, dense: str, output: str = "classifier") -> dict[str, HeadClass]:
    return {
        "class": HeadClass(f"{name}ForSequenceClassification", output, dense),
        "tag": HeadClass(f"{name}ForTokenClassification", "classifier"),
        "span": HeadClass(f"{name}ForQuestionAnswering", "qa_outputs"),
    }


_OLD_NAME = ("model.", "transformer.")  # what the body was called in the first of these classes
_ROBERTA = _encoder("Roberta", "classifier.dense", "classifier.out_proj")
_ELECTRA = _encoder("Electra", "classifier.dense", "classifier.out_proj")
_T5 = {
    "class": HeadClass(
        "T5ForSequenceClassification",
        "classification_head.out_proj",
        "classification_head.dense",
        body=("", "transformer."),
    ),
    "tag": HeadClass("T5ForTokenClassification", "classifier", body=("", "transformer.")),
    "span": HeadClass("T5ForQuestionAnswering", "qa_outputs"),
}
HEADS: Mapping[str, Mapping[str, HeadClass]] = {
    "qwen3": _decoder("Qwen3", span=_OLD_NAME),
    "llama": _decoder("Llama", span=_OLD_NAME),
    "mistral": _decoder("Mistral"),
    "qwen2": _decoder("Qwen2", span=_OLD_NAME),
    "gpt2": _decoder("GPT2", tag="classifier"),
    "modernbert": {
        head: HeadClass(
            f"ModernBertFor{name}", "classifier", "head.dense", "head.norm", entries={"classifier_pooling": "mean"}
        )
        for head, name in (
            ("class", "SequenceClassification"), ("tag", "TokenClassification"), ("span", "QuestionAnswering")
        )
    },
    "bert": _encoder("Bert", "bert.pooler.dense"),
    "roberta": _ROBERTA,
    "albert": _encoder("Albert", "albert.pooler"),
    "electra": _ELECTRA,
    "electra-generator": {head: one for head, one in _ELECTRA.items() if head != "class"},
    "t5-v1.1": _T5,
    "t5": _T5,
    "bart": {
        "class": HeadClass(
            "BartForSequenceClassification", "classification_head.out_proj", "classification_head.dense"
        ),
        "span": HeadClass("BartForQuestionAnswering", "qa_outputs"),
    },
}  # fmt: skip
# Why transformers lacks a class, or has one that computes otherwise.
_LACKING = {
    ("bart", "tag"): "transformers has no class that tags the words of a BART: transfer another model, or a T5's block",
    ("electra-generator", "class"): "transformers' class for an ELECTRA has another activation before the classes than "
    "this model: transfer a model whose embeddings are as wide as its layers",
}


def body_config(config: ModelConfig) -> ModelConfig:
    """Return the shape of a model with a task's head as that of the model that it came from."""
    return replace(config, task_head="none", task_labels=0)


def with_head(family: Family, config: ModelConfig) -> tuple[Family, Mapping[str, Any]]:
    """Return the table of the class with a family's body and a config's head, and more entries of config.json.

    Raises UserError where there is no such class.
    """
    found = HEADS[family.name].get(config.task_head)
    if found is None:
        raise UserError(f"{_LACKING[family.name, config.task_head]}.")
    if family.name == "electra" and config.task_head == "class" and config.activation != "gelu":
        raise UserError(
            "transformers' class for an ELECTRA has the activation gelu before the classes, not "
            f"{config.activation}: train the base model with model.activation=gelu."
        )
    body = [replace(line, theirs=found.place(line.theirs)) for line in family.weights if line.ours[0].startswith(_BODY)]
    return replace(family, architecture=found.architecture, pairs="", weights=(*body, *found.weights)), found.entries
