"""Rows from features: what a Trainer or DataLoader hands to a collator, with the key of each row's noise; and Collator.

    features   [{"input_ids": [...]}, ...], ragged, padded or not; lists, arrays or tensors
    Rows       tokens [B, T], padded behind each row, and keys [B]

The key of a row is a function of (seed, row, epoch) alone. The row is known by its "index" feature, or where it has
none by its tokens; the epoch is its "epoch" feature, or else the one that was set last. No generator is carried, so
workers, processes, the order of rows, other rows of the batch and a resume change nothing.

Shapes: B rows, T tokens of the longest row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hornbook.batch import Integers, Rows
from hornbook.collators.bridge import cut, tensor, to_hugging_face, widen
from hornbook.errors import UserError
from hornbook.keys import Keys, bits, fold, mix, row_keys
from hornbook.objectives.base import Objective
from hornbook.objectives.ops import rewrite
from hornbook.vocab import ROLES, Vocab

Features = Sequence[Any]
O = TypeVar("O", bound=Objective)


def vocabulary(tokenizer: Any) -> Vocab:
    """Return the Vocab of a tokenizer of transformers (any fast one) or of tokenizers; a Vocab is returned as it is.

    The roles that transformers' tokenizer names (pad_token and so on) count before those that tokens' names suggest.
    """
    if isinstance(tokenizer, Vocab):
        return tokenizer
    if hasattr(tokenizer, "backend_tokenizer"):
        names = {role: getattr(tokenizer, f"{role}_token", None) for role in ROLES}
        roles = {role: str(name) for role, name in names.items() if name is not None}
        return Vocab.from_tokenizer(tokenizer.backend_tokenizer.to_str(), roles)
    if hasattr(tokenizer, "to_str"):
        return Vocab.from_tokenizer(tokenizer.to_str())
    found = type(tokenizer).__name__
    raise UserError(f"A collator needs a fast tokenizer of transformers (one with a tokenizer.json), not {found}.")


def padding(vocab: Vocab) -> int:
    """Return the id that fills rows: any serves, since padding is known by the attention mask and never scored."""
    return next((number for number in (vocab.pad, vocab.eos) if number is not None), 0)


class Reader:
    """Makes Rows of features, for one objective.

    objective   whose vocabulary and period of noise count
    seed        of the noise
    bare        take off one mark at either end ([CLS], <s>; [SEP], </s>), for an objective that puts its own
    longest     rows are cut to so many tokens; None = never

    A decoder's rows have 2 columns at least, of which the last may be padding, since each token must predict another.
    """

    def __init__(self, objective: Objective, seed: int, *, bare: bool = False, longest: int | None = None) -> None:
        # Refuse what can never work here, not in a worker; a batch's own length is checked when it comes.
        objective.check(8)
        self.vocab = objective.vocab
        self.period = objective.noise_period
        self.seed = seed
        self.longest = longest
        self.least = 2 if objective.topology == "decoder" else 1
        self.fill = padding(self.vocab)
        vocab = self.vocab
        self.begins = (vocab.bos, vocab.cls) if bare else ()
        self.ends = (vocab.eos, vocab.sep) if bare else ()
        # Where padding is a token of its own, it is padding wherever it stands.
        self.pad = vocab.pad if vocab.pad not in (vocab.bos, vocab.eos) else None
        # In shared memory: workers that live for many epochs see what the main process sets.
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch begins; to be called between epochs, when no worker is reading."""
        self.epoch.fill_(epoch)

    def __call__(self, features: Features) -> Rows:
        """Return Rows [B, T]; segments are None where no row is padded."""
        ids = [self._read(feature) for feature in features]
        if not ids:
            raise UserError("The batch has no rows: give the collator one at least.")
        counts = np.array([len(item) for item in ids], np.int64)
        flat = np.concatenate(ids)
        if len(flat) and not 0 <= int(flat.min()) <= int(flat.max()) < self.vocab.size:
            told = (
                f"The rows have token ids from {flat.min()} to {flat.max()}, the collator's tokenizer {self.vocab.size}"
            )
            raise UserError(f"{told}: use the tokenizer that made the rows.")
        width = int(counts.max(initial=self.least))
        tokens = rewrite.fill(flat, counts, width, self.fill)
        real = np.arange(width) < counts[:, None]
        segments = None if real.all() else real.astype(np.int32)
        return Rows(tokens, self._keys(features, tokens, real), segments)

    def beside(self, features: Features, name: str, width: int) -> NDArray[np.int64] | None:
        """Return another feature of the rows' tokens [B, width], such as token_type_ids, 0 where a row has none.

        None where no row has it. Raises UserError where it has not one whole number for each of input_ids.
        """
        has = [isinstance(feature, Mapping) and feature.get(name) is not None for feature in features]
        if not any(has):
            return None
        found = np.zeros((len(features), width), np.int64)
        for line, feature, there in zip(found, features, has, strict=True):
            if there:
                values = self._read(feature, name)
                line[: len(values)] = values
        return found

    def _read(self, feature: Any, name: str = "input_ids") -> NDArray[np.int64]:
        """Return a row's tokens without padding and, where so wanted, without the marks around them.

        With a `name`, what that feature of the row says of these tokens.
        """
        known = isinstance(feature, Mapping)
        if known and "input_ids" not in feature:
            told = ", ".join(map(str, feature)) or "nothing"
            raise UserError(f"A row has no input_ids, but {told}: tokenize it first.")
        ids = _whole_numbers(feature["input_ids"] if known else feature, "input_ids")
        values = ids if name == "input_ids" else _whole_numbers(feature[name], name, len(ids))
        mask = feature.get("attention_mask") if known else None
        there = None
        if mask is not None:
            there = _whole_numbers(mask, "attention_mask", len(ids)) != 0
        elif self.pad is not None:
            there = ids != self.pad
        if there is not None:
            values = values[there]
            ids = values if name == "input_ids" else ids[there]
        start = int(len(ids) > 0 and ids[0] in self.begins)
        stop = len(ids) - int(len(ids) > start and ids[-1] in self.ends)
        return values[start:stop][: self.longest].astype(np.int64, copy=False)

    def _keys(self, features: Features, tokens: Integers, real: NDArray[np.bool_]) -> Keys:
        epoch = np.array([named(feature, "epoch", int(self.epoch)) for feature in features], np.int64)
        if self.period:
            epoch %= self.period
        found = [named(feature, "index", None) for feature in features]
        if any(number is None for number in found):
            return row_keys(self.seed, contents(tokens, real), epoch)
        return row_keys(self.seed, np.array(found, np.int64), epoch)


