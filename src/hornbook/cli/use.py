"""Commands that use a run: `hornbook generate`, `fill`, `show` and `export`."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from hornbook.cli import tables
from hornbook.cli.common import OBJECTIVES, Json, RunPath, answer, loading, opened_run, place
from hornbook.console import phase, work_lasts
from hornbook.errors import UserError
from hornbook.objectives.catalogue import CATALOGUE
from hornbook.schema import Weights

OBJECTIVES_TEACH = "\n\n".join(
    ["What each objective teaches", *(f"{kind}  ·  {entry.meaning}" for kind, entry in CATALOGUE.items())]
)
_SHOWN = 200  # characters of a file that are shown
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def generate(
    run: RunPath,
    prompt: Annotated[
        list[str], Argument(metavar="PROMPT", help="Text to continue; - is standard input.", show_default=False)
    ],
    tokens: Annotated[int, Option(help="Maximum number of new tokens.")] = 100,
    temperature: Annotated[
        float | None, Option(help="Sampling temperature; 0 = the most likely token. Default: 0.8, or 0 with beams.")
    ] = None,
    top_k: Annotated[int, Option(help="Sample from the k most likely tokens; 0 = from all.")] = 0,
    top_p: Annotated[
        float, Option(help="Sample from the most likely tokens that together have this probability.")
    ] = 1.0,
    min_p: Annotated[
        float, Option(help="Keep tokens with at least this fraction of the top token's probability.")
    ] = 0.0,
    repetition_penalty: Annotated[float, Option(help="Values above 1 make repeated tokens less likely.")] = 1.0,
    beams: Annotated[int, Option(help="Number of candidates of beam search; 1 = no beam search.")] = 1,
    length_penalty: Annotated[float, Option(help="Beam search: values above 0 favour long texts.")] = 1.0,
    early_stopping: Annotated[
        bool, Option("--early-stopping", help="Beam search: stop once `beams` candidates are complete.")
    ] = False,
    stop: Annotated[
        list[str] | None, Option(help="Stop before this text or at this special token. May be repeated.")
    ] = None,
    weights: Annotated[
        Weights, Option(help="Precision of the weights: bf16 and int8 (CPU) can be faster and less exact.")
    ] = "fp32",
    seed: Annotated[int, Option(help="The same seed gives the same text.")] = 0,
    count: Annotated[int, Option(min=1, help="Number of samples for each prompt.")] = 1,
    as_json: Json = False,
) -> None:
    """Continue a prompt.

    On a terminal, each word appears as soon as it is written.
    """
    with loading():
        from hornbook.generate.decoding import Decoding, default_temperature
        from hornbook.generate.text import generate_text, stream_text

    temperature = default_temperature(beams) if temperature is None else temperature
    decoding = Decoding(
        max_new=tokens, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p,
        repetition_penalty=repetition_penalty, beams=beams, length_penalty=length_penalty,
        early_stopping=early_stopping, stop=tuple(stop or ()), weights=weights, seed=seed,
    )  # fmt: skip
    model = opened_run(run).opened
    prompts = [text for item in prompt for text in [_prompt(item)] * count]
    if len(prompts) == 1 and beams == 1 and sys.stdout.isatty() and not as_json:
        tables.streamed(stream_text(model, prompts[0], decoding))
        return
    with phase("generating"):
        texts = generate_text(model, prompts, decoding)
    answer(texts, as_json, tables.samples)


def _prompt(prompt: str) -> str:
    """Return a prompt; for - the text of standard input, without the line end that `echo` adds."""
    if prompt != "-":
        return _text(prompt)
    if sys.stdin.isatty():
        print("Type the prompt; Ctrl-D on an empty line ends it.", file=sys.stderr)
    with phase(""):
        given = sys.stdin.buffer.read()
    try:
        return given.decode().removesuffix("\n")
    except UnicodeError as error:
        raise UserError("The prompt is not valid UTF-8 text.") from error


def _text(argument: str) -> str:
    """Return an argument as text; where the locale knows no UTF-8, Python has left its bytes as they were."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return os.fsencode(argument).decode()
    return argument


