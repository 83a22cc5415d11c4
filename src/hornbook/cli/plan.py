"""`hornbook plan`: what a budget is best spent on by each known law, and what a run would be and cost here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hornbook.cli import tables
from hornbook.cli.common import OBJECTIVES, Json, Plain, answer, loading, place
from hornbook.console import View, duration, quantity
from hornbook.errors import UserError

if TYPE_CHECKING:
    from hornbook.api.planning import Plan
    from hornbook.run.settle.forecast import Forecast, Range

EXAMPLES = """Examples

hornbook plan BOOK.txt --minutes 60  ·  what would `pretrain` do in an hour, and what does it cost?

hornbook plan BOOK.txt --flops 1e15 --objective masked --price 2.5

hornbook plan BOOK.txt --minutes 60 --fit runs/sweep  ·  sized by a law of your own runs, with the loss that it predicts

hornbook plan BOOK.txt --tokens 1e9 --recipe gpt2 --devices 8

hornbook plan --flops 1e24  ·  without a text: what each law and rule spends them on

hornbook plan --flops 1e21 --unique 10e9  ·  with 10 billion tokens of text, repeats counted at what they are worth

hornbook plan --params 175e9 --tokens 300e9  ·  what a run spends, and what else that would buy

hornbook plan --params 70e9  ·  how many tokens each law takes for a size"""


def plan(
    what: Annotated[
        list[str] | None,
        Argument(metavar="WHAT", help="Text, a recipe.toml, settings a.b=c, as for `pretrain`.", show_default=False),
    ] = None,
    minutes: Annotated[float | None, Option(help="Minutes to train.")] = None,
    flops: Annotated[float | None, Option(metavar="C", help="Training FLOPs to spend.")] = None,
    tokens: Annotated[float | None, Option(metavar="D", help="Tokens to read.")] = None,
    steps: Annotated[int | None, Option(help="Optimizer steps to train.")] = None,
    epochs: Annotated[float | None, Option(help="Passes over the text.")] = None,
    recipe: Annotated[str | None, Option(help="A named recipe or model size; `hornbook recipes` lists them.")] = None,
    objective: Annotated[str | None, Option(help=f"{OBJECTIVES}. Default: causal.")] = None,
    params: Annotated[float | None, Option(metavar="N", help="Without a text: parameters of a model.")] = None,
    unique: Annotated[
        float | None, Option(metavar="U", help="Without a text: tokens of text at hand; more are repeats.")
    ] = None,
    points: Annotated[
        Path | None, Option("--fit", metavar="POINTS", parser=place, help="Runs of yours: a CSV file, or a sweep.")
    ] = None,
    devices: Annotated[int, Option(min=1, help="Devices like this one that share each step.")] = 1,
    price: Annotated[float, Option(min=0, help="Price of a device for an hour.")] = 0.0,
    as_json: Json = False,
    plain: Plain = False,
) -> None:
    """Say what `pretrain` would do and what it costs here, without training; or what each law spends FLOPs on.

    With a text: size, tokens, epochs, batch, memory, disk, time and price on this machine. Without one: the best size
    and tokens for a number of FLOPs, by each law and rule that is known.
    """
    from hornbook.api.planning import plan_of_laws, plan_of_run, words_of

    budget = {
        "minutes": minutes, "steps": steps, "tokens": None if tokens is None else _whole(tokens), "epochs": epochs,
    }  # fmt: skip
    if what or recipe or objective or minutes or steps or epochs:
        if params is not None or unique is not None:
            raise UserError("A run of a text has its own size and tokens: leave out --params and --unique.")
        if sum(value is not None for value in (flops, *budget.values())) > 1:
            raise UserError("Give one budget: --minutes, --flops, --tokens, --steps or --epochs.")
        from hornbook.cli.request import plan as requested

        asked = requested(what or [], objective, recipe, budget, None)
        words = words_of(what or [], objective, recipe, budget)
        with loading():
            import hornbook.run.settle.forecast  # noqa: F401 with it PyTorch
        view = View(plain, silent=as_json)
        found = plan_of_run(asked, words, flops=flops or 0.0, fit=points, devices=devices, price=price, view=view)
    else:
        found = plan_of_laws(flops, params, tokens, math.inf if unique is None else unique, points)
    if as_json:
        answer(found.plain(), True, print)
    else:
        _print(found)


def _whole(tokens: float) -> int:
    if not math.isfinite(tokens):
        raise UserError(f"--tokens must be a number, not {tokens:g}.")
    return round(tokens)


def _print(found: Plan) -> None:
    if found.run is not None:
        _print_run(found.run)
    if found.spent is not None:
        run = found.spent
        tables.sentence(
            f"{quantity(run['parameters'])} parameters on {quantity(run['tokens'])} tokens: {run['flops']:.2e} FLOPs "
            f"(6 N D), {run['tokens_per_parameter']:.2f} tokens a parameter."
        )
    title = "The tokens that each law takes for this size"
    tables.sentence(title if found.flops is None else f"What {found.flops:.2e} FLOPs are best spent on", "bold")
    rows = []
    for number, choice in enumerate(found.choices):
        far = f"; {choice.beyond:,.0f} times beyond its points" if choice.beyond > 1 else ""
        read = "" if choice.epochs is None else f"{choice.epochs:.2f}"
        loss = "" if choice.loss is None else f"{choice.loss:.3f}"
        shape = "{} x {}".format(*found.shapes[number]) if found.shapes else ""
        flops = f"{6 * choice.parameters * choice.tokens:.2e}" if found.flops is None else ""
        rows.append((
            choice.name, quantity(choice.parameters), quantity(choice.tokens),
            f"{choice.tokens / choice.parameters:.1f}", shape or flops or read, read if shape else loss,
            f"{choice.mark}: {choice.source}{far}",
        ))  # fmt: skip
    _table(found, rows)
    if found.run is None:
        tables.sentence("Losses are of each law's own text and tokenizer: compare them within a row, not between rows.")
    else:
        tables.sentence(found.taken)
        tables.sentence(f"Do it: {found.command}")


def _table(found: Plan, rows: Sequence[tuple[str, ...]]) -> None:
    between = ("nearest shape", "epochs") if found.shapes else ("FLOPs" if found.flops is None else "epochs", "loss")
    columns = ("by", "parameters", "tokens", "tokens each", *between, "what it is")
    tables.table(dict.fromkeys(columns, "") | {"by": "bold"}, rows, numbers=True)


def _print_run(run: Forecast) -> None:
    recipe, memory = run.recipe, run.memory
    model, training = recipe.model, recipe.training
    counts = run.parameters
    parts = ("weights", "gradients", "optimizer", "activations", "head")
    rows = [
        ("size", f"{quantity(counts['all'])} parameters", f"width {model.width}, {model.layers} layers: {run.why}"),
        ("", f"{quantity(counts['multiplied'])} parameters", "of layers and head: what a token is multiplied by"),
        ("tokens", quantity(run.tokens), f"{run.epochs:.2f} times the {quantity(run.text_tokens)} tokens of the text"),
        ("steps", _counted(run.steps), f"of {run.rows} rows of {recipe.row_length} positions"),
        ("rate", f"{training.learning_rate:g}", _rates(run)),
        ("FLOPs", f"{run.flops:.2e}", f"counted for this shape; 6 N D is {run.six_n_d:.2e}"),
        (
            "memory", f"{quantity(memory.peak)}B",
            f"of a step, {quantity(run.memory_free)}B are free: "
            + ", ".join(f"{name} {quantity(getattr(memory, name))}B" for name in parts),
        ),
        (
            "disk", f"{quantity(sum(run.disk.values()))}B",
            ", ".join(f"{name} {quantity(size)}B" for name, size in run.disk.items()),
        ),
        ("speed", f"{quantity(run.tokens_per_second)} tokens/s", f"a step in {run.a_step.value:.3g} s, timed here"),
        ("time", _time(run.seconds), f"with measurements, after {duration(run.preparing)} for the text{_bound(run)}"),
    ]  # fmt: skip
    if run.price is not None:
        rows.append(("price", f"{run.price.value:,.2f}", f"{run.price.low:,.2f} to {run.price.high:,.2f}"))
    if run.loss is not None:
        told = f"{run.loss.low:.3f} to {run.loss.high:.3f} (95 %), nats per token of the law's own text and tokenizer"
        rows.append(("loss", f"{run.loss.value:.3f}", told))
    tables.numbers("What `pretrain` would do here", rows)
    for line in run.warnings:
        tables.sentence(line)


def _rates(run: Forecast) -> str:
    training = run.recipe.training
    if training.optimizer != "muon":
        return f"{training.optimizer}, {training.precision}"
    return f"of AdamW's part; {training.muon_learning_rate:.2g} of Muon's, {training.precision}"


def _bound(run: Forecast) -> str:
    if run.devices == 1:
        return ""
    return f"; at least that long on {run.devices} devices like this one, since their exchange is counted as nothing"


def _counted(steps: Range) -> str:
    sure = "" if steps.low == steps.high else f" ({steps.low:,.0f} to {steps.high:,.0f})"
    return f"{steps.value:,.0f}{sure}"


def _time(seconds: Range) -> str:
    sure = "" if seconds.low == seconds.high else f" ({duration(seconds.low)} to {duration(seconds.high)})"
    return f"{duration(seconds.value)}{sure}"
