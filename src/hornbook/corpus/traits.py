"""Traits: what a mix asks of each document, found in one pass: its domain, and the number it is ordered by."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hornbook.artifacts import write_file
from hornbook.corpus.document import Document
from hornbook.errors import UserError

_SEPARATOR = "\n"


@dataclass(frozen=True, eq=False)
class Traits:
    """Of each of n documents.

    names   the domains
    domain  int64[n], the number of each document's domain among the names
    score   float64[n], what documents are ordered by; zeros where they are not
    """

    names: tuple[str, ...]
    domain: NDArray[np.int64]
    score: NDArray[np.float64]


def asks(order: str) -> bool:
    """Say whether an order needs to look at the documents' text or fields; for the others the tokens tell."""
    return order.removeprefix("-") not in ("shuffled", "length", "rarity")


class Look:
    """Collects the traits of documents, one after another.

    domain  the field that names a document's domain; "source" = the path it came from
    order   compression (compressed bytes a byte), a field that is a number, field=value (1 where it has that value,
            0 elsewhere), or one of those that need no look; a minus before it changes nothing here
    """

    def __init__(self, domain: str, order: str) -> None:
        self._field, self._order = domain, order.removeprefix("-")
        self._names: dict[str, int] = {}
        self._domain: list[int] = []
        self._score: list[float] = []

    def at(self, document: Document) -> None:
        """Take note of the next document. Raises UserError where it lacks a field."""
        name = document.source if self._field == "source" else document.meta.get(self._field)
        if not isinstance(name, str) or not name or _SEPARATOR in name:
            raise UserError(f"{document.id} has no field '{self._field}' that names its domain (mix.domain).")
        self._domain.append(self._names.setdefault(name, len(self._names)))
        self._score.append(self._scored(document))

    def _scored(self, document: Document) -> float:
        if not asks(self._order):
            return 0.0
        if self._order == "compression":
            content = document.text.encode()
            return len(zlib.compress(content, 6)) / len(content)
        name, labelled, wanted = self._order.partition("=")
        value = document.source if name == "source" else document.meta.get(name)
        if labelled:
            return float(str(value) == wanted)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise UserError(
                f"{document.id} has no number '{self._order}' to be ordered by (mix.order): write shuffled, length, "
                "rarity, compression, a field that is a number in every document, or field=value."
            )
        return float(value)

    def traits(self) -> Traits:
        """Return what was found. Raises UserError where all documents have an order's value, or none has."""
        if "=" in self._order and len(set(self._score)) < 2:
            raise UserError(
                f"{'Every' if any(self._score) else 'No'} document has {self._order}, so mix.order puts none after "
                "the others: name a field and a value that some documents have."
            )
        return Traits(tuple(self._names), np.array(self._domain, np.int64), np.array(self._score, np.float64))


def save_traits(traits: Traits, path: Path) -> None:
    from safetensors.numpy import save

    tensors = {"domain": traits.domain, "score": traits.score}
    write_file(path, save(tensors, {"names": _SEPARATOR.join(traits.names)}))


def load_traits(path: Path) -> Traits:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            names = tuple(file.metadata()["names"].split(_SEPARATOR))
            domain, score = file.get_tensor("domain"), file.get_tensor("score")
        whole = domain.ndim == score.ndim == 1 and (domain.dtype, score.dtype) == (np.int64, np.float64)
        if not whole or (len(domain) and not 0 <= int(domain.min()) <= int(domain.max()) < len(names)):
            raise UserError(f"{path} is damaged (its arrays do not fit together); start the run afresh.")
        return Traits(names, domain, score)
    except (SafetensorError, KeyError, TypeError, OSError) as error:
        raise UserError(f"{path} is damaged ({error}); start the run afresh.") from error
