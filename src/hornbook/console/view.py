"""What the user sees while Hornbook works: a live panel on a terminal, one plain line for each record elsewhere."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from hornbook.console.numbers import decimal, duration, quantity, sparkline, wrapped
from hornbook.console.pulse import phase
from hornbook.console.streams import shown_to

if TYPE_CHECKING:
    from rich.panel import Panel

_PLAIN_SECONDS = 5.0
_SPARK_WIDTH = 60
_WIDE, _NARROW = 120, 64  # columns that four numbers, and two, need beside each other


class View:
    """The console of one command. With `plain`, or without a terminal, every picture becomes lines.

    `silent` shows nothing: it is for the processes of a training other than rank 0. `told`, which may be set at any
    time, is told the name of each stage that begins.
    """

    def __init__(self, plain: bool = False, silent: bool = False) -> None:
        self.told: Callable[[str], None] = lambda name: None
        self.console = Console(file=shown_to(sys.stdout), highlight=False, soft_wrap=True, quiet=silent)
        self.plain = plain or silent or not self.console.is_terminal or self.console.is_dumb_terminal

    def say(self, text: str) -> None:
        """Print one line, on a terminal wrapped between words."""
        self.console.print(Text(wrapped(text, self.console.width, 2) if self.console.is_terminal else text))

    @contextlib.contextmanager
    def stage(self, name: str, unit: str, total: int = 0) -> Iterator[Callable[[int], None]]:
        """Show the progress of a piece of work: the block calls the function it gets with the amount done.

        With a `total` above 0 the share done and the time left are shown too.
        """
        self.told(name)
        if self.plain:
            with phase(name), self._plain_stage(name, unit, total) as update:
                yield update
            return
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Remaining

        bar = (BarColumn(), TextColumn("eta"), Remaining(compact=True)) if total else ()
        told, note = TextColumn("{task.description}"), TextColumn("{task.fields[note]}")
        columns = SpinnerColumn(self._spinner()), told, *bar, note, TimeElapsedColumn()
        with Progress(*columns, console=self.console) as progress:
            task, start = progress.add_task(name, total=total or None, note=""), time.monotonic()

            def update(done: int) -> None:
                speed = done / max(time.monotonic() - start, 1e-9)
                progress.update(task, completed=done, note=f"{quantity(done)} {unit}, {quantity(speed)}/s")

            yield update

    def _spinner(self) -> str:
        return "line" if self.console.options.ascii_only else "dots"

    @contextlib.contextmanager
    def _plain_stage(self, name: str, unit: str, total: int) -> Iterator[Callable[[int], None]]:
        start = said = time.monotonic()
        amount = 0

        def update(done: int) -> None:
            nonlocal said, amount
            amount = done
            if time.monotonic() - said > _PLAIN_SECONDS:
                said = time.monotonic()
                speed = done / (said - start)
                going = 0 < done < total  # all bytes may be taken while there is still work on them
                left = f", {quantity(speed)}/s, {duration((total - done) / speed)} left" if going else ""
                of = f" of {quantity(total)}" if total else ""
                self.say(f"{name}: {quantity(done)}{of} {unit} after {said - start:.0f}s{left}")

        yield update
        self.say(f"{name}: {f'{quantity(amount)} {unit}' if amount else 'done'} in {time.monotonic() - start:.1f}s")

    @contextlib.contextmanager
    def training(self, title: str, steps: int, done: int, memory_total: int, directory: str) -> Iterator[Training]:
        """Show a training run; yields a sink for its records."""
        self.told("training")
        shown = Training(self, title, steps, done, memory_total, directory)
        if self.plain:
            with phase("training"):
                yield shown
            return
        from rich.live import Live

        shown.invite()
        with Live(shown.panel(), console=self.console, refresh_per_second=4, get_renderable=shown.panel):
            yield shown


class Training:
    """A sink of records that shows the newest ones. What it cannot show it leaves out: no record ends a training."""

    def __init__(self, view: View, title: str, steps: int, done: int, memory_total: int, directory: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self._view, self._title, self._steps, self._directory = view, title, steps, directory
        self._memory_total = memory_total
        self._train: Mapping[str, Any] = {}
        self._held_out: Mapping[str, Any] = {}
        self._before: float | None = None  # the loss before the first step, of a run that begins with a base model
        self._losses: list[float] = []
        self._said, self._failed = 0.0, False
        columns = (TextColumn("train"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.percentage:.0f} %"))
        self._progress = Progress(*columns, TimeElapsedColumn(), TextColumn("eta"), Remaining(compact=True))
        self._task = self._progress.add_task("train", total=steps, completed=done)

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record."""
        with self._forgiving():
            if record["kind"] == "held_out":
                self._held_out = record
                self._before = self._before if record["step"] else record["loss"]
            else:
                self._train = record
                self._losses += [] if record["loss"] is None else [record["loss"]]
                self._steps = record.get("steps", self._steps)  # of a budget of minutes the clock corrects them
                self._progress.update(self._task, completed=record["step"], total=self._steps)
            if self._view.plain:
                self._line(record)

    def invite(self) -> None:
        """Say how to stop and to go on, above the picture: a frame around the command would be copied with it."""
        command = f"hornbook pretrain --resume {shlex.quote(self._directory)}"
        self._view.say(f"Ctrl-C saves and stops. Continue with:\n{command}")

    @contextlib.contextmanager
    def _forgiving(self) -> Iterator[None]:
        """Say once that showing failed, whatever failed, and go on."""
        try:
            yield
        except Exception as error:
            if not self._failed:
                self._failed = True
                self._view.say(f"A record cannot be shown ({type(error).__name__}: {error}). Training continues.")

    def _line(self, record: Mapping[str, Any]) -> None:
        if record["kind"] == "held_out":
            self._view.say(self._measured())
        elif time.monotonic() - self._said > _PLAIN_SECONDS or record["step"] == self._steps:
            self._said = time.monotonic()
            self._view.say(
                f"step {record['step']}/{self._steps}: loss {decimal(record['loss'], 4)}, "
                f"learning rate {record['learning_rate']:.1e}, {quantity(record['tokens_per_second'])} tokens/s, "
                f"padding {1 - record['useful_share']:.1%}, MFU {record['model_flops_utilization']:.0%}, "
                f"memory in use {quantity(record['memory_bytes'])}B, {duration(record['seconds_left'])} left"
            )

    def _measured(self) -> str:
        """Return the newest measurement on held-out text in a line."""
        record = self._held_out
        measured = {name: value for name, value in record.items() if name not in ("seconds", "time")}
        numbers = {name.replace("_", " "): value for name, value in measured.items() if isinstance(value, float | None)}
        told = ", ".join(f"{name} {decimal(value, 4)}" for name, value in numbers.items())
        before = f"; before the first step: loss {self._before:.4f}" if self._before and record["step"] else ""
        return f"held-out text at step {record['step']}/{self._steps}: {told}{before}"

    def panel(self) -> Panel:
        """Return the live picture."""
        from rich.panel import Panel

        body: RenderableType = Text("")
        with self._forgiving():
            body = self._body()
        return Panel(body, title=Text(self._title))

    def _body(self) -> RenderableType:
        from rich.table import Table

        lines: list[RenderableType] = [self._progress]
        train = self._train
        if train:
            grid = Table.grid(padding=(0, 3))
            numbers = (
                f"loss {decimal(train['loss'], 4)}",
                f"learning rate {train['learning_rate']:.1e}",
                f"gradient norm {decimal(train['gradient_norm'], 2)}",
                f"memory in use {quantity(train['memory_bytes'])}B of {quantity(self._memory_total)}B",
                f"{quantity(train['tokens_per_second'])} tokens/s",
                f"{quantity(train['tokens'])} tokens, padding {1 - train['useful_share']:.1%}",
                f"{quantity(train['model_flops'])}FLOP/s, MFU {train['model_flops_utilization']:.0%}",
                f"waiting for data {train['waiting_share']:.1%}",
            )
            across = 4 if self._view.console.width >= _WIDE else 2 if self._view.console.width >= _NARROW else 1
            for first in range(0, len(numbers), across):
                grid.add_row(*numbers[first : first + across])
            lines.append(grid)
        else:
            lines.append(Text("no record yet ..."))
        width = max(min(_SPARK_WIDTH, self._view.console.width - 10), 1)
        lines.append(Text(f"loss {sparkline(self._losses, width)}"))
        if self._held_out:
            lines.append(Text(self._measured(), overflow="fold", no_wrap=False))  # the console wraps no others
        return Group(*lines)
