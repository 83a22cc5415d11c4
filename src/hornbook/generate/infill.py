"""Filling the gaps of a text with a run's model: candidates for a mask, or the text of a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hornbook.errors import UserError
from hornbook.generate import Decoding, fill, generate, unmask
from hornbook.generate.cache import private
from hornbook.generate.text import GAP, around_gaps, interleave, writer
from hornbook.generate.trained import Trained
from hornbook.generate.unmask import next_pieces
from hornbook.generate.words import rank, words_of
from hornbook.model.transformer import Transformer
from hornbook.objectives.base import PromptFormat, continuation, infilling
from hornbook.objectives.catalogue import kind_of
from hornbook.objectives.fim import MODES
from hornbook.tokens.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True)
class Gap:
    """What a model puts into a gap: candidates, the best first, with their probabilities where it gives any.

    among   in words, what the probabilities of all candidates add up to 1 over
    """

    candidates: tuple[str, ...]
    probabilities: tuple[float, ...] = ()
    among: str = ""

    @property
    def best(self) -> str:
        return self.candidates[0]


@dataclass(frozen=True)
class Filled:
    """A text with each gap filled by its best candidate, and what could stand in each gap."""

    text: str
    gaps: tuple[Gap, ...]

    def _repr_html_(self) -> str:
        from hornbook.console import html_table

        rows = [
            (str(number), candidate, f"{gap.probabilities[place]:.1%}" if gap.probabilities else "")
            for number, gap in enumerate(self.gaps, 1)
            for place, candidate in enumerate(gap.candidates)
        ]
        return html_table(("gap", "candidate", "probability"), rows, self.text)


def fill_text(run: Trained, text: str, *, top: int = 5, length: int = 0, steps: int = 0, most: int = 0) -> Filled:
    """Fill each gap of `text`: [MASK], <mask>, <extra_id_0> or ___.

    A masked or diffusion model gives the `top` likeliest whole words of each gap with their probabilities among the
    words of the training text (see `hornbook.generate.words`), the gaps before it filled with their best words and
    those behind it with a mask. With a `length`, a masked model gives the `top` likeliest tokens for each of so many
    masks a gap, each mask then being a gap of its own, and a diffusion model fills as many masks in `steps` rounds, 0 =
    one round for each mask; `steps` alone means one mask a gap. Span and fill-in-the-middle models write as much for
    each gap as they find right, but where `most` is not 0 at most so many tokens; they take no `length`. Raises
    UserError where there is no gap, or the model has not learned to fill any.
    """
    gaps = len(GAP.findall(text))
    if not gaps:
        raise UserError("The text has no gap: write [MASK], <mask>, <extra_id_0> or ___ where the model shall fill in.")
    for name, value, least in (("top", top, 1), ("length", length, 0), ("steps", steps, 0)):
        if value < least:
            raise UserError(f"{name} must be at least {least}, not {value}.")
    model, form = writer(run), _form(run)
    if form.kind in ("masks", "unmask") and not (length or (steps and form.kind == "unmask")):
        found, ids = _words(run, model, form, text, top)
    elif form.kind in ("masks", "unmask"):
        found, ids = _masks(run, model, form, text, top, length or 1, steps)
    elif length > 1:
        raise UserError("This model chooses the length of a gap itself: leave length out.")
    elif form.kind == "middle":
        found, ids = _middles(run, model, form, text, most)
    else:
        found, ids = _spans(run, model, form, text, gaps, most)
    return Filled(_filled(run.tokenizer, GAP.split(text), ids), tuple(found))


def _form(run: Trained) -> PromptFormat:
    form = infilling(run.recipe.objective, run.tokenizer.vocab)
    if form is None:
        kind, other = kind_of(run.recipe.objective), continuation(run.recipe.objective, run.tokenizer.vocab)
        rewrites = other is not None and other.kind == "rewrite"
        does = "rewrites the whole text" if rewrites else "continues text"
        raise UserError(
            f"This model learned the objective '{kind}': it {does} and fills no gaps. Use `hornbook generate`. "
            "For gaps, train with the objective fim, joined, masked, diffusion or span."
        )
    return form


def _words(
    run: Trained, model: Transformer, form: PromptFormat, text: str, top: int
) -> tuple[list[Gap], list[list[int]]]:
    """Return the likeliest words of each gap, from left to right, and the ids of the best; so do the others."""
    tokenizer, mask = run.tokenizer, run.tokenizer.vocab.require("mask", "Filling gaps")
    pieces = around_gaps(text, tokenizer)
    words, own = words_of(run), private(model)
    known = [*form.before, *pieces[0]]
    gaps, filled = [], []
    for number, found in enumerate(GAP.finditer(text), 1):
        rest = [*interleave(pieces[number:], [mask] * (len(pieces) - number - 1)), *form.after]
        room = model.config.max_length - len(known) - len(rest)
        if room < 1:
            raise UserError(
                f"The text has {len(known) + len(rest)} tokens, which leaves no room for the gaps in the model's "
                f"{model.config.max_length} positions: shorten it by at least {1 - room}."
            )

        def chances(rows: list[list[int]], masks: int, known: list[int] = known, rest: list[int] = rest) -> Any:
            texts = [[*known, *row, *[mask] * (masks - len(row)), *rest] for row in rows]
            return next_pieces(own, texts, len(known) + len(rows[0])).double().cpu().numpy()

        ranked = rank(words, tokenizer, found[0][0].isspace(), room, chances)
        if not ranked:
            raise UserError("There are no words to fill a gap with: ask for tokens, with length=1.")
        shown = ranked[:top]
        among = f"{len(words.counts):,} {words.origin}"
        gaps.append(Gap(tuple(word for word, _ in shown), tuple(share for _, share in shown), among))
        best = tokenizer.encode([" " * found[0][0].isspace() + ranked[0][0]])[0].tolist()
        filled.append(best)
        known = [*known, *best, *pieces[number]]
    return gaps, filled


def _masks(
    run: Trained, model: Transformer, form: PromptFormat, text: str, top: int, length: int, steps: int
) -> tuple[list[Gap], list[list[int]]]:
    """Return what fills each mask, and the ids of the best."""
    tokenizer, mask = run.tokenizer, run.tokenizer.vocab.require("mask", "Filling gaps")
    spread: list[list[int]] = [part for piece in around_gaps(text, tokenizer) for part in (piece, *[[]] * (length - 1))]
    pieces = spread[: len(spread) - length + 1]
    ids = [*form.before, *interleave(pieces, [mask] * (len(pieces) - 1)), *form.after]
    if form.kind == "masks":
        found = fill(model, ids, mask, top)
        likeliest = [gap[0][0] for gap in found]
        among = f"{run.model.config.vocab_size:,} tokens of the vocabulary"
        gaps = [
            Gap(tuple(tokenizer.decode([i]) for i, _ in gap), tuple(share for _, share in gap), among) for gap in found
        ]
        return gaps, [likeliest[first : first + length] for first in range(0, len(found), length)]
    special = [number for number in tokenizer.vocab.special.nonzero()[0].tolist() if number < model.config.vocab_size]
    said = unmask(model, ids, mask, steps, special)
    new = [token for token, read in zip(said, ids, strict=True) if read == mask]
    filled = [new[first : first + length] for first in range(0, len(new), length)]
    return [Gap((tokenizer.decode(gap),)) for gap in filled], filled


def _spans(
    run: Trained, model: Transformer, form: PromptFormat, text: str, gaps: int, most: int
) -> tuple[list[Gap], list[list[int]]]:
    """Return the span that is written for each sentinel, all of them in at most so many tokens, 0 = as many as fit."""
    tokenizer, sentinels = run.tokenizer, run.tokenizer.vocab.sentinels
    if gaps > len(sentinels):
        raise UserError(f"The text has {gaps} gaps, but the tokenizer has only {len(sentinels)} sentinels: drop some.")
    asked = sentinels[:gaps]
    ids = [*form.before, *interleave(around_gaps(text, tokenizer), asked), *form.after]
    output = _written(model, form, ids, most=most)
    spans = read_spans(output, asked, sentinels)
    return [Gap((tokenizer.decode(span),)) for span in spans], spans


def read_spans(output: Sequence[int], asked: Sequence[int], sentinels: Sequence[int]) -> list[list[int]]:
    """Return the ids that `output` says for each sentinel in `asked`; `sentinels` are all that there are.

    The output is read as T5 writes it (Raffel et al. 2020, 3.1.4): a sentinel, then what it stands for. A sentinel that
    is not written, or that is written a second time, has nothing.

    >>> read_spans([99, 1, 2, 98, 3, 97], asked=[99, 98, 96], sentinels=[99, 98, 97, 96])
    [[1, 2], [3], []]
    """
    known = set(sentinels)
    spans: dict[int, list[int]] = {}
    current: list[int] = []
    for token in output:
        if token in known:
            current = []
            spans.setdefault(token, current)
        else:
            current.append(token)
    return [spans.get(token, []) for token in asked]


def _middles(
    run: Trained, model: Transformer, form: PromptFormat, text: str, most: int
) -> tuple[list[Gap], list[list[int]]]:
    """Return the text of each gap, in turn: before it stands what is filled already, behind it text up to the next."""
    tokenizer = run.tokenizer
    prefix, suffix, middle = (tokenizer.vocab.mode(name, "Filling in the middle") for name in MODES)
    known, *behind = around_gaps(text, tokenizer)
    found, filled = [], []
    later = sum(map(len, behind))
    for number, rest in enumerate(behind):
        later -= len(rest)
        if not form.spm:
            ids = [*form.before, prefix, *known, suffix, *rest, middle]
        else:  # it has seen the suffix first alone
            ids = [*form.before, prefix, suffix, *rest, middle, *known]
        new = _written(model, form, ids, later, len(behind) - number, most)
        found.append(Gap((tokenizer.decode([*known, *new])[len(tokenizer.decode(known)) :],)))
        filled.append(new)
        known = [*known, *new, *rest]
    return found, filled


def _filled(tokenizer: Tokenizer, pieces: Sequence[str], gaps: Sequence[Sequence[int]]) -> str:
    """Return the pieces with the text of each gap's ids between them, blanks as the ids have them there."""
    text, known = pieces[0], tokenizer.encode(pieces[:1])[0].tolist()
    for new, piece in zip(gaps, pieces[1:], strict=True):
        text += tokenizer.decode([*known, *new])[len(tokenizer.decode(known)) :] + piece
        known += [*new, *tokenizer.encode([piece])[0].tolist()]
    return text


def _written(
    model: Transformer, form: PromptFormat, ids: list[int], later: int = 0, gaps: int = 1, most: int = 0
) -> list[int]:
    """Return what the model writes after ids, the likeliest at every step, as far as it has room, or `most` tokens.

    Of a decoder's room `later` tokens are still to come, and the rest is for so many `gaps`.
    """
    room = model.config.max_length
    if model.encoder is None:
        room = (room - len(ids) - (form.start is not None) - later) // gaps
    if room < 1:
        raise UserError(
            f"The text has {len(ids) + later} tokens, which leaves no room for the gaps in the model's "
            f"{model.config.max_length} positions: shorten it by at least {(1 - room) * gaps}."
        )
    decoding = Decoding(max_new=min(room, most or room))
    (output,) = generate(model, [ids], decoding, stop=form.stop, start_id=form.start, visible=form.visible)
    return output
