"""Laws: what every objective must obey, each a function that says in words what is wrong.

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
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hornbook.batch import Batch, Rows, allowed
from hornbook.errors import UserError, account_of, place_of
from hornbook.objectives.base import Objective, Paired, cycle_of, with_vocab
from hornbook.vocab import EMPTY

Complaints = Iterator[str]
_LENGTH = 64  # of model rows, where any length serves


def complaints(objective: Objective, samples: Sequence[Rows]) -> Iterator[tuple[str, str]]:
    """Yield (law, what is wrong), at most once for each law; an objective that raises breaks the law being tried.

    `samples` are rows as the packer makes them for this objective, of any lengths; parts of a mixture come one by one.
    """
    for name, law in LAWS.items():
        for rows in samples:
            try:
                wrong = next(law(objective, copy.deepcopy(rows), objective(copy.deepcopy(rows))), None)
            except Exception as error:  # whatever the code of an objective of one's own does
                wrong = raised(error)
            if wrong is not None:
                yield name, wrong
                break


def raised(error: Exception) -> str:
    """Say what an objective's code raised, and where."""
    if isinstance(error, UserError):
        return f"it refuses these rows: {error}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"it raises {account_of(error)}" + ("" if place_of(error) else f" (line {last.lineno} of {last.filename})")


