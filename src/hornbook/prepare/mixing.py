"""A run's mix: the order of its rows, and what it will have read of each domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hornbook.corpus.weights import counts, parse, shares
from hornbook.errors import UserError
from hornbook.objectives.base import cycle_of, tokens_per_row
from hornbook.prepare.dataset import Prepared
from hornbook.prepare.places import before_stage
from hornbook.recipes.recipe import Recipe
from hornbook.tokens.order import BLOCK, Ascending, Mixed, Order, Places, Shuffled, Spliced, Staged
from hornbook.tokens.packing import DomainRows


def order_of(recipe: Recipe, prepared: Prepared) -> Order:
    """Return which of the training rows each example is."""
    orders: list[tuple[int, Ascending | Staged | Mixed]] = []
    for begin, steps in recipe.budget.timeline.foreseen:
        order = _order_of(recipe, prepared, steps)
        if isinstance(order, Shuffled | Spliced):
            return order  # it does not depend on the length of the run
        orders.append((begin * recipe.training.batch_rows, order))
    return orders[0][1] if len(orders) == 1 else Spliced(*zip(*orders, strict=True))


def _order_of(recipe: Recipe, prepared: Prepared, steps: int) -> Order:
    """Return the order of a run of `steps` steps; shares that depend on its length are those of the first plan."""
    rows = prepared.training_rows
    cycle = len(cycle_of(prepared.objective))
    examples = steps * recipe.training.batch_rows or len(rows)  # an epoch while they are not known
    if not isinstance(rows, DomainRows):
        return _own(prepared, prepared.domains[""], len(rows), examples, cycle)
    names, mix = list(prepared.domains), recipe.mix
    sizes = {name: float(part.tokens) for name, part in zip(names, rows.parts, strict=True)}
    planned = recipe.budget.timeline.planned * recipe.training.batch_rows or len(rows)
    budget = planned * tokens_per_row(prepared.objective, prepared.row_length)
    weights = parse(mix.weights, "mix.weights")
    told = shares(sizes, mix.rule, weights=weights, temperature=mix.temperature, epochs=mix.epochs, budget=budget)
    early, late = _counts(sizes, told), None
    if mix.late:
        weights = parse(mix.late, "mix.late")
        told = shares(sizes, "explicit", weights=weights, temperature=1.0, epochs=1.0, budget=budget)
        late = _counts(sizes, told)
    blocks = -(-examples // BLOCK)
    turn = blocks - round(blocks * mix.late_share) if late else 0
    own = []
    for number, (name, part) in enumerate(zip(names, rows.parts, strict=True)):
        if len(part) < cycle:
            raise UserError(f"The domain '{name}' has {len(part)} rows, but the objective needs {cycle}: add text.")
        mine = early[number] * (turn if late else blocks) + (late[number] * (blocks - turn) if late else 0)
        own.append(_own(prepared, prepared.domains[name], len(part), mine, cycle))
    return Mixed(tuple(own), tuple(int(first) for first in rows.first[:-1]), early, late, turn)


def _own(prepared: Prepared, documents: Places, size: int, examples: int, cycle: int) -> Shuffled | Ascending | Staged:
    """Return the order of the `size` rows of some documents, of which the run reads `examples`."""
    if prepared.mix.order == "shuffled":
        return Shuffled(size, cycle)
    before = before_stage(prepared.mix, prepared.places(documents), prepared.store.lengths[documents])
    if before is None:
        return Ascending(size, examples, cycle)
    turn = round(before * size / cycle) * cycle
    return Staged(size, turn, examples, cycle) if 0 < turn < size else Shuffled(size, cycle)


def _counts(sizes: dict[str, float], told: dict[str, float]) -> tuple[int, ...]:
    """Return the examples of each domain in a block."""
    return tuple(counts([told[name] for name in sizes], BLOCK))


@dataclass(frozen=True)
class Reading:
    """What a run reads of a domain: its name, its share of the rows, and how often each of its rows is read."""

    domain: str
    share: float
    epochs: float


def readings(recipe: Recipe, prepared: Prepared, order: Order) -> Sequence[Reading]:
    """Return what the run reads of each domain, counted row by row; nothing where domains are not weighted."""
    rows = prepared.training_rows
    if isinstance(order, Spliced):
        order = order.orders[-1]
    if not isinstance(order, Mixed) or not isinstance(rows, DomainRows):
        return []
    examples = recipe.budget.steps * recipe.training.batch_rows
    read = order.read(examples, recipe.seed)
    domains = zip(prepared.domains, read, rows.parts, strict=True)
    return [Reading(name, number / examples, number / len(part)) for name, number, part in domains]
