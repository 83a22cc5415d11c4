"""The command line: it answers fast, explains what is wrong, and its exit codes mean what hornbook.errors says."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hornbook.cli import program as cli
from hornbook.cli import request, tables
from hornbook.cli.tables import evaluate_tables
from hornbook.errors import DivergedError, Interrupted, ResourceError, UserError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.numbers import Number
from hornbook.generate.infill import Filled, Gap
from hornbook.model.config import modern
from hornbook.objectives.base import Requirements
from hornbook.objectives.catalogue import CATALOGUE, build, settings_of
from hornbook.prepare.preview import preview
from hornbook.recipes import describe, settings
from hornbook.recipes import named as recipes
from hornbook.recipes.sections import Budget
from hornbook.tokens.tokenizer.tokenizer import train_tokenizer
from hornbook.vocab import EMPTY

VERBS = (
    "pretrain", "import", "evaluate", "generate", "fill", "show", "export", "settings", "recipes", "check", "bench",
    "doctor",
)  # fmt: skip
NO_BUDGET: dict[str, float | None] = {"minutes": None, "steps": None, "tokens": None, "epochs": None}


def run(*arguments: str, code: str = "from hornbook.cli import main; main()") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120"}
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str, str]:
    """Return exit code, output and errors of one command, in this process."""
    with pytest.raises(SystemExit) as caught:
        cli.main(list(arguments))
    return caught.value.code, *capsys.readouterr()


def test_help_of_every_verb_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from hornbook.cli import main\n"
        "verbs = ('build', 'inspect', 'dropped', 'diff', 'steps', 'train-classifier')\n"
        "corpus = [['corpus', verb, '--help'] for verb in verbs]\n"
        f"for arguments in [['--help'], *corpus, *([verb, '--help'] for verb in {VERBS!r})]:\n"
        "    try: main(arguments)\n"
        "    except SystemExit as done: assert not done.code\n"
        "    assert arguments != ['--help'] or 'pydantic' not in sys.modules\n"  # typer loads it for a verb's options
        "heavy = {'torch', 'transformers', 'numpy', 'tokenizers', 'daft', 'pyarrow', 'ray', 'asyncio',"
        " 'rich.live', 'rich.progress', 'hornbook.recipes.settings'}\n"
        "print('heavy:', heavy & set(sys.modules))\n"
    )
    done = run(code=code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("heavy: set()\n")
    for verb in VERBS:
        assert f"Usage: hornbook {verb}" in done.stdout


def test_help_of_pretrain_teaches_with_examples_and_few_flags() -> None:
    text = run("pretrain", "--help").stdout
    assert "hornbook pretrain BOOK.txt" in text
    assert "hornbook settings" in text
    assert sum(line.strip("│ ").startswith("--") for line in text.splitlines()) <= 15


def test_help_names_every_objective_of_the_catalogue() -> None:
    for verb in ("pretrain", "show"):
        text = " ".join(run(verb, "--help").stdout.replace("│", " ").split())
        assert ", ".join(CATALOGUE) in text


def test_every_setting_of_every_objective_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = answer(capsys, "settings", "objective")
    lines = [line.split("\t") for line in out.splitlines()]
    for kind in CATALOGUE:
        for item, _ in settings_of(kind):
            assert any(line[0] == f"objective.{item.name}" and line[3].startswith(f"{kind}: ") for line in lines)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = answer(capsys, "--version")
    assert (code, out) == (0, "hornbook 0.1.0\n")


def test_a_mistyped_verb_or_flag_is_told() -> None:
    verb, flag = run("pretrian"), run("pretrain", "--step", "3")
    assert (verb.returncode, flag.returncode) == (2, 2)
    assert "Did you mean 'pretrain'?" in verb.stderr
    assert "--steps" in flag.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pretrain", "modle.width=64"], "'model.width'"),
        (["pretrain", "model.widht=64"], "'model.width'"),
        (["pretrain", "training.clip=x"], "training.clip must be a number of at least 0, not 'x'."),
        (["pretrain", "--objective", "maskd"], "'masked'"),
        (["pretrain", "--recipe", "brt"], "'bert'"),
        (["pretrain", "--steps", "3", "--minutes", "1"], "exactly one"),
        (["pretrain", "--steps", "-3"], "budget.steps must be a whole number of at least 0"),
        (["pretrain", "nowhere.toml"], "no recipe at nowhere.toml"),
        (["pretrain", "--recipe", "demo", "a.toml"], "one recipe"),
        (["pretrain", "--resume", "runs/x", "--seed", "3"], "leave out --seed"),
        (["settings", "zzz"], "zzz"),
        (["evaluate", "nowhere"], "no run in nowhere"),
        (["generate", "nowhere", "x"], "no run in nowhere"),
        (["fill", "nowhere", "a ___"], "no run in nowhere"),
        (["export", "nowhere"], "no run in nowhere"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = answer(capsys, *arguments)
    assert code == 2
    assert words in err
    assert err.startswith("hornbook: ")
    assert err.count("\n") == 1
    assert re.sub(r"loading \w+ \.\.\.\n", "", out) == ""  # a slow machine says so
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("x"), 2),
        (ResourceError("x"), 3),
        (DivergedError("x"), 4),
        (Interrupted("x", 15), 143),
        (KeyboardInterrupt(), 130),
        (MemoryError(), 3),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), 3),
        (OSError(errno.ENOSPC, "No space left on device"), 3),
    ],
)
def test_each_kind_of_error_has_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(directory: Path) -> None:
        raise error

    monkeypatch.setattr("hornbook.diagnose.doctor.examine", fail)
    assert answer(capsys, "doctor")[0] == code


def test_debug_shows_the_traceback_and_keeps_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = answer(capsys, "settings", "zzz", "--debug")
    assert code == 2
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("hornbook: ")


def test_a_bug_keeps_its_traceback() -> None:
    done = run(
        "doctor",
        code="import hornbook.diagnose.doctor as d\nd.examine = lambda _: 1 / 0\nfrom hornbook.cli import main\nmain()",
    )
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_a_reader_that_stops_reading_is_no_error() -> None:
    code = "from hornbook.cli import main; main(['settings'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


def test_settings_are_listed_whole_and_filtered(capsys: pytest.CaptureFixture[str]) -> None:
    _, whole, _ = answer(capsys, "settings")
    assert [line.split("\t") for line in whole.splitlines()] == [list(line) for line in describe.describe_settings()]
    _, some, _ = answer(capsys, "settings", "warmup")
    assert some.startswith("training.warmup\tnumber of at least 0\t")


def test_a_command_line_becomes_a_recipe(tmp_path: Path) -> None:
    odd = tmp_path / "a=b,c.txt"
    odd.touch()
    what = [str(odd), "training.clip=2", "notes", "model.width=128"]
    recipe = request.plan(what, "masked", None, {**NO_BUDGET, "steps": 7}, 5)
    assert recipe.data.paths == (str(odd), "notes")
    assert (recipe.training.clip, recipe.model.width, recipe.seed, recipe.budget) == (2.0, 128, 5, Budget(steps=7))
    assert settings.kind_of(recipe.objective) == "masked"


def test_a_saved_recipe_is_repeated_exactly_and_may_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    recipe = request.plan(["x.txt", "seed=3"], "span", "bert", NO_BUDGET, None)
    assert recipe.model.topology == "encoder-decoder"
    settings.save_recipe(recipe, path)
    assert request.plan([str(path)], None, None, NO_BUDGET, None) == recipe
    changed = request.plan([str(path), "y.txt", "seed=4"], "causal", None, {**NO_BUDGET, "epochs": 0.5}, 9)
    assert (changed.data.paths, changed.seed, changed.budget) == (("y.txt",), 4, Budget(epochs=0.5))
    assert changed.model == replace(modern("decoder"), dropout=-1.0)


def test_measurements_are_printed_beside_the_baselines(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = (
        Number("loss", 3.2, "nats per token", "nats per scored token", 3.1, 3.3, 9, 9, {"unigram": 4.0}, "pseudo"),
        Number("pseudo-perplexity", 30.0, "", "each token masked alone", kind="pseudo"),
    )
    found = Evaluation("masked", numbers, 1234, 5678, notes=("There are no bits per byte.",))
    evaluate_tables.evaluation(found)
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == "held-out text, 5,678 bytes, objective masked"
    assert [part.strip() for part in lines[1].split("   ")[-2:]] == ["3.2000 (3.1000 to 3.3000)", numbers[0].account]
    assert "30.00" in lines[2] and lines[3] == "There are no bits per byte."


def test_candidates_are_printed_with_their_probabilities(capsys: pytest.CaptureFixture[str]) -> None:
    tables.filled(Filled("A cat.", (Gap(("cat", "\n"), (0.612, 0.05)),)))
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["A cat.", "gap 1", "  cat  ▮▮▮▮▮▮▮▮▮▮▮▮▯▯▯▯▯▯▯▯  61.2%", "  \\n   ▮▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯   5.0%"]


def test_spans_are_printed_by_gap_with_line_ends_that_were_not_there_made_visible(capsys) -> None:
    found = Filled("A black cat: a\nb.", (Gap(("black cat",)), Gap(("a\nb",)), Gap(("",)), Gap(("\x1b[2J",))))
    gaps = "gap 1  black cat\ngap 2  a\\nb\ngap 3  (nothing)\ngap 4  \\x1b[2J\n"
    tables.filled(found)
    assert capsys.readouterr().out == "A black cat: a\\nb.\n" + gaps
    tables.filled(found, one_line=False)
    assert capsys.readouterr().out == "A black cat: a\nb.\n" + gaps


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        (
            "causal",
            ["decoder reads, says, with weight", "<s> the ▁quick ▁brown ▁fox", " #....\n1 the    ##...", "weight   1"],
        ),
        ("masked", ["encoder reads, says, with weight", "<mask>", "every position sees all 6", "scored positions   1"]),
        ("span", ["encoder reads\n", "decoder reads, says, with weight", "<extra_id_0>", "</s>"]),
    ],
)
def test_an_objective_is_shown_as_plain_text(
    objective: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = answer(capsys, "show", "--objective", objective, "the quick brown fox")
    assert code == 0
    for word in words:
        assert word in out


def test_recipes_are_listed_by_what_their_line_has(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = answer(capsys, "recipes", "gpt2-m")
    assert code == 0 and out.split("\t")[:4] == ["gpt2-medium", "causal", "24 layers of 1024", "354,823,168"]
    assert answer(capsys, "recipes", "no such thing")[0] == 2


def test_a_seed_and_a_setting_change_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("show", "--objective", "masked", "one two three four five six seven eight nine ten")
    first = answer(capsys, *words)[1]
    assert answer(capsys, *words, "--seed", "0")[1] == first
    assert answer(capsys, *words, "--seed", "1")[1] != first
    assert "scored positions   5" in answer(capsys, *words, "objective.rate=0.5")[1]


def test_a_run_gives_its_tokenizer_and_objective(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    settings.save_recipe(recipes.named("bert"), tmp_path / "recipe.toml")
    content = train_tokenizer(["tell me more"] * 3, "wordpiece", 60, Requirements())
    (tmp_path / "tokenizer.json").write_text(content)
    always = ("objective.mask_share=1", "objective.random_share=0")
    _, out, _ = answer(capsys, "show", "--run", str(tmp_path), "tell me more", *always)
    assert "row: [CLS] tell me more [SEP]" in out
    assert "[MASK]" in out
    _, out, _ = answer(capsys, "show", "--run", str(tmp_path), "tell me more", "--objective", "span")
    assert "added to the tokenizer: <extra_id_0>" in out
    code, _, err = answer(capsys, "show", "--run", str(tmp_path), "--row", "0", "--epoch", "1")
    assert (code, "leave --row out" in err) == (2, True)


def test_on_a_terminal_every_colour_has_a_sign() -> None:
    shown = preview("the quick brown fox jumps over the lazy dog", build("masked", {"rate": 0.5}, EMPTY), None, 3)
    stream = io.StringIO()
    tables.picture(shown, Console(file=stream, force_terminal=True, width=200))
    kinds = {cell.kind for side in shown.sides for cell in side.cells}
    out = stream.getvalue()
    assert {"mask", "special"} <= kinds
    assert "\x1b[30;43m?<mask>" in out
    assert "? mask token" in re.sub(r"\x1b\[[0-9;]*m", "", out)
    assert out.count("=") - 1 == sum(
        cell.weight > 0 for side in shown.sides for cell in side.cells
    ) + shown.objective.count("=")


def test_a_text_that_is_empty_or_too_short_cannot_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "show", " ")[0] == 2
    assert answer(capsys, "show", "--row", "1")[0] == 2
    assert answer(capsys, "show", "--objective", "span", "x")[0] == 2


def test_check_tells_broken_laws_by_name(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cut.py").write_text(
        "from dataclasses import dataclass, replace\n"
        "from hornbook.objectives.masked import Masked\n"
        "@dataclass(frozen=True)\n"
        "class Cut(Masked):\n"
        "    def __call__(self, rows):\n"
        "        batch = super().__call__(rows)\n"
        "        return replace(batch, count=batch.count + 1)\n"
    )
    code, out, errors = answer(capsys, "check", "causal", "cut.py:Cut")
    assert (code, errors.count("training a ")) == (2, 3)
    assert out.startswith("✓ causal obeys all laws\n! cut.py:Cut\n    counts are exact: row 0 has the count ")
    assert len(out.splitlines()) == 3
    code, out, _ = answer(capsys, "check", "cut.py:Cut", "--json")
    (found,) = json.loads(out)
    assert (code, found["objective"], [one["law"] for one in found["broken"]]) == (
        2,
        "cut.py:Cut",
        ["counts are exact"],
    )
    assert answer(capsys, "check", "cut.py")[2] == (
        "hornbook: There is no run, checkpoint, corpus or model at cut.py: name its directory, or an objective such as "
        "masked or my.py:Mine.\n"
    )
    assert "Did you mean 'masked'" in answer(capsys, "check", "maskd")[2]


def test_check_finds_nothing_wrong_with_the_catalogue(capsys) -> None:
    code, out, _ = answer(capsys, "check")
    assert (code, out.splitlines()) == (0, [f"✓ {kind} obeys all laws" for kind in CATALOGUE])


def test_the_doctor_marks_what_can_be_fixed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = answer(capsys, "doctor")
    assert code == 0
    for name in ("Python", "PyTorch", "device", "cores", "bf16", "memory", "disk", "pyarrow", "numba", "transformers"):
        assert name in out
    assert out.count("fix it: ") == sum(line.startswith("!") for line in out.splitlines())


@pytest.mark.parametrize(
    "words",
    [
        "pretrain x.txt --out LONG", "pretrain LONG", "pretrain x.txt tokenizer.file=LONG", "pretrain --from LONG",
        "pretrain --resume LONG", "import LONG", "evaluate LONG", "export LONG", "corpus build LONG --out x",
        "corpus inspect LONG", "check LONG.py:X",
    ],
)  # fmt: skip
def test_a_name_that_no_file_system_takes_is_one_sentence(words, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.txt").write_text("one two three. " * 100)
    code, _, err = answer(capsys, *words.replace("LONG", "n" * 300).split())
    assert (code, err.count("\n")) == (2, 1), err
    assert err.startswith("hornbook: ")
