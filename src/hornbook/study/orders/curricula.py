"""Curricula as studies: does the order of the text help, or only what stands where the learning rate falls?

    shuffled   no order
    order      the order
    reversed   the same, from its end to its beginning: what helps here too is no matter of the order
    no-decay   the order with a constant rate: what is lost here came from the decay meeting the late text
    late       shuffled, but for the last part of the order, which comes last: how much of it needs the rest

All arms read the same documents equally often, and the same number of tokens; which they do is counted before any
training (`hornbook.study.orders.reading`). Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hornbook.artifacts import read_json
from hornbook.console import quantity
from hornbook.errors import UserError
from hornbook.study.design import ArmSettings, BudgetSettings, CurriculumSettings, Study

READING, DIFFICULTY = "reading.json", "difficulty"
FIELD, SOURCE = "reference_loss", "read_from"  # fields that a study adds to its documents
_SAME = 1e-9


def new_curriculum(
    text: Sequence[str],
    by: str,
    budget: BudgetSettings,
    seeds: int,
    *,
    objective: str = "causal",
    stage: float = 0.1,
    domain: str = "",
    reference: str = "",
) -> Study:
    """Return the study of an order.

    by         length, rarity, compression, difficulty (by a reference model), a field that is a number, or field=value:
               the documents with that value late
    stage      share of the tokens that the arm `late` keeps for the end
    domain     a field by which the held-out text is measured too; empty = that of field=value, or none
    reference  by difficulty: a finished causal run that tells it; empty = the study trains a small one
    """
    field, labelled, value = by.partition("=")
    if by.startswith("-") or not by or by == "shuffled":
        raise UserError("Name what the text is ordered by, such as length; the study has the reversed order too.")
    if reference and by != DIFFICULTY:
        raise UserError("A reference model tells difficulty: leave --reference out, or write --by difficulty.")
    own = {"source": SOURCE, DIFFICULTY: FIELD}
    order = f"{own.get(field, field)}={value}" if labelled else own.get(by, by)
    domain = domain or (field if labelled else "")
    common = (f"mix.domain={own.get(domain, domain)}",) if domain else ()
    arms = {
        "shuffled": (),
        "order": (f"mix.order={order}",),
        "reversed": (f"mix.order=-{order}",),
        "no-decay": (f"mix.order={order}", "training.decay=0"),
        "late": (f"mix.order={order}", f"mix.stage={stage:g}"),
    }
    if labelled:  # what has the label is a late stage already
        del arms["late"]
    return Study(
        tuple(text), {name: ArmSettings(objective, settings=(*common, *own)) for name, own in arms.items()}, budget,
        seeds, trials=1, curriculum=CurriculumSettings(by, reference),
    )  # fmt: skip


def reading_notes(directory: Path) -> list[str]:
    """Return what a study's arms read, in sentences; nothing where the study is none of an order."""
    if not (directory / READING).is_file():
        return []
    kept = read_json(directory / READING, "record of what the arms read")
    arms: Mapping[str, Mapping[str, Any]] = kept["arms"]
    first = next(iter(arms.values()))
    hashes = {arm["hash"] for arm in arms.values()}
    told = f"{quantity(first['tokens'])} tokens, {first['epochs']:.4g} passes over {first['documents']:,} documents"
    notes = []
    if len(hashes) == 1:
        notes.append(f"All arms read the same tokens of the same documents equally often: {told} ({first['hash']}).")
    else:
        most = max(arms, key=lambda name: arms[name]["differs"])
        notes.append(
            f"The arms do not read the same text: of {told}, {arms[most]['differs']:.1%} differ in {most} from "
            f"{next(iter(arms))}. A verdict is of that text too, not of the order alone."
        )
    if cost := kept.get("reference"):
        notes.append(
            f"The difficulty was told by {cost['run']}, which never saw the held-out text. It cost {cost['flops']:.2e} "
            f"FLOPs beside the runs, {cost['flops'] / cost['of_a_run']:.0%} of what one of them costs."
        )
    return notes
