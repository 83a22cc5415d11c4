"""Texts that have a name instead of a path: built-in ones, and datasets of the Hugging Face Hub, streamed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hornbook.corpus.document import Document
from hornbook.corpus.readers.builtin import PREFIX as BUILTIN
from hornbook.corpus.readers.builtin import builtin
from hornbook.corpus.readers.fields.choose import kept, kept_columns
from hornbook.corpus.readers.record import Reading, Record, lacking, text_record
from hornbook.errors import UserError, needing, reason_of

PREFIX = "hf://"
PREFIXES = (BUILTIN, PREFIX)


def named(name: str, field: str = "text", fields: Sequence[str] = ()) -> Iterator[Document]:
    """Yield the documents of a name that begins with one of PREFIXES; a wrong one is refused at once."""
    return builtin(name) if name.startswith(BUILTIN) else hub(name, field, fields)


def hub(address: str, field: str = "text", fields: Sequence[str] = ()) -> Iterator[Document]:
    """Yield the rows of `hf://NAME` or `hf://NAME:SPLIT` (split `train` when none is named) in the dataset's order.

    Nothing is downloaded before the first document is asked for. Raises UserError when the library is not installed,
    the dataset or split does not exist or cannot be reached, or its rows have no such field.
    """
    name, _, split = address.removeprefix(PREFIX).partition(":")
    if not name:
        raise UserError(f"{address} names no dataset. Write hf://NAME or hf://NAME:SPLIT.")
    with needing(address, "hub"):
        import datasets

    reading = Reading(field, fields=tuple(fields))

    def records() -> Iterator[Record]:
        found = datasets.load_dataset(name, split=split or "train", streaming=True)
        for number, row in enumerate(found, start=1):
            if number == 1:
                lacking(list(row), [name for name in fields if not kept_columns(row, [name])], address, reading)
            yield text_record(number, dict(row), f"{address}, row {number}", field, fields)

    def rows() -> Iterator[Document]:
        try:
            for record in records():
                if record.text.strip():
                    yield Document(record.text, f"{address}#{record.number}", address, kept(record.meta, fields))
        except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
            message = f"{address} cannot be read ({reason_of(error)}). Check its name and split, and the network."
            raise UserError(message) from error

    return rows()
