"""Damages to the files of a run, a corpus and an export, and what using them comes to afterwards.

    the undamaged tree -> a copy -> one damage to one file -> one use -> same | refused | said | a fault

`same` is the result that the undamaged tree gives, `refused` one sentence for the user, `said` an older checkpoint that
is used instead of the damaged one, which a line names. Faults are `silent` (another result without a word),
`traceback` (an error that is no sentence) and `endless` (nothing within `SECONDS`).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import random
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import torch

from hornbook.corpus.built import documents, open_corpus
from hornbook.errors import HornbookError, Interrupted
from hornbook.recipes.named import default
from hornbook.recipes.settings import override
from hornbook.run.directory import open_run
from hornbook.run.export import export
from hornbook.run.imported import import_folder, open_folder
from hornbook.run.measure import evaluate
from hornbook.run.pretrain import pretrain, resume
from hornbook.train.loop import Loop

SECONDS = 20
_STEPS, _STOP = 4, 2
_TINY = [
    "data.clean=none", f"budget.steps={_STEPS}", "model.width=16", "model.layers=1", "model.heads=1",
    "model.max_length=32", "training.batch_rows=2", "training.compile=no", "tokenizer.size=300",
    "training.precision=fp32", "training.checkpoint_minutes=1e-9", "training.evaluate_every=4", "training.workers=0",
    "training.evaluate_tokens=100", "training.micro_batch=2",
]  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What came of one damage: the tree and the file, the damage, the use, and how that ended."""

    tree: str
    file: str
    damage: str
    use: str
    end: str
    told: str = ""

    @property
    def is_fault(self) -> bool:
        return self.end not in ("same", "refused", "said")


def _digest(state: object) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(dict(state).items()):  # type: ignore[call-overload]
        digest.update(name.encode() + value.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _opened(tree: Path) -> object:
    run = open_run(tree)
    return _digest(run.model.state_dict()), run.step, run.tokenizer.encode(["The 5th cat"])[0].tolist()


def _gone_on(tree: Path) -> object:
    found = resume(tree, plain=True)
    return found, _digest(open_run(tree).model.state_dict())


def _exported(tree: Path) -> object:
    place = export(open_run(tree))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in place.iterdir() if path.is_file()}


def _imported(tree: Path) -> object:
    out = tree.with_name("imported")
    shutil.rmtree(out, ignore_errors=True)
    import_folder(tree, out)
    return _opened(out)


def _used(tree: Path) -> object:
    return _digest(open_folder(tree).model.state_dict())


def _read(tree: Path) -> object:
    return [(item.id, item.text) for item in documents(open_corpus(tree))]


USES: dict[str, dict[str, Callable[[Path], object]]] = {
    "run": {
        "open": _opened,
        "evaluate": lambda tree: evaluate(open_run(tree)),
        "resume": _gone_on,
        "export": _exported,
    },
    "export": {"import": _imported, "open": _used},
    "corpus": {"read": _read},
}


def make_trees(root: Path) -> dict[str, Path]:
    """Make a stopped run, another one like it, an export and, where its libraries are installed, a corpus."""
    lines = (f"The {number}th cat sees fish and eats bread, as number {number * 7 % 13} does." for number in range(300))
    (root / "book.txt").write_text("\n\n".join(lines))
    trees = {"run": root / "run", "other": root / "other", "export": root / "export"}
    for name, seed in (("run", 0), ("other", 1)):
        asked = Loop._asked
        stop = lambda loop, due: (signal.SIGTERM, False, 0) if loop.step >= _STOP else asked(loop, due)  # noqa: E731, B023
        with mock.patch.object(Loop, "_asked", stop), contextlib.suppress(Interrupted):
            recipe = override(default("causal"), [f"data.paths={root / 'book.txt'}", f"seed={seed}", *_TINY])
            pretrain(recipe, trees[name], plain=True)
    export(open_run(trees["run"]), trees["export"])
    with contextlib.suppress(ImportError):
        from hornbook.corpus.build.build import build_recipe
        from hornbook.corpus.build.engine import Engine
        from hornbook.corpus.build.recipe import CorpusRecipe

        build_recipe(CorpusRecipe(paths=(str(root / "book.txt"),), steps=()), root / "corpus", Engine())
        trees["corpus"] = root / "corpus"
    return trees


def _flip(path: Path, draw: random.Random, _: Path) -> None:
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def _write(path: Path, draw: random.Random, _: Path) -> None:
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] = draw.randrange(256)
    path.write_bytes(content)


