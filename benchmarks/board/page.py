"""Write docs/records.md and its pictures from the board: a table for each text and budget, curves of causal models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from board.lines import BUDGETS, CORES, OBJECTIVES, PEERS, TIME_TOLERANCE, Board, Line

from hornbook.artifacts import write_file
from hornbook.charts.chart import Chart, Series
from hornbook.charts.scales import Axis
from hornbook.charts.table import Table

DOCS = Path(__file__).parents[2] / "docs"
TEXTS = {
    "shakespeare": (
        "Tiny Shakespeare",
        "The first nine tenths of its characters are trained on, the last tenth is the test, as in nanoGPT.",
    ),
    "wikitext-2": (
        "WikiText-2, tokenised",
        "The variant with `<unk>` for rare words, not the raw one: its bits per byte are lower than those of raw text, "
        "and the two cannot be compared. The training articles are trained on, the validation articles are the test. "
        "The numbers here are of a copy whose training articles stand in another order than in the official file.",
    ),
    "wikitext-2-raw": (
        "WikiText-2, raw",
        "The training articles are trained on, the validation articles are the test.",
    ),
    "docs": (
        "Python's documentation (builtin:docs)",
        "The text of the Python that runs it: another version of Python has another text, and another sha256. The test "
        "is what `hornbook pretrain builtin:docs` holds out, 5 % of the documents.",
    ),
}
CITED = (
    ("nanoGPT, CPU settings", "its README: 1.88 nats a character after about 3 minutes of a laptop's CPU", "2.71"),
    ("nanoGPT, GPU settings", "its README: 1.4697 nats a character after about 3 minutes of an A100", "2.120"),
)
NAMES = {
    "nanogpt": "nanoGPT's CPU settings, the same tokens",
    "nanogpt characters": "nanoGPT's CPU settings, characters, 2,000 steps",
    "trainer": "transformers' Trainer, GPT-2 of 6 x 384",
    "trainer small": "transformers' Trainer, GPT-2 in the default's shape",
}
OPENING = f"""# Records: how good after a fixed time

Each line says how good a model is on a fixed public text after a fixed number of *processor seconds*. Lower is better.
`benchmarks/records.py` measures the lines and writes this page from `benchmarks/results/records.json`.

- **Budget.** 60, 240, 600 and 2,400 processor seconds of one thread: 30 seconds, 2, 5 and 20 minutes of {CORES} cores.
  A budget holds the start of a model, what it counts in the text included, and all its steps. Preparation (tokenizer,
  tokens) and measuring are apart; the tables show preparation.
- **Time.** A line and nanoGPT's settings take steps in turns, for some rounds; the best round of each tells its seconds
  of a step. Then a fixed number of steps is trained. Other work on the machine makes even processor seconds longer:
  measure on a quiet machine.
- **Unit.** A second is not worth the same on two machines. `unit` says how many steps of nanoGPT a line's time
  is worth: compare units, not seconds, across machines.
- **Quality.** Causal models: bits per byte of the whole test text. Other objectives: their own loss on it, in nats a
  scored token, with the same noise for all. A loss depends on the vocabulary, so a claim must keep it. Losses of two
  objectives cannot be compared. All is in fp32, not compiled.
- **Spread.** A number is the mean of the seeds +- their standard deviation. A seed changes first weights, order and
  noise.
"""
CLAIMING = """
## Repeat a line, claim a record

```sh
python benchmarks/records.py --shakespeare input.txt --verify shakespeare/60/causal
python benchmarks/records.py --claim docs/60/causal training.batch_rows=16
python benchmarks/records.py --page
```

`--verify` trains a line anew from its recipe, with a seed that it has not had. It says whether the quality holds: it is
no worse than the spread of the seeds lets one expect, at 97.5 %. And it says whether the time does: it is worth at most
{tolerance:.0%} more steps of nanoGPT's settings.

`--claim` changes settings of the default recipe, any that `hornbook settings` lists. It times them, trains three seeds,
and takes the line's place only if it is better and Welch's 95 % interval of the difference excludes 0. Then write
this page with `--page`, and send `records.json` and the page together.