class Collator(Generic[O]):
    """Called with a list of features; returns the batch of a model of transformers. See `hornbook.collators`.

    objective            what makes batches of rows, for a model of its topology
    reader               what makes rows of features
    pad_to_multiple_of   both sides are padded to a multiple of so many positions, as by transformers' collators; None =
                         to the longest row
    """

    # Whether each position of a batch shows the row's token of the same position, or one in its place.
    keeps_places: bool = True

    def __init__(
        self,
        objective: O,
        seed: int = 0,
        *,
        bare: bool = False,
        longest: int | None = None,
        pad_to_multiple_of: int | None = None,
    ) -> None:
        """Seed, `bare` and `longest` are those of the `Reader`."""
        if pad_to_multiple_of is not None and pad_to_multiple_of < 1:
            raise UserError(f"pad_to_multiple_of must be at least 1, or None, not {pad_to_multiple_of}.")
        self.objective = objective
        self.reader = Reader(objective, seed, bare=bare, longest=longest)
        self.pad_to_multiple_of = pad_to_multiple_of

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch begins; to be called between epochs, when no worker is reading."""
        self.reader.set_epoch(epoch)

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """Return input_ids and attention_mask [B, S], labels [B, T], and token_type_ids where the model reads them.

        Where positions stay as they are, token_type_ids of the features are kept.
        """
        rows = self.reader(features)
        found = self.batch(rows, features)
        if self.keeps_places and rows.tokens.shape[1] == self.reader.least:  # perhaps wider than any row
            found = cut(found, max(1, int(np.count_nonzero(rows.real, axis=1).max())), self.objective.topology)
        if self.keeps_places and "token_type_ids" not in found:
            types = self.reader.beside(features, "token_type_ids", found["input_ids"].shape[1])
            found |= {} if types is None else {"token_type_ids": tensor(types)}
        return found if self.pad_to_multiple_of is None else widen(found, self.pad_to_multiple_of, self.reader.fill)

    def batch(self, rows: Rows, features: Features) -> dict[str, Tensor]:
        """Return the tensors of these rows, as wide as the widest needs."""
        return to_hugging_face(self.objective(rows), self.objective.topology)


def named(feature: Any, name: str, default: Any) -> Any:
    """Return a whole number that comes with a row, or the default."""
    value = feature.get(name) if isinstance(feature, Mapping) else None
    try:
        return default if value is None else int(value)
    except (TypeError, ValueError) as error:
        raise UserError(f"A row's {name} must be a whole number, not {value!r}.") from error


def _whole_numbers(values: Any, name: str, length: int | None = None) -> NDArray[Any]:
    """Return a row's values as an array [T] of whole numbers, or refuse in words."""
    try:
        found = np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise UserError(f"Each row's {name} must be one list of whole numbers: {error}.") from error
    kinds = "iu" if name == "input_ids" else "iub"
    if found.ndim != 1 or (len(found) and found.dtype.kind not in kinds):
        raise UserError(f"Each row's {name} must be a list of whole numbers, not {found.dtype} {found.shape}.")
    if length is not None and len(found) != length:
        raise UserError(f"A row has {length} input_ids and {len(found)} numbers of {name}: give one for each.")
    return found


def contents(tokens: Integers, real: NDArray[np.bool_]) -> Keys:
    """Return a 64-bit hash of each row's real tokens [B], whatever padding is behind them.

    A sum of tokens times odd random factors, one for each place (Carter and Wegman 1979), mixed.
    """
    factors = bits(fold(np.zeros(1, np.uint64), 0), tokens.shape[1], 0)[0] | np.uint64(1)
    return mix(((tokens.astype(np.uint64) + np.uint64(1)) * factors * real).sum(axis=1, dtype=np.uint64))
