"""Laws: what every objective must obey, each a function of an objective and its rows that says in words what is wrong.

    for law, complaint in complaints(objective, samples):
        print(law, complaint)

No law knows how an objective works, so that they hold for any. `hornbook check` tries them on real text.

Shapes: B rows, T tokens of a row, S positions of the inputs.
"""

from __future__ import annotations

import bisect
import copy
import dataclasses
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch, Rows, allowed
from hornbook.errors import UserError
from hornbook.objectives.base import Objective, Paired, cycle_of, with_vocab
from hornbook.vocab import EMPTY

_LENGTH = 64  # of model rows, where any length serves


def complaints(objective: Objective, samples: Sequence[Rows]) -> Iterator[tuple[str, str]]:
    """Yield (law, what is wrong), at most once for each law; an objective that raises breaks the law being tried.

    `samples` are rows as the packer makes them for this objective, of any lengths; parts of a mixture come one by one.
    """
    for name, law in LAWS.items():
        for rows in samples:
            try:
                wrong = law(objective, copy.deepcopy(rows))
            except Exception as error:  # whatever the code of an objective of one's own does
                wrong = _raised(error)
            if wrong:
                yield name, wrong
                break


def _raised(error: Exception) -> str:
    if isinstance(error, UserError):
        return f"it refuses these rows: {error}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"it raises {type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"


def a_frozen_value(objective: Objective, rows: Rows) -> str | None:
    """A frozen dataclass: it prints, compares, hashes and is saved by its fields, but for its vocabulary."""
    if not dataclasses.is_dataclass(objective) or not objective.__dataclass_params__.frozen:
        return "it is no frozen dataclass: write @dataclass(frozen=True) above the class"
    again = with_vocab(objective, objective.vocab)
    if again != objective or hash(again) != hash(objective):
        return "a copy with the same fields is not equal to it"
    shown = [item.repr for item in dataclasses.fields(objective) if item.name == "vocab"]
    return None if shown == [False] else "write `vocab: Vocab = field(default=EMPTY, repr=False)` as its last field"


def needs_known_beforehand(objective: Objective, rows: Rows) -> str | None:
    """What it needs of a vocabulary, and how long its rows are, is known before there is one."""
    bare = with_vocab(objective, EMPTY)
    if bare.requirements(_LENGTH) != objective.requirements(_LENGTH):
        return "its requirements change with the vocabulary"
    lengths = [(one.row_length(_LENGTH), one.target_length(_LENGTH)) for one in (bare, objective)]
    return None if lengths[0] == lengths[1] else "its row_length or target_length changes with the vocabulary"


def full_rows_fit_the_model(objective: Objective, rows: Rows) -> str | None:
    """Rows of row_length(n) tokens give at most n positions, and target_length(n) targets.

    What has parts is excused: each part has rows of its own length.
    """
    if cycle_of(objective) != (objective,):
        return None
    batch, tokens = objective(rows), rows.tokens.shape[1]
    most = 4 * tokens + _LENGTH
    first = bisect.bisect_left(range(most), tokens, lo=1, key=objective.row_length)
    length = next((n for n in range(first, most) if objective.row_length(n) != tokens or _takes(objective, n)), most)
    if objective.row_length(length) != tokens:
        return None
    if batch.inputs.shape[1] > length:
        return f"{tokens} tokens, which are row_length({length}), become {batch.inputs.shape[1]} input positions"
    if batch.targets.shape[1] != (targets := objective.target_length(length)):
        return f"target_length({length}) is {targets}, but there are {batch.targets.shape[1]} targets"
    return None


def _takes(objective: Objective, length: int) -> bool:
    try:
        objective.check(length)
    except UserError:
        return False
    return True


def types_and_shapes(objective: Objective, rows: Rows) -> str | None:
    """Integers for ids, float32 weights, float64 counts; shapes depend on the rows' shape, not on their keys."""
    batch, again = objective(rows), objective(dataclasses.replace(rows, keys=rows.keys + np.uint64(1)))
    for name, value in _arrays(batch).items():
        kind = {"weights": np.float32, "count": np.float64, "visible": np.bool_}.get(name, np.integer)
        if not np.issubdtype(value.dtype, kind):
            return f"{name} is {value.dtype}, not {kind.__name__}"
        if len(value) != len(rows):
            return f"{name} has {len(value)} rows for {len(rows)} rows"
        if (other := _arrays(again).get(name)) is None or other.shape != value.shape:
            return f"the shape of {name} changes with the noise"
    two_sided = batch.decoder_inputs is not None
    if two_sided != (objective.topology == "encoder-decoder"):
        return f"the topology {objective.topology} {'has no' if two_sided else 'needs'} decoder_inputs"
    pairs = [("weights", "targets"), ("segments", "inputs"), ("visible", "inputs"), ("types", "inputs")]
    pairs += [("decoder_inputs", "targets"), ("decoder_segments", "targets")] if two_sided else [("targets", "inputs")]
    for left, right in pairs:
        value, like = getattr(batch, left), getattr(batch, right)
        if value is not None and value.shape != like.shape:
            return f"{left} {value.shape} and {right} {like.shape} differ in shape"
    return None


def numbers_are_finite(objective: Objective, rows: Rows) -> str | None:
    """No NaN, no infinity, also for rows of padding alone or of one token."""
    bad = [name for name, value in _arrays(objective(rows)).items() if not np.isfinite(value).all()]
    return f"{bad[0]} has a number that is not finite" if bad else None


def ids_are_of_the_vocabulary(objective: Objective, rows: Rows) -> str | None:
    """Every id that a model reads or says is in the vocabulary."""
    batch, size = objective(rows), objective.vocab.size
    for name in ("inputs", "targets", "decoder_inputs"):
        value = getattr(batch, name)
        if value is not None and len(wrong := value[(value < 0) | (value >= size)]):
            return f"{name} has the id {wrong[0]}; the vocabulary's are 0 to {size - 1}"
    return None


def noise_is_of_the_key(objective: Objective, rows: Rows) -> str | None:
    """The same rows and keys give the same batch; no other source of chance has a part in it."""
    differs = _difference(objective(copy.deepcopy(rows)), objective(rows))
    return f"{differs} differs between two calls: draw by hornbook.keys from rows.keys alone" if differs else None


def rows_are_independent(objective: Objective, rows: Rows) -> str | None:
    """A row's result is the same alone, among others, and in another order."""
    batch, order = objective(rows), np.arange(len(rows))[::-1]
    turned = Batch(**{name: value[order] for name, value in _arrays(batch).items()})
    if differs := _difference(objective(rows.take(order)), turned):
        return f"{differs} of a row changes with the order of the rows"
    for number in range(len(rows)):
        if differs := _difference(objective(rows.take(np.array([number]))), batch.rows(number, number + 1)):
            return f"{differs} of row {number} changes when the row stands alone: it depends on its neighbours"
    return None


def the_callers_arrays_stay(objective: Objective, rows: Rows) -> str | None:
    """Rows are neither changed nor handed out as parts of the batch."""
    before = copy.deepcopy(rows)
    for value in _arrays(objective(rows)).values():
        if value.flags.writeable:
            value.fill(0)
    changed = [name for name, kept in _arrays(before).items() if not np.array_equal(getattr(rows, name), kept)]
    return f"it changes rows.{changed[0]}, or hands it out: copy it first" if changed else None


def no_token_is_lost(objective: Objective, rows: Rows) -> str | None:
    """Each word of a row is read or must be said, as often as it stands there.

    A decoder may leave out the last one: it cannot be said where it begins a document, and is not read. Objectives of
    pairs are excused: they cut texts to a length that tells nothing of their class.
    """
    if isinstance(objective, Paired):
        return None
    batch, special = objective(rows), objective.vocab.special
    read, said = np.ones(batch.inputs.shape, bool), batch.weights != 0
    if objective.topology == "encoder":
        read = ~said
    elif objective.topology == "decoder":  # what is said is read at the next position, but for the end of a document
        again = batch.inputs[:, 1:] == batch.targets[:, :-1]
        if batch.segments is not None:
            again &= batch.segments[:, 1:] == batch.segments[:, :-1]
        said[:, :-1] &= ~again
    owned = rows.real & ~special[rows.tokens]
    if objective.topology == "decoder":
        owned[:, -1:] = False
    for number in range(len(rows)):
        there = Counter(batch.inputs[number][read[number]].tolist()) + Counter(
            batch.targets[number][said[number]].tolist()
        )
        whole = Counter(rows.tokens[number][owned[number]].tolist())
        for token, lost in (whole - there).items():
            return f"row {number} has the token {token} {whole[token]} times, inputs and targets {whole[token] - lost}"
    return None


def padding_is_not_scored(objective: Objective, rows: Rows) -> str | None:
    """Where there is no text there is no loss, and documents of a row stay apart."""
    batch, pad = objective(rows), objective.vocab.pad
    segments = batch.segments if batch.decoder_inputs is None else batch.decoder_segments
    if segments is None:
        return None if rows.segments is None else "it leaves out segments, so that documents of a row see each other"
    empty = segments == 0
    if empty.shape == rows.tokens.shape and objective.topology == "encoder" and not isinstance(objective, Paired):
        empty |= ~rows.real
    if pad not in (None, objective.vocab.bos, objective.vocab.eos):
        empty |= batch.targets == pad
    return _where(empty & (batch.weights != 0), "is padding, and is scored")


def special_tokens_stay(objective: Objective, rows: Rows) -> str | None:
    """An encoder's special tokens are neither hidden nor scored, and no random word is a special token."""
    batch, vocab, needs = objective(rows), objective.vocab, objective.requirements(_LENGTH)
    if objective.topology != "encoder":
        return None
    if (
        wrong := _where(vocab.special[batch.targets] & (batch.weights != 0), "is a special token, and is scored")
    ) is not None:
        return wrong
    if batch.inputs.shape != rows.tokens.shape:
        return None
    new = batch.inputs != rows.tokens
    if (wrong := _where(new & vocab.special[rows.tokens], "is a special token, and is hidden or replaced")) is not None:
        return wrong
    marks = [
        vocab.mask,
        *vocab.sentinels[: needs.sentinels],
        *(mark for name, mark in vocab.modes if name in needs.modes),
    ]
    drawn = new & ~np.isin(batch.inputs, [mark for mark in marks if mark is not None])
    return _where(drawn & vocab.special[batch.inputs], "is a word, and is replaced by a special token")


def counts_are_exact(objective: Objective, rows: Rows) -> str | None:
    """A row's count, its share of the loss's denominator, is the sum of its weights, unless these are not 0 and 1."""
    batch = objective(rows)
    if (batch.weights < 0).any() or (batch.count < 0).any():
        return "a weight or a count is below 0"
    scored = (batch.weights != 0).any(axis=1)
    if (batch.count[scored] <= 0).any():
        return "a row that is scored has the count 0"
    total = batch.weights.sum(axis=1, dtype=np.float64)
    wrong = scored & (batch.count != total) & np.isin(batch.weights, (0.0, 1.0)).all()
    for row in np.flatnonzero(wrong):
        return f"row {row} has the count {batch.count[row]:g}, and weights that add up to {total[row]:g}"
    return None


def nothing_is_seen_that_must_be_said(objective: Objective, rows: Rows) -> str | None:
    """No position of a decoder sees the token that it must say, and an encoder does not see all that it must say."""
    batch = objective(rows)
    reads = batch.inputs if batch.decoder_inputs is None else batch.decoder_inputs
    scored = (batch.weights != 0) & ~objective.vocab.special[batch.targets]
    shown, number = int((scored & (reads == batch.targets)).sum()), int(scored.sum())
    if objective.topology == "encoder":
        return "every position shows the token that it must say" if shown == number > 8 else None
    if shown > number / 2 > 4:
        return "most positions must say the token that they read: targets are not shifted"
    length = batch.targets.shape[1]
    segments, visible = batch.segments, batch.visible
    if batch.decoder_inputs is not None:
        segments, visible = batch.decoder_segments, None
    sees = allowed(segments, visible, length, "decoder")[:, np.arange(length - 1), np.arange(1, length)]
    ahead = (reads[:, 1:] == batch.targets[:, :-1]) & (batch.weights[:, :-1] != 0) & sees
    return _where(ahead, "must say the token behind it, and sees it")


def there_is_something_to_learn(objective: Objective, rows: Rows) -> str | None:
    """Most rows that are full of text have at least one position that is scored."""
    full = rows.real.all(axis=1)
    if rows.tokens.shape[1] < 32 or full.sum() < 8:
        return None
    scored = (objective(rows).weights != 0).any(axis=1)[full]
    return f"of {len(scored)} full rows only {scored.sum()} are scored at all" if scored.mean() < 0.5 else None


_ALL = (
    a_frozen_value,
    needs_known_beforehand,
    full_rows_fit_the_model,
    types_and_shapes,
    numbers_are_finite,
    ids_are_of_the_vocabulary,
    noise_is_of_the_key,
    rows_are_independent,
    the_callers_arrays_stay,
    no_token_is_lost,
    padding_is_not_scored,
    special_tokens_stay,
    counts_are_exact,
    nothing_is_seen_that_must_be_said,
    there_is_something_to_learn,
)
LAWS: Mapping[str, Callable[[Objective, Rows], str | None]] = MappingProxyType(
    {law.__name__.replace("_", " ").replace("callers", "caller's"): law for law in _ALL}
)


def _arrays(record: Batch | Rows) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if value is not None}


def _difference(one: Batch, other: Batch) -> str:
    """Return the name of the first array in which two batches differ, "" where they are equal."""
    left, right = _arrays(one), _arrays(other)
    if left.keys() != right.keys():
        return min(left.keys() ^ right.keys())
    return next((name for name, value in left.items() if not np.array_equal(value, right[name], equal_nan=True)), "")


def _where(wrong: NDArray[np.bool_], words: str) -> str | None:
    """Return a complaint of the first position [B, T] that is wrong."""
    for row, position in np.argwhere(wrong):
        return f"row {row}, position {position} {words}"
    return None
