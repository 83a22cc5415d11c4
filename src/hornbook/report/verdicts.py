"""Verdicts on one run: rules, each with its numbers, its threshold, whose threshold that is, and what to do.

A rule that lacks its data says so; it is never good by default. Nothing here compares runs: that is
`hornbook.report.compared`.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hornbook.console import quantity
from hornbook.evaluate.statistics import t_quantile
from hornbook.report.facts import RunFacts
from hornbook.report.rows import RowCounts
from hornbook.vocab import UNSPACED

# good: nothing to mend    look: the threshold is crossed    unknown: the data are not there
Status = Literal["good", "look", "unknown"]
_OURS = "a rule of thumb of this program"
_LAST, _BLOCKS = 0.2, 10  # the share of the steps in which a fall is looked for, and the means that it is fitted to
_FALL = 0.01  # of the loss, in that share
_GAP, _TOKENS, _EPOCHS = 0.05, 20.0, 4.0
_WAITING, _USEFUL, _CLIPPED, _SPIKE, _PEAK, _REPEATS = 0.05, 0.95, 0.10, 6.0, 0.20, 0.30
_BEFORE = 20  # records that a spike is told by
_GRAM = 4  # words that count as one phrase
_FEWEST, _NEAR = 40, 5  # records of training that a trend needs, and that the mean near the end needs


@dataclass(frozen=True)
class Rule:
    """One rule and what it found.

    numbers    the evidence, by name
    threshold  in words, and `source` whose it is
    advice     what to do where it is crossed
    """

    name: str
    status: Status
    sentence: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    threshold: str = ""
    source: str = _OURS
    advice: str = ""

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "name": self.name, "status": self.status, "sentence": self.sentence, "numbers": dict(self.numbers),
            "threshold": self.threshold, "source": self.source, "advice": self.advice,
        }  # fmt: skip


def rules(run: RunFacts, rows: RowCounts | str) -> tuple[Rule, ...]:
    """Return what every rule finds in a run."""
    return tuple(rule(run, rows) for rule in _RULES)


def _unknown(name: str, why: str, threshold: str = "", source: str = _OURS) -> Rule:
    return Rule(name, "unknown", f"Not known: {why}.", {}, threshold, source)


def _judged(
    name: str,
    crossed: bool,
    sentence: str,
    numbers: Mapping[str, float],
    threshold: str,
    advice: str,
    source: str = _OURS,
) -> Rule:
    return Rule(name, "look" if crossed else "good", sentence, numbers, threshold, source, advice if crossed else "")


def _beats_counts(run: RunFacts, rows: RowCounts | str) -> Rule:
    name, limit = "better than counting words", "the loss of every simple model that was counted"
    found = None if run.result is None else run.result.number("loss")
    if found is None:
        return _unknown(name, "nothing was measured at the end", limit)
    if not found.baselines:
        return _unknown(name, "no simple model was counted for this objective", limit)
    best = min(found.baselines, key=lambda simple: found.baselines[simple])
    beside = ", ".join(f"{simple} {value:.4f}" for simple, value in found.baselines.items())
    worse = found.value >= found.baselines[best]
    told = f"The loss is {found.value:.4f} nats per scored token; {beside}."
    if not worse and found.high is not None and found.high >= found.baselines[best]:
        told += f" The interval of the loss ({found.low:.4f} to {found.high:.4f}) reaches the {best}."
    advice = (
        f"A {best} model knows as much of this text: before you use the model, train it longer if the held-out loss "
        "still falls, else on more text."
    )
    return _judged(
        name, worse, told, {"loss": found.value, **found.baselines}, limit, advice, "evaluate: the same targets"
    )


def _still_falling(run: RunFacts, rows: RowCounts | str) -> Rule:
    name = "the loss has stopped falling"
    limit = f"a fall of {_FALL:.0%} in the last {_LAST:.0%} of the steps, beyond its noise"
    losses = series(run.train, "loss")
    last = [(step, loss) for step, loss in losses if step > run.step * (1 - _LAST)]
    if len(last) < _FEWEST:
        return _unknown(
            name, f"it takes {_FEWEST} records in the last {_LAST:.0%} of the steps, there are {len(last)}", limit
        )
    x, y = _means(last, _BLOCKS)
    slope, error = _fitted(x, y)
    fall, span = -slope * (x[-1] - x[0]), x[-1] - x[0]
    noise = t_quantile(0.975, len(x) - 2) * error * span
    ends = f"(95 %: {fall - noise:.4f} to {fall + noise:.4f})"
    told = f"In the last {_LAST:.0%} of the steps the training loss fell by {fall:.4f} nats {ends}."
    crossed = fall > noise and fall > _FALL * y[-1]
    advice = (
        "More steps would lower it further: plan a longer run. A learning rate that falls at the end makes a part of "
        "the fall, so begin anew with more steps."
    )
    return _judged(name, crossed, told, {"fall": fall, "noise": noise, "loss": y[-1]}, limit, advice)


def _gap(run: RunFacts, rows: RowCounts | str) -> Rule:
    name, limit = "held-out loss near the training loss", f"a gap of {_GAP:.0%} of the training loss, beyond its noise"
    losses = [loss for step, loss in series(run.train, "loss") if step > run.step * (1 - _LAST / 4)]
    measured = series(run.measured, "loss")
    if len(losses) < _NEAR or not measured or measured[-1][0] != run.step:
        needed = f"it takes {_NEAR} records in the last {_LAST / 4:.0%} of the steps and a measurement at the last one"
        return _unknown(name, needed, limit)
    train, held = statistics.fmean(losses), measured[-1][1]
    noise = t_quantile(0.975, len(losses) - 1) * statistics.stdev(losses) / math.sqrt(len(losses))
    gap = held - train
    beside = f"training {train:.4f} nats per scored token (the last {len(losses)} records)"
    told = f"Held-out {held:.4f}, {beside}: a gap of {gap:+.4f}."
    advice = "The model knows its training text better than other text: more text, fewer epochs or dropout would help."
    crossed = gap > _GAP * train and gap > noise
    return _judged(
        name, crossed, told, {"gap": gap, "noise": noise, "training": train, "held out": held}, limit, advice
    )


def _tokens_per_parameter(run: RunFacts, rows: RowCounts | str) -> Rule:
    name, limit = "tokens for its size", f"{_TOKENS:.0f} tokens per parameter"
    source = "Hoffmann et al. 2022, of causal models with new text; a rule of thumb for all others"
    if run.parameters is None or run.tokens_read is None:
        return _unknown(name, "size or tokens are not recorded", limit, source)
    if run.origin is not None:
        return _unknown(name, "the run began with other weights, and what these had read is not counted", limit, source)
    share = run.tokens_read / run.parameters
    sizes = f"{quantity(run.tokens_read)} tokens for {quantity(run.parameters)} parameters"
    told = f"{sizes}: {share:.2f} tokens per parameter."
    advice = "The same time buys a lower loss with a smaller model or more steps: `hornbook plan` tells which."
    return _judged(name, share < _TOKENS, told, {"tokens per parameter": share}, limit, advice, source)


def _epochs(run: RunFacts, rows: RowCounts | str) -> Rule:
    name, limit = "text not read too often", f"{_EPOCHS:.0f} readings of any domain"
    source = "Muennighoff et al. 2023: up to four readings are worth about as much as new text"
    if isinstance(rows, str) or not (rows.domains or rows.examples):
        return _unknown(name, rows if isinstance(rows, str) else "no rows were read", limit, source)
    read = {domain.name or "the text": domain.read / max(domain.rows, 1) for domain in rows.domains}
    read = read or {"the text": rows.examples / max(rows.packed.rows, 1)}
    most = max(read, key=lambda domain: read[domain])
    told = ", ".join(f"{domain} {epochs:.2f} times" for domain, epochs in read.items())
    advice = "Add text, or take a smaller weight for that domain: repeats teach less each time."
    return _judged(name, read[most] > _EPOCHS, f"Read: {told}.", read, limit, advice, source)


def _waiting(run: RunFacts, rows: RowCounts | str) -> Rule:
    name, limit = "no waiting for data", f"{_WAITING:.0%} of the time"
    shares = [share for _, share in series(run.train, "waiting_share")]
    if not shares:
        return _unknown(name, "no record has it", limit)
    seconds = [1 / max(speed, 1e-9) for _, speed in series(run.train, "tokens_per_second")]
    weights = seconds if len(seconds) == len(shares) else [1.0] * len(shares)
    share = math.fsum(a * b for a, b in zip(shares, weights, strict=True)) / math.fsum(weights)
    advice = (
        "Give it more threads that prepare batches: training.workers. `hornbook bench` shows what batches cost here."
    )
    told = f"Training waited for batches {share:.1%} of its time."
    return _judged(name, share > _WAITING, told, {"share": share}, limit, advice)


def _useful(run: RunFacts, rows: RowCounts | str) -> Rule:
    name, limit = "positions that hold tokens", f"{_USEFUL:.0%} of the positions"
    last = run.train[-1] if run.train else run.counts
    positions, padding = (last.get(key) for key in ("positions", "padding"))
    if not isinstance(positions, int) or not isinstance(padding, int) or positions <= 0:
        return _unknown(name, "positions and padding were not counted", limit)
    share = 1 - padding / positions
    told = f"{share:.1%} of {positions:,} positions held a token; {padding:,} were padding."
    advice = "Documents are much shorter than rows: a smaller model.max_length or training.row_length wastes less."
    return _judged(name, share < _USEFUL, told, {"share": share}, limit, advice)


def _clipped(run: RunFacts, rows: RowCounts | str) -> Rule:
    name, limit = "gradients seldom clipped", f"{_CLIPPED:.0%} of the recorded steps"
    clip = run.recipe.training.clip
    norms = [norm for _, norm in series(run.train, "gradient_norm")]
    if not clip:
        return _unknown(name, "training.clip is 0, so nothing is clipped", limit)
    if not norms:
        return _unknown(name, "no record has a gradient's norm", limit)
    share = sum(norm > clip for norm in norms) / len(norms)
    median = f"(median {statistics.median(norms):.2f})"
    told = f"The gradient was longer than {clip:g} in {share:.1%} of {len(norms):,} recorded steps {median}."
    advice = "Much is clipped: try a lower learning rate or a longer warm-up, and compare."
    return _judged(name, share > _CLIPPED, told, {"share": share, "clip": clip}, limit, advice)


def _spikes(run: RunFacts, rows: RowCounts | str) -> Rule:
    name, limit = "no spikes", f"a loss {_SPIKE:.0f} deviations above the {_BEFORE} records before it; skipped updates"
    losses = series(run.train, "loss")
    if len(losses) <= _BEFORE:
        return _unknown(name, f"it takes more than {_BEFORE} records, there are {len(losses)}", limit)
    found = []
    for place in range(_BEFORE, len(losses)):
        before = [loss for _, loss in losses[place - _BEFORE : place]]
        middle = statistics.median(before)
        spread = 1.4826 * statistics.median(abs(loss - middle) for loss in before)
        if losses[place][1] > middle + max(_SPIKE * spread, 0.02 * abs(middle)):
            found.append(losses[place][0])
    skipped = int(run.train[-1].get("skipped_updates") or 0)
    told = f"{len(found)} spikes of the loss among {len(losses):,} records, {skipped} skipped updates."
    if found:
        told += f" The first was at step {found[0]:,}."
    advice = "A lower learning rate or a longer warm-up avoids spikes; look whether the loss came back after them."
    return _judged(name, bool(found or skipped), told, {"spikes": len(found), "skipped": skipped}, limit, advice)


def _peak(run: RunFacts, rows: RowCounts | str) -> Rule:
    name, limit = "use of the machine", f"{_PEAK:.0%} of the rate of plain matrix products here"
    shares = [share for _, share in series(run.train, "model_flops_utilization")]
    if not shares:
        return _unknown(name, "no record has a rate", limit)
    share, peak = statistics.median(shares), run.plan.get("matmul_flops")
    beside = f" ({quantity(float(peak))}FLOP/s, measured when the run began)" if isinstance(peak, int | float) else ""
    told = f"The median record has {share:.0%} of the rate of plain matrix products here{beside}."
    advice = "`hornbook bench` tells what limits a step here. Small models seldom reach more."
    return _judged(name, share < _PEAK, told, {"share": share}, limit, advice)


def _repeating(run: RunFacts, rows: RowCounts | str) -> Rule:
    name, limit = "samples that do not repeat", f"{_REPEATS:.0%} of the phrases of {_GRAM} words"
    last = [sample for sample in run.samples if sample.get("step") == max(one["step"] for one in run.samples)]
    phrases = [gram for sample in last for gram in _grams(str(sample.get("said", "")))]
    if len(phrases) < 2 * _GRAM:
        return _unknown(name, "there are no samples of the last step that are long enough", limit)
    share = 1 - len(set(phrases)) / len(phrases)
    told = f"At step {last[0]['step']:,} {share:.0%} of {len(phrases)} phrases had been said before."
    advice = "The model repeats itself: it is undertrained, or needs a higher temperature or a repetition penalty."
    return _judged(name, share > _REPEATS, told, {"share": share}, limit, advice)


_RULES: tuple[Callable[[RunFacts, RowCounts | str], Rule], ...] = (
    _beats_counts, _still_falling, _gap, _tokens_per_parameter, _epochs, _waiting, _useful, _clipped, _spikes, _peak,
    _repeating,
)  # fmt: skip


def series(records: Sequence[Mapping[str, Any]], name: str) -> list[tuple[int, float]]:
    """Return (step, number) of the records that have a finite number."""
    return [
        (int(record["step"]), float(value))
        for record in records
        if isinstance(value := record.get(name), int | float) and not isinstance(value, bool) and math.isfinite(value)
    ]


def _means(points: Sequence[tuple[int, float]], blocks: int) -> tuple[list[float], list[float]]:
    """Return the means of equal blocks of points: neighbours share noise, blocks hardly."""
    cuts = [round(number * len(points) / blocks) for number in range(blocks + 1)]
    parts = [points[begin:end] for begin, end in itertools.pairwise(cuts)]
    means = [[statistics.fmean(column) for column in zip(*part, strict=True)] for part in parts]
    return [mean[0] for mean in means], [mean[1] for mean in means]


def _fitted(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Return the slope of the straight line of least squares, and its standard error."""
    middle, mean = statistics.fmean(x), statistics.fmean(y)
    spread = math.fsum((one - middle) ** 2 for one in x)
    slope = math.fsum((a - middle) * (b - mean) for a, b in zip(x, y, strict=True)) / spread
    left = math.fsum((b - mean - slope * (a - middle)) ** 2 for a, b in zip(x, y, strict=True))
    return slope, math.sqrt(left / (len(x) - 2) / spread)


def _grams(text: str) -> list[tuple[str, ...]]:
    words = UNSPACED.sub(r" \g<0> ", text).split()  # scripts without blanks: each character is one
    return [tuple(words[place : place + _GRAM]) for place in range(len(words) - _GRAM + 1)]