def fill(
    run: RunPath,
    text: Annotated[
        str, Argument(metavar="TEXT", help="A text such as 'The [MASK] is chasing ___.'", show_default=False)
    ],
    top: Annotated[int, Option(help="Masked and diffusion models: number of candidates for each gap.")] = 5,
    length: Annotated[
        int, Option(help="Masked and diffusion models: number of tokens in each gap; 0 = a whole word.")
    ] = 0,
    steps: Annotated[int, Option(help="Diffusion models: number of decoding steps; 0 = one for each token.")] = 0,
    as_json: Json = False,
) -> None:
    """Fill the gaps of a text: [MASK], <mask>, <extra_id_0> or ___."""
    opened = opened_run(run)
    with phase("filling the gaps"):
        found = opened.fill(_text(text), top=top, length=length, steps=steps)
    answer(found, as_json, lambda found: tables.filled(found, one_line="\n" not in text))


def show(
    what: Annotated[
        list[str] | None,
        Argument(metavar="TEXT", help="A text or a file; settings such as objective.rate=0.3.", show_default=False),
    ] = None,
    objective: Annotated[str | None, Option(help=f"{OBJECTIVES}. Default: the run's, else causal.")] = None,
    run: Annotated[
        Path | None, Option(parser=place, metavar="RUN", help="Use this run's tokenizer and objective.")
    ] = None,
    row: Annotated[int | None, Option(metavar="N", help="Show row N (from 0) of the run's training text.")] = None,
    seed: Annotated[int | None, Option(help="Seed of the noise. Default: 0, or with --row the run's seed.")] = None,
    second: Annotated[
        str, Option(metavar="TEXT", help="Text of another document, for nsp. Default: of Python's documentation.")
    ] = "",
    epoch: Annotated[int, Option(min=0, help="Show the noise of this epoch, from 0.")] = 0,
) -> None:
    """Show what an objective does to a text: what the model reads, what it predicts, and who attends to whom.

    No model is trained. Without --run, the command makes a small tokenizer. With --run and another objective, the
    special tokens that the run's tokenizer lacks are added. Of a file, it takes the first words.
    """
    with loading("libraries"):
        from hornbook.api import Run
        from hornbook.cli.request import is_assignment
        from hornbook.prepare.preview import preview, preview_row
        from hornbook.recipes import named, settings
        from hornbook.tokens.tokenizer.tokenizer import load_tokenizer

    base = Run(run).recipe if run else named.default(objective or "causal")
    changes = [f"objective.kind={objective}"] if objective else []
    recipe = settings.override(base, changes + [item for item in what or [] if is_assignment(item)])
    text = " ".join(_text(item) for item in what or [] if not is_assignment(item))
    if row is None:
        text = _first_words(text) if os.path.isfile(text) else text
        tokenizer = load_tokenizer(run) if run else None
        shown = preview(text, recipe.objective, tokenizer, seed or 0, second=_text(second), epoch=epoch)
    elif text or run is None:
        raise UserError("Give either a text, or --run and --row.")
    elif second or epoch:
        raise UserError("--second and --epoch are for a text: leave them out, or leave --row out.")
    else:
        shown = preview_row(run, recipe, row, recipe.seed if seed is None else seed)
    tables.picture(shown, tables.console())


def _first_words(path: str) -> str:
    """Return how the first document of a file begins: whole words where it has blanks."""
    from hornbook.corpus.read import read

    text = next(read([path])).text.strip()
    return text if len(text) <= _SHOWN else text[:_SHOWN].rpartition(" ")[0] or text[:_SHOWN]


def export(
    run: RunPath,
    out: Annotated[
        Path | None,
        Option(metavar="PATH", parser=place, help="Where to write. Default: RUN/export, or RUN/model.gguf."),
    ] = None,
    family: Annotated[
        str,
        Option("--as", metavar="FAMILY", help="qwen3, llama, bert, t5 ..., or gguf. Default: the family that fits."),
    ] = "",
    shard: Annotated[
        str, Option(metavar="SIZE", help="Maximum size of a weights file, such as 5GB. Default: one file.")
    ] = "",
) -> None:
    """Export a model as a Hugging Face folder or as a GGUF file."""
    size = _bytes(shard) if shard else 0
    opened = opened_run(run)
    with phase("exporting"):
        written = opened.export(out, family=family, shard_bytes=size)
    work_lasts()  # its path is a result for scripts, but what is written stays
    print(written)


def _bytes(text: str) -> int:
    """Return a number of bytes from text such as 5GB."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B)", text.strip().upper())
    size = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if size < 1:
        raise UserError(f"--shard needs a size such as 500MB or 5GB, not {text!r}.")
    return size
