"""Sets of examples beside each other: their classes, what both hold, and a dev set where none was given."""

from __future__ import annotations

import hashlib
from collections import Counter

from hornbook.errors import UserError, nearest
from hornbook.transfer.examples import Asked, Classified, Examples, Item, Tagged, Written, outcome
from hornbook.transfer.tags import entities

DEV_SHARE = 0.1


def check_labelled(examples: Examples) -> None:
    """Raise UserError where the answers are not known, so that nothing can be learned from or measured on a file."""
    if any(outcome(item) is None for item in examples.items):
        field = {"tag": "tags", "answer": "answers", "write": "target", "instruct": "output"}.get(
            examples.task, "label"
        )
        raise UserError(f'{examples.path} has no field "{field}", so it can only be predicted: name a file that has.')


def class_names(examples: Examples) -> tuple[str, ...]:
    """Return the classes of a training set in their order (whole numbers by value), or the types of its entities.

    Nothing for the other tasks. Raises UserError where there is nothing to tell apart.
    """
    check_labelled(examples)
    if examples.task in ("classify", "pairs"):
        found = {item.label for item in examples.items if isinstance(item, Classified) and item.label is not None}
        if len(found) < 2:
            raise UserError(f'{examples.path} has one class alone ("{found.pop()}"): add examples of another one.')
    elif examples.task == "tag":
        found = {
            kind for item in examples.items if isinstance(item, Tagged) for kind, _, _ in entities(item.tags or ())
        }
        if not found:
            raise UserError(f"{examples.path} has no entity in any sentence (all tags are O): add sentences with some.")
    else:
        return ()
    whole = all(name.removeprefix("-").isdecimal() for name in found)
    return tuple(sorted(found, key=lambda name: (int(name) if whole else 0, name)))


def check_labels(train: Examples, other: Examples) -> None:
    """Raise UserError where a dev or test set is of another task, has no answers, or a class that training has not."""
    if train.task != other.task:
        raise UserError(f"{other.path} is of the task {other.task}, but {train.path} of {train.task}.")
    check_labelled(other)
    known = class_names(train)
    for number, item in enumerate(other.items):
        kinds: list[str] = []
        if isinstance(item, Classified) and item.label is not None:
            kinds = [item.label]
        elif isinstance(item, Tagged):
            kinds = [kind for kind, _, _ in entities(item.tags or ())]
        if strange := next((kind for kind in kinds if kind not in known), None):
            what = "entity" if train.task == "tag" else "label"
            raise UserError(
                f'{other.where(number)} has the {what} "{strange}", which no example of {train.path} has.'
                f"{nearest(strange, known)}"
            )


def equal_texts(train: Examples, test: Examples) -> int:
    """Return how many examples of `test` have a text that `train` has too (blanks apart): they measure memory."""
    seen = {_text(item) for item in train.items}
    return sum(_text(item) in seen for item in test.items)


def split(examples: Examples, share: float = DEV_SHARE) -> tuple[Examples, Examples]:
    """Return a training set and a dev set of about `share` of the examples, at least one, chosen by the text's hash.

    The order of the file changes nothing. Examples of one text, and all questions on one context, stay together. No
    class loses its last example in training. Raises UserError where that leaves no dev set.
    """
    groups: dict[str, list[int]] = {}
    for number, item in enumerate(examples.items):
        groups.setdefault(item.context if isinstance(item, Asked) else _text(item), []).append(number)
    left = Counter(_class(item) for item in examples.items)
    wanted = max(1, round(share * len(examples)))
    chosen: set[int] = set()
    for _, members in sorted((hashlib.sha256(text.encode()).digest(), members) for text, members in groups.items()):
        if len(chosen) >= wanted:
            break
        taken = Counter(_class(examples.items[number]) for number in members)
        if all(left[kind] > count for kind, count in taken.items()):
            left -= taken
            chosen.update(members)
    if not chosen:
        raise UserError(f"{examples.path} has too few examples to hold some out: add more, or name a file with --dev.")
    rest = [number for number in range(len(examples)) if number not in chosen]
    return examples.take(rest), examples.take(sorted(chosen))


def _class(item: Item) -> str | None:
    return item.label if isinstance(item, Classified) else None


def _text(item: Item) -> str:
    """Return what an example is told by, with single blanks."""
    if isinstance(item, Classified):
        parts = [item.text, item.other or ""]
    elif isinstance(item, Tagged):
        parts = list(item.tokens)
    elif isinstance(item, Asked):
        parts = [item.context, item.question]
    else:
        assert isinstance(item, Written)
        parts = [item.source]
    return "\t".join(" ".join(part.split()) for part in parts)
