"""A run in lm-evaluation-harness: its tasks, asked by our scorers, of a model of any objective. Needs the extra `eval`.

    lm_eval.simple_evaluate(hornbook.harness.LM("runs/book"), tasks=["blimp"])
    python -m hornbook.harness run --model hornbook --model_args run=runs/book --tasks blimp       lm_eval's own command

A request is scored in the model's own way, or the one that is named (`hornbook.evaluate.scoring.ways`): what the
harness calls a log-likelihood is one only where the way's kind is exact. Importing lm_eval takes seconds: nothing else
of Hornbook imports this module.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.api import Run, load
from hornbook.errors import HornbookError, UserError
from hornbook.evaluate.scoring.lines import likelihoods
from hornbook.evaluate.scoring.ways import LeftToRight, Line
from hornbook.generate import Decoding
from hornbook.generate.text import generate_text
from hornbook.run.answer import scorer

try:
    from lm_eval.api.model import LM as _LM
    from lm_eval.api.registry import register_model
    from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs
    from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
    from tqdm import tqdm
except ImportError as error:
    raise UserError("lm-evaluation-harness is not installed: pip install 'hornbook[eval]'.") from error

_START = -1  # what the harness calls a prefix token: the model's own marks stand in its place
_NEW = 256  # tokens that are generated where a task says nothing, as in the harness


@register_model("hornbook")
class LM(_LM):  # type: ignore[misc]
    """A model of lm-evaluation-harness.

    run   a run, its directory, or a folder of transformers
    way   auto, one of `hornbook.evaluate.scoring.ways`, or exact, bound, pseudo: the model's first of the kind

    Raises UserError for a way that the model lacks.
    """

    def __init__(self, run: Run | str | Path, way: str = "auto", **harness: object) -> None:
        """Take also what the harness gives every model: device, batch_size, max_batch_size, which change nothing."""
        super().__init__()
        unknown = sorted(harness.keys() - {"device", "batch_size", "max_batch_size"})
        if unknown:
            raise UserError(f"The model hornbook has no argument {unknown[0]}: its arguments are run and way.")
        self.run = (run if isinstance(run, Run) else load(run)).opened
        self.scorer, self._named = scorer(self.run, way), way != "auto"
        self._device = self.run.device

    @property
    def tokenizer_name(self) -> str:
        """What tells the harness's caches of requests from those of other models."""
        return f"hornbook {self.run.directory.resolve()} {self.run.step} {self.scorer.way.name}"

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Return minus the nats of each (context, continuation), and whether the continuation is the likeliest one.

        Of multiple choice in a way that is not exact, the second would cost as much again, and is False.
        """
        alone = Counter((request.task_name, request.doc_id) for request in requests)
        exact, found = self.scorer.way.kind == "exact", [(0.0, False)] * len(requests)
        for likely in (True, False):
            mine = [
                number
                for number, request in enumerate(requests)
                if (exact or alone[request.task_name, request.doc_id] == 1) == likely
            ]
            asked = [requests[number].args for number in mine]
            with _progress(len(mine), self.scorer.way.name, disable_tqdm or not mine) as update:
                scored = self.scorer.score(asked, likely=likely, progress=update) if mine else []
            for number, one in zip(mine, scored, strict=True):
                found[number] = -one.total, one.likely == 1.0
                self.cache_hook.add_partial("loglikelihood", requests[number].args, found[number])
            if cut := sum(one.cut > 0 for one in scored):
                _say(f"{cut:,} of {len(mine):,} contexts are longer than the model reads: they are cut from the left")
        return found

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        """Return minus the nats of each whole text, in the harness's disjoint windows with one token of context.

        Raises UserError where the way's numbers are no likelihoods, and where they are bounds that nobody asked for.
        """
        way = self.scorer.way
        if way.kind == "pseudo":
            raise UserError(
                f"The way {way.name} gives pseudo-likelihoods, which are no probability of a text: a perplexity "
                "of them would mean something else. Use another task, or way=bound where the model has it."
            )
        if way.kind == "bound" and not self._named:
            raise UserError(
                "This model has an upper bound of a text's nats and no likelihood: say way=bound to have perplexities "
                "that are upper bounds."
            )
        if way.kind == "bound":
            _say("these perplexities are upper bounds: compare none of them with a likelihood's as equals")
        windows = [(n, *piece) for n, request in enumerate(requests) for piece in self._windows(request.args[0])]
        lines = [line for item, (_, context, text) in enumerate(windows) for line in self._lines(item, context, text)]
        lengths = [len(text) for _, _, text in windows]
        with _progress(len(lines), way.name, disable_tqdm) as update:
            done = lambda number: update(number / len(lines))  # noqa: E731
            nats, _ = likelihoods(self.run.model, lines, lengths, self.run.device, asks=way.asks, done=done)
        found = [0.0] * len(requests)
        for (owner, _, _), mine in zip(windows, nats, strict=True):
            found[owner] -= float(np.sum(mine))
        for request, total in zip(requests, found, strict=True):
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, total)
        return found

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """Return what the model writes behind each context, up to the strings that end it.

        Contexts that leave no room are cut from the left. Raises UserError where the model continues no text.
        """
        found = []
        for request in tqdm(requests, disable=disable_tqdm, desc="writing"):
            context, given = request.args
            wish = normalize_gen_kwargs(given, _NEW)
            stop = tuple(text for text in handle_stop_sequences(wish.get("until"), eos=None) if text)
            most = self.run.recipe.model.max_length // 2
            decoding = Decoding(
                max_new=min(int(wish["max_gen_toks"]), most), temperature=float(wish["temperature"]),
                top_k=int(wish.get("top_k") or 0), top_p=float(wish.get("top_p") or 1.0), stop=stop,
            )  # fmt: skip
            kept = self._shortened(context, self.run.recipe.model.max_length - decoding.max_new)
            text = generate_text(self.run, [kept], decoding)[0].removeprefix(kept)
            found.append(text)
            self.cache_hook.add_partial("generate_until", request.args, text)
        return found

    def _shortened(self, context: str, room: int) -> str:
        """Return as much of the end of a context as leaves some room for marks."""
        tokenizer, most = self.run.tokenizer, room - 4
        ids = tokenizer.encode([context])[0]
        if len(ids) <= most:
            return context
        # Text that begins elsewhere may be read as a few tokens more.
        ends = (tokenizer.decode(ids[len(ids) - kept :]) for kept in range(most, 0, -1))
        return next(text for text in ends if len(tokenizer.encode([text])[0]) <= most)

    def _windows(self, text: str) -> list[tuple[list[int], list[int]]]:
        """Return (context, tokens that are scored behind it) of a text; the first context is empty."""
        ids = self.run.tokenizer.encode([text])[0].tolist()
        if self._plain:
            most = self.run.recipe.model.max_length
        else:  # the most that can be scored behind one token
            most = next(n for n in range(self.run.recipe.model.max_length, 0, -1) if self.scorer.way.room(n) > 0)
        windows = map(make_disjoint_window, get_rolling_token_windows(ids, _START, most, 1))
        return [([token for token in context if token != _START], scored) for context, scored in windows]

    @property
    def _plain(self) -> bool:
        """Whether the model is a decoder that sees one mark and what came before, and nothing else."""
        way = self.scorer.way
        if not isinstance(way, LeftToRight):
            return False
        form = way.form
        return way.decoder and len(form.before) == 1 and not (form.after or form.visible or form.start is not None)

    def _lines(self, item: int, context: list[int], text: list[int]) -> Iterator[Line]:
        way = self.scorer.way
        if not (self._plain and isinstance(way, LeftToRight) and context):
            yield from way.lines(item, context, text)
            return
        # As in the harness, a later window has no start mark: the token before it stands there.
        places = range(len(context) - 1, len(context) - 1 + len(text))
        yield Line(item, [*context, *text[:-1]], places, text, range(len(text)))


@contextlib.contextmanager
def _progress(number: int, what: str, hidden: bool) -> Iterator[Callable[[float], None]]:
    """Show a bar of so many requests; yield what takes the share of the work that is done."""
    with tqdm(total=number, desc=what, disable=hidden) as bar:

        def update(share: float) -> None:
            bar.update(round(share * number) - bar.n)

        yield update


def _say(text: str) -> None:
    logging.getLogger("lm-eval").warning("hornbook: %s", text)


def main() -> None:
    """Run lm-evaluation-harness's own command, which then knows the model `hornbook`."""
    from lm_eval.__main__ import cli_evaluate

    try:
        cli_evaluate()
    except HornbookError as error:
        print(f"hornbook: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