The texts are files of your own: nothing is downloaded, and nothing of them is kept. `input.txt` is Karpathy's
(github.com/karpathy/char-rnn). WikiText-2 is two files of text, or of records with a field `text`, packed by gzip or
not. A text whose sha256 differs from the board's is refused.
"""


def write(board: Board, docs: Path = DOCS) -> None:
    """Write the page and a picture for each text that has curves."""
    parts = [OPENING]
    for text in (name for name in TEXTS if name in board.texts):
        chart = chart_of(board, text)
        parts.append(section(board, text, chart))
        if chart is not None:
            write_file(docs / "pictures" / f"records-{text}.svg", chart.svg())
    processors = [str(line.machine["processor"]) for line in board.lines.values()]
    rows = tuple((name, str(processors.count(name))) for name in sorted({*processors}))
    parts.append(f"\n## Machines\n\n{Table('', ('processor', 'lines'), rows).markdown()}")
    parts.append(CLAIMING.format(tolerance=TIME_TOLERANCE))
    write_file(docs / "records.md", "".join(parts))


def section(board: Board, text: str, chart: Chart | None) -> str:
    """Return a text's part of the page."""
    title, account = TEXTS[text]
    known = board.texts[text]
    parts = [f"\n## {title}\n\n{account}\n\n"]
    sizes = zip(("trained on", "tested on"), known["bytes"], known["sha256"], strict=True)
    parts.append("\n".join(f"- {part}: {size:,} bytes, sha256 `{digest[:16]}...`" for part, size, digest in sizes))
    if chart is not None:
        parts.append(f"\n\n![{chart.title}](pictures/records-{text}.svg)\n\n*{chart.caption}*\n")
    for budget in BUDGETS:
        lines = board.of(text, budget, OBJECTIVES + PEERS)
        if lines:
            heading = f"{title.partition(' (')[0]}: {budget:,} processor seconds, {spoken(budget)} of {CORES} cores"
            parts.append(f"\n### {heading}\n\n{table(lines)}")
    if text == "shakespeare":
        rows = tuple((who, where, bits) for who, where, bits in CITED)
        parts.append(f"\nCited, not measured here:\n\n{Table('', ('who', 'where', 'bits per byte'), rows).markdown()}")
    return "".join(parts)


def table(lines: Sequence[Line]) -> str:
    """Return the lines of a text and a budget as Markdown."""
    columns = ("who", "quality", "seeds", "steps", "start s", "ms/step", "unit", "preparation s", "settings")
    return Table("", columns, tuple(_row(line) for line in lines)).markdown()


def _row(line: Line) -> tuple[str, ...]:
    unit = "bits per byte" if line.measure == "bits per byte" else "nats"
    spread = f" +- {line.spread:.3f}" if len(line.seeds) > 1 else ""
    return (
        NAMES.get(line.who, line.who), f"**{line.mean:.3f}**{spread} {unit}", str(len(line.seeds)), f"{line.steps:,}",
        f"{line.start_seconds:.1f}", f"{1000 * line.step_seconds:.0f}",
        f"{(line.start_seconds + line.steps * line.step_seconds) / line.unit_seconds:,.0f}",
        f"{line.preparation_seconds:.1f}", shape(line),
    )  # fmt: skip


def shape(line: Line) -> str:
    """Return what a line's model is, and what its claim changed; "" of a peer."""
    if not line.recipe:
        return ""
    model, training = line.recipe["model"], line.recipe["training"]
    length = training["row_length"] or model["max_length"]
    size = (
        f"{model['width']} x {model['layers']}, {training['batch_rows']} rows of {length}, {line.vocabulary:,} entries"
    )
    return ", ".join([size, *(f"`{item}`" for item in line.settings)])


def chart_of(board: Board, text: str) -> Chart | None:
    """Return the curves of a text in bits per byte: causal of each budget, peers of their longest."""
    lines = [line for budget in BUDGETS for line in board.of(text, budget, ("causal",))]
    for who in PEERS:
        longest = [line for budget in BUDGETS for line in board.of(text, budget, (who,))][-1:]
        lines += longest
    if not lines:
        return None
    series = tuple(Series(_called(line), *_points(line.curve)) for line in lines)
    return Chart(
        f"{TEXTS[text][0]}: bits per byte against processor seconds",
        "First seed of each line. Points on the way are measured on a part of the test text, ends on the whole of it.",
        Axis("processor seconds, start included", log=True), Axis("bits per byte of the test text"), series,
    )  # fmt: skip


def _called(line: Line) -> str:
    return f"causal, {line.budget} s" if line.who == "causal" else line.who


def _points(curve: Iterable[Sequence[float]]) -> tuple[list[float], list[float]]:
    points = list(curve)
    return [seconds for seconds, _ in points], [value for _, value in points]


def spoken(budget: int) -> str:
    """Return a budget as it is on all cores.

    >>> spoken(60), spoken(2400)
    ('30 seconds', '20 minutes')
    """
    seconds = budget // CORES
    return f"{seconds} seconds" if seconds < 60 else f"{seconds // 60} minutes"
