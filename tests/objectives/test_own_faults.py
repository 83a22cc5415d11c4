"""Faults in code of a person's own: a sentence that names file and line, exit code 2, no traceback; nothing of ours."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from hornbook.cli import main
from hornbook.errors import account_of, expected, place_of

PAGE = Path(__file__).parents[2] / "docs" / "objectives" / "own.md"
(SOURCE,) = re.findall(r"^```python\n(from dataclasses.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
BATCH = "return Batch(inputs, rows.tokens.copy(), hidden.astype(np.float32), count, segments)"
CALL = "first = integers(rows.keys, 1, 0, self.n)"
# What is written in place of what, and what the sentence says.
FAULTS = {
    "bare StopIteration": (CALL, "raise StopIteration", "StopIteration"),
    "StopIteration with words": (CALL, "next(iter([])); first = 1", "StopIteration"),
    "KeyError": (CALL, "{}['x']; first = 1", "KeyError: 'x'"),
    "an error without words": (CALL, "assert False", "AssertionError"),
    "an error of a library": (CALL, "np.zeros(3).reshape(2, 2); first = 1", "ValueError"),
    "recursion": (CALL, "self(rows); first = 1", "RecursionError"),
    "generator": (CALL, "list(self.n for _ in [next(iter([]))]); first = 1", "StopIteration"),
    "exit at import": ("@dataclass(frozen=True)", "sys.exit(3)\n@dataclass(frozen=True)", "NameError"),
    "SystemExit at import": (
        "@dataclass(frozen=True)",
        "raise SystemExit(3)\n@dataclass(frozen=True)",
        "SystemExit: 3",
    ),
    "syntax": ("topology, heads", "topology heads", "SyntaxError"),
    "import": ("import numpy as np", "import nothing_such", "ModuleNotFoundError"),
    "a name that is not there": ("import Batch", "import Batches", "ImportError"),
    "StopIteration when made": (
        "    row_length =",
        "    def __post_init__(self): raise StopIteration\n    row_length =",
        "of my.py: StopIteration",
    ),
    "no vocabulary taken": ("    n: Ann", "    def __init__(self, n=6): pass\n    n: Ann", "cannot be made: TypeError"),
    "no argument": ("def requirements(self, max_length):", "def requirements(self):", "requirements of"),
    "two arguments": ("def check(self, max_length):", "def check(self, max_length, more):", "check of"),
    "no rows": ("def __call__(self, rows):", "def __call__(self):", "__call__ of EveryNth must take"),
    "no requirements": ("return Requirements(", "return dict(", "requirements of EveryNth must be"),
    "StopIteration of requirements": ("return Requirements(", "raise StopIteration(", "fails: line"),
    "a topology of another name": (
        '"encoder", Heads()',
        '"bert", Heads()',
        "topology of EveryNth must be one of decoder",
    ),
    "no heads": ("Heads(), 0, 0", "None, 0, 0", "heads of EveryNth must be a Heads, not None"),
    "an overlap of text": ("Heads(), 0, 0", "Heads(), 'a', 0", "overlap of EveryNth must be a whole number of"),
    "no marks": (
        "return boundaries(self.vocab.cls, self.vocab.sep)",
        "return None",
        "boundary_tokens of EveryNth must",
    ),
    "no prompting": (
        'return (PromptFormat("masks", *self.boundary_tokens),)',
        "return 3",
        "prompting of EveryNth must",
    ),
    "nothing returned": (BATCH, "return None", "EveryNth gave a batch whose type is NoneType"),
    "a tuple returned": (BATCH, "return inputs, inputs", "EveryNth gave a batch whose type is tuple, not Batch"),
    "lists": (BATCH, BATCH.replace("inputs,", "inputs.tolist(),", 1), "inputs is a list"),
    "other types": (BATCH, BATCH.replace("inputs,", "inputs * 0.5,", 1), "inputs is a array of float64"),
    "other shapes": (
        BATCH,
        BATCH.replace("inputs,", "inputs[:, :2],", 1),
        "EveryNth gave a batch whose ",
    ),
    "a count of one": (BATCH, BATCH.replace("count", "count.sum()"), "count is a float64"),
    "ids too high": (BATCH, BATCH.replace("inputs,", "inputs + 10**6,", 1), "inputs has ids from"),
    "not finite": (BATCH, BATCH.replace("count", "count / 0"), "count has numbers that are not finite"),
    "two sides": (BATCH, BATCH.replace("segments)", "segments, decoder_inputs=inputs)"), "decoder_inputs are none of"),
}
SMALL = [
    "--steps", "1",
    "training.batch_rows=4", "training.micro_batch=4", "model.width=32", "model.layers=1", "model.heads=2",
    "model.max_length=32", "tokenizer.size=300", "data.clean=none", "training.compile=no", "training.precision=fp32",
]  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "BOOK.txt").write_text("".join(f"Line {number} of a book about the sea.\n" for number in range(400)))
    yield tmp_path
    sys.modules.pop("my.py", None)


def sentence(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says on its way out with code 2."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main([*arguments])
    said = capsys.readouterr().err
    assert caught.value.code == 2, said
    assert "Traceback" not in said
    (line,) = [line for line in said.splitlines() if line.startswith("hornbook: ")]
    return line


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_an_objective_is_told_with_its_line(fault, folder, capsys):
    old, new, says = FAULTS[fault]
    assert SOURCE.count(old) == 1
    (folder / "my.py").write_text(SOURCE.replace(old, new))
    said = sentence(capsys, "show", "--objective", "my.py:EveryNth", "The old man and the sea.")
    assert says in said and "my.py" in said
    if old == CALL:
        line = 1 + SOURCE[: SOURCE.index(old)].count("\n")
        assert f"line {line} of my.py" in said


@pytest.mark.parametrize("fault", ["bare StopIteration", "generator", "nothing returned", "other shapes", "no marks"])
def test_so_it_is_in_training(fault, folder, capsys):
    old, new, says = FAULTS[fault]
    (folder / "my.py").write_text(SOURCE.replace(old, new))
    said = sentence(capsys, "pretrain", "BOOK.txt", "--objective", "my.py:EveryNth", "--out", "run", *SMALL)
    assert says in said


@pytest.mark.parametrize("whole", ["nsp", "mixture"])
@pytest.mark.parametrize("fault", ["bare StopIteration", "a tuple returned"])
def test_so_it_is_inside_another_objective(whole, fault, folder, capsys):
    old, new, says = FAULTS[fault]
    (folder / "my.py").write_text(SOURCE.replace(old, new))
    inside = "objective.objective=my.py:EveryNth" if whole == "nsp" else "objective.objectives=my.py:EveryNth"
    assert says in sentence(capsys, "show", "--objective", whole, inside, "The old man. He saw the sea.")


def test_a_fault_of_our_own_stays_one():
    try:
        {}["x"]
    except KeyError as error:
        assert place_of(error) == ""  # a script that calls Hornbook is not called by it
        assert account_of(error) == "KeyError: 'x'"
    from hornbook.objectives.mixture import turns

    try:
        turns(None)  # type: ignore[arg-type]
    except TypeError as error:
        ours = error.with_traceback(error.__traceback__.tb_next)
        assert place_of(ours) == "" and expected(ours) is None
