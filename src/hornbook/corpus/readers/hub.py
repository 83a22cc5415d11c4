"""A dataset of the Hugging Face Hub -> Documents, streamed through the library `datasets`."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from hornbook.corpus.document import Document
from hornbook.corpus.readers.record import text_record
from hornbook.errors import UserError, needing, reason_of

PREFIX = "hf://"


def hub(address: str) -> Iterator[Document]:
    """Yield the rows of `hf://NAME` or `hf://NAME:SPLIT` (split `train` when none is named) in the dataset's order.

    Nothing is downloaded before the first document is asked for. Raises UserError when the library is not installed,
    the dataset or split does not exist or cannot be reached, or its rows have no field `text`.
    """
    name, _, split = address.removeprefix(PREFIX).partition(":")
    if not name:
        raise UserError(f"{address} names no dataset. Write hf://NAME or hf://NAME:SPLIT.")
    with needing(address, "hub"):
        import datasets
    return _rows(datasets, address, name, split or "train")


def _rows(datasets: ModuleType, address: str, name: str, split: str) -> Iterator[Document]:
    try:
        rows = datasets.load_dataset(name, split=split, streaming=True)
        for number, row in enumerate(rows, start=1):
            record = text_record(number, dict(row), f"{address}, row {number}")
            if record.text.strip():
                yield Document(record.text, f"{address}#{number}", address, record.meta)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise UserError(
            f"{address} cannot be read ({reason_of(error)}). Check its name and split, and the network."
        ) from error
