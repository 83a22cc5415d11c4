"""Faults at chosen file operations: kill the process, tear a write, lose what was not synced, fail the disk.

    python tests/support/faulty.py causal import --points 20 --faults kill tear EIO      prints one JSON value

A case is a command that leaves files in a folder. Its file operations that change the folder are numbered. At a point,
one process runs the command and has the fault at one operation; then others run what a person would run next, without
faults, until one ends well; at the end the folder must hold what an undisturbed command leaves: to the bit, and nothing
more. All processes are forked from one that has imported everything and computes with one thread, so that a point costs
little more than the command.

    kill        SIGKILL before the operation
    tear        half of a write, then SIGKILL; of other operations as kill
    power       every file loses what was written since its last fsync, then SIGKILL
    closed      nobody reads stdout any more
    EIO ...     the operation and all later ones fail with this error, but for those that remove
"""

from __future__ import annotations

import argparse
import builtins
import contextlib
import errno
import hashlib
import importlib
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KINDS = ("kill", "tear", "power", "closed", "ENOSPC", "EIO", "EROFS", "EDQUOT")
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
_REMOVES = {"os.remove", "os.rmdir"}
_SECONDS = 120  # a process that takes longer hangs


@dataclass
class Faults:
    """The fault of this process: its kind, the number of its operation, and what happened so far.

    synced   length of each file that was opened for writing, up to which it is on the disk
    """

    root: str
    kind: str = ""
    at: int = -1
    count: int = 0
    synced: dict[str, int] = field(default_factory=dict)

    def install(self) -> None:
        """Count and fail this process's operations from now on; it cannot be undone."""
        opened = io.open

        def open_counted(file: Any, mode: str = "r", buffering: int = -1, *more: Any, **named: Any) -> Any:
            if not set(mode) & set("wax") or isinstance(file, int) or not self._mine(file):
                return opened(file, mode, buffering, *more, **named)
            raw = _Raw(file, mode.replace("b", "").replace("t", ""))
            raw.faults, raw.place = self, os.path.abspath(os.fspath(file))
            self.synced.setdefault(raw.place, 0)
            buffer: Any = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return buffer if "b" in mode else io.TextIOWrapper(buffer, *more, **named)

        def fsync_counted(descriptor: int) -> None:
            place = os.readlink(f"/proc/self/fd/{descriptor}")
            if self._mine(place):
                self.operation("fsync")
            if place in self.synced:
                self.synced[place] = os.path.getsize(place)

        io.open = builtins.open = open_counted  # type: ignore[assignment]
        os.fsync = fsync_counted
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if (
                isinstance(path, str | bytes | os.PathLike)
                and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
                and self._mine(path)
            ):
                self.operation(event)
        elif event in _CHANGES:
            paths = [os.fsdecode(item) for item in arguments if isinstance(item, str | bytes | os.PathLike)]
            folder = next((n for n in arguments[1:] if isinstance(n, int) and n >= 0), None)
            if folder is not None and event in _REMOVES:
                paths = [os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path) for path in paths]
            if any(map(self._mine, paths)):
                self.operation(event)
                if event == "os.rename":
                    self._renamed(*map(os.path.abspath, paths))

    def _renamed(self, before: str, after: str) -> None:
        moved = {p: n for p, n in self.synced.items() if p == before or p.startswith(before + os.sep)}
        for path, length in moved.items():
            del self.synced[path]
            self.synced[after + path.removeprefix(before)] = length

    def _mine(self, path: Any) -> bool:
        return os.path.abspath(os.fsdecode(path)).startswith(self.root)

    def operation(self, what: str, tear: Callable[[], object] = int) -> None:
        """Count an operation that is about to happen, and let the fault happen where it is its turn."""
        number, self.count = self.count, self.count + 1
        if self.at < 0 or number < self.at:
            return
        if self.kind.isupper():
            if what not in _REMOVES:
                code = getattr(errno, self.kind)
                raise OSError(code, os.strerror(code))
        elif number == self.at:
            if self.kind == "closed":
                reader, writer = os.pipe()
                os.close(reader)
                os.dup2(writer, 1)
                return
            if self.kind == "tear":
                tear()
            for path, length in self.synced.items() if self.kind == "power" else ():
                with contextlib.suppress(OSError):
                    if os.path.getsize(path) > length:
                        os.truncate(path, length)
            os.kill(os.getpid(), signal.SIGKILL)


