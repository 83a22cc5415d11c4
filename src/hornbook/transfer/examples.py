"""Examples: a file of a user's task, checked, as what heads and measures read. A file's fields say which task it is.

    classify  text, label                              a class for a text
    pairs     text_a, text_b, label                    a class for two texts
    tag       tokens, tags                             entities among the words of a sentence (IOB2)
    answer    context, question, answers               an answer that stands in a context, as in SQuAD
    write     source, target                           a text for a text
    instruct  instruction, input, output               the same, put into one template

The names that GLUE, SNLI, QQP, MRPC and BoolQ give to their columns are known too. Without the last field the answers
are not known, and `predict` finds them. What is wrong with a file is one sentence with its line. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from hornbook.errors import UserError, nearest
from hornbook.transfer.formats.fields import KNOWN, Reader, TaskName, shown, task_of, with_names
from hornbook.transfer.formats.files import read_rows
from hornbook.transfer.tags import as_iob2, wrong_form

# What an instruction is put into, without and with an input. A run stores it, so that `predict` asks in the same words.
TEMPLATES = ("Instruction: {instruction}\nAnswer:", "Instruction: {instruction}\nInput: {input}\nAnswer:")


@dataclass(frozen=True)
class Classified:
    """One text, or two, and the class; `label` is None where it is not known."""

    id: str
    text: str
    other: str | None
    label: str | None


@dataclass(frozen=True)
class Tagged:
    """The words of a sentence as they were given, and a tag in IOB2 for each of them, or None."""

    id: str
    tokens: tuple[str, ...]
    tags: tuple[str, ...] | None


@dataclass(frozen=True)
class Asked:
    """A question on a context; each answer is its text and its first character. None = unknown, () = there is none."""

    id: str
    context: str
    question: str
    answers: tuple[tuple[str, int], ...] | None


@dataclass(frozen=True)
class Written:
    """A text, and the text to write for it, or None."""

    id: str
    source: str
    target: str | None


Item = Classified | Tagged | Asked | Written


@dataclass(frozen=True)
class Examples:
    """A file of examples of one task.

    items    of one kind: Classified, Tagged, Asked or Written by the task
    places   where each stands in the file, such as "line 7"
    notes    sentences on what was read otherwise than it stands there, such as answers that were moved
    """

    task: TaskName
    items: tuple[Item, ...]
    path: Path
    places: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def where(self, number: int) -> str:
        """Return the file and the place of an item, to begin a sentence with."""
        return f"{self.path}, {self.places[number]}," if self.places else f"{self.path}, example {number + 1},"

    def take(self, chosen: Sequence[int]) -> Examples:
        """Return the examples of these numbers, in this order."""
        places = tuple(self.places[number] for number in chosen) if self.places else ()
        return replace(self, items=tuple(self.items[number] for number in chosen), places=places)


def load_examples(path: str | Path, task: str = "") -> Examples:
    """Read a file of examples. Raises UserError, with the file and the line, for what is none.

    task   which of the six it holds; "" = what its fields say
    """
    path = Path(path)
    if task and task not in get_args(TaskName):
        raise UserError(f"There is no task {task}.{nearest(task, get_args(TaskName))}")
    rows = read_rows(path, KNOWN, task == "tag")
    if not rows.named:
        rows, note = with_names(rows, path, task)
        rows = replace(rows, notes=(*rows.notes, note))
    named = task_of(rows, path, task)
    read = {"classify": _classified, "pairs": _classified, "tag": _tagged, "answer": _asked}.get(named, _written)
    reader = Reader(path, named, rows)
    items = read(reader)
    _check_whole(reader, items)
    return Examples(named, tuple(items), path, tuple(place for place, _ in rows.records), (*rows.notes, *reader.notes))


def _classified(reader: Reader) -> list[Item]:
    items: list[Item] = []
    for number, own in enumerate(reader.ids):
        texts = [reader.text(number, field) for field in reader.inputs]
        if reader.inputs == ("passage", "question"):
            texts.reverse()
        label = reader.found(number)
        if label is not None:
            label = _label(label, reader.where(number))
        items.append(Classified(own, texts[0], texts[1] if len(texts) > 1 else None, label))
    return items


def _label(value: object, where: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        raise UserError(f"{where} has the label {shown(value)}: a label is a name or a whole number.")
    return value.strip()


def _tagged(reader: Reader) -> list[Item]:
    sentences: list[tuple[str, ...]] = []
    tags: list[tuple[str, ...]] = []
    for number in range(len(reader.ids)):
        words = _words(reader, number)
        found = reader.found(number)
        if found is not None:
            tags.append(_tags(reader, number, found, len(words)))
        sentences.append(words)
    if not tags:
        return [Tagged(own, words, None) for own, words in zip(reader.ids, sentences, strict=True)]
    if len(tags) < len(sentences):
        missing = next(number for number in range(len(reader.ids)) if reader.found(number) is None)
        raise UserError(f'{reader.where(missing)} has no "{reader.output}", which other examples have.')
    whole = as_iob2(tags)
    if isinstance(whole, int):
        raise UserError(
            f"{reader.where(whole)} has tags that are neither IOB2 nor IOB1 nor BIOES ({' '.join(tags[whole])[:80]}): "
            "begin each entity with B-x and go on with I-x."
        )
    if whole[1] != "IOB2":
        reader.notes.append(f"{reader.path} is in the scheme {whole[1]}; it is read into IOB2.")
    return [Tagged(*entry) for entry in zip(reader.ids, sentences, whole[0], strict=True)]


def _words(reader: Reader, number: int) -> tuple[str, ...]:
    words = reader.records[number][1].get("tokens")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise UserError(f'{reader.where(number)} needs a list of words in "tokens".')
    if not words or not all(map(str.strip, words)):
        raise UserError(f'{reader.where(number)} has no word, or an empty one, in "tokens": remove it.')
    return tuple(words)


def _tags(reader: Reader, number: int, found: object, words: int) -> tuple[str, ...]:
    where = reader.where(number)
    if not isinstance(found, list):
        raise UserError(f'{where} needs a list of tags in "{reader.output}".')
    if len(found) != words:
        raise UserError(f"{where} has {len(found)} tags for {words} words: each word needs one.")
    if (wrong := next((tag for tag in found if wrong_form(tag)), None)) is not None or None in found:
        raise UserError(f"{where} has the tag {shown(wrong)}: tags are O, B-x and I-x (IOB2).")
    return tuple(found)


def _asked(reader: Reader) -> list[Item]:
    items: list[Item] = []
    moved = 0
    for number, own in enumerate(reader.ids):
        context, question = (reader.text(number, field) for field in reader.inputs)
        found = reader.found(number)
        answers = None
        if found is not None:
            placed = [
                _placed(text, start, context, reader.where(number))
                for text, start in _pairs(found, reader.where(number))
            ]
            moved += sum(changed for _, changed in placed)
            answers = tuple(dict.fromkeys(answer for answer, _ in placed))
        items.append(Asked(own, context, question, answers))
    if moved:
        reader.notes.append(
            f"{reader.path} has {moved} answers that do not stand at their start; each stands elsewhere in its context "
            "exactly once and was moved there."
        )
    return items


def _pairs(found: object, where: str) -> list[tuple[Any, Any]]:
    """Return the text and the start of each answer, from SQuAD's two ways of writing them."""
    if isinstance(found, Mapping):
        texts, starts = found.get("text"), found.get("answer_start")
        if isinstance(texts, list) and isinstance(starts, list) and len(texts) == len(starts):
            return list(zip(texts, starts, strict=True))
    elif isinstance(found, list) and all(isinstance(one, Mapping) for one in found):
        return [(one.get("text"), one.get("answer_start")) for one in found]
    raise UserError(
        f'{where} needs "answers" as lists of "text" and "answer_start" of one length, or objects with both.'
    )


