"""`hornbook study curriculum` and `study mix`: does the order of text help, and which mix of domains is best?"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from hornbook.cli import tables
from hornbook.cli.common import Json, Plain, answer, loading, place
from hornbook.errors import UserError

CURRICULUM_EXAMPLES = """Examples

hornbook study curriculum runs/length BOOK.txt --by length --tokens 2e6

hornbook study curriculum runs/best-last corpus/ --by topic=encyclopedia --minutes 10

The study is run and told by `hornbook study run` and `hornbook study report`."""

MIX_EXAMPLES = """Examples

hornbook study mix runs/mix wiki.jsonl books/ forum.jsonl --tokens 2e7

hornbook study mix runs/mix corpus/ --domain topic --target encyclopedia --tokens 2e7 --proxies 32"""

New = Annotated[Path, Argument(metavar="STUDY", parser=place, help="Directory of the study.", show_default=False)]
Text = Annotated[list[str], Argument(metavar="TEXT", help="Text that all arms read.", show_default=False)]
Tokens = Annotated[float, Option(min=0, help="Tokens of the corpus that each run reads.")]
Flops = Annotated[float, Option(min=0, help="FLOPs of each run.")]
Minutes = Annotated[float, Option(min=0, help="Minutes of each run, timed.")]
Seeds = Annotated[int, Option(min=1, help="Runs of each arm; two at least for a verdict.")]


def curriculum(
    study: New,
    text: Text,
    by: Annotated[
        str, Option(help="length, rarity, compression, difficulty, a field that is a number, or field=value: late.")
    ],
    tokens: Tokens = 0,
    flops: Flops = 0,
    minutes: Minutes = 0,
    seeds: Seeds = 3,
    objective: Annotated[str, Option(help="Objective of all arms.")] = "causal",
    stage: Annotated[float, Option(help="Share of the tokens that is late in the arm `late`.")] = 0.1,
    domain: Annotated[str, Option(help="Field by which held-out text is measured too.")] = "",
    reference: Annotated[str, Option(help="Causal run that tells difficulty. [default: a small one is trained]")] = "",
) -> None:
    """Write a study of an order of the text: shuffled, ordered, reversed, without decay, and its late part alone.

    All arms read the same tokens of the same documents equally often; the study counts it before it trains.
    """
    from hornbook.study.design import STUDY, BudgetSettings
    from hornbook.study.layout import begin
    from hornbook.study.orders.curricula import new_curriculum

    budget = BudgetSettings(tokens, flops, minutes)
    if not any(dataclasses.astuple(budget)):
        raise UserError("Say what each run may spend: --tokens, --flops or --minutes.")
    found = new_curriculum(
        text, by, budget, seeds, objective=objective, stage=stage, domain=domain, reference=reference
    )
    begin(found, study)
    tables.sentence(f"{study / STUDY}: {', '.join(found.arms)}; {len(found.arms) * seeds} runs.")
    tables.sentence(f"Next: hornbook study run {study}")


def mix(
    study: New,
    text: Text,
    tokens: Annotated[float, Option(min=0, help="Tokens that the run reads whose mix is sought.")],
    domain: Annotated[
        str, Option(help="Field of the documents that names their domain; source = the file.")
    ] = "source",
    target: Annotated[str, Option(help="What the mix shall lower: macro (mean of the domains) or a domain.")] = "macro",
    proxies: Annotated[int, Option(min=0, help="Small runs. [default: 8 for each domain, at least 16]")] = 0,
    proxy_tokens: Annotated[float, Option(min=0, help="Tokens of each. [default: a tenth of --tokens]")] = 0,
    seeds: Seeds = 3,
    objective: Annotated[str, Option(help="Objective of all runs.")] = "causal",
    plain: Plain = False,
    as_json: Json = False,
) -> None:
    """Search the best mix of domains by small runs, and write the study that confirms it.

    The same command goes on after a stop. The confirmation compares the proposed mix with the natural and the uniform.
    """
    with loading():
        from hornbook.study.orders.proxies import CONFIRMATION, MixStudy, run_mix

    asked = MixStudy(
        tuple(text), domain, tokens, proxies=proxies, proxy_tokens=proxy_tokens, target=target, objective=objective,
        seeds=seeds,
    )  # fmt: skip
    found = run_mix(asked, study, plain)
    if as_json:
        answer(found.plain(), True, print)
        return
    rows = [
        (
            name, weight_of, f"{found.mixes[name][weight_of]:.1%}", f"{found.bits[name][weight_of]:.4f}",
            *(f"{value:.2f}" for value in found.epochs[name][weight_of]),
        )
        for name in found.mixes
        for weight_of in found.fit.domains
    ]  # fmt: skip
    columns = ("mix", "domain", "share", "predicted bits per byte", "epochs of a proxy", "epochs of the run")
    tables.table(dict.fromkeys(columns, "") | {"mix": "bold"}, rows, numbers=True)
    aims = ", ".join(f"{name} {bits[target]:.4f}" for name, bits in found.bits.items())
    tables.sentence(f"Predicted bits per byte, {target}: {aims}.")
    lost = f"; {found.diverged} diverged" if found.diverged else ""
    tables.sentence(
        f"{found.proxies} proxies{lost}. Left out one by one, they are predicted with a rank correlation of "
        f"{found.fit.rank:.2f}: the mix is a proposal, and the confirmation is the result."
    )
    tables.sentence(f"Next: hornbook study run {study / CONFIRMATION}")


def add_to(app: typer.Typer) -> None:
    """Add the commands to those of `hornbook study`."""
    app.command(epilog=CURRICULUM_EXAMPLES)(curriculum)
    app.command(epilog=MIX_EXAMPLES)(mix)
