"""Export of a transfer run: a folder that transformers opens, which reads examples as the run does.

classes, tags and spans go to the class of transformers for them, written texts to that for generating text.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from hornbook.convert.export_task import Marks, export_task
from hornbook.convert.families import choose, find
from hornbook.convert.families.heads import CLASSES, body_config
from hornbook.errors import UserError
from hornbook.evaluate.numbers import Number
from hornbook.objectives.catalogue import kind_of
from hornbook.recipes.transferred import Transferred, read_transfer
from hornbook.run.directory import EXPORT, OpenRun
from hornbook.run.export import refuse_broken
from hornbook.transfer.task import task_of

_PIPELINES = {"class": "text-classification", "tag": "token-classification", "span": "question-answering"}


def export(run: OpenRun, target: Path | None = None, family: str = "", shard_bytes: int = 0) -> Path:
    """Write the run's model as a folder that transformers opens with equal logits; return the folder.

    Raises UserError where no class of transformers reads as the run does, and where a weight is not finite.
    """
    refuse_broken(run)
    record, config, vocab = read_transfer(run.directory), run.recipe.model, run.tokenizer.vocab
    if family == "gguf":
        raise UserError("A GGUF file holds no head of a task and no way to read examples: leave out --as.")
    if config.topology == "decoder" and record.sight == "both":
        raise UserError(
            f"{run.directory} reads with sight on both sides, which no class of transformers for decoders does: "
            "transfer again with transfer.sight=one to export it, or use `hornbook predict`."
        )
    layout = task_of(record, run.recipe.objective, run.tokenizer, config).layout
    alone = config.task_head == "none" and config.topology == "decoder"  # what it writes follows at once
    marks = Marks(layout.before, layout.between, () if alone else layout.after, layout.typed)
    chosen = find(family) if family else choose(body_config(config))
    labels = record.labels if config.task_head in ("class", "tag") else ()
    return export_task(
        run.model.state_dict(), config, run.tokenizer.text, vocab, marks, labels,
        _card(run, record, chosen.name), target or run.directory / EXPORT, chosen.name, shard_bytes,
    )  # fmt: skip


def _card(run: OpenRun, record: Transferred, family: str) -> str:
    """Return the card of a model with a task, with the YAML header that the Hub reads."""
    config, name = run.recipe.model, run.directory.resolve().name
    pipeline = _PIPELINES.get(config.task_head)
    entries: dict[str, object] = {"library_name": "transformers"}
    if pipeline:
        entries["pipeline_tag"] = pipeline
    entries["tags"] = ["hornbook", record.task, family]
    header = [f"{entry}: {json.dumps(value, ensure_ascii=False)}" for entry, value in entries.items()]
    parts = ["\n".join(["---", *header, "---"]), f"# {name}", _told(run, record), _measured(record), *record.sentences]
    return "\n\n".join([part for part in parts if part] + [_use(config.task_head, config.topology)]) + "\n"


def _told(run: OpenRun, record: Transferred) -> str:
    base, training = record.base, record.training
    lines = [
        f"A model for the task `{record.task}`, made with Hornbook from {base.get('name', 'another model')} (objective "
        f"{base.get('objective', kind_of(run.recipe.objective))}, step {base.get('step', 0):,}).",
        f"It learned from {training.get('examples', 0):,} examples; rate and epoch were chosen by other ones.",
    ]
    if record.labels:
        lines.append(f"Labels, in the order of the logits: {', '.join(f'`{label}`' for label in record.labels)}.")
    return "\n".join(lines)


def _measured(record: Transferred) -> str:
    """Return the numbers of the most examples as a table."""
    shots = [found["shots"] for found in record.numbers]
    if not shots:
        return ""
    most = 0 if 0 in shots else max(shots)
    named = {item.name for item in dataclasses.fields(Number)}
    rows = ["| measure | value, with its interval of 95 % | simple models | what it is |", "|---|---|---|---|"]
    for found in record.numbers:
        if found["shots"] != most:
            continue
        one = Number(**{name: value for name, value in found.items() if name in named})
        beside = ", ".join(f"{name} {one.written(value)}" for name, value in one.baselines.items())
        rows.append(f"| {one.name} | {one.text} | {beside} | {one.meaning} |")
    return "\n".join(rows)


def _use(head: str, topology: str) -> str:
    how = "" if head != "none" else ", and generation goes on behind them"
    loader = CLASSES.get(head, "AutoModelForCausalLM" if topology == "decoder" else "AutoModelForSeq2SeqLM")
    return f"""Use:

```python
from transformers import {loader}, AutoTokenizer

tokenizer, model = AutoTokenizer.from_pretrained("."), {loader}.from_pretrained(".")
```

The tokenizer puts the marks of training around texts{how}."""