def a_frozen_value(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """A frozen dataclass: it prints, compares, hashes and is saved by its fields, but for its vocabulary."""
    if not getattr(getattr(objective, "__dataclass_params__", None), "frozen", False):
        yield "it is no frozen dataclass: write @dataclass(frozen=True) above the class"
    again = with_vocab(objective, objective.vocab)
    if again != objective or hash(again) != hash(objective):
        yield "a copy with the same fields is not equal to it"
    if [item.repr for item in dataclasses.fields(cast(Any, objective)) if item.name == "vocab"] != [False]:
        yield "write `vocab: Vocab = field(default=EMPTY, repr=False)` as its last field"


def needs_known_beforehand(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """What it needs of a vocabulary, and how long its rows are, is known before there is one."""
    bare = with_vocab(objective, EMPTY)
    for name in ("requirements", "row_length", "target_length"):
        if getattr(bare, name)(_LENGTH) != getattr(objective, name)(_LENGTH):
            yield f"its {name} changes with the vocabulary"


def full_rows_fit_the_model(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """Rows of row_length(n) tokens give at most n positions, and target_length(n) targets.

    What has parts is excused: each part has rows of its own length.
    """
    tokens, most = rows.tokens.shape[1], 4 * rows.tokens.shape[1] + _LENGTH
    first = bisect.bisect_left(range(most), tokens, lo=1, key=objective.row_length)
    length = next((n for n in range(first, most) if objective.row_length(n) != tokens or _takes(objective, n)), most)
    if cycle_of(objective) == (objective,) and objective.row_length(length) == tokens:
        if (reads := batch.inputs.shape[1]) > length:
            yield f"{tokens} tokens, which are row_length({length}), become {reads} input positions"
        if (says := batch.targets.shape[1]) != objective.target_length(length):
            yield f"target_length({length}) is {objective.target_length(length)}, but there are {says} targets"


def _takes(objective: Objective, length: int) -> bool:
    try:
        objective.check(length)
    except UserError:
        return False
    return True


def types_and_shapes(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """Integers for ids, float32 weights, float64 counts; shapes depend on the rows' shape, not on their keys."""
    again = objective(dataclasses.replace(rows, keys=rows.keys + np.uint64(1)))
    for name, value in _arrays(batch).items():
        kind = {"weights": np.float32, "count": np.float64, "visible": np.bool_}.get(name, np.integer)
        if not np.issubdtype(value.dtype, kind):
            yield f"{name} is {value.dtype}, not {kind.__name__}"
        if len(value) != len(rows):
            yield f"{name} has {len(value)} rows for {len(rows)} rows"
        if np.shape(getattr(again, name)) != value.shape:
            yield f"the shape of {name} changes with the noise"
    two_sided = batch.decoder_inputs is not None
    if two_sided != (objective.topology == "encoder-decoder"):
        yield f"the topology {objective.topology} {'has no' if two_sided else 'needs'} decoder_inputs"
    pairs = [("weights", "targets"), ("segments", "inputs"), ("visible", "inputs"), ("types", "inputs")]
    pairs += [("decoder_inputs", "targets"), ("decoder_segments", "targets")] if two_sided else [("targets", "inputs")]
    for left, right in pairs:
        value, like = getattr(batch, left), getattr(batch, right)
        if value is not None and value.shape != like.shape:
            yield f"{left} {value.shape} and {right} {like.shape} differ in shape"


def numbers_are_finite(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """No NaN, no infinity, also for rows of padding alone or of one token."""
    for name, value in _arrays(batch).items():
        if not np.isfinite(value).all():
            yield f"{name} has a number that is not finite"


def ids_are_of_the_vocabulary(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """Every id that a model reads or says is in the vocabulary."""
    size = objective.vocab.size
    for name, value in _arrays(batch).items():
        if name in ("inputs", "targets", "decoder_inputs") and len(wrong := value[(value < 0) | (value >= size)]):
            yield f"{name} has the id {wrong[0]}; the vocabulary's are 0 to {size - 1}"


def noise_is_of_the_key(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """The same rows and keys give the same batch; no other source of chance has a part in it."""
    for name in _differences(objective(rows), batch):
        yield f"{name} differs between two calls: draw by hornbook.keys from rows.keys alone"


def rows_are_independent(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """A row's result is the same alone, among others, and in another order."""
    order = np.arange(len(rows))[::-1]
    turned = Batch(**{name: value[order] for name, value in _arrays(batch).items()})
    for name in _differences(objective(rows.take(order)), turned):
        yield f"{name} of a row changes with the order of the rows"
    for row in range(len(rows)):
        for name in _differences(objective(rows.take(np.array([row]))), batch.rows(row, row + 1)):
            yield f"{name} of row {row} changes when the row stands alone: it depends on its neighbours"


def rows_are_left_alone(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """The arrays of the rows are neither changed nor handed out as parts of the batch."""
    before = copy.deepcopy(rows)
    for value in _arrays(objective(rows)).values():
        if value.flags.writeable:
            value.fill(0)
    for name, kept in _arrays(before).items():
        if not np.array_equal(getattr(rows, name), kept):
            yield f"it changes rows.{name}, or hands it out: copy it first"


def no_token_is_lost(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """Each word of a row is read or must be said, as often as it stands there.

    A decoder may leave out the last one: it cannot be said where it begins a document, and is not read. Objectives of
    pairs are excused: they cut texts to a length that tells nothing of their class.
    """
    words, said = rows.real & ~objective.vocab.special[rows.tokens], batch.weights != 0
    read = ~said if objective.topology == "encoder" else np.ones(batch.inputs.shape, bool)
    if objective.topology == "decoder":  # what is said is read at the next position, but at the end of a document
        again = batch.inputs[:, 1:] == batch.targets[:, :-1]
        if batch.segments is not None:
            again &= batch.segments[:, 1:] == batch.segments[:, :-1]
        said[:, :-1] &= ~again
        words[:, -1:] = False
    for row in range(0 if isinstance(objective, Paired) else len(rows)):
        there = Counter([*batch.inputs[row][read[row]].tolist(), *batch.targets[row][said[row]].tolist()])
        whole = Counter(rows.tokens[row][words[row]].tolist())
        for token, lost in (whole - there).items():
            yield f"row {row} has the token {token} {whole[token]} times, inputs and targets {whole[token] - lost}"


def padding_is_not_scored(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """Where there is no text there is no loss, and documents of a row stay apart."""
    pad, segments = objective.vocab.pad, batch.segments if batch.decoder_inputs is None else batch.decoder_segments
    if segments is None:
        if rows.segments is not None:
            yield "it leaves out segments, so that documents of a row see each other"
        return
    empty = segments == 0
    if empty.shape == rows.tokens.shape and objective.topology == "encoder":
        empty |= ~rows.real
    if pad not in (None, objective.vocab.bos, objective.vocab.eos):
        empty |= batch.targets == pad
    yield from _where(empty & (batch.weights != 0), "is padding, and is scored")


def special_tokens_stay(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """An encoder's special tokens are neither hidden nor scored, and no random word is a special token."""
    vocab, needs = objective.vocab, objective.requirements(_LENGTH)
    if objective.topology == "encoder":
        yield from _where(vocab.special[batch.targets] & (batch.weights != 0), "is a special token, and is scored")
    if objective.topology == "encoder" and batch.inputs.shape == rows.tokens.shape:
        new = batch.inputs != rows.tokens
        yield from _where(new & vocab.special[rows.tokens], "is a special token, and is hidden or replaced")
        modes = [mark for name, mark in vocab.modes if name in needs.modes]
        marks = [vocab.mask or 0, *vocab.sentinels[: needs.sentinels], *modes]
        drawn = new & vocab.special[batch.inputs] & ~np.isin(batch.inputs, marks)
        yield from _where(drawn, "is a word, and is replaced by a special token")


def counts_are_exact(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """A row's count, its share of the loss's denominator, is the sum of its weights, unless these are not 0 and 1."""
    total, scored = batch.weights.sum(axis=1, dtype=np.float64), (batch.weights != 0).any(axis=1)
    if (batch.weights < 0).any() or (batch.count < 0).any():
        yield "a weight or a count is below 0"
    if (batch.count[scored] <= 0).any():
        yield "a row that is scored has the count 0"
    for row in np.flatnonzero(scored & (batch.count != total) & np.isin(batch.weights, (0.0, 1.0)).all()):
        yield f"row {row} has the count {batch.count[row]:g}, and weights that add up to {total[row]:g}"


def nothing_is_seen_that_must_be_said(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """No position of a decoder sees the token that it must say, and an encoder does not see all that it must say."""
    reads, segments, visible = batch.inputs, batch.segments, batch.visible
    if batch.decoder_inputs is not None:
        reads, segments, visible = batch.decoder_inputs, batch.decoder_segments, None
    words = (batch.weights != 0) & ~objective.vocab.special[batch.targets]
    shown, number, length = int((words & (reads == batch.targets)).sum()), int(words.sum()), words.shape[1]
    if objective.topology == "encoder":
        if shown == number > 8:
            yield "every position shows the token that it must say"
        return
    if shown > number / 2 > 4:
        yield "most positions must say the token that they read: targets are not shifted"
    sees = allowed(segments, visible, length, "decoder")[:, np.arange(length - 1), np.arange(1, length)]
    ahead = (reads[:, 1:] == batch.targets[:, :-1]) & (batch.weights[:, :-1] != 0) & sees
    yield from _where(ahead, "must say the token behind it, and sees it")


def there_is_something_to_learn(objective: Objective, rows: Rows, batch: Batch) -> Complaints:
    """Most rows that are full of text have at least one position that is scored."""
    scored = (batch.weights != 0).any(axis=1)[rows.real.all(axis=1)]
    if rows.tokens.shape[1] >= 32 and len(scored) >= 8 and scored.mean() < 0.5:
        yield f"of {len(scored)} full rows only {scored.sum()} are scored at all"


_ALL = (
    a_frozen_value, needs_known_beforehand, full_rows_fit_the_model, types_and_shapes, numbers_are_finite,
    ids_are_of_the_vocabulary, noise_is_of_the_key, rows_are_independent, rows_are_left_alone, no_token_is_lost,
    padding_is_not_scored, special_tokens_stay, counts_are_exact, nothing_is_seen_that_must_be_said,
    there_is_something_to_learn,
)  # fmt: skip
LAWS: Mapping[str, Callable[[Objective, Rows, Batch], Complaints]] = MappingProxyType(
    {law.__name__.replace("_", " "): law for law in _ALL}
)


def _arrays(record: Batch | Rows) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if value is not None}


def _differences(one: Batch, other: Batch) -> Iterator[str]:
    """Yield the name of each array in which two batches differ."""
    left, right = _arrays(one), _arrays(other)
    for name in {**left, **right}:
        if name not in left or name not in right or not np.array_equal(left[name], right[name], equal_nan=True):
            yield name


def _where(wrong: NDArray[np.bool_], words: str) -> Complaints:
    """Yield a complaint of each position [B, T] that is wrong."""
    return (f"row {row}, position {position} {words}" for row, position in np.argwhere(wrong))
