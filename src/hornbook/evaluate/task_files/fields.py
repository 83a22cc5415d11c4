"""What the fields of a record say: which kind of task it is of, and what it asks.

    sentence_good, sentence_bad                      minimal pairs, as BLiMP; groups by UID
    premise, question (cause, effect), choices       which is the cause or the effect, as COPA; or choice1, choice2
    goal, sol1, sol2, label                          as PIQA
    question, choices, label [, passage]             multiple choice, as ARC and BoolQ; label: a number, or a choice
    context_options, continuation, label             schemas, as Winogrande: which context fits the continuation
    context, target                                  the last word, as LAMBADA
    text, label                                      classification: which label word fits behind the text

Prompts are those of lm-evaluation-harness, to the letter; only minimal pairs have no blank in front of the first word.
A file's settings (see `hornbook.evaluate.task_files.read`) may give another prompt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hornbook.errors import UserError, nearest
from hornbook.evaluate.tasks import Headline, Item, TaskKind

_HOLE = re.compile(r"\{(\w+)\}")
_CONNECTORS = {"cause": "because", "effect": "therefore"}

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Wording:
    """How records are asked, where it is not as their fields say.

    prompt      template of the context, with {field} for the fields of a record
    headline    the metric to quote
    delimiter   what stands between context and continuation
    labels      label -> the word that stands for it, for classification
    """

    prompt: str = ""
    headline: Headline | None = None
    delimiter: str = " "
    labels: Mapping[str, str] = field(default_factory=dict)


class Shape(NamedTuple):
    """One kind of record: its fields, the kind of task, the metric to quote, its usual prompt, and its item."""

    name: str
    fields: tuple[str, ...]
    kind: TaskKind
    headline: Headline
    prompt: str
    item: Callable[[Record, str, Wording], Item]


def shape_of(record: Record, where: str) -> Shape:
    """Return the kind of a record; UserError names the fields that the nearest kind still lacks."""
    for shape in SHAPES:
        if all(name in record for name in shape.fields):
            return shape
    near = max(SHAPES, key=lambda shape: sum(name in record for name in shape.fields) / len(shape.fields))
    lacks = [name for name in near.fields if name not in record]
    if len(lacks) < len(near.fields):
        raise UserError(f"{where} lacks {' and '.join(lacks)}, which {near.name} need beside its other fields.")
    told = "; ".join(f"{shape.name}: {', '.join(shape.fields)}" for shape in SHAPES)
    raise UserError(f"{where} has not the fields of a task ({told}).")


def filled(template: str, record: Record, where: str) -> str:
    """Return a template with the fields of a record in it. Raises UserError for a field that the record lacks."""

    def value(hole: re.Match[str]) -> str:
        if hole[1] not in record:
            raise UserError(f"{where} has no field '{hole[1]}', which the prompt asks for.{nearest(hole[1], record)}")
        return str(record[hole[1]])

    return _HOLE.sub(value, template)


def _text(record: Record, name: str, where: str) -> str:
    value = record[name]
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where}: {name} must be text, and not empty.")
    return value


def _texts(record: Record, name: str, where: str) -> list[str]:
    values = record[name]
    if not isinstance(values, list) or len(values) < 2 or not all(isinstance(v, str) and v.strip() for v in values):
        raise UserError(f"{where}: {name} must be a list of at least two texts, none of them empty.")
    return values


def _label(record: Record, choices: Sequence[str], where: str) -> int:
    label = record["label"]
    if isinstance(label, str) and label in choices:
        return choices.index(label)
    number = int(label) if isinstance(label, str) and label.isascii() and label.isdigit() and len(label) < 9 else label
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(choices):
        return number
    raise UserError(
        f"{where}: the label {label!r} is neither one of the choices nor a number from 0 to {len(choices) - 1}."
    )


def _asked(context: str, choices: Sequence[str], answer: int, wording: Wording, group: str = "") -> Item:
    return Item(tuple((context, wording.delimiter + choice) for choice in choices), answer, group=group)


def _context(record: Record, usual: str, where: str, wording: Wording) -> str:
    return filled(wording.prompt, record, where) if wording.prompt else usual


def _pair(record: Record, where: str, wording: Wording) -> Item:
    context = filled(wording.prompt, record, where)
    texts = [_text(record, name, where) for name in ("sentence_good", "sentence_bad")]
    texts = [wording.delimiter + text for text in texts] if context else texts
    return Item(tuple((context, text) for text in texts), group=str(record.get("UID", "")))


def _cause_or_effect(record: Record, where: str, wording: Wording) -> Item:
    kind = record["question"]
    if not isinstance(kind, str) or kind not in _CONNECTORS:
        raise UserError(f"{where}: question must be cause or effect, not {kind!r}.")
    names = ("choice1", "choice2")
    several = "choices" in record
    for name in names:
        if not several and name not in record:
            raise UserError(f"{where} lacks {name}: causes and effects need choices, or choice1 and choice2.")
    choices = _texts(record, "choices", where) if several else [_text(record, name, where) for name in names]
    lowered = [choice[0].lower() + choice[1:] for choice in choices]
    context = f"{_text(record, 'premise', where).strip()[:-1]} {_CONNECTORS[kind]}"
    return _asked(_context(record, context, where, wording), lowered, _label(record, choices, where), wording)


def _goal(record: Record, where: str, wording: Wording) -> Item:
    choices = [_text(record, name, where) for name in ("sol1", "sol2")]
    context = f"Question: {_text(record, 'goal', where)}\nAnswer:"
    return _asked(_context(record, context, where, wording), choices, _label(record, choices, where), wording)


def _passage(record: Record, where: str, wording: Wording) -> Item:
    question, choices = _text(record, "question", where).strip(), _texts(record, "choices", where)
    passage = _text(record, "passage", where)
    context = f"{passage}\nQuestion: {question.rstrip('?')}?\nAnswer:"
    group = hashlib.sha256(passage.encode()).hexdigest()[:12]
    return _asked(_context(record, context, where, wording), choices, _label(record, choices, where), wording, group)


def _question(record: Record, where: str, wording: Wording) -> Item:
    question, choices = _text(record, "question", where).strip(), _texts(record, "choices", where)
    context = f"Question: {question.removeprefix('Question: ')}\nAnswer:"
    return _asked(_context(record, context, where, wording), choices, _label(record, choices, where), wording)


def _schema(record: Record, where: str, wording: Wording) -> Item:
    contexts, text = _texts(record, "context_options", where), _text(record, "continuation", where)
    candidates = tuple((context.rstrip(), wording.delimiter + text.lstrip()) for context in contexts)
    return Item(candidates, _label(record, contexts, where))


def _last_word(record: Record, where: str, wording: Wording) -> Item:
    context, word = _text(record, "context", where), _text(record, "target", where)
    return Item(((_context(record, context.rstrip(), where, wording), wording.delimiter + word.strip()),))


def _classified(record: Record, where: str, wording: Wording) -> Item:
    label, words = str(record["label"]), wording.labels
    if label not in words:
        known = ", ".join(words)
        raise UserError(f"{where}: the label {label!r} is none of those that have a word: {known}.")
    context = _context(record, f"{_text(record, 'text', where)}\nLabel:", where, wording)
    return _asked(context, list(words.values()), list(words).index(label), wording)


# In this order: the first whose fields a record has.
SHAPES = (
    Shape("minimal pairs", ("sentence_good", "sentence_bad"), "pairs", "acc", "", _pair),
    Shape(
        "causes and effects", ("premise", "question", "label"), "choices", "acc", "premise because|therefore",
        _cause_or_effect,
    ),
    Shape("goals", ("goal", "sol1", "sol2", "label"), "choices", "acc_bytes", "Question: {goal}\nAnswer:", _goal),
    Shape(
        "passages", ("passage", "question", "choices", "label"), "choices", "acc",
        "{passage}\nQuestion: {question}?\nAnswer:", _passage,
    ),
    Shape(
        "multiple choice", ("question", "choices", "label"), "choices", "acc_bytes", "Question: {question}\nAnswer:",
        _question,
    ),
    Shape("schemas", ("context_options", "continuation", "label"), "schemas", "acc", "{context_options}", _schema),
    Shape("last words", ("context", "target"), "last word", "acc", "{context}", _last_word),
    Shape("classification", ("text", "label"), "choices", "acc", "{text}\nLabel:", _classified),
)  # fmt: skip
