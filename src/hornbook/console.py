"""What the user sees while Hornbook works: a live panel on a terminal, one plain line for each record elsewhere."""

from __future__ import annotations

import contextlib
import html
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Remaining
from rich.table import Table
from rich.text import Text

_BLOCKS = "▁▂▃▄▅▆▇█"
_PLAIN_SECONDS = 5.0
_SPARK_WIDTH = 60


def html_table(columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """Return a table as HTML, for a notebook; every text is escaped."""
    line = "<tr>{}</tr>".format
    head = line("".join(f"<th>{html.escape(name)}</th>" for name in columns))
    body = "".join(line("".join(f"<td>{html.escape(text)}</td>" for text in row)) for row in rows)
    return f"<table><caption>{html.escape(caption)}</caption><thead>{head}</thead><tbody>{body}</tbody></table>"


class View:
    """The console of one command. With `plain`, or without a terminal, every picture becomes lines.

    `silent` shows nothing: it is for the processes of a training other than rank 0.
    """

    def __init__(self, plain: bool = False, silent: bool = False) -> None:
        self.console = Console(highlight=False, soft_wrap=True, quiet=silent)
        self.plain = plain or silent or not self.console.is_terminal

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(Text(text))

    @contextlib.contextmanager
    def stage(self, name: str, unit: str, total: int = 0) -> Iterator[Callable[[int], None]]:
        """Show the progress of a piece of work: the block calls the function it gets with the amount done.

        With a `total` above 0 the share done and the time left are shown too.
        """
        if self.plain:
            with self._plain_stage(name, unit, total) as update:
                yield update
            return
        bar = (BarColumn(), TextColumn("eta"), Remaining(compact=True)) if total else ()
        told, note = TextColumn("{task.description}"), TextColumn("{task.fields[note]}")
        columns = SpinnerColumn(), told, *bar, note, TimeElapsedColumn()
        with Progress(*columns, console=self.console) as progress:
            task, start = progress.add_task(name, total=total or None, note=""), time.monotonic()

            def update(done: int) -> None:
                speed = done / max(time.monotonic() - start, 1e-9)
                progress.update(task, completed=done, note=f"{quantity(done)} {unit}, {quantity(speed)}/s")

            yield update

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
                left = f", {quantity(speed)}/s, {duration((total - done) / speed)} left" if total and done else ""
                of = f" of {quantity(total)}" if total else ""
                self.say(f"{name}: {quantity(done)}{of} {unit} after {said - start:.0f}s{left}")

        yield update
        self.say(f"{name}: {f'{quantity(amount)} {unit}' if amount else 'done'} in {time.monotonic() - start:.1f}s")

    @contextlib.contextmanager
    def training(self, title: str, steps: int, done: int, memory_total: int, directory: str) -> Iterator[Training]:
        """Show a training run; yields a sink for its records."""
        view = Training(self, title, steps, done, memory_total, directory)
        if self.plain:
            yield view
            return
        with Live(view.panel(), console=self.console, refresh_per_second=4, get_renderable=view.panel):
            yield view


class Training:
    """A sink of records that shows the newest ones."""

    def __init__(self, view: View, title: str, steps: int, done: int, memory_total: int, directory: str) -> None:
        self._view, self._title, self._steps, self._directory = view, title, steps, directory
        self._memory_total = memory_total
        self._train: Mapping[str, Any] = {}
        self._held_out: Mapping[str, Any] = {}
        self._before: float | None = None  # the loss before the first step, of a run that begins with a base model
        self._losses: list[float] = []
        self._said = 0.0
        columns = (TextColumn("train"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.percentage:.0f} %"))
        self._progress = Progress(*columns, TimeElapsedColumn(), TextColumn("eta"), Remaining(compact=True))
        self._task = self._progress.add_task("train", total=steps, completed=done)

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record."""
        if record["kind"] == "held_out":
            self._held_out = record
            self._before = self._before if record["step"] else record["loss"]
        else:
            self._train = record
            self._losses.append(record["loss"])
            self._steps = record.get("steps", self._steps)  # of a budget of minutes the clock corrects them
            self._progress.update(self._task, completed=record["step"], total=self._steps)
        if self._view.plain:
            self._line(record)

    def _line(self, record: Mapping[str, Any]) -> None:
        if record["kind"] == "held_out":
            self._view.say(self._measured())
        elif time.monotonic() - self._said > _PLAIN_SECONDS or record["step"] == self._steps:
            self._said = time.monotonic()
            self._view.say(
                f"step {record['step']}/{self._steps}: loss {record['loss']:.4f}, "
                f"learning rate {record['learning_rate']:.1e}, {quantity(record['tokens_per_second'])} tokens/s, "
                f"padding {1 - record['useful_share']:.1%}, MFU {record['model_flops_utilization']:.0%}, "
                f"memory in use {quantity(record['memory_bytes'])}B, {duration(record['seconds_left'])} left"
            )

    def _measured(self) -> str:
        """Return the newest measurement on held-out text in a line."""
        record = self._held_out
        clocks = ("seconds", "time")
        measured = {name: value for name, value in record.items() if isinstance(value, float) and name not in clocks}
        numbers = {name.replace("_", " "): value for name, value in measured.items()}
        told = ", ".join(f"{name} {value:.4f}" for name, value in numbers.items())
        before = f"; before the first step: loss {self._before:.4f}" if self._before and record["step"] else ""
        return f"held-out text at step {record['step']}/{self._steps}: {told}{before}"

    def panel(self) -> Panel:
        """Return the live picture."""
        grid = Table.grid(padding=(0, 3))
        train = self._train
        if train:
            grid.add_row(
                f"loss [bold]{train['loss']:.4f}[/]",
                f"learning rate {train['learning_rate']:.1e}",
                f"gradient norm {train['gradient_norm']:.2f}",
                f"memory in use {quantity(train['memory_bytes'])}B of {quantity(self._memory_total)}B",
            )
            grid.add_row(
                f"{quantity(train['tokens_per_second'])} tokens/s",
                f"{quantity(train['tokens'])} tokens, padding {1 - train['useful_share']:.1%}",
                f"{quantity(train['model_flops'])}FLOP/s, MFU {train['model_flops_utilization']:.0%}",
                f"waiting for data {train['waiting_share']:.1%}",
            )
        else:
            grid.add_row("first step ...")
        note = self._measured() if self._held_out else ""
        resume = f"Ctrl-C saves and stops. Continue with: hornbook pretrain --resume {self._directory}"
        lines = [Text(line, overflow="fold", no_wrap=False) for line in (note, resume)]  # the console wraps no others
        body = Group(self._progress, grid, Text(f"loss {sparkline(self._losses, _SPARK_WIDTH)}"), *lines)
        return Panel(body, title=self._title)


def sparkline(values: list[float], width: int) -> str:
    """Return values as a row of at most `width` blocks; each block is the mean of its values.

    >>> sparkline([3.0, 2.0, 1.0], 10)
    '█▅▁'
    """
    if not values:
        return ""
    count = min(width, len(values))
    edges = [round(i * len(values) / count) for i in range(count + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BLOCKS[round((mean - low) * scale)] for mean in means)


def quantity(value: float) -> str:
    """Return a number with a metric suffix.

    >>> quantity(950), quantity(18_400), quantity(2.5e12)
    ('950', '18.4k', '2.5T')
    """
    for suffix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.1f}{suffix}"
    return f"{value:.0f}"


def duration(seconds: float) -> str:
    """Return seconds in seconds, minutes or hours.

    >>> duration(42), duration(151), duration(7300)
    ('42s', '2m31s', '2h01m')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02d}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60:02d}m"
