"""Fingerprints of what the product computes: a change that only moves or renames code leaves every one as it is.

    python benchmarks/fingerprints.py              compare with benchmarks/results/fingerprints.json, name what differs
    python benchmarks/fingerprints.py --write      record them anew (after a change of numerics, which shows its curve)
    python benchmarks/fingerprints.py causal bart  these alone; `chosen` leaves size and rates open, `from` goes on

Each objective of the catalogue trains for 20 steps in fp32 on one thread, with everything that draws (noise, dropout,
order) in use. One hash stands for the batches of all steps, one for the recorded losses, one for the last weights, and
one for the export where there is one. One corpus build and one run that goes on from another have hashes too.
The bits depend on the processor and on torch, so figures are compared only where both are those of the record.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import platform
import pydoc_data.topics as topics
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch
from safetensors.numpy import load_file

from hornbook.cli import main
from hornbook.evaluate.evaluation import Evaluation
from hornbook.tokens.loader import Loader

RECORD = Path(__file__).parent / "results" / "fingerprints.json"
STEPS = 20
CASES: dict[str, list[str]] = {
    "causal": ["training.workers=0"],
    "prefix": [],
    "prefix-encoder-decoder": ["objective.topology=encoder-decoder"],
    "fim": [],
    "masked": [],
    "masked-words": ["objective.style=whole_word", "objective.rate=0.3", "objective.final_rate=0.15"],
    "masked-spans": ["objective.style=span", "objective.static=2"],
    "replaced": [],
    "diffusion": [],
    "span": [],
    "bart": [],
    "ul2": [],
    "ul2-short": ["objective.sequential=split"],
    "ul2r": [],
    "joined": [],
    "joined-ul2": ["objective.objective.kind=ul2r", "objective.objective.modes=", "objective.inputs=causal"],
    "mixture": ["objective.objectives=span,bart", "objective.weights=2,1"],
    "nsp": ["objective.objective.rate=0.3"],
    "sop": ["objective.objective.style=ngram"],
}
SMALL = [
    "data.clean=none",
    "model.width=64",
    "model.layers=1",
    "model.heads=2",
    "model.max_length=128",
    "model.dropout=0.1",
    "training.batch_rows=8",
    "training.micro_batch=4",
    "training.precision=fp32",
    "training.compile=no",
    "training.evaluate_tokens=2000",
    "tokenizer.size=512",
    "--steps",
    str(STEPS),
    "--plain",
]


def digest(parts: Iterable[bytes]) -> str:
    result = hashlib.sha256()
    for part in parts:
        result.update(part)
    return result.hexdigest()[:16]


def array_bytes(value: object) -> bytes:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    return b"none" if value is None else repr(value).encode() if np.isscalar(value) else np.asarray(value).tobytes()


def hornbook(*arguments: object) -> None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            main([str(item) for item in arguments])
    except SystemExit as error:
        if error.code:
            raise RuntimeError(f"hornbook {' '.join(map(str, arguments))} ended with {error.code}") from error


def watched_batches() -> dict[int, str]:
    """Hash the batches of each step as they are made; the last time that a step is asked for is the training's."""
    seen: dict[int, str] = {}
    made = Loader._prepared

    def prepared(loader: Loader, number: int) -> list:
        found = made(loader, number)
        seen[number] = digest(array_bytes(value) for batch in found for value in vars(batch).values())
        return found

    Loader._prepared = prepared
    return seen


BATCHES = watched_batches()


def weights_of(run: Path) -> str:
    """Hash the tensors of the newest checkpoint: weights and the optimizers' states."""
    newest = max((run / "checkpoints").glob("step-*"))
    tensors = {name: value for file in newest.glob("*.safetensors") for name, value in load_file(file).items()}
    return digest(name.encode() + value.tobytes() for name, value in sorted(tensors.items()))


def losses_of(run: Path) -> str:
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    losses = [repr((record["kind"], record["step"], record["loss"])) for record in records]
    result = Evaluation.load(run / "result.json")
    return digest(item.encode() for item in [*losses, repr(result.loss), repr(result.unigram)])


def export_of(run: Path) -> str | None:
    with contextlib.suppress(RuntimeError), contextlib.redirect_stderr(io.StringIO()):
        hornbook("export", run)
        files = [path for path in sorted((run / "export").rglob("*")) if path.suffix in (".safetensors", ".json")]
        return digest(path.read_bytes() for path in files if path.name != "manifest.json")
    return None


def trained(run: Path, *arguments: object) -> dict[str, str | None]:
    BATCHES.clear()
    hornbook("pretrain", *arguments, "--out", run)
    return {
        "batches": digest(BATCHES[number].encode() for number in range(STEPS)),
        "losses": losses_of(run),
        "weights": weights_of(run),
        "export": export_of(run),
    }


def built(book: Path, out: Path) -> dict[str, str | None]:
    hornbook("corpus", "build", book, "--out", out)
    names = {path.relative_to(out).as_posix(): path for path in sorted(out.rglob("*")) if path.is_file()}
    return {
        "documents": digest(path.read_bytes() for name, path in names.items() if name.startswith("documents/")),
        "ledger": digest([names["ledger.json"].read_bytes(), names["recipe.toml"].read_bytes()]),
    }


def machine() -> dict[str, str]:
    names = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith(("model name", "flags"))
    ]
    return {
        "processor": digest(name.encode() for name in names[:2]),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def measure(wanted: list[str]) -> dict[str, dict[str, str | None]]:
    found: dict[str, dict[str, str | None]] = {}

    def add(name: str, kind: str, *settings: object) -> None:
        if not wanted or name in wanted:
            found[name] = trained(Path(name), "book.txt", *kind.split(), *settings)
            print(name, found[name], flush=True)

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # names of files are part of a corpus
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        Path("book.txt").write_text("\n\n".join(topics.topics.values())[:120_000], encoding="utf-8")
        for name, settings in CASES.items():
            kind = "ul2-short" if name == "ul2-short" else name.partition("-")[0]
            add(name, f"--objective {kind}", *SMALL, *settings)
        own = [item for item in SMALL if not item.startswith(("model.", "tokenizer."))]
        add("electra", "--recipe electra", *SMALL, "model.embedding_width=32")
        add("chosen", "data.clean=none", "--steps", STEPS, "--plain", "training.precision=fp32")
        if not wanted or "from" in wanted:
            hornbook("pretrain", "book.txt", *SMALL, "--out", "origin")
            add("from", "--from origin", "objective.kind=masked", "start.new_pieces=20", *own)
        if not wanted or "corpus-build" in wanted:
            found["corpus-build"] = built(Path("book.txt"), Path("corpus"))
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    wanted = [item for item in sys.argv[1:] if item != "--write"]
    here = machine()
    kept = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if "--write" not in sys.argv and kept.get("machine") != here:
        sys.exit(f"The record is of another machine, torch or Python; make one of this machine with --write: {here}")
    found = measure(wanted)
    if "--write" in sys.argv:
        RECORD.write_text(
            json.dumps(
                {"machine": here, "fingerprints": kept.get("fingerprints", {}) | found if wanted else found}, indent=1
            )
            + "\n"
        )
        sys.exit()
    wrong = [
        f"{name}: {part}"
        for name, parts in found.items()
        for part, value in parts.items()
        if kept["fingerprints"][name][part] != value
    ]
    print(f"{sum(map(len, found.values()))} fingerprints of {len(found)} cases, {len(wrong)} differ", *wrong, sep="\n")
    sys.exit(bool(wrong))
