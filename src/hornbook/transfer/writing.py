"""Writing: a source and the text to write for it -> rows of which the text alone is scored, and the written text.

    decoder          [before] source, a line end, target [end]      targets: target [end]
    encoder-decoder  [before] source [after]  ->  [start] target    targets: target [end]

An instruction stands in its template, whose last words ask for the answer, so that a blank alone comes between. Every
example is a row of its own: no text sees another. A source that does not fit is cut at its end, before the template's
last words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hornbook.errors import UserError
from hornbook.generate import Decoding, generate
from hornbook.model.transformer import Transformer
from hornbook.transfer.examples import TEMPLATES, Written
from hornbook.transfer.rows import Ids, Layout, Row, joined

_TAIL = TEMPLATES[0].rpartition("}")[2]  # what an instruction ends with


@dataclass(frozen=True)
class Writing:
    """How texts are written.

    instructed   sources are instructions in their template
    longest      tokens that a text has at most, its end included
    """

    layout: Layout
    instructed: bool
    longest: int

    @property
    def end(self) -> int:
        """The id that ends a text."""
        vocab = self.layout.tokenizer.vocab
        return vocab.require("eos" if vocab.sep is None else "sep", "Writing") if vocab.eos is None else vocab.eos


def refuse_encoder(layout: Layout, kind: str) -> None:
    """Raise UserError where the model has no decoder that could write."""
    if layout.topology == "encoder":
        raise UserError(
            f"A model of the objective '{kind}' is an encoder: it reads texts and writes none. Choose another task, or "
            "a model that learned causal, prefix, fim, span, bart, ul2, joined or a mixture of them."
        )


def longest_target(items: Sequence[Written], layout: Layout) -> int:
    """Return the tokens of the longest text to write, its end included, but at most half of a row."""
    found = layout.tokenizer.encode([f" {item.target or ''}" for item in items])
    return min(max(map(len, found)) + 2, layout.positions // 2)


def write_rows(items: Sequence[Written], writing: Writing) -> list[Row]:
    """Return the rows of examples whose text is known, scored at the text's tokens and its end."""
    layout = writing.layout
    prompts, cut = prompts_of(items, writing)
    blank = " " if writing.instructed and layout.start is None else ""
    targets = layout.tokenizer.encode([blank + (item.target or "") for item in items])
    rows = []
    for number, (prompt, target) in enumerate(zip(prompts, targets, strict=True)):
        said = joined([target[: writing.longest - 1], (writing.end,) if len(target) < writing.longest else ()])
        shortened = cut[number] or len(target) >= writing.longest
        if layout.start is None:
            inputs = joined([prompt, said[:-1]])
            places = len(prompt) - 1 + np.arange(len(said))
            seen = len(prompt) if layout.sight == "both" else 0
            rows.append(Row(number, inputs, places, said.astype(np.int64), len(inputs), seen, cut=shortened))
        else:
            behind = joined([(layout.start,), said[:-1]])
            places = np.arange(len(said))
            rows.append(Row(number, prompt, places, said.astype(np.int64), len(prompt), behind=behind, cut=shortened))
    return rows


def prompts_of(items: Sequence[Written], writing: Writing) -> tuple[list[Ids], list[bool]]:
    """Return what the model reads of each example, with room behind it for the text, and whether it was cut."""
    layout = writing.layout
    between, tail = _between(writing), layout.tokenizer.encode([_TAIL])[0] if writing.instructed else ()
    room = layout.room() if layout.start is not None else layout.positions - len(layout.before) - writing.longest
    room -= len(between)
    if room <= len(tail):
        raise UserError(f"Rows of {layout.positions} tokens are too short to read and write: use a longer model.")
    prompts, cut = [], []
    for source in layout.tokenizer.encode([item.source for item in items]):
        cut.append(len(source) > room)
        if cut[-1]:
            source = joined([source[: room - len(tail)], source[len(source) - len(tail) :]])
        prompts.append(joined([layout.before, source, between]))
    return prompts, cut


def _between(writing: Writing) -> Sequence[int] | Ids:
    layout = writing.layout
    if layout.start is not None:
        return layout.after
    if writing.instructed:
        return ()
    line = layout.tokenizer.encode(["\n"])[0]
    return line if len(line) else layout.between


def write(model: Transformer, prompts: Sequence[Ids], writing: Writing) -> list[str]:
    """Return the text that the model writes for each prompt, the likeliest token at every step."""
    layout = writing.layout
    new = generate(
        model, [prompt.tolist() for prompt in prompts], Decoding(max_new=writing.longest),
        stop=frozenset({writing.end}), start_id=layout.start, visible=layout.sight == "both",
    )  # fmt: skip
    return [layout.tokenizer.decode(ids).strip() for ids in new]
