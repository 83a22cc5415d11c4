"""The program `hornbook`: its commands, and the only place where errors and warnings become messages and exit codes.

Nothing heavy is imported before a command runs, so that `hornbook --help` answers at once.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import traceback
import warnings
from typing import Annotated, Any

import typer
from typer import Option
from typer.core import TyperGroup

from hornbook import __version__
from hornbook.cli import (
    advise,
    corpus,
    course,
    evaluate,
    inspect,
    pages,
    plan,
    report,
    scaling,
    study,
    train,
    transfer,
    use,
)  # fmt: skip
from hornbook.cli.common import is_main_process
from hornbook.console.pulse import Pulse
from hornbook.console.streams import Steady, steady_streams, work_lasts
from hornbook.errors import FailedElsewhere, Notice, UserError, expected
from hornbook.signals import stoppable

# Libraries make half a million objects that stay. Python's default, a search for garbage after every few hundred new
# ones, takes a tenth of the start-up.
_FEW_COLLECTIONS = 100_000
# The notices that a command has shown, a line each; the processes that it starts inherit them.
_SHOWN = "HORNBOOK_SHOWN_NOTICES"


class _Program(TyperGroup):
    """The commands, each of which a signal ends in one sentence; some have a better one."""

    def invoke(self, ctx: Any) -> Any:
        with stoppable("Stopped."):
            return super().invoke(ctx)


app = typer.Typer(
    name="hornbook",
    cls=_Program,
    help="Pre-train language models under any objective: from raw text to a trained, measured, exported model.",
    epilog="Start with: [bold]hornbook pretrain[/bold]  ·  `--debug` with any command shows the traceback of an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _verb, _epilog in (
    ("pretrain", train.pretrain, train.EXAMPLES),
    ("import", train.import_model, None),
    ("evaluate", evaluate.evaluate, None),
    ("transfer", transfer.transfer, transfer.EXAMPLES),
    ("predict", transfer.predict, transfer.PREDICT_EXAMPLES),
    ("generate", use.generate, None),
    ("fill", use.fill, None),
    ("show", use.show, use.OBJECTIVES_TEACH),
    ("export", use.export, None),
    ("play", pages.play, pages.PLAY_EXAMPLES),
    ("runs", study.runs, None),
    ("compare", study.compare, None),
    ("watch", pages.watch, pages.WATCH_EXAMPLES),
    ("report", report.report, report.EXAMPLES),
    ("plan", plan.plan, plan.EXAMPLES),
    ("advise", advise.advise, advise.EXAMPLES),
    ("settings", inspect.settings, None),
    ("recipes", inspect.recipes, None),
    ("check", inspect.check, None),
    ("bench", inspect.bench, inspect.LIMITS),
    ("doctor", inspect.doctor, None),
):
    app.command(_name, epilog=_epilog)(_verb)
app.add_typer(corpus.app, name="corpus")
app.add_typer(scaling.app, name="scaling")
app.add_typer(study.app, name="study")
app.add_typer(course.app, name="course")


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit; hornbook.errors lists the exit codes.

    The command is that of this process unless `arguments` are given; then the process is the caller's, and continues.
    """
    owned = arguments is None
    given = sys.argv[1:] if arguments is None else arguments
    if owned:
        gc.set_threshold(_FEW_COLLECTIONS)
        # OpenMP reads it when torch is loaded. Threads that wait for each other sleep instead of turning in circles:
        # beside other busy processes a step is several times as fast (docs/LOG.md).
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with steady_streams(owned) as (output, errors):
        try:
            with warnings.catch_warnings():
                _show_notices()
                _refuse_bytes(given)
                pulse = Pulse(output, errors) if is_main_process() else None
                with contextlib.nullcontext() if pulse is None else pulse.beating():
                    if pulse is not None and given[:1] == ["pretrain"] and not {"-h", "--help"} & {*given}:
                        work_lasts()
                        pulse.begin("loading libraries")
                    _command(given, output)
        except Exception as error:
            _end(error, output, owned, debug="--debug" in given)
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # of a library written in Rust, and no Exception
                raise
            _end(error, output, owned, debug="--debug" in given)


def _command(given: list[str], output: Steady) -> None:
    """Do what the arguments say; SystemExit ends it."""
    try:
        app(args=[item for item in given if item != "--debug"], prog_name="hornbook", obj=given)
    finally:
        if not isinstance(sys.exc_info()[1], Exception):
            output.flush()  # what cannot be printed is an error, as long as there is no other


def _end(error: BaseException, output: Steady, owned: bool, debug: bool) -> None:
    """Exit with an error's code, after its one sentence; a bug keeps its traceback."""
    output.needed = False
    output.flush()
    known = expected(error)
    # Daft's threads may still work: an orderly end of Python would wait for them, or crash with another code.
    abrupt = owned and "daft" in sys.modules
    if known is None and not abrupt:
        raise error
    if known is None or debug:
        traceback.print_exception(error)
    if known is not None and not isinstance(known, FailedElsewhere):
        print(f"hornbook: {known}", file=sys.stderr, flush=True)
    code = 1 if known is None else known.exit_code
    if abrupt:
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _refuse_bytes(given: list[str]) -> None:
    """Refuse an argument that is not UTF-8; where only the locale is not, it may be."""
    for item in given:
        try:
            os.fsencode(item).decode()
        except UnicodeError as error:
            shown = item.encode("utf-8", "surrogateescape" if isinstance(error, UnicodeDecodeError) else "replace")
            text = shown.decode("utf-8", "backslashreplace")
            raise UserError(
                f"The argument {text} is not Unicode (UTF-8): rename the file, or convert the text."
            ) from error


def _show_notices() -> None:
    """Show each Notice once, as one line on stderr, from rank 0; leave all other warnings to Python."""
    others = warnings.showwarning
    if "RANK" not in os.environ:
        os.environ.pop(_SHOWN, None)

    def show(message: Warning | str, category: type[Warning], *place: Any, **named: Any) -> None:
        shown = os.environ.get(_SHOWN, "").split("\n")
        if not issubclass(category, Notice):
            others(message, category, *place, **named)
        elif is_main_process() and str(message) not in shown:
            os.environ[_SHOWN] = "\n".join([*shown, str(message)])
            print(f"hornbook: {message}", file=sys.stderr, flush=True)

    warnings.showwarning = show


def _version(wanted: bool) -> None:
    if wanted:
        print(f"hornbook {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