def _placed(text: object, start: object, context: str, where: str) -> tuple[tuple[str, int], bool]:
    """Return an answer with its first character, and whether that had to be mended."""
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{where} has an empty answer: give its text, or no answers where there is none.")
    if isinstance(start, int) and not isinstance(start, bool) and start >= 0 and context.startswith(text, start):
        return (text, start), False
    place = context.find(text)
    if place < 0:
        raise UserError(f'{where} has the answer "{text[:60]}", which does not stand in its context.')
    if context.find(text, place + 1) >= 0:
        raise UserError(
            f'{where} has the answer "{text[:60]}" at character {start}, where its context has something else, and it '
            "stands there several times: correct answer_start, which counts characters from 0."
        )
    return (text, place), True


def _written(reader: Reader) -> list[Item]:
    items: list[Item] = []
    for number, own in enumerate(reader.ids):
        source = reader.text(number, reader.inputs[0])
        if reader.task == "instruct":
            more = reader.records[number][1].get("input")
            source = instruction(source, reader.text(number, "input") if more and str(more).strip() else "")
        target = reader.found(number)
        items.append(Written(own, source, None if target is None else reader.text(number, reader.output)))
    return items


def instruction(asked: str, given: str = "") -> str:
    """Return an instruction, and the input it is about, in the template.

    >>> instruction("Say it in French.", "Good day.")
    'Instruction: Say it in French.\\nInput: Good day.\\nAnswer:'
    """
    return TEMPLATES[bool(given)].format(instruction=asked.strip(), input=given.strip())


def _check_whole(reader: Reader, items: Sequence[Item]) -> None:
    """Raise UserError where some examples have an answer and others have none."""
    without = [number for number, item in enumerate(items) if outcome(item) is None]
    if 0 < len(without) < len(items):
        raise UserError(
            f'{reader.where(without[0])} has no "{reader.output}", which other examples have: fill it, or remove the '
            "example."
        )


def outcome(item: Item) -> Any:
    """Return what is to be found: a label, tags, answers or a target; None where it is not known."""
    return next(getattr(item, name) for name in ("label", "tags", "answers", "target") if hasattr(item, name))