class _Raw(io.FileIO):
    """A file whose every write to the system is an operation."""

    faults: Faults
    place: str

    def write(self, data: Any) -> int:
        half = memoryview(data).cast("B")[: len(memoryview(data).cast("B")) // 2]
        self.faults.operation("write", lambda: io.FileIO.write(self, half))
        return super().write(data)


@dataclass(frozen=True)
class Case:
    """A command, and what a person runs after a fault.

    prepare   makes what the command reads, in a folder, before any point
    command   arguments of `hornbook` that leave `out`
    again     those after a fault; None where nothing is left to do
    look      what counts of `out`, name -> digest
    """

    name: str
    command: Callable[[Path, Path], list[str]]
    again: Callable[[Path, Path], list[str] | None]
    look: Callable[[Path], dict[str, str]]
    prepare: Callable[[Path], object] = bool


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def everything(out: Path) -> dict[str, str]:
    """Return the digest of every file, hidden ones too, but for locks."""
    paths = sorted(path for path in out.parent.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(out.parent).as_posix(): _digest(path.read_bytes()) for path in paths}


def _timeless(path: Path) -> object:
    """Return what a file says but for seconds and the hashes of files in which they stand."""

    def kept(value: object, inside: str = "") -> object:
        if not isinstance(value, dict):
            return value
        timed = ("sha256", "bytes") if inside in ("", "result.json", "plan.json", "environment.json") else ()
        return {name: kept(entry, name) for name, entry in value.items() if name not in ("seconds", *timed)}

    return kept(json.loads(path.read_text(encoding="utf-8")))


def a_run(out: Path) -> dict[str, str]:
    """Return the same of a run, without what says how fast this machine is; records and results without their times."""
    found = everything(out)
    for path in (*out.rglob("manifest.json"), out / "result.json"):
        if path.is_file():
            found[path.relative_to(out.parent).as_posix()] = _digest(json.dumps(_timeless(path)).encode())
    samples = out / "samples.jsonl"
    if samples.is_file():
        lines = map(json.loads, samples.read_text(encoding="utf-8").splitlines())
        said = [{name: value for name, value in line.items() if name != "time"} for line in lines]
        found[f"{out.name}/samples.jsonl"] = _digest(json.dumps(said).encode())
    status = json.loads((out / "status.json").read_text(encoding="utf-8")) if (out / "status.json").is_file() else {}
    # What a process says of itself; the line that a crash cut in two, which is set aside; and what repeats the times.
    for name in ("status.json", "metrics.damaged", "samples.damaged", "report.html", "report.md"):
        found.pop(f"{out.name}/{name}", None)
    found["status"] = f"{status.get('state')} {status.get('exit_code')}"
    for name in ("environment.json", "plan.json", "metrics.jsonl"):
        path = out / name
        found.pop(f"{out.name}/{name}")
        if name == "metrics.jsonl":
            records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
            told = [[r["kind"], r["step"], r["loss"]] for r in records]
            found[name] = _digest(json.dumps(told).encode())
    return found


def _pretrain(objective: str, *more: str) -> Case:
    settings = [
        "data.clean=none", "budget.steps=4", "model.width=16", "model.layers=1", "model.heads=2", "model.max_length=32",
        "model.dropout=0.1", "training.batch_rows=4", "training.micro_batch=4", "training.precision=fp32",
        "training.compile=no", "training.evaluate_tokens=100", "training.evaluate_every=2", "training.workers=0",
        "training.checkpoint_minutes=0.0000001", "tokenizer.size=350", *more,
    ]  # fmt: skip

    def command(given: Path, out: Path) -> list[str]:
        return ["pretrain", str(given / "book.txt"), "--objective", objective, *settings, "--out", str(out), "--plain"]

    def again(given: Path, out: Path) -> list[str] | None:
        begun = (out / "recipe.toml").exists()
        return ["pretrain", "--resume", str(out), "--plain"] if begun else command(given, out)

    return Case(objective, command, again, a_run)


def _model(given: Path) -> None:
    """Make a small run, and its export."""
    _hornbook(_pretrain("causal").command(given, given / "model"))
    _hornbook(["export", str(given / "model"), "--out", str(given / "folder")])


CORPUS = """
paths = ["in"]
block = 700
[[steps]]
kind = "repair"
[[steps]]
kind = "normalise"
"""
SURVEY = '[[steps]]\nkind = "exact-duplicates"\n'  # by Daft, whose start takes seconds


def _texts(given: Path, more: str = "") -> None:
    (given / "in").mkdir()
    for number in range(3):
        text = (given / "book.txt").read_text(encoding="utf-8")
        lines = [json.dumps({"text": part}) for part in text.split("\n\n")[number : number + 8]]
        (given / "in" / f"{number}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    recipe = CORPUS.replace('"in"', json.dumps(str(given / "in"))) + more
    (given / "recipe.toml").write_text(recipe, encoding="utf-8")


def _imported(given: Path, out: Path) -> list[str]:
    return ["import", str(given / "folder"), "--out", str(out)]


def _imported_again(given: Path, out: Path) -> list[str] | None:
    return None if out.exists() else _imported(given, out)


def _corpus(given: Path, out: Path) -> list[str]:
    return ["corpus", "build", str(given / "recipe.toml"), "--out", str(out), "--plain", "--workers", "1"]


def _exported(given: Path, out: Path) -> list[str]:
    return ["export", str(given / "model"), "--out", str(out)]


CASES = {
    case.name: case
    for case in (
        *map(_pretrain, ("causal", "masked", "span", "bart", "ul2")),
        _pretrain("replaced"),
        _pretrain("nsp"),
        Case("corpus", _corpus, _corpus, everything, _texts),
        Case("survey", _corpus, _corpus, everything, lambda given: _texts(given, SURVEY)),
        Case("import", _imported, _imported_again, everything, _model),
        Case("export", _exported, _exported, everything, _model),
    )
}


def _hornbook(arguments: Sequence[str]) -> None:
    from hornbook.cli import main

    try:
        main(list(arguments))
    except SystemExit as end:
        if end.code:
            raise


def _nothing(descriptor: int) -> None:
    """Sync nothing: a killed process loses none of what it gave to the system, and `power` takes it away itself."""


def _child(arguments: Sequence[str], log: Path, faults: Faults | None) -> tuple[int, int]:
    """Run `hornbook` in a fork; return its exit code (minus the signal's number) and how many operations it did."""
    reader, writer = os.pipe()
    before = {*sys.modules}
    process = os.fork()
    if process == 0:
        code = 1
        try:
            stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(stream, 1)
            os.dup2(stream, 2)
            signal.alarm(_SECONDS)
            os.fsync = _nothing
            if faults is not None:
                faults.install()
            _hornbook(arguments)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
            sys.stderr.flush()
            loaded = [] if faults is None or faults.kind else sorted({*sys.modules} - before)
            os.write(writer, json.dumps([faults.count if faults else 0, loaded]).encode())
            os._exit(code)
    os.close(writer)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with open(reader, "rb") as stream:
        count, loaded = json.loads(stream.read() or "[0, []]")
    for name in loaded:  # what an undisturbed command imports, later forks need not
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    return code, count


def point(case: Case, given: Path, kind: str, at: int, wanted: dict[str, str]) -> list[str]:
    """Return what is wrong after a fault and all that follows; empty where everything is as it should be."""
    with tempfile.TemporaryDirectory(dir=given.parent) as folder:
        out, log = Path(folder) / "root" / "out", Path(folder) / "log"
        out.parent.mkdir()
        code, _ = _child(case.command(given, out), log, Faults(str(out.parent), kind, at))
        codes, wrong = [code], []
        if kind.isupper() and code not in (0, 2, 3):
            wrong.append(f"exit code {code} instead of 2 or 3")
        while code and len(codes) < 3:
            arguments = case.again(given, out)
            if arguments is None:
                break
            code, _ = _child(arguments, log, None)
            codes.append(code)
        told = log.read_text(encoding="utf-8", errors="replace")
        if "Traceback" in told:
            wrong.append("a traceback")
        if code and codes[1:]:
            wrong.append(f"does not go on: exit codes {codes}")
        try:
            found = case.look(out)
        except (OSError, ValueError, KeyError) as error:
            return [*wrong, f"cannot be looked at ({error})", told[-3000:]]
        differs = sorted({*wanted.items()} ^ {*found.items()})
        wrong += sorted({f"{name} differs" for name, _ in differs})
        return [*wrong, told[-3000:]] if wrong else []


@contextlib.contextmanager
def prepared(name: str, book: str) -> Iterator[tuple[Path, dict[str, str], int]]:
    """Yield the folder that a case reads, what its command leaves undisturbed, and how many operations that takes."""
    case = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "given", Path(folder) / "whole" / "out"
        given.mkdir()
        out.parent.mkdir()
        (given / "book.txt").write_text(book, encoding="utf-8")
        if _forked(lambda: case.prepare(given)):
            raise RuntimeError(f"{name} cannot be prepared")
        log = Path(folder) / "log"
        code, count = _child(case.command(given, out), log, Faults(str(out.parent)))
        if code:
            raise RuntimeError(log.read_text(encoding="utf-8"))
        yield given, case.look(out), count


def _forked(work: Callable[[], object]) -> int:
    process = os.fork()
    if process == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def try_case(name: str, book: str, kinds: Sequence[str], points: int, seed: int = 0) -> dict[str, Any]:
    """Try a case at `points` of its operations, kinds of faults in turn; return how many, and what is wrong where."""
    start, failures = time.monotonic(), []
    with prepared(name, book) as (given, wanted, count):
        order = random.Random(seed)
        chosen = [(kinds[n % len(kinds)], n) for n in range(count * len(kinds))]
        chosen = [(kind, number // len(kinds)) for kind, number in chosen]
        picked = sorted(order.sample(chosen, min(points, len(chosen))), key=lambda item: item[1])
        for kind, at in picked:
            if wrong := point(CASES[name], given, kind, at, wanted):
                failures.append({"fault": kind, "operation": at, "wrong": wrong})
    seconds = round(time.monotonic() - start, 1)
    return {"case": name, "operations": count, "points": len(picked), "seconds": seconds, "failures": failures}


def warm(names: Sequence[str]) -> None:
    """Import and measure what every fork would; starts no thread."""
    os.environ.update(TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1")
    import torch

    torch.set_num_threads(1)
    from hornbook.train.machine import find_device, matmul_flops

    matmul_flops(find_device(), torch.float32)
    for module in ("hornbook.cli", "hornbook.run.pretrain", "hornbook.api", "hornbook.run.export"):
        importlib.import_module(module)
    if {"corpus", "survey"} & set(names):
        os.environ.update(DAFT_ANALYTICS_ENABLED="0", SCARF_NO_ANALYTICS="1", DAFT_PROGRESS_BAR="0")
        for module in ("daft.runners", "pyarrow.parquet", "ftfy", "jinja2", "hornbook.corpus.build.build"):
            importlib.import_module(module)


def story(sentences: int) -> str:
    """Return a small text of many documents."""
    choose = random.Random(0).choice
    who, does, what = ["The cat", "A dog", "My aunt"], ["sees", "eats", "paints"], ["fish", "bread", "a house"]
    lines = [f"{choose(who)} {choose(does)} {choose(what)}." for _ in range(sentences)]
    return "\n\n".join(" ".join(lines[i : i + 4]) for i in range(0, sentences, 4)) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="+", choices=[*CASES, "all"])
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--faults", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    names = list(CASES) if "all" in given.cases else given.cases
    warm(names)
    found = []
    for name in names:
        found.append(try_case(name, story(240), given.faults, given.points, given.seed))
        one = found[-1]
        print(f"{name}: {one['points']} points, {len(one['failures'])} wrong, {one['seconds']} s", file=sys.stderr)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