def _digit(path: Path, draw: random.Random, _: Path) -> None:
    """Change one digit, so that what was a number is another number."""
    content = bytearray(path.read_bytes())
    places = [place for place, value in enumerate(content) if 48 <= value < 58] or [0]
    content[draw.choice(places)] = draw.choice(b"0123456789")
    path.write_bytes(content)


def _cut(path: Path, draw: random.Random, _: Path) -> None:
    path.write_bytes(path.read_bytes()[: draw.randrange(path.stat().st_size)])


def _zero(path: Path, draw: random.Random, _: Path) -> None:
    content = bytearray(path.read_bytes())
    begin = draw.randrange(len(content))
    end = min(len(content), begin + draw.choice([1, 64, 4096]))
    content[begin:end] = bytes(end - begin)
    path.write_bytes(content)


def _grow(path: Path, draw: random.Random, _: Path) -> None:
    path.write_bytes(path.read_bytes() + draw.choice([b"\n", b"\0", b"}", b"\xff", b"0"]))


def _repeat(path: Path, draw: random.Random, _: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    place = draw.randrange(len(lines))
    path.write_bytes(b"".join([*lines[: place + 1], *lines[place:]]))


def _swap(path: Path, draw: random.Random, _: Path) -> None:
    others = [item for item in path.parent.iterdir() if item.is_file() and item != path and item.stat().st_size]
    if others:
        shutil.copyfile(draw.choice(sorted(others)), path)


def _exchange(path: Path, draw: random.Random, other: Path) -> None:
    if other.is_file():
        shutil.copyfile(other, path)


def _nest(path: Path, draw: random.Random, _: Path) -> None:
    deep = 100_000
    value = "[" * deep + "]" * deep
    path.write_text(f"seed = {value}" if path.suffix == ".toml" else f'{{"step": {value}}}\n')


def _remove(path: Path, draw: random.Random, _: Path) -> None:
    path.unlink()


def _folder(path: Path, draw: random.Random, _: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path, draw: random.Random, _: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _loop(path: Path, draw: random.Random, _: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _device(path: Path, draw: random.Random, _: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _empty(path: Path, draw: random.Random, _: Path) -> None:
    path.write_bytes(b"")


DAMAGES: dict[str, Callable[[Path, random.Random, Path], None]] = {
    function.__name__.removeprefix("_"): function
    for function in (
        *(_flip, _flip, _write, _digit, _cut, _zero, _grow, _repeat, _swap, _exchange),
        *(_nest, _remove, _folder, _pipe, _loop, _device, _empty),
    )
}


class Trial:
    """The trees in `root`, and what each use of them gives."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._trees = make_trees(root)
        self._right = {}
        for tree, uses in USES.items():
            if tree in self._trees:
                for use in uses:
                    with contextlib.redirect_stdout(io.StringIO()):
                        self._right[tree, use] = self._outcome(tree, use, lambda copy: None)
        self._files = {
            tree: sorted(item.relative_to(self._trees[tree]) for item in self._trees[tree].rglob("*") if item.is_file())
            for tree in USES
            if tree in self._trees
        }

    def case(self, number: int) -> Verdict:
        """Return the verdict of the damage with this number; the same number is the same damage."""
        draw = random.Random(number)
        tree = draw.choice([tree for tree in self._files for _ in self._files[tree]])
        file, damage = draw.choice(self._files[tree]), draw.choice(sorted(DAMAGES))
        use = draw.choice(sorted(USES[tree]))

        def harm(copy: Path) -> None:
            if (copy / file).stat().st_size:
                other = self._trees["other"] / file if tree == "run" else self._root / "none"
                DAMAGES[damage](copy / file, draw, other)

        end, told, printed = "silent", "", io.StringIO()
        try:
            with limited(), contextlib.redirect_stdout(printed), warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter("always")
                same = self._outcome(tree, use, harm) == self._right[tree, use]
            told = "\n".join([printed.getvalue(), *(str(item.message) for item in heard)])
            if same:
                end = "same"
            elif f"{file.parent.name} is damaged" in told or str(file) in told:
                end = "said"
        except HornbookError as error:
            end, told = "refused", str(error)
        except Late:
            end = "endless"
        except Exception as error:  # what nobody expects is what is looked for
            end, told = "traceback", f"{type(error).__name__}: {error}"
        return Verdict(tree, str(file), damage, use, end, told)

    def _outcome(self, tree: str, use: str, harm: Callable[[Path], None]) -> object:
        copy = self._root / "copy" / tree
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self._trees[tree], copy)
        harm(copy)
        with torch.random.fork_rng():
            return USES[tree][use](copy)


class Late(BaseException):
    """A use has not ended in time. No handler of ordinary errors takes it for one."""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Raise Late when the block takes longer than `SECONDS`."""

    def late(*_: object) -> None:
        raise Late

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
