"""The examples of a transfer, checked against each other; the baselines that learn from the same ones."""

from __future__ import annotations

from dataclasses import dataclass

from hornbook.transfer.examples import Examples, load_examples
from hornbook.transfer.request import Request
from hornbook.transfer.sets import check_labelled, check_labels, equal_texts, split


@dataclass(frozen=True)
class Data:
    """The examples of a transfer.

    test   what is scored in the end: `dev` where no test file was given
    seen   how many test examples have a text that the training file has too
    """

    train: Examples
    dev: Examples
    test: Examples
    seen: int

    @property
    def tested(self) -> bool:
        return self.test is not self.dev


def read_data(request: Request) -> Data:
    """Return the examples. Without a dev file a tenth of the training file, by the hash of its texts, is held out.

    Raises UserError where a file is none of examples, or does not belong to the training file.
    """
    train = load_examples(request.train, request.task)
    check_labelled(train)
    other = [load_examples(path, train.task) if path else None for path in (request.dev, request.test)]
    for examples in other:
        if examples is not None:
            check_labels(train, examples)
    dev, test = other
    seen = 0 if test is None else equal_texts(train, test)
    if dev is None:
        train, dev = split(train)
    return Data(train, dev, test or dev, seen)
